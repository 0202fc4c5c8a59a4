/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: the guest lets a device go that nobody asked for (R16). */
#include "test_removal_rig.h"

static void unit(struct vt_removal *t, char letter, uint32_t unasked)
{
	vt_add(t, letter,
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					   .transport = VDEV_REMOVAL_ACPI,
					   .unasked = unasked});
}

static void r16_accept(void **state)
{
	struct vt_removal *t = *state;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_ACCEPT);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL TEARDOWN:a RELEASE:a REMOVED_BY_GUEST:aFG");
	assert_int_equal(vt_stats(t).unasked, 1);
	assert_int_equal(vt_stats(t).acks, 1);
	assert_int_equal(vt_stats(t).units, 0);
}

static void r16_hold_is_the_default(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_HIDDEN);
	assert_int_equal(vt_stats(t).operations, 0);
	assert_int_equal(vt_stats(t).removed_by_guest, 0);
}

static void r16_ignore(void **state)
{
	struct vt_removal *t = *state;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_IGNORE);
	vt_expect(t, vt_ack(t, 'a'), "");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
	assert_int_equal(vt_stats(t).unasked, 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
}

static void r16_own_eject_by_ost(void **state)
{
	struct vt_removal *t = *state;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_ACCEPT);
	vt_expect(t, vdev_removal_ost(t->r, t->now, t->h['a'], 0x103, 0),
		  "HIDE:aL TEARDOWN:a RELEASE:a REMOVED_BY_GUEST:aFG");
}

static void r16_slot_power_off(void **state)
{
	static const struct vdev_removal_unit slot = {.unit_class = VDEV_REMOVAL_PCI_SLOT,
						      .transport = VDEV_REMOVAL_PCIE,
						      .unasked = VDEV_REMOVAL_UNASKED_ACCEPT,
						      .slot_cap = VT_CAP};
	struct vt_removal *t = *state;

	vt_add(t, 's', &slot); /* the slot's policy counts for its switch */
	unit(t, 'x', VDEV_REMOVAL_UNASKED_IGNORE);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_registers(t, 's', VT_ON, 0);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0),
		  "HIDE:b HIDE:aL TEARDOWN:b RELEASE:b REMOVED_BY_GUEST:bFG TEARDOWN:a RELEASE:a "
		  "REMOVED_BY_GUEST:aFG");
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_SETTLING);
}

static void r16_empty_slot_switched_off_is_nothing(void **state)
{
	struct vt_removal *t = *state;

	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_registers(t, 's', VT_ON, 0);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "");
	assert_int_equal(vt_stats(t).unasked, 0);
}

static void r16_late_ack_after_fail_follows_the_policy(void **state)
{
	struct vt_removal *t = *state;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_ACCEPT);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_FAIL, 0, VT_SEC),
		  "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, VT_SEC), "TIMED_OUT:aF");
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL TEARDOWN:a RELEASE:a REMOVED_BY_GUEST:aFG");
	unit(t, 'b', VDEV_REMOVAL_UNASKED_HOLD);
	vt_expect(t, vt_request_with(t, 'b', VDEV_REMOVAL_ACK_FAIL, 0, VT_SEC),
		  "WARN:b REQUESTED:b");
	vt_expect(t, vt_pass(t, VT_SEC), "TIMED_OUT:bF");
	vt_expect(t, vt_ack(t, 'b'), "HIDE:bL");
}

static void r16_held_one_is_given_back_at_power_on(void **state)
{
	struct vt_removal *t = *state;
	uint64_t old;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	old = t->h['b'];
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:b HIDE:aL");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_HIDDEN);
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_HIDDEN);
	vt_registers(t, 's', VT_ON, 0);
	vt_drain(t);
	assert_true(strstr(t->text, "REANNOUNCE:a") && strstr(t->text, "REANNOUNCE:b"));
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
	assert_true(t->h['b'] != old);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
}

static void r16_held_one_is_given_back_at_reset(void **state)
{
	struct vt_removal *t = *state;
	uint64_t old;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_HOLD);
	old = t->h['a'];
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vt_expect(t, vdev_removal_reset_begin(t->r, t->now), "");
	vt_expect(t, vdev_removal_reset_end(t->r, t->now), "REANNOUNCE:a");
	assert_int_equal(t->last.arg[2], old);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
	assert_int_equal(vdev_removal_level(t->r, old), -ENOENT);
}

static void r16_power_on_before_it_is_hidden_gives_it_back_too(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "");
	vt_expect(t, vt_done(t, 'a', 0), "REANNOUNCE:a");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
}

static void r16_held_one_keeps_name_and_address(void **state)
{
	static const struct vdev_removal_unit named = {
		.unit_class = VDEV_REMOVAL_OTHER, .transport = VDEV_REMOVAL_ACPI, .name = 5};
	struct vt_removal *t = *state;
	uint64_t found;

	vt_add(t, 'a', &named);
	vdev_removal_set_address(t->r, t->h['a'], 0x20);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	assert_int_equal(vt_add(t, 'b', &named), -EEXIST);
	vdev_removal_reset_begin(t->r, t->now);
	vt_expect(t, vdev_removal_reset_end(t->r, t->now), "REANNOUNCE:a");
	assert_int_equal(vdev_removal_find(t->r, 0x20, &found), 0);
	assert_int_equal(found, t->h['a']);
	assert_int_equal(vt_info(t, 'a').name, 5);
}

static void r16_held_one_can_be_asked_for(void **state)
{
	struct vt_removal *t = *state;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_HOLD);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vt_expect(t, vt_request(t, 'a', 0), GONE_A); /* R14: no ack needed */
}

static void r16_asked_for_while_it_is_being_hidden(void **state)
{
	struct vt_removal *t = *state;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_HOLD);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_done(t, 'a', 0), GONE_A);
}

static void r16_second_ack_of_a_held_one_is_counted(void **state)
{
	struct vt_removal *t = *state;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_HOLD);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vt_expect(t, vt_ack(t, 'a'), "");
	assert_int_equal(vt_stats(t).bad_guest, 1);
}

static void r16_ack_of_a_unit_that_was_never_shown_is_counted(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_request(t, 'a', 0);
	vt_drain(t);
	vt_add(t, 'b',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					   .flags = VDEV_REMOVAL_HOTPLUG,
					   .parent = t->h['s']});
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_QUEUED);
	vt_expect(t, vt_ack(t, 'b'), "");
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_QUEUED);
	assert_int_equal(vt_stats(t).bad_guest, 1);
}

static void r16_ack_while_leaving_changes_nothing(void **state)
{
	struct vt_removal *t = *state;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_ACCEPT);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL TEARDOWN:a");
	vt_expect(t, vt_ack(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:a REMOVED_BY_GUEST:aFG");
	assert_int_equal(vt_stats(t).unasked, 1);
}

static void r16_hold_that_is_never_given_back_blocks_no_removal(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL");
	assert_int_equal(vt_child(t, 'x', 'a', VDEV_REMOVAL_PCI_FUNCTION, 1), -EBUSY);
	vt_expect(t, vt_request(t, 's', 0), GONE_A " REMOVED:sF");
}

/* The request of the function that goes along is not lost: it begins when all are hidden. */
static void r16_eject_above_a_request(void **state)
{
	static const char *const forced[] = {"", "X"};
	struct vt_removal *t = *state;
	char wanted[200];

	for (uint32_t i = 0; i < 2; i++) {
		vt_add(t, 'p',
		       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
						   .transport = VDEV_REMOVAL_ACPI});
		vt_add(t, 'x',
		       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
						   .transport = VDEV_REMOVAL_ACPI,
						   .parent = t->h['p']});
		vt_script(t, VDEV_REMOVAL_WARN, 'x', VT_LATER);
		vt_expect(t, vt_request(t, 'x', 0), "WARN:x");
		if (i)
			vt_expect(t, vt_request(t, 'x', VDEV_REMOVAL_FORCE), "");
		vt_expect(t, vt_ack(t, 'p'), "");
		snprintf(wanted, sizeof(wanted), "REMOVED:xFG%s", forced[i]);
		vt_done(t, 'x', 0);
		vt_drain(t);
		assert_non_null(strstr(t->text, wanted));
		assert_non_null(strstr(t->text, "HIDE:pL"));
		assert_int_equal(vt_info(t, 'p').state, VDEV_REMOVAL_HIDDEN);
	}
}

static void r16_given_back_level_is_managements(void **state)
{
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){.level_policy = VDEV_REMOVAL_LEVEL_OPERATOR});
	unit(t, 'a', VDEV_REMOVAL_UNASKED_HOLD);
	vdev_removal_declare(t->r, t->now, t->h['a'], VDEV_REMOVAL_OPERATOR, VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	vdev_removal_reset_begin(t->r, t->now);
	vt_expect(t, vdev_removal_reset_end(t->r, t->now), "REANNOUNCE:a");
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), VDEV_REMOVAL_SAFE);
}

static void r16_eject_of_a_subtree(void **state)
{
	struct vt_removal *t = *state;

	vt_add(t, 'p',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
					   .transport = VDEV_REMOVAL_ACPI});
	vt_child(t, 'x', 'p', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_child(t, 'y', 'p', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_expect(t, vt_ack(t, 'p'), "HIDE:y HIDE:x HIDE:pL");
	vdev_removal_reset_begin(t->r, t->now);
	vdev_removal_reset_end(t->r, t->now);
	vt_drain(t);
	assert_true(strstr(t->text, "REANNOUNCE:p") && strstr(t->text, "REANNOUNCE:x") &&
		    strstr(t->text, "REANNOUNCE:y"));
}

/* A guest must not fill the host's disk: one line a second, the counter knows the rest. */
static void r16_what_it_did_is_logged(void **state)
{
	struct vt_removal *t = *state;

	unit(t, 'a', VDEV_REMOVAL_UNASKED_IGNORE);
	vt_ack(t, 'a');
	assert_non_null(strstr(t->v.log, "unasked: ignored"));
	unit(t, 'b', VDEV_REMOVAL_UNASKED_HOLD);
	vt_ack(t, 'b');
	assert_null(strstr(t->v.log, "unasked: hidden, held"));
	assert_int_equal(vt_stats(t).unasked, 2);
	t->now += VT_SEC;
	unit(t, 'd', VDEV_REMOVAL_UNASKED_HOLD);
	vt_ack(t, 'd');
	assert_non_null(strstr(t->v.log, "unasked: hidden, held"));
	t->now += VT_SEC;
	unit(t, 'c', VDEV_REMOVAL_UNASKED_ACCEPT);
	vt_ack(t, 'c');
	assert_non_null(strstr(t->v.log, "unasked: removed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r16_accept),
		TEST(r16_hold_is_the_default),
		TEST(r16_ignore),
		TEST(r16_own_eject_by_ost),
		TEST(r16_slot_power_off),
		TEST(r16_empty_slot_switched_off_is_nothing),
		TEST(r16_late_ack_after_fail_follows_the_policy),
		TEST(r16_held_one_is_given_back_at_power_on),
		TEST(r16_held_one_is_given_back_at_reset),
		TEST(r16_power_on_before_it_is_hidden_gives_it_back_too),
		TEST(r16_held_one_keeps_name_and_address),
		TEST(r16_held_one_can_be_asked_for),
		TEST(r16_asked_for_while_it_is_being_hidden),
		TEST(r16_second_ack_of_a_held_one_is_counted),
		TEST(r16_ack_of_a_unit_that_was_never_shown_is_counted),
		TEST(r16_ack_while_leaving_changes_nothing),
		TEST(r16_hold_that_is_never_given_back_blocks_no_removal),
		TEST(r16_eject_above_a_request),
		TEST(r16_given_back_level_is_managements),
		TEST(r16_eject_of_a_subtree),
		TEST(r16_what_it_did_is_logged),
	};

	return cmocka_run_group_tests_name("removal_unasked", tests, NULL, NULL);
}
