/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers of the queues: where their rings are and whether they are on. What is in the rings is not
 * seen from here (ring.h).
 *
 *   OFF --guest: ON--> ON --VMM--> BROKEN
 *    ^                 |             |
 *    |            guest: OFF, reset, FAILED
 *    |                 v             v
 *    +------VMM------- STOPPING <----+        all of its blocks are the guest's own again
 */
#include <string.h>

#include "internal.h"
#include "ring.h"

static uint32_t *field(struct pvdev_queue *q, uint32_t offset)
{
	switch (offset) {
	case VDEV_GUEST_QUEUE_SIZE:
		return &q->size;
	case VDEV_GUEST_QUEUE_EVENTS_SIZE:
		return &q->events_size;
	case VDEV_GUEST_QUEUE_ADDRESS_LO:
		return &q->address[0];
	case VDEV_GUEST_QUEUE_ADDRESS_HI:
		return &q->address[1];
	case VDEV_GUEST_QUEUE_EVENTS_LO:
		return &q->events[0];
	case VDEV_GUEST_QUEUE_EVENTS_HI:
		return &q->events[1];
	default:
		return NULL;
	}
}

static struct pvdev_queue *selected(const struct vdev_pvdev *p)
{
	return p->select < p->config.queues ? &p->queues[p->select] : NULL;
}

static bool is_doorbell(const struct vdev_pvdev *p, uint32_t offset)
{
	return offset >= VDEV_GUEST_QUEUE_DOORBELL &&
	       offset < VDEV_GUEST_QUEUE_DOORBELL + 4u * p->config.queues;
}

bool vdev__pvdev_queue_read(const struct vdev_pvdev *p, uint32_t offset, uint32_t *value)
{
	struct pvdev_queue *q = selected(p);
	const uint32_t *f = q ? field(q, offset) : NULL;

	*value = f ? *f : 0;
	if (!p->config.queues)
		return false;
	switch (offset) {
	case VDEV_GUEST_QUEUE_COUNT:
		*value = p->config.queues;
		return true;
	case VDEV_GUEST_QUEUE_SELECT:
		*value = p->select;
		return true;
	case VDEV_GUEST_QUEUE_MAX:
		*value = q ? p->config.queue_size : 0;
		return true;
	case VDEV_GUEST_QUEUE_STATE:
		*value = q ? q->state : VDEV_GUEST_QUEUE_OFF;
		return true;
	default:
		return f || is_doorbell(p, offset);
	}
}

static void move(struct vdev_pvdev *p, struct pvdev_queue *q, uint32_t state)
{
	uint32_t index = (uint32_t)(q - p->queues);

	q->state = state;
	if (state != VDEV_GUEST_QUEUE_ON)
		p->doorbells &= ~(UINT64_C(1) << index);
	vdev__pvdev_trace(p, VDEV_PVDEV_EV_QUEUE, 0, 0, (uint64_t)index << 32 | state);
}

static void rings_of(const struct pvdev_queue *q, struct vdev_pvqueue_rings *ret)
{
	*ret = (struct vdev_pvqueue_rings){
		.struct_size = sizeof(*ret),
		.size = q->size,
		.events_size = q->events_size,
		.address = (uint64_t)q->address[1] << 32 | q->address[0],
		.events = (uint64_t)q->events[1] << 32 | q->events[0],
	};
}

bool vdev__pvdev_queue_ok(const struct vdev_pvdev *p, const struct pvdev_queue *q)
{
	struct vdev_pvqueue_rings rings;

	rings_of(q, &rings);
	return vdev__ring_rings_ok(&rings, p->config.queue_size);
}

/* Each time costs the VMM something, so it costs the guest a command. */
static bool may_turn_on(struct vdev_pvdev *p, const struct pvdev_queue *q)
{
	return q->state == VDEV_GUEST_QUEUE_OFF && vdev__pvdev_ready(p) &&
	       (p->driver_features & (uint32_t)VDEV_GUEST_F_MESSAGES) &&
	       vdev__pvdev_queue_ok(p, q) && vdev__pvdev_charge(p, 1);
}

static bool is_running(const struct pvdev_queue *q)
{
	return q->state == VDEV_GUEST_QUEUE_ON || q->state == VDEV_GUEST_QUEUE_BROKEN;
}

static int put_state(struct vdev_pvdev *p, struct pvdev_queue *q, uint32_t value, bool *bad)
{
	if (value == VDEV_GUEST_QUEUE_OFF && is_running(q)) {
		move(p, q, VDEV_GUEST_QUEUE_STOPPING);
		return VDEV_PVDEV_QUEUE;
	}
	if (value == VDEV_GUEST_QUEUE_OFF)
		return 0;
	if (value != VDEV_GUEST_QUEUE_ON || !may_turn_on(p, q)) {
		p->stats.queues_refused++;
		*bad = true;
		return 0;
	}
	p->stats.queues_on++;
	move(p, q, VDEV_GUEST_QUEUE_ON);
	return VDEV_PVDEV_QUEUE;
}

static int ring_doorbell(struct vdev_pvdev *p, uint32_t index, bool *bad)
{
	if (p->queues[index].state != VDEV_GUEST_QUEUE_ON) {
		*bad = true;
		return 0;
	}
	p->stats.doorbells++;
	p->doorbells |= UINT64_C(1) << index;
	return VDEV_PVDEV_DOORBELL;
}

int vdev__pvdev_queue_write(struct vdev_pvdev *p, uint32_t offset, uint32_t value, bool *bad)
{
	struct pvdev_queue *q;
	uint32_t *f;

	if (is_doorbell(p, offset))
		return ring_doorbell(p, (offset - VDEV_GUEST_QUEUE_DOORBELL) / 4u, bad);
	q = selected(p);
	f = q && q->state == VDEV_GUEST_QUEUE_OFF ? field(q, offset) : NULL;
	if (q && offset == VDEV_GUEST_QUEUE_STATE)
		return put_state(p, q, value, bad);
	if (p->config.queues && offset == VDEV_GUEST_QUEUE_SELECT)
		p->select = value;
	else if (f)
		*f = value;
	else
		*bad = true;
	return 0;
}

int vdev__pvdev_queues_stop(struct vdev_pvdev *p)
{
	int mask = 0;

	for (uint32_t i = 0; i < p->config.queues; i++)
		if (is_running(&p->queues[i])) {
			move(p, &p->queues[i], VDEV_GUEST_QUEUE_STOPPING);
			mask = VDEV_PVDEV_QUEUE;
		} else if (p->queues[i].state == VDEV_GUEST_QUEUE_OFF) {
			memset(&p->queues[i], 0, sizeof(p->queues[i]));
		}
	p->doorbells = 0;
	p->queue_irq = 0;
	return mask;
}

int vdev_pvdev_queue(const struct vdev_pvdev *pvdev, uint32_t index,
		     struct vdev_pvqueue_rings *ret_rings, size_t size)
{
	struct vdev_pvqueue_rings rings;

	if (!pvdev || (ret_rings && size < sizeof(rings.struct_size)))
		return -EINVAL;
	if (index >= pvdev->config.queues)
		return -ENOENT;
	rings_of(&pvdev->queues[index], &rings);
	if (ret_rings) {
		vdev__copy_out(ret_rings, size, &rings, sizeof(rings));
		ret_rings->struct_size = size < sizeof(rings) ? (uint32_t)size : sizeof(rings);
	}
	return (int)pvdev->queues[index].state;
}

int vdev_pvdev_queue_set(struct vdev_pvdev *pvdev, uint32_t index, uint32_t state)
{
	struct pvdev_queue *q;

	if (!pvdev || (state != VDEV_GUEST_QUEUE_OFF && state != VDEV_GUEST_QUEUE_BROKEN))
		return -EINVAL;
	if (index >= pvdev->config.queues)
		return -ENOENT;
	q = &pvdev->queues[index];
	if (q->state == state)
		return 0;
	if (q->state == VDEV_GUEST_QUEUE_STOPPING && state == VDEV_GUEST_QUEUE_OFF) {
		memset(q, 0, sizeof(*q));
		move(pvdev, q, state);
		return 0;
	}
	if (q->state != VDEV_GUEST_QUEUE_ON || state != VDEV_GUEST_QUEUE_BROKEN)
		return -EBUSY;
	move(pvdev, q, state);
	pvdev->stats.queues_broken++;
	pvdev->queue_irq = 1;
	return VDEV_PVDEV_RAISE;
}

uint64_t vdev_pvdev_doorbells(struct vdev_pvdev *pvdev)
{
	uint64_t bits;

	if (!pvdev)
		return 0;
	bits = pvdev->doorbells;
	pvdev->doorbells = 0;
	return bits;
}

int vdev_pvdev_queue_irq(struct vdev_pvdev *pvdev)
{
	if (!pvdev)
		return -EINVAL;
	pvdev->queue_irq = pvdev->config.queues != 0;
	return 0;
}
