/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events that wait for the driver, and requests that it has not answered.
 *
 * An EJECT in the queue and its request are two records: the event goes when the driver pops it, the
 * request stays until it is answered or taken back. See the invariants in internal.h.
 */
#include <string.h>

#include "internal.h"

/* Index of the first request that is not below unit. */
static uint32_t lower_bound(const struct vdev_pvdev *p, uint64_t unit)
{
	uint32_t low = 0, high = p->n_requests;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (p->requests[mid].unit < unit)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct pvdev_request *vdev__pvdev_request(const struct vdev_pvdev *p, uint64_t unit)
{
	uint32_t i = lower_bound(p, unit);

	return i < p->n_requests && p->requests[i].unit == unit ? &p->requests[i] : NULL;
}

/* The caller asked for room and knows that there is no request of this unit. */
struct pvdev_request *vdev__pvdev_request_add(struct vdev_pvdev *p, uint64_t unit)
{
	struct pvdev_request *r = &p->requests[lower_bound(p, unit)];
	size_t behind = (size_t)(&p->requests[p->n_requests] - r);

	memmove(r + 1, r, behind * sizeof(*r));
	p->n_requests++;
	*r = (struct pvdev_request){.unit = unit, .cookie = p->next_cookie, .queued = 1};
	if (!++p->next_cookie)
		p->next_cookie = 1;
	return r;
}

void vdev__pvdev_request_end(struct vdev_pvdev *p, struct pvdev_request *request)
{
	size_t behind = (size_t)(&p->requests[p->n_requests] - request) - 1;

	if (request->queued)
		vdev__pvdev_unqueue(p, request->unit);
	else
		p->n_popped--;
	memmove(request, request + 1, behind * sizeof(*request));
	p->n_requests--;
}

/* The head stays, for the driver may have read half of it: it becomes an EJECT without a request. */
void vdev__pvdev_unqueue(struct vdev_pvdev *p, uint64_t unit)
{
	uint32_t i = 0;

	while (i < p->n_events && vdev__pvdev_event(p, i)->unit != unit)
		i++;
	if (i == 0 && p->n_events) {
		vdev__pvdev_event(p, 0)->unit = 0;
		return;
	}
	for (; i + 1 < p->n_events; i++)
		*vdev__pvdev_event(p, i) = *vdev__pvdev_event(p, i + 1);
	p->n_events--;
}

void vdev__pvdev_flush(struct vdev_pvdev *p)
{
	p->head = p->n_events = 0;
	p->n_requests = p->n_popped = 0;
}

void vdev__pvdev_pop(struct vdev_pvdev *p)
{
	struct pvdev_request *r;
	uint64_t unit;

	if (!p->n_events)
		return;
	unit = vdev__pvdev_event(p, 0)->unit;
	r = unit ? vdev__pvdev_request(p, unit) : NULL;
	if (r && r->queued) {
		r->queued = 0;
		p->n_popped++;
	}
	p->head = (p->head + 1) % (p->config.max_events + 1u);
	p->n_events--;
}

/* An operation can end without UNWARN: forced, reset, or a set of actions that has no undo. */
static bool is_over(const struct vdev_pvdev *p, uint64_t unit)
{
	struct vdev_removal_info info;

	return vdev_removal_get(p->config.removal, unit, &info, sizeof(info)) < 0 ||
	       info.state != VDEV_REMOVAL_PENDING;
}

static void sweep(struct vdev_pvdev *p)
{
	uint32_t i = p->n_requests;

	while (i--)
		if (is_over(p, p->requests[i].unit))
			vdev__pvdev_request_end(p, &p->requests[i]);
}

static bool full(const struct vdev_pvdev *p)
{
	return p->n_events + p->n_popped >= p->config.max_events;
}

bool vdev__pvdev_room(struct vdev_pvdev *p)
{
	if (full(p))
		sweep(p);
	return !full(p);
}

int vdev__pvdev_push(struct vdev_pvdev *p, const struct pvdev_event *event)
{
	*vdev__pvdev_event(p, p->n_events++) = *event;
	p->stats.events++;
	return p->n_events == 1 && p->irq_enable ? VDEV_PVDEV_RAISE : 0;
}
