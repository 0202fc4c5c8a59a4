/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file pvqueue.h
 * Device model of one queue of the paravirtual function: takes descriptors from a ring in guest memory
 * and writes events into another (guest.h, docs/pvdev.md).
 *
 * **Purpose.** The way in which a guest posts messages that are sent without copying, asks for their
 * blocks back, and is told that they are accessible (rules Z1..Z7). It knows neither the zero-copy
 * engine nor a transport: the VMM connects them. Other parts tell the guest things through the same
 * event ring.
 *
 * **States.**
 *
 *     OFF --start()--> ON --the guest's rings make no sense--> BROKEN
 *      ^                |                                        |
 *      |              stop()                                   stop()
 *      +-- in flight: 0 -- STOPPING <----------------------------+
 *
 * Each descriptor that was taken ends with exactly one answer(), in any of these states; a second one
 * is refused, so that the guest is never told twice.
 *
 * **Ownership.** What config.user points to is the caller's and must outlive the object. The rings are the
 * guest's. All memory is allocated by _new().
 *
 * **Threads.** Distinct queues are independent; one queue needs the caller's lock or one owner thread.
 *
 * **Hostile guests.** The producer index and each descriptor are read once, into memory of the
 * library, and only that copy is looked at. What is wrong with a descriptor is told to the guest and
 * counted, and not forwarded. Indices that cannot be break the queue until it is started anew. One
 * call does a bounded amount of work. Room for the answer is reserved before a descriptor is taken, so
 * that none is lost; a guest that does not take its events gets no more descriptors taken.
 */
#ifndef VDEV_PVQUEUE_H
#define VDEV_PVQUEUE_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_pvqueue;

/** Configuration; 0 asks for the default where there is one. 64 bytes. */
struct vdev_pvqueue_config {
	uint32_t struct_size;
	uint32_t
		max_size; /**< largest descriptor ring: 2..VDEV_GUEST_QUEUE_MOST, a power of two; default 256 */
	uint32_t destinations; /**< descriptors name 0..destinations-1; default 1 */
	uint32_t max_timeout_ms; /**< longer ones are refused as absurd; default 3600000 */
	uint64_t max_length_bytes; /**< of a block: 1..2^32-1; default 2^32-1 */
	uint64_t user_data; /**< the caller's own, in trace events */
	void *user; /**< handed to the hooks */
	/** Copies from guest memory. Only RAM may be read, never a device. 4 bytes at a multiple of 4
	 * must be one load. Must not call back into the queue. 0, or a negative errno: not there. */
	int (*read)(void *user, uint64_t address, void *buf, size_t size);
	/** Copies to guest memory; 4 bytes at a multiple of 4 must be one store. As above. */
	int (*write)(void *user, uint64_t address, const void *buf, size_t size);
	uint64_t reserved; /**< 0 */
};

/** Where the rings are; as the guest wrote it into the registers. 32 bytes. */
struct vdev_pvqueue_rings {
	uint32_t struct_size;
	uint32_t size; /**< descriptors: a power of two, 2..max_size */
	uint32_t events_size; /**< entries: a power of two, size..VDEV_GUEST_EVENTS_MOST */
	uint32_t reserved; /**< 0 */
	uint64_t address; /**< descriptor ring, multiple of 64 */
	uint64_t events; /**< event ring, multiple of 64; the two do not overlap */
};

/** A descriptor that was taken. 80 bytes. */
struct vdev_pvqueue_message {
	uint64_t handle; /**< names it in calls; never reused, never 0 */
	uint64_t tag; /**< what vdev_pvqueue_tag() set, at first 0 */
	uint64_t cookie; /**< the guest's name of it */
	uint64_t address; /**< block: does not wrap, not in the queue's rings; else unchecked */
	uint64_t length_bytes; /**< 1..max_length_bytes; 0 with RECLAIM and RECLAIM_ALL */
	uint64_t timeout_ns; /**< 0: not given */
	uint64_t target; /**< RECLAIM: handle of the message, which is in flight; else 0 */
	uint32_t kind; /**< VDEV_GUEST_MSG_... */
	uint32_t flags; /**< VDEV_GUEST_MSG_F_... */
	uint32_t destination; /**< 0..destinations-1 */
	uint32_t answered; /**< 1: RECLAIM_ALL that waits for messages before it */
	uint64_t reserved; /**< 0 */
};

/** What calls answer: a bit mask. @{ */
#define VDEV_PVQUEUE_MESSAGE 0x1 /**< a message was taken: perform it, end it by answer() */
#define VDEV_PVQUEUE_REFUSED 0x2 /**< a descriptor was refused, the guest knows */
#define VDEV_PVQUEUE_RAISE 0x4 /**< signal the queue's interrupt once */
#define VDEV_PVQUEUE_BROKEN 0x8 /**< the queue broke in this call: tell vdev_pvdev_queue_set() */
#define VDEV_PVQUEUE_IDLE 0x10 /**< stopped, and nothing is in flight any more: it is OFF */
/** @} */

/** State of the object. @{ */
#define VDEV_PVQUEUE_OFF 0u
#define VDEV_PVQUEUE_ON 1u
#define VDEV_PVQUEUE_STOPPING 2u
#define VDEV_PVQUEUE_DEAD 3u /**< BROKEN */
/** @} */

/** Counters since `_new()` and what is now; a snapshot. Each is a uint64_t. */
struct vdev_pvqueue_stats {
	uint64_t state; /**< VDEV_PVQUEUE_OFF .., now */
	uint64_t in_flight; /**< taken and not ended, now */
	uint64_t taken; /**< descriptors that became messages */
	uint64_t refused[16]; /**< by VDEV_GUEST_WHY_...; [0]: all of them */
	uint64_t answers; /**< events written for descriptors */
	uint64_t unasked; /**< events written by tell() and hint() */
	uint64_t lost; /**< calls of tell() and hint() that found no room */
	uint64_t raised; /**< interrupts asked for */
	uint64_t held; /**< times that a descriptor had to wait because the guest took no events */
	uint64_t idle; /**< times that the guest was looked at for nothing */
	uint64_t stale; /**< handles that were unknown or over: a second answer */
	uint64_t broken_index; /**< producer index impossible */
	uint64_t broken_events; /**< index of taken events impossible */
	uint64_t broken_memory; /**< a hook refused: the rings are not in memory */
	uint64_t silent; /**< answers that had no ring to go to */
};

/**
 * Makes a queue, OFF.
 * @param ret_queue the queue
 * @param env hooks, or NULL
 * @param config see the struct; copied
 * @return 0; -EINVAL: NULL, no hook, or a value out of range; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_pvqueue_new(struct vdev_pvqueue **ret_queue, const struct vdev_env *env,
			      const struct vdev_pvqueue_config *config);
/**
 * Ends the object.
 * @param queue NULL is allowed
 */
VDEV_API void vdev_pvqueue_free(struct vdev_pvqueue *queue);

/**
 * The guest turned the queue on: indices begin at 0.
 * @param queue the queue, OFF
 * @param rings see vdev_pvdev_queue(); copied
 * @return 0; -EINVAL: NULL, or the rings cannot be (size, alignment, wrap, overlap); -E2BIG; -EBUSY: not OFF
 */
VDEV_API int vdev_pvqueue_start(struct vdev_pvqueue *queue, const struct vdev_pvqueue_rings *rings);
/**
 * The guest turned the queue off, or the function or the VM was reset. Nothing is read from or
 * written to the rings from now on. The caller takes the blocks of all messages back and ends each by
 * answer(); the guest is not told.
 * @param queue the queue
 * @return VDEV_PVQUEUE_IDLE when nothing was in flight, else 0; -EBUSY: OFF or STOPPING already; -EINVAL
 */
VDEV_API int vdev_pvqueue_stop(struct vdev_pvqueue *queue);

/**
 * Looks at one more descriptor. Call it after a doorbell until it returns 0, or, to be fair to others,
 * some times and then again later.
 * @param queue the queue
 * @param ret_message the message, when MESSAGE is in the answer
 * @param size sizeof(struct vdev_pvqueue_message) of the caller
 * @return a mask of VDEV_PVQUEUE_MESSAGE, REFUSED, RAISE, BROKEN; 0: nothing (the queue is not ON, or the
 * guest has to take events first; it rings again then); -EINVAL: NULL, or size is 0; -EBUSY: called from a
 * hook
 */
VDEV_API int vdev_pvqueue_next(struct vdev_pvqueue *queue, struct vdev_pvqueue_message *ret_message,
			       size_t size);
/**
 * Ends a message: tells the guest ACCESSIBLE (SEND, RECEIVE) or ANSWER (RECLAIM, RECLAIM_ALL). The event of a
 * RECLAIM_ALL is kept back until all messages that were taken before it have ended.
 * @param queue the queue
 * @param handle of the message
 * @param result VDEV_GUEST_DONE_...
 * @param arg bytes, or VDEV_GUEST_WHY_... with REFUSED
 * @return a mask of VDEV_PVQUEUE_RAISE, BROKEN, IDLE; -ENOENT: over, or never given (counted); -EINVAL: queue is
 * NULL or there is no such result; -EBUSY: called from a hook
 */
VDEV_API int vdev_pvqueue_answer(struct vdev_pvqueue *queue, uint64_t handle, uint32_t result,
				 uint64_t arg);
/**
 * Tells the guest something that no descriptor asked for. It takes no room that answers may need.
 * @param queue the queue
 * @param kind VDEV_GUEST_TOLD_UNASKED or above
 * @param result as the kind says
 * @param cookie as the kind says
 * @param arg as the kind says
 * @return a mask of VDEV_PVQUEUE_RAISE, BROKEN; -EAGAIN: no room, or not ON: counted, in the ring too, so that
 * the guest knows; -EINVAL; -EBUSY: called from a hook
 */
VDEV_API int vdev_pvqueue_tell(struct vdev_pvqueue *queue, uint32_t kind, uint32_t result,
			       uint64_t cookie, uint64_t arg);

/** Most words of a set in vdev_pvqueue_hint(): 4096 vCPUs. */
#define VDEV_PVQUEUE_HINT_WORDS 64u
/**
 * Tells the guest which vCPUs should take a device's interrupt (rule H3 of docs/engines/irqhint.md): what
 * vdev_irqhint_event() answered. Call it before the event itself is signalled, and only when the guest negotiated
 * VDEV_GUEST_F_HINTS (vdev_pvdev_features()). One entry for each 64 vCPUs that has some of the set; for want of room none
 * of them, but a ring that turns out BROKEN in the middle may have some.
 * @param queue the queue
 * @param address of the device, as in VDEV_GUEST_EVENT_ADDRESS
 * @param type of the event, usually the number of its MSI-X vector: 0..65535
 * @param distance VDEV_IRQHINT_SAME_CPU .. ANY, at most 255
 * @param set vCPUs: vCPU n is bit n % 64 of word n / 64
 * @param words of set, 1..VDEV_PVQUEUE_HINT_WORDS
 * @return a mask of VDEV_PVQUEUE_RAISE, BROKEN; -EAGAIN: no room (counted, in the ring too), or not ON; the event is
 * signalled all the same (H8); -EINVAL: NULL, out of range, or an empty set; -EBUSY: called from a hook
 */
VDEV_API int vdev_pvqueue_hint(struct vdev_pvqueue *queue, uint32_t address, uint32_t type,
			       uint32_t distance, const uint64_t *set, uint32_t words);

/**
 * Remembers the caller's own name of a message, e.g. its id in the zero-copy engine. It is part of
 * images.
 * @param queue the queue
 * @param handle of the message
 * @param tag any value
 * @return 0; -ENOENT; -EINVAL
 */
VDEV_API int vdev_pvqueue_tag(struct vdev_pvqueue *queue, uint64_t handle, uint64_t tag);
/**
 * Facts of a message in flight.
 * @param queue the queue
 * @param handle of the message
 * @param ret_message the facts
 * @param size sizeof(struct vdev_pvqueue_message) of the caller
 * @return 0; -ENOENT; -EINVAL
 */
VDEV_API int vdev_pvqueue_get(const struct vdev_pvqueue *queue, uint64_t handle,
			      struct vdev_pvqueue_message *ret_message, size_t size);
/**
 * Walks the messages in flight, oldest first. Messages may be taken and end meanwhile.
 * @param queue the queue
 * @param cursor 0 to begin; moved on by each call
 * @param ret_message facts of the message
 * @param size sizeof(struct vdev_pvqueue_message) of the caller
 * @return 1: one message; 0: no more; -EINVAL
 */
VDEV_API int vdev_pvqueue_walk(const struct vdev_pvqueue *queue, uint64_t *cursor,
			       struct vdev_pvqueue_message *ret_message, size_t size);
/**
 * Counters.
 * @param queue the queue
 * @param ret_stats the counters
 * @param size sizeof(struct vdev_pvqueue_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_pvqueue_stats(const struct vdev_pvqueue *queue,
				struct vdev_pvqueue_stats *ret_stats, size_t size);

/**
 * Writes an image: state, rings, indices and messages in flight. The rings themselves are guest memory.
 * @param queue the queue
 * @param buf room for the image; NULL with size 0 to measure
 * @param size bytes at buf
 * @param ret_size bytes needed; set also with -ENOBUFS
 * @return 0; -ENOBUFS; -EINVAL
 */
VDEV_API int vdev_pvqueue_save(const struct vdev_pvqueue *queue, void *buf, size_t size,
			       size_t *ret_size);
/**
 * Makes a queue from an image. Handles and tags are those of the saved one.
 * @param env hooks, or NULL
 * @param config as for vdev_pvqueue_new()
 * @param image the image; may be hostile
 * @param size bytes at image
 * @param ret_queue the queue
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -ENOSPC: the ring is larger than config allows, or a destination, length
 * or time-out of a message is; -EBADMSG: damaged;
 * -EPROTONOSUPPORT: written by a newer library
 */
VDEV_API int vdev_pvqueue_load(const struct vdev_env *env, const struct vdev_pvqueue_config *config,
			       const void *image, size_t size, struct vdev_pvqueue **ret_queue);

/** Event kinds in the trace hook; `dev` is the message's handle. @{ */
#define VDEV_PVQUEUE_EV_MESSAGE 0x100u /**< + VDEV_GUEST_MSG_...: taken; arg: cookie */
#define VDEV_PVQUEUE_EV_REFUSED 0x200u /**< + VDEV_GUEST_WHY_...; arg: cookie */
#define VDEV_PVQUEUE_EV_TOLD 0x300u /**< + VDEV_GUEST_DONE_...: ended; arg: cookie */
#define VDEV_PVQUEUE_EV_BROKEN 0x400u /**< the rings make no sense; arg: the index that was read */
/** @} */

#ifdef __cplusplus
}
#endif

#endif
