/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: writing rules as a file, which parse.c reads to the same rules. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "rules.h"

struct out {
	char *buf;
	size_t size;
	size_t used; /* asked for so far; may exceed size */
};

static void say(struct out *o, const char *format, ...) VDEV__PRINTF(2, 3);

static void say(struct out *o, const char *format, ...)
{
	char piece[256];
	va_list args;
	size_t length;

	va_start(args, format);
	length = (size_t)vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	if (o->used <= o->size && length <= o->size - o->used)
		memcpy(o->buf + o->used, piece, length);
	o->used += length;
}

static void say_match(struct out *o, const char *key, uint32_t value, uint32_t mask, int digits)
{
	if (!mask)
		return;
	say(o, "%s=%0*" PRIx32, key, digits, value);
	if (mask != (UINT32_C(1) << digits * 4) - 1)
		say(o, "/%0*" PRIx32, digits, mask);
	say(o, " ");
}

static void say_rule(struct out *o, const struct vdev_migration_rule *r)
{
	say_match(o, "class", r->class_code, r->class_mask, 6);
	say_match(o, "vendor", r->vendor, r->vendor_mask, 4);
	say_match(o, "device", r->device, r->device_mask, 4);
	say(o, "%s %s", vdev__migration_field(r->field)->name, vdev_migration_kind_name(r->kind));
	if (r->value && r->kind == VDEV_MIGRATION_EXACT)
		say(o, " mask=%" PRIx64, r->value);
	else if (r->value)
		say(o, " value=%" PRIu64, r->value);
	if (r->verdict)
		say(o, " %s", vdev_migration_verdict_name(r->verdict));
	if (r->flags & VDEV_MIGRATION_MUST_KNOW)
		say(o, " must-know");
	if (r->note[0])
		say(o, " # %s", r->note);
	say(o, "\n");
}

int vdev_migration_rules_write(const struct vdev_migration_rules *rules, uint32_t flags, char *buf,
			       size_t size, size_t *ret_size)
{
	struct out o = {buf, size, 0};

	if (!rules || !ret_size || (!buf && size) || flags & ~VDEV_MIGRATION_ALL)
		return -EINVAL;
	say(&o, "version 1\n");
	for (uint32_t i = 0; i < rules->count; i++)
		if (rules->list[i].origin || flags & VDEV_MIGRATION_ALL)
			say_rule(&o, &rules->list[i]);
	*ret_size = o.used;
	return o.used > size ? -ENOBUFS : 0;
}
