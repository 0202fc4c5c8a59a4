/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a VMM would write instead of the zero-copy queue: one object behind one mutex. A table of messages
 * with a free list, ids with a generation, quotas of the VM and of each destination, and deadlines in the
 * textbook timing wheel or in a binary heap. Reclaim and quarantine it lacks.
 */
#ifndef ZEROCOPY_PEER_H
#define ZEROCOPY_PEER_H

#include <pthread.h>
#include <stdint.h>
#include <vdev/zerocopy.h>

#include "heap.h"
#include "wheel.h"

#define ZPEER_DESTINATIONS 16u

struct zpeer_message {
	uint64_t id; /* generation << 32 | index; 0: free */
	uint64_t address, length, user_data;
	uint64_t timeout_ns;
	uint32_t destination;
	uint32_t next; /* in the free list */
	struct wheel_timer timer;
	struct heap_timer heap_timer;
};

struct zpeer_quota {
	uint64_t blocks, bytes;
};

struct zpeer {
	pthread_mutex_t lock;
	struct zpeer_message *messages;
	uint32_t slots, free; /* free: index + 1 */
	uint64_t generation;
	int by_heap;
	struct wheel wheel;
	struct heap heap;
	struct zpeer_quota vm, destinations[ZPEER_DESTINATIONS];
	uint64_t memory_bytes;
};

void zpeer_init(struct zpeer *p, uint32_t slots, uint64_t memory_bytes, int by_heap);
void zpeer_fini(struct zpeer *p);
int zpeer_reserve(struct zpeer *p, const struct vdev_zerocopy_block *block, uint64_t *ret_id);
void zpeer_sent(struct zpeer *p, uint64_t now_ns, uint64_t id);
/* Each id of the list: the lock is taken once. Number of those that were lent. */
uint32_t zpeer_complete(struct zpeer *p, const uint64_t *ids, uint32_t count);
uint32_t zpeer_expire(struct zpeer *p, uint64_t now_ns);

#endif
