/* SPDX-License-Identifier: BSD-3-Clause */
/* Making a runtime, what it refuses, and every error code of its calls. */
#include "test_runtime_rig.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

static const struct vdev_runtime_config good = {
	.struct_size = sizeof(good), .max_backends = 2, .max_later = 4};

static int perform_nothing(void *backend, const struct vdev_action *action)
{
	(void)backend, (void)action;
	return 0;
}

static const struct vdev_backend_ops nothing = {
	.struct_size = sizeof(nothing), .name = "nothing", .perform = perform_nothing};

static int try_config(struct vdev_runtime_config c)
{
	struct vdev_runtime *rt = NULL;
	int err = vdev_runtime_new(&rt, NULL, &c);

	assert_true(err ? rt == NULL : rt != NULL);
	vdev_runtime_free(rt);
	return err;
}

static void limits(void **state)
{
	struct vdev_runtime_config c = good;

	(void)state;
	assert_int_equal(try_config(c), 0);
	c.flags = VDEV_RUNTIME_BOOTTIME;
	c.max_backends = 16;
	c.max_later = 1u << 20;
	assert_int_equal(try_config(c), 0);
	c.flags = 2;
	assert_int_equal(try_config(c), -EINVAL);
	c = good;
	c.max_backends = 0;
	assert_int_equal(try_config(c), -EINVAL);
	c.max_backends = 17;
	assert_int_equal(try_config(c), -EINVAL);
	c = good;
	c.max_later = 0;
	assert_int_equal(try_config(c), -EINVAL);
	c.max_later = (1u << 20) + 1;
	assert_int_equal(try_config(c), -EINVAL);
	c = good;
	c.struct_size = 12;
	assert_int_equal(try_config(c), -EINVAL);
}

static void newer_caller(void **state)
{
	struct {
		struct vdev_runtime_config c;
		uint64_t tail;
	} config = {.c = good, .tail = 1};
	struct {
		struct vdev_backend_ops ops;
		uint64_t tail;
	} ops = {.ops = nothing, .tail = 1};
	struct vdev_runtime *rt = NULL;

	(void)state;
	config.c.struct_size = sizeof(config);
	ops.ops.struct_size = sizeof(ops);
	assert_int_equal(vdev_runtime_new(&rt, NULL, &config.c), -E2BIG);
	assert_null(rt);
	config.tail = 0;
	assert_int_equal(vdev_runtime_new(&rt, NULL, &config.c), 0);
	assert_int_equal(vdev_runtime_add_backend(rt, &ops.ops, NULL), -E2BIG);
	ops.tail = 0;
	assert_int_equal(vdev_runtime_add_backend(rt, &ops.ops, NULL), 0);
	vdev_runtime_free(rt);
}

static void null_arguments(void **state)
{
	struct vdev_env env = {.struct_size = 4};
	struct vdev_runtime_stats s;
	struct vdev_runtime *rt = NULL;

	(void)state;
	assert_int_equal(vdev_runtime_new(NULL, NULL, &good), -EINVAL);
	assert_int_equal(vdev_runtime_new(&rt, NULL, NULL), -EINVAL);
	assert_int_equal(vdev_runtime_new(&rt, &env, &good), -EINVAL);
	assert_null(rt);
	assert_int_equal(vdev_runtime_fd(NULL), -EINVAL);
	assert_int_equal(vdev_runtime_now(NULL), 0);
	assert_int_equal(vdev_runtime_add_backend(NULL, &nothing, NULL), -EINVAL);
	assert_int_equal(vdev_runtime_set_removal(NULL, NULL), -EINVAL);
	assert_int_equal(vdev_runtime_set_hook(NULL, 0, NULL, NULL), -EINVAL);
	assert_int_equal(vdev_runtime_lock(NULL), -EINVAL);
	assert_int_equal(vdev_runtime_unlock(NULL), -EINVAL);
	assert_int_equal(vdev_runtime_dispatch(NULL), -EINVAL);
	assert_int_equal(vdev_runtime_complete(NULL, 1, 0), -EINVAL);
	assert_int_equal(vdev_runtime_wake(NULL), -EINVAL);
	assert_int_equal(vdev_runtime_stats(NULL, &s, sizeof(s)), -EINVAL);
	vdev_runtime_free(NULL);
}

static void backends(void **state)
{
	struct vdev_backend_ops bad = nothing;
	struct vdev_runtime_stats s;
	struct vdev_runtime *rt;

	(void)state;
	assert_int_equal(vdev_runtime_new(&rt, NULL, &good), 0);
	assert_int_equal(vdev_runtime_add_backend(rt, NULL, NULL), -EINVAL);
	bad.struct_size = 8;
	assert_int_equal(vdev_runtime_add_backend(rt, &bad, NULL), -EINVAL);
	bad = nothing;
	bad.reserved = 1;
	assert_int_equal(vdev_runtime_add_backend(rt, &bad, NULL), -EINVAL);
	bad = nothing;
	bad.name = NULL;
	assert_int_equal(vdev_runtime_add_backend(rt, &bad, NULL), -EINVAL);
	bad = nothing;
	bad.perform = NULL;
	assert_int_equal(vdev_runtime_add_backend(rt, &bad, NULL), -EINVAL);
	assert_int_equal(vdev_runtime_add_backend(rt, &nothing, NULL), 0);
	assert_int_equal(vdev_runtime_add_backend(rt, &nothing, NULL), 0);
	assert_int_equal(vdev_runtime_add_backend(rt, &nothing, NULL), -ENOSPC);
	assert_int_equal(vdev_runtime_stats(rt, NULL, sizeof(s)), -EINVAL);
	assert_int_equal(vdev_runtime_stats(rt, &s, 0), -EINVAL);
	vdev_runtime_free(rt);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void clocks(void **state)
{
	struct vdev_runtime_config c = good;
	struct vdev_runtime *rt;
	uint64_t before, now, after;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		clockid_t id = i ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;

		c.flags = i ? VDEV_RUNTIME_BOOTTIME : 0;
		assert_int_equal(vdev_runtime_new(&rt, NULL, &c), 0);
		before = clock_ns(id);
		now = vdev_runtime_now(rt);
		after = clock_ns(id);
		assert_in_range(now, before, after);
		vdev_runtime_free(rt);
	}
}

static void fds_are_closed_on_exec(void **state)
{
	struct vdev_runtime *rt;
	int fd, flags;

	(void)state;
	assert_int_equal(vdev_runtime_new(&rt, NULL, &good), 0);
	for (fd = vdev_runtime_fd(rt); fd <= vdev_runtime_fd(rt) + 2; fd++) {
		flags = fcntl(fd, F_GETFD);
		assert_true(flags >= 0 && flags & FD_CLOEXEC);
	}
	vdev_runtime_free(rt);
}

/* The first, the second, the third fd cannot be had: none is left open. */
static void no_more_fds(void **state)
{
	struct rlimit old, now;
	struct vt_env v;
	struct vdev_runtime *rt = NULL;
	int lowest, i;

	(void)state;
	vt_env_init(&v);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	lowest = dup(0);
	assert_true(lowest >= 0);
	close(lowest);
	now = old;
	errno = 0;
	for (i = 0; i < 3; i++) {
		now.rlim_cur = (rlim_t)lowest + (rlim_t)i;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
		assert_int_equal(vdev_runtime_new(&rt, &v.env, &good), -EMFILE);
		assert_null(rt);
		assert_int_equal(errno, 0);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_int_equal(fcntl(lowest, F_GETFD), -1);
		errno = 0;
	}
	now.rlim_cur = (rlim_t)lowest + 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(vdev_runtime_new(&rt, &v.env, &good), 0);
	vdev_runtime_free(rt);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	vt_assert_clean(&v);
}

static void errno_stays(void **state)
{
	struct rig *r;
	void *rig;
	int err;

	(void)state;
	assert_int_equal(rig_setup(&rig), 0);
	r = rig;
	errno = 123;
	rig_request(r, rig_add(r), 0);
	assert_int_equal(vdev_runtime_wake(r->rt), 0);
	assert_true(vdev_runtime_dispatch(r->rt) > 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 0);
	err = errno;
	assert_int_equal(rig_teardown(&rig), 0);
	assert_int_equal(err, 123);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),         cmocka_unit_test(newer_caller),
		cmocka_unit_test(null_arguments), cmocka_unit_test(backends),
		cmocka_unit_test(clocks),         cmocka_unit_test(fds_are_closed_on_exec),
		cmocka_unit_test(no_more_fds),    cmocka_unit_test(errno_stays),
	};

	return cmocka_run_group_tests_name("runtime_config", tests, NULL, NULL);
}
