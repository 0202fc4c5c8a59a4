/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lazy 4-ary heap.
 *
 *   item in no heap entry:  key == VDEV_NONE, ns == VDEV_NONE
 *   item in the heap:       key == key of its entry <= ns    (ns == VDEV_NONE: cancelled)
 *
 * So arm() needs one comparison, ns >= key, to know that a store is enough. An entry is stale when
 * key < ns; settle() drops or sinks stale entries while they stand at the root, and an entry at the
 * root that is not stale is the earliest deadline, because no other item's ns is before its key.
 */
#include "deadline.h"

#include <errno.h>
#include <string.h>

#define FIRST_CAPACITY 16u

struct vdev__deadline_item {
	uint64_t ns;
	uint64_t key;
	uint32_t pos; /* in the heap, while key != VDEV_NONE */
	uint32_t reserved;
};

struct vdev__deadline_entry {
	uint64_t key;
	uint32_t item;
	uint32_t reserved;
};

void vdev__deadlines_init(struct vdev__deadlines *d, const struct vdev_env *env)
{
	memset(d, 0, sizeof(*d));
	d->env = env;
}

void vdev__deadlines_fini(struct vdev__deadlines *d)
{
	vdev__free(d->env, d->items, d->capacity * sizeof(*d->items));
	vdev__free(d->env, d->heap, d->capacity * sizeof(*d->heap));
	vdev__deadlines_init(d, d->env);
}

/* Half as much again each time, so that a caller may reserve one more for each new item. */
static uint32_t next_capacity(const struct vdev__deadlines *d, uint32_t count)
{
	uint64_t capacity = (uint64_t)d->capacity + d->capacity / 2;

	if (capacity < FIRST_CAPACITY)
		capacity = FIRST_CAPACITY;
	if (capacity < count)
		capacity = count;
	return capacity > UINT32_MAX ? UINT32_MAX : (uint32_t)capacity;
}

int vdev__deadlines_reserve(struct vdev__deadlines *d, uint32_t count)
{
	struct vdev__deadline_item *items;
	struct vdev__deadline_entry *heap;
	uint32_t capacity = next_capacity(d, count);

	if (count <= d->capacity)
		return 0;
	heap = vdev__alloc(d->env, capacity, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	items = vdev__grow(d->env, d->items, d->capacity, capacity, sizeof(*items));
	if (!items) {
		vdev__free(d->env, heap, capacity * sizeof(*heap));
		return -ENOMEM;
	}
	if (d->used)
		memcpy(heap, d->heap, d->used * sizeof(*heap));
	vdev__free(d->env, d->heap, d->capacity * sizeof(*heap));
	d->heap = heap;
	d->items = items;
	for (; d->capacity < capacity; d->capacity++)
		items[d->capacity].ns = items[d->capacity].key = VDEV_NONE;
	return 0;
}

static void place(struct vdev__deadlines *d, uint32_t pos, uint64_t key, uint32_t item)
{
	d->heap[pos].key = key;
	d->heap[pos].item = item;
	d->items[item].key = key;
	d->items[item].pos = pos;
}

/* Moves the entry at `from` to the hole at `to`. */
static void shift(struct vdev__deadlines *d, uint32_t to, uint32_t from)
{
	d->heap[to] = d->heap[from];
	d->items[d->heap[to].item].pos = to;
}

static void sift_up(struct vdev__deadlines *d, uint32_t pos, uint64_t key, uint32_t item)
{
	while (pos && d->heap[(pos - 1) / 4].key > key) {
		shift(d, pos, (pos - 1) / 4);
		pos = (pos - 1) / 4;
	}
	place(d, pos, key, item);
}

/* The earliest of the children of pos, d->used when it has none. */
static uint32_t earliest_child(const struct vdev__deadlines *d, uint32_t pos)
{
	uint64_t child = (uint64_t)pos * 4 + 1;
	uint64_t end = child + 4 < d->used ? child + 4 : d->used;
	uint64_t best = child;

	if (child >= d->used)
		return d->used;
	while (++child < end)
		if (d->heap[child].key < d->heap[best].key)
			best = child;
	return (uint32_t)best;
}

static void sift_down(struct vdev__deadlines *d, uint64_t key, uint32_t item)
{
	uint32_t pos = 0;
	uint32_t child = earliest_child(d, pos);

	while (child < d->used && d->heap[child].key < key) {
		shift(d, pos, child);
		pos = child;
		child = earliest_child(d, pos);
	}
	place(d, pos, key, item);
}

static void lower(struct vdev__deadlines *d, uint32_t item, uint64_t ns)
{
	uint32_t pos = d->items[item].key == VDEV_NONE ? d->used++ : d->items[item].pos;

	sift_up(d, pos, ns, item);
}

void vdev__deadlines_arm(struct vdev__deadlines *d, uint32_t item, uint64_t ns)
{
	d->items[item].ns = ns;
	if (VDEV__UNLIKELY(ns < d->items[item].key))
		lower(d, item, ns);
}

void vdev__deadlines_cancel(struct vdev__deadlines *d, uint32_t item)
{
	d->items[item].ns = VDEV_NONE;
}

uint64_t vdev__deadlines_get(const struct vdev__deadlines *d, uint32_t item)
{
	return item < d->capacity ? d->items[item].ns : VDEV_NONE;
}

static void drop_root(struct vdev__deadlines *d)
{
	struct vdev__deadline_entry last = d->heap[--d->used];

	d->items[d->heap[0].item].key = VDEV_NONE;
	if (d->used)
		sift_down(d, last.key, last.item);
}

/* 1 when the root is a true deadline, 0 when there is none. */
static int settle(struct vdev__deadlines *d)
{
	while (d->used) {
		uint32_t item = d->heap[0].item;
		uint64_t ns = d->items[item].ns;

		if (ns == d->heap[0].key)
			return 1;
		if (ns == VDEV_NONE)
			drop_root(d);
		else
			sift_down(d, ns, item);
	}
	return 0;
}

int vdev__deadlines_first(struct vdev__deadlines *d, uint64_t *ret_ns)
{
	if (!settle(d))
		return 0;
	*ret_ns = d->heap[0].key;
	return 1;
}

int vdev__deadlines_expire(struct vdev__deadlines *d, uint64_t now, uint32_t *ret_item)
{
	if (!settle(d) || d->heap[0].key > now)
		return 0;
	/* The entry stays: an item that expires is often armed again, and then a store is enough. */
	*ret_item = d->heap[0].item;
	d->items[*ret_item].ns = VDEV_NONE;
	return 1;
}

uint64_t vdev__deadlines_bytes(const struct vdev__deadlines *d)
{
	return (uint64_t)d->capacity * (sizeof(*d->items) + sizeof(*d->heap));
}
