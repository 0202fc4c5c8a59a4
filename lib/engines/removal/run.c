/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: from step to step, and taking the results of actions (R8, R12, action contract).
 */
#include "internal.h"

static uint32_t next_not_left_out(const struct vdev_removal *r, const struct unit *u, uint32_t step)
{
	uint32_t count;
	const struct vdev_removal_step *s = vdev__removal_steps(r, u->unit_class, u->set, &count);

	while (step < count && vdev__removal_left_out(unit_at(r, u->cursor), s[step].kind))
		step++;
	return step;
}

/* First member at or after `member` that takes part in the present step before HIDE. */
static uint32_t takes_part(const struct vdev_removal *r, const struct unit *u, uint32_t index,
			   uint32_t member)
{
	uint32_t kind = vdev__removal_step_kind(r, u);

	while (member != NOBODY && vdev__removal_left_out(unit_at(r, member), kind))
		member = vdev__removal_after(r, index, member);
	return member;
}

/* The guest may have declared less while the way without a warning was being taken. */
static int no_longer_safe(const struct vdev_removal *r, const struct unit *u, uint32_t index)
{
	uint32_t level, because;

	if (u->set != VDEV_REMOVAL_SAFE && u->set != VDEV_REMOVAL_SAFE_IDLE)
		return 0;
	level = vdev__removal_lowest(r, index, index, &because);
	return level != u->set && level != VDEV_REMOVAL_SAFE;
}

/* Enters the step u->step, which stands before HIDE, or HIDE. */
void vdev__removal_advance(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	for (;; u->step++) {
		switch (vdev__removal_step_kind(r, u)) {
		case VDEV_REMOVAL_WARN:
			if (u->transport == VDEV_REMOVAL_NO_TRANSPORT)
				continue;
			vdev__removal_try_warn(r, index);
			if (u->phase == NOT_READY)
				vdev__removal_note(r, index, 1u << VDEV_REMOVAL_GUEST_NOT_READY);
			break;
		case VDEV_REMOVAL_AWAIT_ACK:
			vdev__removal_await(r, index);
			break;
		case VDEV_REMOVAL_HIDE:
			if (no_longer_safe(r, u, index)) {
				vdev__removal_switch(r, index, VDEV_REMOVAL_UNSAFE);
				return;
			}
			vdev__removal_go_hide(r, index);
			return;
		default:
			u->phase = PRE;
			u->cursor = takes_part(r, u, index, vdev__removal_first(r, index));
			if (u->cursor == NOBODY)
				continue;
		}
		break;
	}
	vdev__removal_settle_ready(r, index);
}

/* Goes on with another level's set: late SAFE (R6), SAFE_IDLE that was not idle (R1). */
void vdev__removal_switch(struct vdev_removal *r, uint32_t index, uint32_t level)
{
	struct unit *u = unit_at(r, index);

	if (level == VDEV_REMOVAL_UNSAFE)
		u->flags |= O_DEMOTED;
	u->set = (uint8_t)level;
	u->step = 0;
	if (level == VDEV_REMOVAL_UNSAFE && (u->flags & O_WARNED))
		while (vdev__removal_step_kind(r, u) != VDEV_REMOVAL_AWAIT_ACK)
			u->step++;
	vdev__removal_advance(r, index);
}

void vdev__removal_go_hide(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (!u->stuck)
		u->fault = 0;
	u->phase = HIDE;
	u->step = (uint8_t)vdev__removal_hide_step(r, u);
	u->cursor = vdev__removal_first(r, index);
	if (u->cursor == NOBODY)
		vdev__removal_members_done(r, index);
	else
		vdev__removal_settle_ready(r, index);
}

static void tear_from(struct vdev_removal *r, uint32_t index, uint32_t member)
{
	struct unit *u = unit_at(r, index);

	u->phase = TEAR;
	u->cursor = member;
	u->step = (uint8_t)next_not_left_out(r, u, vdev__removal_hide_step(r, u) + 1);
}

static void failed(struct unit *u, uint32_t kind, int status)
{
	if (status < 0 && !u->fault) {
		u->fault = (uint16_t)kind;
		u->fault_status = (int16_t)(status < INT16_MIN ? INT16_MIN : status);
	}
}

static void hold_members(struct vdev_removal *r, uint32_t index)
{
	for (uint32_t m = vdev__removal_first(r, index); m != NOBODY;
	     m = vdev__removal_after(r, index, m))
		unit_at(r, m)->flags |= U_HIDDEN;
	vdev__removal_finish(r, index);
}

static void hide_done(struct vdev_removal *r, uint32_t index, int status)
{
	struct unit *u = unit_at(r, index);

	failed(u, VDEV_REMOVAL_HIDE, status);
	u->cursor = vdev__removal_after(r, index, u->cursor);
	if (u->cursor != NOBODY)
		return;
	if (u->flags & O_HOLDING) {
		hold_members(r, index);
		return;
	}
	tear_from(r, index, vdev__removal_first(r, index));
	if (u->flags & O_ACKED)
		vdev__removal_note(r, index, 1u << VDEV_REMOVAL_ACKED);
}

static void count_outcome(struct vdev_removal *r, const struct unit *u)
{
	if (u->fault)
		r->stats.failed++;
	else if (u->flags & O_BY_GUEST)
		r->stats.removed_by_guest++;
	else
		r->stats.removed++;
}

static void tear_done(struct vdev_removal *r, uint32_t index, int status)
{
	struct unit *u = unit_at(r, index);
	uint32_t kind = vdev__removal_step_kind(r, u), member = u->cursor, next;

	if (kind != VDEV_REMOVAL_OUTCOME) {
		failed(u, kind, status);
		u->step = (uint8_t)next_not_left_out(r, u, u->step + 1u);
		return;
	}
	next = vdev__removal_after(r, index, member);
	count_outcome(r, u);
	u->fault = 0;
	u->fault_status = 0;
	if (next != NOBODY)
		tear_from(r, index, next);
	vdev__removal_member_gone(r, index, member);
	if (next == NOBODY && member != index)
		vdev__removal_members_done(r, index);
}

/* What came in while a step before HIDE was outstanding; 1 when the operation was turned. */
static int interrupted(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->flags & (O_ACKED | O_FORCED | O_SKIP))
		vdev__removal_go_hide(r, index);
	else if (u->flags & O_ABSORB)
		vdev__removal_back_out(r, index, 0);
	else if (u->flags & O_CANCEL)
		vdev__removal_back_out(r, index, VDEV_REMOVAL_CANCELLED);
	else if (u->flags & O_REFUSED)
		vdev__removal_refused(r, index);
	else
		return 0;
	return 1;
}

static void warn_done(struct vdev_removal *r, uint32_t index, int status)
{
	struct unit *u = unit_at(r, index);
	uint64_t guest_now = vdev__removal_guest_now(r);

	if (!status) {
		u->warnings += u->warnings < UINT16_MAX;
		r->stats.warnings++;
		if (!(u->flags & O_WARNED))
			vdev__removal_note(r, index, 1u << VDEV_REMOVAL_REQUESTED);
		u->flags |= O_WARNED;
	}
	u->warn_at = vdev__sat_add(guest_now, u->transport == VDEV_REMOVAL_PCIE && !status
						      ? r->config.button_ns
						      : r->config.notify_ns);
	if (interrupted(r, index))
		return;
	if (status == -EAGAIN) {
		u->phase = GAP;
	} else if (status && u->policy == VDEV_REMOVAL_ACK_FORCE) {
		u->flags |= O_FORCED;
		vdev__removal_go_hide(r, index);
	} else if (status) {
		failed(u, VDEV_REMOVAL_WARN, status);
		vdev__removal_back_out(r, index, VDEV_REMOVAL_ROLLED_BACK);
	} else {
		u->step++;
		vdev__removal_advance(r, index);
	}
}

static int not_idle(int status, int overdue)
{
	return status == -EBUSY || status == -ETIMEDOUT || (status && overdue);
}

static void pre_done(struct vdev_removal *r, uint32_t index, int status, int overdue)
{
	struct unit *u = unit_at(r, index);
	uint32_t kind = vdev__removal_step_kind(r, u), next;

	if (interrupted(r, index))
		return;
	if (!status) {
		next = takes_part(r, u, index, vdev__removal_after(r, index, u->cursor));
		if (next != NOBODY) {
			u->cursor = next;
			return;
		}
		u->step++;
		vdev__removal_advance(r, index);
	} else if (u->set == VDEV_REMOVAL_SAFE_IDLE && kind == VDEV_REMOVAL_QUIESCE &&
		   not_idle(status, overdue)) {
		u->flags |= O_RETURN | O_DEMOTED;
		vdev__removal_back_out(r, index, 0);
	} else {
		failed(u, kind, status);
		vdev__removal_back_out(r, index, VDEV_REMOVAL_ROLLED_BACK);
	}
}

static void note_done(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->note < 16) {
		u->note_cursor = vdev__removal_requested(r, index, u->note_cursor);
		if (u->note_cursor != NOBODY)
			return;
	}
	u->notes &= ~(1u << u->note);
	if (1u << u->note == N_UNHOLD && r->held)
		vdev__removal_start_held(r);
}

/* FORCE on an overdue action: go on without it, but release nothing it may still use (R10). */
void vdev__removal_stuck(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);
	uint32_t kind = vdev__removal_step_kind(r, u);

	if (u->stuck || kind == VDEV_REMOVAL_RELEASE || kind == VDEV_REMOVAL_OUTCOME ||
	    (u->flags & (A_CANCEL_DUE | A_CANCEL_OUT)))
		return;
	u->stuck = u->action;
	u->flags &= ~(A_OUT | A_OVERDUE);
	u->fault = (uint16_t)kind;
	u->fault_status = -ETIMEDOUT;
	r->stats.stuck++;
	vdev__removal_note(r, index, 1u << VDEV_REMOVAL_STUCK);
	if (u->phase == TEAR)
		u->step = (uint8_t)next_not_left_out(r, u, u->step + 1u);
	else if (u->phase == HIDE)
		hide_done(r, index, 0);
	else
		vdev__removal_go_hide(r, index);
	vdev__removal_settle_ready(r, index);
}

static void step_done(struct vdev_removal *r, uint32_t index, int status, int overdue)
{
	switch (unit_at(r, index)->phase) {
	case WARN:
		warn_done(r, index, status);
		break;
	case PRE:
		pre_done(r, index, status, overdue);
		break;
	case UNDO:
		vdev__removal_undo_next(r, index);
		break;
	case HIDE:
		hide_done(r, index, status);
		break;
	case TEAR:
		tear_done(r, index, status);
		break;
	default:
		vdev__removal_finish(r, index);
	}
}

/* 1 when `id` was outstanding and its end is noted; the unit may be gone then. */
static int end_action(struct vdev_removal *r, uint32_t index, uint64_t id, int status)
{
	struct unit *u = unit_at(r, index);
	int overdue = (u->flags & A_OVERDUE) != 0;

	if (u->stuck == id) {
		u->stuck = 0;
	} else if ((u->flags & A_CANCEL_OUT) && id == cancel_id(u)) {
		u->flags &= ~A_CANCEL_OUT;
	} else if ((u->flags & A_OUT) && id == u->action) {
		int note = (u->flags & A_NOTE) != 0;

		u->flags &= ~(A_OUT | A_OVERDUE | A_CANCEL_DUE | A_NOTE);
		if (note)
			note_done(r, index);
		else
			step_done(r, index, status, overdue);
	} else {
		return 0;
	}
	return 1;
}

int vdev_removal_done(struct vdev_removal *r, uint64_t now_ns, uint64_t action_id, int status)
{
	uint32_t index = (uint32_t)(action_id & (VDEV__TABLE_MAX - 1)), parent;
	struct unit *u;

	if (!r || status > 0)
		return -EINVAL;
	vdev__removal_tick(r, now_ns);
	u = action_id ? unit_at(r, index) : NULL;
	if (u) {
		parent = u->parent;
		vdev__removal_trace(r, VDEV_TRACE_DONE, 0, index, (uint64_t)(int64_t)status);
		if (end_action(r, index, action_id, status)) {
			if (unit_at(r, index))
				vdev__removal_settle_ready(r, index);
			vdev__removal_woken(r, parent);
			return waiting(r);
		}
	}
	r->stats.bad_done++;
	vdev__log(&r->env, VDEV_LOG_WARNING,
		  "removal: done(%#llx) refused: not outstanding (late, twice or unknown)",
		  (unsigned long long)action_id);
	return -ENOENT;
}
