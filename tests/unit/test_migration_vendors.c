/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: the built-in rules (M8): what each says has its source, and devices of each kind. */
#include "test_migration_rig.h"

static uint32_t rule_count(void)
{
	struct vdev_migration_rules *rules;
	int count;

	assert_int_equal(vdev_migration_rules_new(&rules, NULL, 0), 0);
	count = vdev_migration_rules_count(rules);
	vdev_migration_rules_free(rules);
	return (uint32_t)count;
}

static void each_field_and_each_source(void **state)
{
	uint32_t count = rule_count();
	uint64_t named = 0;

	(void)state;
	for (uint32_t i = 0; i < count; i++) {
		struct vdev_migration_rule r;

		assert_int_equal(vdev_migration_rules_get(NULL, i, &r, sizeof(r)), 0);
		assert_int_not_equal(r.note[0], '\0');
		assert_int_equal(r.origin, 0);
		if (!r.class_mask && !r.vendor_mask && !r.device_mask)
			named |= UINT64_C(1) << r.field;
	}
	assert_int_equal(named, (UINT64_C(1) << VDEV_MIGRATION_FIELDS) - 1);
}

/* NVIDIA: same PSID and same firmware, and they have to be known. */
static void mlx5(void **state)
{
	static const char *const devices[] = {"0x1018", "0x101a", "0x101c", "0x101e"};

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(devices); i++) {
		struct vdev_migration_device a = mg_vf(), b;

		mg_set(&a, "device", devices[i]);
		b = a;
		mg_expect(&a, &b, 0, "LIVE");
		mg_set(&b, "firmware", "28.42.1000"); /* later is not the same */
		mg_expect(&a, &b, 0, "QUIESCE_REBUILD firmware");
		mg_set(&a, "firmware", NULL);
		mg_set(&a, "psid", NULL);
		mg_expect(&a, &a, 0, "QUIESCE_REBUILD firmware psid");
	}
}

static void virtio(void **state)
{
	struct vdev_migration_device a = mg_vf(), b;

	(void)state;
	mg_set(&a, "vendor", "0x1af4");
	mg_set(&a, "device", "0x1041");
	mg_set(&a, "revision", "1");
	mg_set(&a, "features", "0x130000000");
	b = a;
	mg_set(&b, "features", "0x530000000");
	mg_set(&b, "revision", "2");
	mg_set(&b, "firmware", "other");
	mg_expect(&a, &b, 0, "LIVE");
	mg_expect(&b, &a, 0, "QUIESCE_REBUILD revision features");
}

static void nvme(void **state)
{
	struct vdev_migration_device a = mg_vf(), b;

	(void)state;
	mg_set(&a, "class", "0x010802");
	mg_set(&a, "vendor", "0x144d");
	b = a;
	mg_set(&b, "msix_size", "64");
	mg_expect(&a, &b, 0, "LIVE");
	mg_expect(&b, &a, 0, "QUIESCE_REBUILD msix_size");
	b = a;
	mg_set(&b, "class", "0x010803");
	mg_expect(&a, &b, 0, "REFUSE class");
	mg_set(&a, "firmware", NULL);
	mg_expect(&a, &a, 0, "QUIESCE_REBUILD firmware");
}

/* Their guests see no firmware: they have a mailbox to the PF's driver. */
static void intel_vfs(void **state)
{
	static const char *const devices[] = {"0x10ca", "0x1520", "0x10ed",
					      "0x1515", "0x1565", "0x1889"};

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(devices); i++) {
		struct vdev_migration_device a = mg_vf(), b;

		mg_set(&a, "vendor", "0x8086");
		mg_set(&a, "device", devices[i]);
		b = a;
		mg_set(&b, "firmware", "4.40");
		mg_set(&b, "firmware_mgmt", "2");
		mg_set(&b, "firmware_app", NULL);
		mg_expect(&a, &b, 0, "LIVE");
		mg_set(&b, "revision", "2");
		mg_expect(&a, &b, 0,
			  i == VT_COUNT(devices) - 1 ? "LIVE" : "QUIESCE_REBUILD revision");
		mg_set(&a, "stop_copy", "0"); /* as they are without a driver that migrates */
		mg_expect(&a, &a, 0, "QUIESCE_REBUILD stop_copy");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_and_each_source),
		cmocka_unit_test(mlx5),
		cmocka_unit_test(virtio),
		cmocka_unit_test(nvme),
		cmocka_unit_test(intel_vfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
