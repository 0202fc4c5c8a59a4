/* SPDX-License-Identifier: BSD-3-Clause */
/* The runtime with the zero-copy engine attached, alone and beside the removal engine. */
#include "test_runtime_rig.h"

#include <vdev/zerocopy.h>

#define MS UINT64_C(1000000)
#define MESSAGE_DATA UINT64_C(0xabc)

static struct vdev_zerocopy *zerocopy;
static struct vdev_zerocopy_queue *queue;

static int setup(void **state)
{
	const struct vdev_zerocopy_config config = {.struct_size = sizeof(config),
						    .max_queues = 1,
						    .max_destinations = 1,
						    .timeout_ns = MS,
						    .offline_ns = 20 * MS};
	const struct vdev_zerocopy_queue_config slots = {.struct_size = sizeof(slots), .slots = 16};
	const struct vdev_zerocopy_memory memory = {
		.struct_size = sizeof(memory), .size_bytes = 1 << 20, .granule_bytes = 4096};
	int err = rig_setup(state);

	if (!err)
		err = vdev_zerocopy_new(&zerocopy, NULL, &config);
	if (!err)
		err = vdev_zerocopy_add_memory(zerocopy, &memory);
	if (!err)
		err = vdev_zerocopy_add_queue(zerocopy, &slots, &queue);
	return err ? err : vdev_runtime_set_zerocopy(((struct rig *)*state)->rt, zerocopy);
}

static int teardown(void **state)
{
	int err = rig_teardown(state);

	vdev_zerocopy_free(zerocopy);
	return err;
}

/* A block of one page goes out; its receiver is stuck. */
static uint64_t lend(struct rig *r)
{
	const struct vdev_zerocopy_block block = {.struct_size = sizeof(block),
						  .address = 0x4000,
						  .length_bytes = 4096,
						  .user_data = MESSAGE_DATA};
	uint64_t id = 0;

	assert_int_equal(vdev_zerocopy_reserve(queue, &block, &id), VDEV_ZEROCOPY_LEND);
	assert_int_equal(vdev_zerocopy_sent(queue, vdev_runtime_now(r->rt), id, 4096),
			 VDEV_ZEROCOPY_WAKE);
	assert_int_equal(vdev_runtime_wake(r->rt), 0);
	return id;
}

/* Dispatches whenever the fd is readable, until an action of this kind came; at most 10 s. */
static const struct note *wait_for(struct rig *r, uint32_t kind)
{
	struct pollfd p = {.fd = vdev_runtime_fd(r->rt), .events = POLLIN};
	const struct note *n = rig_find(r, kind);

	for (int i = 0; !n && i < 100; i++) {
		if (poll(&p, 1, 100) > 0)
			assert_true(vdev_runtime_dispatch(r->rt) >= 0);
		n = rig_find(r, kind);
	}
	assert_non_null(n);
	return n;
}

static void timer_reclaims_and_the_late_completion_wakes(void **state)
{
	struct rig *r = *state;
	uint64_t id = lend(r);
	const struct note *n = wait_for(r, VDEV_ZEROCOPY_ACCESSIBLE);

	assert_int_equal(n->dev, id);
	assert_int_equal(n->action.user_data, MESSAGE_DATA);
	assert_int_equal(n->action.arg[2], VDEV_ZEROCOPY_RECLAIMED);
	assert_int_equal(rig_find(r, VDEV_ZEROCOPY_OFFLINE)->action.arg[0], 0x4000);
	assert_null(rig_find(r, VDEV_ZEROCOPY_RELEASE));
	assert_int_equal(vdev_zerocopy_complete(queue, id, id, VDEV_ZEROCOPY_TASK, NULL),
			 VDEV_ZEROCOPY_WAKE);
	vdev_runtime_wake(r->rt);
	assert_int_equal(wait_for(r, VDEV_ZEROCOPY_RELEASE)->dev, id);
	assert_int_equal(rig_stats(r).actions, 3);
	assert_int_equal(rig_stats(r).failed, 0);
}

static int later(struct part *p, const struct vdev_action *a)
{
	p->rig->extra = (void *)(uintptr_t)a->id;
	return VDEV_BACKEND_LATER;
}

static void action_in_the_background_is_cancelled(void **state)
{
	struct rig *r = *state;
	const struct note *cancel;
	uint64_t id;

	r->parts[0].kind = VDEV_ZEROCOPY_OFFLINE;
	r->parts[0].deed = later;
	lend(r);
	cancel = wait_for(r, VDEV_CANCEL);
	id = (uint64_t)(uintptr_t)r->extra;
	assert_int_equal(cancel->action.arg[0], id);
	assert_int_equal(cancel->action.arg[1], VDEV_ZEROCOPY_OFFLINE);
	assert_int_equal(vdev_runtime_complete(r->rt, id, -ECANCELED), 0);
	assert_int_equal((int64_t)wait_for(r, VDEV_ZEROCOPY_REFUSED)->action.arg[2], -ECANCELED);
}

static void ids_of_the_engines_are_apart(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r), ids[2];

	r->parts[0].kind = VDEV_ZEROCOPY_OFFLINE;
	r->parts[0].deed = later;
	lend(r);
	wait_for(r, VDEV_ZEROCOPY_OFFLINE);
	ids[0] = (uint64_t)(uintptr_t)r->extra;
	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	rig_request(r, unit, 0);
	vdev_runtime_wake(r->rt);
	wait_for(r, VDEV_REMOVAL_DRAIN);
	ids[1] = (uint64_t)(uintptr_t)r->extra;
	assert_int_not_equal(ids[0], ids[1]);
	assert_int_equal(vdev_runtime_complete(r->rt, ids[1], 0), 0);
	assert_int_equal(vdev_runtime_complete(r->rt, ids[0], 0), 0);
	wait_for(r, VDEV_ZEROCOPY_ACCESSIBLE);
	assert_true(rig_gone(r, unit));
}

static void what_nobody_performs_is_refused(void **state)
{
	struct rig *r = *state;
	struct vdev_zerocopy_info info;
	uint64_t id;

	r->parts[0].rest = -EOPNOTSUPP;
	id = lend(r);
	assert_int_equal((int64_t)wait_for(r, VDEV_ZEROCOPY_REFUSED)->action.arg[2], -EOPNOTSUPP);
	assert_int_equal(rig_stats(r).unclaimed, 1); /* REFUSED itself is a notice */
	assert_int_equal(vdev_zerocopy_get(zerocopy, id, &info, sizeof(info)), 0);
	assert_int_equal(info.state, VDEV_ZEROCOPY_SENT);
}

static void attaching(void **state)
{
	struct rig *r = *state;

	assert_int_equal(vdev_runtime_set_zerocopy(NULL, zerocopy), -EINVAL);
	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, zerocopy), -EBUSY);
	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, NULL), 0);
	lend(r);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, zerocopy), 0);
	assert_int_equal(rig_readable(r, 0), 1);
	wait_for(r, VDEV_ZEROCOPY_ACCESSIBLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timer_reclaims_and_the_late_completion_wakes),
		TEST(action_in_the_background_is_cancelled),
		TEST(ids_of_the_engines_are_apart),
		TEST(what_nobody_performs_is_refused),
		TEST(attaching),
	};

	return cmocka_run_group_tests_name("runtime_zerocopy", tests, NULL, NULL);
}
