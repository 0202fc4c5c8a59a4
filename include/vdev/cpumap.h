/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file cpumap.h
 * Where the vCPUs of a VM are: the map that providers fill and the interrupt-hint engine reads.
 *
 * **Purpose.** Implements rule H9 of docs/engines/irqhint.md, after US 9,411,624 B2. A map holds, for each
 * vCPU of one VM, the host CPU that it is on and whether it runs there, packed for fast scans. It is plain
 * memory: it finds nothing out by itself. *Providers* find out and call vdev_cpumap_set(): the VMM (push), or one
 * that is polled (pull), which libvdevmgmt-linux has several of (cpusource.h).
 *
 * **States.** A vCPU is NOWHERE until the first set(). A map of pushed places is *live*: a place holds until the
 * next set(). A polled one is a *snapshot*: its age counts from the last vdev_cpumap_refreshed().
 *
 * **Ownership.** The map belongs to its creator and must outlive the engines that read it.
 *
 * **Threads.** vdev_cpumap_set(): any number of threads, each the only writer of its vCPU. Readers: any
 * number, at any time. All of it without a lock or a retry, in a bounded number of loads (H11). new() and free()
 * need that nobody else is in the map.
 */
#ifndef VDEV_CPUMAP_H
#define VDEV_CPUMAP_H

#include <vdev/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_cpumap;

/** Most vCPUs of a VM (H11) and most host CPUs. @{ */
#define VDEV_CPUMAP_MAX_VCPUS 4096u
#define VDEV_CPUMAP_MAX_CPUS 4096u
/** @} */

/** Instead of a host CPU: not known, or no longer on any. */
#define VDEV_CPUMAP_NOWHERE UINT32_MAX

/** What a vCPU does on its host CPU. @{ */
#define VDEV_CPUMAP_UNKNOWN 0u /**< the provider cannot tell; counts as there */
#define VDEV_CPUMAP_RUNNING 1u
#define VDEV_CPUMAP_SLEEPING 2u /**< halted or waiting; the CPU is where it was last */
/** @} */

/** Flag of a map: places are pushed and hold until the next set(); without it they age (H7). */
#define VDEV_CPUMAP_LIVE 0x1u

/** 64-bit words of a set of `vcpus` vCPUs: bit v % 64 of word v / 64 is vCPU v. */
#define VDEV_CPUMAP_WORDS(vcpus) (((vcpus) + 63u) / 64u)

/** Configuration of a map. 16 bytes. */
struct vdev_cpumap_config {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_CPUMAP_LIVE */
	uint32_t vcpus; /**< 1..VDEV_CPUMAP_MAX_VCPUS */
	uint32_t cpus; /**< highest host CPU number + 1: 1..VDEV_CPUMAP_MAX_CPUS */
};

/** A place. 24 bytes. */
struct vdev_cpumap_place {
	uint32_t cpu; /**< host CPU, or VDEV_CPUMAP_NOWHERE */
	uint32_t state; /**< VDEV_CPUMAP_UNKNOWN and on */
	uint64_t
		since_ns; /**< on this CPU, in whatever state, for so long; to 1024 ns, up to 208 days */
	uint64_t age_ns; /**< of the snapshot; 0 in a live map; VDEV_NONE: never refreshed */
};

/**
 * Makes a map in which every vCPU is NOWHERE.
 * @param ret_map the map
 * @param env hooks, or NULL for libc's malloc and silence; copied
 * @param config see the struct; copied
 * @return 0; -EINVAL: a pointer is NULL, a value is out of range, an unknown flag; -E2BIG; -ENOMEM
 */
VDEV_API int vdev_cpumap_new(struct vdev_cpumap **ret_map, const struct vdev_env *env,
			     const struct vdev_cpumap_config *config);
/**
 * Ends a map that nobody uses any more.
 * @param map NULL is allowed
 */
VDEV_API void vdev_cpumap_free(struct vdev_cpumap *map);

/**
 * A vCPU is on a host CPU (H1, H9). How long it has been there counts anew when the CPU changes, not when only
 * the state does. Costs nothing more than two loads when nothing has changed. Called by a vCPU
 * thread itself it is stale as soon as the thread is inside KVM_RUN and migrates: push only for pinned vCPUs, or
 * from a scheduler of the VMM's own.
 * @param map the only writer of this vCPU
 * @param now_ns caller's clock
 * @param vcpu 0..vcpus-1
 * @param cpu host CPU 0..cpus-1, or VDEV_CPUMAP_NOWHERE, with state VDEV_CPUMAP_UNKNOWN
 * @param state VDEV_CPUMAP_UNKNOWN ..
 * @return 1: the place changed; 0: it was so already; -EINVAL: NULL or out of range, nothing changed
 */
VDEV_API int vdev_cpumap_set(struct vdev_cpumap *map, uint64_t now_ns, uint32_t vcpu, uint32_t cpu,
			     uint32_t state);
/**
 * A provider has looked at all vCPUs: the age of the snapshot counts from now on (H7).
 * @param map one thread at a time; never goes back
 * @param now_ns when the provider began to look, caller's clock
 * @return 0; -EINVAL
 */
VDEV_API int vdev_cpumap_refreshed(struct vdev_cpumap *map, uint64_t now_ns);

/**
 * Where is a vCPU? (H9: locate)
 * @param map any thread
 * @param now_ns caller's clock
 * @param vcpu 0..vcpus-1
 * @param ret_place the place; all of it from one moment, but for the age
 * @param place_size sizeof(struct vdev_cpumap_place) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_cpumap_get(const struct vdev_cpumap *map, uint64_t now_ns, uint32_t vcpu,
			     struct vdev_cpumap_place *ret_place, size_t place_size);
/**
 * Where is a vCPU, in one load, for hot paths.
 * @param map any thread
 * @param vcpu 0..vcpus-1
 * @return the host CPU; -ENOENT: NOWHERE; -EINVAL
 */
VDEV_API int vdev_cpumap_cpu(const struct vdev_cpumap *map, uint32_t vcpu);
/**
 * Which vCPUs are on a host CPU? (H2, H9: running_on) Those that sleep are left out; those of which it is not
 * known whether they run are in. A vCPU that is moved meanwhile may be missing; one that is not moved is never
 * missed. Whoever is in the set was there when its word was read.
 * @param map any thread
 * @param cpu 0..cpus-1
 * @param ret_set VDEV_CPUMAP_WORDS(vcpus) words, all written
 * @param words of ret_set; more than needed are zeroed
 * @return how many vCPUs are in the set; -EINVAL: NULL, cpu out of range, or too few words
 */
VDEV_API int vdev_cpumap_running_on(const struct vdev_cpumap *map, uint32_t cpu, uint64_t *ret_set,
				    uint32_t words);
/**
 * How old are the places? (H7)
 * @param map any thread
 * @param now_ns caller's clock
 * @param ret_age_ns 0 for a live map; VDEV_NONE when never refreshed
 * @return 0; -EINVAL
 */
VDEV_API int vdev_cpumap_age(const struct vdev_cpumap *map, uint64_t now_ns, uint64_t *ret_age_ns);
/**
 * The size of a map.
 * @param map any thread
 * @param ret_vcpus its vCPUs; NULL is allowed
 * @param ret_cpus its host CPUs; NULL is allowed
 * @return 0; -EINVAL: map is NULL
 */
VDEV_API int vdev_cpumap_size(const struct vdev_cpumap *map, uint32_t *ret_vcpus,
			      uint32_t *ret_cpus);

#ifdef __cplusplus
}
#endif

#endif
