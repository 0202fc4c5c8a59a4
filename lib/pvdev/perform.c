/* SPDX-License-Identifier: BSD-3-Clause */
/* Actions of the removal engine become events that the guest's driver reads. */
#include "internal.h"

static int find(const struct vdev_pvdev *p, uint64_t unit, struct vdev_removal_info *ret_info)
{
	if (vdev_removal_get(p->config.removal, unit, ret_info, sizeof(*ret_info)) < 0)
		return -ENOENT;
	return vdev__pvdev_reaches(p, ret_info) ? 0 : -EOPNOTSUPP;
}

static bool has_address(const struct vdev_removal_info *info)
{
	return info->address < VDEV_GUEST_ALL;
}

static int push(struct vdev_pvdev *p, const struct vdev_action *a, const struct pvdev_event *e)
{
	vdev__pvdev_trace(p, VDEV_PVDEV_EV_EVENT + e->kind, a->dev, a->user_data,
			  (uint64_t)e->cookie << 32 | e->address);
	return vdev__pvdev_push(p, e);
}

/* What the guest has left to answer; 0 ("not said") when there is no end, at least 1 otherwise. */
static uint32_t time_left_ms(const struct vdev_removal_info *info)
{
	uint64_t ms = info->ack_left_ns / 1000000u;

	if (info->ack_left_ns == 0 || info->ack_left_ns == VDEV_NONE)
		return 0;
	if (ms == 0)
		return 1;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* EJECT needs a second try only, so it is not lost when it finds no room. */
static int eject(struct vdev_pvdev *p, const struct vdev_action *a,
		 const struct vdev_removal_info *info)
{
	struct pvdev_event e = {a->dev, VDEV_GUEST_EVENT_EJECT, (uint32_t)info->address, 0,
				time_left_ms(info)};
	struct pvdev_request *r;

	if (!vdev__pvdev_room(p))
		return -EAGAIN;
	r = vdev__pvdev_request_add(p, a->dev);
	r->address = e.address;
	e.cookie = r->cookie;
	return push(p, a, &e);
}

/* A reminder keeps its cookie; while the first event still waits it says nothing new. */
static int remind(struct vdev_pvdev *p, const struct vdev_action *a, struct pvdev_request *r,
		  const struct vdev_removal_info *info)
{
	struct pvdev_event e = {a->dev, VDEV_GUEST_EVENT_EJECT, (uint32_t)info->address, r->cookie,
				time_left_ms(info)};

	if (r->queued)
		return 0;
	/* The place that the popped request keeps becomes the event's. */
	r->queued = 1;
	r->address = e.address;
	p->n_popped--;
	return push(p, a, &e);
}

static int warn(struct vdev_pvdev *p, const struct vdev_action *a)
{
	struct vdev_removal_info info;
	struct pvdev_request *r;
	int e = find(p, a->dev, &info);

	if (e)
		return e;
	if (!has_address(&info))
		return -ENOENT;
	if (!vdev__pvdev_ready(p))
		return -EAGAIN;
	r = vdev__pvdev_request(p, a->dev);
	if (r && a->arg[2] > 1)
		return remind(p, a, r, &info);
	/* First warning of an operation: what an earlier one left behind is void. */
	if (r)
		vdev__pvdev_request_end(p, r);
	return eject(p, a, &info);
}

static int unwarn(struct vdev_pvdev *p, const struct vdev_action *a)
{
	struct pvdev_event e = {0, VDEV_GUEST_EVENT_EJECT_CANCELLED, 0, 0, 0};
	struct vdev_removal_info info;
	struct pvdev_request *r;
	int status = find(p, a->dev, &info);
	bool seen;

	if (status)
		return status;
	r = vdev__pvdev_request(p, a->dev);
	if (!r)
		return 0;
	e.address = r->address;
	e.cookie = r->cookie;
	seen = !r->queued || vdev__pvdev_event(p, 0)->unit == a->dev;
	vdev__pvdev_request_end(p, r);
	return seen ? push(p, a, &e) : 0;
}

/* An event that nobody has to answer. */
static int tell(struct vdev_pvdev *p, const struct vdev_action *a, uint32_t kind, uint32_t address)
{
	struct pvdev_event e = {0, kind, address, 0, 0};

	if (!vdev__pvdev_ready(p))
		return -EAGAIN;
	if (!vdev__pvdev_room(p)) {
		p->lost += p->lost < UINT32_MAX;
		p->stats.lost_events++;
		return -EAGAIN;
	}
	return push(p, a, &e);
}

static int redeclare(struct vdev_pvdev *p, const struct vdev_action *a)
{
	struct vdev_removal_info info;
	int r;

	if (!a->dev)
		return tell(p, a, VDEV_GUEST_EVENT_REDECLARE, VDEV_GUEST_ALL);
	r = find(p, a->dev, &info);
	if (r)
		return r;
	if (!has_address(&info))
		return -ENOENT;
	return tell(p, a, VDEV_GUEST_EVENT_REDECLARE, (uint32_t)info.address);
}

/* The address of a new device is often the guest's to give: then it looks everywhere. */
static int announce(struct vdev_pvdev *p, const struct vdev_action *a)
{
	struct vdev_removal_info info;
	int r = find(p, a->dev, &info);

	if (r)
		return r;
	return tell(p, a, VDEV_GUEST_EVENT_DEVICE_ADDED,
		    has_address(&info) ? (uint32_t)info.address : VDEV_GUEST_ALL);
}

int vdev_pvdev_perform(struct vdev_pvdev *pvdev, uint64_t now_ns, const struct vdev_action *action)
{
	if (!pvdev || !action)
		return -EINVAL;
	vdev__pvdev_clock(pvdev, now_ns);
	switch (action->kind) {
	case VDEV_REMOVAL_WARN:
		return warn(pvdev, action);
	case VDEV_REMOVAL_UNWARN:
		return unwarn(pvdev, action);
	case VDEV_REMOVAL_REDECLARE:
		return redeclare(pvdev, action);
	case VDEV_REMOVAL_ANNOUNCE:
	case VDEV_REMOVAL_REANNOUNCE:
		return announce(pvdev, action);
	default:
		return -EOPNOTSUPP;
	}
}
