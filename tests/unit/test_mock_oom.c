/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock when memory runs out: only its making can fail, and then nothing is left. */
#include "vt_test.h"

#include <errno.h>

#include <vdev/mock.h>
#include <vdev/removal.h>

static int scenario(struct vt_env *v, void *arg)
{
	static const struct vdev_mock_config config = {.struct_size = sizeof(config),
						       .max_records = 8,
						       .max_rules = 2,
						       .max_pending = 4,
						       .max_vcpus = 3};
	struct vdev_mock_rule r = {.struct_size = sizeof(r), .delay_ns = 5};
	struct vdev_action a = {.id = 1, .kind = VDEV_REMOVAL_DRAIN};
	struct vdev_mock *m = NULL;
	int err = vdev_mock_new(&m, &v->env, &config);

	(void)arg;
	assert_true(err ? m == NULL : m != NULL);
	if (err)
		return err;
	/* From here on memory plays no part. */
	vt_env_fail_next(v, UINT64_MAX);
	assert_int_equal(vdev_mock_rule(m, &r), 0);
	assert_int_equal(vdev_mock_perform(m, &a), VDEV_BACKEND_LATER);
	assert_int_equal(vdev_mock_finish(m, 1, 0), 0);
	assert_int_equal(vdev_mock_place(m, 2, 1, VDEV_CPUMAP_RUNNING), 0);
	assert_int_equal(vdev_mock_lie(m, 2, 2, VDEV_CPUMAP_RUNNING), 0);
	assert_int_equal(v->failed, 0);
	vt_env_fail_next(v, 0);
	vdev_mock_free(m);
	return 0;
}

static void every_allocation_fails(void **state)
{
	(void)state;
	assert_true(vt_oom(scenario, NULL) >= 6);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_fails),
	};

	return cmocka_run_group_tests_name("mock_oom", tests, NULL, NULL);
}
