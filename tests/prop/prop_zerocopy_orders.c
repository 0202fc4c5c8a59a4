/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All orders of {response, task, tick, reclaim, reset, save and load} up to length 6, of one message,
 * against the naive model of zerocopy_one.h: for each predicate, mode and kind of block, and with
 * sent() or the ends of OFFLINE coming later. After each event all that can be seen is compared: what
 * the call returned, each action, the facts of the message, the counters, the deadline; at the end the
 * guest was told exactly once (Z6). Prints how many orders were run and in how many something differed.
 *
 * VT_ORDERS=N: up to length N in each variant. Under sanitizers 4.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zerocopy_one.h"

#define EVENTS 6u
#define LONGEST 8u
#define ROOM (1024u * 1024u) /* one engine, or two while one is loaded from the other */
#define TICK (ONE_TIMEOUT * 6 / 10)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const names[EVENTS] = {"response", "task", "tick", "reclaim", "reset", "reload"};

/* How a sequence is played. */
struct variant {
	const char *name;
	uint32_t sent_after; /* so many events */
	uint32_t done_after; /* OFFLINE ends so many events later */
	uint32_t lazy; /* nobody calls step() but at a tick's next event */
	uint32_t longest; /* of all orders, this length is the last */
};

static const struct variant variants[] = {
	{"at once", 0, 0, 0, 6},
	{"sent after 1", 1, 0, 0, 5},
	{"sent after 2", 2, 0, 0, 6},
	{"sent after 4", 4, 0, 0, 5},
	{"done after 1", 0, 1, 0, 6},
	{"done after 2", 0, 2, 0, 5},
	{"both after 2", 2, 2, 0, 5},
	{"lazy", 0, 0, 1, 6},
	{"lazy, done after 1", 0, 1, 1, 5},
	{"lazy, sent after 2", 2, 0, 1, 5},
};

struct run {
	struct one m;
	struct vdev_zerocopy *z;
	struct vdev_zerocopy_queue *q;
	struct vdev_zerocopy_config config;
	const struct variant *v;
	uint64_t id;
	uint64_t offline; /* id of the OFFLINE that is not done, 0: none */
	uint64_t given; /* id of the last action that can come again */
	uint32_t wait; /* events until it is done */
	uint64_t used; /* of the arena */
	uint32_t half; /* of the arena */
	char why[256];
};

static _Alignas(64) unsigned char arena[2][ROOM];

/* Memory of one engine at a time, given back all at once: tests of leaks are elsewhere. */
static void *arena_alloc(void *user, size_t size)
{
	struct run *r = user;
	void *p = &arena[r->half][r->used];

	r->used += (size + 63) & ~(size_t)63;
	return r->used <= ROOM ? p : NULL;
}

static void arena_free(void *user, void *ptr, size_t size)
{
	(void)user, (void)ptr, (void)size;
}

static struct vdev_env environment(struct run *r)
{
	struct vdev_env env = {
		.struct_size = sizeof(env), .user = r, .alloc = arena_alloc, .free = arena_free};

	r->half = !r->half;
	r->used = 0;
	return env;
}

#define DIFFER(r, ...)                                                     \
	do {                                                               \
		if (!(r)->why[0])                                          \
			snprintf((r)->why, sizeof((r)->why), __VA_ARGS__); \
	} while (0)

static void same(struct run *r, const char *what, int got, int wanted)
{
	if (got != wanted)
		DIFFER(r, "%s returns %d, expected %d", what, got, wanted);
}

static void done(struct run *r, uint64_t id, uint32_t kind)
{
	int got = vdev_zerocopy_done(r->z, r->m.now, id, 0);

	same(r, "done()", got, one_done(&r->m, kind));
}

static void compare_action(struct run *r, const struct vdev_action *a, struct vdev_action *e)
{
	e->id = a->flags & VDEV_ZEROCOPY_AGAIN ? r->given : a->id;
	e->dev = r->id;
	e->user_data = 77;
	if (e->kind == VDEV_CANCEL) {
		e->arg[0] = r->given;
	} else {
		if (!(a->flags & VDEV_ZEROCOPY_AGAIN) && a->id == r->given)
			DIFFER(r, "an id comes twice");
		r->given = a->id;
	}
	if (memcmp(a, e, sizeof(*a)))
		DIFFER(r,
		       "action %s flags %#x until %llu arg %llx %llx %llx, expected %s %#x %llu "
		       "%llx %llx %llx",
		       vdev_zerocopy_kind_name(a->kind), a->flags,
		       (unsigned long long)a->deadline_ns, (unsigned long long)a->arg[0],
		       (unsigned long long)a->arg[1], (unsigned long long)a->arg[2],
		       vdev_zerocopy_kind_name(e->kind), e->flags,
		       (unsigned long long)e->deadline_ns, (unsigned long long)e->arg[0],
		       (unsigned long long)e->arg[1], (unsigned long long)e->arg[2]);
}

static void drain(struct run *r)
{
	struct vdev_action a, e;

	while (!r->why[0]) {
		int got = vdev_zerocopy_next(r->z, &a, sizeof(a));

		same(r, "next()", got, one_expected(&r->m, &e));
		if (got != 1 || r->why[0])
			return;
		compare_action(r, &a, &e);
		if (a.kind == VDEV_ZEROCOPY_OFFLINE && (r->v->done_after || r->offline)) {
			r->wait = r->offline ? r->wait : r->v->done_after;
			r->offline = a.id;
			continue;
		}
		done(r, a.id, a.kind);
	}
}

static void end_offline(struct run *r)
{
	uint64_t id = r->offline;

	if (!id)
		return;
	r->offline = 0;
	done(r, id, VDEV_ZEROCOPY_OFFLINE);
}

static void complete(struct run *r, uint32_t flags)
{
	uint64_t settled = 0, expected = 0;
	int got = vdev_zerocopy_complete(r->q, r->id, r->id, flags, &settled);

	same(r, "complete()", got, one_complete(&r->m, flags, &expected));
	if (settled != expected)
		DIFFER(r, "settled %llx, expected %llx", (unsigned long long)settled,
		       (unsigned long long)expected);
}

static void sent(struct run *r)
{
	int got = vdev_zerocopy_sent(r->q, r->m.now, r->id, ONE_LENGTH);

	same(r, "sent()", got, one_sent(&r->m));
}

static void reset_end(struct run *r)
{
	int got = vdev_zerocopy_reset_end(r->z, r->m.now);

	same(r, "reset_end()", got, one_reset_end(&r->m));
}

/* Another process, another clock, the same ids. */
static void reload(struct run *r)
{
	static unsigned char image[16384];
	uint64_t now = r->m.now > 1000000 ? 5000 : 2000000;
	struct vdev_zerocopy *loaded = NULL;
	struct vdev_env env;
	size_t size = 0;

	same(r, "save()", vdev_zerocopy_save(r->z, r->m.now, image, sizeof(image), &size), 0);
	env = environment(r);
	same(r, "load()", vdev_zerocopy_load(&env, &r->config, 0, now, image, size, &loaded), 0);
	if (r->why[0])
		return;
	vdev_zerocopy_free(r->z);
	r->z = loaded;
	vdev_zerocopy_queue_at(r->z, 0, &r->q);
	one_reload(&r->m, now);
	same(r, "set_user_data()", vdev_zerocopy_set_user_data(r->z, r->id, 77),
	     r->m.state == VDEV_ZEROCOPY_FREE ? -ENOENT : 0);
}

static void event(struct run *r, uint32_t e)
{
	switch (e) {
	case 0:
		complete(r, VDEV_ZEROCOPY_RESPONSE);
		break;
	case 1:
		complete(r, VDEV_ZEROCOPY_TASK);
		break;
	case 2:
		r->m.now += TICK;
		if (r->v->lazy)
			same(r, "expire()", vdev_zerocopy_expire(r->q, r->m.now),
			     one_expire(&r->m));
		break;
	case 3:
		same(r, "reclaim()", vdev_zerocopy_reclaim(r->z, r->m.now, r->id, 0),
		     one_reclaim(&r->m));
		break;
	case 4:
		same(r, "reset_begin()", vdev_zerocopy_reset_begin(r->z, r->m.now, 0, 0),
		     one_reset_begin(&r->m));
		break;
	default:
		reload(r);
	}
}

static void compare_info(struct run *r)
{
	struct vdev_zerocopy_info i = {0};
	int got = vdev_zerocopy_get(r->z, r->id, &i, sizeof(i));
	const struct one *m = &r->m;

	same(r, "get()", got, m->state == VDEV_ZEROCOPY_FREE ? -ENOENT : 0);
	if (got)
		return;
	if (i.state != m->state || i.seen != m->seen || i.deadline_ns != m->deadline)
		DIFFER(r, "state %s seen %u deadline %llu, expected %s %u %llu",
		       vdev_zerocopy_state_name(i.state), i.seen, (unsigned long long)i.deadline_ns,
		       vdev_zerocopy_state_name(m->state), m->seen,
		       (unsigned long long)m->deadline);
	if (i.length_bytes != ONE_LENGTH || i.timeout_ns != ONE_TIMEOUT ||
	    i.action_id != (m->out ? r->given : 0) || i.user_data != 77)
		DIFFER(r, "length %llu time-out %llu action %llx",
		       (unsigned long long)i.length_bytes, (unsigned long long)i.timeout_ns,
		       (unsigned long long)i.action_id);
}

#define SAME_COUNT(field)                                                                      \
	do {                                                                                   \
		if (s.field != r->m.n.field)                                                   \
			DIFFER(r, "stats." #field " %llu, expected %llu",                      \
			       (unsigned long long)s.field, (unsigned long long)r->m.n.field); \
	} while (0)

static void compare_stats(struct run *r)
{
	uint32_t state = r->m.state;
	int quarantined = state == VDEV_ZEROCOPY_QUARANTINED;
	int lent = state != VDEV_ZEROCOPY_FREE && !quarantined;
	struct vdev_zerocopy_stats s;

	vdev_zerocopy_stats(r->z, &s, sizeof(s));
	if (s.blocks != (uint64_t)lent || s.bytes != (uint64_t)lent * ONE_LENGTH ||
	    s.quarantined_blocks != (uint64_t)quarantined ||
	    s.quarantined_bytes != (uint64_t)quarantined * ONE_LENGTH ||
	    s.operations != (uint64_t)(state >= VDEV_ZEROCOPY_OFFLINING))
		DIFFER(r, "in flight %llu, in quarantine %llu, operations %llu in state %s",
		       (unsigned long long)s.blocks, (unsigned long long)s.quarantined_blocks,
		       (unsigned long long)s.operations, vdev_zerocopy_state_name(state));
	SAME_COUNT(settled);
	SAME_COUNT(timed_out);
	SAME_COUNT(asked);
	SAME_COUNT(reset);
	SAME_COUNT(in_time);
	SAME_COUNT(reclaimed);
	SAME_COUNT(late);
	SAME_COUNT(stale);
	SAME_COUNT(cancels);
	if (s.bad_done || s.reclaim_refused || s.refused)
		DIFFER(r, "stats: something was refused");
}

static void compare(struct run *r)
{
	uint64_t got = 0, expected = 0;

	same(r, "deadline()", vdev_zerocopy_deadline(r->z, &got), one_due(&r->m, &expected));
	if (r->m.pushed ? got > expected
			: got != expected) /* at once is any time that has passed */
		DIFFER(r, "deadline %llu, expected %llu", (unsigned long long)got,
		       (unsigned long long)expected);
	compare_info(r);
	compare_stats(r);
}

static void work(struct run *r)
{
	same(r, "step()", vdev_zerocopy_step(r->z, r->m.now), one_step(&r->m));
	drain(r);
	if (r->m.in_reset)
		reset_end(r);
	drain(r);
}

static void one_event(struct run *r, uint32_t e, uint32_t at)
{
	if (at && at == r->v->sent_after)
		sent(r);
	if (r->offline && r->wait-- == 0)
		end_offline(r);
	event(r, e);
	if (!r->v->lazy || e == 3 || e == 4)
		work(r);
	compare(r);
	if (r->v->lazy)
		work(r);
}

/* Everybody does their part: then the guest has been told, once, and nothing is left. */
static void settle(struct run *r)
{
	if (r->m.state == VDEV_ZEROCOPY_RESERVED)
		sent(r);
	work(r);
	complete(r, VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK);
	work(r);
	end_offline(r);
	work(r);
	compare(r);
	if (r->m.state != VDEV_ZEROCOPY_FREE || r->m.told != 1 || r->m.in_reset)
		DIFFER(r, "ends in state %s, told %u times", vdev_zerocopy_state_name(r->m.state),
		       r->m.told);
}

static void begin(struct run *r, uint32_t until, uint32_t zero, uint32_t receive)
{
	const struct vdev_zerocopy_memory memory = {.struct_size = sizeof(memory),
						    .address = ONE_FIRST_BYTE,
						    .size_bytes = 16 * ONE_LENGTH,
						    .granule_bytes = 4096};
	const struct vdev_zerocopy_queue_config queue = {.struct_size = sizeof(queue), .slots = 16};
	const struct vdev_zerocopy_block block = {.struct_size = sizeof(block),
						  .flags = receive ? VDEV_ZEROCOPY_RECEIVE : 0,
						  .address = ONE_FIRST_BYTE,
						  .length_bytes = ONE_LENGTH,
						  .timeout_ns = ONE_TIMEOUT,
						  .user_data = 77};
	struct vdev_env env = environment(r);

	r->config = (struct vdev_zerocopy_config){.struct_size = sizeof(r->config),
						  .max_queues = 1,
						  .max_destinations = 1,
						  .until = until,
						  .mode = zero ? VDEV_ZEROCOPY_RESET
							       : VDEV_ZEROCOPY_PRESERVE,
						  .timeout_min_ns = 1,
						  .max_slots = 16,
						  .offline_ns = ONE_OFFLINE};
	same(r, "new()", vdev_zerocopy_new(&r->z, &env, &r->config), 0);
	same(r, "add_memory()", vdev_zerocopy_add_memory(r->z, &memory), 0);
	same(r, "add_queue()", vdev_zerocopy_add_queue(r->z, &queue, &r->q), 0);
	same(r, "reserve()", vdev_zerocopy_reserve(r->q, &block, &r->id), VDEV_ZEROCOPY_LEND);
	one_init(&r->m, until, zero, receive, 2000000);
	if (!r->v->sent_after)
		sent(r);
}

static void report(const struct run *r, const uint32_t *order, uint32_t length, uint32_t shape)
{
	printf("%s, until %u, mode %u, %s:", r->v->name, shape >> 2, shape >> 1 & 1,
	       shape & 1 ? "receive" : "send");
	for (uint32_t i = 0; i < length; i++)
		printf(" %s", names[order[i]]);
	printf(": %s\n", r->why);
}

static int play(const struct variant *v, uint32_t shape, const uint32_t *order, uint32_t length)
{
	static struct run r;

	memset(&r, 0, sizeof(r));
	r.v = v;
	begin(&r, shape >> 2, shape >> 1 & 1, shape & 1);
	for (uint32_t i = 0; i < length && !r.why[0]; i++)
		one_event(&r, order[i], i);
	if (!r.why[0])
		settle(&r);
	vdev_zerocopy_free(r.z);
	if (!r.why[0])
		return 0;
	report(&r, order, length, shape);
	return 1;
}

static uint32_t power(uint32_t n)
{
	return n ? EVENTS * power(n - 1) : 1;
}

/* Every order of each length; returns how many differ. */
static uint64_t play_all(const struct variant *v, uint32_t shape, uint32_t longest,
			 uint64_t *ret_run)
{
	uint32_t order[LONGEST];
	uint64_t differ = 0;

	for (uint32_t length = 1; length <= longest; length++)
		for (uint32_t i = 0; i < power(length) && differ < 10; i++, ++*ret_run) {
			for (uint32_t k = 0, n = i; k < length; k++, n /= EVENTS)
				order[k] = n % EVENTS;
			differ += (uint64_t)play(v, shape, order, length);
		}
	return differ;
}

static uint32_t limit(uint32_t longest)
{
	const char *text = getenv("VT_ORDERS");

	if (text)
		return (uint32_t)strtoul(text, NULL, 0) % (LONGEST + 1);
	return getenv("VDEV_TEST_SLOW") ? 4 : longest;
}

int main(void)
{
	uint64_t run = 0, differ = 0;

	for (uint32_t i = 0; i < COUNT(variants); i++) {
		uint64_t before = run;

		for (uint32_t shape = 0; shape < 16; shape++)
			differ += play_all(&variants[i], shape, limit(variants[i].longest), &run);
		printf("%s: %llu orders\n", variants[i].name, (unsigned long long)(run - before));
	}
	printf("%llu orders, %llu differ\n", (unsigned long long)run, (unsigned long long)differ);
	return differ || !run;
}
