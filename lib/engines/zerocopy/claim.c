/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: messages come to the VM object (Z2, Z3).
 *
 * Time-outs and late completions are pushed by the queues, each slot at most once at a time, so the
 * list needs no memory and cannot be full. What the VM object claims itself it takes up at once.
 */
#include "internal.h"

static uint16_t why(const struct vdev_zerocopy *z, uint32_t bits, uint64_t size)
{
	uint16_t flags = 0;
	bool zero = z->config.mode == VDEV_ZEROCOPY_RESET;
	bool outlived = bits & W_BY_RESET && !z->in_reset;

	if (bits & W_BY_RESET) {
		flags = OP_BY_RESET;
		zero = z->reset_zero;
	} else if (bits & W_ASKED) {
		flags = OP_ASKED;
		zero = (bits & W_ZERO) != 0;
	}
	if (bits & W_PARTLY)
		flags |= OP_REPLACED;
	/* What somebody else writes cannot be preserved (Z11); what outlived a reset has to be, as the guest
	 * that runs knows nothing of it. */
	if (zero || (size_flags(size) & VDEV_ZEROCOPY_RECEIVE && !outlived))
		flags |= OP_ZERO;
	return flags;
}

static uint32_t event_of(const struct vdev_zerocopy *z, uint32_t bits)
{
	if (bits & W_ASKED)
		return VDEV_ZEROCOPY_EV_RECLAIM;
	return bits & W_PARTLY && vdev__zerocopy_satisfied(bits, z->config.until)
		       ? VDEV_ZEROCOPY_EV_LATE
		       : VDEV_ZEROCOPY_EV_EXPIRE;
}

/* A CLAIMED message becomes an operation. -ENOMEM, -ENOSPC. */
static int adopt(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q, uint32_t slot)
{
	uint32_t bits = word_bits(atomic_load(&q->slots[slot].word)), index;
	struct op *op;
	int error = vdev__zerocopy_op_new(z, q->index, slot, &index);

	if (error)
		return error;
	op = op_at(z, index);
	op->flags = why(z, bits, atomic_load(&q->slots[slot].size));
	z->stats.asked += (op->flags & OP_ASKED) != 0;
	z->stats.reset += (op->flags & OP_BY_RESET) != 0;
	vdev__zerocopy_trace(z, event_of(z, bits), op, 0);
	vdev__zerocopy_begin(z, index);
	return 0;
}

/* Memory ran out: step() tries again. */
static void hold(struct vdev_zerocopy_queue *q, uint32_t slot)
{
	q->details[slot].link = q->held;
	q->held = slot + 1;
}

static void take_up(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q, uint32_t slot)
{
	uint64_t w = atomic_load(&q->slots[slot].word);

	if (word_state(w) == VDEV_ZEROCOPY_QUARANTINED)
		vdev__zerocopy_late(z, q->details[slot].op);
	else if (adopt(z, q, slot))
		hold(q, slot);
}

/* The list has the last one first. */
static void take_list(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q, uint32_t list)
{
	uint32_t first = 0, next;

	for (; list; list = next) {
		next = q->details[list - 1].link;
		q->details[list - 1].link = first;
		first = list;
	}
	for (; first; first = next) {
		next = q->details[first - 1].link;
		take_up(z, q, first - 1);
	}
}

void vdev__zerocopy_collect(struct vdev_zerocopy *z)
{
	for (uint32_t i = 0; i < z->n_queues; i++) {
		struct vdev_zerocopy_queue *q = z->queues[i];
		uint32_t held = q->held;

		q->held = 0;
		take_list(z, q, held);
		take_list(z, q, atomic_exchange(&q->inbox, 0));
	}
}

int vdev_zerocopy_step(struct vdev_zerocopy *z, uint64_t now_ns)
{
	uint32_t index;

	if (!z)
		return -EINVAL;
	vdev__zerocopy_clock(z, now_ns);
	for (uint32_t i = 0; i < z->n_queues; i++)
		vdev__zerocopy_expire(z->queues[i], z->now, true);
	vdev__zerocopy_collect(z);
	while (vdev__deadlines_expire(&z->deadlines, z->now, &index))
		vdev__zerocopy_timer(z, index);
	vdev__zerocopy_rescan(z);
	return (int)z->ready.count;
}

/* PRESERVE or RESET; 0: neither. */
static uint32_t resolve(const struct vdev_zerocopy *z, uint32_t mode)
{
	if (mode == VDEV_ZEROCOPY_DEFAULT)
		return z->config.mode;
	return mode <= VDEV_ZEROCOPY_RESET ? mode : 0;
}

static void adopt_or_hold(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q, uint32_t slot)
{
	if (adopt(z, q, slot))
		hold(q, slot);
}

int vdev_zerocopy_reclaim(struct vdev_zerocopy *z, uint64_t now_ns, uint64_t id, uint32_t mode)
{
	struct vdev_zerocopy_queue *q;
	struct slot *s;
	uint32_t with, todo;
	struct moved moved = {0, 0};

	if (!z || mode > VDEV_ZEROCOPY_RESET)
		return -EINVAL;
	vdev__zerocopy_clock(z, now_ns);
	s = vdev__zerocopy_find(z, id, &q);
	if (!s)
		return -ENOENT;
	if (mode == VDEV_ZEROCOPY_PRESERVE &&
	    size_flags(atomic_load(&s->size)) & VDEV_ZEROCOPY_RECEIVE)
		return -EOPNOTSUPP;
	if (atomic_load(&s->word) & W_ASKED)
		return -EALREADY;
	with = W_ASKED | (resolve(z, mode) == VDEV_ZEROCOPY_RESET ? W_ZERO : 0);
	todo = vdev__zerocopy_move(q, (uint32_t)id & q->mask, id & ID_SEQUENCE, MSG_CLAIM, with,
				   &moved);
	if (todo & DO_REFUSE)
		return word_state(moved.word) == VDEV_ZEROCOPY_FREE ? -ENOENT : -EALREADY;
	if (todo & DO_PUSH)
		adopt_or_hold(z, q, (uint32_t)id & q->mask);
	return (int)z->ready.count;
}

static void claim_all(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *q, uint32_t with)
{
	for (uint32_t i = 0; i <= q->mask; i++) {
		uint64_t w = atomic_load(&q->slots[i].word);
		uint32_t state = word_state(w);
		uint32_t as = with;
		struct moved moved;

		if (state != VDEV_ZEROCOPY_SENT && state != VDEV_ZEROCOPY_RESERVED)
			continue;
		/* Whether it was pinned before or after, nobody will know; of what is SENT it is known (Z11). */
		if (state == VDEV_ZEROCOPY_SENT ||
		    !(size_flags(atomic_load(&q->slots[i].size)) & VDEV_ZEROCOPY_RECEIVE))
			as &= ~W_PARTLY;
		if (vdev__zerocopy_move(q, i, w >> W_BITS, MSG_CLAIM, as, &moved) & DO_PUSH)
			adopt_or_hold(z, q, i);
	}
}

/* The whole VM's memory in one OFFLINE; joins one that is under way. -ENOMEM. */
static int offline_whole(struct vdev_zerocopy *z, bool zero, uint16_t by)
{
	uint32_t index = z->whole;
	bool begin = index == NOBODY;
	int error = begin ? vdev__zerocopy_op_new(z, 0, NOBODY, &index) : 0;

	if (error)
		return error;
	op_at(z, index)->flags |= by | (zero ? OP_ZERO : 0);
	if (begin)
		vdev__zerocopy_begin(z, index);
	return 0;
}

static void claim_queues(struct vdev_zerocopy *z, struct vdev_zerocopy_queue *queue, uint32_t mode,
			 uint32_t with)
{
	if (mode == VDEV_ZEROCOPY_RESET)
		with |= W_ZERO;
	for (uint32_t i = 0; i < z->n_queues; i++)
		if (!queue || queue == z->queues[i])
			claim_all(z, z->queues[i], with);
}

int vdev_zerocopy_reclaim_all(struct vdev_zerocopy *z, uint64_t now_ns,
			      struct vdev_zerocopy_queue *queue, uint32_t mode, uint32_t flags)
{
	uint32_t resolved = z ? resolve(z, mode) : 0;
	int error = 0;

	if (!resolved || flags & ~VDEV_ZEROCOPY_WHOLE || (queue && queue->vm != z))
		return -EINVAL;
	if (flags && (queue || resolved == VDEV_ZEROCOPY_RESET))
		return -EINVAL; /* nobody may zero the memory of a guest that runs */
	vdev__zerocopy_clock(z, now_ns);
	vdev__zerocopy_trace(z, VDEV_ZEROCOPY_EV_RECLAIM_ALL, NULL, flags);
	if (flags)
		error = offline_whole(z, false, 0);
	if (error)
		return error;
	claim_queues(z, queue, resolved, W_ASKED | (flags ? W_PARTLY : 0));
	return (int)z->ready.count;
}

int vdev_zerocopy_reset_begin(struct vdev_zerocopy *z, uint64_t now_ns, uint32_t mode,
			      uint32_t flags)
{
	uint32_t resolved = z ? resolve(z, mode) : 0, index;
	bool zero = resolved == VDEV_ZEROCOPY_RESET;
	int error = 0;

	if (!resolved || flags & ~VDEV_ZEROCOPY_WHOLE)
		return -EINVAL;
	if (z->in_reset)
		return -EBUSY;
	vdev__zerocopy_clock(z, now_ns);
	if (flags)
		error = offline_whole(z, zero, OP_BY_RESET);
	if (error)
		return error;
	vdev__zerocopy_trace(z, VDEV_ZEROCOPY_EV_RESET_BEGIN, NULL, flags);
	atomic_fetch_or(&z->gate, GATE_RESET);
	z->in_reset = 1;
	z->reset_zero = zero;
	vdev__zerocopy_collect(z);
	/* Nobody waits for those that are being reclaimed already. */
	for (index = vdev__table_next(&z->ops, 0); index != NOBODY;
	     index = vdev__table_next(&z->ops, index + 1))
		op_at(z, index)->flags |= OP_BY_RESET;
	claim_queues(z, NULL, resolved, W_ASKED | W_BY_RESET | (flags ? W_PARTLY : 0));
	return (int)z->ready.count;
}

static bool in_hand(const struct vdev_zerocopy *z)
{
	for (uint32_t i = 0; i < z->n_queues; i++) {
		const struct vdev_zerocopy_queue *q = z->queues[i];

		for (uint32_t s = 0; s <= q->mask; s++) {
			uint32_t state = word_state(atomic_load(&q->slots[s].word));

			/* CLAIMED: pushed, or about to be. */
			if (state == VDEV_ZEROCOPY_RESERVED || state == VDEV_ZEROCOPY_CLAIMED)
				return true;
			/* sent() is about to claim it; what was REFUSED has no deadline. */
			if (state == VDEV_ZEROCOPY_SENT &&
			    atomic_load(&q->details[s].deadline) != VDEV_NONE)
				return true;
		}
	}
	return false;
}

int vdev_zerocopy_reset_end(struct vdev_zerocopy *z, uint64_t now_ns)
{
	if (!z)
		return -EINVAL;
	if (!z->in_reset)
		return -EBUSY;
	vdev__zerocopy_clock(z, now_ns);
	vdev__zerocopy_collect(z);
	if (z->unsettled || in_hand(z))
		return -EAGAIN;
	vdev__zerocopy_trace(z, VDEV_ZEROCOPY_EV_RESET_END, NULL, 0);
	/* Whose reserve() was held up all the time comes later, and then the guest runs. */
	z->in_reset = z->reset_zero = 0;
	atomic_fetch_add(&z->resets, 1);
	atomic_fetch_and(&z->gate, ~GATE_RESET);
	return (int)z->ready.count;
}
