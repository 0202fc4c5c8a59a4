/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: loaded where the memory was copied to. Nothing is lent here, so whatever was in the
 * hands of somebody is told as LOST, once (Z6); what the guest was to be told anyway stays true.
 */
#include "test_zerocopy_rig.h"

#define OFFLINE VDEV_ZEROCOPY_OFFLINE
#define ACCESSIBLE VDEV_ZEROCOPY_ACCESSIBLE
#define NEW_CLOCK (7 * VZ_SEC)

static void arrive(struct vt_zerocopy *t)
{
	assert_int_equal(vz_reload(t, NEW_CLOCK, VDEV_ZEROCOPY_COPIED_MEMORY), 0);
}

static void told(struct vt_zerocopy *t, const char *wanted)
{
	vz_expect(t, vz_pass(t, 0), wanted);
	vz_expect(t, vz_pass(t, 1000 * VZ_SEC), "");
	expect_nothing(t);
}

static void z6_reserved_and_sent(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	lend(t, 'b');
	t->block['a'].sent = 2 * VZ_PAGE; /* what the action will say */
	arrive(t);
	assert_int_equal(vz_sent(t, 'a'), -ENOENT);
	told(t, "ACCESSIBLE:a+LOST ACCESSIBLE:b+LOST");
}

static void z6_paused_after_again(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', -EAGAIN);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ");
	arrive(t);
	told(t, "ACCESSIBLE:aQ+LOST");
}

static void z6_refusal_that_was_not_told(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', -EIO);
	vz_script(t, VDEV_ZEROCOPY_REFUSED, 'a', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ REFUSED:aQ(-5)");
	arrive(t);
	told(t, "ACCESSIBLE:aQ+LOST");
}

/* Its pages were replaced before the VM left: that is what the guest hears, if it has not. */
static void z6_replaced_but_not_told(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, ACCESSIBLE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	arrive(t);
	told(t, "ACCESSIBLE:aA+RECLAIMED");
}

static void z6_complete_but_not_told(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vdev_zerocopy_expire(t->q[0], t->now + VZ_TIMEOUT);
	vz_complete(t, 'a', TASK);
	vz_script(t, ACCESSIBLE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "ACCESSIBLE:a+COMPLETED");
	arrive(t);
	told(t, "ACCESSIBLE:aA+COMPLETED");
}

static void z6_released_and_forgotten(void **state)
{
	struct vt_zerocopy *t = *state;

	quarantine(t, 'a');
	quarantine(t, 'b');
	vz_script(t, VDEV_ZEROCOPY_RELEASE, 'b', VZ_LATER);
	vz_expect(t, vz_late(t, 'b', TASK), "RELEASE:bQ");
	arrive(t);
	told(t, "");
}

static void z5_whole_vm_in_progress(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 0, VZ_LATER);
	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	assert_string_equal(vz_drain(t), "OFFLINE:-W");
	arrive(t);
	told(t, "ACCESSIBLE:aQ+LOST");
}

static void z3_reset_in_progress(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vdev_zerocopy_reset_begin(t->z, t->now, 0, 0);
	vz_drain(t);
	arrive(t);
	assert_int_equal(vz_lend(t, 'b'), VDEV_ZEROCOPY_COPY_RESET);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), -EAGAIN);
	vz_expect(t, vz_pass(t, 0), "ACCESSIBLE:aR+LOST");
	vz_expect(t, vdev_zerocopy_reset_end(t->z, t->now), "");
	lend(t, 'b');
}

/* Credits of what is lost come back when it has been told. */
static void z8_quotas_afterwards(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.max_blocks = 2, .destination_blocks = 2});
	lend(t, 'a');
	lend(t, 'b');
	arrive(t);
	assert_int_equal(vz_lend(t, 'c'), VDEV_ZEROCOPY_COPY_QUOTA);
	told(t, "ACCESSIBLE:a+LOST ACCESSIBLE:b+LOST");
	lend(t, 'c');
	lend(t, 'd');
	assert_int_equal(vz_lend(t, 'e'), VDEV_ZEROCOPY_COPY_QUOTA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z6_reserved_and_sent),         TEST(z6_paused_after_again),
		TEST(z6_refusal_that_was_not_told), TEST(z6_replaced_but_not_told),
		TEST(z6_complete_but_not_told),     TEST(z6_released_and_forgotten),
		TEST(z5_whole_vm_in_progress),      TEST(z3_reset_in_progress),
		TEST(z8_quotas_afterwards),
	};

	return cmocka_run_group_tests_name("zerocopy_lost", tests, NULL, NULL);
}
