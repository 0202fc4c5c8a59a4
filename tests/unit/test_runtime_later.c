/* SPDX-License-Identifier: BSD-3-Clause */
/* Deeds that go on in the background: how they end, when, and how often. */
#include "test_runtime_rig.h"

#include <pthread.h>

/* A rig of two backends, the first of which goes on with DRAIN in the background. */
static uint64_t drain_later(struct rig *r, uint64_t *ret_unit)
{
	uint64_t unit = rig_add(r);

	rig_backend(r, 1, 0);
	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].answer = VDEV_BACKEND_LATER;
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
	uint64_t unit, id = drain_later(r, &unit);

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
	uint64_t id = drain_later(r, NULL);

	assert_int_equal(vdev_runtime_complete(r->rt, id, -EIO), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 7);
	assert_int_equal(rig_stats(r).failed, 1);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_FAILED_AT);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -EIO);
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

static int complete_and_done(struct part *p, const struct vdev_action *a)
{
	struct vdev_runtime *rt = p->rig->rt;

	assert_int_equal(vdev_runtime_complete(rt, a->id, -EIO), 0);
	assert_int_equal(vdev_runtime_complete(rt, a->id, 0), -ENOENT); /* twice */
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
	assert_non_null(strstr(r->v.log, "answered 0: ignored"));
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

/* DRAIN has 20 ms; returns when CANCEL has come out, by the timer. */
static const struct note *overdue(struct rig *r)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	uint64_t unit = rig_add(r);
	int i, n;

	n = vdev_removal_get_actions(r->removal, VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_SAFE,
				     steps);
	assert_int_equal(steps[1].kind, VDEV_REMOVAL_DRAIN);
	steps[1].deadline_ns = 20000000;
	assert_int_equal(vdev_removal_set_actions(r->removal, VDEV_REMOVAL_PCI_FUNCTION,
						  VDEV_REMOVAL_SAFE, steps, (uint32_t)n),
			 0);
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 2);
	for (i = 0; i < 10 && !rig_find(r, VDEV_CANCEL); i++) {
		assert_int_equal(rig_readable(r, 5000), 1);
		vdev_runtime_dispatch(r->rt);
	}
	assert_non_null(rig_find(r, VDEV_CANCEL));
	return rig_find(r, VDEV_CANCEL);
}

/* Who obeys completes it. Nobody needs to know CANCEL. */
static void cancel_comes_by_timer(void **state)
{
	struct rig *r = *state;
	const struct note *cancel;
	uint64_t id;

	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].answer = VDEV_BACKEND_LATER;
	r->parts[0].rest = -EOPNOTSUPP; /* also to CANCEL */
	cancel = overdue(r);
	id = rig_find(r, VDEV_REMOVAL_DRAIN)->action.id;
	assert_int_equal(cancel->action.arg[0], id);
	assert_int_equal(rig_stats(r).unclaimed, 1); /* HIDE */
	assert_int_equal(rig_stats(r).later, 1);
	r->parts[0].rest = 0;
	assert_int_equal(vdev_runtime_complete(r->rt, id, -ECANCELED), 0);
	assert_true(vdev_runtime_dispatch(r->rt) > 0);
	assert_true(rig_gone(r, cancel->dev));
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_FAILED_AT);
}

/* The first backend obeys inside CANCEL; then the second one has its turn at what was cancelled. */
static int obey(struct part *p, const struct vdev_action *a)
{
	assert_int_equal(vdev_runtime_complete(p->rig->rt, a->arg[0], -ECANCELED), 0);
	return 0;
}

static int now_cancel(struct part *p, const struct vdev_action *a)
{
	(void)a;
	p->kind = VDEV_CANCEL;
	p->deed = obey;
	return VDEV_BACKEND_LATER;
}

static void cancel_in_between(void **state)
{
	struct rig *r = *state;
	const struct note *first, *cancel, *n;

	rig_backend(r, 1, 0);
	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].deed = now_cancel;
	overdue(r);
	vdev_runtime_dispatch(r->rt);
	first = rig_find(r, VDEV_REMOVAL_DRAIN);
	cancel = rig_find(r, VDEV_CANCEL);
	assert_int_equal(first->who, 0);
	assert_int_equal(cancel->who, 0);
	for (n = first + 1; n->kind != VDEV_REMOVAL_DRAIN;)
		n++;
	assert_true(n > cancel + 1); /* both heard of it before */
	assert_int_equal(cancel[1].kind, VDEV_CANCEL);
	assert_int_equal(cancel[1].who, 1);
	assert_int_equal(n->who, 1);
	assert_int_equal(n->action.id, first->action.id);
	assert_true(rig_find(r, VDEV_REMOVAL_IRQ_OFF) > n);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -ECANCELED);
	assert_true(rig_gone(r, first->dev));
}

/* Ends the DRAIN of each unit, as far as the notes from `from` on know it; returns the next note. */
static uint32_t end_drains(struct rig *r, uint32_t from)
{
	uint32_t i, end = atomic_load(&r->count);

	for (i = from; i < end; i++)
		if (r->notes[i].kind == VDEV_REMOVAL_DRAIN)
			assert_int_equal(vdev_runtime_complete(r->rt, r->notes[i].action.id, 0), 0);
	return end;
}

static uint32_t drains(struct rig *r, uint32_t who)
{
	uint32_t i, n = 0;

	for (i = 0; i < atomic_load(&r->count); i++)
		n += r->notes[i].kind == VDEV_REMOVAL_DRAIN && r->notes[i].who == who;
	return n;
}

/*
 * What could not be tracked is not begun; it comes when there is room. Those that were begun go on
 * with the second backend first.
 */
static void limit_of_the_background(void **state)
{
	struct rig *r = *state;
	uint64_t units[9];
	uint32_t i, from;

	rig_backend(r, 1, 0);
	for (i = 0; i < 2; i++) {
		r->parts[i].kind = VDEV_REMOVAL_DRAIN;
		r->parts[i].answer = VDEV_BACKEND_LATER;
	}
	for (i = 0; i < 9; i++) {
		units[i] = rig_add(r);
		rig_request(r, units[i], 0);
	}
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(rig_stats(r).later, 8);
	assert_non_null(strstr(r->v.log, "8 actions are in the background (max_later)"));
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	assert_int_equal(drains(r, 0), 8);
	from = end_drains(r, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	assert_int_equal(rig_stats(r).later, 8);
	assert_int_equal(drains(r, 0), 8);
	assert_int_equal(drains(r, 1), 8);
	for (i = 0; i < 3; i++) {
		from = end_drains(r, from);
		assert_true(vdev_runtime_dispatch(r->rt) >= 0);
	}
	assert_int_equal(rig_stats(r).later, 0);
	assert_int_equal(drains(r, 1), 9);
	for (i = 0; i < 9; i++)
		assert_true(rig_gone(r, units[i]));
}

static void detach_waits_for_the_background(void **state)
{
	struct rig *r = *state;
	uint64_t id = drain_later(r, NULL);

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
		T(completed_before_it_said_later),
		T(completed_without_later),
		T(completed_by_another_thread_first),
		T(cancel_comes_by_timer),
		T(cancel_in_between),
		T(limit_of_the_background),
		T(detach_waits_for_the_background),
	};

	return cmocka_run_group_tests_name("runtime_later", tests, NULL, NULL);
}
