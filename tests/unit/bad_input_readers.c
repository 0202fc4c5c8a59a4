/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the calls that only read, and of the plain functions. */
#include "bad_input.h"

#include <limits.h>

#include <vdev/error.h>

static void find(struct bad *b)
{
	uint64_t found = 77;

	EINVAL_OF(vdev_removal_find(NULL, 1, &found));
	EINVAL_OF(vdev_removal_find(b->r, 1, NULL));
	EINVAL_OF(vdev_removal_find(b->r, VDEV_NONE, &found));
	assert_int_equal(vdev_removal_find(b->r, 0, &found), -ENOENT);
	assert_int_equal(vdev_removal_find(b->r, VDEV_NONE - 1, &found), -ENOENT);
	assert_int_equal(found, 77);
}

static void find_name(struct bad *b)
{
	uint64_t found = 77;

	EINVAL_OF(vdev_removal_find_name(NULL, 1, &found));
	EINVAL_OF(vdev_removal_find_name(b->r, 1, NULL));
	EINVAL_OF(vdev_removal_find_name(b->r, 0, &found));
	assert_int_equal(vdev_removal_find_name(b->r, 1, &found), -ENOENT);
	assert_int_equal(vdev_removal_find_name(b->r, UINT64_MAX, &found), -ENOENT);
	assert_int_equal(found, 77);
}

static void level(struct bad *b)
{
	EINVAL_OF(vdev_removal_level(NULL, b->unit));
	EACH_HANDLE(b, vdev_removal_level(b->r, handle), -ENOENT);
}

static void get(struct bad *b)
{
	struct vdev_removal_info info, before;

	memset(&info, 0x55, sizeof(info));
	before = info;
	EINVAL_OF(vdev_removal_get(NULL, b->unit, &info, sizeof(info)));
	EINVAL_OF(vdev_removal_get(b->r, b->unit, NULL, sizeof(info)));
	EINVAL_OF(vdev_removal_get(b->r, b->unit, &info, 0));
	EACH_HANDLE(b, vdev_removal_get(b->r, handle, &info, sizeof(info)), -ENOENT);
	assert_memory_equal(&info, &before, sizeof(info));
}

static void walk(struct bad *b)
{
	struct vdev_removal_info info, before;
	uint64_t cursor = 0;

	memset(&info, 0x55, sizeof(info));
	before = info;
	EINVAL_OF(vdev_removal_walk(NULL, &cursor, &info, sizeof(info)));
	EINVAL_OF(vdev_removal_walk(b->r, NULL, &info, sizeof(info)));
	EINVAL_OF(vdev_removal_walk(b->r, &cursor, NULL, sizeof(info)));
	EINVAL_OF(vdev_removal_walk(b->r, &cursor, &info, 0));
	assert_int_equal(cursor, 0);
	for (cursor = UINT64_MAX; cursor > UINT32_MAX; cursor /= 2)
		assert_int_equal(vdev_removal_walk(b->r, &cursor, &info, sizeof(info)), 0);
	assert_memory_equal(&info, &before, sizeof(info));
}

static void stats(struct bad *b)
{
	struct vdev_removal_stats s;

	EINVAL_OF(vdev_removal_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_removal_stats(b->r, NULL, sizeof(s)));
	EINVAL_OF(vdev_removal_stats(b->r, &s, 0));
}

static void deadline(struct bad *b)
{
	uint64_t ns = 77;

	EINVAL_OF(vdev_removal_deadline(NULL, &ns));
	EINVAL_OF(vdev_removal_deadline(b->r, NULL));
	assert_int_equal(ns, 77);
	assert_int_equal(vdev_removal_deadline(b->other, &ns), 0);
	assert_int_equal(ns, 77);
}

static void expect_no_name(const char *(*name)(uint32_t value), uint32_t last)
{
	assert_string_equal(name(last + 1), "?");
	assert_string_equal(name(UINT32_MAX), "?");
	assert_string_equal(name(UINT32_MAX / 2), "?");
	assert_non_null(name(0));
}

static void kind_name(struct bad *b)
{
	(void)b;
	expect_no_name(vdev_removal_kind_name, VDEV_REMOVAL_OWN_STEP_LAST);
}

static void outcome_name(struct bad *b)
{
	(void)b;
	expect_no_name(vdev_removal_outcome_name, VDEV_REMOVAL_CANCELLED);
}

static void level_name(struct bad *b)
{
	(void)b;
	expect_no_name(vdev_removal_level_name, VDEV_REMOVAL_OWN_LAST);
}

static void because(struct bad *b)
{
	(void)b;
	expect_no_name(vdev_removal_because, VDEV_REMOVAL_BECAUSE_RESET);
}

static void event_name(struct bad *b)
{
	(void)b;
	expect_no_name(vdev_removal_event_name, VDEV_REMOVAL_EV_TIMEOUT);
}

static void version(struct bad *b)
{
	(void)b;
	assert_true(vdev_version()[0] >= '0' && vdev_version()[0] <= '9');
}

static void has(struct bad *b)
{
	(void)b;
	assert_int_equal(vdev_has(NULL), 0);
	assert_int_equal(vdev_has(""), 0);
	assert_int_equal(vdev_has("remova"), 0);
	assert_int_equal(vdev_has("removal "), 0);
	assert_int_equal(vdev_has("removal"), 1);
}

static void strerror_(struct bad *b)
{
	static const int values[] = {0, 1, INT_MIN, INT_MAX, -INT_MAX, -4096};

	(void)b;
	for (uint32_t i = 0; i < VT_COUNT(values); i++)
		assert_true(strlen(vdev_strerror(values[i])) > 0);
	assert_string_equal(vdev_strerror(INT_MIN), "unknown error");
	assert_string_equal(vdev_strerror(-ENOENT), vdev_strerror(ENOENT));
}

static const struct bad_row readers[] = {
	{"vdev_removal_find", find, NULL, 0},
	{"vdev_removal_find_name", find_name, NULL, 0},
	{"vdev_removal_level", level, NULL, 0},
	{"vdev_removal_get", get, NULL, 0},
	{"vdev_removal_walk", walk, NULL, 0},
	{"vdev_removal_stats", stats, NULL, 0},
	{"vdev_removal_deadline", deadline, NULL, 0},
};

static const struct bad_row plain[] = {
	{"vdev_removal_kind_name", kind_name, NULL, 0},
	{"vdev_removal_outcome_name", outcome_name, NULL, 0},
	{"vdev_removal_level_name", level_name, NULL, 0},
	{"vdev_removal_because", because, NULL, 0},
	{"vdev_removal_event_name", event_name, NULL, 0},
	{"vdev_version", version, NULL, 0},
	{"vdev_has", has, NULL, 0},
	{"vdev_strerror", strerror_, NULL, 0},
};

const struct bad_table bad_readers = BAD_TABLE(readers);
const struct bad_table bad_plain = BAD_TABLE(plain);
