/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the reader says. It has just read what nobody vouches for, so it is not believed either: sizes, order, texts and
 * ranges are checked before anything is kept.
 */
#include "inventory.h"

#include <errno.h>
#include <string.h>

#define MOST_ERRNO 4095u

static int refuse(struct vdev__answer *a, const char *what)
{
	vdev__log(&a->inventory->env, VDEV_LOG_ERROR, "the program that reads PCI devices: %s",
		  what);
	return -EPROTO;
}

/* Ends within its room, printable. */
static int is_text(const char *text, size_t size)
{
	size_t n = 0;

	while (n < size && text[n] >= ' ' && text[n] <= '~')
		n++;
	return n < size && !text[n];
}

/* Not by vdev__log(), which cuts lines: the name of a file may be long, and the place stands behind it. */
static void hand_on(const struct vdev__answer *a, uint32_t level, const char *text)
{
	const struct vdev_env *env = &a->inventory->env;

	if (env->log && level <= env->log_level)
		env->log(env->user, level, text);
}

static int hello(struct vdev__answer *a, const uint8_t *data, uint32_t size)
{
	struct wire_hello h;

	if (size != sizeof(h))
		return refuse(a, "no greeting");
	memcpy(&h, data, sizeof(h));
	if (h.version != WIRE_VERSION || h.device_size != sizeof(struct wire_device))
		return refuse(a, "is of another version than the library; install both anew");
	a->greeted = 1;
	return 0;
}

static int note(struct vdev__answer *a, const uint8_t *data, uint32_t size)
{
	if (!is_text((const char *)data, size))
		return refuse(a, "a note that is no text");
	hand_on(a, VDEV_LOG_WARNING, (const char *)data);
	return 0;
}

static int failed(struct vdev__answer *a, const uint8_t *data, uint32_t size)
{
	struct wire_error e;

	if (size <= sizeof(e) || !is_text((const char *)data + sizeof(e), size - sizeof(e)))
		return refuse(a, "an error that is no text");
	memcpy(&e, data, sizeof(e));
	a->ended = 1;
	a->error = e.error && e.error <= MOST_ERRNO ? -(int)e.error : -EPROTO;
	hand_on(a, VDEV_LOG_ERROR, (const char *)data + sizeof(e));
	return a->error;
}

static int host(struct vdev__answer *a, const uint8_t *data, uint32_t size)
{
	struct wire_host h;

	if (size != sizeof(h))
		return refuse(a, "a host of another size");
	memcpy(&h, data, sizeof(h));
	if (!is_text(h.kernel, sizeof(h.kernel)))
		return refuse(a, "a host that is no text");
	memcpy(a->inventory->kernel, h.kernel, sizeof(h.kernel));
	return 0;
}

static int within(uint32_t number, uint32_t most)
{
	return number <= most || number == WIRE_UNKNOWN;
}

static int is_device(const struct wire_device *w, uint32_t size)
{
	if (w->config_size > WIRE_CONFIG || w->vpd_size > WIRE_VPD ||
	    size != sizeof(*w) + w->config_size + w->vpd_size || w->address > 0xffff ||
	    w->version_count > WIRE_VERSIONS || w->flags > WIRE_MORE_VERSIONS)
		return 0;
	if (!within(w->vendor, 0xffff) || !within(w->device, 0xffff) ||
	    !within(w->subsystem_vendor, 0xffff) || !within(w->subsystem_device, 0xffff) ||
	    !within(w->class_code, 0xffffff) || !within(w->revision, 0xff))
		return 0;
	if (!within(w->numa_node, 1023) || !within(w->power_state, 4) || !within(w->reset, 0xff) ||
	    !within(w->pf_address, 0xffff) || !within(w->bound, 1) || !within(w->vfio_open, 1) ||
	    !within(w->vfio_flags, 0xffff) || !within(w->dma_logging, 1))
		return 0;
	for (uint32_t i = 0; i < 13; i++)
		if (w->bar_flags[i] > 15)
			return 0;
	for (uint32_t i = 0; i < w->version_count; i++)
		if (!is_text(w->versions[i].name, WIRE_NAME) ||
		    !is_text(w->versions[i].value, WIRE_VALUE))
			return 0;
	return is_text(w->driver, WIRE_NAME) && is_text(w->driver_version, WIRE_NAME);
}

static void copy_numbers(struct vdev_inventory_device *d, const struct wire_device *w)
{
	d->domain = w->domain;
	d->bus = w->address >> 8;
	d->slot = w->address >> 3 & 31;
	d->function = w->address & 7;
	/* 0xffff is what configuration space said, also to the kernel. */
	d->vendor = w->vendor == 0xffff ? UNKNOWN : w->vendor;
	d->device = w->vendor == 0xffff ? UNKNOWN : w->device;
	d->subsystem_vendor = w->subsystem_vendor;
	d->subsystem_device = w->subsystem_device;
	d->class_code = w->class_code;
	d->revision = w->revision;
	d->iommu_group = w->iommu_group;
	d->numa_node = w->numa_node;
	d->power_state = w->power_state;
	d->reset = w->reset;
	d->bound = w->bound;
	d->vfio_open = w->vfio_open;
	d->vfio_flags = w->vfio_flags;
	d->dma_logging = w->dma_logging;
	if (w->pf_domain != WIRE_UNKNOWN && w->pf_address != WIRE_UNKNOWN) {
		d->pf_domain = w->pf_domain;
		d->pf_bus = w->pf_address >> 8;
		d->pf_slot = w->pf_address >> 3 & 31;
		d->pf_function = w->pf_address & 7;
	}
}

static void copy_rest(struct vdev_inventory_device *d, const struct wire_device *w)
{
	for (uint32_t i = 0; i < 7; i++) {
		d->bars[i].size = w->bar_size[i];
		d->bars[i].flags = w->bar_flags[i];
	}
	for (uint32_t i = 0; i < 6; i++) {
		d->vf_bars[i].size = w->bar_size[7 + i];
		d->vf_bars[i].flags = w->bar_flags[7 + i];
	}
	memcpy(d->driver, w->driver, sizeof(d->driver));
	memcpy(d->driver_version, w->driver_version, sizeof(d->driver_version));
	d->version_count = w->version_count;
	for (uint32_t i = 0; i < w->version_count; i++) {
		memcpy(d->versions[i].name, w->versions[i].name, WIRE_NAME);
		memcpy(d->versions[i].value, w->versions[i].value, WIRE_VALUE);
	}
	if (w->flags & WIRE_MORE_VERSIONS)
		d->flags |= VDEV_INVENTORY_MORE;
}

/* The kernel's resources of VFs are for all of them together. */
static void vf_bars(struct vdev_inventory_device *d)
{
	for (uint32_t i = 0; i < 6; i++) {
		struct vdev_inventory_bar *b = &d->vf_bars[i];

		if (!(d->flags & VDEV_INVENTORY_PF) || !d->total_vfs || d->total_vfs == UNKNOWN) {
			b->size = VDEV_NONE;
			b->flags = 0;
		} else if (b->size != VDEV_NONE) {
			b->size /= d->total_vfs;
		}
	}
}

static int device(struct vdev__answer *a, const uint8_t *data, uint32_t size)
{
	struct vdev_inventory *v = a->inventory;
	struct vdev_inventory_device *d;
	struct vdev__config config;
	struct wire_device w;
	int err;

	if (size < sizeof(w))
		return refuse(a, "a device of another size");
	memcpy(&w, data, sizeof(w));
	if (!is_device(&w, size))
		return refuse(a, "a device that cannot be");
	err = vdev__inventory_room(v);
	if (err)
		return err;
	d = &v->devices[v->count++];
	vdev__inventory_unknown(d);
	copy_numbers(d, &w);
	copy_rest(d, &w);
	config.bytes = data + sizeof(w);
	config.size = w.config_size;
	vdev__inventory_decode(d, &config);
	vf_bars(d);
	vdev__inventory_vpd(d, data + sizeof(w) + w.config_size, w.vpd_size);
	return 0;
}

static int end(struct vdev__answer *a, const uint8_t *data, uint32_t size)
{
	uint32_t count;

	if (size != sizeof(count))
		return refuse(a, "an end of another size");
	memcpy(&count, data, sizeof(count));
	if (!a->capturing && count != a->inventory->count)
		return refuse(a, "lost devices");
	a->ended = 1;
	return 0;
}

static int message(struct vdev__answer *a, uint32_t type, const uint8_t *data, uint32_t size)
{
	if (a->ended || (type == WIRE_HELLO) == (a->greeted != 0))
		return refuse(a, "a message out of order");
	switch (type) {
	case WIRE_HELLO:
		return hello(a, data, size);
	case WIRE_NOTE:
		return note(a, data, size);
	case WIRE_HOST:
		return host(a, data, size);
	case WIRE_DEVICE:
		return device(a, data, size);
	case WIRE_END:
		return end(a, data, size);
	case WIRE_ERROR:
		return failed(a, data, size);
	default:
		return refuse(a, "a message of unknown kind");
	}
}

int vdev__answer_take(struct vdev__answer *a)
{
	struct wire_head h;
	uint32_t used = 0;
	int err = 0;

	while (!err && a->have - used >= sizeof(h)) {
		const uint8_t *data = a->buf + used + sizeof(h);

		memcpy(&h, a->buf + used, sizeof(h));
		if (h.magic != WIRE_MAGIC || h.size > WIRE_MOST)
			return refuse(a, "is none, or of another version");
		if (a->have - used - sizeof(h) < h.size)
			break;
		if (wire_check(data, h.size) != h.check)
			return refuse(a, "a damaged message");
		err = message(a, h.type, data, h.size);
		used += (uint32_t)sizeof(h) + h.size;
	}
	memmove(a->buf, a->buf + used, a->have - used);
	a->have -= used;
	return err;
}
