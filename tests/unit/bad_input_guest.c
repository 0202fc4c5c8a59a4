/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of what a guest's answers and registers are reported with. */
#include "bad_input.h"

static void ack(struct bad *b)
{
	EINVAL_OF(vdev_removal_ack(NULL, b->now, b->pending));
	EACH_HANDLE(b, vdev_removal_ack(b->r, UINT64_MAX, handle), -ENOENT);
}

static void ack_twice(struct bad *b)
{
	assert_true(vdev_removal_ack(b->r, b->now, b->pending) > 0);
	assert_true(vdev_removal_ack(b->r, b->now, b->pending) > 0);
}

static void refuse(struct bad *b)
{
	EINVAL_OF(vdev_removal_refuse(NULL, b->now, b->pending, 1));
	EACH_HANDLE(b, vdev_removal_refuse(b->r, UINT64_MAX, handle, 1), -ENOENT);
	EACH_HANDLE(b, vdev_removal_refuse(b->r, UINT64_MAX, handle, UINT32_MAX), -ENOENT);
	assert_int_equal(vdev_removal_refuse(b->r, UINT64_MAX, b->unit, 1), -EBUSY);
}

static void refuse_twice(struct bad *b)
{
	assert_true(vdev_removal_refuse(b->r, b->now, b->pending, UINT32_MAX) > 0);
	assert_int_equal(vdev_removal_refuse(b->r, b->now, b->pending, 1), -EBUSY);
}

static void progress(struct bad *b)
{
	EINVAL_OF(vdev_removal_progress(NULL, b->now, b->pending));
	EACH_HANDLE(b, vdev_removal_progress(b->r, UINT64_MAX, handle), -ENOENT);
	assert_int_equal(vdev_removal_progress(b->r, UINT64_MAX, b->unit), -EBUSY);
}

static void progress_twice(struct bad *b)
{
	struct vdev_action a;

	assert_int_equal(vdev_removal_progress(b->r, b->now, b->pending), 1);
	assert_int_equal(vdev_removal_progress(b->r, b->now, b->pending), 1);
	assert_int_equal(vdev_removal_next(b->r, &a, sizeof(a)), 1);
	assert_int_equal(vdev_removal_done(b->r, b->now, a.id, 0), 0); /* told once */
}

static void ost(struct bad *b)
{
	EINVAL_OF(vdev_removal_ost(NULL, b->now, b->pending, 3, 0));
	EACH_HANDLE(b, vdev_removal_ost(b->r, UINT64_MAX, handle, 3, 0), -ENOENT);
	EACH_HANDLE(b, vdev_removal_ost(b->r, UINT64_MAX, handle, UINT32_MAX, UINT32_MAX), -ENOENT);
	assert_int_equal(vdev_removal_ost(b->r, b->now, b->pending, 0, 0), 0); /* counted */
	assert_int_equal(vdev_removal_ost(b->r, b->now, b->pending, UINT32_MAX, 0), 0);
	assert_int_equal(vdev_removal_ost(b->r, UINT64_MAX, b->unit, 3, 0x84), -EBUSY);
	assert_int_equal(vdev_removal_ost(b->r, UINT64_MAX, b->unit, 3, UINT32_MAX), -EBUSY);
}

static void ost_of_any_status(struct bad *b)
{
	assert_true(vdev_removal_ost(b->r, b->now, b->pending, 3, UINT32_MAX) > 0);
}

static void slot(struct bad *b)
{
	EINVAL_OF(vdev_removal_slot(NULL, b->now, b->slot, 0, 0));
	EACH_HANDLE(b, vdev_removal_slot(b->r, UINT64_MAX, handle, 0, 0), -ENOENT);
	EINVAL_OF(vdev_removal_slot(b->r, UINT64_MAX, b->unit, 0, 0)); /* no slot */
}

static void slot_of_all_ones(struct bad *b)
{
	assert_true(vdev_removal_slot(b->r, b->now, b->slot, UINT32_MAX, UINT32_MAX) >= 0);
	assert_true(vdev_removal_slot(b->r, b->now, b->slot, UINT32_MAX, UINT32_MAX) >= 0);
	assert_true(vdev_removal_slot(b->r, b->now, b->slot, 0, 0) >= 0);
}

static void ready(struct bad *b)
{
	EINVAL_OF(vdev_removal_ready(NULL, b->now, b->unit, 1));
	EINVAL_OF(vdev_removal_ready(NULL, b->now, 0, 1));
	EINVAL_OF(vdev_removal_ready(b->r, UINT64_MAX, b->unit, 2));
	EINVAL_OF(vdev_removal_ready(b->r, UINT64_MAX, 0, UINT32_MAX));
	b->handle_count--; /* 0: all units */
	EACH_HANDLE(b, vdev_removal_ready(b->r, UINT64_MAX, handle, 1), -ENOENT);
}

static void ready_twice(struct bad *b)
{
	assert_int_equal(vdev_removal_ready(b->r, b->now, 0, 1), 0);
	assert_int_equal(vdev_removal_ready(b->r, b->now, 0, 1), 0);
	assert_int_equal(vdev_removal_ready(b->r, b->now, 0, 0), 0);
	assert_int_equal(vdev_removal_ready(b->r, b->now, 0, 0), 0);
}

static const struct bad_row rows[] = {
	{"vdev_removal_ack", ack, ack_twice, 0},
	{"vdev_removal_refuse", refuse, refuse_twice, BAD_GUEST},
	{"vdev_removal_progress", progress, progress_twice, BAD_GUEST},
	{"vdev_removal_ost", ost, ost_of_any_status, BAD_GUEST},
	{"vdev_removal_slot", slot, slot_of_all_ones, 0},
	{"vdev_removal_ready", ready, ready_twice, 0},
};

const struct bad_table bad_guest = BAD_TABLE(rows);
