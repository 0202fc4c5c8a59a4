/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: what an image keeps of times, counts and sets that are at an edge. */
#include "test_removal_rig.h"

/* The guest went deaf with 50 s left; it stays deaf over a migration. */
static void time_that_stood_still(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_RETRY, 1, 60 * VT_SEC),
		  "WARN:s REQUESTED:a");
	vt_expect(t, vt_registers(t, 's', VT_BLINK, 0), "BUSY:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "");
	vt_pass(t, 10 * VT_SEC);
	vt_expect(t, vt_registers(t, 's', 0, 0), "GUEST_NOT_READY:a");
	assert_int_equal(vt_reload(t, 7 * VT_SEC), 0); /* another host, another clock */
	vt_expect(t, vt_pass(t, 1000 * VT_SEC), "");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "WARN:s#2");
	assert_int_equal(vt_info(t, 's').ack_left_ns, 50 * VT_SEC);
}

/* Loaded, but not given out again yet: late it is only then. */
static void time_that_runs_out_before_it_is_given_again(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	assert_int_equal(vt_reload(t, t->now), 0);
	assert_int_equal(vt_pass(t, 100 * VT_SEC), 1);
	assert_int_equal(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_OVERDUE, 0);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, 0, "TEARDOWN:aA");
	assert_int_equal(t->deadline['a'], t->now);
	vt_expect(t, vt_pass(t, 0), "CANCEL:a(TEARDOWN)");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:a REMOVED:aFG");
}

/* The number is told with each warning; in an image it has a byte. */
static void more_warnings_than_a_byte_holds(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_request_with(t, 'a', VDEV_REMOVAL_ACK_KEEP, 0, 0);
	for (int i = 0; i < 260; i++) {
		vt_drain(t);
		vt_pass(t, 5 * VT_SEC);
	}
	assert_int_equal(vt_info(t, 'a').warnings, 260);
	assert_int_equal(vt_reload(t, t->now), 0);
	assert_int_equal(vt_info(t, 'a').warnings, 255);
	vt_expect(t, 0, "WARN:a#256");
}

static void sets_of_all_levels(void **state)
{
	static const uint32_t levels[] = {VDEV_REMOVAL_UNKNOWN, VDEV_REMOVAL_SAFE,
					  VDEV_REMOVAL_OWN_FIRST, VDEV_REMOVAL_OWN_LAST};
	struct vdev_removal_step steps[] = {{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN, VT_SEC},
					    {VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO, VT_SEC},
					    {VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
					    {VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vdev_removal_step got[VDEV_REMOVAL_MAX_STEPS];
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(levels); i++) {
		steps[1].deadline_ns = i + 1;
		assert_int_equal(
			vdev_removal_set_actions(t->r, VDEV_REMOVAL_CPU, levels[i], steps, 4), 0);
	}
	assert_int_equal(vt_reload(t, t->now), 0);
	for (uint32_t i = 0; i < VT_COUNT(levels); i++) {
		steps[1].deadline_ns = i + 1;
		assert_int_equal(vdev_removal_get_actions(t->r, VDEV_REMOVAL_CPU, levels[i], got),
				 4);
		assert_memory_equal(got, steps, sizeof(steps));
	}
}

/* The button could not be pressed; when it can be has come while the image was under way. */
static void time_for_the_next_warning(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_script(t, VDEV_REMOVAL_WARN, 's', -EAGAIN);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s");
	assert_int_equal(vt_due(t), 5 * VT_SEC);
	t->now += 7 * VT_SEC;
	assert_int_equal(vt_reload(t, t->now), 0);
	assert_int_equal(vt_due(t), 0);
	vt_expect(t, vt_pass(t, 0), "WARN:s REQUESTED:a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(time_that_stood_still),
		TEST(time_that_runs_out_before_it_is_given_again),
		TEST(more_warnings_than_a_byte_holds),
		TEST(sets_of_all_levels),
		TEST(time_for_the_next_warning),
	};

	return cmocka_run_group_tests_name("removal_kept", tests, NULL, NULL);
}
