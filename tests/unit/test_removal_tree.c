/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: units, their parents, and what belongs together (R2). */
#include "test_removal_rig.h"

/* s: slot; a..c: functions 0..2, added out of order. */
static void three_functions(struct vt_removal *t)
{
	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_child(t, 'c', 's', VDEV_REMOVAL_PCI_FUNCTION, 2);
	vt_registers(t, 's', VT_ON, 0);
}

static void all_levels(struct vt_removal *t, const char *letters, uint32_t level)
{
	for (; *letters; letters++)
		vt_level(t, *letters, level);
}

static void r2_handle_is_device_and_generation(void **state)
{
	struct vt_removal *t = *state;
	uint64_t seen[50];

	for (uint32_t i = 0; i < VT_COUNT(seen); i++) {
		vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
		seen[i] = t->h['a'];
		assert_true(seen[i] != 0);
		for (uint32_t k = 0; k < i; k++) {
			assert_true(seen[k] != seen[i]);
			assert_int_equal(vdev_removal_level(t->r, seen[k]), -ENOENT);
		}
		vt_level(t, 'a', VDEV_REMOVAL_SAFE);
		vt_expect(t, vt_request(t, 'a', 0), GONE_A);
	}
}

static void r2_class_transport_parent_and_user_data_are_kept(void **state)
{
	struct vt_removal *t = *state;

	for (uint32_t class = 0; class < VDEV_REMOVAL_CLASSES; class ++) {
		const struct vdev_removal_unit u = {.unit_class = class,
						    .transport = class % 4,
						    .name = 100 + class,
						    .function = 255};
		struct vdev_removal_info info;

		assert_int_equal(vt_add(t, (char)('a' + class), &u), 0);
		info = vt_info(t, (char)('a' + class));
		assert_int_equal(info.unit, t->h['a' + class]);
		assert_int_equal(info.unit_class, class);
		assert_int_equal(info.transport, class % 4);
		assert_int_equal(info.parent, 0);
		assert_int_equal(info.user_data, 'a' + class);
		assert_int_equal(info.name, 100 + class);
		assert_int_equal(info.function, 255);
		assert_int_equal(info.state, VDEV_REMOVAL_PRESENT);
	}
	vt_child(t, 'x', 'a' + VDEV_REMOVAL_PCI_SLOT, VDEV_REMOVAL_PCI_FUNCTION, 0);
	assert_int_equal(vt_info(t, 'x').parent, t->h['a' + VDEV_REMOVAL_PCI_SLOT]);
}

static void r2_transport_of_the_target_counts(void **state)
{
	static const uint32_t transports[] = {VDEV_REMOVAL_ACPI, VDEV_REMOVAL_PVDEV,
					      VDEV_REMOVAL_NO_TRANSPORT};
	static const char *const texts[] = {"WARN:s REQUESTED:a", "GUEST_NOT_READY:a", ""};
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(transports); i++) {
		const struct vdev_removal_unit card = {.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
						       .transport = VDEV_REMOVAL_PCIE,
						       .parent = 0};
		struct vdev_removal_unit u = card;

		vt_slot(t, 's', transports[i], 0);
		u.parent = t->h['s'];
		vt_add(t, 'a', &u);
		vt_expect(t, vt_request(t, 'a', 0), texts[i]);
	}
}

static void r2_request_acts_on_the_slot_and_warns_once_at_the_top(void **state)
{
	struct vt_removal *t = *state;

	three_functions(t);
	vt_expect(t, vt_request(t, 'b', 0), "WARN:s REQUESTED:b");
	assert_int_equal(vt_info(t, 'a').target, t->h['s']);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PENDING);
	assert_int_equal(vt_stats(t).warnings, 1);
}

static void r2_leaf_first_and_function_0_last(void **state)
{
	struct vt_removal *t = *state;

	three_functions(t);
	all_levels(t, "abc", VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'a', 0),
		  "HIDE:c HIDE:b HIDE:aL TEARDOWN:c RELEASE:c REMOVED:cFG TEARDOWN:b RELEASE:b "
		  "REMOVED:bFG TEARDOWN:a RELEASE:a REMOVED:aFG");
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_SETTLING);
}

static void r2_ack_of_a_function_or_of_the_slot_ends_the_wait(void **state)
{
	static const char letters[] = "abcs";
	struct vt_removal *t = *state;

	for (uint32_t i = 0; letters[i]; i++) {
		three_functions(t);
		vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
		t->stop_after = 1;
		vt_expect(t, vt_ack(t, letters[i]), "HIDE:c");
		t->stop_after = 0;
		vt_drain(t);
	}
}

static void r2_lowest_level_of_the_slot_wins(void **state)
{
	struct vt_removal *t = *state;

	three_functions(t);
	all_levels(t, "ab", VDEV_REMOVAL_SAFE);
	vt_level(t, 'c', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'c', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:c");
	vt_expect(t, vt_cancel(t, 'a'), "");
	vt_expect(t, vt_done(t, 'c', 0), "RESUME:c CANCELLED:aF");
	vt_level(t, 'b', VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
}

static void r2_own_levels_that_differ_act_as_unsafe(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_SLOT, 16, steps, 2);
	vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_SLOT, 17, steps, 2);
	vt_slot_with_card(t, 16);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_level(t, 'b', 17);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_cancel(t, 'a'), "UNWARN:s CANCELLED:aF");
	vt_level(t, 'b', 16);
	vt_expect(t, vt_request(t, 'a', 0),
		  "HIDE:b HIDE:aL RELEASE:b REMOVED:bFG RELEASE:a REMOVED:aFG");
}

/* p: bridge with slots t, u below; x in t; y, z in u. */
static void bridge(struct vt_removal *t)
{
	vt_add(t, 'p',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
					   .transport = VDEV_REMOVAL_ACPI});
	vt_slot(t, 't', VDEV_REMOVAL_ACPI, 'p');
	vt_slot(t, 'u', VDEV_REMOVAL_ACPI, 'p');
	vt_child(t, 'x', 't', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_child(t, 'y', 'u', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_child(t, 'z', 'u', VDEV_REMOVAL_PCI_FUNCTION, 1);
}

static void r2_bridge_goes_with_all_below_it(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_expect(t, vt_request(t, 'p', 0), "WARN:p REQUESTED:p");
	vt_expect(t, vt_ack(t, 'p'),
		  "HIDE:z HIDE:y HIDE:u HIDE:x HIDE:t HIDE:pL ACKED:p "
		  "TEARDOWN:z RELEASE:z REMOVED:zFG TEARDOWN:y RELEASE:y REMOVED:yFG "
		  "TEARDOWN:u RELEASE:u REMOVED:uFG TEARDOWN:x RELEASE:x REMOVED:xFG "
		  "TEARDOWN:t RELEASE:t REMOVED:tFG TEARDOWN:p RELEASE:p REMOVED:pFG");
	assert_int_equal(vt_stats(t).units, 0);
}

static void r2_requests_below_are_joined(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_expect(t, vt_request(t, 'x', 0), "WARN:t REQUESTED:x");
	vt_expect(t, vt_request(t, 'y', 0), "WARN:u REQUESTED:y");
	/* x and y are told of the new warning, and once only that they are gone */
	vt_expect(t, vt_request(t, 'p', 0), "WARN:p REQUESTED:y REQUESTED:x REQUESTED:p");
	assert_int_equal(vt_stats(t).operations, 1);
	assert_int_equal(vt_info(t, 'x').target, t->h['p']);
	vt_expect(t, vt_ack(t, 'p'),
		  "HIDE:z HIDE:y HIDE:u HIDE:x HIDE:t HIDE:pL ACKED:y ACKED:x ACKED:p "
		  "TEARDOWN:z RELEASE:z REMOVED:zFG TEARDOWN:y RELEASE:y REMOVED:yFG "
		  "TEARDOWN:u RELEASE:u REMOVED:uFG TEARDOWN:x RELEASE:x REMOVED:xFG "
		  "TEARDOWN:t RELEASE:t REMOVED:tFG TEARDOWN:p RELEASE:p REMOVED:pFG");
}

static void r2_joining_from_above_takes_warnings_below_back(void **state)
{
	struct vt_removal *t = *state;

	vt_add(t, 'p',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_BRIDGE,
					   .transport = VDEV_REMOVAL_ACPI});
	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 'p');
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_registers(t, 's', VT_ON, 0);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_request(t, 'p', 0), "UNWARN:s WARN:p REQUESTED:a REQUESTED:p");
}

static void r2_removal_above_waits_for_one_below_that_is_past_return(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_level(t, 'x', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'x', VT_LATER);
	vt_expect(t, vt_request(t, 'x', 0), "HIDE:xL TEARDOWN:x");
	vt_expect(t, vt_request(t, 'p', 0), "");
	vt_expect(t, vt_done(t, 'x', 0), "RELEASE:x REMOVED:xFG WARN:p REQUESTED:p");
}

/* The same when nothing is outstanding at that moment: what is past return is not taken back. */
static void r2_removal_above_lets_the_ones_below_go_on(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_level(t, 'x', VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'y', 0), "WARN:u REQUESTED:y");
	vt_request(t, 'x', 0); /* HIDE waits to be taken */
	vt_cancel(t, 'y'); /* CANCELLED waits to be taken */
	assert_true(vt_request(t, 'p', 0) > 0);
	vt_expect(t, 0, "HIDE:xL CANCELLED:yF TEARDOWN:x RELEASE:x REMOVED:xFG WARN:p REQUESTED:p");
}

static void r2_request_below_a_pending_removal_joins_it(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_expect(t, vt_request(t, 'p', 0), "WARN:p REQUESTED:p");
	vt_expect(t, vt_request(t, 'x', 0), "");
	assert_int_equal(vt_stats(t).joined, 1);
	vt_expect(t, vt_cancel(t, 'x'), "CANCELLED:xF CANCELLED:pF");
}

static void r2_vf_goes_alone_and_pf_takes_its_vfs_along(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE); /* a is the PF */
	vt_child(t, 'v', 'a', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_child(t, 'w', 'a', VDEV_REMOVAL_PCI_FUNCTION, 2);
	all_levels(t, "vw", VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'v', 0), "HIDE:vL TEARDOWN:v RELEASE:v REMOVED:vFG");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
	vt_child(t, 'v', 'a', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_level(t, 'v', VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'a', 0),
		  "HIDE:w HIDE:v HIDE:aL TEARDOWN:w RELEASE:w REMOVED:wFG TEARDOWN:v RELEASE:v "
		  "REMOVED:vFG TEARDOWN:a RELEASE:a REMOVED:aFG");
}

static void r2_vf_that_bears_less_decides_for_its_pf(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_child(t, 'v', 'a', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
}

static void r2_guest_visible_address_is_an_alias(void **state)
{
	struct vt_removal *t = *state;
	uint64_t found = 0;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	assert_int_equal(vdev_removal_find(t->r, 0x18, &found), -ENOENT);
	assert_int_equal(vdev_removal_set_address(t->r, t->h['a'], 0x18), 0);
	assert_int_equal(vdev_removal_find(t->r, 0x18, &found), 0);
	assert_int_equal(found, t->h['a']);
	/* a guest renumbers its buses: the newer owner has it */
	assert_int_equal(vdev_removal_set_address(t->r, t->h['b'], 0x18), 0);
	assert_int_equal(vdev_removal_find(t->r, 0x18, &found), 0);
	assert_int_equal(found, t->h['b']);
	assert_int_equal(vt_info(t, 'a').address, VDEV_NONE);
	assert_int_equal(vdev_removal_set_address(t->r, t->h['b'], 0x18), 0);
	assert_int_equal(vdev_removal_set_address(t->r, t->h['b'], 0), 0); /* 0 is an address */
	assert_int_equal(vdev_removal_find(t->r, 0x18, &found), -ENOENT);
	assert_int_equal(vdev_removal_find(t->r, 0, &found), 0);
	assert_int_equal(vdev_removal_set_address(t->r, t->h['b'], VDEV_NONE), 0);
	assert_int_equal(vdev_removal_find(t->r, 0, &found), -ENOENT);
	vdev_removal_set_address(t->r, t->h['a'], 7);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
	assert_int_equal(vdev_removal_find(t->r, 7, &found), -ENOENT);
}

static void r2_nesting_has_a_limit(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'A', VDEV_REMOVAL_ACPI);
	for (uint32_t i = 1; i < VDEV_REMOVAL_MAX_DEPTH; i++)
		assert_int_equal(vt_child(t, (char)('A' + i), (char)('A' + i - 1),
					  VDEV_REMOVAL_PCI_BRIDGE, 0),
				 0);
	assert_int_equal(
		vt_child(t, 'z', 'A' + VDEV_REMOVAL_MAX_DEPTH - 1, VDEV_REMOVAL_PCI_FUNCTION, 0),
		-ENOSPC);
	vt_reload(t, 0); /* the limit is that of the units, not of the calls */
	assert_int_equal(
		vt_child(t, 'z', 'A' + VDEV_REMOVAL_MAX_DEPTH - 1, VDEV_REMOVAL_PCI_FUNCTION, 0),
		-ENOSPC);
	assert_int_equal(
		vt_child(t, 'z', 'A' + VDEV_REMOVAL_MAX_DEPTH - 2, VDEV_REMOVAL_PCI_FUNCTION, 0),
		0);
	vt_request(t, 'A', VDEV_REMOVAL_FORCE);
	vt_drain(t);
	assert_int_equal(vt_stats(t).units, 0);
}

static void r2_nothing_is_added_below_what_leaves(void **state)
{
	struct vt_removal *t = *state;

	bridge(t);
	vt_script(t, VDEV_REMOVAL_HIDE, 'z', VT_LATER);
	vt_expect(t, vt_request(t, 'p', VDEV_REMOVAL_FORCE), "HIDE:zX");
	assert_int_equal(vt_child(t, 'n', 'p', VDEV_REMOVAL_PCI_FUNCTION, 3), -EBUSY);
	assert_int_equal(vt_child(t, 'n', 't', VDEV_REMOVAL_PCI_FUNCTION, 3), -EBUSY);
	assert_int_equal(vt_child(t, 'n', 'x', VDEV_REMOVAL_PCI_FUNCTION, 3), -EBUSY);
}

static void r2_request_for_an_empty_slot_is_complete_at_once(void **state)
{
	struct vt_removal *t = *state;

	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_expect(t, vt_request(t, 's', 0), "REMOVED:sF");
	assert_int_equal(vt_stats(t).units, 1);
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_PRESENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r2_handle_is_device_and_generation),
		TEST(r2_class_transport_parent_and_user_data_are_kept),
		TEST(r2_transport_of_the_target_counts),
		TEST(r2_request_acts_on_the_slot_and_warns_once_at_the_top),
		TEST(r2_leaf_first_and_function_0_last),
		TEST(r2_ack_of_a_function_or_of_the_slot_ends_the_wait),
		TEST(r2_lowest_level_of_the_slot_wins),
		TEST(r2_own_levels_that_differ_act_as_unsafe),
		TEST(r2_bridge_goes_with_all_below_it),
		TEST(r2_requests_below_are_joined),
		TEST(r2_joining_from_above_takes_warnings_below_back),
		TEST(r2_removal_above_waits_for_one_below_that_is_past_return),
		TEST(r2_removal_above_lets_the_ones_below_go_on),
		TEST(r2_request_below_a_pending_removal_joins_it),
		TEST(r2_vf_goes_alone_and_pf_takes_its_vfs_along),
		TEST(r2_vf_that_bears_less_decides_for_its_pf),
		TEST(r2_guest_visible_address_is_an_alias),
		TEST(r2_nesting_has_a_limit),
		TEST(r2_nothing_is_added_below_what_leaves),
		TEST(r2_request_for_an_empty_slot_is_complete_at_once),
	};

	return cmocka_run_group_tests_name("removal_tree", tests, NULL, NULL);
}
