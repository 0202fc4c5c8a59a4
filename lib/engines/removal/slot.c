/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: PCIe slots (R9, R10, R11, R16). Registers as in the PCI Express Base Specification:
 * Slot Capabilities 7.5.3.9, Slot Control 7.5.3.10, Slot Status 7.5.3.11.
 */
#include "internal.h"

#define CAP_POWER_CONTROLLER 0x2u
#define CAP_POWER_INDICATOR 0x10u
#define CTL_BUTTON_ENABLE 0x1u
#define CTL_HOTPLUG_IRQ 0x20u
#define CTL_INDICATOR 0x300u
#define CTL_INDICATOR_BLINK 0x200u
#define CTL_INDICATOR_OFF 0x300u
#define CTL_POWER_OFF 0x400u
#define STA_CHANGES 0x108u /* presence detect changed, data link layer state changed */

/* Whatever the slot has for saying so says that it is off; both fields are all ones then. */
static int off(uint32_t cap, uint32_t control)
{
	uint32_t all = (cap & CAP_POWER_INDICATOR ? CTL_INDICATOR_OFF : 0) |
		       (cap & CAP_POWER_CONTROLLER ? CTL_POWER_OFF : 0);

	return all && (control & all) == all;
}

/* The guest switched the slot off: it does not use what is in it (R14). */
int vdev__removal_is_off(const struct unit *u)
{
	return u->unit_class == VDEV_REMOVAL_PCI_SLOT && u->transport == VDEV_REMOVAL_PCIE &&
	       off(u->slot_cap, u->control);
}

/* What the guest ejected and is held may come back into the slot (R16). */
static int keeps_hidden(const struct vdev_removal *r, uint32_t slot)
{
	for (uint32_t i = unit_at(r, slot)->child; i != NOBODY; i = unit_at(r, i)->next)
		if (unit_at(r, i)->flags & U_HIDDEN)
			return 1;
	return 0;
}

int vdev__removal_slot_free(const struct vdev_removal *r, uint32_t slot)
{
	const struct unit *u = unit_at(r, slot);

	return vdev__removal_covering(r, slot) == NOBODY && !(u->flags & U_SETTLING) &&
	       (u->transport != VDEV_REMOVAL_PCIE || !(u->status & STA_CHANGES)) &&
	       !keeps_hidden(r, slot);
}

void vdev__removal_slot_emptied(struct vdev_removal *r, uint32_t slot)
{
	struct unit *u = unit_at(r, slot);

	if ((u->slot_cap & CAP_POWER_CONTROLLER) && !r->in_reset) {
		u->flags |= U_SETTLING;
		u->warn_at = vdev__sat_add(vdev__removal_guest_now(r), r->config.settle_ns);
	}
	vdev__removal_slot_check(r, slot);
}

/* Announces what waits for the slot, once it is free (R11). */
void vdev__removal_slot_check(struct vdev_removal *r, uint32_t slot)
{
	struct unit *u = unit_at(r, slot);

	if ((u->flags & U_SETTLING) && vdev__removal_guest_now(r) >= u->warn_at) {
		u->flags &= ~U_SETTLING;
		vdev__removal_rearm(r, slot);
	}
	if (!vdev__removal_slot_free(r, slot))
		return;
	for (uint32_t i = u->child; i != NOBODY; i = unit_at(r, i)->next) {
		struct unit *child = unit_at(r, i);

		if (child->flags & U_QUEUED && child->phase == IDLE) {
			child->flags &= ~U_QUEUED;
			vdev__removal_note(r, i, N_ANNOUNCE);
		}
	}
}

static void power_changed(struct vdev_removal *r, uint32_t slot, int was_off, int is_off)
{
	uint32_t target = vdev__removal_answered(r, slot);

	if (is_off)
		unit_at(r, slot)->marks &= ~M_POWER_ON;
	if (!was_off && is_off && vdev__removal_first(r, slot) != NOBODY) {
		if (target == slot || target == NOBODY)
			vdev__removal_got_ack(r, target, slot);
	} else if (was_off && !is_off && target == NOBODY) {
		vdev__removal_give_back(r, slot);
	} else if (was_off && !is_off && (unit_at(r, target)->flags & O_HOLDING)) {
		unit_at(r, target)->marks |= M_POWER_ON;
	}
}

/* A blinking indicator says that the guest is working on it (R10). */
void vdev__removal_look_busy(struct vdev_removal *r, uint32_t slot)
{
	struct unit *u = unit_at(r, slot);

	if (u->phase == AWAIT && u->transport == VDEV_REMOVAL_PCIE &&
	    (u->control & CTL_INDICATOR) == CTL_INDICATOR_BLINK && !(u->flags & O_BUSY_TOLD)) {
		u->flags |= O_BUSY_TOLD;
		r->stats.busy++;
		vdev__removal_note(r, slot, 1u << VDEV_REMOVAL_BUSY);
	}
}

int vdev_removal_slot(struct vdev_removal *r, uint64_t now_ns, uint64_t slot, uint32_t control,
		      uint32_t status)
{
	struct unit *u;
	uint32_t index, ready = CTL_BUTTON_ENABLE | CTL_HOTPLUG_IRQ;
	int error, was_off;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, slot, &index);
	if (error)
		return error;
	u = unit_at(r, index);
	if (u->unit_class != VDEV_REMOVAL_PCI_SLOT)
		return -EINVAL;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_SLOT, index,
			    (uint64_t)control << 32 | status);
	was_off = vdev__removal_is_off(u);
	u->control = (uint16_t)control;
	u->status = (uint16_t)status;
	if (u->transport == VDEV_REMOVAL_PCIE) {
		u->flags = (control & ready) == ready ? u->flags | U_READY : u->flags & ~U_READY;
		power_changed(r, index, was_off, vdev__removal_is_off(u));
		if (u->phase == NOT_READY || u->phase == GAP || (u->phase == WARN && !step_out(u)))
			vdev__removal_try_warn(r, index);
		vdev__removal_look_busy(r, index);
	}
	vdev__removal_slot_check(r, index);
	vdev__removal_settle_ready(r, index);
	return waiting(r);
}
