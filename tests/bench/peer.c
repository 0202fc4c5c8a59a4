/* SPDX-License-Identifier: BSD-3-Clause */
/* The removal engine that a VMM would make of GLib's parts. */
#include <errno.h>
#include <glib.h>
#include <vdev/removal.h>

#include "bench.h"
#include "heap.h"
#include "peer.h"

#define SEC UINT64_C(1000000000)

struct step {
	uint32_t kind;
	uint32_t outcome;
	uint64_t length;
};

struct unit {
	struct heap_timer timer;
	uint64_t handle;
	uint64_t user_data;
	uint64_t action; /* outstanding, 0: none */
	uint32_t level;
	int warned;
	GList *plan; /* of const struct step, the present one first */
};

struct peer {
	GHashTable *units; /* handle: struct unit */
	GQueue ready;
	struct heap heap;
	uint64_t handles, actions;
};

static const struct step steps[] = {
	{VDEV_REMOVAL_WARN, 0, SEC},
	{VDEV_REMOVAL_OUTCOME, VDEV_REMOVAL_REQUESTED, 0},
	{VDEV_REMOVAL_AWAIT_ACK, 0, 60 * SEC},
	{VDEV_REMOVAL_HIDE, 0, SEC},
	{VDEV_REMOVAL_OUTCOME, VDEV_REMOVAL_ACKED, 0},
	{VDEV_REMOVAL_DRAIN, 0, 10 * SEC},
	{VDEV_REMOVAL_IRQ_OFF, 0, SEC},
	{VDEV_REMOVAL_RESET, 0, 10 * SEC},
	{VDEV_REMOVAL_DETACH_EVENTS, 0, 5 * SEC},
	{VDEV_REMOVAL_UNMAP_BARS, 0, 5 * SEC},
	{VDEV_REMOVAL_LEAVE_DMA, 0, 10 * SEC},
	{VDEV_REMOVAL_RELEASE, 0, 10 * SEC},
	{VDEV_REMOVAL_OUTCOME, VDEV_REMOVAL_REMOVED, 0},
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

struct peer *peer_new(uint32_t max_units)
{
	struct peer *p = bench_alloc(1, sizeof(*p));

	p->units = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	p->heap.entries = bench_alloc(max_units, sizeof(*p->heap.entries));
	g_queue_init(&p->ready);
	return p;
}

void peer_free(struct peer *p)
{
	g_hash_table_destroy(p->units);
	g_queue_clear(&p->ready);
	free(p->heap.entries);
	free(p);
}

static struct unit *find(const struct peer *p, uint64_t handle)
{
	return g_hash_table_lookup(p->units, GSIZE_TO_POINTER(handle));
}

uint64_t peer_add(struct peer *p, uint64_t user_data)
{
	struct unit *u = g_new0(struct unit, 1);

	u->handle = ++p->handles;
	u->user_data = user_data;
	u->timer.pos = HEAP_NONE;
	g_hash_table_insert(p->units, GSIZE_TO_POINTER(u->handle), u);
	return u->handle;
}

void peer_declare(struct peer *p, uint64_t unit, uint32_t level)
{
	struct unit *u = find(p, unit);

	if (u)
		u->level = level;
}

uint32_t peer_count(const struct peer *p)
{
	return g_hash_table_size(p->units);
}

/* SAFE needs none of the steps that speak with the guest. */
static int needed(const struct unit *u, const struct step *s)
{
	return u->level != VDEV_REMOVAL_SAFE ||
	       !(s->kind == VDEV_REMOVAL_WARN || s->kind == VDEV_REMOVAL_AWAIT_ACK ||
		 s->outcome == VDEV_REMOVAL_REQUESTED || s->outcome == VDEV_REMOVAL_ACKED);
}

int peer_request(struct peer *p, uint64_t unit)
{
	struct unit *u = find(p, unit);

	if (!u)
		return -ENOENT;
	if (u->plan)
		return 0;
	for (size_t i = STEPS; i-- > 0;)
		if (needed(u, &steps[i]))
			u->plan = g_list_prepend(u->plan, (gpointer)(uintptr_t)&steps[i]);
	g_queue_push_tail(&p->ready, u);
	return 0;
}

int peer_next(struct peer *p, uint64_t now, struct vdev_action *ret_action)
{
	struct unit *u = g_queue_pop_head(&p->ready);
	const struct step *s;

	if (!u)
		return 0;
	s = u->plan->data;
	u->action = ++p->actions;
	*ret_action = (struct vdev_action){.id = u->action,
					   .dev = u->handle,
					   .user_data = u->user_data,
					   .deadline_ns = VDEV_NONE,
					   .kind = s->kind,
					   .arg = {u->handle, u->user_data, 0}};
	if (s->length) {
		ret_action->deadline_ns = now + s->length;
		heap_arm(&p->heap, &u->timer, ret_action->deadline_ns);
	} else {
		ret_action->arg[0] = s->outcome;
	}
	return 1;
}

/* On to the next step; the unit goes with its last one. */
static void advance(struct peer *p, uint64_t now, struct unit *u)
{
	const struct step *s;

	heap_cancel(&p->heap, &u->timer);
	u->plan = g_list_delete_link(u->plan, u->plan);
	if (!u->plan) {
		g_hash_table_remove(p->units, GSIZE_TO_POINTER(u->handle));
		return;
	}
	s = u->plan->data;
	if (s->kind == VDEV_REMOVAL_AWAIT_ACK && !u->warned)
		heap_arm(&p->heap, &u->timer, now + s->length);
	else if (s->kind == VDEV_REMOVAL_AWAIT_ACK)
		advance(p, now, u);
	else
		g_queue_push_tail(&p->ready, u);
}

int peer_ack(struct peer *p, uint64_t now, uint64_t unit)
{
	struct unit *u = find(p, unit);

	if (!u || !u->plan)
		return -ENOENT;
	u->warned = 1;
	if (((const struct step *)u->plan->data)->kind == VDEV_REMOVAL_AWAIT_ACK)
		advance(p, now, u);
	return 0;
}

int peer_done(struct peer *p, uint64_t now, uint64_t unit, uint64_t action, int status)
{
	struct unit *u = find(p, unit);

	if (!u || u->action != action)
		return -ENOENT;
	u->action = 0;
	if (status)
		return status;
	advance(p, now, u);
	return 0;
}
