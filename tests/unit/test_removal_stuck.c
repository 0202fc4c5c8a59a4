/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: actions that never end, and FORCE (R10, contract of actions in base.h). */
#include "test_removal_rig.h"

static void safe(struct vt_removal *t, char letter)
{
	vt_alone(t, letter, VDEV_REMOVAL_ACPI);
	vt_level(t, letter, VDEV_REMOVAL_SAFE);
}

static int force(struct vt_removal *t, char letter)
{
	return vt_request(t, letter, VDEV_REMOVAL_FORCE);
}

static void r10_force_after_cancel_is_stuck_and_release_waits(void **state)
{
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){0});
	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_DRAIN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL DRAIN:a");
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "CANCEL:a(DRAIN)");
	vt_expect(t, force(t, 'a'),
		  "STUCK:aX(DRAIN,-110) IRQ_OFF:aX RESET:aX DETACH_EVENTS:aX UNMAP_BARS:aX "
		  "LEAVE_DMA:aX");
	assert_int_equal(vt_due(t), VDEV_NONE);
	vt_expect(t, force(t, 'a'), ""); /* nothing is released that may still be used */
	vt_expect(t, vt_done(t, 'a', -ECANCELED), "RELEASE:aX FAILED_AT:aFGX(DRAIN,-110)");
}

static void r10_force_while_cancel_waits_or_is_outstanding_is_not_lost(void **state)
{
	struct vt_removal *t = *state;

	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	vt_pass(t, 30 * VT_SEC);
	vt_expect(t, force(t, 'a'), "CANCEL:aX(TEARDOWN) STUCK:aX(TEARDOWN,-110)");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:aX FAILED_AT:aFGX(TEARDOWN,-110)");
}

static void r10_force_before_the_deadline_waits_for_the_action(void **state)
{
	struct vt_removal *t = *state;

	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	vt_expect(t, force(t, 'a'), "");
	assert_int_equal(vt_stats(t).stuck, 0);
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:aX REMOVED:aFGX");
}

/* Each step that can be stuck, before and after the point of no return. */
static void r10_stuck_at_each_step(void **state)
{
	static const struct {
		uint32_t kind, level;
		uint64_t ns;
		const char *stuck, *after;
	} rows[] = {
		{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNSAFE, VT_SEC, "WARN",
		 "HIDE:aLX STUCK:aX(WARN,-110) TEARDOWN:aX"},
		{VDEV_REMOVAL_QUIESCE, VDEV_REMOVAL_SAFE_IDLE, 5 * VT_SEC, "QUIESCE",
		 "HIDE:aLX STUCK:aX(QUIESCE,-110) TEARDOWN:aX"},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_SAFE, VT_SEC, "HIDE",
		 "STUCK:aX(HIDE,-110) TEARDOWN:aX"},
		{VDEV_REMOVAL_TEARDOWN, VDEV_REMOVAL_SAFE, 30 * VT_SEC, "TEARDOWN",
		 "STUCK:aX(TEARDOWN,-110)"},
	};
	struct vt_removal *t = *state;
	char text[100];

	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
		vt_level(t, 'a', rows[i].level);
		vt_script(t, rows[i].kind, 'a', VT_LATER);
		vt_request(t, 'a', 0);
		vt_drain(t);
		vt_pass(t, rows[i].ns);
		vt_drain(t);
		assert_int_equal(t->last.kind, VDEV_CANCEL);
		assert_int_equal(t->last.arg[1], rows[i].kind);
		assert_int_equal(t->last.arg[2], 0);
		vt_expect(t, force(t, 'a'), rows[i].after);
		snprintf(text, sizeof(text), "RELEASE:aX FAILED_AT:aFGX(%s,-110)", rows[i].stuck);
		vt_expect(t, vt_done(t, 'a', 0), text);
	}
	assert_int_equal(vt_stats(t).stuck, VT_COUNT(rows));
}

/* The FORCE that gave one step up does not give up the next. */
static void r10_next_step_needs_a_force_of_its_own(void **state)
{
	struct vt_removal *t = *state;
	uint64_t drain;

	reconfigure(t, (struct vdev_removal_config){0});
	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_DRAIN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL DRAIN:a");
	drain = t->out['a'];
	vt_pass(t, 10 * VT_SEC);
	vt_script(t, VDEV_REMOVAL_IRQ_OFF, 'a', VT_LATER);
	vt_expect(t, force(t, 'a'), "CANCEL:aX(DRAIN) STUCK:aX(DRAIN,-110) IRQ_OFF:aX");
	vt_expect(t, vdev_removal_done(t->r, t->now, drain, 0), "");
	vt_expect(t, vt_pass(t, VT_SEC), "CANCEL:aX(IRQ_OFF)");
	vt_expect(t, vt_pass(t, 100 * VT_SEC), "");
	vt_expect(t, force(t, 'a'),
		  "STUCK:aX(IRQ_OFF,-110) RESET:aX DETACH_EVENTS:aX UNMAP_BARS:aX LEAVE_DMA:aX");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:aX FAILED_AT:aFGX(IRQ_OFF,-110)");
}

static void r10_hide_of_a_held_eject_is_stuck(void **state)
{
	struct vt_removal *t = *state;
	uint64_t hide;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	hide = t->out['a'];
	vt_expect(t, vt_pass(t, VT_SEC), "CANCEL:aL(HIDE)");
	vt_expect(t, force(t, 'a'), "HIDE:aLX TEARDOWN:aX"); /* held, then it begins */
	vt_expect(t, vdev_removal_done(t->r, t->now, hide, 0), "RELEASE:aX REMOVED:aFGX");
}

static void r10_undo_is_stuck(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_UNWARN, 'a', VT_LATER);
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:a");
	vt_expect(t, vt_pass(t, VT_SEC), "CANCEL:a(UNWARN)");
	vt_expect(t, force(t, 'a'), "HIDE:aLX STUCK:aX(WARN,-110) TEARDOWN:aX");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:aX FAILED_AT:aFGX(WARN,-110)");
}

/* The same for the warning that was taken back from the set of a late SAFE_IDLE. */
static void r10_undo_of_an_earlier_set_is_stuck(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_script(t, VDEV_REMOVAL_UNWARN, 'a', VT_LATER);
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), "QUIESCE:a RESUME:a UNWARN:a");
	vt_expect(t, vt_pass(t, VT_SEC), "CANCEL:a(UNWARN)");
	vt_expect(t, force(t, 'a'), "HIDE:aLX STUCK:aX(WARN,-110) TEARDOWN:aX");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:aX FAILED_AT:aFGX(WARN,-110)");
}

static void r10_release_itself_is_always_waited_for(void **state)
{
	struct vt_removal *t = *state;

	safe(t, 'a');
	vt_script(t, VDEV_REMOVAL_RELEASE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a RELEASE:a");
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "CANCEL:a(RELEASE)");
	vt_expect(t, force(t, 'a'), "");
	assert_int_equal(vt_stats(t).stuck, 0);
	vt_expect(t, vt_done(t, 'a', -EIO), "FAILED_AT:aFGX(RELEASE,-5)");
}

static void r10_stuck_function_holds_up_the_release_of_its_slot_only(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE);
	safe(t, 'z');
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'b', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:b HIDE:aL TEARDOWN:b");
	vt_expect(t, vt_pass(t, 30 * VT_SEC), "CANCEL:b(TEARDOWN)");
	vt_expect(t, force(t, 'a'), "STUCK:aX(TEARDOWN,-110)");
	vt_expect(t, vt_request(t, 'z', 0), "HIDE:zL TEARDOWN:z RELEASE:z REMOVED:zFG");
	vt_expect(t, vt_done(t, 'b', 0),
		  "RELEASE:bX FAILED_AT:bFGX(TEARDOWN,-110) TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r10_force_after_cancel_is_stuck_and_release_waits),
		TEST(r10_force_while_cancel_waits_or_is_outstanding_is_not_lost),
		TEST(r10_force_before_the_deadline_waits_for_the_action),
		TEST(r10_stuck_at_each_step),
		TEST(r10_next_step_needs_a_force_of_its_own),
		TEST(r10_hide_of_a_held_eject_is_stuck),
		TEST(r10_undo_is_stuck),
		TEST(r10_undo_of_an_earlier_set_is_stuck),
		TEST(r10_release_itself_is_always_waited_for),
		TEST(r10_stuck_function_holds_up_the_release_of_its_slot_only),
	};

	return cmocka_run_group_tests_name("removal_stuck", tests, NULL, NULL);
}
