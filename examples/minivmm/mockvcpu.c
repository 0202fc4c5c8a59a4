/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine without a hypervisor: the guest's own driver source runs inline, on the VMM's bus, with
 * a clock of our own that jumps when nobody has anything to do. Actions are pumped by hand, as a VMM
 * with an event loop of its own does; the library's mock stands for the KVM backend.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "guest/driver.h"
#include "hints.h"
#include "lending.h"
#include "mockhost.h"
#include "model.h"

#define START_NS 1000000000ull
#define STEP_NS 100000ull
uint32_t platform_read(struct platform *p, uint64_t address, unsigned int width)
{
	uint64_t value;

	vm_lock(p->vm);
	value = bus_read(p->vm, address, width);
	vm_unlock(p->vm);
	return (uint32_t)value;
}

void platform_write(struct platform *p, uint64_t address, unsigned int width, uint32_t value)
{
	int r;

	vm_lock(p->vm);
	r = bus_write(p->vm, address, width, value);
	vm_unlock(p->vm);
	if (r & BUS_DISPATCH)
		vm_dispatch(p->vm);
}

void *platform_ram(struct platform *p, uint64_t address)
{
	return p->vm->ram + address;
}

uint32_t platform_ms(struct platform *p)
{
	return (uint32_t)(host_of(p->vm)->ran / MS);
}

static void message(struct vm *vm, uint64_t address, uint32_t data)
{
	uint32_t cpu = (uint32_t)(address >> 12) & 0xff, vector = data & 0xff;

	if (cpu < vm->cpus)
		host_of(vm)->vectors[cpu][vector / 64] |= 1ull << (vector % 64);
}

static void interrupt(struct vm *vm, struct device *d)
{
	pci_signal(vm, &d->fn);
}

static void deliver(struct vm *vm, uint32_t cpu)
{
	struct host *h = host_of(vm);

	for (uint32_t v = 32; v < 256; v++) {
		uint64_t bit = 1ull << (v % 64);

		if (!(h->vectors[cpu][v / 64] & bit))
			continue;
		h->vectors[cpu][v / 64] &= ~bit;
		driver_interrupt(&h->platform, cpu, v);
	}
}

/* Each CPU gets its tick and one turn of its main loop. */
static int guest_turn(struct vm *vm)
{
	struct host *h = host_of(vm);
	int busy = 0;

	if (!h->running || !model_writable(vm->model))
		return 0;
	for (uint32_t cpu = 0; cpu < vm->cpus; cpu++) {
		h->turn = cpu;
		if (h->ran / MS != h->ticked)
			message(vm, (uint64_t)cpu << 12, VECTOR_TICK(cpu));
		deliver(vm, cpu);
		busy |= driver_poll(&h->platform, cpu);
	}
	h->ticked = h->ran / MS;
	return busy;
}

static uint64_t workers(struct vm *vm)
{
	uint64_t next = UINT64_MAX, t;

	vm_lock(vm);
	for (uint32_t i = 0; i < vm->functions_count; i++)
		if (vm->functions[i]->kind == MINIVMM_BLOCK && !vm->functions[i]->released) {
			t = device_work((struct device *)vm->functions[i], host_of(vm)->now);
			next = t < next ? t : next;
		}
	vm_unlock(vm);
	t = hints_work(vm, host_of(vm)->now);
	return t < next ? t : next;
}

static void advance(struct vm *vm, int busy, uint64_t worker_ns)
{
	struct host *h = host_of(vm);
	uint64_t next = h->now + (busy ? STEP_NS : MS), t;

	if (worker_ns < next)
		next = worker_ns;
	if (vdev_removal_deadline(vm->removal, &t) == 1 && t < next)
		next = t;
	if (vdev_mock_deadline(h->mock, &t) == 1 && t < next)
		next = t;
	if (vm->lending && vdev_zerocopy_deadline(vm->lending->engine, &t) == 1 && t < next)
		next = t;
	if (next < h->now + 1000)
		next = h->now + 1000;
	if (h->running)
		h->ran += next - h->now;
	h->now = next;
}

static void slice(struct vm *vm)
{
	int busy = guest_turn(vm);
	uint64_t next = workers(vm);

	busy |= model_lend_round(vm);
	mock_pump(vm);
	advance(vm, busy, next);
}

static int mock_open(struct vm *vm)
{
	struct vdev_mock_config config = {.struct_size = sizeof(config),
					  .max_records = 1024,
					  .max_rules = 16,
					  .max_pending = 16,
					  .max_vcpus = vm->cpus};
	struct host *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->platform.vm = vm;
	h->now = START_NS;
	vm->host = h;
	vm->model = model_new(vm);
	if (!vm->model)
		return -ENOMEM;
	return vdev_mock_new(&h->mock, &vm->env, &config);
}

static void mock_close(struct vm *vm)
{
	struct host *h = host_of(vm);

	if (h)
		vdev_mock_free(h->mock);
	model_free(vm->model);
	free(h);
}

/* The engine is pumped by hand: nobody has to be told of it. */
static int mock_connect(struct vm *vm)
{
	return 0;
}

static int mock_start(struct vm *vm)
{
	struct host *h = host_of(vm);

	memset(h->vectors, 0, sizeof(h->vectors));
	h->running = true;
	return 0;
}

static int mock_go_on(struct vm *vm)
{
	host_of(vm)->running = true;
	return 0;
}

static void mock_pause(struct vm *vm)
{
	host_of(vm)->running = false;
}

static void mock_resume(struct vm *vm)
{
	host_of(vm)->running = true;
}

static uint64_t mock_now(struct vm *vm)
{
	return host_of(vm)->now;
}

static void nothing(struct vm *vm)
{
}

static int mock_attach(struct vm *vm, struct device *d)
{
	return 0;
}

/* Workers are polled: there is nobody to wake and nothing to close. */
static void mock_device(struct vm *vm, struct device *d)
{
}

static bool mock_gated(struct vm *vm, struct device *d)
{
	return d->fn.hidden;
}

static int mock_rename(struct vm *vm, uint64_t old_unit, uint64_t new_unit)
{
	return 0;
}

static int mock_fail(struct vm *vm, uint64_t unit, uint32_t kind, int status)
{
	struct vdev_mock_rule rule = {
		.struct_size = sizeof(rule), .kind = kind, .dev = unit, .status = status};

	return vdev_mock_rule(host_of(vm)->mock, &rule);
}

static void mock_turn(struct vm *vm)
{
	guest_turn(vm);
}

static int mock_save(struct vm *vm, FILE *file)
{
	struct host *h = host_of(vm);

	return fwrite(&h->ran, sizeof(h->ran), 1, file) == 1 &&
			       fwrite(h->vectors, sizeof(h->vectors), 1, file) == 1
		       ? 0
		       : -EIO;
}

static int mock_load(struct vm *vm, FILE *file)
{
	struct host *h = host_of(vm);

	return fread(&h->ran, sizeof(h->ran), 1, file) == 1 &&
			       fread(h->vectors, sizeof(h->vectors), 1, file) == 1
		       ? 0
		       : -EIO;
}

const struct machine machine_mock = {
	.name = "mock",
	.open = mock_open,
	.close = mock_close,
	.connect = mock_connect,
	.start = mock_start,
	.go_on = mock_go_on,
	.pause = mock_pause,
	.resume = mock_resume,
	.now = mock_now,
	.lock = nothing,
	.unlock = nothing,
	.dispatch = mock_pump,
	.complete = mock_complete,
	.slice = slice,
	.message = message,
	.interrupt = interrupt,
	.routes = nothing,
	.attach = mock_attach,
	.release = mock_device,
	.kick = mock_device,
	.gated = mock_gated,
	.rename = mock_rename,
	.fail = mock_fail,
	.lend = model_lend,
	.unlend = nothing,
	.ring = model_lend_ring,
	.poke = nothing, /* the pump looks in each slice */
	.replace = model_lend_replace,
	.hold = model_writer_hold,
	.write = model_writer_write,
	.let_go = model_writer_let_go,
	.turn = mock_turn,
	.hints = &mockhints_machine,
	.save = mock_save,
	.load = mock_load,
};
