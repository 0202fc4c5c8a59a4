/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: when which granule was replaced (Z10).
 *
 * Only replaced granules are in it, and only as long as a message may be in flight that was sent
 * before. A hash table by address, linear probing, built anew when it is full.
 */
#include "internal.h"

#define FIRST_SIZE 64u
#define MIX UINT64_C(0x9e3779b97f4a7c15)

/* A guest chooses which granules are replaced: the factor depends on where the map's owner is, so that it
 * cannot choose such that stand in one heap. */
static uint32_t place(const struct pagemap *m, uint64_t address)
{
	uint64_t h = (address >> 12) * ((uint64_t)(uintptr_t)m->env * MIX | 1u);
	uint32_t i = (uint32_t)((h ^ h >> 32) * MIX >> 32) & (m->size - 1);

	while (m->pages[i].address != VDEV_NONE && m->pages[i].address != address)
		i = (i + 1) & (m->size - 1);
	return i;
}

void vdev__pagemap_init(struct pagemap *m, const struct vdev_env *env)
{
	memset(m, 0, sizeof(*m));
	m->env = env;
}

void vdev__pagemap_fini(struct pagemap *m)
{
	vdev__free(m->env, m->pages, (size_t)m->size * sizeof(*m->pages));
}

uint64_t vdev__pagemap_get(const struct pagemap *m, uint64_t address)
{
	return m->count ? m->pages[place(m, address)].epoch : 0;
}

static bool kept(const struct page *p, uint64_t oldest)
{
	return p->address != VDEV_NONE && (p->epoch & PAGE_BUSY || p->epoch > oldest);
}

bool vdev__pagemap_full(const struct pagemap *m, uint64_t more)
{
	return (m->count + more) * 2 > m->size;
}

int vdev__pagemap_rebuild(struct pagemap *m, uint64_t more, uint64_t oldest)
{
	struct pagemap n = {.env = m->env, .size = FIRST_SIZE};
	uint64_t live = 0, need;

	for (uint32_t i = 0; i < m->size; i++)
		live += kept(&m->pages[i], oldest);
	need = live + more;
	if (need > UINT32_C(1) << 29)
		return -ENOMEM;
	while (n.size < need * 4) /* room to grow before it is built anew again */
		n.size *= 2;
	n.pages = vdev__alloc(n.env, n.size, sizeof(*n.pages));
	if (!n.pages)
		return -ENOMEM;
	for (uint32_t i = 0; i < n.size; i++)
		n.pages[i].address = VDEV_NONE;
	for (uint32_t i = 0; i < m->size; i++)
		if (kept(&m->pages[i], oldest))
			vdev__pagemap_set(&n, m->pages[i].address, m->pages[i].epoch);
	vdev__pagemap_fini(m);
	*m = n;
	return 0;
}

void vdev__pagemap_set(struct pagemap *m, uint64_t address, uint64_t epoch)
{
	struct page *p = &m->pages[place(m, address)];

	m->count += p->address == VDEV_NONE;
	p->address = address;
	p->epoch = epoch;
}

void vdev__pagemap_forget(struct pagemap *m, uint64_t address, uint64_t size)
{
	for (uint32_t i = 0; i < m->size; i++)
		if (m->pages[i].address - address < size)
			m->pages[i].epoch = 0;
}

/* Of a heap, the largest on top: puts entry `at` where it belongs among the first n. */
static void sift(struct page *pages, uint32_t at, uint32_t n)
{
	struct page p = pages[at];

	for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && pages[child].address < pages[child + 1].address)
			child++;
		if (pages[child].address <= p.address)
			break;
		pages[at] = pages[child];
	}
	pages[at] = p;
}

static void sort(struct page *pages, uint32_t n)
{
	for (uint32_t i = n / 2; i--;)
		sift(pages, i, n);
	while (n > 1) {
		struct page largest = pages[0];

		pages[0] = pages[--n];
		pages[n] = largest;
		sift(pages, 0, n);
	}
}

int vdev__pagemap_sorted(const struct pagemap *m, struct page **ret_pages, uint32_t *ret_count)
{
	struct page *pages;
	uint32_t n = 0;

	*ret_pages = NULL;
	*ret_count = 0;
	if (!m->count)
		return 0;
	pages = vdev__alloc(m->env, m->count, sizeof(*pages));
	if (!pages)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->size; i++) {
		uint64_t epoch = m->pages[i].epoch & ~PAGE_BUSY;

		if (m->pages[i].address != VDEV_NONE && epoch)
			pages[n++] = (struct page){m->pages[i].address, epoch};
	}
	sort(pages, n);
	*ret_pages = pages;
	*ret_count = n;
	return 0;
}
