/* SPDX-License-Identifier: BSD-3-Clause */
/* The BPF provider (H9): the map follows threads that come, move, sleep and go. */
#include "test_bpfsource_rig.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void follows_a_runner(void **state)
{
	struct vthread t = {.vcpu = 3};
	uint32_t cpus[2];
	struct bpf_rig b;

	(void)state;
	two_cpus(cpus);
	bpf_begin(&b, 0);
	vthread_start(&t);
	assert_int_equal(vdev_cpusource_add(b.r.source, 3, t.tid), 0);
	assert_int_equal(rig_place(&b.r, 3).cpu, VDEV_CPUMAP_NOWHERE); /* not looked at so far */
	for (uint32_t i = 0; i < 40; i++) {
		pin(t.tid, cpus[i % 2]);
		expect_place(&b.r, 3, cpus[i % 2], VDEV_CPUMAP_RUNNING);
	}
	vthread_end(&t);
	bpf_end(&b);
}

/* However late it gets to a processor. */
static void await_sleep(const struct vthread *t)
{
	char path[64], line[256] = "";

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", t->tid);
	while (!strstr(line, ") S ")) {
		FILE *file = fopen(path, "re");

		assert_non_null(file);
		assert_non_null(fgets(line, sizeof(line), file));
		fclose(file);
	}
}

/* It has been running, or sleeping, since before: no switch tells. At the first look it has to be there. */
static void first_place(void **state)
{
	struct vthread runs = {.vcpu = 0}, sleeps = {.vcpu = 1, .sleeps = 1};
	uint32_t cpus[2];
	struct bpf_rig b;

	(void)state;
	two_cpus(cpus);
	bpf_begin(&b, 0);
	vthread_start(&runs);
	vthread_start(&sleeps);
	await_sleep(&sleeps);
	for (uint32_t i = 0; i < 20; i++) {
		pin(runs.tid, cpus[i % 2]);
		doze(); /* it is there */
		assert_int_equal(vdev_cpusource_add(b.r.source, 0, runs.tid), 0);
		assert_int_equal(vdev_cpusource_add(b.r.source, 1, sleeps.tid), 0);
		assert_int_equal(rig_refresh(&b.r), 2);
		assert_int_equal(rig_place(&b.r, 0).cpu, cpus[i % 2]);
		assert_int_equal(rig_place(&b.r, 0).state, VDEV_CPUMAP_RUNNING);
		assert_int_equal(rig_place(&b.r, 1).state, VDEV_CPUMAP_SLEEPING);
		assert_int_equal(vdev_cpusource_remove(b.r.source, 0), 0);
		assert_int_equal(vdev_cpusource_remove(b.r.source, 1), 0);
	}
	vthread_end(&runs);
	vthread_end(&sleeps);
	bpf_end(&b);
}

/* Runs for a while and sleeps for a while, on one CPU; says which. */
struct sleeper {
	pthread_t thread;
	sem_t ready, wake;
	atomic_int runs, stop, tid;
};

static void *sleeper_main(void *context)
{
	struct sleeper *s = context;

	atomic_store(&s->tid, gettid());
	sem_post(&s->ready);
	while (!atomic_load(&s->stop)) {
		while (sem_wait(&s->wake))
			;
		while (atomic_load(&s->runs))
			;
	}
	return NULL;
}

static void runs_or_sleeps(void **state)
{
	struct sleeper s = {0};
	uint32_t cpus[2];
	struct bpf_rig b;

	(void)state;
	two_cpus(cpus);
	bpf_begin(&b, 0);
	sem_init(&s.ready, 0, 0);
	sem_init(&s.wake, 0, 0);
	assert_int_equal(pthread_create(&s.thread, NULL, sleeper_main, &s), 0);
	while (sem_wait(&s.ready))
		;
	pin(s.tid, cpus[1]);
	assert_int_equal(vdev_cpusource_add(b.r.source, 2, s.tid), 0);
	for (int i = 0; i < 20; i++) {
		atomic_store(&s.runs, 1);
		sem_post(&s.wake);
		expect_place(&b.r, 2, cpus[1], VDEV_CPUMAP_RUNNING);
		atomic_store(&s.runs, 0);
		expect_place(&b.r, 2, cpus[1], VDEV_CPUMAP_SLEEPING);
	}
	atomic_store(&s.stop, 1);
	sem_post(&s.wake);
	pthread_join(s.thread, NULL);
	expect_place(&b.r, 2, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN);
	sem_destroy(&s.ready);
	sem_destroy(&s.wake);
	bpf_end(&b);
}

/* Two that share a CPU: who waits for its turn does not sleep. */
static void waits_for_its_turn(void **state)
{
	struct vthread t[2] = {{.vcpu = 0}, {.vcpu = 1}};
	uint32_t cpus[2];
	struct bpf_rig b;

	(void)state;
	two_cpus(cpus);
	bpf_begin(&b, 0);
	for (uint32_t i = 0; i < 2; i++) {
		vthread_start(&t[i]);
		pin(t[i].tid, cpus[1]);
		assert_int_equal(vdev_cpusource_add(b.r.source, i, t[i].tid), 0);
		expect_place(&b.r, i, cpus[1], VDEV_CPUMAP_RUNNING);
	}
	for (int i = 0; i < 100; i++) {
		doze();
		assert_int_equal(rig_refresh(&b.r), 2);
		assert_int_equal(rig_place(&b.r, 0).state, VDEV_CPUMAP_RUNNING);
		assert_int_equal(rig_place(&b.r, 1).state, VDEV_CPUMAP_RUNNING);
	}
	vthread_end(&t[0]);
	vthread_end(&t[1]);
	bpf_end(&b);
}

static void ends(void **state)
{
	struct vthread t = {.vcpu = 5}, own = {.vcpu = 6};
	struct bpf_rig b;

	(void)state;
	bpf_begin(&b, 0);
	own.source = b.r.source; /* attaches itself */
	vthread_start(&t);
	vthread_start(&own);
	assert_int_equal(own.here, 0);
	assert_int_equal(vdev_cpusource_add(b.r.source, 5, t.tid), 0);
	assert_int_equal(rig_refresh(&b.r), 2);
	vthread_end(&own);
	assert_int_equal(rig_stats(&b.r).exits, 1);
	vthread_end(&t);
	expect_place(&b.r, 5, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN);
	assert_int_equal(rig_stats(&b.r).lost, 1);
	assert_int_equal(rig_stats(&b.r).attached, 0);
	assert_int_equal(vdev_cpusource_add(b.r.source, 5, t.tid), -ESRCH);
	bpf_end(&b);
}

/* Timers of a real-time thread are exact: a short nap may be over before it is switched away. */
static void made_by_a_real_time_thread(void **state)
{
	struct sched_param param = {.sched_priority = 10};
	struct bpf_rig b;

	(void)state;
	if (sched_setscheduler(0, SCHED_FIFO, &param)) {
		vt_skip("no real-time threads here");
	}
	for (int i = 0; i < 5; i++) {
		bpf_begin(&b, 0);
		bpf_end(&b);
	}
	param.sched_priority = 0;
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &param), 0);
}

static pid_t spinning_child(uint32_t cpu)
{
	pid_t parent = getpid(), child = fork();

	assert_true(child >= 0);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			;
		_exit(0);
	}
	pin(child, cpu);
	return child;
}

static void other_process(void **state)
{
	struct vthread mine = {.vcpu = 1};
	uint32_t cpus[2];
	struct bpf_rig b;
	pid_t child;

	(void)state;
	two_cpus(cpus);
	child = spinning_child(cpus[0]);
	bpf_begin(&b, child);
	vthread_start(&mine);
	assert_int_equal(vdev_cpusource_add(b.r.source, 1, mine.tid), -ESRCH);
	assert_int_equal(vdev_cpusource_add(b.r.source, 0, child), 0);
	for (uint32_t i = 0; i < 10; i++) {
		pin(child, cpus[i % 2]);
		expect_place(&b.r, 0, cpus[i % 2], VDEV_CPUMAP_RUNNING);
	}
	kill(child, SIGSTOP);
	expect_place(&b.r, 0, cpus[1], VDEV_CPUMAP_SLEEPING);
	kill(child, SIGCONT);
	expect_place(&b.r, 0, cpus[1], VDEV_CPUMAP_RUNNING);
	kill(child, SIGKILL);
	/* Also while nobody has waited for it. */
	expect_place(&b.r, 0, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN);
	assert_int_equal(vdev_cpusource_add(b.r.source, 0, child), -ESRCH);
	waitpid(child, NULL, 0);
	vthread_end(&mine);
	bpf_end(&b);
}

/* A thread may be that of several vCPUs; when one of them leaves, the others stay. */
static void several_of_one(void **state)
{
	struct vthread t = {.vcpu = 0};
	uint32_t cpus[2];
	struct bpf_rig b;

	(void)state;
	two_cpus(cpus);
	bpf_begin(&b, 0);
	vthread_start(&t);
	for (uint32_t v = 0; v < VCPUS; v++)
		assert_int_equal(vdev_cpusource_add(b.r.source, v, t.tid), 0);
	for (uint32_t v = 0; v < VCPUS - 1; v++) {
		pin(t.tid, cpus[v % 2]);
		expect_place(&b.r, v, cpus[v % 2], VDEV_CPUMAP_RUNNING);
		assert_int_equal(rig_place(&b.r, VCPUS - 1).cpu, cpus[v % 2]);
		assert_int_equal(vdev_cpusource_remove(b.r.source, v), 0);
	}
	vthread_end(&t);
	expect_place(&b.r, VCPUS - 1, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN);
	bpf_end(&b);
}

/* 1: the next thread has this number; only root may say so, and others may be faster. */
static int next_number(int tid)
{
	FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");

	if (!f)
		return 0;
	fprintf(f, "%d", tid - 1);
	return fclose(f) == 0;
}

static int same_number(struct vthread *t, int tid)
{
	for (int i = 0; i < 1000; i++) {
		doze(); /* who had it may not be quite gone */
		if (!next_number(tid))
			return 0;
		vthread_start(t);
		if (t->tid == tid)
			return 1;
		vthread_end(t);
	}
	return 0;
}

/* The number of a thread that ended goes to another, before anybody looked: that one is not the vCPU's. */
static void number_used_again(void **state)
{
	struct vthread old = {.vcpu = 3}, new = {.vcpu = 4};
	uint32_t cpus[2];
	struct bpf_rig b;

	(void)state;
	two_cpus(cpus);
	bpf_begin(&b, 0);
	vthread_start(&old);
	assert_int_equal(vdev_cpusource_add(b.r.source, 3, old.tid), 0);
	assert_int_equal(rig_refresh(&b.r), 1);
	vthread_end(&old);
	if (!same_number(&new, old.tid)) {
		bpf_end(&b);
		vt_skip("no thread of the same number here");
	}
	pin(new.tid, cpus[0]);
	doze(); /* it was switched to */
	assert_int_equal(vdev_cpusource_add(b.r.source, 4, new.tid), 0);
	assert_int_equal(rig_refresh(&b.r), 1);
	assert_int_equal(rig_stats(&b.r).lost, 1);
	assert_int_equal(rig_place(&b.r, 3).cpu, VDEV_CPUMAP_NOWHERE);
	for (uint32_t i = 0; i < 10; i++) {
		pin(new.tid, cpus[i % 2]);
		expect_place(&b.r, 4, cpus[i % 2], VDEV_CPUMAP_RUNNING);
	}
	vthread_end(&new);
	bpf_end(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_a_runner),
		cmocka_unit_test(first_place),
		cmocka_unit_test(runs_or_sleeps),
		cmocka_unit_test(waits_for_its_turn),
		cmocka_unit_test(ends),
		cmocka_unit_test(other_process),
		cmocka_unit_test(several_of_one),
		cmocka_unit_test(made_by_a_real_time_thread),
		cmocka_unit_test(number_used_again),
	};

	if (!bpf_usable())
		return 77;
	return cmocka_run_group_tests_name("bpfsource_follow", tests, NULL, NULL);
}
