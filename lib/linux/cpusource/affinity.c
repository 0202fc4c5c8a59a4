/* SPDX-License-Identifier: BSD-3-Clause */
/* Places of threads that may run on one CPU only, sched_getaffinity(2). */
#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#define BITS ((uint32_t)(sizeof(unsigned long) * CHAR_BIT))
#define WORDS (VDEV_CPUMAP_MAX_CPUS / BITS)

int vdev__thread_there(int32_t pid, int32_t tid)
{
	return syscall(SYS_tgkill, pid, tid, 0) && errno == ESRCH ? -ESRCH : 0;
}

/* The only bit that is set; -ENOENT: several, or none. */
static int only_bit(const unsigned long *mask, uint32_t words, uint32_t *ret_bit)
{
	uint32_t i, at = words;

	for (i = 0; i < words; i++) {
		if (!mask[i])
			continue;
		if (at != words || mask[i] & (mask[i] - 1))
			return -ENOENT;
		at = i;
	}
	if (at == words)
		return -ENOENT;
	*ret_bit = at * BITS + (uint32_t)__builtin_ctzl(mask[at]);
	return 0;
}

static int open_affinity(void *context, int32_t pid, uint32_t vcpus)
{
	(void)context;
	(void)vcpus;
	return vdev__thread_there(pid, pid);
}

static int attach_affinity(void *context, uint32_t vcpu, int32_t tid, uint32_t here)
{
	const struct vdev_cpusource *s = context;

	(void)vcpu;
	(void)here;
	return vdev__thread_there(s->pid, tid);
}

static void detach_affinity(void *context, uint32_t vcpu)
{
	(void)context;
	(void)vcpu;
}

static int look_affinity(void *context, uint32_t vcpu, struct vdev_cpusource_look *ret_look)
{
	const struct vdev_cpusource *s = context;
	unsigned long mask[WORDS] = {0};
	int32_t tid = s->slots[vcpu].tid;
	struct vdev_cpusource_look look = {.state = VDEV_CPUMAP_UNKNOWN};
	int err = vdev__thread_there(s->pid, tid);

	if (!err && syscall(SYS_sched_getaffinity, tid, sizeof(mask), mask) < 0)
		err = -errno;
	if (!err)
		err = only_bit(mask, WORDS, &look.cpu);
	if (!err)
		*ret_look = look;
	return err;
}

const struct vdev_cpusource_ops vdev__cpusource_affinity = {
	.struct_size = sizeof(struct vdev_cpusource_ops),
	.name = "affinity",
	.open = open_affinity,
	.attach = attach_affinity,
	.detach = detach_affinity,
	.look = look_affinity,
};
