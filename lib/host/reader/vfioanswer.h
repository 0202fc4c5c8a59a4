/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's answer with what it says to other questions: this is also the form of a recorded one. */
#ifndef VDEV__READER_VFIOANSWER_H
#define VDEV__READER_VFIOANSWER_H

#include <stdbool.h>
#include <stdint.h>

/* Values of include/uapi/linux/vfio.h, which older headers lack. */
#define MIGRATION_FEATURE 1u
#define DMA_LOGGING_START 6u
/* Bits of `state`. */
#define VFIO_OPEN 0x1u /* a process has the device */
#define VFIO_LOGGING 0x2u
#define VFIO_ASKED 0x4u

struct vfio_answer {
	uint32_t argsz, flags; /* struct vfio_device_feature */
	uint64_t migration; /* struct vfio_device_feature_migration */
	uint32_t state;
	uint32_t reserved;
};

/*
 * The group's node was opened, 0, or was not, errno: one that a VM uses gives EBUSY. False: that says nothing about the device,
 * such as without permission.
 */
bool vfio_opened(int error, struct vfio_answer *a);

#endif
