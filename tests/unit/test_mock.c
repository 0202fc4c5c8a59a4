/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock backend: its script, its records, and what ends later. */
#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include <vdev/mock.h>
#include <vdev/removal.h>

static const struct vdev_mock_config small = {
	.struct_size = sizeof(small), .max_records = 4, .max_rules = 3, .max_pending = 2};

struct rig {
	struct vt_env v;
	struct vdev_mock *m;
	uint64_t last_id;
};

static int setup(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	vt_env_init(&rig.v);
	*state = &rig;
	return vdev_mock_new(&rig.m, &rig.v.env, &small);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	vdev_mock_free(rig->m);
	return vt_env_check(&rig->v);
}

static int perform(struct rig *rig, uint32_t kind, uint64_t dev)
{
	struct vdev_action a = {.id = ++rig->last_id, .dev = dev, .kind = kind};

	return vdev_mock_perform(rig->m, &a);
}

static int cancel(struct rig *rig, uint64_t id)
{
	struct vdev_action a = {.id = ++rig->last_id, .kind = VDEV_CANCEL, .arg = {id}};

	return vdev_mock_perform(rig->m, &a);
}

static int rule(struct rig *rig, uint32_t kind, uint64_t dev, uint64_t delay_ns, int32_t status)
{
	struct vdev_mock_rule r = {.struct_size = sizeof(r),
				   .kind = kind,
				   .dev = dev,
				   .delay_ns = delay_ns,
				   .status = status};

	return vdev_mock_rule(rig->m, &r);
}

static void expect_record(struct rig *rig, uint64_t index, uint64_t begin, uint64_t end,
			  int32_t status)
{
	struct vdev_mock_record r;

	assert_int_equal(vdev_mock_get(rig->m, index, &r, sizeof(r)), 0);
	assert_int_equal(r.action.id, index + 1);
	assert_int_equal(r.begin_ns, begin);
	assert_int_equal(r.end_ns, end);
	assert_int_equal(r.status, status);
	assert_int_equal(r.reserved, 0);
}

static void expect_end(struct rig *rig, uint64_t now, uint64_t id, int32_t status)
{
	uint64_t ret_id = 0;
	int32_t ret_status = 1;

	assert_int_equal(vdev_mock_step(rig->m, now, &ret_id, &ret_status), 1);
	assert_int_equal(ret_id, id);
	assert_int_equal(ret_status, status);
}

static void expect_none(struct rig *rig, uint64_t now)
{
	uint64_t ret_id = 77;
	int32_t ret_status = 88;

	assert_int_equal(vdev_mock_step(rig->m, now, &ret_id, &ret_status), 0);
	assert_int_equal(ret_id, 77);
	assert_int_equal(ret_status, 88);
}

static void empty_script_succeeds(void **state)
{
	struct rig *rig = *state;
	uint64_t ns = 5;

	assert_int_equal(perform(rig, VDEV_REMOVAL_HIDE, 1), 0);
	expect_record(rig, 0, 0, 0, 0);
	assert_int_equal(vdev_mock_deadline(rig->m, &ns), 0);
	assert_int_equal(ns, 5);
	expect_none(rig, 9);
	assert_int_equal(perform(rig, VDEV_REMOVAL_RELEASE, 1), 0);
	expect_record(rig, 1, 9, 9, 0);
}

static void first_matching_rule_decides(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rule(rig, VDEV_REMOVAL_WARN, 7, 0, -EIO), 0);
	assert_int_equal(rule(rig, VDEV_REMOVAL_WARN, VDEV_MOCK_ANY, 0, -EAGAIN), 0);
	assert_int_equal(rule(rig, VDEV_MOCK_ANY, 8, 0, -EPERM), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_WARN, 7), -EIO);
	assert_int_equal(perform(rig, VDEV_REMOVAL_WARN, 8), -EAGAIN);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 8), -EPERM);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 7), 0);
	assert_int_equal(vdev_mock_clear_rules(rig->m), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_WARN, 7), 0);
	assert_int_equal(rule(rig, VDEV_MOCK_ANY, VDEV_MOCK_ANY, 0, -EINTR), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_WARN, 7), -EINTR);
}

static void skip_and_uses_are_counted(void **state)
{
	struct vdev_mock_rule r = {.struct_size = sizeof(r),
				   .kind = VDEV_REMOVAL_WARN,
				   .status = -EAGAIN,
				   .skip = 2,
				   .uses = 2};
	static const int expected[] = {0, 0, -EAGAIN, -EAGAIN, 0, 0};
	struct rig *rig = *state;
	size_t i;

	assert_int_equal(vdev_mock_rule(rig->m, &r), 0);
	for (i = 0; i < VT_COUNT(expected); i++) {
		assert_int_equal(perform(rig, VDEV_REMOVAL_WARN, 1), expected[i]);
		assert_int_equal(perform(rig, VDEV_REMOVAL_HIDE, 1), 0); /* is no match */
	}
}

/* An action that a rule lets pass is decided by the next rule that matches. */
static void skipped_goes_to_next_rule(void **state)
{
	struct vdev_mock_rule r = {
		.struct_size = sizeof(r), .kind = VDEV_REMOVAL_WARN, .status = -EAGAIN, .skip = 1};
	struct rig *rig = *state;

	assert_int_equal(vdev_mock_rule(rig->m, &r), 0);
	assert_int_equal(rule(rig, VDEV_REMOVAL_WARN, VDEV_MOCK_ANY, 0, -EIO), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_WARN, 1), -EIO);
	assert_int_equal(perform(rig, VDEV_REMOVAL_WARN, 1), -EAGAIN);
}

static void delayed_ends_by_time(void **state)
{
	struct rig *rig = *state;
	uint64_t ns;

	expect_none(rig, 100);
	assert_int_equal(rule(rig, VDEV_REMOVAL_DRAIN, VDEV_MOCK_ANY, 50, -EIO), 0);
	assert_int_equal(rule(rig, VDEV_REMOVAL_RESET, VDEV_MOCK_ANY, 20, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	assert_int_equal(perform(rig, VDEV_REMOVAL_RESET, 2), VDEV_BACKEND_LATER);
	expect_record(rig, 0, 100, VDEV_NONE, -EIO);
	assert_int_equal(vdev_mock_deadline(rig->m, &ns), 1);
	assert_int_equal(ns, 120);
	expect_none(rig, 119);
	expect_end(rig, 200, 2, 0);
	assert_int_equal(vdev_mock_deadline(rig->m, &ns), 1);
	assert_int_equal(ns, 150);
	expect_end(rig, 200, 1, -EIO);
	expect_none(rig, 200);
	expect_record(rig, 0, 100, 150, -EIO); /* when it ended, not when somebody looked */
	expect_record(rig, 1, 100, 120, 0);
	assert_int_equal(vdev_mock_deadline(rig->m, &ns), 0);
}

static void clock_never_goes_back(void **state)
{
	struct rig *rig = *state;

	expect_none(rig, 100);
	expect_none(rig, 40);
	assert_int_equal(perform(rig, VDEV_REMOVAL_HIDE, 1), 0);
	expect_record(rig, 0, 100, 100, 0);
}

static void never_ends_by_hand(void **state)
{
	struct rig *rig = *state;
	uint64_t ns;

	assert_int_equal(rule(rig, VDEV_MOCK_ANY, 1, VDEV_MOCK_NEVER, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	assert_int_equal(vdev_mock_deadline(rig->m, &ns), 0);
	expect_none(rig, UINT64_MAX - 1);
	assert_int_equal(vdev_mock_finish(rig->m, 2, 0), -ENOENT);
	assert_int_equal(vdev_mock_finish(rig->m, 1, -EBUSY), 0);
	assert_int_equal(vdev_mock_finish(rig->m, 1, -EBUSY), -ENOENT);
	expect_record(rig, 0, 0, UINT64_MAX - 1, -EBUSY);
	/* A delay that would pass the end of time is as good as never. */
	assert_int_equal(vdev_mock_clear_rules(rig->m), 0);
	assert_int_equal(rule(rig, VDEV_MOCK_ANY, 1, UINT64_MAX - 5, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	assert_int_equal(vdev_mock_deadline(rig->m, &ns), 0);
}

static void finish_before_its_time(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rule(rig, VDEV_MOCK_ANY, 1, 50, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	expect_none(rig, 10);
	assert_int_equal(vdev_mock_finish(rig->m, 1, 0), 0);
	expect_record(rig, 0, 0, 10, 0);
	expect_none(rig, 100); /* its deadline is gone */
}

static void cancel_ends_what_it_names(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rule(rig, VDEV_MOCK_ANY, VDEV_MOCK_ANY, VDEV_MOCK_NEVER, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 2), VDEV_BACKEND_LATER);
	expect_none(rig, 30);
	assert_int_equal(cancel(rig, 2), 0);
	expect_record(rig, 2, 30, 30, 0);
	expect_record(rig, 1, 0, VDEV_NONE, -ECANCELED);
	expect_end(rig, 30, 2, -ECANCELED);
	expect_record(rig, 1, 0, 30, -ECANCELED);
	expect_none(rig, 1000);
	expect_record(rig, 0, 0, VDEV_NONE, 0);
	assert_int_equal(cancel(rig, 2), 0); /* too late: nothing to end */
	expect_none(rig, 1000);
}

static void cancel_rule_decides(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rule(rig, VDEV_CANCEL, 0, 40, -ETIMEDOUT), 0);
	assert_int_equal(rule(rig, VDEV_MOCK_ANY, 0, VDEV_MOCK_NEVER, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	expect_none(rig, 10);
	assert_int_equal(cancel(rig, 1), 0);
	expect_none(rig, 49);
	expect_end(rig, 50, 1, -ETIMEDOUT);
	/* A backend that ignores it. */
	assert_int_equal(vdev_mock_clear_rules(rig->m), 0);
	assert_int_equal(rule(rig, VDEV_CANCEL, 0, VDEV_MOCK_NEVER, 0), 0);
	assert_int_equal(rule(rig, VDEV_REMOVAL_DRAIN, 0, 100, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	assert_int_equal(cancel(rig, rig->last_id), 0);
	expect_none(rig, UINT64_MAX - 1);
}

static void ring_keeps_the_latest(void **state)
{
	struct rig *rig = *state;
	struct vdev_mock_record r;
	uint64_t i;

	assert_int_equal(rule(rig, VDEV_REMOVAL_DRAIN, 0, 10, -EIO), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	assert_int_equal(vdev_mock_count(rig->m), 1);
	for (i = 0; i < 4; i++)
		assert_int_equal(perform(rig, VDEV_REMOVAL_HIDE, i), 0);
	assert_int_equal(vdev_mock_count(rig->m), 5);
	assert_int_equal(vdev_mock_get(rig->m, 0, &r, sizeof(r)), -ENOENT);
	assert_int_equal(vdev_mock_get(rig->m, 5, &r, sizeof(r)), -ENOENT);
	/* Its record is overwritten; it ends all the same and spoils no other record. */
	expect_end(rig, 10, 1, -EIO);
	for (i = 1; i < 5; i++)
		expect_record(rig, i, 0, 0, 0);
}

static void overwritten_one_is_cancelled(void **state)
{
	struct rig *rig = *state;
	uint64_t i;

	assert_int_equal(rule(rig, VDEV_REMOVAL_DRAIN, 0, VDEV_MOCK_NEVER, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	for (i = 0; i < 4; i++)
		assert_int_equal(perform(rig, VDEV_REMOVAL_HIDE, i), 0);
	assert_int_equal(cancel(rig, 1), 0);
	expect_end(rig, 5, 1, -ECANCELED);
	for (i = 2; i < 6; i++)
		expect_record(rig, i, 0, 0, 0);
}

/* Ids that are looked up in the same place. */
static void neighbours(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rule(rig, VDEV_REMOVAL_DRAIN, 0, VDEV_MOCK_NEVER, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	rig->last_id = 4;
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	assert_int_equal(vdev_mock_finish(rig->m, 3, 0), -ENOENT);
	assert_int_equal(vdev_mock_finish(rig->m, 1, 0), 0);
	assert_int_equal(vdev_mock_finish(rig->m, 5, -EIO), 0);
	assert_int_equal(vdev_mock_finish(rig->m, 1, 0), -ENOENT);
}

static void pending_limit(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rule(rig, VDEV_MOCK_ANY, 0, 10, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 2), VDEV_BACKEND_LATER);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 3), -ENOSPC);
	expect_record(rig, 2, 0, 0, -ENOSPC);
	assert_int_equal(vdev_mock_finish(rig->m, 1, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 4), VDEV_BACKEND_LATER);
	assert_int_equal(vdev_mock_finish(rig->m, 2, 0), 0);
	assert_int_equal(vdev_mock_finish(rig->m, 4, 0), 0);
}

/* After a load the same action comes again: the first one must not end a second time. */
static void same_action_again(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rule(rig, VDEV_MOCK_ANY, 0, 10, 0), 0);
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	expect_none(rig, 5);
	rig->last_id--;
	assert_int_equal(perform(rig, VDEV_REMOVAL_DRAIN, 1), VDEV_BACKEND_LATER);
	expect_record(rig, 0, 0, 5, -ECANCELED);
	expect_none(rig, 14);
	expect_end(rig, 15, 1, 0);
	expect_none(rig, 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(empty_script_succeeds),
		T(first_matching_rule_decides),
		T(skip_and_uses_are_counted),
		T(skipped_goes_to_next_rule),
		T(delayed_ends_by_time),
		T(clock_never_goes_back),
		T(never_ends_by_hand),
		T(finish_before_its_time),
		T(cancel_ends_what_it_names),
		T(cancel_rule_decides),
		T(ring_keeps_the_latest),
		T(overwritten_one_is_cancelled),
		T(neighbours),
		T(pending_limit),
		T(same_action_again),
	};

	return cmocka_run_group_tests_name("mock", tests, NULL, NULL);
}
