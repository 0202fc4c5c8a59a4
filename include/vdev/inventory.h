/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file inventory.h
 * The PCI devices of a host as plain data, for the migration engine and for people: identity, capabilities,
 * BARs, SR-IOV, interrupts, reset, slots, place, driver, firmware.
 *
 * **Purpose.** What rule M12 of the migration engine compares. From this machine, from a captured sysfs tree, or
 * from a dump that `lspci -xxxx` wrote. Sources: PCI Express Base Specification; Documentation/ABI/testing/sysfs-bus-pci;
 * Documentation/networking/devlink/devlink-info.rst; include/uapi/linux/vfio.h.
 *
 * **States.** An inventory is a snapshot and never changes.
 *
 * **Ownership.** Everything is copied out.
 *
 * **Threads.** An inventory may be read by any number of threads. vdev_inventory_new() and
 * vdev_inventory_capture() may be called in any thread; they start a program, `vdev-pci-reader`, and wait for it. A caller
 * that waits for *any* child with wait() may take its exit status away, which does no harm.
 *
 * **Untrusted files.** Dumps and trees may hold anything. libpci, which reads them, ends the process when it does not
 * like what it finds, so that it runs in that program, within limits of time and memory; what comes back is checked to the
 * last byte. The program is also all that is linked with libpci, which is under the GPL; see docs/host.md.
 *
 * **Not known.** A number that could not be found out is VDEV_INVENTORY_UNKNOWN (a size VDEV_NONE, a text empty): that
 * is not the same as 0.
 */
#ifndef VDEV_INVENTORY_H
#define VDEV_INVENTORY_H

#include <vdev/base.h>
#include <vdev/migration.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_inventory;

/** Not known. */
#define VDEV_INVENTORY_UNKNOWN UINT32_MAX

/** Limits. What is beyond the last four is left out and marked, see the flags. @{ */
#define VDEV_INVENTORY_MAX_DEVICES 16384u
#define VDEV_INVENTORY_MAX_CAPS 96u
#define VDEV_INVENTORY_MAX_VERSIONS 16u
#define VDEV_INVENTORY_NAME 64u /**< bytes of a text, with its 0 */
#define VDEV_INVENTORY_VERSION 96u /**< bytes of a version, with its 0 */
/** @} */

/** Where an inventory comes from. @{ */
#define VDEV_INVENTORY_LIVE 1u /**< this machine */
#define VDEV_INVENTORY_SYSFS 2u /**< a captured tree */
#define VDEV_INVENTORY_DUMP \
	3u /**< what `lspci -xxxx` wrote; also -x and -xxx, with -v or without */
/** @} */

/**
 * Flag of the configuration: with VDEV_INVENTORY_LIVE, open idle devices that are bound to a VFIO driver and ask for
 * their migration flags. Opening resets such a device; one that a VM uses is left alone.
 */
#define VDEV_INVENTORY_ASK_VFIO 0x1u

/** Configuration. 32 bytes. */
struct vdev_inventory_config {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_INVENTORY_ASK_VFIO */
	uint32_t source; /**< VDEV_INVENTORY_LIVE, SYSFS, DUMP */
	uint32_t timeout_ms; /**< for all of it, at most 3600000; 0: 30000 */
	const char *path; /**< tree or dump; NULL with VDEV_INVENTORY_LIVE */
	const char *reader; /**< the program; NULL: as installed */
};

/** Flags of a capability. @{ */
#define VDEV_INVENTORY_EXTENDED 0x1u /**< of PCI Express, from 0x100 on; numbers are its own */
/** @} */

/** A capability. 16 bytes. */
struct vdev_inventory_cap {
	uint32_t id; /**< as the specifications number them */
	uint32_t version; /**< 0: this one has no version, or says 0 */
	uint32_t offset; /**< in configuration space */
	uint32_t flags; /**< VDEV_INVENTORY_EXTENDED */
};

/** Flags of a BAR. @{ */
#define VDEV_INVENTORY_IO 0x1u
#define VDEV_INVENTORY_MEMORY 0x2u
#define VDEV_INVENTORY_64BIT 0x4u /**< it takes the place of the next BAR, too */
#define VDEV_INVENTORY_PREFETCH 0x8u
/** @} */

/** A base address register. 16 bytes. */
struct vdev_inventory_bar {
	uint64_t size; /**< bytes; 0: there is none; VDEV_NONE: not known */
	uint32_t flags; /**< VDEV_INVENTORY_IO, ...; 0: none, or not known */
	uint32_t reserved; /**< 0 */
};

/** A version that devlink reports as fixed or running. 160 bytes. */
struct vdev_inventory_version {
	char name[VDEV_INVENTORY_NAME]; /**< such as "fw", "fw.mgmt", "fw.psid" */
	char value[VDEV_INVENTORY_VERSION];
};

/** Flags of a device. @{ */
#define VDEV_INVENTORY_PF 0x1u /**< it has an SR-IOV capability */
#define VDEV_INVENTORY_VF 0x2u /**< it is a virtual function */
#define VDEV_INVENTORY_PCIE 0x4u
#define VDEV_INVENTORY_FROM_PF 0x8u /**< vendor and device are those that its PF says */
#define VDEV_INVENTORY_DEAD 0x10u /**< its configuration space reads all ones */
#define VDEV_INVENTORY_NO_CAPS 0x20u /**< the capabilities below 0x100 could not be read */
#define VDEV_INVENTORY_NO_EXT_CAPS 0x40u /**< the extended ones could not */
#define VDEV_INVENTORY_BAD_CAPS 0x80u /**< a list of capabilities is damaged: a loop, or nowhere */
#define VDEV_INVENTORY_MORE 0x100u /**< there are more capabilities or versions than have room */
/** @} */

/** Ways to reset a device, as the kernel has found them. @{ */
#define VDEV_INVENTORY_RESET_FLR 0x1u /**< function level reset of PCI Express */
#define VDEV_INVENTORY_RESET_AF_FLR 0x2u /**< of conventional PCI */
#define VDEV_INVENTORY_RESET_PM 0x4u /**< D3hot and back */
#define VDEV_INVENTORY_RESET_BUS 0x8u
#define VDEV_INVENTORY_RESET_DEVICE 0x10u /**< device specific */
#define VDEV_INVENTORY_RESET_ACPI 0x20u
#define VDEV_INVENTORY_RESET_CXL 0x40u
#define VDEV_INVENTORY_RESET_SOME 0x80u /**< there is a way; an older kernel does not say which */
/** @} */

/**
 * A device. Texts are printable ASCII; other bytes were replaced by '?'. Numbers that are not known, or that a device
 * of this kind does not have, are VDEV_INVENTORY_UNKNOWN; the comment says what 0 means.
 */
struct vdev_inventory_device {
	uint32_t domain; /**< address */
	uint32_t bus;
	uint32_t slot;
	uint32_t function;
	uint32_t flags; /**< VDEV_INVENTORY_PF, ... */
	uint32_t vendor;
	uint32_t device;
	uint32_t subsystem_vendor;
	uint32_t subsystem_device;
	uint32_t class_code; /**< 24 bits: class, subclass, programming interface */
	uint32_t revision;
	uint32_t header_type; /**< 0: device, 1: bridge, 2: CardBus bridge */
	uint32_t config_bytes; /**< of configuration space that were read */
	uint32_t pcie_type; /**< device/port type of PCI Express */
	uint32_t link_speed; /**< highest: 1 is 2.5 GT/s, 2 is 5, and so on */
	uint32_t link_width; /**< highest */
	uint32_t flr; /**< 1: function level reset by its capabilities; 0: not */
	uint32_t reset; /**< VDEV_INVENTORY_RESET_...; 0: none */
	uint32_t power_state; /**< 0..3: D0..D3hot, 4: D3cold */
	uint32_t msi_vectors; /**< 0: no MSI */
	uint32_t msix_vectors; /**< 0: no MSI-X */
	uint32_t iommu_group;
	uint32_t numa_node;
	uint32_t bound; /**< 1: to a driver; 0: to none */
	uint32_t
		vfio_open; /**< 1: a process has it by VFIO; 0: nobody; only with VDEV_INVENTORY_ASK_VFIO; unknown where its
		     group cannot be opened for another reason than EBUSY */
	uint32_t vfio_flags; /**< VFIO_MIGRATION_STOP_COPY 1, P2P 2, PRE_COPY 4; 0: no migration */
	uint32_t dma_logging; /**< 1: VFIO logs its DMA; 0: not */
	uint32_t secondary_bus; /**< of a bridge: the bus below it */
	uint32_t slot_caps; /**< Slot Capabilities: ABP 0x1, ..., HPC 0x40, ...; number in 31:19 */
	uint32_t slot_control; /**< Slot Control */
	uint32_t slot_status; /**< Slot Status */
	uint32_t port_slot_caps; /**< Slot Capabilities of the port above it */
	uint32_t total_vfs; /**< of a PF */
	uint32_t initial_vfs; /**< of a PF */
	uint32_t num_vfs; /**< of a PF: enabled now */
	uint32_t vf_offset; /**< of a PF: First VF Offset */
	uint32_t vf_stride; /**< of a PF */
	uint32_t vf_device; /**< of a PF: device id of its VFs */
	uint32_t vf_index; /**< of a VF: 0 is the first */
	uint32_t pf_domain; /**< of a VF: its PF */
	uint32_t pf_bus; /**< of a VF */
	uint32_t pf_slot; /**< of a VF */
	uint32_t pf_function; /**< of a VF */
	uint32_t cap_count; /**< entries of `caps` */
	uint32_t version_count; /**< entries of `versions` */
	uint32_t reserved; /**< 0 */
	uint64_t serial; /**< Device Serial Number capability; VDEV_NONE: none, or not known */
	struct vdev_inventory_bar bars[7]; /**< the seventh is the expansion ROM */
	struct vdev_inventory_bar vf_bars[6]; /**< of a PF: those of each VF */
	struct vdev_inventory_cap caps[VDEV_INVENTORY_MAX_CAPS]; /**< in the device's order */
	char driver[VDEV_INVENTORY_NAME]; /**< empty: none, or not known */
	char driver_version[VDEV_INVENTORY_NAME]; /**< of its module, if it has one of its own */
	char vpd_serial[VDEV_INVENTORY_NAME];
	char vpd_part[VDEV_INVENTORY_NAME];
	char vpd_firmware[VDEV_INVENTORY_VERSION];
	/** From devlink, or of a VF its PF's: fixed ones, such as board.id, and running ones, never those that are stored */
	struct vdev_inventory_version versions[VDEV_INVENTORY_MAX_VERSIONS];
};

/** What concerns all of a host. 80 bytes. */
struct vdev_inventory_info {
	uint32_t source; /**< VDEV_INVENTORY_LIVE, SYSFS, DUMP */
	uint32_t count; /**< devices */
	uint32_t dead; /**< devices with VDEV_INVENTORY_DEAD */
	uint32_t reserved; /**< 0 */
	char kernel[VDEV_INVENTORY_NAME]; /**< its release; empty: not known */
};

/**
 * Makes an inventory.
 * @param ret_inventory the inventory, its devices in order of their addresses
 * @param env hooks, or NULL; copied. The log hook tells at VDEV_LOG_ERROR what was wrong, with file and, in dumps, line
 * @param config see the struct; copied
 * @return 0; -EINVAL: a pointer is NULL, a field outside its range, no or an overlong path; -E2BIG; -ENOMEM;
 * -EBADMSG: a dump or tree is damaged, or none; -ENOSPC: a limit; -ETIMEDOUT; -EPIPE: the program ended before it
 * had said everything; -EPROTO: it is of another version, or no such program; -ENOPKG: it is not installed;
 * or an errno of open(2), read(2), pipe(2) or posix_spawn(3), such as -ENOENT, -EACCES, -EISDIR
 */
VDEV_API int vdev_inventory_new(struct vdev_inventory **ret_inventory, const struct vdev_env *env,
				const struct vdev_inventory_config *config);
/**
 * Ends an inventory.
 * @param inventory NULL is allowed
 */
VDEV_API void vdev_inventory_free(struct vdev_inventory *inventory);

/**
 * What concerns all of the host.
 * @param inventory the inventory
 * @param ret_info see the struct
 * @param size sizeof(struct vdev_inventory_info) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_inventory_info(const struct vdev_inventory *inventory,
				 struct vdev_inventory_info *ret_info, size_t size);
/**
 * One device.
 * @param inventory the inventory
 * @param index below `count`
 * @param ret_device see the struct
 * @param size sizeof(struct vdev_inventory_device) of the caller
 * @return 0; -EINVAL; -ENOENT: at or above count
 */
VDEV_API int vdev_inventory_device(const struct vdev_inventory *inventory, uint32_t index,
				   struct vdev_inventory_device *ret_device, size_t size);

/**
 * A device as the migration engine takes it: what is not known there is what is not known here.
 * @param device the device
 * @param device_size sizeof(struct vdev_inventory_device) of the caller
 * @param ret_descriptor see vdev/migration.h; a text that does not fit (VDEV_MIGRATION_TEXT) is given as its first 30 bytes,
 * `~` and the 16 hexadecimal digits of its hash (FNV-1a, 64 bits), so that two that differ anywhere differ there, too
 * @param size sizeof(struct vdev_migration_device) of the caller
 * @return 0; -EINVAL; -E2BIG: a newer caller's device holds what this library does not know
 */
VDEV_API int vdev_inventory_describe(const struct vdev_inventory_device *device, size_t device_size,
				     struct vdev_migration_device *ret_descriptor, size_t size);

/**
 * Writes a captured tree of this machine, or of another captured tree, that vdev_inventory_new() reads to the same
 * inventory, and vdev_host_new() to the same topology. Links, such as those to the driver and the IOMMU group, are
 * links there; answers of devlink and VFIO are kept in the folder `vdev-capture`.
 * @param env hooks, or NULL
 * @param config VDEV_INVENTORY_LIVE or SYSFS
 * @param folder which is made; it must not exist, or be empty
 * @return 0; -EEXIST: the folder is not empty; and as vdev_inventory_new(). After an error part of the tree may be there
 */
VDEV_API int vdev_inventory_capture(const struct vdev_env *env,
				    const struct vdev_inventory_config *config, const char *folder);

#ifdef __cplusplus
}
#endif

#endif
