/* SPDX-License-Identifier: BSD-3-Clause */
/* sysfs, live or captured: libpci lists the devices and reads configuration space and VPD; the kernel's files say the rest. */
#include <pci/pci.h>

#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <vdev/inventory.h>

#define DEVICES "bus/pci/devices"
#define MOST_ANSWER (16u << 20)

struct job {
	const struct tree *tree;
	struct devlink devlink;
	bool ask_vfio;
	char address[32]; /* of the device at hand */
};

static uint32_t id(const struct job *j, const char *name, uint32_t most)
{
	return tree_number(j->tree, most, WIRE_UNKNOWN, DEVICES "/%s/%s", j->address, name);
}

static void identity(const struct job *j, struct wire_device *d)
{
	d->vendor = id(j, "vendor", 0xffff);
	d->device = id(j, "device", 0xffff);
	d->subsystem_vendor = id(j, "subsystem_vendor", 0xffff);
	d->subsystem_device = id(j, "subsystem_device", 0xffff);
	d->class_code = id(j, "class", 0xffffff);
	d->revision = id(j, "revision", 0xff);
	d->numa_node = id(j, "numa_node", 1023);
}

static void links(const struct job *j, struct wire_device *d)
{
	char name[WIRE_NAME], version[WIRE_NAME];
	const struct tree *t = j->tree;
	char *end;

	if (!tree_link(t, name, sizeof(name), DEVICES "/%s/iommu_group", j->address)) {
		d->iommu_group = (uint32_t)strtoul(name, &end, 10);
		if (*end || strlen(name) > 9)
			send_error(EBADMSG, "%s/" DEVICES "/%s/iommu_group: no number", t->root,
				   j->address);
	}
	if (!tree_link(t, name, sizeof(name), DEVICES "/%s/physfn", j->address) &&
	    !address_parse(name, &d->pf_domain, &d->pf_address))
		send_error(EBADMSG, "%s/" DEVICES "/%s/physfn: no address", t->root, j->address);
	d->bound = !tree_link(t, d->driver, sizeof(d->driver), DEVICES "/%s/driver", j->address);
	if (!d->bound)
		return;
	if (!tree_text(t, version, sizeof(version), "bus/pci/drivers/%s/module/version", d->driver))
		clean_text(d->driver_version, sizeof(d->driver_version), version, sizeof(version));
}

static void texts(const struct job *j, struct wire_device *d)
{
	const struct tree *t = j->tree;
	char text[4096];

	if (!tree_text(t, text, sizeof(text), DEVICES "/%s/resource", j->address)) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "\n"); /* there is room: it was cut off */
		if (!resource_parse(text, d))
			send_error(EBADMSG,
				   "%s/" DEVICES "/%s/resource: not lines of start, end and flags",
				   t->root, j->address);
	}
	if (!tree_text(t, text, sizeof(text), DEVICES "/%s/power_state", j->address))
		d->power_state = power_parse(text);
	if (!tree_text(t, text, sizeof(text), DEVICES "/%s/reset_method", j->address))
		d->reset = reset_parse(text);
	else
		d->reset = tree_plain(t, DEVICES "/%s/reset", j->address)
				   ? VDEV_INVENTORY_RESET_SOME
				   : 0;
}

static void migration_flags(const struct job *j, struct wire_device *d)
{
	uint8_t answer[VFIO_ANSWER + 1];
	int n = 0;

	if (!j->tree->live)
		n = tree_bytes(j->tree, answer, sizeof(answer), "vdev-capture/vfio/%s", j->address);
	else if (j->ask_vfio && d->iommu_group != WIRE_UNKNOWN && strstr(d->driver, "vfio"))
		n = (int)vfio_ask(j->address, d->iommu_group, answer);
	if (n > 0 && !vfio_parse(answer, (uint32_t)n, d))
		send_error(EBADMSG, "%s/vdev-capture/vfio/%s: no answer of VFIO", j->tree->root,
			   j->address);
}

static void one(struct job *j, struct pci_dev *p)
{
	static uint8_t config[WIRE_CONFIG], vpd[WIRE_VPD];
	struct wire_device d;

	device_unknown(&d);
	d.domain = (uint32_t)p->domain;
	d.address = (uint32_t)(p->bus << 8 | (p->dev & 31) << 3 | (p->func & 7));
	address_text(d.domain, d.address, j->address);
	identity(j, &d);
	links(j, &d);
	texts(j, &d);
	migration_flags(j, &d);
	devlink_give(&j->devlink, &d);
	if (tree_plain(j->tree, DEVICES "/%s/config", j->address))
		d.config_size = access_config(p, config);
	if (tree_plain(j->tree, DEVICES "/%s/vpd", j->address))
		d.vpd_size = access_vpd(p, vpd);
	send_device(&d, config, vpd);
}

/* libpci ends the process at a name that it cannot read, and takes part of some for an address: names are checked first. */
void tree_check_names(const struct tree *t)
{
	uint32_t domain, address, count = 0;
	char path[READER_PATH + 32];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/" DEVICES, t->root);
	dir = opendir(path);
	if (!dir)
		send_error(errno, "%s: %s%s", path, strerror(errno),
			   t->live ? ""
				   : ", expected a tree that vdevctl inventory --capture made");
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (!address_parse(e->d_name, &domain, &address) || domain > INT32_MAX)
			send_error(EBADMSG, "%s/%.64s: not the address of a device", path,
				   e->d_name);
		if (++count > READER_DEVICES)
			send_error(ENOSPC, "%s: more than %u devices", path, READER_DEVICES);
	}
	closedir(dir);
}

static void host(const struct tree *t)
{
	char text[WIRE_NAME] = "";
	struct utsname names;

	if (t->live) {
		if (!uname(&names))
			snprintf(text, sizeof(text), "%.63s", names.release);
	} else {
		tree_text(t, text, sizeof(text), "vdev-capture/kernel");
	}
	send_host(text);
}

static void devlink_read(struct job *j)
{
	const struct tree *t = j->tree;
	void *answer = NULL;
	size_t size = 0;
	int n;

	if (t->live) {
		answer = netlink_devlink(&size);
	} else {
		answer = malloc(MOST_ANSWER);
		n = answer ? tree_bytes(t, answer, MOST_ANSWER, "vdev-capture/devlink") : -ENOMEM;
		size = n > 0 ? (size_t)n : 0;
	}
	if (!devlink_parse(&j->devlink, answer, size))
		send_error(EBADMSG, "%s%s: no answer of devlink", t->live ? "devlink" : t->root,
			   t->live ? "" : "/vdev-capture/devlink");
	free(answer);
}

void read_tree(const struct tree *t, bool ask_vfio)
{
	struct job j = {.tree = t, .ask_vfio = ask_vfio};
	char path[READER_PATH + 16];
	struct pci_access *a;
	uint32_t count = 0;

	tree_check_names(t);
	host(t);
	devlink_read(&j);
	snprintf(path, sizeof(path), "%s/bus/pci", t->root);
	a = access_open(PCI_ACCESS_SYS_BUS_PCI, "sysfs.path", path, path);
	pci_scan_bus(a);
	for (struct pci_dev *p = a->devices; p; p = p->next, count++)
		one(&j, p);
	send_end(count);
	pci_cleanup(a);
	devlink_free(&j.devlink);
}
