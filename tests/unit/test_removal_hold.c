/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: requests wait while a migration runs, and FORCE ends it (architecture.md). */
#include "test_removal_rig.h"

#define FORCED_A "HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX"

static int hold(struct vt_removal *t)
{
	return vdev_removal_hold(t->r, t->now);
}

static int unhold(struct vt_removal *t)
{
	return vdev_removal_unhold(t->r, t->now);
}

static void new_requests_are_kept_until_the_end(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE);
	assert_int_equal(hold(t), 0);
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_request(t, 'b', 0), "");
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_HELD);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PENDING);
	vt_expect(t, vt_pass(t, 1000 * VT_SEC), "");
	vt_expect(t, unhold(t), "WARN:a HIDE:bL REQUESTED:a TEARDOWN:b RELEASE:b REMOVED:bFG");
	assert_int_equal(vt_due(t), 5 * VT_SEC); /* time began with the end of the migration */
}

static void operations_that_run_go_on(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	hold(t);
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
	assert_int_equal(unhold(t), 0);
}

static void held_twice_or_not_held(void **state)
{
	struct vt_removal *t = *state;

	assert_int_equal(unhold(t), -EBUSY);
	assert_int_equal(hold(t), 0);
	assert_int_equal(hold(t), -EBUSY);
	assert_int_equal(unhold(t), 0);
	assert_int_equal(unhold(t), -EBUSY);
}

static void force_asks_to_abort_the_migration_first(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	hold(t);
	vt_expect(t, vt_request(t, 'b', 0), "");
	vt_script(t, VDEV_REMOVAL_UNHOLD, 0, VT_LATER);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "UNHOLD:-");
	assert_int_equal(t->last.dev, 0);
	assert_int_equal(t->last.deadline_ns, VDEV_NONE);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), ""); /* asked once */
}

static void done_of_unhold_ends_the_hold(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	hold(t);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "UNHOLD:- " FORCED_A);
	assert_int_equal(unhold(t), -EBUSY);
}

static void force_upgrades_a_request_that_is_held(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	hold(t);
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "UNHOLD:- " FORCED_A);
	assert_int_equal(vt_stats(t).upgraded, 1);
}

/* The VMM aborts the migration inside the deed and says so itself. */
static void unhold_in_deed(struct vt_removal *t, const struct vdev_action *a)
{
	if (a->kind == VDEV_REMOVAL_UNHOLD)
		assert_in_range(unhold(t), 0, 10);
}

static void unhold_from_inside_its_deed(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	hold(t);
	t->inside = unhold_in_deed;
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "UNHOLD:- " FORCED_A);
}

static void late_done_of_unhold_does_not_end_the_next_hold(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	hold(t);
	vt_script(t, VDEV_REMOVAL_UNHOLD, 0, VT_LATER);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "UNHOLD:-");
	vt_expect(t, unhold(t), FORCED_A);
	assert_int_equal(hold(t), 0);
	vt_expect(t, vt_request(t, 'b', 0), "");
	vt_expect(t, vdev_removal_done(t->r, t->now, t->out[0], 0), "");
	assert_true(vt_info(t, 'b').flags & VDEV_REMOVAL_IS_HELD);
	vt_expect(t, unhold(t), "WARN:b REQUESTED:b");
}

static void held_request_can_be_cancelled(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	hold(t);
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_cancel(t, 'a'), "CANCELLED:aF");
	vt_request(t, 'a', VDEV_REMOVAL_FORCE);
	vt_cancel(t, 'a'); /* nobody wants the migration aborted any more */
	vt_drain(t);
	assert_null(strstr(t->text, "UNHOLD"));
	assert_non_null(strstr(t->text, "CANCELLED:a"));
	assert_int_equal(unhold(t), 0);
}

static void cancelling_one_forced_request_leaves_the_other(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	hold(t);
	vt_request(t, 'a', VDEV_REMOVAL_FORCE);
	vt_request(t, 'b', VDEV_REMOVAL_FORCE);
	vt_cancel(t, 'b');
	vt_drain(t);
	assert_non_null(strstr(t->text, "UNHOLD:-"));
	assert_non_null(strstr(t->text, "CANCELLED:b"));
	assert_non_null(strstr(t->text, "REMOVED:a"));
}

/* A removal that was rolled back before has left nothing to undo. */
static void cancelled_while_held_nothing_is_undone(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a ROLLED_BACK:aF(QUIESCE,-5)");
	hold(t);
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_cancel(t, 'a'), "CANCELLED:aF");
}

/* The eject of the bridge takes its function along, whose request was held: it is not lost. */
static void held_request_below_an_eject_begins_when_that_is_hidden(void **state)
{
	static const uint32_t flags[] = {0, VDEV_REMOVAL_FORCE};
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(flags); i++) {
		vt_add(t, 'p',
		       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
						   .transport = VDEV_REMOVAL_ACPI});
		vt_child(t, 'x', 'p', VDEV_REMOVAL_PCI_FUNCTION, 0);
		hold(t);
		vt_script(t, VDEV_REMOVAL_UNHOLD, 0, VT_LATER);
		vt_request(t, 'x', flags[i]);
		vt_drain(t);
		vt_expect(t, vt_ack(t, 'p'), "HIDE:x HIDE:pL");
		assert_int_equal(vt_info(t, 'p').state, VDEV_REMOVAL_HIDDEN);
		assert_true(vt_info(t, 'x').flags & VDEV_REMOVAL_IS_REQUESTED);
		unhold(t);
		vt_drain(t);
		assert_non_null(strstr(t->text, "REMOVED:x"));
		if (flags[i])
			vdev_removal_done(t->r, t->now, t->out[0], 0);
	}
}

static void ack_of_a_held_request_hides_at_once(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	hold(t);
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_ack(t, 'a'), ACKED_A); /* R8: before the exit that carried it returns */
}

static void unasked_eject_is_not_held(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	hold(t);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, unhold(t), GONE_A);
}

static void force_that_joins_an_eject_during_a_hold_is_not_lost(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	hold(t);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "");
	vt_expect(t, vt_done(t, 'a', 0), "UNHOLD:- " FORCED_A);
}

static void held_above_takes_what_is_held_below_along(void **state)
{
	struct vt_removal *t = *state;

	vt_add(t, 'p',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
					   .transport = VDEV_REMOVAL_ACPI});
	vt_child(t, 'x', 'p', VDEV_REMOVAL_PCI_FUNCTION, 0);
	hold(t);
	vt_expect(t, vt_request(t, 'x', 0), "");
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, unhold(t), "WARN:p REQUESTED:x REQUESTED:p");
}

static void request_that_waits_for_an_outcome_is_held_too(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
	hold(t);
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_done(t, 'a', 0), "");
	vt_expect(t, unhold(t), "WARN:a REQUESTED:a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_requests_are_kept_until_the_end),
		TEST(operations_that_run_go_on),
		TEST(held_twice_or_not_held),
		TEST(force_asks_to_abort_the_migration_first),
		TEST(done_of_unhold_ends_the_hold),
		TEST(force_upgrades_a_request_that_is_held),
		TEST(unhold_from_inside_its_deed),
		TEST(late_done_of_unhold_does_not_end_the_next_hold),
		TEST(held_request_can_be_cancelled),
		TEST(cancelling_one_forced_request_leaves_the_other),
		TEST(cancelled_while_held_nothing_is_undone),
		TEST(held_request_below_an_eject_begins_when_that_is_hidden),
		TEST(ack_of_a_held_request_hides_at_once),
		TEST(unasked_eject_is_not_held),
		TEST(force_that_joins_an_eject_during_a_hold_is_not_lost),
		TEST(held_above_takes_what_is_held_below_along),
		TEST(request_that_waits_for_an_outcome_is_held_too),
	};

	return cmocka_run_group_tests_name("removal_hold", tests, NULL, NULL);
}
