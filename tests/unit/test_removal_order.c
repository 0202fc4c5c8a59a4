/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: the order of a removal (R8), with the FULL sets. */
#include "test_removal_rig.h"

#define TEAR(x)                                                                                   \
	"DRAIN:" x " IRQ_OFF:" x " RESET:" x " DETACH_EVENTS:" x " UNMAP_BARS:" x " LEAVE_DMA:" x \
	" RELEASE:" x " REMOVED:" x "FG"

static void r8_safe(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL " TEAR("a"));
}

static void r8_safe_idle(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a HIDE:aL " TEAR("a"));
}

static void r8_unsafe(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL ACKED:a " TEAR("a"));
}

static void r8_all_are_hidden_before_any_is_torn_down(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0),
		  "HIDE:b HIDE:aL ACKED:a " TEAR("b") " " TEAR("a"));
}

static void r8_hide_is_the_first_action_after_the_ack(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a"); /* REQUESTED outstanding */
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_ack(t, 'a'), "");
	vt_expect(t, vt_done(t, 'a', 0), "HIDE:aL");

	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_WARN, 'b', VT_LATER);
	vt_expect(t, vt_request(t, 'b', 0), "WARN:b"); /* answered before WARN has ended */
	vt_expect(t, vt_ack(t, 'b'), "");
	vt_expect(t, vt_done(t, 'b', 0), "HIDE:bL REQUESTED:b ACKED:b " TEAR("b"));
}

static void r8_hide_carries_last_once_and_for_the_whole_target(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 7);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE);
	t->stop_after = 2;
	vt_expect(t, vt_request(t, 'b', 0), "HIDE:b HIDE:aL");
	assert_int_equal(t->last.arg[0], t->h['s']);
	assert_int_equal(t->last.arg[1], 's');
}

static void r8_id_is_freed_last(void **state)
{
	static const struct vdev_removal_unit named = {.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
						       .transport = VDEV_REMOVAL_ACPI,
						       .name = 99};
	struct vt_removal *t = *state;
	uint64_t old;

	vt_add(t, 'a', &named);
	old = t->h['a'];
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_request(t, 'a', 0);
	t->stop_after = 1;
	for (int i = 0; i < 8; i++) {
		vt_drain(t);
		assert_int_equal(vt_add(t, 'n', &named), -EEXIST);
		assert_int_equal(vdev_removal_level(t->r, old), VDEV_REMOVAL_SAFE);
	}
	assert_int_equal(t->last.kind, VDEV_REMOVAL_RELEASE);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	assert_string_equal(vt_drain(t), "REMOVED:aFG");
	assert_int_equal(vt_add(t, 'n', &named), -EEXIST); /* told, but not yet done() */
	vt_done(t, 'a', 0);
	assert_int_equal(vdev_removal_level(t->r, old), -ENOENT);
	assert_int_equal(vt_add(t, 'n', &named), 0);
}

static void r8_each_step_waits_for_the_one_before(void **state)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_QUIESCE,    VDEV_REMOVAL_HIDE,
					 VDEV_REMOVAL_DRAIN,      VDEV_REMOVAL_IRQ_OFF,
					 VDEV_REMOVAL_RESET,      VDEV_REMOVAL_DETACH_EVENTS,
					 VDEV_REMOVAL_UNMAP_BARS, VDEV_REMOVAL_LEAVE_DMA,
					 VDEV_REMOVAL_RELEASE,    VDEV_REMOVAL_OUTCOME};
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	for (uint32_t i = 0; i < VT_COUNT(kinds); i++)
		vt_script(t, kinds[i], 'a', VT_LATER);
	vt_request(t, 'a', 0);
	for (uint32_t i = 0; i < VT_COUNT(kinds); i++) {
		vt_drain(t);
		assert_int_equal(t->last.kind, kinds[i]);
		assert_string_equal(vt_drain(t), "");
		assert_in_range(vt_done(t, 'a', 0), 0, 1);
	}
	assert_int_equal(vt_stats(t).units, 0);
}

/* What FULL does in seven steps COARSE does in one. */
static void r8_coarse_has_the_same_frame(void **state)
{
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){.flags = VDEV_REMOVAL_COARSE});
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL ACKED:a TEARDOWN:a RELEASE:a REMOVED:aFG");
}

/* The release of one function waits for nothing of another: each is torn down to its end in turn. */
static void r8_members_are_torn_down_one_after_the_other(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_SAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 1);
	vt_level(t, 'b', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_RESET, 'b', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:b HIDE:aL DRAIN:b IRQ_OFF:b RESET:b");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_LEAVING);
	vt_expect(t, vt_done(t, 'b', 0),
		  "DETACH_EVENTS:b UNMAP_BARS:b LEAVE_DMA:b RELEASE:b REMOVED:bFG " TEAR("a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_FULL(r8_safe),
		TEST_FULL(r8_safe_idle),
		TEST_FULL(r8_unsafe),
		TEST_FULL(r8_all_are_hidden_before_any_is_torn_down),
		TEST_FULL(r8_hide_is_the_first_action_after_the_ack),
		TEST_FULL(r8_hide_carries_last_once_and_for_the_whole_target),
		TEST_FULL(r8_id_is_freed_last),
		TEST_FULL(r8_each_step_waits_for_the_one_before),
		TEST_FULL(r8_coarse_has_the_same_frame),
		TEST_FULL(r8_members_are_torn_down_one_after_the_other),
	};

	return cmocka_run_group_tests_name("removal_order", tests, NULL, NULL);
}
