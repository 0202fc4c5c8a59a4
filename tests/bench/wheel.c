/* SPDX-License-Identifier: BSD-3-Clause */
/* Hierarchical timing wheel. Arm and cancel are O(1); a slot of a higher wheel is dealt out to the
 * lower ones when its time comes. */
#include <stddef.h>

#include "wheel.h"

static struct wheel_timer **slot_of(struct wheel *w, uint64_t ns)
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

void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t ns)
{
	struct wheel_timer **head = slot_of(w, ns);

	t->ns = ns;
	t->next = *head;
	t->link = head;
	if (t->next)
		t->next->link = &t->next;
	*head = t;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (!t->link)
		return;
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->link = NULL;
}

static void deal_out(struct wheel *w, uint32_t level)
{
	struct wheel_timer **head = &w->slots[level][w->tick >> (8 * level) & (WHEEL_SLOTS - 1)];
	struct wheel_timer *t = *head, *next;

	*head = NULL;
	for (; t; t = next) {
		next = t->next;
		wheel_arm(w, t, t->ns);
	}
}

struct wheel_timer *wheel_expire(struct wheel *w, uint64_t now)
{
	uint64_t end = now >> WHEEL_TICK_BITS;

	while (w->tick < end) {
		struct wheel_timer *t = w->slots[0][w->tick & (WHEEL_SLOTS - 1)];

		if (t) {
			wheel_cancel(w, t);
			return t;
		}
		w->tick++;
		for (uint32_t level = 1; level < WHEEL_LEVELS; level++) {
			if (w->tick & ((UINT64_C(1) << (8 * level)) - 1))
				break;
			deal_out(w, level);
		}
	}
	return NULL;
}
