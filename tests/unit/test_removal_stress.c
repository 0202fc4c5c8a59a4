/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: look-ups of levels beside one thread that adds, declares, forgets, removes and
 * gives back (R15). TSan has nothing to say about a protocol made of atomics, so the readers count
 * what they must never see:
 *
 *   torn    a level that the unit never had
 *   missed  a unit that lives all the time, not found or with another level
 *   stale   a unit that had ended before the look began, still found
 */
#include "test_removal_rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define READERS 2
#define ROUNDS_NS 400000000
#define STABLE_LEVEL 23

static struct vdev_removal *engine;
static _Atomic uint64_t published; /* a unit that lives or lived: its level is 0 or level_of() */
static _Atomic uint64_t ended;
static atomic_int stop;

struct counts {
	uint64_t stable;
	uint64_t lookups, found, torn, missed, stale;
};

/* The one level besides UNKNOWN that the writer ever declares for a unit. */
static int level_of(uint64_t unit)
{
	return (int)(unit * UINT64_C(0x9e3779b97f4a7c15) >> 60) + 16;
}

static void look(struct counts *c)
{
	uint64_t gone = atomic_load(&ended), unit = atomic_load(&published);
	int level = vdev_removal_level(engine, unit);

	c->found += level >= 0;
	c->torn += level > 0 && level != level_of(unit);
	c->torn += level < 0 && level != -ENOENT;
	c->missed += vdev_removal_level(engine, c->stable) != STABLE_LEVEL;
	c->stale += gone && vdev_removal_level(engine, gone) != -ENOENT;
	c->lookups += 3;
}

static void *reader(void *arg)
{
	struct counts *c = arg;

	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		look(c);
	return NULL;
}

static void drain(uint64_t *new_handle)
{
	struct vdev_action a;

	while (vdev_removal_next(engine, &a, sizeof(a)) == 1) {
		if (a.kind == VDEV_REMOVAL_REANNOUNCE)
			*new_handle = a.dev;
		vdev_removal_done(engine, 0, a.id, 0);
	}
}

static uint64_t give_back(uint64_t unit)
{
	vdev_removal_ack(engine, 0, unit);
	drain(&unit);
	vdev_removal_reset_begin(engine, 0);
	vdev_removal_reset_end(engine, 0);
	return unit;
}

/* The reset forgets the level of the stable unit, unless management said it: it did. */
static void one_life(uint32_t round)
{
	static const struct vdev_removal_unit u = {.struct_size = sizeof(u)};
	static const struct vdev_removal_request force = {.struct_size = sizeof(force),
							  .flags = VDEV_REMOVAL_FORCE};
	uint64_t unit, old;

	assert_int_equal(vdev_removal_add(engine, 0, &u, &unit), 0);
	atomic_store(&published, unit);
	vdev_removal_declare(engine, 0, unit, VDEV_REMOVAL_OPERATOR, (uint32_t)level_of(unit));
	if (round % 8 == 0) {
		old = unit;
		unit = give_back(unit);
		drain(&unit);
		assert_true(unit != old);
		vdev_removal_declare(engine, 0, unit, VDEV_REMOVAL_OPERATOR, 0);
		atomic_store(&ended, old);
		atomic_store(&published, unit);
		vdev_removal_declare(engine, 0, unit, VDEV_REMOVAL_OPERATOR,
				     (uint32_t)level_of(unit));
	}
	if (round % 32 == 0)
		sched_yield(); /* one CPU, or valgrind: let the readers see it alive too */
	vdev_removal_request(engine, 0, unit, &force);
	drain(&unit);
	atomic_store(&ended, unit);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint32_t write_for_a_while(void)
{
	uint64_t end = now_ns() + ROUNDS_NS;
	uint32_t round;

	for (round = 1; round % 64 || now_ns() < end; round++) {
		one_life(round);
		if (round % 64 == 0)
			sched_yield();
	}
	atomic_store(&stop, 1);
	return round;
}

static uint64_t stable_unit(void)
{
	static const struct vdev_removal_unit u = {.struct_size = sizeof(u)};
	uint64_t unit;

	assert_int_equal(vdev_removal_add(engine, 0, &u, &unit), 0);
	vdev_removal_declare(engine, 0, unit, VDEV_REMOVAL_OPERATOR, STABLE_LEVEL);
	return unit;
}

static void r15_lookups_beside_one_writer(void **state)
{
	const struct vdev_removal_config config = {.struct_size = sizeof(config),
						   .max_units = 1000,
						   .level_policy = VDEV_REMOVAL_LEVEL_OPERATOR};
	struct counts c[READERS] = {{0}};
	pthread_t threads[READERS];
	uint32_t rounds;

	(void)state;
	assert_int_equal(vdev_removal_new(&engine, NULL, &config), 0);
	for (int i = 0; i < READERS; i++) {
		c[i].stable = stable_unit();
		assert_int_equal(pthread_create(&threads[i], NULL, reader, &c[i]), 0);
	}
	rounds = write_for_a_while();
	for (int i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		print_message("reader %d: lookups %llu torn %llu missed %llu stale %llu, beside %u "
			      "lives\n",
			      i, (unsigned long long)c[i].lookups, (unsigned long long)c[i].torn,
			      (unsigned long long)c[i].missed, (unsigned long long)c[i].stale,
			      rounds);
		assert_true(c[i].found > 0);
		assert_true(c[i].torn == 0 && c[i].missed == 0 && c[i].stale == 0);
	}
	vdev_removal_free(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r15_lookups_beside_one_writer),
	};

	return cmocka_run_group_tests_name("removal_stress", tests, NULL, NULL);
}
