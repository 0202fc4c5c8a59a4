/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: a million units work and stay small (R15). */
#include "test_removal_rig.h"

#include <stdlib.h>
#include <time.h>

#define UNITS 1000000u
#define MOST_BYTES 192u /* of one unit, all tables included */
#define MOST_SECONDS 3.0

static uint64_t units[UNITS];

/* A tenth under sanitizers and valgrind, which take their time and look for other things. */
static uint32_t unit_count(void)
{
	return getenv("VDEV_TEST_SLOW") ? UNITS / 10 : UNITS;
}

static double seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC; /* of this process: others may be busy */
}

static uint32_t level_of(uint32_t i)
{
	return i * 2654435761u >> 30;
}

static void add_all(struct vdev_removal *r, uint32_t count)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = VDEV_REMOVAL_PCI_FUNCTION,
				      .transport = VDEV_REMOVAL_ACPI};

	for (uint32_t i = 0; i < count; i++) {
		u.user_data = i;
		assert_int_equal(vdev_removal_add(r, 0, &u, &units[i]), 0);
		vdev_removal_declare(r, 0, units[i], VDEV_REMOVAL_GUEST, level_of(i));
	}
}

static void look_all_up(const struct vdev_removal *r, uint32_t count)
{
	uint32_t wrong = 0;

	for (uint32_t k = 0; k < 2 * count; k++) {
		uint32_t i = (uint32_t)((uint64_t)k * 2654435761u % count);

		wrong += vdev_removal_level(r, units[i]) != (int)level_of(i);
	}
	assert_int_equal(wrong, 0);
}

static void expect_small(const struct vdev_removal *r, uint64_t count)
{
	struct vdev_removal_stats stats;

	assert_int_equal(vdev_removal_stats(r, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.units, count);
	print_message("%llu units: %.1f bytes each\n", (unsigned long long)count,
		      (double)stats.bytes / (double)count);
	assert_true(stats.bytes <= count * MOST_BYTES);
}

static void remove_all(struct vdev_removal *r, uint32_t count)
{
	static const struct vdev_removal_request force = {.struct_size = sizeof(force),
							  .flags = VDEV_REMOVAL_FORCE};
	struct vdev_removal_stats stats;
	struct vdev_action a;

	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(vdev_removal_request(r, 0, units[i], &force), 1);
		while (vdev_removal_next(r, &a, sizeof(a)) == 1)
			vdev_removal_done(r, 0, a.id, 0);
	}
	vdev_removal_stats(r, &stats, sizeof(stats));
	assert_int_equal(stats.units, 0);
	assert_int_equal(stats.removed, count);
}

static void r15_a_million_units_work_and_stay_small(void **state)
{
	const struct vdev_removal_config config = {
		.struct_size = sizeof(config), .max_units = UNITS, .flags = VDEV_REMOVAL_COARSE};
	const uint32_t count = unit_count();
	struct vdev_removal *r;
	double start = seconds(), took;

	(void)state;
	assert_int_equal(vdev_removal_new(&r, NULL, &config), 0);
	add_all(r, count);
	look_all_up(r, count);
	expect_small(r, count);
	took = seconds() - start;
	print_message("added and looked up in %.2f s\n", took);
	assert_true(count < UNITS || took < MOST_SECONDS);
	remove_all(r, count);
	vdev_removal_free(r);
}

/* The promise holds while it grows, too, and for few units in an object made for many. */
static void r15_memory_follows_the_units(void **state)
{
	const struct vdev_removal_config config = {.struct_size = sizeof(config),
						   .max_units = VDEV_REMOVAL_MAX_UNITS};
	struct vdev_removal_unit u = {.struct_size = sizeof(u)};
	struct vdev_removal_stats before, stats;
	struct vdev_removal *r;
	uint64_t unit;

	(void)state;
	assert_int_equal(vdev_removal_new(&r, NULL, &config), 0);
	vdev_removal_stats(r, &before, sizeof(before));
	for (uint32_t i = 1; i <= 100000; i++) {
		assert_int_equal(vdev_removal_add(r, 0, &u, &unit), 0);
		if (i % 1000 || i < 20000)
			continue;
		vdev_removal_stats(r, &stats, sizeof(stats));
		assert_true(stats.bytes - before.bytes <= (uint64_t)i * MOST_BYTES);
	}
	vdev_removal_free(r);
}

static void r15_no_room_beyond_max_units(void **state)
{
	const struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = 3};
	struct vdev_removal_unit u = {.struct_size = sizeof(u)};
	struct vdev_removal *r;
	uint64_t unit = 99;

	(void)state;
	assert_int_equal(vdev_removal_new(&r, NULL, &config), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vdev_removal_add(r, 0, &u, &unit), 0);
	unit = 99;
	assert_int_equal(vdev_removal_add(r, 0, &u, &unit), -ENOSPC);
	assert_int_equal(unit, 99);
	vdev_removal_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r15_a_million_units_work_and_stay_small),
		cmocka_unit_test(r15_memory_follows_the_units),
		cmocka_unit_test(r15_no_room_beyond_max_units),
	};

	return cmocka_run_group_tests_name("removal_many", tests, NULL, NULL);
}
