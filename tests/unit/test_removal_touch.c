/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: who needs no acknowledgement, the host that asks, the backend that died (R14). */
#include "test_removal_rig.h"

static void tracked(struct vt_removal *t, char letter, char parent, uint32_t function)
{
	vt_add(t, letter,
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					   .transport = VDEV_REMOVAL_ACPI,
					   .flags = VDEV_REMOVAL_TRACK_TOUCH,
					   .function = function,
					   .parent = parent ? t->h[(unsigned char)parent] : 0});
}

static void r14_untouched_device_needs_no_ack(void **state)
{
	struct vt_removal *t = *state;

	tracked(t, 'a', 0, 0);
	assert_false(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_TOUCHED);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
}

static void r14_touched_device_is_warned(void **state)
{
	struct vt_removal *t = *state;

	tracked(t, 'a', 0, 0);
	assert_int_equal(vdev_removal_touch(t->r, t->h['a']), 0);
	assert_int_equal(vdev_removal_touch(t->r, t->h['a']), 0);
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_TOUCHED);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
}

static void r14_unit_that_is_not_tracked_counts_as_touched(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_TOUCHED);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
}

static void r14_reset_makes_it_untouched_again(void **state)
{
	struct vt_removal *t = *state;

	tracked(t, 'a', 0, 0);
	vdev_removal_touch(t->r, t->h['a']);
	vdev_removal_reset_begin(t->r, t->now);
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_TOUCHED);
	vdev_removal_reset_end(t->r, t->now);
	assert_false(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_TOUCHED);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
}

static void r14_one_touched_function_is_enough_to_warn(void **state)
{
	struct vt_removal *t = *state;

	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_registers(t, 's', VT_ON, 0);
	tracked(t, 'a', 's', 0);
	tracked(t, 'b', 's', 1);
	vdev_removal_touch(t->r, t->h['b']);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:s CANCELLED:aF");
	vdev_removal_reset_begin(t->r, t->now);
	vdev_removal_reset_end(t->r, t->now);
	vt_expect(t, vt_request(t, 'a', 0),
		  "HIDE:b HIDE:aL TEARDOWN:b RELEASE:b REMOVED:bFG TEARDOWN:a RELEASE:a "
		  "REMOVED:aFG");
}

static void r14_slot_that_is_off_needs_no_ack(void **state)
{
	struct vt_removal *t = *state;

	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_registers(t, 's', VT_OFF, 0);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
}

static void r14_slot_that_is_half_off_is_not_off(void **state)
{
	static const uint32_t controls[] = {0x321, 0x521, 0x621, VT_BLINK};
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(controls); i++) {
		struct vdev_removal_planned p;

		vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
		vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
		vt_registers(t, 's', controls[i], 0);
		vdev_removal_plan(t->r, t->h['a'], NULL, &p, sizeof(p), 1);
		assert_int_equal(p.kind, VDEV_REMOVAL_WARN);
	}
}

static void r14_hidden_device_needs_no_ack(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
}

static void r14_host_asks_by_the_same_path_again_and_again(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_HOST), "WARN:a REQUESTED:a");
	for (int i = 0; i < 4; i++) { /* VFIO's REQ comes every 10 s until the fd is closed */
		vt_expect(t, vt_pass(t, 10 * VT_SEC), "");
		vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_HOST), "");
	}
	assert_int_equal(vt_stats(t).host_requests, 5);
	assert_int_equal(vt_stats(t).requests, 5);
	assert_int_equal(vt_stats(t).joined, 4);
	assert_int_equal(vt_stats(t).warnings, 1);
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
}

static void r14_host_may_force_too(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_HOST | VDEV_REMOVAL_FORCE),
		  "HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
	assert_int_equal(vt_stats(t).host_requests, 1);
}

#define DEAD_A                                                                                 \
	"HIDE:aLB IRQ_OFF:aB RESET:aB DETACH_EVENTS:aB UNMAP_BARS:aB LEAVE_DMA:aB RELEASE:aB " \
	"REMOVED:aFGB"

static void r14_dead_backend_is_not_waited_for(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	assert_int_equal(vdev_removal_backend_gone(t->r, t->h['a']), 0);
	assert_true(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_BACKEND_GONE);
	vt_expect(t, vt_request(t, 'a', 0), DEAD_A); /* no QUIESCE, no DRAIN */
}

static void r14_backend_dies_just_before_it_would_be_waited_for(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_request(t, 'a', 0);
	vdev_removal_backend_gone(t->r, t->h['a']);
	vt_expect(t, 0, DEAD_A);
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	t->stop_after = 1;
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL");
	t->stop_after = 0;
	vdev_removal_backend_gone(t->r, t->h['a']);
	vt_expect(t, 0, &DEAD_A[sizeof("HIDE:aLB ") - 1]);
}

static void r14_backend_dies_while_it_is_waited_for(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vdev_removal_backend_gone(t->r, t->h['a']);
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "CANCEL:aB(QUIESCE)");
	vt_expect(t, vt_done(t, 'a', -ECANCELED), "WARN:aB REQUESTED:aB"); /* RESUME: of what? */
}

static void r14_dead_backend_shows_in_every_action(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vdev_removal_backend_gone(t->r, t->h['a']);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:aB REQUESTED:aB");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:aB TIMED_OUT:aFB");
}

static void r14_only_the_dead_function_is_left_out(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE_IDLE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE_IDLE);
	vdev_removal_backend_gone(t->r, t->h['b']);
	vt_expect(t, vt_request(t, 'a', 0),
		  "QUIESCE:a HIDE:bB HIDE:aL IRQ_OFF:bB RESET:bB DETACH_EVENTS:bB UNMAP_BARS:bB "
		  "LEAVE_DMA:bB RELEASE:bB REMOVED:bFGB DRAIN:a IRQ_OFF:a RESET:a DETACH_EVENTS:a "
		  "UNMAP_BARS:a LEAVE_DMA:a RELEASE:a REMOVED:aFG");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r14_untouched_device_needs_no_ack),
		TEST(r14_touched_device_is_warned),
		TEST(r14_unit_that_is_not_tracked_counts_as_touched),
		TEST(r14_reset_makes_it_untouched_again),
		TEST(r14_one_touched_function_is_enough_to_warn),
		TEST(r14_slot_that_is_off_needs_no_ack),
		TEST(r14_slot_that_is_half_off_is_not_off),
		TEST(r14_hidden_device_needs_no_ack),
		TEST(r14_host_asks_by_the_same_path_again_and_again),
		TEST(r14_host_may_force_too),
		TEST_FULL(r14_dead_backend_is_not_waited_for),
		TEST_FULL(r14_backend_dies_just_before_it_would_be_waited_for),
		TEST_FULL(r14_backend_dies_while_it_is_waited_for),
		TEST(r14_dead_backend_shows_in_every_action),
		TEST_FULL(r14_only_the_dead_function_is_left_out),
	};

	return cmocka_run_group_tests_name("removal_touch", tests, NULL, NULL);
}
