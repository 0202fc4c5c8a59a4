/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A map from 64-bit keys (never 0) to slots, with room for a number of keys that is fixed from the
 * start: one writer, and readers that never wait.
 *
 * Open addressing where no key ever moves and no tombstone stays. A key lives in the first slot that
 * was free at or after its home; `reach` is the farthest that any key ever had to go, so a look-up
 * tests reach + 1 slots whether or not there are holes between. Half of the slots stay empty, which
 * keeps the reach short. As nothing moves, a reader beside the writer finds every key that is there
 * all the time: a design that closes gaps could miss one.
 */
#ifndef VDEV__LINUX_SLOTS_H
#define VDEV__LINUX_SLOTS_H

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#include "env.h"

#define VDEV__NO_SLOT UINT32_MAX

struct vdev__slots {
	_Atomic(uint64_t) *keys; /* 0: free */
	uint32_t size; /* power of two */
	uint32_t shift; /* 64 - log2(size) */
	_Atomic(uint32_t) reach;
};

/* Room for `count` keys, 1..2^30. -ENOMEM. */
static inline int vdev__slots_init(struct vdev__slots *s, const struct vdev_env *env,
				   uint32_t count)
{
	uint32_t size = 2, shift = 63;

	while (size / 2 < count) {
		size *= 2;
		shift--;
	}
	s->keys = vdev__alloc(env, size, sizeof(*s->keys));
	if (!s->keys)
		return -ENOMEM;
	s->size = size;
	s->shift = shift;
	return 0;
}

static inline void vdev__slots_fini(struct vdev__slots *s, const struct vdev_env *env)
{
	vdev__free(env, s->keys, s->size * sizeof(*s->keys));
}

/* Fibonacci hashing: neighbouring handles end up far from each other. */
static inline uint32_t vdev__slots_home(const struct vdev__slots *s, uint64_t key)
{
	return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> s->shift);
}

/* The slot of a key, VDEV__NO_SLOT: not there. Any thread, at most `size` loads. */
static inline uint32_t vdev__slots_find(const struct vdev__slots *s, uint64_t key)
{
	uint32_t reach = atomic_load_explicit(&s->reach, memory_order_acquire);
	uint32_t home = vdev__slots_home(s, key);
	uint32_t i;

	for (i = 0; key && i <= reach; i++) {
		uint32_t slot = (home + i) & (s->size - 1);

		if (atomic_load_explicit(&s->keys[slot], memory_order_acquire) == key)
			return slot;
	}
	return VDEV__NO_SLOT;
}

/* Adds a key that is not there, while fewer than `count` are. Writer only. */
static inline uint32_t vdev__slots_put(struct vdev__slots *s, uint64_t key)
{
	uint32_t home = vdev__slots_home(s, key);
	uint32_t slot = home, far = 0;

	while (atomic_load_explicit(&s->keys[slot], memory_order_relaxed)) {
		slot = (slot + 1) & (s->size - 1);
		far++;
	}
	if (far > atomic_load_explicit(&s->reach, memory_order_relaxed))
		atomic_store_explicit(&s->reach, far, memory_order_release);
	atomic_store_explicit(&s->keys[slot], key, memory_order_release);
	return slot;
}

/* Frees a slot. Writer only. */
static inline void vdev__slots_del(struct vdev__slots *s, uint32_t slot)
{
	atomic_store_explicit(&s->keys[slot], 0, memory_order_release);
}

#endif
