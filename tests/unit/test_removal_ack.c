/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: waiting for an acknowledgement, and what happens without one (R9). */
#include "test_removal_rig.h"

static void unsafe(struct vt_removal *t, uint32_t transport)
{
	vt_alone(t, 'a', transport);
	vt_ready(t, 'a', 1);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
}

static int ask(struct vt_removal *t, uint32_t policy, uint32_t retries)
{
	return vt_request_with(t, 'a', policy, retries, 0);
}

static void r9_fail_takes_the_warning_back_where_that_is_possible(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FAIL, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
	assert_int_equal(vt_stats(t).timed_out, 1);
	assert_int_equal(vt_stats(t).operations, 0);
}

static void r9_fail_on_acpi_has_nothing_to_take_back(void **state)
{
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){.flags = VDEV_REMOVAL_COARSE,
						    .notify_ns = 100 * VT_SEC});
	unsafe(t, VDEV_REMOVAL_ACPI);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FAIL, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "TIMED_OUT:aF");
}

static void r9_fail_is_the_default(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, vdev_removal_request(t->r, t->now, t->h['a'], NULL), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

static void r9_objects_policy_counts_for_default_requests(void **state)
{
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){.flags = VDEV_REMOVAL_COARSE,
						    .ack_policy = VDEV_REMOVAL_ACK_RETRY,
						    .retries = 1});
	unsafe(t, VDEV_REMOVAL_PVDEV);
	/* retries of a request that leaves the policy to the object are not used */
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_DEFAULT, 200), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "WARN:a#2");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FAIL, 200), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

static void r9_deadline_is_exact(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_FAIL, 0, 7777), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 7777);
	vt_expect(t, vt_pass(t, 7776), "");
	assert_int_equal(vt_due(t), 1);
	vt_expect(t, vt_pass(t, 1), "UNWARN:a TIMED_OUT:aF");
	assert_int_equal(vt_due(t), VDEV_NONE);
}

static void r9_time_of_the_request_then_of_the_object_then_of_the_set(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FAIL, 0), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 60 * VT_SEC);
	reconfigure(t, (struct vdev_removal_config){.ack_ns = 9 * VT_SEC});
	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FAIL, 0), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 9 * VT_SEC);
	vt_cancel(t, 'a');
	vt_drain(t);
	vt_expect(t, vt_request_with(t, 'a', 0, 0, 5), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 5);
}

static void r9_keep_stays_pending_and_a_late_ack_completes_it(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_KEEP, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "TIMED_OUT:a"); /* not final */
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PENDING);
	assert_int_equal(vt_due(t), VDEV_NONE);
	vt_expect(t, vt_pass(t, 10000 * VT_SEC), "");
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
}

static void r9_keep_is_completed_by_a_reset(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_KEEP, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "TIMED_OUT:a");
	vt_expect(t, vdev_removal_reset_begin(t->r, t->now), GONE_A);
}

static void r9_keep_can_be_cancelled_or_forced(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_KEEP, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "TIMED_OUT:a");
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:a CANCELLED:aF");
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_KEEP, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "TIMED_OUT:a");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE),
		  "HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
}

static void r9_retry_warns_again_n_times_then_fails(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_RETRY, 2), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "WARN:a#2");
	assert_int_equal(vt_due(t), 60 * VT_SEC);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "WARN:a#3");
	assert_int_equal(vt_info(t, 'a').warnings, 3);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
	assert_int_equal(vt_stats(t).warnings, 3);
	assert_int_equal(vt_stats(t).timed_out, 3);
}

static void r9_retry_without_a_transport_only_waits(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_NO_TRANSPORT);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_RETRY, 1), "");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "");
	assert_int_equal(vt_due(t), 60 * VT_SEC);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "TIMED_OUT:aF");
}

static void r9_retry_0_is_fail(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_RETRY, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

static void r9_retry_255_is_the_most(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	assert_int_equal(ask(t, VDEV_REMOVAL_ACK_RETRY, 256), -EINVAL);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_RETRY, 255), "WARN:a REQUESTED:a");
	for (int i = 0; i < 255; i++) {
		vt_pass(t, 60 * VT_SEC);
		vt_drain(t);
		assert_int_equal(t->last.kind, VDEV_REMOVAL_WARN);
	}
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

static void r9_force_removes_without_it(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FORCE, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
}

static void r9_force_when_the_warning_itself_fails(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', -EIO);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FORCE, 0),
		  "WARN:a HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', -EIO);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_RETRY, 5), "WARN:a ROLLED_BACK:aF(WARN,-5)");
}

/* Who asked for a slot is told when it is empty, whatever forced it. */
static void r9_force_of_a_slot_is_told_to_who_asked_for_it(void **state)
{
	static const char forced[] = "HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX REMOVED:sFX";
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request_with(t, 's', VDEV_REMOVAL_ACK_FORCE, 0, 0), "WARN:s REQUESTED:s");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), forced);
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request_with(t, 's', VDEV_REMOVAL_ACK_FORCE, 0, 0), "WARN:s REQUESTED:s");
	vt_expect(t, vt_refuse(t, 's', VDEV_REMOVAL_REASON_BUSY), forced);
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_script(t, VDEV_REMOVAL_WARN, 's', -EIO);
	vt_expect(t, vt_request_with(t, 's', VDEV_REMOVAL_ACK_FORCE, 0, 0),
		  "WARN:s HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX REMOVED:sFX");
}

static void r9_full_transport_is_tried_again(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', -EAGAIN);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', -EAGAIN);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FAIL, 0), "WARN:a");
	assert_int_equal(vt_due(t), 5 * VT_SEC);
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "WARN:a"); /* nothing was heard yet: still the first */
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 50 * VT_SEC); /* the wait began with the request */
	vt_expect(t, vt_pass(t, 50 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

static void r9_full_transport_does_not_hold_the_time_out_up(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', -EAGAIN);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_FAIL, 0, VT_SEC), "WARN:a");
	vt_expect(t, vt_pass(t, VT_SEC), "TIMED_OUT:aF"); /* never warned: nothing to take back */
}

static void r9_acpi_notify_is_repeated_freely(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_FAIL, 0, 12 * VT_SEC),
		  "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 5 * VT_SEC);
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "WARN:a#2");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "WARN:a#3");
	assert_int_equal(vt_due(t), 2 * VT_SEC);
	vt_expect(t, vt_pass(t, 2 * VT_SEC), "TIMED_OUT:aF");
}

static void r9_ack_ends_retries(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_RETRY, 9), "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "WARN:a#2");
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
	assert_int_equal(vt_due(t), VDEV_NONE);
}

static void r9_new_driver_hears_the_warning_too(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vdev_removal_ready(t->r, t->now, 0, 1);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FAIL, 0), "WARN:a REQUESTED:a");
	vt_pass(t, 30 * VT_SEC);
	vt_expect(t, vdev_removal_ready(t->r, t->now, 0, 0), ""); /* kexec */
	vt_expect(t, vdev_removal_ready(t->r, t->now, 0, 1), "WARN:a#2");
	assert_int_equal(vt_due(t), 30 * VT_SEC); /* and has no longer for it */
}

static void r10_time_runs_while_the_guest_can_hear(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', -EAGAIN);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_FAIL, 0), "WARN:a");
	vt_expect(t, vt_pass(t, 2 * VT_SEC), ""); /* the transport is full */
	vt_expect(t, vt_ready(t, 'a', 0), "GUEST_NOT_READY:a");
	assert_int_equal(vt_info(t, 'a').ack_left_ns, 0);
	vt_expect(t, vt_pass(t, 1000 * VT_SEC), "");
	vt_expect(t, vt_ready(t, 'a', 1), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 58 * VT_SEC);
}

static void r10_guest_that_cannot_hear_the_retry(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, ask(t, VDEV_REMOVAL_ACK_RETRY, 1), "WARN:a REQUESTED:a");
	vt_ready(t, 'a', 0);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "GUEST_NOT_READY:a");
	vt_expect(t, vt_pass(t, 1000 * VT_SEC), "");
	vt_expect(t, vt_ready(t, 'a', 1), "WARN:a#2");
	assert_int_equal(vt_due(t), 60 * VT_SEC);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

static void r10_guest_leaves_before_the_warning_was_taken(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	assert_int_equal(ask(t, VDEV_REMOVAL_ACK_FAIL, 0), 1);
	vt_pass(t, 20 * VT_SEC);
	vt_expect(t, vt_ready(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_expect(t, vt_pass(t, 1000 * VT_SEC), "");
	vt_expect(t, vt_ready(t, 'a', 1), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 40 * VT_SEC);
}

static void r10_last_moment_is_not_no_end(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, VDEV_REMOVAL_PVDEV);
	assert_int_equal(vt_request_with(t, 'a', VDEV_REMOVAL_ACK_FAIL, 0, VT_SEC), 1);
	t->now += VT_SEC; /* the wait is over, but nobody has called step() */
	vt_expect(t, vt_ready(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_expect(t, vt_ready(t, 'a', 1), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r9_fail_takes_the_warning_back_where_that_is_possible),
		TEST(r9_fail_on_acpi_has_nothing_to_take_back),
		TEST(r9_fail_is_the_default),
		TEST(r9_objects_policy_counts_for_default_requests),
		TEST(r9_deadline_is_exact),
		TEST(r9_time_of_the_request_then_of_the_object_then_of_the_set),
		TEST(r9_keep_stays_pending_and_a_late_ack_completes_it),
		TEST(r9_keep_is_completed_by_a_reset),
		TEST(r9_keep_can_be_cancelled_or_forced),
		TEST(r9_retry_warns_again_n_times_then_fails),
		TEST(r9_retry_without_a_transport_only_waits),
		TEST(r9_retry_0_is_fail),
		TEST(r9_retry_255_is_the_most),
		TEST(r9_force_removes_without_it),
		TEST(r9_force_when_the_warning_itself_fails),
		TEST(r9_force_of_a_slot_is_told_to_who_asked_for_it),
		TEST(r9_full_transport_is_tried_again),
		TEST(r9_full_transport_does_not_hold_the_time_out_up),
		TEST(r9_acpi_notify_is_repeated_freely),
		TEST(r9_ack_ends_retries),
		TEST(r9_new_driver_hears_the_warning_too),
		TEST(r10_time_runs_while_the_guest_can_hear),
		TEST(r10_guest_that_cannot_hear_the_retry),
		TEST(r10_guest_leaves_before_the_warning_was_taken),
		TEST(r10_last_moment_is_not_no_end),
	};

	return cmocka_run_group_tests_name("removal_ack", tests, NULL, NULL);
}
