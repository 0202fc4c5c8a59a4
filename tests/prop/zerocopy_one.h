/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Naive model of one zero-copy message, for prop_zerocopy_orders.c: written from the rules Z1..Z7 and
 * Z11, shares nothing with the engine.
 *
 * Events return what the call must return; what has to come out of next() is asked for with
 * one_expected(), one action at a time.
 */
#ifndef ZEROCOPY_ONE_H
#define ZEROCOPY_ONE_H

#include <vdev/zerocopy.h>

#define ONE_LENGTH 8192u
#define ONE_TIMEOUT UINT64_C(1000)
#define ONE_OFFLINE UINT64_C(600) /* time for OFFLINE */
#define ONE_FIRST_BYTE (UINT64_C(1) << 20)

struct one_count {
	uint64_t settled, timed_out, asked, reset, in_time, reclaimed, late, stale, cancels;
};

struct one {
	uint32_t until, zero, receive; /* configuration */
	uint64_t now;
	uint32_t state, seen;
	uint64_t deadline;
	int wanted; /* somebody asked for it */
	int wanted_by_reset;
	uint32_t flags; /* of the actions of its reclaim */
	uint32_t action; /* kind that waits or is out, 0: none */
	uint32_t outcome;
	int out; /* it was given out */
	int again; /* and comes again, for an image was loaded */
	uint64_t offline_until;
	int cancel; /* CANCEL: 1 waits, 2 out */
	int was_cancelled;
	int noticed; /* the VM object knows that the late completion came */
	int pushed; /* step() has something to take up */
	int in_reset;
	uint32_t told; /* how often the guest was told */
	struct one_count n; /* since the engine was made */
};

/* RESERVED at `now`. */
void one_init(struct one *m, uint32_t until, uint32_t zero, uint32_t receive, uint64_t now);
int one_sent(struct one *m);
int one_complete(struct one *m, uint32_t flags, uint64_t *ret_settled);
int one_expire(struct one *m);
int one_reclaim(struct one *m);
int one_reset_begin(struct one *m);
int one_reset_end(struct one *m);
int one_step(struct one *m);
void one_reload(struct one *m, uint64_t now);
/* 1: `a` is what comes next, but for its id. It counts as given out. 0: nothing. */
int one_expected(struct one *m, struct vdev_action *a);
/* done() with success. Returns the number of messages that have an action waiting. */
int one_done(struct one *m, uint32_t kind);
/* 1: *ret_ns, 0: none. */
int one_due(const struct one *m, uint64_t *ret_ns);

#endif
