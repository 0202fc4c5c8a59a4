/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that have resources: found by handle, worked on by one thread at a time. */
#include <errno.h>
#include <string.h>

#include "msi.h"

struct device *vdev__kvm_find(struct vdev_kvm *kvm, uint64_t dev)
{
	uint32_t slot = vdev__slots_find(&kvm->known, dev);

	return slot == VDEV__NO_SLOT ? NULL : &kvm->devices[slot];
}

struct device *vdev__kvm_claim(struct vdev_kvm *kvm, uint64_t dev)
{
	struct device *d = vdev__kvm_find(kvm, dev);

	/* It may be gone, or somewhere else, after the wait. */
	while (d && d->busy) {
		pthread_cond_wait(&kvm->idle, &kvm->lock);
		d = vdev__kvm_find(kvm, dev);
	}
	if (d)
		d->busy = 1;
	return d;
}

int vdev__kvm_claim_new(struct vdev_kvm *kvm, uint64_t dev, struct device **ret_device)
{
	struct device *d = vdev__kvm_claim(kvm, dev);

	if (d && d->hidden) {
		vdev__kvm_unclaim(kvm, d);
		return -EBUSY;
	}
	if (!d) {
		if (kvm->device_count == kvm->config.max_devices)
			return -ENOSPC;
		kvm->device_count++;
		d = &kvm->devices[vdev__slots_put(&kvm->known, dev)];
		*d = (struct device){.dev = dev, .busy = 1};
		vdev__slots_put(&kvm->open, dev);
	}
	*ret_device = d;
	return 0;
}

void vdev__kvm_gate(struct vdev_kvm *kvm, struct device *d)
{
	uint32_t slot = vdev__slots_find(&kvm->open, d->dev);

	d->hidden = 1;
	if (slot == VDEV__NO_SLOT)
		return;
	vdev__slots_del(&kvm->open, slot);
	/* After the handle: who finds no vectors finds no handle, either, when it looks again. */
	atomic_store_explicit(&kvm->blocks[slot], NULL, memory_order_release);
}

void vdev__kvm_forget(struct vdev_kvm *kvm, struct device *d)
{
	uint32_t i;

	for (i = 0; i < d->count; i++)
		kvm->attached[d->resources[i].type] -= d->resources[i].attached != 0;
	d->count = 0;
	vdev__kvm_forget_msis(kvm, d);
	d->has_msis = 0;
}

void vdev__kvm_unclaim(struct vdev_kvm *kvm, struct device *d)
{
	d->busy = 0;
	if (!d->count && !d->has_msis) {
		vdev__kvm_gate(kvm, d);
		if (d->block) {
			d->block->next = kvm->spare;
			kvm->spare = d->block;
		}
		vdev__slots_del(&kvm->known, vdev__slots_find(&kvm->known, d->dev));
		vdev__free(&kvm->env, d->resources, d->capacity * sizeof(*d->resources));
		*d = (struct device){0};
		kvm->device_count--;
	}
	pthread_cond_broadcast(&kvm->idle);
}

int vdev_kvm_rename(struct vdev_kvm *kvm, uint64_t old_dev, uint64_t new_dev)
{
	struct device *d, *to;
	uint32_t slot;
	int err = 0;

	if (!kvm || !old_dev || !new_dev)
		return -EINVAL;
	pthread_mutex_lock(&kvm->lock);
	d = vdev__kvm_claim(kvm, old_dev);
	if (!d) {
		err = -ENOENT;
	} else if (vdev__slots_find(&kvm->known, new_dev) != VDEV__NO_SLOT) {
		err = -EEXIST;
	} else {
		to = &kvm->devices[vdev__slots_put(&kvm->known, new_dev)];
		*to = *d;
		to->dev = new_dev;
		to->hidden = 0;
		/* In this order: no moment at which the vectors are served under both names. See signal.c. */
		vdev__kvm_gate(kvm, d);
		vdev__kvm_rename_pending(to, old_dev);
		slot = vdev__slots_put(&kvm->open, new_dev);
		atomic_store_explicit(&kvm->blocks[slot], to->block, memory_order_release);
		vdev__slots_del(&kvm->known, vdev__slots_find(&kvm->known, old_dev));
		*d = (struct device){0};
		d = to;
	}
	if (d)
		vdev__kvm_unclaim(kvm, d);
	pthread_mutex_unlock(&kvm->lock);
	return err;
}

int vdev_kvm_gated(const struct vdev_kvm *kvm, uint64_t dev)
{
	if (!kvm)
		return -EINVAL;
	return vdev__slots_find(&kvm->open, dev) == VDEV__NO_SLOT;
}
