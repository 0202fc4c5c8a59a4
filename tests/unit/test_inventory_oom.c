/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventory: each allocation of the library fails in turn; no child is left, nothing leaks. */
#include "vt_test.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include <vdev/inventory.h>

static int scenario(struct vt_env *v, void *arg)
{
	struct vdev_inventory_config config = {.struct_size = sizeof(config),
					       .source = VDEV_INVENTORY_SYSFS,
					       .path = arg,
					       .reader = VDEV_TEST_READER};
	struct vdev_inventory *inventory = NULL;
	int err = vdev_inventory_new(&inventory, &v->env, &config);

	assert_true(err == 0 || err == -ENOMEM);
	assert_true((inventory == NULL) == (err != 0));
	vdev_inventory_free(inventory);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return err;
}

static void each_allocation(void **state)
{
	(void)state;
	assert_true(vt_oom(scenario, (char[]){VDEV_SOURCE "/tests/inventory/qemu-sriov"}) >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
