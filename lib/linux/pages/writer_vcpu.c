/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VM of one vCPU in real mode that runs the writer's loop (Documentation/virt/kvm/api.rst): what
 * the kernel's own faults do is only seen through KVM_RUN.
 *
 * Guest addresses: 0: memory that is not tested; 64 KiB: the first tested page; the second follows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "writer.h"

#if defined(__x86_64__) || defined(__i386__)
#include <linux/kvm.h>

#define PAGE 4096u
#define TESTED 0x10000u
#define TSS 0xfffbd000u

static const uint8_t code[] = {
	0x66, 0xff, 0x06, 0x00, 0x00, /* inc dword [0] */
	0x26, 0x66, 0xff, 0x06, 0x00, 0x20, /* inc dword es:[COUNTER] */
	0xa1, 0x40, 0x10, /* mov ax, [0x1000 + WORD] */
	0x26, 0xa3, 0x10, 0x20, /* mov es:[SEEN], ax */
	0x26, 0x80, 0x3e, 0x08, 0x20, 0x00, /* cmp byte es:[STOP], 0 */
	0x74, 0xe6, /* je 0 */
	0xe6, 0x60, /* out 0x60, al */
	0xeb, 0xe2, /* jmp 0 */
};

static int add_slot(int vm, uint32_t slot, uint64_t guest, const uint8_t *host, uint64_t bytes)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.guest_phys_addr = guest,
		.memory_size = bytes,
		.userspace_addr = (uint64_t)(uintptr_t)host,
	};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r) < 0 ? -errno : 0;
}

static int set_registers(int vcpu)
{
	struct kvm_regs regs = {.rip = VDEV__WRITER_CODE, .rflags = 2};
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	sregs.cs.base = sregs.cs.selector = 0;
	sregs.es.base = sregs.es.selector = 0;
	sregs.ds.selector = TESTED >> 4;
	sregs.ds.base = TESTED;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

static int make_vm(struct vdev__vcpu *v, const uint8_t *low, const uint8_t *counted,
		   const uint8_t *read)
{
	int err;

	v->vm = ioctl(v->kvm, KVM_CREATE_VM, 0);
	if (v->vm < 0)
		return -errno;
	ioctl(v->vm, KVM_SET_TSS_ADDR, TSS); /* only some processors need it, and have it */
	err = add_slot(v->vm, 0, 0, low, VDEV__WRITER_LOW);
	if (!err)
		err = add_slot(v->vm, 1, TESTED, counted, PAGE);
	if (!err)
		err = add_slot(v->vm, 2, TESTED + PAGE, read, PAGE);
	return err;
}

static int make_vcpu(struct vdev__vcpu *v)
{
	int size = ioctl(v->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	v->fd = ioctl(v->vm, KVM_CREATE_VCPU, 0);
	if (v->fd < 0)
		return -errno;
	if (size < (int)sizeof(struct kvm_run))
		return -EIO;
	v->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return -errno;
	}
	v->run_size = (size_t)size;
	return set_registers(v->fd);
}

int vdev__vcpu_open(struct vdev__vcpu *v, int kvm_fd, uint8_t *low, uint8_t *counted, uint8_t *read)
{
	int err = 0;

	*v = (struct vdev__vcpu){.kvm = kvm_fd, .vm = -1, .fd = -1, .owned = kvm_fd < 0};
	if (v->owned)
		v->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (v->kvm < 0)
		return -errno;
	memcpy(low + VDEV__WRITER_CODE, code, sizeof(code));
	if (ioctl(v->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		err = -ENODEV;
	if (!err)
		err = make_vm(v, low, counted, read);
	if (!err)
		err = make_vcpu(v);
	if (err)
		vdev__vcpu_close(v);
	return err;
}

int vdev__vcpu_run(struct vdev__vcpu *v)
{
	const struct kvm_run *run = v->run;
	int ret;

	do {
		atomic_fetch_add(&v->entries, 1);
		ret = ioctl(v->fd, KVM_RUN, 0);
	} while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	if (ret < 0)
		return -errno;
	return run->exit_reason == KVM_EXIT_IO ? 0 : -EIO;
}

void vdev__vcpu_close(struct vdev__vcpu *v)
{
	if (v->run)
		munmap(v->run, v->run_size);
	if (v->fd >= 0)
		close(v->fd);
	if (v->vm >= 0)
		close(v->vm);
	if (v->owned && v->kvm >= 0)
		close(v->kvm);
}

#else

int vdev__vcpu_open(struct vdev__vcpu *v, int kvm_fd, uint8_t *low, uint8_t *counted, uint8_t *read)
{
	(void)v;
	(void)kvm_fd;
	(void)low;
	(void)counted;
	(void)read;
	return -EOPNOTSUPP; /* the loop is written for x86 */
}

int vdev__vcpu_run(struct vdev__vcpu *v)
{
	(void)v;
	return -EIO;
}

void vdev__vcpu_close(struct vdev__vcpu *v)
{
	(void)v;
}

#endif
