/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: what its files share. */
#ifndef VDEV__MIGRATION_INTERNAL_H
#define VDEV__MIGRATION_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <vdev/migration.h>

#include "env.h"

/* All that may be said of a device of a VM. */
#define VDEV__MIGRATION_FACTS (VDEV_MIGRATION_SOFTWARE | VDEV_MIGRATION_NO_REBUILD)

/* field.c. `field` is in range. */
const struct vdev_migration_field *vdev__migration_field(uint32_t field);
uint64_t vdev__migration_number(const struct vdev_migration_device *d, uint32_t field);
const char *vdev__migration_string(const struct vdev_migration_device *d, uint32_t field);

/* The same value, or neither is known. */
bool vdev__migration_same(const struct vdev_migration_device *a,
			  const struct vdev_migration_device *b, uint32_t field);

/* device.c: -EINVAL, -E2BIG, or 0: texts end, counts are in range. */
int vdev__migration_device_ok(const struct vdev_migration_device *d, size_t size);

static inline bool vdev__migration_known(const struct vdev_migration_device *d, uint32_t field)
{
	return d->known >> field & 1;
}

#endif
