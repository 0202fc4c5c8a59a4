/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: what comes in while something else is under way, and must change nothing, or just that. */
#include "test_removal_rig.h"

#include <limits.h>

static void unsafe(struct vt_removal *t, char letter, uint32_t transport)
{
	vt_alone(t, letter, transport);
	vt_level(t, letter, VDEV_REMOVAL_UNSAFE);
}

static void R10_refused_between_two_warnings(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_RETRY, 1, 60 * VT_SEC),
		  "WARN:s REQUESTED:a");
	vt_expect(t, vt_registers(t, 's', VT_BLINK, 0), "BUSY:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), ""); /* it blinks: no press yet */
	vt_expect(t, vt_refuse(t, 's', VDEV_REMOVAL_REASON_IN_USE), "REFUSED:aF(IN_USE)");
}

/* The guest may answer before the warning's done(), but not before it was given. */
static void R10_refused_before_the_warning_has_ended(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	assert_int_equal(vt_request(t, 'a', 0), 1);
	assert_int_equal(vt_refuse(t, 'a', VDEV_REMOVAL_REASON_BUSY), -EBUSY);
	assert_int_equal(vt_stats(t).bad_guest, 1);
	vt_expect(t, 0, "WARN:a");
	assert_int_equal(vt_refuse(t, 'a', VDEV_REMOVAL_REASON_BUSY), 0);
	assert_int_equal(vt_stats(t).bad_guest, 1);
	vt_expect(t, vt_done(t, 'a', 0), "REQUESTED:a REFUSED:aF(BUSY)");
}

/* The migration is not given up for a request that waits for its end anyway. */
static void R11_who_is_left_has_time(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, 'a', VDEV_REMOVAL_ACPI);
	unsafe(t, 'b', VDEV_REMOVAL_ACPI);
	assert_int_equal(vdev_removal_hold(t->r, t->now), 0);
	assert_int_equal(vt_request(t, 'b', 0), 0);
	assert_int_equal(vt_request(t, 'a', VDEV_REMOVAL_FORCE), 1);
	assert_int_equal(vt_cancel(t, 'a'), 1);
	vt_expect(t, 0, "CANCELLED:aFX");
	vt_expect(t, vdev_removal_unhold(t->r, t->now), "WARN:b REQUESTED:b");
}

static uint32_t state_while_told(struct vt_removal *t, char letter)
{
	vt_script(t, VDEV_REMOVAL_OUTCOME, letter, 0);
	return vt_info(t, letter).state;
}

/* The slot is told how it ended: empty it is leaving no more than its card is, taken back it never was. */
static void R10_state_while_the_last_word_is_given(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 's', VT_LATER);
	vt_expect(t, vt_request(t, 's', 0), "HIDE:aL TEARDOWN:a RELEASE:a REMOVED:aFG REMOVED:sF");
	assert_int_equal(state_while_told(t, 's'), VDEV_REMOVAL_LEAVING);
	assert_int_equal(vt_cancel(t, 's'), -EALREADY);
	vt_done(t, 's', 0);
	unsafe(t, 'x', VDEV_REMOVAL_ACPI);
	vt_request(t, 'x', 0);
	vt_drain(t);
	t->scripted = 0;
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'x', VT_LATER);
	vt_expect(t, vt_cancel(t, 'x'), "CANCELLED:xF");
	assert_int_equal(state_while_told(t, 'x'), VDEV_REMOVAL_PENDING);
}

/* Nothing a guest declares lengthens a removal: not in the moment between the end and its step(). */
static void R6_safe_when_the_time_is_up(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	t->now += 60 * VT_SEC;
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), "");
	vt_expect(t, vt_pass(t, 0), "UNWARN:a TIMED_OUT:aF");
}

static void R6_nobody_who_leaves_is_asked_to_declare(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vdev_removal_forget(t->r, t->now, t->h['a']), "REDECLARE:a");
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_expect(t, vdev_removal_forget(t->r, t->now, t->h['a']), "");
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_UNKNOWN);
}

/* Held means hidden and kept; FORCE asks for more, which begins when that is done. */
static void R16_force_while_it_is_only_hidden(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, 'a', VDEV_REMOVAL_ACPI);
	assert_int_equal(vt_ack(t, 'a'), 1);
	assert_int_equal(vt_request(t, 'a', VDEV_REMOVAL_FORCE), 1); /* HIDE was not given yet */
	vt_expect(t, 0, "HIDE:aL HIDE:aLX TEARDOWN:aX RELEASE:aX REMOVED:aFGX");
}

static void R16_force_while_hiding_is_late(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), ""); /* not late yet */
	vt_expect(t, vt_pass(t, VT_SEC), "CANCEL:aL(HIDE)");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "HIDE:aLX TEARDOWN:aX");
	assert_int_equal(vt_stats(t).stuck, 1);
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:aX REMOVED:aFGX"); /* not before the late HIDE */
}

/* A note of the VM that is no UNHOLD is not stale because a hold has ended. */
static void R11_redeclare_outlives_a_hold(void **state)
{
	struct vt_removal *t = *state;

	vt_ready(t, 0, 1);
	vt_script(t, VDEV_REMOVAL_REDECLARE, 0, VT_LATER);
	vt_expect(t, vdev_removal_forget(t->r, t->now, 0), "REDECLARE:-");
	vdev_removal_hold(t->r, t->now);
	assert_int_equal(vdev_removal_unhold(t->r, t->now), 0);
	vt_expect(t, vt_done(t, 0, 0), ""); /* and not a second time */
	vt_expect(t, vdev_removal_forget(t->r, t->now, 0), "REDECLARE:-");
}

static void R10_ready_again_while_the_warning_is_given(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_script(t, VDEV_REMOVAL_WARN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a");
	vt_expect(t, vt_ready(t, 'a', 0), "");
	vt_expect(t, vt_ready(t, 'a', 1), ""); /* one warning is under way */
	vt_expect(t, vt_done(t, 'a', 0), "REQUESTED:a");
}

/* Two functions; the backend of the one that is not being worked on dies. */
static void R14_backend_of_another_function(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_DRAIN, 'b', VT_LATER);
	vt_expect(t, vt_request(t, 's', 0), "HIDE:b HIDE:aL DRAIN:b");
	assert_int_equal(vdev_removal_backend_gone(t->r, t->h['a']), 0);
	vt_expect(t, 0, "");
	vt_done(t, 'b', 0);
	assert_string_equal(strstr(vt_drain(t), "REMOVED:b"),
			    "REMOVED:bFG IRQ_OFF:aB RESET:aB DETACH_EVENTS:aB UNMAP_BARS:aB "
			    "LEAVE_DMA:aB RELEASE:aB REMOVED:aFGB REMOVED:sF");
}

/* Below a request that waits: torn down it has to be, before the new kernel may begin; stuck it may stay. */
static void R17_reset_waits_for_what_is_below(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, 'b', VDEV_REMOVAL_ACPI);
	vt_child(t, 'c', 'b', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_level(t, 'c', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'c', VT_LATER);
	vt_expect(t, vt_request(t, 'c', 0), "HIDE:cL TEARDOWN:c");
	vt_expect(t, vt_request(t, 'b', 0), "");
	vt_expect(t, vdev_removal_reset_begin(t->r, t->now), "");
	assert_int_equal(vdev_removal_reset_end(t->r, t->now), -EAGAIN);
	vt_expect(t, vt_pass(t, 30 * VT_SEC), "CANCEL:c(TEARDOWN)");
	vdev_removal_request(
		t->r, t->now, t->h['c'],
		&(struct vdev_removal_request){.struct_size = sizeof(struct vdev_removal_request),
					       .flags = VDEV_REMOVAL_FORCE});
	vt_drain(t);
	assert_int_equal(vt_stats(t).stuck, 1);
	assert_in_range(vdev_removal_reset_end(t->r, t->now), 0, 10);
}

/* Asked for while the guest lets it go and takes it back: what was asked for counts. */
static void R16_powered_on_again_but_asked_for(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_done(t, 'a', 0), "HIDE:aL TEARDOWN:a RELEASE:a REMOVED:aFG");
}

static void R12_powered_on_again_too_late(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL ACKED:a TEARDOWN:a");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:a REMOVED:aFG");
}

/* done() with an id that was never given, while an action and its CANCEL are outstanding. */
static void R10_neither_the_action_nor_its_cancel(void **state)
{
	struct vt_removal *t = *state;
	uint64_t id;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_script(t, VDEV_CANCEL, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL");
	id = t->out['a'];
	vt_expect(t, vt_pass(t, VT_SEC), "CANCEL:aL(HIDE)");
	assert_int_equal(vdev_removal_done(t->r, t->now, t->out['a'] + (2u << 24), 0), -ENOENT);
	assert_int_equal(vt_stats(t).bad_done, 1);
	assert_int_equal(vt_done(t, 'a', 0), 0);
	vt_expect(t, vdev_removal_done(t->r, t->now, id, 0), "TEARDOWN:a RELEASE:a REMOVED:aFG");
}

static const struct vdev_removal_step own[] = {
	{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN, VT_SEC},
	{VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO, VT_SEC},
	{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
	{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};

/* A set is in use as long as a step of it may come. */
static void R5_new_set_while_an_operation_ends(void **state)
{
	struct vt_removal *t = *state;

	unsafe(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	assert_int_equal(vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION,
						  VDEV_REMOVAL_UNSAFE, own, 4),
			 -EBUSY);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_cancel(t, 'a'), "CANCELLED:aF");
	assert_int_equal(vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION,
						  VDEV_REMOVAL_UNSAFE, own, 4),
			 0);
	vt_expect(t, vt_done(t, 'a', 0), "");
	vt_request(t, 'a', 0);
	vt_drain(t);
	assert_int_equal(vt_info(t, 'a').ack_left_ns, VT_SEC);
}

/* What waits for a slot is no part of what leaves it, but of what leaves with the slot. */
static void R2_waits_for_a_slot_that_leaves_as_well(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_unit q = {.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
				      .flags = VDEV_REMOVAL_HOTPLUG};

	unsafe(t, 'b', VDEV_REMOVAL_ACPI);
	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 'b');
	vt_registers(t, 's', VT_ON, 0x8u); /* of an earlier card */
	q.parent = t->h['s'];
	vt_expect(t, vt_add(t, 'q', &q), "");
	assert_int_equal(vt_info(t, 'q').state, VDEV_REMOVAL_QUEUED);
	vt_expect(t, vt_request(t, 's', VDEV_REMOVAL_FORCE), "REMOVED:sFX");
	assert_int_equal(vt_info(t, 'q').state, VDEV_REMOVAL_QUEUED);
	vt_request(t, 'b', VDEV_REMOVAL_FORCE);
	vt_drain(t);
	assert_int_equal(vt_stats(t).units, 0);
}

/* The backend dies between two actions: no step that would wait for it is begun. */
static void R14_backend_gone_before_the_step_was_given(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE_IDLE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE_IDLE);
	assert_int_equal(vt_request(t, 'a', 0), 1);
	assert_int_equal(vdev_removal_backend_gone(t->r, t->h['b']), 0); /* QUIESCE:b waits */
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, 0, "QUIESCE:a");
	t->stop_after = 1;
	vt_expect(t, vt_done(t, 'a', 0), "HIDE:bB");
	t->stop_after = 0;
	assert_int_equal(vdev_removal_backend_gone(t->r, t->h['a']), 0); /* HIDE:a waits, for all */
	vt_expect(t, 0,
		  "HIDE:aLB TEARDOWN:bB RELEASE:bB REMOVED:bFGB TEARDOWN:aB RELEASE:aB "
		  "REMOVED:aFGB");
}

static void R14_the_only_backend_gone_before_quiesce(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	assert_int_equal(vt_request(t, 'a', 0), 1);
	assert_int_equal(vdev_removal_backend_gone(t->r, t->h['a']), 0);
	vt_expect(t, 0, "HIDE:aLB TEARDOWN:aB RELEASE:aB REMOVED:aFGB");
}

/* What a backend returns is told as far as it goes. */
static void R10_status_that_is_no_errno(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', INT_MIN);
	vt_expect(t, vt_request(t, 'a', 0),
		  "HIDE:aL TEARDOWN:a RELEASE:a FAILED_AT:aFG(TEARDOWN,-32768)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(R10_refused_between_two_warnings),
		TEST(R10_refused_before_the_warning_has_ended),
		TEST(R11_who_is_left_has_time),
		TEST(R10_state_while_the_last_word_is_given),
		TEST(R6_safe_when_the_time_is_up),
		TEST(R6_nobody_who_leaves_is_asked_to_declare),
		TEST(R16_force_while_it_is_only_hidden),
		TEST(R16_force_while_hiding_is_late),
		TEST(R11_redeclare_outlives_a_hold),
		TEST(R10_ready_again_while_the_warning_is_given),
		TEST_FULL(R14_backend_of_another_function),
		TEST(R14_backend_gone_before_the_step_was_given),
		TEST(R14_the_only_backend_gone_before_quiesce),
		TEST(R10_status_that_is_no_errno),
		TEST(R17_reset_waits_for_what_is_below),
		TEST(R16_powered_on_again_but_asked_for),
		TEST(R12_powered_on_again_too_late),
		TEST(R10_neither_the_action_nor_its_cancel),
		TEST(R5_new_set_while_an_operation_ends),
		TEST(R2_waits_for_a_slot_that_leaves_as_well),
	};

	return cmocka_run_group_tests_name("removal_meanwhile", tests, NULL, NULL);
}
