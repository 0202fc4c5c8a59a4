/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: receive buffers (Z11), memory that cannot be taken out (Z12). */
#include "test_zerocopy_rig.h"

#define id_of id_of_word /* the rig has another one */
#include "engines/zerocopy/internal.h"
#undef id_of

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

static void z11_receive_buffer_cannot_be_preserved(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_RECEIVE;
	lend(t, 'a');
	assert_int_equal(vz_info(t, 'a').flags, VDEV_ZEROCOPY_RECEIVE);
	assert_int_equal(vz_reclaim(t, 'a', VDEV_ZEROCOPY_PRESERVE), -EOPNOTSUPP);
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	vz_expect(t, vz_reclaim(t, 'a', VDEV_ZEROCOPY_RESET),
		  "OFFLINE:aQ=RESET ACCESSIBLE:aQ+FAILED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	expect_nothing(t);
}

/* The object's mode is meant for what the guest has written: for a receive buffer there is but one. */
static void z11_receive_buffer_in_each_other_way(void **state)
{
	struct vt_zerocopy *t = *state;

	for (char c = 'a'; c <= 'c'; c++) {
		vz_block(t, c)->flags = VDEV_ZEROCOPY_RECEIVE;
		lend(t, c);
	}
	vz_expect(t, vz_reclaim(t, 'a', VDEV_ZEROCOPY_DEFAULT),
		  "OFFLINE:aQ=RESET ACCESSIBLE:aQ+FAILED");
	assert_int_equal(vz_complete(t, 'b', TASK), OVER); /* in time: what came is good */
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:c=RESET ACCESSIBLE:c+FAILED");
}

static void z11_receive_buffer_complete_after_the_claim(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_RECEIVE;
	lend(t, 'a');
	vdev_zerocopy_expire(t->q[0], t->now + VZ_TIMEOUT);
	vz_complete(t, 'a', TASK);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "ACCESSIBLE:a+COMPLETED");
}

static void z11_receive_buffer_has_its_granules_alone(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'x')->flags = VDEV_ZEROCOPY_RECEIVE;
	assert_int_equal(at(t, VZ_RAM, P), 0);
	assert_int_equal(at(t, VZ_RAM + 1, P), VDEV_ZEROCOPY_COPY_PARTIAL);
	assert_int_equal(at(t, VZ_RAM, P - 1), VDEV_ZEROCOPY_COPY_PARTIAL);
	assert_int_equal(at(t, VZ_RAM + P / 2, P), VDEV_ZEROCOPY_COPY_PARTIAL);
	assert_int_equal(at(t, VZ_HUGE, P), VDEV_ZEROCOPY_COPY_PARTIAL);
	assert_int_equal(at(t, VZ_HUGE, VZ_HUGE_GRANULE), 0);
	assert_int_equal(vz_stats(t).copied[VDEV_ZEROCOPY_COPY_PARTIAL], 4);
}

/* The rest of its granule would be lent without being known. */
static void z11_receive_buffer_goes_out_as_a_whole(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_RECEIVE;
	vz_reserve(t, 'a');
	assert_int_equal(vz_sent_part(t, 'a', P), -EINVAL);
	expect_state(t, 'a', VDEV_ZEROCOPY_RESERVED);
	assert_int_equal(vz_sent(t, 'a'), WAKE);
}

/* Whether its pages were looked up before they were replaced or after, nobody knows. */
static void z11_receive_buffer_reserved_before_the_whole_vm_was_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_RECEIVE;
	vz_reserve(t, 'a');
	vz_expect(t,
		  vdev_zerocopy_reclaim_all(t->z, t->now, NULL, VDEV_ZEROCOPY_PRESERVE,
					    VDEV_ZEROCOPY_WHOLE),
		  "OFFLINE:-W");
	assert_int_equal(vz_sent(t, 'a'), WAKE);
	vz_complete(t, 'a', TASK);
	vz_expect(t, vz_pass(t, 0), "ACCESSIBLE:aQ+FAILED RELEASE:aQ");
	expect_nothing(t);
}

static void z11_receive_buffer_filled_before_it_is_sent(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_block(t, 'a')->flags = VDEV_ZEROCOPY_RECEIVE;
	vz_reserve(t, 'a');
	vz_expect(t, vdev_zerocopy_reset_begin(t->z, t->now, 0, VDEV_ZEROCOPY_WHOLE),
		  "OFFLINE:-WR");
	/* Also if sent() has looked before and swaps only now. */
	assert_true(atomic_load(&t->q[0]->slots[id_of(t, 'a') & t->q[0]->mask].word) & W_PARTLY);
	assert_int_equal(vz_complete(t, 'a', TASK), 0);
	assert_int_equal(vz_sent(t, 'a'), WAKE); /* not SETTLED */
	vz_expect(t, vz_pass(t, 0), "ACCESSIBLE:aR+FAILED RELEASE:aR");
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), 0);
	expect_nothing(t);
}

/* Only what is written by somebody else is void: what is sent is kept. */
static void z11_what_is_sent_is_settled_as_before(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_reserve(t, 'a');
	vz_expect(t, vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE),
		  "OFFLINE:-W");
	assert_int_equal(vz_complete(t, 'a', TASK), 0);
	assert_int_equal(vz_sent(t, 'a'), VDEV_ZEROCOPY_SETTLED);
	expect_nothing(t);
}

static void z12_fixed_memory_is_never_lent(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(at(t, VZ_FIXED, P), VDEV_ZEROCOPY_COPY_FIXED);
	vz_block(t, 'x')->flags = VDEV_ZEROCOPY_ANY_SIZE;
	assert_int_equal(at(t, VZ_FIXED + 5, 100), VDEV_ZEROCOPY_COPY_FIXED);
	assert_int_equal(vz_stats(t).copied[VDEV_ZEROCOPY_COPY_FIXED], 2);
	assert_int_equal(vz_stats(t).lent, 0);
	assert_int_equal(at(t, VZ_FIXED + VZ_FIXED_SIZE, 1), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z11_receive_buffer_cannot_be_preserved),
		TEST(z11_receive_buffer_in_each_other_way),
		TEST(z11_receive_buffer_complete_after_the_claim),
		TEST(z11_receive_buffer_has_its_granules_alone),
		TEST(z11_receive_buffer_goes_out_as_a_whole),
		TEST(z11_receive_buffer_reserved_before_the_whole_vm_was_replaced),
		TEST(z11_receive_buffer_filled_before_it_is_sent),
		TEST(z11_what_is_sent_is_settled_as_before),
		TEST(z12_fixed_memory_is_never_lent),
	};

	return cmocka_run_group_tests_name("zerocopy_receive", tests, NULL, NULL);
}
