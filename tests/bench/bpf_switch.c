/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the BPF provider costs: a pair of context switches, with the program attached and without.
 *
 * Two threads on one CPU send a byte to and fro through pipes, so each byte makes the kernel switch. Both are attached
 * to the provider, which is the dear case: the program then looks both up and notes both places at each switch.
 * The program is loaded anew for each turn, which is not timed, so that the turns without it have none in the kernel.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>
#include <vdev/bpfsource.h>

#include "bench.h"

#define NAME "irqhint/bpf-switch"
#define THREADS 2u
#define SETTLE_US 30000
#define MOST_COST 1.06 /* times as long */

struct pingpong {
	int there[2], back[2]; /* pipes */
	pthread_t echo;
	pthread_barrier_t ready;
	int32_t tids[THREADS];
	uint32_t rounds;
};

static void pass(int from, int to)
{
	char byte;

	if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
		bench_die(NAME ": a pipe broke");
}

static void *echo(void *context)
{
	struct pingpong *p = context;
	char byte;

	p->tids[1] = gettid();
	pthread_barrier_wait(&p->ready);
	while (read(p->there[0], &byte, 1) == 1)
		if (write(p->back[1], &byte, 1) != 1)
			break;
	return NULL;
}

/* To come or to go the program gives the kernel work that it puts off, so first some time and some rounds. */
static double rounds(struct pingpong *p)
{
	uint64_t begin;
	char byte;

	usleep(SETTLE_US);
	if (write(p->there[1], "x", 1) != 1)
		bench_die(NAME ": a pipe broke");
	for (uint32_t i = 0; i < p->rounds / 4; i++)
		pass(p->back[0], p->there[1]);
	begin = bench_now();
	for (uint32_t i = 0; i < p->rounds; i++)
		pass(p->back[0], p->there[1]);
	begin = bench_now() - begin;
	if (read(p->back[0], &byte, 1) != 1)
		bench_die(NAME ": a pipe broke");
	return (double)begin / p->rounds;
}

static double without(void *context)
{
	return rounds(context);
}

static double with(void *context)
{
	const struct vdev_bpfsource_config bpf_config = {.struct_size = sizeof(bpf_config),
							 .vcpus = THREADS};
	const struct vdev_cpumap_config map_config = {
		.struct_size = sizeof(map_config), .vcpus = THREADS, .cpus = VDEV_CPUMAP_MAX_CPUS};
	struct vdev_cpusource_config config = {.struct_size = sizeof(config),
					       .ops = vdev_bpfsource_ops()};
	struct vdev_bpfsource *bpf;
	struct vdev_cpusource *source;
	struct pingpong *p = context;
	double ns;

	if (vdev_cpumap_new(&config.map, NULL, &map_config) ||
	    vdev_bpfsource_new(&bpf, NULL, &bpf_config, NULL, 0))
		bench_die(NAME ": no program");
	config.ops_context = bpf;
	if (vdev_cpusource_new(&source, NULL, &config))
		bench_die(NAME ": no source");
	for (uint32_t i = 0; i < THREADS; i++)
		if (vdev_cpusource_add(source, i, p->tids[i]))
			bench_die(NAME ": a thread is not attached");
	ns = rounds(p);
	if (vdev_cpusource_refresh(source, 0) != THREADS)
		bench_die(NAME ": the program did not see the threads");
	vdev_cpusource_free(source);
	vdev_bpfsource_free(bpf);
	vdev_cpumap_free(config.map);
	return ns;
}

/* Why BPF cannot be used here; NULL: it can. */
static const char *why_not(char *reason, size_t size)
{
	const struct vdev_bpfsource_config config = {.struct_size = sizeof(config),
						     .vcpus = THREADS};
	struct vdev_bpfsource *bpf;

	if (vdev_bpfsource_new(&bpf, NULL, &config, reason, size))
		return reason;
	vdev_bpfsource_free(bpf);
	return NULL;
}

static void measure(struct bench *b, struct pingpong *p)
{
	const struct bench_row row = {.name = NAME,
				      .peer_name = "the same without it",
				      .n = THREADS,
				      .goal = 1 / MOST_COST};
	const struct bench_side ours = {with, p}, peer = {without, p};

	/* Not undisturbed: the switches of real-time threads are cheaper, and VMMs have ordinary ones. */
	bench_pair(b, &row, &ours, &peer, b->quick ? 3 : 61);
}

/* Both threads on the CPU where this one is. */
static void on_one_cpu(cpu_set_t *ret_before)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	if (sched_getaffinity(0, sizeof(*ret_before), ret_before) ||
	    sched_setaffinity(0, sizeof(one), &one))
		bench_die(NAME ": no affinity");
}

void bench_bpf_switch(struct bench *b)
{
	struct pingpong p = {.rounds = b->quick ? 500 : 2000};
	char reason[256];
	cpu_set_t before;

	if (why_not(reason, sizeof(reason))) {
		bench_skipped(NAME, reason);
		return;
	}
	on_one_cpu(&before);
	p.tids[0] = gettid();
	pthread_barrier_init(&p.ready, NULL, THREADS);
	if (pipe(p.there) || pipe(p.back) || pthread_create(&p.echo, NULL, echo, &p))
		bench_die(NAME ": no pipe or no thread");
	pthread_barrier_wait(&p.ready);
	measure(b, &p);
	close(p.there[1]);
	pthread_join(p.echo, NULL);
	close(p.there[0]);
	close(p.back[0]);
	close(p.back[1]);
	pthread_barrier_destroy(&p.ready);
	sched_setaffinity(0, sizeof(before), &before);
}
