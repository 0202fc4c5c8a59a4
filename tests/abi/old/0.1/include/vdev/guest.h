/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file guest.h
 * The guest-visible registers of the paravirtual management function, version 1.
 *
 * **Purpose.** One definition for the device model (pvdev.h) and for guest drivers. Freestanding:
 * constants only, no other header, also usable from assembly. docs/pvdev.md is the specification.
 *
 * The function has one memory BAR of VDEV_GUEST_BAR_SIZE bytes with 32-bit little-endian registers,
 * and one MSI or MSI-X vector. Its PCI ids are the embedder's choice; a driver checks MAGIC.
 *
 * **States.** See STATUS. **Ownership**, **Threads.** The guest serialises its accesses.
 */
#ifndef VDEV_GUEST_H
#define VDEV_GUEST_H

/** Bytes of the register BAR. */
#define VDEV_GUEST_BAR_SIZE 0x1000

/** Registers: offset in the BAR. RO: writes are dropped. @{ */
#define VDEV_GUEST_MAGIC 0x000 /**< RO VDEV_GUEST_MAGIC_VALUE */
#define VDEV_GUEST_VERSION 0x004 /**< RO highest version that the device speaks */
#define VDEV_GUEST_DEVICE_FEATURES 0x008 /**< RO VDEV_GUEST_F_... that the device offers */
#define VDEV_GUEST_DRIVER_FEATURES \
	0x00c /**< RW those that the driver wants; fixed by FEATURES_OK */
#define VDEV_GUEST_STATUS 0x010 /**< RW VDEV_GUEST_S_...; writing 0 resets the function */
#define VDEV_GUEST_IRQ_STATUS 0x014 /**< RO bit 0: events are waiting */
#define VDEV_GUEST_IRQ_ENABLE 0x018 /**< RW bit 0: interrupt when an event comes */
#define VDEV_GUEST_EVENT \
	0x020 /**< RO kind of the event at the head, VDEV_GUEST_EVENT_NONE when empty */
#define VDEV_GUEST_EVENT_ADDRESS 0x024 /**< RO its device's address, VDEV_GUEST_ALL for all */
#define VDEV_GUEST_EVENT_COOKIE 0x028 /**< RO names the request in answers to it */
#define VDEV_GUEST_EVENT_TIME_MS \
	0x02c /**< RO time that the guest has, in milliseconds, 0: not said */
#define VDEV_GUEST_EVENT_POP 0x030 /**< WO any value: the head event is taken */
#define VDEV_GUEST_EVENT_LOST 0x034 /**< RO events that found no room; write: back to 0 */
#define VDEV_GUEST_COMMAND_ADDRESS 0x040 /**< RW device that the next command is about */
#define VDEV_GUEST_COMMAND_ARGUMENT 0x044 /**< RW level or reason */
#define VDEV_GUEST_COMMAND_COOKIE 0x048 /**< RW cookie of the request that is answered, else 0 */
#define VDEV_GUEST_COMMAND 0x04c /**< WO VDEV_GUEST_CMD_...: performs the command */
#define VDEV_GUEST_RESULT 0x050 /**< RO VDEV_GUEST_R_... of the last command */
/** @} */

#define VDEV_GUEST_MAGIC_VALUE 0x56454456 /**< "VDEV" in memory */
#define VDEV_GUEST_VERSION_1 1

/** Features. @{ */
#define VDEV_GUEST_F_REMOVAL 0x1 /**< DECLARE, EJECT events, ACK, REFUSE, EJECTED */
#define VDEV_GUEST_F_PROGRESS 0x2 /**< PROGRESS is understood */
/** @} */

/** STATUS: set in this order; a bit that the device refuses stays clear. @{ */
#define VDEV_GUEST_S_DRIVER 0x1 /**< a driver is there */
#define VDEV_GUEST_S_FEATURES_OK \
	0x2 /**< refused when DRIVER_FEATURES is not a subset of what is offered */
#define VDEV_GUEST_S_DRIVER_OK 0x4 /**< handshake complete: levels are forgotten, events begin */
#define VDEV_GUEST_S_FAILED 0x80 /**< the driver gave up */
/** @} */

/** Events. @{ */
#define VDEV_GUEST_EVENT_NONE 0
#define VDEV_GUEST_EVENT_EJECT 1 /**< stop using the device, then ACK, or REFUSE */
#define VDEV_GUEST_EVENT_EJECT_CANCELLED 2 /**< the request with this cookie is taken back */
#define VDEV_GUEST_EVENT_REDECLARE 3 /**< declare the device again */
#define VDEV_GUEST_EVENT_DEVICE_ADDED 4 /**< a device was plugged: enumerate again */
/** @} */

/** Commands. @{ */
#define VDEV_GUEST_CMD_DECLARE 1 /**< argument: VDEV_GUEST_LEVEL_... */
#define VDEV_GUEST_CMD_ACK 2 /**< the device is no longer used */
#define VDEV_GUEST_CMD_REFUSE 3 /**< argument: VDEV_GUEST_REASON_... */
#define VDEV_GUEST_CMD_PROGRESS 4 /**< being worked on */
#define VDEV_GUEST_CMD_EJECTED 5 /**< the guest itself lets the device go, unasked */
#define VDEV_GUEST_CMD_UNBOUND 6 /**< the driver of the device is gone: its level is forgotten */
/** @} */

/** Results. @{ */
#define VDEV_GUEST_R_OK 0
#define VDEV_GUEST_R_NOT_READY 1 /**< the handshake is not complete */
#define VDEV_GUEST_R_NO_DEVICE 2 /**< nothing at this address */
#define VDEV_GUEST_R_BAD_ARGUMENT 3
#define VDEV_GUEST_R_BAD_COMMAND 4 /**< unknown, or its feature was not negotiated */
#define VDEV_GUEST_R_STALE 5 /**< no such request (any more) */
#define VDEV_GUEST_R_QUOTA 6 /**< too many commands in this period; try later */
/** @} */

/** Levels: what the driver of the device bears. @{ */
#define VDEV_GUEST_LEVEL_UNKNOWN 0
#define VDEV_GUEST_LEVEL_UNSAFE 1 /**< warn first */
#define VDEV_GUEST_LEVEL_SAFE_IDLE 2 /**< may vanish when no request is in flight */
#define VDEV_GUEST_LEVEL_SAFE 3 /**< may vanish at any time */
/** @} */

/** Reasons of a refusal. @{ */
#define VDEV_GUEST_REASON_FAILURE 1
#define VDEV_GUEST_REASON_NOT_SUPPORTED 2
#define VDEV_GUEST_REASON_IN_USE 3
#define VDEV_GUEST_REASON_BUSY 4
#define VDEV_GUEST_REASON_DEPENDENCY 5
/** @} */

/** Address of no device in particular: all. */
#define VDEV_GUEST_ALL 0xffffffff

#endif
