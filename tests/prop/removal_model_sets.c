/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of removal: action sets (R5, R8) and adding units (R2, R10, R11). */
#include "removal_model.h"

#include <errno.h>
#include <string.h>

#define K(name) VDEV_REMOVAL_##name

/* Presets as R5 and R8 have them: what a level adds stands before HIDE. Deadlines are the engine's. */
static uint32_t preset(uint32_t flags, uint32_t level, uint32_t *kinds)
{
	static const uint32_t full[] = {K(HIDE),          K(DRAIN),      K(IRQ_OFF),   K(RESET),
					K(DETACH_EVENTS), K(UNMAP_BARS), K(LEAVE_DMA), K(RELEASE)};
	static const uint32_t coarse[] = {K(HIDE), K(TEARDOWN), K(RELEASE)};
	int is_coarse = (flags & VDEV_REMOVAL_COARSE) != 0;
	const uint32_t *rest = is_coarse ? coarse : full;
	uint32_t n = 0, count = is_coarse ? 3 : 8;

	if (level == VDEV_REMOVAL_SAFE_IDLE) {
		kinds[n++] = K(QUIESCE);
	} else if (level != VDEV_REMOVAL_SAFE) {
		kinds[n++] = K(WARN);
		kinds[n++] = K(AWAIT_ACK);
	}
	memcpy(kinds + n, rest, count * sizeof(*rest));
	return n + count;
}

static uint32_t preset_undo(uint32_t kind)
{
	return kind == K(WARN) ? K(UNWARN) : kind == K(QUIESCE) ? K(RESUME) : K(NO_UNDO);
}

/* Takes the preset over from the engine, and sees that it is the right one. */
void m_take_preset(struct model *m, const struct vdev_removal *r, uint32_t unit_class,
		   uint32_t level)
{
	struct m_set *set = &m->sets[unit_class][level];
	uint32_t kinds[VDEV_REMOVAL_MAX_STEPS], count = preset(m->config.flags, level, kinds);
	int got = vdev_removal_get_actions(r, unit_class, level, set->steps);

	set->own = 0;
	set->count = count;
	if (got != (int)count) {
		m_fail(m, "R5: preset of level %u has %d steps, expected %u", level, got, count);
		return;
	}
	for (uint32_t k = 0; k < count; k++)
		if (set->steps[k].kind != kinds[k] || set->steps[k].undo != preset_undo(kinds[k]) ||
		    !set->steps[k].deadline_ns)
			m_fail(m, "R5: preset of level %u: step %u is %s, expected %s", level, k,
			       vdev_removal_kind_name(set->steps[k].kind),
			       vdev_removal_kind_name(kinds[k]));
}

static int own(uint32_t kind)
{
	return kind >= K(OWN_STEP_FIRST) && kind <= K(OWN_STEP_LAST);
}

static uint32_t where(const struct vdev_removal_step *s, uint32_t count, uint32_t kind)
{
	uint32_t k = 0;

	while (k < count && s[k].kind != kind)
		k++;
	return k;
}

static int step_ok(const struct vdev_removal_step *s, uint32_t k, uint32_t hide)
{
	uint32_t kind = s[k].kind, undo = s[k].undo;
	int early = kind == K(WARN) || kind == K(AWAIT_ACK) || kind == K(QUIESCE);
	int late = kind == K(RELEASE) || (kind >= K(DRAIN) && kind <= K(TEARDOWN));

	if (!early && !late && !own(kind) && kind != K(HIDE))
		return 0;
	if (!s[k].deadline_ns || s[k].deadline_ns == VDEV_NONE || where(s, k, kind) < k)
		return 0;
	if ((early && k > hide) || (late && k < hide))
		return 0;
	if (kind == K(AWAIT_ACK) && (!k || s[k - 1].kind != K(WARN)))
		return 0;
	if (undo == K(NO_UNDO))
		return 1;
	if (k > hide || kind == K(HIDE) || kind == K(AWAIT_ACK))
		return 0;
	if (kind == K(WARN))
		return undo == K(UNWARN);
	return own(undo) || (kind == K(QUIESCE) && undo == K(RESUME));
}

/* What the header says of vdev_removal_set_actions(). */
static int set_ok(uint32_t level, const struct vdev_removal_step *s, uint32_t count)
{
	uint32_t hide = where(s, count, K(HIDE)), warn = where(s, count, K(WARN));

	for (uint32_t k = 0; k < count; k++)
		if (!step_ok(s, k, hide))
			return 0;
	if (!count || hide == count || s[count - 1].kind != K(RELEASE))
		return 0;
	if (warn < count && (s[warn + 1].kind != K(AWAIT_ACK) || s[warn + 2].kind != K(HIDE)))
		return 0;
	return warn < count || level > VDEV_REMOVAL_UNSAFE;
}

/* count 0: back to the preset, which the caller takes over with m_take_preset(). */
int m_set_actions(struct model *m, uint32_t unit_class, uint32_t level,
		  const struct vdev_removal_step *steps, uint32_t count)
{
	struct m_set *set = &m->sets[unit_class][level];

	if (count && !set_ok(level, steps, count))
		return -EINVAL;
	for (uint32_t i = 1; i < M_UNITS; i++) {
		const struct m_op *op = &m->unit[i].op;

		if (m->unit[i].used && op->phase > M_BELOW && op->phase != M_END &&
		    m->unit[i].unit_class == unit_class &&
		    (op->level == level || (op->switched && op->from == level)))
			return -EBUSY;
	}
	if (count) {
		memcpy(set->steps, steps, count * sizeof(*steps));
		set->count = count;
		set->own = 1;
	}
	return 0;
}

static uint32_t depth(const struct model *m, uint32_t i)
{
	uint32_t n = 0;

	for (; i; i = m->unit[i].parent)
		n++;
	return n;
}

/* Which errors an add() may give: bit n for the n-th of these. */
static uint32_t add_errors(const struct model *m, const struct vdev_removal_unit *in,
			   uint32_t parent)
{
	const struct m_unit *p = &m->unit[parent];
	uint32_t cover = m_cover(m, parent), errors = 0;

	for (uint32_t i = 1; i < M_UNITS; i++)
		if (in->name && m->unit[i].used && m->unit[i].name == in->name)
			errors |= M_ADD_EXIST;
	if (m->stats.units == m->config.max_units ||
	    (parent && depth(m, parent) >= VDEV_REMOVAL_MAX_DEPTH))
		errors |= M_ADD_NOSPC;
	if (parent && (p->queued || p->hidden))
		errors |= M_ADD_BUSY;
	if (cover && (cover != parent || !m_is_slot(m, parent)))
		errors |= M_ADD_BUSY;
	if (parent && m_is_slot(m, parent) && !m_slot_free(m, parent) &&
	    !(in->flags & VDEV_REMOVAL_HOTPLUG))
		errors |= M_ADD_BUSY;
	return errors;
}

static void fill(struct model *m, struct m_unit *u, const struct vdev_removal_unit *in,
		 uint32_t parent)
{
	*u = (struct m_unit){.used = 1,
			     .added = m->handle_count,
			     .user_data = in->user_data,
			     .name = in->name,
			     .address = VDEV_NONE,
			     .unit_class = in->unit_class,
			     .transport = in->transport,
			     .function = in->function,
			     .unasked = in->unasked,
			     .slot_cap = in->slot_cap,
			     .parent = parent,
			     .track = (in->flags & VDEV_REMOVAL_TRACK_TOUCH) != 0};
	u->ready = u->transport == VDEV_REMOVAL_PVDEV && m->unit[0].ready;
}

/* Expected result of add(): 0 and the model's unit, or the errors that may come. */
uint32_t m_add(struct model *m, const struct vdev_removal_unit *in, uint32_t parent,
	       uint32_t *ret_unit)
{
	uint32_t errors = add_errors(m, in, parent), i = 1;
	int wait = parent && m_is_slot(m, parent) && !m_slot_free(m, parent);

	while (i < M_UNITS && m->unit[i].used)
		i++;
	if (errors || i == M_UNITS)
		return errors;
	fill(m, &m->unit[i], in, parent);
	m->stats.units++;
	m->stats.added++;
	m->stats.queued += (uint64_t)wait;
	m->unit[i].queued = wait;
	if ((in->flags & VDEV_REMOVAL_HOTPLUG) && !wait)
		m->unit[i].notes |= M_N_ANNOUNCE;
	*ret_unit = i;
	return 0;
}

static void past_is_now(const struct model *m, uint64_t *guest)
{
	if (*guest < m->guest)
		*guest = m->guest;
}

/* The image was written and read: clocks differ, what was out comes again, counters begin anew. */
void m_reloaded(struct model *m, uint64_t now)
{
	uint64_t units = m->stats.units, operations = m->stats.operations;

	memset(&m->stats, 0, sizeof(m->stats));
	m->stats.units = units;
	m->stats.operations = operations;
	for (uint32_t i = 0; i < M_UNITS; i++) {
		struct m_unit *u = &m->unit[i];
		uint64_t left = u->out.deadline_ns < m->now ? 0 : u->out.deadline_ns - m->now;

		u->stuck_id = u->cancel_id = 0;
		u->again_due = u->out.id != 0;
		if (u->overdue) {
			u->out.deadline_ns = VDEV_NONE;
			u->ran_out = 1;
		} else if (u->out.deadline_ns != VDEV_NONE) {
			u->out.deadline_ns = now + left;
		}
		u->cancel_due = 0;
		past_is_now(m, &u->op.ack_end);
		past_is_now(m, &u->warn_at);
	}
	m->now = now;
	m_wake(m); /* who waited for the end of a CANCEL goes on */
}
