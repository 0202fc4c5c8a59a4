/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock's configuration, what it refuses, its table, its trace. */
#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include <vdev/mock.h>
#include <vdev/removal.h>

static const struct vdev_mock_config good = {
	.struct_size = sizeof(good), .max_records = 8, .max_rules = 2, .max_pending = 4};

static int try_config(struct vdev_mock_config c)
{
	struct vdev_mock *m = NULL;
	int err = vdev_mock_new(&m, NULL, &c);

	assert_true(err ? m == NULL : m != NULL);
	vdev_mock_free(m);
	return err;
}

static void limits(void **state)
{
	struct vdev_mock_config c = good;

	assert_int_equal(try_config(c), 0);
	c.max_rules = c.max_pending = 0;
	c.max_records = 1;
	assert_int_equal(try_config(c), 0);
	c.max_rules = c.max_pending = 65536;
	c.max_records = 1u << 20;
	assert_int_equal(try_config(c), 0);
	c = good;
	c.max_records = 0;
	assert_int_equal(try_config(c), -EINVAL);
	c.max_records = (1u << 20) + 1;
	assert_int_equal(try_config(c), -EINVAL);
	c = good;
	c.max_rules = 65537;
	assert_int_equal(try_config(c), -EINVAL);
	c = good;
	c.max_pending = 65537;
	assert_int_equal(try_config(c), -EINVAL);
	c = good;
	c.max_vcpus = VDEV_CPUMAP_MAX_VCPUS;
	assert_int_equal(try_config(c), 0);
	c.max_vcpus++;
	assert_int_equal(try_config(c), -EINVAL);
	c = good;
	c.struct_size = 8;
	assert_int_equal(try_config(c), -EINVAL);
	(void)state;
}

static void newer_callers(void **state)
{
	struct {
		struct vdev_mock_config c;
		uint32_t tail; /* without padding between them */
	} config = {.c = good};
	struct {
		struct vdev_mock_rule r;
		uint64_t tail;
	} rule = {.r = {.struct_size = sizeof(rule)}};
	struct {
		struct vdev_mock_record r;
		uint64_t tail;
	} record;
	struct vdev_action a = {.id = 9, .dev = 3, .kind = VDEV_REMOVAL_HIDE};
	struct vdev_mock *m;

	config.c.struct_size = sizeof(config);
	config.tail = 1;
	assert_int_equal(vdev_mock_new(&m, NULL, &config.c), -E2BIG);
	config.tail = 0;
	assert_int_equal(vdev_mock_new(&m, NULL, &config.c), 0);
	rule.tail = 1;
	assert_int_equal(vdev_mock_rule(m, &rule.r), -E2BIG);
	rule.tail = 0;
	assert_int_equal(vdev_mock_rule(m, &rule.r), 0);
	assert_int_equal(vdev_mock_perform(m, &a), 0);
	memset(&record, 0xff, sizeof(record));
	assert_int_equal(vdev_mock_get(m, 0, &record.r, sizeof(record)), 0);
	assert_int_equal(record.r.action.id, 9);
	assert_int_equal(record.tail, 0);
	vdev_mock_free(m);
	(void)state;
}

static void null_arguments(void **state)
{
	struct vdev_env env = {.struct_size = 4};
	struct vdev_mock *m = NULL;

	assert_int_equal(vdev_mock_new(NULL, NULL, &good), -EINVAL);
	assert_int_equal(vdev_mock_new(&m, NULL, NULL), -EINVAL);
	assert_int_equal(vdev_mock_new(&m, &env, &good), -EINVAL);
	assert_null(m);
	(void)state;
}

static void bad_arguments(void **state)
{
	struct vdev_mock_rule r = {.struct_size = sizeof(r)};
	struct vdev_action a = {.id = 1, .kind = VDEV_REMOVAL_HIDE};
	struct vdev_mock_record record;
	int32_t status;
	struct vdev_mock *m;
	uint64_t id;

	(void)state;
	assert_int_equal(vdev_mock_new(&m, NULL, &good), 0);
	assert_int_equal(vdev_mock_perform(NULL, &a), -EINVAL);
	assert_int_equal(vdev_mock_perform(m, NULL), -EINVAL);
	a.id = 0;
	assert_int_equal(vdev_mock_perform(m, &a), -EINVAL);
	a = (struct vdev_action){.id = 1};
	assert_int_equal(vdev_mock_perform(m, &a), -EINVAL);
	assert_int_equal(vdev_mock_count(m), 0);
	assert_int_equal(vdev_mock_count(NULL), 0);
	assert_int_equal(vdev_mock_rule(NULL, &r), -EINVAL);
	assert_int_equal(vdev_mock_rule(m, NULL), -EINVAL);
	r.status = 1;
	assert_int_equal(vdev_mock_rule(m, &r), -EINVAL);
	r.status = INT32_MIN;
	assert_int_equal(vdev_mock_rule(m, &r), -EINVAL);
	r = (struct vdev_mock_rule){.struct_size = sizeof(r) - 8};
	assert_int_equal(vdev_mock_rule(m, &r), -EINVAL);
	assert_int_equal(vdev_mock_clear_rules(NULL), -EINVAL);
	assert_int_equal(vdev_mock_step(NULL, 0, &id, &status), -EINVAL);
	assert_int_equal(vdev_mock_step(m, 0, NULL, &status), -EINVAL);
	assert_int_equal(vdev_mock_step(m, 0, &id, NULL), -EINVAL);
	assert_int_equal(vdev_mock_deadline(NULL, &id), -EINVAL);
	assert_int_equal(vdev_mock_deadline(m, NULL), -EINVAL);
	assert_int_equal(vdev_mock_finish(NULL, 1, 0), -EINVAL);
	assert_int_equal(vdev_mock_finish(m, 1, 1), -EINVAL);
	assert_int_equal(vdev_mock_finish(m, 0, 0), -ENOENT);
	assert_int_equal(vdev_mock_get(NULL, 0, &record, sizeof(record)), -EINVAL);
	assert_int_equal(vdev_mock_get(m, 0, NULL, sizeof(record)), -EINVAL);
	assert_int_equal(vdev_mock_get(m, 0, &record, 0), -EINVAL);
	vdev_mock_free(m);
	vdev_mock_free(NULL);
}

static void rule_limit(void **state)
{
	struct vdev_mock_config c = good;
	struct vdev_mock_rule r = {.struct_size = sizeof(r)};
	struct vdev_mock *m;

	assert_int_equal(vdev_mock_new(&m, NULL, &c), 0);
	assert_int_equal(vdev_mock_rule(m, &r), 0);
	assert_int_equal(vdev_mock_rule(m, &r), 0);
	assert_int_equal(vdev_mock_rule(m, &r), -ENOSPC);
	assert_int_equal(vdev_mock_clear_rules(m), 0);
	assert_int_equal(vdev_mock_rule(m, &r), 0);
	vdev_mock_free(m);
	c.max_rules = 0;
	assert_int_equal(vdev_mock_new(&m, NULL, &c), 0);
	assert_int_equal(vdev_mock_rule(m, &r), -ENOSPC);
	vdev_mock_free(m);
	(void)state;
}

static void nothing_can_be_delayed_without_room(void **state)
{
	struct vdev_mock_config c = good;
	struct vdev_mock_rule r = {.struct_size = sizeof(r), .delay_ns = 1};
	struct vdev_action a = {.id = 1, .kind = VDEV_REMOVAL_HIDE};
	struct vdev_action cancel = {.id = 2, .kind = VDEV_CANCEL, .arg = {1}};
	struct vdev_mock *m;
	int32_t status;
	uint64_t id;

	c.max_pending = 0;
	assert_int_equal(vdev_mock_new(&m, NULL, &c), 0);
	assert_int_equal(vdev_mock_rule(m, &r), 0);
	assert_int_equal(vdev_mock_perform(m, &a), -ENOSPC);
	assert_int_equal(vdev_mock_perform(m, &cancel), 0);
	assert_int_equal(vdev_mock_step(m, 5, &id, &status), 0);
	assert_int_equal(vdev_mock_deadline(m, &id), 0);
	assert_int_equal(vdev_mock_finish(m, 1, 0), -ENOENT);
	vdev_mock_free(m);
	(void)state;
}

static void as_a_table(void **state)
{
	const struct vdev_backend_ops *ops = vdev_mock_ops();
	struct vdev_action a = {.id = 1, .kind = VDEV_REMOVAL_HIDE};
	struct vdev_mock *m;

	assert_int_equal(ops->struct_size, sizeof(*ops));
	assert_int_equal(ops->reserved, 0);
	assert_string_equal(ops->name, "mock");
	assert_int_equal(vdev_mock_new(&m, NULL, &good), 0);
	assert_int_equal(ops->perform(m, &a), 0);
	assert_int_equal(vdev_mock_count(m), 1);
	vdev_mock_free(m);
	(void)state;
}

struct timeline {
	struct vdev_trace seen[8];
	uint32_t count;
};

static void see(void *user, const struct vdev_trace *event)
{
	struct timeline *t = user;

	if (t->count < VT_COUNT(t->seen))
		t->seen[t->count] = *event;
	t->count++;
}

#if VDEV_TRACE
static void trace_tells_begin_and_end(void **state)
{
	struct timeline t = {.count = 0};
	struct vdev_env env = {.struct_size = sizeof(env), .user = &t, .trace = see};
	struct vdev_mock_rule r = {.struct_size = sizeof(r), .delay_ns = 10, .status = -EIO};
	struct vdev_action a = {.id = 5,
				.dev = 6,
				.user_data = 7,
				.kind = VDEV_REMOVAL_DRAIN,
				.flags = 8,
				.arg = {9}};
	struct vdev_mock *m;
	int32_t status;
	uint64_t id;

	assert_int_equal(vdev_mock_new(&m, &env, &good), 0);
	assert_int_equal(vdev_mock_rule(m, &r), 0);
	assert_int_equal(vdev_mock_perform(m, &a), VDEV_BACKEND_LATER);
	assert_int_equal(vdev_mock_step(m, 30, &id, &status), 1);
	assert_int_equal(t.count, 2);
	assert_int_equal(t.seen[0].what, VDEV_TRACE_ACTION);
	assert_int_equal(t.seen[0].part, VDEV_PART_MOCK);
	assert_int_equal(t.seen[0].id, 5);
	assert_int_equal(t.seen[0].dev, 6);
	assert_int_equal(t.seen[0].user_data, 7);
	assert_int_equal(t.seen[0].kind, VDEV_REMOVAL_DRAIN);
	assert_int_equal(t.seen[0].flags, 8);
	assert_int_equal(t.seen[0].arg, 9);
	assert_int_equal(t.seen[1].what, VDEV_TRACE_DONE);
	assert_int_equal(t.seen[1].now_ns, 30);
	assert_int_equal((int64_t)t.seen[1].arg, -EIO);
	vdev_mock_free(m);
	(void)state;
}
#endif

/* After _new() nothing is allocated, whatever is asked of it. */
static void allocates_only_at_first(void **state)
{
	struct vdev_mock_rule r = {.struct_size = sizeof(r), .delay_ns = 3};
	struct vt_env v;
	struct vdev_mock *m;
	uint64_t i, requests, id;
	int32_t status;

	(void)state;
	vt_env_init(&v);
	assert_int_equal(vdev_mock_new(&m, &v.env, &good), 0);
	requests = v.requests;
	assert_int_equal(vdev_mock_rule(m, &r), 0);
	for (i = 1; i < 1000; i++) {
		struct vdev_action a = {.id = i, .kind = VDEV_REMOVAL_DRAIN};

		assert_int_equal(vdev_mock_perform(m, &a), VDEV_BACKEND_LATER);
		while (vdev_mock_step(m, i, &id, &status) == 1)
			;
	}
	assert_int_equal(v.requests, requests);
	vdev_mock_free(m);
	vt_assert_clean(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(newer_callers),
		cmocka_unit_test(null_arguments),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(rule_limit),
		cmocka_unit_test(nothing_can_be_delayed_without_room),
		cmocka_unit_test(as_a_table),
#if VDEV_TRACE
		cmocka_unit_test(trace_tells_begin_and_end),
#endif
		cmocka_unit_test(allocates_only_at_first),
	};

	(void)see;
	return cmocka_run_group_tests_name("mock_config", tests, NULL, NULL);
}
