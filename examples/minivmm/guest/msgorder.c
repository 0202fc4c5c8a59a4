/* SPDX-License-Identifier: BSD-3-Clause */
/* Orders: what the VMM wants the guest to do with its queues, one after the other; also what no good
 * driver would do. */
#include <vdev/guest.h>

#include "driver.h"

#define FLOOD_TURN 32u

static uint32_t stride_of(const struct msg_order *o)
{
	return o->stride ? o->stride : 8;
}

static void send_block(struct platform *p, const struct msg_order *o, uint32_t kind)
{
	struct msg_descriptor d = {.address = o->address,
				   .length = o->length,
				   .kind = kind,
				   .timeout_ms = o->timeout_ms,
				   .destination = o->destination,
				   .cookie = o->cookie};

	if (kind == VDEV_GUEST_MSG_SEND)
		msg_fill(p, o->address, o->length, o->seed, stride_of(o));
	msg_post_tracked(p, o->queue, &d, o, 0);
}

static void reclaim(struct platform *p, const struct msg_order *o, uint32_t kind)
{
	struct msg_descriptor d = {.kind = kind,
				   .flags = o->flags & MSG_ZERO ? VDEV_GUEST_MSG_F_ZERO : 0,
				   .cookie = o->cookie,
				   .target = kind == VDEV_GUEST_MSG_RECLAIM ? o->target : 0};

	msg_post_tracked(p, o->queue, &d, o, 0);
}

static void raw(struct platform *p, const struct msg_order *o)
{
	struct msg_descriptor d = {.address = o->address,
				   .length = o->length,
				   .kind = o->kind,
				   .flags = o->desc_flags,
				   .timeout_ms = o->timeout_ms,
				   .destination = o->destination,
				   .reserved = o->reserved[0],
				   .cookie = o->cookie,
				   .target = o->target};

	msg_post(p, o->queue, &d);
}

static void add_to(uint32_t *index, uint32_t n)
{
	__atomic_fetch_add(index, n, __ATOMIC_RELEASE);
}

static void ring_often(struct platform *p, const struct msg_order *o)
{
	uint64_t doorbell = driver_of(p)->pv_registers + VDEV_GUEST_QUEUE_DOORBELL;

	for (uint32_t i = 0; i < o->count; i++)
		platform_write(p, doorbell + 4ull * o->queue, 4, i);
}

/* Numbers repeat from run to run. Each second descriptor is wild in one field only. */
static void wild(struct platform *p, uint32_t queue)
{
	struct messages *m = messages_of(p);
	uint32_t x = 0x2545f491u + m->wild++;
	struct msg_descriptor d = {.address = MSG_BLOCKS, .length = 64, .kind = 1};

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	d.cookie = 0x100000000ull | x;
	switch (x % 8) {
	case 0:
		d.length = 0;
		break;
	case 1:
		d.address = 0ull - 32;
		break;
	case 2:
		d.address = (uint64_t)x << 32;
		break;
	case 3:
		d.timeout_ms = 0xffffffff;
		break;
	case 4:
		d.kind = x;
		break;
	case 5:
		d.destination = x;
		break;
	case 6:
		d.address = MSG_RINGS + (uint64_t)queue * MSG_RING_STRIDE + x % MSG_EVENTS_AT;
		d.length = MSG_RING_STRIDE;
		break;
	default:
		d = (struct msg_descriptor){x,      x,       x >> 3,   x >> 5, x >> 7,
					    x >> 9, x >> 11, d.cookie, x,      {x, x}};
	}
	msg_post(p, queue, &d);
}

static int flood(struct platform *p, const struct msg_order *o)
{
	struct messages *m = messages_of(p);
	struct msg_queue *q = &m->queues[o->queue];

	for (uint32_t i = 0; i < FLOOD_TURN && m->flooded < o->count && q->outstanding < MSG_SIZE;
	     i++) {
		wild(p, o->queue);
		m->flooded++;
	}
	msg_ring(p, o->queue);
	if (m->flooded < o->count && q->state == QUEUE_UP)
		return 0;
	m->flooded = 0;
	return 1;
}

static void count_in(struct platform *p, const struct msg_order *o)
{
	struct messages *m = messages_of(p);

	m->count_address = o->address;
	m->count_length = o->length;
	__atomic_fetch_add(&m->generation, 1, __ATOMIC_RELEASE);
}

static int hostile(struct platform *p, const struct msg_order *o)
{
	switch (o->what) {
	case MSG_DO_RAW:
		raw(p, o);
		return 1;
	case MSG_DO_JUMP:
		add_to(msg_descriptors(p, o->queue, VDEV_GUEST_RING_PRODUCED), o->count);
		ring_often(p, &(struct msg_order){.queue = o->queue, .count = 1});
		return 1;
	case MSG_DO_CONSUME:
		add_to(msg_entries(p, o->queue, VDEV_GUEST_EVENTS_CONSUMED), o->count);
		return 1;
	case MSG_DO_RING:
		ring_often(p, o);
		return 1;
	case MSG_DO_DEAF:
		messages_of(p)->queues[o->queue].deaf = o->count;
		msg_events(p, o->queue);
		/* what was held back because of us is looked at when we ring */
		ring_often(p, &(struct msg_order){.queue = o->queue, .count = !o->count});
		return 1;
	case MSG_DO_FLOOD:
		return flood(p, o);
	case MSG_DO_RINGS_AT:
		return msg_turn_on(p, o->queue, o);
	default:
		return 1;
	}
}

/* 1: it has ended. */
static int carry_out(struct platform *p, const struct msg_order *o)
{
	switch (o->what) {
	case MSG_DO_SEND:
		send_block(p, o, VDEV_GUEST_MSG_SEND);
		return 1;
	case MSG_DO_RECEIVE:
		send_block(p, o, VDEV_GUEST_MSG_RECEIVE);
		return 1;
	case MSG_DO_RECLAIM:
		reclaim(p, o, VDEV_GUEST_MSG_RECLAIM);
		return 1;
	case MSG_DO_RECLAIM_ALL:
		reclaim(p, o, VDEV_GUEST_MSG_RECLAIM_ALL);
		return 1;
	case MSG_DO_FILL:
		msg_fill(p, o->address, o->length, o->seed, stride_of(o));
		return 1;
	case MSG_DO_CHECK:
		msg_add(&msg_report_of(p)->wrong_after,
			msg_check(p, o->address, o->length, o->seed, stride_of(o),
				  (o->flags & MSG_MAY_BE_ZERO) != 0));
		return 1;
	case MSG_DO_LOAD:
		msg_load_set(p, o);
		return 1;
	case MSG_DO_COUNT:
		count_in(p, o);
		return 1;
	case MSG_DO_STOP:
		return msg_turn_off(p, o->queue);
	case MSG_DO_START:
		return msg_turn_on(p, o->queue, 0);
	default:
		return hostile(p, o);
	}
}

/* Orders are from the VMM, which a driver believes; a queue that there is not is a mistake all the same. */
void msg_orders_poll(struct platform *p)
{
	struct msg_orders *all = msg_orders_of(p);
	struct msg_report *r = msg_report_of(p);
	uint32_t given = told(&all->given);

	while (r->orders_done != given) {
		const struct msg_order *o = &all->orders[r->orders_done % MSG_ORDERS];

		if (o->queue < MSG_QUEUES && !carry_out(p, o))
			break;
		__atomic_fetch_add(&r->orders_done, 1, __ATOMIC_RELEASE);
	}
	for (uint32_t i = 0; i < MSG_QUEUES; i++)
		msg_ring(p, i);
}
