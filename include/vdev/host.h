/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file host.h
 * The host's topology as plain data: CPUs with core, last-level cache and NUMA node; distances of
 * nodes; the node of a PCI device.
 *
 * **Purpose.** What the interrupt-hint engine needs for its fallback order (rule H7 of
 * docs/engines/irqhint.md) and placement decisions need in general. Sources:
 * Documentation/admin-guide/cputopology.rst, Documentation/ABI/stable/sysfs-devices-node,
 * Documentation/ABI/testing/sysfs-bus-pci (numa_node), and libnuma for distances.
 *
 * **States.** An object is a snapshot: it says what was there when it was made. CPUs that come online
 * later are seen by a new object. vdev_host_pci_node() alone looks at call time.
 *
 * **Ownership.** What vdev_host_cpus() returns lives as long as the object.
 *
 * **Threads.** An object never changes: any number of threads may read it. vdev_host_new() without a
 * sysfs_path uses libnuma, whose first use is not thread-safe: make the first object in one thread.
 *
 * **Untrusted files.** A tree given by sysfs_path may hold anything: numbers are bounded, texts are checked
 * whole, what is wrong ends with an error that the log hook tells of, at VDEV_LOG_ERROR, with the file.
 * Files that are missing are no error, but for the list of CPUs: what they would tell is not known then.
 */
#ifndef VDEV_HOST_H
#define VDEV_HOST_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_host;
struct vdev_irqhint_cpu; /* irqhint.h */

/** Limits; a host beyond them is refused. @{ */
#define VDEV_HOST_MAX_CPUS 4096u
#define VDEV_HOST_MAX_NODES 1024u
/** @} */

/** Instead of a number: not known. */
#define VDEV_HOST_UNKNOWN UINT32_MAX

/** Configuration. 16 bytes. */
struct vdev_host_config {
	uint32_t struct_size;
	uint32_t flags; /**< 0 */
	const char *sysfs_path; /**< a captured tree; NULL: /sys. Copied */
};

/** Flags of a CPU. @{ */
#define VDEV_HOST_POSSIBLE 0x1u /**< there may be such a CPU; without it the number is a gap */
#define VDEV_HOST_ONLINE 0x2u
/** @} */

/** A CPU. 24 bytes. */
struct vdev_host_cpu {
	uint32_t cpu; /**< its number */
	uint32_t flags; /**< VDEV_HOST_POSSIBLE, ONLINE */
	uint32_t
		core; /**< its lowest SMT sibling; VDEV_HOST_UNKNOWN, as for all CPUs that are offline */
	uint32_t cache; /**< lowest CPU that shares its last-level cache; VDEV_HOST_UNKNOWN */
	uint32_t node; /**< NUMA node; VDEV_HOST_UNKNOWN */
	uint32_t reserved; /**< 0 */
};

/** How much there is. 24 bytes. */
struct vdev_host_size {
	uint32_t cpu_count; /**< highest possible CPU number + 1: 1..VDEV_HOST_MAX_CPUS */
	uint32_t online; /**< CPUs */
	uint32_t cores; /**< different ones of CPUs that are online */
	uint32_t caches; /**< different last-level ones */
	uint32_t node_count; /**< highest online node number + 1; 0: no NUMA in this kernel */
	uint32_t nodes; /**< online */
};

/**
 * Reads the topology.
 * @param ret_host the object
 * @param env hooks, or NULL; copied. The log hook tells what was wrong, and in which file
 * @param config NULL: that of this machine; copied
 * @return 0; -EINVAL: ret_host is NULL, unknown flag, empty or overlong sysfs_path; -E2BIG; -ENOMEM;
 * -ENOENT: no devices/system/cpu/possible below sysfs_path: no sysfs; -EBADMSG: a file holds something else
 * than it should; -ERANGE: a CPU or node beyond the limits; or an errno of open(2) or read(2), such as -EACCES
 */
VDEV_API int vdev_host_new(struct vdev_host **ret_host, const struct vdev_env *env,
			   const struct vdev_host_config *config);
/**
 * Ends an object.
 * @param host NULL is allowed
 */
VDEV_API void vdev_host_free(struct vdev_host *host);

/**
 * How much there is.
 * @param host the object
 * @param ret_size see the struct
 * @param size sizeof(struct vdev_host_size) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_host_size(const struct vdev_host *host, struct vdev_host_size *ret_size,
			    size_t size);
/**
 * One CPU.
 * @param host the object
 * @param cpu its number
 * @param ret_cpu see the struct
 * @param size sizeof(struct vdev_host_cpu) of the caller
 * @return 0, also for a gap in the numbers; -EINVAL; -ENOENT: at or above cpu_count
 */
VDEV_API int vdev_host_cpu(const struct vdev_host *host, uint32_t cpu,
			   struct vdev_host_cpu *ret_cpu, size_t size);
/**
 * All CPUs in the shape that the interrupt-hint engine takes: `cpus` and `cpu_count` of its configuration.
 * @param host the object
 * @param ret_cpus an array by CPU number, owned by the object
 * @return number of entries: highest possible CPU number + 1; -EINVAL
 */
VDEV_API int vdev_host_cpus(const struct vdev_host *host, const struct vdev_irqhint_cpu **ret_cpus);
/**
 * Distance of two NUMA nodes as firmware gives it: 10 to itself, more is farther.
 * @param host the object
 * @param from node
 * @param to node
 * @return 1..255; -EINVAL: host is NULL; -ENOENT: a node is not there or not online; -ENODATA: not known
 */
VDEV_API int vdev_host_distance(const struct vdev_host *host, uint32_t from, uint32_t to);
/**
 * NUMA node of a PCI device, now.
 * @param host the object
 * @param address "DDDD:BB:DD.F" as lspci -D writes it, hexadecimal; or without the domain, which is 0000
 * @param ret_node the node; VDEV_HOST_UNKNOWN: not known (sysfs says -1, or the kernel has no NUMA)
 * @return 0; -EINVAL: a pointer is NULL or that is no address; -ENOENT: no such device; -EBADMSG, -ERANGE: sysfs
 * says something else than a node; or an errno of open(2) or read(2)
 */
VDEV_API int vdev_host_pci_node(const struct vdev_host *host, const char *address,
				uint32_t *ret_node);

#ifdef __cplusplus
}
#endif

#endif
