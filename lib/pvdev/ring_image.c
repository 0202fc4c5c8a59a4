/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Image of a queue: where its rings are, how far both sides are, what is in flight. The rings are part
 * of guest memory and move with it. Everything is checked as if a guest had written it.
 */
#include "image.h"
#include "ring.h"

#define VERSION 1u
#define MESSAGE_BYTES 80u

static void put_message(struct vdev__writer *w, const struct ring_message *m)
{
	vdev__put_u64(w, m->handle);
	vdev__put_u64(w, m->tag);
	vdev__put_u64(w, m->cookie);
	vdev__put_u64(w, m->address);
	vdev__put_u64(w, m->target);
	vdev__put_u64(w, m->arg);
	vdev__put_u32(w, m->length);
	vdev__put_u32(w, m->timeout_ms);
	vdev__put_u32(w, m->kind);
	vdev__put_u32(w, m->flags);
	vdev__put_u32(w, m->destination);
	vdev__put_u32(w, m->result);
	vdev__put_u32(w, m->answered);
	vdev__put_u32(w, 0);
}

int vdev_pvqueue_save(const struct vdev_pvqueue *queue, void *buf, size_t size, size_t *ret_size)
{
	struct vdev__writer w;

	if (!queue || !ret_size || (!buf && size))
		return -EINVAL;
	vdev__writer_init(&w, buf, size, VDEV_PART_PVQUEUE, VERSION);
	vdev__put_u32(&w, queue->state);
	vdev__put_u32(&w, queue->rings.size);
	vdev__put_u32(&w, queue->rings.events_size);
	vdev__put_u64(&w, queue->rings.address);
	vdev__put_u64(&w, queue->rings.events);
	vdev__put_u32(&w, queue->taken);
	vdev__put_u32(&w, queue->produced);
	vdev__put_u32(&w, queue->consumed);
	vdev__put_u32(&w, queue->lost);
	vdev__put_u64(&w, queue->sequence);
	vdev__put_u32(&w, queue->in_flight);
	for (uint32_t i = queue->oldest; i != RING_NONE; i = queue->messages[i].newer)
		put_message(&w, &queue->messages[i]);
	return vdev__writer_finish(&w, ret_size);
}

/* Queues that are OFF keep the rings that they had, if any. */
static int get_rings(struct vdev__reader *r, struct vdev_pvqueue *q)
{
	q->state = vdev__get_u32(r);
	q->rings.struct_size = sizeof(q->rings);
	q->rings.size = vdev__get_u32(r);
	q->rings.events_size = vdev__get_u32(r);
	q->rings.address = vdev__get_u64(r);
	q->rings.events = vdev__get_u64(r);
	q->taken = q->producer = vdev__get_u32(r);
	q->produced = vdev__get_u32(r);
	q->consumed = vdev__get_u32(r);
	q->lost = vdev__get_u32(r);
	q->sequence = vdev__get_u64(r);
	/* Half of all are left, so that no handle comes again. */
	if (q->state > VDEV_PVQUEUE_DEAD || q->sequence >> (63 - RING_SLOT_BITS))
		return vdev__reader_fail(r);
	if (q->state == VDEV_PVQUEUE_OFF)
		return 0;
	if (!vdev__ring_rings_ok(&q->rings, VDEV_GUEST_QUEUE_MOST))
		return vdev__reader_fail(r);
	return q->rings.size > q->config.max_size ? -ENOSPC : 0;
}

static bool block_ok(const struct vdev_pvqueue *q, const struct ring_message *m)
{
	if (!vdev__ring_is_block(m->kind))
		return !m->address && !m->length && !m->timeout_ms && !m->destination;
	return vdev__ring_block_ok(q, m->address, m->length);
}

static bool message_ok(const struct vdev_pvqueue *q, const struct ring_message *m)
{
	bool target = m->kind == VDEV_GUEST_MSG_RECLAIM;

	if (!m->kind || m->kind > RING_KINDS || !vdev__ring_flags_ok(m->kind, m->flags))
		return false;
	/* The oldest has nothing to wait for. */
	if (m->answered &&
	    (m->answered > 1 || m->kind != VDEV_GUEST_MSG_RECLAIM_ALL || m->older == RING_NONE))
		return false;
	if (m->result != VDEV_GUEST_DONE_OK || (m->arg && !m->answered))
		return false;
	return (m->target != 0) == target && m->target < m->handle && block_ok(q, m);
}

static int get_message(struct vdev__reader *r, struct vdev_pvqueue *q)
{
	uint64_t handle = vdev__get_u64(r);
	uint64_t tag = vdev__get_u64(r);
	struct ring_message *m = vdev__ring_restore(q, handle, vdev__get_u64(r));

	if (!m)
		return vdev__reader_fail(r);
	m->tag = tag;
	m->address = vdev__get_u64(r);
	m->target = vdev__get_u64(r);
	m->arg = vdev__get_u64(r);
	m->length = vdev__get_u32(r);
	m->timeout_ms = vdev__get_u32(r);
	m->kind = vdev__get_u32(r);
	m->flags = vdev__get_u32(r);
	m->destination = vdev__get_u32(r);
	m->result = vdev__get_u32(r);
	m->answered = vdev__get_u32(r);
	if (vdev__get_u32(r) || !message_ok(q, m))
		return vdev__reader_fail(r);
	return m->destination < q->config.destinations && m->length <= q->config.max_length_bytes &&
			       m->timeout_ms <= q->config.max_timeout_ms
		       ? 0
		       : -ENOSPC;
}

static int get_messages(struct vdev__reader *r, struct vdev_pvqueue *q)
{
	uint32_t n = vdev__get_count(r, MESSAGE_BYTES);
	uint32_t slots = q->state == VDEV_PVQUEUE_OFF ? 0 : q->rings.size;
	uint32_t waiting = q->produced - q->consumed;
	int e = 0;

	/* Each has its slot, and its place in the event ring. */
	if (n > slots || (!n && q->state == VDEV_PVQUEUE_STOPPING))
		return vdev__reader_fail(r);
	if (slots && (waiting > q->rings.events_size || q->rings.events_size - waiting < n))
		return vdev__reader_fail(r);
	for (uint32_t i = 0; i < n && !r->error; i++) {
		int s = get_message(r, q);

		e = e ? e : s;
	}
	vdev__ring_table_link(q, slots);
	return e;
}

static int read_image(struct vdev_pvqueue *q, const void *image, size_t size)
{
	struct vdev__reader r;
	int e = vdev__reader_init(&r, image, size, VDEV_PART_PVQUEUE, VERSION);

	if (!e)
		e = get_rings(&r, q);
	if (e)
		return e;
	e = get_messages(&r, q);
	/* A damaged image is damaged first of all. */
	if (r.error)
		return r.error;
	if (!e)
		e = vdev__reader_finish(&r);
	return e;
}

int vdev_pvqueue_load(const struct vdev_env *env, const struct vdev_pvqueue_config *config,
		      const void *image, size_t size, struct vdev_pvqueue **ret_queue)
{
	struct vdev_pvqueue *q;
	int r;

	if (!config || !image || !ret_queue)
		return -EINVAL;
	r = vdev__ring_make(&q, env, config);
	if (r)
		return r;
	r = read_image(q, image, size);
	if (r) {
		vdev_pvqueue_free(q);
		return r;
	}
	*ret_queue = q;
	return 0;
}
