/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole removal through the runtime with each of its allocations failing in turn. */
#include "test_runtime_rig.h"

static int hook(void *user, uint64_t dev, uint64_t user_data)
{
	uint32_t *calls = user;

	(void)dev, (void)user_data;
	++*calls;
	return 0;
}

static int scenario(struct vt_env *v, void *arg)
{
	const struct vdev_runtime_config config = {
		.struct_size = sizeof(config), .max_backends = PARTS, .max_later = 2};
	const struct vdev_removal_config removal = {.struct_size = sizeof(removal),
						    .max_units = 64};
	struct rig r = {.count = 0};
	uint32_t calls = 0;
	uint64_t unit;
	int err = vdev_runtime_new(&r.rt, &v->env, &config);

	(void)arg;
	assert_true(err ? r.rt == NULL : r.rt != NULL);
	if (err)
		return err;
	assert_int_equal(vdev_removal_new(&r.removal, NULL, &removal), 0);
	assert_int_equal(vdev_runtime_set_removal(r.rt, r.removal), 0);
	assert_int_equal(vdev_runtime_set_hook(r.rt, VDEV_RUNTIME_MAILBOX, hook, &calls), 0);
	rig_backend(&r, 0, 0);
	r.parts[0].kind = VDEV_REMOVAL_RESET;
	r.parts[0].answer = VDEV_BACKEND_LATER;
	unit = rig_add(&r);
	rig_request(&r, unit, 0);
	/* Whether or not there is memory, the removal comes to its end. */
	assert_int_equal(vdev_runtime_dispatch(r.rt), 4);
	assert_int_equal(
		vdev_runtime_complete(r.rt, rig_find(&r, VDEV_REMOVAL_RESET)->action.id, 0), 0);
	assert_int_equal(vdev_runtime_dispatch(r.rt), 5);
	assert_true(rig_gone(&r, unit));
	assert_true(calls >= 1 && (calls == 1 || v->failed));
	vdev_runtime_free(r.rt);
	vdev_removal_free(r.removal);
	return 0;
}

static void every_allocation_fails(void **state)
{
	(void)state;
	assert_true(vt_oom(scenario, NULL) >= 5);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_fails),
	};

	return cmocka_run_group_tests_name("runtime_oom", tests, NULL, NULL);
}
