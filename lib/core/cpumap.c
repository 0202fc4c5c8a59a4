/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CPU map: where the vCPUs of a VM are (H9). The layout stands in cpumap.h.
 *
 * A move from A to B: the bit in the row of A is cleared, the place is stored, the bit in the row of B is set. So
 * whoever is in a row is there, by his place, too; one that is about to move may be in no row for that moment.
 */
#include "cpumap.h"

#include <errno.h>

static bool config_ok(const struct vdev_cpumap_config *c)
{
	return !(c->flags & ~VDEV_CPUMAP_LIVE) && c->vcpus && c->vcpus <= VDEV_CPUMAP_MAX_VCPUS &&
	       c->cpus && c->cpus <= VDEV_CPUMAP_MAX_CPUS;
}

static int make_parts(struct vdev_cpumap *map)
{
	map->places = vdev__alloc(&map->env, map->vcpus, sizeof(*map->places));
	map->rows = vdev__alloc(&map->env, (size_t)map->cpus * map->words, sizeof(*map->rows));
	if (!map->places || !map->rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < map->vcpus; i++)
		atomic_init(&map->places[i], VDEV__PLACE_CPU);
	return 0;
}

int vdev_cpumap_new(struct vdev_cpumap **ret_map, const struct vdev_env *env,
		    const struct vdev_cpumap_config *config)
{
	struct vdev_cpumap_config c;
	struct vdev_cpumap *map;
	struct vdev_env e;
	int error;

	if (!ret_map)
		return -EINVAL;
	error = vdev__env_copy(&e, env);
	if (!error)
		error = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (error)
		return error;
	if (!config_ok(&c))
		return -EINVAL;
	map = vdev__alloc(&e, 1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	map->env = e;
	map->vcpus = c.vcpus;
	map->cpus = c.cpus;
	map->words = VDEV_CPUMAP_WORDS(c.vcpus);
	map->flags = c.flags;
	error = make_parts(map);
	if (error) {
		vdev_cpumap_free(map);
		return error;
	}
	*ret_map = map;
	return 0;
}

void vdev_cpumap_free(struct vdev_cpumap *map)
{
	struct vdev_env env;

	if (!map)
		return;
	env = map->env;
	vdev__free(&env, map->rows, (size_t)map->cpus * map->words * sizeof(*map->rows));
	vdev__free(&env, map->places, map->vcpus * sizeof(*map->places));
	vdev__free(&env, map, sizeof(*map));
}

/* What set() takes. */
static bool place_ok(const struct vdev_cpumap *map, uint32_t cpu, uint32_t state)
{
	if (cpu == VDEV_CPUMAP_NOWHERE)
		return state == VDEV_CPUMAP_UNKNOWN;
	return cpu < map->cpus && state <= VDEV_CPUMAP_SLEEPING;
}

static uint64_t place_of(uint32_t cpu, uint32_t state, uint64_t since)
{
	return (cpu & VDEV__PLACE_CPU) | (uint64_t)state << VDEV__PLACE_STATE |
	       since << VDEV__PLACE_SINCE;
}

/* The row that a place stands in, NULL: in none. */
static _Atomic uint64_t *row_of(const struct vdev_cpumap *map, uint64_t place)
{
	uint32_t cpu = vdev__place_cpu(place);

	if (cpu == VDEV_CPUMAP_NOWHERE || vdev__place_state(place) == VDEV_CPUMAP_SLEEPING)
		return NULL;
	return map->rows + (size_t)cpu * map->words;
}

static void move(struct vdev_cpumap *map, uint32_t vcpu, uint64_t from, uint64_t to)
{
	_Atomic uint64_t *left = row_of(map, from), *entered = row_of(map, to);
	uint64_t bit = UINT64_C(1) << (vcpu % 64);

	if (left && left != entered)
		atomic_fetch_and_explicit(&left[vcpu / 64], ~bit, memory_order_relaxed);
	atomic_store_explicit(&map->places[vcpu], to, memory_order_release);
	if (entered && entered != left)
		atomic_fetch_or_explicit(&entered[vcpu / 64], bit, memory_order_release);
}

int vdev_cpumap_set(struct vdev_cpumap *map, uint64_t now_ns, uint32_t vcpu, uint32_t cpu,
		    uint32_t state)
{
	uint64_t place, since;

	if (!map || vcpu >= map->vcpus || !place_ok(map, cpu, state))
		return -EINVAL;
	place = atomic_load_explicit(&map->places[vcpu], memory_order_relaxed);
	if (vdev__place_cpu(place) == cpu) {
		if (vdev__place_state(place) == state)
			return 0;
		since = place >> VDEV__PLACE_SINCE;
	} else {
		since = now_ns >> VDEV__PLACE_UNIT & VDEV__PLACE_TIMES;
	}
	move(map, vcpu, place, place_of(cpu, state, since));
	return 1;
}

int vdev_cpumap_refreshed(struct vdev_cpumap *map, uint64_t now_ns)
{
	uint64_t at = vdev__sat_add(now_ns, 1);

	if (!map)
		return -EINVAL;
	if (at > atomic_load_explicit(&map->refreshed, memory_order_relaxed))
		atomic_store_explicit(&map->refreshed, at, memory_order_release);
	return 0;
}

int vdev_cpumap_get(const struct vdev_cpumap *map, uint64_t now_ns, uint32_t vcpu,
		    struct vdev_cpumap_place *ret_place, size_t place_size)
{
	struct vdev_cpumap_place p;
	uint64_t place;

	if (!map || vcpu >= map->vcpus || !ret_place || !place_size)
		return -EINVAL;
	place = vdev__cpumap_place(map, vcpu);
	p = (struct vdev_cpumap_place){
		.cpu = vdev__place_cpu(place),
		.state = vdev__place_state(place),
		.since_ns = vdev__place_since(place, now_ns),
		.age_ns = vdev__cpumap_age(map, now_ns),
	};
	return vdev__copy_out(ret_place, place_size, &p, sizeof(p));
}

int vdev_cpumap_cpu(const struct vdev_cpumap *map, uint32_t vcpu)
{
	uint32_t cpu;

	if (!map || vcpu >= map->vcpus)
		return -EINVAL;
	cpu = vdev__place_cpu(vdev__cpumap_place(map, vcpu));
	return cpu == VDEV_CPUMAP_NOWHERE ? -ENOENT : (int)cpu;
}

int vdev_cpumap_running_on(const struct vdev_cpumap *map, uint32_t cpu, uint64_t *ret_set,
			   uint32_t words)
{
	uint32_t n, count = 0;

	if (!map || cpu >= map->cpus || !ret_set || words < map->words)
		return -EINVAL;
	n = map->words;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t left = vdev__cpumap_row(map, cpu, i);

		ret_set[i] = left;
		for (; left; left &= left - 1) /* there are few: quicker than to add bits up */
			count++;
	}
	for (uint32_t i = n; i < words; i++)
		ret_set[i] = 0;
	return (int)count;
}

int vdev_cpumap_age(const struct vdev_cpumap *map, uint64_t now_ns, uint64_t *ret_age_ns)
{
	if (!map || !ret_age_ns)
		return -EINVAL;
	*ret_age_ns = vdev__cpumap_age(map, now_ns);
	return 0;
}

int vdev_cpumap_size(const struct vdev_cpumap *map, uint32_t *ret_vcpus, uint32_t *ret_cpus)
{
	if (!map)
		return -EINVAL;
	if (ret_vcpus)
		*ret_vcpus = map->vcpus;
	if (ret_cpus)
		*ret_cpus = map->cpus;
	return 0;
}
