/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the vCPUs are, and what an event costs.
 *
 * "Where is vCPU n" stands beside a read of its thread's stat file, which is kept open; taking field 39 out of the
 * text would come on top and is left out. "Which of 1024 run on host CPU c" stands beside a loop over a word that each of 1024
 * threads keeps in its own memory, as the kernel keeps the CPU in each thread's rseq area: such words lie where
 * the threads' stacks are, megabytes apart. The same words a cache line apart are the kindest case for the loop.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vdev/cpumap.h>
#include <vdev/irqhint.h>

#include "bench.h"

#define VCPUS 1024u
#define CPUS 64u
#define WORDS VDEV_CPUMAP_WORDS(VCPUS)
#define LINE 64u
#define EVENT_TYPES 64u

struct threads {
	pthread_t thread[VCPUS];
	const volatile uint32_t *area[VCPUS]; /* of each thread */
	pthread_barrier_t ready, end;
	uint32_t started;
};

struct places {
	struct vdev_cpumap *map;
	uint32_t *cpu; /* of each vCPU, in the peers' areas too */
	const volatile uint32_t **area;
	uint32_t *order;
	uint32_t rounds;
	int stat;
	uint64_t sink;
	struct vdev_irqhint *hints;
	uint64_t dev;
};

static double each(const struct places *p, uint64_t begin, uint64_t count)
{
	if (!p->sink)
		bench_die("irqhint: nothing was found");
	return (double)(bench_now() - begin) / (double)count;
}

static void make(struct places *p, int quick)
{
	const struct vdev_cpumap_config config = {.struct_size = sizeof(config),
						  .flags = VDEV_CPUMAP_LIVE,
						  .vcpus = VCPUS,
						  .cpus = CPUS};

	memset(p, 0, sizeof(*p));
	p->rounds = quick ? 20 : 200;
	p->order = bench_shuffled(VCPUS);
	p->cpu = bench_alloc(VCPUS, sizeof(*p->cpu));
	if (vdev_cpumap_new(&p->map, NULL, &config))
		bench_die("irqhint: no map");
	for (uint32_t v = 0; v < VCPUS; v++) {
		p->cpu[v] = p->order[v] % CPUS;
		vdev_cpumap_set(p->map, 0, v, p->cpu[v], VDEV_CPUMAP_RUNNING);
	}
}

static void end(struct places *p)
{
	vdev_irqhint_free(p->hints);
	vdev_cpumap_free(p->map);
	free(p->cpu);
	free(p->order);
}

/* Where is vCPU n? */

static double where_map(void *context)
{
	struct places *p = context;
	uint64_t begin = bench_now();

	for (uint32_t r = 0; r < p->rounds; r++)
		for (uint32_t i = 0; i < VCPUS; i++)
			p->sink += (uint64_t)vdev_cpumap_cpu(p->map, p->order[i]);
	return each(p, begin, (uint64_t)p->rounds * VCPUS);
}

static double where_stat(void *context)
{
	struct places *p = context;
	uint64_t begin = bench_now();
	char text[1024];

	for (uint32_t i = 0; i < p->rounds * 10; i++)
		p->sink += pread(p->stat, text, sizeof(text), 0) > 50;
	return each(p, begin, p->rounds * 10);
}

static void bench_where(struct bench *b, struct places *p)
{
	const struct bench_row row = {.name = "irqhint/where",
				      .peer_name = "pread of an open stat",
				      .n = VCPUS,
				      .goal = 300};
	const struct bench_side ours = {where_map, p}, peer = {where_stat, p};
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", syscall(SYS_gettid));
	p->stat = open(path, O_RDONLY | O_CLOEXEC);
	if (p->stat < 0) {
		bench_failed(b, row.name, "no stat file of a thread");
		return;
	}
	bench_pair(b, &row, &ours, &peer, b->quick ? 3 : 21);
	close(p->stat);
}

/* Which vCPUs are on host CPU c? */

static double on_map(void *context)
{
	struct places *p = context;
	uint64_t set[WORDS], begin = bench_now();

	for (uint32_t r = 0; r < p->rounds; r++)
		for (uint32_t c = 0; c < CPUS; c++) {
			p->sink += (uint64_t)vdev_cpumap_running_on(p->map, c, set, WORDS);
			p->sink += set[c % WORDS] & 1;
		}
	return each(p, begin, (uint64_t)p->rounds * CPUS);
}

static double on_areas(void *context)
{
	struct places *p = context;
	uint64_t set[WORDS], begin = bench_now();
	uint32_t rounds = p->rounds / 20;

	for (uint32_t r = 0; r < rounds; r++)
		for (uint32_t c = 0; c < CPUS; c++) {
			memset(set, 0, sizeof(set));
			for (uint32_t v = 0; v < VCPUS; v++)
				set[v / 64] |= (uint64_t)(*p->area[v] == c) << v % 64;
			for (uint32_t i = 0; i < WORDS; i++)
				p->sink += (uint64_t)__builtin_popcountll(set[i]);
		}
	return each(p, begin, (uint64_t)rounds * CPUS);
}

static void bench_on(struct bench *b, struct places *p, const char *name, const char *peer_name,
		     double goal)
{
	const struct bench_row row = {
		.name = name, .peer_name = peer_name, .n = VCPUS, .goal = goal};
	const struct bench_side ours = {on_map, p}, peer = {on_areas, p};

	bench_undisturbed(1);
	bench_pair(b, &row, &ours, &peer, b->quick ? 3 : 21);
	bench_undisturbed(0);
}

static void bench_on_lines(struct bench *b, struct places *p)
{
	uint32_t *lines = bench_alloc(VCPUS, LINE);
	const volatile uint32_t *area[VCPUS];

	for (uint32_t v = 0; v < VCPUS; v++) {
		lines[v * (LINE / sizeof(*lines))] = p->cpu[v];
		area[v] = &lines[v * (LINE / sizeof(*lines))];
	}
	p->area = area;
	bench_on(b, p, "irqhint/on-cpu-lines", "words a cache line apart", 0);
	free(lines);
}

struct one {
	struct threads *all;
	uint32_t vcpu, cpu;
};

static __thread volatile uint32_t area_of_thread;

static void *thread(void *context)
{
	struct one *one = context;

	area_of_thread = one->cpu;
	one->all->area[one->vcpu] = &area_of_thread;
	pthread_barrier_wait(&one->all->ready);
	pthread_barrier_wait(&one->all->end);
	return NULL;
}

static void bench_on_threads(struct bench *b, struct places *p)
{
	struct threads *t = bench_alloc(1, sizeof(*t));
	struct one *one = bench_alloc(VCPUS, sizeof(*one));

	pthread_barrier_init(&t->ready, NULL, VCPUS + 1);
	pthread_barrier_init(&t->end, NULL, VCPUS + 1);
	for (uint32_t v = 0; v < VCPUS; v++) {
		one[v] = (struct one){.all = t, .vcpu = v, .cpu = p->cpu[v]};
		if (pthread_create(&t->thread[v], NULL, thread, &one[v]))
			bench_die("irqhint: 1024 threads are more than this machine allows");
	}
	pthread_barrier_wait(&t->ready);
	p->area = t->area;
	bench_on(b, p, "irqhint/on-cpu-threads", "a word in each thread", 250);
	pthread_barrier_wait(&t->end);
	for (uint32_t v = 0; v < VCPUS; v++)
		pthread_join(t->thread[v], NULL);
	pthread_barrier_destroy(&t->ready);
	pthread_barrier_destroy(&t->end);
	free(one);
	free(t);
}

/* An event that needs nothing: the interrupt goes where it arose. */

static double event_fits(void *context)
{
	struct places *p = context;
	uint64_t set[WORDS], begin = bench_now();
	struct vdev_irqhint_hint hint;

	for (uint32_t r = 0; r < p->rounds; r++)
		for (uint32_t i = 0; i < VCPUS; i++) {
			uint32_t type = i % EVENT_TYPES;

			if (vdev_irqhint_event(p->hints, 1000 + r, p->dev, type, p->cpu[type], 0,
					       &hint, sizeof(hint), set, WORDS) ||
			    hint.reason != VDEV_IRQHINT_FITS)
				bench_die("irqhint: an event did not fit");
			p->sink += hint.cpu + 1;
		}
	return each(p, begin, (uint64_t)p->rounds * VCPUS);
}

__attribute__((noinline)) static uint64_t no_event(uint64_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

static double event_nothing(void *context)
{
	struct places *p = context;
	uint64_t begin = bench_now();

	for (uint32_t r = 0; r < p->rounds; r++)
		for (uint32_t i = 0; i < VCPUS; i++)
			p->sink += no_event(i);
	return each(p, begin, (uint64_t)p->rounds * VCPUS);
}

static void bench_event(struct bench *b, struct places *p)
{
	const struct bench_row row = {
		.name = "irqhint/event-fits", .peer_name = "an empty call", .n = EVENT_TYPES};
	const struct bench_side ours = {event_fits, p}, peer = {event_nothing, p};
	const struct vdev_irqhint_config config = {.struct_size = sizeof(config),
						   .max_devices = 1,
						   .max_types = EVENT_TYPES,
						   .max_distance = VDEV_IRQHINT_SAME_CPU};
	struct vdev_irqhint_hint hint;

	if (vdev_irqhint_new(&p->hints, NULL, p->map, &config) ||
	    vdev_irqhint_add(p->hints, EVENT_TYPES, 0, &p->dev))
		bench_die("irqhint: no engine");
	for (uint32_t i = 0; i < EVENT_TYPES; i++) {
		uint64_t set[WORDS] = {0};

		if (vdev_irqhint_event(p->hints, 0, p->dev, i, p->cpu[i], 0, &hint, sizeof(hint),
				       set, WORDS) != 1)
			bench_die("irqhint: the first event had no hint");
		memset(set, 0, sizeof(set));
		set[i / 64] = UINT64_C(1) << i % 64;
		if (vdev_irqhint_programmed(p->hints, 0, p->dev, i, set, WORDS) != 1)
			bench_die("irqhint: the guest was not in the hint");
	}
	bench_pair(b, &row, &ours, &peer, b->quick ? 3 : 21);
}

void bench_irqhint(struct bench *b)
{
	struct places p;

	make(&p, b->quick);
	bench_where(b, &p);
	bench_on_lines(b, &p);
	bench_on_threads(b, &p);
	bench_event(b, &p);
	end(&p);
}
