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

/* The member after `m` (NOBODY: the first) whose step of this kind was given and can be undone. */
static uint32_t next_undone(const struct vdev_removal *r, uint32_t index, uint32_t m, uint32_t kind)
{
	const struct unit *u = unit_at(r, index);
	int begin = m == NOBODY;

	for (;; begin = 0) {
		if (!begin && m == u->undo_limit)
			return NOBODY;
		m = begin ? vdev__removal_first(r, index) : vdev__removal_after(r, index, m);
		if (m == NOBODY || ((u->marks & M_BEFORE) && m == u->undo_limit))
			return NOBODY;
		if (!vdev__removal_left_out(unit_at(r, m), kind))
			return m;
	}
}

/* Finds the newest step at or before `step` of the present set that has something to undo. */
static int find_in_set(const struct vdev_removal *r, uint32_t index, int step)
{
	struct unit *u = unit_at(r, index);
	uint32_t count;
	const struct vdev_removal_step *s = vdev__removal_steps(r, u->unit_class, u->set, &count);

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
		u->cursor = next_undone(r, index, NOBODY, s[step].kind);
		if (u->cursor != NOBODY)
			return 1;
	}
	return 0;
}

/* Also in the set that was left for this one (R6), unless the way leads back to it. */
static int find_undo(const struct vdev_removal *r, uint32_t index, int step)
{
	struct unit *u = unit_at(r, index);
	uint32_t count, i = 0;
	const struct vdev_removal_step *s;

	if (find_in_set(r, index, step))
		return 1;
	if (!(u->marks & M_SWITCHED) || (u->flags & O_RETURN))
		return 0;
	u->marks &= (uint8_t)~M_SWITCHED;
	u->set = u->from_set;
	s = vdev__removal_steps(r, u->unit_class, u->set, &count);
	while (s[i].kind != VDEV_REMOVAL_WARN && s[i].kind != VDEV_REMOVAL_HIDE)
		i++;
	return find_in_set(r, index, (int)i);
}

/* Calls `each` for the members of a target and, when it is a slot, for itself at the end. */
static void for_each(struct vdev_removal *r, uint32_t index, uint32_t flags,
		     void (*each)(struct vdev_removal *r, uint32_t index, uint32_t m,
				  uint32_t flags))
{
	uint32_t next;

	for (uint32_t m = vdev__removal_first(r, index); m != NOBODY; m = next) {
		next = vdev__removal_after(r, index, m);
		each(r, index, m, flags);
	}
	if (unit_at(r, index)->unit_class == VDEV_REMOVAL_PCI_SLOT)
		each(r, index, index, flags);
}

/* What a request would join now can do nothing for it: it begins when that is over. */
static int in_vain(const struct vdev_removal *r, uint32_t m)
{
	int force = (unit_at(r, m)->flags & U_NEXT_FORCED) != 0;
	uint32_t cover = vdev__removal_joins(r, m, force);

	return cover != NOBODY && vdev__removal_too_late(unit_at(r, cover), force);
}

/* Forgets who asked, but not who asked anew meanwhile. */
static void forget_request(struct vdev_removal *r, uint32_t index, uint32_t m, uint32_t flags)
{
	struct unit *u = unit_at(r, m);

	if (vdev__removal_spoken_for(r, index, m))
		return;
	if (!(flags & (O_HOLDING | O_ABSORB))) /* which speak for nobody */
		u->flags &= ~U_REQUESTED;
	if ((u->flags & U_NEXT) && !in_vain(r, m))
		u->flags = (u->flags & ~U_NEXT) | U_REQUESTED | U_ANEW;
	else if ((u->flags & U_REQUESTED) && vdev__removal_covering(r, m) == NOBODY)
		u->flags |= U_ANEW; /* what it joined gave way, and that to nothing */
}

/* Each who asked anew gets an operation of its own unit, not of what was above it. */
static void begin_next(struct vdev_removal *r, uint32_t index, uint32_t m, uint32_t flags)
{
	struct unit *u = unit_at(r, m), *t;
	uint32_t target = vdev__removal_target(r, m), cover;
	int force = (u->flags & U_NEXT_FORCED) != 0;

	if (!(u->flags & U_ANEW))
		return;
	u->flags &= ~(U_ANEW | U_NEXT_FORCED);
	cover = vdev__removal_joins(r, m, force);
	if (cover != NOBODY) {
		if (force)
			vdev__removal_upgrade(r, cover);
		return;
	}
	t = unit_at(r, target);
	t->flags |= force ? O_FORCED : 0;
	t->flags |= target == index && (flags & O_LATE_ACK) ? O_ACKED : 0;
	vdev__removal_begin(r, target);
}

static void check_slot(struct vdev_removal *r, uint32_t index, uint32_t m, uint32_t flags)
{
	(void)index;
	(void)flags;
	if (unit_at(r, m)->unit_class == VDEV_REMOVAL_PCI_SLOT)
		vdev__removal_slot_check(r, m);
}

/* The operation is over and its target is still there. */
static void clear(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);
	uint32_t flags = u->flags, emptied = u->marks & M_EMPTIED;

	u->phase = IDLE;
	u->flags &= ~O_ALL;
	u->marks = 0;
	u->notes &= N_OWN;
	vdev__removal_no_note(u);
	r->stats.operations--;
	/* What it gave way to speaks for all, unless that was cancelled meanwhile. */
	if (!(flags & O_ABSORB) || vdev__removal_covering(r, index) == NOBODY) {
		for_each(r, index, flags, forget_request);
		for_each(r, index, flags, begin_next);
	}
	if ((flags & O_LATE_ACK) && vdev__removal_covering(r, index) == NOBODY)
		vdev__removal_got_ack(r, NOBODY, index);
	if (u->phase == IDLE)
		u->flags &= ~O_ALL;
	if (emptied)
		vdev__removal_slot_emptied(r, index);
	for_each(r, index, flags, check_slot);
	if (u->flags & U_QUEUED)
		vdev__removal_slot_check(r,
					 u->parent); /* its slot may have become free meanwhile */
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
	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i))
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
		u->fault = u->fault_status = 0;
	u->outcome = (uint8_t)outcome;
	u->undo_limit = u->phase == PRE ? u->cursor : NOBODY;
	u->marks = (uint8_t)(u->marks & M_GIVEN ? u->marks & ~M_BEFORE : u->marks | M_BEFORE);
	u->phase = UNDO;
	undo_from(r, index, begun ? (int)u->step : -1);
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
	if (kind != VDEV_REMOVAL_WARN)
		next = next_undone(r, index, u->cursor, kind);
	if (next != NOBODY) {
		u->cursor = next;
		return;
	}
	u->undo_limit = NOBODY;
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

	if (u->flags & O_HOLDING) { /* there was nothing to hold */
		clear(r, target);
		return;
	}
	u->outcome = u->flags & O_BY_GUEST ? VDEV_REMOVAL_REMOVED_BY_GUEST : VDEV_REMOVAL_REMOVED;
	u->phase = END;
	u->cursor = target;
	if (!(u->flags & U_REQUESTED))
		clear(r, target);
	vdev__removal_settle_ready(r, target);
}

/* What a unit above is telling of it still, though its operation ended meanwhile. */
static void stop_telling(struct vdev_removal *r, uint32_t member)
{
	for (uint32_t at = unit_at(r, member)->parent; at != ROOT; at = unit_at(r, at)->parent) {
		struct unit *u = unit_at(r, at);

		if (u->note_cursor != member)
			continue;
		u->note_cursor = NOBODY;
		if (u->flags & A_AGAIN) /* and does not tell again */
			u->flags &= ~(A_AGAIN | A_NOTE);
		vdev__removal_settle_ready(r, at);
	}
}

/* Its outcome was told: handle and name are free (R10: last of all). */
void vdev__removal_member_gone(struct vdev_removal *r, uint32_t target, uint32_t member)
{
	struct unit *u = unit_at(r, member);
	uint32_t parent = u->parent;

	stop_telling(r, member);
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
	if (unit_at(r, parent)->unit_class == VDEV_REMOVAL_PCI_SLOT)
		vdev__removal_slot_check(r, parent);
}
