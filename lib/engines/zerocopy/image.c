/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: writing images, version 1 (load.c reads them). Durations that remain, never times;
 * no user_data.
 *
 *   payload = u64 epoch, whole_epoch; u8 in_reset, reset_zero;
 *             u32 n, n * region; u32 n, n * queue; u32 n, n * page; u32 n, n * op;
 *             u32 n, n * u64 generation of a free operation
 *   region  = u64 address, size, granule; u32 flags
 *   queue   = u32 slots, flags; u64 threshold, sequence; u32 n, n * message
 *   message = u64 word, size, deadline left, address, timeout, epoch
 *   page    = u64 address, epoch
 *   op      = see put_op()
 */
#include "image.h"
#include "internal.h"

static uint64_t left(uint64_t at, uint64_t now)
{
	return at == VDEV_NONE ? VDEV_NONE : vdev__sat_sub(at, now);
}

static void put_message(const struct vdev_zerocopy *z, const struct vdev_zerocopy_queue *q,
			uint32_t index, struct vdev__writer *w)
{
	const struct slot *s = &q->slots[index];
	const struct detail *d = &q->details[index];
	uint64_t word = atomic_load(&s->word);
	bool sent = word_state(word) == VDEV_ZEROCOPY_SENT;

	/* What began after it was reserved is not in the image, so that its mark has to be. */
	if (word_state(word) == VDEV_ZEROCOPY_RESERVED)
		word |= vdev__zerocopy_outlived(z, atomic_load(&d->deadline),
						size_flags(atomic_load(&s->size)) &
								VDEV_ZEROCOPY_RECEIVE
							? atomic_load(&d->epoch)
							: VDEV_NONE);
	vdev__put_u64(w, word);
	vdev__put_u64(w, atomic_load(&s->size));
	vdev__put_u64(w, sent ? left(atomic_load(&d->deadline), z->now) : VDEV_NONE);
	vdev__put_u64(w, d->address);
	vdev__put_u64(w, d->timeout_ns);
	vdev__put_u64(w, atomic_load(&d->epoch));
}

static void put_queue(const struct vdev_zerocopy *z, const struct vdev_zerocopy_queue *q,
		      struct vdev__writer *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i <= q->mask; i++)
		n += word_state(atomic_load(&q->slots[i].word)) != VDEV_ZEROCOPY_FREE;
	vdev__put_u32(w, q->mask + 1);
	vdev__put_u32(w, q->flags);
	vdev__put_u64(w, q->threshold);
	vdev__put_u64(w, q->sequence);
	vdev__put_u32(w, n);
	for (uint32_t i = 0; i <= q->mask; i++)
		if (word_state(atomic_load(&q->slots[i].word)) != VDEV_ZEROCOPY_FREE)
			put_message(z, q, i, w);
}

static void put_regions(const struct vdev_zerocopy *z, struct vdev__writer *w)
{
	vdev__put_u32(w, z->n_regions);
	for (uint32_t i = 0; i < z->n_regions; i++) {
		vdev__put_u64(w, z->regions[i].address);
		vdev__put_u64(w, z->regions[i].size);
		vdev__put_u64(w, z->regions[i].granule);
		vdev__put_u32(w, z->regions[i].flags);
	}
}

/* By address: where they stand in the map differs from object to object. -ENOMEM. */
static int put_pages(const struct pagemap *m, struct vdev__writer *w)
{
	struct page *pages;
	uint32_t n = 0;
	int error = vdev__pagemap_sorted(m, &pages, &n);

	if (error)
		return error;
	vdev__put_u32(w, n);
	for (uint32_t i = 0; i < n; i++) {
		vdev__put_u64(w, pages[i].address);
		vdev__put_u64(w, pages[i].epoch);
	}
	vdev__free(m->env, pages, m->count * sizeof(*pages));
	return 0;
}

static bool lent(const struct vdev_zerocopy *z, const struct op *op)
{
	return op->slot != NOBODY &&
	       word_state(atomic_load(&op_queue(z, op)->slots[op->slot].word)) ==
		       VDEV_ZEROCOPY_OFFLINING;
}

static void put_op(const struct vdev_zerocopy *z, uint32_t index, struct vdev__writer *w)
{
	const struct op *op = op_at(z, index);
	uint32_t flags = op->flags & OP_KEPT;

	if (op->flags & OP_OUT)
		flags |= OP_AGAIN;
	/* What was tried in vain is not in the image, so that what came of it has to be (Z11). */
	if (lent(z, op) && vdev__zerocopy_is_void(z, op))
		flags |= OP_REPLACED;
	vdev__put_u64(w, vdev__table_handle(&z->ops, index));
	vdev__put_u32(w, op->queue);
	vdev__put_u32(w, op->slot);
	vdev__put_u64(w, op->begin);
	vdev__put_u64(w, op->end);
	vdev__put_u64(w, op->epoch);
	vdev__put_u64(w, left(op->until, z->now));
	vdev__put_u64(w, op->flags & OP_PAUSED
				 ? left(vdev__deadlines_get(&z->deadlines, index), z->now)
				 : VDEV_NONE);
	vdev__put_u32(w, (uint32_t)op->status);
	vdev__put_u32(w, flags);
	vdev__put_u8(w, op->phase);
	vdev__put_u8(w, op->outcome);
	vdev__put_u8(w, (uint8_t)op->zero);
}

/* A CANCEL whose action has ended is not carried over. */
static bool kept(const struct vdev_zerocopy *z, uint32_t index)
{
	const struct op *op = vdev__table_at(&z->ops, index);

	return op && op->phase != OP_OVER;
}

static void put_ops(const struct vdev_zerocopy *z, struct vdev__writer *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < z->ops.high; i++)
		n += kept(z, i);
	vdev__put_u32(w, n);
	for (uint32_t i = 0; i < z->ops.high; i++)
		if (kept(z, i))
			put_op(z, i, w);
	vdev__put_u32(w, z->ops.high - n);
	for (uint32_t i = 0; i < z->ops.high; i++)
		if (!kept(z, i)) {
			vdev__put_u32(w, i);
			vdev__put_u64(w, vdev__table_generation(&z->ops, i));
		}
}

int vdev_zerocopy_save(struct vdev_zerocopy *z, uint64_t now_ns, void *buf, size_t size,
		       size_t *ret_size)
{
	struct vdev__writer w;
	int error;

	if (!z || !ret_size || (!buf && size))
		return -EINVAL;
	vdev__zerocopy_clock(z, now_ns);
	vdev__zerocopy_collect(z);
	for (uint32_t i = 0; i < z->n_queues; i++)
		if (z->queues[i]->held)
			return -ENOMEM;
	vdev__writer_init(&w, buf, size, VDEV_PART_ZEROCOPY, ZEROCOPY_IMAGE_VERSION);
	vdev__put_u64(&w, atomic_load(&z->epoch));
	vdev__put_u64(&w, z->whole_epoch);
	vdev__put_u8(&w, z->in_reset);
	vdev__put_u8(&w, z->reset_zero);
	put_regions(z, &w);
	vdev__put_u32(&w, z->n_queues);
	for (uint32_t i = 0; i < z->n_queues; i++)
		put_queue(z, z->queues[i], &w);
	error = put_pages(&z->map, &w);
	if (error)
		return error;
	put_ops(z, &w);
	return vdev__writer_finish(&w, ret_size);
}
