/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl plan --verify: does a plan still hold (M9)? Asked just before commit. */
#include <errno.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "move.h"

struct verified {
	const struct planned_move *p;
	const struct machine *source, *destination; /* NULL: not looked at */
	struct vdev_migration_change *changes;
	uint32_t count, stop, verdict;
};

/* Values of a change: as planned and now. */
struct values {
	char then[VALUE_SIZE], now[VALUE_SIZE];
	bool knew, knows;
};

/* What a change is about, as it is now; NULL: nobody looked, or it is gone. */
static const struct vdev_migration_device *now_of(const struct verified *v,
						  const struct vdev_migration_change *c,
						  const struct vdev_migration_device **ret_then)
{
	const struct machine *m = c->side == VDEV_MIGRATION_AT_SOURCE ? v->source : v->destination;
	const struct vdev_migration_device *source, *destination;
	struct vdev_migration_place place;
	uint32_t at;

	vdev_migration_plan_device(v->p->plan, c->device, &place, sizeof(place), &source,
				   &destination);
	*ret_then = c->side == VDEV_MIGRATION_AT_SOURCE ? source : destination;
	at = m && *ret_then ? machine_find(m, (*ret_then)->address) : NO_NUMBER;
	return at != NO_NUMBER ? &m->devices[at] : NULL;
}

static void values(const struct verified *v, const struct vdev_migration_change *c,
		   struct values *ret)
{
	const struct vdev_migration_device *then, *now = now_of(v, c, &then);

	memset(ret, 0, sizeof(*ret));
	if (c->what == VDEV_MIGRATION_MOVED_NODE && then && now) {
		ret->knew = then->node != VDEV_MIGRATION_UNKNOWN;
		ret->knows = now->node != VDEV_MIGRATION_UNKNOWN;
		snprintf(ret->then, VALUE_SIZE, ret->knew ? "%u" : "-", then->node);
		snprintf(ret->now, VALUE_SIZE, ret->knows ? "%u" : "-", now->node);
	} else if (c->field < VDEV_MIGRATION_FIELDS) {
		ret->knew = value_text(then, c->field, ret->then);
		ret->knows = value_text(now, c->field, ret->now);
	}
}

static const char *field_of(const struct vdev_migration_change *c)
{
	return c->field < VDEV_MIGRATION_FIELDS       ? field_name(c->field)
	       : c->what == VDEV_MIGRATION_MOVED_NODE ? "node"
						      : NULL;
}

static struct json_object *change_json(const struct verified *v,
				       const struct vdev_migration_change *c)
{
	struct json_object *o = json_object_new_object();
	struct values w;

	values(v, c, &w);
	json_text(o, "device", v->p->vm.names[c->device]);
	json_text(o, "side", side_name(c->side));
	json_text(o, "change", vdev_migration_change_name(c->what));
	json_text(o, "field", field_of(c));
	json_text(o, "then", w.knew ? w.then : NULL);
	json_text(o, "now", w.knows ? w.now : NULL);
	json_text(o, "verdict", vdev_migration_verdict_name(c->verdict));
	json_object_object_add(o, "stop", json_object_new_boolean(c->stop != 0));
	return o;
}

static int show_json(const struct verified *v)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_text(o, "format", "vdev-verify");
	json_number(o, "version", 1);
	json_text(o, "source", v->source ? v->source->shown : NULL);
	json_text(o, "destination", v->destination ? v->destination->shown : NULL);
	json_object_object_add(o, "holds", json_object_new_boolean(!v->stop));
	for (uint32_t i = 0; i < v->count; i++)
		json_object_array_add(list, change_json(v, &v->changes[i]));
	json_object_object_add(o, "changes", list);
	return print_json(o);
}

static int change_line(struct libscols_table *tb, const struct verified *v,
		       const struct vdev_migration_change *c)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);
	int err = line ? 0 : -ENOMEM;
	struct values w;

	values(v, c, &w);
	{
		const char *const texts[] = {v->p->vm.names[c->device],
					     side_name(c->side),
					     vdev_migration_change_name(c->what),
					     field_of(c) ? field_of(c) : "-",
					     w.knew ? w.then : "-",
					     w.knows ? w.now : "-",
					     vdev_migration_verdict_name(c->verdict),
					     c->stop ? "yes" : "no"};

		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !err; i++)
			err = table_cell(line, i, texts[i]);
	}
	if (!err && c->stop && verdict_color(VDEV_MIGRATION_REFUSE))
		err = scols_line_set_color(line, verdict_color(VDEV_MIGRATION_REFUSE));
	return err;
}

/* Not known is not free. Once for each device: its changes stand together. */
static void tell_unknown(const struct verified *v)
{
	uint32_t told = NO_NUMBER;

	for (uint32_t i = 0; i < v->count; i++) {
		const struct vdev_migration_change *c = &v->changes[i];
		const struct vdev_migration_device *then, *now = now_of(v, c, &then);
		char address[ADDRESS_SIZE];

		if (!c->stop || c->side != VDEV_MIGRATION_AT_DESTINATION || c->device == told)
			continue;
		if (!now || now->use != VDEV_MIGRATION_USE_UNKNOWN)
			continue;
		bdf_text(now->address, address);
		printf("Nobody knows whether %s there is in use: make a fresh inventory there, as "
		       "root, by vdevctl inventory --vfio --json.\n",
		       address);
		told = c->device;
	}
}

static int show_table(const struct verified *v)
{
	static const char *const columns[] = {"DEVICE", "SIDE",    "CHANGE",  "FIELD", "THEN",
					      "NOW",    "VERDICT", "HINDERS", NULL};
	struct libscols_table *tb;
	int err = 0;

	if (v->verdict == VDEV_MIGRATION_REFUSE)
		printf("The plan says REFUSE: there is nothing to commit.\n");
	else
		printf("%s\n", v->stop    ? "The plan does not hold any more: do not commit."
			       : v->count ? "The plan holds, but for what does not hinder."
					  : "The plan holds.");
	if (!v->count)
		return 0;
	tb = table_new(columns);
	if (!tb)
		return -ENOMEM;
	scols_table_enable_colors(tb, isatty(STDOUT_FILENO));
	for (uint32_t i = 0; i < v->count && !err; i++)
		err = change_line(tb, v, &v->changes[i]);
	err = table_print(tb, err);
	if (!err)
		tell_unknown(v);
	return err;
}

static int ask(struct verified *v, uint32_t flags)
{
	const struct vdev_migration_host *source = v->source ? &v->source->host : NULL;
	const struct vdev_migration_host *destination =
		v->destination ? &v->destination->host : NULL;
	struct vdev_migration_plan_info info;
	int n = vdev_migration_plan_verify(v->p->plan, v->p->rules.set, source, destination, flags,
					   NULL, 0, 0, &v->stop);

	if (n < 0)
		return n;
	v->changes = calloc((uint32_t)n + 1, sizeof(*v->changes));
	if (!v->changes)
		return -ENOMEM;
	v->count = (uint32_t)n;
	n = vdev_migration_plan_verify(v->p->plan, v->p->rules.set, source, destination, flags,
				       v->changes, sizeof(*v->changes), v->count, &v->stop);
	if (n < 0)
		return n;
	vdev_migration_plan_get(v->p->plan, &info, sizeof(info));
	v->verdict = info.verdict;
	return 0;
}

int plan_verify(const struct plan_options *o, const struct planned_move *p)
{
	struct machine source = {0}, destination = {0};
	struct verified v = {.p = p};
	int status = STATUS_OK, err;

	if (o->source)
		status = machine_read(o->source, o->reader, o->vfio, &source);
	for (uint32_t i = 0; o->source && !status && i < p->vm.count; i++) {
		uint32_t at = machine_find(&source, p->vm.address[i]);

		if (at != NO_NUMBER)
			vm_apply(&p->vm, i, &source.devices[at]);
	}
	if (!status && o->count)
		status = machine_read(o->destinations[0], o->reader, o->vfio, &destination);
	if (!status) {
		v.source = o->source ? &source : NULL;
		v.destination = o->count ? &destination : NULL;
		err = ask(&v, o->claimed ? VDEV_MIGRATION_CLAIMED : 0);
		if (!err)
			err = o->json ? show_json(&v) : show_table(&v);
		status = result_end(err, v.stop ? STATUS_CHANGED : STATUS_OK);
	}
	free(v.changes);
	machine_free(&source);
	machine_free(&destination);
	return status;
}
