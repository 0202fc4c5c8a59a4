/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guest programs: messages of vectors, changed together or not at all.
 *
 * In this order: irqfds of vectors that become masked are parked, the table is changed by one ioctl, irqfds of vectors
 * that are no longer masked are attached, the messages are published to device workers, and what was pending is delivered.
 */
#include <errno.h>

#include <linux/kvm.h>

#include "msi.h"

static int bad_msi(const struct vdev_kvm_msi *m)
{
	const uint32_t kinds = VDEV_KVM_MSI_SIGNAL | VDEV_KVM_MSI_ROUTED;
	uint32_t kind = m->flags & kinds;

	if (!m->flags)
		return 0;
	if (m->flags & ~(kinds | VDEV_KVM_MSI_MASKED | VDEV_KVM_MSI_DEVID) || !kind ||
	    kind == kinds)
		return 1;
	if (m->gsi >= VDEV_KVM_MAX_GSIS &&
	    (kind == VDEV_KVM_MSI_ROUTED || m->gsi != VDEV_KVM_NO_GSI))
		return 1;
	return m->fd < -1 || (!(m->flags & VDEV_KVM_MSI_DEVID) && m->devid);
}

/* Any thread: who asks twice gets the same answer twice. */
static int can_signal(struct vdev_kvm *kvm)
{
	void *cap = (void *)(uintptr_t)KVM_CAP_SIGNAL_MSI;
	uint32_t can = atomic_load_explicit(&kvm->can_signal, memory_order_relaxed);

	if (can == SIGNAL_UNKNOWN) {
		/* An old kernel that does not answer this for a VM cannot be asked. */
		can = vdev__kvm_ioctl(kvm, kvm->config.vm_fd, KVM_CHECK_EXTENSION, cap) > 0
			      ? SIGNAL_YES
			      : SIGNAL_NO;
		atomic_store_explicit(&kvm->can_signal, can, memory_order_relaxed);
	}
	return can == SIGNAL_YES;
}

/* 1: a route instead of KVM_SIGNAL_MSI; 0; -EOPNOTSUPP. */
static int fall_back(struct vdev_kvm *kvm, struct vdev_kvm_msi *m)
{
	if (!(m->flags & VDEV_KVM_MSI_SIGNAL) || can_signal(kvm))
		return 0;
	if (m->gsi == VDEV_KVM_NO_GSI)
		return -EOPNOTSUPP;
	m->flags ^= VDEV_KVM_MSI_SIGNAL | VDEV_KVM_MSI_ROUTED;
	return 1;
}

/* The caller's array, whose elements have the size that its header knew. How many fell back, or an error. */
static int read_all(struct vdev_kvm *kvm, const struct vdev_kvm_msi *msis,
		    struct msi_change *changes, uint32_t count)
{
	const size_t stride = msis->struct_size;
	int fell = 0;

	if (stride < sizeof(*msis) || stride % sizeof(uint64_t))
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		const void *in = (const char *)msis + i * stride;
		struct vdev_kvm_msi *m = &changes[i].to;
		int ret = ((const struct vdev_kvm_msi *)in)->struct_size == stride ? 0 : -EINVAL;

		if (!ret)
			ret = vdev__copy_in(m, sizeof(*m), sizeof(*m), in);
		if (!ret)
			ret = bad_msi(m) ? -EINVAL : fall_back(kvm, m);
		if (ret < 0)
			return ret;
		fell += ret;
	}
	return fell;
}

/* What the vectors are now. */
static void read_old(struct device *d, uint32_t vector, struct msi_change *changes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		vdev__kvm_read_msi(vdev__kvm_vector(d->block, vector + i), &changes[i].from);
}

/* All or nothing, as far as KVM lets it. */
static int try_all(struct vdev_kvm *kvm, struct device *d, const struct msi_change *changes,
		   uint32_t count)
{
	int routed = 0;
	int err = vdev__kvm_park_irqfds(kvm, d, changes, count);

	if (!err) {
		err = vdev__kvm_change_routes(kvm, changes, count);
		routed = !err;
	}
	if (!err)
		err = vdev__kvm_unpark_irqfds(kvm, d, changes, count);
	if (!err)
		return 0;
	vdev__kvm_restore_irqfds(kvm, d, changes, count, 0);
	if (routed)
		vdev__kvm_undo_routes(kvm, changes, count);
	vdev__kvm_restore_irqfds(kvm, d, changes, count, 1);
	return err;
}

static int any_routed(const struct msi_change *changes, uint32_t count)
{
	uint32_t flags = 0;

	for (uint32_t i = 0; i < count; i++)
		flags |= changes[i].from.flags | changes[i].to.flags;
	return (flags & VDEV_KVM_MSI_ROUTED) != 0;
}

/* The table is nobody else's until it is sure: what was given up, a GSI or room, may have to be taken back. */
static int apply(struct vdev_kvm *kvm, struct device *d, const struct msi_change *changes,
		 uint32_t count)
{
	int err;

	if (!any_routed(changes, count))
		return 0;
	pthread_mutex_lock(&kvm->routes.lock);
	err = try_all(kvm, d, changes, count);
	pthread_mutex_unlock(&kvm->routes.lock);
	return err;
}

/* Shows one vector to device workers. 1: something was pending and is delivered. */
static int show(struct vdev_kvm *kvm, struct device *d, uint32_t vector, const struct msi_change *c)
{
	const struct vdev_kvm_msi *m = &c->to;
	struct vector *v = vdev__kvm_vector(d->block, vector);

	/* Of a worker that found no message any more when it looked again. */
	if (!c->from.flags)
		atomic_store(&v->pending, 0);
	vdev__kvm_publish_msi(v, m);
	if (vdev__kvm_masked(m) || atomic_exchange(&v->pending, 0) != d->dev)
		return 0;
	/* For a vector without a message there is nothing to deliver any more. */
	if (!m->flags)
		return 0;
	return vdev__kvm_deliver(kvm, m) == VDEV_KVM_DELIVERED;
}

/* Applies and shows. How many were pending, or an error. */
static int change_vectors(struct vdev_kvm *kvm, struct device *d, uint32_t vector,
			  struct msi_change *changes, uint32_t count)
{
	uint32_t before = 0, after = 0;
	int delivered = 0;
	int err = apply(kvm, d, changes, count);

	if (err)
		return err;
	for (uint32_t i = 0; i < count; i++) {
		before += changes[i].from.flags != 0;
		after += changes[i].to.flags != 0;
		delivered += show(kvm, d, vector + i, &changes[i]);
	}
	if (after == before)
		return delivered;
	pthread_mutex_lock(&kvm->lock);
	kvm->msis += (uint64_t)after - before;
	if (after)
		d->has_msis = 1;
	pthread_mutex_unlock(&kvm->lock);
	return delivered;
}

static int set(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector, struct msi_change *changes,
	       uint32_t count)
{
	struct device *d;
	int err;

	pthread_mutex_lock(&kvm->lock);
	err = vdev__kvm_claim_new(kvm, dev, &d);
	if (err) {
		pthread_mutex_unlock(&kvm->lock);
		return err;
	}
	err = vdev__kvm_make_vectors(kvm, d, vector, count);
	pthread_mutex_unlock(&kvm->lock);
	if (!err) {
		read_old(d, vector, changes, count);
		err = change_vectors(kvm, d, vector, changes, count);
	}
	pthread_mutex_lock(&kvm->lock);
	vdev__kvm_unclaim(kvm, d);
	pthread_mutex_unlock(&kvm->lock);
	return err < 0 ? err : 0;
}

static int read_and_set(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
			const struct vdev_kvm_msi *msis, struct msi_change *changes, uint32_t count)
{
	int fell = read_all(kvm, msis, changes, count);
	int err = fell < 0 ? fell : set(kvm, dev, vector, changes, count);

	if (err || !fell)
		return err;
	pthread_mutex_lock(&kvm->lock);
	kvm->fallbacks += (uint64_t)fell;
	pthread_mutex_unlock(&kvm->lock);
	return 1;
}

int vdev_kvm_set_msis(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
		      const struct vdev_kvm_msi *msis, uint32_t count)
{
	struct msi_change *changes, one;
	int ret;

	if (!kvm || !dev || !msis || vector >= VDEV_KVM_MAX_VECTORS || !count ||
	    count > VDEV_KVM_MAX_VECTORS - vector)
		return -EINVAL;
	if (count == 1) /* mostly */
		return read_and_set(kvm, dev, vector, msis, &one, 1);
	changes = vdev__alloc(&kvm->env, count, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	ret = read_and_set(kvm, dev, vector, msis, changes, count);
	vdev__free(&kvm->env, changes, count * sizeof(*changes));
	return ret;
}

int vdev_kvm_set_msi(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
		     const struct vdev_kvm_msi *msi)
{
	return vdev_kvm_set_msis(kvm, dev, vector, msi, 1);
}

/* The device is claimed. */
static int mask(struct vdev_kvm *kvm, struct device *d, uint32_t vector, uint32_t masked)
{
	struct vector *v = vdev__kvm_vector(d->block, vector);
	struct msi_change c = {.from.flags = 0};

	if (v)
		vdev__kvm_read_msi(v, &c.from);
	if (!c.from.flags)
		return -ENOENT;
	c.to = c.from;
	c.to.flags &= ~VDEV_KVM_MSI_MASKED;
	if (masked)
		c.to.flags |= VDEV_KVM_MSI_MASKED;
	return change_vectors(kvm, d, vector, &c, 1);
}

int vdev_kvm_mask_msi(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector, uint32_t masked)
{
	struct device *d;
	int ret, hidden;

	if (!kvm || vector >= VDEV_KVM_MAX_VECTORS || masked > 1)
		return -EINVAL;
	pthread_mutex_lock(&kvm->lock);
	d = vdev__kvm_claim(kvm, dev);
	hidden = d && d->hidden;
	pthread_mutex_unlock(&kvm->lock);
	if (!d)
		return -ENOENT;
	ret = hidden ? -EBUSY : mask(kvm, d, vector, masked);
	pthread_mutex_lock(&kvm->lock);
	vdev__kvm_unclaim(kvm, d);
	pthread_mutex_unlock(&kvm->lock);
	return ret;
}
