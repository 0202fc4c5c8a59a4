/* SPDX-License-Identifier: BSD-3-Clause */
/* CPUs of a paused KVM machine, to and from a file of this build's own. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm.h"

struct cpu_image {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
	uint64_t tsc;
};

union one_msr {
	struct kvm_msrs head;
	char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

#define MSR_TSC 0x10u

static int get(int fd, struct cpu_image *c)
{
	union one_msr tsc;

	memset(&tsc, 0, sizeof(tsc));
	tsc.head.nmsrs = 1;
	tsc.head.entries[0].index = MSR_TSC;
	if (ioctl(fd, KVM_GET_REGS, &c->regs) || ioctl(fd, KVM_GET_SREGS, &c->sregs) ||
	    ioctl(fd, KVM_GET_LAPIC, &c->lapic) || ioctl(fd, KVM_GET_VCPU_EVENTS, &c->events) ||
	    ioctl(fd, KVM_GET_MP_STATE, &c->mp) || ioctl(fd, KVM_GET_MSRS, &tsc) != 1)
		return -errno;
	c->tsc = tsc.head.entries[0].data;
	return 0;
}

/* The local APIC after its base address (in sregs), what runs last. */
static int set(int fd, const struct cpu_image *c)
{
	union one_msr tsc;

	memset(&tsc, 0, sizeof(tsc));
	tsc.head.nmsrs = 1;
	tsc.head.entries[0].index = MSR_TSC;
	tsc.head.entries[0].data = c->tsc;
	if (ioctl(fd, KVM_SET_SREGS, &c->sregs) || ioctl(fd, KVM_SET_REGS, &c->regs) ||
	    ioctl(fd, KVM_SET_MSRS, &tsc) != 1 || ioctl(fd, KVM_SET_LAPIC, &c->lapic) ||
	    ioctl(fd, KVM_SET_VCPU_EVENTS, &c->events) || ioctl(fd, KVM_SET_MP_STATE, &c->mp))
		return -errno;
	return 0;
}

int kvm_save(struct vm *vm, FILE *file)
{
	struct cpu_image image;
	int r = 0;

	for (uint32_t i = 0; i < vm->cpus && !r; i++) {
		memset(&image, 0, sizeof(image));
		r = get(kvm_of(vm)->cpus[i].fd, &image);
		if (!r && fwrite(&image, sizeof(image), 1, file) != 1)
			r = -EIO;
	}
	return r;
}

int kvm_load(struct vm *vm, FILE *file)
{
	struct cpu_image image;
	int r = 0;

	for (uint32_t i = 0; i < vm->cpus && !r; i++) {
		if (fread(&image, sizeof(image), 1, file) != 1)
			return -EIO;
		r = set(kvm_of(vm)->cpus[i].fd, &image);
	}
	return r;
}
