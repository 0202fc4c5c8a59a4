/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: a plan as its files see it. */
#ifndef VDEV__MIGRATION_PLAN_H
#define VDEV__MIGRATION_PLAN_H

#include "planner.h"

#define PLAN_IMAGE_VERSION 1u
#define MAX_DEADLINE (UINT64_C(1) << 62)

struct planned {
	struct vdev_migration_place place;
	struct vdev_migration_device source;
	struct vdev_migration_device destination; /* or that of the reason */
	uint32_t facts; /* VDEV_MIGRATION_SOFTWARE, NO_REBUILD */
	uint32_t node; /* wanted */
	uint32_t has_destination;
	uint32_t count; /* of differences */
	struct vdev_migration_difference difference[VDEV_MIGRATION_FIELDS];
};

struct vdev_migration_plan {
	struct vdev_env env;
	uint32_t flags;
	uint32_t count;
	struct planned *devices; /* NULL if there are none */
	struct vdev_migration_step *steps; /* NULL with REFUSE */
	uint32_t step_count, step_size;
	uint64_t deadline_ns[VDEV_MIGRATION_STEPS];
};

static inline bool vdev__migration_placed(const struct planned *d)
{
	return d->place.address != VDEV_NONE;
}

/* plan.c: room for the devices, which are zero. -ENOMEM. */
int vdev__migration_plan_make(struct vdev_migration_plan **ret_plan, const struct vdev_env *env,
			      uint32_t count);
uint32_t vdev__migration_plan_verdict(const struct vdev_migration_plan *plan);

/* step.c: the steps follow from devices, flags and deadlines. -ENOMEM. */
int vdev__migration_steps(struct vdev_migration_plan *plan);
void vdev__migration_deadlines(uint64_t *deadline_ns);

#endif
