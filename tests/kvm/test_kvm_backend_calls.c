/* SPDX-License-Identifier: BSD-3-Clause */
/* The KVM backend's calls: handles, gates, limits, error codes, texts, memory. */
#include "test_kvm_backend_fake.h"

#define DEV 0x1000001
#define OTHER 0x1000002

static void gate_closes_at_hide(void **state)
{
	struct fake *f = *state;

	assert_int_equal(vdev_kvm_gated(f->kvm, DEV), 1); /* not known */
	assert_int_equal(vdev_kvm_gated(f->kvm, 0), 1);
	assert_int_equal(vdev_kvm_gated(NULL, DEV), -EINVAL);
	assert_int_equal(fake_irqfd(f, DEV, 1, 0), 0);
	assert_int_equal(fake_irqfd(f, OTHER, 2, 0), 0);
	assert_int_equal(vdev_kvm_gated(f->kvm, DEV), 0);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(vdev_kvm_gated(f->kvm, DEV), 1);
	assert_int_equal(vdev_kvm_gated(f->kvm, OTHER), 0);
	assert_int_equal(fake_irqfd(f, DEV, 3, VDEV_KVM_ATTACH), -EBUSY);
	assert_int_equal(f->count, 0); /* refused before anything was done */
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_RELEASE, DEV), 0);
	assert_int_equal(vdev_kvm_gated(f->kvm, DEV), 1);
	assert_int_equal(vdev_kvm_gated(f->kvm, OTHER), 0);
}

static void unknown_devices_have_nothing_to_do(void **state)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_HIDE,       VDEV_REMOVAL_DETACH_EVENTS,
					 VDEV_REMOVAL_UNMAP_BARS, VDEV_REMOVAL_LEAVE_DMA,
					 VDEV_REMOVAL_TEARDOWN,   VDEV_REMOVAL_RELEASE};
	struct fake *f = *state;
	size_t i;

	for (i = 0; i < VT_COUNT(kinds); i++) {
		assert_int_equal(fake_perform(f, kinds[i], DEV), 0);
		assert_int_equal(f->count, 0);
	}
}

static void kinds_of_others_are_left_to_them(void **state)
{
	static const uint32_t kinds[] = {VDEV_CANCEL,
					 VDEV_REMOVAL_ANNOUNCE,
					 VDEV_REMOVAL_REANNOUNCE,
					 VDEV_REMOVAL_REDECLARE,
					 VDEV_REMOVAL_WARN,
					 VDEV_REMOVAL_UNWARN,
					 VDEV_REMOVAL_AWAIT_ACK,
					 VDEV_REMOVAL_QUIESCE,
					 VDEV_REMOVAL_RESUME,
					 VDEV_REMOVAL_DRAIN,
					 VDEV_REMOVAL_IRQ_OFF,
					 VDEV_REMOVAL_RESET,
					 VDEV_REMOVAL_OUTCOME,
					 VDEV_REMOVAL_UNHOLD,
					 VDEV_REMOVAL_OWN_STEP_FIRST,
					 VDEV_REMOVAL_OWN_STEP_LAST,
					 0,
					 UINT32_MAX};
	struct fake *f = *state;
	size_t i;

	assert_int_equal(fake_irqfd(f, DEV, 1, 0), 0);
	for (i = 0; i < VT_COUNT(kinds); i++) {
		assert_int_equal(fake_perform(f, kinds[i], DEV), -EOPNOTSUPP);
		assert_int_equal(f->count, 0);
	}
	assert_int_equal(fake_stats(f).irqfds, 1);
}

static void perform_arguments(void **state)
{
	struct vdev_action a = {.id = 1, .dev = DEV, .kind = VDEV_REMOVAL_HIDE};
	const struct vdev_backend_ops *ops = vdev_kvm_ops();
	struct fake *f = *state;

	assert_int_equal(vdev_kvm_perform(NULL, &a), -EINVAL);
	assert_int_equal(vdev_kvm_perform(f->kvm, NULL), -EINVAL);
	assert_int_equal(ops->struct_size, sizeof(*ops));
	assert_int_equal(ops->reserved, 0);
	assert_string_equal(ops->name, "kvm");
	assert_int_equal(fake_irqfd(f, DEV, 1, 0), 0);
	assert_int_equal(ops->perform(f->kvm, &a), 0);
	assert_int_equal(vdev_kvm_gated(f->kvm, DEV), 1);
}

/* The runtime would take -EOPNOTSUPP for "nothing of it is mine". */
static void unsupported_ioctl_is_a_failure(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_irqfd(f, DEV, 1, 0), 0);
	f->fail_request = KVM_IRQFD;
	f->fail_with = -EOPNOTSUPP;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_DETACH_EVENTS, DEV), -EIO);
	expect_error(f, "KVM_IRQFD (deassign, gsi 1, fd 101): Operation not supported");
}

static void positive_answers_are_success(void **state)
{
	struct fake *f = *state;

	f->fail_request = KVM_IRQFD;
	f->fail_with = 5;
	assert_int_equal(fake_irqfd(f, DEV, 1, VDEV_KVM_ATTACH), 0);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_DETACH_EVENTS, DEV), 0);
	assert_int_equal(fake_stats(f).detached, 1);
}

static void failed_attach_registers_nothing(void **state)
{
	struct vdev_kvm_memslot slot = fake_slot(3, VDEV_KVM_ATTACH);
	struct vdev_kvm_ioeventfd bell =
		fake_doorbell(VDEV_KVM_ATTACH | VDEV_KVM_PIO | VDEV_KVM_DATAMATCH);
	struct vdev_kvm_irqfd level = {.struct_size = sizeof(level),
				       .flags = VDEV_KVM_ATTACH,
				       .fd = 9,
				       .gsi = 4,
				       .resample_fd = 8};
	struct fake *f = *state;

	f->fail_request = KVM_SET_USER_MEMORY_REGION;
	f->fail_with = -EEXIST;
	assert_int_equal(vdev_kvm_add_memslot(f->kvm, DEV, &slot), -EEXIST);
	expect_error(f, "KVM_SET_USER_MEMORY_REGION (add, slot 3, guest address 0xfd000000, size "
			"0x10000): File exists");
	assert_int_equal(fake_stats(f).devices, 0);
	assert_int_equal(vdev_kvm_gated(f->kvm, DEV), 1);
	/* ENOENT means "gone already" only where something is taken apart. */
	f->fail_request = KVM_IOEVENTFD;
	f->fail_with = -ENOENT;
	assert_int_equal(vdev_kvm_add_ioeventfd(f->kvm, DEV, &bell), -ENOENT);
	expect_error(f,
		     "KVM_IOEVENTFD (assign, port 0xc000, length 2, fd 50, datamatch 0x1234): No "
		     "such file or directory");
	f->fail_request = KVM_IRQFD;
	f->fail_with = -EINVAL;
	assert_int_equal(vdev_kvm_add_irqfd(f->kvm, DEV, &level), -EINVAL);
	expect_error(f, "KVM_IRQFD (assign, gsi 4, fd 9, resample fd 8): Invalid argument");
	assert_int_equal(fake_stats(f).devices, 0);
	assert_int_equal(fake_stats(f).failed, 3);
	/* A device that has something already keeps it. */
	assert_int_equal(fake_irqfd(f, OTHER, 1, 0), 0);
	assert_int_equal(fake_irqfd(f, OTHER, 2, VDEV_KVM_ATTACH), -EINVAL);
	assert_int_equal(fake_stats(f).irqfds, 1);
	assert_int_equal(vdev_kvm_gated(f->kvm, OTHER), 0);
}

static void error_texts(void **state)
{
	struct vdev_kvm_dma dma = fake_dma(31, 32, 33);
	struct fake *f = *state;
	struct vdev_kvm_memslot slot = fake_slot(3, 0);
	char tiny[8];

	assert_int_equal(vdev_kvm_add_memslot(f->kvm, OTHER, &slot), 0);
	f->fail_request = KVM_SET_USER_MEMORY_REGION;
	f->fail_with = -EINVAL;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_UNMAP_BARS, OTHER), -EINVAL);
	expect_error(f, "KVM_SET_USER_MEMORY_REGION (delete, slot 3, guest address 0xfd000000, "
			"size 0x10000): Invalid argument");
	assert_int_equal(vdev_kvm_add_dma(f->kvm, DEV, &dma), 0);
	f->fail_request = VFIO_IOMMU_UNMAP_DMA;
	f->fail_with = -EINVAL;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_LEAVE_DMA, DEV), -EINVAL);
	assert_int_equal(f->count, 3);
	expect_error(f,
		     "VFIO_IOMMU_UNMAP_DMA (container fd 31, iova 0x100000, size 0x4000): Invalid "
		     "argument");
	assert_int_equal(vdev_kvm_add_dma(f->kvm, DEV, &dma), 0);
	f->fail_request = KVM_SET_DEVICE_ATTR;
	f->fail_with = -ENXIO;
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_LEAVE_DMA, DEV), -ENXIO);
	expect_error(f, "KVM_SET_DEVICE_ATTR (KVM_DEV_VFIO_GROUP_DEL, VFIO device fd 33, group fd "
			"32): No such device or address");
	assert_true(vdev_kvm_error(f->kvm, tiny, sizeof(tiny)) > 8);
	assert_string_equal(tiny, "KVM_SET");
	assert_true(vdev_kvm_error(f->kvm, tiny, 1) > 8);
	assert_string_equal(tiny, "");
	assert_int_equal(vdev_kvm_error(NULL, tiny, 8), -EINVAL);
	assert_int_equal(vdev_kvm_error(f->kvm, NULL, 8), -EINVAL);
	assert_int_equal(vdev_kvm_error(f->kvm, tiny, 0), -EINVAL);
}

static void release_tells_what_is_left(void **state)
{
	struct fake *f = *state;

	assert_int_equal(fake_irqfd(f, DEV, 1, 0), 0);
	assert_int_equal(fake_irqfd(f, DEV, 2, 0), 0);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_RELEASE, DEV), 0);
	assert_non_null(strstr(f->v.log, "device 0x1000001 is released with 2 resources"));
	assert_int_equal(fake_stats(f).irqfds, 0);
	assert_int_equal(fake_stats(f).devices, 0);
}

static void rename_moves_and_opens(void **state)
{
	struct fake *f = *state;

	assert_int_equal(vdev_kvm_rename(f->kvm, DEV, OTHER), -ENOENT);
	assert_int_equal(fake_irqfd(f, DEV, 1, 0), 0);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(vdev_kvm_rename(f->kvm, DEV, DEV), -EEXIST);
	assert_int_equal(vdev_kvm_gated(f->kvm, DEV), 1);
	assert_int_equal(vdev_kvm_rename(f->kvm, DEV, OTHER), 0);
	assert_int_equal(vdev_kvm_gated(f->kvm, DEV), 1);
	assert_int_equal(vdev_kvm_gated(f->kvm, OTHER), 0);
	assert_int_equal(fake_irqfd(f, OTHER, 2, 0), 0);
	assert_int_equal(fake_stats(f).devices, 1);
	assert_int_equal(fake_stats(f).irqfds, 2);
	assert_int_equal(vdev_kvm_rename(f->kvm, DEV, OTHER), -ENOENT);
	assert_int_equal(fake_irqfd(f, DEV, 3, 0), 0);
	assert_int_equal(vdev_kvm_rename(f->kvm, DEV, OTHER), -EEXIST);
	assert_int_equal(vdev_kvm_gated(f->kvm, DEV), 0);
	assert_int_equal(vdev_kvm_rename(NULL, DEV, OTHER), -EINVAL);
	assert_int_equal(vdev_kvm_rename(f->kvm, 0, OTHER), -EINVAL);
	assert_int_equal(vdev_kvm_rename(f->kvm, DEV, 0), -EINVAL);
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_TEARDOWN, OTHER), 0);
	assert_int_equal(f->count, 2);
}

static void device_limit(void **state)
{
	struct fake *f = *state;
	uint64_t dev;

	for (dev = 1; dev <= 4; dev++)
		assert_int_equal(fake_irqfd(f, dev, (uint32_t)dev, 0), 0);
	assert_int_equal(fake_irqfd(f, 5, 5, VDEV_KVM_ATTACH), -ENOSPC);
	assert_int_equal(f->count, 0);
	assert_int_equal(fake_irqfd(f, 4, 6, 0), 0);
	assert_int_equal(vdev_kvm_rename(f->kvm, 4, 44), 0); /* works when full */
	assert_int_equal(fake_perform(f, VDEV_REMOVAL_RELEASE, 44), 0);
	assert_int_equal(fake_irqfd(f, 5, 5, 0), 0);
	for (dev = 1; dev <= 6; dev++)
		assert_int_equal(vdev_kvm_gated(f->kvm, dev), dev == 4 || dev == 6);
}

static void stats_arguments(void **state)
{
	struct fake *f = *state;
	struct vdev_kvm_stats s;

	assert_int_equal(vdev_kvm_stats(NULL, &s, sizeof(s)), -EINVAL);
	assert_int_equal(vdev_kvm_stats(f->kvm, NULL, sizeof(s)), -EINVAL);
	assert_int_equal(vdev_kvm_stats(f->kvm, &s, 0), -EINVAL);
	assert_int_equal(fake_irqfd(f, DEV, 1, 0), 0);
	s.irqfds = 77;
	assert_int_equal(vdev_kvm_stats(f->kvm, &s, sizeof(s.devices)), 0);
	assert_int_equal(s.devices, 1);
	assert_int_equal(s.irqfds, 77);
}

#if VDEV_TRACE
static void see(void *user, const struct vdev_trace *event)
{
	struct vdev_trace *last = user;

	*last = *event;
}

static void trace_tells_what_was_done(void **state)
{
	struct fake *f = *state;
	struct vdev_trace last = {.id = 0};
	struct vdev_env env = {.struct_size = sizeof(env), .user = &last, .trace = see};
	struct vdev_kvm_config config = {.struct_size = sizeof(config),
					 .vm_fd = VM_FD,
					 .max_devices = 1,
					 .ioctl = fake_ioctl,
					 .user = f};
	struct vdev_kvm_irqfd irq = {.struct_size = sizeof(irq), .fd = 9, .resample_fd = -1};
	struct vdev_action a = {.id = 5,
				.dev = DEV,
				.user_data = 6,
				.kind = VDEV_REMOVAL_DETACH_EVENTS,
				.flags = 8};
	struct vdev_kvm *kvm;

	assert_int_equal(vdev_kvm_new(&kvm, &env, &config), 0);
	assert_int_equal(vdev_kvm_add_irqfd(kvm, DEV, &irq), 0);
	f->fail_request = KVM_IRQFD;
	f->fail_with = -EBADF;
	assert_int_equal(vdev_kvm_perform(kvm, &a), -EBADF);
	assert_int_equal(last.part, VDEV_PART_KVM);
	assert_int_equal(last.what, VDEV_TRACE_DONE);
	assert_int_equal(last.id, 5);
	assert_int_equal(last.dev, DEV);
	assert_int_equal(last.user_data, 6);
	assert_int_equal(last.kind, VDEV_REMOVAL_DETACH_EVENTS);
	assert_int_equal(last.flags, 8);
	assert_int_equal((int64_t)last.arg, -EBADF);
	/* What is not its own is not in its timeline. */
	last.id = 0;
	a.kind = VDEV_REMOVAL_WARN;
	assert_int_equal(vdev_kvm_perform(kvm, &a), -EOPNOTSUPP);
	assert_int_equal(last.id, 0);
	vdev_kvm_free(kvm);
}
#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
		T(gate_closes_at_hide),
		T(unknown_devices_have_nothing_to_do),
		T(kinds_of_others_are_left_to_them),
		T(perform_arguments),
		T(unsupported_ioctl_is_a_failure),
		T(positive_answers_are_success),
		T(failed_attach_registers_nothing),
		T(error_texts),
		T(release_tells_what_is_left),
		T(rename_moves_and_opens),
		T(device_limit),
		T(stats_arguments),
#if VDEV_TRACE
		T(trace_tells_what_was_done),
#endif
	};

	return cmocka_run_group_tests_name("kvm_backend_calls", tests, NULL, NULL);
}
