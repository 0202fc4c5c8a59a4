/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI functions on the bus: configuration space behind ECAM, two memory BARs, an MSI or MSI-X capability.
 * Firmware's part is the VMM's: bus numbers and BAR addresses are assigned when a function is made
 * and stay. All calls need the device model's lock.
 */
#ifndef MINIVMM_PCI_H
#define MINIVMM_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;
struct port;
struct pci_fn;

#define PCI_COMMAND 0x04u
#define PCI_MSI 0x80u /* where we put the capability */
#define PCI_EXPRESS 0x40u
#define PCI_MASTER 0x4u

/* A bit mask: what has to happen after an access, once the locks are free. */
#define BUS_DISPATCH 0x1

struct pci_ops {
	uint32_t (*read)(struct vm *vm, struct pci_fn *fn, uint32_t bar, uint64_t offset,
			 uint32_t width);
	int (*write)(struct vm *vm, struct pci_fn *fn, uint32_t bar, uint64_t offset,
		     uint32_t width, uint64_t value);
	/* Bytes of configuration space were written; may be NULL. */
	int (*configured)(struct vm *vm, struct pci_fn *fn, uint32_t offset, uint32_t width);
};

struct pci_fn {
	const struct pci_ops *ops;
	char name[16];
	uint64_t id; /* management's name */
	uint64_t unit; /* handle in the removal engine, 0: not a unit of it */
	uint64_t bar[2], bar_size[2];
	struct port *port; /* hot-plug slot that it is below, or NULL */
	struct pci_fn *above; /* PF, or bridge */
	uint32_t kind; /* MINIVMM_... device id */
	uint32_t address; /* bus << 8 | devfn */
	uint32_t transport;
	bool present; /* plugged */
	bool hidden; /* reads all-ones */
	bool track; /* report the first touch */
	bool released;
	uint8_t config[256];
	uint8_t writable[256];
	uint8_t write_clears[256];
};

/* Fills in a function whose `ops` are set and the rest is zero. */
void pci_init(struct pci_fn *fn, const char *name, uint32_t kind, uint32_t address);
void pci_set(struct pci_fn *fn, uint32_t offset, uint32_t width, uint32_t value);
uint32_t pci_get(const struct pci_fn *fn, uint32_t offset, uint32_t width);
void pci_writable(struct pci_fn *fn, uint32_t offset, uint32_t width, uint32_t mask);
void pci_add_bar(struct vm *vm, struct pci_fn *fn, uint32_t number, uint64_t size);
void pci_add_msi(struct pci_fn *fn);
/* `vectors` entries at the start of a BAR, pending bits at `pending`; the device has the table. */
void pci_add_msix(struct pci_fn *fn, uint32_t vectors, uint32_t bar, uint32_t pending);
bool pci_msix(const struct pci_fn *fn); /* enabled, and not masked as a whole */
void pci_make_bridge(struct vm *vm, struct pci_fn *fn, uint32_t buses);
int pci_plug(struct vm *vm, struct pci_fn *fn);
bool pci_visible(const struct pci_fn *fn);
/* The function's MSI, if the guest enabled it: 1 and the message. */
int pci_msi(const struct pci_fn *fn, uint64_t *ret_address, uint32_t *ret_data);
void pci_signal(struct vm *vm, struct pci_fn *fn);
void pci_reset(struct vm *vm, struct pci_fn *fn);

/* The whole bus, as CPUs see it. */
uint64_t bus_read(struct vm *vm, uint64_t address, uint32_t width);
int bus_write(struct vm *vm, uint64_t address, uint32_t width, uint64_t value);

#endif
