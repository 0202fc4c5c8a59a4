/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BPF provider beside threads that come, move, sleep and end all the time, while slots go from one to the next, and
 * objects come and go while threads run. Counts what must never be seen: a CPU on which the thread may not be.
 */
#include "test_bpfsource_rig.h"

#include <stdlib.h>

#define THREADS 6u

struct restless {
	pthread_t thread;
	sem_t ready;
	atomic_int stop;
	int tid;
};

static void *restless_main(void *context)
{
	const struct timespec nap = {.tv_nsec = 20000};
	struct restless *t = context;

	t->tid = gettid();
	sem_post(&t->ready);
	while (!atomic_load(&t->stop)) {
		nanosleep(&nap, NULL);
		for (volatile int i = 0; i < 2000; i++)
			;
	}
	return NULL;
}

static void restless_start(struct restless *t)
{
	sem_init(&t->ready, 0, 0);
	atomic_store(&t->stop, 0);
	assert_int_equal(pthread_create(&t->thread, NULL, restless_main, t), 0);
	while (sem_wait(&t->ready))
		;
}

static void restless_end(struct restless *t)
{
	atomic_store(&t->stop, 1);
	pthread_join(t->thread, NULL);
	sem_destroy(&t->ready);
}

/* Each is pinned before it is attached: the other CPU is a place of another thread, or of another time. */
static void threads_come_and_go(void **state)
{
	uint32_t cpus[2], rounds = getenv("VDEV_TEST_SLOW") ? 100 : 500, wrong = 0, unseen = 0;
	struct restless t[THREADS] = {0};
	struct bpf_rig b;

	(void)state;
	two_cpus(cpus);
	bpf_begin(&b, 0);
	for (uint32_t round = 0; round < rounds; round++) {
		uint32_t at = round % THREADS, on;

		if (round >= THREADS) {
			/* Every other one is lost by a look, the others are removed before. */
			if (at & 1)
				assert_int_equal(vdev_cpusource_remove(b.r.source, at), 0);
			restless_end(&t[at]);
			/* Its last switch may come after the join. */
			expect_place(&b.r, at, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN);
		}
		restless_start(&t[at]);
		pin(t[at].tid, cpus[(round / THREADS + at) & 1]);
		doze(); /* it has been moved */
		assert_int_equal(vdev_cpusource_add(b.r.source, at, t[at].tid), 0);
		for (uint32_t look = 0; look < 20; look++) {
			rig_refresh(&b.r);
			on = rig_place(&b.r, at).cpu;
			unseen += on == VDEV_CPUMAP_NOWHERE;
			wrong +=
				on != cpus[(round / THREADS + at) & 1] && on != VDEV_CPUMAP_NOWHERE;
		}
	}
	print_message("looks %u wrong %u unseen %u\n", rounds * 20, wrong, unseen);
	assert_int_equal(wrong, 0);
	assert_int_equal(unseen, 0);
	for (uint32_t i = 0; i < THREADS; i++)
		restless_end(&t[i]);
	bpf_end(&b);
}

static void objects_come_and_go(void **state)
{
	uint32_t rounds = getenv("VDEV_TEST_SLOW") ? 5 : 20;
	struct restless t[THREADS] = {0};
	struct bpf_rig b;

	(void)state;
	for (uint32_t i = 0; i < THREADS; i++)
		restless_start(&t[i]);
	for (uint32_t round = 0; round < rounds; round++) {
		bpf_begin(&b, 0);
		for (uint32_t i = 0; i < THREADS; i++)
			assert_int_equal(vdev_cpusource_add(b.r.source, i, t[i].tid), 0);
		assert_int_equal(rig_refresh(&b.r), THREADS);
		bpf_end(&b);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		restless_end(&t[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_come_and_go),
		cmocka_unit_test(objects_come_and_go),
	};

	if (!bpf_usable())
		return 77;
	return cmocka_run_group_tests_name("bpfsource_stress", tests, NULL, NULL);
}
