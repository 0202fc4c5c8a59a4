/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: what the readers of images share. */
#ifndef VDEV__ZEROCOPY_LOAD_H
#define VDEV__ZEROCOPY_LOAD_H

#include "image.h"
#include "internal.h"

struct loader {
	struct vdev_zerocopy *z;
	struct vdev__reader in;
	int error; /* of an allocation or a limit; damage is in `in` */
};

/* Handles of images are below it: actions stay apart from those of others, and generations do not run out. */
#define HANDLES ACTION_BITS

static inline bool bad(const struct loader *l)
{
	return l->error || l->in.error;
}

/* An error of a call that was made with values of the image. */
static inline void entered(struct loader *l, int error)
{
	if (error == -ENOMEM || error == -ENOSPC)
		l->error = error;
	else if (error)
		vdev__reader_fail(&l->in);
}

void vdev__zerocopy_get_op(struct loader *l);

#endif
