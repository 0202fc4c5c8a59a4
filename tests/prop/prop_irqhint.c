/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Property test of the CPU map and the interrupt-hint engine: any sequence of places, events and what a guest
 * programs, against the naive model of irqhint_model.h, call by call. Options: vt_prop.h.
 */
#include "prop_irqhint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vt_prop.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct call {
	struct rig *g;
	const struct vt_event *e;
	struct im_device *d; /* that it is about; NULL: there is none */
	uint32_t type;
	uint32_t cpu;
};

typedef void do_event(struct call *c);

static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352du;
	x = (x ^ x >> 15) * 0x846ca68bu;
	return x ^ x >> 16;
}

static void do_config(struct call *c)
{
	rig_say(c->g, "(the first event is the configuration)\n");
}

static void do_set(struct call *c)
{
	static const uint32_t states[] = {VDEV_CPUMAP_RUNNING, VDEV_CPUMAP_RUNNING,
					  VDEV_CPUMAP_UNKNOWN, VDEV_CPUMAP_SLEEPING};
	uint32_t vcpu = c->e->n % c->g->m.vcpus, state = states[c->e->c & 3];

	if (c->e->c >> 2 == 0)
		rig_set(c->g, vcpu, VDEV_CPUMAP_NOWHERE, VDEV_CPUMAP_UNKNOWN);
	else
		rig_set(c->g, vcpu, c->e->c & 4 ? c->cpu : c->e->b % c->g->m.cpus, state);
}

/* What a guest's scheduler does to all of them, or to a few. */
static void do_spread(struct call *c)
{
	struct rig *g = c->g;
	uint32_t count = c->e->a & 3 ? 1u + c->e->a % 8 : g->m.vcpus;

	for (uint32_t i = 0; i < count && i < g->m.vcpus && !g->failed; i++) {
		uint32_t roll = mix(c->e->n + i);

		rig_set(g, (c->e->n + i) % g->m.vcpus,
			c->e->b & 1 ? roll % g->m.cpus : (c->e->n + i) % g->m.cpus,
			c->e->c & 1 ? roll >> 16 & 1 : (roll >> 16) % 3);
	}
}

static void do_bad_set(struct call *c)
{
	struct rig *g = c->g;
	static const uint32_t bad[] = {0, 1, 1000, UINT32_MAX};

	rig_set(g, g->m.vcpus + bad[c->e->a & 3] / 2, c->cpu, 0);
	rig_set(g, 0, g->m.cpus + bad[c->e->b & 3] / 2, 0);
	rig_set(g, 0, c->cpu, 3 + bad[c->e->c & 3] / 2);
	rig_set(g, 0, VDEV_CPUMAP_NOWHERE, 1 + (c->e->c & 1));
}

/* Begun to look a moment ago, or before the last one. */
static void do_refreshed(struct call *c)
{
	struct rig *g = c->g;
	uint64_t before = c->e->a & 3 ? 0 : c->e->b * RIG_TICK;
	uint64_t at = g->now >= before ? g->now - before : 0;

	rig_say(g, "refreshed(%llu)", (unsigned long long)at);
	im_refreshed(&g->m, (int64_t)(at - g->base));
	rig_value(g, vdev_cpumap_refreshed(g->map, at), 0);
}

static void do_add(struct call *c)
{
	struct rig *g = c->g;
	uint32_t types = 1 + c->e->b % IM_TYPES, i = 0;
	uint64_t handle = 0;
	int want = 0, got;

	while (i < IM_DEVICES && g->m.device[i].used)
		i++;
	if (g->m.n.devices >= g->config.max_devices || g->m.n.types + types > g->config.max_types)
		want = -ENOSPC;
	got = vdev_irqhint_add(g->h, types, ++g->next_user_data, &handle);
	rig_say(g, "add(%u types) %#llx", types, (unsigned long long)handle);
	rig_value(g, got, want);
	if (got || g->failed)
		return;
	for (uint32_t k = 0; k < IM_DEVICES; k++)
		RIG_REQUIRE(g, !g->m.device[k].used || g->m.device[k].handle != handle,
			    "handle twice");
	RIG_REQUIRE(g, handle && handle != g->gone, "a handle was issued again");
	im_add(&g->m, &g->m.device[i], handle, types, g->next_user_data);
	rig_compare_device(g, &g->m.device[i]);
}

static void do_remove(struct call *c)
{
	if (!c->d)
		return;
	rig_say(c->g, "remove(%#llx)", (unsigned long long)c->d->handle);
	rig_value(c->g, vdev_irqhint_remove(c->g->h, c->d->handle), 0);
	c->g->gone = c->d->handle;
	im_remove(&c->g->m, c->d);
}

static void compare_answer(struct rig *g, const struct vdev_irqhint_hint *got,
			   const struct im_answer *want, const uint64_t *set, uint32_t words)
{
	uint64_t expected[RIG_WORDS];

	RIG_REQUIRE(g, got->reason == want->reason, "answer is %s, expected %s",
		    vdev_irqhint_reason_name(got->reason), vdev_irqhint_reason_name(want->reason));
	RIG_REQUIRE(g, got->distance == want->distance, "distance is %s, expected %s",
		    vdev_irqhint_distance_name(got->distance),
		    vdev_irqhint_distance_name(want->distance));
	RIG_REQUIRE(g, got->set_bits == im_count(want->set), "%llu vCPUs in the hint, expected %u",
		    (unsigned long long)got->set_bits, im_count(want->set));
	RIG_REQUIRE(g, got->first == (want->hint ? im_first(want->set) : 0), "first is %u",
		    got->first);
	RIG_REQUIRE(g, got->state == want->state, "state is %u, expected %u", got->state,
		    want->state);
	RIG_REQUIRE(g, got->age_ns == im_age(&g->m, rig_time(g)), "age is %llu",
		    (unsigned long long)got->age_ns);
	rig_words(want->set, expected);
	for (uint32_t i = 0; i < words; i++)
		if (!want->hint)
			RIG_REQUIRE(g, set[i] == UINT64_MAX / 3, "the set was written");
		else
			RIG_REQUIRE(g, set[i] == (i < RIG_WORDS ? expected[i] : 0),
				    "another set in word %u", i);
}

static void do_one_event(struct call *c, uint32_t flags)
{
	struct rig *g = c->g;
	uint64_t set[RIG_WORDS + 2], requests = g->env.requests;
	uint32_t words = VDEV_CPUMAP_WORDS(g->m.vcpus) + (c->e->c & 2);
	struct vdev_irqhint_hint hint;
	struct im_answer want;
	int got;

	for (uint32_t i = 0; i < COUNT(set); i++)
		set[i] = UINT64_MAX / 3;
	memset(&hint, 0xa5, sizeof(hint));
	got = vdev_irqhint_event(g->h, g->now, c->d->handle, c->type, c->cpu, flags, &hint,
				 sizeof(hint), set, words);
	im_event(&g->m, rig_time(g), c->d, c->type, c->cpu, flags, &want);
	rig_say(g, "event(%#llx, type %u, cpu %u) %s, %llu vCPUs from %u",
		(unsigned long long)c->d->handle, c->type, c->cpu,
		vdev_irqhint_reason_name(hint.reason), (unsigned long long)hint.set_bits,
		hint.first);
	rig_value(g, got, want.hint);
	RIG_REQUIRE(g, hint.cpu == c->cpu && !hint.reserved, "cpu of a hint");
	RIG_REQUIRE(g, g->env.requests == requests, "event() allocated");
	if (!g->failed)
		compare_answer(g, &hint, &want, set, words);
}

static void do_an_event(struct call *c)
{
	if (c->d)
		do_one_event(c, c->e->c & 1 ? VDEV_IRQHINT_SAMPLED : 0);
}

/* The clock goes on to where something may change, and the event comes there. */
static void do_later_event(struct call *c)
{
	const struct vdev_irqhint_config *k = &c->g->m.config;
	uint64_t step = c->e->b & 1 ? k->hysteresis_ns : k->interval_ns << (c->e->b >> 5);

	if (!c->d || step >> 54 || (c->g->now + step) >> 63 ||
	    (uint64_t)rig_time(c->g) + step > RIG_LONGEST)
		return;
	c->g->now += (step + (c->e->b & 2 ? RIG_TICK - 1 : 0)) / RIG_TICK * RIG_TICK;
	rig_say(c->g, "-- now %llu\n", (unsigned long long)c->g->now);
	if (c->e->b & 4)
		im_refreshed(&c->g->m, rig_time(c->g));
	if (c->e->b & 4)
		vdev_cpumap_refreshed(c->g->map, c->g->now);
	do_one_event(c, 0);
}

/* Returns the number of words to pass. */
static uint32_t choose_set(struct call *c, im_set set)
{
	struct im *m = &c->g->m;
	const struct im_type *t = &c->d->type[c->type];
	uint32_t kind = c->e->b % 10, words = VDEV_CPUMAP_WORDS(m->vcpus);

	memset(set, 0, sizeof(im_set));
	if (kind < 3) /* obeys: some of the hint */
		for (uint32_t v = 0; v < m->vcpus; v++)
			set[v] = t->hint[v] && (kind == 0 || mix(v + c->e->n) & 1);
	else if (kind < 5) /* any set */
		for (uint32_t v = 0; v < m->vcpus; v++)
			set[v] = mix(v * 3 + c->e->n) % (kind == 3 ? 4 : 64) == 0;
	else if (kind < 8) /* one vCPU */
		set[c->e->n % m->vcpus] = 1;
	if (kind == 8 && m->vcpus % 64) /* one that it does not have */
		set[m->vcpus + c->e->n % (64 - m->vcpus % 64)] = 1;
	while (c->e->c & 1 && words > 1 && im_first(set) < 64 * (words - 1) && kind > 4 && kind < 8)
		words--; /* a short set */
	return words;
}

static void do_programmed(struct call *c)
{
	struct rig *g = c->g;
	uint64_t bits[RIG_WORDS], requests = g->env.requests;
	uint32_t words, beyond = 0;
	im_set set;
	int got, want;

	if (!c->d)
		return;
	words = choose_set(c, set);
	rig_words(set, bits);
	if (c->e->b % 10 == 9 && c->e->c & 1)
		words = 0; /* as good as an empty one */
	for (uint32_t v = g->m.vcpus; v < IM_VCPUS; v++)
		beyond |= set[v];
	got = vdev_irqhint_programmed(g->h, g->now, c->d->handle, c->type, bits, words);
	rig_say(g, "programmed(%#llx, type %u, %u vCPUs from %d)", (unsigned long long)c->d->handle,
		c->type, im_count(set), (int)im_first(set));
	want = im_programmed(&g->m, c->d, c->type, set, (int)beyond);
	rig_value(g, got, want);
	RIG_REQUIRE(g, g->env.requests == requests, "programmed() allocated");
}

static void do_choose(struct call *c)
{
	struct rig *g = c->g;
	uint32_t vcpu = 77, distance = 77, v = 77, d = 77;
	int got, want;

	if (!c->d)
		return;
	got = vdev_irqhint_choose(g->h, g->now, c->d->handle, c->type, c->cpu, &vcpu,
				  c->e->c & 1 ? NULL : &distance);
	want = im_choose(&g->m, rig_time(g), c->d, c->type, c->cpu, &v, &d);
	rig_say(g, "choose(%#llx, type %u, cpu %u) %u", (unsigned long long)c->d->handle, c->type,
		c->cpu, vcpu);
	rig_value(g, got, want);
	RIG_REQUIRE(g, vcpu == v, "chose vCPU %u, expected %u", vcpu, v);
	RIG_REQUIRE(g, c->e->c & 1 || distance == d, "chosen at distance %u, expected %u", distance,
		    d);
}

static void do_device_reset(struct call *c)
{
	if (!c->d)
		return;
	rig_say(c->g, "device_reset(%#llx)", (unsigned long long)c->d->handle);
	im_device_reset(&c->g->m, c->d);
	rig_value(c->g, vdev_irqhint_device_reset(c->g->h, c->d->handle), 0);
}

static void do_guest_reset(struct call *c)
{
	rig_say(c->g, "guest_reset()");
	im_guest_reset(&c->g->m);
	rig_value(c->g, vdev_irqhint_guest_reset(c->g->h), 0);
	rig_compare_all(c->g);
}

static void do_migrated(struct call *c)
{
	rig_say(c->g, "migrated()");
	im_migrated(&c->g->m);
	rig_value(c->g, vdev_irqhint_migrated(c->g->h), 0);
	rig_compare_all(c->g);
}

/* Elsewhere the clock is another one: young, or far ahead. */
static void do_reload(struct call *c)
{
	static const uint64_t clocks[] = {0, RIG_TICK, RIG_TICK * 4000, RIG_TICK << 40,
					  UINT64_C(1) << 62};

	rig_say(c->g, "-- saved and loaded%s%s\n", c->e->b & 1 ? ", migrated" : "",
		c->e->b & 2 ? ", another map and clock" : "");
	rig_reload(c->g, c->e->b & 1, c->e->b & 2, clocks[c->e->a % COUNT(clocks)]);
	if (!c->g->failed)
		rig_compare_all(c->g);
}

static void do_user_data(struct call *c)
{
	if (!c->d)
		return;
	c->d->user_data = ++c->g->next_user_data;
	rig_say(c->g, "set_user_data()");
	rig_value(c->g, vdev_irqhint_set_user_data(c->g->h, c->d->handle, c->d->user_data), 0);
}

/* A device that is gone, or never was. */
static void do_stale(struct call *c)
{
	struct rig *g = c->g;
	uint64_t id = c->e->a & 1 ? g->gone : (uint64_t)c->e->n << 20 | c->e->a;
	uint64_t set[RIG_WORDS] = {1};
	uint32_t words = VDEV_CPUMAP_WORDS(g->m.vcpus), vcpu;
	struct vdev_irqhint_hint hint;
	struct vdev_irqhint_info info;

	for (uint32_t i = 0; i < IM_DEVICES; i++)
		if (g->m.device[i].used && g->m.device[i].handle == id)
			return;
	rig_say(g, "of a device %#llx that is not there", (unsigned long long)id);
	rig_value(g, vdev_irqhint_remove(g->h, id), -ENOENT);
	rig_value(g, vdev_irqhint_event(g->h, g->now, id, 0, 0, 0, &hint, sizeof(hint), set, words),
		  -ENOENT);
	rig_value(g, vdev_irqhint_programmed(g->h, g->now, id, 0, set, words), -ENOENT);
	rig_value(g, vdev_irqhint_choose(g->h, g->now, id, 0, 0, &vcpu, NULL), -ENOENT);
	rig_value(g, vdev_irqhint_device_reset(g->h, id), -ENOENT);
	rig_value(g, vdev_irqhint_get(g->h, id, 0, &info, sizeof(info)), -ENOENT);
	rig_value(g, vdev_irqhint_set_user_data(g->h, id, 1), -ENOENT);
}

/* Values out of range: nothing changes, nothing is counted. */
static void do_misuse(struct call *c)
{
	struct rig *g = c->g;
	uint64_t set[RIG_WORDS + 1] = {1}, id;
	uint32_t words = VDEV_CPUMAP_WORDS(g->m.vcpus), vcpu;
	uint32_t cpu = c->e->a & 1 ? g->m.cpus : VDEV_CPUMAP_NOWHERE;
	struct vdev_irqhint_hint hint;

	if (!c->d)
		return;
	id = c->d->handle;
	rig_say(g, "misuse");
	rig_value(g,
		  vdev_irqhint_event(g->h, g->now, id, c->d->types, 0, 0, &hint, sizeof(hint), set,
				     words),
		  -EINVAL);
	rig_value(g,
		  vdev_irqhint_event(g->h, g->now, id, 0, cpu, 0, &hint, sizeof(hint), set, words),
		  -EINVAL);
	rig_value(g,
		  vdev_irqhint_event(g->h, g->now, id, 0, 0, 2u << c->e->b % 31, &hint,
				     sizeof(hint), set, words),
		  -EINVAL);
	rig_value(
		g,
		vdev_irqhint_event(g->h, g->now, id, 0, 0, 0, &hint, sizeof(hint), set, words - 1),
		-EINVAL);
	rig_value(g, vdev_irqhint_programmed(g->h, g->now, id, c->d->types, set, words), -EINVAL);
	rig_value(g, vdev_irqhint_programmed(g->h, g->now, id, 0, set, words + 1), -EINVAL);
	rig_value(g, vdev_irqhint_choose(g->h, g->now, id, c->d->types, 0, &vcpu, NULL), -EINVAL);
	rig_value(g, vdev_irqhint_choose(g->h, g->now, id, 0, cpu, &vcpu, NULL), -EINVAL);
}

/* How long a vCPU has been where it is, is known up to 208 days. */
static void do_step(struct call *c)
{
	struct rig *g = c->g;
	const struct vdev_irqhint_config *k = &g->m.config;
	const uint64_t after[] = {
		RIG_TICK,       k->hysteresis_ns / 2, k->hysteresis_ns, k->hysteresis_ns + RIG_TICK,
		k->interval_ns, k->interval_ns * 8,   k->max_age_ns,    RIG_TICK << c->e->b % 44};
	uint64_t step = after[c->e->a & 7] / RIG_TICK * RIG_TICK;

	if (step >> 54 || (uint64_t)rig_time(g) + step > RIG_LONGEST || (g->now + step) >> 63)
		return;
	g->now += step;
	rig_say(g, "-- now %llu\n", (unsigned long long)g->now);
}

/* What is nobody's intention; it counts as no time at all. */
static void do_step_back(struct call *c)
{
	uint64_t step = (1 + c->e->b % 100u) * RIG_TICK;

	c->g->now -= c->g->now > step ? step : 0;
	rig_say(c->g, "-- now %llu\n", (unsigned long long)c->g->now);
}

static const struct {
	struct vt_op op;
	do_event *run;
} events[] = {
	{{"config", 0}, do_config},
	{{"set", 20}, do_set},
	{{"spread", 6}, do_spread},
	{{"bad_set", 1}, do_bad_set},
	{{"refreshed", 8}, do_refreshed},
	{{"add", 4}, do_add},
	{{"remove", 1}, do_remove},
	{{"event", 24}, do_an_event},
	{{"later_event", 16}, do_later_event},
	{{"programmed", 14}, do_programmed},
	{{"choose", 6}, do_choose},
	{{"device_reset", 1}, do_device_reset},
	{{"guest_reset", 1}, do_guest_reset},
	{{"migrated", 1}, do_migrated},
	{{"reload", 2}, do_reload},
	{{"user_data", 1}, do_user_data},
	{{"stale", 1}, do_stale},
	{{"misuse", 1}, do_misuse},
	{{"step", 8}, do_step},
	{{"step_back", 1}, do_step_back},
};

/* Most events come from few CPUs to few types, so that there is something to remember of each. */
static void perform(struct rig *g, const struct vt_event *e)
{
	struct call c = {.g = g, .e = e};

	if (e->op >= COUNT(events))
		return;
	for (uint32_t i = 0; i < IM_DEVICES && !c.d; i++)
		if (g->m.device[(e->a + i) % IM_DEVICES].used)
			c.d = &g->m.device[(e->a + i) % IM_DEVICES];
	if (c.d)
		c.type = (e->a >> 4 & 3 ? 0 : (e->a >> 6) % c.d->types);
	c.cpu = (e->n >> 30 ? e->n >> 29 & 1 : e->n >> 8 & 0xffff) % g->m.cpus;
	events[e->op].run(&c);
	if (g->failed)
		return;
	if (c.d && c.d->used)
		rig_compare_device(g, c.d);
	rig_compare_map(g, g->turn * 7, g->turn);
	g->turn++;
	rig_compare_stats(g);
}

static int run(void *ctx, const struct vt_event *list, uint32_t count, FILE *log, char *why,
	       size_t size)
{
	struct rig *g = calloc(1, sizeof(*g));
	const struct vt_event none = {0}, *first = count && list[0].op == 0 ? list : &none;
	int failed;

	(void)ctx;
	if (!g)
		return 1;
	g->log = log;
	g->why = why;
	g->why_size = size;
	rig_init(g, first->n, first->a, first->b, first->c);
	for (uint32_t i = 0; i < count && !g->failed; i++)
		perform(g, &list[i]);
	if (!g->failed)
		rig_compare_all(g);
	rig_fini(g);
	failed = g->failed != 0;
	if (failed)
		rig_say(g, "\nfailed: %s\n", why);
	free(g);
	return failed;
}

int main(int argc, char **argv)
{
	struct vt_op ops[COUNT(events)];
	struct vt_prop prop = {.name = "prop_irqhint",
			       .ops = ops,
			       .op_count = COUNT(events),
			       .seed = 20261129,
			       .runs = 6000,
			       .length = 240,
			       .seconds = 20,
			       .run = run};

	for (uint32_t i = 0; i < COUNT(events); i++)
		ops[i] = events[i].op;
	return vt_prop_main(&prop, argc, argv);
}
