/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtual machine: made, run, paused, reset and ended. */
#include "vm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "hints.h"
#include "lending.h"
#include "slot.h"
#include "trace.h"

uint64_t vm_now(struct vm *vm)
{
	return vm->machine->now(vm);
}

void vm_dispatch(struct vm *vm)
{
	vm->machine->dispatch(vm);
}

void vm_lock(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
}

void vm_unlock(struct vm *vm)
{
	pthread_mutex_unlock(&vm->lock);
}

void vm_engine_lock(struct vm *vm)
{
	vm->machine->lock(vm);
}

void vm_engine_unlock(struct vm *vm)
{
	vm->machine->unlock(vm);
}

/* The first reason counts. */
void vm_broken(struct vm *vm, const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&vm->broken_lock);
	va_start(args, format);
	if (!atomic_load(&vm->is_broken))
		vsnprintf(vm->broken, sizeof(vm->broken), format, args);
	va_end(args);
	atomic_store(&vm->is_broken, true);
	pthread_mutex_unlock(&vm->broken_lock);
}

/* No worker may look at a slot that is gone: all of them end first. */
static void end_workers(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->functions_count; i++)
		if (vm->functions[i]->kind == MINIVMM_BLOCK)
			vm->machine->release(vm, (struct device *)vm->functions[i]);
}

static void free_function(struct vm *vm, struct pci_fn *fn)
{
	if (fn->kind == MINIVMM_BLOCK)
		device_free((struct device *)fn);
	else if (fn->kind == MINIVMM_SOURCE)
		source_free((struct source *)fn);
	else if (fn != &vm->pv)
		free(fn); /* a port and a bridge begin with their function */
}

void vm_free(struct vm *vm)
{
	if (!vm)
		return;
	if (vm->running)
		vm->machine->pause(vm);
	hints_end_workers(vm);
	lending_free(vm);
	end_workers(vm);
	hints_free(vm);
	for (uint32_t i = 0; i < vm->functions_count; i++)
		free_function(vm, vm->functions[i]);
	vm->machine->close(vm);
	vdev_pvdev_free(vm->pvdev);
	vdev_removal_free(vm->removal);
	memory_free(vm);
	pthread_mutex_destroy(&vm->broken_lock);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
}

static int make_engine(struct vm *vm, const struct vm_image *image)
{
	struct vdev_removal_config config = vm->options.removal;
	int r;

	config.struct_size = sizeof(config);
	config.max_units = config.max_units ? config.max_units : VM_FUNCTIONS;
	if (image)
		r = vdev_removal_load(&vm->env, &config, vm_now(vm), image->removal,
				      image->removal_size, &vm->removal);
	else
		r = vdev_removal_new(&vm->removal, &vm->env, &config);
	return r ? r : pvfn_new(vm, image);
}

static int build(struct vm *vm, const struct vm_image *image)
{
	int r = memory_new(vm);

	if (!r)
		r = vm->machine->open(vm);
	if (!r)
		r = make_engine(vm, image);
	if (!r)
		r = vm->machine->connect(vm);
	if (!r)
		r = lending_new(vm);
	if (!r)
		r = hints_new(vm);
	return r || image ? r : memory_load_guest(vm);
}

int vm_new(struct vm **ret_vm, const struct vm_options *options, const struct vm_image *image)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int r;

	if (!vm)
		return -ENOMEM;
	vm->options = *options;
	vm->cpus = options->cpus ? options->cpus : GUEST_CPUS_USUAL;
	vm->machine = options->machine;
	vm->env.struct_size = sizeof(vm->env);
	vm->env.user = options->trace;
	vm->env.trace = options->trace ? trace_event : NULL;
	vm->next_memory = MMIO_BASE;
	vm->next_bus = 1;
	pthread_mutex_init(&vm->lock, NULL);
	pthread_mutex_init(&vm->broken_lock, NULL);
	r = build(vm, image);
	if (!r)
		trace_clock(options->trace, vm);
	if (r)
		vm_free(vm);
	else
		*ret_vm = vm;
	return r;
}

int vm_start(struct vm *vm)
{
	int r = vm->machine->start(vm);

	vm->running = !r;
	return r;
}

int vm_go_on(struct vm *vm)
{
	int r = vm->machine->go_on(vm);

	vm->running = !r;
	vm_dispatch(vm);
	return r;
}

bool vm_wait(struct vm *vm, bool (*condition)(struct vm *vm, const void *arg), const void *arg,
	     uint64_t ms)
{
	uint64_t end = vm_now(vm) + ms * MS;

	while (!condition(vm, arg)) {
		if (vm_now(vm) >= end || atomic_load(&vm->is_broken))
			return false;
		vm->machine->slice(vm);
	}
	return true;
}

static bool never(struct vm *vm, const void *arg)
{
	return false;
}

void vm_run_for(struct vm *vm, uint64_t ms)
{
	vm_wait(vm, never, NULL, ms);
}

/* The guest's deadlines stand still meanwhile (R9). */
void vm_pause(struct vm *vm)
{
	vm->machine->pause(vm);
	vm_engine_lock(vm);
	vdev_removal_pause(vm->removal, vm_now(vm));
	vm_engine_unlock(vm);
	vm->running = false;
}

void vm_resume(struct vm *vm)
{
	vm_engine_lock(vm);
	vdev_removal_resume(vm->removal, vm_now(vm));
	vm_engine_unlock(vm);
	vm->running = true;
	vm->machine->resume(vm);
	vm_dispatch(vm);
}

static void reset_devices(struct vm *vm)
{
	vm_lock(vm);
	for (uint32_t i = 0; i < vm->functions_count; i++) {
		struct pci_fn *fn = vm->functions[i];

		if (fn->kind == MINIVMM_BLOCK && !fn->released)
			device_reset((struct device *)fn);
		else if (fn->kind == MINIVMM_PORT)
			port_reset(vm, (struct port *)fn);
		else if (fn->kind == MINIVMM_SOURCE) {
			source_reset((struct source *)fn);
			pci_reset(vm, fn);
		} else if (!fn->released)
			pci_reset(vm, fn);
	}
	vm_unlock(vm);
}

static int reset_end(struct vm *vm)
{
	int r;

	vm_engine_lock(vm);
	r = vdev_removal_reset_end(vm->removal, vm_now(vm));
	vm_engine_unlock(vm);
	return r;
}

static int until_ended(struct vm *vm, int (*end)(struct vm *vm))
{
	uint64_t until = vm_now(vm) + 5 * SECOND;
	int r;

	while ((r = end(vm)) == -EAGAIN && vm_now(vm) < until) {
		vm->resets_refused++;
		vm_dispatch(vm);
		vm->machine->slice(vm);
	}
	return r;
}

static void reset_begin(struct vm *vm)
{
	vm_engine_lock(vm);
	vdev_removal_reset_begin(vm->removal, vm_now(vm));
	vdev_pvdev_reset(vm->pvdev, vm_now(vm));
	vm_engine_unlock(vm);
	if (vm->lending)
		lending_reset_begin(vm, VDEV_ZEROCOPY_RESET, vm->options.lending.reset_flags);
	lending_changed(vm);
}

/* Begin: what is leaving leaves, and what is lent comes back. */
static int reset_all(struct vm *vm)
{
	int r;

	reset_begin(vm);
	r = until_ended(vm, reset_end);
	return r < 0 || !vm->lending ? r : until_ended(vm, lending_reset_end);
}

/* Only when all of it has may the new kernel start (R17, Z3). The pages that the VMM and the guest's
 * driver talk through stay, even when all memory is replaced by zeroes. */
int vm_reset(struct vm *vm)
{
	size_t size = GUEST_STACKS - GUEST_REPORT;
	void *kept = malloc(size);
	int r;

	if (!kept)
		return -ENOMEM;
	vm->machine->pause(vm);
	memcpy(kept, vm->ram + GUEST_REPORT, size);
	r = reset_all(vm);
	memcpy(vm->ram + GUEST_REPORT, kept, size);
	free(kept);
	if (r < 0)
		return r;
	vm_dispatch(vm);
	reset_devices(vm);
	hints_reset(vm);
	memory_clear(vm);
	r = memory_load_guest(vm);
	return r ? r : vm->machine->start(vm);
}
