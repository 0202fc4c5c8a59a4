/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU-map providers (H9): the map follows threads that come, move, sleep and go. */
#include "test_cpusource_rig.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void attach(struct rig *r, struct vthread *t, uint32_t kind)
{
	if (kind == VDEV_CPUSOURCE_RSEQ)
		t->source = r->source;
	vthread_start(t);
	if (kind != VDEV_CPUSOURCE_RSEQ)
		assert_int_equal(vdev_cpusource_add(r->source, t->vcpu, t->tid), 0);
	assert_int_equal(t->here, 0);
}

/* Until the map says so. */
static void expect_on(struct rig *r, uint32_t vcpu, uint32_t cpu)
{
	for (int i = 0; i < TRIES; i++) {
		assert_int_equal(rig_refresh(r), 1);
		if (rig_place(r, vcpu).cpu == cpu)
			return;
		doze();
	}
	fail_msg("the map says CPU %u, not %u", rig_place(r, vcpu).cpu, cpu);
}

static void follows(uint32_t kind, uint32_t state)
{
	struct vthread t = {.vcpu = 3};
	uint32_t cpus[2];
	struct rig r;

	rig_open(&r, kind);
	two_cpus(cpus);
	attach(&r, &t, kind);
	assert_int_equal(rig_place(&r, 3).cpu, VDEV_CPUMAP_NOWHERE); /* not looked at so far */
	for (uint32_t i = 0; i < 20; i++) {
		pin(t.tid, cpus[i % 2]);
		expect_on(&r, 3, cpus[i % 2]);
		assert_int_equal(rig_place(&r, 3).state, state);
	}
	assert_int_equal(rig_place(&r, 3).age_ns, 0);
	assert_true(rig_stats(&r).changes >= 20);
	assert_int_equal(rig_stats(&r).failed, 0);
	assert_int_equal(vdev_cpusource_remove(r.source, 3), 0);
	assert_int_equal(rig_place(&r, 3).cpu, VDEV_CPUMAP_NOWHERE);
	vthread_end(&t);
	rig_end(&r);
}

static void rseq_follows(void **state)
{
	(void)state;
	follows(VDEV_CPUSOURCE_RSEQ, VDEV_CPUMAP_UNKNOWN);
}

static void procfs_follows(void **state)
{
	(void)state;
	follows(VDEV_CPUSOURCE_PROCFS, VDEV_CPUMAP_RUNNING);
}

static void affinity_follows(void **state)
{
	(void)state;
	follows(VDEV_CPUSOURCE_AFFINITY, VDEV_CPUMAP_UNKNOWN);
}

/* A thread that may run on several CPUs is on none that AFFINITY knows. */
static void affinity_of_several_is_nowhere(void **state)
{
	struct vthread t = {.vcpu = 0, .sleeps = 1};
	uint32_t cpus[2];
	struct rig r;

	(void)state;
	rig_open(&r, VDEV_CPUSOURCE_AFFINITY);
	two_cpus(cpus);
	attach(&r, &t, VDEV_CPUSOURCE_AFFINITY);
	assert_int_equal(rig_refresh(&r), 0);
	assert_int_equal(rig_place(&r, 0).cpu, VDEV_CPUMAP_NOWHERE);
	assert_int_equal(rig_stats(&r).nowhere, 1);
	assert_int_equal(rig_stats(&r).failed, 0);
	assert_int_equal(rig_stats(&r).attached, 1);
	vthread_end(&t);
	/* one that has been joined may be in the kernel for a moment yet */
	for (int i = 0; i < 1000 && !rig_stats(&r).lost; i++) {
		assert_int_equal(rig_refresh(&r), 0);
		usleep(1000);
	}
	assert_int_equal(rig_stats(&r).lost, 1);
	rig_end(&r);
}

/* R in its name is no state, and neither are its brackets. */
static void name_of_a_thread_is_not_believed(void **state)
{
	struct vthread t = {.vcpu = 1, .sleeps = 1};
	uint32_t cpus[2];
	cpu_set_t old;
	struct rig r;

	(void)state;
	rig_open(&r, VDEV_CPUSOURCE_PROCFS);
	two_cpus(cpus);
	assert_int_equal(sched_getaffinity(0, sizeof(old), &old), 0);
	pin(0, cpus[1]); /* it never was anywhere else: one that sleeps is not moved */
	attach(&r, &t, VDEV_CPUSOURCE_PROCFS);
	assert_int_equal(sched_setaffinity(0, sizeof(old), &old), 0);
	assert_int_equal(pthread_setname_np(t.thread, ") R 1 ("), 0);
	expect_on(&r, 1, cpus[1]);
	for (int i = 0; i < TRIES && rig_place(&r, 1).state != VDEV_CPUMAP_SLEEPING; i++) {
		doze();
		assert_int_equal(rig_refresh(&r), 1);
	}
	assert_int_equal(rig_place(&r, 1).state, VDEV_CPUMAP_SLEEPING);
	assert_int_equal(rig_place(&r, 1).cpu, cpus[1]);
	vthread_end(&t);
	rig_end(&r);
}

/* Several of them at once, in one refresh. */
static void threads_that_are_gone_are_nowhere(void **state)
{
	struct vthread t[VCPUS] = {0};
	struct rig r;

	(void)state;
	rig_open(&r, VDEV_CPUSOURCE_PROCFS);
	for (uint32_t i = 0; i < VCPUS; i++) {
		t[i].vcpu = i;
		t[i].sleeps = 1;
		attach(&r, &t[i], VDEV_CPUSOURCE_PROCFS);
	}
	assert_int_equal(rig_refresh(&r), VCPUS);
	for (uint32_t i = 1; i < VCPUS; i++)
		vthread_end(&t[i]);
	assert_int_equal(rig_refresh(&r), 1);
	assert_int_equal(rig_stats(&r).lost, VCPUS - 1);
	assert_int_equal(rig_stats(&r).attached, 1);
	assert_int_equal(rig_stats(&r).failed, 0);
	for (uint32_t i = 1; i < VCPUS; i++) {
		assert_int_equal(rig_place(&r, i).cpu, VDEV_CPUMAP_NOWHERE);
		assert_int_equal(vdev_cpusource_remove(r.source, i), -ENOENT);
	}
	assert_int_equal(vdev_cpusource_add(r.source, 1, t[0].tid), 0); /* free for another */
	assert_int_equal(vdev_cpusource_add(r.source, 2, t[1].tid), -ESRCH);
	assert_int_equal(rig_refresh(&r), 2);
	vthread_end(&t[0]);
	rig_end(&r);
}

/* Its rseq area is memory of a thread that is no more: nobody may look there. */
static void exit_without_gone(uint32_t kind)
{
	struct rig r;

	rig_open(&r, kind);
	for (int i = 0; i < 50; i++) {
		struct vthread t = {.source = r.source, .vcpu = 2, .sleeps = i % 2};

		vthread_start(&t);
		assert_int_equal(t.here, 0);
		rig_refresh(&r);
		vthread_end(&t);
		assert_int_equal(rig_place(&r, 2).cpu, VDEV_CPUMAP_NOWHERE);
		assert_int_equal(rig_stats(&r).exits, i + 1);
		assert_int_equal(rig_refresh(&r), 0);
	}
	assert_int_equal(rig_stats(&r).attached, 0);
	assert_int_equal(rig_stats(&r).lost, 0);
	rig_end(&r);
}

static void exit_without_gone_rseq(void **state)
{
	(void)state;
	exit_without_gone(VDEV_CPUSOURCE_RSEQ);
}

static void exit_without_gone_procfs(void **state)
{
	(void)state;
	exit_without_gone(VDEV_CPUSOURCE_PROCFS);
}

static void exit_without_gone_affinity(void **state)
{
	(void)state;
	exit_without_gone(VDEV_CPUSOURCE_AFFINITY);
}

/* One thread is several vCPUs, beside one of another thread that stays. */
static void a_thread_of_several_vcpus(void **state)
{
	struct vthread stays = {.vcpu = 5, .sleeps = 1}, t = {.vcpu = 0, .sleeps = 1};
	struct rig r;

	(void)state;
	rig_open(&r, VDEV_CPUSOURCE_PROCFS);
	assert_int_equal(vdev_cpusource_here(r.source, 6), 0);
	stays.source = t.source = r.source;
	vthread_start(&t);
	vthread_start(&stays);
	assert_int_equal(vdev_cpusource_here(r.source, 7), 0);
	assert_int_equal(vdev_cpusource_add(r.source, 4, t.tid), 0);
	assert_int_equal(rig_refresh(&r), 5);
	vthread_end(&t);
	assert_int_equal(rig_stats(&r).attached, 4); /* it was added by another: a look will tell */
	assert_int_equal(rig_refresh(&r), 3);
	assert_int_equal(rig_stats(&r).exits, 1);
	assert_int_equal(rig_stats(&r).lost, 1);
	assert_int_equal(vdev_cpusource_gone(r.source, 6), 0);
	assert_int_equal(vdev_cpusource_gone(r.source, 7), 0);
	vthread_end(&stays);
	rig_end(&r);
}

/* A thread may outlive the object. */
static void thread_ends_after_the_object(void **state)
{
	struct vthread t = {.vcpu = 0, .sleeps = 1};
	struct rig r, other;

	(void)state;
	rig_open(&r, VDEV_CPUSOURCE_PROCFS);
	rig_open(&other, VDEV_CPUSOURCE_PROCFS);
	t.source = r.source;
	vthread_start(&t);
	assert_int_equal(rig_refresh(&r), 1);
	vdev_cpusource_free(r.source);
	r.source = NULL;
	assert_int_equal(rig_place(&r, 0).cpu, VDEV_CPUMAP_NOWHERE);
	vthread_end(&t);
	assert_int_equal(rig_stats(&other).exits, 0);
	rig_end(&other);
	rig_end(&r);
}

static void other_process(void **state)
{
	struct vdev_cpusource_config c;
	struct rig r;
	pid_t child;

	(void)state;
	rig_begin(&r);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	c = rig_config(&r, 0, VDEV_CPUSOURCE_NO_KVM);
	c.pid = child;
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), 0);
	assert_int_equal(vdev_cpusource_here(r.source, 0), -EXDEV);
	assert_int_equal(vdev_cpusource_add(r.source, 0, getpid()), -ESRCH); /* not of that one */
	assert_int_equal(vdev_cpusource_add(r.source, 0, child), 0);
	assert_int_equal(rig_refresh(&r), 1);
	kill(child, SIGKILL);
	/* A zombie is on no CPU either. */
	for (int i = 0; i < TRIES && rig_refresh(&r); i++)
		doze();
	assert_int_equal(rig_place(&r, 0).cpu, VDEV_CPUMAP_NOWHERE);
	assert_int_equal(rig_stats(&r).lost, 1);
	waitpid(child, NULL, 0);
	assert_int_equal(vdev_cpusource_add(r.source, 0, child), -ESRCH);
	vdev_cpusource_free(r.source);
	r.source = NULL;
	assert_int_equal(vdev_cpusource_new(&r.source, &r.v.env, &c), -ESRCH);
	rig_end(&r);
}

static void no_file_descriptor_left(void **state)
{
	struct rlimit old, low;
	struct rig r;
	int fd;

	(void)state;
	rig_open(&r, VDEV_CPUSOURCE_PROCFS);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	fd = dup(0);
	assert_true(fd >= 0);
	close(fd);
	low = old;
	low.rlim_cur = (rlim_t)fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(vdev_cpusource_add(r.source, 0, getpid()), -EMFILE);
	assert_int_equal(vdev_cpusource_here(r.source, 0), -EMFILE);
	assert_int_equal(rig_refresh(&r), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(rig_stats(&r).attached, 0);
	assert_int_equal(vdev_cpusource_add(r.source, 0, getpid()), 0);
	assert_int_equal(rig_refresh(&r), 1);
	rig_end(&r);
	fd = dup(0); /* and it was given back */
	assert_int_equal(fd, (int)low.rlim_cur);
	close(fd);
}

/* H7: the age counts from when the look began; a clock that goes back changes nothing. */
static void age_counts_from_the_look(void **state)
{
	struct rig r;
	uint64_t age;

	(void)state;
	rig_open(&r, VDEV_CPUSOURCE_PROCFS);
	assert_int_equal(vdev_cpumap_age(r.map, 5, &age), 0);
	assert_true(age == VDEV_NONE);
	assert_int_equal(vdev_cpusource_refresh(r.source, 5000), 0);
	assert_int_equal(vdev_cpumap_age(r.map, 7000, &age), 0);
	assert_int_equal(age, 2000);
	assert_int_equal(vdev_cpusource_refresh(r.source, 100), 0);
	assert_int_equal(vdev_cpumap_age(r.map, 7000, &age), 0);
	assert_int_equal(age, 2000);
	assert_int_equal(rig_stats(&r).refreshes, 2);
	rig_end(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rseq_follows),
		cmocka_unit_test(procfs_follows),
		cmocka_unit_test(affinity_follows),
		cmocka_unit_test(affinity_of_several_is_nowhere),
		cmocka_unit_test(name_of_a_thread_is_not_believed),
		cmocka_unit_test(threads_that_are_gone_are_nowhere),
		cmocka_unit_test(exit_without_gone_rseq),
		cmocka_unit_test(exit_without_gone_procfs),
		cmocka_unit_test(exit_without_gone_affinity),
		cmocka_unit_test(a_thread_of_several_vcpus),
		cmocka_unit_test(thread_ends_after_the_object),
		cmocka_unit_test(other_process),
		cmocka_unit_test(no_file_descriptor_left),
		cmocka_unit_test(age_counts_from_the_look),
	};

	return cmocka_run_group_tests_name("cpusource_follow", tests, NULL, NULL);
}
