/* SPDX-License-Identifier: BSD-3-Clause */
/* What each unit test includes first: cmocka 1.1.5 wants these headers before its own. */
#ifndef VT_TEST_H
#define VT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vt_env.h"
#include "vt_rand.h"

#define VT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Leaves a test out, aloud: the report takes the reason from this line. */
#define vt_skip(...)                                    \
	do {                                            \
		print_message("skipped: " __VA_ARGS__); \
		print_message("\n");                    \
		skip();                                 \
	} while (0)

/* Ends a test: nothing may be left of what it allocated. */
#define vt_assert_clean(v) assert_int_equal(vt_env_check(v), 0)

#endif
