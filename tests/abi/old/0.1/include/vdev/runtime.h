/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file runtime.h
 * Optional glue: drains engines into backends and feeds results back, behind one pollable fd.
 *
 * **Purpose.** For VMMs that would otherwise write the same loop. A VMM with an event loop of its own
 * drives engines by hand instead; both ways are first-class.
 *
 * **States.** None of its own: it may be dispatched at any time.
 *
 * **Ownership.** Engines and backends stay the caller's and must outlive the runtime. While an engine
 * is attached, its events must be called with vdev_runtime_lock() held.
 *
 * **Threads.** All calls may be made from any thread. vdev_runtime_dispatch() may run in several at a
 * time; it returns only when no HIDE, WARN, UNWARN, OUTCOME or REDECLARE is being performed in another
 * thread, so a vCPU thread that reported an acknowledgement and dispatched may let its guest go on
 * (R8). A deed of these kinds must not wait for another thread, nor be answered VDEV_BACKEND_LATER
 * where the guest depends on it: what is in the background is not waited for. No lock is held while a
 * deed is performed.
 *
 * **Sequence.** An action is offered to the backends one after the other; see backend.h. What follows
 * a VDEV_BACKEND_LATER is performed in a thread that dispatches, never in vdev_runtime_complete().
 *
 * **Clock.** CLOCK_MONOTONIC, or CLOCK_BOOTTIME when configured.
 */
#ifndef VDEV_RUNTIME_H
#define VDEV_RUNTIME_H

#include <vdev/backend.h>
#include <vdev/removal.h>
#include <vdev/zerocopy.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_runtime;

/** Flag of a configuration: time spent in suspend counts. */
#define VDEV_RUNTIME_BOOTTIME 0x1u

/** Configuration. 16 bytes. */
struct vdev_runtime_config {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_RUNTIME_BOOTTIME */
	uint32_t max_backends; /**< 1..16 */
	/** 1..2^20: actions in the background at one time; at the limit further actions wait in the engine */
	uint32_t max_later;
};

/** Order in which other engines let go of a device that has been hidden (architecture.md). @{ */
#define VDEV_RUNTIME_MAILBOX 0u /**< end its exchange */
#define VDEV_RUNTIME_ZEROCOPY 1u /**< abort its messages */
#define VDEV_RUNTIME_DMASHADOW 2u /**< abort its shadow */
#define VDEV_RUNTIME_IRQHINT 3u /**< clear its hints */
#define VDEV_RUNTIME_HOOKS 4u
/** @} */

/**
 * A hook of another engine: called once for each device after it was hidden and before its first
 * teardown deed; again after a load or when memory ran out.
 * @return 0, or a negative errno: counted and logged; the removal goes on
 */
typedef int (*vdev_runtime_hook)(void *user, uint64_t dev, uint64_t user_data);

/** Counters; a snapshot. */
struct vdev_runtime_stats {
	uint64_t dispatches;
	uint64_t actions; /**< performed */
	uint64_t later; /**< in the background, now */
	uint64_t failed; /**< actions whose status was negative */
	uint64_t hook_failed;
	uint64_t unclaimed; /**< actions that no backend knew: -EOPNOTSUPP */
};

/**
 * Makes a runtime.
 * @param ret_runtime the object
 * @param env hooks, or NULL
 * @param config see the struct
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; or the errno of epoll_create1(), timerfd_create() or eventfd()
 */
VDEV_API int vdev_runtime_new(struct vdev_runtime **ret_runtime, const struct vdev_env *env,
			      const struct vdev_runtime_config *config);
/**
 * Ends a runtime. No thread may be in it.
 * @param runtime NULL is allowed
 */
VDEV_API void vdev_runtime_free(struct vdev_runtime *runtime);

/**
 * The fd to poll for input; call vdev_runtime_dispatch() when it is readable. It stays the same for
 * life and belongs to the runtime.
 * @param runtime the object
 * @return fd; -EINVAL
 */
VDEV_API int vdev_runtime_fd(const struct vdev_runtime *runtime);

/**
 * The runtime's clock.
 * @param runtime the object
 * @return nanoseconds; 0 for NULL
 */
VDEV_API uint64_t vdev_runtime_now(const struct vdev_runtime *runtime);

/**
 * Adds a backend; actions are offered in the order of adding. One that is in the background now will
 * reach it, too.
 * @param runtime the object
 * @param ops its table; copied
 * @param backend its context
 * @return 0; -EINVAL; -E2BIG; -ENOSPC: max_backends; -EBUSY: a dispatch is running
 */
VDEV_API int vdev_runtime_add_backend(struct vdev_runtime *runtime,
				      const struct vdev_backend_ops *ops, void *backend);

/**
 * Attaches the removal engine, or detaches it with NULL.
 * @param runtime the object
 * @param removal the engine
 * @return 0; -EINVAL; -EBUSY: a dispatch is running, actions are in the background, or there is one
 * already
 */
VDEV_API int vdev_runtime_set_removal(struct vdev_runtime *runtime, struct vdev_removal *removal);

/**
 * Attaches the zero-copy engine of the same VM, or detaches it with NULL. Its OFFLINE, ACCESSIBLE, RELEASE and
 * REFUSED are offered to the backends one by one; a VMM that wants to replace many pages at once drives the
 * engine by hand. Where a queue call says VDEV_ZEROCOPY_WAKE, call vdev_runtime_wake().
 * @param runtime the object
 * @param zerocopy the engine
 * @return 0; -EINVAL; -EBUSY: a dispatch is running, actions are in the background, or there is one
 * already
 */
VDEV_API int vdev_runtime_set_zerocopy(struct vdev_runtime *runtime,
				       struct vdev_zerocopy *zerocopy);

/**
 * Sets a hook of another engine, NULL to take it away.
 * @param runtime the object
 * @param order VDEV_RUNTIME_MAILBOX .. VDEV_RUNTIME_IRQHINT
 * @param hook the function
 * @param user handed to it
 * @return 0; -EINVAL; -EBUSY: a dispatch is running
 */
VDEV_API int vdev_runtime_set_hook(struct vdev_runtime *runtime, uint32_t order,
				   vdev_runtime_hook hook, void *user);

/**
 * Holds the lock that serialises events of the attached engines. Not recursive; short.
 * @param runtime the object
 * @return 0; -EINVAL; -EDEADLK: this thread holds it
 */
VDEV_API int vdev_runtime_lock(struct vdev_runtime *runtime);
/**
 * Lets the lock go.
 * @param runtime the object
 * @return 0; -EINVAL; -EPERM: this thread does not hold it
 */
VDEV_API int vdev_runtime_unlock(struct vdev_runtime *runtime);

/**
 * Performs all that waits, tells the engines that time has passed, and arms the timer.
 * @param runtime the object
 * @return number of actions performed; -EINVAL; -EBUSY: called from inside a deed of this runtime;
 * -EDEADLK: this thread holds the lock
 */
VDEV_API int vdev_runtime_dispatch(struct vdev_runtime *runtime);

/**
 * A backend's part of an action that it took as VDEV_BACKEND_LATER has ended; it may come before that
 * perform() has returned. Wakes the fd: a dispatch goes on with the next backend. Call it once for each
 * VDEV_BACKEND_LATER: it names no backend, so a second call could end the next one's part.
 * @param runtime the object
 * @param action_id id
 * @param status 0 or a negative errno
 * @return 0; -ENOENT: not in the background (late, twice, unknown); -EINVAL
 */
VDEV_API int vdev_runtime_complete(struct vdev_runtime *runtime, uint64_t action_id, int status);

/**
 * Makes the fd readable, e.g. after events were called under the lock without a dispatch.
 * @param runtime the object
 * @return 0; -EINVAL
 */
VDEV_API int vdev_runtime_wake(struct vdev_runtime *runtime);

/**
 * Counters.
 * @param runtime the object
 * @param ret_stats the counters
 * @param size sizeof(struct vdev_runtime_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_runtime_stats(struct vdev_runtime *runtime, struct vdev_runtime_stats *ret_stats,
				size_t size);

#ifdef __cplusplus
}
#endif

#endif
