/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file pvdev.h
 * Device model of the paravirtual management function: decodes a guest's register accesses (guest.h)
 * into events of the removal engine, and warnings into guest events.
 *
 * **Purpose.** The transport for guests whose platform has none, and the way to declare a level.
 * docs/pvdev.md specifies the registers for driver authors.
 *
 * **States.** RESET → DRIVER → FEATURES_OK → DRIVER_OK as in VDEV_GUEST_STATUS.
 *
 * **Ownership.** The removal engine stays the caller's and must outlive the object.
 *
 * **Threads.** The object and its engine need one lock, the caller's.
 *
 * **Hostile guests.** Any offset, width and value is accepted without harm: unknown ones read as 0
 * (all-ones past the BAR), are dropped, and are counted. Commands are limited by a quota for each
 * period; a guest that exceeds it gets VDEV_GUEST_R_QUOTA and nobody else notices.
 */
#ifndef VDEV_PVDEV_H
#define VDEV_PVDEV_H

#include <vdev/backend.h>
#include <vdev/pvqueue.h>
#include <vdev/removal.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_pvdev;

/** Configuration; 0 asks for the default. 48 bytes. */
struct vdev_pvdev_config {
	uint32_t struct_size;
	uint32_t
		features; /**< VDEV_GUEST_F_... to offer; 0: all, MESSAGES and HINTS only if there are queues */
	struct vdev_removal *removal; /**< engine that the events go to */
	uint32_t max_events; /**< 1..65536 waiting at one time; default 256 */
	uint32_t command_quota; /**< commands in one period; default 4096 */
	uint64_t quota_period_ns; /**< default 1 s */
	uint32_t queues; /**< 0..VDEV_GUEST_QUEUES; not 0 if and only if F_MESSAGES is offered */
	uint32_t queue_size; /**< largest: 2..VDEV_GUEST_QUEUE_MOST, a power of two; default 256 */
	uint64_t reserved; /**< 0 */
};

/** What the caller has to do after an access or a deed: a bit mask. @{ */
#define VDEV_PVDEV_DISPATCH 0x1 /**< the engine has actions: drain it before the guest goes on */
#define VDEV_PVDEV_RAISE 0x2 /**< signal the function's interrupt once */
#define VDEV_PVDEV_RESET 0x4 /**< the guest reset the function (STATUS = 0) */
#define VDEV_PVDEV_QUEUE \
	0x8 /**< a queue went ON or STOPPING: look at each with vdev_pvdev_queue() */
#define VDEV_PVDEV_DOORBELL 0x10 /**< take vdev_pvdev_doorbells() */
/** @} */

/** Counters; a snapshot. */
struct vdev_pvdev_stats {
	uint64_t reads, writes;
	uint64_t
		bad_access; /**< straddling, past the end, odd width, read-only or unknown register */
	uint64_t commands, bad_commands; /**< bad: result other than OK */
	uint64_t over_quota;
	uint64_t events, lost_events;
	uint64_t handshakes;
	uint64_t doorbells;
	uint64_t queues_on, queues_refused, queues_broken;
};

/**
 * Makes a function in reset.
 * @param ret_pvdev the object
 * @param env hooks, or NULL
 * @param config see the struct
 * @return 0; -EINVAL; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_pvdev_new(struct vdev_pvdev **ret_pvdev, const struct vdev_env *env,
			    const struct vdev_pvdev_config *config);
/**
 * Ends the object.
 * @param pvdev NULL is allowed
 */
VDEV_API void vdev_pvdev_free(struct vdev_pvdev *pvdev);

/**
 * The guest reads the BAR. Accesses of 1, 2, 4 or 8 bytes at any offset; 4 aligned bytes are one
 * register, others are put together from the registers they touch.
 * @param pvdev the object
 * @param now_ns caller's clock
 * @param offset in the BAR
 * @param ret_data the bytes, little-endian
 * @param length 1..8
 * @return 0; -EINVAL: NULL or length (nothing is written; a VMM gives the guest all-ones)
 */
VDEV_API int vdev_pvdev_read(struct vdev_pvdev *pvdev, uint64_t now_ns, uint64_t offset,
			     void *ret_data, size_t length);

/**
 * The guest writes the BAR. Only 4 aligned bytes write a register, or 8 that write two, the lower
 * first; anything else is dropped and counted.
 * @param pvdev the object
 * @param now_ns caller's clock
 * @param offset in the BAR
 * @param data the bytes, little-endian
 * @param length 1..8
 * @return 0 or a mask of VDEV_PVDEV_...; -EINVAL: NULL or length
 */
VDEV_API int vdev_pvdev_write(struct vdev_pvdev *pvdev, uint64_t now_ns, uint64_t offset,
			      const void *data, size_t length);

/**
 * Performs WARN, UNWARN, REDECLARE, ANNOUNCE and REANNOUNCE for units of the transport VDEV_REMOVAL_PVDEV by
 * putting an event in the queue. WARN and REDECLARE of a unit that has no address are refused;
 * ANNOUNCE and REANNOUNCE then say VDEV_GUEST_ALL.
 * @param pvdev the object
 * @param now_ns caller's clock
 * @param action the action
 * @return 0 or VDEV_PVDEV_RAISE; -EOPNOTSUPP: another kind or transport; -EAGAIN: the queue is full or
 * the driver is not there (pass it on for WARN, which is sent again; the others are then found when the
 * driver enumerates); -ENOENT: the unit has no address; -EINVAL
 */
VDEV_API int vdev_pvdev_perform(struct vdev_pvdev *pvdev, uint64_t now_ns,
				const struct vdev_action *action);

/**
 * State and rings of a queue, as the guest configured it.
 *
 * ON: vdev_pvqueue_start() with the rings; if it fails, or the rings are not in memory, set BROKEN.
 * STOPPING: vdev_pvqueue_stop(), take the blocks of all its messages back, and set OFF when none is lent
 * any more. Until then the guest cannot turn it on again.
 * @param pvdev the object
 * @param index 0..queues-1
 * @param ret_rings the rings, with struct_size set; may be NULL
 * @param size sizeof(struct vdev_pvqueue_rings) of the caller
 * @return VDEV_GUEST_QUEUE_OFF, ON, STOPPING or BROKEN; -ENOENT: no such queue; -EINVAL
 */
VDEV_API int vdev_pvdev_queue(const struct vdev_pvdev *pvdev, uint32_t index,
			      struct vdev_pvqueue_rings *ret_rings, size_t size);
/**
 * The VMM's part of a queue's state: STOPPING to OFF, or ON to BROKEN, or the state that it has.
 * @param pvdev the object
 * @param index 0..queues-1
 * @param state VDEV_GUEST_QUEUE_OFF, VDEV_GUEST_QUEUE_BROKEN
 * @return 0 or VDEV_PVDEV_RAISE (the guest should know that it is BROKEN); -ENOENT; -EBUSY: not from the
 * state that it has; -EINVAL
 */
VDEV_API int vdev_pvdev_queue_set(struct vdev_pvdev *pvdev, uint32_t index, uint32_t state);
/**
 * Takes the doorbells that were rung since the last call: bit n for queue n. Those that are ioeventfds do not
 * come by here.
 * @param pvdev the object
 * @return the bits; 0: none, or pvdev is NULL
 */
VDEV_API uint64_t vdev_pvdev_doorbells(struct vdev_pvdev *pvdev);
/**
 * What the driver and the device agreed upon. A VMM gives no hints (vdev_pvqueue_hint()) without VDEV_GUEST_F_HINTS.
 * @param pvdev the object
 * @return VDEV_GUEST_F_...; 0: the handshake is not complete; -EINVAL
 */
VDEV_API int vdev_pvdev_features(const struct vdev_pvdev *pvdev);

/**
 * Sets VDEV_GUEST_IRQ_QUEUES in IRQ_STATUS, and with it the line, until the guest clears it: for embedders
 * without MSI, after VDEV_PVQUEUE_RAISE. With MSI the message alone is enough.
 * @param pvdev the object
 * @return 0; -EINVAL
 */
VDEV_API int vdev_pvdev_queue_irq(struct vdev_pvdev *pvdev);

/**
 * The level of the function's interrupt line, for embedders without MSI.
 * @param pvdev the object
 * @return 1: asserted; 0: not; -EINVAL
 */
VDEV_API int vdev_pvdev_line(const struct vdev_pvdev *pvdev);

/**
 * The VM was reset: as after vdev_pvdev_new(), counters stay, and queues that were ON are STOPPING. The
 * engine is told by the caller with vdev_removal_reset_begin().
 * @param pvdev the object
 * @param now_ns caller's clock
 * @return a mask of VDEV_PVDEV_DISPATCH and VDEV_PVDEV_QUEUE; -EINVAL
 */
VDEV_API int vdev_pvdev_reset(struct vdev_pvdev *pvdev, uint64_t now_ns);

/**
 * Counters.
 * @param pvdev the object
 * @param ret_stats the counters
 * @param size sizeof(struct vdev_pvdev_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_pvdev_stats(const struct vdev_pvdev *pvdev, struct vdev_pvdev_stats *ret_stats,
			      size_t size);

/**
 * Writes an image of the registers and waiting events.
 * @param pvdev the object
 * @param now_ns caller's clock
 * @param buf room for the image; NULL with size 0 to measure
 * @param size bytes at buf
 * @param ret_size bytes needed; set also with -ENOBUFS
 * @return 0; -ENOBUFS; -EINVAL
 */
VDEV_API int vdev_pvdev_save(const struct vdev_pvdev *pvdev, uint64_t now_ns, void *buf,
			     size_t size, size_t *ret_size);

/**
 * Makes an object from an image, to go with the engine that was loaded from the same VM's.
 * @param env hooks, or NULL
 * @param config as for vdev_pvdev_new()
 * @param now_ns caller's clock
 * @param image the image; may be hostile
 * @param size bytes at image
 * @param ret_pvdev the object
 * @return 0; -EINVAL, also when config offers less than the guest has negotiated; -E2BIG; -ENOMEM;
 * -ENOSPC: more events or queues than config allows; -EBADMSG;
 * -EPROTONOSUPPORT
 */
VDEV_API int vdev_pvdev_load(const struct vdev_env *env, const struct vdev_pvdev_config *config,
			     uint64_t now_ns, const void *image, size_t size,
			     struct vdev_pvdev **ret_pvdev);

/** Event kinds in the trace hook. @{ */
#define VDEV_PVDEV_EV_STATUS 0x001u /**< the handshake moved on; arg: new STATUS */
#define VDEV_PVDEV_EV_COMMAND \
	0x100u /**< + VDEV_GUEST_CMD_..., + 0 for unknown ones; arg: VDEV_GUEST_R_... */
#define VDEV_PVDEV_EV_QUEUE 0x002u /**< a queue changed; arg: index << 32 | its state */
#define VDEV_PVDEV_EV_EVENT \
	0x200u /**< + VDEV_GUEST_EVENT_...: queued; arg: cookie << 32 | address */
/** @} */

#ifdef __cplusplus
}
#endif

#endif
