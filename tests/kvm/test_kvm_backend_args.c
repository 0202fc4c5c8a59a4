/* SPDX-License-Identifier: BSD-3-Clause */
/* What the KVM backend refuses, and what it does when memory runs out. */
#include "test_kvm_backend_fake.h"

#include <signal.h>

#define DEV 0x1000001

static int try_config(int32_t vm_fd, uint32_t max_devices, int32_t signal_number, uint32_t size)
{
	struct vdev_kvm_config c = {.struct_size = size,
				    .vm_fd = vm_fd,
				    .max_devices = max_devices,
				    .kick_signal = signal_number};
	struct vdev_kvm *kvm = NULL;
	int err = vdev_kvm_new(&kvm, NULL, &c);

	assert_true(err ? kvm == NULL : kvm != NULL);
	vdev_kvm_free(kvm);
	return err;
}

static void configuration(void **state)
{
	struct {
		struct vdev_kvm_config c;
		uint64_t tail;
	} newer = {.c = {.struct_size = sizeof(newer), .vm_fd = 3, .max_devices = 1}, .tail = 1};
	struct vdev_kvm *kvm = NULL;

	(void)state;
	assert_int_equal(try_config(3, 1, 0, 32), 0);
	assert_int_equal(try_config(0, 1u << 20, SIGRTMAX, 32), 0);
	assert_int_equal(try_config(-1, 1, 0, 32), -EINVAL);
	assert_int_equal(try_config(3, 0, 0, 32), -EINVAL);
	assert_int_equal(try_config(3, (1u << 20) + 1, 0, 32), -EINVAL);
	assert_int_equal(try_config(3, 1, -1, 32), -EINVAL);
	assert_int_equal(try_config(3, 1, SIGRTMAX + 1, 32), -EINVAL);
	assert_int_equal(try_config(3, 1, 0, 16), -EINVAL);
	assert_int_equal(vdev_kvm_new(&kvm, NULL, NULL), -EINVAL);
	assert_int_equal(vdev_kvm_new(&kvm, NULL, &newer.c), -E2BIG);
	newer.tail = 0;
	assert_int_equal(vdev_kvm_new(NULL, NULL, &newer.c), -EINVAL);
	assert_null(kvm);
	assert_int_equal(vdev_kvm_new(&kvm, NULL, &newer.c), 0);
	vdev_kvm_free(kvm);
	vdev_kvm_free(NULL);
}

/* Each case is refused and leaves nothing; the same without its fault is taken. */
#define REFUSED(call, object, change)                                   \
	do {                                                            \
		__typeof__(object) changed = object;                    \
		changed.change;                                         \
		assert_int_equal(call(f->kvm, DEV, &changed), -EINVAL); \
		assert_int_equal(fake_stats(f).devices, 0);             \
	} while (0)
#define TAKEN(call, object, change)                                              \
	do {                                                                     \
		__typeof__(object) changed = object;                             \
		changed.change;                                                  \
		assert_int_equal(call(f->kvm, DEV, &changed), 0);                \
		assert_int_equal(fake_perform(f, VDEV_REMOVAL_RELEASE, DEV), 0); \
	} while (0)
/* What all four calls refuse. */
#define REFUSED_ALWAYS(call, object)                                     \
	do {                                                             \
		assert_int_equal(call(NULL, DEV, &(object)), -EINVAL);   \
		assert_int_equal(call(f->kvm, 0, &(object)), -EINVAL);   \
		assert_int_equal(call(f->kvm, DEV, NULL), -EINVAL);      \
		REFUSED(call, object, struct_size = sizeof(object) - 8); \
	} while (0)

static void irqfd_values(void **state)
{
	struct vdev_kvm_irqfd r = {.struct_size = sizeof(r), .fd = 9, .gsi = 1, .resample_fd = -1};
	struct fake *f = *state;

	REFUSED_ALWAYS(vdev_kvm_add_irqfd, r);
	REFUSED(vdev_kvm_add_irqfd, r, flags = VDEV_KVM_DATAMATCH);
	REFUSED(vdev_kvm_add_irqfd, r, fd = -1);
	REFUSED(vdev_kvm_add_irqfd, r, resample_fd = -2);
	REFUSED(vdev_kvm_add_irqfd, r, reserved = 1);
	TAKEN(vdev_kvm_add_irqfd, r, gsi = UINT32_MAX);
	TAKEN(vdev_kvm_add_irqfd, r, resample_fd = 0);
}

static void ioeventfd_values(void **state)
{
	struct vdev_kvm_ioeventfd r = {
		.struct_size = sizeof(r), .address = 0xfe000000, .length = 4, .fd = 9};
	struct vdev_kvm_ioeventfd port = {.struct_size = sizeof(port),
					  .flags = VDEV_KVM_PIO,
					  .address = 0xc000,
					  .length = 2,
					  .fd = 9};
	struct fake *f = *state;
	uint32_t length;

	REFUSED_ALWAYS(vdev_kvm_add_ioeventfd, r);
	REFUSED(vdev_kvm_add_ioeventfd, r, flags = VDEV_KVM_READONLY);
	REFUSED(vdev_kvm_add_ioeventfd, r, fd = -1);
	REFUSED(vdev_kvm_add_ioeventfd, r, reserved = 1);
	REFUSED(vdev_kvm_add_ioeventfd, r, address = UINT64_MAX - 3);
	TAKEN(vdev_kvm_add_ioeventfd, r, address = UINT64_MAX - 4);
	REFUSED(vdev_kvm_add_ioeventfd, port, address = 0xffff);
	TAKEN(vdev_kvm_add_ioeventfd, port, address = 0xfffe);
	REFUSED(vdev_kvm_add_ioeventfd, port, address = 0x10000);
	for (length = 0; length < 20; length++) {
		if (length == 0 || length == 1 || length == 2 || length == 4 || length == 8)
			TAKEN(vdev_kvm_add_ioeventfd, r, length = length);
		else
			REFUSED(vdev_kvm_add_ioeventfd, r, length = length);
	}
	r.length = 0;
	REFUSED(vdev_kvm_add_ioeventfd, r, flags = VDEV_KVM_DATAMATCH);
}

static void memslot_values(void **state)
{
	struct vdev_kvm_memslot r = fake_slot(1, 0);
	struct fake *f = *state;

	REFUSED_ALWAYS(vdev_kvm_add_memslot, r);
	REFUSED(vdev_kvm_add_memslot, r, flags = VDEV_KVM_PIO);
	REFUSED(vdev_kvm_add_memslot, r, reserved = 1);
	REFUSED(vdev_kvm_add_memslot, r, size_bytes = 0);
	REFUSED(vdev_kvm_add_memslot, r, size_bytes += 1);
	REFUSED(vdev_kvm_add_memslot, r, guest_address += 0x800);
	REFUSED(vdev_kvm_add_memslot, r, host_address += 0x10);
	REFUSED(vdev_kvm_add_memslot, r, guest_address = UINT64_MAX - 0xfff);
	REFUSED(vdev_kvm_add_memslot, r, host_address = UINT64_MAX - 0xfff);
	TAKEN(vdev_kvm_add_memslot, r, guest_address = 0);
	TAKEN(vdev_kvm_add_memslot, r, flags = VDEV_KVM_READONLY);
}

static void dma_values(void **state)
{
	struct vdev_kvm_dma r = fake_dma(5, 6, 7), group = fake_dma(-1, 6, 7);
	struct fake *f = *state;

	REFUSED_ALWAYS(vdev_kvm_add_dma, r);
	REFUSED(vdev_kvm_add_dma, r, container_fd = -2);
	REFUSED(vdev_kvm_add_dma, r, group_fd = -2);
	REFUSED(vdev_kvm_add_dma, r, kvm_vfio_fd = -2);
	REFUSED(vdev_kvm_add_dma, r, group_fd = -1); /* KVM could not be told which group */
	REFUSED(vdev_kvm_add_dma, r, size_bytes = 0);
	REFUSED(vdev_kvm_add_dma, r, iova = UINT64_MAX - 0xfff);
	REFUSED(vdev_kvm_add_dma, group, size_bytes = 0x1000);
	REFUSED(vdev_kvm_add_dma, fake_dma(-1, -1, -1), iova = 0);
	TAKEN(vdev_kvm_add_dma, group, kvm_vfio_fd = -1);
	TAKEN(vdev_kvm_add_dma, r, kvm_vfio_fd = -1);
}

static void vcpu_values(void **state)
{
	struct fake *f = *state;
	int run = 0;

	assert_int_equal(vdev_kvm_set_vcpu(NULL, 0, 1, &run), -EINVAL);
	assert_int_equal(vdev_kvm_set_vcpu(f->kvm, 4096, 1, &run), -EINVAL);
	assert_int_equal(vdev_kvm_set_vcpu(f->kvm, 0, -1, &run), -EINVAL);
	assert_int_equal(vdev_kvm_set_vcpu(f->kvm, 0, 1, NULL), -EINVAL);
	assert_int_equal(vdev_kvm_kick(NULL, 0), -EINVAL);
	assert_int_equal(vdev_kvm_kick(f->kvm, 0), -ENOENT);
	assert_int_equal(vdev_kvm_kick(f->kvm, UINT32_MAX), 0);
	assert_int_equal(vdev_kvm_set_vcpu(f->kvm, 4095, 0, NULL), 0);
	assert_int_equal(vdev_kvm_kick(f->kvm, 4095), -ENOENT);
	assert_int_equal(vdev_kvm_kick(f->kvm, 4096), -ENOENT);
	assert_int_equal(vdev_kvm_kick(f->kvm, UINT32_MAX - 1), -ENOENT);
	assert_int_equal(fake_stats(f).kicks, 0);
}

static int use_memory(struct vdev_kvm *kvm)
{
	uint32_t gsi;
	int run = 0;

	for (gsi = 0; gsi < 9; gsi++) {
		struct vdev_kvm_irqfd r = {
			.struct_size = sizeof(r), .fd = 9, .gsi = gsi, .resample_fd = -1};
		int err = vdev_kvm_add_irqfd(kvm, DEV, &r);

		if (err)
			return err;
	}
	if (vdev_kvm_set_vcpu(kvm, 3, 0, &run))
		return -ENOMEM;
	return vdev_kvm_set_vcpu(kvm, 100, 0, &run);
}

/* What is registered when memory runs out can still be taken apart, without any. */
static int scenario(struct vt_env *v, void *arg)
{
	struct fake f = {.count = 0};
	struct vdev_kvm_config config = {.struct_size = sizeof(config),
					 .vm_fd = VM_FD,
					 .max_devices = 4,
					 .ioctl = fake_ioctl,
					 .user = &f};
	struct vdev_kvm_stats s;
	uint64_t requests;
	int err = vdev_kvm_new(&f.kvm, &v->env, &config);

	(void)arg;
	if (err)
		return err;
	err = use_memory(f.kvm);
	s = fake_stats(&f);
	assert_int_equal(s.devices, s.irqfds ? 1 : 0);
	assert_int_equal(vdev_kvm_gated(f.kvm, DEV), !s.irqfds);
	requests = v->requests;
	assert_int_equal(fake_perform(&f, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(fake_perform(&f, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	assert_int_equal(f.count, s.irqfds);
	assert_int_equal(fake_perform(&f, VDEV_REMOVAL_RELEASE, DEV), 0);
	assert_int_equal(v->requests, requests);
	vdev_kvm_free(f.kvm);
	return err;
}

static void every_allocation_fails(void **state)
{
	(void)state;
	assert_true(vt_oom(scenario, NULL) >= 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
		cmocka_unit_test(configuration),
		T(irqfd_values),
		T(ioeventfd_values),
		T(memslot_values),
		T(dma_values),
		T(vcpu_values),
		cmocka_unit_test(every_allocation_fails),
	};

	return cmocka_run_group_tests_name("kvm_backend_args", tests, NULL, NULL);
}
