/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A zero-copy engine under test: blocks named by letters, a fake clock, and all that comes out as one
 * line of text, so that a test says in one string what has to happen and in which order.
 *
 *	vz_init(&t, VDEV_ZEROCOPY_UNTIL_TASK);
 *	vz_lend(&t, 'a');
 *	vz_expect(&t, vz_pass(&t, VZ_TIMEOUT), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
 *	vz_expect(&t, vz_complete(&t, 'a', VDEV_ZEROCOPY_TASK), "RELEASE:a");
 *
 * All that waits is taken before any of it is done, as the header advises; then what follows from it.
 * One word for each action: KIND:block, '-' for the whole VM, then flags as capitals: W whole, A again,
 * R by reset, Q asked for; then what else it says: ACCESSIBLE:a+RECLAIMED, OFFLINE:a=RESET,
 * OFFLINE:a(1+2) where not all granules of the block are meant, but two from the second one on,
 * REFUSED:a(-5), CANCEL:a(OFFLINE). What must not be (an id given twice, another block, a wrong
 * user_data) comes out as a word BAD-..., so no text fits it.
 */
#ifndef VT_ZEROCOPY_H
#define VT_ZEROCOPY_H

#include <vdev/zerocopy.h>

#include "vt_env.h"

#define VZ_TEXT 16384u
#define VZ_LETTERS 128u
#define VZ_IDS 4096u
#define VZ_BATCH 1024u
#define VZ_SCRIPT 64u
#define VZ_SEC UINT64_C(1000000000)
#define VZ_TIMEOUT VZ_SEC /* of each block, unless a test says otherwise */
#define VZ_SLOTS 64u
#define VZ_PAGE UINT64_C(4096)
/* Memory of three kinds: small granules, huge ones, and such that cannot be taken out. */
#define VZ_RAM (UINT64_C(1) << 20)
#define VZ_RAM_SIZE (UINT64_C(16) << 20)
#define VZ_HUGE (UINT64_C(1) << 30)
#define VZ_HUGE_GRANULE (UINT64_C(2) << 20)
#define VZ_HUGE_SIZE (8 * VZ_HUGE_GRANULE)
#define VZ_FIXED (UINT64_C(2) << 30)
#define VZ_FIXED_SIZE (UINT64_C(1) << 20)
/* Or-ed to what complete() answers: its bit was set, the block is over. */
#define VZ_OVER 0x100
/* In vz_script(): the action stays outstanding until vz_done(). */
#define VZ_LATER 1

struct vz_block {
	struct vdev_zerocopy_block b;
	uint32_t queue; /* which queue sends it */
	uint64_t id; /* once reserved, also when it is over */
	uint64_t sent; /* bytes that went out */
};

struct vt_zerocopy {
	struct vt_env v;
	struct vdev_zerocopy_config config;
	struct vdev_zerocopy *z;
	struct vdev_zerocopy_queue *q[VDEV_ZEROCOPY_MAX_QUEUES];
	uint32_t queue_count;
	uint64_t now;
	struct vz_block block[VZ_LETTERS];
	struct vdev_action out[VZ_BATCH]; /* left outstanding */
	uint32_t out_count;
	struct vdev_action last; /* the last action of all */
	struct {
		uint32_t kind;
		char letter; /* 0: any */
		int status;
	} script[VZ_SCRIPT];
	uint32_t scripted;
	uint64_t ids[VZ_IDS];
	uint32_t id_count;
	void (*inside)(struct vt_zerocopy *t,
		       const struct vdev_action *a); /* called in each deed */
	char text[VZ_TEXT];
};

/* Engine with 4 queues and destinations at most, the three kinds of memory and one queue. */
int vz_init(struct vt_zerocopy *t, uint32_t until);
/* The same with another configuration; what is 0 in its limits is as above. */
int vz_init_with(struct vt_zerocopy *t, const struct vdev_zerocopy_config *config);
/* Ends the engine; 0 when nothing leaked. */
int vz_end(struct vt_zerocopy *t);
int vz_add_queue(struct vt_zerocopy *t, uint32_t slots, uint32_t flags, uint64_t threshold);
int vz_add_memory(struct vt_zerocopy *t, uint64_t address, uint64_t size, uint64_t granule,
		  uint32_t flags);

/* What the block of a letter will be; unless told, two pages of VZ_RAM for itself alone. */
struct vdev_zerocopy_block *vz_block(struct vt_zerocopy *t, char letter);
void vz_place(struct vt_zerocopy *t, char letter, uint64_t address, uint64_t length);
int vz_reserve(struct vt_zerocopy *t, char letter);
int vz_sent(struct vt_zerocopy *t, char letter);
int vz_sent_part(struct vt_zerocopy *t, char letter, uint64_t bytes);
int vz_abort(struct vt_zerocopy *t, char letter);
/* reserve() and sent(); what the first answers unless it lends, else what the second does. */
int vz_lend(struct vt_zerocopy *t, char letter);
/* As vdev_zerocopy_complete(), and VZ_OVER. */
int vz_complete(struct vt_zerocopy *t, char letter, uint32_t flags);
/* A completion on which nothing but WAKE is to be done; then step(). Returns what step() says. */
int vz_late(struct vt_zerocopy *t, char letter, uint32_t flags);
int vz_reclaim(struct vt_zerocopy *t, char letter, uint32_t mode);
/* Time passes; step() is called at the end of it. */
int vz_pass(struct vt_zerocopy *t, uint64_t ns);
/* Ends the oldest action of this kind and block that was left outstanding. */
int vz_done(struct vt_zerocopy *t, uint32_t kind, char letter, int status);
/* The next action of this kind (and block) ends with `status`, or is left outstanding. */
void vz_script(struct vt_zerocopy *t, uint32_t kind, char letter, int status);
/* Performs all that waits; the text of it. */
const char *vz_drain(struct vt_zerocopy *t);
/* Time from now until the deadline; VDEV_NONE: nothing is timed. */
uint64_t vz_due(struct vt_zerocopy *t);
/* FREE when it is not found. */
struct vdev_zerocopy_info vz_info(struct vt_zerocopy *t, char letter);
static inline struct vdev_zerocopy_stats vz_stats(struct vt_zerocopy *t)
{
	struct vdev_zerocopy_stats stats = {0};

	vdev_zerocopy_stats(t->z, &stats, sizeof(stats));
	return stats;
}
/* Saves and loads into a new engine; the clock of the new one begins at `now`. */
int vz_reload(struct vt_zerocopy *t, uint64_t now, uint32_t flags);

#define vz_expect(t, event, wanted)                       \
	do {                                              \
		int vz_ret = (event);                     \
		assert_in_range(vz_ret, 0, 1000000);      \
		assert_string_equal(vz_drain(t), wanted); \
	} while (0)

#endif
