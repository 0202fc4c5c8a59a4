/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: the contract of actions (base.h): one at a time, CANCEL, STUCK, done(). */
#include "test_removal_rig.h"

static void safe(struct vt_removal *t, char letter)
{
	vt_alone(t, letter, VDEV_REMOVAL_ACPI);
	vt_level(t, letter, VDEV_REMOVAL_SAFE);
}

/* `a` past the deadline of TEARDOWN, CANCEL done. */
static void overdue(struct vt_removal *t)
{
	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	vt_expect(t, vt_pass(t, 30 * VT_SEC), "CANCEL:a(TEARDOWN)");
}

static void one_outstanding_of_each_operation(void **state)
{
	struct vt_removal *t = *state;

	for (char c = 'a'; c <= 'e'; c++) {
		safe(t, c);
		vt_script(t, VDEV_REMOVAL_TEARDOWN, c, VT_LATER);
		vt_request(t, c, 0);
	}
	vt_drain(t);
	for (char c = 'a'; c <= 'e'; c++) {
		assert_int_equal(vt_info(t, c).action_id, t->out[(int)c]);
		assert_true(t->out[(int)c] != 0);
	}
	assert_string_equal(vt_drain(t), "");
}

static void ended_in_another_order(void **state)
{
	struct vt_removal *t = *state;

	for (char c = 'a'; c <= 'c'; c++) {
		safe(t, c);
		vt_script(t, VDEV_REMOVAL_TEARDOWN, c, VT_LATER);
		vt_request(t, c, 0);
	}
	vt_drain(t);
	vt_expect(t, vt_done(t, 'c', 0), "RELEASE:c REMOVED:cFG");
	vt_expect(t, vt_done(t, 'a', -EIO), "RELEASE:a FAILED_AT:aFG(TEARDOWN,-5)");
	vt_expect(t, vt_done(t, 'b', 0), "RELEASE:b REMOVED:bFG");
}

static void operations_take_turns(void **state)
{
	struct vt_removal *t = *state;

	safe(t, 'a');
	safe(t, 'b');
	vt_request(t, 'a', 0);
	assert_int_equal(vt_request(t, 'b', 0), 2); /* number of operations with an action */
	vt_expect(t, 0,
		  "HIDE:aL HIDE:bL TEARDOWN:a TEARDOWN:b RELEASE:a RELEASE:b REMOVED:aFG "
		  "REMOVED:bFG");
}

static void cancel_comes_at_the_deadline_and_names_the_action(void **state)
{
	struct vt_removal *t = *state;
	uint64_t id;

	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	id = t->out['a'];
	assert_int_equal(t->last.deadline_ns, t->now + 30 * VT_SEC);
	assert_int_equal(vt_due(t), 30 * VT_SEC);
	vt_expect(t, vt_pass(t, 30 * VT_SEC - 1), "");
	assert_false(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_OVERDUE);
	vt_expect(t, vt_pass(t, 1), "CANCEL:a(TEARDOWN)");
	assert_int_equal(t->last.arg[0], id);
	assert_int_equal(t->last.arg[1], VDEV_REMOVAL_TEARDOWN);
	assert_int_equal(t->last.deadline_ns, VDEV_NONE);
	assert_true(t->last.id != id);
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_OVERDUE);
	assert_int_equal(vt_stats(t).cancels, 1);
	vt_expect(t, vt_pass(t, 10000 * VT_SEC), ""); /* once */
}

static void nothing_follows_until_the_overdue_action_is_done(void **state)
{
	struct vt_removal *t = *state;

	overdue(t);
	vt_expect(t, vt_pass(t, 1000 * VT_SEC), "");
	assert_int_equal(vt_due(t), VDEV_NONE);
	vt_expect(t, vt_done(t, 'a', -ECANCELED), "RELEASE:a FAILED_AT:aFG(TEARDOWN,-125)");
}

static void overdue_action_that_succeeds_after_all(void **state)
{
	struct vt_removal *t = *state;

	overdue(t);
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:a REMOVED:aFG");
}

static void no_undo_until_the_overdue_step_is_done(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "CANCEL:a(QUIESCE)");
	vt_expect(t, vt_cancel(t, 'a'), ""); /* RESUME while QUIESCE still runs would race it */
	vt_expect(t, vt_pass(t, 100 * VT_SEC), "");
	vt_expect(t, vt_done(t, 'a', -ECANCELED), "RESUME:a CANCELLED:aF");
}

static void undo_has_a_deadline_too(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_script(t, VDEV_REMOVAL_RESUME, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a RESUME:a");
	assert_int_equal(vt_due(t), 5 * VT_SEC);
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "CANCEL:a(RESUME)");
	vt_expect(t, vt_done(t, 'a', -EIO), "ROLLED_BACK:aF(QUIESCE,-5)");
}

static void cancel_has_its_own_done(void **state)
{
	struct vt_removal *t = *state;
	uint64_t teardown;

	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	teardown = t->out['a'];
	vt_script(t, VDEV_CANCEL, 'a', VT_LATER);
	vt_expect(t, vt_pass(t, 30 * VT_SEC), "CANCEL:a(TEARDOWN)");
	/* the action ends first: the next step waits for the end of CANCEL */
	vt_expect(t, vdev_removal_done(t->r, t->now, teardown, -ECANCELED), "");
	vt_expect(t, vt_done(t, 'a', -EIO), "RELEASE:a FAILED_AT:aFG(TEARDOWN,-125)");
	assert_int_equal(vt_done(t, 'a', 0), -ENOENT);
}

static void action_that_ends_before_cancel_is_taken_needs_none(void **state)
{
	struct vt_removal *t = *state;

	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	assert_int_equal(vt_pass(t, 30 * VT_SEC), 1);
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:a REMOVED:aFG");
	assert_int_equal(vt_stats(t).cancels, 0);
}

static void late_duplicate_and_unknown_done(void **state)
{
	struct vt_removal *t = *state;
	uint64_t hide, ids[] = {0, 1, UINT64_MAX, UINT64_C(1) << 24, UINT64_C(5) << 24 | 1};

	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL");
	hide = t->out['a'];
	for (uint32_t i = 0; i < VT_COUNT(ids); i++)
		assert_int_equal(vdev_removal_done(t->r, t->now, ids[i], 0), -ENOENT);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_done(t, 'a', 0), "TEARDOWN:a");
	assert_int_equal(vdev_removal_done(t->r, t->now, hide, 0), -ENOENT); /* late, twice */
	assert_int_equal(vdev_removal_done(t->r, t->now, hide, -EIO), -ENOENT);
	assert_int_equal(vt_stats(t).bad_done, VT_COUNT(ids) + 2);
	assert_non_null(strstr(t->v.log, "not outstanding"));
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:a REMOVED:aFG"); /* harmless */
	assert_int_equal(vt_done(t, 'a', 0), -ENOENT);
}

static void done_of_a_waiting_action_is_unknown(void **state)
{
	struct vt_removal *t = *state;

	safe(t, 'a');
	vt_request(t, 'a', 0);
	for (uint64_t sequence = 0; sequence < 100; sequence++)
		assert_int_equal(vdev_removal_done(t->r, t->now, sequence << 24 | 1, 0), -ENOENT);
	vt_expect(t, 0, GONE_A);
}

static void status_is_zero_or_negative(void **state)
{
	struct vt_removal *t = *state;

	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL");
	assert_int_equal(vt_done(t, 'a', 1), -EINVAL);
	assert_int_equal(vt_done(t, 'a', INT32_MAX), -EINVAL);
	assert_int_equal(vt_stats(t).bad_done, 0);
	vt_expect(t, vt_done(t, 'a', -4095), "TEARDOWN:a RELEASE:a FAILED_AT:aFG(HIDE,-4095)");
}

/* A VMM's drain runs nested loops: a deed may drain, cause events, ask and read. */
static void busy_deed(struct vt_removal *t, const struct vdev_action *a)
{
	struct vdev_action nested;

	if (a->kind != VDEV_REMOVAL_TEARDOWN || a->user_data != 'a')
		return;
	t->inside = NULL;
	assert_int_equal(vt_request(t, 'b', 0), 1);
	assert_int_equal(vdev_removal_next(t->r, &nested, sizeof(nested)), 1);
	assert_int_equal(nested.kind, VDEV_REMOVAL_HIDE);
	assert_int_equal(nested.user_data, 'b');
	assert_int_equal(vdev_removal_done(t->r, t->now, nested.id, 0), 1);
	assert_int_equal(vt_request(t, 'a', 0), 1); /* joins */
	assert_int_equal(vt_ack(t, 'a'), 1);
	assert_int_equal(vdev_removal_reset_begin(t->r, t->now), 1);
	assert_int_equal(vdev_removal_reset_end(t->r, t->now), -EAGAIN);
	assert_int_equal(vdev_removal_step(t->r, t->now), 1);
	assert_int_equal(vt_alone(t, 'c', VDEV_REMOVAL_ACPI), 1);
}

static void events_and_next_from_inside_a_deed(void **state)
{
	struct vt_removal *t = *state;

	safe(t, 'a');
	safe(t, 'b');
	t->inside = busy_deed;
	vt_expect(t, vt_request(t, 'a', 0),
		  "HIDE:aL TEARDOWN:a TEARDOWN:b RELEASE:a RELEASE:b REMOVED:aFG REMOVED:bFG");
	assert_int_equal(vdev_removal_reset_end(t->r, t->now), 0);
}

static void done_from_inside_ends_the_deed_once(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_action a;

	safe(t, 'a');
	vt_request(t, 'a', 0);
	assert_int_equal(vdev_removal_next(t->r, &a, sizeof(a)), 1);
	assert_int_equal(vdev_removal_next(t->r, &a, sizeof(a)), 0);
	assert_int_equal(vdev_removal_done(t->r, t->now, a.id, 0), 1);
	assert_int_equal(vdev_removal_done(t->r, t->now, a.id, 0), -ENOENT);
}

static void next_fills_what_the_caller_knows(void **state)
{
	struct vt_removal *t = *state;
	struct {
		struct vdev_action a;
		uint64_t more;
	} newer;
	uint64_t older[2] = {0, 77};

	safe(t, 'a');
	vt_request(t, 'a', 0);
	memset(&newer, 0xff, sizeof(newer));
	assert_int_equal(vdev_removal_next(t->r, &newer.a, sizeof(newer)), 1);
	assert_int_equal(newer.a.kind, VDEV_REMOVAL_HIDE);
	assert_int_equal(newer.more, 0);
	vdev_removal_done(t->r, t->now, newer.a.id, 0);
	assert_int_equal(vdev_removal_next(t->r, (struct vdev_action *)older, 8), 1);
	assert_int_equal(older[1], 77);
	assert_in_range(vdev_removal_done(t->r, t->now, older[0], 0), 0, 1);
}

static void free_with_actions_outstanding(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_script(t, VDEV_REMOVAL_WARN, 's', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s"); /* the teardown proves that nothing leaks */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_outstanding_of_each_operation),
		TEST(ended_in_another_order),
		TEST(operations_take_turns),
		TEST(cancel_comes_at_the_deadline_and_names_the_action),
		TEST(nothing_follows_until_the_overdue_action_is_done),
		TEST(overdue_action_that_succeeds_after_all),
		TEST(no_undo_until_the_overdue_step_is_done),
		TEST(undo_has_a_deadline_too),
		TEST(cancel_has_its_own_done),
		TEST(action_that_ends_before_cancel_is_taken_needs_none),
		TEST(late_duplicate_and_unknown_done),
		TEST(done_of_a_waiting_action_is_unknown),
		TEST(status_is_zero_or_negative),
		TEST(events_and_next_from_inside_a_deed),
		TEST(done_from_inside_ends_the_deed_once),
		TEST(next_fills_what_the_caller_knows),
		TEST(free_with_actions_outstanding),
	};

	return cmocka_run_group_tests_name("removal_actions", tests, NULL, NULL);
}
