/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handshake.
 *
 *   RESET --DRIVER--> DRIVER --FEATURES_OK--> FEATURES_OK --DRIVER_OK--> READY
 *     ^                 |                          |                       |
 *     |                 +------------FAILED--------+-----------------------+--> FAILED
 *     +---------------------------- writing 0, from anywhere ------------------------+
 *
 * Bits are only ever added, lowest first; a bit that is refused stays clear.
 */
#include "internal.h"

bool vdev__pvdev_features_ok(uint32_t wanted, uint32_t offered)
{
	/* PROGRESS says something about requests, which come with REMOVAL only; hints lie in rings of MESSAGES. */
	if ((wanted & PVDEV_HINTS) && !(wanted & PVDEV_MESSAGES))
		return false;
	return !(wanted & ~offered) && (wanted & (uint32_t)VDEV_GUEST_F_REMOVAL);
}

/* The engine learns that nobody listens any more, and what waited for the driver goes. */
static int driver_gone(struct vdev_pvdev *p, bool was_ready)
{
	int r = 0;

	vdev__pvdev_flush(p);
	if (was_ready)
		r = vdev_removal_ready(p->config.removal, p->now, 0, 0);
	return vdev__pvdev_queues_stop(p) | (r > 0 ? VDEV_PVDEV_DISPATCH : 0);
}

int vdev__pvdev_clear(struct vdev_pvdev *p)
{
	bool was_ready = vdev__pvdev_ready(p);

	p->status = 0;
	p->driver_features = 0;
	p->irq_enable = 0;
	p->lost = 0;
	p->address = p->argument = p->cookie = 0;
	p->result = VDEV_GUEST_R_OK;
	p->select = 0;
	return driver_gone(p, was_ready);
}

static int failed(struct vdev_pvdev *p)
{
	bool was_ready = vdev__pvdev_ready(p);

	p->status |= PVDEV_FAILED;
	/* A line in the log costs the guest a command, so that it cannot flood it. */
	if (vdev__pvdev_charge(p, 1))
		vdev__log(&p->env, VDEV_LOG_WARNING,
			  "pvdev: the guest's driver gave up (FAILED); its reset begins anew");
	return driver_gone(p, was_ready);
}

static void features(struct vdev_pvdev *p)
{
	if (vdev__pvdev_features_ok(p->driver_features, p->config.features))
		p->status |= VDEV_GUEST_S_FEATURES_OK;
	else if (vdev__pvdev_charge(p, 1))
		vdev__log(&p->env, VDEV_LOG_WARNING,
			  "pvdev: features 0x%x refused: expected some of 0x%x, with 0x%x",
			  (unsigned)p->driver_features, (unsigned)p->config.features,
			  (unsigned)VDEV_GUEST_F_REMOVAL);
}

/* A handshake visits every unit, so it costs a sixteenth of the quota. */
static int driver_ok(struct vdev_pvdev *p)
{
	int waiting;

	if (!vdev__pvdev_charge(p, 1u + (p->config.command_quota - 1u) / 16u))
		return 0;
	p->status |= VDEV_GUEST_S_DRIVER_OK;
	p->stats.handshakes++;
	vdev_removal_ready(p->config.removal, p->now, 0, 1);
	waiting = vdev_removal_forget(p->config.removal, p->now, 0); /* and asks again (R6) */
	vdev__log(&p->env, VDEV_LOG_INFO, "pvdev: the guest's driver is ready, features 0x%x",
		  (unsigned)p->driver_features);
	return waiting > 0 ? VDEV_PVDEV_DISPATCH : 0;
}

static int add_bits(struct vdev_pvdev *p, uint32_t bits)
{
	const uint32_t driver = VDEV_GUEST_S_DRIVER;
	const uint32_t features_ok = VDEV_GUEST_S_FEATURES_OK;

	if (bits & PVDEV_FAILED)
		return failed(p);
	p->status |= bits & driver;
	if ((bits & features_ok) && (p->status & driver))
		features(p);
	if ((bits & (uint32_t)VDEV_GUEST_S_DRIVER_OK) && (p->status & features_ok))
		return driver_ok(p);
	return 0;
}

int vdev__pvdev_status(struct vdev_pvdev *p, uint32_t value, bool *bad)
{
	uint32_t before = p->status;
	int mask = 0;

	if (!value)
		mask = vdev__pvdev_clear(p) | VDEV_PVDEV_RESET;
	else if ((before & value) == before && !(before & PVDEV_FAILED))
		mask = add_bits(p, value & ~before);
	if (p->status != value)
		*bad = true;
	if (p->status != before)
		vdev__pvdev_trace(p, VDEV_PVDEV_EV_STATUS, 0, 0, p->status);
	return mask;
}

int vdev_pvdev_features(const struct vdev_pvdev *pvdev)
{
	if (!pvdev)
		return -EINVAL;
	return vdev__pvdev_ready(pvdev) ? (int)pvdev->driver_features : 0;
}
