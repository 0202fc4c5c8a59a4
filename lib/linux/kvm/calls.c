/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ioctls of the KVM backend, each with its words for people.
 *
 * What is detached is named by the same parameters as when it was attached: KVM compares them all.
 * Sources: Documentation/virt/kvm/api.rst (4.25, 4.59, 4.75), Documentation/virt/kvm/devices/vfio.rst,
 * Documentation/driver-api/vfio.rst.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>
#include <linux/vfio.h>

#include "internal.h"

int vdev__kvm_ioctl(const struct vdev_kvm *kvm, int fd, unsigned long request, void *argument)
{
	int saved = errno;
	int ret;

	if (kvm->config.ioctl) {
		ret = kvm->config.ioctl(kvm->config.user, fd, request, argument);
	} else {
		do
			ret = ioctl(fd, request, argument);
		while (ret < 0 && errno == EINTR);
		ret = ret < 0 ? -errno : ret;
	}
	errno = saved;
	return ret;
}

static int call_ioctl(const struct vdev_kvm *kvm, int fd, unsigned long request, void *argument)
{
	int ret = vdev__kvm_ioctl(kvm, fd, request, argument);

	return ret < 0 ? ret : 0;
}

static int run_irqfd(struct vdev_kvm *kvm, const struct resource *res, int attach)
{
	const struct vdev_kvm_irqfd *r = &res->u.irqfd;
	struct kvm_irqfd arg = {.fd = (uint32_t)r->fd, .gsi = r->gsi};

	if (!attach) {
		arg.flags = KVM_IRQFD_FLAG_DEASSIGN;
	} else if (r->resample_fd >= 0) {
		arg.flags = KVM_IRQFD_FLAG_RESAMPLE;
		arg.resamplefd = (uint32_t)r->resample_fd;
	}
	return call_ioctl(kvm, kvm->config.vm_fd, KVM_IRQFD, &arg);
}

static void describe_irqfd(const struct resource *res, int attach, char *buf, size_t size)
{
	const struct vdev_kvm_irqfd *r = &res->u.irqfd;
	int used = snprintf(buf, size, "KVM_IRQFD (%s, gsi %" PRIu32 ", fd %" PRId32,
			    attach ? "assign" : "deassign", r->gsi, r->fd);

	if (r->resample_fd >= 0)
		snprintf(buf + used, size - (size_t)used, ", resample fd %" PRId32, r->resample_fd);
}

static int run_ioeventfd(struct vdev_kvm *kvm, const struct resource *res, int attach)
{
	const struct vdev_kvm_ioeventfd *r = &res->u.ioeventfd;
	struct kvm_ioeventfd arg = {.addr = r->address, .len = r->length, .fd = r->fd};

	if (r->flags & VDEV_KVM_DATAMATCH) {
		arg.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
		arg.datamatch = r->datamatch;
	}
	if (r->flags & VDEV_KVM_PIO)
		arg.flags |= KVM_IOEVENTFD_FLAG_PIO;
	if (!attach)
		arg.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	return call_ioctl(kvm, kvm->config.vm_fd, KVM_IOEVENTFD, &arg);
}

static void describe_ioeventfd(const struct resource *res, int attach, char *buf, size_t size)
{
	const struct vdev_kvm_ioeventfd *r = &res->u.ioeventfd;
	int used = snprintf(
		buf, size, "KVM_IOEVENTFD (%s, %s 0x%" PRIx64 ", length %" PRIu32 ", fd %" PRId32,
		attach ? "assign" : "deassign", r->flags & VDEV_KVM_PIO ? "port" : "address",
		r->address, r->length, r->fd);

	if (r->flags & VDEV_KVM_DATAMATCH)
		snprintf(buf + used, size - (size_t)used, ", datamatch 0x%" PRIx64, r->datamatch);
}

static int run_memslot(struct vdev_kvm *kvm, const struct resource *res, int attach)
{
	const struct vdev_kvm_memslot *r = &res->u.memslot;
	struct kvm_userspace_memory_region arg = {
		.slot = r->slot,
		.guest_phys_addr = r->guest_address,
		.userspace_addr = r->host_address,
	};

	if (attach) {
		arg.flags = r->flags & VDEV_KVM_READONLY ? KVM_MEM_READONLY : 0;
		arg.memory_size = r->size_bytes;
	}
	return call_ioctl(kvm, kvm->config.vm_fd, KVM_SET_USER_MEMORY_REGION, &arg);
}

static void describe_memslot(const struct resource *res, int attach, char *buf, size_t size)
{
	const struct vdev_kvm_memslot *r = &res->u.memslot;

	snprintf(buf, size,
		 "KVM_SET_USER_MEMORY_REGION (%s, slot %" PRIu32 ", guest address 0x%" PRIx64
		 ", size 0x%" PRIx64,
		 attach ? "add" : "delete", r->slot, r->guest_address, r->size_bytes);
}

static int run_range(struct vdev_kvm *kvm, const struct resource *res, int attach)
{
	const struct vdev_kvm_dma *r = &res->u.dma;
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.iova = r->iova,
		.size = r->size_bytes,
	};
	int err = call_ioctl(kvm, r->container_fd, VFIO_IOMMU_UNMAP_DMA, &arg);

	/* It returns the bytes that were mapped: none left is what was wanted. */
	return err || arg.size ? err : -ENOENT;
}

static void describe_range(const struct resource *res, int attach, char *buf, size_t size)
{
	const struct vdev_kvm_dma *r = &res->u.dma;

	snprintf(buf, size,
		 "VFIO_IOMMU_UNMAP_DMA (container fd %" PRId32 ", iova 0x%" PRIx64
		 ", size 0x%" PRIx64,
		 r->container_fd, r->iova, r->size_bytes);
}

static int run_kvm_group(struct vdev_kvm *kvm, const struct resource *res, int attach)
{
	int32_t group_fd = res->u.dma.group_fd;
	struct kvm_device_attr arg = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = KVM_DEV_VFIO_GROUP_DEL,
		.addr = (uint64_t)(uintptr_t)&group_fd,
	};

	return call_ioctl(kvm, res->u.dma.kvm_vfio_fd, KVM_SET_DEVICE_ATTR, &arg);
}

static void describe_kvm_group(const struct resource *res, int attach, char *buf, size_t size)
{
	snprintf(buf, size,
		 "KVM_SET_DEVICE_ATTR (KVM_DEV_VFIO_GROUP_DEL, VFIO device fd %" PRId32
		 ", group fd %" PRId32,
		 res->u.dma.kvm_vfio_fd, res->u.dma.group_fd);
}

static int run_group(struct vdev_kvm *kvm, const struct resource *res, int attach)
{
	return call_ioctl(kvm, res->u.dma.group_fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

static void describe_group(const struct resource *res, int attach, char *buf, size_t size)
{
	snprintf(buf, size, "VFIO_GROUP_UNSET_CONTAINER (group fd %" PRId32, res->u.dma.group_fd);
}

void vdev__kvm_failed(struct vdev_kvm *kvm, uint32_t level, const char *text, int err)
{
	char whole[VDEV__KVM_ERROR_SIZE];

	snprintf(whole, sizeof(whole), "%s): %s", text, strerror(-err));
	vdev__log(&kvm->env, level, "kvm: %s", whole);
	pthread_mutex_lock(&kvm->lock);
	kvm->failed++;
	memcpy(kvm->error, whole, sizeof(whole));
	pthread_mutex_unlock(&kvm->lock);
}

const struct vdev__kvm_call *vdev__kvm_calls(void)
{
	static const struct vdev__kvm_call calls[VDEV__KVM_CALLS] = {
		{IRQFD, PART_ONLY, run_irqfd, describe_irqfd},
		{IOEVENTFD, PART_ONLY, run_ioeventfd, describe_ioeventfd},
		{MEMSLOT, PART_ONLY, run_memslot, describe_memslot},
		{DMA, PART_RANGE, run_range, describe_range},
		{DMA, PART_KVM_GROUP, run_kvm_group, describe_kvm_group},
		{DMA, PART_GROUP, run_group, describe_group},
	};

	return calls;
}

int vdev__kvm_run(struct vdev_kvm *kvm, const struct vdev__kvm_call *call,
		  const struct resource *res, int attach)
{
	char text[VDEV__KVM_ERROR_SIZE];
	int err = call->run(kvm, res, attach);

	if (!err)
		return 0;
	call->describe(res, attach, text, sizeof(text));
	if (err == -ENOENT && !attach) {
		vdev__log(&kvm->env, VDEV_LOG_DEBUG, "kvm: %s): was gone already", text);
		return -ENOENT;
	}
	vdev__kvm_failed(kvm, VDEV_LOG_ERROR, text, err);
	return err;
}
