/* SPDX-License-Identifier: BSD-3-Clause */
/* The scenario `irqhint`: its chapters, each in a file of its own, and what they share. */
#include "irqhint.h"

#include <string.h>

#include "transport.h"
#include "zerocopy.h"

#define PACE_NS MS
#define EVENTS 100u /* of a phase */

static const struct story *const chapters[] = {
	irqhint_basic,  irqhint_shares, irqhint_stale, irqhint_resets,
	irqhint_guests, irqhint_host,   NULL,
};

static void metrics(struct scene *s)
{
	const struct irqhint_totals *t = &s->irqhint;

	report_metric(s->report, "share_with_hints", t->with_hints);
	report_metric(s->report, "share_without_hints", t->without_hints);
	report_metric(s->report, "share_of_a_liar", t->liar);
	report_metric(s->report, "share_host_side", t->host_side);
	report_metric(s->report, "share_many_vcpus", t->many);
	report_metric(s->report, "events", t->events);
	report_metric(s->report, "events_lost", t->lost);
	report_metric(s->report, "hints", t->hints);
	report_metric(s->report, "hints_again", t->hints_again);
	report_metric(s->report, "hints_followed", t->followed);
	report_metric(s->report, "stray_interrupts_of_the_control", t->strays);
}

static void end(struct scene *s)
{
	struct irqhint_totals *t = &s->irqhint;
	struct vdev_irqhint_stats stats;

	if (!s->vm->hints)
		return;
	stats = hints_stats(s->vm);
	t->events += stats.events;
	t->hints += stats.answers[VDEV_IRQHINT_FIRST];
	t->hints_again +=
		stats.answers[VDEV_IRQHINT_MOVED] + stats.answers[VDEV_IRQHINT_CPU_CHANGED];
	t->followed += stats.followed;
	for (uint32_t i = 0; i < s->vm->hints->sources_count; i++)
		t->lost += s->vm->hints->sources[i]->counts.lost;
}

const struct scenario scenario_irqhint = {
	.name = "irqhint",
	.what = "interrupts go to the vCPU that runs where a device event arose (rules H1 to H12)",
	.chapters = chapters,
	.end = end,
	.metrics = metrics,
};

struct source *irqhint_source(struct scene *s, uint32_t index)
{
	return s->vm->hints->sources[index];
}

struct source_orders *irqhint_orders(struct scene *s)
{
	return memory_at(s->vm, GUEST_SOURCE_ORDERS, sizeof(struct source_orders));
}

const struct source_seen *irqhint_seen(struct scene *s)
{
	return memory_at(s->vm, GUEST_SOURCE_SEEN, sizeof(struct source_seen));
}

uint32_t irqhint_cpu(struct scene *s, uint32_t cpu)
{
	return s->vm->hints->cpus[cpu % s->vm->hints->cpus_count];
}

void irqhint_place(struct scene *s, uint32_t vcpu, uint32_t cpu)
{
	int r = s->vm->machine->hints->place(s->vm, vcpu, irqhint_cpu(s, cpu));

	EXPECT(s, !r, "vCPU %u could not be put on CPU %u: %s", vcpu, cpu, strerror(-r));
}

void irqhint_swap(struct scene *s, bool swapped)
{
	irqhint_place(s, 0, swapped);
	irqhint_place(s, 1, !swapped);
}

static void defaults(struct scene *s)
{
	struct hints_options *o = &s->options.hints;

	o->wanted = true;
	if (!o->engine.hysteresis_ns)
		o->engine.hysteresis_ns = 2 * MS;
	if (!o->engine.interval_ns)
		o->engine.interval_ns = 2 * MS;
	if (!o->engine.max_age_ns)
		o->engine.max_age_ns = SECOND;
	s->options.lending.queues = 1; /* its event ring is what hints go into */
	s->options.lending.destinations[0] = &transport_copy;
	if (s->options.lending.memory == MEMORY_SHARED)
		s->options.lending.memory = MEMORY_ANONYMOUS; /* as its pages want it */
}

bool irqhint_open(struct scene *s, uint32_t sources)
{
	static const char *const names[SOURCES] = {"source", "second", "third"};
	struct msg_orders *queues;
	struct source *made;
	int r = 0;

	defaults(s);
	if (!scene_open(s))
		return false;
	if (s->vm->hints->cpus_count < 2) {
		scene_skip(s, "this process may use one CPU only: nothing can be moved");
		return false;
	}
	/* Two, whatever the machine has, but where distances are shown: then a route is right or wrong, evenly. */
	if (!s->options.hints.topology_count)
		s->vm->hints->cpus_count = 2;
	queues = memory_at(s->vm, GUEST_ORDERS, sizeof(*queues));
	queues->queues = 1;
	for (uint32_t i = 0; i < s->vm->cpus; i++)
		irqhint_place(s, i, i);
	for (uint32_t i = 0; i < sources && i < SOURCES && !r; i++)
		r = source_new(s->vm, names[i], (4 + i) << 3, &made);
	irqhint_orders(s)->farthest = VDEV_IRQHINT_ANY;
	return EXPECT(s, !r, "a source could not be added: %s", strerror(-r));
}

bool irqhint_queue_on(struct scene *s)
{
	return EXPECT(s, scene_word(s, &zerocopy_seen(s)->queues_on, 1),
		      "the guest turned no queue on");
}

bool irqhint_start(struct scene *s)
{
	return scene_start(s) && irqhint_queue_on(s) &&
	       EXPECT(s, scene_word(s, &irqhint_seen(s)->bound, s->vm->hints->sources_count),
		      "the guest did not bind its sources");
}

bool irqhint_begin(struct scene *s, uint32_t sources)
{
	return irqhint_open(s, sources) && irqhint_start(s);
}

static bool is_over(struct vm *vm, const void *arg)
{
	return !source_busy(arg);
}

bool irqhint_raise(struct scene *s, uint32_t source, uint32_t type, uint32_t cpu, uint32_t count,
		   uint64_t pace_ns)
{
	struct source *d = irqhint_source(s, source);
	const struct burst burst = {
		.type = type, .cpu = irqhint_cpu(s, cpu), .count = count, .pace_ns = pace_ns};
	uint64_t lost = d->counts.lost;

	source_burst(d, &burst);
	return EXPECT(s, vm_wait(s->vm, is_over, d, PATIENCE_MS + count * 20ull),
		      "the events of %s did not end", d->fn.name) &&
	       EXPECT(s, d->counts.lost == lost, "%llu events of %s were never handled",
		      (unsigned long long)(d->counts.lost - lost), d->fn.name);
}

bool irqhint_hinted(struct scene *s, uint32_t source, uint32_t type, uint32_t hints)
{
	return EXPECT(s,
		      scene_word(s, &irqhint_seen(s)->hinted[source * SOURCE_TYPES + type], hints),
		      "the guest did not get hint %u of type %u", hints, type);
}

struct wished_route {
	struct source *source;
	uint32_t type, vcpu;
};

static bool is_routed(struct vm *vm, const void *arg)
{
	const struct wished_route *w = arg;
	struct vdev_irqhint_info info;

	vm_lock(vm); /* programmed() is told under it */
	info = hints_info(w->source, w->type);
	vm_unlock(vm);
	return info.state == VDEV_IRQHINT_ROUTED && info.route == w->vcpu;
}

bool irqhint_routed(struct scene *s, uint32_t source, uint32_t type, uint32_t vcpu)
{
	struct wished_route w = {.source = irqhint_source(s, source), .type = type, .vcpu = vcpu};

	return EXPECT(s, vm_wait(s->vm, is_routed, &w, PATIENCE_MS),
		      "the interrupt of type %u is programmed to vCPU %d, not %u", type,
		      (int)hints_info(w.source, type).route, vcpu);
}

uint64_t irqhint_answers(struct scene *s, uint32_t reason)
{
	return hints_stats(s->vm).answers[reason];
}

bool irqhint_deafen(struct scene *s, bool deaf)
{
	return zerocopy_do(s, &(struct msg_order){.what = MSG_DO_DEAF, .count = deaf});
}

uint32_t irqhint_share(struct scene *s, uint32_t rounds)
{
	const struct source_counts *c = &irqhint_source(s, 0)->counts;

	for (uint32_t i = 0; i < 4 * rounds && !s->failed; i++) {
		for (uint32_t v = 0; v < s->vm->cpus; v++)
			irqhint_place(s, v, v + i / 2);
		irqhint_raise(s, 0, 0, i + i / 2, EVENTS, PACE_NS);
	}
	return c->hits + c->misses ? (uint32_t)(100 * c->hits / (c->hits + c->misses)) : 0;
}
