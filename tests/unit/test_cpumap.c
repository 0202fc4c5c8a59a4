/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU map: each call, each error code (H9), and what it says of age (H7). */
#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include "core/cpumap.h"

#define US UINT64_C(1024) /* the unit of since_ns */
#define NOWHERE VDEV_CPUMAP_NOWHERE

static struct vdev_cpumap *make(struct vt_env *v, uint32_t flags, uint32_t vcpus, uint32_t cpus)
{
	struct vdev_cpumap_config c = {
		.struct_size = sizeof(c), .flags = flags, .vcpus = vcpus, .cpus = cpus};
	struct vdev_cpumap *map = NULL;

	vt_env_init(v);
	assert_int_equal(vdev_cpumap_new(&map, &v->env, &c), 0);
	return map;
}

static int tried(struct vdev_cpumap_config c)
{
	struct vdev_cpumap *map = NULL;
	int ret = vdev_cpumap_new(&map, NULL, &c);

	assert_true(ret ? map == NULL : map != NULL);
	vdev_cpumap_free(map);
	return ret;
}

static void config(void **state)
{
	const struct vdev_cpumap_config good = {.struct_size = sizeof(good), .vcpus = 1, .cpus = 1};
	struct vdev_cpumap_config c = good;
	struct vdev_env half = {.struct_size = sizeof(half)};
	struct vdev_cpumap *map = NULL;
	struct {
		struct vdev_cpumap_config c;
		uint32_t more;
	} newer = {good, 1};

	(void)state;
	assert_int_equal(tried(c), 0);
	c.vcpus = VDEV_CPUMAP_MAX_VCPUS;
	c.cpus = VDEV_CPUMAP_MAX_CPUS;
	c.flags = VDEV_CPUMAP_LIVE;
	assert_int_equal(tried(c), 0);
	c.vcpus++;
	assert_int_equal(tried(c), -EINVAL);
	c = good;
	c.cpus = VDEV_CPUMAP_MAX_CPUS + 1;
	assert_int_equal(tried(c), -EINVAL);
	c.cpus = 0;
	assert_int_equal(tried(c), -EINVAL);
	c = good;
	c.vcpus = 0;
	assert_int_equal(tried(c), -EINVAL);
	c = good;
	c.flags = 2;
	assert_int_equal(tried(c), -EINVAL);
	c = good;
	c.struct_size = 8;
	assert_int_equal(tried(c), -EINVAL);
	newer.c.struct_size = sizeof(newer);
	assert_int_equal(vdev_cpumap_new(&map, NULL, &newer.c), -E2BIG);
	half.struct_size = 4;
	assert_int_equal(vdev_cpumap_new(&map, &half, &good), -EINVAL);
	assert_int_equal(vdev_cpumap_new(NULL, NULL, &good), -EINVAL);
	assert_int_equal(vdev_cpumap_new(&map, NULL, NULL), -EINVAL);
	assert_null(map);
	vdev_cpumap_free(NULL);
}

static void nowhere_first(void **state)
{
	struct vt_env v;
	struct vdev_cpumap *map = make(&v, VDEV_CPUMAP_LIVE, 65, 3);
	struct vdev_cpumap_place p;
	uint64_t set[3] = {1, 1, 1};

	(void)state;
	for (uint32_t i = 0; i < 65; i++) {
		assert_int_equal(vdev_cpumap_get(map, 5000, i, &p, sizeof(p)), 0);
		assert_int_equal(p.cpu, NOWHERE);
		assert_int_equal(p.state, VDEV_CPUMAP_UNKNOWN);
		assert_int_equal(vdev_cpumap_cpu(map, i), -ENOENT);
	}
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(vdev_cpumap_running_on(map, i, set, 3), 0);
		assert_int_equal(set[0] | set[1] | set[2], 0);
	}
	vdev_cpumap_free(map);
	vt_assert_clean(&v);
}

static void set(void **state)
{
	struct vt_env v;
	struct vdev_cpumap *map = make(&v, VDEV_CPUMAP_LIVE, 2, 4);
	struct vdev_cpumap_place p;

	(void)state;
	assert_int_equal(vdev_cpumap_set(map, 10 * US, 1, 3, VDEV_CPUMAP_RUNNING), 1);
	assert_int_equal(vdev_cpumap_set(map, 11 * US, 1, 3, VDEV_CPUMAP_RUNNING), 0);
	assert_int_equal(vdev_cpumap_cpu(map, 1), 3);
	assert_int_equal(vdev_cpumap_cpu(map, 0), -ENOENT);
	assert_int_equal(vdev_cpumap_get(map, 20 * US, 1, &p, sizeof(p)), 0);
	assert_int_equal(p.cpu, 3);
	assert_int_equal(p.state, VDEV_CPUMAP_RUNNING);
	assert_int_equal(p.since_ns, 10 * US);
	assert_int_equal(p.age_ns, 0);
	/* Another state is another place, but not another stay. */
	assert_int_equal(vdev_cpumap_set(map, 25 * US, 1, 3, VDEV_CPUMAP_SLEEPING), 1);
	assert_int_equal(vdev_cpumap_get(map, 30 * US, 1, &p, sizeof(p)), 0);
	assert_int_equal(p.state, VDEV_CPUMAP_SLEEPING);
	assert_int_equal(p.since_ns, 20 * US);
	/* Another CPU is. */
	assert_int_equal(vdev_cpumap_set(map, 30 * US, 1, 0, VDEV_CPUMAP_SLEEPING), 1);
	assert_int_equal(vdev_cpumap_get(map, 31 * US, 1, &p, sizeof(p)), 0);
	assert_int_equal(p.cpu, 0);
	assert_int_equal(p.since_ns, US);
	assert_int_equal(vdev_cpumap_set(map, 32 * US, 1, NOWHERE, VDEV_CPUMAP_UNKNOWN), 1);
	assert_int_equal(vdev_cpumap_set(map, 33 * US, 1, NOWHERE, VDEV_CPUMAP_UNKNOWN), 0);
	assert_int_equal(vdev_cpumap_cpu(map, 1), -ENOENT);
	vdev_cpumap_free(map);
	vt_assert_clean(&v);
}

static void set_errors(void **state)
{
	struct vt_env v;
	struct vdev_cpumap *map = make(&v, 0, 2, 4);

	(void)state;
	assert_int_equal(vdev_cpumap_set(NULL, 0, 0, 0, 0), -EINVAL);
	assert_int_equal(vdev_cpumap_set(map, 0, 2, 0, 0), -EINVAL);
	assert_int_equal(vdev_cpumap_set(map, 0, 0, 4, 0), -EINVAL);
	assert_int_equal(vdev_cpumap_set(map, 0, 0, 0xffff, 0), -EINVAL);
	assert_int_equal(vdev_cpumap_set(map, 0, 0, 0, 3), -EINVAL);
	assert_int_equal(vdev_cpumap_set(map, 0, 0, NOWHERE, VDEV_CPUMAP_RUNNING), -EINVAL);
	assert_int_equal(vdev_cpumap_set(map, 0, 0, NOWHERE, VDEV_CPUMAP_SLEEPING), -EINVAL);
	assert_int_equal(vdev_cpumap_cpu(map, 0), -ENOENT);
	assert_int_equal(vdev_cpumap_cpu(map, 2), -EINVAL);
	assert_int_equal(vdev_cpumap_cpu(NULL, 0), -EINVAL);
	vdev_cpumap_free(map);
	vt_assert_clean(&v);
}

/* A clock that goes back, and one that has gone round. */
static void since(void **state)
{
	struct vt_env v;
	struct vdev_cpumap *map = make(&v, VDEV_CPUMAP_LIVE, 1, 4);
	struct vdev_cpumap_place p;
	const uint64_t late = UINT64_MAX - 5 * US;

	(void)state;
	vdev_cpumap_set(map, 100 * US, 0, 1, VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_cpumap_get(map, 99 * US, 0, &p, sizeof(p)), 0);
	assert_int_equal(p.since_ns, 0);
	assert_int_equal(vdev_cpumap_get(map, 0, 0, &p, sizeof(p)), 0);
	assert_int_equal(p.since_ns, 0);
	assert_int_equal(vdev_cpumap_get(map, 100 * US + 207 * 86400 * UINT64_C(1000000000), 0, &p,
					 sizeof(p)),
			 0);
	assert_in_range(p.since_ns, 206 * 86400 * UINT64_C(1000000000),
			207 * 86400 * UINT64_C(1000000000));
	vdev_cpumap_set(map, late, 0, 2, VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_cpumap_get(map, late + 5 * US, 0, &p, sizeof(p)), 0);
	assert_int_equal(p.since_ns, 5 * US);
	vdev_cpumap_free(map);
	vt_assert_clean(&v);
}

/* H7: a snapshot has an age, what is pushed has none. */
static void age(void **state)
{
	struct vt_env v, w;
	struct vdev_cpumap *map = make(&v, 0, 1, 1);
	struct vdev_cpumap *live = make(&w, VDEV_CPUMAP_LIVE, 1, 1);
	struct vdev_cpumap_place p;
	uint64_t ns = 7;

	(void)state;
	assert_int_equal(vdev_cpumap_age(map, 500, &ns), 0);
	assert_true(ns == VDEV_NONE);
	assert_int_equal(vdev_cpumap_get(map, 500, 0, &p, sizeof(p)), 0);
	assert_true(p.age_ns == VDEV_NONE);
	assert_int_equal(vdev_cpumap_refreshed(map, 0), 0);
	assert_int_equal(vdev_cpumap_age(map, 500, &ns), 0);
	assert_int_equal(ns, 500);
	assert_int_equal(vdev_cpumap_refreshed(map, 400), 0);
	assert_int_equal(vdev_cpumap_refreshed(map, 300), 0); /* never back */
	assert_int_equal(vdev_cpumap_age(map, 500, &ns), 0);
	assert_int_equal(ns, 100);
	assert_int_equal(vdev_cpumap_age(map, 399, &ns), 0);
	assert_int_equal(ns, 0);
	assert_int_equal(vdev_cpumap_get(map, 450, 0, &p, sizeof(p)), 0);
	assert_int_equal(p.age_ns, 50);
	assert_int_equal(vdev_cpumap_refreshed(map, UINT64_MAX), 0);
	assert_int_equal(vdev_cpumap_age(map, UINT64_MAX, &ns), 0);
	assert_in_range(ns, 0, 1);
	assert_int_equal(vdev_cpumap_age(live, 500, &ns), 0);
	assert_int_equal(ns, 0);
	assert_int_equal(vdev_cpumap_age(NULL, 0, &ns), -EINVAL);
	assert_int_equal(vdev_cpumap_age(map, 0, NULL), -EINVAL);
	assert_int_equal(vdev_cpumap_refreshed(NULL, 0), -EINVAL);
	vdev_cpumap_free(map);
	vdev_cpumap_free(live);
	vt_assert_clean(&v);
	vt_assert_clean(&w);
}

static void readers(void **state)
{
	struct vt_env v;
	struct vdev_cpumap *map = make(&v, 0, 70, 9);
	struct vdev_cpumap_place p;
	struct {
		struct vdev_cpumap_place p;
		uint64_t more;
	} newer = {.more = 1};
	uint32_t vcpus = 0, cpus = 0;

	(void)state;
	assert_int_equal(vdev_cpumap_size(map, &vcpus, &cpus), 0);
	assert_int_equal(vcpus, 70);
	assert_int_equal(cpus, 9);
	assert_int_equal(vdev_cpumap_size(map, NULL, NULL), 0);
	assert_int_equal(vdev_cpumap_size(NULL, &vcpus, &cpus), -EINVAL);
	assert_int_equal(vdev_cpumap_get(NULL, 0, 0, &p, sizeof(p)), -EINVAL);
	assert_int_equal(vdev_cpumap_get(map, 0, 70, &p, sizeof(p)), -EINVAL);
	assert_int_equal(vdev_cpumap_get(map, 0, 0, NULL, sizeof(p)), -EINVAL);
	assert_int_equal(vdev_cpumap_get(map, 0, 0, &p, 0), -EINVAL);
	assert_int_equal(vdev_cpumap_get(map, 0, 0, &newer.p, sizeof(newer)), 0);
	assert_int_equal(newer.more, 0);
	vdev_cpumap_free(map);
	vt_assert_clean(&v);
}

/* H2, H9: who runs there. Who sleeps is left out; of whom nothing is known is in. */
static void running_on(void **state)
{
	struct vt_env v;
	struct vdev_cpumap *map = make(&v, VDEV_CPUMAP_LIVE, 130, 4);
	uint64_t s[4] = {0, 0, 0, 9};

	(void)state;
	vdev_cpumap_set(map, 0, 0, 2, VDEV_CPUMAP_RUNNING);
	vdev_cpumap_set(map, 0, 63, 2, VDEV_CPUMAP_UNKNOWN);
	vdev_cpumap_set(map, 0, 64, 2, VDEV_CPUMAP_SLEEPING);
	vdev_cpumap_set(map, 0, 129, 2, VDEV_CPUMAP_RUNNING);
	vdev_cpumap_set(map, 0, 128, 1, VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_cpumap_running_on(map, 2, s, 4), 3);
	assert_true(s[0] == (UINT64_C(1) << 63 | 1) && s[1] == 0 && s[2] == 2 && s[3] == 0);
	vdev_cpumap_set(map, 0, 64, 2, VDEV_CPUMAP_RUNNING);
	vdev_cpumap_set(map, 0, 0, 2, VDEV_CPUMAP_SLEEPING);
	vdev_cpumap_set(map, 0, 63, 3, VDEV_CPUMAP_UNKNOWN);
	vdev_cpumap_set(map, 0, 129, NOWHERE, VDEV_CPUMAP_UNKNOWN);
	assert_int_equal(vdev_cpumap_running_on(map, 2, s, 3), 1);
	assert_true(s[0] == 0 && s[1] == 1 && s[2] == 0);
	assert_int_equal(vdev_cpumap_running_on(map, 3, s, 3), 1);
	assert_int_equal(vdev_cpumap_running_on(NULL, 0, s, 3), -EINVAL);
	assert_int_equal(vdev_cpumap_running_on(map, 4, s, 3), -EINVAL);
	assert_int_equal(vdev_cpumap_running_on(map, 0, NULL, 3), -EINVAL);
	assert_int_equal(vdev_cpumap_running_on(map, 0, s, 2), -EINVAL);
	vdev_cpumap_free(map);
	vt_assert_clean(&v);
}

/* Random moves against an array. */
static void random_moves(void **state)
{
	enum { VCPUS = 200, CPUS = 7 };
	struct vt_env v;
	struct vdev_cpumap *map = make(&v, VDEV_CPUMAP_LIVE, VCPUS, CPUS);
	uint32_t cpu[VCPUS], what[VCPUS] = {0};
	struct vt_rand r;

	(void)state;
	vt_rand_init(&r, "test_cpumap", 9);
	memset(cpu, 0xff, sizeof(cpu));
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t n = (uint32_t)vt_below(&r, VCPUS), to = (uint32_t)vt_below(&r, CPUS + 1);
		uint32_t st = (uint32_t)vt_below(&r, 3), count = 0;
		uint64_t s[4];

		if (to == CPUS) {
			to = NOWHERE;
			st = 0;
		}
		assert_int_equal(vdev_cpumap_set(map, i, n, to, st), cpu[n] != to || what[n] != st);
		cpu[n] = to;
		what[n] = st;
		to = (uint32_t)vt_below(&r, CPUS);
		for (n = 0; n < VCPUS; n++)
			count += cpu[n] == to && what[n] != VDEV_CPUMAP_SLEEPING;
		assert_int_equal(vdev_cpumap_running_on(map, to, s, 4), count);
		for (n = 0; n < VCPUS; n++)
			assert_int_equal(s[n / 64] >> (n % 64) & 1,
					 cpu[n] == to && what[n] != VDEV_CPUMAP_SLEEPING);
	}
	vdev_cpumap_free(map);
	vt_assert_clean(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config),       cmocka_unit_test(nowhere_first),
		cmocka_unit_test(set),          cmocka_unit_test(set_errors),
		cmocka_unit_test(since),        cmocka_unit_test(age),
		cmocka_unit_test(readers),      cmocka_unit_test(running_on),
		cmocka_unit_test(random_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
