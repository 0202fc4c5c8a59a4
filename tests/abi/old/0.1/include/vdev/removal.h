/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file removal.h
 * Removal: takes a device away from a guest the way that guest's driver can bear.
 *
 * **Purpose.** A table of what each guest driver said about surprise removal (R1, R2), and a planner
 * that turns one removal request into ordered actions (R3, R8). The rules R1..R17 are listed in
 * docs/engines/removal.md; source: US 10,394,586 B2 and what real users reported.
 *
 * **States.** A unit is PRESENT; a request makes it PENDING (up to the acknowledgement or HIDE, the
 * point of no return, R12), then LEAVING; after its OUTCOME with VDEV_REMOVAL_GONE was done, handle
 * and name are free. QUEUED: added while its slot was still busy (R11). HIDDEN: the guest ejected it
 * unasked and it is held (R16). A slot is SETTLING for a while after it was emptied (R11).
 *
 * **Ownership.** The object belongs to its creator. Units are named by handles that the object
 * issues and never reuses; a stale handle gives -ENOENT. Nothing is called back.
 *
 * **Threads.** One object needs the caller's lock, with one exception: vdev_removal_level() may be
 * called in any thread beside one thread that uses the rest (R15). The caller need not hold its lock
 * while it performs an action, and events and next() are legal from inside a deed.
 *
 * **Events** return the number of operations that have an action waiting, or a negative errno.
 */
#ifndef VDEV_REMOVAL_H
#define VDEV_REMOVAL_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_removal;

/** Most units of one object. */
#define VDEV_REMOVAL_MAX_UNITS ((1u << 24) - 1u)
/** Most steps of an action set. */
#define VDEV_REMOVAL_MAX_STEPS 16u
/** Deepest nesting of units below each other. */
#define VDEV_REMOVAL_MAX_DEPTH 16u

/** Class of a unit (R2); the values select the action set (R3). @{ */
#define VDEV_REMOVAL_OTHER 0u
#define VDEV_REMOVAL_PCI_FUNCTION \
	1u /**< below a slot, a bridge, its PF (then it is a VF) or alone */
#define VDEV_REMOVAL_PCI_SLOT 2u /**< outlives what is plugged into it; requests below act on it */
#define VDEV_REMOVAL_PCI_BRIDGE 3u /**< a function with devices or slots below it */
#define VDEV_REMOVAL_VIRTIO_MMIO 4u
#define VDEV_REMOVAL_MEMORY 5u
#define VDEV_REMOVAL_CPU 6u
#define VDEV_REMOVAL_CLASSES 7u
/** @} */

/** Support level for surprise removal (R1): what the guest's *driver* can bear. @{ */
#define VDEV_REMOVAL_UNKNOWN 0u /**< nothing declared: as UNSAFE (R4) */
#define VDEV_REMOVAL_UNSAFE 1u /**< must be warned first */
#define VDEV_REMOVAL_SAFE_IDLE 2u /**< safe once no request is in flight */
#define VDEV_REMOVAL_SAFE 3u /**< safe at any time */
#define VDEV_REMOVAL_OWN_FIRST 16u /**< 16..31: the VMM's own; UNSAFE until it sets their actions */
#define VDEV_REMOVAL_OWN_LAST 31u
/** @} */

/** Who said it (R7). @{ */
#define VDEV_REMOVAL_GUEST 0u
#define VDEV_REMOVAL_OPERATOR 1u /**< management knows its image */
/** @} */

/** Which source counts (R7). @{ */
#define VDEV_REMOVAL_LEVEL_GUEST 0u
#define VDEV_REMOVAL_LEVEL_OPERATOR 1u
#define VDEV_REMOVAL_LEVEL_LOWER 2u /**< the lower of the two */
/** @} */

/** How a unit's guest is warned (R2). @{ */
#define VDEV_REMOVAL_NO_TRANSPORT \
	0u /**< it cannot be: reset, FORCE or an unasked ack end the wait */
#define VDEV_REMOVAL_PCIE 1u /**< attention button of a PCIe slot; tell vdev_removal_slot() */
#define VDEV_REMOVAL_ACPI 2u /**< ACPI notify; tell vdev_removal_ost() */
#define VDEV_REMOVAL_PVDEV 3u /**< the paravirtual function of pvdev.h */
/** @} */

/** What happens when the guest has not acknowledged in time (R9). @{ */
#define VDEV_REMOVAL_ACK_DEFAULT 0u /**< in a request: the object's policy; in a config: FAIL */
#define VDEV_REMOVAL_ACK_FAIL 1u /**< the warning is taken back where that is possible */
#define VDEV_REMOVAL_ACK_KEEP 2u /**< stays pending: a late ack or a reset completes it */
#define VDEV_REMOVAL_ACK_RETRY \
	3u /**< warned again `retries` times, then as FAIL; a time in which the slot let no warning through counts too */
#define VDEV_REMOVAL_ACK_FORCE 4u /**< removed without it */
/** @} */

/** What an acknowledgement means that nobody asked for (R16). @{ */
#define VDEV_REMOVAL_UNASKED_HOLD 0u /**< hidden; given back at power-on or guest reset */
#define VDEV_REMOVAL_UNASKED_ACCEPT 1u /**< removed: REMOVED_BY_GUEST */
#define VDEV_REMOVAL_UNASKED_IGNORE 2u
/** @} */

/** Why a guest refused (vdev_removal_refuse()). @{ */
#define VDEV_REMOVAL_REASON_NONE 0u
#define VDEV_REMOVAL_REASON_FAILURE 1u
#define VDEV_REMOVAL_REASON_NOT_SUPPORTED 2u
#define VDEV_REMOVAL_REASON_IN_USE 3u
#define VDEV_REMOVAL_REASON_BUSY 4u
#define VDEV_REMOVAL_REASON_DEPENDENCY 5u
#define VDEV_REMOVAL_REASONS 6u
/** @} */

/** Outcomes (R10): `arg[0]` of VDEV_REMOVAL_OUTCOME. Those marked (f) are final. @{ */
#define VDEV_REMOVAL_REQUESTED 1u /**< the guest has been asked; nothing is done yet */
#define VDEV_REMOVAL_ACKED 2u /**< the guest agreed and the device is hidden */
#define VDEV_REMOVAL_BUSY 3u /**< the guest is working on it */
#define VDEV_REMOVAL_GUEST_NOT_READY 4u /**< kept, and sent when the guest is ready */
#define VDEV_REMOVAL_REFUSED 5u /**< (f) arg[1] = VDEV_REMOVAL_REASON_... */
#define VDEV_REMOVAL_TIMED_OUT 6u /**< (f, but not with ACK_KEEP) no answer in time */
#define VDEV_REMOVAL_REMOVED \
	7u /**< (f) complete; of a slot: it is empty, what was in it has outcomes of its own */
#define VDEV_REMOVAL_REMOVED_BY_GUEST 8u /**< (f) complete; the guest began it */
#define VDEV_REMOVAL_FAILED_AT 9u /**< (f) gone, but step arg[1] failed with status arg[2] (R12) */
#define VDEV_REMOVAL_STUCK 10u /**< step arg[1] never ended; RELEASE waits for its done() */
#define VDEV_REMOVAL_ROLLED_BACK \
	11u /**< (f) step arg[1] failed with arg[2]; the device works again */
#define VDEV_REMOVAL_CANCELLED 12u /**< (f) by vdev_removal_cancel() */
/** @} */

/** Flags of actions. @{ */
#define VDEV_REMOVAL_LAST \
	0x1u /**< HIDE: the last unit below the target; change presence and link now */
#define VDEV_REMOVAL_FINAL 0x2u /**< OUTCOME: nothing more comes of this request */
#define VDEV_REMOVAL_GONE 0x4u /**< OUTCOME: handle and name are free once this is done() */
#define VDEV_REMOVAL_FORCED 0x8u /**< the guest was not asked or did not agree */
#define VDEV_REMOVAL_AGAIN 0x10u /**< the same action came out before an image was loaded */
#define VDEV_REMOVAL_BACKEND_GONE \
	0x20u /**< the device's backend has died: do not wait for it (R14) */
/** @} */

/**
 * Kinds of actions (R8). Unless a line says otherwise `arg[0]` is the handle of the target (the unit
 * at the top: the slot, the bridge, or the unit itself) and `arg[1]` the target's user_data. @{
 */
#define VDEV_REMOVAL_ANNOUNCE \
	(VDEV_KIND_REMOVAL + 0x01u) /**< a QUEUED unit's slot is free: plug it */
#define VDEV_REMOVAL_REANNOUNCE \
	(VDEV_KIND_REMOVAL +    \
	 0x02u) /**< give a HIDDEN unit back, as a hot-add: dev is the new handle, arg[2] the old one; name, address and user_data stay */
#define VDEV_REMOVAL_REDECLARE \
	(VDEV_KIND_REMOVAL + 0x03u) /**< ask the driver to declare again (dev 0: all) */
#define VDEV_REMOVAL_WARN    \
	(VDEV_KIND_REMOVAL + \
	 0x10u) /**< warn the guest: dev is the target, arg[2] counts from 1. done(-EAGAIN): the transport is full, it is sent again */
#define VDEV_REMOVAL_UNWARN  \
	(VDEV_KIND_REMOVAL + \
	 0x11u) /**< undo of WARN: take it back. PCIe: arg[2] is 1 while the indicator blinks (press again), else clear ABP if the guest has not seen it */
#define VDEV_REMOVAL_AWAIT_ACK \
	(VDEV_KIND_REMOVAL + 0x12u) /**< in action sets only, never given out */
#define VDEV_REMOVAL_QUIESCE \
	(VDEV_KIND_REMOVAL + \
	 0x13u) /**< accept no new request, wait until none is in flight. done(-EBUSY), or after its deadline: not idle (R1) */
#define VDEV_REMOVAL_RESUME (VDEV_KIND_REMOVAL + 0x14u) /**< undo of QUIESCE */
#define VDEV_REMOVAL_HIDE    \
	(VDEV_KIND_REMOVAL + \
	 0x20u) /**< config space and BARs answer all-ones, writes dropped, doorbells gated; with LAST presence and link change. Cheap, cannot fail */
#define VDEV_REMOVAL_DRAIN (VDEV_KIND_REMOVAL + 0x30u) /**< end what is in flight */
#define VDEV_REMOVAL_IRQ_OFF \
	(VDEV_KIND_REMOVAL + 0x31u) /**< device interrupts off, bus master off */
#define VDEV_REMOVAL_RESET (VDEV_KIND_REMOVAL + 0x32u) /**< reset the device */
#define VDEV_REMOVAL_DETACH_EVENTS (VDEV_KIND_REMOVAL + 0x33u) /**< detach irqfds, ioeventfds */
#define VDEV_REMOVAL_UNMAP_BARS \
	(VDEV_KIND_REMOVAL + 0x34u) /**< delete BAR mappings, and peers' mappings of them */
#define VDEV_REMOVAL_LEAVE_DMA \
	(VDEV_KIND_REMOVAL +   \
	 0x35u) /**< detach the group or IOAS; unmap only what this device alone mapped */
#define VDEV_REMOVAL_TEARDOWN \
	(VDEV_KIND_REMOVAL + 0x36u) /**< COARSE: all of DRAIN .. LEAVE_DMA in one */
#define VDEV_REMOVAL_RELEASE (VDEV_KIND_REMOVAL + 0x3fu) /**< free the device */
#define VDEV_REMOVAL_OUTCOME \
	(VDEV_KIND_REMOVAL + \
	 0x40u) /**< tell management: arg[0] VDEV_REMOVAL_REQUESTED.., arg[1] reason or step, arg[2] status as int64_t */
#define VDEV_REMOVAL_UNHOLD  \
	(VDEV_KIND_REMOVAL + \
	 0x41u) /**< a FORCE came while held: abort the migration, then done() */
#define VDEV_REMOVAL_OWN_STEP_FIRST \
	(VDEV_KIND_REMOVAL + 0x80u) /**< from here to OWN_STEP_LAST: steps of the VMM's own */
#define VDEV_REMOVAL_OWN_STEP_LAST (VDEV_KIND_REMOVAL + 0x9fu)
/** @} */

/** A step or planned step that cannot be undone. */
#define VDEV_REMOVAL_NO_UNDO 0u

/** Flags of an object's configuration. @{ */
#define VDEV_REMOVAL_UNTRUSTED 0x1u /**< what guests declare above UNSAFE acts as UNSAFE (R7) */
#define VDEV_REMOVAL_COARSE 0x2u /**< begin with the COARSE action sets instead of FULL (R5) */
/** @} */

/** Configuration. A duration of 0 asks for the default. All durations in nanoseconds. 64 bytes. */
struct vdev_removal_config {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_REMOVAL_UNTRUSTED, VDEV_REMOVAL_COARSE */
	uint32_t max_units; /**< 1..VDEV_REMOVAL_MAX_UNITS */
	uint32_t level_policy; /**< VDEV_REMOVAL_LEVEL_... */
	uint32_t ack_policy; /**< VDEV_REMOVAL_ACK_... */
	uint32_t retries; /**< 0..255, for ACK_RETRY */
	uint64_t
		button_ns; /**< PCIe: running time of the guest between two presses; default 5 s (R9) */
	uint64_t
		notify_ns; /**< ACPI, and a full transport: time until the next notify; default 5 s (R10) */
	uint64_t
		settle_ns; /**< time from empty to re-pluggable, slots with a power controller; default 2 s (R11) */
	uint64_t ack_ns; /**< time for AWAIT_ACK in the built-in sets; default 60 s */
	uint64_t reserved; /**< 0 */
};

/** Flags of a unit. @{ */
#define VDEV_REMOVAL_HOTPLUG \
	0x1u /**< hot-add: ANNOUNCE comes out, as soon as the slot is free (R11) */
#define VDEV_REMOVAL_TRACK_TOUCH \
	0x2u /**< the VMM reports vdev_removal_touch(): untouched until then (R14) */
/** @} */

/** A unit to add. 64 bytes. */
struct vdev_removal_unit {
	uint32_t struct_size;
	uint32_t unit_class; /**< VDEV_REMOVAL_OTHER .. VDEV_REMOVAL_CPU */
	uint32_t transport; /**< VDEV_REMOVAL_PCIE ...; that of the target counts (R2) */
	uint32_t flags; /**< VDEV_REMOVAL_HOTPLUG, VDEV_REMOVAL_TRACK_TOUCH */
	uint64_t parent; /**< handle, 0: none */
	uint64_t user_data; /**< comes back in every action */
	uint64_t name; /**< management's id: unique until the unit is gone (R10); 0: none */
	uint32_t function; /**< 0..255: order below the same parent, 0 is torn down last (R2) */
	uint32_t unasked; /**< VDEV_REMOVAL_UNASKED_... */
	uint32_t
		slot_cap; /**< slots: the SLTCAP register; bit 0x20 is kept beside the level (R7) */
	uint32_t reserved[3]; /**< 0 */
};

/** Flags of a request. @{ */
#define VDEV_REMOVAL_FORCE \
	0x1u /**< do not ask the guest; upgrades a pending request, but none further up that has not begun (R11) */
#define VDEV_REMOVAL_HOST \
	0x2u /**< the host asks (VFIO's REQ interrupt): same path, counted apart (R14) */
/** @} */

/** A removal request. NULL in its place means all defaults. 32 bytes. */
struct vdev_removal_request {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_REMOVAL_FORCE, VDEV_REMOVAL_HOST */
	uint32_t ack_policy; /**< VDEV_REMOVAL_ACK_... */
	uint32_t retries; /**< 0..255, for ACK_RETRY; with ACK_DEFAULT the object's are used */
	uint64_t ack_ns; /**< time for AWAIT_ACK; 0: as the action set says */
	uint64_t reserved; /**< 0 */
};

/** One step of an action set (R5). 16 bytes. */
struct vdev_removal_step {
	uint32_t kind; /**< VDEV_REMOVAL_WARN .. RELEASE or one of the VMM's own */
	uint32_t
		undo; /**< VDEV_REMOVAL_UNWARN, VDEV_REMOVAL_RESUME, an own one, or VDEV_REMOVAL_NO_UNDO */
	uint64_t deadline_ns; /**< duration, 1..VDEV_NONE-1 */
};

/** Why a planned step is there (R13). @{ */
#define VDEV_REMOVAL_BECAUSE_UNKNOWN 1u /**< nothing declared: warned first (R4) */
#define VDEV_REMOVAL_BECAUSE_UNSAFE 2u /**< declared UNSAFE (R4) */
#define VDEV_REMOVAL_BECAUSE_SAFE_IDLE 3u /**< declared SAFE_IDLE (R1) */
#define VDEV_REMOVAL_BECAUSE_SAFE 4u /**< declared SAFE (R4) */
#define VDEV_REMOVAL_BECAUSE_OWN 5u /**< a level of the VMM's own (R1) */
#define VDEV_REMOVAL_BECAUSE_UNTRUSTED 6u /**< declared more, but not trusted (R7) */
#define VDEV_REMOVAL_BECAUSE_BELOW 7u /**< another unit below the same target is lower (R2) */
#define VDEV_REMOVAL_BECAUSE_UNTOUCHED 8u /**< the guest never used it (R14) */
#define VDEV_REMOVAL_BECAUSE_POWERED_OFF 9u /**< the slot is off or the unit hidden already (R14) */
#define VDEV_REMOVAL_BECAUSE_FORCED 10u /**< asked with FORCE (R9) */
#define VDEV_REMOVAL_BECAUSE_RESET 11u /**< the guest is being reset (R17) */
/** @} */

/** One step of a plan (R13). 40 bytes. */
struct vdev_removal_planned {
	uint64_t dev; /**< unit that the step is for */
	uint64_t user_data;
	uint64_t deadline_ns; /**< duration */
	uint32_t kind;
	uint32_t undo; /**< kind of the undo, or VDEV_REMOVAL_NO_UNDO */
	uint32_t because; /**< VDEV_REMOVAL_BECAUSE_... */
	uint32_t flags; /**< as the action will have */
};

/** State of a unit. @{ */
#define VDEV_REMOVAL_PRESENT 0u
#define VDEV_REMOVAL_QUEUED 1u /**< waits for its slot */
#define VDEV_REMOVAL_PENDING 2u /**< asked for, before the point of no return */
#define VDEV_REMOVAL_LEAVING 3u /**< after the point of no return */
#define VDEV_REMOVAL_HIDDEN \
	4u /**< ejected by the guest and held; its slot is not free until it was given back or removed (R11) */
#define VDEV_REMOVAL_SETTLING 5u /**< an emptied slot */
/** @} */

/** Facts of a unit in vdev_removal_info::flags. @{ */
#define VDEV_REMOVAL_IS_TOUCHED 0x1u
#define VDEV_REMOVAL_IS_READY 0x2u /**< the guest can be warned here */
#define VDEV_REMOVAL_IS_HELD 0x4u /**< its request waits for a migration to end */
#define VDEV_REMOVAL_IS_OVERDUE 0x8u /**< CANCEL came out, done() is still awaited */
#define VDEV_REMOVAL_IS_STUCK 0x10u
#define VDEV_REMOVAL_IS_SURPRISE_SLOT 0x20u /**< Hot-Plug Surprise bit of the slot's SLTCAP (R7) */
#define VDEV_REMOVAL_IS_BACKEND_GONE 0x40u
#define VDEV_REMOVAL_IS_REQUESTED 0x80u /**< somebody asked for this very unit */
/** @} */

/** What vdev_removal_get() and vdev_removal_walk() tell. 104 bytes. */
struct vdev_removal_info {
	uint64_t unit; /**< handle */
	uint64_t parent; /**< handle, 0: none */
	uint64_t user_data;
	uint64_t name;
	uint64_t address; /**< VDEV_NONE: none */
	uint64_t target; /**< handle of the unit whose operation covers this one, 0: none */
	uint64_t action_id; /**< outstanding action of its own operation, 0: none */
	uint64_t
		ack_left_ns; /**< running time that the guest has left to answer; 0: not asked, VDEV_NONE: no end */
	uint32_t unit_class;
	uint32_t transport;
	uint32_t level; /**< the one that counts, untrusted levels lowered */
	uint32_t guest_level;
	uint32_t operator_level;
	uint32_t state; /**< VDEV_REMOVAL_PRESENT .. SETTLING */
	uint32_t flags; /**< VDEV_REMOVAL_IS_... */
	uint32_t step; /**< kind of the step that its own operation is at, 0: none */
	uint32_t warnings; /**< given by its present operation */
	uint32_t function;
};

/** Counters since `_new()`; a snapshot. Each is a uint64_t; new ones are added at the end. */
struct vdev_removal_stats {
	uint64_t units; /**< now */
	uint64_t operations; /**< now */
	uint64_t bytes; /**< allocated now */
	uint64_t added, queued, declared;
	uint64_t requests, joined, upgraded, host_requests;
	uint64_t warnings, acks, unasked, refusals, busy;
	uint64_t timed_out, removed, removed_by_guest, failed, stuck, rolled_back, cancelled,
		refused;
	uint64_t cancels; /**< CANCEL actions given out */
	uint64_t bad_done; /**< late, duplicate or unknown done() */
	uint64_t bad_guest; /**< guest values out of range */
	uint64_t guest_resets;
};

/**
 * Makes an empty object.
 * @param ret_obj the object
 * @param env hooks, or NULL for libc's malloc and silence; copied
 * @param config see the struct; copied
 * @return 0; -EINVAL: a pointer is NULL, a value is out of range or a flag is unknown; -E2BIG: a
 * newer struct with a non-zero tail; -ENOMEM
 */
VDEV_API int vdev_removal_new(struct vdev_removal **ret_obj, const struct vdev_env *env,
			      const struct vdev_removal_config *config);

/**
 * Ends an object; handles and ids of it are void. Outstanding actions are forgotten.
 * @param obj the object, NULL is allowed
 */
VDEV_API void vdev_removal_free(struct vdev_removal *obj);

/**
 * Adds a unit (R2). Its level is UNKNOWN whatever was there before (R6).
 *
 * With VDEV_REMOVAL_HOTPLUG an ANNOUNCE comes out once its slot is free, holds no HIDDEN unit, is settled
 * and has no change bit set; until then the unit is QUEUED and nothing is lost (R11). Without it the unit
 * is there.
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit description; copied
 * @param ret_unit the handle
 * @return number of operations with an action waiting; -EINVAL; -E2BIG; -ENOENT: no such parent;
 * -EEXIST: the name is in use, until the OUTCOME that frees it is done (R10); -EBUSY: the parent is
 * being removed, QUEUED or HIDDEN, or a cold add below a slot that is not free; -ENOSPC: max_units or the nesting limit;
 * -ENOMEM
 */
VDEV_API int vdev_removal_add(struct vdev_removal *obj, uint64_t now_ns,
			      const struct vdev_removal_unit *unit, uint64_t *ret_unit);

/**
 * Sets the guest-visible address of a unit, an alias that the VMM keeps up to date (R2).
 * @param obj the object
 * @param unit handle
 * @param address e.g. segment << 16 | bus << 8 | device << 3 | function; VDEV_NONE: none any more.
 * A unit that had the same address loses it: bus numbers are written by guests and prove nothing
 * @return 0; -ENOENT; -ENOMEM
 */
VDEV_API int vdev_removal_set_address(struct vdev_removal *obj, uint64_t unit, uint64_t address);

/**
 * Replaces a unit's user_data, as an embedder does after vdev_removal_load().
 * @param obj the object
 * @param unit handle
 * @param user_data new value
 * @return 0; -ENOENT
 */
VDEV_API int vdev_removal_set_user_data(struct vdev_removal *obj, uint64_t unit,
					uint64_t user_data);

/**
 * Finds the unit with a guest-visible address.
 * @param obj the object
 * @param address as in vdev_removal_set_address()
 * @param ret_unit the handle
 * @return 0; -ENOENT; -EINVAL: address is VDEV_NONE or a pointer is NULL
 */
VDEV_API int vdev_removal_find(const struct vdev_removal *obj, uint64_t address,
			       uint64_t *ret_unit);

/**
 * Finds the unit with a name, e.g. to give units their user_data back after vdev_removal_load().
 * @param obj the object
 * @param name as in struct vdev_removal_unit, not 0
 * @param ret_unit the handle
 * @return 0; -ENOENT; -EINVAL: name is 0 or a pointer is NULL
 */
VDEV_API int vdev_removal_find_name(const struct vdev_removal *obj, uint64_t name,
				    uint64_t *ret_unit);

/**
 * A level is declared for a unit (R1, R6). Declaring again overwrites; a late SAFE lets a waiting
 * request proceed.
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit handle
 * @param source VDEV_REMOVAL_GUEST or VDEV_REMOVAL_OPERATOR
 * @param level VDEV_REMOVAL_UNKNOWN .. SAFE, or OWN_FIRST .. OWN_LAST
 * @return number of operations with an action waiting; -ENOENT; -EINVAL: level or source out of
 * range (counted as a guest's fault when it was the guest)
 */
VDEV_API int vdev_removal_declare(struct vdev_removal *obj, uint64_t now_ns, uint64_t unit,
				  uint32_t source, uint32_t level);

/**
 * Looks up the level that counts for a unit (R3). Wait-free, any thread (R15).
 * @param obj the object
 * @param unit handle
 * @return the level 0..31; -ENOENT; -EINVAL: obj is NULL
 */
VDEV_API int vdev_removal_level(const struct vdev_removal *obj, uint64_t unit);

/**
 * What the guest declared no longer holds: driver unbind, device reset, or (unit 0) a new handshake
 * of the pvdev driver, kexec, kdump (R6). Levels from the guest become UNKNOWN; where the guest can
 * be asked REDECLARE comes out.
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit handle, 0: all units
 * @return number of operations with an action waiting; -ENOENT
 */
VDEV_API int vdev_removal_forget(struct vdev_removal *obj, uint64_t now_ns, uint64_t unit);

/**
 * Asks for a removal (R3). Acts on the slot or subtree that the unit belongs to (R2). Asking again
 * joins the pending operation; FORCE upgrades it (R11).
 *
 * FORCE is for what it was asked for: the unit, or the slot that it is plugged into. An operation further
 * up that has not begun (it waits for a migration or for others below) neither takes it over nor becomes
 * forced; it waits, and asks the guest about the rest then. One that has begun to ask the guest is one
 * operation for all that it covers, and FORCE for a part upgrades it as a whole.
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit handle
 * @param request NULL: all defaults
 * @return number of operations with an action waiting; -ENOENT; -EINVAL; -E2BIG
 */
VDEV_API int vdev_removal_request(struct vdev_removal *obj, uint64_t now_ns, uint64_t unit,
				  const struct vdev_removal_request *request);

/**
 * Takes a request back. What was done is undone, outcome CANCELLED. A request that only waits for an
 * earlier one to end is dropped.
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit handle of the unit, its slot or the top of its subtree
 * @return number of operations with an action waiting; -ENOENT: no such unit or nothing pending for
 * it; -EALREADY: past the point of no return (R12), or going there by force or by a guest reset
 */
VDEV_API int vdev_removal_cancel(struct vdev_removal *obj, uint64_t now_ns, uint64_t unit);

/**
 * The guest acknowledged: it no longer uses the unit (R8). Without a pending request the unit's
 * policy decides (R16).
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit handle
 * @return number of operations with an action waiting; -ENOENT
 */
VDEV_API int vdev_removal_ack(struct vdev_removal *obj, uint64_t now_ns, uint64_t unit);

/**
 * The guest refused (R10). With ACK_RETRY it is asked again, with ACK_FORCE removed all the same.
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit handle
 * @param reason VDEV_REMOVAL_REASON_...; out of range is counted and taken as FAILURE
 * @return number of operations with an action waiting; -ENOENT: no such unit; -EBUSY: no request of it
 * waits for an answer (counted)
 */
VDEV_API int vdev_removal_refuse(struct vdev_removal *obj, uint64_t now_ns, uint64_t unit,
				 uint32_t reason);

/**
 * The guest says that it is working on it: outcome BUSY, once. Lengthens nothing (R6).
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit handle
 * @return number of operations with an action waiting; -ENOENT: no such unit; -EBUSY: no request of it
 * waits for an answer (counted)
 */
VDEV_API int vdev_removal_progress(struct vdev_removal *obj, uint64_t now_ns, uint64_t unit);

/**
 * The guest evaluated ACPI `_OST` (ACPI specification, 6.3.5).
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit handle
 * @param event source event code (0x3, 0x103: eject); others are counted and ignored
 * @param status status code
 * @return number of operations with an action waiting; -ENOENT: no such unit; -EBUSY: nothing waits
 * for an answer (counted)
 */
VDEV_API int vdev_removal_ost(struct vdev_removal *obj, uint64_t now_ns, uint64_t unit,
			      uint32_t event, uint32_t status);

/**
 * The registers of a PCIe slot after the guest wrote them or the VMM changed them (PCI Express Base
 * Specification, 7.5.3.10 and 7.5.3.11). Indicator and controller going off while a unit is present
 * is the acknowledgement; it is an edge. Unasked, the policy of the slot unit counts (R16).
 * @param obj the object
 * @param now_ns caller's clock
 * @param slot handle of a unit of class VDEV_REMOVAL_PCI_SLOT
 * @param control Slot Control register
 * @param status Slot Status register
 * @return number of operations with an action waiting; -ENOENT; -EINVAL: not a slot
 */
VDEV_API int vdev_removal_slot(struct vdev_removal *obj, uint64_t now_ns, uint64_t slot,
			       uint32_t control, uint32_t status);

/**
 * The guest can be warned now, or no longer (R10).
 * @param obj the object
 * @param now_ns caller's clock
 * @param unit handle, 0: all units whose transport is VDEV_REMOVAL_PVDEV
 * @param ready 0 or 1
 * @return number of operations with an action waiting; -ENOENT; -EINVAL: ready is neither
 */
VDEV_API int vdev_removal_ready(struct vdev_removal *obj, uint64_t now_ns, uint64_t unit,
				uint32_t ready);

/**
 * The guest enabled memory, I/O or bus mastering of a unit with VDEV_REMOVAL_TRACK_TOUCH (R14).
 * @param obj the object
 * @param unit handle
 * @return 0; -ENOENT
 */
VDEV_API int vdev_removal_touch(struct vdev_removal *obj, uint64_t unit);

/**
 * The unit's backend has died (a vhost-user process is gone): actions of its removal carry
 * VDEV_REMOVAL_BACKEND_GONE, and QUIESCE and DRAIN, which would wait for it, are left out (R14).
 * @param obj the object
 * @param unit handle
 * @return 0; -ENOENT
 */
VDEV_API int vdev_removal_backend_gone(struct vdev_removal *obj, uint64_t unit);

/**
 * The guest resets (R17). At BEGIN pending removals complete without an acknowledgement, but what was
 * cancelled before is undone to its end and stays; END forgets
 * what the guest declared and touched, and the registers of slots (tell vdev_removal_slot() again), and
 * gives HIDDEN units back.
 * @param obj the object
 * @param now_ns caller's clock
 * @return number of operations with an action waiting; _end: -EAGAIN: removals are not finished yet,
 * drain actions and call again; -EBUSY: no reset has begun
 */
VDEV_API int vdev_removal_reset_begin(struct vdev_removal *obj, uint64_t now_ns);
/** @copydoc vdev_removal_reset_begin */
VDEV_API int vdev_removal_reset_end(struct vdev_removal *obj, uint64_t now_ns);

/**
 * The guest does not run, or runs again: deadlines that it has to meet stand still meanwhile. Deeds
 * of the host keep theirs. Pausing twice is one pause.
 * @param obj the object
 * @param now_ns caller's clock
 * @return number of operations with an action waiting
 */
VDEV_API int vdev_removal_pause(struct vdev_removal *obj, uint64_t now_ns);
/** @copydoc vdev_removal_pause */
VDEV_API int vdev_removal_resume(struct vdev_removal *obj, uint64_t now_ns);

/**
 * A migration begins, or ended: new requests are kept meanwhile and begin at unhold(). FORCE gives
 * out UNHOLD, whose done() ends the hold. Operations that run already go on.
 * @param obj the object
 * @param now_ns caller's clock
 * @return number of operations with an action waiting; -EBUSY: held already, or not held
 */
VDEV_API int vdev_removal_hold(struct vdev_removal *obj, uint64_t now_ns);
/** @copydoc vdev_removal_hold */
VDEV_API int vdev_removal_unhold(struct vdev_removal *obj, uint64_t now_ns);

/**
 * Takes the next action. Each must end with one vdev_removal_done(). Legal from inside a deed.
 * @param obj the object
 * @param ret_action the action
 * @param size sizeof(struct vdev_action) of the caller
 * @return 1: do this; 0: nothing to do; -EINVAL: a pointer is NULL or size is 0
 */
VDEV_API int vdev_removal_next(struct vdev_removal *obj, struct vdev_action *ret_action,
			       size_t size);

/**
 * An action ended.
 * @param obj the object
 * @param now_ns caller's clock
 * @param action_id id of the action
 * @param status 0: done; negative errno: it failed. Before the point of no return a failure is rolled
 * back, after it reported (R12)
 * @return number of operations with an action waiting; -ENOENT: not outstanding (late, twice, unknown;
 * counted, harmless); -EINVAL: status is positive
 */
VDEV_API int vdev_removal_done(struct vdev_removal *obj, uint64_t now_ns, uint64_t action_id,
			       int status);

/**
 * Time has passed.
 * @param obj the object
 * @param now_ns caller's clock; a value before an earlier one counts as that earlier one
 * @return number of operations with an action waiting; -EINVAL: obj is NULL
 */
VDEV_API int vdev_removal_step(struct vdev_removal *obj, uint64_t now_ns);

/**
 * When vdev_removal_step() is due.
 * @param obj the object
 * @param ret_ns caller's clock
 * @return 1: then; 0: nothing is timed; -EINVAL: a pointer is NULL
 */
VDEV_API int vdev_removal_deadline(struct vdev_removal *obj, uint64_t *ret_ns);

/**
 * Dry run (R13): what a request would do now, as data; changes nothing.
 * @param obj the object
 * @param unit handle
 * @param request NULL: all defaults
 * @param ret_steps room for @c count entries of @c size bytes each; may be NULL when count is 0
 * @param size sizeof(struct vdev_removal_planned) of the caller
 * @param count entries that fit
 * @return number of steps of the whole plan, which may exceed @c count; -ENOENT; -EINVAL; -E2BIG;
 * -EBUSY: an operation for it is under way already
 */
VDEV_API int vdev_removal_plan(const struct vdev_removal *obj, uint64_t unit,
			       const struct vdev_removal_request *request,
			       struct vdev_removal_planned *ret_steps, size_t size, uint32_t count);

/**
 * Replaces the action set of a class and level (R5).
 * @param obj the object
 * @param unit_class VDEV_REMOVAL_OTHER .. VDEV_REMOVAL_CPU: class of the target
 * @param level 0..3 or 16..31
 * @param steps in order; ends in RELEASE, has HIDE (the point of no return) exactly once and before
 * DRAIN .. RELEASE, each kind at most once, WARN, AWAIT_ACK and HIDE in a row (the acknowledgement is
 * the point of no return); UNKNOWN and UNSAFE must have all three, QUIESCE stands before HIDE
 * @param count 1..VDEV_REMOVAL_MAX_STEPS, or 0 with steps NULL: back to the preset
 * @return 0; -EINVAL: not valid, the log says why; -ENOMEM; -EBUSY: an operation is using it
 */
VDEV_API int vdev_removal_set_actions(struct vdev_removal *obj, uint32_t unit_class, uint32_t level,
				      const struct vdev_removal_step *steps, uint32_t count);

/**
 * The action set in force for a class and level, e.g. to change one step of it.
 * @param obj the object
 * @param unit_class class
 * @param level 0..3 or 16..31
 * @param ret_steps room for VDEV_REMOVAL_MAX_STEPS entries
 * @return number of steps; -EINVAL
 */
VDEV_API int vdev_removal_get_actions(const struct vdev_removal *obj, uint32_t unit_class,
				      uint32_t level, struct vdev_removal_step *ret_steps);

/**
 * Facts of one unit.
 * @param obj the object
 * @param unit handle
 * @param ret_info the facts
 * @param size sizeof(struct vdev_removal_info) of the caller
 * @return 0; -ENOENT; -EINVAL
 */
VDEV_API int vdev_removal_get(const struct vdev_removal *obj, uint64_t unit,
			      struct vdev_removal_info *ret_info, size_t size);

/**
 * Walks all units, in no particular order. Units added or gone meanwhile may be missed.
 * @param obj the object
 * @param cursor 0 to begin; moved on by each call
 * @param ret_info facts of the unit
 * @param size sizeof(struct vdev_removal_info) of the caller
 * @return 1: one unit; 0: no more; -EINVAL
 */
VDEV_API int vdev_removal_walk(const struct vdev_removal *obj, uint64_t *cursor,
			       struct vdev_removal_info *ret_info, size_t size);

/**
 * Counters.
 * @param obj the object
 * @param ret_stats the counters
 * @param size sizeof(struct vdev_removal_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_removal_stats(const struct vdev_removal *obj,
				struct vdev_removal_stats *ret_stats, size_t size);

/**
 * Writes an image: units, levels, operations in mid-flight with remaining durations, action sets of
 * the VMM's own. No absolute time and no user_data is in it.
 * @param obj the object
 * @param now_ns caller's clock
 * @param buf room for the image; NULL with size 0 to measure
 * @param size bytes at buf
 * @param ret_size bytes needed; set also with -ENOBUFS
 * @return 0; -ENOBUFS; -EINVAL
 */
VDEV_API int vdev_removal_save(const struct vdev_removal *obj, uint64_t now_ns, void *buf,
			       size_t size, size_t *ret_size);

/**
 * Makes an object from an image. Handles, names and action ids are those of the saved object;
 * user_data are 0 until vdev_removal_set_user_data(); actions that were outstanding come out again
 * with the same id and the flag VDEV_REMOVAL_AGAIN.
 * @param env hooks, or NULL
 * @param config as for vdev_removal_new(); max_units at least that of the saved object
 * @param now_ns caller's clock, unrelated to the clock at save()
 * @param image the image; may be hostile
 * @param size bytes at image
 * @param ret_obj the object
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -ENOSPC: more units than config allows; -EBADMSG: damaged;
 * -EPROTONOSUPPORT: written by a newer library
 */
VDEV_API int vdev_removal_load(const struct vdev_env *env, const struct vdev_removal_config *config,
			       uint64_t now_ns, const void *image, size_t size,
			       struct vdev_removal **ret_obj);

/**
 * Name of a constant of this header, for logs and JSON.
 * @param kind action kind (also VDEV_CANCEL)
 * @return constant string such as "HIDE"; "OWN" for the VMM's own steps; "?" when there is none
 */
VDEV_API const char *vdev_removal_kind_name(uint32_t kind);
/** @copybrief vdev_removal_kind_name
 * @param outcome VDEV_REMOVAL_REQUESTED .. CANCELLED
 * @return constant string such as "REMOVED", "?" when there is none */
VDEV_API const char *vdev_removal_outcome_name(uint32_t outcome);
/** @copybrief vdev_removal_kind_name
 * @param level 0..31
 * @return constant string such as "SAFE_IDLE", "OWN", "?" when there is none */
VDEV_API const char *vdev_removal_level_name(uint32_t level);
/** @copybrief vdev_removal_kind_name
 * @param because VDEV_REMOVAL_BECAUSE_...
 * @return a short sentence in English, "?" when there is none */
VDEV_API const char *vdev_removal_because(uint32_t because);

/** Event kinds in the trace hook. @{ */
#define VDEV_REMOVAL_EV_ADD 1u
#define VDEV_REMOVAL_EV_DECLARE 2u
#define VDEV_REMOVAL_EV_FORGET 3u
#define VDEV_REMOVAL_EV_REQUEST 4u
#define VDEV_REMOVAL_EV_CANCEL 5u
#define VDEV_REMOVAL_EV_ACK 6u
#define VDEV_REMOVAL_EV_REFUSE 7u
#define VDEV_REMOVAL_EV_PROGRESS 8u
#define VDEV_REMOVAL_EV_SLOT 9u
#define VDEV_REMOVAL_EV_READY 10u
#define VDEV_REMOVAL_EV_TOUCH 11u
#define VDEV_REMOVAL_EV_BACKEND_GONE 12u
#define VDEV_REMOVAL_EV_RESET_BEGIN 13u
#define VDEV_REMOVAL_EV_RESET_END 14u
#define VDEV_REMOVAL_EV_PAUSE 15u
#define VDEV_REMOVAL_EV_RESUME 16u
#define VDEV_REMOVAL_EV_HOLD 17u
#define VDEV_REMOVAL_EV_UNHOLD 18u
#define VDEV_REMOVAL_EV_TIMEOUT 19u
/** @} */

/** @copybrief vdev_removal_kind_name
 * @param event VDEV_REMOVAL_EV_...
 * @return constant string such as "REQUEST", "?" when there is none */
VDEV_API const char *vdev_removal_event_name(uint32_t event);

#ifdef __cplusplus
}
#endif

#endif
