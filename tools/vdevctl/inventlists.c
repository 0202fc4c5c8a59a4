/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl inventory: single values of JSON, and the lists of a device. */
#include "inventread.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool read_wrong(const struct reading *r, const char *format, ...)
{
	va_list args;
	int n = 0;

	if (r->index != NO_NUMBER)
		n = snprintf(r->why, WHY_SIZE, "devices[%u].", r->index);
	va_start(args, format);
	vsnprintf(r->why + n, WHY_SIZE - (size_t)n, format, args);
	va_end(args);
	return false;
}

bool read_number(struct json_object *o, uint64_t most, uint64_t *ret)
{
	if (!json_object_is_type(o, json_type_int) ||
	    (json_object_get_int64(o) < 0 && json_object_get_uint64(o) <= INT64_MAX))
		return false;
	*ret = json_object_get_uint64(o);
	return *ret <= most;
}

/* "0x1af4" */
bool read_hex(struct json_object *o, uint64_t most, uint64_t *ret)
{
	const char *text = json_object_get_string(o);
	size_t n;

	if (!json_object_is_type(o, json_type_string) || strncmp(text, "0x", 2) != 0)
		return false;
	n = strspn(text + 2, "0123456789abcdef");
	if (!n || n > 16 || text[2 + n] || (size_t)json_object_get_string_len(o) != n + 2)
		return false;
	*ret = strtoull(text, NULL, 16);
	return *ret <= most;
}

/* Printable ASCII that fits. */
bool read_text(struct json_object *o, char *ret, size_t size)
{
	const char *text = json_object_get_string(o);
	size_t n;

	if (!json_object_is_type(o, json_type_string))
		return false;
	n = (size_t)json_object_get_string_len(o);
	if (!n || n >= size)
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	memset(ret, 0, size);
	memcpy(ret, text, n);
	return true;
}

static bool one_name(struct json_object *o, const char *const *names, uint64_t *bits)
{
	const char *text = json_object_get_string(o);
	uint32_t bit = 0;

	if (!json_object_is_type(o, json_type_string))
		return false;
	if (strncmp(text, "bit", 3) == 0 && !number_parse(text + 3, 0, 31, &bit)) {
		*bits |= 1ull << bit;
		return true;
	}
	for (; names[bit] && strcmp(names[bit], text) != 0; bit++)
		;
	*bits |= 1ull << bit;
	return names[bit] != NULL;
}

bool read_bits(struct json_object *o, const char *const *names, uint64_t most, uint64_t *ret)
{
	*ret = 0;
	if (!json_object_is_type(o, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(o); i++)
		if (!one_name(json_object_array_get_idx(o, i), names, ret))
			return false;
	return *ret <= most;
}

static bool bars(const struct reading *r, const char *name, struct json_object *o,
		 struct vdev_inventory_bar *bars, uint32_t count)
{
	if (!json_object_is_type(o, json_type_array) || json_object_array_length(o) != count)
		return read_wrong(r, "%s: expected %u of them", name, count);
	for (uint32_t i = 0; i < count; i++) {
		struct json_object *bar = json_object_array_get_idx(o, i), *size, *flags;
		uint64_t bits = 0;

		if (bar && !json_object_is_type(bar, json_type_object))
			return read_wrong(r,
					  "%s[%u]: expected an object with size and flags, or null",
					  name, i);
		size = json_object_object_get(bar, "size");
		flags = json_object_object_get(bar, "flags");
		if (size && !read_number(size, VDEV_NONE - 1, &bars[i].size))
			return read_wrong(r, "%s[%u].size: expected a number of bytes or null",
					  name, i);
		if (flags && !read_bits(flags, inventory_bar_flags, 15, &bits))
			return read_wrong(r, "%s[%u].flags: unknown name", name, i);
		bars[i].flags = (uint32_t)bits;
	}
	return true;
}

static bool caps(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d)
{
	size_t count =
		json_object_is_type(o, json_type_array) ? json_object_array_length(o) : SIZE_MAX;

	if (count > VDEV_INVENTORY_MAX_CAPS)
		return read_wrong(r, "capabilities: expected a list of at most %u",
				  VDEV_INVENTORY_MAX_CAPS);
	for (size_t i = 0; i < count; i++) {
		struct json_object *c = json_object_array_get_idx(o, i);
		struct json_object *extended = json_object_object_get(c, "extended");
		uint64_t id, version, offset;

		if (!read_hex(json_object_object_get(c, "id"), 0xffff, &id) ||
		    !read_number(json_object_object_get(c, "version"), 255, &version) ||
		    !read_hex(json_object_object_get(c, "offset"), 0xfff, &offset) ||
		    !json_object_is_type(extended, json_type_boolean))
			return read_wrong(
				r, "capabilities[%zu]: expected id, version, offset and extended",
				i);
		d->caps[i].id = (uint32_t)id;
		d->caps[i].version = (uint32_t)version;
		d->caps[i].offset = (uint32_t)offset;
		d->caps[i].flags = json_object_get_boolean(extended) ? VDEV_INVENTORY_EXTENDED : 0;
	}
	d->cap_count = (uint32_t)count;
	return true;
}

static bool versions(const struct reading *r, struct json_object *o,
		     struct vdev_inventory_device *d)
{
	size_t count =
		json_object_is_type(o, json_type_array) ? json_object_array_length(o) : SIZE_MAX;

	if (count > VDEV_INVENTORY_MAX_VERSIONS)
		return read_wrong(r, "versions: expected a list of at most %u",
				  VDEV_INVENTORY_MAX_VERSIONS);
	for (size_t i = 0; i < count; i++) {
		struct json_object *v = json_object_array_get_idx(o, i), *value;

		value = json_object_object_get(v, "value");
		if (!read_text(json_object_object_get(v, "name"), d->versions[i].name,
			       sizeof(d->versions[i].name)) ||
		    !json_object_is_type(value, json_type_string) ||
		    (json_object_get_string_len(value) &&
		     !read_text(value, d->versions[i].value, sizeof(d->versions[i].value))))
			return read_wrong(
				r, "versions[%zu]: expected name and value, short ASCII texts", i);
	}
	d->version_count = (uint32_t)count;
	return true;
}

bool read_lists(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d)
{
	struct json_object *list;

	list = json_object_object_get(o, "versions");
	if (list && !versions(r, list, d))
		return false;
	list = json_object_object_get(o, "bars");
	if (list && !bars(r, "bars", list, d->bars, 7))
		return false;
	list = json_object_object_get(o, "vf_bars");
	if (list && !bars(r, "vf_bars", list, d->vf_bars, 6))
		return false;
	list = json_object_object_get(o, "capabilities");
	return !list || caps(r, list, d);
}
