/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine: for a guest without the driver, one of the vCPUs that it programmed itself (H10).
 */
#include "internal.h"

/* Less is better: the distance, and at the same distance one that does not sleep. */
static uint32_t rank(const struct vdev_irqhint *o, uint32_t vcpu, uint32_t cpu)
{
	uint64_t place = vdev__cpumap_place(o->map, vcpu);
	uint32_t at = distance(o, vdev__place_cpu(place), cpu);

	if (at == NO_ROUTE)
		at = VDEV_IRQHINT_ANY;
	return at * 2 + (vdev__place_state(place) == VDEV_CPUMAP_SLEEPING);
}

/* The best of a set and its rank; UINT32_MAX: it is empty. */
static uint32_t best_of(const struct vdev_irqhint *o, const _Atomic uint64_t *set, uint32_t cpu,
			uint32_t *ret_vcpu)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < o->map->words && best; i++) {
		for (uint64_t left = word_at(set, i); left && best; left &= left - 1) {
			uint32_t vcpu = i * 64 + vdev__bit_lowest(left);
			uint32_t r = rank(o, vcpu, cpu);

			if (r < best) {
				best = r;
				*ret_vcpu = vcpu;
			}
		}
	}
	return best;
}

static uint32_t choose(const struct vdev_irqhint *o, const struct device *d, uint32_t type,
		       uint32_t cpu, uint32_t *ret_vcpu)
{
	uint32_t route = route_of(&d->types[type]);

	if (route_empty(route))
		return UINT32_MAX;
	if (route & ROUTE_SINGLE) {
		*ret_vcpu = route & ROUTE_LOWEST;
		return rank(o, *ret_vcpu, cpu);
	}
	return best_of(o, programmed_of(d, type, route), cpu, ret_vcpu);
}

int vdev_irqhint_choose(struct vdev_irqhint *obj, uint64_t now_ns, uint64_t dev, uint32_t type,
			uint32_t cpu, uint32_t *ret_vcpu, uint32_t *ret_distance)
{
	uint32_t best = UINT32_MAX, vcpu = 0;
	struct device *d;
	int error;

	if (!obj || cpu >= obj->map->cpus || !ret_vcpu)
		return -EINVAL;
	error = find_type(obj, dev, type, &d);
	if (error)
		return error;
	if (vdev__cpumap_age(obj->map, now_ns) <= obj->config.max_age_ns)
		best = choose(obj, d, type, cpu, &vcpu);
	if (best == UINT32_MAX) {
		count(d, N_NOT_CHOSEN);
		return 0;
	}
	count(d, N_CHOSEN);
	*ret_vcpu = vcpu;
	if (ret_distance)
		*ret_distance = best / 2;
	return 1;
}
