/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver of the queues of the management function, after docs/pvdev.md.
 *
 *   message.c   posting and being told
 *   msgqueue.c  queues on and off
 *   msgload.c   traffic that goes on by itself
 *   msgorder.c  what the VMM orders
 *   count.c     counters that find lost updates
 */
#ifndef MINIVMM_MESSAGE_H
#define MINIVMM_MESSAGE_H

#include "layout.h"
#include "platform.h"

/* A descriptor as it is written. */
struct msg_descriptor {
	uint64_t address;
	uint32_t length, kind, flags, timeout_ms, destination, reserved;
	uint64_t cookie, target, reserved2[2];
};

/* A message that waits for its event; its place is its cookie % MSG_TRACKED. */
struct msg_track {
	uint32_t used;
	uint32_t queue;
	uint32_t kind;
	uint32_t seed;
	uint32_t flags; /* MSG_THEN_REWRITE .. */
	uint32_t stride;
	uint32_t length;
	uint32_t posted_ms;
	uint32_t block; /* of the load, + 1; 0: none */
	uint32_t reserved;
	uint64_t cookie;
	uint64_t address;
};

/* A block of a load. */
#define BLOCK_NEW 0u
#define BLOCK_OUT 1u
#define BLOCK_BACK 2u /* holds pattern(seed) again */

struct msg_block {
	uint32_t state;
	uint32_t seed;
};

struct msg_load {
	struct msg_order order;
	uint32_t posted;
	uint32_t next; /* block */
	uint64_t cookie;
	struct msg_block blocks[MSG_LOAD_BLOCKS];
};

/* A queue, as the driver uses it. */
#define QUEUE_NEW 0u /* to be turned on */
#define QUEUE_UP 1u
#define QUEUE_DOWN 2u /* ordered so */

struct msg_queue {
	uint32_t state;
	uint32_t produced, consumed;
	uint32_t outstanding; /* descriptors that were not answered */
	uint32_t rung; /* produced at the last doorbell */
	uint32_t deaf;
	uint32_t lost_seen;
	uint32_t looked_ms;
	struct msg_load load;
};

struct msg_counter {
	uint32_t seen;
	uint32_t pages;
	uint64_t address;
	uint64_t expected[MSG_COUNT_PAGES];
};

struct messages {
	uint32_t irq;
	uint32_t generation; /* of the range that is counted in */
	uint32_t flooded;
	uint32_t wild;
	uint64_t count_address;
	uint32_t count_length;
	uint32_t reserved;
	struct msg_queue queues[MSG_QUEUES];
	struct msg_track tracks[MSG_TRACKED];
	struct msg_counter counters[GUEST_CPUS];
};

struct messages *messages_of(struct platform *p);
struct msg_report *msg_report_of(struct platform *p);
struct msg_orders *msg_orders_of(struct platform *p);

/* message.c */
void msg_add(uint64_t *counter, uint64_t n);
void msg_fill(struct platform *p, uint64_t address, uint32_t length, uint32_t seed,
	      uint32_t stride);
/* Words that are not as filled; zeroes are right, too, if they may be. */
uint32_t msg_check(struct platform *p, uint64_t address, uint32_t length, uint32_t seed,
		   uint32_t stride, int may_be_zero);
/* 0, or 1: written to the ring, not rung for. */
int msg_post(struct platform *p, uint32_t queue, const struct msg_descriptor *d);
/* The same, and waits for its event. */
int msg_post_tracked(struct platform *p, uint32_t queue, const struct msg_descriptor *d,
		     const struct msg_order *o, uint32_t block);
struct msg_track *msg_track_of(struct platform *p, uint64_t cookie);
void msg_ring(struct platform *p, uint32_t queue);
void msg_events(struct platform *p, uint32_t queue);
void *msg_descriptors(struct platform *p, uint32_t queue, uint32_t offset);
void *msg_entries(struct platform *p, uint32_t queue, uint32_t offset);

/* msgqueue.c: registers. */
uint32_t msg_state(struct platform *p, uint32_t queue); /* VDEV_GUEST_QUEUE_... */
/* Zeroed rings at their usual place, or where the order says. 0: not OFF yet. */
int msg_turn_on(struct platform *p, uint32_t queue, const struct msg_order *rings);
int msg_turn_off(struct platform *p, uint32_t queue); /* 0: not OFF yet */
void msg_forget(struct platform *p, uint32_t queue);
void msg_look_broken(struct platform *p);

/* msgload.c: returns whether there was something to post. */
int msg_load_poll(struct platform *p, uint32_t queue);
void msg_load_set(struct platform *p, const struct msg_order *o);
void msg_load_back(struct platform *p, const struct msg_track *t, uint32_t kind);

/* msgorder.c */
void msg_orders_poll(struct platform *p);

/* count.c */
int count_poll(struct platform *p, uint32_t cpu);

/* For pv.c and driver.c. */
int messages_wanted(struct platform *p);
uint32_t messages_hints_wanted(struct platform *p); /* VDEV_GUEST_F_HINTS or 0 */
/* Whether a hint for this device and type lies in the first queue's ring; any CPU. */
int messages_hint_waits(struct platform *p, uint32_t address, uint32_t type);
void messages_reset(struct platform *p); /* a new handshake */
void messages_interrupt(struct platform *p);
int messages_poll(struct platform *p, uint32_t cpu);

#endif
