/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl plan: may a VM move, where to, how? A dry run. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "move.h"

void plan_end(struct planned_move *p)
{
	vdev_migration_plan_free(p->plan);
	rules_free(&p->rules);
	vm_free(&p->vm);
	json_object_put(p->ranking);
	json_object_put(p->tree);
	memset(p, 0, sizeof(*p));
}

static int make(struct planned_move *p, const struct machine *source, const struct machine *to)
{
	struct vdev_migration_plan_config c = {
		.struct_size = sizeof(c), .flags = p->vm.flags, .rules = p->rules.set};
	struct vdev_migration_vm vm = {.struct_size = sizeof(vm),
				       .device_count = p->vm.count,
				       .device_size = sizeof(struct vdev_migration_device),
				       .devices = p->vm.want};

	memcpy(c.deadline_ns, p->vm.deadline_ns, sizeof(c.deadline_ns));
	memcpy(p->source, source->shown, sizeof(p->source));
	memcpy(p->destination, to->shown, sizeof(p->destination));
	return vdev_migration_plan_new(&p->plan, NULL, &c, &vm, &to->host);
}

static int show(const struct planned_move *p, bool json)
{
	struct vdev_migration_plan_info info;
	struct json_object *tree = NULL;
	int err = vdev_migration_plan_get(p->plan, &info, sizeof(info));

	if (!err && !json)
		err = plan_table(p);
	if (!err && json) {
		tree = p->tree ? json_object_get(p->tree) : plan_to_json(p);
		err = tree ? print_json(tree) : -ENOMEM;
	}
	return result_end(err, verdict_status(info.verdict));
}

static int decide(const struct plan_options *o, struct planned_move *p,
		  const struct machine *source, const struct machine *hosts)
{
	uint32_t best = 0;
	int status = vm_place(&p->vm, o->vm, source), err;

	if (status)
		return status;
	err = plan_rank(p, hosts, o->count, &best);
	if (!err)
		err = make(p, source, &hosts[best]);
	if (!err)
		return show(p, o->json);
	fprintf(stderr, "vdevctl: cannot make a plan: %s\n", strerror(-err));
	return STATUS_FAILED;
}

static int plan(const struct plan_options *o, struct planned_move *p)
{
	struct machine *hosts = calloc(o->count, sizeof(*hosts)), source = {0};
	int status = hosts ? rules_read(o->rules, &p->rules) : STATUS_FAILED;

	if (!status)
		status = vm_read(o->vm, &p->vm);
	if (!status)
		status = machine_read(o->source, o->reader, o->vfio, &source);
	for (uint32_t i = 0; i < o->count && !status; i++)
		status = machine_read(o->destinations[i], o->reader, o->vfio, &hosts[i]);
	if (!status)
		status = decide(o, p, &source, hosts);
	for (uint32_t i = 0; hosts && i < o->count; i++)
		machine_free(&hosts[i]);
	machine_free(&source);
	free(hosts);
	return status;
}

int plan_run(const struct plan_options *o)
{
	struct planned_move *p = calloc(1, sizeof(*p));
	int status = STATUS_FAILED;

	if (!p)
		return status;
	if (!o->verify && !o->show) {
		status = plan(o, p);
	} else {
		status = plan_read(o->verify ? o->verify : o->show, p);
		if (!status)
			status = o->verify ? plan_verify(o, p) : show(p, o->json);
	}
	plan_end(p);
	free(p);
	return status;
}
