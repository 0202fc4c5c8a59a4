/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: which functions of a host can be had (M11).
 *
 * An IOMMU group goes to one VM or to none: the kernel lets VFIO open a group only if all of it is VFIO's or
 * nobody's (Documentation/driver-api/vfio.rst). So a group of which somebody uses a part cannot be had, bridges do not
 * count, and several functions of one group may go to one VM. A PF with VFs cannot be had either: whoever has it
 * rules over them.
 */
#include "planner.h"

static bool in_group(const struct vdev_migration_device *d)
{
	return d->iommu_group != VDEV_MIGRATION_UNKNOWN;
}

/* Used by somebody else than us: `own` holds the addresses of what we have claimed. */
static bool foreign(const struct vdev_migration_device *d, const uint64_t *own, uint32_t owns)
{
	if (d->use != VDEV_MIGRATION_USED)
		return false;
	for (uint32_t i = 0; i < owns; i++)
		if (own[i] == d->address)
			return false;
	return true;
}

static int note_groups(struct vdev__hash *used, const struct vdev_migration_host *host,
		       const uint64_t *own, uint32_t owns)
{
	int error = 0;

	for (uint32_t i = 0; i < host->device_count && !error; i++) {
		const struct vdev_migration_device *d = vdev__migration_device_at(host, i);

		if (in_group(d) && foreign(d, own, owns))
			error = vdev__hash_put(used, d->iommu_group, 1);
	}
	return error;
}

static uint32_t mark(const struct vdev__hash *used, const struct vdev_migration_device *d,
		     const uint64_t *own, uint32_t owns)
{
	uint32_t ignored;

	if (d->use == VDEV_MIGRATION_BRIDGE)
		return HAVE_NEVER;
	if (foreign(d, own, owns) ||
	    (in_group(d) && vdev__hash_get(used, d->iommu_group, &ignored)))
		return HAVE_TAKEN;
	if (vdev__migration_known(d, VDEV_MIGRATION_F_SRIOV_VFS) && d->sriov_vfs)
		return HAVE_TAKEN;
	return HAVE_FREE;
}

int vdev__migration_availability(const struct vdev_env *env, const struct vdev_migration_host *host,
				 const uint64_t *own, uint32_t owns, uint32_t *marks)
{
	struct vdev__hash used;
	int error;

	vdev__hash_init(&used, env);
	error = note_groups(&used, host, own, owns);
	for (uint32_t i = 0; i < host->device_count && !error; i++)
		marks[i] = mark(&used, vdev__migration_device_at(host, i), own, owns);
	vdev__hash_fini(&used);
	return error;
}
