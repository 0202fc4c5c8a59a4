/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer of the deadline and unit benches: the binary heap that event loops keep their timers in, with
 * the position in the timer so that it can be taken out. */
#ifndef HEAP_H
#define HEAP_H

#include <stdint.h>

#define HEAP_NONE UINT32_MAX

struct heap_timer {
	uint64_t ns;
	uint32_t pos; /* HEAP_NONE: not armed */
	uint32_t reserved;
};

struct heap_entry {
	uint64_t ns; /* beside the pointer: comparing needs no look at the timer */
	struct heap_timer *timer;
};

struct heap {
	struct heap_entry *entries; /* room is the user's */
	uint32_t count;
};

void heap_arm(struct heap *h, struct heap_timer *t, uint64_t ns);
void heap_cancel(struct heap *h, struct heap_timer *t);
/* The earliest timer that is due, no longer armed, or NULL. */
struct heap_timer *heap_expire(struct heap *h, uint64_t now);

#endif
