/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: reading plans (image.c has the layout). An image may be hostile: what it holds must be a plan that
 * this planner could have made, but for the rules, which it does not hold.
 */
#include "image.h"
#include "plan.h"

#define DESCRIPTOR_BYTES 36u
#define DEVICE_BYTES (40u + DESCRIPTOR_BYTES + 5u)
#define DIFFERENCE_BYTES 28u
#define CAP_BYTES 6u

static void get_text(struct vdev__reader *r, char *text)
{
	uint8_t length = vdev__get_u8(r);

	if (length >= VDEV_MIGRATION_TEXT) {
		vdev__reader_fail(r);
		return;
	}
	vdev__get_bytes(r, text, length);
	if (strlen(text) != length)
		vdev__reader_fail(r); /* it would not be written as it was read */
}

static void get_layout(struct vdev__reader *r, struct vdev_migration_device *d)
{
	uint32_t count = vdev__get_count(r, CAP_BYTES);

	if (count > VDEV_MIGRATION_CAPS) {
		vdev__reader_fail(r);
		return;
	}
	d->cap_count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t word = vdev__get_u32(r);

		d->caps[i].id = (uint16_t)(word >> 16);
		d->caps[i].offset = (uint16_t)word;
		d->caps[i].version = vdev__get_u8(r);
		d->caps[i].extended = vdev__get_u8(r);
	}
}

static void get_field(struct vdev__reader *r, struct vdev_migration_device *d, uint32_t field)
{
	const struct vdev_migration_field *f = vdev__migration_field(field);
	uint8_t *at = (uint8_t *)d + f->offset;
	uint64_t wide;
	uint32_t value;

	if (f->type == VDEV_MIGRATION_LAYOUT) {
		get_layout(r, d);
	} else if (f->type >= VDEV_MIGRATION_STRING) {
		get_text(r, (char *)at);
	} else if (f->size == sizeof(wide)) {
		wide = vdev__get_u64(r);
		memcpy(at, &wide, sizeof(wide));
	} else {
		value = vdev__get_u32(r);
		memcpy(at, &value, sizeof(value));
	}
}

static void get_descriptor(struct vdev__reader *r, struct vdev_migration_device *d)
{
	d->known = vdev__get_u64(r);
	d->address = vdev__get_u64(r);
	d->pf = vdev__get_u64(r);
	d->iommu_group = vdev__get_u32(r);
	d->node = vdev__get_u32(r);
	d->use = vdev__get_u32(r);
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS && !r->error; i++)
		if (vdev__migration_known(d, i))
			get_field(r, d, i);
	if (vdev__migration_device_ok(d, sizeof(*d)))
		vdev__reader_fail(r);
}

/* Does the difference say of unknown values what the descriptors say? */
static bool flags_ok(const struct planned *d, const struct vdev_migration_difference *f)
{
	uint32_t flags = 0;

	if (!vdev__migration_known(&d->source, f->field))
		flags |= VDEV_MIGRATION_SOURCE_UNKNOWN;
	if (!vdev__migration_known(&d->destination, f->field))
		flags |= VDEV_MIGRATION_DESTINATION_UNKNOWN;
	return flags == f->flags;
}

static bool difference_ok(const struct planned *d, const struct vdev_migration_difference *f)
{
	return f->field < VDEV_MIGRATION_FIELDS && f->kind < VDEV_MIGRATION_IGNORE && f->verdict &&
	       f->verdict < VDEV_MIGRATION_VERDICTS && f->rule < VDEV_MIGRATION_MAX_RULES &&
	       (!d->count || d->difference[d->count - 1].field < f->field) && flags_ok(d, f);
}

static void get_difference(struct vdev__reader *r, struct planned *d)
{
	struct vdev_migration_difference f = {0};

	f.field = vdev__get_u32(r);
	f.kind = vdev__get_u32(r);
	f.verdict = vdev__get_u32(r);
	f.flags = vdev__get_u32(r);
	f.rule = vdev__get_u32(r);
	f.origin = vdev__get_u32(r);
	f.line = vdev__get_u32(r);
	if (difference_ok(d, &f))
		d->difference[d->count++] = f;
	else
		vdev__reader_fail(r);
}

/* First of the worst; NULL: nothing differs. */
static const struct vdev_migration_difference *worst_of(const struct planned *d)
{
	const struct vdev_migration_difference *worst = NULL;

	for (uint32_t i = 0; i < d->count; i++)
		if (!worst || d->difference[i].verdict > worst->verdict)
			worst = &d->difference[i];
	return worst;
}

/* It has a function, and the verdict that the differences give. */
static bool placed_ok(const struct planned *d, uint32_t hardware)
{
	return d->has_destination && d->place.address == d->destination.address &&
	       d->place.verdict == hardware && d->place.distance <= UINT8_MAX &&
	       vdev__migration_allowed(hardware, d->facts) == hardware &&
	       d->place.reason == (d->count ? VDEV_MIGRATION_DIFFERS : VDEV_MIGRATION_FITS);
}

/* It has none, whatever there is. */
static bool unplaced_ok(const struct planned *d)
{
	uint32_t verdict =
		d->facts & VDEV_MIGRATION_SOFTWARE ? VDEV_MIGRATION_EMULATE : VDEV_MIGRATION_REFUSE;

	return d->place.verdict == verdict && d->place.reason &&
	       d->place.reason < VDEV_MIGRATION_REASONS && !d->place.distance &&
	       !d->has_destination == (d->place.reason == VDEV_MIGRATION_NOTHING);
}

static bool device_ok(const struct planned *d)
{
	const struct vdev_migration_difference *worst = worst_of(d);

	if (d->facts & ~VDEV__MIGRATION_FACTS ||
	    !d->has_destination != (d->place.function == VDEV_MIGRATION_UNKNOWN) ||
	    d->place.field != (worst ? worst->field : VDEV_MIGRATION_UNKNOWN) ||
	    d->place.rule != (worst ? worst->rule : VDEV_MIGRATION_UNKNOWN))
		return false;
	return vdev__migration_placed(d)
		       ? placed_ok(d, worst ? worst->verdict : VDEV_MIGRATION_LIVE)
		       : unplaced_ok(d);
}

static void get_differences(struct vdev__reader *r, struct planned *d)
{
	uint32_t count = vdev__get_count(r, DIFFERENCE_BYTES);

	if (count > VDEV_MIGRATION_FIELDS || (count && !d->has_destination))
		vdev__reader_fail(r);
	for (uint32_t i = 0; i < count && !r->error; i++)
		get_difference(r, d);
}

static void get_device(struct vdev__reader *r, struct planned *d)
{
	uint8_t has_destination;

	d->place.address = vdev__get_u64(r);
	d->place.verdict = vdev__get_u32(r);
	d->place.reason = vdev__get_u32(r);
	d->place.function = vdev__get_u32(r);
	d->place.distance = vdev__get_u32(r);
	d->place.field = vdev__get_u32(r);
	d->place.rule = vdev__get_u32(r);
	d->facts = vdev__get_u32(r);
	d->node = vdev__get_u32(r);
	get_descriptor(r, &d->source);
	has_destination = vdev__get_u8(r);
	if (has_destination > 1)
		vdev__reader_fail(r);
	d->has_destination = has_destination;
	if (d->has_destination)
		get_descriptor(r, &d->destination);
	get_differences(r, d);
	if (!device_ok(d))
		vdev__reader_fail(r);
}

/* No function twice. */
static bool places_ok(const struct vdev_migration_plan *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (vdev__migration_placed(&p->devices[i]) &&
			    p->devices[i].place.address == p->devices[k].place.address)
				return false;
	return true;
}

static void get_head(struct vdev__reader *r, uint32_t *ret_flags, uint64_t *deadline_ns,
		     uint32_t *ret_count)
{
	*ret_flags = vdev__get_u32(r);
	if (*ret_flags & ~VDEV_MIGRATION_QUIESCE_LATE)
		vdev__reader_fail(r);
	for (uint32_t i = 0; i < VDEV_MIGRATION_STEPS; i++) {
		deadline_ns[i] = vdev__get_u64(r);
		if (!deadline_ns[i] || deadline_ns[i] > MAX_DEADLINE)
			vdev__reader_fail(r);
	}
	*ret_count = vdev__get_count(r, DEVICE_BYTES);
	if (*ret_count > VDEV_MIGRATION_MAX_DEVICES)
		vdev__reader_fail(r);
}

static int get_plan(struct vdev__reader *r, struct vdev_migration_plan *plan)
{
	int error;

	for (uint32_t i = 0; i < plan->count && !r->error; i++)
		get_device(r, &plan->devices[i]);
	error = vdev__reader_finish(r);
	if (error)
		return error;
	return places_ok(plan) ? vdev__migration_steps(plan) : -EBADMSG;
}

int vdev_migration_plan_load(const struct vdev_env *env, const void *image, size_t size,
			     struct vdev_migration_plan **ret_plan)
{
	uint64_t deadline_ns[VDEV_MIGRATION_STEPS];
	struct vdev_migration_plan *plan;
	struct vdev__reader r;
	uint32_t flags, count;
	struct vdev_env e;
	int error;

	if (!image || !ret_plan)
		return -EINVAL;
	error = vdev__env_copy(&e, env);
	if (!error)
		error = vdev__reader_init(&r, image, size, VDEV_PART_MIGRATION, PLAN_IMAGE_VERSION);
	if (error)
		return error;
	get_head(&r, &flags, deadline_ns, &count);
	if (r.error)
		return r.error;
	error = vdev__migration_plan_make(&plan, &e, count);
	if (error)
		return error;
	plan->flags = flags;
	memcpy(plan->deadline_ns, deadline_ns, sizeof(deadline_ns));
	error = get_plan(&r, plan);
	if (error) {
		vdev_migration_plan_free(plan);
		return error;
	}
	*ret_plan = plan;
	return 0;
}
