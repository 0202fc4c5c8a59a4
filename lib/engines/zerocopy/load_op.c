/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: reading the operations of an image. What does not fit its message is damaged.
 */
#include "load.h"

/* The slot of an operation, which has none yet; NULL: damaged. */
static struct slot *op_slot(const struct vdev_zerocopy *z, const struct op *op)
{
	struct vdev_zerocopy_queue *q;

	if (op->queue >= z->n_queues || op->slot > z->queues[op->queue]->mask)
		return NULL;
	q = z->queues[op->queue];
	return word_state(atomic_load(&q->slots[op->slot].word)) >= VDEV_ZEROCOPY_OFFLINING &&
			       q->details[op->slot].op == NOBODY
		       ? &q->slots[op->slot]
		       : NULL;
}

static bool outcome_ok(const struct op *op, uint32_t state, uint64_t size)
{
	if (op->phase != OP_TELL)
		return true;
	if (op->outcome == VDEV_ZEROCOPY_LOST || state == VDEV_ZEROCOPY_OFFLINING)
		return state == VDEV_ZEROCOPY_OFFLINING && (op->outcome == VDEV_ZEROCOPY_LOST ||
							    op->outcome == VDEV_ZEROCOPY_COMPLETED);
	return op->outcome == (size_flags(size) & VDEV_ZEROCOPY_RECEIVE ? VDEV_ZEROCOPY_FAILED
									: VDEV_ZEROCOPY_RECLAIMED);
}

/* A slot that somebody may still push must not become free: it would be in the list twice. */
static bool pushes_ok(const struct op *op, uint64_t word, bool satisfied)
{
	bool quarantined = word_state(word) == VDEV_ZEROCOPY_QUARANTINED;

	if (op->flags & OP_ELSEWHERE && (op->phase != OP_TELL || (word & W_SEEN) != W_SEEN))
		return false;
	return ((op->flags & OP_COMPLETE) != 0) == (quarantined && satisfied);
}

/* Each state of a message has the phases that it can be in. */
static bool phase_ok(const struct vdev_zerocopy *z, const struct op *op, const struct slot *s)
{
	uint64_t word = atomic_load(&s->word);
	uint32_t state = word_state(word);
	bool satisfied = vdev__zerocopy_satisfied(word_bits(word), z->config.until);

	if (!outcome_ok(op, state, atomic_load(&s->size)) || !pushes_ok(op, word, satisfied))
		return false;
	switch (op->phase) {
	case OP_WAIT:
	case OP_OFFLINE:
		return state == VDEV_ZEROCOPY_OFFLINING;
	case OP_REFUSED:
		return state == VDEV_ZEROCOPY_OFFLINING && op->status < 0;
	case OP_TELL:
		return true;
	case OP_QUARANTINE:
		return state == VDEV_ZEROCOPY_QUARANTINED && !satisfied;
	case OP_RELEASE:
		return state == VDEV_ZEROCOPY_QUARANTINED && satisfied;
	default:
		return false;
	}
}

/* The granules that an OFFLINE is about: of its block, all to be zeroed or none, nobody else's. */
static bool run_ok(const struct vdev_zerocopy *z, const struct op *op, const struct slot *s)
{
	uint64_t address = op_queue(z, op)->details[op->slot].address;
	struct span span = vdev__zerocopy_span(z, address, size_length(atomic_load(&s->size)));

	if (op->begin < span.begin || op->begin > op->end || op->end > span.end ||
	    (op->begin | op->end) & (span.granule - 1))
		return false;
	if (op->phase != OP_OFFLINE)
		return true;
	for (uint64_t a = op->begin; a < op->end; a += span.granule)
		if (vdev__zerocopy_zeroed(z, op, a) != (op->zero != 0) ||
		    vdev__pagemap_get(&z->map, a) & PAGE_BUSY)
			return false;
	return op->begin < op->end;
}

/* A time to come, at most `most` from now: an image cannot put it off for ever. */
static uint64_t soon(const struct vdev_zerocopy *z, uint64_t left, uint64_t most)
{
	return vdev__sat_add(z->now, left < most ? left : most);
}

static void get_op_fields(struct loader *l, struct op *op, uint64_t *ret_timer)
{
	uint64_t until, timer;
	uint32_t flags;

	op->queue = vdev__get_u32(&l->in);
	op->slot = vdev__get_u32(&l->in);
	op->begin = vdev__get_u64(&l->in);
	op->end = vdev__get_u64(&l->in);
	op->epoch = vdev__get_u64(&l->in);
	until = vdev__get_u64(&l->in);
	timer = vdev__get_u64(&l->in);
	op->status = (int32_t)vdev__get_u32(&l->in);
	flags = vdev__get_u32(&l->in);
	op->phase = vdev__get_u8(&l->in);
	op->outcome = vdev__get_u8(&l->in);
	op->zero = vdev__get_u8(&l->in);
	op->flags = (uint16_t)flags;
	op->until = VDEV_NONE; /* not begun */
	if (until != VDEV_NONE || (flags & OP_AGAIN && op->phase == OP_OFFLINE))
		op->until = soon(l->z, until, l->z->config.offline_ns);
	*ret_timer = soon(l->z, timer, l->z->config.retry_ns);
	if (flags & ~OP_KEPT || op->status > 0 || op->status < -4095 || op->zero > 1 ||
	    op->epoch > atomic_load(&l->z->epoch) || (op->phase == OP_WAIT && flags & OP_AGAIN) ||
	    (flags & OP_PAUSED && flags & OP_AGAIN))
		vdev__reader_fail(&l->in);
}

/* The operation of the whole VM. */
static bool whole_ok(struct vdev_zerocopy *z, struct op *op, uint32_t index)
{
	if (op->phase == OP_REFUSED)
		return op->status < 0;
	if (z->whole != NOBODY || (op->phase != OP_WAIT && op->phase != OP_OFFLINE) ||
	    (op->zero && !(op->flags & OP_ZERO)))
		return false;
	z->whole = index;
	op->begin = 0;
	op->end = VDEV_NONE;
	z->offlining += op->phase == OP_OFFLINE;
	return true;
}

static bool message_op_ok(struct loader *l, const struct op *op, uint32_t index)
{
	struct vdev_zerocopy *z = l->z;
	struct slot *s = op_slot(z, op);
	uint64_t granule;

	if (!s || !phase_ok(z, op, s) || !run_ok(z, op, s))
		return false;
	op_queue(z, op)->details[op->slot].op = index;
	if (op->phase != OP_OFFLINE)
		return true;
	granule = vdev__zerocopy_span(z, op->begin, 1).granule;
	if (vdev__pagemap_full(&z->map, (op->end - op->begin) / granule))
		l->error = vdev__pagemap_rebuild(&z->map, (op->end - op->begin) / granule, 0);
	if (!l->error)
		vdev__zerocopy_busy(z, op);
	return true;
}

void vdev__zerocopy_get_op(struct loader *l)
{
	struct vdev_zerocopy *z = l->z;
	uint64_t handle = vdev__get_u64(&l->in), timer;
	uint32_t index = (uint32_t)handle & (VDEV__TABLE_MAX - 1);
	struct op op = {.next = NOBODY, .prev = NOBODY, .action = handle ^ ACTION_BITS};

	get_op_fields(l, &op, &timer);
	if (!bad(l) && (index > z->slots + SPARE_OPS || handle >= HANDLES))
		vdev__reader_fail(&l->in);
	if (bad(l))
		return;
	l->error = vdev__deadlines_reserve(&z->deadlines, index + 1);
	if (!l->error)
		entered(l, vdev__table_restore(&z->ops, handle));
	if (bad(l))
		return;
	if (!(op.slot == NOBODY ? whole_ok(z, &op, index) : message_op_ok(l, &op, index)))
		vdev__reader_fail(&l->in);
	*op_at(z, index) = op;
	z->unsettled += op.phase < OP_QUARANTINE;
	if (op.flags & OP_PAUSED)
		vdev__deadlines_arm(&z->deadlines, index, timer);
}
