/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: requests, and how operations start, join, upgrade and are taken back
 * (R2, R3, R9, R11, R12).
 */
#include "internal.h"

int vdev__removal_check_request(const struct vdev_removal_request *in,
				struct vdev_removal_request *out)
{
	struct vdev_removal_request q = {.struct_size = sizeof(q)};
	int error;

	if (in) {
		error = vdev__copy_in(&q, sizeof(q), sizeof(q), in);
		if (error)
			return error;
	}
	if ((q.flags & ~(VDEV_REMOVAL_FORCE | VDEV_REMOVAL_HOST)) || q.retries > 255 ||
	    q.ack_policy > VDEV_REMOVAL_ACK_FORCE || q.ack_ns == VDEV_NONE || q.reserved)
		return -EINVAL;
	*out = q;
	return 0;
}

static void set_terms(const struct vdev_removal *r, struct unit *u,
		      const struct vdev_removal_request *q)
{
	int own = q->ack_policy != VDEV_REMOVAL_ACK_DEFAULT;

	u->policy = (uint8_t)(own ? q->ack_policy : r->config.ack_policy);
	u->retries = (uint8_t)(own ? q->retries : r->config.retries);
	u->ack_ns = q->ack_ns; /* 0: the action set's, known when it is chosen */
}

/* What is only held above them has still to be removed: they begin anew when it is hidden. */
static void ask_again(struct vdev_removal *r, uint32_t index)
{
	uint32_t forced = unit_at(r, index)->flags & O_FORCED ? U_NEXT_FORCED : 0;

	for (uint32_t m = vdev__removal_requested(r, index, NOBODY); m != NOBODY;
	     m = vdev__removal_requested(r, index, m))
		unit_at(r, m)->flags = (unit_at(r, m)->flags & ~U_REQUESTED) | U_NEXT | forced;
}

/* An operation below gives way to the one above it. */
static void absorb(struct vdev_removal *r, uint32_t target, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->phase == IDLE || past_return(u) || u->phase == UNDO || u->phase == END ||
	    (u->flags & O_ABSORB))
		return;
	if ((u->flags & O_FORCED) && !(unit_at(r, target)->flags & (O_FORCED | O_ACKED)))
		return; /* FORCE does not wait for the guest's answer about all that is above (R11) */
	u->flags |= O_ABSORB;
	if (unit_at(r, target)->flags & O_HOLDING)
		ask_again(r, index);
	if (!step_out(u))
		vdev__removal_back_out(r, index, 0);
}

/* 1 while something below the target is still in the middle of something. */
static int busy_below(struct vdev_removal *r, uint32_t target)
{
	int busy = 0;

	for (uint32_t m = vdev__removal_first(r, target); m != NOBODY;
	     m = vdev__removal_after(r, target, m)) {
		struct unit *u = unit_at(r, m);

		if (m == target)
			continue;
		absorb(r, target, m);
		busy |= u->phase != IDLE || (u->notes & N_OWN) ||
			(u->flags & (A_OUT | A_AGAIN | A_CANCEL_OUT)) != 0;
	}
	return busy;
}

/* Everything that could be in the way is gone: choose the path and take it. */
static void start(struct vdev_removal *r, uint32_t target)
{
	struct unit *u = unit_at(r, target);
	struct choice c;

	vdev__removal_choose(r, target, u->flags & O_FORCED ? VDEV_REMOVAL_FORCE : 0, &c);
	u->set = (uint8_t)c.set;
	u->step = 0;
	u->flags |= c.skip ? O_SKIP : 0;
	if (u->flags & (O_FORCED | O_SKIP | O_ACKED))
		vdev__removal_go_hide(r, target);
	else
		vdev__removal_advance(r, target);
}

void vdev__removal_begin(struct vdev_removal *r, uint32_t target)
{
	struct unit *u = unit_at(r, target);

	u->ack_end = VDEV_NONE;
	u->marks &= (uint8_t)~M_LEFT;
	u->fault = 0;
	u->fault_status = 0;
	u->outcome = 0;
	u->warnings = 0;
	vdev__removal_no_note(u);
	if (u->phase == IDLE)
		r->stats.operations++;
	if (r->held && !(u->flags & (O_ACKED | O_HOLDING))) {
		u->phase = HELD;
		if (u->flags & O_FORCED)
			vdev__removal_note(r, ROOT, N_UNHOLD);
		return;
	}
	u->phase = BELOW;
	if (!busy_below(r, target))
		start(r, target);
	vdev__removal_settle_ready(r, target);
}

/* The guest let a unit go that nobody asked for (R16). */
void vdev__removal_begin_unasked(struct vdev_removal *r, uint32_t target, uint32_t flags)
{
	struct unit *u = unit_at(r, target);

	u->flags |= O_ACKED | O_BY_GUEST | flags;
	u->policy = (uint8_t)r->config.ack_policy;
	vdev__removal_begin(r, target);
}

/* Something below `at` ended: whoever waits for it, there or further up, looks again. */
void vdev__removal_woken(struct vdev_removal *r, uint32_t at)
{
	for (; at != NOBODY && at != ROOT; at = unit_at(r, at)->parent) {
		struct unit *u = unit_at(r, at);

		if (u->phase == BELOW && !busy_below(r, at))
			start(r, at);
		if (u->phase != IDLE)
			vdev__removal_settle_ready(r, at);
	}
}

/* FORCE on an operation that is under way (R11). */
void vdev__removal_upgrade(struct vdev_removal *r, uint32_t target)
{
	struct unit *u = unit_at(r, target);

	r->stats.upgraded += !(u->flags & O_FORCED);
	u->flags |= O_FORCED;
	if (u->phase == HELD) {
		vdev__removal_note(r, ROOT, N_UNHOLD);
	} else if (step_out(u) && (u->flags & A_OVERDUE)) {
		vdev__removal_stuck(r, target);
	} else if (!step_out(u) && u->phase > BELOW && u->phase < HIDE) {
		vdev__removal_go_hide(r, target);
	}
}

/* Given up, or over: what is asked for now begins anew after it. */
static int ending(const struct unit *u)
{
	return u->phase == END || (u->flags & O_CANCEL) ||
	       (u->phase == UNDO && !(u->flags & (O_RETURN | O_ABSORB)));
}

/* An operation that can do nothing for a request: it is lost already, or ends in holding. */
int vdev__removal_too_late(const struct unit *top, int force)
{
	return top->phase == END || (ending(top) && !force) || (top->flags & O_HOLDING);
}

static void join(struct vdev_removal *r, uint32_t target, uint32_t index,
		 const struct vdev_removal_request *q)
{
	struct unit *top = unit_at(r, target), *u = unit_at(r, index);
	int force = (q->flags & VDEV_REMOVAL_FORCE) != 0;

	r->stats.joined++;
	if (vdev__removal_too_late(top, force)) {
		u->flags |= U_NEXT | (force ? U_NEXT_FORCED : 0);
		set_terms(r, unit_at(r, vdev__removal_target(r, index)), q);
		if (force && step_out(top) && (top->flags & A_OVERDUE)) {
			vdev__removal_stuck(r, target);
			vdev__removal_woken(r, target); /* it may have been held with that */
		}
		return;
	}
	/* Its own operation, when that is ending, must not speak for it. */
	u->flags |=
		ending(unit_at(r, vdev__removal_speaker(r, target, index))) ? U_NEXT : U_REQUESTED;
	if (force) {
		vdev__removal_upgrade(r, target);
		vdev__removal_woken(r, target); /* what is below it gives way now */
	}
}

int vdev_removal_request(struct vdev_removal *r, uint64_t now_ns, uint64_t unit,
			 const struct vdev_removal_request *request)
{
	struct vdev_removal_request q;
	uint32_t index, target;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_check_request(request, &q);
	if (!error)
		error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_REQUEST, index, q.flags);
	r->stats.requests++;
	r->stats.host_requests += (q.flags & VDEV_REMOVAL_HOST) != 0;
	target = vdev__removal_joins(r, index, (q.flags & VDEV_REMOVAL_FORCE) != 0);
	if (target != NOBODY) {
		join(r, target, index, &q);
		return waiting(r);
	}
	target = vdev__removal_target(r, index);
	unit_at(r, index)->flags |= U_REQUESTED;
	unit_at(r, target)->flags |= q.flags & VDEV_REMOVAL_FORCE ? O_FORCED : 0;
	set_terms(r, unit_at(r, target), &q);
	vdev__removal_begin(r, target);
	return waiting(r);
}

/* Requests that wait for an ending operation are dropped before they begin. */
static void drop_next(struct vdev_removal *r, uint32_t target)
{
	for (uint32_t m = vdev__removal_first(r, target); m != NOBODY;
	     m = vdev__removal_after(r, target, m))
		unit_at(r, m)->flags &= ~(U_NEXT | U_NEXT_FORCED);
	unit_at(r, target)->flags &= ~(U_NEXT | U_NEXT_FORCED);
}

/* What is being undone to go on in another way (R1) goes on no more. */
static void stay_undone(struct unit *u)
{
	u->flags &= ~O_RETURN;
	u->outcome = VDEV_REMOVAL_CANCELLED;
}

int vdev_removal_cancel(struct vdev_removal *r, uint64_t now_ns, uint64_t unit)
{
	uint32_t index, target;
	struct unit *u;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	target = vdev__removal_covering(r, index);
	if (target == NOBODY)
		return -ENOENT;
	target = vdev__removal_speaker(r, target, index);
	u = unit_at(r, target);
	if (past_return(u) || ((u->flags & (O_FORCED | O_SKIP)) && u->phase > BELOW))
		return -EALREADY;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_CANCEL, index, 0);
	if (ending(u))
		drop_next(r, target);
	else if (u->flags & O_RETURN)
		stay_undone(u);
	else if (step_out(u))
		u->flags |= O_CANCEL;
	else
		vdev__removal_back_out(r, target, VDEV_REMOVAL_CANCELLED);
	return waiting(r);
}

void vdev__removal_start_held(struct vdev_removal *r)
{
	struct unit *root = unit_at(r, ROOT);

	r->held = 0;
	root->notes &= ~N_UNHOLD;
	if ((root->flags & (A_OUT | A_AGAIN)) && 1u << root->note == N_UNHOLD)
		root->marks |= M_STALE;
	vdev__removal_settle_ready(r, ROOT);
	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i))
		if (unit_at(r, i)->phase == HELD)
			vdev__removal_begin(r, i);
}

int vdev_removal_hold(struct vdev_removal *r, uint64_t now_ns)
{
	if (!r)
		return -EINVAL;
	if (r->held)
		return -EBUSY;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_HOLD, ROOT, 0);
	r->held = 1;
	return waiting(r);
}

int vdev_removal_unhold(struct vdev_removal *r, uint64_t now_ns)
{
	if (!r)
		return -EINVAL;
	if (!r->held)
		return -EBUSY;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_UNHOLD, ROOT, 0);
	vdev__removal_start_held(r);
	return waiting(r);
}
