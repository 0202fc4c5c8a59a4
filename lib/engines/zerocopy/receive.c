/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: when what was received is void (Z11).
 *
 * A destination writes into the pages that it was given. If the guest has others by then, or may have, it must not
 * take what it finds there for what was received, also where the message is complete in time.
 */
#include "internal.h"

bool vdev__zerocopy_receives(const struct vdev_zerocopy *z, const struct op *op)
{
	uint64_t size = atomic_load(&op_queue(z, op)->slots[op->slot].size);

	return (size_flags(size) & VDEV_ZEROCOPY_RECEIVE) != 0;
}

bool vdev__zerocopy_is_void(const struct vdev_zerocopy *z, const struct op *op)
{
	const struct vdev_zerocopy_queue *q = op_queue(z, op);
	const struct detail *d = &q->details[op->slot];
	uint64_t epoch = atomic_load(&d->epoch);
	struct span s = vdev__zerocopy_span(z, d->address,
					    size_length(atomic_load(&q->slots[op->slot].size)));

	if (!vdev__zerocopy_receives(z, op) || op->flags & OP_EARLY)
		return false;
	/* Also who was sent while the whole VM was being replaced: pinned when, nobody knows. */
	if (atomic_load(&z->void_epoch) >= epoch)
		return true;
	for (uint64_t a = s.begin; a < s.end; a += s.granule)
		if ((vdev__pagemap_get(&z->map, a) & ~PAGE_BUSY) > epoch)
			return true;
	return false;
}

void vdev__zerocopy_touched(struct vdev_zerocopy *z, struct op *op, int status)
{
	if (op->slot == NOBODY) {
		atomic_store(&z->void_epoch, op->epoch);
		/* Who is sent from now on has nothing to do with it. */
		atomic_fetch_add(&z->epoch, 1);
	} else if (status && vdev__zerocopy_receives(z, op) &&
		   op->end - op->begin > vdev__zerocopy_span(z, op->begin, 1).granule) {
		op->flags |= OP_REPLACED;
	}
}
