/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that reach a range by DMA: the VMM unmaps it before its pages change, and maps it anew. */
/* ANALYZER: whether each of up to 256 pieces failed is a path of its own; nothing is allocated here. */
#include <inttypes.h>
#include <string.h>

#include "internal.h"

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

void vdev__batch_dma_out(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; i < p->piece_count; i++) {
		struct piece *piece = &p->pieces[i];

		if (!(piece->region->r.flags & VDEV_PAGES_DMA))
			continue;
		piece->status = dma(p, piece, 0);
		piece->dma_out = vdev__piece_alive(piece);
	}
}

void vdev__batch_dma_in(struct vdev_pages *p)
{
	uint32_t i;
	int err;

	for (i = 0; i < p->piece_count; i++) {
		err = p->pieces[i].dma_out ? dma(p, &p->pieces[i], 1) : 0;
		if (!p->pieces[i].status)
			p->pieces[i].status = err;
	}
}
