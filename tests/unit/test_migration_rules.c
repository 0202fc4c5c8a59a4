/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: rules files (M8): what is wrong, and where; written and read again; limits. */
#include "test_migration_rig.h"

struct mistake {
	const char *text;
	uint32_t line, column;
	const char *message;
};

static const struct mistake mistakes[] = {
	{"firmwaer exact REFUSE", 1, 1, "\"firmwaer\" is no field"},
	{"\n\n  psid exactly REFUSE", 3, 8,
	 "\"exactly\" is no kind: exact, at-least, need or ignore"},
	{"psid", 1, 5, "a kind is missing: exact, at-least, need or ignore"},
	{"psid  ", 1, 7, "a kind is missing: exact, at-least, need or ignore"},
	{"vendor=15b3", 1, 12, "a field is missing"},
	{"vendor=15b3 ", 1, 13, "a field is missing"},
	{"vendor=15g3 psid ignore", 1, 1,
	 "\"vendor=15g3\" is not a hexadecimal number, or too large"},
	{"vendor=15-3 psid ignore", 1, 1,
	 "\"vendor=15-3\" is not a hexadecimal number, or too large"},
	{"vendor=15:3 psid ignore", 1, 1,
	 "\"vendor=15:3\" is not a hexadecimal number, or too large"},
	{"vendor= psid ignore", 1, 1, "\"vendor=\" is not a hexadecimal number, or too large"},
	{"vendor=/ff psid ignore", 1, 1,
	 "\"vendor=/ff\" is not a hexadecimal number, or too large"},
	{"device=10000 psid ignore", 1, 1,
	 "\"device=10000\" is not a hexadecimal number, or too large"},
	{"class=1000000 psid ignore", 1, 1,
	 "\"class=1000000\" is not a hexadecimal number, or too large"},
	{"class=1/0 psid ignore", 1, 1,
	 "\"class=1/0\" has a mask that is 0, too large, or no hexadecimal number"},
	{"class=1/ psid ignore", 1, 1,
	 "\"class=1/\" has a mask that is 0, too large, or no hexadecimal number"},
	{"device=1/fffff psid ignore", 1, 1,
	 "\"device=1/fffff\" has a mask that is 0, too large, or no hexadecimal number"},
	{"device=12/f0 psid ignore", 1, 1,
	 "\"device=12/f0\" has bits outside its mask, and never matches"},
	{"device=1 device=2 psid ignore", 1, 10, "\"device=2\" is said twice"},
	{"psid ignore REFUSE", 1, 13, "\"REFUSE\" is too much: ignore has no consequence"},
	{"psid exact", 1, 11, "a consequence is missing, e.g. QUIESCE_REBUILD"},
	{"psid exact LIVE", 1, 12, "\"LIVE\" is no consequence of a difference"},
	{"psid exact refuse", 1, 12, "\"refuse\" is no consequence of a difference"},
	{"psid exact REFUSE EMULATE", 1, 19, "\"EMULATE\" is a second consequence"},
	{"psid at-least REFUSE", 1, 1, "at-least is not for the field psid"},
	{"psid need value=1 REFUSE", 1, 1, "need is not for the field psid"},
	{"psid exact mask=1 REFUSE", 1, 1, "mask= is not for the field psid"},
	{"caps need value=1 REFUSE", 1, 1, "need is not for the field caps"},
	{"bar0 need REFUSE", 1, 17, "value= is missing"},
	{"bar0 need value=0 REFUSE", 1, 11, "\"value=0\" is not a number above 0"},
	{"bar0 need value=x REFUSE", 1, 11, "\"value=x\" is not a number above 0"},
	{"bar0 need value=0x REFUSE", 1, 11, "\"value=0x\" is not a number above 0"},
	{"bar0 need value=18446744073709551616 REFUSE", 1, 11,
	 "\"value=18446744073709551616\" is not a number above 0"},
	{"bar0 need value=1 value=2 REFUSE", 1, 19, "\"value=2\" is said twice"},
	{"bar0 exact value=1 REFUSE", 1, 12, "\"value=1\" goes with need only"},
	{"bar0 need mask=1 REFUSE", 1, 11, "\"mask=1\" goes with exact only"},
	{"psid exact must-knw REFUSE", 1, 12, "\"must-knw\" is no consequence of a difference"},
	{"psid ignore\nversion 1", 2, 1, "\"version\" has to come first"},
	{"version", 1, 8, "a version is a number, such as 1"},
	{"version one", 1, 12, "a version is a number, such as 1"},
	{"version 1 2", 1, 11, "\"2\" is too much"},
	{"psid ignore\n\x01", 2, 1, "byte 0x01 has no place in a rules file"},
	{"psid\x7f ignore", 1, 5, "byte 0x7f has no place in a rules file"},
};

static void each_mistake_has_its_place(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(mistakes); i++) {
		const struct mistake *m = &mistakes[i];
		struct vdev_migration_rules *r = mg_rules("board ignore");
		struct vdev_migration_error e = {0};

		assert_int_equal(
			vdev_migration_rules_parse(r, m->text, strlen(m->text), &e, sizeof(e)),
			-EBADMSG);
		if (e.line != m->line || e.column != m->column ||
		    strcmp(e.message, m->message) != 0)
			fail_msg("%s\n%u:%u: %s", m->text, e.line, e.column, e.message);
		/* All or none. */
		assert_int_equal(vdev_migration_rules_count(r), 1);
		vdev_migration_rules_free(r);
	}
}

static void a_later_version(void **state)
{
	struct vdev_migration_rules *r = mg_rules("");
	struct vdev_migration_error e = {0};

	(void)state;
	assert_int_equal(vdev_migration_rules_parse(r, "version 2\nnew things", 20, &e, sizeof(e)),
			 -EPROTONOSUPPORT);
	assert_int_equal(e.line, 1);
	assert_int_equal(e.column, 9);
	assert_string_equal(e.message, "\"2\" is a version that this library does not know");
	assert_int_equal(vdev_migration_rules_parse(r, "version 2", 9, NULL, 0), -EPROTONOSUPPORT);
	vdev_migration_rules_free(r);
}

static struct vdev_migration_rule get(const struct vdev_migration_rules *r, uint32_t index)
{
	struct vdev_migration_rule rule;

	assert_int_equal(vdev_migration_rules_get(r, index, &rule, sizeof(rule)), 0);
	return rule;
}

static void what_a_line_says(void **state)
{
	struct vdev_migration_rules *r;
	struct vdev_migration_rule rule;

	(void)state;
	r = mg_rules("# a comment\r\n\n\tclass=020000/ffff00"
		     " vendor=15B3 device=1000/ff00\tfirmware at-least must-know QUIESCE_REBUILD  "
		     "## a note # b \r\n"
		     "bar0 need LIVE_STOP_COPY_ONLY value=04096\n"
		     "bar1 exact mask=0xF0 EMULATE#x");
	assert_int_equal(vdev_migration_rules_parse(r, NULL, 0, NULL, 0), 0);
	rule = get(r, 0);
	assert_int_equal(rule.field, VDEV_MIGRATION_F_FIRMWARE);
	assert_int_equal(rule.kind, VDEV_MIGRATION_AT_LEAST);
	assert_int_equal(rule.verdict, VDEV_MIGRATION_QUIESCE_REBUILD);
	assert_int_equal(rule.flags, VDEV_MIGRATION_MUST_KNOW);
	assert_int_equal(rule.class_code, 0x020000);
	assert_int_equal(rule.class_mask, 0xffff00);
	assert_int_equal(rule.vendor, 0x15b3);
	assert_int_equal(rule.vendor_mask, 0xffff);
	assert_int_equal(rule.device, 0x1000);
	assert_int_equal(rule.device_mask, 0xff00);
	assert_int_equal(rule.line, 3);
	assert_int_equal(rule.origin, 1);
	assert_string_equal(rule.note, "a note # b");
	rule = get(r, 1);
	assert_int_equal(rule.value, 4096);
	assert_string_equal(rule.note, "");
	rule = get(r, 2);
	assert_int_equal(rule.value, 0xf0);
	assert_int_equal(rule.line, 5);
	assert_string_equal(rule.note, "x");
	vdev_migration_rules_free(r);
}

/* M8: of all rules that match and name a field the last decides, whichever is narrower. */
static void later_rules_win(void **state)
{
	struct vdev_migration_device a = mg_vf(), b = a, c;
	struct vdev_migration_rules *r;
	const char *more = "vendor=15b3 firmware ignore\n";

	(void)state;
	mg_set(&b, "firmware", "1");
	r = mg_rules("vendor=15b3 firmware exact EMULATE\nfirmware exact LIVE_STOP_COPY_ONLY\n");
	mg_expect_by(r, &a, &b, 0, "LIVE_STOP_COPY_ONLY firmware");
	assert_int_equal(vdev_migration_rules_parse(r, more, strlen(more), NULL, 0), 1);
	mg_expect_by(r, &a, &b, 0, "LIVE");
	c = a;
	mg_set(&c, "vendor", "0x8086"); /* the rule asks for the device that moves */
	mg_expect_by(r, &c, &b, 0, "LIVE_STOP_COPY_ONLY firmware");
	mg_expect_by(r, &b, &c, 0, "LIVE");
	mg_set(&a, "vendor", NULL); /* what is not known matches no mask */
	mg_expect_by(r, &a, &b, 0, "LIVE_STOP_COPY_ONLY firmware");
	vdev_migration_rules_free(r);
	assert_int_equal(vdev_migration_rules_new(&r, NULL, 0), 0);
	assert_int_equal(vdev_migration_rules_parse(r, more, strlen(more), NULL, 0), 1);
	a = mg_vf();
	mg_expect_by(r, &a, &b, 0, "LIVE"); /* wider than the built-in one for mlx5, but later */
	vdev_migration_rules_free(r);
}

static char *written(const struct vdev_migration_rules *r, uint32_t flags, size_t *ret_size)
{
	char *text;

	assert_int_equal(vdev_migration_rules_write(r, flags, NULL, 0, ret_size), -ENOBUFS);
	text = malloc(*ret_size);
	assert_non_null(text);
	assert_int_equal(vdev_migration_rules_write(r, flags, text, *ret_size - 1, ret_size),
			 -ENOBUFS);
	assert_int_equal(vdev_migration_rules_write(r, flags, text, *ret_size, ret_size), 0);
	return text;
}

static void written_and_read(void **state)
{
	static const char own[] = "class=020000/ffff00 vendor=15b3 device=1000/ff00 firmware exact "
				  "QUIESCE_REBUILD must-know # note\n"
				  "bar0 need value=4096 REFUSE\nbar1 exact mask=f0 REFUSE\n";
	static const char hex[] = "bar0 need value=0x1000 REFUSE";
	struct vdev_migration_rules *r, *copy;
	size_t size, again;
	char *text, *second;

	(void)state;
	assert_int_equal(vdev_migration_rules_new(&r, NULL, 0), 0);
	assert_int_equal(vdev_migration_rules_parse(r, own, strlen(own), NULL, 0), 3);
	assert_int_equal(vdev_migration_rules_new(&copy, NULL, VDEV_MIGRATION_EMPTY), 0);
	assert_int_equal(vdev_migration_rules_parse(copy, hex, strlen(hex), NULL, 0), 1);
	assert_int_equal(get(copy, 0).value, 4096);
	vdev_migration_rules_free(copy);
	text = written(r, 0, &size);
	assert_int_equal(size, strlen("version 1\n") + strlen(own));
	assert_memory_equal(text + strlen("version 1\n"), own, strlen(own));
	free(text);
	text = written(r, VDEV_MIGRATION_ALL, &size);
	assert_int_equal(vdev_migration_rules_new(&copy, NULL, VDEV_MIGRATION_EMPTY), 0);
	assert_int_equal(vdev_migration_rules_parse(copy, text, size, NULL, 0),
			 vdev_migration_rules_count(r));
	second = written(copy, 0, &again);
	assert_int_equal(size, again);
	assert_memory_equal(text, second, size);
	free(text);
	free(second);
	vdev_migration_rules_free(copy);
	vdev_migration_rules_free(r);
}

/* add() takes what a file could say, and nothing else. */
static void rules_that_are_none(void **state)
{
	const struct vdev_migration_rule good = {.field = VDEV_MIGRATION_F_BAR0,
						 .kind = VDEV_MIGRATION_EXACT,
						 .verdict = VDEV_MIGRATION_REFUSE,
						 .note = "n"};
	struct vdev_migration_rules *r = mg_rules("");
	struct vdev_migration_rule x;

	(void)state;
#define EXPECT_BAD(change)                                                             \
	do {                                                                           \
		x = good;                                                              \
		change;                                                                \
		assert_int_equal(vdev_migration_rules_add(r, &x, sizeof(x)), -EINVAL); \
	} while (0)
	EXPECT_BAD(x.field = VDEV_MIGRATION_FIELDS);
	EXPECT_BAD(x.kind = VDEV_MIGRATION_KINDS);
	EXPECT_BAD(x.verdict = 0);
	EXPECT_BAD(x.verdict = VDEV_MIGRATION_VERDICTS);
	EXPECT_BAD(x.flags = 2);
	EXPECT_BAD(x.reserved = 1);
	EXPECT_BAD(x.class_mask = 0x1000000);
	EXPECT_BAD(x.class_code = 1);
	EXPECT_BAD(x.vendor_mask = 0x10000);
	EXPECT_BAD(x.vendor = 1);
	EXPECT_BAD(x.device_mask = 0x10000);
	EXPECT_BAD(x.device = 1);
	EXPECT_BAD(memset(x.note, 'n', sizeof(x.note)));
	EXPECT_BAD(x.note[0] = '\n');
	EXPECT_BAD(x.note[0] = 0x7f);
	EXPECT_BAD(x.note[0] = ' ');
	EXPECT_BAD(x.note[0] = '#');
	EXPECT_BAD(x.note[1] = ' ');
	EXPECT_BAD(x.kind = VDEV_MIGRATION_NEED);
	EXPECT_BAD((x.kind = VDEV_MIGRATION_AT_LEAST, x.value = 1));
	EXPECT_BAD(x.kind = VDEV_MIGRATION_IGNORE);
	EXPECT_BAD((x.kind = VDEV_MIGRATION_IGNORE, x.verdict = 0, x.value = 1));
	EXPECT_BAD((x.kind = VDEV_MIGRATION_IGNORE, x.verdict = 0, x.flags = 1));
	assert_int_equal(vdev_migration_rules_count(r), 0);
	x = good;
	x.origin = 9;
	x.line = 9;
	assert_int_equal(vdev_migration_rules_add(r, &x, sizeof(x)), 0);
	x = get(r, 0);
	assert_int_equal(x.origin, 2); /* the empty file was the first */
	assert_int_equal(x.line, 0);
	vdev_migration_rules_free(r);
}

static void limits(void **state)
{
	struct vdev_migration_rules *r = mg_rules("");
	struct vdev_migration_error e = {.line = 77};
	char *text = calloc(1, (1u << 20) + 1);
	char line[600];

	(void)state;
	assert_non_null(text);
	memset(text, '\n', (1u << 20) + 1);
	assert_int_equal(vdev_migration_rules_parse(r, text, (1u << 20) + 1, &e, sizeof(e)),
			 -ENOSPC);
	assert_int_equal(vdev_migration_rules_parse(r, text, 1u << 20, &e, sizeof(e)), 0);
	memset(line, ' ', sizeof(line));
	assert_int_equal(vdev_migration_rules_parse(r, line, 512, &e, sizeof(e)), 0);
	assert_int_equal(vdev_migration_rules_parse(r, line, 513, &e, sizeof(e)), -EBADMSG);
	assert_string_equal(e.message, "the line is longer than 512 bytes");
	snprintf(line, sizeof(line), "psid ignore # %0103d", 0);
	assert_int_equal(vdev_migration_rules_parse(r, line, strlen(line), &e, sizeof(e)), 1);
	snprintf(line, sizeof(line), "psid ignore # %0104d", 0);
	assert_int_equal(vdev_migration_rules_parse(r, line, strlen(line), &e, sizeof(e)),
			 -EBADMSG);
	assert_string_equal(e.message, "the note is longer than 103 bytes");
	assert_int_equal(e.column, 15);
	for (uint32_t i = 0; i < VDEV_MIGRATION_MAX_RULES; i++)
		memcpy(text + i * 12, "psid ignore\n", 12);
	e.line = 77;
	assert_int_equal(
		vdev_migration_rules_parse(r, text, VDEV_MIGRATION_MAX_RULES * 12, &e, sizeof(e)),
		-ENOSPC);
	assert_int_equal(e.line, 77);
	assert_int_equal(vdev_migration_rules_count(r), 1);
	assert_int_equal(vdev_migration_rules_parse(r, text, (VDEV_MIGRATION_MAX_RULES - 1) * 12,
						    &e, sizeof(e)),
			 VDEV_MIGRATION_MAX_RULES - 1);
	free(text);
	vdev_migration_rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_has_its_place),
		cmocka_unit_test(a_later_version),
		cmocka_unit_test(what_a_line_says),
		cmocka_unit_test(later_rules_win),
		cmocka_unit_test(written_and_read),
		cmocka_unit_test(rules_that_are_none),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
