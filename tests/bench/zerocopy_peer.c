/* SPDX-License-Identifier: BSD-3-Clause */
/* The peer of the zero-copy benches. */
#include <errno.h>
#include <stdlib.h>

#include "bench.h"
#include "zerocopy_peer.h"

void zpeer_init(struct zpeer *p, uint32_t slots, uint64_t memory_bytes, int by_heap)
{
	*p = (struct zpeer){.slots = slots, .by_heap = by_heap, .memory_bytes = memory_bytes};
	pthread_mutex_init(&p->lock, NULL);
	p->messages = bench_alloc(slots, sizeof(*p->messages));
	p->heap.entries = bench_alloc(by_heap ? slots : 1, sizeof(*p->heap.entries));
	for (uint32_t i = slots; i--;) {
		p->messages[i].next = p->free;
		p->messages[i].heap_timer.pos = HEAP_NONE;
		p->free = i + 1;
	}
	p->vm = (struct zpeer_quota){slots, UINT64_C(1) << 40};
	for (uint32_t i = 0; i < ZPEER_DESTINATIONS; i++)
		p->destinations[i] = p->vm;
}

void zpeer_fini(struct zpeer *p)
{
	free(p->heap.entries);
	free(p->messages);
	pthread_mutex_destroy(&p->lock);
}

static int spend(struct zpeer_quota *q, uint64_t bytes)
{
	if (!q->blocks || q->bytes < bytes)
		return 0;
	q->blocks--;
	q->bytes -= bytes;
	return 1;
}

static void refund(struct zpeer_quota *q, uint64_t bytes)
{
	q->blocks++;
	q->bytes += bytes;
}

static int reserve_locked(struct zpeer *p, const struct vdev_zerocopy_block *b, uint64_t *ret_id)
{
	struct zpeer_message *m;
	uint32_t index = p->free - 1;

	if (!p->free)
		return VDEV_ZEROCOPY_COPY_SLOTS;
	if (!spend(&p->vm, b->length_bytes))
		return VDEV_ZEROCOPY_COPY_QUOTA;
	if (!spend(&p->destinations[b->destination], b->length_bytes)) {
		refund(&p->vm, b->length_bytes);
		return VDEV_ZEROCOPY_COPY_DESTINATION;
	}
	m = &p->messages[index];
	p->free = m->next;
	m->id = ++p->generation << 32 | index;
	m->address = b->address;
	m->length = b->length_bytes;
	m->user_data = b->user_data;
	m->timeout_ns = b->timeout_ns;
	m->destination = b->destination;
	*ret_id = m->id;
	return VDEV_ZEROCOPY_LEND;
}

int zpeer_reserve(struct zpeer *p, const struct vdev_zerocopy_block *b, uint64_t *ret_id)
{
	int answer;

	/* What needs no lock is checked without. */
	if (!b->length_bytes || b->destination >= ZPEER_DESTINATIONS)
		return -EINVAL;
	if (b->address > p->memory_bytes || b->length_bytes > p->memory_bytes - b->address)
		return -EFAULT;
	pthread_mutex_lock(&p->lock);
	answer = reserve_locked(p, b, ret_id);
	pthread_mutex_unlock(&p->lock);
	return answer;
}

static struct zpeer_message *find(struct zpeer *p, uint64_t id)
{
	uint32_t index = (uint32_t)id;

	return index < p->slots && p->messages[index].id == id ? &p->messages[index] : NULL;
}

void zpeer_sent(struct zpeer *p, uint64_t now_ns, uint64_t id)
{
	struct zpeer_message *m;

	pthread_mutex_lock(&p->lock);
	m = find(p, id);
	if (m && p->by_heap)
		heap_arm(&p->heap, &m->heap_timer, now_ns + m->timeout_ns);
	else if (m)
		wheel_arm(&p->wheel, &m->timer, now_ns + m->timeout_ns);
	pthread_mutex_unlock(&p->lock);
}

static uint32_t complete_one(struct zpeer *p, uint64_t id)
{
	struct zpeer_message *m = find(p, id);

	if (!m)
		return 0;
	if (p->by_heap)
		heap_cancel(&p->heap, &m->heap_timer);
	else
		wheel_cancel(&m->timer);
	refund(&p->vm, m->length);
	refund(&p->destinations[m->destination], m->length);
	m->id = 0;
	m->next = p->free;
	p->free = (uint32_t)id + 1;
	return 1;
}

uint32_t zpeer_complete(struct zpeer *p, const uint64_t *ids, uint32_t count)
{
	uint32_t ended = 0;

	pthread_mutex_lock(&p->lock);
	for (uint32_t i = 0; i < count; i++)
		ended += complete_one(p, ids[i]);
	pthread_mutex_unlock(&p->lock);
	return ended;
}

uint32_t zpeer_expire(struct zpeer *p, uint64_t now_ns)
{
	uint32_t expired = 0;

	pthread_mutex_lock(&p->lock);
	while (p->by_heap ? heap_expire(&p->heap, now_ns) != NULL
			  : wheel_expire(&p->wheel, now_ns) != NULL)
		expired++;
	pthread_mutex_unlock(&p->lock);
	return expired;
}
