/* SPDX-License-Identifier: BSD-3-Clause */
/* Property test of the zero-copy engine: each call goes to engine and model, and all is compared. */
#include "prop_zerocopy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void rig_say(struct rig *g, const char *fmt, ...)
{
	va_list args;

	if (!g->log)
		return;
	va_start(args, fmt);
	vfprintf(g->log, fmt, args);
	va_end(args);
}

/* Small limits, so that each is reached; with one queue they are exact to the byte. */
static void choose_config(struct rig *g, uint32_t shape)
{
	struct vdev_zerocopy_config *c = &g->config;

	c->struct_size = sizeof(*c);
	c->max_queues = ZM_QUEUES;
	c->max_destinations = ZM_DESTINATIONS;
	c->until = shape & 3;
	c->mode = shape >> 2 & 1 ? VDEV_ZEROCOPY_RESET : VDEV_ZEROCOPY_PRESERVE;
	c->timeout_min_ns = RIG_TIME / 10;
	c->timeout_max_ns = RIG_TIME;
	c->timeout_ns = RIG_TIME / 2;
	c->max_blocks = shape >> 4 & 1 ? 6 : 30;
	c->max_bytes = shape >> 5 & 1 ? 20 * PAGE : 100 * PAGE;
	c->destination_blocks = shape >> 6 & 1 ? 4 : 12;
	c->destination_bytes = shape >> 7 & 1 ? 12 * PAGE : 60 * PAGE;
	c->quarantine_bytes = shape >> 8 & 1 ? 10 * PAGE : 1000 * PAGE;
	c->destination_quarantine_bytes = shape >> 9 & 1 ? 6 * PAGE : 1000 * PAGE;
	c->offline_ns = RIG_TIME / 2;
	c->retry_ns = RIG_TIME / 20;
	g->m.config = *c;
	g->m.queues = shape >> 3 & 1 ? 2 : 1;
}

static void add_memory(struct rig *g, uint32_t i, uint64_t address, uint64_t granules,
		       uint64_t granule, uint32_t flags)
{
	const struct vdev_zerocopy_memory memory = {.struct_size = sizeof(memory),
						    .flags = flags,
						    .address = address,
						    .size_bytes = granules * granule,
						    .granule_bytes = granule};
	struct zm_region *r = &g->m.region[i];

	*r = (struct zm_region){.address = address,
				.size = granules * granule,
				.granule = granule,
				.fixed = (flags & VDEV_ZEROCOPY_FIXED) != 0};
	if (i)
		r->first = r[-1].first + (uint32_t)(r[-1].size / r[-1].granule);
	ZM_REQUIRE(&g->m, vdev_zerocopy_add_memory(g->z, &memory) == 0, "add_memory()");
}

int rig_init(struct rig *g, uint32_t shape, char *why, size_t size)
{
	const struct vdev_zerocopy_queue_config queue = {.struct_size = sizeof(queue),
							 .slots = ZM_SLOTS};

	g->m.why = why;
	g->m.why_size = size;
	g->m.now = 1000000;
	g->m.whole.out.paused = g->m.whole.out.until = VDEV_NONE;
	vt_env_init(&g->env);
	choose_config(g, shape);
	rig_say(g, "until %u mode %u queues %u blocks %llu/%llu\n", g->config.until, g->config.mode,
		g->m.queues, (unsigned long long)g->config.max_blocks,
		(unsigned long long)g->config.destination_blocks);
	if (vdev_zerocopy_new(&g->z, &g->env.env, &g->config)) {
		zm_fail(&g->m, "new()");
		return -1;
	}
	add_memory(g, 0, 1 << 20, 24, PAGE, 0);
	add_memory(g, 1, (1 << 20) + 24 * PAGE, 4, 4 * PAGE, 0);
	add_memory(g, 2, 1 << 24, 4, PAGE, VDEV_ZEROCOPY_FIXED);
	for (uint32_t i = 0; i < g->m.queues; i++)
		ZM_REQUIRE(&g->m, vdev_zerocopy_add_queue(g->z, &queue, &g->q[i]) == 0, "queue");
	return 0;
}

void rig_fini(struct rig *g)
{
	vdev_zerocopy_free(g->z);
	ZM_REQUIRE(&g->m, vt_env_check(&g->env) == 0, "memory is left");
}

static void compare_message(struct rig *g, struct zm_message *k)
{
	struct vdev_zerocopy_info i = {0};
	struct zm *m = &g->m;

	if (vdev_zerocopy_get(g->z, k->id, &i, sizeof(i))) {
		zm_fail(m, "message %#llx is not found, expected %s", (unsigned long long)k->id,
			vdev_zerocopy_state_name(k->state));
		return;
	}
	zm_state(m, k, i.state);
	ZM_REQUIRE(m, i.seen == k->seen, "seen %u, expected %u", i.seen, k->seen);
	ZM_REQUIRE(m, i.address == k->address && i.length_bytes == k->length, "block of a message");
	ZM_REQUIRE(m, i.timeout_ns == k->timeout && i.flags == k->flags, "time-out of a message");
	ZM_REQUIRE(m, i.deadline_ns == k->deadline, "deadline %llu of %#llx, expected %llu",
		   (unsigned long long)i.deadline_ns, (unsigned long long)k->id,
		   (unsigned long long)k->deadline);
	ZM_REQUIRE(m, i.user_data == k->user_data && i.destination == k->destination, "user_data");
	ZM_REQUIRE(m, i.action_id == (k->out.again ? 0 : k->out.id), "action_id of a message");
}

static void compare_messages(struct rig *g)
{
	struct vdev_zerocopy_info info;
	uint64_t cursor = 0;
	uint32_t walked = 0, used = 0;

	for (uint32_t i = 0; i < ZM_MESSAGES && !g->m.failed; i++)
		if (g->m.message[i].used) {
			compare_message(g, &g->m.message[i]);
			used++;
		}
	while (walked <= ZM_MESSAGES && vdev_zerocopy_walk(g->z, &cursor, &info, sizeof(info)) == 1)
		walked++;
	ZM_REQUIRE(&g->m, walked == used, "%u messages, expected %u", walked, used);
}

#define SAME(field)                                                                  \
	ZM_REQUIRE(m, s.field == m->n.field, "stats." #field " %llu, expected %llu", \
		   (unsigned long long)s.field, (unsigned long long)m->n.field)

static void compare_stats(struct rig *g)
{
	uint64_t blocks = 0, bytes = 0, held = 0;
	struct vdev_zerocopy_stats s;
	struct zm *m = &g->m;

	for (uint32_t i = 0; i < ZM_MESSAGES; i++) {
		const struct zm_message *k = &m->message[i];

		if (!k->used)
			continue;
		held += k->state == VDEV_ZEROCOPY_QUARANTINED;
		blocks += k->state != VDEV_ZEROCOPY_QUARANTINED;
		bytes += k->state != VDEV_ZEROCOPY_QUARANTINED ? k->length : 0;
	}
	vdev_zerocopy_stats(g->z, &s, sizeof(s));
	ZM_REQUIRE(m, s.blocks == blocks && s.bytes == bytes,
		   "in flight %llu (%llu), expected %llu (%llu)", (unsigned long long)s.blocks,
		   (unsigned long long)s.bytes, (unsigned long long)blocks,
		   (unsigned long long)bytes);
	ZM_REQUIRE(m, s.quarantined_blocks == held && s.quarantined_bytes == m->quarantined,
		   "in quarantine");
	SAME(lent);
	SAME(refused);
	SAME(aborted);
	SAME(partial);
	SAME(settled);
	SAME(timed_out);
	SAME(stale);
	SAME(reclaimed);
	SAME(granules);
	SAME(reclaim_refused);
	SAME(cancels);
	SAME(bad_done);
}

static void compare_deadline(struct rig *g)
{
	uint64_t got = VDEV_NONE, expected = VDEV_NONE;
	int ret = vdev_zerocopy_deadline(g->z, &got), want = zm_deadline(&g->m, &expected);

	/* Any time that has passed means: at once. That there is work nobody else may know. */
	if (want == 2 || (ret == 1 && got <= g->m.now))
		ZM_REQUIRE(&g->m, ret == 1 && got <= g->m.now, "deadline: there is work at once");
	else
		ZM_REQUIRE(&g->m, ret == want && got == expected, "deadline %llu, expected %llu",
			   (unsigned long long)got, (unsigned long long)expected);
}

void rig_compare(struct rig *g, int got, int expected)
{
	rig_say(g, " = %d\n", got);
	ZM_REQUIRE(&g->m, got == expected, "returns %d, expected %d", got, expected);
	if (!g->m.failed)
		compare_messages(g);
	if (!g->m.failed)
		compare_stats(g);
	if (!g->m.failed)
		compare_deadline(g);
}

/* next() itself may end a reclaim whose message is complete by now. */
static void learn_states(struct rig *g)
{
	struct vdev_zerocopy_info i;

	for (uint32_t k = 0; k < ZM_MESSAGES; k++)
		if (g->m.message[k].used &&
		    !vdev_zerocopy_get(g->z, g->m.message[k].id, &i, sizeof(i)))
			zm_state(&g->m, &g->m.message[k], i.state);
}

int rig_next(struct rig *g)
{
	struct vdev_action a;

	if (g->m.failed || vdev_zerocopy_next(g->z, &a, sizeof(a)) != 1)
		return 0;
	rig_say(g, "  %s %#llx of %#llx flags %#x (%#llx, %#llx, %lld)",
		vdev_zerocopy_kind_name(a.kind), (unsigned long long)a.id,
		(unsigned long long)a.dev, a.flags, (unsigned long long)a.arg[0],
		(unsigned long long)a.arg[1], (long long)(int64_t)a.arg[2]);
	g->ids[g->id_count++ % COUNT(g->ids)] = a.id;
	learn_states(g);
	zm_given(&g->m, &a);
	rig_compare(g, 1, 1);
	return 1;
}

static struct zm_action *cancelled(struct rig *g, uint64_t id)
{
	struct zm_action *a;

	for (uint32_t i = 0; (a = zm_action(&g->m, i)); i++)
		if (a->cancel == 2 && a->cancel_id == id)
			return a;
	return NULL;
}

void rig_done(struct rig *g, uint64_t id, int status)
{
	struct zm_action *cancel = cancelled(g, id);
	int got, known;

	rig_say(g, "done(%#llx, %d)", (unsigned long long)id, status);
	got = vdev_zerocopy_done(g->z, g->m.now, id, status);
	if (cancel) {
		cancel->cancel = cancel->id && cancel->kind == VDEV_ZEROCOPY_OFFLINE ? 3 : 0;
		known = 1;
	} else {
		known = zm_done(&g->m, id, status);
	}
	g->m.n.bad_done += !known;
	rig_compare(g, known ? got >= 0 : got, known ? 1 : -ENOENT);
}

void rig_step(struct rig *g, uint64_t now)
{
	int got;

	rig_say(g, "step(%llu)", (unsigned long long)now);
	got = vdev_zerocopy_step(g->z, now);
	zm_step(&g->m, now);
	rig_compare(g, got >= 0, 1);
}

void rig_drain(struct rig *g)
{
	uint64_t ids[RIG_OUT];
	uint32_t taken, n, rounds = 0;

	do {
		int waiting;

		zm_step(&g->m, g->m.now);
		waiting = vdev_zerocopy_step(g->z, g->m.now);
		for (taken = 0; rig_next(g); taken++)
			;
		ZM_REQUIRE(&g->m, (int)taken == waiting, "%u actions, step() said %d", taken,
			   waiting);
		if (!taken && !g->m.failed)
			zm_quiet(&g->m);
		n = zm_outstanding(&g->m, ids, COUNT(ids));
		for (uint32_t i = 0; i < n && !g->m.failed; i++)
			rig_done(g, ids[i], 0);
		ZM_REQUIRE(&g->m, rounds++ < 1000, "does not come to an end");
	} while (taken && !g->m.failed);
}

static uint8_t *image_of(struct rig *g, size_t *ret_size)
{
	uint8_t *image;
	size_t size = 0;

	vdev_zerocopy_save(g->z, g->m.now, NULL, 0, &size);
	image = malloc(size);
	if (!image || vdev_zerocopy_save(g->z, g->m.now, image, size, ret_size) ||
	    *ret_size != size)
		zm_fail(&g->m, "save()");
	return image;
}

void rig_reload(struct rig *g, uint64_t now)
{
	struct vdev_zerocopy *loaded = NULL;
	size_t size = 0;
	uint8_t *image = image_of(g, &size);
	int ret;

	if (g->m.failed) {
		free(image);
		return;
	}
	rig_say(g, "reload(%llu)", (unsigned long long)now);
	zm_collect(&g->m); /* as save() does; what comes of it is the old object's */
	learn_states(g);
	ret = vdev_zerocopy_load(&g->env.env, &g->config, 0, now, image, size, &loaded);
	free(image);
	if (ret) {
		zm_fail(&g->m, "load(): %d", ret);
		return;
	}
	vdev_zerocopy_free(g->z);
	g->z = loaded;
	zm_reload(&g->m, now);
	for (uint32_t i = 0; i < g->m.queues; i++)
		vdev_zerocopy_queue_at(g->z, i, &g->q[i]);
	for (uint32_t i = 0; i < ZM_MESSAGES; i++)
		if (g->m.message[i].used)
			vdev_zerocopy_set_user_data(g->z, g->m.message[i].id,
						    g->m.message[i].user_data);
	rig_compare(g, ret, 0);
}

void rig_complete(struct rig *g, uint32_t queue, uint64_t lo, uint64_t hi, uint32_t flags)
{
	uint64_t settled = 0, expected = 0;
	int got, want = -ENOENT, one;

	rig_say(g, "complete(%u, %#llx..%#llx, %u)", queue, (unsigned long long)lo,
		(unsigned long long)hi, flags);
	got = vdev_zerocopy_complete(g->q[queue], lo, hi, flags, &settled);
	for (uint64_t id = lo; id <= hi; id++) {
		struct zm_message *k = zm_find(&g->m, id);
		int ret = zm_complete(&g->m, k && k->queue == queue ? k : NULL, flags, &one);

		if (ret >= 0)
			want = want < 0 ? ret : want | ret;
		expected |= (uint64_t)one << (id - lo);
	}
	ZM_REQUIRE(&g->m, settled == expected, "settled %#llx, expected %#llx",
		   (unsigned long long)settled, (unsigned long long)expected);
	rig_compare(g, got, want);
}

void rig_sent(struct rig *g, struct zm_message *k, uint64_t bytes)
{
	int got, want, wake;

	rig_say(g, "sent(%#llx, %llu)", (unsigned long long)k->id, (unsigned long long)bytes);
	got = vdev_zerocopy_sent(g->q[k->queue], g->m.now, k->id, bytes);
	want = zm_sent(&g->m, k, bytes, &wake);
	rig_compare(g, wake && got > 0 ? got & ~VDEV_ZEROCOPY_WAKE : got, want);
}

void rig_reset_end(struct rig *g)
{
	int got, want;

	rig_say(g, "reset_end()");
	got = vdev_zerocopy_reset_end(g->z, g->m.now);
	want = zm_reset_end(&g->m);
	rig_compare(g, got > 0 ? 0 : got, want);
}

static void send_or_complete(struct rig *g, struct zm_message *k)
{
	if (k->state == VDEV_ZEROCOPY_RESERVED)
		rig_sent(g, k, k->length);
	if (k->used && ~k->seen & (VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK))
		rig_complete(g, k->queue, k->id, k->id,
			     VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK);
}

void rig_settle(struct rig *g)
{
	struct zm *m = &g->m;

	rig_say(g, "-- settle\n");
	rig_drain(g);
	for (uint32_t i = 0; i < ZM_MESSAGES && !m->failed; i++)
		if (m->message[i].used)
			send_or_complete(g, &m->message[i]);
	for (uint32_t i = 0; i < 100 && !m->failed; i++) {
		rig_drain(g);
		rig_step(g, m->now + RIG_TIME / 20);
	}
	if (m->in_reset && !m->failed)
		rig_reset_end(g);
	for (uint32_t i = 0; i < ZM_MESSAGES; i++)
		ZM_REQUIRE(m, !m->message[i].used, "message %#llx does not end",
			   (unsigned long long)m->message[i].id);
	ZM_REQUIRE(m, !m->in_reset && !m->whole.active, "the VM is not quiet");
}
