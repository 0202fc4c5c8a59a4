/* SPDX-License-Identifier: BSD-3-Clause */
/* The test environment itself: it must see the defects that it is there to see. */
#include "vt_test.h"

#include <errno.h>
#include <string.h>

static void counts_and_sizes(void **state)
{
	struct vt_env v;
	void *p, *q;

	(void)state;
	vt_env_init(&v);
	p = v.env.alloc(v.env.user, 10);
	q = v.env.alloc(v.env.user, 20);
	assert_true(v.blocks == 2 && v.bytes == 30 && v.requests == 2);
	assert_int_equal(vt_env_check(&v), 2);
	v.env.free(v.env.user, p, 10);
	assert_int_equal(v.errors, 0);
	v.env.free(v.env.user, q, 19);
	assert_int_equal(v.errors, 1);
	assert_int_equal(vt_env_check(&v), 1);
	assert_true(v.blocks == 0 && v.bytes == 0 && v.peak_bytes == 30);
}

static void failing_ones(void **state)
{
	struct vt_env v;
	char pattern[8] = "";
	void *p;
	int i;

	(void)state;
	vt_env_init(&v);
	v.fail_at = 2;
	v.fail_count = 2;
	for (i = 0; i < 5; i++) {
		p = v.env.alloc(v.env.user, 1);
		strcat(pattern, p ? "+" : "-");
		if (p)
			v.env.free(v.env.user, p, 1);
	}
	assert_string_equal(pattern, "+--++");
	assert_int_equal(v.failed, 2);
	vt_env_fail_next(&v, UINT64_MAX);
	assert_null(v.env.alloc(v.env.user, 1));
	assert_null(v.env.alloc(v.env.user, 1));
	vt_env_fail_next(&v, 0);
	p = v.env.alloc(v.env.user, 1);
	assert_non_null(p);
	v.env.free(v.env.user, p, 1);
	vt_assert_clean(&v);
}

static void *leaked[4];
static uint32_t leaks;

/* Makes two allocations; *arg says what is wrong with it. */
static int scenario(struct vt_env *v, void *arg)
{
	int defect = *(int *)arg;
	void *p = v->env.alloc(v, 8);
	void *q = p ? v->env.alloc(v, 8) : NULL;
	int err = q ? 0 : -ENOMEM;

	if (p && defect == 1 && !q) /* 1: leak on the error path */
		leaked[leaks++] = p;
	else if (p)
		v->env.free(v, p, 8);
	if (q)
		v->env.free(v, q, 8);
	if (defect == 2 && err) /* 2: another error */
		return -EINVAL;
	return defect == 3 ? -ENOMEM : err; /* 3: never succeeds */
}

static void oom_loop_sees_defects(void **state)
{
	static const int expected[] = {2, -1, -1, -1};
	struct vt_env v;
	int defect;

	(void)state;
	for (defect = 0; defect < 4; defect++)
		assert_int_equal(vt_oom(scenario, &defect), expected[defect]);
	assert_in_range(leaks, 1, VT_COUNT(leaked));
	vt_env_init(&v);
	while (leaks--)
		v.env.free(&v, leaked[leaks], 8);
}

static void random_numbers_repeat(void **state)
{
	struct vt_rand a, b;
	int i, hits = 0;

	(void)state;
	vt_rand_seed(&a, 1);
	vt_rand_seed(&b, 1);
	for (i = 0; i < 1000; i++) {
		uint64_t x = vt_rand(&a);

		assert_true(x == vt_rand(&b));
		hits += x % 10 == 0;
	}
	assert_in_range(hits, 60, 140);
	vt_rand_seed(&b, 2);
	assert_true(vt_rand(&a) != vt_rand(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_sizes),
		cmocka_unit_test(failing_ones),
		cmocka_unit_test(oom_loop_sees_defects),
		cmocka_unit_test(random_numbers_repeat),
	};

	return cmocka_run_group_tests_name("support", tests, NULL, NULL);
}
