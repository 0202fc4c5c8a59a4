/* SPDX-License-Identifier: BSD-3-Clause */
/* Registration of resources: checked, attached if asked, remembered. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "msi.h"
#include "sat.h"

/* Room for one more, so that nothing can fail after the ioctl was made. */
static int make_room(struct vdev_kvm *kvm, struct device *d)
{
	uint32_t capacity = d->capacity ? d->capacity * 2 : 4;
	struct resource *grown;

	if (d->count < d->capacity)
		return 0;
	grown = vdev__grow(&kvm->env, d->resources, d->capacity, capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	d->resources = grown;
	d->capacity = capacity;
	return 0;
}

/* Attaches it, or takes it apart. */
static int make_call(struct vdev_kvm *kvm, const struct resource *res, int attach)
{
	const struct vdev__kvm_call *call = vdev__kvm_calls();
	int err;

	while (call->type != res->type)
		call++;
	pthread_mutex_unlock(&kvm->lock);
	err = vdev__kvm_run(kvm, call, res, attach);
	pthread_mutex_lock(&kvm->lock);
	return err;
}

/* An irqfd of a masked vector waits, detached, until that is unmasked: see irqfd.c. */
static int attach_or_park(struct vdev_kvm *kvm, struct device *d, struct resource *res,
			  uint32_t flags)
{
	int err;

	if (res->type != IRQFD || !vdev__kvm_gsi_masked(d, res->u.irqfd.gsi))
		return flags & VDEV_KVM_ATTACH ? make_call(kvm, res, 1) : 0;
	err = flags & VDEV_KVM_ATTACH ? 0 : make_call(kvm, res, 0);
	if (err && err != -ENOENT)
		return err;
	res->attached = 0;
	res->parked = 1;
	return 0;
}

static int add(struct vdev_kvm *kvm, uint64_t dev, struct resource *res, uint32_t flags)
{
	struct device *d;
	int err;

	pthread_mutex_lock(&kvm->lock);
	err = vdev__kvm_claim_new(kvm, dev, &d);
	if (!err) {
		err = make_room(kvm, d);
		if (!err)
			err = attach_or_park(kvm, d, res, flags);
		if (!err) {
			d->resources[d->count++] = *res;
			kvm->attached[res->type] += res->attached != 0;
		}
		vdev__kvm_unclaim(kvm, d);
	}
	pthread_mutex_unlock(&kvm->lock);
	return err;
}

int vdev_kvm_add_irqfd(struct vdev_kvm *kvm, uint64_t dev, const struct vdev_kvm_irqfd *irqfd)
{
	struct resource res = {.type = IRQFD, .attached = PART_ONLY};
	struct vdev_kvm_irqfd *r = &res.u.irqfd;
	int err = vdev__copy_in(r, sizeof(*r), sizeof(*r), irqfd);

	if (err)
		return err;
	if (!kvm || !dev || r->flags & ~VDEV_KVM_ATTACH || r->fd < 0 || r->resample_fd < -1 ||
	    r->reserved)
		return -EINVAL;
	return add(kvm, dev, &res, r->flags);
}

static int bad_ioeventfd(const struct vdev_kvm_ioeventfd *r)
{
	const uint32_t known = VDEV_KVM_ATTACH | VDEV_KVM_DATAMATCH | VDEV_KVM_PIO;
	uint64_t end = r->flags & VDEV_KVM_PIO ? UINT64_C(0x10000) : UINT64_MAX;

	if (r->flags & ~known || r->fd < 0 || r->reserved)
		return 1;
	if (r->length > 8 || (r->length & (r->length - 1)))
		return 1;
	/* Any length, hence any value, matches a length of 0. */
	if (!r->length && r->flags & VDEV_KVM_DATAMATCH)
		return 1;
	return !vdev__range_ok(r->address, r->length ? r->length : 1, end);
}

int vdev_kvm_add_ioeventfd(struct vdev_kvm *kvm, uint64_t dev,
			   const struct vdev_kvm_ioeventfd *ioeventfd)
{
	struct resource res = {.type = IOEVENTFD, .attached = PART_ONLY};
	struct vdev_kvm_ioeventfd *r = &res.u.ioeventfd;
	int err = vdev__copy_in(r, sizeof(*r), sizeof(*r), ioeventfd);

	if (err)
		return err;
	if (!kvm || !dev || bad_ioeventfd(r))
		return -EINVAL;
	return add(kvm, dev, &res, r->flags);
}

static int bad_memslot(const struct vdev_kvm_memslot *r)
{
	uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;

	if (r->flags & ~(VDEV_KVM_ATTACH | VDEV_KVM_READONLY) || r->reserved)
		return 1;
	if ((r->guest_address | r->size_bytes | r->host_address) & mask)
		return 1;
	return !vdev__range_ok(r->guest_address, r->size_bytes, UINT64_MAX) ||
	       !vdev__range_ok(r->host_address, r->size_bytes, UINT64_MAX);
}

int vdev_kvm_add_memslot(struct vdev_kvm *kvm, uint64_t dev, const struct vdev_kvm_memslot *memslot)
{
	struct resource res = {.type = MEMSLOT, .attached = PART_ONLY};
	struct vdev_kvm_memslot *r = &res.u.memslot;
	int err = vdev__copy_in(r, sizeof(*r), sizeof(*r), memslot);

	if (err)
		return err;
	if (!kvm || !dev || bad_memslot(r))
		return -EINVAL;
	return add(kvm, dev, &res, r->flags);
}

static int bad_dma(const struct vdev_kvm_dma *r)
{
	if (r->container_fd < -1 || r->group_fd < -1 || r->kvm_vfio_fd < -1)
		return 1;
	if (r->container_fd < 0 && r->group_fd < 0)
		return 1;
	if (r->kvm_vfio_fd >= 0 && r->group_fd < 0)
		return 1;
	if (r->container_fd < 0)
		return r->size_bytes != 0;
	return !vdev__range_ok(r->iova, r->size_bytes, UINT64_MAX);
}

int vdev_kvm_add_dma(struct vdev_kvm *kvm, uint64_t dev, const struct vdev_kvm_dma *dma)
{
	struct resource res = {.type = DMA};
	struct vdev_kvm_dma *r = &res.u.dma;
	int err = vdev__copy_in(r, sizeof(*r), sizeof(*r), dma);

	if (err)
		return err;
	if (!kvm || !dev || bad_dma(r))
		return -EINVAL;
	res.attached = (uint8_t)((r->container_fd >= 0 ? PART_RANGE : 0u) |
				 (r->kvm_vfio_fd >= 0 ? PART_KVM_GROUP : 0u) |
				 (r->group_fd >= 0 ? PART_GROUP : 0u));
	return add(kvm, dev, &res, 0);
}
