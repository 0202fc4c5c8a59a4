/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: undoing, telling who asked, and forgetting (R10, R12).
 */
#include "internal.h"

static int warned(const struct unit *u)
{
	return (u->flags & (O_WARNED | O_DROPPED | O_RETURN)) == O_WARNED &&
	       (u->transport == VDEV_REMOVAL_PCIE || u->transport == VDEV_REMOVAL_PVDEV);
}

static uint32_t first_undone(const struct vdev_removal *r, uint32_t index, uint32_t kind)
{
	uint32_t m = vdev__removal_first(r, index);

	while (m != NOBODY && vdev__removal_left_out(unit_at(r, m), kind))
		m = vdev__removal_after(r, index, m);
	return m;
}

static int at_limit(const struct unit *u, uint32_t member)
{
	return (u->marks & M_BEFORE) && member == u->undo_limit;
}

/* Finds the newest step at or before u->step that has something to undo; 0: none left. */
static int find_undo(const struct vdev_removal *r, uint32_t index, int step)
{
	struct unit *u = unit_at(r, index);
	uint32_t count;
	const struct vdev_removal_step *s = vdev__removal_steps(r, u->unit_class, u->set, &count);
	int in_set = 0;

	for (uint32_t i = 0; i < count; i++)
		in_set |= s[i].kind == VDEV_REMOVAL_WARN;
	for (; step >= 0; step--, u->undo_limit = NOBODY) {
		u->step = (uint8_t)step;
		if (s[step].undo == VDEV_REMOVAL_NO_UNDO)
			continue;
		if (s[step].kind == VDEV_REMOVAL_WARN) {
			u->cursor = index;
			if (warned(u))
				return 1;
			continue;
		}
		u->cursor = first_undone(r, index, s[step].kind);
		if (u->cursor != NOBODY && !at_limit(u, u->cursor))
			return 1;
	}
	if (in_set || !warned(u))
		return 0;
	u->step = STEP_WARNING; /* given under another level's set (R6, R12) */
	u->cursor = index;
	return 1;
}

/* Forgets who asked; 1 when somebody asked anew meanwhile. */
static int next_requests(struct vdev_removal *r, uint32_t index, int keep, int *ret_force)
{
	uint32_t m = vdev__removal_first(r, index);
	int again = 0, self = 0;

	while (m != NOBODY || !self) {
		struct unit *u = unit_at(r, m == NOBODY ? index : m);

		if (m == NOBODY || m == index)
			self = 1;
		if (m != NOBODY && vdev__removal_spoken_for(r, index, m)) {
			m = vdev__removal_after(r, index, m);
			continue;
		}
		*ret_force |= (u->flags & U_NEXT_FORCED) != 0;
		if (!(u->flags & U_NEXT) && !keep)
			u->flags &= ~U_REQUESTED;
		if (u->flags & U_NEXT)
			u->flags |= U_REQUESTED;
		again |= (u->flags & U_REQUESTED) != 0;
		u->flags &= ~(U_NEXT | U_NEXT_FORCED);
		m = m == NOBODY ? NOBODY : vdev__removal_after(r, index, m);
	}
	return again;
}

/* The operation is over and its target is still there. */
static void clear(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);
	uint32_t flags = u->flags;
	int again = 0, force = 0, emptied;

	emptied = u->marks & M_EMPTIED;

	u->phase = IDLE;
	u->flags &= ~O_ALL;
	u->marks = 0;
	u->notes &= N_OWN;
	u->note_cursor = NOBODY;
	r->stats.operations--;
	if (!(flags & O_ABSORB))
		again = next_requests(r, index, (flags & O_HOLDING) != 0, &force);
	force |= (flags & (O_HOLDING | O_FORCED)) == (O_HOLDING | O_FORCED);
	if (again) {
		u->flags |= (force ? O_FORCED : 0) | (flags & O_LATE_ACK ? O_ACKED : 0);
		vdev__removal_begin(r, index);
	} else if (flags & O_LATE_ACK) {
		vdev__removal_got_ack(r, vdev__removal_covering(r, index), index);
	}
	if (u->unit_class == VDEV_REMOVAL_PCI_SLOT) {
		if (emptied)
			vdev__removal_slot_emptied(r, index);
		else
			vdev__removal_slot_check(r, index);
	}
	vdev__removal_settle_ready(r, index);
}

static void count_final(struct vdev_removal *r, uint32_t outcome)
{
	r->stats.refused += outcome == VDEV_REMOVAL_REFUSED;
	r->stats.rolled_back += outcome == VDEV_REMOVAL_ROLLED_BACK;
	r->stats.cancelled += outcome == VDEV_REMOVAL_CANCELLED;
}

/* All is undone. The guest may have let go meanwhile: then the way is forward (R12). */
static void undo_end(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);
	int forward =
		u->outcome != VDEV_REMOVAL_CANCELLED && u->outcome != VDEV_REMOVAL_ROLLED_BACK;

	if ((u->flags & O_LATE_ACK) && forward && !(u->flags & O_ABSORB)) {
		u->flags = (u->flags | O_ACKED) & ~O_LATE_ACK;
		vdev__removal_go_hide(r, index);
		return;
	}
	if (u->flags & O_RETURN) {
		u->flags &= ~O_RETURN;
		vdev__removal_switch(r, index, VDEV_REMOVAL_UNSAFE);
		return;
	}
	count_final(r, u->outcome);
	u->phase = END;
	u->cursor = vdev__removal_requested(r, index, NOBODY);
	if ((u->flags & O_ABSORB) || !u->outcome || u->cursor == NOBODY)
		clear(r, index);
}

static void undo_from(struct vdev_removal *r, uint32_t index, int step)
{
	if (find_undo(r, index, step))
		vdev__removal_settle_ready(r, index);
	else
		undo_end(r, index);
}

/* UNHOLD would abort a migration for a request that is no more. */
static void unhold_for_nobody(struct vdev_removal *r, uint32_t index)
{
	for (uint32_t i = vdev__table_next(&r->units, ROOT + 1); i != UINT32_MAX;
	     i = vdev__table_next(&r->units, i + 1))
		if (i != index && unit_at(r, i)->phase == HELD && (unit_at(r, i)->flags & O_FORCED))
			return;
	if (!(unit_at(r, ROOT)->flags & (A_OUT | A_AGAIN)))
		unit_at(r, ROOT)->notes &= ~N_UNHOLD;
	vdev__removal_settle_ready(r, ROOT);
}

/* Gives an operation up before the point of no return; outcome 0 ends it without a word. */
void vdev__removal_back_out(struct vdev_removal *r, uint32_t index, uint32_t outcome)
{
	struct unit *u = unit_at(r, index);
	int begun = u->phase != HELD && u->phase != BELOW;

	if (u->phase == HELD && (u->flags & O_FORCED))
		unhold_for_nobody(r, index);
	if (outcome != VDEV_REMOVAL_REFUSED && outcome != VDEV_REMOVAL_ROLLED_BACK)
		u->fault = 0;
	u->outcome = (uint8_t)outcome;
	u->undo_limit = u->phase == PRE ? u->cursor : NOBODY;
	u->marks = (uint8_t)(u->marks & M_GIVEN ? u->marks & ~M_BEFORE : u->marks | M_BEFORE);
	u->phase = UNDO;
	undo_from(r, index, begun ? (int)u->step : -1);
	if (unit_at(r, index))
		vdev__removal_settle_ready(r, index);
}

/* An undo has ended. */
void vdev__removal_undo_next(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);
	uint32_t kind = vdev__removal_step_kind(r, u), next = NOBODY;

	if (kind == VDEV_REMOVAL_WARN)
		u->flags &= ~O_WARNED;
	if (u->flags & (O_FORCED | O_SKIP)) {
		vdev__removal_go_hide(r, index);
		return;
	}
	if (kind != VDEV_REMOVAL_WARN && u->cursor != u->undo_limit)
		next = vdev__removal_after(r, index, u->cursor);
	while (next != NOBODY && vdev__removal_left_out(unit_at(r, next), kind))
		next = vdev__removal_after(r, index, next);
	if (next != NOBODY && !at_limit(u, next)) {
		u->cursor = next;
		return;
	}
	u->undo_limit = NOBODY;
	if (u->step == STEP_WARNING)
		undo_end(r, index);
	else
		undo_from(r, index, (int)u->step - 1);
}

/* One of those who asked has been told, or there is nobody to tell. */
void vdev__removal_finish(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->phase == END) {
		u->cursor = vdev__removal_requested(r, index, u->cursor);
		if (u->cursor != NOBODY)
			return;
	}
	clear(r, index);
}

/* The slot is empty: it was the target, and stays. */
void vdev__removal_members_done(struct vdev_removal *r, uint32_t target)
{
	struct unit *u = unit_at(r, target);

	u->outcome = u->flags & O_BY_GUEST ? VDEV_REMOVAL_REMOVED_BY_GUEST : VDEV_REMOVAL_REMOVED;
	u->phase = END;
	u->cursor = target;
	if (!(u->flags & U_REQUESTED))
		clear(r, target);
}

/* Its outcome was told: handle and name are free (R10: last of all). */
void vdev__removal_member_gone(struct vdev_removal *r, uint32_t target, uint32_t member)
{
	struct unit *u = unit_at(r, member);
	uint32_t parent = u->parent;

	if (u->name)
		vdev__hash_del(&r->names, u->name);
	if (u->address != VDEV_NONE)
		vdev__hash_del(&r->addresses, u->address);
	vdev__removal_ready_drop(r, member);
	vdev__deadlines_cancel(&r->deadlines, member);
	vdev__removal_unlink(r, member);
	vdev__table_del(&r->units, member);
	r->stats.units--;
	if (member != target) {
		unit_at(r, target)->marks |= M_EMPTIED;
		return;
	}
	r->stats.operations--;
	if (unit_at(r, parent)->unit_class == VDEV_REMOVAL_PCI_SLOT && parent != ROOT)
		vdev__removal_slot_check(r, parent);
}
