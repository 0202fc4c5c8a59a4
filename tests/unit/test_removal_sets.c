/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: action sets are data (R5); test_removal_validation.c has what is refused. */
#include "test_removal_rig.h"

#define STEP(kind, undo)                                         \
	{                                                        \
		VDEV_REMOVAL_##kind, VDEV_REMOVAL_##undo, VT_SEC \
	}
#define WARNING STEP(WARN, UNWARN), STEP(AWAIT_ACK, NO_UNDO)
#define OWN(n) (VDEV_REMOVAL_OWN_STEP_FIRST + (n))
#define ANY VDEV_REMOVAL_SAFE /* a level whose set needs no warning */
#define MUST_WARN VDEV_REMOVAL_UNSAFE

static const struct vdev_removal_step least[] = {STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)};
static const struct vdev_removal_step warning[] = {WARNING, STEP(HIDE, NO_UNDO),
						   STEP(RELEASE, NO_UNDO)};

static void r5_presets_are_valid_sets(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];

	for (uint32_t coarse = 0; coarse < 2; coarse++) {
		reconfigure(t, (struct vdev_removal_config){.flags = coarse * VDEV_REMOVAL_COARSE});
		for (uint32_t i = 0; i < VDEV_REMOVAL_CLASSES * 32; i++) {
			uint32_t level = i % 32;
			int n;

			if (level > VDEV_REMOVAL_SAFE && level < VDEV_REMOVAL_OWN_FIRST)
				continue;
			n = vdev_removal_get_actions(t->r, i / 32, level, steps);
			assert_int_equal(
				vdev_removal_set_actions(t->r, i / 32, level, steps, (uint32_t)n),
				0);
		}
	}
}

static void expect_preset(struct vt_removal *t, uint32_t level, const uint32_t *kinds)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	int n = vdev_removal_get_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, level, steps);

	for (int i = 0; i < n; i++) {
		assert_int_equal(steps[i].kind, kinds[i]);
		assert_true(steps[i].deadline_ns > 0 && steps[i].deadline_ns < VDEV_NONE);
	}
	assert_int_equal(kinds[n], 0);
}

#define K(kind) VDEV_REMOVAL_##kind
#define FULL_REST                                                                               \
	K(HIDE), K(DRAIN), K(IRQ_OFF), K(RESET), K(DETACH_EVENTS), K(UNMAP_BARS), K(LEAVE_DMA), \
		K(RELEASE), 0

static void r5_preset_full(void **state)
{
	static const uint32_t safe[] = {FULL_REST};
	static const uint32_t idle[] = {K(QUIESCE), FULL_REST};
	static const uint32_t unsafe[] = {K(WARN), K(AWAIT_ACK), FULL_REST};
	struct vt_removal *t = *state;

	reconfigure(t, (struct vdev_removal_config){0});
	expect_preset(t, VDEV_REMOVAL_SAFE, safe);
	expect_preset(t, VDEV_REMOVAL_SAFE_IDLE, idle);
	expect_preset(t, VDEV_REMOVAL_UNSAFE, unsafe);
	expect_preset(t, VDEV_REMOVAL_UNKNOWN, unsafe);
	expect_preset(t, 16, unsafe);
}

static void r5_preset_coarse(void **state)
{
	static const uint32_t safe[] = {K(HIDE), K(TEARDOWN), K(RELEASE), 0};
	static const uint32_t idle[] = {K(QUIESCE), K(HIDE), K(TEARDOWN), K(RELEASE), 0};
	static const uint32_t unsafe[] = {K(WARN),     K(AWAIT_ACK), K(HIDE),
					  K(TEARDOWN), K(RELEASE),   0};
	struct vt_removal *t = *state;

	expect_preset(t, VDEV_REMOVAL_SAFE, safe);
	expect_preset(t, VDEV_REMOVAL_SAFE_IDLE, idle);
	expect_preset(t, VDEV_REMOVAL_UNSAFE, unsafe);
	expect_preset(t, VDEV_REMOVAL_UNKNOWN, unsafe);
	expect_preset(t, 31, unsafe);
}

static void r5_set_of_one_class_and_level_only(void **state)
{
	struct vt_removal *t = *state;

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_MEMORY, ANY, least, 2);
	for (uint32_t class = 0; class < VDEV_REMOVAL_CLASSES; class ++)
		for (uint32_t level = 0; level <= VDEV_REMOVAL_SAFE; level++) {
			struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
			int n = vdev_removal_get_actions(t->r, class, level, steps);

			assert_int_equal(n == 2, class == VDEV_REMOVAL_MEMORY && level == ANY);
		}
}

static void r5_set_in_use_is_not_replaced(void **state)
{
	static const uint32_t class = VDEV_REMOVAL_PCI_FUNCTION;
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', MUST_WARN);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	assert_int_equal(vdev_removal_set_actions(t->r, class, MUST_WARN, warning, 4), -EBUSY);
	assert_int_equal(vdev_removal_set_actions(t->r, class, MUST_WARN, NULL, 0), -EBUSY);
	assert_int_equal(vdev_removal_set_actions(t->r, class, ANY, least, 2), 0);
	assert_int_equal(vdev_removal_set_actions(t->r, VDEV_REMOVAL_CPU, MUST_WARN, warning, 4),
			 0);
	vt_expect(t, vt_ack(t, 'a'), ACKED_A);
	assert_int_equal(vdev_removal_set_actions(t->r, class, MUST_WARN, warning, 4), 0);
}

static void r5_own_steps_run_in_their_place(void **state)
{
	static const struct vdev_removal_step steps[] = {{OWN(0), OWN(1), 3 * VT_SEC},
							 WARNING,
							 STEP(HIDE, NO_UNDO),
							 {OWN(3), VDEV_REMOVAL_NO_UNDO, VT_SEC},
							 STEP(RELEASE, NO_UNDO)};
	struct vt_removal *t = *state;

	assert_int_equal(
		vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, MUST_WARN, steps, 6), 0);
	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_level(t, 'a', MUST_WARN);
	vt_expect(t, vt_request(t, 'a', 0), "OWN:a WARN:a REQUESTED:a");
	assert_int_equal(vt_due(t), VT_SEC); /* AWAIT_ACK's own deadline, not the default */
	vt_expect(t, vt_pass(t, VT_SEC), "UNWARN:a OWN:a TIMED_OUT:aF");
	vt_expect(t, vt_request(t, 'a', 0), "OWN:a WARN:a REQUESTED:a");
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL ACKED:a OWN:a RELEASE:a REMOVED:aFG");
}

static void r5_deadlines_of_steps_are_those_of_the_set(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_QUIESCE, VDEV_REMOVAL_RESUME, 11},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, 22},
		{VDEV_REMOVAL_DRAIN, VDEV_REMOVAL_NO_UNDO, 33},
		{OWN(4), VDEV_REMOVAL_NO_UNDO, 44},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, 55}};
	struct vt_removal *t = *state;

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_SAFE_IDLE, steps, 5);
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_request(t, 'a', 0);
	t->stop_after = 1;
	for (uint32_t i = 0; i < VT_COUNT(steps); i++) {
		vt_drain(t);
		assert_int_equal(t->last.kind, steps[i].kind);
		assert_int_equal(t->deadline['a'], t->now + steps[i].deadline_ns);
	}
}

static int to_preset(struct vt_removal *t, uint32_t level)
{
	return vdev_removal_set_actions(t->r, VDEV_REMOVAL_PCI_FUNCTION, level, NULL, 0);
}

static void r5_set_that_was_left_may_be_gone_back_to(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	assert_int_equal(to_preset(t, VDEV_REMOVAL_UNSAFE), 0);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), "QUIESCE:a");
	assert_int_equal(to_preset(t, VDEV_REMOVAL_SAFE_IDLE), -EBUSY);
	assert_int_equal(to_preset(t, VDEV_REMOVAL_UNKNOWN), -EBUSY);
	vt_expect(t, vt_done(t, 'a', -EBUSY), "RESUME:a");
	assert_int_equal(to_preset(t, VDEV_REMOVAL_SAFE_IDLE), 0);
	assert_int_equal(to_preset(t, VDEV_REMOVAL_UNKNOWN), -EBUSY);
}

static void r5_operation_that_is_over_uses_no_set(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	assert_int_equal(to_preset(t, VDEV_REMOVAL_UNKNOWN), -EBUSY);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_cancel(t, 'a'), "CANCELLED:aF");
	assert_int_equal(to_preset(t, VDEV_REMOVAL_UNKNOWN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r5_presets_are_valid_sets),
		TEST(r5_preset_full),
		TEST(r5_preset_coarse),
		TEST(r5_set_of_one_class_and_level_only),
		TEST(r5_set_in_use_is_not_replaced),
		TEST(r5_own_steps_run_in_their_place),
		TEST(r5_deadlines_of_steps_are_those_of_the_set),
		TEST(r5_set_that_was_left_may_be_gone_back_to),
		TEST(r5_operation_that_is_over_uses_no_set),
	};

	return cmocka_run_group_tests_name("removal_sets", tests, NULL, NULL);
}
