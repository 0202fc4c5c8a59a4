/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: values out of range in each field of each struct, and the errors that a state
 * brings about. test_bad_input.c does pointers, sizes and handles for every call.
 */
#include "test_removal_rig.h"

static const struct vdev_removal_config good_config = {.struct_size = sizeof(good_config),
						       .max_units = 10};
static const struct vdev_removal_unit good_unit = {.struct_size = sizeof(good_unit)};
static const struct vdev_removal_request good_request = {.struct_size = sizeof(good_request)};

static void expect_config(struct vdev_removal_config c, int wanted)
{
	struct vdev_removal *r = NULL;

	assert_int_equal(vdev_removal_new(&r, NULL, &c), wanted);
	assert_true(wanted ? r == NULL : r != NULL);
	vdev_removal_free(r);
}

#define CONFIG(field, value, wanted)                         \
	do {                                                 \
		struct vdev_removal_config c_ = good_config; \
		c_.field = (value);                          \
		expect_config(c_, wanted);                   \
	} while (0)

static void config_values(void **state)
{
	(void)state;
	expect_config(good_config, 0);
	for (uint32_t bit = 0; bit < 32; bit++)
		CONFIG(flags, 1u << bit, bit < 2 ? 0 : -EINVAL);
	CONFIG(max_units, 0, -EINVAL);
	CONFIG(max_units, 1, 0);
	CONFIG(max_units, VDEV_REMOVAL_MAX_UNITS, 0);
	CONFIG(max_units, VDEV_REMOVAL_MAX_UNITS + 1, -EINVAL);
	CONFIG(max_units, UINT32_MAX, -EINVAL);
	CONFIG(level_policy, VDEV_REMOVAL_LEVEL_LOWER, 0);
	CONFIG(level_policy, VDEV_REMOVAL_LEVEL_LOWER + 1, -EINVAL);
	CONFIG(level_policy, UINT32_MAX, -EINVAL);
	CONFIG(ack_policy, VDEV_REMOVAL_ACK_FORCE, 0);
	CONFIG(ack_policy, VDEV_REMOVAL_ACK_FORCE + 1, -EINVAL);
	CONFIG(retries, 255, 0);
	CONFIG(retries, 256, -EINVAL);
	CONFIG(reserved, 1, -EINVAL);
}

static void config_durations(void **state)
{
	(void)state;
	CONFIG(button_ns, VDEV_NONE - 1, 0);
	CONFIG(button_ns, VDEV_NONE, -EINVAL);
	CONFIG(notify_ns, VDEV_NONE - 1, 0);
	CONFIG(notify_ns, VDEV_NONE, -EINVAL);
	CONFIG(settle_ns, VDEV_NONE - 1, 0);
	CONFIG(settle_ns, VDEV_NONE, -EINVAL);
	CONFIG(ack_ns, VDEV_NONE - 1, 0);
	CONFIG(ack_ns, VDEV_NONE, -EINVAL);
}

static void environment_values(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_env env = t->v.env;
	struct vdev_removal *r = NULL;

	env.alloc = NULL; /* both or neither */
	assert_int_equal(vdev_removal_new(&r, &env, &good_config), -EINVAL);
	env = t->v.env;
	env.free = NULL;
	assert_int_equal(vdev_removal_new(&r, &env, &good_config), -EINVAL);
	env = t->v.env;
	env.struct_size = 4;
	assert_int_equal(vdev_removal_new(&r, &env, &good_config), -EINVAL);
	assert_null(r);
}

static void expect_unit(struct vt_removal *t, struct vdev_removal_unit u, int wanted)
{
	uint64_t handle = 77;

	assert_int_equal(vdev_removal_add(t->r, t->now, &u, &handle), wanted);
	if (wanted < 0)
		assert_int_equal(handle, 77);
}

#define UNIT(field, value, wanted)                       \
	do {                                             \
		struct vdev_removal_unit u_ = good_unit; \
		u_.field = (value);                      \
		expect_unit(t, u_, wanted);              \
	} while (0)

static void unit_values(void **state)
{
	struct vt_removal *t = *state;

	UNIT(unit_class, VDEV_REMOVAL_CPU, 0);
	UNIT(unit_class, VDEV_REMOVAL_CLASSES, -EINVAL);
	UNIT(unit_class, UINT32_MAX, -EINVAL);
	UNIT(transport, VDEV_REMOVAL_PVDEV, 0);
	UNIT(transport, VDEV_REMOVAL_PVDEV + 1, -EINVAL);
	UNIT(transport, UINT32_MAX, -EINVAL);
	UNIT(flags, VDEV_REMOVAL_TRACK_TOUCH, 0);
	for (uint32_t bit = 2; bit < 32; bit++)
		UNIT(flags, 1u << bit, -EINVAL);
	UNIT(function, 255, 0);
	UNIT(function, 256, -EINVAL);
	UNIT(unasked, VDEV_REMOVAL_UNASKED_IGNORE, 0);
	UNIT(unasked, VDEV_REMOVAL_UNASKED_IGNORE + 1, -EINVAL);
	UNIT(slot_cap, UINT32_MAX, 0);
	UNIT(reserved[0], 1, -EINVAL);
	UNIT(reserved[1], 1, -EINVAL);
	UNIT(reserved[2], 1, -EINVAL);
	UNIT(parent, 1, -ENOENT);
	UNIT(parent, UINT64_C(1) << 24, -ENOENT); /* what stands for the VM is no unit */
	UNIT(parent, UINT64_MAX, -ENOENT);
	assert_int_equal(vt_stats(t).units, 6);
	assert_int_equal(vt_stats(t).added, 6);
}

static void expect_request(struct vt_removal *t, struct vdev_removal_request q, int ok)
{
	int wanted = ok ? 1 : -EINVAL;

	assert_int_equal(vdev_removal_plan(t->r, t->h['a'], &q, NULL, 0, 0) > 0, ok);
	assert_int_equal(vdev_removal_request(t->r, t->now, t->h['a'], &q), wanted);
	vt_drain(t);
	if (ok)
		vt_alone(t, 'a', VDEV_REMOVAL_ACPI); /* another one for the next */
}

#define REQUEST(field, value, ok)                              \
	do {                                                   \
		struct vdev_removal_request q_ = good_request; \
		q_.field = (value);                            \
		expect_request(t, q_, ok);                     \
	} while (0)

static void request_values(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	for (uint32_t bit = 0; bit < 32; bit++)
		REQUEST(flags, 1u << bit, bit < 2);
	REQUEST(ack_policy, VDEV_REMOVAL_ACK_FORCE, 1);
	REQUEST(ack_policy, VDEV_REMOVAL_ACK_FORCE + 1, 0);
	REQUEST(ack_policy, UINT32_MAX, 0);
	REQUEST(retries, 255, 1);
	REQUEST(retries, 256, 0);
	REQUEST(ack_ns, VDEV_NONE - 1, 1);
	REQUEST(ack_ns, VDEV_NONE, 0);
	REQUEST(reserved, 1, 0);
}

static void refused_request_changes_nothing(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_request q = good_request;

	q.reserved = 1;
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	assert_int_equal(vdev_removal_request(t->r, t->now, t->h['a'], &q), -EINVAL);
	assert_int_equal(vt_stats(t).requests, 0);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
}

static void ready_is_0_or_1(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	assert_int_equal(vt_ready(t, 'a', 2), -EINVAL);
	assert_int_equal(vt_ready(t, 'a', UINT32_MAX), -EINVAL);
	assert_int_equal(vdev_removal_ready(t->r, t->now, 0, 2), -EINVAL);
	assert_false(vt_info(t, 'a').flags & VDEV_REMOVAL_IS_READY);
}

static void registers_of_what_is_no_slot(void **state)
{
	struct vt_removal *t = *state;

	for (uint32_t class = 0; class < VDEV_REMOVAL_CLASSES; class ++) {
		vt_add(t, 'a',
		       &(struct vdev_removal_unit){.unit_class = class,
						   .transport = VDEV_REMOVAL_PCIE});
		assert_int_equal(vt_registers(t, 'a', VT_ON, 0),
				 class == VDEV_REMOVAL_PCI_SLOT ? 0 : -EINVAL);
	}
}

static void registers_of_any_value(void **state)
{
	struct vt_removal *t = *state;
	struct vt_rand rand;

	vt_rand_init(&rand, "removal_errors", 7);
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	for (int i = 0; i < 2000; i++) {
		assert_true(vt_registers(t, 's', (uint32_t)vt_rand(&rand),
					 (uint32_t)vt_rand(&rand)) >= 0);
		vt_drain(t);
	}
	assert_int_equal(vt_stats(t).units, 2); /* held and given back, as often as it likes */
}

static void action_sets_of_what_does_not_exist(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	uint32_t n = (uint32_t)vdev_removal_get_actions(t->r, 0, 0, steps);

	assert_int_equal(vdev_removal_set_actions(t->r, VDEV_REMOVAL_CLASSES, 0, steps, n),
			 -EINVAL);
	assert_int_equal(vdev_removal_set_actions(t->r, UINT32_MAX, 0, steps, n), -EINVAL);
	for (uint32_t level = 0; level < 40; level++) {
		int valid = level <= 3 || (level >= 16 && level <= 31);

		assert_int_equal(vdev_removal_set_actions(t->r, 0, level, steps, n),
				 valid ? 0 : -EINVAL);
		assert_int_equal(vdev_removal_get_actions(t->r, 0, level, steps) > 0, valid);
	}
	assert_int_equal(vdev_removal_set_actions(t->r, 0, 0, NULL, 4), -EINVAL);
	assert_int_equal(vdev_removal_set_actions(t->r, 0, 0, steps, 0), -EINVAL);
	assert_int_equal(vdev_removal_get_actions(t->r, VDEV_REMOVAL_CLASSES, 0, steps), -EINVAL);
	assert_int_equal(vdev_removal_get_actions(t->r, 0, UINT32_MAX, steps), -EINVAL);
}

/* The order in which errors are found is part of what a caller may rely on: nothing half done. */
static void add_below_a_parent_that_is_going(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_unit u = good_unit;

	vt_alone(t, 'p', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'p', 0), "WARN:p REQUESTED:p");
	u.parent = t->h['p'];
	expect_unit(t, u, -EBUSY);
	vt_expect(t, vt_cancel(t, 'p'), "CANCELLED:pF");
	expect_unit(t, u, 0);
	vt_drain(t);
	vt_ack(t, 'p');
	vt_drain(t);
	expect_unit(t, u, -EBUSY); /* hidden */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_values),
		TEST(config_durations),
		TEST(environment_values),
		TEST(unit_values),
		TEST(request_values),
		TEST(refused_request_changes_nothing),
		TEST(ready_is_0_or_1),
		TEST(registers_of_what_is_no_slot),
		TEST(registers_of_any_value),
		TEST(action_sets_of_what_does_not_exist),
		TEST(add_below_a_parent_that_is_going),
	};

	return cmocka_run_group_tests_name("removal_errors", tests, NULL, NULL);
}
