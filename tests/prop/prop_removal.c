/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property test of the removal engine: any sequence of events, against the naive model of
 * removal_model.h and the monitor of removal_monitor.h, call by call; then everything must come to an
 * end. Options: vt_prop.h.
 */
#include "prop_removal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct call {
	struct rig *g;
	const struct vt_event *e;
	uint32_t unit; /* model's, 0: none */
	uint64_t handle;
};

typedef void do_event(struct call *c);

static void do_config(struct call *c)
{
	rig_say(c->g, "(the first event is the configuration)\n");
}

static uint32_t pick(const struct rig *g, uint32_t n)
{
	uint32_t live[M_UNITS], count = 0;

	for (uint32_t i = 1; i < M_UNITS; i++)
		if (g->m.unit[i].used)
			live[count++] = i;
	return count ? live[n % count] : 0;
}

static uint32_t class_of(uint32_t n)
{
	static const uint32_t classes[] = {
		VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_PCI_SLOT, VDEV_REMOVAL_PCI_FUNCTION,
		VDEV_REMOVAL_PCI_BRIDGE,   VDEV_REMOVAL_PCI_SLOT, VDEV_REMOVAL_PCI_FUNCTION,
		VDEV_REMOVAL_VIRTIO_MMIO,  VDEV_REMOVAL_MEMORY,   VDEV_REMOVAL_CPU,
		VDEV_REMOVAL_OTHER,
	};

	return classes[n % COUNT(classes)];
}

static struct vdev_removal_unit unit_of(const struct call *c, uint32_t parent)
{
	static const uint32_t caps[] = {0x13, 0x13, 0x33, 0x11, 0x3, 0x0, 0x10, 0x2};
	uint32_t n = c->e->n;
	struct vdev_removal_unit u = {.struct_size = sizeof(u)};

	u.unit_class = class_of(c->e->a);
	u.transport =
		u.unit_class == VDEV_REMOVAL_PCI_SLOT && (n & 3) ? VDEV_REMOVAL_PCIE : n >> 2 & 3;
	u.flags = (n >> 4 & 1 ? VDEV_REMOVAL_HOTPLUG : 0) |
		  ((n >> 5 & 3) == 1 ? VDEV_REMOVAL_TRACK_TOUCH : 0);
	u.parent = c->g->m.unit[parent].handle;
	u.user_data = c->g->next_user_data;
	u.name = n >> 7 & 15;
	u.function = n >> 11 & 3;
	u.unasked = (n >> 13 & 7) % 3;
	u.slot_cap = caps[n >> 16 & 7];
	return u;
}

static int add_error_fits(uint32_t errors, int got)
{
	return (got == -EEXIST && (errors & M_ADD_EXIST)) ||
	       (got == -ENOSPC && (errors & M_ADD_NOSPC)) ||
	       (got == -EBUSY && (errors & M_ADD_BUSY));
}

static void do_add(struct call *c)
{
	struct model *m = &c->g->m;
	uint32_t parent = c->e->b & 3 ? pick(c->g, c->e->b >> 2) : 0, i = 0, errors;
	struct vdev_removal_unit in = unit_of(c, parent);
	uint64_t handle = 0;
	int got;

	if (m->stats.units >= c->g->most_units && (c->e->c & 7))
		return;
	errors = m_add(m, &in, parent, &i);
	rig_say(c->g,
		"add(unit %u below %u: class %u, transport %u, flags %#x, function %u, cap %#x)", i,
		parent, in.unit_class, in.transport, in.flags, in.function, in.slot_cap);
	got = vdev_removal_add(c->g->r, m->now, &in, &handle);
	if (errors) {
		if (!add_error_fits(errors, got))
			m_fail(m, "add() gives %d, expected errors %#x", got, errors);
		rig_compare(c->g, got, got);
		return;
	}
	c->g->next_user_data++;
	m->unit[i].handle = handle;
	for (uint32_t k = 0; k < m->handle_count; k++)
		if (m->handles[k] == handle)
			m_fail(m, "R2: a handle came twice");
	m->handles[m->handle_count++ % M_IDS] = handle;
	rig_compare(c->g, got, m_waiting(m));
}

static void do_declare(struct call *c)
{
	static const uint32_t levels[] = {3, 3, 2, 2, 1, 0, 16, 17, 3, 2, 4, 32};
	uint32_t source = c->e->b % 9 == 8 ? 2 : c->e->b & 1, level = levels[c->e->c % 12];

	rig_say(c->g, "declare(unit %u, source %u, level %u)", c->unit, source, level);
	RIG_BOTH(c->g, vdev_removal_declare(c->g->r, c->g->m.now, c->handle, source, level),
		 m_declare(&c->g->m, c->unit, source, level));
}

static void do_forget(struct call *c)
{
	uint32_t i = c->e->b & 3 ? c->unit : 0;

	rig_say(c->g, "forget(unit %u)", i);
	RIG_BOTH(c->g, vdev_removal_forget(c->g->r, c->g->m.now, c->g->m.unit[i].handle),
		 m_forget(&c->g->m, i));
}

static struct vdev_removal_request request_of(const struct vt_event *e)
{
	static const uint64_t ack_ns[] = {0, 0, 0, 150, 40, 2000};
	struct vdev_removal_request q = {.struct_size = sizeof(q)};

	q.flags = (e->b % 5 == 4 ? VDEV_REMOVAL_FORCE : 0) | (e->b & 64 ? VDEV_REMOVAL_HOST : 0);
	q.ack_policy = e->c % 5;
	q.retries = e->n & 3;
	q.ack_ns = ack_ns[(e->n >> 2) % COUNT(ack_ns)];
	return q;
}

static void do_request(struct call *c)
{
	struct vdev_removal_request q = request_of(c->e);

	rig_say(c->g, "request(unit %u, flags %#x, policy %u, retries %u, ack_ns %llu)", c->unit,
		q.flags, q.ack_policy, q.retries, (unsigned long long)q.ack_ns);
	w_requested(&c->g->w, c->handle);
	RIG_BOTH(c->g, vdev_removal_request(c->g->r, c->g->m.now, c->handle, &q),
		 m_request(&c->g->m, c->unit, &q));
}

static void do_plan(struct call *c)
{
	struct vdev_removal_request q = request_of(c->e);

	rig_say(c->g, "plan(unit %u, flags %#x)", c->unit, q.flags);
	m_check_plan(&c->g->m, c->g->r, c->unit, &q);
	rig_compare(c->g, 0, 0);
}

#define SIMPLE(name)                                                                 \
	static void do_##name(struct call *c)                                        \
	{                                                                            \
		rig_say(c->g, #name "(unit %u)", c->unit);                           \
		RIG_BOTH(c->g, vdev_removal_##name(c->g->r, c->g->m.now, c->handle), \
			 m_##name(&c->g->m, c->unit));                               \
	}
SIMPLE(ack)
SIMPLE(progress)

static void do_cancel(struct call *c)
{
	int got;

	rig_say(c->g, "cancel(unit %u)", c->unit);
	got = vdev_removal_cancel(c->g->r, c->g->m.now, c->handle);
	if (got >= 0)
		w_cancelled(&c->g->w);
	rig_compare(c->g, got, m_cancel(&c->g->m, c->unit));
}

#define WHOLE(name)                                                                            \
	static void do_##name(struct call *c)                                                  \
	{                                                                                      \
		rig_say(c->g, #name "()");                                                     \
		RIG_BOTH(c->g, vdev_removal_##name(c->g->r, c->g->m.now), m_##name(&c->g->m)); \
	}
WHOLE(hold)
WHOLE(unhold)
WHOLE(pause)
WHOLE(resume)
WHOLE(reset_begin)
WHOLE(reset_end)

static void do_refuse(struct call *c)
{
	uint32_t reason = c->e->b % (VDEV_REMOVAL_REASONS + 1);

	rig_say(c->g, "refuse(unit %u, %u)", c->unit, reason);
	RIG_BOTH(c->g, vdev_removal_refuse(c->g->r, c->g->m.now, c->handle, reason),
		 m_refuse(&c->g->m, c->unit, reason));
}

static void do_ost(struct call *c)
{
	static const uint32_t events[] = {0x3, 0x103, 0x3, 0x200};
	static const uint32_t codes[] = {0, 0x84, 0x80, 0x81, 0x82, 0x83, 1, 2, 0x85};
	uint32_t event = events[c->e->b & 3], code = codes[c->e->c % COUNT(codes)];

	rig_say(c->g, "ost(unit %u, %#x, %#x)", c->unit, event, code);
	RIG_BOTH(c->g, vdev_removal_ost(c->g->r, c->g->m.now, c->handle, event, code),
		 m_ost(&c->g->m, c->unit, event, code));
}

/* Mostly what a guest does with a slot: on, blinking, off; now and then anything. */
static void do_slot(struct call *c)
{
	static const uint32_t controls[] = {0x121, 0x121, 0x221, 0x721, 0x721, 0x321, 0x521, 0x100};
	static const uint32_t statuses[] = {0x40, 0x40, 0, 0x41, 0x48, 0x148, 0x1, 0x40};
	uint32_t control = controls[c->e->b & 7], status = statuses[c->e->c & 7];
	uint32_t i = c->unit;

	for (uint32_t k = 0; k < 4 && !m_is_slot(&c->g->m, i); k++)
		i = pick(c->g, c->e->a + k);
	if (c->e->b > 240)
		control = c->e->n;
	rig_say(c->g, "slot(unit %u, %#x, %#x)", i, control, status);
	RIG_BOTH(c->g,
		 vdev_removal_slot(c->g->r, c->g->m.now, c->g->m.unit[i].handle, control, status),
		 m_slot(&c->g->m, i, control, status));
}

static void do_ready(struct call *c)
{
	uint32_t i = c->e->b & 1 ? c->unit : 0, ready = c->e->c % 5 == 4 ? 2 : (c->e->c & 3) != 0;

	rig_say(c->g, "ready(unit %u, %u)", i, ready);
	RIG_BOTH(c->g, vdev_removal_ready(c->g->r, c->g->m.now, c->g->m.unit[i].handle, ready),
		 m_ready(&c->g->m, i, ready));
}

static void do_touch(struct call *c)
{
	rig_say(c->g, "touch(unit %u)", c->unit);
	c->g->m.unit[c->unit].touched = 1;
	RIG_BOTH(c->g, vdev_removal_touch(c->g->r, c->handle), 0);
}

static void do_backend_gone(struct call *c)
{
	rig_say(c->g, "backend_gone(unit %u)", c->unit);
	RIG_BOTH(c->g, vdev_removal_backend_gone(c->g->r, c->handle),
		 m_backend_gone(&c->g->m, c->unit));
}

static void do_next(struct call *c)
{
	rig_say(c->g, "next()");
	rig_next(c->g);
}

static void do_done(struct call *c)
{
	static const int statuses[] = {0, 0, 0, 0, 0, -EAGAIN, -EBUSY, -EIO, 0, -ETIMEDOUT};
	uint64_t ids[3 * M_UNITS];
	uint32_t n = rig_outstanding(c->g, ids);

	if (n)
		rig_done(c->g, ids[c->e->a % n], statuses[c->e->b % COUNT(statuses)]);
}

static void do_drain(struct call *c)
{
	rig_say(c->g, "-- drain\n");
	rig_drain(c->g);
}

static void do_step(struct call *c)
{
	static const uint64_t after[] = {0,          1,           30,         60,
					 110,        300,         1000000001, 2000000000,
					 5000000000, 11000000000, 61000000000};

	rig_step(c->g, c->g->m.now + after[c->e->a % COUNT(after)]);
}

/* To the next deadline, or to just before it. */
static void do_alarm(struct call *c)
{
	uint64_t at;

	if (vdev_removal_deadline(c->g->r, &at) != 1)
		return;
	at -= at && (c->e->a & 7) == 7;
	rig_step(c->g, at > c->g->m.now ? at : c->g->m.now);
}

static void do_reload(struct call *c)
{
	static const uint64_t clocks[] = {0, 1, 1000000, 77777777777, UINT64_C(1) << 62};

	rig_reload(c->g, clocks[c->e->a % COUNT(clocks)]);
}

static void do_address(struct call *c)
{
	uint64_t address = c->e->b & 7 ? c->e->b & 7 : VDEV_NONE;
	struct model *m = &c->g->m;

	rig_say(c->g, "set_address(unit %u, %#llx)", c->unit, (unsigned long long)address);
	for (uint32_t i = 1; i < M_UNITS; i++)
		if (address != VDEV_NONE && m->unit[i].address == address)
			m->unit[i].address = VDEV_NONE;
	m->unit[c->unit].address = address;
	RIG_BOTH(c->g, vdev_removal_set_address(c->g->r, c->handle, address), 0);
}

#define S(kind, undo)                          \
	{                                      \
		VDEV_REMOVAL_##kind, undo, 500 \
	}
#define OWN(n) (VDEV_REMOVAL_OWN_STEP_FIRST + (n))

/* Good ones and bad ones; the model says which. */
static const struct vdev_removal_step sets[][8] = {
	{S(WARN, VDEV_REMOVAL_UNWARN), S(AWAIT_ACK, 0), S(HIDE, 0), S(TEARDOWN, 0), S(RELEASE, 0)},
	{S(OWN_STEP_FIRST, OWN(1)), S(WARN, VDEV_REMOVAL_UNWARN), S(AWAIT_ACK, 0), S(HIDE, 0),
	 S(RELEASE, 0)},
	{S(QUIESCE, VDEV_REMOVAL_RESUME), S(OWN_STEP_LAST, 0), S(HIDE, 0), S(DRAIN, 0),
	 S(OWN_STEP_FIRST, 0), S(RELEASE, 0)},
	{S(HIDE, 0), S(RELEASE, 0)},
	{S(WARN, 0), S(AWAIT_ACK, 0), S(QUIESCE, OWN(2)), S(HIDE, 0), S(RELEASE, 0)},
	{S(QUIESCE, VDEV_REMOVAL_RESUME), S(OWN_STEP_FIRST, OWN(1)), S(HIDE, 0), S(RELEASE, 0)},
	{S(DRAIN, 0), S(HIDE, 0), S(RELEASE, 0)},
	{S(WARN, 0), S(HIDE, 0), S(RELEASE, 0)},
	{S(HIDE, 0), S(RELEASE, 0), S(DRAIN, 0)},
	{S(HIDE, VDEV_REMOVAL_RESUME), S(RELEASE, 0)},
	{S(HIDE, 0), S(DRAIN, OWN(1)), S(RELEASE, 0)},
	{S(OWN_STEP_FIRST, 0), S(HIDE, 0), S(OWN_STEP_FIRST, 0), S(RELEASE, 0)},
};

static void do_sets(struct call *c)
{
	static const uint32_t levels[] = {0, 1, 2, 3, 16, 17};
	uint32_t unit_class = class_of(c->e->a), level = levels[c->e->b % 6], n = 0;
	const struct vdev_removal_step *s = sets[c->e->c % COUNT(sets)];
	int expected;

	while (c->e->n & 3 && n < 8 && s[n].kind)
		n++;
	rig_say(c->g, "set_actions(class %u, level %u, set %u, %u steps)", unit_class, level,
		(uint32_t)(c->e->c % COUNT(sets)), n);
	expected = m_set_actions(&c->g->m, unit_class, level, s, n);
	RIG_BOTH(c->g, vdev_removal_set_actions(c->g->r, unit_class, level, n ? s : NULL, n),
		 expected);
	if (!n && !expected)
		m_take_preset(&c->g->m, c->g->r, unit_class, level);
}

/* Handles and ids that are stale, foreign or made up are refused, and nothing happens. */
static void do_stale(struct call *c)
{
	struct model *m = &c->g->m;
	uint64_t old = m->handle_count ? m->handles[c->e->a % m->handle_count] : 0;
	uint64_t bad = c->e->b & 1 ? old : (uint64_t)c->e->n << 16 | c->e->a;
	struct vdev_removal_info info;

	if (!bad || m_find(m, bad))
		return;
	rig_say(c->g, "stale handle %#llx", (unsigned long long)bad);
	if (vdev_removal_get(c->g->r, bad, &info, sizeof(info)) != -ENOENT ||
	    vdev_removal_level(c->g->r, bad) != -ENOENT ||
	    vdev_removal_cancel(c->g->r, m->now, bad) != -ENOENT ||
	    vdev_removal_touch(c->g->r, bad) != -ENOENT ||
	    vdev_removal_ack(c->g->r, m->now, bad) != -ENOENT)
		m_fail(m, "a stale handle is taken");
	RIG_BOTH(c->g, vdev_removal_request(c->g->r, m->now, bad, NULL), -ENOENT);
}

static int outstanding(const struct rig *g, uint64_t id)
{
	uint64_t ids[3 * M_UNITS];
	uint32_t n = rig_outstanding(g, ids);

	while (n)
		if (ids[--n] == id)
			return 1;
	return 0;
}

static void do_late(struct call *c)
{
	struct model *m = &c->g->m;
	uint64_t id = m->id_count ? m->ids[c->e->a % m->id_count] : c->e->n;

	if (!outstanding(c->g, id))
		rig_done(c->g, id, c->e->b & 1 ? -EIO : 0);
}

static const struct {
	struct vt_op op;
	do_event *run;
	int on_unit;
} events[] = {
	{{"config", 0}, do_config, 0},
	{{"add", 9}, do_add, 0},
	{{"declare", 6}, do_declare, 1},
	{{"forget", 2}, do_forget, 1},
	{{"request", 10}, do_request, 1},
	{{"plan", 2}, do_plan, 1},
	{{"cancel", 4}, do_cancel, 1},
	{{"ack", 5}, do_ack, 1},
	{{"refuse", 3}, do_refuse, 1},
	{{"progress", 1}, do_progress, 1},
	{{"ost", 2}, do_ost, 1},
	{{"slot", 9}, do_slot, 1},
	{{"ready", 5}, do_ready, 1},
	{{"touch", 2}, do_touch, 1},
	{{"backend_gone", 1}, do_backend_gone, 1},
	{{"reset_begin", 2}, do_reset_begin, 0},
	{{"reset_end", 3}, do_reset_end, 0},
	{{"pause", 1}, do_pause, 0},
	{{"resume", 2}, do_resume, 0},
	{{"hold", 1}, do_hold, 0},
	{{"unhold", 2}, do_unhold, 0},
	{{"next", 34}, do_next, 0},
	{{"done", 28}, do_done, 0},
	{{"drain", 5}, do_drain, 0},
	{{"step", 8}, do_step, 0},
	{{"alarm", 8}, do_alarm, 0},
	{{"reload", 3}, do_reload, 0},
	{{"address", 1}, do_address, 1},
	{{"sets", 2}, do_sets, 0},
	{{"stale", 1}, do_stale, 0},
	{{"late", 2}, do_late, 0},
};

/*
 * The caller's clock goes on, or seems to go back, between calls, and the engine hears of it by a call
 * that changes nothing: so what is due is still waiting for step() when the event comes.
 */
static void tick(struct rig *g, uint32_t n)
{
	static const uint64_t after[] = {1, 10, 35, 60, 150, 1000000000, 0};
	uint32_t k = n >> 27;
	uint64_t now;

	if (k >= COUNT(after))
		return;
	now = after[k] || g->m.now < 5 ? g->m.now + after[k] : g->m.now - 5;
	rig_say(g, "(clock: %llu)\n", (unsigned long long)now);
	m_tick(&g->m, now);
	if (g->m.paused)
		vdev_removal_pause(g->r, now);
	else
		vdev_removal_resume(g->r, now);
}

static void perform(struct rig *g, const struct vt_event *e)
{
	struct call c = {.g = g, .e = e};

	if (e->op >= COUNT(events))
		return;
	if (events[e->op].on_unit) {
		c.unit = pick(g, e->a);
		c.handle = g->m.unit[c.unit].handle;
		if (!c.unit)
			return;
	}
	tick(g, e->n);
	events[e->op].run(&c);
}

static int run(void *ctx, const struct vt_event *list, uint32_t count, FILE *log, char *why,
	       size_t size)
{
	struct rig *g = calloc(1, sizeof(*g));
	int failed;

	(void)ctx;
	if (!g)
		return 1;
	g->log = log;
	if (!rig_init(g, count && list[0].op == 0 ? list[0].n : 0, why, size)) {
		for (uint32_t i = 0; i < count && !g->m.failed; i++)
			perform(g, &list[i]);
		if (!g->m.failed)
			rig_settle(g);
		rig_fini(g);
	}
	failed = g->m.failed;
	if (failed)
		rig_say(g, "\nfailed: %s\n", why);
	free(g);
	return failed;
}

int main(int argc, char **argv)
{
	struct vt_op ops[COUNT(events)];
	struct vt_prop prop = {.name = "prop_removal",
			       .ops = ops,
			       .op_count = COUNT(events),
			       .seed = 20261121,
			       .runs = 2000,
			       .length = 200,
			       .seconds = 20,
			       .run = run};

	for (uint32_t i = 0; i < COUNT(events); i++)
		ops[i] = events[i].op;
	return vt_prop_main(&prop, argc, argv);
}
