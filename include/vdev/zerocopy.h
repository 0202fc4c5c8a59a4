/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file zerocopy.h
 * The zero-copy engine: lends guest memory to a transfer without copying, and gets it back in bounded
 * time even if the far side never answers.
 *
 * **Purpose.** Implements rules Z1..Z13 of docs/engines/zerocopy.md, after US 9,575,796 B2. A block of
 * guest memory is reserved and sent zero-copy; if its completion does not come in time, its pages are
 * taken out from under the guest: the addresses stay valid with fresh pages, and the old ones stay in
 * quarantine until the late consumer lets go.
 *
 * **Two objects** (Z13). struct vdev_zerocopy, one for each VM, is the control plane: quotas,
 * reclaim, quarantine. struct vdev_zerocopy_queue, one for each backend queue, is the hot path.
 *
 * **States** of a message, named by its id:
 *
 *     reserve() -> RESERVED -sent()-> SENT -complete()-> over
 *                     |abort()         |expire(), reclaim(), reclaim_all(), reset_begin()
 *                     v                v
 *                    over           CLAIMED -> OFFLINING -> QUARANTINED -complete(), RELEASE-> over
 *
 * **Exactly once** (Z6). Whoever gets one of these tells the guest that the block is accessible, and
 * no message has two: abort() returned 0; sent() returned SETTLED; its bit is set in what complete()
 * gave; the action ACCESSIBLE.
 *
 * **Ownership.** The VM object owns its queues. Memory and destinations are the caller's and are
 * named by guest physical address and by index.
 *
 * **Threads.** The VM object needs the caller's lock. Of a queue, reserve(), sent(), abort(), cost() and
 * threshold() belong to one owner thread; complete() and expire() may be called by any thread at any time,
 * without a lock. All queue calls are safe beside the VM object's, except where a call says that queues
 * have to be at rest.
 *
 * **Time.** No deadline here is one that the guest has to meet, so there is no pause: a receiver is
 * late whether or not the sender runs.
 *
 * **Hostile guests.** Addresses, lengths and time-outs are checked without overflow, limited by
 * quotas, and counted; what is refused harms nobody else.
 *
 * **Events** return the number of messages that have an action waiting, or a negative errno.
 */
#ifndef VDEV_ZEROCOPY_H
#define VDEV_ZEROCOPY_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_zerocopy;
struct vdev_zerocopy_queue;

/** Most queues, destinations and memory regions of one object, and slots of one queue. @{ */
#define VDEV_ZEROCOPY_MAX_QUEUES 255u
#define VDEV_ZEROCOPY_MAX_DESTINATIONS 4096u
#define VDEV_ZEROCOPY_MAX_MEMORY 64u
#define VDEV_ZEROCOPY_MAX_SLOTS (1u << 20)
/** @} */
/** Longest block, and the largest quotas. @{ */
#define VDEV_ZEROCOPY_MAX_BLOCK_BYTES ((UINT64_C(1) << 32) - 1)
#define VDEV_ZEROCOPY_MAX_BLOCKS ((UINT64_C(1) << 24) - 1)
#define VDEV_ZEROCOPY_MAX_BYTES ((UINT64_C(1) << 40) - 1)
/** @} */
/** Ids in one call of complete(). */
#define VDEV_ZEROCOPY_MAX_RANGE 64u

/** What has to come before the time-out, else the block is reclaimed; also what ends quarantine (Z2). @{ */
#define VDEV_ZEROCOPY_UNTIL_TASK 0u /**< the host's own task is over: nothing holds the pages */
#define VDEV_ZEROCOPY_UNTIL_RESPONSE 1u /**< the destination has answered */
#define VDEV_ZEROCOPY_UNTIL_ANY 2u /**< one of the two */
#define VDEV_ZEROCOPY_UNTIL_ALL 3u /**< both */
/** @} */

/** What the guest finds in pages that were replaced (Z5). @{ */
#define VDEV_ZEROCOPY_DEFAULT 0u /**< in calls: the object's mode; in a config: PRESERVE */
#define VDEV_ZEROCOPY_PRESERVE 1u /**< what it had written; the guest goes on running */
#define VDEV_ZEROCOPY_RESET 2u /**< zeroes; pages that hold other data too are preserved */
/** @} */

/** Configuration; 0 asks for the default where there is one. Durations in nanoseconds. 128 bytes. */
struct vdev_zerocopy_config {
	uint32_t struct_size;
	uint32_t flags; /**< 0 */
	uint32_t max_queues; /**< 1..VDEV_ZEROCOPY_MAX_QUEUES */
	uint32_t max_destinations; /**< 1..VDEV_ZEROCOPY_MAX_DESTINATIONS */
	uint32_t until; /**< VDEV_ZEROCOPY_UNTIL_... */
	uint32_t mode; /**< of time-outs: VDEV_ZEROCOPY_PRESERVE or RESET */
	uint64_t timeout_min_ns; /**< a guest's time-out is raised to it; default 1 ms */
	uint64_t timeout_max_ns; /**< and lowered to it; default 60 s */
	uint64_t timeout_ns; /**< when the guest gives none; default 10 s, clamped as well */
	uint64_t max_blocks; /**< in flight for the VM (Z8); default 65536 */
	uint64_t max_bytes; /**< default 256 MiB */
	uint64_t
		destination_blocks; /**< in flight for each destination (Z8); default max_blocks / 4 */
	uint64_t destination_bytes; /**< default max_bytes / 4 */
	/** In quarantine for the VM, whole granules of each block; default max_bytes */
	uint64_t quarantine_bytes;
	uint64_t destination_quarantine_bytes; /**< default quarantine_bytes / 4 */
	uint64_t offline_ns; /**< time for one OFFLINE, its repetitions included; default 5 s */
	uint64_t
		retry_ns; /**< before an action that ended with -EAGAIN comes again; default 10 ms */
	uint64_t max_slots; /**< of all queues together, at most 255 * 2^20; default 2^21 */
};

/** Flag of a queue: the threshold is learned from vdev_zerocopy_cost() (Z9). */
#define VDEV_ZEROCOPY_ADAPTIVE 0x1u

/** Configuration of a queue. 32 bytes. */
struct vdev_zerocopy_queue_config {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_ZEROCOPY_ADAPTIVE */
	/** 16..VDEV_ZEROCOPY_MAX_SLOTS, a power of two: messages that are in flight or in quarantine */
	uint32_t slots;
	uint32_t reserved; /**< 0 */
	uint64_t threshold_bytes; /**< shorter blocks are copied; ADAPTIVE begins here and learns */
	uint64_t reserved2; /**< 0 */
};

/** Flag of memory: its pages cannot be taken out (Z12), so it is never lent. */
#define VDEV_ZEROCOPY_FIXED 0x1u

/** A piece of guest RAM. 32 bytes. */
struct vdev_zerocopy_memory {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_ZEROCOPY_FIXED */
	uint64_t address; /**< guest physical, multiple of granule_bytes */
	uint64_t size_bytes; /**< multiple of granule_bytes, not 0, does not wrap */
	uint64_t granule_bytes; /**< what is replaced at a time: 4096..2^30, a power of two (Z10) */
};

/** Flags of a block. @{ */
#define VDEV_ZEROCOPY_RECEIVE 0x1u /**< the destination writes into it (Z11): whole granules only */
#define VDEV_ZEROCOPY_ANY_SIZE 0x2u /**< also below the threshold */
/** @} */

/** A block that the guest wants sent. 48 bytes. */
struct vdev_zerocopy_block {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_ZEROCOPY_RECEIVE, VDEV_ZEROCOPY_ANY_SIZE */
	uint64_t address; /**< guest physical, any alignment */
	uint64_t length_bytes; /**< within one region of memory */
	uint64_t timeout_ns; /**< the guest's, clamped; 0: not given */
	uint64_t user_data; /**< comes back in actions */
	uint32_t destination; /**< 0..max_destinations-1 */
	uint32_t reserved; /**< 0 */
};

/** What reserve() answers, in the low byte: LEND, or copy instead, and why (Z8, Z9). @{ */
#define VDEV_ZEROCOPY_LEND 0
#define VDEV_ZEROCOPY_COPY_SMALL 1 /**< below the threshold */
#define VDEV_ZEROCOPY_COPY_QUOTA 2 /**< quota of the VM */
#define VDEV_ZEROCOPY_COPY_DESTINATION 3 /**< quota of the destination */
#define VDEV_ZEROCOPY_COPY_QUARANTINE 4 /**< too much in quarantine, of the VM or the destination */
#define VDEV_ZEROCOPY_COPY_SLOTS 5 /**< no free slot near */
#define VDEV_ZEROCOPY_COPY_FIXED 6 /**< the memory cannot be taken out */
#define VDEV_ZEROCOPY_COPY_PARTIAL 7 /**< RECEIVE, and the block shares a granule with other data */
#define VDEV_ZEROCOPY_COPY_RESET 8 /**< the VM is being reset; RECEIVE: or a WHOLE is under way */
#define VDEV_ZEROCOPY_COPY_REASONS 9
#define VDEV_ZEROCOPY_ANSWER 0xff /**< mask of the above */
/** Or-ed to the answer: measure this one and tell vdev_zerocopy_cost(). */
#define VDEV_ZEROCOPY_MEASURE 0x100
/** @} */

/** What sent() and complete() answer: a bit mask. @{ */
#define VDEV_ZEROCOPY_WAKE \
	0x1 /**< call vdev_zerocopy_step(): there is work, or an earlier deadline */
#define VDEV_ZEROCOPY_SETTLED 0x2 /**< sent(): complete already; tell the guest */
/** @} */

/** Flags of complete(). @{ */
#define VDEV_ZEROCOPY_RESPONSE 0x1u /**< the destination has answered */
#define VDEV_ZEROCOPY_TASK 0x2u /**< the host's task is over: nothing holds the pages */
#define VDEV_ZEROCOPY_COPIED 0x4u /**< the kernel copied anyway (SO_EE_CODE_ZEROCOPY_COPIED) */
/** @} */

/** Kinds of actions. `dev` is the message's id (0: the whole VM), `user_data` the message's. @{ */
/** Put fresh pages in place of [arg[0], arg[0] + arg[1]), arg[2] says VDEV_ZEROCOPY_PRESERVE or RESET; the old
 * ones go to quarantine. done(-EAGAIN): comes again; another error: REFUSED. With either, some of several
 * granules may have been replaced. Take all that wait and perform them at once. */
#define VDEV_ZEROCOPY_OFFLINE (VDEV_KIND_ZEROCOPY + 0x01u)
/** Tell the guest that the block arg[0], of arg[1] bytes, is its own again; arg[2] VDEV_ZEROCOPY_COMPLETED to LOST.
 * done(-EAGAIN): there is no room to tell it, comes again. */
#define VDEV_ZEROCOPY_ACCESSIBLE (VDEV_KIND_ZEROCOPY + 0x02u)
/** The late consumer is done with the old pages of the block arg[0], of arg[1] bytes: free them.
 * done(-EAGAIN): comes again. */
#define VDEV_ZEROCOPY_RELEASE (VDEV_KIND_ZEROCOPY + 0x03u)
/** The pages could not be taken out, arg[2] is the status as int64_t: the block stays lent, without a
 * deadline, until it is complete or reclaimed anew. */
#define VDEV_ZEROCOPY_REFUSED (VDEV_KIND_ZEROCOPY + 0x04u)
/** @} */

/** Flags of actions. @{ */
#define VDEV_ZEROCOPY_WHOLE 0x1u /**< OFFLINE: all memory of the VM, dev is 0 */
#define VDEV_ZEROCOPY_AGAIN 0x2u /**< the same action came out before: an image was loaded */
#define VDEV_ZEROCOPY_BY_RESET 0x4u /**< the guest was reset: it does not wait for this block */
#define VDEV_ZEROCOPY_ASKED 0x8u /**< somebody asked for it: it is no time-out */
/** @} */

/** How a message ended, `arg[2]` of ACCESSIBLE. @{ */
#define VDEV_ZEROCOPY_COMPLETED 1u /**< in time after all (Z7): no page was replaced */
#define VDEV_ZEROCOPY_RECLAIMED 2u /**< its pages were replaced */
#define VDEV_ZEROCOPY_FAILED 3u /**< a receive buffer was replaced: its contents are void (Z11) */
#define VDEV_ZEROCOPY_LOST \
	4u /**< loaded where nothing of it is lent; what became of it is not known */
/** @} */

/** State of a message. @{ */
#define VDEV_ZEROCOPY_FREE 0u
#define VDEV_ZEROCOPY_RESERVED 1u
#define VDEV_ZEROCOPY_SENT 2u
#define VDEV_ZEROCOPY_CLAIMED 3u /**< due for reclaim */
#define VDEV_ZEROCOPY_OFFLINING 4u /**< its pages are being replaced */
#define VDEV_ZEROCOPY_QUARANTINED 5u /**< replaced; the old ones are still held */
#define VDEV_ZEROCOPY_STATES 6u
/** @} */

/** What vdev_zerocopy_get() and vdev_zerocopy_walk() tell. 72 bytes. */
struct vdev_zerocopy_info {
	uint64_t id;
	uint64_t user_data;
	uint64_t address;
	uint64_t length_bytes;
	uint64_t deadline_ns; /**< caller's clock; VDEV_NONE: none */
	uint64_t timeout_ns; /**< as clamped */
	uint64_t action_id; /**< outstanding action, 0: none */
	uint32_t destination;
	uint32_t state; /**< VDEV_ZEROCOPY_RESERVED to QUARANTINED */
	uint32_t flags; /**< of the block */
	uint32_t seen; /**< VDEV_ZEROCOPY_RESPONSE, VDEV_ZEROCOPY_TASK */
};

/** Counters since `_new()`; a snapshot that is exact when the queues are at rest. Each is a uint64_t. */
struct vdev_zerocopy_stats {
	uint64_t blocks, bytes; /**< in flight now; RESERVED .. OFFLINING */
	uint64_t quarantined_blocks, quarantined_bytes; /**< now; bytes: whole granules */
	uint64_t operations; /**< reclaims that are not over yet, now */
	uint64_t allocated_bytes; /**< now */
	uint64_t lent; /**< reserve() answered LEND */
	uint64_t
		copied[VDEV_ZEROCOPY_COPY_REASONS]; /**< by reason; [0]: the kernel copied anyway */
	uint64_t refused; /**< bad addresses, lengths, destinations */
	uint64_t aborted, partial; /**< sends that failed, or went out in part */
	uint64_t settled; /**< completed without a reclaim */
	uint64_t timed_out; /**< claimed by time-out */
	uint64_t asked; /**< claimed by reclaim() and reclaim_all() */
	uint64_t reset; /**< claimed by a reset */
	uint64_t in_time; /**< claimed, but complete before a page was replaced (Z7) */
	uint64_t reclaimed; /**< messages whose pages were replaced */
	uint64_t granules; /**< replaced */
	uint64_t granules_skipped; /**< already replaced since the message was sent (Z10) */
	uint64_t late; /**< completions that ended a quarantine */
	uint64_t stale; /**< completions of unknown or finished ids, second ones too (Z7) */
	uint64_t reclaim_refused; /**< REFUSED actions */
	uint64_t cancels; /**< CANCEL actions given out */
	uint64_t bad_done; /**< late, duplicate or unknown done() */
};

/**
 * Makes an object without memory and queues.
 * @param ret_obj the object
 * @param env hooks, or NULL for libc's malloc and silence; copied
 * @param config see the struct; copied
 * @return 0; -EINVAL: a pointer is NULL, a value is out of range (timeout_min_ns above timeout_max_ns too);
 * -E2BIG; -ENOMEM
 */
VDEV_API int vdev_zerocopy_new(struct vdev_zerocopy **ret_obj, const struct vdev_env *env,
			       const struct vdev_zerocopy_config *config);
/**
 * Ends an object and its queues. No thread may be in them. Blocks that are lent stay with their
 * consumers: complete or reclaim them first.
 * @param obj NULL is allowed
 */
VDEV_API void vdev_zerocopy_free(struct vdev_zerocopy *obj);

/**
 * Adds guest RAM from which blocks may be lent (Z10, Z12). Queues may run.
 * @param obj the object
 * @param memory description; copied
 * @return 0; -EINVAL: alignment, size, granule, or it wraps; -E2BIG; -EEXIST: overlaps another;
 * -ENOSPC: VDEV_ZEROCOPY_MAX_MEMORY
 */
VDEV_API int vdev_zerocopy_add_memory(struct vdev_zerocopy *obj,
				      const struct vdev_zerocopy_memory *memory);
/**
 * Takes guest RAM away. The queues have to be at rest.
 * @param obj the object
 * @param address as it was added
 * @return 0; -EINVAL: obj is NULL; -ENOENT; -EBUSY: a block of it is in flight or in quarantine
 */
VDEV_API int vdev_zerocopy_remove_memory(struct vdev_zerocopy *obj, uint64_t address);

/**
 * Adds a queue.
 * @param obj the object
 * @param config see the struct
 * @param ret_queue the queue; its index is the number of queues before it
 * @return 0; -EINVAL; -E2BIG; -ENOSPC: max_queues or max_slots; -ENOMEM
 */
VDEV_API int vdev_zerocopy_add_queue(struct vdev_zerocopy *obj,
				     const struct vdev_zerocopy_queue_config *config,
				     struct vdev_zerocopy_queue **ret_queue);
/**
 * Finds a queue, e.g. after vdev_zerocopy_load().
 * @param obj the object
 * @param index 0.., in the order of adding
 * @param ret_queue the queue
 * @return 0; -EINVAL; -ENOENT
 */
VDEV_API int vdev_zerocopy_queue_at(struct vdev_zerocopy *obj, uint32_t index,
				    struct vdev_zerocopy_queue **ret_queue);

/**
 * May this block be lent, or must it be copied? (Z1, Z8..Z11) Never waits, never allocates. Ids rise
 * by 1 as long as no slot is held up by a stuck message, else by a little more.
 * @param queue owner thread
 * @param block the block
 * @param ret_id id, when the answer is LEND: end it by sent() or abort()
 * @return VDEV_ZEROCOPY_LEND or COPY_..., and VDEV_ZEROCOPY_MEASURE; -EINVAL: NULL, unknown flag, length 0,
 * or no such destination; -E2BIG; -EFAULT: not within one region of memory, or it wraps (the last three
 * are counted as refused)
 */
VDEV_API int vdev_zerocopy_reserve(struct vdev_zerocopy_queue *queue,
				   const struct vdev_zerocopy_block *block, uint64_t *ret_id);
/**
 * The pages are pinned and on their way; the time-out begins (Z2, Z10). Call it after the send call
 * returned, not before. The completion may have come already.
 * @param queue owner thread
 * @param now_ns caller's clock
 * @param id from reserve()
 * @param bytes that went out, 1..length; the rest needs a reserve() of its own. All of a RECEIVE block
 * @return a mask of VDEV_ZEROCOPY_WAKE, VDEV_ZEROCOPY_SETTLED; -ENOENT: not RESERVED; -EINVAL: bytes
 */
VDEV_API int vdev_zerocopy_sent(struct vdev_zerocopy_queue *queue, uint64_t now_ns, uint64_t id,
				uint64_t bytes);
/**
 * The send failed, nothing went out. The guest's block is its own again.
 * @param queue owner thread
 * @param id from reserve()
 * @return 0; -ENOENT: not RESERVED; -EINVAL: queue is NULL
 */
VDEV_API int vdev_zerocopy_abort(struct vdev_zerocopy_queue *queue, uint64_t id);
/**
 * Completions of ids lo..hi came in (Z7). Ids in between that were never given or are over are
 * counted as stale and harm nothing. Lock-free, any thread.
 * @param queue any thread
 * @param lo first id
 * @param hi last id, lo..lo + VDEV_ZEROCOPY_MAX_RANGE - 1
 * @param flags VDEV_ZEROCOPY_RESPONSE, TASK, COPIED; at least one of the first two
 * @param ret_settled bit n: message lo + n is over by this call, tell the guest. May be NULL
 * @return 0 or VDEV_ZEROCOPY_WAKE; -ENOENT: none of them was waiting for it; -EINVAL
 */
VDEV_API int vdev_zerocopy_complete(struct vdev_zerocopy_queue *queue, uint64_t lo, uint64_t hi,
				    uint32_t flags, uint64_t *ret_settled);
/**
 * Claims messages whose time-out has passed (Z2) for the VM object. Lock-free, any thread;
 * vdev_zerocopy_step() does it as well.
 * @param queue any thread
 * @param now_ns caller's clock
 * @return number of messages claimed: call vdev_zerocopy_step() if it is not 0; -EINVAL
 */
VDEV_API int vdev_zerocopy_expire(struct vdev_zerocopy_queue *queue, uint64_t now_ns);

/**
 * What a transfer cost, for the threshold (Z9). Tell what reserve() asked for with MEASURE; more is
 * welcome.
 * @param queue owner thread
 * @param how VDEV_ZEROCOPY_LEND: lent; VDEV_ZEROCOPY_COPY_SMALL: copied
 * @param bytes length
 * @param cost_ns all of it that a sender pays: copying or pinning, completion, notification
 * @return 0; -EINVAL; -EOPNOTSUPP: the queue is not ADAPTIVE
 */
VDEV_API int vdev_zerocopy_cost(struct vdev_zerocopy_queue *queue, uint32_t how, uint64_t bytes,
				uint64_t cost_ns);
/**
 * Blocks shorter than this are copied.
 * @param queue owner thread
 * @return bytes; VDEV_NONE: everything is, but for an attempt now and then
 */
VDEV_API uint64_t vdev_zerocopy_threshold(const struct vdev_zerocopy_queue *queue);

/**
 * The guest asks for a block back (Z3).
 * @param obj the object
 * @param now_ns caller's clock
 * @param id message
 * @param mode VDEV_ZEROCOPY_DEFAULT, PRESERVE or RESET
 * @return number of messages with an action waiting; -ENOENT: over, or unknown; -EALREADY: being
 * reclaimed; -EINVAL; -EOPNOTSUPP: PRESERVE of a receive buffer (Z11)
 */
VDEV_API int vdev_zerocopy_reclaim(struct vdev_zerocopy *obj, uint64_t now_ns, uint64_t id,
				   uint32_t mode);
/**
 * All blocks are reclaimed, of all queues or, for a device that leaves, of one.
 * @param obj the object
 * @param now_ns caller's clock
 * @param queue queue, or NULL: all
 * @param mode VDEV_ZEROCOPY_DEFAULT, PRESERVE or RESET
 * @param flags VDEV_ZEROCOPY_WHOLE: the whole VM's memory in one OFFLINE (Z5), queue is NULL then; RESET needs
 * a guest that is being reset: vdev_zerocopy_reset_begin(). Joins a WHOLE that is under way
 * @return number of messages with an action waiting; -EINVAL; -ENOMEM; -ENOSPC: too many WHOLE that were REFUSED
 * are not done
 */
VDEV_API int vdev_zerocopy_reclaim_all(struct vdev_zerocopy *obj, uint64_t now_ns,
				       struct vdev_zerocopy_queue *queue, uint32_t mode,
				       uint32_t flags);
/**
 * The guest resets (Z3): all of its blocks are reclaimed. Until END reserve() answers COPY_RESET. A block that an owner
 * thread was about to reserve is taken back as soon as it is sent, PRESERVE, also after END.
 * @param obj the object
 * @param now_ns caller's clock
 * @param mode VDEV_ZEROCOPY_DEFAULT, PRESERVE or RESET
 * @param flags VDEV_ZEROCOPY_WHOLE: the whole VM's memory in one OFFLINE
 * @return number of messages with an action waiting; -EINVAL; -EBUSY: a reset has begun already; -ENOMEM;
 * -ENOSPC: too many WHOLE that were REFUSED are not done
 */
VDEV_API int vdev_zerocopy_reset_begin(struct vdev_zerocopy *obj, uint64_t now_ns, uint32_t mode,
				       uint32_t flags);
/**
 * The reset may go on: nothing of the guest's memory is lent any more, except what was REFUSED.
 * @param obj the object
 * @param now_ns caller's clock
 * @return number of messages with an action waiting; -EAGAIN: a reclaim is not over, or an owner thread is
 * between reserve() and sent(); -EBUSY: no reset has begun; -EINVAL: obj is NULL
 */
VDEV_API int vdev_zerocopy_reset_end(struct vdev_zerocopy *obj, uint64_t now_ns);

/**
 * Takes the next action. Each must end with one vdev_zerocopy_done(). Legal from inside a deed.
 * @param obj the object
 * @param ret_action the action
 * @param size sizeof(struct vdev_action) of the caller
 * @return 1: do this; 0: nothing to do; -EINVAL: a pointer is NULL or size is 0
 */
VDEV_API int vdev_zerocopy_next(struct vdev_zerocopy *obj, struct vdev_action *ret_action,
				size_t size);
/**
 * An action ended.
 * @param obj the object
 * @param now_ns caller's clock
 * @param action_id id of the action
 * @param status 0: done; negative errno: it failed, see the kind
 * @return number of messages with an action waiting; -ENOENT: not outstanding (late, twice, unknown;
 * counted, harmless); -EINVAL: status is positive
 */
VDEV_API int vdev_zerocopy_done(struct vdev_zerocopy *obj, uint64_t now_ns, uint64_t action_id,
				int status);
/**
 * Time has passed, or a queue call said WAKE.
 * @param obj the object
 * @param now_ns caller's clock; a value before an earlier one counts as that earlier one
 * @return number of messages with an action waiting; -EINVAL: obj is NULL
 */
VDEV_API int vdev_zerocopy_step(struct vdev_zerocopy *obj, uint64_t now_ns);
/**
 * When vdev_zerocopy_step() is due.
 * @param obj the object
 * @param ret_ns caller's clock
 * @return 1: then; 0: nothing is timed; -EINVAL: a pointer is NULL
 */
VDEV_API int vdev_zerocopy_deadline(struct vdev_zerocopy *obj, uint64_t *ret_ns);

/**
 * Facts of one message. The queue's owner thread has to be at rest.
 * @param obj the object
 * @param id message
 * @param ret_info the facts
 * @param size sizeof(struct vdev_zerocopy_info) of the caller
 * @return 0; -ENOENT; -EINVAL
 */
VDEV_API int vdev_zerocopy_get(const struct vdev_zerocopy *obj, uint64_t id,
			       struct vdev_zerocopy_info *ret_info, size_t size);
/**
 * Replaces a message's user_data, as an embedder does after vdev_zerocopy_load(). The queues have to be
 * at rest.
 * @param obj the object
 * @param id message
 * @param user_data new value
 * @return 0; -ENOENT; -EINVAL: obj is NULL
 */
VDEV_API int vdev_zerocopy_set_user_data(struct vdev_zerocopy *obj, uint64_t id,
					 uint64_t user_data);
/**
 * Walks all messages, by queue and slot. Owner threads have to be at rest.
 * @param obj the object
 * @param cursor 0 to begin; moved on by each call
 * @param ret_info facts of the message
 * @param size sizeof(struct vdev_zerocopy_info) of the caller
 * @return 1: one message; 0: no more; -EINVAL
 */
VDEV_API int vdev_zerocopy_walk(const struct vdev_zerocopy *obj, uint64_t *cursor,
				struct vdev_zerocopy_info *ret_info, size_t size);
/**
 * Counters.
 * @param obj the object
 * @param ret_stats the counters
 * @param size sizeof(struct vdev_zerocopy_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_zerocopy_stats(const struct vdev_zerocopy *obj,
				 struct vdev_zerocopy_stats *ret_stats, size_t size);

/**
 * Writes an image: memory, queues, messages with remaining durations, thresholds. No absolute time and
 * no user_data is in it. The queues have to be at rest.
 * @param obj the object
 * @param now_ns caller's clock
 * @param buf room for the image; NULL with size 0 to measure
 * @param size bytes at buf
 * @param ret_size bytes needed; set also with -ENOBUFS
 * @return 0; -ENOBUFS; -EINVAL; -ENOMEM: reclaims that are due could not be taken up, or there is no memory to sort
 * what was replaced
 */
VDEV_API int vdev_zerocopy_save(struct vdev_zerocopy *obj, uint64_t now_ns, void *buf, size_t size,
				size_t *ret_size);

/** Flag of load(): the guest's memory was copied to here, so nothing of it is lent. Messages come out as
 * ACCESSIBLE with VDEV_ZEROCOPY_LOST and nothing is in quarantine. */
#define VDEV_ZEROCOPY_COPIED_MEMORY 0x1u

/**
 * Makes an object from an image, with its memory and queues. Ids and action ids are those of the saved
 * object; user_data are 0 until vdev_zerocopy_set_user_data(); actions that were outstanding come out
 * again with the same id and VDEV_ZEROCOPY_AGAIN.
 * @param env hooks, or NULL
 * @param config as for vdev_zerocopy_new(): its limits hold from now on, for new messages
 * @param flags VDEV_ZEROCOPY_COPIED_MEMORY
 * @param now_ns caller's clock, unrelated to the clock at save()
 * @param image the image; may be hostile
 * @param size bytes at image
 * @param ret_obj the object
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -ENOSPC: more queues, slots, destinations or
 * blocks in flight than config allows; -EBADMSG: damaged, or complete by another `until`; -EPROTONOSUPPORT: written by a newer library
 */
VDEV_API int vdev_zerocopy_load(const struct vdev_env *env,
				const struct vdev_zerocopy_config *config, uint32_t flags,
				uint64_t now_ns, const void *image, size_t size,
				struct vdev_zerocopy **ret_obj);

/**
 * Name of a constant of this header, for logs and JSON.
 * @param kind action kind (also VDEV_CANCEL)
 * @return constant string such as "OFFLINE", "?" when there is none
 */
VDEV_API const char *vdev_zerocopy_kind_name(uint32_t kind);
/** @copybrief vdev_zerocopy_kind_name
 * @param outcome VDEV_ZEROCOPY_COMPLETED .. LOST
 * @return constant string such as "RECLAIMED", "?" when there is none */
VDEV_API const char *vdev_zerocopy_outcome_name(uint32_t outcome);
/** @copybrief vdev_zerocopy_kind_name
 * @param state VDEV_ZEROCOPY_FREE .. QUARANTINED
 * @return constant string such as "SENT", "?" when there is none */
VDEV_API const char *vdev_zerocopy_state_name(uint32_t state);
/** @copybrief vdev_zerocopy_kind_name
 * @param answer what reserve() returned
 * @return a short sentence in English, "?" when there is none */
VDEV_API const char *vdev_zerocopy_because(int answer);

/** Event kinds in the trace hook; `dev` is the message's id. @{ */
#define VDEV_ZEROCOPY_EV_EXPIRE 1u /**< taken up after its time-out */
#define VDEV_ZEROCOPY_EV_RECLAIM 2u /**< taken up because the guest asked */
#define VDEV_ZEROCOPY_EV_LATE 3u /**< its quarantine may end */
#define VDEV_ZEROCOPY_EV_RECLAIM_ALL 4u
#define VDEV_ZEROCOPY_EV_RESET_BEGIN 5u
#define VDEV_ZEROCOPY_EV_RESET_END 6u
#define VDEV_ZEROCOPY_EV_TIMEOUT 7u /**< an action ran over its deadline */
/** @} */
/** @copybrief vdev_zerocopy_kind_name
 * @param event VDEV_ZEROCOPY_EV_...
 * @return constant string such as "EXPIRE", "?" when there is none */
VDEV_API const char *vdev_zerocopy_event_name(uint32_t event);

#ifdef __cplusplus
}
#endif

#endif
