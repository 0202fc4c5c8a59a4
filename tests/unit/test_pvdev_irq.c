/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: interrupts and the driver's loop; the trace hook. */
#include "test_pvdev_rig.h"

static void pop(struct rig *g)
{
	wr(g, VDEV_GUEST_EVENT_POP, 0);
}

/* Edge and level, and the place where an edge could be lost. */
static void interrupts(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	/* Disabled: nothing, but the status tells. */
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0), 0);
	assert_int_equal(rd(&g, VDEV_GUEST_IRQ_STATUS), 1);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
	/* Enabled with an event waiting: now, and again whenever it is written. */
	assert_int_equal(wr(&g, VDEV_GUEST_IRQ_ENABLE, 0xffffffff), VDEV_PVDEV_RAISE);
	assert_int_equal(rd(&g, VDEV_GUEST_IRQ_ENABLE), 1);
	assert_int_equal(wr(&g, VDEV_GUEST_IRQ_ENABLE, 1), VDEV_PVDEV_RAISE);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 1);
	/* Into a queue that is not empty: the driver is on its way already. */
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0), 0);
	pop(&g);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 1);
	pop(&g);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
	assert_int_equal(rd(&g, VDEV_GUEST_IRQ_STATUS), 0);
	/* Into the empty one. */
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 1), VDEV_PVDEV_RAISE);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 1);
	assert_int_equal(wr(&g, VDEV_GUEST_IRQ_ENABLE, 0xfffffffe), 0);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
	pop(&g);
	assert_int_equal(wr(&g, VDEV_GUEST_IRQ_ENABLE, 1), 0);
	rig_end(&g);
}

/* One VMM thread that queues an event at the n-th point that the driver passes. */
struct race {
	struct rig *g;
	int at, step;
	int raised;
};

static void point(struct race *r)
{
	if (r->step++ == r->at && rig_perform(r->g, VDEV_REMOVAL_REDECLARE, 0, 0) > 0)
		r->raised = 1;
}

/* The loop of docs/pvdev.md; returns the events that it saw. */
static int drain(struct race *r)
{
	int seen = 0;

	point(r);
	wr(r->g, VDEV_GUEST_IRQ_ENABLE, 0);
	point(r);
	while (rd(r->g, VDEV_GUEST_EVENT) != VDEV_GUEST_EVENT_NONE) {
		point(r);
		pop(r->g);
		point(r);
		seen++;
	}
	point(r);
	if (wr(r->g, VDEV_GUEST_IRQ_ENABLE, 1) == VDEV_PVDEV_RAISE)
		r->raised = 1;
	point(r);
	return seen;
}

/* The same for a driver with MSI that leaves IRQ_ENABLE at 1. */
static int drain_enabled(struct race *r)
{
	int seen = 0;

	point(r);
	while (rd(r->g, VDEV_GUEST_EVENT) != VDEV_GUEST_EVENT_NONE) {
		point(r);
		pop(r->g);
		point(r);
		seen++;
	}
	point(r);
	return seen;
}

/* An event between each two accesses in turn: each is seen, with no other interrupt than those due. */
static void driver_loop_loses_nothing(void **state)
{
	int (*const loops[])(struct race *) = {drain, drain_enabled};
	struct rig g;

	(void)state;
	for (int i = 0; i < 24; i++) {
		struct race r = {.g = &g, .at = i / 2, .raised = 1};
		int seen = 0;

		rig_begin(&g, NULL);
		rig_ready(&g);
		wr(&g, VDEV_GUEST_IRQ_ENABLE, 1);
		assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, g.disk, 0),
				 VDEV_PVDEV_RAISE);
		while (r.raised) {
			r.raised = 0;
			seen += loops[i % 2](&r);
		}
		assert_int_equal(seen, 1 + (r.step > r.at));
		assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
		rig_end(&g);
	}
}

struct timeline {
	uint32_t n;
	struct vdev_trace last;
};

static void keep(void *user, const struct vdev_trace *t)
{
	struct timeline *l = user;

	if (t->part != VDEV_PART_PVDEV)
		return;
	l->n++;
	l->last = *t;
}

static void trace_tells_commands_and_events(void **state)
{
	struct timeline l = {0};
	const struct vdev_env env = {.struct_size = sizeof(env), .user = &l, .trace = keep};
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	vdev_pvdev_free(g.pvdev);
	assert_int_equal(vdev_pvdev_new(&g.pvdev, &env, &g.config), 0);
	vdev_removal_set_user_data(g.removal, g.disk, 77);
	rig_ready(&g);
	assert_int_equal(l.last.kind, VDEV_PVDEV_EV_EVENT + VDEV_GUEST_EVENT_REDECLARE);
	wr(&g, VDEV_GUEST_STATUS, STATUS_READY | VDEV_GUEST_S_FAILED);
	assert_int_equal(l.last.kind, VDEV_PVDEV_EV_STATUS);
	assert_int_equal(l.last.arg, STATUS_READY | VDEV_GUEST_S_FAILED);
	wr(&g, VDEV_GUEST_STATUS, 0);
	rig_ready(&g);
	cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, 99, 0);
	assert_int_equal(l.last.kind, VDEV_PVDEV_EV_COMMAND + VDEV_GUEST_CMD_DECLARE);
	assert_int_equal(l.last.arg, VDEV_GUEST_R_BAD_ARGUMENT);
	assert_int_equal(l.last.dev, g.disk);
	assert_int_equal(l.last.user_data, 77);
	assert_int_equal(l.last.what, VDEV_TRACE_EVENT);
	assert_int_equal(l.last.now_ns, g.now);
	cmd(&g, UINT32_MAX, DISK, 0, 0);
	assert_int_equal(l.last.kind, VDEV_PVDEV_EV_COMMAND);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	assert_int_equal(l.last.kind, VDEV_PVDEV_EV_EVENT + VDEV_GUEST_EVENT_EJECT);
	assert_int_equal(l.last.arg, (uint64_t)rd(&g, VDEV_GUEST_EVENT_COOKIE) << 32 | DISK);
	assert_int_equal(l.last.user_data, 77);
	/* two handshakes of 3 steps and a REDECLARE, FAILED, reset; 2 commands, 1 event */
	assert_int_equal(l.n, 2 * (3 + 1) + 1 + 1 + 2 + 1);
	/* A clock that goes back counts as the latest one. */
	g.now -= 1;
	cmd(&g, 0, DISK, 0, 0);
	assert_int_equal(l.last.now_ns, g.now + 1);
	rig_end(&g);
}

/* A repeated warning says what is left then; a wait without end says nothing. */
static void the_guest_is_told_its_time(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_KEEP, 0);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_TIME_MS), 10000);
	pop(&g);
	g.now += 4 * SECOND;
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 2), 0);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_TIME_MS), 10000); /* no engine call saw the time */
	pop(&g);
	rig_wait(&g, SECOND);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 3), 0);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_TIME_MS), 5000);
	pop(&g);
	rig_wait(&g, 5 * SECOND);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 4), 0);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_TIME_MS), 0);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts),
		cmocka_unit_test(driver_loop_loses_nothing),
		cmocka_unit_test(trace_tells_commands_and_events),
		cmocka_unit_test(the_guest_is_told_its_time),
	};

	return cmocka_run_group_tests_name("pvdev_irq", tests, NULL, NULL);
}
