/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Benchmark harness: what main.c, harness.c, plot.c and the benches share.
 *
 * A number of nanoseconds says little on a shared machine, so a bench is a pair: ours and what a user
 * would pick instead, in the same process, in turns. What counts is the median of the ratios of
 * neighbouring turns.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>

#define BENCH_MAX_ROWS 64u

struct bench_row {
	const char *name;
	const char *peer_name;
	const char *unit; /* "ns" or "bytes" */
	uint64_t n;
	double ours, peer; /* medians, of one operation */
	double ratio; /* median; above 1: ours is better */
	double goal; /* least ratio; 0: none */
	uint32_t runs;
};

struct bench {
	int quick; /* seconds instead of a minute: the numbers are worth less */
	int json;
	uint32_t missed; /* goals */
	uint32_t failed; /* benches that could not run */
	uint32_t count;
	struct bench_row rows[BENCH_MAX_ROWS];
};

/* One turn: performs some thousand operations and returns nanoseconds for each. */
struct bench_side {
	double (*turn)(void *context);
	void *context;
};

/* Runs both sides in turns and adds the row; `unit` and the medians are filled in. */
void bench_pair(struct bench *b, const struct bench_row *row, const struct bench_side *ours,
		const struct bench_side *peer, uint32_t runs);
/* Adds a row that was not measured by turns, and prints it. */
void bench_row(struct bench *b, const struct bench_row *row);
/* A bench that cannot run here: says why on stderr. */
void bench_failed(struct bench *b, const char *name, const char *why);
/* A bench that this machine or this user cannot have: says so on stderr, and is no failure. */
void bench_skipped(const char *name, const char *why);
void bench_header(const struct bench *b);

/* Ends the program: a bench that measures the wrong thing is worth nothing. */
__attribute__((noreturn)) void bench_die(const char *why);
/*
 * Where it may (root): this thread and those that it makes come before all other work on the machine. Who
 * waits for a CPU makes the other thread wait, and how long says nothing about either side.
 */
void bench_undisturbed(int on);
uint64_t bench_now(void); /* CLOCK_MONOTONIC, nanoseconds */
void *bench_alloc(size_t count, size_t size); /* ends the program when there is no memory */
/* n indices in random order, the same in each run. */
uint32_t *bench_shuffled(uint32_t n);

/* Draws the curves of the rows into dir; -1 and a message when gnuplot is missing or fails. */
int bench_plot(const struct bench *b, const char *dir);

void bench_lookup(struct bench *b);
void bench_lookup_writer(struct bench *b);
void bench_unit(struct bench *b);
void bench_bytes(struct bench *b);
void bench_deadline(struct bench *b);
void bench_zerocopy(struct bench *b);
void bench_zerocopy_pending(struct bench *b);
void bench_zerocopy_send(struct bench *b);
void bench_pages(struct bench *b);
void bench_irqhint(struct bench *b);
void bench_bpf_switch(struct bench *b);
void bench_msi(struct bench *b);
void bench_migration(struct bench *b);

#endif
