/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: receive buffers are lent while another thread replaces the whole VM's memory, over and
 * over (Z11). Each buffer is pinned after reserve() and written before complete(). If the memory was replaced
 * in between, what was written is in pages that the guest no longer has: then its outcome must not be COMPLETED.
 */
#include "test_zerocopy_rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define RUN_NS 2000000000u
#define FEWEST 2000u
#define MOST (1u << 22) /* messages */

enum { PENDING, GOOD, VOID };

static struct vdev_zerocopy *vm;
static struct vdev_zerocopy_queue *queue;
static _Atomic uint64_t replaced; /* odd: just now */
static _Atomic unsigned char written[MOST]; /* by id: GOOD or VOID, before it is complete */
static _Atomic int owner_ended;
static _Atomic uint64_t void_as_good, good, failed;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void told(uint64_t id, int outcome)
{
	int wrong = outcome == VDEV_ZEROCOPY_COMPLETED && atomic_load(&written[id % MOST]) == VOID;

	atomic_fetch_add(&void_as_good, (uint64_t)wrong);
	atomic_fetch_add(outcome == VDEV_ZEROCOPY_COMPLETED ? &good : &failed, 1);
}

static void idle(uint32_t turns)
{
	for (volatile uint32_t n = 0; n < turns; n++)
		;
}

static void receive_one(uint64_t id, uint32_t n)
{
	uint64_t pinned = atomic_load(&replaced), settled = 0;
	int ret;

	/* Now and then it is filled before sent() is called. */
	if (n % 4)
		ret = vdev_zerocopy_sent(queue, 0, id, VZ_PAGE);
	idle(n % 128);
	atomic_store(&written[id % MOST], atomic_load(&replaced) == pinned ? GOOD : VOID);
	vdev_zerocopy_complete(queue, id, id, VDEV_ZEROCOPY_TASK, &settled);
	if (n % 4 == 0)
		ret = vdev_zerocopy_sent(queue, 0, id, VZ_PAGE);
	if (settled || (ret > 0 && ret & VDEV_ZEROCOPY_SETTLED))
		told(id, VDEV_ZEROCOPY_COMPLETED);
}

static void *owner(void *arg)
{
	uint64_t end = now_ns() + (getenv("VDEV_TEST_SLOW") ? RUN_NS / 10 : RUN_NS), id = 0;

	(void)arg;
	for (uint32_t n = 1; (n % 64 || now_ns() < end || id < FEWEST) && id < MOST - 1; n++) {
		const struct vdev_zerocopy_block block = {.struct_size = sizeof(block),
							  .address = VZ_RAM + n % 16 * VZ_PAGE,
							  .length_bytes = VZ_PAGE,
							  .flags = VDEV_ZEROCOPY_RECEIVE};

		if (vdev_zerocopy_reserve(queue, &block, &id) == VDEV_ZEROCOPY_LEND)
			receive_one(id, n);
		else if (n % 256 == 0)
			sched_yield();
	}
	atomic_store(&owner_ended, 1);
	return NULL;
}

static void drain(void)
{
	struct vdev_action a;

	while (vdev_zerocopy_next(vm, &a, sizeof(a)) == 1) {
		if (a.kind == VDEV_ZEROCOPY_OFFLINE && a.flags & VDEV_ZEROCOPY_WHOLE) {
			atomic_fetch_add(&replaced, 1);
			idle(200);
			atomic_fetch_add(&replaced, 1);
		} else if (a.kind == VDEV_ZEROCOPY_ACCESSIBLE) {
			told(a.dev, (int)a.arg[2]);
		}
		assert_true(vdev_zerocopy_done(vm, 0, a.id, 0) >= 0);
	}
}

static void z11_void_is_never_told_as_received(void **state)
{
	uint64_t rounds = 0;
	pthread_t thread;

	vm = ((struct vt_zerocopy *)*state)->z;
	queue = ((struct vt_zerocopy *)*state)->q[0];
	assert_int_equal(pthread_create(&thread, NULL, owner, NULL), 0);
	for (; !atomic_load(&owner_ended); rounds++) {
		vdev_zerocopy_step(vm, 0);
		drain();
		idle(rounds % 512);
		vdev_zerocopy_reclaim_all(vm, 0, NULL, VDEV_ZEROCOPY_PRESERVE, VDEV_ZEROCOPY_WHOLE);
		drain();
	}
	pthread_join(thread, NULL);
	vdev_zerocopy_step(vm, 0);
	drain();
	print_message(
		"whole VM replaced %llu, received %llu, failed %llu, void told as received %llu\n",
		(unsigned long long)atomic_load(&replaced) / 2,
		(unsigned long long)atomic_load(&good), (unsigned long long)atomic_load(&failed),
		(unsigned long long)atomic_load(&void_as_good));
	assert_true(rounds && good && failed);
	assert_int_equal(void_as_good, 0);
	expect_nothing(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z11_void_is_never_told_as_received),
	};

	return cmocka_run_group_tests_name("zerocopy_void", tests, NULL, NULL);
}
