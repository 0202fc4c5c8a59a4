/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A batch of pieces and its steps; drop.c and fill.c hold the two in the middle.
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

/* Pieces farther apart have covers of their own: what lies between them is protected, too. */
#define NEAR_BYTES (UINT64_C(1) << 20)
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

static int alive(const struct piece *piece)
{
	return !piece->status;
}

static int preserves(const struct piece *piece)
{
	return alive(piece) && piece->mode == VDEV_ZEROCOPY_PRESERVE;
}

static int dma(struct vdev_pages *p, const struct piece *piece, uint32_t map)
{
	const struct vdev_pages_region *r = &piece->region->r;
	uint64_t guest = r->guest_address + (piece->host - r->host_address);
	int err = p->config.dma(p->config.user, map, guest, piece->host, piece->bytes);

	if (err < 0)
		vdev__pages_because(p, err, "range 0x%" PRIx64 ": dma(%s) failed: %s", guest,
				    map ? "map" : "unmap", strerror(-err));
	return err < 0 ? err : 0;
}

static void dma_out(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; i < p->piece_count; i++) {
		struct piece *piece = &p->pieces[i];

		if (!(piece->region->r.flags & VDEV_PAGES_DMA))
			continue;
		piece->status = dma(p, piece, 0);
		piece->dma_out = alive(piece);
	}
}

static void dma_in(struct vdev_pages *p)
{
	uint32_t i;
	int err;

	for (i = 0; i < p->piece_count; i++) {
		err = p->pieces[i].dma_out ? dma(p, &p->pieces[i], 1) : 0;
		if (!p->pieces[i].status)
			p->pieces[i].status = err;
	}
}

/* The pieces from `first` on that one cover takes; returns the one after them. */
static uint32_t cover_of(const struct vdev_pages *p, uint32_t first, struct span *ret_span)
{
	const struct region *r = p->pieces[first].region;
	uint32_t i;

	*ret_span = (struct span){.begin = p->pieces[first].host, .step = r->granule};
	for (i = first; i < p->piece_count; i++) {
		const struct piece *piece = &p->pieces[i];

		if (!preserves(piece))
			continue;
		if (piece->region != r ||
		    (ret_span->end && piece->host - ret_span->end > NEAR_BYTES))
			break;
		ret_span->end = piece->host + piece->bytes;
	}
	return i;
}

/* The span is known to the thread of serve.c before and as long as anything is protected. */
static void publish(struct vdev_pages *p, uint32_t count)
{
	pthread_mutex_lock(&p->serve_lock);
	p->cover_count = count;
	pthread_mutex_unlock(&p->serve_lock);
}

static int set_protection(struct vdev_pages *p, const struct span *span, int on)
{
	struct vdev__uffd_fill f = {.host = span->begin,
				    .bytes = span->end - span->begin,
				    .step = span->step,
				    .protected = on};
	int err = vdev__uffd_protect(p, &f);

	if (err)
		vdev__pages_because(p, err, "UFFDIO_WRITEPROTECT (%s): %s", on ? "on" : "off",
				    strerror(-err));
	return err;
}

static void protect(struct vdev_pages *p)
{
	uint32_t i = 0, next, n = 0;

	while (i < p->piece_count) {
		int err;

		if (!preserves(&p->pieces[i]) || !p->pieces[i].region->live) {
			i++;
			continue;
		}
		next = cover_of(p, i, &p->covers[n]);
		publish(p, ++n);
		err = set_protection(p, &p->covers[n - 1], 1);
		for (; i < next; i++)
			if (err && preserves(&p->pieces[i]))
				p->pieces[i].status = err;
	}
}

/* Who waits where it failed tries again, and the thread of serve.c sees to it. */
static void unprotect(struct vdev_pages *p)
{
	uint32_t i, n = p->cover_count;
	int failed = 0;

	for (i = 0; i < n; i++)
		failed |= set_protection(p, &p->covers[i], 0);
	publish(p, 0);
	for (i = 0; failed && i < n; i++)
		vdev__uffd_wake(p, p->covers[i].begin, p->covers[i].end - p->covers[i].begin);
}

/*
 * Words, and as atomics: where no userfaultfd stops them, others may write although they should
 * not.
 */
static void copy_words(uint8_t *to, uint64_t from, uint64_t bytes)
{
	const uint64_t *src = (const uint64_t *)(uintptr_t)from;
	uint64_t *dst = (uint64_t *)(void *)to;
	uint64_t i;

	for (i = 0; i < bytes / sizeof(*src); i++)
		dst[i] = __atomic_load_n(&src[i], __ATOMIC_RELAXED);
}

static void copy_out(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; i < p->piece_count; i++)
		if (preserves(&p->pieces[i]))
			copy_words(p->copy + p->pieces[i].copy_at, p->pieces[i].host,
				   p->pieces[i].bytes);
}

static void announce(struct vdev_pages *p, int on)
{
	pthread_mutex_lock(&p->serve_lock);
	p->dropping = (uint8_t)on;
	pthread_mutex_unlock(&p->serve_lock);
}

/* Nobody served their faults meanwhile, and no fill woke who waits. */
static void wake_failed(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; p->uffd >= 0 && i < p->piece_count; i++)
		if (!alive(&p->pieces[i]))
			vdev__uffd_wake(p, p->pieces[i].host, p->pieces[i].bytes);
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
	dma_out(p);
	protect(p);
	copy_out(p);
	announce(p, 1);
	vdev__batch_drop(p);
	vdev__batch_fill(p);
	announce(p, 0);
	wake_failed(p);
	unprotect(p);
	dma_in(p);
	account(p);
	if (p->copy_used > KEEP_BYTES)
		madvise(p->copy, p->copy_bytes, MADV_DONTNEED);
	p->piece_count = 0;
	p->copy_used = 0;
}
