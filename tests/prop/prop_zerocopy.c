/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property test of the zero-copy engine: any sequence of events, against the naive model of
 * zerocopy_model.h, call by call; then everything must come to an end. Options: vt_prop.h.
 */
#include "prop_zerocopy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE 4096u

struct call {
	struct rig *g;
	const struct vt_event *e;
	struct zm_message *k; /* that it is about */
};

typedef void do_event(struct call *c);

static struct zm_message *pick(struct rig *g, uint32_t n, uint32_t state)
{
	struct zm_message *list[ZM_MESSAGES];
	uint32_t count = 0;

	for (uint32_t i = 0; i < ZM_MESSAGES; i++)
		if (g->m.message[i].used && (!state || g->m.message[i].state == state))
			list[count++] = &g->m.message[i];
	return count ? list[n % count] : NULL;
}

static void do_config(struct call *c)
{
	rig_say(c->g, "(the first event is the configuration)\n");
}

/* Mostly in RAM, so that they overlap; now and then anywhere. */
static struct vdev_zerocopy_block block_of(struct call *c)
{
	static const uint64_t timeouts[] = {0, 1, RIG_TIME / 5, RIG_TIME / 3, RIG_TIME, UINT64_MAX};
	static const uint32_t lengths[] = {PAGE, 2 * PAGE, 100, PAGE + 1, 5 * PAGE, 16 * PAGE};
	const struct vt_event *e = c->e;
	struct vdev_zerocopy_block b = {.struct_size = sizeof(b)};

	b.address = (1 << 20) + (uint64_t)(e->a % 40) * PAGE + (e->b & 3 ? 0 : e->b * 16u);
	b.length_bytes = lengths[e->c % COUNT(lengths)];
	b.timeout_ns = timeouts[(e->n & 0xff) % COUNT(timeouts)];
	b.destination = (e->n >> 8 & 0xff) % ZM_DESTINATIONS;
	b.flags = (e->n >> 16 & 3 ? 0 : VDEV_ZEROCOPY_RECEIVE) |
		  (e->n >> 18 & 1 ? VDEV_ZEROCOPY_ANY_SIZE : 0);
	if ((e->n >> 20 & 15) == 0)
		b.address = (1 << 24) + (e->a & 3) * (uint64_t)PAGE;
	if ((e->n >> 24 & 31) == 0)
		b.address = UINT64_MAX - e->a * 16u;
	if ((e->n >> 24 & 31) == 1)
		b.length_bytes = e->a & 1 ? 0 : UINT64_MAX - b.address + (e->a & 2);
	if ((e->n >> 24 & 31) == 2)
		b.destination = e->n;
	b.user_data = ++c->g->next_user_data;
	return b;
}

static void do_reserve(struct call *c)
{
	struct vdev_zerocopy_block b = block_of(c);
	struct rig *g = c->g;
	uint32_t queue = (c->e->n >> 29) % g->m.queues;
	uint64_t id = 0;
	int got = vdev_zerocopy_reserve(g->q[queue], &b, &id);

	rig_say(g, "reserve(%u, %#llx+%#llx to %u, flags %u) id %#llx", queue,
		(unsigned long long)b.address, (unsigned long long)b.length_bytes, b.destination,
		b.flags, (unsigned long long)id);
	ZM_REQUIRE(&g->m, zm_may_answer(&g->m, queue, &b, got), "reserve() answers %d", got);
	c->k = NULL;
	if (got == VDEV_ZEROCOPY_LEND && !g->m.failed)
		c->k = zm_reserved(&g->m, queue, &b, id);
	rig_compare(g, got, got);
}

static void do_sent(struct call *c)
{
	static const uint32_t odd[] = {0, 1, 2};
	struct zm_message *k = pick(c->g, c->e->a, VDEV_ZEROCOPY_RESERVED);
	uint64_t bytes;

	if (!k)
		return;
	bytes = k->length;
	if (c->e->b % 8 == 0)
		bytes = (bytes + 1) / 2;
	if (c->e->b % 32 == 1)
		bytes = k->length * odd[c->e->c % 3];
	rig_sent(c->g, k, bytes);
}

/* The two together, as it is mostly done. */
static void do_lend(struct call *c)
{
	do_reserve(c);
	if (c->k && !c->g->m.failed)
		rig_sent(c->g, c->k, c->k->length);
}

static void do_abort(struct call *c)
{
	struct zm_message *k = pick(c->g, c->e->a, VDEV_ZEROCOPY_RESERVED);

	if (!k)
		return;
	rig_say(c->g, "abort(%#llx)", (unsigned long long)k->id);
	rig_compare(c->g, vdev_zerocopy_abort(c->g->q[k->queue], k->id), zm_abort(&c->g->m, k));
}

static uint32_t completion(uint32_t n)
{
	static const uint32_t flags[] = {VDEV_ZEROCOPY_RESPONSE, VDEV_ZEROCOPY_TASK,
					 VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK};

	return flags[n % 3] | (n & 0x80 ? VDEV_ZEROCOPY_COPIED : 0);
}

static void do_complete(struct call *c)
{
	if (c->k)
		rig_complete(c->g, c->k->queue, c->k->id, c->k->id, completion(c->e->b));
}

static void do_range(struct call *c)
{
	uint64_t lo;

	if (!c->k)
		return;
	lo = c->k->id > 20 + (c->k->id >> 56 << 56) ? c->k->id - c->e->c % 20 : c->k->id;
	rig_complete(c->g, c->k->queue, lo, lo + c->e->n % 40, completion(c->e->b));
}

/* Of what is over, never was, or is another queue's. */
static void do_stale(struct call *c)
{
	struct zm *m = &c->g->m;
	uint64_t id =
		m->over_count
			? m->over[c->e->a % (m->over_count < ZM_OVER ? m->over_count : ZM_OVER)]
			: c->e->n;

	if (c->e->b & 1)
		id = (uint64_t)c->e->n << 32 | c->e->a;
	if (zm_find(m, id))
		return;
	rig_complete(c->g, c->e->c % m->queues, id, id, completion(c->e->b));
	rig_say(c->g, "reclaim(%#llx)", (unsigned long long)id);
	rig_compare(c->g, vdev_zerocopy_reclaim(c->g->z, m->now, id, 0), -ENOENT);
	rig_say(c->g, "sent(%#llx)", (unsigned long long)id);
	rig_compare(c->g, vdev_zerocopy_sent(c->g->q[0], m->now, id, 1), -ENOENT);
	rig_say(c->g, "abort(%#llx)", (unsigned long long)id);
	rig_compare(c->g, vdev_zerocopy_abort(c->g->q[0], id), -ENOENT);
}

static void do_expire(struct call *c)
{
	struct rig *g = c->g;
	uint32_t queue = c->e->a % g->m.queues;
	uint64_t now = g->m.now + c->e->b;

	rig_say(g, "expire(%u, %llu)", queue, (unsigned long long)now);
	rig_compare(g, vdev_zerocopy_expire(g->q[queue], now), zm_expire(&g->m, queue, now));
}

static void do_reclaim(struct call *c)
{
	uint32_t mode = c->e->b % 3;
	int got, want;

	if (!c->k)
		return;
	rig_say(c->g, "reclaim(%#llx, %u)", (unsigned long long)c->k->id, mode);
	got = vdev_zerocopy_reclaim(c->g->z, c->g->m.now, c->k->id, mode);
	want = zm_reclaim(&c->g->m, c->k, mode);
	rig_compare(c->g, got > 0 ? 0 : got, want);
}

static void do_reclaim_all(struct call *c)
{
	struct rig *g = c->g;
	uint32_t queue = c->e->a % 3, mode = c->e->b % 3, whole = c->e->c % 3 == 0;
	int zero = (mode ? mode : g->m.config.mode) == VDEV_ZEROCOPY_RESET, got, bad;

	queue = queue < g->m.queues ? queue : ZM_QUEUES;
	bad = whole && (queue < ZM_QUEUES || zero);
	rig_say(g, "reclaim_all(%u, mode %u, whole %u)", queue, mode, whole);
	got = vdev_zerocopy_reclaim_all(g->z, g->m.now, queue < ZM_QUEUES ? g->q[queue] : NULL,
					mode, whole ? VDEV_ZEROCOPY_WHOLE : 0);
	if (!bad)
		zm_reclaim_all(&g->m, queue, zero, 0, (int)whole);
	rig_compare(g, got > 0 ? 0 : got, bad ? -EINVAL : 0);
}

static void do_reset_begin(struct call *c)
{
	struct rig *g = c->g;
	uint32_t mode = c->e->b % 3, whole = c->e->c % 3 == 0;
	int got, want = g->m.in_reset ? -EBUSY : 0;

	rig_say(g, "reset_begin(mode %u, whole %u)", mode, whole);
	got = vdev_zerocopy_reset_begin(g->z, g->m.now, mode, whole ? VDEV_ZEROCOPY_WHOLE : 0);
	if (!want) {
		g->m.in_reset = 1;
		g->m.reset_zero = (mode ? mode : g->m.config.mode) == VDEV_ZEROCOPY_RESET;
		zm_collect(&g->m);
		zm_reclaim_all(&g->m, ZM_QUEUES, g->m.reset_zero, 1, (int)whole);
	}
	rig_compare(g, got > 0 ? 0 : got, want);
}

static void do_reset_end(struct call *c)
{
	rig_reset_end(c->g);
}

static void do_next(struct call *c)
{
	rig_next(c->g);
}

static void do_done(struct call *c)
{
	static const int statuses[] = {0, 0, 0, 0, 0, 0, 0, -EAGAIN, -EIO, -EAGAIN, 0, -ENOMEM};
	uint64_t ids[RIG_OUT];
	uint32_t n = zm_outstanding(&c->g->m, ids, COUNT(ids));

	if (n)
		rig_done(c->g, ids[c->e->a % n], statuses[c->e->b % COUNT(statuses)]);
}

static int is_out(struct zm *m, uint64_t id)
{
	uint64_t ids[RIG_OUT];
	uint32_t n = zm_outstanding(m, ids, COUNT(ids));

	while (n)
		if (ids[--n] == id)
			return 1;
	return 0;
}

static void do_late(struct call *c)
{
	struct rig *g = c->g;
	uint64_t id = c->e->n;

	if (g->id_count)
		id = g->ids[c->e->a % (g->id_count < COUNT(g->ids) ? g->id_count : COUNT(g->ids))];
	if (!is_out(&g->m, id))
		rig_done(g, id, c->e->b & 1 ? -EIO : 0);
}

static void do_drain(struct call *c)
{
	rig_say(c->g, "-- drain\n");
	rig_drain(c->g);
}

static void do_step(struct call *c)
{
	static const uint64_t after[] = {0,       1, RIG_TIME / 20, RIG_TIME / 10, RIG_TIME / 3,
					 RIG_TIME};

	rig_step(c->g, c->g->m.now + after[c->e->a % COUNT(after)]);
}

/* To the next deadline, or to just before it. */
static void do_alarm(struct call *c)
{
	uint64_t at;

	if (vdev_zerocopy_deadline(c->g->z, &at) != 1)
		return;
	at -= at && c->e->a % 8 == 7;
	rig_step(c->g, at > c->g->m.now ? at : c->g->m.now);
}

static void do_reload(struct call *c)
{
	static const uint64_t clocks[] = {0, 1, 1000000, 77777777777, UINT64_C(1) << 62};

	rig_reload(c->g, clocks[c->e->a % COUNT(clocks)]);
}

static const struct {
	struct vt_op op;
	do_event *run;
} events[] = {
	{{"config", 0}, do_config},
	{{"reserve", 10}, do_reserve},
	{{"sent", 9}, do_sent},
	{{"lend", 14}, do_lend},
	{{"abort", 1}, do_abort},
	{{"complete", 14}, do_complete},
	{{"range", 1}, do_range},
	{{"stale", 2}, do_stale},
	{{"expire", 3}, do_expire},
	{{"reclaim", 9}, do_reclaim},
	{{"reclaim_all", 1}, do_reclaim_all},
	{{"reset_begin", 1}, do_reset_begin},
	{{"reset_end", 4}, do_reset_end},
	{{"next", 24}, do_next},
	{{"done", 20}, do_done},
	{{"late", 2}, do_late},
	{{"drain", 2}, do_drain},
	{{"step", 6}, do_step},
	{{"alarm", 6}, do_alarm},
	{{"reload", 2}, do_reload},
};

static void perform(struct rig *g, const struct vt_event *e)
{
	struct call c = {.g = g, .e = e};

	if (e->op >= COUNT(events))
		return;
	c.k = pick(g, e->a, 0);
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
	struct vt_prop prop = {.name = "prop_zerocopy",
			       .ops = ops,
			       .op_count = COUNT(events),
			       .seed = 20261122,
			       .runs = 10000,
			       .length = 200,
			       .seconds = 20,
			       .run = run};

	for (uint32_t i = 0; i < COUNT(events); i++)
		ops[i] = events[i].op;
	return vt_prop_main(&prop, argc, argv);
}
