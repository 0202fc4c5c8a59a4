/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: two threads that meet at the same message at the same moment, over and over (Z7).
 * test_zerocopy_stress.c lets them meet by chance; here each round is a race, of two completions or of a
 * completion and the time-out, and whoever wins, the guest is told once.
 */
#define _GNU_SOURCE /* processors of threads */
#include "test_zerocopy_rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 200000u /* if there is time for them */
#define RUN_NS 4000000000u
#define SPIN 2000u /* looks before the processor is given up: there may be one only */

static struct vt_zerocopy *vz;
static _Atomic uint64_t begun, ended; /* rounds */
static _Atomic int other_told, stop;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void await(_Atomic uint64_t *count, uint64_t round)
{
	for (uint32_t n = 0; atomic_load(count) < round && !atomic_load(&stop); n++)
		if (n >= SPIN)
			sched_yield();
}

static int completes(uint32_t flags)
{
	int ret = vz_complete(vz, 'a', flags);

	return ret > 0 && ret & OVER;
}

/* On one processor they would hardly ever meet. Which of those that the process may use: 0, 1, .. */
static void settle_on(uint32_t which)
{
	cpu_set_t all, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && which-- == 0)
			CPU_SET(cpu, &one);
	if (CPU_COUNT(&one))
		sched_setaffinity(0, sizeof(one), &one);
}

static void *other(void *arg)
{
	(void)arg;
	settle_on(1);
	for (uint64_t round = 1; !atomic_load(&stop); round++) {
		await(&begun, round);
		if (atomic_load(&stop))
			break;
		if (round % 2)
			atomic_store(&other_told, completes(RESPONSE));
		else
			vdev_zerocopy_expire(vz->q[0], vz->now + VZ_TIMEOUT);
		atomic_store(&ended, round);
	}
	return NULL;
}

/* Returns how often the guest was told. */
static uint32_t one_round(uint64_t round)
{
	uint32_t told;

	atomic_store(&other_told, 0);
	lend(vz, 'a');
	atomic_store(&begun, round);
	for (volatile uint32_t n = 0; n < round / 2 % 64; n++)
		; /* a little later each time, so that each is the first now and then */
	told = (uint32_t)completes(TASK);
	await(&ended, round);
	told += (uint32_t)atomic_load(&other_told);
	vz->id_count = 0;
	vz_pass(vz, 0);
	return told + (strstr(vz_drain(vz), "ACCESSIBLE") != NULL);
}

static void z7_two_at_the_same_moment(void **state)
{
	uint64_t end = now_ns() + (getenv("VDEV_TEST_SLOW") ? RUN_NS / 10 : RUN_NS);
	uint64_t round = 0, twice = 0, never = 0;
	pthread_t thread;
	uint32_t told;

	vz = *state;
	restart_until(vz, VDEV_ZEROCOPY_UNTIL_ANY);
	assert_int_equal(pthread_create(&thread, NULL, other, NULL), 0);
	settle_on(0);
	do {
		told = one_round(++round);
		twice += told > 1;
		never += told == 0;
	} while (round < ROUNDS && (round % 64 || now_ns() < end));
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	print_message("messages %llu told twice %llu never told %llu (claimed %llu)\n",
		      (unsigned long long)round, (unsigned long long)twice,
		      (unsigned long long)never, (unsigned long long)vz_stats(vz).timed_out);
	assert_int_equal(twice | never, 0);
	expect_nothing(vz);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z7_two_at_the_same_moment),
	};

	return cmocka_run_group_tests_name("zerocopy_moment", tests, NULL, NULL);
}
