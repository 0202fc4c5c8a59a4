/* SPDX-License-Identifier: BSD-3-Clause */
/* The two lists of capabilities. Each place is visited once, so that a loop ends. */
#include "inventory.h"

#include <string.h>

struct seen {
	uint64_t word[16]; /* a bit for each four bytes of configuration space */
};

/* 0: it was visited before. */
static int visit(struct seen *s, uint32_t at)
{
	uint64_t bit = 1ull << at / 4 % 64;

	if (s->word[at / 256] & bit)
		return 0;
	s->word[at / 256] |= bit;
	return 1;
}

static void keep(struct vdev_inventory_device *d, const struct vdev__config *c,
		 const struct vdev_inventory_cap *cap)
{
	if (d->cap_count < VDEV_INVENTORY_MAX_CAPS)
		d->caps[d->cap_count++] = *cap;
	else
		d->flags |= VDEV_INVENTORY_MORE;
	vdev__inventory_feature(d, c, cap);
}

/* Few of the first list have a version: power management, AGP, PCI Express. */
static uint32_t version(const struct vdev__config *c, uint32_t id, uint32_t at)
{
	switch (id) {
	case 0x01:
		return vdev__config_get(c, at + 2, 1) & 7;
	case 0x02:
		return vdev__config_get(c, at + 2, 1);
	case 0x10:
		return vdev__config_get(c, at + 2, 1) & 15;
	default:
		return 0;
	}
}

static uint32_t pointer(const struct vdev_inventory_device *d)
{
	return d->header_type == 2 ? 0x14 : d->header_type < 2 ? 0x34 : UNKNOWN;
}

static void first_list(struct vdev_inventory_device *d, const struct vdev__config *c)
{
	struct seen seen = {{0}};
	uint32_t at;

	if (pointer(d) == UNKNOWN || !vdev__config_has(c, pointer(d), 1)) {
		d->flags |= VDEV_INVENTORY_NO_CAPS;
		return;
	}
	if (!(vdev__config_get(c, 6, 2) & 0x10))
		return; /* the status register: there is no list */
	at = vdev__config_get(c, pointer(d), 1) & 0xfc;
	while (at) {
		struct vdev_inventory_cap cap = {.offset = at};

		if (!vdev__config_has(c, at, 2)) {
			d->flags |= VDEV_INVENTORY_NO_CAPS;
			return;
		}
		cap.id = vdev__config_get(c, at, 1);
		if (at < 0x40 || cap.id == 0xff || !visit(&seen, at)) {
			d->flags |= VDEV_INVENTORY_BAD_CAPS;
			return;
		}
		cap.version = version(c, cap.id, at);
		keep(d, c, &cap);
		at = vdev__config_get(c, at + 1, 1) & 0xfc;
	}
}

static void extended_list(struct vdev_inventory_device *d, const struct vdev__config *c)
{
	struct seen seen = {{0}};
	uint32_t at = 0x100;

	while (at) {
		uint32_t head = vdev__config_get(c, at, 4);
		struct vdev_inventory_cap cap = {.id = head & 0xffff,
						 .version = head >> 16 & 15,
						 .offset = at,
						 .flags = VDEV_INVENTORY_EXTENDED};

		if (!vdev__config_has(c, at, 4)) {
			d->flags |= VDEV_INVENTORY_NO_EXT_CAPS;
			return;
		}
		if (at == 0x100 && (!head || head == UINT32_MAX))
			return; /* none */
		if (at < 0x100 || head == UINT32_MAX || !visit(&seen, at)) {
			d->flags |= VDEV_INVENTORY_BAD_CAPS;
			return;
		}
		/* Number 0 at 0x100: hidden, but the list goes on. */
		if (cap.id)
			keep(d, c, &cap);
		at = head >> 20 & 0xffc;
	}
}

/* What a list would have told is known to be absent once the list was read. */
static void absent(struct vdev_inventory_device *d)
{
	if (d->flags & (VDEV_INVENTORY_NO_CAPS | VDEV_INVENTORY_BAD_CAPS))
		return;
	if (d->msi_vectors == UNKNOWN)
		d->msi_vectors = 0;
	if (d->msix_vectors == UNKNOWN)
		d->msix_vectors = 0;
	if (d->flr == UNKNOWN)
		d->flr = 0;
	if (!(d->flags & (VDEV_INVENTORY_NO_EXT_CAPS | VDEV_INVENTORY_PF)))
		d->total_vfs = 0;
}

void vdev__inventory_caps(struct vdev_inventory_device *d, const struct vdev__config *c)
{
	first_list(d, c);
	if (d->flags & VDEV_INVENTORY_PCIE)
		extended_list(d, c);
	else if (d->flags & (VDEV_INVENTORY_NO_CAPS | VDEV_INVENTORY_BAD_CAPS))
		d->flags |= VDEV_INVENTORY_NO_EXT_CAPS;
	absent(d);
}
