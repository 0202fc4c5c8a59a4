/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: one message (Z2, Z6, Z7), and what it costs.
 *
 *      FREE -> RESERVED --SENT--> SENT --CLAIM--> CLAIMED --TAKE--> OFFLINING --OFFLINED--> QUARANTINED
 *                 | ABORT          | COMPLETE        ^                | REFUSED -> SENT        | RELEASED
 *                 v                v                 |                | RELEASED (in time)     v
 *               FREE             FREE     SENT, when claimed before   v                      FREE
 *                                                                   FREE
 *
 * Whoever races, the compare-and-swap that installs the result of this function is the one place
 * where it is decided who wins.
 */
#ifndef VDEV__ZEROCOPY_MESSAGE_H
#define VDEV__ZEROCOPY_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <vdev/zerocopy.h>

#define NOBODY UINT32_MAX
#define LINE 64u /* of a cache, so that threads do not share one by chance */

/* Low bits of a slot's word; the sequence stands above them. */
#define W_STATE 0x07u
#define W_RESPONSE 0x08u
#define W_TASK 0x10u
#define W_SEEN_SHIFT 3u
#define W_SEEN (W_RESPONSE | W_TASK)
#define W_ASKED \
	0x20u /* claimed, or to be claimed by sent(), for another reason than its time-out */
#define W_BY_RESET 0x40u
#define W_ZERO 0x80u /* asked for RESET instead of PRESERVE */
#define W_PARTLY 0x100u /* some of its granules were, or may have been, replaced; it was not told */
#define W_BITS 10u
#define W_MASK ((1u << W_BITS) - 1u)

/* What can happen to a message. */
enum message_event {
	MSG_SENT,
	MSG_ABORT,
	MSG_COMPLETE, /* with W_RESPONSE, W_TASK */
	MSG_CLAIM, /* with W_ASKED, W_BY_RESET, W_ZERO, W_PARTLY */
	MSG_TAKE, /* the VM object begins */
	MSG_OFFLINED,
	MSG_REFUSED, /* with W_PARTLY */
	MSG_RELEASED,
};

/* What has to be done by the one whose event it was. */
#define DO_NOTHING 0x00000u
#define DO_TELL \
	0x10000u /* the message is over, its slot free: give its credits back and tell the guest */
#define DO_PUSH 0x20000u /* hand the slot to the VM object */
#define DO_REFUSE 0x40000u /* the event does not fit: nothing has changed */

/* Which of what was seen satisfies which `until`: a bit for each combination of RESPONSE and TASK. */
static inline bool vdev__zerocopy_satisfied(uint32_t bits, uint32_t until)
{
	static const uint8_t truth[] = {
		[VDEV_ZEROCOPY_UNTIL_TASK] = 1u << 2 | 1u << 3,
		[VDEV_ZEROCOPY_UNTIL_RESPONSE] = 1u << 1 | 1u << 3,
		[VDEV_ZEROCOPY_UNTIL_ANY] = 1u << 1 | 1u << 2 | 1u << 3,
		[VDEV_ZEROCOPY_UNTIL_ALL] = 1u << 3,
	};

	return truth[until] >> (bits >> W_SEEN_SHIFT & 3u) & 1u;
}

static inline uint32_t message_become(uint32_t bits, uint32_t state)
{
	return (bits & ~W_STATE) | state;
}

static inline uint32_t message_over(uint32_t bits)
{
	return message_become(bits, VDEV_ZEROCOPY_FREE) | DO_TELL;
}

static inline uint32_t message_sent(uint32_t bits, uint32_t until)
{
	if (vdev__zerocopy_satisfied(bits, until) && !(bits & W_PARTLY))
		return message_over(bits);
	if (bits & (W_ASKED | W_PARTLY))
		return message_become(bits, VDEV_ZEROCOPY_CLAIMED) | DO_PUSH;
	return message_become(bits, VDEV_ZEROCOPY_SENT);
}

static inline uint32_t message_complete(uint32_t bits, uint32_t with, uint32_t until)
{
	uint32_t now = bits | with;

	if (now == bits)
		return bits | DO_REFUSE; /* told before */
	switch (bits & W_STATE) {
	case VDEV_ZEROCOPY_FREE:
		return bits | DO_REFUSE;
	case VDEV_ZEROCOPY_SENT:
		if (!vdev__zerocopy_satisfied(now, until))
			return now;
		/* Of granules that were replaced the VM object has to tell more. */
		return now & W_PARTLY ? message_become(now, VDEV_ZEROCOPY_CLAIMED) | DO_PUSH
				      : message_over(now);
	case VDEV_ZEROCOPY_QUARANTINED:
		/* Once: when it becomes true. */
		return now | (vdev__zerocopy_satisfied(now, until) &&
					      !vdev__zerocopy_satisfied(bits, until)
				      ? DO_PUSH
				      : DO_NOTHING);
	default:
		return now; /* sent(), or the VM object, will see it */
	}
}

static inline uint32_t message_claim(uint32_t bits, uint32_t with)
{
	if ((bits & W_STATE) == VDEV_ZEROCOPY_SENT)
		return message_become(bits, VDEV_ZEROCOPY_CLAIMED) | with | DO_PUSH;
	if ((bits & W_STATE) == VDEV_ZEROCOPY_RESERVED && with)
		return bits | with;
	return bits | DO_REFUSE;
}

/* New low bits, and DO_... Pure; inline, so that each caller gets the few lines of its event. */
static inline uint32_t vdev__zerocopy_message(uint32_t bits, enum message_event event,
					      uint32_t with, uint32_t until)
{
	uint32_t state = bits & W_STATE;

	switch (event) {
	case MSG_SENT:
		return state == VDEV_ZEROCOPY_RESERVED ? message_sent(bits, until)
						       : bits | DO_REFUSE;
	case MSG_ABORT:
		return state == VDEV_ZEROCOPY_RESERVED ? message_over(bits) : bits | DO_REFUSE;
	case MSG_COMPLETE:
		return message_complete(bits, with, until);
	case MSG_CLAIM:
		return message_claim(bits, with);
	case MSG_TAKE:
		return message_become(bits, VDEV_ZEROCOPY_OFFLINING);
	case MSG_OFFLINED:
		return message_become(bits, VDEV_ZEROCOPY_QUARANTINED);
	case MSG_REFUSED:
		/* What completed meanwhile stays with the VM object, which tells the guest. */
		return vdev__zerocopy_satisfied(bits, until)
			       ? bits
			       : message_become(bits & ~(W_ASKED | W_BY_RESET | W_ZERO),
						VDEV_ZEROCOPY_SENT) |
					 with;
	default:
		return message_become(bits, VDEV_ZEROCOPY_FREE);
	}
}

/* What all threads touch: four to a cache line, since lines that change hands are what a message costs. */
struct slot {
	_Atomic uint64_t word; /* sequence << W_BITS | bits; 0: never used */
	_Atomic uint64_t size; /* see size_pack() */
};

/* 48 bytes: what the owner writes, then the VM object; others look at the deadline. */
struct detail {
	uint64_t address;
	uint64_t timeout_ns;
	uint64_t user_data;
	_Atomic uint64_t
		epoch; /* when it was sent (Z10); until then, of a receive buffer, when it was reserved */
	/* while SENT, VDEV_NONE: none; while RESERVED, `resets` as it was */
	_Atomic uint64_t deadline;
	uint32_t link; /* index + 1 of the one that was pushed before it */
	uint32_t op; /* VM object: its reclaim */
};

/* flags << 48 | destination << 32 | length, in one word so that any thread may read it. */
static inline uint64_t size_pack(uint64_t length, uint32_t destination, uint32_t flags)
{
	return length | (uint64_t)destination << 32 | (uint64_t)flags << 48;
}
static inline uint64_t size_length(uint64_t size)
{
	return size & UINT32_MAX;
}
static inline uint32_t size_destination(uint64_t size)
{
	return (uint32_t)(size >> 32 & 0xffff);
}
static inline uint32_t size_flags(uint64_t size)
{
	return (uint32_t)(size >> 48);
}

/* Credits: blocks << 40 | bytes. Sums and differences of whole words are those of both parts, as long as
 * neither part is exceeded, which the limits see to. */
#define CREDIT_SHIFT 40u
#define CREDIT_BYTES ((UINT64_C(1) << CREDIT_SHIFT) - 1)
static inline uint64_t credit(uint64_t blocks, uint64_t bytes)
{
	return blocks << CREDIT_SHIFT | bytes;
}
static inline uint64_t credit_blocks(uint64_t c)
{
	return c >> CREDIT_SHIFT;
}
static inline uint64_t credit_bytes(uint64_t c)
{
	return c & CREDIT_BYTES;
}

/* Ids. */
#define ID_QUEUE 56u
#define ID_SEQUENCE ((UINT64_C(1) << ID_QUEUE) - 1)

static inline uint32_t word_bits(uint64_t word)
{
	return (uint32_t)word & (W_MASK);
}
static inline uint32_t word_state(uint64_t word)
{
	return (uint32_t)word & W_STATE;
}

#endif
