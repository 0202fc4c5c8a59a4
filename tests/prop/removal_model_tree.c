/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of removal: who belongs to what (R2), which level counts (R1, R4, R7). */
#include "removal_model.h"

#include <stdarg.h>
#include <stdio.h>

void m_fail(struct model *m, const char *fmt, ...)
{
	va_list args;

	if (m->failed)
		return;
	m->failed = 1;
	va_start(args, fmt);
	vsnprintf(m->why, m->why_size, fmt, args);
	va_end(args);
}

int m_is_slot(const struct model *m, uint32_t i)
{
	return m->unit[i].unit_class == VDEV_REMOVAL_PCI_SLOT;
}

/* `i` is further down than `top` and leaves with it; what waits for top's slot does not. */
int m_below(const struct model *m, uint32_t top, uint32_t i)
{
	if (i == top)
		return 0;
	for (; i && i != top; i = m->unit[i].parent)
		if (m->unit[i].parent == top && m->unit[i].queued)
			return 0;
	return i == top;
}

/* What a removal of `target` takes away: a slot itself stays. */
int m_member(const struct model *m, uint32_t target, uint32_t i)
{
	if (!i || !m->unit[i].used)
		return 0;
	return i == target ? !m_is_slot(m, i) : m_below(m, target, i);
}

/* Nothing is left to take away. */
int m_alone(const struct model *m, uint32_t target)
{
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m_member(m, target, i))
			return 0;
	return 1;
}

static int covers(const struct model *m, uint32_t t, uint32_t i)
{
	return m->unit[t].used && m->unit[t].op.phase != M_NONE && (t == i || m_below(m, t, i));
}

/* The topmost operation that a unit is part of, 0: none. */
uint32_t m_cover(const struct model *m, uint32_t i)
{
	uint32_t top = 0;

	for (uint32_t t = 1; t < M_UNITS; t++)
		if (i && covers(m, t, i) && (!top || m_below(m, t, top)))
			top = t;
	return top;
}

/* What a request for `i` acts on. */
uint32_t m_target(const struct model *m, uint32_t i)
{
	uint32_t parent = m->unit[i].parent;

	return parent && m_is_slot(m, parent) && !m_is_slot(m, i) && !m->unit[i].queued ? parent
											: i;
}

/* Children of `i`, the last of them first: highest function, then newest. Returns the list's length. */
static uint32_t children_last(const struct model *m, uint32_t i, uint32_t *list)
{
	uint32_t n = 0, k;

	for (uint32_t c = 1; c < M_UNITS; c++) {
		const struct m_unit *u = &m->unit[c];

		if (!u->used || u->parent != i)
			continue;
		for (k = n++; k; k--) {
			const struct m_unit *o = &m->unit[list[k - 1]];

			if (o->function > u->function ||
			    (o->function == u->function && o->added > u->added))
				break;
			list[k] = list[k - 1];
		}
		list[k] = c;
	}
	return n;
}

static uint32_t put_below(const struct model *m, uint32_t target, uint32_t i, uint32_t *list)
{
	uint32_t children[M_UNITS], n = children_last(m, i, children), count = 0;

	for (uint32_t k = 0; k < n; k++)
		if (m_below(m, target, children[k])) {
			count += put_below(m, target, children[k], list + count);
			list[count++] = children[k];
		}
	return count;
}

/* All that the operation at `target` covers, in the engine's order, which the header leaves open. */
uint32_t m_order(const struct model *m, uint32_t target, uint32_t *ret_list)
{
	uint32_t n = put_below(m, target, target, ret_list);

	ret_list[n++] = target;
	return n;
}

/* The sibling of `i`, or of what `i` hangs below, that stands beside `j` or what j hangs below. */
static int higher_sibling(const struct model *m, uint32_t i, uint32_t j)
{
	for (; j; j = m->unit[j].parent)
		if (j != i && m->unit[j].parent && m->unit[j].parent == m->unit[i].parent &&
		    m->unit[j].function > m->unit[i].function)
			return 1;
	return 0;
}

/* Of the units that are left, may this one come next? Leaf first, function 0 last (R2). */
int m_turn(const struct model *m, const uint8_t *left, uint32_t i)
{
	if (!left[i])
		return 0;
	for (uint32_t j = 1; j < M_UNITS; j++)
		if (left[j] && j != i) {
			for (uint32_t at = m->unit[j].parent; at; at = m->unit[at].parent)
				if (at == i)
					return 0;
			if (higher_sibling(m, i, j))
				return 0;
		}
	return 1;
}

uint32_t m_count(const uint8_t *left)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < M_UNITS; i++)
		n += left[i];
	return n;
}

static uint32_t lowest_of(const int *seen)
{
	uint32_t own = 0, count = 0;

	for (uint32_t l = VDEV_REMOVAL_OWN_FIRST; l <= VDEV_REMOVAL_OWN_LAST; l++)
		if (seen[l]) {
			own = l;
			count++;
		}
	if (seen[VDEV_REMOVAL_UNKNOWN])
		return VDEV_REMOVAL_UNKNOWN;
	if (seen[VDEV_REMOVAL_UNSAFE] || count > 1)
		return VDEV_REMOVAL_UNSAFE;
	if (count)
		return own;
	return seen[VDEV_REMOVAL_SAFE_IDLE] ? VDEV_REMOVAL_SAFE_IDLE : VDEV_REMOVAL_SAFE;
}

uint32_t m_level(const struct model *m, uint32_t i)
{
	uint32_t guest = m->unit[i].level[VDEV_REMOVAL_GUEST];
	int seen[M_LEVELS] = {0};

	if ((m->config.flags & VDEV_REMOVAL_UNTRUSTED) && guest > VDEV_REMOVAL_UNSAFE)
		guest = VDEV_REMOVAL_UNSAFE;
	if (m->config.level_policy != VDEV_REMOVAL_LEVEL_OPERATOR)
		seen[guest] = 1;
	if (m->config.level_policy != VDEV_REMOVAL_LEVEL_GUEST)
		seen[m->unit[i].level[VDEV_REMOVAL_OPERATOR]] = 1;
	return lowest_of(seen);
}

/* *ret_decides: the level of `asked` alone is as low as that of all. */
uint32_t m_lowest(const struct model *m, uint32_t target, int *ret_decides, uint32_t asked)
{
	int seen[M_LEVELS] = {0};
	uint32_t lowest;

	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m_member(m, target, i) && !m_is_slot(m, i))
			seen[m_level(m, i)] = 1;
	lowest = lowest_of(seen);
	if (ret_decides)
		*ret_decides = asked == target || m_level(m, asked) == lowest;
	return lowest;
}

/* The guest switched the slot off: indicator and controller, as far as it has them. */
int m_off(const struct model *m, uint32_t slot)
{
	const struct m_unit *u = &m->unit[slot];
	int indicator = (u->slot_cap & 0x10) != 0, controller = (u->slot_cap & 0x2) != 0;

	if (!m_is_slot(m, slot) || u->transport != VDEV_REMOVAL_PCIE || (!indicator && !controller))
		return 0;
	if (indicator && (u->control & 0x300) != 0x300)
		return 0;
	return !controller || (u->control & 0x400);
}

/* No member is in use: never enabled, hidden already, or never shown (R14). */
int m_nobody_uses(const struct model *m, uint32_t target, int *ret_hidden)
{
	*ret_hidden = 1;
	for (uint32_t i = 1; i < M_UNITS; i++) {
		const struct m_unit *u = &m->unit[i];

		if (!m_member(m, target, i) || m_is_slot(m, i))
			continue;
		if (!u->hidden && !u->queued && !(u->track && !u->touched))
			return 0;
		*ret_hidden = *ret_hidden && u->hidden;
	}
	return 1;
}

/* What would wait for a dead backend (R14). */
int m_left_out(const struct model *m, uint32_t i, uint32_t kind)
{
	return m->unit[i].dead && (kind == VDEV_REMOVAL_QUIESCE || kind == VDEV_REMOVAL_DRAIN);
}

/* The action set of a target's class and *level; the VMM's own levels are UNSAFE without one. */
const struct m_set *m_set(const struct model *m, uint32_t target, uint32_t *level)
{
	uint32_t unit_class = m->unit[target].unit_class;

	if (*level >= VDEV_REMOVAL_OWN_FIRST && !m->sets[unit_class][*level].own)
		*level = VDEV_REMOVAL_UNSAFE;
	return &m->sets[unit_class][*level];
}
