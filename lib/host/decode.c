/* SPDX-License-Identifier: BSD-3-Clause */
/* A device's facts out of its configuration space. Nothing is believed: what is read may be anything. */
#include "inventory.h"

#include <string.h>

uint32_t vdev__config_get(const struct vdev__config *c, uint32_t at, uint32_t size)
{
	uint32_t n = 0;

	if (!vdev__config_has(c, at, size))
		return UINT32_MAX >> (32 - 8 * size);
	for (uint32_t i = 0; i < size; i++)
		n |= (uint32_t)c->bytes[at + i] << 8 * i;
	return n;
}

/* All that is between `flags` and `cap_count`, so that a new number cannot be forgotten here. */
void vdev__inventory_unknown(struct vdev_inventory_device *d)
{
	memset(d, 0, sizeof(*d));
	memset(&d->vendor, 0xff,
	       offsetof(struct vdev_inventory_device, cap_count) -
		       offsetof(struct vdev_inventory_device, vendor));
	d->serial = VDEV_NONE;
	for (uint32_t i = 0; i < 7; i++)
		d->bars[i].size = VDEV_NONE;
	for (uint32_t i = 0; i < 6; i++)
		d->vf_bars[i].size = VDEV_NONE;
}

static void take(uint32_t *field, const struct vdev__config *c, uint32_t at, uint32_t size)
{
	if (vdev__config_has(c, at, size))
		*field = vdev__config_get(c, at, size);
}

/* What kind of BAR each is; how large, only the kernel knows: that takes writing to it. */
static void bar_kinds(struct vdev_inventory_device *d, const struct vdev__config *c)
{
	uint32_t count = d->header_type == 0 ? 6 : d->header_type == 1 ? 2 : 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = 0x10 + 4 * i, low = vdev__config_get(c, at, 4);

		if (d->bars[i].flags || d->bars[i].size == 0 || !vdev__config_has(c, at, 4) ||
		    !low || low == UINT32_MAX)
			continue;
		if (low & 1) {
			d->bars[i].flags = VDEV_INVENTORY_IO;
			continue;
		}
		d->bars[i].flags = VDEV_INVENTORY_MEMORY | (low & 8 ? VDEV_INVENTORY_PREFETCH : 0);
		if ((low & 6) != 4)
			continue;
		d->bars[i].flags |= VDEV_INVENTORY_64BIT;
		if (++i < count) {
			d->bars[i].flags = 0;
			d->bars[i].size = 0; /* the upper half of the one before */
		}
	}
}

static void subsystem(struct vdev_inventory_device *d, const struct vdev__config *c)
{
	uint32_t at = d->header_type == 0 ? 0x2c : d->header_type == 2 ? 0x40 : 0;

	if (at && d->subsystem_vendor == UNKNOWN) {
		take(&d->subsystem_vendor, c, at, 2);
		take(&d->subsystem_device, c, at + 2, 2);
	}
}

static int all_ones(const struct vdev__config *c)
{
	uint32_t i = 0;

	while (i < c->size && i < 64 && c->bytes[i] == 0xff)
		i++;
	return c->size >= 64 && i == 64;
}

void vdev__inventory_decode(struct vdev_inventory_device *d, const struct vdev__config *c)
{
	d->config_bytes = c->size;
	if (all_ones(c)) {
		d->flags |=
			VDEV_INVENTORY_DEAD | VDEV_INVENTORY_NO_CAPS | VDEV_INVENTORY_NO_EXT_CAPS;
		return;
	}
	/* 0xffff is no vendor: a VF, whose PF says it. */
	if (vdev__config_get(c, 0, 2) != 0xffff) {
		take(&d->vendor, c, 0, 2);
		take(&d->device, c, 2, 2);
	}
	if (d->revision == UNKNOWN)
		take(&d->revision, c, 8, 1);
	if (d->class_code == UNKNOWN && vdev__config_has(c, 9, 3))
		d->class_code = vdev__config_get(c, 9, 1) | vdev__config_get(c, 10, 2) << 8;
	if (vdev__config_has(c, 0xe, 1))
		d->header_type = vdev__config_get(c, 0xe, 1) & 0x7f;
	if (d->header_type == 1 || d->header_type == 2)
		take(&d->secondary_bus, c, 0x19, 1);
	bar_kinds(d, c);
	subsystem(d, c);
	vdev__inventory_caps(d, c);
}
