/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deadlines of items 0..n-1, at most one each.
 *
 * A 4-ary heap that is lazy: each item that has a deadline has a heap entry whose key is never later
 * than it. Cancelling, or moving to a later time, is a store; only when the stale key reaches the
 * root is the entry dropped or sunk to its true place. The usual life of a deadline (armed,
 * cancelled, armed again later) thus never touches the heap.
 */
#ifndef VDEV__CORE_DEADLINE_H
#define VDEV__CORE_DEADLINE_H

#include <stdint.h>

#include "env.h"

/* Here only so that arm and cancel can be inlined; 16 bytes, never across two cache lines. */
struct vdev__deadline_item {
	uint64_t ns; /* VDEV_NONE: has no deadline */
	uint64_t key; /* of the heap entry that stands for it, <= ns; VDEV_NONE: there is none */
};

struct vdev__deadline_entry;

struct vdev__deadlines {
	const struct vdev_env *env; /* not owned */
	struct vdev__deadline_item *items;
	struct vdev__deadline_entry *block; /* as allocated */
	struct vdev__deadline_entry *heap; /* in it */
	uint32_t capacity;
	uint32_t used; /* heap entries, stale ones too */
};

void vdev__deadlines_init(struct vdev__deadlines *d, const struct vdev_env *env);
void vdev__deadlines_fini(struct vdev__deadlines *d);
/* Makes items below `count` usable; the only call that allocates. -ENOMEM. */
int vdev__deadlines_reserve(struct vdev__deadlines *d, uint32_t count);
/* Gives the item an entry for its deadline, which is earlier than its key. */
void vdev__deadlines_lower(struct vdev__deadlines *d, uint32_t item);

/* Sets or moves. ns == VDEV_NONE cancels. O(1), or amortised O(log n) when moved to an earlier time. */
static inline void vdev__deadlines_arm(struct vdev__deadlines *d, uint32_t item, uint64_t ns)
{
	d->items[item].ns = ns;
	if (VDEV__UNLIKELY(ns < d->items[item].key))
		vdev__deadlines_lower(d, item);
}

static inline void vdev__deadlines_cancel(struct vdev__deadlines *d, uint32_t item)
{
	d->items[item].ns = VDEV_NONE;
}

/* The item's deadline, VDEV_NONE when it has none. */
uint64_t vdev__deadlines_get(const struct vdev__deadlines *d, uint32_t item);
/* The earliest deadline, exactly: 1 and the time, or 0. Drops stale entries on the way. */
int vdev__deadlines_first(struct vdev__deadlines *d, uint64_t *ret_ns);
/* Takes the earliest item whose deadline is <= now: 1 and the item, or 0. Its deadline is gone then. */
int vdev__deadlines_expire(struct vdev__deadlines *d, uint64_t now, uint32_t *ret_item);
uint64_t vdev__deadlines_bytes(const struct vdev__deadlines *d);

#endif
