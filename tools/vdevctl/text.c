/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl: texts of files, fit for a terminal. */
#include <string.h>

#include "vdevctl.h"

#define MARK "..."

size_t utf8_size(const char *text, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* longer forms are none */
	unsigned char c = (unsigned char)*text;
	size_t n = c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
	uint32_t code = c & 0x7fu >> n;

	if (c < 0x80)
		return left ? 1 : 0;
	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	return code >= least[n] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? n : 0;
}

/* C0, DEL, C1: a terminal does what they say. */
static bool is_control(const char *text, size_t n)
{
	unsigned char c = (unsigned char)*text;

	if (n == 1)
		return c < ' ' || c == 0x7f;
	return n == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0;
}

void text_show(const char *text, char *ret_text, size_t size)
{
	size_t left = strlen(text), at = 0, keep = 0;

	while (left) {
		size_t n = utf8_size(text, left);
		bool good = n && !is_control(text, n);
		size_t room = good ? n : 1;

		if (at + room >= size) {
			at = keep;
			memcpy(ret_text + at, MARK, sizeof(MARK) - 1);
			at += sizeof(MARK) - 1;
			break;
		}
		memcpy(ret_text + at, good ? text : "?", room);
		at += room;
		if (at + sizeof(MARK) <= size)
			keep = at;
		text += n ? n : 1;
		left -= n ? n : 1;
	}
	ret_text[at] = 0;
}
