/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl sim: a scheduler, seeded. Threads of vCPUs run and sleep; a load balancer moves them, rather within a
 * cache than within a node than anywhere. Half of the moves are visits, after which the thread comes back. A
 * quarter of the vCPUs is pinned. Threads of devices are moved, too, more often than not to where a vCPU is.
 * A recording takes the place of all that concerns vCPUs.
 */
#include <stdlib.h>

#include "sim.h"

#define US UINT64_C(1000)

/* Durations: the least, and over how many octaves. */
#define RUN 125 * US, 6 /* .. 8 ms */
#define SLEEP 125 * US, 8 /* .. 32 ms */
#define STAY 8000 * US, 8 /* .. 2 s, until the load balancer moves it */
#define VISIT 250 * US, 6 /* .. 16 ms */
#define DEVICE_STAY 64000 * US, 6 /* .. 4 s */
#define GAP 250 * US, 4 /* .. 4 ms between two events of a type */

enum actor { VCPU_STATE, VCPU_MOVE, DEVICE_MOVE, TYPE_EVENT, RECORDED };
#define WHO(actor, index) ((uint32_t)(actor) << 16 | (index))

struct mover {
	uint32_t cpu, home;
	bool away, pinned, sleeps;
};

struct sim_model {
	struct sim_host host;
	struct vdev_cpumap *map;
	struct sim_heap heap;
	struct mover *vcpus, *devices;
	uint32_t *places;
	uint64_t placed, driven; /* random numbers for the scheduler, and for the devices */
	uint64_t loops; /* of a recording */
	uint32_t next_move;
};

struct vdev_irqhint_cpu sim_topology(uint32_t cpu)
{
	return (struct vdev_irqhint_cpu){.core = cpu / 2, .cache = cpu / 16, .node = cpu / 64};
}

static void place(struct sim_model *m, uint64_t now_ns, uint32_t vcpu)
{
	const struct mover *v = &m->vcpus[vcpu];

	m->places[vcpu] = v->cpu;
	vdev_cpumap_set(m->map, now_ns, vcpu, v->cpu,
			v->sleeps ? VDEV_CPUMAP_SLEEPING : VDEV_CPUMAP_RUNNING);
}

/* A CPU of the group of so many to which this one belongs. */
static uint32_t within(struct sim_model *m, uint32_t cpu, uint32_t group)
{
	uint32_t first = cpu - cpu % group, left = m->host.cpus - first;

	return first + sim_below(&m->placed, left < group ? left : group);
}

static uint32_t balanced(struct sim_model *m, uint32_t cpu)
{
	uint32_t dice = sim_below(&m->placed, 8);

	return dice < 6   ? within(m, cpu, 16)
	       : dice < 7 ? within(m, cpu, 64)
			  : sim_below(&m->placed, m->host.cpus);
}

static uint64_t vcpu_move(struct sim_model *m, uint64_t now_ns, uint32_t vcpu)
{
	struct mover *v = &m->vcpus[vcpu];
	bool back = v->away;

	v->cpu = back ? v->home : balanced(m, v->cpu);
	v->away = !back && sim_below(&m->placed, 2);
	if (!v->away)
		v->home = v->cpu;
	place(m, now_ns, vcpu);
	return now_ns + (v->away ? sim_octaves(&m->placed, VISIT) : sim_octaves(&m->placed, STAY));
}

static uint64_t vcpu_state(struct sim_model *m, uint64_t now_ns, uint32_t vcpu)
{
	struct mover *v = &m->vcpus[vcpu];

	v->sleeps = !v->sleeps;
	place(m, now_ns, vcpu);
	return now_ns + (v->sleeps ? sim_octaves(&m->placed, SLEEP) : sim_octaves(&m->placed, RUN));
}

static uint32_t device_cpu(struct sim_model *m)
{
	return sim_below(&m->driven, 4) ? m->places[sim_below(&m->driven, m->host.vcpus)]
					: sim_below(&m->driven, m->host.cpus);
}

static uint64_t device_move(struct sim_model *m, uint64_t now_ns, uint32_t device)
{
	struct mover *d = &m->devices[device];
	bool back = d->away;

	d->cpu = back ? d->home : device_cpu(m);
	d->away = !back && sim_below(&m->driven, 2);
	if (!d->away)
		d->home = d->cpu;
	return now_ns +
	       (d->away ? sim_octaves(&m->driven, VISIT) : sim_octaves(&m->driven, DEVICE_STAY));
}

/* All moves of this moment; a recording that ends begins again. */
static uint64_t recorded(struct sim_model *m, uint64_t now_ns)
{
	const struct sim_recording *r = m->host.recording;
	uint64_t length = r->moves[r->count - 1].at_ns + 1000 * US, at;

	for (;;) {
		const struct sim_move *move = &r->moves[m->next_move];

		at = m->loops * length + move->at_ns;
		if (at > now_ns)
			return at;
		m->vcpus[move->vcpu].cpu = move->cpu;
		m->vcpus[move->vcpu].sleeps = move->state == VDEV_CPUMAP_SLEEPING;
		place(m, now_ns, move->vcpu);
		if (++m->next_move == r->count) {
			m->next_move = 0;
			m->loops++;
		}
	}
}

static void begin(struct sim_model *m, uint32_t types)
{
	for (uint32_t i = 0; i < m->host.vcpus; i++) {
		struct mover *v = &m->vcpus[i];

		v->cpu = v->home = i % m->host.cpus;
		v->pinned = sim_below(&m->placed, 4) == 0;
		place(m, 0, i);
		if (m->host.recording)
			continue;
		sim_heap_put(&m->heap, sim_octaves(&m->placed, RUN), WHO(VCPU_STATE, i));
		if (!v->pinned)
			sim_heap_put(&m->heap, sim_octaves(&m->placed, STAY), WHO(VCPU_MOVE, i));
	}
	if (m->host.recording)
		sim_heap_put(&m->heap, recorded(m, 0), WHO(RECORDED, 0));
	for (uint32_t i = 0; i < types / SIM_TYPES_EACH; i++) {
		m->devices[i].cpu = m->devices[i].home = device_cpu(m);
		sim_heap_put(&m->heap, sim_octaves(&m->driven, DEVICE_STAY), WHO(DEVICE_MOVE, i));
	}
	for (uint32_t i = 0; i < types; i++)
		sim_heap_put(&m->heap, sim_octaves(&m->driven, GAP), WHO(TYPE_EVENT, i));
}

struct sim_model *sim_model_new(const struct sim_host *host, uint32_t types,
				struct vdev_cpumap *map)
{
	struct sim_model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->host = *host;
	m->map = map;
	m->placed = host->seed;
	m->driven = ~(uint64_t)host->seed;
	m->vcpus = calloc(host->vcpus, sizeof(*m->vcpus));
	m->devices = calloc(types / SIM_TYPES_EACH, sizeof(*m->devices));
	m->places = calloc(host->vcpus, sizeof(*m->places));
	m->heap.due = calloc(2 * (size_t)host->vcpus + 2 * (size_t)types + 1, sizeof(*m->heap.due));
	if (!m->vcpus || !m->devices || !m->places || !m->heap.due) {
		sim_model_free(m);
		return NULL;
	}
	begin(m, types);
	return m;
}

void sim_model_free(struct sim_model *m)
{
	if (!m)
		return;
	free(m->vcpus);
	free(m->devices);
	free(m->places);
	free(m->heap.due);
	free(m);
}

const uint32_t *sim_model_places(const struct sim_model *m)
{
	return m->places;
}

bool sim_model_next(struct sim_model *m, struct sim_event *ret_event)
{
	for (;;) {
		struct sim_due d = sim_heap_take(&m->heap);
		uint32_t index = d.who & 0xffffu;
		uint64_t next = 0;

		if (d.at_ns >= m->host.seconds * SIM_NS_PER_S)
			return false;
		switch (d.who >> 16) {
		case VCPU_STATE:
			next = vcpu_state(m, d.at_ns, index);
			break;
		case VCPU_MOVE:
			next = vcpu_move(m, d.at_ns, index);
			break;
		case DEVICE_MOVE:
			next = device_move(m, d.at_ns, index);
			break;
		case RECORDED:
			next = recorded(m, d.at_ns);
			break;
		default:
			next = d.at_ns + sim_octaves(&m->driven, GAP);
			break;
		}
		sim_heap_put(&m->heap, next, d.who);
		if (d.who >> 16 == TYPE_EVENT) {
			ret_event->now_ns = d.at_ns;
			ret_event->type = index;
			ret_event->cpu = m->devices[index / SIM_TYPES_EACH].cpu;
			return true;
		}
	}
}
