/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine: reading images (image.c has the layout). An image may be hostile: each field is
 * checked, and nothing is allocated that the rest of the image could not fill.
 */
#include "image.h"
#include "internal.h"

#define SLOT_BYTES 12u
#define TYPE_BYTES 26u /* and its sets */

struct loader {
	struct vdev_irqhint *o;
	struct vdev__reader in;
	uint64_t now;
	uint32_t words; /* of a set in the image */
	int error; /* another one than that of the reader */
};

struct record {
	uint64_t stale_for, since_hint;
	uint32_t hint_cpu, hint_distance;
	uint8_t state, backoff;
};

static bool bad(const struct loader *l)
{
	return l->error || l->in.error;
}

/* Reads a set; vCPUs that the map does not have are too many. */
static void get_set(struct loader *l, uint64_t *set)
{
	for (uint32_t i = 0; i < MAX_WORDS; i++)
		set[i] = i < l->words ? vdev__get_u64(&l->in) : 0;
	if (vdev__bitmap_next_set(set, MAX_WORDS * 64, l->o->map->vcpus) != UINT32_MAX)
		l->error = -ENOSPC;
}

static bool new_ok(const struct record *r, bool hint)
{
	return !hint && !r->backoff && !r->hint_distance && r->hint_cpu == VDEV_CPUMAP_NOWHERE &&
	       r->stale_for == VDEV_NONE && r->since_hint == VDEV_NONE;
}

static bool hinted_ok(const struct record *r, bool hint)
{
	return hint && r->state <= VDEV_IRQHINT_ROUTED && r->backoff <= MAX_BACKOFF &&
	       r->hint_distance <= VDEV_IRQHINT_ANY && r->hint_cpu < VDEV_CPUMAP_MAX_CPUS &&
	       r->since_hint != VDEV_NONE;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* So long ago by the clock of this object, which is past LOADED_EPOCH. */
static uint64_t before(const struct loader *l, uint64_t ns)
{
	return ns == VDEV_NONE ? VDEV_NONE : l->now - least(ns, LOADED_EPOCH);
}

static void enter(const struct loader *l, struct device *d, uint32_t type, const struct record *r,
		  const uint64_t *hint)
{
	struct type *t = &d->types[type];

	put_set(hint_of(d, type, 0), hint, d->words);
	atomic_init(&t->word, word_next(0, r->state, r->backoff, 0));
	atomic_init(&t->hint_cpu, r->hint_cpu);
	atomic_init(&t->hint_distance, r->hint_distance);
	atomic_init(&t->stale_since, before(l, r->stale_for));
	atomic_init(&t->hint_at, before(l, r->since_hint));
	atomic_init(&t->event_at, l->now);
}

static void get_type(struct loader *l, struct device *d, uint32_t type)
{
	uint64_t set[MAX_WORDS], hint[MAX_WORDS];
	struct record r;
	bool any;

	r.state = vdev__get_u8(&l->in);
	r.backoff = vdev__get_u8(&l->in);
	r.hint_cpu = vdev__get_u32(&l->in);
	r.hint_distance = vdev__get_u32(&l->in);
	r.stale_for = vdev__get_u64(&l->in);
	r.since_hint = vdev__get_u64(&l->in);
	get_set(l, set);
	get_set(l, hint);
	any = vdev__bitmap_next_set(hint, MAX_WORDS * 64, 0) != UINT32_MAX;
	if (r.state == VDEV_IRQHINT_NEW ? !new_ok(&r, any) : !hinted_ok(&r, any))
		vdev__reader_fail(&l->in);
	if (bad(l))
		return;
	vdev__irqhint_program(d, type, set);
	enter(l, d, type, &r, hint);
}

/* A device in use, as add() would have let it in. */
static void get_device(struct loader *l, uint32_t index, uint64_t generation, uint32_t types)
{
	struct vdev_irqhint *o = l->o;
	struct device *d;

	if (types > o->config.max_types - o->types) {
		l->error = -ENOSPC;
		return;
	}
	l->error = vdev__irqhint_device_new(o, types, &d);
	if (l->error)
		return;
	l->error = vdev__table_restore(&o->devices, generation << VDEV__TABLE_INDEX_BITS | index);
	if (l->error) {
		vdev__irqhint_device_free(o, d);
		return;
	}
	o->list[index] = d;
	o->types += types;
	for (uint32_t i = 0; i < types && !bad(l); i++)
		get_type(l, d, i);
}

static void get_slot(struct loader *l, uint32_t index)
{
	uint64_t generation = vdev__get_u64(&l->in);
	uint32_t types = vdev__get_count(&l->in, TYPE_BYTES + l->words * 16);

	if (generation >> (64 - VDEV__TABLE_INDEX_BITS))
		vdev__reader_fail(&l->in);
	if (bad(l))
		return;
	if (types)
		get_device(l, index, generation, types);
	else
		l->error = vdev__table_set_generation(&l->o->devices, index, generation);
}

static int get_all(struct loader *l)
{
	uint32_t slots;

	l->words = vdev__get_u32(&l->in);
	if (l->words > MAX_WORDS)
		vdev__reader_fail(&l->in);
	slots = vdev__get_count(&l->in, SLOT_BYTES);
	if (!bad(l) && slots > l->o->config.max_devices)
		return -ENOSPC;
	for (uint32_t i = 0; i < slots && !bad(l); i++)
		get_slot(l, i);
	return l->in.error || !l->error ? vdev__reader_finish(&l->in) : l->error;
}

int vdev_irqhint_load(const struct vdev_env *env, const struct vdev_cpumap *map,
		      const struct vdev_irqhint_config *config, uint32_t flags, uint64_t now_ns,
		      const void *image, size_t size, struct vdev_irqhint **ret_obj)
{
	struct loader l = {0};
	int error;

	if (!ret_obj || !image || flags & ~VDEV_IRQHINT_MIGRATED)
		return -EINVAL;
	error = vdev_irqhint_new(&l.o, env, map, config);
	if (error)
		return error;
	l.o->epoch = LOADED_EPOCH;
	l.now = clock_of(l.o, now_ns);
	error = vdev__reader_init(&l.in, image, size, VDEV_PART_IRQHINT, IRQHINT_IMAGE_VERSION);
	if (!error)
		error = get_all(&l);
	if (error) {
		vdev_irqhint_free(l.o);
		return error;
	}
	if (flags & VDEV_IRQHINT_MIGRATED)
		vdev_irqhint_migrated(l.o);
	*ret_obj = l.o;
	return 0;
}
