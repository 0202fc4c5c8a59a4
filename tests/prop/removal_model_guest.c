/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of removal: what the guest does (R6, R9, R10, R14, R16, R17). */
#include "removal_model.h"

#include <errno.h>

/* Nobody asked for it: the unit's policy says what it means (R16). */
static void unasked(struct model *m, uint32_t i)
{
	const struct m_unit *u = &m->unit[i];
	uint32_t t = m_target(m, i);

	m->stats.unasked++;
	if (u->queued || u->hidden) {
		m->stats.bad_guest++;
		return;
	}
	if (u->unasked == VDEV_REMOVAL_UNASKED_IGNORE)
		return;
	m->unit[t].op = (struct m_op){
		.acked = 1, .by_guest = 1, .holding = u->unasked == VDEV_REMOVAL_UNASKED_HOLD};
	m->unit[t].policy = m->config.ack_policy;
	m_begin(m, t);
}

/* An acknowledgement for i, which the operation at t covers, or none does. */
void m_acked(struct model *m, uint32_t t, uint32_t i)
{
	struct m_op *op = &m->unit[t].op;

	if (!t) {
		unasked(m, i);
	} else if (m_past_return(op)) {
		return;
	} else if (op->phase == M_UNDO || op->phase == M_END) {
		op->late_ack = 1;
	} else {
		op->acked = 1;
		if (op->phase == M_HELD)
			op->phase = M_BELOW; /* the guest has let go: nothing is left to hold */
		else if (op->phase > M_BELOW && !m_stepping(&m->unit[t]))
			m_hide(m, t);
	}
}

/*
 * The operation that an answer about i is for: the one furthest down that is part of. One that has not
 * begun to ask is answered only by its own unit, or what is plugged into its slot.
 */
uint32_t m_answered(const struct model *m, uint32_t i)
{
	uint32_t best = 0;

	for (uint32_t t = 1; t < M_UNITS; t++) {
		const struct m_op *op = &m->unit[t].op;

		if (!m->unit[t].used || op->phase == M_NONE || (t != i && !m_below(m, t, i)))
			continue;
		if (op->phase <= M_BELOW && t != i && t != m_target(m, i))
			continue;
		if (!best || m_below(m, best, t))
			best = t;
	}
	return best;
}

int m_ack(struct model *m, uint32_t i)
{
	m->stats.acks++;
	m_acked(m, m_answered(m, i), i);
	m_wake(m);
	return m_waiting(m);
}

/* The operation that waits for an answer about i. */
static uint32_t answering(struct model *m, uint32_t i)
{
	uint32_t t = m_answered(m, i);
	const struct m_op *op = &m->unit[t].op;
	int waits = op->phase == M_WARN || op->phase == M_GAP || op->phase == M_AWAIT;

	if (t && waits && (op->asked || m_stepping(&m->unit[t])))
		return t;
	m->stats.bad_guest++;
	return 0;
}

/* There is no warning any more that could be taken back. */
static void forget_warning(struct m_op *op)
{
	for (uint32_t i = 0; i < op->logged; i++)
		if (op->log[i].kind == VDEV_REMOVAL_WARN)
			op->log[i] = op->log[--op->logged];
}

void m_got_refusal(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];

	u->op.refused = 0;
	forget_warning(&u->op);
	if (u->policy == VDEV_REMOVAL_ACK_FORCE) {
		u->op.forced = 1;
		m_hide(m, t);
	} else if (u->policy == VDEV_REMOVAL_ACK_RETRY && u->retries) {
		u->op.pos += u->op.phase != M_AWAIT;
		u->op.fault = 0;
		u->op.phase = M_AWAIT;
		m_look_busy(m, t);
		m_recheck(m, t);
	} else {
		m_back_out(m, t, VDEV_REMOVAL_REFUSED);
	}
}

int m_refuse(struct model *m, uint32_t i, uint32_t reason)
{
	uint32_t t = answering(m, i);

	if (!t)
		return -EBUSY;
	m->stats.bad_guest += reason >= VDEV_REMOVAL_REASONS;
	m->stats.refusals++;
	m->unit[t].op.fault = reason >= VDEV_REMOVAL_REASONS ? VDEV_REMOVAL_REASON_FAILURE : reason;
	m->unit[t].op.refused = 1;
	if (!m_stepping(&m->unit[t]))
		m_got_refusal(m, t);
	m_wake(m);
	return m_waiting(m);
}

int m_progress(struct model *m, uint32_t i)
{
	uint32_t t = answering(m, i);

	if (!t)
		return -EBUSY;
	m->stats.busy++;
	if (!m->unit[t].op.busy_told)
		m_note(m, t, VDEV_REMOVAL_BUSY);
	m->unit[t].op.busy_told = 1;
	return m_waiting(m);
}

/* ACPI specification, 6.3.5. */
int m_ost(struct model *m, uint32_t i, uint32_t event, uint32_t status)
{
	if (event != 0x3 && event != 0x103) {
		m->stats.bad_guest++;
		return m_waiting(m);
	}
	switch (status) {
	case 0:
		return m_ack(m, i);
	case 0x84:
		return m_progress(m, i);
	case 2:
	case 0x80:
		return m_refuse(m, i, VDEV_REMOVAL_REASON_NOT_SUPPORTED);
	case 0x81:
		return m_refuse(m, i, VDEV_REMOVAL_REASON_IN_USE);
	case 0x82:
		return m_refuse(m, i, VDEV_REMOVAL_REASON_BUSY);
	case 0x83:
		return m_refuse(m, i, VDEV_REMOVAL_REASON_DEPENDENCY);
	default:
		m->stats.bad_guest += status != 1;
		return m_refuse(m, i, VDEV_REMOVAL_REASON_FAILURE);
	}
}

static void give_back(struct model *m, uint32_t i)
{
	struct m_unit *u = &m->unit[i];

	u->old_handle = u->handle;
	u->handle = 0;
	u->hidden = u->touched = 0;
	u->level[VDEV_REMOVAL_GUEST] = VDEV_REMOVAL_UNKNOWN;
	u->notes |= M_N_REANNOUNCE;
}

static int hangs_below(const struct model *m, uint32_t top, uint32_t i)
{
	for (; i; i = m->unit[i].parent)
		if (m->unit[i].op.phase != M_NONE && i != top)
			return 0;
		else if (i == top)
			return 1;
	return !top;
}

/* What was hidden at `top` and below comes back as new (R12, R16), except where an operation is on. */
void m_give_all_back(struct model *m, uint32_t top)
{
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m->unit[i].used && m->unit[i].hidden && hangs_below(m, top, i))
			give_back(m, i);
}

/* A blinking indicator: the guest is working on it (R10). */
void m_look_busy(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];

	if (u->op.phase == M_AWAIT && u->transport == VDEV_REMOVAL_PCIE && m_is_slot(m, t) &&
	    (u->control & 0x300) == 0x200 && !u->op.busy_told) {
		u->op.busy_told = 1;
		m->stats.busy++;
		m_note(m, t, VDEV_REMOVAL_BUSY);
	}
}

/* The conditions for a warning may have changed. */
static void look_again(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];

	if (u->op.phase == M_NOT_READY || u->op.phase == M_GAP ||
	    (u->op.phase == M_WARN && !m_stepping(u)))
		m_ask(m, t);
	m_look_busy(m, t);
}

/* The slot was switched on again while what is in it was being hidden. */
static int back_on(int was_off, int is_off, const struct m_op *op, int own)
{
	if (was_off && !is_off)
		return 1;
	return is_off && own ? 0 : op->power_on;
}

int m_slot(struct model *m, uint32_t i, uint32_t control, uint32_t status)
{
	struct m_unit *u = &m->unit[i];
	int was_off = m_off(m, i);
	uint32_t t = m_answered(m, i);

	if (!m_is_slot(m, i))
		return -EINVAL;
	u->control = control & 0xffff;
	u->status = status & 0xffff;
	if (u->transport == VDEV_REMOVAL_PCIE) {
		u->ready = (control & 0x21) == 0x21;
		if (!was_off && m_off(m, i) && !m_alone(m, i) && (!t || t == i))
			m_acked(m, t, i);
		else if (was_off && !m_off(m, i) && !t)
			m_give_all_back(m, i);
		if (t && m->unit[t].op.holding)
			m->unit[t].op.power_on =
				back_on(was_off, m_off(m, i), &m->unit[t].op, t == i);
		look_again(m, i);
	}
	m_slots(m, i);
	m_wake(m);
	return m_waiting(m);
}

static void set_ready(struct model *m, uint32_t i, uint32_t ready)
{
	struct m_unit *u = &m->unit[i];
	int was = u->ready;

	u->ready = (int)ready;
	if (u->op.phase == M_NOT_READY || u->op.phase == M_GAP ||
	    (u->op.phase == M_WARN && !m_stepping(u))) {
		m_ask(m, i);
	} else if (u->op.phase == M_AWAIT && u->transport == VDEV_REMOVAL_PVDEV && ready && !was) {
		u->op.pos--; /* a new driver has not heard of it */
		m_ask(m, i);
	}
}

int m_ready(struct model *m, uint32_t i, uint32_t ready)
{
	if (ready > 1)
		return -EINVAL;
	if (i) {
		set_ready(m, i, ready);
	} else {
		m->unit[0].ready = (int)ready;
		for (uint32_t k = 1; k < M_UNITS; k++)
			if (m->unit[k].used && m->unit[k].transport == VDEV_REMOVAL_PVDEV)
				set_ready(m, k, ready);
	}
	return m_waiting(m);
}

/* R17: what waits for the guest goes on without it. */
int m_reset_begin(struct model *m)
{
	m->stats.guest_resets += !m->in_reset;
	m->in_reset = 1;
	for (uint32_t t = 1; t < M_UNITS; t++) {
		struct m_op *op = &m->unit[t].op;

		if (!m->unit[t].used || op->phase < M_NOT_READY || op->phase > M_UNDO ||
		    (op->phase == M_UNDO && !op->returning) || op->cancel)
			continue; /* what was given up is not pending */
		op->skip = 1;
		if (!m_stepping(&m->unit[t]))
			m_hide(m, t);
	}
	m_wake(m);
	return m_waiting(m);
}

static void new_guest(struct model *m, uint32_t i)
{
	struct m_unit *u = &m->unit[i];

	u->level[VDEV_REMOVAL_GUEST] = VDEV_REMOVAL_UNKNOWN;
	u->touched = u->settling = 0;
	if (u->transport == VDEV_REMOVAL_PCIE || u->transport == VDEV_REMOVAL_PVDEV)
		u->ready = 0;
	u->control = u->status = 0;
	u->warn_at = 0;
}

/* Hidden at least; what it waits for may take for ever. */
static int stuck(const struct model *m, uint32_t t)
{
	return m->unit[t].op.phase == M_TEAR && m->unit[t].stuck_id;
}

static int waits_for_stuck(const struct model *m, uint32_t t)
{
	for (uint32_t i = 1; i < M_UNITS && m->unit[t].op.phase == M_BELOW; i++)
		if (i != t && m_member(m, t, i) && stuck(m, i))
			return 1;
	return 0;
}

/* The new kernel must not see a device that is leaving. What is stuck keeps nobody from booting. */
int m_reset_end(struct model *m)
{
	if (!m->in_reset)
		return -EBUSY;
	for (uint32_t t = 1; t < M_UNITS; t++) {
		const struct m_unit *u = &m->unit[t];

		if (u->used && u->op.phase != M_NONE && u->op.phase != M_HELD && !stuck(m, t) &&
		    !waits_for_stuck(m, t))
			return -EAGAIN;
	}
	m->in_reset = 0;
	m->unit[0].ready = 0;
	for (uint32_t i = 1; i < M_UNITS; i++)
		new_guest(m, i);
	m_give_all_back(m, 0);
	m_wake(m);
	return m_waiting(m);
}
