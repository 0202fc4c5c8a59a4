/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl inventory: an inventory as JSON. Each member is always there; what is not known is null. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "inventory.h"

static struct json_object *hex(uint64_t value, uint32_t digits)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%0*llx", (int)digits, (unsigned long long)value);
	return json_object_new_string(text);
}

static struct json_object *names(uint32_t value, const char *const *names)
{
	struct json_object *list = json_object_new_array();
	char text[16];

	for (uint32_t bit = 0; bit < 32; bit++) {
		const char *name = *names;

		if (*names)
			names++;
		if (!(value >> bit & 1))
			continue;
		if (!name) {
			snprintf(text, sizeof(text), "bit%u", bit);
			name = text;
		}
		json_object_array_add(list, json_object_new_string(name));
	}
	return list;
}

static struct json_object *number(const struct field *f, uint32_t value)
{
	if (value == VDEV_INVENTORY_UNKNOWN)
		return NULL;
	switch (f->kind) {
	case FIELD_NUMBER:
		return json_object_new_int64(value);
	case FIELD_HEX:
		return hex(value, f->digits);
	case FIELD_BOOL:
		return json_object_new_boolean(value != 0);
	case FIELD_NAMES:
		return names(value, f->names);
	case FIELD_POWER:
		return value <= f->most ? json_object_new_string(inventory_power[value]) : NULL;
	}
	return NULL;
}

static struct json_object *text_or_null(const char *text)
{
	return *text ? json_object_new_string(text) : NULL;
}

static struct json_object *pf_address(const struct vdev_inventory_device *d)
{
	char text[ADDRESS_SIZE];

	if (d->pf_domain == VDEV_INVENTORY_UNKNOWN)
		return NULL;
	snprintf(text, sizeof(text), "%04x:%02x:%02x.%x", d->pf_domain, d->pf_bus & 0xff,
		 d->pf_slot & 31, d->pf_function & 7);
	return json_object_new_string(text);
}

static struct json_object *bars(const struct vdev_inventory_bar *bars, uint32_t count)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < count; i++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(
			o, "size",
			bars[i].size == VDEV_NONE ? NULL : json_object_new_uint64(bars[i].size));
		json_object_object_add(o, "flags", names(bars[i].flags, inventory_bar_flags));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *caps(const struct vdev_inventory_device *d)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < d->cap_count; i++) {
		const struct vdev_inventory_cap *c = &d->caps[i];
		bool extended = c->flags & VDEV_INVENTORY_EXTENDED;
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "id", hex(c->id, extended ? 4 : 2));
		json_object_object_add(o, "version", json_object_new_int64(c->version));
		json_object_object_add(o, "offset", hex(c->offset, 2));
		json_object_object_add(o, "extended", json_object_new_boolean(extended));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *versions(const struct vdev_inventory_device *d)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < d->version_count; i++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "name", json_object_new_string(d->versions[i].name));
		json_object_object_add(o, "value", json_object_new_string(d->versions[i].value));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *device(const struct vdev_inventory_device *d)
{
	struct json_object *o = json_object_new_object();
	char address[ADDRESS_SIZE];

	inventory_address(d, address);
	json_object_object_add(o, "address", json_object_new_string(address));
	for (uint32_t i = 0; i < inventory_field_count; i++) {
		const struct field *f = &inventory_fields[i];

		json_object_object_add(o, f->name, number(f, field_get(f, d)));
	}
	json_object_object_add(o, "pf", pf_address(d));
	json_object_object_add(o, "device_serial",
			       d->serial == VDEV_NONE ? NULL : hex(d->serial, 16));
	for (uint32_t i = 0; i < inventory_text_count; i++)
		json_object_object_add(o, inventory_texts[i].name,
				       text_or_null((const char *)d + inventory_texts[i].offset));
	json_object_object_add(o, "versions", versions(d));
	json_object_object_add(o, "bars", bars(d->bars, 7));
	json_object_object_add(o, "vf_bars", bars(d->vf_bars, 6));
	json_object_object_add(o, "capabilities", caps(d));
	return o;
}

static struct json_object *distances(const struct inventory *v)
{
	struct json_object *rows;

	if (!v->node_count)
		return NULL;
	rows = json_object_new_array();
	for (uint32_t i = 0; i < v->node_count; i++) {
		struct json_object *row = json_object_new_array();

		for (uint32_t k = 0; k < v->node_count; k++) {
			uint8_t d = v->distances[i * v->node_count + k];

			json_object_array_add(row, d ? json_object_new_int(d) : NULL);
		}
		json_object_array_add(rows, row);
	}
	return rows;
}

struct json_object *inventory_to_json(const struct inventory *v)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_object_object_add(o, "format", json_object_new_string("vdev-inventory"));
	json_object_object_add(o, "version", json_object_new_int(1));
	json_object_object_add(o, "source", json_object_new_string(v->is_dump ? "dump" : "sysfs"));
	json_object_object_add(o, "kernel", text_or_null(v->kernel));
	json_object_object_add(o, "distances", distances(v));
	for (uint32_t i = 0; i < v->count; i++)
		json_object_array_add(list, device(&v->devices[i]));
	json_object_object_add(o, "devices", list);
	return o;
}
