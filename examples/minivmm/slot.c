/* SPDX-License-Identifier: BSD-3-Clause */
/* Hot-plug registers of a PCIe root port. Each change of them is reported to the removal engine. */
#include "slot.h"

#include <errno.h>
#include <stdlib.h>

#include "vm.h"

#define SLTCAP (PCI_EXPRESS + 0x14u)
#define SLTCTL (PCI_EXPRESS + 0x18u)
#define SLTSTA (PCI_EXPRESS + 0x1au)
#define CHANGES (SLTSTA_ABP | SLTSTA_PDC | SLTSTA_CC | SLTSTA_DLLSC)

uint32_t port_control(const struct port *port)
{
	return pci_get(&port->fn, SLTCTL, 2);
}

uint32_t port_status(const struct port *port)
{
	return pci_get(&port->fn, SLTSTA, 2);
}

bool port_powered(const struct port *port)
{
	return !(port_control(port) & SLTCTL_PCC);
}

uint32_t bridge_bus(const struct pci_fn *fn)
{
	return fn->config[0x19];
}

struct slot_view port_view(struct vm *vm, const struct port *port)
{
	struct slot_view view;

	vm_lock(vm);
	view.control = port_control(port);
	view.status = port_status(port);
	view.presses = port->presses;
	vm_unlock(vm);
	return view;
}

/* Enable bits ABPE, PDCE, CCIE and DLLSCE stand where their events are named. */
static uint32_t enabled(uint32_t control)
{
	uint32_t events = 0;

	events |= control & 0x0001u ? SLTSTA_ABP : 0;
	events |= control & 0x0008u ? SLTSTA_PDC : 0;
	events |= control & 0x0010u ? SLTSTA_CC : 0;
	events |= control & 0x1000u ? SLTSTA_DLLSC : 0;
	return control & SLTCTL_HPIE ? events : 0;
}

static int report(struct vm *vm, struct port *port)
{
	int r;

	vm_engine_lock(vm);
	r = vdev_removal_slot(vm->removal, vm_now(vm), port->fn.unit, port_control(port),
			      port_status(port));
	vm_engine_unlock(vm);
	return r > 0 ? BUS_DISPATCH : 0;
}

static int event(struct vm *vm, struct port *port, uint32_t status, uint32_t events)
{
	pci_set(&port->fn, SLTSTA, 2, status | events);
	if (enabled(port_control(port)) & events)
		pci_signal(vm, &port->fn);
	return report(vm, port);
}

int port_press(struct vm *vm, struct port *port)
{
	port->presses++;
	return event(vm, port, port_status(port), SLTSTA_ABP);
}

int port_presence(struct vm *vm, struct port *port, bool present)
{
	uint32_t status = port_status(port) & ~SLTSTA_PDS;

	return event(vm, port, status | (present ? SLTSTA_PDS : 0), SLTSTA_PDC | SLTSTA_DLLSC);
}

/* The guest wrote Slot Control or Slot Status. A command completes at once. */
static int configured(struct vm *vm, struct pci_fn *fn, uint32_t offset, uint32_t width)
{
	struct port *port = (struct port *)fn;

	if (offset + width <= SLTCTL || offset >= SLTSTA + 2)
		return 0;
	if (offset < SLTSTA)
		return event(vm, port, port_status(port), SLTSTA_CC);
	return report(vm, port);
}

static const struct pci_ops ops = {.configured = configured};

static void registers(struct port *port)
{
	struct pci_fn *fn = &port->fn;

	fn->config[PCI_EXPRESS] = 0x10;
	fn->config[PCI_EXPRESS + 1] = fn->config[0x34];
	fn->config[0x34] = PCI_EXPRESS;
	pci_set(fn, PCI_EXPRESS + 2, 2, 0x0142); /* version 2, root port, slot implemented */
	pci_set(fn, SLTCAP, 4, SLTCAP_ABP | SLTCAP_PCP | SLTCAP_PIP | SLTCAP_HPC);
	pci_writable(fn, SLTCTL, 2, 0x17ff);
	for (uint32_t i = 0; i < 2; i++)
		fn->write_clears[SLTSTA + i] = (uint8_t)(CHANGES >> 8 * i);
	port_reset(NULL, port);
}

/* As firmware leaves it: powered, indicator on. */
void port_reset(struct vm *vm, struct port *port)
{
	uint32_t present = port_status(port) & SLTSTA_PDS;

	pci_set(&port->fn, SLTCTL, 2, SLTCTL_PIC_ON);
	pci_set(&port->fn, SLTSTA, 2, present);
	if (vm)
		report(vm, port);
}

static int add_unit(struct vm *vm, struct pci_fn *fn, uint32_t unit_class, uint64_t parent)
{
	struct vdev_removal_unit unit = {
		.struct_size = sizeof(unit),
		.unit_class = unit_class,
		.transport = fn->transport,
		.parent = parent,
		.user_data = (uintptr_t)fn,
		.name = fn->id,
		.slot_cap = unit_class == VDEV_REMOVAL_PCI_SLOT ? pci_get(fn, SLTCAP, 4) : 0,
	};
	int r = vdev_removal_add(vm->removal, vm_now(vm), &unit, &fn->unit);

	return r < 0 ? r : vdev_removal_set_address(vm->removal, fn->unit, fn->address);
}

struct pci_fn *port_blank(void)
{
	struct port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	port->fn.ops = &ops;
	return &port->fn;
}

struct pci_fn *bridge_blank(void)
{
	static const struct pci_ops none;
	struct pci_fn *fn = calloc(1, sizeof(*fn));

	if (fn)
		fn->ops = &none;
	return fn;
}

int port_new(struct vm *vm, const char *name, uint32_t address, struct port **ret_port)
{
	struct port *port = (struct port *)port_blank();
	int r;

	if (!port)
		return -ENOMEM;
	pci_init(&port->fn, name, MINIVMM_PORT, address);
	pci_make_bridge(vm, &port->fn, 2);
	pci_add_msi(&port->fn);
	registers(port);
	port->fn.id = ++vm->next_id;
	port->fn.transport = VDEV_REMOVAL_PCIE;
	port->fn.present = true;
	r = pci_plug(vm, &port->fn);
	if (r) {
		free(port);
		return r;
	}
	*ret_port = port;
	return add_unit(vm, &port->fn, VDEV_REMOVAL_PCI_SLOT, 0);
}

int bridge_new(struct vm *vm, const char *name, uint32_t address, struct port *port,
	       struct pci_fn **ret_bridge)
{
	struct pci_fn *fn = bridge_blank();
	int r;

	if (!fn)
		return -ENOMEM;
	pci_init(fn, name, MINIVMM_BRIDGE, address);
	pci_make_bridge(vm, fn, 1);
	fn->id = ++vm->next_id;
	fn->port = port;
	fn->transport = VDEV_REMOVAL_PVDEV;
	fn->present = true;
	r = pci_plug(vm, fn);
	if (r) {
		free(fn);
		return r;
	}
	*ret_bridge = fn;
	return add_unit(vm, fn, VDEV_REMOVAL_PCI_BRIDGE, port ? port->fn.unit : 0);
}
