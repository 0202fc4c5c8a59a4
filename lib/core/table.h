/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handle table: items at stable addresses, named by never-reused 64-bit handles.
 *
 *   handle = generation (40 bits) << 24 | index (24 bits)        index 0 is a valid item
 *
 * Beside each item stands one atomic word: generation << 24 | payload (24 bits). It is the only
 * thing that a lock-free reader looks at, so one load gives a consistent answer. Chunks never move
 * and are freed only by fini, so a reader needs no epoch.
 */
#ifndef VDEV__CORE_TABLE_H
#define VDEV__CORE_TABLE_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "env.h"

#define VDEV__TABLE_INDEX_BITS 24
#define VDEV__TABLE_MAX (1u << VDEV__TABLE_INDEX_BITS)
#define VDEV__TABLE_CHUNK 1024u

/* Tags apart from the items: readers touch as few pages as can be. */
struct vdev__table_chunk {
	union {
		_Atomic uint64_t tags[VDEV__TABLE_CHUNK];
		max_align_t align; /* items[] begin aligned for anything */
	} u;
	unsigned char items[];
};

struct vdev__table {
	const struct vdev_env *env; /* not owned */
	_Atomic(struct vdev__table_chunk *) *chunks;
	uint32_t item_size;
	uint32_t limit; /* at most VDEV__TABLE_MAX */
	uint32_t high; /* indices below were used once */
	uint32_t free_head; /* index + 1, 0: none */
	uint32_t count;
	uint32_t relink; /* restored: the free list is made anew by the next new() */
};

static inline struct vdev__table_chunk *vdev__table_chunk_of(const struct vdev__table *t,
							     uint32_t index)
{
	return atomic_load_explicit(&t->chunks[index / VDEV__TABLE_CHUNK], memory_order_acquire);
}

/* 0 for an index that was never used or is out of range. */
static inline uint64_t vdev__table_tag(const struct vdev__table *t, uint32_t index)
{
	struct vdev__table_chunk *c = index < t->limit ? vdev__table_chunk_of(t, index) : NULL;

	if (!c)
		return 0;
	return atomic_load_explicit(&c->u.tags[index % VDEV__TABLE_CHUNK], memory_order_acquire);
}

static inline int vdev__table_live(uint64_t tag)
{
	return (int)(tag >> VDEV__TABLE_INDEX_BITS & 1);
}

/* Only of an index that has a chunk. */
static inline void *vdev__table_item(const struct vdev__table *t, uint32_t index)
{
	return vdev__table_chunk_of(t, index)->items +
	       (size_t)(index % VDEV__TABLE_CHUNK) * t->item_size;
}

/* -EINVAL: limit 0 or above the maximum, item_size below 4; -ENOMEM. */
int vdev__table_init(struct vdev__table *t, const struct vdev_env *env, uint32_t item_size,
		     uint32_t limit);
void vdev__table_fini(struct vdev__table *t);
/* A zeroed item with a fresh generation. -ENOSPC: limit reached; -ENOMEM. */
int vdev__table_new(struct vdev__table *t, uint32_t *ret_index);
/* Ends the item: its handle is stale from now on. */
void vdev__table_del(struct vdev__table *t, uint32_t index);
/* The item, NULL when the index is not in use. Single owner. */
static inline void *vdev__table_at(const struct vdev__table *t, uint32_t index)
{
	return vdev__table_live(vdev__table_tag(t, index)) ? vdev__table_item(t, index) : NULL;
}

/* The item of a live handle and its index. -ENOENT. Single owner. */
int vdev__table_find(const struct vdev__table *t, uint64_t handle, uint32_t *ret_index);
uint64_t vdev__table_handle(const struct vdev__table *t, uint32_t index);
/* Gives the same item a new handle; the old one is stale. Payload becomes 0. Returns 0, and changes
 * nothing, when the index has used up its generations or is free. */
uint64_t vdev__table_renew(struct vdev__table *t, uint32_t index);
/* The handle that renew() replaced by this one: generations of handles are two apart. */
static inline uint64_t vdev__table_before(uint64_t handle)
{
	return handle - (UINT64_C(2) << VDEV__TABLE_INDEX_BITS);
}
void vdev__table_set_payload(struct vdev__table *t, uint32_t index, uint32_t payload);
/* Any thread, wait-free, beside one writer: payload of a live handle. -ENOENT. */
static inline int vdev__table_peek(const struct vdev__table *t, uint64_t handle,
				   uint32_t *ret_payload)
{
	uint64_t tag = vdev__table_tag(t, (uint32_t)handle & (VDEV__TABLE_MAX - 1));

	if ((tag ^ handle) >> VDEV__TABLE_INDEX_BITS || !vdev__table_live(handle))
		return -ENOENT;
	*ret_payload = (uint32_t)tag & (VDEV__TABLE_MAX - 1);
	return 0;
}

/* Lowest index in use that is >= from, or UINT32_MAX. */
uint32_t vdev__table_next(const struct vdev__table *t, uint32_t from);
/* For images: makes exactly this handle live (index unused so far). -EBADMSG, -ENOMEM, -ENOSPC. */
int vdev__table_restore(struct vdev__table *t, uint64_t handle);
/* For images: generation that an unused index last had, and its setter (never goes back). */
uint64_t vdev__table_generation(const struct vdev__table *t, uint32_t index);
int vdev__table_set_generation(struct vdev__table *t, uint32_t index, uint64_t generation);
/* Bytes allocated. */
uint64_t vdev__table_bytes(const struct vdev__table *t);

#endif
