/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages in flight. A message is found by its handle (the slot is part of it), by the guest's
 * cookie (chains, as many as there may be messages), and by age (a list, oldest first).
 */
#include <string.h>

#include "ring.h"

/*
 * Cookies are often small numbers or addresses: the high bits of the product depend on all of them. A guest
 * that knew the factor could choose cookies that all come to one bucket, so it is one that depends on where
 * the queue is.
 */
static uint32_t *bucket(const struct vdev_pvqueue *q, uint64_t cookie)
{
	uint64_t factor = ((uint64_t)(uintptr_t)q * UINT64_C(0x9e3779b97f4a7c15)) | 1u;

	return &q->buckets[(uint32_t)(cookie * factor >> 49) & (q->config.max_size - 1u)];
}

static uint32_t slot_of(uint64_t handle)
{
	return (uint32_t)handle & ((1u << RING_SLOT_BITS) - 1u);
}

void vdev__ring_table_link(struct vdev_pvqueue *q, uint32_t size)
{
	q->free_head = RING_NONE;
	while (size--) {
		if (q->messages[size].handle)
			continue;
		q->messages[size].chain = q->free_head;
		q->free_head = size;
	}
}

void vdev__ring_table_clear(struct vdev_pvqueue *q, uint32_t size)
{
	memset(q->messages, 0, q->config.max_size * sizeof(*q->messages));
	memset(q->buckets, 0xff, q->config.max_size * sizeof(*q->buckets));
	q->oldest = q->newest = RING_NONE;
	q->in_flight = 0;
	vdev__ring_table_link(q, size);
}

struct ring_message *vdev__ring_find(const struct vdev_pvqueue *q, uint64_t handle)
{
	uint32_t slot = slot_of(handle);

	if (!handle || slot >= q->config.max_size || q->messages[slot].handle != handle)
		return NULL;
	return &q->messages[slot];
}

struct ring_message *vdev__ring_find_cookie(const struct vdev_pvqueue *q, uint64_t cookie)
{
	uint32_t i = *bucket(q, cookie);

	while (i != RING_NONE && q->messages[i].cookie != cookie)
		i = q->messages[i].chain;
	return i == RING_NONE ? NULL : &q->messages[i];
}

static struct ring_message *insert(struct vdev_pvqueue *q, uint32_t slot, uint64_t cookie)
{
	struct ring_message *m = &q->messages[slot];
	uint32_t *b = bucket(q, cookie);

	*m = (struct ring_message){.cookie = cookie, .chain = *b, .newer = RING_NONE};
	*b = slot;
	m->older = q->newest;
	if (q->newest != RING_NONE)
		q->messages[q->newest].newer = slot;
	else
		q->oldest = slot;
	q->newest = slot;
	q->in_flight++;
	return m;
}

struct ring_message *vdev__ring_add(struct vdev_pvqueue *q, uint64_t cookie)
{
	uint32_t slot = q->free_head;
	struct ring_message *m;

	q->free_head = q->messages[slot].chain;
	m = insert(q, slot, cookie);
	m->handle = ++q->sequence << RING_SLOT_BITS | slot;
	return m;
}

struct ring_message *vdev__ring_restore(struct vdev_pvqueue *q, uint64_t handle, uint64_t cookie)
{
	uint64_t before = q->newest == RING_NONE ? 0 : q->messages[q->newest].handle;
	uint64_t sequence = handle >> RING_SLOT_BITS;
	uint32_t slot = slot_of(handle);
	struct ring_message *m;

	if (sequence <= before >> RING_SLOT_BITS || sequence > q->sequence ||
	    slot >= q->rings.size || q->messages[slot].handle || vdev__ring_find_cookie(q, cookie))
		return NULL;
	m = insert(q, slot, cookie);
	m->handle = handle;
	return m;
}

void vdev__ring_remove(struct vdev_pvqueue *q, struct ring_message *m)
{
	uint32_t slot = (uint32_t)(m - q->messages);
	uint32_t *at = bucket(q, m->cookie);

	while (*at != slot)
		at = &q->messages[*at].chain;
	*at = m->chain;
	*(m->older == RING_NONE ? &q->oldest : &q->messages[m->older].newer) = m->newer;
	*(m->newer == RING_NONE ? &q->newest : &q->messages[m->newer].older) = m->older;
	m->handle = 0;
	m->chain = q->free_head;
	q->free_head = slot;
	q->in_flight--;
}

void vdev__ring_export(const struct ring_message *m, struct vdev_pvqueue_message *ret)
{
	*ret = (struct vdev_pvqueue_message){
		.handle = m->handle,
		.tag = m->tag,
		.cookie = m->cookie,
		.address = m->address,
		.length_bytes = m->length,
		.timeout_ns = (uint64_t)m->timeout_ms * 1000000u,
		.target = m->target,
		.kind = m->kind,
		.flags = m->flags,
		.destination = m->destination,
		.answered = m->answered,
	};
}

int vdev_pvqueue_tag(struct vdev_pvqueue *queue, uint64_t handle, uint64_t tag)
{
	struct ring_message *m;

	if (!queue)
		return -EINVAL;
	m = vdev__ring_find(queue, handle);
	if (!m)
		return -ENOENT;
	m->tag = tag;
	return 0;
}

int vdev_pvqueue_get(const struct vdev_pvqueue *queue, uint64_t handle,
		     struct vdev_pvqueue_message *ret_message, size_t size)
{
	struct vdev_pvqueue_message message;
	const struct ring_message *m;

	if (!queue || !ret_message || !size)
		return -EINVAL;
	m = vdev__ring_find(queue, handle);
	if (!m)
		return -ENOENT;
	vdev__ring_export(m, &message);
	return vdev__copy_out(ret_message, size, &message, sizeof(message));
}

/* The one after `handle`, which may be over by now; handles rise with age. */
static uint32_t after(const struct vdev_pvqueue *q, uint64_t handle)
{
	const struct ring_message *m = vdev__ring_find(q, handle);
	uint32_t i = q->oldest;

	if (m)
		return m->newer;
	while (i != RING_NONE &&
	       q->messages[i].handle >> RING_SLOT_BITS <= handle >> RING_SLOT_BITS)
		i = q->messages[i].newer;
	return i;
}

int vdev_pvqueue_walk(const struct vdev_pvqueue *queue, uint64_t *cursor,
		      struct vdev_pvqueue_message *ret_message, size_t size)
{
	struct vdev_pvqueue_message message;
	uint32_t i;

	if (!queue || !cursor || !ret_message || !size)
		return -EINVAL;
	i = after(queue, *cursor);
	if (i == RING_NONE)
		return 0;
	vdev__ring_export(&queue->messages[i], &message);
	*cursor = message.handle;
	vdev__copy_out(ret_message, size, &message, sizeof(message));
	return 1;
}
