/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: a guest that refuses (R9, R10). */
#include "test_removal_rig.h"

static void warned(struct vt_removal *t, uint32_t transport)
{
	vt_alone(t, 'a', transport);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
}

static void r10_refused_with_each_reason(void **state)
{
	static const char *const texts[] = {"REFUSED:aF(NONE)",          "REFUSED:aF(FAILURE)",
					    "REFUSED:aF(NOT_SUPPORTED)", "REFUSED:aF(IN_USE)",
					    "REFUSED:aF(BUSY)",          "REFUSED:aF(DEPENDENCY)"};
	struct vt_removal *t = *state;

	for (uint32_t reason = 0; reason < VDEV_REMOVAL_REASONS; reason++) {
		warned(t, VDEV_REMOVAL_ACPI);
		vt_expect(t, vt_refuse(t, 'a', reason), texts[reason]);
		assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
	}
	assert_int_equal(vt_stats(t).refused, VDEV_REMOVAL_REASONS);
	assert_int_equal(vt_stats(t).bad_guest, 0);
	warned(t, VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASONS), "REFUSED:aF(FAILURE)");
	assert_int_equal(vt_stats(t).bad_guest, 1);
}

static void r10_refusal_leaves_no_warning_to_take_back(void **state)
{
	struct vt_removal *t = *state;

	warned(t, VDEV_REMOVAL_PVDEV);
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASON_IN_USE), "REFUSED:aF(IN_USE)");
}

static void r10_refusal_with_retry_asks_again_at_the_end_of_the_wait(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_RETRY, 1, 0), "WARN:a REQUESTED:a");
	vt_pass(t, 20 * VT_SEC);
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASON_BUSY), "");
	assert_int_equal(vt_due(t), 40 * VT_SEC);
	vt_expect(t, vt_pass(t, 40 * VT_SEC), "WARN:a#2");
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASON_BUSY), "REFUSED:aF(BUSY)");
	assert_int_equal(vt_stats(t).refusals, 2);
	assert_int_equal(vt_stats(t).refused, 1);
}

static void r10_refusal_with_force_removes_all_the_same(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_FORCE, 0, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASON_IN_USE),
		  "HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
}

static void r10_refusal_ends_a_request_that_would_be_kept(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_KEEP, 0, 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASON_IN_USE), "REFUSED:aF(IN_USE)");
}

static void r10_refusal_while_the_warning_is_given(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASON_IN_USE), "");
	vt_expect(t, vt_done(t, 'a', 0), "REQUESTED:a REFUSED:aF(IN_USE)");
}

static void r10_reason_of_a_refusal_stays_with_it(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASON_IN_USE), "");
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), "REQUESTED:a CANCELLED:aF"); /* no reason in it */
}

static void r10_refusal_during_the_warning_with_retry(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_RETRY, 1, 0), "WARN:a");
	vt_expect(t, vt_refuse(t, 'a', VDEV_REMOVAL_REASON_BUSY), "");
	vt_expect(t, vt_done(t, 'a', 0), "REQUESTED:a");
	assert_int_equal(vt_due(t), 60 * VT_SEC);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "WARN:a#2");
	/* the second warning was not refused: there is one to take back, and no reason to tell */
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r10_refused_with_each_reason),
		TEST(r10_refusal_leaves_no_warning_to_take_back),
		TEST(r10_refusal_with_retry_asks_again_at_the_end_of_the_wait),
		TEST(r10_refusal_with_force_removes_all_the_same),
		TEST(r10_refusal_ends_a_request_that_would_be_kept),
		TEST(r10_refusal_while_the_warning_is_given),
		TEST(r10_reason_of_a_refusal_stays_with_it),
		TEST(r10_refusal_during_the_warning_with_retry),
	};

	return cmocka_run_group_tests_name("removal_refuse", tests, NULL, NULL);
}
