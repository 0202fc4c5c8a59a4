/* SPDX-License-Identifier: BSD-3-Clause */
/* Staleness and its limits (H6), the next best, places that are too old (H7), nobody (H5). */
#include "irqhint.h"

static bool routed_to_1(struct scene *s)
{
	return irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1);
}

static void vcpu_moved(struct scene *s)
{
	if (!irqhint_begin(s, 1))
		return;
	NEED(s, routed_to_1(s), "not routed at first");
	irqhint_swap(s, true);
	NEED(s, irqhint_raise(s, 0, 0, 1, 50, MS) && irqhint_routed(s, 0, 0, 0),
	     "no new route after the vCPU had moved away");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_MOVED) >= 1, "hints, but not because it moved");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_STALE) >= 1, "it did not have to stay away");
	scene_tell(s, "vCPU 1 left, vCPU 0 was hinted after %llu stale events",
		   (unsigned long long)irqhint_answers(s, VDEV_IRQHINT_STALE));
}

static void events_moved(struct scene *s)
{
	if (!irqhint_begin(s, 1))
		return;
	NEED(s, routed_to_1(s), "not routed at first");
	NEED(s, irqhint_raise(s, 0, 0, 0, 50, MS) && irqhint_routed(s, 0, 0, 0),
	     "no new route after the events came from elsewhere");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_CPU_CHANGED) >= 1,
	       "hints, but not because the CPU changed");
	scene_tell(s, "the events came from CPU 0, vCPU 0 was hinted");
}

/* What comes and goes within the hysteresis is no reason, however often. */
static void no_ping_pong(struct scene *s)
{
	s->options.hints.engine.hysteresis_ns = 2 * SECOND;
	if (!irqhint_begin(s, 1))
		return;
	NEED(s, routed_to_1(s), "not routed at first");
	for (uint32_t i = 0; i < 20; i++) {
		irqhint_swap(s, !(i % 2));
		NEED(s, irqhint_raise(s, 0, 0, 1, 5, MS), "events were lost");
	}
	EXPECT(s, irqhint_seen(s)->hints == 1, "%llu hints while vCPUs went to and fro",
	       (unsigned long long)irqhint_seen(s)->hints);
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_STALE) >= 20, "it never was stale");
	scene_tell(s, "20 moves within the hysteresis, no hint but the first");
}

/* However often vCPUs move for longer than that: so many hints in a second, no more. */
static void limited(struct scene *s)
{
	uint64_t began, most, again;

	s->options.hints.engine.interval_ns = 100 * MS;
	if (!irqhint_begin(s, 1))
		return;
	NEED(s, routed_to_1(s), "not routed at first");
	began = vm_now(s->vm);
	for (uint32_t i = 0; i < 25; i++) {
		irqhint_swap(s, !(i % 2));
		NEED(s, irqhint_raise(s, 0, 0, 1, 20, MS), "events were lost");
	}
	most = (vm_now(s->vm) - began) / (100 * MS) + 1;
	again = irqhint_answers(s, VDEV_IRQHINT_MOVED) +
		irqhint_answers(s, VDEV_IRQHINT_CPU_CHANGED);
	EXPECT(s, again <= most && again >= 1, "%llu hints, expected 1 to %llu",
	       (unsigned long long)again, (unsigned long long)most);
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_LIMITED) > 0, "nothing was held back");
	scene_tell(s, "25 moves in %llu ms: %llu hints", (unsigned long long)most * 100 - 100,
		   (unsigned long long)again);
}

/* CPUs 1, 2, 3 are the sibling of CPU 0, share its cache, its node. Both vCPUs are on CPU 0. */
static void next_best(struct scene *s)
{
	static const struct vdev_irqhint_cpu topology[4] = {
		{.core = 0}, {.core = 0}, {.core = 1}, {.core = 2, .cache = 1}};
	struct hints_options *o = &s->options.hints;
	uint32_t n;

	o->engine.max_distance = VDEV_IRQHINT_ANY;
	o->topology_count = 4;
	for (uint32_t i = 0; i < 4; i++)
		o->topology[i] = topology[i];
	if (!irqhint_begin(s, 1))
		return;
	irqhint_place(s, 1, 0);
	n = s->vm->hints->cpus_count;
	for (uint32_t i = 1; i < n; i++) {
		NEED(s, irqhint_raise(s, 0, i, i, 1, 0) && irqhint_hinted(s, 0, i, 1), "no hint");
		EXPECT(s, irqhint_seen(s)->distance[i] == i && irqhint_seen(s)->set[i] == 3,
		       "CPU %u: vCPUs %#llx at distance %s", i,
		       (unsigned long long)irqhint_seen(s)->set[i],
		       vdev_irqhint_distance_name(irqhint_seen(s)->distance[i]));
	}
	scene_tell(s, "nobody was there: the next best was hinted, at %u distance%s", n - 1,
		   n == 2 ? "" : "s");
}

/* A guest may leave far ones alone; so may the VMM. */
static void too_far(struct scene *s)
{
	s->options.hints.engine.max_distance = VDEV_IRQHINT_ANY;
	if (!irqhint_open(s, 1))
		return;
	irqhint_orders(s)->farthest = VDEV_IRQHINT_SAME_NODE;
	irqhint_place(s, 1, 0);
	if (!irqhint_start(s))
		return;
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_hinted(s, 0, 0, 1), "no hint");
	EXPECT(s, irqhint_seen(s)->far == 1 && irqhint_seen(s)->followed == 0,
	       "the guest followed a hint that was too far");
	NEED(s, irqhint_raise(s, 0, 0, 1, 5, MS), "events were lost");
	scene_tell(s, "a hint at distance ANY was told as such, and not followed");
}

/* No hint by places of long ago. The first hint comes when the provider looks again. */
static void too_old(struct scene *s)
{
	s->options.hints.engine.max_age_ns = 20 * MS;
	if (!irqhint_begin(s, 1))
		return;
	NEED(s, irqhint_raise(s, 0, 1, 1, 1, 0), "events were lost");
	atomic_store(&s->vm->hints->hangs, true);
	vm_run_for(s->vm, 60);
	NEED(s, irqhint_raise(s, 0, 0, 1, 3, 0), "events were lost");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_TOO_OLD) == 3, "%llu events had no hint",
	       (unsigned long long)irqhint_answers(s, VDEV_IRQHINT_TOO_OLD));
	EXPECT(s, hints_info(irqhint_source(s, 0), 0).state == VDEV_IRQHINT_NEW,
	       "the type is not new any more");
	atomic_store(&s->vm->hints->hangs, false);
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1),
	     "no hint when the provider looked again");
	scene_tell(s, "the provider hung: no hint; it looked again: the first one");
}

/* Nobody near enough: no hint, and the first time is still to come. */
static void nobody(struct scene *s)
{
	if (!irqhint_begin(s, 1))
		return;
	irqhint_place(s, 1, 0);
	NEED(s, irqhint_raise(s, 0, 0, 1, 5, MS), "events were lost");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_EMPTY) == 5 && irqhint_seen(s)->hints == 0,
	       "%llu hints though nobody is there", (unsigned long long)irqhint_seen(s)->hints);
	EXPECT(s, irqhint_seen(s)->without_hint == 1, "the guest saw a hint");
	irqhint_place(s, 1, 1);
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1),
	     "no hint when somebody was there");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 1, "it was not the first");
	scene_tell(s, "5 events with nobody there, the 6th was the first");
}

const struct story irqhint_stale[] = {
	{"vcpu-moved", "H6", vcpu_moved},
	{"events-moved", "H6", events_moved},
	{"no-ping-pong", "H6", no_ping_pong},
	{"limited", "H6", limited},
	{"next-best", "H7", next_best},
	{"too-far", "H7 H8", too_far},
	{"too-old", "H7", too_old},
	{"nobody-there", "H5", nobody},
	{NULL, NULL, NULL},
};
