/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lazy 4-ary heap.
 *
 * An entry stands for its item when their keys are equal; any other entry is garbage. An item with
 * key == VDEV_NONE has no entry. The invariant is: key <= ns, and where key is not VDEV_NONE there
 * is an entry with that key. So
 *
 *   arm()    needs one comparison, ns < key, to know whether a store is enough;
 *   lower()  adds an entry and lets the old one become garbage: entries need not know where they
 *            are in the heap, and sinking one writes to no item;
 *   settle() drops or sinks what stands at the root and is garbage or stale (key < ns). What is left
 *            is the earliest deadline, because no other item's ns is before its key.
 *
 * The heap has room for half as many entries again as there are items. When it is full at least that
 * many were lowered since the last time, which pays for building it anew from the items.
 */
#include "deadline.h"

#include <errno.h>
#include <string.h>

#define CACHE_LINE 64u
#define FIRST_CAPACITY 16u
#define LAST_CAPACITY (1u << 31)

struct vdev__deadline_entry {
	uint64_t key;
	uint32_t item;
	uint32_t reserved;
};

static uint32_t heap_size(uint32_t capacity)
{
	return capacity + capacity / 2;
}

/* Room for moving entry 1 to a cache line's begin, so that each group of siblings is one line. */
static size_t heap_entries(uint32_t capacity)
{
	return capacity ? (size_t)heap_size(capacity) +
				  CACHE_LINE / sizeof(struct vdev__deadline_entry)
			: 0;
}

static struct vdev__deadline_entry *align_heap(struct vdev__deadline_entry *block)
{
	uintptr_t first = (uintptr_t)(block + 1);

	return block + (CACHE_LINE - first % CACHE_LINE) % CACHE_LINE / sizeof(*block);
}

void vdev__deadlines_init(struct vdev__deadlines *d, const struct vdev_env *env)
{
	memset(d, 0, sizeof(*d));
	d->env = env;
}

void vdev__deadlines_fini(struct vdev__deadlines *d)
{
	vdev__free(d->env, d->items, d->capacity * sizeof(*d->items));
	vdev__free(d->env, d->block, heap_entries(d->capacity) * sizeof(*d->block));
	vdev__deadlines_init(d, d->env);
}

/* An eighth more each time, so that a caller may reserve one more for each new item without much
 * memory lying idle. */
static uint32_t next_capacity(const struct vdev__deadlines *d, uint32_t count)
{
	uint32_t capacity = d->capacity + d->capacity / 8;

	if (capacity < FIRST_CAPACITY)
		capacity = FIRST_CAPACITY;
	if (capacity < count)
		capacity = count;
	return capacity < LAST_CAPACITY ? capacity : LAST_CAPACITY;
}

int vdev__deadlines_reserve(struct vdev__deadlines *d, uint32_t count)
{
	struct vdev__deadline_item *items;
	struct vdev__deadline_entry *block, *heap;
	uint32_t capacity = next_capacity(d, count);

	if (count <= d->capacity)
		return 0;
	if (count > LAST_CAPACITY)
		return -ENOMEM;
	block = vdev__alloc(d->env, heap_entries(capacity), sizeof(*block));
	if (!block)
		return -ENOMEM;
	items = vdev__grow(d->env, d->items, d->capacity, capacity, sizeof(*items));
	if (!items) {
		vdev__free(d->env, block, heap_entries(capacity) * sizeof(*block));
		return -ENOMEM;
	}
	heap = align_heap(block);
	if (d->used)
		memcpy(heap, d->heap, d->used * sizeof(*heap));
	vdev__free(d->env, d->block, heap_entries(d->capacity) * sizeof(*block));
	d->block = block;
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
}

static void sift_up(struct vdev__deadlines *d, uint32_t pos, uint64_t key, uint32_t item)
{
	while (pos && d->heap[(pos - 1) / 4].key > key) {
		d->heap[pos] = d->heap[(pos - 1) / 4];
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
		best = d->heap[child].key < d->heap[best].key ? child : best;
	return (uint32_t)best;
}

static void sift_down(struct vdev__deadlines *d, uint32_t pos, uint64_t key, uint32_t item)
{
	uint32_t child = earliest_child(d, pos);

	while (child < d->used && d->heap[child].key < key) {
		d->heap[pos] = d->heap[child];
		pos = child;
		child = earliest_child(d, pos);
	}
	place(d, pos, key, item);
}

/* Only garbage goes: a stale key still saves work when its item is armed again. Needs one entry. */
static void rebuild(struct vdev__deadlines *d)
{
	uint32_t i;

	d->used = 0;
	for (i = 0; i < d->capacity; i++)
		if (d->items[i].key != VDEV_NONE)
			place(d, d->used++, d->items[i].key, i);
	for (i = d->used / 4 + 1; i-- > 0;)
		sift_down(d, i, d->heap[i].key, d->heap[i].item);
}

void vdev__deadlines_lower(struct vdev__deadlines *d, uint32_t item)
{
	uint64_t ns = d->items[item].ns;

	d->items[item].key = ns;
	if (VDEV__UNLIKELY(d->used == heap_size(d->capacity)))
		rebuild(d);
	else
		sift_up(d, d->used++, ns, item);
}

uint64_t vdev__deadlines_get(const struct vdev__deadlines *d, uint32_t item)
{
	return item < d->capacity ? d->items[item].ns : VDEV_NONE;
}

static void drop_root(struct vdev__deadlines *d)
{
	struct vdev__deadline_entry last = d->heap[--d->used];

	if (d->used)
		sift_down(d, 0, last.key, last.item);
}

/* 1 when the root is a true deadline, 0 when there is none up to `until`. */
static int settle(struct vdev__deadlines *d, uint64_t until)
{
	while (d->used && d->heap[0].key <= until) {
		struct vdev__deadline_entry root = d->heap[0];
		struct vdev__deadline_item *item = &d->items[root.item];

		if (root.key != item->key) {
			drop_root(d);
			continue;
		}
		if (root.key == item->ns)
			return 1;
		item->key = item->ns;
		if (item->ns == VDEV_NONE)
			drop_root(d);
		else
			sift_down(d, 0, item->ns, root.item);
	}
	return 0;
}

int vdev__deadlines_first(struct vdev__deadlines *d, uint64_t *ret_ns)
{
	if (!settle(d, VDEV_NONE))
		return 0;
	*ret_ns = d->heap[0].key;
	return 1;
}

int vdev__deadlines_expire(struct vdev__deadlines *d, uint64_t now, uint32_t *ret_item)
{
	if (!settle(d, now))
		return 0;
	/* The entry stays: an item that expires is often armed again, and then a store is enough. */
	*ret_item = d->heap[0].item;
	d->items[*ret_item].ns = VDEV_NONE;
	return 1;
}

uint64_t vdev__deadlines_bytes(const struct vdev__deadlines *d)
{
	return (uint64_t)d->capacity * sizeof(*d->items) +
	       heap_entries(d->capacity) * sizeof(*d->block);
}
