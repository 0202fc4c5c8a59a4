/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: the attention button of a PCIe slot (R9, R10, R12, R16). */
#include "test_removal_rig.h"

#define ABP 0x1u /* Slot Status: the press was not seen yet */
#define RETRY VDEV_REMOVAL_ACK_RETRY

/* Warned at 0 s; the guest answers with what the test writes into the registers. */
static void pressed(struct vt_removal *t, uint32_t retries, uint64_t ack_ns)
{
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request_with(t, 'a', RETRY, retries, ack_ns), "WARN:s REQUESTED:a");
}

static void r9_button_is_pressed_once_without_retry(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 0, 0);
	for (int i = 0; i < 59; i++)
		vt_expect(t, vt_pass(t, VT_SEC), "");
	vt_expect(t, vt_pass(t, VT_SEC), "UNWARN:s TIMED_OUT:aF");
}

static void r9_button_is_repeated_when_all_three_hold(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 1, 10 * VT_SEC);
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "WARN:s#2");
}

static void r9_button_is_not_pressed_while_blinking(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 1, 10 * VT_SEC);
	vt_expect(t, vt_registers(t, 's', VT_BLINK, 0), "BUSY:a");
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "WARN:s#2"); /* steady again: it may be */
}

static void r9_button_is_not_pressed_before_the_guest_cleared_abp(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 1, 10 * VT_SEC);
	vt_expect(t, vt_registers(t, 's', VT_ON, ABP), "");
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "WARN:s#2");
}

static void r9_button_is_not_pressed_within_5_s(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 1, 3 * VT_SEC);
	vt_expect(t, vt_pass(t, 3 * VT_SEC), "");
	assert_int_equal(vt_due(t), 2 * VT_SEC);
	vt_expect(t, vt_pass(t, 2 * VT_SEC - 1), "");
	vt_expect(t, vt_pass(t, 1), "WARN:s#2");
}

static void r9_button_time_is_running_time_of_the_guest(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 1, 3 * VT_SEC);
	vt_pass(t, 2 * VT_SEC);
	vt_expect(t, vdev_removal_pause(t->r, t->now), "");
	assert_int_equal(vt_due(t), VDEV_NONE);
	vt_expect(t, vt_pass(t, 100 * VT_SEC), "");
	vt_expect(t, vdev_removal_resume(t->r, t->now), "");
	vt_expect(t, vt_pass(t, VT_SEC), ""); /* 3 s: the wait is over, not yet the 5 s */
	vt_expect(t, vt_pass(t, 2 * VT_SEC - 1), "");
	vt_expect(t, vt_pass(t, 1), "WARN:s#2");
}

static void r9_button_time_is_configurable(void **state)
{
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){.button_ns = 30 * VT_SEC});
	pressed(t, 1, 3 * VT_SEC);
	vt_expect(t, vt_pass(t, 3 * VT_SEC), "");
	assert_int_equal(vt_due(t), 3 * VT_SEC); /* the retry's own end comes sooner */
	vt_expect(t, vt_pass(t, 3 * VT_SEC), "UNWARN:s TIMED_OUT:aF");
}

/* A second request soon after the first ended is no reason to press within 5 s either. */
static void r9_button_time_counts_across_requests(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 0, VT_SEC);
	vt_expect(t, vt_pass(t, VT_SEC), "UNWARN:s TIMED_OUT:aF");
	vt_expect(t, vt_request(t, 'a', 0), "");
	assert_int_equal(vt_due(t), 4 * VT_SEC);
	vt_expect(t, vt_pass(t, 4 * VT_SEC), "WARN:s REQUESTED:a");
}

static void r9_unseen_or_blinking_at_the_request_waits(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_registers(t, 's', VT_BLINK, 0);
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_registers(t, 's', VT_ON, ABP), "");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "WARN:s REQUESTED:a");
}

static void r9_indicator_counts_only_where_there_is_one(void **state)
{
	static const struct vdev_removal_unit slot = {.unit_class = VDEV_REMOVAL_PCI_SLOT,
						      .transport = VDEV_REMOVAL_PCIE,
						      .slot_cap = 0x43}; /* no PIP */
	struct vt_removal *t = *state;

	vt_add(t, 's', &slot);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_registers(t, 's', 0x21, 0);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_registers(t, 's', 0x421, 0), ACKED_A); /* PCC alone is the answer */
}

static void r9_controller_counts_only_where_there_is_one(void **state)
{
	static const struct vdev_removal_unit slot = {.unit_class = VDEV_REMOVAL_PCI_SLOT,
						      .transport = VDEV_REMOVAL_PCIE,
						      .slot_cap = 0x51}; /* no PCP */
	struct vt_removal *t = *state;

	vt_add(t, 's', &slot);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_registers(t, 's', VT_ON, 0);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_registers(t, 's', 0x321, 0), ACKED_A); /* the indicator alone */
}

/* What the slot says counts until the press is taken. */
static void r9_slot_that_begins_to_blink_before_the_press_was_taken(void **state)
{
	struct vt_removal *t = *state;

	for (char c = 'p'; c <= 'r'; c++) {
		vt_slot(t, c, VDEV_REMOVAL_PCIE, 0);
		vt_child(t, (char)(c - 'p' + 'a'), c, VDEV_REMOVAL_PCI_FUNCTION, 0);
		vt_registers(t, c, VT_ON, 0);
		vt_request(t, c, 0);
	}
	assert_int_equal(vt_registers(t, 'q', VT_BLINK, 0), 2); /* one of three waits again */
	vt_expect(t, 0, "WARN:p WARN:r REQUESTED:p REQUESTED:r");
	vt_expect(t, vt_registers(t, 'q', VT_ON, ABP), "");
	vt_expect(t, vt_registers(t, 'q', VT_ON, 0), "WARN:q REQUESTED:q");
}

static void r9_ack_is_indicator_and_controller_off(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 0, 0);
	vt_expect(t, vt_registers(t, 's', 0x521, 0), ""); /* power off, indicator still on */
	vt_expect(t, vt_registers(t, 's', 0x321, 0), ""); /* the other way round */
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), ACKED_A);
}

static void r9_ack_is_an_edge(void **state)
{
	struct vt_removal *t = *state;

	/* off before the card came: no ack, and no warning needed either (R14) */
	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_registers(t, 's', VT_OFF, 0);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "");
	vt_registers(t, 's', VT_ON, 0);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), ACKED_A);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), ""); /* written again */
	assert_int_equal(vt_stats(t).unasked, 0);
}

static void r9_blinking_is_busy_told_once(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 0, 0);
	vt_expect(t, vt_registers(t, 's', VT_BLINK, 0), "BUSY:a");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "");
	vt_expect(t, vt_registers(t, 's', VT_BLINK, 0), "");
	assert_int_equal(vt_stats(t).busy, 1);
}

static void r9_blinking_before_the_press_ended_is_busy_too(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_script(t, VDEV_REMOVAL_WARN, 's', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s");
	vt_expect(t, vt_registers(t, 's', VT_BLINK, 0), "");
	vt_expect(t, vt_done(t, 's', 0), "REQUESTED:a BUSY:a");
}

static void r9_blinking_lengthens_nothing(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 0, 10 * VT_SEC);
	vt_expect(t, vt_registers(t, 's', VT_BLINK, 0), "BUSY:a");
	assert_int_equal(vt_due(t), 10 * VT_SEC);
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "UNWARN:s TIMED_OUT:aF");
}

static void r12_unwarn_says_whether_a_press_would_cancel(void **state)
{
	struct vt_removal *t = *state;

	pressed(t, 0, 0);
	vt_expect(t, vt_registers(t, 's', VT_BLINK, 0), "BUSY:a");
	vt_cancel(t, 'a');
	t->stop_after = 1;
	assert_string_equal(vt_drain(t), "UNWARN:s");
	assert_int_equal(t->last.arg[2], 1);
	t->stop_after = 0;
	assert_string_equal(vt_drain(t), "CANCELLED:aF");
	vt_registers(t, 's', VT_ON, 0);
	vt_pass(t, 5 * VT_SEC);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_cancel(t, 'a');
	t->stop_after = 1;
	assert_string_equal(vt_drain(t), "UNWARN:s");
	assert_int_equal(t->last.arg[2], 0); /* steady: a press now would warn again */
}

static void r10_guest_that_does_not_listen_is_not_ready(void **state)
{
	static const uint32_t controls[] = {0x100, 0x101, 0x120};
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(controls); i++) {
		vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
		vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
		vt_registers(t, 's', controls[i], 0);
		assert_false(vt_info(t, 's').flags & VDEV_REMOVAL_IS_READY);
		vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
		vt_expect(t, vt_pass(t, 1000 * VT_SEC), ""); /* kept, however long it takes */
		vt_expect(t, vt_registers(t, 's', VT_ON, 0), "WARN:s REQUESTED:a");
		assert_true(vt_info(t, 's').flags & VDEV_REMOVAL_IS_READY);
		vt_expect(t, vt_registers(t, 's', VT_OFF, 0), ACKED_A);
	}
}

static void r10_wait_begins_when_the_guest_is_ready(void **state)
{
	struct vt_removal *t = *state;

	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_pass(t, 1000 * VT_SEC);
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "WARN:s REQUESTED:a");
	assert_int_equal(vt_due(t), 60 * VT_SEC);
}

static void r16_slot_of_another_transport_takes_no_acks_from_registers(void **state)
{
	struct vt_removal *t = *state;

	vt_slot(t, 's', VDEV_REMOVAL_ACPI, 0);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "");
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "");
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
}

static void r9_next_press_is_not_forgotten_when_something_else_happens(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_RETRY, 1, 3 * VT_SEC),
		  "WARN:s REQUESTED:a");
	vt_expect(t, vt_pass(t, 3 * VT_SEC), "");
	t->now += 2 * VT_SEC; /* the next one is due, but step() is late */
	vt_expect(t, vt_done(t, 'a', 0), "");
	assert_int_equal(vt_due(t), 0);
	vt_expect(t, vt_pass(t, 0), "WARN:s#2");
}

static void r9_kept_request_is_sent_though_its_time_is_up(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PCIE);
	vt_ready(t, 'a', 1);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', -EAGAIN);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_KEEP, 0, 3 * VT_SEC), "WARN:a");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "TIMED_OUT:a WARN:a REQUESTED:a");
}

static void r9_retry_while_no_press_is_possible(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_registers(t, 's', VT_BLINK, 0);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_RETRY, 1, 3 * VT_SEC), "");
	vt_expect(t, vt_pass(t, 3 * VT_SEC), "");
	assert_int_equal(vt_due(t), 3 * VT_SEC);
	vt_expect(t, vt_pass(t, 3 * VT_SEC), "TIMED_OUT:aF");
	assert_int_equal(vt_stats(t).timed_out, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r9_button_is_pressed_once_without_retry),
		TEST(r9_button_is_repeated_when_all_three_hold),
		TEST(r9_button_is_not_pressed_while_blinking),
		TEST(r9_button_is_not_pressed_before_the_guest_cleared_abp),
		TEST(r9_button_is_not_pressed_within_5_s),
		TEST(r9_button_time_is_running_time_of_the_guest),
		TEST(r9_button_time_is_configurable),
		TEST(r9_button_time_counts_across_requests),
		TEST(r9_unseen_or_blinking_at_the_request_waits),
		TEST(r9_indicator_counts_only_where_there_is_one),
		TEST(r9_controller_counts_only_where_there_is_one),
		TEST(r9_slot_that_begins_to_blink_before_the_press_was_taken),
		TEST(r9_ack_is_indicator_and_controller_off),
		TEST(r9_ack_is_an_edge),
		TEST(r9_blinking_is_busy_told_once),
		TEST(r9_blinking_before_the_press_ended_is_busy_too),
		TEST(r9_blinking_lengthens_nothing),
		TEST(r12_unwarn_says_whether_a_press_would_cancel),
		TEST(r10_guest_that_does_not_listen_is_not_ready),
		TEST(r10_wait_begins_when_the_guest_is_ready),
		TEST(r16_slot_of_another_transport_takes_no_acks_from_registers),
		TEST(r9_next_press_is_not_forgotten_when_something_else_happens),
		TEST(r9_kept_request_is_sent_though_its_time_is_up),
		TEST(r9_retry_while_no_press_is_possible),
	};

	return cmocka_run_group_tests_name("removal_button", tests, NULL, NULL);
}
