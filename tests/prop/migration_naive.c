/* SPDX-License-Identifier: BSD-3-Clause */
/* See migration_naive.h. */
#include "migration_naive.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool known(const struct vdev_migration_device *d, uint32_t field)
{
	return d->known & UINT64_C(1) << field;
}

static struct vdev_migration_field about(uint32_t field)
{
	struct vdev_migration_field f;

	if (vdev_migration_field(field, &f, sizeof(f)))
		abort();
	return f;
}

static uint64_t number(const struct vdev_migration_device *d, uint32_t field)
{
	struct vdev_migration_field f = about(field);
	uint64_t wide = 0;

	/* The machine that tests run on is little-endian or both sizes are told apart here. */
	if (f.size == 8)
		memcpy(&wide, (const char *)d + f.offset, 8);
	else
		wide = *(const uint32_t *)(const void *)((const char *)d + f.offset);
	return wide;
}

static const char *text(const struct vdev_migration_device *d, uint32_t field)
{
	return (const char *)d + about(field).offset;
}

/* The next run of digits or of letters, as a text of its own. Returns where to go on; NULL: there is none. */
static const char *token(const char *p, char *out)
{
	size_t n = 0;

	while (*p && !isalnum((unsigned char)*p))
		p++;
	if (!*p)
		return NULL;
	if (isdigit((unsigned char)*p)) {
		while (*p == '0' && isdigit((unsigned char)p[1]))
			p++;
		while (isdigit((unsigned char)*p))
			out[n++] = *p++;
	} else {
		while (isalpha((unsigned char)*p))
			out[n++] = *p++;
	}
	out[n] = '\0';
	return p;
}

static int token_order(const char *a, const char *b)
{
	bool na = isdigit((unsigned char)*a), nb = isdigit((unsigned char)*b);

	if (na != nb)
		return na ? 1 : -1;
	if (na && strlen(a) != strlen(b))
		return strlen(a) < strlen(b) ? -1 : 1;
	return strcmp(a, b);
}

int naive_version_order(const char *a, const char *b)
{
	char ta[VDEV_MIGRATION_TEXT], tb[VDEV_MIGRATION_TEXT];

	for (;;) {
		int order;

		a = token(a, ta);
		b = token(b, tb);
		if (!a || !b)
			return (a ? 1 : 0) - (b ? 1 : 0);
		order = token_order(ta, tb);
		if (order)
			return order;
	}
}

static bool cap_is(const struct vdev_migration_cap *a, const struct vdev_migration_cap *b)
{
	return a->id == b->id && a->offset == b->offset && a->extended == b->extended;
}

static bool layout_differs(const struct vdev_migration_rule *r,
			   const struct vdev_migration_device *s,
			   const struct vdev_migration_device *d)
{
	if (r->kind == VDEV_MIGRATION_EXACT)
		return s->cap_count != d->cap_count ||
		       memcmp(s->caps, d->caps, s->cap_count * sizeof(s->caps[0])) != 0;
	for (uint32_t i = 0; i < s->cap_count; i++) {
		bool found = false;

		for (uint32_t k = 0; k < d->cap_count; k++)
			found |= cap_is(&s->caps[i], &d->caps[k]) &&
				 s->caps[i].version <= d->caps[k].version;
		if (!found)
			return true;
	}
	return false;
}

static bool number_differs(const struct vdev_migration_rule *r, uint64_t s, uint64_t d)
{
	bool bits = about(r->field).type == VDEV_MIGRATION_BITS;

	switch (r->kind) {
	case VDEV_MIGRATION_EXACT:
		return r->value ? (s & r->value) != (d & r->value) : s != d;
	case VDEV_MIGRATION_AT_LEAST:
		return bits ? (s | d) != d : d < s;
	default:
		if (bits)
			return (s & r->value) != r->value || (d & r->value) != r->value;
		return s < r->value || d < r->value;
	}
}

static bool differs(const struct vdev_migration_rule *r, const struct vdev_migration_device *s,
		    const struct vdev_migration_device *d)
{
	uint32_t type = about(r->field).type;

	if (r->kind == VDEV_MIGRATION_IGNORE)
		return false;
	if (!known(s, r->field) && !known(d, r->field))
		return r->kind == VDEV_MIGRATION_NEED || r->flags & VDEV_MIGRATION_MUST_KNOW;
	if (!known(s, r->field) || !known(d, r->field))
		return true;
	if (type == VDEV_MIGRATION_LAYOUT)
		return layout_differs(r, s, d);
	if (type == VDEV_MIGRATION_STRING || type == VDEV_MIGRATION_VERSION)
		return r->kind == VDEV_MIGRATION_EXACT
			       ? strcmp(text(s, r->field), text(d, r->field)) != 0
			       : naive_version_order(text(d, r->field), text(s, r->field)) < 0;
	return number_differs(r, number(s, r->field), number(d, r->field));
}

static bool match(const struct vdev_migration_device *d, uint32_t field, uint32_t want,
		  uint32_t mask)
{
	return !mask || (known(d, field) && (number(d, field) & mask) == want);
}

static bool is_for(const struct vdev_migration_rule *r, const struct vdev_migration_device *s,
		   uint32_t field)
{
	return r->field == field &&
	       match(s, VDEV_MIGRATION_F_CLASS, r->class_code, r->class_mask) &&
	       match(s, VDEV_MIGRATION_F_VENDOR, r->vendor, r->vendor_mask) &&
	       match(s, VDEV_MIGRATION_F_DEVICE, r->device, r->device_mask);
}

void naive_compare(const struct vdev_migration_rules *rules, const struct vdev_migration_device *s,
		   const struct vdev_migration_device *d, struct naive_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t field = 0; field < VDEV_MIGRATION_FIELDS; field++) {
		struct vdev_migration_rule r;
		int i = vdev_migration_rules_count(rules) - 1;

		for (; i >= 0; i--) {
			vdev_migration_rules_get(rules, (uint32_t)i, &r, sizeof(r));
			if (is_for(&r, s, field))
				break;
		}
		if (i < 0 || !differs(&r, s, d))
			continue;
		ret->field[ret->count] = field;
		ret->rule[ret->count] = (uint32_t)i;
		ret->flags[ret->count++] =
			(known(s, field) ? 0 : VDEV_MIGRATION_SOURCE_UNKNOWN) |
			(known(d, field) ? 0 : VDEV_MIGRATION_DESTINATION_UNKNOWN);
		if (r.verdict > ret->verdict)
			ret->verdict = r.verdict;
	}
}

uint32_t naive_allowed(uint32_t hardware, uint32_t flags)
{
	if (hardware <= VDEV_MIGRATION_LIVE_STOP_COPY_ONLY)
		return hardware;
	if (hardware == VDEV_MIGRATION_QUIESCE_REBUILD && !(flags & VDEV_MIGRATION_NO_REBUILD))
		return hardware;
	return flags & VDEV_MIGRATION_SOFTWARE ? VDEV_MIGRATION_EMULATE : VDEV_MIGRATION_REFUSE;
}

int naive_order(const struct naive_best *a, const struct naive_best *b)
{
	for (uint32_t i = 0; i < 5; i++)
		if (a->cost.part[i] != b->cost.part[i])
			return a->cost.part[i] < b->cost.part[i] ? -1 : 1;
	for (uint32_t i = 0; i < a->rows; i++)
		if (a->cost.address[i] != b->cost.address[i])
			return a->cost.address[i] < b->cost.address[i] ? -1 : 1;
	return 0;
}

struct search {
	const struct vdev_migration_vm *vm;
	const struct vdev_migration_host *host;
	uint32_t verdict[NAIVE_MOST]
			[NAIVE_MOST]; /* of device and function; REFUSE: not to be had */
	struct naive_best now, best;
	uint32_t taken;
	bool any;
};

static bool can_be_had(const struct vdev_migration_host *h, uint32_t i)
{
	const struct vdev_migration_device *d = &h->devices[i];

	if (d->use == VDEV_MIGRATION_USED || d->use == VDEV_MIGRATION_BRIDGE)
		return false;
	if (known(d, VDEV_MIGRATION_F_SRIOV_VFS) && d->sriov_vfs)
		return false;
	for (uint32_t k = 0; k < h->device_count; k++)
		if (d->iommu_group != VDEV_MIGRATION_UNKNOWN &&
		    h->devices[k].iommu_group == d->iommu_group &&
		    h->devices[k].use == VDEV_MIGRATION_USED)
			return false;
	return true;
}

static uint32_t distance(const struct vdev_migration_host *h, uint32_t from, uint32_t to)
{
	if (from == VDEV_MIGRATION_UNKNOWN)
		return 0;
	if (from >= h->node_count || to >= h->node_count)
		return 255;
	if (h->distances)
		return h->distances[from * h->node_count + to];
	return from == to ? 10 : 20;
}

static void add(struct naive_cost *c, uint32_t verdict, int sign)
{
	const uint32_t n = (uint32_t)sign;

	c->part[0] += verdict == VDEV_MIGRATION_REFUSE ? n : 0;
	c->part[1] += verdict != VDEV_MIGRATION_LIVE ? n : 0;
	c->part[2] += verdict >= VDEV_MIGRATION_QUIESCE_REBUILD ? n : 0;
	c->part[3] += verdict >= VDEV_MIGRATION_EMULATE ? n : 0;
}

static void all(struct search *s, uint32_t row)
{
	const struct vdev_migration_want *w = &s->vm->devices[row];
	uint32_t without =
		w->flags & VDEV_MIGRATION_SOFTWARE ? VDEV_MIGRATION_EMULATE : VDEV_MIGRATION_REFUSE;

	if (row == s->vm->device_count) {
		if (!s->any || naive_order(&s->now, &s->best) < 0)
			s->best = s->now;
		s->any = true;
		return;
	}
	for (uint32_t i = 0; i < s->host->device_count; i++) {
		uint32_t d = distance(s->host, w->node, s->host->devices[i].node);

		if (s->taken >> i & 1 || s->verdict[row][i] >= VDEV_MIGRATION_EMULATE)
			continue;
		s->taken |= 1u << i;
		add(&s->now.cost, s->verdict[row][i], 1);
		s->now.cost.part[4] += d;
		s->now.cost.address[row] = s->host->devices[i].address;
		all(s, row + 1);
		s->now.cost.part[4] -= d;
		add(&s->now.cost, s->verdict[row][i], -1);
		s->taken &= ~(1u << i);
	}
	add(&s->now.cost, without, 1);
	s->now.cost.address[row] = VDEV_NONE;
	all(s, row + 1);
	add(&s->now.cost, without, -1);
}

void naive_assign(const struct vdev_migration_rules *rules, const struct vdev_migration_vm *vm,
		  const struct vdev_migration_host *host, struct naive_best *ret)
{
	struct search s = {.vm = vm, .host = host, .now.rows = vm->device_count};

	for (uint32_t i = 0; i < vm->device_count; i++)
		for (uint32_t k = 0; k < host->device_count; k++) {
			struct naive_result r;

			naive_compare(rules, vm->devices[i].device, &host->devices[k], &r);
			s.verdict[i][k] = can_be_had(host, k)
						  ? naive_allowed(r.verdict, vm->devices[i].flags)
						  : VDEV_MIGRATION_REFUSE;
		}
	all(&s, 0);
	*ret = s.best;
}
