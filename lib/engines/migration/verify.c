/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: what has changed since the plan was made (M9)? Asked before RAM moves, and again just before commit.
 */
#include "plan.h"

struct verifier {
	const struct vdev_migration_plan *plan;
	const struct vdev_migration_rules *rules;
	struct vdev_migration_host source, destination;
	bool has_source, has_destination;
	bool claimed;
	uint32_t *marks; /* of the destination's functions */
	uint8_t *out;
	size_t size;
	uint32_t max, count, stop;
	uint32_t gone; /* verdict of the device, were it gone */
};

static void tell(struct verifier *v, struct vdev_migration_change c)
{
	if (c.stop)
		v->stop = 1;
	if (v->count < v->max)
		vdev__copy_out(v->out + v->count * v->size, v->size, &c, sizeof(c));
	v->count++;
}

/* Index of the device with that address; VDEV_MIGRATION_UNKNOWN. */
static uint32_t find(const struct vdev_migration_host *h, uint64_t address)
{
	for (uint32_t i = 0; i < h->device_count; i++)
		if (vdev__migration_device_at(h, i)->address == address)
			return i;
	return VDEV_MIGRATION_UNKNOWN;
}

/* Two looks at one device: each field that a rule looks at and that is another one now. */
static void tell_values(struct verifier *v, struct vdev_migration_change c,
			const struct judges *judges, uint64_t worse,
			const struct vdev_migration_device *then,
			const struct vdev_migration_device *now)
{
	c.what = VDEV_MIGRATION_OTHER_VALUE;
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++)
		if (judges->rule[i] != NO_RULE && !(worse >> i & 1) &&
		    !vdev__migration_same(then, now, i)) {
			c.field = i;
			tell(v, c);
		}
}

/* Each field by which the verdict has become worse. Returns them as bits. */
static uint64_t tell_worse(struct verifier *v, struct vdev_migration_change c,
			   const struct planned *d, const struct judges *judges,
			   const struct vdev_migration_device *source,
			   const struct vdev_migration_device *destination)
{
	struct vdev_migration_difference list[VDEV_MIGRATION_FIELDS];
	uint32_t hardware, count;
	uint64_t worse = 0;

	count = vdev__migration_list(v->rules, judges, source, destination, list, &hardware);
	c.what = VDEV_MIGRATION_WORSE;
	c.stop = 1;
	for (uint32_t i = 0; i < count; i++) {
		if (list[i].verdict <= d->place.verdict)
			continue;
		c.field = list[i].field;
		c.verdict = vdev__migration_allowed(hardware, d->facts);
		c.side = vdev__migration_same(&d->source, source, c.field)
				 ? VDEV_MIGRATION_AT_DESTINATION
				 : VDEV_MIGRATION_AT_SOURCE;
		worse |= UINT64_C(1) << c.field;
		tell(v, c);
	}
	return worse;
}

/* Nor is it free if nobody knows; of one that we have claimed ourselves we do. */
static void tell_place(struct verifier *v, struct vdev_migration_change c, const struct planned *d,
		       uint32_t index, const struct vdev_migration_device *now)
{
	bool unknown = now->use == VDEV_MIGRATION_USE_UNKNOWN && !v->claimed;

	c.what = VDEV_MIGRATION_NOT_FREE;
	c.stop = 1;
	if (unknown || v->marks[index] != HAVE_FREE)
		tell(v, c);
	c.what = VDEV_MIGRATION_MOVED_NODE;
	c.stop = 0;
	if (now->node != d->destination.node)
		tell(v, c);
}

/* The device as it is now; as it was, if nobody looked; NULL: gone, which was told. */
static const struct vdev_migration_device *look(struct verifier *v, struct vdev_migration_change c,
						bool looked, const struct vdev_migration_host *host,
						const struct vdev_migration_device *then,
						uint32_t *ret_index)
{
	*ret_index = VDEV_MIGRATION_UNKNOWN;
	if (!looked)
		return then;
	*ret_index = find(host, then->address);
	if (*ret_index != VDEV_MIGRATION_UNKNOWN)
		return vdev__migration_device_at(host, *ret_index);
	c.what = VDEV_MIGRATION_GONE;
	c.stop = 1;
	c.verdict = v->gone;
	tell(v, c);
	return NULL;
}

/*
 * Who has a function open by VFIO is the only one who can ask what its driver can do. What the plan knows of that, and
 * the fresh inventory cannot, is taken over: `copy` is the device as it is now, with it.
 */
static const struct vdev_migration_device *keep_answers(struct vdev_migration_device *copy,
							const struct vdev_migration_device *then,
							const struct vdev_migration_device *now)
{
	*copy = *now;
	for (uint32_t i = VDEV_MIGRATION_F_STOP_COPY; i <= VDEV_MIGRATION_F_DMA_LOGGING; i++) {
		size_t offset = vdev__migration_field(i)->offset;

		if (vdev__migration_known(now, i) || !vdev__migration_known(then, i))
			continue;
		memcpy((uint8_t *)copy + offset, (const uint8_t *)then + offset, sizeof(uint32_t));
		copy->known |= UINT64_C(1) << i;
	}
	return copy;
}

static void verify_device(struct verifier *v, uint32_t i)
{
	const struct planned *d = &v->plan->devices[i];
	struct vdev_migration_change here = {.device = i,
					     .side = VDEV_MIGRATION_AT_SOURCE,
					     .field = VDEV_MIGRATION_UNKNOWN,
					     .verdict = d->place.verdict};
	struct vdev_migration_change there = here;
	const struct vdev_migration_device *source, *destination = NULL;
	struct vdev_migration_device source_now, destination_now;
	struct judges judges;
	uint64_t worse = 0;
	uint32_t index;

	there.side = VDEV_MIGRATION_AT_DESTINATION;
	v->gone = vdev__migration_allowed(VDEV_MIGRATION_REFUSE, d->facts);
	vdev__migration_judges(v->rules, &d->source, &judges);
	source = look(v, here, v->has_source, &v->source, &d->source, &index);
	if (vdev__migration_placed(d))
		destination = look(v, there, v->has_destination, &v->destination, &d->destination,
				   &index);
	if (destination && index != VDEV_MIGRATION_UNKNOWN)
		tell_place(v, there, d, index, destination);
	if (source) /* its VM has it open */
		source = keep_answers(&source_now, &d->source, source);
	if (destination && v->claimed && destination->use == VDEV_MIGRATION_USED)
		destination = keep_answers(&destination_now, &d->destination, destination);
	if (source && destination)
		worse = tell_worse(v, there, d, &judges, source, destination);
	if (source)
		tell_values(v, here, &judges, worse, &d->source, source);
	if (destination)
		tell_values(v, there, &judges, worse, &d->destination, destination);
}

/* What we have claimed ourselves is no obstacle. */
static int make_marks(struct verifier *v)
{
	uint64_t own[VDEV_MIGRATION_MAX_DEVICES];
	uint32_t count = v->destination.device_count, owns = 0;

	if (!v->has_destination || !count)
		return 0;
	v->marks = vdev__alloc(&v->plan->env, count, sizeof(*v->marks));
	if (!v->marks)
		return -ENOMEM;
	for (uint32_t i = 0; i < v->plan->count && v->claimed; i++)
		if (vdev__migration_placed(&v->plan->devices[i]))
			own[owns++] = v->plan->devices[i].place.address;
	return vdev__migration_availability(&v->plan->env, &v->destination, own, owns, v->marks);
}

static int take_hosts(struct verifier *v, const struct vdev_migration_host *source,
		      const struct vdev_migration_host *destination)
{
	int error = 0;

	v->has_source = source != NULL;
	v->has_destination = destination != NULL;
	if (source)
		error = vdev__migration_host_ok(&v->source, source);
	if (destination && !error)
		error = vdev__migration_host_ok(&v->destination, destination);
	return error;
}

static int verify(struct verifier *v)
{
	int error = make_marks(v);

	v->stop = vdev__migration_plan_verdict(v->plan) == VDEV_MIGRATION_REFUSE;
	for (uint32_t i = 0; !error && i < v->plan->count; i++)
		verify_device(v, i);
	vdev__free(&v->plan->env, v->marks, v->destination.device_count * sizeof(*v->marks));
	return error;
}

int vdev_migration_plan_verify(const struct vdev_migration_plan *plan,
			       const struct vdev_migration_rules *rules,
			       const struct vdev_migration_host *source,
			       const struct vdev_migration_host *destination, uint32_t flags,
			       struct vdev_migration_change *ret_changes, size_t change_size,
			       uint32_t max, uint32_t *ret_stop)
{
	struct verifier v = {.plan = plan, .max = max, .size = change_size};
	int error;

	if (!plan || flags & ~VDEV_MIGRATION_CLAIMED || (max && (!ret_changes || !change_size)))
		return -EINVAL;
	v.out = (uint8_t *)ret_changes;
	v.claimed = flags & VDEV_MIGRATION_CLAIMED;
	error = take_hosts(&v, source, destination);
	if (!error)
		error = vdev__migration_rules_use(&v.rules, &plan->env, rules);
	if (error)
		return error;
	error = verify(&v);
	vdev__migration_rules_end_use(v.rules, rules);
	if (error)
		return error;
	if (ret_stop)
		*ret_stop = v.stop;
	return (int)v.count;
}
