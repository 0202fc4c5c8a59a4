/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property test of the removal engine: liveness. After any history, when the guest is ready, time goes
 * on and every action is done, everything ends: at once, or with the guest's reset, or by FORCE.
 */
#include "prop_removal.h"

#include <errno.h>

static void end_reset(struct rig *g)
{
	rig_drain(g);
	if (g->m.failed)
		return;
	rig_say(g, "reset_end()");
	RIG_BOTH(g, vdev_removal_reset_end(g->r, g->m.now), m_reset_end(&g->m));
	if (g->m.in_reset)
		m_fail(&g->m, "R17: the reset cannot end, though all is done");
}

static void guest_is_ready(struct rig *g)
{
	struct model *m = &g->m;

	rig_say(g, "ready(all, 1)");
	RIG_BOTH(g, vdev_removal_ready(g->r, m->now, 0, 1), m_ready(m, 0, 1));
	for (uint32_t i = 1; i < M_UNITS && !m->failed; i++) {
		struct m_unit *u = &m->unit[i];

		if (!u->used)
			continue;
		if (m_is_slot(m, i)) {
			rig_say(g, "slot(unit %u, 0x121, 0)", i);
			RIG_BOTH(g, vdev_removal_slot(g->r, m->now, u->handle, 0x121, 0),
				 m_slot(m, i, 0x121, 0));
		} else if (!u->ready) {
			rig_say(g, "ready(unit %u, 1)", i);
			RIG_BOTH(g, vdev_removal_ready(g->r, m->now, u->handle, 1),
				 m_ready(m, i, 1));
		}
	}
}

/* Does everything and lets time go on until nothing is timed. */
static void exhaust(struct rig *g)
{
	uint64_t at;

	for (uint32_t k = 0; k < 3000 && !g->m.failed; k++) {
		rig_drain(g);
		if (g->m.failed || vdev_removal_deadline(g->r, &at) != 1)
			return;
		rig_step(g, at);
	}
	m_fail(&g->m, "there is always one more deadline");
}

/* An operation may wait for an answer without end only if that was asked for. */
static int may_wait(const struct m_unit *u)
{
	return u->op.phase == M_NONE || (u->policy == VDEV_REMOVAL_ACK_KEEP &&
					 (u->op.phase == M_AWAIT || u->op.phase == M_GAP));
}

/* ACPI has no "ready": a KEEP request is sent again for ever (R10). Drained, not to be exhausted. */
static int sent_for_ever(const struct model *m)
{
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m->unit[i].used && m->unit[i].op.phase == M_AWAIT &&
		    m->unit[i].transport == VDEV_REMOVAL_ACPI && m->unit[i].op.ack_end == VDEV_NONE)
			return 1;
	return 0;
}

static void time_goes_on(struct rig *g)
{
	uint64_t at;

	for (uint32_t k = 0; k < 3000 && !g->m.failed; k++) {
		rig_drain(g);
		if (g->m.failed || vdev_removal_deadline(g->r, &at) != 1)
			return;
		if (sent_for_ever(&g->m) && k > 300)
			return;
		rig_step(g, at);
	}
	m_fail(&g->m, "there is always one more deadline");
}

static void nothing_waits(struct rig *g, int any)
{
	for (uint32_t i = 1; i < M_UNITS; i++) {
		const struct m_unit *u = &g->m.unit[i];

		if (u->used && (any ? !may_wait(u) : u->op.phase != M_NONE))
			m_fail(&g->m, "unit %u: its operation never ends (phase %d)", i,
			       u->op.phase);
		if (u->used && !any && (u->queued || u->hidden))
			m_fail(&g->m, "R11 R16: unit %u stays %s", i,
			       u->queued ? "QUEUED" : "HIDDEN");
	}
}

static void force_all(struct rig *g)
{
	struct vdev_removal_request q = {.struct_size = sizeof(q), .flags = VDEV_REMOVAL_FORCE};
	struct model *m = &g->m;

	for (uint32_t i = 1; i < M_UNITS && !m->failed; i++)
		if (m->unit[i].used && !m->unit[i].parent) {
			rig_say(g, "request(unit %u, FORCE)", i);
			w_requested(&g->w, m->unit[i].handle);
			RIG_BOTH(g, vdev_removal_request(g->r, m->now, m->unit[i].handle, &q),
				 m_request(m, i, &q));
			rig_drain(g);
		}
	for (uint32_t i = 1; i < M_UNITS && !m->failed; i++)
		if (m->unit[i].used && (m->unit[i].parent || !m_is_slot(m, i)))
			m_fail(m, "R9: unit %u is there, though its removal was forced", i);
}

void rig_settle(struct rig *g)
{
	struct model *m = &g->m;

	rig_say(g, "-- all do their part\nresume()");
	RIG_BOTH(g, vdev_removal_resume(g->r, m->now), m_resume(m));
	if (m->held && !m->failed) {
		rig_say(g, "unhold()");
		RIG_BOTH(g, vdev_removal_unhold(g->r, m->now), m_unhold(m));
	}
	if (m->in_reset && !m->failed)
		end_reset(g);
	if (!m->failed)
		guest_is_ready(g);
	time_goes_on(g);
	if (m->failed)
		return;
	nothing_waits(g, 1);
	rig_say(g, "reset_begin()");
	RIG_BOTH(g, vdev_removal_reset_begin(g->r, m->now), m_reset_begin(m));
	end_reset(g);
	exhaust(g);
	if (m->failed)
		return;
	nothing_waits(g, 0);
	w_quiet(&g->w);
	if (g->w.broken)
		m_fail(m, "monitor: %s", g->w.broken);
	force_all(g);
}
