/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: asking twice, more strongly, or taking it back (R11, and cancel()). */
#include "test_removal_rig.h"

#define FORCED_A "HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX"

static void warned(struct vt_removal *t)
{
	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
}

static int force(struct vt_removal *t)
{
	return vt_request(t, 'a', VDEV_REMOVAL_FORCE);
}

static void r11_asking_twice_joins(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	for (int i = 0; i < 5; i++)
		vt_expect(t, vt_request(t, 'a', 0), "");
	assert_int_equal(vt_stats(t).requests, 6);
	assert_int_equal(vt_stats(t).joined, 5);
	assert_int_equal(vt_stats(t).upgraded, 0);
	assert_int_equal(vt_stats(t).operations, 1);
	vt_expect(t, vt_ack(t, 'a'), ACKED_A); /* and is told once */
}

static void r11_joining_does_not_change_the_terms(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	vt_pass(t, 10 * VT_SEC);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_KEEP, 0, 500 * VT_SEC), "");
	assert_int_equal(vt_due(t), 50 * VT_SEC);
	vt_expect(t, vt_pass(t, 50 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

static void r11_joining_while_leaving(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL ACKED:a TEARDOWN:a");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:a REMOVED:aFG");
	assert_int_equal(vt_request(t, 'a', 0), -ENOENT);
}

static void r11_force_upgrades_one_that_waits_for_the_guest(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	vt_expect(t, force(t), FORCED_A);
	assert_int_equal(vt_stats(t).upgraded, 1);
	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_expect(t, force(t), FORCED_A);
}

static void r11_force_while_an_action_is_outstanding_waits_for_it(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, force(t), "");
	vt_expect(t, force(t), "");
	assert_int_equal(vt_stats(t).upgraded, 1); /* asked twice, upgraded once */
	vt_expect(t, vt_done(t, 'a', 0),
		  "HIDE:aLX REQUESTED:aX TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_expect(t, force(t), "");
	vt_expect(t, vt_done(t, 'a', -EBUSY), FORCED_A);
}

static void r11_force_upgrades_one_that_is_being_taken_back(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	vt_script(t, VDEV_REMOVAL_UNWARN, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a");
	vt_expect(t, force(t), "");
	vt_expect(t, vt_done(t, 'a', 0), FORCED_A);
	assert_int_equal(vt_stats(t).rolled_back, 0);
}

/* FORCE is for what it was asked for: the bridge above it is asked when the function is gone. */
static void r11_force_below_is_no_force_above(void **state)
{
	struct vt_removal *t = *state;

	vt_add(t, 'p',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
					   .transport = VDEV_REMOVAL_ACPI});
	vt_add(t, 'a',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					   .transport = VDEV_REMOVAL_ACPI,
					   .parent = t->h['p']});
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, force(t), "");
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_done(t, 'a', 0),
		  "HIDE:aLX REQUESTED:aX TEARDOWN:aX RELEASE:aX REMOVED:aFGX WARN:p REQUESTED:p");
}

static void r11_force_from_the_start(void **state)
{
	struct vt_removal *t = *state;

	for (uint32_t level = 0; level <= VDEV_REMOVAL_SAFE; level++) {
		vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
		vt_level(t, 'a', level);
		vt_expect(t, force(t), FORCED_A);
	}
	assert_int_equal(vt_stats(t).upgraded, 0);
}

/* The outcome of the first is on its way: the second is a request of its own. */
static void r11_asking_again_while_the_outcome_is_told_begins_anew(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_done(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASON_IN_USE), "REFUSED:aF(IN_USE)");
	vt_expect(t, force(t), "");
	vt_expect(t, vt_done(t, 'a', 0), FORCED_A);
}

static void r11_asking_again_while_it_is_undone_begins_anew(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	vt_script(t, VDEV_REMOVAL_UNWARN, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a");
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_KEEP, 0, VT_SEC), "");
	vt_expect(t, vt_done(t, 'a', 0), "TIMED_OUT:aF WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, VT_SEC), "TIMED_OUT:a"); /* by the terms of the second */
}

/* A request that somebody else made meanwhile is not the one that timed out. */
static void r11_only_the_one_who_asked_again_is_told_of_the_second(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_UNWARN, 's', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:s");
	vt_expect(t, vt_request(t, 'b', 0), "");
	vt_expect(t, vt_done(t, 's', 0), "TIMED_OUT:aF WARN:s REQUESTED:b");
	vt_expect(t, vt_cancel(t, 'b'), "UNWARN:s CANCELLED:bF");
}

static void r11_name_stays_reserved_until_removed_is_told(void **state)
{
	static const struct vdev_removal_unit named = {.unit_class = VDEV_REMOVAL_OTHER,
						       .transport = VDEV_REMOVAL_ACPI,
						       .name = UINT64_MAX};
	struct vt_removal *t = *state;

	assert_int_equal(vt_add(t, 'a', &named), 0);
	assert_int_equal(vt_add(t, 'b', &named), -EEXIST);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	assert_int_equal(vt_add(t, 'b', &named), -EEXIST);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 0, 0);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 0, VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
	assert_int_equal(vt_add(t, 'b', &named), -EEXIST);
	vt_expect(t, vt_done(t, 'a', 0), "");
	assert_int_equal(vt_add(t, 'b', &named), 0);
	assert_int_equal(vt_stats(t).added, 2);
}

static void r11_no_name_is_no_conflict(void **state)
{
	struct vt_removal *t = *state;

	for (char c = 'a'; c <= 'z'; c++)
		assert_int_equal(vt_alone(t, c, VDEV_REMOVAL_ACPI), 0);
}

static void r11_cancel_at_each_point_before_return(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV); /* not ready */
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_expect(t, vt_cancel(t, 'a'), "CANCELLED:aF");
	vt_ready(t, 'a', 1);
	vt_request(t, 'a', 0); /* WARN waits to be taken */
	vt_expect(t, vt_cancel(t, 'a'), "CANCELLED:aF");
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a"); /* WARN outstanding */
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_cancel(t, 'a'), ""); /* twice is once */
	vt_expect(t, vt_done(t, 'a', 0), "REQUESTED:a UNWARN:a CANCELLED:aF");
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a"); /* ... and it fails */
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', -EIO), "CANCELLED:aF");
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a"); /* awaiting */
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:a CANCELLED:aF");
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a"); /* quiescing */
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), "RESUME:a CANCELLED:aF");
	assert_int_equal(vt_stats(t).cancelled, 6);
}

static void r11_cancel_while_it_is_taken_back_changes_nothing(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	vt_script(t, VDEV_REMOVAL_UNWARN, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a");
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_done(t, 'a', 0), "TIMED_OUT:aF");
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), "");
	assert_int_equal(vt_cancel(t, 'a'), -ENOENT);
}

static void r11_cancel_takes_back_one_that_waits_for_the_first_to_end(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), "");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
}

static void r11_cancel_takes_back_those_of_other_functions_too(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:s TIMED_OUT:aF");
	vt_expect(t, vt_request(t, 'b', VDEV_REMOVAL_FORCE), "");
	vt_expect(t, vt_cancel(t, 'b'), "");
	vt_expect(t, vt_done(t, 'a', 0), "");
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_PRESENT);
}

static void r11_cancel_takes_back_that_of_the_slot_itself(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 's', 0), "WARN:s REQUESTED:s");
	vt_script(t, VDEV_REMOVAL_OUTCOME, 's', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:s TIMED_OUT:sF");
	vt_expect(t, vt_request(t, 's', VDEV_REMOVAL_FORCE), "");
	vt_expect(t, vt_cancel(t, 's'), "");
	vt_expect(t, vt_done(t, 's', 0), "");
}

static void r11_cancel_past_the_point_of_no_return(void **state)
{
	struct vt_removal *t = *state;

	warned(t);
	vt_ack(t, 'a'); /* nothing drained: the ack alone is the point */
	assert_int_equal(vt_cancel(t, 'a'), -EALREADY);
	vt_drain(t);
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	force(t);
	assert_int_equal(vt_cancel(t, 'a'), -EALREADY);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, 0, FORCED_A);
	assert_int_equal(vt_cancel(t, 'a'), -EALREADY);
}

static void r11_cancel_by_the_slot_or_any_function(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	for (const char *who = "abs"; *who; who++) {
		vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
		vt_expect(t, vt_cancel(t, *who), "UNWARN:s CANCELLED:aF");
		vt_pass(t, 5 * VT_SEC);
	}
	assert_int_equal(vt_cancel(t, 's'), -ENOENT);
}

static void r11_asking_again_after_a_cancel_begins_anew(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_done(t, 'a', 0), "REQUESTED:a UNWARN:a CANCELLED:aF WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_UNWARN, 'a', VT_LATER);
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:a");
	vt_expect(t, vt_done(t, 'a', 0), "CANCELLED:aF");
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, force(t), ""); /* who asks for it by force asks last */
	vt_expect(t, vt_done(t, 'a', 0),
		  "HIDE:aLX REQUESTED:aX TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r11_asking_twice_joins),
		TEST(r11_joining_does_not_change_the_terms),
		TEST(r11_joining_while_leaving),
		TEST(r11_force_upgrades_one_that_waits_for_the_guest),
		TEST(r11_force_while_an_action_is_outstanding_waits_for_it),
		TEST(r11_force_upgrades_one_that_is_being_taken_back),
		TEST(r11_force_below_is_no_force_above),
		TEST(r11_force_from_the_start),
		TEST(r11_asking_again_while_the_outcome_is_told_begins_anew),
		TEST(r11_asking_again_while_it_is_undone_begins_anew),
		TEST(r11_only_the_one_who_asked_again_is_told_of_the_second),
		TEST(r11_name_stays_reserved_until_removed_is_told),
		TEST(r11_no_name_is_no_conflict),
		TEST(r11_cancel_at_each_point_before_return),
		TEST(r11_cancel_while_it_is_taken_back_changes_nothing),
		TEST(r11_cancel_takes_back_one_that_waits_for_the_first_to_end),
		TEST(r11_cancel_takes_back_those_of_other_functions_too),
		TEST(r11_cancel_takes_back_that_of_the_slot_itself),
		TEST(r11_cancel_past_the_point_of_no_return),
		TEST(r11_cancel_by_the_slot_or_any_function),
		TEST(r11_asking_again_after_a_cancel_begins_anew),
	};

	return cmocka_run_group_tests_name("removal_join", tests, NULL, NULL);
}
