/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl inventory: the object, and members of a device in JSON. docs/schema/inventory-1.json has the same. */
#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventory.h"

#define AT(member) offsetof(struct vdev_inventory_device, member)
#define NUMBER(name, member, most)                            \
	{                                                     \
		name, FIELD_NUMBER, AT(member), most, 0, NULL \
	}
#define HEX(name, member, most, digits)                         \
	{                                                       \
		name, FIELD_HEX, AT(member), most, digits, NULL \
	}
#define BOOL(name, member)                               \
	{                                                \
		name, FIELD_BOOL, AT(member), 1, 0, NULL \
	}
#define NAMES(name, member, most, names)                      \
	{                                                     \
		name, FIELD_NAMES, AT(member), most, 0, names \
	}

const char *const inventory_flags[] = {"pf",      "vf",          "pcie",     "from_pf", "dead",
				       "no_caps", "no_ext_caps", "bad_caps", "more",    NULL};
const char *const inventory_bar_flags[] = {"io", "memory", "64bit", "prefetch", NULL};
const char *const inventory_power[] = {"D0", "D1", "D2", "D3hot", "D3cold", NULL};
static const char *const resets[] = {"flr",  "af_flr",  "pm",   "bus", "device_specific",
				     "acpi", "cxl_bus", "some", NULL};
static const char *const migration[] = {"stop_copy", "p2p", "pre_copy", NULL};

const struct field inventory_fields[] = {
	NAMES("flags", flags, 0x1ff, inventory_flags),
	HEX("vendor", vendor, 0xffff, 4),
	HEX("device", device, 0xffff, 4),
	HEX("subsystem_vendor", subsystem_vendor, 0xffff, 4),
	HEX("subsystem_device", subsystem_device, 0xffff, 4),
	HEX("class", class_code, 0xffffff, 6),
	HEX("revision", revision, 0xff, 2),
	NUMBER("header_type", header_type, 127),
	NUMBER("config_bytes", config_bytes, 4096),
	NUMBER("pcie_type", pcie_type, 15),
	NUMBER("link_speed", link_speed, 15),
	NUMBER("link_width", link_width, 63),
	BOOL("flr", flr),
	NAMES("reset", reset, 0xff, resets),
	{"power_state", FIELD_POWER, AT(power_state), 4, 0, NULL},
	NUMBER("msi_vectors", msi_vectors, 128),
	NUMBER("msix_vectors", msix_vectors, 2048),
	NUMBER("iommu_group", iommu_group, UINT32_MAX - 1),
	NUMBER("numa_node", numa_node, MOST_NODES - 1),
	BOOL("bound", bound),
	BOOL("vfio_open", vfio_open),
	NAMES("vfio_migration", vfio_flags, 0xffff, migration),
	BOOL("dma_logging", dma_logging),
	NUMBER("secondary_bus", secondary_bus, 255),
	HEX("slot_caps", slot_caps, UINT32_MAX - 1, 8),
	HEX("slot_control", slot_control, 0xffff, 4),
	HEX("slot_status", slot_status, 0xffff, 4),
	HEX("port_slot_caps", port_slot_caps, UINT32_MAX - 1, 8),
	NUMBER("total_vfs", total_vfs, 0xffff),
	NUMBER("initial_vfs", initial_vfs, 0xffff),
	NUMBER("num_vfs", num_vfs, 0xffff),
	NUMBER("vf_offset", vf_offset, 0xffff),
	NUMBER("vf_stride", vf_stride, 0xffff),
	HEX("vf_device", vf_device, 0xffff, 4),
	NUMBER("vf_index", vf_index, 0xffff),
};
const uint32_t inventory_field_count = sizeof(inventory_fields) / sizeof(inventory_fields[0]);

const struct text_field inventory_texts[] = {
	{"driver", AT(driver), VDEV_INVENTORY_NAME},
	{"driver_version", AT(driver_version), VDEV_INVENTORY_NAME},
	{"vpd_serial", AT(vpd_serial), VDEV_INVENTORY_NAME},
	{"vpd_part", AT(vpd_part), VDEV_INVENTORY_NAME},
	{"vpd_firmware", AT(vpd_firmware), VDEV_INVENTORY_VERSION},
};
const uint32_t inventory_text_count = sizeof(inventory_texts) / sizeof(inventory_texts[0]);

uint32_t field_get(const struct field *f, const struct vdev_inventory_device *d)
{
	uint32_t value;

	memcpy(&value, (const char *)d + f->offset, sizeof(value));
	return value;
}

void field_set(const struct field *f, struct vdev_inventory_device *d, uint32_t value)
{
	memcpy((char *)d + f->offset, &value, sizeof(value));
}

void inventory_address(const struct vdev_inventory_device *d, char ret_text[ADDRESS_SIZE])
{
	snprintf(ret_text, ADDRESS_SIZE, "%04x:%02x:%02x.%x", d->domain, d->bus & 0xff,
		 d->slot & 31, d->function & 7);
}

void inventory_free(struct inventory *v)
{
	free(v->devices);
	free(v->distances);
	json_object_put(v->tree);
}
