/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI functions: configuration space, BAR decoding, MSI. A function that is hidden reads all-ones. */
#include "pci.h"

#include <errno.h>
#include <string.h>

#include "slot.h"
#include "vm.h"

#define CAP_MSI 0x05u
#define CAP_MSIX 0x11u
#define MSIX_ENABLE 0x8000u
#define MSIX_MASK 0x4000u

void pci_set(struct pci_fn *fn, uint32_t offset, uint32_t width, uint32_t value)
{
	for (uint32_t i = 0; i < width; i++)
		fn->config[offset + i] = (uint8_t)(value >> 8 * i);
}

uint32_t pci_get(const struct pci_fn *fn, uint32_t offset, uint32_t width)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < width; i++)
		value |= (uint32_t)fn->config[offset + i] << 8 * i;
	return value;
}

void pci_writable(struct pci_fn *fn, uint32_t offset, uint32_t width, uint32_t mask)
{
	for (uint32_t i = 0; i < width; i++)
		fn->writable[offset + i] = (uint8_t)(mask >> 8 * i);
}

void pci_init(struct pci_fn *fn, const char *name, uint32_t kind, uint32_t address)
{
	fn->kind = kind;
	fn->address = address;
	strncpy(fn->name, name, sizeof(fn->name) - 1);
	pci_set(fn, 0, 4, MINIVMM_VENDOR | kind << 16);
	pci_set(fn, 6, 2, 0x0010);
	pci_set(fn, 8, 4, 0xff000001);
	fn->config[0x0e] = 0x80; /* other functions may come */
	pci_writable(fn, PCI_COMMAND, 2, 0x0407);
}

/* BARs are naturally aligned and lie in one window; the guest finds them assigned. */
void pci_add_bar(struct vm *vm, struct pci_fn *fn, uint32_t number, uint64_t size)
{
	fn->bar[number] = vm->next_memory;
	fn->bar_size[number] = size;
	vm->next_memory += size;
	pci_set(fn, 0x10 + 4 * number, 4, (uint32_t)fn->bar[number]);
	pci_writable(fn, 0x10 + 4 * number, 4, (uint32_t) ~(size - 1));
}

static void add_capability(struct pci_fn *fn, uint32_t at, uint8_t id)
{
	fn->config[at] = id;
	fn->config[at + 1] = fn->config[0x34];
	fn->config[0x34] = (uint8_t)at;
}

void pci_add_msi(struct pci_fn *fn)
{
	add_capability(fn, PCI_MSI, CAP_MSI);
	pci_set(fn, PCI_MSI + 2, 2, 0x0080); /* 64-bit addresses, one message */
	pci_writable(fn, PCI_MSI + 2, 2, 0x0001);
	pci_writable(fn, PCI_MSI + 4, 4, 0xfffffffc);
	pci_writable(fn, PCI_MSI + 8, 4, 0xffffffff);
	pci_writable(fn, PCI_MSI + 12, 2, 0xffff);
}

void pci_add_msix(struct pci_fn *fn, uint32_t vectors, uint32_t bar, uint32_t pending)
{
	add_capability(fn, PCI_MSI, CAP_MSIX);
	pci_set(fn, PCI_MSI + 2, 2, vectors - 1);
	pci_set(fn, PCI_MSI + 4, 4, bar);
	pci_set(fn, PCI_MSI + 8, 4, pending | bar);
	pci_writable(fn, PCI_MSI + 2, 2, MSIX_ENABLE | MSIX_MASK);
}

bool pci_msix(const struct pci_fn *fn)
{
	return (pci_get(fn, PCI_MSI + 2, 2) & (MSIX_ENABLE | MSIX_MASK)) == MSIX_ENABLE &&
	       (pci_get(fn, PCI_COMMAND, 2) & PCI_MASTER);
}

/* A type 1 header with `buses` buses behind it. */
void pci_make_bridge(struct vm *vm, struct pci_fn *fn, uint32_t buses)
{
	fn->config[0x0e] |= 1;
	pci_set(fn, 8, 4, 0x06040001);
	fn->config[0x18] = (uint8_t)(fn->address >> 8);
	fn->config[0x19] = (uint8_t)vm->next_bus;
	fn->config[0x1a] = (uint8_t)(vm->next_bus + buses - 1);
	vm->next_bus += buses;
}

int pci_plug(struct vm *vm, struct pci_fn *fn)
{
	if (vm->functions_count == VM_FUNCTIONS || vm->next_bus > ECAM_BUSES)
		return -ENOSPC;
	vm->functions[vm->functions_count++] = fn;
	return 0;
}

bool pci_visible(const struct pci_fn *fn)
{
	return fn->present && !fn->hidden && (!fn->port || port_powered(fn->port));
}

int pci_msi(const struct pci_fn *fn, uint64_t *ret_address, uint32_t *ret_data)
{
	if (!pci_visible(fn) || !(fn->config[PCI_MSI + 2] & 1) ||
	    !(pci_get(fn, PCI_COMMAND, 2) & PCI_MASTER))
		return 0;
	*ret_address = (uint64_t)pci_get(fn, PCI_MSI + 8, 4) << 32 | pci_get(fn, PCI_MSI + 4, 4);
	*ret_data = pci_get(fn, PCI_MSI + 12, 2);
	return 1;
}

void pci_signal(struct vm *vm, struct pci_fn *fn)
{
	uint64_t address;
	uint32_t data;

	if (pci_msi(fn, &address, &data))
		vm->machine->message(vm, address, data);
}

void pci_reset(struct vm *vm, struct pci_fn *fn)
{
	pci_set(fn, PCI_COMMAND, 2, 0);
	if (fn->config[PCI_MSI] == CAP_MSI)
		pci_set(fn, PCI_MSI + 2, 2, 0x0080);
	else if (fn->config[PCI_MSI] == CAP_MSIX)
		pci_set(fn, PCI_MSI + 2, 2,
			pci_get(fn, PCI_MSI + 2, 2) & ~(MSIX_ENABLE | MSIX_MASK));
	vm->machine->routes(vm);
}

static struct pci_fn *at_address(struct vm *vm, uint32_t address)
{
	for (uint32_t i = 0; i < vm->functions_count; i++)
		if (vm->functions[i]->address == address && pci_visible(vm->functions[i]))
			return vm->functions[i];
	return NULL;
}

static struct pci_fn *at_bar(struct vm *vm, uint64_t address, uint32_t *ret_bar)
{
	for (uint32_t i = 0; i < vm->functions_count; i++) {
		struct pci_fn *fn = vm->functions[i];

		for (uint32_t b = 0; b < 2; b++)
			if (fn->bar_size[b] && address - fn->bar[b] < fn->bar_size[b] &&
			    pci_visible(fn)) {
				*ret_bar = b;
				return fn;
			}
	}
	return NULL;
}

/* The first time that the guest enables anything of it (R14). */
static void report_touch(struct vm *vm, struct pci_fn *fn, uint32_t before)
{
	if (!fn->track || (before & 7) || !(pci_get(fn, PCI_COMMAND, 2) & 7))
		return;
	vm_engine_lock(vm);
	vdev_removal_touch(vm->removal, fn->unit);
	vm_engine_unlock(vm);
}

static int config_write(struct vm *vm, struct pci_fn *fn, uint32_t offset, uint32_t width,
			uint64_t value)
{
	uint32_t before = pci_get(fn, PCI_COMMAND, 2);

	for (uint32_t i = 0; i < width; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * i), mask = fn->writable[offset + i];
		uint8_t *at = &fn->config[offset + i];

		*at = (uint8_t)((*at & ~mask) | (byte & mask));
		*at = (uint8_t)(*at & ~(byte & fn->write_clears[offset + i]));
	}
	report_touch(vm, fn, before);
	if (offset < PCI_COMMAND + 2 || (offset >= PCI_MSI && offset < PCI_MSI + 16))
		vm->machine->routes(vm);
	return fn->ops->configured ? fn->ops->configured(vm, fn, offset, width) : 0;
}

static int access_ok(uint64_t offset, uint32_t width)
{
	return (width == 1 || width == 2 || width == 4) && offset + width <= 256 &&
	       offset % width == 0;
}

uint64_t bus_read(struct vm *vm, uint64_t address, uint32_t width)
{
	uint64_t offset = address - ECAM_BASE, all = width >= 8 ? ~0ull : (1ull << 8 * width) - 1;
	struct pci_fn *fn;
	uint32_t bar;

	if (offset < (uint64_t)ECAM_BUSES << 20) {
		fn = at_address(vm, (uint32_t)(offset >> 12));
		if (!fn || !access_ok(offset & 0xfff, width))
			return all;
		return pci_get(fn, (uint32_t)(offset & 0xfff), width);
	}
	fn = at_bar(vm, address, &bar);
	return fn && fn->ops->read ? fn->ops->read(vm, fn, bar, address - fn->bar[bar], width) & all
				   : all;
}

/* Returns BUS_DISPATCH when the engine has to be drained before the CPU goes on. */
int bus_write(struct vm *vm, uint64_t address, uint32_t width, uint64_t value)
{
	uint64_t offset = address - ECAM_BASE;
	struct pci_fn *fn;
	uint32_t bar;

	if (offset < (uint64_t)ECAM_BUSES << 20) {
		fn = at_address(vm, (uint32_t)(offset >> 12));
		if (!fn || !access_ok(offset & 0xfff, width))
			return 0;
		return config_write(vm, fn, (uint32_t)(offset & 0xfff), width, value);
	}
	fn = at_bar(vm, address, &bar);
	return fn && fn->ops->write
		       ? fn->ops->write(vm, fn, bar, address - fn->bar[bar], width, value)
		       : 0;
}
