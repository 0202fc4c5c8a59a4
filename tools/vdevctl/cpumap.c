/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl cpumap: on which CPU and NUMA node each vCPU of a VMM is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vdevctl.h"

struct watch {
	const struct cpumap_options *o;
	struct vdev_host *host;
	struct sight sight;
	int process; /* folder in /proc */
	int kvm; /* folder in debugfs, or a negative errno */
	bool seen; /* a look has shown vCPUs: it is a VMM, even while it has no machine */
};

static int complain(const struct watch *w, int status, const char *what)
{
	fprintf(stderr, "vdevctl: process %d: %s\n", (int)w->o->pid, what);
	return status;
}

static int vcpu_order(const void *a, const void *b)
{
	const struct thread *x = a, *y = b;

	if (x->vm != y->vm)
		return x->vm < y->vm ? -1 : 1;
	if (x->vcpu != y->vcpu)
		return x->vcpu < y->vcpu ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

void sight_sort(struct sight *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		struct thread t = s->threads[i];

		if (t.vcpu == NO_NUMBER)
			continue;
		s->threads[i] = s->threads[n];
		s->threads[n++] = t;
	}
	qsort(s->threads, n, sizeof(*s->threads), vcpu_order);
}

/* Of all errors: which one, and what to do about it. */
static int process_error(const struct watch *w, int err)
{
	char text[160];

	switch (err) {
	case -ENOENT:
	case -ESRCH:
		return complain(w, STATUS_NO_PROCESS,
				"there is no such process (any more); --pid expects the number of"
				" a VMM that runs, such as pidof qemu-system-x86_64 prints it");
	case -EACCES:
	case -EPERM:
		return complain(w, STATUS_DENIED,
				"not permitted to look at it (/proc is mounted with hidepid?); run"
				" vdevctl as its user or as root");
	default:
		snprintf(text, sizeof(text), "its threads cannot be read from /proc: %s",
			 strerror(-err));
		return complain(w, STATUS_FAILED, text);
	}
}

static const char *kvm_reason(const struct watch *w)
{
	switch (w->kvm) {
	case -EACCES:
	case -EPERM:
		return "KVM's debugfs needs root";
	case -ENOENT:
		return "KVM's debugfs is not there";
	default:
		return w->kvm < 0 ? "KVM's debugfs cannot be read"
				  : "KVM's debugfs does not know it";
	}
}

/* None of its threads is a known vCPU. */
static int nothing_found(const struct watch *w)
{
	const struct thread *main_thread = sight_thread(&w->sight, w->o->pid);
	int kvm = process_has_kvm(w->process);
	char text[256];

	if (kvm > 0 || (main_thread && names_vmm(main_thread->name))) {
		snprintf(text, sizeof(text),
			 "a VMM, but nothing tells which of its threads are vCPUs: %s, and the "
			 "threads"
			 " have no known names; run vdevctl as root, or start QEMU with -name"
			 " debug-threads=on",
			 kvm_reason(w));
		return complain(w, STATUS_UNTOLD, text);
	}
	if (kvm < 0) {
		snprintf(text, sizeof(text),
			 "not permitted to see whether it is a VMM: %s, and no thread has the name"
			 " of a vCPU; run vdevctl as its user or as root",
			 kvm_reason(w));
		return complain(w, STATUS_DENIED, text);
	}
	return complain(
		w, STATUS_NOT_VMM,
		"not a VMM: KVM knows no vCPU of it, and no thread has a name that QEMU (with"
		" debug-threads=on), Cloud Hypervisor, Firecracker, crosvm or kvmtool gives"
		" to its vCPUs");
}

static bool find(struct watch *w)
{
	return (w->kvm >= 0 && kvm_debugfs_find(w->kvm, &w->sight)) || names_find(&w->sight);
}

/* A name that two threads have does not tell which of them is the vCPU. */
static int one_thread_each(const struct watch *w)
{
	const struct thread *t = w->sight.threads;
	char text[256];

	for (uint32_t i = 1; i < w->sight.vcpus && w->sight.vmm; i++, t++) {
		if (t[0].vcpu != t[1].vcpu)
			continue;
		snprintf(text, sizeof(text),
			 "a VMM, but threads %d and %d both have the name \"%s\", and only one of"
			 " them can be that vCPU: %s; run vdevctl as root",
			 (int)t[0].tid, (int)t[1].tid, t->name, kvm_reason(w));
		return complain(w, STATUS_UNTOLD, text);
	}
	return STATUS_OK;
}

static int look(struct watch *w)
{
	int err = process_threads(w->process, &w->sight);

	if (err)
		return process_error(w, err);
	if (!find(w) && !w->seen)
		return nothing_found(w);
	sight_sort(&w->sight);
	if (one_thread_each(w))
		return STATUS_UNTOLD;
	w->seen = true;
	err = show_sight(&w->sight, w->host, w->o->json);
	if (!err)
		err = show_end();
	if (err)
		fprintf(stderr, "vdevctl: cannot write the result: %s\n", strerror(-err));
	return err ? STATUS_FAILED : STATUS_OK;
}

static void add_ms(struct timespec *t, uint32_t ms)
{
	t->tv_sec += ms / 1000;
	t->tv_nsec += (long)(ms % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_nsec -= 1000000000;
		t->tv_sec++;
	}
}

/* At fixed times, so that the looks do not drift. */
static int repeat(struct watch *w)
{
	struct timespec next;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint32_t n = 1;; n++) {
		status = look(w);
		if (status || !w->o->watch || n == w->o->count)
			return status;
		add_ms(&next, w->o->interval_ms);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

int cpumap_run(const struct cpumap_options *o)
{
	struct watch w = {.o = o, .sight = {.pid = o->pid}};
	int status;

	w.process = process_open(o->proc, o->pid);
	if (w.process < 0)
		return process_error(&w, w.process);
	w.kvm = kvm_debugfs_open(o->debugfs);
	w.host = topology_open(o->sysfs);
	status = repeat(&w);
	vdev_host_free(w.host);
	free(w.sight.threads);
	if (w.kvm >= 0)
		close(w.kvm);
	close(w.process);
	return status;
}
