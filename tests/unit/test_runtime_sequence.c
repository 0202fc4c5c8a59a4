/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An action goes through the backends in sequence: the next one is offered it when the one before has
 * ended its part, however that part ended. With COARSE sets this is what keeps irqfds and DMA in
 * place until the VMM's own drain is over.
 */
#include "test_runtime_rig.h"

#include <pthread.h>

/* Three backends with something to say about `kind`; the unit's removal has been asked for. */
static uint64_t three(struct rig *r, uint32_t kind)
{
	uint64_t unit = rig_add(r);
	uint32_t i;

	rig_backend(r, 1, 0);
	rig_backend(r, 2, 0);
	for (i = 0; i < 3; i++)
		r->parts[i].kind = kind;
	rig_request(r, unit, 0);
	return unit;
}

/* How many backends have been offered `kind`; they must have been so in order and once each. */
static uint32_t offered(struct rig *r, uint32_t kind)
{
	uint32_t i, seen = 0;

	for (i = 0; i < atomic_load(&r->count); i++) {
		if (r->notes[i].kind != kind)
			continue;
		assert_int_equal(r->notes[i].who, seen);
		seen++;
	}
	return seen;
}

static int64_t outcome_status(struct rig *r)
{
	return (int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2];
}

static uint64_t id_of(struct rig *r, uint32_t kind)
{
	return rig_find(r, kind)->action.id;
}

/* Only a dispatch offers it to the next one: complete() performs nothing in its caller's thread. */
static void each_waits_for_the_one_before(void **state)
{
	struct rig *r = *state;
	uint64_t unit = three(r, VDEV_REMOVAL_DRAIN), id;
	uint32_t i;

	for (i = 0; i < 3; i++)
		r->parts[i].answer = VDEV_BACKEND_LATER;
	assert_int_equal(vdev_runtime_dispatch(r->rt), 2);
	id = id_of(r, VDEV_REMOVAL_DRAIN);
	for (i = 1; i <= 3; i++) {
		assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), i);
		assert_int_equal(rig_stats(r).later, 1);
		assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
		assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), i);
		assert_int_equal(rig_readable(r, 0), 0);
		assert_int_equal(vdev_runtime_complete(r->rt, id, 0), 0);
		assert_int_equal(vdev_runtime_complete(r->rt, id, 0), -ENOENT);
		assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), i);
		assert_int_equal(rig_readable(r, 0), 1);
		assert_null(rig_find(r, VDEV_REMOVAL_IRQ_OFF));
		assert_int_equal(vdev_runtime_dispatch(r->rt), i < 3 ? 0 : 7);
	}
	assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), 3);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
	assert_int_equal(rig_stats(r).actions, 9);
	assert_int_equal(rig_stats(r).later, 0);
	assert_true(rig_gone(r, unit));
}

/* A failure, at once or later, keeps it from nobody; the first one is the answer. */
static void error_then_later_then_error(void **state)
{
	struct rig *r = *state;

	three(r, VDEV_REMOVAL_DRAIN);
	r->parts[0].answer = -EPERM;
	r->parts[1].answer = VDEV_BACKEND_LATER;
	r->parts[2].answer = -EBADF;
	assert_int_equal(vdev_runtime_dispatch(r->rt), 2);
	assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), 2);
	assert_int_equal(vdev_runtime_complete(r->rt, id_of(r, VDEV_REMOVAL_DRAIN), -EIO), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 7);
	assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), 3);
	assert_int_equal(outcome_status(r), -EPERM);
	assert_int_equal(rig_stats(r).failed, 1);
}

static void later_error_comes_first(void **state)
{
	struct rig *r = *state;

	three(r, VDEV_REMOVAL_RESET);
	r->parts[0].answer = -EOPNOTSUPP;
	r->parts[1].answer = VDEV_BACKEND_LATER;
	r->parts[2].answer = -EBADF;
	assert_int_equal(vdev_runtime_dispatch(r->rt), 4);
	assert_int_equal(vdev_runtime_complete(r->rt, id_of(r, VDEV_REMOVAL_RESET), -EIO), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 5);
	assert_int_equal(offered(r, VDEV_REMOVAL_RESET), 3);
	assert_int_equal(outcome_status(r), -EIO);
	assert_int_equal(rig_stats(r).unclaimed, 0);
}

static int complete_first(struct part *p, const struct vdev_action *a)
{
	assert_int_equal(vdev_runtime_complete(p->rig->rt, a->id, p->answer), 0);
	assert_int_equal(vdev_runtime_complete(p->rig->rt, a->id, 0), -ENOENT);
	return VDEV_BACKEND_LATER;
}

/* All in one dispatch, and still one after the other. */
static void completed_before_it_said_later(void **state)
{
	struct rig *r = *state;
	uint32_t i;

	three(r, VDEV_REMOVAL_DRAIN);
	for (i = 0; i < 3; i++)
		r->parts[i].deed = complete_first;
	r->parts[1].answer = -EIO;
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), 3);
	assert_int_equal(outcome_status(r), -EIO);
	assert_int_equal(rig_stats(r).later, 0);
}

static void *complete_it(void *arg)
{
	struct rig *r = arg;

	return (void *)(intptr_t)vdev_runtime_complete(r->rt, *(uint64_t *)r->extra, 0);
}

/* Before or after perform() has returned: nobody can tell. */
static int complete_meanwhile(struct part *p, const struct vdev_action *a)
{
	static pthread_t thread;
	static uint64_t id;

	if (p->number) /* the one before ended: so did its thread's complete() */
		assert_int_equal(pthread_join(thread, NULL), 0);
	id = a->id;
	p->rig->extra = &id;
	if (p->number == 2)
		return 0;
	assert_int_equal(pthread_create(&thread, NULL, complete_it, p->rig), 0);
	return VDEV_BACKEND_LATER;
}

static void completed_about_when_it_says_later(void **state)
{
	struct rig *r = *state;
	uint64_t unit;
	uint32_t i, n;

	for (n = 0; n < 100; n++) {
		unit = three(r, VDEV_REMOVAL_DRAIN);
		for (i = 0; i < 3; i++)
			r->parts[i].deed = complete_meanwhile;
		while (!rig_gone(r, unit)) {
			vdev_runtime_dispatch(r->rt);
			if (!rig_gone(r, unit))
				assert_int_equal(rig_readable(r, 5000), 1);
		}
		assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), 3);
		assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
		assert_int_equal(rig_teardown(state), 0);
		assert_int_equal(rig_setup(state), 0);
	}
}

static int complete_twice(struct part *p, const struct vdev_action *a)
{
	/* What the backend before does while this one is at work. */
	assert_int_equal(vdev_runtime_complete(p->rig->rt, a->id, -EIO), 0);
	return p->answer;
}

/* A stray completion decides nothing when the backend at work ends its part by itself. */
static void second_completion_is_ignored(void **state)
{
	struct rig *r = *state;

	three(r, VDEV_REMOVAL_DRAIN);
	r->parts[0].answer = VDEV_BACKEND_LATER;
	r->parts[1].deed = complete_twice;
	assert_int_equal(vdev_runtime_dispatch(r->rt), 2);
	assert_int_equal(vdev_runtime_complete(r->rt, id_of(r, VDEV_REMOVAL_DRAIN), 0), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 7);
	assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), 3);
	assert_int_equal(rig_stats(r).failed, 0);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
	assert_non_null(strstr(r->v.log, "answered 0: ignored"));
}

/* From the middle of a sequence, too, all is legal but dispatching. */
static int look_around(struct part *p, const struct vdev_action *a)
{
	struct rig *r = p->rig;

	assert_int_equal(a->user_data, 0xd0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), -EBUSY);
	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), -EBUSY);
	assert_int_equal(rig_stats(r).later, 0);
	return 0;
}

static int hooks_run;

static int on_hook(void *user, uint64_t dev, uint64_t user_data)
{
	struct rig *r = user;

	(void)dev, (void)user_data;
	assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), 0);
	hooks_run++;
	return 0;
}

static void going_on_holds_no_lock_and_runs_no_hook(void **state)
{
	struct rig *r = *state;

	hooks_run = 0;
	assert_int_equal(vdev_runtime_set_hook(r->rt, VDEV_RUNTIME_MAILBOX, on_hook, r), 0);
	three(r, VDEV_REMOVAL_DRAIN);
	r->parts[0].answer = VDEV_BACKEND_LATER;
	r->parts[1].deed = look_around;
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(hooks_run, 1);
	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), -EBUSY);
	assert_int_equal(vdev_runtime_complete(r->rt, id_of(r, VDEV_REMOVAL_DRAIN), 0), 0);
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(hooks_run, 1);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
}

/* Added while the action is with the first one: it has its turn as well. */
static void backend_that_came_meanwhile(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].answer = VDEV_BACKEND_LATER;
	rig_request(r, unit, 0);
	vdev_runtime_dispatch(r->rt);
	rig_backend(r, 1, 0);
	assert_int_equal(vdev_runtime_complete(r->rt, id_of(r, VDEV_REMOVAL_DRAIN), 0), 0);
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(offered(r, VDEV_REMOVAL_DRAIN), 2);
	assert_true(rig_gone(r, unit));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(each_waits_for_the_one_before),
		T(error_then_later_then_error),
		T(later_error_comes_first),
		T(completed_before_it_said_later),
		T(completed_about_when_it_says_later),
		T(second_completion_is_ignored),
		T(going_on_holds_no_lock_and_runs_no_hook),
		T(backend_that_came_meanwhile),
	};

	return cmocka_run_group_tests_name("runtime_sequence", tests, NULL, NULL);
}
