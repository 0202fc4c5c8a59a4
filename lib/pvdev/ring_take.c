/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the descriptor ring to messages. The producer index is read once for all descriptors before it,
 * each descriptor is copied once, and only the copy is looked at.
 */
#include <stdatomic.h>

#include "ring.h"

/* A descriptor as copied. */
struct descriptor {
	uint64_t address, cookie, target;
	uint32_t length, kind, flags, timeout_ms, destination;
	bool unused_is_zero;
};

static bool all_zero(const uint8_t *b, uint32_t from, uint32_t to)
{
	uint8_t any = 0;

	while (from < to)
		any |= b[from++];
	return !any;
}

static void decode(const uint8_t *b, struct descriptor *d)
{
	d->address = vdev__ring_u64(b + VDEV_GUEST_DESC_ADDRESS);
	d->length = vdev__ring_u32(b + VDEV_GUEST_DESC_LENGTH);
	d->kind = vdev__ring_u32(b + VDEV_GUEST_DESC_KIND);
	d->flags = vdev__ring_u32(b + VDEV_GUEST_DESC_FLAGS);
	d->timeout_ms = vdev__ring_u32(b + VDEV_GUEST_DESC_TIMEOUT_MS);
	d->destination = vdev__ring_u32(b + VDEV_GUEST_DESC_DESTINATION);
	d->cookie = vdev__ring_u64(b + VDEV_GUEST_DESC_COOKIE);
	d->target = vdev__ring_u64(b + VDEV_GUEST_DESC_TARGET);
	d->unused_is_zero = all_zero(b, VDEV_GUEST_DESC_DESTINATION + 4, VDEV_GUEST_DESC_COOKIE) &&
			    all_zero(b, VDEV_GUEST_DESC_TARGET + 8, VDEV_GUEST_DESC_BYTES);
	/* What means nothing for this kind is unused, too. */
	if (d->kind != VDEV_GUEST_MSG_RECLAIM && d->target)
		d->unused_is_zero = false;
	if (!vdev__ring_is_block(d->kind) &&
	    (d->address || d->length || d->timeout_ms || d->destination))
		d->unused_is_zero = false;
}

bool vdev__ring_flags_ok(uint32_t kind, uint32_t flags)
{
	uint32_t known = vdev__ring_is_block(kind) ? 0 : (uint32_t)VDEV_GUEST_MSG_F_ZERO;

	return !(flags & ~known);
}

/* A block may not touch the rings: what reclaim or a destination writes would be read as ours. */
bool vdev__ring_block_ok(const struct vdev_pvqueue *q, uint64_t address, uint64_t length)
{
	const struct vdev_pvqueue_rings *r = &q->rings;

	if (!vdev__range_ok(address, length, UINT64_MAX))
		return false;
	return !vdev__ring_overlap(address, length, r->address,
				   vdev__ring_descriptors_bytes(r->size)) &&
	       !vdev__ring_overlap(address, length, r->events,
				   vdev__ring_events_bytes(r->events_size));
}

static uint32_t why_block(const struct vdev_pvqueue *q, const struct descriptor *d)
{
	if (!d->length || d->length > q->config.max_length_bytes)
		return VDEV_GUEST_WHY_LENGTH;
	if (!vdev__ring_block_ok(q, d->address, d->length))
		return VDEV_GUEST_WHY_ADDRESS;
	if (d->timeout_ms > q->config.max_timeout_ms)
		return VDEV_GUEST_WHY_TIMEOUT;
	if (d->destination >= q->config.destinations)
		return VDEV_GUEST_WHY_DESTINATION;
	return 0;
}

/* 0, or why it is refused. */
static uint32_t why(const struct vdev_pvqueue *q, const struct descriptor *d)
{
	const struct ring_message *target;
	uint32_t w = 0;

	if (!d->kind || d->kind > RING_KINDS)
		return VDEV_GUEST_WHY_KIND;
	if (!vdev__ring_flags_ok(d->kind, d->flags))
		return VDEV_GUEST_WHY_FLAGS;
	if (!d->unused_is_zero)
		return VDEV_GUEST_WHY_RESERVED;
	if (vdev__ring_is_block(d->kind))
		w = why_block(q, d);
	if (w)
		return w;
	if (vdev__ring_find_cookie(q, d->cookie))
		return VDEV_GUEST_WHY_COOKIE;
	if (d->kind != VDEV_GUEST_MSG_RECLAIM)
		return 0;
	target = vdev__ring_find_cookie(q, d->target);
	return target && vdev__ring_is_block(target->kind) ? 0 : VDEV_GUEST_WHY_TARGET;
}

static int refuse(struct vdev_pvqueue *q, const struct descriptor *d, uint32_t w)
{
	q->stats.refused[0]++;
	q->stats.refused[w]++;
	vdev__ring_trace(q, VDEV_PVQUEUE_EV_REFUSED + w, 0, d->cookie);
	return VDEV_PVQUEUE_REFUSED |
	       vdev__ring_tell(q, VDEV_GUEST_TOLD_ANSWER, VDEV_GUEST_DONE_REFUSED, d->cookie, w);
}

static void accept(struct vdev_pvqueue *q, const struct descriptor *d,
		   struct vdev_pvqueue_message *ret)
{
	bool reclaim = d->kind == VDEV_GUEST_MSG_RECLAIM;
	uint64_t target = reclaim ? vdev__ring_find_cookie(q, d->target)->handle : 0;
	struct ring_message *m = vdev__ring_add(q, d->cookie);

	m->address = d->address;
	m->length = d->length;
	m->kind = d->kind;
	m->flags = d->flags;
	m->timeout_ms = d->timeout_ms;
	m->destination = d->destination;
	m->target = target;
	q->stats.taken++;
	vdev__ring_trace(q, VDEV_PVQUEUE_EV_MESSAGE + m->kind, m->handle, m->cookie);
	vdev__ring_export(m, ret);
}

/* True when the guest has posted one more; false also when the queue broke. */
static bool posted(struct vdev_pvqueue *q)
{
	uint32_t p;

	if (q->producer != q->taken)
		return true;
	if (!vdev__ring_read_u32(q, q->rings.address + VDEV_GUEST_RING_PRODUCED, &p))
		return false;
	if (p - q->taken > q->rings.size)
		return vdev__ring_break(q, &q->stats.broken_index, p);
	/* What the guest wrote before the index is seen after it. */
	atomic_thread_fence(memory_order_acquire);
	q->stats.idle += p == q->taken;
	q->producer = p;
	return p != q->taken;
}

/* The answer of what is taken now has its place, besides those of all in flight. */
static bool room(struct vdev_pvqueue *q)
{
	bool ok = q->in_flight < q->rings.size && vdev__ring_room(q, q->in_flight + 1u);

	q->stats.held += !ok && q->state == VDEV_PVQUEUE_ON;
	return ok;
}

static bool fetch(struct vdev_pvqueue *q, struct descriptor *d)
{
	uint64_t at = q->taken % q->rings.size;
	uint8_t b[VDEV_GUEST_DESC_BYTES];

	if (!vdev__ring_read(q,
			     q->rings.address + VDEV_GUEST_RING_FIRST + at * VDEV_GUEST_DESC_BYTES,
			     b, sizeof(b)))
		return false;
	q->taken++;
	decode(b, d);
	return true;
}

int vdev_pvqueue_next(struct vdev_pvqueue *queue, struct vdev_pvqueue_message *ret_message,
		      size_t size)
{
	struct vdev_pvqueue_message message;
	struct descriptor d;
	uint32_t w;

	if (!queue || !ret_message || !size)
		return -EINVAL;
	if (queue->inside)
		return -EBUSY;
	if (queue->state != VDEV_PVQUEUE_ON)
		return 0;
	if (!posted(queue) || !room(queue) || !fetch(queue, &d))
		return queue->state == VDEV_PVQUEUE_DEAD ? VDEV_PVQUEUE_BROKEN : 0;
	w = why(queue, &d);
	if (w)
		return refuse(queue, &d, w);
	accept(queue, &d, &message);
	vdev__copy_out(ret_message, size, &message, sizeof(message));
	return VDEV_PVQUEUE_MESSAGE;
}
