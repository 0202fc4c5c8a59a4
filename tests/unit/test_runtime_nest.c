/* SPDX-License-Identifier: BSD-3-Clause */
/* What a deed and a hook may do: everything but dispatching the runtime that they run in. */
#include "test_runtime_rig.h"

static int busy_deed(struct part *p, const struct vdev_action *a)
{
	struct rig *r = p->rig;
	static const struct vdev_backend_ops ops = {
		.struct_size = sizeof(ops), .name = "never", .perform = rig_perform};

	assert_int_equal(vdev_runtime_dispatch(r->rt), -EBUSY);
	assert_int_equal(vdev_runtime_add_backend(r->rt, &ops, p), -EBUSY);
	assert_int_equal(vdev_runtime_set_hook(r->rt, 0, NULL, NULL), -EBUSY);
	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), -EBUSY);
	assert_int_equal(vdev_runtime_complete(r->rt, a->id + 1000, 0), -ENOENT);
	assert_int_equal(vdev_runtime_lock(r->rt), 0); /* nobody holds it during a deed */
	assert_int_equal(vdev_runtime_dispatch(r->rt), -EBUSY);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	assert_true(vdev_runtime_fd(r->rt) >= 0);
	assert_int_equal(rig_stats(r).dispatches, 0);
	return 0;
}

static void recursion_is_refused(void **state)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_HIDE,
					 VDEV_REMOVAL_OUTCOME};
	struct rig *r = *state;
	size_t i;

	for (i = 0; i < VT_COUNT(kinds); i++) {
		uint64_t unit = rig_add(r);

		r->parts[0].kind = kinds[i];
		r->parts[0].deed = busy_deed;
		rig_request(r, unit, 0);
		assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
		assert_true(rig_gone(r, unit));
		r->parts[0].deed = NULL;
		rig_teardown(state);
		rig_setup(state);
	}
}

static int hook_calls;

static int busy_hook(void *user, uint64_t dev, uint64_t user_data)
{
	struct rig *r = user;

	(void)dev, (void)user_data;
	hook_calls++;
	assert_int_equal(vdev_runtime_dispatch(r->rt), -EBUSY);
	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	return 0;
}

static void hooks_are_deeds_too(void **state)
{
	struct rig *r = *state;

	hook_calls = 0;
	assert_int_equal(vdev_runtime_set_hook(r->rt, VDEV_RUNTIME_IRQHINT, busy_hook, r), 0);
	rig_request(r, rig_add(r), 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	assert_int_equal(hook_calls, 1);
}

/* A VMM's drain runs a nested loop in which guests of all kinds are served. */
static int remove_another(struct part *p, const struct vdev_action *a)
{
	uint64_t *other = p->rig->extra;

	(void)a;
	p->deed = NULL;
	rig_request(p->rig, *other, VDEV_REMOVAL_FORCE);
	return 0;
}

static void events_from_inside_a_deed(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r), other = rig_add(r);

	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].deed = remove_another;
	r->extra = &other;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 18);
	assert_true(rig_gone(r, unit));
	assert_true(rig_gone(r, other));
}

/* Another runtime in a deed of this one, and a third one in that. */
static int dispatch_inner(struct part *p, const struct vdev_action *a)
{
	struct rig *inner = p->rig->extra;

	(void)a;
	rig_request(inner, rig_add(inner), 0);
	assert_int_equal(vdev_runtime_dispatch(inner->rt), 9);
	assert_int_equal(vdev_runtime_dispatch(p->rig->rt), -EBUSY);
	return 0;
}

static int dispatch_outer(struct part *p, const struct vdev_action *a)
{
	struct rig *outer = p->rig->extra;

	(void)a;
	assert_int_equal(vdev_runtime_dispatch(outer->rt), -EBUSY);
	assert_int_equal(vdev_runtime_dispatch(p->rig->rt), -EBUSY);
	return 0;
}

static void two_runtimes_nest(void **state)
{
	struct rig *outer = *state;
	struct rig inner;
	void *inner_state = &inner;

	assert_int_equal(rig_new(&inner, 4), 0);
	rig_backend(&inner, 0, 0);
	outer->extra = &inner;
	inner.extra = outer;
	outer->parts[0].kind = VDEV_REMOVAL_RESET;
	outer->parts[0].deed = dispatch_inner;
	inner.parts[0].kind = VDEV_REMOVAL_DRAIN;
	inner.parts[0].deed = dispatch_outer;
	rig_request(outer, rig_add(outer), 0);
	assert_int_equal(vdev_runtime_dispatch(outer->rt), 9);
	assert_int_equal(rig_outcome(&inner), VDEV_REMOVAL_REMOVED);
	assert_int_equal(rig_outcome(outer), VDEV_REMOVAL_REMOVED);
	assert_int_equal(rig_teardown(&inner_state), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(recursion_is_refused),
		T(hooks_are_deeds_too),
		T(events_from_inside_a_deed),
		T(two_runtimes_nest),
	};

	return cmocka_run_group_tests_name("runtime_nest", tests, NULL, NULL);
}
