/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: the steps of a plan, in the order in which both ends do them.
 *
 *   VERIFY            before any RAM moves (M9)
 *   CLAIM             the functions there
 *   RESUMING, PRE_COPY_STATE     devices that move as they run (M3, M8: is the initial data accepted?)
 *   BUSY, DESCRIBE, DELETE       the others: quiesced, deleted, then migrated (M4, M5, M6)
 *   COPY_MEMORY
 *   ------------------------------- the guest stands still
 *   PAUSE, STOP_P2P, STOP_COPY_STATE, COPY_REST, STOP_STATE       (M10)
 *   ATTACH, RESTORE   reconfigured at the destination (M4), before anything is final
 *   VERIFY            just before commit (M9)
 *   COMMIT            the point of no return
 *   START, UNPAUSE
 *   -------------------------------
 *   CLEAR_BUSY        only after RESTORE (M7)
 *   RELEASE           the functions here
 *
 * Whatever fails before COMMIT, the undos in reverse order put the source back: it runs, its structures are
 * restored, busy is cleared, and it never lost its devices (M9). Nothing of the guest runs at the destination before COMMIT,
 * nor on the way back: what is attached or restored there goes before PAUSE is undone, and what has taken state
 * stays as it is until RELEASE resets it.
 */
#include "plan.h"

#define MS UINT64_C(1000000)
#define PER_DEVICE 7u
#define OF_THE_VM 8u

/* What a step is about, and what takes it back. */
struct make {
	uint32_t kind, side, undo;
};

static const uint32_t default_ms[VDEV_MIGRATION_STEPS] = {
	[VDEV_MIGRATION_NO_STEP] = 1000,       [VDEV_MIGRATION_CLAIM] = 10000,
	[VDEV_MIGRATION_RELEASE] = 30000,      [VDEV_MIGRATION_VERIFY] = 5000,
	[VDEV_MIGRATION_RESUMING] = 2000,      [VDEV_MIGRATION_PRE_COPY_STATE] = 10000,
	[VDEV_MIGRATION_RUNNING] = 2000,       [VDEV_MIGRATION_BUSY] = 5000,
	[VDEV_MIGRATION_CLEAR_BUSY] = 1000,    [VDEV_MIGRATION_DESCRIBE] = 5000,
	[VDEV_MIGRATION_DELETE] = 5000,        [VDEV_MIGRATION_RESTORE] = 5000,
	[VDEV_MIGRATION_COPY_MEMORY] = 600000, [VDEV_MIGRATION_STOP_COPYING] = 5000,
	[VDEV_MIGRATION_PAUSE] = 1000,         [VDEV_MIGRATION_UNPAUSE] = 1000,
	[VDEV_MIGRATION_STOP_P2P] = 1000,      [VDEV_MIGRATION_STOP_COPY_STATE] = 1000,
	[VDEV_MIGRATION_COPY_REST] = 1000,     [VDEV_MIGRATION_STOP_STATE] = 1000,
	[VDEV_MIGRATION_ATTACH] = 1000,        [VDEV_MIGRATION_DETACH] = 1000,
	[VDEV_MIGRATION_COMMIT] = 1000,        [VDEV_MIGRATION_START] = 1000,
};

void vdev__migration_deadlines(uint64_t *deadline_ns)
{
	for (uint32_t i = 0; i < VDEV_MIGRATION_STEPS; i++)
		deadline_ns[i] = default_ms[i] * MS;
}

#define SOURCE(kind, undo) \
	((struct make){VDEV_MIGRATION_##kind, VDEV_MIGRATION_AT_SOURCE, VDEV_MIGRATION_##undo})
#define DESTINATION(kind, undo) \
	((struct make){VDEV_MIGRATION_##kind, VDEV_MIGRATION_AT_DESTINATION, VDEV_MIGRATION_##undo})
#define BOTH(kind, undo) \
	((struct make){VDEV_MIGRATION_##kind, VDEV_MIGRATION_AT_BOTH, VDEV_MIGRATION_##undo})

static void add(struct vdev_migration_plan *p, struct make m, uint32_t device, uint32_t flags)
{
	p->steps[p->step_count++] = (struct vdev_migration_step){
		.kind = m.kind,
		.side = m.side,
		.device = device,
		.flags = flags,
		.undo = m.undo,
		.deadline_ns = p->deadline_ns[m.kind],
	};
}

static void add_vm(struct vdev_migration_plan *p, struct make m, uint32_t flags)
{
	add(p, m, VDEV_MIGRATION_UNKNOWN, flags);
}

/* The step for each device whose verdict is within [from, to]. */
static void add_each(struct vdev_migration_plan *p, struct make m, uint32_t from, uint32_t to,
		     uint32_t flags)
{
	for (uint32_t i = 0; i < p->count; i++) {
		uint32_t verdict = p->devices[i].place.verdict;

		if (verdict >= from && verdict <= to)
			add(p, m, i, flags);
	}
}

#define EACH_LIVE VDEV_MIGRATION_LIVE, VDEV_MIGRATION_LIVE_STOP_COPY_ONLY
#define EACH_PRE_COPY VDEV_MIGRATION_LIVE, VDEV_MIGRATION_LIVE
#define EACH_PLACED VDEV_MIGRATION_LIVE, VDEV_MIGRATION_QUIESCE_REBUILD
#define EACH_REBUILT VDEV_MIGRATION_QUIESCE_REBUILD, VDEV_MIGRATION_EMULATE
#define EACH_EMULATED VDEV_MIGRATION_EMULATE, VDEV_MIGRATION_EMULATE
#define EACH VDEV_MIGRATION_LIVE, VDEV_MIGRATION_EMULATE

/* A device with peers is busy before the next one's structures go. */
static void add_quiesce(struct vdev_migration_plan *p)
{
	add_each(p, SOURCE(BUSY, CLEAR_BUSY), EACH_REBUILT, 0);
	add_each(p, SOURCE(DESCRIBE, NO_STEP), EACH_REBUILT, 0);
	add_each(p, SOURCE(DELETE, RESTORE), EACH_REBUILT, 0);
}

static bool any_p2p(const struct vdev_migration_plan *p)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct planned *d = &p->devices[i];

		if (d->place.verdict <= VDEV_MIGRATION_LIVE_STOP_COPY_ONLY &&
		    vdev__migration_known(&d->source, VDEV_MIGRATION_F_P2P) && d->source.p2p)
			return true;
	}
	return false;
}

static void add_before(struct vdev_migration_plan *p)
{
	add_vm(p, BOTH(VERIFY, NO_STEP), 0);
	add_each(p, DESTINATION(CLAIM, RELEASE), EACH_PLACED, 0);
	/* Never back to RUNNING: with the state that it took it would be a twin of the guest's. */
	add_each(p, DESTINATION(RESUMING, NO_STEP), EACH_LIVE, 0);
	add_each(p, SOURCE(PRE_COPY_STATE, RUNNING), EACH_PRE_COPY, 0);
	if (!(p->flags & VDEV_MIGRATION_QUIESCE_LATE))
		add_quiesce(p);
	add_vm(p, BOTH(COPY_MEMORY, STOP_COPYING), 0);
	if (p->flags & VDEV_MIGRATION_QUIESCE_LATE)
		add_quiesce(p);
}

static void add_blackout(struct vdev_migration_plan *p)
{
	const uint32_t dark = VDEV_MIGRATION_BLACKOUT;

	add_vm(p, SOURCE(PAUSE, UNPAUSE), dark);
	if (any_p2p(p))
		add_vm(p, SOURCE(STOP_P2P, RUNNING), dark);
	add_each(p, SOURCE(STOP_COPY_STATE, RUNNING), EACH_LIVE, dark);
	add_vm(p, BOTH(COPY_REST, NO_STEP), dark);
	add_each(p, DESTINATION(STOP_STATE, NO_STEP), EACH_LIVE, dark);
	add_each(p, DESTINATION(ATTACH, DETACH), EACH_EMULATED, dark);
	add_each(p, DESTINATION(RESTORE, DELETE), EACH_REBUILT, dark);
	add_vm(p, BOTH(VERIFY, NO_STEP), dark);
	add_vm(p, BOTH(COMMIT, NO_STEP), dark | VDEV_MIGRATION_POINT_OF_NO_RETURN);
	add_each(p, DESTINATION(START, NO_STEP), EACH_LIVE, dark);
	add_vm(p, DESTINATION(UNPAUSE, NO_STEP), dark);
}

static void add_after(struct vdev_migration_plan *p)
{
	add_each(p, DESTINATION(CLEAR_BUSY, NO_STEP), EACH_REBUILT, 0);
	add_each(p, SOURCE(RELEASE, NO_STEP), EACH, 0);
}

int vdev__migration_steps(struct vdev_migration_plan *plan)
{
	if (vdev__migration_plan_verdict(plan) == VDEV_MIGRATION_REFUSE)
		return 0;
	plan->step_size = plan->count * PER_DEVICE + OF_THE_VM;
	plan->steps = vdev__alloc(&plan->env, plan->step_size, sizeof(*plan->steps));
	if (!plan->steps) {
		plan->step_size = 0;
		return -ENOMEM;
	}
	add_before(plan);
	add_blackout(plan);
	add_after(plan);
	return 0;
}
