/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: one message, and what it costs. */
#ifndef VDEV__ZEROCOPY_MESSAGE_H
#define VDEV__ZEROCOPY_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define NOBODY UINT32_MAX
#define LINE 64u /* of a cache, so that threads do not share one by chance */

/* Low bits of a slot's word; the sequence stands above them. */
#define W_STATE 0x07u
#define W_RESPONSE 0x08u
#define W_TASK 0x10u
#define W_SEEN (W_RESPONSE | W_TASK)
#define W_ASKED \
	0x20u /* claimed, or to be claimed by sent(), for another reason than its time-out */
#define W_BY_RESET 0x40u
#define W_ZERO 0x80u /* asked for RESET instead of PRESERVE */
#define W_PARTLY 0x100u /* a reclaim was refused after some of its granules had been replaced */
#define W_BITS 10u
#define W_MASK ((1u << W_BITS) - 1u)

/* What can happen to a message. */
enum message_event {
	MSG_SENT,
	MSG_ABORT,
	MSG_COMPLETE, /* with W_RESPONSE, W_TASK */
	MSG_CLAIM, /* with W_ASKED, W_BY_RESET, W_ZERO */
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

/* New low bits, and DO_... Pure. */
uint32_t vdev__zerocopy_message(uint32_t bits, enum message_event event, uint32_t with,
				uint32_t until);
bool vdev__zerocopy_satisfied(uint32_t bits, uint32_t until);

/* 32 bytes: what both sides touch. */
struct slot {
	_Atomic uint64_t word; /* sequence << W_BITS | bits; 0: never used */
	_Atomic uint64_t deadline; /* while SENT; VDEV_NONE: none */
	_Atomic uint64_t size; /* see size_of() and below */
	uint32_t link; /* index + 1 of the one that was pushed before it */
	uint32_t op; /* VM object: its reclaim */
};

/* 32 bytes: what only the owner and then the VM object touch. */
struct detail {
	uint64_t address;
	uint64_t timeout_ns;
	uint64_t user_data;
	_Atomic uint64_t epoch; /* when it was sent (Z10) */
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
