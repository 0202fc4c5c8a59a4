/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chapter 4: a receiver that is stuck. Its pages are replaced under the running guest; and the controls,
 * which show what happens without the replacement, and with one that does not write-protect.
 */
#include "zerocopy.h"

#include <string.h>

#define BLOCKS 48u
#define LENGTH (PAGE - ROOM_FOR_COUNTS)

/* BLOCKS pages are sent; the guest writes anew where it gets them back. */
static bool give_all(struct scene *s)
{
	for (uint32_t i = 0; i < BLOCKS; i++)
		if (!GIVE(s, .what = MSG_DO_SEND, .address = zerocopy_block(i), .length = LENGTH,
			  .timeout_ms = 20, .seed = 2 * i, .cookie = i + 1, .stride = 64,
			  .flags = MSG_THEN_REWRITE))
			return false;
	return true;
}

static bool lend_and_rewrite(struct scene *s)
{
	if (!zerocopy_begin(s))
		return false;
	transport_stick(zerocopy_to(s, 0), true);
	return give_all(s) &&
	       EXPECT(s, zerocopy_all_told(s, 0, BLOCKS, VDEV_GUEST_DONE_RECLAIMED),
		      "the guest did not get its blocks back") &&
	       EXPECT(s, zerocopy_idle(s), "the guest did not write anew");
}

/* Everything that the guest wrote last is there. */
static bool check_rewritten(struct scene *s)
{
	for (uint32_t i = 0; i < BLOCKS; i++)
		if (!DO(s, .what = MSG_DO_CHECK, .address = zerocopy_block(i), .length = LENGTH,
			.stride = 64, .seed = 2 * i + 1))
			return false;
	return EXPECT(s, !zerocopy_seen(s)->wrong_after, "the guest's new data changed");
}

static void stuck_on(struct scene *s, uint32_t memory)
{
	struct vdev_zerocopy_stats stats;

	s->options.lending.memory = memory;
	if (!lend_and_rewrite(s))
		return;
	stats = lending_stats(s->vm);
	EXPECT(s, stats.quarantined_blocks == BLOCKS && stats.timed_out == BLOCKS,
	       "%llu blocks in quarantine, expected %u",
	       (unsigned long long)stats.quarantined_blocks, BLOCKS);
	NEED(s, zerocopy_read_out(s, 0), "the receiver got nothing");
	EXPECT(s, zerocopy_right(s) == (uint64_t)BLOCKS * LENGTH && !zerocopy_wrong(s),
	       "the receiver got %llu old and %llu other bytes",
	       (unsigned long long)zerocopy_right(s), (unsigned long long)zerocopy_wrong(s));
	NEED(s, zerocopy_quarantined(s, 0), "the quarantine did not end");
	EXPECT(s, s->vm->lending->counts.released == BLOCKS, "%llu blocks released",
	       (unsigned long long)s->vm->lending->counts.released);
	if (check_rewritten(s))
		scene_tell(s,
			   "%u blocks back after 20 ms and written anew; then %llu old bytes "
			   "were read",
			   BLOCKS, (unsigned long long)zerocopy_right(s));
}

static void stuck(struct scene *s)
{
	stuck_on(s, MEMORY_ANONYMOUS);
}

static void stuck_memfd(struct scene *s)
{
	if (s->options.machine == &machine_mock)
		scene_skip(s, "the mock machine has one kind of memory");
	else
		stuck_on(s, MEMORY_MEMFD);
}

#ifdef HAVE_KVM
/* On loopback the kernel holds what the receiver's window does not take; the rest was copied. */
static void stuck_tcp(struct scene *s)
{
	const struct msg_report *r;

	if (s->options.machine == &machine_mock) {
		scene_skip(s, "the mock machine's memory is lent by its model only");
		return;
	}
	s->options.lending.destinations[0] = &transport_tcp;
	if (!zerocopy_begin(s))
		return;
	r = zerocopy_seen(s);
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s, give_all(s), "the guest takes no orders");
	NEED(s, zerocopy_idle(s), "the guest did not get its blocks back");
	EXPECT(s,
	       r->results[VDEV_GUEST_DONE_SENT] + r->results[VDEV_GUEST_DONE_RECLAIMED] == BLOCKS &&
		       r->results[VDEV_GUEST_DONE_RECLAIMED] >= BLOCKS / 2,
	       "%llu sent, %llu reclaimed", (unsigned long long)r->results[VDEV_GUEST_DONE_SENT],
	       (unsigned long long)r->results[VDEV_GUEST_DONE_RECLAIMED]);
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0), "it does not end");
	EXPECT(s, zerocopy_right(s) == (uint64_t)BLOCKS * LENGTH && !zerocopy_wrong(s),
	       "the receiver got %llu old and %llu other bytes",
	       (unsigned long long)zerocopy_right(s), (unsigned long long)zerocopy_wrong(s));
	if (check_rewritten(s))
		scene_tell(s,
			   "%llu of %u blocks back from the socket; then %llu old bytes were read",
			   (unsigned long long)r->results[VDEV_GUEST_DONE_RECLAIMED], BLOCKS,
			   (unsigned long long)zerocopy_right(s));
}
#endif

/* The same without replacement has to go wrong, else the story above shows nothing. */
static void control_replacement(struct scene *s)
{
	s->options.lending.control = LENDING_NO_REPLACEMENT;
	if (!lend_and_rewrite(s))
		return;
	NEED(s, zerocopy_read_out(s, 0), "the receiver got nothing");
	EXPECT(s, zerocopy_wrong(s) > 0, "without replacement the receiver got no wrong byte");
	scene_tell(s, "as it has to be: the receiver got %llu bytes that were written later",
		   (unsigned long long)zerocopy_wrong(s));
}

/* Both CPUs count in the pages whose blocks are taken back again and again. */
static bool count_while_reclaimed(struct scene *s, uint64_t reclaims)
{
	return zerocopy_begin(s) &&
	       DO(s, .what = MSG_DO_COUNT, .address = MSG_BLOCKS, .length = 64 * PAGE) &&
	       zerocopy_churn(s, reclaims) && DO(s, .what = MSG_DO_COUNT);
}

static void updates(struct scene *s)
{
	if (!count_while_reclaimed(s, 384))
		return;
	EXPECT(s, zerocopy_updates(s) > 1000, "the guest made only %llu updates",
	       (unsigned long long)zerocopy_updates(s));
	EXPECT(s, !zerocopy_lost_updates(s), "%llu updates were lost",
	       (unsigned long long)zerocopy_lost_updates(s));
	scene_tell(s, "%llu updates beside %llu reclaims, none lost",
		   (unsigned long long)zerocopy_updates(s),
		   (unsigned long long)lending_stats(s->vm).reclaimed);
}

static void control_protection(struct scene *s)
{
	s->options.lending.control = LENDING_UNPROTECTED;
	if (!count_while_reclaimed(s, 256))
		return;
	EXPECT(s, zerocopy_lost_updates(s) > 0, "without write-protection no update was lost");
	scene_tell(s, "as it has to be: %llu of %llu updates were lost",
		   (unsigned long long)zerocopy_lost_updates(s),
		   (unsigned long long)zerocopy_updates(s));
}

/* The guest gives up what is in the block: zeroes will do. */
static void zeroes(struct scene *s)
{
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s,
	     GIVE(s, .what = MSG_DO_SEND, .address = zerocopy_block(0), .length = PAGE, .seed = 7,
		  .cookie = 1, .flags = MSG_MAY_BE_ZERO) &&
		     GIVE(s, .what = MSG_DO_RECLAIM, .target = 1, .cookie = 2, .flags = MSG_ZERO),
	     "the guest takes no orders");
	NEED(s, zerocopy_told(s, 1, VDEV_GUEST_DONE_RECLAIMED), "the guest did not get it back");
	EXPECT(s,
	       !*(const uint64_t *)memory_at(s->vm, zerocopy_block(0), 8) &&
		       !memcmp(memory_at(s->vm, zerocopy_block(0), PAGE),
			       (uint8_t *)memory_at(s->vm, zerocopy_block(0), PAGE) + 8, PAGE - 8),
	       "the block is not all zeroes");
	NEED(s, zerocopy_read_out(s, 0), "the receiver got nothing");
	EXPECT(s, zerocopy_right(s) == PAGE, "the receiver got %llu old bytes",
	       (unsigned long long)zerocopy_right(s));
	scene_tell(s, "the guest has zeroes, the receiver its old bytes");
}

const struct story zerocopy_stuck[] = {
	{"stuck-receiver", "Z2 Z4 Z5 Z6", stuck},
	{"stuck-receiver-memfd", "Z4 Z5", stuck_memfd},
#ifdef HAVE_KVM
	{"stuck-receiver-tcp", "Z1 Z4", stuck_tcp},
#endif
	{"control-no-replacement", "Z4", control_replacement},
	{"updates-beside", "Z4 Z5", updates},
	{"control-no-protection", "Z5", control_protection},
	{"zeroes-will-do", "Z3 Z5", zeroes},
	{NULL, NULL, NULL},
};
