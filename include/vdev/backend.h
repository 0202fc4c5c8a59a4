/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file backend.h
 * What a backend does: it performs actions.
 *
 * **Purpose.** Engines decide, backends do. A VMM's own device code is a backend like the KVM one
 * and the mock. The runtime offers each action to every backend, in the order in which they were
 * added, so that e.g. HIDE reaches the VMM's config space and the doorbell gate of the KVM backend.
 *
 * **States.** None of its own. **Ownership.** The ops table must outlive its use.
 *
 * **Threads.** perform() is called without any lock of the library held, in the thread that
 * dispatches; different operations may be performed in different threads at the same time.
 */
#ifndef VDEV_BACKEND_H
#define VDEV_BACKEND_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** perform(): it goes on in the background; whoever performs reports its end later. */
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
