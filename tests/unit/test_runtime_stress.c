/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The runtime from many threads. vCPU threads report acknowledgements and dispatch, an event loop
 * dispatches whatever the fd says, a worker completes what goes on in the background, sometimes
 * before perform() has returned. There are two backends. Counted as wrong: a vCPU that goes on while
 * a function of its slot is not hidden (R8), a deed out of order or twice, a backend that is offered an
 * action which the one before still works on, a hook that did not run exactly once.
 */
#include "vt_test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <vdev/removal.h>
#include <vdev/runtime.h>

#define VCPUS 3u
#define ROUNDS 150u
#define FUNCTIONS 2u
#define QUEUE 64u

/* A function of a slot; its user_data. */
struct function {
	struct stress *s;
	atomic_uint hidden, hooks, released;
	atomic_uint last; /* kind of the latest deed */
	atomic_uint at_work; /* backends */
	atomic_uint second; /* kind of the second backend's latest deed */
};

/* What one backend does in the background. */
struct part {
	struct function *f;
	uint64_t id;
	uint32_t is_last;
};

struct stress {
	struct vdev_runtime *rt;
	struct vdev_removal *removal;
	atomic_uint wrong;
	atomic_uint removed;
	atomic_uint stop;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct part queue[QUEUE]; /* to complete; with `lock` */
	uint32_t queued;
};

static void wrong(struct stress *s, int is_wrong)
{
	if (is_wrong)
		atomic_fetch_add(&s->wrong, 1);
}

static void push(struct stress *s, struct part part)
{
	pthread_mutex_lock(&s->lock);
	wrong(s, s->queued == QUEUE);
	s->queue[s->queued++ % QUEUE] = part;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}

static void *complete_all(void *arg)
{
	struct stress *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!atomic_load(&s->stop) || s->queued) {
		if (!s->queued) {
			pthread_cond_wait(&s->more, &s->lock);
			continue;
		}
		struct part part = s->queue[--s->queued];

		pthread_mutex_unlock(&s->lock);
		atomic_fetch_sub(&part.f->at_work, 1);
		wrong(s, vdev_runtime_complete(s->rt, part.id, 0));
		/* Until the last one a second completion could be the next backend's. */
		if (part.is_last)
			wrong(s, vdev_runtime_complete(s->rt, part.id, 0) != -ENOENT);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* The deeds come one after the other, so plain order is what must be seen. */
static void in_order(struct function *f, uint32_t kind)
{
	uint32_t before = atomic_exchange(&f->last, kind);

	wrong(f->s, before >= kind);
	if (kind == VDEV_REMOVAL_HIDE)
		return;
	wrong(f->s, !atomic_load(&f->hidden));
	wrong(f->s, atomic_load(&f->hooks) != 1);
}

static int later(struct function *f, const struct vdev_action *a, uint32_t is_last)
{
	wrong(f->s, atomic_fetch_add(&f->at_work, 1) != 0);
	push(f->s, (struct part){f, a->id, is_last});
	if (a->id & 1)
		sched_yield();
	return VDEV_BACKEND_LATER;
}

/* Follows the first one in each deed, after that one has ended its part. */
static int perform_second(void *backend, const struct vdev_action *a)
{
	struct function *f = (struct function *)(uintptr_t)a->user_data;

	(void)backend;
	if (a->kind < VDEV_REMOVAL_HIDE || a->kind >= VDEV_REMOVAL_RELEASE)
		return -EOPNOTSUPP;
	wrong(f->s, atomic_load(&f->last) != a->kind || atomic_load(&f->at_work));
	wrong(f->s, atomic_exchange(&f->second, a->kind) >= a->kind);
	return a->kind == VDEV_REMOVAL_RESET || a->kind == VDEV_REMOVAL_IRQ_OFF ? later(f, a, 1)
										: 0;
}

static int perform(void *backend, const struct vdev_action *a)
{
	struct function *f = (struct function *)(uintptr_t)a->user_data;

	(void)backend;
	if (a->kind < VDEV_REMOVAL_HIDE || a->kind > VDEV_REMOVAL_RELEASE)
		return 0;
	in_order(f, a->kind);
	switch (a->kind) {
	case VDEV_REMOVAL_HIDE:
		usleep(200); /* long enough for the others to come by */
		atomic_store(&f->hidden, 1);
		return 0;
	case VDEV_REMOVAL_DRAIN:
	case VDEV_REMOVAL_RESET:
		return later(f, a, 0);
	case VDEV_REMOVAL_RELEASE:
		atomic_store(&f->released, 1);
		return 0;
	default:
		return 0;
	}
}

static int on_hook(void *user, uint64_t dev, uint64_t user_data)
{
	struct function *f = (struct function *)(uintptr_t)user_data;

	(void)user, (void)dev;
	wrong(f->s, !atomic_load(&f->hidden));
	atomic_fetch_add(&f->hooks, 1);
	return 0;
}

static uint64_t add(struct stress *s, uint64_t parent, uint32_t unit_class, uint32_t number,
		    struct function *f)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = unit_class,
				      .transport = VDEV_REMOVAL_ACPI,
				      .parent = parent,
				      .function = number,
				      .user_data = (uint64_t)(uintptr_t)f};
	uint64_t unit = 0;

	wrong(s, vdev_removal_add(s->removal, vdev_runtime_now(s->rt), &u, &unit) < 0);
	return unit;
}

/* A slot with functions is asked for; returns when the guest may answer. */
static void ask(struct stress *s, struct function *f, uint64_t *ret_slot, uint64_t *functions)
{
	struct vdev_removal_info info = {.step = 0};
	uint32_t i;

	vdev_runtime_lock(s->rt);
	*ret_slot = add(s, 0, VDEV_REMOVAL_PCI_SLOT, 0, NULL);
	for (i = 0; i < FUNCTIONS; i++)
		functions[i] = add(s, *ret_slot, VDEV_REMOVAL_PCI_FUNCTION, i, &f[i]);
	wrong(s, vdev_removal_request(s->removal, vdev_runtime_now(s->rt), functions[0], NULL) < 0);
	vdev_runtime_unlock(s->rt);
	vdev_runtime_wake(s->rt);
	while (info.step != VDEV_REMOVAL_AWAIT_ACK) {
		wrong(s, vdev_runtime_dispatch(s->rt) < 0);
		vdev_runtime_lock(s->rt);
		wrong(s, vdev_removal_get(s->removal, *ret_slot, &info, sizeof(info)));
		vdev_runtime_unlock(s->rt);
	}
}

static void one_removal(struct stress *s, struct function *f)
{
	uint64_t slot, functions[FUNCTIONS];
	uint32_t i;

	ask(s, f, &slot, functions);
	vdev_runtime_lock(s->rt);
	wrong(s, vdev_removal_ack(s->removal, vdev_runtime_now(s->rt), slot) < 0);
	vdev_runtime_unlock(s->rt);
	vdev_runtime_wake(s->rt); /* the event loop tries to be the one who hides */
	sched_yield();
	wrong(s, vdev_runtime_dispatch(s->rt) < 0);
	/* The guest goes on from here. */
	for (i = 0; i < FUNCTIONS; i++)
		wrong(s, !atomic_load(&f[i].hidden));
	while (vdev_removal_level(s->removal, functions[0]) != -ENOENT ||
	       vdev_removal_level(s->removal, functions[1]) != -ENOENT)
		usleep(50);
	for (i = 0; i < FUNCTIONS; i++)
		wrong(s, !atomic_load(&f[i].released) || atomic_load(&f[i].hooks) != 1);
	atomic_fetch_add(&s->removed, 1);
}

static void *vcpu(void *arg)
{
	struct stress *s = arg;
	uint32_t i, n;

	for (i = 0; i < ROUNDS; i++) {
		struct function f[FUNCTIONS];

		for (n = 0; n < FUNCTIONS; n++) {
			f[n].s = s;
			atomic_init(&f[n].hidden, 0);
			atomic_init(&f[n].hooks, 0);
			atomic_init(&f[n].released, 0);
			atomic_init(&f[n].last, 0);
			atomic_init(&f[n].at_work, 0);
			atomic_init(&f[n].second, 0);
		}
		one_removal(s, f);
	}
	return NULL;
}

static void *event_loop(void *arg)
{
	struct stress *s = arg;
	struct pollfd p = {.fd = vdev_runtime_fd(s->rt), .events = POLLIN};

	while (!atomic_load(&s->stop)) {
		poll(&p, 1, 10);
		if (p.revents)
			wrong(s, vdev_runtime_dispatch(s->rt) < 0);
	}
	return NULL;
}

static void new_stress(struct stress *s)
{
	const struct vdev_runtime_config config = {
		.struct_size = sizeof(config), .max_backends = 2, .max_later = 16};
	const struct vdev_removal_config removal = {.struct_size = sizeof(removal),
						    .max_units = 1024};
	static const struct vdev_backend_ops ops = {
		.struct_size = sizeof(ops), .name = "stress", .perform = perform};
	static const struct vdev_backend_ops second = {
		.struct_size = sizeof(second), .name = "second", .perform = perform_second};

	assert_int_equal(vdev_runtime_new(&s->rt, NULL, &config), 0);
	assert_int_equal(vdev_removal_new(&s->removal, NULL, &removal), 0);
	assert_int_equal(vdev_runtime_set_removal(s->rt, s->removal), 0);
	assert_int_equal(vdev_runtime_add_backend(s->rt, &ops, s), 0);
	assert_int_equal(vdev_runtime_add_backend(s->rt, &second, s), 0);
	assert_int_equal(vdev_runtime_set_hook(s->rt, VDEV_RUNTIME_ZEROCOPY, on_hook, s), 0);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
}

static void many_threads(void **state)
{
	struct stress s = {.queued = 0};
	pthread_t threads[VCPUS + 2];
	struct vdev_runtime_stats stats;
	uint32_t i;

	(void)state;
	new_stress(&s);
	for (i = 0; i < VCPUS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, vcpu, &s), 0);
	assert_int_equal(pthread_create(&threads[VCPUS], NULL, event_loop, &s), 0);
	assert_int_equal(pthread_create(&threads[VCPUS + 1], NULL, complete_all, &s), 0);
	for (i = 0; i < VCPUS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&s.stop, 1);
	pthread_mutex_lock(&s.lock);
	pthread_cond_signal(&s.more);
	pthread_mutex_unlock(&s.lock);
	pthread_join(threads[VCPUS], NULL);
	pthread_join(threads[VCPUS + 1], NULL);
	print_message("removals %u wrong %u\n", atomic_load(&s.removed), atomic_load(&s.wrong));
	assert_int_equal(atomic_load(&s.wrong), 0);
	assert_int_equal(atomic_load(&s.removed), VCPUS * ROUNDS);
	assert_int_equal(vdev_runtime_stats(s.rt, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.later, 0);
	assert_int_equal(stats.failed, 0);
	assert_int_equal(stats.unclaimed, 0);
	vdev_runtime_free(s.rt);
	vdev_removal_free(s.removal);
	pthread_cond_destroy(&s.more);
	pthread_mutex_destroy(&s.lock);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads),
	};

	return cmocka_run_group_tests_name("runtime_stress", tests, NULL, NULL);
}
