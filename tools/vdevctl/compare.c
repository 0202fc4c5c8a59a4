/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl compare: what differs between the devices of two machines, and what that means for a VM. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "move.h"

static bool known(const struct vdev_migration_device *d, uint32_t field)
{
	return d->known >> field & 1;
}

/* Devices that are given to VMs; bridges, those to the host and to ISA too, are not. */
static bool given(const struct vdev_migration_device *d)
{
	bool bridge = known(d, VDEV_MIGRATION_F_CLASS) && d->class_code >> 16 == 6;

	return d->use != VDEV_MIGRATION_BRIDGE && !bridge;
}

/* Of two of which nobody knows what they are nobody knows that they are the same. */
static bool identified(const struct vdev_migration_device *d)
{
	return known(d, VDEV_MIGRATION_F_VENDOR) && known(d, VDEV_MIGRATION_F_DEVICE);
}

static bool same(const struct vdev_migration_device *a, const struct vdev_migration_device *b,
		 bool subsystem)
{
	return identified(a) && identified(b) && a->vendor == b->vendor && a->device == b->device &&
	       (!subsystem || (a->subsystem_vendor == b->subsystem_vendor &&
			       a->subsystem_device == b->subsystem_device));
}

/* How well two devices go together, best first. */
enum likeness { SAME_PLACE, SAME_CARD, SAME_MODEL, SAME_SLOT, LIKENESSES };

static bool alike(enum likeness how, const struct vdev_migration_device *a,
		  const struct vdev_migration_device *b)
{
	switch (how) {
	case SAME_PLACE:
		return a->address == b->address && same(a, b, false);
	case SAME_CARD:
		return a->relation == b->relation && same(a, b, true);
	case SAME_MODEL:
		return a->relation == b->relation && same(a, b, false);
	default: /* another model in its place */
		return a->address == b->address && (identified(a) || identified(b)) &&
		       known(a, VDEV_MIGRATION_F_CLASS) && known(b, VDEV_MIGRATION_F_CLASS) &&
		       a->class_code >> 16 == b->class_code >> 16;
	}
}

static int judge(const struct compared *c, struct comparison *p, uint32_t a, uint32_t b)
{
	struct vdev_migration_result result;
	int err = vdev_migration_compare(c->rules->set, &c->a->devices[a], &c->b->devices[b],
					 sizeof(*c->a->devices), 0, &result, sizeof(result),
					 p->list, sizeof(p->list[0]), VDEV_MIGRATION_FIELDS);

	if (err)
		return err;
	p->a = a;
	p->b = b;
	p->verdict = result.verdict;
	p->count = result.differences;
	return 0;
}

static int add_pair(struct compared *c, uint32_t a, uint32_t b)
{
	/* One at a time: a comparison is large, and most hosts have few devices in common. */
	struct comparison *more = realloc(c->pairs, (c->count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	c->pairs = more;
	return judge(c, &more[c->count++], a, b);
}

/* Which devices of a machine have no partner yet. */
static uint32_t *start(const struct machine *m, uint32_t *ret_count)
{
	uint32_t *list = calloc(m->inventory.count ? m->inventory.count : 1, sizeof(*list));

	*ret_count = 0;
	for (uint32_t i = 0; list && i < m->inventory.count; i++)
		if (given(&m->devices[i]))
			list[(*ret_count)++] = i;
	return list;
}

static void drop(uint32_t *list, uint32_t *count, uint32_t at)
{
	memmove(&list[at], &list[at + 1], (*count - at - 1) * sizeof(*list));
	--*count;
}

static int pair_by(struct compared *c, enum likeness how)
{
	for (uint32_t i = 0; i < c->alone_a_count;) {
		const struct vdev_migration_device *a = &c->a->devices[c->alone_a[i]];
		uint32_t k = 0;
		int err;

		while (k < c->alone_b_count && !alike(how, a, &c->b->devices[c->alone_b[k]]))
			k++;
		if (k == c->alone_b_count) {
			i++;
			continue;
		}
		err = add_pair(c, c->alone_a[i], c->alone_b[k]);
		if (err)
			return err;
		drop(c->alone_a, &c->alone_a_count, i);
		drop(c->alone_b, &c->alone_b_count, k);
	}
	return 0;
}

static int in_order(const void *x, const void *y)
{
	const struct comparison *a = x, *b = y;

	return (a->a > b->a) - (a->a < b->a);
}

static int pair_all(struct compared *c)
{
	int err = 0;

	c->alone_a = start(c->a, &c->alone_a_count);
	c->alone_b = start(c->b, &c->alone_b_count);
	if (!c->alone_a || !c->alone_b)
		return -ENOMEM;
	c->bridges =
		c->a->inventory.count - c->alone_a_count + c->b->inventory.count - c->alone_b_count;
	for (int how = SAME_PLACE; how < LIKENESSES && !err; how++)
		err = pair_by(c, (enum likeness)how);
	if (!err && c->count)
		qsort(c->pairs, c->count, sizeof(*c->pairs), in_order);
	return err;
}

static uint32_t named(const struct machine *m, uint64_t address)
{
	uint32_t at = machine_find(m, address);
	char text[ADDRESS_SIZE];

	bdf_text(address, text);
	if (at == NO_NUMBER)
		fprintf(stderr,
			"vdevctl: %s: there is no device %s; vdevctl inventory lists them\n",
			m->shown, text);
	return at;
}

static int pair_named(struct compared *c, const char *device)
{
	const char *equals = strchr(device, '=');
	uint64_t a_address = 0, b_address = 0;
	uint32_t a, b;
	int err;

	bdf_parse(device, equals, &a_address); /* moveopts.c has looked at them */
	b_address = a_address;
	if (equals)
		bdf_parse(equals + 1, NULL, &b_address);
	a = named(c->a, a_address);
	b = a == NO_NUMBER ? a : named(c->b, b_address);
	if (b == NO_NUMBER)
		return STATUS_NO_DEVICE;
	c->whole = true;
	err = add_pair(c, a, b);
	return err ? result_end(err, 0) : STATUS_OK;
}

static void sum_up(struct compared *c)
{
	/* Nothing there could back a device that is alone (M1). */
	c->verdict = c->alone_a_count ? VDEV_MIGRATION_REFUSE : VDEV_MIGRATION_LIVE;
	for (uint32_t i = 0; i < c->count; i++)
		if (c->pairs[i].verdict > c->verdict)
			c->verdict = c->pairs[i].verdict;
}

const struct vdev_migration_difference *comparison_of(const struct comparison *c, uint32_t field)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (c->list[i].field == field)
			return &c->list[i];
	return NULL;
}

static int show(struct compared *c, bool json)
{
	struct json_object *tree;
	int err;

	sum_up(c);
	tree = json ? compare_json(c) : NULL;
	err = !json ? compare_table(c) : tree ? print_json(tree) : -ENOMEM;
	return result_end(err, verdict_status(c->verdict));
}

static int compare(const struct compare_options *o, struct compared *c)
{
	int status = STATUS_OK, err;

	if (o->device) {
		status = pair_named(c, o->device);
	} else {
		err = pair_all(c);
		if (err)
			status = result_end(err, 0);
	}
	if (!status)
		status = show(c, o->json);
	free(c->pairs);
	free(c->alone_a);
	free(c->alone_b);
	return status;
}

int compare_run(const struct compare_options *o)
{
	struct machine a = {0}, b = {0};
	struct rules rules;
	struct compared c = {.a = &a, .b = &b, .rules = &rules};
	int status = rules_read(o->rules, &rules);

	if (!status)
		status = machine_read(o->a, o->reader, o->vfio, &a);
	if (!status)
		status = machine_read(o->b, o->reader, o->vfio, &b);
	if (!status)
		status = compare(o, &c);
	machine_free(&a);
	machine_free(&b);
	rules_free(&rules);
	return status;
}
