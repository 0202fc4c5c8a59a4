/* SPDX-License-Identifier: BSD-3-Clause */
/* Accesses of any width at any offset become reads and writes of 32-bit registers. */
#include "internal.h"

static bool event_register(const struct vdev_pvdev *p, uint32_t offset, uint32_t *value)
{
	const struct pvdev_event *e = vdev__pvdev_event(p, 0);
	bool any = p->n_events;

	switch (offset) {
	case VDEV_GUEST_EVENT:
		*value = any ? e->kind : VDEV_GUEST_EVENT_NONE;
		return true;
	case VDEV_GUEST_EVENT_ADDRESS:
		*value = any ? e->address : 0;
		return true;
	case VDEV_GUEST_EVENT_COOKIE:
		*value = any ? e->cookie : 0;
		return true;
	case VDEV_GUEST_EVENT_TIME_MS:
		*value = any ? e->time_ms : 0;
		return true;
	case VDEV_GUEST_EVENT_LOST:
		*value = p->lost;
		return true;
	default:
		*value = 0;
		return offset == VDEV_GUEST_EVENT_POP;
	}
}

static bool command_register(const struct vdev_pvdev *p, uint32_t offset, uint32_t *value)
{
	switch (offset) {
	case VDEV_GUEST_COMMAND_ADDRESS:
		*value = p->address;
		return true;
	case VDEV_GUEST_COMMAND_ARGUMENT:
		*value = p->argument;
		return true;
	case VDEV_GUEST_COMMAND_COOKIE:
		*value = p->cookie;
		return true;
	case VDEV_GUEST_RESULT:
		*value = p->result;
		return true;
	default:
		*value = 0;
		return offset == VDEV_GUEST_COMMAND;
	}
}

static bool device_register(const struct vdev_pvdev *p, uint32_t offset, uint32_t *value)
{
	switch (offset) {
	case VDEV_GUEST_MAGIC:
		*value = VDEV_GUEST_MAGIC_VALUE;
		return true;
	case VDEV_GUEST_VERSION:
		*value = VDEV_GUEST_VERSION_1;
		return true;
	case VDEV_GUEST_DEVICE_FEATURES:
		*value = p->config.features;
		return true;
	case VDEV_GUEST_DRIVER_FEATURES:
		*value = p->driver_features;
		return true;
	case VDEV_GUEST_STATUS:
		*value = p->status;
		return true;
	case VDEV_GUEST_IRQ_STATUS:
		*value = (p->n_events ? VDEV_GUEST_IRQ_EVENTS : 0u) |
			 (p->queue_irq ? VDEV_GUEST_IRQ_QUEUES : 0u);
		return true;
	case VDEV_GUEST_IRQ_ENABLE:
		*value = p->irq_enable;
		return true;
	default:
		return false;
	}
}

/* No register has a side effect when read. False: there is none at this offset, it reads as 0. */
static bool get_register(const struct vdev_pvdev *p, uint32_t offset, uint32_t *value)
{
	*value = 0;
	if (offset < VDEV_GUEST_EVENT)
		return device_register(p, offset, value);
	if (offset < VDEV_GUEST_COMMAND_ADDRESS)
		return event_register(p, offset, value);
	if (offset < VDEV_GUEST_QUEUE_COUNT)
		return command_register(p, offset, value);
	return vdev__pvdev_queue_read(p, offset, value);
}

static bool put_register(struct vdev_pvdev *p, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case VDEV_GUEST_IRQ_STATUS:
		if (value & (uint32_t)VDEV_GUEST_IRQ_QUEUES)
			p->queue_irq = 0;
		return p->config.queues != 0;
	case VDEV_GUEST_DRIVER_FEATURES:
		if (p->status & (uint32_t)VDEV_GUEST_S_FEATURES_OK)
			return false;
		p->driver_features = value;
		return true;
	case VDEV_GUEST_EVENT_POP:
		vdev__pvdev_pop(p);
		return true;
	case VDEV_GUEST_EVENT_LOST:
		p->lost = 0;
		return true;
	case VDEV_GUEST_COMMAND_ADDRESS:
		p->address = value;
		return true;
	case VDEV_GUEST_COMMAND_ARGUMENT:
		p->argument = value;
		return true;
	case VDEV_GUEST_COMMAND_COOKIE:
		p->cookie = value;
		return true;
	default:
		return false;
	}
}

/* Returns a mask of VDEV_PVDEV_... */
static int write_register(struct vdev_pvdev *p, uint64_t offset, uint32_t value, bool *bad)
{
	switch (offset) {
	case VDEV_GUEST_STATUS:
		return vdev__pvdev_status(p, value, bad);
	case VDEV_GUEST_IRQ_ENABLE:
		/* An event may have come between the driver's last look and this write. */
		p->irq_enable = value & 1u;
		return p->irq_enable && p->n_events ? VDEV_PVDEV_RAISE : 0;
	case VDEV_GUEST_COMMAND:
		return vdev__pvdev_command(p, value);
	default:
		if (offset >= VDEV_GUEST_QUEUE_COUNT && offset < VDEV_GUEST_BAR_SIZE)
			return vdev__pvdev_queue_write(p, (uint32_t)offset, value, bad);
		if (offset >= VDEV_GUEST_BAR_SIZE || !put_register(p, (uint32_t)offset, value))
			*bad = true;
		return 0;
	}
}

/* What a driver should do: a power of two, naturally aligned, or 8 bytes that are two registers. */
static bool tidy(uint64_t offset, size_t length)
{
	size_t align = length > 4 ? 4 : length;

	return (length & (length - 1)) == 0 && offset % align == 0;
}

int vdev_pvdev_read(struct vdev_pvdev *pvdev, uint64_t now_ns, uint64_t offset, void *ret_data,
		    size_t length)
{
	uint8_t *data = ret_data;
	uint32_t value;
	bool bad;

	if (!pvdev || !ret_data || !length || length > 8)
		return -EINVAL;
	vdev__pvdev_clock(pvdev, now_ns);
	pvdev->stats.reads++;
	bad = !tidy(offset, length);
	for (size_t i = 0; i < length; i++) {
		uint64_t at = vdev__sat_add(offset, i);

		if (at >= VDEV_GUEST_BAR_SIZE) {
			data[i] = 0xff;
			bad = true;
			continue;
		}
		if (!get_register(pvdev, (uint32_t)at & ~3u, &value))
			bad = true;
		data[i] = (uint8_t)(value >> (at % 4 * 8));
	}
	pvdev->stats.bad_access += bad;
	return 0;
}

static uint32_t little_endian(const uint8_t *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

int vdev_pvdev_write(struct vdev_pvdev *pvdev, uint64_t now_ns, uint64_t offset, const void *data,
		     size_t length)
{
	const uint8_t *bytes = data;
	bool bad = false;
	int mask = 0;

	if (!pvdev || !data || !length || length > 8)
		return -EINVAL;
	vdev__pvdev_clock(pvdev, now_ns);
	pvdev->stats.writes++;
	if (offset % 4 || length % 4) {
		bad = true;
	} else {
		mask = write_register(pvdev, offset, little_endian(bytes), &bad);
		if (length == 8)
			mask |= write_register(pvdev, vdev__sat_add(offset, 4),
					       little_endian(bytes + 4), &bad);
	}
	pvdev->stats.bad_access += bad;
	return mask;
}
