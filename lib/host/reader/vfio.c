/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration flags of a device that is bound to a VFIO driver. */
#include "reader.h"
#include "vfioanswer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* GCOVR_EXCL_START: what follows needs an IOMMU and a device that is bound to a VFIO driver */
static void ask_device(int device, struct vfio_answer *a)
{
	struct vfio_answer probe = {.argsz = 8,
				    .flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
					     DMA_LOGGING_START};

	a->argsz = 16;
	a->flags = VFIO_DEVICE_FEATURE_GET | MIGRATION_FEATURE;
	if (!ioctl(device, VFIO_DEVICE_FEATURE, a) || errno == ENOTTY)
		a->state |= VFIO_ASKED; /* with ENOTTY: no flags, it cannot migrate */
	if (!ioctl(device, VFIO_DEVICE_FEATURE, &probe))
		a->state |= VFIO_LOGGING;
}

static void ask_group(int container, int group, const char *address, struct vfio_answer *a)
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
/* GCOVR_EXCL_STOP */

uint32_t vfio_ask(const char *address, uint32_t number, uint8_t ret_answer[VFIO_ANSWER])
{
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), group, error;
	struct vfio_answer a = {.flags = MIGRATION_FEATURE};
	char path[32];

	if (container < 0)
		return 0;
	snprintf(path, sizeof(path), "/dev/vfio/%u", number);
	group = open(path, O_RDWR | O_CLOEXEC);
	error = group < 0 ? errno : 0;
	if (group >= 0) {
		ask_group(container, group, address, &a);
		close(group);
	}
	close(container);
	if (!vfio_opened(error, &a))
		return 0;
	memcpy(ret_answer, &a, sizeof(a));
	return sizeof(a);
}
