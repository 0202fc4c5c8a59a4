/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine from the inside.
 *
 *   event.c       a device event: does a hint go with it (H1..H3, H5..H7)
 *   near.c        which vCPUs are nearest (H2, H7)
 *   programmed.c  what the guest programs, resets (H4, H5, H8)
 *   choose.c      for guests without the driver (H10)
 *   object.c      the objects and devices; read.c  what is in them; names.c
 *   image.c, load.c   save and load
 *
 *   NEW --event() gave a hint--> HINTED --programmed()--> ROUTED
 *    ^                            |   ^                     |
 *    |                            |   `--stale, new hint----'  (also from HINTED itself)
 *    `--device_reset(), guest_reset(), migrated()
 *
 * Who may touch what. A device has two threads: one for event() and choose(), one for programmed() and
 * device_reset(). `word` of a type is moved on by both: by one compare-and-swap that is not tried again,
 * because who loses it was overtaken by something newer; a reset stores it. `route` is the guest's thread's.
 * The other fields are advice about times. A set is written where no reader looks, then the index of
 * the word or of the route says where it is; so a reader sees one whole set, unless it is overtaken twice.
 */
#ifndef VDEV__IRQHINT_INTERNAL_H
#define VDEV__IRQHINT_INTERNAL_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <vdev/irqhint.h>

#include "bitmap.h"
#include "cpumap.h"
#include "env.h"
#include "sat.h"
#include "table.h"

#define IRQHINT_IMAGE_VERSION 1u
#define MAX_WORDS VDEV_CPUMAP_WORDS(VDEV_CPUMAP_MAX_VCPUS)
#define MAX_BACKOFF 6u
#define NO_ROUTE \
	VDEV_IRQHINT_DISTANCES /* farther than any: programmed nowhere, or nobody is anywhere */
/* Times of a loaded object count from so long before 0: what an image says was long ago is not cut short. */
#define LOADED_EPOCH (UINT64_C(1) << 62)

/* word = changes << 6 | hint index << 5 | backoff << 2 | state */
#define W_STATE 0x3u
#define W_BACKOFF 2
#define W_HINT 0x20u
#define W_CHANGE 0x40u

/* route = index << 17 | single << 16 | lowest vCPU, ROUTE_EMPTY: none */
#define ROUTE_LOWEST 0xffffu
#define ROUTE_EMPTY 0xffffu
#define ROUTE_SINGLE 0x10000u
#define ROUTE_INDEX 0x20000u

struct type {
	_Atomic uint64_t word;
	_Atomic uint32_t route;
	_Atomic uint32_t cpu; /* of the last event; VDEV_CPUMAP_NOWHERE: none yet */
	_Atomic uint64_t event_at; /* last event */
	_Atomic uint64_t stale_since; /* VDEV_NONE: is not */
	_Atomic uint64_t hint_at; /* last hint */
	_Atomic uint32_t hint_cpu;
	_Atomic uint32_t hint_distance;
	_Atomic uint64_t hints;
};

/* Each is counted by one thread of the device and read by anybody. */
enum count {
	N_EVENTS,
	N_SAMPLED,
	N_CHOSEN,
	N_NOT_CHOSEN,
	N_PROGRAMMED,
	N_FOLLOWED,
	N_IGNORED,
	N_REFUSED,
	N_RESETS,
	N_ANSWERS,
	N_BY_DISTANCE = N_ANSWERS + VDEV_IRQHINT_REASONS,
	N_COUNTS = N_BY_DISTANCE + VDEV_IRQHINT_DISTANCES
};

/* Sets of a type: two that the guest programmed, two that were hinted. */
enum set { PROGRAMMED, HINT = 2, SETS = 4 };

struct device {
	uint64_t user_data;
	uint32_t n_types;
	uint32_t words; /* of a set */
	_Atomic uint64_t *sets; /* n_types * SETS * words */
	_Atomic uint64_t count[N_COUNTS];
	struct type types[];
};

struct vdev_irqhint {
	struct vdev_env env;
	const struct vdev_cpumap *map;
	struct vdev_irqhint_config config; /* `cpus` is ours */
	struct vdev_irqhint_cpu *cpus;
	struct vdev__table devices; /* only their handles */
	struct device **list; /* by the index of the handle; NULL: none */
	uint64_t epoch; /* added to the caller's clock */
	uint32_t types; /* of all devices */
	uint32_t reserved;
	uint64_t resets; /* of the guest */
	uint64_t ended[N_COUNTS]; /* counts of devices that were removed */
};

/* The vCPUs that are nearest to a CPU. */
struct near {
	uint64_t set[MAX_WORDS];
	uint32_t count;
	uint32_t distance;
	bool running; /* all of them */
};

/* NULL: the handle is of none. */
static inline struct device *find_device(const struct vdev_irqhint *o, uint64_t handle)
{
	uint32_t index;

	return vdev__table_find(&o->devices, handle, &index) ? NULL : o->list[index];
}

/* 0 and the type, -ENOENT, -EINVAL. */
static inline int find_type(const struct vdev_irqhint *o, uint64_t handle, uint32_t type,
			    struct device **ret_device)
{
	struct device *d = find_device(o, handle);

	if (!d)
		return -ENOENT;
	*ret_device = d;
	return type < d->n_types ? 0 : -EINVAL;
}

static inline uint64_t word_of(const struct type *t)
{
	return atomic_load_explicit(&t->word, memory_order_acquire);
}

static inline uint32_t word_state(uint64_t word)
{
	return (uint32_t)word & W_STATE;
}

static inline uint32_t word_backoff(uint64_t word)
{
	return (uint32_t)(word >> W_BACKOFF) & 7;
}

static inline uint32_t more_backoff(uint64_t word)
{
	uint32_t b = word_backoff(word);

	return b < MAX_BACKOFF ? b + 1 : MAX_BACKOFF;
}

/* The word after this one. */
static inline uint64_t word_next(uint64_t word, uint32_t state, uint32_t backoff, uint64_t hint)
{
	return ((word & ~(uint64_t)(W_CHANGE - 1)) + W_CHANGE) | hint |
	       (uint64_t)backoff << W_BACKOFF | state;
}

/* Where the current set of a kind is, or with `other` where the next one is written. */
static inline _Atomic uint64_t *set_of(const struct device *d, uint32_t type, uint32_t which)
{
	return d->sets + ((size_t)type * SETS + which) * d->words;
}

static inline _Atomic uint64_t *hint_of(const struct device *d, uint32_t type, uint64_t word)
{
	return set_of(d, type, HINT + (word & W_HINT ? 1 : 0));
}

static inline _Atomic uint64_t *programmed_of(const struct device *d, uint32_t type, uint32_t route)
{
	return set_of(d, type, PROGRAMMED + (route & ROUTE_INDEX ? 1 : 0));
}

static inline uint32_t route_of(const struct type *t)
{
	return atomic_load_explicit(&t->route, memory_order_acquire);
}

static inline bool route_empty(uint32_t route)
{
	return (route & ROUTE_LOWEST) == ROUTE_EMPTY;
}

static inline uint64_t word_at(const _Atomic uint64_t *set, uint32_t i)
{
	return atomic_load_explicit(&set[i], memory_order_relaxed);
}

static inline void put_set(_Atomic uint64_t *set, const uint64_t *from, uint32_t words)
{
	for (uint32_t i = 0; i < words; i++)
		atomic_store_explicit(&set[i], from[i], memory_order_relaxed);
}

static inline uint64_t time_at(const _Atomic uint64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static inline void put_time(_Atomic uint64_t *at, uint64_t ns)
{
	atomic_store_explicit(at, ns, memory_order_relaxed);
}

static inline void count(struct device *d, uint32_t which)
{
	uint64_t n = atomic_load_explicit(&d->count[which], memory_order_relaxed);

	atomic_store_explicit(&d->count[which], n + 1, memory_order_relaxed);
}

/* The engine's clock; its end would look like no time. */
static inline uint64_t clock_of(const struct vdev_irqhint *o, uint64_t now_ns)
{
	uint64_t now = vdev__sat_add(now_ns, o->epoch);

	return now == VDEV_NONE ? now - 1 : now;
}

/* H7: how far from an event on another CPU. */
uint32_t vdev__irqhint_far(const struct vdev_irqhint *o, uint32_t from, uint32_t cpu);

/* H7: how far a vCPU's CPU is from that of the event. */
static inline uint32_t distance(const struct vdev_irqhint *o, uint32_t from, uint32_t cpu)
{
	return VDEV__LIKELY(from == cpu) ? VDEV_IRQHINT_SAME_CPU : vdev__irqhint_far(o, from, cpu);
}

/* A device without places in a table yet: -ENOMEM. */
int vdev__irqhint_device_new(struct vdev_irqhint *o, uint32_t types, struct device **ret_device);
void vdev__irqhint_device_free(struct vdev_irqhint *o, struct device *d);
/* What the guest programs; `set` has d->words words. */
void vdev__irqhint_program(struct device *d, uint32_t type, const uint64_t *set);
/* Nearest vCPUs that do not sleep and have been there for `stay_ns`; none: count 0. */
void vdev__irqhint_near(const struct vdev_irqhint *o, uint64_t now_ns, uint32_t cpu,
			uint64_t stay_ns, struct near *ret_near);

#endif
