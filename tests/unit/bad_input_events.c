/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the removal engine's events and of its actions. */
#include "bad_input.h"

static void set_address(struct bad *b)
{
	EINVAL_OF(vdev_removal_set_address(NULL, b->unit, 1));
	EACH_HANDLE(b, vdev_removal_set_address(b->r, handle, 1), -ENOENT);
	EACH_HANDLE(b, vdev_removal_set_address(b->r, handle, VDEV_NONE), -ENOENT);
}

static void set_address_twice(struct bad *b)
{
	uint64_t found;

	assert_int_equal(vdev_removal_set_address(b->r, b->unit, VDEV_NONE), 0); /* has none */
	assert_int_equal(vdev_removal_set_address(b->r, b->unit, VDEV_NONE - 1), 0);
	assert_int_equal(vdev_removal_set_address(b->r, b->unit, VDEV_NONE - 1), 0);
	assert_int_equal(vdev_removal_find(b->r, VDEV_NONE - 1, &found), 0);
	assert_int_equal(found, b->unit);
}

static void set_user_data(struct bad *b)
{
	EINVAL_OF(vdev_removal_set_user_data(NULL, b->unit, 1));
	EACH_HANDLE(b, vdev_removal_set_user_data(b->r, handle, 1), -ENOENT);
}

static void declare(struct bad *b)
{
	EINVAL_OF(vdev_removal_declare(NULL, b->now, b->unit, 0, 0));
	EACH_HANDLE(b, vdev_removal_declare(b->r, UINT64_MAX, handle, 0, 3), -ENOENT);
	EINVAL_OF(vdev_removal_declare(b->r, UINT64_MAX, b->unit, 2, 3));
	EINVAL_OF(vdev_removal_declare(b->r, UINT64_MAX, b->unit, UINT32_MAX, 3));
	EINVAL_OF(vdev_removal_declare(b->r, UINT64_MAX, b->unit, 1, 4));
	EINVAL_OF(vdev_removal_declare(b->r, UINT64_MAX, b->unit, 0, 15)); /* counted */
	EINVAL_OF(vdev_removal_declare(b->r, UINT64_MAX, b->unit, 0, 32));
	EINVAL_OF(vdev_removal_declare(b->r, UINT64_MAX, b->unit, 0, UINT32_MAX));
}

static void forget(struct bad *b)
{
	EINVAL_OF(vdev_removal_forget(NULL, b->now, b->unit));
	EINVAL_OF(vdev_removal_forget(NULL, b->now, 0));
	b->handle_count--; /* 0: all units */
	EACH_HANDLE(b, vdev_removal_forget(b->r, UINT64_MAX, handle), -ENOENT);
}

static void forget_twice(struct bad *b)
{
	assert_int_equal(vdev_removal_forget(b->r, b->now, 0), 0);
	assert_int_equal(vdev_removal_forget(b->r, b->now, 0), 0);
	assert_int_equal(vdev_removal_forget(b->r, b->now, b->unit), 0);
}

static void cancel(struct bad *b)
{
	EINVAL_OF(vdev_removal_cancel(NULL, b->now, b->pending));
	EACH_HANDLE(b, vdev_removal_cancel(b->r, UINT64_MAX, handle), -ENOENT);
	assert_int_equal(vdev_removal_cancel(b->r, UINT64_MAX, b->unit), -ENOENT);
	assert_int_equal(vdev_removal_cancel(b->r, UINT64_MAX, b->slot), -ENOENT);
}

static void cancel_twice(struct bad *b)
{
	struct vdev_action a;

	assert_true(vdev_removal_cancel(b->r, b->now, b->pending) >= 0);
	assert_true(vdev_removal_cancel(b->r, b->now, b->pending) >= 0);
	while (vdev_removal_next(b->r, &a, sizeof(a)) == 1)
		vdev_removal_done(b->r, b->now, a.id, 0);
	assert_int_equal(vdev_removal_cancel(b->r, b->now, b->pending), -ENOENT);
}

static void touch(struct bad *b)
{
	EINVAL_OF(vdev_removal_touch(NULL, b->unit));
	EACH_HANDLE(b, vdev_removal_touch(b->r, handle), -ENOENT);
}

static void backend_gone(struct bad *b)
{
	EINVAL_OF(vdev_removal_backend_gone(NULL, b->unit));
	EACH_HANDLE(b, vdev_removal_backend_gone(b->r, handle), -ENOENT);
}

static void backend_gone_twice(struct bad *b)
{
	assert_int_equal(vdev_removal_backend_gone(b->r, b->unit), 0);
	assert_int_equal(vdev_removal_backend_gone(b->r, b->unit), 0);
}

static void reset_begin(struct bad *b)
{
	EINVAL_OF(vdev_removal_reset_begin(NULL, b->now));
}

static void reset_end(struct bad *b)
{
	EINVAL_OF(vdev_removal_reset_end(NULL, b->now));
	assert_int_equal(vdev_removal_reset_end(b->r, UINT64_MAX), -EBUSY);
}

static void reset_twice(struct bad *b)
{
	struct vdev_action a;

	assert_true(vdev_removal_reset_begin(b->r, b->now) >= 0);
	assert_true(vdev_removal_reset_begin(b->r, b->now) >= 0);
	assert_int_equal(vdev_removal_reset_end(b->r, b->now), -EAGAIN);
	assert_true(vdev_removal_done(b->r, b->now, b->outstanding, 0) >= 0);
	while (vdev_removal_next(b->r, &a, sizeof(a)) == 1)
		vdev_removal_done(b->r, b->now, a.id, 0);
	assert_int_equal(vdev_removal_reset_end(b->r, b->now), 0);
	assert_int_equal(vdev_removal_reset_end(b->r, b->now), -EBUSY);
}

static void pause_(struct bad *b)
{
	EINVAL_OF(vdev_removal_pause(NULL, b->now));
}

static void resume(struct bad *b)
{
	EINVAL_OF(vdev_removal_resume(NULL, b->now));
	assert_true(vdev_removal_resume(b->r, b->now) >= 0); /* it runs already */
}

static void pause_twice(struct bad *b)
{
	assert_true(vdev_removal_pause(b->r, b->now) >= 0);
	assert_true(vdev_removal_pause(b->r, UINT64_MAX) >= 0);
	assert_true(vdev_removal_resume(b->r, UINT64_MAX) >= 0);
	assert_true(vdev_removal_resume(b->r, 0) >= 0);
}

static void hold(struct bad *b)
{
	EINVAL_OF(vdev_removal_hold(NULL, b->now));
}

static void unhold(struct bad *b)
{
	EINVAL_OF(vdev_removal_unhold(NULL, b->now));
	assert_int_equal(vdev_removal_unhold(b->r, UINT64_MAX), -EBUSY);
}

static void hold_twice(struct bad *b)
{
	assert_true(vdev_removal_hold(b->r, b->now) >= 0);
	assert_int_equal(vdev_removal_hold(b->r, b->now), -EBUSY);
	assert_true(vdev_removal_unhold(b->r, b->now) >= 0);
	assert_int_equal(vdev_removal_unhold(b->r, b->now), -EBUSY);
}

static void next(struct bad *b)
{
	struct vdev_action a;

	EINVAL_OF(vdev_removal_next(NULL, &a, sizeof(a)));
	EINVAL_OF(vdev_removal_next(b->r, NULL, sizeof(a)));
	EINVAL_OF(vdev_removal_next(b->r, &a, 0));
	memset(&a, 0x55, sizeof(a));
	assert_int_equal(vdev_removal_next(b->r, &a, sizeof(a)), 0);
	assert_int_equal(a.id, UINT64_C(0x5555555555555555)); /* untouched */
}

static void done(struct bad *b)
{
	EINVAL_OF(vdev_removal_done(NULL, b->now, b->outstanding, 0));
	EINVAL_OF(vdev_removal_done(b->r, UINT64_MAX, b->outstanding, 1));
	EINVAL_OF(vdev_removal_done(b->r, UINT64_MAX, b->outstanding, INT32_MAX));
	EACH_HANDLE(b, vdev_removal_done(b->r, UINT64_MAX, handle, 0), -ENOENT);
	assert_int_equal(vdev_removal_done(b->r, b->now, b->outstanding + 1, 0), -ENOENT);
	assert_int_equal(vdev_removal_done(b->r, b->now, b->outstanding - (1u << 24), 0), -ENOENT);
	assert_int_equal(vdev_removal_done(b->r, b->now, b->outstanding + (1u << 24), 0), -ENOENT);
	assert_int_equal(vdev_removal_done(b->r, b->now, b->unit, 0), -ENOENT); /* a handle */
	assert_int_equal(vdev_removal_done(b->other, b->now, b->outstanding, 0), -ENOENT);
}

static void done_twice(struct bad *b)
{
	assert_int_equal(vdev_removal_done(b->r, b->now, b->outstanding, 0), 1);
	assert_int_equal(vdev_removal_done(b->r, b->now, b->outstanding, 0), -ENOENT);
}

static void step(struct bad *b)
{
	EINVAL_OF(vdev_removal_step(NULL, b->now));
	assert_int_equal(vdev_removal_step(b->r, 0), 0); /* back in time is no time */
}

static void step_to_the_end_of_time(struct bad *b)
{
	uint64_t ns;

	assert_true(vdev_removal_step(b->r, UINT64_MAX) > 0);
	assert_true(vdev_removal_step(b->r, UINT64_MAX) > 0);
	assert_in_range(vdev_removal_deadline(b->r, &ns), 0, 1);
}

static const struct bad_row rows[] = {
	{"vdev_removal_set_address", set_address, set_address_twice, 0},
	{"vdev_removal_set_user_data", set_user_data, NULL, 0},
	{"vdev_removal_declare", declare, NULL, BAD_GUEST},
	{"vdev_removal_forget", forget, forget_twice, 0},
	{"vdev_removal_cancel", cancel, cancel_twice, 0},
	{"vdev_removal_touch", touch, NULL, 0},
	{"vdev_removal_backend_gone", backend_gone, backend_gone_twice, 0},
	{"vdev_removal_reset_begin", reset_begin, reset_twice, 0},
	{"vdev_removal_reset_end", reset_end, reset_twice, 0},
	{"vdev_removal_pause", pause_, pause_twice, 0},
	{"vdev_removal_resume", resume, pause_twice, 0},
	{"vdev_removal_hold", hold, hold_twice, 0},
	{"vdev_removal_unhold", unhold, hold_twice, 0},
	{"vdev_removal_next", next, NULL, 0},
	{"vdev_removal_done", done, done_twice, BAD_DONE},
	{"vdev_removal_step", step, step_to_the_end_of_time, 0},
};

const struct bad_table bad_events = BAD_TABLE(rows);
