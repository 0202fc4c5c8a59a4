/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the CPU-map providers share: a map, an object, and threads that stand for vCPUs. */
#ifndef TEST_CPUSOURCE_RIG_H
#define TEST_CPUSOURCE_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vdev/cpusource.h>

#define VCPUS 8u
#define TRIES 5000 /* of a millisecond */

struct rig {
	struct vt_env v;
	struct vdev_cpumap *map;
	struct vdev_cpusource *source;
	uint64_t now;
};

static inline void rig_begin(struct rig *r)
{
	const struct vdev_cpumap_config map = {
		.struct_size = sizeof(map), .vcpus = VCPUS, .cpus = VDEV_CPUMAP_MAX_CPUS};

	memset(r, 0, sizeof(*r));
	vt_env_init(&r->v);
	assert_int_equal(vdev_cpumap_new(&r->map, NULL, &map), 0);
}

static inline void rig_end(struct rig *r)
{
	vdev_cpusource_free(r->source);
	vdev_cpumap_free(r->map);
	vt_assert_clean(&r->v);
}

static inline struct vdev_cpusource_config rig_config(struct rig *r, uint32_t kinds, uint32_t flags)
{
	return (struct vdev_cpusource_config){.struct_size = sizeof(struct vdev_cpusource_config),
					      .flags = flags,
					      .kinds = kinds,
					      .kvm_fd = -1,
					      .map = r->map};
}

/* One kind; skips the test where this machine does not have it. */
static inline void rig_open(struct rig *r, uint32_t kind)
{
	struct vdev_cpusource_config c;
	int err;

	rig_begin(r);
	c = rig_config(r, VDEV_CPUSOURCE_WANT(kind), VDEV_CPUSOURCE_NO_KVM);
	err = vdev_cpusource_new(&r->source, &r->v.env, &c);
	if (kind == VDEV_CPUSOURCE_RSEQ && (err == -ENOSYS || err == -ENXIO)) {
		rig_end(r);
		vt_skip("no rseq areas here, or one CPU only");
	}
	assert_int_equal(err, 0);
}

static inline struct vdev_cpumap_place rig_place(struct rig *r, uint32_t vcpu)
{
	struct vdev_cpumap_place p;

	assert_int_equal(vdev_cpumap_get(r->map, r->now, vcpu, &p, sizeof(p)), 0);
	return p;
}

static inline int rig_refresh(struct rig *r)
{
	r->now += 1000000;
	return vdev_cpusource_refresh(r->source, r->now);
}

static inline struct vdev_cpusource_stats rig_stats(struct rig *r)
{
	struct vdev_cpusource_stats s;

	assert_int_equal(vdev_cpusource_stats(r->source, &s, sizeof(s)), 0);
	return s;
}

static inline void doze(void)
{
	const struct timespec t = {.tv_nsec = 1000000};

	nanosleep(&t, NULL);
}

/* The first two CPUs that this process may use; skips the test when there is one. */
static inline void two_cpus(uint32_t cpus[2])
{
	uint32_t found = 0;
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (uint32_t i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &set))
			cpus[found++] = i;
	if (found < 2)
		vt_skip("one CPU only");
}

static inline void pin(int tid, uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(tid, sizeof(set), &set), 0);
}

/* A thread; what it does is what its fields say. */
struct vthread {
	struct vdev_cpusource *source; /* attaches itself; NULL: not */
	uint32_t vcpu;
	int sleeps; /* else it spins */
	int says_gone;
	pthread_t thread;
	sem_t ready, end;
	atomic_int stop;
	int tid;
	int here, gone; /* what the calls said */
};

static inline void *vthread_main(void *context)
{
	struct vthread *t = context;

	t->tid = gettid();
	if (t->source)
		t->here = vdev_cpusource_here(t->source, t->vcpu);
	sem_post(&t->ready);
	while (!t->sleeps && !atomic_load(&t->stop))
		;
	while (t->sleeps && sem_wait(&t->end))
		;
	if (t->says_gone)
		t->gone = vdev_cpusource_gone(t->source, t->vcpu);
	return NULL;
}

static inline void vthread_start(struct vthread *t)
{
	sem_init(&t->ready, 0, 0);
	sem_init(&t->end, 0, 0);
	atomic_store(&t->stop, 0);
	assert_int_equal(pthread_create(&t->thread, NULL, vthread_main, t), 0);
	while (sem_wait(&t->ready))
		;
}

static inline void vthread_end(struct vthread *t)
{
	atomic_store(&t->stop, 1);
	sem_post(&t->end);
	pthread_join(t->thread, NULL);
	sem_destroy(&t->ready);
	sem_destroy(&t->end);
}

#endif
