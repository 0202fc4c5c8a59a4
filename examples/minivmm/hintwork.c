/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt hints on KVM: vCPU threads are moved by their affinity, the library's providers look where they are,
 * and each source has a worker thread that goes to the CPU where its events shall arise.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vdev/cpusource.h>

#include "hints.h"
#include "kvm.h"

#define WAITS 4000u /* for a vCPU to be where it was put: two seconds in all */
#define WAIT_US 500

static uint32_t host_cpus(struct vm *vm, uint32_t *ret_cpus, uint32_t most)
{
	uint32_t n = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE && n < most; cpu++)
		if (CPU_ISSET(cpu, &set))
			ret_cpus[n++] = cpu;
	return n;
}

static int to_cpu(pthread_t thread, uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(thread, sizeof(set), &set);
}

/* A thread that sleeps moves when it wakes, so it is woken, and itself says that it is there. */
static int until_there(struct vm *vm, const struct vcpu *v, uint32_t cpu)
{
	for (uint32_t i = 0; i < WAITS; i++) {
		vdev_kvm_kick(kvm_of(vm)->kvm, v->number);
		if (atomic_load(&v->host_cpu) == cpu)
			return 0;
		usleep(WAIT_US);
	}
	return -ETIMEDOUT;
}

/* One that has no thread yet goes there when it gets one. */
static int place(struct vm *vm, uint32_t vcpu, uint32_t cpu)
{
	struct vcpu *v = &kvm_of(vm)->cpus[vcpu];
	int r;

	atomic_store(&vm->hints->placed[vcpu], cpu);
	if (!v->started)
		return 0;
	r = to_cpu(v->thread, cpu);
	return r || !vm->running ? r : until_there(vm, v, cpu);
}

void hintwork_join(struct vm *vm, uint32_t vcpu)
{
	uint32_t cpu;

	if (!vm->hints)
		return;
	cpu = atomic_load(&vm->hints->placed[vcpu]);
	if (cpu != VDEV_CPUMAP_NOWHERE)
		to_cpu(pthread_self(), cpu);
	if (vm->hints->provider)
		vdev_cpusource_here(vm->hints->provider, vcpu);
}

static uint32_t here(struct vm *vm)
{
	return (uint32_t)sched_getcpu();
}

static uint32_t arises(struct source *s)
{
	return (uint32_t)sched_getcpu();
}

/* A provider that lies: as any of a VMM's own, but what it says is the CPU after the right one. */
static int lie_open(void *context, int32_t pid, uint32_t vcpus)
{
	return 0;
}

static int lie_attach(void *context, uint32_t vcpu, int32_t tid, uint32_t is_here)
{
	return 0;
}

static void lie_detach(void *context, uint32_t vcpu)
{
}

static int lie_look(void *context, uint32_t vcpu, struct vdev_cpusource_look *ret_look)
{
	struct hints *h = context;

	ret_look->cpu = hints_next_cpu(h, atomic_load(&h->placed[vcpu]));
	ret_look->state = VDEV_CPUMAP_UNKNOWN;
	return 0;
}

/* That none of these kinds can be used here is for the story to say. */
static int provide(struct vm *vm, uint32_t kinds)
{
	static const struct vdev_cpusource_ops liar = {
		.struct_size = sizeof(liar),
		.name = "liar",
		.open = lie_open,
		.attach = lie_attach,
		.detach = lie_detach,
		.look = lie_look,
	};
	struct vdev_cpusource_config config = {.struct_size = sizeof(config),
					       .kinds = kinds,
					       .kvm_fd = kvm_of(vm)->kvm_fd,
					       .map = vm->hints->map};
	struct vdev_cpusource_report report = {0};
	struct vdev_cpusource *source;
	int r;

	if (atomic_load(&vm->hints->lies)) {
		config.kinds = 0;
		config.ops = &liar;
		config.ops_context = vm->hints;
	}
	r = vdev_cpusource_new(&source, &vm->env, &config);
	if (r) {
		vm->hints->provider_name = vdev_strerror(r);
		return 0;
	}
	vdev_cpusource_report(source, &report, sizeof(report));
	vm->hints->provider = source;
	vm->hints->provider_name = vdev_cpusource_kind_name(report.kind);
	return 0;
}

static void unprovide(struct vm *vm)
{
	vdev_cpusource_free(vm->hints->provider);
	vm->hints->provider = NULL;
}

static void locate(struct vm *vm)
{
	if (vm->hints->provider)
		vdev_cpusource_refresh(vm->hints->provider, vm_now(vm));
}

static uint32_t gsi_of(const struct source *s, uint32_t type)
{
	return KVM_FIRST_VECTOR_GSI + s->index * SOURCE_TYPES + type;
}

static uint64_t until_kick(struct source *s, uint64_t next)
{
	struct pollfd fd = {.fd = s->kick_fd, .events = POLLIN};
	uint64_t now = vm_now(s->vm), kicks;
	struct timespec wait;

	next = next < now + SECOND ? next : now + SECOND;
	next = next > now ? next - now : 0;
	wait.tv_sec = (time_t)(next / SECOND);
	wait.tv_nsec = (long)(next % SECOND);
	if (next && ppoll(&fd, 1, &wait, NULL) > 0)
		eventfd_read(s->kick_fd, &kicks);
	return vm_now(s->vm);
}

static void *worker(void *arg)
{
	struct source *s = arg;
	uint32_t cpu = VDEV_CPUMAP_NOWHERE;
	uint64_t now = vm_now(s->vm);

	while (!atomic_load(&s->stop)) {
		if (source_busy(s) && s->burst.cpu != cpu) {
			cpu = s->burst.cpu;
			to_cpu(pthread_self(), cpu);
		}
		now = until_kick(s, source_work(s, now));
	}
	return NULL;
}

/* An eventfd for each vector, for what is delivered by the kernel. */
static int add_irqfds(struct source *s)
{
	struct vdev_kvm_irqfd irq = {.struct_size = sizeof(irq), .resample_fd = -1};
	int r = 0;

	for (uint32_t i = 0; i < SOURCE_TYPES && !r; i++) {
		s->irq_fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (s->irq_fds[i] < 0)
			return -errno;
		irq.fd = s->irq_fds[i];
		irq.flags = VDEV_KVM_ATTACH;
		irq.gsi = gsi_of(s, i);
		r = vdev_kvm_add_irqfd(kvm_of(s->vm)->kvm, s->fn.unit, &irq);
	}
	return r;
}

static int begin(struct source *s)
{
	int r = add_irqfds(s);

	if (r)
		return r;
	s->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->kick_fd < 0)
		return -errno;
	r = pthread_create(&s->worker, NULL, worker, s);
	s->working = !r;
	return -r;
}

static void kick(struct source *s)
{
	eventfd_write(s->kick_fd, 1);
}

static void end(struct source *s)
{
	if (s->working) {
		atomic_store(&s->stop, true);
		kick(s);
		pthread_join(s->worker, NULL);
		s->working = false;
	}
	if (s->kick_fd >= 0)
		close(s->kick_fd);
	s->kick_fd = -1;
	for (uint32_t i = 0; i < SOURCE_TYPES; i++)
		if (s->irq_fds[i] >= 0)
			close(s->irq_fds[i]);
}

/* The destination is in the message: no route has to be changed for it. */
static void deliver(struct source *s, uint32_t type, const struct vdev_msi *aimed)
{
	struct vdev_kvm *kvm = kvm_of(s->vm)->kvm;
	int r;

	if (!aimed)
		r = vdev_kvm_signal(kvm, s->fn.unit, type);
	else
		r = vdev_kvm_signal_aimed(kvm, s->fn.unit, type, &s->vectors[type].message, aimed);
	if (r < 0)
		vm_broken(s->vm, "the interrupt of %s, type %u: %s", s->fn.name, type,
			  vdev_strerror(r));
}

static void route(struct source *s, uint32_t type, bool usable)
{
	const struct source_vector *v = &s->vectors[type];
	struct vdev_kvm_msi msi = {.struct_size = sizeof(msi),
				   .address = v->message.address,
				   .data = v->message.data,
				   .gsi = gsi_of(s, type),
				   .fd = s->irq_fds[type]};
	int r;

	if (usable)
		msi.flags = atomic_load(&s->vm->hints->in_kernel) ? VDEV_KVM_MSI_ROUTED
								  : VDEV_KVM_MSI_SIGNAL;
	if (usable && v->masked)
		msi.flags |= VDEV_KVM_MSI_MASKED;
	r = vdev_kvm_set_msi(kvm_of(s->vm)->kvm, s->fn.unit, type, &msi);
	if (r < 0)
		vm_broken(s->vm, "the message of %s, type %u: %s", s->fn.name, type,
			  vdev_strerror(r));
}

/* As a device of the kernel's would: nobody of ours has a part in it. */
static void deliver_in_kernel(struct source *s, uint32_t type)
{
	eventfd_write(s->irq_fds[type], 1);
}

const struct hint_machine hintwork_machine = {
	.cpus = host_cpus,
	.place = place,
	.here = here,
	.arises = arises,
	.provide = provide,
	.unprovide = unprovide,
	.locate = locate,
	.begin = begin,
	.end = end,
	.kick = kick,
	.deliver = deliver,
	.route = route,
	.deliver_in_kernel = deliver_in_kernel,
};
