/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * irqfds of masked vectors.
 *
 * An event that finds no route is lost in KVM. So the irqfd of a masked vector is parked: it is detached while its
 * route still stands, its eventfd counts what comes, and KVM finds that when the irqfd is attached again.
 * Source: Documentation/virt/kvm/api.rst, KVM_IRQFD; virt/kvm/eventfd.c looks at the eventfd when it is assigned.
 */
#include "msi.h"

static const struct vdev__kvm_call *irqfd_call(void)
{
	return &vdev__kvm_calls()[VDEV__KVM_FIRST_EVENT];
}

static int masks(const struct msi_change *c)
{
	return vdev__kvm_routed(&c->to) && vdev__kvm_masked(&c->to);
}

/* Whether one of the vectors will be masked and have this GSI, which may have come from another of them. */
static int to_be_parked(const struct msi_change *changes, uint32_t count, uint32_t gsi)
{
	for (uint32_t i = 0; i < count; i++)
		if (masks(&changes[i]) && changes[i].to.gsi == gsi)
			return 1;
	return 0;
}

static void set_attached(struct vdev_kvm *kvm, struct resource *res, int attached)
{
	pthread_mutex_lock(&kvm->lock);
	kvm->attached[IRQFD] += (uint64_t)attached - (res->attached != 0);
	res->attached = attached ? PART_ONLY : 0;
	res->parked = !attached;
	pthread_mutex_unlock(&kvm->lock);
}

/* 0 when it is as it should be now. */
static int settle(struct vdev_kvm *kvm, struct device *d, struct resource *res, int attach)
{
	int err;

	if (attach ? !res->parked : !res->attached)
		return 0;
	err = vdev__kvm_run(kvm, irqfd_call(), res, attach);
	if (err && (attach || err != -ENOENT))
		return err;
	set_attached(kvm, res, attach);
	d->moved = 1;
	return 0;
}

static int settle_gsi(struct vdev_kvm *kvm, struct device *d, uint32_t gsi, int attach)
{
	int first_err = 0;

	for (uint32_t i = 0; i < d->count; i++) {
		struct resource *res = &d->resources[i];
		int err = 0;

		if (res->type == IRQFD && res->u.irqfd.gsi == gsi)
			err = settle(kvm, d, res, attach);
		if (!first_err)
			first_err = err;
	}
	return first_err;
}

int vdev__kvm_park_irqfds(struct vdev_kvm *kvm, struct device *d, const struct msi_change *changes,
			  uint32_t count)
{
	int err = 0;

	d->moved = 0;
	for (uint32_t i = 0; !err && i < count; i++)
		if (masks(&changes[i]))
			err = settle_gsi(kvm, d, changes[i].to.gsi, 0);
	return err;
}

int vdev__kvm_unpark_irqfds(struct vdev_kvm *kvm, struct device *d,
			    const struct msi_change *changes, uint32_t count)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < 2 * count; i++) {
		const struct msi_change *c = &changes[i / 2];
		const struct vdev_kvm_msi *m = i & 1 ? &c->to : &c->from;

		if (vdev__kvm_routed(m) && !to_be_parked(changes, count, m->gsi))
			err = settle_gsi(kvm, d, m->gsi, 1);
	}
	return err;
}

void vdev__kvm_restore_irqfds(struct vdev_kvm *kvm, struct device *d,
			      const struct msi_change *changes, uint32_t count, int attach)
{
	/* Mostly nothing has: each look below is at all vectors. */
	for (uint32_t i = 0; d->moved && i < 2 * count; i++) {
		const struct msi_change *c = &changes[i / 2];
		const struct vdev_kvm_msi *m = i & 1 ? &c->to : &c->from;

		if (vdev__kvm_routed(m) && vdev__kvm_gsi_masked(d, m->gsi) == !attach)
			settle_gsi(kvm, d, m->gsi, attach);
	}
}
