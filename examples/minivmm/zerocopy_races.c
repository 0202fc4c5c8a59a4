/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 3: completions that come at the moment of expiry, late, or twice; and very many reclaims. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "zerocopy.h"

#define ROUNDS 40u
#define MESSAGES 16u

static uint64_t result(struct scene *s, uint32_t which)
{
	return __atomic_load_n(&zerocopy_seen(s)->results[which], __ATOMIC_ACQUIRE);
}

/* The receiver reads at about the time when the messages expire: before, at, or after it. */
static bool race(struct scene *s, uint32_t round)
{
	uint64_t posted = zerocopy_seen(s)->posted;

	transport_stick(zerocopy_to(s, 0), true);
	if (!DO(s, .what = MSG_DO_LOAD, .address = MSG_BLOCKS, .length = 64, .pitch = PAGE,
		.timeout_ms = 1 + round % 4, .cookie = 1 + (uint64_t)round * MESSAGES,
		.blocks = MESSAGES, .batch = MESSAGES, .count = MESSAGES,
		.flags = MSG_THEN_REWRITE) ||
	    !EXPECT(s, scene_counter(s, &zerocopy_seen(s)->posted, posted + MESSAGES),
		    "the guest posted nothing"))
		return false;
	vm_run_for(s->vm, 2);
	transport_stick(zerocopy_to(s, 0), false);
	return EXPECT(s, zerocopy_idle(s), "a message was not told of");
}

static void at_expiry(struct scene *s)
{
	struct vdev_zerocopy_stats stats;
	uint64_t sent, back;

	if (!zerocopy_begin(s))
		return;
	for (uint32_t i = 0; i < ROUNDS; i++)
		if (!race(s, i))
			return;
	NEED(s, zerocopy_quarantined(s, 0), "the quarantine did not end");
	sent = result(s, VDEV_GUEST_DONE_SENT);
	back = result(s, VDEV_GUEST_DONE_RECLAIMED);
	stats = lending_stats(s->vm);
	EXPECT(s, sent + back == (uint64_t)ROUNDS * MESSAGES,
	       "%llu complete and %llu reclaimed of %u", (unsigned long long)sent,
	       (unsigned long long)back, ROUNDS * MESSAGES);
	EXPECT(s, sent && back, "no race: %llu complete, %llu reclaimed", (unsigned long long)sent,
	       (unsigned long long)back);
	EXPECT(s, stats.late == stats.reclaimed && stats.reclaimed == back,
	       "%llu reclaimed, %llu late, the guest knows of %llu",
	       (unsigned long long)stats.reclaimed, (unsigned long long)stats.late,
	       (unsigned long long)back);
	scene_tell(s,
		   "%u messages, each told once: %llu complete (%llu after they were claimed), "
		   "%llu reclaimed",
		   ROUNDS * MESSAGES, (unsigned long long)sent, (unsigned long long)stats.in_time,
		   (unsigned long long)back);
}

static void late_and_twice(struct scene *s)
{
	struct vdev_zerocopy_stats stats;
	uint64_t id;

	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s, zerocopy_send(s, 0, 0, 8, PAGE, 10), "the guest takes no orders");
	NEED(s, zerocopy_all_told(s, 0, 8, VDEV_GUEST_DONE_RECLAIMED), "not reclaimed");
	id = zerocopy_first_id(s, 0);
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0),
	     "the late completion did not end the quarantine");
	stats = lending_stats(s->vm);
	EXPECT(s, stats.late == 8 && s->vm->lending->counts.released == 8,
	       "%llu late, %llu released", (unsigned long long)stats.late,
	       (unsigned long long)s->vm->lending->counts.released);
	EXPECT(s, lending_complete(s->vm->lending, id, id + 7, VDEV_ZEROCOPY_TASK) == -ENOENT,
	       "a second completion was taken");
	EXPECT(s, lending_stats(s->vm).stale >= stats.stale + 8, "it was not counted");
	vm_run_for(s->vm, 10);
	EXPECT(s, zerocopy_seen(s)->accessible == 8, "the guest was told %llu times",
	       (unsigned long long)zerocopy_seen(s)->accessible);
	/* and of messages that were complete in time */
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s, zerocopy_send(s, 0, 8, 4, PAGE, 0), "the guest takes no orders");
	NEED(s, zerocopy_lent(s, 12), "nothing was lent");
	vm_run_for(s->vm, 5);
	id = zerocopy_first_id(s, 0);
	transport_stick(zerocopy_to(s, 0), false);
	NEED(s, zerocopy_all_told(s, 8, 4, VDEV_GUEST_DONE_SENT), "not complete");
	EXPECT(s, lending_complete(s->vm->lending, id, id + 3, VDEV_ZEROCOPY_TASK) == -ENOENT,
	       "a second completion was taken");
	scene_tell(s, "8 late ones freed their quarantine; 12 second ones refused and counted");
}

/* Mappings that guest memory is made of, and all of this process. On the mock: pages that were taken
 * out and are still there. */
static int64_t mappings(struct scene *s, int64_t *ret_all)
{
	uintptr_t ram = (uintptr_t)s->vm->ram, from, to;
	FILE *maps = NULL;
	char line[512];
	int64_t n = 0;

	*ret_all = 0;
	if (s->options.machine == &machine_mock)
		return model_away(s->vm->model);
	maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return -1;
	while (fgets(line, sizeof(line), maps)) {
		char *dash;

		from = strtoul(line, &dash, 16);
		to = strtoul(*dash == '-' ? dash + 1 : dash, NULL, 16);
		n += from < ram + GUEST_RAM_SIZE && to > ram;
		*ret_all += 1;
	}
	fclose(maps);
	return n;
}

static void churned(struct scene *s, uint64_t reclaims, uint64_t took_ns, int64_t pieces)
{
	struct lending_counts *c = &s->vm->lending->counts;
	struct vdev_zerocopy_stats stats = lending_stats(s->vm);

	EXPECT(s, stats.late == stats.reclaimed, "%llu blocks were read late of %llu",
	       (unsigned long long)stats.late, (unsigned long long)stats.reclaimed);
	EXPECT(s, c->largest_batch >= 16, "OFFLINE actions do not come together: at most %llu",
	       (unsigned long long)c->largest_batch);
	scene_tell(s,
		   "%llu blocks in %.1f s, %llu a batch, %.1f us a page; guest memory in %lld "
		   "piece%s as before",
		   (unsigned long long)reclaims, (double)took_ns / 1e9,
		   (unsigned long long)(c->jobs / (c->batches ? c->batches : 1)),
		   (double)c->replace_ns * PAGE / 1e3 /
			   (double)(c->replaced_bytes ? c->replaced_bytes : 1),
		   (long long)pieces, pieces == 1 ? "" : "s");
}

static void ten_thousand(struct scene *s)
{
	int64_t before, after, all_before, all_after;
	uint64_t reclaims, began;

	zerocopy_destinations(s, LENDING_QUEUES);
	s->options.lending.queues = LENDING_QUEUES;
	if (!zerocopy_begin(s) || !zerocopy_churn(s, 512))
		return;
	before = mappings(s, &all_before);
	reclaims = lending_stats(s->vm).reclaimed;
	began = vm_now(s->vm);
	if (!zerocopy_churn(s, 10000))
		return;
	reclaims = lending_stats(s->vm).reclaimed - reclaims;
	after = mappings(s, &all_after);
	s->zerocopy.vma_delta += after - before;
	EXPECT(s, before >= 0 && after == before, "guest memory: %lld mappings became %lld",
	       (long long)before, (long long)after);
	/* the allocator of the process may have made a few */
	EXPECT(s, all_after <= all_before + 16, "the process: %lld mappings became %lld",
	       (long long)all_before, (long long)all_after);
	churned(s, reclaims, vm_now(s->vm) - began, after);
}

const struct story zerocopy_races[] = {
	{"at-the-moment-of-expiry", "Z6 Z7 Z13", at_expiry},
	{"late-and-twice", "Z4 Z7", late_and_twice},
	{"ten-thousand", "Z2 Z4 Z10 Z13", ten_thousand},
	{NULL, NULL, NULL},
};
