/* SPDX-License-Identifier: BSD-3-Clause */
/* The VM of the page benches; the vCPU is that of the library's self-test, with other code. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#include "bench.h"
#include "pages_vm.h"

#define SIGNAL SIGUSR1

static const uint8_t code[] = {
	0xb8, 0x00, 0x10, /* mov ax, 0x1000 */
	0x8e, 0xd8, /* mov ds, ax */
	0x66, 0xff, 0x06, 0x00, 0x00, /* inc dword [0] */
	0x05, 0x00, 0x01, /* add ax, 0x100: one page */
	0x3d, 0x00, 0x90, /* cmp ax, 0x9000 */
	0x72, 0xf1, /* jb 3 */
	0x26, 0x66, 0xff, 0x06, 0x00, 0x20, /* inc dword es:[COUNTER] */
	0x26, 0x80, 0x3e, 0x08, 0x20, 0x00, /* cmp byte es:[STOP], 0 */
	0x74, 0xe0, /* je 0 */
	0xe6, 0x60, /* out 0x60, al */
	0xeb, 0xdc, /* jmp 0 */
};

static void ignore(int signal_number)
{
	(void)signal_number;
}

static void become(struct pages_vm *vm, int state)
{
	vm->is = state;
	pthread_cond_broadcast(&vm->changed);
}

/* Told to park or quit, it comes here when it has left KVM_RUN. */
static int rest(struct pages_vm *vm)
{
	int want;

	pthread_mutex_lock(&vm->lock);
	become(vm, atomic_load(&vm->want));
	while (vm->is == VM_PARK || vm->is == VM_KICK) {
		pthread_cond_wait(&vm->changed, &vm->lock);
		if (atomic_load(&vm->want) != vm->is)
			become(vm, atomic_load(&vm->want));
	}
	want = vm->is;
	pthread_mutex_unlock(&vm->lock);
	return want;
}

static void *vcpu_main(void *context)
{
	struct pages_vm *vm = context;
	struct kvm_run *run = vm->vcpu.run;

	while (rest(vm) != VM_QUIT) {
		int ret;

		do
			ret = ioctl(vm->vcpu.fd, KVM_RUN, 0);
		while (ret < 0 && errno == EINTR && atomic_load(&vm->want) != VM_KICK);
		__atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
		if (ret < 0 && errno != EINTR)
			bench_die("KVM_RUN failed");
		if (ret == 0 && run->exit_reason != KVM_EXIT_IO)
			bench_die("the bench's guest is lost");
	}
	return NULL;
}

static void tell(struct pages_vm *vm, int want)
{
	uint8_t stop = want == VM_PARK || want == VM_QUIT;

	pthread_mutex_lock(&vm->lock);
	__atomic_store_n(vm->low + VDEV__WRITER_STOP, stop, __ATOMIC_RELEASE);
	atomic_store(&vm->want, want);
	pthread_cond_broadcast(&vm->changed);
	pthread_mutex_unlock(&vm->lock);
}

static void await(struct pages_vm *vm, int state)
{
	pthread_mutex_lock(&vm->lock);
	while (vm->is != state)
		pthread_cond_wait(&vm->changed, &vm->lock);
	pthread_mutex_unlock(&vm->lock);
}

int pages_vm_open(struct pages_vm *vm)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	struct sigaction action = {.sa_handler = ignore};
	struct kvm_userspace_memory_region rest_of_memory = {
		.slot = 3,
		.guest_phys_addr = 0x12000,
		.memory_size = (VM_PAGES - 2) * VM_PAGE,
	};
	int err;

	vm->low = mmap(NULL, VDEV__WRITER_LOW, prot, flags, -1, 0);
	/* Guard pages around it: it must not become one mapping with its neighbours. */
	vm->mem = mmap(NULL, (VM_PAGES + 2) * VM_PAGE, PROT_NONE, flags, -1, 0);
	if (vm->low == MAP_FAILED || vm->mem == MAP_FAILED)
		bench_die("out of memory");
	vm->mem += VM_PAGE;
	mprotect(vm->mem, VM_PAGES * VM_PAGE, prot);
	memset(vm->mem, 0, VM_PAGES * VM_PAGE);
	sigaction(SIGNAL, &action, NULL);
	err = vdev__vcpu_open(&vm->vcpu, -1, vm->low, vm->mem, vm->mem + VM_PAGE);
	if (err)
		return err;
	rest_of_memory.userspace_addr = (uint64_t)(uintptr_t)vm->mem + 2 * VM_PAGE;
	if (ioctl(vm->vcpu.vm, KVM_SET_USER_MEMORY_REGION, &rest_of_memory))
		return -errno;
	memcpy(vm->low + VDEV__WRITER_CODE, code, sizeof(code));
	pthread_mutex_init(&vm->lock, NULL);
	pthread_cond_init(&vm->changed, NULL);
	atomic_store(&vm->want, VM_PARK);
	vm->is = VM_RUN;
	if (pthread_create(&vm->thread, NULL, vcpu_main, vm))
		bench_die("no thread could be made");
	await(vm, VM_PARK);
	return 0;
}

void pages_vm_run(struct pages_vm *vm)
{
	tell(vm, VM_RUN);
	await(vm, VM_RUN);
}

void pages_vm_park(struct pages_vm *vm)
{
	tell(vm, VM_PARK);
	await(vm, VM_PARK);
}

void pages_vm_kick(struct pages_vm *vm)
{
	struct kvm_run *run = vm->vcpu.run;

	tell(vm, VM_KICK);
	__atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vm->thread, SIGNAL);
	await(vm, VM_KICK);
}

uint32_t pages_vm_sweeps(const struct pages_vm *vm)
{
	return *(volatile uint32_t *)(void *)(vm->low + VDEV__WRITER_COUNTER);
}

void pages_vm_close(struct pages_vm *vm)
{
	pages_vm_park(vm);
	tell(vm, VM_QUIT);
	pthread_join(vm->thread, NULL);
	vdev__vcpu_close(&vm->vcpu);
	munmap(vm->mem - VM_PAGE, (VM_PAGES + 2) * VM_PAGE);
	munmap(vm->low, VDEV__WRITER_LOW);
}
