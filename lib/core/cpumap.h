/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CPU map from the inside, so that the interrupt-hint engine reads a place in one load (H9, H11).
 *
 *   place   one atomic word a vCPU:   since (44 bits) << 18 | state (2 bits) << 16 | cpu (16 bits)
 *           since: when it came to this CPU, in units of 1024 ns, modulo 2^44 (208 days)
 *   row     WORDS atomic words a host CPU: the vCPUs that are on it and do not sleep
 *
 * A bit of a row is set only while the place says the same, since the bit is set after the place and cleared before
 * it. So a row needs no second look, but by who wants to know more of the place: it may be another one by then.
 */
#ifndef VDEV__CORE_CPUMAP_H
#define VDEV__CORE_CPUMAP_H

#include <stdatomic.h>
#include <stdbool.h>

#include <vdev/cpumap.h>

#include "env.h"
#include "sat.h"

#define VDEV__PLACE_STATE 16
#define VDEV__PLACE_SINCE 18
#define VDEV__PLACE_UNIT 10 /* 1 << 10 nanoseconds */
#define VDEV__PLACE_CPU UINT64_C(0xffff) /* all ones: nowhere */
#define VDEV__PLACE_TIMES ((UINT64_C(1) << 44) - 1)
/* So far back (18 minutes) counts as a clock that went back, not as a stay of 208 days. */
#define VDEV__PLACE_BACK (UINT64_C(1) << 30)

struct vdev_cpumap {
	struct vdev_env env;
	uint32_t vcpus;
	uint32_t cpus;
	uint32_t words; /* of a row */
	uint32_t flags;
	_Atomic uint64_t refreshed; /* 1 + when, 0: never */
	_Atomic uint64_t *places;
	_Atomic uint64_t *rows;
};

static inline uint64_t vdev__cpumap_place(const struct vdev_cpumap *map, uint32_t vcpu)
{
	return atomic_load_explicit(&map->places[vcpu], memory_order_acquire);
}

/* UINT32_MAX, which is VDEV_CPUMAP_NOWHERE, for a vCPU that is nowhere. */
static inline uint32_t vdev__place_cpu(uint64_t place)
{
	uint64_t cpu = place & VDEV__PLACE_CPU;

	return cpu == VDEV__PLACE_CPU ? VDEV_CPUMAP_NOWHERE : (uint32_t)cpu;
}

static inline uint32_t vdev__place_state(uint64_t place)
{
	return (uint32_t)(place >> VDEV__PLACE_STATE & 3);
}

/* For how long it has been there. */
static inline uint64_t vdev__place_since(uint64_t place, uint64_t now_ns)
{
	uint64_t units =
		((now_ns >> VDEV__PLACE_UNIT) - (place >> VDEV__PLACE_SINCE)) & VDEV__PLACE_TIMES;

	return units > VDEV__PLACE_TIMES - VDEV__PLACE_BACK ? 0 : units << VDEV__PLACE_UNIT;
}

/* 0: live; VDEV_NONE: never refreshed. */
static inline uint64_t vdev__cpumap_age(const struct vdev_cpumap *map, uint64_t now_ns)
{
	uint64_t at;

	if (map->flags & VDEV_CPUMAP_LIVE)
		return 0;
	at = atomic_load_explicit(&map->refreshed, memory_order_acquire);
	return at ? vdev__sat_sub(now_ns, at - 1) : VDEV_NONE;
}

/* One word of the vCPUs that are on a CPU and do not sleep. */
static inline uint64_t vdev__cpumap_row(const struct vdev_cpumap *map, uint32_t cpu, uint32_t word)
{
	return atomic_load_explicit(&map->rows[(size_t)cpu * map->words + word],
				    memory_order_acquire);
}

#endif
