/* SPDX-License-Identifier: BSD-3-Clause */
/* Naive model of removal: everything that the engine lets one see, compared with the model. */
#include "removal_model.h"

#include <errno.h>
#include <string.h>

static void same(struct model *m, uint32_t i, const char *what, uint64_t got, uint64_t expected)
{
	if (got != expected)
		m_fail(m, "unit %u: %s is %#llx, expected %#llx", i, what, (unsigned long long)got,
		       (unsigned long long)expected);
}

static void new_handle(struct model *m, uint32_t i, uint64_t handle)
{
	for (uint32_t k = 0; k < m->handle_count; k++)
		if (m->handles[k] == handle)
			m_fail(m, "unit %u: handle %#llx was used before", i,
			       (unsigned long long)handle);
	if (m->handle_count < M_IDS)
		m->handles[m->handle_count++] = handle;
	m->unit[i].handle = handle;
}

static uint32_t by_user_data(const struct model *m, uint64_t user_data)
{
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m->unit[i].used && m->unit[i].user_data == user_data)
			return i;
	return 0;
}

/* Each unit exactly once; those given back show their new handle. */
static void check_walk(struct model *m, struct vdev_removal *r)
{
	struct vdev_removal_info info;
	uint8_t seen[M_UNITS] = {0};
	uint64_t cursor = 0;
	uint32_t n = 0;

	while (vdev_removal_walk(r, &cursor, &info, sizeof(info)) == 1 && n++ <= M_UNITS) {
		uint32_t i = by_user_data(m, info.user_data);

		if (!i || seen[i])
			m_fail(m, "walk: unit %#llx is not there or comes twice",
			       (unsigned long long)info.unit);
		else if (!m->unit[i].handle)
			new_handle(m, i, info.unit);
		seen[i] = 1;
	}
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m->unit[i].used && !seen[i])
			m_fail(m, "walk: unit %u is missing", i);
}

static uint32_t state_of(const struct model *m, uint32_t i)
{
	const struct m_unit *u = &m->unit[i];
	uint32_t t = m_cover(m, i);

	if (t)
		return m_past_return(&m->unit[t].op) ? VDEV_REMOVAL_LEAVING : VDEV_REMOVAL_PENDING;
	if (u->queued)
		return VDEV_REMOVAL_QUEUED;
	if (u->hidden)
		return VDEV_REMOVAL_HIDDEN;
	return u->settling ? VDEV_REMOVAL_SETTLING : VDEV_REMOVAL_PRESENT;
}

static uint32_t facts(const struct model *m, uint32_t i)
{
	const struct m_unit *u = &m->unit[i];
	uint32_t cap = u->slot_cap | m->unit[u->parent].slot_cap, f = 0;

	if (!u->track || u->touched)
		f |= VDEV_REMOVAL_IS_TOUCHED;
	if (u->ready || u->transport == VDEV_REMOVAL_ACPI)
		f |= VDEV_REMOVAL_IS_READY;
	if (u->op.phase == M_HELD)
		f |= VDEV_REMOVAL_IS_HELD;
	if (u->overdue)
		f |= VDEV_REMOVAL_IS_OVERDUE;
	if (u->stuck_id)
		f |= VDEV_REMOVAL_IS_STUCK;
	if (cap & 0x20)
		f |= VDEV_REMOVAL_IS_SURPRISE_SLOT;
	if (u->dead)
		f |= VDEV_REMOVAL_IS_BACKEND_GONE;
	if (u->requested || u->again)
		f |= VDEV_REMOVAL_IS_REQUESTED;
	return f;
}

/* The step that the unit's own operation is at, M_ANY: the header does not say. */
static uint32_t step_of(const struct model *m, uint32_t i)
{
	const struct m_op *op = &m->unit[i].op;
	uint32_t step = op->pos;

	if (op->phase <= M_BELOW || op->phase == M_END)
		return 0;
	if (op->phase == M_UNDO)
		return M_ANY;
	if (op->phase == M_TEAR && !m_stepping(&m->unit[i]))
		step = m_tear_step(m, i);
	return step < op->set.count ? op->set.steps[step].kind : VDEV_REMOVAL_OUTCOME;
}

/* Running time that the guest has left to answer. */
static uint64_t ack_left(const struct model *m, uint32_t i)
{
	const struct m_op *op = &m->unit[m_cover(m, i)].op;

	if (op->phase != M_WARN && op->phase != M_GAP && op->phase != M_AWAIT)
		return 0;
	if (op->ack_end == VDEV_NONE)
		return VDEV_NONE;
	return op->ack_end > m->guest ? op->ack_end - m->guest : 0;
}

static void check_unit(struct model *m, struct vdev_removal *r, uint32_t i)
{
	const struct m_unit *u = &m->unit[i];
	struct vdev_removal_info info;

	if (vdev_removal_get(r, u->handle, &info, sizeof(info))) {
		m_fail(m, "unit %u (%#llx) is not there", i, (unsigned long long)u->handle);
		return;
	}
	same(m, i, "unit", info.unit, u->handle);
	same(m, i, "parent", info.parent, m->unit[u->parent].handle);
	same(m, i, "user_data", info.user_data, u->user_data);
	same(m, i, "name", info.name, u->name);
	same(m, i, "address", info.address, u->address);
	same(m, i, "target", info.target, m->unit[m_cover(m, i)].handle);
	same(m, i, "action_id", info.action_id, u->again_due ? 0 : u->out.id);
	same(m, i, "unit_class", info.unit_class, u->unit_class);
	same(m, i, "transport", info.transport, u->transport);
	same(m, i, "level", info.level, m_level(m, i));
	same(m, i, "level()", (uint64_t)(int64_t)vdev_removal_level(r, u->handle), m_level(m, i));
	same(m, i, "guest_level", info.guest_level, u->level[0]);
	same(m, i, "operator_level", info.operator_level, u->level[1]);
	same(m, i, "state", info.state, state_of(m, i));
	same(m, i, "flags", info.flags, facts(m, i));
	same(m, i, "ack_left_ns", info.ack_left_ns, ack_left(m, i));
	same(m, i, "function", info.function, u->function);
	if (step_of(m, i) != M_ANY)
		same(m, i, "step", info.step, step_of(m, i));
	if (u->op.phase != M_NONE)
		same(m, i, "warnings", info.warnings, u->op.warnings);
}

static void check_find(struct model *m, struct vdev_removal *r, uint32_t i)
{
	uint64_t unit;

	if (m->unit[i].name &&
	    (vdev_removal_find_name(r, m->unit[i].name, &unit) || unit != m->unit[i].handle))
		m_fail(m, "R10: unit %u is not found by its name", i);
	if (m->unit[i].address == VDEV_NONE)
		return;
	if (vdev_removal_find(r, m->unit[i].address, &unit) || unit != m->unit[i].handle)
		m_fail(m, "R2: unit %u is not found by its address", i);
}

static void earliest(uint64_t *at, uint64_t ns)
{
	if (ns < *at)
		*at = ns;
}

/* The guest's clock translated to the caller's; never while the guest does not run. */
static uint64_t guest_to_caller(const struct model *m, uint64_t guest)
{
	if (m->paused || guest == VDEV_NONE)
		return VDEV_NONE;
	return guest > m->guest ? m->now + (guest - m->guest) : m->now - (m->guest - guest);
}

static void unit_deadline(const struct model *m, uint32_t i, uint64_t *at)
{
	const struct m_unit *u = &m->unit[i];

	if (m_stepping(u)) {
		if (!u->overdue)
			earliest(at, u->out.deadline_ns);
		return;
	}
	if (u->op.phase == M_AWAIT || u->op.phase == M_GAP)
		earliest(at, guest_to_caller(m, u->op.ack_end));
	if ((u->op.phase == M_AWAIT && u->transport == VDEV_REMOVAL_ACPI) ||
	    (u->op.phase == M_GAP && (u->warn_at > m->guest || m_way_to_warn(m, i) == M_WARN)))
		earliest(at, guest_to_caller(m, u->warn_at));
	if (u->settling)
		earliest(at, guest_to_caller(m, u->warn_at));
}

/* The time of a press has come, but not its conditions: until the next step() nobody has looked. */
static int press_is_due(const struct model *m, uint64_t at)
{
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m->unit[i].used && m->unit[i].op.phase == M_GAP && at <= m->now &&
		    at == guest_to_caller(m, m->unit[i].warn_at))
			return 1;
	return 0;
}

static void check_deadline(struct model *m, struct vdev_removal *r)
{
	uint64_t expected = VDEV_NONE, got = VDEV_NONE;
	int is = vdev_removal_deadline(r, &got);

	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m->unit[i].used)
			unit_deadline(m, i, &expected);
	if (got < expected && press_is_due(m, got))
		return;
	if (is != (expected != VDEV_NONE) || got != expected)
		m_fail(m, "deadline is %lld, expected %lld", (long long)got, (long long)expected);
}

static void check_stats(struct model *m, struct vdev_removal *r)
{
	static const char *const names[] = {
		"units",       "operations",       "bytes",       "added",
		"queued",      "declared",         "requests",    "joined",
		"upgraded",    "host_requests",    "warnings",    "acks",
		"unasked",     "refusals",         "busy",        "timed_out",
		"removed",     "removed_by_guest", "failed",      "stuck",
		"rolled_back", "cancelled",        "refused",     "cancels",
		"bad_done",    "bad_guest",        "guest_resets"};
	uint64_t got[sizeof(names) / sizeof(names[0])], expected[sizeof(got) / sizeof(got[0])];
	struct vdev_removal_stats stats;

	if (vdev_removal_stats(r, &stats, sizeof(stats)))
		m_fail(m, "no statistics");
	m->stats.bytes = stats.bytes;
	memcpy(got, &stats, sizeof(got));
	memcpy(expected, &m->stats, sizeof(got));
	for (uint32_t k = 0; k < sizeof(got) / sizeof(got[0]); k++)
		if (got[k] != expected[k])
			m_fail(m, "statistics: %s is %llu, expected %llu", names[k],
			       (unsigned long long)got[k], (unsigned long long)expected[k]);
}

void m_check(struct model *m, struct vdev_removal *r)
{
	check_walk(m, r);
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (m->unit[i].used && !m->failed) {
			check_unit(m, r, i);
			check_find(m, r, i);
		}
	check_deadline(m, r);
	check_stats(m, r);
}
