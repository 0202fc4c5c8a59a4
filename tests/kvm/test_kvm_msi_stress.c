/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdev_kvm_signal() beside threads that program, mask, take away and bring devices. TSan sees no lock that is missing
 * where there is none, so what may not be is counted (and each moment of it by test_kvm_msi_steps.c): torn messages, interrupts that were lost, and interrupts of strangers.
 */
#include "vt_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <vdev/removal.h>

#include "linux/kvm/msi.h"
#include "test_kvm_msi_numbered.h"

#define DEV UINT64_C(1)
#define PROGRAMS_NS UINT64_C(300000000)
#define ROUNDS 20000u
#define LIVES_NS UINT64_C(500000000)
#define WORKERS 2u
#define LEAST 1000u /* signals: the threads have begun */

struct stress {
	struct vdev_kvm *kvm;
	atomic_uint stop, torn, lost, strangers, wrong;
	atomic_ullong delivered, signals;
	atomic_ullong now; /* handle that lives */
	atomic_uint begun, ended; /* rounds */
	struct vector vector;
	uint32_t slow;
};

/* Whose interrupt this thread signals; 0: does not matter. */
static __thread uint32_t mine;
static int deliver(void *user, int fd, unsigned long request, void *argument)
{
	struct stress *s = user;
	const struct kvm_msi *m = argument;

	(void)fd;
	if (request != KVM_SIGNAL_MSI)
		return 1;
	if (is_torn(m))
		atomic_fetch_add(&s->torn, 1);
	if (mine && m->address_lo != mine)
		atomic_fetch_add(&s->strangers, 1);
	atomic_fetch_add(&s->delivered, 1);
	return 1;
}

static void set(struct stress *s, uint64_t dev, uint32_t number, uint32_t flags)
{
	struct vdev_kvm_msi m = message(number, flags);

	if (vdev_kvm_set_msi(s->kvm, dev, 0, &m))
		atomic_fetch_add(&s->wrong, 1);
}

static int setup(void **state)
{
	static struct stress s;
	struct vdev_kvm_config config = {.struct_size = sizeof(config),
					 .vm_fd = 3,
					 .max_devices = 4,
					 .ioctl = deliver,
					 .user = &s};

	s = (struct stress){.slow = getenv("VDEV_TEST_SLOW") ? 20 : 1};
	*state = &s;
	return vdev_kvm_new(&s.kvm, NULL, &config);
}

static int teardown(void **state)
{
	struct stress *s = *state;

	vdev_kvm_free(s->kvm);
	return 0;
}

static void report(struct stress *s)
{
	print_message("signals %llu torn %u lost %u strangers %u\n",
		      (unsigned long long)atomic_load(&s->signals), atomic_load(&s->torn),
		      atomic_load(&s->lost), atomic_load(&s->strangers));
	assert_int_equal(atomic_load(&s->torn), 0);
	assert_int_equal(atomic_load(&s->lost), 0);
	assert_int_equal(atomic_load(&s->strangers), 0);
	assert_int_equal(atomic_load(&s->wrong), 0);
	assert_true(atomic_load(&s->signals) > 0);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *read_on(void *arg)
{
	struct stress *s = arg;
	struct vdev_kvm_msi m;

	while (!atomic_load(&s->stop)) {
		vdev__kvm_read_msi(&s->vector, &m);
		if (m.address != message((uint32_t)m.address, 0).address ||
		    m.data != data_for((uint32_t)m.address) || m.gsi != m.data)
			atomic_fetch_add(&s->torn, 1);
		atomic_fetch_add(&s->signals, 1);
	}
	return NULL;
}

/* The message before or after, never a mixture. Closer together than vdev_kvm_set_msi() can make them. */
static void never_torn(void **state)
{
	struct stress *s = *state;
	uint64_t until = now_ns() + PROGRAMS_NS;
	struct vdev_kvm_msi m = message(1, 0);
	pthread_t threads[2];
	uint32_t i;

	m.gsi = m.data;
	vdev__kvm_publish_msi(&s->vector, &m);
	pthread_create(&threads[0], NULL, read_on, s);
	pthread_create(&threads[1], NULL, read_on, s);
	for (i = 0; i % 1024 || now_ns() < until || atomic_load(&s->signals) < LEAST; i++) {
		m = message(i, 0);
		m.gsi = m.data;
		vdev__kvm_publish_msi(&s->vector, &m);
	}
	atomic_store(&s->stop, 1);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	report(s);
}

/* The other thread may have no CPU of its own. */
static void await(const atomic_uint *what, uint32_t value)
{
	uint32_t spins = 0;

	while (atomic_load(what) != value)
		if (++spins % 4096 == 0)
			sched_yield();
}

static void dawdle(uint32_t turns)
{
	while (turns--)
		__asm__ volatile("" ::: "memory");
}

static void *unmask_each(void *arg)
{
	struct stress *s = arg;
	uint32_t i;

	for (i = 1; i <= ROUNDS / s->slow; i++) {
		await(&s->begun, i);
		dawdle(i % 61 * 8);
		if (vdev_kvm_mask_msi(s->kvm, DEV, 0, 0) < 0)
			atomic_fetch_add(&s->wrong, 1);
		atomic_store(&s->ended, i);
	}
	return NULL;
}

/* An interrupt and the end of a mask at the same time: it comes once, by one or the other. */
static void never_lost(void **state)
{
	struct stress *s = *state;
	pthread_t thread;
	uint32_t i;

	set(s, DEV, 1, 0);
	pthread_create(&thread, NULL, unmask_each, s);
	for (i = 1; i <= ROUNDS / s->slow; i++) {
		uint64_t before = atomic_load(&s->delivered);

		set(s, DEV, i, VDEV_KVM_MSI_MASKED);
		atomic_store(&s->begun, i);
		dawdle(i % 509 * 16);
		if (vdev_kvm_signal(s->kvm, DEV, 0) < 0)
			atomic_fetch_add(&s->wrong, 1);
		await(&s->ended, i);
		atomic_fetch_add(&s->lost, atomic_load(&s->delivered) == before);
		atomic_fetch_add(&s->wrong, atomic_load(&s->delivered) > before + 1);
		atomic_fetch_add(&s->signals, 1);
	}
	pthread_join(thread, NULL);
	report(s);
}

/* Device workers that come late: their device may be gone, and its memory another's. */
static void *signal_who_lives(void *arg)
{
	struct stress *s = arg;
	uint64_t signals = 0;

	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		uint64_t dev = atomic_load_explicit(&s->now, memory_order_relaxed);

		mine = (uint32_t)dev;
		if (vdev_kvm_signal(s->kvm, dev, 0) < 0)
			atomic_fetch_add(&s->wrong, 1);
		signals++;
	}
	atomic_fetch_add(&s->signals, signals);
	return NULL;
}

static void perform(struct stress *s, uint32_t kind, uint64_t dev)
{
	struct vdev_action a = {.id = 1, .dev = dev, .kind = kind};

	if (vdev_kvm_perform(s->kvm, &a))
		atomic_fetch_add(&s->wrong, 1);
}

static void never_a_stranger(void **state)
{
	struct stress *s = *state;
	uint64_t until = now_ns() + LIVES_NS, dev;
	pthread_t threads[WORKERS];
	uint32_t i;

	set(s, 1, 1, 0);
	atomic_store(&s->now, 1);
	for (i = 0; i < WORKERS; i++)
		pthread_create(&threads[i], NULL, signal_who_lives, s);
	for (dev = 2; now_ns() < until; dev++) {
		perform(s, VDEV_REMOVAL_HIDE, dev - 1);
		if (!(dev & 1))
			perform(s, VDEV_REMOVAL_DETACH_EVENTS, dev - 1);
		perform(s, VDEV_REMOVAL_RELEASE, dev - 1);
		set(s, dev, (uint32_t)dev, 0);
		atomic_store(&s->now, dev);
	}
	atomic_store(&s->stop, 1);
	for (i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	report(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(never_torn),
		T(never_lost),
		T(never_a_stranger),
	};

	return cmocka_run_group_tests_name("kvm_msi_stress", tests, NULL, NULL);
}
