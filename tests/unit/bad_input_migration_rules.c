/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the migration planner: fields, rules, comparison, names. */
#include "bad_input.h"

#define SIZE sizeof(struct vdev_migration_device)

static const struct vdev_migration_device zero;

static struct vdev_migration_rules *empty_rules(struct bad *b)
{
	struct vdev_migration_rules *r = NULL;

	assert_int_equal(vdev_migration_rules_new(&r, &b->v.env, VDEV_MIGRATION_EMPTY), 0);
	return r;
}

/* Nothing has come to them by misuse. */
static void end_rules(struct vdev_migration_rules *r)
{
	assert_int_equal(vdev_migration_rules_count(r), 0);
	vdev_migration_rules_free(r);
}

static void field(struct bad *b)
{
	struct vdev_migration_field f;

	(void)b;
	EINVAL_OF(vdev_migration_field(0, NULL, sizeof(f)));
	EINVAL_OF(vdev_migration_field(0, &f, 0));
	assert_int_equal(vdev_migration_field(UINT32_MAX, &f, sizeof(f)), -ENOENT);
}

static void find_field(struct bad *b)
{
	(void)b;
	EINVAL_OF(vdev_migration_find_field(NULL));
	assert_int_equal(vdev_migration_find_field(""), -ENOENT);
}

static void value(struct bad *b)
{
	char text[8] = "x";

	(void)b;
	EINVAL_OF(vdev_migration_value(NULL, SIZE, 0, text, sizeof(text)));
	EINVAL_OF(vdev_migration_value(&zero, SIZE - 1, 0, text, sizeof(text)));
	EINVAL_OF(vdev_migration_value(&zero, SIZE, 0, NULL, sizeof(text)));
	assert_int_equal(vdev_migration_value(&zero, SIZE, UINT32_MAX, text, sizeof(text)),
			 -ENOENT);
	assert_string_equal(text, "x");
}

static void compare(struct bad *b)
{
	struct vdev_migration_device more[2] = {{0}, {.known = 1}};
	struct vdev_migration_difference d;
	struct vdev_migration_result r = {.verdict = 77};
	size_t z = sizeof(r), n = sizeof(d);

	(void)b;
	EINVAL_OF(vdev_migration_compare(NULL, NULL, &zero, SIZE, 0, &r, z, &d, n, 1));
	EINVAL_OF(vdev_migration_compare(NULL, &zero, NULL, SIZE, 0, &r, z, &d, n, 1));
	EINVAL_OF(vdev_migration_compare(NULL, &zero, &zero, 0, 0, &r, z, &d, n, 1));
	EINVAL_OF(vdev_migration_compare(NULL, &zero, &zero, SIZE, 4, &r, z, &d, n, 1));
	EINVAL_OF(vdev_migration_compare(NULL, &zero, &zero, SIZE, 0, NULL, z, &d, n, 1));
	EINVAL_OF(vdev_migration_compare(NULL, &zero, &zero, SIZE, 0, &r, 0, &d, n, 1));
	EINVAL_OF(vdev_migration_compare(NULL, &zero, &zero, SIZE, 0, &r, z, NULL, n, 1));
	EINVAL_OF(vdev_migration_compare(NULL, &zero, &zero, SIZE, 0, &r, z, &d, 0, 1));
	assert_int_equal(vdev_migration_compare(NULL, more, more, sizeof(more), 0, &r, z, &d, n, 1),
			 -E2BIG);
	assert_int_equal(r.verdict, 77);
}

static int make_rules(const struct vdev_env *env, uint32_t flags)
{
	struct vdev_migration_rules *r = NULL;
	int ret = vdev_migration_rules_new(&r, env, flags);

	assert_true(ret ? r == NULL : r != NULL);
	vdev_migration_rules_free(r);
	return ret;
}

static void rules_new(struct bad *b)
{
	EINVAL_OF(vdev_migration_rules_new(NULL, NULL, 0));
	EINVAL_OF(make_rules(NULL, 2));
	EACH_SIZE(struct vdev_env, b->v.env, make_rules(in, 1), 1);
}

static void rules_add(struct bad *b)
{
	struct vdev_migration_rule r[2] = {{.kind = VDEV_MIGRATION_IGNORE}, {.field = 1}};
	struct vdev_migration_rules *r_ = empty_rules(b);

	EINVAL_OF(vdev_migration_rules_add(NULL, r, sizeof(r[0])));
	EINVAL_OF(vdev_migration_rules_add(r_, NULL, sizeof(r[0])));
	EINVAL_OF(vdev_migration_rules_add(r_, r, sizeof(r[0]) - 1));
	assert_int_equal(vdev_migration_rules_add(r_, r, sizeof(r)), -E2BIG);
	r[0].kind = UINT32_MAX;
	EINVAL_OF(vdev_migration_rules_add(r_, r, sizeof(r[0])));
	end_rules(r_);
}

static void rules_parse(struct bad *b)
{
	struct vdev_migration_error e = {.line = 77};
	struct vdev_migration_rules *r_ = empty_rules(b);

	EINVAL_OF(vdev_migration_rules_parse(NULL, "", 0, &e, sizeof(e)));
	EINVAL_OF(vdev_migration_rules_parse(r_, NULL, 1, &e, sizeof(e)));
	EINVAL_OF(vdev_migration_rules_parse(r_, "x", 1, &e, 0));
	assert_int_equal(vdev_migration_rules_parse(r_, "x", SIZE_MAX, &e, sizeof(e)), -ENOSPC);
	assert_int_equal(e.line, 77);
	end_rules(r_);
}

static void rules_write(struct bad *b)
{
	struct vdev_migration_rules *r_ = empty_rules(b);
	size_t size = 7;
	char c = 'x';

	EINVAL_OF(vdev_migration_rules_write(NULL, 0, &c, 1, &size));
	EINVAL_OF(vdev_migration_rules_write(r_, 2, &c, 1, &size));
	EINVAL_OF(vdev_migration_rules_write(r_, 0, NULL, 1, &size));
	EINVAL_OF(vdev_migration_rules_write(r_, 0, &c, 1, NULL));
	assert_true(size == 7 && c == 'x');
	end_rules(r_);
}

static void rules_count(struct bad *b)
{
	(void)b;
	EINVAL_OF(vdev_migration_rules_count(NULL));
}

static void rules_get(struct bad *b)
{
	struct vdev_migration_rules *r_ = empty_rules(b);
	struct vdev_migration_rule r;

	EINVAL_OF(vdev_migration_rules_get(r_, 0, NULL, sizeof(r)));
	EINVAL_OF(vdev_migration_rules_get(r_, 0, &r, 0));
	assert_int_equal(vdev_migration_rules_get(r_, 0, &r, sizeof(r)), -ENOENT);
	assert_int_equal(vdev_migration_rules_get(NULL, UINT32_MAX, &r, sizeof(r)), -ENOENT);
	end_rules(r_);
}

static void rules_free(struct bad *b)
{
	(void)b;
	vdev_migration_rules_free(NULL);
}

/* No number is too large for a name. */
static void names(struct bad *b)
{
	static const char *(*const calls[])(uint32_t) = {
		vdev_migration_verdict_name, vdev_migration_kind_name,   vdev_migration_reason_name,
		vdev_migration_step_name,    vdev_migration_change_name, vdev_migration_use_name};

	(void)b;
	for (uint32_t i = 0; i < VT_COUNT(calls); i++) {
		assert_string_equal(calls[i](UINT32_MAX), "?");
		assert_string_equal(calls[i](32), "?");
		assert_string_not_equal(calls[i](0), "?");
	}
}

#define ROW(call, run)                                  \
	{                                               \
		"vdev_migration_" #call, (run), NULL, 0 \
	}

static const struct bad_row rows[] = {
	ROW(field, field),
	ROW(find_field, find_field),
	ROW(value, value),
	ROW(compare, compare),
	ROW(rules_new, rules_new),
	ROW(rules_free, rules_free),
	ROW(rules_add, rules_add),
	ROW(rules_parse, rules_parse),
	ROW(rules_write, rules_write),
	ROW(rules_count, rules_count),
	ROW(rules_get, rules_get),
	ROW(verdict_name, names),
	ROW(kind_name, names),
	ROW(reason_name, names),
	ROW(step_name, names),
	ROW(change_name, names),
	ROW(use_name, names),
};
const struct bad_table bad_migration_rules = BAD_TABLE(rows);
