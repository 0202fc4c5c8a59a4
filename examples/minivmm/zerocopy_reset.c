/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 10: the guest is reset, or turns a queue off, with many blocks out. */
#include "zerocopy.h"

#define QUEUES 2u
#define OUT ((uint64_t)QUEUES * MSG_LOAD_BLOCKS)

static bool many_out(struct scene *s, uint32_t queues)
{
	uint64_t blocks = (uint64_t)queues * MSG_LOAD_BLOCKS;

	for (uint32_t i = 0; i < queues; i++) {
		transport_stick(zerocopy_to(s, i), true);
		if (!DO(s, .what = MSG_DO_LOAD, .queue = i,
			.address = MSG_BLOCKS + (uint64_t)i * MSG_LOAD_BLOCKS * PAGE, .length = 512,
			.pitch = PAGE, .cookie = 1, .blocks = MSG_LOAD_BLOCKS,
			.batch = MSG_LOAD_BLOCKS, .count = MSG_LOAD_BLOCKS, .destination = i))
			return false;
	}
	return EXPECT(
		s, scene_counter(s, &zerocopy_seen(s)->posted, blocks) && zerocopy_lent(s, blocks),
		"not all are out");
}

static void read_all(struct scene *s, uint32_t queues)
{
	for (uint32_t i = 0; i < queues; i++)
		EXPECT(s, zerocopy_read_out(s, i), "receiver %u got nothing", i);
	EXPECT(s, zerocopy_quarantined(s, 0), "the quarantine did not end");
	EXPECT(s, zerocopy_right(s) == (uint64_t)queues * MSG_LOAD_BLOCKS * 512,
	       "the receivers got %llu right bytes", (unsigned long long)zerocopy_right(s));
}

static void reset_with(struct scene *s, uint32_t flags)
{
	struct vdev_zerocopy_stats stats;
	uint64_t told;
	int r;

	zerocopy_destinations(s, QUEUES);
	s->options.lending.queues = QUEUES;
	s->options.lending.reset_flags = flags;
	if (!zerocopy_begin(s) || !many_out(s, QUEUES))
		return;
	told = zerocopy_seen(s)->accessible;
	r = vm_reset(s->vm);
	NEED(s, r >= 0, "the reset did not end: %s", vdev_strerror(r));
	stats = lending_stats(s->vm);
	EXPECT(s, !stats.blocks && stats.reset == OUT && stats.quarantined_blocks == OUT,
	       "%llu still lent, %llu claimed, %llu in quarantine",
	       (unsigned long long)stats.blocks, (unsigned long long)stats.reset,
	       (unsigned long long)stats.quarantined_blocks);
	NEED(s, scene_word(s, &guest_report(s->vm)->boots, 2), "the guest does not boot again");
	NEED(s, scene_word(s, &zerocopy_seen(s)->queues_on, QUEUES), "its queues stay off");
	EXPECT(s, zerocopy_seen(s)->accessible == told, "the new guest was told of old blocks");
	read_all(s, QUEUES);
	transport_stick(zerocopy_to(s, 0), false);
	NEED(s,
	     zerocopy_send(s, 0, 200, 8, PAGE, 0) &&
		     zerocopy_all_told(s, 200, 8, VDEV_GUEST_DONE_SENT),
	     "the new guest cannot send");
	scene_tell(
		s,
		"%llu blocks back%s, the new guest booted and sent; the receivers read old bytes",
		(unsigned long long)OUT, flags ? " with the whole memory" : "");
}

static void reset_many(struct scene *s)
{
	reset_with(s, 0);
}

static void reset_whole(struct scene *s)
{
	reset_with(s, VDEV_ZEROCOPY_WHOLE);
}

/* The guest's driver goes: its queue is off when the last of its blocks is back. */
static void queue_off(struct scene *s)
{
	if (!zerocopy_begin(s) || !many_out(s, 1))
		return;
	NEED(s, DO(s, .what = MSG_DO_STOP), "the queue does not turn off");
	EXPECT(s, !lending_stats(s->vm).blocks, "%llu blocks are still lent",
	       (unsigned long long)lending_stats(s->vm).blocks);
	NEED(s, DO(s, .what = MSG_DO_START), "the queue does not turn on again");
	read_all(s, 1);
	transport_stick(zerocopy_to(s, 0), false);
	NEED(s,
	     zerocopy_send(s, 0, 200, 8, PAGE, 0) &&
		     zerocopy_all_told(s, 200, 8, VDEV_GUEST_DONE_SENT),
	     "the queue does not work");
	scene_tell(s, "off when its %u blocks were back, on again, and it works", MSG_LOAD_BLOCKS);
}

const struct story zerocopy_reset[] = {
	{"reset-with-many-out", "Z3 Z4", reset_many},
	{"reset-whole-vm", "Z3 Z5", reset_whole},
	{"queue-off-with-many-out", "Z3", queue_off},
	{NULL, NULL, NULL},
};
