/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vCPUs: a thread each. After an exit the thread takes the device model's lock for the access, lets
 * it go, and dispatches what the access set going, before the guest goes on: HIDE is done when the
 * instruction that carried the acknowledgement ends (R8).
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm.h"

#define CPUID_ENTRIES 128

static int set_cpuid(struct kvm_host *h, int fd)
{
	union {
		struct kvm_cpuid2 head;
		char room[sizeof(struct kvm_cpuid2) +
			  CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2)];
	} cpuid;

	memset(&cpuid, 0, sizeof(cpuid));
	cpuid.head.nent = CPUID_ENTRIES;
	if (ioctl(h->kvm_fd, KVM_GET_SUPPORTED_CPUID, &cpuid) || ioctl(fd, KVM_SET_CPUID2, &cpuid))
		return -errno;
	return 0;
}

int vcpu_new(struct vm *vm, uint32_t number)
{
	struct kvm_host *h = kvm_of(vm);
	struct vcpu *cpu = &h->cpus[number];
	void *run;

	cpu->vm = vm;
	cpu->number = number;
	cpu->fd = ioctl(h->vm_fd, KVM_CREATE_VCPU, (unsigned long)number);
	if (cpu->fd < 0)
		return -errno;
	run = mmap(NULL, h->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	if (run == MAP_FAILED)
		return -errno;
	cpu->run = run;
	if (ioctl(cpu->fd, KVM_GET_LAPIC, &cpu->lapic))
		return -errno;
	return set_cpuid(h, cpu->fd);
}

/* 64-bit mode, flat, paging on, as a loader hands over; the guest brings its own tables later. */
static void long_mode(struct kvm_sregs *s)
{
	struct kvm_segment code = {.limit = 0xffffffff,
				   .selector = 8,
				   .type = 11,
				   .present = 1,
				   .s = 1,
				   .l = 1,
				   .g = 1};
	struct kvm_segment data = {.limit = 0xffffffff,
				   .selector = 16,
				   .type = 3,
				   .present = 1,
				   .s = 1,
				   .db = 1,
				   .g = 1};

	s->cs = code;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->cr3 = GUEST_PAGE_TABLES;
	s->cr4 = 0x20; /* PAE */
	s->cr0 = 0x80050033; /* PG AM WP NE ET MP PE */
	s->efer = 0x500; /* LMA LME */
	memset(s->interrupt_bitmap, 0, sizeof(s->interrupt_bitmap));
}

int vcpu_power_on(struct vcpu *cpu)
{
	struct kvm_regs regs = {.rip = GUEST_ENTRY, .rflags = 2, .rdi = cpu->number};
	struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;

	memset(&events, 0, sizeof(events));
	if (ioctl(cpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	long_mode(&sregs);
	if (ioctl(cpu->fd, KVM_SET_SREGS, &sregs) || ioctl(cpu->fd, KVM_SET_REGS, &regs) ||
	    ioctl(cpu->fd, KVM_SET_LAPIC, &cpu->lapic) ||
	    ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &events) ||
	    ioctl(cpu->fd, KVM_SET_MP_STATE, &runnable))
		return -errno;
	return 0;
}

static int mmio(struct vcpu *cpu)
{
	struct kvm_run *run = cpu->run;
	struct vm *vm = cpu->vm;
	uint64_t value = 0;
	int r = 0;

	vm_lock(vm);
	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		r = bus_write(vm, run->mmio.phys_addr, run->mmio.len, value);
	} else {
		value = bus_read(vm, run->mmio.phys_addr, run->mmio.len);
		memcpy(run->mmio.data, &value, run->mmio.len);
	}
	vm_unlock(vm);
	return r;
}

/* Returns false when the CPU cannot go on. */
static bool handle(struct vcpu *cpu)
{
	struct vm *vm = cpu->vm;

	cpu->exits++;
	switch (cpu->run->exit_reason) {
	case KVM_EXIT_MMIO:
		if (mmio(cpu) & BUS_DISPATCH)
			vm_dispatch(vm);
		return true;
	case KVM_EXIT_IO:
		memset((uint8_t *)cpu->run + cpu->run->io.data_offset, 0xff,
		       (size_t)cpu->run->io.size * cpu->run->io.count);
		return true;
	case KVM_EXIT_INTR:
	case KVM_EXIT_HLT:
		return true;
	case KVM_EXIT_INTERNAL_ERROR:
		vm_broken(vm, "CPU %u: KVM internal error %u", cpu->number,
			  cpu->run->internal.suberror);
		return false;
	default:
		vm_broken(vm, "CPU %u: KVM exit reason %u (8: triple fault, 9: bad entry state)",
			  cpu->number, cpu->run->exit_reason);
		return false;
	}
}

/* Beside a kick from another thread. */
static void set_immediate_exit(struct vcpu *cpu, uint8_t value)
{
	__atomic_store_n(&cpu->run->immediate_exit, value, __ATOMIC_SEQ_CST);
}

/* An access whose answer was not taken in yet would be lost in an image: let KVM finish it. */
static void settle(struct vcpu *cpu)
{
	set_immediate_exit(cpu, 1);
	ioctl(cpu->fd, KVM_RUN, 0);
	set_immediate_exit(cpu, 0);
}

/* Waits while the VM is paused; false: the thread ends. */
static bool park(struct vcpu *cpu)
{
	struct kvm_host *h = kvm_of(cpu->vm);
	bool stop;

	pthread_mutex_lock(&h->lock);
	if (h->paused && !h->stop) {
		settle(cpu);
		h->parked++;
		pthread_cond_broadcast(&h->changed);
		while (h->paused && !h->stop)
			pthread_cond_wait(&h->changed, &h->lock);
		h->parked--;
		pthread_cond_broadcast(&h->changed);
	}
	stop = h->stop;
	pthread_mutex_unlock(&h->lock);
	return !stop;
}

static void *loop(void *arg)
{
	struct vcpu *cpu = arg;
	struct kvm_host *h = kvm_of(cpu->vm);
	bool alive = true;
	char name[16];

	/* As vdevctl looks for it. */
	snprintf(name, sizeof(name), "minivmm-vcpu%u", cpu->number);
	pthread_setname_np(pthread_self(), name);
	vdev_kvm_set_vcpu(h->kvm, cpu->number, (int32_t)syscall(SYS_gettid), cpu->run);
	hintwork_join(cpu->vm, cpu->number);
	atomic_store(&cpu->host_cpu, (uint32_t)sched_getcpu());
	while (park(cpu)) {
		int r;

		if (!alive) {
			usleep(1000); /* keeps answering to pause and stop */
			continue;
		}
		r = ioctl(cpu->fd, KVM_RUN, 0) ? errno : 0;
		set_immediate_exit(cpu, 0);
		atomic_store(&cpu->host_cpu, (uint32_t)sched_getcpu());
		if (!r) {
			alive = handle(cpu);
		} else if (r != EINTR && r != EAGAIN) {
			vm_broken(cpu->vm, "CPU %u: KVM_RUN: %s", cpu->number, strerror(r));
			alive = false;
		}
	}
	vdev_kvm_set_vcpu(h->kvm, cpu->number, 0, NULL);
	return NULL;
}

int vcpu_begin(struct vcpu *cpu)
{
	int r;

	if (cpu->started)
		return 0;
	r = pthread_create(&cpu->thread, NULL, loop, cpu);
	cpu->started = !r;
	return -r;
}

static uint32_t started(const struct kvm_host *h)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < GUEST_CPUS; i++)
		n += h->cpus[i].started;
	return n;
}

/* A kick can come between a CPU's look at `paused` and KVM_RUN: immediate_exit covers that. */
void vcpu_pause_all(struct vm *vm)
{
	struct kvm_host *h = kvm_of(vm);

	pthread_mutex_lock(&h->lock);
	h->paused = true;
	while (h->parked < started(h)) {
		struct timespec until;

		pthread_mutex_unlock(&h->lock);
		vdev_kvm_kick(h->kvm, UINT32_MAX);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 10000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&h->lock);
		if (h->parked < started(h))
			pthread_cond_timedwait(&h->changed, &h->lock, &until);
	}
	pthread_mutex_unlock(&h->lock);
}

void vcpu_resume_all(struct vm *vm)
{
	struct kvm_host *h = kvm_of(vm);

	pthread_mutex_lock(&h->lock);
	h->paused = false;
	pthread_cond_broadcast(&h->changed);
	while (h->parked > 0)
		pthread_cond_wait(&h->changed, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

void vcpu_stop_all(struct vm *vm)
{
	struct kvm_host *h = kvm_of(vm);

	if (started(h))
		vcpu_pause_all(vm);
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	for (uint32_t i = 0; i < GUEST_CPUS; i++)
		if (h->cpus[i].started)
			pthread_join(h->cpus[i].thread, NULL);
}

void vcpu_free(struct vcpu *cpu)
{
	struct kvm_host *h = kvm_of(cpu->vm);

	if (cpu->run)
		munmap(cpu->run, h->run_size);
	if (cpu->fd > 0)
		close(cpu->fd);
}
