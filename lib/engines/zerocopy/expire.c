/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: deadlines (Z2).
 *
 * A tree of keys above the slots, FANOUT wide. A key is never later than the deadlines below it, once
 * the thread that sent has returned; it may be earlier. So a completion does nothing here, and a
 * later deadline in a slot that is used again does nothing either: only when time reaches a stale key
 * is it made true. Since slots are used in order, that is about once for FANOUT messages and time-out.
 *
 * Raising a key races with sent() lowering it: each side writes its own word first and looks at the
 * other's then (all sequentially consistent), so at least one of them sees both. Only the VM object
 * raises: it is the one that asks for the first deadline afterwards, so none is lost between the two.
 */
#include "internal.h"

static bool lower(_Atomic uint64_t *key, uint64_t deadline)
{
	uint64_t k = atomic_load(key);

	while (k > deadline)
		if (atomic_compare_exchange_weak(key, &k, deadline))
			return true;
	return false;
}

/* From a node of a level to the top. True when the top was lowered. */
static bool lower_path(struct vdev_zerocopy_queue *q, uint32_t level, uint32_t node,
		       uint64_t deadline)
{
	for (; level < q->levels; level++, node /= FANOUT)
		if (!lower(&q->level[level][node], deadline))
			return false;
	return true;
}

bool vdev__zerocopy_arm(struct vdev_zerocopy_queue *q, uint32_t index, uint64_t deadline)
{
	return lower_path(q, 0, index / FANOUT, deadline);
}

static uint64_t slot_key(const struct vdev_zerocopy_queue *q, uint32_t i)
{
	/* The word first: it was written after the deadline. */
	if (word_state(atomic_load(&q->slots[i].word)) != VDEV_ZEROCOPY_SENT)
		return VDEV_NONE;
	return atomic_load(&q->details[i].deadline);
}

/* The least of what is below a node, and which child it is. */
static uint64_t least_below(const struct vdev_zerocopy_queue *q, uint32_t level, uint32_t node,
			    uint32_t *ret_child)
{
	uint32_t first = node * FANOUT;
	uint32_t n = level ? q->level_size[level - 1] : q->mask + 1;
	uint64_t min = VDEV_NONE;

	*ret_child = first;
	for (uint32_t i = first; i < first + FANOUT && i < n; i++) {
		uint64_t key = level ? atomic_load(&q->level[level - 1][i]) : slot_key(q, i);

		if (key < min) {
			min = key;
			*ret_child = i;
		}
	}
	return min;
}

/* Makes a key what is below it, unless it was changed meanwhile. */
static void raise_key(struct vdev_zerocopy_queue *q, uint32_t level, uint32_t node)
{
	_Atomic uint64_t *key = &q->level[level][node];
	uint64_t old = atomic_load(key), min, again;
	uint32_t child;

	min = least_below(q, level, node, &child);
	if (min <= old)
		return;
	if (!atomic_compare_exchange_strong(key, &old, min))
		return; /* sent() lowered it meanwhile */
	again = least_below(q, level, node, &child);
	if (again < min)
		lower_path(q, level, node, again);
}

/* Claims slot i if it is due. */
static int claim_due(struct vdev_zerocopy_queue *q, uint32_t i, uint64_t now)
{
	struct slot *s = &q->slots[i];
	uint64_t w = atomic_load(&s->word);
	uint32_t todo;

	/* That the swap succeeds proves that the deadline was this message's. */
	while (word_state(w) == VDEV_ZEROCOPY_SENT && atomic_load(&q->details[i].deadline) <= now) {
		todo = vdev__zerocopy_message(word_bits(w), MSG_CLAIM, 0, q->vm->config.until);
		if (atomic_compare_exchange_weak(&s->word, &w,
						 (w & ~(uint64_t)W_MASK) | (todo & W_MASK))) {
			vdev__zerocopy_push(q, i);
			return 1;
		}
	}
	return 0;
}

/* Depth is at most MAX_LEVELS. NOLINTNEXTLINE(misc-no-recursion) */
static int expire_below(struct vdev_zerocopy_queue *q, uint32_t level, uint32_t node, uint64_t now,
			bool raise)
{
	uint32_t first = node * FANOUT;
	uint32_t n = level ? q->level_size[level - 1] : q->mask + 1;
	int claimed = 0;

	for (uint32_t i = first; i < first + FANOUT && i < n; i++)
		if (!level)
			claimed += claim_due(q, i, now);
		else if (atomic_load(&q->level[level - 1][i]) <= now)
			claimed += expire_below(q, level - 1, i, now, raise);
	if (raise)
		raise_key(q, level, node);
	return claimed;
}

int vdev__zerocopy_expire(struct vdev_zerocopy_queue *q, uint64_t now_ns, bool raise)
{
	int claimed;

	if (atomic_load(&q->level[q->levels - 1][0]) > now_ns)
		return 0;
	claimed = expire_below(q, q->levels - 1, 0, now_ns, raise);
	if (claimed)
		atomic_fetch_add_explicit(&q->timed_out, (uint64_t)claimed, memory_order_relaxed);
	return claimed;
}

int vdev_zerocopy_expire(struct vdev_zerocopy_queue *q, uint64_t now_ns)
{
	if (!q)
		return -EINVAL;
	return vdev__zerocopy_expire(q, now_ns < VDEV_NONE ? now_ns : VDEV_NONE - 1, false);
}

/* Follows the least keys down; true when all on the way were true. */
static bool tidy_path(struct vdev_zerocopy_queue *q)
{
	uint32_t path[MAX_LEVELS], child = 0, level = q->levels;
	bool exact = true;

	while (level--) {
		path[level] = child;
		least_below(q, level, path[level], &child);
	}
	for (level = 0; level < q->levels; level++) {
		uint64_t before = atomic_load(&q->level[level][path[level]]);

		raise_key(q, level, path[level]);
		exact = exact && before == atomic_load(&q->level[level][path[level]]);
	}
	return exact;
}

/* The earliest deadline, exactly, when no other thread is at work; else not later than it. Each failed
 * look makes a key true, and nobody but time makes them stale: the bound is for racing threads. */
uint64_t vdev__zerocopy_first(struct vdev_zerocopy_queue *q)
{
	for (uint32_t n = 0; n <= q->mask; n++)
		if (tidy_path(q))
			break;
	return atomic_load(&q->level[q->levels - 1][0]);
}
