/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: types of devices. Two devices are of one type if no rule can tell them apart, so that one comparison
 * answers for all pairs of their types.
 */
#include "planner.h"

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
/* Pairs that are remembered, for each type that there may be; 12 bytes each. Beyond, all are forgotten. */
#define PAIRS_EACH 64u
#define MAX_PAIRS (1u << 21)

static uint64_t mix_layout(uint64_t hash, const struct vdev_migration_device *d)
{
	for (uint32_t i = 0; i < d->cap_count; i++)
		hash = vdev__migration_mix(
			hash, (uint64_t)d->caps[i].id << 32 | (uint32_t)d->caps[i].offset << 16 |
				      (uint32_t)d->caps[i].version << 8 | d->caps[i].extended);
	return vdev__migration_mix(hash, d->cap_count);
}

static uint64_t mix_field(uint64_t hash, const struct vdev_migration_device *d, uint32_t field)
{
	uint32_t type = vdev__migration_field(field)->type;

	if (type == VDEV_MIGRATION_LAYOUT)
		return mix_layout(hash, d);
	if (type < VDEV_MIGRATION_STRING)
		return vdev__migration_mix(hash, vdev__migration_number(d, field));
	for (const char *p = vdev__migration_string(d, field); *p; p++)
		hash = vdev__migration_mix(hash, (unsigned char)*p);
	return vdev__migration_mix(hash, 0);
}

static uint64_t hash_of(const struct vdev_migration_device *d, uint64_t looked)
{
	uint64_t known = d->known & looked, hash = vdev__migration_mix(FNV_BASIS, known);

	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++)
		if (known >> i & 1)
			hash = mix_field(hash, d, i);
	return hash;
}

/* Not by the hash alone: who fills descriptors in could make two hashes equal. */
static bool same_type(const struct vdev_migration_device *a, const struct vdev_migration_device *b,
		      uint64_t looked)
{
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++)
		if (looked >> i & 1 && !vdev__migration_same(a, b, i))
			return false;
	return true;
}

static uint32_t find(const struct vdev_migration *o, const struct vdev_migration_device *d,
		     uint64_t hash)
{
	uint32_t i = vdev__migration_chain_first(&o->types_by_hash, hash);

	while (i != NO_INDEX && !same_type(&o->types[i]->d, d, o->looked))
		i = o->types_by_hash.next[i];
	return i;
}

static void drop(struct vdev_migration *o, uint32_t index)
{
	struct type *t = o->types[index];

	vdev__migration_chain_del(&o->types_by_hash, t->hash, index);
	o->types[index] = NULL;
	o->types_count--;
	if (index < o->types_hint)
		o->types_hint = index;
	o->bytes -= sizeof(*t);
	vdev__free(&o->env, t, sizeof(*t));
}

static void forget_pairs(struct vdev_migration *o)
{
	vdev__hash_fini(&o->pairs);
	vdev__hash_init(&o->pairs, &o->env);
}

/* Types that nobody has any more are kept for their pairs, until there is no room. */
static void sweep(struct vdev_migration *o)
{
	for (uint32_t i = 0; i < o->types_size; i++)
		if (o->types[i] && !o->types[i]->refs)
			drop(o, i);
	forget_pairs(o);
	o->change++;
}

/* An entry of the list that is free. */
static int room(struct vdev_migration *o, uint32_t *ret_index)
{
	if (o->types_count >= o->config.max_types)
		sweep(o);
	if (o->types_count >= o->config.max_types)
		return -ENOSPC;
	while (o->types_hint < o->types_size && o->types[o->types_hint])
		o->types_hint++;
	*ret_index = o->types_hint;
	return o->types_hint < o->types_size ? 0 : vdev__migration_grow_types(o);
}

static int make(struct vdev_migration *o, const struct vdev_migration_device *d, uint64_t hash,
		struct type **ret_type)
{
	struct type *t = vdev__alloc(&o->env, 1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->d = *d;
	t->hash = hash;
	t->refs = 1;
	*ret_type = t;
	return 0;
}

static int add(struct vdev_migration *o, const struct vdev_migration_device *d, uint64_t hash,
	       uint32_t *ret_type)
{
	struct type *t;
	uint32_t index;
	int error = room(o, &index);

	if (!error)
		error = make(o, d, hash, &t);
	if (error)
		return error;
	error = vdev__migration_chain_add(&o->types_by_hash, hash, index);
	if (error) {
		vdev__free(&o->env, t, sizeof(*t));
		return error;
	}
	*ret_type = index;
	o->types[index] = t;
	o->types_count++;
	o->bytes += sizeof(*t);
	return 0;
}

int vdev__migration_intern(struct vdev_migration *o, const struct vdev_migration_device *d,
			   uint32_t *ret_type)
{
	uint64_t hash = hash_of(d, o->looked);
	uint32_t index = find(o, d, hash);

	if (index == NO_INDEX)
		return add(o, d, hash, ret_type);
	o->types[index]->refs++;
	*ret_type = index;
	return 0;
}

void vdev__migration_release(struct vdev_migration *o, uint32_t type)
{
	o->types[type]->refs--;
}

void vdev__migration_free_types(struct vdev_migration *o)
{
	for (uint32_t i = 0; i < o->types_size; i++)
		vdev__free(&o->env, o->types[i], sizeof(struct type));
	vdev__free(&o->env, o->types, o->types_size * sizeof(struct type *));
}

static void compare(struct vdev_migration *o, uint32_t source, uint32_t destination,
		    struct pair *ret_pair)
{
	const struct vdev_migration_device *s = &o->types[source]->d;
	struct vdev_migration_difference list[VDEV_MIGRATION_FIELDS];
	struct judges judges;
	uint32_t count, i = 0;

	vdev__migration_judges(o->rules, s, &judges);
	count = vdev__migration_list(o->rules, &judges, s, &o->types[destination]->d, list,
				     &ret_pair->hardware);
	o->compared++;
	while (i < count && list[i].verdict != ret_pair->hardware)
		i++;
	ret_pair->count = count;
	ret_pair->field = count ? list[i].field : VDEV_MIGRATION_UNKNOWN;
	ret_pair->rule = count ? list[i].rule : VDEV_MIGRATION_UNKNOWN;
}

static uint32_t most_pairs(const struct vdev_migration *o)
{
	uint32_t most = o->config.max_types * PAIRS_EACH;

	return most < MAX_PAIRS ? most : MAX_PAIRS;
}

/* In a word: 3 bits of verdict, 6 of field + 1, 6 of how many differ, the rest the rule. */
void vdev__migration_pair(struct vdev_migration *o, uint32_t source, uint32_t destination,
			  struct pair *ret_pair)
{
	uint64_t key = (uint64_t)source << 32 | destination;
	uint32_t word;

	if (vdev__hash_get(&o->pairs, key, &word)) {
		o->remembered++;
		ret_pair->hardware = word & 7;
		ret_pair->field = (word >> 3 & 63) - 1;
		ret_pair->count = word >> 9 & 63;
		ret_pair->rule = word & 63u << 3 ? word >> 15 : VDEV_MIGRATION_UNKNOWN;
		return;
	}
	compare(o, source, destination, ret_pair);
	word = ret_pair->hardware;
	if (ret_pair->field != VDEV_MIGRATION_UNKNOWN)
		word |= (ret_pair->field + 1) << 3 | ret_pair->count << 9 | ret_pair->rule << 15;
	if (o->pairs.count >= most_pairs(o))
		forget_pairs(o);
	/* No memory: it is compared again the next time. */
	(void)vdev__hash_put(&o->pairs, key, word);
}
