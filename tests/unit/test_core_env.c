/* SPDX-License-Identifier: BSD-3-Clause */
/* core/env: hooks, allocation, log, struct copies. */
#include "vt_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "core/env.h"

/* What a caller of a later release might hand in. */
struct newer_env {
	struct vdev_env env;
	uint64_t more;
};

static void copy_of_null_is_malloc(void **state)
{
	struct vdev_env env;
	char *p;

	(void)state;
	assert_int_equal(vdev__env_copy(&env, NULL), 0);
	assert_null(env.alloc);
	assert_null(env.log);
	assert_false(vdev__tracing(&env));
	p = vdev__alloc(&env, 3, 5);
	assert_non_null(p);
	assert_int_equal(p[0] | p[14], 0);
	vdev__log(&env, VDEV_LOG_ERROR, "nobody listens");
	vdev__free(&env, p, 15);
	vdev__free(&env, NULL, 15);
}

static void copy_checks_size_and_tail(void **state)
{
	struct newer_env newer = {.more = 0};
	struct vdev_env dst, again;
	struct vt_env v;

	(void)state;
	vt_env_init(&v);
	assert_int_equal(vdev__env_copy(&dst, &v.env), 0);
	assert_ptr_equal(dst.user, &v);
	newer.env = v.env;
	newer.env.struct_size = sizeof(newer);
	assert_int_equal(vdev__env_copy(&dst, &newer.env), 0);
	assert_int_equal(dst.struct_size, sizeof(dst));
	assert_int_equal(vdev__env_copy(&again, &dst), 0);
	newer.more = 1;
	memset(&dst, 7, sizeof(dst));
	again = dst;
	assert_int_equal(vdev__env_copy(&dst, &newer.env), -E2BIG);
	v.env.struct_size--;
	assert_int_equal(vdev__env_copy(&dst, &v.env), -EINVAL);
	v.env.struct_size = 0;
	assert_int_equal(vdev__env_copy(&dst, &v.env), -EINVAL);
	assert_memory_equal(&dst, &again, sizeof(dst));
}

static void copy_wants_both_memory_hooks(void **state)
{
	struct vdev_env dst;
	struct vt_env v;

	(void)state;
	vt_env_init(&v);
	v.env.free = NULL;
	assert_int_equal(vdev__env_copy(&dst, &v.env), -EINVAL);
	vt_env_init(&v);
	v.env.alloc = NULL;
	assert_int_equal(vdev__env_copy(&dst, &v.env), -EINVAL);
	v.env.free = NULL;
	assert_int_equal(vdev__env_copy(&dst, &v.env), 0);
}

static void alloc_zeroes_and_checks(void **state)
{
	volatile size_t most = SIZE_MAX; /* the compiler warns of what it sees to be too large */
	struct vt_env v;
	char *p;
	int i;

	(void)state;
	vt_env_init(&v);
	p = vdev__alloc(&v.env, 10, 10);
	assert_non_null(p);
	for (i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(v.bytes, 100);
	assert_null(vdev__alloc(&v.env, 0, 10));
	assert_null(vdev__alloc(&v.env, 10, 0));
	assert_null(vdev__alloc(&v.env, most / 2, 3));
	assert_null(vdev__alloc(&v.env, most, 2));
	assert_null(vdev__alloc(&v.env, most / 2 + 2, 2)); /* would wrap to 2 bytes */
	vt_env_fail_next(&v, 1);
	assert_null(vdev__alloc(&v.env, 1, 1));
	vdev__free(&v.env, p, 100);
	vt_assert_clean(&v);
}

static void grow_keeps_and_zeroes(void **state)
{
	struct vt_env v;
	char *p, *q;

	(void)state;
	vt_env_init(&v);
	p = vdev__grow(&v.env, NULL, 0, 4, 2);
	assert_non_null(p);
	memcpy(p, "abcdefgh", 8);
	vt_env_fail_next(&v, 1);
	assert_null(vdev__grow(&v.env, p, 4, 8, 2));
	assert_null(vdev__grow(&v.env, p, 4, 3, 2));
	assert_memory_equal(p, "abcdefgh", 8);
	q = vdev__grow(&v.env, p, 4, 8, 2);
	assert_non_null(q);
	assert_memory_equal(q, "abcdefgh\0\0\0\0\0\0\0", 16);
	assert_int_equal(v.blocks, 1);
	vdev__free(&v.env, q, 16);
	vt_assert_clean(&v);
}

static void log_obeys_level_and_length(void **state)
{
	char text[400];
	struct vt_env v;

	(void)state;
	vt_env_init(&v);
	v.env.log_level = VDEV_LOG_WARNING;
	vdev__log(&v.env, VDEV_LOG_INFO, "not seen");
	vdev__log(&v.env, VDEV_LOG_WARNING, "unit %d of %s", 7, "slot");
	vdev__log(&v.env, VDEV_LOG_ERROR, "bad");
	assert_string_equal(v.log, "1 unit 7 of slot\n0 bad\n");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	vdev__log(&v.env, VDEV_LOG_ERROR, "%s", text);
	assert_int_equal(v.log_lines, 3);
	assert_int_equal(strlen(v.log), 23 + 2 + 255 + 1);
	vdev__log(&v.env, VDEV_LOG_ERROR, "%lc", (wint_t)0xd800); /* cannot be printed: dropped */
	assert_int_equal(v.log_lines, 3);
}

static void see_trace(void *user, const struct vdev_trace *event)
{
	(void)event;
	++*(int *)user;
}

static void tracing_follows_the_hook(void **state)
{
	struct vdev_env env = {.struct_size = sizeof(env)};

	(void)state;
	assert_false(vdev__tracing(&env));
	env.trace = see_trace;
#if VDEV_TRACE
	assert_true(vdev__tracing(&env));
#else
	assert_false(vdev__tracing(&env));
#endif
}

struct config {
	uint32_t struct_size;
	uint32_t a; /* first release ends here */
	uint32_t b;
	uint32_t c;
};
#define LEAST offsetof(struct config, b)

static void copy_in_from_older_and_newer(void **state)
{
	uint32_t src[1024] = {sizeof(struct config), 1, 2, 3};
	struct config c;

	(void)state;
	assert_int_equal(vdev__copy_in(&c, sizeof(c), LEAST, src), 0);
	assert_true(c.a == 1 && c.b == 2 && c.c == 3);
	src[0] = LEAST;
	assert_int_equal(vdev__copy_in(&c, sizeof(c), LEAST, src), 0);
	assert_true(c.a == 1 && c.b == 0 && c.c == 0 && c.struct_size == sizeof(c));
	src[0] = LEAST + 5; /* in the middle of a field: bytes are bytes */
	assert_int_equal(vdev__copy_in(&c, sizeof(c), LEAST, src), 0);
	assert_int_equal(c.b, 2);
	src[0] = sizeof(src);
	assert_int_equal(vdev__copy_in(&c, sizeof(c), LEAST, src), 0);
	assert_int_equal(c.c, 3);
}

static void copy_in_refuses(void **state)
{
	uint32_t src[1024] = {sizeof(struct config), 1, 2, 3};
	struct config c = {9, 9, 9, 9};

	(void)state;
	assert_int_equal(vdev__copy_in(&c, sizeof(c), LEAST, NULL), -EINVAL);
	src[0] = LEAST - 1;
	assert_int_equal(vdev__copy_in(&c, sizeof(c), LEAST, src), -EINVAL);
	src[0] = 3;
	assert_int_equal(vdev__copy_in(&c, sizeof(c), 0, src), -EINVAL);
	src[0] = sizeof(c) + 1;
	src[4] = 1;
	assert_int_equal(vdev__copy_in(&c, sizeof(c), LEAST, src), -E2BIG);
	src[4] = 0;
	src[1023] = 1;
	src[0] = sizeof(src);
	assert_int_equal(vdev__copy_in(&c, sizeof(c), LEAST, src), -E2BIG);
	src[0] = UINT32_MAX; /* an uninitialised struct must not be read to its end */
	assert_int_equal(vdev__copy_in(&c, sizeof(c), LEAST, src), -E2BIG);
	assert_true(c.struct_size == 9 && c.a == 9 && c.b == 9 && c.c == 9);
}

static void copy_out_sizes(void **state)
{
	char dst[8] = "XXXXXXX";

	(void)state;
	assert_int_equal(vdev__copy_out(NULL, 4, "abcd", 4), -EINVAL);
	assert_int_equal(vdev__copy_out(dst, 0, "abcd", 4), -EINVAL);
	assert_memory_equal(dst, "XXXXXXX", 8);
	assert_int_equal(vdev__copy_out(dst, 2, "abcd", 4), 0);
	assert_memory_equal(dst, "abXXXXX", 8);
	assert_int_equal(vdev__copy_out(dst, 6, "abcd", 4), 0);
	assert_memory_equal(dst, "abcd\0\0X", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_of_null_is_malloc),
		cmocka_unit_test(copy_checks_size_and_tail),
		cmocka_unit_test(copy_wants_both_memory_hooks),
		cmocka_unit_test(alloc_zeroes_and_checks),
		cmocka_unit_test(grow_keeps_and_zeroes),
		cmocka_unit_test(log_obeys_level_and_length),
		cmocka_unit_test(tracing_follows_the_hook),
		cmocka_unit_test(copy_in_from_older_and_newer),
		cmocka_unit_test(copy_in_refuses),
		cmocka_unit_test(copy_out_sizes),
	};

	return cmocka_run_group_tests_name("core_env", tests, NULL, NULL);
}
