/* SPDX-License-Identifier: BSD-3-Clause */
/* The runtime drains the removal engine into backends and makes one answer of theirs. */
#include "test_runtime_rig.h"

/* TSan reports the misuse that -EPERM is there for, and tells gcc and clang differently. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

static void whole_removal(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);
	const struct note *outcome;

	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	rig_expect(r, 0, rig_safe, VT_COUNT(rig_safe));
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
	outcome = rig_find(r, VDEV_REMOVAL_OUTCOME);
	assert_int_equal(outcome->action.flags & VDEV_REMOVAL_GONE, VDEV_REMOVAL_GONE);
	assert_int_equal(outcome->action.user_data, 0xd0);
	assert_true(rig_gone(r, unit));
	assert_int_equal(rig_stats(r).actions, 9);
	assert_int_equal(rig_stats(r).dispatches, 1);
	assert_int_equal(rig_stats(r).failed, 0);
	assert_int_equal(rig_stats(r).later, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	assert_int_equal(rig_stats(r).dispatches, 2);
}

static void nothing_attached(void **state)
{
	struct rig *r = *state;

	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), 0);
	assert_int_equal(rig_readable(r, 0), 1);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	assert_int_equal(rig_readable(r, 0), 0);
	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), 0);
	assert_int_equal(vdev_runtime_set_removal(r->rt, r->removal), 0);
	assert_int_equal(vdev_runtime_set_removal(r->rt, r->removal), -EBUSY);
}

static void every_backend_is_asked_in_order(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);
	uint32_t i;

	rig_backend(r, 1, 0);
	rig_backend(r, 2, -EOPNOTSUPP);
	r->parts[1].kind = VDEV_REMOVAL_RESET;
	r->parts[1].answer = -EIO;
	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].answer = -EOPNOTSUPP;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	for (i = 0; i < 27; i++) {
		assert_int_equal(r->notes[i].who, i % 3);
		assert_int_equal(r->notes[i].kind, r->notes[i - i % 3].kind);
	}
	/* DRAIN was somebody's, RESET failed somewhere. */
	assert_int_equal(rig_stats(r).unclaimed, 0);
	assert_int_equal(rig_stats(r).failed, 1);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_FAILED_AT);
	assert_int_equal(rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[1], VDEV_REMOVAL_RESET);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -EIO);
}

static void first_error_counts(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);
	uint32_t i;

	rig_backend(r, 1, 0);
	rig_backend(r, 2, 0);
	for (i = 0; i < 3; i++)
		r->parts[i].kind = VDEV_REMOVAL_RESET;
	r->parts[0].answer = -EOPNOTSUPP;
	r->parts[1].answer = -EPERM;
	r->parts[2].answer = -EIO;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -EPERM);
}

static void what_nobody_knows(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	r->parts[0].kind = VDEV_REMOVAL_IRQ_OFF;
	r->parts[0].answer = -EOPNOTSUPP;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	assert_int_equal(rig_stats(r).unclaimed, 1);
	assert_int_equal(rig_stats(r).failed, 1);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -EOPNOTSUPP);
	assert_non_null(strstr(r->v.log, "no backend knows action 0x131 (IRQ_OFF)"));
}

/* REDECLARE, ANNOUNCE, OUTCOME: the engine goes on whether or not anybody listens. */
static void notices_need_no_listener(void **state)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = VDEV_REMOVAL_PCI_FUNCTION,
				      .transport = VDEV_REMOVAL_PVDEV,
				      .flags = VDEV_REMOVAL_HOTPLUG};
	struct rig *r = *state;
	uint64_t unit, now;

	r->parts[0].rest = -EOPNOTSUPP;
	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	now = vdev_runtime_now(r->rt);
	assert_true(vdev_removal_add(r->removal, now, &u, &unit) > 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	assert_true(vdev_runtime_dispatch(r->rt) >= 1);
	assert_non_null(rig_find(r, VDEV_REMOVAL_ANNOUNCE));
	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_true(vdev_removal_ready(r->removal, now, 0, 1) >= 0);
	assert_true(vdev_removal_declare(r->removal, now, unit, 0, VDEV_REMOVAL_SAFE) >= 0);
	assert_true(vdev_removal_forget(r->removal, now, unit) > 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	assert_true(vdev_runtime_dispatch(r->rt) >= 1);
	assert_non_null(rig_find(r, VDEV_REMOVAL_REDECLARE));
	assert_int_equal(rig_stats(r).failed, 0);
	assert_int_equal(rig_stats(r).unclaimed, 0);
	/* What is no notice: nobody can warn. */
	rig_request(r, unit, 0);
	assert_true(vdev_runtime_dispatch(r->rt) >= 1);
	assert_int_equal(rig_stats(r).unclaimed, 1);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_ROLLED_BACK);
}

static void answers_out_of_range(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	r->parts[0].kind = VDEV_REMOVAL_RESET;
	r->parts[0].answer = 2;
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	assert_int_equal((int64_t)rig_find(r, VDEV_REMOVAL_OUTCOME)->action.arg[2], -EINVAL);
	assert_non_null(strstr(r->v.log, "backend rig answered 2 to action 0x132 (RESET)"));
}

static void wake_and_fd(void **state)
{
	struct rig *r = *state;
	int fd = vdev_runtime_fd(r->rt), i;

	assert_true(fd >= 0);
	vdev_runtime_dispatch(r->rt);
	for (i = 0; i < 3; i++) {
		assert_int_equal(rig_readable(r, 0), 0);
		assert_int_equal(vdev_runtime_wake(r->rt), 0);
		assert_int_equal(vdev_runtime_wake(r->rt), 0);
		assert_int_equal(rig_readable(r, 0), 1);
		assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
		assert_int_equal(vdev_runtime_fd(r->rt), fd);
	}
}

/* The guest's time to answer runs out: the fd becomes readable by itself. */
static void timer_wakes(void **state)
{
	struct vdev_removal_request request = {.struct_size = sizeof(request),
					       .ack_policy = VDEV_REMOVAL_ACK_FAIL,
					       .ack_ns = 30000000};
	struct rig *r = *state;
	uint64_t unit = rig_add_below(r, 0, VDEV_REMOVAL_OTHER, 0);
	uint64_t begin = vdev_runtime_now(r->rt);
	int i;

	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_true(vdev_removal_request(r->removal, begin, unit, &request) > 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	/* It may first wait for something else, e.g. to be able to warn. */
	for (i = 0; i < 10 && rig_outcome(r) != VDEV_REMOVAL_TIMED_OUT; i++) {
		vdev_runtime_dispatch(r->rt);
		if (rig_outcome(r) != VDEV_REMOVAL_TIMED_OUT)
			assert_int_equal(rig_readable(r, 5000), 1);
	}
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_TIMED_OUT);
	assert_true(vdev_runtime_now(r->rt) - begin >= 30000000);
	assert_false(rig_gone(r, unit));
	/* Nothing is timed any more: the timer is off. */
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(rig_readable(r, 60), 0);
}

/* An earlier deadline moves the timer, even when the events came without a dispatch. */
static void timer_moves_with_wake(void **state)
{
	struct vdev_removal_request request = {.struct_size = sizeof(request),
					       .ack_ns = 60000000000};
	struct rig *r = *state;
	uint64_t a = rig_add_below(r, 0, VDEV_REMOVAL_OTHER, 0);
	uint64_t b = rig_add_below(r, 0, VDEV_REMOVAL_OTHER, 0);
	int i;

	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_true(vdev_removal_request(r->removal, vdev_runtime_now(r->rt), a, &request) > 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(rig_readable(r, 0), 0);
	request.ack_ns = 10000000;
	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_true(vdev_removal_request(r->removal, vdev_runtime_now(r->rt), b, &request) > 0);
	assert_int_equal(vdev_runtime_wake(r->rt), 0); /* legal with the lock held */
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	for (i = 0; i < 10 && rig_outcome(r) != VDEV_REMOVAL_TIMED_OUT; i++) {
		assert_int_equal(rig_readable(r, 5000), 1);
		vdev_runtime_dispatch(r->rt);
	}
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_TIMED_OUT);
}

static void the_lock(void **state)
{
	struct rig *r = *state;

	if (!UNDER_TSAN)
		assert_int_equal(vdev_runtime_unlock(r->rt), -EPERM);
	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_int_equal(vdev_runtime_lock(r->rt), -EDEADLK);
	assert_int_equal(vdev_runtime_dispatch(r->rt), -EDEADLK);
	assert_int_equal(vdev_runtime_complete(r->rt, 5, 0), -ENOENT);
	assert_int_equal(vdev_runtime_wake(r->rt), 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	if (!UNDER_TSAN)
		assert_int_equal(vdev_runtime_unlock(r->rt), -EPERM);
	assert_int_equal(rig_stats(r).dispatches, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
}

#if VDEV_TRACE
static struct vdev_trace traced[4];
static uint32_t traced_count;

static void see(void *user, const struct vdev_trace *event)
{
	(void)user;
	if (traced_count < VT_COUNT(traced))
		traced[traced_count] = *event;
	traced_count++;
}

static void trace_tells_begin_and_end(void **state)
{
	struct rig *r = *state;
	struct vdev_env env = {.struct_size = sizeof(env), .trace = see};
	const struct vdev_runtime_config config = {
		.struct_size = sizeof(config), .max_backends = 1, .max_later = 1};
	struct vdev_runtime *rt;
	uint64_t unit = rig_add(r);

	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), 0);
	assert_int_equal(vdev_runtime_new(&rt, &env, &config), 0);
	assert_int_equal(vdev_runtime_set_removal(rt, r->removal), 0);
	assert_true(vdev_removal_request(r->removal, vdev_runtime_now(rt), unit, NULL) > 0);
	traced_count = 0;
	assert_true(vdev_runtime_dispatch(rt) > 0);
	assert_true(traced_count >= 4 && traced_count % 2 == 0);
	assert_int_equal(traced[0].part, VDEV_PART_RUNTIME);
	assert_int_equal(traced[0].what, VDEV_TRACE_ACTION);
	assert_int_equal(traced[0].kind, VDEV_REMOVAL_HIDE);
	assert_int_equal(traced[0].dev, unit);
	assert_int_equal(traced[1].what, VDEV_TRACE_DONE);
	assert_int_equal(traced[1].id, traced[0].id);
	assert_int_equal((int64_t)traced[1].arg, -EOPNOTSUPP);
	assert_true(traced[1].now_ns >= traced[0].now_ns && traced[0].now_ns > 0);
	vdev_runtime_free(rt);
}
#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(whole_removal),
		T(nothing_attached),
		T(every_backend_is_asked_in_order),
		T(first_error_counts),
		T(what_nobody_knows),
		T(notices_need_no_listener),
		T(answers_out_of_range),
		T(wake_and_fd),
		T(timer_wakes),
		T(timer_moves_with_wake),
		T(the_lock),
#if VDEV_TRACE
		T(trace_tells_begin_and_end),
#endif
	};

	return cmocka_run_group_tests_name("runtime", tests, NULL, NULL);
}
