/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: the object. */
#include "planner.h"

#define FIELD_BIT(id) (UINT64_C(1) << VDEV_MIGRATION_F_##id)
#define MAX_TYPES (UINT32_C(1) << 20)
#define MAX_FUNCTIONS (UINT64_C(1) << 32)

static bool config_ok(const struct vdev_migration_config *c)
{
	return !c->flags && !c->reserved && c->max_hosts &&
	       c->max_hosts <= VDEV_MIGRATION_MAX_HOSTS && c->max_types &&
	       c->max_types <= MAX_TYPES && c->max_functions && c->max_functions <= MAX_FUNCTIONS;
}

static int make_parts(struct vdev_migration *o, const struct vdev_migration_rules *rules)
{
	int error;

	vdev__migration_chain_init(&o->types_by_hash, &o->env);
	vdev__migration_chain_init(&o->shapes_by_hash, &o->env);
	vdev__hash_init(&o->pairs, &o->env);
	o->change = 1;
	o->first = NO_INDEX;
	o->last = NO_INDEX;
	error = vdev__migration_rules_copy(&o->rules, &o->env, rules);
	if (error)
		return error;
	/* Class, vendor and device choose rules, whether or not a rule compares them. */
	o->looked = o->rules->looked | FIELD_BIT(CLASS) | FIELD_BIT(VENDOR) | FIELD_BIT(DEVICE);
	return vdev__table_init(&o->hosts, &o->env, sizeof(struct host), o->config.max_hosts);
}

int vdev_migration_new(struct vdev_migration **ret_obj, const struct vdev_env *env,
		       const struct vdev_migration_config *config)
{
	struct vdev_migration_config c;
	struct vdev_migration *o;
	struct vdev_env e;
	int error;

	if (!ret_obj)
		return -EINVAL;
	error = vdev__env_copy(&e, env);
	if (!error)
		error = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (error)
		return error;
	if (!config_ok(&c))
		return -EINVAL;
	o = vdev__alloc(&e, 1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->env = e;
	o->config = c;
	o->config.rules = NULL;
	error = make_parts(o, c.rules);
	if (error) {
		vdev_migration_free(o);
		return error;
	}
	*ret_obj = o;
	return 0;
}

int vdev__migration_grow_types(struct vdev_migration *o)
{
	uint32_t size = o->types_size ? 2 * o->types_size : 64;
	struct type **types =
		vdev__grow(&o->env, o->types, o->types_size, size, sizeof(struct type *));

	if (!types)
		return -ENOMEM;
	o->types = types;
	o->types_size = size;
	return 0;
}

int vdev__migration_grow_shapes(struct vdev_migration *o)
{
	uint32_t size = o->shapes_size ? 2 * o->shapes_size : 16;
	struct shape **shapes =
		vdev__grow(&o->env, o->shapes, o->shapes_size, size, sizeof(struct shape *));

	if (!shapes)
		return -ENOMEM;
	o->shapes = shapes;
	o->shapes_size = size;
	return 0;
}

static void free_hosts(struct vdev_migration *o)
{
	while (o->first != NO_INDEX)
		vdev_migration_remove_host(o, vdev__table_handle(&o->hosts, o->first));
}

void vdev_migration_free(struct vdev_migration *o)
{
	struct vdev_env env;

	if (!o)
		return;
	free_hosts(o);
	for (uint32_t i = 0; i < MEMOS; i++)
		vdev__migration_memo_free(o, &o->memo[i]);
	vdev__table_fini(&o->hosts);
	vdev__migration_free_types(o);
	vdev__free(&o->env, o->shapes, o->shapes_size * sizeof(struct shape *));
	vdev__migration_chain_fini(&o->types_by_hash);
	vdev__migration_chain_fini(&o->shapes_by_hash);
	vdev__hash_fini(&o->pairs);
	vdev_migration_rules_free(o->rules);
	env = o->env;
	vdev__free(&env, o, sizeof(*o));
}

static uint64_t bytes_of(const struct vdev_migration *o)
{
	uint64_t memos = 0;

	for (uint32_t i = 0; i < MEMOS; i++)
		memos += vdev__migration_memo_bytes(&o->memo[i]);
	return sizeof(*o) + memos + o->bytes + o->types_size * sizeof(struct type *) +
	       o->shapes_size * sizeof(struct shape *) +
	       vdev__migration_chain_bytes(&o->types_by_hash) +
	       vdev__migration_chain_bytes(&o->shapes_by_hash) + vdev__hash_bytes(&o->pairs) +
	       vdev__table_bytes(&o->hosts) + sizeof(*o->rules) +
	       o->rules->size * sizeof(*o->rules->list);
}

int vdev_migration_stats(const struct vdev_migration *obj, struct vdev_migration_stats *ret_stats,
			 size_t stats_size)
{
	struct vdev_migration_stats s = {0};

	if (!obj || !ret_stats || !stats_size)
		return -EINVAL;
	s.hosts = obj->hosts.count;
	s.functions = obj->functions;
	s.types = obj->types_count;
	s.shapes = obj->shapes_count;
	s.compared = obj->compared;
	s.remembered = obj->remembered;
	s.assigned = obj->assigned;
	s.ranked = obj->ranked;
	s.allocated_bytes = bytes_of(obj);
	return vdev__copy_out(ret_stats, stats_size, &s, sizeof(s));
}
