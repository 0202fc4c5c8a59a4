/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: guest reset in two phases (R17). */
#include "test_removal_rig.h"

static int begin(struct vt_removal *t)
{
	return vdev_removal_reset_begin(t->r, t->now);
}

static int end(struct vt_removal *t)
{
	return vdev_removal_reset_end(t->r, t->now);
}

static void r17_pending_removals_complete_at_begin(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI); /* awaited */
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_expect(t, begin(t), GONE_A);
	vt_expect(t, end(t), "");
	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV); /* not ready */
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_expect(t, begin(t), GONE_A);
	vt_expect(t, end(t), "");
	vt_alone(t, 'a', VDEV_REMOVAL_NO_TRANSPORT); /* cannot be warned at all */
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, begin(t), GONE_A);
	vt_expect(t, end(t), "");
	assert_int_equal(vt_stats(t).guest_resets, 3);
	assert_int_equal(vt_stats(t).removed, 3);
}

static void r17_also_those_between_two_warnings(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_registers(t, 's', VT_BLINK, 0);
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, begin(t), GONE_A);
}

static void r17_step_that_is_outstanding_ends_first(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_expect(t, begin(t), "");
	assert_int_equal(end(t), -EAGAIN);
	vt_expect(t, vt_done(t, 'a', -EBUSY), GONE_A); /* idle or not: nobody drives it */
	vt_expect(t, end(t), "");
}

static void r17_end_is_refused_until_they_are_finished(void **state)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_HIDE, VDEV_REMOVAL_TEARDOWN,
					 VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_OUTCOME};
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	for (uint32_t i = 0; i < VT_COUNT(kinds); i++)
		vt_script(t, kinds[i], 'a', VT_LATER);
	begin(t);
	for (uint32_t i = 0; i < VT_COUNT(kinds); i++) {
		assert_int_equal(end(t), -EAGAIN);
		vt_drain(t);
		assert_int_equal(t->last.kind, kinds[i]);
		assert_int_equal(end(t), -EAGAIN);
		vt_done(t, 'a', 0);
	}
	vt_expect(t, end(t), "");
	assert_int_equal(vt_stats(t).units, 0); /* the new kernel does not see it */
}

static void r17_refused_end_changes_nothing(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE);
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	begin(t);
	assert_int_equal(end(t), -EAGAIN);
	assert_int_equal(vdev_removal_level(t->r, t->h['b']), VDEV_REMOVAL_SAFE);
	vt_drain(t);
	assert_int_equal(end(t), 0);
	assert_int_equal(vdev_removal_level(t->r, t->h['b']), VDEV_REMOVAL_UNKNOWN);
}

/* Not idle in time, so it was to be warned: but nobody is left to be warned. */
static void r17_on_the_way_back_to_a_warning(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	vt_script(t, VDEV_REMOVAL_RESUME, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a");
	begin(t);
	vt_expect(t, vt_done(t, 'a', 0), GONE_A);
	vt_expect(t, end(t), "");
}

static void r17_undo_that_is_under_way_ends_first(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_UNWARN, 'a', VT_LATER);
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:a");
	begin(t);
	assert_int_equal(end(t), -EAGAIN);
	vt_expect(t, vt_done(t, 'a', 0), "CANCELLED:aF");
	vt_expect(t, end(t), "");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
}

static void r17_requests_between_the_phases_need_no_ack(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	begin(t);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
	vt_expect(t, end(t), "");
}

static void r17_end_without_begin(void **state)
{
	struct vt_removal *t = *state;

	assert_int_equal(end(t), -EBUSY);
	assert_int_equal(begin(t), 0);
	assert_int_equal(begin(t), 0); /* the guest resets again meanwhile: one reset */
	assert_int_equal(end(t), 0);
	assert_int_equal(end(t), -EBUSY);
	assert_int_equal(vt_stats(t).guest_resets, 1);
}

static void r17_what_is_known_of_the_guest_is_forgotten(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_alone(t, 'p', VDEV_REMOVAL_PVDEV);
	vdev_removal_ready(t->r, t->now, 0, 1);
	begin(t);
	assert_int_equal(end(t), 0);
	assert_int_equal(vt_info(t, 'a').level, VDEV_REMOVAL_UNKNOWN);
	assert_false(vt_info(t, 's').flags & VDEV_REMOVAL_IS_READY);
	assert_false(vt_info(t, 'p').flags & VDEV_REMOVAL_IS_READY);
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_expect(t, vt_request(t, 'p', 0), "GUEST_NOT_READY:p");
	vt_alone(t, 'q', VDEV_REMOVAL_PVDEV); /* nor does a new unit inherit the old driver */
	assert_false(vt_info(t, 'q').flags & VDEV_REMOVAL_IS_READY);
}

/* R10: on ACPI there is no signal of readiness, so it is sent again after the reset too. */
static void r17_held_request_begins_after_the_reset(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vdev_removal_hold(t->r, t->now);
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, begin(t), "");
	vt_expect(t, end(t), ""); /* it has not begun: it keeps nobody from booting */
	vt_expect(t, vdev_removal_unhold(t->r, t->now), "WARN:a REQUESTED:a");
}

static void r17_stuck_device_is_hidden_and_keeps_nobody_from_booting(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	vt_expect(t, vt_pass(t, 30 * VT_SEC), "CANCEL:a(TEARDOWN)");
	begin(t);
	assert_int_equal(end(t), -EAGAIN);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "STUCK:aX(TEARDOWN,-110)");
	vt_expect(t, end(t), "");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:aX FAILED_AT:aFGX(TEARDOWN,-110)");
}

/* Removal of the bridge waits for the announcement of what is below it. */
static void r17_operation_that_waits_for_something_below_is_not_finished(void **state)
{
	struct vt_removal *t = *state;

	vt_add(t, 'p',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
					   .transport = VDEV_REMOVAL_ACPI});
	vt_script(t, VDEV_REMOVAL_ANNOUNCE, 'x', VT_LATER);
	vt_expect(t,
		  vt_add(t, 'x',
			 &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
						     .flags = VDEV_REMOVAL_HOTPLUG,
						     .parent = t->h['p']}),
		  "ANNOUNCE:x");
	vt_expect(t, vt_request(t, 'p', 0), "");
	begin(t);
	assert_int_equal(end(t), -EAGAIN);
	vt_expect(t, vt_done(t, 'x', 0),
		  "HIDE:x HIDE:pL TEARDOWN:x RELEASE:x REMOVED:xFG TEARDOWN:p RELEASE:p "
		  "REMOVED:pFG");
	vt_expect(t, end(t), "");
}

/* ... and one above what is stuck keeps nobody from booting either. */
static void r17_operation_above_a_stuck_one(void **state)
{
	struct vt_removal *t = *state;

	vt_add(t, 'p',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
					   .transport = VDEV_REMOVAL_ACPI});
	vt_child(t, 'x', 'p', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_level(t, 'x', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'x', VT_LATER);
	vt_expect(t, vt_request(t, 'x', 0), "HIDE:xL TEARDOWN:x");
	vt_expect(t, vt_pass(t, 30 * VT_SEC), "CANCEL:x(TEARDOWN)");
	vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE), "STUCK:xX(TEARDOWN,-110)");
	vt_expect(t, vt_request(t, 'p', 0), "");
	begin(t);
	vt_expect(t, end(t), "");
	vt_expect(t, vt_done(t, 'x', 0),
		  "RELEASE:xX FAILED_AT:xFGX(TEARDOWN,-110) WARN:p REQUESTED:p");
}

/* What the slot's registers said is of the old kernel: off, unseen presses, the last press. */
static void r17_registers_are_forgotten(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL");
	begin(t);
	vt_expect(t, end(t), "REANNOUNCE:a");
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a"); /* not: it is off already */
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:s CANCELLED:aF");
	begin(t);
	vt_expect(t, end(t), "");
	vt_registers(t, 's', VT_ON, 0);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a"); /* no 5 s of another kernel */
}

static void r17_unasked_eject_during_reset(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	begin(t);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	assert_int_equal(end(t), -EAGAIN);
	vt_expect(t, vt_done(t, 'a', 0), "");
	vt_expect(t, end(t), "REANNOUNCE:a");
}

static void r17_registers_are_those_of_a_reset_slot(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_registers(t, 's', VT_OFF, 0x108);
	vt_drain(t);
	begin(t);
	vt_expect(t, end(t), "REANNOUNCE:a"); /* HIDDEN by the power-off above */
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "");
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL"); /* an edge again */
}

static void r17_what_was_cancelled_stays(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	vt_script(t, VDEV_REMOVAL_RESUME, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a");
	vt_expect(t, vt_cancel(t, 'a'), "");
	begin(t);
	assert_int_equal(end(t), -EAGAIN);
	vt_expect(t, vt_done(t, 'a', 0), "CANCELLED:aF");
	vt_expect(t, end(t), "");
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_expect(t, vt_cancel(t, 'a'), "");
	begin(t);
	vt_expect(t, vt_done(t, 'a', 0), "RESUME:a CANCELLED:aF");
	vt_expect(t, end(t), "");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
}

static void r17_cancel_after_begin_is_too_late(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	begin(t);
	assert_int_equal(vt_cancel(t, 'a'), -EALREADY);
	vt_done(t, 'a', 0);
	vt_drain(t);
	assert_non_null(strstr(t->text, "REMOVED:aFG"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r17_pending_removals_complete_at_begin),
		TEST(r17_also_those_between_two_warnings),
		TEST(r17_step_that_is_outstanding_ends_first),
		TEST(r17_end_is_refused_until_they_are_finished),
		TEST(r17_refused_end_changes_nothing),
		TEST(r17_on_the_way_back_to_a_warning),
		TEST(r17_undo_that_is_under_way_ends_first),
		TEST(r17_requests_between_the_phases_need_no_ack),
		TEST(r17_end_without_begin),
		TEST(r17_what_is_known_of_the_guest_is_forgotten),
		TEST(r17_held_request_begins_after_the_reset),
		TEST(r17_stuck_device_is_hidden_and_keeps_nobody_from_booting),
		TEST(r17_operation_that_waits_for_something_below_is_not_finished),
		TEST(r17_operation_above_a_stuck_one),
		TEST(r17_registers_are_forgotten),
		TEST(r17_unasked_eject_during_reset),
		TEST(r17_registers_are_those_of_a_reset_slot),
		TEST(r17_what_was_cancelled_stays),
		TEST(r17_cancel_after_begin_is_too_late),
	};

	return cmocka_run_group_tests_name("removal_reset", tests, NULL, NULL);
}
