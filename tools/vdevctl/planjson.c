/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl plan: a plan as JSON, docs/schema/plan-1.json. What people and programs read follows from the engine's image,
 * which stands in it, too: planread.c holds one against the other.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "move.h"

#define WHY_TEXT 512

static struct json_object *difference(const struct planned_move *p,
				      const struct vdev_migration_difference *d,
				      const struct vdev_migration_device *source,
				      const struct vdev_migration_device *destination)
{
	struct json_object *o = json_object_new_object();
	char text[VALUE_SIZE];

	json_text(o, "field", field_name(d->field));
	json_text(o, "source", value_text(source, d->field, text) ? text : NULL);
	json_text(o, "destination", value_text(destination, d->field, text) ? text : NULL);
	json_text(o, "verdict", vdev_migration_verdict_name(d->verdict));
	json_object_object_add(o, "rule", rule_json(&p->rules, d->rule));
	return o;
}

static void why(const struct planned_move *p, struct json_object *o,
		const struct vdev_migration_place *place,
		const struct vdev_migration_device *source,
		const struct vdev_migration_device *destination)
{
	struct why w = {place->reason, place->field, place->rule, source, destination};
	char text[WHY_TEXT];

	json_text(o, "reason", vdev_migration_reason_name(place->reason));
	why_text(&p->rules, &w, text, sizeof(text));
	json_text(o, "why", text);
}

static struct json_object *device(const struct planned_move *p, uint32_t i)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	const struct vdev_migration_device *source, *destination;
	struct vdev_migration_difference d;
	struct vdev_migration_place place;
	char text[ADDRESS_SIZE];
	int count = vdev_migration_plan_device(p->plan, i, &place, sizeof(place), &source,
					       &destination);

	json_text(o, "name", p->vm.names[i]);
	bdf_text(source->address, text);
	json_text(o, "source", text);
	if (place.address != VDEV_NONE)
		bdf_text(place.address, text);
	json_text(o, "destination", place.address == VDEV_NONE ? NULL : text);
	json_text(o, "verdict", vdev_migration_verdict_name(place.verdict));
	json_number(o, "distance", place.distance);
	why(p, o, &place, source, destination);
	for (int k = 0; k < count; k++)
		if (!vdev_migration_plan_difference(p->plan, i, (uint32_t)k, &d, sizeof(d)))
			json_object_array_add(list, difference(p, &d, source, destination));
	json_object_object_add(o, "differences", list);
	return o;
}

static struct json_object *step(const struct planned_move *p, uint32_t i)
{
	struct json_object *o = json_object_new_object();
	struct vdev_migration_step s = {0};

	vdev_migration_plan_step(p->plan, i, &s, sizeof(s));
	json_text(o, "step", vdev_migration_step_name(s.kind));
	json_text(o, "side", side_name(s.side));
	json_text(o, "device", s.device < p->vm.count ? p->vm.names[s.device] : NULL);
	json_number(o, "deadline_ns", s.deadline_ns);
	json_text(o, "undo", s.undo ? vdev_migration_step_name(s.undo) : NULL);
	json_object_object_add(o, "guest_stands_still",
			       json_object_new_boolean(!!(s.flags & VDEV_MIGRATION_BLACKOUT)));
	json_object_object_add(
		o, "point_of_no_return",
		json_object_new_boolean(!!(s.flags & VDEV_MIGRATION_POINT_OF_NO_RETURN)));
	return o;
}

static struct json_object *rules(const struct rules *r)
{
	struct json_object *o;

	if (!r->text)
		return NULL;
	o = json_object_new_object();
	json_text(o, "file", r->shown);
	json_object_object_add(o, "text", json_object_new_string_len(r->text, (int)r->size));
	return o;
}

static struct json_object *image(const struct vdev_migration_plan *plan)
{
	static const char digits[] = "0123456789abcdef";
	struct json_object *o = NULL;
	uint8_t *bytes = NULL;
	char *text = NULL;
	size_t size = 0;

	vdev_migration_plan_save(plan, NULL, 0, &size);
	bytes = malloc(size);
	text = malloc(2 * size + 1);
	if (bytes && text && !vdev_migration_plan_save(plan, bytes, size, &size)) {
		for (size_t i = 0; i < size; i++) {
			text[2 * i] = digits[bytes[i] >> 4];
			text[2 * i + 1] = digits[bytes[i] & 15];
		}
		o = json_object_new_string_len(text, (int)(2 * size));
	}
	free(text);
	free(bytes);
	return o;
}

static void summary(const struct planned_move *p, const struct vdev_migration_plan_info *i,
		    struct json_object *o)
{
	json_text(o, "format", "vdev-plan");
	json_number(o, "version", 1);
	json_object_object_add(o, "vm", json_object_get(p->vm.tree));
	json_text(o, "source", p->source);
	json_text(o, "destination", p->destination);
	json_text(o, "verdict", vdev_migration_verdict_name(i->verdict));
	json_number(o, "blackout_ns", i->blackout_ns);
	json_object_object_add(o, "no_return",
			       i->no_return == VDEV_MIGRATION_UNKNOWN
				       ? NULL
				       : json_object_new_int64(i->no_return));
}

struct json_object *plan_to_json(const struct planned_move *p)
{
	struct json_object *o = json_object_new_object(), *devices = json_object_new_array(),
			   *steps = json_object_new_array();
	struct vdev_migration_plan_info i;
	char facts[FACTS_SIZE];

	vdev_migration_plan_get(p->plan, &i, sizeof(i));
	facts_checksum(p, facts);
	summary(p, &i, o);
	for (uint32_t k = 0; k < i.devices; k++)
		json_object_array_add(devices, device(p, k));
	for (uint32_t k = 0; k < i.steps; k++)
		json_object_array_add(steps, step(p, k));
	json_object_object_add(o, "devices", devices);
	json_object_object_add(o, "steps", steps);
	json_object_object_add(o, "ranking", json_object_get(p->ranking));
	json_object_object_add(o, "rules", rules(&p->rules));
	json_text(o, "facts", facts);
	json_object_object_add(o, "image", image(p->plan));
	return o;
}
