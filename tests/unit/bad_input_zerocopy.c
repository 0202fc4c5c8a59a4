/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the zero-copy engine: its objects and events. What guests do is in test_zerocopy_*.c. */
#include "bad_input.h"

static const struct vdev_zerocopy_config good_config = {
	.struct_size = sizeof(good_config), .max_queues = 2, .max_destinations = 2};
static const struct vdev_zerocopy_memory good_memory = {.struct_size = sizeof(good_memory),
							.address = UINT64_C(1) << 40,
							.size_bytes = 4096,
							.granule_bytes = 4096};
static const struct vdev_zerocopy_queue_config good_queue = {.struct_size = sizeof(good_queue),
							     .slots = 16};
static const struct vdev_zerocopy_block good_block = {
	.struct_size = sizeof(good_block), .address = BAD_RAM, .length_bytes = 4096};

/* A call with each id that names no message of the queue or VM. */
#define EACH_ID(b, call, error)                                                                    \
	do {                                                                                       \
		const uint64_t ids_[] = {(b)->over, (b)->lent + 1, (b)->lent + 16,                 \
					 0,         UINT64_MAX,    (b)->lent | UINT64_C(1) << 56}; \
                                                                                                   \
		for (uint32_t i_ = 0; i_ < VT_COUNT(ids_); i_++) {                                 \
			uint64_t id = ids_[i_];                                                    \
                                                                                                   \
			assert_int_equal((call), (error));                                         \
		}                                                                                  \
	} while (0)

static int make(const struct vdev_env *env, const struct vdev_zerocopy_config *config)
{
	struct vdev_zerocopy *made = NULL;
	int ret = vdev_zerocopy_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_zerocopy_free(made);
	return ret;
}

static void new (struct bad *b)
{
	struct vdev_zerocopy_config c = good_config;

	EINVAL_OF(vdev_zerocopy_new(NULL, &b->v.env, &good_config));
	EINVAL_OF(make(&b->v.env, NULL));
	EACH_SIZE(struct vdev_zerocopy_config, good_config, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &good_config), 1);
	c.flags = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
	c = good_config;
	c.max_queues = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
}

static void free_(struct bad *b)
{
	(void)b;
	vdev_zerocopy_free(NULL);
}

static void add_memory(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_add_memory(NULL, &good_memory));
	EINVAL_OF(vdev_zerocopy_add_memory(b->z, NULL));
	EACH_SIZE(struct vdev_zerocopy_memory, good_memory, vdev_zerocopy_add_memory(b->z, in), 0);
}

static void add_memory_newer(struct bad *b)
{
	EACH_SIZE(struct vdev_zerocopy_memory, good_memory, vdev_zerocopy_add_memory(b->z, in), 1);
	assert_int_equal(vdev_zerocopy_add_memory(b->z, &good_memory), -EEXIST);
}

static void remove_memory(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_remove_memory(NULL, BAD_RAM));
	assert_int_equal(vdev_zerocopy_remove_memory(b->z, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_remove_memory(b->z, BAD_RAM + 1), -ENOENT);
	assert_int_equal(vdev_zerocopy_remove_memory(b->z, UINT64_MAX), -ENOENT);
	assert_int_equal(vdev_zerocopy_remove_memory(b->z, BAD_RAM), -EBUSY);
}

static int add_queue_to(struct bad *b, const struct vdev_zerocopy_queue_config *config)
{
	struct vdev_zerocopy_queue *q = NULL;
	int ret = vdev_zerocopy_add_queue(b->z, config, &q);

	assert_true(ret ? q == NULL : q != NULL);
	return ret;
}

static void add_queue(struct bad *b)
{
	struct vdev_zerocopy_queue_config c = good_queue;
	struct vdev_zerocopy_queue *q;

	EINVAL_OF(vdev_zerocopy_add_queue(NULL, &good_queue, &q));
	EINVAL_OF(vdev_zerocopy_add_queue(b->z, &good_queue, NULL));
	EINVAL_OF(add_queue_to(b, NULL));
	EACH_SIZE(struct vdev_zerocopy_queue_config, good_queue, add_queue_to(b, in), 0);
	c.slots = UINT32_MAX;
	EINVAL_OF(add_queue_to(b, &c));
}

static void add_queue_newer(struct bad *b)
{
	EACH_SIZE(struct vdev_zerocopy_queue_config, good_queue, add_queue_to(b, in), 1);
	assert_int_equal(add_queue_to(b, &good_queue), -ENOSPC);
}

static void queue_at(struct bad *b)
{
	struct vdev_zerocopy_queue *q = NULL;

	EINVAL_OF(vdev_zerocopy_queue_at(NULL, 0, &q));
	EINVAL_OF(vdev_zerocopy_queue_at(b->z, 0, NULL));
	assert_int_equal(vdev_zerocopy_queue_at(b->z, 1, &q), -ENOENT);
	assert_int_equal(vdev_zerocopy_queue_at(b->z, UINT32_MAX, &q), -ENOENT);
	assert_null(q);
}

static int reserve_of(struct bad *b, const struct vdev_zerocopy_block *block)
{
	uint64_t id = 77;
	int ret = vdev_zerocopy_reserve(b->q, block, &id);

	if (ret)
		assert_int_equal(id, 77);
	return ret;
}

static void reserve(struct bad *b)
{
	struct vdev_zerocopy_block k = good_block;
	uint64_t id;

	EINVAL_OF(vdev_zerocopy_reserve(NULL, &good_block, &id));
	EINVAL_OF(vdev_zerocopy_reserve(b->q, &good_block, NULL));
	EINVAL_OF(reserve_of(b, NULL));
	EACH_SIZE(struct vdev_zerocopy_block, good_block, reserve_of(b, in), 0);
	k.destination = 2;
	EINVAL_OF(reserve_of(b, &k));
	k = good_block;
	k.address = UINT64_MAX;
	assert_int_equal(reserve_of(b, &k), -EFAULT);
}

static void reserve_newer(struct bad *b)
{
	EACH_SIZE(struct vdev_zerocopy_block, good_block, reserve_of(b, in), 1);
}

static void sent(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_sent(NULL, b->now, b->reserved, 1));
	EINVAL_OF(vdev_zerocopy_sent(b->q, b->now, b->reserved, 0));
	EINVAL_OF(vdev_zerocopy_sent(b->q, b->now, b->reserved, 4097));
	EINVAL_OF(vdev_zerocopy_sent(b->q, b->now, b->reserved, UINT64_MAX));
	EACH_ID(b, vdev_zerocopy_sent(b->q, b->now, id, 1), -ENOENT);
	assert_int_equal(vdev_zerocopy_sent(b->q, UINT64_MAX, b->lent, 1), -ENOENT);
}

static void abort_(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_abort(NULL, b->reserved));
	EACH_ID(b, vdev_zerocopy_abort(b->q, id), -ENOENT);
	assert_int_equal(vdev_zerocopy_abort(b->q, b->lent), -ENOENT);
}

static void complete(struct bad *b)
{
	const uint32_t task = VDEV_ZEROCOPY_TASK;
	uint64_t settled = 77;

	EINVAL_OF(vdev_zerocopy_complete(NULL, b->lent, b->lent, task, &settled));
	EINVAL_OF(vdev_zerocopy_complete(b->q, b->lent, b->lent, 0, &settled));
	EINVAL_OF(vdev_zerocopy_complete(b->q, b->lent, b->lent, UINT32_MAX, &settled));
	EINVAL_OF(vdev_zerocopy_complete(b->q, b->lent, b->lent, VDEV_ZEROCOPY_COPIED, &settled));
	EINVAL_OF(vdev_zerocopy_complete(b->q, b->lent, b->lent - 1, task, &settled));
	EINVAL_OF(vdev_zerocopy_complete(b->q, b->lent, b->lent + 64, task, &settled));
	EINVAL_OF(vdev_zerocopy_complete(b->q, 0, UINT64_MAX, task, &settled));
	EACH_ID(b, vdev_zerocopy_complete(b->q, id, id, task, &settled), -ENOENT);
	EACH_ID(b, vdev_zerocopy_complete(b->q, id, id, task, NULL), -ENOENT);
	assert_int_equal(settled, 77);
}

static void expire(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_expire(NULL, UINT64_MAX));
	assert_int_equal(vdev_zerocopy_expire(b->q, 0), 0);
}

static void cost(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_cost(NULL, VDEV_ZEROCOPY_LEND, 1, 1));
	EINVAL_OF(vdev_zerocopy_cost(b->q, 2, 1, 1));
	EINVAL_OF(vdev_zerocopy_cost(b->q, UINT32_MAX, 1, 1));
	EINVAL_OF(vdev_zerocopy_cost(b->q, 0, 0, 1));
	EINVAL_OF(vdev_zerocopy_cost(b->q, 0, UINT64_MAX, 1));
	assert_int_equal(vdev_zerocopy_cost(b->q, 0, 1, UINT64_MAX), -EOPNOTSUPP);
}

static void threshold(struct bad *b)
{
	(void)vdev_zerocopy_threshold(NULL);
	assert_int_equal(vdev_zerocopy_threshold(b->q), 0);
}

static void reclaim(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_reclaim(NULL, b->now, b->lent, 0));
	EINVAL_OF(vdev_zerocopy_reclaim(b->z, b->now, b->lent, 3));
	EINVAL_OF(vdev_zerocopy_reclaim(b->z, b->now, b->lent, UINT32_MAX));
	EACH_ID(b, vdev_zerocopy_reclaim(b->z, b->now, id, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_reclaim(b->z, b->now, b->taken, 0), -EALREADY);
}

static void reclaim_all(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_reclaim_all(NULL, b->now, NULL, 0, 0));
	EINVAL_OF(vdev_zerocopy_reclaim_all(b->z, b->now, NULL, 3, 0));
	EINVAL_OF(vdev_zerocopy_reclaim_all(b->z, b->now, NULL, 0, UINT32_MAX));
	EINVAL_OF(vdev_zerocopy_reclaim_all(b->z, b->now, b->q, 0, VDEV_ZEROCOPY_WHOLE));
	EINVAL_OF(vdev_zerocopy_reclaim_all(b->z, b->now, b->foreign_queue, 0, 0));
	EINVAL_OF(vdev_zerocopy_reclaim_all(b->z, b->now, NULL, VDEV_ZEROCOPY_RESET,
					    VDEV_ZEROCOPY_WHOLE));
}

static void reset_begin(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_reset_begin(NULL, b->now, 0, 0));
	EINVAL_OF(vdev_zerocopy_reset_begin(b->z, b->now, 3, 0));
	EINVAL_OF(vdev_zerocopy_reset_begin(b->z, b->now, 0, UINT32_MAX));
}

static void reset_end(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_reset_end(NULL, b->now));
	assert_int_equal(vdev_zerocopy_reset_end(b->z, UINT64_MAX), -EBUSY);
}

static void next(struct bad *b)
{
	struct vdev_action a;

	EINVAL_OF(vdev_zerocopy_next(NULL, &a, sizeof(a)));
	EINVAL_OF(vdev_zerocopy_next(b->z, NULL, sizeof(a)));
	EINVAL_OF(vdev_zerocopy_next(b->z, &a, 0));
}

static void done(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_done(NULL, b->now, b->zerocopy_action, 0));
	EINVAL_OF(vdev_zerocopy_done(b->z, b->now, b->zerocopy_action, 1));
	EINVAL_OF(vdev_zerocopy_done(b->z, b->now, 0, INT32_MAX));
	EACH_ID(b, vdev_zerocopy_done(b->z, b->now, id, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_done(b->z, b->now, ~b->zerocopy_action, 0), -ENOENT);
	assert_int_equal(vdev_zerocopy_done(b->z, b->now, b->zerocopy_action + 1, -EIO), -ENOENT);
}

static void step(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_step(NULL, b->now));
	assert_true(vdev_zerocopy_step(b->z, 0) >= 0);
}

static void deadline(struct bad *b)
{
	uint64_t ns = 77;

	EINVAL_OF(vdev_zerocopy_deadline(NULL, &ns));
	EINVAL_OF(vdev_zerocopy_deadline(b->z, NULL));
	assert_int_equal(ns, 77);
}

static void get(struct bad *b)
{
	struct vdev_zerocopy_info info, before;

	memset(&info, 0x55, sizeof(info));
	before = info;
	EINVAL_OF(vdev_zerocopy_get(NULL, b->lent, &info, sizeof(info)));
	EINVAL_OF(vdev_zerocopy_get(b->z, b->lent, NULL, sizeof(info)));
	EINVAL_OF(vdev_zerocopy_get(b->z, b->lent, &info, 0));
	EACH_ID(b, vdev_zerocopy_get(b->z, id, &info, sizeof(info)), -ENOENT);
	assert_memory_equal(&info, &before, sizeof(info));
}

static void set_user_data(struct bad *b)
{
	EINVAL_OF(vdev_zerocopy_set_user_data(NULL, b->lent, 1));
	EACH_ID(b, vdev_zerocopy_set_user_data(b->z, id, 1), -ENOENT);
}

static void walk(struct bad *b)
{
	struct vdev_zerocopy_info info;
	uint64_t cursor = 0;

	EINVAL_OF(vdev_zerocopy_walk(NULL, &cursor, &info, sizeof(info)));
	EINVAL_OF(vdev_zerocopy_walk(b->z, NULL, &info, sizeof(info)));
	EINVAL_OF(vdev_zerocopy_walk(b->z, &cursor, NULL, sizeof(info)));
	EINVAL_OF(vdev_zerocopy_walk(b->z, &cursor, &info, 0));
	assert_int_equal(cursor, 0);
	for (cursor = UINT64_MAX; cursor > UINT32_MAX; cursor /= 2)
		assert_int_equal(vdev_zerocopy_walk(b->z, &cursor, &info, sizeof(info)), 0);
}

static void stats(struct bad *b)
{
	struct vdev_zerocopy_stats s;

	EINVAL_OF(vdev_zerocopy_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_zerocopy_stats(b->z, NULL, sizeof(s)));
	EINVAL_OF(vdev_zerocopy_stats(b->z, &s, 0));
}

static const struct bad_row rows[] = {
	{"vdev_zerocopy_new", new, NULL, 0},
	{"vdev_zerocopy_free", free_, NULL, 0},
	{"vdev_zerocopy_add_memory", add_memory, add_memory_newer, 0},
	{"vdev_zerocopy_remove_memory", remove_memory, NULL, 0},
	{"vdev_zerocopy_add_queue", add_queue, add_queue_newer, 0},
	{"vdev_zerocopy_queue_at", queue_at, NULL, 0},
	{"vdev_zerocopy_reserve", reserve, reserve_newer, BAD_REFUSED},
	{"vdev_zerocopy_sent", sent, NULL, 0},
	{"vdev_zerocopy_abort", abort_, NULL, 0},
	{"vdev_zerocopy_complete", complete, NULL, BAD_STALE},
	{"vdev_zerocopy_expire", expire, NULL, 0},
	{"vdev_zerocopy_cost", cost, NULL, 0},
	{"vdev_zerocopy_threshold", threshold, NULL, 0},
	{"vdev_zerocopy_reclaim", reclaim, NULL, 0},
	{"vdev_zerocopy_reclaim_all", reclaim_all, NULL, 0},
	{"vdev_zerocopy_reset_begin", reset_begin, NULL, 0},
	{"vdev_zerocopy_reset_end", reset_end, NULL, 0},
	{"vdev_zerocopy_next", next, NULL, 0},
	{"vdev_zerocopy_done", done, NULL, BAD_ZEROCOPY_DONE},
	{"vdev_zerocopy_step", step, NULL, 0},
	{"vdev_zerocopy_deadline", deadline, NULL, 0},
	{"vdev_zerocopy_get", get, NULL, 0},
	{"vdev_zerocopy_set_user_data", set_user_data, NULL, 0},
	{"vdev_zerocopy_walk", walk, NULL, 0},
	{"vdev_zerocopy_stats", stats, NULL, 0},
};

const struct bad_table bad_zerocopy = BAD_TABLE(rows);
