/* SPDX-License-Identifier: BSD-3-Clause */
/* Property test of the removal engine: engine, model and monitor, driven together. */
#include "prop_removal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void rig_say(struct rig *g, const char *fmt, ...)
{
	va_list args;

	if (!g->log)
		return;
	va_start(args, fmt);
	vfprintf(g->log, fmt, args);
	va_end(args);
}

static struct vdev_removal_config config_of(uint32_t n)
{
	struct vdev_removal_config c = {.struct_size = sizeof(c)};
	int quick = n >> 16 & 3;

	c.flags = (n & 7) == 0 ? VDEV_REMOVAL_UNTRUSTED : 0;
	c.flags |= n & 8 ? VDEV_REMOVAL_COARSE : 0;
	c.level_policy = (n >> 4 & 3) % 3;
	c.ack_policy = (n >> 6 & 7) % 5;
	c.retries = n >> 9 & 3;
	c.max_units = n >> 11 & 7 ? M_UNITS - 1 : 3;
	c.button_ns = quick ? 100 : 0;
	c.notify_ns = quick ? 70 : 0;
	c.settle_ns = quick ? 50 : 0;
	c.ack_ns = quick ? 300 : 0;
	return c;
}

static void default_config(struct vdev_removal_config *c)
{
	uint64_t second = 1000000000;

	c->ack_policy = c->ack_policy ? c->ack_policy : VDEV_REMOVAL_ACK_FAIL;
	c->button_ns = c->button_ns ? c->button_ns : 5 * second;
	c->notify_ns = c->notify_ns ? c->notify_ns : 5 * second;
	c->settle_ns = c->settle_ns ? c->settle_ns : 2 * second;
}

int rig_init(struct rig *g, uint32_t n, char *why, size_t size)
{
	struct model *m = &g->m;

	vt_env_init(&g->env);
	g->env.env.log = NULL;
	m->why = why;
	m->why_size = size;
	m->config = config_of(n);
	m->now = 1000000;
	m->unit[0].used = 1;
	g->next_user_data = 1;
	g->most_units = 2 + (n >> 20 & 15);
	if (vdev_removal_new(&g->r, &g->env.env, &m->config)) {
		m_fail(m, "no object");
		return -1;
	}
	default_config(&m->config);
	for (uint32_t c = 0; c < VDEV_REMOVAL_CLASSES; c++)
		for (uint32_t l = 0; l < M_LEVELS; l++)
			if (l <= VDEV_REMOVAL_SAFE || l >= VDEV_REMOVAL_OWN_FIRST)
				m_take_preset(m, g->r, c, l);
	rig_say(g, "config: flags %#x, level policy %u, ack policy %u, retries %u, max_units %u\n",
		m->config.flags, m->config.level_policy, m->config.ack_policy, m->config.retries,
		m->config.max_units);
	return 0;
}

void rig_fini(struct rig *g)
{
	vdev_removal_free(g->r);
	if (vt_env_check(&g->env))
		m_fail(&g->m, "memory is left, or was freed with a wrong size");
}

static void wrong_count(struct rig *g, int got, int expected)
{
	char units[4 * M_UNITS + 1] = "";
	int used = 0;

	for (uint32_t i = 0; i < M_UNITS; i++)
		if (m_can_give(&g->m, i))
			used += snprintf(units + used, sizeof(units) - (size_t)used, " %u", i);
	m_fail(&g->m, "the call gives %d, expected %d; the model's units with an action:%s", got,
	       expected, units);
}

/* After each call. Whether somebody who joined in the middle hears of it is open: one more or less. */
void rig_compare(struct rig *g, int got, int expected)
{
	struct model *m = &g->m;
	int more = 0;

	for (uint32_t i = 1; i < M_UNITS; i++)
		more += m_may_give(m, i);
	rig_say(g, " = %d\n", got);
	if (got < 0 || expected < 0 ? got != expected : got < expected || got > expected + more)
		wrong_count(g, got, expected);
	if (!m->failed)
		m_check(m, g->r);
	if (g->w.broken)
		m_fail(m, "monitor: %s", g->w.broken);
}

static void say_action(struct rig *g, const struct vdev_action *a)
{
	rig_say(g, "  -> %s of unit %u, id %#llx, flags %#x, arg %#llx %llu %lld%s%s",
		vdev_removal_kind_name(a->kind), m_find(&g->m, a->dev), (unsigned long long)a->id,
		a->flags, (unsigned long long)a->arg[0], (unsigned long long)a->arg[1],
		(long long)a->arg[2], a->kind == VDEV_REMOVAL_OUTCOME ? " " : "",
		a->kind == VDEV_REMOVAL_OUTCOME ? vdev_removal_outcome_name((uint32_t)a->arg[0])
						: "");
}

/* 1: an action came out. */
int rig_next(struct rig *g)
{
	struct vdev_action a;
	int least = m_waiting(&g->m), got;

	got = vdev_removal_next(g->r, &a, sizeof(a));
	if (got == 1) {
		say_action(g, &a);
		m_given(&g->m, &a);
		w_given(&g->w, &a);
	} else if (least) {
		m_fail(&g->m, "next() gives nothing, but %d operations have an action", least);
	}
	rig_compare(g, got, got == 1);
	return got == 1 && !g->m.failed;
}

void rig_done(struct rig *g, uint64_t id, int status)
{
	rig_say(g, "done(id %#llx, %d)", (unsigned long long)id, status);
	w_done(&g->w, id);
	RIG_BOTH(g, vdev_removal_done(g->r, g->m.now, id, status), m_finish(&g->m, id, status));
}

/* Ids of all that is outstanding. */
uint32_t rig_outstanding(const struct rig *g, uint64_t *ids)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < M_UNITS; i++) {
		const struct m_unit *u = &g->m.unit[i];

		if (u->used && u->out.id && !u->again_due)
			ids[n++] = u->out.id;
		if (u->used && u->cancel_id)
			ids[n++] = u->cancel_id;
		if (u->used && u->stuck_id)
			ids[n++] = u->stuck_id;
	}
	return n;
}

/* Does all that there is to do, at once and with success. */
void rig_drain(struct rig *g)
{
	uint64_t ids[3 * M_UNITS];
	uint32_t n;

	for (uint32_t k = 0; k < 5000 && !g->m.failed; k++) {
		n = rig_outstanding(g, ids);
		if (n)
			rig_done(g, ids[0], 0);
		else if (!rig_next(g))
			return;
	}
	m_fail(&g->m, "there is always one more action");
}

void rig_step(struct rig *g, uint64_t now)
{
	rig_say(g, "step(%llu)", (unsigned long long)now);
	m_tick(&g->m, now);
	RIG_BOTH(g, vdev_removal_step(g->r, now), m_step(&g->m));
}

static void user_data_back(struct rig *g)
{
	struct vdev_removal_info info;
	uint64_t cursor = 0;

	while (vdev_removal_walk(g->r, &cursor, &info, sizeof(info)) == 1) {
		uint32_t i = m_find(&g->m, info.unit);

		if (!i || info.user_data)
			m_fail(&g->m, "load: handle %#llx, user_data %llu",
			       (unsigned long long)info.unit, (unsigned long long)info.user_data);
		vdev_removal_set_user_data(g->r, info.unit, g->m.unit[i].user_data);
	}
}

/* Writes `r` to a block of exactly `size` bytes; NULL when it needs another size. */
static uint8_t *image_of(const struct vdev_removal *r, uint64_t now, size_t size)
{
	uint8_t *image = malloc(size);
	size_t need = 0;

	if (image && (vdev_removal_save(r, now, image, size, &need) || need != size)) {
		free(image);
		return NULL;
	}
	return image;
}

/*
 * What was read is what was written: written again, it is the same. A CANCEL that was under way is not
 * carried over, and who waited for its end goes on; so then it is the third image that is compared.
 */
static void compare_images(struct rig *g, uint64_t now, const uint8_t *image, size_t size)
{
	uint8_t *second = image_of(g->r, now, size), *third = NULL;
	struct vdev_removal *r = NULL;
	int cancelling = 0;

	for (uint32_t i = 1; i < M_UNITS; i++)
		cancelling |= g->m.unit[i].cancel_id != 0;
	if (second && !vdev_removal_load(&g->env.env, &g->m.config, now, second, size, &r))
		third = image_of(r, now, size);
	if (!third || memcmp(second, third, size) || (!cancelling && memcmp(image, second, size)))
		m_fail(&g->m, "an image that was read and written again is another one");
	vdev_removal_free(r);
	free(second);
	free(third);
}

/* The object goes through an image to a host with another clock. */
void rig_reload(struct rig *g, uint64_t now)
{
	struct vdev_removal *r = NULL;
	uint8_t *image;
	size_t size = 0, need = 0;
	int error;

	rig_say(g, "save and load, the clock goes from %llu to %llu", (unsigned long long)g->m.now,
		(unsigned long long)now);
	error = vdev_removal_save(g->r, g->m.now, NULL, 0, &size);
	image = malloc(size ? size : 1);
	if (error != -ENOBUFS || !image ||
	    vdev_removal_save(g->r, g->m.now, image, size - 1, &need) != -ENOBUFS ||
	    vdev_removal_save(g->r, g->m.now, image, size, &need) || need != size)
		m_fail(&g->m, "save: size %zu, then %zu", size, need);
	else
		error = vdev_removal_load(&g->env.env, &g->m.config, now, image, size, &r);
	if (!r) {
		m_fail(&g->m, "load of a good image gives %d", error);
		free(image);
		return;
	}
	vdev_removal_free(g->r);
	g->r = r;
	compare_images(g, now, image, size);
	m_reloaded(&g->m, now);
	w_reloaded(&g->w);
	user_data_back(g);
	free(image);
	rig_compare(g, 0, 0);
}
