/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: one message (Z2, Z6, Z7).
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
#include "internal.h"

bool vdev__zerocopy_satisfied(uint32_t bits, uint32_t until)
{
	switch (until) {
	case VDEV_ZEROCOPY_UNTIL_TASK:
		return (bits & W_TASK) != 0;
	case VDEV_ZEROCOPY_UNTIL_RESPONSE:
		return (bits & W_RESPONSE) != 0;
	case VDEV_ZEROCOPY_UNTIL_ANY:
		return (bits & W_SEEN) != 0;
	default:
		return (bits & W_SEEN) == W_SEEN;
	}
}

static uint32_t become(uint32_t bits, uint32_t state)
{
	return (bits & ~W_STATE) | state;
}

static uint32_t over(uint32_t bits)
{
	return become(bits, VDEV_ZEROCOPY_FREE) | DO_TELL;
}

static uint32_t sent(uint32_t bits, uint32_t until)
{
	if (vdev__zerocopy_satisfied(bits, until))
		return over(bits);
	if (bits & W_ASKED)
		return become(bits, VDEV_ZEROCOPY_CLAIMED) | DO_PUSH;
	return become(bits, VDEV_ZEROCOPY_SENT);
}

static uint32_t complete(uint32_t bits, uint32_t with, uint32_t until)
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
		return now & W_PARTLY ? become(now, VDEV_ZEROCOPY_CLAIMED) | DO_PUSH : over(now);
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

static uint32_t claim(uint32_t bits, uint32_t with)
{
	if ((bits & W_STATE) == VDEV_ZEROCOPY_SENT)
		return become(bits, VDEV_ZEROCOPY_CLAIMED) | with | DO_PUSH;
	if ((bits & W_STATE) == VDEV_ZEROCOPY_RESERVED && with)
		return bits | with;
	return bits | DO_REFUSE;
}

uint32_t vdev__zerocopy_message(uint32_t bits, enum message_event event, uint32_t with,
				uint32_t until)
{
	uint32_t state = bits & W_STATE;

	switch (event) {
	case MSG_SENT:
		return state == VDEV_ZEROCOPY_RESERVED ? sent(bits, until) : bits | DO_REFUSE;
	case MSG_ABORT:
		return state == VDEV_ZEROCOPY_RESERVED ? over(bits) : bits | DO_REFUSE;
	case MSG_COMPLETE:
		return complete(bits, with, until);
	case MSG_CLAIM:
		return claim(bits, with);
	case MSG_TAKE:
		return become(bits, VDEV_ZEROCOPY_OFFLINING);
	case MSG_OFFLINED:
		return become(bits, VDEV_ZEROCOPY_QUARANTINED);
	case MSG_REFUSED:
		/* What completed meanwhile stays with the VM object, which tells the guest. */
		return vdev__zerocopy_satisfied(bits, until)
			       ? bits
			       : become(bits & ~(W_ASKED | W_BY_RESET | W_ZERO),
					VDEV_ZEROCOPY_SENT) |
					 with;
	default:
		return become(bits, VDEV_ZEROCOPY_FREE);
	}
}
