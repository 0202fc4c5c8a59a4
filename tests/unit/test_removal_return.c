/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: back before the point of no return, forward after it (R12). */
#include "test_removal_rig.h"

static void idle_unit(struct vt_removal *t, char letter)
{
	vt_alone(t, letter, VDEV_REMOVAL_ACPI);
	vt_level(t, letter, VDEV_REMOVAL_SAFE_IDLE);
}

/* Slot s with functions c, b, a (2, 1, 0), all SAFE_IDLE. */
static void idle_slot(struct vt_removal *t)
{
	vt_slot_with_card(t, VDEV_REMOVAL_SAFE_IDLE);
	for (uint32_t i = 1; i < 3; i++) {
		vt_child(t, (char)('a' + i), 's', VDEV_REMOVAL_PCI_FUNCTION, i);
		vt_level(t, (char)('a' + i), VDEV_REMOVAL_SAFE_IDLE);
	}
}

static void r12_quiesce_that_fails_is_rolled_back(void **state)
{
	struct vt_removal *t = *state;

	idle_unit(t, 'a');
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a ROLLED_BACK:aF(QUIESCE,-5)");
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a " GONE_A); /* and works again */
}

static void r12_warning_that_fails_is_rolled_back(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', -ENODEV);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a ROLLED_BACK:aF(WARN,-19)");
}

static void r12_only_what_was_done_is_undone(void **state)
{
	struct vt_removal *t = *state;

	idle_unit(t, 'a');
	vt_request(t, 'a', 0); /* QUIESCE waits, but was not taken */
	vt_expect(t, vt_cancel(t, 'a'), "CANCELLED:aF");
	idle_slot(t);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'b', -EIO);
	vt_expect(t, vt_request(t, 'b', 0),
		  "QUIESCE:c QUIESCE:b RESUME:c RESUME:b ROLLED_BACK:bF(QUIESCE,-5)");
	t->stop_after = 1;
	vt_expect(t, vt_request(t, 'b', 0), "QUIESCE:c"); /* done; that of b waits */
	t->stop_after = 0;
	vt_expect(t, vt_cancel(t, 'b'), "RESUME:c CANCELLED:bF");
}

static void r12_undo_goes_from_the_newest_step_to_the_oldest(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_OWN_STEP_FIRST, VDEV_REMOVAL_OWN_STEP_FIRST + 1, VT_SEC},
		{VDEV_REMOVAL_OWN_STEP_FIRST + 2, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_QUIESCE, VDEV_REMOVAL_RESUME, VT_SEC},
		{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN, VT_SEC},
		{VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_UNSAFE, steps, 7);
	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "OWN:a OWN:a QUIESCE:a WARN:a REQUESTED:a");
	t->stop_after = 1;
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:a");
	vt_expect(t, 0, "RESUME:a");
	vt_expect(t, 0, "OWN:a");
	assert_int_equal(t->last.kind, VDEV_REMOVAL_OWN_STEP_FIRST + 1);
	vt_expect(t, 0, "CANCELLED:aF");
}

static void r12_undo_that_fails_goes_on(void **state)
{
	struct vt_removal *t = *state;

	idle_unit(t, 'a');
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_script(t, VDEV_REMOVAL_RESUME, 'a', -EPERM);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a ROLLED_BACK:aF(QUIESCE,-5)");
}

static void r12_quiesce_without_undo_has_none(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_QUIESCE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_SAFE_IDLE, steps, 3);
	idle_unit(t, 'a');
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a ROLLED_BACK:aF(QUIESCE,-5)");
}

static void r12_late_safe_idle_that_fails_takes_the_warning_back_too(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE),
		  "QUIESCE:a RESUME:a UNWARN:a ROLLED_BACK:aF(QUIESCE,-5)");
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), "QUIESCE:a");
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), "RESUME:a UNWARN:a CANCELLED:aF");
}

static void r12_steps_before_the_warning_are_undone_too(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_OWN_STEP_FIRST, VDEV_REMOVAL_OWN_STEP_FIRST + 1, VT_SEC},
		{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN, VT_SEC},
		{VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_UNSAFE, steps, 5);
	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "OWN:a WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE),
		  "QUIESCE:a RESUME:a UNWARN:a OWN:a ROLLED_BACK:aF(QUIESCE,-5)");
}

static void r12_hide_is_the_point_of_no_return_without_an_ack(void **state)
{
	struct vt_removal *t = *state;

	idle_unit(t, 'a');
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a HIDE:aL");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_LEAVING);
	assert_int_equal(vt_cancel(t, 'a'), -EALREADY);
	vt_expect(t, vt_done(t, 'a', 0), "TEARDOWN:a RELEASE:a REMOVED:aFG");
}

static void r12_ack_is_the_point_of_no_return_when_it_comes_first(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, vt_ack(t, 'a'), "");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_LEAVING);
	assert_int_equal(vt_cancel(t, 'a'), -EALREADY);
	/* whatever became of the warning: the guest let go */
	vt_expect(t, vt_done(t, 'a', -EIO), ACKED_A);
}

/* Each step after the point in turn: it fails, all others are done, and the report names it. */
static void r12_after_it_the_plan_goes_forward_whatever_fails(void **state)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_HIDE,          VDEV_REMOVAL_DRAIN,
					 VDEV_REMOVAL_IRQ_OFF,       VDEV_REMOVAL_RESET,
					 VDEV_REMOVAL_DETACH_EVENTS, VDEV_REMOVAL_UNMAP_BARS,
					 VDEV_REMOVAL_LEAVE_DMA,     VDEV_REMOVAL_RELEASE};
	struct vt_removal *t = *state;
	char wanted[256];

	for (uint32_t i = 0; i < VT_COUNT(kinds); i++) {
		vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
		vt_level(t, 'a', VDEV_REMOVAL_SAFE);
		vt_script(t, kinds[i], 'a', -EIO);
		snprintf(wanted, sizeof(wanted),
			 "HIDE:aL DRAIN:a IRQ_OFF:a RESET:a DETACH_EVENTS:a UNMAP_BARS:a "
			 "LEAVE_DMA:a RELEASE:a FAILED_AT:aFG(%s,-5)",
			 vdev_removal_kind_name(kinds[i]));
		vt_expect(t, vt_request(t, 'a', 0), wanted);
	}
	assert_int_equal(vt_stats(t).failed, VT_COUNT(kinds));
	assert_int_equal(vt_stats(t).units, 0);
}

static void r12_failure_of_one_function_is_not_that_of_the_next(void **state)
{
	struct vt_removal *t = *state;

	idle_slot(t);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'b', -EIO);
	vt_expect(t, vt_request(t, 's', 0),
		  "QUIESCE:c QUIESCE:b QUIESCE:a HIDE:c HIDE:b HIDE:aL "
		  "TEARDOWN:c RELEASE:c REMOVED:cFG "
		  "TEARDOWN:b RELEASE:b FAILED_AT:bFG(TEARDOWN,-5) "
		  "TEARDOWN:a RELEASE:a REMOVED:aFG REMOVED:sF"); /* the slot is empty */
}

/* Acknowledged while it was being taken back because of the time: the guest has let go. */
static void r12_ack_during_the_undo_of_a_time_out_goes_forward(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_UNWARN, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a");
	vt_expect(t, vt_ack(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), ACKED_A);
}

/* After cancel() nobody wants it gone: it counts as one that nobody asked for. */
static void r12_ack_during_the_undo_of_a_cancel_is_unasked(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_UNWARN, 'a', VT_LATER);
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:a");
	vt_expect(t, vt_ack(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), "CANCELLED:aF HIDE:aL");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_HIDDEN);
}

static void r12_late_ack_counts_for_the_next_request(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_ack(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), ACKED_A);
}

static void r12_giving_back_is_a_hot_add_with_a_new_handle(void **state)
{
	struct vt_removal *t = *state;
	uint64_t old;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	old = t->h['a'];
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "REANNOUNCE:a");
	assert_true(t->h['a'] != old);
	assert_int_equal(t->last.arg[2], old);
	assert_int_equal(vdev_removal_level(t->r, old), -ENOENT);
	assert_int_equal(vt_info(t, 'a').level, VDEV_REMOVAL_UNKNOWN); /* R6: nothing inherited */
}

/* Not idle, so it was to be warned next: but it is not wanted any more. */
static void r12_cancel_on_the_way_back_to_a_warning(void **state)
{
	struct vt_removal *t = *state;

	idle_unit(t, 'a');
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	t->stop_after = 1;
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a"); /* RESUME waits to be taken */
	t->stop_after = 0;
	vt_expect(t, vt_cancel(t, 'a'), "RESUME:a CANCELLED:aF");
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	vt_script(t, VDEV_REMOVAL_RESUME, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a");
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), "CANCELLED:aF");
	vt_alone(t, 'b', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'b', 1);
	vt_expect(t, vt_request(t, 'b', 0), "WARN:b REQUESTED:b");
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'b', -EBUSY);
	vt_script(t, VDEV_REMOVAL_RESUME, 'b', VT_LATER);
	vt_expect(t, vt_level(t, 'b', VDEV_REMOVAL_SAFE_IDLE), "QUIESCE:b RESUME:b");
	vt_expect(t, vt_cancel(t, 'b'), "");
	vt_expect(t, vt_done(t, 'b', 0), "UNWARN:b CANCELLED:bF");
	assert_int_equal(vt_stats(t).cancelled, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r12_quiesce_that_fails_is_rolled_back),
		TEST(r12_warning_that_fails_is_rolled_back),
		TEST(r12_only_what_was_done_is_undone),
		TEST(r12_undo_goes_from_the_newest_step_to_the_oldest),
		TEST(r12_undo_that_fails_goes_on),
		TEST(r12_quiesce_without_undo_has_none),
		TEST(r12_late_safe_idle_that_fails_takes_the_warning_back_too),
		TEST(r12_steps_before_the_warning_are_undone_too),
		TEST(r12_hide_is_the_point_of_no_return_without_an_ack),
		TEST(r12_ack_is_the_point_of_no_return_when_it_comes_first),
		TEST_FULL(r12_after_it_the_plan_goes_forward_whatever_fails),
		TEST(r12_failure_of_one_function_is_not_that_of_the_next),
		TEST(r12_ack_during_the_undo_of_a_time_out_goes_forward),
		TEST(r12_ack_during_the_undo_of_a_cancel_is_unasked),
		TEST(r12_late_ack_counts_for_the_next_request),
		TEST(r12_giving_back_is_a_hot_add_with_a_new_handle),
		TEST(r12_cancel_on_the_way_back_to_a_warning),
	};

	return cmocka_run_group_tests_name("removal_return", tests, NULL, NULL);
}
