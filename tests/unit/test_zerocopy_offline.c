/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: pages are replaced, the old ones kept in quarantine, the guest told (Z4). */
#include "test_zerocopy_rig.h"

#define OFFLINE VDEV_ZEROCOPY_OFFLINE
#define ACCESSIBLE VDEV_ZEROCOPY_ACCESSIBLE

static void z4_old_pages_stay_in_quarantine_until_it_is_over(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_stats s;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	expect_state(t, 'a', VDEV_ZEROCOPY_OFFLINING);
	s = vz_stats(t);
	assert_int_equal(s.blocks, 1);
	assert_int_equal(s.operations, 1);
	assert_int_equal(s.quarantined_blocks, 0);
	vz_expect(t, vz_done(t, OFFLINE, 'a', 0), "ACCESSIBLE:a+RECLAIMED");
	expect_state(t, 'a', VDEV_ZEROCOPY_QUARANTINED);
	s = vz_stats(t);
	assert_int_equal(s.blocks, 0);
	assert_int_equal(s.bytes, 0);
	assert_int_equal(s.quarantined_blocks, 1);
	assert_int_equal(s.quarantined_bytes, 2 * VZ_PAGE);
	assert_int_equal(s.granules, 2);
	vz_expect(t, vz_pass(t, 1000 * VZ_SEC), "");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:a");
	expect_nothing(t);
	assert_int_equal(vz_stats(t).late, 1);
	assert_int_equal(vz_stats(t).settled, 0);
}

static void z4_actions_say_what_is_meant(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	assert_int_equal(t->last.dev, id_of(t, 'a'));
	assert_int_equal(t->last.user_data, 'a');
	assert_int_equal(t->last.arg[0], vz_block(t, 'a')->address);
	assert_int_equal(t->last.arg[1], 2 * VZ_PAGE);
	assert_int_equal(t->last.arg[2], VDEV_ZEROCOPY_PRESERVE);
	assert_int_equal(t->last.deadline_ns, t->now + 5 * VZ_SEC);
	assert_int_equal(vz_info(t, 'a').action_id, t->last.id);
	vz_done(t, OFFLINE, 'a', 0);
	vz_script(t, ACCESSIBLE, 'a', VZ_LATER);
	vz_drain(t);
	assert_int_equal(t->last.deadline_ns, VDEV_NONE);
	assert_int_equal(vz_info(t, 'a').action_id, t->last.id);
	vz_expect(t, vz_done(t, ACCESSIBLE, 'a', 0), "");
	assert_int_equal(vz_info(t, 'a').action_id, 0);
}

static void z4_all_that_are_due_wait_at_once(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_action a[3];

	for (char c = 'a'; c <= 'c'; c++)
		lend(t, c);
	assert_int_equal(vz_pass(t, VZ_TIMEOUT), 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vdev_zerocopy_next(t->z, &a[i], sizeof(a[i])), 1);
		assert_int_equal(a[i].kind, OFFLINE);
		assert_int_equal(a[i].user_data, 'a' + i);
	}
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, a[2].id, 0), 1);
	assert_int_equal(vdev_zerocopy_done(t->z, t->now, a[0].id, 0), 2);
	vz_expect(t, vdev_zerocopy_done(t->z, t->now, a[1].id, 0),
		  "ACCESSIBLE:c+RECLAIMED ACCESSIBLE:a+RECLAIMED ACCESSIBLE:b+RECLAIMED");
}

static void z4_late_before_the_guest_is_told(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	assert_int_equal(vz_complete(t, 'a', TASK) & OVER, 0);
	vz_expect(t, vz_pass(t, 0), ""); /* the pages are being replaced: that has to end first */
	vz_expect(t, vz_done(t, OFFLINE, 'a', 0), "ACCESSIBLE:a+RECLAIMED RELEASE:a");
	expect_nothing(t);
}

static void z4_offline_that_takes_again(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', -EAGAIN);
	vz_script(t, OFFLINE, 'a', -EAGAIN);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	assert_int_equal(vz_due(t), VZ_SEC / 100); /* retry_ns */
	vz_expect(t, vz_pass(t, VZ_SEC / 100 - 1), "");
	vz_expect(t, vz_pass(t, 1), "OFFLINE:a");
	vz_expect(t, vz_pass(t, VZ_SEC / 100), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	assert_int_equal(vz_stats(t).reclaim_refused, 0);
	assert_int_equal(vz_stats(t).granules, 2);
}

/* offline_ns is for all repetitions together. */
static void z4_repetitions_come_to_an_end(void **state)
{
	struct vt_zerocopy *t = *state;
	const char *text = "";
	uint32_t rounds = 0;

	lend(t, 'a');
	vz_pass(t, VZ_TIMEOUT);
	for (; rounds < 1000 && !strstr(text, "REFUSED"); rounds++) {
		vz_script(t, OFFLINE, 'a', -EAGAIN);
		text = vz_drain(t);
		vz_pass(t, VZ_SEC / 100);
	}
	assert_in_range(rounds, 490, 510);
	assert_non_null(strstr(text, "REFUSED:a(-110)"));
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_stats(t).reclaim_refused, 1);
	assert_int_equal(vz_due(t), VDEV_NONE);
}

static void z4_what_cannot_be_replaced_stays_lent(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', -EIO);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a REFUSED:a(-5)");
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_info(t, 'a').deadline_ns, VDEV_NONE);
	assert_int_equal(vz_due(t), VDEV_NONE);
	assert_int_equal(vz_stats(t).blocks, 1);
	assert_int_equal(vz_stats(t).operations, 0);
	vz_expect(t, vz_pass(t, 1000 * VZ_SEC), "");
	assert_int_equal(vz_complete(t, 'a', TASK), OVER); /* Z6: told by this, and once */
	expect_nothing(t);
	assert_int_equal(vz_stats(t).reclaim_refused, 1);
	assert_int_equal(vz_stats(t).reclaimed, 0);
}

static void z4_refused_once_asked_again(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', -EIO);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a REFUSED:a(-5)");
	vz_script(t, OFFLINE, 'a', -ENOMEM);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ REFUSED:aQ(-12)");
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	expect_nothing(t);
}

static void z4_completion_while_the_refusal_is_told(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	assert_int_equal(vz_complete(t, 'a', TASK) & OVER, 0);
	vz_expect(t, vz_done(t, OFFLINE, 'a', -EIO), "REFUSED:a(-5) ACCESSIBLE:a+COMPLETED");
	expect_state(t, 'a', VDEV_ZEROCOPY_FREE);
	expect_nothing(t);
}

static void z4_offline_over_its_deadline_is_cancelled(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	assert_int_equal(vz_due(t), 5 * VZ_SEC);
	vz_expect(t, vz_pass(t, 5 * VZ_SEC - 1), "");
	vz_expect(t, vz_pass(t, 1), "CANCEL:a(OFFLINE)");
	assert_int_equal(t->last.arg[0], t->out[0].id);
	vz_expect(t, vz_pass(t, 100 * VZ_SEC), ""); /* once */
	expect_state(t, 'a', VDEV_ZEROCOPY_OFFLINING);
	assert_int_equal(vz_stats(t).cancels, 1);
	vz_expect(t, vz_done(t, OFFLINE, 'a', -ECANCELED), "REFUSED:a(-125)");
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
}

static void z4_cancelled_but_done_after_all(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	vz_script(t, VDEV_CANCEL, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, 5 * VZ_SEC), "CANCEL:a(OFFLINE)");
	vz_expect(t, vz_done(t, OFFLINE, 'a', 0), "");
	expect_state(t, 'a', VDEV_ZEROCOPY_QUARANTINED);
	vz_expect(t, vz_done(t, VDEV_CANCEL, 'a', 0), "ACCESSIBLE:a+RECLAIMED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:a");
	expect_nothing(t);
}

static void z4_times_of_offline_are_configurable(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.offline_ns = 1000, .retry_ns = 7});
	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', -EAGAIN);
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	assert_int_equal(vz_due(t), 7);
	vz_expect(t, vz_pass(t, 7), "OFFLINE:a");
	assert_int_equal(vz_due(t), 993);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z4_old_pages_stay_in_quarantine_until_it_is_over),
		TEST(z4_actions_say_what_is_meant),
		TEST(z4_all_that_are_due_wait_at_once),
		TEST(z4_late_before_the_guest_is_told),
		TEST(z4_offline_that_takes_again),
		TEST(z4_repetitions_come_to_an_end),
		TEST(z4_what_cannot_be_replaced_stays_lent),
		TEST(z4_refused_once_asked_again),
		TEST(z4_completion_while_the_refusal_is_told),
		TEST(z4_offline_over_its_deadline_is_cancelled),
		TEST(z4_cancelled_but_done_after_all),
		TEST(z4_times_of_offline_are_configurable),
	};

	return cmocka_run_group_tests_name("zerocopy_offline", tests, NULL, NULL);
}
