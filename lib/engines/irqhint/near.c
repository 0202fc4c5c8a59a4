/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine: the vCPUs that are nearest to a host CPU (H2, H7).
 *
 * Most often one is right there: the CPU's row of the map tells. If not, each place is looked at once. A place
 * is one load, so what is decided from it was true of that vCPU at one moment.
 */
#include "internal.h"

uint32_t vdev__irqhint_far(const struct vdev_irqhint *o, uint32_t from, uint32_t cpu)
{
	const struct vdev_irqhint_cpu *a, *b;

	if (from == VDEV_CPUMAP_NOWHERE)
		return NO_ROUTE;
	if (from >= o->config.cpu_count || cpu >= o->config.cpu_count)
		return VDEV_IRQHINT_ANY;
	a = &o->cpus[from];
	b = &o->cpus[cpu];
	if (a->core == b->core && a->core != VDEV_CPUMAP_NOWHERE)
		return VDEV_IRQHINT_SAME_CORE;
	if (a->cache == b->cache && a->cache != VDEV_CPUMAP_NOWHERE)
		return VDEV_IRQHINT_SAME_CACHE;
	if (a->node == b->node && a->node != VDEV_CPUMAP_NOWHERE)
		return VDEV_IRQHINT_SAME_NODE;
	return VDEV_IRQHINT_ANY;
}

static void take(struct near *n, uint32_t vcpu, uint64_t place, uint32_t at)
{
	bool running = vdev__place_state(place) == VDEV_CPUMAP_RUNNING;

	if (at < n->distance) {
		memset(n, 0, sizeof(*n));
		n->distance = at;
		n->running = true;
	}
	vdev__bitmap_set(n->set, vcpu);
	n->count++;
	n->running &= running;
}

static bool awake(uint64_t place, uint64_t now_ns, uint64_t stay_ns)
{
	return vdev__place_state(place) != VDEV_CPUMAP_SLEEPING &&
	       vdev__place_since(place, now_ns) >= stay_ns;
}

static void right_there(const struct vdev_irqhint *o, uint64_t now_ns, uint32_t cpu,
			uint64_t stay_ns, struct near *n)
{
	for (uint32_t i = 0; i < o->map->words; i++) {
		for (uint64_t left = vdev__cpumap_row(o->map, cpu, i); left; left &= left - 1) {
			uint32_t vcpu = i * 64 + vdev__bit_lowest(left);
			uint64_t place = vdev__cpumap_place(o->map, vcpu);

			if (vdev__place_cpu(place) == cpu && awake(place, now_ns, stay_ns))
				take(n, vcpu, place, VDEV_IRQHINT_SAME_CPU);
		}
	}
}

static void anywhere(const struct vdev_irqhint *o, uint64_t now_ns, uint32_t cpu, uint64_t stay_ns,
		     struct near *n)
{
	for (uint32_t vcpu = 0; vcpu < o->map->vcpus; vcpu++) {
		uint64_t place = vdev__cpumap_place(o->map, vcpu);
		uint32_t at = distance(o, vdev__place_cpu(place), cpu);

		if (at <= n->distance && at <= o->config.max_distance &&
		    awake(place, now_ns, stay_ns))
			take(n, vcpu, place, at);
	}
}

void vdev__irqhint_near(const struct vdev_irqhint *o, uint64_t now_ns, uint32_t cpu,
			uint64_t stay_ns, struct near *ret_near)
{
	ret_near->count = 0;
	ret_near->distance = NO_ROUTE;
	right_there(o, now_ns, cpu, stay_ns, ret_near);
	if (!ret_near->count && o->config.max_distance != VDEV_IRQHINT_SAME_CPU)
		anywhere(o, now_ns, cpu, stay_ns, ret_near);
}
