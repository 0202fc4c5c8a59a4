/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands: what the guest says becomes events of the removal engine. */
#include "internal.h"

/* A command that is being performed. */
struct call {
	struct vdev_pvdev *p;
	struct vdev_removal_info unit;
	struct vdev_removal_info target; /* whose operation covers it, or itself */
	struct pvdev_request *request; /* that is answered, or NULL */
	int mask;
};

struct command {
	uint32_t feature;
	uint32_t (*perform)(struct call *c);
};

/* The unit was found and the argument checked: what the engine refuses now is the wrong moment. */
static uint32_t told(struct call *c, int r)
{
	if (r > 0)
		c->mask |= VDEV_PVDEV_DISPATCH;
	return r < 0 ? VDEV_GUEST_R_STALE : VDEV_GUEST_R_OK;
}

static uint32_t declare(struct call *c)
{
	/* 16..31 are levels that the VMM gives out, a guest cannot. */
	if (c->p->argument > VDEV_GUEST_LEVEL_SAFE)
		return VDEV_GUEST_R_BAD_ARGUMENT;
	return told(c, vdev_removal_declare(c->p->config.removal, c->p->now, c->unit.unit,
					    VDEV_REMOVAL_GUEST, c->p->argument));
}

static uint32_t unbound(struct call *c)
{
	return told(c, vdev_removal_forget(c->p->config.removal, c->p->now, c->unit.unit));
}

/* Finds what an answer is about. Cookie 0: whatever is asked for at this address. */
static uint32_t find_request(struct call *c)
{
	uint32_t cookie = c->p->cookie;

	if (!vdev__pvdev_reaches(c->p, &c->target))
		return VDEV_GUEST_R_NO_DEVICE;
	c->request = vdev__pvdev_request(c->p, c->target.unit);
	if (cookie && (!c->request || c->request->cookie != cookie))
		return VDEV_GUEST_R_STALE;
	if (c->target.state != VDEV_REMOVAL_PENDING)
		return VDEV_GUEST_R_STALE;
	return VDEV_GUEST_R_OK;
}

/* The request is over for the guest. If it is asked again, that is a new request. */
static uint32_t answered(struct call *c, int r)
{
	if (r >= 0 && c->request)
		vdev__pvdev_request_end(c->p, c->request);
	return told(c, r);
}

static uint32_t ack(struct call *c)
{
	uint32_t result = find_request(c);

	if (result)
		return result;
	return answered(c, vdev_removal_ack(c->p->config.removal, c->p->now, c->target.unit));
}

static uint32_t refuse(struct call *c)
{
	uint32_t reason = c->p->argument;
	uint32_t result;

	if (reason < VDEV_GUEST_REASON_FAILURE || reason > VDEV_GUEST_REASON_DEPENDENCY)
		return VDEV_GUEST_R_BAD_ARGUMENT;
	result = find_request(c);
	if (result)
		return result;
	return answered(
		c, vdev_removal_refuse(c->p->config.removal, c->p->now, c->target.unit, reason));
}

static uint32_t progress(struct call *c)
{
	uint32_t result = find_request(c);

	if (result)
		return result;
	return told(c, vdev_removal_progress(c->p->config.removal, c->p->now, c->target.unit));
}

/* Also answers a request that is on its way to the guest. */
static uint32_t ejected(struct call *c)
{
	if (!vdev__pvdev_reaches(c->p, &c->target))
		return VDEV_GUEST_R_NO_DEVICE;
	c->request = vdev__pvdev_request(c->p, c->target.unit);
	return answered(c, vdev_removal_ack(c->p->config.removal, c->p->now, c->unit.unit));
}

static const struct command commands[] = {
	[VDEV_GUEST_CMD_DECLARE] = {VDEV_GUEST_F_REMOVAL, declare},
	[VDEV_GUEST_CMD_ACK] = {VDEV_GUEST_F_REMOVAL, ack},
	[VDEV_GUEST_CMD_REFUSE] = {VDEV_GUEST_F_REMOVAL, refuse},
	[VDEV_GUEST_CMD_PROGRESS] = {VDEV_GUEST_F_PROGRESS, progress},
	[VDEV_GUEST_CMD_EJECTED] = {VDEV_GUEST_F_REMOVAL, ejected},
	[VDEV_GUEST_CMD_UNBOUND] = {VDEV_GUEST_F_REMOVAL, unbound},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Units that wait for their slot are not in the guest yet, so it cannot name them. */
static uint32_t find_unit(struct call *c)
{
	struct vdev_removal *removal = c->p->config.removal;
	uint64_t unit;

	if (c->p->address == VDEV_GUEST_ALL ||
	    vdev_removal_find(removal, c->p->address, &unit) < 0 ||
	    vdev_removal_get(removal, unit, &c->unit, sizeof(c->unit)) < 0 ||
	    c->unit.state == VDEV_REMOVAL_QUEUED)
		return VDEV_GUEST_R_NO_DEVICE;
	c->target = c->unit;
	if (c->unit.target)
		vdev_removal_get(removal, c->unit.target, &c->target, sizeof(c->target));
	return VDEV_GUEST_R_OK;
}

static uint32_t perform(struct call *c, uint32_t command)
{
	uint32_t result;

	if (!vdev__pvdev_charge(c->p, 1))
		return VDEV_GUEST_R_QUOTA;
	if (!vdev__pvdev_ready(c->p))
		return VDEV_GUEST_R_NOT_READY;
	if (command >= N_COMMANDS || !commands[command].perform ||
	    !(commands[command].feature & c->p->driver_features))
		return VDEV_GUEST_R_BAD_COMMAND;
	result = find_unit(c);
	return result ? result : commands[command].perform(c);
}

int vdev__pvdev_command(struct vdev_pvdev *p, uint32_t command)
{
	struct call c = {.p = p};

	p->stats.commands++;
	p->result = perform(&c, command);
	p->stats.bad_commands += p->result != VDEV_GUEST_R_OK;
	vdev__pvdev_trace(p, VDEV_PVDEV_EV_COMMAND + (command < N_COMMANDS ? command : 0),
			  c.unit.unit, c.unit.user_data, p->result);
	return c.mask;
}
