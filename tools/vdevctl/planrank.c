/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl plan: which of the destinations is best, and what hinders the others (M11). */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "move.h"

#define WHY_TEXT 512

static struct json_object *counts(const struct vdev_migration_rank *k)
{
	struct json_object *o = json_object_new_object();

	for (uint32_t i = 0; i < VDEV_MIGRATION_VERDICTS; i++)
		json_number(o, vdev_migration_verdict_name(i), k->counts[i]);
	return o;
}

static struct json_object *ranked(const struct planned_move *p, const struct machine *m,
				  const struct vdev_migration_rank *k)
{
	struct json_object *o = json_object_new_object();
	bool has = k->device < p->vm.count;
	struct why w = {.reason = k->reason,
			.field = k->field,
			.rule = k->rule,
			.source = has ? p->vm.want[k->device].device : NULL,
			.destination =
				k->function < m->inventory.count ? &m->devices[k->function] : NULL};
	char text[WHY_TEXT];

	why_text(&p->rules, &w, text, sizeof(text));
	json_text(o, "host", m->shown);
	json_text(o, "verdict", vdev_migration_verdict_name(k->verdict));
	json_object_object_add(o, "counts", counts(k));
	json_number(o, "distance", k->distance);
	json_text(o, "device", has ? p->vm.names[k->device] : NULL);
	json_text(o, "reason", has ? vdev_migration_reason_name(k->reason) : NULL);
	json_text(o, "field", k->field < VDEV_MIGRATION_FIELDS ? field_name(k->field) : NULL);
	json_text(o, "why", has ? text : "no devices");
	return o;
}

static int planner(const struct planned_move *p, const struct machine *hosts, uint32_t count,
		   struct vdev_migration **ret)
{
	struct vdev_migration_config c = {.struct_size = sizeof(c),
					  .max_hosts = count,
					  .max_types = 1u << 20,
					  .max_functions = UINT64_C(1) << 32,
					  .rules = p->rules.set};
	int err = vdev_migration_new(ret, NULL, &c);

	for (uint32_t i = 0; i < count && !err; i++) {
		struct vdev_migration_host host = hosts[i].host;
		uint64_t handle;

		host.user_data = i;
		err = vdev_migration_add_host(*ret, &host, &handle);
	}
	return err;
}

static int rank(struct planned_move *p, struct vdev_migration *o, const struct machine *hosts,
		struct vdev_migration_rank *ranks, uint32_t count)
{
	struct vdev_migration_vm vm = {.struct_size = sizeof(vm),
				       .device_count = p->vm.count,
				       .device_size = sizeof(struct vdev_migration_device),
				       .devices = p->vm.want};
	int err = vdev_migration_rank(o, &vm, ranks, sizeof(*ranks), count);

	if (err < 0)
		return err;
	p->ranking = json_object_new_array();
	for (uint32_t i = 0; i < count; i++)
		json_object_array_add(p->ranking, ranked(p, &hosts[ranks[i].user_data], &ranks[i]));
	return 0;
}

int plan_rank(struct planned_move *p, const struct machine *hosts, uint32_t count,
	      uint32_t *ret_best)
{
	struct vdev_migration_rank *ranks = calloc(count, sizeof(*ranks));
	struct vdev_migration *o = NULL;
	int err = ranks ? planner(p, hosts, count, &o) : -ENOMEM;

	if (!err)
		err = rank(p, o, hosts, ranks, count);
	if (!err)
		*ret_best = (uint32_t)ranks[0].user_data;
	vdev_migration_free(o);
	free(ranks);
	return err;
}
