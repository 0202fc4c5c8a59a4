/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: one device against one function, field by field (M2, M8).
 */
#include "rules.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Dots, dashes, blanks only divide. */
static const char *next_part(const char *p)
{
	while (*p && !is_digit(*p) && !is_alpha(*p))
		p++;
	return p;
}

static size_t part_length(const char *p)
{
	size_t n = 0;

	while (is_digit(*p) ? is_digit(p[n]) : is_alpha(p[n]))
		n++;
	return n;
}

/* Numbers of any length: without their zeroes the longer one is more. */
static int number_order(const char *a, size_t na, const char *b, size_t nb)
{
	for (; na && *a == '0'; na--)
		a++;
	for (; nb && *b == '0'; nb--)
		b++;
	if (na != nb)
		return na < nb ? -1 : 1;
	return memcmp(a, b, na);
}

static int word_order(const char *a, size_t na, const char *b, size_t nb)
{
	int order = memcmp(a, b, na < nb ? na : nb);

	if (order || na == nb)
		return order;
	return na < nb ? -1 : 1;
}

/* A number is more than a word (1.0.1 and 1.0.rc), and anything is more than nothing. */
int vdev__migration_version_order(const char *a, const char *b)
{
	for (;;) {
		size_t na, nb;
		int order;

		a = next_part(a);
		b = next_part(b);
		if (!*a || !*b)
			return !!*a - !!*b;
		if (is_digit(*a) != is_digit(*b))
			return is_digit(*a) ? 1 : -1;
		na = part_length(a);
		nb = part_length(b);
		order = is_digit(*a) ? number_order(a, na, b, nb) : word_order(a, na, b, nb);
		if (order)
			return order;
		a += na;
		b += nb;
	}
}

static bool same_cap(const struct vdev_migration_cap *a, const struct vdev_migration_cap *b)
{
	return a->id == b->id && a->offset == b->offset && a->extended == b->extended;
}

static bool layout_same(const struct vdev_migration_device *s,
			const struct vdev_migration_device *d)
{
	if (s->cap_count != d->cap_count)
		return false;
	for (uint32_t i = 0; i < s->cap_count; i++)
		if (!same_cap(&s->caps[i], &d->caps[i]) || s->caps[i].version != d->caps[i].version)
			return false;
	return true;
}

static bool has_cap(const struct vdev_migration_device *d, const struct vdev_migration_cap *c)
{
	for (uint32_t i = 0; i < d->cap_count; i++)
		if (same_cap(&d->caps[i], c) && d->caps[i].version >= c->version)
			return true;
	return false;
}

static bool layout_within(const struct vdev_migration_device *s,
			  const struct vdev_migration_device *d)
{
	for (uint32_t i = 0; i < s->cap_count; i++)
		if (!has_cap(d, &s->caps[i]))
			return false;
	return true;
}

static bool numbers_fit(const struct vdev_migration_rule *r, uint64_t s, uint64_t d)
{
	bool bits = vdev__migration_field(r->field)->type == VDEV_MIGRATION_BITS;

	if (r->kind == VDEV_MIGRATION_EXACT)
		return !((s ^ d) & (r->value ? r->value : UINT64_MAX));
	if (r->kind == VDEV_MIGRATION_AT_LEAST)
		return bits ? !(s & ~d) : d >= s;
	return bits ? (s & d & r->value) == r->value : s >= r->value && d >= r->value;
}

static bool fits(const struct vdev_migration_rule *r, const struct vdev_migration_device *s,
		 const struct vdev_migration_device *d)
{
	uint32_t type = vdev__migration_field(r->field)->type;
	const char *ours, *theirs;

	if (type < VDEV_MIGRATION_STRING)
		return numbers_fit(r, vdev__migration_number(s, r->field),
				   vdev__migration_number(d, r->field));
	if (type == VDEV_MIGRATION_LAYOUT)
		return r->kind == VDEV_MIGRATION_EXACT ? layout_same(s, d) : layout_within(s, d);
	ours = vdev__migration_string(s, r->field);
	theirs = vdev__migration_string(d, r->field);
	if (r->kind == VDEV_MIGRATION_EXACT)
		return !strcmp(ours, theirs);
	return vdev__migration_version_order(theirs, ours) >= 0;
}

int vdev__migration_differs(const struct vdev_migration_rule *r,
			    const struct vdev_migration_device *s,
			    const struct vdev_migration_device *d, uint32_t *ret_flags)
{
	uint32_t flags = 0;

	if (!vdev__migration_known(s, r->field))
		flags |= VDEV_MIGRATION_SOURCE_UNKNOWN;
	if (!vdev__migration_known(d, r->field))
		flags |= VDEV_MIGRATION_DESTINATION_UNKNOWN;
	*ret_flags = flags;
	if (!flags)
		return !fits(r, s, d);
	/* What one side knows and the other does not, nobody can show to be the same. */
	return flags != (VDEV_MIGRATION_SOURCE_UNKNOWN | VDEV_MIGRATION_DESTINATION_UNKNOWN) ||
	       r->kind == VDEV_MIGRATION_NEED || r->flags & VDEV_MIGRATION_MUST_KNOW;
}

uint32_t vdev__migration_list(const struct vdev_migration_rules *rules, const struct judges *judges,
			      const struct vdev_migration_device *s,
			      const struct vdev_migration_device *d,
			      struct vdev_migration_difference *ret_list, uint32_t *ret_verdict)
{
	uint32_t count = 0, worst = VDEV_MIGRATION_LIVE, flags;

	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++) {
		const struct vdev_migration_rule *r;

		if (judges->rule[i] == NO_RULE)
			continue;
		r = &rules->list[judges->rule[i]];
		if (!vdev__migration_differs(r, s, d, &flags))
			continue;
		if (r->verdict > worst)
			worst = r->verdict;
		if (ret_list)
			ret_list[count] = (struct vdev_migration_difference){
				i,         r->kind, r->verdict, flags, judges->rule[i],
				r->origin, r->line, 0};
		count++;
	}
	*ret_verdict = worst;
	return count;
}

uint32_t vdev__migration_allowed(uint32_t hardware, uint32_t flags)
{
	if (hardware == VDEV_MIGRATION_QUIESCE_REBUILD && flags & VDEV_MIGRATION_NO_REBUILD)
		hardware = VDEV_MIGRATION_EMULATE;
	if (hardware < VDEV_MIGRATION_EMULATE)
		return hardware;
	return flags & VDEV_MIGRATION_SOFTWARE ? VDEV_MIGRATION_EMULATE : VDEV_MIGRATION_REFUSE;
}

static void compare(const struct vdev_migration_rules *rules, const struct vdev_migration_device *s,
		    const struct vdev_migration_device *d, uint32_t flags,
		    struct vdev_migration_result *ret_result,
		    struct vdev_migration_difference *ret_list)
{
	struct vdev_migration_result r = {0};
	struct judges judges;

	vdev__migration_judges(rules, s, &judges);
	r.differences = vdev__migration_list(rules, &judges, s, d, ret_list, &r.hardware);
	r.verdict = vdev__migration_allowed(r.hardware, flags);
	*ret_result = r;
}

static int check(const struct vdev_migration_device *s, const struct vdev_migration_device *d,
		 size_t size)
{
	int error = vdev__migration_device_ok(s, size);

	return error ? error : vdev__migration_device_ok(d, size);
}

int vdev_migration_compare(const struct vdev_migration_rules *rules,
			   const struct vdev_migration_device *source,
			   const struct vdev_migration_device *destination, size_t device_size,
			   uint32_t flags, struct vdev_migration_result *ret_result,
			   size_t result_size, struct vdev_migration_difference *ret_differences,
			   size_t difference_size, uint32_t max)
{
	struct vdev_migration_difference list[VDEV_MIGRATION_FIELDS];
	const struct vdev_migration_rules *used;
	struct vdev_migration_result r;
	int error;

	if (!ret_result || !result_size || flags & ~VDEV__MIGRATION_FACTS ||
	    (max && (!ret_differences || !difference_size)))
		return -EINVAL;
	error = check(source, destination, device_size);
	if (!error)
		error = vdev__migration_rules_use(&used, NULL, rules);
	if (error)
		return error;
	compare(used, source, destination, flags, &r, max ? list : NULL);
	vdev__migration_rules_end_use(used, rules);
	for (uint32_t i = 0; i < max && i < r.differences; i++)
		vdev__copy_out((uint8_t *)ret_differences + i * difference_size, difference_size,
			       &list[i], sizeof(list[i]));
	return vdev__copy_out(ret_result, result_size, &r, sizeof(r));
}
