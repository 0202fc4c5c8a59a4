/* SPDX-License-Identifier: BSD-3-Clause */
/* A runtime, a removal engine, and backends that write down what they are asked and answer by script. */
#ifndef TEST_RUNTIME_RIG_H
#define TEST_RUNTIME_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <vdev/removal.h>
#include <vdev/runtime.h>

#define PARTS 3u
#define NOTES 256u
#define HOOK_NOTE 100u /* hook n writes as backend HOOK_NOTE + n */

struct rig;

/* A backend: answers `kind` with `answer` and everything else with `rest`. */
struct part {
	struct rig *rig;
	uint32_t number;
	uint32_t kind;
	int answer;
	int rest;
	/* Instead of `answer`, when set. */
	int (*deed)(struct part *p, const struct vdev_action *a);
};

struct note {
	uint32_t who;
	uint32_t kind;
	uint64_t dev;
	struct vdev_action action;
};

struct rig {
	struct vt_env v;
	struct vdev_runtime *rt;
	struct vdev_removal *removal;
	struct part parts[PARTS];
	struct note notes[NOTES];
	atomic_uint count;
	int hook_answer;
	void *extra;
};

static inline void rig_note(struct rig *r, uint32_t who, const struct vdev_action *a)
{
	uint32_t i = atomic_fetch_add(&r->count, 1);

	if (i < NOTES)
		r->notes[i] = (struct note){who, a->kind, a->dev, *a};
}

static inline int rig_perform(void *backend, const struct vdev_action *a)
{
	struct part *p = backend;

	rig_note(p->rig, p->number, a);
	if (a->kind != p->kind)
		return p->rest;
	return p->deed ? p->deed(p, a) : p->answer;
}

static inline void rig_backend(struct rig *r, uint32_t number, int rest)
{
	static const struct vdev_backend_ops ops = {
		.struct_size = sizeof(ops), .name = "rig", .perform = rig_perform};

	r->parts[number] = (struct part){.rig = r, .number = number, .rest = rest};
	assert_int_equal(vdev_runtime_add_backend(r->rt, &ops, &r->parts[number]), 0);
}

static inline int rig_new(struct rig *r, uint32_t max_later)
{
	const struct vdev_runtime_config config = {
		.struct_size = sizeof(config), .max_backends = PARTS, .max_later = max_later};
	const struct vdev_removal_config removal = {.struct_size = sizeof(removal),
						    .max_units = 64};
	int err;

	memset(r, 0, sizeof(*r));
	vt_env_init(&r->v);
	err = vdev_runtime_new(&r->rt, &r->v.env, &config);
	if (!err)
		err = vdev_removal_new(&r->removal, NULL, &removal);
	if (!err)
		err = vdev_runtime_set_removal(r->rt, r->removal);
	return err;
}

/* With one backend that answers 0 to everything. */
static inline int rig_setup(void **state)
{
	static struct rig rig;
	int err = rig_new(&rig, 8);

	*state = &rig;
	if (!err)
		rig_backend(&rig, 0, 0);
	return err;
}

static inline int rig_teardown(void **state)
{
	struct rig *r = *state;

	vdev_runtime_free(r->rt);
	vdev_removal_free(r->removal);
	return vt_env_check(&r->v);
}

static inline uint64_t rig_add_below(struct rig *r, uint64_t parent, uint32_t unit_class,
				     uint32_t function)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = unit_class,
				      .transport = VDEV_REMOVAL_ACPI,
				      .parent = parent,
				      .function = function,
				      .user_data = 0xd0 + function};
	uint64_t unit = 0;

	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_true(vdev_removal_add(r->removal, vdev_runtime_now(r->rt), &u, &unit) >= 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	return unit;
}

/* A device that may be removed at any time. */
static inline uint64_t rig_add(struct rig *r)
{
	uint64_t unit = rig_add_below(r, 0, VDEV_REMOVAL_PCI_FUNCTION, 0);

	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_true(vdev_removal_declare(r->removal, vdev_runtime_now(r->rt), unit,
					 VDEV_REMOVAL_GUEST, VDEV_REMOVAL_SAFE) >= 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	return unit;
}

static inline void rig_request(struct rig *r, uint64_t unit, uint32_t flags)
{
	struct vdev_removal_request request = {.struct_size = sizeof(request), .flags = flags};

	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_true(vdev_removal_request(r->removal, vdev_runtime_now(r->rt), unit, &request) >= 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
}

static inline int rig_gone(struct rig *r, uint64_t unit)
{
	return vdev_removal_level(r->removal, unit) == -ENOENT;
}

/* Notes of one backend, without those of notices, must be these kinds. */
static inline void rig_expect(struct rig *r, uint32_t who, const uint32_t *kinds, uint32_t count)
{
	uint32_t i, seen = 0, all = atomic_load(&r->count);

	assert_true(all <= NOTES);
	for (i = 0; i < all; i++) {
		if (r->notes[i].who != who || r->notes[i].kind == VDEV_REMOVAL_OUTCOME)
			continue;
		assert_true(seen < count);
		assert_int_equal(r->notes[i].kind, kinds[seen]);
		seen++;
	}
	assert_int_equal(seen, count);
}

static const uint32_t rig_safe[] = {VDEV_REMOVAL_HIDE,          VDEV_REMOVAL_DRAIN,
				    VDEV_REMOVAL_IRQ_OFF,       VDEV_REMOVAL_RESET,
				    VDEV_REMOVAL_DETACH_EVENTS, VDEV_REMOVAL_UNMAP_BARS,
				    VDEV_REMOVAL_LEAVE_DMA,     VDEV_REMOVAL_RELEASE};

/* The first note of a kind; NULL: there is none. */
static inline const struct note *rig_find(struct rig *r, uint32_t kind)
{
	uint32_t i;

	for (i = 0; i < atomic_load(&r->count) && i < NOTES; i++)
		if (r->notes[i].kind == kind)
			return &r->notes[i];
	return NULL;
}

/* The last outcome told: its arg[0], 0: none. */
static inline uint64_t rig_outcome(struct rig *r)
{
	uint32_t i = atomic_load(&r->count);

	while (i-- > 0)
		if (r->notes[i].kind == VDEV_REMOVAL_OUTCOME)
			return r->notes[i].action.arg[0];
	return 0;
}

static inline struct vdev_runtime_stats rig_stats(struct rig *r)
{
	struct vdev_runtime_stats s;

	assert_int_equal(vdev_runtime_stats(r->rt, &s, sizeof(s)), 0);
	return s;
}

/* 1: readable within the time. */
static inline int rig_readable(struct rig *r, int ms)
{
	struct pollfd p = {.fd = vdev_runtime_fd(r->rt), .events = POLLIN};

	return poll(&p, 1, ms);
}

#endif
