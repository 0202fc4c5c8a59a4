/* SPDX-License-Identifier: BSD-3-Clause */
/* What must never happen, whatever the model says. See removal_monitor.h. */
#include "removal_monitor.h"

#include <stddef.h>
#include <string.h>

static void require(struct monitor *w, int ok, const char *rule)
{
	if (!ok && !w->broken)
		w->broken = rule;
}

static struct w_unit *unit_of(struct monitor *w, uint64_t handle)
{
	for (uint32_t i = 0; i < w->count; i++)
		if (w->unit[i].handle == handle)
			return &w->unit[i];
	if (w->count == W_UNITS)
		w->count--;
	w->unit[w->count] = (struct w_unit){.handle = handle};
	return &w->unit[w->count++];
}

void w_requested(struct monitor *w, uint64_t handle)
{
	struct w_unit *u = unit_of(w, handle);

	if (u->gone)
		return; /* the outcome that frees it is on its way, and answers this one, too */
	u->again |= u->asked;
	u->asked = 1;
	u->dropped = 0;
}

void w_cancelled(struct monitor *w)
{
	for (uint32_t i = 0; i < w->count; i++)
		w->unit[i].dropped |= w->unit[i].asked;
}

static int is_step(const struct vdev_action *a)
{
	return a->kind >= VDEV_REMOVAL_WARN && a->kind != VDEV_REMOVAL_OUTCOME &&
	       a->kind != VDEV_REMOVAL_UNHOLD;
}

static void note_out(struct monitor *w, const struct vdev_action *a)
{
	struct vdev_action *free = NULL;

	for (uint32_t i = 0; i < W_OUT; i++) {
		if (!w->out[i].id)
			free = &w->out[i];
		else if (a->kind == VDEV_CANCEL && w->out[i].id == a->arg[0])
			w->out[i].deadline_ns = 0; /* may be given up from now on */
		else if (is_step(a) && is_step(&w->out[i]) && w->out[i].deadline_ns)
			require(w, w->out[i].arg[0] != a->arg[0],
				"two actions of one operation are outstanding");
	}
	if (free)
		*free = *a;
}

static void ended(struct monitor *w, struct w_unit *u, const struct vdev_action *a)
{
	int gone = (a->flags & VDEV_REMOVAL_GONE) != 0;

	require(w, u->asked || u->again || gone, "R10: a final outcome for one who did not ask");
	require(w, !gone || u->released, "R10: gone without RELEASE");
	u->gone = gone;
	u->again &= u->asked && !gone;
	u->asked = 0;
}

static void stepped(struct monitor *w, struct w_unit *u, const struct vdev_action *a)
{
	switch (a->kind) {
	case VDEV_REMOVAL_WARN:
		u->warned = 1;
		break;
	case VDEV_REMOVAL_UNWARN:
		require(w, u->warned || (a->flags & VDEV_REMOVAL_AGAIN),
			"R12: UNWARN without WARN");
		u->warned = 0;
		break;
	case VDEV_REMOVAL_QUIESCE:
		u->quiesced = 1;
		break;
	case VDEV_REMOVAL_RESUME:
		require(w, u->quiesced || (a->flags & VDEV_REMOVAL_AGAIN),
			"R12: RESUME without QUIESCE");
		u->quiesced = 0;
		break;
	case VDEV_REMOVAL_HIDE:
		u->hidden = 1;
		break;
	case VDEV_REMOVAL_RELEASE:
		require(w, u->hidden, "R8: RELEASE before HIDE");
		require(w, !u->released, "R8: RELEASE twice");
		u->released = 1;
		break;
	default:
		if (a->kind >= VDEV_REMOVAL_DRAIN && a->kind <= VDEV_REMOVAL_TEARDOWN)
			require(w, u->hidden && !u->released, "R8: teardown out of order");
	}
}

void w_given(struct monitor *w, const struct vdev_action *a)
{
	struct w_unit *u = unit_of(w, a->dev);

	require(w, !u->gone || (a->flags & VDEV_REMOVAL_AGAIN),
		"R10: an action for a unit that is gone");
	if (a->flags & VDEV_REMOVAL_AGAIN)
		u->released &= a->kind != VDEV_REMOVAL_RELEASE;
	note_out(w, a);
	if (a->kind == VDEV_REMOVAL_OUTCOME && (a->flags & VDEV_REMOVAL_FINAL)) {
		if (!(a->flags & VDEV_REMOVAL_AGAIN))
			ended(w, u, a);
	} else if (is_step(a)) {
		stepped(w, u, a);
	} else if (a->kind == VDEV_REMOVAL_REANNOUNCE && !(a->flags & VDEV_REMOVAL_AGAIN)) {
		struct w_unit *old = unit_of(w, a->arg[2]);

		require(w, old->hidden, "R16: given back, but not hidden");
		u = unit_of(w, a->dev);
		u->asked |= old->asked;
		u->dropped |= old->dropped;
		old->asked = 0;
		old->gone = 1;
	}
}

void w_done(struct monitor *w, uint64_t id)
{
	for (uint32_t i = 0; i < W_OUT; i++)
		if (w->out[i].id == id)
			w->out[i].id = 0;
}

void w_reloaded(struct monitor *w)
{
	memset(w->out, 0, sizeof(w->out));
}

void w_quiet(struct monitor *w)
{
	for (uint32_t i = 0; i < w->count; i++) {
		const struct w_unit *u = &w->unit[i];

		require(w, !u->asked || u->dropped, "R10: a request has no final outcome");
		require(w, u->gone || !u->quiesced || u->hidden, "R12: QUIESCE was never undone");
	}
}
