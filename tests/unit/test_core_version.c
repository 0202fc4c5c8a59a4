/* SPDX-License-Identifier: BSD-3-Clause */
/* strerror and version: what a person reads. */
#include "vt_test.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <vdev/error.h>
#include <vdev/version.h>

/* Each line of the table in error.h. */
static const int contract[] = {EINVAL, E2BIG,    ENOMEM, ENOENT,    EEXIST,  EBUSY,
			       EAGAIN, EALREADY, ENOSPC, ENOBUFS,   EBADMSG, EPROTONOSUPPORT,
			       EPERM,  ERANGE,   ESTALE, EOPNOTSUPP};

static void each_error_has_its_own_text(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < VT_COUNT(contract); i++) {
		const char *text = vdev_strerror(-contract[i]);

		assert_string_not_equal(text, "unknown error");
		assert_ptr_equal(text, vdev_strerror(contract[i]));
		for (j = 0; j < i; j++)
			assert_string_not_equal(text, vdev_strerror(-contract[j]));
	}
	assert_string_equal(vdev_strerror(0), "success");
}

static void other_values_are_unknown(void **state)
{
	static const int others[] = {EDOM, -EDOM, INT_MAX, INT_MIN, -INT_MAX, 100000};
	size_t i;

	(void)state;
	for (i = 0; i < VT_COUNT(others); i++)
		assert_string_equal(vdev_strerror(others[i]), "unknown error");
}

static void version_matches_the_header(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d.%d", VDEV_VERSION_MAJOR, VDEV_VERSION_MINOR,
		 VDEV_VERSION_PATCH);
	assert_string_equal(vdev_version(), text);
	assert_string_equal(vdev_version(), VDEV_VERSION_STRING);
}

static void features(void **state)
{
	(void)state;
	assert_int_equal(vdev_has("removal"), 1);
	assert_int_equal(vdev_has("cpumap"), 1);
	assert_int_equal(vdev_has("irqhint"), 1);
	assert_int_equal(vdev_has("msi"), 1);
	assert_int_equal(vdev_has("pvdev"), 1);
	assert_int_equal(vdev_has("mock"), 1);
	assert_int_equal(vdev_has("trace"), VDEV_TRACE);
	assert_int_equal(vdev_has("remova"), 0);
	assert_int_equal(vdev_has("removal "), 0);
	assert_int_equal(vdev_has(""), 0);
	assert_int_equal(vdev_has(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_error_has_its_own_text),
		cmocka_unit_test(other_values_are_unknown),
		cmocka_unit_test(version_matches_the_header),
		cmocka_unit_test(features),
	};

	return cmocka_run_group_tests_name("core_version", tests, NULL, NULL);
}
