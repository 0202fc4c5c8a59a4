/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: the table of support levels (R1, R2, R6, R7, R15).
 *
 * The level that counts is kept, ready to read, in the atomic word of the handle table.
 */
#include "internal.h"

int vdev__removal_valid_level(uint32_t level)
{
	return level <= VDEV_REMOVAL_SAFE ||
	       (level >= VDEV_REMOVAL_OWN_FIRST && level <= VDEV_REMOVAL_OWN_LAST);
}

/* Order of caution; the VMM's own levels are no better than UNSAFE where they do not agree. */
static uint32_t rank(uint32_t level)
{
	return level >= VDEV_REMOVAL_OWN_FIRST ? VDEV_REMOVAL_UNSAFE : level;
}

static uint32_t lower(uint32_t a, uint32_t b)
{
	if (rank(a) == rank(b))
		return a == b ? a : VDEV_REMOVAL_UNSAFE;
	return rank(a) < rank(b) ? a : b;
}

static uint32_t trusted_guest_level(const struct vdev_removal *r, const struct unit *u)
{
	if ((r->config.flags & VDEV_REMOVAL_UNTRUSTED) && u->guest_level > VDEV_REMOVAL_UNSAFE)
		return VDEV_REMOVAL_UNSAFE;
	return u->guest_level;
}

uint32_t vdev__removal_effective(const struct vdev_removal *r, const struct unit *u)
{
	switch (r->config.level_policy) {
	case VDEV_REMOVAL_LEVEL_OPERATOR:
		return u->operator_level;
	case VDEV_REMOVAL_LEVEL_LOWER:
		return lower(trusted_guest_level(r, u), u->operator_level);
	default:
		return trusted_guest_level(r, u);
	}
}

void vdev__removal_publish(struct vdev_removal *r, uint32_t index)
{
	vdev__table_set_payload(&r->units, index, vdev__removal_effective(r, unit_at(r, index)));
}

static uint32_t because_of(const struct vdev_removal *r, const struct unit *u, uint32_t level)
{
	if (level == VDEV_REMOVAL_UNSAFE && u->guest_level > VDEV_REMOVAL_UNSAFE &&
	    (r->config.flags & VDEV_REMOVAL_UNTRUSTED) &&
	    r->config.level_policy != VDEV_REMOVAL_LEVEL_OPERATOR)
		return VDEV_REMOVAL_BECAUSE_UNTRUSTED;
	switch (level) {
	case VDEV_REMOVAL_UNKNOWN:
		return VDEV_REMOVAL_BECAUSE_UNKNOWN;
	case VDEV_REMOVAL_UNSAFE:
		return VDEV_REMOVAL_BECAUSE_UNSAFE;
	case VDEV_REMOVAL_SAFE_IDLE:
		return VDEV_REMOVAL_BECAUSE_SAFE_IDLE;
	case VDEV_REMOVAL_SAFE:
		return VDEV_REMOVAL_BECAUSE_SAFE;
	default:
		return VDEV_REMOVAL_BECAUSE_OWN;
	}
}

/* Nested slots have no driver of their own, so they do not vote. */
static int votes(const struct unit *u)
{
	return u->unit_class != VDEV_REMOVAL_PCI_SLOT;
}

/* The level under which a target is removed: the lowest of its members (R2). `asked` is the unit that
 * was named, so that the reason can say when another one decided. */
uint32_t vdev__removal_lowest(const struct vdev_removal *r, uint32_t target, uint32_t asked,
			      uint32_t *ret_because)
{
	uint32_t lowest = VDEV_REMOVAL_SAFE, decided = NOBODY;

	for (uint32_t m = vdev__removal_first(r, target); m != NOBODY;
	     m = vdev__removal_after(r, target, m)) {
		const struct unit *u = unit_at(r, m);
		uint32_t level = vdev__removal_effective(r, u), both;

		if (!votes(u))
			continue;
		both = decided == NOBODY ? level : lower(level, lowest);
		if (decided == NOBODY || both != lowest || (level == lowest && m == asked))
			decided = m;
		lowest = both;
	}
	if (decided == NOBODY)
		*ret_because = VDEV_REMOVAL_BECAUSE_SAFE;
	else if (asked != target && decided != asked)
		*ret_because = VDEV_REMOVAL_BECAUSE_BELOW;
	else
		*ret_because = because_of(r, unit_at(r, decided), lowest);
	return lowest;
}

/* Whether a level's set has to do something before HIDE that could be begun again and again. */
static int has_way_back(const struct vdev_removal *r, const struct unit *u, uint32_t level)
{
	uint32_t count;

	return vdev__removal_steps(r, u->unit_class, level, &count)->kind != VDEV_REMOVAL_HIDE;
}

/*
 * A waiting request goes on when the guest now bears more (R6). Nothing is made longer: not when the
 * time is up, and only once by a way from which there is one back.
 */
void vdev__removal_reconsider(struct vdev_removal *r, uint32_t target)
{
	uint32_t level, because;
	struct unit *u;

	if (target == NOBODY)
		return;
	u = unit_at(r, target);
	if (u->phase != NOT_READY && u->phase != GAP && u->phase != AWAIT &&
	    (u->phase != WARN || step_out(u)))
		return;
	level = vdev__removal_lowest(r, target, target, &because);
	if (level == u->set || (!(u->marks & M_LEFT) && vdev__removal_guest_now(r) >= u->ack_end) ||
	    ((u->flags & O_DEMOTED) && has_way_back(r, u, level)))
		return;
	if (level == VDEV_REMOVAL_SAFE || level == VDEV_REMOVAL_SAFE_IDLE)
		vdev__removal_switch(r, target, level);
}

int vdev_removal_declare(struct vdev_removal *r, uint64_t now_ns, uint64_t unit, uint32_t source,
			 uint32_t level)
{
	struct unit *u;
	uint32_t index;
	int error;

	if (!r)
		return -EINVAL;
	error = vdev__removal_lookup(r, unit, &index);
	if (error)
		return error;
	if (source > VDEV_REMOVAL_OPERATOR || !vdev__removal_valid_level(level)) {
		r->stats.bad_guest += source == VDEV_REMOVAL_GUEST;
		return -EINVAL;
	}
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_DECLARE, index, level);
	u = unit_at(r, index);
	if (source == VDEV_REMOVAL_GUEST)
		u->guest_level = (uint8_t)level;
	else
		u->operator_level = (uint8_t)level;
	r->stats.declared++;
	vdev__removal_publish(r, index);
	vdev__removal_reconsider(r, vdev__removal_covering(r, index));
	return waiting(r);
}

int vdev_removal_level(const struct vdev_removal *r, uint64_t unit)
{
	uint32_t payload;

	if (!r)
		return -EINVAL;
	if ((unit & (VDEV__TABLE_MAX - 1)) == ROOT || vdev__table_peek(&r->units, unit, &payload))
		return -ENOENT;
	return (int)payload;
}

static int can_be_asked(const struct unit *u)
{
	return u->transport == VDEV_REMOVAL_PVDEV && (u->flags & U_READY);
}

static void forget_one(struct vdev_removal *r, uint32_t index)
{
	unit_at(r, index)->guest_level = VDEV_REMOVAL_UNKNOWN;
	vdev__removal_publish(r, index);
}

void vdev__removal_forget_levels(struct vdev_removal *r)
{
	for (uint32_t i = next_unit(r, ROOT); i != NOBODY; i = next_unit(r, i))
		forget_one(r, i);
}

int vdev_removal_forget(struct vdev_removal *r, uint64_t now_ns, uint64_t unit)
{
	uint32_t index = ROOT;
	int error;

	if (!r)
		return -EINVAL;
	error = unit ? vdev__removal_lookup(r, unit, &index) : 0;
	if (error)
		return error;
	vdev__removal_tick(r, now_ns);
	vdev__removal_trace(r, VDEV_TRACE_EVENT, VDEV_REMOVAL_EV_FORGET, index, 0);
	if (index == ROOT)
		vdev__removal_forget_levels(r);
	else
		forget_one(r, index);
	if (index == ROOT
		    ? unit_at(r, ROOT)->flags & U_READY
		    : can_be_asked(unit_at(r, index)) && vdev__removal_covering(r, index) == NOBODY)
		vdev__removal_note(r, index, N_REDECLARE);
	return waiting(r);
}
