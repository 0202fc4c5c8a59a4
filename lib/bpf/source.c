/* SPDX-License-Identifier: BSD-3-Clause */
/* The BPF provider: the object's life. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define REASON_SIZE 256
/* Long enough that the timer does not fire before the thread has left its CPU, as it would for a real-time one. */
#define NAP_NS 50000
#define NAPS 20

int vdev__bpf_because(const struct vdev_bpfsource *b, const struct reason *r, int err,
		      const char *fmt, ...)
{
	char text[REASON_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	vdev__log(&b->env, VDEV_LOG_WARNING, "bpfsource: %s", text);
	if (r->size)
		snprintf(r->text, r->size, "%s", text);
	return err;
}

/* Is a switch of this very thread seen? Not, where numbers of threads are not the kernel's. */
static int try_it(struct vdev_bpfsource *b, const struct reason *r)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	uint32_t tid = (uint32_t)gettid(), i, seen = 0;
	int err = vdev__bpf_register(b, SLOT_FIRST, (int32_t)tid);

	if (err)
		return vdev__bpf_because(b, r, err, "a thread cannot be registered");
	vdev__bpf_process(b, getpid());
	for (i = 0; i < NAPS && !seen; i++) {
		nanosleep(&nap, NULL);
		seen = vdev__bpf_place(b, SLOT_FIRST) >> 32 == tid;
	}
	vdev__bpf_process(b, 0);
	vdev__bpf_unregister(b, SLOT_FIRST);
	return seen ? 0
		    : vdev__bpf_because(b, r, -EOPNOTSUPP,
					"the program did not see this thread switch: in a PID "
					"namespace of its own thread numbers are not the kernel's");
}

static int set_up(struct vdev_bpfsource *b, const struct reason *r)
{
	int err;

	b->slots = vdev__alloc(&b->env, SLOT_FIRST + (size_t)b->vcpus, sizeof(*b->slots));
	b->slot_of = vdev__alloc(&b->env, b->vcpus, sizeof(*b->slot_of));
	if (!b->slots || !b->slot_of)
		return vdev__bpf_because(b, r, -ENOMEM, "no memory");
	err = vdev__bpf_load(b, r);
	return err ? err : try_it(b, r);
}

static void drop(struct vdev_bpfsource *b)
{
	const struct vdev_env env = b->env;

	vdev__bpf_unload(b);
	vdev__free(&env, b->slot_of, b->vcpus * sizeof(*b->slot_of));
	vdev__free(&env, b->slots, (SLOT_FIRST + (size_t)b->vcpus) * sizeof(*b->slots));
	vdev__free(&env, b, sizeof(*b));
}

int vdev_bpfsource_new(struct vdev_bpfsource **ret_source, const struct vdev_env *env,
		       const struct vdev_bpfsource_config *config, char *ret_reason,
		       size_t reason_size)
{
	const struct reason reason = {ret_reason, ret_reason ? reason_size : 0};
	struct vdev_bpfsource_config c;
	struct vdev_bpfsource *b;
	struct vdev_env e;
	int err = vdev__env_copy(&e, env);

	if (reason.size)
		*ret_reason = '\0';
	if (!err)
		err = vdev__copy_in(&c, sizeof(c), sizeof(c), config);
	if (err)
		return err;
	if (!ret_source || !c.vcpus || c.vcpus > VDEV_CPUMAP_MAX_VCPUS)
		return -EINVAL;
	b = vdev__alloc(&e, 1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->env = e;
	b->vcpus = c.vcpus;
	err = set_up(b, &reason);
	if (err) {
		drop(b);
		return err;
	}
	*ret_source = b;
	return 0;
}

void vdev_bpfsource_free(struct vdev_bpfsource *source)
{
	if (source)
		drop(source);
}
