/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: what is known of the guest, and its reset in two phases (R6, R10, R14, R16, R17).
 */
#include "internal.h"

static void set_ready(struct vdev_removal *r, uint32_t index, int ready)
{
	struct unit *u = unit_at(r, index);
	int was = (u->flags & U_READY) != 0;

	u->flags = ready ? u->flags | U_READY : u->flags & ~U_READY;
	if (u->phase == NOT_READY || u->phase == GAP || (u->phase == WARN && !step_out(u))) {
		vdev__removal_try_warn(r, index);
	} else if (u->phase == AWAIT && u->transport == VDEV_REMOVAL_PVDEV && ready && !was) {
		u->step--; /* its driver came anew and never heard the warning */
		vdev__removal_try_warn(r, index);
	}
	vdev__removal_settle_ready(r, index);
}

int vdev_removal_ready(struct vdev_removal *r, uint64_t now_ns, uint64_t unit, uint32_t ready)
{
	uint32_t index = ROOT;
	int error;

	if (!r)
		return -EINVAL;
	error = unit ? vdev__removal_lookup(r, unit, &index) : 0;
	if (error)
		return error;
	if (ready > 1)
		return -EINVAL;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_READY, index, ready);
	set_ready(r, index, (int)ready);
	if (index == ROOT)
		for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i))
			if (unit_at(r, i)->transport == VDEV_REMOVAL_PVDEV)
				set_ready(r, i, (int)ready);
	return waiting(r);
}

int vdev_removal_touch(struct vdev_removal *r, uint64_t unit)
{
	uint32_t index;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_TOUCH, index, 0);
	unit_at(r, index)->flags |= U_TOUCHED;
	return 0;
}

int vdev_removal_backend_gone(struct vdev_removal *r, uint64_t unit)
{
	uint32_t index, target;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_BACKEND_GONE, index, 0);
	unit_at(r, index)->flags |= U_GONE_BACKEND;
	target = vdev__removal_answered(r, index);
	if (target != NOBODY && unit_at(r, target)->cursor == index)
		vdev__removal_skip_left_out(r, target);
	return 0;
}

/* Nobody is left to acknowledge: what waits for the guest goes on without it. */
static void skip_ack(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->phase < NOT_READY || u->phase > UNDO)
		return;
	if ((u->phase == UNDO && !(u->flags & O_RETURN)) || (u->flags & O_CANCEL))
		return; /* it was given up: the device stays */
	u->flags |= O_SKIP;
	if (!step_out(u))
		vdev__removal_go_hide(r, index);
}

int vdev_removal_reset_begin(struct vdev_removal *r, uint64_t now_ns)
{
	if (!r)
		return -EINVAL;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_RESET_BEGIN, ROOT, 0);
	r->stats.guest_resets += !r->in_reset;
	r->in_reset = 1;
	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i))
		skip_ack(r, i);
	return waiting(r);
}

/*
 * A held request has not begun, and what is stuck is hidden: neither keeps a guest from booting, nor
 * does an operation that waits for nothing else.
 */
static int finished(const struct vdev_removal *r, uint32_t index)
{
	const struct unit *u = unit_at(r, index);

	if (u->phase == BELOW) {
		for (uint32_t m = vdev__removal_first(r, index); m != NOBODY;
		     m = vdev__removal_after(r, index, m))
			if (m != index && unit_at(r, m)->phase == TEAR && unit_at(r, m)->stuck)
				return 1; /* what else is below is asked by itself */
	}
	return u->phase == IDLE || u->phase == HELD || (u->phase == TEAR && u->stuck);
}

static void give_back_one(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (!(u->flags & U_HIDDEN) || !vdev__table_renew(&r->units, index))
		return; /* no handle is left for this index: it stays hidden */
	u->flags &= ~(U_HIDDEN | U_TOUCHED);
	u->guest_level = VDEV_REMOVAL_UNKNOWN;
	vdev__removal_publish(r, index);
	vdev__removal_note(r, index, N_REANNOUNCE);
	if (unit_at(r, u->parent)->unit_class == VDEV_REMOVAL_PCI_SLOT)
		vdev__removal_slot_check(r, u->parent); /* others may have waited for it */
}

/* Gives hidden units back, as new devices, from the top down (R12, R16). Depth is bounded by
 * VDEV_REMOVAL_MAX_DEPTH. NOLINTNEXTLINE(misc-no-recursion) */
void vdev__removal_give_back(struct vdev_removal *r, uint32_t top)
{
	if (top != ROOT)
		give_back_one(r, top);
	for (uint32_t i = unit_at(r, top)->child; i != NOBODY; i = unit_at(r, i)->next)
		if (unit_at(r, i)->phase == IDLE)
			vdev__removal_give_back(r, i);
}

static void forget_guest(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	u->flags &= ~(U_TOUCHED | U_SETTLING);
	if (u->transport == VDEV_REMOVAL_PCIE || u->transport == VDEV_REMOVAL_PVDEV)
		u->flags &= ~U_READY;
	u->control = 0;
	u->status = 0;
	u->warn_at = 0;
}

int vdev_removal_reset_end(struct vdev_removal *r, uint64_t now_ns)
{
	if (!r)
		return -EINVAL;
	if (!r->in_reset)
		return -EBUSY;
	vdev__removal_tick(r, now_ns);
	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i))
		if (!finished(r, i))
			return -EAGAIN;
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_RESET_END, ROOT, 0);
	r->in_reset = 0;
	vdev__removal_forget_levels(r);
	unit_at(r, ROOT)->flags &= ~U_READY;
	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i))
		forget_guest(r, i);
	vdev__removal_give_back(r, ROOT);
	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i)) {
		if (unit_at(r, i)->unit_class == VDEV_REMOVAL_PCI_SLOT)
			vdev__removal_slot_check(r, i);
		vdev__removal_settle_ready(r, i);
	}
	return waiting(r);
}
