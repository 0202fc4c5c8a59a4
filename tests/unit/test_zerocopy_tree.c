/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: deadlines of queues of all sizes against a scan of all messages: the earliest one is
 * exact whatever was completed before, and what is due is claimed, no more and no less (Z2).
 */
#include "vt_test.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/zerocopy.h>

#define BASE UINT64_C(0x100000)
#define MS UINT64_C(1000000)
#define PAGE UINT64_C(4096)
#define MOST (UINT32_C(1) << 15)

struct fixture {
	struct vt_env v;
	struct vdev_zerocopy *z;
	struct vdev_zerocopy_queue *q;
	struct vt_rand rand;
	uint64_t now;
	uint32_t slots, used; /* messages so far */
	uint64_t id[MOST], deadline[MOST]; /* VDEV_NONE: over, or claimed */
	uint64_t least; /* not later than any of them, nor than any before */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	vt_env_init(&f->v);
	vt_rand_init(&f->rand, "zerocopy_tree", 17);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int leaked;

	vdev_zerocopy_free(f->z);
	leaked = vt_env_check(&f->v);
	free(f);
	return leaked;
}

static void begin(struct fixture *f, uint32_t slots)
{
	const struct vdev_zerocopy_config config = {.struct_size = sizeof(config),
						    .max_queues = 1,
						    .max_destinations = 1,
						    .destination_blocks = 2 * MOST,
						    .max_slots = MOST};
	const struct vdev_zerocopy_memory memory = {.struct_size = sizeof(memory),
						    .address = BASE,
						    .size_bytes = MOST * PAGE,
						    .granule_bytes = PAGE};
	const struct vdev_zerocopy_queue_config queue = {.struct_size = sizeof(queue),
							 .slots = slots};

	vdev_zerocopy_free(f->z);
	f->slots = slots;
	f->used = 0;
	f->now = 1000 * MS;
	f->least = VDEV_NONE;
	assert_int_equal(vdev_zerocopy_new(&f->z, &f->v.env, &config), 0);
	assert_int_equal(vdev_zerocopy_add_memory(f->z, &memory), 0);
	assert_int_equal(vdev_zerocopy_add_queue(f->z, &queue, &f->q), 0);
}

static uint64_t earliest(const struct fixture *f)
{
	uint64_t min = VDEV_NONE;

	for (uint32_t i = 0; i < f->used; i++)
		min = f->deadline[i] < min ? f->deadline[i] : min;
	return min;
}

static void check(struct fixture *f)
{
	uint64_t ns = VDEV_NONE, min = earliest(f);

	assert_int_equal(vdev_zerocopy_deadline(f->z, &ns), min != VDEV_NONE);
	assert_int_equal(ns, min);
}

/* It wakes the VM object when the deadline is before all others, and only then. */
static void lend(struct fixture *f, uint64_t timeout)
{
	struct vdev_zerocopy_block b = {.struct_size = sizeof(b),
					.address = BASE + f->used * PAGE,
					.length_bytes = 1,
					.timeout_ns = timeout};
	uint32_t i = f->used;
	int ret;

	assert_int_equal(vdev_zerocopy_reserve(f->q, &b, &f->id[i]), VDEV_ZEROCOPY_LEND);
	ret = vdev_zerocopy_sent(f->q, f->now, f->id[i], 1);
	f->deadline[i] = f->now + timeout;
	assert_int_equal(ret, f->deadline[i] < f->least ? VDEV_ZEROCOPY_WAKE : 0);
	f->least = f->deadline[i] < f->least ? f->deadline[i] : f->least;
	f->used++;
}

static void complete(struct fixture *f, uint32_t i)
{
	uint64_t settled = 0;

	assert_int_equal(
		vdev_zerocopy_complete(f->q, f->id[i], f->id[i], VDEV_ZEROCOPY_TASK, &settled), 0);
	assert_int_equal(settled, 1);
	f->deadline[i] = VDEV_NONE;
}

/* How many are due by now; they are not timed any more. */
static uint32_t due(struct fixture *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->used; i++)
		if (f->deadline[i] <= f->now) {
			f->deadline[i] = VDEV_NONE;
			n++;
		}
	return n;
}

/* All that were claimed are taken up, refused, and so never due again. */
static void refuse(struct fixture *f, uint32_t wanted)
{
	struct vdev_zerocopy_stats before, after;
	struct vdev_action a;

	assert_int_equal(vdev_zerocopy_stats(f->z, &before, sizeof(before)), 0);
	while (vdev_zerocopy_next(f->z, &a, sizeof(a)) == 1)
		assert_true(vdev_zerocopy_done(f->z, f->now, a.id,
					       a.kind == VDEV_ZEROCOPY_OFFLINE ? -EIO : 0) >= 0);
	assert_int_equal(vdev_zerocopy_stats(f->z, &after, sizeof(after)), 0);
	assert_int_equal(after.reclaim_refused - before.reclaim_refused, wanted);
}

/* The queue's own thread claims in one round, the VM object in the next. */
static void pass(struct fixture *f, uint64_t ns, bool step)
{
	uint32_t n;

	f->now += ns;
	n = due(f);
	if (!step)
		assert_int_equal(vdev_zerocopy_expire(f->q, f->now), n);
	assert_true(vdev_zerocopy_step(f->z, f->now) >= 0);
	refuse(f, n);
	check(f);
	f->least = earliest(f);
}

static void full_queue(struct fixture *f, uint32_t slots)
{
	begin(f, slots);
	check(f);
	for (uint32_t i = 0; i < slots; i++)
		lend(f, MS * (1 + vt_below(&f->rand, 1000)));
	check(f);
	for (uint32_t i = 0; i < slots; i++)
		if (vt_chance(&f->rand, 50))
			complete(f, i);
	check(f);
	for (uint32_t n = 0; n < 12; n++)
		pass(f, vt_below(&f->rand, 100 * MS), n & 1);
	pass(f, 1000 * MS, true);
	assert_int_equal(earliest(f), VDEV_NONE);
}

static void z2_queues_of_all_sizes(void **state)
{
	for (uint32_t slots = 16; slots <= MOST; slots *= 2)
		full_queue(*state, slots);
}

/* Whatever is completed before, the next deadline is exact, also when only the last slot has one. */
static void z2_the_last_one_left(void **state)
{
	struct fixture *f = *state;

	begin(f, 2048);
	for (uint32_t i = 0; i < 1024; i++)
		lend(f, (i + 1) * MS);
	for (uint32_t i = 0; i < 1023; i++) {
		complete(f, i);
		if (i % 37 == 0)
			check(f);
	}
	check(f);
	assert_int_equal(earliest(f), f->now + 1024 * MS);
	complete(f, 1023);
	check(f); /* none */
	pass(f, 5000 * MS, true);
}

/* An earlier one behind later ones, in another part of the queue. */
static void z2_earlier_than_all_before(void **state)
{
	struct fixture *f = *state;

	begin(f, 4096);
	for (uint32_t i = 0; i < 1500; i++) {
		lend(f, (2000 - i) * MS);
		if (i % 100 == 0)
			check(f);
	}
	check(f);
	for (uint32_t i = 1499; i > 1000; i--)
		complete(f, i);
	check(f);
	pass(f, 1200 * MS, false);
}

/* What was refused has no deadline: also the end of time is not it. */
static void z2_the_end_of_time(void **state)
{
	struct fixture *f = *state;

	begin(f, 16);
	lend(f, 5 * MS);
	pass(f, 5 * MS, true);
	lend(f, 10 * MS);
	assert_int_equal(vdev_zerocopy_expire(f->q, VDEV_NONE), 1);
	assert_int_equal(vdev_zerocopy_expire(f->q, VDEV_NONE), 0);
	assert_int_equal(vdev_zerocopy_step(f->z, VDEV_NONE), 1);
	refuse(f, 1);
	f->used = 0;
	check(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(z2_queues_of_all_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(z2_the_last_one_left, setup, teardown),
		cmocka_unit_test_setup_teardown(z2_earlier_than_all_before, setup, teardown),
		cmocka_unit_test_setup_teardown(z2_the_end_of_time, setup, teardown),
	};

	return cmocka_run_group_tests_name("zerocopy_tree", tests, NULL, NULL);
}
