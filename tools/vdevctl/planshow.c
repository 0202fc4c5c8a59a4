/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl plan: for people: the destinations, the devices, what differs, the steps. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "move.h"

#define TEXT_SIZE 512
#define NS_PER_MS UINT64_C(1000000)

static struct libscols_table *table(const char *title, const char *const *columns)
{
	struct libscols_table *tb = table_new(columns);

	printf("\n%s\n", title);
	if (tb)
		scols_table_enable_colors(tb, isatty(STDOUT_FILENO));
	return tb;
}

static int cells(struct libscols_table *tb, const char *const *texts, const char *color)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);
	int err = line ? 0 : -ENOMEM;

	for (size_t i = 0; texts[i] && !err; i++)
		err = table_cell(line, i, texts[i]);
	if (!err && color)
		err = scols_line_set_color(line, color);
	return err;
}

static const char *member(struct json_object *o, const char *name)
{
	struct json_object *m = json_object_object_get(o, name);

	return m ? json_object_get_string(m) : "-";
}

/* Of our own making: a plan that was read has none to show. */
static int hosts(const struct planned_move *p)
{
	static const char *const columns[] = {"HOST",     "VERDICT",  "-LIVE",   "-STOP-COPY",
					      "-REBUILD", "-EMULATE", "-REFUSE", "-DISTANCE",
					      "DEVICE",   "WHY",      NULL};
	struct libscols_table *tb;
	int err = 0;

	if (p->tree || !p->ranking)
		return 0;
	tb = table("Destinations, best first", columns);
	for (size_t i = 0; tb && i < json_object_array_length(p->ranking) && !err; i++) {
		struct json_object *o = json_object_array_get_idx(p->ranking, i);
		struct json_object *n = json_object_object_get(o, "counts");
		const char *const texts[] = {member(o, "host"),
					     member(o, "verdict"),
					     member(n, "LIVE"),
					     member(n, "LIVE_STOP_COPY_ONLY"),
					     member(n, "QUIESCE_REBUILD"),
					     member(n, "EMULATE"),
					     member(n, "REFUSE"),
					     member(o, "distance"),
					     member(o, "device"),
					     member(o, "why"),
					     NULL};

		err = cells(tb, texts, NULL);
	}
	return tb ? table_print(tb, err) : -ENOMEM;
}

static int device_line(struct libscols_table *tb, const struct planned_move *p, uint32_t i)
{
	const struct vdev_migration_device *source, *destination;
	char here[ADDRESS_SIZE], there[ADDRESS_SIZE] = "-", distance[16] = "-", text[TEXT_SIZE];
	struct vdev_migration_place place;
	struct why w;

	vdev_migration_plan_device(p->plan, i, &place, sizeof(place), &source, &destination);
	w = (struct why){place.reason, place.field, place.rule, source, destination};
	bdf_text(source->address, here);
	if (place.address != VDEV_NONE)
		bdf_text(place.address, there);
	if (place.distance && place.distance != 255)
		snprintf(distance, sizeof(distance), "%u", place.distance);
	why_text(&p->rules, &w, text, sizeof(text));
	{
		const char *const texts[] = {p->vm.names[i],
					     here,
					     there,
					     distance,
					     vdev_migration_verdict_name(place.verdict),
					     text,
					     NULL};

		return cells(tb, texts, verdict_color(place.verdict));
	}
}

static int devices(const struct planned_move *p, uint32_t count)
{
	static const char *const columns[] = {"DEVICE",  "SOURCE", "DESTINATION", "-DISTANCE",
					      "VERDICT", "WHY",    NULL};
	struct libscols_table *tb = table("Devices", columns);
	int err = 0;

	for (uint32_t i = 0; tb && i < count && !err; i++)
		err = device_line(tb, p, i);
	return tb ? table_print(tb, err) : -ENOMEM;
}

static int difference_line(struct libscols_table *tb, const struct planned_move *p, uint32_t i,
			   uint32_t k)
{
	const struct vdev_migration_device *source, *destination;
	char a[VALUE_SIZE], b[VALUE_SIZE], rule[TEXT_SIZE];
	struct vdev_migration_difference d;
	struct vdev_migration_place place;

	vdev_migration_plan_device(p->plan, i, &place, sizeof(place), &source, &destination);
	vdev_migration_plan_difference(p->plan, i, k, &d, sizeof(d));
	value_text(source, d.field, a);
	value_text(destination, d.field, b);
	rule_text(&p->rules, d.rule, rule, sizeof(rule));
	{
		const char *const texts[] = {p->vm.names[i],
					     field_name(d.field),
					     a,
					     b,
					     vdev_migration_verdict_name(d.verdict),
					     rule,
					     NULL};

		return cells(tb, texts, verdict_color(d.verdict));
	}
}

static int differences(const struct planned_move *p, uint32_t count)
{
	static const char *const columns[] = {"DEVICE",  "FIELD", "SOURCE", "DESTINATION",
					      "VERDICT", "RULE",  NULL};
	struct libscols_table *tb = NULL;
	struct vdev_migration_place place;
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		int n = vdev_migration_plan_device(p->plan, i, &place, sizeof(place), NULL, NULL);

		for (int k = 0; k < n && !err; k++) {
			tb = tb ? tb : table("What differs", columns);
			err = tb ? difference_line(tb, p, i, (uint32_t)k) : -ENOMEM;
		}
	}
	return tb ? table_print(tb, err) : err;
}

static const char *duration(uint64_t ns, char text[32])
{
	uint64_t ms = ns / NS_PER_MS;

	if (ms % 1000 || !ms)
		snprintf(text, 32, "%" PRIu64 " ms", ms);
	else
		snprintf(text, 32, "%" PRIu64 " s", ms / 1000);
	return text;
}

static int step_line(struct libscols_table *tb, const struct planned_move *p, uint32_t i)
{
	struct vdev_migration_step s = {0};
	char number[16], time[32], words[128];

	vdev_migration_plan_step(p->plan, i, &s, sizeof(s));
	snprintf(number, sizeof(number), "%u", i + 1);
	snprintf(words, sizeof(words), "%s%s", step_words(s.kind),
		 s.flags & VDEV_MIGRATION_POINT_OF_NO_RETURN ? ": POINT OF NO RETURN" : "");
	{
		const char *const texts[] = {number,
					     side_name(s.side),
					     vdev_migration_step_name(s.kind),
					     s.device < p->vm.count ? p->vm.names[s.device] : "-",
					     duration(s.deadline_ns, time),
					     s.flags & VDEV_MIGRATION_BLACKOUT ? "stands" : "runs",
					     s.undo ? vdev_migration_step_name(s.undo) : "-",
					     words,
					     NULL};

		return cells(tb, texts, NULL);
	}
}

static int steps(const struct planned_move *p, const struct vdev_migration_plan_info *info)
{
	static const char *const columns[] = {"-STEP", "SIDE", "DOES", "DEVICE", "-DEADLINE",
					      "GUEST", "UNDO", "WHAT", NULL};
	struct libscols_table *tb;
	char time[32];
	int err = 0;

	if (!info->steps) {
		printf("\nNo steps: it cannot move.\n");
		return 0;
	}
	tb = table("Steps", columns);
	for (uint32_t i = 0; tb && i < info->steps && !err; i++)
		err = step_line(tb, p, i);
	err = tb ? table_print(tb, err) : -ENOMEM;
	printf("\nThe guest stands still for at most %s.\n", duration(info->blackout_ns, time));
	return err;
}

int plan_table(const struct planned_move *p)
{
	struct vdev_migration_plan_info info;
	int err = vdev_migration_plan_get(p->plan, &info, sizeof(info));

	if (err)
		return err;
	printf("VM %s, from %s to %s: %s\n", p->vm.name[0] ? p->vm.name : "without a name",
	       p->source, p->destination, vdev_migration_verdict_name(info.verdict));
	err = hosts(p);
	if (!err)
		err = devices(p, info.devices);
	if (!err)
		err = differences(p, info.devices);
	return err ? err : steps(p, &info);
}
