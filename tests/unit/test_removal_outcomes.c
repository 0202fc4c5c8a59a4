/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: what management is told, and when (R10). */
#include "test_removal_rig.h"

static void warned(struct vt_removal *t, uint32_t transport)
{
	vt_alone(t, 'a', transport);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
}

static void r10_requested_is_not_done(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	assert_int_equal(t->last.flags, 0); /* neither FINAL nor GONE */
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PENDING);
	assert_int_equal(vt_stats(t).removed, 0);
}

static void r10_requested_comes_when_the_guest_was_asked(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, vt_done(t, 'a', 0), "REQUESTED:a");
	vt_alone(t, 'b', VDEV_REMOVAL_ACPI); /* and not at all when it was not */
	vt_level(t, 'b', VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'b', 0), "HIDE:bL TEARDOWN:b RELEASE:b REMOVED:bFG");
}

static void r10_acked_comes_when_the_device_is_hidden(void **state)
{
	struct vt_removal *t = *state;

	warned(t, VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vt_expect(t, vt_done(t, 'a', 0), "ACKED:a TEARDOWN:a RELEASE:a REMOVED:aFG");
}

static void r10_busy_once_and_never_final(void **state)
{
	struct vt_removal *t = *state;

	warned(t, VDEV_REMOVAL_ACPI);
	vt_expect(t, vdev_removal_progress(t->r, t->now, t->h['a']), "BUSY:a");
	vt_expect(t, vdev_removal_progress(t->r, t->now, t->h['a']), "");
	assert_int_equal(vt_stats(t).busy, 2);
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
}

static void r10_not_ready_is_kept_and_sent_when_ready(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
	assert_int_equal(vt_due(t), VDEV_NONE);
	vt_expect(t, vt_pass(t, 100000 * VT_SEC), "");
	vt_expect(t, vt_ready(t, 'a', 1), "WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), 60 * VT_SEC);
}

static void r10_ready_of_all_pvdev_units(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_alone(t, 'b', VDEV_REMOVAL_PVDEV);
	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_expect(t, vdev_removal_ready(t->r, t->now, 0, 1), "WARN:a REQUESTED:a");
	assert_true(vt_info(t, 'b').flags & VDEV_REMOVAL_IS_READY);
	assert_false(vt_info(t, 's').flags & VDEV_REMOVAL_IS_READY);
	vt_alone(t, 'c', VDEV_REMOVAL_PVDEV); /* added while the driver is there */
	assert_true(vt_info(t, 'c').flags & VDEV_REMOVAL_IS_READY);
	vdev_removal_ready(t->r, t->now, 0, 0);
	assert_false(vt_info(t, 'b').flags & VDEV_REMOVAL_IS_READY);
	vt_expect(t, vt_request(t, 'b', 0), "GUEST_NOT_READY:b");
}

static void r10_acpi_has_no_ready_signal_and_is_sent_periodically(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_READY);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	for (uint64_t n = 2; n <= 12; n++) {
		vt_pass(t, 5 * VT_SEC);
		vt_drain(t);
		assert_int_equal(t->last.kind, VDEV_REMOVAL_WARN);
		assert_int_equal(t->last.arg[2], n);
	}
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "TIMED_OUT:aF");
}

static void r10_removed_by_guest(void **state)
{
	struct vdev_removal_unit u = {.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
				      .transport = VDEV_REMOVAL_ACPI,
				      .unasked = VDEV_REMOVAL_UNASKED_ACCEPT};
	struct vt_removal *t = *state;

	vt_add(t, 'a', &u);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL TEARDOWN:a RELEASE:a REMOVED_BY_GUEST:aFG");
	assert_int_equal(vt_stats(t).removed_by_guest, 1);
	assert_int_equal(vt_stats(t).removed, 0);
}

static void r10_failed_at_names_the_first_step_that_failed(void **state)
{
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){0});
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_RESET, 'a', -EIO);
	vt_script(t, VDEV_REMOVAL_UNMAP_BARS, 'a', -EFAULT);
	vt_expect(t, vt_request(t, 'a', 0),
		  "HIDE:aL DRAIN:a IRQ_OFF:a RESET:a DETACH_EVENTS:a UNMAP_BARS:a LEAVE_DMA:a "
		  "RELEASE:a FAILED_AT:aFG(RESET,-5)");
	assert_int_equal(vt_stats(t).failed, 1);
	assert_int_equal(vt_stats(t).removed, 0);
}

static void r10_stuck_names_the_step_and_is_not_final(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	vt_expect(t, vt_pass(t, 30 * VT_SEC), "CANCEL:a(TEARDOWN)");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "STUCK:aX(TEARDOWN,-110)");
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_STUCK);
	assert_int_equal(vt_stats(t).stuck, 1);
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:aX FAILED_AT:aFGX(TEARDOWN,-110)");
}

static void r10_rolled_back_and_the_device_works_again(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a ROLLED_BACK:aF(QUIESCE,-5)");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
	assert_int_equal(vt_stats(t).rolled_back, 1);
}

static void r10_cancelled(void **state)
{
	struct vt_removal *t = *state;

	warned(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:a CANCELLED:aF");
	assert_int_equal(vt_stats(t).cancelled, 1);
}

static void r10_all_who_asked_are_told(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_request(t, 's', 0), "");
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_REQUESTED);
	assert_false(vt_info(t, 'b').flags & VDEV_REMOVAL_IS_REQUESTED);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:s TIMED_OUT:aF TIMED_OUT:sF");
	vt_pass(t, 5 * VT_SEC);
	vt_expect(t, vt_request(t, 's', 0), "WARN:s REQUESTED:s"); /* a asked no more */
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0),
		  "HIDE:b HIDE:aL ACKED:s TEARDOWN:b RELEASE:b REMOVED:bFG TEARDOWN:a RELEASE:a "
		  "REMOVED:aFG REMOVED:sF");
}

static void r10_ost_codes(void **state)
{
	static const struct {
		uint32_t status;
		const char *text;
	} rows[] = {
		{0, ACKED_A},
		{1, "REFUSED:aF(FAILURE)"},
		{2, "REFUSED:aF(NOT_SUPPORTED)"},
		{0x80, "REFUSED:aF(NOT_SUPPORTED)"},
		{0x81, "REFUSED:aF(IN_USE)"},
		{0x82, "REFUSED:aF(BUSY)"},
		{0x83, "REFUSED:aF(DEPENDENCY)"},
		{0x84, "BUSY:a"},
		{3, "REFUSED:aF(FAILURE)"},
		{0x85, "REFUSED:aF(FAILURE)"},
		{UINT32_MAX, "REFUSED:aF(FAILURE)"},
	};
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < 2 * VT_COUNT(rows); i++) {
		uint32_t k = i / 2, event = i % 2 ? 0x103 : 0x3;

		reconfigure(t, (struct vdev_removal_config){.flags = VDEV_REMOVAL_COARSE});
		warned(t, VDEV_REMOVAL_ACPI);
		vt_expect(t, vdev_removal_ost(t->r, t->now, t->h['a'], event, rows[k].status),
			  rows[k].text);
		assert_int_equal(vt_stats(t).bad_guest, k >= 8);
	}
}

static void r10_ost_of_other_events_is_counted_and_ignored(void **state)
{
	static const uint32_t events[] = {0, 1, 0x100, 0x200, 0x102, UINT32_MAX};
	struct vt_removal *t = *state;

	warned(t, VDEV_REMOVAL_ACPI);
	for (uint32_t i = 0; i < VT_COUNT(events); i++) {
		vt_expect(t, vdev_removal_ost(t->r, t->now, t->h['a'], events[i], 0), "");
		assert_int_equal(vt_stats(t).bad_guest, i + 1);
	}
	vt_expect(t, vdev_removal_ost(t->r, t->now, t->h['a'], 3, 0), ACKED_A);
}

static void r10_answers_that_nobody_waits_for(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	assert_int_equal(vt_refuse(t, 'a', 1), -EBUSY);
	assert_int_equal(vdev_removal_progress(t->r, t->now, t->h['a']), -EBUSY);
	assert_int_equal(vdev_removal_ost(t->r, t->now, t->h['a'], 3, 0x84), -EBUSY);
	assert_int_equal(vdev_removal_ost(t->r, t->now, t->h['a'], 3, 0x81), -EBUSY);
	assert_int_equal(vt_stats(t).bad_guest, 4);
	assert_int_equal(vt_stats(t).refusals + vt_stats(t).busy, 0);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a"); /* asked by nobody */
	assert_int_equal(vt_refuse(t, 'a', 1), -EBUSY);
	vt_expect(t, vt_done(t, 'a', 0), GONE_A);
	assert_int_equal(vt_refuse(t, 'a', 1), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r10_requested_is_not_done),
		TEST(r10_requested_comes_when_the_guest_was_asked),
		TEST(r10_acked_comes_when_the_device_is_hidden),
		TEST(r10_busy_once_and_never_final),
		TEST(r10_not_ready_is_kept_and_sent_when_ready),
		TEST(r10_ready_of_all_pvdev_units),
		TEST(r10_acpi_has_no_ready_signal_and_is_sent_periodically),
		TEST(r10_removed_by_guest),
		TEST(r10_failed_at_names_the_first_step_that_failed),
		TEST(r10_stuck_names_the_step_and_is_not_final),
		TEST(r10_rolled_back_and_the_device_works_again),
		TEST(r10_cancelled),
		TEST(r10_all_who_asked_are_told),
		TEST(r10_ost_codes),
		TEST(r10_ost_of_other_events_is_counted_and_ignored),
		TEST(r10_answers_that_nobody_waits_for),
	};

	return cmocka_run_group_tests_name("removal_outcomes", tests, NULL, NULL);
}
