/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of removal: the way of an operation (R3, R4, R8, R9, R11, R12). */
#include "removal_model.h"

#include <errno.h>
#include <string.h>

int m_stepping(const struct m_unit *u)
{
	return u->out.id && !u->out_note;
}

/* The acknowledgement or HIDE, whichever is first (R12). */
int m_past_return(const struct m_op *op)
{
	int removed =
		op->outcome == VDEV_REMOVAL_REMOVED || op->outcome == VDEV_REMOVAL_REMOVED_BY_GUEST;

	return op->phase == M_HIDE || op->phase == M_TEAR || op->acked ||
	       (op->phase == M_END && removed);
}

/* Who has the say about i: the operation furthest down that goes on by itself, or that at t. */
uint32_t m_speaker(const struct model *m, uint32_t t, uint32_t i)
{
	uint32_t speaker = t;

	for (uint32_t o = 1; o < M_UNITS; o++)
		if (m->unit[o].used && m_below(m, speaker, o) && m->unit[o].op.phase != M_NONE &&
		    !m->unit[o].op.absorbed && !m->unit[o].op.holding &&
		    (o == i || m_below(m, o, i)))
			speaker = o;
	return speaker;
}

int m_speaks_for(const struct model *m, uint32_t t, uint32_t i)
{
	return (i == t || m_member(m, t, i)) && m_speaker(m, t, i) == t;
}

/* Who asked, of what the operation at t covers. */
int m_requested(const struct model *m, uint32_t t, uint8_t *ret_left)
{
	int n = 0;

	for (uint32_t i = 0; i < M_UNITS; i++) {
		int is = i && m->unit[i].used && m->unit[i].requested && m_speaks_for(m, t, i);

		n += is;
		if (ret_left)
			ret_left[i] = (uint8_t)is;
	}
	return n;
}

void m_note(struct model *m, uint32_t t, uint32_t outcome)
{
	struct m_unit *u = &m->unit[t];

	if (!m_requested(m, t, NULL))
		return;
	if (u->note == outcome && !m_to_tell(m, t))
		u->note = 0;
	u->notes |= 1u << outcome;
}

/* The guest lets go of something above i: what was asked for there begins anew when that is hidden. */
static void ask_after_hold(struct model *m, uint32_t i)
{
	for (uint32_t k = 1; k < M_UNITS; k++) {
		struct m_unit *u = &m->unit[k];

		if (!u->used || !u->requested || !m_speaks_for(m, i, k))
			continue;
		u->requested = 0;
		u->again = 1;
		u->again_forced |= m->unit[i].op.forced;
	}
}

/* The guest has a word still. */
int m_asks(const struct m_op *op)
{
	return !op->forced && !op->acked;
}

/*
 * An operation below gives way to the one at t, and leaves it what it was asked for (R2). One by force
 * does not where the guest has a word still: it goes first, and by itself (R11).
 */
static void absorb(struct model *m, uint32_t t, uint32_t i)
{
	struct m_op *op = &m->unit[i].op;

	if (op->phase == M_NONE || m_past_return(op) || op->phase == M_UNDO || op->phase == M_END ||
	    op->absorbed || (op->forced && m_asks(&m->unit[t].op)))
		return;
	op->absorbed = 1;
	if (m->unit[t].op.holding)
		ask_after_hold(m, i);
	if (!m_stepping(&m->unit[i]))
		m_back_out(m, i, 0);
}

static int busy_below(struct model *m, uint32_t t)
{
	int busy = 0;

	for (uint32_t i = 1; i < M_UNITS; i++) {
		struct m_unit *u = &m->unit[i];

		if (i == t || !m_member(m, t, i))
			continue;
		absorb(m, t, i);
		busy |= u->op.phase != M_NONE || (u->notes & M_N_OWN) || u->out.id || u->cancel_id;
	}
	return busy;
}

static void take_set(struct model *m, uint32_t t, uint32_t level)
{
	struct m_op *op = &m->unit[t].op;

	op->set = *m_set(m, t, &level);
	op->level = level;
	op->pos = 0;
	op->round++;
}

static void start(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;
	int hidden;

	take_set(m, t, m_lowest(m, t, NULL, 0));
	op->skip = op->skip || m->in_reset || m_off(m, t) || m_nobody_uses(m, t, &hidden);
	if (op->forced || op->skip || op->acked)
		m_hide(m, t);
	else
		m_advance(m, t);
}

/* The caller has set what is known of the operation beforehand: forced, acked ... */
void m_begin(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;

	op->ack_end = VDEV_NONE;
	m->stats.operations++;
	op->phase = M_BELOW;
	if (m->held && !op->acked && !op->holding) {
		op->phase = M_HELD;
		if (op->forced)
			m->unit[0].notes |= M_N_UNHOLD;
	}
}

int m_wake_one(struct model *m, uint32_t t)
{
	if (!m->unit[t].used || m->unit[t].op.phase != M_BELOW || busy_below(m, t))
		return 0;
	start(m, t);
	return 1;
}

/* What waits for others looks again, until nothing changes. */
static void wake_operations(struct model *m)
{
	int changed;

	do {
		changed = 0;
		for (uint32_t t = 1; t < M_UNITS; t++)
			changed |= m_wake_one(m, t);
	} while (changed);
}

/* The same, and what waits for a slot gets it. */
void m_wake(struct model *m)
{
	wake_operations(m);
	for (uint32_t s = 1; s < M_UNITS; s++)
		if (m->unit[s].used && m_is_slot(m, s) && m_slot_free(m, s))
			m_slots(m, s);
}

int m_slot_free(const struct model *m, uint32_t s)
{
	const struct m_unit *u = &m->unit[s];
	int changes = u->transport == VDEV_REMOVAL_PCIE && (u->status & 0x108);

	for (uint32_t i = 1; i < M_UNITS; i++) /* will come back there (R16) */
		if (m->unit[i].used && m->unit[i].parent == s && m->unit[i].hidden)
			return 0;
	return !m_cover(m, s) && !u->settling && !changes;
}

/* R11: a re-plug that came early is not lost. */
void m_slots(struct model *m, uint32_t s)
{
	if (m->unit[s].settling && m->guest >= m->unit[s].warn_at)
		m->unit[s].settling = 0;
	if (!m_slot_free(m, s))
		return;
	for (uint32_t i = 1; i < M_UNITS; i++) {
		struct m_unit *u = &m->unit[i];

		if (u->used && u->parent == s && u->queued && u->op.phase == M_NONE) {
			u->queued = 0;
			u->notes |= M_N_ANNOUNCE;
		}
	}
}

/* R9, R10: a PCIe button must not be pressed while that would mean something else. */
enum m_phase m_way_to_warn(const struct model *m, uint32_t t)
{
	const struct m_unit *u = &m->unit[t];

	if (u->transport != VDEV_REMOVAL_PCIE && u->transport != VDEV_REMOVAL_PVDEV)
		return M_WARN;
	if (!u->ready)
		return M_NOT_READY;
	if (u->transport == VDEV_REMOVAL_PVDEV)
		return M_WARN;
	if ((u->status & 0x1) || ((u->slot_cap & 0x10) && (u->control & 0x300) != 0x100) ||
	    m->guest < u->warn_at)
		return M_GAP;
	return M_WARN;
}

static uint64_t wait_ns(const struct model *m, uint32_t t)
{
	const struct m_unit *u = &m->unit[t];
	uint32_t i = 0;

	if (u->ack_ns)
		return u->ack_ns;
	while (u->op.set.steps[i].kind != VDEV_REMOVAL_AWAIT_ACK)
		i++;
	if (!u->op.set.own && m->config.ack_ns)
		return m->config.ack_ns;
	return u->op.set.steps[i].deadline_ns;
}

void m_start_clock(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;
	uint64_t ns = op->ack_left ? op->ack_left : wait_ns(m, t);

	if (op->ack_end == VDEV_NONE && ns != VDEV_NONE)
		op->ack_end = m->guest + ns;
	op->ack_left = 0;
}

/* Enters WARN, or what has to come before. The time for the answer runs while it can be heard. */
void m_ask(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;
	enum m_phase before = op->phase;

	op->phase = m_way_to_warn(m, t);
	if (op->phase != M_NOT_READY) {
		m_start_clock(m, t);
		return;
	}
	if (op->ack_end != VDEV_NONE)
		op->ack_left = op->ack_end > m->guest ? op->ack_end - m->guest : 1;
	op->ack_end = VDEV_NONE;
	if (before != M_NOT_READY)
		m_note(m, t, VDEV_REMOVAL_GUEST_NOT_READY);
}

static int undoable(const struct m_op *op)
{
	for (uint32_t i = 0; i < op->logged; i++)
		if (op->log[i].kind != VDEV_REMOVAL_WARN && op->log[i].round == op->round)
			return 1;
	return 0;
}

/* The guest took back that it bears a surprise (R4): what was done on that ground is undone. */
static void no_longer_safe(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;

	if (undoable(op)) {
		op->returning = op->demoted = 1;
		m_back_out(m, t, 0);
	} else {
		m_switch(m, t, VDEV_REMOVAL_UNSAFE);
	}
}

static int bears_less(const struct model *m, uint32_t t)
{
	const struct m_op *op = &m->unit[t].op;
	uint32_t level = m_lowest(m, t, NULL, 0);

	if (op->level != VDEV_REMOVAL_SAFE && op->level != VDEV_REMOVAL_SAFE_IDLE)
		return 0;
	return level != op->level && level != VDEV_REMOVAL_SAFE;
}

/* Who takes part in the present step before HIDE. */
static int takes_part(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;

	for (uint32_t i = 0; i < M_UNITS; i++)
		op->left[i] = (uint8_t)(m_member(m, t, i) &&
					!m_left_out(m, i, op->set.steps[op->pos].kind));
	return m_count(op->left) != 0;
}

/* Enters the step at op->pos, or the next one that there is something to do for. */
void m_advance(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];
	struct m_op *op = &u->op;

	for (;; op->pos++) {
		switch (op->set.steps[op->pos].kind) {
		case VDEV_REMOVAL_WARN:
			if (u->transport == VDEV_REMOVAL_NO_TRANSPORT)
				continue;
			m_ask(m, t);
			break;
		case VDEV_REMOVAL_AWAIT_ACK:
			op->phase = M_AWAIT;
			m_start_clock(m, t);
			m_look_busy(m, t);
			break;
		case VDEV_REMOVAL_HIDE:
			if (bears_less(m, t))
				no_longer_safe(m, t);
			else
				m_hide(m, t);
			return;
		default:
			op->phase = M_PRE;
			op->steps++;
			if (!takes_part(m, t))
				continue;
			return;
		}
		break;
	}
	m_recheck(m, t);
}

/* The way without a warning can be turned back from: one that was, is not tried twice. */
static int has_way_back(const struct model *m, uint32_t t, uint32_t level)
{
	return m_set(m, t, &level)->steps[0].kind != VDEV_REMOVAL_HIDE;
}

/* R6: a late SAFE lets a waiting request proceed. */
void m_recheck(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;
	uint32_t level = m_lowest(m, t, NULL, 0);
	int waits = op->phase == M_NOT_READY || op->phase == M_GAP || op->phase == M_AWAIT ||
		    (op->phase == M_WARN && !m_stepping(&m->unit[t]));

	if (!waits || level == op->level || m->guest >= op->ack_end ||
	    (op->demoted && has_way_back(m, t, level)))
		return;
	if (level == VDEV_REMOVAL_SAFE || level == VDEV_REMOVAL_SAFE_IDLE)
		m_switch(m, t, level);
}

void m_switch(struct model *m, uint32_t t, uint32_t level)
{
	struct m_op *op = &m->unit[t].op;
	int back = level == VDEV_REMOVAL_UNSAFE;
	uint32_t from = op->level;

	op->demoted |= back;
	take_set(m, t, back && op->switched ? op->from : level);
	op->switched = !back;
	op->from = from;
	if (back && op->asked)
		while (op->set.steps[op->pos].kind != VDEV_REMOVAL_AWAIT_ACK)
			op->pos++;
	m_advance(m, t);
}

void m_hide(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];
	struct m_op *op = &u->op;

	if (!u->stuck_id)
		op->fault = 0, op->fault_status = 0;
	op->phase = M_HIDE;
	op->absorbed = op->cancel = op->late_ack = 0;
	for (uint32_t i = 0; i < M_UNITS; i++)
		op->left[i] = (uint8_t)m_member(m, t, i);
	for (op->pos = 0; op->set.steps[op->pos].kind != VDEV_REMOVAL_HIDE;)
		op->pos++;
	if (m_alone(m, t))
		m_members_gone(m, t);
}

/* The slot is empty. */
void m_members_gone(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;

	if (op->holding) { /* there was nothing to hold */
		m_clear(m, t);
		return;
	}
	op->outcome = op->by_guest ? VDEV_REMOVAL_REMOVED_BY_GUEST : VDEV_REMOVAL_REMOVED;
	op->phase = M_END;
	op->fault = 0;
	op->fault_status = 0;
	if (!m_requested(m, t, op->left))
		m_clear(m, t);
}

/* Is this entry of the log one to be undone now? */
static int to_undo(const struct model *m, uint32_t t, const struct m_done *d)
{
	const struct m_unit *u = &m->unit[t];

	if (d->kind == VDEV_REMOVAL_WARN)
		return !u->op.returning &&
		       (u->transport == VDEV_REMOVAL_PCIE || u->transport == VDEV_REMOVAL_PVDEV);
	return (!u->op.returning || d->round == u->op.round) && !m_left_out(m, d->unit, d->kind);
}

static void undo_end(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;
	int final =
		op->outcome == VDEV_REMOVAL_CANCELLED || op->outcome == VDEV_REMOVAL_ROLLED_BACK;

	if (op->late_ack && !final && !op->absorbed) {
		op->acked = 1;
		op->late_ack = 0;
		m_hide(m, t);
		return;
	}
	if (op->returning) {
		op->returning = 0;
		m_switch(m, t, VDEV_REMOVAL_UNSAFE);
		return;
	}
	m->stats.refused += op->outcome == VDEV_REMOVAL_REFUSED;
	m->stats.rolled_back += op->outcome == VDEV_REMOVAL_ROLLED_BACK;
	m->stats.cancelled += op->outcome == VDEV_REMOVAL_CANCELLED;
	op->phase = M_END;
	if (!m_requested(m, t, op->left) || op->absorbed || !op->outcome)
		m_clear(m, t);
}

/* The newest step that can be undone, with the units that it was done for; or the end. */
void m_undo_next(struct model *m, uint32_t t)
{
	struct m_op *op = &m->unit[t].op;
	uint32_t newest = 0;

	memset(op->left, 0, sizeof(op->left));
	for (uint32_t i = 0; i < op->logged; i++)
		if (to_undo(m, t, &op->log[i]) && op->log[i].step >= newest)
			newest = op->log[i].step;
	for (uint32_t i = 0; i < op->logged; i++)
		if (to_undo(m, t, &op->log[i]) && op->log[i].step == newest)
			op->left[op->log[i].unit] = 1;
	op->steps++;
	if (!m_count(op->left))
		undo_end(m, t);
}

/* A migration is not aborted for a request that is no more. */
static void unhold_for_nobody(struct model *m)
{
	for (uint32_t t = 1; t < M_UNITS; t++)
		if (m->unit[t].used && m->unit[t].op.phase == M_HELD && m->unit[t].op.forced)
			return;
	if (!m->unit[0].out.id)
		m->unit[0].notes &= ~M_N_UNHOLD;
}

void m_back_out(struct model *m, uint32_t t, uint32_t outcome)
{
	struct m_op *op = &m->unit[t].op;
	int held = op->phase == M_HELD && op->forced;

	if (outcome != VDEV_REMOVAL_REFUSED && outcome != VDEV_REMOVAL_ROLLED_BACK)
		op->fault = 0;
	op->outcome = outcome;
	op->returning = op->returning && !outcome;
	op->phase = M_UNDO;
	if (held)
		unhold_for_nobody(m);
	m_undo_next(m, t);
}

/* What a request would join can do nothing for it: it begins when that is over. */
static int in_vain(const struct model *m, uint32_t i)
{
	uint32_t cover = m_joins(m, i, m->unit[i].again_forced);

	return cover && m_too_late(&m->unit[cover].op, m->unit[i].again_forced);
}

/* One who asked anew gets an operation of his own unit, or joins one that somebody else just got. */
static void ask_anew(struct model *m, uint32_t i, uint32_t ended, int late_ack)
{
	int forced = m->unit[i].again_forced;
	uint32_t cover = m_joins(m, i, forced), target = m_target(m, i);

	m->unit[i].again_forced = 0;
	if (!cover) {
		m->unit[target].op.forced = forced;
		m->unit[target].op.acked = target == ended && late_ack;
		m_begin(m, target);
		wake_operations(m); /* no slot is free before all have begun anew */
	} else if (forced) {
		m_upgrade(m, cover);
	}
}

/* Who asked has been told, unless it was mute. Who asked anew meanwhile begins anew. */
static void ask_again(struct model *m, uint32_t t, int late_ack, int mute)
{
	uint32_t list[M_UNITS], n = m_order(m, t, list), count = 0;

	for (uint32_t k = 0; k < n; k++) {
		struct m_unit *u = &m->unit[list[k]];
		int anew = u->again && !in_vain(m, list[k]);
		int lost = u->requested && mute && !m_cover(m, list[k]);

		if (!m_speaks_for(m, t, list[k]))
			continue;
		if (anew || lost)
			list[count++] = list[k];
		/* What only holds, or gave way, spoke for nobody. */
		u->requested = anew || (mute && u->requested);
		u->again &= !anew;
	}
	for (uint32_t k = 0; k < count; k++)
		ask_anew(m, list[k], t, late_ack);
}

/* The operation is over and its target is still there. */
void m_clear(struct model *m, uint32_t t)
{
	struct m_unit *u = &m->unit[t];
	struct m_op old = u->op;

	m->stats.operations--;
	memset(&u->op, 0, sizeof(u->op));
	u->notes &= M_N_OWN;
	u->note = 0;
	if (!old.absorbed || !m_cover(m, t))
		ask_again(m, t, old.late_ack, old.holding || old.absorbed);
	if (m_is_slot(m, t) && old.emptied && m_alone(m, t) && (u->slot_cap & 0x2) &&
	    !m->in_reset) {
		u->settling = 1;
		u->warn_at = m->guest + m->config.settle_ns;
	}
	if (old.late_ack && !m_cover(m, t))
		m_acked(m, 0, t);
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m_member(m, t, i) && m_is_slot(m, i))
			m_slots(m, i);
	if (m_is_slot(m, t))
		m_slots(m, t);
	if (u->queued)
		m_slots(m, u->parent);
}
