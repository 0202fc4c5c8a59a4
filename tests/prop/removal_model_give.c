/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of removal: which action may come out next, and taking the one that did (R8, R10). */
#include "removal_model.h"

#include <errno.h>
#include <string.h>

uint32_t m_find(const struct model *m, uint64_t handle)
{
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (handle && m->unit[i].used && m->unit[i].handle == handle)
			return i;
	return 0;
}

/* The step after HIDE that is next for the member whose turn it is; count of the set: OUTCOME. */
uint32_t m_tear_step(const struct model *m, uint32_t t)
{
	const struct m_op *op = &m->unit[t].op;
	uint32_t step = op->pos;

	while (step < op->set.count && m_left_out(m, op->order[op->torn], op->set.steps[step].kind))
		step++;
	return step;
}

static int step_due(const struct model *m, uint32_t t)
{
	const struct m_unit *u = &m->unit[t];
	const struct m_op *op = &u->op;
	uint32_t step, member;

	if (op->phase == M_WARN || op->phase == M_PRE || op->phase == M_UNDO ||
	    op->phase == M_HIDE || op->phase == M_END)
		return 1;
	if (op->phase != M_TEAR)
		return 0;
	step = m_tear_step(m, t);
	member = op->order[op->torn];
	if (step < op->set.count)
		return op->set.steps[step].kind != VDEV_REMOVAL_RELEASE || !u->stuck_id;
	return member == t || (!m->unit[member].out.id && !m->unit[member].cancel_id);
}

/* Somebody who asked before the telling began has not been told yet. */
int m_to_tell(const struct model *m, uint32_t i)
{
	const struct m_unit *u = &m->unit[i];

	for (uint32_t k = 1; k < M_UNITS; k++)
		if (u->told[k] == M_TELL && m->unit[k].used && m->unit[k].requested)
			return 1;
	return 0;
}

static int joiner(const struct model *m, uint32_t t, uint32_t i)
{
	return m->unit[i].used && m->unit[i].requested && !m->unit[t].told[i] &&
	       (i == t || m_member(m, t, i));
}

/* All are told but somebody joined meanwhile: whether he hears of it is not said. */
int m_open_end(const struct model *m, uint32_t t)
{
	if (!m->unit[t].note || m_to_tell(m, t))
		return 0;
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (joiner(m, t, i))
			return 1;
	return 0;
}

/* All who asked are told. */
void m_close_note(struct model *m, uint32_t i)
{
	struct m_unit *u = &m->unit[i];

	if (!u->used || !u->note || m_to_tell(m, i))
		return;
	u->notes &= ~(1u << u->note);
	u->note = 0;
}

static int note_due(const struct model *m, uint32_t i)
{
	const struct m_unit *u = &m->unit[i];
	uint32_t notes = u->notes;

	if (u->note && !m_to_tell(m, i))
		notes &= ~(1u << u->note);
	if (!u->note && !m_requested(m, i, NULL)) /* who asked will begin anew */
		notes &= M_N_OWN;
	return (notes & M_N_OWN) || (notes && u->op.phase != M_HIDE);
}

static int idle(const struct m_unit *u)
{
	return u->used && !u->cancel_id && (!u->out.id || u->again_due);
}

int m_can_give(const struct model *m, uint32_t i)
{
	const struct m_unit *u = &m->unit[i];

	if (!u->used)
		return 0;
	if (u->cancel_due || u->again_due)
		return 1;
	return idle(u) && (note_due(m, i) || (i && step_due(m, i)));
}

int m_may_give(const struct model *m, uint32_t i)
{
	return !m_can_give(m, i) && idle(&m->unit[i]) && m->unit[i].op.phase != M_HIDE &&
	       m_open_end(m, i);
}

static void check_id(struct model *m, const struct vdev_action *a)
{
	for (uint32_t i = 0; i < m->id_count; i++)
		if (m->ids[i] == a->id)
			m_fail(m, "R8: action id %#llx was given out before",
			       (unsigned long long)a->id);
	if (!a->id)
		m_fail(m, "an action id is 0");
	if (m->id_count < M_IDS)
		m->ids[m->id_count++] = a->id;
}

static void same(struct model *m, const char *what, uint64_t got, uint64_t expected)
{
	if (got != expected)
		m_fail(m, "action: %s is %#llx, expected %#llx", what, (unsigned long long)got,
		       (unsigned long long)expected);
}

static void give_cancel(struct model *m, const struct vdev_action *a)
{
	for (uint32_t i = 1; i < M_UNITS; i++) {
		struct m_unit *u = &m->unit[i];

		if (!u->used || !u->cancel_due || u->out.id != a->arg[0])
			continue;
		if (a->id != u->last_cancel_id)
			check_id(m, a);
		same(m, "kind in CANCEL", a->arg[1], u->out.kind);
		same(m, "dev of CANCEL", a->dev, u->out.dev);
		same(m, "flag AGAIN of CANCEL", a->flags & VDEV_REMOVAL_AGAIN,
		     a->id == u->last_cancel_id ? VDEV_REMOVAL_AGAIN : 0);
		same(m, "deadline of CANCEL", a->deadline_ns, VDEV_NONE);
		u->cancel_due = 0;
		u->cancel_id = u->last_cancel_id = a->id;
		m->stats.cancels++;
		return;
	}
	m_fail(m, "CANCEL for an action that is not overdue: %#llx", (unsigned long long)a->arg[0]);
}

static uint32_t common_flags(const struct model *m, uint32_t t, uint32_t i)
{
	return (m->unit[i].dead ? VDEV_REMOVAL_BACKEND_GONE : 0) |
	       (m->unit[t].op.forced ? VDEV_REMOVAL_FORCED : 0);
}

static void out(struct model *m, uint32_t t, const struct vdev_action *a, int note)
{
	struct m_unit *u = &m->unit[t];

	if (!u->again_due)
		check_id(m, a);
	u->again_due = 0;
	u->out = *a;
	u->out_note = note;
	u->overdue &= !note;
}

/* The same action once more, after an image was loaded. */
static void give_again(struct model *m, uint32_t t, const struct vdev_action *a)
{
	struct m_unit *u = &m->unit[t];

	if (u->ran_out)
		u->out.deadline_ns = m->now;
	u->ran_out = 0;

	same(m, "id (again)", a->id, u->out.id);
	same(m, "kind (again)", a->kind, u->out.kind);
	if (u->out_note && u->out.dev == u->out.arg[0] && a->dev == u->handle)
		u->out.dev = u->out.arg[0] = u->handle; /* which it may have got meanwhile */
	same(m, "dev (again)", a->dev, u->out.dev);
	same(m, "deadline (again)", a->deadline_ns, u->out.deadline_ns);
	same(m, "flag AGAIN", a->flags & VDEV_REMOVAL_AGAIN, VDEV_REMOVAL_AGAIN);
	for (uint32_t k = 0; k < 3 && a->kind != VDEV_REMOVAL_UNWARN; k++)
		if (a->kind == VDEV_REMOVAL_OUTCOME || k == 0)
			same(m, "argument (again)", a->arg[k], u->out.arg[k]);
	out(m, t, a, u->out_note);
	u->cancel_due = u->overdue; /* it was when the image was written */
}

static void give_own(struct model *m, uint32_t i, const struct vdev_action *a, uint32_t note)
{
	struct m_unit *u = &m->unit[i];

	if (!m_can_give(m, i) || u->out.id || !(u->notes & note)) {
		m_fail(m, "%s is not due", vdev_removal_kind_name(a->kind));
		return;
	}
	same(m, "user_data", a->user_data, u->user_data);
	same(m, "deadline", a->deadline_ns, VDEV_NONE);
	if (note == M_N_REANNOUNCE)
		same(m, "old handle", a->arg[2], u->old_handle);
	out(m, i, a, 1);
}

/* 1: the operation at t may tell this to i as something that is not the end. */
static int tells(struct model *m, uint32_t t, uint32_t i, uint32_t outcome)
{
	struct m_unit *u = &m->unit[t];

	if (i != t && !m_below(m, t, i))
		return 0;
	if (outcome > VDEV_REMOVAL_CANCELLED || !(u->notes >> outcome & 1) ||
	    u->op.phase == M_HIDE || (u->notes & M_N_OWN))
		return 0;
	if (u->note != outcome)
		m_close_note(m, t);
	if (!u->note) {
		uint8_t left[M_UNITS];

		m_requested(m, t, left);
		memcpy(u->told, left, sizeof(left));
		u->note = outcome;
	}
	return u->note == outcome && (u->told[i] == M_TELL || joiner(m, t, i));
}

static int ends(const struct model *m, uint32_t t, uint32_t i, uint32_t flags)
{
	const struct m_op *op = &m->unit[t].op;

	if (op->phase == M_END)
		return op->left[i] && !(flags & VDEV_REMOVAL_GONE);
	return op->phase == M_TEAR && step_due(m, t) && m_tear_step(m, t) == op->set.count &&
	       op->order[op->torn] == i && (flags & VDEV_REMOVAL_GONE);
}

static void check_end(struct model *m, uint32_t t, const struct vdev_action *a)
{
	const struct m_op *op = &m->unit[t].op;
	uint32_t outcome = op->outcome;

	if (op->phase == M_TEAR)
		outcome = op->fault      ? VDEV_REMOVAL_FAILED_AT
			  : op->by_guest ? VDEV_REMOVAL_REMOVED_BY_GUEST
					 : VDEV_REMOVAL_REMOVED;
	same(m, "final outcome", a->arg[0], outcome);
	same(m, "reason or step of the final outcome", a->arg[1], op->fault);
	same(m, "status of the final outcome", a->arg[2], (uint64_t)(int64_t)op->fault_status);
}

static void give_outcome(struct model *m, const struct vdev_action *a)
{
	uint32_t i = m_find(m, a->dev);

	for (uint32_t t = 1; t < M_UNITS && i; t++) {
		struct m_unit *u = &m->unit[t];
		int final = (a->flags & VDEV_REMOVAL_FINAL) != 0;

		if (!idle(u) || u->out.id)
			continue;
		if (final ? note_due(m, t) || !ends(m, t, i, a->flags)
			  : !tells(m, t, i, (uint32_t)a->arg[0]))
			continue;
		if (final)
			check_end(m, t, a);
		same(m, "user_data", a->user_data, m->unit[i].user_data);
		same(m, "flags", a->flags & ~(VDEV_REMOVAL_FINAL | VDEV_REMOVAL_GONE),
		     common_flags(m, t, i));
		same(m, "deadline", a->deadline_ns, VDEV_NONE);
		out(m, t, a, !final);
		return;
	}
	m_fail(m,
	       "R10: nobody has %s to tell of unit %u (notes %#x, note %u, phase %d of its "
	       "operation)",
	       vdev_removal_outcome_name((uint32_t)a->arg[0]), i, m->unit[m_cover(m, i)].notes,
	       m->unit[m_cover(m, i)].note, m->unit[m_cover(m, i)].op.phase);
}

static const struct m_done *logged(const struct m_op *op, uint32_t i, uint32_t undo)
{
	uint32_t newest = 0, at = M_LOG;

	for (uint32_t k = 0; k < op->logged; k++)
		if (op->log[k].unit == i && op->log[k].undo == undo && op->log[k].step >= newest) {
			newest = op->log[k].step;
			at = k;
		}
	return at == M_LOG ? NULL : &op->log[at];
}

static void log_step(struct model *m, uint32_t t, uint32_t i, const struct vdev_removal_step *s)
{
	struct m_op *op = &m->unit[t].op;

	for (uint32_t k = 0; k < op->logged; k++)
		if (op->log[k].unit == i && op->log[k].kind == s->kind)
			return;
	if (s->undo == VDEV_REMOVAL_NO_UNDO || op->logged == M_LOG)
		return;
	op->log[op->logged++] =
		(struct m_done){op->steps, s->kind, s->undo, i, op->round, s->deadline_ns};
}

/* The step that the operation at t is at, for unit i. NULL: it is not i's turn. */
static const struct vdev_removal_step *step_for(struct model *m, uint32_t t, uint32_t i,
						uint32_t kind, struct vdev_removal_step *undo)
{
	struct m_op *op = &m->unit[t].op;
	const struct m_done *d;

	switch (op->phase) {
	case M_WARN:
		return i == t ? &op->set.steps[op->pos] : NULL;
	case M_PRE:
		return op->left[i] ? &op->set.steps[op->pos] : NULL;
	case M_HIDE:
		return m_turn(m, op->left, i) ? &op->set.steps[op->pos] : NULL;
	case M_TEAR:
		op->pos = m_tear_step(m, t);
		return i == op->order[op->torn] && op->pos < op->set.count ? &op->set.steps[op->pos]
									   : NULL;
	case M_UNDO:
		d = op->left[i] ? logged(op, i, kind) : NULL;
		if (!d)
			return NULL;
		*undo = (struct vdev_removal_step){d->undo, 0, d->ns};
		return undo;
	default:
		return NULL;
	}
}

static void give_step(struct model *m, const struct vdev_action *a)
{
	uint32_t t = m_find(m, a->arg[0]), i = m_find(m, a->dev), last = 0;
	struct m_unit *u = &m->unit[t];
	struct vdev_removal_step undo;
	const struct vdev_removal_step *s;

	if (!t || !i || !m_can_give(m, t) || u->out.id || note_due(m, t)) {
		m_fail(m, "%s: not the turn of this operation", vdev_removal_kind_name(a->kind));
		return;
	}
	s = step_due(m, t) ? step_for(m, t, i, a->kind, &undo) : NULL;
	if (!s) {
		m_fail(m, "R8: %s: not the turn of this unit", vdev_removal_kind_name(a->kind));
		return;
	}
	same(m, "kind", a->kind, s->kind);
	same(m, "deadline", a->deadline_ns, m->now + s->deadline_ns);
	same(m, "user_data", a->user_data, m->unit[i].user_data);
	same(m, "user_data of the target", a->arg[1], u->user_data);
	if (a->kind == VDEV_REMOVAL_HIDE && m_count(u->op.left) == 1)
		last = VDEV_REMOVAL_LAST;
	same(m, "flags", a->flags, common_flags(m, t, i) | last);
	if (a->kind == VDEV_REMOVAL_WARN)
		same(m, "number of the warning", a->arg[2], u->op.warnings + 1u);
	if (u->op.phase != M_HIDE) /* before HIDE nobody is told anything */
		m_close_note(m, t);
	if (u->op.phase == M_PRE)
		log_step(m, t, i, s);
	if (u->op.phase == M_HIDE)
		u->op.order[u->op.hidden++] = i;
	out(m, t, a, 0);
}

/* FORCE on an overdue action: the operation goes on, RELEASE waits (R10). */
void m_stuck(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];
	struct m_op *op = &u->op;

	if (u->stuck_id || u->out.kind == VDEV_REMOVAL_RELEASE)
		return;
	u->give_up = u->cancel_due || u->cancel_id || u->again_due;
	if (u->give_up)
		return; /* it may still end: stuck when CANCEL has ended and it has not */
	u->stuck_id = u->out.id;
	u->out.id = 0;
	u->overdue = 0;
	m->stats.stuck++;
	m_note(m, t, VDEV_REMOVAL_STUCK);
	op->fault = op->phase == M_UNDO ? logged(op, m_find(m, u->out.dev), u->out.kind)->kind
					: u->out.kind;
	op->fault_status = -ETIMEDOUT;
	if (op->phase == M_TEAR)
		op->pos++;
	else if (op->phase == M_HIDE)
		m_hid(m, t, m_find(m, u->out.dev), 0);
	else
		m_hide(m, t);
}

static uint32_t again_at(const struct model *m, const struct vdev_action *a)
{
	for (uint32_t i = 0; i < M_UNITS; i++)
		if (m->unit[i].used && m->unit[i].again_due && m->unit[i].out.id == a->id)
			return i;
	return M_ANY;
}

/* An action came out. */
void m_given(struct model *m, const struct vdev_action *a)
{
	uint32_t again = again_at(m, a);

	if (again != M_ANY)
		give_again(m, again, a);
	else if (a->kind == VDEV_CANCEL)
		give_cancel(m, a);
	else if (a->flags & VDEV_REMOVAL_AGAIN)
		m_fail(m, "flag AGAIN on an action that was not out");
	else if (a->kind == VDEV_REMOVAL_OUTCOME)
		give_outcome(m, a);
	else if (a->kind == VDEV_REMOVAL_ANNOUNCE)
		give_own(m, m_find(m, a->dev), a, M_N_ANNOUNCE);
	else if (a->kind == VDEV_REMOVAL_REANNOUNCE)
		give_own(m, m_find(m, a->dev), a, M_N_REANNOUNCE);
	else if (a->kind == VDEV_REMOVAL_REDECLARE)
		give_own(m, m_find(m, a->dev), a, M_N_REDECLARE);
	else if (a->kind == VDEV_REMOVAL_UNHOLD)
		give_own(m, 0, a, M_N_UNHOLD);
	else
		give_step(m, a);
}
