/* SPDX-License-Identifier: BSD-3-Clause */
/* Benchmark harness: turns, medians, rows as a table or as JSON lines. */
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"
#include "vt_rand.h"

#define MAX_RUNS 101u

uint64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void bench_undisturbed(int on)
{
	struct sched_param param = {.sched_priority = on};

	if (sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param) && on)
		fprintf(stderr, "vdev-bench: not root: a busy machine disturbs what follows\n");
}

void bench_die(const char *why)
{
	fprintf(stderr, "vdev-bench: %s\n", why);
	exit(1);
}

void *bench_alloc(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		bench_die("out of memory");
	return p;
}

uint32_t *bench_shuffled(uint32_t n)
{
	uint32_t *a = bench_alloc(n, sizeof(*a));
	struct vt_rand r;

	vt_rand_seed(&r, n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = (uint32_t)vt_below(&r, i + 1);

		a[i] = a[j];
		a[j] = i;
	}
	return a;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, uint32_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_pair(struct bench *b, const struct bench_row *row, const struct bench_side *ours,
		const struct bench_side *peer, uint32_t runs)
{
	double x[MAX_RUNS], y[MAX_RUNS], ratio[MAX_RUNS];
	struct bench_row done = *row;

	if (runs > MAX_RUNS)
		runs = MAX_RUNS;
	ours->turn(ours->context); /* caches, page faults, branch predictors */
	peer->turn(peer->context);
	for (uint32_t i = 0; i < runs; i++) {
		/* A machine that gets slower or faster meanwhile must not favour either side. */
		if (i % 2)
			y[i] = peer->turn(peer->context);
		x[i] = ours->turn(ours->context);
		if (i % 2 == 0)
			y[i] = peer->turn(peer->context);
		ratio[i] = y[i] / x[i];
	}
	done.unit = "ns";
	done.runs = runs;
	done.ours = median(x, runs);
	done.peer = median(y, runs);
	done.ratio = median(ratio, runs);
	bench_row(b, &done);
}

static void print_json(const struct bench_row *r)
{
	int ns = r->unit[0] == 'n';

	printf("{\"name\": \"%s\", \"n\": %llu, ", r->name, (unsigned long long)r->n);
	if (ns)
		printf("\"ours_ns\": %.2f, \"peer\": \"%s\", \"peer_ns\": %.2f, ", r->ours,
		       r->peer_name, r->peer);
	else
		printf("\"ours_ns\": null, \"peer\": \"%s\", \"peer_ns\": null, \"ours_%s\": %.1f, "
		       "\"peer_%s\": %.1f, ",
		       r->peer_name, r->unit, r->ours, r->unit, r->peer);
	printf("\"ratio\": %.3f, ", r->ratio);
	if (r->goal > 0)
		printf("\"goal\": %.2f, ", r->goal);
	else
		printf("\"goal\": null, ");
	printf("\"runs\": %u}\n", r->runs);
}

static void print_table(const struct bench_row *r, int missed)
{
	char goal[32] = "-";

	if (r->goal > 0)
		snprintf(goal, sizeof(goal), ">= %.3g", r->goal);
	printf("%-24s %8llu %9.1f %9.1f %-5s %8.2f %8s  %s%s\n", r->name, (unsigned long long)r->n,
	       r->ours, r->peer, r->unit, r->ratio, goal, r->peer_name,
	       missed ? "  goal missed" : "");
}

void bench_header(const struct bench *b)
{
	if (!b->json)
		printf("%-24s %8s %9s %9s %-5s %8s %8s  %s\n", "name", "n", "ours", "peer", "unit",
		       "ratio", "goal", "peer");
}

void bench_row(struct bench *b, const struct bench_row *row)
{
	int missed = row->goal > 0 && row->ratio < row->goal;

	b->missed += (uint32_t)missed;
	if (b->count < BENCH_MAX_ROWS)
		b->rows[b->count++] = *row;
	if (b->json)
		print_json(row);
	else
		print_table(row, missed);
	fflush(stdout);
}

void bench_failed(struct bench *b, const char *name, const char *why)
{
	fprintf(stderr, "vdev-bench: %s: %s\n", name, why);
	b->failed++;
}

void bench_skipped(const char *name, const char *why)
{
	fprintf(stderr, "vdev-bench: %s: skipped: %s\n", name, why);
}
