/* SPDX-License-Identifier: BSD-3-Clause */
/* core/bitmap and core/sat: searches against a walk bit by bit; maths at the edges. */
#include "vt_test.h"

#include <string.h>

#include "core/bitmap.h"
#include "core/sat.h"

#define WORDS 5

static uint32_t slow_next(const uint64_t *map, uint32_t bits, uint32_t from, int value)
{
	for (; from < bits; from++)
		if (vdev__bitmap_test(map, from) == value)
			return from;
	return UINT32_MAX;
}

static uint32_t slow_count(const uint64_t *map, uint32_t bits)
{
	uint32_t count = 0;

	while (bits--)
		count += (uint32_t)vdev__bitmap_test(map, bits);
	return count;
}

static void check_all(const uint64_t *map)
{
	uint32_t bits, from;

	for (bits = 0; bits <= WORDS * 64; bits++) {
		assert_int_equal(vdev__bitmap_count(map, bits), slow_count(map, bits));
		for (from = 0; from <= WORDS * 64; from += 1 + bits % 3) {
			assert_int_equal(vdev__bitmap_next_set(map, bits, from),
					 slow_next(map, bits, from, 1));
			assert_int_equal(vdev__bitmap_next_clear(map, bits, from),
					 slow_next(map, bits, from, 0));
		}
	}
}

static void searches_match_a_walk(void **state)
{
	uint64_t map[WORDS];
	struct vt_rand r;
	int round, i;

	(void)state;
	vt_rand_init(&r, "bitmap", 1);
	memset(map, 0, sizeof(map));
	check_all(map);
	memset(map, 0xff, sizeof(map));
	check_all(map);
	for (round = 0; round < 6; round++) {
		memset(map, round & 1 ? 0xff : 0, sizeof(map));
		for (i = 0; i < 1 << round; i++) {
			uint32_t bit = (uint32_t)vt_below(&r, WORDS * 64);

			if (round & 1)
				vdev__bitmap_clear(map, bit);
			else
				vdev__bitmap_set(map, bit);
		}
		check_all(map);
	}
}

static void set_and_clear_touch_one_bit(void **state)
{
	uint64_t map[2] = {0, 0};

	(void)state;
	vdev__bitmap_set(map, 63);
	vdev__bitmap_set(map, 64);
	assert_true(map[0] == UINT64_C(1) << 63 && map[1] == 1);
	vdev__bitmap_clear(map, 63);
	assert_true(map[0] == 0 && map[1] == 1);
	assert_int_equal(VDEV__BITMAP_WORDS(64), 1);
	assert_int_equal(VDEV__BITMAP_WORDS(65), 2);
}

static void saturating_maths(void **state)
{
	(void)state;
	assert_true(vdev__sat_add(1, 2) == 3);
	assert_true(vdev__sat_add(UINT64_MAX - 1, 1) == UINT64_MAX);
	assert_true(vdev__sat_add(UINT64_MAX, 1) == UINT64_MAX);
	assert_true(vdev__sat_sub(3, 2) == 1);
	assert_true(vdev__sat_sub(2, 3) == 0);
	assert_true(vdev__sat_mul(0, UINT64_MAX) == 0);
	assert_true(vdev__sat_mul(UINT64_MAX, 0) == 0);
	assert_true(vdev__sat_mul(UINT64_C(1) << 32, UINT64_C(1) << 31) == UINT64_C(1) << 63);
	assert_true(vdev__sat_mul(UINT64_C(1) << 32, UINT64_C(1) << 32) == UINT64_MAX);
}

static void ranges(void **state)
{
	(void)state;
	assert_true(vdev__range_ok(0, 10, 10));
	assert_true(vdev__range_ok(9, 1, 10));
	assert_false(vdev__range_ok(9, 2, 10));
	assert_false(vdev__range_ok(10, 1, 10));
	assert_false(vdev__range_ok(11, 1, 10));
	assert_false(vdev__range_ok(0, 0, 10));
	assert_false(vdev__range_ok(2, UINT64_MAX, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(searches_match_a_walk),
		cmocka_unit_test(set_and_clear_touch_one_bit),
		cmocka_unit_test(saturating_maths),
		cmocka_unit_test(ranges),
	};

	return cmocka_run_group_tests_name("core_bitmap", tests, NULL, NULL);
}
