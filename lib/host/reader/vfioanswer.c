/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration flags out of an answer of the kernel's VFIO. Pure. */
#include "vfioanswer.h"

#include <errno.h>
#include <string.h>

#include "reader.h"

#define FEATURE_MASK 0xffffu

_Static_assert(sizeof(struct vfio_answer) == VFIO_ANSWER, "no holes");

bool vfio_opened(int error, struct vfio_answer *a)
{
	if (error == EBUSY)
		a->state |= VFIO_OPEN;
	return !error || error == EBUSY;
}

bool vfio_parse(const uint8_t *answer, uint32_t size, struct wire_device *d)
{
	struct vfio_answer a;

	if (size != sizeof(a))
		return false;
	memcpy(&a, answer, sizeof(a));
	if ((a.flags & FEATURE_MASK) != MIGRATION_FEATURE || a.migration > 0xffff ||
	    a.state > (VFIO_OPEN | VFIO_LOGGING | VFIO_ASKED) || a.reserved)
		return false;
	d->vfio_open = a.state & VFIO_OPEN;
	if (a.state & VFIO_ASKED) {
		d->vfio_flags = (uint32_t)a.migration;
		d->dma_logging = a.state & VFIO_LOGGING ? 1 : 0;
	}
	return true;
}
