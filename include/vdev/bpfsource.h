/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file bpfsource.h
 * Finds out where the vCPUs are by a BPF program that sees each context switch of their threads.
 *
 * **Purpose.** The provider OPS of cpusource.h for VMMs whose vCPUs move often (rule H9 of docs/engines/irqhint.md).
 * A small program is attached to the kernel's tracepoint sched_switch; for the threads that are attached it notes, in
 * memory that this process has mapped, the CPU and whether the thread sleeps. A look is one load. In return every
 * context switch of the host costs a little more as long as the object lives; docs/cpumap.md says how much.
 *
 * **Needs.** CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN) when the object is made; Linux 5.18 with types of the kernel
 * (BTF) in /sys/kernel/btf; thread numbers that are the kernel's, so not those of a PID namespace of a container's own.
 * vdev_bpfsource_new() tries it out, and says what is missing. VDEV_CPUSOURCE_PROCFS needs none of it.
 *
 * **What it tells.** RUNNING: the thread is on that CPU, or waits there for its turn, as of PROCFS. SLEEPING: it waits for
 * something else; that CPU is where it was last. A thread that has ended is NOWHERE once it has left its CPU for the last time, which
 * may be a moment after it was joined, and a thread that gets its number is another. A thread that is attached while it runs has its first place from /proc; without
 * /proc it is NOWHERE until its first switch.
 *
 * **Use.** vdev_bpfsource_ops() and the object go into `ops` and `ops_context` of struct vdev_cpusource_config. An object
 * serves one struct vdev_cpusource at a time.
 *
 * **Ownership.** The object must outlive the cpusource. It holds some file descriptors and, of the kernel's memory, some
 * 100 bytes a vCPU. libbpf allocates by malloc(3), whatever the hooks are, and its messages (libbpf_set_print()) are
 * turned off for the time of new(), for the process.
 *
 * **Threads.** new() and free() of different objects in any thread; the cpusource takes care of the rest.
 *
 * **fork().** The object is of no use to the child, which must not free it either.
 */
#ifndef VDEV_BPFSOURCE_H
#define VDEV_BPFSOURCE_H

#include <vdev/cpusource.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_bpfsource;

/** Configuration. 8 bytes. */
struct vdev_bpfsource_config {
	uint32_t struct_size;
	uint32_t vcpus; /**< at most, of the map; 1..VDEV_CPUMAP_MAX_VCPUS */
};

/**
 * Loads the program, attaches it, and lets it see a switch of the calling thread (H9). Takes some milliseconds.
 * @param ret_source the object
 * @param env hooks, or NULL for libc's malloc and silence; copied
 * @param config see the struct; copied
 * @param ret_reason why it failed, for people: "this process has neither ..."; empty on success; NULL: not wanted
 * @param reason_size bytes at ret_reason; a longer text is cut, 256 are enough
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -EPERM: no privilege; -ENOENT: the kernel does not tell its types (BTF);
 * -ENOSYS: a kernel without BPF; -EOPNOTSUPP: the kernel refuses the program, or it saw nothing; -EMFILE, -ENFILE
 */
VDEV_API int vdev_bpfsource_new(struct vdev_bpfsource **ret_source, const struct vdev_env *env,
				const struct vdev_bpfsource_config *config, char *ret_reason,
				size_t reason_size);
/**
 * Ends the object; the program is detached. Threads that it looked at may run meanwhile.
 * @param source of no cpusource any more; NULL is allowed
 */
VDEV_API void vdev_bpfsource_free(struct vdev_bpfsource *source);
/**
 * The table for vdev_cpusource_config.ops. Besides what cpusource.h tells, vdev_cpusource_new() may then give -EBUSY: the
 * object serves another cpusource; -EINVAL: the map has more vCPUs than it was made for; -ESRCH: no such process.
 * @return constant table named "bpf", which knows running from sleeping
 */
VDEV_API const struct vdev_cpusource_ops *vdev_bpfsource_ops(void);

#ifdef __cplusplus
}
#endif

#endif
