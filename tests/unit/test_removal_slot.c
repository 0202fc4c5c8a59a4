/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: when a slot may be used again, and what waits for it (R11). */
#include "test_removal_rig.h"

#define PDC 0x8u
#define DLLSC 0x100u

static int plug(struct vt_removal *t, char letter)
{
	return vt_add(t, letter,
		      &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
						  .flags = VDEV_REMOVAL_HOTPLUG,
						  .parent = t->h['s']});
}

static void emptied(struct vt_removal *t)
{
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), ACKED_A);
}

static void r11_settle_time_after_an_ack(void **state)
{
	struct vt_removal *t = *state;

	emptied(t);
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_SETTLING);
	assert_int_equal(vt_due(t), 2 * VT_SEC);
	vt_expect(t, plug(t, 'b'), "");
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_QUEUED);
	vt_expect(t, vt_pass(t, 2 * VT_SEC - 1), "");
	vt_expect(t, vt_pass(t, 1), "ANNOUNCE:b");
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_PRESENT);
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_PRESENT);
	assert_int_equal(vt_stats(t).queued, 1);
}

static void r11_settle_time_after_every_way_to_empty_it(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_SETTLING);
	vt_slot_with_card(t, VDEV_REMOVAL_SAFE_IDLE);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a " GONE_A);
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_SETTLING);
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_request(t, 'a', VDEV_REMOVAL_FORCE);
	vt_drain(t);
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_SETTLING);
}

static void r11_settle_time_is_configurable_and_of_the_running_guest(void **state)
{
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){.flags = VDEV_REMOVAL_COARSE,
						    .settle_ns = 7 * VT_SEC});
	emptied(t);
	assert_int_equal(vt_due(t), 7 * VT_SEC);
	vt_expect(t, plug(t, 'b'), "");
	vdev_removal_pause(t->r, t->now);
	vt_expect(t, vt_pass(t, 100 * VT_SEC), "");
	vdev_removal_resume(t->r, t->now);
	vt_expect(t, vt_pass(t, 7 * VT_SEC), "ANNOUNCE:b");
}

static void r11_no_settle_time_without_a_power_controller(void **state)
{
	static const struct vdev_removal_unit slot = {.unit_class = VDEV_REMOVAL_PCI_SLOT,
						      .transport = VDEV_REMOVAL_PCIE,
						      .slot_cap = 0x51}; /* no PCP */
	struct vt_removal *t = *state;

	vt_add(t, 's', &slot);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_PRESENT);
	vt_expect(t, plug(t, 'b'), "ANNOUNCE:b");
}

static void r11_queued_one_comes_at_once_without_a_power_controller(void **state)
{
	static const struct vdev_removal_unit slot = {.unit_class = VDEV_REMOVAL_PCI_SLOT,
						      .transport = VDEV_REMOVAL_ACPI};
	struct vt_removal *t = *state;

	vt_add(t, 's', &slot);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, plug(t, 'b'), "");
	vt_expect(t, vt_ack(t, 'a'), ACKED_A " ANNOUNCE:b");
}

static void r11_change_bits_have_to_be_cleared(void **state)
{
	static const uint32_t bits[] = {PDC, DLLSC, PDC | DLLSC};
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(bits); i++) {
		emptied(t);
		vt_registers(t, 's', VT_OFF, bits[i]);
		vt_expect(t, plug(t, 'b'), "");
		vt_expect(t, vt_pass(t, 10 * VT_SEC), ""); /* the time alone is not enough */
		assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_QUEUED);
		vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "ANNOUNCE:b");
	}
	emptied(t);
	vt_registers(t, 's', VT_OFF, 0x40 | 0x10); /* others do not count: presence, CC */
	vt_expect(t, plug(t, 'b'), "");
	vt_expect(t, vt_pass(t, 2 * VT_SEC), "ANNOUNCE:b");
}

static void r11_cleared_bits_alone_are_not_enough_either(void **state)
{
	struct vt_removal *t = *state;

	emptied(t);
	vt_registers(t, 's', VT_OFF, PDC);
	vt_expect(t, plug(t, 'b'), "");
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "");
	vt_expect(t, vt_pass(t, 2 * VT_SEC), "ANNOUNCE:b");
}

static void r11_replug_while_the_old_one_is_pending_is_queued(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, plug(t, 'b'), "");
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_QUEUED);
	/* b is not part of what leaves */
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), ACKED_A);
	vt_expect(t, vt_pass(t, 2 * VT_SEC), "ANNOUNCE:b");
}

static void r11_queued_one_is_announced_when_the_removal_is_given_up(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, plug(t, 'b'), "");
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:s CANCELLED:aF ANNOUNCE:b");
}

static void r11_several_queued_ones_are_all_announced(void **state)
{
	struct vt_removal *t = *state;

	emptied(t);
	vt_expect(t, plug(t, 'b'), "");
	vt_expect(t, plug(t, 'c'), "");
	vt_pass(t, 2 * VT_SEC);
	vt_drain(t);
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_PRESENT);
	assert_int_equal(vt_info(t, 'c').state, VDEV_REMOVAL_PRESENT);
}

static void r11_queued_one_can_be_removed_again(void **state)
{
	struct vt_removal *t = *state;

	emptied(t);
	vt_expect(t, plug(t, 'b'), "");
	vt_expect(t, vt_request(t, 'b', 0), "HIDE:bL TEARDOWN:b RELEASE:b REMOVED:bFG");
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "");
}

static void r11_queued_one_whose_removal_is_taken_back_comes_after_all(void **state)
{
	struct vt_removal *t = *state;

	emptied(t);
	vt_expect(t, plug(t, 'b'), "");
	vdev_removal_hold(t->r, t->now);
	vt_expect(t, vt_request(t, 'b', 0), "");
	vt_expect(t, vt_pass(t, 2 * VT_SEC), ""); /* its slot is free, but it is to leave */
	vt_expect(t, vt_cancel(t, 'b'), "CANCELLED:bF ANNOUNCE:b");
}

static void r11_cold_add_is_refused_while_the_slot_is_not_free(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	assert_int_equal(vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1), 0);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	assert_int_equal(vt_child(t, 'c', 's', VDEV_REMOVAL_PCI_FUNCTION, 2), -EBUSY);
	vt_registers(t, 's', VT_OFF, 0);
	vt_drain(t);
	assert_int_equal(vt_child(t, 'c', 's', VDEV_REMOVAL_PCI_FUNCTION, 2), -EBUSY);
	vt_pass(t, 2 * VT_SEC);
	assert_int_equal(vt_child(t, 'c', 's', VDEV_REMOVAL_PCI_FUNCTION, 2), 0);
}

static void r11_announce_comes_before_anything_else_of_the_unit(void **state)
{
	struct vt_removal *t = *state;

	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_registers(t, 's', VT_ON, 0);
	plug(t, 'b');
	vt_level(t, 'b', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_ANNOUNCE, 'b', VT_LATER);
	vt_expect(t, vt_request(t, 'b', 0), "ANNOUNCE:b");
	vt_expect(t, vt_done(t, 'b', 0), "HIDE:bL TEARDOWN:b RELEASE:b REMOVED:bFG");
}

static void r11_hot_add_without_a_slot(void **state)
{
	static const struct vdev_removal_unit u = {.unit_class = VDEV_REMOVAL_MEMORY,
						   .transport = VDEV_REMOVAL_ACPI,
						   .flags = VDEV_REMOVAL_HOTPLUG};
	struct vt_removal *t = *state;

	vt_expect(t, vt_add(t, 'm', &u), "ANNOUNCE:m");
	assert_int_equal(vt_stats(t).queued, 0);
}

static void r11_reset_ends_the_settle_time(void **state)
{
	struct vt_removal *t = *state;

	emptied(t);
	vt_expect(t, plug(t, 'b'), "");
	vt_registers(t, 's', VT_OFF, PDC);
	vt_expect(t, vdev_removal_reset_begin(t->r, t->now), "");
	vt_expect(t, vdev_removal_reset_end(t->r, t->now), "ANNOUNCE:b");
}

/* Slot s, switched off by the guest unasked: its card a is held. Then b is plugged in. */
static void beside_a_held_card(struct vt_removal *t)
{
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL");
	vt_expect(t, plug(t, 'b'), "");
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_QUEUED);
	vt_expect(t, vt_pass(t, 100 * VT_SEC), "");
}

static void r11_hot_add_waits_until_a_held_card_is_given_back(void **state)
{
	struct vt_removal *t = *state;

	beside_a_held_card(t);
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "REANNOUNCE:a ANNOUNCE:b");
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_PRESENT);
	beside_a_held_card(t);
	vdev_removal_reset_begin(t->r, t->now);
	vt_expect(t, vdev_removal_reset_end(t->r, t->now), "REANNOUNCE:a ANNOUNCE:b");
}

static void r11_hot_add_waits_until_a_held_card_is_removed(void **state)
{
	struct vt_removal *t = *state;

	beside_a_held_card(t);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
	vt_expect(t, vt_pass(t, 2 * VT_SEC), "ANNOUNCE:b");
}

static void r11_hot_add_while_a_card_is_being_held_and_comes_back(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL");
	vt_expect(t, plug(t, 'b'), "");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "");
	vt_expect(t, vt_done(t, 'a', 0), "REANNOUNCE:a ANNOUNCE:b");
}

static void r11_cold_add_beside_a_held_card_is_refused(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL");
	assert_int_equal(vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1), -EBUSY);
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "REANNOUNCE:a");
	assert_int_equal(vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1), 0);
}

static void r11_held_slot_that_comes_back_frees_the_one_around_it(void **state)
{
	struct vt_removal *t = *state;

	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_slot(t, 'i', VDEV_REMOVAL_PCIE, 's');
	vt_registers(t, 's', VT_ON, 0);
	vt_registers(t, 'i', VT_OFF, 0);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:iL");
	vt_expect(t, plug(t, 'b'), "");
	vt_expect(t, vt_registers(t, 'i', VT_ON, 0), "REANNOUNCE:i ANNOUNCE:b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r11_settle_time_after_an_ack),
		TEST(r11_settle_time_after_every_way_to_empty_it),
		TEST(r11_settle_time_is_configurable_and_of_the_running_guest),
		TEST(r11_no_settle_time_without_a_power_controller),
		TEST(r11_queued_one_comes_at_once_without_a_power_controller),
		TEST(r11_change_bits_have_to_be_cleared),
		TEST(r11_cleared_bits_alone_are_not_enough_either),
		TEST(r11_replug_while_the_old_one_is_pending_is_queued),
		TEST(r11_queued_one_is_announced_when_the_removal_is_given_up),
		TEST(r11_several_queued_ones_are_all_announced),
		TEST(r11_queued_one_can_be_removed_again),
		TEST(r11_queued_one_whose_removal_is_taken_back_comes_after_all),
		TEST(r11_cold_add_is_refused_while_the_slot_is_not_free),
		TEST(r11_announce_comes_before_anything_else_of_the_unit),
		TEST(r11_hot_add_without_a_slot),
		TEST(r11_reset_ends_the_settle_time),
		TEST(r11_hot_add_waits_until_a_held_card_is_given_back),
		TEST(r11_hot_add_waits_until_a_held_card_is_removed),
		TEST(r11_hot_add_while_a_card_is_being_held_and_comes_back),
		TEST(r11_cold_add_beside_a_held_card_is_refused),
		TEST(r11_held_slot_that_comes_back_frees_the_one_around_it),
	};

	return cmocka_run_group_tests_name("removal_slot", tests, NULL, NULL);
}
