/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: which granules were replaced, and when (Z10). */
#ifndef VDEV__ZEROCOPY_PAGEMAP_H
#define VDEV__ZEROCOPY_PAGEMAP_H

#include <stdbool.h>
#include <stdint.h>

struct vdev_env;

/* Replaced granules: open addressing; epoch 0 with address NONE: empty. */
struct page {
	uint64_t address; /* VDEV_NONE: empty */
	uint64_t epoch; /* | PAGE_BUSY */
};
#define PAGE_BUSY (UINT64_C(1) << 63)

struct pagemap {
	const struct vdev_env *env;
	struct page *pages;
	uint32_t size, count;
};

void vdev__pagemap_init(struct pagemap *m, const struct vdev_env *env);
void vdev__pagemap_fini(struct pagemap *m);
/* Epoch in which the granule was replaced, with PAGE_BUSY; 0: never. */
uint64_t vdev__pagemap_get(const struct pagemap *m, uint64_t address);
bool vdev__pagemap_full(const struct pagemap *m, uint64_t more);
/* Makes room for `more` granules; entries of epochs up to `oldest` go. -ENOMEM (nothing changed). */
int vdev__pagemap_rebuild(struct pagemap *m, uint64_t more, uint64_t oldest);
/* There is room, or the granule is in the map. */
void vdev__pagemap_set(struct pagemap *m, uint64_t address, uint64_t epoch);
/* A copy of the replaced granules by address, of m->count entries of which *ret_count are in use: the caller
 * frees it. Those that are being replaced are told by their operation. -ENOMEM. */
int vdev__pagemap_sorted(const struct pagemap *m, struct page **ret_pages, uint32_t *ret_count);
/* Memory that is gone: none of it was ever replaced. */
void vdev__pagemap_forget(struct pagemap *m, uint64_t address, uint64_t size);

#endif
