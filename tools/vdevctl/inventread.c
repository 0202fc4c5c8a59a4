/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl inventory: JSON to an inventory. Members that are missing are not known, members that this version does not know
 * are left where they are: a file may come from a newer version. What is there and known has to be as the schema says.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventory.h"

struct reading {
	char *why; /* [WHY_SIZE] */
	uint32_t index; /* of the device at hand */
};

__attribute__((format(printf, 2, 3))) static bool wrong(const struct reading *r, const char *format,
							...)
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

static bool unsigned_number(struct json_object *o, uint64_t most, uint64_t *ret)
{
	if (!json_object_is_type(o, json_type_int) ||
	    (json_object_get_int64(o) < 0 && json_object_get_uint64(o) <= INT64_MAX))
		return false;
	*ret = json_object_get_uint64(o);
	return *ret <= most;
}

/* "0x1af4" */
static bool hex_number(struct json_object *o, uint64_t most, uint64_t *ret)
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
static bool plain_text(struct json_object *o, char *ret, size_t size)
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

static bool named_bits(struct json_object *o, const char *const *names, uint64_t most,
		       uint64_t *ret)
{
	*ret = 0;
	if (!json_object_is_type(o, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(o); i++)
		if (!one_name(json_object_array_get_idx(o, i), names, ret))
			return false;
	return *ret <= most;
}

static bool power(struct json_object *o, uint64_t *ret)
{
	if (!json_object_is_type(o, json_type_string))
		return false;
	for (uint32_t i = 0; inventory_power[i]; i++)
		if (strcmp(inventory_power[i], json_object_get_string(o)) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static bool field(const struct reading *r, const struct field *f, struct json_object *o,
		  struct vdev_inventory_device *d)
{
	uint64_t value = 0;
	bool ok = false;

	switch (f->kind) {
	case FIELD_NUMBER:
		ok = unsigned_number(o, f->most, &value);
		break;
	case FIELD_HEX:
		ok = hex_number(o, f->most, &value);
		break;
	case FIELD_BOOL:
		ok = json_object_is_type(o, json_type_boolean);
		value = (uint64_t)json_object_get_boolean(o);
		break;
	case FIELD_NAMES:
		ok = named_bits(o, f->names, f->most, &value);
		break;
	case FIELD_POWER:
		ok = power(o, &value);
		break;
	}
	if (!ok)
		return wrong(r, "%s: %.40s is not allowed there", f->name,
			     json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	field_set(f, d, (uint32_t)value);
	return true;
}

/* "0000:3b:00.0": domain, bus, slot, function. */
static bool address(struct json_object *o, uint32_t parts[4])
{
	char text[ADDRESS_SIZE], again[40];

	if (!plain_text(o, text, sizeof(text)) ||
	    sscanf(text, "%8x:%2x:%2x.%1x", &parts[0], &parts[1], &parts[2], &parts[3]) != 4)
		return false;
	snprintf(again, sizeof(again), "%04x:%02x:%02x.%x", parts[0], parts[1], parts[2], parts[3]);
	return strcmp(text, again) == 0 && parts[2] < 32 && parts[3] < 8 && parts[0] < UINT32_MAX;
}

static bool bars(const struct reading *r, const char *name, struct json_object *o,
		 struct vdev_inventory_bar *bars, uint32_t count)
{
	if (!json_object_is_type(o, json_type_array) || json_object_array_length(o) != count)
		return wrong(r, "%s: expected %u of them", name, count);
	for (uint32_t i = 0; i < count; i++) {
		struct json_object *bar = json_object_array_get_idx(o, i), *size, *flags;
		uint64_t bits = 0;

		size = json_object_object_get(bar, "size");
		flags = json_object_object_get(bar, "flags");
		if (size && !unsigned_number(size, VDEV_NONE - 1, &bars[i].size))
			return wrong(r, "%s[%u].size: expected a number of bytes or null", name, i);
		if (flags && !named_bits(flags, inventory_bar_flags, 15, &bits))
			return wrong(r, "%s[%u].flags: unknown name", name, i);
		bars[i].flags = (uint32_t)bits;
	}
	return true;
}

static bool caps(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d)
{
	size_t count =
		json_object_is_type(o, json_type_array) ? json_object_array_length(o) : SIZE_MAX;

	if (count > VDEV_INVENTORY_MAX_CAPS)
		return wrong(r, "capabilities: expected a list of at most %u",
			     VDEV_INVENTORY_MAX_CAPS);
	for (size_t i = 0; i < count; i++) {
		struct json_object *c = json_object_array_get_idx(o, i);
		struct json_object *extended = json_object_object_get(c, "extended");
		uint64_t id, version, offset;

		if (!hex_number(json_object_object_get(c, "id"), 0xffff, &id) ||
		    !unsigned_number(json_object_object_get(c, "version"), 255, &version) ||
		    !hex_number(json_object_object_get(c, "offset"), 0xfff, &offset) ||
		    !json_object_is_type(extended, json_type_boolean))
			return wrong(r,
				     "capabilities[%zu]: expected id, version, offset and extended",
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
		return wrong(r, "versions: expected a list of at most %u",
			     VDEV_INVENTORY_MAX_VERSIONS);
	for (size_t i = 0; i < count; i++) {
		struct json_object *v = json_object_array_get_idx(o, i), *value;

		value = json_object_object_get(v, "value");
		if (!plain_text(json_object_object_get(v, "name"), d->versions[i].name,
				sizeof(d->versions[i].name)) ||
		    !json_object_is_type(value, json_type_string) ||
		    (json_object_get_string_len(value) &&
		     !plain_text(value, d->versions[i].value, sizeof(d->versions[i].value))))
			return wrong(r, "versions[%zu]: expected name and value, short ASCII texts",
				     i);
	}
	d->version_count = (uint32_t)count;
	return true;
}

static bool places(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d)
{
	struct json_object *pf = json_object_object_get(o, "pf");
	struct json_object *serial = json_object_object_get(o, "device_serial");
	uint32_t parts[4];

	if (!address(json_object_object_get(o, "address"), parts))
		return wrong(r, "address: expected one such as \"0000:3b:00.0\"");
	d->domain = parts[0];
	d->bus = parts[1];
	d->slot = parts[2];
	d->function = parts[3];
	if (serial && !hex_number(serial, VDEV_NONE - 1, &d->serial))
		return wrong(r, "device_serial: expected a number such as \"0x0123\", or null");
	if (!pf)
		return true;
	if (!address(pf, parts))
		return wrong(r, "pf: expected an address such as \"0000:3b:00.0\", or null");
	d->pf_domain = parts[0];
	d->pf_bus = parts[1];
	d->pf_slot = parts[2];
	d->pf_function = parts[3];
	return true;
}

static bool lists(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d)
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

static void unknown(struct vdev_inventory_device *d)
{
	memset(d, 0, sizeof(*d));
	memset(&d->vendor, 0xff,
	       offsetof(struct vdev_inventory_device, cap_count) -
		       offsetof(struct vdev_inventory_device, vendor));
	d->serial = VDEV_NONE;
	for (uint32_t i = 0; i < 7; i++)
		d->bars[i].size = VDEV_NONE;
	for (uint32_t i = 0; i < 6; i++)
		d->vf_bars[i].size = VDEV_NONE;
}

static bool device(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d)
{
	unknown(d);
	if (!json_object_is_type(o, json_type_object))
		return wrong(r, "expected an object");
	if (!places(r, o, d))
		return false;
	for (uint32_t i = 0; i < inventory_field_count; i++) {
		struct json_object *m = json_object_object_get(o, inventory_fields[i].name);

		if (m && !field(r, &inventory_fields[i], m, d))
			return false;
	}
	for (uint32_t i = 0; i < inventory_text_count; i++) {
		const struct text_field *t = &inventory_texts[i];
		struct json_object *m = json_object_object_get(o, t->name);

		if (m && !plain_text(m, (char *)d + t->offset, t->size))
			return wrong(r, "%s: expected 1 to %u printable ASCII characters, or null",
				     t->name, t->size - 1);
	}
	return lists(r, o, d);
}

static bool before(const struct vdev_inventory_device *a, const struct vdev_inventory_device *b)
{
	if (a->domain != b->domain)
		return a->domain < b->domain;
	return (a->bus << 8 | a->slot << 3 | a->function) <
	       (b->bus << 8 | b->slot << 3 | b->function);
}

static bool devices(struct reading *r, struct json_object *list, struct inventory *v)
{
	size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list)
								  : SIZE_MAX;

	if (count > VDEV_INVENTORY_MAX_DEVICES)
		return wrong(r, "devices: expected a list of at most %u",
			     VDEV_INVENTORY_MAX_DEVICES);
	v->devices = calloc(count ? count : 1, sizeof(*v->devices));
	if (!v->devices)
		return false;
	for (size_t i = 0; i < count; i++) {
		r->index = (uint32_t)i;
		if (!device(r, json_object_array_get_idx(list, i), &v->devices[i]))
			return false;
		if (i && !before(&v->devices[i - 1], &v->devices[i]))
			return wrong(r, "address: not above the one before");
	}
	v->count = (uint32_t)count;
	return true;
}

static bool distances(const struct reading *r, struct json_object *rows, struct inventory *v)
{
	size_t n = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;

	if (!n || n > MOST_NODES)
		return wrong(r, "distances: expected a list of rows, one a node");
	v->distances = calloc(n, n);
	if (!v->distances)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (!json_object_is_type(row, json_type_array) ||
		    json_object_array_length(row) != n)
			return wrong(r, "distances[%zu]: expected %zu numbers", i, n);
		for (size_t k = 0; k < n; k++) {
			struct json_object *d = json_object_array_get_idx(row, k);
			uint64_t value = 0;

			if (d && (!unsigned_number(d, 255, &value) || !value))
				return wrong(r, "distances[%zu][%zu]: expected 1 to 255, or null",
					     i, k);
			v->distances[i * n + k] = (uint8_t)value;
		}
	}
	v->node_count = (uint32_t)n;
	return true;
}

static bool head(const struct reading *r, struct json_object *tree, struct inventory *v)
{
	struct json_object *m = json_object_object_get(tree, "format");
	uint64_t version;

	if (!json_object_is_type(m, json_type_string) ||
	    strcmp(json_object_get_string(m), "vdev-inventory") != 0)
		return wrong(r, "format: expected \"vdev-inventory\": this is no inventory");
	if (!unsigned_number(json_object_object_get(tree, "version"), UINT32_MAX, &version) ||
	    version != 1)
		return wrong(r, "version: this program reads version 1");
	m = json_object_object_get(tree, "source");
	v->is_dump = json_object_is_type(m, json_type_string) &&
		     strcmp(json_object_get_string(m), "dump") == 0;
	if (!v->is_dump && (!json_object_is_type(m, json_type_string) ||
			    strcmp(json_object_get_string(m), "sysfs") != 0))
		return wrong(r, "source: expected \"sysfs\" or \"dump\"");
	m = json_object_object_get(tree, "kernel");
	if (m && !plain_text(m, v->kernel, sizeof(v->kernel)))
		return wrong(r, "kernel: expected a short ASCII text, or null");
	m = json_object_object_get(tree, "distances");
	return !m || distances(r, m, v);
}

int inventory_from_json(struct json_object *tree, struct inventory *ret, char why[WHY_SIZE])
{
	struct reading r = {why, NO_NUMBER};
	struct inventory v = {0};

	why[0] = 0;
	if (!json_object_is_type(tree, json_type_object))
		wrong(&r, "expected an object");
	else if (head(&r, tree, &v) && devices(&r, json_object_object_get(tree, "devices"), &v)) {
		v.tree = json_object_get(tree);
		*ret = v;
		return 0;
	}
	free(v.devices);
	free(v.distances);
	return why[0] ? -EBADMSG : -ENOMEM;
}
