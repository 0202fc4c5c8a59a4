/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold of the paravirtual function after each operation. */
#ifndef FUZZ_PVDEV_H
#define FUZZ_PVDEV_H

#include <stdlib.h>

#include "pvdev/internal.h"

static void require(int ok)
{
	if (!ok)
		abort();
}

static void check_requests(const struct vdev_pvdev *p)
{
	uint32_t popped = 0, ejects = 0;

	for (uint32_t i = 0; i < p->n_requests; i++) {
		require(!i || p->requests[i].unit > p->requests[i - 1].unit);
		require(p->requests[i].unit && p->requests[i].cookie);
		popped += !p->requests[i].queued;
	}
	require(popped == p->n_popped);
	for (uint32_t i = 0; i < p->n_events; i++) {
		const struct pvdev_event *e = vdev__pvdev_event(p, i);
		const struct pvdev_request *q = e->unit ? vdev__pvdev_request(p, e->unit) : NULL;

		require(!e->unit || (q && q->queued && q->cookie == e->cookie));
		require(e->unit || e->kind != VDEV_GUEST_EVENT_EJECT || i == 0);
		ejects += e->unit != 0;
	}
	require(ejects == p->n_requests - p->n_popped);
}

/* What is on was turned on by a driver that is there, with rings that can be. */
static void check_queues(const struct vdev_pvdev *p)
{
	struct vdev_pvqueue_rings rings;

	for (uint32_t i = 0; i < p->config.queues; i++) {
		int state = vdev_pvdev_queue(p, i, &rings, sizeof(rings));

		if (state == VDEV_GUEST_QUEUE_ON || state == VDEV_GUEST_QUEUE_BROKEN)
			require(vdev__pvdev_ready(p) &&
				(p->driver_features & (uint32_t)VDEV_GUEST_F_MESSAGES));
		if (state != VDEV_GUEST_QUEUE_OFF)
			require(rings.size >= 2 && rings.size <= p->config.queue_size &&
				rings.events_size >= rings.size && rings.address % 64 == 0);
		require(state == VDEV_GUEST_QUEUE_ON || !(p->doorbells >> i & 1));
	}
	require(p->config.queues || !p->queue_irq);
}

#endif
