/* SPDX-License-Identifier: BSD-3-Clause */
/* The runtime with two engines: when one may be attached or detached, and whose timer comes first. */
#include "test_runtime_rig.h"

#include <vdev/zerocopy.h>

#define MS UINT64_C(1000000)

static struct vdev_zerocopy *zerocopy;
static struct vdev_zerocopy_queue *queue;

static int setup(void **state)
{
	const struct vdev_zerocopy_config config = {
		.struct_size = sizeof(config), .max_queues = 1, .max_destinations = 1};
	const struct vdev_zerocopy_queue_config slots = {.struct_size = sizeof(slots), .slots = 16};
	const struct vdev_zerocopy_memory memory = {
		.struct_size = sizeof(memory), .size_bytes = 1 << 20, .granule_bytes = 4096};
	int err = rig_setup(state);

	if (!err)
		err = vdev_zerocopy_new(&zerocopy, NULL, &config);
	if (!err)
		err = vdev_zerocopy_add_memory(zerocopy, &memory);
	return err ? err : vdev_zerocopy_add_queue(zerocopy, &slots, &queue);
}

static int teardown(void **state)
{
	int err = rig_teardown(state);

	vdev_zerocopy_free(zerocopy);
	return err;
}

static void lend(struct rig *r, uint64_t timeout)
{
	const struct vdev_zerocopy_block block = {
		.struct_size = sizeof(block), .length_bytes = 4096, .timeout_ns = timeout};
	uint64_t id = 0;

	assert_int_equal(vdev_zerocopy_reserve(queue, &block, &id), VDEV_ZEROCOPY_LEND);
	assert_true(vdev_zerocopy_sent(queue, vdev_runtime_now(r->rt), id, 4096) >= 0);
	assert_int_equal(vdev_runtime_wake(r->rt), 0);
}

/* Dispatches whenever the fd is readable, until an action of this kind came; at most 10 s. */
static void wait_for(struct rig *r, uint32_t kind)
{
	for (int i = 0; !rig_find(r, kind) && i < 100; i++)
		if (rig_readable(r, 100) > 0)
			assert_true(vdev_runtime_dispatch(r->rt) >= 0);
	assert_non_null(rig_find(r, kind));
}

static int attach_both(struct part *p, const struct vdev_action *a)
{
	struct rig *r = p->rig;

	(void)a;
	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, NULL), -EBUSY);
	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, zerocopy), -EBUSY);
	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), -EBUSY);
	r->extra = r;
	return 0;
}

static void not_while_a_dispatch_runs(void **state)
{
	struct rig *r = *state;

	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, zerocopy), 0);
	r->parts[0].kind = VDEV_ZEROCOPY_OFFLINE;
	r->parts[0].deed = attach_both;
	lend(r, MS);
	wait_for(r, VDEV_ZEROCOPY_ACCESSIBLE);
	assert_ptr_equal(r->extra, r);
	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, NULL), 0);
}

static int later(struct part *p, const struct vdev_action *a)
{
	p->rig->extra = (void *)(uintptr_t)a->id;
	return VDEV_BACKEND_LATER;
}

static void not_while_an_action_is_in_the_background(void **state)
{
	struct rig *r = *state;

	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, zerocopy), 0);
	r->parts[0].kind = VDEV_ZEROCOPY_OFFLINE;
	r->parts[0].deed = later;
	lend(r, MS);
	wait_for(r, VDEV_ZEROCOPY_OFFLINE);
	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, NULL), -EBUSY);
	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), -EBUSY);
	assert_int_equal(vdev_runtime_complete(r->rt, (uint64_t)(uintptr_t)r->extra, 0), 0);
	wait_for(r, VDEV_ZEROCOPY_ACCESSIBLE);
	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, NULL), 0);
}

/* One engine is enough, whichever it is. */
static void zerocopy_alone(void **state)
{
	struct rig *r = *state;

	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), 0);
	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, zerocopy), 0);
	lend(r, MS);
	wait_for(r, VDEV_ZEROCOPY_ACCESSIBLE);
	assert_int_equal(vdev_runtime_set_removal(r->rt, r->removal), 0);
}

/* A request waits for the guest for 20 ms; one block is due long after that, another one at once. */
static void earlier_deadline_of_two(void **state)
{
	struct rig *r = *state;
	struct vdev_removal_request request = {.struct_size = sizeof(request), .ack_ns = 20 * MS};
	uint64_t unit;

	assert_int_equal(vdev_runtime_set_zerocopy(r->rt, zerocopy), 0);
	lend(r, 60000 * MS);
	unit = rig_add_below(r, 0, VDEV_REMOVAL_PCI_FUNCTION, 0);
	vdev_runtime_lock(r->rt);
	assert_true(vdev_removal_request(r->removal, vdev_runtime_now(r->rt), unit, &request) >= 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	wait_for(r, VDEV_REMOVAL_OUTCOME); /* not after 60 s */
	assert_null(rig_find(r, VDEV_ZEROCOPY_OFFLINE));
	lend(r, MS);
	wait_for(r, VDEV_ZEROCOPY_OFFLINE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(not_while_a_dispatch_runs),
		TEST(not_while_an_action_is_in_the_background),
		TEST(zerocopy_alone),
		TEST(earlier_deadline_of_two),
	};

	return cmocka_run_group_tests_name("runtime_attach", tests, NULL, NULL);
}
