/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: the hot path (Z1, Z13).
 *
 * Slots are taken in the order of the sequence; one that a stuck message still holds is passed over, so
 * that nobody ever waits for it. Looking at NEAR slots bounds the search.
 */
#include "internal.h"

#define NEAR 64u

static void bump(struct vdev_zerocopy_queue *q, uint32_t which)
{
	/* One writer: no locked instruction is needed. */
	atomic_store_explicit(&q->count[which],
			      atomic_load_explicit(&q->count[which], memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

void vdev__zerocopy_push(struct vdev_zerocopy_queue *q, uint32_t index)
{
	uint32_t head = atomic_load_explicit(&q->inbox, memory_order_relaxed);

	do
		q->details[index].link = head;
	while (!atomic_compare_exchange_weak_explicit(&q->inbox, &head, index + 1,
						      memory_order_release, memory_order_relaxed));
}

static bool inside(const struct region *r, uint64_t address, uint64_t length)
{
	return address >= r->address && vdev__range_ok(address - r->address, length, r->size);
}

/* The last block's region is the likely one. */
static const struct region *find_region(struct vdev_zerocopy_queue *q, uint64_t address,
					uint64_t length)
{
	const struct vdev_zerocopy *z = q->vm;
	uint32_t n = atomic_load_explicit(&z->n_regions, memory_order_acquire);

	if (q->region < n && VDEV__LIKELY(inside(&z->regions[q->region], address, length)))
		return &z->regions[q->region];
	for (uint32_t i = 0; i < n; i++)
		if (inside(&z->regions[i], address, length)) {
			q->region = i;
			return &z->regions[i];
		}
	return NULL;
}

/* Whether the VM as a whole and the destination may have more lent to them. */
static int gates(const struct vdev_zerocopy *z, uint32_t destination, uint32_t flags)
{
	uint32_t gate = atomic_load_explicit(&z->gate, memory_order_acquire);

	if (VDEV__UNLIKELY(gate)) {
		if (gate & GATE_RESET || (gate & GATE_WHOLE && flags & VDEV_ZEROCOPY_RECEIVE))
			return VDEV_ZEROCOPY_COPY_RESET;
		if (gate & GATE_QUARANTINE)
			return VDEV_ZEROCOPY_COPY_QUARANTINE;
	}
	if (VDEV__UNLIKELY(atomic_load_explicit(&z->closed[destination], memory_order_relaxed)))
		return VDEV_ZEROCOPY_COPY_QUARANTINE;
	return VDEV_ZEROCOPY_LEND;
}

static bool is_free(const struct vdev_zerocopy_queue *q, uint64_t sequence)
{
	return word_state(atomic_load_explicit(&slot_at(q, sequence)->word,
					       memory_order_acquire)) == VDEV_ZEROCOPY_FREE;
}

/*
 * In order, if it can be: when the ring is full the oldest message is the likely one to end, and ids
 * without gaps make short ranges. Else where the last look ended, so that all are looked at in turn.
 */
static bool find_slot(struct vdev_zerocopy_queue *q)
{
	if (VDEV__LIKELY(is_free(q, q->sequence)))
		return true;
	for (uint32_t n = 0; n < NEAR; n++) {
		q->ahead = q->ahead < q->mask ? q->ahead + 1 : 1;
		if (is_free(q, q->sequence + q->ahead)) {
			q->sequence += q->ahead;
			q->ahead = 0;
			return true;
		}
	}
	return false;
}

static uint64_t fill_slot(struct vdev_zerocopy_queue *q, const struct vdev_zerocopy_block *b)
{
	const struct vdev_zerocopy_config *c = &q->vm->config;
	uint32_t index = (uint32_t)q->sequence & q->mask;
	struct detail *d = &q->details[index];
	uint64_t timeout = b->timeout_ns ? b->timeout_ns : c->timeout_ns, word;

	atomic_store_explicit(&d->deadline, q->resets, memory_order_relaxed);
	if (b->flags & VDEV_ZEROCOPY_RECEIVE)
		atomic_store_explicit(&d->epoch, q->epoch, memory_order_relaxed);
	if (timeout < c->timeout_min_ns)
		timeout = c->timeout_min_ns;
	d->timeout_ns = timeout < c->timeout_max_ns ? timeout : c->timeout_max_ns;
	d->address = b->address;
	d->user_data = b->user_data;
	atomic_store_explicit(&q->slots[index].size,
			      size_pack(b->length_bytes, b->destination, b->flags),
			      memory_order_relaxed);
	word = q->sequence << W_BITS | VDEV_ZEROCOPY_RESERVED;
	/* Seen by who begins to replace the whole VM's memory, or sent() sees that: not without an order of all. */
	if (b->flags & VDEV_ZEROCOPY_RECEIVE)
		atomic_store(&q->slots[index].word, word);
	else
		atomic_store_explicit(&q->slots[index].word, word, memory_order_release);
	return (uint64_t)q->index << ID_QUEUE | q->sequence++;
}

static bool block_ok(const struct vdev_zerocopy *z, const struct vdev_zerocopy_block *b)
{
	return !(b->flags & ~(VDEV_ZEROCOPY_RECEIVE | VDEV_ZEROCOPY_ANY_SIZE)) && !b->reserved &&
	       b->destination < z->config.max_destinations && b->length_bytes &&
	       b->length_bytes <= VDEV_ZEROCOPY_MAX_BLOCK_BYTES;
}

static int worth(struct vdev_zerocopy_queue *q, const struct vdev_zerocopy_block *b)
{
	if (q->classes && !(b->flags & VDEV_ZEROCOPY_ANY_SIZE))
		return vdev__zerocopy_adapt(q, b->length_bytes);
	return b->length_bytes < q->threshold && !(b->flags & VDEV_ZEROCOPY_ANY_SIZE)
		       ? VDEV_ZEROCOPY_COPY_SMALL
		       : VDEV_ZEROCOPY_LEND;
}

static int take_credits(struct vdev_zerocopy_queue *q, uint32_t destination, uint64_t length)
{
	struct lane *lane = &q->lanes[destination % LANES];
	int answer = VDEV_ZEROCOPY_LEND;

	if (lane->destination != destination || !enough(lane->credits, length))
		answer = vdev__zerocopy_lease(q, lane, destination, length);
	if (!answer)
		lane->credits -= credit(1, length);
	return answer;
}

/* Why a valid block cannot be lent, or LEND with its credits taken and a slot at the sequence. */
static int admit(struct vdev_zerocopy_queue *q, const struct vdev_zerocopy_block *b,
		 const struct region *r)
{
	int answer;

	if (r->flags & VDEV_ZEROCOPY_FIXED)
		return VDEV_ZEROCOPY_COPY_FIXED;
	if (b->flags & VDEV_ZEROCOPY_RECEIVE) {
		if ((b->address | b->length_bytes) & (r->granule - 1))
			return VDEV_ZEROCOPY_COPY_PARTIAL;
		q->epoch = atomic_load(&q->vm->epoch); /* before the gates are looked at */
	}
	q->resets = atomic_load_explicit(&q->vm->resets, memory_order_acquire);
	answer = gates(q->vm, b->destination, b->flags);
	if (answer)
		return answer;
	if (!find_slot(q))
		return VDEV_ZEROCOPY_COPY_SLOTS;
	return take_credits(q, b->destination, b->length_bytes);
}

static int refused(struct vdev_zerocopy_queue *q, int error)
{
	bump(q, N_REFUSED);
	return error;
}

int vdev_zerocopy_reserve(struct vdev_zerocopy_queue *q, const struct vdev_zerocopy_block *block,
			  uint64_t *ret_id)
{
	struct vdev_zerocopy_block copy;
	const struct region *r;
	int worthy, answer;

	if (!q || !ret_id || !block)
		return -EINVAL;
	if (VDEV__UNLIKELY(block->struct_size != sizeof(*block))) {
		answer = vdev__copy_in(&copy, sizeof(copy), sizeof(copy), block);
		if (answer)
			return answer;
		block = &copy;
	}
	if (VDEV__UNLIKELY(!block_ok(q->vm, block)))
		return refused(q, -EINVAL);
	r = find_region(q, block->address, block->length_bytes);
	if (VDEV__UNLIKELY(!r))
		return refused(q, -EFAULT);
	worthy = worth(q, block);
	answer = worthy & VDEV_ZEROCOPY_ANSWER;
	if (!answer)
		answer = admit(q, block, r);
	if (answer) {
		bump(q, N_COPIED + (uint32_t)answer);
		return answer | (worthy & ~VDEV_ZEROCOPY_ANSWER);
	}
	bump(q, N_LENT);
	*ret_id = fill_slot(q, block);
	return worthy;
}

/* A part went out: the credits of the rest go back. */
static uint64_t shorten(struct vdev_zerocopy_queue *q, uint32_t index, uint64_t size,
			uint64_t bytes)
{
	vdev__zerocopy_give_back(q->vm, size_destination(size),
				 credit(0, size_length(size) - bytes));
	size = size_pack(bytes, size_destination(size), size_flags(size));
	atomic_store_explicit(&q->slots[index].size, size, memory_order_relaxed);
	bump(q, N_PARTIAL);
	return size;
}

/* What is left to do by a thread whose event moved a slot on. */
static void follow(struct vdev_zerocopy_queue *q, uint32_t index, uint32_t todo, uint64_t size)
{
	if (todo & DO_TELL)
		vdev__zerocopy_give_back(q->vm, size_destination(size),
					 credit(1, size_length(size)));
	if (todo & DO_PUSH)
		vdev__zerocopy_push(q, index);
}

/* The slot, if it holds this message and the owner has not ended it. */
static struct slot *owned(struct vdev_zerocopy_queue *q, uint64_t id)
{
	struct slot *s;
	uint64_t w;

	if (id >> ID_QUEUE != q->index)
		return NULL;
	s = slot_at(q, id);
	w = atomic_load_explicit(&s->word, memory_order_acquire);
	if (w >> W_BITS != (id & ID_SEQUENCE) || word_state(w) != VDEV_ZEROCOPY_RESERVED)
		return NULL;
	return s;
}

/*
 * Looks before the swap, so that nobody sees what outlived a reset as lent, and after it: then either that is
 * seen here, or who begins a reset, or the whole VM, sees that it is SENT.
 */
static inline uint32_t send_off(struct vdev_zerocopy_queue *q, uint32_t index, uint64_t sequence,
				uint64_t resets, uint64_t epoch)
{
	uint32_t todo, with = vdev__zerocopy_outlived(q->vm, resets, epoch);
	struct moved moved;

	if (VDEV__UNLIKELY(with))
		vdev__zerocopy_move(q, index, sequence, MSG_CLAIM, with, &moved);
	todo = vdev__zerocopy_move(q, index, sequence, MSG_SENT, 0, &moved);
	if (todo)
		return todo;
	with = vdev__zerocopy_outlived(q->vm, resets, epoch);
	return VDEV__UNLIKELY(with)
		       ? vdev__zerocopy_move(q, index, sequence, MSG_CLAIM, with, &moved)
		       : 0;
}

int vdev_zerocopy_sent(struct vdev_zerocopy_queue *q, uint64_t now_ns, uint64_t id, uint64_t bytes)
{
	struct slot *s = q ? owned(q, id) : NULL;
	uint32_t index, todo;
	uint64_t deadline, size, resets, epoch = VDEV_NONE;

	if (!s)
		return q ? -ENOENT : -EINVAL;
	index = (uint32_t)id & q->mask;
	size = atomic_load_explicit(&s->size, memory_order_relaxed);
	if (VDEV__UNLIKELY(bytes != size_length(size))) {
		/* Of a receive buffer the rest of a granule would be lent without being known (Z11). */
		if (!bytes || bytes > size_length(size) || size_flags(size) & VDEV_ZEROCOPY_RECEIVE)
			return -EINVAL;
		size = shorten(q, index, size, bytes);
	}
	if (size_flags(size) & VDEV_ZEROCOPY_RECEIVE)
		epoch = atomic_load_explicit(&q->details[index].epoch, memory_order_relaxed);
	/* After the pages were pinned: what is replaced in a later epoch replaces them (Z10). */
	atomic_store_explicit(&q->details[index].epoch, atomic_load(&q->vm->epoch),
			      memory_order_relaxed);
	deadline = vdev__sat_add(now_ns, q->details[index].timeout_ns);
	resets = atomic_load_explicit(&q->details[index].deadline, memory_order_relaxed);
	atomic_store_explicit(&q->details[index].deadline, deadline, memory_order_relaxed);
	todo = send_off(q, index, id & ID_SEQUENCE, resets, epoch);
	follow(q, index, todo, size);
	if (todo & DO_TELL)
		return VDEV_ZEROCOPY_SETTLED;
	if (todo & DO_PUSH)
		return VDEV_ZEROCOPY_WAKE;
	return vdev__zerocopy_arm(q, index, deadline) ? VDEV_ZEROCOPY_WAKE : 0;
}

int vdev_zerocopy_abort(struct vdev_zerocopy_queue *q, uint64_t id)
{
	struct slot *s = q ? owned(q, id) : NULL;
	uint32_t index = s ? (uint32_t)id & q->mask : 0;
	struct moved moved;
	uint32_t todo;

	if (!s)
		return q ? -ENOENT : -EINVAL;
	todo = vdev__zerocopy_move(q, index, id & ID_SEQUENCE, MSG_ABORT, 0, &moved);
	follow(q, index, todo, moved.size);
	bump(q, N_ABORTED);
	return 0;
}

static uint32_t complete_one(struct vdev_zerocopy_queue *q, uint64_t sequence, uint32_t flags,
			     uint64_t *ret_size)
{
	uint32_t index = (uint32_t)sequence & q->mask;
	uint32_t with = (flags & VDEV_ZEROCOPY_RESPONSE ? W_RESPONSE : 0) |
			(flags & VDEV_ZEROCOPY_TASK ? W_TASK : 0);
	struct moved moved;
	uint32_t todo = vdev__zerocopy_move(q, index, sequence, MSG_COMPLETE, with, &moved);

	if (todo & DO_PUSH)
		vdev__zerocopy_push(q, index);
	if (todo & DO_REFUSE)
		return todo;
	*ret_size = moved.size;
	if (flags & VDEV_ZEROCOPY_COPIED) {
		atomic_fetch_add_explicit(&q->kernel_copied, 1, memory_order_relaxed);
		vdev__zerocopy_adapt_copied(q, size_length(moved.size));
	}
	return todo;
}

/* Credits of neighbours that have the same destination go back at once. */
struct refund {
	uint32_t destination;
	uint64_t credits;
};

static void refund(struct vdev_zerocopy_queue *q, struct refund *r, uint64_t size)
{
	if (r->credits && r->destination != size_destination(size)) {
		vdev__zerocopy_give_back(q->vm, r->destination, r->credits);
		r->credits = 0;
	}
	r->destination = size_destination(size);
	r->credits += credit(1, size_length(size));
}

#define COMPLETE_FLAGS (VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK | VDEV_ZEROCOPY_COPIED)

int vdev_zerocopy_complete(struct vdev_zerocopy_queue *q, uint64_t lo, uint64_t hi, uint32_t flags,
			   uint64_t *ret_settled)
{
	struct refund back = {0, 0};
	uint64_t settled = 0, size = 0;
	uint32_t refused = 0, wake = 0, count;

	if (!q || hi < lo || hi - lo >= VDEV_ZEROCOPY_MAX_RANGE || flags & ~COMPLETE_FLAGS ||
	    !(flags & (VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK)))
		return -EINVAL;
	count = (uint32_t)(hi - lo) + 1;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t todo = DO_REFUSE;

		if ((lo + i) >> ID_QUEUE == q->index)
			todo = complete_one(q, (lo + i) & ID_SEQUENCE, flags, &size);
		if (todo & DO_TELL) {
			settled |= UINT64_C(1) << i;
			refund(q, &back, size);
		}
		wake |= todo & DO_PUSH;
		refused += (todo & DO_REFUSE) != 0;
	}
	if (back.credits)
		vdev__zerocopy_give_back(q->vm, back.destination, back.credits);
	if (VDEV__UNLIKELY(refused))
		atomic_fetch_add_explicit(&q->stale, refused, memory_order_relaxed);
	if (refused == count)
		return -ENOENT;
	if (ret_settled)
		*ret_settled = settled;
	return wake ? VDEV_ZEROCOPY_WAKE : 0;
}
