/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: receive buffers that lose their pages to an OFFLINE of the whole VM while nobody looks at
 * them: they were refused just before, or the engine was saved and loaded in between (Z11; of resets Z3).
 */
#include "test_zerocopy_rig.h"

#define id_of id_of_word /* the rig has another one */
#include "engines/zerocopy/internal.h"
#undef id_of

#define OFFLINE VDEV_ZEROCOPY_OFFLINE
#define WHOLE VDEV_ZEROCOPY_WHOLE

static void receives(struct vt_zerocopy *t, char letter)
{
	vz_block(t, letter)->flags = VDEV_ZEROCOPY_RECEIVE;
	vz_block(t, letter)->length_bytes = VZ_PAGE;
}

static void whole_vm_later(struct vt_zerocopy *t)
{
	vz_script(t, OFFLINE, 0, VZ_LATER);
	assert_true(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, WHOLE) >= 0);
}

static void reload(struct vt_zerocopy *t)
{
	assert_int_equal(vz_reload(t, t->now + VZ_SEC, 0), 0);
}

/* The whole VM waits for the block's own OFFLINE, which fails. */
static void z11_refused_just_before_the_whole_vm_is_replaced(void **state)
{
	struct vt_zerocopy *t = *state;

	receives(t, 'a');
	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ=RESET");
	assert_true(vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, WHOLE) >= 0);
	vz_expect(t, vz_done(t, OFFLINE, 'a', -EIO), "REFUSED:aQ(-5) OFFLINE:-W");
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
	vz_expect(t, vz_late(t, 'a', TASK), "ACCESSIBLE:a+FAILED RELEASE:a");
	expect_nothing(t);
}

/* An attempt that will be made again has replaced some of it. */
static void z11_loaded_between_two_attempts(void **state)
{
	struct vt_zerocopy *t = *state;

	receives(t, 'a');
	lend(t, 'a');
	whole_vm_later(t);
	assert_string_equal(vz_drain(t), "OFFLINE:-W");
	assert_int_equal(vz_complete(t, 'a', TASK), 0);
	vz_expect(t, vz_done(t, OFFLINE, 0, -EAGAIN), "");
	reload(t);
	vz_expect(t, vz_pass(t, VZ_SEC), "OFFLINE:-W ACCESSIBLE:aQ+FAILED RELEASE:aQ");
	expect_nothing(t);
}

static void z11_loaded_after_an_attempt_in_vain(void **state)
{
	struct vt_zerocopy *t = *state;

	receives(t, 'a');
	lend(t, 'a');
	whole_vm_later(t);
	assert_string_equal(vz_drain(t), "OFFLINE:-W");
	vdev_zerocopy_done(t->z, t->now, t->last.id, -EIO); /* an OFFLINE of its own is ready */
	t->out_count = 0;
	reload(t);
	assert_int_equal(vz_complete(t, 'a', TASK), 0);
	vz_expect(t, 0, "REFUSED:-W(-5) ACCESSIBLE:aQ+FAILED RELEASE:aQ");
	expect_nothing(t);
}

/* As if reserve() had looked before the attempt, and what it wrote came to be seen after it. */
static void unseen(struct vt_zerocopy *t, char letter)
{
	struct slot *s = &t->q[0]->slots[id_of(t, letter) & t->q[0]->mask];

	atomic_fetch_and(&s->word, ~(uint64_t)(W_ASKED | W_BY_RESET | W_ZERO | W_PARTLY));
}

static void z11_loaded_while_it_was_being_reserved(void **state)
{
	struct vt_zerocopy *t = *state;

	receives(t, 'a');
	vz_reserve(t, 'a');
	vz_script(t, OFFLINE, 0, -EIO);
	vz_expect(t, vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, WHOLE),
		  "OFFLINE:-W REFUSED:-W(-5)");
	unseen(t, 'a');
	reload(t);
	assert_int_equal(vz_sent(t, 'a'), WAKE);
	assert_int_equal(vz_complete(t, 'a', TASK), 0);
	vz_expect(t, vz_pass(t, 0), "ACCESSIBLE:aQ+FAILED RELEASE:aQ");
	expect_nothing(t);
}

/* It is the old guest's: the new one's memory must not be zeroed for it. */
static void z3_loaded_after_a_reset_while_it_was_being_reserved(void **state)
{
	struct vt_zerocopy *t = *state;

	vdev_zerocopy_reset_begin(t->z, t->now, VDEV_ZEROCOPY_RESET, 0);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), 0);
	vz_reserve(t, 'a');
	atomic_store(&t->q[0]->details[id_of(t, 'a') & t->q[0]->mask].deadline,
		     0); /* resets so far */
	reload(t);
	assert_int_equal(vz_sent(t, 'a'), WAKE);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:aR ACCESSIBLE:aR+RECLAIMED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aR");
	expect_nothing(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(z11_refused_just_before_the_whole_vm_is_replaced),
		TEST(z11_loaded_between_two_attempts),
		TEST(z11_loaded_after_an_attempt_in_vain),
		TEST(z11_loaded_while_it_was_being_reserved),
		TEST(z3_loaded_after_a_reset_while_it_was_being_reserved),
	};

	return cmocka_run_group_tests_name("zerocopy_voided", tests, NULL, NULL);
}
