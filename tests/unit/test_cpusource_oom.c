/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU-map providers when memory runs out: only making an object needs any. */
#include "test_cpusource_rig.h"

static int scenario(struct vt_env *v, void *arg)
{
	struct rig *r = arg;
	struct vdev_cpusource_config c = rig_config(r, 0, VDEV_CPUSOURCE_NO_KVM);
	struct vdev_cpusource *s = NULL;
	uint64_t requests;
	int err = vdev_cpusource_new(&s, &v->env, &c);

	assert_true(err ? s == NULL : s != NULL);
	if (err)
		return err;
	requests = v->requests;
	assert_int_equal(vdev_cpusource_here(s, 0), 0);
	assert_int_equal(vdev_cpusource_refresh(s, 1), 1);
	assert_int_equal(vdev_cpusource_gone(s, 0), 0);
	assert_int_equal(v->requests, requests);
	vdev_cpusource_free(s);
	return 0;
}

static void every_allocation_fails(void **state)
{
	struct rig r;

	(void)state;
	rig_begin(&r);
	assert_int_equal(vt_oom(scenario, &r), 3); /* the object, its vCPUs, their order */
	rig_end(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_fails),
	};

	return cmocka_run_group_tests_name("cpusource_oom", tests, NULL, NULL);
}
