/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl compare: side by side, for people. */
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "move.h"

#define RULE_SIZE 448

/* What a machine's device is, in a few words. */
static void describe(const struct machine *m, uint32_t index, char *text, size_t size)
{
	const struct vdev_inventory_device *d = &m->inventory.devices[index];
	char address[ADDRESS_SIZE], room[16], id[16] = "";

	inventory_address(d, address);
	if (d->vendor != VDEV_INVENTORY_UNKNOWN && d->device != VDEV_INVENTORY_UNKNOWN)
		snprintf(id, sizeof(id), " %04x:%04x", d->vendor & 0xffff, d->device & 0xffff);
	snprintf(text, size, "%s %s%s", address, inventory_class(d->class_code, room), id);
}

static int cells(struct libscols_table *tb, const char *const *texts, uint32_t verdict)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);
	const char *color = verdict_color(verdict);
	int err = line ? 0 : -ENOMEM;

	for (size_t i = 0; texts[i] && !err; i++)
		err = table_cell(line, i, texts[i]);
	if (!err && color)
		err = scols_line_set_color(line, color);
	return err;
}

/* "!=" is judged, "~" differs and no rule minds. */
static int field_line(struct libscols_table *tb, const struct compared *c,
		      const struct comparison *p, uint32_t field)
{
	const struct vdev_migration_difference *d = comparison_of(p, field);
	char a[VALUE_SIZE], b[VALUE_SIZE], rule[RULE_SIZE] = "";
	bool known_a = value_text(&c->a->devices[p->a], field, a);
	bool known_b = value_text(&c->b->devices[p->b], field, b);
	bool other = known_a != known_b || strcmp(a, b) != 0;

	if (!d && (!c->whole || (!known_a && !known_b)))
		return 0;
	if (d)
		rule_text(c->rules, d->rule, rule, sizeof(rule));
	else if (other)
		snprintf(rule, sizeof(rule), "no difference by the rules");
	{
		const char *const texts[] = {field_name(field),
					     a,
					     d       ? "!="
					     : other ? "~"
						     : "",
					     b,
					     d ? vdev_migration_verdict_name(d->verdict) : "",
					     rule,
					     NULL};

		return cells(tb, texts, d ? d->verdict : VDEV_MIGRATION_LIVE);
	}
}

static int pair_table(const struct compared *c, const struct comparison *p)
{
	static const char *const columns[] = {"FIELD", "A", "", "B", "VERDICT", "RULE", NULL};
	char a[64], b[64];
	struct libscols_table *tb;
	int err = 0;

	describe(c->a, p->a, a, sizeof(a));
	describe(c->b, p->b, b, sizeof(b));
	printf("\n%s  ->  %s: %s\n", a, b, vdev_migration_verdict_name(p->verdict));
	if (!p->count && !c->whole)
		return 0;
	tb = table_new(columns);
	if (!tb)
		return -ENOMEM;
	scols_table_enable_colors(tb, isatty(STDOUT_FILENO));
	for (uint32_t field = 0; field < VDEV_MIGRATION_FIELDS && !err; field++)
		err = field_line(tb, c, p, field);
	return table_print(tb, err);
}

static void alone(const struct machine *m, const char *side, const uint32_t *list, uint32_t count)
{
	char text[64];

	if (count)
		printf("\nonly in %s:\n", side);
	for (uint32_t i = 0; i < count; i++) {
		describe(m, list[i], text, sizeof(text));
		printf("  %s\n", text);
	}
}

int compare_table(const struct compared *c)
{
	int err = 0;

	printf("A %s\nB %s\n", c->a->shown, c->b->shown);
	for (uint32_t i = 0; i < c->count && !err; i++)
		err = pair_table(c, &c->pairs[i]);
	if (err)
		return err;
	alone(c->a, "A", c->alone_a, c->alone_a_count);
	alone(c->b, "B", c->alone_b, c->alone_b_count);
	if (c->bridges)
		printf("\n%u bridge%s left out\n", c->bridges, c->bridges == 1 ? "" : "s");
	printf("\n%u pair%s", c->count, c->count == 1 ? "" : "s");
	if (c->alone_a_count)
		printf(", %u device%s of A without a partner", c->alone_a_count,
		       c->alone_a_count == 1 ? "" : "s");
	printf(": %s\n", vdev_migration_verdict_name(c->verdict));
	return 0;
}
