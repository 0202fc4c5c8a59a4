/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * core/table: readers beside one writer. TSan says nothing about a protocol made of atomics, so the
 * readers count what they must never see:
 *
 *   torn     a payload that the handle never had
 *   stale    a handle that had ended before the look began, still found
 *   missed   a handle that lives all the time, not found or with another payload
 */
#include "vt_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "core/table.h"

#define LIMIT 2000u
#define STABLE 0u /* index that lives all the time */
#define STABLE_PAYLOAD 0xabcdefu
#define READERS 2
#define RUN_NS 400000000

static const struct vdev_env env; /* malloc and free */
static struct vdev__table table;
static _Atomic uint64_t published; /* a handle that lives or lived */
static _Atomic uint64_t ended; /* a handle that has ended */
static atomic_int stop;

struct counts {
	uint64_t lookups, found, torn, stale, missed;
	uint64_t stable;
};

static uint32_t payload_of(uint64_t handle)
{
	return (uint32_t)(handle * UINT64_C(0x9e3779b97f4a7c15) >> 40) | 1;
}

static void look(struct counts *c)
{
	uint64_t gone = atomic_load(&ended);
	uint64_t handle = atomic_load(&published);
	uint32_t payload = 0;

	c->lookups += 3;
	if (!vdev__table_peek(&table, handle, &payload)) {
		c->found++;
		c->torn += payload && payload != payload_of(handle);
	}
	c->stale += !vdev__table_peek(&table, gone, &payload);
	c->missed += vdev__table_peek(&table, c->stable, &payload) || payload != STABLE_PAYLOAD;
}

static void *reader(void *arg)
{
	struct counts *c = arg;

	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		look(c);
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* One handle's life: born, known to the readers, given its payload, perhaps renewed, ended. */
static void one_life(uint32_t round)
{
	uint64_t handle;
	uint32_t index;

	if (vdev__table_new(&table, &index)) /* full: make room, so that chunks come and fill up */
		for (index = STABLE + 1; index < LIMIT; index++)
			vdev__table_del(&table, index);
	handle = vdev__table_handle(&table, index);
	if (!handle)
		return;
	atomic_store(&published, handle);
	vdev__table_set_payload(&table, index, payload_of(handle));
	if (round % 4 == 0)
		return; /* stays for a while */
	if (round % 2) {
		uint64_t renewed = vdev__table_renew(&table, index);

		atomic_store(&ended, handle);
		atomic_store(&published, renewed);
		vdev__table_set_payload(&table, index, payload_of(renewed));
		handle = renewed;
	}
	vdev__table_del(&table, index);
	atomic_store(&ended, handle);
}

static uint32_t run_writer(void)
{
	uint64_t end = now_ns() + RUN_NS;
	uint32_t round;

	for (round = 1; round % 256 || now_ns() < end; round++) {
		one_life(round);
		if (round % 256 == 0)
			sched_yield(); /* one CPU, or valgrind: let the readers look too */
	}
	atomic_store(&stop, 1);
	return round;
}

static void readers_beside_a_writer(void **state)
{
	struct counts c[READERS] = {{0}};
	pthread_t threads[READERS];
	uint32_t index, rounds;
	int i;

	(void)state;
	assert_int_equal(vdev__table_init(&table, &env, 64, LIMIT), 0);
	assert_int_equal(vdev__table_new(&table, &index), 0);
	assert_int_equal(index, STABLE);
	vdev__table_set_payload(&table, STABLE, STABLE_PAYLOAD);
	for (i = 0; i < READERS; i++) {
		c[i].stable = vdev__table_handle(&table, STABLE);
		assert_int_equal(pthread_create(&threads[i], NULL, reader, &c[i]), 0);
	}
	rounds = run_writer();
	for (i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		print_message("reader %d: lookups %llu torn %llu missed %llu stale %llu, beside %u "
			      "rounds\n",
			      i, (unsigned long long)c[i].lookups, (unsigned long long)c[i].torn,
			      (unsigned long long)c[i].missed, (unsigned long long)c[i].stale,
			      rounds);
		assert_true(c[i].found > 0);
		assert_true(c[i].torn == 0 && c[i].stale == 0 && c[i].missed == 0);
	}
	vdev__table_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_beside_a_writer),
	};

	return cmocka_run_group_tests_name("core_table_stress", tests, NULL, NULL);
}
