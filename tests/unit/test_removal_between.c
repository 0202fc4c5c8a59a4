/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: which of several operations, one above the other, an event is for. */
#include "test_removal_rig.h"

static void add(struct vt_removal *t, char letter, char parent, uint32_t transport, uint32_t flags)
{
	const struct vdev_removal_unit u = {.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					    .transport = transport,
					    .flags = flags,
					    .parent = parent ? t->h[(int)parent] : 0};

	assert_in_range(vt_add(t, letter, &u), 0, 1);
}

/* A bridge 'b' with a slot 's' below, whose card 'a' leaves; 'q' is plugged in and waits for that. */
static void leaving_below(struct vt_removal *t)
{
	add(t, 'b', 0, VDEV_REMOVAL_ACPI, 0);
	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 'b');
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_registers(t, 's', VT_ON, 0);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	add(t, 'q', 's', VDEV_REMOVAL_NO_TRANSPORT, VDEV_REMOVAL_HOTPLUG);
	assert_int_equal(vt_info(t, 'q').state, VDEV_REMOVAL_QUEUED);
}

/* What leaves the slot is no matter of who waits for it; both are one of the bridge. */
static void R2_who_waits_goes_with_the_bridge_not_with_the_card(void **state)
{
	struct vt_removal *t = *state;

	leaving_below(t);
	vt_expect(t, vt_request(t, 'b', 0), "");
	vt_expect(t, vt_request(t, 'q', 0), "");
	assert_int_equal(vt_cancel(t, 'a'), -EALREADY);
	vt_expect(t, vt_cancel(t, 'q'), "CANCELLED:qF CANCELLED:bF");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:a REMOVED:aFG");
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_PRESENT);
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "");
	vt_expect(t, vt_pass(t, 2 * VT_SEC), "ANNOUNCE:q"); /* the settle time */
}

/* The card's own guest has let it go: the request for its slot need not wait for the migration's end. */
static void R11_ack_of_what_is_in_a_held_slot(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vdev_removal_hold(t->r, t->now);
	vt_expect(t, vt_request(t, 's', 0), "");
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL ACKED:s TEARDOWN:a RELEASE:a REMOVED:aFG REMOVED:sF");
}

static void R11_force_joins_what_is_forced_above(void **state)
{
	struct vt_removal *t = *state;

	add(t, 'b', 0, VDEV_REMOVAL_ACPI, 0);
	add(t, 'c', 'b', VDEV_REMOVAL_ACPI, 0);
	vdev_removal_hold(t->r, t->now);
	assert_int_equal(vt_request(t, 'b', VDEV_REMOVAL_FORCE), 1);
	assert_int_equal(vt_request(t, 'c', VDEV_REMOVAL_FORCE), 1);
	assert_int_equal(vt_stats(t).joined, 1);
	vt_expect(t, 0,
		  "UNHOLD:- HIDE:cX HIDE:bLX TEARDOWN:cX RELEASE:cX REMOVED:cFGX TEARDOWN:bX "
		  "RELEASE:bX REMOVED:bFGX");
}

/* The warning is under way when FORCE comes: from then on there is nothing to take back. */
static void R12_cancel_after_force(void **state)
{
	struct vt_removal *t = *state;

	add(t, 'a', 0, VDEV_REMOVAL_ACPI, 0);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	assert_int_equal(vt_request(t, 'a', VDEV_REMOVAL_FORCE), 0);
	assert_int_equal(vt_cancel(t, 'a'), -EALREADY);
	vt_done(t, 'a', 0);
	vt_drain(t);
	assert_int_equal(vt_stats(t).removed, 1);
}

/* It was given up before the guest's reset, so the device stays. */
static void R17_reset_after_cancel(void **state)
{
	struct vt_removal *t = *state;

	add(t, 'a', 0, VDEV_REMOVAL_ACPI, 0);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	assert_int_equal(vt_cancel(t, 'a'), 0);
	assert_int_equal(vdev_removal_reset_begin(t->r, t->now), 0);
	vt_done(t, 'a', 0);
	vt_drain(t);
	assert_int_equal(t->last.arg[0], VDEV_REMOVAL_CANCELLED);
	vt_expect(t, vdev_removal_reset_end(t->r, t->now), "");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
}

/* The set that was left may be gone back to. */
static void R5_the_set_that_was_left_is_in_use(void **state)
{
	struct vt_removal *t = *state;

	add(t, 'a', 0, VDEV_REMOVAL_PVDEV, 0);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), "QUIESCE:a");
	for (uint32_t level = VDEV_REMOVAL_UNKNOWN; level <= VDEV_REMOVAL_SAFE; level++)
		assert_int_equal(
			vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, level, NULL, 0),
			level == VDEV_REMOVAL_UNSAFE || level == VDEV_REMOVAL_SAFE_IDLE ? -EBUSY
											: 0);
	vt_expect(t, vt_done(t, 'a', -EIO), "RESUME:a UNWARN:a ROLLED_BACK:aF(QUIESCE,-5)");
}

/* Both requests are taken back by then, and only an undo is under way: nobody is told twice. */
static void R12_cancel_above_then_below(void **state)
{
	struct vt_removal *t = *state;

	add(t, 'b', 0, VDEV_REMOVAL_ACPI, 0);
	add(t, 'c', 'b', VDEV_REMOVAL_PVDEV, 0);
	vt_ready(t, 'c', 1);
	vt_expect(t, vt_request(t, 'c', 0), "WARN:c REQUESTED:c");
	vt_script(t, VDEV_REMOVAL_UNWARN, 'c', VT_LATER);
	vt_expect(t, vt_request(t, 'b', 0), "UNWARN:c");
	vt_expect(t, vt_cancel(t, 'b'), "CANCELLED:cF CANCELLED:bF");
	vt_expect(t, vt_cancel(t, 'c'), "");
	vt_expect(t, vt_done(t, 'c', 0), "");
	assert_int_equal(vt_info(t, 'c').state, VDEV_REMOVAL_PRESENT);
}

/* 'c' below 'b': FORCE for it came while its guest was being warned. */
static void forced_below(struct vt_removal *t)
{
	add(t, 'b', 0, VDEV_REMOVAL_ACPI, 0);
	add(t, 'c', 'b', VDEV_REMOVAL_ACPI, 0);
	vt_script(t, VDEV_REMOVAL_WARN, 'c', VT_LATER);
	vt_expect(t, vt_request(t, 'c', 0), "WARN:c");
	vt_expect(t, vt_request(t, 'c', VDEV_REMOVAL_FORCE), "");
}

static void R11_force_below_does_not_wait_for_an_answer_above(void **state)
{
	struct vt_removal *t = *state;

	forced_below(t);
	vt_expect(t, vt_request(t, 'b', 0), "");
	vt_expect(t, vt_done(t, 'c', 0),
		  "HIDE:cLX REQUESTED:cX TEARDOWN:cX RELEASE:cX REMOVED:cFGX WARN:b REQUESTED:b");
}

static void R11_force_below_gives_way_to_force_above(void **state)
{
	struct vt_removal *t = *state;

	forced_below(t);
	vt_expect(t, vt_request(t, 'b', VDEV_REMOVAL_FORCE), "");
	vt_done(t, 'c', 0);
	vt_drain(t);
	assert_int_equal(vt_stats(t).removed, 2);
	assert_int_equal(vt_stats(t).warnings, 1); /* nobody is asked any more */
}

/* Both are let go unasked, and the lower one is asked for: removed it is when both are hidden. */
static void R16_asked_for_below_what_is_only_hidden(void **state)
{
	struct vt_removal *t = *state;

	add(t, 'b', 0, VDEV_REMOVAL_ACPI, 0);
	add(t, 'c', 'b', VDEV_REMOVAL_ACPI,
	    VDEV_REMOVAL_HOTPLUG); /* which keeps b's from beginning */
	vt_ack(t, 'b');
	vt_ack(t, 'c');
	vt_request(t, 'c', 0);
	vt_expect(t, 0,
		  "ANNOUNCE:c HIDE:cL HIDE:c HIDE:bL HIDE:cL TEARDOWN:c RELEASE:c REMOVED:cFG");
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_HIDDEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(R2_who_waits_goes_with_the_bridge_not_with_the_card),
		TEST(R11_ack_of_what_is_in_a_held_slot),
		TEST(R11_force_joins_what_is_forced_above),
		TEST(R12_cancel_after_force),
		TEST(R17_reset_after_cancel),
		TEST(R5_the_set_that_was_left_is_in_use),
		TEST(R12_cancel_above_then_below),
		TEST(R16_asked_for_below_what_is_only_hidden),
		TEST(R11_force_below_does_not_wait_for_an_answer_above),
		TEST(R11_force_below_gives_way_to_force_above),
	};

	return cmocka_run_group_tests_name("removal_between", tests, NULL, NULL);
}
