/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One queue of the paravirtual function from the inside.
 *
 *   ring.c        the object: configuration, start and stop, counters
 *   ring_table.c  messages in flight: by handle, by cookie, by age
 *   ring_take.c   descriptor ring -> messages
 *   ring_tell.c   answers         -> event ring
 *   ring_image.c  save and load
 */
#ifndef VDEV__PVDEV_RING_H
#define VDEV__PVDEV_RING_H

#include <errno.h>
#include <stdbool.h>

#include <vdev/guest.h>
#include <vdev/pvqueue.h>

#include "env.h"
#include "sat.h"

#define RING_NONE UINT32_MAX
#define RING_SLOT_BITS 16
#define RING_KINDS ((uint32_t)VDEV_GUEST_MSG_RECLAIM_ALL)

/* A descriptor that was taken and not ended. handle = sequence << RING_SLOT_BITS | slot. */
struct ring_message {
	uint64_t handle; /* 0: the slot is free */
	uint64_t tag;
	uint64_t cookie;
	uint64_t address;
	uint64_t target; /* handle */
	uint64_t arg; /* of the answer that is kept back */
	uint32_t length;
	uint32_t timeout_ms;
	uint32_t kind;
	uint32_t flags;
	uint32_t destination;
	uint32_t result; /* of the answer that is kept back */
	uint32_t answered;
	uint32_t older, newer; /* list of all, by handle */
	uint32_t chain; /* next with the same hash of the cookie; or next free */
};

struct vdev_pvqueue {
	struct vdev_env env;
	struct vdev_pvqueue_config config; /* defaults filled in */
	struct vdev_pvqueue_stats stats;
	struct vdev_pvqueue_rings rings;
	uint32_t state;
	bool inside; /* a hook runs */
	/* Free-running indices. Between taken and producer the guest may have changed its mind: only
	 * the copy that next() makes counts. */
	uint32_t producer; /* as last read */
	uint32_t taken;
	/*
	 * Each message in flight has its place in the event ring:
	 *   in_flight <= events_size - (produced - consumed)
	 * consumed is as last read; the guest can only have taken more.
	 */
	uint32_t produced, consumed;
	uint32_t lost;
	struct ring_message *messages; /* max_size */
	uint32_t *buckets; /* by hash of the cookie; max_size */
	uint32_t free_head, oldest, newest;
	uint32_t in_flight;
	uint64_t sequence; /* of the latest message */
};

/* ring.c */
bool vdev__ring_rings_ok(const struct vdev_pvqueue_rings *rings, uint32_t max_size);
/* Checks the configuration and makes the object. */
int vdev__ring_make(struct vdev_pvqueue **ret, const struct vdev_env *env,
		    const struct vdev_pvqueue_config *config);
/* Accesses to guest memory. False: the queue is broken now. */
bool vdev__ring_read(struct vdev_pvqueue *q, uint64_t address, void *buf, size_t size);
bool vdev__ring_read_u32(struct vdev_pvqueue *q, uint64_t address, uint32_t *ret_value);
bool vdev__ring_write(struct vdev_pvqueue *q, uint64_t address, const void *buf, size_t size);
bool vdev__ring_write_u32(struct vdev_pvqueue *q, uint64_t address, uint32_t value);
/* Counts in one of stats.broken_...; always false. */
bool vdev__ring_break(struct vdev_pvqueue *q, uint64_t *counter, uint32_t index);
void vdev__ring_trace(struct vdev_pvqueue *q, uint32_t kind, uint64_t handle, uint64_t arg);

static inline uint64_t vdev__ring_descriptors_bytes(uint32_t size)
{
	return VDEV_GUEST_RING_FIRST + (uint64_t)size * VDEV_GUEST_DESC_BYTES;
}

static inline uint64_t vdev__ring_events_bytes(uint32_t size)
{
	return VDEV_GUEST_EVENTS_FIRST + (uint64_t)size * VDEV_GUEST_ENTRY_BYTES;
}

static inline bool vdev__ring_overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

/* Guest memory is little-endian. */
static inline uint32_t vdev__ring_u32(const uint8_t *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t vdev__ring_u64(const uint8_t *b)
{
	return vdev__ring_u32(b) | (uint64_t)vdev__ring_u32(b + 4) << 32;
}

static inline void vdev__ring_put_u32(uint8_t *b, uint32_t v)
{
	for (uint32_t i = 0; i < 4; i++)
		b[i] = (uint8_t)(v >> (8 * i));
}

static inline void vdev__ring_put_u64(uint8_t *b, uint64_t v)
{
	vdev__ring_put_u32(b, (uint32_t)v);
	vdev__ring_put_u32(b + 4, (uint32_t)(v >> 32));
}

/* ring_table.c: messages in flight. */
/* Empties the table and gives it `size` slots. */
void vdev__ring_table_clear(struct vdev_pvqueue *q, uint32_t size);
/* Makes the slots below `size` that are not in use free. */
void vdev__ring_table_link(struct vdev_pvqueue *q, uint32_t size);
struct ring_message *vdev__ring_find(const struct vdev_pvqueue *q, uint64_t handle);
struct ring_message *vdev__ring_find_cookie(const struct vdev_pvqueue *q, uint64_t cookie);
/* A message with a new handle. The caller knows that there is a slot. */
struct ring_message *vdev__ring_add(struct vdev_pvqueue *q, uint64_t cookie);
/* For images: exactly this handle, younger than all others; link() comes last. NULL: cannot be. */
struct ring_message *vdev__ring_restore(struct vdev_pvqueue *q, uint64_t handle, uint64_t cookie);
void vdev__ring_remove(struct vdev_pvqueue *q, struct ring_message *m);
void vdev__ring_export(const struct ring_message *m, struct vdev_pvqueue_message *ret);

/* ring_take.c */
bool vdev__ring_flags_ok(uint32_t kind, uint32_t flags);
/* The block neither is empty nor wraps nor touches the rings. */
bool vdev__ring_block_ok(const struct vdev_pvqueue *q, uint64_t address, uint64_t length);

/* ring_tell.c */
bool vdev__ring_result_ok(uint32_t kind, uint32_t result);
/* True when `need` more entries fit; looks at what the guest has taken only if it matters. */
bool vdev__ring_room(struct vdev_pvqueue *q, uint32_t need);
/* Writes an entry for which there is room. Returns a mask of VDEV_PVQUEUE_RAISE and BROKEN. */
int vdev__ring_tell(struct vdev_pvqueue *q, uint32_t kind, uint32_t result, uint64_t cookie,
		    uint64_t arg);

static inline bool vdev__ring_is_block(uint32_t kind)
{
	return kind == VDEV_GUEST_MSG_SEND || kind == VDEV_GUEST_MSG_RECEIVE;
}

static inline bool vdev__ring_power_of_two(uint32_t n)
{
	return n && (n & (n - 1)) == 0;
}

#endif
