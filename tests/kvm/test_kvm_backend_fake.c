/* SPDX-License-Identifier: BSD-3-Clause */
/* What the KVM backend asks of KVM and VFIO, in which order, and what it does when that fails. */
#include "test_kvm_backend_fake.h"

#define DEV 0x1000001

static void irqfd_arguments(void **state)
{
	struct fake *f = *state;
	struct vdev_kvm_irqfd r = {.struct_size = sizeof(r),
				   .flags = VDEV_KVM_ATTACH,
				   .fd = 9,
				   .gsi = 24,
				   .resample_fd = 10};

	assert_int_equal(vdev_kvm_add_irqfd(f->kvm, DEV, &r), 0);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->calls[0].fd, VM_FD);
	assert_int_equal(f->calls[0].request, KVM_IRQFD);
	assert_int_equal(f->calls[0].arg.irqfd.fd, 9);
	assert_int_equal(f->calls[0].arg.irqfd.gsi, 24);
	assert_int_equal(f->calls[0].arg.irqfd.flags, KVM_IRQFD_FLAG_RESAMPLE);
	assert_int_equal(f->calls[0].arg.irqfd.resamplefd, 10);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_DETACH_EVENTS, DEV), 0);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->calls[0].arg.irqfd.fd, 9);
	assert_int_equal(f->calls[0].arg.irqfd.gsi, 24);
	assert_int_equal(f->calls[0].arg.irqfd.flags, KVM_IRQFD_FLAG_DEASSIGN);
	/* Without resampling. */
	r.resample_fd = -1;
	f->count = 0;
	assert_int_equal(vdev_kvm_add_irqfd(f->kvm, DEV, &r), 0);
	assert_int_equal(f->calls[0].arg.irqfd.flags, 0);
	assert_int_equal(f->calls[0].arg.irqfd.resamplefd, 0);
}

/* KVM finds an ioeventfd only by exactly what it was made with. */
static void ioeventfd_is_detached_as_attached(void **state)
{
	static const uint32_t flags[] = {0, VDEV_KVM_DATAMATCH, VDEV_KVM_PIO,
					 VDEV_KVM_PIO | VDEV_KVM_DATAMATCH};
	struct fake *f = *state;
	size_t i;

	for (i = 0; i < VT_COUNT(flags); i++) {
		struct vdev_kvm_ioeventfd r = fake_doorbell(flags[i] | VDEV_KVM_ATTACH);
		struct kvm_ioeventfd made, gone;

		f->count = 0;
		assert_int_equal(vdev_kvm_add_ioeventfd(f->kvm, DEV, &r), 0);
		assert_int_equal(f->calls[0].request, KVM_IOEVENTFD);
		assert_int_equal(f->calls[0].fd, VM_FD);
		made = f->calls[0].arg.ioeventfd;
		assert_int_equal(made.addr, r.address);
		assert_int_equal(made.len, 2);
		assert_int_equal(made.fd, 50);
		assert_int_equal(made.datamatch, flags[i] & VDEV_KVM_DATAMATCH ? 0x1234 : 0);
		assert_int_equal(!(made.flags & KVM_IOEVENTFD_FLAG_PIO),
				 !(flags[i] & VDEV_KVM_PIO));
		assert_int_equal(!(made.flags & KVM_IOEVENTFD_FLAG_DATAMATCH),
				 !(flags[i] & VDEV_KVM_DATAMATCH));
		assert_int_equal(made.flags & KVM_IOEVENTFD_FLAG_DEASSIGN, 0);
		assert_int_equal(fake_perform(f, VDEV_REMOVAL_DETACH_EVENTS, DEV), 0);
		assert_int_equal(f->count, 1);
		gone = f->calls[0].arg.ioeventfd;
		assert_int_equal(gone.flags, made.flags | KVM_IOEVENTFD_FLAG_DEASSIGN);
		gone.flags = made.flags;
		assert_memory_equal(&gone, &made, sizeof(made));
		assert_int_equal(fake_perform(f, VDEV_REMOVAL_RELEASE, DEV), 0);
	}
}

static void memslot_arguments(void **state)
{
	struct vdev_kvm_memslot r = fake_slot(7, VDEV_KVM_ATTACH | VDEV_KVM_READONLY);
	struct fake *f = *state;

	assert_int_equal(vdev_kvm_add_memslot(f->kvm, DEV, &r), 0);
	assert_int_equal(f->calls[0].request, KVM_SET_USER_MEMORY_REGION);
	assert_int_equal(f->calls[0].arg.slot.slot, 7);
	assert_int_equal(f->calls[0].arg.slot.flags, KVM_MEM_READONLY);
	assert_int_equal(f->calls[0].arg.slot.guest_phys_addr, r.guest_address);
	assert_int_equal(f->calls[0].arg.slot.memory_size, r.size_bytes);
	assert_int_equal(f->calls[0].arg.slot.userspace_addr, r.host_address);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_UNMAP_BARS, DEV), 0);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->calls[0].arg.slot.slot, 7);
	assert_int_equal(f->calls[0].arg.slot.memory_size, 0);
	assert_int_equal(f->calls[0].arg.slot.flags, 0);
}

static void dma_arguments_and_order(void **state)
{
	struct vdev_kvm_dma whole = fake_dma(31, 32, 33), range = fake_dma(31, -1, -1);
	struct fake *f = *state;

	assert_int_equal(vdev_kvm_add_dma(f->kvm, DEV, &whole), 0);
	range.iova = 0x900000;
	assert_int_equal(vdev_kvm_add_dma(f->kvm, DEV, &range), 0);
	assert_int_equal(f->count, 0);
	assert_int_equal(fake_stats(f).dmas, 2);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_LEAVE_DMA, DEV), 0);
	assert_int_equal(f->count, 4);
	/* All ranges while the group still has its container. */
	assert_int_equal(f->calls[0].request, VFIO_IOMMU_UNMAP_DMA);
	assert_int_equal(f->calls[0].fd, 31);
	assert_int_equal((uint32_t)f->calls[0].arg.unmap[0],
			 sizeof(struct vfio_iommu_type1_dma_unmap));
	assert_int_equal(f->calls[0].arg.unmap[0] >> 32, 0);
	assert_int_equal(f->calls[0].arg.unmap[1], 0x100000);
	assert_int_equal(f->calls[0].arg.unmap[2], 0x4000);
	assert_int_equal(f->calls[1].request, VFIO_IOMMU_UNMAP_DMA);
	assert_int_equal(f->calls[1].arg.unmap[1], 0x900000);
	assert_int_equal(f->calls[2].request, KVM_SET_DEVICE_ATTR);
	assert_int_equal(f->calls[2].fd, 33);
	assert_int_equal(f->calls[2].arg.attr.group, KVM_DEV_VFIO_GROUP);
	assert_int_equal(f->calls[2].arg.attr.attr, KVM_DEV_VFIO_GROUP_DEL);
	assert_int_equal(f->calls[2].arg.attr.flags, 0);
	assert_int_equal(f->calls[2].group_fd, 32);
	assert_int_equal(f->calls[3].request, VFIO_GROUP_UNSET_CONTAINER);
	assert_int_equal(f->calls[3].fd, 32);
	assert_int_equal(f->calls[3].has_arg, 0);
	assert_int_equal(fake_stats(f).dmas, 0);
	assert_int_equal(fake_stats(f).detached, 4);
}

static void group_without_range_or_kvm(void **state)
{
	struct vdev_kvm_dma group = fake_dma(-1, 32, -1);
	struct fake *f = *state;

	assert_int_equal(vdev_kvm_add_dma(f->kvm, DEV, &group), 0);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_LEAVE_DMA, DEV), 0);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->calls[0].request, VFIO_GROUP_UNSET_CONTAINER);
}

/* One of each, registered in the wrong order on purpose. */
static void add_one_of_each(struct fake *f, uint64_t dev)
{
	struct vdev_kvm_dma dma = fake_dma(31, 32, 33);
	struct vdev_kvm_memslot slot = fake_slot(7, 0);
	struct vdev_kvm_ioeventfd doorbell = fake_doorbell(0);

	assert_int_equal(vdev_kvm_add_dma(f->kvm, dev, &dma), 0);
	assert_int_equal(vdev_kvm_add_memslot(f->kvm, dev, &slot), 0);
	assert_int_equal(vdev_kvm_add_ioeventfd(f->kvm, dev, &doorbell), 0);
	assert_int_equal(fake_irqfd(f, dev, 24, 0), 0);
	assert_int_equal(fake_irqfd(f, dev, 25, 0), 0);
}

static void teardown_keeps_the_order_of_r8(void **state)
{
	static const unsigned long order[] = {KVM_IRQFD,
					      KVM_IRQFD,
					      KVM_IOEVENTFD,
					      KVM_SET_USER_MEMORY_REGION,
					      VFIO_IOMMU_UNMAP_DMA,
					      KVM_SET_DEVICE_ATTR,
					      VFIO_GROUP_UNSET_CONTAINER};
	struct fake *f = *state;
	size_t i;

	add_one_of_each(f, DEV);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(f->count, 0); /* cheap: no ioctl */
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	assert_int_equal(f->count, VT_COUNT(order));
	for (i = 0; i < VT_COUNT(order); i++)
		assert_int_equal(f->calls[i].request, order[i]);
	/* Again, as after a crash: nothing is left to do. */
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	assert_int_equal(f->count, 0);
	assert_int_equal(fake_stats(f).detached, 7);
}

static void steps_take_only_their_part(void **state)
{
	struct fake *f = *state;

	add_one_of_each(f, DEV);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_DETACH_EVENTS, DEV), 0);
	assert_int_equal(f->count, 3);
	assert_int_equal(f->calls[2].request, KVM_IOEVENTFD);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_UNMAP_BARS, DEV), 0);
	assert_int_equal(f->count, 1);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_LEAVE_DMA, DEV), 0);
	assert_int_equal(f->count, 3);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_RELEASE, DEV), 0);
	assert_int_equal(f->count, 0);
	assert_int_equal(fake_stats(f).devices, 0);
}

static void failure_keeps_it_attached(void **state)
{
	struct fake *f = *state;

	add_one_of_each(f, DEV);
	f->fail_request = KVM_IRQFD;
	f->fail_with = -EBADF;
	f->fail_fd = 24;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_TEARDOWN, DEV), -EBADF);
	assert_int_equal(f->count, 7); /* the rest went on */
	expect_error(f, "KVM_IRQFD (deassign, gsi 24, fd 124): Bad file descriptor");
	assert_non_null(strstr(f->v.log, "0 kvm: KVM_IRQFD (deassign, gsi 24, fd 124): Bad file"));
	assert_int_equal(fake_stats(f).irqfds, 1);
	assert_int_equal(fake_stats(f).ioeventfds, 0);
	assert_int_equal(fake_stats(f).memslots, 0);
	assert_int_equal(fake_stats(f).dmas, 0);
	assert_int_equal(fake_stats(f).failed, 1);
	assert_int_equal(fake_stats(f).detached, 6);
	f->fail_request = 0;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	assert_int_equal(f->count, 1); /* only what failed */
	assert_int_equal(f->calls[0].arg.irqfd.gsi, 24);
	assert_int_equal(fake_stats(f).irqfds, 0);
}

static void first_errno_counts(void **state)
{
	struct fake *f = *state;

	add_one_of_each(f, DEV);
	f->fail_request = KVM_IRQFD;
	f->fail_with = -EIO;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_DETACH_EVENTS, DEV), -EIO);
	assert_int_equal(f->count, 3);
	assert_int_equal(fake_stats(f).failed, 2);
	expect_error(f, "KVM_IRQFD (deassign, gsi 25, fd 125): Input/output error");
}

/* A partly detached DMA resource repeats only the part that failed. */
static void group_in_use(void **state)
{
	struct fake *f = *state;

	add_one_of_each(f, DEV);
	f->fail_request = VFIO_GROUP_UNSET_CONTAINER;
	f->fail_with = -EBUSY;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_LEAVE_DMA, DEV), -EBUSY);
	expect_error(f, "VFIO_GROUP_UNSET_CONTAINER (group fd 32): Device or resource busy");
	assert_int_equal(fake_stats(f).dmas, 1);
	f->fail_request = 0;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_LEAVE_DMA, DEV), 0);
	assert_int_equal(f->count, 1);
	assert_int_equal(fake_stats(f).dmas, 0);
}

static void gone_already_is_success(void **state)
{
	struct fake *f = *state;

	add_one_of_each(f, DEV);
	f->fail_request = KVM_IOEVENTFD;
	f->fail_with = -ENOENT;
	f->unmapped_nothing = 1;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	assert_int_equal(fake_stats(f).failed, 0);
	assert_int_equal(fake_stats(f).detached, 5);
	assert_int_equal(fake_stats(f).ioeventfds, 0);
	expect_error(f, "");
	assert_non_null(strstr(f->v.log, "3 kvm: KVM_IOEVENTFD (deassign, address 0xfe000000, "
					 "length 2, fd 50): was gone already"));
	assert_non_null(strstr(f->v.log, "3 kvm: VFIO_IOMMU_UNMAP_DMA (container fd 31, iova "
					 "0x100000, size 0x4000): was gone already"));
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	assert_int_equal(f->count, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
		T(irqfd_arguments),
		T(ioeventfd_is_detached_as_attached),
		T(memslot_arguments),
		T(dma_arguments_and_order),
		T(group_without_range_or_kvm),
		T(teardown_keeps_the_order_of_r8),
		T(steps_take_only_their_part),
		T(failure_keeps_it_attached),
		T(first_errno_counts),
		T(group_in_use),
		T(gone_already_is_success),
	};

	return cmocka_run_group_tests_name("kvm_backend_fake", tests, NULL, NULL);
}
