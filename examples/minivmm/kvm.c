/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine on /dev/kvm: a VM with in-kernel interrupt chips, the library's runtime and KVM backend.
 */
#include "kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device.h"
#include "lending.h"

#define TSS_ADDRESS 0xfffbd000ul
#define MAX_DEVICES 64

static void ignore(int number)
{
}

/* A kick has to interrupt KVM_RUN, so its signal must have a handler and no SA_RESTART. */
static void catch_kicks(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = ignore;
	sigaction(SIGUSR1, &action, NULL);
}

static int make_memory(struct vm *vm, int vm_fd)
{
	struct kvm_userspace_memory_region ram = {.memory_size = GUEST_RAM_SIZE,
						  .userspace_addr = (uintptr_t)vm->ram};

	return ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &ram) ? -errno : 0;
}

static int make_vm(struct vm *vm, struct kvm_host *h)
{
	int size;

	h->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (h->kvm_fd < 0)
		return -errno;
	size = ioctl(h->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < 0)
		return -errno;
	h->run_size = (size_t)size;
	h->vm_fd = ioctl(h->kvm_fd, KVM_CREATE_VM, 0);
	if (h->vm_fd < 0 || ioctl(h->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) ||
	    ioctl(h->vm_fd, KVM_CREATE_IRQCHIP, 0))
		return -errno;
	return make_memory(vm, h->vm_fd);
}

static bool takes_apart(const struct kvm_host *h, unsigned long request, const void *argument)
{
	const struct kvm_userspace_memory_region *region = argument;
	const struct kvm_irqfd *irqfd = argument;

	if (h->fail_kind == VDEV_REMOVAL_UNMAP_BARS)
		return request == KVM_SET_USER_MEMORY_REGION && region->memory_size == 0;
	if (h->fail_kind == VDEV_REMOVAL_DETACH_EVENTS)
		return request == KVM_IRQFD && (irqfd->flags & KVM_IRQFD_FLAG_DEASSIGN);
	return false;
}

/* The library's ioctls come through here, so that a scenario can make one fail. */
static int our_ioctl(void *user, int fd, unsigned long request, void *argument)
{
	struct kvm_host *h = user;
	int r;

	if (takes_apart(h, request, argument))
		return h->fail_status;
	r = ioctl(fd, request, argument);
	return r < 0 ? -errno : r;
}

static int make_library(struct vm *vm, struct kvm_host *h)
{
	struct vdev_kvm_config kvm = {.struct_size = sizeof(kvm),
				      .vm_fd = h->vm_fd,
				      .max_devices = MAX_DEVICES,
				      .ioctl = our_ioctl,
				      .user = h};
	struct vdev_runtime_config runtime = {
		.struct_size = sizeof(runtime), .max_backends = 2, .max_later = MAX_DEVICES};
	int r = vdev_kvm_new(&h->kvm, &vm->env, &kvm);

	if (!r)
		r = vdev_runtime_new(&h->runtime, &vm->env, &runtime);
	/* Our part of an action comes first: what is drained may then be detached. */
	if (!r)
		r = vdev_runtime_add_backend(h->runtime, deeds_ops(), vm);
	if (!r)
		r = vdev_runtime_add_backend(h->runtime, vdev_kvm_ops(), h->kvm);
	return r;
}

static int kvm_open(struct vm *vm)
{
	struct kvm_host *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->kvm_fd = h->vm_fd = -1;
	h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->paused = true;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, NULL);
	vm->host = h;
	catch_kicks();
	r = h->wake_fd < 0 ? -errno : make_vm(vm, h);
	for (uint32_t i = 0; i < vm->cpus && !r; i++)
		r = vcpu_new(vm, i);
	return r ? r : make_library(vm, h);
}

static void kvm_close(struct vm *vm)
{
	struct kvm_host *h = kvm_of(vm);

	if (!h)
		return;
	vcpu_stop_all(vm);
	vdev_runtime_free(h->runtime);
	vdev_kvm_free(h->kvm);
	for (uint32_t i = 0; i < GUEST_CPUS; i++)
		if (h->cpus[i].vm)
			vcpu_free(&h->cpus[i]);
	if (h->wake_fd >= 0)
		close(h->wake_fd);
	if (h->vm_fd >= 0)
		close(h->vm_fd);
	if (h->kvm_fd >= 0)
		close(h->kvm_fd);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static int kvm_connect(struct vm *vm)
{
	return vdev_runtime_set_removal(kvm_of(vm)->runtime, vm->removal);
}

static int kvm_go_on(struct vm *vm)
{
	int r = 0;

	for (uint32_t i = 0; i < vm->cpus && !r; i++)
		r = vcpu_begin(&kvm_of(vm)->cpus[i]);
	if (!r)
		vcpu_resume_all(vm);
	return r;
}

static int kvm_start(struct vm *vm)
{
	int r = 0;

	for (uint32_t i = 0; i < vm->cpus && !r; i++)
		r = vcpu_power_on(&kvm_of(vm)->cpus[i]);
	return r ? r : kvm_go_on(vm);
}

static uint64_t kvm_now(struct vm *vm)
{
	return vdev_runtime_now(kvm_of(vm)->runtime);
}

static void kvm_lock(struct vm *vm)
{
	vdev_runtime_lock(kvm_of(vm)->runtime);
}

static void kvm_unlock(struct vm *vm)
{
	vdev_runtime_unlock(kvm_of(vm)->runtime);
}

static void kvm_dispatch(struct vm *vm)
{
	vdev_runtime_dispatch(kvm_of(vm)->runtime);
}

static void kvm_complete(struct vm *vm, uint64_t action_id, int status)
{
	vdev_runtime_complete(kvm_of(vm)->runtime, action_id, status);
}

static void kvm_poke(struct vm *vm)
{
	eventfd_write(kvm_of(vm)->wake_fd, 1);
}

static void kvm_slice(struct vm *vm)
{
	struct pollfd fds[] = {{.fd = vdev_runtime_fd(kvm_of(vm)->runtime), .events = POLLIN},
			       {.fd = kvm_of(vm)->wake_fd, .events = POLLIN}};
	eventfd_t pokes;

	poll(fds, 2, 1);
	if (fds[0].revents)
		vm_dispatch(vm);
	if (fds[1].revents)
		eventfd_read(kvm_of(vm)->wake_fd, &pokes);
	if (vm->lending)
		lending_pump(vm);
}

/* Its CPUs run by themselves. */
static void kvm_turn(struct vm *vm)
{
}

static void kvm_message(struct vm *vm, uint64_t address, uint32_t data)
{
	struct kvm_msi msi = {.address_lo = (uint32_t)address,
			      .address_hi = (uint32_t)(address >> 32),
			      .data = data};

	if (ioctl(kvm_of(vm)->vm_fd, KVM_SIGNAL_MSI, &msi) < 0)
		vm_broken(vm, "KVM_SIGNAL_MSI to %#llx: %s", (unsigned long long)address,
			  strerror(errno));
}

static void kvm_interrupt(struct vm *vm, struct device *d)
{
	uint64_t address;
	uint32_t data;

	if (pci_msi(&d->fn, &address, &data))
		eventfd_write(d->irq_fd, 1);
}

/* One GSI a device with MSI, routed to the message that its capability holds. The backend makes the table, as it
 * has the vectors of MSI-X tables, too. */
static void kvm_routes(struct vm *vm)
{
	struct vdev_kvm_route routes[VM_FUNCTIONS];
	uint32_t n = 0;
	int r;

	for (uint32_t i = 0; i < vm->functions_count; i++) {
		uint64_t address;
		uint32_t data;

		if (vm->functions[i]->kind == MINIVMM_BLOCK &&
		    pci_msi(vm->functions[i], &address, &data))
			routes[n++] = (struct vdev_kvm_route){.gsi = KVM_FIRST_GSI + i,
							      .type = VDEV_KVM_ROUTE_MSI,
							      .address = address,
							      .data = data};
	}
	r = vdev_kvm_set_routes(kvm_of(vm)->kvm, routes, n);
	if (r)
		vm_broken(vm, "%u routes: %s", n, vdev_strerror(r));
}

static bool kvm_gated(struct vm *vm, struct device *d)
{
	return vdev_kvm_gated(kvm_of(vm)->kvm, d->fn.unit) != 0;
}

static int kvm_rename(struct vm *vm, uint64_t old_unit, uint64_t new_unit)
{
	return vdev_kvm_rename(kvm_of(vm)->kvm, old_unit, new_unit);
}

static int kvm_fail(struct vm *vm, uint64_t unit, uint32_t kind, int status)
{
	kvm_of(vm)->fail_status = status;
	kvm_of(vm)->fail_kind = kind;
	return 0;
}

const struct machine *machine_kvm(void)
{
	static const struct machine machine = {
		.name = "kvm",
		.open = kvm_open,
		.close = kvm_close,
		.connect = kvm_connect,
		.start = kvm_start,
		.go_on = kvm_go_on,
		.pause = vcpu_pause_all,
		.resume = vcpu_resume_all,
		.now = kvm_now,
		.lock = kvm_lock,
		.unlock = kvm_unlock,
		.dispatch = kvm_dispatch,
		.complete = kvm_complete,
		.slice = kvm_slice,
		.message = kvm_message,
		.interrupt = kvm_interrupt,
		.routes = kvm_routes,
		.attach = worker_attach,
		.release = worker_release,
		.kick = worker_kick,
		.gated = kvm_gated,
		.rename = kvm_rename,
		.fail = kvm_fail,
		.lend = lendwork_lend,
		.unlend = lendwork_unlend,
		.ring = lendwork_ring,
		.poke = kvm_poke,
		.replace = lendpages_replace,
		.hold = lendwriter_hold,
		.write = lendwriter_write,
		.let_go = lendwriter_let_go,
		.turn = kvm_turn,
		.hints = &hintwork_machine,
		.save = kvm_save,
		.load = kvm_load,
	};

	return &machine;
}

bool machine_kvm_usable(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	bool usable = fd >= 0 && ioctl(fd, KVM_GET_API_VERSION, 0) == KVM_API_VERSION;

	if (fd >= 0)
		close(fd);
	return usable;
}
