/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl inventory: a table for people. What is not known is "-". */
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "inventory.h"

#define CELL 128

static void id(uint32_t vendor, uint32_t device, char text[CELL])
{
	if (vendor == VDEV_INVENTORY_UNKNOWN)
		snprintf(text, CELL, "-");
	else if (device == VDEV_INVENTORY_UNKNOWN)
		snprintf(text, CELL, "%04x:?", vendor);
	else
		snprintf(text, CELL, "%04x:%04x", vendor, device);
}

static void number(uint32_t n, char *text, size_t size)
{
	if (n == VDEV_INVENTORY_UNKNOWN)
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%u", n);
}

/* The domain of its PF, too, where that is not its own. */
static void vf(const struct vdev_inventory_device *d, char text[CELL])
{
	char domain[16] = "";

	if (d->pf_domain != d->domain)
		snprintf(domain, sizeof(domain), "%04x:", d->pf_domain);
	snprintf(text, CELL, "VF of %s%02x:%02x.%x", domain, d->pf_bus, d->pf_slot, d->pf_function);
}

static void sriov(const struct vdev_inventory_device *d, char text[CELL])
{
	char now[CELL / 4], most[CELL / 4];

	number(d->num_vfs, now, sizeof(now));
	number(d->total_vfs, most, sizeof(most));
	if (d->flags & VDEV_INVENTORY_PF)
		snprintf(text, CELL, "PF, %s of %s", now, most);
	else if ((d->flags & VDEV_INVENTORY_VF) && d->pf_domain != VDEV_INVENTORY_UNKNOWN)
		vf(d, text);
	else if (d->flags & VDEV_INVENTORY_VF)
		snprintf(text, CELL, "VF");
	else
		snprintf(text, CELL, d->total_vfs == 0 ? "no" : "-");
}

static const char *migration(const struct vdev_inventory_device *d)
{
	if (d->vfio_flags == VDEV_INVENTORY_UNKNOWN)
		return "-";
	if (!(d->vfio_flags & 1))
		return "no";
	return d->vfio_flags & 4 ? "pre-copy" : "stop-copy";
}

/* The version of the firmware as devlink says it, else as VPD does. */
static const char *firmware(const struct vdev_inventory_device *d)
{
	for (uint32_t i = 0; i < d->version_count; i++)
		if (strncmp(d->versions[i].name, "fw", 2) == 0)
			return d->versions[i].value;
	return d->vpd_firmware[0] ? d->vpd_firmware : "-";
}

static int line(struct libscols_table *tb, const struct vdev_inventory_device *d)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);
	char address[ADDRESS_SIZE], text[7][CELL], room[16];
	int err = line ? 0 : -ENOMEM;

	inventory_address(d, address);
	id(d->vendor, d->device, text[1]);
	id(d->subsystem_vendor, d->subsystem_device, text[2]);
	number(d->numa_node, text[3], CELL);
	number(d->iommu_group, text[4], CELL);
	number(d->msix_vectors, text[5], CELL);
	sriov(d, text[6]);
	if (d->flags & VDEV_INVENTORY_DEAD)
		snprintf(text[6], CELL, "reads all ones");
	{
		const char *const cells[] = {address,
					     inventory_class(d->class_code, room),
					     text[1],
					     text[2],
					     text[3],
					     text[4],
					     text[5],
					     text[6],
					     d->driver[0]    ? d->driver
					     : d->bound == 0 ? "none"
							     : "-",
					     migration(d),
					     firmware(d)};

		for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]) && !err; i++)
			err = table_cell(line, i, cells[i]);
	}
	return err;
}

int inventory_table(const struct inventory *v)
{
	static const char *const columns[] = {"ADDRESS", "KIND",      "ID",       "SUBSYSTEM",
					      "-NODE",   "-GROUP",    "-MSI-X",   "SR-IOV",
					      "DRIVER",  "MIGRATION", "FIRMWARE", NULL};
	struct libscols_table *tb = table_new(columns);
	int err = tb ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < v->count && !err; i++)
		err = line(tb, &v->devices[i]);
	return tb ? table_print(tb, err) : err;
}
