/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * linux/slots: against an array. That no key moves while it is there is what makes look-ups safe
 * beside the writer, so it is tested as such: a race that needs a bad moment is easily missed.
 */
#include "vt_test.h"

#include <errno.h>

#include "linux/slots.h"

#define KEYS 300u
#define COUNT 64u

struct model {
	struct vdev__slots s;
	uint64_t keys[KEYS];
	uint32_t slot[KEYS]; /* VDEV__NO_SLOT: not in it */
	uint32_t count;
};

static void check(const struct model *m)
{
	uint32_t i;

	for (i = 0; i < KEYS; i++)
		assert_int_equal(vdev__slots_find(&m->s, m->keys[i]), m->slot[i]);
}

static void turn(struct model *m, uint32_t i)
{
	if (m->slot[i] != VDEV__NO_SLOT) {
		vdev__slots_del(&m->s, m->slot[i]);
		m->slot[i] = VDEV__NO_SLOT;
		m->count--;
	} else if (m->count < COUNT) {
		m->slot[i] = vdev__slots_put(&m->s, m->keys[i]);
		assert_true(m->slot[i] < m->s.size);
		m->count++;
	}
}

static void random_life(void **state)
{
	struct model m = {.count = 0};
	struct vt_rand r;
	struct vt_env v;
	uint32_t i;

	(void)state;
	vt_env_init(&v);
	vt_rand_init(&r, "runtime_slots", 20261121);
	assert_int_equal(vdev__slots_init(&m.s, &v.env, COUNT), 0);
	for (i = 0; i < KEYS; i++) {
		/* Handles as the library makes them, and anything. */
		m.keys[i] = i & 1 ? (vt_below(&r, 1000) + 1) << 24 | i : vt_rand(&r) | 1;
		m.slot[i] = VDEV__NO_SLOT;
	}
	for (i = 0; i < 20000; i++) {
		turn(&m, (uint32_t)vt_below(&r, KEYS));
		if (i % 16 == 0)
			check(&m);
	}
	/* Years of it must not make look-ups slow. */
	assert_true(atomic_load(&m.s.reach) < 32);
	vdev__slots_fini(&m.s, &v.env);
	vt_assert_clean(&v);
}

static void smallest(void **state)
{
	struct vdev__slots s = {.size = 0};
	struct vt_env v;
	uint32_t a, b;

	(void)state;
	vt_env_init(&v);
	assert_int_equal(vdev__slots_init(&s, &v.env, 1), 0);
	assert_int_equal(s.size, 2);
	assert_int_equal(vdev__slots_find(&s, 5), VDEV__NO_SLOT);
	a = vdev__slots_put(&s, 5);
	b = vdev__slots_put(&s, 6); /* one more than it was made for, as a rename needs */
	assert_int_not_equal(a, b);
	assert_int_equal(vdev__slots_find(&s, 5), a);
	assert_int_equal(vdev__slots_find(&s, 6), b);
	assert_int_equal(vdev__slots_find(&s, 7), VDEV__NO_SLOT);
	vdev__slots_del(&s, a);
	assert_int_equal(vdev__slots_find(&s, 5), VDEV__NO_SLOT);
	assert_int_equal(vdev__slots_find(&s, 6), b);
	/* 0 marks a free slot and is no key. */
	assert_int_equal(vdev__slots_find(&s, 0), VDEV__NO_SLOT);
	vdev__slots_fini(&s, &v.env);
	vt_assert_clean(&v);
}

static void sizes(void **state)
{
	static const uint32_t counts[] = {2, 3, 4, 5, 1000, 1024, 1025};
	struct vdev__slots s;
	struct vt_env v;
	size_t i;

	(void)state;
	vt_env_init(&v);
	for (i = 0; i < VT_COUNT(counts); i++) {
		s = (struct vdev__slots){.size = 0};
		assert_int_equal(vdev__slots_init(&s, &v.env, counts[i]), 0);
		assert_true(s.size >= 2 * counts[i] && s.size < 4 * counts[i]);
		assert_int_equal(s.size & (s.size - 1), 0);
		assert_true(vdev__slots_home(&s, UINT64_MAX) < s.size);
		vdev__slots_fini(&s, &v.env);
	}
	vt_env_fail_next(&v, 1);
	s = (struct vdev__slots){.size = 0};
	assert_int_equal(vdev__slots_init(&s, &v.env, 4), -ENOMEM);
	vdev__slots_fini(&s, &v.env);
	vt_assert_clean(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_life),
		cmocka_unit_test(smallest),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests_name("runtime_slots", tests, NULL, NULL);
}
