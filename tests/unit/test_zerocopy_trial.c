/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: sizes whose blocks the kernel copies anyway, and when they are lent again (Z9). */
#include "test_zerocopy_rig.h"

#define SIZE UINT64_C(65536)
#define MOST 20000u /* messages until the engine must have thought of something */

static void adaptive(struct vt_zerocopy *t, uint64_t threshold)
{
	assert_int_equal(vz_add_queue(t, 64, VDEV_ZEROCOPY_ADAPTIVE, threshold), 0);
	t->block['a'].queue = t->queue_count - 1;
	vz_place(t, 'a', VZ_RAM, SIZE);
}

static uint64_t threshold(const struct vt_zerocopy *t)
{
	return vdev_zerocopy_threshold(t->q[t->block['a'].queue]);
}

/* One message; if it is lent, the kernel says with `flags` how it went. What reserve() answered. */
static int message(struct vt_zerocopy *t, uint32_t flags)
{
	int ret = vz_reserve(t, 'a');

	assert_true(ret >= 0);
	if (ret & VDEV_ZEROCOPY_ANSWER)
		return ret;
	assert_int_equal(vz_sent(t, 'a') & ~WAKE, 0);
	assert_int_equal(vz_complete(t, 'a', TASK | flags), OVER);
	return ret;
}

/* Messages until one is measured; how many of them were lent. */
static uint32_t until_measured(struct vt_zerocopy *t, uint32_t flags, int *ret_answer)
{
	uint32_t lent = 0;

	for (uint32_t i = 0; i < MOST; i++) {
		*ret_answer = message(t, flags);
		lent += (*ret_answer & VDEV_ZEROCOPY_ANSWER) == VDEV_ZEROCOPY_LEND;
		if (*ret_answer & VDEV_ZEROCOPY_MEASURE)
			return lent;
	}
	fail_msg("nothing is measured");
	return 0;
}

/* A trial is two in a row, of which the second is measured. Nothing is lent before it. */
static int until_a_trial(struct vt_zerocopy *t, uint32_t flags)
{
	int answer;

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t lent = until_measured(t, flags, &answer);

		if (lent) {
			assert_int_equal(lent, 2);
			assert_int_equal(answer, VDEV_ZEROCOPY_LEND | VDEV_ZEROCOPY_MEASURE);
			return 1;
		}
	}
	return 0;
}

/* One block that the kernel copied: no more of this size, and larger ones count as known again. */
static void distrusted(struct vt_zerocopy *t)
{
	adaptive(t, 4096);
	assert_int_equal(message(t, VDEV_ZEROCOPY_COPIED), VDEV_ZEROCOPY_LEND);
	assert_int_equal(message(t, 0), VDEV_ZEROCOPY_COPY_SMALL);
	assert_int_equal(threshold(t), 2 * SIZE);
}

static void z9_copied_once_is_not_lent_until_a_trial(void **state)
{
	struct vt_zerocopy *t = *state;

	distrusted(t);
	assert_true(until_a_trial(t, 0));
	/* Only when nothing was heard of the trial for a while. */
	assert_int_equal(message(t, 0), VDEV_ZEROCOPY_COPY_SMALL);
	assert_int_equal(threshold(t), 2 * SIZE);
}

static void z9_trial_that_goes_well(void **state)
{
	struct vt_zerocopy *t = *state;
	int answer;

	distrusted(t);
	assert_true(until_a_trial(t, 0));
	assert_int_equal(until_measured(t, 0, &answer), 1);
	assert_int_equal(threshold(t), 4096);
	assert_int_equal(message(t, 0), VDEV_ZEROCOPY_LEND);
}

static void z9_trial_that_is_copied_too(void **state)
{
	struct vt_zerocopy *t = *state;

	distrusted(t);
	for (uint32_t i = 0; i < 5; i++) {
		int answer;

		assert_true(until_a_trial(t, VDEV_ZEROCOPY_COPIED));
		assert_int_equal(until_measured(t, 0, &answer), 0);
		assert_int_equal(answer & VDEV_ZEROCOPY_ANSWER, VDEV_ZEROCOPY_COPY_SMALL);
		assert_int_equal(threshold(t), 2 * SIZE);
	}
	assert_true(until_a_trial(t, 0)); /* it never gives up */
}

/* A late report of a block from before says nothing about the trial. */
static void z9_reports_from_before_the_trial(void **state)
{
	struct vt_zerocopy *t = *state;
	int answer;

	adaptive(t, 4096);
	t->block['b'] = t->block['a'];
	lend(t, 'b');
	assert_int_equal(message(t, VDEV_ZEROCOPY_COPIED), VDEV_ZEROCOPY_LEND);
	assert_int_equal(message(t, 0), VDEV_ZEROCOPY_COPY_SMALL);
	assert_int_equal(vz_complete(t, 'b', TASK | VDEV_ZEROCOPY_COPIED), OVER);
	assert_true(until_a_trial(t, 0));
	assert_int_equal(until_measured(t, 0, &answer), 1);
	assert_int_equal(threshold(t), 4096);
}

/* Lending is cheaper for all sizes: the threshold is the smallest size there is. */
static void z9_threshold_of_all(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_queue *q;

	adaptive(t, 2);
	q = t->q[t->block['a'].queue];
	vz_place(t, 'a', VZ_RAM, 1);
	assert_int_equal(message(t, 0), VDEV_ZEROCOPY_COPY_SMALL);
	assert_int_equal(vdev_zerocopy_cost(q, VDEV_ZEROCOPY_COPY_SMALL, 1, 100), 0);
	assert_int_equal(threshold(t), 2); /* one side alone says nothing */
	assert_int_equal(vdev_zerocopy_cost(q, VDEV_ZEROCOPY_LEND, 1, 10), 0);
	assert_int_equal(threshold(t), 1);
	assert_int_equal(message(t, 0), VDEV_ZEROCOPY_LEND);
}

/* The largest blocks do not pay: nothing is known to pay from any size on. */
static void z9_threshold_of_none(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_queue *q;

	adaptive(t, 4096);
	q = t->q[t->block['a'].queue];
	for (uint32_t n = 0; n <= 32; n++) {
		uint64_t bytes = UINT64_C(1) << n;

		if (bytes > VDEV_ZEROCOPY_MAX_BLOCK_BYTES)
			break;
		assert_int_equal(vdev_zerocopy_cost(q, VDEV_ZEROCOPY_LEND, bytes, 100), 0);
		assert_int_equal(vdev_zerocopy_cost(q, VDEV_ZEROCOPY_COPY_SMALL, bytes, 10), 0);
	}
	assert_true(threshold(t) > VDEV_ZEROCOPY_MAX_BLOCK_BYTES);
	assert_int_equal(message(t, 0), VDEV_ZEROCOPY_COPY_SMALL);
}

/* Nothing was worth it so far; that one size is says nothing about larger ones. */
static void z9_threshold_beyond_all(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_queue *q;

	adaptive(t, VDEV_NONE);
	q = t->q[t->block['a'].queue];
	assert_int_equal(message(t, 0), VDEV_ZEROCOPY_COPY_SMALL);
	assert_int_equal(vdev_zerocopy_cost(q, VDEV_ZEROCOPY_COPY_SMALL, SIZE, 100), 0);
	assert_int_equal(vdev_zerocopy_cost(q, VDEV_ZEROCOPY_LEND, SIZE, 10), 0);
	assert_int_equal(threshold(t), VDEV_NONE);
	assert_int_equal(message(t, 0), VDEV_ZEROCOPY_LEND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z9_copied_once_is_not_lent_until_a_trial),
		TEST(z9_trial_that_goes_well),
		TEST(z9_trial_that_is_copied_too),
		TEST(z9_reports_from_before_the_trial),
		TEST(z9_threshold_of_all),
		TEST(z9_threshold_of_none),
		TEST(z9_threshold_beyond_all),
	};

	return cmocka_run_group_tests_name("zerocopy_trial", tests, NULL, NULL);
}
