/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: what the guest finds in fresh pages, the whole VM at once (Z5); told once (Z6). */
#include "test_zerocopy_rig.h"

#define OFFLINE VDEV_ZEROCOPY_OFFLINE
#define ACCESSIBLE VDEV_ZEROCOPY_ACCESSIBLE
#define RELEASE VDEV_ZEROCOPY_RELEASE

static void z5_modes(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	lend(t, 'c');
	vz_expect(t, vz_reclaim(t, 'a', VDEV_ZEROCOPY_RESET),
		  "OFFLINE:aQ=RESET ACCESSIBLE:aQ+RECLAIMED");
	vz_expect(t, vz_reclaim(t, 'b', VDEV_ZEROCOPY_PRESERVE),
		  "OFFLINE:bQ ACCESSIBLE:bQ+RECLAIMED");
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:c ACCESSIBLE:c+RECLAIMED");
	restart(t, (struct vdev_zerocopy_config){.mode = VDEV_ZEROCOPY_RESET});
	lend(t, 'a');
	lend(t, 'b');
	lend(t, 'c');
	vz_expect(t, vz_reclaim(t, 'a', VDEV_ZEROCOPY_DEFAULT),
		  "OFFLINE:aQ=RESET ACCESSIBLE:aQ+RECLAIMED");
	vz_expect(t, vz_reclaim(t, 'b', VDEV_ZEROCOPY_PRESERVE),
		  "OFFLINE:bQ ACCESSIBLE:bQ+RECLAIMED");
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:c=RESET ACCESSIBLE:c+RECLAIMED");
}

/* A page holds other data too: whose page it is not alone is preserved. */
static void z5_reset_preserves_what_is_shared(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM + 100, 4 * VZ_PAGE);
	lend(t, 'a');
	vz_expect(t, vz_reclaim(t, 'a', VDEV_ZEROCOPY_RESET),
		  "OFFLINE:aQ(0+1) OFFLINE:aQ=RESET(1+3) OFFLINE:aQ(4+1) ACCESSIBLE:aQ+RECLAIMED");
	vz_place(t, 'b', VZ_RAM + 16 * VZ_PAGE, VZ_PAGE + 1);
	lend(t, 'b');
	vz_expect(t, vz_reclaim(t, 'b', VDEV_ZEROCOPY_RESET),
		  "OFFLINE:bQ=RESET(0+1) OFFLINE:bQ(1+1) ACCESSIBLE:bQ+RECLAIMED");
	vz_place(t, 'c', VZ_RAM + 33 * VZ_PAGE - 1, VZ_PAGE + 1);
	lend(t, 'c');
	vz_expect(t, vz_reclaim(t, 'c', VDEV_ZEROCOPY_RESET),
		  "OFFLINE:cQ(0+1) OFFLINE:cQ=RESET(1+1) ACCESSIBLE:cQ+RECLAIMED");
	vz_place(t, 'd', VZ_RAM + 40 * VZ_PAGE + 8, 16);
	lend(t, 'd');
	vz_expect(t, vz_reclaim(t, 'd', VDEV_ZEROCOPY_RESET), "OFFLINE:dQ ACCESSIBLE:dQ+RECLAIMED");
}

static void z5_whole_vm_at_once(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	assert_true(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE) >= 1);
	assert_string_equal(vz_drain(t),
			    "OFFLINE:-W ACCESSIBLE:aQ+RECLAIMED ACCESSIBLE:bQ+RECLAIMED");
	vz_expect(t, vz_late(t, 'b', TASK), "RELEASE:bQ");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	expect_nothing(t);
}

static void z5_whole_vm_that_is_reset(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	assert_true(vdev_zerocopy_reset_begin(t->z, t->now, VDEV_ZEROCOPY_RESET,
					      VDEV_ZEROCOPY_WHOLE) >= 1);
	assert_string_equal(vz_drain(t), "OFFLINE:-WR=RESET ACCESSIBLE:aR+RECLAIMED "
					 "ACCESSIBLE:bR+RECLAIMED");
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), 0);
}

static void z5_whole_vm_refused(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	vz_script(t, OFFLINE, 0, -EIO);
	assert_true(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE) >= 1);
	assert_string_equal(vz_drain(t), "OFFLINE:-W REFUSED:-W(-5) OFFLINE:aQ OFFLINE:bQ "
					 "ACCESSIBLE:aQ+RECLAIMED ACCESSIBLE:bQ+RECLAIMED");
}

static void z5_whole_vm_takes_too_long(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 0, VZ_LATER);
	vz_script(t, VDEV_CANCEL, 0, VZ_LATER);
	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	assert_string_equal(vz_drain(t), "OFFLINE:-W");
	vz_expect(t, vz_pass(t, 5 * VZ_SEC), "CANCEL:-W(OFFLINE)");
	vz_expect(t, vz_done(t, OFFLINE, 0, 0), "ACCESSIBLE:aQ+RECLAIMED");
	vz_expect(t, vz_done(t, VDEV_CANCEL, 0, 0), "");
	assert_int_equal(vz_stats(t).bad_done, 0);
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	expect_nothing(t);
}

static void z5_reset_joins_the_whole_vm(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 0, VZ_LATER);
	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	assert_string_equal(vz_drain(t), "OFFLINE:-W");
	assert_true(vdev_zerocopy_reset_begin(t->z, t->now, VDEV_ZEROCOPY_RESET,
					      VDEV_ZEROCOPY_WHOLE) >= 0);
	assert_string_equal(vz_drain(t), "");
	vz_expect(t, vz_done(t, OFFLINE, 0, 0), "OFFLINE:-WR=RESET ACCESSIBLE:aRQ+RECLAIMED");
	vz_expect(t, vdev_zerocopy_reset_end(t->z, t->now), "");
}

static void z5_whole_vm_without_blocks(void **state)
{
	struct vt_zerocopy *t = *state;

	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	vz_drain(t);
	expect_nothing(t);
}

/* 1: the guest has to be told. */
static uint32_t completes(struct vt_zerocopy *t, char letter)
{
	int ret = vz_complete(t, letter, TASK);

	return ret > 0 && ret & OVER;
}

/* Of each way that a block can go, the guest hears once. */
static void z6_told_exactly_once(void **state)
{
	struct vt_zerocopy *t = *state;

	for (uint32_t way = 0; way < 64; way++) {
		uint32_t told = 0;
		const char *text;

		vz_reserve(t, 'a');
		if (way & 1)
			told += completes(t, 'a');
		told += (vz_sent(t, 'a') & VDEV_ZEROCOPY_SETTLED) != 0;
		if (way & 2)
			vz_pass(t, VZ_TIMEOUT);
		if (way & 4)
			vz_reclaim(t, 'a', 0);
		if (way & 8)
			told += completes(t, 'a');
		vz_script(t, OFFLINE, 'a', way & 16 ? -EIO : 0);
		text = vz_drain(t);
		told += strstr(text, "ACCESSIBLE") != NULL;
		if (way & 32)
			vz_reclaim(t, 'a', 0);
		t->scripted = 0;
		told += strstr(vz_drain(t), "ACCESSIBLE") != NULL;
		told += completes(t, 'a');
		vz_pass(t, 0);
		assert_null(strstr(vz_drain(t), "ACCESSIBLE"));
		assert_int_equal(told, 1);
		expect_nothing(t);
	}
}

static void z6_accessible_whatever_its_status(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, ACCESSIBLE, 'a', -EIO);
	vz_script(t, RELEASE, 'a', -EIO);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:a");
	expect_nothing(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z5_modes),
		TEST(z5_reset_preserves_what_is_shared),
		TEST(z5_whole_vm_at_once),
		TEST(z5_whole_vm_that_is_reset),
		TEST(z5_whole_vm_refused),
		TEST(z5_whole_vm_takes_too_long),
		TEST(z5_reset_joins_the_whole_vm),
		TEST(z5_whole_vm_without_blocks),
		TEST(z6_told_exactly_once),
		TEST(z6_accessible_whatever_its_status),
	};

	return cmocka_run_group_tests_name("zerocopy_modes", tests, NULL, NULL);
}
