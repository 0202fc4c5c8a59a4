/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: the fields of a descriptor as data, so that rules can name any, and their values as text.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define MEMBER(member)                                            \
	.offset = offsetof(struct vdev_migration_device, member), \
	.size = sizeof(((struct vdev_migration_device *)0)->member)
#define FIELD(id, kind, member)                                    \
	[VDEV_MIGRATION_F_##id] = {.field = VDEV_MIGRATION_F_##id, \
				   .type = VDEV_MIGRATION_##kind,  \
				   .name = #member,                \
				   MEMBER(member)}
#define WIDE(id, width, label, member)                             \
	[VDEV_MIGRATION_F_##id] = {.field = VDEV_MIGRATION_F_##id, \
				   .type = VDEV_MIGRATION_HEX,     \
				   .digits = (width),              \
				   .name = (label),                \
				   MEMBER(member)}
#define BAR(n)                                                                 \
	[VDEV_MIGRATION_F_BAR0 + (n)] = {.field = VDEV_MIGRATION_F_BAR0 + (n), \
					 .type = VDEV_MIGRATION_BYTES,         \
					 .name = "bar" #n,                     \
					 MEMBER(bar[n])}

static const struct vdev_migration_field fields[VDEV_MIGRATION_FIELDS] = {
	WIDE(CLASS, 6, "class", class_code),
	WIDE(VENDOR, 4, "vendor", vendor),
	WIDE(DEVICE, 4, "device", device),
	WIDE(SUBSYSTEM_VENDOR, 4, "subsystem_vendor", subsystem_vendor),
	WIDE(SUBSYSTEM_DEVICE, 4, "subsystem_device", subsystem_device),
	WIDE(REVISION, 2, "revision", revision),
	FIELD(HEADER_TYPE, NUMBER, header_type),
	FIELD(RELATION, NUMBER, relation),
	FIELD(STOP_COPY, NUMBER, stop_copy),
	FIELD(P2P, NUMBER, p2p),
	FIELD(PRE_COPY, NUMBER, pre_copy),
	FIELD(DMA_LOGGING, NUMBER, dma_logging),
	FIELD(SRIOV_TOTAL, NUMBER, sriov_total),
	FIELD(SRIOV_VFS, NUMBER, sriov_vfs),
	FIELD(SRIOV_OFFSET, NUMBER, sriov_offset),
	FIELD(SRIOV_STRIDE, NUMBER, sriov_stride),
	WIDE(SRIOV_DEVICE, 4, "sriov_device", sriov_device),
	FIELD(MSIX_SIZE, NUMBER, msix_size),
	FIELD(MSI_VECTORS, NUMBER, msi_vectors),
	FIELD(RESET, BITS, reset),
	FIELD(POWER_STATE, NUMBER, power_state),
	FIELD(SLOT_CAPS, BITS, slot_caps),
	FIELD(PCIE_TYPE, NUMBER, pcie_type),
	WIDE(BAR_KINDS, 6, "bar_kinds", bar_kinds),
	FIELD(LINK_SPEED, NUMBER, link_speed),
	FIELD(LINK_WIDTH, NUMBER, link_width),
	BAR(0),
	BAR(1),
	BAR(2),
	BAR(3),
	BAR(4),
	BAR(5),
	FIELD(ROM, BYTES, rom),
	FIELD(FEATURES, BITS, features),
	WIDE(DEVICE_SERIAL, 16, "device_serial", device_serial),
	FIELD(FIRMWARE, VERSION, firmware),
	FIELD(FIRMWARE_MGMT, VERSION, firmware_mgmt),
	FIELD(FIRMWARE_APP, VERSION, firmware_app),
	FIELD(PSID, STRING, psid),
	FIELD(BOARD, STRING, board),
	FIELD(DRIVER, STRING, driver),
	FIELD(DRIVER_VERSION, VERSION, driver_version),
	FIELD(STREAM_VERSION, VERSION, stream_version),
	FIELD(SERIAL, STRING, serial),
	FIELD(PART, STRING, part),
	FIELD(VPD_FIRMWARE, VERSION, vpd_firmware),
	[VDEV_MIGRATION_F_CAPS] = {.field = VDEV_MIGRATION_F_CAPS,
				   .type = VDEV_MIGRATION_LAYOUT,
				   .offset = offsetof(struct vdev_migration_device, cap_count),
				   .size = sizeof(struct vdev_migration_device) -
					   offsetof(struct vdev_migration_device, cap_count),
				   .name = "caps"},
};

const struct vdev_migration_field *vdev__migration_field(uint32_t field)
{
	return &fields[field];
}

uint64_t vdev__migration_number(const struct vdev_migration_device *d, uint32_t field)
{
	const void *at = (const uint8_t *)d + fields[field].offset;
	uint64_t wide;
	uint32_t value;

	if (fields[field].size == sizeof(wide)) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&value, at, sizeof(value));
	return value;
}

const char *vdev__migration_string(const struct vdev_migration_device *d, uint32_t field)
{
	return (const char *)d + fields[field].offset;
}

static bool same_layout(const struct vdev_migration_device *a,
			const struct vdev_migration_device *b)
{
	return a->cap_count == b->cap_count &&
	       !memcmp(a->caps, b->caps, a->cap_count * sizeof(a->caps[0]));
}

bool vdev__migration_same(const struct vdev_migration_device *a,
			  const struct vdev_migration_device *b, uint32_t field)
{
	uint32_t type = fields[field].type;

	if (vdev__migration_known(a, field) != vdev__migration_known(b, field))
		return false;
	if (!vdev__migration_known(a, field))
		return true;
	if (type == VDEV_MIGRATION_LAYOUT)
		return same_layout(a, b);
	if (type < VDEV_MIGRATION_STRING)
		return vdev__migration_number(a, field) == vdev__migration_number(b, field);
	return !strcmp(vdev__migration_string(a, field), vdev__migration_string(b, field));
}

int vdev_migration_field(uint32_t field, struct vdev_migration_field *ret_field, size_t size)
{
	if (!ret_field || !size)
		return -EINVAL;
	if (field >= VDEV_MIGRATION_FIELDS)
		return -ENOENT;
	return vdev__copy_out(ret_field, size, &fields[field], sizeof(fields[field]));
}

int vdev_migration_find_field(const char *name)
{
	if (!name)
		return -EINVAL;
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++)
		if (!strcmp(fields[i].name, name))
			return (int)i;
	return -ENOENT;
}

/* A text that is built piece by piece, and counts what does not fit. */
struct text {
	char *buf;
	size_t size;
	size_t used;
};

static void say(struct text *t, const char *format, ...) VDEV__PRINTF(2, 3);

static void say(struct text *t, const char *format, ...)
{
	char piece[2 * VDEV_MIGRATION_TEXT];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	for (int i = 0; i < length; i++, t->used++)
		if (t->used + 1 < t->size)
			t->buf[t->used] = piece[i];
}

/* The same letters as lspci -vvv, so that people find them again: ids, and where. */
static void say_layout(struct text *t, const struct vdev_migration_device *d)
{
	for (uint32_t i = 0; i < d->cap_count; i++) {
		const struct vdev_migration_cap *c = &d->caps[i];

		say(t, "%s%s%02x", i ? " " : "", c->extended ? "x" : "", (unsigned)c->id);
		if (c->extended)
			say(t, "v%u", (unsigned)c->version);
		say(t, "@%02x", (unsigned)c->offset);
	}
}

static void say_value(struct text *t, const struct vdev_migration_device *d, uint32_t field)
{
	const struct vdev_migration_field *f = &fields[field];

	if (!vdev__migration_known(d, field))
		say(t, "?");
	else if (f->type == VDEV_MIGRATION_LAYOUT)
		say_layout(t, d);
	else if (f->type >= VDEV_MIGRATION_STRING)
		say(t, "%s", vdev__migration_string(d, field));
	else if (f->type == VDEV_MIGRATION_HEX || f->type == VDEV_MIGRATION_BITS)
		say(t, "0x%0*" PRIx64, (int)f->digits, vdev__migration_number(d, field));
	else
		say(t, "%" PRIu64, vdev__migration_number(d, field));
}

int vdev_migration_value(const struct vdev_migration_device *device, size_t device_size,
			 uint32_t field, char *buf, size_t size)
{
	struct text t = {buf, size, 0};
	int error;

	if (!buf && size)
		return -EINVAL;
	error = vdev__migration_device_ok(device, device_size);
	if (error)
		return error;
	if (field >= VDEV_MIGRATION_FIELDS)
		return -ENOENT;
	say_value(&t, device, field);
	if (size)
		buf[t.used < size ? t.used : size - 1] = '\0';
	return (int)t.used;
}
