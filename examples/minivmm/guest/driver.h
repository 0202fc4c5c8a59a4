/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest's drivers: bus enumeration, block device, PCIe hot-plug ports, management function.
 * All state lies in guest memory at GUEST_DRIVER. CPU 0 enumerates and talks to ports and the
 * management function; each block device is driven by one CPU.
 */
#ifndef MINIVMM_DRIVER_H
#define MINIVMM_DRIVER_H

#include "layout.h"
#include "message.h"
#include "platform.h"

/* Vectors, other ones on each CPU: the same number on two CPUs would be two interrupts. */
#define VECTOR_DEVICE(cpu, index) (0x40u + 0x28u * (cpu) + (index))
#define VECTOR_SOURCE(cpu, slot) (0x50u + 0x28u * (cpu) + (slot))
/* For interrupts of which the hardware chooses the CPU: the same on each. */
#define VECTOR_SHARED(slot) (0xf0u + (slot))
#define VECTOR_PORT(index) (0x30u + (index))
#define VECTOR_PV 0x38u
#define VECTOR_TICK(cpu) (0xe0u + (cpu))

#define EJECTS 8u
#define NO_EJECT 0u

struct drv_device {
	uint32_t state; /* DEV_..., changed by compare and swap */
	uint32_t address;
	uint32_t cpu;
	uint32_t declared;
	uint32_t sequence;
	uint32_t in_flight;
	uint32_t warned;
	uint32_t looked_ms;
	uint32_t eject_seen, unbind_seen, ack_seen;
	uint32_t ram_value;
	uint32_t cookie; /* of the last eject request */
	uint32_t ejecting; /* its own eject waits for the traffic to end */
	uint32_t entry; /* in the report: that of its address, also after a reboot */
	uint64_t registers, memory;
};

struct drv_eject {
	uint32_t used;
	uint32_t address;
	uint32_t cookie;
	uint32_t due_ms;
};

#define PORT_OFF 0u
#define PORT_ON 1u
#define PORT_BLINKING 2u
#define PORT_STOPPING 3u
#define PORT_SETTLING 4u /* off; change bits are discarded once the card had time to lose power */

struct drv_port {
	uint32_t used;
	uint32_t address;
	uint32_t cap; /* offset of the PCI Express capability */
	uint32_t bus; /* behind it */
	uint32_t state;
	uint32_t until_ms;
	uint32_t ready;
	uint32_t irq;
};

struct drv_source {
	uint32_t address; /* 0: none */
	uint32_t program_seen, reset_seen, nonsense_seen;
	uint64_t registers, table;
};

struct driver {
	uint32_t started;
	uint32_t rescan;
	uint32_t pv_irq;
	uint32_t pv_up;
	uint32_t pv_seen;
	uint32_t off_seen, on_seen;
	uint64_t pv_registers;
	struct drv_device devices[GUEST_DEVICES];
	struct drv_eject ejects[EJECTS];
	struct drv_port ports[GUEST_PORTS];
	struct drv_source sources[SOURCES];
	struct messages messages;
};

static inline struct driver *driver_of(struct platform *p)
{
	return platform_ram(p, GUEST_DRIVER);
}

static inline struct guest_report *report_of(struct platform *p)
{
	return platform_ram(p, GUEST_REPORT);
}

static inline struct guest_command *command_of(struct platform *p)
{
	return platform_ram(p, GUEST_COMMAND);
}

/* What the VMM writes while we run. */
static inline uint32_t told(const uint32_t *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static inline void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* driver.c */
uint32_t driver_cpus(struct platform *p);
int driver_poll(struct platform *p, uint32_t cpu);
void driver_interrupt(struct platform *p, uint32_t cpu, uint32_t vector);
const struct guest_rule *driver_rule(struct platform *p, uint32_t address);

/* bus.c */
uint32_t config_read(struct platform *p, uint32_t address, uint32_t offset, unsigned int width);
void config_write(struct platform *p, uint32_t address, uint32_t offset, unsigned int width,
		  uint32_t value);
uint32_t config_capability(struct platform *p, uint32_t address, uint32_t id);
void bus_scan(struct platform *p, uint32_t bus);
void bus_enable(struct platform *p, uint32_t address, uint32_t cpu, uint32_t vector);
int bus_covers(struct platform *p, uint32_t top, uint32_t address);

/* block.c */
struct guest_device *block_report(struct platform *p, uint32_t index);
void block_bind(struct platform *p, uint32_t address);
int block_poll(struct platform *p, uint32_t index);
void block_stop(struct platform *p, uint32_t index);
void block_go_on(struct platform *p, uint32_t index);
void block_gone(struct platform *p, uint32_t index);
void block_stop_below(struct platform *p, uint32_t top);
void block_go_on_below(struct platform *p, uint32_t top);
int block_idle_below(struct platform *p, uint32_t top);

/* port.c */
void port_bind(struct platform *p, uint32_t address, uint32_t cap);
void port_poll(struct platform *p);

/* source.c */
void source_bind(struct platform *p, uint32_t address);
void source_poll(struct platform *p);
/* An entry of an event ring. */
void source_hint(struct platform *p, uint32_t result, uint64_t cookie, uint64_t set);
int source_claim(struct platform *p, uint32_t cpu, uint32_t vector);

/* pv.c */
void pv_bind(struct platform *p, uint32_t address);
void pv_poll(struct platform *p);

#endif
