/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine: the object and its devices.
 */
#include "internal.h"

#define MS UINT64_C(1000000)

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

static void default_config(struct vdev_irqhint_config *c)
{
	c->hysteresis_ns = or_default(c->hysteresis_ns, 10 * MS);
	c->interval_ns = or_default(c->interval_ns, 100 * MS);
	c->max_age_ns = or_default(c->max_age_ns, 10 * MS);
	/* A map that was never refreshed is too old for everybody. */
	if (c->max_age_ns == VDEV_NONE)
		c->max_age_ns--;
}

static bool config_ok(const struct vdev_irqhint_config *c)
{
	return !c->flags && c->max_devices && c->max_devices <= VDEV_IRQHINT_MAX_DEVICES &&
	       c->max_types && c->max_types <= VDEV_IRQHINT_MAX_TYPES &&
	       c->max_distance <= VDEV_IRQHINT_ANY && c->cpu_count <= VDEV_CPUMAP_MAX_CPUS &&
	       (c->cpus || !c->cpu_count);
}

static bool topology_ok(const struct vdev_irqhint_config *c)
{
	for (uint32_t i = 0; i < c->cpu_count; i++)
		if (c->cpus[i].reserved)
			return false;
	return true;
}

static int make_parts(struct vdev_irqhint *o, const struct vdev_irqhint_config *c)
{
	if (c->cpu_count) {
		o->cpus = vdev__alloc(&o->env, c->cpu_count, sizeof(*o->cpus));
		if (!o->cpus)
			return -ENOMEM;
		memcpy(o->cpus, c->cpus, c->cpu_count * sizeof(*o->cpus));
	}
	o->config.cpus = o->cpus;
	o->list = vdev__alloc(&o->env, c->max_devices, sizeof(struct device *));
	if (!o->list)
		return -ENOMEM;
	return vdev__table_init(&o->devices, &o->env, sizeof(uint32_t), c->max_devices);
}

/* All but the devices. */
static void free_parts(struct vdev_irqhint *o)
{
	struct vdev_env env = o->env;

	vdev__table_fini(&o->devices);
	vdev__free(&env, o->list, o->config.max_devices * sizeof(struct device *));
	vdev__free(&env, o->cpus, o->config.cpu_count * sizeof(*o->cpus));
	vdev__free(&env, o, sizeof(*o));
}

int vdev_irqhint_new(struct vdev_irqhint **ret_obj, const struct vdev_env *env,
		     const struct vdev_cpumap *map, const struct vdev_irqhint_config *config)
{
	struct vdev_irqhint_config c;
	struct vdev_irqhint *o;
	struct vdev_env e;
	int error;

	if (!ret_obj || !map)
		return -EINVAL;
	error = vdev__env_copy(&e, env);
	if (!error)
		error = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (error)
		return error;
	if (!config_ok(&c) || !topology_ok(&c))
		return -EINVAL;
	default_config(&c);
	o = vdev__alloc(&e, 1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->env = e;
	o->map = map;
	o->config = c;
	error = make_parts(o, &c);
	if (error) {
		free_parts(o);
		return error;
	}
	*ret_obj = o;
	return 0;
}

static size_t device_bytes(uint32_t types)
{
	return sizeof(struct device) + types * sizeof(struct type);
}

static size_t sets_bytes(const struct device *d)
{
	return (size_t)d->n_types * SETS * d->words * sizeof(*d->sets);
}

void vdev__irqhint_device_free(struct vdev_irqhint *o, struct device *d)
{
	vdev__free(&o->env, d->sets, sets_bytes(d));
	vdev__free(&o->env, d, device_bytes(d->n_types));
}

void vdev_irqhint_free(struct vdev_irqhint *o)
{
	if (!o)
		return;
	for (uint32_t i = 0; i < o->devices.high; i++)
		if (o->list[i])
			vdev__irqhint_device_free(o, o->list[i]);
	free_parts(o);
}

int vdev__irqhint_device_new(struct vdev_irqhint *o, uint32_t types, struct device **ret_device)
{
	struct device *d = vdev__alloc(&o->env, 1, device_bytes(types));

	if (!d)
		return -ENOMEM;
	d->n_types = types;
	d->words = o->map->words;
	d->sets = vdev__alloc(&o->env, (size_t)types * SETS * d->words, sizeof(*d->sets));
	if (!d->sets) {
		vdev__free(&o->env, d, device_bytes(types));
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < types; i++) {
		atomic_init(&d->types[i].route, ROUTE_EMPTY);
		atomic_init(&d->types[i].cpu, VDEV_CPUMAP_NOWHERE);
		atomic_init(&d->types[i].hint_cpu, VDEV_CPUMAP_NOWHERE);
		atomic_init(&d->types[i].stale_since, VDEV_NONE);
	}
	*ret_device = d;
	return 0;
}

int vdev_irqhint_add(struct vdev_irqhint *obj, uint32_t types, uint64_t user_data,
		     uint64_t *ret_dev)
{
	struct device *d;
	uint32_t index;
	int error;

	if (!obj || !ret_dev || !types || types > obj->config.max_types)
		return -EINVAL;
	if (types > obj->config.max_types - obj->types ||
	    obj->devices.count == obj->config.max_devices)
		return -ENOSPC;
	error = vdev__irqhint_device_new(obj, types, &d);
	if (error)
		return error;
	error = vdev__table_new(&obj->devices, &index);
	if (error) {
		vdev__irqhint_device_free(obj, d);
		return error;
	}
	d->user_data = user_data;
	obj->list[index] = d;
	obj->types += types;
	*ret_dev = vdev__table_handle(&obj->devices, index);
	return 0;
}

int vdev_irqhint_remove(struct vdev_irqhint *obj, uint64_t dev)
{
	struct device *d;
	uint32_t index;

	if (!obj)
		return -EINVAL;
	if (vdev__table_find(&obj->devices, dev, &index))
		return -ENOENT;
	d = obj->list[index];
	for (uint32_t i = 0; i < N_COUNTS; i++)
		obj->ended[i] += time_at(&d->count[i]);
	obj->list[index] = NULL;
	obj->types -= d->n_types;
	vdev__table_del(&obj->devices, index);
	vdev__irqhint_device_free(obj, d);
	return 0;
}
