/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: giving actions out (R8, action contract).
 *
 * The ready list holds the units that have something to give. An action is built from the state of
 * its operation alone, and the state moves on only in done(), so the same action can be built again
 * after an image was loaded.
 */
#include "internal.h"

void vdev__removal_ready_push(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->flags & A_READY)
		return;
	u->flags |= A_READY;
	u->ready_next = NOBODY;
	u->ready_prev = r->ready_tail;
	if (r->ready_tail != NOBODY)
		unit_at(r, r->ready_tail)->ready_next = index;
	else
		r->ready_head = index;
	r->ready_tail = index;
	r->ready_count++;
}

void vdev__removal_ready_drop(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (!(u->flags & A_READY))
		return;
	u->flags &= ~A_READY;
	if (u->ready_prev != NOBODY)
		unit_at(r, u->ready_prev)->ready_next = u->ready_next;
	else
		r->ready_head = u->ready_next;
	if (u->ready_next != NOBODY)
		unit_at(r, u->ready_next)->ready_prev = u->ready_prev;
	else
		r->ready_tail = u->ready_prev;
	r->ready_count--;
}

uint32_t vdev__removal_step_kind(const struct vdev_removal *r, const struct unit *u)
{
	uint32_t count;
	const struct vdev_removal_step *s = vdev__removal_steps(r, u->unit_class, u->set, &count);

	return u->step < count ? s[u->step].kind : VDEV_REMOVAL_OUTCOME;
}

/* RELEASE waits for an action that never ended; an outcome that frees a unit, for its notes. */
static int parked(const struct vdev_removal *r, const struct unit *u, uint32_t index)
{
	uint32_t kind = vdev__removal_step_kind(r, u);

	if (kind == VDEV_REMOVAL_RELEASE)
		return u->stuck != 0;
	return kind == VDEV_REMOVAL_OUTCOME && u->cursor != index &&
	       (unit_at(r, u->cursor)->flags & (A_OUT | A_AGAIN | A_CANCEL_OUT)) != 0;
}

static int step_ready(const struct vdev_removal *r, const struct unit *u, uint32_t index)
{
	switch (u->phase) {
	case WARN:
	case PRE:
	case UNDO:
	case HIDE:
	case END:
		return 1;
	case TEAR:
		return !parked(r, u, index);
	default:
		return 0;
	}
}

/* Puts a unit into the ready list or takes it out, as its state says, and sets its timer. */
void vdev__removal_settle_ready(struct vdev_removal *r, uint32_t index)
{
	const struct unit *u = unit_at(r, index);
	int give;

	if (u->flags & A_CANCEL_DUE)
		give = 1;
	else if (u->flags & (A_OUT | A_CANCEL_OUT))
		give = 0;
	else
		give = (u->flags & A_AGAIN) || u->notes || step_ready(r, u, index);
	if (give)
		vdev__removal_ready_push(r, index);
	else
		vdev__removal_ready_drop(r, index);
	vdev__removal_rearm(r, index);
}

void vdev__removal_note(struct vdev_removal *r, uint32_t index, uint32_t notes)
{
	struct unit *u = unit_at(r, index);

	if (!(notes & N_OWN) && vdev__removal_requested(r, index, NOBODY) == NOBODY)
		return;
	u->notes |= notes;
	vdev__removal_settle_ready(r, index);
}

static uint32_t lowest_bit(uint32_t bits)
{
	uint32_t n = 0;

	while (!(bits >> n & 1u))
		n++;
	return n;
}

static void fill(const struct vdev_removal *r, struct vdev_action *a, uint32_t kind, uint32_t dev,
		 uint32_t target)
{
	const struct unit *d = unit_at(r, dev), *t = unit_at(r, target);

	a->kind = kind;
	a->dev = handle_of(r, dev);
	a->user_data = d->user_data;
	a->arg[0] = handle_of(r, target);
	a->arg[1] = t->user_data;
	a->flags |= d->flags & U_GONE_BACKEND ? VDEV_REMOVAL_BACKEND_GONE : 0;
	a->flags |= t->flags & O_FORCED ? VDEV_REMOVAL_FORCED : 0;
}

static void fill_outcome(struct vdev_action *a, const struct unit *u, uint32_t outcome)
{
	a->kind = VDEV_REMOVAL_OUTCOME;
	a->arg[0] = outcome;
	a->arg[1] = u->fault;
	a->arg[2] = (uint64_t)(int64_t)u->fault_status;
}

static void build_note(const struct vdev_removal *r, struct unit *u, uint32_t index,
		       struct vdev_action *a)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_ANNOUNCE, VDEV_REMOVAL_REANNOUNCE,
					 VDEV_REMOVAL_REDECLARE, VDEV_REMOVAL_UNHOLD};

	if (u->note >= 16) {
		fill(r, a, kinds[u->note - 16], index, index);
		a->arg[2] = u->note == 17 ? vdev__table_before(a->dev) : 0; /* REANNOUNCE */
		return;
	}
	fill(r, a, VDEV_REMOVAL_OUTCOME, u->note_cursor, index);
	fill_outcome(a, u, u->note);
	if (u->note != VDEV_REMOVAL_STUCK)
		a->arg[1] = a->arg[2] = 0;
}

static uint32_t final_outcome(const struct unit *u)
{
	if (u->fault)
		return VDEV_REMOVAL_FAILED_AT;
	return u->flags & O_BY_GUEST ? VDEV_REMOVAL_REMOVED_BY_GUEST : VDEV_REMOVAL_REMOVED;
}

static void build_undo(const struct vdev_removal *r, const struct unit *u, uint32_t index,
		       struct vdev_action *a)
{
	uint32_t count;
	const struct vdev_removal_step *s = vdev__removal_steps(r, u->unit_class, u->set, &count);

	s += u->step;
	fill(r, a, s->undo, u->cursor, index);
	a->deadline_ns = vdev__sat_add(r->now, s->deadline_ns);
	if (a->kind == VDEV_REMOVAL_UNWARN)
		a->arg[2] = (u->control & 0x300u) == 0x200u;
}

static void build_step(const struct vdev_removal *r, const struct unit *u, uint32_t index,
		       struct vdev_action *a)
{
	uint32_t kind = vdev__removal_step_kind(r, u);

	if (u->phase == UNDO) {
		build_undo(r, u, index, a);
		return;
	}
	fill(r, a, kind, u->phase == WARN ? index : u->cursor, index);
	if (u->phase == END) {
		fill_outcome(a, u, u->outcome);
		a->flags |= VDEV_REMOVAL_FINAL;
		return;
	}
	if (kind == VDEV_REMOVAL_OUTCOME) {
		fill_outcome(a, u, final_outcome(u));
		a->flags |= VDEV_REMOVAL_FINAL | VDEV_REMOVAL_GONE;
		return;
	}
	a->deadline_ns = vdev__sat_add(r->now, vdev__removal_step_ns(r, u, u->step));
	if (kind == VDEV_REMOVAL_WARN)
		a->arg[2] = u->warnings + 1u;
	if (kind == VDEV_REMOVAL_HIDE && vdev__removal_after(r, index, u->cursor) == NOBODY)
		a->flags |= VDEV_REMOVAL_LAST;
}

static void give_cancel(struct vdev_removal *r, struct unit *u, uint32_t index,
			struct vdev_action *a)
{
	uint64_t kind;

	build_step(r, u, index, a);
	kind = a->kind;
	a->kind = VDEV_CANCEL;
	a->id = cancel_id(u);
	a->deadline_ns = VDEV_NONE;
	a->arg[0] = u->action;
	a->arg[1] = kind;
	a->arg[2] = 0;
	a->flags |= u->marks & M_CANCEL_GIVEN ? VDEV_REMOVAL_AGAIN : 0;
	u->marks |= M_CANCEL_GIVEN;
	u->flags = (u->flags & ~A_CANCEL_DUE) | A_CANCEL_OUT;
	r->stats.cancels++;
}

/* Own notes (ANNOUNCE ...) come before everything; HIDE comes before telling who asked (R8). */
static int note_first(const struct unit *u)
{
	return (u->notes & N_OWN) || (u->notes && u->phase != HIDE);
}

/* 0: it was a note for somebody who does not wait any more. */
static int pick(struct vdev_removal *r, struct unit *u, uint32_t index)
{
	r->sequence += 2;
	u->action = r->sequence << VDEV__TABLE_INDEX_BITS | index;
	u->flags &= ~A_NOTE;
	if (!note_first(u))
		return 1;
	u->flags |= A_NOTE;
	if (u->note_cursor != NOBODY)
		return 1; /* the same note, to the next one who asked */
	u->note = (uint8_t)lowest_bit(u->notes & N_OWN ? u->notes & N_OWN : u->notes);
	if (u->note >= 16)
		return 1;
	u->note_cursor = vdev__removal_requested(r, index, NOBODY);
	if (u->note_cursor != NOBODY)
		return 1;
	u->flags &= ~A_NOTE;
	u->notes &= N_OWN;
	return 0;
}

static int give(struct vdev_removal *r, uint32_t index, struct vdev_action *a)
{
	struct unit *u = unit_at(r, index);
	uint64_t left;

	*a = (struct vdev_action){.deadline_ns = VDEV_NONE};
	if (u->flags & A_CANCEL_DUE) {
		give_cancel(r, u, index, a);
		return 1;
	}
	if (!(u->flags & A_AGAIN) && !pick(r, u, index))
		return 0;
	if (u->flags & A_NOTE)
		build_note(r, u, index, a);
	else
		build_step(r, u, index, a);
	a->id = u->action;
	if (u->flags & A_AGAIN) {
		left = vdev__deadlines_get(&r->deadlines, index);
		if (a->deadline_ns != VDEV_NONE) /* what is left; none when it ran out meanwhile */
			a->deadline_ns = left == VDEV_NONE ? r->now : left;
		a->flags |= VDEV_REMOVAL_AGAIN;
	}
	u->flags = (u->flags & ~A_AGAIN) | A_OUT;
	if (u->flags & A_OVERDUE) { /* it was when the image was written */
		u->flags |= A_CANCEL_DUE;
		vdev__removal_settle_ready(r, index);
	} else if (!(u->flags & A_NOTE)) {
		vdev__deadlines_arm(&r->deadlines, index, a->deadline_ns);
	}
	return 1;
}

int vdev_removal_next(struct vdev_removal *r, struct vdev_action *ret_action, size_t size)
{
	struct vdev_action a;
	uint32_t index;
	int given;

	if (!r || !ret_action || !size)
		return -EINVAL;
	do {
		index = r->ready_head;
		if (index == NOBODY)
			return 0;
		vdev__removal_ready_drop(r, index);
		given = give(r, index, &a);
		if (!given)
			vdev__removal_settle_ready(r, index);
	} while (!given);
	if (vdev__tracing(&r->env)) {
		struct vdev_trace t = {
			r->now, a.dev,   a.user_data, a.id, VDEV_PART_REMOVAL, VDEV_TRACE_ACTION,
			a.kind, a.flags, a.arg[0]};

		r->env.trace(r->env.user, &t);
	}
	vdev__copy_out(ret_action, size, &a, sizeof(a));
	return 1;
}
