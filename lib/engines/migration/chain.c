/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: things that are found by a hash, the newest of one hash first. */
#include "planner.h"

void vdev__migration_chain_init(struct chain *c, const struct vdev_env *env)
{
	vdev__hash_init(&c->heads, env);
	c->next = NULL;
	c->size = 0;
}

void vdev__migration_chain_fini(struct chain *c)
{
	vdev__free(c->heads.env, c->next, c->size * sizeof(*c->next));
	vdev__hash_fini(&c->heads);
	c->next = NULL;
	c->size = 0;
}

uint64_t vdev__migration_chain_bytes(const struct chain *c)
{
	return vdev__hash_bytes(&c->heads) + c->size * sizeof(*c->next);
}

uint32_t vdev__migration_chain_first(const struct chain *c, uint64_t hash)
{
	uint32_t index;

	return vdev__hash_get(&c->heads, hash, &index) ? index : NO_INDEX;
}

static int make_room(struct chain *c, uint32_t index)
{
	uint32_t size = c->size ? c->size : 32, *next;

	if (index < c->size)
		return 0;
	while (size <= index)
		size *= 2;
	next = vdev__grow(c->heads.env, c->next, c->size, size, sizeof(*next));
	if (!next)
		return -ENOMEM;
	c->next = next;
	c->size = size;
	return 0;
}

int vdev__migration_chain_add(struct chain *c, uint64_t hash, uint32_t index)
{
	int error = make_room(c, index);

	if (error)
		return error;
	c->next[index] = vdev__migration_chain_first(c, hash);
	return vdev__hash_put(&c->heads, hash, index);
}

void vdev__migration_chain_del(struct chain *c, uint64_t hash, uint32_t index)
{
	uint32_t i = vdev__migration_chain_first(c, hash);

	if (i != index) {
		while (c->next[i] != index)
			i = c->next[i];
		c->next[i] = c->next[index];
		return;
	}
	if (c->next[index] == NO_INDEX)
		vdev__hash_del(&c->heads, hash);
	else
		vdev__hash_put(&c->heads, hash, c->next[index]); /* replaces: no allocation */
}
