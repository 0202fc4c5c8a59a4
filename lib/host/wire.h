/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What vdev-pci-reader writes to the library through a pipe: HELLO, any number of NOTE, HOST and DEVICE, then END or
 * ERROR. Numbers are in the order of bytes of the machine, since both run there.
 */
#ifndef VDEV__HOST_WIRE_H
#define VDEV__HOST_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAGIC 0x31564456u /* "VDV1" */
#define WIRE_VERSION 1u
#define WIRE_UNKNOWN UINT32_MAX
#define WIRE_CONFIG 4096u
#define WIRE_VPD 32768u
#define WIRE_TEXT 1536u /* the longest name of a file, and what is wrong in it */
#define WIRE_NAME 64u
#define WIRE_VALUE 96u
#define WIRE_VERSIONS 16u

enum wire_type {
	WIRE_HELLO = 1,
	WIRE_NOTE, /* text: a warning */
	WIRE_HOST, /* struct wire_host */
	WIRE_DEVICE, /* struct wire_device, configuration space, VPD */
	WIRE_END, /* uint32_t: how many devices there were */
	WIRE_ERROR, /* struct wire_error, text */
};

struct wire_head {
	uint32_t magic, type, size, check; /* of what follows: bytes, wire_check() */
};

struct wire_hello {
	uint32_t version, device_size;
};

struct wire_error {
	uint32_t error; /* errno */
};

struct wire_host {
	char kernel[WIRE_NAME];
};

struct wire_version {
	char name[WIRE_NAME], value[WIRE_VALUE];
};

#define WIRE_MORE_VERSIONS 0x1u

/* WIRE_UNKNOWN, UINT64_MAX and empty texts are not known. */
struct wire_device {
	uint32_t domain, address; /* bus << 8 | slot << 3 | function */
	uint32_t flags, config_size, vpd_size;
	uint32_t vendor, device, subsystem_vendor, subsystem_device, class_code, revision;
	uint32_t iommu_group, numa_node, power_state, reset, pf_domain, pf_address;
	uint32_t bound, vfio_open, vfio_flags, dma_logging;
	uint32_t bar_flags[13], version_count; /* as in inventory.h; the last six are of VFs */
	uint64_t bar_size[13]; /* of VFs: of all together */
	char driver[WIRE_NAME], driver_version[WIRE_NAME];
	struct wire_version versions[WIRE_VERSIONS];
};

#define WIRE_MOST (sizeof(struct wire_device) + WIRE_CONFIG + WIRE_VPD)

/* FNV-1a: an accident shows, a purpose does not; everything is checked all the same. */
static inline uint32_t wire_check(const void *data, size_t size)
{
	const unsigned char *p = data;
	uint32_t sum = 2166136261u;

	while (size--)
		sum = (sum ^ *p++) * 16777619u;
	return sum;
}

#endif
