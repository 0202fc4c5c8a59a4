/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of the interrupt-hint engine. See irqhint_model.h. */
#include "irqhint_model.h"

#include <errno.h>
#include <string.h>

#define BACKOFF_MAX 6u

static uint64_t passed(int64_t now, int64_t then)
{
	return now > then ? (uint64_t)(now - then) : 0;
}

uint32_t im_count(const im_set set)
{
	uint32_t n = 0;

	for (uint32_t v = 0; v < IM_VCPUS; v++)
		n += set[v];
	return n;
}

uint32_t im_first(const im_set set)
{
	for (uint32_t v = 0; v < IM_VCPUS; v++)
		if (set[v])
			return v;
	return VDEV_CPUMAP_NOWHERE;
}

static int is_empty(const im_set set)
{
	return im_first(set) == VDEV_CPUMAP_NOWHERE;
}

static int is_within(const im_set inner, const im_set outer)
{
	for (uint32_t v = 0; v < IM_VCPUS; v++)
		if (inner[v] && !outer[v])
			return 0;
	return 1;
}

/* The map */

int im_set_place(struct im *m, int64_t now, uint32_t vcpu, uint32_t cpu, uint32_t state)
{
	struct im_place *p;

	if (vcpu >= m->vcpus || state > VDEV_CPUMAP_SLEEPING)
		return -EINVAL;
	if (cpu == VDEV_CPUMAP_NOWHERE ? state != VDEV_CPUMAP_UNKNOWN : cpu >= m->cpus)
		return -EINVAL;
	p = &m->place[vcpu];
	if (p->cpu == cpu && p->state == state)
		return 0;
	if (p->cpu != cpu)
		p->since = now;
	p->cpu = cpu;
	p->state = state;
	return 1;
}

void im_refreshed(struct im *m, int64_t now)
{
	if (now > m->refreshed)
		m->refreshed = now;
}

uint64_t im_age(const struct im *m, int64_t now)
{
	if (m->live)
		return 0;
	return m->refreshed == IM_NEVER ? VDEV_NONE : passed(now, m->refreshed);
}

uint64_t im_since(const struct im *m, int64_t now, uint32_t vcpu)
{
	return passed(now, m->place[vcpu].since);
}

uint32_t im_running_on(const struct im *m, uint32_t cpu, im_set ret_set)
{
	memset(ret_set, 0, sizeof(im_set));
	for (uint32_t v = 0; v < m->vcpus; v++)
		ret_set[v] = m->place[v].cpu == cpu && m->place[v].state != VDEV_CPUMAP_SLEEPING;
	return im_count(ret_set);
}

void im_forget_places(struct im *m)
{
	for (uint32_t v = 0; v < m->vcpus; v++)
		m->place[v] = (struct im_place){.cpu = VDEV_CPUMAP_NOWHERE};
	m->refreshed = IM_NEVER;
}

/* H7 */
static uint32_t distance(const struct im *m, uint32_t vcpu, uint32_t cpu)
{
	uint32_t at = m->place[vcpu].cpu;
	const struct vdev_irqhint_cpu *p, *c;

	if (at == VDEV_CPUMAP_NOWHERE)
		return IM_NONE;
	if (at == cpu)
		return VDEV_IRQHINT_SAME_CPU;
	if (at >= m->config.cpu_count || cpu >= m->config.cpu_count)
		return VDEV_IRQHINT_ANY;
	p = &m->topology[at];
	c = &m->topology[cpu];
	if (p->core == c->core && p->core != VDEV_CPUMAP_NOWHERE)
		return VDEV_IRQHINT_SAME_CORE;
	if (p->cache == c->cache && p->cache != VDEV_CPUMAP_NOWHERE)
		return VDEV_IRQHINT_SAME_CACHE;
	if (p->node == c->node && p->node != VDEV_CPUMAP_NOWHERE)
		return VDEV_IRQHINT_SAME_NODE;
	return VDEV_IRQHINT_ANY;
}

/* The engine */

static void begin_again(struct im_type *t)
{
	t->state = VDEV_IRQHINT_NEW;
	memset(t->hint, 0, sizeof(t->hint));
	t->backoff = 0;
}

void im_add(struct im *m, struct im_device *d, uint64_t handle, uint32_t types, uint64_t user_data)
{
	memset(d, 0, sizeof(*d));
	d->used = 1;
	d->handle = handle;
	d->types = types;
	d->user_data = user_data;
	for (uint32_t i = 0; i < types; i++) {
		struct im_type *t = &d->type[i];

		t->last_hint = t->stale_since = t->last_event = IM_NEVER;
		t->last_cpu = t->hint_cpu = VDEV_CPUMAP_NOWHERE;
	}
	m->n.devices++;
	m->n.types += types;
}

void im_remove(struct im *m, struct im_device *d)
{
	m->n.devices--;
	m->n.types -= d->types;
	d->used = 0;
}

/* Of all that may be hinted, those that are nearest. Returns their distance; IM_NONE: there are none. */
static uint32_t nearest(const struct im *m, int64_t now, uint32_t cpu, int resident, im_set ret_set)
{
	uint32_t least = IM_NONE;

	for (int collect = 0; collect < 2; collect++)
		for (uint32_t v = 0; v < m->vcpus; v++) {
			uint32_t at = distance(m, v, cpu);

			if (at > m->config.max_distance ||
			    m->place[v].state == VDEV_CPUMAP_SLEEPING ||
			    (resident && im_since(m, now, v) < m->config.hysteresis_ns))
				continue;
			if (!collect && at < least)
				least = at;
			if (collect)
				ret_set[v] = at == least;
		}
	return least;
}

static uint32_t distance_of_route(const struct im *m, const struct im_type *t, uint32_t cpu)
{
	uint32_t least = IM_NONE;

	for (uint32_t v = 0; v < m->vcpus; v++)
		if (t->prog[v] && distance(m, v, cpu) < least)
			least = distance(m, v, cpu);
	return least;
}

static void raise_backoff(struct im_type *t)
{
	if (t->backoff < BACKOFF_MAX)
		t->backoff++;
}

static int all_run(const struct im *m, const im_set set)
{
	for (uint32_t v = 0; v < m->vcpus; v++)
		if (set[v] && m->place[v].state != VDEV_CPUMAP_RUNNING)
			return 0;
	return 1;
}

/* `cur`: the route's distance, beyond IM_NONE for FIRST, which is better than anything. */
static void give(struct im *m, int64_t now, struct im_type *t, uint32_t cpu, uint32_t reason,
		 uint32_t cur, struct im_answer *ret)
{
	im_set set = {0};
	uint32_t least;

	if (im_age(m, now) > m->config.max_age_ns) {
		ret->reason = VDEV_IRQHINT_TOO_OLD;
		return;
	}
	least = nearest(m, now, cpu, reason != VDEV_IRQHINT_FIRST, set);
	if (least == IM_NONE) {
		ret->reason = VDEV_IRQHINT_EMPTY;
		return;
	}
	if (least >= cur) {
		ret->reason = VDEV_IRQHINT_FITS;
		t->stale_since = now;
		return;
	}
	if (t->state == VDEV_IRQHINT_HINTED)
		raise_backoff(t);
	t->state = VDEV_IRQHINT_HINTED;
	memcpy(t->hint, set, sizeof(set));
	memcpy(ret->set, set, sizeof(set));
	t->hint_cpu = cpu;
	t->hint_distance = ret->distance = least;
	t->last_hint = t->stale_since = now;
	t->hints++;
	m->n.by_distance[least]++;
	ret->reason = reason;
	ret->hint = 1;
	ret->state = all_run(m, set) ? VDEV_CPUMAP_RUNNING : VDEV_CPUMAP_UNKNOWN;
}

/* H6 */
static int is_limited(const struct im *m, int64_t now, const struct im_type *t)
{
	uint64_t least = m->config.interval_ns;

	if (t->last_hint == IM_NEVER)
		return 0;
	for (uint32_t i = 0; i < t->backoff; i++)
		least = least > UINT64_MAX / 2 ? UINT64_MAX : least * 2;
	return passed(now, t->last_hint) < least;
}

void im_event(struct im *m, int64_t now, struct im_device *d, uint32_t type, uint32_t cpu,
	      uint32_t flags, struct im_answer *ret)
{
	struct im_type *t = &d->type[type];
	uint32_t cur = distance_of_route(m, t, cpu);

	memset(ret, 0, sizeof(*ret));
	t->last_event = now;
	t->last_cpu = cpu;
	if (t->state != VDEV_IRQHINT_NEW && cur && t->stale_since == IM_NEVER)
		t->stale_since = now;
	if (t->state == VDEV_IRQHINT_NEW) {
		give(m, now, t, cpu, VDEV_IRQHINT_FIRST, IM_NONE + 1, ret);
	} else if (!cur) {
		t->stale_since = IM_NEVER;
		ret->reason = VDEV_IRQHINT_FITS;
	} else if (passed(now, t->stale_since) < m->config.hysteresis_ns) {
		ret->reason =
			t->state == VDEV_IRQHINT_HINTED ? VDEV_IRQHINT_WAITING : VDEV_IRQHINT_STALE;
	} else if (is_limited(m, now, t)) {
		ret->reason = VDEV_IRQHINT_LIMITED;
	} else {
		give(m, now, t, cpu,
		     t->hint_cpu != cpu ? VDEV_IRQHINT_CPU_CHANGED : VDEV_IRQHINT_MOVED, cur, ret);
	}
	m->n.events++;
	m->n.sampled += (flags & VDEV_IRQHINT_SAMPLED) != 0;
	m->n.answers[ret->reason]++;
}

int im_programmed(struct im *m, struct im_device *d, uint32_t type, const im_set set,
		  int out_of_range)
{
	struct im_type *t = &d->type[type];
	int within;

	if (out_of_range) {
		m->n.refused++;
		return -ERANGE;
	}
	memcpy(t->prog, set, sizeof(im_set));
	if (is_empty(set))
		return 0;
	m->n.programmed++;
	t->stale_since = IM_NEVER;
	within = is_within(set, t->hint);
	if (t->state == VDEV_IRQHINT_NEW)
		return 0;
	if (t->state == VDEV_IRQHINT_HINTED) {
		t->state = VDEV_IRQHINT_ROUTED;
		m->n.followed += within != 0;
		m->n.ignored += !within;
		if (within)
			t->backoff = 0;
		else
			raise_backoff(t);
	}
	return within;
}

/* H10: what to compare, the distance first, then who sleeps, then the number. */
static uint32_t rank(const struct im *m, uint32_t vcpu, uint32_t cpu, uint32_t *ret_distance)
{
	uint32_t at = distance(m, vcpu, cpu);

	*ret_distance = at > VDEV_IRQHINT_ANY ? VDEV_IRQHINT_ANY : at;
	return *ret_distance * 2 + (m->place[vcpu].state == VDEV_CPUMAP_SLEEPING);
}

int im_choose(struct im *m, int64_t now, struct im_device *d, uint32_t type, uint32_t cpu,
	      uint32_t *ret_vcpu, uint32_t *ret_distance)
{
	const struct im_type *t = &d->type[type];
	uint32_t best = UINT32_MAX, at;

	if (is_empty(t->prog) || im_age(m, now) > m->config.max_age_ns) {
		m->n.not_chosen++;
		return 0;
	}
	for (uint32_t v = 0; v < m->vcpus; v++)
		if (t->prog[v] && rank(m, v, cpu, &at) < best) {
			best = rank(m, v, cpu, &at);
			*ret_vcpu = v;
			*ret_distance = at;
		}
	m->n.chosen++;
	return 1;
}

static void reset(struct im_device *d)
{
	for (uint32_t i = 0; d->used && i < d->types; i++) {
		struct im_type *t = &d->type[i];

		begin_again(t);
		memset(t->prog, 0, sizeof(t->prog));
		t->last_hint = t->stale_since = IM_NEVER;
	}
}

void im_device_reset(struct im *m, struct im_device *d)
{
	reset(d);
	m->n.resets++;
}

void im_guest_reset(struct im *m)
{
	for (uint32_t i = 0; i < IM_DEVICES; i++)
		reset(&m->device[i]);
	m->n.resets++;
}

void im_migrated(struct im *m)
{
	for (uint32_t i = 0; i < IM_DEVICES; i++)
		for (uint32_t k = 0; m->device[i].used && k < m->device[i].types; k++)
			begin_again(&m->device[i].type[k]);
}

/* Durations are what an image holds: what lies ahead of the clock counts as now. */
static void no_later(int64_t *time, int64_t now)
{
	if (*time > now)
		*time = now;
}

void im_reloaded(struct im *m, int64_t now)
{
	struct vdev_irqhint_stats none = {.devices = m->n.devices, .types = m->n.types};

	m->n = none;
	for (uint32_t i = 0; i < IM_DEVICES; i++) {
		m->device[i].user_data = 0;
		for (uint32_t k = 0; k < IM_TYPES; k++) {
			struct im_type *t = &m->device[i].type[k];

			no_later(&t->last_hint, now);
			no_later(&t->stale_since, now);
			t->last_event = IM_NEVER;
			t->last_cpu = VDEV_CPUMAP_NOWHERE;
			t->hints = 0;
		}
	}
}

uint64_t im_stale_ns(const struct im_type *t)
{
	if (t->stale_since == IM_NEVER || t->last_event == IM_NEVER)
		return 0;
	return passed(t->last_event, t->stale_since);
}
