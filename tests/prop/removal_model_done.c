/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of removal: an action ended (R8, R10, R12). */
#include "removal_model.h"

#include <errno.h>
#include <string.h>

/* The first failure is the one that is told. */
void m_failed(struct m_op *op, uint32_t kind, int status)
{
	if (status < 0 && !op->fault) {
		op->fault = kind;
		op->fault_status = status;
	}
}

/* What came while a step before HIDE was outstanding. 1: the operation took another way. */
static int turned(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;

	if (op->acked || op->forced || op->skip)
		m_hide(m, t);
	else if (op->absorbed)
		m_back_out(m, t, 0);
	else if (op->cancel)
		m_back_out(m, t, VDEV_REMOVAL_CANCELLED);
	else if (op->refused)
		m_got_refusal(m, t);
	else
		return 0;
	return 1;
}

static void heard(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;

	op->warnings++;
	m->stats.warnings++;
	if (!op->asked)
		m_note(m, t, VDEV_REMOVAL_REQUESTED);
	op->asked = 1;
	m_log_warning(op, t);
}

/* There is a warning that can be taken back: the last one. */
void m_log_warning(struct m_op *op, uint32_t t)
{
	if (op->set.steps[op->pos].undo == VDEV_REMOVAL_NO_UNDO)
		return;
	for (uint32_t i = 0; i < op->logged; i++)
		if (op->log[i].kind == VDEV_REMOVAL_WARN)
			op->log[i] = op->log[--op->logged];
	if (op->logged < M_LOG)
		op->log[op->logged++] = (struct m_done){
			++op->steps, VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN,
			t,           op->round,         op->set.steps[op->pos].deadline_ns};
}

static void warned(struct model *m, uint32_t t, int status)
{
	struct m_unit *u = &m->unit[t];
	int press = u->transport == VDEV_REMOVAL_PCIE && !status;

	if (!status)
		heard(m, t);
	u->warn_at = m->guest + (press ? m->config.button_ns : m->config.notify_ns);
	if (turned(m, t))
		return;
	if (status == -EAGAIN) {
		u->op.phase = M_GAP;
		m_recheck(m, t);
	} else if (status && u->policy == VDEV_REMOVAL_ACK_FORCE) {
		u->op.forced = 1;
		m_hide(m, t);
	} else if (status) {
		m_failed(&u->op, VDEV_REMOVAL_WARN, status);
		m_back_out(m, t, VDEV_REMOVAL_ROLLED_BACK);
	} else {
		u->op.pos++;
		m_advance(m, t);
	}
}

static void prepared(struct model *m, uint32_t t, uint32_t i, int status, int late)
{
	struct m_op *op = &m->unit[t].op;
	uint32_t kind = op->set.steps[op->pos].kind;
	int busy = status == -EBUSY || status == -ETIMEDOUT || late; /* idle too late is not idle */

	if (turned(m, t))
		return;
	op->left[i] = 0;
	for (uint32_t k = 1; k < M_UNITS; k++) /* their backends may have died meanwhile */
		op->left[k] &= !m_left_out(m, k, kind);
	if (op->level == VDEV_REMOVAL_SAFE_IDLE && busy && kind == VDEV_REMOVAL_QUIESCE) {
		op->returning = op->demoted = 1;
		m_back_out(m, t, 0);
	} else if (!status && !m_count(op->left)) {
		op->pos++;
		m_advance(m, t);
	} else if (status) {
		m_failed(op, kind, status);
		m_back_out(m, t, VDEV_REMOVAL_ROLLED_BACK);
	}
}

static void undone(struct model *m, uint32_t t, uint32_t i)
{
	struct m_op *op = &m->unit[t].op;
	uint32_t kind = m->unit[t].out.kind, keep = 0;

	for (uint32_t k = 0; k < op->logged; k++)
		if (op->log[k].unit != i || op->log[k].undo != kind)
			op->log[keep++] = op->log[k];
	op->logged = keep;
	if (op->forced || op->skip)
		m_hide(m, t);
	else
		m_undo_next(m, t);
}

static void hold(struct model *m, uint32_t t)
{
	int back = m->unit[t].op.power_on;

	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m_member(m, t, i))
			m->unit[i].hidden = 1;
	m_clear(m, t);
	if (back && m->unit[t].op.phase == M_NONE)
		m_give_all_back(m, t);
}

void m_hid(struct model *m, uint32_t t, uint32_t i, int status)
{
	struct m_op *op = &m->unit[t].op;

	m_failed(op, VDEV_REMOVAL_HIDE, status);
	op->left[i] = 0;
	if (m_count(op->left))
		return;
	if (op->holding) {
		hold(m, t);
		return;
	}
	op->phase = M_TEAR;
	op->pos++;
	if (op->acked)
		m_note(m, t, VDEV_REMOVAL_ACKED);
}

static void gone(struct model *m, uint32_t t, uint32_t i)
{
	struct m_op *op = &m->unit[t].op;
	uint32_t parent = m->unit[i].parent;

	if (op->fault)
		m->stats.failed++;
	else if (op->by_guest)
		m->stats.removed_by_guest++;
	else
		m->stats.removed++;
	m->stats.units--;
	op->fault = 0;
	op->fault_status = 0;
	op->emptied = 1;
	op->torn++;
	for (op->pos = 0; op->set.steps[op->pos].kind != VDEV_REMOVAL_HIDE;)
		op->pos++;
	op->pos++;
	if (i == t)
		m->stats.operations--;
	memset(&m->unit[i], 0, sizeof(m->unit[i]));
	if (i == t && parent && m_is_slot(m, parent))
		m_slots(m, parent);
	if (i != t && m_alone(m, t))
		m_members_gone(m, t);
}

static void torn_down(struct model *m, uint32_t t, uint32_t i, uint32_t kind, int status)
{
	struct m_op *op = &m->unit[t].op;

	if (kind == VDEV_REMOVAL_OUTCOME) {
		gone(m, t, i);
		return;
	}
	m_failed(op, kind, status);
	op->pos++;
}

static void told_end(struct model *m, uint32_t t, uint32_t i)
{
	struct m_op *op = &m->unit[t].op;

	op->left[i] = 0;
	if (!m_count(op->left))
		m_clear(m, t);
}

static void step_done(struct model *m, uint32_t t, int status, int late)
{
	struct m_unit *u = &m->unit[t];
	uint32_t i = m_find(m, u->out.dev);

	switch (u->op.phase) {
	case M_WARN:
		warned(m, t, status);
		break;
	case M_PRE:
		prepared(m, t, i, status, late);
		break;
	case M_UNDO:
		undone(m, t, i);
		break;
	case M_HIDE:
		m_hid(m, t, i, status);
		break;
	case M_TEAR:
		torn_down(m, t, i, u->out.kind, status);
		break;
	default:
		told_end(m, t, i);
	}
}

static void note_done(struct model *m, uint32_t i, const struct vdev_action *a)
{
	struct m_unit *u = &m->unit[i];

	switch (a->kind) {
	case VDEV_REMOVAL_ANNOUNCE:
		u->notes &= ~M_N_ANNOUNCE;
		break;
	case VDEV_REMOVAL_REANNOUNCE:
		u->notes &= ~M_N_REANNOUNCE;
		break;
	case VDEV_REMOVAL_REDECLARE:
		u->notes &= ~M_N_REDECLARE;
		break;
	case VDEV_REMOVAL_UNHOLD:
		if (u->stale)
			break; /* of another migration */
		u->notes &= ~M_N_UNHOLD;
		if (m->held)
			m_unhold(m);
		break;
	default:
		u->told[m_find(m, a->dev)] = M_TOLD;
	}
	u->stale = 0;
}

static int end_action(struct model *m, uint32_t i, uint64_t id, int status)
{
	struct m_unit *u = &m->unit[i];
	struct vdev_action a = u->out;
	int late = u->overdue;

	if (u->stuck_id == id) {
		u->stuck_id = 0;
	} else if (u->cancel_id == id) {
		u->cancel_id = 0;
		if (u->give_up && m_stepping(u))
			m_stuck(m, i);
		else
			u->give_up = 0;
	} else if (u->out.id == id && !u->again_due) {
		int note = u->out_note;

		u->out.id = 0;
		u->out_note = u->overdue = u->cancel_due = u->give_up = 0;
		if (note)
			note_done(m, i, &a);
		else
			step_done(m, i, status, late);
		if (!m_open_end(m, i))
			m_close_note(m, i);
	} else {
		return 0;
	}
	return 1;
}

int m_finish(struct model *m, uint64_t id, int status)
{
	if (status > 0)
		return -EINVAL;
	for (uint32_t i = 0; i < M_UNITS && id; i++)
		if (m->unit[i].used && end_action(m, i, id, status)) {
			m_wake(m);
			return m_waiting(m);
		}
	m->stats.bad_done++;
	return -ENOENT;
}

static void leave_out(struct model *m, uint32_t t, uint32_t i)
{
	struct m_op *op = &m->unit[t].op;

	if (op->phase == M_PRE && op->left[i] && m_left_out(m, i, op->set.steps[op->pos].kind)) {
		op->left[i] = 0;
		if (!m_count(op->left)) {
			op->pos++;
			m_advance(m, t);
		}
	}
}

/* What would wait for a backend that has died is left out (R14), unless it is going on. */
int m_backend_gone(struct model *m, uint32_t i)
{
	m->unit[i].dead = 1;
	for (uint32_t t = 1; t < M_UNITS; t++)
		if (m->unit[t].used && (t == i || m_below(m, t, i)) && !m_stepping(&m->unit[t]))
			leave_out(m, t, i);
	m_wake(m);
	return 0;
}
