/* SPDX-License-Identifier: BSD-3-Clause */
/* The zero-copy part at work: what the owner of a queue and the receiver do. See lending.h. */
#include <errno.h>
#include <string.h>

#include <vdev/guest.h>

#include "lending.h"

struct lending_slot *lending_slot(struct lending_queue *q, uint64_t id)
{
	return &q->slots[id % lending_slots(q->lending)];
}

void lending_wake(struct lending *l, int mask)
{
	if (mask > 0 && (mask & VDEV_ZEROCOPY_WAKE))
		l->vm->machine->poke(l->vm);
}

/* Bytes that went out, or a negative errno. */
static ssize_t transmit(struct lending *l, const struct vdev_pvqueue_message *m, uint64_t id,
			uint64_t *ret_ns)
{
	struct iovec block = {.iov_base = memory_at(l->vm, m->address, m->length_bytes),
			      .iov_len = m->length_bytes};

	return transport_send(&l->destinations[m->destination], &block, id, ret_ns);
}

static void copy_block(struct lending_queue *q, const struct vdev_pvqueue_message *m, bool measure)
{
	uint64_t ns;
	ssize_t n = transmit(q->lending, m, TRANSPORT_NO_ID, &ns);

	if (n > 0 && measure)
		vdev_zerocopy_cost(q->queue, VDEV_ZEROCOPY_COPY_SMALL, (uint64_t)n, ns);
	if (n < 0)
		atomic_fetch_add(&q->lending->counts.send_failed, 1);
	/* As on a network: what nobody takes is dropped, and the guest knows. */
	lending_answer(q, m->handle, n > 0 ? VDEV_GUEST_DONE_COPIED : VDEV_GUEST_DONE_FAILED,
		       n > 0 ? (uint64_t)n : 0);
}

/* The pages are on their way: the time-out begins, after the fact (Z10). */
static void gone_out(struct lending_queue *q, const struct vdev_pvqueue_message *m, uint64_t id,
		     uint64_t bytes)
{
	struct lending *l = q->lending;
	int r = vdev_zerocopy_sent(q->queue, vm_now(l->vm), id, bytes);

	lending_wake(l, r);
	if (r > 0 && (r & VDEV_ZEROCOPY_SETTLED)) {
		atomic_fetch_add(&l->counts.raced, 1);
		lending_answer(q, m->handle, VDEV_GUEST_DONE_SENT, bytes);
	}
}

static void lend_block(struct lending_queue *q, const struct vdev_pvqueue_message *m, uint64_t id,
		       bool measure)
{
	struct lending *l = q->lending;
	uint64_t ns;
	ssize_t n = transmit(l, m, id, &ns);

	if (n < 0) {
		atomic_fetch_add(&l->counts.send_failed, 1);
		vdev_zerocopy_abort(q->queue, id);
		copy_block(q, m, false);
		return;
	}
	if (measure)
		vdev_zerocopy_cost(q->queue, VDEV_ZEROCOPY_LEND, (uint64_t)n, ns);
	if ((uint64_t)n < m->length_bytes)
		atomic_fetch_add(&l->counts.send_partial, 1); /* the guest is told how much */
	gone_out(q, m, id, (uint64_t)n);
}

static void receive_block(struct lending_queue *q, const struct vdev_pvqueue_message *m,
			  uint64_t id)
{
	if (lending_hold(q, m, id)) {
		vdev_zerocopy_abort(q->queue, id);
		lending_answer(q, m->handle, VDEV_GUEST_DONE_FAILED, 0);
	} else {
		gone_out(q, m, id, m->length_bytes);
	}
}

static void remember(struct lending_queue *q, const struct vdev_pvqueue_message *m, uint64_t id)
{
	struct lending_slot *slot = lending_slot(q, id);

	slot->handle = m->handle;
	slot->length = m->length_bytes;
	slot->id = id;
	pthread_mutex_lock(&q->lock);
	vdev_pvqueue_tag(q->ring, m->handle, id);
	pthread_mutex_unlock(&q->lock);
}

static void take_block(struct lending_queue *q, const struct vdev_pvqueue_message *m)
{
	bool receive = m->kind == VDEV_GUEST_MSG_RECEIVE, measure;
	struct vdev_zerocopy_block block = {
		.struct_size = sizeof(block),
		.flags = receive ? VDEV_ZEROCOPY_RECEIVE | VDEV_ZEROCOPY_ANY_SIZE : 0,
		.address = m->address,
		.length_bytes = m->length_bytes,
		.timeout_ns = m->timeout_ns,
		.user_data = m->handle,
		.destination = m->destination,
	};
	struct lending *l = q->lending;
	uint64_t id;
	int r = vdev_zerocopy_reserve(q->queue, &block, &id);

	if (r < 0) {
		atomic_fetch_add(&l->counts.bad, 1);
		lending_answer(q, m->handle, VDEV_GUEST_DONE_REFUSED, VDEV_GUEST_WHY_ADDRESS);
		return;
	}
	measure = (r & VDEV_ZEROCOPY_MEASURE) != 0;
	r &= VDEV_ZEROCOPY_ANSWER;
	atomic_fetch_add(&l->counts.reasons[r], 1);
	if (r == VDEV_ZEROCOPY_LEND)
		remember(q, m, id);
	if (receive && r == VDEV_ZEROCOPY_LEND)
		receive_block(q, m, id);
	else if (receive)
		lending_answer(q, m->handle, VDEV_GUEST_DONE_REFUSED, VDEV_GUEST_WHY_MEMORY);
	else if (r == VDEV_ZEROCOPY_LEND)
		lend_block(q, m, id, measure);
	else
		copy_block(q, m, measure);
}

static uint32_t mode_of(const struct vdev_pvqueue_message *m)
{
	return m->flags & VDEV_GUEST_MSG_F_ZERO ? VDEV_ZEROCOPY_RESET : VDEV_ZEROCOPY_DEFAULT;
}

/* The guest asks for one block back. It may be over by now: that is no fault of the guest. */
static void reclaim_one(struct lending_queue *q, const struct vdev_pvqueue_message *m)
{
	struct lending *l = q->lending;
	struct vdev_pvqueue_message target;
	bool there;
	int r = -ENOENT;

	pthread_mutex_lock(&q->lock);
	there = !vdev_pvqueue_get(q->ring, m->target, &target, sizeof(target));
	pthread_mutex_unlock(&q->lock);
	if (there) {
		pthread_mutex_lock(&l->lock);
		r = vdev_zerocopy_reclaim(l->engine, vm_now(l->vm), target.tag, mode_of(m));
		pthread_mutex_unlock(&l->lock);
	}
	if (r == -EOPNOTSUPP)
		lending_answer(q, m->handle, VDEV_GUEST_DONE_REFUSED, VDEV_GUEST_WHY_MEMORY);
	else
		lending_answer(q, m->handle, VDEV_GUEST_DONE_OK, 0);
	l->vm->machine->poke(l->vm);
}

static void reclaim_queue(struct lending_queue *q, const struct vdev_pvqueue_message *m)
{
	struct lending *l = q->lending;

	pthread_mutex_lock(&l->lock);
	vdev_zerocopy_reclaim_all(l->engine, vm_now(l->vm), q->queue, mode_of(m), 0);
	pthread_mutex_unlock(&l->lock);
	lending_answer(q, m->handle, VDEV_GUEST_DONE_OK, 0);
	l->vm->machine->poke(l->vm);
}

static void take(struct lending_queue *q, const struct vdev_pvqueue_message *m)
{
	if (m->kind == VDEV_GUEST_MSG_RECLAIM)
		reclaim_one(q, m);
	else if (m->kind == VDEV_GUEST_MSG_RECLAIM_ALL)
		reclaim_queue(q, m);
	else if (!memory_at(q->lending->vm, m->address,
			    m->length_bytes)) /* no RAM: never touched */
		lending_answer(q, m->handle, VDEV_GUEST_DONE_REFUSED, VDEV_GUEST_WHY_ADDRESS);
	else
		take_block(q, m);
}

uint32_t lending_serve(struct lending_queue *q, uint32_t most)
{
	struct vdev_pvqueue_message m;
	uint32_t n = 0;
	int r = 1;

	while (r > 0 && n < most) {
		pthread_mutex_lock(&q->lock);
		r = vdev_pvqueue_next(q->ring, &m, sizeof(m));
		pthread_mutex_unlock(&q->lock);
		lending_told(q, r);
		if (r > 0 && (r & VDEV_PVQUEUE_MESSAGE))
			take(q, &m);
		n += r > 0;
	}
	lending_flush(q->lending);
	return n;
}

struct lending_queue *lending_queue_of(struct lending *l, uint64_t id)
{
	for (uint32_t i = 0; i < l->queues_count; i++)
		if (lending_slot(&l->queues[i], id)->id == id)
			return &l->queues[i];
	return NULL;
}

/* What is known of the messages is read before: a slot may be used anew once its message is over. */
int lending_complete(struct lending *l, uint64_t lo, uint64_t hi, uint32_t flags)
{
	uint64_t handle[VDEV_ZEROCOPY_MAX_RANGE], length[VDEV_ZEROCOPY_MAX_RANGE];
	struct lending_queue *q = lending_queue_of(l, lo);
	uint64_t settled = 0;
	int r;

	if (!q || hi - lo >= VDEV_ZEROCOPY_MAX_RANGE)
		return -ENOENT;
	for (uint64_t i = 0; i <= hi - lo; i++) {
		handle[i] = lending_slot(q, lo + i)->handle;
		length[i] = lending_slot(q, lo + i)->length;
	}
	r = vdev_zerocopy_complete(q->queue, lo, hi, flags, &settled);
	lending_wake(l, r);
	for (uint64_t i = 0; i <= hi - lo; i++)
		if (settled & 1ull << i)
			lending_answer(q, handle[i], VDEV_GUEST_DONE_SENT, length[i]);
	return r;
}

bool lending_receive(struct lending *l)
{
	struct transport_done done;
	bool any = false;

	for (uint32_t i = 0; i < l->destinations_count; i++) {
		struct transport *t = &l->destinations[i];

		if (!atomic_load(&t->stuck))
			any |= transport_read(t) > 0;
		while (transport_next(t, &done)) {
			lending_complete(l, done.lo, done.hi, done.flags);
			any = true;
		}
	}
	lending_flush(l);
	return any;
}
