/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: warning the guest and what it answers (R9, R10, R16).
 *
 * Times here are in the guest's clock, which stands still while the VM is paused.
 */
#include "internal.h"

/* One line a second about what a guest does unasked; the counters know the rest. */
#define LOG_GAP_NS UINT64_C(1000000000)

static uint64_t wait_ns(const struct vdev_removal *r, const struct unit *u, uint32_t await_step)
{
	return u->ack_ns ? u->ack_ns : vdev__removal_step_ns(r, u, await_step);
}

static void start_clock(struct vdev_removal *r, struct unit *u, uint32_t await_step)
{
	if (u->marks & M_LEFT) {
		u->marks &= (uint8_t)~M_LEFT;
		u->ack_end = vdev__sat_add(vdev__removal_guest_now(r), u->ack_end);
	} else if (u->ack_end == VDEV_NONE)
		u->ack_end = vdev__sat_add(vdev__removal_guest_now(r), wait_ns(r, u, await_step));
}

/* A press while the indicator blinks cancels, while the last one is unseen it is lost (R9). */
int vdev__removal_may_press(const struct unit *u, uint64_t guest_now)
{
	int indicator = (u->slot_cap & 0x10u) != 0;

	return !(u->status & 0x1u) && (!indicator || (u->control & 0x300u) == 0x100u) &&
	       guest_now >= u->warn_at;
}

static enum phase can_warn(const struct vdev_removal *r, const struct unit *u)
{
	uint64_t guest_now = vdev__removal_guest_now(r);

	switch (u->transport) {
	case VDEV_REMOVAL_PCIE:
		if (!(u->flags & U_READY))
			return NOT_READY;
		return vdev__removal_may_press(u, guest_now) ? WARN : GAP;
	case VDEV_REMOVAL_PVDEV:
		if (!(u->flags & U_READY))
			return NOT_READY;
		return WARN;
	default:
		return WARN;
	}
}

/* Enters WARN, or what has to be waited for before it. */
void vdev__removal_try_warn(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	enum phase before = (enum phase)u->phase;

	u->phase = (uint8_t)can_warn(r, u);
	if (u->phase != NOT_READY) {
		start_clock(r, u, u->step + 1u);
		return;
	}
	if (u->ack_end != VDEV_NONE && !(u->marks & M_LEFT)) { /* time runs while it can hear */
		u->ack_end = vdev__sat_sub(u->ack_end, vdev__removal_guest_now(r));
		u->ack_end += !u->ack_end; /* the last moment is one */
		u->marks |= M_LEFT;
	}
	if (before != NOT_READY)
		vdev__removal_note(r, index, 1u << VDEV_REMOVAL_GUEST_NOT_READY);
}

void vdev__removal_await(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	u->phase = AWAIT;
	start_clock(r, u, u->step);
	vdev__removal_look_busy(r, index);
	vdev__removal_reconsider(r, index);
}

/* Goes from AWAIT back to the WARN that stands before it. */
static void warn_again(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->transport == VDEV_REMOVAL_NO_TRANSPORT)
		return;
	u->step--;
	vdev__removal_try_warn(r, index);
}

static void give_up(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	switch (u->policy) {
	case VDEV_REMOVAL_ACK_FORCE:
		u->flags |= O_FORCED;
		vdev__removal_go_hide(r, index);
		break;
	case VDEV_REMOVAL_ACK_KEEP:
		u->ack_end = VDEV_NONE;
		u->ack_ns = VDEV_NONE;
		vdev__removal_note(r, index, 1u << VDEV_REMOVAL_TIMED_OUT);
		break;
	default:
		vdev__removal_back_out(r, index, VDEV_REMOVAL_TIMED_OUT);
	}
}

static void retry(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	u->retries--;
	u->ack_end = vdev__sat_add(vdev__removal_guest_now(r),
				   wait_ns(r, u, u->step + (u->phase == GAP)));
	if (u->phase == AWAIT)
		warn_again(r, index);
}

/* The time of a wait has come: its end, or that of the next warning. */
void vdev__removal_await_expired(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);
	uint64_t guest_now = vdev__removal_guest_now(r);

	if (guest_now >= u->ack_end) {
		r->stats.timed_out++;
		vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_TIMEOUT, index, 0);
		if (u->policy != VDEV_REMOVAL_ACK_RETRY || !u->retries)
			give_up(r, index);
		else
			retry(r, index);
	} else if (u->phase == AWAIT) {
		warn_again(r, index); /* only ACPI has a time before the end */
	}
	if (u->phase == GAP && guest_now >= u->warn_at)
		vdev__removal_try_warn(r, index);
}

static int asked(const struct unit *u)
{
	return u->phase == WARN || u->phase == GAP || u->phase == AWAIT;
}

/* Target of the operation that waits for an answer about `unit`; NOBODY and a count otherwise. */
static uint32_t answering(struct vdev_removal *r, uint32_t index)
{
	uint32_t target = vdev__removal_answered(r, index);

	if (target != NOBODY && asked(unit_at(r, target)) &&
	    ((unit_at(r, target)->flags & O_WARNED) || step_out(unit_at(r, target))))
		return target;
	r->stats.bad_guest++;
	return NOBODY;
}

static void log_unasked(const struct vdev_removal *r, uint32_t index)
{
	const struct unit *u = unit_at(r, index);

	vdev__log(&r->env, VDEV_LOG_INFO, "removal: guest let unit %#llx go unasked: %s",
		  (unsigned long long)handle_of(r, index),
		  u->unasked == VDEV_REMOVAL_UNASKED_HOLD     ? "hidden, held"
		  : u->unasked == VDEV_REMOVAL_UNASKED_ACCEPT ? "removed"
							      : "ignored");
}

static void unasked(struct vdev_removal *r, uint32_t index)
{
	const struct unit *u = unit_at(r, index);
	uint32_t target = vdev__removal_target(r, index);

	r->stats.unasked++;
	if (u->flags & (U_QUEUED | U_HIDDEN)) {
		r->stats.bad_guest++;
		return;
	}
	if (r->now >= r->quiet_until) {
		r->quiet_until = vdev__sat_add(r->now, LOG_GAP_NS);
		log_unasked(r, index);
	}
	if (u->unasked == VDEV_REMOVAL_UNASKED_HOLD)
		vdev__removal_begin_unasked(r, target, O_HOLDING);
	else if (u->unasked == VDEV_REMOVAL_UNASKED_ACCEPT)
		vdev__removal_begin_unasked(r, target, 0);
}

/* An acknowledgement for `index`, whose operation, if any, is at `target`. */
void vdev__removal_got_ack(struct vdev_removal *r, uint32_t target, uint32_t index)
{
	struct unit *u;

	if (target == NOBODY) {
		unasked(r, index);
		return;
	}
	u = unit_at(r, target);
	if (past_return(u))
		return;
	if (u->phase == UNDO || u->phase == END) {
		u->flags |= O_LATE_ACK;
		return;
	}
	u->flags |= O_ACKED;
	if (u->phase == HELD)
		vdev__removal_begin(r, target); /* the guest has let go: nothing is left to hold */
	else if (u->phase == BELOW)
		vdev__removal_woken(r, target);
	else if (!step_out(u))
		vdev__removal_go_hide(r, target);
}

int vdev_removal_ack(struct vdev_removal *r, uint64_t now_ns, uint64_t unit)
{
	uint32_t index;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_ACK, index, 0);
	r->stats.acks++;
	vdev__removal_got_ack(r, vdev__removal_answered(r, index), index);
	return waiting(r);
}

/* With RETRY the wait goes on and the guest is asked again at its end (R9). */
void vdev__removal_refused(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	u->flags = (u->flags & ~O_REFUSED) | O_DROPPED;
	if (u->policy == VDEV_REMOVAL_ACK_FORCE) {
		u->flags |= O_FORCED;
		vdev__removal_go_hide(r, index);
	} else if (u->policy == VDEV_REMOVAL_ACK_RETRY && u->retries) {
		u->step += u->phase != AWAIT;
		u->fault = 0;
		vdev__removal_await(r, index);
		vdev__removal_settle_ready(r, index);
	} else {
		vdev__removal_back_out(r, index, VDEV_REMOVAL_REFUSED);
	}
}

int vdev_removal_refuse(struct vdev_removal *r, uint64_t now_ns, uint64_t unit, uint32_t reason)
{
	uint32_t index, target;
	struct unit *u;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	target = answering(r, index);
	if (target == NOBODY)
		return -EBUSY;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_REFUSE, index, reason);
	if (reason >= VDEV_REMOVAL_REASONS) {
		r->stats.bad_guest++;
		reason = VDEV_REMOVAL_REASON_FAILURE;
	}
	r->stats.refusals++;
	u = unit_at(r, target);
	u->fault = (uint16_t)reason;
	u->flags |= O_REFUSED;
	if (!step_out(u))
		vdev__removal_refused(r, target);
	return waiting(r);
}

int vdev_removal_progress(struct vdev_removal *r, uint64_t now_ns, uint64_t unit)
{
	uint32_t index, target;
	struct unit *u;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	target = answering(r, index);
	if (target == NOBODY)
		return -EBUSY;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_PROGRESS, index, 0);
	r->stats.busy++;
	u = unit_at(r, target);
	if (!(u->flags & O_BUSY_TOLD))
		vdev__removal_note(r, target, 1u << VDEV_REMOVAL_BUSY);
	u->flags |= O_BUSY_TOLD;
	return waiting(r);
}

/* ACPI specification, 6.3.5, table of _OST status codes for an eject request. */
int vdev_removal_ost(struct vdev_removal *r, uint64_t now_ns, uint64_t unit, uint32_t event,
		     uint32_t status)
{
	static const uint8_t reasons[] = {VDEV_REMOVAL_REASON_NOT_SUPPORTED,
					  VDEV_REMOVAL_REASON_IN_USE, VDEV_REMOVAL_REASON_BUSY,
					  VDEV_REMOVAL_REASON_DEPENDENCY};
	uint32_t index;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	if (event != 0x3u && event != 0x103u) {
		r->stats.bad_guest++;
		return waiting(r);
	}
	if (status == 0)
		return vdev_removal_ack(r, now_ns, unit);
	if (status == 0x84u)
		return vdev_removal_progress(r, now_ns, unit);
	if (status >= 0x80u && status <= 0x83u)
		return vdev_removal_refuse(r, now_ns, unit, reasons[status - 0x80u]);
	if (status == 2)
		return vdev_removal_refuse(r, now_ns, unit, VDEV_REMOVAL_REASON_NOT_SUPPORTED);
	r->stats.bad_guest += status != 1;
	return vdev_removal_refuse(r, now_ns, unit, VDEV_REMOVAL_REASON_FAILURE);
}
