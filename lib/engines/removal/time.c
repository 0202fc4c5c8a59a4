/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: deadlines, and the guest's clock that stands still while the VM is paused.
 *
 * One timer a unit is enough: either an action is outstanding (its deadline is the host's), or the
 * guest has to do something (then it is the guest's, translated to the caller's clock).
 */
#include "internal.h"

uint64_t vdev__removal_guest_now(const struct vdev_removal *r)
{
	return (r->paused ? r->pause_start : r->now) - r->paused_ns;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When the guest's time is up for this unit, in the guest's clock. */
static uint64_t guest_deadline(const struct vdev_removal *r, const struct unit *u)
{
	uint64_t now = vdev__removal_guest_now(r);

	switch (u->phase) {
	case AWAIT:
		return u->transport == VDEV_REMOVAL_ACPI ? earlier(u->ack_end, u->warn_at)
							 : u->ack_end;
	case GAP:
		/* a press waits for the slot's state too, anything else for the time alone */
		if (u->transport != VDEV_REMOVAL_PCIE || u->warn_at > now ||
		    vdev__removal_may_press(u, now))
			return earlier(u->ack_end, u->warn_at);
		return u->ack_end;
	default:
		return u->flags & U_SETTLING ? u->warn_at : VDEV_NONE;
	}
}

void vdev__removal_rearm(struct vdev_removal *r, uint32_t index)
{
	const struct unit *u = unit_at(r, index);
	uint64_t at;

	if (step_out(u)) {
		if (u->flags & A_OVERDUE)
			vdev__deadlines_cancel(&r->deadlines, index);
		return;
	}
	at = r->paused ? VDEV_NONE : guest_deadline(r, u);
	vdev__deadlines_arm(&r->deadlines, index, vdev__sat_add(at, r->paused_ns));
}

static void expired(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (step_out(u)) {
		if (u->flags & A_OUT) /* else it was loaded; overdue once it was given again */
			u->flags |= A_OVERDUE | A_CANCEL_DUE;
	} else if (u->phase == AWAIT || u->phase == GAP) {
		vdev__removal_await_expired(r, index);
	} else if (u->flags & U_SETTLING) {
		vdev__removal_slot_check(r, index);
	}
	vdev__removal_settle_ready(r, index);
}

int vdev_removal_step(struct vdev_removal *r, uint64_t now_ns)
{
	uint32_t index;

	if (!r)
		return -EINVAL;
	vdev__removal_tick(r, now_ns);
	while (vdev__deadlines_expire(&r->deadlines, r->now, &index))
		expired(r, index);
	return waiting(r);
}

int vdev_removal_deadline(struct vdev_removal *r, uint64_t *ret_ns)
{
	if (!r || !ret_ns)
		return -EINVAL;
	return vdev__deadlines_first(&r->deadlines, ret_ns);
}

static void rearm_all(struct vdev_removal *r)
{
	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i))
		vdev__removal_rearm(r, i);
}

int vdev_removal_pause(struct vdev_removal *r, uint64_t now_ns)
{
	if (!r)
		return -EINVAL;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_PAUSE, ROOT, 0);
	if (!r->paused) {
		r->paused = 1;
		r->pause_start = r->now;
		rearm_all(r);
	}
	return waiting(r);
}

int vdev_removal_resume(struct vdev_removal *r, uint64_t now_ns)
{
	if (!r)
		return -EINVAL;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_RESUME, ROOT, 0);
	if (r->paused) {
		r->paused = 0;
		r->paused_ns += r->now - r->pause_start;
		rearm_all(r);
	}
	return waiting(r);
}
