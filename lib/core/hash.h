/* SPDX-License-Identifier: BSD-3-Clause */
/* Hash table from 64-bit keys to 32-bit values: open addressing, linear probing, no tombstones. */
#ifndef VDEV__CORE_HASH_H
#define VDEV__CORE_HASH_H

#include <stdint.h>

#include "env.h"

struct vdev__hash {
	const struct vdev_env *env; /* not owned */
	uint64_t *keys;
	uint32_t *values; /* UINT32_MAX: slot is empty */
	uint32_t size; /* power of two, 0: nothing allocated yet */
	uint32_t count;
};

void vdev__hash_init(struct vdev__hash *h, const struct vdev_env *env);
void vdev__hash_fini(struct vdev__hash *h);
/* Adds or replaces. value < UINT32_MAX. -ENOMEM (nothing changed). */
int vdev__hash_put(struct vdev__hash *h, uint64_t key, uint32_t value);
/* 1 and the value, or 0. */
int vdev__hash_get(const struct vdev__hash *h, uint64_t key, uint32_t *ret_value);
/* 1: removed; 0: was not there. */
int vdev__hash_del(struct vdev__hash *h, uint64_t key);
uint64_t vdev__hash_bytes(const struct vdev__hash *h);

#endif
