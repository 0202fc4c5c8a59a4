/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: addresses, granules and epochs (Z10). */
#include "test_zerocopy_rig.h"

#define OFFLINE VDEV_ZEROCOPY_OFFLINE
#define P VZ_PAGE

static int at(struct vt_zerocopy *t, uint64_t address, uint64_t length)
{
	int ret;

	vz_place(t, 'x', address, length);
	ret = vz_reserve(t, 'x');
	if (ret == VDEV_ZEROCOPY_LEND)
		assert_int_equal(vz_abort(t, 'x'), 0);
	return ret;
}

static void z10_addresses_out_of_range(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(at(t, VZ_RAM, 0), -EINVAL);
	assert_int_equal(at(t, VZ_RAM - 1, 1), -EFAULT);
	assert_int_equal(at(t, VZ_RAM, 1), 0);
	assert_int_equal(at(t, VZ_RAM, VZ_RAM_SIZE), 0);
	assert_int_equal(at(t, VZ_RAM, VZ_RAM_SIZE + 1), -EFAULT);
	assert_int_equal(at(t, VZ_RAM + VZ_RAM_SIZE - 1, 1), 0);
	assert_int_equal(at(t, VZ_RAM + VZ_RAM_SIZE - 1, 2), -EFAULT);
	assert_int_equal(at(t, VZ_RAM + VZ_RAM_SIZE, 1), -EFAULT);
	assert_int_equal(at(t, 0, 1), -EFAULT);
	assert_int_equal(at(t, UINT64_MAX, 1), -EFAULT);
	assert_int_equal(vz_stats(t).refused, 7);
}

static void z10_lengths_that_wrap(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_true(at(t, VZ_RAM, UINT64_MAX) < 0);
	assert_true(at(t, VZ_RAM, UINT64_MAX - VZ_RAM + 1) < 0); /* ends at 0 */
	assert_true(at(t, VZ_RAM, UINT64_MAX - VZ_RAM + 2) < 0);
	assert_true(at(t, UINT64_MAX, UINT64_MAX) < 0);
	assert_true(at(t, UINT64_MAX - 10, 11) < 0);
	assert_true(at(t, UINT64_MAX - 10, 12) < 0);
	assert_true(at(t, VZ_RAM, UINT64_C(1) << 32) < 0);
	assert_true(at(t, VZ_RAM, (UINT64_C(1) << 32) + 1) < 0); /* 1 in 32 bits */
	assert_int_equal(vz_stats(t).refused, 8);
	assert_int_equal(vz_stats(t).lent, 0);
}

static void z10_block_lies_in_one_region(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(vz_add_memory(t, VZ_RAM + VZ_RAM_SIZE, 16 * P, P, 0), 0);
	assert_int_equal(at(t, VZ_RAM + VZ_RAM_SIZE, 16 * P), 0);
	assert_int_equal(at(t, VZ_RAM + VZ_RAM_SIZE - 1, 2), -EFAULT);
	assert_int_equal(at(t, VZ_RAM + VZ_RAM_SIZE + 16 * P - 1, 2), -EFAULT);
}

static void z10_memory_that_cannot_be_added(void **state)
{
	struct vt_zerocopy *t = *state;
	const uint64_t base = UINT64_C(1) << 40;

	assert_int_equal(vz_add_memory(t, base, 0, P, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, base, P, 0, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, base, P, 2048, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, base, 3 * P, 3 * P, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, base + 1, P, P, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, base, P + 1, P, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, base + P, 2 * P, 2 * P, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, base, UINT64_C(1) << 31, UINT64_C(1) << 31, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, UINT64_MAX - P + 1, 2 * P, P, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, P, UINT64_MAX - P + 1, P, 0), -EINVAL);
	assert_int_equal(vz_add_memory(t, base, P, P, 2), -EINVAL);
	assert_int_equal(vz_add_memory(t, base, UINT64_C(1) << 30, UINT64_C(1) << 30, 0), 0);
	assert_int_equal(vz_add_memory(t, VZ_RAM, P, P, 0), -EEXIST);
	assert_int_equal(vz_add_memory(t, VZ_RAM - P, 2 * P, P, 0), -EEXIST);
	assert_int_equal(vz_add_memory(t, VZ_RAM + VZ_RAM_SIZE - P, 2 * P, P, 0), -EEXIST);
	assert_int_equal(vz_add_memory(t, 0, UINT64_C(1) << 41, P, 0), -EEXIST);
	assert_int_equal(vz_add_memory(t, VZ_RAM - P, P, P, 0), 0);
}

static void z10_most_memory(void **state)
{
	struct vt_zerocopy *t = *state;
	const uint64_t base = UINT64_C(1) << 40;

	for (uint64_t i = 3; i < VDEV_ZEROCOPY_MAX_MEMORY; i++) /* downwards, and with gaps */
		assert_int_equal(vz_add_memory(t, base - i * 2 * P, P, P, 0), 0);
	assert_int_equal(vz_add_memory(t, base, P, P, 0), -ENOSPC);
	for (uint64_t i = 3; i < VDEV_ZEROCOPY_MAX_MEMORY; i++) {
		assert_int_equal(at(t, base - i * 2 * P, P), 0);
		assert_int_equal(at(t, base - i * 2 * P + P, P), -EFAULT);
	}
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, base - 6 * P), 0);
	assert_int_equal(vz_add_memory(t, base, P, P, 0), 0);
	assert_int_equal(at(t, base - 6 * P, P), -EFAULT);
	assert_int_equal(at(t, base, P), 0);
}

static void z10_memory_that_is_in_use_stays(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_RAM + P), -ENOENT);
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, UINT64_MAX), -ENOENT);
	vz_reserve(t, 'a');
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_RAM), -EBUSY);
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_HUGE), 0);
	vz_sent(t, 'a');
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_RAM), -EBUSY);
	vz_reclaim(t, 'a', 0);
	vz_drain(t);
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_RAM), -EBUSY);
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_RAM), 0);
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_RAM), -ENOENT);
	assert_int_equal(vz_lend(t, 'b'), -EFAULT);
}

static void z10_unaligned_block_takes_whole_granules(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM + P - 1, 2);
	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ");
	assert_int_equal(t->last.arg[0], VZ_RAM);
	assert_int_equal(t->last.arg[1], 2 * P);
	vz_done(t, OFFLINE, 'a', 0);
	vz_drain(t);
	assert_int_equal(vz_stats(t).granules, 2);
	vz_place(t, 'b', VZ_HUGE + 3 * VZ_HUGE_GRANULE + 5, 100);
	lend(t, 'b');
	vz_script(t, OFFLINE, 'b', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'b', 0), "OFFLINE:bQ");
	assert_int_equal(t->last.arg[0], VZ_HUGE + 3 * VZ_HUGE_GRANULE);
	assert_int_equal(t->last.arg[1], VZ_HUGE_GRANULE);
}

/* Two blocks share a page. The second was sent before it was replaced: done for both. */
static void z10_page_replaced_since_is_skipped(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM, 2 * P);
	vz_place(t, 'b', VZ_RAM + P, 2 * P);
	vz_place(t, 'c', VZ_RAM + P + 100, 50);
	lend(t, 'a');
	lend(t, 'b');
	lend(t, 'c');
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
	vz_expect(t, vz_reclaim(t, 'b', 0), "OFFLINE:bQ(1+1) ACCESSIBLE:bQ+RECLAIMED");
	vz_expect(t, vz_reclaim(t, 'c', 0), "ACCESSIBLE:cQ+RECLAIMED"); /* nothing is left to do */
	assert_int_equal(vz_stats(t).granules, 3);
	assert_int_equal(vz_stats(t).granules_skipped, 2);
	vz_expect(t, vz_late(t, 'c', TASK), "RELEASE:cQ");
	vz_expect(t, vz_late(t, 'b', TASK), "RELEASE:bQ");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	expect_nothing(t);
}

/* Sent after the page was replaced: it pinned the fresh page, which has to go as well. */
static void z10_page_pinned_after_it_was_replaced_is_not_skipped(void **state)
{
	struct vt_zerocopy *t = *state;

	for (uint32_t i = 0; i < 5; i++) {
		char c = (char)('a' + i);

		vz_place(t, c, VZ_RAM, 2 * P);
		lend(t, c);
		assert_int_equal(vz_reclaim(t, c, 0), 1);
		assert_non_null(strstr(vz_drain(t), "OFFLINE"));
	}
	assert_int_equal(vz_stats(t).granules, 10);
	assert_int_equal(vz_stats(t).granules_skipped, 0);
}

/* Pinned between OFFLINE and its done(): old page or fresh one, nobody knows. */
static void z10_page_pinned_while_it_was_replaced_is_not_skipped(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM, 2 * P);
	vz_place(t, 'b', VZ_RAM, 2 * P);
	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ");
	lend(t, 'b');
	vz_expect(t, vz_done(t, OFFLINE, 'a', 0), "ACCESSIBLE:aQ+RECLAIMED");
	vz_expect(t, vz_reclaim(t, 'b', 0), "OFFLINE:bQ ACCESSIBLE:bQ+RECLAIMED");
	assert_int_equal(vz_stats(t).granules, 4);
}

/* What was refused was not replaced. */
static void z10_page_whose_replacement_failed_is_not_skipped(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM, 2 * P);
	vz_place(t, 'b', VZ_RAM, 2 * P);
	lend(t, 'a');
	lend(t, 'b');
	vz_script(t, OFFLINE, 'a', -EIO);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ REFUSED:aQ(-5)");
	vz_expect(t, vz_reclaim(t, 'b', 0), "OFFLINE:bQ ACCESSIBLE:bQ+RECLAIMED");
}

/* Holes make several runs of granules, one OFFLINE each. */
static void z10_one_offline_for_each_run(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM, 8 * P);
	vz_place(t, 'b', VZ_RAM + 2 * P, P);
	vz_place(t, 'c', VZ_RAM + 5 * P, 2 * P);
	lend(t, 'a');
	lend(t, 'b');
	lend(t, 'c');
	vz_expect(t, vz_reclaim(t, 'b', 0), "OFFLINE:bQ ACCESSIBLE:bQ+RECLAIMED");
	vz_expect(t, vz_reclaim(t, 'c', 0), "OFFLINE:cQ ACCESSIBLE:cQ+RECLAIMED");
	assert_int_equal(vz_reclaim(t, 'a', 0), 1);
	assert_string_equal(vz_drain(t), "OFFLINE:aQ(0+2) OFFLINE:aQ(3+2) OFFLINE:aQ(7+1) "
					 "ACCESSIBLE:aQ+RECLAIMED");
	assert_int_equal(vz_stats(t).granules, 8);
	assert_int_equal(vz_stats(t).granules_skipped, 3);
}

static void z10_one_run_of_several_is_refused(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM + 100, 4 * P);
	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', 0);
	vz_script(t, OFFLINE, 'a', -EIO);
	vz_reclaim(t, 'a', VDEV_ZEROCOPY_RESET);
	assert_non_null(strstr(vz_drain(t), "REFUSED:aQ(-5)"));
	assert_null(strstr(t->text, "ACCESSIBLE"));
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	assert_int_equal(vz_reclaim(t, 'a', VDEV_ZEROCOPY_RESET), 1);
	vz_drain(t);
	assert_non_null(strstr(t->text, "ACCESSIBLE:aQ+RECLAIMED"));
	assert_null(strstr(t->text, "(0+1)")); /* was replaced the first time */
}

/* What was replaced stays replaced: its end is that of a reclaim. */
static void z10_completion_of_what_was_partly_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM + 100, 4 * P);
	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', 0);
	vz_script(t, OFFLINE, 'a', -EIO);
	vz_expect(t, vz_reclaim(t, 'a', VDEV_ZEROCOPY_RESET),
		  "OFFLINE:aQ(0+1) OFFLINE:aQ=RESET(1+3) REFUSED:aQ(-5)");
	assert_int_equal(vz_complete(t, 'a', TASK), WAKE);
	vz_expect(t, vz_pass(t, 0), "ACCESSIBLE:a+RECLAIMED RELEASE:a");
	expect_nothing(t);
	assert_int_equal(vz_stats(t).settled, 0);
}

static void z10_many_granules(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM, VZ_RAM_SIZE);
	lend(t, 'a');
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
	assert_int_equal(vz_stats(t).granules, VZ_RAM_SIZE / P);
	lend(t, 'b');
	vz_expect(t, vz_reclaim(t, 'b', 0), "OFFLINE:bQ ACCESSIBLE:bQ+RECLAIMED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	vz_expect(t, vz_late(t, 'b', TASK), "RELEASE:bQ");
	expect_nothing(t);
}

/* Page after page over and over: what is remembered does not grow with the number of reclaims. */
static void z10_map_holds_what_is_needed_only(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < 20000; i++) {
		vz_place(t, 'a', VZ_RAM + (i * 7 % 4000) * P, P);
		lend(t, 'a');
		vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
		vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
		t->id_count = 0;
		if (i == 1000)
			bytes = vz_stats(t).allocated_bytes;
	}
	assert_int_equal(vz_stats(t).granules, 20000);
	assert_true(vz_stats(t).allocated_bytes <= 4 * bytes);
}

static void z10_whole_vm_counts_for_each_page(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM, P);
	vz_place(t, 'b', VZ_HUGE, P);
	lend(t, 'a');
	lend(t, 'b');
	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	vz_drain(t);
	vz_place(t, 'c', VZ_RAM, P);
	lend(t, 'c'); /* after it */
	vz_expect(t, vz_reclaim(t, 'c', 0), "OFFLINE:cQ ACCESSIBLE:cQ+RECLAIMED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z10_addresses_out_of_range),
		TEST(z10_lengths_that_wrap),
		TEST(z10_block_lies_in_one_region),
		TEST(z10_memory_that_cannot_be_added),
		TEST(z10_most_memory),
		TEST(z10_memory_that_is_in_use_stays),
		TEST(z10_unaligned_block_takes_whole_granules),
		TEST(z10_page_replaced_since_is_skipped),
		TEST(z10_page_pinned_after_it_was_replaced_is_not_skipped),
		TEST(z10_page_pinned_while_it_was_replaced_is_not_skipped),
		TEST(z10_page_whose_replacement_failed_is_not_skipped),
		TEST(z10_one_offline_for_each_run),
		TEST(z10_one_run_of_several_is_refused),
		TEST(z10_completion_of_what_was_partly_replaced),
		TEST(z10_many_granules),
		TEST(z10_map_holds_what_is_needed_only),
		TEST(z10_whole_vm_counts_for_each_page),
	};

	return cmocka_run_group_tests_name("zerocopy_pages", tests, NULL, NULL);
}
