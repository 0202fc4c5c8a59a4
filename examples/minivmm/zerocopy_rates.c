/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chapter 6: one stuck destination among four. The guest sends to all in turn, as fast as it can; windows
 * with and without the stuck one follow each other, so that whatever else the host does is in both.
 */
#include <stdlib.h>
#include <string.h>

#include "zerocopy.h"

#define PAIRS 11u
#define MOST_PAIRS 55u /* where the host has other work, more of them are needed to tell */
#define WINDOW_MS 100u
#define DESTINATIONS 4u
#define STUCK 0u

/* What the others got. */
static uint64_t delivered(struct scene *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < DESTINATIONS; i++)
		if (i != STUCK)
			sum += transport_seen(zerocopy_to(s, i)).messages;
	return sum;
}

/* Messages in a second. */
static double window(struct scene *s, bool stuck)
{
	uint64_t before, began;

	transport_stick(zerocopy_to(s, STUCK), stuck);
	vm_run_for(s->vm, WINDOW_MS / 4); /* until its quota is used up, or it has read all */
	before = delivered(s);
	began = vm_now(s->vm);
	vm_run_for(s->vm, WINDOW_MS);
	return (double)(delivered(s) - before) * 1e9 / (double)(vm_now(s->vm) - began);
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double middle(const double *values, uint32_t count)
{
	double sorted[MOST_PAIRS];

	memcpy(sorted, values, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_size);
	return sorted[count / 2];
}

/* Each other pair the other way round: neither is always first. */
static void pair(struct scene *s, uint32_t number, double *ret_with, double *ret_without)
{
	if (number % 2)
		*ret_with = window(s, true);
	*ret_without = window(s, false);
	if (number % 2 == 0)
		*ret_with = window(s, true);
}

static bool begin(struct scene *s)
{
	zerocopy_destinations(s, DESTINATIONS);
	s->options.lending.engine.destination_blocks =
		4; /* few of the guest's 64 blocks are held */
	return zerocopy_begin(s) &&
	       DO(s, .what = MSG_DO_LOAD, .address = MSG_BLOCKS, .length = 64, .pitch = PAGE,
		  .cookie = 1, .blocks = MSG_LOAD_BLOCKS, .batch = 8, .count = ALL_ONES,
		  .timeout_ms = 50, .destinations = DESTINATIONS);
}

static void others(struct scene *s)
{
	double with[MOST_PAIRS], without[MOST_PAIRS], ratio[MOST_PAIRS], r = 0;
	uint32_t n = 0;
	uint64_t copied;

	if (!begin(s))
		return;
	vm_run_for(s->vm, 50);
	while (n < PAIRS || (r < 0.9 && n < MOST_PAIRS)) {
		pair(s, n, &with[n], &without[n]);
		ratio[n] = without[n] > 0 ? with[n] / without[n] : 0;
		r = middle(ratio, ++n);
	}
	transport_stick(zerocopy_to(s, STUCK), false);
	zerocopy_stop_load(s, 0);
	NEED(s, zerocopy_idle(s) && zerocopy_quarantined(s, 0), "it does not end");
	copied = s->vm->lending->counts.reasons[VDEV_ZEROCOPY_COPY_DESTINATION];
	EXPECT(s, copied > 0, "the quota of the stuck one was never reached");
	EXPECT(s, r >= 0.9, "the others kept only %.2f of their rate", r);
	scene_tell(s,
		   "%.0f messages a second to the others without it, %.0f with it: %.2f; %llu "
		   "were copied for it",
		   middle(without, n), middle(with, n), r, (unsigned long long)copied);
}

/* Four queues, four owners, one receiver: each message is told of once. */
static void queues(struct scene *s)
{
	struct vdev_zerocopy_stats stats;
	uint64_t told = 0;

	zerocopy_destinations(s, DESTINATIONS);
	s->options.lending.queues = LENDING_QUEUES;
	if (!zerocopy_begin(s))
		return;
	for (uint32_t i = 0; i < LENDING_QUEUES; i++)
		NEED(s,
		     DO(s, .what = MSG_DO_LOAD, .queue = i,
			.address = MSG_BLOCKS + (uint64_t)i * 64 * PAGE, .length = 64,
			.pitch = PAGE, .cookie = 1, .blocks = 16, .batch = 8, .count = 300,
			.destination = i, .timeout_ms = 2, .flags = MSG_THEN_REWRITE),
		     "the guest takes no orders");
	for (uint32_t i = 0; i < 100 && zerocopy_seen(s)->posted < 1200; i++) {
		transport_stick(zerocopy_to(s, i % DESTINATIONS), true);
		vm_run_for(s->vm, 3);
		transport_stick(zerocopy_to(s, i % DESTINATIONS), false);
	}
	NEED(s, zerocopy_load_over(s, 1200) && zerocopy_quarantined(s, 0), "it does not end");
	stats = lending_stats(s->vm);
	for (uint32_t i = 0; i < LENDING_RESULTS; i++)
		told += s->vm->lending->counts.told[i];
	EXPECT(s, told == 1200 && zerocopy_seen(s)->accessible == 1200,
	       "told %llu times, the guest heard %llu, of 1200", (unsigned long long)told,
	       (unsigned long long)zerocopy_seen(s)->accessible);
	EXPECT(s, stats.settled + stats.reclaimed + stats.aborted == stats.lent && !stats.blocks,
	       "%llu lent, %llu settled, %llu reclaimed", (unsigned long long)stats.lent,
	       (unsigned long long)stats.settled, (unsigned long long)stats.reclaimed);
	scene_tell(s,
		   "1200 messages of 4 queues: %llu settled, %llu reclaimed, %llu complete before "
		   "sent() returned",
		   (unsigned long long)stats.settled, (unsigned long long)stats.reclaimed,
		   (unsigned long long)s->vm->lending->counts.raced);
}

const struct story zerocopy_rates[] = {
	{"one-stuck-of-four", "Z8", others},
	{"four-queues", "Z6 Z13", queues},
	{NULL, NULL, NULL},
};
