/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file cpusource.h
 * Finds out where the vCPUs are: fills a map of cpumap.h by what the kernel tells of their threads.
 *
 * **Purpose.** The pulled providers of rule H9 of docs/engines/irqhint.md. A vCPU of KVM is a thread, and a vCPU is
 * where its thread is. Each attached vCPU is looked at by vdev_cpusource_refresh(), which the VMM calls as often as
 * the map's age may grow (H7). How they look:
 * - RSEQ: the cpu_id that the kernel keeps in each thread's rseq area (Linux: include/uapi/linux/rseq.h;
 *   registered by glibc from 2.35 on). A few nanoseconds a vCPU, in this process only. Some kernels do not update it
 *   while the thread stays inside KVM_RUN, so it is used only where a self-test saw a vCPU's thread move.
 * - PROCFS: field 39 and the state of /proc/PID/task/TID/stat (proc(5)): about 1.5 microseconds a vCPU; any process
 *   that may be seen; knows whether the thread runs (or waits for its turn) or sleeps (a halted vCPU).
 * - AFFINITY: a thread that may run on one CPU only is there (sched_getaffinity(2)); the others are NOWHERE.
 * - OPS: one that the caller brings (struct vdev_cpusource_ops), e.g. a BPF program.
 *
 * A VMM that pins vCPUs, or schedules them itself, needs none of these: it calls vdev_cpumap_set() (push).
 *
 * **States.** A vCPU is attached or not. One that is not, or whose thread is gone, is NOWHERE in the map.
 *
 * **Ownership.** The map, and the context of the ops, stay the caller's and must outlive the object. The
 * object holds a file descriptor for each attached vCPU (PROCFS). It is the only writer of the vCPUs that are
 * attached.
 *
 * **Threads.** All calls may be made from any thread but for free(), which needs that nobody else is in a call; calls on
 * one object take turns. A thread that is attached by vdev_cpusource_here() may end at any time by pthread_exit(3), by
 * pthread_cancel(3) or by returning, also while free() is called: it is detached then, and for that it waits at most
 * until a refresh that runs is over. It must not end by a bare exit system call.
 *
 * **fork().** The object is of no use to the child, which must not free it either.
 */
#ifndef VDEV_CPUSOURCE_H
#define VDEV_CPUSOURCE_H

#include <vdev/cpumap.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_cpusource;

/** How places are found, best first. @{ */
#define VDEV_CPUSOURCE_RSEQ 0u
#define VDEV_CPUSOURCE_PROCFS 1u
#define VDEV_CPUSOURCE_AFFINITY 2u
#define VDEV_CPUSOURCE_OPS 3u /**< the caller's */
#define VDEV_CPUSOURCE_KINDS 4u
/** @} */

/** Bit of a kind of the library in vdev_cpusource_config.kinds; OPS has none. */
#define VDEV_CPUSOURCE_WANT(kind) (1u << (kind))

/** Flags of the configuration. @{ */
/** No self-test: the first kind that can be opened. RSEQ is then trusted blindly. */
#define VDEV_CPUSOURCE_UNTESTED 0x1u
/** The vCPUs do not use KVM: RSEQ need not be proved inside KVM_RUN. */
#define VDEV_CPUSOURCE_NO_KVM 0x2u
/** @} */

/** Facts of a kind: vdev_cpusource_report.facts, vdev_cpusource_ops.facts. @{ */
#define VDEV_CPUSOURCE_KNOWS_RUNNING 0x1u /**< running or sleeping is known */
#define VDEV_CPUSOURCE_ONE_PROCESS 0x2u /**< threads of this process only */
#define VDEV_CPUSOURCE_HERE_ONLY \
	0x4u /**< threads attach themselves: vdev_cpusource_add() is refused */
/** @} */

/** What a look found. 8 bytes. */
struct vdev_cpusource_look {
	uint32_t cpu; /**< host CPU */
	uint32_t state; /**< VDEV_CPUMAP_UNKNOWN, RUNNING or SLEEPING */
};

/**
 * A kind of one's own: a constant table of functions. None is called twice at the same time for one object, and none
 * may call back into it. detach() may be called in a thread that is about to end.
 */
struct vdev_cpusource_ops {
	uint32_t struct_size;
	uint32_t facts; /**< VDEV_CPUSOURCE_KNOWS_RUNNING, ONE_PROCESS, HERE_ONLY */
	const char *name; /**< for people: "bpf" */
	/**
	 * Begins. It has to prove to itself that it will work: nobody tests it.
	 * @return 0 or a negative errno, which vdev_cpusource_new() returns
	 */
	int (*open)(void *context, int32_t pid, uint32_t vcpus);
	/**
	 * From now on look() is asked for this vCPU. @p here is 1 when the calling thread is the vCPU's.
	 * @return 0 or a negative errno, which the call returns
	 */
	int (*attach)(void *context, uint32_t vcpu, int32_t tid, uint32_t here);
	/** No longer; also after look() said -ESRCH. */
	void (*detach)(void *context, uint32_t vcpu);
	/**
	 * Where is it? Should neither wait nor allocate.
	 * @return 0; -ESRCH: its thread is gone, the vCPU is detached; -ENOENT: on none that is known; another negative
	 * errno: this look failed. Each of these makes the vCPU NOWHERE
	 */
	int (*look)(void *context, uint32_t vcpu, struct vdev_cpusource_look *ret_look);
	/** Ends; nothing is attached any more. May be NULL. */
	void (*close)(void *context);
};

/** Configuration. 56 bytes. */
struct vdev_cpusource_config {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_CPUSOURCE_UNTESTED, NO_KVM */
	uint32_t kinds; /**< that may be chosen, by VDEV_CPUSOURCE_WANT(); 0: all, or ops */
	int32_t pid; /**< process of the vCPUs; 0: this one */
	int32_t kvm_fd; /**< /dev/kvm, for the self-test; -1: opened by itself */
	uint32_t reserved; /**< 0 */
	struct vdev_cpumap *map; /**< to fill; without VDEV_CPUMAP_LIVE */
	/** Where procfs is mounted, below 256 bytes; NULL: "/proc". Copied. */
	const char *proc_path;
	const struct vdev_cpusource_ops *ops; /**< or NULL; copied */
	void *ops_context; /**< handed to ops */
};

/** Outcome of a kind's trial; a negative errno: not to be trusted, and why. @{ */
#define VDEV_CPUSOURCE_UNTRIED 0
#define VDEV_CPUSOURCE_TRUSTED 1
/** @} */

/** What was found about one kind. 24 bytes. */
struct vdev_cpusource_trial {
	int32_t outcome; /**< VDEV_CPUSOURCE_UNTRIED, TRUSTED or a negative errno */
	/** 0: the thread that was moved was inside KVM_RUN; -ECANCELED: VDEV_CPUSOURCE_NO_KVM, or it was not moved;
	 * another negative errno: KVM cannot be used */
	int32_t kvm;
	uint32_t
		moves; /**< from one CPU to another; 0: this process may use one only, or no self-test */
	uint32_t seen; /**< that the kind saw, in time */
	uint64_t lag_ns; /**< longest until it was seen */
};

/** What was chosen and why. 104 bytes. */
struct vdev_cpusource_report {
	uint32_t kind; /**< chosen: VDEV_CPUSOURCE_RSEQ to OPS */
	uint32_t facts; /**< of it: VDEV_CPUSOURCE_KNOWS_RUNNING, ONE_PROCESS, HERE_ONLY */
	struct vdev_cpusource_trial trials[VDEV_CPUSOURCE_KINDS]; /**< by kind */
};

/** Counters; a snapshot. Each is a uint64_t. */
struct vdev_cpusource_stats {
	uint64_t attached; /**< now */
	uint64_t refreshes;
	uint64_t looks;
	uint64_t changes; /**< places of the map that a refresh changed */
	uint64_t nowhere; /**< looks that found no CPU */
	uint64_t failed; /**< looks that failed, or gave a CPU that the map does not have */
	uint64_t lost; /**< vCPUs that were detached, as a look found their thread gone */
	uint64_t exits; /**< those that were detached by their thread's end */
};

/**
 * Makes an object without vCPUs. Of the kinds that may be chosen the first is taken that opens and passes its
 * self-test, in which a thread is moved between two CPUs, inside KVM_RUN where there is /dev/kvm; that takes some
 * milliseconds. vdev_cpusource_report() tells what was found.
 * @param ret_source the object
 * @param env hooks, or NULL for libc's malloc and silence; copied
 * @param config see the struct; copied
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -EAGAIN: no thread or no thread-specific key; -EMFILE, -ENFILE; else no kind
 * does, why the last one does not (the log says it of each): -EXDEV: RSEQ is for this process only; -ENOSYS: no rseq
 * areas; -ENXIO: one CPU only, nothing proves RSEQ; -ENOENT, -EACCES: no /proc, or no /dev/kvm for RSEQ's proof (or
 * another errno of that); -ESRCH: no such process; -EOPNOTSUPP: the self-test failed; or what ops->open() returned
 */
VDEV_API int vdev_cpusource_new(struct vdev_cpusource **ret_source, const struct vdev_env *env,
				const struct vdev_cpusource_config *config);
/**
 * Ends the object; the vCPUs that are attached are NOWHERE.
 * @param source NULL is allowed
 */
VDEV_API void vdev_cpusource_free(struct vdev_cpusource *source);

/**
 * Attaches a vCPU by its thread (H9). The vCPU stays NOWHERE until the next refresh. AFFINITY cannot tell when another
 * thread of the process gets the number of one that ended: remove the vCPU before.
 * @param source the object
 * @param vcpu 0 to the map's vcpus - 1
 * @param tid thread of the process, as gettid(2) gives it, above 0
 * @return 0; -EINVAL; -EEXIST: the vCPU is attached; -ESRCH: no such thread in that process; -EOPNOTSUPP: threads have
 * to attach themselves (RSEQ): vdev_cpusource_here(); -EMFILE, -ENFILE; -EACCES or another errno of the kernel
 */
VDEV_API int vdev_cpusource_add(struct vdev_cpusource *source, uint32_t vcpu, int32_t tid);
/**
 * The calling thread is this vCPU's from now on, until it ends or vdev_cpusource_gone() (H9). The vCPU stays NOWHERE
 * until the next refresh. A thread may be that of several vCPUs.
 * @param source the object
 * @param vcpu 0 to the map's vcpus - 1
 * @return 0; -EINVAL; -EEXIST: the vCPU is attached; -EXDEV: the vCPUs are of another process; -ENOSYS: this thread
 * has no rseq area; -ENOMEM; -EMFILE, -ENFILE; or another errno of the kernel
 */
VDEV_API int vdev_cpusource_here(struct vdev_cpusource *source, uint32_t vcpu);
/**
 * The calling thread is no longer this vCPU's, which is NOWHERE.
 * @param source the object
 * @param vcpu as in vdev_cpusource_here()
 * @return 0; -EINVAL; -ENOENT: it is not attached; -EPERM: not by this thread
 */
VDEV_API int vdev_cpusource_gone(struct vdev_cpusource *source, uint32_t vcpu);
/**
 * Detaches a vCPU, whoever attached it; it is NOWHERE.
 * @param source the object
 * @param vcpu 0 to the map's vcpus - 1
 * @return 0; -EINVAL; -ENOENT: it is not attached
 */
VDEV_API int vdev_cpusource_remove(struct vdev_cpusource *source, uint32_t vcpu);

/**
 * Looks at each attached vCPU and puts its place into the map (H9), whose age counts from now on (H7). Allocates
 * nothing; takes as long as there are vCPUs attached. Those whose thread is gone are detached.
 * @param source the object
 * @param now_ns caller's clock, when it calls
 * @return how many vCPUs are on a CPU that is known; -EINVAL: source is NULL
 */
VDEV_API int vdev_cpusource_refresh(struct vdev_cpusource *source, uint64_t now_ns);

/**
 * What was chosen, and what the self-test found.
 * @param source the object
 * @param ret_report the report
 * @param size sizeof(struct vdev_cpusource_report) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_cpusource_report(struct vdev_cpusource *source,
				   struct vdev_cpusource_report *ret_report, size_t size);
/**
 * Why not the first kind was chosen, or why the last thing was refused, for people: "rseq is not used: ...".
 * @param source the object
 * @param buf room for the text, always terminated
 * @param size bytes at buf, at least 1
 * @return length of the whole text, also when it was cut; 0: nothing so far; -EINVAL
 */
VDEV_API int vdev_cpusource_reason(struct vdev_cpusource *source, char *buf, size_t size);
/**
 * Counters.
 * @param source the object
 * @param ret_stats the counters
 * @param size sizeof(struct vdev_cpusource_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_cpusource_stats(struct vdev_cpusource *source,
				  struct vdev_cpusource_stats *ret_stats, size_t size);
/**
 * Name of a kind, for logs and JSON.
 * @param kind VDEV_CPUSOURCE_RSEQ to OPS
 * @return constant string such as "procfs", "?" when there is none
 */
VDEV_API const char *vdev_cpusource_kind_name(uint32_t kind);

#ifdef __cplusplus
}
#endif

#endif
