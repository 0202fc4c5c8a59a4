/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: deadlines, the guest's clock, pause and resume (R9, R11; architecture.md). */
#include "test_removal_rig.h"

static int pause_guest(struct vt_removal *t)
{
	return vdev_removal_pause(t->r, t->now);
}

static int resume_guest(struct vt_removal *t)
{
	return vdev_removal_resume(t->r, t->now);
}

static void awaited(struct vt_removal *t, char letter, uint64_t ack_ns)
{
	vt_alone(t, letter, VDEV_REMOVAL_PVDEV);
	vt_ready(t, letter, 1);
	vt_request_with(t, letter, VDEV_REMOVAL_ACK_FAIL, 0, ack_ns);
	vt_drain(t);
}

static void nothing_is_timed_at_first(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	assert_int_equal(vt_due(t), VDEV_NONE);
	assert_int_equal(vdev_removal_step(t->r, UINT64_MAX), 0);
}

static void deadline_is_the_earliest_of_all(void **state)
{
	struct vt_removal *t = *state;

	awaited(t, 'a', 30 * VT_SEC);
	assert_int_equal(vt_due(t), 30 * VT_SEC);
	awaited(t, 'b', 10 * VT_SEC);
	assert_int_equal(vt_due(t), 10 * VT_SEC);
	awaited(t, 'c', 20 * VT_SEC);
	assert_int_equal(vt_due(t), 10 * VT_SEC);
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "UNWARN:b TIMED_OUT:bF");
	assert_int_equal(vt_due(t), 10 * VT_SEC);
	vt_expect(t, vt_cancel(t, 'c'), "UNWARN:c CANCELLED:cF");
	assert_int_equal(vt_due(t), 20 * VT_SEC);
}

static void one_step_serves_all_that_is_due(void **state)
{
	struct vt_removal *t = *state;

	for (char c = 'a'; c <= 'e'; c++)
		awaited(t, c, 10 * VT_SEC);
	assert_int_equal(vt_pass(t, 10 * VT_SEC), 5);
	vt_drain(t);
	assert_int_equal(vt_stats(t).timed_out, 5);
	assert_int_equal(vt_stats(t).operations, 0);
}

static void nothing_happens_before_step(void **state)
{
	struct vt_removal *t = *state;

	awaited(t, 'a', 10 * VT_SEC);
	t->now += 20 * VT_SEC; /* another event carries the time; only step() looks at deadlines */
	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PENDING);
	vt_expect(t, vt_ack(t, 'a'), ACKED_A); /* the ack that is there first wins */
}

static void clock_does_not_go_back(void **state)
{
	struct vt_removal *t = *state;

	awaited(t, 'a', 10 * VT_SEC);
	assert_int_equal(vdev_removal_step(t->r, 0), 0);
	assert_int_equal(vdev_removal_step(t->r, t->now - 1), 0);
	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	t->now -= 500 * VT_SEC; /* a thread whose clock lags */
	vt_request_with(t, 'b', 0, 0, 7 * VT_SEC);
	vt_drain(t);
	t->now += 500 * VT_SEC;
	assert_int_equal(vt_due(t), 5 * VT_SEC); /* of b: the next notify, from the later time */
}

static int declare(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	return vdev_removal_declare(r, now, slot, VDEV_REMOVAL_GUEST, VDEV_REMOVAL_UNSAFE);
}

static int request(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	return vdev_removal_request(r, now, slot, NULL);
}

static int cancel(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	const struct vdev_removal_unit u = {.struct_size = sizeof(u)};
	uint64_t made;

	(void)slot;
	return vdev_removal_add(r, 0, &u, &made) | vdev_removal_request(r, 0, made, NULL) |
	       vdev_removal_cancel(r, now, made);
}

static int registers(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	return vdev_removal_slot(r, now, slot, VT_ON, 0);
}

static int ready(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	return vdev_removal_ready(r, now, slot, 1);
}

static int add(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	const struct vdev_removal_unit u = {.struct_size = sizeof(u), .parent = slot};
	uint64_t made;

	return vdev_removal_add(r, now, &u, &made);
}

static int step(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	(void)slot;
	return vdev_removal_step(r, now);
}

static int pause_and_resume(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	(void)slot;
	return vdev_removal_pause(r, now) | vdev_removal_resume(r, 0);
}

static int resume(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	(void)slot;
	return vdev_removal_resume(r, now);
}

static int hold_and_unhold(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	(void)slot;
	return vdev_removal_hold(r, now) | vdev_removal_unhold(r, 0);
}

static int unhold(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	(void)slot;
	return vdev_removal_hold(r, 0) | vdev_removal_unhold(r, now);
}

static int reset_begin(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	(void)slot;
	return vdev_removal_reset_begin(r, now) | vdev_removal_reset_end(r, 0);
}

static int reset_end(struct vdev_removal *r, uint64_t now, uint64_t slot)
{
	(void)slot;
	return vdev_removal_reset_begin(r, 0) | vdev_removal_reset_end(r, now);
}

/* Each event tells the time: what an older thread says afterwards is of the same moment. */
static void each_event_carries_the_time(void **state)
{
	static int (*const events[])(struct vdev_removal * r, uint64_t now,
				     uint64_t slot) = {vdev_removal_forget,
						       vdev_removal_ack,
						       request,
						       cancel,
						       declare,
						       registers,
						       ready,
						       add,
						       step,
						       pause_and_resume,
						       resume,
						       hold_and_unhold,
						       unhold,
						       reset_begin,
						       reset_end};
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(events); i++) {
		uint64_t later, ns = 0;

		reconfigure(t, t->config);
		vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
		vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
		later = t->now + 10 * VT_SEC;
		assert_in_range(events[i](t->r, later, t->h['s']), 0, 10);
		vt_drain(t);
		vt_ready(t, 'a', 1);
		vt_request_with(t, 'a', 0, 0, 3 * VT_SEC);
		vt_drain(t);
		assert_int_equal(vdev_removal_deadline(t->r, &ns), 1);
		assert_int_equal(ns, later + 3 * VT_SEC);
	}
}

static void end_of_time_does_not_wrap(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	t->now = UINT64_MAX - 5;
	vt_expect(t, vt_request_with(t, 'a', 0, 0, VDEV_NONE - 1), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), VDEV_NONE);
	assert_int_equal(vdev_removal_step(t->r, UINT64_MAX), 0);
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
}

static void guests_deadlines_stand_still_while_paused(void **state)
{
	struct vt_removal *t = *state;

	awaited(t, 'a', 10 * VT_SEC);
	vt_pass(t, 4 * VT_SEC);
	vt_expect(t, pause_guest(t), "");
	assert_int_equal(vt_due(t), VDEV_NONE);
	vt_expect(t, vt_pass(t, 1000 * VT_SEC), "");
	vt_expect(t, resume_guest(t), "");
	assert_int_equal(vt_due(t), 6 * VT_SEC);
	vt_expect(t, vt_pass(t, 6 * VT_SEC - 1), "");
	vt_expect(t, vt_pass(t, 1), "UNWARN:a TIMED_OUT:aF");
}

static void hosts_deadlines_go_on_while_paused(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	vt_expect(t, pause_guest(t), "");
	assert_int_equal(vt_due(t), 30 * VT_SEC);
	vt_expect(t, vt_pass(t, 30 * VT_SEC), "CANCEL:a(TEARDOWN)");
	vt_expect(t, resume_guest(t), "");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:a REMOVED:aFG");
}

static void pausing_twice_is_one_pause(void **state)
{
	struct vt_removal *t = *state;

	awaited(t, 'a', 10 * VT_SEC);
	vt_pass(t, VT_SEC);
	pause_guest(t);
	vt_pass(t, 100 * VT_SEC);
	pause_guest(t);
	vt_pass(t, 100 * VT_SEC);
	resume_guest(t);
	assert_int_equal(vt_due(t), 9 * VT_SEC);
	vt_pass(t, 2 * VT_SEC);
	resume_guest(t);
	assert_int_equal(vt_due(t), 7 * VT_SEC);
}

static void many_pauses_add_up(void **state)
{
	struct vt_removal *t = *state;

	awaited(t, 'a', 10 * VT_SEC);
	for (int i = 0; i < 9; i++) {
		vt_expect(t, vt_pass(t, VT_SEC), "");
		pause_guest(t);
		vt_expect(t, vt_pass(t, 3 * VT_SEC + (uint64_t)i), "");
		resume_guest(t);
		assert_int_equal(vt_due(t), (uint64_t)(9 - i) * VT_SEC);
	}
	vt_expect(t, vt_pass(t, VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

static void request_while_paused(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	pause_guest(t);
	vt_expect(t, vt_request_with(t, 'a', 0, 0, 10 * VT_SEC), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), VDEV_NONE);
	vt_expect(t, vt_pass(t, 100 * VT_SEC), "");
	resume_guest(t);
	assert_int_equal(vt_due(t), 10 * VT_SEC);
}

static void forced_removal_while_paused(void **state)
{
	struct vt_removal *t = *state;

	awaited(t, 'a', 10 * VT_SEC);
	pause_guest(t);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE),
		  "HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
}

static void notify_stands_still_while_paused(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_pass(t, 3 * VT_SEC);
	pause_guest(t);
	vt_expect(t, vt_pass(t, 300 * VT_SEC), "");
	resume_guest(t);
	assert_int_equal(vt_due(t), 2 * VT_SEC);
	vt_expect(t, vt_pass(t, 2 * VT_SEC), "WARN:a#2");
}

static void warning_that_takes_long_shortens_the_wait(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request_with(t, 'a', 0, 0, 10 * VT_SEC), "WARN:a");
	assert_int_equal(vt_due(t), VT_SEC); /* of WARN itself */
	t->now += VT_SEC / 2;
	vt_expect(t, vt_done(t, 'a', 0), "REQUESTED:a");
	assert_int_equal(vt_due(t), 10 * VT_SEC - VT_SEC / 2);
}

static void notify_time_is_configurable(void **state)
{
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){.notify_ns = 3});
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 3);
	vt_expect(t, vt_pass(t, 3), "WARN:a#2");
}

static void r9_kept_request_at_the_end_of_the_clock(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_KEEP, 0, VT_SEC),
		  "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, VT_SEC), "TIMED_OUT:a");
	vt_expect(t, vdev_removal_step(t->r, VDEV_NONE), "WARN:a#2");
	assert_int_equal(vt_stats(t).timed_out, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_timed_at_first),
		TEST(deadline_is_the_earliest_of_all),
		TEST(one_step_serves_all_that_is_due),
		TEST(nothing_happens_before_step),
		TEST(clock_does_not_go_back),
		TEST(each_event_carries_the_time),
		TEST(end_of_time_does_not_wrap),
		TEST(guests_deadlines_stand_still_while_paused),
		TEST(hosts_deadlines_go_on_while_paused),
		TEST(pausing_twice_is_one_pause),
		TEST(many_pauses_add_up),
		TEST(request_while_paused),
		TEST(forced_removal_while_paused),
		TEST(notify_stands_still_while_paused),
		TEST(warning_that_takes_long_shortens_the_wait),
		TEST(notify_time_is_configurable),
		TEST(r9_kept_request_at_the_end_of_the_clock),
	};

	return cmocka_run_group_tests_name("removal_time", tests, NULL, NULL);
}
