/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vCPU thread that reported an acknowledgement and dispatched goes on only when the device is
 * hidden (R8), although another thread is at work; for deeds that have nothing to do with it, it
 * does not wait.
 */
#include "test_runtime_rig.h"

#include <pthread.h>
#include <semaphore.h>

struct waiting {
	struct rig *rig;
	sem_t inside, go;
	atomic_int hidden;
	atomic_int returned; /* the vCPU's dispatch */
	atomic_int hidden_then; /* what it found */
};

/* The deed under test, in the other thread: sits there until `go`. */
static int sit(struct part *p, const struct vdev_action *a)
{
	struct waiting *w = p->rig->extra;

	(void)a;
	p->deed = NULL;
	sem_post(&w->inside);
	sem_wait(&w->go);
	return 0;
}

static int hide(struct part *p, const struct vdev_action *a)
{
	struct waiting *w = p->rig->extra;

	(void)a;
	atomic_store(&w->hidden, 1);
	return 0;
}

static int sit_and_hide(struct part *p, const struct vdev_action *a)
{
	return sit(p, a) | hide(p, a);
}

static void start(struct waiting *w, void **state, uint32_t kind)
{
	*w = (struct waiting){.rig = *state};
	sem_init(&w->inside, 0, 0);
	sem_init(&w->go, 0, 0);
	w->rig->extra = w;
	rig_backend(w->rig, 1, 0);
	w->rig->parts[0].kind = kind;
	w->rig->parts[0].deed = kind == VDEV_REMOVAL_HIDE ? sit_and_hide : sit;
	if (kind != VDEV_REMOVAL_HIDE) {
		w->rig->parts[1].kind = VDEV_REMOVAL_HIDE;
		w->rig->parts[1].deed = hide;
	}
}

static void *dispatch(void *arg)
{
	struct waiting *w = arg;

	return (void *)(intptr_t)vdev_runtime_dispatch(w->rig->rt);
}

static void *vcpu(void *arg)
{
	struct waiting *w = arg;
	int ret = vdev_runtime_dispatch(w->rig->rt);

	atomic_store(&w->hidden_then, atomic_load(&w->hidden));
	atomic_store(&w->returned, 1);
	return (void *)(intptr_t)ret;
}

static void acknowledge(struct rig *r, uint64_t unit)
{
	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_true(vdev_removal_ack(r->removal, vdev_runtime_now(r->rt), unit) >= 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
}

/* While another thread sits in the deed `kind`, the guest acknowledges. */
static void acknowledged_during(void **state, uint32_t kind)
{
	struct rig *r = *state;
	uint64_t unit = rig_add_below(r, 0, VDEV_REMOVAL_PCI_FUNCTION, 0);
	pthread_t other, guest;
	struct waiting w;

	start(&w, state, kind);
	rig_request(r, unit, kind == VDEV_REMOVAL_HIDE ? VDEV_REMOVAL_FORCE : 0);
	assert_int_equal(pthread_create(&other, NULL, dispatch, &w), 0);
	sem_wait(&w.inside);
	if (kind != VDEV_REMOVAL_HIDE)
		acknowledge(r, unit);
	assert_int_equal(pthread_create(&guest, NULL, vcpu, &w), 0);
	usleep(30000);
	assert_int_equal(atomic_load(&w.returned), 0);
	assert_int_equal(atomic_load(&w.hidden), 0);
	sem_post(&w.go);
	pthread_join(guest, NULL);
	pthread_join(other, NULL);
	assert_int_equal(atomic_load(&w.hidden_then), 1);
	vdev_runtime_dispatch(r->rt);
	assert_true(rig_gone(r, unit));
	sem_destroy(&w.inside);
	sem_destroy(&w.go);
}

static void during_hide(void **state)
{
	acknowledged_during(state, VDEV_REMOVAL_HIDE);
}

/*
 * HIDE goes on with its second backend in another thread. (What is in the background is not waited
 * for; once it goes on it is.)
 */
static void during_the_second_half_of_hide(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);
	pthread_t other, guest;
	struct waiting w;

	start(&w, state, VDEV_REMOVAL_HIDE);
	r->parts[1] = r->parts[0];
	r->parts[1].number = 1;
	r->parts[0].deed = NULL;
	r->parts[0].answer = VDEV_BACKEND_LATER;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 1);
	assert_int_equal(vdev_runtime_complete(r->rt, rig_find(r, VDEV_REMOVAL_HIDE)->action.id, 0),
			 0);
	assert_int_equal(pthread_create(&other, NULL, dispatch, &w), 0);
	sem_wait(&w.inside);
	assert_int_equal(pthread_create(&guest, NULL, vcpu, &w), 0);
	usleep(30000);
	assert_int_equal(atomic_load(&w.returned), 0);
	sem_post(&w.go);
	pthread_join(guest, NULL);
	pthread_join(other, NULL);
	assert_int_equal(atomic_load(&w.hidden_then), 1);
	assert_true(rig_gone(r, unit));
	sem_destroy(&w.inside);
	sem_destroy(&w.go);
}

/* The guest was quicker than the thread that warned it. */
static void during_warn(void **state)
{
	acknowledged_during(state, VDEV_REMOVAL_WARN);
}

/* Management is being told that the guest has been asked. */
static void during_outcome(void **state)
{
	acknowledged_during(state, VDEV_REMOVAL_OUTCOME);
}

/* Another device's teardown may take long, and may even wait for this vCPU. */
static void not_during_drain(void **state)
{
	struct rig *r = *state;
	uint64_t slow = rig_add(r), unit = rig_add_below(r, 0, VDEV_REMOVAL_PCI_FUNCTION, 0);
	pthread_t other;
	struct waiting w;

	rig_request(r, unit, 0);
	vdev_runtime_dispatch(r->rt); /* warned */
	start(&w, state, VDEV_REMOVAL_DRAIN);
	rig_request(r, slow, 0);
	assert_int_equal(pthread_create(&other, NULL, dispatch, &w), 0);
	sem_wait(&w.inside);
	atomic_store(&w.hidden, 0);
	acknowledge(r, unit);
	assert_true(vdev_runtime_dispatch(r->rt) > 0);
	assert_int_equal(atomic_load(&w.hidden), 1);
	assert_true(rig_gone(r, unit));
	assert_false(rig_gone(r, slow));
	sem_post(&w.go);
	pthread_join(other, NULL);
	assert_true(rig_gone(r, slow));
	sem_destroy(&w.inside);
	sem_destroy(&w.go);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(during_hide),      T(during_the_second_half_of_hide),
		T(during_warn),      T(during_outcome),
		T(not_during_drain),
	};

	return cmocka_run_group_tests_name("runtime_wait", tests, NULL, NULL);
}
