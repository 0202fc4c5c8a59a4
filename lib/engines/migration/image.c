/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: writing plans, version 1 (load.c reads them). Steps are not written: they follow from the rest. Nor is
 * user_data.
 *
 *   payload    = u32 flags; 24 * u64 deadline; u32 n, n * device
 *   device     = u64 address; u32 verdict, reason, function, distance, field, rule, facts, node;
 *                descriptor of the source; u8 there is another, [descriptor of the destination]; u32 n, n * difference
 *   descriptor = u64 known, address, pf; u32 group, node, use; each field that is known
 *   field      = u32 | u64 | u8 length, bytes | u32 n, n * (u32 id << 16 | offset; u8 version, extended)
 *   difference = u32 field, kind, verdict, flags, rule, origin, line
 */
#include "image.h"
#include "plan.h"

static void put_text(struct vdev__writer *w, const char *text)
{
	size_t length = strlen(text);

	vdev__put_u8(w, (uint8_t)length);
	vdev__put_bytes(w, text, length);
}

static void put_layout(struct vdev__writer *w, const struct vdev_migration_device *d)
{
	vdev__put_u32(w, d->cap_count);
	for (uint32_t i = 0; i < d->cap_count; i++) {
		vdev__put_u32(w, (uint32_t)d->caps[i].id << 16 | d->caps[i].offset);
		vdev__put_u8(w, d->caps[i].version);
		vdev__put_u8(w, d->caps[i].extended);
	}
}

static void put_field(struct vdev__writer *w, const struct vdev_migration_device *d, uint32_t field)
{
	const struct vdev_migration_field *f = vdev__migration_field(field);

	if (f->type == VDEV_MIGRATION_LAYOUT)
		put_layout(w, d);
	else if (f->type >= VDEV_MIGRATION_STRING)
		put_text(w, vdev__migration_string(d, field));
	else if (f->size == sizeof(uint64_t))
		vdev__put_u64(w, vdev__migration_number(d, field));
	else
		vdev__put_u32(w, (uint32_t)vdev__migration_number(d, field));
}

static void put_descriptor(struct vdev__writer *w, const struct vdev_migration_device *d)
{
	vdev__put_u64(w, d->known);
	vdev__put_u64(w, d->address);
	vdev__put_u64(w, d->pf);
	vdev__put_u32(w, d->iommu_group);
	vdev__put_u32(w, d->node);
	vdev__put_u32(w, d->use);
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++)
		if (vdev__migration_known(d, i))
			put_field(w, d, i);
}

static void put_difference(struct vdev__writer *w, const struct vdev_migration_difference *d)
{
	vdev__put_u32(w, d->field);
	vdev__put_u32(w, d->kind);
	vdev__put_u32(w, d->verdict);
	vdev__put_u32(w, d->flags);
	vdev__put_u32(w, d->rule);
	vdev__put_u32(w, d->origin);
	vdev__put_u32(w, d->line);
}

static void put_device(struct vdev__writer *w, const struct planned *d)
{
	vdev__put_u64(w, d->place.address);
	vdev__put_u32(w, d->place.verdict);
	vdev__put_u32(w, d->place.reason);
	vdev__put_u32(w, d->place.function);
	vdev__put_u32(w, d->place.distance);
	vdev__put_u32(w, d->place.field);
	vdev__put_u32(w, d->place.rule);
	vdev__put_u32(w, d->facts);
	vdev__put_u32(w, d->node);
	put_descriptor(w, &d->source);
	vdev__put_u8(w, (uint8_t)d->has_destination);
	if (d->has_destination)
		put_descriptor(w, &d->destination);
	vdev__put_u32(w, d->count);
	for (uint32_t i = 0; i < d->count; i++)
		put_difference(w, &d->difference[i]);
}

int vdev_migration_plan_save(const struct vdev_migration_plan *plan, void *buf, size_t size,
			     size_t *ret_size)
{
	struct vdev__writer w;

	if (!plan || !ret_size || (!buf && size))
		return -EINVAL;
	vdev__writer_init(&w, buf, size, VDEV_PART_MIGRATION, PLAN_IMAGE_VERSION);
	vdev__put_u32(&w, plan->flags);
	for (uint32_t i = 0; i < VDEV_MIGRATION_STEPS; i++)
		vdev__put_u64(&w, plan->deadline_ns[i]);
	vdev__put_u32(&w, plan->count);
	for (uint32_t i = 0; i < plan->count; i++)
		put_device(&w, &plan->devices[i]);
	return vdev__writer_finish(&w, ret_size);
}
