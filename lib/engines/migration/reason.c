/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: why a device has the verdict that it has (M8, M11). Losers keep their reasons, too.
 */
#include "planner.h"

/* M1: hardware of the same class, whatever its programming interface. */
static bool same_class(const struct vdev_migration_device *a, const struct vdev_migration_device *b)
{
	bool known = vdev__migration_known(a, VDEV_MIGRATION_F_CLASS);

	return known == vdev__migration_known(b, VDEV_MIGRATION_F_CLASS) &&
	       (!known || a->class_code >> 8 == b->class_code >> 8);
}

/* The nearest miss so far: less is better. */
struct miss {
	uint32_t reason, order; /* order within the reason */
	uint32_t function;
	struct pair pair;
};

/*
 * CONTENDED before TAKEN before DIFFERS before NOTHING, then the better verdict, then fewer differences: what is the
 * least to be changed?
 */
static void consider(struct vdev_migration *o, const struct asked *a, const struct shape *s,
		     uint32_t row, uint32_t function, struct miss *m)
{
	const struct function *f = &s->f[function];
	struct miss n = {.function = function};
	uint32_t verdict;

	if (f->have == HAVE_NEVER)
		return;
	vdev__migration_pair(o, a->type[row], f->type, &n.pair);
	verdict = vdev__migration_allowed(n.pair.hardware, a->vm.devices[row].flags);
	n.order = n.pair.hardware << 6 | n.pair.count;
	if (verdict < VDEV_MIGRATION_EMULATE)
		n.reason = f->have == HAVE_FREE ? VDEV_MIGRATION_CONTENDED : VDEV_MIGRATION_TAKEN;
	else if (same_class(&o->types[a->type[row]]->d, &o->types[f->type]->d))
		n.reason = VDEV_MIGRATION_DIFFERS;
	else
		return;
	/* The order of their numbers, but that DIFFERS comes last. */
	n.order += n.reason == VDEV_MIGRATION_DIFFERS ? 2000
		   : n.reason == VDEV_MIGRATION_TAKEN ? 1000
						      : 0;
	if (m->reason == VDEV_MIGRATION_NOTHING || n.order < m->order)
		*m = n;
}

static void without(struct vdev_migration *o, const struct asked *a, const struct shape *s,
		    uint32_t row, struct vdev_migration_place *p)
{
	struct miss m = {.reason = VDEV_MIGRATION_NOTHING,
			 .function = VDEV_MIGRATION_UNKNOWN,
			 .pair = {0, VDEV_MIGRATION_UNKNOWN, VDEV_MIGRATION_UNKNOWN, 0}};

	for (uint32_t i = 0; i < s->count; i++)
		consider(o, a, s, row, i, &m);
	p->verdict = a->vm.devices[row].flags & VDEV_MIGRATION_SOFTWARE ? VDEV_MIGRATION_EMULATE
									: VDEV_MIGRATION_REFUSE;
	p->reason = m.reason;
	p->function = m.function;
	p->field = m.pair.field;
	p->rule = m.pair.rule;
	p->address = VDEV_NONE;
	p->distance = 0;
}

void vdev__migration_place(struct vdev_migration *o, const struct asked *a, const struct shape *s,
			   const struct outcome *out, uint32_t row, struct vdev_migration_place *p)
{
	const struct vdev_migration_want *w = &a->vm.devices[row];
	uint32_t function = out->function[row];
	struct pair pair;

	memset(p, 0, sizeof(*p));
	p->user_data = w->user_data;
	if (function == NO_INDEX) {
		without(o, a, s, row, p);
		return;
	}
	vdev__migration_pair(o, a->type[row], s->f[function].type, &pair);
	p->verdict = pair.hardware;
	p->reason =
		pair.field == VDEV_MIGRATION_UNKNOWN ? VDEV_MIGRATION_FITS : VDEV_MIGRATION_DIFFERS;
	p->function = function;
	p->field = pair.field;
	p->rule = pair.rule;
	p->distance = vdev__migration_distance(s, w->node, s->f[function].node);
}

void vdev__migration_sum(struct vdev_migration *o, const struct asked *a, const struct shape *s,
			 const struct outcome *out, struct vdev_migration_rank *r)
{
	struct vdev_migration_place p, worst = {.reason = VDEV_MIGRATION_FITS,
						.function = VDEV_MIGRATION_UNKNOWN,
						.field = VDEV_MIGRATION_UNKNOWN,
						.rule = VDEV_MIGRATION_UNKNOWN};

	memset(r, 0, sizeof(*r));
	r->device = VDEV_MIGRATION_UNKNOWN;
	for (uint32_t i = 0; i < a->vm.device_count; i++) {
		vdev__migration_place(o, a, s, out, i, &p);
		r->counts[p.verdict]++;
		r->distance += p.distance;
		if (r->device != VDEV_MIGRATION_UNKNOWN && p.verdict <= worst.verdict)
			continue;
		r->device = i;
		worst = p;
	}
	r->verdict = worst.verdict;
	r->reason = worst.reason;
	r->function = worst.function;
	r->field = worst.field;
	r->rule = worst.rule;
}
