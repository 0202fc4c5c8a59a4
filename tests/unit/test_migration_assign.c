/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: devices onto the functions of one host (M1, M8, M11), and what can be had of it. */
#include "test_migration_rig.h"

#define expect(t, wanted) assert_string_equal(mg_assign(t), wanted)

/* M1: is there hardware that can back the device? */
static void no_hardware_of_that_class(void **state)
{
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_want(&t, 0, UNKNOWN);
	expect(&t, "REFUSE:NOTHING");
	mg_set(mg_function(&t, 8), "class", "0x010802");
	expect(&t, "REFUSE:NOTHING");
	assert_int_equal(t.places[0].function, UNKNOWN);
	assert_int_equal(t.places[0].field, UNKNOWN);
	t.wants[0].flags = VDEV_MIGRATION_SOFTWARE;
	expect(&t, "EMULATE:NOTHING");
	mg_set(&t.here[0], "class", NULL); /* not known: not of the class of one that is */
	expect(&t, "EMULATE:NOTHING");
	mg_set(&t.there[0], "class", NULL); /* neither knows: nor may it be taken for the same */
	expect(&t, "EMULATE:DIFFERS");
	assert_int_equal(t.places[0].field, VDEV_MIGRATION_F_CLASS);
	mg_end(&t);
}

static void the_lowest_address_of_equal_ones(void **state)
{
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_function(&t, 24);
	mg_function(&t, 8);
	mg_function(&t, 16);
	mg_want(&t, 0, UNKNOWN);
	mg_want(&t, 0, UNKNOWN);
	expect(&t, "LIVE@8 LIVE@16");
	assert_int_equal(t.places[0].function, 1); /* as the host was handed in */
	assert_int_equal(t.places[1].function, 2);
	assert_int_equal(t.rank.verdict, VDEV_MIGRATION_LIVE);
	assert_int_equal(t.rank.counts[VDEV_MIGRATION_LIVE], 2);
	assert_int_equal(t.rank.user_data, 5);
	assert_int_equal(t.rank.reason, VDEV_MIGRATION_FITS);
	mg_end(&t);
}

/* M11: as many LIVE as can be, even if a device that is first in line gets another function for it. */
static void most_live_first(void **state)
{
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_set(mg_function(&t, 8), "firmware", "1");
	mg_function(&t, 16);
	mg_want(&t, 0, UNKNOWN);
	expect(&t, "LIVE@16");
	mg_want(&t, 0, UNKNOWN);
	mg_set(&t.here[0], "firmware", "2"); /* is rebuilt anyway */
	expect(&t, "QUIESCE_REBUILD@8 LIVE@16");
	assert_int_equal(t.places[0].reason, VDEV_MIGRATION_DIFFERS);
	assert_int_equal(t.places[0].field, VDEV_MIGRATION_F_FIRMWARE);
	assert_int_equal(t.rank.device, 0);
	assert_int_equal(t.rank.field, VDEV_MIGRATION_F_FIRMWARE);
	mg_end(&t);
}

/* A VM that can come at all is better than one LIVE device more. */
static void fewest_refused_before_all(void **state)
{
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_function(&t, 8);
	mg_set(mg_function(&t, 16), "class", "0x0200ff");
	mg_set(&t.there[1], "firmware", "1");
	mg_want(&t, 0, UNKNOWN);
	mg_want(&t, VDEV_MIGRATION_NO_REBUILD, UNKNOWN);
	expect(&t, "QUIESCE_REBUILD@16 LIVE@8");
	mg_end(&t);
}

/* M11: fewer rebuilds, and hardware before software. */
static void fewest_rebuilds(void **state)
{
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_set(mg_function(&t, 8), "firmware", "1");
	mg_set(mg_function(&t, 16), "pre_copy", "0");
	mg_want(&t, VDEV_MIGRATION_SOFTWARE, UNKNOWN);
	expect(&t, "LIVE_STOP_COPY_ONLY@16");
	mg_want(&t, VDEV_MIGRATION_SOFTWARE, UNKNOWN);
	expect(&t, "QUIESCE_REBUILD@8 LIVE_STOP_COPY_ONLY@16");
	mg_want(&t, VDEV_MIGRATION_SOFTWARE, UNKNOWN);
	expect(&t, "QUIESCE_REBUILD@8 LIVE_STOP_COPY_ONLY@16 EMULATE:CONTENDED");
	assert_int_equal(t.rank.verdict, VDEV_MIGRATION_EMULATE);
	assert_int_equal(t.rank.device, 2);
	assert_int_equal(t.rank.reason, VDEV_MIGRATION_CONTENDED);
	assert_int_equal(t.rank.function, 1); /* the one that would fit best */
	mg_end(&t);
}

/* M11: NUMA, after verdicts and before addresses. */
static void near_memory(void **state)
{
	static const uint8_t distances[9] = {10, 21, 31, 21, 10, 21, 31, 21, 10};
	struct mg t;

	(void)state;
	mg_init(&t);
	for (uint32_t i = 0; i < 3; i++)
		mg_function(&t, 8 + 8 * i)->node = 2 - i;
	t.host.node_count = 3;
	t.host.distances = distances;
	mg_want(&t, 0, 0);
	expect(&t, "LIVE@24");
	assert_int_equal(t.places[0].distance, 10);
	mg_want(&t, 0, 0);
	expect(&t, "LIVE@16 LIVE@24"); /* the same sum: the first device gets the lower address */
	assert_int_equal(t.rank.distance, 31);
	mg_set(&t.there[1], "firmware", "1"); /* LIVE far away before rebuilt nearby */
	expect(&t, "LIVE@8 LIVE@24");
	t.host.distances = NULL; /* 10 and 20 */
	expect(&t, "LIVE@8 LIVE@24");
	assert_int_equal(t.rank.distance, 30);
	t.wants[0].node = 9; /* a node that is not there is as far as one not known */
	expect(&t, "LIVE@8 LIVE@24");
	assert_int_equal(t.places[0].distance, 255);
	t.wants[0].node = UNKNOWN;
	expect(&t, "LIVE@8 LIVE@24");
	assert_int_equal(t.places[0].distance, 0);
	t.there[2].node = UNKNOWN;
	expect(&t, "LIVE@24 LIVE@8"); /* where nothing is known the other one is nearer */
	mg_end(&t);
}

/* M11: an IOMMU group goes to one VM, so one that somebody has a part of cannot be had. */
static void a_group_goes_to_one_vm(void **state)
{
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_function(&t, 8)->iommu_group = 3;
	mg_function(&t, 16)->iommu_group = 3;
	mg_want(&t, 0, UNKNOWN);
	mg_want(&t, 0, UNKNOWN);
	expect(&t, "LIVE@8 LIVE@16"); /* both to us */
	t.there[1].use = VDEV_MIGRATION_USED;
	expect(&t, "REFUSE:TAKEN REFUSE:TAKEN");
	assert_int_equal(t.places[0].function, 0);
	t.there[1].use = VDEV_MIGRATION_BRIDGE; /* does not count, and is not given away */
	expect(&t, "LIVE@8 REFUSE:CONTENDED");
	t.there[1].use = VDEV_MIGRATION_USED;
	t.there[1].iommu_group = 4;
	expect(&t, "LIVE@8 REFUSE:CONTENDED");
	t.there[0].iommu_group = UNKNOWN; /* groups of their own */
	t.there[1].iommu_group = UNKNOWN;
	expect(&t, "LIVE@8 REFUSE:CONTENDED");
	t.there[0].use = VDEV_MIGRATION_USE_UNKNOWN;
	t.there[1].use = VDEV_MIGRATION_FREE;
	expect(&t, "LIVE@8 LIVE@16");
	mg_end(&t);
}

/* A PF in place of a VF would rule over the VFs of others, and one with VFs cannot be had at all. */
static void pf_and_vf(void **state)
{
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_set(mg_function(&t, 8), "relation", "1");
	mg_want(&t, 0, UNKNOWN);
	expect(&t, "REFUSE:DIFFERS");
	assert_int_equal(t.places[0].field, VDEV_MIGRATION_F_RELATION);
	mg_set(&t.here[0], "relation", "1"); /* PF onto PF */
	expect(&t, "LIVE@8");
	mg_set(&t.here[0], "relation", "0"); /* no SR-IOV there: a PF will do */
	expect(&t, "LIVE@8");
	mg_set(&t.there[0], "sriov_vfs", "4");
	expect(&t, "REFUSE:TAKEN");
	mg_set(&t.there[0], "sriov_vfs", NULL);
	mg_set(&t.here[0], "sriov_vfs", NULL);
	expect(&t, "LIVE@8");
	mg_end(&t);
}

/* The least bad one is told, and of it the worst difference. */
static void the_reason_of_a_loser(void **state)
{
	struct mg t;
	struct vdev_migration_rule r;

	(void)state;
	mg_init(&t);
	mg_set(mg_function(&t, 8), "header_type", "1");
	mg_set(mg_function(&t, 16), "firmware", "1");
	mg_set(&t.there[1], "revision", "7");
	mg_want(&t, VDEV_MIGRATION_NO_REBUILD, UNKNOWN);
	expect(&t, "REFUSE:DIFFERS");
	assert_int_equal(t.places[0].function, 1);
	assert_int_equal(t.places[0].field, VDEV_MIGRATION_F_REVISION);
	assert_int_equal(vdev_migration_rules_get(NULL, t.places[0].rule, &r, sizeof(r)), 0);
	assert_int_equal(r.field, VDEV_MIGRATION_F_REVISION);
	t.there[1].use = VDEV_MIGRATION_BRIDGE;
	expect(&t, "REFUSE:DIFFERS");
	assert_int_equal(t.places[0].function, 0);
	mg_function(&t, 24)->use = VDEV_MIGRATION_USED;
	expect(&t, "REFUSE:TAKEN"); /* nearer than one that differs */
	assert_int_equal(t.places[0].function, 2);
	mg_end(&t);
}

/* M8: of two that are as bad the nearer one is told: a VF that differs in one thing, not the PF that differs in many. */
static void m8_the_nearest_miss(void **state)
{
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_set(mg_function(&t, 8), "relation", "1");
	mg_set(&t.there[0], "driver", "mlx5_core");
	mg_set(&t.there[0], "header_type", "1");
	mg_set(mg_function(&t, 16), "header_type", "1");
	mg_function(&t, 24);
	t.there[2] = t.there[1]; /* as near: the lower address is told */
	t.there[2].address = 24;
	mg_want(&t, 0, UNKNOWN);
	mg_want(&t, 0, UNKNOWN);
	expect(&t, "REFUSE:DIFFERS REFUSE:DIFFERS");
	for (uint32_t i = 0; i < 2; i++) { /* the second time it is remembered */
		assert_int_equal(t.places[i].function, 1);
		assert_int_equal(t.places[i].field, VDEV_MIGRATION_F_HEADER_TYPE);
	}
	mg_set(&t.there[1], "firmware", NULL); /* worse before more */
	mg_set(&t.there[1], "psid", NULL);
	mg_set(&t.there[1], "header_type", "0");
	mg_set(&t.there[1], "relation", "2");
	t.wants[0].flags = VDEV_MIGRATION_NO_REBUILD;
	t.wants[1].flags = VDEV_MIGRATION_NO_REBUILD;
	expect(&t, "REFUSE:DIFFERS REFUSE:DIFFERS");
	assert_int_equal(t.places[0].function, 1);
	assert_int_equal(t.places[0].field, VDEV_MIGRATION_F_FIRMWARE);
	mg_end(&t);
}

/* Nobody is left over whose turn would need others to move, as far as rows go. */
static void a_long_way_round(void **state)
{
	struct mg t;
	char fw[8];

	(void)state;
	mg_init(&t);
	for (uint32_t i = 0; i < 8; i++) {
		mg_function(&t, 8 + 8 * i)->node = i;
		snprintf(fw, sizeof(fw), "%u", i / 2);
		mg_set(&t.there[i], "firmware", fw);
		mg_set(mg_want(&t, 0, UNKNOWN), "firmware", fw);
	}
	expect(&t, "LIVE@8 LIVE@16 LIVE@24 LIVE@32 LIVE@40 LIVE@48 LIVE@56 LIVE@64");
	t.there[0].use =
		VDEV_MIGRATION_USED; /* one of 0 goes elsewhere, the last that nobody else has */
	mg_function(&t, 72)->node = 0;
	mg_set(&t.there[8], "firmware", "3");
	expect(&t, "LIVE@16 QUIESCE_REBUILD@56 LIVE@24 LIVE@32 LIVE@40 LIVE@48 LIVE@64 LIVE@72");
	mg_end(&t);
}

static void a_vm_without_devices(void **state)
{
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_function(&t, 8);
	expect(&t, "");
	assert_int_equal(t.rank.verdict, VDEV_MIGRATION_LIVE);
	assert_int_equal(t.rank.device, UNKNOWN);
	mg_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_hardware_of_that_class),
		cmocka_unit_test(the_lowest_address_of_equal_ones),
		cmocka_unit_test(most_live_first),
		cmocka_unit_test(fewest_refused_before_all),
		cmocka_unit_test(fewest_rebuilds),
		cmocka_unit_test(near_memory),
		cmocka_unit_test(a_group_goes_to_one_vm),
		cmocka_unit_test(pf_and_vf),
		cmocka_unit_test(the_reason_of_a_loser),
		cmocka_unit_test(m8_the_nearest_miss),
		cmocka_unit_test(a_long_way_round),
		cmocka_unit_test(a_vm_without_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
