/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: a VM that is asked about. */
#include "planner.h"

static int want_ok(const struct vdev_migration_want *w, size_t device_size)
{
	if (w->flags & ~VDEV__MIGRATION_FACTS)
		return -EINVAL;
	return vdev__migration_device_ok(w->device, device_size);
}

int vdev__migration_vm_ok(struct vdev_migration_vm *ret_vm, const struct vdev_migration_vm *vm)
{
	struct vdev_migration_vm v;
	int error = vdev__copy_in(&v, sizeof(v), sizeof(v), vm);

	if (error)
		return error;
	if (v.flags || v.reserved || v.device_count > VDEV_MIGRATION_MAX_DEVICES ||
	    (v.device_count && !v.devices))
		return -EINVAL;
	for (uint32_t i = 0; i < v.device_count && !error; i++)
		error = want_ok(&v.devices[i], v.device_size);
	if (!error)
		*ret_vm = v;
	return error;
}

static void release(struct vdev_migration *o, const struct asked *a, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		vdev__migration_release(o, a->type[i]);
}

int vdev__migration_ask(struct vdev_migration *o, const struct vdev_migration_vm *vm,
			struct asked *ret_asked)
{
	int error = vdev__migration_vm_ok(&ret_asked->vm, vm);

	for (uint32_t i = 0; !error && i < ret_asked->vm.device_count; i++) {
		error = vdev__migration_intern(o, ret_asked->vm.devices[i].device,
					       &ret_asked->type[i]);
		if (error)
			release(o, ret_asked, i);
	}
	return error;
}

void vdev__migration_asked(struct vdev_migration *o, const struct asked *a)
{
	release(o, a, a->vm.device_count);
}
