/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: where two rules meet, one test for each side of a condition that others leave open. */
#include "test_removal_rig.h"

/* Slot Control of a guest that does not listen; the indicator blinks. */
#define DEAF_BLINK 0x200u

static void add_below(struct vt_removal *t, char letter, char parent, uint32_t transport)
{
	const struct vdev_removal_unit u = {.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					    .transport = transport,
					    .parent = parent ? t->h[(int)parent] : 0};

	assert_in_range(vt_add(t, letter, &u), 0, 1);
}

/* 10 s of the second wait have passed when the guest goes deaf; 50 s are left. */
static void until_deaf(struct vt_removal *t)
{
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_RETRY, 1, 60 * VT_SEC),
		  "WARN:s REQUESTED:a");
	vt_expect(t, vt_registers(t, 's', VT_BLINK, 0), "BUSY:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), ""); /* a press now would cancel */
	vt_pass(t, 10 * VT_SEC);
	assert_int_equal(vt_info(t, 's').ack_left_ns, 50 * VT_SEC);
	vt_expect(t, vt_registers(t, 's', DEAF_BLINK, 0), "GUEST_NOT_READY:a");
}

static void R9_deaf_for_long_and_told_so_again_costs_no_time(void **state)
{
	struct vt_removal *t = *state;

	until_deaf(t);
	for (int i = 0; i < 3; i++) {
		vt_expect(t, vt_pass(t, 100 * VT_SEC), "");
		vt_expect(t, vt_registers(t, 's', DEAF_BLINK, 0), "");
	}
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "WARN:s#2");
	assert_int_equal(vt_info(t, 's').ack_left_ns, 50 * VT_SEC);
	vt_expect(t, vt_pass(t, 50 * VT_SEC - 1), "");
	vt_expect(t, vt_pass(t, 1), "UNWARN:s TIMED_OUT:aF");
}

/* The time that is left is no time of the clock: it must not count as one that is over. */
static void R6_a_late_safe_counts_while_the_guest_is_deaf(void **state)
{
	struct vt_removal *t = *state;

	until_deaf(t);
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE),
		  "HIDE:aL TEARDOWN:a RELEASE:a REMOVED:aFG");
}

static void R6_who_was_not_idle_once_may_still_become_safe(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a WARN:a REQUESTED:a");
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), ""); /* not a second try */
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE), GONE_A);
}

static void R6_safer_while_it_is_made_idle(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_done(t, 'a', 0), GONE_A); /* and not back to where it came from */
}

/* Not idle is a reason to warn; a step of the VMM's own that is busy is a failure. */
static void R1_only_quiesce_says_that_a_device_is_not_idle(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_OWN_STEP_FIRST, VDEV_REMOVAL_OWN_STEP_LAST, VT_SEC},
		{VDEV_REMOVAL_QUIESCE, VDEV_REMOVAL_RESUME, VT_SEC},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	assert_int_equal(vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION,
						  VDEV_REMOVAL_SAFE_IDLE, steps, 4),
			 0);
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_OWN_STEP_FIRST, 'a', -EBUSY);
	vt_request(t, 'a', 0);
	vt_drain(t);
	assert_int_equal(t->last.kind, VDEV_REMOVAL_OUTCOME);
	assert_int_equal(t->last.arg[0], VDEV_REMOVAL_ROLLED_BACK);
	assert_int_equal(t->last.arg[1], VDEV_REMOVAL_OWN_STEP_FIRST);
	assert_int_equal((int64_t)t->last.arg[2], -EBUSY);
}

static uint32_t because(struct vt_removal *t, uint32_t policy, uint32_t operator_level)
{
	struct vdev_removal_planned steps[VDEV_REMOVAL_MAX_STEPS];

	reconfigure(t, (struct vdev_removal_config){.flags = VDEV_REMOVAL_COARSE |
							     VDEV_REMOVAL_UNTRUSTED,
						    .level_policy = policy});
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vdev_removal_declare(t->r, t->now, t->h['a'], VDEV_REMOVAL_OPERATOR, operator_level);
	assert_true(vdev_removal_plan(t->r, t->h['a'], NULL, steps, sizeof(steps[0]),
				      VT_COUNT(steps)) > 0);
	return steps[0].because;
}

/* What the operator says is not a matter of trusting the guest. */
static void R7_the_reason_is_distrust_only_where_the_guest_is_heard(void **state)
{
	struct vt_removal *t = *state;

	assert_int_equal(because(t, VDEV_REMOVAL_LEVEL_GUEST, VDEV_REMOVAL_UNSAFE),
			 VDEV_REMOVAL_BECAUSE_UNTRUSTED);
	assert_int_equal(because(t, VDEV_REMOVAL_LEVEL_LOWER, VDEV_REMOVAL_SAFE),
			 VDEV_REMOVAL_BECAUSE_UNTRUSTED);
	assert_int_equal(because(t, VDEV_REMOVAL_LEVEL_OPERATOR, VDEV_REMOVAL_UNSAFE),
			 VDEV_REMOVAL_BECAUSE_UNSAFE);
}

static uint64_t planned_wait(struct vt_removal *t)
{
	struct vdev_removal_planned steps[VDEV_REMOVAL_MAX_STEPS];
	int n = vdev_removal_plan(t->r, t->h['a'], NULL, steps, sizeof(steps[0]), VT_COUNT(steps));

	for (int i = 0; i < n; i++)
		if (steps[i].kind == VDEV_REMOVAL_AWAIT_ACK)
			return steps[i].deadline_ns;
	return 0;
}

/* The VM's default is for the presets; a set of its own says its own. */
static void R13_a_plan_knows_whose_wait_it_is(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN, VT_SEC},
		{VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO, 20 * VT_SEC},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){.flags = VDEV_REMOVAL_COARSE,
						    .ack_ns = 7 * VT_SEC});
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
	assert_int_equal(planned_wait(t), 7 * VT_SEC);
	assert_int_equal(vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION,
						  VDEV_REMOVAL_UNSAFE, steps, 4),
			 0);
	assert_int_equal(planned_wait(t), 20 * VT_SEC);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	assert_int_equal(vt_info(t, 'a').ack_left_ns, 20 * VT_SEC);
}

/* Being taken back only in order to warn is not ending. */
static void R11_joins_while_it_goes_over_to_a_warning(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	vt_script(t, VDEV_REMOVAL_RESUME, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a");
	vt_expect(t, vt_request(t, 'a', 0), "");
	assert_int_equal(vt_stats(t).joined, 1);
	vt_expect(t, vt_done(t, 'a', 0), "WARN:a REQUESTED:a"); /* one operation, and it goes on */
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
}

static void R12_cancelled_while_it_goes_over_to_a_warning(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EBUSY);
	vt_script(t, VDEV_REMOVAL_RESUME, 'a', VT_LATER);
	vt_request(t, 'a', 0);
	vt_drain(t);
	assert_int_equal(vt_cancel(t, 'a'), 0);
	vt_done(t, 'a', 0);
	vt_drain(t);
	assert_int_equal(t->last.kind, VDEV_REMOVAL_OUTCOME);
	assert_int_equal(t->last.arg[0], VDEV_REMOVAL_CANCELLED);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
}

/* One action of a unit may be given up; the next that does not end is waited for. */
static void R10_stuck_once_is_the_limit(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_DRAIN, 'a', VT_LATER);
	vt_script(t, VDEV_REMOVAL_RESET, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL DRAIN:a");
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "CANCEL:a(DRAIN)");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE),
		  "STUCK:aX(DRAIN,-110) IRQ_OFF:aX RESET:aX");
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "CANCEL:aX(RESET)");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "");
	assert_int_equal(vt_stats(t).stuck, 1);
	vt_expect(t, vt_done(t, 'a', 0), "DETACH_EVENTS:aX UNMAP_BARS:aX LEAVE_DMA:aX");
}

/* Off is what the slot can say: without an indicator the power controller alone. */
static void R14_off_without_an_indicator(void **state)
{
	struct vt_removal *t = *state;
	const struct vdev_removal_unit slot = {.unit_class = VDEV_REMOVAL_PCI_SLOT,
					       .transport = VDEV_REMOVAL_PCIE,
					       .slot_cap = 0x3u}; /* button, power controller */

	vt_add(t, 's', &slot);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_registers(t, 's', 0x021u, 0);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_registers(t, 's', 0x321u, 0), ""); /* no indicator: means nothing */
	vt_expect(t, vt_registers(t, 's', 0x421u, 0),
		  "HIDE:aL ACKED:a TEARDOWN:a RELEASE:a REMOVED:aFG");
}

/* An answer for a slot further down says nothing about the rest of what is asked for. */
static void R2_a_slot_below_is_switched_off(void **state)
{
	struct vt_removal *t = *state;

	add_below(t, 'b', 0, VDEV_REMOVAL_ACPI);
	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 'b');
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_registers(t, 's', VT_ON, 0);
	vt_expect(t, vt_request(t, 'b', 0), "WARN:b REQUESTED:b");
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PENDING);
	assert_int_equal(vt_info(t, 'b').step, VDEV_REMOVAL_AWAIT_ACK);
	vt_expect(t, vt_cancel(t, 'b'), "CANCELLED:bF");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
}

/* Its guest lets go of a device while the request for it is taken back for one above: that one goes on
 * as it would have, and the device is not hidden alone. */
static void R2_an_ack_too_late_for_an_operation_that_gave_way(void **state)
{
	struct vt_removal *t = *state;

	add_below(t, 'b', 0, VDEV_REMOVAL_ACPI);
	add_below(t, 'c', 'b', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'c', 1);
	vt_expect(t, vt_request(t, 'c', 0), "WARN:c REQUESTED:c");
	vt_script(t, VDEV_REMOVAL_UNWARN, 'c', VT_LATER);
	vt_expect(t, vt_request(t, 'b', 0), "UNWARN:c");
	vt_expect(t, vt_ack(t, 'c'), "");
	vt_expect(t, vt_done(t, 'c', 0), "WARN:b REQUESTED:c REQUESTED:b");
	assert_int_equal(vt_stats(t).unasked, 0);
	vt_expect(t, vt_ack(t, 'b'),
		  "HIDE:c HIDE:bL ACKED:c ACKED:b TEARDOWN:c RELEASE:c REMOVED:cFG TEARDOWN:b "
		  "RELEASE:b REMOVED:bFG");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(R9_deaf_for_long_and_told_so_again_costs_no_time),
		TEST(R6_a_late_safe_counts_while_the_guest_is_deaf),
		TEST(R6_who_was_not_idle_once_may_still_become_safe),
		TEST(R6_safer_while_it_is_made_idle),
		TEST(R1_only_quiesce_says_that_a_device_is_not_idle),
		TEST(R7_the_reason_is_distrust_only_where_the_guest_is_heard),
		TEST(R13_a_plan_knows_whose_wait_it_is),
		TEST(R11_joins_while_it_goes_over_to_a_warning),
		TEST(R12_cancelled_while_it_goes_over_to_a_warning),
		TEST_FULL(R10_stuck_once_is_the_limit),
		TEST(R14_off_without_an_indicator),
		TEST(R2_a_slot_below_is_switched_off),
		TEST(R2_an_ack_too_late_for_an_operation_that_gave_way),
	};

	return cmocka_run_group_tests_name("removal_corners", tests, NULL, NULL);
}
