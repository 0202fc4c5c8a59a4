/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts from device workers: one look without a lock, one system call.
 *
 * Masking. Who finds the vector masked marks it pending, then looks again; who unmasks publishes the message, then takes
 * the mark. All four are sequentially consistent, so at least one of the two sees the other, and as the
 * mark is taken by exchange exactly one of them delivers.
 *
 * Vectors change hands: a device is renamed, or goes and its memory serves the next one. The mark is a handle, and it is set
 * only in the place of one that was read before the gate was found open: that was nobody's, or of a device before. So who comes
 * late does not overwrite what the next owner has been promised, and what a late one leaves there means nothing to others.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "msi.h"

/* 0, VDEV_KVM_GATED or -ENOENT. The gate is looked at last: what was read was the device's while it was open. */
static int look(const struct vdev_kvm *kvm, uint64_t dev, uint32_t vector, struct vector **ret_v,
		struct vdev_kvm_msi *m)
{
	uint32_t slot = vdev__slots_find(&kvm->open, dev);
	struct vector *v;

	if (slot == VDEV__NO_SLOT)
		return VDEV_KVM_GATED;
	v = vdev__kvm_vector(atomic_load_explicit(&kvm->blocks[slot], memory_order_acquire),
			     vector);
	m->flags = 0;
	if (v)
		vdev__kvm_read_msi(v, m);
	if (atomic_load_explicit(&kvm->open.keys[slot], memory_order_acquire) != dev)
		return VDEV_KVM_GATED;
	*ret_v = v;
	return m->flags ? 0 : -ENOENT;
}

static int by_ioctl(struct vdev_kvm *kvm, const struct vdev_kvm_msi *m)
{
	struct kvm_msi arg = {
		.address_lo = (uint32_t)m->address,
		.address_hi = (uint32_t)(m->address >> 32),
		.data = m->data,
		.flags = m->flags & VDEV_KVM_MSI_DEVID ? KVM_MSI_VALID_DEVID : 0,
		.devid = m->devid,
	};
	int ret = vdev__kvm_ioctl(kvm, kvm->config.vm_fd, KVM_SIGNAL_MSI, &arg);
	char text[VDEV__KVM_ERROR_SIZE];

	if (ret > 0)
		return VDEV_KVM_DELIVERED;
	/* KVM's -1, "nobody there", comes out as EPERM. */
	if (!ret || ret == -EPERM)
		return VDEV_KVM_BLOCKED;
	snprintf(text, sizeof(text), "KVM_SIGNAL_MSI (address 0x%" PRIx64 ", data 0x%" PRIx32,
		 m->address, m->data);
	/* Not an error of the VMM: the message is the guest's, and may be wrong a million times. */
	vdev__kvm_failed(kvm, VDEV_LOG_DEBUG, text, ret);
	return ret;
}

static int by_eventfd(struct vdev_kvm *kvm, const struct vdev_kvm_msi *m)
{
	const uint64_t one = 1;
	char text[VDEV__KVM_ERROR_SIZE];
	int saved = errno, err = 0;

	if (m->fd < 0)
		return -EOPNOTSUPP;
	/* It fails or waits for room only when it is full: then the interrupt comes anyway. */
	if (write(m->fd, &one, sizeof(one)) < 0 && errno != EAGAIN && errno != EINTR)
		err = -errno;
	errno = saved;
	if (!err)
		return VDEV_KVM_DELIVERED;
	snprintf(text, sizeof(text), "write (eventfd %" PRId32 " of gsi %" PRIu32, m->fd, m->gsi);
	vdev__kvm_failed(kvm, VDEV_LOG_ERROR, text, err);
	return err;
}

int vdev__kvm_deliver(struct vdev_kvm *kvm, const struct vdev_kvm_msi *m)
{
	int how = vdev__kvm_routed(m) ? by_eventfd(kvm, m) : by_ioctl(kvm, m);

	if (how == VDEV_KVM_DELIVERED)
		atomic_fetch_add_explicit(&kvm->signalled, 1, memory_order_relaxed);
	else if (how == VDEV_KVM_BLOCKED)
		atomic_fetch_add_explicit(&kvm->blocked, 1, memory_order_relaxed);
	return how;
}

/* The message to deliver now (0), or why not. 1 in `ret_owed`: it must be, as somebody may have been answered MASKED. */
static int take(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector, struct vdev_kvm_msi *m,
		int *ret_owed)
{
	struct vector *v = NULL;
	int how = look(kvm, dev, vector, &v, m);
	uint64_t mark;

	*ret_owed = 0;
	if (how || !vdev__kvm_masked(m))
		return how;
	mark = atomic_load(&v->pending);
	do {
		how = look(kvm, dev, vector, &v, m);
		if (how || !vdev__kvm_masked(m))
			return how;
	} while (!atomic_compare_exchange_strong(&v->pending, &mark, dev));
	how = look(kvm, dev, vector, &v, m);
	if (how)
		return how;
	if (vdev__kvm_masked(m) || atomic_exchange(&v->pending, 0) != dev)
		return VDEV_KVM_MASKED;
	*ret_owed = 1;
	return 0;
}

int vdev_kvm_signal(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector)
{
	struct vdev_kvm_msi m;
	int how, owed;

	if (!kvm || vector >= VDEV_KVM_MAX_VECTORS)
		return -EINVAL;
	how = take(kvm, dev, vector, &m, &owed);
	return how ? how : vdev__kvm_deliver(kvm, &m);
}

int vdev_kvm_signal_aimed(struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
			  const struct vdev_msi *programmed, const struct vdev_msi *aimed)
{
	struct vdev_kvm_msi m;
	int how, owed, stale;

	if (!kvm || vector >= VDEV_KVM_MAX_VECTORS || !programmed || !aimed ||
	    programmed->reserved || aimed->reserved)
		return -EINVAL;
	how = take(kvm, dev, vector, &m, &owed);
	if (how)
		return how;
	stale = m.address != programmed->address || m.data != programmed->data;
	if (owed && (stale || vdev__kvm_routed(&m)))
		return vdev__kvm_deliver(kvm, &m); /* as the guest says now */
	if (vdev__kvm_routed(&m))
		return -EOPNOTSUPP;
	if (stale)
		return -ESTALE;
	m.address = aimed->address;
	m.data = aimed->data;
	return vdev__kvm_deliver(kvm, &m);
}

static int readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int saved = errno;
	int ret = poll(&p, 1, 0);

	errno = saved;
	return ret > 0 && p.revents & POLLIN;
}

int vdev_kvm_get_msi(const struct vdev_kvm *kvm, uint64_t dev, uint32_t vector,
		     struct vdev_kvm_msi *ret_msi, size_t size)
{
	struct vector *v = NULL;
	struct vdev_kvm_msi m;

	if (!kvm || vector >= VDEV_KVM_MAX_VECTORS || !ret_msi || !size)
		return -EINVAL;
	if (look(kvm, dev, vector, &v, &m))
		return -ENOENT;
	if (vdev__kvm_masked(&m) &&
	    (atomic_load(&v->pending) == dev || (vdev__kvm_routed(&m) && readable(m.fd))))
		m.flags |= VDEV_KVM_MSI_PENDING;
	return vdev__copy_out(ret_msi, size, &m, sizeof(m));
}
