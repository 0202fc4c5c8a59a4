/* SPDX-License-Identifier: BSD-3-Clause */
/* Property tests: the runner and the shrinker. See vt_prop.h. */
#include "vt_prop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vt_rand.h"

#define BATCH 200u /* runs of one child */
#define WHY_SIZE 512u
#define SHRINK_LIMIT 4000u /* attempts */

/* What a child tells its parent, even when it dies. */
struct shared {
	uint32_t run; /* the one it is at */
	uint32_t failed;
	uint64_t events;
	char why[WHY_SIZE];
};

struct runner {
	const struct vt_prop *prop;
	uint64_t seed;
	uint32_t runs, length, only;
	struct shared *shared;
	struct vt_event *events;
	struct vt_event *trial;
	char why[WHY_SIZE]; /* of the failure that is being shrunk */
	uint32_t attempts;
};

static uint8_t random_op(const struct vt_prop *p, struct vt_rand *r)
{
	uint64_t sum = 0, at;
	uint32_t i = 0;

	for (uint32_t k = 0; k < p->op_count; k++)
		sum += p->ops[k].weight;
	for (at = vt_below(r, sum); at >= p->ops[i].weight; i++)
		at -= p->ops[i].weight;
	return (uint8_t)i;
}

/* The sequence of one run depends on the seed and the number of the run alone. */
static uint32_t make_run(const struct runner *x, uint32_t run)
{
	struct vt_rand r;
	uint32_t count;

	vt_rand_seed(&r, x->seed * UINT64_C(0x9e3779b97f4a7c15) + run);
	count = 1 + (uint32_t)vt_below(&r, x->length);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t bits = vt_rand(&r);

		x->events[i] = (struct vt_event){.op = random_op(x->prop, &r),
						 .a = (uint8_t)bits,
						 .b = (uint8_t)(bits >> 8),
						 .c = (uint8_t)(bits >> 16),
						 .n = (uint32_t)(bits >> 32)};
	}
	x->events[0].op = 0;
	return count;
}

static int call(const struct runner *x, const struct vt_event *events, uint32_t count, FILE *log)
{
	x->shared->why[0] = 0;
	return x->prop->run(x->prop->ctx, events, count, log, x->shared->why, WHY_SIZE);
}

static void be_batch(const struct runner *x, uint32_t from, uint32_t to)
{
	for (uint32_t run = from; run < to && !x->shared->failed; run++) {
		uint32_t count = make_run(x, run);

		x->shared->run = run;
		alarm(x->prop->seconds);
		if (call(x, x->events, count, NULL))
			x->shared->failed = 1;
		x->shared->events += count;
	}
	exit(0);
}

/* 1 when the child failed; what a death means goes to `why`. */
static int reap(const struct runner *x, pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("vt_prop: cannot run a child");
		exit(2);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return x->shared->failed != 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(x->shared->why, WHY_SIZE, "did not end in %u s", x->prop->seconds);
	else
		snprintf(x->shared->why, WHY_SIZE, "died: %s %d (or what stands above)",
			 WIFSIGNALED(status) ? "signal" : "exit code",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 1;
}

static int try_batch(const struct runner *x, uint32_t from, uint32_t to)
{
	pid_t child;

	fflush(NULL);
	x->shared->failed = 0;
	child = fork();
	if (!child)
		be_batch(x, from, to);
	return reap(x, child);
}

/* Shrinking must not wander off to another failure. */
static int same_failure(const struct runner *x)
{
	return !strncmp(x->why, x->shared->why, 16);
}

/* 1: this sequence fails. A sanitizer's report would come thousands of times: stderr is closed. */
static int fails(struct runner *x, const struct vt_event *events, uint32_t count)
{
	pid_t child;

	x->attempts++;
	fflush(NULL);
	x->shared->failed = 0;
	child = fork();
	if (!child) {
		if (!freopen("/dev/null", "w", stderr))
			exit(2);
		alarm(x->prop->seconds);
		x->shared->failed = (uint32_t)call(x, events, count, NULL);
		exit(0);
	}
	return reap(x, child) && same_failure(x);
}

/* Leaves out every part of `part` events that is not needed. */
static uint32_t drop_parts(struct runner *x, uint32_t count, uint32_t part)
{
	for (uint32_t at = 0; at < count && x->attempts < SHRINK_LIMIT;) {
		uint32_t end = at + part < count ? at + part : count;

		memcpy(x->trial, x->events, at * sizeof(*x->trial));
		memcpy(x->trial + at, x->events + end, (count - end) * sizeof(*x->trial));
		if (fails(x, x->trial, count - (end - at))) {
			count -= end - at;
			memcpy(x->events, x->trial, count * sizeof(*x->trial));
		} else {
			at = end;
		}
	}
	return count;
}

/* Tries a simpler value for one field of one event; keeps what still fails. */
static void simpler(struct runner *x, uint32_t count, uint32_t at, uint32_t field, uint32_t value)
{
	struct vt_event old = x->events[at], *e = &x->events[at];

	switch (field) {
	case 0:
		e->a = (uint8_t)value;
		break;
	case 1:
		e->b = (uint8_t)value;
		break;
	case 2:
		e->c = (uint8_t)value;
		break;
	default:
		e->n = value;
	}
	if (memcmp(e, &old, sizeof(old)) && x->attempts < SHRINK_LIMIT &&
	    !fails(x, x->events, count))
		*e = old;
}

static uint32_t shrink(struct runner *x, uint32_t count)
{
	uint32_t before;

	do {
		before = count;
		for (uint32_t part = count > 1 ? count / 2 : 1; part; part /= 2)
			count = drop_parts(x, count, part);
	} while (count < before && x->attempts < SHRINK_LIMIT);
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t field = 0; field < 4; field++)
			for (uint32_t value = 2; value-- > 0;)
				simpler(x, count, i, field, value);
	return count;
}

/* Tells a failing sequence in full, in a child, for it may crash again. */
static void tell(const struct runner *x, uint32_t count)
{
	pid_t child;

	fflush(NULL);
	child = fork();
	if (!child) {
		alarm(x->prop->seconds);
		call(x, x->events, count, stdout);
		fflush(NULL);
		exit(0);
	}
	reap(x, child);
}

static int report(struct runner *x)
{
	uint32_t run = x->shared->run, count = make_run(x, run), first = count;

	printf("%s: FAILED in run %u of seed %llu: %s\n", x->prop->name, run,
	       (unsigned long long)x->seed, x->shared->why);
	memcpy(x->why, x->shared->why, WHY_SIZE);
	if (fails(x, x->events, count))
		count = shrink(x, count);
	else
		printf("%s: but not when run alone\n", x->prop->name);
	printf("%u of %u events are left after %u attempts:\n", count, first, x->attempts);
	tell(x, count);
	printf("again: --seed %llu --length %u --only %u\n", (unsigned long long)x->seed, x->length,
	       run);
	return 1;
}

static int run_all(struct runner *x)
{
	for (uint32_t from = 0; from < x->runs; from += BATCH) {
		uint32_t to = x->runs - from > BATCH ? from + BATCH : x->runs;

		if (try_batch(x, from, to))
			return report(x);
	}
	printf("%s: seed %llu, %u runs, %llu events, all held\n", x->prop->name,
	       (unsigned long long)x->seed, x->runs, (unsigned long long)x->shared->events);
	return 0;
}

static int run_one(struct runner *x)
{
	uint32_t count = make_run(x, x->only);

	tell(x, count);
	return try_batch(x, x->only, x->only + 1);
}

static uint64_t seed_of(const char *text)
{
	struct timespec now;

	if (strcmp(text, "random"))
		return strtoull(text, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000003u + (uint64_t)now.tv_nsec;
}

static int option(struct runner *x, const char *name, const char *value)
{
	if (!strcmp(name, "--seed"))
		x->seed = seed_of(value);
	else if (!strcmp(name, "--runs"))
		x->runs = (uint32_t)strtoul(value, NULL, 0);
	else if (!strcmp(name, "--length"))
		x->length = (uint32_t)strtoul(value, NULL, 0);
	else if (!strcmp(name, "--only"))
		x->only = (uint32_t)strtoul(value, NULL, 0);
	else
		return -1;
	return 0;
}

static int options(struct runner *x, int argc, char **argv)
{
	const char *seed = getenv("VT_SEED"), *runs = getenv("VT_RUNS");

	if (seed)
		option(x, "--seed", seed);
	if (runs)
		option(x, "--runs", runs);
	else if (getenv("VDEV_TEST_SLOW"))
		x->runs = x->runs / 10 + 1; /* instrumented code */
	for (int i = 1; i < argc; i += 2)
		if (i + 1 == argc || option(x, argv[i], argv[i + 1]))
			return -1;
	return x->length ? 0 : -1;
}

int vt_prop_main(const struct vt_prop *prop, int argc, char **argv)
{
	struct runner x = {.prop = prop,
			   .seed = prop->seed,
			   .runs = prop->runs,
			   .length = prop->length,
			   .only = UINT32_MAX};
	int failed;

	if (options(&x, argc, argv)) {
		fprintf(stderr, "usage: %s [--seed N|random] [--runs N] [--length N] [--only N]\n",
			argv[0]);
		return 2;
	}
	printf("%s: seed %llu\n", prop->name, (unsigned long long)x.seed);
	x.events = calloc(x.length, sizeof(*x.events));
	x.trial = calloc(x.length, sizeof(*x.trial));
	x.shared = mmap(NULL, sizeof(*x.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (!x.events || !x.trial || x.shared == MAP_FAILED) {
		perror("vt_prop");
		return 2;
	}
	failed = x.only == UINT32_MAX ? run_all(&x) : run_one(&x);
	free(x.events);
	free(x.trial);
	munmap(x.shared, sizeof(*x.shared));
	return failed;
}
