/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread that the self-test moves. Its vCPU runs the loop of the page replacement's self-test. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mover.h"

#define PAGE 4096u
#define MEMORY (VDEV__WRITER_LOW + 2 * PAGE)
#define TRIES 20000 /* of 100 us: two seconds */
#define BITS ((uint32_t)(sizeof(unsigned long) * CHAR_BIT))

static void *mover_main(void *context)
{
	struct vdev__mover *m = context;
	struct vdev_cpusource *s = m->source;
	int err;

	m->tid = gettid();
	s->slots[0].tid = m->tid;
	err = s->ops->attach(s->context, 0, m->tid, 1);
	if (err) {
		atomic_store(&m->broken, err);
		return NULL;
	}
	atomic_store(&m->ready, 1);
	if (m->use_vcpu)
		err = vdev__vcpu_run(&m->vcpu);
	if (err)
		atomic_store(&m->broken, err);
	/* Its memory and its number stay until it is told to end. */
	while (!atomic_load_explicit(&m->stop, memory_order_acquire))
		;
	s->ops->detach(s->context, 0);
	return NULL;
}

/* Without a signal nothing takes it out of KVM_RUN. */
static int start_thread(struct vdev__mover *m)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&m->thread, NULL, mover_main, m);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

/* Attached, and the guest has begun to count. */
static int runs(const struct vdev__mover *m)
{
	const uint32_t *counter =
		(const uint32_t *)(const void *)(m->memory + VDEV__WRITER_COUNTER);

	if (!atomic_load(&m->ready))
		return 0;
	return !m->use_vcpu || __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static int wait_until_it_runs(const struct vdev__mover *m)
{
	const struct timespec t = {.tv_nsec = 100000};
	int i;

	for (i = 0; i < TRIES; i++) {
		int err = atomic_load(&m->broken);

		if (err || runs(m))
			return err;
		nanosleep(&t, NULL);
	}
	return -ETIMEDOUT;
}

static void drop(struct vdev__mover *m)
{
	if (m->use_vcpu)
		vdev__vcpu_close(&m->vcpu);
	munmap(m->memory, MEMORY);
}

int vdev__mover_start(struct vdev__mover *m, int kvm, int *ret_kvm)
{
	const uint32_t low = VDEV__WRITER_LOW;
	void *memory =
		mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (memory == MAP_FAILED)
		return -ENOMEM;
	m->memory = memory;
	if (kvm)
		*ret_kvm = vdev__vcpu_open(&m->vcpu, m->source->config.kvm_fd, m->memory,
					   m->memory + low, m->memory + low + PAGE);
	m->use_vcpu = kvm && !*ret_kvm;
	err = start_thread(m);
	if (err) {
		drop(m);
		return err;
	}
	err = wait_until_it_runs(m);
	if (err)
		vdev__mover_end(m);
	return err;
}

uint32_t vdev__mover_entries(const struct vdev__mover *m)
{
	return m->use_vcpu ? atomic_load(&m->vcpu.entries) : 0;
}

int vdev__mover_pin(const struct vdev__mover *m, uint32_t cpu)
{
	unsigned long mask[VDEV_CPUMAP_MAX_CPUS / BITS] = {0};

	mask[cpu / BITS] = 1UL << cpu % BITS;
	return syscall(SYS_sched_setaffinity, m->tid, sizeof(mask), mask) ? -errno : 0;
}

void vdev__mover_end(struct vdev__mover *m)
{
	atomic_store_explicit(&m->stop, 1, memory_order_release);
	__atomic_store_n(m->memory + VDEV__WRITER_STOP, 1, __ATOMIC_RELEASE);
	pthread_join(m->thread, NULL);
	drop(m);
}
