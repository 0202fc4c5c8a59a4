/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: below a size that is learned from measured costs, copying is cheaper (Z9). */
#include "test_zerocopy_rig.h"

#define KIB UINT64_C(1024)

/* A queue 1 with this threshold; letters send through it. */
static void adaptive(struct vt_zerocopy *t, uint32_t flags, uint64_t threshold)
{
	assert_int_equal(vz_add_queue(t, 64, flags, threshold), 0);
	for (uint32_t i = 0; i < VZ_LETTERS; i++)
		t->block[i].queue = t->queue_count - 1;
}

static int answer(struct vt_zerocopy *t, uint64_t length)
{
	int ret;

	vz_place(t, 'a', VZ_RAM, length);
	ret = vz_reserve(t, 'a');
	if (ret >= 0 && (ret & VDEV_ZEROCOPY_ANSWER) == VDEV_ZEROCOPY_LEND)
		assert_int_equal(vz_abort(t, 'a'), 0);
	return ret;
}

static void z9_what_is_short_is_copied(void **state)
{
	struct vt_zerocopy *t = *state;

	adaptive(t, 0, 10000);
	assert_int_equal(vdev_zerocopy_threshold(t->q[1]), 10000);
	assert_int_equal(answer(t, 9999), VDEV_ZEROCOPY_COPY_SMALL);
	assert_int_equal(answer(t, 1), VDEV_ZEROCOPY_COPY_SMALL);
	assert_int_equal(answer(t, 10000), VDEV_ZEROCOPY_LEND);
	assert_int_equal(vz_stats(t).copied[VDEV_ZEROCOPY_COPY_SMALL], 2);
	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_ANY_SIZE;
	assert_int_equal(answer(t, 1), VDEV_ZEROCOPY_LEND);
	assert_int_equal(vdev_zerocopy_cost(t->q[1], VDEV_ZEROCOPY_LEND, 1, 1), -EOPNOTSUPP);
}

static void z9_values_of_cost(void **state)
{
	struct vt_zerocopy *t = *state;

	adaptive(t, VDEV_ZEROCOPY_ADAPTIVE, 64 * KIB);
	assert_int_equal(vdev_zerocopy_cost(t->q[1], VDEV_ZEROCOPY_LEND, 1, 1), 0);
	assert_int_equal(vdev_zerocopy_cost(t->q[1], VDEV_ZEROCOPY_COPY_SMALL, 1, 1), 0);
	assert_int_equal(vdev_zerocopy_cost(t->q[1], VDEV_ZEROCOPY_COPY_QUOTA, 1, 1), -EINVAL);
	assert_int_equal(vdev_zerocopy_cost(t->q[1], UINT32_MAX, 1, 1), -EINVAL);
	assert_int_equal(vdev_zerocopy_cost(t->q[1], VDEV_ZEROCOPY_LEND, 0, 1), -EINVAL);
	assert_int_equal(vdev_zerocopy_cost(t->q[1], VDEV_ZEROCOPY_LEND, UINT64_MAX, UINT64_MAX),
			 -EINVAL);
	assert_int_equal(vdev_zerocopy_cost(t->q[1], VDEV_ZEROCOPY_LEND,
					    VDEV_ZEROCOPY_MAX_BLOCK_BYTES, UINT64_MAX),
			 0);
}

/* A machine on which lending costs `lend` ns, plus `per_kib` each, and copying `copy` ns a KiB. */
struct machine {
	uint64_t lend, per_kib, copy;
};

static uint64_t cost_of(const struct machine *m, int lent, uint64_t length)
{
	return lent ? m->lend + m->per_kib * length / KIB : m->copy * length / KIB + 1;
}

/* Blocks of all sizes, each measured when it is asked for. Returns how many were measured. */
static uint32_t live(struct vt_zerocopy *t, const struct machine *m, uint32_t blocks, uint64_t seed)
{
	struct vt_rand rand;
	uint32_t measured = 0;

	vt_rand_seed(&rand, seed);
	for (uint32_t i = 0; i < blocks; i++) {
		uint64_t length = 256 + vt_below(&rand, UINT64_C(1) << (9 + vt_below(&rand, 12)));
		int got = answer(t, length);
		int lent = (got & VDEV_ZEROCOPY_ANSWER) == VDEV_ZEROCOPY_LEND;

		assert_true(got >= 0);
		if (!(got & VDEV_ZEROCOPY_MEASURE))
			continue;
		measured++;
		assert_int_equal(
			vdev_zerocopy_cost(t->q[t->queue_count - 1],
					   lent ? VDEV_ZEROCOPY_LEND : VDEV_ZEROCOPY_COPY_SMALL,
					   length, cost_of(m, lent, length)),
			0);
	}
	return measured;
}

static void z9_threshold_is_learned(void **state)
{
	static const struct {
		struct machine m;
		uint64_t least, most; /* where both cost the same, and a factor of two around it */
	} cases[] = {
		{{10000, 10, 150}, 32 * KIB, 160 * KIB},
		{{1000, 5, 100}, 4 * KIB, 24 * KIB},
		{{40000, 20, 200}, 100 * KIB, 500 * KIB},
	};
	static const uint64_t begin[] = {1, 64 * KIB, 1024 * KIB};
	struct vt_zerocopy *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(cases); i++)
		for (uint32_t k = 0; k < VT_COUNT(begin); k++) {
			restart_until(t, VDEV_ZEROCOPY_UNTIL_TASK);
			adaptive(t, VDEV_ZEROCOPY_ADAPTIVE, begin[k]);
			live(t, &cases[i].m, 60000, 5 + k);
			print_message("lend %llu ns: from %llu to %llu\n",
				      (unsigned long long)cases[i].m.lend,
				      (unsigned long long)begin[k],
				      (unsigned long long)vdev_zerocopy_threshold(t->q[1]));
			assert_in_range(vdev_zerocopy_threshold(t->q[1]), cases[i].least,
					cases[i].most);
		}
}

static void z9_little_is_measured(void **state)
{
	static const struct machine m = {10000, 10, 150};
	struct vt_zerocopy *t = *state;
	uint32_t measured;

	adaptive(t, VDEV_ZEROCOPY_ADAPTIVE, 64 * KIB);
	live(t, &m, 20000, 1);
	measured = live(t, &m, 20000, 2);
	assert_in_range(measured, 1, 2000);
}

static void z9_machine_that_changes(void **state)
{
	static const struct machine slow = {40000, 20, 200}, fast = {1000, 5, 100};
	struct vt_zerocopy *t = *state;
	uint64_t before;

	adaptive(t, VDEV_ZEROCOPY_ADAPTIVE, 64 * KIB);
	live(t, &slow, 60000, 1);
	before = vdev_zerocopy_threshold(t->q[1]);
	live(t, &fast, 400000, 2);
	assert_true(vdev_zerocopy_threshold(t->q[1]) < before / 4);
	live(t, &slow, 400000, 3);
	assert_true(vdev_zerocopy_threshold(t->q[1]) > before / 2);
}

/* Where the kernel copies anyway, lending never pays, but it is tried now and then. */
static void z9_where_lending_never_pays(void **state)
{
	static const struct machine never = {5000, 200, 100};
	struct vt_zerocopy *t = *state;
	uint32_t lent = 0;

	adaptive(t, VDEV_ZEROCOPY_ADAPTIVE, 64 * KIB);
	live(t, &never, 100000, 1);
	assert_true(vdev_zerocopy_threshold(t->q[1]) >= 1024 * KIB);
	for (uint32_t i = 0; i < 20000; i++)
		lent += (answer(t, 256 * KIB) & VDEV_ZEROCOPY_ANSWER) == VDEV_ZEROCOPY_LEND;
	assert_in_range(lent, 1, 1000);
}

static void z9_kernel_says_that_it_copied(void **state)
{
	static const struct machine m = {1000, 5, 100};
	struct vt_zerocopy *t = *state;
	uint64_t before;
	uint32_t lent = 0;

	adaptive(t, VDEV_ZEROCOPY_ADAPTIVE, 8 * KIB);
	live(t, &m, 60000, 1);
	before = vdev_zerocopy_threshold(t->q[1]);
	for (uint32_t i = 0; i < 20000; i++) {
		vz_place(t, 'a', VZ_RAM, 64 * KIB);
		if (vz_reserve(t, 'a') & VDEV_ZEROCOPY_ANSWER)
			continue;
		vz_sent(t, 'a');
		lent++;
		assert_int_equal(vz_complete(t, 'a', TASK | VDEV_ZEROCOPY_COPIED), OVER);
	}
	assert_int_equal(vz_stats(t).copied[0], lent);
	assert_true(lent < 10000);
	assert_true(vdev_zerocopy_threshold(t->q[1]) > before);
}

/* Whatever disturbed one measurement: the next one, which comes soon, says that nothing has changed. */
static void z9_one_outlier_decides_nothing(void **state)
{
	static const struct machine m = {1000, 5, 100};
	struct vt_zerocopy *t = *state;
	uint64_t before;
	uint32_t copied = 0;

	adaptive(t, VDEV_ZEROCOPY_ADAPTIVE, 8 * KIB);
	live(t, &m, 60000, 1);
	before = vdev_zerocopy_threshold(t->q[1]);
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(vdev_zerocopy_cost(t->q[1], VDEV_ZEROCOPY_LEND, 64 * KIB,
						    1000 * cost_of(&m, 1, 64 * KIB)),
				 0);
		assert_int_equal(vdev_zerocopy_threshold(t->q[1]), before);
		assert_true(live(t, &m, 4000, 2 + i) > 0);
	}
	for (uint32_t i = 0; i < 1000; i++)
		copied += (answer(t, 64 * KIB) & VDEV_ZEROCOPY_ANSWER) != VDEV_ZEROCOPY_LEND;
	assert_in_range(copied, 0, 70); /* one trial */
}

/* Lending pays only when it is done again and again: a trial of two would never find out. */
static void z9_close_calls_are_tried_for_longer(void **state)
{
	const uint64_t length = 256 * KIB, copy = 10000, cold = 15000, hot = 5000;
	struct vt_zerocopy *t = *state;
	uint32_t row = 0, lent = 0;

	adaptive(t, VDEV_ZEROCOPY_ADAPTIVE, 1024 * KIB);
	for (uint32_t i = 0; i < 40000; i++) {
		int got = answer(t, length);
		int lend = (got & VDEV_ZEROCOPY_ANSWER) == VDEV_ZEROCOPY_LEND;

		row = lend ? row + 1 : 0;
		lent += (uint32_t)lend;
		if (got & VDEV_ZEROCOPY_MEASURE)
			vdev_zerocopy_cost(t->q[1],
					   lend ? VDEV_ZEROCOPY_LEND : VDEV_ZEROCOPY_COPY_SMALL,
					   length,
					   !lend      ? copy
					   : row > 32 ? hot
						      : cold);
	}
	assert_in_range(lent, 30000, 40000);
}

static void z9_any_costs_do_no_harm(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vt_rand rand;

	vt_rand_init(&rand, "zerocopy_adapt", 11);
	adaptive(t, VDEV_ZEROCOPY_ADAPTIVE, 64 * KIB);
	for (uint32_t i = 0; i < 20000; i++) {
		uint64_t bytes = 1 + (vt_rand(&rand) >> (32 + vt_below(&rand, 32)));
		uint64_t ns = vt_rand(&rand) >> vt_below(&rand, 64);
		int ret = vdev_zerocopy_cost(t->q[1], (uint32_t)vt_below(&rand, 2), bytes, ns);

		assert_true(ret == 0 || ret == -EINVAL);
		assert_true(answer(t, 1 + (bytes & 0xfffff)) >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z9_what_is_short_is_copied),     TEST(z9_values_of_cost),
		TEST(z9_threshold_is_learned),        TEST(z9_little_is_measured),
		TEST(z9_machine_that_changes),        TEST(z9_where_lending_never_pays),
		TEST(z9_kernel_says_that_it_copied),  TEST(z9_any_costs_do_no_harm),
		TEST(z9_one_outlier_decides_nothing), TEST(z9_close_calls_are_tried_for_longer),
	};

	return cmocka_run_group_tests_name("zerocopy_adapt", tests, NULL, NULL);
}
