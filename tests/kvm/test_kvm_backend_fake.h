/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A recorder in the place of ioctl(2): keeps what the KVM backend asked for and fails on request.
 * Needs no /dev/kvm and no VFIO device.
 */
#ifndef TEST_KVM_BACKEND_FAKE_H
#define TEST_KVM_BACKEND_FAKE_H

#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include <linux/kvm.h>
#include <linux/vfio.h>

#include <vdev/kvm.h>
#include <vdev/removal.h>

#define VM_FD 1000
#define CALLS 32

/* One ioctl; `arg` is a copy of what it pointed to. */
struct call {
	int fd;
	unsigned long request;
	int has_arg;
	int32_t group_fd; /* KVM_DEV_VFIO_GROUP_DEL: what addr points to */
	union {
		struct kvm_irqfd irqfd;
		struct kvm_ioeventfd ioeventfd;
		struct kvm_userspace_memory_region slot;
		struct kvm_device_attr attr;
		uint64_t unmap
			[3]; /* struct vfio_iommu_type1_dma_unmap: argsz and flags, iova, size */
	} arg;
};

struct fake {
	struct vt_env v;
	struct vdev_kvm *kvm;
	struct call calls[CALLS];
	uint32_t count;
	unsigned long fail_request; /* this one fails */
	int fail_with; /* negative errno, or a positive value to return */
	uint32_t fail_fd; /* only for this fd or gsi; 0: any */
	int unmapped_nothing; /* VFIO_IOMMU_UNMAP_DMA finds no mapping */
};

static inline size_t arg_size(unsigned long request)
{
	if (request == VFIO_IOMMU_UNMAP_DMA)
		return 3 * sizeof(uint64_t);
	return request == VFIO_GROUP_UNSET_CONTAINER ? 0 : _IOC_SIZE(request);
}

static inline int fake_ioctl(void *user, int fd, unsigned long request, void *argument)
{
	struct fake *f = user;
	struct call *c = &f->calls[f->count++ % CALLS];
	uint32_t what = (uint32_t)fd;

	*c = (struct call){.fd = fd, .request = request, .has_arg = argument != NULL};
	if (argument)
		memcpy(&c->arg, argument, arg_size(request));
	if (request == KVM_SET_DEVICE_ATTR)
		memcpy(&c->group_fd, (void *)(uintptr_t)c->arg.attr.addr, sizeof(c->group_fd));
	if (request == KVM_IRQFD)
		what = c->arg.irqfd.gsi;
	if (request == VFIO_IOMMU_UNMAP_DMA && f->unmapped_nothing)
		memset((char *)argument + 16, 0, 8);
	errno = 4095; /* the backend must hide this from its caller */
	if (request == f->fail_request && (!f->fail_fd || f->fail_fd == what))
		return f->fail_with;
	return 0;
}

static inline int fake_setup(void **state)
{
	static struct fake f;
	struct vdev_kvm_config config = {.struct_size = sizeof(config),
					 .vm_fd = VM_FD,
					 .max_devices = 4,
					 .ioctl = fake_ioctl,
					 .user = &f};

	memset(&f, 0, sizeof(f));
	vt_env_init(&f.v);
	*state = &f;
	errno = 0;
	return vdev_kvm_new(&f.kvm, &f.v.env, &config);
}

static inline int fake_teardown(void **state)
{
	struct fake *f = *state;

	vdev_kvm_free(f->kvm);
	return vt_env_check(&f->v) || errno;
}

static inline int fake_perform(struct fake *f, uint32_t kind, uint64_t dev)
{
	struct vdev_action a = {.id = 1, .dev = dev, .kind = kind};

	f->count = 0;
	return vdev_kvm_perform(f->kvm, &a);
}

static inline int fake_irqfd(struct fake *f, uint64_t dev, uint32_t gsi, uint32_t flags)
{
	struct vdev_kvm_irqfd r = {.struct_size = sizeof(r),
				   .flags = flags,
				   .fd = (int32_t)gsi + 100,
				   .gsi = gsi,
				   .resample_fd = -1};

	return vdev_kvm_add_irqfd(f->kvm, dev, &r);
}

static inline struct vdev_kvm_ioeventfd fake_doorbell(uint32_t flags)
{
	return (struct vdev_kvm_ioeventfd){.struct_size = sizeof(struct vdev_kvm_ioeventfd),
					   .flags = flags,
					   .address = flags & VDEV_KVM_PIO ? 0xc000 : 0xfe000000,
					   .datamatch = 0x1234,
					   .length = 2,
					   .fd = 50};
}

static inline struct vdev_kvm_memslot fake_slot(uint32_t slot, uint32_t flags)
{
	return (struct vdev_kvm_memslot){.struct_size = sizeof(struct vdev_kvm_memslot),
					 .flags = flags,
					 .slot = slot,
					 .guest_address = 0xfd000000,
					 .size_bytes = 0x10000,
					 .host_address = 0x7f0000000000};
}

static inline struct vdev_kvm_dma fake_dma(int32_t container, int32_t group, int32_t kvm_vfio)
{
	return (struct vdev_kvm_dma){.struct_size = sizeof(struct vdev_kvm_dma),
				     .container_fd = container,
				     .group_fd = group,
				     .kvm_vfio_fd = kvm_vfio,
				     .iova = container >= 0 ? 0x100000 : 0,
				     .size_bytes = container >= 0 ? 0x4000 : 0};
}

static inline struct vdev_kvm_stats fake_stats(struct fake *f)
{
	struct vdev_kvm_stats s;

	assert_int_equal(vdev_kvm_stats(f->kvm, &s, sizeof(s)), 0);
	return s;
}

static inline void expect_error(struct fake *f, const char *expected)
{
	char text[256];
	int length = vdev_kvm_error(f->kvm, text, sizeof(text));

	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

#endif
