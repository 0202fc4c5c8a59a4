/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl sim: the same events, routed in several ways beside each other: by an engine for each hysteresis, never
 * (as the guest did when it booted), and by an oracle, which knows where all vCPUs are at each event.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim.h"

#define MOST_DEVICES 16u
#define GUEST_DELAY UINT64_C(16000), 8 /* ns, octaves: 16 us .. 4 ms */

/* What the guest of a lane has programmed, and what it is about to. */
struct route {
	uint64_t due_ns; /* VDEV_NONE: nothing */
	uint32_t vcpu, next;
};

struct lane {
	struct sim_row *row;
	struct vdev_irqhint *engine; /* NULL: none, oracle */
	uint64_t dev[MOST_DEVICES];
	struct route route[MOST_DEVICES * SIM_TYPES_EACH];
	uint64_t random;
};

struct run {
	const struct sim_host *host;
	struct vdev_cpumap *map;
	struct sim_model *model;
	struct lane *lanes;
	uint32_t count, types;
	bool deaf[MOST_DEVICES]; /* their drivers ignore hints */
};

static uint32_t devices_of(const struct sim_host *host)
{
	uint32_t n = host->cpus / 8;

	return n < 2 ? 2 : n > MOST_DEVICES ? MOST_DEVICES : n;
}

static int program(struct run *r, struct lane *l, uint64_t now_ns, uint32_t type, uint32_t vcpu)
{
	uint64_t set[VDEV_CPUMAP_WORDS(VDEV_CPUMAP_MAX_VCPUS)] = {0};
	int n;

	l->route[type].vcpu = vcpu;
	l->route[type].due_ns = VDEV_NONE;
	if (!l->engine)
		return 0;
	set[vcpu / 64] = UINT64_C(1) << vcpu % 64;
	n = vdev_irqhint_programmed(l->engine, now_ns, l->dev[type / SIM_TYPES_EACH],
				    type % SIM_TYPES_EACH, set, VDEV_CPUMAP_WORDS(r->host->vcpus));
	return n < 0 ? n : 0;
}

static int engine_new(struct run *r, struct lane *l, const struct vdev_irqhint_cpu *cpus)
{
	struct vdev_irqhint_config config = {.struct_size = sizeof(config),
					     .max_devices = MOST_DEVICES,
					     .max_types = r->types,
					     .max_distance = VDEV_IRQHINT_SAME_CACHE,
					     .cpu_count = r->host->cpus,
					     .cpus = cpus,
					     .hysteresis_ns = l->row->hysteresis_ns};
	int err = vdev_irqhint_new(&l->engine, NULL, r->map, &config);

	for (uint32_t i = 0; i < r->types / SIM_TYPES_EACH && !err; i++)
		err = vdev_irqhint_add(l->engine, SIM_TYPES_EACH, i, &l->dev[i]);
	return err;
}

static int lane_begin(struct run *r, struct lane *l, const struct vdev_irqhint_cpu *cpus)
{
	int err = l->row->kind == LANE_ENGINE ? engine_new(r, l, cpus) : 0;

	l->random = r->host->seed ^ UINT64_C(0x5bd1e995);
	for (uint32_t t = 0; t < r->types && !err; t++) /* as a guest spreads them when it boots */
		err = program(r, l, 0, t, (uint32_t)((uint64_t)t * r->host->vcpus / r->types));
	return err;
}

/* Which one of a hint's set the guest takes. */
static uint32_t pick(struct lane *l, const struct vdev_irqhint_hint *h, const uint64_t *set)
{
	uint64_t skip = sim_random(&l->random) % h->set_bits;
	uint32_t v = h->first;

	for (;; v++)
		if (set[v / 64] >> v % 64 & 1 && !skip--)
			return v;
}

static int ask(struct run *r, struct lane *l, const struct sim_event *e)
{
	uint64_t set[VDEV_CPUMAP_WORDS(VDEV_CPUMAP_MAX_VCPUS)];
	struct route *route = &l->route[e->type];
	uint32_t device = e->type / SIM_TYPES_EACH;
	struct vdev_irqhint_hint h;
	int n = vdev_irqhint_event(l->engine, e->now_ns, l->dev[device], e->type % SIM_TYPES_EACH,
				   e->cpu, 0, &h, sizeof(h), set,
				   VDEV_CPUMAP_WORDS(r->host->vcpus));

	if (n <= 0)
		return n;
	l->row->hints++;
	l->row->rehints += h.reason != VDEV_IRQHINT_FIRST;
	if (!r->deaf[device]) {
		route->next = pick(l, &h, set);
		route->due_ns = e->now_ns + sim_octaves(&l->random, GUEST_DELAY);
	}
	return 0;
}

/* Knows at once, and its guest obeys at once. */
static void foresee(struct run *r, struct lane *l, const struct sim_event *e)
{
	const uint32_t *places = sim_model_places(r->model);
	struct route *route = &l->route[e->type];

	if (places[route->vcpu] == e->cpu)
		return;
	for (uint32_t v = 0; v < r->host->vcpus; v++) {
		if (places[v] == e->cpu) {
			route->vcpu = v;
			l->row->hints++;
			l->row->rehints++;
			return;
		}
	}
}

static int lane_event(struct run *r, struct lane *l, const struct sim_event *e)
{
	struct route *route = &l->route[e->type];
	uint32_t at;
	int err = 0;

	if (route->due_ns <= e->now_ns)
		err = program(r, l, route->due_ns, e->type, route->next);
	if (l->row->kind == LANE_ORACLE)
		foresee(r, l, e);
	at = sim_model_places(r->model)[route->vcpu];
	l->row->events++;
	l->row->hits += at == e->cpu;
	l->row->near += sim_topology(at).cache == sim_topology(e->cpu).cache;
	if (!err && l->engine)
		err = ask(r, l, e);
	return err;
}

static int run_all(struct run *r)
{
	struct vdev_irqhint_cpu *cpus = calloc(r->host->cpus, sizeof(*cpus));
	uint64_t random = r->host->seed + UINT64_C(77);
	struct sim_event e;
	int err = cpus ? 0 : -ENOMEM;

	for (uint32_t i = 0; cpus && i < r->host->cpus; i++)
		cpus[i] = sim_topology(i);
	for (uint32_t i = 0; i < MOST_DEVICES; i++)
		r->deaf[i] = sim_below(&random, 8) == 0;
	for (uint32_t i = 0; i < r->count && !err; i++)
		err = lane_begin(r, &r->lanes[i], cpus);
	free(cpus);
	while (!err && sim_model_next(r->model, &e))
		for (uint32_t i = 0; i < r->count && !err; i++)
			err = lane_event(r, &r->lanes[i], &e);
	return err;
}

static void rows_begin(const struct sim_options *o, struct sim_result *result)
{
	result->rows = o->lanes + 2;
	result->row[0].kind = LANE_NONE;
	for (uint32_t i = 0; i < o->lanes; i++) {
		result->row[i + 1].kind = LANE_ENGINE;
		result->row[i + 1].hysteresis_ns = o->hysteresis_ns[i];
	}
	result->row[o->lanes + 1].kind = LANE_ORACLE;
}

int sim_host_run(const struct sim_host *host, const struct sim_options *o,
		 struct sim_result *ret_result)
{
	struct vdev_cpumap_config config = {.struct_size = sizeof(config),
					    .flags = VDEV_CPUMAP_LIVE,
					    .vcpus = host->vcpus,
					    .cpus = host->cpus};
	struct run r = {.host = host, .types = devices_of(host) * SIM_TYPES_EACH};
	int err = vdev_cpumap_new(&r.map, NULL, &config);

	if (err)
		return err;
	*ret_result = (struct sim_result){.host = *host, .types = r.types};
	rows_begin(o, ret_result);
	r.count = ret_result->rows;
	r.model = sim_model_new(host, r.types, r.map);
	r.lanes = calloc(r.count, sizeof(*r.lanes));
	err = r.model && r.lanes ? 0 : -ENOMEM;
	for (uint32_t i = 0; i < r.count && !err; i++)
		r.lanes[i].row = &ret_result->row[i];
	if (!err)
		err = run_all(&r);
	for (uint32_t i = 0; i < r.count && r.lanes; i++)
		vdev_irqhint_free(r.lanes[i].engine);
	free(r.lanes);
	sim_model_free(r.model);
	vdev_cpumap_free(r.map);
	return err;
}
