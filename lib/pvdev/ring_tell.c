/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From answers to the event ring: the entry is written, then the index, then the interrupt is asked
 * for, so that whoever sees the index finds the entry.
 */
#include <stdatomic.h>

#include "ring.h"

static uint32_t unused(const struct vdev_pvqueue *q)
{
	return q->rings.events_size - (q->produced - q->consumed);
}

/* What the guest has taken only grows, up to what was written. */
static bool look(struct vdev_pvqueue *q)
{
	uint32_t c;

	if (!vdev__ring_read_u32(q, q->rings.events + VDEV_GUEST_EVENTS_CONSUMED, &c))
		return false;
	if (q->produced - c > q->produced - q->consumed)
		return vdev__ring_break(q, &q->stats.broken_events, c);
	/* What the guest read of these entries it read before we write them anew. */
	atomic_thread_fence(memory_order_acquire);
	q->consumed = c;
	return true;
}

bool vdev__ring_room(struct vdev_pvqueue *q, uint32_t need)
{
	if (unused(q) >= need)
		return true;
	return look(q) && unused(q) >= need;
}

static bool put_entry(struct vdev_pvqueue *q, const uint8_t *entry)
{
	uint64_t at = q->produced % q->rings.events_size;

	if (!vdev__ring_write(
		    q, q->rings.events + VDEV_GUEST_EVENTS_FIRST + at * VDEV_GUEST_ENTRY_BYTES,
		    entry, VDEV_GUEST_ENTRY_BYTES))
		return false;
	atomic_thread_fence(memory_order_release);
	q->produced++;
	return vdev__ring_write_u32(q, q->rings.events + VDEV_GUEST_EVENTS_PRODUCED, q->produced);
}

int vdev__ring_tell(struct vdev_pvqueue *q, uint32_t kind, uint32_t result, uint64_t cookie,
		    uint64_t arg)
{
	uint8_t entry[VDEV_GUEST_ENTRY_BYTES] = {0};
	uint32_t flags;

	vdev__ring_put_u32(entry + VDEV_GUEST_ENTRY_KIND, kind);
	vdev__ring_put_u32(entry + VDEV_GUEST_ENTRY_RESULT, result);
	vdev__ring_put_u64(entry + VDEV_GUEST_ENTRY_COOKIE, cookie);
	vdev__ring_put_u64(entry + VDEV_GUEST_ENTRY_ARG, arg);
	if (!put_entry(q, entry))
		return VDEV_PVQUEUE_BROKEN;
	q->stats.answers += kind < VDEV_GUEST_TOLD_UNASKED;
	/* Either we see that QUIET was taken back, or the guest, which looks once more, sees the index. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!vdev__ring_read_u32(q, q->rings.events + VDEV_GUEST_EVENTS_FLAGS, &flags))
		return VDEV_PVQUEUE_BROKEN;
	if (flags & (uint32_t)VDEV_GUEST_EVENTS_QUIET)
		return 0;
	q->stats.raised++;
	return VDEV_PVQUEUE_RAISE;
}

bool vdev__ring_result_ok(uint32_t kind, uint32_t result)
{
	if (result == VDEV_GUEST_DONE_REFUSED)
		return true;
	if (!vdev__ring_is_block(kind))
		return result == VDEV_GUEST_DONE_OK;
	return result > VDEV_GUEST_DONE_OK && result <= VDEV_GUEST_DONE_LOST;
}

/* The message is over. */
static int end(struct vdev_pvqueue *q, struct ring_message *m, uint32_t result, uint64_t arg)
{
	bool accessible = vdev__ring_is_block(m->kind) && result != VDEV_GUEST_DONE_REFUSED;
	uint64_t cookie = m->cookie;

	vdev__ring_trace(q, VDEV_PVQUEUE_EV_TOLD + result, m->handle, cookie);
	vdev__ring_remove(q, m);
	if (q->state == VDEV_PVQUEUE_ON)
		return vdev__ring_tell(
			q, accessible ? VDEV_GUEST_TOLD_ACCESSIBLE : VDEV_GUEST_TOLD_ANSWER, result,
			cookie, arg);
	q->stats.silent++;
	if (q->state != VDEV_PVQUEUE_STOPPING || q->in_flight)
		return 0;
	q->state = VDEV_PVQUEUE_OFF;
	return VDEV_PVQUEUE_IDLE;
}

/* Ends this one, and each RECLAIM_ALL that has waited for it to be over. */
static int end_all(struct vdev_pvqueue *q, struct ring_message *m, uint32_t result, uint64_t arg)
{
	int mask = end(q, m, result, arg);

	while (q->oldest != RING_NONE && q->messages[q->oldest].answered) {
		m = &q->messages[q->oldest];
		mask |= end(q, m, m->result, m->arg);
	}
	return mask;
}

int vdev_pvqueue_answer(struct vdev_pvqueue *queue, uint64_t handle, uint32_t result, uint64_t arg)
{
	struct ring_message *m;

	if (!queue || result > VDEV_GUEST_DONE_LOST)
		return -EINVAL;
	if (queue->inside)
		return -EBUSY;
	m = vdev__ring_find(queue, handle);
	if (!m || m->answered) {
		queue->stats.stale++;
		return -ENOENT;
	}
	if (!vdev__ring_result_ok(m->kind, result))
		return -EINVAL;
	if (m->kind != VDEV_GUEST_MSG_RECLAIM_ALL || result != VDEV_GUEST_DONE_OK ||
	    m->older == RING_NONE)
		return end_all(queue, m, result, arg);
	m->answered = 1;
	m->result = result;
	m->arg = arg;
	return 0;
}

/* The guest learns that there was more than the ring could hold. */
static int lose(struct vdev_pvqueue *q)
{
	q->stats.lost++;
	if (q->state != VDEV_PVQUEUE_ON)
		return -EAGAIN;
	q->lost += q->lost < UINT32_MAX;
	if (!vdev__ring_write_u32(q, q->rings.events + VDEV_GUEST_EVENTS_LOST, q->lost))
		return VDEV_PVQUEUE_BROKEN;
	return -EAGAIN;
}

/* A whole ring's worth of descriptors keeps its places: those in flight and those to come. 0: `count` entries fit. */
static int ask_room(struct vdev_pvqueue *q, uint32_t count)
{
	if (q->state != VDEV_PVQUEUE_ON)
		return lose(q);
	if (vdev__ring_room(q, q->rings.size + count))
		return 0;
	return q->state == VDEV_PVQUEUE_ON ? lose(q) : VDEV_PVQUEUE_BROKEN;
}

static int tell(struct vdev_pvqueue *q, uint32_t kind, uint32_t result, uint64_t cookie,
		uint64_t arg)
{
	int mask = vdev__ring_tell(q, kind, result, cookie, arg);

	q->stats.unasked += !(mask & VDEV_PVQUEUE_BROKEN);
	return mask;
}

int vdev_pvqueue_tell(struct vdev_pvqueue *queue, uint32_t kind, uint32_t result, uint64_t cookie,
		      uint64_t arg)
{
	int r;

	if (!queue || kind < VDEV_GUEST_TOLD_UNASKED)
		return -EINVAL;
	if (queue->inside)
		return -EBUSY;
	r = ask_room(queue, 1);
	return r ? r : tell(queue, kind, result, cookie, arg);
}

static uint32_t words_in(const uint64_t *set, uint32_t words)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < words; i++)
		n += set[i] != 0;
	return n;
}

/* One entry for each 64 vCPUs; a guest that takes them one by one finds a hint in each. */
static int tell_set(struct vdev_pvqueue *q, uint32_t result, uint64_t address, const uint64_t *set,
		    uint32_t left)
{
	int mask = 0;

	for (uint32_t i = 0; left && !(mask & VDEV_PVQUEUE_BROKEN); i++) {
		if (!set[i])
			continue;
		left--;
		mask |= tell(q, VDEV_GUEST_TOLD_HINT,
			     result | (left ? (uint32_t)VDEV_GUEST_HINT_MORE : 0),
			     address | (uint64_t)(i * 64) << 32, set[i]);
	}
	return mask;
}

int vdev_pvqueue_hint(struct vdev_pvqueue *queue, uint32_t address, uint32_t type,
		      uint32_t distance, const uint64_t *set, uint32_t words)
{
	uint32_t entries;
	int r;

	if (!queue || !set || words > VDEV_PVQUEUE_HINT_WORDS || type > VDEV_GUEST_HINT_TYPE ||
	    distance > VDEV_GUEST_HINT_DISTANCE)
		return -EINVAL;
	if (queue->inside)
		return -EBUSY;
	entries = words_in(set, words);
	if (!entries)
		return -EINVAL;
	r = ask_room(queue, entries);
	return r ? r
		 : tell_set(queue, type | distance << VDEV_GUEST_HINT_DISTANCE_SHIFT, address, set,
			    entries);
}
