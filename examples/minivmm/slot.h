/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PCIe root port with a hot-plug slot, and a plain bridge (PCI Express Base Specification,
 * 7.5.3.9 to 7.5.3.11, 6.7). Calls need the device model's lock.
 */
#ifndef MINIVMM_SLOT_H
#define MINIVMM_SLOT_H

#include "pci.h"

#define SLTCAP_ABP 0x1u
#define SLTCAP_PCP 0x2u
#define SLTCAP_PIP 0x10u
#define SLTCAP_HPS 0x20u
#define SLTCAP_HPC 0x40u

#define SLTCTL_HPIE 0x0020u
#define SLTCTL_PIC 0x0300u
#define SLTCTL_PIC_ON 0x0100u
#define SLTCTL_PIC_BLINK 0x0200u
#define SLTCTL_PCC 0x0400u

#define SLTSTA_ABP 0x0001u
#define SLTSTA_PDC 0x0008u
#define SLTSTA_CC 0x0010u
#define SLTSTA_PDS 0x0040u
#define SLTSTA_DLLSC 0x0100u

struct port {
	struct pci_fn fn;
	uint32_t presses;
};

int port_new(struct vm *vm, const char *name, uint32_t address, struct port **ret_port);
int bridge_new(struct vm *vm, const char *name, uint32_t address, struct port *port,
	       struct pci_fn **ret_bridge);
/* Not on the bus; NULL: no memory. */
struct pci_fn *port_blank(void);
struct pci_fn *bridge_blank(void);
uint32_t port_control(const struct port *port);
uint32_t port_status(const struct port *port);
bool port_powered(const struct port *port);
/* A look at the slot; takes the lock itself. */
struct slot_view {
	uint32_t control, status, presses;
};
struct slot_view port_view(struct vm *vm, const struct port *port);
/* The VMM's hands on the slot: a press of the button, a card that comes or goes. */
int port_press(struct vm *vm, struct port *port);
int port_presence(struct vm *vm, struct port *port, bool present);
uint32_t bridge_bus(const struct pci_fn *fn);
void port_reset(struct vm *vm, struct port *port);

#endif
