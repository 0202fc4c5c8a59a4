/* SPDX-License-Identifier: BSD-3-Clause */
/* Deeds that go on in the background: how they end, when, and how often. */
#include "test_runtime_rig.h"

#include <pthread.h>

/* A rig of three backends, `n` of which go on with DRAIN in the background; DRAIN has come out. */
static uint64_t drain_later(struct rig *r, uint32_t n, uint64_t *ret_unit)
{
	uint64_t unit = rig_add(r);
	uint32_t i;

	rig_backend(r, 1, 0);
	rig_backend(r, 2, 0);
	for (i = 0; i < n; i++) {
		r->parts[i].kind = VDEV_REMOVAL_DRAIN;
		r->parts[i].answer = VDEV_BACKEND_LATER;
	}
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 2);
	assert_null(rig_find(r, VDEV_REMOVAL_IRQ_OFF));
	if (ret_unit)
		*ret_unit = unit;
	return rig_find(r, VDEV_REMOVAL_DRAIN)->action.id;
}

static void one_later(void **state)
{
	struct rig *r = *state;
	uint64_t unit, id = drain_later(r, 1, &unit);

	assert_int_equal(rig_stats(r).later, 1);
	assert_int_equal(rig_readable(r, 0), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	assert_int_equal(vdev_runtime_complete(r->rt, id + 1, 0), -ENOENT);
	assert_int_equal(vdev_runtime_complete(r->rt, id, 1), -EINVAL);
	assert_int_equal(vdev_runtime_complete(r->rt, id, 0), 0);
	assert_int_equal(rig_readable(r, 0), 1);
	assert_int_equal(vdev_runtime_complete(r->rt, id, 0), -ENOENT); /* twice */
	assert_int_equal(vdev_runtime_dispatch(r->rt), 7);
	assert_int_equal(vdev_runtime_complete(r->rt, id, 0), -ENOENT); /* late */
	assert_int_equal(rig_stats(r).later, 0);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
	assert_true(rig_gone(r, unit));
}

static void later_can_fail(void **state)
{
	struct rig *r = *state;
	uint64_t id = drain_later(r, 1, NULL);

	assert_int_equal(vdev_runtime_complete(r->rt, id, -EIO), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 7);
	assert_int_equal(rig_stats(r).failed, 1);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_FAILED_AT);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -EIO);
}

/* All of them must have completed; the first error is the answer. */
static void three_later(void **state)
{
	struct rig *r = *state;
	uint64_t id = drain_later(r, 3, NULL);

	assert_int_equal(rig_stats(r).later, 1);
	assert_int_equal(vdev_runtime_complete(r->rt, id, 0), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	assert_int_equal(vdev_runtime_complete(r->rt, id, -EPERM), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	assert_null(rig_find(r, VDEV_REMOVAL_IRQ_OFF));
	assert_int_equal(vdev_runtime_complete(r->rt, id, -EIO), 0);
	assert_int_equal(vdev_runtime_complete(r->rt, id, 0), -ENOENT);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 7);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -EPERM);
}

static void error_at_once_and_later(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r), id;

	rig_backend(r, 1, 0);
	r->parts[0].kind = r->parts[1].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].answer = VDEV_BACKEND_LATER;
	r->parts[1].answer = -EPERM;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 2);
	assert_null(rig_find(r, VDEV_REMOVAL_IRQ_OFF)); /* the other one still works on it */
	id = rig_find(r, VDEV_REMOVAL_DRAIN)->action.id;
	assert_int_equal(vdev_runtime_complete(r->rt, id, -EIO), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 7);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -EPERM);
}

static int complete_first(struct part *p, const struct vdev_action *a)
{
	assert_int_equal(vdev_runtime_complete(p->rig->rt, a->id, p->answer), 0);
	return VDEV_BACKEND_LATER;
}

static void completed_before_it_said_later(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].deed = complete_first;
	r->parts[0].answer = -EIO;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_FAILED_AT);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -EIO);
	assert_int_equal(rig_stats(r).later, 0);
}

/* One of two was early: the other one is still waited for. */
static void one_early_one_late(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r), id;

	rig_backend(r, 1, 0);
	r->parts[0].kind = r->parts[1].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].deed = complete_first;
	r->parts[1].answer = VDEV_BACKEND_LATER;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 2);
	id = rig_find(r, VDEV_REMOVAL_DRAIN)->action.id;
	assert_int_equal(vdev_runtime_complete(r->rt, id, 0), 0);
	assert_int_equal(vdev_runtime_complete(r->rt, id, 0), -ENOENT);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 7);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
}

static int complete_and_done(struct part *p, const struct vdev_action *a)
{
	struct vdev_runtime *rt = p->rig->rt;

	assert_int_equal(vdev_runtime_complete(rt, a->id, 0), 0);
	assert_int_equal(vdev_runtime_complete(rt, a->id, 0), -ENOENT); /* more than backends */
	return 0;
}

static void completed_without_later(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].deed = complete_and_done;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
	assert_non_null(strstr(r->v.log, "was completed 1 times, but 0 backends answered"));
}

static void *complete_in_thread(void *arg)
{
	struct part *p = arg;

	return (void *)(intptr_t)vdev_runtime_complete(p->rig->rt, *(uint64_t *)p->rig->extra, 0);
}

static int complete_elsewhere(struct part *p, const struct vdev_action *a)
{
	pthread_t thread;
	uint64_t id = a->id;
	void *ret;

	p->rig->extra = &id;
	assert_int_equal(pthread_create(&thread, NULL, complete_in_thread, p), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_int_equal((intptr_t)ret, 0);
	return VDEV_BACKEND_LATER;
}

static void completed_by_another_thread_first(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	r->parts[0].kind = VDEV_REMOVAL_RESET;
	r->parts[0].deed = complete_elsewhere;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
}

/* Past its deadline CANCEL comes out; who obeys completes it. Nobody needs to know CANCEL. */
static void cancel_comes_by_timer(void **state)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	struct rig *r = *state;
	uint64_t unit = rig_add(r), id;
	const struct note *cancel;
	int i, n;

	n = vdev_removal_get_actions(r->removal, VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_SAFE,
				     steps);
	assert_int_equal(steps[1].kind, VDEV_REMOVAL_DRAIN);
	steps[1].deadline_ns = 20000000;
	assert_int_equal(vdev_removal_set_actions(r->removal, VDEV_REMOVAL_PCI_FUNCTION,
						  VDEV_REMOVAL_SAFE, steps, (uint32_t)n),
			 0);
	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].answer = VDEV_BACKEND_LATER;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 2);
	r->parts[0].rest = -EOPNOTSUPP; /* also to CANCEL */
	id = rig_find(r, VDEV_REMOVAL_DRAIN)->action.id;
	for (i = 0; i < 10 && !rig_find(r, VDEV_CANCEL); i++) {
		assert_int_equal(rig_readable(r, 5000), 1);
		vdev_runtime_dispatch(r->rt);
	}
	cancel = rig_find(r, VDEV_CANCEL);
	assert_non_null(cancel);
	assert_int_equal(cancel->action.arg[0], id);
	assert_int_equal(rig_stats(r).unclaimed, 0);
	assert_int_equal(rig_stats(r).later, 1);
	r->parts[0].rest = 0;
	assert_int_equal(vdev_runtime_complete(r->rt, id, -ECANCELED), 0);
	assert_true(vdev_runtime_dispatch(r->rt) > 0);
	assert_true(rig_gone(r, unit));
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_FAILED_AT);
}

/* What could not be tracked is not begun; it comes when there is room. */
static void limit_of_the_background(void **state)
{
	struct rig *r = *state;
	uint64_t units[9];
	uint32_t i, drains = 0;

	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].answer = VDEV_BACKEND_LATER;
	for (i = 0; i < 9; i++) {
		units[i] = rig_add(r);
		rig_request(r, units[i], 0);
	}
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(rig_stats(r).later, 8);
	assert_non_null(strstr(r->v.log, "8 actions are in the background (max_later)"));
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	for (i = 0; i < atomic_load(&r->count); i++)
		drains += r->notes[i].kind == VDEV_REMOVAL_DRAIN;
	assert_int_equal(drains, 8);
	/* Each end makes room for the next. */
	for (i = 0; i < atomic_load(&r->count); i++) {
		if (r->notes[i].kind != VDEV_REMOVAL_DRAIN)
			continue;
		assert_int_equal(vdev_runtime_complete(r->rt, r->notes[i].action.id, 0), 0);
		assert_int_equal(rig_readable(r, 0), 1);
		assert_true(vdev_runtime_dispatch(r->rt) > 0);
	}
	assert_int_equal(rig_stats(r).later, 0);
	for (i = 0; i < 9; i++)
		assert_true(rig_gone(r, units[i]));
}

static void detach_waits_for_the_background(void **state)
{
	struct rig *r = *state;
	uint64_t id = drain_later(r, 1, NULL);

	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), -EBUSY);
	assert_int_equal(vdev_runtime_complete(r->rt, id, 0), 0);
	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), -EBUSY); /* not told yet */
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(one_later),
		T(later_can_fail),
		T(three_later),
		T(error_at_once_and_later),
		T(completed_before_it_said_later),
		T(one_early_one_late),
		T(completed_without_later),
		T(completed_by_another_thread_first),
		T(cancel_comes_by_timer),
		T(limit_of_the_background),
		T(detach_waits_for_the_background),
	};

	return cmocka_run_group_tests_name("runtime_later", tests, NULL, NULL);
}
