/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VM of one vCPU in real mode and 64 KiB of RAM, enough to see what a guest's accesses do.
 *
 * Exits of interest: out to port DONE tells a byte; other ports and addresses are doorbells.
 */
#ifndef TEST_KVM_BACKEND_RIG_H
#define TEST_KVM_BACKEND_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <vdev/kvm.h>
#include <vdev/removal.h>

#define RAM_SIZE 0x10000u
#define CODE 0x1000u
#define DONE 0x60u /* no device of the in-kernel chip is there */
#define BELL_PORT 0x500u
#define BAR_SEGMENT 0xd000u
#define BAR 0xd0000u
#define BAR_SIZE 0x1000u

struct rig {
	struct vt_env v;
	struct vdev_kvm *kvm;
	int dev_kvm, vm, vcpu;
	uint8_t *ram;
	struct kvm_run *run;
	size_t run_size;
};

/* What the guest did that nobody in the kernel took. */
struct seen {
	uint32_t reason;
	uint64_t address; /* port or address */
	uint32_t write;
	uint32_t value;
};

static inline int rig_missing(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	const char *why = NULL;

	if (fd < 0)
		why = strerror(errno);
	else if (ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		why = "it is not KVM";
	if (fd >= 0)
		close(fd);
	if (why)
		fprintf(stderr, "skipped: /dev/kvm cannot be used: %s\n", why);
	return why != NULL;
}

static inline void rig_memory(struct rig *r)
{
	struct kvm_userspace_memory_region slot = {.memory_size = RAM_SIZE};

	r->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(r->ram != MAP_FAILED);
	slot.userspace_addr = (uint64_t)(uintptr_t)r->ram;
	assert_int_equal(ioctl(r->vm, KVM_SET_USER_MEMORY_REGION, &slot), 0);
}

static inline void rig_vcpu(struct rig *r)
{
	r->vcpu = ioctl(r->vm, KVM_CREATE_VCPU, 0);
	assert_true(r->vcpu >= 0);
	r->run_size = (size_t)ioctl(r->dev_kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	r->run = mmap(NULL, r->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, r->vcpu, 0);
	assert_true(r->run != MAP_FAILED);
}

static inline int rig_setup(void **state)
{
	static struct rig rig;
	struct vdev_kvm_config config = {.struct_size = sizeof(config), .max_devices = 8};

	memset(&rig, 0, sizeof(rig));
	*state = &rig;
	vt_env_init(&rig.v);
	rig.dev_kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	assert_true(rig.dev_kvm >= 0);
	rig.vm = ioctl(rig.dev_kvm, KVM_CREATE_VM, 0);
	assert_true(rig.vm >= 0);
	assert_int_equal(ioctl(rig.vm, KVM_SET_TSS_ADDR, 0xfffbd000), 0);
	assert_int_equal(ioctl(rig.vm, KVM_CREATE_IRQCHIP, 0), 0);
	rig_memory(&rig);
	rig_vcpu(&rig);
	config.vm_fd = rig.vm;
	return vdev_kvm_new(&rig.kvm, &rig.v.env, &config);
}

static inline int rig_teardown(void **state)
{
	struct rig *r = *state;

	vdev_kvm_free(r->kvm);
	munmap(r->run, r->run_size);
	munmap(r->ram, RAM_SIZE);
	close(r->vcpu);
	close(r->vm);
	close(r->dev_kvm);
	return vt_env_check(&r->v);
}

/* The guest begins at `code`; DS points at the BAR. */
static inline void rig_load(struct rig *r, const void *code, size_t size)
{
	struct kvm_regs regs = {.rip = CODE, .rflags = 2};
	struct kvm_sregs sregs;

	memcpy(r->ram + CODE, code, size);
	assert_int_equal(ioctl(r->vcpu, KVM_GET_SREGS, &sregs), 0);
	sregs.cs.base = sregs.cs.selector = 0;
	sregs.ds.selector = BAR_SEGMENT;
	sregs.ds.base = BAR;
	assert_int_equal(ioctl(r->vcpu, KVM_SET_SREGS, &sregs), 0);
	assert_int_equal(ioctl(r->vcpu, KVM_SET_REGS, &regs), 0);
}

static inline struct seen rig_run(struct rig *r)
{
	struct seen s = {.reason = 0};
	uint8_t *data;

	assert_int_equal(ioctl(r->vcpu, KVM_RUN, 0), 0);
	s.reason = r->run->exit_reason;
	if (s.reason == KVM_EXIT_IO) {
		data = (uint8_t *)r->run + r->run->io.data_offset;
		s.address = r->run->io.port;
		s.write = r->run->io.direction == KVM_EXIT_IO_OUT;
		memcpy(&s.value, data, r->run->io.size);
	} else if (s.reason == KVM_EXIT_MMIO) {
		s.address = r->run->mmio.phys_addr;
		s.write = r->run->mmio.is_write;
		if (!s.write)
			memset(r->run->mmio.data, 0xff, sizeof(r->run->mmio.data));
		else
			memcpy(&s.value, r->run->mmio.data,
			       r->run->mmio.len > 4 ? 4 : r->run->mmio.len);
	}
	return s;
}

static inline void rig_expect(struct rig *r, uint32_t reason, uint64_t address, uint32_t value)
{
	struct seen s = rig_run(r);

	assert_int_equal(s.reason, reason);
	assert_int_equal(s.address, address);
	assert_int_equal(s.value, value);
}

static inline int rig_perform(struct rig *r, uint32_t kind, uint64_t dev)
{
	struct vdev_action a = {.id = 1, .dev = dev, .kind = kind};

	return vdev_kvm_perform(r->kvm, &a);
}

/* Count of an eventfd, which is 0 afterwards. */
static inline uint64_t rig_take(int fd)
{
	uint64_t count = 0;

	if (read(fd, &count, sizeof(count)) < 0)
		assert_int_equal(errno, EAGAIN);
	return count;
}

static inline void rig_signal(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static inline int rig_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

#endif
