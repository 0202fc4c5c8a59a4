/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: what a support level is, where it is kept, and what it decides (R1, R3, R4, R6). */
#include "test_removal_rig.h"

static void r1_levels_that_exist(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	for (uint32_t level = 0; level < 40; level++) {
		int valid = level <= VDEV_REMOVAL_SAFE ||
			    (level >= VDEV_REMOVAL_OWN_FIRST && level <= VDEV_REMOVAL_OWN_LAST);

		assert_int_equal(vt_level(t, 'a', level), valid ? 0 : -EINVAL);
		if (valid)
			assert_int_equal(vdev_removal_level(t->r, t->h['a']), (int)level);
	}
	assert_int_equal(vt_level(t, 'a', UINT32_MAX), -EINVAL);
	assert_int_equal(vt_stats(t).declared, 20);
	assert_int_equal(vt_stats(t).bad_guest, 21);
}

static void r1_level_describes_the_driver_not_the_slot(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	assert_int_equal(vdev_removal_level(t->r, t->h['s']), VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
}

static void r1_safe_idle_that_is_idle(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a " GONE_A);
}

static void r1_safe_idle_that_is_not_idle_acts_as_unsafe(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a WARN:a REQUESTED:a");
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
}

static void r1_safe_idle_not_idle_by_its_deadline_acts_as_unsafe(void **state)
{
	static const int statuses[] = {0, -ECANCELED, -ETIMEDOUT, -EBUSY, -EIO};

	for (uint32_t i = 0; i < VT_COUNT(statuses); i++) {
		struct vt_removal *t = *state;

		vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
		vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
		vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
		vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
		assert_int_equal(vt_due(t), 5 * VT_SEC);
		vt_expect(t, vt_pass(t, 5 * VT_SEC), "CANCEL:a(QUIESCE)");
		vt_expect(t, vt_done(t, 'a', statuses[i]), "RESUME:a WARN:a REQUESTED:a");
		vt_expect(t, vt_ack(t, 'a'), ACKED_A);
	}
}

static void r1_safe_idle_lowered_while_quiescing_is_resumed_then_warned(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_UNSAFE), "");
	vt_expect(t, vt_done(t, 'a', 0), "RESUME:a WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "TIMED_OUT:aF");
}

static void r1_own_level_acts_as_unsafe_until_it_has_actions(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_OWN_STEP_FIRST, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', 20);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_cancel(t, 'a'), "CANCELLED:aF");
	assert_int_equal(vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, 20, steps, 3),
			 0);
	vt_expect(t, vt_request(t, 'a', 0), "OWN:a HIDE:aL RELEASE:a REMOVED:aFG");
}

static void r1_own_level_without_actions_takes_the_vmms_unsafe_set(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_OWN_STEP_FIRST, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN, VT_SEC},
		{VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_UNSAFE, steps, 5);
	for (uint32_t level = VDEV_REMOVAL_OWN_FIRST; level <= VDEV_REMOVAL_OWN_LAST; level++) {
		vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
		vt_level(t, 'a', level);
		vt_expect(t, vt_request(t, 'a', 0), "OWN:a WARN:a REQUESTED:a");
	}
}

/* A set of the VMM's own for SAFE may quiesce too; the guest may take its word back meanwhile. */
static void r4_safe_taken_back_before_hide_is_warned(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_QUIESCE, VDEV_REMOVAL_RESUME, VT_SEC},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_SAFE, steps, 3);
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_level(t, 'a', VDEV_REMOVAL_UNKNOWN);
	vt_expect(t, vt_done(t, 'a', 0), "RESUME:a WARN:a REQUESTED:a");
}

static void r3_set_of_that_class_and_level_is_taken(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_DRAIN, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	assert_int_equal(
		vdev_removal_set_actions(t->r, VDEV_REMOVAL_MEMORY, VDEV_REMOVAL_SAFE, steps, 3),
		0);
	for (uint32_t class = 0; class < VDEV_REMOVAL_CLASSES; class ++) {
		const struct vdev_removal_unit u = {.unit_class = class,
						    .transport = VDEV_REMOVAL_ACPI};

		if (class == VDEV_REMOVAL_PCI_SLOT)
			continue;
		assert_int_equal(vt_add(t, 'a', &u), 0);
		vt_level(t, 'a', VDEV_REMOVAL_SAFE);
		vt_expect(t, vt_request(t, 'a', 0),
			  class == VDEV_REMOVAL_MEMORY ? "HIDE:aL DRAIN:a RELEASE:a REMOVED:aFG"
						       : GONE_A);
		assert_int_equal(vt_add(t, 'a', &u), 0);
		vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
		vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a " GONE_A);
	}
}

static void r4_safe_is_removed_without_a_warning(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
	assert_int_equal(vt_stats(t).warnings, 0);
	assert_int_equal(vt_stats(t).removed, 1);
}

static void r4_unsafe_and_unknown_are_warned_first(void **state)
{
	struct vt_removal *t = *state;

	for (uint32_t level = VDEV_REMOVAL_UNKNOWN; level <= VDEV_REMOVAL_UNSAFE; level++) {
		vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
		vt_level(t, 'a', level);
		vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
		vt_expect(t, vt_ack(t, 'a'), ACKED_A);
		assert_int_equal(vt_stats(t).warnings, level + 1);
	}
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI); /* absent: nothing was ever declared */
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
}

static void r6_declaring_again_overwrites(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
}

static void r6_new_device_in_a_slot_never_inherits(void **state)
{
	struct vt_removal *t = *state;
	uint64_t old;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	old = t->h['a'];
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
	vt_pass(t, 2 * VT_SEC);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	assert_true(t->h['a'] != old);
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(vdev_removal_level(t->r, old), -ENOENT);
	assert_int_equal(vdev_removal_declare(t->r, t->now, old, VDEV_REMOVAL_GUEST, 3), -ENOENT);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
}

static void r6_unbind_forgets_and_asks_again(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_alone(t, 'b', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE);
	vt_expect(t, vdev_removal_forget(t->r, t->now, t->h['a']), "REDECLARE:a");
	vt_expect(t, vdev_removal_forget(t->r, t->now, t->h['b']), ""); /* cannot be asked */
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(vdev_removal_level(t->r, t->h['b']), VDEV_REMOVAL_UNKNOWN);
}

static void r6_new_handshake_forgets_all_and_asks_once(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_alone(t, 'b', VDEV_REMOVAL_PVDEV);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE_IDLE);
	vt_expect(t, vdev_removal_forget(t->r, t->now, 0), "");
	vdev_removal_ready(t->r, t->now, 0, 1);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_expect(t, vdev_removal_forget(t->r, t->now, 0), "REDECLARE:-");
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(vdev_removal_level(t->r, t->h['b']), VDEV_REMOVAL_UNKNOWN);
}

static void r6_forgetting_leaves_the_operators_level(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vdev_removal_declare(t->r, t->now, t->h['a'], VDEV_REMOVAL_OPERATOR, VDEV_REMOVAL_SAFE);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vdev_removal_forget(t->r, t->now, 0);
	assert_int_equal(vt_info(t, 'a').operator_level, VDEV_REMOVAL_SAFE);
	assert_int_equal(vt_info(t, 'a').guest_level, VDEV_REMOVAL_UNKNOWN);
}

static void r6_guest_reset_forgets(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_expect(t, vdev_removal_reset_begin(t->r, t->now), "");
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_SAFE);
	vt_expect(t, vdev_removal_reset_end(t->r, t->now), "");
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_UNKNOWN);
}

static void r6_late_safe_lets_a_waiting_request_proceed(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_UNSAFE), "");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE), GONE_A);
	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV); /* also one that could not be warned so far */
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), "QUIESCE:a " GONE_A);
}

static void r6_late_safe_before_or_while_the_warning_is_given(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_request(t, 'a', 0); /* WARN waits to be taken */
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE), GONE_A);
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE), "");
	vt_expect(t, vt_done(t, 'a', 0), "HIDE:aL REQUESTED:a TEARDOWN:a RELEASE:a REMOVED:aFG");
}

static void r6_late_safe_of_one_function_is_not_enough(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE), "");
	vt_expect(t, vt_level(t, 'b', VDEV_REMOVAL_SAFE),
		  "HIDE:b HIDE:aL TEARDOWN:b RELEASE:b REMOVED:bFG TEARDOWN:a RELEASE:a "
		  "REMOVED:aFG");
}

static void r6_nothing_declared_lengthens_a_removal(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_pass(t, 50 * VT_SEC);
	vt_expect(t, vdev_removal_progress(t->r, t->now, t->h['a']), "BUSY:a");
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), "QUIESCE:a RESUME:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_UNSAFE), "");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), ""); /* tried once */
	vt_ready(t, 'a', 0);
	vt_expect(t, vt_ready(t, 'a', 1), "WARN:a#2");
	assert_int_equal(vt_due(t), 10 * VT_SEC);
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

static void r6_safe_removal_that_began_is_not_made_longer(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_UNSAFE), "");
	vt_expect(t, vt_done(t, 'a', 0), "TEARDOWN:a RELEASE:a REMOVED:aFG");
}

static void r6_safe_that_came_while_it_was_not_idle(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE), "");
	vt_expect(t, vt_done(t, 'a', -EBUSY), "RESUME:a " GONE_A);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r1_levels_that_exist),
		TEST(r1_level_describes_the_driver_not_the_slot),
		TEST(r1_safe_idle_that_is_idle),
		TEST(r1_safe_idle_that_is_not_idle_acts_as_unsafe),
		TEST(r1_safe_idle_not_idle_by_its_deadline_acts_as_unsafe),
		TEST(r1_safe_idle_lowered_while_quiescing_is_resumed_then_warned),
		TEST(r1_own_level_acts_as_unsafe_until_it_has_actions),
		TEST(r1_own_level_without_actions_takes_the_vmms_unsafe_set),
		TEST(r4_safe_taken_back_before_hide_is_warned),
		TEST(r3_set_of_that_class_and_level_is_taken),
		TEST(r4_safe_is_removed_without_a_warning),
		TEST(r4_unsafe_and_unknown_are_warned_first),
		TEST(r6_declaring_again_overwrites),
		TEST(r6_new_device_in_a_slot_never_inherits),
		TEST(r6_unbind_forgets_and_asks_again),
		TEST(r6_new_handshake_forgets_all_and_asks_once),
		TEST(r6_forgetting_leaves_the_operators_level),
		TEST(r6_guest_reset_forgets),
		TEST(r6_late_safe_lets_a_waiting_request_proceed),
		TEST(r6_late_safe_before_or_while_the_warning_is_given),
		TEST(r6_late_safe_of_one_function_is_not_enough),
		TEST(r6_nothing_declared_lengthens_a_removal),
		TEST(r6_safe_removal_that_began_is_not_made_longer),
		TEST(r6_safe_that_came_while_it_was_not_idle),
	};

	return cmocka_run_group_tests_name("removal_levels", tests, NULL, NULL);
}
