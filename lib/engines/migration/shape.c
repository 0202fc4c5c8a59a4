/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: shapes of hosts, see planner.h. */
#include "planner.h"

/* Distances as the kernel gives them where firmware gives none. */
#define LOCAL_DISTANCE 10u
#define REMOTE_DISTANCE 20u
#define FARTHEST 255u

uint32_t vdev__migration_distance(const struct shape *s, uint32_t from, uint32_t to)
{
	if (from == VDEV_MIGRATION_UNKNOWN)
		return 0;
	if (from >= s->node_count || to >= s->node_count)
		return FARTHEST;
	if (!s->distances)
		return from == to ? LOCAL_DISTANCE : REMOTE_DISTANCE;
	return s->distances[(size_t)from * s->node_count + to];
}

static size_t shape_bytes(uint32_t count)
{
	return sizeof(struct shape) + count * sizeof(struct function);
}

static size_t distance_bytes(uint32_t node_count)
{
	return (size_t)node_count * node_count;
}

static uint64_t hash_of(const struct function *f, uint32_t count, uint32_t node_count,
			const uint8_t *distances)
{
	uint64_t hash = vdev__migration_mix(count, node_count);

	for (uint32_t i = 0; i < count; i++) {
		hash = vdev__migration_mix(hash, (uint64_t)f[i].type << 32 | f[i].node);
		hash = vdev__migration_mix(hash, f[i].have);
	}
	for (size_t i = 0; distances && i < distance_bytes(node_count); i++)
		hash = vdev__migration_mix(hash, distances[i]);
	return hash;
}

/* Not by the hash alone: see type.c. */
static bool same(const struct shape *s, const struct function *f, uint32_t count,
		 uint32_t node_count, const uint8_t *distances)
{
	/* MCDC: two shapes of one hash, which nobody knows how to make */
	return s->count == count && s->node_count == node_count && !s->distances == !distances &&
	       !memcmp(s->f, f, count * sizeof(*f)) &&
	       (!distances || !memcmp(s->distances, distances, distance_bytes(node_count)));
}

static void free_shape(struct vdev_migration *o, struct shape *s)
{
	if (s->distances)
		vdev__free(&o->env, s->distances, distance_bytes(s->node_count));
	vdev__free(&o->env, s, shape_bytes(s->count));
}

static int make(struct vdev_migration *o, const struct function *f, uint32_t count,
		uint32_t node_count, const uint8_t *distances, struct shape **ret_shape)
{
	struct shape *s = vdev__alloc(&o->env, 1, shape_bytes(count));

	if (!s)
		return -ENOMEM;
	s->count = count;
	s->node_count = node_count;
	memcpy(s->f, f, count * sizeof(*f));
	if (distances) {
		s->distances = vdev__alloc(&o->env, 1, distance_bytes(node_count));
		if (!s->distances) {
			free_shape(o, s);
			return -ENOMEM;
		}
		memcpy(s->distances, distances, distance_bytes(node_count));
	}
	*ret_shape = s;
	return 0;
}

static int room(struct vdev_migration *o, uint32_t *ret_index)
{
	while (o->shapes_hint < o->shapes_size && o->shapes[o->shapes_hint])
		o->shapes_hint++;
	*ret_index = o->shapes_hint;
	return o->shapes_hint < o->shapes_size ? 0 : vdev__migration_grow_shapes(o);
}

/* In its place and its chain; on failure it is freed. */
static int enter(struct vdev_migration *o, struct shape *s, uint32_t index)
{
	int error;

	error = vdev__migration_chain_add(&o->shapes_by_hash, s->hash, index);
	if (error) {
		free_shape(o, s);
		return error;
	}
	o->shapes[index] = s;
	o->shapes_count++;
	o->bytes += shape_bytes(s->count);
	if (s->distances)
		o->bytes += distance_bytes(s->node_count);
	return 0;
}

static uint32_t find(const struct vdev_migration *o, uint64_t hash, const struct function *f,
		     uint32_t count, uint32_t node_count, const uint8_t *distances)
{
	uint32_t i = vdev__migration_chain_first(&o->shapes_by_hash, hash);

	/* MCDC: two shapes of one hash, which nobody knows how to make */
	while (i != NO_INDEX && !same(o->shapes[i], f, count, node_count, distances))
		i = o->shapes_by_hash.next[i];
	return i;
}

static void release(struct vdev_migration *o, const struct function *f, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		vdev__migration_release(o, f[i].type);
}

static int add(struct vdev_migration *o, uint64_t hash, const struct function *f, uint32_t count,
	       uint32_t node_count, const uint8_t *distances, uint32_t *ret_shape)
{
	struct shape *s;
	uint32_t index;
	int error = room(o, &index);

	if (!error)
		error = make(o, f, count, node_count, distances, &s);
	if (error)
		return error;
	s->hash = hash;
	s->hosts = 1;
	*ret_shape = index;
	return enter(o, s, index);
}

int vdev__migration_shape_get(struct vdev_migration *o, const struct function *f, uint32_t count,
			      uint32_t node_count, const uint8_t *distances, uint32_t *ret_shape)
{
	uint64_t hash = hash_of(f, count, node_count, distances);
	uint32_t index = find(o, hash, f, count, node_count, distances);
	int error;

	if (index == NO_INDEX) {
		error = add(o, hash, f, count, node_count, distances, ret_shape);
		if (error)
			release(o, f, count);
		return error;
	}
	release(o, f, count); /* the shape has references of its own */
	o->shapes[index]->hosts++;
	*ret_shape = index;
	return 0;
}

void vdev__migration_shape_put(struct vdev_migration *o, uint32_t index)
{
	struct shape *s = o->shapes[index];

	if (--s->hosts)
		return;
	release(o, s->f, s->count);
	vdev__migration_chain_del(&o->shapes_by_hash, s->hash, index);
	o->shapes[index] = NULL;
	o->shapes_count--;
	if (index < o->shapes_hint)
		o->shapes_hint = index;
	o->bytes -= shape_bytes(s->count);
	if (s->distances)
		o->bytes -= distance_bytes(s->node_count);
	free_shape(o, s);
}
