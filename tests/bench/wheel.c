/* SPDX-License-Identifier: BSD-3-Clause */
/* Hierarchical timing wheel. Arm and cancel are O(1); a slot of a higher wheel is dealt out to the
 * lower ones when its time comes. */
#include "wheel.h"

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
			wheel_cancel(t);
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
