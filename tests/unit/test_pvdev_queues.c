/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: registers of the queues of messages, who turns them on and off. */
#include "test_pvdev_queues_rig.h"

static void what_is_offered(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	assert_int_equal(rd(&g, VDEV_GUEST_DEVICE_FEATURES),
			 ALL_FEATURES | VDEV_GUEST_F_MESSAGES | VDEV_GUEST_F_HINTS);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_COUNT), QUEUES);
	for (uint32_t q = 0; q < 5; q++) {
		wr(&g, VDEV_GUEST_QUEUE_SELECT, q);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SELECT), q);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_MAX), q < QUEUES ? 64 : 0);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_STATE), VDEV_GUEST_QUEUE_OFF);
	}
	rig_end(&g);
}

/* What the VMM may count on: nothing before the handshake is complete, and nothing that was not wanted (H3). */
static void agreed_features(void **state)
{
	const uint32_t all = ALL_FEATURES | VDEV_GUEST_F_MESSAGES | VDEV_GUEST_F_HINTS;
	const struct vdev_pvdev_config c = {.queues = QUEUES, .queue_size = 64};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	rig_features(&g, all);
	assert_int_equal(vdev_pvdev_features(g.pvdev), all);
	wr(&g, VDEV_GUEST_STATUS, 0);
	assert_int_equal(vdev_pvdev_features(g.pvdev), 0);
	wr(&g, VDEV_GUEST_STATUS, VDEV_GUEST_S_DRIVER);
	wr(&g, VDEV_GUEST_DRIVER_FEATURES, VDEV_GUEST_F_REMOVAL | VDEV_GUEST_F_HINTS);
	wr(&g, VDEV_GUEST_STATUS, VDEV_GUEST_S_DRIVER | VDEV_GUEST_S_FEATURES_OK);
	assert_int_equal(rd(&g, VDEV_GUEST_STATUS), VDEV_GUEST_S_DRIVER); /* hints need rings */
	wr(&g, VDEV_GUEST_DRIVER_FEATURES, ALL_FEATURES | VDEV_GUEST_F_MESSAGES);
	wr(&g, VDEV_GUEST_STATUS, VDEV_GUEST_S_DRIVER | VDEV_GUEST_S_FEATURES_OK);
	assert_int_equal(vdev_pvdev_features(g.pvdev), 0);
	wr(&g, VDEV_GUEST_STATUS, STATUS_READY);
	assert_int_equal(vdev_pvdev_features(g.pvdev), ALL_FEATURES | VDEV_GUEST_F_MESSAGES);
	assert_int_equal(vdev_pvdev_features(NULL), -EINVAL);
	rig_end(&g);
}

static void rings_as_they_were_written(void **state)
{
	struct vdev_pvqueue_rings r = {0};
	struct rig g;

	(void)state;
	begin_queues(&g);
	turn_on(&g, 2);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 64);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_EVENTS_SIZE), 128);
	assert_int_equal(rig_read(&g, VDEV_GUEST_QUEUE_ADDRESS_LO, 8), RING);
	assert_int_equal(rig_read(&g, VDEV_GUEST_QUEUE_EVENTS_LO, 8), EVENTS);
	assert_int_equal(vdev_pvdev_queue(g.pvdev, 2, &r, sizeof(r)), VDEV_GUEST_QUEUE_ON);
	assert_int_equal(r.struct_size, sizeof(r));
	assert_int_equal(r.size, 64);
	assert_int_equal(r.events_size, 128);
	assert_int_equal(r.address, RING);
	assert_int_equal(r.events, EVENTS);
	assert_int_equal(r.reserved, 0);
	assert_int_equal(vdev_pvdev_queue(g.pvdev, 0, NULL, 0), VDEV_GUEST_QUEUE_OFF);
	assert_int_equal(vdev_pvdev_queue(g.pvdev, QUEUES, &r, sizeof(r)), -ENOENT);
	/* an older caller gets what it knows */
	memset(&r, 0x5a, sizeof(r));
	assert_int_equal(vdev_pvdev_queue(g.pvdev, 2, &r, 8), VDEV_GUEST_QUEUE_ON);
	assert_int_equal(r.struct_size, 8);
	assert_int_equal(r.events_size, 0x5a5a5a5a);
	/* on: they are fixed */
	wr(&g, VDEV_GUEST_QUEUE_SIZE, 2);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 64);
	assert_int_equal(rig_stats(&g).queues_on, 1);
	rig_end(&g);
}

/* One wrong thing each: the queue stays off, the driver reads it back. */
static void not_turned_on(void **state)
{
	static const struct {
		uint32_t reg, value;
	} wrong[] = {
		{VDEV_GUEST_QUEUE_SIZE, 0},
		{VDEV_GUEST_QUEUE_SIZE, 128},
		{VDEV_GUEST_QUEUE_SIZE, 63},
		{VDEV_GUEST_QUEUE_EVENTS_SIZE, 32},
		{VDEV_GUEST_QUEUE_EVENTS_SIZE, UINT32_MAX},
		{VDEV_GUEST_QUEUE_ADDRESS_LO, 0x20},
		{VDEV_GUEST_QUEUE_EVENTS_LO, 4},
		{VDEV_GUEST_QUEUE_SELECT, QUEUES},
		{VDEV_GUEST_QUEUE_SELECT, UINT32_MAX},
	};
	struct rig g;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(wrong); i++) {
		uint64_t bad;

		begin_queues(&g);
		put_rings(&g, 0);
		wr(&g, wrong[i].reg, wrong[i].value);
		bad = rig_stats(&g).bad_access;
		assert_int_equal(wr(&g, VDEV_GUEST_QUEUE_STATE, VDEV_GUEST_QUEUE_ON), 0);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_STATE), VDEV_GUEST_QUEUE_OFF);
		assert_int_equal(rig_stats(&g).bad_access, bad + 1);
		rig_end(&g);
	}
}

static void only_on_and_off_are_written(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	put_rings(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_STOPPING), 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_BROKEN), 0);
	assert_int_equal(put_state(&g, 0, UINT32_MAX), 0);
	assert_int_equal(rig_stats(&g).queues_refused, 3);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_OFF), 0);
	assert_int_equal(rig_stats(&g).queues_refused, 3);
	assert_int_equal(get_state(&g, 0), VDEV_GUEST_QUEUE_OFF);
	turn_on(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0); /* is on already */
	rig_end(&g);
}

static void needs_the_feature_and_the_handshake(void **state)
{
	const struct vdev_pvdev_config c = {.queues = 1};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	put_rings(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0);
	rig_features(&g, ALL_FEATURES);
	put_rings(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0);
	rig_features(&g, ALL_FEATURES | VDEV_GUEST_F_MESSAGES);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 0); /* STATUS was 0 meanwhile */
	put_rings(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), VDEV_PVDEV_QUEUE);
	rig_end(&g);
}

static void costs_a_command(void **state)
{
	const struct vdev_pvdev_config c = {.queues = 1, .command_quota = 4};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	rig_features(&g, ALL_FEATURES | VDEV_GUEST_F_MESSAGES); /* costs 1 */
	for (int i = 0; i < 5; i++) {
		put_rings(&g, 0);
		assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON),
				 i < 3 ? VDEV_PVDEV_QUEUE : 0);
		put_state(&g, 0, VDEV_GUEST_QUEUE_OFF);
		vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_OFF);
	}
	assert_int_equal(rig_stats(&g).over_quota, 2);
	rig_end(&g);
}

/* Off is the VMM's to say: when nothing is lent any more. */
static void stopping_takes_its_time(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	turn_on(&g, 1);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_OFF), -EBUSY);
	assert_int_equal(put_state(&g, 1, VDEV_GUEST_QUEUE_OFF), VDEV_PVDEV_QUEUE);
	assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_STOPPING);
	assert_int_equal(put_state(&g, 1, VDEV_GUEST_QUEUE_OFF), 0);
	assert_int_equal(put_state(&g, 1, VDEV_GUEST_QUEUE_ON), 0);
	assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_STOPPING);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_BROKEN), -EBUSY);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_OFF), 0);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_OFF), 0);
	assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_OFF);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 0);
	turn_on(&g, 1);
	rig_end(&g);
}

static void broken_is_told(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_BROKEN), -EBUSY);
	turn_on(&g, 0);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_BROKEN),
			 VDEV_PVDEV_RAISE);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_BROKEN), 0);
	assert_int_equal(rig_stats(&g).queues_broken, 1);
	assert_int_equal(get_state(&g, 0), VDEV_GUEST_QUEUE_BROKEN);
	assert_int_equal(rd(&g, VDEV_GUEST_IRQ_STATUS), VDEV_GUEST_IRQ_QUEUES);
	assert_int_equal(wr(&g, DOORBELL(0), 1), 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_OFF), VDEV_PVDEV_QUEUE);
	assert_int_equal(get_state(&g, 0), VDEV_GUEST_QUEUE_STOPPING);
	rig_end(&g);
}

static void doorbells(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	turn_on(&g, 0);
	turn_on(&g, 2);
	assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 0);
	assert_int_equal(wr(&g, DOORBELL(0), 0), VDEV_PVDEV_DOORBELL);
	assert_int_equal(wr(&g, DOORBELL(1), 1), 0); /* is off */
	assert_int_equal(wr(&g, DOORBELL(2), UINT32_MAX), VDEV_PVDEV_DOORBELL);
	assert_int_equal(wr(&g, DOORBELL(3), 1), 0); /* there is none */
	assert_int_equal(rd(&g, DOORBELL(0)), 0);
	assert_int_equal(rig_stats(&g).doorbells, 2);
	assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 0x5);
	assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 0);
	rig_end(&g);
}

/* For those without MSI: a bit and a line that stay until the guest has seen them. */
static void interrupt_of_the_queues(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
	assert_int_equal(vdev_pvdev_queue_irq(g.pvdev), 0);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 1);
	assert_int_equal(rd(&g, VDEV_GUEST_IRQ_STATUS), VDEV_GUEST_IRQ_QUEUES);
	wr(&g, VDEV_GUEST_IRQ_STATUS, VDEV_GUEST_IRQ_EVENTS); /* not what is written */
	assert_int_equal(vdev_pvdev_line(g.pvdev), 1);
	wr(&g, VDEV_GUEST_IRQ_STATUS, VDEV_GUEST_IRQ_QUEUES);
	assert_int_equal(rd(&g, VDEV_GUEST_IRQ_STATUS), 0);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
	rig_end(&g);
}

/* Z3: whoever resets the function asks for everything back, whatever way it is done. */
static void reset_stops_all(void **state)
{
	struct rig g;

	(void)state;
	for (int how = 0; how < 3; how++) {
		begin_queues(&g);
		turn_on(&g, 0);
		turn_on(&g, 1);
		vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_BROKEN);
		put_rings(&g, 2);
		wr(&g, DOORBELL(0), 1);
		if (how == 0)
			assert_int_equal(wr(&g, VDEV_GUEST_STATUS, 0) & VDEV_PVDEV_QUEUE,
					 VDEV_PVDEV_QUEUE);
		else if (how == 1)
			assert_int_equal(wr(&g, VDEV_GUEST_STATUS, STATUS_READY | 0x80) &
						 VDEV_PVDEV_QUEUE,
					 VDEV_PVDEV_QUEUE);
		else
			assert_int_equal(vdev_pvdev_reset(g.pvdev, g.now) & VDEV_PVDEV_QUEUE,
					 VDEV_PVDEV_QUEUE);
		assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 0);
		assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
		assert_int_equal(get_state(&g, 0), VDEV_GUEST_QUEUE_STOPPING);
		assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_STOPPING);
		assert_int_equal(get_state(&g, 2), VDEV_GUEST_QUEUE_OFF);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 0);
		rig_features(&g, ALL_FEATURES | VDEV_GUEST_F_MESSAGES);
		put_rings(&g, 0);
		assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0);
		vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_OFF);
		turn_on(&g, 0);
		rig_end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_offered),
		cmocka_unit_test(agreed_features),
		cmocka_unit_test(rings_as_they_were_written),
		cmocka_unit_test(not_turned_on),
		cmocka_unit_test(only_on_and_off_are_written),
		cmocka_unit_test(needs_the_feature_and_the_handshake),
		cmocka_unit_test(costs_a_command),
		cmocka_unit_test(stopping_takes_its_time),
		cmocka_unit_test(broken_is_told),
		cmocka_unit_test(doorbells),
		cmocka_unit_test(interrupt_of_the_queues),
		cmocka_unit_test(reset_stops_all),
	};

	return cmocka_run_group_tests_name("pvdev_queues", tests, NULL, NULL);
}
