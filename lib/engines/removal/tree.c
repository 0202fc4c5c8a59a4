/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: which units belong together (R2).
 *
 * Members of a target are visited leaf first. Children of one parent are kept in falling order of
 * their function number, so that function 0 comes last; children of the VM itself have no order.
 */
#include "internal.h"

void vdev__removal_link(struct vdev_removal *r, uint32_t index, uint32_t parent)
{
	struct unit *u = unit_at(r, index), *p = unit_at(r, parent);
	uint32_t prev = NOBODY, next = p->child;

	u->parent = parent;
	while (parent != ROOT && next != NOBODY && unit_at(r, next)->function > u->function) {
		prev = next;
		next = unit_at(r, next)->next;
	}
	u->prev = prev;
	u->next = next;
	if (next != NOBODY)
		unit_at(r, next)->prev = index;
	if (prev != NOBODY)
		unit_at(r, prev)->next = index;
	else
		p->child = index;
}

void vdev__removal_unlink(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->prev != NOBODY)
		unit_at(r, u->prev)->next = u->next;
	else
		unit_at(r, u->parent)->child = u->next;
	if (u->next != NOBODY)
		unit_at(r, u->next)->prev = u->prev;
}

/* A unit that waits for the slot that is being emptied is not part of what leaves. */
static int belongs(const struct unit *u, uint32_t target)
{
	return !(u->flags & U_QUEUED) || u->parent != target;
}

static uint32_t skip(const struct vdev_removal *r, uint32_t target, uint32_t index)
{
	while (index != NOBODY && !belongs(unit_at(r, index), target))
		index = unit_at(r, index)->next;
	return index;
}

static uint32_t leaf(const struct vdev_removal *r, uint32_t target, uint32_t index)
{
	uint32_t child;

	while ((child = skip(r, target, unit_at(r, index)->child)) != NOBODY)
		index = child;
	return index;
}

static int outlives(const struct unit *target)
{
	return target->unit_class == VDEV_REMOVAL_PCI_SLOT;
}

/* First member in order of teardown, or NOBODY: an empty slot. */
uint32_t vdev__removal_first(const struct vdev_removal *r, uint32_t target)
{
	uint32_t index = leaf(r, target, target);

	return index == target && outlives(unit_at(r, target)) ? NOBODY : index;
}

uint32_t vdev__removal_after(const struct vdev_removal *r, uint32_t target, uint32_t member)
{
	const struct unit *u = unit_at(r, member);
	uint32_t next;

	if (member == target)
		return NOBODY;
	next = skip(r, target, u->next);
	if (next != NOBODY)
		return leaf(r, target, next);
	if (u->parent == target && outlives(unit_at(r, target)))
		return NOBODY;
	return u->parent;
}

/* The unit that a request for `index` acts on: the slot it is plugged into, or itself; a slot, even
 * directly below another one, is itself. */
uint32_t vdev__removal_target(const struct vdev_removal *r, uint32_t index)
{
	const struct unit *u = unit_at(r, index);

	if (u->parent == ROOT || (u->flags & U_QUEUED) || outlives(u))
		return index;
	return outlives(unit_at(r, u->parent)) ? u->parent : index;
}

/* Target of the topmost operation that covers a unit, or NOBODY. */
uint32_t vdev__removal_covering(const struct vdev_removal *r, uint32_t index)
{
	uint32_t found = NOBODY, below = NOBODY, at = index;

	while (at != ROOT) {
		const struct unit *u = unit_at(r, at);

		if (u->phase != IDLE && (below == NOBODY || belongs(unit_at(r, below), at)))
			found = at;
		below = at;
		at = u->parent;
	}
	return found;
}

/* The lowest operation at or above a unit that has begun, is its own, or has one of these flags. */
static uint32_t nearest(const struct vdev_removal *r, uint32_t index, uint32_t flags)
{
	uint32_t own = vdev__removal_target(r, index), below = NOBODY;

	for (uint32_t at = index; at != ROOT; below = at, at = unit_at(r, at)->parent) {
		const struct unit *u = unit_at(r, at);

		if (below != NOBODY && !belongs(unit_at(r, below), at))
			continue;
		if (u->phase > BELOW ||
		    (u->phase != IDLE && (at == index || at == own || (u->flags & flags))))
			return at;
	}
	return NOBODY;
}

/*
 * Target of the operation that an answer about a unit is for, or NOBODY. One that has not begun to
 * ask anybody is answered only by its own unit (or what is plugged into its slot): an answer for
 * something further down says nothing about the rest.
 */
uint32_t vdev__removal_answered(const struct vdev_removal *r, uint32_t index)
{
	return nearest(r, index, 0);
}

/*
 * Target of the operation that a request joins, NOBODY: it gets one of its own. FORCE is for what it
 * was asked for: what is above, has not begun and would ask the guest waits for it instead (R11).
 */
uint32_t vdev__removal_joins(const struct vdev_removal *r, uint32_t index, int force)
{
	uint32_t top = vdev__removal_covering(r, index), near;

	if (top == NOBODY || !force)
		return top;
	near = nearest(r, index, O_FORCED | O_ACKED);
	/* What the guest has ejected is hidden first, unless that waits for what never ends. */
	if ((unit_at(r, top)->flags & O_HOLDING) && !(unit_at(r, near)->flags & A_OVERDUE))
		return top;
	return near;
}

/* Which operation speaks for a member of `target`: one of its own that goes on by itself, or that. */
uint32_t vdev__removal_speaker(const struct vdev_removal *r, uint32_t target, uint32_t member)
{
	uint32_t below = NOBODY;

	/* MCDC 2: a member is below its target; bounds the walk should one have been freed meanwhile */
	for (uint32_t at = member; at != target && at != ROOT; at = unit_at(r, at)->parent) {
		const struct unit *u = unit_at(r, at);

		if (u->phase != IDLE && !(u->flags & (O_ABSORB | O_HOLDING)) &&
		    (below == NOBODY || belongs(unit_at(r, below), at)))
			return at;
		below = at;
	}
	return target;
}

int vdev__removal_spoken_for(const struct vdev_removal *r, uint32_t target, uint32_t member)
{
	return vdev__removal_speaker(r, target, member) != target;
}

/* The next unit under an operation that somebody asked for, after `after` (NOBODY: from the start). */
uint32_t vdev__removal_requested(const struct vdev_removal *r, uint32_t target, uint32_t after)
{
	uint32_t m;

	if (after == target)
		return NOBODY;
	m = after == NOBODY ? vdev__removal_first(r, target)
			    : vdev__removal_after(r, target, after);
	while (m != NOBODY &&
	       (!(unit_at(r, m)->flags & U_REQUESTED) || vdev__removal_spoken_for(r, target, m)))
		m = vdev__removal_after(r, target, m);
	if (m == NOBODY && outlives(unit_at(r, target)) &&
	    (unit_at(r, target)->flags & U_REQUESTED))
		return target;
	return m;
}
