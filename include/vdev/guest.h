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
#define VDEV_GUEST_IRQ_STATUS \
	0x014 /**< bit 0 RO: events are waiting; bit 1: look at the queues, write 1 to clear */
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
#define VDEV_GUEST_QUEUE_COUNT 0x060 /**< RO queues of this function; 0 without F_MESSAGES */
#define VDEV_GUEST_QUEUE_SELECT 0x064 /**< RW queue that the next eight registers are about */
#define VDEV_GUEST_QUEUE_MAX 0x068 /**< RO largest QUEUE_SIZE, 0: no such queue */
#define VDEV_GUEST_QUEUE_SIZE 0x06c /**< RW descriptors in the descriptor ring, a power of two */
#define VDEV_GUEST_QUEUE_EVENTS_SIZE 0x070 /**< RW entries in the event ring, a power of two */
#define VDEV_GUEST_QUEUE_STATE 0x074 /**< RW VDEV_GUEST_QUEUE_OFF ..; write ON or OFF */
#define VDEV_GUEST_QUEUE_ADDRESS_LO 0x078 /**< RW descriptor ring, multiple of 64 */
#define VDEV_GUEST_QUEUE_ADDRESS_HI 0x07c
#define VDEV_GUEST_QUEUE_EVENTS_LO 0x080 /**< RW event ring, multiple of 64 */
#define VDEV_GUEST_QUEUE_EVENTS_HI 0x084
/** WO any value, 4 bytes: descriptors were added to queue 0; queue n has its own 4 * n after it. No other
 * register is near, so that a VMM may let the kernel take these writes (ioeventfd). */
#define VDEV_GUEST_QUEUE_DOORBELL 0x800
/** @} */

/** Most queues of a function. */
#define VDEV_GUEST_QUEUES 64
/** Most descriptors of a queue, and most entries of an event ring. @{ */
#define VDEV_GUEST_QUEUE_MOST 32768
#define VDEV_GUEST_EVENTS_MOST 65536
/** @} */

/** IRQ_STATUS. @{ */
#define VDEV_GUEST_IRQ_EVENTS 0x1
#define VDEV_GUEST_IRQ_QUEUES 0x2
/** @} */

#define VDEV_GUEST_MAGIC_VALUE 0x56454456 /**< "VDEV" in memory */
#define VDEV_GUEST_VERSION_1 1

/** Features. @{ */
#define VDEV_GUEST_F_REMOVAL 0x1 /**< DECLARE, EJECT events, ACK, REFUSE, EJECTED */
#define VDEV_GUEST_F_PROGRESS 0x2 /**< PROGRESS is understood */
#define VDEV_GUEST_F_MESSAGES 0x4 /**< queues: messages that are sent without copying */
#define VDEV_GUEST_F_HINTS 0x8 /**< event rings may hold interrupt hints; needs F_MESSAGES */
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

/** QUEUE_STATE. @{ */
#define VDEV_GUEST_QUEUE_OFF 0
#define VDEV_GUEST_QUEUE_ON 1
#define VDEV_GUEST_QUEUE_STOPPING 2 /**< RO its blocks are being taken back; then OFF */
#define VDEV_GUEST_QUEUE_BROKEN 3 /**< RO the rings made no sense: write OFF, then begin anew */
/** @} */

/** Descriptor ring: little-endian, zeroed by the guest before ON. @{ */
#define VDEV_GUEST_RING_PRODUCED 0x00 /**< u32, guest: descriptors written ever, modulo 2^32 */
#define VDEV_GUEST_RING_FIRST 0x40 /**< descriptor n is at FIRST + n % QUEUE_SIZE * 64 */
#define VDEV_GUEST_DESC_BYTES 64
/** @} */

/** A descriptor; bytes that have no name are 0. @{ */
#define VDEV_GUEST_DESC_ADDRESS 0x00 /**< u64 block, guest physical, any alignment */
#define VDEV_GUEST_DESC_LENGTH 0x08 /**< u32 bytes, not 0 */
#define VDEV_GUEST_DESC_KIND 0x0c /**< u32 VDEV_GUEST_MSG_... */
#define VDEV_GUEST_DESC_FLAGS 0x10 /**< u32 VDEV_GUEST_MSG_F_... */
#define VDEV_GUEST_DESC_TIMEOUT_MS \
	0x14 /**< u32 until the block is taken back; 0: the VMM's choice */
#define VDEV_GUEST_DESC_DESTINATION 0x18 /**< u32 */
#define VDEV_GUEST_DESC_COOKIE 0x20 /**< u64 the guest's name of it; not used twice at a time */
#define VDEV_GUEST_DESC_TARGET 0x28 /**< u64 RECLAIM: cookie of the message */
/** @} */

/** Kinds of descriptors. @{ */
#define VDEV_GUEST_MSG_SEND 1 /**< send the block; the guest keeps off it until ACCESSIBLE */
#define VDEV_GUEST_MSG_RECEIVE 2 /**< the destination writes into the block */
#define VDEV_GUEST_MSG_RECLAIM 3 /**< give the block of message TARGET back now */
/** Give the blocks of all messages before this one back; its ANSWER comes after the last of them. */
#define VDEV_GUEST_MSG_RECLAIM_ALL 4
/** @} */

/** Flags of descriptors. @{ */
#define VDEV_GUEST_MSG_F_ZERO 0x1 /**< RECLAIM, RECLAIM_ALL: what is taken back may be all zeroes */
/** @} */

/** Event ring: little-endian, zeroed by the guest before ON. @{ */
#define VDEV_GUEST_EVENTS_PRODUCED 0x00 /**< u32, device: entries written ever, modulo 2^32 */
#define VDEV_GUEST_EVENTS_LOST 0x04 /**< u32, device: unasked-for events that found no room */
#define VDEV_GUEST_EVENTS_CONSUMED 0x40 /**< u32, guest: entries taken ever, modulo 2^32 */
#define VDEV_GUEST_EVENTS_FLAGS 0x44 /**< u32, guest: VDEV_GUEST_EVENTS_QUIET */
#define VDEV_GUEST_EVENTS_FIRST 0x80 /**< entry n is at FIRST + n % QUEUE_EVENTS_SIZE * 32 */
#define VDEV_GUEST_EVENTS_QUIET 0x1 /**< no interrupt for now */
#define VDEV_GUEST_ENTRY_BYTES 32
/** @} */

/** An entry of the event ring. @{ */
#define VDEV_GUEST_ENTRY_KIND 0x00 /**< u32 VDEV_GUEST_TOLD_... */
#define VDEV_GUEST_ENTRY_RESULT 0x04 /**< u32 VDEV_GUEST_DONE_... */
#define VDEV_GUEST_ENTRY_COOKIE 0x08 /**< u64 of the descriptor */
#define VDEV_GUEST_ENTRY_ARG 0x10 /**< u64 bytes, or VDEV_GUEST_WHY_... with REFUSED */
/** @} */

/** Kinds of entries. Unknown ones are skipped. @{ */
/** The block of this SEND or RECEIVE is the guest's own again. Once for each of them. */
#define VDEV_GUEST_TOLD_ACCESSIBLE 1
/** Ends RECLAIM, RECLAIM_ALL and descriptors of unknown kind. Once for each of them. */
#define VDEV_GUEST_TOLD_ANSWER 2
/** From here on: events that no descriptor asked for, of other parts of the function. */
#define VDEV_GUEST_TOLD_UNASKED 16
/** With F_HINTS: CPUs near the event of a device that is being signalled; see VDEV_GUEST_HINT_... */
#define VDEV_GUEST_TOLD_HINT 16
/** @} */

/** Entry of a TOLD_HINT. COOKIE: device's address in bits 31:0, first CPU of ARG, a multiple of 64, in bits 63:32.
 * ARG: bit n is CPU first + n, not 0. RESULT: @{ */
#define VDEV_GUEST_HINT_TYPE 0xffff /**< mask: event type, the number of its MSI-X vector */
#define VDEV_GUEST_HINT_DISTANCE_SHIFT 16
#define VDEV_GUEST_HINT_DISTANCE \
	0xff /**< mask after the shift: 0 same CPU, 1 core, 2 cache, 3 node, 4 any */
#define VDEV_GUEST_HINT_MORE 0x1000000 /**< the next entry has more CPUs of the same hint */
/** @} */

/** How a descriptor ended. @{ */
#define VDEV_GUEST_DONE_OK 0 /**< ANSWER: it is being done, RECLAIM_ALL: it is done */
#define VDEV_GUEST_DONE_SENT 1 /**< sent (received) without a copy; arg: bytes */
#define VDEV_GUEST_DONE_COPIED 2 /**< sent by copying; arg: bytes */
#define VDEV_GUEST_DONE_RECLAIMED 3 /**< taken back; the destination may or may not have read it */
#define VDEV_GUEST_DONE_FAILED 4 /**< not sent, or a receive buffer that was taken back: void */
#define VDEV_GUEST_DONE_REFUSED 5 /**< nothing was done; arg: why */
#define VDEV_GUEST_DONE_LOST 6 /**< moved to another machine; what became of it is not known */
/** @} */

/** Why a descriptor was refused. @{ */
#define VDEV_GUEST_WHY_KIND 1 /**< unknown kind */
#define VDEV_GUEST_WHY_FLAGS 2 /**< unknown flag, or not for this kind */
#define VDEV_GUEST_WHY_RESERVED 3 /**< a byte that has to be 0 is not */
#define VDEV_GUEST_WHY_LENGTH 4 /**< 0, or too long */
#define VDEV_GUEST_WHY_ADDRESS 5 /**< wraps, is no memory, or touches the queue's own rings */
#define VDEV_GUEST_WHY_TIMEOUT 6 /**< absurdly long */
#define VDEV_GUEST_WHY_DESTINATION 7 /**< there is no such destination */
#define VDEV_GUEST_WHY_COOKIE 8 /**< a message with this cookie is in flight */
#define VDEV_GUEST_WHY_TARGET 9 /**< no message with this cookie is in flight (any more) */
#define VDEV_GUEST_WHY_MEMORY 10 /**< this memory cannot be lent for that */
/** @} */

#endif
