/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPU-map providers: what their files share.
 *
 * Locks. Each object's `lock` makes its calls take turns; a refresh holds it as long as it looks. A slot, and with it
 * the address of a thread's rseq area, is only used with it held. exit.c has a lock for all objects, taken before.
 *
 * Why a thread that ends is safe: its area is part of its static TLS, which lives until the destructors of its
 * thread-specific keys are over. One of these (exit.c) takes the lock of each object and detaches what the thread
 * attached. So an address in a slot, read under the lock, is of a thread whose TLS is still there.
 */
#ifndef VDEV__CPUSOURCE_INTERNAL_H
#define VDEV__CPUSOURCE_INTERNAL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include <vdev/cpusource.h>

#include "env.h"

#define VDEV__CPUSOURCE_REASON_SIZE 256
#define VDEV__CPUSOURCE_PATH_SIZE 256u

struct slot {
	int32_t tid; /* 0: not attached */
	int fd; /* PROCFS */
	const uint32_t *cpu_id; /* RSEQ: in the area of a thread that has not ended */
	uint32_t at; /* in `order` */
	uint32_t here; /* 1: attached by the thread itself */
};

struct vdev_cpusource {
	struct vdev_env env;
	struct vdev_cpusource_config config;
	const struct vdev_cpusource_ops *ops;
	struct vdev_cpusource_ops brought; /* config.ops, copied */
	void *context; /* of ops; for those of the library the object itself */
	pthread_mutex_t lock;
	struct vdev_cpusource *next; /* exit.c */
	struct slot *slots; /* by vCPU */
	uint32_t *order; /* vCPUs that are attached, in any order */
	uint32_t count; /* of them */
	uint32_t vcpus, cpus; /* of the map */
	int32_t pid;
	uint32_t own; /* 1: pid is this process */
	uint64_t last_ns; /* latest refresh */
	struct vdev_cpusource_report report;
	struct vdev_cpusource_stats stats;
	char proc[VDEV__CPUSOURCE_PATH_SIZE];
	char reason[VDEV__CPUSOURCE_REASON_SIZE];
};

/* The library's own kinds; their context is the object. */
extern const struct vdev_cpusource_ops vdev__cpusource_rseq; /* rseq.c */
extern const struct vdev_cpusource_ops vdev__cpusource_procfs; /* procfs.c */
extern const struct vdev_cpusource_ops vdev__cpusource_affinity; /* affinity.c */

/* object.c: keeps the text for vdev_cpusource_reason() and logs it; returns err. The caller holds the lock. */
int vdev__cpusource_because(struct vdev_cpusource *s, int err, const char *fmt, ...)
	VDEV__PRINTF(3, 4);

/* attach.c: the caller holds the lock; the vCPU is attached. */
void vdev__cpusource_detach(struct vdev_cpusource *s, uint32_t vcpu);

/* exit.c */
/* For threads that attach themselves. -EAGAIN: no key. */
int vdev__cpusource_enlist(struct vdev_cpusource *s);
/* Afterwards no thread's end comes to this object any more. */
void vdev__cpusource_delist(struct vdev_cpusource *s);
/* The end of the calling thread will be seen. -ENOMEM. */
int vdev__cpusource_watch_exit(void);

/* procfs.c: what the text of a stat file says. -ESRCH: a dead thread; -EBADMSG: not such a text. */
int vdev__stat_parse(const char *text, size_t size, struct vdev_cpusource_look *ret_look);

/* affinity.c: 0, or -ESRCH: the process has no such thread. */
int vdev__thread_there(int32_t pid, int32_t tid);

/*
 * selftest.c: tries one of the library's kinds with a thread of its own. The outcome is in the trial; an error is what
 * says nothing about the kind: -ENOMEM, -EAGAIN, -EMFILE, -ENFILE.
 */
int vdev__cpusource_try(const struct vdev_cpusource *s, const struct vdev_cpusource_ops *ops,
			struct vdev_cpusource_trial *t);

#endif
