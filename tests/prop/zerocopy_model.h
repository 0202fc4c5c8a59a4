/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Naive model of the zero-copy engine for prop_zerocopy.c: many messages, whose blocks may overlap.
 *
 * It knows what must not be rather than when it comes: which of several reclaims goes on first is the
 * engine's affair. So actions are judged when they come out, and when nothing comes out any more each
 * message has to have a good reason to wait. What the rules say exactly (answers, states, quotas, times,
 * counters) is compared exactly. Time of its own kind: `tick`, raised by each thing that happens, tells
 * whether a page was replaced after a message was sent (Z10).
 */
#ifndef ZEROCOPY_MODEL_H
#define ZEROCOPY_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include <vdev/zerocopy.h>

#define ZM_QUEUES 2u
#define ZM_DESTINATIONS 3u
#define ZM_SLOTS 16u
#define ZM_MESSAGES (ZM_QUEUES * ZM_SLOTS)
#define ZM_REGIONS 3u
#define ZM_REFUSALS 64u
#define ZM_GRANULES 64u /* of all regions */
#define ZM_OVER 64u /* ids of messages that are over, to be used wrongly */

struct zm_region {
	uint64_t address, size, granule;
	int fixed;
	uint32_t first; /* its first granule in zm::granule */
};

struct zm_granule {
	uint64_t replaced; /* tick at which the OFFLINE was given that replaced it last */
};

enum zm_phase {
	ZM_NONE,
	ZM_REPLACE, /* runs of granules, one after the other; then told; or told at once */
	ZM_REFUSED,
	ZM_TELL,
	ZM_HELD, /* in quarantine, the guest knows */
	ZM_RELEASE,
};

struct zm_action {
	uint64_t id; /* 0: none is out */
	uint32_t kind;
	int again; /* has to come again first: an image was loaded */
	uint64_t tick, begin, end, until;
	int cancel; /* 1 due, 2 out, 3 was */
	uint64_t cancel_id;
	uint64_t paused; /* comes again then; VDEV_NONE: is not waiting for that */
};

struct zm_message {
	int used;
	uint64_t id, address, length, timeout, user_data, deadline, sent_tick;
	uint32_t queue, destination, flags, state, seen, told;
	int wanted, by_reset, zero; /* asked for, by whom, how */
	int pushed; /* step() will see it */
	int noticed; /* the VM object knows that it is complete */
	int partly; /* some of it was replaced, the rest refused; or it was pinned who knows when */
	int void_; /* RECEIVE: the whole VM was being replaced between reserve() and its completion */
	uint64_t reserved_tick;
	int touched; /* RECEIVE: an OFFLINE of several of its granules failed */
	uint32_t action_flags;
	enum zm_phase phase;
	uint64_t cursor; /* all before was replaced since */
	uint32_t outcome;
	int status;
	struct zm_action out;
};

/* OFFLINE of the whole VM. */
struct zm_whole {
	int active, zero;
	int zeroing; /* what is out */
	uint64_t touched, replaced; /* ticks: an attempt ended; one that was no failure */
	uint64_t begun; /* tick: an attempt was given out */
	struct zm_action out;
};

/* REFUSED of the whole VM; status 0: it was replaced, and its CANCEL is not done. Meanwhile another attempt may begin. */
struct zm_refusal {
	int used, status;
	struct zm_action out;
};

static inline int zm_is_there(const struct zm_refusal *r)
{
	return r->used && (r->status || r->out.cancel);
}

struct zm_count {
	uint64_t lent, refused, aborted, partial, settled, timed_out, stale, reclaimed, granules,
		reclaim_refused, cancels, bad_done;
};

struct zm {
	struct vdev_zerocopy_config config; /* defaults filled in by the test */
	uint32_t queues;
	struct zm_region region[ZM_REGIONS];
	struct zm_granule granule[ZM_GRANULES];
	struct zm_message message[ZM_MESSAGES];
	struct zm_whole whole;
	struct zm_refusal refusal[ZM_REFUSALS];
	uint64_t now, tick, last_id[ZM_QUEUES];
	uint64_t quarantined, quarantined_by[ZM_DESTINATIONS];
	int in_reset;
	int reset_zero;
	struct zm_count n;
	uint64_t over[ZM_OVER];
	uint32_t over_count;
	int failed;
	char *why;
	size_t why_size;
};

void zm_fail(struct zm *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define ZM_REQUIRE(m, ok, ...)                   \
	do {                                     \
		if (!(ok))                       \
			zm_fail(m, __VA_ARGS__); \
	} while (0)

/* zerocopy_model.c: events. They return what the call must return. */
int zm_satisfied(const struct zm *m, uint32_t seen);
const struct zm_region *zm_region(const struct zm *m, uint64_t address, uint64_t length);
/* Whether `answer` is right for this block. */
int zm_may_answer(struct zm *m, uint32_t queue, const struct vdev_zerocopy_block *b, int answer);
struct zm_message *zm_reserved(struct zm *m, uint32_t queue, const struct vdev_zerocopy_block *b,
			       uint64_t id);
/* *ret_wake: WAKE must be among the answer's flags, or need not be. */
int zm_sent(struct zm *m, struct zm_message *k, uint64_t bytes, int *ret_wake);
int zm_abort(struct zm *m, struct zm_message *k);
/* One id of a call of complete(); adds WAKE, tells whether it is settled. -ENOENT: stale. */
int zm_complete(struct zm *m, struct zm_message *k, uint32_t flags, int *ret_settled);
int zm_expire(struct zm *m, uint32_t queue, uint64_t now);
int zm_reclaim(struct zm *m, struct zm_message *k, uint32_t mode);
void zm_reclaim_all(struct zm *m, uint32_t queue, int zero, int by_reset, int whole);
int zm_reset_end(struct zm *m);
void zm_collect(struct zm *m);
void zm_step(struct zm *m, uint64_t now);
void zm_reload(struct zm *m, uint64_t now);
void zm_over(struct zm *m, struct zm_message *k);
struct zm_message *zm_find(struct zm *m, uint64_t id);
/* All that can have an action out: messages that are used, refusals, the whole VM. NULL: no more. */
struct zm_action *zm_action(struct zm *m, uint32_t n);

/* zerocopy_model_give.c: what comes out */
void zm_given(struct zm *m, const struct vdev_action *a);
/* 1: such an action was out. */
int zm_done(struct zm *m, uint64_t id, int status);
/* Ids of all actions that are out and may be done. */
uint32_t zm_outstanding(struct zm *m, uint64_t *ids, uint32_t size);
/* The engine says that the state is this now; is that right? */
void zm_state(struct zm *m, struct zm_message *k, uint32_t state);
/* step() was called and nothing more comes out. */
void zm_quiet(struct zm *m);
/* 1: *ret_ns; 0: none; 2: at once. */
int zm_deadline(struct zm *m, uint64_t *ret_ns);
/* Granules that a block touches. */
void zm_span(const struct zm *m, const struct zm_message *k, uint64_t *ret_begin, uint64_t *ret_end,
	     uint64_t *ret_granule);
struct zm_granule *zm_granule(struct zm *m, uint64_t address);

#endif
