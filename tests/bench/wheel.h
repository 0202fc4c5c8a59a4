/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer of the deadline bench: the textbook hierarchical timing wheel (G. Varghese and A. Lauck, "Hashed
 * and Hierarchical Timing Wheels", 1987, scheme 7): four wheels of 256 slots, a tick of about 1 ms.
 */
#ifndef WHEEL_H
#define WHEEL_H

#include <stddef.h>
#include <stdint.h>

#define WHEEL_LEVELS 4u
#define WHEEL_SLOTS 256u
#define WHEEL_TICK_BITS 20u

/* As timers of kernels and event libraries are: a link, a time, and what to call. */
struct wheel_timer {
	struct wheel_timer *next, **link; /* link NULL: not armed */
	uint64_t ns;
	void (*expired)(void *user);
	void *user;
};

struct wheel {
	struct wheel_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t tick; /* all before it have expired */
};

static inline struct wheel_timer **wheel_slot(struct wheel *w, uint64_t ns)
{
	uint64_t tick = ns >> WHEEL_TICK_BITS, away;
	uint32_t level = 0;

	if (tick < w->tick)
		tick = w->tick;
	away = tick - w->tick;
	if (away >= 1u << 24)
		level = 3;
	else if (away >= 1u << 16)
		level = 2;
	else if (away >= 1u << 8)
		level = 1;
	return &w->slots[level][tick >> (8 * level) & (WHEEL_SLOTS - 1)];
}

static inline void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t ns)
{
	struct wheel_timer **head = wheel_slot(w, ns);

	t->ns = ns;
	t->next = *head;
	t->link = head;
	if (t->next)
		t->next->link = &t->next;
	*head = t;
}

static inline void wheel_cancel(struct wheel_timer *t)
{
	if (!t->link)
		return;
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->link = NULL;
}

/* Moves on to `now`; the next timer that has expired, no longer armed, or NULL. */
struct wheel_timer *wheel_expire(struct wheel *w, uint64_t now);

#endif
