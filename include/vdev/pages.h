/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file pages.h
 * Takes pages out from under a running guest: its addresses stay valid with fresh
 * pages, and the old ones stay with whoever still holds them.
 *
 * **Purpose.** The deed behind VDEV_ZEROCOPY_OFFLINE (rules Z4, Z5, Z12 of
 * docs/engines/zerocopy.md). Guest RAM is registered once; from then on granules of it are
 * replaced in batches, while vCPUs, threads of the VMM and of the kernel (vhost) go on using it.
 * docs/memory.md says which mechanism does it, why, and what each cannot do. Interfaces:
 * userfaultfd (Documentation/admin-guide/mm/userfaultfd.rst), madvise(2), process_madvise(2),
 * fallocate(2), mremap(2). KVM follows by itself: no memory slot changes.
 *
 * **Modes** are VDEV_ZEROCOPY_PRESERVE and VDEV_ZEROCOPY_RESET of zerocopy.h. PRESERVE: no update
 * is lost and nobody sees zeroes in between; writers wait meanwhile. RESET: zeroes, of which no dirty
 * log tells: while the VM migrates, mark what was RESET as dirty.
 *
 * **States.** A region is ADDED or not. Each replacement is over when its call returns: the old
 * pages have no mapping any more and live exactly as long as their consumers' own references.
 * There is nothing to release afterwards.
 *
 * **Ownership.** Memory and file descriptors stay the caller's; they must live until
 * vdev_pages_remove(). The object owns a userfaultfd and a thread that serves its faults: it fills
 * pages that are touched for the first time, so it has to run as long as anything uses the memory.
 *
 * **Threads.** All calls may be made from any thread; replacements take turns. The hooks are
 * called in the thread that called the library; dma() while replacements wait, so it must not call
 * back. No thread that the calls or hooks wait for may need guest memory while it holds what they
 * need.
 *
 * **fork().** Children do not inherit the regions (MADV_DONTFORK), unless VDEV_PAGES_INHERIT; the
 * object is of no use to them. exec() closes it.
 */
#ifndef VDEV_PAGES_H
#define VDEV_PAGES_H

#include <vdev/backend.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdev_pages;

/** Most regions of one object. */
#define VDEV_PAGES_MAX_REGIONS 1024u

/** Mechanisms. @{ */
#define VDEV_PAGES_AUTO 0u /**< userfaultfd where its self-test passes, else REMAP */
/** Pages are dropped and filled anew under a userfaultfd: no new mappings, PRESERVE while the guest
 * runs. */
#define VDEV_PAGES_UFFD 1u
/** Fresh pages are moved in by mremap(2): each may add two mappings (limit: vm.max_map_count).
 * Without a userfaultfd PRESERVE is possible only while nobody writes: vdev_pages_stopped(). */
#define VDEV_PAGES_REMAP 2u
/** @} */

/** Flag of the configuration: no self-test; AUTO takes userfaultfd where it can be opened. */
#define VDEV_PAGES_UNTESTED 0x1u

/** Configuration. 48 bytes. */
struct vdev_pages_config {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_PAGES_UNTESTED */
	uint32_t mechanism; /**< VDEV_PAGES_AUTO, UFFD or REMAP */
	uint32_t max_regions; /**< 1..VDEV_PAGES_MAX_REGIONS */
	int32_t kvm_fd; /**< /dev/kvm, for the self-test; -1: opened by itself */
	uint32_t reserved; /**< 0 */
	/**
	 * Makes the userfaultfd's ioctl in the VMM's way; NULL: ioctl(2). Also called in the
	 * object's own thread.
	 * @return 0 or positive, or a negative errno
	 */
	int (*ioctl)(void *user, int fd, unsigned long request, void *argument);
	/**
	 * Takes a range out of the reach of DMA, or gives it back (Z12): VFIO_IOMMU_UNMAP_DMA,
	 * IOMMU_IOAS_UNMAP before its pages are replaced (@p map 0; no DMA to it may be under way
	 * afterwards), and mapping it anew after (@p map 1). NULL: regions with VDEV_PAGES_DMA are
	 * refused.
	 * @return 0, or a negative errno: nothing of the range is replaced (@p map 0), or the
	 * range is replaced and out of reach (@p map 1)
	 */
	int (*dma)(void *user, uint32_t map, uint64_t guest_address, uint64_t host_address,
		   uint64_t size_bytes);
	void *user; /**< handed to ioctl() and dma() */
};

/** What a region is made of. @{ */
#define VDEV_PAGES_ANON 1u /**< private anonymous memory; transparent huge pages are welcome */
#define VDEV_PAGES_MEMFD 2u /**< shared mapping of a memfd, or of a file in tmpfs */
#define VDEV_PAGES_HUGETLB \
	3u /**< huge pages: of a memfd or hugetlbfs file (shared), or MAP_HUGETLB */
#define VDEV_PAGES_GUEST_MEMFD 4u /**< refused: its pages cannot be swapped under a guest (Z12) */
/** @} */

/** Flags of a region. @{ */
#define VDEV_PAGES_PEERS \
	0x1u /**< another process maps it too (vhost-user): see vdev_pages_stopped() */
#define VDEV_PAGES_DMA 0x2u /**< VFIO or iommufd maps it: dma() is needed */
#define VDEV_PAGES_INHERIT 0x4u /**< children inherit it after fork() */
/** @} */

/** A region of guest RAM. 48 bytes. */
struct vdev_pages_region {
	uint32_t struct_size;
	uint32_t flags; /**< VDEV_PAGES_PEERS, DMA, INHERIT */
	uint32_t kind; /**< VDEV_PAGES_ANON to HUGETLB */
	int32_t fd; /**< MEMFD, HUGETLB: what is mapped; -1: ANON, or HUGETLB without a file */
	uint64_t guest_address; /**< guest physical, multiple of the granule */
	uint64_t size_bytes; /**< multiple of the granule, not 0 */
	uint64_t host_address; /**< mapped readable and writable, multiple of the granule */
	uint64_t fd_offset; /**< of host_address in the file, multiple of the granule */
};

/** Facts of a region. 56 bytes. */
struct vdev_pages_info {
	uint64_t guest_address;
	uint64_t size_bytes;
	uint64_t host_address;
	uint64_t granule_bytes; /**< what is replaced at a time: for vdev_zerocopy_add_memory() */
	uint64_t moved_bytes; /**< moved in by mremap(2), now: no longer of the file */
	uint32_t flags; /**< VDEV_PAGES_PEERS, DMA, INHERIT */
	uint32_t kind; /**< VDEV_PAGES_ANON to HUGETLB */
	uint32_t mechanism; /**< UFFD or REMAP (also where a memfd may have huge folios) */
	uint32_t live; /**< 1: PRESERVE while the guest runs; 0: only while it is stopped */
};

/** Who does not touch guest memory at the moment: vdev_pages_stopped(). @{ */
#define VDEV_PAGES_GUEST_STOPPED 0x1u /**< vCPUs, threads of the VMM, vhost */
#define VDEV_PAGES_PEERS_STOPPED 0x2u /**< other processes (their rings are stopped) */
/** @} */

/** A range to replace. 24 bytes. */
struct vdev_pages_range {
	uint64_t guest_address; /**< multiple of the granule */
	uint64_t size_bytes; /**< multiple of the granule, not 0, within one region */
	uint32_t mode; /**< VDEV_ZEROCOPY_PRESERVE or RESET */
	uint32_t reserved; /**< 0 */
};

/** Properties that the self-test looks at. @{ */
#define VDEV_PAGES_ANON_RESET 0u /**< the receiver keeps the old bytes, the guest gets zeroes */
#define VDEV_PAGES_ANON_PRESERVE 1u /**< the receiver keeps the old bytes, no update is lost */
#define VDEV_PAGES_MEMFD_RESET 2u
#define VDEV_PAGES_MEMFD_PRESERVE 3u
#define VDEV_PAGES_HUGETLB_RESET 4u
#define VDEV_PAGES_HUGETLB_PRESERVE 5u
#define VDEV_PAGES_PROPERTIES 6u
/** @} */
/** Outcome of a property; a negative errno: not tested, and why. @{ */
#define VDEV_PAGES_NO 0
#define VDEV_PAGES_YES 1
/** @} */

/** What the self-test found. */
struct vdev_pages_report {
	uint32_t mechanism; /**< that was tested and chosen: UFFD or REMAP; 0: none tested */
	int32_t kvm; /**< 0: the writer was a vCPU in KVM_RUN; -errno: a thread, for want of KVM */
	int32_t uffd; /**< 0: a userfaultfd that sees KVM's faults is there; -errno: why not */
	int32_t batch; /**< 0: process_madvise(2) takes many ranges at once; -errno: one by one */
	int32_t outcome[VDEV_PAGES_PROPERTIES]; /**< VDEV_PAGES_NO, YES or a negative errno */
	uint64_t replacements;
	uint64_t updates; /**< that the writer made meanwhile */
	uint64_t lost_updates; /**< should be 0 */
	uint64_t wrong_bytes; /**< that the receiver got; should be 0 */
};

/** Counters; a snapshot. Each is a uint64_t. */
struct vdev_pages_stats {
	uint64_t regions, bytes; /**< now */
	uint64_t preserved_bytes, reset_bytes; /**< replaced */
	uint64_t batches; /**< in which they were */
	uint64_t failed; /**< ranges that were not replaced */
	uint64_t filled; /**< faults of a first touch that were served */
	uint64_t waited; /**< writers that met a write-protected page */
	uint64_t moved_bytes; /**< moved in by mremap(2), now */
	uint64_t left_bytes; /**< pages of a file behind those, now: free with the region's file */
	uint64_t rescued; /**< ranges moved in as there was no memory to fill them */
};

/**
 * Makes an object without regions. AUTO and, without VDEV_PAGES_UNTESTED, each mechanism is tested
 * first through KVM_RUN on memory of its own; that takes some milliseconds.
 * @param ret_pages the object
 * @param env hooks, or NULL; not called in the object's own thread
 * @param config see the struct; copied
 * @return 0; -EINVAL; -E2BIG; -ENOMEM; -EAGAIN: no thread; -EMFILE, -ENFILE; of a mechanism that
 * was demanded: -EPERM: a userfaultfd that sees faults of the kernel needs write access to
 * /dev/userfaultfd, or CAP_SYS_PTRACE, or sysctl vm.unprivileged_userfaultfd=1; -ENOSYS: the
 * kernel has none; -EOPNOTSUPP: the self-test failed, or a feature is missing. The log says which.
 */
VDEV_API int vdev_pages_new(struct vdev_pages **ret_pages, const struct vdev_env *env,
			    const struct vdev_pages_config *config);
/**
 * Ends the object and forgets its regions, whose contents stay.
 * @param pages NULL is allowed
 */
VDEV_API void vdev_pages_free(struct vdev_pages *pages);

/**
 * Adds a region (Z12): looks at its mappings, registers it with the userfaultfd as a whole. A
 * memfd that may have huge folios is served by REMAP; one that has none gets MADV_NOHUGEPAGE so
 * that it stays so.
 * @param pages the object
 * @param region see the struct; copied
 * @return 0; -EINVAL: alignment, size, flags, kind, or it wraps; -E2BIG; -ENOMEM; -EEXIST:
 * overlaps another; -ENOSPC: max_regions; -EFAULT: not mapped, or not as the struct says; -EBUSY:
 * under another userfaultfd; -EOPNOTSUPP: locked, guest_memfd, DMA without dma(), huge folios and
 * peers, or private pages of a file; vdev_pages_reason() says which
 */
VDEV_API int vdev_pages_add(struct vdev_pages *pages, const struct vdev_pages_region *region);
/**
 * Takes a region out; its contents and mappings stay as they are.
 * @param pages the object
 * @param guest_address as it was added
 * @return 0; -ENOENT; -EINVAL
 */
VDEV_API int vdev_pages_remove(struct vdev_pages *pages, uint64_t guest_address);
/**
 * Facts of a region.
 * @param pages the object
 * @param guest_address any address in it
 * @param ret_info the facts
 * @param size sizeof(struct vdev_pages_info) of the caller
 * @return 0; -ENOENT; -EINVAL
 */
VDEV_API int vdev_pages_get(struct vdev_pages *pages, uint64_t guest_address,
			    struct vdev_pages_info *ret_info, size_t size);

/**
 * Says who is stopped from now on. PRESERVE needs PEERS_STOPPED for a region with
 * VDEV_PAGES_PEERS, since others see a hole while a page of a file is replaced, and GUEST_STOPPED
 * where no userfaultfd makes writers wait.
 * @param pages the object
 * @param flags VDEV_PAGES_GUEST_STOPPED, VDEV_PAGES_PEERS_STOPPED; 0: all run (as at the beginning)
 * @return 0; -EINVAL
 */
VDEV_API int vdev_pages_stopped(struct vdev_pages *pages, uint32_t flags);

/**
 * Replaces the pages of ranges (Z4, Z5), all at once as far as they fit into a batch. A range that
 * fails has its contents; if it is long, a part of it may have been replaced. It never stays
 * protected.
 * @param pages the object
 * @param ranges what to replace
 * @param count 1..
 * @param ret_status for each range: 0; -EINVAL: alignment, mode, size; -EFAULT: not within a
 * region; -EOPNOTSUPP: PRESERVE while somebody runs, see vdev_pages_stopped(), or it needs a
 * userfaultfd, or the file kept its page although it was to drop it and peers forbid another;
 * -ENOMEM: no memory or no huge page for it; -EAGAIN; what dma() returned; or another errno of the
 * kernel, e.g. -EINVAL after mlock(2). May be NULL
 * @return number of ranges that are replaced; -EINVAL: a pointer is NULL or count is 0
 */
VDEV_API int vdev_pages_offline(struct vdev_pages *pages, const struct vdev_pages_range *ranges,
				uint32_t count, int *ret_status);
/**
 * Replaces all memory of the VM (Z5).
 * @param pages the object
 * @param mode VDEV_ZEROCOPY_PRESERVE or RESET
 * @return 0; -EINVAL; else the first status as of vdev_pages_offline(); the other regions are
 * replaced anyway
 */
VDEV_API int vdev_pages_offline_all(struct vdev_pages *pages, uint32_t mode);

/**
 * Performs one action; also by the ops table with @c pages as its context: VDEV_ZEROCOPY_OFFLINE
 * (with VDEV_ZEROCOPY_WHOLE too) and RELEASE, for which nothing is left to do. Better take all
 * OFFLINE actions that wait and give their ranges to vdev_pages_offline() at once.
 * @param pages the object
 * @param action the action
 * @return 0; -EOPNOTSUPP: not one of these; -EIO: one of these, where vdev_pages_offline() says
 * -EOPNOTSUPP; -EINVAL; or another status of vdev_pages_offline()
 */
VDEV_API int vdev_pages_perform(struct vdev_pages *pages, const struct vdev_action *action);
/**
 * The page replacement as a backend.
 * @return constant table; its context is a struct vdev_pages pointer
 */
VDEV_API const struct vdev_backend_ops *vdev_pages_ops(void);

/**
 * Runs the self-test of the object's mechanism again, on memory of its own.
 * @param pages the object
 * @param ret_report what was found
 * @param size sizeof(struct vdev_pages_report) of the caller
 * @return 0, whatever was found; -EINVAL; -ENOMEM; -EAGAIN: no thread; -EMFILE, -ENFILE
 */
VDEV_API int vdev_pages_self_test(struct vdev_pages *pages, struct vdev_pages_report *ret_report,
				  size_t size);
/**
 * What the self-test of vdev_pages_new() found.
 * @param pages the object
 * @param ret_report the report; mechanism is 0 after VDEV_PAGES_UNTESTED
 * @param size sizeof(struct vdev_pages_report) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_pages_report(struct vdev_pages *pages, struct vdev_pages_report *ret_report,
			       size_t size);

/**
 * Why the last thing was refused or failed, or why REMAP was chosen, for people: "region 0x0: it
 * is locked (mlock) ...".
 * @param pages the object
 * @param buf room for the text, always terminated
 * @param size bytes at buf, at least 1
 * @return length of the whole text, also when it was cut; 0: nothing so far; -EINVAL
 */
VDEV_API int vdev_pages_reason(struct vdev_pages *pages, char *buf, size_t size);
/**
 * Counters.
 * @param pages the object
 * @param ret_stats the counters
 * @param size sizeof(struct vdev_pages_stats) of the caller
 * @return 0; -EINVAL
 */
VDEV_API int vdev_pages_stats(struct vdev_pages *pages, struct vdev_pages_stats *ret_stats,
			      size_t size);
/**
 * Name of a mechanism, for logs and JSON.
 * @param mechanism VDEV_PAGES_UFFD or REMAP
 * @return constant string such as "userfaultfd", "?" when there is none
 */
VDEV_API const char *vdev_pages_mechanism_name(uint32_t mechanism);

#ifdef __cplusplus
}
#endif

#endif
