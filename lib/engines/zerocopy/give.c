/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: actions out, done() in (Z4, Z6, action contract).
 *
 *   OP_WAIT -> OP_OFFLINE (for each run) -> OP_TELL -> OP_QUARANTINE -> OP_RELEASE -> over
 *                  |                          |  in time: over
 *                  +-> OP_REFUSED -> over
 */
#include "internal.h"

static struct op_list *list_of(struct vdev_zerocopy *z, uint16_t flag)
{
	return flag == OP_READY ? &z->ready : &z->waiting;
}

void vdev__zerocopy_list_add(struct vdev_zerocopy *z, uint32_t index, uint16_t flag)
{
	struct op_list *l = list_of(z, flag);
	struct op *op = op_at(z, index);

	op->flags |= flag;
	op->next = NOBODY;
	op->prev = l->tail;
	if (l->tail != NOBODY)
		op_at(z, l->tail)->next = index;
	else
		l->head = index;
	l->tail = index;
	l->count++;
}

void vdev__zerocopy_list_del(struct vdev_zerocopy *z, uint32_t index)
{
	struct op *op = op_at(z, index);
	uint16_t flag = op->flags & (OP_READY | OP_WAITING);
	struct op_list *l = list_of(z, flag);

	if (!flag)
		return;
	op->flags &= (uint16_t)~flag;
	if (op->prev != NOBODY)
		op_at(z, op->prev)->next = op->next;
	else
		l->head = op->next;
	if (op->next != NOBODY)
		op_at(z, op->next)->prev = op->prev;
	else
		l->tail = op->prev;
	l->count--;
}

static bool gives(const struct op *op)
{
	if (op->flags & OP_CANCEL_DUE)
		return true;
	return !(op->flags & (OP_OUT | OP_CANCEL_OUT | OP_PAUSED)) && op->phase != OP_WAIT &&
	       op->phase != OP_QUARANTINE && op->phase != OP_OVER;
}

/* Into the ready list or out of it, as its state says. */
static void refresh(struct vdev_zerocopy *z, uint32_t index)
{
	bool yes = gives(op_at(z, index));

	if (yes == ((op_at(z, index)->flags & OP_READY) != 0))
		return;
	vdev__zerocopy_list_del(z, index);
	if (yes)
		vdev__zerocopy_list_add(z, index, OP_READY);
}

void vdev__zerocopy_phase(struct vdev_zerocopy *z, uint32_t index, enum op_phase phase)
{
	op_at(z, index)->phase = (uint8_t)phase;
	refresh(z, index);
}

void vdev__zerocopy_later(struct vdev_zerocopy *z, uint32_t index)
{
	op_at(z, index)->flags |= OP_PAUSED;
	vdev__deadlines_arm(&z->deadlines, index, vdev__sat_add(z->now, z->config.retry_ns));
	refresh(z, index);
}

void vdev__zerocopy_timer(struct vdev_zerocopy *z, uint32_t index)
{
	struct op *op = op_at(z, index);

	if (op->flags & OP_PAUSED) {
		op->flags &= (uint16_t)~OP_PAUSED;
		if (op->phase == OP_WAIT)
			vdev__zerocopy_scan(z, index);
	} else {
		vdev__zerocopy_trace(z, VDEV_ZEROCOPY_EV_TIMEOUT, op, VDEV_ZEROCOPY_OFFLINE);
		op->flags |= OP_CANCEL_DUE;
	}
	refresh(z, index);
}

bool vdev__zerocopy_op_satisfied(const struct vdev_zerocopy *z, const struct op *op)
{
	return vdev__zerocopy_satisfied(
		word_bits(atomic_load(&op_queue(z, op)->slots[op->slot].word)), z->config.until);
}

static void release(struct vdev_zerocopy *z, uint32_t index)
{
	z->stats.late++;
	vdev__zerocopy_trace(z, VDEV_ZEROCOPY_EV_LATE, op_at(z, index), 0);
	vdev__zerocopy_phase(z, index, OP_RELEASE);
}

void vdev__zerocopy_late(struct vdev_zerocopy *z, uint32_t index)
{
	op_at(z, index)->flags |= OP_COMPLETE;
	if (op_at(z, index)->phase == OP_QUARANTINE) /* else: when the guest has been told */
		release(z, index);
}

static void fill(struct vdev_zerocopy *z, const struct op *op, struct vdev_action *a)
{
	static const uint32_t kinds[] = {[OP_OFFLINE] = VDEV_ZEROCOPY_OFFLINE,
					 [OP_REFUSED] = VDEV_ZEROCOPY_REFUSED,
					 [OP_TELL] = VDEV_ZEROCOPY_ACCESSIBLE,
					 [OP_RELEASE] = VDEV_ZEROCOPY_RELEASE};

	a->kind = kinds[op->phase];
	if (op->phase == OP_OFFLINE) {
		a->deadline_ns = op->until;
		a->arg[0] = op->begin;
		a->arg[1] = op->end - op->begin;
		a->arg[2] = op->zero ? VDEV_ZEROCOPY_RESET : VDEV_ZEROCOPY_PRESERVE;
	} else if (op->slot != NOBODY) {
		a->arg[0] = op_queue(z, op)->details[op->slot].address;
		a->arg[1] = size_length(atomic_load(&op_queue(z, op)->slots[op->slot].size));
	}
	if (op->phase == OP_REFUSED)
		a->arg[2] = (uint64_t)(int64_t)op->status;
	if (op->phase == OP_TELL)
		a->arg[2] = op->outcome;
}

static void build(struct vdev_zerocopy *z, uint32_t index, struct vdev_action *a)
{
	struct op *op = op_at(z, index);

	a->deadline_ns = VDEV_NONE;
	a->dev = vdev__zerocopy_op_id(z, op);
	a->user_data = vdev__zerocopy_op_user(z, op);
	a->flags = (op->slot == NOBODY ? VDEV_ZEROCOPY_WHOLE : 0) |
		   (op->flags & OP_BY_RESET ? VDEV_ZEROCOPY_BY_RESET : 0) |
		   (op->flags & OP_ASKED ? VDEV_ZEROCOPY_ASKED : 0) |
		   (op->flags & OP_AGAIN ? VDEV_ZEROCOPY_AGAIN : 0);
	if (op->flags & OP_CANCEL_DUE) {
		op->flags ^= OP_CANCEL_DUE | OP_CANCEL_OUT;
		a->kind = VDEV_CANCEL;
		a->id = ~op->action;
		a->arg[0] = op->action;
		a->arg[1] = VDEV_ZEROCOPY_OFFLINE;
		z->stats.cancels++;
		return;
	}
	fill(z, op, a);
	if (!(op->flags & OP_AGAIN))
		op->action = vdev__table_renew(&z->ops, index) ^ ACTION_BITS;
	op->flags = (uint16_t)((op->flags & ~OP_AGAIN) | OP_OUT);
	a->id = op->action;
	if (op->phase == OP_OFFLINE)
		vdev__deadlines_arm(&z->deadlines, index, op->until);
}

/* The first operation that still has something to give. */
static uint32_t first_ready(struct vdev_zerocopy *z)
{
	uint32_t index;

	while ((index = z->ready.head) != NOBODY) {
		const struct op *op = op_at(z, index);

		if (op->phase != OP_OFFLINE || op->flags & (OP_CANCEL_DUE | OP_AGAIN))
			return index;
		if (vdev__zerocopy_offline_wanted(z, index))
			return index;
		vdev__zerocopy_list_del(z,
					index); /* it has something else now: behind the others */
		vdev__zerocopy_list_add(z, index, OP_READY);
	}
	return NOBODY;
}

int vdev_zerocopy_next(struct vdev_zerocopy *z, struct vdev_action *ret_action, size_t size)
{
	struct vdev_action a = {0};
	uint32_t index;

	if (!z || !ret_action || !size)
		return -EINVAL;
	index = first_ready(z);
	if (index == NOBODY)
		return 0;
	build(z, index, &a);
	refresh(z, index);
	if (vdev__tracing(&z->env))
		z->env.trace(z->env.user,
			     &(struct vdev_trace){z->now, a.dev, a.user_data, a.id,
						  VDEV_PART_ZEROCOPY, VDEV_TRACE_ACTION, a.kind,
						  a.flags, a.arg[0]});
	return vdev__copy_out(ret_action, size, &a, sizeof(a)) ? -EINVAL : 1;
}

void vdev__zerocopy_let_go(struct vdev_zerocopy *z, uint32_t index)
{
	const struct op *op = op_at(z, index);
	struct slot *s = &op_queue(z, op)->slots[op->slot];
	uint64_t address = op_queue(z, op)->details[op->slot].address;
	uint64_t size = atomic_load(&s->size);

	if (word_state(atomic_load(&s->word)) == VDEV_ZEROCOPY_QUARANTINED)
		vdev__zerocopy_quarantine(z, size_destination(size), address, size_length(size), 0);
	else
		vdev__zerocopy_give_back(z, size_destination(size), credit(1, size_length(size)));
	vdev__zerocopy_move_op(z, op, MSG_RELEASED, 0);
	z->ended++;
	vdev__zerocopy_op_end(z, index);
}

static void told(struct vdev_zerocopy *z, uint32_t index)
{
	const struct op *op = op_at(z, index);
	uint64_t word = atomic_load(&op_queue(z, op)->slots[op->slot].word);

	z->unsettled--;
	if (word_state(word) != VDEV_ZEROCOPY_QUARANTINED || op->flags & OP_ELSEWHERE) {
		vdev__zerocopy_let_go(z, index);
		return;
	}
	/* Not asking the word: a push may be on its way, and the slot must not be free before. */
	if (op->flags & OP_COMPLETE)
		release(z, index);
	else
		vdev__zerocopy_phase(z, index, OP_QUARANTINE);
}

/* It was refused: it stays lent, or it is complete by now and the guest has to be told. */
static void refused(struct vdev_zerocopy *z, uint32_t index)
{
	struct op *op = op_at(z, index);
	uint32_t partly;

	if (op->slot != NOBODY) {
		/* Also if the whole VM's memory is yet to be replaced: nobody will look at it then (Z11). */
		partly = op->flags & OP_REPLACED || vdev__zerocopy_is_void(z, op) ||
					 (z->whole != NOBODY && vdev__zerocopy_receives(z, op))
				 ? W_PARTLY
				 : 0;
		atomic_store(&op_queue(z, op)->details[op->slot].deadline, VDEV_NONE);
		if ((vdev__zerocopy_move_op(z, op, MSG_REFUSED, partly) & W_STATE) ==
		    VDEV_ZEROCOPY_OFFLINING) {
			vdev__zerocopy_scan(z, index);
			return;
		}
	}
	z->unsettled--;
	vdev__zerocopy_op_end(z, index);
}

static void went(struct vdev_zerocopy *z, uint32_t index, int status)
{
	struct op *op = op_at(z, index);

	if (op->phase == OP_OFFLINE) {
		vdev__deadlines_cancel(&z->deadlines, index);
		op->flags &= (uint16_t)~OP_CANCEL_DUE;
		vdev__zerocopy_offline_done(z, index, status);
	} else if (status == -EAGAIN) {
		vdev__zerocopy_later(z, index);
	} else if (op->phase == OP_TELL) {
		told(z, index);
	} else if (op->phase == OP_REFUSED) {
		refused(z, index);
	} else {
		vdev__zerocopy_let_go(z, index);
	}
}

static void trace_done(struct vdev_zerocopy *z, const struct op *op, uint64_t id, int status)
{
	if (vdev__tracing(&z->env))
		z->env.trace(z->env.user, &(struct vdev_trace){z->now, vdev__zerocopy_op_id(z, op),
							       vdev__zerocopy_op_user(z, op), id,
							       VDEV_PART_ZEROCOPY, VDEV_TRACE_DONE,
							       0, 0, (uint64_t)(int64_t)status});
}

int vdev_zerocopy_done(struct vdev_zerocopy *z, uint64_t now_ns, uint64_t action_id, int status)
{
	uint32_t index;
	struct op *op;

	if (!z || status > 0)
		return -EINVAL;
	vdev__zerocopy_clock(z, now_ns);
	if (!vdev__table_find(&z->ops, action_id ^ ACTION_BITS, &index) &&
	    op_at(z, index)->flags & OP_OUT) {
		op = op_at(z, index);
		trace_done(z, op, action_id, status);
		op->flags &= (uint16_t)~OP_OUT;
		went(z, index, status);
	} else if (!vdev__table_find(&z->ops, ~action_id ^ ACTION_BITS, &index) &&
		   op_at(z, index)->flags & OP_CANCEL_OUT) {
		op = op_at(z, index);
		trace_done(z, op, action_id, status);
		op->flags &= (uint16_t)~OP_CANCEL_OUT;
	} else {
		z->stats.bad_done++;
		return -ENOENT;
	}
	if (vdev__table_at(&z->ops, index)) {
		if (op_at(z, index)->phase == OP_OVER && !(op_at(z, index)->flags & OP_CANCEL_OUT))
			vdev__zerocopy_op_end(z, index);
		else
			refresh(z, index);
	}
	return (int)z->ready.count;
}

int vdev_zerocopy_deadline(struct vdev_zerocopy *z, uint64_t *ret_ns)
{
	uint64_t first = VDEV_NONE, t;

	if (!z || !ret_ns)
		return -EINVAL;
	if (!vdev__deadlines_first(&z->deadlines, &first))
		first = VDEV_NONE;
	for (uint32_t i = 0; i < z->n_queues; i++) {
		struct vdev_zerocopy_queue *q = z->queues[i];

		t = vdev__zerocopy_first(q);
		if (q->held && vdev__sat_add(z->now, z->config.retry_ns) < t)
			t = vdev__sat_add(z->now, z->config.retry_ns);
		if (atomic_load(&q->inbox))
			t = z->now;
		first = t < first ? t : first;
	}
	if (z->rescan)
		first = z->now;
	if (first == VDEV_NONE)
		return 0;
	*ret_ns = first;
	return 1;
}
