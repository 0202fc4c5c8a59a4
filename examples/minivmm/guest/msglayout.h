/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the mini-VMM and its guest agree on about messages: orders that the guest carries out one after
 * the other, what it saw, and the pattern that it writes into blocks. Part of layout.h.
 */
#ifndef MINIVMM_MSGLAYOUT_H
#define MINIVMM_MSGLAYOUT_H

#include <stdint.h>

/* Pages that both sides write; they survive a reset as the command and report pages do. */
#define GUEST_ORDERS 0x14000u /* struct msg_orders, written by the VMM */
#define GUEST_MESSAGES 0x18000u /* struct msg_report, written by the guest */

/* Rings of queue n. Blocks may be anywhere in RAM; from MSG_BLOCKS on nobody else uses it. */
#define MSG_RINGS 0x320000u
#define MSG_RING_STRIDE 0x8000u
#define MSG_EVENTS_AT 0x4000u /* event ring, in the stride */
#define MSG_BLOCKS 0x400000u
#define MSG_QUEUES 4u
#define MSG_SIZE 64u /* descriptors of a queue */
#define MSG_EVENTS_SIZE 256u

#define MSG_ORDERS 64u
#define MSG_OUTCOMES 256u /* entry of a message: its cookie % MSG_OUTCOMES */
#define MSG_TRACKED 256u /* messages that the guest looks after at a time */
#define MSG_LOAD_BLOCKS 64u
#define MSG_COUNT_PAGES 64u

/* Orders. Those with a * end at once, the guest goes on with the next. */
#define MSG_DO_NOTHING 0u
/* * Writes pattern(seed) into the block and posts it. When told that it is accessible and
 * MSG_THEN_REWRITE is set, checks that the pattern is still there and writes pattern(seed + 1). */
#define MSG_DO_SEND 1u
/* * Posts the block as receive buffer; when told SENT, checks for pattern(seed). */
#define MSG_DO_RECEIVE 2u
#define MSG_DO_RECLAIM 3u /* * asks for message `target` */
#define MSG_DO_RECLAIM_ALL 4u /* * asks for all of the queue */
#define MSG_DO_FILL 5u /* * writes pattern(seed) into the block, posts nothing */
#define MSG_DO_CHECK 6u /* * counts what differs from pattern(seed) as wrong */
/* * From now on the queue posts by itself until `count` messages were posted since this order (ALL_ONES: no
 * end; 0: no more), as many at a time as there are `blocks` (0..MSG_LOAD_BLOCKS): block n at address + n * pitch,
 * cookies from `cookie` on, destinations destination .. destination + destinations - 1 in turn, up to `batch`
 * for one doorbell, `kind` SEND or RECEIVE. A block is posted again when it is accessible: SEND ones are
 * checked and written anew first, with MSG_THEN_REWRITE twice: when accessible, and before they are
 * posted. in_flight says how many are out. */
#define MSG_DO_LOAD 7u
/* * Each CPU c counts in the word at the end of each 4096 bytes of the block, 8 * (c + 1) bytes before it, until
 * the next MSG_DO_COUNT (length 0: stops). Where it finds less than it wrote, updates were lost. */
#define MSG_DO_COUNT 8u
#define MSG_DO_STOP 9u /* queue OFF; ends when it reads OFF */
#define MSG_DO_START 10u /* queue ON with zeroed rings; ends when it is OFF before */
/* Hostile ones. RAW: * posts a descriptor exactly as said, `kind` and `desc_flags` too, does not track it. */
#define MSG_DO_RAW 11u
#define MSG_DO_JUMP 12u /* * adds `count` to the producer index and rings */
#define MSG_DO_CONSUME 13u /* * adds `count` to the index of taken events */
#define MSG_DO_RING 14u /* * rings the doorbell `count` times */
#define MSG_DO_DEAF 15u /* * 1 (count): takes no events any more; 0: takes them again */
/* Posts `count` descriptors of wild contents as fast as it can; refusals are expected. */
#define MSG_DO_FLOOD 16u
/* QUEUE_STATE ON with the rings at `address` (descriptors) and `target` (events), sizes `length` and `count`. */
#define MSG_DO_RINGS_AT 17u

#define MSG_THEN_REWRITE 0x1u
#define MSG_MAY_BE_ZERO 0x2u /* when reclaimed: zeroes count as right, too */
#define MSG_ZERO 0x4u /* RECLAIM, RECLAIM_ALL: with VDEV_GUEST_MSG_F_ZERO */

struct msg_order {
	uint32_t what;
	uint32_t queue;
	uint64_t address; /* block */
	uint32_t length;
	uint32_t timeout_ms;
	uint32_t destination;
	uint32_t seed;
	uint64_t cookie;
	uint64_t target;
	uint32_t flags; /* MSG_THEN_REWRITE .. */
	uint32_t stride; /* of the pattern: 8, or 64 for speed; multiple of 8 */
	uint32_t count;
	uint32_t pitch; /* LOAD: bytes from block to block */
	uint32_t blocks; /* LOAD */
	uint32_t destinations; /* LOAD: 0 is 1 */
	uint32_t batch; /* LOAD: 0 is 1 */
	uint32_t kind; /* RAW, LOAD: VDEV_GUEST_MSG_... */
	uint32_t desc_flags; /* RAW */
	uint32_t reserved[2];
};

struct msg_orders {
	uint32_t queues; /* that the guest turns on after its handshake: 0..MSG_QUEUES */
	uint32_t given; /* orders given ever; order n is orders[n % MSG_ORDERS] */
	struct msg_order orders[MSG_ORDERS];
};

/* What became of a descriptor that the guest tracks. */
struct msg_outcome {
	uint64_t cookie;
	uint64_t arg;
	uint32_t kind; /* VDEV_GUEST_TOLD_..., 0: nothing yet */
	uint32_t result; /* VDEV_GUEST_DONE_... */
	uint32_t told; /* times: more than 1 is an error */
	uint32_t ms; /* from posting to being told */
};

struct msg_report {
	uint32_t orders_done; /* orders that have ended; `given` when idle */
	uint32_t queues_on;
	uint64_t posted;
	uint64_t accessible;
	uint64_t answers;
	uint64_t results[8]; /* by VDEV_GUEST_DONE_... */
	uint64_t whys[16]; /* of refusals, by VDEV_GUEST_WHY_... */
	uint64_t twice; /* told again of a descriptor that was over */
	uint64_t unknown; /* told of a cookie that is not ours (RAW and FLOOD too) */
	uint64_t lost; /* events that the device counted as lost */
	uint64_t wrong; /* words that differ from what the guest wrote, when it became accessible */
	uint64_t wrong_after; /* or later, after it wrote anew */
	uint64_t wrong_received; /* receive buffers that do not hold what was to come */
	uint64_t bad_entries; /* entries of unknown kind or result, impossible index */
	uint64_t unposted; /* no free place for a descriptor or to track it */
	uint64_t broken; /* times that a queue was seen BROKEN */
	uint64_t refused_on; /* times that a queue did not turn ON */
	uint64_t interrupts; /* that found events */
	uint64_t counts[4]; /* updates made, by CPU */
	uint64_t lost_updates[4];
	uint32_t in_flight; /* tracked, now */
	uint32_t loading; /* queues whose load has not posted all, now */
	uint32_t worst_ms; /* longest time from posting to being told */
	uint32_t reserved;
	struct msg_outcome outcomes[MSG_OUTCOMES];
};

/* What a block holds at `offset`, a multiple of 8. Never 0. */
static inline uint64_t msg_pattern(uint32_t seed, uint64_t offset)
{
	return ((uint64_t)seed + 1) << 32 | ((offset * 2654435761u + seed) & 0xffffffffu);
}

#endif
