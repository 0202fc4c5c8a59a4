/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 5: the guest asks for its blocks, quotas, and which sizes are worth it. */
#include <string.h>

#include "zerocopy.h"

static uint64_t reason(struct scene *s, uint32_t which)
{
	return s->vm->lending->counts.reasons[which];
}

static void asks(struct scene *s)
{
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s, zerocopy_send(s, 0, 0, 16, 512, 0), "the guest takes no orders");
	NEED(s, GIVE(s, .what = MSG_DO_RECLAIM, .target = 3, .cookie = 40),
	     "the guest takes no orders");
	NEED(s, zerocopy_told(s, 3, VDEV_GUEST_DONE_RECLAIMED), "the one it asked for is out");
	NEED(s, zerocopy_told(s, 40, VDEV_GUEST_DONE_OK), "its request was not answered");
	EXPECT(s, lending_stats(s->vm).reclaimed == 1, "more than the one were reclaimed");
	NEED(s, GIVE(s, .what = MSG_DO_RECLAIM_ALL, .cookie = 41), "the guest takes no orders");
	NEED(s, zerocopy_told(s, 41, VDEV_GUEST_DONE_OK), "its request was not answered");
	EXPECT(s, zerocopy_seen(s)->accessible == 16,
	       "answered when %llu of 16 blocks were accessible",
	       (unsigned long long)zerocopy_seen(s)->accessible);
	EXPECT(s, lending_stats(s->vm).asked == 16, "%llu claimed by request",
	       (unsigned long long)lending_stats(s->vm).asked);
	NEED(s, GIVE(s, .what = MSG_DO_RECLAIM, .target = 3, .cookie = 42),
	     "the guest takes no orders");
	NEED(s, zerocopy_told(s, 42, VDEV_GUEST_DONE_REFUSED),
	     "a block that is back is given again");
	NEED(s, zerocopy_read_out(s, 0), "the receiver got nothing");
	scene_tell(s, "one, then the other 15; a third request for the first is refused");
}

/* Two stuck destinations, at most 8 blocks each, at most 12 in all. */
static void quotas(struct scene *s)
{
	struct vdev_zerocopy_stats stats;

	zerocopy_destinations(s, 3);
	s->options.lending.engine.max_blocks = 12;
	s->options.lending.engine.destination_blocks = 8;
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	transport_stick(zerocopy_to(s, 1), true);
	NEED(s,
	     zerocopy_send(s, 0, 0, 12, 512, 0) && zerocopy_send(s, 1, 12, 12, 512, 0) &&
		     zerocopy_send(s, 2, 24, 4, 512, 0),
	     "the guest takes no orders");
	NEED(s, scene_counter(s, &zerocopy_seen(s)->accessible, 16), "copies were not told of");
	stats = lending_stats(s->vm);
	EXPECT(s, stats.blocks == 12, "%llu blocks in flight, the quota is 12",
	       (unsigned long long)stats.blocks);
	EXPECT(s, reason(s, VDEV_ZEROCOPY_COPY_DESTINATION) == 4,
	       "%llu over the destination's quota",
	       (unsigned long long)reason(s, VDEV_ZEROCOPY_COPY_DESTINATION));
	EXPECT(s, reason(s, VDEV_ZEROCOPY_COPY_QUOTA) == 12, "%llu over the VM's quota",
	       (unsigned long long)reason(s, VDEV_ZEROCOPY_COPY_QUOTA));
	EXPECT(s, zerocopy_seen(s)->results[VDEV_GUEST_DONE_COPIED] == 16, "%llu copied",
	       (unsigned long long)zerocopy_seen(s)->results[VDEV_GUEST_DONE_COPIED]);
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_read_out(s, 1) && zerocopy_idle(s),
	     "the stuck ones do not end");
	EXPECT(s, zerocopy_right(s) == UINT64_C(28) * 512, "%llu bytes arrived",
	       (unsigned long long)zerocopy_right(s));
	scene_tell(s, "12 of 28 lent, 16 copied: 4 over the destination's quota, 12 over the VM's");
}

/* Blocks that were taken back count until the late consumer lets go. */
static void quarantine(struct scene *s)
{
	zerocopy_destinations(s, 2);
	s->options.lending.engine.quarantine_bytes = 64 * PAGE;
	s->options.lending.engine.destination_quarantine_bytes = 8 * PAGE;
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s,
	     zerocopy_send(s, 0, 0, 8, PAGE, 5) &&
		     zerocopy_all_told(s, 0, 8, VDEV_GUEST_DONE_RECLAIMED),
	     "not reclaimed");
	NEED(s,
	     zerocopy_send(s, 0, 8, 4, PAGE, 5) &&
		     zerocopy_all_told(s, 8, 4, VDEV_GUEST_DONE_COPIED),
	     "more was lent to a receiver that holds all it may");
	EXPECT(s, reason(s, VDEV_ZEROCOPY_COPY_QUARANTINE) == 4, "not for that reason");
	NEED(s,
	     zerocopy_send(s, 1, 12, 4, PAGE, 0) &&
		     zerocopy_all_told(s, 12, 4, VDEV_GUEST_DONE_SENT),
	     "another destination suffers from it");
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0),
	     "the quarantine does not end");
	transport_stick(zerocopy_to(s, 0), false);
	NEED(s,
	     zerocopy_send(s, 0, 16, 4, PAGE, 0) &&
		     zerocopy_all_told(s, 16, 4, VDEV_GUEST_DONE_SENT),
	     "it is not lent to again");
	scene_tell(s, "8 pages held: 4 copied, others lent to as before; read: lent to again");
}

/* 16 slots, all held by a stuck receiver; a completion makes room. */
static void slots(struct scene *s)
{
	zerocopy_destinations(s, 2);
	s->options.lending.slots = 16;
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s,
	     zerocopy_send(s, 0, 0, 16, 512, 5) &&
		     zerocopy_all_told(s, 0, 16, VDEV_GUEST_DONE_RECLAIMED),
	     "not reclaimed");
	NEED(s,
	     zerocopy_send(s, 1, 16, 4, 512, 0) &&
		     zerocopy_all_told(s, 16, 4, VDEV_GUEST_DONE_COPIED),
	     "not copied, though there is no slot");
	EXPECT(s, reason(s, VDEV_ZEROCOPY_COPY_SLOTS) == 4, "not for that reason");
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0),
	     "the quarantine does not end");
	NEED(s,
	     zerocopy_send(s, 1, 20, 4, 512, 0) &&
		     zerocopy_all_told(s, 20, 4, VDEV_GUEST_DONE_SENT),
	     "not lent, though there are slots");
	scene_tell(s, "no slot: copied, never waited for");
}

static bool load(struct scene *s, uint32_t length, uint32_t count)
{
	uint64_t until = zerocopy_seen(s)->posted + count;

	return DO(s, .what = MSG_DO_LOAD, .address = MSG_BLOCKS, .length = length,
		  .pitch = 32 * PAGE, .cookie = 1, .blocks = 16, .batch = 16, .count = count,
		  .stride = 512) &&
	       EXPECT(s, zerocopy_load_over(s, until), "the load of %u bytes does not end", length);
}

static bool one_size(struct scene *s, uint32_t length, uint64_t *ret_lent, uint64_t *ret_copied)
{
	uint64_t lent = lending_stats(s->vm).lent, copied = reason(s, VDEV_ZEROCOPY_COPY_SMALL);

	if (!load(s, length, 400))
		return false;
	*ret_lent = lending_stats(s->vm).lent - lent;
	*ret_copied = reason(s, VDEV_ZEROCOPY_COPY_SMALL) - copied;
	return EXPECT(s, *ret_lent && *ret_copied, "%u bytes: one way was never tried (%llu, %llu)",
		      length, (unsigned long long)*ret_lent, (unsigned long long)*ret_copied);
}

/* Costs are told for both ways, and the threshold follows them. */
static void adaptive(struct scene *s)
{
	static const uint32_t lengths[] = {64, 1024, 16384, 65536};
	uint64_t lent[4], copied[4], threshold;

	s->options.lending.adaptive = true;
	s->options.lending.threshold_bytes = 4096;
	if (!zerocopy_begin(s))
		return;
	for (uint32_t i = 0; i < 4; i++)
		if (!one_size(s, lengths[i], &lent[i], &copied[i]))
			return;
	/* One cost that was measured while the machine did something else is corrected by later ones. */
	for (uint32_t again = 0; again < 5 && copied[0] <= lent[0]; again++)
		if (!one_size(s, lengths[0], &lent[0], &copied[0]))
			return;
	threshold = vdev_zerocopy_threshold(s->vm->lending->queues[0].queue);
	EXPECT(s, copied[0] > lent[0], "64 bytes are lent rather than copied: %llu to %llu",
	       (unsigned long long)lent[0], (unsigned long long)copied[0]);
	EXPECT(s, lent[3] > copied[3], "64 KiB are copied rather than lent: %llu to %llu",
	       (unsigned long long)copied[3], (unsigned long long)lent[3]);
	scene_tell(s,
		   "lent of 400: %llu at 64 bytes, %llu at 1 KiB, %llu at 16 KiB, %llu at 64 KiB; "
		   "threshold %llu",
		   (unsigned long long)lent[0], (unsigned long long)lent[1],
		   (unsigned long long)lent[2], (unsigned long long)lent[3],
		   (unsigned long long)threshold);
}

/* A destination for which the kernel copies all the same: lending to it is given up, but for a trial. */
static void copied_anyway(struct scene *s)
{
	struct vdev_zerocopy_stats stats;

#ifdef HAVE_KVM
	if (s->options.machine != &machine_mock)
		s->options.lending.destinations[0] = &transport_tcp;
#endif
	if (!s->options.lending.destinations[0])
		s->options.lending.destinations[0] = &transport_copy;
	s->options.lending.adaptive = true;
	if (!zerocopy_begin(s) || !load(s, 4096, 400))
		return;
	stats = lending_stats(s->vm);
	EXPECT(s, stats.copied[0] > 0, "no completion said that the kernel had copied");
	EXPECT(s, stats.lent < 100, "%llu of 400 were lent all the same",
	       (unsigned long long)stats.lent);
	scene_tell(s,
		   "%llu of 400 lent, %llu of them copied by the kernel; the others copied at once",
		   (unsigned long long)stats.lent, (unsigned long long)stats.copied[0]);
}

const struct story zerocopy_limits[] = {
	{"guest-asks", "Z3 Z6", asks},
	{"quotas", "Z8", quotas},
	{"quarantine-full", "Z8", quarantine},
	{"no-slot", "Z8 Z13", slots},
	{"adaptive", "Z9", adaptive},
	{"copied-anyway", "Z9", copied_anyway},
	{NULL, NULL, NULL},
};
