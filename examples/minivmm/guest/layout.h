/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the mini-VMM and its guest agree on: the address map, the block device's registers, the
 * command page (the VMM tells the guest how to behave) and the report page (the guest tells what it
 * saw). Freestanding; fixed layout; no pointers, so that it survives save and load.
 */
#ifndef MINIVMM_LAYOUT_H
#define MINIVMM_LAYOUT_H

#include <stdint.h>

#include "msglayout.h"
#include "srclayout.h"

#define GUEST_RAM_SIZE 0x800000u
#define GUEST_PAGE_TABLES 0x1000u
#define GUEST_REPORT 0x10000u
#define GUEST_COMMAND 0x12000u
#define GUEST_STACKS 0x80000u
#define GUEST_STACK_SIZE 0x4000u
#define GUEST_ENTRY 0x100000u
#define GUEST_DRIVER 0x200000u
#define GUEST_RINGS 0x300000u
#define GUEST_RING_STRIDE 0x1000u

#define ECAM_BASE 0xb0000000u
#define ECAM_BUSES 16u
#define MMIO_BASE 0xc0000000u
#define MMIO_SIZE 0x10000000u

#define GUEST_CPUS 4u /* most; GUEST_CPUS_USUAL run if nobody wants another number */
#define GUEST_CPUS_USUAL 2u
#define GUEST_DEVICES 16u
#define GUEST_PORTS 4u

#define ALL_ONES 0xffffffffu

/* PCI ids: of nobody. */
#define MINIVMM_VENDOR 0x7e57u
#define MINIVMM_BLOCK 0x0001u
#define MINIVMM_PVDEV 0x0002u
#define MINIVMM_PORT 0x0003u
#define MINIVMM_BRIDGE 0x0004u
#define MINIVMM_HOST 0x0005u
#define MINIVMM_SOURCE 0x0006u

/* Block device, BAR 0 (registers) and BAR 1 (memory of the device, mapped into the guest). */
#define BLK_BAR_SIZE 0x1000u
#define BLK_ID 0x00u
#define BLK_RING 0x08u
#define BLK_CONTROL 0x10u
#define BLK_IN_FLIGHT 0x14u
#define BLK_DONE 0x18u
#define BLK_DOORBELL 0x40u
#define BLK_ID_VALUE 0x314b4c42u
#define BLK_ENABLE 0x1u
#define BLK_SLOTS 4u
#define BLK_DATA_SIZE 64u

/* States of a request. The guest makes FREE to READY, the device READY to DONE or ERROR. */
#define BLK_FREE 0u
#define BLK_READY 1u
#define BLK_FINISHED 2u
#define BLK_ERROR 3u

struct blk_request {
	uint64_t address;
	uint32_t length;
	uint32_t sequence;
	uint32_t state;
	uint32_t sum;
	uint32_t reserved[2];
};

static inline uint32_t blk_sum(const volatile uint8_t *data, uint32_t length, uint32_t sequence)
{
	uint32_t sum = sequence ^ 0x811c9dc5u;

	for (uint32_t i = 0; i < length; i++)
		sum = (sum ^ data[i]) * 16777619u;
	return sum;
}

/* How the guest answers an eject request. */
#define ANSWER_ACK 0u
#define ANSWER_REFUSE 1u
#define ANSWER_NEVER 2u
#define ANSWER_LOSE 3u /* does not even stop its I/O, and acknowledges when told (ack_now) */

/* No declaration. */
#define LEVEL_NONE 0xffu

/* Traffic of a driver. */
#define IO_RUN 0u
#define IO_IDLE 1u
#define IO_UNTOUCHED 2u /* the guest has no driver for it: never enabled */

/* Behaviour for one device; the rule with address ALL_ONES is for those without their own. */
struct guest_rule {
	uint32_t address; /* bus << 8 | devfn */
	uint32_t level; /* VDEV_GUEST_LEVEL_..., or LEVEL_NONE */
	uint32_t answer;
	uint32_t reason;
	uint32_t delay_ms; /* before the answer */
	uint32_t io;
	uint32_t progress; /* says PROGRESS first */
	uint32_t eject_now; /* changed: ejects it unasked */
	uint32_t unbind_now; /* changed: unbinds its driver */
	uint32_t ack_now; /* changed: acknowledges with the last cookie */
};

struct guest_command {
	uint32_t pv_driver; /* 1: start the driver of the management function */
	uint32_t pv_again; /* changed: a new handshake (kexec) */
	uint32_t slot_driver; /* 1: enable hot-plug interrupts of the ports */
	uint32_t window_ms; /* time between the button and power-off */
	uint32_t deaf_slots; /* 1: buttons are seen but never acted on */
	uint32_t power_off; /* changed: powers the first port off, unasked */
	uint32_t power_on; /* changed: powers it on again */
	uint32_t hostile; /* number of wild register accesses to make */
	uint32_t rules_count;
	uint32_t tick_ms; /* between two ticks of a CPU, read as it starts; 0: 1 */
	uint32_t cpus; /* that run; 0: GUEST_CPUS_USUAL */
	uint32_t restless; /* 1: CPUs never halt */
	struct guest_rule rules[GUEST_DEVICES];
};

/* One device as its driver saw it. */
struct guest_device {
	uint32_t address;
	uint32_t generation; /* how often a driver was bound here */
	uint32_t state; /* DEV_... */
	uint32_t declared;
	uint64_t io_done;
	uint64_t io_errors;
	uint64_t all_ones;
	uint64_t bad_sums; /* the device answered wrong, or memory changed under the driver */
	uint64_t interrupts;
	uint64_t io_at_stop; /* io_done when it was stopped */
};

struct guest_report {
	uint32_t magic;
	uint32_t boots;
	uint32_t found; /* times that a block device was bound */
	uint32_t handshakes;
	uint64_t warnings; /* eject requests and attention buttons */
	uint64_t cancelled; /* warnings taken back */
	uint64_t acks;
	uint64_t refusals;
	uint64_t seen_after_ack; /* devices still there when the ack had been given (R8) */
	uint64_t redeclares; /* asked to declare again */
	uint64_t added; /* told of a new device */
	uint64_t surprises; /* devices that vanished with no warning before */
	uint64_t bad_results; /* commands that the management function did not take */
	uint64_t exceptions; /* faults; 256 + vector of the last */
	uint64_t spurious; /* interrupts that no driver expected */
	uint64_t interrupts[GUEST_CPUS];
	uint64_t vectors[GUEST_CPUS][4]; /* bitmap of the vectors that arrived */
	uint64_t heartbeat; /* polls of CPU 0 */
	uint64_t hostile_done;
	struct guest_device devices[GUEST_DEVICES];
};

#define GUEST_REPORT_MAGIC 0x54524f50u

/* States of a device in the guest. */
#define DEV_NONE 0u
#define DEV_UP 1u
#define DEV_STOPPING 2u
#define DEV_DOWN 3u /* stopped, acknowledged */
#define DEV_GONE 4u /* read all-ones */

#endif
