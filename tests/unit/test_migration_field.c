/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: fields as data, values as text, names. */
#include "test_migration_rig.h"

static void each_field_has_its_place(void **state)
{
	struct vdev_migration_field f;
	uint32_t end = offsetof(struct vdev_migration_device, class_code);

	(void)state;
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++) {
		assert_int_equal(vdev_migration_field(i, &f, sizeof(f)), 0);
		assert_int_equal(f.field, i);
		assert_true(f.type < VDEV_MIGRATION_TYPES);
		assert_int_equal(vdev_migration_find_field(f.name), (int)i);
		assert_true(f.offset >= end); /* in the order of their numbers, none over another */
		end = f.offset + f.size;
		assert_true(end <= SIZE);
		if (f.type < VDEV_MIGRATION_STRING)
			assert_true(f.size == 4 || f.size == 8);
		else if (f.type < VDEV_MIGRATION_LAYOUT)
			assert_int_equal(f.size, VDEV_MIGRATION_TEXT);
	}
	assert_int_equal(end, SIZE);
	assert_int_equal(vdev_migration_field(VDEV_MIGRATION_FIELDS, &f, sizeof(f)), -ENOENT);
	assert_int_equal(vdev_migration_find_field("bar6"), -ENOENT);
}

static void expect_text(const struct vdev_migration_device *d, uint32_t field, const char *wanted)
{
	char text[64];

	assert_int_equal(vdev_migration_value(d, SIZE, field, text, sizeof(text)),
			 (int)strlen(wanted));
	assert_string_equal(text, wanted);
}

static void values_as_text(void **state)
{
	struct vdev_migration_device d = mg_vf();
	char text[8] = "xxxxxxx";

	(void)state;
	expect_text(&d, VDEV_MIGRATION_F_VENDOR, "0x15b3");
	expect_text(&d, VDEV_MIGRATION_F_CLASS, "0x020000");
	expect_text(&d, VDEV_MIGRATION_F_SUBSYSTEM_DEVICE, "0x0040");
	expect_text(&d, VDEV_MIGRATION_F_BAR0, "2097152");
	expect_text(&d, VDEV_MIGRATION_F_RESET, "0x1");
	expect_text(&d, VDEV_MIGRATION_F_FIRMWARE, "28.41.1000");
	expect_text(&d, VDEV_MIGRATION_F_CAPS, "10@60 11@9c x0ev1@100");
	expect_text(&d, VDEV_MIGRATION_F_BOARD, "?");
	mg_set(&d, "board", "");
	expect_text(&d, VDEV_MIGRATION_F_BOARD, "");
	/* Cut, and the whole length told. */
	assert_int_equal(vdev_migration_value(&d, SIZE, VDEV_MIGRATION_F_FIRMWARE, text, 4), 10);
	assert_string_equal(text, "28.");
	assert_int_equal(text[4], 'x');
	assert_int_equal(vdev_migration_value(&d, SIZE, VDEV_MIGRATION_F_FIRMWARE, NULL, 0), 10);
	assert_int_equal(vdev_migration_value(&d, SIZE, VDEV_MIGRATION_FIELDS, NULL, 0), -ENOENT);
}

/* What is in a descriptor may come from anybody. */
static void descriptors_that_are_none(void **state)
{
	struct vdev_migration_device d;
	uint32_t fw = VDEV_MIGRATION_F_FIRMWARE;

	(void)state;
#define EXPECT_BAD(change)                                                              \
	do {                                                                            \
		d = mg_vf();                                                            \
		change;                                                                 \
		assert_int_equal(vdev_migration_value(&d, SIZE, fw, NULL, 0), -EINVAL); \
	} while (0)
	EXPECT_BAD(d.reserved = 1);
	EXPECT_BAD(d.reserved2 = 1);
	EXPECT_BAD(d.use = VDEV_MIGRATION_USE_UNKNOWN + 1);
	EXPECT_BAD(d.known |= UINT64_C(1) << VDEV_MIGRATION_FIELDS);
	EXPECT_BAD(d.known = UINT64_MAX);
	EXPECT_BAD(memset(d.firmware, 'x', sizeof(d.firmware)));
	EXPECT_BAD(d.psid[1] = '\n');
	EXPECT_BAD(d.psid[1] = 0x7f);
	EXPECT_BAD(d.cap_count = VDEV_MIGRATION_CAPS + 1);
	EXPECT_BAD(d.caps[1].reserved = 1);
	EXPECT_BAD(d.caps[1].extended = 2);
	/* What is not known is not looked at. */
	d = mg_vf();
	memset(d.board, 1, sizeof(d.board));
	assert_int_equal(vdev_migration_value(&d, SIZE, fw, NULL, 0), 10);
	d.known &= ~BIT(CAPS);
	d.cap_count = 1000;
	assert_int_equal(vdev_migration_value(&d, SIZE, fw, NULL, 0), 10);
	mg_set(&d, "psid", "\xc3\xa9"); /* UTF-8 is text */
	assert_int_equal(vdev_migration_value(&d, SIZE, VDEV_MIGRATION_F_PSID, NULL, 0), 2);
}

/* From a caller of a later release: what is unknown here must be zero. */
static void larger_descriptors(void **state)
{
	struct {
		struct vdev_migration_device d;
		uint8_t more[8];
	} later = {.d = mg_vf()};
	size_t size = sizeof(later);

	(void)state;
	assert_int_equal(vdev_migration_value(&later.d, size, 0, NULL, 0), 8);
	later.more[7] = 1;
	assert_int_equal(vdev_migration_value(&later.d, size, 0, NULL, 0), -E2BIG);
	assert_int_equal(vdev_migration_value(&later.d, SIZE - 1, 0, NULL, 0), -EINVAL);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(vdev_migration_verdict_name(VDEV_MIGRATION_QUIESCE_REBUILD),
			    "QUIESCE_REBUILD");
	assert_string_equal(vdev_migration_kind_name(VDEV_MIGRATION_AT_LEAST), "at-least");
	assert_string_equal(vdev_migration_reason_name(VDEV_MIGRATION_CONTENDED), "CONTENDED");
	assert_string_equal(vdev_migration_step_name(VDEV_MIGRATION_START), "START");
	assert_string_equal(vdev_migration_change_name(VDEV_MIGRATION_MOVED_NODE), "MOVED_NODE");
	assert_string_equal(vdev_migration_use_name(VDEV_MIGRATION_USED), "USED");
	assert_string_equal(vdev_migration_verdict_name(VDEV_MIGRATION_VERDICTS), "?");
	assert_string_equal(vdev_migration_step_name(VDEV_MIGRATION_STEPS), "?");
	assert_string_equal(vdev_migration_change_name(VDEV_MIGRATION_CHANGES), "?");
	for (uint32_t i = 0; i < VDEV_MIGRATION_STEPS; i++)
		assert_string_not_equal(vdev_migration_step_name(i), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_has_its_place),
		cmocka_unit_test(values_as_text),
		cmocka_unit_test(descriptors_that_are_none),
		cmocka_unit_test(larger_descriptors),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
