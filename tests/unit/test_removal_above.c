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

/* The same and y, whose warning is on its way; p waits for that. */
static void bridge_waits(struct vt_removal *t, uint32_t flags)
{
	bridge(t);
	vt_add(t, 'y',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					   .transport = VDEV_REMOVAL_ACPI,
					   .function = 1,
					   .parent = t->h['p']});
	vt_script(t, VDEV_REMOVAL_WARN, 'y', VT_LATER);
	vt_expect(t, vt_request(t, 'y', 0), "WARN:y");
	vt_expect(t, vt_request(t, 'p', flags), "");
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

static void r11_force_below_that_waits_for_an_outcome_goes_first(void **state)
{
	struct vt_removal *t = *state;

	timed_out(t);
	vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE), "");
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_done(t, 'x', 0), X_FORCED " WARN:p REQUESTED:p");
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

static void r11_request_for_a_held_unit_stays_with_the_bridge(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vdev_removal_hold(t->r, t->now);
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_request(t, 'x', 0), "");
	vt_expect(t, vt_ack(t, 'x'), "HIDE:xL");
	vt_expect(t, vdev_removal_unhold(t->r, t->now), "WARN:p REQUESTED:x REQUESTED:p");
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

/* It gave way and is taken back from that: what is beside it keeps its warning. */
static void r11_force_of_one_that_gave_way(void **state)
{
	struct vt_removal *t = *state;

	bridge_waits(t, 0);
	vt_expect(t, vt_request(t, 'y', VDEV_REMOVAL_FORCE), "");
	assert_int_equal(vt_stats(t).upgraded, 1);
	vt_expect(t, vt_done(t, 'y', 0),
		  "HIDE:yLX REQUESTED:yX TEARDOWN:yX RELEASE:yX REMOVED:yFGX WARN:p REQUESTED:p");
	vt_expect(t, vt_ack(t, 'p'),
		  "HIDE:x HIDE:pL ACKED:p TEARDOWN:x RELEASE:x REMOVED:xFG TEARDOWN:p RELEASE:p "
		  "REMOVED:pFG");
}

static void r11_force_beside_what_the_bridge_waits_for(void **state)
{
	struct vt_removal *t = *state;

	bridge_waits(t, 0);
	vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE), X_FORCED);
	assert_int_equal(vt_stats(t).joined, 0);
	assert_int_equal(vt_info(t, 'y').state, VDEV_REMOVAL_PENDING);
	vt_expect(t, vt_done(t, 'y', 0), "WARN:p REQUESTED:y REQUESTED:p");
}

static void r11_force_goes_past_an_action_that_never_ends(void **state)
{
	struct vt_removal *t = *state;

	bridge_waits(t, 0);
	vt_expect(t, vt_pass(t, VT_SEC), "CANCEL:y(WARN)");
	vt_expect(t, vt_request(t, 'p', VDEV_REMOVAL_FORCE), ""); /* is not about y alone */
	vt_expect(t, vt_request(t, 'y', VDEV_REMOVAL_FORCE),
		  "HIDE:yLX STUCK:yX(WARN,-110) TEARDOWN:yX");
}

static void r11_force_during_a_migration_is_for_one_unit(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vdev_removal_hold(t->r, t->now);
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE),
		  "UNHOLD:- " X_FORCED " WARN:p REQUESTED:p");
}

/* The guest is being asked about all of it: there is one operation, and no way to leave it. */
static void r11_force_upgrades_what_has_begun_above(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_expect(t, vt_request(t, 'p', 0), "WARN:p REQUESTED:p");
	vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE),
		  "HIDE:xX HIDE:pLX TEARDOWN:xX RELEASE:xX REMOVED:xFGX TEARDOWN:pX RELEASE:pX "
		  "REMOVED:pFGX");
}

static void r11_force_below_joins_force_above(void **state)
{
	struct vt_removal *t = *state;

	bridge_waits(t, VDEV_REMOVAL_FORCE);
	vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE), "");
	assert_int_equal(vt_stats(t).joined, 1);
	vt_done(t, 'y', 0);
	vt_drain(t);
	assert_non_null(strstr(t->text, "HIDE:yX HIDE:xX HIDE:pLX"));
	assert_int_equal(vt_stats(t).units, 0);
}

/* One that goes by force and has not begun gives way as soon as nobody is asked any more. */
static void r11_force_below_gives_way_to_force_or_an_ack(void **state)
{
	struct vt_removal *t = *state;

	for (int ack = 0; ack < 2; ack++) {
		bridge(t);
		vt_script(t, VDEV_REMOVAL_ANNOUNCE, 'z', VT_LATER);
		vt_add(t, 'z',
		       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
						   .flags = VDEV_REMOVAL_HOTPLUG,
						   .parent = t->h['x']});
		vt_expect(t, 0, "ANNOUNCE:z");
		vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE), "");
		vt_expect(t, vt_request(t, 'p', 0), "");
		assert_int_equal(vt_stats(t).operations, 2);
		vt_expect(t, ack ? vt_ack(t, 'p') : vt_request(t, 'p', VDEV_REMOVAL_FORCE), "");
		assert_int_equal(vt_stats(t).operations, 1);
		vt_done(t, 'z', 0);
		vt_drain(t);
		assert_non_null(strstr(t->text,
				       ack ? "HIDE:z HIDE:x HIDE:pL" : "HIDE:zX HIDE:xX HIDE:pLX"));
	}
}

static void r11_cancel_of_one_below_that_has_not_begun(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vdev_removal_hold(t->r, t->now);
	vt_expect(t, vt_request(t, 'x', 0), "");
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_cancel(t, 'x'), "CANCELLED:xF");
	vt_expect(t, vdev_removal_unhold(t->r, t->now), "WARN:p REQUESTED:p");
}

static void r11_request_below_outlives_the_end_of_the_one_above(void **state)
{
	struct vt_removal *t = *state;

	timed_out(t);
	vt_expect(t, vt_request(t, 'x', 0), ""); /* anew */
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'p', VT_LATER);
	vt_expect(t, vt_cancel(t, 'p'), "CANCELLED:pF");
	vt_expect(t, vt_done(t, 'x', 0), "");
	vt_expect(t, vt_done(t, 'p', 0), "WARN:x REQUESTED:x");
}

static void r11_what_gave_way_to_one_that_was_cancelled_can_be_asked_for(void **state)
{
	struct vt_removal *t = *state;

	bridge_waits(t, 0);
	vt_expect(t, vt_cancel(t, 'p'), "CANCELLED:yF CANCELLED:pF");
	vt_expect(t, vt_request(t, 'y', 0), "");
	vt_expect(t, vt_done(t, 'y', 0), "WARN:y REQUESTED:y");
}

/* p: bridge; s: slot below it; a: its card. Management is being told that a timed out. */
static void slot_below_a_bridge(struct vt_removal *t)
{
	vt_alone(t, 'p', VDEV_REMOVAL_ACPI);
	vt_slot(t, 's', VDEV_REMOVAL_ACPI, 'p');
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
}

static void r11_end_below_is_not_told_to_who_asks_above(void **state)
{
	struct vt_removal *t = *state;

	slot_below_a_bridge(t);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "TIMED_OUT:aF");
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_request(t, 's', 0), "");
	vt_expect(t, vt_done(t, 'a', 0), "WARN:p REQUESTED:s REQUESTED:p");
}

static void r11_what_waits_for_a_slot_is_not_part_of_its_removal(void **state)
{
	struct vt_removal *t = *state;

	slot_below_a_bridge(t);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "HIDE:aLX");
	vt_add(t, 'b',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					   .flags = VDEV_REMOVAL_HOTPLUG,
					   .parent = t->h['s']});
	vt_expect(t, vt_request(t, 'p', 0), "");
	assert_int_equal(vt_cancel(t, 'a'), -EALREADY);
	vt_expect(t, vt_cancel(t, 'b'), "CANCELLED:pF"); /* which would have taken it along */
}

static void r11_force_of_a_slot_whose_card_was_asked_for_before(void **state)
{
	struct vt_removal *t = *state;

	slot_below_a_bridge(t);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'p'), "HIDE:a");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_request(t, 's', VDEV_REMOVAL_FORCE), "");
	vt_expect(t, vt_done(t, 'a', 0),
		  "HIDE:s HIDE:pL HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX REMOVED:sFX");
	assert_int_equal(vt_stats(t).upgraded, 1);
}

static void r16_eject_above_one_whose_hide_never_ends(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_script(t, VDEV_REMOVAL_HIDE, 'x', VT_LATER);
	vt_expect(t, vt_ack(t, 'x'), "HIDE:xL");
	vt_expect(t, vt_ack(t, 'p'), "");
	vt_expect(t, vt_pass(t, VT_SEC), "CANCEL:xL(HIDE)");
	vt_request(t, 'x', VDEV_REMOVAL_FORCE);
	vt_drain(t);
	assert_non_null(strstr(t->text, "HIDE:x HIDE:pL"));
	assert_int_equal(vt_info(t, 'p').state, VDEV_REMOVAL_HIDDEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r2_what_is_told_below_is_told_first),
		TEST(r2_step_below_ends_before_the_one_above_begins),
		TEST(r11_request_below_that_waits_for_an_outcome_joins),
		TEST(r11_force_below_that_waits_for_an_outcome_goes_first),
		TEST(r16_request_below_an_eject_that_waits_for_an_outcome),
		TEST(r12_cancel_of_one_below_that_is_past_return),
		TEST(r11_ack_below_says_nothing_about_the_bridge),
		TEST(r11_request_for_a_held_unit_stays_with_the_bridge),
		TEST(r2_ack_below_a_warned_bridge_is_its_ack),
		TEST(r2_whole_forest_is_removed_from_the_top),
		TEST(r11_force_of_one_that_gave_way),
		TEST(r11_force_beside_what_the_bridge_waits_for),
		TEST(r11_force_goes_past_an_action_that_never_ends),
		TEST(r11_force_during_a_migration_is_for_one_unit),
		TEST(r11_force_upgrades_what_has_begun_above),
		TEST(r11_force_below_joins_force_above),
		TEST(r11_force_below_gives_way_to_force_or_an_ack),
		TEST(r11_cancel_of_one_below_that_has_not_begun),
		TEST(r11_request_below_outlives_the_end_of_the_one_above),
		TEST(r11_what_gave_way_to_one_that_was_cancelled_can_be_asked_for),
		TEST(r11_end_below_is_not_told_to_who_asks_above),
		TEST(r11_what_waits_for_a_slot_is_not_part_of_its_removal),
		TEST(r11_force_of_a_slot_whose_card_was_asked_for_before),
		TEST(r16_eject_above_one_whose_hide_never_ends),
	};

	return cmocka_run_group_tests_name("removal_above", tests, NULL, NULL);
}
