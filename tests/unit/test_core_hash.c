/* SPDX-License-Identifier: BSD-3-Clause */
/* core/hash: against an array, at the edges, and when memory runs out. */
#include "vt_test.h"

#include <errno.h>

#include "core/hash.h"

#define KEYS 200
#define ABSENT UINT32_MAX

static void empty_table(void **state)
{
	struct vdev__hash h;
	struct vt_env v;
	uint32_t value = 5;

	(void)state;
	vt_env_init(&v);
	vdev__hash_init(&h, &v.env);
	assert_int_equal(vdev__hash_get(&h, 1, &value), 0);
	assert_int_equal(value, 5);
	assert_int_equal(vdev__hash_del(&h, 1), 0);
	assert_int_equal(vdev__hash_bytes(&h), 0);
	assert_int_equal(v.requests, 0);
	vdev__hash_fini(&h);
	vt_assert_clean(&v);
}

static void extreme_keys_and_values(void **state)
{
	static const uint64_t keys[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63};
	struct vdev__hash h;
	struct vt_env v;
	uint32_t value, i;

	(void)state;
	vt_env_init(&v);
	vdev__hash_init(&h, &v.env);
	for (i = 0; i < VT_COUNT(keys); i++)
		assert_int_equal(vdev__hash_put(&h, keys[i], i), 0);
	assert_int_equal(vdev__hash_put(&h, 0, UINT32_MAX - 1), 0); /* replaces */
	assert_int_equal(h.count, 4);
	assert_int_equal(vdev__hash_get(&h, 0, &value), 1);
	assert_int_equal(value, UINT32_MAX - 1);
	for (i = 1; i < VT_COUNT(keys); i++) {
		assert_int_equal(vdev__hash_get(&h, keys[i], &value), 1);
		assert_int_equal(value, i);
	}
	assert_int_equal(vdev__hash_bytes(&h), v.bytes);
	assert_int_equal(vdev__hash_del(&h, 0), 1);
	assert_int_equal(vdev__hash_del(&h, 0), 0);
	vdev__hash_fini(&h);
	vt_assert_clean(&v);
}

static void compare(const struct vdev__hash *h, const uint64_t *keys, const uint32_t *model)
{
	uint32_t i, value, count = 0;

	for (i = 0; i < KEYS; i++) {
		int found = vdev__hash_get(h, keys[i], &value);

		assert_int_equal(found, model[i] != ABSENT);
		if (found)
			assert_int_equal(value, model[i]);
		count += (uint32_t)found;
	}
	assert_int_equal(h->count, count);
	assert_true(h->count <= h->size / 4 * 3);
}

/* Goes up to many keys and down to few again and again: growth, long runs, wrapped runs. */
static void random_against_array(void **state)
{
	struct vdev__hash h;
	struct vt_env v;
	struct vt_rand r;
	uint64_t keys[KEYS];
	uint32_t model[KEYS];
	uint32_t i, step;

	(void)state;
	vt_rand_init(&r, "hash", 2);
	for (i = 0; i < KEYS; i++) {
		keys[i] = i & 1 ? i : vt_rand(&r);
		model[i] = ABSENT;
	}
	vt_env_init(&v);
	vdev__hash_init(&h, &v.env);
	for (step = 0; step < 20000; step++) {
		/* the range of keys makes the table stay at 16, 32 ... slots for a while */
		uint32_t range = 12 + step * (KEYS - 12) / 20000;

		i = (uint32_t)vt_below(&r, range);
		if (vt_chance(&r, step / 500 % 2 ? 80 : 30)) {
			model[i] = (uint32_t)vt_below(&r, UINT32_MAX);
			assert_int_equal(vdev__hash_put(&h, keys[i], model[i]), 0);
		} else {
			assert_int_equal(vdev__hash_del(&h, keys[i]), model[i] != ABSENT);
			model[i] = ABSENT;
		}
		compare(&h, keys, model);
	}
	vdev__hash_fini(&h);
	vt_assert_clean(&v);
}

static void fill(struct vdev__hash *h, uint64_t stride)
{
	uint64_t key;

	for (key = 0; h->size != 1u << 12 || h->count < h->size / 4 * 3; key++)
		assert_int_equal(vdev__hash_put(h, key * stride, 0), 0);
}

/* The longest run of full slots, at the highest load, for keys as handles and addresses are. */
static void no_pattern_of_keys_makes_long_runs(void **state)
{
	static const uint64_t strides[] = {1,
					   8,
					   4096,
					   UINT64_C(1) << 24,
					   UINT64_C(1) << 32,
					   (UINT64_C(1) << 24) + 1,
					   UINT64_C(1) << 50};
	struct vdev__hash h;
	struct vt_env v;
	uint32_t i, slot, run, longest;

	(void)state;
	vt_env_init(&v);
	for (i = 0; i < VT_COUNT(strides); i++) {
		vdev__hash_init(&h, &v.env);
		fill(&h, strides[i]);
		for (slot = run = longest = 0; slot < h.size; slot++) {
			run = h.values[slot] == ABSENT ? 0 : run + 1;
			longest = run > longest ? run : longest;
		}
		assert_in_range(longest, 1, 200);
		vdev__hash_fini(&h);
	}
	vt_assert_clean(&v);
}

static void failed_growth_changes_nothing(void **state)
{
	struct vdev__hash h;
	struct vt_env v;
	uint32_t i, value, nth;

	(void)state;
	vt_env_init(&v);
	for (nth = 1; nth <= 2; nth++) {
		vdev__hash_init(&h, &v.env);
		for (i = 0; i < 12; i++)
			assert_int_equal(vdev__hash_put(&h, i, i), 0);
		v.fail_at = v.requests + nth;
		assert_int_equal(vdev__hash_put(&h, 12, 12), -ENOMEM);
		assert_true(h.count == 12 && h.size == 16);
		assert_int_equal(vdev__hash_get(&h, 12, &value), 0);
		assert_int_equal(vdev__hash_put(&h, 3, 33), 0); /* replacing needs no memory */
		assert_int_equal(vdev__hash_put(&h, 12, 12), 0);
		assert_int_equal(vdev__hash_get(&h, 3, &value), 1);
		assert_int_equal(value, 33);
		vdev__hash_fini(&h);
		vt_assert_clean(&v);
	}
}

/* 0 is its own hash, so the first slot is all that the call looks at. */
static void largest_table_is_full(void **state)
{
	uint64_t keys[1] = {1};
	uint32_t values[1] = {ABSENT};
	struct vdev__hash h = {.keys = keys, .values = values, .size = 1u << 31};

	(void)state;
	h.count = h.size / 4 * 3;
	assert_int_equal(vdev__hash_put(&h, 0, 1), -ENOMEM);
	assert_int_equal(values[0], ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_table),
		cmocka_unit_test(extreme_keys_and_values),
		cmocka_unit_test(random_against_array),
		cmocka_unit_test(no_pattern_of_keys_makes_long_runs),
		cmocka_unit_test(failed_growth_changes_nothing),
		cmocka_unit_test(largest_table_is_full),
	};

	return cmocka_run_group_tests_name("core_hash", tests, NULL, NULL);
}
