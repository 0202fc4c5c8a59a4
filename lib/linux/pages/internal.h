/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Page replacement: what its files share.
 *
 * Ranges become pieces, pieces a batch, and a batch goes through these steps (batch.c):
 *
 *   dma out -> protect -> copy out -> announce -> drop -> fill -> withdraw -> unprotect -> dma in
 *
 * Locks. `lock` makes calls take turns and is held for a whole batch. The thread that serves
 * faults (serve.c) never takes it, since a batch itself may run into a fault when it copies out a
 * page that was never touched. What that thread needs to know (regions, what is protected, what is
 * dropped) is guarded by `serve_lock`, which is never held while guest memory is touched. Order:
 * lock, serve_lock.
 */
#ifndef VDEV__PAGES_INTERNAL_H
#define VDEV__PAGES_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include <vdev/pages.h>
#include <vdev/zerocopy.h>

#include "env.h"

#define VDEV__PAGES_PAGE UINT64_C(4096)
#define VDEV__PAGES_BATCH 256u
#define VDEV__PAGES_COPY_BYTES (UINT64_C(1) << 20)
#define VDEV__PAGES_REASON_SIZE 256

struct region {
	struct vdev_pages_region r;
	uint64_t granule;
	uint64_t *moved; /* bit: this granule is anonymous memory that was moved in, not r.kind */
	uint64_t moved_count; /* granules */
	uint64_t left_bytes; /* file: pages that are no longer mapped here and stay in it */
	uint8_t huge; /* file: a page may be part of a huge folio, which does not let go of it */
	uint8_t dontfork; /* MADV_DONTFORK was set here */
	uint8_t live; /* writers can be made to wait: write-protection by userfaultfd */
};

/* How the old pages leave. */
enum leave {
	BY_ADVICE, /* madvise(MADV_DONTNEED) */
	BY_PUNCH, /* fallocate(FALLOC_FL_PUNCH_HOLE) */
	BY_MOVE, /* other pages are moved over them */
};

struct piece {
	struct region *region;
	uint64_t host;
	uint64_t bytes;
	uint64_t copy_at; /* PRESERVE: where its contents are in `copy` */
	uint32_t mode; /* VDEV_ZEROCOPY_PRESERVE, RESET */
	uint32_t index; /* of the caller's range */
	int status;
	void *hold; /* reservation of huge pages until they are filled in */
	uint8_t leave; /* enum leave */
	uint8_t fill; /* fresh pages are put in at once; else when touched */
	uint8_t dropped;
	uint8_t torn; /* the kernel gave up in the middle: a part is dropped */
	uint8_t dma_out;
};

struct span {
	uint64_t begin, end;
	uint64_t step; /* cover: granule */
};

struct vdev_pages {
	struct vdev_env env;
	struct vdev_pages_config config;
	uint32_t mechanism;
	int uffd; /* -1: none */
	int pidfd; /* of this process; -1: process_madvise(2) does not do */
	int stop_fd;
	uint8_t file_wp; /* write-protection works for files, too */
	uint8_t serving; /* the thread runs */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_mutex_t serve_lock;
	uint32_t stopped; /* VDEV_PAGES_..._STOPPED */
	struct region *regions; /* those with granule != 0 are in use */
	uint8_t *copy; /* contents between copy out and fill */
	uint64_t copy_bytes;
	uint8_t *zeros; /* for huge pages; never written */
	uint64_t zeros_bytes;
	struct piece pieces[VDEV__PAGES_BATCH]; /* by host address, without overlaps */
	uint32_t piece_count;
	uint64_t copy_used;
	int *ret_status; /* of the call that is made */
	struct span covers[VDEV__PAGES_BATCH]; /* write-protected */
	uint32_t cover_count;
	uint8_t dropping; /* pieces with `fill` are or will be empty */
	struct vdev_pages_report report;
	struct vdev_pages_stats stats;
	_Atomic(uint64_t) filled;
	_Atomic(uint64_t) waited;
	char reason[VDEV__PAGES_REASON_SIZE];
};

/* object.c */
int vdev__pages_make(struct vdev_pages **ret_pages, const struct vdev_env *env,
		     const struct vdev_pages_config *config, uint32_t mechanism);
/* Makes `copy` and `zeros` for granules of this size; what they were is gone. */
int vdev__pages_buffers(struct vdev_pages *p, uint64_t granule);
/* Keeps the text for vdev_pages_reason() and logs it; returns err. The caller holds the lock. */
int vdev__pages_because(struct vdev_pages *p, int err, const char *fmt, ...) VDEV__PRINTF(3, 4);

/* uffd.c: 0 or a negative errno; ranges in host addresses */
int vdev__uffd_open(struct vdev_pages *p);
/* live: for write-protection, too. */
int vdev__uffd_register(struct vdev_pages *p, uint64_t host, uint64_t bytes, int live);
void vdev__uffd_unregister(struct vdev_pages *p, uint64_t host, uint64_t bytes);
/* A range to fill or to protect. `done` counts on from where it is, also when it fails. */
struct vdev__uffd_fill {
	uint64_t host, bytes;
	uint64_t step; /* granule: for ranges that are in several mappings */
	uint64_t done;
	const void *from; /* copy */
	int protected; /* protect: on or off; copy: the new pages are */
};
int vdev__uffd_protect(struct vdev_pages *p, struct vdev__uffd_fill *f);
int vdev__uffd_copy(struct vdev_pages *p, struct vdev__uffd_fill *f);
int vdev__uffd_zero(struct vdev_pages *p, struct vdev__uffd_fill *f);
void vdev__uffd_wake(struct vdev_pages *p, uint64_t host, uint64_t bytes);

/* serve.c */
int vdev__pages_serve(struct vdev_pages *p);
void vdev__pages_serve_end(struct vdev_pages *p);

/* mappings.c: what /proc/self/smaps says about a range */
struct mappings {
	uint64_t page_bytes; /* 4096, or of hugetlb */
	uint8_t huge_advised; /* MADV_HUGEPAGE */
	uint8_t huge_mapped; /* a huge folio of a file is mapped by a PMD */
	uint8_t dontfork;
};
/* Refuses what Z12 refuses. The caller holds the lock. */
int vdev__pages_look(struct vdev_pages *p, const struct vdev_pages_region *r, struct mappings *ret);

/* read.c: a file of the kernel line by line, without stdio's allocations */
struct lines {
	int fd;
	size_t begin, end;
	char text[1024];
};
int vdev__lines_open(struct lines *l, const char *path);
/* The next line, cut when longer than the buffer; NULL at the end. */
const char *vdev__lines_next(struct lines *l);
void vdev__lines_close(struct lines *l);

/* huge.c: may a shmem mapping like this get huge folios? */
int vdev__pages_huge(const struct mappings *m);

/* region.c: the caller holds the lock, or the serve_lock to read */
struct region *vdev__pages_by_guest(struct vdev_pages *p, uint64_t address);
struct region *vdev__pages_by_host(struct vdev_pages *p, uint64_t address);
int vdev__region_moved(const struct region *r, uint64_t host);
void vdev__region_move(struct vdev_pages *p, struct region *r, uint64_t host, uint64_t bytes);
/* After other memory came in: what the region's memory has. */
int vdev__region_dress(struct vdev_pages *p, const struct region *r, uint64_t host, uint64_t bytes);

/* batch.c */
void vdev__batch_add(struct vdev_pages *p, struct region *r, uint64_t host, uint64_t bytes,
		     uint32_t mode, uint32_t index, int fill);
/* Runs what was added. */
void vdev__batch_run(struct vdev_pages *p);

static inline int vdev__piece_alive(const struct piece *piece)
{
	return !piece->status;
}

static inline int vdev__piece_preserves(const struct piece *piece)
{
	return vdev__piece_alive(piece) && piece->mode == VDEV_ZEROCOPY_PRESERVE;
}

/* dma.c, protect.c, drop.c, fill.c: steps of a batch */
void vdev__batch_dma_out(struct vdev_pages *p);
void vdev__batch_dma_in(struct vdev_pages *p);
void vdev__batch_protect(struct vdev_pages *p);
void vdev__batch_copy_out(struct vdev_pages *p);
/* For those that failed. */
void vdev__batch_wake_failed(struct vdev_pages *p);
void vdev__batch_unprotect(struct vdev_pages *p);
void vdev__batch_drop(struct vdev_pages *p);
int vdev__piece_punch(struct vdev_pages *p, const struct piece *piece);
/* Gives the reserved huge pages back, for the fill to take. */
void vdev__piece_unhold(struct piece *piece);
void vdev__batch_fill(struct vdev_pages *p);

/* holes.c: what of a region has contents */
struct holes {
	const struct region *region;
	int fd; /* -1: all counts as contents */
	uint8_t file;
};
void vdev__holes_open(struct holes *h, const struct region *r);
/* The next stretch with contents at or after `host`; 0: there is none. */
int vdev__holes_next(const struct holes *h, uint64_t host, struct span *ret_span);
void vdev__holes_close(struct holes *h);

/* selftest.c: on an object of its own, with the same config */
int vdev__pages_test(const struct vdev_env *env, const struct vdev_pages_config *config,
		     uint32_t mechanism, struct vdev_pages_report *ret_report);

#endif
