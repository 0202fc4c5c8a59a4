/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages: posting descriptors, taking events, and what the guest checks about them: each descriptor
 * is told of once, blocks hold what was written to them, and what is written anew stays.
 */
#include <vdev/guest.h>

#include "driver.h"

struct messages *messages_of(struct platform *p)
{
	return &driver_of(p)->messages;
}

struct msg_report *msg_report_of(struct platform *p)
{
	return platform_ram(p, GUEST_MESSAGES);
}

struct msg_orders *msg_orders_of(struct platform *p)
{
	return platform_ram(p, GUEST_ORDERS);
}

void msg_add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

void *msg_descriptors(struct platform *p, uint32_t queue, uint32_t offset)
{
	return platform_ram(p, MSG_RINGS + (uint64_t)queue * MSG_RING_STRIDE + offset);
}

void *msg_entries(struct platform *p, uint32_t queue, uint32_t offset)
{
	return msg_descriptors(p, queue, MSG_EVENTS_AT + offset);
}

void msg_fill(struct platform *p, uint64_t address, uint32_t length, uint32_t seed, uint32_t stride)
{
	volatile uint8_t *block = platform_ram(p, address);

	for (uint32_t i = 0; i + 8 <= length; i += stride)
		*(volatile uint64_t *)(block + i) = msg_pattern(seed, i);
}

uint32_t msg_check(struct platform *p, uint64_t address, uint32_t length, uint32_t seed,
		   uint32_t stride, int may_be_zero)
{
	const volatile uint8_t *block = platform_ram(p, address);
	uint32_t wrong = 0;

	for (uint32_t i = 0; i + 8 <= length; i += stride) {
		uint64_t v = *(const volatile uint64_t *)(block + i);

		wrong += v != msg_pattern(seed, i) && !(may_be_zero && !v);
	}
	return wrong;
}

struct msg_track *msg_track_of(struct platform *p, uint64_t cookie)
{
	return &messages_of(p)->tracks[cookie % MSG_TRACKED];
}

/* A driver never has more descriptors without an answer than the ring has places. */
int msg_post(struct platform *p, uint32_t queue, const struct msg_descriptor *d)
{
	struct msg_queue *q = &messages_of(p)->queues[queue];
	uint32_t at = q->produced % MSG_SIZE;

	if (q->state != QUEUE_UP || q->outstanding >= MSG_SIZE) {
		count(&msg_report_of(p)->unposted);
		return 0;
	}
	*(struct msg_descriptor *)msg_descriptors(
		p, queue, VDEV_GUEST_RING_FIRST + at * VDEV_GUEST_DESC_BYTES) = *d;
	q->outstanding++;
	q->produced++;
	__atomic_store_n((uint32_t *)msg_descriptors(p, queue, VDEV_GUEST_RING_PRODUCED),
			 q->produced, __ATOMIC_RELEASE);
	count(&msg_report_of(p)->posted);
	return 1;
}

static struct msg_outcome *outcome_of(struct platform *p, uint64_t cookie)
{
	return &msg_report_of(p)->outcomes[cookie % MSG_OUTCOMES];
}

/* Before the device can tell: the place of the event is made first. */
int msg_post_tracked(struct platform *p, uint32_t queue, const struct msg_descriptor *d,
		     const struct msg_order *o, uint32_t block)
{
	struct msg_track *t = msg_track_of(p, d->cookie);
	struct msg_outcome *out = outcome_of(p, d->cookie);

	if (t->used) {
		count(&msg_report_of(p)->unposted);
		return 0;
	}
	*t = (struct msg_track){.used = 1,
				.queue = queue,
				.kind = d->kind,
				.seed = o->seed,
				.flags = o->flags,
				.stride = o->stride ? o->stride : 8,
				.length = d->length,
				.posted_ms = platform_ms(p),
				.block = block,
				.cookie = d->cookie,
				.address = d->address};
	out->told = 0;
	out->kind = 0;
	out->cookie = d->cookie;
	if (!msg_post(p, queue, d)) {
		t->used = 0;
		return 0;
	}
	__atomic_fetch_add(&msg_report_of(p)->in_flight, 1, __ATOMIC_RELAXED);
	return 1;
}

void msg_ring(struct platform *p, uint32_t queue)
{
	struct msg_queue *q = &messages_of(p)->queues[queue];

	if (q->rung == q->produced)
		return;
	q->rung = q->produced;
	platform_write(p, driver_of(p)->pv_registers + VDEV_GUEST_QUEUE_DOORBELL + 4ull * queue, 4,
		       1);
}

static void accessible(struct platform *p, const struct msg_track *t, uint32_t result)
{
	struct msg_report *r = msg_report_of(p);
	int zero = (t->flags & MSG_MAY_BE_ZERO) && result == VDEV_GUEST_DONE_RECLAIMED;

	if (t->kind == VDEV_GUEST_MSG_RECEIVE) {
		if (result == VDEV_GUEST_DONE_SENT || result == VDEV_GUEST_DONE_COPIED)
			msg_add(&r->wrong_received,
				msg_check(p, t->address, t->length, t->seed, t->stride, 0));
		return;
	}
	if (!(t->flags & MSG_THEN_REWRITE))
		return;
	msg_add(&r->wrong, msg_check(p, t->address, t->length, t->seed, t->stride, zero));
	msg_fill(p, t->address, t->length, t->seed + 1, t->stride);
}

static void over(struct platform *p, struct msg_track *t, uint32_t kind, uint32_t result)
{
	struct msg_report *r = msg_report_of(p);
	struct msg_outcome *out = outcome_of(p, t->cookie);

	t->used = 0;
	out->ms = platform_ms(p) - t->posted_ms;
	if (out->ms > r->worst_ms)
		r->worst_ms = out->ms;
	if (kind == VDEV_GUEST_TOLD_ACCESSIBLE)
		accessible(p, t, result);
	if (t->block)
		msg_load_back(p, t, kind);
	__atomic_fetch_sub(&r->in_flight, 1, __ATOMIC_RELEASE);
}

/* A refusal because of its cookie is about another descriptor than the one that has it. */
static int is_about(const struct msg_track *t, uint32_t queue, uint64_t cookie, uint32_t result,
		    uint64_t arg)
{
	return t->used && t->cookie == cookie && t->queue == queue &&
	       !(result == VDEV_GUEST_DONE_REFUSED && arg == VDEV_GUEST_WHY_COOKIE);
}

static void tell(struct platform *p, uint32_t queue, uint32_t kind, uint32_t result,
		 uint64_t cookie, uint64_t arg)
{
	struct msg_outcome *out = outcome_of(p, cookie);
	struct msg_track *t = msg_track_of(p, cookie);
	struct msg_report *r = msg_report_of(p);

	messages_of(p)->queues[queue].outstanding -= messages_of(p)->queues[queue].outstanding != 0;
	count(kind == VDEV_GUEST_TOLD_ACCESSIBLE ? &r->accessible : &r->answers);
	count(&r->results[result % 8]);
	if (result == VDEV_GUEST_DONE_REFUSED)
		count(&r->whys[arg % 16]);
	if (!is_about(t, queue, cookie, result, arg)) {
		count(out->cookie == cookie && out->told ? &r->twice : &r->unknown);
		return;
	}
	out->kind = kind;
	out->result = result;
	out->arg = arg;
	over(p, t, kind, result);
	/* last: whoever sees it finds the block checked and written anew */
	__atomic_fetch_add(&out->told, 1, __ATOMIC_RELEASE);
}

static void take(struct platform *p, uint32_t queue, const uint8_t *entry)
{
	uint32_t kind = *(const uint32_t *)(entry + VDEV_GUEST_ENTRY_KIND);
	uint32_t result = *(const uint32_t *)(entry + VDEV_GUEST_ENTRY_RESULT);

	if (kind == VDEV_GUEST_TOLD_HINT)
		source_hint(p, result, *(const uint64_t *)(entry + VDEV_GUEST_ENTRY_COOKIE),
			    *(const uint64_t *)(entry + VDEV_GUEST_ENTRY_ARG));
	else if ((kind != VDEV_GUEST_TOLD_ACCESSIBLE && kind != VDEV_GUEST_TOLD_ANSWER) ||
		 result > VDEV_GUEST_DONE_LOST)
		count(&msg_report_of(p)->bad_entries);
	else
		tell(p, queue, kind, result, *(const uint64_t *)(entry + VDEV_GUEST_ENTRY_COOKIE),
		     *(const uint64_t *)(entry + VDEV_GUEST_ENTRY_ARG));
}

static int drain(struct platform *p, uint32_t queue)
{
	struct msg_queue *q = &messages_of(p)->queues[queue];
	uint32_t produced = __atomic_load_n(
		(uint32_t *)msg_entries(p, queue, VDEV_GUEST_EVENTS_PRODUCED), __ATOMIC_ACQUIRE);
	int any = 0;

	if (produced - q->consumed > MSG_EVENTS_SIZE) {
		count(&msg_report_of(p)->bad_entries);
		return 0;
	}
	for (; q->consumed != produced; any = 1) {
		uint32_t at = q->consumed % MSG_EVENTS_SIZE;

		take(p, queue,
		     msg_entries(p, queue, VDEV_GUEST_EVENTS_FIRST + at * VDEV_GUEST_ENTRY_BYTES));
		q->consumed++;
		__atomic_store_n((uint32_t *)msg_entries(p, queue, VDEV_GUEST_EVENTS_CONSUMED),
				 q->consumed, __ATOMIC_RELEASE);
	}
	return any;
}

int messages_hint_waits(struct platform *p, uint32_t address, uint32_t type)
{
	uint32_t produced = __atomic_load_n(
		(uint32_t *)msg_entries(p, 0, VDEV_GUEST_EVENTS_PRODUCED), __ATOMIC_ACQUIRE);
	uint32_t i = told(&messages_of(p)->queues[0].consumed);

	for (; produced - i <= MSG_EVENTS_SIZE && i != produced; i++) {
		const uint8_t *entry = msg_entries(
			p, 0,
			VDEV_GUEST_EVENTS_FIRST + i % MSG_EVENTS_SIZE * VDEV_GUEST_ENTRY_BYTES);

		if (*(const uint32_t *)(entry + VDEV_GUEST_ENTRY_KIND) == VDEV_GUEST_TOLD_HINT &&
		    *(const uint32_t *)(entry + VDEV_GUEST_ENTRY_COOKIE) == address &&
		    (*(const uint32_t *)(entry + VDEV_GUEST_ENTRY_RESULT) & VDEV_GUEST_HINT_TYPE) ==
			    type)
			return 1;
	}
	return 0;
}

/* No interrupts while we look; once more after they are allowed again, for one may have been saved. */
void msg_events(struct platform *p, uint32_t queue)
{
	uint32_t *flags = msg_entries(p, queue, VDEV_GUEST_EVENTS_FLAGS);
	struct msg_queue *q = &messages_of(p)->queues[queue];
	uint32_t lost;
	int any;

	if (q->state != QUEUE_UP || q->deaf)
		return;
	__atomic_store_n(flags, VDEV_GUEST_EVENTS_QUIET, __ATOMIC_SEQ_CST);
	any = drain(p, queue);
	__atomic_store_n(flags, 0, __ATOMIC_SEQ_CST);
	if (drain(p, queue) || any)
		count(&msg_report_of(p)->interrupts);
	lost = *(const uint32_t *)msg_entries(p, queue, VDEV_GUEST_EVENTS_LOST);
	msg_add(&msg_report_of(p)->lost, lost - q->lost_seen);
	q->lost_seen = lost;
}
