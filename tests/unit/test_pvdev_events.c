/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: the event queue, perform() (R9, R10). */
#include "test_pvdev_rig.h"

static void pop(struct rig *g)
{
	wr(g, VDEV_GUEST_EVENT_POP, 0);
}

static uint32_t cookie(struct rig *g)
{
	return rd(g, VDEV_GUEST_EVENT_COOKIE);
}

static void perform_refuses(void **state)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN,
					 VDEV_REMOVAL_REDECLARE, VDEV_REMOVAL_ANNOUNCE,
					 VDEV_REMOVAL_REANNOUNCE};
	static const uint32_t others[] = {0,
					  VDEV_CANCEL,
					  VDEV_REMOVAL_AWAIT_ACK,
					  VDEV_REMOVAL_HIDE,
					  VDEV_REMOVAL_OUTCOME,
					  VDEV_REMOVAL_OWN_STEP_FIRST};
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	for (size_t i = 0; i < VT_COUNT(others); i++)
		assert_int_equal(rig_perform(&g, others[i], g.disk, 1), -EOPNOTSUPP);
	for (size_t i = 0; i < VT_COUNT(kinds); i++) {
		assert_int_equal(rig_perform(&g, kinds[i], g.nic, 1), -EOPNOTSUPP);
		assert_int_equal(rig_perform(&g, kinds[i], g.disk + 12345, 1), -ENOENT);
	}
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.mute, 1), -ENOENT);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, g.mute, 1), -ENOENT);
	vdev_removal_set_address(g.removal, g.mute, VDEV_GUEST_ALL);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.mute, 1), -ENOENT);
	vdev_removal_set_address(g.removal, g.mute, FAR);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.mute, 1), -ENOENT);
	vdev_removal_set_address(g.removal, g.mute, VDEV_GUEST_ALL - 1);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.mute, 1), 0);
	wr(&g, VDEV_GUEST_STATUS, 0);
	for (size_t i = 0; i < VT_COUNT(kinds); i++)
		assert_int_equal(rig_perform(&g, kinds[i], g.disk, 1),
				 kinds[i] == VDEV_REMOVAL_UNWARN ? 0 : -EAGAIN);
	assert_int_equal(rig_stats(&g).lost_events, 0);
	rig_end(&g);
}

static void every_kind_of_event(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, g.disk, 0), 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0), 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_ANNOUNCE, g.disk, 0), 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REANNOUNCE, g.mute, 0), 0);
	vdev_removal_set_address(g.removal, g.mute, FAR);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_ANNOUNCE, g.mute, 0), 0);
	expect_event(&g, VDEV_GUEST_EVENT_REDECLARE, DISK);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_REDECLARE, VDEV_GUEST_ALL);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_DEVICE_ADDED, DISK);
	assert_int_equal(cookie(&g), 0);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_TIME_MS), 0);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_DEVICE_ADDED, VDEV_GUEST_ALL);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_DEVICE_ADDED, VDEV_GUEST_ALL);
	pop(&g);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	pop(&g); /* of an empty queue */
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	rig_end(&g);
}

/* A function below a slot is announced through the slot's transport. */
static void transport_of_the_target_counts(void **state)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = VDEV_REMOVAL_PCI_SLOT,
				      .transport = VDEV_REMOVAL_PVDEV};
	uint64_t slot, function;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	assert_true(vdev_removal_add(g.removal, g.now, &u, &slot) >= 0);
	u.unit_class = VDEV_REMOVAL_PCI_FUNCTION;
	u.transport = VDEV_REMOVAL_NO_TRANSPORT;
	u.parent = slot;
	u.flags = VDEV_REMOVAL_HOTPLUG;
	assert_true(vdev_removal_add(g.removal, g.now, &u, &function) >= 0);
	vdev_removal_set_address(g.removal, function, 0x600);
	rig_pump(&g);
	assert_int_equal(g.warned, 0);
	expect_event(&g, VDEV_GUEST_EVENT_DEVICE_ADDED, 0x600);
	rig_end(&g);
}

/* Only a slot lends its transport; whatever else is above a unit does not. */
static void a_bridge_lends_no_transport(void **state)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = VDEV_REMOVAL_PCI_BRIDGE,
				      .transport = VDEV_REMOVAL_PVDEV};
	uint64_t bridge, slot, function;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	assert_true(vdev_removal_add(g.removal, g.now, &u, &bridge) >= 0);
	u.unit_class = VDEV_REMOVAL_PCI_FUNCTION;
	u.transport = VDEV_REMOVAL_NO_TRANSPORT;
	u.parent = bridge;
	assert_true(vdev_removal_add(g.removal, g.now, &u, &function) >= 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_ANNOUNCE, function, 0), -EOPNOTSUPP);
	u.unit_class = VDEV_REMOVAL_PCI_SLOT;
	u.transport = VDEV_REMOVAL_PCIE;
	assert_true(vdev_removal_add(g.removal, g.now, &u, &slot) >= 0);
	u.unit_class = VDEV_REMOVAL_PCI_FUNCTION;
	u.transport = VDEV_REMOVAL_NO_TRANSPORT;
	u.parent = slot;
	assert_true(vdev_removal_add(g.removal, g.now, &u, &function) >= 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_ANNOUNCE, function, 0), -EOPNOTSUPP);
	u.parent = 0;
	assert_true(vdev_removal_add(g.removal, g.now, &u, &function) >= 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_ANNOUNCE, function, 0), -EOPNOTSUPP);
	rig_end(&g);
}

/* UNBOUND makes the engine ask for a new declaration. */
static void unbound_is_asked_again(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_UNBOUND, DISK, 0, 0), VDEV_GUEST_R_OK);
	assert_true(g.mask & VDEV_PVDEV_DISPATCH);
	expect_event(&g, VDEV_GUEST_EVENT_REDECLARE, DISK);
	rig_end(&g);
}

/* A reminder says nothing new while the first is queued, and keeps the cookie afterwards. */
static void reminders_keep_the_cookie(void **state)
{
	struct rig g;
	uint32_t first;
	uint64_t events;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_RETRY, 3);
	first = cookie(&g);
	events = rig_stats(&g).events;
	rig_wait(&g, 11 * SECOND);
	assert_int_equal(rig_stats(&g).events, events);
	pop(&g);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	rig_wait(&g, 11 * SECOND);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	assert_int_equal(cookie(&g), first);
	pop(&g);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, first), VDEV_GUEST_R_OK);
	rig_end(&g);
}

/* A request that began anew has a new cookie, also when nobody took the old one back. */
static void new_request_new_cookie(void **state)
{
	struct rig g;
	uint32_t first, second;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 1), 0);
	first = cookie(&g);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 1), 0);
	assert_int_equal(cookie(&g), first); /* the head stays */
	pop(&g);
	second = cookie(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	assert_int_not_equal(second, first);
	pop(&g);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 1), 0);
	assert_int_not_equal(cookie(&g), second);
	pop(&g);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	rig_end(&g);
}

static void unwarn_of_a_popped_request(void **state)
{
	struct rig g;
	uint32_t c;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	c = cookie(&g);
	pop(&g);
	/* The unit moves meanwhile: what was said is taken back as it was said. */
	vdev_removal_set_address(g.removal, g.disk, NOWHERE);
	assert_true(vdev_removal_cancel(g.removal, g.now, g.disk) >= 0);
	rig_pump(&g);
	assert_true(g.outcomes & 1u << VDEV_REMOVAL_CANCELLED);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT_CANCELLED, DISK);
	assert_int_equal(cookie(&g), c);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, NOWHERE, 0, c), VDEV_GUEST_R_STALE);
	assert_int_equal(g.hides, 0);
	rig_end(&g);
}

/* Not read yet: it vanishes; at the head it may be half read, so both come. */
static void unwarn_of_a_queued_request(void **state)
{
	struct rig g;
	uint32_t c;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	rig_perform(&g, VDEV_REMOVAL_ANNOUNCE, g.disk, 0);
	vdev_removal_cancel(g.removal, g.now, g.disk);
	rig_pump(&g);
	expect_event(&g, VDEV_GUEST_EVENT_REDECLARE, VDEV_GUEST_ALL);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_DEVICE_ADDED, DISK);
	pop(&g);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);

	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	c = cookie(&g);
	vdev_removal_cancel(g.removal, g.now, g.disk);
	rig_pump(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	assert_int_equal(cookie(&g), c);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT_CANCELLED, DISK);
	assert_int_equal(cookie(&g), c);
	pop(&g);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	/* Taken back twice: nothing is left to say. */
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_UNWARN, g.disk, 0), 0);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	rig_end(&g);
}

static void full_queue(void **state)
{
	const struct vdev_pvdev_config c = {.max_events = 3};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	rig_ready(&g);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0), 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0), -EAGAIN);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_ANNOUNCE, g.disk, 0), -EAGAIN);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_LOST), 2);
	/* A warning comes again, so it is not lost. */
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_KEEP, 0);
	assert_int_equal(g.warned, -EAGAIN);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_LOST), 2);
	wr(&g, VDEV_GUEST_EVENT_LOST, 7);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_LOST), 0);
	assert_int_equal(rig_stats(&g).lost_events, 2);
	pop(&g);
	rig_wait(&g, 6 * SECOND);
	pop(&g);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	rig_end(&g);
}

/* A request keeps its place until it is answered, so that taking it back finds room. */
static void unwarn_always_finds_room(void **state)
{
	const struct vdev_pvdev_config c = {.max_events = 2};
	struct rig g;
	uint64_t other;

	(void)state;
	rig_begin(&g, &c);
	other = rig_unit(&g, VDEV_REMOVAL_PVDEV, NOWHERE);
	rig_ready(&g);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	pop(&g);
	rig_request(&g, other, VDEV_REMOVAL_ACK_FAIL, 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0), -EAGAIN);
	/* Both are taken back: one was popped, one is the head. */
	vdev_removal_cancel(g.removal, g.now, g.disk);
	vdev_removal_cancel(g.removal, g.now, other);
	rig_pump(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, NOWHERE);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT_CANCELLED, DISK);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT_CANCELLED, NOWHERE);
	pop(&g);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0), 0);
	rig_end(&g);
}

/* Requests that ended without a word do not hold places for ever. */
static void forced_removals_free_their_place(void **state)
{
	const struct vdev_removal_request force = {.struct_size = sizeof(force),
						   .flags = VDEV_REMOVAL_FORCE};
	const struct vdev_pvdev_config c = {.max_events = 4};
	uint64_t units[4];
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	rig_ready(&g);
	for (uint32_t i = 0; i < 4; i++) {
		units[i] = rig_unit(&g, VDEV_REMOVAL_PVDEV, 0x1000 + i);
		rig_request(&g, units[i], VDEV_REMOVAL_ACK_KEEP, 0);
		if (i < 2)
			pop(&g);
	}
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_KEEP, 0);
	assert_int_equal(g.warned, -EAGAIN);
	for (uint32_t i = 0; i < 4; i++)
		vdev_removal_request(g.removal, g.now, units[i], &force);
	rig_pump(&g);
	assert_int_equal(g.hides, 4);
	rig_wait(&g, 6 * SECOND);
	/* The head stays, whatever it was about; the one behind it is gone. */
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, 0x1002);
	pop(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	rig_end(&g);
}

/* An operation whose warning has no undo ends without UNWARN: its place is free as well. */
static void ended_requests_free_their_place(void **state)
{
	const struct vdev_pvdev_config c = {.max_events = 2};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	vdev_removal_set_address(g.removal, g.mute, NOWHERE);
	rig_ready(&g);
	/* Nothing is pending for the engine. */
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 1), 0);
	pop(&g);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.mute, 1), 0);
	pop(&g);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, g.disk, 0), 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, g.mute, 0), 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0), -EAGAIN);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(perform_refuses),
		cmocka_unit_test(every_kind_of_event),
		cmocka_unit_test(transport_of_the_target_counts),
		cmocka_unit_test(a_bridge_lends_no_transport),
		cmocka_unit_test(unbound_is_asked_again),
		cmocka_unit_test(reminders_keep_the_cookie),
		cmocka_unit_test(new_request_new_cookie),
		cmocka_unit_test(unwarn_of_a_popped_request),
		cmocka_unit_test(unwarn_of_a_queued_request),
		cmocka_unit_test(full_queue),
		cmocka_unit_test(unwarn_always_finds_room),
		cmocka_unit_test(forced_removals_free_their_place),
		cmocka_unit_test(ended_requests_free_their_place),
	};

	return cmocka_run_group_tests_name("pvdev_events", tests, NULL, NULL);
}
