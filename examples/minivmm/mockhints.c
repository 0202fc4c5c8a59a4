/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt hints on the mock: host CPUs are numbers, a vCPU is where it was put, workers have turns. */
#include "hints.h"
#include "mockhost.h"

static uint32_t cpus(struct vm *vm, uint32_t *ret_cpus, uint32_t most)
{
	for (uint32_t i = 0; i < most; i++)
		ret_cpus[i] = i;
	return most;
}

/* The truth; a provider that lies says the CPU after it. */
static int place(struct vm *vm, uint32_t vcpu, uint32_t cpu)
{
	struct vdev_mock *mock = host_of(vm)->mock;
	int r = vdev_mock_place(mock, vcpu, cpu, VDEV_CPUMAP_RUNNING);

	if (!r && atomic_load(&vm->hints->lies))
		r = vdev_mock_lie(mock, vcpu, hints_next_cpu(vm->hints, cpu), VDEV_CPUMAP_RUNNING);
	return r;
}

static uint32_t here(struct vm *vm)
{
	uint32_t cpu = VDEV_CPUMAP_NOWHERE;

	vdev_mock_where(host_of(vm)->mock, host_of(vm)->turn, &cpu, NULL);
	return cpu;
}

static uint32_t arises(struct source *s)
{
	return s->burst.cpu;
}

static int provide(struct vm *vm, uint32_t kinds)
{
	vm->hints->provider_name = "mock";
	return 0;
}

static void unprovide(struct vm *vm)
{
}

static void locate(struct vm *vm)
{
	vdev_mock_refresh(host_of(vm)->mock, vm_now(vm), vm->hints->map);
}

static int begin(struct source *s)
{
	return 0;
}

static void nothing(struct source *s)
{
}

static void deliver(struct source *s, uint32_t type, const struct vdev_msi *aimed)
{
	const struct vdev_msi *m = &s->vectors[type].message;
	const struct hints *h = s->vm->hints;
	uint64_t set = 0;

	if (aimed) {
		s->vm->machine->message(s->vm, aimed->address, aimed->data);
		return;
	}
	/* The interrupt controller's part: of those that a message may reach, the lowest. */
	if (vdev_msi_reach(m, h->apics, s->vm->cpus, 0, &set, 1) > 0)
		s->vm->machine->message(s->vm, (uint64_t)__builtin_ctzll(set) << 12, m->data);
}

static void route(struct source *s, uint32_t type, bool usable)
{
}

static void deliver_in_kernel(struct source *s, uint32_t type)
{
	deliver(s, type, NULL);
}

const struct hint_machine mockhints_machine = {
	.cpus = cpus,
	.place = place,
	.here = here,
	.arises = arises,
	.provide = provide,
	.unprovide = unprovide,
	.locate = locate,
	.begin = begin,
	.end = nothing,
	.kick = nothing,
	.deliver = deliver,
	.route = route,
	.deliver_in_kernel = deliver_in_kernel,
};
