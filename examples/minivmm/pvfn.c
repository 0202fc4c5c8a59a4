/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual management function of the library, as a PCI function on bus 0. */
#include <errno.h>
#include <string.h>

#include <vdev/guest.h>

#include "lending.h"
#include "vm.h"

#define PVFN_ADDRESS (1u << 3)

static uint32_t read_bar(struct vm *vm, struct pci_fn *fn, uint32_t bar, uint64_t offset,
			 uint32_t width)
{
	uint32_t value = ALL_ONES;

	vm_engine_lock(vm);
	vdev_pvdev_read(vm->pvdev, vm_now(vm), offset, &value, width > 4 ? 4 : width);
	vm_engine_unlock(vm);
	return value;
}

static int write_bar(struct vm *vm, struct pci_fn *fn, uint32_t bar, uint64_t offset,
		     uint32_t width, uint64_t value)
{
	uint64_t doorbells = 0;
	int r;

	vm_engine_lock(vm);
	r = vdev_pvdev_write(vm->pvdev, vm_now(vm), offset, &value, width);
	if (r > 0 && (r & VDEV_PVDEV_DOORBELL))
		doorbells = vdev_pvdev_doorbells(vm->pvdev);
	vm_engine_unlock(vm);
	if (r <= 0)
		return 0;
	if (r & VDEV_PVDEV_RAISE)
		pci_signal(vm, fn);
	if (r & VDEV_PVDEV_QUEUE)
		lending_changed(vm);
	if (doorbells)
		lending_doorbells(vm, doorbells);
	return r & VDEV_PVDEV_DISPATCH ? BUS_DISPATCH : 0;
}

static const struct pci_ops ops = {.read = read_bar, .write = write_bar};

int pvfn_perform(struct vm *vm, const struct vdev_action *action)
{
	int r;

	vm_engine_lock(vm);
	r = vdev_pvdev_perform(vm->pvdev, vm_now(vm), action);
	vm_engine_unlock(vm);
	if (r < 0)
		return r;
	vm_lock(vm);
	if (r & VDEV_PVDEV_RAISE)
		pci_signal(vm, &vm->pv);
	vm_unlock(vm);
	return 0;
}

int pvfn_new(struct vm *vm, const struct vm_image *image)
{
	struct vdev_pvdev_config config = {.struct_size = sizeof(config),
					   .removal = vm->removal,
					   .queues = vm->options.lending.queues,
					   .queue_size = 256};
	int r;

	if (image)
		r = vdev_pvdev_load(&vm->env, &config, vm_now(vm), image->pvdev, image->pvdev_size,
				    &vm->pvdev);
	else
		r = vdev_pvdev_new(&vm->pvdev, &vm->env, &config);
	if (r)
		return r;
	vm->pv.ops = &ops;
	pci_init(&vm->pv, "pvdev", MINIVMM_PVDEV, PVFN_ADDRESS);
	pci_add_bar(vm, &vm->pv, 0, VDEV_GUEST_BAR_SIZE);
	pci_add_msi(&vm->pv);
	vm->pv.present = true;
	return pci_plug(vm, &vm->pv);
}
