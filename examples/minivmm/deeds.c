/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VMM's own backend: what each action of the removal engine means here. The library's KVM
 * backend (or the mock) does its part of the same actions after us.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "slot.h"
#include "vm.h"

static struct pci_fn *fn_of(uint64_t user_data)
{
	return (struct pci_fn *)(uintptr_t)user_data;
}

static struct device *block_of(const struct vdev_action *a)
{
	struct pci_fn *fn = fn_of(a->user_data);

	return fn && fn->kind == MINIVMM_BLOCK ? (struct device *)fn : NULL;
}

static int press(struct vm *vm, struct pci_fn *fn)
{
	vm_lock(vm);
	port_press(vm, (struct port *)fn);
	vm_unlock(vm);
	return 0;
}

/* A button pressed while the indicator blinks takes the first press back; afterwards it is late. */
static int unpress(struct vm *vm, struct pci_fn *fn)
{
	struct port *port = (struct port *)fn;

	vm_lock(vm);
	if ((port_control(port) & SLTCTL_PIC) == SLTCTL_PIC_BLINK)
		port_press(vm, port);
	vm_unlock(vm);
	return 0;
}

static int warn(struct vm *vm, const struct vdev_action *a)
{
	struct pci_fn *fn = fn_of(a->user_data);

	if (fn && fn->kind == MINIVMM_PORT)
		return a->kind == VDEV_REMOVAL_WARN ? press(vm, fn) : unpress(vm, fn);
	return pvfn_perform(vm, a);
}

static int appear(struct vm *vm, struct pci_fn *fn, const struct vdev_action *a)
{
	int r;

	vm_lock(vm);
	fn->present = true;
	fn->hidden = false;
	if (fn->port)
		port_presence(vm, fn->port, true);
	vm_unlock(vm);
	if (fn->port || fn->transport != VDEV_REMOVAL_PVDEV)
		return 0;
	r = pvfn_perform(vm, a);
	return r == -EAGAIN ? 0 : r; /* no driver yet: the guest will find it when it looks */
}

static int announce(struct vm *vm, const struct vdev_action *a)
{
	struct pci_fn *fn = fn_of(a->user_data);

	vm_engine_lock(vm);
	vdev_removal_set_address(vm->removal, a->dev, fn->address);
	vm_engine_unlock(vm);
	return appear(vm, fn, a);
}

/* The same device comes back under a new handle. */
static int reannounce(struct vm *vm, const struct vdev_action *a)
{
	struct pci_fn *fn = fn_of(a->user_data);
	struct device *d = block_of(a);
	int r = d ? vm->machine->rename(vm, a->arg[2], a->dev) : 0;

	fn->unit = a->dev;
	if (d) {
		vm_lock(vm);
		device_reset(d);
		vm_unlock(vm);
	}
	return r ? r : announce(vm, a);
}

static int hide(struct vm *vm, const struct vdev_action *a)
{
	struct pci_fn *fn = fn_of(a->user_data);

	vm_lock(vm);
	fn->hidden = true;
	if ((a->flags & VDEV_REMOVAL_LAST) && fn->port)
		port_presence(vm, fn->port, false);
	vm_unlock(vm);
	return 0;
}

static int quiesce(struct vm *vm, const struct vdev_action *a)
{
	struct device *d = block_of(a);
	int r = 0;

	vm_lock(vm);
	if (d)
		r = a->kind == VDEV_REMOVAL_QUIESCE ? device_quiesce(d, a->id)
						    : device_drain(d, a->id);
	vm_unlock(vm);
	return r;
}

static int resume(struct vm *vm, const struct vdev_action *a)
{
	struct device *d = block_of(a);

	vm_lock(vm);
	if (d)
		device_resume(d);
	vm_unlock(vm);
	return 0;
}

static int silence(struct vm *vm, const struct vdev_action *a)
{
	struct pci_fn *fn = fn_of(a->user_data);

	vm_lock(vm);
	if (a->kind == VDEV_REMOVAL_RESET && fn->kind == MINIVMM_BLOCK)
		device_reset((struct device *)fn);
	else
		pci_reset(vm, fn);
	vm_unlock(vm);
	return 0;
}

/* COARSE: all in one, and the KVM backend must find nothing in flight when its turn comes. */
static int teardown(struct vm *vm, const struct vdev_action *a)
{
	struct device *d = block_of(a);

	vm_lock(vm);
	if (d)
		device_reset(d);
	vm_unlock(vm);
	return 0;
}

static int release(struct vm *vm, const struct vdev_action *a)
{
	struct pci_fn *fn = fn_of(a->user_data);
	struct device *d = block_of(a);

	if (d)
		vm->machine->release(vm, d);
	vm_lock(vm);
	fn->present = false;
	fn->released = true;
	vm_unlock(vm);
	return 0;
}

/* The engine gave up waiting for an action; so do we, unless we are told to be stubborn. */
static int cancel(struct vm *vm, const struct vdev_action *a)
{
	struct device *d = block_of(a);
	uint64_t id = 0;

	for (uint32_t i = 0; i < vm->faults_count; i++)
		if (vm->faults[i].hanging == a->arg[0])
			return 0;
	vm_lock(vm);
	if (d && d->ending == a->arg[0]) {
		id = d->ending;
		d->ending = 0;
	}
	vm_unlock(vm);
	if (id)
		vm->machine->complete(vm, id, -ECANCELED);
	return 0;
}

static int unhold(struct vm *vm)
{
	int r;

	vm->unholds++;
	vm_engine_lock(vm);
	r = vdev_removal_unhold(vm->removal, vm_now(vm));
	vm_engine_unlock(vm);
	return r < 0 && r != -EBUSY ? r : 0;
}

static int perform(struct vm *vm, const struct vdev_action *a)
{
	switch (a->kind) {
	case VDEV_REMOVAL_WARN:
	case VDEV_REMOVAL_UNWARN:
		return warn(vm, a);
	case VDEV_REMOVAL_REDECLARE:
		return pvfn_perform(vm, a);
	case VDEV_REMOVAL_ANNOUNCE:
		return announce(vm, a);
	case VDEV_REMOVAL_REANNOUNCE:
		return reannounce(vm, a);
	case VDEV_REMOVAL_QUIESCE:
	case VDEV_REMOVAL_DRAIN:
		return quiesce(vm, a);
	case VDEV_REMOVAL_RESUME:
		return resume(vm, a);
	case VDEV_REMOVAL_HIDE:
		return hide(vm, a);
	case VDEV_REMOVAL_IRQ_OFF:
	case VDEV_REMOVAL_RESET:
		return silence(vm, a);
	case VDEV_REMOVAL_TEARDOWN:
		return teardown(vm, a);
	case VDEV_REMOVAL_RELEASE:
		return release(vm, a);
	case VDEV_REMOVAL_OUTCOME:
		return 0; /* the record below is what management reads */
	case VDEV_REMOVAL_UNHOLD:
		return unhold(vm);
	case VDEV_CANCEL:
		return cancel(vm, a);
	default:
		return a->kind >= VDEV_REMOVAL_OWN_STEP_FIRST &&
				       a->kind <= VDEV_REMOVAL_OWN_STEP_LAST
			       ? 0
			       : -EOPNOTSUPP;
	}
}

static void record(struct vm *vm, const struct vdev_action *a, int status)
{
	uint32_t n = atomic_load(&vm->deeds_count);

	if (n == VM_DEEDS)
		return;
	vm->deeds[n].action = *a;
	vm->deeds[n].fn = fn_of(a->user_data);
	vm->deeds[n].now_ns = vm_now(vm);
	vm->deeds[n].status = status;
	atomic_store(&vm->deeds_count, n + 1);
}

static int perform_or_fail(struct vm *vm, const struct vdev_action *a)
{
	for (uint32_t i = 0; i < vm->faults_count; i++) {
		struct fault *f = &vm->faults[i];

		if (f->kind != a->kind || f->fn != fn_of(a->user_data))
			continue;
		if (f->status)
			return f->status;
		f->hanging = a->id;
		return VDEV_BACKEND_LATER;
	}
	return perform(vm, a);
}

int deeds_perform(struct vm *vm, const struct vdev_action *a)
{
	int r = perform_or_fail(vm, a);

	vm_lock(vm);
	record(vm, a, r);
	vm_unlock(vm);
	return r;
}

static int table_perform(void *backend, const struct vdev_action *a)
{
	return deeds_perform(backend, a);
}

const struct vdev_backend_ops *deeds_ops(void)
{
	static const struct vdev_backend_ops ops = {
		.struct_size = sizeof(ops),
		.name = "minivmm",
		.perform = table_perform,
	};

	return &ops;
}

void deeds_fault(struct vm *vm, struct pci_fn *fn, uint32_t kind, int status)
{
	struct fault *f = &vm->faults[vm->faults_count];

	if (vm->faults_count == VM_FAULTS)
		return;
	*f = (struct fault){.fn = fn, .kind = kind, .status = status};
	vm->faults_count++;
}

void deeds_unstick(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->faults_count; i++)
		if (vm->faults[i].hanging)
			vm->machine->complete(vm, vm->faults[i].hanging, 0);
	vm->faults_count = 0;
	vm_dispatch(vm);
}
