/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine: reading what is in it.
 */
#include "internal.h"

static uint32_t set_bits(const struct device *d, uint32_t type, uint32_t route)
{
	const _Atomic uint64_t *set = programmed_of(d, type, route);
	uint32_t bits = 0;

	for (uint32_t i = 0; i < d->words; i++)
		bits += vdev__bit_count(word_at(set, i));
	return bits;
}

static uint32_t load32(const _Atomic uint32_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

int vdev_irqhint_get(const struct vdev_irqhint *obj, uint64_t dev, uint32_t type,
		     struct vdev_irqhint_info *ret_info, size_t info_size)
{
	struct vdev_irqhint_info info;
	const struct type *t;
	struct device *d;
	uint32_t route;
	int error;

	if (!obj || !ret_info || !info_size)
		return -EINVAL;
	error = find_type(obj, dev, type, &d);
	if (error)
		return error;
	t = &d->types[type];
	route = route_of(t);
	info = (struct vdev_irqhint_info){
		.user_data = d->user_data,
		.hints = time_at(&t->hints),
		/* None is later than any event. */
		.stale_ns = vdev__sat_sub(time_at(&t->event_at), time_at(&t->stale_since)),
		.set_bits = route_empty(route) ? 0 : set_bits(d, type, route),
		.state = word_state(word_of(t)),
		.route = route_empty(route) ? VDEV_CPUMAP_NOWHERE : route & ROUTE_LOWEST,
		.cpu = load32(&t->cpu),
		.distance = load32(&t->hint_distance),
	};
	return vdev__copy_out(ret_info, info_size, &info, sizeof(info));
}

int vdev_irqhint_walk(const struct vdev_irqhint *obj, uint64_t *cursor, uint64_t *ret_dev,
		      uint32_t *ret_types)
{
	uint32_t index;

	if (!obj || !cursor || !ret_dev)
		return -EINVAL;
	if (*cursor >= VDEV__TABLE_MAX)
		return 0;
	index = vdev__table_next(&obj->devices, (uint32_t)*cursor);
	if (index == UINT32_MAX)
		return 0;
	*cursor = (uint64_t)index + 1;
	*ret_dev = vdev__table_handle(&obj->devices, index);
	if (ret_types)
		*ret_types = obj->list[index]->n_types;
	return 1;
}

int vdev_irqhint_set_user_data(struct vdev_irqhint *obj, uint64_t dev, uint64_t user_data)
{
	struct device *d;

	if (!obj)
		return -EINVAL;
	d = find_device(obj, dev);
	if (!d)
		return -ENOENT;
	d->user_data = user_data;
	return 0;
}

static void put_counts(struct vdev_irqhint_stats *s, const uint64_t *n)
{
	s->events = n[N_EVENTS];
	s->sampled = n[N_SAMPLED];
	memcpy(s->answers, n + N_ANSWERS, sizeof(s->answers));
	memcpy(s->by_distance, n + N_BY_DISTANCE, sizeof(s->by_distance));
	s->programmed = n[N_PROGRAMMED];
	s->followed = n[N_FOLLOWED];
	s->ignored = n[N_IGNORED];
	s->refused = n[N_REFUSED];
	s->chosen = n[N_CHOSEN];
	s->not_chosen = n[N_NOT_CHOSEN];
	s->resets += n[N_RESETS];
}

/* Adds its counts; returns its bytes. */
static uint64_t add_device(uint64_t *n, const struct device *d)
{
	for (uint32_t k = 0; k < N_COUNTS; k++)
		n[k] += time_at(&d->count[k]);
	return sizeof(*d) +
	       d->n_types * (sizeof(struct type) + (uint64_t)SETS * d->words * sizeof(*d->sets));
}

int vdev_irqhint_stats(const struct vdev_irqhint *obj, struct vdev_irqhint_stats *ret_stats,
		       size_t stats_size)
{
	struct vdev_irqhint_stats s = {0};
	uint64_t n[N_COUNTS];

	if (!obj || !ret_stats || !stats_size)
		return -EINVAL;
	memcpy(n, obj->ended, sizeof(n));
	s.devices = obj->devices.count;
	s.types = obj->types;
	s.resets = obj->resets;
	s.allocated_bytes = sizeof(*obj) + vdev__table_bytes(&obj->devices) +
			    (uint64_t)obj->config.cpu_count * sizeof(*obj->cpus) +
			    (uint64_t)obj->config.max_devices * sizeof(struct device *);
	for (uint32_t i = 0; i < obj->devices.high; i++)
		if (obj->list[i])
			s.allocated_bytes += add_device(n, obj->list[i]);
	put_counts(&s, n);
	return vdev__copy_out(ret_stats, stats_size, &s, sizeof(s));
}
