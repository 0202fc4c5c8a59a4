/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: at a limit the answer is "copy instead", and it harms nobody else (Z8). */
#include "test_zerocopy_rig.h"

/* One that is small enough to be reached, and the others out of the way. */
static struct vdev_zerocopy_config limits(uint64_t blocks, uint64_t bytes)
{
	return (struct vdev_zerocopy_config){.max_blocks = blocks,
					     .max_bytes = bytes,
					     .destination_blocks = 2 * blocks,
					     .destination_bytes = 2 * bytes};
}

static uint64_t copied(struct vt_zerocopy *t, uint32_t reason)
{
	return vz_stats(t).copied[reason];
}

static void z8_blocks_of_the_vm(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, limits(3, UINT64_C(1) << 30));
	for (char c = 'a'; c <= 'c'; c++)
		lend(t, c);
	assert_int_equal(vz_lend(t, 'd'), VDEV_ZEROCOPY_COPY_QUOTA);
	assert_int_equal(copied(t, VDEV_ZEROCOPY_COPY_QUOTA), 1);
	assert_int_equal(vz_stats(t).blocks, 3);
	assert_int_equal(vz_complete(t, 'b', TASK), OVER);
	lend(t, 'd');
	assert_int_equal(vz_lend(t, 'e'), VDEV_ZEROCOPY_COPY_QUOTA);
	vz_reserve(t, 'f');
	assert_int_equal(vz_stats(t).lent, 4);
}

static void z8_bytes_of_the_vm(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, limits(1000, 5 * VZ_PAGE));
	lend(t, 'a');
	lend(t, 'b');
	assert_int_equal(vz_lend(t, 'c'), VDEV_ZEROCOPY_COPY_QUOTA); /* one page short */
	vz_block(t, 'c')->length_bytes = VZ_PAGE;
	lend(t, 'c');
	assert_int_equal(vz_stats(t).bytes, 5 * VZ_PAGE);
	vz_block(t, 'd')->length_bytes = 1;
	assert_int_equal(vz_lend(t, 'd'), VDEV_ZEROCOPY_COPY_QUOTA);
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	lend(t, 'd');
}

static void z8_abort_and_partial_give_quota_back(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, limits(1000, 2 * VZ_PAGE));
	vz_reserve(t, 'a');
	assert_int_equal(vz_lend(t, 'b'), VDEV_ZEROCOPY_COPY_QUOTA); /* reserved counts */
	assert_int_equal(vz_abort(t, 'a'), 0);
	vz_reserve(t, 'b');
	vz_sent_part(t, 'b', VZ_PAGE);
	vz_block(t, 'c')->length_bytes = VZ_PAGE;
	lend(t, 'c');
	assert_int_equal(vz_lend(t, 'a'), VDEV_ZEROCOPY_COPY_QUOTA);
}

static void z8_destination_does_not_block_others(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.max_blocks = 16});
	for (char c = 'a'; c <= 'd'; c++)
		lend(t, c); /* a quarter of all, to destination 0 */
	assert_int_equal(vz_lend(t, 'e'), VDEV_ZEROCOPY_COPY_DESTINATION);
	assert_int_equal(copied(t, VDEV_ZEROCOPY_COPY_DESTINATION), 1);
	for (char c = 'f'; c <= 'h'; c++) {
		vz_block(t, c)->destination = (uint32_t)(c - 'e');
		lend(t, c);
	}
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	lend(t, 'e');
	assert_int_equal(vz_lend(t, 'i'), VDEV_ZEROCOPY_COPY_DESTINATION);
}

static void z8_bytes_of_a_destination(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.max_bytes = 16 * VZ_PAGE});
	lend(t, 'a');
	lend(t, 'b');
	vz_block(t, 'c')->length_bytes = 1;
	assert_int_equal(vz_lend(t, 'c'), VDEV_ZEROCOPY_COPY_DESTINATION);
	vz_block(t, 'c')->destination = 1;
	lend(t, 'c');
}

static void z8_quotas_given_apart(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.max_blocks = 10, .destination_blocks = 2});
	lend(t, 'a');
	lend(t, 'b');
	assert_int_equal(vz_lend(t, 'c'), VDEV_ZEROCOPY_COPY_DESTINATION);
	restart(t, (struct vdev_zerocopy_config){.destination_bytes = 3 * VZ_PAGE});
	lend(t, 'a');
	assert_int_equal(vz_lend(t, 'b'), VDEV_ZEROCOPY_COPY_DESTINATION);
}

static void z8_quarantine_has_a_limit(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.quarantine_bytes = 16 * VZ_PAGE});
	for (char c = 'a'; c <= 'b'; c++)
		quarantine(t, c);
	/* a quarter is in quarantine: this destination only copies, the others go on */
	assert_int_equal(vz_lend(t, 'c'), VDEV_ZEROCOPY_COPY_QUARANTINE);
	assert_int_equal(copied(t, VDEV_ZEROCOPY_COPY_QUARANTINE), 1);
	vz_block(t, 'd')->destination = 1;
	lend(t, 'd');
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	lend(t, 'c');
}

static void z8_quarantine_of_the_vm(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.quarantine_bytes = 4 * VZ_PAGE,
						 .destination_quarantine_bytes = 4 * VZ_PAGE});
	quarantine(t, 'a');
	vz_block(t, 'b')->destination = 1;
	quarantine(t, 'b');
	vz_block(t, 'c')->destination = 2;
	assert_int_equal(vz_lend(t, 'c'), VDEV_ZEROCOPY_COPY_QUARANTINE);
	vz_expect(t, vz_late(t, 'b', TASK), "RELEASE:bQ");
	lend(t, 'c');
}

/* Reclaimed all the same: a guest's memory comes back in bounded time, whatever is in quarantine. */
static void z8_quarantine_does_not_stop_reclaims(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.quarantine_bytes = 3 * VZ_PAGE,
						 .destination_quarantine_bytes = 3 * VZ_PAGE});
	lend(t, 'a');
	vz_block(t, 'b')->length_bytes = VZ_PAGE;
	lend(t, 'b');
	vz_expect(t, vz_pass(t, VZ_TIMEOUT),
		  "OFFLINE:a OFFLINE:b ACCESSIBLE:a+RECLAIMED ACCESSIBLE:b+RECLAIMED");
	assert_int_equal(vz_lend(t, 'c'), VDEV_ZEROCOPY_COPY_QUARANTINE);
}

static void z8_slots_of_a_queue(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(vz_add_queue(t, 16, 0, 0), 0);
	for (uint32_t i = 0; i < 16; i++) {
		t->block['a' + i].queue = 1;
		lend(t, (char)('a' + i));
	}
	t->block['z'].queue = 1;
	assert_int_equal(vz_lend(t, 'z'), VDEV_ZEROCOPY_COPY_SLOTS);
	assert_int_equal(copied(t, VDEV_ZEROCOPY_COPY_SLOTS), 1);
	t->block['y'].queue = 0;
	lend(t, 'y'); /* of another queue */
	assert_int_equal(vz_complete(t, 'c', TASK), OVER);
	for (int i = 0; i < 16 && vz_lend(t, 'z'); i++)
		;
	expect_state(t, 'z', VDEV_ZEROCOPY_SENT);
}

/* A stuck message keeps its slot; the ring goes on around it. */
static void z8_stuck_messages_do_not_stop_a_queue(void **state)
{
	struct vt_zerocopy *t = *state;
	uint32_t lent = 0;

	for (char c = 'a'; c <= 'h'; c++)
		quarantine(t, c);
	for (uint32_t i = 0; i < 10 * VZ_SLOTS; i++) {
		if (vz_reserve(t, 'z'))
			continue;
		vz_sent(t, 'z');
		lent++;
		assert_int_equal(vz_complete(t, 'z', TASK), OVER);
	}
	assert_in_range(lent, 9 * VZ_SLOTS, 10 * VZ_SLOTS);
}

static void z8_hostile_guest_harms_itself_only(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t refused = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		vz_place(t, 'x', i % 2 ? UINT64_MAX - i : 0, UINT64_C(1) << (i % 64));
		vz_block(t, 'x')->timeout_ns = UINT64_MAX - i;
		refused += vz_lend(t, 'x') < 0;
	}
	assert_int_equal(refused, 1000);
	assert_int_equal(vz_stats(t).refused, 1000);
	assert_int_equal(vz_stats(t).lent, 0);
	lend(t, 'a');
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	expect_nothing(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z8_blocks_of_the_vm),
		TEST(z8_bytes_of_the_vm),
		TEST(z8_abort_and_partial_give_quota_back),
		TEST(z8_destination_does_not_block_others),
		TEST(z8_bytes_of_a_destination),
		TEST(z8_quotas_given_apart),
		TEST(z8_quarantine_has_a_limit),
		TEST(z8_quarantine_of_the_vm),
		TEST(z8_quarantine_does_not_stop_reclaims),
		TEST(z8_slots_of_a_queue),
		TEST(z8_stuck_messages_do_not_stop_a_queue),
		TEST(z8_hostile_guest_harms_itself_only),
	};

	return cmocka_run_group_tests_name("zerocopy_quota", tests, NULL, NULL);
}
