/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl inventory: JSON to an inventory. Members that are missing are not known, members that this version does not know
 * are left where they are: a file may come from a newer version. What is there and known has to be as the schema says.
 */
#include "inventread.h"
#include "bdf.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		ok = read_number(o, f->most, &value) ||
		     read_unfit(r, f->name, o, "a number, 0 to %u, or null", f->most);
		break;
	case FIELD_HEX:
		ok = read_hex(o, f->most, &value) ||
		     read_unfit(r, f->name, o,
				"\"0x\" and 1 to %u hexadecimal digits (0-9, a-f), at most 0x%x, "
				"or null",
				f->digits, f->most);
		break;
	case FIELD_BOOL:
		ok = json_object_is_type(o, json_type_boolean) ||
		     read_unfit(r, f->name, o, "true, false or null");
		value = (uint64_t)json_object_get_boolean(o);
		break;
	case FIELD_NAMES:
		ok = read_names(r, f->name, o, f->names, f->most, &value);
		break;
	case FIELD_POWER:
		ok = power(o, &value) ||
		     read_unfit(r, f->name, o, "D0, D1, D2, D3hot, D3cold or null");
		break;
	}
	if (ok)
		field_set(f, d, (uint32_t)value);
	return ok;
}

/* "0000:3b:00.0": domain, bus, slot, function. */
static bool address(struct json_object *o, uint32_t parts[4])
{
	char text[ADDRESS_SIZE], again[ADDRESS_SIZE];
	uint64_t number;

	if (!read_text(o, text, sizeof(text)) || bdf_parse(text, NULL, &number))
		return false;
	bdf_text(number, again); /* one form only, so that what is written again is the same */
	parts[0] = (uint32_t)(number >> 16);
	parts[1] = (uint32_t)(number >> 8 & 0xff);
	parts[2] = (uint32_t)(number >> 3 & 31);
	parts[3] = (uint32_t)(number & 7);
	return strcmp(text, again) == 0;
}

static bool places(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d)
{
	struct json_object *here = json_object_object_get(o, "address");
	struct json_object *pf = json_object_object_get(o, "pf");
	struct json_object *serial = json_object_object_get(o, "device_serial");
	uint32_t parts[4];

	if (!address(here, parts))
		return read_unfit(r, "address", here, "one such as \"0000:3b:00.0\"");
	d->domain = parts[0];
	d->bus = parts[1];
	d->slot = parts[2];
	d->function = parts[3];
	if (serial && !read_hex(serial, VDEV_NONE - 1, &d->serial))
		return read_unfit(r, "device_serial", serial,
				  "\"0x\" and 1 to 16 hexadecimal digits (0-9, a-f), or null");
	if (!pf)
		return true;
	if (!address(pf, parts))
		return read_unfit(r, "pf", pf, "an address such as \"0000:3b:00.0\", or null");
	d->pf_domain = parts[0];
	d->pf_bus = parts[1];
	d->pf_slot = parts[2];
	d->pf_function = parts[3];
	return true;
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
		return read_unfit(r, "", o, "an object with an address");
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

		if (m && !read_text(m, (char *)d + t->offset, t->size))
			return read_unfit(r, t->name, m,
					  "1 to %u printable ASCII characters, or null",
					  t->size - 1);
	}
	return read_lists(r, o, d);
}

static bool before(const struct vdev_inventory_device *a, const struct vdev_inventory_device *b)
{
	if (a->domain != b->domain)
		return a->domain < b->domain;
	return (a->bus << 8 | a->slot << 3 | a->function) <
	       (b->bus << 8 | b->slot << 3 | b->function);
}

static bool in_order(const struct reading *r, const struct inventory *v, size_t i)
{
	char above[ADDRESS_SIZE], here[ADDRESS_SIZE];

	if (!i || before(&v->devices[i - 1], &v->devices[i]))
		return true;
	inventory_address(&v->devices[i - 1], above);
	inventory_address(&v->devices[i], here);
	if (!before(&v->devices[i], &v->devices[i - 1]))
		return read_wrong(r, "address: %s is that of devices[%zu], too; expected each once",
				  here, i - 1);
	return read_wrong(r,
			  "address: %s comes after %s of devices[%zu]; expected devices in order "
			  "of their addresses",
			  here, above, i - 1);
}

static bool devices(struct reading *r, struct json_object *list, struct inventory *v)
{
	size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list)
								  : SIZE_MAX;

	if (count > VDEV_INVENTORY_MAX_DEVICES)
		return read_unfit(r, "devices", list, "a list of at most %u",
				  VDEV_INVENTORY_MAX_DEVICES);
	v->devices = calloc(count ? count : 1, sizeof(*v->devices));
	if (!v->devices)
		return false;
	for (size_t i = 0; i < count; i++) {
		r->index = (uint32_t)i;
		if (!device(r, json_object_array_get_idx(list, i), &v->devices[i]))
			return false;
		if (!in_order(r, v, i))
			return false;
	}
	v->count = (uint32_t)count;
	return true;
}

static bool distances(const struct reading *r, struct json_object *rows, struct inventory *v)
{
	size_t n = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
	char where[32];

	if (!n || n > MOST_NODES)
		return read_unfit(r, "distances", rows,
				  "a list of 1 to %u rows, one a node, or null", MOST_NODES);
	v->distances = calloc(n, n);
	if (!v->distances)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		snprintf(where, sizeof(where), "distances[%zu]", i);
		if (!json_object_is_type(row, json_type_array) ||
		    json_object_array_length(row) != n)
			return read_unfit(r, where, row, "a list of %zu numbers, one a node", n);
		for (size_t k = 0; k < n; k++) {
			struct json_object *d = json_object_array_get_idx(row, k);
			uint64_t value = 0;

			if (d && (!read_number(d, 255, &value) || !value)) {
				snprintf(where, sizeof(where), "distances[%zu][%zu]", i, k);
				return read_unfit(r, where, d, "1 to 255, or null");
			}
			v->distances[i * n + k] = (uint8_t)value;
		}
	}
	v->node_count = (uint32_t)n;
	return true;
}

static bool head(const struct reading *r, struct json_object *tree, struct inventory *v)
{
	struct json_object *m = json_object_object_get(tree, "source");

	if (!read_head(r, tree, "vdev-inventory", "this is no inventory"))
		return false;
	v->is_dump = json_object_is_type(m, json_type_string) &&
		     strcmp(json_object_get_string(m), "dump") == 0;
	if (!v->is_dump && (!json_object_is_type(m, json_type_string) ||
			    strcmp(json_object_get_string(m), "sysfs") != 0))
		return read_unfit(r, "source", m, "\"sysfs\" or \"dump\"");
	m = json_object_object_get(tree, "kernel");
	if (m && !read_text(m, v->kernel, sizeof(v->kernel)))
		return read_unfit(r, "kernel", m, "1 to %zu printable ASCII characters, or null",
				  sizeof(v->kernel) - 1);
	m = json_object_object_get(tree, "distances");
	return !m || distances(r, m, v);
}

int inventory_from_json(struct json_object *tree, struct inventory *ret, char why[WHY_SIZE])
{
	struct reading r = {why, NO_NUMBER};
	struct inventory v = {0};

	why[0] = 0;
	if (!json_object_is_type(tree, json_type_object))
		read_unfit(&r, "", tree, "an object");
	else if (head(&r, tree, &v) && devices(&r, json_object_object_get(tree, "devices"), &v)) {
		v.tree = json_object_get(tree);
		*ret = v;
		return 0;
	}
	free(v.devices);
	free(v.distances);
	return why[0] ? -EBADMSG : -ENOMEM;
}
