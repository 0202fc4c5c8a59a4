/* SPDX-License-Identifier: BSD-3-Clause */
/* Kicks on a real /dev/kvm: a vCPU that spins or sleeps leaves KVM_RUN, none is missed. */
#include "test_kvm_backend_rig.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#define KICKS 200

static const uint8_t spin[] = {0xeb, 0xfe}; /* jmp $ */
static const uint8_t sleep_on[] = {0xfa, 0xf4}; /* cli; hlt */

struct vcpu_thread {
	struct rig *r;
	pthread_t thread;
	atomic_int tid;
	atomic_int left; /* times that it left KVM_RUN because of a kick */
	atomic_int stop;
	atomic_int other; /* exits for another reason */
};

static void ignore(int signal_number)
{
	(void)signal_number;
}

static void *vcpu_main(void *arg)
{
	struct vcpu_thread *t = arg;

	atomic_store(&t->tid, (int)syscall(SYS_gettid));
	while (!atomic_load(&t->stop)) {
		if (ioctl(t->r->vcpu, KVM_RUN, 0) < 0 && errno == EINTR) {
			__atomic_store_n(&t->r->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
			atomic_fetch_add(&t->left, 1);
		} else {
			atomic_fetch_add(&t->other, 1);
		}
	}
	return NULL;
}

static void start(struct vcpu_thread *t, struct rig *r, const void *code, size_t size)
{
	struct sigaction action = {.sa_handler = ignore};

	*t = (struct vcpu_thread){.r = r};
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	rig_load(r, code, size);
	assert_int_equal(pthread_create(&t->thread, NULL, vcpu_main, t), 0);
	while (!atomic_load(&t->tid))
		usleep(100);
	assert_int_equal(vdev_kvm_set_vcpu(r->kvm, 0, atomic_load(&t->tid), r->run), 0);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* 1: it left within 10 s. */
static int wait_left(struct vcpu_thread *t, int before)
{
	uint64_t end = now_ns() + 10000000000u;

	while (atomic_load(&t->left) == before && now_ns() < end)
		usleep(10);
	return atomic_load(&t->left) > before;
}

/* Its thread has ended: told, not counted. The kernel forgets a thread a moment after the join. */
static void kick_ended_thread(struct rig *r, int kicks)
{
	struct vdev_kvm_stats s;
	int ret, tries = 0;

	for (;;) {
		ret = vdev_kvm_kick(r->kvm, 0);
		if (ret != 1 || ++tries == 1000)
			break;
		kicks++;
		usleep(1000);
	}
	assert_int_equal(ret, -ENOENT);
	assert_non_null(strstr(r->v.log, "tgkill (vcpu 0, thread"));
	assert_int_equal(vdev_kvm_set_vcpu(r->kvm, 0, 0, NULL), 0);
	assert_int_equal(vdev_kvm_kick(r->kvm, UINT32_MAX), 0);
	assert_int_equal(vdev_kvm_stats(r->kvm, &s, sizeof(s)), 0);
	assert_int_equal(s.kicks, kicks);
}

static void kick_many(struct rig *r, const void *code, size_t size)
{
	struct vcpu_thread t;
	uint64_t begin, total = 0;
	int i, kicks = 0;

	start(&t, r, code, size);
	for (i = 0; i < KICKS; i++) {
		int before = atomic_load(&t.left);

		begin = now_ns();
		assert_int_equal(vdev_kvm_kick(r->kvm, i & 1 ? 0 : UINT32_MAX), 1);
		assert_true(wait_left(&t, before));
		total += now_ns() - begin;
		kicks++;
	}
	print_message("kick to exit, with the poll that sees it: %llu us\n",
		      (unsigned long long)(total / KICKS / 1000));
	atomic_store(&t.stop, 1);
	/* It may have seen that already, when the signal of an earlier kick came late. */
	kicks += vdev_kvm_kick(r->kvm, 0) == 1;
	pthread_join(t.thread, NULL);
	assert_int_equal(atomic_load(&t.other), 0);
	kick_ended_thread(r, kicks);
}

static void spinning_vcpu(void **state)
{
	kick_many(*state, spin, sizeof(spin));
}

/* It never returns by itself: its interrupts are off and the chip is in the kernel. */
static void sleeping_vcpu(void **state)
{
	kick_many(*state, sleep_on, sizeof(sleep_on));
}

/* A kick between two KVM_RUNs is not lost: the next one returns at once. */
static void kick_before_run(void **state)
{
	struct sigaction action = {.sa_handler = ignore};
	struct rig *r = *state;

	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	rig_load(r, spin, sizeof(spin));
	assert_int_equal(vdev_kvm_set_vcpu(r->kvm, 9, (int32_t)syscall(SYS_gettid), r->run), 0);
	assert_int_equal(vdev_kvm_kick(r->kvm, 0), -ENOENT);
	assert_int_equal(vdev_kvm_kick(r->kvm, 9), 1);
	assert_int_equal(ioctl(r->vcpu, KVM_RUN, 0), -1);
	assert_int_equal(errno, EINTR);
	assert_int_equal(r->run->immediate_exit, 1);
	r->run->immediate_exit = 0;
	assert_int_equal(vdev_kvm_set_vcpu(r->kvm, 9, 0, NULL), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(spinning_vcpu),
		T(sleeping_vcpu),
		T(kick_before_run),
	};

	if (rig_missing())
		return 77;
	return cmocka_run_group_tests_name("kvm_backend_kick", tests, NULL, NULL);
}
