/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 7: blocks that share pages, begin and end anywhere, lie in huge pages, or are all memory. */
#include <stdlib.h>
#include <string.h>

#include "zerocopy.h"

#define HUGE_PAGES "/proc/sys/vm/nr_hugepages"
#define HUGE_NEEDED 16 /* guest memory, what is replaced, and what the library tries first */

/* Blocks a and b in one page, c over three pages; d is nobody's. All of 64-bit words. */
#define AT_A (MSG_BLOCKS + 104u)
#define AT_B (MSG_BLOCKS + 1000u)
#define AT_D (MSG_BLOCKS + 2000u)
#define AT_C (MSG_BLOCKS + 3 * PAGE - 96u)

static bool send_at(struct scene *s, uint64_t address, uint32_t length, uint64_t cookie)
{
	return GIVE(s, .what = MSG_DO_SEND, .address = address, .length = length,
		    .seed = (uint32_t)cookie, .cookie = cookie);
}

static bool back(struct scene *s, uint64_t cookie, uint32_t flags)
{
	return GIVE(s, .what = MSG_DO_RECLAIM, .target = cookie, .cookie = cookie + 100,
		    .flags = flags) &&
	       EXPECT(s, zerocopy_told(s, cookie, VDEV_GUEST_DONE_RECLAIMED),
		      "block %llu did not come back", (unsigned long long)cookie);
}

static bool check(struct scene *s, uint64_t address, uint32_t length, uint32_t seed)
{
	return DO(s, .what = MSG_DO_CHECK, .address = address, .length = length, .seed = seed) &&
	       EXPECT(s, !zerocopy_seen(s)->wrong_after, "what is at %#llx changed",
		      (unsigned long long)address);
}

static bool granules(struct scene *s, uint64_t replaced, uint64_t skipped)
{
	struct vdev_zerocopy_stats stats = lending_stats(s->vm);

	return EXPECT(s, stats.granules == replaced && stats.granules_skipped == skipped,
		      "%llu pages replaced and %llu skipped, expected %llu and %llu",
		      (unsigned long long)stats.granules,
		      (unsigned long long)stats.granules_skipped, (unsigned long long)replaced,
		      (unsigned long long)skipped);
}

static void shared(struct scene *s)
{
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s,
	     DO(s, .what = MSG_DO_FILL, .address = AT_D, .length = 800, .seed = 9) &&
		     send_at(s, AT_A, 504, 1) && send_at(s, AT_B, 304, 2) &&
		     send_at(s, AT_C, 4400, 3),
	     "the guest takes no orders");
	/* zeroes were asked for, but the page is not a's alone */
	if (!back(s, 1, MSG_ZERO) || !granules(s, 1, 0) || !check(s, AT_D, 800, 9))
		return;
	/* b's page was replaced after b was sent: nothing to do, and it has its contents */
	if (!back(s, 2, 0) || !granules(s, 1, 1) || !check(s, AT_B, 304, 2))
		return;
	if (!back(s, 3, 0) || !granules(s, 4, 1) || !check(s, AT_C, 4400, 3))
		return;
	/* sent after its page was replaced: it has to be replaced again */
	if (!send_at(s, AT_A, 504, 4) || !back(s, 4, 0) || !granules(s, 5, 1) ||
	    !check(s, AT_D, 800, 9))
		return;
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0), "it does not end");
	EXPECT(s, zerocopy_right(s) == 504 + 304 + 4400 + 504, "%llu right bytes",
	       (unsigned long long)zerocopy_right(s));
	scene_tell(s, "4 blocks on 4 pages, none of them page by page: 5 replaced, 1 skipped, the "
		      "neighbours' data stayed");
}

/* All memory while both CPUs write: what is lent comes back, and nothing is lost. */
static void whole(struct scene *s)
{
	struct lending_counts *c;

	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	NEED(s,
	     DO(s, .what = MSG_DO_COUNT, .address = MSG_BLOCKS, .length = 64 * PAGE) &&
		     zerocopy_send(s, 0, 0, 48, 256, 0) && zerocopy_lent(s, 48),
	     "the guest takes no orders");
	vm_run_for(s->vm, 5);
	NEED(s, lending_reclaim_all(s->vm, VDEV_ZEROCOPY_PRESERVE, VDEV_ZEROCOPY_WHOLE) > 0,
	     "refused");
	NEED(s, zerocopy_all_told(s, 0, 48, VDEV_GUEST_DONE_RECLAIMED), "not all came back");
	c = &s->vm->lending->counts;
	EXPECT(s, c->jobs == 1 && c->largest_batch == 1, "%llu OFFLINE actions, expected 1",
	       (unsigned long long)c->jobs);
	for (uint32_t i = 0; i < 48; i++)
		if (!check(s, zerocopy_block(i), 256, 2 * i))
			return;
	vm_run_for(s->vm, 10);
	NEED(s, DO(s, .what = MSG_DO_COUNT), "the guest takes no orders");
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0), "it does not end");
	EXPECT(s, zerocopy_right(s) == UINT64_C(48) * 256, "%llu right bytes",
	       (unsigned long long)zerocopy_right(s));
	scene_tell(s, "%u MiB in one action in %.1f ms; 48 blocks back, %llu updates, none lost",
		   GUEST_RAM_SIZE >> 20, (double)c->replace_ns / 1e6,
		   (unsigned long long)zerocopy_updates(s));
}

static long huge_pages(long wanted)
{
	FILE *file = fopen(HUGE_PAGES, wanted < 0 ? "re" : "we");
	char text[32] = {0};
	long n = -1;

	if (!file)
		return -1;
	if (wanted >= 0)
		n = fprintf(file, "%ld\n", wanted) > 0 ? wanted : -1;
	else if (fgets(text, sizeof(text), file))
		n = strtol(text, NULL, 10);
	if (fclose(file))
		n = -1;
	return n;
}

static void huge_told(struct scene *s)
{
	struct vdev_zerocopy_stats stats;

	s->options.lending.memory = MEMORY_HUGE;
	if (!zerocopy_begin(s))
		return;
	transport_stick(zerocopy_to(s, 0), true);
	/* two blocks in one huge page, one in the next; neighbours' data between them */
	NEED(s,
	     DO(s, .what = MSG_DO_FILL, .address = MSG_BLOCKS + 8 * PAGE, .length = 512,
		.seed = 9) &&
		     send_at(s, MSG_BLOCKS + 104, 4400, 1) &&
		     send_at(s, MSG_BLOCKS + 256 * PAGE, 4096, 2) &&
		     send_at(s, MSG_BLOCKS + 600 * PAGE, 4096, 3),
	     "the guest takes no orders");
	if (!back(s, 1, 0) || !granules(s, 1, 0) || !back(s, 2, 0) || !granules(s, 1, 1) ||
	    !back(s, 3, 0) || !granules(s, 2, 1) || !check(s, MSG_BLOCKS + 8 * PAGE, 512, 9) ||
	    !check(s, MSG_BLOCKS + 104, 4400, 1) || !check(s, MSG_BLOCKS + 600 * PAGE, 4096, 3))
		return;
	NEED(s, DO(s, .what = MSG_DO_FILL, .address = MSG_BLOCKS + 104, .length = 4400, .seed = 20),
	     "the guest takes no orders");
	NEED(s, zerocopy_read_out(s, 0) && zerocopy_quarantined(s, 0), "it does not end");
	stats = lending_stats(s->vm);
	EXPECT(s, zerocopy_right(s) == 4400 + 4096 + 4096, "%llu right bytes",
	       (unsigned long long)zerocopy_right(s));
	scene_tell(s, "%llu whole huge pages replaced for 3 blocks, %llu skipped",
		   (unsigned long long)stats.granules, (unsigned long long)stats.granules_skipped);
}

static void huge(struct scene *s)
{
	long before;

	if (s->options.machine == &machine_mock) {
		scene_skip(s, "the mock machine has one kind of memory");
		return;
	}
	before = huge_pages(-1);
	if (before < 0 || (before < HUGE_NEEDED && huge_pages(HUGE_NEEDED) < 0)) {
		scene_skip(s, "%s cannot be written", HUGE_PAGES);
		return;
	}
	if (huge_pages(-1) < HUGE_NEEDED)
		scene_skip(s, "this machine has no %d huge pages to spare", HUGE_NEEDED);
	else
		huge_told(s);
	s->undo = before < HUGE_NEEDED ? huge_pages : NULL;
	s->undo_value = before;
}

const struct story zerocopy_memory[] = {
	{"shared-and-unaligned", "Z5 Z10", shared},
	{"whole-vm", "Z5", whole},
	{"huge-pages", "Z5 Z10", huge},
	{NULL, NULL, NULL},
};
