/* SPDX-License-Identifier: BSD-3-Clause */
/* Places from the rseq areas of this process's threads. */
#include <errno.h>
#include <features.h>

#include "internal.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
#include <sys/rseq.h>

/* What __rseq_offset counts from. */
static char *thread_pointer(void)
{
#if defined(__x86_64__) && defined(__LP64__)
	char *at;

	__asm__("mov %%fs:0, %0" : "=r"(at));
	return at;
#else
	return __builtin_thread_pointer();
#endif
}

/* Of the calling thread; NULL: it has no area, or the kernel does not know of it. */
static const uint32_t *own_cpu_id(void)
{
	const struct rseq *area;

	if (!__rseq_size)
		return NULL;
	area = (const struct rseq *)(const void *)(thread_pointer() + __rseq_offset);
	if ((int32_t)__atomic_load_n(&area->cpu_id, __ATOMIC_RELAXED) < 0)
		return NULL;
	return &area->cpu_id;
}
#else
static const uint32_t *own_cpu_id(void)
{
	return NULL;
}
#endif

static int open_rseq(void *context, int32_t pid, uint32_t vcpus)
{
	const struct vdev_cpusource *s = context;

	(void)pid;
	(void)vcpus;
	if (!s->own)
		return -EXDEV;
	return own_cpu_id() ? 0 : -ENOSYS;
}

static int attach_rseq(void *context, uint32_t vcpu, int32_t tid, uint32_t here)
{
	struct vdev_cpusource *s = context;
	const uint32_t *cpu_id = own_cpu_id();

	(void)tid;
	(void)here;
	if (!cpu_id)
		return -ENOSYS;
	s->slots[vcpu].cpu_id = cpu_id;
	return 0;
}

static void detach_rseq(void *context, uint32_t vcpu)
{
	struct vdev_cpusource *s = context;

	s->slots[vcpu].cpu_id = NULL;
}

static int look_rseq(void *context, uint32_t vcpu, struct vdev_cpusource_look *ret_look)
{
	const struct vdev_cpusource *s = context;
	uint32_t cpu = __atomic_load_n(s->slots[vcpu].cpu_id, __ATOMIC_RELAXED);

	if ((int32_t)cpu < 0) /* no longer registered */
		return -ENOENT;
	*ret_look = (struct vdev_cpusource_look){cpu, VDEV_CPUMAP_UNKNOWN};
	return 0;
}

const struct vdev_cpusource_ops vdev__cpusource_rseq = {
	.struct_size = sizeof(struct vdev_cpusource_ops),
	.facts = VDEV_CPUSOURCE_ONE_PROCESS | VDEV_CPUSOURCE_HERE_ONLY,
	.name = "rseq",
	.open = open_rseq,
	.attach = attach_rseq,
	.detach = detach_rseq,
	.look = look_rseq,
};
