/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handle table. The tag of an index says all about it:
 *
 *   generation odd            in use; payload is the owner's
 *   generation even           free; the last handle had the generation before (0: never used)
 *   TAG_RETIRED               all generations were used: never given out again
 *
 * A handle always has an odd generation, so one comparison with the tag tells a live one from a
 * stale one and from one that is yet to be given out. Free items hold the free list.
 */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHIFT VDEV__TABLE_INDEX_BITS
#define LOW (VDEV__TABLE_MAX - 1)
#define LAST_GENERATION ((UINT64_C(1) << (64 - SHIFT)) - 1)
#define TAG_RETIRED UINT64_C(1)

static uint32_t chunk_slots(const struct vdev__table *t, uint32_t chunk)
{
	uint32_t left = t->limit - chunk * VDEV__TABLE_CHUNK;

	return left < VDEV__TABLE_CHUNK ? left : VDEV__TABLE_CHUNK;
}

static size_t chunk_bytes(const struct vdev__table *t, uint32_t chunk)
{
	return sizeof(struct vdev__table_chunk) + (size_t)chunk_slots(t, chunk) * t->item_size;
}

static uint32_t chunk_count(const struct vdev__table *t)
{
	return (t->limit + VDEV__TABLE_CHUNK - 1) / VDEV__TABLE_CHUNK;
}

static void set_tag(struct vdev__table *t, uint32_t index, uint64_t tag)
{
	struct vdev__table_chunk *c = vdev__table_chunk_of(t, index);

	atomic_store_explicit(&c->u.tags[index % VDEV__TABLE_CHUNK], tag, memory_order_release);
}

int vdev__table_init(struct vdev__table *t, const struct vdev_env *env, uint32_t item_size,
		     uint32_t limit)
{
	memset(t, 0, sizeof(*t));
	if (!limit || limit > VDEV__TABLE_MAX || item_size < sizeof(t->free_head))
		return -EINVAL;
	t->env = env;
	t->item_size = item_size;
	t->limit = limit;
	t->chunks = vdev__alloc(env, chunk_count(t), sizeof(*t->chunks));
	return t->chunks ? 0 : -ENOMEM;
}

void vdev__table_fini(struct vdev__table *t)
{
	uint32_t i;

	if (!t->chunks)
		return;
	for (i = 0; i < chunk_count(t); i++)
		vdev__free(t->env, vdev__table_chunk_of(t, i * VDEV__TABLE_CHUNK),
			   chunk_bytes(t, i));
	vdev__free(t->env, t->chunks, chunk_count(t) * sizeof(*t->chunks));
	memset(t, 0, sizeof(*t));
}

/* Makes sure that the chunk of the index is there. */
static int populate(struct vdev__table *t, uint32_t index)
{
	uint32_t chunk = index / VDEV__TABLE_CHUNK;
	struct vdev__table_chunk *c = vdev__table_chunk_of(t, index);

	if (c)
		return 0;
	c = vdev__alloc(t->env, 1, chunk_bytes(t, chunk));
	if (!c)
		return -ENOMEM;
	atomic_store_explicit(&t->chunks[chunk], c, memory_order_release);
	return 0;
}

static void free_push(struct vdev__table *t, uint32_t index)
{
	memcpy(vdev__table_item(t, index), &t->free_head, sizeof(t->free_head));
	t->free_head = index + 1;
}

/* Restoring in any order leaves gaps: the free list is made anew before it is needed. */
static int relink(struct vdev__table *t)
{
	uint32_t i;

	for (i = 0; i < t->high; i += VDEV__TABLE_CHUNK)
		if (populate(t, i))
			return -ENOMEM;
	t->free_head = 0;
	for (i = t->high; i-- > 0;)
		if (!vdev__table_live(vdev__table_tag(t, i)) &&
		    vdev__table_tag(t, i) != TAG_RETIRED)
			free_push(t, i);
	t->relink = 0;
	return 0;
}

/* Takes a free index off the list, or one that was never used. */
static int take(struct vdev__table *t, uint32_t *ret_index)
{
	uint32_t index = t->high;

	if (t->relink && relink(t))
		return -ENOMEM;
	if (t->free_head) {
		index = t->free_head - 1;
		memcpy(&t->free_head, vdev__table_item(t, index), sizeof(t->free_head));
	} else {
		if (index == t->limit)
			return -ENOSPC;
		if (populate(t, index))
			return -ENOMEM;
		t->high++;
	}
	*ret_index = index;
	return 0;
}

int vdev__table_new(struct vdev__table *t, uint32_t *ret_index)
{
	uint32_t index;
	int err = take(t, &index);

	if (err)
		return err;
	memset(vdev__table_item(t, index), 0, t->item_size);
	set_tag(t, index, vdev__table_tag(t, index) + (UINT64_C(1) << SHIFT));
	t->count++;
	*ret_index = index;
	return 0;
}

/* The tag of a free index whose last handle had this generation. */
static uint64_t free_tag(uint64_t generation)
{
	if (generation == LAST_GENERATION)
		return TAG_RETIRED;
	return generation ? (generation + 1) << SHIFT : 0;
}

void vdev__table_del(struct vdev__table *t, uint32_t index)
{
	uint64_t tag = vdev__table_tag(t, index);

	if (!vdev__table_live(tag))
		return;
	tag = free_tag(tag >> SHIFT);
	set_tag(t, index, tag);
	t->count--;
	if (tag != TAG_RETIRED)
		free_push(t, index);
}

int vdev__table_find(const struct vdev__table *t, uint64_t handle, uint32_t *ret_index)
{
	uint32_t payload;
	int err = vdev__table_peek(t, handle, &payload);

	if (!err)
		*ret_index = (uint32_t)handle & LOW;
	return err;
}

uint64_t vdev__table_handle(const struct vdev__table *t, uint32_t index)
{
	uint64_t tag = vdev__table_tag(t, index);

	return vdev__table_live(tag) ? (tag & ~(uint64_t)LOW) | index : 0;
}

uint64_t vdev__table_renew(struct vdev__table *t, uint32_t index)
{
	uint64_t generation = vdev__table_tag(t, index) >> SHIFT;

	if (!(generation & 1) || generation == LAST_GENERATION)
		return 0;
	set_tag(t, index, (generation + 2) << SHIFT);
	return vdev__table_handle(t, index);
}

void vdev__table_set_payload(struct vdev__table *t, uint32_t index, uint32_t payload)
{
	uint64_t tag = vdev__table_tag(t, index);

	if (vdev__table_live(tag))
		set_tag(t, index, (tag & ~(uint64_t)LOW) | (payload & LOW));
}

uint32_t vdev__table_next(const struct vdev__table *t, uint32_t from)
{
	for (; from < t->high; from++)
		if (vdev__table_live(vdev__table_tag(t, from)))
			return from;
	return UINT32_MAX;
}

uint64_t vdev__table_generation(const struct vdev__table *t, uint32_t index)
{
	uint64_t tag = vdev__table_tag(t, index);

	if (tag == TAG_RETIRED)
		return LAST_GENERATION;
	if (vdev__table_live(tag) || !tag)
		return tag >> SHIFT;
	return (tag >> SHIFT) - 1;
}

/* Both setters for images: a generation never goes back, and the index must not be in use. */
static int adopt(struct vdev__table *t, uint32_t index, uint64_t generation)
{
	if (index >= t->limit)
		return -ENOSPC;
	if (vdev__table_live(vdev__table_tag(t, index)) ||
	    generation < vdev__table_generation(t, index))
		return -EBADMSG;
	if (populate(t, index))
		return -ENOMEM;
	t->relink = 1;
	if (t->high <= index)
		t->high = index + 1;
	return 0;
}

int vdev__table_restore(struct vdev__table *t, uint64_t handle)
{
	uint32_t index = (uint32_t)handle & LOW;
	uint64_t generation = handle >> SHIFT;
	int err;

	if (!(generation & 1) || generation == vdev__table_generation(t, index))
		return -EBADMSG;
	err = adopt(t, index, generation);
	if (err)
		return err;
	memset(vdev__table_item(t, index), 0, t->item_size);
	set_tag(t, index, generation << SHIFT);
	t->count++;
	return 0;
}

int vdev__table_set_generation(struct vdev__table *t, uint32_t index, uint64_t generation)
{
	int err;

	if (generation > LAST_GENERATION || (generation && !(generation & 1)))
		return -EBADMSG;
	err = adopt(t, index, generation);
	if (err)
		return err;
	set_tag(t, index, free_tag(generation));
	return 0;
}

uint64_t vdev__table_bytes(const struct vdev__table *t)
{
	uint64_t bytes = (uint64_t)chunk_count(t) * sizeof(*t->chunks);
	uint32_t i;

	for (i = 0; i < chunk_count(t); i++)
		if (vdev__table_chunk_of(t, i * VDEV__TABLE_CHUNK))
			bytes += chunk_bytes(t, i);
	return bytes;
}
