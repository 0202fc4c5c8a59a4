/* SPDX-License-Identifier: BSD-3-Clause */
/* What vdevctl parses: lines of /proc, names of threads, numbers. */
#include "vt_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vdevctl.h"

/* As Linux writes it; the name goes between. */
#define HEAD "4711 ("
#define MIDDLE                                                                  \
	" 1 4711 4711 0 -1 4194624 31 0 0 0 5 6 0 0 20 0 3 0 8042 6520832 512 " \
	"18446744073709551615 1 "                                               \
	"1 0 0 0 0 0 4096 0 0 0 0 17 "
#define TAIL " 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

static void parse(const char *name, struct stat_line *line)
{
	char text[1024];

	snprintf(text, sizeof(text), HEAD "%s) S" MIDDLE "3" TAIL, name);
	assert_int_equal(stat_parse(text, line), 0);
	assert_int_equal(line->tid, 4711);
	assert_int_equal(line->state, 'S');
	assert_int_equal(line->cpu, 3);
}

/* The name may look like what follows it. */
static void names_that_lie(void **state)
{
	static const char *const names[] = {
		"CPU 0/KVM", ") R 1 (",  "",        ")",         ")) S 1 1",
		"(",         "a) R 1 1", ") Z 1 (", "\n) R 2\n", "\x1b[31m",
	};
	struct stat_line line;

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(names); i++) {
		parse(names[i], &line);
		assert_string_equal(line.name, names[i]);
	}
}

static void long_names_are_cut(void **state)
{
	struct stat_line line;
	char name[200];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[199] = 0;
	parse(name, &line);
	assert_int_equal(strlen(line.name), NAME_SIZE - 1);
}

static void no_stat_lines(void **state)
{
	static const char *const bad[] = {
		"",
		"4711",
		"4711 (x",
		"4711 )x(",
		"4711 (x)",
		"4711 (x) ",
		"4711 (x) S",
		HEAD "x) S" MIDDLE,
		HEAD "x) S" MIDDLE "-1" TAIL,
		HEAD "x) S" MIDDLE "x" TAIL,
		HEAD "x) S" MIDDLE "4294967295" TAIL,
		HEAD "x) S" MIDDLE "99999999999999999999" TAIL,
		"x (x) S" MIDDLE "3" TAIL,
		"-5 (x) S" MIDDLE "3" TAIL,
		"4194305 (x) S" MIDDLE "3" TAIL,
	};
	struct stat_line line = {.tid = 77};

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(bad); i++)
		assert_int_equal(stat_parse(bad[i], &line), -EBADMSG);
	assert_int_equal(line.tid, 77);
}

static void numbers(void **state)
{
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  " 1",
					  "1 ",
					  "0x1",
					  "0",
					  "11",
					  "1a",
					  "4294967297",
					  "18446744073709551617"};
	uint32_t n = 77;

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(bad); i++)
		assert_int_equal(number_parse(bad[i], 1, 10, &n), -EINVAL);
	assert_int_equal(n, 77);
	assert_int_equal(number_parse("10", 1, 10, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(number_parse("4294967295", 0, UINT32_MAX, &n), 0);
	assert_int_equal(n, UINT32_MAX);
}

static bool found(const char *name, struct sight *s, struct thread *t)
{
	memset(t, 0, sizeof(*t));
	memset(s, 0, sizeof(*s));
	t->vcpu = NO_NUMBER;
	snprintf(t->name, sizeof(t->name), "%s", name);
	s->threads = t;
	s->count = 1;
	return names_find(s);
}

static void names_of_vcpus(void **state)
{
	static const struct {
		const char *name, *vmm;
		uint32_t vcpu;
	} good[] = {
		{"CPU 0/KVM", "qemu", 0},           {"CPU 1023/KVM", "qemu", 1023},
		{"CPU 1/TCG", "qemu", 1},           {"vcpu0", "cloud-hypervisor", 0},
		{"vcpu12", "cloud-hypervisor", 12}, {"fc_vcpu 3", "firecracker", 3},
		{"crosvm_vcpu7", "crosvm", 7},      {"kvm-vcpu-15", "kvmtool", 15},
		{"minivmm-vcpu1", "minivmm", 1},
	};
	static const char *const bad[] = {
		"",
		"CPU 0/KV",
		"CPU /KVM",
		"CPU -1/KVM",
		"CPU 0/KVMx",
		"CPU 0x1/KVM",
		"CPU  0/KVM",
		"CPU 01/KVM",
		"CPU 00/KVM",
		"vcpu01",
		"xCPU 0/KVM",
		"vcpu",
		"vcpu-0",
		"vcpu0 ",
		"vcpu65536",
		"vcpu4294967296",
		"fc_vcpu3",
		"fc_vcpu ",
		"kvm-nx-lpage-re",
		"kvm-vcpu-",
		"kvm-pit/1234",
		"CPU 0/KVM\n",
	};
	struct thread t;
	struct sight s;

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(good); i++) {
		assert_true(found(good[i].name, &s, &t));
		assert_string_equal(s.vmm, good[i].vmm);
		assert_string_equal(s.provider, "thread-names");
		assert_int_equal(t.vcpu, good[i].vcpu);
		assert_int_equal(s.vcpus, 1);
	}
	for (uint32_t i = 0; i < VT_COUNT(bad); i++)
		if (found(bad[i], &s, &t) || t.vcpu != NO_NUMBER)
			fail_msg("\"%s\" was taken for a vCPU", bad[i]);
}

static void escaped_names(void **state)
{
	char text[4 * NAME_SIZE], tight[8];

	(void)state;
	name_escape("CPU 0/KVM ~", text, sizeof(text));
	assert_string_equal(text, "CPU 0/KVM ~");
	name_escape("\x1b[2J\n\t\x7f\x9b\\x1b", text, sizeof(text));
	assert_string_equal(text, "\\x1b[2J\\x0a\\x09\\x7f\\x9b\\x5cx1b");
	name_escape("abcdefgh\x1b", tight, sizeof(tight));
	assert_string_equal(tight, "abcd"); /* there might be no room for an escape */
}

/* What a terminal obeys, and bytes that are no character, are ?. */
static void shown_texts(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"", ""},
		{"plain ~", "plain ~"},
		{"\x1b[2J\n\t\x7f", "?[2J???"},
		{"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "???\xc2\xa0"}, /* C1, and what is next */
		{"\xc3\xbc\xe2\x82\xac\xf0\x9d\x84\x9e", "\xc3\xbc\xe2\x82\xac\xf0\x9d\x84\x9e"},
		{"\x9b\xff\xc3", "???"}, /* no UTF-8 */
		{"\xc0\x9b\xe0\x82\x9b", "?????"}, /* longer than they need to be */
		{"\xed\xa0\x80\xf4\x90\x80\x80", "???????"}, /* no characters */
		{"1234567890", "1234567890"},
		{"12345678901", "12345678901"},
		{"123456789012", "12345678..."},
		{"1234567\xc3\xbc\xc3\xbc\xc3\xbc", "1234567..."},
		{"12345678\xc3\xbc\xc3\xbc", "12345678..."},
		{"1234567\xe2\x82\xac\xc3\xbc", "1234567..."},
	};
	char text[12];

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(cases); i++) {
		memset(text, 'x', sizeof(text));
		text_show(cases[i].text, text, sizeof(text));
		assert_string_equal(text, cases[i].shown);
	}
	assert_int_equal(utf8_size("\xe2\x82\xac", 2), 0);
	assert_int_equal(utf8_size("\xe2\x82\xac", 3), 3);
	assert_int_equal(utf8_size("a", 0), 0);
}

static void states(void **state)
{
	(void)state;
	assert_string_equal(state_name('R'), "running");
	assert_string_equal(state_name('S'), "sleeping");
	assert_string_equal(state_name('I'), "sleeping");
	assert_string_equal(state_name('D'), "blocked");
	assert_string_equal(state_name('T'), "stopped");
	assert_string_equal(state_name('t'), "stopped");
	assert_string_equal(state_name('Z'), "ended");
	assert_string_equal(state_name('X'), "ended");
	assert_string_equal(state_name('?'), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_lie), cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(no_stat_lines),  cmocka_unit_test(numbers),
		cmocka_unit_test(names_of_vcpus), cmocka_unit_test(escaped_names),
		cmocka_unit_test(shown_texts),    cmocka_unit_test(states),
	};

	return cmocka_run_group_tests_name("vdevctl_parts", tests, NULL, NULL);
}
