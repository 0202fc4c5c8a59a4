/* SPDX-License-Identifier: BSD-3-Clause */
/* Hints as such: the first event, what is in it, what the guest does with it (H1..H4). */
#include "irqhint.h"

/* The handler itself looks whether the hint lay in the ring before it was called. */
static void first_event(struct scene *s)
{
	const struct source_seen *seen;

	if (!irqhint_begin(s, 1))
		return;
	seen = irqhint_seen(s);
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_hinted(s, 0, 0, 1), "no first hint");
	EXPECT(s, seen->set[0] == 2 && seen->distance[0] == VDEV_IRQHINT_SAME_CPU,
	       "hinted were vCPUs %#llx at distance %u, expected 0x2 at 0",
	       (unsigned long long)seen->set[0], seen->distance[0]);
	EXPECT(s, seen->with_hint == 1 && seen->without_hint == 0,
	       "the hint came after the interrupt: %llu with, %llu without one",
	       (unsigned long long)seen->with_hint, (unsigned long long)seen->without_hint);
	NEED(s, irqhint_routed(s, 0, 0, 1) && irqhint_raise(s, 0, 0, 1, 3, 0), "not routed");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 1, "%llu first hints",
	       (unsigned long long)irqhint_answers(s, VDEV_IRQHINT_FIRST));
	scene_tell(s, "the hint (vCPU 1) was in the ring before the handler began");
}

static void programmed(struct scene *s)
{
	const struct source_seen *seen;
	struct source *d;
	uint64_t hits;

	if (!irqhint_begin(s, 1))
		return;
	d = irqhint_source(s, 0);
	seen = irqhint_seen(s);
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1),
	     "the guest did not follow");
	EXPECT(s, hints_stats(s->vm).followed == 1 && hints_stats(s->vm).ignored == 0,
	       "followed %llu, ignored %llu", (unsigned long long)hints_stats(s->vm).followed,
	       (unsigned long long)hints_stats(s->vm).ignored);
	hits = d->counts.hits;
	NEED(s, irqhint_raise(s, 0, 0, 1, 20, MS), "events were lost");
	EXPECT(s, d->counts.hits - hits >= 19, "%llu of 20 events reached a vCPU on their CPU",
	       (unsigned long long)(d->counts.hits - hits));
	EXPECT(s, seen->interrupts[0][1] >= 20, "vCPU 1 had %llu interrupts",
	       (unsigned long long)seen->interrupts[0][1]);
	scene_tell(s, "the write of the MSI-X table was trapped and became the route");
}

/* All vCPUs that are there, and no other one. */
static void all_that_are_there(struct scene *s)
{
	s->options.cpus = 4;
	if (!irqhint_begin(s, 1))
		return;
	for (uint32_t v = 0; v < 4; v++)
		irqhint_place(s, v, v != 2);
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_hinted(s, 0, 0, 1), "no hint");
	EXPECT(s, irqhint_seen(s)->set[0] == 0xb, "hinted were vCPUs %#llx, expected 0xb",
	       (unsigned long long)irqhint_seen(s)->set[0]);
	NEED(s, irqhint_routed(s, 0, 0, 0), "the guest chose another one than it should");
	scene_tell(s, "of four vCPUs the three on the event's CPU were hinted");
}

/* "First time" is for each type of each device. */
static void each_its_own(struct scene *s)
{
	if (!irqhint_begin(s, 2))
		return;
	for (uint32_t d = 0; d < 2; d++)
		for (uint32_t t = 0; t < SOURCE_TYPES; t++)
			NEED(s,
			     irqhint_raise(s, d, t, d ^ (t & 1), 1, 0) &&
				     irqhint_routed(s, d, t, d ^ (t & 1)),
			     "device %u, type %u", d, t);
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 2ull * SOURCE_TYPES,
	       "%llu first hints for 2 devices of %u types",
	       (unsigned long long)irqhint_answers(s, VDEV_IRQHINT_FIRST), SOURCE_TYPES);
	EXPECT(s, irqhint_seen(s)->with_hint == 2ull * SOURCE_TYPES,
	       "%llu came before the interrupt", (unsigned long long)irqhint_seen(s)->with_hint);
	scene_tell(s, "8 types of events, 8 hints, 8 routes");
}

const struct story irqhint_basic[] = {
	{"first-event", "H1 H2 H3", first_event},
	{"programmed", "H4", programmed},
	{"all-that-are-there", "H1 H2 H3", all_that_are_there},
	{"each-its-own", "H2 H5", each_its_own},
	{NULL, NULL, NULL},
};
