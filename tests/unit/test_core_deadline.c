/* SPDX-License-Identifier: BSD-3-Clause */
/* core/deadline: against a list that is searched from end to end. */
#include "vt_test.h"

#include <errno.h>

#include "core/deadline.h"

#define ITEMS 300

static void nothing_is_timed(void **state)
{
	struct vdev__deadlines d;
	uint64_t ns = 5;
	uint32_t item = 6;

	(void)state;
	vdev__deadlines_init(&d, NULL);
	assert_int_equal(vdev__deadlines_first(&d, &ns), 0);
	assert_int_equal(vdev__deadlines_expire(&d, UINT64_MAX, &item), 0);
	assert_true(vdev__deadlines_get(&d, 0) == VDEV_NONE);
	assert_int_equal(vdev__deadlines_bytes(&d), 0);
	assert_true(ns == 5 && item == 6);
}

static void life_of_one(void **state)
{
	struct vdev__deadlines d;
	struct vt_env v;
	uint64_t ns;
	uint32_t item;

	(void)state;
	vt_env_init(&v);
	vdev__deadlines_init(&d, &v.env);
	assert_int_equal(vdev__deadlines_reserve(&d, 1), 0);
	assert_int_equal(vdev__deadlines_first(&d, &ns), 0);
	vdev__deadlines_arm(&d, 0, 100);
	assert_int_equal(vdev__deadlines_expire(&d, 99, &item), 0);
	vdev__deadlines_arm(&d, 0, 200);
	assert_int_equal(vdev__deadlines_expire(&d, 199, &item), 0);
	assert_int_equal(vdev__deadlines_first(&d, &ns), 1);
	assert_int_equal(ns, 200);
	vdev__deadlines_arm(&d, 0, 50);
	assert_int_equal(vdev__deadlines_first(&d, &ns), 1);
	assert_int_equal(ns, 50);
	assert_int_equal(vdev__deadlines_expire(&d, 50, &item), 1);
	assert_int_equal(item, 0);
	assert_true(vdev__deadlines_get(&d, 0) == VDEV_NONE);
	assert_int_equal(vdev__deadlines_expire(&d, UINT64_MAX, &item), 0);
	vdev__deadlines_arm(&d, 0, 0);
	vdev__deadlines_cancel(&d, 0);
	vdev__deadlines_cancel(&d, 0);
	assert_int_equal(vdev__deadlines_first(&d, &ns), 0);
	vdev__deadlines_arm(&d, 0, VDEV_NONE - 1);
	vdev__deadlines_arm(&d, 0, VDEV_NONE);
	assert_int_equal(vdev__deadlines_expire(&d, UINT64_MAX, &item), 0);
	vdev__deadlines_fini(&d);
	vt_assert_clean(&v);
}

static uint64_t model_first(const uint64_t *model)
{
	uint64_t first = VDEV_NONE;
	uint32_t i;

	for (i = 0; i < ITEMS; i++)
		if (model[i] < first)
			first = model[i];
	return first;
}

/* What get() says, and the number of entries. */
static void check_shape(const struct vdev__deadlines *d, const uint64_t *model)
{
	uint32_t i, armed = 0;

	for (i = 0; i < ITEMS; i++) {
		assert_true(vdev__deadlines_get(d, i) == model[i]);
		armed += model[i] != VDEV_NONE;
	}
	assert_in_range(d->used, armed, d->capacity + d->capacity / 2);
}

static void check_first(struct vdev__deadlines *d, const uint64_t *model)
{
	uint64_t ns = VDEV_NONE;

	assert_int_equal(vdev__deadlines_first(d, &ns), model_first(model) != VDEV_NONE);
	assert_true(ns == model_first(model));
}

static void expire_all(struct vdev__deadlines *d, uint64_t *model, uint64_t now)
{
	uint32_t item;

	while (vdev__deadlines_expire(d, now, &item)) {
		assert_in_range(item, 0, ITEMS - 1);
		assert_true(model[item] <= now);
		assert_true(model[item] == model_first(model));
		model[item] = VDEV_NONE;
	}
	assert_true(model_first(model) > now);
}

/* A long series over a clock that moves on; `spread` small makes many equal deadlines. */
static void random_run(struct vt_rand *r, uint64_t spread, uint64_t start)
{
	struct vdev__deadlines d;
	struct vt_env v;
	uint64_t model[ITEMS], now = start;
	uint32_t i, step, limit = 1;

	vt_env_init(&v);
	vdev__deadlines_init(&d, &v.env);
	for (i = 0; i < ITEMS; i++)
		model[i] = VDEV_NONE;
	for (step = 0; step < 30000; step++) {
		if (limit < ITEMS && step % 60 == 0)
			limit++;
		assert_int_equal(vdev__deadlines_reserve(&d, limit), 0);
		i = (uint32_t)vt_below(r, limit);
		if (vt_chance(r, 60)) {
			model[i] = now + vt_below(r, spread);
			vdev__deadlines_arm(&d, i, model[i]);
		} else {
			model[i] = VDEV_NONE;
			vdev__deadlines_cancel(&d, i);
		}
		if (vt_chance(r, 20))
			check_first(&d, model);
		if (vt_chance(r, 5))
			expire_all(&d, model, now += vt_below(r, spread / 4 + 1));
		if (step % 100 == 0)
			check_shape(&d, model);
	}
	expire_all(&d, model, VDEV_NONE - 1);
	assert_int_equal(vdev__deadlines_bytes(&d), v.bytes);
	vdev__deadlines_fini(&d);
	vt_assert_clean(&v);
}

static void random_against_list(void **state)
{
	struct vt_rand r;

	(void)state;
	vt_rand_init(&r, "deadline", 3);
	random_run(&r, 4, 0);
	random_run(&r, 100, 1000);
	random_run(&r, 1000000, UINT64_C(1) << 60);
}

/* The same calls give the same order, also among equal deadlines. */
static void order_is_repeatable(void **state)
{
	struct vdev__deadlines d;
	struct vt_env v;
	struct vt_rand r;
	uint32_t order[2][ITEMS], i, round;

	(void)state;
	vt_env_init(&v);
	for (round = 0; round < 2; round++) {
		vt_rand_seed(&r, 4);
		vdev__deadlines_init(&d, &v.env);
		assert_int_equal(vdev__deadlines_reserve(&d, ITEMS), 0);
		for (i = 0; i < ITEMS; i++)
			vdev__deadlines_arm(&d, i, vt_below(&r, 3));
		for (i = 0; i < ITEMS; i++)
			assert_int_equal(vdev__deadlines_expire(&d, 3, &order[round][i]), 1);
		vdev__deadlines_fini(&d);
	}
	assert_memory_equal(order[0], order[1], sizeof(order[0]));
	vt_assert_clean(&v);
}

/* What the lazy heap is for: a life of cancel and arm later leaves the heap alone. */
static void later_deadlines_are_stores(void **state)
{
	struct vdev__deadlines d;
	struct vt_env v;
	uint64_t ns;
	uint32_t i;

	(void)state;
	vt_env_init(&v);
	vdev__deadlines_init(&d, &v.env);
	assert_int_equal(vdev__deadlines_reserve(&d, 2), 0);
	vdev__deadlines_arm(&d, 0, 10);
	vdev__deadlines_arm(&d, 1, 20);
	for (i = 0; i < 1000; i++) {
		vdev__deadlines_cancel(&d, 0);
		vdev__deadlines_arm(&d, 0, 100 + i);
	}
	assert_int_equal(d.used, 2);
	assert_int_equal(vdev__deadlines_first(&d, &ns), 1);
	assert_int_equal(ns, 20);
	vdev__deadlines_cancel(&d, 1);
	vdev__deadlines_arm(&d, 0, 8);
	vdev__deadlines_arm(&d, 0, 6);
	vdev__deadlines_arm(&d, 0, 9);
	assert_int_equal(vdev__deadlines_first(&d, &ns), 1);
	assert_int_equal(ns, 9);
	assert_in_range(d.used, 1, 3); /* what stood at 8 went, it did not sink to 9 as well */
	vdev__deadlines_fini(&d);
	vt_assert_clean(&v);
}

static void reserve_fails_and_changes_nothing(void **state)
{
	struct vdev__deadlines d;
	struct vt_env v;
	uint64_t ns;
	uint32_t nth;

	(void)state;
	vt_env_init(&v);
	for (nth = 1; nth <= 2; nth++) {
		vdev__deadlines_init(&d, &v.env);
		assert_int_equal(vdev__deadlines_reserve(&d, 4), 0);
		assert_int_equal(vdev__deadlines_reserve(&d, 3), 0);
		vdev__deadlines_arm(&d, 3, 7);
		v.fail_at = v.requests + nth;
		assert_int_equal(vdev__deadlines_reserve(&d, 1000), -ENOMEM);
		assert_int_equal(vdev__deadlines_first(&d, &ns), 1);
		assert_int_equal(ns, 7);
		assert_int_equal(vdev__deadlines_reserve(&d, 1000), 0);
		vdev__deadlines_arm(&d, 999, 6);
		assert_int_equal(vdev__deadlines_first(&d, &ns), 1);
		assert_int_equal(ns, 6);
		vdev__deadlines_fini(&d);
		vt_assert_clean(&v);
	}
}

/* Growing must not wrap; the environment gives nothing, so nothing is touched. */
static void capacity_does_not_wrap(void **state)
{
	struct vdev__deadlines d;
	struct vt_env v;

	(void)state;
	vt_env_init(&v);
	vt_env_fail_next(&v, UINT64_MAX);
	vdev__deadlines_init(&d, &v.env);
	assert_int_equal(vdev__deadlines_reserve(&d, (1u << 31) + 1), -ENOMEM);
	assert_int_equal(v.requests, 0);
	d.capacity = 0x78000000;
	assert_int_equal(vdev__deadlines_reserve(&d, 0x78000001), -ENOMEM);
	assert_int_equal(v.requests, 1);
	assert_int_equal(d.capacity, 0x78000000);
}

/* Each step leaves garbage in the heap; it must neither fill up nor bring back an old time. */
static void ever_earlier(void **state)
{
	struct vdev__deadlines d;
	struct vt_env v;
	uint64_t ns;
	uint32_t i, item;

	(void)state;
	vt_env_init(&v);
	vdev__deadlines_init(&d, &v.env);
	assert_int_equal(vdev__deadlines_reserve(&d, 16), 0);
	for (i = 0; i < 16; i++)
		vdev__deadlines_arm(&d, i, 5000 + i);
	for (i = 0; i < 1000; i++) {
		vdev__deadlines_arm(&d, i % 3, 4000 - i);
		assert_in_range(d.used, 1, 24);
	}
	for (i = 997; i < 1000; i++)
		vdev__deadlines_cancel(&d, i % 3);
	assert_int_equal(vdev__deadlines_first(&d, &ns), 1);
	assert_int_equal(ns, 5003);
	vdev__deadlines_arm(&d, 0, 4000); /* as its first garbage entry */
	assert_int_equal(vdev__deadlines_expire(&d, 4999, &item), 1);
	assert_int_equal(item, 0);
	assert_int_equal(vdev__deadlines_expire(&d, 4999, &item), 0);
	for (i = 3; i < 16; i++) {
		assert_int_equal(vdev__deadlines_expire(&d, 6000, &item), 1);
		assert_int_equal(item, i);
	}
	assert_int_equal(vdev__deadlines_expire(&d, 6000, &item), 0);
	vdev__deadlines_fini(&d);
	vt_assert_clean(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_timed),
		cmocka_unit_test(life_of_one),
		cmocka_unit_test(random_against_list),
		cmocka_unit_test(order_is_repeatable),
		cmocka_unit_test(later_deadlines_are_stores),
		cmocka_unit_test(reserve_fails_and_changes_nothing),
		cmocka_unit_test(ever_earlier),
		cmocka_unit_test(capacity_does_not_wrap),
	};

	return cmocka_run_group_tests_name("core_deadline", tests, NULL, NULL);
}
