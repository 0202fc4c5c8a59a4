/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the queues' registers share: a function with queues, and a driver that uses them. */
#ifndef TEST_PVDEV_QUEUES_RIG_H
#define TEST_PVDEV_QUEUES_RIG_H

#include "test_pvdev_rig.h"

#define QUEUES 3u
#define RING UINT64_C(0x123456000)
#define EVENTS UINT64_C(0x234567000)
#define DOORBELL(q) (VDEV_GUEST_QUEUE_DOORBELL + 4u * (q))

static inline void begin_queues(struct rig *g)
{
	const struct vdev_pvdev_config c = {.queues = QUEUES, .queue_size = 64};

	rig_begin(g, &c);
	rig_features(g, ALL_FEATURES | VDEV_GUEST_F_MESSAGES);
	assert_int_equal(rd(g, VDEV_GUEST_STATUS), STATUS_READY);
	while (rd(g, VDEV_GUEST_EVENT))
		wr(g, VDEV_GUEST_EVENT_POP, 1);
	g->mask = 0;
}

static inline void put_rings(struct rig *g, uint32_t queue)
{
	wr(g, VDEV_GUEST_QUEUE_SELECT, queue);
	wr(g, VDEV_GUEST_QUEUE_SIZE, 64);
	wr(g, VDEV_GUEST_QUEUE_EVENTS_SIZE, 128);
	rig_write(g, VDEV_GUEST_QUEUE_ADDRESS_LO, RING, 8);
	rig_write(g, VDEV_GUEST_QUEUE_EVENTS_LO, EVENTS, 8);
}

static inline int put_state(struct rig *g, uint32_t queue, uint32_t state)
{
	wr(g, VDEV_GUEST_QUEUE_SELECT, queue);
	return wr(g, VDEV_GUEST_QUEUE_STATE, state);
}

static inline uint32_t get_state(struct rig *g, uint32_t queue)
{
	wr(g, VDEV_GUEST_QUEUE_SELECT, queue);
	return rd(g, VDEV_GUEST_QUEUE_STATE);
}

static inline void turn_on(struct rig *g, uint32_t queue)
{
	put_rings(g, queue);
	assert_int_equal(put_state(g, queue, VDEV_GUEST_QUEUE_ON), VDEV_PVDEV_QUEUE);
	assert_int_equal(rd(g, VDEV_GUEST_QUEUE_STATE), VDEV_GUEST_QUEUE_ON);
}

#endif
