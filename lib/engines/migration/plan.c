/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: a plan is made, and tells what is in it (M8, M9, M11). */
#include "plan.h"

static size_t plan_bytes(uint32_t count)
{
	return count * sizeof(struct planned);
}

int vdev__migration_plan_make(struct vdev_migration_plan **ret_plan, const struct vdev_env *env,
			      uint32_t count)
{
	struct vdev_migration_plan *plan = vdev__alloc(env, 1, sizeof(*plan));

	if (!plan)
		return -ENOMEM;
	plan->env = *env;
	plan->count = count;
	if (count) {
		plan->devices = vdev__alloc(env, 1, plan_bytes(count));
		if (!plan->devices) {
			vdev__free(env, plan, sizeof(*plan));
			return -ENOMEM;
		}
	}
	*ret_plan = plan;
	return 0;
}

void vdev_migration_plan_free(struct vdev_migration_plan *plan)
{
	struct vdev_env env;

	if (!plan)
		return;
	env = plan->env;
	vdev__free(&env, plan->steps, plan->step_size * sizeof(*plan->steps));
	vdev__free(&env, plan->devices, plan_bytes(plan->count));
	vdev__free(&env, plan, sizeof(*plan));
}

static int take_config(struct vdev_migration_plan_config *c,
		       const struct vdev_migration_plan_config *config)
{
	int error;

	memset(c, 0, sizeof(*c));
	if (!config)
		return 0;
	error = vdev__copy_in(c, sizeof(*c), sizeof(*c), config);
	if (error)
		return error;
	if (c->flags & ~VDEV_MIGRATION_QUIESCE_LATE || c->reserved)
		return -EINVAL;
	for (uint32_t i = 0; i < VDEV_MIGRATION_STEPS; i++)
		if (c->deadline_ns[i] > MAX_DEADLINE)
			return -EINVAL;
	return 0;
}

/* A planner of this one host: plan and planner cannot be of different opinions. */
static int one_host(const struct vdev_env *env, const struct vdev_migration_rules *rules,
		    const struct vdev_migration_host *host, struct vdev_migration **ret_planner,
		    uint64_t *ret_host)
{
	struct vdev_migration_config c = {.struct_size = sizeof(c),
					  .max_hosts = 1,
					  .max_types = VDEV_MIGRATION_MAX_FUNCTIONS +
						       VDEV_MIGRATION_MAX_DEVICES,
					  .max_functions = VDEV_MIGRATION_MAX_FUNCTIONS,
					  .rules = rules};
	int error = vdev_migration_new(ret_planner, env, &c);

	if (error)
		return error;
	error = vdev_migration_add_host(*ret_planner, host, ret_host);
	if (error)
		vdev_migration_free(*ret_planner);
	return error;
}

static void fill_device(struct planned *d, const struct vdev_migration_rules *rules,
			const struct vdev_migration_want *want,
			const struct vdev_migration_place *place,
			const struct vdev_migration_host *host)
{
	struct judges judges;
	uint32_t verdict;

	d->place = *place;
	d->source = *want->device;
	d->facts = want->flags;
	d->node = want->node;
	if (place->function == VDEV_MIGRATION_UNKNOWN)
		return;
	d->destination = *vdev__migration_device_at(host, place->function);
	d->has_destination = 1;
	vdev__migration_judges(rules, &d->source, &judges);
	d->count = vdev__migration_list(rules, &judges, &d->source, &d->destination, d->difference,
					&verdict);
}

static int fill(struct vdev_migration_plan *plan, const struct vdev_migration_plan_config *c,
		const struct vdev_migration_vm *vm, const struct vdev_migration_host *host)
{
	struct vdev_migration_place places[VDEV_MIGRATION_MAX_DEVICES];
	struct vdev_migration *planner;
	uint64_t handle;
	int error = one_host(&plan->env, c->rules, host, &planner, &handle);

	if (error)
		return error;
	error = vdev_migration_assign(planner, vm, handle, NULL, 0, places, sizeof(places[0]));
	for (uint32_t i = 0; error >= 0 && i < plan->count; i++)
		fill_device(&plan->devices[i], planner->rules, &vm->devices[i], &places[i], host);
	vdev_migration_free(planner);
	if (error < 0)
		return error;
	plan->flags = c->flags;
	vdev__migration_deadlines(plan->deadline_ns);
	for (uint32_t i = 0; i < VDEV_MIGRATION_STEPS; i++)
		if (c->deadline_ns[i])
			plan->deadline_ns[i] = c->deadline_ns[i];
	return vdev__migration_steps(plan);
}

int vdev_migration_plan_new(struct vdev_migration_plan **ret_plan, const struct vdev_env *env,
			    const struct vdev_migration_plan_config *config,
			    const struct vdev_migration_vm *vm,
			    const struct vdev_migration_host *host)
{
	struct vdev_migration_plan_config c;
	struct vdev_migration_plan *plan;
	struct vdev_migration_host h;
	struct vdev_migration_vm v;
	struct vdev_env e;
	int error;

	if (!ret_plan || !vm || !host)
		return -EINVAL;
	error = vdev__env_copy(&e, env);
	if (!error)
		error = take_config(&c, config);
	if (!error)
		error = vdev__migration_vm_ok(&v, vm);
	if (!error)
		error = vdev__migration_host_ok(&h, host);
	if (error)
		return error;
	error = vdev__migration_plan_make(&plan, &e, v.device_count);
	if (error)
		return error;
	error = fill(plan, &c, &v, &h);
	if (error) {
		vdev_migration_plan_free(plan);
		return error;
	}
	*ret_plan = plan;
	return 0;
}

uint32_t vdev__migration_plan_verdict(const struct vdev_migration_plan *plan)
{
	uint32_t worst = VDEV_MIGRATION_LIVE;

	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->devices[i].place.verdict > worst)
			worst = plan->devices[i].place.verdict;
	return worst;
}

int vdev_migration_plan_get(const struct vdev_migration_plan *plan,
			    struct vdev_migration_plan_info *ret_info, size_t size)
{
	struct vdev_migration_plan_info i = {.no_return = VDEV_MIGRATION_UNKNOWN};

	if (!plan || !ret_info || !size)
		return -EINVAL;
	i.verdict = vdev__migration_plan_verdict(plan);
	i.flags = plan->flags;
	i.devices = plan->count;
	i.steps = plan->step_count;
	for (uint32_t k = 0; k < plan->step_count; k++) {
		const struct vdev_migration_step *s = &plan->steps[k];

		if (s->flags & VDEV_MIGRATION_POINT_OF_NO_RETURN)
			i.no_return = k;
		if (s->flags & VDEV_MIGRATION_BLACKOUT)
			i.blackout_ns = vdev__sat_add(i.blackout_ns, s->deadline_ns);
	}
	return vdev__copy_out(ret_info, size, &i, sizeof(i));
}

int vdev_migration_plan_device(const struct vdev_migration_plan *plan, uint32_t device,
			       struct vdev_migration_place *ret_place, size_t size,
			       const struct vdev_migration_device **ret_source,
			       const struct vdev_migration_device **ret_destination)
{
	const struct planned *d;

	if (!plan || !ret_place || !size)
		return -EINVAL;
	if (device >= plan->count)
		return -ENOENT;
	d = &plan->devices[device];
	if (ret_source)
		*ret_source = &d->source;
	if (ret_destination)
		*ret_destination = d->has_destination ? &d->destination : NULL;
	vdev__copy_out(ret_place, size, &d->place, sizeof(d->place));
	return (int)d->count;
}

int vdev_migration_plan_difference(const struct vdev_migration_plan *plan, uint32_t device,
				   uint32_t index, struct vdev_migration_difference *ret_difference,
				   size_t size)
{
	const struct planned *d;

	if (!plan || !ret_difference || !size)
		return -EINVAL;
	if (device >= plan->count || index >= plan->devices[device].count)
		return -ENOENT;
	d = &plan->devices[device];
	return vdev__copy_out(ret_difference, size, &d->difference[index],
			      sizeof(d->difference[index]));
}

int vdev_migration_plan_step(const struct vdev_migration_plan *plan, uint32_t index,
			     struct vdev_migration_step *ret_step, size_t size)
{
	if (!plan || !ret_step || !size)
		return -EINVAL;
	if (index >= plan->step_count)
		return -ENOENT;
	return vdev__copy_out(ret_step, size, &plan->steps[index], sizeof(plan->steps[index]));
}
