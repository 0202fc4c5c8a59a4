/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: what a guest gets by blocks that are small, that are received while the whole VM's
 * memory is replaced, or that were in memory which is gone.
 */
#include "test_zerocopy_rig.h"

#define OFFLINE VDEV_ZEROCOPY_OFFLINE
#define WHOLE VDEV_ZEROCOPY_WHOLE

/* A late consumer holds whole granules, however short the block is. */
static void z8_short_blocks_fill_the_quarantine(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.quarantine_bytes = 16 * VZ_PAGE});
	for (char c = 'a'; c <= 'd'; c++) {
		vz_block(t, c)->length_bytes = 1;
		quarantine(t, c);
	}
	assert_int_equal(vz_stats(t).quarantined_bytes, 4 * VZ_PAGE);
	assert_int_equal(vz_lend(t, 'e'), VDEV_ZEROCOPY_COPY_QUARANTINE);
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	lend(t, 'e');
}

/* Two bytes can hold two huge pages. */
static void z8_short_blocks_in_huge_pages(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_HUGE + VZ_HUGE_GRANULE - 1, 2);
	quarantine(t, 'a');
	assert_int_equal(vz_stats(t).quarantined_bytes, 2 * VZ_HUGE_GRANULE);
	assert_int_equal(vz_reload(t, 7 * VZ_SEC, 0), 0);
	assert_int_equal(vz_stats(t).quarantined_bytes, 2 * VZ_HUGE_GRANULE);
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	expect_nothing(t);
}

static void receive_during_whole(struct vt_zerocopy *t)
{
	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_RECEIVE;
	lend(t, 'a');
	vz_script(t, OFFLINE, 0, VZ_LATER);
	vz_expect(t, vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, WHOLE), "OFFLINE:-W");
}

/* The destination may have written to the pages that are gone: the guest must not take it for received. */
static void z11_received_while_the_whole_vm_is_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	receive_during_whole(t);
	assert_int_equal(vz_complete(t, 'a', TASK), 0);
	vz_expect(t, vz_done(t, OFFLINE, 0, 0), "ACCESSIBLE:aQ+FAILED RELEASE:aQ");
	expect_nothing(t);
}

/* Some regions may have been replaced before another one was refused. */
static void z11_received_and_the_whole_vm_was_not_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	receive_during_whole(t);
	assert_int_equal(vz_complete(t, 'a', TASK), 0);
	vz_expect(t, vz_done(t, OFFLINE, 0, -EIO),
		  "REFUSED:-W(-5) ACCESSIBLE:aQ+FAILED RELEASE:aQ");
	expect_nothing(t);
}

/* The same, known only when the block is complete at last. */
static void z11_received_after_the_whole_vm_was_not_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'a')->length_bytes = VZ_PAGE;
	receive_during_whole(t);
	vz_script(t, OFFLINE, 'a', -EIO);
	vz_expect(t, vz_done(t, OFFLINE, 0, -EIO),
		  "REFUSED:-W(-5) OFFLINE:aQ=RESET REFUSED:aQ(-5)");
	vz_expect(t, vz_late(t, 'a', TASK), "ACCESSIBLE:a+FAILED RELEASE:a");
	expect_nothing(t);
}

/* A range that fails may have lost a part of its contents (pages.h); one granule has them all. */
static void z11_received_in_spite_of_a_failed_offline(void **state)
{
	struct vt_zerocopy *t = *state;

	for (char c = 'a'; c <= 'b'; c++) {
		vz_block(t, c)->flags = VDEV_ZEROCOPY_RECEIVE;
		vz_script(t, OFFLINE, c, -EIO);
	}
	vz_block(t, 'b')->length_bytes = VZ_PAGE;
	lend(t, 'a');
	lend(t, 'b');
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ=RESET REFUSED:aQ(-5)");
	vz_expect(t, vz_reclaim(t, 'b', 0), "OFFLINE:bQ=RESET REFUSED:bQ(-5)");
	vz_expect(t, vz_late(t, 'a', TASK), "ACCESSIBLE:a+FAILED RELEASE:a");
	assert_int_equal(vz_complete(t, 'b', TASK), OVER);
	expect_nothing(t);
}

/* Nobody has begun to replace anything: it was in time (Z7). */
static void z7_received_before_the_whole_vm_is_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_RECEIVE;
	lend(t, 'a');
	lend(t, 'b');
	assert_int_equal(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, WHOLE), 1);
	assert_int_equal(vz_complete(t, 'a', TASK), 0);
	vz_expect(t, 0, "OFFLINE:-W ACCESSIBLE:aQ+COMPLETED ACCESSIBLE:bQ+RECLAIMED");
}

/* What is received while pages are replaced is lost, so nothing is lent for it meanwhile. */
static void z11_nothing_to_receive_while_the_whole_vm_is_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	receive_during_whole(t);
	vz_block(t, 'b')->flags = VDEV_ZEROCOPY_RECEIVE;
	assert_int_equal(vz_lend(t, 'b'), VDEV_ZEROCOPY_COPY_RESET);
	lend(t, 'c');
	assert_int_equal(vz_reload(t, 7 * VZ_SEC, 0), 0);
	assert_int_equal(vz_lend(t, 'b'), VDEV_ZEROCOPY_COPY_RESET);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:-WA ACCESSIBLE:aQ+FAILED");
	lend(t, 'b');
	assert_int_equal(vz_complete(t, 'b', TASK), OVER);
	vz_script(t, OFFLINE, 0, -EIO);
	vz_expect(t, vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, WHOLE),
		  "OFFLINE:-W REFUSED:-W(-5) OFFLINE:cQ ACCESSIBLE:cQ+RECLAIMED");
	lend(t, 'b');
}

/* Its pages were pinned, nobody knows when: before they were replaced, perhaps. */
static void z11_reserved_before_the_whole_vm_is_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'b')->flags = VDEV_ZEROCOPY_RECEIVE;
	assert_int_equal(vz_reserve(t, 'b'), VDEV_ZEROCOPY_LEND);
	receive_during_whole(t);
	assert_int_equal(vz_sent(t, 'b'), WAKE);
	assert_int_equal(vz_complete(t, 'b', TASK), 0);
	vz_expect(t, vdev_zerocopy_step(t->z, t->now), "");
	vz_expect(t, vz_done(t, OFFLINE, 0, 0),
		  "ACCESSIBLE:aQ+FAILED ACCESSIBLE:bQ+FAILED RELEASE:bQ");
	/* Who begins afterwards has nothing to do with it. */
	vz_block(t, 'c')->flags = VDEV_ZEROCOPY_RECEIVE;
	lend(t, 'c');
	assert_int_equal(vz_reclaim(t, 'c', 0), 1);
	assert_int_equal(vz_complete(t, 'c', TASK), 0);
	vz_expect(t, 0, "ACCESSIBLE:cQ+COMPLETED");
}

/* The same pages are lent twice, to be sent and to be received into. */
static void z11_received_into_pages_that_another_block_lost(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'b', vz_block(t, 'a')->address, 2 * VZ_PAGE);
	vz_block(t, 'b')->flags = VDEV_ZEROCOPY_RECEIVE;
	lend(t, 'a');
	lend(t, 'b');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ");
	vz_expect(t, vz_reclaim(t, 'b', 0), "");
	assert_int_equal(vz_complete(t, 'b', TASK), 0);
	vz_expect(t, vz_done(t, OFFLINE, 'a', 0),
		  "ACCESSIBLE:aQ+RECLAIMED ACCESSIBLE:bQ+FAILED RELEASE:bQ");
}

/* What was replaced in memory that is gone says nothing, and is in no image. */
static void z10_memory_that_is_gone_is_forgotten(void **state)
{
	struct vt_zerocopy *t = *state;

	quarantine(t, 'a');
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	assert_int_equal(vdev_zerocopy_remove_memory(t->z, VZ_RAM), 0);
	assert_int_equal(vz_reload(t, 7 * VZ_SEC, 0), 0);
	assert_int_equal(vz_add_memory(t, VZ_RAM, VZ_RAM_SIZE, 16 * VZ_PAGE, 0), 0);
	assert_int_equal(vz_reload(t, 8 * VZ_SEC, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z8_short_blocks_fill_the_quarantine),
		TEST(z8_short_blocks_in_huge_pages),
		TEST(z11_received_while_the_whole_vm_is_replaced),
		TEST(z11_received_and_the_whole_vm_was_not_replaced),
		TEST(z11_received_after_the_whole_vm_was_not_replaced),
		TEST(z11_received_in_spite_of_a_failed_offline),
		TEST(z7_received_before_the_whole_vm_is_replaced),
		TEST(z11_nothing_to_receive_while_the_whole_vm_is_replaced),
		TEST(z11_reserved_before_the_whole_vm_is_replaced),
		TEST(z11_received_into_pages_that_another_block_lost),
		TEST(z10_memory_that_is_gone_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
