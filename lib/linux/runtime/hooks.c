/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hooks of other engines: between HIDE and the first teardown deed of a device (architecture.md).
 *
 *   (not known) --HIDE--> DUE --first teardown deed: hooks run--> DONE --RELEASE--> (not known)
 *                          \--REANNOUNCE: the device comes back--> (not known)
 *
 * A device whose HIDE was performed before an image was loaded is not known; its hooks run before
 * the first deed that can only come after HIDE. So they do when there was no memory to remember a
 * device: running them twice is harmless, not running them is not.
 */
#include "internal.h"

enum {
	HOOKS_DUE,
	HOOKS_DONE,
};

static const char *const names[VDEV_RUNTIME_HOOKS] = {
	[VDEV_RUNTIME_MAILBOX] = "mailbox",
	[VDEV_RUNTIME_ZEROCOPY] = "zerocopy",
	[VDEV_RUNTIME_DMASHADOW] = "dmashadow",
	[VDEV_RUNTIME_IRQHINT] = "irqhint",
};

static int is_own_step(uint32_t kind)
{
	return kind >= VDEV_REMOVAL_OWN_STEP_FIRST && kind <= VDEV_REMOVAL_OWN_STEP_LAST;
}

static void remember(struct vdev_runtime *rt, uint64_t dev, uint32_t state)
{
	if (vdev__hash_put(&rt->hooked, dev, state))
		vdev__log(&rt->env, VDEV_LOG_WARNING,
			  "runtime: out of memory: hooks of device 0x%llx may run more than once",
			  (unsigned long long)dev);
}

int vdev__runtime_hooks_due(struct vdev_runtime *rt, const struct vdev_action *a)
{
	uint32_t state = HOOKS_DUE;
	int known = vdev__hash_get(&rt->hooked, a->dev, &state);
	int due;

	if (a->kind == VDEV_REMOVAL_HIDE) {
		if (!known)
			remember(rt, a->dev, HOOKS_DUE);
		return 0;
	}
	if (a->kind == VDEV_REMOVAL_REANNOUNCE) {
		vdev__hash_del(&rt->hooked, a->arg[2]);
		return 0;
	}
	/* A step of the VMM's own can also stand before HIDE. */
	if (is_own_step(a->kind) ? !known
				 : a->kind < VDEV_REMOVAL_DRAIN || a->kind > VDEV_REMOVAL_RELEASE)
		return 0;
	due = state == HOOKS_DUE;
	if (a->kind == VDEV_REMOVAL_RELEASE)
		vdev__hash_del(&rt->hooked, a->dev);
	else if (due)
		remember(rt, a->dev, HOOKS_DONE);
	return due;
}

void vdev__runtime_run_hooks(struct vdev_runtime *rt, const struct vdev_action *a)
{
	uint32_t i;

	for (i = 0; i < VDEV_RUNTIME_HOOKS; i++) {
		const struct hook *h = &rt->hooks[i];
		int err = h->call ? h->call(h->user, a->dev, a->user_data) : 0;

		if (err >= 0)
			continue;
		vdev__log(&rt->env, VDEV_LOG_WARNING,
			  "runtime: hook %s failed with %d for device 0x%llx; its removal goes on",
			  names[i], err, (unsigned long long)a->dev);
		pthread_mutex_lock(&rt->state);
		rt->stats.hook_failed++;
		pthread_mutex_unlock(&rt->state);
	}
}
