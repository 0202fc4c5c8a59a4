/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU map when memory runs out: an error code, no leak. Only new() allocates. */
#include "vt_test.h"

#include <vdev/cpumap.h>

static int scenario(struct vt_env *v, void *arg)
{
	static const struct vdev_cpumap_config c = {
		.struct_size = sizeof(c), .flags = VDEV_CPUMAP_LIVE, .vcpus = 100, .cpus = 10};
	struct vdev_cpumap *map = NULL;
	int ret = vdev_cpumap_new(&map, &v->env, &c);
	uint64_t before = v->requests, set[2];

	(void)arg;
	assert_true(ret ? map == NULL : map != NULL);
	if (ret)
		return ret;
	assert_int_equal(vdev_cpumap_set(map, 0, 99, 9, VDEV_CPUMAP_RUNNING), 1);
	assert_int_equal(vdev_cpumap_running_on(map, 9, set, 2), 1);
	assert_int_equal(v->requests, before);
	vdev_cpumap_free(map);
	return 0;
}

static void each_allocation(void **state)
{
	(void)state;
	assert_int_equal(vt_oom(scenario, NULL), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
