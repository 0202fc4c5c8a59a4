/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Image of the function: registers, quota, requests, events.
 *
 * Everything is checked as if a guest had written it. What can be derived is not stored: which
 * requests are still queued follows from the events.
 */
#include "image.h"
#include "internal.h"

#define VERSION 2u /* 1 had no queues of messages */
#define REQUEST_BYTES 16u
#define EVENT_BYTES 24u
#define QUEUE_BYTES 28u

static void put_registers(struct vdev__writer *w, const struct vdev_pvdev *p, uint64_t now)
{
	vdev__put_u32(w, p->status);
	vdev__put_u32(w, p->driver_features);
	vdev__put_u32(w, p->irq_enable);
	vdev__put_u32(w, p->lost);
	vdev__put_u32(w, p->address);
	vdev__put_u32(w, p->argument);
	vdev__put_u32(w, p->cookie);
	vdev__put_u32(w, p->result);
	vdev__put_u32(w, p->next_cookie);
	vdev__put_u32(w, p->used);
	vdev__put_u64(w, vdev__sat_sub(p->period_end, now));
}

static void put_queue(struct vdev__writer *w, const struct vdev_pvdev *p)
{
	vdev__put_u32(w, p->n_requests);
	for (uint32_t i = 0; i < p->n_requests; i++) {
		vdev__put_u64(w, p->requests[i].unit);
		vdev__put_u32(w, p->requests[i].cookie);
		vdev__put_u32(w, p->requests[i].address);
	}
	vdev__put_u32(w, p->n_events);
	for (uint32_t i = 0; i < p->n_events; i++) {
		const struct pvdev_event *e = vdev__pvdev_event(p, i);

		vdev__put_u64(w, e->unit);
		vdev__put_u32(w, e->kind);
		vdev__put_u32(w, e->address);
		vdev__put_u32(w, e->cookie);
		vdev__put_u32(w, e->time_ms);
	}
}

static void put_queues(struct vdev__writer *w, const struct vdev_pvdev *p)
{
	vdev__put_u32(w, p->select);
	vdev__put_u32(w, p->queue_irq);
	vdev__put_u64(w, p->doorbells);
	vdev__put_u32(w, p->config.queues);
	for (uint32_t i = 0; i < p->config.queues; i++) {
		const struct pvdev_queue *q = &p->queues[i];

		vdev__put_u32(w, q->state);
		vdev__put_u32(w, q->size);
		vdev__put_u32(w, q->events_size);
		vdev__put_u32(w, q->address[0]);
		vdev__put_u32(w, q->address[1]);
		vdev__put_u32(w, q->events[0]);
		vdev__put_u32(w, q->events[1]);
	}
}

int vdev_pvdev_save(const struct vdev_pvdev *pvdev, uint64_t now_ns, void *buf, size_t size,
		    size_t *ret_size)
{
	struct vdev__writer w;

	if (!pvdev || !ret_size || (!buf && size))
		return -EINVAL;
	vdev__writer_init(&w, buf, size, VDEV_PART_PVDEV, VERSION);
	put_registers(&w, pvdev, now_ns > pvdev->now ? now_ns : pvdev->now);
	put_queue(&w, pvdev);
	put_queues(&w, pvdev);
	return vdev__writer_finish(&w, ret_size);
}

static bool status_ok(uint32_t status)
{
	uint32_t bits = status & ~PVDEV_FAILED;

	/* Bits are set lowest first: 0, 1, 3, 7. */
	return bits <= PVDEV_READY && (bits & (bits + 1)) == 0;
}

static void get_quota(struct vdev__reader *r, struct vdev_pvdev *p)
{
	uint32_t used = vdev__get_u32(r);
	uint64_t left = vdev__get_u64(r);

	/* The configuration may be another one than that of the saved object. */
	p->used = used < p->config.command_quota ? used : p->config.command_quota;
	p->period_end = vdev__sat_add(
		p->now, left < p->config.quota_period_ns ? left : p->config.quota_period_ns);
}

static void get_registers(struct vdev__reader *r, struct vdev_pvdev *p)
{
	p->status = vdev__get_u32(r);
	p->driver_features = vdev__get_u32(r);
	p->irq_enable = vdev__get_u32(r);
	p->lost = vdev__get_u32(r);
	p->address = vdev__get_u32(r);
	p->argument = vdev__get_u32(r);
	p->cookie = vdev__get_u32(r);
	p->result = vdev__get_u32(r);
	p->next_cookie = vdev__get_u32(r);
	get_quota(r, p);
	if (!status_ok(p->status) || p->irq_enable > 1 || p->result > VDEV_GUEST_R_QUOTA ||
	    !p->next_cookie)
		vdev__reader_fail(r);
}

/* Sorted, so that no unit comes twice. */
static bool request_ok(const struct vdev_pvdev *p, const struct pvdev_request *q)
{
	uint64_t before = p->n_requests ? p->requests[p->n_requests - 1].unit : 0;

	return q->unit > before && q->cookie && q->address != VDEV_GUEST_ALL;
}

static int get_requests(struct vdev__reader *r, struct vdev_pvdev *p)
{
	uint32_t n = vdev__get_count(r, REQUEST_BYTES);

	if (n > p->config.max_events)
		return -ENOSPC;
	for (uint32_t i = 0; i < n; i++) {
		struct pvdev_request q = {.unit = vdev__get_u64(r)};

		q.cookie = vdev__get_u32(r);
		q.address = vdev__get_u32(r);
		if (!request_ok(p, &q))
			return vdev__reader_fail(r);
		p->requests[p->n_requests++] = q;
	}
	p->n_popped = n;
	return 0;
}

/* An EJECT belongs to a request, once; only at the head it may have lost it. */
static bool eject_ok(struct vdev_pvdev *p, const struct pvdev_event *e)
{
	struct pvdev_request *q = vdev__pvdev_request(p, e->unit);

	if (!e->cookie || e->address == VDEV_GUEST_ALL)
		return false;
	if (!e->unit)
		return p->n_events == 0;
	if (!q || q->queued || q->cookie != e->cookie)
		return false;
	q->queued = 1;
	p->n_popped--;
	return true;
}

static bool event_ok(struct vdev_pvdev *p, const struct pvdev_event *e)
{
	switch (e->kind) {
	case VDEV_GUEST_EVENT_EJECT:
		return eject_ok(p, e);
	case VDEV_GUEST_EVENT_EJECT_CANCELLED:
		return !e->unit && e->cookie && e->address != VDEV_GUEST_ALL;
	case VDEV_GUEST_EVENT_REDECLARE:
	case VDEV_GUEST_EVENT_DEVICE_ADDED:
		return !e->unit && !e->cookie;
	default:
		return false;
	}
}

static int get_events(struct vdev__reader *r, struct vdev_pvdev *p)
{
	uint32_t n = vdev__get_count(r, EVENT_BYTES), spare;

	if (n > p->config.max_events + 1u)
		return -ENOSPC;
	for (uint32_t i = 0; i < n; i++) {
		struct pvdev_event e = {.unit = vdev__get_u64(r)};

		e.kind = vdev__get_u32(r);
		e.address = vdev__get_u32(r);
		e.cookie = vdev__get_u32(r);
		e.time_ms = vdev__get_u32(r);
		if (!event_ok(p, &e))
			return vdev__reader_fail(r);
		p->events[p->n_events++] = e;
	}
	/* the place beyond the limit is for what takes an EJECT at the head back */
	spare = n && p->events[0].kind == VDEV_GUEST_EVENT_EJECT && !p->events[0].unit;
	return n + p->n_popped > p->config.max_events + spare ? -ENOSPC : 0;
}

/* A queue that was on had rings that could be; here they must also be within what is offered. */
static int get_queue(struct vdev__reader *r, struct vdev_pvdev *p, struct pvdev_queue *q)
{
	q->state = vdev__get_u32(r);
	q->size = vdev__get_u32(r);
	q->events_size = vdev__get_u32(r);
	q->address[0] = vdev__get_u32(r);
	q->address[1] = vdev__get_u32(r);
	q->events[0] = vdev__get_u32(r);
	q->events[1] = vdev__get_u32(r);
	if (q->state > VDEV_GUEST_QUEUE_BROKEN)
		return vdev__reader_fail(r);
	if (q->state != VDEV_GUEST_QUEUE_OFF && q->size > p->config.queue_size)
		return -ENOSPC;
	if (q->state != VDEV_GUEST_QUEUE_OFF && !vdev__pvdev_queue_ok(p, q))
		return vdev__reader_fail(r);
	return 0;
}

/* Rings of which the driver is gone are STOPPING. */
static bool queue_may_be_on(const struct vdev_pvdev *p)
{
	return vdev__pvdev_ready(p) && (p->driver_features & PVDEV_MESSAGES);
}

static int get_queues(struct vdev__reader *r, struct vdev_pvdev *p)
{
	uint64_t on = 0;
	uint32_t n;
	int e = 0;

	if (r->version < 2)
		return 0;
	p->select = vdev__get_u32(r);
	p->queue_irq = vdev__get_u32(r);
	p->doorbells = vdev__get_u64(r);
	n = vdev__get_count(r, QUEUE_BYTES);
	if (p->queue_irq > 1 || (p->queue_irq && !n))
		return vdev__reader_fail(r);
	if (n > p->config.queues)
		return -ENOSPC;
	for (uint32_t i = 0; i < n && !e; i++) {
		e = get_queue(r, p, &p->queues[i]);
		if (p->queues[i].state == VDEV_GUEST_QUEUE_ON)
			on |= UINT64_C(1) << i;
		if (p->queues[i].state % 2 && !queue_may_be_on(p))
			return vdev__reader_fail(r);
	}
	return !e && (p->doorbells & ~on) ? vdev__reader_fail(r) : e;
}

/* What only a whole image can tell. */
static int check(const struct vdev_pvdev *p)
{
	if ((p->n_events || p->n_requests) && !vdev__pvdev_ready(p))
		return -EBADMSG;
	if (!(p->status & (uint32_t)VDEV_GUEST_S_FEATURES_OK))
		return 0;
	if (!vdev__pvdev_features_ok(p->driver_features, p->driver_features))
		return -EBADMSG;
	if (!vdev__pvdev_features_ok(p->driver_features, p->config.features)) {
		vdev__log(&p->env, VDEV_LOG_ERROR,
			  "pvdev: image needs features 0x%x, offered are 0x%x: offer the source's",
			  (unsigned)p->driver_features, (unsigned)p->config.features);
		return -EINVAL;
	}
	return 0;
}

static int read_image(struct vdev_pvdev *p, const void *image, size_t size)
{
	struct vdev__reader r;
	int e = vdev__reader_init(&r, image, size, VDEV_PART_PVDEV, VERSION);

	if (e)
		return e;
	get_registers(&r, p);
	e = get_requests(&r, p);
	if (!e)
		e = get_events(&r, p);
	if (!e)
		e = get_queues(&r, p);
	/* A damaged image is damaged first of all. */
	if (r.error)
		return r.error;
	if (!e)
		e = vdev__reader_finish(&r);
	return e ? e : check(p);
}

int vdev_pvdev_load(const struct vdev_env *env, const struct vdev_pvdev_config *config,
		    uint64_t now_ns, const void *image, size_t size, struct vdev_pvdev **ret_pvdev)
{
	struct vdev_pvdev *p;
	int r;

	if (!config || !image || !ret_pvdev)
		return -EINVAL;
	r = vdev__pvdev_make(&p, env, config);
	if (r)
		return r;
	p->now = now_ns;
	r = read_image(p, image, size);
	if (r) {
		vdev_pvdev_free(p);
		return r;
	}
	*ret_pvdev = p;
	return 0;
}
