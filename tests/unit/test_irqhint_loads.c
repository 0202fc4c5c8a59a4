/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine and CPU map: how many atomic loads one call takes at most, while a writer moves vCPUs without
 * a pause (H11). They are really counted, see count_loads.h; the bound is what the code can take at worst:
 *
 *   running_on   the words of one row
 *   choose       the words of the route and the places of its vCPUs
 *   event        the same, the words of a row and the places of those in it, and then each place
 *
 * and a few more for the type and the counters. Nothing is tried again, so no writer can make it more.
 */
#include "vt_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <vdev/irqhint.h>

#define CPUS 5u /* on the last one nobody ever is */
#define ROUNDS 1000u
#define FEW 16u /* handle, word, route, times, counters */
#define MAX_WORDS VDEV_CPUMAP_WORDS(VDEV_CPUMAP_MAX_VCPUS)

_Thread_local unsigned long long counted_loads;

struct rig {
	struct vt_env v;
	struct vdev_cpumap *map;
	struct vdev_irqhint *engine;
	uint64_t dev;
	uint32_t vcpus, words;
	uint64_t now;
	atomic_int stop;
	atomic_ullong moves;
};

/* The most of a kind of call. */
struct most {
	const char *what;
	unsigned long long seen, bound;
};

static void *writer(void *arg)
{
	struct rig *rig = arg;
	struct vt_rand r;

	vt_rand_seed(&r, rig->vcpus);
	for (uint64_t now = 0; !atomic_load(&rig->stop); now += 1024) {
		uint32_t cpu = (uint32_t)vt_below(&r, CPUS - 1);

		vdev_cpumap_set(rig->map, now, (uint32_t)vt_below(&r, rig->vcpus), cpu,
				(uint32_t)vt_below(&r, 3));
		atomic_fetch_add_explicit(&rig->moves, 1, memory_order_relaxed);
	}
	return NULL;
}

static void count(struct most *m, unsigned long long before)
{
	unsigned long long n = counted_loads - before;

	m->seen = n > m->seen ? n : m->seen;
}

/* From the last CPU all of the route are far away, and everybody has to be looked at. */
static void look(struct rig *rig, uint32_t round, struct most *m)
{
	uint64_t set[MAX_WORDS];
	struct vdev_irqhint_hint hint;
	unsigned long long before = counted_loads;
	uint32_t cpu = round / 2 % CPUS, vcpu; /* twice: at first a route only becomes stale */

	vdev_cpumap_running_on(rig->map, cpu, set, rig->words);
	count(&m[0], before);
	before = counted_loads;
	vdev_irqhint_choose(rig->engine, rig->now, rig->dev, 0, cpu, &vcpu, NULL);
	count(&m[1], before);
	rig->now += 1u << 20;
	before = counted_loads;
	vdev_irqhint_event(rig->engine, rig->now, rig->dev, 0, cpu, VDEV_IRQHINT_SAMPLED, &hint,
			   sizeof(hint), set, rig->words);
	count(&m[2], before);
}

/* What the guest programs: each other vCPU, all, or those that are on one CPU right now. */
static void program(struct rig *rig, uint32_t round)
{
	uint64_t set[MAX_WORDS];

	if (round % 3 == 2)
		vdev_cpumap_running_on(rig->map, (round + 1) % CPUS, set, rig->words);
	else
		memset(set, round % 3 ? 0xff : 0x55, sizeof(set));
	if (rig->vcpus % 64)
		set[rig->words - 1] &= (UINT64_C(1) << rig->vcpus % 64) - 1;
	assert_true(vdev_irqhint_programmed(rig->engine, 0, rig->dev, 0, set, rig->words) >= 0);
}

static void make(struct rig *rig, uint32_t vcpus)
{
	const struct vdev_cpumap_config m = {
		.struct_size = sizeof(m), .vcpus = vcpus, .cpus = CPUS};
	const struct vdev_irqhint_config c = {.struct_size = sizeof(c),
					      .max_devices = 1,
					      .max_types = 1,
					      .max_distance = VDEV_IRQHINT_ANY,
					      .hysteresis_ns = 1,
					      .interval_ns = 1,
					      .max_age_ns = VDEV_NONE - 1};

	memset(rig, 0, sizeof(*rig));
	vt_env_init(&rig->v);
	rig->vcpus = vcpus;
	rig->words = VDEV_CPUMAP_WORDS(vcpus);
	assert_int_equal(vdev_cpumap_new(&rig->map, &rig->v.env, &m), 0);
	assert_int_equal(vdev_irqhint_new(&rig->engine, &rig->v.env, rig->map, &c), 0);
	assert_int_equal(vdev_irqhint_add(rig->engine, 1, 0, &rig->dev), 0);
	for (uint32_t v = 0; v < vcpus; v++)
		assert_int_equal(
			vdev_cpumap_set(rig->map, 0, v, v % (CPUS - 1), VDEV_CPUMAP_RUNNING), 1);
	vdev_cpumap_refreshed(rig->map, 0);
}

static void expect_bounds(const struct rig *rig, const struct most *m, uint32_t kinds)
{
	for (uint32_t i = 0; i < kinds; i++) {
		printf("%u vCPUs, %llu moves meanwhile, %s: loads: max %llu (bound %llu)\n",
		       rig->vcpus, (unsigned long long)rig->moves, m[i].what, m[i].seen,
		       m[i].bound);
		assert_true(m[i].seen > 0);
		assert_true(m[i].seen <= m[i].bound);
	}
}

static void with(uint32_t vcpus)
{
	const uint32_t words = VDEV_CPUMAP_WORDS(vcpus);
	struct most m[] = {
		{"running_on", 0, words},
		{"choose", 0, words + vcpus + FEW},
		{"event", 0, 2 * words + 3 * vcpus + FEW},
	};
	pthread_t thread;
	struct rig rig;

	make(&rig, vcpus);
	assert_int_equal(pthread_create(&thread, NULL, writer, &rig), 0);
	while (!atomic_load(&rig.moves))
		;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (i % 7 == 0)
			program(&rig, i / 7);
		look(&rig, i, m);
	}
	atomic_store(&rig.stop, 1);
	pthread_join(thread, NULL);
	expect_bounds(&rig, m, VT_COUNT(m));
	/* Or the calls were not hard enough, or were not counted. */
	assert_int_equal(m[0].seen, words);
	assert_true(m[1].seen >= words + vcpus);
	assert_true(m[2].seen >= 2 * words + 2 * vcpus);
	vdev_irqhint_free(rig.engine);
	vdev_cpumap_free(rig.map);
	vt_assert_clean(&rig.v);
}

static void one(void **state)
{
	(void)state;
	with(2);
}

static void some(void **state)
{
	(void)state;
	with(130);
}

static void most_of_all(void **state)
{
	(void)state;
	with(VDEV_CPUMAP_MAX_VCPUS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one),
		cmocka_unit_test(some),
		cmocka_unit_test(most_of_all),
	};

	return cmocka_run_group_tests_name("irqhint_loads", tests, NULL, NULL);
}
