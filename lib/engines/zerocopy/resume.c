/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: going on after a load, where the memory is the same, or where it was copied to.
 */
#include "internal.h"

/* Nothing of it is lent here: the guest is told, and that is all (Z6). */
static void lose(struct vdev_zerocopy *z, uint32_t index)
{
	struct op *op = op_at(z, index);
	struct vdev_zerocopy_queue *q = op_queue(z, op);
	struct slot *s = &q->slots[op->slot];
	uint64_t word = atomic_load(&s->word);

	if (op->phase >= OP_QUARANTINE) {
		vdev__zerocopy_let_go(z, index);
		return;
	}
	op->flags &= (uint16_t)~OP_PAUSED;
	vdev__deadlines_cancel(&z->deadlines, index);
	if (word_state(word) == VDEV_ZEROCOPY_QUARANTINED) {
		/* What the guest is to be told stays true. Nobody is to complete it, and if somebody does
		 * nobody pushes it. */
		op->flags |= OP_ELSEWHERE | OP_COMPLETE;
		atomic_store(&s->word, word | W_SEEN);
		return;
	}
	if (op->phase != OP_TELL) {
		op->flags &= (uint16_t)~OP_AGAIN;
		op->outcome = VDEV_ZEROCOPY_LOST;
	}
	op->phase = OP_TELL;
	atomic_store(&s->word, (word & ~(uint64_t)W_STATE) | VDEV_ZEROCOPY_OFFLINING);
}

/* A message that has no operation yet gets one. -ENOMEM. */
static int lose_message(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q, uint32_t slot)
{
	uint32_t index, state = word_state(atomic_load(&q->slots[slot].word));
	int error;

	if (state != VDEV_ZEROCOPY_RESERVED && state != VDEV_ZEROCOPY_SENT)
		return 0;
	error = vdev__zerocopy_op_new(z, q->index, slot, &index);
	if (error)
		return error;
	op_at(z, index)->begin = op_at(z, index)->end =
		vdev__zerocopy_span(z, q->details[slot].address, 1).begin;
	op_at(z, index)->until = VDEV_NONE;
	q->details[slot].op = index;
	z->unsettled++;
	lose(z, index);
	return 0;
}

/* What no operation has taken up. */
static int lose_messages(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q)
{
	for (uint32_t s = 0; s <= q->mask; s++) {
		int error = lose_message(z, q, s);

		if (error)
			return error;
	}
	return 0;
}

static int lose_all(struct vdev_zerocopy *z)
{
	if (z->whole != NOBODY) {
		z->unsettled--;
		vdev__zerocopy_op_end(z, z->whole);
		z->whole = NOBODY;
	}
	for (uint32_t i = vdev__table_next(&z->ops, 0); i != NOBODY;
	     i = vdev__table_next(&z->ops, i + 1))
		if (op_at(z, i)->slot != NOBODY)
			lose(z, i);
	z->offlining = 0;
	vdev__pagemap_fini(&z->map);
	vdev__pagemap_init(&z->map, &z->env);
	for (uint32_t i = 0; i < z->n_queues; i++) {
		int error = lose_messages(z, z->queues[i]);

		if (error)
			return error;
	}
	return 0;
}

int vdev__zerocopy_resume(struct vdev_zerocopy *z, uint32_t flags)
{
	int error = flags & VDEV_ZEROCOPY_COPIED_MEMORY ? lose_all(z) : 0;

	if (error)
		return error;
	if (z->in_reset)
		atomic_fetch_or(&z->gate, GATE_RESET);
	if (z->whole != NOBODY)
		atomic_fetch_or(&z->gate, GATE_WHOLE);
	for (uint32_t i = vdev__table_next(&z->ops, 0); i != NOBODY;
	     i = vdev__table_next(&z->ops, i + 1)) {
		struct op *op = op_at(z, i);

		if (op->phase == OP_WAIT && !(op->flags & OP_PAUSED))
			vdev__zerocopy_list_add(z, i, OP_WAITING);
		vdev__zerocopy_phase(z, i, op->phase);
	}
	z->rescan = z->waiting.count;
	vdev__zerocopy_rescan(z);
	return 0;
}
