/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chapter 11: a guest that posts what makes no sense. Each is refused with a reason and counted; the
 * guest's other queue, as a bystander, goes on as before.
 */
#include "zerocopy.h"

#define BAD 0u
#define GOOD 1u

static const struct bad {
	const char *what;
	uint64_t address;
	uint32_t length, timeout_ms, destination, kind, flags, reserved, why;
} bads[] = {
	{"past the end", GUEST_RAM_SIZE - 16, 64, 0, 0, 1, 0, 0, VDEV_GUEST_WHY_ADDRESS},
	{"far away", 1ull << 40, 64, 0, 0, 1, 0, 0, VDEV_GUEST_WHY_ADDRESS},
	{"wraps", 0ull - 32, 64, 0, 0, 1, 0, 0, VDEV_GUEST_WHY_ADDRESS},
	{"as long as can be", MSG_BLOCKS, 0xffffffff, 0, 0, 1, 0, 0, VDEV_GUEST_WHY_ADDRESS},
	{"its own ring", MSG_RINGS, 64, 0, 0, 1, 0, 0, VDEV_GUEST_WHY_ADDRESS},
	{"zero length", MSG_BLOCKS, 0, 0, 0, 1, 0, 0, VDEV_GUEST_WHY_LENGTH},
	{"absurd time-out", MSG_BLOCKS, 64, 0xffffffff, 0, 1, 0, 0, VDEV_GUEST_WHY_TIMEOUT},
	{"no destination", MSG_BLOCKS, 64, 0, 999, 1, 0, 0, VDEV_GUEST_WHY_DESTINATION},
	{"no kind", MSG_BLOCKS, 64, 0, 0, 77, 0, 0, VDEV_GUEST_WHY_KIND},
	{"no flag", MSG_BLOCKS, 64, 0, 0, 1, 0x80, 0, VDEV_GUEST_WHY_FLAGS},
	{"not zero", MSG_BLOCKS, 64, 0, 0, 1, 0, 5, VDEV_GUEST_WHY_RESERVED},
	{"no target", 0, 0, 0, 0, VDEV_GUEST_MSG_RECLAIM, 0, 0, VDEV_GUEST_WHY_TARGET},
};

static bool begin(struct scene *s)
{
	zerocopy_destinations(s, 2);
	s->options.lending.queues = 2;
	return zerocopy_begin(s) &&
	       DO(s, .what = MSG_DO_LOAD, .queue = GOOD, .address = MSG_BLOCKS + 256 * PAGE,
		  .length = 64, .pitch = PAGE, .cookie = 100000, .blocks = 8, .batch = 4,
		  .count = ALL_ONES, .destination = 1, .flags = MSG_THEN_REWRITE);
}

/* The bystander gets on. */
static bool goes_on(struct scene *s, const char *after)
{
	uint64_t seen = transport_seen(zerocopy_to(s, 1)).messages, until;

	until = vm_now(s->vm) + PATIENCE_MS * MS;
	while (transport_seen(zerocopy_to(s, 1)).messages < seen + 16 && vm_now(s->vm) < until)
		vm_run_for(s->vm, 1);
	return EXPECT(s, transport_seen(zerocopy_to(s, 1)).messages >= seen + 16,
		      "the other queue stands still after: %s", after);
}

static bool finish(struct scene *s)
{
	zerocopy_stop_load(s, GOOD);
	return EXPECT(s, zerocopy_idle(s), "the other queue does not end");
}

static bool refused(struct scene *s, const struct bad *b)
{
	const uint64_t *whys = zerocopy_seen(s)->whys;
	uint64_t before = whys[b->why];

	return DO(s, .what = MSG_DO_RAW, .queue = BAD, .address = b->address, .length = b->length,
		  .timeout_ms = b->timeout_ms, .destination = b->destination, .kind = b->kind,
		  .desc_flags = b->flags, .cookie = 7, .target = b->kind == 3 ? 12345 : 0,
		  .reserved = {b->reserved}) &&
	       EXPECT(s, scene_counter(s, &whys[b->why], before + 1), "not refused: %s", b->what);
}

static void blocks(struct scene *s)
{
	uint32_t n = sizeof(bads) / sizeof(bads[0]);

	if (!begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	for (uint32_t i = 0; i < n; i++)
		if (!refused(s, &bads[i]) || !goes_on(s, bads[i].what))
			return;
	/* a name that is in use, and blocks on top of each other, which harm only their owner */
	NEED(s,
	     zerocopy_send(s, 0, 0, 1, 512, 20) &&
		     DO(s, .what = MSG_DO_RAW, .address = MSG_BLOCKS, .length = 64, .kind = 1,
			.cookie = 1) &&
		     scene_counter(s, &zerocopy_seen(s)->whys[VDEV_GUEST_WHY_COOKIE], 1),
	     "a name that is in use was taken");
	NEED(s,
	     DO(s, .what = MSG_DO_RAW, .address = MSG_BLOCKS + 1, .length = 333, .kind = 1,
		.cookie = 8, .timeout_ms = 20) &&
		     zerocopy_told(s, 1, VDEV_GUEST_DONE_RECLAIMED) && zerocopy_reclaimed(s, 2),
	     "blocks on top of each other do not come back");
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0) && finish(s), "no end");
	scene_tell(s,
		   "%u kinds of nonsense refused, each with its reason; the other queue sent "
		   "%llu",
		   n + 1, (unsigned long long)transport_seen(zerocopy_to(s, 1)).messages);
}

static bool is_broken(struct scene *s, uint64_t before)
{
	vm_run_for(s->vm, 5);
	return zerocopy_seen(s)->broken > before;
}

static bool jump(struct scene *s)
{
	uint64_t before = zerocopy_seen(s)->broken;

	return DO(s, .what = MSG_DO_JUMP, .queue = BAD, .count = 1000) &&
	       scene_counter(s, &zerocopy_seen(s)->broken, before + 1);
}

/* It is looked at when room is needed: within a few times of almost all the room that there is. */
static bool consume(struct scene *s)
{
	uint64_t before = zerocopy_seen(s)->broken;

	for (uint32_t i = 0; i < 12 && !is_broken(s, before); i++) {
		if (!DO(s, .what = MSG_DO_DEAF, .queue = BAD, .count = 1) ||
		    !DO(s, .what = MSG_DO_CONSUME, .queue = BAD, .count = 5000) ||
		    !DO(s, .what = MSG_DO_FLOOD, .queue = BAD, .count = 48))
			return false;
		is_broken(s, before);
		DO(s, .what = MSG_DO_DEAF, .queue = BAD);
	}
	return is_broken(s, before);
}

/* Broken, it is started anew and works; its neighbour did not notice. */
static bool recovers(struct scene *s, bool (*breaks)(struct scene *s), const char *name)
{
	return EXPECT(s, breaks(s), "the queue did not break: %s", name) && goes_on(s, name) &&
	       DO(s, .what = MSG_DO_STOP, .queue = BAD) &&
	       DO(s, .what = MSG_DO_START, .queue = BAD) &&
	       EXPECT(s,
		      zerocopy_send(s, 0, 0, 2, 512, 0) &&
			      zerocopy_all_told(s, 0, 2, VDEV_GUEST_DONE_SENT),
		      "started anew, the queue does not work after: %s", name);
}

static void rings(struct scene *s)
{
	uint64_t refusals;

	if (!begin(s) || !recovers(s, jump, "producer index") ||
	    !recovers(s, consume, "index of taken events"))
		return;
	NEED(s, DO(s, .what = MSG_DO_STOP, .queue = BAD), "the queue does not turn off");
	refusals = zerocopy_seen(s)->refused_on;
	NEED(s,
	     DO(s, .what = MSG_DO_RINGS_AT, .queue = BAD, .address = 1ull << 40,
		.target = MSG_RINGS, .length = 64, .count = 256) &&
		     DO(s, .what = MSG_DO_RINGS_AT, .queue = BAD, .address = MSG_RINGS,
			.target = MSG_RINGS + 64, .length = 64, .count = 256) &&
		     DO(s, .what = MSG_DO_RINGS_AT, .queue = BAD, .address = MSG_RINGS,
			.target = GUEST_RAM_SIZE, .length = 64, .count = 256),
	     "the guest takes no orders");
	EXPECT(s, zerocopy_seen(s)->refused_on == refusals + 3,
	       "%llu of 3 impossible rings refused",
	       (unsigned long long)(zerocopy_seen(s)->refused_on - refusals));
	if (goes_on(s, "impossible rings") && finish(s))
		scene_tell(s, "impossible indices and rings: broken, started anew, no harm done");
}

/* Fast, deaf, and again and again. */
static void floods(struct scene *s)
{
	const struct msg_report *r;

	if (!begin(s))
		return;
	r = zerocopy_seen(s);
	NEED(s,
	     DO(s, .what = MSG_DO_RING, .queue = BAD, .count = 2000) && goes_on(s, "doorbells") &&
		     DO(s, .what = MSG_DO_FLOOD, .queue = BAD, .count = 3000) &&
		     goes_on(s, "flood"),
	     "the guest takes no orders");
	EXPECT(s, r->results[VDEV_GUEST_DONE_REFUSED] > 1000, "%llu refused of a flood of 3000",
	       (unsigned long long)r->results[VDEV_GUEST_DONE_REFUSED]);
	NEED(s,
	     DO(s, .what = MSG_DO_DEAF, .queue = BAD, .count = 1) &&
		     DO(s, .what = MSG_DO_FLOOD, .queue = BAD, .count = 32) &&
		     goes_on(s, "a guest that takes no events") &&
		     DO(s, .what = MSG_DO_DEAF, .queue = BAD, .count = 0),
	     "the guest takes no orders");
	if (finish(s))
		scene_tell(s,
			   "2000 doorbells, 3000 wild descriptors: %llu refused; the other queue "
			   "sent %llu",
			   (unsigned long long)r->results[VDEV_GUEST_DONE_REFUSED],
			   (unsigned long long)transport_seen(zerocopy_to(s, 1)).messages);
}

const struct story zerocopy_hostile[] = {
	{"hostile-blocks", "Z8 Z10", blocks},
	{"hostile-rings", "Z8", rings},
	{"hostile-floods", "Z8", floods},
	{NULL, NULL, NULL},
};
