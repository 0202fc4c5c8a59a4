/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: HIDE and what comes after it, and the results of actions (R8, R12, action contract).
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

void vdev__removal_go_hide(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (!u->stuck)
		u->fault = u->fault_status = 0;
	/* too late to give way, to stay, or to be let go unasked */
	u->flags &= ~(O_ABSORB | O_CANCEL | O_LATE_ACK);
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

/* The backend of the member at the cursor is gone: nothing waits for it any more (R14). */
void vdev__removal_skip_left_out(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (step_out(u))
		return;
	if (u->phase == TEAR) {
		u->step = (uint8_t)next_not_left_out(r, u, u->step);
	} else if (u->phase == PRE) {
		uint32_t next = vdev__removal_takes_part(r, u, index, u->cursor);

		if (next != NOBODY) {
			u->cursor = next;
		} else {
			u->step++;
			vdev__removal_advance(r, index);
		}
	}
	vdev__removal_settle_ready(r, index);
}

void vdev__removal_failed(struct unit *u, uint32_t kind, int status)
{
	if (status < 0 && !u->fault) {
		u->fault = (uint16_t)kind;
		u->fault_status = (int16_t)(status < INT16_MIN ? INT16_MIN : status);
	}
}

static void hold_members(struct vdev_removal *r, uint32_t index)
{
	uint32_t back = unit_at(r, index)->marks & M_POWER_ON;

	for (uint32_t m = vdev__removal_first(r, index); m != NOBODY;
	     m = vdev__removal_after(r, index, m))
		unit_at(r, m)->flags |= U_HIDDEN;
	vdev__removal_finish(r, index);
	if (back && unit_at(r, index)->phase == IDLE)
		vdev__removal_give_back(r, index);
}

static void hide_done(struct vdev_removal *r, uint32_t index, int status)
{
	struct unit *u = unit_at(r, index);

	vdev__removal_failed(u, VDEV_REMOVAL_HIDE, status);
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
		vdev__removal_failed(u, kind, status);
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

static void note_done(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->note < 16 && !(u->notes >> u->note & 1u)) {
		u->note_cursor = NOBODY; /* its operation ended meanwhile */
		return;
	}
	if (u->note < 16) {
		u->note_cursor = vdev__removal_requested(r, index, u->note_cursor);
		if (u->note_cursor != NOBODY)
			return;
	}
	if (index == ROOT && (u->marks & M_STALE)) {
		u->marks = 0;
		return; /* another hold has begun since; it is asked for by itself */
	}
	u->notes &= ~(1u << u->note);
	if (1u << u->note == N_UNHOLD)
		vdev__removal_start_held(r);
}

/* FORCE on an overdue action: go on without it, but release nothing it may still use (R10). */
void vdev__removal_stuck(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);
	uint32_t kind = vdev__removal_step_kind(r, u);

	if (u->stuck || kind == VDEV_REMOVAL_RELEASE) /* an outcome has no deadline */
		return;
	if (u->flags & (A_CANCEL_DUE | A_CANCEL_OUT | A_AGAIN)) {
		u->marks |= M_GIVE_UP;
		return;
	}
	u->marks &= (uint8_t)~M_CANCEL_GIVEN;
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
		vdev__removal_warn_done(r, index, status);
		break;
	case PRE:
		vdev__removal_pre_done(r, index, status, overdue);
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

static int outstanding(const struct unit *u, uint64_t id)
{
	return u->stuck == id || ((u->flags & A_CANCEL_OUT) && id == cancel_id(u)) ||
	       ((u->flags & A_OUT) && id == u->action);
}

/* The unit may be gone afterwards. */
static void end_action(struct vdev_removal *r, uint32_t index, uint64_t id, int status)
{
	struct unit *u = unit_at(r, index);
	int overdue = (u->flags & A_OVERDUE) != 0;

	if (u->stuck == id) {
		u->stuck = 0;
	} else if ((u->flags & A_CANCEL_OUT) && id == cancel_id(u)) {
		u->flags &= ~A_CANCEL_OUT;
		if (u->marks & M_GIVE_UP) {
			u->marks &= ~M_GIVE_UP;
			vdev__removal_stuck(r, index);
		}
	} else {
		int note = (u->flags & A_NOTE) != 0;

		u->flags &= ~(A_OUT | A_OVERDUE | A_CANCEL_DUE | A_NOTE);
		u->marks &= (uint8_t) ~(M_GIVE_UP | M_CANCEL_GIVEN);
		if (note)
			note_done(r, index);
		else
			step_done(r, index, status, overdue);
	}
}

int vdev_removal_done(struct vdev_removal *r, uint64_t now_ns, uint64_t action_id, int status)
{
	uint32_t index = (uint32_t)(action_id & (VDEV__TABLE_MAX - 1)), parent;

	if (!r || status > 0)
		return -EINVAL;
	if (!action_id || !in_use(r, index) || !outstanding(unit_at(r, index), action_id)) {
		r->stats.bad_done++;
		vdev__log(&r->env, VDEV_LOG_WARNING,
			  "removal: done(%#llx) refused: not outstanding (late, twice or unknown)",
			  (unsigned long long)action_id);
		return -ENOENT;
	}
	vdev__removal_tick(r, now_ns);
	parent = unit_at(r, index)->parent;
	vdev__removal_trace(r, VDEV_TRACE_DONE, 0, index, (uint64_t)(int64_t)status);
	end_action(r, index, action_id, status);
	if (in_use(r, index))
		vdev__removal_settle_ready(r, index);
	vdev__removal_woken(r, parent);
	return waiting(r);
}
