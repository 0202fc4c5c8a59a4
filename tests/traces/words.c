/* SPDX-License-Identifier: BSD-3-Clause */
/* Times, steps, and the lines of a recording that speak to the mock. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* Digits after the point, as nanoseconds of a unit of `scale`. */
static uint64_t fraction(const char **text, uint64_t scale)
{
	uint64_t ns = 0;

	if (**text != '.')
		return 0;
	for ((*text)++; **text >= '0' && **text <= '9'; (*text)++) {
		scale /= 10;
		ns += (uint64_t)(**text - '0') * scale;
	}
	return ns;
}

static uint64_t scale_of(const char *unit)
{
	return !strcmp(unit, "s") ? VT_SEC : !strcmp(unit, "ms") ? VT_SEC / 1000 : 1;
}

int parse_time(const char *text, uint64_t *ret_ns)
{
	char *rest;
	uint64_t whole = strtoull(text, &rest, 10);
	const char *at = rest, *unit = rest + strspn(rest, ".0123456789");
	uint64_t scale = scale_of(unit);

	if (rest == text || (*unit && scale == 1 && strcmp(unit, "ns")))
		return -1;
	*ret_ns = whole * scale + fraction(&at, scale);
	return 0;
}

void format_time(uint64_t ns, char *text, size_t size)
{
	int used = snprintf(text, size, "%" PRIu64 ".%09" PRIu64, ns / VT_SEC, ns % VT_SEC);

	while (text[used - 1] == '0')
		used--;
	if (text[used - 1] == '.')
		used--;
	snprintf(text + used, size - (size_t)used, "s");
}

/* "DRAIN", "OWN3" (the VMM's own step 3); 0: no such kind. */
static uint32_t kind_of(const char *name)
{
	if (!strncmp(name, "OWN", 3))
		return VDEV_REMOVAL_OWN_STEP_FIRST + (uint32_t)strtoul(name + 3, NULL, 10);
	if (!strcmp(name, "CANCEL"))
		return VDEV_CANCEL;
	for (uint32_t kind = VDEV_KIND_REMOVAL; kind < VDEV_REMOVAL_OWN_STEP_FIRST; kind++)
		if (!strcmp(vdev_removal_kind_name(kind), name))
			return kind;
	return 0;
}

int parse_step(char *text, struct vdev_removal_step *ret_step)
{
	char *time = strchr(text, ':'), *undo = strchr(text, '/');
	struct vdev_removal_step step = {0};
	char name[32];

	if (!time || parse_time(time + 1, &step.deadline_ns))
		return -1;
	snprintf(name, sizeof(name), "%.*s", (int)((undo ? undo : time) - text), text);
	step.kind = kind_of(name);
	if (undo) {
		snprintf(name, sizeof(name), "%.*s", (int)(time - undo - 1), undo + 1);
		step.undo = kind_of(name);
	}
	*ret_step = step;
	return step.kind && (!undo || step.undo) ? 0 : -1;
}

static uint64_t handle_of(struct session *s, const char *letter)
{
	return s->t.h[(unsigned char)letter[0] & (VT_LETTERS - 1)];
}

/* mock KIND UNIT [STATUS] [after=TIME | never] [skip=N] [always]: how the next such deed ends */
int mock_rule(struct session *s, struct words *w)
{
	struct vdev_mock_rule rule = {.struct_size = sizeof(rule), .uses = 1};
	const char *after = option(w, "after"), *skip = option(w, "skip");

	if (w->count < 3)
		return -ENOSYS;
	rule.kind = kind_of(w->word[1]);
	rule.dev = handle_of(s, w->word[2]);
	if (w->count > 3)
		rule.status = atoi(w->word[3]);
	if (flag(w, "never"))
		rule.delay_ns = VDEV_MOCK_NEVER;
	else if (after && parse_time(after, &rule.delay_ns))
		return -ENOSYS;
	if (flag(w, "always"))
		rule.uses = 0;
	rule.skip = skip ? strtoull(skip, NULL, 0) : 0;
	return rule.kind && rule.dev ? vdev_mock_rule(s->mock, &rule) : -ENOSYS;
}

/* finish KIND UNIT [STATUS]: the deed that never ended by itself ends now */
int mock_finish(struct session *s, struct words *w)
{
	int32_t status = w->count > 3 ? atoi(w->word[3]) : 0;

	if (w->count < 3)
		return -ENOSYS;
	for (uint64_t i = vdev_mock_count(s->mock); i-- > 0;) {
		struct vdev_mock_record r;

		vdev_mock_get(s->mock, i, &r, sizeof(r));
		if (r.end_ns != VDEV_NONE || r.action.kind != kind_of(w->word[1]) ||
		    r.action.dev != handle_of(s, w->word[2]))
			continue;
		vdev_mock_finish(s->mock, r.action.id, status);
		session_finish(s, r.action.id, status);
		return 0;
	}
	return -ENOENT;
}
