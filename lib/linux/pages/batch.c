/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A batch of pieces and its steps, which are in dma.c, protect.c, drop.c and fill.c.
 *
 *   dma out     what a device could reach it no longer reaches
 *   protect     PRESERVE: writers wait from here on; one covering range for pieces that are near
 *   copy out    PRESERVE: a page that was never touched is filled by the thread of serve.c
 *   announce    that thread leaves these pages alone
 *   drop        the old pages are no longer mapped: they live as long as somebody else holds them
 *   fill        the new ones appear with their contents at once; who touched a hole waits for it
 *   withdraw    that thread serves them again
 *   unprotect, dma in
 *
 * A piece that fails takes no part in the steps that follow, except to undo.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

/* Larger copies give their memory back. */
#define KEEP_BYTES (UINT64_C(4) << 20)

static enum leave leave_of(const struct vdev_pages *p, const struct region *r, uint64_t host,
			   uint32_t mode)
{
	int file = r->r.fd >= 0 && !vdev__region_moved(r, host);

	if ((file && r->huge) || (p->uffd < 0 && mode == VDEV_ZEROCOPY_PRESERVE))
		return BY_MOVE;
	return file ? BY_PUNCH : BY_ADVICE;
}

/* Where it belongs in the order of addresses; -1 when it overlaps another. */
static int64_t place_of(const struct vdev_pages *p, uint64_t host, uint64_t bytes)
{
	uint32_t i = p->piece_count;

	while (i && p->pieces[i - 1].host >= host + bytes)
		i--;
	return i && p->pieces[i - 1].host + p->pieces[i - 1].bytes > host ? -1 : (int64_t)i;
}

/* All of it leaves in the same way. Returns the bytes that found room, 0: run the batch first. */
static uint64_t add_piece(struct vdev_pages *p, const struct piece *piece)
{
	int preserve = piece->mode == VDEV_ZEROCOPY_PRESERVE;
	uint64_t room = (p->copy_bytes - p->copy_used) & ~(piece->region->granule - 1);
	uint64_t bytes = preserve && piece->bytes > room ? room : piece->bytes;
	int64_t at = place_of(p, piece->host, bytes);
	struct piece *here;

	if (p->piece_count == VDEV__PAGES_BATCH || at < 0 || !bytes)
		return 0;
	here = &p->pieces[at];
	memmove(here + 1, here, (p->piece_count - (uint32_t)at) * sizeof(*here));
	*here = *piece;
	here->bytes = bytes;
	here->copy_at = p->copy_used;
	if (preserve)
		p->copy_used += bytes;
	p->piece_count++;
	return bytes;
}

/* Up to where its granules leave in the same way. */
static uint64_t run_of(const struct vdev_pages *p, const struct region *r, uint64_t host,
		       uint64_t bytes, uint32_t mode)
{
	enum leave first = leave_of(p, r, host, mode);
	uint64_t done = r->granule;

	if (!r->moved_count)
		return bytes;
	while (done < bytes && leave_of(p, r, host + done, mode) == first)
		done += r->granule;
	return done;
}

void vdev__batch_add(struct vdev_pages *p, struct region *r, uint64_t host, uint64_t bytes,
		     uint32_t mode, uint32_t index, int fill)
{
	struct piece piece = {.region = r, .mode = mode, .index = index, .fill = (uint8_t)fill};
	uint64_t end = host + bytes, added;

	while (host < end) {
		piece.host = host;
		piece.bytes = run_of(p, r, host, end - host, mode);
		piece.leave = (uint8_t)leave_of(p, r, host, mode);
		added = add_piece(p, &piece);
		if (!added)
			vdev__batch_run(p);
		host += added;
	}
}

static void announce(struct vdev_pages *p, int on)
{
	pthread_mutex_lock(&p->serve_lock);
	p->dropping = (uint8_t)on;
	pthread_mutex_unlock(&p->serve_lock);
}

static void account(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; i < p->piece_count; i++) {
		const struct piece *piece = &p->pieces[i];

		if (!p->ret_status[piece->index])
			p->ret_status[piece->index] = piece->status;
		if (piece->status)
			continue;
		if (piece->mode == VDEV_ZEROCOPY_PRESERVE)
			p->stats.preserved_bytes += piece->bytes;
		else
			p->stats.reset_bytes += piece->bytes;
	}
	p->stats.batches++;
}

void vdev__batch_run(struct vdev_pages *p)
{
	if (!p->piece_count)
		return;
	vdev__batch_dma_out(p);
	vdev__batch_protect(p);
	vdev__batch_copy_out(p);
	announce(p, 1);
	vdev__batch_drop(p);
	vdev__batch_fill(p);
	announce(p, 0);
	vdev__batch_wake_failed(p);
	vdev__batch_unprotect(p);
	vdev__batch_dma_in(p);
	account(p);
	if (p->copy_used > KEEP_BYTES)
		madvise(p->copy, p->copy_bytes, MADV_DONTNEED);
	p->piece_count = 0;
	p->copy_used = 0;
}
