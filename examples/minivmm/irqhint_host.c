/* SPDX-License-Identifier: BSD-3-Clause */
/* What the VMM does by itself: chooses for guests without the driver (H10), samples (H12), looks (H9), at once (H11). */
#include "irqhint.h"

#ifdef HAVE_KVM
#include <vdev/cpusource.h>
#endif

static bool without_driver(struct scene *s, uint32_t mode, uint32_t set)
{
	s->options.hints.mode = mode;
	if (!irqhint_open(s, 1))
		return false;
	irqhint_orders(s)->no_hints = 1;
	irqhint_orders(s)->mode = set ? SRC_LOGICAL : SRC_PHYSICAL;
	irqhint_orders(s)->set = set;
	return irqhint_start(s);
}

static void host_side(struct scene *s)
{
	if (!without_driver(s, HINTS_CHOOSE, 3))
		return;
	s->irqhint.host_side = irqhint_share(s, 1);
	EXPECT(s, s->irqhint.host_side >= 90, "%u %% reached a vCPU on the event's CPU",
	       s->irqhint.host_side);
	EXPECT(s, irqhint_source(s, 0)->counts.told == 0, "it was told of hints");
	scene_tell(s, "the VMM chose among the two that the guest allows: %u %%",
		   s->irqhint.host_side);
}

/* The guest programmed one vCPU: that one it is, wherever the event is. */
static void only_programmed(struct scene *s)
{
	uint32_t share;

	if (!without_driver(s, HINTS_CHOOSE, 0))
		return;
	share = irqhint_share(s, 1);
	EXPECT(s, irqhint_seen(s)->interrupts[0][1] == 0, "vCPU 1 got interrupts of vCPU 0");
	EXPECT(s, share <= 60, "%u %% on the event's CPU, with one vCPU alone", share);
	scene_tell(s, "one vCPU was programmed, it got all of them");
}

/* A wrong choice does not go unseen: the vector is nobody's there. */
static void wrong_choice(struct scene *s)
{
	const struct burst burst = {.count = 1};
	struct burst b = burst;

	if (!without_driver(s, HINTS_NEAREST, 0))
		return;
	s->strays = true;
	b.cpu = irqhint_cpu(s, 1);
	source_burst(irqhint_source(s, 0), &b);
	NEED(s, scene_counter(s, &guest_report(s->vm)->spurious, 1),
	     "the vector of another vCPU did no harm: a wrong choice would not be seen");
	s->irqhint.strays += guest_report(s->vm)->spurious;
	scene_tell(s, "control: the vector of vCPU 0 on vCPU 1 was a stray interrupt");
}

/* No event reaches the VMM: it looks at the host interrupt's affinity now and then. */
static void sampled(struct scene *s)
{
	const struct source_counts *c;
	uint64_t hits, handled;

	if (!irqhint_open(s, 1))
		return;
	atomic_store(&s->vm->hints->in_kernel, true);
	if (!irqhint_start(s))
		return;
	c = &irqhint_source(s, 0)->counts;
	NEED(s, irqhint_raise(s, 0, 0, 1, 40, MS) && irqhint_routed(s, 0, 0, 1), "no route");
	handled = c->hits + c->misses;
	EXPECT(s,
	       hints_stats(s->vm).sampled > 0 &&
		       hints_stats(s->vm).sampled == hints_stats(s->vm).events &&
		       hints_stats(s->vm).events < handled,
	       "%llu samples, %llu events for %llu interrupts",
	       (unsigned long long)hints_stats(s->vm).sampled,
	       (unsigned long long)hints_stats(s->vm).events, (unsigned long long)handled);
	hits = c->hits;
	NEED(s, irqhint_raise(s, 0, 0, 1, 20, MS), "events were lost");
	EXPECT(s, c->hits - hits >= 18, "%llu of 20 reached a vCPU on their CPU",
	       (unsigned long long)(c->hits - hits));
	handled = c->hits + c->misses;
	scene_tell(s, "%llu looks at the affinity for %llu interrupts, and the route followed",
		   (unsigned long long)hints_stats(s->vm).sampled, (unsigned long long)handled);
}

static bool all_over(struct vm *vm, const void *arg)
{
	for (uint32_t i = 0; i < vm->hints->sources_count; i++)
		if (source_busy(vm->hints->sources[i]))
			return false;
	return true;
}

/* Three devices at once, while vCPUs move and the guest programs. */
static void at_once(struct scene *s)
{
	uint64_t handled = 0;

	if (!irqhint_begin(s, SOURCES))
		return;
	for (uint32_t i = 0; i < SOURCES; i++) {
		struct burst b = {
			.type = i, .cpu = irqhint_cpu(s, i), .count = 200, .pace_ns = MS / 2};

		source_burst(irqhint_source(s, i), &b);
	}
	for (uint32_t i = 0; i < 200 && !all_over(s->vm, NULL); i++) {
		irqhint_swap(s, !(i % 2));
		vm_run_for(s->vm, 5);
	}
	NEED(s, vm_wait(s->vm, all_over, NULL, PATIENCE_MS), "the events do not end");
	for (uint32_t i = 0; i < SOURCES; i++) {
		const struct source_counts *c = &irqhint_source(s, i)->counts;

		handled += c->hits + c->misses;
		EXPECT(s, c->lost == 0, "%llu events of device %u were lost",
		       (unsigned long long)c->lost, i);
	}
	EXPECT(s, handled == 200ull * SOURCES, "%llu of %u events were handled",
	       (unsigned long long)handled, 200 * SOURCES);
	EXPECT(s, hints_stats(s->vm).events == handled, "the engine saw %llu events of %llu",
	       (unsigned long long)hints_stats(s->vm).events, (unsigned long long)handled);
	scene_tell(s, "%llu events of three devices at once, none lost",
		   (unsigned long long)handled);
}

struct wished_place {
	uint32_t vcpu, cpu;
};

static bool is_there(struct vm *vm, const void *arg)
{
	const struct wished_place *w = arg;
	uint64_t set = 0;

	vm->machine->hints->locate(vm);
	return vdev_cpumap_cpu(vm->hints->map, w->vcpu) == (int)w->cpu &&
	       vdev_cpumap_running_on(vm->hints->map, w->cpu, &set, 1) > 0 && (set >> w->vcpu & 1);
}

/* locate() and running_on(), by one way to look after the other; CPUs that never halt, as some know who sleeps. */
static void follows(struct scene *s, uint32_t kinds)
{
	s->options.hints.kinds = kinds;
	if (!irqhint_open(s, 1))
		return;
	if (s->vm->machine != &machine_mock && !s->vm->hints->provider) {
		scene_skip(s, "not to be used here: %s", s->vm->hints->provider_name);
		return;
	}
	guest_command(s->vm)->restless = 1;
	if (!irqhint_start(s))
		return;
	for (uint32_t i = 0; i < 6; i++) {
		struct wished_place w = {.vcpu = 1, .cpu = irqhint_cpu(s, i)};

		irqhint_swap(s, !(i % 2));
		NEED(s, vm_wait(s->vm, is_there, &w, PATIENCE_MS),
		     "vCPU 1 is not seen on CPU %u, but on %d", w.cpu,
		     vdev_cpumap_cpu(s->vm->hints->map, 1));
	}
	scene_tell(s, "provider %s saw 6 moves of a vCPU inside the guest",
		   s->vm->hints->provider_name);
}

static void any_provider(struct scene *s)
{
	follows(s, 0);
}

#ifdef HAVE_KVM
static bool on_mock(struct scene *s)
{
	if (s->options.machine != &machine_mock)
		return false;
	scene_skip(s, "the mock machine has no threads to look at");
	return true;
}

static void by_procfs(struct scene *s)
{
	if (!on_mock(s))
		follows(s, VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_PROCFS));
}

static void by_affinity(struct scene *s)
{
	if (!on_mock(s))
		follows(s, VDEV_CPUSOURCE_WANT(VDEV_CPUSOURCE_AFFINITY));
}
#endif

const struct story irqhint_host[] = {
	{"host-side", "H10", host_side},
	{"host-side-only-programmed", "H10", only_programmed},
	{"host-side-wrong-choice", "H10", wrong_choice},
	{"sampled", "H12", sampled},
	{"three-at-once", "H11", at_once},
	{"provider-chosen", "H9", any_provider},
#ifdef HAVE_KVM
	{"provider-procfs", "H9", by_procfs},
	{"provider-affinity", "H9", by_affinity},
#endif
	{NULL, NULL, NULL},
};
