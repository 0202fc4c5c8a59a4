/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How fresh pages come in: UFFDIO_COPY and UFFDIO_ZEROPAGE, which add no mapping, or mremap(2) of
 * pages that were prepared, in one step for whoever looks.
 *
 * What was dropped exists in `copy` only. If the kernel has no page for it, the pages of `copy`
 * itself move in. If the file still has a page (-EEXIST), it did not let go of it, because a huge
 * folio is under it after all: the file gets back what it had, for those who hold it, and the
 * guest other pages.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* Before giving up: each round lasts about a second. */
#define ROUNDS 10

static uint64_t guest_of(const struct piece *piece)
{
	return piece->region->r.guest_address + (piece->host - piece->region->r.host_address);
}

static int in_file(const struct piece *piece)
{
	return piece->region->r.fd >= 0 && !vdev__region_moved(piece->region, piece->host);
}

static int move_over(uint64_t host, void *from, uint64_t bytes, int flags)
{
	void *to = (void *)(uintptr_t)host;

	return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | flags, to) == MAP_FAILED
		       ? -errno
		       : 0;
}

static int move_zeros(uint64_t host, uint64_t bytes)
{
	void *fresh = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int err;

	if (fresh == MAP_FAILED)
		return -errno;
	err = move_over(host, fresh, bytes, 0);
	if (err)
		munmap(fresh, bytes);
	return err;
}

/* The piece from `done` on gets pages of its own. */
static int move_in(struct vdev_pages *p, const struct piece *piece, uint64_t done)
{
	uint64_t host = piece->host + done, bytes = piece->bytes - done;
	int err;

	if (piece->mode == VDEV_ZEROCOPY_PRESERVE)
		err = move_over(host, p->copy + piece->copy_at + done, bytes, MREMAP_DONTUNMAP);
	else
		err = move_zeros(host, bytes);
	if (err)
		return err;
	vdev__region_move(p, piece->region, host, bytes);
	err = vdev__region_dress(p, piece->region, host, bytes);
	if (err) /* served by the kernel from now on, but no more protected */
		vdev__pages_because(p, err, "range 0x%" PRIx64 ": UFFDIO_REGISTER: %s",
				    guest_of(piece), strerror(-err));
	if (p->uffd >= 0)
		vdev__uffd_wake(p, host, bytes);
	return 0;
}

/* Who touches it is served by the thread from now on, and does not wait for a fill to come. */
static void hand_over(struct vdev_pages *p, struct piece *piece)
{
	pthread_mutex_lock(&p->serve_lock);
	piece->fill = 0;
	pthread_mutex_unlock(&p->serve_lock);
}

/* Nothing was dropped before, so nothing is lost when it fails. */
static int move_piece(struct vdev_pages *p, struct piece *piece)
{
	int file = in_file(piece), err;

	if (piece->mode == VDEV_ZEROCOPY_RESET) /* what moves in is empty */
		hand_over(p, piece);
	err = move_in(p, piece, 0);
	if (err)
		return vdev__pages_because(p, err,
					   "range 0x%" PRIx64 ": mremap: %s (vm.max_map_count?)",
					   guest_of(piece), strerror(-err));
	if (file && !piece->region->huge) {
		vdev__piece_punch(p, piece);
	} else if (file) {
		piece->region->left_bytes += piece->bytes;
		p->stats.left_bytes += piece->bytes;
	}
	return 0;
}

/* Into the file, where who holds the old page finds it again. */
static void put_back(struct vdev_pages *p, const struct piece *piece, uint64_t done)
{
	const struct vdev_pages_region *r = &piece->region->r;
	uint64_t at = r->fd_offset + (piece->host - r->host_address);

	while (piece->mode == VDEV_ZEROCOPY_PRESERVE && done < piece->bytes) {
		ssize_t put = pwrite(r->fd, p->copy + piece->copy_at + done, piece->bytes - done,
				     (off_t)(at + done));

		if (put <= 0)
			return;
		done += (uint64_t)put;
	}
}

/* The file kept its pages. */
static int kept(struct vdev_pages *p, struct piece *piece, uint64_t done)
{
	put_back(p, piece, done);
	if (piece->region->r.flags & VDEV_PAGES_PEERS) {
		vdev__uffd_wake(p, piece->host, piece->bytes);
		return vdev__pages_because(
			p, -EOPNOTSUPP,
			"range 0x%" PRIx64
			": its file did not let go of the page (a huge folio?), and "
			"peers would not see another",
			guest_of(piece));
	}
	vdev__pages_because(p, 0,
			    "range 0x%" PRIx64
			    ": its file did not let go of the page (a huge folio, or a peer that "
			    "was not declared?); its region is served by mremap from now on",
			    guest_of(piece));
	piece->region->huge = 1;
	piece->region->left_bytes += piece->bytes - done;
	p->stats.left_bytes += piece->bytes - done;
	return move_in(p, piece, done);
}

static struct vdev__uffd_fill fill_of(const struct vdev_pages *p, const struct piece *piece)
{
	return (struct vdev__uffd_fill){.host = piece->host,
					.bytes = piece->bytes,
					.step = piece->region->granule,
					.from = p->copy + piece->copy_at};
}

/* Its contents are in `copy` only: they have to come back, whatever it takes. */
static int fill_preserved(struct vdev_pages *p, struct piece *piece)
{
	struct vdev__uffd_fill f = fill_of(p, piece);
	uint32_t round;
	int err = 0;

	for (round = 0; round < ROUNDS; round++) {
		err = vdev__uffd_copy(p, &f);
		if (!err)
			return 0;
		if (err == -EEXIST && in_file(piece))
			return kept(p, piece, f.done);
		if (!move_in(p, piece, f.done)) {
			p->stats.rescued++;
			return piece->region->r.flags & VDEV_PAGES_PEERS ? err : 0;
		}
	}
	vdev__log(&p->env, VDEV_LOG_ERROR,
		  "pages: range 0x%llx: its contents are lost, the kernel has no memory: %s",
		  (unsigned long long)guest_of(piece), strerror(-err));
	return err;
}

/* UFFDIO_ZEROPAGE knows no huge pages. */
static int zero_huge(struct vdev_pages *p, struct vdev__uffd_fill *whole)
{
	int err = 0;

	while (!err && whole->done < whole->bytes) {
		struct vdev__uffd_fill f = {.host = whole->host + whole->done,
					    .bytes = whole->step,
					    .step = whole->step,
					    .from = p->zeros};

		err = vdev__uffd_copy(p, &f);
		whole->done += f.done;
	}
	return err;
}

/* Zeroes may as well come in when they are touched. */
static int fill_reset(struct vdev_pages *p, struct piece *piece)
{
	struct vdev__uffd_fill f = fill_of(p, piece);
	int huge = piece->region->r.kind == VDEV_PAGES_HUGETLB &&
		   !vdev__region_moved(piece->region, piece->host);
	int err = huge ? zero_huge(p, &f) : vdev__uffd_zero(p, &f);

	if (!err)
		return 0;
	hand_over(p, piece);
	if (err == -EEXIST && in_file(piece))
		return kept(p, piece, f.done);
	vdev__uffd_wake(p, piece->host, piece->bytes);
	return 0;
}

static int fill_one(struct vdev_pages *p, struct piece *piece)
{
	if (piece->leave == BY_MOVE)
		return move_piece(p, piece);
	if (p->uffd < 0 || !piece->fill)
		return 0;
	return piece->mode == VDEV_ZEROCOPY_PRESERVE ? fill_preserved(p, piece)
						     : fill_reset(p, piece);
}

/* What is gone comes back; the rest is still there (-EEXIST). */
static void restore(struct vdev_pages *p, const struct piece *piece)
{
	struct piece one = *piece;

	for (one.bytes = piece->region->granule; one.host < piece->host + piece->bytes;
	     one.host += one.bytes, one.copy_at += one.bytes) {
		struct vdev__uffd_fill f = fill_of(p, &one);
		int err = vdev__uffd_copy(p, &f);

		if (err && err != -EEXIST)
			move_in(p, &one, 0);
	}
}

void vdev__batch_fill(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; i < p->piece_count; i++) {
		vdev__piece_unhold(&p->pieces[i]);
		if (!p->pieces[i].status)
			p->pieces[i].status = fill_one(p, &p->pieces[i]);
		else if (p->pieces[i].torn && p->pieces[i].mode == VDEV_ZEROCOPY_PRESERVE)
			restore(p, &p->pieces[i]);
	}
}
