/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The KVM backend from many threads. TSan sees the locks; what it cannot see, a gate that answers
 * wrongly for a moment while other devices come and go, is counted here.
 */
#include "vt_test.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include <vdev/kvm.h>
#include <vdev/removal.h>

#define DEVICES 64u
#define OPEN 54u /* handles 1..54 stay open: many collisions */
#define HIDDEN 60u /* 55..60 stay hidden */
#define ROUNDS 40000u
#define LOOKS 200

struct stress {
	struct vdev_kvm *kvm;
	atomic_uint wrong;
	atomic_uint looks;
	atomic_uint stop;
	atomic_uint ioctls;
	atomic_uint block; /* ioctls wait for `go` */
	sem_t inside, go;
};

struct worker {
	struct stress *s;
	uint64_t base; /* of its handles */
};

static int count_ioctl(void *user, int fd, unsigned long request, void *argument)
{
	struct stress *s = user;

	(void)fd, (void)request, (void)argument;
	atomic_fetch_add(&s->ioctls, 1);
	if (atomic_load(&s->block)) {
		sem_post(&s->inside);
		sem_wait(&s->go);
	}
	return 0;
}

static int perform(struct stress *s, uint32_t kind, uint64_t dev)
{
	struct vdev_action a = {.id = 1, .dev = dev, .kind = kind};

	return vdev_kvm_perform(s->kvm, &a);
}

static int add(struct stress *s, uint64_t dev, uint32_t gsi)
{
	struct vdev_kvm_irqfd r = {
		.struct_size = sizeof(r), .fd = 9, .gsi = gsi, .resample_fd = -1};

	return vdev_kvm_add_irqfd(s->kvm, dev, &r);
}

static int setup(void **state)
{
	static struct stress s;
	struct vdev_kvm_config config = {.struct_size = sizeof(config),
					 .vm_fd = 3,
					 .max_devices = DEVICES,
					 .ioctl = count_ioctl,
					 .user = &s};

	s = (struct stress){.kvm = NULL};
	*state = &s;
	sem_init(&s.inside, 0, 0);
	sem_init(&s.go, 0, 0);
	return vdev_kvm_new(&s.kvm, NULL, &config);
}

static int teardown(void **state)
{
	struct stress *s = *state;

	vdev_kvm_free(s->kvm);
	sem_destroy(&s->inside);
	sem_destroy(&s->go);
	return 0;
}

static void expect(struct stress *s, uint64_t dev, int gated)
{
	if (vdev_kvm_gated(s->kvm, dev) != gated)
		atomic_fetch_add(&s->wrong, 1);
}

/* Device workers of devices that nobody touches: the answer must never flicker. */
static void *look(void *arg)
{
	struct stress *s = arg;
	uint64_t dev;

	while (!atomic_load(&s->stop)) {
		for (dev = 1; dev <= HIDDEN; dev++)
			expect(s, dev, dev > OPEN);
		atomic_fetch_add(&s->looks, 1);
	}
	return NULL;
}

/* A life of a device, with the answers that its own thread must get. */
static void live(struct stress *s, uint64_t dev)
{
	int failed = 0, i;

	expect(s, dev, 1);
	failed |= add(s, dev, 1);
	/* Long enough that others come and go meanwhile, some of them nearer to its home slot. */
	for (i = 0; i < LOOKS; i++)
		expect(s, dev, 0);
	failed |= perform(s, VDEV_REMOVAL_HIDE, dev);
	expect(s, dev, 1);
	if (dev & 1) {
		failed |= vdev_kvm_rename(s->kvm, dev, dev + (1u << 24));
		expect(s, dev, 1);
		dev += 1u << 24;
		expect(s, dev, 0);
		failed |= perform(s, VDEV_REMOVAL_HIDE, dev);
	}
	failed |= perform(s, VDEV_REMOVAL_TEARDOWN, dev);
	failed |= perform(s, VDEV_REMOVAL_RELEASE, dev);
	expect(s, dev, 1);
	if (failed)
		atomic_fetch_add(&s->wrong, 1);
}

static void *churn(void *arg)
{
	struct worker *w = arg;
	uint64_t i;

	for (i = 0; i < ROUNDS; i++)
		live(w->s, w->base + (i << 26) + i % 16);
	return NULL;
}

static void gates_do_not_flicker(void **state)
{
	struct stress *s = *state;
	struct worker a = {s, 100}, b = {s, 200};
	pthread_t readers[2], writers[2];
	struct vdev_kvm_stats stats;
	uint64_t dev;

	for (dev = 1; dev <= HIDDEN; dev++)
		assert_int_equal(add(s, dev, 1), 0);
	for (dev = OPEN + 1; dev <= HIDDEN; dev++)
		assert_int_equal(perform(s, VDEV_REMOVAL_HIDE, dev), 0);
	pthread_create(&readers[0], NULL, look, s);
	pthread_create(&readers[1], NULL, look, s);
	pthread_create(&writers[0], NULL, churn, &a);
	pthread_create(&writers[1], NULL, churn, &b);
	pthread_join(writers[0], NULL);
	pthread_join(writers[1], NULL);
	atomic_store(&s->stop, 1);
	pthread_join(readers[0], NULL);
	pthread_join(readers[1], NULL);
	print_message("lookups %llu missed %u, beside %u lives\n",
		      (unsigned long long)atomic_load(&s->looks) * HIDDEN, atomic_load(&s->wrong),
		      2 * ROUNDS);
	assert_int_equal(atomic_load(&s->wrong), 0);
	assert_true(atomic_load(&s->looks) > 0);
	assert_int_equal(atomic_load(&s->ioctls), 2 * ROUNDS);
	assert_int_equal(vdev_kvm_stats(s->kvm, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.devices, HIDDEN);
	assert_int_equal(stats.irqfds, HIDDEN);
	assert_int_equal(stats.detached, 2 * ROUNDS);
}

static void *take_apart(void *arg)
{
	struct worker *w = arg;

	if (perform(w->s, VDEV_REMOVAL_TEARDOWN, w->base))
		atomic_fetch_add(&w->s->wrong, 1);
	return NULL;
}

/* An ioctl may take many milliseconds; HIDE and the gate of any device wait for none. */
static void hide_waits_for_no_ioctl(void **state)
{
	struct stress *s = *state;
	struct worker w = {s, 1};
	pthread_t thread;

	assert_int_equal(add(s, 1, 1), 0);
	assert_int_equal(add(s, 2, 2), 0);
	atomic_store(&s->block, 1);
	pthread_create(&thread, NULL, take_apart, &w);
	sem_wait(&s->inside);
	/* The other thread sits in its ioctl until `go`: if one of these waited, nobody would post. */
	assert_int_equal(perform(s, VDEV_REMOVAL_HIDE, 1), 0);
	assert_int_equal(perform(s, VDEV_REMOVAL_HIDE, 2), 0);
	assert_int_equal(vdev_kvm_gated(s->kvm, 1), 1);
	assert_int_equal(vdev_kvm_gated(s->kvm, 2), 1);
	assert_int_equal(add(s, 3, 3), 0);
	atomic_store(&s->block, 0);
	assert_int_equal(perform(s, VDEV_REMOVAL_TEARDOWN, 2), 0);
	sem_post(&s->go);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&s->wrong), 0);
	assert_int_equal(atomic_load(&s->ioctls), 2);
}

static void *release(void *arg)
{
	struct worker *w = arg;

	if (perform(w->s, VDEV_REMOVAL_RELEASE, w->base))
		atomic_fetch_add(&w->s->wrong, 1);
	atomic_store(&w->s->stop, 1);
	return NULL;
}

/* Who needs a device that is being worked on waits, and finds it gone or not. */
static void others_wait_for_a_busy_device(void **state)
{
	struct stress *s = *state;
	struct worker w = {s, 1};
	struct vdev_kvm_stats stats;
	pthread_t threads[3];

	assert_int_equal(add(s, 1, 1), 0);
	assert_int_equal(add(s, 1, 2), 0);
	atomic_store(&s->block, 1);
	pthread_create(&threads[0], NULL, take_apart, &w);
	sem_wait(&s->inside);
	pthread_create(&threads[1], NULL, release, &w);
	pthread_create(&threads[2], NULL, take_apart, &w);
	usleep(50000);
	assert_int_equal(atomic_load(&s->stop), 0);
	assert_int_equal(atomic_load(&s->ioctls), 1);
	assert_int_equal(vdev_kvm_stats(s->kvm, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.irqfds, 2);
	atomic_store(&s->block, 0);
	sem_post(&s->go);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	pthread_join(threads[2], NULL);
	assert_int_equal(atomic_load(&s->wrong), 0);
	assert_int_equal(vdev_kvm_stats(s->kvm, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.devices, 0);
	assert_int_equal(stats.irqfds, 0);
	assert_int_equal(stats.detached, 2);
	assert_int_equal(atomic_load(&s->ioctls), 2);
}

/* Two threads at one device: each resource is detached once, and both return when it is. */
static void same_device_twice(void **state)
{
	struct stress *s = *state;
	struct worker w = {s, 1};
	pthread_t threads[2];
	uint32_t round, gsi;

	for (round = 1; round <= 500; round++) {
		for (gsi = 0; gsi < 8; gsi++)
			assert_int_equal(add(s, 1, gsi), 0);
		pthread_create(&threads[0], NULL, take_apart, &w);
		pthread_create(&threads[1], NULL, take_apart, &w);
		assert_int_equal(perform(s, VDEV_REMOVAL_RELEASE, 2), 0);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
		assert_int_equal(perform(s, VDEV_REMOVAL_RELEASE, 1), 0);
		assert_int_equal(atomic_load(&s->ioctls), 8 * round);
	}
	assert_int_equal(atomic_load(&s->wrong), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(gates_do_not_flicker),
		T(hide_waits_for_no_ioctl),
		T(others_wait_for_a_busy_device),
		T(same_device_twice),
	};

	return cmocka_run_group_tests_name("kvm_backend_stress", tests, NULL, NULL);
}
