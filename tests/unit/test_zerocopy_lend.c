/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: a block is reserved, sent, and comes back (Z1). */
#include "test_zerocopy_rig.h"

static void z1_block_is_lent_and_comes_back(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(vz_reserve(t, 'a'), VDEV_ZEROCOPY_LEND);
	expect_state(t, 'a', VDEV_ZEROCOPY_RESERVED);
	assert_int_equal(vz_sent(t, 'a'), WAKE); /* the first deadline of all */
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_stats(t).blocks, 1);
	assert_int_equal(vz_stats(t).bytes, 2 * VZ_PAGE);
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	expect_state(t, 'a', VDEV_ZEROCOPY_FREE);
	assert_int_equal(vz_stats(t).lent, 1);
	assert_int_equal(vz_stats(t).settled, 1);
	expect_nothing(t);
}

static void z1_ids_rise_by_one(void **state)
{
	struct vt_zerocopy *t = *state;

	for (char c = 'a'; c <= 'z'; c++) {
		lend(t, c);
		assert_int_equal(id_of(t, c), id_of(t, 'a') + (uint64_t)(c - 'a'));
		if (c % 3)
			assert_int_equal(vz_complete(t, c, TASK), OVER);
	}
}

static void z1_no_id_is_used_twice(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t last = 0;

	lend(t, 'a'); /* keeps its slot all the time */
	for (uint32_t i = 0; i < 20 * VZ_SLOTS; i++) {
		lend(t, 'b');
		assert_true(id_of(t, 'b') > last && id_of(t, 'b') != id_of(t, 'a'));
		last = id_of(t, 'b');
		assert_int_equal(vz_complete(t, 'b', TASK), OVER);
	}
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
}

static void z1_send_that_failed_gives_the_block_back(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	assert_int_equal(vz_abort(t, 'a'), 0);
	expect_nothing(t);
	assert_int_equal(vz_stats(t).aborted, 1);
	assert_int_equal(vz_stats(t).settled, 0);
	assert_int_equal(vz_abort(t, 'a'), -ENOENT);
	assert_int_equal(vz_sent(t, 'a'), -ENOENT);
	assert_int_equal(vz_complete(t, 'a', TASK), -ENOENT);
}

static void z1_what_was_sent_cannot_be_aborted(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(vz_abort(t, 'a'), -ENOENT);
	assert_int_equal(vz_sent(t, 'a'), -ENOENT);
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_stats(t).aborted, 0);
}

static void z1_part_that_went_out_is_the_block_from_then_on(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	assert_int_equal(vz_stats(t).bytes, 2 * VZ_PAGE);
	assert_int_equal(vz_sent_part(t, 'a', VZ_PAGE) & ~WAKE, 0);
	assert_int_equal(vz_info(t, 'a').length_bytes, VZ_PAGE);
	assert_int_equal(vz_stats(t).bytes, VZ_PAGE);
	assert_int_equal(vz_stats(t).partial, 1);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:a");
	expect_nothing(t);
	assert_int_equal(vz_stats(t).granules, 1);
}

static void z1_more_than_was_reserved_cannot_go_out(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	assert_int_equal(vz_sent_part(t, 'a', 0), -EINVAL);
	assert_int_equal(vz_sent_part(t, 'a', 2 * VZ_PAGE + 1), -EINVAL);
	assert_int_equal(vz_sent_part(t, 'a', UINT64_MAX), -EINVAL);
	expect_state(t, 'a', VDEV_ZEROCOPY_RESERVED);
	assert_int_equal(vz_sent(t, 'a') & ~WAKE, 0);
	assert_int_equal(vz_stats(t).partial, 0);
}

static void z1_completion_may_come_before_sent(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	assert_int_equal(vz_complete(t, 'a', TASK), 0); /* who tells the guest is sent() */
	expect_state(t, 'a', VDEV_ZEROCOPY_RESERVED);
	assert_int_equal(vz_info(t, 'a').seen, TASK);
	assert_int_equal(vz_sent(t, 'a'), VDEV_ZEROCOPY_SETTLED);
	expect_nothing(t);
	assert_int_equal(vz_stats(t).settled, 1);
	assert_int_equal(vz_sent(t, 'a'), -ENOENT);
}

static void z1_completion_before_a_send_that_failed(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	assert_int_equal(vz_complete(t, 'a', TASK), 0);
	assert_int_equal(vz_abort(t, 'a'), 0);
	expect_nothing(t);
	assert_int_equal(vz_stats(t).aborted, 1);
}

static int complete(struct vt_zerocopy *t, uint64_t lo, uint64_t hi, uint64_t *settled)
{
	return vdev_zerocopy_complete(t->q[0], lo, hi, TASK, settled);
}

static void z1_range_of_completions(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t settled = 0;

	for (char c = 'a'; c <= 'h'; c++)
		lend(t, c);
	vz_complete(t, 'c', TASK);
	vz_reserve(t, 'i');
	assert_int_equal(complete(t, id_of(t, 'b'), id_of(t, 'i') + 3, &settled), 0);
	assert_int_equal(settled, 0x7d); /* b, not c, d..h; i is not sent */
	assert_int_equal(vz_stats(t).stale, 4); /* c and the three that do not exist */
	assert_int_equal(vz_stats(t).blocks, 2);
	assert_int_equal(vz_sent(t, 'i'), VDEV_ZEROCOPY_SETTLED);
	assert_int_equal(complete(t, id_of(t, 'a'), id_of(t, 'a'), NULL), 0); /* may be NULL */
	expect_nothing(t);
}

static void z1_range_of_64(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t settled = 0, first;

	lend(t, 'a');
	first = id_of(t, 'a');
	for (uint32_t i = 1; i < 64; i++)
		lend(t, 'b');
	assert_int_equal(complete(t, first, first + 64, &settled), -EINVAL);
	assert_int_equal(settled, 0);
	assert_int_equal(complete(t, first, first + 63, &settled), 0);
	assert_true(settled == UINT64_MAX);
	settled = 5;
	assert_int_equal(complete(t, first, first + 63, &settled), -ENOENT);
	assert_int_equal(settled, 5); /* untouched on failure */
	expect_nothing(t);
}

static void z1_completions_of_nothing(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t settled = 7;

	lend(t, 'a');
	assert_int_equal(complete(t, id_of(t, 'a') + 1, id_of(t, 'a'), &settled), -EINVAL);
	assert_int_equal(complete(t, 0, UINT64_MAX, &settled), -EINVAL);
	assert_int_equal(complete(t, UINT64_MAX, UINT64_MAX, &settled), -ENOENT);
	assert_int_equal(complete(t, UINT64_MAX - 63, UINT64_MAX, &settled), -ENOENT);
	assert_int_equal(complete(t, id_of(t, 'a') + 1, id_of(t, 'a') + 9, &settled), -ENOENT);
	assert_int_equal(complete(t, id_of(t, 'a') + VZ_SLOTS, id_of(t, 'a') + VZ_SLOTS, &settled),
			 -ENOENT); /* another life of its slot */
	assert_int_equal(complete(t, id_of(t, 'a') | UINT64_C(1) << 56,
				  id_of(t, 'a') | UINT64_C(1) << 56, &settled),
			 -ENOENT); /* another queue's */
	assert_int_equal(settled, 7);
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
}

static void z1_flags_of_completions(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(vz_complete(t, 'a', 0), -EINVAL);
	assert_int_equal(vz_complete(t, 'a', VDEV_ZEROCOPY_COPIED), -EINVAL);
	for (uint32_t bit = 3; bit < 32; bit++)
		assert_int_equal(vz_complete(t, 'a', TASK | 1u << bit), -EINVAL);
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_stats(t).stale, 0);
	assert_int_equal(vz_complete(t, 'a', TASK | VDEV_ZEROCOPY_COPIED), OVER);
	assert_int_equal(vz_stats(t).copied[0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z1_block_is_lent_and_comes_back),
		TEST(z1_ids_rise_by_one),
		TEST(z1_no_id_is_used_twice),
		TEST(z1_send_that_failed_gives_the_block_back),
		TEST(z1_what_was_sent_cannot_be_aborted),
		TEST(z1_part_that_went_out_is_the_block_from_then_on),
		TEST(z1_more_than_was_reserved_cannot_go_out),
		TEST(z1_completion_may_come_before_sent),
		TEST(z1_completion_before_a_send_that_failed),
		TEST(z1_range_of_completions),
		TEST(z1_range_of_64),
		TEST(z1_completions_of_nothing),
		TEST(z1_flags_of_completions),
	};

	return cmocka_run_group_tests_name("zerocopy_lend", tests, NULL, NULL);
}
