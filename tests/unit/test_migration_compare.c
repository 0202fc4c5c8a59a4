/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: one device against one function (M2, M3, M8). */
#include "test_migration_rig.h"

/* M3: nothing differs. Serial numbers do, and are meant to. */
static void the_same_moves_live(void **state)
{
	struct vdev_migration_device a = mg_vf(), b = a;

	(void)state;
	mg_expect(&a, &b, 0, "LIVE");
	b.address = 99;
	b.node = 3;
	b.iommu_group = 8;
	b.use = VDEV_MIGRATION_USED;
	mg_set(&b, "serial", "B");
	mg_set(&b, "part", "other");
	mg_set(&b, "power_state", "3");
	mg_set(&b, "link_speed", "1");
	mg_expect(&a, &b, 0, "LIVE");
}

struct identity {
	const char *field, *value, *wanted;
};

/* M2: hardware type and version, field by field. */
static void each_part_of_the_identity_counts(void **state)
{
	static const struct identity rows[] = {
		{"vendor", "0x8086", "QUIESCE_REBUILD vendor"},
		{"device", "0x101c", "QUIESCE_REBUILD device"},
		{"subsystem_vendor", "1", "QUIESCE_REBUILD subsystem_vendor"},
		{"subsystem_device", "1", "QUIESCE_REBUILD subsystem_device"},
		{"revision", "1", "QUIESCE_REBUILD revision"},
		{"class", "0x010802", "REFUSE class"},
		{"class", "0x0200ff", "LIVE"}, /* interface: M1 asks for class and subclass */
		{"header_type", "1", "REFUSE header_type"},
		{"relation", "1", "REFUSE relation"}, /* a PF */
		{"firmware", "28.41.1001", "QUIESCE_REBUILD firmware"},
		{"psid", "MT_2", "QUIESCE_REBUILD psid"},
		{"driver", "vfio-pci", "QUIESCE_REBUILD driver"},
		{"driver_version", "6.6", "QUIESCE_REBUILD driver_version"},
		{"driver_version", "6.10", "LIVE"}, /* later */
		{"stream_version", "2", "QUIESCE_REBUILD stream_version"},
		{"stop_copy", "0", "QUIESCE_REBUILD stop_copy"},
		{"p2p", "0", "QUIESCE_REBUILD p2p"},
		{"pre_copy", "0", "LIVE_STOP_COPY_ONLY pre_copy"},
		{"bar0", "4096", "QUIESCE_REBUILD bar0"},
		{"bar_kinds", "0", "QUIESCE_REBUILD bar_kinds"},
		{"sriov_total", "8", "QUIESCE_REBUILD sriov_total"},
		{"msix_size", "13", "QUIESCE_REBUILD msix_size"},
		{"reset", "0", "QUIESCE_REBUILD reset"},
		{"reset", "9", "LIVE"}, /* by the bus as well: an affair of the host */
		{"sriov_vfs", "4", "LIVE"},
	};

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		struct vdev_migration_device a = mg_vf(), b = a;

		mg_set(&b, rows[i].field, rows[i].value);
		mg_expect(&a, &b, 0, rows[i].wanted);
	}
}

/* M1: what is not known to be of one class is not taken for it, not even if neither side knows. */
static void m1_the_class_must_be_known(void **state)
{
	struct vdev_migration_device a = mg_vf(), b = a;

	(void)state;
	mg_set(&b, "class", NULL);
	mg_expect(&a, &b, 0, "REFUSE class");
	mg_set(&a, "class", NULL);
	mg_expect(&a, &b, 0, "REFUSE class");
}

/* M2: capability layout: id, place, version, order, number. */
static void the_layout_counts(void **state)
{
	struct vdev_migration_device a = mg_vf(), b = a;
	struct vdev_migration_cap swap;

	(void)state;
	b.caps[1].offset = 0xa0;
	mg_expect(&a, &b, 0, "QUIESCE_REBUILD caps");
	b = a;
	b.caps[2].version = 2;
	mg_expect(&a, &b, 0, "QUIESCE_REBUILD caps");
	b = a;
	b.caps[0].id = 5;
	mg_expect(&a, &b, 0, "QUIESCE_REBUILD caps");
	b = a;
	b.cap_count--;
	mg_expect(&a, &b, 0, "QUIESCE_REBUILD caps");
	b = a;
	b.caps[2].extended = 0;
	mg_expect(&a, &b, 0, "QUIESCE_REBUILD caps");
	b = a;
	swap = b.caps[0];
	b.caps[0] = b.caps[1];
	b.caps[1] = swap;
	mg_expect(&a, &b, 0, "QUIESCE_REBUILD caps");
}

/* A layout that has at least what the other has, by a rule of one's own. */
static void a_layout_may_hold_more(void **state)
{
	struct vdev_migration_rules *r = mg_rules("caps at-least REFUSE");
	struct vdev_migration_device a = mg_vf(), b = a;

	(void)state;
	mg_cap(&b, 0x01, 0x200, 1);
	b.caps[2].version = 3;
	mg_expect_by(r, &a, &b, 0, "LIVE");
	mg_expect_by(r, &b, &a, 0, "REFUSE caps");
	b = a;
	b.caps[0].offset++;
	mg_expect_by(r, &a, &b, 0, "REFUSE caps");
	b = a;
	b.caps[0].id++;
	mg_expect_by(r, &a, &b, 0, "REFUSE caps");
	b = a;
	b.caps[0].extended = 1;
	mg_expect_by(r, &a, &b, 0, "REFUSE caps");
	vdev_migration_rules_free(r);
}

/* Not known is something else than 0, and than nothing. */
static void what_is_not_known(void **state)
{
	struct vdev_migration_device a = mg_vf(), b = a;

	(void)state;
	mg_set(&b, "msix_size", NULL);
	mg_expect(&a, &b, 0, "QUIESCE_REBUILD msix_size");
	mg_expect(&b, &a, 0, "QUIESCE_REBUILD msix_size");
	mg_expect(&b, &b, 0, "LIVE");
	a = b;
	mg_set(&a, "msix_size", "0");
	mg_expect(&a, &b, 0, "QUIESCE_REBUILD msix_size");
	/* NEED and must-know: not even if both sides do not know. */
	a = mg_vf();
	mg_set(&a, "stop_copy", NULL);
	mg_set(&a, "psid", NULL);
	mg_expect(&a, &a, 0, "QUIESCE_REBUILD stop_copy psid");
}

static void flags_of_differences(void **state)
{
	struct vdev_migration_device a = mg_vf(), b = a;
	struct vdev_migration_difference d[2];
	struct vdev_migration_result r;

	(void)state;
	mg_set(&a, "bar0", NULL);
	mg_set(&b, "psid", NULL);
	assert_int_equal(
		vdev_migration_compare(NULL, &a, &b, SIZE, 0, &r, sizeof(r), d, sizeof(d[0]), 2),
		0);
	assert_int_equal(r.differences, 2);
	assert_int_equal(d[0].flags, VDEV_MIGRATION_SOURCE_UNKNOWN);
	assert_int_equal(d[1].flags, VDEV_MIGRATION_DESTINATION_UNKNOWN);
	assert_int_equal(d[0].kind, VDEV_MIGRATION_EXACT);
	assert_int_equal(d[0].origin, 0);
	assert_int_equal(d[0].line, d[0].rule + 1);
	/* Less room than differences: they are counted all the same. */
	memset(d, 0xa5, sizeof(d));
	assert_int_equal(
		vdev_migration_compare(NULL, &a, &b, SIZE, 0, &r, sizeof(r), d, sizeof(d[0]), 1),
		0);
	assert_int_equal(r.differences, 2);
	assert_int_equal(d[1].field, 0xa5a5a5a5);
	assert_int_equal(vdev_migration_compare(NULL, &a, &b, SIZE, 0, &r, sizeof(r), NULL, 0, 0),
			 0);
	assert_int_equal(r.verdict, VDEV_MIGRATION_QUIESCE_REBUILD);
}

/* M8: no hardware there is EMULATE with a software backing, else REFUSE. */
static void facts_about_the_device(void **state)
{
	struct vdev_migration_device a = mg_vf(), b = a, c = a;

	(void)state;
	mg_set(&b, "class", "0x010802");
	mg_expect(&a, &b, 0, "REFUSE class");
	mg_expect(&a, &b, VDEV_MIGRATION_SOFTWARE, "EMULATE class");
	mg_set(&c, "firmware", "1");
	mg_expect(&a, &c, VDEV_MIGRATION_NO_REBUILD, "REFUSE firmware");
	mg_expect(&a, &c, VDEV_MIGRATION_NO_REBUILD | VDEV_MIGRATION_SOFTWARE, "EMULATE firmware");
	mg_expect(&a, &c, VDEV_MIGRATION_SOFTWARE, "QUIESCE_REBUILD firmware");
	mg_expect(&a, &a, VDEV_MIGRATION_NO_REBUILD, "LIVE");
	mg_set(&c, "firmware", "28.41.1000");
	mg_set(&c, "pre_copy", "0");
	mg_expect(&a, &c, VDEV_MIGRATION_NO_REBUILD, "LIVE_STOP_COPY_ONLY pre_copy");
}

/* M8: the worst of all differences is the verdict. */
static void the_worst_wins(void **state)
{
	struct vdev_migration_rules *r = mg_rules("device exact LIVE_STOP_COPY_ONLY\n"
						  "revision exact EMULATE\n"
						  "psid exact QUIESCE_REBUILD\n");
	struct vdev_migration_device a = mg_vf(), b = a;

	(void)state;
	mg_set(&b, "device", "1");
	mg_expect_by(r, &a, &b, VDEV_MIGRATION_SOFTWARE, "LIVE_STOP_COPY_ONLY device");
	mg_set(&b, "psid", "1");
	mg_expect_by(r, &a, &b, VDEV_MIGRATION_SOFTWARE, "QUIESCE_REBUILD device psid");
	mg_set(&b, "revision", "1");
	mg_expect_by(r, &a, &b, VDEV_MIGRATION_SOFTWARE, "EMULATE device revision psid");
	mg_expect_by(r, &a, &b, 0, "REFUSE device revision psid");
	vdev_migration_rules_free(r);
}

struct order {
	const char *less, *more;
};

static void versions_are_numbers(void **state)
{
	static const struct order rows[] = {
		{"1.9", "1.10"},
		{"16.35.1012", "16.35.2000"},
		{"1.0", "1.0.1"},
		{"1.0.rc1", "1.0.1"},
		{"9.20 0x8000d8c5", "9.30 0x8000d8c5"},
		{"a", "b"},
		{"a", "ab"},
		{"", "0"},
		{"1.2.rc1", "1.2.rc2"},
		{"18446744073709551615", "18446744073709551616"},
		{"1.x", "1.x.0"},
		{"abc", "1"},
		{"A", "B"},
		{"A", "a"},
	};
	static const struct order same[] = {{"1.02", "1.2"}, {"1-2", "1.2"}, {"v0", "v00"},
					    {"1_2", "1.2"},  {"1{2", "1.2"}, {"", ""}};
	struct vdev_migration_rules *r = mg_rules("firmware at-least REFUSE");
	struct vdev_migration_device a = mg_vf(), b = a;

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		mg_set(&a, "firmware", rows[i].less);
		mg_set(&b, "firmware", rows[i].more);
		mg_expect_by(r, &a, &b, 0, "LIVE");
		mg_expect_by(r, &b, &a, 0, "REFUSE firmware");
	}
	for (uint32_t i = 0; i < VT_COUNT(same); i++) {
		mg_set(&a, "firmware", same[i].less);
		mg_set(&b, "firmware", same[i].more);
		mg_expect_by(r, &a, &b, 0, "LIVE");
		mg_expect_by(r, &b, &a, 0, "LIVE");
	}
	vdev_migration_rules_free(r);
}

static void kinds_of_numbers(void **state)
{
	struct vdev_migration_rules *r = mg_rules("msix_size at-least REFUSE\n"
						  "features at-least REFUSE\n"
						  "bar0 need value=4096 REFUSE\n"
						  "reset need value=3 REFUSE\n"
						  "slot_caps exact mask=f0 REFUSE\n");
	struct vdev_migration_device a = mg_vf(), b;

	(void)state;
	mg_set(&a, "features", "5");
	mg_set(&a, "bar0", "4096");
	mg_set(&a, "reset", "7");
	mg_set(&a, "slot_caps", "0x12");
	b = a;
	mg_set(&b, "features", "7");
	mg_set(&b, "msix_size", "13");
	mg_set(&b, "slot_caps", "0x11");
	mg_expect_by(r, &a, &b, 0, "LIVE");
	mg_expect_by(r, &b, &a, 0, "REFUSE msix_size features");
	mg_set(&b, "features", "0xa"); /* more, but not the same bits */
	mg_set(&b, "bar0", "4095");
	mg_set(&b, "reset", "5");
	mg_set(&b, "slot_caps", "0x22");
	mg_expect_by(r, &a, &b, 0, "REFUSE reset slot_caps bar0 features");
	mg_set(&b, "features", "5");
	mg_set(&b, "msix_size", "12");
	mg_expect_by(r, &b, &a, 0, "REFUSE reset slot_caps bar0"); /* NEED asks both sides */
	vdev_migration_rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_moves_live),
		cmocka_unit_test(each_part_of_the_identity_counts),
		cmocka_unit_test(m1_the_class_must_be_known),
		cmocka_unit_test(the_layout_counts),
		cmocka_unit_test(a_layout_may_hold_more),
		cmocka_unit_test(what_is_not_known),
		cmocka_unit_test(flags_of_differences),
		cmocka_unit_test(facts_about_the_device),
		cmocka_unit_test(the_worst_wins),
		cmocka_unit_test(versions_are_numbers),
		cmocka_unit_test(kinds_of_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
