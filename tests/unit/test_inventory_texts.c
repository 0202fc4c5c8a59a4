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
	bad("", 1, "no device");
	bad("what\nis\nthis\n", 3, "no device");
	bad(HEAD, 1, "no hexadecimal lines");
	bad(HEAD SPACE "01:00.0 x", 6, "the file ends within the device of line 6");
	bad(HEAD SPACE "01:00.0 x\n\tdeni", 7, "the file ends within the device of line 6");
	bad(HEAD SPACE "01:00.0 x\n0", 7, "the file ends within the device of line 6");
	bad(HEAD SPACE "01:00.0 x\n00:\n", 7, "byte 0 of the line");
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
	bad(HEAD SPACE "40: " LINE HEAD SPACE "40: 01\n", 12, "after 65 bytes");
}

/* lspci had no access to it. In the middle it is left out with a note, and so it is at the end. */
static void a_last_device_without_bytes(void **state)
{
	(void)state;
	good(HEAD SPACE "01:00.0 x\n", 2, 0);
	good(HEAD SPACE "01:00.0 x\r\n\t<access denied>\r\n\r\n", 2, 0);
	good(HEAD SPACE "2026: a note\n01:00.0 x\n", 2, 0);
	good(HEAD SPACE "0000:", 1, 64); /* an address that was cut: nothing of it is known */
}

static void paths(void **state)
{
	static struct dump d;
	static const struct {
		const char *text;
		uint32_t domain, address;
	} of_buses[] = {
		{"00:1c.0/05:00.1 x\n" SPACE, 0, 0x501},
		{"00:1c.0/05:00.1\n" SPACE, 0, 0x501},
		{"0000:00:1c.0/05:00.1 x\n" SPACE, 0, 0x501},
		{"10000:e0:1d.0/e1:00.0/e2:1f.7/e3:02.0 x\n" SPACE, 0x10000, 0xe310},
	};

	(void)state;
	for (size_t i = 0; i < VT_COUNT(of_buses); i++) {
		assert_int_equal(parse(&d, of_buses[i].text, strlen(of_buses[i].text)), 0);
		assert_int_equal(d.count, 1);
		assert_int_equal(d.devices[0].domain, of_buses[i].domain);
		assert_int_equal(d.devices[0].address, of_buses[i].address);
		dump_free(&d);
	}
	bad("00:1c.0 x\n" SPACE "00:1c.0/00.0 x\n" SPACE, 6,
	    "written by lspci -P; use lspci -xxxx");
	bad("0000:00:1c.0/00.0/01.1 x\n" SPACE, 1, "written by lspci -P; use lspci -xxxx");
	bad("00:1c.0/00.8 x\n" SPACE, 2, "no address");
	bad("00:1c.0/05:20.0 x\n" SPACE, 2, "no address");
	bad("00:1c.0/ x\n" SPACE, 2, "no address");
	bad("00:1c.0/", 1, "no device");
}

/* Of blocks of one address: ids, class and revision, header type, subsystem. */
#define FIRST(ids, class, type) "3b:00.0 x\n00: " ids " 00 00 00 00 " class " 00 00 " type " 00\n"
#define THIRD(subsystem) "20: 00 00 00 00 00 00 00 00 00 00 00 00 " subsystem "\n"
#define BLOCK(ids, class, type, subsystem) \
	FIRST(ids, class, type) "10: " LINE THIRD(subsystem) "30: " LINE
#define IDS "86 80 21 15"
#define CLASS "01 00 00 02"
#define BOARD "28 10 9c 1f"
#define ONES "ff ff ff ff"
#define CARD BLOCK(IDS, CLASS, "00", BOARD)
#define OF_ONE "expected the dump of one machine"
#define MORE "40: " LINE "50: " LINE "60: " LINE "70: " LINE

static void two_machines(void **state)
{
	(void)state;
	good(CARD CARD, 1, 64);
	good(CARD BLOCK(IDS, CLASS, "80", BOARD), 1, 64); /* another function was disabled */
	good(BLOCK(IDS, CLASS, "01", BOARD) BLOCK(IDS, CLASS, "01", "00 00 00 00"), 1, 64);
	bad(CARD BLOCK("86 80 22 15", CLASS, "00", BOARD), 6, "3b:00.0 is 8086:1522 class ");
	bad(CARD BLOCK("87 80 21 15", CLASS, "00", BOARD), 6,
	    "it is 8086:1521 class 020000 rev 01");
	bad(CARD BLOCK(IDS, "02 00 00 02", "00", BOARD), 6, "is 8086:1521 class 020000 rev 02 ");
	bad(CARD BLOCK(IDS, "01 01 00 02", "00", BOARD), 6, "is 8086:1521 class 020001 rev 01 ");
	bad(CARD BLOCK(IDS, "01 00 00 03", "00", BOARD), 6, OF_ONE);
	bad(CARD BLOCK(IDS, CLASS, "01", BOARD), 6, "rev 01 type 01 here, in line 1 it is ");
	bad(CARD MORE BLOCK(IDS, CLASS, "00", "28 10 9d 1f"), 10,
	    "subsystem 1028:1f9d here, in line 1 it is 8086:1521 class 020000 rev 01 type 00 "
	    "subsystem 1028:1f9c; expected the dump of one machine");
	bad(BLOCK(ONES, CLASS, "00", BOARD) BLOCK(ONES, CLASS, "00", "28 10 9d 1f"), 6, OF_ONE);
	bad(CARD BLOCK(ONES, ONES, "ff", ONES) BLOCK(IDS, CLASS, "00", "28 10 9d 1f"), 11, OF_ONE);
}

/* Asleep in one block and awake in the other, or a VF. */
static void no_identity(void **state)
{
	static const char *const texts[] = {
		CARD BLOCK(ONES, ONES, "ff", ONES),
		BLOCK(ONES, ONES, "ff", ONES) CARD,
		CARD BLOCK(ONES, ONES, "ff", ONES) MORE,
		BLOCK(ONES, ONES, "ff", ONES) MORE CARD,
		CARD BLOCK(ONES, CLASS, "00", BOARD) MORE,
		BLOCK(ONES, CLASS, "00", BOARD) MORE CARD,
		BLOCK(ONES, ONES, "ff", ONES) BLOCK(ONES, CLASS, "00", BOARD) CARD,
	};
	static struct dump d;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(texts); i++) {
		if (parse(&d, texts[i], strlen(texts[i])))
			fail_msg("%zu: %u: %s", i, d.line, d.why);
		assert_int_equal(d.count, 1);
		assert_int_equal(d.devices[0].size, 64);
		assert_memory_equal(d.devices[0].config, "\x86\x80\x21\x15", 4);
		dump_free(&d);
	}
	good(BLOCK(ONES, CLASS, "00", BOARD) BLOCK(ONES, ONES, "ff", ONES) MORE, 1, 64);
	good(BLOCK(ONES, ONES, "ff", ONES) BLOCK(ONES, ONES, "ff", ONES) MORE, 1, 128);
	good(BLOCK(ONES, CLASS, "00", BOARD) BLOCK(ONES, CLASS, "00", BOARD) MORE, 1, 128);
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
	bad(text, 258, "more than 4096 bytes");
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
		cmocka_unit_test(a_last_device_without_bytes),
		cmocka_unit_test(paths),
		cmocka_unit_test(two_machines),
		cmocka_unit_test(no_identity),
		cmocka_unit_test(a_byte_that_is_0),
		cmocka_unit_test(more_than_4096_bytes),
		cmocka_unit_test(facts_between_the_lines),
		cmocka_unit_test(as_many_devices_as_have_room),
		cmocka_unit_test(addresses),
		cmocka_unit_test(texts_are_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
