/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file irqhint.h
 * The interrupt-hint engine: tells the guest, with an event, which of its vCPUs run on the host CPU where
 * the event arose, so that it programs the device's interrupt there.
 *
 * **Purpose.** Implements rules H1..H12 of docs/engines/irqhint.md, after US 9,411,624 B2. It decides when an event
 * of a device carries a hint and what is in it, sees what the guest programs, notices when that has gone stale,
 * and chooses for guests without the driver among the destinations that they programmed themselves.
 *
 * **States** of a type of events of a device:
 *
 *     NEW --event() gave a hint--> HINTED --programmed()--> ROUTED --stale, a new hint--> HINTED
 *      ^__________________ device_reset(), guest_reset(), migrated() ______________________|
 *
 * A HINTED type is hinted again, too, ever more seldom while the guest does not answer. What the guest programs
 * while a type is NEW is known, but the first event still carries a hint (H2). An empty set (masked) changes no
 * state: guests mask an interrupt while they program it anew.
 *
 * **No actions.** Everything here is answered in the return value: there is no next(), done() or deadline.
 *
 * **Ownership.** The map (cpumap.h) is the caller's and must outlive the engine.
 *
 * **Threads** (H11). vdev_irqhint_event() and vdev_irqhint_choose(): one thread for each device, devices at the same
 * time. vdev_irqhint_programmed() and vdev_irqhint_device_reset(): any one thread for a device at a time, beside
 * its event thread (a vCPU thread in which a write of the device's table was trapped). These four take no
 * lock, allocate nothing, and make a bounded number of loads, however busy the writers of the map are. All other calls
 * need the caller's lock, and that none of the four runs.
 *
 * **Hostile guests.** A guest influences programmed() only: vCPUs that it does not have are refused and counted. A
 * hint is advice: no event waits for it, and who ignores it is left alone (H8).
 */
#ifndef VDEV_IRQHINT_H
#define VDEV_IRQHINT_H

#include <vdev/base.h>
#include <vdev/cpumap.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_irqhint;

/** Most devices of an object, and most types of events of all devices together. @{ */
#define VDEV_IRQHINT_MAX_DEVICES 65536u
#define VDEV_IRQHINT_MAX_TYPES (1u << 20)
/** @} */

/** How far a vCPU is from where the event arose (H7). @{ */
#define VDEV_IRQHINT_SAME_CPU 0u
#define VDEV_IRQHINT_SAME_CORE 1u /**< a sibling thread of the core */
#define VDEV_IRQHINT_SAME_CACHE 2u /**< last-level cache */
#define VDEV_IRQHINT_SAME_NODE 3u /**< NUMA node */
#define VDEV_IRQHINT_ANY 4u
#define VDEV_IRQHINT_DISTANCES 5u
/** @} */

/** Where a host CPU belongs, for distances. Numbers are compared, nothing else. 16 bytes. */
struct vdev_irqhint_cpu {
	uint32_t core; /**< same number: siblings; VDEV_CPUMAP_NOWHERE: not known */
	uint32_t cache; /**< same number: one last-level cache; VDEV_CPUMAP_NOWHERE: not known */
	uint32_t node; /**< NUMA node; VDEV_CPUMAP_NOWHERE: not known */
	uint32_t reserved; /**< 0 */
};

/** Configuration; 0 asks for the default where there is one. 56 bytes. */
struct vdev_irqhint_config {
	uint32_t struct_size;
	uint32_t flags; /**< 0 */
	uint32_t max_devices; /**< 1..VDEV_IRQHINT_MAX_DEVICES */
	uint32_t max_types; /**< of all devices together: 1..VDEV_IRQHINT_MAX_TYPES */
	uint32_t max_distance; /**< farthest vCPU in a hint: VDEV_IRQHINT_SAME_CPU .. ANY */
	uint32_t
		cpu_count; /**< entries of `cpus`; 0: without a topology SAME_CPU and ANY are all there is */
	/** topology, by host CPU number; copied. CPUs at or above cpu_count are at distance ANY */
	const struct vdev_irqhint_cpu *cpus;
	uint64_t hysteresis_ns; /**< stale for so long before a new hint (H6); default 10 ms */
	/** least time between two hints of one type (H6), doubled up to 6 times while hints are not followed; default 100 ms */
	uint64_t interval_ns;
	uint64_t max_age_ns; /**< a map that is older gives no hint (H7); default 10 ms */
};

/** Why there is no hint, or why there is. @{ */
#define VDEV_IRQHINT_FIRST 0u /**< hint: first event of this type (H2) */
#define VDEV_IRQHINT_MOVED \
	1u /**< hint: the vCPU that was chosen has been elsewhere for too long (H6) */
#define VDEV_IRQHINT_CPU_CHANGED \
	2u /**< hint: the events have come from another CPU for too long (H6) */
#define VDEV_IRQHINT_WAITING \
	3u /**< none: a hint was given, the guest has not programmed anything yet */
#define VDEV_IRQHINT_FITS \
	4u /**< none: the interrupt goes where the event is, or nobody is nearer to it */
#define VDEV_IRQHINT_STALE 5u /**< none yet: stale, but not for long enough */
#define VDEV_IRQHINT_LIMITED 6u /**< none: the last hint of this type was too short ago */
#define VDEV_IRQHINT_EMPTY 7u /**< none: no vCPU near enough; the next event asks again (H5) */
#define VDEV_IRQHINT_TOO_OLD 8u /**< none: the map is too old (H7) */
#define VDEV_IRQHINT_REASONS 9u
/** @} */

/** Flag of an event: it never reached the VMM, the effective affinity of its host interrupt was sampled (H12). */
#define VDEV_IRQHINT_SAMPLED 0x1u

/** What goes to the guest with the event (H3): write it before the event is signalled. 40 bytes. */
struct vdev_irqhint_hint {
	uint64_t set_bits; /**< vCPUs in the set */
	uint64_t age_ns; /**< of the map */
	uint32_t reason; /**< VDEV_IRQHINT_FIRST and on */
	uint32_t distance; /**< of all in the set: VDEV_IRQHINT_SAME_CPU .. ANY */
	uint32_t first; /**< lowest vCPU in the set */
	uint32_t cpu; /**< host CPU where the event arose */
	uint32_t
		state; /**< VDEV_CPUMAP_RUNNING: all in the set are known to run; else VDEV_CPUMAP_UNKNOWN */
	uint32_t reserved; /**< 0 */
};

/** State of a type. @{ */
#define VDEV_IRQHINT_NEW 0u
#define VDEV_IRQHINT_HINTED 1u
#define VDEV_IRQHINT_ROUTED 2u
/** @} */

/** What vdev_irqhint_get() tells of a type. 48 bytes. */
struct vdev_irqhint_info {
	uint64_t user_data; /**< of the device */
	uint64_t hints; /**< given for this type */
	uint64_t
		stale_ns; /**< stale for so long, as of its last event; 0: it fits, or has no route */
	uint64_t set_bits; /**< vCPUs that the guest programmed */
	uint32_t state; /**< VDEV_IRQHINT_NEW and on */
	uint32_t route; /**< vCPU: the lowest that the guest programmed; VDEV_CPUMAP_NOWHERE */
	uint32_t cpu; /**< host CPU of the last event; VDEV_CPUMAP_NOWHERE */
	uint32_t distance; /**< of the last hint */
};

/** Counters since `_new()`. Each is a uint64_t. */
struct vdev_irqhint_stats {
	uint64_t devices, types; /**< now */
	uint64_t events; /**< SAMPLED ones too */
	uint64_t sampled;
	uint64_t answers
		[VDEV_IRQHINT_REASONS]; /**< of events, by reason; the first three are hints */
	uint64_t by_distance[VDEV_IRQHINT_DISTANCES]; /**< hints */
	uint64_t programmed; /**< calls that were accepted */
	uint64_t followed; /**< of these: after a hint, and within it */
	uint64_t ignored; /**< of these: after a hint, and outside it (H8) */
	uint64_t refused; /**< programmed: vCPUs that do not exist */
	uint64_t chosen; /**< choose(): among what the guest had programmed (H10) */
	uint64_t not_chosen; /**< choose(): nothing programmed, or the map too old */
	uint64_t resets; /**< of devices and of the guest */
	uint64_t allocated_bytes; /**< now */
};

/**
 * Makes an object without devices.
 * @param ret_obj the object
 * @param env hooks, or NULL for libc's malloc and silence; copied
 * @param map where the vCPUs are; not owned
 * @param config see the struct; copied, `cpus` too
 * @return 0; -EINVAL: a pointer is NULL, a value is out of range, a reserved field is not 0; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_irqhint_new(struct vdev_irqhint **ret_obj, const struct vdev_env *env,
			      const struct vdev_cpumap *map,
			      const struct vdev_irqhint_config *config);
/**
 * Ends an object.
 * @param obj NULL is allowed
 */
VDEV_API void vdev_irqhint_free(struct vdev_irqhint *obj);

/**
 * Adds a device. Its types are NEW.
 * @param obj the object
 * @param types of events, usually its MSI-X vectors: 1..max_types
 * @param user_data comes back in vdev_irqhint_get()
 * @param ret_dev handle, never reused
 * @return 0; -EINVAL; -ENOSPC: max_devices or max_types; -ENOMEM
 */
VDEV_API int vdev_irqhint_add(struct vdev_irqhint *obj, uint32_t types, uint64_t user_data,
			      uint64_t *ret_dev);
/**
 * Takes a device away. Its threads must have left the engine.
 * @param obj the object
 * @param dev handle
 * @return 0; -EINVAL: obj is NULL; -ENOENT
 */
VDEV_API int vdev_irqhint_remove(struct vdev_irqhint *obj, uint64_t dev);

/**
 * A device event arose on a host CPU (H1..H7, H12). Answers at once whether a hint goes with it.
 * @param obj the device's event thread
 * @param now_ns caller's clock
 * @param dev handle
 * @param type 0..types-1
 * @param cpu host CPU where it arose
 * @param flags VDEV_IRQHINT_SAMPLED
 * @param ret_hint also filled when there is no hint: reason, cpu and age
 * @param hint_size sizeof(struct vdev_irqhint_hint) of the caller
 * @param ret_set the vCPUs of the hint; untouched when there is none
 * @param words of ret_set, at least VDEV_CPUMAP_WORDS of the map's vCPUs; more are zeroed
 * @return 1: a hint; 0: none, see the reason; -EINVAL: NULL, type, cpu, flags or words; -ENOENT
 */
VDEV_API int vdev_irqhint_event(struct vdev_irqhint *obj, uint64_t now_ns, uint64_t dev,
				uint32_t type, uint32_t cpu, uint32_t flags,
				struct vdev_irqhint_hint *ret_hint, size_t hint_size,
				uint64_t *ret_set, uint32_t words);
/**
 * The guest was seen to program where the interrupt of a type goes (H4, H8). An empty set: masked or nowhere, which
 * is not counted and answers no hint.
 * @param obj see Threads
 * @param now_ns caller's clock
 * @param dev handle
 * @param type 0..types-1
 * @param set vCPUs that the guest allows: one, or those of a logical or lowest-priority destination (H10)
 * @param words of set, at most VDEV_CPUMAP_WORDS of the map's vCPUs
 * @return 1: within the last hint; 0: outside it, or there was none; -EINVAL: NULL, type, too many words;
 * -ERANGE: a vCPU that the map does not have, counted, nothing changed; -ENOENT
 */
VDEV_API int vdev_irqhint_programmed(struct vdev_irqhint *obj, uint64_t now_ns, uint64_t dev,
				     uint32_t type, const uint64_t *set, uint32_t words);
/**
 * For a guest without the driver (H10): which of the vCPUs that it programmed itself is nearest to the event?
 * Never another one: the same vector on another vCPU is another device's interrupt.
 * @param obj the device's event thread
 * @param now_ns caller's clock
 * @param dev handle
 * @param type 0..types-1
 * @param cpu host CPU where the event arose
 * @param ret_vcpu the one to deliver to
 * @param ret_distance VDEV_IRQHINT_SAME_CPU .. ANY; NULL is allowed
 * @return 1; 0: the guest has programmed nothing, or the map is too old: deliver as without this engine;
 * -EINVAL; -ENOENT
 */
VDEV_API int vdev_irqhint_choose(struct vdev_irqhint *obj, uint64_t now_ns, uint64_t dev,
				 uint32_t type, uint32_t cpu, uint32_t *ret_vcpu,
				 uint32_t *ret_distance);

/**
 * The device was reset: its types are NEW, its interrupts programmed nowhere (H5).
 * @param obj see Threads
 * @param dev handle
 * @return 0; -EINVAL: obj is NULL; -ENOENT
 */
VDEV_API int vdev_irqhint_device_reset(struct vdev_irqhint *obj, uint64_t dev);
/**
 * The guest was reset: all devices are (H5).
 * @param obj the caller's lock; no event thread runs
 * @return 0; -EINVAL: obj is NULL
 */
VDEV_API int vdev_irqhint_guest_reset(struct vdev_irqhint *obj);
/**
 * The VM has come to other host CPUs: the first event of each type carries a hint again; what the guest programmed
 * stays (H5).
 * @param obj the caller's lock; no event thread runs
 * @return 0; -EINVAL: obj is NULL
 */
VDEV_API int vdev_irqhint_migrated(struct vdev_irqhint *obj);

/**
 * One type of a device.
 * @param obj the caller's lock
 * @param dev handle
 * @param type 0..types-1
 * @param ret_info see the struct
 * @param info_size sizeof(struct vdev_irqhint_info) of the caller
 * @return 0; -EINVAL; -ENOENT
 */
VDEV_API int vdev_irqhint_get(const struct vdev_irqhint *obj, uint64_t dev, uint32_t type,
			      struct vdev_irqhint_info *ret_info, size_t info_size);
/**
 * The devices, in no order: begin with *cursor 0, go on until it returns 0.
 * @param obj the caller's lock; devices may be added and removed in between
 * @param cursor where it is
 * @param ret_dev handle
 * @param ret_types its types; NULL is allowed
 * @return 1: a device; 0: that was all; -EINVAL
 */
VDEV_API int vdev_irqhint_walk(const struct vdev_irqhint *obj, uint64_t *cursor, uint64_t *ret_dev,
			       uint32_t *ret_types);
/**
 * Gives a device another user_data, e.g. after vdev_irqhint_load().
 * @param obj the caller's lock
 * @param dev handle
 * @param user_data comes back in vdev_irqhint_get()
 * @return 0; -EINVAL: obj is NULL; -ENOENT
 */
VDEV_API int vdev_irqhint_set_user_data(struct vdev_irqhint *obj, uint64_t dev, uint64_t user_data);
/**
 * Counters. Exact when no other thread is in the engine.
 * @param obj the caller's lock; the four calls of other threads may run
 * @param ret_stats see the struct
 * @param stats_size sizeof(struct vdev_irqhint_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_irqhint_stats(const struct vdev_irqhint *obj,
				struct vdev_irqhint_stats *ret_stats, size_t stats_size);

/**
 * Writes devices, what was hinted and what the guest programmed. Places of vCPUs are not in it.
 * @param obj the caller's lock; no event thread runs
 * @param now_ns caller's clock
 * @param buf at least *ret_size bytes; NULL: only tell the size
 * @param size of buf
 * @param ret_size what is needed or was written
 * @return 0; -EINVAL; -ENOBUFS: buf is too small; *ret_size is set then, too
 */
VDEV_API int vdev_irqhint_save(const struct vdev_irqhint *obj, uint64_t now_ns, void *buf,
			       size_t size, size_t *ret_size);
/** Flag of vdev_irqhint_load(): on other host CPUs, see vdev_irqhint_migrated(). */
#define VDEV_IRQHINT_MIGRATED 0x1u
/**
 * Makes an object from an image, which may come from anybody. Handles stay as they were; user_data are 0.
 * @param env as for vdev_irqhint_new()
 * @param map has at least as many vCPUs as the image names
 * @param config limits at least as large as what the image holds
 * @param flags VDEV_IRQHINT_MIGRATED
 * @param now_ns caller's clock
 * @param image what vdev_irqhint_save() wrote
 * @param size of image
 * @param ret_obj the object
 * @return 0; -EINVAL: a pointer or value; -EBADMSG: damaged; -EPROTONOSUPPORT: of a version that this library does
 * not know; -ENOSPC: more than config or map allow; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_irqhint_load(const struct vdev_env *env, const struct vdev_cpumap *map,
			       const struct vdev_irqhint_config *config, uint32_t flags,
			       uint64_t now_ns, const void *image, size_t size,
			       struct vdev_irqhint **ret_obj);

/**
 * The name of an answer, e.g. "FIRST".
 * @param reason VDEV_IRQHINT_FIRST ..
 * @return a constant string, "?" for an unknown one
 */
VDEV_API const char *vdev_irqhint_reason_name(uint32_t reason);
/**
 * The name of a distance, e.g. "SAME_CORE".
 * @param distance VDEV_IRQHINT_SAME_CPU ..
 * @return a constant string, "?" for an unknown one
 */
VDEV_API const char *vdev_irqhint_distance_name(uint32_t distance);

#ifdef __cplusplus
}
#endif

#endif
