/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: an operation above others, and what becomes of those (R2, R11, R16). */
#include "test_removal_rig.h"

#define BOTH_GONE "TEARDOWN:x RELEASE:x REMOVED:xFG TEARDOWN:p RELEASE:p REMOVED:pFG"
#define X_FORCED "HIDE:xLX TEARDOWN:xX RELEASE:xX REMOVED:xFGX"

/* p: bridge; x: function below it that can be warned by itself. */
static void bridge(struct vt_removal *t)
{
	vt_add(t, 'p',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
					   .transport = VDEV_REMOVAL_ACPI});
	vt_add(t, 'x',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					   .transport = VDEV_REMOVAL_ACPI,
					   .parent = t->h['p']});
}

/* x was asked for, in vain, and management is being told. */
static void timed_out(struct vt_removal *t)
{
	bridge(t);
	vt_expect(t, vt_request(t, 'x', 0), "WARN:x REQUESTED:x");
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'x', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "TIMED_OUT:xF");
}

static void r2_what_is_told_below_is_told_first(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'x', VT_LATER);
	vt_expect(t, vt_request(t, 'x', 0), "WARN:x REQUESTED:x");
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_done(t, 'x', 0), "WARN:p REQUESTED:x REQUESTED:p");
	vt_expect(t, vt_ack(t, 'p'), "HIDE:x HIDE:pL ACKED:x ACKED:p " BOTH_GONE);
}

static void r2_step_below_ends_before_the_one_above_begins(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_level(t, 'x', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'x', VT_LATER);
	vt_expect(t, vt_request(t, 'x', 0), "QUIESCE:x");
	vt_expect(t, vt_request(t, 'p', 0), "");
	assert_int_equal(vt_info(t, 'p').state, VDEV_REMOVAL_PENDING);
	vt_expect(t, vt_done(t, 'x', 0), "RESUME:x WARN:p REQUESTED:x REQUESTED:p");
}

static void r11_request_below_that_waits_for_an_outcome_joins(void **state)
{
	struct vt_removal *t = *state;

	timed_out(t);
	vt_expect(t, vt_request(t, 'x', 0), ""); /* anew */
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_done(t, 'x', 0), "WARN:p REQUESTED:x REQUESTED:p");
}

static void r11_force_below_that_waits_for_an_outcome_joins(void **state)
{
	struct vt_removal *t = *state;

	timed_out(t);
	vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE), "");
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_done(t, 'x', 0),
		  "HIDE:xX HIDE:pLX TEARDOWN:xX RELEASE:xX REMOVED:xFGX TEARDOWN:pX RELEASE:pX "
		  "REMOVED:pFGX");
}

static void r16_request_below_an_eject_that_waits_for_an_outcome(void **state)
{
	struct vt_removal *t = *state;

	timed_out(t);
	vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE), "");
	vt_expect(t, vt_ack(t, 'p'), "");
	vt_expect(t, vt_done(t, 'x', 0), "HIDE:x HIDE:pL " X_FORCED);
	assert_int_equal(vt_info(t, 'p').state, VDEV_REMOVAL_HIDDEN);
}

static void r12_cancel_of_one_below_that_is_past_return(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_level(t, 'x', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'x', VT_LATER);
	vt_expect(t, vt_request(t, 'x', 0), "HIDE:xL TEARDOWN:x");
	vt_expect(t, vt_request(t, 'p', 0), "");
	assert_int_equal(vt_cancel(t, 'x'), -EALREADY);
	vt_expect(t, vt_cancel(t, 'p'), "CANCELLED:pF"); /* which had not begun */
	vt_expect(t, vt_done(t, 'x', 0), "RELEASE:x REMOVED:xFG");
	assert_int_equal(vt_info(t, 'p').state, VDEV_REMOVAL_PRESENT);
}

static void r11_ack_below_says_nothing_about_the_bridge(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vdev_removal_hold(t->r, t->now);
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_ack(t, 'x'), "HIDE:xL"); /* unasked: held */
	assert_int_equal(vt_info(t, 'p').state, VDEV_REMOVAL_PENDING);
	vt_expect(t, vdev_removal_unhold(t->r, t->now), "WARN:p REQUESTED:p");
}

static void r2_ack_below_a_warned_bridge_is_its_ack(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_expect(t, vt_request(t, 'p', 0), "WARN:p REQUESTED:p");
	vt_expect(t, vt_ack(t, 'x'), "HIDE:x HIDE:pL ACKED:p " BOTH_GONE);
}

static void r2_whole_forest_is_removed_from_the_top(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'A', VDEV_REMOVAL_ACPI);
	for (char c = 'B'; c <= 'H'; c++)
		vt_child(t, c, (char)('A' + (c - 'A' - 1) / 2), VDEV_REMOVAL_PCI_BRIDGE,
			 (uint32_t)(c - 'A'));
	vt_request(t, 'A', VDEV_REMOVAL_FORCE);
	t->stop_after = 8;
	vt_expect(t, 0, "HIDE:GX HIDE:FX HIDE:CX HIDE:EX HIDE:HX HIDE:DX HIDE:BX HIDE:ALX");
	t->stop_after = 0;
	vt_drain(t);
	assert_int_equal(vt_stats(t).units, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r2_what_is_told_below_is_told_first),
		TEST(r2_step_below_ends_before_the_one_above_begins),
		TEST(r11_request_below_that_waits_for_an_outcome_joins),
		TEST(r11_force_below_that_waits_for_an_outcome_joins),
		TEST(r16_request_below_an_eject_that_waits_for_an_outcome),
		TEST(r12_cancel_of_one_below_that_is_past_return),
		TEST(r11_ack_below_says_nothing_about_the_bridge),
		TEST(r2_ack_below_a_warned_bridge_is_its_ack),
		TEST(r2_whole_forest_is_removed_from_the_top),
	};

	return cmocka_run_group_tests_name("removal_above", tests, NULL, NULL);
}
