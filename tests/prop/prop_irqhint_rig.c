/* SPDX-License-Identifier: BSD-3-Clause */
/* Property test of the interrupt-hint engine: sizes, images, and what is compared. */
#include "prop_irqhint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MS UINT64_C(1000000)

void rig_say(struct rig *g, const char *fmt, ...)
{
	va_list args;

	if (!g->log)
		return;
	va_start(args, fmt);
	vfprintf(g->log, fmt, args);
	va_end(args);
}

void rig_fail(struct rig *g, const char *fmt, ...)
{
	va_list args;

	if (g->failed++)
		return;
	va_start(args, fmt);
	vsnprintf(g->why, g->why_size, fmt, args);
	va_end(args);
}

int64_t rig_time(const struct rig *g)
{
	return (int64_t)(g->now - g->base);
}

void rig_words(const im_set set, uint64_t ret_words[RIG_WORDS])
{
	memset(ret_words, 0, RIG_WORDS * sizeof(*ret_words));
	for (uint32_t v = 0; v < IM_VCPUS; v++)
		ret_words[v / 64] |= (uint64_t)set[v] << v % 64;
}

/* Cores of 2, caches of 4, nodes of 8; of some it is not known, and the last CPUs are not in the list. */
static void choose_topology(struct rig *g, uint8_t b)
{
	for (uint32_t i = 0; i < g->m.cpus; i++)
		g->topology[i] = (struct vdev_irqhint_cpu){
			.core = b & 1 && i % 5 == 0 ? VDEV_CPUMAP_NOWHERE : i / 2,
			.cache = b & 2 && i % 7 < 3 ? VDEV_CPUMAP_NOWHERE : i / 4,
			.node = b & 4 && i % 3 == 0 ? VDEV_CPUMAP_NOWHERE : i / 8};
	if (b & 8)
		for (uint32_t i = 0; i < g->m.cpus; i++) /* a hypervisor's, that makes no sense */
			g->topology[i].core = i % 3;
	g->config.cpu_count = b >> 4 & 7 ? g->m.cpus - (b & 0x80 ? g->m.cpus / 4 : 0) : 0;
	g->config.cpus = g->config.cpu_count ? g->topology : NULL;
	memcpy(g->m.topology, g->topology, sizeof(g->topology));
}

static void choose_times(struct rig *g, uint8_t c)
{
	static const uint64_t hysteresis[] = {
		0, 1, 10 * RIG_TICK, 10 * RIG_TICK + 1, 100 * RIG_TICK - 1, 0, 0, 5000 * RIG_TICK};
	static const uint64_t interval[] = {0,       1, 50 * RIG_TICK, 50 * RIG_TICK + 1,
					    20 * MS, 0, RIG_TICK,      UINT64_C(1) << 62};
	static const uint64_t age[] = {0, 1, 30 * RIG_TICK, VDEV_NONE - 1};
	struct vdev_irqhint_config *k = &g->m.config;

	g->config.hysteresis_ns = hysteresis[c & 7];
	g->config.interval_ns = interval[c >> 3 & 7];
	g->config.max_age_ns = age[c >> 6];
	*k = g->config;
	k->hysteresis_ns = k->hysteresis_ns ? k->hysteresis_ns : 10 * MS;
	k->interval_ns = k->interval_ns ? k->interval_ns : 100 * MS;
	k->max_age_ns = k->max_age_ns ? k->max_age_ns : 10 * MS;
}

static void make_map(struct rig *g)
{
	struct vdev_cpumap_config config = {.struct_size = sizeof(config),
					    .flags = g->m.live ? VDEV_CPUMAP_LIVE : 0,
					    .vcpus = g->m.vcpus,
					    .cpus = g->m.cpus};

	RIG_REQUIRE(g, vdev_cpumap_new(&g->map, &g->env.env, &config) == 0, "vdev_cpumap_new()");
	im_forget_places(&g->m);
}

void rig_init(struct rig *g, uint32_t n, uint8_t a, uint8_t b, uint8_t c)
{
	static const uint64_t clocks[] = {0, RIG_TICK, MS * RIG_TICK, (UINT64_C(1) << 54) - 64 * MS,
					  UINT64_C(1) << 62};
	static const uint32_t cpus[] = {1, 2, 4, 8, 16, 24, 40, 65};

	vt_env_init(&g->env);
	g->m.vcpus = 1 + (n & 0xff) % 130;
	g->m.cpus = cpus[n >> 8 & 7];
	if ((n >> 11 & 127) == 1)
		g->m.vcpus = IM_VCPUS;
	if ((n >> 18 & 63) == 1)
		g->m.cpus = IM_CPUS;
	g->m.live = n >> 24 & 1;
	g->now = g->base = clocks[(n >> 25 & 31) % COUNT(clocks)] / RIG_TICK * RIG_TICK;
	g->config = (struct vdev_irqhint_config){.struct_size = sizeof(g->config),
						 .max_devices = IM_DEVICES - (n >> 31),
						 .max_types = 10,
						 .max_distance = a % VDEV_IRQHINT_DISTANCES};
	choose_topology(g, b);
	choose_times(g, c);
	make_map(g);
	rig_say(g,
		"%u vCPUs, %u CPUs (%u in the topology), %s, max_distance %u, hysteresis %llu, "
		"interval "
		"%llu, max_age %llu, now %llu\n",
		g->m.vcpus, g->m.cpus, g->config.cpu_count, g->m.live ? "live" : "snapshot",
		g->config.max_distance, (unsigned long long)g->m.config.hysteresis_ns,
		(unsigned long long)g->m.config.interval_ns,
		(unsigned long long)g->m.config.max_age_ns, (unsigned long long)g->now);
	if (!g->failed && vdev_irqhint_new(&g->h, &g->env.env, g->map, &g->config))
		rig_fail(g, "vdev_irqhint_new()");
	memset(g->topology, 0xa5, sizeof(g->topology)); /* copied */
}

void rig_fini(struct rig *g)
{
	vdev_irqhint_free(g->h);
	vdev_cpumap_free(g->map);
	RIG_REQUIRE(g, vt_env_check(&g->env) == 0, "memory is left");
}

static void load(struct rig *g, int migrated, const uint8_t *image, size_t size)
{
	struct vdev_irqhint *loaded = NULL;
	int got;

	memcpy(g->topology, g->m.topology, sizeof(g->topology));
	got = vdev_irqhint_load(&g->env.env, g->map, &g->config,
				migrated ? VDEV_IRQHINT_MIGRATED : 0, g->now, image, size, &loaded);
	memset(g->topology, 0xa5, sizeof(g->topology));
	RIG_REQUIRE(g, got == 0 && loaded, "load() returned %d", got);
	if (!loaded)
		return;
	vdev_irqhint_free(g->h);
	g->h = loaded;
}

/* -ENOSPC: a limit that is too low, a map that lacks a vCPU that is named. */
static void load_into_less(struct rig *g, const uint8_t *image, size_t size)
{
	struct vdev_irqhint_config config = g->config;
	struct vdev_cpumap_config small = {.struct_size = sizeof(small), .cpus = 1, .vcpus = 1};
	struct vdev_irqhint *loaded = NULL;
	struct vdev_cpumap *map = NULL;
	uint32_t highest = 0;

	for (uint32_t i = 0; i < IM_DEVICES; i++)
		for (uint32_t k = 0; g->m.device[i].used && k < g->m.device[i].types; k++)
			for (uint32_t v = 0; v < g->m.vcpus; v++)
				if (g->m.device[i].type[k].prog[v] && v > highest)
					highest = v;
	config.cpu_count = 0;
	config.cpus = NULL;
	config.max_types = (uint32_t)g->m.n.types - 1;
	if (g->m.n.types > 1)
		RIG_REQUIRE(g,
			    vdev_irqhint_load(&g->env.env, g->map, &config, 0, g->now, image, size,
					      &loaded) == -ENOSPC,
			    "load() of too many types");
	config.max_types = g->config.max_types;
	small.vcpus = highest;
	if (!highest || vdev_cpumap_new(&map, &g->env.env, &small))
		return;
	RIG_REQUIRE(g,
		    vdev_irqhint_load(&g->env.env, map, &config, 0, g->now, image, size, &loaded) ==
			    -ENOSPC,
		    "load() of vCPU %u with %u vCPUs", highest, small.vcpus);
	RIG_REQUIRE(g, !loaded, "load() that failed made an object");
	vdev_cpumap_free(map);
}

void rig_reload(struct rig *g, int migrated, int elsewhere, uint64_t now)
{
	struct vdev_cpumap *before = NULL;
	size_t need = 0, size = 0;
	uint8_t *image;

	RIG_REQUIRE(g, vdev_irqhint_save(g->h, g->now, NULL, 0, &need) == -ENOBUFS, "save(NULL)");
	image = malloc(need + 1);
	if (!image) {
		rig_fail(g, "out of memory");
		return;
	}
	RIG_REQUIRE(g, vdev_irqhint_save(g->h, g->now, image, need - 1, &size) == -ENOBUFS,
		    "save() into too little");
	RIG_REQUIRE(g, vdev_irqhint_save(g->h, g->now, image, need, &size) == 0 && size == need,
		    "save()");
	load_into_less(g, image, need);
	im_reloaded(&g->m, rig_time(g));
	if (migrated)
		im_migrated(&g->m);
	if (elsewhere) {
		before = g->map;
		g->base += now - g->now;
		g->now = now;
		if (now & RIG_TICK && g->m.vcpus < IM_VCPUS)
			g->m.vcpus++; /* a larger map will do */
		make_map(g);
	}
	load(g, migrated, image, size);
	free(image);
	vdev_cpumap_free(before);
}

void rig_set(struct rig *g, uint32_t vcpu, uint32_t cpu, uint32_t state)
{
	int got = vdev_cpumap_set(g->map, g->now, vcpu, cpu, state);
	int want = im_set_place(&g->m, rig_time(g), vcpu, cpu, state);

	rig_say(g, "set(vcpu %u, cpu %d, state %u) = %d\n", vcpu, (int)cpu, state, got);
	RIG_REQUIRE(g, got == want, "set() returned %d, expected %d", got, want);
}

void rig_value(struct rig *g, int got, int want)
{
	rig_say(g, " = %d\n", got);
	RIG_REQUIRE(g, got == want, "returned %d, expected %d", got, want);
}

#define SAME(s, field, want)                                                  \
	RIG_REQUIRE(g, (s).field == (want), #field " is %lld, expected %lld", \
		    (long long)(s).field, (long long)(want))

static void compare_type(struct rig *g, const struct im_device *d, uint32_t type)
{
	const struct im_type *t = &d->type[type];
	struct vdev_irqhint_info i;

	memset(&i, 0xa5, sizeof(i));
	if (vdev_irqhint_get(g->h, d->handle, type, &i, sizeof(i))) {
		rig_fail(g, "get() does not know the type");
		return;
	}
	SAME(i, user_data, d->user_data);
	SAME(i, state, t->state);
	SAME(i, hints, t->hints);
	SAME(i, set_bits, im_count(t->prog));
	SAME(i, route, im_first(t->prog));
	SAME(i, cpu, t->last_cpu);
	if (t->state != VDEV_IRQHINT_NEW)
		SAME(i, distance, t->hint_distance);
	if (t->state != VDEV_IRQHINT_NEW && t->last_event != IM_NEVER)
		SAME(i, stale_ns, im_stale_ns(t));
}

void rig_compare_device(struct rig *g, const struct im_device *d)
{
	for (uint32_t i = 0; d->used && i < d->types && !g->failed; i++)
		compare_type(g, d, i);
}

void rig_compare_stats(struct rig *g)
{
	const struct vdev_irqhint_stats *want = &g->m.n;
	struct vdev_irqhint_stats s;

	memset(&s, 0xa5, sizeof(s));
	RIG_REQUIRE(g, vdev_irqhint_stats(g->h, &s, sizeof(s)) == 0, "stats()");
	SAME(s, devices, want->devices);
	SAME(s, types, want->types);
	SAME(s, events, want->events);
	SAME(s, sampled, want->sampled);
	SAME(s, programmed, want->programmed);
	SAME(s, followed, want->followed);
	SAME(s, ignored, want->ignored);
	SAME(s, refused, want->refused);
	SAME(s, chosen, want->chosen);
	SAME(s, not_chosen, want->not_chosen);
	SAME(s, resets, want->resets);
	for (uint32_t i = 0; i < VDEV_IRQHINT_REASONS; i++)
		RIG_REQUIRE(g, s.answers[i] == want->answers[i], "%llu answers %s, expected %llu",
			    (unsigned long long)s.answers[i], vdev_irqhint_reason_name(i),
			    (unsigned long long)want->answers[i]);
	for (uint32_t i = 0; i < VDEV_IRQHINT_DISTANCES; i++)
		SAME(s, by_distance[i], want->by_distance[i]);
	RIG_REQUIRE(g, s.allocated_bytes && s.allocated_bytes <= g->env.bytes, "allocated_bytes");
}

static void compare_place(struct rig *g, uint32_t vcpu)
{
	const struct im_place *want = &g->m.place[vcpu];
	struct vdev_cpumap_place p;
	int cpu = vdev_cpumap_cpu(g->map, vcpu);

	memset(&p, 0xa5, sizeof(p));
	RIG_REQUIRE(g, vdev_cpumap_get(g->map, g->now, vcpu, &p, sizeof(p)) == 0, "get(vcpu)");
	SAME(p, cpu, want->cpu);
	SAME(p, state, want->state);
	SAME(p, age_ns, im_age(&g->m, rig_time(g)));
	RIG_REQUIRE(g, cpu == (want->cpu == VDEV_CPUMAP_NOWHERE ? -ENOENT : (int)want->cpu),
		    "cpu(%u) is %d", vcpu, cpu);
	if (want->cpu == VDEV_CPUMAP_NOWHERE)
		return;
	SAME(p, since_ns, im_since(&g->m, rig_time(g), vcpu));
	vdev_cpumap_get(g->map, g->now + RIG_TICK - 1, vcpu, &p, sizeof(p));
	SAME(p, since_ns, im_since(&g->m, rig_time(g), vcpu));
}

static void compare_running_on(struct rig *g, uint32_t cpu)
{
	uint64_t set[RIG_WORDS + 1], want[RIG_WORDS];
	uint32_t words = VDEV_CPUMAP_WORDS(g->m.vcpus);
	im_set on;
	int count = (int)im_running_on(&g->m, cpu, on);
	int got;

	rig_words(on, want);
	memset(set, 0xa5, sizeof(set));
	got = vdev_cpumap_running_on(g->map, cpu, set, words + 1);
	RIG_REQUIRE(g, got == count, "running_on(%u) is %d, expected %d", cpu, got, count);
	RIG_REQUIRE(g, !memcmp(set, want, words * sizeof(*set)) && !set[words],
		    "running_on(%u): another set", cpu);
}

void rig_compare_map(struct rig *g, uint32_t vcpu, uint32_t cpu)
{
	compare_place(g, vcpu % g->m.vcpus);
	compare_running_on(g, cpu % g->m.cpus);
}

static void compare_walk(struct rig *g)
{
	uint64_t cursor = 0, handle = 0;
	uint32_t types = 0, found = 0, seen[IM_DEVICES] = {0};

	while (found <= IM_DEVICES && vdev_irqhint_walk(g->h, &cursor, &handle, &types) == 1) {
		found++;
		for (uint32_t i = 0; i < IM_DEVICES; i++)
			if (g->m.device[i].used && g->m.device[i].handle == handle) {
				RIG_REQUIRE(g, types == g->m.device[i].types, "walk(): types");
				RIG_REQUIRE(g, !seen[i]++, "walk(): a device twice");
			}
	}
	SAME(g->m.n, devices, found);
}

void rig_compare_all(struct rig *g)
{
	for (uint32_t i = 0; i < IM_DEVICES; i++)
		rig_compare_device(g, &g->m.device[i]);
	for (uint32_t v = 0; v < g->m.vcpus && !g->failed; v++)
		compare_place(g, v);
	for (uint32_t c = 0; c < g->m.cpus && c < 70 && !g->failed; c++)
		compare_running_on(g, c);
	compare_walk(g);
	rig_compare_stats(g);
}
