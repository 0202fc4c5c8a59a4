/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventory (M12): the texts that the reader looks at itself: dumps, addresses. */
#include "vt_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"

#define LINE "86 80 37 12 07 05 00 00 02 00 00 06 00 00 00 00\n"
#define SPACE "00: " LINE "10: " LINE "20: " LINE "30: " LINE
#define HEAD "00:1f.3 SMBus: Intel\n"

/* In a block of its own size, so that reading beyond shows. */
static int parse(struct dump *d, const char *text, size_t size)
{
	char *copy = malloc(size ? size : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, text, size);
	err = dump_parse(d, copy, size);
	free(copy);
	return err;
}

static void good(const char *text, uint32_t devices, uint32_t bytes)
{
	static struct dump d;

	if (parse(&d, text, strlen(text)))
		fail_msg("%u: %s, of: %.60s", d.line, d.why, text);
	assert_int_equal(d.count, devices);
	assert_int_equal(d.devices[devices - 1].size, bytes);
	dump_free(&d);
}

static void bad(const char *text, uint32_t line, const char *word)
{
	static struct dump d;
	int err = parse(&d, text, strlen(text));

	if (err != EBADMSG || d.line != line || !strstr(d.why, word))
		fail_msg("%d, %u: \"%s\" instead of %u: \"%s\", of: %.80s", err, d.line, d.why,
			 line, word, text);
	dump_free(&d);
}

static void dumps(void **state)
{
	(void)state;
	good(HEAD SPACE, 1, 64);
	good(HEAD SPACE "\n", 1, 64);
	good("0000:00:1f.3 x\n" SPACE, 1, 64);
	good("00:1f.3\n" SPACE, 1, 64);
	good("\xef\xbb\xbf" HEAD SPACE, 1, 64);
	good("00:1F.3 X\n" SPACE, 1, 64);
	good("10000:e0:1f.7 x\n" SPACE, 1, 64);
	good("# comment\n\n" HEAD "\tControl: I/O+\n\n" SPACE "\ttext\n", 1, 64);
	good(HEAD SPACE "01:00.0 x\n" SPACE, 2, 64);
	good(HEAD SPACE "\n" HEAD SPACE, 1, 64);
}

static void damaged_dumps(void **state)
{
	(void)state;
	bad("", 0, "no device");
	bad("what\nis\nthis\n", 3, "no device");
	bad(HEAD, 1, "no hexadecimal lines");
	bad(HEAD SPACE "01:00.0 x\n", 6, "the file ends within the device of line 6");
	bad(HEAD "00: " LINE "10: " LINE, 3, "32 bytes, expected at least 64");
	bad(HEAD "00: " LINE "20: " LINE, 3, "offset 20, expected 10");
	bad(HEAD SPACE SPACE, 6, "offset 0, expected 40");
	bad("00: " LINE, 1, "no address");
	bad(HEAD "00: 86 8\n", 2, "byte 1 of the line");
	bad(HEAD "00: 86 80x\n", 2, "byte 2 of the line");
	bad(HEAD "00: 86 800\n", 2, "byte 1 of the line");
	bad(HEAD "00: \n", 2, "byte 0 of the line");
	bad(HEAD "00:\n", 2, "byte 0 of the line");
	bad(HEAD "00: 86 80 zz\n", 2, "byte 2 of the line");
	bad(HEAD "00: 86 80", 2, "ends within this line");
	bad(HEAD SPACE "40: 01\n", 6, "after 65 bytes");
}

static void a_byte_that_is_0(void **state)
{
	static const char text[] = HEAD SPACE "\0\n";
	static struct dump d;

	(void)state;
	assert_int_equal(parse(&d, text, sizeof(text) - 1), EBADMSG);
	assert_int_equal(d.line, 6);
	dump_free(&d);
}

/* Of 4 KiB and one line more. */
static void more_than_4096_bytes(void **state)
{
	static char text[40000];
	char *p = text;
	static struct dump d;

	(void)state;
	p += sprintf(p, HEAD);
	for (unsigned int at = 0; at <= 4096; at += 16) {
		if (at == 4096)
			good(text, 1, 4096);
		p += sprintf(p, "%02x: " LINE, at);
	}
	/* "1000:" has a digit more than lspci writes: it is text. */
	assert_int_equal(parse(&d, text, strlen(text)), 0);
	dump_free(&d);
	p -= strlen(LINE) + 6;
	sprintf(p, "ff0: " LINE);
	assert_int_equal(parse(&d, text, strlen(text)), EBADMSG);
	dump_free(&d);
	p -= strlen(LINE) + 5;
	sprintf(p, "ff0: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n");
	assert_int_equal(parse(&d, text, strlen(text)), EBADMSG);
	assert_non_null(strstr(d.why, "more than 4096"));
	dump_free(&d);
}

static void facts_between_the_lines(void **state)
{
	static const char text[] = HEAD "\tNUMA node: 1\n\tIOMMU group: 41\n"
					"\tRegion 0: Memory at f0 (64-bit) [size=16K]\n"
					"\tRegion 2: I/O ports at e000 [size=128]\n"
					"\tRegion 4: Memory at f0 (64-bit) [size=\n"
					"\tRegion 9: Memory at f0 [size=1K]\n"
					"\tExpansion ROM at df000000 [disabled] [size=2M]\n"
					"\tKernel driver in use: i40e\n" SPACE;
	static const char none[] = HEAD "\tNUMA node: 9999\n\tIOMMU group: x\n\tNUMA node: \n"
					"\tRegion 0: [virtual] [size=K]\n\tRegion 0:\n"
					"\tKernel driver in use:\n" SPACE;
	static struct dump d;

	(void)state;
	assert_int_equal(parse(&d, text, sizeof(text) - 1), 0);
	assert_int_equal(d.devices[0].numa_node, 1);
	assert_int_equal(d.devices[0].iommu_group, 41);
	assert_true(d.devices[0].bar_size[0] == 16384 && d.devices[0].bar_size[2] == 128);
	assert_true(d.devices[0].bar_size[4] == UINT64_MAX);
	assert_true(d.devices[0].bar_size[6] == 2 << 20);
	assert_string_equal(d.devices[0].driver, "i40e");
	dump_free(&d);
	assert_int_equal(parse(&d, none, sizeof(none) - 1), 0);
	assert_int_equal(d.devices[0].numa_node, UINT32_MAX);
	assert_int_equal(d.devices[0].iommu_group, UINT32_MAX);
	assert_true(d.devices[0].bar_size[0] == UINT64_MAX);
	assert_string_equal(d.devices[0].driver, "");
	dump_free(&d);
}

static void as_many_devices_as_have_room(void **state)
{
	size_t each = 16 + 4 * (4 + strlen(LINE)), count = DUMP_DEVICES + 1;
	char *text = malloc(count * each), *p = text;
	static struct dump d;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		p += sprintf(p, "%04zx:%02zx:%02zx.%zx x\n" SPACE, i >> 13, i >> 8 & 31,
			     i >> 3 & 31, i & 7);
	assert_int_equal(dump_parse(&d, text, (size_t)(p - text)), ENOSPC);
	assert_int_equal(d.count, DUMP_DEVICES);
	dump_free(&d);
	free(text);
}

static void addresses(void **state)
{
	static const char *const wrong[] = {"",
					    "0000:00:1f",
					    "0000:00:1f.8",
					    "0000:00:20.0",
					    "000:00:1f.3",
					    "0000:0:1f.3",
					    "0000:00:1f.3x",
					    "0000:00:1F.3",
					    "0000:00:1f.33",
					    "123456789:00:1f.3"};
	uint32_t domain = 7, address = 7;
	char text[32];

	(void)state;
	for (size_t i = 0; i < VT_COUNT(wrong); i++)
		assert_false(address_parse(wrong[i], &domain, &address));
	assert_true(address_parse("10000:e0:1f.7", &domain, &address));
	assert_true(domain == 0x10000 && address == 0xe0ff);
	address_text(domain, address, text);
	assert_string_equal(text, "10000:e0:1f.7");
}

static void texts_are_cleaned(void **state)
{
	char text[8];

	(void)state;
	clean_text(text, sizeof(text), "a\x1b\xff z12345", 11);
	assert_string_equal(text, "a?? z12");
	clean_text(text, sizeof(text), "ab\0cd", 5);
	assert_string_equal(text, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dumps),
		cmocka_unit_test(damaged_dumps),
		cmocka_unit_test(a_byte_that_is_0),
		cmocka_unit_test(more_than_4096_bytes),
		cmocka_unit_test(facts_between_the_lines),
		cmocka_unit_test(as_many_devices_as_have_room),
		cmocka_unit_test(addresses),
		cmocka_unit_test(texts_are_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
