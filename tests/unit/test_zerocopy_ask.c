/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: the guest asks for a block, and is reset (Z3). */
#include "test_zerocopy_rig.h"

static int all(struct vt_zerocopy *t, struct vdev_zerocopy_queue *queue, uint32_t mode)
{
	return vdev_zerocopy_reclaim_all(t->z, t->now, queue, mode, 0);
}

static int begin(struct vt_zerocopy *t, uint32_t mode, uint32_t flags)
{
	return vdev_zerocopy_reset_begin(t->z, t->now, mode, flags);
}

static int end(struct vt_zerocopy *t)
{
	return vdev_zerocopy_reset_end(t->z, t->now);
}

static void z3_guest_asks_for_a_block(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	vz_expect(t, vz_reclaim(t, 'a', VDEV_ZEROCOPY_DEFAULT),
		  "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
	expect_state(t, 'a', VDEV_ZEROCOPY_QUARANTINED);
	expect_state(t, 'b', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_stats(t).asked, 1);
	assert_int_equal(vz_stats(t).timed_out, 0);
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	assert_int_equal(vz_complete(t, 'b', TASK), OVER);
	expect_nothing(t);
}

static void z3_asking_twice_and_too_late(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(vz_reclaim(t, 'a', 0), 1);
	assert_int_equal(vz_reclaim(t, 'a', 0), -EALREADY); /* waiting */
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'a', VZ_LATER);
	vz_drain(t);
	assert_int_equal(vz_reclaim(t, 'a', 0), -EALREADY); /* being replaced */
	vz_expect(t, vz_done(t, VDEV_ZEROCOPY_OFFLINE, 'a', 0), "ACCESSIBLE:aQ+RECLAIMED");
	assert_int_equal(vz_reclaim(t, 'a', 0), -EALREADY); /* replaced */
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	assert_int_equal(vz_reclaim(t, 'a', 0), -ENOENT);
	assert_int_equal(vz_stats(t).asked, 1);
}

static void z3_asking_for_what_is_not_there(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(vdev_zerocopy_reclaim(t->z, t->now, 0, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_reclaim(t->z, t->now, id_of(t, 'a') + 1, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_reclaim(t->z, t->now, id_of(t, 'a') + VZ_SLOTS, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_reclaim(t->z, t->now, id_of(t, 'a') | UINT64_C(1) << 56, 0),
			 -ENOENT);
	assert_int_equal(vdev_zerocopy_reclaim(t->z, t->now, UINT64_MAX, 0), -ENOENT);
	assert_int_equal(vz_reclaim(t, 'a', 3), -EINVAL);
	assert_int_equal(vz_reclaim(t, 'a', UINT32_MAX), -EINVAL);
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	assert_int_equal(vz_reclaim(t, 'a', 0), -ENOENT);
}

/* Its owner thread is about to send it: the guest gets it back as soon as that is over. */
static void z3_asking_for_what_is_not_sent_yet(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	assert_int_equal(vz_reclaim(t, 'a', 0), 0);
	assert_int_equal(vz_sent(t, 'a'), WAKE);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
	vz_reserve(t, 'b');
	assert_int_equal(vz_reclaim(t, 'b', 0), 0);
	assert_int_equal(vz_abort(t, 'b'), 0);
	vz_expect(t, vz_pass(t, 0), "");
	expect_state(t, 'b', VDEV_ZEROCOPY_FREE);
	vz_reserve(t, 'c');
	assert_int_equal(vz_reclaim(t, 'c', 0), 0);
	assert_int_equal(vz_complete(t, 'c', TASK), 0);
	assert_int_equal(vz_sent(t, 'c') & VDEV_ZEROCOPY_SETTLED, VDEV_ZEROCOPY_SETTLED);
	vz_expect(t, vz_pass(t, 0), "");
	expect_state(t, 'c', VDEV_ZEROCOPY_FREE);
}

static void z3_all_of_one_queue(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(vz_add_queue(t, 16, 0, 0), 0);
	t->block['b'].queue = 1;
	t->block['d'].queue = 1;
	for (char c = 'a'; c <= 'd'; c++)
		lend(t, c);
	assert_int_equal(all(t, t->q[1], 0), 2);
	assert_string_equal(vz_drain(t), "OFFLINE:bQ OFFLINE:dQ ACCESSIBLE:bQ+RECLAIMED "
					 "ACCESSIBLE:dQ+RECLAIMED");
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_stats(t).asked, 2);
	assert_int_equal(all(t, NULL, 0), 2);
	assert_string_equal(vz_drain(t), "OFFLINE:aQ OFFLINE:cQ ACCESSIBLE:aQ+RECLAIMED "
					 "ACCESSIBLE:cQ+RECLAIMED");
	assert_int_equal(all(t, NULL, 0), 0);
	assert_int_equal(vz_lend(t, 'e') & ~WAKE, 0); /* it goes on */
}

static void z3_values_of_reclaim_all(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(all(t, NULL, 3), -EINVAL);
	assert_int_equal(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, 2), -EINVAL);
	assert_int_equal(vdev_zerocopy_reclaim_all(t->z, t->now, t->q[0], 0, VDEV_ZEROCOPY_WHOLE),
			 -EINVAL);
	assert_int_equal(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, VDEV_ZEROCOPY_RESET,
						   VDEV_ZEROCOPY_WHOLE),
			 -EINVAL); /* the guest would lose its memory */
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
}

static void z3_reset_reclaims_all(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	quarantine(t, 'q');
	assert_int_equal(begin(t, 0, 0), 2);
	assert_string_equal(vz_drain(t), "OFFLINE:aR OFFLINE:bR ACCESSIBLE:aR+RECLAIMED "
					 "ACCESSIBLE:bR+RECLAIMED");
	assert_int_equal(vz_stats(t).reset, 2);
	vz_expect(t, end(t), "");
	expect_state(t, 'q',
		     VDEV_ZEROCOPY_QUARANTINED); /* the late ones are awaited all the same */
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aR");
}

static void z3_nothing_is_lent_during_a_reset(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(end(t), -EBUSY); /* none has begun */
	vz_expect(t, begin(t, 0, 0), "");
	assert_int_equal(begin(t, 0, 0), -EBUSY);
	assert_int_equal(vz_lend(t, 'a'), VDEV_ZEROCOPY_COPY_RESET);
	assert_int_equal(vz_stats(t).copied[VDEV_ZEROCOPY_COPY_RESET], 1);
	vz_expect(t, end(t), "");
	assert_int_equal(end(t), -EBUSY);
	lend(t, 'a');
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
}

static void z3_end_waits_for_what_is_being_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'a', VZ_LATER);
	vz_script(t, VDEV_ZEROCOPY_ACCESSIBLE, 'a', VZ_LATER);
	assert_int_equal(begin(t, 0, 0), 1);
	assert_int_equal(end(t), -EAGAIN);
	vz_drain(t);
	assert_int_equal(end(t), -EAGAIN);
	vz_expect(t, vz_done(t, VDEV_ZEROCOPY_OFFLINE, 'a', 0), "ACCESSIBLE:aR+RECLAIMED");
	assert_int_equal(vz_lend(t, 'b'), VDEV_ZEROCOPY_COPY_RESET);
	vz_expect(t, vz_done(t, VDEV_ZEROCOPY_ACCESSIBLE, 'a', 0), "");
	vz_expect(t, end(t), "");
}

static void z3_end_waits_for_an_owner_thread(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	vz_reserve(t, 'b');
	vz_expect(t, begin(t, 0, 0), "");
	assert_int_equal(end(t), -EAGAIN);
	assert_int_equal(vz_sent(t, 'a'), WAKE);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:aR ACCESSIBLE:aR+RECLAIMED");
	assert_int_equal(end(t), -EAGAIN);
	assert_int_equal(vz_abort(t, 'b'), 0);
	vz_expect(t, end(t), "");
}

static void z3_what_is_under_way_is_not_begun_again(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	lend(t, 'c');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ");
	vdev_zerocopy_expire(t->q[0], t->now + VZ_TIMEOUT); /* b and c are claimed */
	assert_int_equal(begin(t, 0, 0), 2);
	vz_drain(t);
	assert_int_equal(vz_stats(t).timed_out, 2);
	assert_int_equal(vz_stats(t).reset, 0);
	vz_done(t, VDEV_ZEROCOPY_OFFLINE, 'a', 0);
	vz_drain(t);
	vz_expect(t, end(t), "");
	assert_int_equal(vz_stats(t).reclaimed, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z3_guest_asks_for_a_block),
		TEST(z3_asking_twice_and_too_late),
		TEST(z3_asking_for_what_is_not_there),
		TEST(z3_asking_for_what_is_not_sent_yet),
		TEST(z3_all_of_one_queue),
		TEST(z3_values_of_reclaim_all),
		TEST(z3_reset_reclaims_all),
		TEST(z3_nothing_is_lent_during_a_reset),
		TEST(z3_end_waits_for_what_is_being_replaced),
		TEST(z3_end_waits_for_an_owner_thread),
		TEST(z3_what_is_under_way_is_not_begun_again),
	};

	return cmocka_run_group_tests_name("zerocopy_ask", tests, NULL, NULL);
}
