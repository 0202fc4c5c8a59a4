/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl compare: as JSON, docs/schema/compare-1.json. */
#include <json-c/json.h>
#include <string.h>

#include "move.h"

static struct json_object *field(const struct compared *c, const struct comparison *p,
				 uint32_t field)
{
	const struct vdev_migration_difference *d = comparison_of(p, field);
	char a[VALUE_SIZE], b[VALUE_SIZE];
	bool known_a = value_text(&c->a->devices[p->a], field, a);
	bool known_b = value_text(&c->b->devices[p->b], field, b);
	struct json_object *o;

	if (!known_a && !known_b && !d)
		return NULL;
	o = json_object_new_object();
	json_text(o, "field", field_name(field));
	json_text(o, "a", known_a ? a : NULL);
	json_text(o, "b", known_b ? b : NULL);
	json_text(o, "verdict", d ? vdev_migration_verdict_name(d->verdict) : NULL);
	json_object_object_add(o, "rule", d ? rule_json(c->rules, d->rule) : NULL);
	return o;
}

static struct json_object *pair(const struct compared *c, const struct comparison *p)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	char text[ADDRESS_SIZE];

	inventory_address(&c->a->inventory.devices[p->a], text);
	json_text(o, "a", text);
	inventory_address(&c->b->inventory.devices[p->b], text);
	json_text(o, "b", text);
	json_text(o, "verdict", vdev_migration_verdict_name(p->verdict));
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++) {
		struct json_object *f = field(c, p, i);

		if (f)
			json_object_array_add(list, f);
	}
	json_object_object_add(o, "fields", list);
	return o;
}

static struct json_object *alone(const struct machine *m, const uint32_t *list, uint32_t count)
{
	struct json_object *o = json_object_new_array();
	char text[ADDRESS_SIZE];

	for (uint32_t i = 0; i < count; i++) {
		inventory_address(&m->inventory.devices[list[i]], text);
		json_object_array_add(o, json_object_new_string(text));
	}
	return o;
}

struct json_object *compare_json(const struct compared *c)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_text(o, "format", "vdev-compare");
	json_number(o, "version", 1);
	json_text(o, "a", c->a->shown);
	json_text(o, "b", c->b->shown);
	json_text(o, "verdict", vdev_migration_verdict_name(c->verdict));
	for (uint32_t i = 0; i < c->count; i++)
		json_object_array_add(list, pair(c, &c->pairs[i]));
	json_object_object_add(o, "pairs", list);
	json_object_object_add(o, "only_a", alone(c->a, c->alone_a, c->alone_a_count));
	json_object_object_add(o, "only_b", alone(c->b, c->alone_b, c->alone_b_count));
	json_number(o, "bridges", c->bridges);
	return o;
}
