/* SPDX-License-Identifier: BSD-3-Clause */
/* What single capabilities tell. Offsets as in the PCI Express Base Specification, chapter 7. */
#include "inventory.h"

static uint32_t get(const struct vdev__config *c, const struct vdev_inventory_cap *cap, uint32_t at,
		    uint32_t size)
{
	return vdev__config_get(c, cap->offset + at, size);
}

/* A field that lies beyond what was read stays not known. */
static void take(uint32_t *field, const struct vdev__config *c,
		 const struct vdev_inventory_cap *cap, uint32_t at, uint32_t size)
{
	if (vdev__config_has(c, cap->offset + at, size))
		*field = get(c, cap, at, size);
}

static void power(struct vdev_inventory_device *d, const struct vdev__config *c,
		  const struct vdev_inventory_cap *cap)
{
	if (d->power_state == UNKNOWN && vdev__config_has(c, cap->offset + 4, 2))
		d->power_state = get(c, cap, 4, 2) & 3;
}

static void express(struct vdev_inventory_device *d, const struct vdev__config *c,
		    const struct vdev_inventory_cap *cap)
{
	uint32_t flags = get(c, cap, 2, 2);

	d->flags |= VDEV_INVENTORY_PCIE;
	if (!vdev__config_has(c, cap->offset + 2, 2))
		return;
	d->pcie_type = flags >> 4 & 15;
	if (vdev__config_has(c, cap->offset + 4, 4))
		d->flr = get(c, cap, 4, 4) >> 28 & 1;
	if (vdev__config_has(c, cap->offset + 0xc, 4)) {
		d->link_speed = get(c, cap, 0xc, 4) & 15;
		d->link_width = get(c, cap, 0xc, 4) >> 4 & 63;
	}
	/* Slot Implemented, of a root port or a downstream port of a switch. */
	if ((flags & 0x100) && (d->pcie_type == 4 || d->pcie_type == 6)) {
		take(&d->slot_caps, c, cap, 0x14, 4);
		take(&d->slot_control, c, cap, 0x18, 2);
		take(&d->slot_status, c, cap, 0x1a, 2);
	}
}

static void virtual_functions(struct vdev_inventory_device *d, const struct vdev__config *c,
			      const struct vdev_inventory_cap *cap)
{
	d->flags |= VDEV_INVENTORY_PF;
	take(&d->initial_vfs, c, cap, 0xc, 2);
	take(&d->total_vfs, c, cap, 0xe, 2);
	take(&d->num_vfs, c, cap, 0x10, 2);
	take(&d->vf_offset, c, cap, 0x14, 2);
	take(&d->vf_stride, c, cap, 0x16, 2);
	take(&d->vf_device, c, cap, 0x1a, 2);
	if (d->num_vfs != UNKNOWN && !(get(c, cap, 8, 2) & 1))
		d->num_vfs = 0; /* VF Enable: the number is only a wish */
}

static void serial(struct vdev_inventory_device *d, const struct vdev__config *c,
		   const struct vdev_inventory_cap *cap)
{
	if (vdev__config_has(c, cap->offset + 4, 8))
		d->serial = (uint64_t)get(c, cap, 8, 4) << 32 | get(c, cap, 4, 4);
}

static void first(struct vdev_inventory_device *d, const struct vdev__config *c,
		  const struct vdev_inventory_cap *cap)
{
	switch (cap->id) {
	case 0x01:
		power(d, c, cap);
		break;
	case 0x05: /* MSI: Multiple Message Capable */
		if (vdev__config_has(c, cap->offset + 2, 2))
			d->msi_vectors = 1u << (get(c, cap, 2, 2) >> 1 & 7);
		break;
	case 0x0d: /* subsystem of a bridge */
		if (d->header_type == 1 && d->subsystem_vendor == UNKNOWN) {
			take(&d->subsystem_vendor, c, cap, 4, 2);
			take(&d->subsystem_device, c, cap, 6, 2);
		}
		break;
	case 0x10:
		express(d, c, cap);
		break;
	case 0x11: /* MSI-X: Table Size */
		if (vdev__config_has(c, cap->offset + 2, 2))
			d->msix_vectors = (get(c, cap, 2, 2) & 0x7ff) + 1;
		break;
	case 0x13: /* Advanced Features: FLR */
		if (vdev__config_has(c, cap->offset + 3, 1) && (get(c, cap, 3, 1) & 2))
			d->flr = 1;
		break;
	default:
		break;
	}
}

void vdev__inventory_feature(struct vdev_inventory_device *d, const struct vdev__config *c,
			     const struct vdev_inventory_cap *cap)
{
	if (!(cap->flags & VDEV_INVENTORY_EXTENDED))
		first(d, c, cap);
	else if (cap->id == 0x10)
		virtual_functions(d, c, cap);
	else if (cap->id == 0x03)
		serial(d, c, cap);
}
