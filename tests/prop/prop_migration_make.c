/* SPDX-License-Identifier: BSD-3-Clause */
/* Random descriptors and rules, of few values each, so that equal ones are as frequent as others. */
#include "migration_naive.h"

#include <stdio.h>
#include <string.h>

static const uint32_t classes[] = {0x020000, 0x020001, 0x010802, 0x0200ff};
static const uint32_t vendors[] = {0x15b3, 0x8086, 0x1af4};
static const uint32_t devices[] = {0x101e, 0x1889, 0x1041, 0x1000};
static const char *const versions[] = {"",      "1",   "1.2",        "1.10",  "01.2", "1.2.rc1",
				       "1.2.0", "1-2", "16.35.2000", "16.35", "a",    "b 2"};

#define PICK(r, array) ((array)[vt_below((r), sizeof(array) / sizeof((array)[0]))])

static void make_caps(struct vt_rand *r, struct vdev_migration_device *d)
{
	d->cap_count = (uint32_t)vt_below(r, 4);
	for (uint32_t i = 0; i < d->cap_count; i++) {
		struct vdev_migration_cap *c = &d->caps[i];

		c->extended = (uint8_t)vt_below(r, 2);
		c->id = (uint16_t)(1 + vt_below(r, 2));
		c->offset = (uint16_t)(0x40 + 8 * i);
		c->version = c->extended ? (uint8_t)(1 + vt_below(r, 2)) : 0;
	}
}

static void make_value(struct vt_rand *r, struct vdev_migration_device *d, uint32_t field)
{
	struct vdev_migration_field f;
	uint64_t wide = vt_below(r, 4);
	uint32_t value = (uint32_t)wide;
	char *at;

	vdev_migration_field(field, &f, sizeof(f));
	at = (char *)d + f.offset;
	if (field == VDEV_MIGRATION_F_CLASS)
		value = PICK(r, classes);
	else if (field == VDEV_MIGRATION_F_VENDOR)
		value = PICK(r, vendors);
	else if (field == VDEV_MIGRATION_F_DEVICE)
		value = PICK(r, devices);
	if (f.type == VDEV_MIGRATION_LAYOUT)
		make_caps(r, d);
	else if (f.type >= VDEV_MIGRATION_STRING)
		snprintf(at, VDEV_MIGRATION_TEXT, "%s", PICK(r, versions));
	else if (f.size == sizeof(wide))
		memcpy(at, &wide, sizeof(wide));
	else
		memcpy(at, &value, sizeof(value));
}

void make_device(struct vt_rand *r, struct vdev_migration_device *d)
{
	memset(d, 0, sizeof(*d));
	d->pf = VDEV_NONE;
	d->iommu_group = VDEV_MIGRATION_UNKNOWN;
	d->node = VDEV_MIGRATION_UNKNOWN;
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++) {
		make_value(r, d, i);
		if (vt_chance(r, 80))
			d->known |= UINT64_C(1) << i;
	}
}

static void make_match(struct vt_rand *r, struct vdev_migration_rule *rule)
{
	if (vt_chance(r, 30)) {
		rule->class_mask = vt_chance(r, 50) ? 0xffff00 : 0xffffff;
		rule->class_code = PICK(r, classes) & rule->class_mask;
	}
	if (vt_chance(r, 30)) {
		rule->vendor_mask = vt_chance(r, 20) ? 0xff00 : 0xffff;
		rule->vendor = PICK(r, vendors) & rule->vendor_mask;
	}
	if (vt_chance(r, 30)) {
		rule->device_mask = vt_chance(r, 20) ? 0xff00 : 0xffff;
		rule->device = PICK(r, devices) & rule->device_mask;
	}
}

/* As many as that many tries give: not each kind suits each field. */
void make_rules(struct vt_rand *r, struct vdev_migration_rules *rules, uint32_t count)
{
	while (count--) {
		struct vdev_migration_rule rule = {
			.field = (uint32_t)vt_below(r, VDEV_MIGRATION_FIELDS),
			.kind = (uint32_t)vt_below(r, VDEV_MIGRATION_KINDS)};

		make_match(r, &rule);
		if (rule.kind != VDEV_MIGRATION_IGNORE) {
			rule.verdict = 1 + (uint32_t)vt_below(r, VDEV_MIGRATION_REFUSE);
			rule.flags = vt_chance(r, 20) ? VDEV_MIGRATION_MUST_KNOW : 0;
		}
		if (rule.kind == VDEV_MIGRATION_NEED || vt_chance(r, 20))
			rule.value = 1 + vt_below(r, 3);
		if (vt_chance(r, 50))
			snprintf(rule.note, sizeof(rule.note), "note %u", count);
		vdev_migration_rules_add(rules, &rule, sizeof(rule));
	}
}
