/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: the steps before HIDE, from which there is a way back (R1, R6, R8, R9, R12).
 */
#include "internal.h"

/* First member at or after `member` that takes part in the present step before HIDE. */
uint32_t vdev__removal_takes_part(const struct vdev_removal *r, const struct unit *u,
				  uint32_t index, uint32_t member)
{
	uint32_t kind = vdev__removal_step_kind(r, u);

	while (member != NOBODY && vdev__removal_left_out(unit_at(r, member), kind))
		member = vdev__removal_after(r, index, member);
	return member;
}

/* The guest may have declared less while the way without a warning was being taken. */
static int no_longer_safe(const struct vdev_removal *r, const struct unit *u, uint32_t index)
{
	uint32_t level, because;

	if (u->set != VDEV_REMOVAL_SAFE && u->set != VDEV_REMOVAL_SAFE_IDLE)
		return 0;
	level = vdev__removal_lowest(r, index, index, &because);
	return level != u->set && level != VDEV_REMOVAL_SAFE;
}

/* Enters the step u->step, which stands before HIDE, or HIDE. */
void vdev__removal_advance(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	for (;; u->step++) {
		switch (vdev__removal_step_kind(r, u)) {
		case VDEV_REMOVAL_WARN:
			if (u->transport == VDEV_REMOVAL_NO_TRANSPORT)
				continue;
			vdev__removal_try_warn(r, index);
			vdev__removal_reconsider(r, index);
			break;
		case VDEV_REMOVAL_AWAIT_ACK:
			vdev__removal_await(r, index);
			break;
		case VDEV_REMOVAL_HIDE:
			if (no_longer_safe(r, u, index)) {
				u->flags |= O_RETURN | O_DEMOTED;
				vdev__removal_back_out(r, index, 0);
				return;
			}
			vdev__removal_go_hide(r, index);
			return;
		default:
			u->phase = PRE;
			u->cursor = vdev__removal_takes_part(r, u, index,
							     vdev__removal_first(r, index));
			if (u->cursor == NOBODY)
				continue;
		}
		break;
	}
	vdev__removal_settle_ready(r, index);
}

/* Goes on with another level's set: late SAFE (R6), SAFE_IDLE that was not idle (R1). */
void vdev__removal_switch(struct vdev_removal *r, uint32_t index, uint32_t level)
{
	struct unit *u = unit_at(r, index);

	if (level == VDEV_REMOVAL_UNSAFE) {
		u->flags |= O_DEMOTED;
		level = u->marks & M_SWITCHED ? u->from_set : level;
		u->marks &= (uint8_t)~M_SWITCHED;
	} else {
		u->from_set = u->set;
		u->marks |= M_SWITCHED;
	}
	u->set = (uint8_t)level;
	u->step = 0;
	if (!(u->marks & M_SWITCHED) && (u->flags & O_WARNED))
		while (vdev__removal_step_kind(r, u) != VDEV_REMOVAL_AWAIT_ACK)
			u->step++;
	vdev__removal_advance(r, index);
}

/* What came in while a step before HIDE was outstanding; 1 when the operation was turned. */
static int interrupted(struct vdev_removal *r, uint32_t index)
{
	struct unit *u = unit_at(r, index);

	if (u->flags & (O_ACKED | O_FORCED | O_SKIP))
		vdev__removal_go_hide(r, index);
	else if (u->flags & O_ABSORB)
		vdev__removal_back_out(r, index, 0);
	else if (u->flags & O_CANCEL)
		vdev__removal_back_out(r, index, VDEV_REMOVAL_CANCELLED);
	else if (u->flags & O_REFUSED)
		vdev__removal_refused(r, index);
	else
		return 0;
	return 1;
}

void vdev__removal_warn_done(struct vdev_removal *r, uint32_t index, int status)
{
	struct unit *u = unit_at(r, index);
	uint64_t guest_now = vdev__removal_guest_now(r);

	if (!status) {
		u->warnings += u->warnings < UINT16_MAX;
		r->stats.warnings++;
		if (!(u->flags & O_WARNED))
			vdev__removal_note(r, index, 1u << VDEV_REMOVAL_REQUESTED);
		u->flags = (u->flags | O_WARNED) & ~O_DROPPED;
	}
	u->warn_at = vdev__sat_add(guest_now, u->transport == VDEV_REMOVAL_PCIE && !status
						      ? r->config.button_ns
						      : r->config.notify_ns);
	if (interrupted(r, index))
		return;
	if (status == -EAGAIN) {
		u->phase = GAP;
		vdev__removal_reconsider(r, index);
	} else if (status && u->policy == VDEV_REMOVAL_ACK_FORCE) {
		u->flags |= O_FORCED;
		vdev__removal_go_hide(r, index);
	} else if (status) {
		vdev__removal_failed(u, VDEV_REMOVAL_WARN, status);
		vdev__removal_back_out(r, index, VDEV_REMOVAL_ROLLED_BACK);
	} else {
		u->step++;
		vdev__removal_advance(r, index);
	}
}

/* Idle too late is not idle (R1). */
static int not_idle(int status, int overdue)
{
	return status == -EBUSY || status == -ETIMEDOUT || overdue;
}

void vdev__removal_pre_done(struct vdev_removal *r, uint32_t index, int status, int overdue)
{
	struct unit *u = unit_at(r, index);
	uint32_t kind = vdev__removal_step_kind(r, u), next;

	u->marks |= M_GIVEN;
	if (interrupted(r, index))
		return;
	if (u->set == VDEV_REMOVAL_SAFE_IDLE && kind == VDEV_REMOVAL_QUIESCE &&
	    not_idle(status, overdue)) {
		u->flags |= O_RETURN | O_DEMOTED;
		vdev__removal_back_out(r, index, 0);
	} else if (!status) {
		next = vdev__removal_takes_part(r, u, index,
						vdev__removal_after(r, index, u->cursor));
		u->marks &= (uint8_t)~M_GIVEN;
		if (next != NOBODY) {
			u->cursor = next;
			return;
		}
		u->step++;
		vdev__removal_advance(r, index);
	} else {
		vdev__removal_failed(u, kind, status);
		vdev__removal_back_out(r, index, VDEV_REMOVAL_ROLLED_BACK);
	}
}
