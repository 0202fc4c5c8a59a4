/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the CPU map. */
#include "bad_input.h"

static const struct vdev_cpumap_config good = {.struct_size = sizeof(good), .vcpus = 70, .cpus = 4};

static int make(const struct vdev_env *env, const struct vdev_cpumap_config *config)
{
	struct vdev_cpumap *made = NULL;
	int ret = vdev_cpumap_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_cpumap_free(made);
	return ret;
}

void bad_cpumap_begin(struct bad *b)
{
	assert_int_equal(vdev_cpumap_new(&b->map, &b->v.env, &good), 0);
	assert_int_equal(vdev_cpumap_set(b->map, 1000000, 1, 2, VDEV_CPUMAP_RUNNING), 1);
	assert_int_equal(vdev_cpumap_refreshed(b->map, b->now), 0);
}

void bad_cpumap_end(struct bad *b)
{
	struct vdev_cpumap_place p;
	uint64_t set[2];

	assert_int_equal(vdev_cpumap_get(b->map, b->now, 1, &p, sizeof(p)), 0);
	assert_int_equal(p.cpu, 2);
	assert_int_equal(p.age_ns, 0);
	assert_int_equal(vdev_cpumap_running_on(b->map, 2, set, 2), 1);
	vdev_cpumap_free(b->map);
}

static void new (struct bad *b)
{
	struct vdev_cpumap_config c = good;

	EINVAL_OF(vdev_cpumap_new(NULL, &b->v.env, &good));
	EINVAL_OF(make(&b->v.env, NULL));
	EACH_SIZE(struct vdev_cpumap_config, good, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &good), 1);
	c.flags = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
	c = good;
	c.vcpus = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
	c = good;
	c.cpus = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
}

static void free_(struct bad *b)
{
	(void)b;
	vdev_cpumap_free(NULL);
}

static void set(struct bad *b)
{
	EINVAL_OF(vdev_cpumap_set(NULL, 0, 0, 0, 0));
	EINVAL_OF(vdev_cpumap_set(b->map, 0, 70, 0, 0));
	EINVAL_OF(vdev_cpumap_set(b->map, 0, UINT32_MAX, 0, 0));
	EINVAL_OF(vdev_cpumap_set(b->map, 0, 1, 4, 0));
	EINVAL_OF(vdev_cpumap_set(b->map, 0, 1, UINT32_MAX - 1, 0));
	EINVAL_OF(vdev_cpumap_set(b->map, 0, 1, 0, UINT32_MAX));
	EINVAL_OF(vdev_cpumap_set(b->map, 0, 1, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_RUNNING));
}

static void refreshed(struct bad *b)
{
	EINVAL_OF(vdev_cpumap_refreshed(NULL, 0));
	assert_int_equal(vdev_cpumap_refreshed(b->map, 0), 0); /* never back */
}

static void get(struct bad *b)
{
	struct vdev_cpumap_place p;

	EINVAL_OF(vdev_cpumap_get(NULL, 0, 0, &p, sizeof(p)));
	EINVAL_OF(vdev_cpumap_get(b->map, 0, 70, &p, sizeof(p)));
	EINVAL_OF(vdev_cpumap_get(b->map, 0, 0, NULL, sizeof(p)));
	EINVAL_OF(vdev_cpumap_get(b->map, 0, 0, &p, 0));
}

static void cpu(struct bad *b)
{
	EINVAL_OF(vdev_cpumap_cpu(NULL, 0));
	EINVAL_OF(vdev_cpumap_cpu(b->map, 70));
	assert_int_equal(vdev_cpumap_cpu(b->map, 0), -ENOENT);
}

static void running_on(struct bad *b)
{
	uint64_t s[2] = {7, 7};

	EINVAL_OF(vdev_cpumap_running_on(NULL, 0, s, 2));
	EINVAL_OF(vdev_cpumap_running_on(b->map, 4, s, 2));
	EINVAL_OF(vdev_cpumap_running_on(b->map, UINT32_MAX, s, 2));
	EINVAL_OF(vdev_cpumap_running_on(b->map, 0, NULL, 2));
	EINVAL_OF(vdev_cpumap_running_on(b->map, 0, s, 1));
	assert_true(s[0] == 7 && s[1] == 7);
}

static void age(struct bad *b)
{
	uint64_t ns;

	EINVAL_OF(vdev_cpumap_age(NULL, 0, &ns));
	EINVAL_OF(vdev_cpumap_age(b->map, 0, NULL));
}

static void size(struct bad *b)
{
	(void)b;
	EINVAL_OF(vdev_cpumap_size(NULL, NULL, NULL));
}

static const struct bad_row rows[] = {
	{"vdev_cpumap_new", new, NULL, 0},
	{"vdev_cpumap_free", free_, NULL, 0},
	{"vdev_cpumap_set", set, NULL, 0},
	{"vdev_cpumap_refreshed", refreshed, NULL, 0},
	{"vdev_cpumap_get", get, NULL, 0},
	{"vdev_cpumap_cpu", cpu, NULL, 0},
	{"vdev_cpumap_running_on", running_on, NULL, 0},
	{"vdev_cpumap_age", age, NULL, 0},
	{"vdev_cpumap_size", size, NULL, 0},
};

const struct bad_table bad_cpumap = BAD_TABLE(rows);
