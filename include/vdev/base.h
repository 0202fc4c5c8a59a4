/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file base.h
 * Environment hooks, the action type and the conventions that every object of the library shares.
 *
 * **Purpose.** A policy engine is a state machine in memory: events go in, actions come out. This
 * header holds what all engines have in common, so that learning one is learning all.
 *
 * **States.** None of its own. An action is *waiting* until the engine's `_next()` returned it,
 * *outstanding* until `_done()` was called with its id, then over. At most one action of an
 * operation is outstanding.
 *
 * **Ownership.** Every object belongs to its creator, copies its configuration, and is ended by its
 * `_free()`. The environment is copied; what `user` points to must outlive every object made with it.
 *
 * **Threads.** Distinct objects are independent. One object needs the caller's lock, except where a
 * header names the threads that a call is safe against. The hooks of an environment are called in
 * the thread that called the library.
 *
 * **Errors.** 0 or a positive count on success, a negative errno value on failure; `errno` is not
 * touched; outputs (`ret_*`) are untouched on failure. What a guest decides is data, not an error.
 */
#ifndef VDEV_BASE_H
#define VDEV_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(VDEV_BUILD) && defined(__GNUC__)
#define VDEV_API __attribute__((visibility("default")))
#else
/** Marks a call of the stable interface. */
#define VDEV_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** "No deadline" and "no address", where a field can hold either a value or nothing. */
#define VDEV_NONE UINT64_MAX

/** Severities handed to the log hook. @{ */
#define VDEV_LOG_ERROR 0u /**< something the caller has to look at */
#define VDEV_LOG_WARNING 1u /**< a guest or a deed misbehaved; it was contained */
#define VDEV_LOG_INFO 2u /**< a decision that an operator may want to read */
#define VDEV_LOG_DEBUG 3u /**< each event and action */
/** @} */

/** Parts of the library that a trace event can come from. @{ */
#define VDEV_PART_REMOVAL 1u
#define VDEV_PART_PVDEV 2u
#define VDEV_PART_RUNTIME 3u
#define VDEV_PART_KVM 4u
#define VDEV_PART_MOCK 5u
#define VDEV_PART_ZEROCOPY 6u
#define VDEV_PART_PVQUEUE 7u
#define VDEV_PART_IRQHINT 8u
#define VDEV_PART_MIGRATION 9u /**< images only: the planner reports no events */
/** @} */

/** What a trace event tells. @{ */
#define VDEV_TRACE_EVENT 1u /**< an event call; `kind` is the part's event constant */
#define VDEV_TRACE_ACTION 2u /**< an action was given out by next() */
#define VDEV_TRACE_DONE 3u /**< an action ended; `arg[0]` is the status as int64_t */
/** @} */

/**
 * One entry of the timeline that the trace hook sees. 56 bytes. With the runtime an action is seen
 * twice, with the same id: from its engine and from VDEV_PART_RUNTIME.
 * `now_ns` is the caller's clock as of the last call that carried it.
 */
struct vdev_trace {
	uint64_t now_ns; /**< the caller's clock, nanoseconds */
	uint64_t dev; /**< handle of the device (0: the whole VM) */
	uint64_t user_data; /**< the caller's own value for that device */
	uint64_t id; /**< action id, 0 for events */
	uint32_t part; /**< VDEV_PART_... */
	uint32_t what; /**< VDEV_TRACE_... */
	uint32_t kind; /**< the part's constant for the event or the action */
	uint32_t flags; /**< flags of the action, 0 for events */
	uint64_t arg; /**< first argument of the event or action, or the status of a done() */
};

/**
 * What the library needs from its surroundings. All hooks are optional; an environment pointer of
 * NULL means malloc(), free(), no log and no trace.
 */
struct vdev_env {
	uint32_t struct_size; /**< sizeof(struct vdev_env) of the caller */
	uint32_t log_level; /**< the log hook sees severities up to this one (VDEV_LOG_...) */
	void *user; /**< handed to each hook */
	/** Allocates @c size bytes (never 0) aligned for any type; NULL when out of memory. */
	void *(*alloc)(void *user, size_t size);
	/** Frees what alloc() gave, with the size that was asked for. Set both or neither. */
	void (*free)(void *user, void *ptr, size_t size);
	/** One line, no newline, valid during the call only. */
	void (*log)(void *user, uint32_t level, const char *line);
	/** The timeline; must not call back into the object that reports. */
	void (*trace)(void *user, const struct vdev_trace *event);
};

/**
 * One thing to do, for every engine. 64 bytes, no padding.
 *
 * The caller performs it, at once or later, and calls the engine's `_done()` with @c id exactly
 * once. The meaning of `arg` stands beside each kind. Kinds of different engines do not overlap.
 */
struct vdev_action {
	/** names this action in done(); never reused, never 0; engines of different kinds do not share ids */
	uint64_t id;
	uint64_t dev; /**< handle of the device that it is about (0: the whole VM) */
	uint64_t user_data; /**< the caller's own value for that device */
	uint64_t deadline_ns; /**< caller's clock; VDEV_NONE: none. Past it CANCEL comes out */
	uint32_t kind; /**< VDEV_<ENGINE>_... or VDEV_CANCEL */
	uint32_t flags; /**< as the kind says */
	uint64_t arg[3]; /**< as the kind says */
};

/** Each engine's action kinds begin at its base. @{ */
#define VDEV_KIND_COMMON 0x000u
#define VDEV_KIND_REMOVAL 0x100u
#define VDEV_KIND_ZEROCOPY 0x200u
/** @} */

/**
 * The action `arg[0]`, of kind `arg[1]`, passed its deadline: stop trying and call done() for it
 * soon, with -ECANCELED if it was given up. CANCEL has an id of its own and its own done().
 */
#define VDEV_CANCEL (VDEV_KIND_COMMON + 1u)

#ifdef __cplusplus
}
#endif

#endif
