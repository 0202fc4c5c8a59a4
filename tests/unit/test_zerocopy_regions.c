/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: regions come and go while blocks are lent. A queue remembers the region of its last
 * block, which may be another one by then, or none (Z1).
 */
#include "test_zerocopy_rig.h"

static void place_all(struct vt_zerocopy *t)
{
	vz_place(t, 'a', VZ_RAM, VZ_PAGE);
	vz_place(t, 'h', VZ_HUGE, VZ_PAGE);
	vz_place(t, 'f', VZ_FIXED, VZ_PAGE);
}

/* The last region takes the place of one that is removed. */
static void z1_remembered_region_is_gone(void **state)
{
	struct vt_zerocopy *t = *state;

	place_all(t);
	assert_int_equal(vz_reserve(t, 'f'), VDEV_ZEROCOPY_COPY_FIXED);
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_HUGE), 0);
	assert_int_equal(vz_reserve(t, 'h'), -EFAULT);
	assert_int_equal(vz_reserve(t, 'f'), VDEV_ZEROCOPY_COPY_FIXED);
	lend(t, 'a');
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_FIXED), 0);
	assert_int_equal(vz_reserve(t, 'f'), -EFAULT);
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	lend(t, 'a');
}

static void z1_remembered_region_is_the_last_one_removed(void **state)
{
	struct vt_zerocopy *t = *state;

	place_all(t);
	assert_int_equal(vz_reserve(t, 'f'), VDEV_ZEROCOPY_COPY_FIXED);
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_FIXED), 0);
	assert_int_equal(vz_reserve(t, 'f'), -EFAULT);
	lend(t, 'h');
	lend(t, 'a');
	assert_int_equal(vz_add_memory(t, VZ_FIXED, VZ_FIXED_SIZE, VZ_PAGE, 0), 0);
	lend(t, 'f'); /* it is no fixed one now */
	vz_expect(t, vz_reclaim(t, 'f', 0), "OFFLINE:fQ ACCESSIBLE:fQ+RECLAIMED");
}

/* As many as there may be; the next one has no place until one goes. */
static void z1_as_many_regions_as_there_may_be(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t base = UINT64_C(1) << 40, n = VDEV_ZEROCOPY_MAX_MEMORY - 3;

	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(vz_add_memory(t, base + i * VZ_PAGE, VZ_PAGE, VZ_PAGE, 0), 0);
	assert_int_equal(vz_add_memory(t, base + n * VZ_PAGE, VZ_PAGE, VZ_PAGE, 0), -ENOSPC);
	for (uint64_t i = 0; i < n; i++) {
		vz_place(t, 'a', base + i * VZ_PAGE, VZ_PAGE);
		lend(t, 'a');
		assert_int_equal(vz_complete(t, 'a', TASK), OVER);
		assert_int_equal(vdev_zerocopy_remove_memory(t->z, base + i * VZ_PAGE), 0);
		assert_int_equal(vz_reserve(t, 'a'), -EFAULT);
	}
	assert_int_equal(vz_add_memory(t, base, VZ_PAGE, VZ_PAGE, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z1_remembered_region_is_gone),
		TEST(z1_remembered_region_is_the_last_one_removed),
		TEST(z1_as_many_regions_as_there_may_be),
	};

	return cmocka_run_group_tests_name("zerocopy_regions", tests, NULL, NULL);
}
