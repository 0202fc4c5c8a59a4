/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of removal: what a dry run must say (R13). */
#include "removal_model.h"

#include <string.h>

#define MOST (M_UNITS * VDEV_REMOVAL_MAX_STEPS)

struct plan {
	struct model *m;
	const struct vdev_removal_request *q;
	struct vdev_removal_planned steps[MOST];
	uint32_t count, at;
	uint32_t target, because;
	const struct m_set *set;
};

static uint32_t why_level(const struct model *m, uint32_t i, uint32_t level)
{
	int untrusted = (m->config.flags & VDEV_REMOVAL_UNTRUSTED) &&
			m->config.level_policy != VDEV_REMOVAL_LEVEL_OPERATOR &&
			m->unit[i].level[VDEV_REMOVAL_GUEST] > VDEV_REMOVAL_UNSAFE;

	if (level == VDEV_REMOVAL_UNSAFE && untrusted)
		return VDEV_REMOVAL_BECAUSE_UNTRUSTED;
	if (level == VDEV_REMOVAL_UNKNOWN)
		return VDEV_REMOVAL_BECAUSE_UNKNOWN;
	if (level == VDEV_REMOVAL_UNSAFE)
		return VDEV_REMOVAL_BECAUSE_UNSAFE;
	if (level == VDEV_REMOVAL_SAFE_IDLE)
		return VDEV_REMOVAL_BECAUSE_SAFE_IDLE;
	return level == VDEV_REMOVAL_SAFE ? VDEV_REMOVAL_BECAUSE_SAFE : VDEV_REMOVAL_BECAUSE_OWN;
}

/* 0: more than one reason is right. */
static uint32_t why(const struct model *m, uint32_t i, uint32_t target, int force)
{
	uint32_t level = m_lowest(m, target, NULL, 0), members = 0;
	int hidden, decides;

	if (force)
		return VDEV_REMOVAL_BECAUSE_FORCED;
	if (m->in_reset)
		return VDEV_REMOVAL_BECAUSE_RESET;
	if (m_off(m, target))
		return VDEV_REMOVAL_BECAUSE_POWERED_OFF;
	if (m_nobody_uses(m, target, &hidden))
		return hidden ? VDEV_REMOVAL_BECAUSE_POWERED_OFF : VDEV_REMOVAL_BECAUSE_UNTOUCHED;
	for (uint32_t k = 1; k < M_UNITS; k++)
		members += (uint32_t)m_member(m, target, k);
	if (members == 1 && i != target && m_member(m, target, i))
		return why_level(m, i, level);
	if (members == 1 && i == target && !m_is_slot(m, i))
		return why_level(m, i, level);
	m_lowest(m, target, &decides, i);
	if (!decides && !m_is_slot(m, i))
		return VDEV_REMOVAL_BECAUSE_BELOW;
	return 0;
}

static uint64_t step_ns(const struct plan *p, const struct vdev_removal_step *s)
{
	if (s->kind != VDEV_REMOVAL_AWAIT_ACK)
		return s->deadline_ns;
	if (p->q->ack_ns)
		return p->q->ack_ns;
	return !p->set->own && p->m->config.ack_ns ? p->m->config.ack_ns : s->deadline_ns;
}

/* The next planned step must be this one, for `i`. */
static void expect(struct plan *p, uint32_t i, const struct vdev_removal_step *s, uint32_t flags)
{
	const struct vdev_removal_planned *got = &p->steps[p->at++];
	const struct m_unit *u = &p->m->unit[i];

	flags |= u->dead ? VDEV_REMOVAL_BACKEND_GONE : 0;
	flags |= p->q->flags & VDEV_REMOVAL_FORCE ? VDEV_REMOVAL_FORCED : 0;
	if (p->at > p->count || got->dev != u->handle || got->user_data != u->user_data ||
	    got->kind != s->kind || got->undo != s->undo || got->flags != flags ||
	    got->deadline_ns != step_ns(p, s))
		m_fail(p->m, "R13: planned step %u of %u is %s, expected %s for unit %u", p->at - 1,
		       p->count, vdev_removal_kind_name(got->kind), vdev_removal_kind_name(s->kind),
		       i);
	if (p->at <= p->count && p->because && got->because != p->because)
		m_fail(p->m, "R13: reason of the plan is \"%s\", expected \"%s\"",
		       vdev_removal_because(got->because), vdev_removal_because(p->because));
}

/* Members in the order in which the plan names them, if that is a good one (R2). */
static void expect_each(struct plan *p, const struct vdev_removal_step *s)
{
	uint8_t left[M_UNITS];

	for (uint32_t i = 0; i < M_UNITS; i++)
		left[i] = (uint8_t)(m_member(p->m, p->target, i) && !m_left_out(p->m, i, s->kind));
	while (m_count(left) && !p->m->failed) {
		uint32_t i = p->at < p->count ? m_find(p->m, p->steps[p->at].dev) : 0;
		int last = s->kind == VDEV_REMOVAL_HIDE && m_count(left) == 1;

		if (!i || !left[i] || (s->kind == VDEV_REMOVAL_HIDE && !m_turn(p->m, left, i)))
			m_fail(p->m, "R2: planned step %u: not the turn of this unit", p->at);
		left[i] = 0;
		expect(p, i, s, last ? VDEV_REMOVAL_LAST : 0);
	}
}

static void expect_teardown(struct plan *p, uint32_t hide)
{
	uint8_t left[M_UNITS];

	for (uint32_t i = 0; i < M_UNITS; i++)
		left[i] = (uint8_t)m_member(p->m, p->target, i);
	while (m_count(left) && !p->m->failed) {
		uint32_t i = p->at < p->count ? m_find(p->m, p->steps[p->at].dev) : 0;

		if (!i || !m_turn(p->m, left, i))
			m_fail(p->m, "R2: planned step %u: not the turn of this unit", p->at);
		left[i] = 0;
		for (uint32_t k = hide + 1; k < p->set->count; k++)
			if (!m_left_out(p->m, i, p->set->steps[k].kind))
				expect(p, i, &p->set->steps[k], 0);
	}
}

static void expect_all(struct plan *p, int skip)
{
	const struct vdev_removal_step *s = p->set->steps;
	uint32_t k;

	for (k = 0; s[k].kind != VDEV_REMOVAL_HIDE; k++) {
		if (skip)
			continue;
		if (s[k].kind != VDEV_REMOVAL_WARN && s[k].kind != VDEV_REMOVAL_AWAIT_ACK)
			expect_each(p, &s[k]);
		else if (s[k].kind == VDEV_REMOVAL_AWAIT_ACK ||
			 p->m->unit[p->target].transport != VDEV_REMOVAL_NO_TRANSPORT)
			expect(p, p->target, &s[k], 0);
	}
	expect_each(p, &s[k]);
	expect_teardown(p, k);
}

void m_check_plan(struct model *m, struct vdev_removal *r, uint32_t i,
		  const struct vdev_removal_request *q)
{
	static struct plan p; /* large; one at a time */
	int got, skip, hidden;
	uint32_t level;

	memset(&p, 0, sizeof(p));
	got = vdev_removal_plan(r, m->unit[i].handle, q, p.steps, sizeof(p.steps[0]), MOST);
	if (m_cover(m, i)) {
		if (got != -16)
			m_fail(m, "plan of a unit under way gives %d, expected -EBUSY", got);
		return;
	}
	p.m = m;
	p.q = q;
	p.count = got > 0 ? (uint32_t)got : 0;
	p.target = m_target(m, i);
	level = m_lowest(m, p.target, NULL, 0);
	p.set = m_set(m, p.target, &level);
	skip = (q->flags & VDEV_REMOVAL_FORCE) || m->in_reset || m_off(m, p.target) ||
	       m_nobody_uses(m, p.target, &hidden);
	p.because = why(m, i, p.target, (q->flags & VDEV_REMOVAL_FORCE) != 0);
	expect_all(&p, skip);
	if (p.at != p.count || got < 0)
		m_fail(m, "R13: plan() gives %d steps, expected %u", got, p.at);
}
