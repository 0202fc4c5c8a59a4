/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: what has to come before the time-out, and the time-outs themselves (Z2). */
#include "test_zerocopy_rig.h"

#define MS (VZ_SEC / 1000)

static const struct {
	uint32_t until;
	uint32_t first;
	int over;
} predicates[] = {
	{VDEV_ZEROCOPY_UNTIL_TASK, RESPONSE, 0},
	{VDEV_ZEROCOPY_UNTIL_TASK, TASK, 1},
	{VDEV_ZEROCOPY_UNTIL_TASK, TASK | RESPONSE, 1},
	{VDEV_ZEROCOPY_UNTIL_RESPONSE, RESPONSE, 1},
	{VDEV_ZEROCOPY_UNTIL_RESPONSE, TASK, 0},
	{VDEV_ZEROCOPY_UNTIL_RESPONSE, TASK | RESPONSE, 1},
	{VDEV_ZEROCOPY_UNTIL_ANY, RESPONSE, 1},
	{VDEV_ZEROCOPY_UNTIL_ANY, TASK, 1},
	{VDEV_ZEROCOPY_UNTIL_ANY, TASK | RESPONSE, 1},
	{VDEV_ZEROCOPY_UNTIL_ALL, RESPONSE, 0},
	{VDEV_ZEROCOPY_UNTIL_ALL, TASK, 0},
	{VDEV_ZEROCOPY_UNTIL_ALL, TASK | RESPONSE, 1},
};

static void z2_each_predicate(void **state)
{
	struct vt_zerocopy *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(predicates); i++) {
		restart_until(t, predicates[i].until);
		lend(t, 'a');
		assert_int_equal(vz_complete(t, 'a', predicates[i].first),
				 predicates[i].over ? OVER : 0);
		if (predicates[i].over) {
			expect_nothing(t);
			continue;
		}
		assert_int_equal(vz_info(t, 'a').seen, predicates[i].first);
		assert_int_equal(vz_complete(t, 'a', (TASK | RESPONSE) & ~predicates[i].first),
				 OVER);
		expect_nothing(t);
	}
}

static void z2_each_predicate_before_sent(void **state)
{
	struct vt_zerocopy *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(predicates); i++) {
		restart_until(t, predicates[i].until);
		vz_reserve(t, 'a');
		assert_int_equal(vz_complete(t, 'a', predicates[i].first), 0);
		assert_int_equal(vz_sent(t, 'a') & ~WAKE,
				 predicates[i].over ? VDEV_ZEROCOPY_SETTLED : 0);
	}
}

static void z2_each_predicate_ends_quarantine(void **state)
{
	struct vt_zerocopy *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(predicates); i++) {
		restart_until(t, predicates[i].until);
		quarantine(t, 'a');
		if (predicates[i].over) {
			vz_expect(t, vz_late(t, 'a', predicates[i].first), "RELEASE:aQ");
			expect_nothing(t);
			continue;
		}
		assert_int_equal(vz_complete(t, 'a', predicates[i].first), 0);
		vz_expect(t, vz_pass(t, 0), "");
		vz_expect(t, vz_late(t, 'a', (TASK | RESPONSE) & ~predicates[i].first),
			  "RELEASE:aQ");
	}
}

/* What came before the time-out is not asked for again after it. */
static void z2_half_of_it_before_the_time_out(void **state)
{
	struct vt_zerocopy *t = *state;

	restart_until(t, VDEV_ZEROCOPY_UNTIL_ALL);
	lend(t, 'a');
	assert_int_equal(vz_complete(t, 'a', RESPONSE), 0);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:a");
	expect_nothing(t);
}

static void z2_reclaimed_at_its_time_out_not_before(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(vz_due(t), VZ_TIMEOUT);
	assert_int_equal(vz_info(t, 'a').deadline_ns, t->now + VZ_TIMEOUT);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT - 1), "");
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_due(t), 1);
	vz_expect(t, vz_pass(t, 1), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	assert_int_equal(vz_due(t), VDEV_NONE);
	assert_int_equal(vz_stats(t).timed_out, 1);
	assert_int_equal(vz_stats(t).reclaimed, 1);
}

static void z2_time_begins_when_it_is_sent(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	assert_int_equal(vz_due(t), VDEV_NONE);
	vz_expect(t, vz_pass(t, 100 * VZ_SEC), "");
	assert_int_equal(vz_sent(t, 'a'), WAKE);
	assert_int_equal(vz_due(t), VZ_TIMEOUT);
}

static uint64_t clamped(struct vt_zerocopy *t, uint64_t timeout)
{
	uint64_t got;

	vz_block(t, 'a')->timeout_ns = timeout;
	lend(t, 'a');
	got = vz_info(t, 'a').timeout_ns;
	assert_int_equal(vz_info(t, 'a').deadline_ns, t->now + got);
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	return got;
}

static void z2_guests_time_out_is_clamped(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(clamped(t, 1), MS);
	assert_int_equal(clamped(t, MS - 1), MS);
	assert_int_equal(clamped(t, MS + 1), MS + 1);
	assert_int_equal(clamped(t, 60 * VZ_SEC - 1), 60 * VZ_SEC - 1);
	assert_int_equal(clamped(t, 60 * VZ_SEC + 1), 60 * VZ_SEC);
	assert_int_equal(clamped(t, UINT64_MAX), 60 * VZ_SEC);
	assert_int_equal(clamped(t, 0), 10 * VZ_SEC);
}

static void z2_clamps_and_default_are_configurable(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){
			   .timeout_min_ns = 5, .timeout_max_ns = 50, .timeout_ns = 20});
	assert_int_equal(clamped(t, 1), 5);
	assert_int_equal(clamped(t, 6), 6);
	assert_int_equal(clamped(t, 51), 50);
	assert_int_equal(clamped(t, 0), 20);
	restart(t, (struct vdev_zerocopy_config){.timeout_min_ns = 5, .timeout_max_ns = 50});
	assert_int_equal(clamped(t, 0), 50); /* the default is clamped as well */
	restart(t, (struct vdev_zerocopy_config){
			   .timeout_min_ns = 5, .timeout_max_ns = 5, .timeout_ns = 1});
	assert_int_equal(clamped(t, 0), 5);
}

static void send_for(struct vt_zerocopy *t, char letter, uint64_t timeout, int wake)
{
	vz_block(t, letter)->timeout_ns = timeout;
	assert_int_equal(vz_reserve(t, letter), 0);
	assert_int_equal(vz_sent(t, letter), wake ? WAKE : 0);
}

static void z2_deadline_is_the_earliest_of_all(void **state)
{
	struct vt_zerocopy *t = *state;

	send_for(t, 'a', 30 * MS, 1);
	assert_int_equal(vz_due(t), 30 * MS);
	send_for(t, 'b', 10 * MS, 1); /* earlier: whoever sleeps must wake */
	assert_int_equal(vz_due(t), 10 * MS);
	send_for(t, 'c', 20 * MS, 0);
	assert_int_equal(vz_due(t), 10 * MS);
	vz_expect(t, vz_pass(t, 10 * MS), "OFFLINE:b ACCESSIBLE:b+RECLAIMED");
	assert_int_equal(vz_due(t), 10 * MS);
	vz_expect(t, vz_pass(t, 10 * MS), "OFFLINE:c ACCESSIBLE:c+RECLAIMED");
	vz_expect(t, vz_pass(t, 10 * MS), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	assert_int_equal(vz_due(t), VDEV_NONE);
}

/* A deadline of what is over may still be told; a step() then shows that nothing is due. */
static void z2_nothing_is_timed_once_all_are_over(void **state)
{
	struct vt_zerocopy *t = *state;

	for (int i = 0; i < 3; i++) {
		for (char c = 'a'; c <= 'h'; c++)
			lend(t, c);
		for (char c = 'h'; c >= 'a'; c--)
			assert_int_equal(vz_complete(t, c, TASK), OVER);
	}
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "");
	assert_int_equal(vz_due(t), VDEV_NONE);
	assert_int_equal(vz_stats(t).timed_out, 0);
}

static void z2_one_step_serves_all_that_is_due(void **state)
{
	struct vt_zerocopy *t = *state;

	for (char c = 'a'; c <= 'e'; c++)
		lend(t, c);
	assert_int_equal(vz_pass(t, VZ_TIMEOUT), 5);
	assert_string_equal(vz_drain(t), "OFFLINE:a OFFLINE:b OFFLINE:c OFFLINE:d OFFLINE:e "
					 "ACCESSIBLE:a+RECLAIMED ACCESSIBLE:b+RECLAIMED "
					 "ACCESSIBLE:c+RECLAIMED ACCESSIBLE:d+RECLAIMED "
					 "ACCESSIBLE:e+RECLAIMED");
	assert_int_equal(vz_stats(t).timed_out, 5);
}

static void z2_neighbour_of_what_is_due_is_left_alone(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_block(t, 'b')->timeout_ns = VZ_TIMEOUT + 1;
	lend(t, 'b');
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	assert_int_equal(vz_due(t), 1);
	vz_expect(t, vz_pass(t, 1), "OFFLINE:b ACCESSIBLE:b+RECLAIMED");
}

static void z2_expire_claims_for_the_vm_object(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_block(t, 'b')->timeout_ns = 2 * VZ_TIMEOUT;
	lend(t, 'b');
	assert_int_equal(vdev_zerocopy_expire(t->q[0], t->now + VZ_TIMEOUT - 1), 0);
	assert_int_equal(vdev_zerocopy_expire(t->q[0], t->now + VZ_TIMEOUT), 1);
	assert_int_equal(vdev_zerocopy_expire(t->q[0], t->now + VZ_TIMEOUT), 0);
	expect_state(t, 'a', VDEV_ZEROCOPY_CLAIMED);
	assert_string_equal(vz_drain(t), ""); /* until step() takes it up */
	t->now += VZ_TIMEOUT;
	vz_expect(t, vz_pass(t, 0), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	expect_state(t, 'b', VDEV_ZEROCOPY_SENT);
}

static void z2_many_at_their_own_times(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vt_rand rand;
	uint64_t due[VZ_SLOTS], start = t->now;

	vt_rand_init(&rand, "zerocopy_time", 3);
	for (uint32_t i = 0; i < VZ_SLOTS; i++) {
		char c = (char)('0' + i);

		vz_block(t, c)->timeout_ns = (1 + vt_below(&rand, 40)) * MS;
		due[i] = start + vz_block(t, c)->timeout_ns;
		lend(t, c);
	}
	for (uint64_t ms = 1; ms <= 40; ms++) {
		uint32_t expected = 0;

		t->now = start + ms * MS;
		for (uint32_t i = 0; i < VZ_SLOTS; i++)
			expected += due[i] == t->now;
		assert_int_equal(vz_pass(t, 0), expected);
		vz_drain(t);
	}
	assert_int_equal(vz_stats(t).timed_out, VZ_SLOTS);
}

static void z2_clock_does_not_go_back(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_pass(t, VZ_TIMEOUT / 2);
	t->now -= VZ_TIMEOUT / 4;
	vz_expect(t, vz_pass(t, 0), "");
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	t->now -= VZ_TIMEOUT / 2;
	vz_expect(t, vz_done(t, VDEV_ZEROCOPY_OFFLINE, 'a', -EAGAIN), "");
	assert_int_equal(vz_due(t), VZ_TIMEOUT / 2 + VZ_SEC / 100); /* from the later time on */
}

static void z2_end_of_time_does_not_wrap(void **state)
{
	struct vt_zerocopy *t = *state;

	t->now = UINT64_MAX - 5;
	lend(t, 'a');
	assert_true(vz_info(t, 'a').deadline_ns >= t->now);
	vz_expect(t, vz_pass(t, 1), "");
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	expect_nothing(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z2_each_predicate),
		TEST(z2_each_predicate_before_sent),
		TEST(z2_each_predicate_ends_quarantine),
		TEST(z2_half_of_it_before_the_time_out),
		TEST(z2_reclaimed_at_its_time_out_not_before),
		TEST(z2_time_begins_when_it_is_sent),
		TEST(z2_guests_time_out_is_clamped),
		TEST(z2_clamps_and_default_are_configurable),
		TEST(z2_deadline_is_the_earliest_of_all),
		TEST(z2_nothing_is_timed_once_all_are_over),
		TEST(z2_one_step_serves_all_that_is_due),
		TEST(z2_neighbour_of_what_is_due_is_left_alone),
		TEST(z2_expire_claims_for_the_vm_object),
		TEST(z2_many_at_their_own_times),
		TEST(z2_clock_does_not_go_back),
		TEST(z2_end_of_time_does_not_wrap),
	};

	return cmocka_run_group_tests_name("zerocopy_time", tests, NULL, NULL);
}
