/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl: what is wrong with a member of JSON: where it is, what is there, what was expected. */
#include "inventread.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 44

/* Long values are cut: a file may hold anything. */
static void value(struct json_object *o, char ret_text[SHOWN])
{
	const char *text;

	if (!o) {
		snprintf(ret_text, SHOWN, "missing or null");
	} else if (json_object_is_type(o, json_type_object)) {
		snprintf(ret_text, SHOWN, "an object");
	} else if (json_object_is_type(o, json_type_array)) {
		snprintf(ret_text, SHOWN, "a list of %zu", json_object_array_length(o));
	} else {
		text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
								 JSON_C_TO_STRING_NOSLASHESCAPE);
		text_show(text ? text : "?", ret_text, SHOWN);
	}
}

/* Names of members may come from the file, too. */
static bool tell(const struct reading *r, const char *where, const char *dot, const char *what)
{
	char text[2 * WHY_SIZE], device[32] = "";

	if (r->index != NO_NUMBER)
		snprintf(device, sizeof(device), "devices[%u]%s", r->index, dot);
	snprintf(text, sizeof(text), "%s%s%s", device, where, what);
	text_show(text, r->why, WHY_SIZE);
	return false;
}

bool read_wrong(const struct reading *r, const char *format, ...)
{
	char text[WHY_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return tell(r, "", ".", text);
}

bool read_unfit(const struct reading *r, const char *where, struct json_object *o,
		const char *format, ...)
{
	char shown[SHOWN], expected[WHY_SIZE], text[WHY_SIZE + SHOWN + 16];
	bool has_place = *where || r->index != NO_NUMBER;
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	value(o, shown);
	snprintf(text, sizeof(text), "%s%s, expected %s", has_place ? ": " : "", shown, expected);
	return tell(r, where, *where ? "." : "", text);
}

bool read_head(const struct reading *r, struct json_object *tree, const char *format,
	       const char *otherwise)
{
	struct json_object *m = json_object_object_get(tree, "format");
	uint64_t version;

	if (!json_object_is_type(m, json_type_string) ||
	    strcmp(json_object_get_string(m), format) != 0)
		return read_unfit(r, "format", m, "\"%s\": %s", format, otherwise);
	m = json_object_object_get(tree, "version");
	if (!read_number(m, UINT32_MAX, &version) || version != 1)
		return read_unfit(r, "version", m, "1: this program reads version 1 only");
	return true;
}

/* "pf, vf, ..., bit9 to bit15": those without a name are allowed, too. */
static void list_names(const char *const *names, uint64_t most, char *text, size_t size)
{
	uint32_t count = 0, bits = 0;
	size_t n = 0;

	text[0] = 0;
	for (; names[count] && n < size; count++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", count ? ", " : "", names[count]);
	while (most >> bits)
		bits++;
	if (count < bits && n < size)
		snprintf(text + n, size - n, ", bit%u to bit%u", count, bits - 1);
}

static bool one_name(struct json_object *o, const char *const *names, uint64_t most, uint64_t *bits)
{
	const char *text = json_object_get_string(o);
	uint32_t bit = 0;

	if (!json_object_is_type(o, json_type_string))
		return false;
	if (strncmp(text, "bit", 3) != 0 || number_parse(text + 3, 0, 31, &bit)) {
		while (names[bit] && strcmp(names[bit], text) != 0)
			bit++;
		if (!names[bit])
			return false;
	}
	*bits |= 1ull << bit;
	return most >> bit & 1;
}

bool read_names(const struct reading *r, const char *where, struct json_object *o,
		const char *const *names, uint64_t most, uint64_t *ret)
{
	size_t count = 0, i = 0;
	char text[WHY_SIZE / 2];

	*ret = 0;
	if (json_object_is_type(o, json_type_array)) {
		count = json_object_array_length(o);
		while (i < count && one_name(json_object_array_get_idx(o, i), names, most, ret))
			i++;
		if (i == count)
			return true;
		o = json_object_array_get_idx(o, i);
	}
	list_names(names, most, text, sizeof(text));
	return read_unfit(r, where, o, "%s%s%s", count ? "" : "a list of ", text,
			  count ? "" : ", or null");
}
