/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How pages leave a mapping. Private ones by MADV_DONTNEED, many ranges in one process_madvise(2):
 * with a running vCPU most of the cost is in telling it. Those of a file by a hole in the file,
 * since DONTNEED would leave them there, and the fill would find them (-EEXIST).
 */
/*
 * ANALYZER: three passes over one array whose elements differ in three flags: the paths multiply without an end,
 * and none of them frees anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

static uint64_t guest_of(const struct piece *piece)
{
	return piece->region->r.guest_address + (piece->host - piece->region->r.host_address);
}

static int advise(const struct piece *piece)
{
	return madvise((void *)(uintptr_t)piece->host, piece->bytes, MADV_DONTNEED) ? -errno : 0;
}

int vdev__piece_punch(struct vdev_pages *p, const struct piece *piece)
{
	const struct vdev_pages_region *r = &piece->region->r;
	off_t at = (off_t)(r->fd_offset + (piece->host - r->host_address));
	int err = fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
			    (off_t)piece->bytes)
			  ? -errno
			  : 0;

	if (err)
		vdev__pages_because(p, err, "range 0x%" PRIx64 ": FALLOC_FL_PUNCH_HOLE: %s",
				    guest_of(piece), strerror(-err));
	return err;
}

/*
 * Old huge pages stay with who holds them, so as many others have to be free: they are reserved
 * before anything is dropped.
 */
static int hold(struct vdev_pages *p, struct piece *piece)
{
	uint64_t granule = piece->region->granule;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		    (__builtin_ctzll(granule) << MAP_HUGE_SHIFT);
	void *got;

	if (piece->region->r.kind != VDEV_PAGES_HUGETLB || !piece->fill ||
	    vdev__region_moved(piece->region, piece->host))
		return 0;
	got = mmap(NULL, piece->bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (got == MAP_FAILED)
		return vdev__pages_because(
			p, -ENOMEM, "range 0x%" PRIx64 ": no free huge pages for %" PRIu64 " bytes",
			guest_of(piece), piece->bytes);
	piece->hold = got;
	return 0;
}

void vdev__piece_unhold(struct piece *piece)
{
	if (piece->hold)
		munmap(piece->hold, piece->bytes);
	piece->hold = NULL;
}

static int by_advice(const struct piece *piece)
{
	return !piece->status && piece->leave == BY_ADVICE;
}

/* Marks what the first `bytes` of the vector were. */
static void mark(struct vdev_pages *p, uint64_t bytes)
{
	uint32_t i;

	for (i = 0; i < p->piece_count; i++) {
		if (!by_advice(&p->pieces[i]))
			continue;
		if (p->pieces[i].bytes > bytes)
			return;
		p->pieces[i].dropped = 1;
		bytes -= p->pieces[i].bytes;
	}
}

static void forget_batches(struct vdev_pages *p)
{
	close(p->pidfd);
	p->pidfd = -1;
}

/* What this leaves undone is done one by one, which also tells what is wrong with it. */
static void advise_many(struct vdev_pages *p)
{
	struct iovec vector[VDEV__PAGES_BATCH];
	uint32_t i, n = 0;
	long done;

	for (i = 0; i < p->piece_count && p->pidfd >= 0; i++)
		if (by_advice(&p->pieces[i]))
			vector[n++] = (struct iovec){
				.iov_base = (void *)(uintptr_t)p->pieces[i].host,
				.iov_len = p->pieces[i].bytes,
			};
	if (n < 2)
		return;
	done = syscall(SYS_process_madvise, p->pidfd, vector, n, MADV_DONTNEED, 0);
	if (done > 0)
		mark(p, (uint64_t)done);
	else if (!madvise(vector[0].iov_base, vector[0].iov_len, MADV_DONTNEED))
		forget_batches(
			p); /* the advice is good, so an older kernel does not take it this way */
}

static void drop_one(struct vdev_pages *p, struct piece *piece)
{
	if (piece->status || piece->dropped || piece->leave == BY_MOVE)
		return;
	if (piece->leave == BY_PUNCH) {
		piece->status = vdev__piece_punch(p, piece);
	} else {
		piece->status = advise(piece);
		if (piece->status)
			vdev__pages_because(p, piece->status,
					    "range 0x%" PRIx64
					    ": MADV_DONTNEED: %s (locked since?)",
					    guest_of(piece), strerror(-piece->status));
	}
	piece->dropped = !piece->status;
	piece->torn = !piece->dropped;
}

void vdev__batch_drop(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; i < p->piece_count; i++)
		if (!p->pieces[i].status)
			p->pieces[i].status = hold(p, &p->pieces[i]);
	advise_many(p);
	for (i = 0; i < p->piece_count; i++)
		drop_one(p, &p->pieces[i]);
}
