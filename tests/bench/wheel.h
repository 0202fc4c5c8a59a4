/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer of the deadline bench: the textbook hierarchical timing wheel (G. Varghese and A. Lauck, "Hashed
 * and Hierarchical Timing Wheels", 1987, scheme 7): four wheels of 256 slots, a tick of about 1 ms.
 */
#ifndef WHEEL_H
#define WHEEL_H

#include <stdint.h>

#define WHEEL_LEVELS 4u
#define WHEEL_SLOTS 256u
#define WHEEL_TICK_BITS 20u

/* Part of the user's object, as timers of kernels and event libraries are. */
struct wheel_timer {
	struct wheel_timer *next, **link; /* link NULL: not armed */
	uint64_t ns;
};

struct wheel {
	struct wheel_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t tick; /* all before it have expired */
};

void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t ns);
void wheel_cancel(struct wheel *w, struct wheel_timer *t);
/* Moves on to `now`; the next timer that has expired, no longer armed, or NULL. */
struct wheel_timer *wheel_expire(struct wheel *w, uint64_t now);

#endif
