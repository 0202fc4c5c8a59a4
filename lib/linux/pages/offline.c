/* SPDX-License-Identifier: BSD-3-Clause */
/* Replacing ranges, and the whole VM; the actions of the zero-copy engine. */
/* ANALYZER: the checks of Z12 times two loops over ranges; nothing is allocated here. */
#include <errno.h>
#include <inttypes.h>

#include "internal.h"

/* Who could write or look at a page while it is replaced (Z12)? */
static int allowed(struct vdev_pages *p, const struct region *r, uint32_t mode)
{
	uint64_t at = r->r.guest_address;

	if (mode == VDEV_ZEROCOPY_RESET)
		return 0;
	if (r->r.flags & VDEV_PAGES_PEERS && p->uffd < 0)
		return vdev__pages_because(p, -EOPNOTSUPP,
					   "region 0x%" PRIx64
					   ": PRESERVE: peers would not see pages moved by mremap",
					   at);
	if (r->r.flags & VDEV_PAGES_PEERS && !(p->stopped & VDEV_PAGES_PEERS_STOPPED))
		return vdev__pages_because(
			p, -EOPNOTSUPP,
			"region 0x%" PRIx64
			": PRESERVE: peers would see a hole and write into it; stop their rings",
			at);
	if (r->r.kind == VDEV_PAGES_HUGETLB && p->uffd < 0)
		return vdev__pages_because(
			p, -EOPNOTSUPP,
			"region 0x%" PRIx64 ": PRESERVE of hugetlb needs a userfaultfd", at);
	if (!r->live && !(p->stopped & VDEV_PAGES_GUEST_STOPPED))
		return vdev__pages_because(p, -EOPNOTSUPP,
					   "region 0x%" PRIx64
					   ": PRESERVE: without a userfaultfd nothing makes "
					   "writers wait; stop the guest",
					   at);
	return 0;
}

static int add_range(struct vdev_pages *p, const struct vdev_pages_range *range, uint32_t index)
{
	struct region *r;
	uint64_t offset;
	int err;

	if ((range->mode != VDEV_ZEROCOPY_PRESERVE && range->mode != VDEV_ZEROCOPY_RESET) ||
	    range->reserved || !range->size_bytes)
		return -EINVAL;
	r = vdev__pages_by_guest(p, range->guest_address);
	if (!r)
		return -EFAULT;
	offset = range->guest_address - r->r.guest_address;
	if (range->size_bytes > r->r.size_bytes - offset)
		return -EFAULT;
	if ((offset | range->size_bytes) & (r->granule - 1))
		return -EINVAL;
	err = allowed(p, r, range->mode);
	if (!err)
		vdev__batch_add(p, r, r->r.host_address + offset, range->size_bytes, range->mode,
				index,
				range->mode == VDEV_ZEROCOPY_PRESERVE ||
					range->size_bytes <= p->copy_bytes);
	return err;
}

/* The status of each range: the caller's array, or one that is enough to count. */
static int offline(struct vdev_pages *p, const struct vdev_pages_range *ranges, uint32_t count,
		   int *status)
{
	uint32_t i;
	int good = 0;

	for (i = 0; i < count; i++)
		status[i] = 0;
	p->ret_status = status;
	for (i = 0; i < count; i++) {
		int err = add_range(p, &ranges[i], i);

		if (err)
			status[i] = err;
	}
	vdev__batch_run(p);
	for (i = 0; i < count; i++)
		good += !status[i];
	p->stats.failed += count - (uint32_t)good;
	return good;
}

int vdev_pages_offline(struct vdev_pages *pages, const struct vdev_pages_range *ranges,
		       uint32_t count, int *ret_status)
{
	int some[VDEV__PAGES_BATCH], good = 0;
	uint32_t n;

	if (!pages || !ranges || !count || count > INT32_MAX)
		return -EINVAL;
	pthread_mutex_lock(&pages->lock);
	if (ret_status)
		good = offline(pages, ranges, count, ret_status);
	for (; !ret_status && count; ranges += n, count -= n) {
		n = count > VDEV__PAGES_BATCH ? VDEV__PAGES_BATCH : count;
		good += offline(pages, ranges, n, some);
	}
	pthread_mutex_unlock(&pages->lock);
	return good;
}

static int offline_region(struct vdev_pages *p, struct region *r, uint32_t mode)
{
	uint64_t at = r->r.host_address;
	struct span s = {0};
	struct holes h;
	int status = allowed(p, r, mode);

	if (status)
		return status;
	/* cppcheck-suppress autoVariables ; of this call only, taken back below */
	p->ret_status = &status;
	if (mode == VDEV_ZEROCOPY_RESET) {
		vdev__batch_add(p, r, at, r->r.size_bytes, mode, 0, 0);
	} else {
		vdev__holes_open(&h, r);
		for (; vdev__holes_next(&h, at, &s); at = s.end)
			vdev__batch_add(p, r, s.begin, s.end - s.begin, mode, 0, 1);
		vdev__holes_close(&h);
	}
	vdev__batch_run(p);
	p->ret_status = NULL;
	return status;
}

int vdev_pages_offline_all(struct vdev_pages *pages, uint32_t mode)
{
	int first = 0, err;
	uint32_t i;

	if (!pages || (mode != VDEV_ZEROCOPY_PRESERVE && mode != VDEV_ZEROCOPY_RESET))
		return -EINVAL;
	pthread_mutex_lock(&pages->lock);
	for (i = 0; i < pages->config.max_regions; i++) {
		if (!pages->regions[i].granule)
			continue;
		err = offline_region(pages, &pages->regions[i], mode);
		pages->stats.failed += err != 0;
		if (!first)
			first = err;
	}
	pthread_mutex_unlock(&pages->lock);
	return first;
}

static int perform_offline(struct vdev_pages *p, const struct vdev_action *a)
{
	struct vdev_pages_range range = {.guest_address = a->arg[0],
					 .size_bytes = a->arg[1],
					 .mode = a->arg[2] <= UINT32_MAX ? (uint32_t)a->arg[2] : 0};
	int status = 0;

	if (a->flags & VDEV_ZEROCOPY_WHOLE)
		status = vdev_pages_offline_all(p, range.mode);
	else
		vdev_pages_offline(p, &range, 1, &status);
	return status == -EOPNOTSUPP ? -EIO : status; /* not to be read as "not mine" */
}

int vdev_pages_perform(struct vdev_pages *pages, const struct vdev_action *action)
{
	if (!pages || !action)
		return -EINVAL;
	switch (action->kind) {
	case VDEV_ZEROCOPY_OFFLINE:
		return perform_offline(pages, action);
	case VDEV_ZEROCOPY_RELEASE:
		return 0; /* the consumer's reference was all that held the old pages */
	default:
		return -EOPNOTSUPP;
	}
}

static int perform(void *backend, const struct vdev_action *action)
{
	return vdev_pages_perform(backend, action);
}

const struct vdev_backend_ops *vdev_pages_ops(void)
{
	static const struct vdev_backend_ops ops = {
		.struct_size = sizeof(ops),
		.name = "pages",
		.perform = perform,
	};

	return &ops;
}
