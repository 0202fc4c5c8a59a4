/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 2: messages that complete, what they wait for, and for how long. */
#include "zerocopy.h"

static void completes(struct scene *s)
{
	struct vdev_zerocopy_stats stats;

	zerocopy_destinations(s, 2);
	if (!zerocopy_begin(s))
		return;
	NEED(s, zerocopy_send(s, 0, 0, 24, 2048, 0) && zerocopy_send(s, 1, 24, 24, PAGE, 0),
	     "the guest takes no orders");
	NEED(s, zerocopy_all_told(s, 0, 48, VDEV_GUEST_DONE_SENT), "the guest was not told");
	NEED(s, zerocopy_idle(s), "something is still in flight in the guest");
	stats = lending_stats(s->vm);
	EXPECT(s, stats.lent == 48 && stats.settled == 48, "%llu lent, %llu settled",
	       (unsigned long long)stats.lent, (unsigned long long)stats.settled);
	EXPECT(s, !stats.reclaimed && !stats.blocks, "a page was replaced");
	EXPECT(s, zerocopy_right(s) == UINT64_C(24) * (2048 + PAGE), "%llu bytes arrived",
	       (unsigned long long)zerocopy_right(s));
	scene_tell(s, "48 messages to 2 destinations, each told once, %llu bytes right",
		   (unsigned long long)zerocopy_right(s));
}

/* A copying destination: the host's task is over at once, an answer comes only when it reads. */
static void predicate(struct scene *s, uint32_t until, bool enough)
{
	s->options.lending.engine.until = until;
	s->options.lending.destinations[0] = &transport_copy;
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s, zerocopy_send(s, 0, 0, 8, 1024, 20), "the guest takes no orders");
	NEED(s,
	     zerocopy_all_told(s, 0, 8, enough ? VDEV_GUEST_DONE_SENT : VDEV_GUEST_DONE_RECLAIMED),
	     "what came was %s", enough ? "enough, but not taken for it" : "taken for enough");
	EXPECT(s, lending_stats(s->vm).reclaimed == (enough ? 0 : 8), "%llu blocks reclaimed",
	       (unsigned long long)lending_stats(s->vm).reclaimed);
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0),
	     "what was read is still in quarantine");
	scene_tell(s, "the task was over, no answer came: %s",
		   enough ? "complete" : "reclaimed after its time-out");
}

static void until_task(struct scene *s)
{
	predicate(s, VDEV_ZEROCOPY_UNTIL_TASK, true);
}

static void until_response(struct scene *s)
{
	predicate(s, VDEV_ZEROCOPY_UNTIL_RESPONSE, false);
}

static void until_any(struct scene *s)
{
	predicate(s, VDEV_ZEROCOPY_UNTIL_ANY, true);
}

static void until_all(struct scene *s)
{
	predicate(s, VDEV_ZEROCOPY_UNTIL_ALL, false);
}

/* Too short, too long and no time-out: raised, lowered, the default. */
static void clamps(struct scene *s)
{
	static const uint32_t asked_ms[] = {1, 3000000, 0};
	uint32_t took[3];

	s->options.lending.engine.timeout_min_ns = 60 * MS;
	s->options.lending.engine.timeout_max_ns = 200 * MS;
	s->options.lending.engine.timeout_ns = 100 * MS;
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	for (uint32_t i = 0; i < 3; i++) {
		uint64_t began = vm_now(s->vm);

		NEED(s, zerocopy_send(s, 0, i, 1, 512, asked_ms[i]), "the guest takes no orders");
		NEED(s, zerocopy_told(s, i + 1, VDEV_GUEST_DONE_RECLAIMED),
		     "not reclaimed: the guest asked for %u ms", asked_ms[i]);
		took[i] = (uint32_t)((vm_now(s->vm) - began) / MS);
	}
	EXPECT(s, took[0] >= 60 && took[1] >= 200 && took[2] >= 100,
	       "reclaimed too early: after %u, %u and %u ms", took[0], took[1], took[2]);
	scene_tell(s, "1 ms became %u, 50 minutes became %u, none became %u ms", took[0], took[1],
		   took[2]);
}

const struct story zerocopy_basic[] = {
	{"completes", "Z1 Z6", completes},
	{"until-task", "Z2", until_task},
	{"until-response", "Z2", until_response},
	{"until-any", "Z2", until_any},
	{"until-all", "Z2", until_all},
	{"time-outs-clamped", "Z2", clamps},
	{NULL, NULL, NULL},
};
