/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventory (M12): devices as the migration engine takes them. */
#include "test_inventory_rig.h"

static int known(const struct vdev_migration_device *m, uint32_t field)
{
	return (int)(m->known >> field & 1);
}

static void descriptors(void **state)
{
	struct vdev_migration_device m;
	struct vdev_inventory_device d;

	(void)state;
	vdev__inventory_unknown(&d);
	d.bus = 0x3b;
	d.slot = d.function = 0;
	d.domain = 1;
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_true(m.address == VDEV_MIGRATION_ADDRESS(1, 0x3b, 0, 0));
	assert_int_equal(m.known & ~(1ull << VDEV_MIGRATION_F_CAPS), 0);
	assert_int_equal(m.use, VDEV_MIGRATION_USE_UNKNOWN);
	assert_int_equal(m.node, VDEV_MIGRATION_UNKNOWN);
	assert_true(m.pf == VDEV_NONE);
	d.flags = VDEV_INVENTORY_VF | VDEV_INVENTORY_PCIE;
	d.pf_domain = 1;
	d.pf_bus = 0x3b;
	d.pf_slot = 0;
	d.pf_function = 1;
	d.vendor = 0;
	d.bound = 1;
	strcpy(d.driver, "vfio-pci");
	d.vfio_open = 0;
	d.vfio_flags = 5;
	d.reset = VDEV_INVENTORY_RESET_FLR | VDEV_INVENTORY_RESET_ACPI;
	d.power_state = 4;
	d.serial = 7;
	d.version_count = 3;
	strcpy(d.versions[0].name, "fw.psid");
	strcpy(d.versions[0].value, "MT_1");
	strcpy(d.versions[1].name, "fw");
	strcpy(d.versions[1].value, "16.35");
	strcpy(d.versions[2].name, "board.id");
	memset(d.versions[2].value, 'b', VDEV_INVENTORY_VERSION - 1); /* is shortened */
	d.cap_count = 1;
	d.caps[0].id = 0x10;
	d.caps[0].version = 2;
	d.caps[0].offset = 0xa0;
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_true(m.pf == VDEV_MIGRATION_ADDRESS(1, 0x3b, 0, 1));
	assert_int_equal(m.use, VDEV_MIGRATION_FREE);
	assert_int_equal(m.relation, VDEV_MIGRATION_VF);
	assert_true(known(&m, VDEV_MIGRATION_F_VENDOR)); /* 0 is not "not known" */
	assert_true(m.stop_copy && !m.p2p && m.pre_copy && known(&m, VDEV_MIGRATION_F_P2P));
	assert_int_equal(m.reset, VDEV_MIGRATION_RESET_FLR | VDEV_MIGRATION_RESET_DEVICE);
	assert_false(known(&m, VDEV_MIGRATION_F_POWER_STATE)); /* D3cold is none of the engine's */
	assert_string_equal(m.psid, "MT_1");
	assert_string_equal(m.firmware, "16.35");
	assert_int_equal(strlen(m.board), VDEV_MIGRATION_TEXT - 1);
	assert_true(known(&m, VDEV_MIGRATION_F_CAPS) && m.cap_count == 1 && m.caps[0].id == 0x10);
	assert_true(m.device_serial == 7 && known(&m, VDEV_MIGRATION_F_DEVICE_SERIAL));
	d.vfio_open = 1;
	d.flags |= VDEV_INVENTORY_BAD_CAPS;
	d.reset |= VDEV_INVENTORY_RESET_SOME;
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_int_equal(m.use, VDEV_MIGRATION_USED);
	assert_false(known(&m, VDEV_MIGRATION_F_CAPS));
	assert_false(known(&m, VDEV_MIGRATION_F_RESET));
	/* M12: nobody asked VFIO, so nobody knows. */
	d.vfio_open = VDEV_INVENTORY_UNKNOWN;
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_int_equal(m.use, VDEV_MIGRATION_USE_UNKNOWN);
}

static void more_of_descriptors(void **state)
{
	static const char *const names[] = {"fw.bundle_id", "fw.mgmt",      "fw.app",
					    "fw.version",   "fw.bundle_id", "asic.id"};
	struct vdev_migration_device m;
	struct vdev_inventory_device d;

	(void)state;
	vdev__inventory_unknown(&d);
	d.power_state = 3;
	d.bound = 0;
	d.flags = VDEV_INVENTORY_PF | VDEV_INVENTORY_PCIE;
	d.reset = VDEV_INVENTORY_RESET_BUS;
	d.header_type = 2;
	d.version_count = VT_COUNT(names);
	for (uint32_t i = 0; i < VT_COUNT(names); i++) {
		strcpy(d.versions[i].name, names[i]);
		d.versions[i].value[0] = (char)('a' + i);
	}
	d.cap_count = VDEV_MIGRATION_CAPS + 1; /* more than the engine takes */
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_false(known(&m, VDEV_MIGRATION_F_CAPS));
	assert_int_equal(m.power_state, 3);
	assert_int_equal(m.relation, VDEV_MIGRATION_PF);
	assert_int_equal(m.use, VDEV_MIGRATION_BRIDGE);
	assert_int_equal(m.reset, VDEV_MIGRATION_RESET_BUS);
	assert_string_equal(m.firmware_mgmt, "b");
	assert_string_equal(m.firmware_app, "c");
	assert_string_equal(m.firmware, "d"); /* not the bundle's, which is another number */
	d.header_type = 0;
	d.flags = VDEV_INVENTORY_VF; /* of a PF that is not known */
	d.cap_count = 1;
	d.caps[0].flags = VDEV_INVENTORY_EXTENDED;
	d.caps[0].version = 2;
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_int_equal(m.use, VDEV_MIGRATION_FREE);
	assert_true(m.pf == VDEV_NONE && m.caps[0].extended && m.caps[0].version == 2);
	d.bound = 1;
	strcpy(d.driver, "nvme");
	d.flags = 0;
	d.total_vfs = 0;
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_int_equal(m.use, VDEV_MIGRATION_USED);
	assert_true(known(&m, VDEV_MIGRATION_F_RELATION) && m.relation == VDEV_MIGRATION_PLAIN);
}

static void descriptors_of_bars(void **state)
{
	struct vdev_migration_device m;
	struct vdev_inventory_device d;

	(void)state;
	vdev__inventory_unknown(&d);
	d.header_type = 1;
	for (uint32_t i = 0; i < 7; i++)
		d.bars[i].size = 0;
	d.bars[0].size = 0x800000;
	d.bars[0].flags = VDEV_INVENTORY_MEMORY | VDEV_INVENTORY_64BIT | VDEV_INVENTORY_PREFETCH;
	d.bars[2].flags = VDEV_INVENTORY_IO;
	d.bars[2].size = VDEV_NONE; /* what kind it is, but not how large */
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_int_equal(m.use, VDEV_MIGRATION_BRIDGE);
	assert_int_equal(m.bar_kinds, VDEV_MIGRATION_BAR_MEM | VDEV_MIGRATION_BAR_64 |
					      VDEV_MIGRATION_BAR_PREFETCH |
					      VDEV_MIGRATION_BAR_IO << 8);
	assert_true(known(&m, VDEV_MIGRATION_F_BAR_KINDS) && known(&m, VDEV_MIGRATION_F_BAR0));
	assert_false(known(&m, VDEV_MIGRATION_F_BAR0 + 2));
	assert_true(m.bar[0] == 0x800000 && known(&m, VDEV_MIGRATION_F_ROM));
	d.bars[3].size = VDEV_NONE;
	d.bars[6].size = VDEV_NONE;
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_false(known(&m, VDEV_MIGRATION_F_BAR_KINDS) || known(&m, VDEV_MIGRATION_F_ROM));
}

/* Texts that the engine has no room for differ where the whole ones do. */
static void long_texts(void **state)
{
	struct vdev_migration_device m, other;
	struct vdev_inventory_device d;

	(void)state;
	vdev__inventory_unknown(&d);
	d.version_count = 1;
	strcpy(d.versions[0].name, "fw");
	memset(d.versions[0].value, 'v', 47);
	memset(d.vpd_serial, 's', VDEV_INVENTORY_NAME - 1);
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_string_equal(m.firmware, d.versions[0].value); /* fits */
	assert_memory_equal(m.serial, "ssssssssssssssssssssssssssssss~", 31);
	assert_int_equal(strlen(m.serial), 47);
	for (uint32_t at = 0; at < VDEV_INVENTORY_VERSION - 1; at++) {
		memset(d.versions[0].value, 'v', VDEV_INVENTORY_VERSION - 1);
		assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
		d.versions[0].value[at] = 'w';
		assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &other, sizeof(other)), 0);
		assert_string_not_equal(m.firmware, other.firmware);
	}
	/* The hash is the one that is written down. */
	strcpy(d.versions[0].value, "123456789012345678901234567890123456789012345678");
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), 0);
	assert_string_equal(m.firmware, "123456789012345678901234567890~53b13a5e7c79cf3d");
}

static void misuse_of_describe(void **state)
{
	struct vdev_migration_device m;
	struct vdev_inventory_device d;

	(void)state;
	vdev__inventory_unknown(&d);
	assert_int_equal(vdev_inventory_describe(NULL, sizeof(d), &m, sizeof(m)), -EINVAL);
	assert_int_equal(vdev_inventory_describe(&d, 4, &m, sizeof(m)), -EINVAL);
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), NULL, sizeof(m)), -EINVAL);
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, 0), -EINVAL);
	d.cap_count = VDEV_INVENTORY_MAX_CAPS + 1;
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), -EINVAL);
	d.cap_count = 0;
	d.version_count = VDEV_INVENTORY_MAX_VERSIONS + 1;
	assert_int_equal(vdev_inventory_describe(&d, sizeof(d), &m, sizeof(m)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors),         cmocka_unit_test(more_of_descriptors),
		cmocka_unit_test(descriptors_of_bars), cmocka_unit_test(long_texts),
		cmocka_unit_test(misuse_of_describe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
