/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues of the management function: on and off, and what the driver does in its turn. */
#include <vdev/guest.h>

#include "driver.h"

#define LOOK_MS 2u

static uint32_t get(struct platform *p, uint32_t offset)
{
	return platform_read(p, driver_of(p)->pv_registers + offset, 4);
}

static void put(struct platform *p, uint32_t offset, uint32_t value)
{
	platform_write(p, driver_of(p)->pv_registers + offset, 4, value);
}

uint32_t msg_state(struct platform *p, uint32_t queue)
{
	put(p, VDEV_GUEST_QUEUE_SELECT, queue);
	return get(p, VDEV_GUEST_QUEUE_STATE);
}

/* What waited for an event of this queue will not be told any more. */
void msg_forget(struct platform *p, uint32_t queue)
{
	struct messages *m = messages_of(p);
	struct msg_queue *q = &m->queues[queue];

	for (uint32_t i = 0; i < MSG_TRACKED; i++)
		if (m->tracks[i].used && m->tracks[i].queue == queue) {
			m->tracks[i].used = 0;
			__atomic_fetch_sub(&msg_report_of(p)->in_flight, 1, __ATOMIC_RELAXED);
		}
	for (uint32_t i = 0; i < MSG_LOAD_BLOCKS; i++)
		q->load.blocks[i].state = BLOCK_NEW;
	q->outstanding = 0;
	q->produced = q->consumed = q->rung = q->lost_seen = 0;
}

static void zero(struct platform *p, uint32_t queue)
{
	volatile uint64_t *rings = msg_descriptors(p, queue, 0);

	for (uint32_t i = 0; i < VDEV_GUEST_RING_FIRST / 8; i++)
		rings[i] = 0;
	rings = msg_entries(p, queue, 0);
	for (uint32_t i = 0; i < VDEV_GUEST_EVENTS_FIRST / 8; i++)
		rings[i] = 0;
}

static void put_rings(struct platform *p, uint64_t address, uint64_t events, uint32_t size,
		      uint32_t events_size)
{
	put(p, VDEV_GUEST_QUEUE_SIZE, size);
	put(p, VDEV_GUEST_QUEUE_EVENTS_SIZE, events_size);
	put(p, VDEV_GUEST_QUEUE_ADDRESS_LO, (uint32_t)address);
	put(p, VDEV_GUEST_QUEUE_ADDRESS_HI, (uint32_t)(address >> 32));
	put(p, VDEV_GUEST_QUEUE_EVENTS_LO, (uint32_t)events);
	put(p, VDEV_GUEST_QUEUE_EVENTS_HI, (uint32_t)(events >> 32));
	put(p, VDEV_GUEST_QUEUE_STATE, VDEV_GUEST_QUEUE_ON);
}

int msg_turn_on(struct platform *p, uint32_t queue, const struct msg_order *rings)
{
	uint64_t own = MSG_RINGS + (uint64_t)queue * MSG_RING_STRIDE;
	struct msg_queue *q = &messages_of(p)->queues[queue];

	if (msg_state(p, queue) == VDEV_GUEST_QUEUE_STOPPING)
		return 0;
	msg_forget(p, queue);
	zero(p, queue);
	if (rings)
		put_rings(p, rings->address, rings->target, rings->length, rings->count);
	else
		put_rings(p, own, own + MSG_EVENTS_AT, MSG_SIZE, MSG_EVENTS_SIZE);
	q->state = rings ? QUEUE_DOWN : QUEUE_UP;
	if (msg_state(p, queue) != VDEV_GUEST_QUEUE_ON) {
		q->state = QUEUE_DOWN;
		count(&msg_report_of(p)->refused_on);
	} else if (!rings) {
		__atomic_fetch_add(&msg_report_of(p)->queues_on, 1, __ATOMIC_RELEASE);
	}
	return 1;
}

int msg_turn_off(struct platform *p, uint32_t queue)
{
	struct msg_queue *q = &messages_of(p)->queues[queue];
	uint32_t state = msg_state(p, queue);

	if (q->state == QUEUE_UP)
		__atomic_fetch_sub(&msg_report_of(p)->queues_on, 1, __ATOMIC_RELEASE);
	q->state = QUEUE_DOWN;
	if (state == VDEV_GUEST_QUEUE_ON || state == VDEV_GUEST_QUEUE_BROKEN)
		put(p, VDEV_GUEST_QUEUE_STATE, VDEV_GUEST_QUEUE_OFF);
	if (msg_state(p, queue) != VDEV_GUEST_QUEUE_OFF)
		return 0;
	msg_forget(p, queue);
	return 1;
}

/* Wanted by the VMM's orders, and there. */
int messages_wanted(struct platform *p)
{
	return told(&msg_orders_of(p)->queues) != 0;
}

uint32_t messages_hints_wanted(struct platform *p)
{
	const struct source_orders *o = platform_ram(p, GUEST_SOURCE_ORDERS);

	return told(&o->no_hints) ? 0 : (uint32_t)VDEV_GUEST_F_HINTS;
}

/* STATUS was 0: the queues are stopping, and are turned on again when they are off. */
void messages_reset(struct platform *p)
{
	for (uint32_t i = 0; i < MSG_QUEUES; i++) {
		msg_forget(p, i);
		messages_of(p)->queues[i].state = QUEUE_NEW;
	}
	__atomic_store_n(&msg_report_of(p)->queues_on, 0, __ATOMIC_RELEASE);
	/* the report outlives a reboot, what it counted does not */
	__atomic_store_n(&msg_report_of(p)->in_flight, 0, __ATOMIC_RELEASE);
}

void msg_look_broken(struct platform *p)
{
	for (uint32_t i = 0; i < MSG_QUEUES && i < get(p, VDEV_GUEST_QUEUE_COUNT); i++)
		if (msg_state(p, i) == VDEV_GUEST_QUEUE_BROKEN)
			count(&msg_report_of(p)->broken);
}

void messages_interrupt(struct platform *p)
{
	if (!messages_wanted(p))
		return;
	for (uint32_t i = 0; i < MSG_QUEUES; i++)
		msg_events(p, i);
	if (!(get(p, VDEV_GUEST_IRQ_STATUS) & VDEV_GUEST_IRQ_QUEUES))
		return;
	put(p, VDEV_GUEST_IRQ_STATUS, VDEV_GUEST_IRQ_QUEUES);
	msg_look_broken(p);
}

static void turn_on_new(struct platform *p, uint32_t queue)
{
	struct msg_queue *q = &messages_of(p)->queues[queue];

	if (q->state != QUEUE_NEW || platform_ms(p) - q->looked_ms < LOOK_MS)
		return;
	q->looked_ms = platform_ms(p);
	msg_turn_on(p, queue, 0);
}

int messages_poll(struct platform *p, uint32_t cpu)
{
	int busy = count_poll(p, cpu);

	if (cpu || !driver_of(p)->pv_up || !messages_wanted(p))
		return busy;
	for (uint32_t i = 0; i < MSG_QUEUES && i < told(&msg_orders_of(p)->queues); i++)
		turn_on_new(p, i);
	msg_orders_poll(p);
	for (uint32_t i = 0; i < MSG_QUEUES; i++)
		busy |= msg_load_poll(p, i);
	return busy;
}
