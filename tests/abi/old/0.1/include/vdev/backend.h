/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file backend.h
 * What a backend does: it performs actions.
 *
 * **Purpose.** Engines decide, backends do. A VMM's own device code is a backend like the KVM one
 * and the mock. The runtime offers each action to every backend, so that e.g. HIDE reaches the VMM's
 * config space and the doorbell gate of the KVM backend: in the order in which they were added, and to
 * the next one only when the one before has ended its part. A part that failed, or ended late, keeps
 * the action from nobody. Add the VMM's own backend first and the KVM backend after it.
 *
 * **States.** None of its own. **Ownership.** The ops table must outlive its use.
 *
 * **Threads.** perform() is called without any lock of the library held, in the thread that
 * dispatches; different operations may be performed in different threads at the same time. One action
 * is with one backend at a time, except that VDEV_CANCEL for it (`arg[0]` is its id) is offered to
 * all: who does not work on that id answers 0 or -EOPNOTSUPP.
 */
#ifndef VDEV_BACKEND_H
#define VDEV_BACKEND_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** perform(): it goes on in the background; whoever performs reports its end, once, perhaps before
 * perform() has returned. */
#define VDEV_BACKEND_LATER 1

/** A backend: a constant table of functions. */
struct vdev_backend_ops {
	uint32_t struct_size;
	uint32_t reserved; /**< 0 */
	const char *name; /**< for logs: "kvm" */
	/**
	 * Performs its part of one action. Must be idempotent: an action may come again after a
	 * crash (flag VDEV_REMOVAL_AGAIN) or an upgrade.
	 * @return 0: my part is done; VDEV_BACKEND_LATER; -EOPNOTSUPP: nothing of it is mine; another
	 * negative errno: my part failed
	 */
	int (*perform)(void *backend, const struct vdev_action *action);
};

#ifdef __cplusplus
}
#endif

#endif
