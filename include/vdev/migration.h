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
#define VDEV_MIGRATION_MAX_DEVICES 64u /**< of a VM */
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
#define VDEV_MIGRATION_USE_UNKNOWN \
	3u /**< not known (a dump, or VFIO was not asked): a plan takes it for free, verify() does not */
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

/** What becomes of a device, best first (M8). It is a prediction until the destination has taken its initial data. @{ */
#define VDEV_MIGRATION_LIVE 0u /**< nothing differs: moves as it runs (M3) */
#define VDEV_MIGRATION_LIVE_STOP_COPY_ONLY \
	1u /**< the same, but all its state moves while it stands still */
#define VDEV_MIGRATION_QUIESCE_REBUILD \
	2u /**< other hardware: quiesced, deleted, restored there (M4) */
#define VDEV_MIGRATION_EMULATE 3u /**< no hardware there; its software backing takes over */
#define VDEV_MIGRATION_REFUSE 4u /**< it cannot move */
#define VDEV_MIGRATION_VERDICTS 5u
/** @} */

/** How a rule compares a field. @{ */
#define VDEV_MIGRATION_EXACT \
	0u /**< the same; of a number only in the bits of `value`, if that is not 0 */
#define VDEV_MIGRATION_AT_LEAST \
	1u /**< the destination has as much: see VDEV_MIGRATION_NUMBER .. LAYOUT */
#define VDEV_MIGRATION_NEED 2u /**< both sides have at least `value`, of BITS these; numbers only */
#define VDEV_MIGRATION_IGNORE 3u /**< never a difference */
#define VDEV_MIGRATION_KINDS 4u
/** @} */

/**
 * Flag of a rule: a value that neither side knows is a difference, too. Without it only a value that one side
 * knows and the other does not. NEED has it always.
 */
#define VDEV_MIGRATION_MUST_KNOW 0x1u

/** Bytes of a note, the 0 at its end included. */
#define VDEV_MIGRATION_NOTE 104

/** A rule (M8): which devices, which field, how it is compared, and what a difference means. 168 bytes. */
struct vdev_migration_rule {
	uint32_t field; /**< VDEV_MIGRATION_F_... */
	uint32_t kind; /**< VDEV_MIGRATION_EXACT .. IGNORE */
	uint32_t verdict; /**< of a difference: LIVE_STOP_COPY_ONLY .. REFUSE; of IGNORE 0 */
	uint32_t flags; /**< VDEV_MIGRATION_MUST_KNOW */
	uint32_t class_code; /**< of the device that moves; only the bits of the mask count */
	uint32_t class_mask; /**< 0: any; so for the others */
	uint32_t vendor;
	uint32_t vendor_mask;
	uint32_t device;
	uint32_t device_mask;
	uint32_t origin; /**< 0: built in; n: of the n-th call that added; set by the library */
	uint32_t line; /**< in its file, from 1; 0: none; set by the library */
	uint64_t value; /**< see the kinds */
	char note
		[VDEV_MIGRATION_NOTE]; /**< its source, for people; empty, or without control characters */
	uint64_t reserved; /**< 0 */
};

/** Where a rules file is wrong, and how. 136 bytes. */
struct vdev_migration_error {
	uint32_t line; /**< from 1; 0: the file as a whole */
	uint32_t column; /**< from 1, in bytes */
	char message[128]; /**< without place, ends with 0 */
};

/** Flag of vdev_migration_rules_new(): without the built-in rules. */
#define VDEV_MIGRATION_EMPTY 0x1u
/** Flag of vdev_migration_rules_write(): the built-in rules, too. */
#define VDEV_MIGRATION_ALL 0x1u

/**
 * Makes a set of rules (M8). Of all rules that match a device and name a field the last decides; a field that none names is
 * ignored.
 * @param ret_rules the set
 * @param env hooks, or NULL; copied
 * @param flags VDEV_MIGRATION_EMPTY, or 0: begins with the built-in rules
 * @return 0; -EINVAL; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_migration_rules_new(struct vdev_migration_rules **ret_rules,
				      const struct vdev_env *env, uint32_t flags);
/**
 * Ends a set.
 * @param rules NULL is allowed
 */
VDEV_API void vdev_migration_rules_free(struct vdev_migration_rules *rules);
/**
 * Adds a rule after all others.
 * @param rules the set
 * @param rule copied; origin and line are set
 * @param size sizeof(struct vdev_migration_rule) of the caller
 * @return 0; -EINVAL: a value is out of range, the kind does not suit the field, a value lies outside its mask;
 * -E2BIG; -ENOSPC: VDEV_MIGRATION_MAX_RULES; -ENOMEM
 */
VDEV_API int vdev_migration_rules_add(struct vdev_migration_rules *rules,
				      const struct vdev_migration_rule *rule, size_t size);
/**
 * Adds the rules of a file, all or none. The format stands in docs/engines/migration.md.
 * @param rules the set
 * @param text of the file; need not end with 0; at most 1 MiB
 * @param size of text
 * @param ret_error where and what, with -EBADMSG and -EPROTONOSUPPORT; NULL is allowed
 * @param error_size sizeof(struct vdev_migration_error) of the caller; 0 with NULL
 * @return number of rules added; -EINVAL; -EBADMSG: wrong, see ret_error; -EPROTONOSUPPORT: a later version of the
 * format; -ENOSPC: too long, or VDEV_MIGRATION_MAX_RULES; -ENOMEM
 */
VDEV_API int vdev_migration_rules_parse(struct vdev_migration_rules *rules, const char *text,
					size_t size, struct vdev_migration_error *ret_error,
					size_t error_size);
/**
 * Writes the rules as a file that gives the same rules again.
 * @param rules the set
 * @param flags VDEV_MIGRATION_ALL
 * @param buf gets the text, without a 0 at its end; NULL: only tell the size
 * @param size of buf
 * @param ret_size what is needed or was written
 * @return 0; -EINVAL; -ENOBUFS: buf is too small; *ret_size is set then, too
 */
VDEV_API int vdev_migration_rules_write(const struct vdev_migration_rules *rules, uint32_t flags,
					char *buf, size_t size, size_t *ret_size);
/**
 * How many rules there are.
 * @param rules the set
 * @return their number; -EINVAL: NULL
 */
VDEV_API int vdev_migration_rules_count(const struct vdev_migration_rules *rules);
/**
 * One rule.
 * @param rules the set; NULL: the built-in ones
 * @param index 0 .. vdev_migration_rules_count() - 1
 * @param ret_rule see the struct
 * @param size sizeof(struct vdev_migration_rule) of the caller
 * @return 0; -EINVAL; -ENOENT: no such rule; -ENOMEM: with NULL
 */
VDEV_API int vdev_migration_rules_get(const struct vdev_migration_rules *rules, uint32_t index,
				      struct vdev_migration_rule *ret_rule, size_t size);

/** Facts about a device of a VM. @{ */
#define VDEV_MIGRATION_SOFTWARE 0x1u /**< a software backing exists that can take over (EMULATE) */
#define VDEV_MIGRATION_NO_REBUILD \
	0x2u /**< nobody can delete and restore its structures: no QUIESCE_REBUILD */
/** @} */

/** Flags of a difference. @{ */
#define VDEV_MIGRATION_SOURCE_UNKNOWN 0x1u /**< the source does not know the value */
#define VDEV_MIGRATION_DESTINATION_UNKNOWN 0x2u
/** @} */

/** A field that differs, and the rule that judged it. 32 bytes. */
struct vdev_migration_difference {
	uint32_t field; /**< VDEV_MIGRATION_F_... */
	uint32_t kind; /**< of the rule */
	uint32_t verdict; /**< of the rule */
	uint32_t flags; /**< VDEV_MIGRATION_SOURCE_UNKNOWN, DESTINATION_UNKNOWN */
	uint32_t rule; /**< index, see vdev_migration_rules_get() */
	uint32_t origin; /**< of the rule: 0: built in */
	uint32_t line; /**< of the rule */
	uint32_t reserved; /**< 0 */
};

/** What a comparison says. 16 bytes. */
struct vdev_migration_result {
	uint32_t verdict; /**< VDEV_MIGRATION_LIVE .. REFUSE */
	uint32_t hardware; /**< by the rules alone: without the facts about the device */
	uint32_t differences; /**< how many fields differ: 0..VDEV_MIGRATION_FIELDS */
	uint32_t reserved; /**< 0 */
};

/**
 * Compares a device with a function that could back it there (M2, M8). Whether that function is free is not looked at.
 * @param rules NULL: the built-in ones
 * @param source the device that moves
 * @param destination the function
 * @param device_size sizeof(struct vdev_migration_device) of the caller
 * @param flags VDEV_MIGRATION_SOFTWARE, NO_REBUILD
 * @param ret_result see the struct
 * @param result_size sizeof(struct vdev_migration_result) of the caller
 * @param ret_differences the first `max` fields that differ, by number; NULL if max is 0
 * @param difference_size sizeof(struct vdev_migration_difference) of the caller
 * @param max entries of ret_differences
 * @return 0; -EINVAL; -E2BIG; -ENOMEM: with rules NULL
 */
VDEV_API int vdev_migration_compare(const struct vdev_migration_rules *rules,
				    const struct vdev_migration_device *source,
				    const struct vdev_migration_device *destination,
				    size_t device_size, uint32_t flags,
				    struct vdev_migration_result *ret_result, size_t result_size,
				    struct vdev_migration_difference *ret_differences,
				    size_t difference_size, uint32_t max);

/** A device of a VM that is to move. 24 bytes. */
struct vdev_migration_want {
	const struct vdev_migration_device *device; /**< what backs it now */
	uint64_t user_data; /**< comes back in results */
	uint32_t flags; /**< VDEV_MIGRATION_SOFTWARE, NO_REBUILD */
	uint32_t
		node; /**< NUMA node of the destination that it works for; VDEV_MIGRATION_UNKNOWN: no matter */
};

/** A VM. 32 bytes. */
struct vdev_migration_vm {
	uint32_t struct_size;
	uint32_t flags; /**< 0 */
	uint32_t device_count; /**< 0..VDEV_MIGRATION_MAX_DEVICES */
	uint32_t device_size; /**< sizeof(struct vdev_migration_device) of the caller */
	const struct vdev_migration_want
		*devices; /**< in an order that breaks ties: the first gets the lowest */
	uint64_t reserved; /**< 0 */
};

/** Why a device has the verdict that it has. @{ */
#define VDEV_MIGRATION_FITS 0u /**< nothing differs */
#define VDEV_MIGRATION_DIFFERS \
	1u /**< `field`, by `rule`; without a function: that of the least bad one, then of fewest differences */
#define VDEV_MIGRATION_NOTHING 2u /**< no function of its class there (M1) */
#define VDEV_MIGRATION_TAKEN \
	3u /**< `function` would do, but it, or one of its group, is used, or it has VFs */
#define VDEV_MIGRATION_CONTENDED 4u /**< `function` would do, but others of the VM need it more */
#define VDEV_MIGRATION_REASONS 5u
/** @} */

/** Where a device goes. 48 bytes. */
struct vdev_migration_place {
	uint64_t user_data; /**< of the device */
	uint64_t address; /**< of its function; VDEV_NONE: it has none (EMULATE, REFUSE) */
	uint32_t verdict; /**< VDEV_MIGRATION_LIVE .. REFUSE */
	uint32_t reason; /**< VDEV_MIGRATION_FITS .. CONTENDED */
	uint32_t
		function; /**< its index in the host's `devices`, or that of the reason; VDEV_MIGRATION_UNKNOWN */
	uint32_t distance; /**< of NUMA nodes: 10 is the same; 255: not known; 0: no matter */
	uint32_t field; /**< first of those with the worst verdict; VDEV_MIGRATION_UNKNOWN */
	uint32_t rule; /**< that judged it; VDEV_MIGRATION_UNKNOWN */
	uint64_t reserved; /**< 0 */
};

/** How a host does for a VM. 72 bytes. */
struct vdev_migration_rank {
	uint64_t host; /**< handle; 0 from a plan */
	uint64_t user_data; /**< of the host */
	uint32_t verdict; /**< the worst; LIVE of a VM without devices */
	uint32_t counts[VDEV_MIGRATION_VERDICTS]; /**< devices, by verdict */
	uint32_t distance; /**< sum over its devices */
	uint32_t
		device; /**< first with the worst verdict; what follows is about it. VDEV_MIGRATION_UNKNOWN: no devices */
	uint32_t reason; /**< VDEV_MIGRATION_FITS .. CONTENDED */
	uint32_t function; /**< as in struct vdev_migration_place; so are the next */
	uint32_t field;
	uint32_t rule;
	uint64_t reserved; /**< 0 */
};

/** Configuration. 40 bytes. */
struct vdev_migration_config {
	uint32_t struct_size;
	uint32_t flags; /**< 0 */
	uint32_t max_hosts; /**< 1..VDEV_MIGRATION_MAX_HOSTS */
	uint32_t max_types; /**< of devices that rules tell apart, VMs' and hosts': 1..2^20 */
	uint64_t max_functions; /**< of all hosts together: 1..2^32 */
	const struct vdev_migration_rules *rules; /**< copied; NULL: the built-in ones */
	uint64_t reserved; /**< 0 */
};

/** Counters. Each is a uint64_t. */
struct vdev_migration_stats {
	uint64_t hosts, functions; /**< now */
	uint64_t types; /**< of devices that the rules tell apart, now */
	uint64_t shapes; /**< of hosts that differ in more than addresses, now */
	uint64_t compared; /**< pairs of types that the rules were asked about */
	uint64_t remembered; /**< pairs that were answered from memory */
	uint64_t assigned; /**< assignment problems that were solved */
	uint64_t ranked; /**< calls of vdev_migration_rank() */
	uint64_t allocated_bytes; /**< now */
};

/**
 * Makes a planner without hosts.
 * @param ret_obj the planner
 * @param env hooks, or NULL; copied
 * @param config see the struct; copied
 * @return 0; -EINVAL; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_migration_new(struct vdev_migration **ret_obj, const struct vdev_env *env,
				const struct vdev_migration_config *config);
/**
 * Ends a planner.
 * @param obj NULL is allowed
 */
VDEV_API void vdev_migration_free(struct vdev_migration *obj);
/**
 * Adds a host. What of its functions can be had is settled here (M11): those that are FREE or USE_UNKNOWN, of whose group
 * none is USED, and that are not a PF with VFs.
 * @param obj the planner
 * @param host copied
 * @param ret_host handle, never reused
 * @return 0; -EINVAL: a value is out of range, or two functions have one address; -E2BIG; -ENOSPC: a limit of
 * the configuration; -ENOMEM
 */
VDEV_API int vdev_migration_add_host(struct vdev_migration *obj,
				     const struct vdev_migration_host *host, uint64_t *ret_host);
/**
 * Takes a host away, also to add it again with a fresh inventory.
 * @param obj the planner
 * @param host handle
 * @return 0; -EINVAL: obj is NULL; -ENOENT
 */
VDEV_API int vdev_migration_remove_host(struct vdev_migration *obj, uint64_t host);
/**
 * Gives each device of a VM its function on one host (M11): fewest REFUSE, then most LIVE, then fewest that are rebuilt
 * (QUIESCE_REBUILD and EMULATE), then fewest EMULATE, then the least sum of NUMA distances, then the lowest addresses,
 * the first device's first. Exact.
 * @param obj the planner
 * @param vm what moves
 * @param host handle
 * @param ret_rank NULL is allowed
 * @param rank_size sizeof(struct vdev_migration_rank) of the caller
 * @param ret_places one for each device of the VM; NULL if there are none
 * @param place_size sizeof(struct vdev_migration_place) of the caller
 * @return the worst verdict, VDEV_MIGRATION_LIVE .. REFUSE; -EINVAL; -E2BIG; -ENOENT; -ENOSPC: max_types; -ENOMEM
 */
VDEV_API int vdev_migration_assign(struct vdev_migration *obj, const struct vdev_migration_vm *vm,
				   uint64_t host, struct vdev_migration_rank *ret_rank,
				   size_t rank_size, struct vdev_migration_place *ret_places,
				   size_t place_size);
/**
 * Ranks all hosts for a VM, best first, as vdev_migration_assign() orders; equal ones in the order in which they were
 * added. Losers are last, and say why.
 * @param obj the planner
 * @param vm what moves
 * @param ret_ranks the best `max`; NULL if max is 0
 * @param rank_size sizeof(struct vdev_migration_rank) of the caller
 * @param max entries of ret_ranks
 * @return number of hosts, which may be more than max; -EINVAL; -E2BIG; -ENOSPC: max_types; -ENOMEM
 */
VDEV_API int vdev_migration_rank(struct vdev_migration *obj, const struct vdev_migration_vm *vm,
				 struct vdev_migration_rank *ret_ranks, size_t rank_size,
				 uint32_t max);
/**
 * Counters.
 * @param obj the planner
 * @param ret_stats see the struct
 * @param stats_size sizeof(struct vdev_migration_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_migration_stats(const struct vdev_migration *obj,
				  struct vdev_migration_stats *ret_stats, size_t stats_size);

/** Sides of a step or change. @{ */
#define VDEV_MIGRATION_AT_SOURCE 1u
#define VDEV_MIGRATION_AT_DESTINATION 2u
#define VDEV_MIGRATION_AT_BOTH 3u
/** @} */

/**
 * Steps of a plan, and what takes them back; 0: nothing to do. VFIO states are those of migration v2 (M10).
 * @{
 */
#define VDEV_MIGRATION_NO_STEP 0u
#define VDEV_MIGRATION_CLAIM 1u /**< destination: the function is ours from now on */
#define VDEV_MIGRATION_RELEASE 2u /**< the function is given back, reset */
#define VDEV_MIGRATION_VERIFY 3u /**< both: fresh inventories, vdev_migration_plan_verify() (M9) */
#define VDEV_MIGRATION_RESUMING \
	4u /**< destination: RUNNING to RESUMING. RELEASE, the undo of CLAIM, resets it: RUNNING would make it a twin */
#define VDEV_MIGRATION_PRE_COPY_STATE \
	5u /**< source: RUNNING to PRE_COPY; the initial data must be accepted there (M8) */
#define VDEV_MIGRATION_RUNNING \
	6u /**< source: back to RUNNING; by way of reset if that fails (M10) */
#define VDEV_MIGRATION_BUSY 7u /**< source: drop messages and stored requests, post busy (M5) */
#define VDEV_MIGRATION_CLEAR_BUSY 8u /**< new requests are accepted again (M7) */
#define VDEV_MIGRATION_DESCRIBE 9u /**< source: write down the data structures (M6) */
#define VDEV_MIGRATION_DELETE 10u /**< delete them, in reverse order of dependency (M6) */
#define VDEV_MIGRATION_RESTORE 11u /**< make them anew, in order of dependency (M6) */
#define VDEV_MIGRATION_COPY_MEMORY 12u /**< both: rounds of RAM while the guest runs */
#define VDEV_MIGRATION_STOP_COPYING 13u /**< both: forget what was copied */
#define VDEV_MIGRATION_PAUSE 14u /**< source: the vCPUs stand */
#define VDEV_MIGRATION_UNPAUSE 15u /**< the vCPUs run */
#define VDEV_MIGRATION_STOP_P2P 16u /**< source, all together: RUNNING_P2P or PRE_COPY_P2P (M10) */
#define VDEV_MIGRATION_STOP_COPY_STATE \
	17u /**< source: STOP_COPY; the rest of its state goes over */
#define VDEV_MIGRATION_COPY_REST 18u /**< both: what is left of RAM, vCPUs, emulated devices */
#define VDEV_MIGRATION_STOP_STATE 19u /**< destination: RESUMING to STOP: the state was taken */
#define VDEV_MIGRATION_ATTACH 20u /**< destination: the software backing takes the device's place */
#define VDEV_MIGRATION_DETACH 21u /**< the software backing is taken away */
#define VDEV_MIGRATION_COMMIT \
	22u /**< both: the guest is there from now on. The point of no return */
#define VDEV_MIGRATION_START 23u /**< destination: STOP to RUNNING, by way of RUNNING_P2P */
#define VDEV_MIGRATION_STEPS 24u
/** @} */

/** Flags of a step. @{ */
#define VDEV_MIGRATION_POINT_OF_NO_RETURN 0x1u /**< once it has been done there is no way back */
#define VDEV_MIGRATION_BLACKOUT 0x2u /**< the guest stands still meanwhile */
/** @} */

/**
 * One step. Steps are done in order; if one fails before the point of no return, the undo of each that was begun is done in
 * reverse order, that of the failed one first, each when the one before is done or has failed. Nothing at the destination is set going by
 * that. 40 bytes.
 */
struct vdev_migration_step {
	uint32_t kind; /**< VDEV_MIGRATION_CLAIM .. START */
	uint32_t side; /**< VDEV_MIGRATION_AT_... */
	uint32_t device; /**< index in the plan; VDEV_MIGRATION_UNKNOWN: the whole VM */
	uint32_t flags; /**< VDEV_MIGRATION_POINT_OF_NO_RETURN, BLACKOUT */
	uint32_t undo; /**< kind that takes it back, on the same side; VDEV_MIGRATION_NO_STEP */
	uint32_t reserved; /**< 0 */
	uint64_t deadline_ns; /**< a duration: longer than that, and it has failed */
	uint64_t reserved2; /**< 0 */
};

/**
 * Flag of a plan: devices are quiesced after the rounds of memory, not before. Only where what they write by DMA
 * meanwhile is seen (IOMMU dirty tracking).
 */
#define VDEV_MIGRATION_QUIESCE_LATE 0x1u

/** How a plan is made. 216 bytes. */
struct vdev_migration_plan_config {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_MIGRATION_QUIESCE_LATE */
	const struct vdev_migration_rules *rules; /**< NULL: the built-in ones */
	uint64_t deadline_ns[VDEV_MIGRATION_STEPS]; /**< by kind, 0: the default; at most 2^62 */
	uint64_t reserved; /**< 0 */
};

/** What a plan says as a whole. 32 bytes. */
struct vdev_migration_plan_info {
	uint32_t verdict; /**< the worst */
	uint32_t flags; /**< VDEV_MIGRATION_QUIESCE_LATE */
	uint32_t devices;
	uint32_t steps; /**< 0 with REFUSE */
	uint32_t
		no_return; /**< index of the step that is the point of no return; VDEV_MIGRATION_UNKNOWN */
	uint32_t reserved; /**< 0 */
	uint64_t blackout_ns; /**< the most that the guest may stand still, by the deadlines */
};

/** What has changed since the plan. @{ */
#define VDEV_MIGRATION_SAME 0u /**< nothing: never in a list */
#define VDEV_MIGRATION_GONE 1u /**< the function is not there any more */
#define VDEV_MIGRATION_NOT_FREE \
	2u /**< somebody has it, or one of its group, or it has VFs now, or nobody knows (USE_UNKNOWN) */
#define VDEV_MIGRATION_WORSE 3u /**< `field` differs now, and makes the verdict worse: `verdict` */
#define VDEV_MIGRATION_OTHER_VALUE 4u /**< `field` is another one, without consequence */
#define VDEV_MIGRATION_MOVED_NODE 5u /**< on another NUMA node */
#define VDEV_MIGRATION_CHANGES 6u
/** @} */

/** One change. 32 bytes. */
struct vdev_migration_change {
	uint32_t device; /**< index in the plan */
	uint32_t
		side; /**< VDEV_MIGRATION_AT_SOURCE, AT_DESTINATION; of WORSE that of the value that changed */
	uint32_t what; /**< VDEV_MIGRATION_GONE .. MOVED_NODE */
	uint32_t field; /**< VDEV_MIGRATION_UNKNOWN if it is about no field */
	uint32_t verdict; /**< of the device now */
	uint32_t stop; /**< 1: do not commit; 0: it does not hinder */
	uint64_t reserved; /**< 0 */
};

/**
 * Makes a plan for moving a VM to a host (M9, M11): assignment, reasons, steps. A dry run: nothing happens.
 * @param ret_plan the plan; there is one with REFUSE, too, for its reasons
 * @param env hooks, or NULL; copied
 * @param config NULL: the built-in rules and default deadlines
 * @param vm what moves; copied
 * @param host the destination; copied
 * @return 0; -EINVAL; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_migration_plan_new(struct vdev_migration_plan **ret_plan,
				     const struct vdev_env *env,
				     const struct vdev_migration_plan_config *config,
				     const struct vdev_migration_vm *vm,
				     const struct vdev_migration_host *host);
/**
 * Ends a plan.
 * @param plan NULL is allowed
 */
VDEV_API void vdev_migration_plan_free(struct vdev_migration_plan *plan);
/**
 * What it says as a whole.
 * @param plan the plan
 * @param ret_info see the struct
 * @param size sizeof(struct vdev_migration_plan_info) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_migration_plan_get(const struct vdev_migration_plan *plan,
				     struct vdev_migration_plan_info *ret_info, size_t size);
/**
 * One device.
 * @param plan the plan
 * @param device index, 0 .. devices - 1, as in the VM
 * @param ret_place where it goes; user_data is 0 after vdev_migration_plan_load()
 * @param size sizeof(struct vdev_migration_place) of the caller
 * @param ret_source what backs it now; the plan's; NULL is allowed
 * @param ret_destination the function there, or that of the reason; the plan's; *ret_destination is NULL if there
 * is none; NULL is allowed
 * @return number of fields that differ; -EINVAL; -ENOENT
 */
VDEV_API int vdev_migration_plan_device(const struct vdev_migration_plan *plan, uint32_t device,
					struct vdev_migration_place *ret_place, size_t size,
					const struct vdev_migration_device **ret_source,
					const struct vdev_migration_device **ret_destination);
/**
 * One field that differs between a device and its function, or that of the reason.
 * @param plan the plan
 * @param device index
 * @param index 0 .. what vdev_migration_plan_device() returned - 1
 * @param ret_difference see the struct
 * @param size sizeof(struct vdev_migration_difference) of the caller
 * @return 0; -EINVAL; -ENOENT
 */
VDEV_API int vdev_migration_plan_difference(const struct vdev_migration_plan *plan, uint32_t device,
					    uint32_t index,
					    struct vdev_migration_difference *ret_difference,
					    size_t size);
/**
 * One step.
 * @param plan the plan
 * @param index 0 .. steps - 1
 * @param ret_step see the struct
 * @param size sizeof(struct vdev_migration_step) of the caller
 * @return 0; -EINVAL; -ENOENT
 */
VDEV_API int vdev_migration_plan_step(const struct vdev_migration_plan *plan, uint32_t index,
				      struct vdev_migration_step *ret_step, size_t size);
/**
 * Says what has changed since the plan was made, just before commit (M9). Only who has a function open by VFIO can ask for
 * stop_copy, p2p, pre_copy and dma_logging. At the source, and there if it was claimed and is USED, such a field
 * that is not known now counts as in the plan.
 * @param plan the plan
 * @param rules those of the plan; NULL: the built-in ones
 * @param source a fresh inventory of the source; NULL: not looked at
 * @param destination a fresh inventory of the destination; NULL: not looked at
 * @param flags VDEV_MIGRATION_CLAIMED: the functions there were claimed, and are USED by ourselves
 * @param ret_changes the first `max`, by device; NULL if max is 0
 * @param change_size sizeof(struct vdev_migration_change) of the caller
 * @param max entries of ret_changes
 * @param ret_stop 1: do not commit; 0: nothing hinders; NULL is allowed
 * @return number of changes, which may be more than max; -EINVAL; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_migration_plan_verify(const struct vdev_migration_plan *plan,
					const struct vdev_migration_rules *rules,
					const struct vdev_migration_host *source,
					const struct vdev_migration_host *destination,
					uint32_t flags, struct vdev_migration_change *ret_changes,
					size_t change_size, uint32_t max, uint32_t *ret_stop);
/** Flag of vdev_migration_plan_verify(). */
#define VDEV_MIGRATION_CLAIMED 0x1u
/**
 * Writes a plan, for the other end. It holds no user_data.
 * @param plan the plan
 * @param buf at least *ret_size bytes; NULL: only tell the size
 * @param size of buf
 * @param ret_size what is needed or was written
 * @return 0; -EINVAL; -ENOBUFS: buf is too small; *ret_size is set then, too
 */
VDEV_API int vdev_migration_plan_save(const struct vdev_migration_plan *plan, void *buf,
				      size_t size, size_t *ret_size);
/**
 * Makes a plan from an image, which may come from anybody. Its steps follow from its devices, and are made here.
 * @param env hooks, or NULL; copied
 * @param image what vdev_migration_plan_save() wrote
 * @param size of image
 * @param ret_plan the plan
 * @return 0; -EINVAL; -EBADMSG: damaged; -EPROTONOSUPPORT: of a version that this library does not know; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_migration_plan_load(const struct vdev_env *env, const void *image, size_t size,
				      struct vdev_migration_plan **ret_plan);

/**
 * The name of a verdict, e.g. "QUIESCE_REBUILD".
 * @param verdict VDEV_MIGRATION_LIVE ..
 * @return a constant string, "?" for an unknown one
 */
VDEV_API const char *vdev_migration_verdict_name(uint32_t verdict);
/**
 * The name of a kind of rule, as in a rules file, e.g. "at-least".
 * @param kind VDEV_MIGRATION_EXACT ..
 * @return a constant string, "?" for an unknown one
 */
VDEV_API const char *vdev_migration_kind_name(uint32_t kind);
/**
 * The name of a reason, e.g. "CONTENDED".
 * @param reason VDEV_MIGRATION_FITS ..
 * @return a constant string, "?" for an unknown one
 */
VDEV_API const char *vdev_migration_reason_name(uint32_t reason);
/**
 * The name of a step, e.g. "COMMIT".
 * @param step VDEV_MIGRATION_NO_STEP ..
 * @return a constant string, "?" for an unknown one
 */
VDEV_API const char *vdev_migration_step_name(uint32_t step);
/**
 * The name of a change, e.g. "NOT_FREE".
 * @param change VDEV_MIGRATION_SAME ..
 * @return a constant string, "?" for an unknown one
 */
VDEV_API const char *vdev_migration_change_name(uint32_t change);
/**
 * The name of a use, e.g. "FREE".
 * @param use VDEV_MIGRATION_FREE ..
 * @return a constant string, "?" for an unknown one
 */
VDEV_API const char *vdev_migration_use_name(uint32_t use);

#ifdef __cplusplus
}
#endif

#endif
