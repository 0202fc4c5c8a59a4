/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: completion against expiry, second completions, late ones (Z7). */
#include "test_zerocopy_rig.h"

#define OFFLINE VDEV_ZEROCOPY_OFFLINE

static void z7_completion_at_the_moment_of_expiry(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	t->now += VZ_TIMEOUT;
	assert_int_equal(vz_complete(t, 'a', TASK), OVER); /* was first */
	assert_int_equal(vdev_zerocopy_expire(t->q[0], t->now), 0);
	vz_expect(t, vz_pass(t, 0), "");
	expect_nothing(t);
	assert_int_equal(vz_stats(t).timed_out, 0);
}

static void z7_claimed_but_complete_before_it_is_taken_up(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	t->now += VZ_TIMEOUT;
	assert_int_equal(vdev_zerocopy_expire(t->q[0], t->now), 1);
	assert_int_equal(vz_complete(t, 'a', TASK) & OVER, 0); /* the claim was first */
	vz_expect(t, vz_pass(t, 0), "ACCESSIBLE:a+COMPLETED");
	expect_nothing(t);
	assert_int_equal(vz_stats(t).timed_out, 1);
	assert_int_equal(vz_stats(t).in_time, 1);
	assert_int_equal(vz_stats(t).reclaimed, 0);
	assert_int_equal(vz_stats(t).late, 0);
}

static void z7_complete_before_offline_is_given_out(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(vz_pass(t, VZ_TIMEOUT), 1); /* OFFLINE waits */
	assert_int_equal(vz_complete(t, 'a', TASK) & OVER, 0);
	assert_string_equal(vz_drain(t), "ACCESSIBLE:a+COMPLETED");
	expect_nothing(t);
	assert_int_equal(vz_stats(t).in_time, 1);
}

static void z7_late_completion_frees_quarantine_only(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	assert_int_equal(vz_complete(t, 'a', TASK), WAKE); /* no bit: the guest knows */
	vz_expect(t, vz_pass(t, 0), "RELEASE:a");
	expect_nothing(t);
	assert_int_equal(vz_stats(t).late, 1);
	assert_int_equal(vz_stats(t).settled, 0);
}

/* A completion is seen by step(): before that the slot must not be used for anything else. */
static void z7_late_completion_that_was_not_taken_up_yet(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_ACCESSIBLE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	assert_int_equal(vz_complete(t, 'a', TASK), WAKE);
	vz_expect(t, vz_done(t, VDEV_ZEROCOPY_ACCESSIBLE, 'a', 0), "");
	expect_state(t, 'a', VDEV_ZEROCOPY_QUARANTINED);
	vz_expect(t, vz_pass(t, 0), "RELEASE:a");
	for (uint32_t i = 0; i < 2 * VZ_SLOTS;
	     i++) { /* whoever has the slot now is not disturbed */
		lend(t, 'b');
		vz_expect(t, vz_pass(t, 0), "");
		assert_int_equal(vz_complete(t, 'b', TASK), OVER);
	}
	expect_nothing(t);
}

static void z7_second_completion_is_refused(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	assert_int_equal(vz_complete(t, 'a', TASK), -ENOENT);
	assert_int_equal(vz_complete(t, 'a', RESPONSE), -ENOENT);
	assert_int_equal(vz_stats(t).stale, 2);
	expect_nothing(t);
}

static void z7_second_completion_of_each_state(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'r');
	assert_int_equal(vz_complete(t, 'r', TASK), 0);
	assert_int_equal(vz_complete(t, 'r', TASK), -ENOENT);
	lend(t, 'c');
	vdev_zerocopy_expire(t->q[0], t->now + VZ_TIMEOUT);
	assert_true(vz_complete(t, 'c', TASK) >= 0);
	assert_int_equal(vz_complete(t, 'c', TASK), -ENOENT);
	lend(t, 'o');
	vz_script(t, OFFLINE, 'o', VZ_LATER);
	vz_reclaim(t, 'o', 0);
	vz_drain(t);
	assert_true(vz_complete(t, 'o', TASK) >= 0);
	assert_int_equal(vz_complete(t, 'o', TASK), -ENOENT);
	quarantine(t, 'q');
	assert_true(vz_complete(t, 'q', TASK) >= 0);
	assert_int_equal(vz_complete(t, 'q', TASK), -ENOENT);
	assert_int_equal(vz_stats(t).stale, 4);
}

static void z7_second_half_again_is_no_second_half(void **state)
{
	struct vt_zerocopy *t = *state;

	restart_until(t, VDEV_ZEROCOPY_UNTIL_ALL);
	lend(t, 'a');
	assert_int_equal(vz_complete(t, 'a', RESPONSE), 0);
	assert_int_equal(vz_complete(t, 'a', RESPONSE), -ENOENT);
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_stats(t).stale, 1);
	assert_int_equal(vz_complete(t, 'a', RESPONSE | TASK), OVER); /* one of the two is new */
	assert_int_equal(vz_stats(t).stale, 1);
	expect_nothing(t);
}

/* A completion of an old id must not end the message that uses its slot now. */
static void z7_completion_of_an_earlier_life_of_the_slot(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t old[VZ_SLOTS], settled;

	for (uint32_t i = 0; i < VZ_SLOTS; i++) {
		lend(t, 'a');
		old[i] = id_of(t, 'a');
		assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	}
	for (uint32_t i = 0; i < VZ_SLOTS; i++)
		lend(t, 'b');
	for (uint32_t i = 0; i < VZ_SLOTS; i++)
		assert_int_equal(vdev_zerocopy_complete(t->q[0], old[i], old[i], TASK, &settled),
				 -ENOENT);
	assert_int_equal(vz_stats(t).blocks, VZ_SLOTS);
	assert_int_equal(vz_stats(t).stale, VZ_SLOTS);
}

static void z7_duplicate_and_unknown_done(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t id;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	id = t->last.id;
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, 0, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, id + 1, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, UINT64_MAX, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, id, 1), -EINVAL);
	expect_state(t, 'a', VDEV_ZEROCOPY_OFFLINING);
	vz_expect(t, vdev_zerocopy_done(t->z, t->now, id, 0), "ACCESSIBLE:a+RECLAIMED");
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, id, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, t->last.id, 0), -ENOENT);
	assert_int_equal(vz_stats(t).bad_done, 5);
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:a");
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, id, 0), -ENOENT);
	expect_nothing(t);
}

/* What waits is not outstanding. */
static void z7_done_of_what_was_not_given_out(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_action a;

	lend(t, 'a');
	lend(t, 'b');
	assert_int_equal(vz_pass(t, VZ_TIMEOUT), 2);
	assert_int_equal(vdev_zerocopy_next(t->z, &a, sizeof(a)), 1);
	for (uint64_t id = 0; id < 64; id++)
		if (id != a.id)
			assert_int_equal(vdev_zerocopy_done(t->z, t->now, id, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, a.id, 0), 2);
}

static void z7_events_from_inside_a_deed(struct vt_zerocopy *t, const struct vdev_action *a)
{
	if (a->kind != OFFLINE || a->user_data != 'a')
		return;
	vz_block(t, 'n')->timeout_ns = 2 * VZ_TIMEOUT;
	assert_int_equal(vz_lend(t, 'n') & ~WAKE, 0);
	assert_true(vz_complete(t, 'a', TASK) >= 0);
	assert_true(vz_reclaim(t, 'b', 0) >= 0);
	assert_true(vdev_zerocopy_step(t->z, t->now) >= 0);
}

static void z7_a_deed_may_call_back(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'b')->timeout_ns = 10 * VZ_TIMEOUT;
	lend(t, 'b');
	lend(t, 'a');
	t->inside = z7_events_from_inside_a_deed;
	vz_expect(t, vz_pass(t, VZ_TIMEOUT),
		  "OFFLINE:a OFFLINE:bQ ACCESSIBLE:a+RECLAIMED ACCESSIBLE:bQ+RECLAIMED RELEASE:a");
	t->inside = NULL;
	vz_expect(t, vz_late(t, 'b', TASK), "RELEASE:bQ");
	assert_int_equal(vz_complete(t, 'n', TASK), OVER);
	expect_nothing(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z7_completion_at_the_moment_of_expiry),
		TEST(z7_claimed_but_complete_before_it_is_taken_up),
		TEST(z7_complete_before_offline_is_given_out),
		TEST(z7_late_completion_frees_quarantine_only),
		TEST(z7_late_completion_that_was_not_taken_up_yet),
		TEST(z7_second_completion_is_refused),
		TEST(z7_second_completion_of_each_state),
		TEST(z7_second_half_again_is_no_second_half),
		TEST(z7_completion_of_an_earlier_life_of_the_slot),
		TEST(z7_duplicate_and_unknown_done),
		TEST(z7_done_of_what_was_not_given_out),
		TEST(z7_a_deed_may_call_back),
	};

	return cmocka_run_group_tests_name("zerocopy_race", tests, NULL, NULL);
}
