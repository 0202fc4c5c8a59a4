/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of removal: what management and time do. Results are those of the engine's calls. */
#include "removal_model.h"

#include <errno.h>

/* The guest's clock stands still while it does not run. */
void m_tick(struct model *m, uint64_t now)
{
	if (now <= m->now)
		return;
	if (!m->paused)
		m->guest += now - m->now;
	m->now = now;
}

int m_waiting(const struct model *m)
{
	int n = 0;

	for (uint32_t i = 0; i < M_UNITS; i++)
		n += m_can_give(m, i);
	return n;
}

static void set_terms(struct model *m, uint32_t t, const struct vdev_removal_request *q)
{
	struct m_unit *u = &m->unit[t];
	int own = q->ack_policy != VDEV_REMOVAL_ACK_DEFAULT;

	u->policy = own ? q->ack_policy : m->config.ack_policy;
	u->retries = own ? q->retries : m->config.retries;
	u->ack_ns = q->ack_ns;
}

/* R11: a stronger request upgrades the one that is pending. */
void m_upgrade(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];

	m->stats.upgraded += !u->op.forced;
	u->op.forced = 1;
	if (u->op.phase == M_HELD)
		m->unit[0].notes |= M_N_UNHOLD;
	else if (m_stepping(u) && u->overdue)
		m_stuck(m, t);
	else if (!m_stepping(u) && u->op.phase >= M_NOT_READY && u->op.phase <= M_UNDO)
		m_hide(m, t);
}

static int ending(const struct m_op *op)
{
	return op->phase == M_END || op->cancel ||
	       (op->phase == M_UNDO && !op->returning && !op->absorbed);
}

/* What is asked for now is not what this operation does: it begins anew afterwards. */
int m_too_late(const struct m_op *op, int force)
{
	return op->phase == M_END || op->holding || (ending(op) && !force);
}

/* The operation that a request for i joins. FORCE leaves alone what is above and has not begun. */
uint32_t m_joins(const struct model *m, uint32_t i, int force)
{
	uint32_t top = m_cover(m, i), best = m_answered(m, i);

	if (!force || !top)
		return top;
	for (uint32_t t = 1; t < M_UNITS; t++)
		if (m->unit[t].used && m->unit[t].op.phase != M_NONE && m_below(m, t, i) &&
		    !m_asks(&m->unit[t].op) && (!best || m_below(m, best, t)))
			best = t;
	if (m->unit[top].op.holding && !m->unit[best].overdue)
		return top; /* is hidden first, unless what it waits for never ends */
	return best;
}

static void join(struct model *m, uint32_t t, uint32_t i, const struct vdev_removal_request *q)
{
	struct m_op *op = &m->unit[t].op;
	int force = (q->flags & VDEV_REMOVAL_FORCE) != 0;

	m->stats.joined++;
	if (m_too_late(op, force)) {
		m->unit[i].again = 1;
		m->unit[i].again_forced |= force;
		set_terms(m, m_target(m, i), q);
		if (force && m_stepping(&m->unit[t]) && m->unit[t].overdue)
			m_stuck(m, t);
		return;
	}
	if (ending(&m->unit[m_speaker(m, t, i)].op)) /* its own, which is over, does not count */
		m->unit[i].again = 1;
	else
		m->unit[i].requested = 1;
	if (force)
		m_upgrade(m, t);
}

int m_request(struct model *m, uint32_t i, const struct vdev_removal_request *q)
{
	uint32_t t = m_joins(m, i, (q->flags & VDEV_REMOVAL_FORCE) != 0);

	m->stats.requests++;
	m->stats.host_requests += (q->flags & VDEV_REMOVAL_HOST) != 0;
	if (t) {
		join(m, t, i, q);
	} else {
		t = m_target(m, i);
		m->unit[i].requested = 1;
		set_terms(m, t, q);
		m->unit[t].op = (struct m_op){.forced = (q->flags & VDEV_REMOVAL_FORCE) != 0};
		m_begin(m, t);
	}
	m_wake(m);
	return m_waiting(m);
}

/* Requests that wait for an ending operation are taken back before they begin. */
static void drop_again(struct model *m, uint32_t t)
{
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (i == t || m_member(m, t, i))
			m->unit[i].again = m->unit[i].again_forced = 0;
}

int m_cancel(struct model *m, uint32_t i)
{
	uint32_t cover = m_cover(m, i), t = m_speaker(m, cover, i);
	struct m_op *op = &m->unit[t].op;

	if (!cover)
		return -ENOENT;
	if (m_past_return(op) || ((op->forced || op->skip) && op->phase > M_BELOW))
		return -EALREADY;
	if (ending(op)) {
		drop_again(m, t);
	} else if (op->returning && op->phase == M_UNDO) { /* and not to go on as UNSAFE */
		op->returning = 0;
		op->outcome = VDEV_REMOVAL_CANCELLED;
		if (!m_stepping(&m->unit[t]))
			m_undo_next(m, t);
	} else if (m_stepping(&m->unit[t]))
		op->cancel = 1;
	else
		m_back_out(m, t, VDEV_REMOVAL_CANCELLED);
	m_wake(m);
	return m_waiting(m);
}

static int good_level(uint32_t level)
{
	return level <= VDEV_REMOVAL_SAFE ||
	       (level >= VDEV_REMOVAL_OWN_FIRST && level <= VDEV_REMOVAL_OWN_LAST);
}

int m_declare(struct model *m, uint32_t i, uint32_t source, uint32_t level)
{
	uint32_t t = m_cover(m, i);

	if (source > VDEV_REMOVAL_OPERATOR || !good_level(level)) {
		m->stats.bad_guest += source == VDEV_REMOVAL_GUEST;
		return -EINVAL;
	}
	m->stats.declared++;
	m->unit[i].level[source] = level;
	if (t)
		m_recheck(m, t);
	m_wake(m);
	return m_waiting(m);
}

/* R6: what the guest declared no longer holds; it is asked to declare again where it can be. */
int m_forget(struct model *m, uint32_t i)
{
	for (uint32_t k = 1; k < M_UNITS; k++)
		if (k == i || !i)
			m->unit[k].level[VDEV_REMOVAL_GUEST] = VDEV_REMOVAL_UNKNOWN;
	if (i ? m->unit[i].transport == VDEV_REMOVAL_PVDEV && m->unit[i].ready && !m_cover(m, i)
	      : m->unit[0].ready)
		m->unit[i].notes |= M_N_REDECLARE;
	return m_waiting(m);
}

int m_hold(struct model *m)
{
	if (m->held)
		return -EBUSY;
	m->held = 1;
	return m_waiting(m);
}

/* The engine's order, which the header leaves open: that of its indices. */
static uint32_t next_held(const struct model *m)
{
	uint32_t best = 0;

	for (uint32_t t = 1; t < M_UNITS; t++)
		if (m->unit[t].used && m->unit[t].op.phase == M_HELD &&
		    (!best || (uint32_t)m->unit[t].handle << 8 < (uint32_t)m->unit[best].handle
									 << 8))
			best = t;
	return best;
}

int m_unhold(struct model *m)
{
	if (!m->held)
		return -EBUSY;
	m->held = 0;
	m->unit[0].stale |= m->unit[0].out.id && m->unit[0].out.kind == VDEV_REMOVAL_UNHOLD;
	m->unit[0].notes &= ~M_N_UNHOLD;
	for (uint32_t t = next_held(m); t; t = next_held(m)) {
		m->unit[t].op.phase = M_BELOW;
		m_wake_one(m, t);
	}
	m_wake(m);
	return m_waiting(m);
}

int m_pause(struct model *m)
{
	m->paused = 1;
	return m_waiting(m);
}

int m_resume(struct model *m)
{
	m->paused = 0;
	return m_waiting(m);
}

/* R9: what the policy says about an answer that did not come. */
static void give_up(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];

	switch (u->policy) {
	case VDEV_REMOVAL_ACK_FORCE:
		u->op.forced = 1;
		m_hide(m, t);
		break;
	case VDEV_REMOVAL_ACK_KEEP:
		u->op.ack_end = VDEV_NONE;
		u->ack_ns = VDEV_NONE;
		m_note(m, t, VDEV_REMOVAL_TIMED_OUT);
		break;
	default:
		m_back_out(m, t, VDEV_REMOVAL_TIMED_OUT);
	}
}

static void warn_again(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;

	if (op->phase == M_AWAIT && m->unit[t].transport != VDEV_REMOVAL_NO_TRANSPORT) {
		op->pos--;
		m_ask(m, t);
	}
}

static void no_answer(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];

	m->stats.timed_out++;
	if (u->policy != VDEV_REMOVAL_ACK_RETRY || !u->retries) {
		give_up(m, t);
		return;
	}
	u->retries--;
	u->op.ack_end = VDEV_NONE;
	u->op.ack_left = 0;
	m_start_clock(m, t);
	if (u->op.phase == M_AWAIT && u->transport != VDEV_REMOVAL_NO_TRANSPORT)
		warn_again(m, t);
}

/* The guest's time: an answer, or the next warning. 1: something happened. */
static int guest_time(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];
	int waits = u->op.phase == M_AWAIT || u->op.phase == M_GAP;

	if (m->paused || !waits)
		return 0;
	if (m->guest >= u->op.ack_end) {
		no_answer(m, t);
		return 1;
	}
	if (m->guest < u->warn_at)
		return 0;
	if (u->op.phase == M_AWAIT && u->transport == VDEV_REMOVAL_ACPI) {
		warn_again(m, t);
		return 1;
	}
	if (u->op.phase == M_GAP)
		m_ask(m, t);
	return u->op.phase != M_GAP && u->op.phase != M_AWAIT;
}

static int time_is_up(struct model *m, uint32_t i)
{
	struct m_unit *u = &m->unit[i];

	if (u->again_due && !u->out_note) {
		if (m->now >= u->out.deadline_ns) {
			u->out.deadline_ns = VDEV_NONE;
			u->ran_out = 1;
		}
		return 0;
	}
	if (m_stepping(u) && !u->overdue && m->now >= u->out.deadline_ns) {
		u->overdue = u->cancel_due = 1;
		return 1;
	}
	if (!m->paused && u->settling && m->guest >= u->warn_at) {
		m_slots(m, i);
		return 1;
	}
	return !m_stepping(u) && guest_time(m, i);
}

int m_step(struct model *m)
{
	int again;

	do {
		again = 0;
		for (uint32_t i = 1; i < M_UNITS; i++)
			if (m->unit[i].used)
				again |= time_is_up(m, i);
	} while (again);
	m_wake(m);
	return m_waiting(m);
}
