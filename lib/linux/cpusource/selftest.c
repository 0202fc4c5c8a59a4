/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The self-test: a thread that never sleeps, inside KVM_RUN if possible, is moved from CPU to CPU. A kind is trusted
 * when it sees each move while the thread stays where it is. Kernels that update a thread's rseq area only on the
 * way back to user space fail this.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mover.h"

#define MOVES 8u
#define AGAIN 4u /* moves that may be left out, since the thread left KVM_RUN meanwhile */
#define IN_TIME_NS UINT64_C(500000000)
#define BITS ((uint32_t)(sizeof(unsigned long) * CHAR_BIT))
#define WORDS (VDEV_CPUMAP_MAX_CPUS / BITS)

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The first CPUs that this thread may use: how many, 0 to 2. */
static uint32_t two_cpus(uint32_t cpus[2])
{
	unsigned long mask[WORDS] = {0};
	uint32_t i, found = 0;

	if (syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask) < 0)
		return 0;
	for (i = 0; i < VDEV_CPUMAP_MAX_CPUS && found < 2; i++)
		if (mask[i / BITS] >> i % BITS & 1)
			cpus[found++] = i;
	return found;
}

/* 1: the kind says so, before the time is over. */
static int sees(const struct vdev_cpusource *s, uint32_t cpu, uint64_t *ret_lag_ns)
{
	const struct timespec wait = {.tv_nsec = 20000};
	uint64_t begin = clock_ns(), lag = 0;
	struct vdev_cpusource_look look;

	while (lag <= IN_TIME_NS) {
		int err = s->ops->look(s->context, 0, &look);

		lag = clock_ns() - begin;
		if (!err && look.cpu == cpu) {
			*ret_lag_ns = lag;
			return 1;
		}
		nanosleep(&wait, NULL);
	}
	return 0;
}

static int move_about(const struct vdev__mover *m, const uint32_t cpus[2],
		      struct vdev_cpusource_trial *t)
{
	int err = vdev__mover_pin(m, cpus[1]);
	uint32_t i;

	for (i = 0; !err && t->moves < MOVES && i < MOVES + AGAIN; i++) {
		uint32_t entries = vdev__mover_entries(m);
		uint64_t lag = 0;
		int seen;

		err = vdev__mover_pin(m, cpus[i % 2]);
		if (err)
			return err;
		seen = sees(m->source, cpus[i % 2], &lag);
		if (vdev__mover_entries(m) != entries)
			continue; /* proves nothing */
		t->moves++;
		if (!seen)
			return -EOPNOTSUPP;
		t->seen++;
		if (lag > t->lag_ns)
			t->lag_ns = lag;
	}
	return err ? err : t->moves == MOVES ? 0 : -EOPNOTSUPP;
}

static int attempt(struct vdev_cpusource *scratch, int kvm, const uint32_t cpus[2],
		   struct vdev_cpusource_trial *t)
{
	struct vdev__mover m = {.source = scratch};
	int kvm_error = -ECANCELED;
	int err = vdev__mover_start(&m, kvm, &kvm_error);

	t->kvm = kvm_error;
	if (err)
		return err;
	err = move_about(&m, cpus, t);
	if (m.use_vcpu && atomic_load(&m.broken))
		err = t->kvm = atomic_load(&m.broken);
	vdev__mover_end(&m);
	return err;
}

/* KVM that opens and does not run says nothing about a kind that does not depend on it. */
static int attempts(struct vdev_cpusource *scratch, const uint32_t cpus[2],
		    struct vdev_cpusource_trial *t)
{
	int kvm = !(scratch->config.flags & VDEV_CPUSOURCE_NO_KVM);
	int err = attempt(scratch, kvm, cpus, t), broken = t->kvm;

	if (!kvm || !err || !broken)
		return err;
	*t = (struct vdev_cpusource_trial){0};
	err = attempt(scratch, 0, cpus, t);
	t->kvm = broken;
	return err;
}

/* RSEQ depends on how the kernel was made: it has to be seen where vCPUs are. */
static int verdict(const struct vdev_cpusource *s, const struct vdev_cpusource_ops *ops, int err,
		   const struct vdev_cpusource_trial *t)
{
	int proved = t->kvm == 0 || s->config.flags & VDEV_CPUSOURCE_NO_KVM;

	return !err && ops == &vdev__cpusource_rseq && !proved ? t->kvm : err;
}

int vdev__cpusource_try(const struct vdev_cpusource *s, const struct vdev_cpusource_ops *ops,
			struct vdev_cpusource_trial *t)
{
	struct slot slot = {.fd = -1};
	struct vdev_cpusource scratch = {.config = s->config,
					 .ops = ops,
					 .slots = &slot,
					 .vcpus = 1,
					 .pid = getpid(),
					 .own = 1};
	uint32_t cpus[2];
	int err = 0;

	scratch.context = &scratch;
	memcpy(scratch.proc, s->proc, sizeof(scratch.proc));
	*t = (struct vdev_cpusource_trial){.kvm = -ECANCELED};
	if (two_cpus(cpus) == 2)
		err = verdict(s, ops, attempts(&scratch, cpus, t), t);
	else if (ops == &vdev__cpusource_rseq)
		err = -ENXIO;
	t->outcome = err ? err : VDEV_CPUSOURCE_TRUSTED;
	return err == -ENOMEM || err == -EAGAIN || err == -EMFILE || err == -ENFILE ? err : 0;
}
