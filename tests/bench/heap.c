/* SPDX-License-Identifier: BSD-3-Clause */
/* Binary heap of timers. */
#include <stddef.h>

#include "heap.h"

static void place(struct heap *h, uint32_t pos, struct heap_entry e)
{
	h->entries[pos] = e;
	e.timer->pos = pos;
}

static void up(struct heap *h, uint32_t pos, struct heap_entry e)
{
	while (pos && h->entries[(pos - 1) / 2].ns > e.ns) {
		place(h, pos, h->entries[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	place(h, pos, e);
}

static void down(struct heap *h, uint32_t pos, struct heap_entry e)
{
	uint32_t child;

	while ((child = 2 * pos + 1) < h->count) {
		if (child + 1 < h->count && h->entries[child + 1].ns < h->entries[child].ns)
			child++;
		if (h->entries[child].ns >= e.ns)
			break;
		place(h, pos, h->entries[child]);
		pos = child;
	}
	place(h, pos, e);
}

void heap_arm(struct heap *h, struct heap_timer *t, uint64_t ns)
{
	t->ns = ns;
	up(h, h->count++, (struct heap_entry){ns, t});
}

void heap_cancel(struct heap *h, struct heap_timer *t)
{
	struct heap_entry last;
	uint32_t pos = t->pos;

	if (pos == HEAP_NONE)
		return;
	t->pos = HEAP_NONE;
	last = h->entries[--h->count];
	if (pos == h->count)
		return;
	if (pos && h->entries[(pos - 1) / 2].ns > last.ns)
		up(h, pos, last);
	else
		down(h, pos, last);
}

struct heap_timer *heap_expire(struct heap *h, uint64_t now)
{
	struct heap_timer *t;

	if (!h->count || h->entries[0].ns > now)
		return NULL;
	t = h->entries[0].timer;
	heap_cancel(h, t);
	return t;
}
