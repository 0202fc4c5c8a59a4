/* SPDX-License-Identifier: BSD-3-Clause */
/* Regions of guest RAM: what may be one, and how it is registered. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define FLAGS (VDEV_PAGES_PEERS | VDEV_PAGES_DMA | VDEV_PAGES_INHERIT)

struct region *vdev__pages_by_guest(struct vdev_pages *p, uint64_t address)
{
	uint32_t i;

	for (i = 0; i < p->config.max_regions; i++) {
		struct region *r = &p->regions[i];

		if (r->granule && address - r->r.guest_address < r->r.size_bytes)
			return r;
	}
	return NULL;
}

struct region *vdev__pages_by_host(struct vdev_pages *p, uint64_t address)
{
	uint32_t i;

	for (i = 0; i < p->config.max_regions; i++) {
		struct region *r = &p->regions[i];

		if (r->granule && address - r->r.host_address < r->r.size_bytes)
			return r;
	}
	return NULL;
}

static uint64_t granule_of(const struct region *r, uint64_t host)
{
	return (host - r->r.host_address) / r->granule;
}

int vdev__region_moved(const struct region *r, uint64_t host)
{
	uint64_t n = granule_of(r, host);

	return r->moved_count && r->moved[n / 64] >> n % 64 & 1;
}

void vdev__region_move(struct vdev_pages *p, struct region *r, uint64_t host, uint64_t bytes)
{
	uint64_t at;

	pthread_mutex_lock(&p->serve_lock);
	for (at = host; at < host + bytes; at += r->granule) {
		uint64_t n = granule_of(r, at), bit = UINT64_C(1) << n % 64;

		if (r->moved[n / 64] & bit)
			continue;
		r->moved[n / 64] |= bit;
		r->moved_count++;
		p->stats.moved_bytes += r->granule;
	}
	pthread_mutex_unlock(&p->serve_lock);
}

int vdev__region_dress(struct vdev_pages *p, const struct region *r, uint64_t host, uint64_t bytes)
{
	int err = p->uffd >= 0 ? vdev__uffd_register(p, host, bytes, r->live) : 0;

	if (r->dontfork)
		madvise((void *)(uintptr_t)host, bytes, MADV_DONTFORK);
	return err;
}

static int overlaps(const struct vdev_pages *p, const struct vdev_pages_region *r)
{
	uint32_t i;

	for (i = 0; i < p->config.max_regions; i++) {
		const struct vdev_pages_region *o = &p->regions[i].r;

		if (p->regions[i].granule &&
		    ((r->guest_address < o->guest_address + o->size_bytes &&
		      o->guest_address < r->guest_address + r->size_bytes) ||
		     (r->host_address < o->host_address + o->size_bytes &&
		      o->host_address < r->host_address + r->size_bytes)))
			return 1;
	}
	return 0;
}

static int check(const struct vdev_pages_region *r, uint64_t granule)
{
	if (r->flags & ~FLAGS || !r->kind || r->kind > VDEV_PAGES_GUEST_MEMFD || r->fd < -1 ||
	    (r->kind == VDEV_PAGES_ANON && r->fd >= 0) ||
	    (r->kind == VDEV_PAGES_MEMFD && r->fd < 0) || !r->host_address || !r->size_bytes ||
	    r->guest_address > UINT64_MAX - r->size_bytes ||
	    r->host_address > UINTPTR_MAX - r->size_bytes ||
	    (r->fd < 0 ? r->fd_offset != 0 : r->fd_offset > INT64_MAX - r->size_bytes))
		return -EINVAL;
	return (r->guest_address | r->size_bytes | r->host_address | r->fd_offset) & (granule - 1)
		       ? -EINVAL
		       : 0;
}

/* What Z12 refuses and no mapping tells. */
static int check_others(struct vdev_pages *p, const struct vdev_pages_region *r)
{
	if (r->kind == VDEV_PAGES_GUEST_MEMFD)
		return vdev__pages_because(p, -EOPNOTSUPP,
					   "region 0x%" PRIx64
					   ": guest_memfd: its pages cannot be replaced",
					   r->guest_address);
	if (r->flags & VDEV_PAGES_DMA && !p->config.dma)
		return vdev__pages_because(
			p, -EOPNOTSUPP,
			"region 0x%" PRIx64
			": VFIO or iommufd maps it, and there is no dma() hook that "
			"points them to the new pages",
			r->guest_address);
	return 0;
}

static int check_huge(struct vdev_pages *p, struct region *r, const struct mappings *m)
{
	if (r->r.kind != VDEV_PAGES_MEMFD)
		return 0;
	r->huge = (uint8_t)vdev__pages_huge(m);
	if (r->huge && r->r.flags & VDEV_PAGES_PEERS)
		return vdev__pages_because(
			p, -EOPNOTSUPP,
			"region 0x%" PRIx64
			": its file may have huge folios, which do not let go of a page; "
			"what replaces them peers would not see. Forbid huge shmem pages, or use "
			"hugetlb",
			r->r.guest_address);
	if (!r->huge)
		madvise((void *)(uintptr_t)r->r.host_address, r->r.size_bytes, MADV_NOHUGEPAGE);
	return 0;
}

static int take_in(struct vdev_pages *p, struct region *r, const struct mappings *m)
{
	void *host = (void *)(uintptr_t)r->r.host_address;
	int err = 0;

	r->live = p->uffd >= 0 && (r->r.kind == VDEV_PAGES_ANON || p->file_wp);
	if (p->uffd >= 0)
		err = vdev__uffd_register(p, r->r.host_address, r->r.size_bytes, r->live);
	if (err)
		return vdev__pages_because(p, err, "region 0x%" PRIx64 ": UFFDIO_REGISTER: %s%s",
					   r->r.guest_address, strerror(-err),
					   err == -EBUSY ? "; another userfaultfd watches it" : "");
	if (!(r->r.flags & VDEV_PAGES_INHERIT) && !m->dontfork)
		r->dontfork = !madvise(host, r->r.size_bytes, MADV_DONTFORK);
	return 0;
}

static int add(struct vdev_pages *p, struct region *r)
{
	uint64_t words;
	struct mappings m = {0};
	int err = check_others(p, &r->r);

	if (!err)
		err = vdev__pages_look(p, &r->r, &m);
	if (!err)
		err = check(&r->r, m.page_bytes);
	if (!err)
		err = check_huge(p, r, &m);
	if (!err && m.page_bytes > p->zeros_bytes)
		err = vdev__pages_buffers(p, m.page_bytes);
	if (err)
		return err;
	r->granule = m.page_bytes;
	words = (r->r.size_bytes / r->granule + 63) / 64;
	r->moved = vdev__alloc(&p->env, words, sizeof(*r->moved));
	if (!r->moved)
		return -ENOMEM;
	err = take_in(p, r, &m);
	if (err)
		vdev__free(&p->env, r->moved, words * sizeof(*r->moved));
	return err;
}

static struct region *find_free(struct vdev_pages *p)
{
	uint32_t i;

	for (i = 0; i < p->config.max_regions; i++)
		if (!p->regions[i].granule)
			return &p->regions[i];
	return NULL;
}

int vdev_pages_add(struct vdev_pages *pages, const struct vdev_pages_region *region)
{
	struct region made = {.granule = 0}, *slot;
	int err = vdev__copy_in(&made.r, sizeof(made.r), sizeof(made.r), region);

	if (!err)
		err = pages ? check(&made.r, VDEV__PAGES_PAGE) : -EINVAL;
	if (err)
		return err;
	pthread_mutex_lock(&pages->lock);
	slot = find_free(pages);
	if (!slot)
		err = -ENOSPC;
	else if (overlaps(pages, &made.r))
		err = -EEXIST;
	else
		err = add(pages, &made);
	if (!err) {
		pthread_mutex_lock(&pages->serve_lock);
		*slot = made;
		pthread_mutex_unlock(&pages->serve_lock);
		pages->stats.regions++;
		pages->stats.bytes += made.r.size_bytes;
	}
	pthread_mutex_unlock(&pages->lock);
	return err;
}

static void take_out(struct vdev_pages *p, struct region *r)
{
	struct region gone = *r;

	/* After this nobody waits for a fault of it any more. */
	if (p->uffd >= 0)
		vdev__uffd_unregister(p, r->r.host_address, r->r.size_bytes);
	pthread_mutex_lock(&p->serve_lock);
	memset(r, 0, sizeof(*r));
	p->stats.moved_bytes -= gone.moved_count * gone.granule;
	p->stats.left_bytes -= gone.left_bytes;
	pthread_mutex_unlock(&p->serve_lock);
	if (gone.dontfork)
		madvise((void *)(uintptr_t)gone.r.host_address, gone.r.size_bytes, MADV_DOFORK);
	vdev__free(&p->env, gone.moved, (gone.r.size_bytes / gone.granule + 63) / 64 * 8);
	p->stats.regions--;
	p->stats.bytes -= gone.r.size_bytes;
}

int vdev_pages_remove(struct vdev_pages *pages, uint64_t guest_address)
{
	struct region *r;

	if (!pages)
		return -EINVAL;
	pthread_mutex_lock(&pages->lock);
	r = vdev__pages_by_guest(pages, guest_address);
	if (r && r->r.guest_address != guest_address)
		r = NULL;
	if (r)
		take_out(pages, r);
	pthread_mutex_unlock(&pages->lock);
	return r ? 0 : -ENOENT;
}

int vdev_pages_get(struct vdev_pages *pages, uint64_t guest_address,
		   struct vdev_pages_info *ret_info, size_t size)
{
	struct vdev_pages_info info = {0};
	const struct region *r;

	if (!pages)
		return -EINVAL;
	pthread_mutex_lock(&pages->lock);
	r = vdev__pages_by_guest(pages, guest_address);
	if (r)
		info = (struct vdev_pages_info){
			.guest_address = r->r.guest_address,
			.size_bytes = r->r.size_bytes,
			.host_address = r->r.host_address,
			.granule_bytes = r->granule,
			.moved_bytes = r->moved_count * r->granule,
			.flags = r->r.flags,
			.kind = r->r.kind,
			.mechanism = r->huge ? VDEV_PAGES_REMAP : pages->mechanism,
			.live = r->live,
		};
	pthread_mutex_unlock(&pages->lock);
	return r ? vdev__copy_out(ret_info, size, &info, sizeof(info)) : -ENOENT;
}
