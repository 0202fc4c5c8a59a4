/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration flags of a device that is bound to a VFIO driver. */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Values of include/uapi/linux/vfio.h, which older headers lack. */
#define FEATURE_MIGRATION 1u
#define FEATURE_DMA_LOGGING_START 6u
#define OPEN 0x1u
#define LOGGING 0x2u
#define ASKED 0x4u

/* The kernel's answer with what it says to other questions: this is also the form of a recorded one. */
struct answer {
	uint32_t argsz, flags; /* struct vfio_device_feature */
	uint64_t migration; /* struct vfio_device_feature_migration */
	uint32_t state; /* OPEN, LOGGING, ASKED */
	uint32_t reserved;
};

_Static_assert(sizeof(struct answer) == VFIO_ANSWER, "no holes");

static void ask_device(int device, struct answer *a)
{
	struct answer probe = {.argsz = 8,
			       .flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
					FEATURE_DMA_LOGGING_START};

	a->argsz = 16;
	a->flags = VFIO_DEVICE_FEATURE_GET | FEATURE_MIGRATION;
	if (!ioctl(device, VFIO_DEVICE_FEATURE, a) || errno == ENOTTY)
		a->state |= ASKED; /* with ENOTTY: no flags, it cannot migrate */
	if (!ioctl(device, VFIO_DEVICE_FEATURE, &probe))
		a->state |= LOGGING;
}

static void ask_group(int container, int group, const char *address, struct answer *a)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	int device;

	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status) ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE) ||
	    ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
		return;
	if (!ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) {
		device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
		if (device >= 0) {
			ask_device(device, a);
			close(device);
		}
	}
	ioctl(group, VFIO_GROUP_UNSET_CONTAINER);
}

/* A group that a VM uses cannot be opened: EBUSY. */
uint32_t vfio_ask(const char *address, uint32_t number, uint8_t ret_answer[VFIO_ANSWER])
{
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), group;
	struct answer a = {.flags = FEATURE_MIGRATION};
	char path[32];

	if (container < 0)
		return 0;
	snprintf(path, sizeof(path), "/dev/vfio/%u", number);
	group = open(path, O_RDWR | O_CLOEXEC);
	if (group >= 0) {
		ask_group(container, group, address, &a);
		close(group);
	} else if (errno == EBUSY) {
		a.state = OPEN;
	}
	close(container);
	memcpy(ret_answer, &a, sizeof(a));
	return sizeof(a);
}

bool vfio_parse(const uint8_t *answer, uint32_t size, struct wire_device *d)
{
	struct answer a;

	if (size != sizeof(a))
		return false;
	memcpy(&a, answer, sizeof(a));
	if ((a.flags & VFIO_DEVICE_FEATURE_MASK) != FEATURE_MIGRATION || a.migration > 0xffff ||
	    a.state > (OPEN | LOGGING | ASKED) || a.reserved)
		return false;
	d->vfio_open = a.state & OPEN;
	if (a.state & ASKED) {
		d->vfio_flags = (uint32_t)a.migration;
		d->dma_logging = a.state & LOGGING ? 1 : 0;
	}
	return true;
}
