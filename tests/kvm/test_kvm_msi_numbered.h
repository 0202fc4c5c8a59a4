/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of which each part follows from one number, so that one that is put together of two is found. */
#ifndef TEST_KVM_MSI_NUMBERED_H
#define TEST_KVM_MSI_NUMBERED_H

#include <linux/kvm.h>

#include <vdev/kvm.h>

static inline uint32_t data_for(uint32_t number)
{
	return (number >> 4 ^ 0x5a5a5a) & 0xffffff;
}

static inline struct vdev_kvm_msi message(uint32_t number, uint32_t flags)
{
	return (struct vdev_kvm_msi){.struct_size = sizeof(struct vdev_kvm_msi),
				     .flags = VDEV_KVM_MSI_SIGNAL | flags,
				     .address = number | (uint64_t)number << 32,
				     .data = data_for(number),
				     .gsi = VDEV_KVM_NO_GSI,
				     .fd = -1};
}

static inline int is_torn(const struct kvm_msi *m)
{
	return m->data != data_for(m->address_lo) || m->address_hi != m->address_lo;
}

#endif
