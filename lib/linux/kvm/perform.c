/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The deeds of the KVM backend, in the order of rule R8.
 *
 *   HIDE            the device leaves the set of open doorbells; no ioctl
 *   DETACH_EVENTS   irqfds, then routes of vectors, then ioeventfds
 *   UNMAP_BARS      memory slots
 *   LEAVE_DMA       ranges, then KVM's hold on the group, then the container
 *   TEARDOWN        all three of these
 *   RELEASE         the device is forgotten
 */
/* ANALYZER: calls times resources times whether each failed; nothing is allocated here */
#include <errno.h>

#include <vdev/removal.h>

#include "msi.h"

static int hide(struct vdev_kvm *kvm, uint64_t dev)
{
	struct device *d;

	pthread_mutex_lock(&kvm->lock);
	d = vdev__kvm_find(kvm, dev);
	if (d)
		vdev__kvm_gate(kvm, d);
	pthread_mutex_unlock(&kvm->lock);
	return 0;
}

/* 0 when it is gone now or was so already. */
static int take(struct vdev_kvm *kvm, const struct vdev__kvm_call *call, struct resource *res)
{
	int err = vdev__kvm_run(kvm, call, res, 0);

	if (err && err != -ENOENT)
		return err == -EOPNOTSUPP ? -EIO : err; /* not to be read as "not mine" */
	pthread_mutex_lock(&kvm->lock);
	res->attached &= (uint8_t)~call->part;
	kvm->attached[res->type] -= !res->attached;
	kvm->detached += !err;
	pthread_mutex_unlock(&kvm->lock);
	return 0;
}

/* The first errno. */
static int take_all(struct vdev_kvm *kvm, const struct vdev__kvm_call *call, struct device *d)
{
	int first_err = 0;

	for (uint32_t n = 0; n < d->count; n++) {
		struct resource *res = &d->resources[n];
		int err = 0;

		if (res->type == call->type && res->attached & call->part)
			err = take(kvm, call, res);
		if (!first_err)
			first_err = err;
	}
	return first_err;
}

/* Without their irqfds the routes serve nobody. Vectors are forgotten, and what is parked stays detached. */
static int take_msis(struct vdev_kvm *kvm, struct device *d)
{
	int err = vdev__kvm_drop_routes(kvm, d);

	if (err)
		return err == -EOPNOTSUPP ? -EIO : err;
	pthread_mutex_lock(&kvm->lock);
	vdev__kvm_forget_msis(kvm, d);
	for (uint32_t n = 0; n < d->count; n++)
		d->resources[n].parked = 0;
	pthread_mutex_unlock(&kvm->lock);
	return 0;
}

/* Being busy keeps the device and its resources in place while the lock is not held. */
static int take_apart(struct vdev_kvm *kvm, uint64_t dev, uint32_t first, uint32_t end)
{
	const struct vdev__kvm_call *calls = vdev__kvm_calls();
	int first_err = 0;
	struct device *d;
	uint32_t i;

	pthread_mutex_lock(&kvm->lock);
	d = vdev__kvm_claim(kvm, dev);
	pthread_mutex_unlock(&kvm->lock);
	if (!d)
		return 0;
	for (i = first; i < end; i++) {
		int err = take_all(kvm, &calls[i], d);

		if (!first_err)
			first_err = err;
		err = i == VDEV__KVM_FIRST_EVENT ? take_msis(kvm, d) : 0;
		if (!first_err)
			first_err = err;
	}
	pthread_mutex_lock(&kvm->lock);
	vdev__kvm_unclaim(kvm, d);
	pthread_mutex_unlock(&kvm->lock);
	return first_err;
}

static int release(struct vdev_kvm *kvm, uint64_t dev)
{
	uint32_t left = 0, i;
	struct device *d;

	pthread_mutex_lock(&kvm->lock);
	d = vdev__kvm_claim(kvm, dev);
	if (d) {
		pthread_mutex_unlock(&kvm->lock);
		left = vdev__kvm_forget_routes(kvm, d);
		pthread_mutex_lock(&kvm->lock);
		for (i = 0; i < d->count; i++)
			left += d->resources[i].attached != 0;
		vdev__kvm_forget(kvm, d);
		vdev__kvm_unclaim(kvm, d);
	}
	pthread_mutex_unlock(&kvm->lock);
	if (left)
		vdev__log(&kvm->env, VDEV_LOG_WARNING,
			  "kvm: device 0x%llx is released with %u resources still attached; detach "
			  "them, or they stay until the VM ends",
			  (unsigned long long)dev, left);
	return 0;
}

static int deed(struct vdev_kvm *kvm, uint32_t kind, uint64_t dev)
{
	switch (kind) {
	case VDEV_REMOVAL_HIDE:
		return hide(kvm, dev);
	case VDEV_REMOVAL_DETACH_EVENTS:
		return take_apart(kvm, dev, VDEV__KVM_FIRST_EVENT, VDEV__KVM_FIRST_SLOT);
	case VDEV_REMOVAL_UNMAP_BARS:
		return take_apart(kvm, dev, VDEV__KVM_FIRST_SLOT, VDEV__KVM_FIRST_DMA);
	case VDEV_REMOVAL_LEAVE_DMA:
		return take_apart(kvm, dev, VDEV__KVM_FIRST_DMA, VDEV__KVM_CALLS);
	case VDEV_REMOVAL_TEARDOWN:
		return take_apart(kvm, dev, VDEV__KVM_FIRST_EVENT, VDEV__KVM_CALLS);
	case VDEV_REMOVAL_RELEASE:
		return release(kvm, dev);
	default:
		return -EOPNOTSUPP;
	}
}

/* The backend has no clock: the timeline's order says when. */
static void trace(const struct vdev_kvm *kvm, const struct vdev_action *a, int status)
{
	struct vdev_trace t;

	if (!vdev__tracing(&kvm->env))
		return;
	t = (struct vdev_trace){.dev = a->dev,
				.user_data = a->user_data,
				.id = a->id,
				.part = VDEV_PART_KVM,
				.what = VDEV_TRACE_DONE,
				.kind = a->kind,
				.flags = a->flags,
				.arg = (uint64_t)(int64_t)status};
	kvm->env.trace(kvm->env.user, &t);
}

int vdev_kvm_perform(struct vdev_kvm *kvm, const struct vdev_action *action)
{
	int status;

	if (!kvm || !action)
		return -EINVAL;
	status = deed(kvm, action->kind, action->dev);
	if (status != -EOPNOTSUPP)
		trace(kvm, action, status);
	return status;
}

static int perform(void *backend, const struct vdev_action *action)
{
	return vdev_kvm_perform(backend, action);
}

const struct vdev_backend_ops *vdev_kvm_ops(void)
{
	static const struct vdev_backend_ops ops = {
		.struct_size = sizeof(ops),
		.name = "kvm",
		.perform = perform,
	};

	return &ops;
}
