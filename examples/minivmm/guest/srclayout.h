/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the mini-VMM and its guest agree on about event sources: registers, how the guest's driver shall
 * behave, what it saw. Part of layout.h.
 */
#ifndef MINIVMM_SRCLAYOUT_H
#define MINIVMM_SRCLAYOUT_H

#include <stdint.h>

/* Pages that both sides write; they survive a reset as the command and report pages do. */
#define GUEST_SOURCE_ORDERS 0x1c000u /* struct source_orders, written by the VMM */
#define GUEST_SOURCE_SEEN 0x1e000u /* struct source_seen, written by the guest */

#define SOURCES 3u
#define SOURCE_TYPES 4u /* of events: a vector of the MSI-X table each */
#define SOURCE_SLOTS (SOURCES * SOURCE_TYPES)

/* BAR 0 (registers) and BAR 1 (MSI-X table, then its pending bits). */
#define SRC_BAR_SIZE 0x1000u
#define SRC_ID 0x00u
#define SRC_RESET 0x08u /* WO any value */
#define SRC_BEGIN 0x40u /* WO type: the interrupt's handler begins */
#define SRC_END 0x44u /* WO type: it ends */
#define SRC_ID_VALUE 0x31435253u
#define SRC_PENDING 0x800u /* in BAR 1 */

/* What the driver does with a hint. */
#define SRC_FOLLOW 0u
#define SRC_IGNORE 1u
#define SRC_OUTSIDE 2u /* programs a CPU that is not in it */

/* How interrupts are programmed. */
#define SRC_PHYSICAL 0u /* to one CPU */
#define SRC_LOGICAL 1u /* to the CPUs of `set`: the hardware (the VMM) may choose */

struct source_orders {
	uint32_t policy; /* SRC_FOLLOW .. */
	uint32_t farthest; /* hints from beyond this distance are ignored */
	uint32_t mode; /* SRC_PHYSICAL, SRC_LOGICAL */
	uint32_t set; /* bits of CPUs */
	uint32_t home; /* CPU that interrupts are programmed to at first */
	uint32_t no_hints; /* 1: a driver that does not know of hints */
	uint32_t program_now; /* changed: programs all anew, as at first */
	uint32_t reset_now; /* changed: resets the first source, and programs it anew */
	uint32_t
		nonsense_now; /* changed: writes all kinds of nonsense into the first source's table */
};

struct source_seen {
	uint32_t bound; /* sources that have a driver */
	uint32_t programs; /* times that interrupts were programmed as at first: on order too */
	uint32_t resets, nonsense; /* orders carried out */
	uint64_t hints;
	uint64_t bad_hints; /* of no device or type that there is, or of nobody */
	uint64_t followed, ignored, far;
	uint64_t outside; /* programmed to a CPU that was not hinted */
	/* First interrupts of a type whose hint was in the ring, or was taken, when the handler began; or was not. */
	uint64_t with_hint, without_hint;
	uint64_t interrupts[SOURCE_SLOTS][4]; /* by CPU */
	uint32_t first[SOURCE_SLOTS]; /* 1: there was one since the device was bound or reset */
	uint32_t hinted[SOURCE_SLOTS]; /* hints of this type, since then */
	uint32_t distance[SOURCE_SLOTS]; /* of the last hint */
	uint64_t set[SOURCE_SLOTS]; /* of the last hint */
};

#endif
