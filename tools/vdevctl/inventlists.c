/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl inventory: single values of JSON, and the lists of a device. */
#include "inventread.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE 48
#define HEX_DIGITS "hexadecimal digits (0-9, a-f)"

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

static bool bar(const struct reading *r, const char *where, struct json_object *o,
		struct vdev_inventory_bar *ret)
{
	struct json_object *size = json_object_object_get(o, "size");
	struct json_object *flags = json_object_object_get(o, "flags");
	char place[PLACE];
	uint64_t bits = 0;

	if (o && !json_object_is_type(o, json_type_object))
		return read_unfit(r, where, o, "an object with size and flags, or null");
	snprintf(place, sizeof(place), "%s.size", where);
	if (size && !read_number(size, VDEV_NONE - 1, &ret->size))
		return read_unfit(r, place, size, "a number of bytes, or null");
	snprintf(place, sizeof(place), "%s.flags", where);
	if (flags && !read_names(r, place, flags, inventory_bar_flags, 15, &bits))
		return false;
	ret->flags = (uint32_t)bits;
	return true;
}

static bool bars(const struct reading *r, const char *name, struct json_object *o,
		 struct vdev_inventory_bar *bars, uint32_t count)
{
	char where[PLACE / 2];

	if (!json_object_is_type(o, json_type_array) || json_object_array_length(o) != count)
		return read_unfit(r, name, o, "a list of %u", count);
	for (uint32_t i = 0; i < count; i++) {
		snprintf(where, sizeof(where), "%s[%u]", name, i);
		if (!bar(r, where, json_object_array_get_idx(o, i), &bars[i]))
			return false;
	}
	return true;
}

/* A list of at most that many; else `most` + 1, after a word about it. */
static size_t list_length(const struct reading *r, const char *name, struct json_object *o,
			  uint32_t most)
{
	size_t count =
		json_object_is_type(o, json_type_array) ? json_object_array_length(o) : SIZE_MAX;

	if (count <= most)
		return count;
	read_unfit(r, name, o, "a list of at most %u", most);
	return most + 1;
}

static bool member_unfit(const struct reading *r, const char *list, size_t i, const char *name,
			 struct json_object *o, const char *expected)
{
	char where[PLACE];

	snprintf(where, sizeof(where), "%s[%zu]%s%s", list, i, *name ? "." : "", name);
	return read_unfit(r, where, o, "%s", expected);
}

static bool cap(const struct reading *r, size_t i, struct json_object *o,
		struct vdev_inventory_cap *ret)
{
	static const char list[] = "capabilities";
	struct json_object *id = json_object_object_get(o, "id");
	struct json_object *version = json_object_object_get(o, "version");
	struct json_object *offset = json_object_object_get(o, "offset");
	struct json_object *extended = json_object_object_get(o, "extended");
	uint64_t number;

	if (!json_object_is_type(o, json_type_object))
		return member_unfit(r, list, i, "", o,
				    "an object with id, version, offset and extended");
	if (!read_hex(id, 0xffff, &number))
		return member_unfit(r, list, i, "id", id, "\"0x\" and 1 to 4 " HEX_DIGITS);
	ret->id = (uint32_t)number;
	if (!read_number(version, 255, &number))
		return member_unfit(r, list, i, "version", version, "a number, 0 to 255");
	ret->version = (uint32_t)number;
	if (!read_hex(offset, 0xfff, &number))
		return member_unfit(r, list, i, "offset", offset, "\"0x\" and 1 to 3 " HEX_DIGITS);
	ret->offset = (uint32_t)number;
	if (!json_object_is_type(extended, json_type_boolean))
		return member_unfit(r, list, i, "extended", extended, "true or false");
	ret->flags = json_object_get_boolean(extended) ? VDEV_INVENTORY_EXTENDED : 0;
	return true;
}

static bool caps(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d)
{
	size_t count = list_length(r, "capabilities", o, VDEV_INVENTORY_MAX_CAPS);

	if (count > VDEV_INVENTORY_MAX_CAPS)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!cap(r, i, json_object_array_get_idx(o, i), &d->caps[i]))
			return false;
	d->cap_count = (uint32_t)count;
	return true;
}

static bool version(const struct reading *r, size_t i, struct json_object *o,
		    struct vdev_inventory_version *ret)
{
	struct json_object *name = json_object_object_get(o, "name");
	struct json_object *value = json_object_object_get(o, "value");
	bool empty =
		json_object_is_type(value, json_type_string) && !json_object_get_string_len(value);

	if (!json_object_is_type(o, json_type_object))
		return member_unfit(r, "versions", i, "", o, "an object with name and value");
	if (!read_text(name, ret->name, sizeof(ret->name)))
		return member_unfit(r, "versions", i, "name", name, "a short text in ASCII");
	if (!empty && !read_text(value, ret->value, sizeof(ret->value)))
		return member_unfit(r, "versions", i, "value", value, "a short text in ASCII");
	return true;
}

static bool versions(const struct reading *r, struct json_object *o,
		     struct vdev_inventory_device *d)
{
	size_t count = list_length(r, "versions", o, VDEV_INVENTORY_MAX_VERSIONS);

	if (count > VDEV_INVENTORY_MAX_VERSIONS)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!version(r, i, json_object_array_get_idx(o, i), &d->versions[i]))
			return false;
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
