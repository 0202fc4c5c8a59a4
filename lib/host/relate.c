/* SPDX-License-Identifier: BSD-3-Clause */
/* What one device says about another: a PF about its VFs, a port about what is below it. */
#include "inventory.h"

#include <string.h>

static uint64_t key(const struct vdev_inventory_device *d)
{
	return (uint64_t)d->domain << 16 | d->bus << 8 | d->slot << 3 | d->function;
}

struct vdev_inventory_device *vdev__inventory_find(const struct vdev_inventory *v, uint32_t domain,
						   uint32_t address)
{
	uint64_t wanted = (uint64_t)domain << 16 | address;
	uint32_t low = 0, high = v->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (key(&v->devices[middle]) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low < v->count && key(&v->devices[low]) == wanted ? &v->devices[low] : NULL;
}

/* The VF's own registers for these read as ones or zeroes. */
static void from_pf(struct vdev_inventory_device *vf, const struct vdev_inventory_device *pf)
{
	if (vf->vendor == UNKNOWN && pf->vendor != UNKNOWN) {
		vf->vendor = pf->vendor;
		vf->device = pf->vf_device;
		vf->flags |= VDEV_INVENTORY_FROM_PF;
	}
	for (uint32_t i = 0; i < 6; i++)
		if (vf->bars[i].size == VDEV_NONE && pf->vf_bars[i].size != VDEV_NONE)
			vf->bars[i] = pf->vf_bars[i];
	if (!vf->version_count) {
		vf->version_count = pf->version_count;
		memcpy(vf->versions, pf->versions, sizeof(vf->versions));
	}
}

static void adopt(struct vdev_inventory_device *vf, const struct vdev_inventory_device *pf,
		  uint32_t index)
{
	vf->flags |= VDEV_INVENTORY_VF;
	vf->vf_index = index;
	vf->pf_domain = pf->domain;
	vf->pf_bus = pf->bus;
	vf->pf_slot = pf->slot;
	vf->pf_function = pf->function;
	from_pf(vf, pf);
}

/* VF n is at the PF's address + offset + n * stride (SR-IOV 1.1, section 2.1.2). */
static void virtual_functions(struct vdev_inventory *v, const struct vdev_inventory_device *pf)
{
	uint32_t at = (uint32_t)(key(pf) & 0xffff) + pf->vf_offset;

	if (pf->vf_offset == UNKNOWN || pf->num_vfs == UNKNOWN || pf->vf_stride == UNKNOWN)
		return;
	for (uint32_t i = 0; i < pf->num_vfs && at <= 0xffff; i++, at += pf->vf_stride) {
		struct vdev_inventory_device *vf = vdev__inventory_find(v, pf->domain, at);

		if (vf && vf != pf && !(vf->flags & (VDEV_INVENTORY_PF | VDEV_INVENTORY_VF)))
			adopt(vf, pf, i);
	}
}

/* One of which only the kernel's link says that it is one. */
static void linked(struct vdev_inventory *v, struct vdev_inventory_device *d)
{
	const struct vdev_inventory_device *pf;
	uint32_t index = UNKNOWN;

	if (d->pf_domain == UNKNOWN || (d->flags & VDEV_INVENTORY_VF))
		return;
	d->flags |= VDEV_INVENTORY_VF;
	pf = vdev__inventory_find(v, d->pf_domain,
				  d->pf_bus << 8 | d->pf_slot << 3 | d->pf_function);
	if (pf && pf != d)
		adopt(d, pf, index);
}

static void below(struct vdev_inventory *v, const struct vdev_inventory_device *port)
{
	for (uint32_t address = port->secondary_bus << 8, i = 0; i < 256; i++) {
		struct vdev_inventory_device *d =
			vdev__inventory_find(v, port->domain, address + i);

		if (d && d != port)
			d->port_slot_caps = port->slot_caps;
	}
}

void vdev__inventory_relate(struct vdev_inventory *v)
{
	for (uint32_t i = 0; i < v->count; i++) {
		struct vdev_inventory_device *d = &v->devices[i];

		if (d->flags & VDEV_INVENTORY_PF)
			virtual_functions(v, d);
		if (d->slot_caps != UNKNOWN && d->secondary_bus && d->secondary_bus < 256)
			below(v, d);
	}
	for (uint32_t i = 0; i < v->count; i++)
		linked(v, &v->devices[i]);
}
