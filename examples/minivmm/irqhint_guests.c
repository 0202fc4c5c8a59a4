/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests that do as they please: a hint is advice (H8), and no harm comes from what they program. */
#include "irqhint.h"

#define RING_ROOM (MSG_EVENTS_SIZE - MSG_SIZE)

static void ignores(struct scene *s)
{
	struct source *d;

	s->options.hints.engine.interval_ns = 10 * MS;
	if (!irqhint_open(s, 1))
		return;
	irqhint_orders(s)->policy = SRC_IGNORE;
	if (!irqhint_start(s))
		return;
	d = irqhint_source(s, 0);
	NEED(s, irqhint_raise(s, 0, 0, 1, 300, MS), "events were lost");
	EXPECT(s, d->counts.hits + d->counts.misses == 300, "%llu of 300 events were handled",
	       (unsigned long long)(d->counts.hits + d->counts.misses));
	/* At least: QEMU's emulated SVM was seen to inject one twice. */
	EXPECT(s,
	       irqhint_seen(s)->interrupts[0][0] >= 300 && irqhint_seen(s)->interrupts[0][1] == 0,
	       "vCPUs 0 and 1 had %llu and %llu interrupts, all 300 were programmed to vCPU 0",
	       (unsigned long long)irqhint_seen(s)->interrupts[0][0],
	       (unsigned long long)irqhint_seen(s)->interrupts[0][1]);
	EXPECT(s,
	       irqhint_answers(s, VDEV_IRQHINT_FIRST) == 1 && irqhint_seen(s)->hints >= 2 &&
		       irqhint_seen(s)->hints <= 12,
	       "%llu hints in 300 events", (unsigned long long)irqhint_seen(s)->hints);
	EXPECT(s, hints_stats(s->vm).followed == 0, "nothing was followed, yet it counts");
	scene_tell(s, "300 events were handled, %llu hints, ever more seldom",
		   (unsigned long long)irqhint_seen(s)->hints);
}

static void outside(struct scene *s)
{
	if (!irqhint_open(s, 1))
		return;
	irqhint_orders(s)->policy = SRC_OUTSIDE;
	irqhint_orders(s)->home = 1;
	if (!irqhint_start(s))
		return;
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 0), "it is not obeyed");
	EXPECT(s, hints_stats(s->vm).ignored >= 1 && hints_stats(s->vm).followed == 0,
	       "ignored %llu, followed %llu", (unsigned long long)hints_stats(s->vm).ignored,
	       (unsigned long long)hints_stats(s->vm).followed);
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0), "events were lost");
	EXPECT(s, irqhint_seen(s)->interrupts[0][0] >= 1, "they do not go to vCPU 0");
	scene_tell(s, "vCPU 1 was hinted, vCPU 0 programmed, vCPU 0 got the interrupts");
}

/* A guest that does not know of hints is not told any. */
static void no_driver(struct scene *s)
{
	if (!irqhint_open(s, 1))
		return;
	irqhint_orders(s)->no_hints = 1;
	if (!irqhint_start(s))
		return;
	NEED(s, irqhint_raise(s, 0, 0, 1, 10, MS), "events were lost");
	EXPECT(s, irqhint_source(s, 0)->counts.told == 0 && irqhint_seen(s)->hints == 0,
	       "it was told of hints that it does not know");
	scene_tell(s, "the feature was not negotiated: no hint, all events");
}

static uint64_t nonsense_of(struct scene *s)
{
	uint64_t n;

	vm_lock(s->vm);
	n = irqhint_source(s, 0)->nonsense;
	vm_unlock(s->vm);
	return n;
}

/* Tables full of nonsense: counted, harmless to others, and over when the guest comes to reason. */
static void nonsense(struct scene *s)
{
	struct source *d;

	if (!irqhint_begin(s, 2))
		return;
	d = irqhint_source(s, 0);
	NEED(s, irqhint_raise(s, 1, 0, 1, 1, 0) && irqhint_routed(s, 1, 0, 1), "no route at first");
	__atomic_store_n(&irqhint_orders(s)->nonsense_now, 1, __ATOMIC_RELEASE);
	NEED(s, scene_word(s, &irqhint_seen(s)->nonsense, 1), "the guest does not write nonsense");
	EXPECT(s, nonsense_of(s) >= 8, "%llu entries of nonsense were noticed",
	       (unsigned long long)nonsense_of(s));
	EXPECT(s, hints_info(d, 0).set_bits == 0, "nonsense became a route");
	NEED(s, irqhint_raise(s, 1, 0, 1, 20, MS), "the other device lost events");
	EXPECT(s, irqhint_source(s, 1)->counts.hits >= 19, "the other device lost its route");
	__atomic_store_n(&irqhint_orders(s)->program_now, 1, __ATOMIC_RELEASE);
	NEED(s, scene_word(s, &irqhint_seen(s)->programs, 1), "the guest does not program anew");
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1),
	     "no route when it programmed well");
	scene_tell(s, "%llu entries of nonsense: refused, counted, nobody else noticed",
		   (unsigned long long)nonsense_of(s));
}

/* A guest that takes no events: hints find no room, events go on. */
static void deaf(struct scene *s)
{
	struct source *d;

	if (!irqhint_begin(s, 1))
		return;
	d = irqhint_source(s, 0);
	NEED(s, irqhint_deafen(s, true), "the guest does not go deaf");
	for (uint32_t i = 0; i < RING_ROOM + 20 && !s->failed; i++) {
		vdev_irqhint_migrated(s->vm->hints->engine); /* each is the first */
		irqhint_raise(s, 0, 0, 1, 1, 0);
	}
	EXPECT(s, d->counts.told >= RING_ROOM - 1 && d->counts.full >= 10,
	       "%llu hints told, %llu found no room", (unsigned long long)d->counts.told,
	       (unsigned long long)d->counts.full);
	EXPECT(s, d->counts.hits + d->counts.misses == RING_ROOM + 20, "events were lost");
	NEED(s, irqhint_deafen(s, false), "the guest hears nothing any more");
	NEED(s, irqhint_routed(s, 0, 0, 1), "no route when it heard again");
	scene_tell(s, "%llu hints found no room, no event waited for one",
		   (unsigned long long)d->counts.full);
}

const struct story irqhint_guests[] = {
	{"guest-ignores", "H8 H6", ignores},
	{"guest-outside", "H8", outside},
	{"guest-without-driver", "H8", no_driver},
	{"guest-nonsense", "H8 H10", nonsense},
	{"guest-deaf", "H8", deaf},
	{NULL, NULL, NULL},
};
