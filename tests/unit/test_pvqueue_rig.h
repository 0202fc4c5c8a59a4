/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest with its memory and a queue in one: what the tests of pvqueue.h share. */
#ifndef TEST_PVQUEUE_RIG_H
#define TEST_PVQUEUE_RIG_H

#include <errno.h>
#include <string.h>

#include "vt_test.h"

#include <vdev/guest.h>
#include <vdev/pvqueue.h>

/* Guest memory: [BASE, BASE + RAM). */
#define BASE UINT64_C(0x100000)
#define RAM 0x10000u
#define RING BASE
#define EVENTS (BASE + 0x4000u)
#define BLOCK UINT64_C(0x40000000) /* needs no memory here: the queue does not look at blocks */
#define SIZE 8u
#define EVENTS_SIZE 16u

struct rig {
	struct vt_env v;
	struct vdev_pvqueue_config config;
	struct vdev_pvqueue_rings rings;
	struct vdev_pvqueue *q;
	uint8_t ram[RAM];
	uint32_t produced; /* by the guest */
	uint32_t consumed;
	uint32_t reads, writes; /* calls of the hooks */
	uint32_t fail_after; /* this access fails, counted from 1; 0: none */
	uint32_t accesses;
	/* Called at each access, before it; NULL: nothing. */
	void (*at_access)(struct rig *g, uint64_t address, size_t size, int is_write);
	int nested; /* calls from hooks that were refused */
	int depth; /* of calls from hooks */
	int mask; /* of all calls since it was cleared */
};

struct descriptor {
	uint64_t address, cookie, target;
	uint32_t length, kind, flags, timeout_ms, destination;
	uint8_t unused[20]; /* bytes 0x1c.. and 0x30.. */
};

struct event {
	uint64_t cookie, arg;
	uint32_t kind, result;
};

static inline uint8_t *rig_at(struct rig *g, uint64_t address, size_t size)
{
	if (address < BASE || size > RAM || address - BASE > RAM - size)
		return NULL;
	return g->ram + (address - BASE);
}

static inline void put32(struct rig *g, uint64_t address, uint32_t value)
{
	uint8_t *b = rig_at(g, address, 4);

	assert_non_null(b);
	for (int i = 0; i < 4; i++)
		b[i] = (uint8_t)(value >> (8 * i));
}

static inline void put64(struct rig *g, uint64_t address, uint64_t value)
{
	put32(g, address, (uint32_t)value);
	put32(g, address + 4, (uint32_t)(value >> 32));
}

static inline uint32_t get32(struct rig *g, uint64_t address)
{
	const uint8_t *b = rig_at(g, address, 4);
	uint32_t v = 0;

	assert_non_null(b);
	for (int i = 0; i < 4; i++)
		v |= (uint32_t)b[i] << (8 * i);
	return v;
}

static inline uint64_t get64(struct rig *g, uint64_t address)
{
	return get32(g, address) | (uint64_t)get32(g, address + 4) << 32;
}

static inline int rig_access(struct rig *g, uint64_t address, size_t size, int is_write)
{
	if (g->at_access)
		g->at_access(g, address, size, is_write);
	if (++g->accesses == g->fail_after)
		return -EFAULT;
	return rig_at(g, address, size) ? 0 : -EFAULT;
}

static inline int rig_read(void *user, uint64_t address, void *buf, size_t size)
{
	struct rig *g = user;

	g->reads++;
	if (rig_access(g, address, size, 0))
		return -EFAULT;
	memcpy(buf, rig_at(g, address, size), size);
	return 0;
}

static inline int rig_write(void *user, uint64_t address, const void *buf, size_t size)
{
	struct rig *g = user;

	g->writes++;
	if (rig_access(g, address, size, 1))
		return -EFAULT;
	memcpy(rig_at(g, address, size), buf, size);
	return 0;
}

static inline void rig_begin(struct rig *g)
{
	memset(g, 0, sizeof(*g));
	vt_env_init(&g->v);
	g->config.struct_size = sizeof(g->config);
	g->config.max_size = SIZE;
	g->config.destinations = 4;
	g->config.user = g;
	g->config.read = rig_read;
	g->config.write = rig_write;
	g->rings.struct_size = sizeof(g->rings);
	g->rings.size = SIZE;
	g->rings.events_size = EVENTS_SIZE;
	g->rings.address = RING;
	g->rings.events = EVENTS;
	assert_int_equal(vdev_pvqueue_new(&g->q, &g->v.env, &g->config), 0);
}

static inline void rig_on(struct rig *g)
{
	rig_begin(g);
	assert_int_equal(vdev_pvqueue_start(g->q, &g->rings), 0);
}

static inline void rig_end(struct rig *g)
{
	vdev_pvqueue_free(g->q);
	vt_assert_clean(&g->v);
}

static inline struct vdev_pvqueue_stats rig_stats(struct rig *g)
{
	struct vdev_pvqueue_stats s;

	assert_int_equal(vdev_pvqueue_stats(g->q, &s, sizeof(s)), 0);
	return s;
}

/* Where descriptor n lies. */
static inline uint64_t desc_at(struct rig *g, uint32_t n)
{
	return g->rings.address + VDEV_GUEST_RING_FIRST +
	       (uint64_t)(n % g->rings.size) * VDEV_GUEST_DESC_BYTES;
}

static inline void put_desc(struct rig *g, uint64_t at, const struct descriptor *d)
{
	memset(rig_at(g, at, VDEV_GUEST_DESC_BYTES), 0, VDEV_GUEST_DESC_BYTES);
	put64(g, at + VDEV_GUEST_DESC_ADDRESS, d->address);
	put32(g, at + VDEV_GUEST_DESC_LENGTH, d->length);
	put32(g, at + VDEV_GUEST_DESC_KIND, d->kind);
	put32(g, at + VDEV_GUEST_DESC_FLAGS, d->flags);
	put32(g, at + VDEV_GUEST_DESC_TIMEOUT_MS, d->timeout_ms);
	put32(g, at + VDEV_GUEST_DESC_DESTINATION, d->destination);
	put64(g, at + VDEV_GUEST_DESC_COOKIE, d->cookie);
	put64(g, at + VDEV_GUEST_DESC_TARGET, d->target);
	memcpy(rig_at(g, at + 0x1c, 4), d->unused, 4);
	memcpy(rig_at(g, at + 0x30, 16), d->unused + 4, 16);
}

/* The guest posts a descriptor; it does not ring. */
static inline void post(struct rig *g, const struct descriptor *d)
{
	put_desc(g, desc_at(g, g->produced), d);
	put32(g, g->rings.address + VDEV_GUEST_RING_PRODUCED, ++g->produced);
}

static inline struct descriptor good_send(uint64_t cookie)
{
	return (struct descriptor){.address = BLOCK,
				   .length = 4096,
				   .kind = VDEV_GUEST_MSG_SEND,
				   .timeout_ms = 10,
				   .destination = 1,
				   .cookie = cookie};
}

static inline void post_send(struct rig *g, uint64_t cookie)
{
	struct descriptor d = good_send(cookie);

	post(g, &d);
}

static inline void post_reclaim(struct rig *g, uint32_t kind, uint64_t cookie, uint64_t target)
{
	struct descriptor d = {.kind = kind, .cookie = cookie, .target = target};

	post(g, &d);
}

static inline int next(struct rig *g, struct vdev_pvqueue_message *m)
{
	int mask = vdev_pvqueue_next(g->q, m, sizeof(*m));

	if (mask > 0)
		g->mask |= mask;
	return mask;
}

/* Takes a message that must be there. */
static inline struct vdev_pvqueue_message take(struct rig *g)
{
	struct vdev_pvqueue_message m;

	assert_int_equal(next(g, &m), VDEV_PVQUEUE_MESSAGE);
	return m;
}

static inline struct vdev_pvqueue_message take_send(struct rig *g, uint64_t cookie)
{
	post_send(g, cookie);
	return take(g);
}

static inline int answer(struct rig *g, uint64_t handle, uint32_t result)
{
	int mask = vdev_pvqueue_answer(g->q, handle, result, 0);

	if (mask > 0)
		g->mask |= mask;
	return mask;
}

/* The guest takes its next event: 1, or 0 when there is none. */
static inline int event(struct rig *g, struct event *e)
{
	uint64_t at = g->rings.events + VDEV_GUEST_EVENTS_FIRST +
		      (uint64_t)(g->consumed % g->rings.events_size) * VDEV_GUEST_ENTRY_BYTES;

	if (get32(g, g->rings.events + VDEV_GUEST_EVENTS_PRODUCED) == g->consumed)
		return 0;
	e->kind = get32(g, at + VDEV_GUEST_ENTRY_KIND);
	e->result = get32(g, at + VDEV_GUEST_ENTRY_RESULT);
	e->cookie = get64(g, at + VDEV_GUEST_ENTRY_COOKIE);
	e->arg = get64(g, at + VDEV_GUEST_ENTRY_ARG);
	put32(g, g->rings.events + VDEV_GUEST_EVENTS_CONSUMED, ++g->consumed);
	return 1;
}

static inline void expect_event(struct rig *g, uint32_t kind, uint32_t result, uint64_t cookie,
				uint64_t arg)
{
	struct event e;

	assert_int_equal(event(g, &e), 1);
	assert_int_equal(e.kind, kind);
	assert_int_equal(e.result, result);
	assert_int_equal(e.cookie, cookie);
	assert_int_equal(e.arg, arg);
}

static inline void expect_no_event(struct rig *g)
{
	struct event e;

	assert_int_equal(event(g, &e), 0);
}

#endif
