/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same look-up while another thread declares 10 000 levels a second (R15): wait-free on our side,
 * behind a reader-writer lock on the other. The lock's waits belong to its price, so it is the
 * clock on the wall that counts.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <vdev/removal.h>

#include "lookup.h"

#define READERS 2u
#define WRITES_PER_SECOND 10000u
#define UNITS 10000u
#define BATCH 250u /* look-ups between two looks at the stop flag; divides UNITS */

struct contest {
	struct lookup tables;
	GRWLock lock;
	uint64_t turn_ns;
	int peer; /* which side has its turn */
	atomic_int stop;
	atomic_uint_fast64_t lookups, writes;
	double slowest[2]; /* least writes a second of all turns of a side */
};

static uint64_t look_ours(const struct lookup *l, uint32_t from)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < BATCH; i++)
		sum += (uint64_t)vdev_removal_level(l->removal, l->keys[from + i]);
	return sum;
}

static uint64_t look_peer(struct contest *c, uint32_t from)
{
	const struct lookup *l = &c->tables;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < BATCH; i++) {
		gconstpointer key = GSIZE_TO_POINTER(l->keys[from + i]);

		g_rw_lock_reader_lock(&c->lock);
		sum += GPOINTER_TO_SIZE(g_hash_table_lookup(l->table, key));
		g_rw_lock_reader_unlock(&c->lock);
	}
	return sum;
}

static void *reader(void *context)
{
	struct contest *c = context;
	uint64_t count = 0, sum = 0;

	while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
		uint32_t from = (uint32_t)(count % UNITS);

		sum += c->peer ? look_peer(c, from) : look_ours(&c->tables, from);
		count += BATCH;
	}
	/* Each level is 1..3: anything else would be a torn or missed read. */
	if (sum < count || sum > 3 * count)
		bench_die("look-up with a writer: a level that nobody declared");
	atomic_fetch_add(&c->lookups, count);
	return NULL;
}

static void write_one(struct contest *c, uint64_t i)
{
	const struct lookup *l = &c->tables;
	uint64_t key = l->keys[i * 7919 % UNITS];
	uint32_t level = 1 + (uint32_t)(i % 3);

	if (!c->peer) {
		vdev_removal_declare(l->removal, 0, key, VDEV_REMOVAL_GUEST, level);
		return;
	}
	g_rw_lock_writer_lock(&c->lock);
	g_hash_table_insert(l->table, GSIZE_TO_POINTER(key), GSIZE_TO_POINTER(level));
	g_rw_lock_writer_unlock(&c->lock);
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u),
			     .tv_nsec = (long)(ns % 1000000000u)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Keeps to its rate: what it overslept it catches up with. */
static void *writer(void *context)
{
	struct contest *c = context;
	uint64_t begin = bench_now(), i = 0;

	while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
		uint64_t due = (bench_now() - begin) * WRITES_PER_SECOND / 1000000000u;

		while (i < due && !atomic_load_explicit(&c->stop, memory_order_relaxed))
			write_one(c, i++);
		sleep_until(begin + (i + 1) * (1000000000u / WRITES_PER_SECOND));
	}
	atomic_store(&c->writes, i);
	return NULL;
}

static double turn(struct contest *c, int peer)
{
	pthread_t threads[READERS + 1];
	uint64_t begin;
	double seconds, writes;

	c->peer = peer;
	atomic_store(&c->stop, 0);
	atomic_store(&c->lookups, 0);
	begin = bench_now();
	for (uint32_t i = 0; i <= READERS; i++)
		if (pthread_create(&threads[i], NULL, i < READERS ? reader : writer, c))
			bench_die("look-up with a writer: no thread could be made");
	sleep_until(begin + c->turn_ns);
	atomic_store(&c->stop, 1);
	for (uint32_t i = 0; i <= READERS; i++)
		pthread_join(threads[i], NULL);
	seconds = (double)(bench_now() - begin) / 1e9;
	writes = (double)atomic_load(&c->writes) / seconds;
	if (!(c->slowest[peer] > 0) || writes < c->slowest[peer])
		c->slowest[peer] = writes;
	return seconds * 1e9 * READERS / (double)atomic_load(&c->lookups);
}

static double turn_ours(void *context)
{
	return turn(context, 0);
}

static double turn_peer(void *context)
{
	return turn(context, 1);
}

void bench_lookup_writer(struct bench *b)
{
	struct bench_row row = {.name = "removal/lookup-writer",
				.n = UNITS,
				.peer_name = "GHashTable + GRWLock",
				.goal = 4};
	struct contest c = {.turn_ns = b->quick ? 50000000u : 200000000u};

	if (lookup_make(&c.tables, UNITS, UNITS)) {
		bench_failed(b, row.name, "the units could not be added");
		return;
	}
	g_rw_lock_init(&c.lock);
	bench_pair(b, &row, &(struct bench_side){turn_ours, &c},
		   &(struct bench_side){turn_peer, &c}, b->quick ? 3 : 15);
	/* A lock may starve its writer, which makes its readers look better than they are. */
	if (!b->json)
		printf("%-24s writes a second, least of all turns: %.0f, peer %.0f\n", "",
		       c.slowest[0], c.slowest[1]);
	g_rw_lock_clear(&c.lock);
	lookup_free(&c.tables);
}
