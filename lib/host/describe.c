/* SPDX-License-Identifier: BSD-3-Clause */
/* A device as the migration engine takes it. */
/* ANALYZER: every field of a device may be known or not: each doubles the paths; nothing is allocated here */
#include "inventory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BIT(field) (1ull << (field))

struct number {
	uint32_t field, from; /* VDEV_MIGRATION_F_...; offset in the inventory's device */
	uint32_t to; /* offset in the descriptor */
};

#define NUMBER(field, from, to)                                                         \
	{                                                                               \
		VDEV_MIGRATION_F_##field, offsetof(struct vdev_inventory_device, from), \
			offsetof(struct vdev_migration_device, to)                      \
	}

static const struct number numbers[] = {
	NUMBER(CLASS, class_code, class_code),
	NUMBER(VENDOR, vendor, vendor),
	NUMBER(DEVICE, device, device),
	NUMBER(SUBSYSTEM_VENDOR, subsystem_vendor, subsystem_vendor),
	NUMBER(SUBSYSTEM_DEVICE, subsystem_device, subsystem_device),
	NUMBER(REVISION, revision, revision),
	NUMBER(HEADER_TYPE, header_type, header_type),
	NUMBER(DMA_LOGGING, dma_logging, dma_logging),
	NUMBER(SRIOV_TOTAL, total_vfs, sriov_total),
	NUMBER(SRIOV_VFS, num_vfs, sriov_vfs),
	NUMBER(SRIOV_OFFSET, vf_offset, sriov_offset),
	NUMBER(SRIOV_STRIDE, vf_stride, sriov_stride),
	NUMBER(SRIOV_DEVICE, vf_device, sriov_device),
	NUMBER(MSIX_SIZE, msix_vectors, msix_size),
	NUMBER(MSI_VECTORS, msi_vectors, msi_vectors),
	NUMBER(SLOT_CAPS, port_slot_caps, slot_caps),
	NUMBER(PCIE_TYPE, pcie_type, pcie_type),
	NUMBER(LINK_SPEED, link_speed, link_speed),
	NUMBER(LINK_WIDTH, link_width, link_width),
};

static void take_numbers(const struct vdev_inventory_device *d, struct vdev_migration_device *m)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t n;

		memcpy(&n, (const char *)d + numbers[i].from, sizeof(n));
		if (n == UNKNOWN)
			continue;
		memcpy((char *)m + numbers[i].to, &n, sizeof(n));
		m->known |= BIT(numbers[i].field);
	}
}

/* FNV-1a, 64 bits: www.isthe.com/chongo/tech/comp/fnv */
static uint64_t hash(const char *text, size_t size)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Texts that were cut would be equal where they only begin so: of a long one its hash takes the place of the rest. */
static void text(struct vdev_migration_device *m, uint32_t field, char *to, const char *from,
		 size_t room)
{
	size_t size = strnlen(from, room);

	if (!size)
		return;
	if (size < VDEV_MIGRATION_TEXT)
		snprintf(to, VDEV_MIGRATION_TEXT, "%.*s", (int)size, from);
	else
		snprintf(to, VDEV_MIGRATION_TEXT, "%.30s~%016llx", from,
			 (unsigned long long)hash(from, size));
	m->known |= BIT(field);
}

static void versions(const struct vdev_inventory_device *d, struct vdev_migration_device *m)
{
	for (uint32_t i = 0; i < d->version_count && i < VDEV_INVENTORY_MAX_VERSIONS; i++) {
		const struct vdev_inventory_version *v = &d->versions[i];

		if (strcmp(v->name, "fw") == 0 || strcmp(v->name, "fw.version") == 0)
			text(m, VDEV_MIGRATION_F_FIRMWARE, m->firmware, v->value, sizeof(v->value));
		else if (strcmp(v->name, "fw.bundle_id") == 0 && !m->firmware[0])
			text(m, VDEV_MIGRATION_F_FIRMWARE, m->firmware, v->value, sizeof(v->value));
		else if (strcmp(v->name, "fw.mgmt") == 0)
			text(m, VDEV_MIGRATION_F_FIRMWARE_MGMT, m->firmware_mgmt, v->value,
			     sizeof(v->value));
		else if (strcmp(v->name, "fw.app") == 0)
			text(m, VDEV_MIGRATION_F_FIRMWARE_APP, m->firmware_app, v->value,
			     sizeof(v->value));
		else if (strcmp(v->name, "fw.psid") == 0)
			text(m, VDEV_MIGRATION_F_PSID, m->psid, v->value, sizeof(v->value));
		else if (strcmp(v->name, "board.id") == 0)
			text(m, VDEV_MIGRATION_F_BOARD, m->board, v->value, sizeof(v->value));
	}
}

static void bars(const struct vdev_inventory_device *d, struct vdev_migration_device *m)
{
	int all = 1;

	for (uint32_t i = 0; i < 6; i++) {
		m->bar_kinds |=
			((d->bars[i].flags & VDEV_INVENTORY_MEMORY ? VDEV_MIGRATION_BAR_MEM : 0) |
			 (d->bars[i].flags & VDEV_INVENTORY_IO ? VDEV_MIGRATION_BAR_IO : 0) |
			 (d->bars[i].flags & VDEV_INVENTORY_64BIT ? VDEV_MIGRATION_BAR_64 : 0) |
			 (d->bars[i].flags & VDEV_INVENTORY_PREFETCH ? VDEV_MIGRATION_BAR_PREFETCH
								     : 0))
			<< 4 * i;
		if (d->bars[i].size == VDEV_NONE) {
			all = all && d->bars[i].flags;
			continue;
		}
		m->bar[i] = d->bars[i].size;
		m->known |= BIT(VDEV_MIGRATION_F_BAR0 + i);
	}
	/* A register that reads 0 may be one that nobody has set up. */
	if (all)
		m->known |= BIT(VDEV_MIGRATION_F_BAR_KINDS);
	else
		m->bar_kinds = 0;
	if (d->bars[6].size != VDEV_NONE) {
		m->rom = d->bars[6].size;
		m->known |= BIT(VDEV_MIGRATION_F_ROM);
	}
}

static void capabilities(const struct vdev_inventory_device *d, struct vdev_migration_device *m)
{
	if ((d->flags & (VDEV_INVENTORY_NO_CAPS | VDEV_INVENTORY_NO_EXT_CAPS |
			 VDEV_INVENTORY_BAD_CAPS | VDEV_INVENTORY_MORE)) ||
	    d->cap_count > VDEV_MIGRATION_CAPS)
		return;
	for (uint32_t i = 0; i < d->cap_count; i++) {
		m->caps[i].id = (uint16_t)d->caps[i].id;
		m->caps[i].offset = (uint16_t)d->caps[i].offset;
		m->caps[i].version = (uint8_t)d->caps[i].version;
		m->caps[i].extended = d->caps[i].flags & VDEV_INVENTORY_EXTENDED ? 1 : 0;
		if (!m->caps[i].extended)
			m->caps[i].version = 0;
	}
	m->cap_count = d->cap_count;
	m->known |= BIT(VDEV_MIGRATION_F_CAPS);
}

/* Only who asked VFIO knows whether somebody has it open. */
static uint32_t use_by_vfio(const struct vdev_inventory_device *d)
{
	if (d->vfio_open == UNKNOWN)
		return VDEV_MIGRATION_USE_UNKNOWN;
	return d->vfio_open ? VDEV_MIGRATION_USED : VDEV_MIGRATION_FREE;
}

static void place(const struct vdev_inventory_device *d, struct vdev_migration_device *m)
{
	m->address = VDEV_MIGRATION_ADDRESS(d->domain, d->bus, d->slot, d->function);
	m->pf = VDEV_NONE;
	if ((d->flags & VDEV_INVENTORY_VF) && d->pf_domain != UNKNOWN)
		m->pf = VDEV_MIGRATION_ADDRESS(d->pf_domain, d->pf_bus, d->pf_slot, d->pf_function);
	m->iommu_group = d->iommu_group;
	m->node = d->numa_node;
	if (d->header_type == 1 || d->header_type == 2)
		m->use = VDEV_MIGRATION_BRIDGE;
	else if (d->bound == UNKNOWN)
		m->use = VDEV_MIGRATION_USE_UNKNOWN;
	else if (d->bound == 0)
		m->use = VDEV_MIGRATION_FREE;
	else
		m->use = strstr(d->driver, "vfio") ? use_by_vfio(d) : VDEV_MIGRATION_USED;
}

/* Whether a function is part of SR-IOV is known when the list that says so was read. */
static void relation(const struct vdev_inventory_device *d, struct vdev_migration_device *m)
{
	m->relation = d->flags & VDEV_INVENTORY_VF   ? VDEV_MIGRATION_VF
		      : d->flags & VDEV_INVENTORY_PF ? VDEV_MIGRATION_PF
						     : VDEV_MIGRATION_PLAIN;
	if (m->relation != VDEV_MIGRATION_PLAIN || d->total_vfs == 0)
		m->known |= BIT(VDEV_MIGRATION_F_RELATION);
}

static void abilities(const struct vdev_inventory_device *d, struct vdev_migration_device *m)
{
	if (d->vfio_flags != UNKNOWN) {
		m->stop_copy = d->vfio_flags & 1;
		m->p2p = d->vfio_flags >> 1 & 1;
		m->pre_copy = d->vfio_flags >> 2 & 1;
		m->known |= BIT(VDEV_MIGRATION_F_STOP_COPY) | BIT(VDEV_MIGRATION_F_P2P) |
			    BIT(VDEV_MIGRATION_F_PRE_COPY);
	}
	if (d->power_state <= 3) {
		m->power_state = d->power_state;
		m->known |= BIT(VDEV_MIGRATION_F_POWER_STATE);
	}
	/* An older kernel says that there is a way, not which. */
	if (d->reset != UNKNOWN && !(d->reset & VDEV_INVENTORY_RESET_SOME)) {
		m->reset = d->reset & (VDEV_MIGRATION_RESET_FLR | VDEV_MIGRATION_RESET_AF_FLR |
				       VDEV_MIGRATION_RESET_PM | VDEV_MIGRATION_RESET_BUS);
		if (d->reset & (VDEV_INVENTORY_RESET_DEVICE | VDEV_INVENTORY_RESET_ACPI |
				VDEV_INVENTORY_RESET_CXL))
			m->reset |= VDEV_MIGRATION_RESET_DEVICE;
		m->known |= BIT(VDEV_MIGRATION_F_RESET);
	}
	if (d->serial != VDEV_NONE) {
		m->device_serial = d->serial;
		m->known |= BIT(VDEV_MIGRATION_F_DEVICE_SERIAL);
	}
}

int vdev_inventory_describe(const struct vdev_inventory_device *device, size_t device_size,
			    struct vdev_migration_device *ret_descriptor, size_t size)
{
	struct vdev_migration_device m = {0};

	if (!device || device_size != sizeof(*device) || !ret_descriptor || !size)
		return -EINVAL;
	if (device->cap_count > VDEV_INVENTORY_MAX_CAPS ||
	    device->version_count > VDEV_INVENTORY_MAX_VERSIONS)
		return -EINVAL;
	place(device, &m);
	take_numbers(device, &m);
	relation(device, &m);
	abilities(device, &m);
	bars(device, &m);
	versions(device, &m);
	text(&m, VDEV_MIGRATION_F_DRIVER, m.driver, device->driver, sizeof(device->driver));
	text(&m, VDEV_MIGRATION_F_DRIVER_VERSION, m.driver_version, device->driver_version,
	     sizeof(device->driver_version));
	text(&m, VDEV_MIGRATION_F_SERIAL, m.serial, device->vpd_serial, sizeof(device->vpd_serial));
	text(&m, VDEV_MIGRATION_F_PART, m.part, device->vpd_part, sizeof(device->vpd_part));
	text(&m, VDEV_MIGRATION_F_VPD_FIRMWARE, m.vpd_firmware, device->vpd_firmware,
	     sizeof(device->vpd_firmware));
	capabilities(device, &m);
	return vdev__copy_out(ret_descriptor, size, &m, sizeof(m));
}
