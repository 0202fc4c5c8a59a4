/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: descriptors that came from elsewhere are looked at once, whole, before anything trusts them.
 */
#include "internal.h"

/* A text ends within its member and holds nothing that could do harm to a terminal. */
static bool text_ok(const char *text)
{
	for (uint32_t i = 0; i < VDEV_MIGRATION_TEXT; i++) {
		unsigned char c = (unsigned char)text[i];

		if (!c)
			return true;
		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return false;
}

static bool layout_ok(const struct vdev_migration_device *d)
{
	if (d->cap_count > VDEV_MIGRATION_CAPS)
		return false;
	for (uint32_t i = 0; i < d->cap_count; i++)
		if (d->caps[i].reserved || d->caps[i].extended > 1)
			return false;
	return true;
}

static bool field_ok(const struct vdev_migration_device *d, uint32_t field)
{
	uint32_t type = vdev__migration_field(field)->type;

	if (!vdev__migration_known(d, field))
		return true;
	if (type == VDEV_MIGRATION_LAYOUT)
		return layout_ok(d);
	return type < VDEV_MIGRATION_STRING || text_ok(vdev__migration_string(d, field));
}

static bool known_ok(const struct vdev_migration_device *d)
{
	if (d->known >> VDEV_MIGRATION_FIELDS)
		return false;
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++)
		if (!field_ok(d, i))
			return false;
	return true;
}

static bool tail_zero(const struct vdev_migration_device *d, size_t size)
{
	const uint8_t *p = (const uint8_t *)d;

	for (size_t i = sizeof(*d); i < size; i++)
		if (p[i])
			return false;
	return true;
}

int vdev__migration_device_ok(const struct vdev_migration_device *d, size_t size)
{
	if (!d || size < sizeof(*d))
		return -EINVAL;
	if (!tail_zero(d, size))
		return -E2BIG;
	if (d->reserved || d->reserved2 || d->use > VDEV_MIGRATION_USE_UNKNOWN || !known_ok(d))
		return -EINVAL;
	return 0;
}
