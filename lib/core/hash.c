/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open addressing with linear probing. Deleting shifts the rest of the run back, so there are no
 * tombstones and a table that lives for years stays as fast as a new one.
 */
#include "hash.h"

#include <errno.h>
#include <string.h>

#define EMPTY UINT32_MAX
#define FIRST_SIZE 16u
#define LAST_SIZE (1u << 31)

/* Murmur3's finaliser: bijective, each input bit flips each output bit about half of the time. */
static uint32_t home(const struct vdev__hash *h, uint64_t key)
{
	key = (key ^ key >> 33) * UINT64_C(0xff51afd7ed558ccd);
	key = (key ^ key >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (uint32_t)(key ^ key >> 33) & (h->size - 1);
}

/* The slot of the key, or the empty slot where it would go. size > 0. */
static uint32_t probe(const struct vdev__hash *h, uint64_t key)
{
	uint32_t i = home(h, key);

	while (h->values[i] != EMPTY && h->keys[i] != key)
		i = (i + 1) & (h->size - 1);
	return i;
}

static void place(struct vdev__hash *h, uint32_t slot, uint64_t key, uint32_t value)
{
	h->keys[slot] = key;
	h->values[slot] = value;
}

static void release(struct vdev__hash *h)
{
	vdev__free(h->env, h->keys, h->size * sizeof(*h->keys));
	vdev__free(h->env, h->values, h->size * sizeof(*h->values));
}

void vdev__hash_init(struct vdev__hash *h, const struct vdev_env *env)
{
	memset(h, 0, sizeof(*h));
	h->env = env;
}

void vdev__hash_fini(struct vdev__hash *h)
{
	release(h);
	vdev__hash_init(h, h->env);
}

static int resize(struct vdev__hash *h, uint32_t size)
{
	struct vdev__hash bigger = {.env = h->env, .size = size, .count = h->count};
	uint32_t i;

	bigger.keys = vdev__alloc(h->env, size, sizeof(*h->keys));
	bigger.values = vdev__alloc(h->env, size, sizeof(*h->values));
	if (!bigger.keys || !bigger.values) {
		release(&bigger);
		return -ENOMEM;
	}
	memset(bigger.values, 0xff, size * sizeof(*h->values));
	for (i = 0; i < h->size; i++)
		if (h->values[i] != EMPTY)
			place(&bigger, probe(&bigger, h->keys[i]), h->keys[i], h->values[i]);
	release(h);
	*h = bigger;
	return 0;
}

/* Room for one more at a load of at most 3/4: longer runs would cost more than the memory saved. */
static int make_room(struct vdev__hash *h)
{
	if (h->count < h->size - h->size / 4)
		return 0;
	if (h->size == LAST_SIZE)
		return -ENOMEM;
	return resize(h, h->size ? h->size * 2 : FIRST_SIZE);
}

int vdev__hash_put(struct vdev__hash *h, uint64_t key, uint32_t value)
{
	uint32_t slot;
	int err;

	if (h->size) {
		slot = probe(h, key);
		if (h->values[slot] != EMPTY) {
			h->values[slot] = value;
			return 0;
		}
	}
	err = make_room(h);
	if (err)
		return err;
	place(h, probe(h, key), key, value);
	h->count++;
	return 0;
}

int vdev__hash_get(const struct vdev__hash *h, uint64_t key, uint32_t *ret_value)
{
	uint32_t slot;

	if (!h->count)
		return 0;
	slot = probe(h, key);
	if (h->values[slot] == EMPTY)
		return 0;
	*ret_value = h->values[slot];
	return 1;
}

/* Moves into the hole each later entry of the run that may stand there, i.e. not before its home. */
static void close_hole(struct vdev__hash *h, uint32_t hole)
{
	uint32_t mask = h->size - 1;
	uint32_t i = hole;

	for (;;) {
		i = (i + 1) & mask;
		if (h->values[i] == EMPTY)
			break;
		if (((i - home(h, h->keys[i])) & mask) < ((i - hole) & mask))
			continue;
		place(h, hole, h->keys[i], h->values[i]);
		hole = i;
	}
	h->values[hole] = EMPTY;
}

int vdev__hash_del(struct vdev__hash *h, uint64_t key)
{
	uint32_t slot;

	if (!h->count)
		return 0;
	slot = probe(h, key);
	if (h->values[slot] == EMPTY)
		return 0;
	close_hole(h, slot);
	h->count--;
	return 1;
}

uint64_t vdev__hash_bytes(const struct vdev__hash *h)
{
	return (uint64_t)h->size * (sizeof(*h->keys) + sizeof(*h->values));
}
