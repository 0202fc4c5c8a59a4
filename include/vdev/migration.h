/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file migration.h
 * The migration planner (docs/engines/migration.md, rules M1..M12).
 *
 * **Purpose.** Says before any RAM moves whether a VM with passthrough devices may go to a host, how, and why not
 * otherwise; finds the best host, gives each device a function there, and writes down the steps of both ends.
 * Hosts are plain data (struct vdev_migration_host): an inventory fills them in, from wherever it knows.
 *
 * **States.** None: rules, planner and plan are data that is asked. Who carries a plan out keeps count of its steps.
 *
 * **No actions, no time.** Everything is answered in the return value. Times in a plan are durations.
 *
 * **Ownership.** What is handed in is copied. What a plan returns a pointer to lives as long as the plan.
 *
 * **Threads.** One object needs the caller's lock, also for calls that look as if they only read: the planner remembers
 * comparisons. Rules and plans are changed by calls without `const` only, and may be read by many threads.
 *
 * **Untrusted data.** Descriptors, rules files and images may come from another host: all is bounded and checked.
 */
#ifndef VDEV_MIGRATION_H
#define VDEV_MIGRATION_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_migration;
struct vdev_migration_rules;
struct vdev_migration_plan;

/** Instead of a group, node, index, vendor or device: not known, none, any. */
#define VDEV_MIGRATION_UNKNOWN UINT32_MAX

/** Bytes of a text in a descriptor, the 0 at its end included. */
#define VDEV_MIGRATION_TEXT 48
/** Most capabilities of a descriptor, conventional and extended ones together. */
#define VDEV_MIGRATION_CAPS 64

/** Limits. @{ */
#define VDEV_MIGRATION_MAX_DEVICES 256u /**< of a VM */
#define VDEV_MIGRATION_MAX_FUNCTIONS 65536u /**< of a host */
#define VDEV_MIGRATION_MAX_NODES 1024u /**< of a host */
#define VDEV_MIGRATION_MAX_HOSTS (1u << 20)
#define VDEV_MIGRATION_MAX_RULES 4096u
/** @} */

/** A PCI address as a number, which orders as addresses do. */
#define VDEV_MIGRATION_ADDRESS(domain, bus, dev, fn)                                            \
	((uint64_t)(domain) << 16 | (uint64_t)((bus)&0xff) << 8 | (uint64_t)((dev)&0x1f) << 3 | \
	 (uint64_t)((fn)&7))

/** Whether a function can be had. @{ */
#define VDEV_MIGRATION_FREE 0u /**< no driver, or one of VFIO and nobody has it open */
#define VDEV_MIGRATION_USED \
	1u /**< a driver of the host or a VM has it: nor can others of its group be had */
#define VDEV_MIGRATION_BRIDGE 2u /**< is not given away, and does not hinder its group */
#define VDEV_MIGRATION_USE_UNKNOWN 3u /**< not known (a dump): taken for free, until verify() */
/** @} */

/** Relation to SR-IOV: values of the field `relation`. @{ */
#define VDEV_MIGRATION_PLAIN 0u /**< no SR-IOV */
#define VDEV_MIGRATION_PF 1u
#define VDEV_MIGRATION_VF 2u
/** @} */

/** Ways to reset: bits of the field `reset`. @{ */
#define VDEV_MIGRATION_RESET_FLR 0x1u /**< PCI Express function-level reset */
#define VDEV_MIGRATION_RESET_AF_FLR 0x2u /**< the same by the Advanced Features capability */
#define VDEV_MIGRATION_RESET_PM 0x4u /**< D3hot to D0 */
#define VDEV_MIGRATION_RESET_BUS 0x8u
#define VDEV_MIGRATION_RESET_DEVICE 0x10u /**< specific to the device, or ACPI */
/** @} */

/** Four bits for each of BAR 0..5 in the field `bar_kinds`, BAR 0 lowest; 0: there is none. @{ */
#define VDEV_MIGRATION_BAR_MEM 0x1u
#define VDEV_MIGRATION_BAR_IO 0x2u
#define VDEV_MIGRATION_BAR_64 0x4u
#define VDEV_MIGRATION_BAR_PREFETCH 0x8u
/** @} */

/** One capability. 8 bytes. */
struct vdev_migration_cap {
	uint16_t id;
	uint16_t offset; /**< in configuration space */
	uint8_t version; /**< of an extended one; 0 otherwise */
	uint8_t extended; /**< 1: in extended configuration space; else 0 */
	uint16_t reserved; /**< 0 */
};

/**
 * A function of a host, or a device of a VM: plain data. 1264 bytes.
 *
 * What stands before `class_code` says where it is and is not compared. From there on each member is a *field* with a
 * number (VDEV_MIGRATION_F_...), of which `known` has a bit: without it the member is not looked at, and
 * counts as not known, which is something else than 0 or an empty text. An SR-IOV count of 0 that is known
 * says that the device has none. Texts end with a 0 and hold no control characters.
 */
struct vdev_migration_device {
	uint64_t known; /**< bit n: field n is known */
	uint64_t address; /**< VDEV_MIGRATION_ADDRESS(); unique in its host */
	uint64_t pf; /**< of a VF: address of its PF; VDEV_NONE: none or not known */
	uint32_t iommu_group; /**< VDEV_MIGRATION_UNKNOWN: taken for a group of its own */
	uint32_t node; /**< NUMA node; VDEV_MIGRATION_UNKNOWN */
	uint32_t use; /**< VDEV_MIGRATION_FREE .. USE_UNKNOWN */
	uint32_t reserved; /**< 0 */

	uint32_t class_code; /**< base class, subclass, interface: 0x020000 */
	uint32_t vendor;
	uint32_t device;
	uint32_t subsystem_vendor;
	uint32_t subsystem_device;
	uint32_t revision;
	uint32_t header_type; /**< without the bit for several functions */
	uint32_t relation; /**< VDEV_MIGRATION_PLAIN, PF, VF */
	uint32_t stop_copy; /**< VFIO_MIGRATION_STOP_COPY: 1 or 0 */
	uint32_t p2p; /**< VFIO_MIGRATION_P2P: 1 or 0 */
	uint32_t pre_copy; /**< VFIO_MIGRATION_PRE_COPY: 1 or 0 */
	uint32_t dma_logging; /**< VFIO DMA logging or dirty tracking of the IOMMU: 1 or 0 */
	uint32_t sriov_total; /**< TotalVFs */
	uint32_t sriov_vfs; /**< NumVFs that are enabled now */
	uint32_t sriov_offset; /**< First VF Offset */
	uint32_t sriov_stride; /**< VF Stride */
	uint32_t sriov_device; /**< VF Device ID */
	uint32_t msix_size; /**< entries of its MSI-X table */
	uint32_t msi_vectors; /**< that it can ask for */
	uint32_t reset; /**< VDEV_MIGRATION_RESET_... */
	uint32_t power_state; /**< 0..3: D0..D3hot */
	uint32_t slot_caps; /**< Slot Capabilities of the port above it */
	uint32_t pcie_type; /**< Device/Port Type of the PCI Express capability */
	uint32_t bar_kinds; /**< VDEV_MIGRATION_BAR_... */
	uint32_t link_speed; /**< most, as in Link Capabilities: 1 is 2.5 GT/s */
	uint32_t link_width; /**< most lanes */
	uint64_t bar[6]; /**< sizes, bytes; 0: none */
	uint64_t rom; /**< size of the expansion ROM, bytes */
	uint64_t features; /**< device features: virtio's bits, or the VMM's own */
	uint64_t device_serial; /**< Device Serial Number capability */

	char firmware[VDEV_MIGRATION_TEXT]; /**< running, never stored (devlink fw, fw.bundle_id) */
	char firmware_mgmt[VDEV_MIGRATION_TEXT]; /**< running fw.mgmt */
	char firmware_app[VDEV_MIGRATION_TEXT]; /**< running fw.app */
	char psid[VDEV_MIGRATION_TEXT]; /**< fw.psid: parameter set */
	char board[VDEV_MIGRATION_TEXT]; /**< board.id */
	char driver[VDEV_MIGRATION_TEXT];
	char driver_version[VDEV_MIGRATION_TEXT];
	char stream_version[VDEV_MIGRATION_TEXT]; /**< of the driver's migration stream */
	char serial[VDEV_MIGRATION_TEXT]; /**< VPD SN */
	char part[VDEV_MIGRATION_TEXT]; /**< VPD PN */
	char vpd_firmware[VDEV_MIGRATION_TEXT]; /**< VPD V.. that tells a firmware */
	uint32_t cap_count; /**< entries of `caps`: 0..VDEV_MIGRATION_CAPS */
	uint32_t reserved2; /**< 0 */
	struct vdev_migration_cap caps[VDEV_MIGRATION_CAPS]; /**< in the order of the chains */
};

/** Numbers of the fields; bit n of `known` is for field n. They are never used again for another one. @{ */
#define VDEV_MIGRATION_F_CLASS 0u
#define VDEV_MIGRATION_F_VENDOR 1u
#define VDEV_MIGRATION_F_DEVICE 2u
#define VDEV_MIGRATION_F_SUBSYSTEM_VENDOR 3u
#define VDEV_MIGRATION_F_SUBSYSTEM_DEVICE 4u
#define VDEV_MIGRATION_F_REVISION 5u
#define VDEV_MIGRATION_F_HEADER_TYPE 6u
#define VDEV_MIGRATION_F_RELATION 7u
#define VDEV_MIGRATION_F_STOP_COPY 8u
#define VDEV_MIGRATION_F_P2P 9u
#define VDEV_MIGRATION_F_PRE_COPY 10u
#define VDEV_MIGRATION_F_DMA_LOGGING 11u
#define VDEV_MIGRATION_F_SRIOV_TOTAL 12u
#define VDEV_MIGRATION_F_SRIOV_VFS 13u
#define VDEV_MIGRATION_F_SRIOV_OFFSET 14u
#define VDEV_MIGRATION_F_SRIOV_STRIDE 15u
#define VDEV_MIGRATION_F_SRIOV_DEVICE 16u
#define VDEV_MIGRATION_F_MSIX_SIZE 17u
#define VDEV_MIGRATION_F_MSI_VECTORS 18u
#define VDEV_MIGRATION_F_RESET 19u
#define VDEV_MIGRATION_F_POWER_STATE 20u
#define VDEV_MIGRATION_F_SLOT_CAPS 21u
#define VDEV_MIGRATION_F_PCIE_TYPE 22u
#define VDEV_MIGRATION_F_BAR_KINDS 23u
#define VDEV_MIGRATION_F_LINK_SPEED 24u
#define VDEV_MIGRATION_F_LINK_WIDTH 25u
#define VDEV_MIGRATION_F_BAR0 26u /**< BAR 1..5 follow */
#define VDEV_MIGRATION_F_ROM 32u
#define VDEV_MIGRATION_F_FEATURES 33u
#define VDEV_MIGRATION_F_DEVICE_SERIAL 34u
#define VDEV_MIGRATION_F_FIRMWARE 35u
#define VDEV_MIGRATION_F_FIRMWARE_MGMT 36u
#define VDEV_MIGRATION_F_FIRMWARE_APP 37u
#define VDEV_MIGRATION_F_PSID 38u
#define VDEV_MIGRATION_F_BOARD 39u
#define VDEV_MIGRATION_F_DRIVER 40u
#define VDEV_MIGRATION_F_DRIVER_VERSION 41u
#define VDEV_MIGRATION_F_STREAM_VERSION 42u
#define VDEV_MIGRATION_F_SERIAL 43u
#define VDEV_MIGRATION_F_PART 44u
#define VDEV_MIGRATION_F_VPD_FIRMWARE 45u
#define VDEV_MIGRATION_F_CAPS 46u
#define VDEV_MIGRATION_FIELDS 47u
/** @} */

/** What a field holds, and what AT_LEAST means for it. @{ */
#define VDEV_MIGRATION_NUMBER 0u /**< decimal; as much or more */
#define VDEV_MIGRATION_HEX 1u /**< hexadecimal; as much or more */
#define VDEV_MIGRATION_BITS 2u /**< hexadecimal; the same bits, and perhaps others */
#define VDEV_MIGRATION_BYTES 3u /**< a size; as much or more */
#define VDEV_MIGRATION_STRING 4u /**< text; AT_LEAST is refused */
#define VDEV_MIGRATION_VERSION 5u /**< text; numbers in it are compared as numbers, from the left */
#define VDEV_MIGRATION_LAYOUT \
	6u /**< `caps`; each at the same offset, in the same or a later version */
#define VDEV_MIGRATION_TYPES 7u
/** @} */

/** One field of a descriptor. 32 bytes. */
struct vdev_migration_field {
	uint32_t field; /**< VDEV_MIGRATION_F_... */
	uint32_t type; /**< VDEV_MIGRATION_NUMBER .. LAYOUT */
	uint32_t offset; /**< in struct vdev_migration_device; of a LAYOUT that of cap_count */
	uint32_t size; /**< 4 or 8 of a number, VDEV_MIGRATION_TEXT of a text, else of all of it */
	uint32_t digits; /**< of a HEX value, as it is written: 4 of a vendor; 0: no fixed number */
	uint32_t reserved; /**< 0 */
	const char *name; /**< as in rules and JSON: "subsystem_vendor"; a constant string */
};

/**
 * Tells of a field: name, type and place.
 * @param field 0..VDEV_MIGRATION_FIELDS - 1
 * @param ret_field see the struct
 * @param size sizeof(struct vdev_migration_field) of the caller
 * @return 0; -EINVAL; -ENOENT: no such field
 */
VDEV_API int vdev_migration_field(uint32_t field, struct vdev_migration_field *ret_field,
				  size_t size);
/**
 * Finds a field by its name.
 * @param name e.g. "firmware"
 * @return its number; -EINVAL: NULL; -ENOENT
 */
VDEV_API int vdev_migration_find_field(const char *name);
/**
 * The value of a field as a text for people: "0x15b3", "4096", "16.35.2000", "pm@40 msix@9c"; "?" if not known.
 * @param device descriptor
 * @param device_size sizeof(struct vdev_migration_device) of the caller
 * @param field 0..VDEV_MIGRATION_FIELDS - 1
 * @param buf gets the text, cut if it does not fit; NULL if size is 0
 * @param size of buf
 * @return length of the whole text without its 0; -EINVAL; -E2BIG; -ENOENT: no such field
 */
VDEV_API int vdev_migration_value(const struct vdev_migration_device *device, size_t device_size,
				  uint32_t field, char *buf, size_t size);

/** A host: what an inventory found. 64 bytes. */
struct vdev_migration_host {
	uint32_t struct_size;
	uint32_t flags; /**< 0 */
	uint32_t device_count; /**< 0..VDEV_MIGRATION_MAX_FUNCTIONS */
	uint32_t device_size; /**< sizeof(struct vdev_migration_device) of the caller */
	uint32_t
		node_count; /**< highest NUMA node + 1; 0: no NUMA; at most VDEV_MIGRATION_MAX_NODES */
	uint32_t reserved; /**< 0 */
	const struct vdev_migration_device *devices; /**< in any order */
	/** node_count * node_count distances, row by row, 10 to itself; NULL: not known, 10 and 20 then */
	const uint8_t *distances;
	uint64_t user_data; /**< comes back in results */
	uint64_t reserved2[2]; /**< 0 */
};

#ifdef __cplusplus
}
#endif

#endif
