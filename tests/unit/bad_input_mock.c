/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the mock backend. */
#include "bad_input.h"

static const struct vdev_mock_config good_config = {.struct_size = sizeof(good_config),
						    .max_records = 1};
static const struct vdev_mock_rule good_rule = {.struct_size = sizeof(good_rule)};
static const struct vdev_action good_action = {.id = 9, .kind = VDEV_REMOVAL_DRAIN};

static int make(const struct vdev_env *env, const struct vdev_mock_config *config)
{
	struct vdev_mock *made = NULL;
	int ret = vdev_mock_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_mock_free(made);
	return ret;
}

static void new (struct bad *b)
{
	struct vdev_mock_config c = good_config;

	EINVAL_OF(vdev_mock_new(NULL, &b->v.env, &good_config));
	EINVAL_OF(make(NULL, NULL));
	EACH_SIZE_FROM(offsetof(struct vdev_mock_config, max_vcpus), struct vdev_mock_config,
		       good_config, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &good_config), 1);
	c.max_records = 0;
	EINVAL_OF(make(NULL, &c));
	c.max_records = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
	c = good_config;
	c.max_rules = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
	c = good_config;
	c.max_pending = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
	c = good_config;
	c.max_vcpus = VDEV_CPUMAP_MAX_VCPUS + 1;
	EINVAL_OF(make(NULL, &c));
	c.max_vcpus = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
}

static void free_(struct bad *b)
{
	(void)b;
	vdev_mock_free(NULL);
}

static void rule(struct bad *b)
{
	struct vdev_mock_rule r = good_rule;

	EINVAL_OF(vdev_mock_rule(NULL, &good_rule));
	EINVAL_OF(vdev_mock_rule(b->m, NULL));
	EACH_SIZE(struct vdev_mock_rule, good_rule, vdev_mock_rule(b->m, in), 0);
	r.status = 1;
	EINVAL_OF(vdev_mock_rule(b->m, &r));
	r.status = INT32_MAX;
	EINVAL_OF(vdev_mock_rule(b->m, &r));
	r.status = INT32_MIN;
	EINVAL_OF(vdev_mock_rule(b->m, &r));
}

static void rule_too_many(struct bad *b)
{
	EACH_SIZE(struct vdev_mock_rule, good_rule, vdev_mock_rule(b->m, in), 1);
	assert_int_equal(vdev_mock_rule(b->m, &good_rule), -ENOSPC);
	assert_int_equal(vdev_mock_clear_rules(b->m), 0);
	assert_int_equal(vdev_mock_clear_rules(b->m), 0);
	assert_int_equal(vdev_mock_rule(b->m, &good_rule), 0);
}

static void clear_rules(struct bad *b)
{
	(void)b;
	EINVAL_OF(vdev_mock_clear_rules(NULL));
}

static void perform(struct bad *b)
{
	struct vdev_action a = good_action;

	EINVAL_OF(vdev_mock_perform(NULL, &good_action));
	EINVAL_OF(vdev_mock_perform(b->m, NULL));
	a.id = 0;
	EINVAL_OF(vdev_mock_perform(b->m, &a));
	a = good_action;
	a.kind = 0;
	EINVAL_OF(vdev_mock_perform(b->m, &a));
}

static void perform_anything(struct bad *b)
{
	struct vdev_action a;

	memset(&a, 0xff, sizeof(a));
	assert_int_equal(vdev_mock_perform(b->m, &a), 0);
	assert_int_equal(vdev_mock_perform(b->m, &a), 0);
	a.kind = VDEV_CANCEL; /* of an action that is not there */
	assert_int_equal(vdev_mock_perform(b->m, &a), 0);
}

static void step(struct bad *b)
{
	uint64_t id = 77;
	int32_t status = 1;

	EINVAL_OF(vdev_mock_step(NULL, b->now, &id, &status));
	EINVAL_OF(vdev_mock_step(b->m, b->now, NULL, &status));
	EINVAL_OF(vdev_mock_step(b->m, b->now, &id, NULL));
	assert_int_equal(vdev_mock_step(b->m, 0, &id, &status), 0);
	assert_true(id == 77 && status == 1);
}

static void step_to_the_end_of_time(struct bad *b)
{
	uint64_t id = 77;
	int32_t status;

	assert_int_equal(vdev_mock_step(b->m, UINT64_MAX, &id, &status), 0); /* NEVER */
	assert_int_equal(vdev_mock_step(b->m, 0, &id, &status), 0);
	assert_int_equal(id, 77);
}

static void deadline(struct bad *b)
{
	uint64_t ns = 77;

	EINVAL_OF(vdev_mock_deadline(NULL, &ns));
	EINVAL_OF(vdev_mock_deadline(b->m, NULL));
	assert_int_equal(ns, 77);
}

static void finish(struct bad *b)
{
	EINVAL_OF(vdev_mock_finish(NULL, b->mock_pending, 0));
	EINVAL_OF(vdev_mock_finish(b->m, b->mock_pending, 1));
	EINVAL_OF(vdev_mock_finish(b->m, b->mock_pending, INT32_MIN));
	assert_int_equal(vdev_mock_finish(b->m, 0, 0), -ENOENT);
	assert_int_equal(vdev_mock_finish(b->m, b->mock_pending + 1, 0), -ENOENT);
	assert_int_equal(vdev_mock_finish(b->m, UINT64_MAX, 0), -ENOENT);
}

static void finish_twice(struct bad *b)
{
	assert_int_equal(vdev_mock_finish(b->m, b->mock_pending, -EIO), 0);
	assert_int_equal(vdev_mock_finish(b->m, b->mock_pending, -EIO), -ENOENT);
}

static void count(struct bad *b)
{
	(void)b;
	assert_int_equal(vdev_mock_count(NULL), 0);
}

static void get(struct bad *b)
{
	struct vdev_mock_record r;

	EINVAL_OF(vdev_mock_get(NULL, 0, &r, sizeof(r)));
	EINVAL_OF(vdev_mock_get(b->m, 0, NULL, sizeof(r)));
	EINVAL_OF(vdev_mock_get(b->m, 0, &r, 0));
	assert_int_equal(vdev_mock_get(b->m, 1, &r, sizeof(r)), -ENOENT);
	assert_int_equal(vdev_mock_get(b->m, UINT64_MAX, &r, sizeof(r)), -ENOENT);
}

static void ops(struct bad *b)
{
	const struct vdev_backend_ops *o = vdev_mock_ops();

	assert_ptr_equal(o, vdev_mock_ops());
	assert_int_equal(o->struct_size, sizeof(*o));
	EINVAL_OF(o->perform(NULL, &good_action));
	EINVAL_OF(o->perform(b->m, NULL));
}

/* The mock's places of test_bad_input.c: 2 vCPUs, the first on CPU 1. */
static void expect_places(struct bad *b)
{
	uint32_t cpu = 77, state = 77;

	assert_int_equal(vdev_mock_where(b->m, 0, &cpu, &state), 0);
	assert_true(cpu == 1 && state == VDEV_CPUMAP_RUNNING);
	assert_int_equal(vdev_mock_where(b->m, 1, &cpu, &state), 0);
	assert_true(cpu == VDEV_CPUMAP_NOWHERE && state == VDEV_CPUMAP_UNKNOWN);
}

static void bad_places(struct bad *b, int (*call)(struct vdev_mock *m, uint32_t vcpu, uint32_t cpu,
						  uint32_t state))
{
	EINVAL_OF(call(NULL, 0, 0, 0));
	EINVAL_OF(call(b->m, 2, 0, 0));
	EINVAL_OF(call(b->m, UINT32_MAX, 0, 0));
	EINVAL_OF(call(b->m, 0, VDEV_CPUMAP_MAX_CPUS, 0));
	EINVAL_OF(call(b->m, 0, UINT32_MAX - 1, 0));
	EINVAL_OF(call(b->m, 0, 0, VDEV_CPUMAP_SLEEPING + 1));
	EINVAL_OF(call(b->m, 0, 0, UINT32_MAX));
	EINVAL_OF(call(b->m, 0, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_RUNNING));
	expect_places(b);
}

static void place(struct bad *b)
{
	bad_places(b, vdev_mock_place);
}

static void lie(struct bad *b)
{
	bad_places(b, vdev_mock_lie);
}

static void look(struct bad *b)
{
	EINVAL_OF(vdev_mock_look(NULL, 0, 0));
	EINVAL_OF(vdev_mock_look(b->m, 2, 0));
	EINVAL_OF(vdev_mock_look(b->m, 0, 1));
	EINVAL_OF(vdev_mock_look(b->m, 0, INT32_MIN));
	expect_places(b);
}

static void hang(struct bad *b)
{
	(void)b;
	EINVAL_OF(vdev_mock_hang(NULL, 0));
}

static void refresh(struct bad *b)
{
	const struct vdev_cpumap_config c = {.struct_size = sizeof(c), .vcpus = 1, .cpus = 1};
	struct vdev_cpumap *small;

	EINVAL_OF(vdev_mock_refresh(NULL, b->now, b->map));
	EINVAL_OF(vdev_mock_refresh(b->m, b->now, NULL));
	assert_int_equal(vdev_cpumap_new(&small, &b->v.env, &c), 0);
	EINVAL_OF(vdev_mock_refresh(b->m, b->now, small));
	assert_int_equal(vdev_cpumap_cpu(small, 0), -ENOENT);
	vdev_cpumap_free(small);
}

static void where(struct bad *b)
{
	uint32_t cpu = 77, state = 77;

	EINVAL_OF(vdev_mock_where(NULL, 0, &cpu, &state));
	EINVAL_OF(vdev_mock_where(b->m, 2, &cpu, &state));
	EINVAL_OF(vdev_mock_where(b->m, UINT32_MAX, &cpu, &state));
	assert_true(cpu == 77 && state == 77);
	assert_int_equal(vdev_mock_where(b->m, 0, NULL, NULL), 0);
}

static const struct bad_row rows[] = {
	{"vdev_mock_new", new, NULL, 0},
	{"vdev_mock_free", free_, NULL, 0},
	{"vdev_mock_rule", rule, rule_too_many, 0},
	{"vdev_mock_clear_rules", clear_rules, NULL, 0},
	{"vdev_mock_perform", perform, perform_anything, 0},
	{"vdev_mock_step", step, step_to_the_end_of_time, 0},
	{"vdev_mock_deadline", deadline, NULL, 0},
	{"vdev_mock_finish", finish, finish_twice, 0},
	{"vdev_mock_count", count, NULL, 0},
	{"vdev_mock_get", get, NULL, 0},
	{"vdev_mock_ops", ops, NULL, 0},
	{"vdev_mock_place", place, NULL, 0},
	{"vdev_mock_lie", lie, NULL, 0},
	{"vdev_mock_look", look, NULL, 0},
	{"vdev_mock_hang", hang, NULL, 0},
	{"vdev_mock_refresh", refresh, NULL, 0},
	{"vdev_mock_where", where, NULL, 0},
};

const struct bad_table bad_mock = BAD_TABLE(rows);
