/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property tests: random event sequences that can be had again, made short when one fails.
 *
 *	static int run(void *ctx, const struct vt_event *events, uint32_t count, FILE *log,
 *		       char *why, size_t size);	1: a property does not hold, `why` says which
 *	int main(int argc, char **argv) { return vt_prop_main(&prop, argc, argv); }
 *
 * A sequence is an array of small events of plain numbers. run() gives them meaning, with remainders,
 * so that every sequence is a valid one and any part of it may be left out. It must not depend on
 * anything else. It runs in a child process: crashes and endless loops are failures like others, and
 * are shrunk like others.
 *
 * Options: --seed N|random, --runs N, --length N, --only N (one run of the seed, told in full).
 * VT_SEED and VT_RUNS in the environment do the same.
 */
#ifndef VT_PROP_H
#define VT_PROP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct vt_event {
	uint8_t op; /* index in vt_prop::ops, or a number that run() maps itself */
	uint8_t a, b, c;
	uint32_t n;
};

/* One kind of event and how often it comes, beside the others. The first event of a run is always of
 * kind 0: there the run can take its configuration from. */
struct vt_op {
	const char *name;
	uint32_t weight;
};

struct vt_prop {
	const char *name;
	const struct vt_op *ops;
	uint32_t op_count;
	uint64_t seed; /* unless the caller gives one */
	uint32_t runs;
	uint32_t length; /* most events of one run */
	uint32_t seconds; /* a single run that takes longer hangs */
	int (*run)(void *ctx, const struct vt_event *events, uint32_t count, FILE *log, char *why,
		   size_t size);
	void *ctx;
};

/* Exit code: 0 all held, 1 one did not, 2 wrong use. */
int vt_prop_main(const struct vt_prop *prop, int argc, char **argv);

#endif
