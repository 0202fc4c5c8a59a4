/* SPDX-License-Identifier: BSD-3-Clause */
/* See hints.h. This file: the map and the engine, made and ended. */
#include "hints.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t highest(const struct hints *h)
{
	uint32_t cpu = 0;

	for (uint32_t i = 0; i < h->cpus_count; i++)
		cpu = h->cpus[i] > cpu ? h->cpus[i] : cpu;
	return cpu;
}

/* The story's topology is by our own numbers of CPUs: entry n is for the nth that is used. */
static int make_engine(struct hints *h, uint32_t count)
{
	const struct hints_options *o = &h->vm->options.hints;

	h->topology = calloc(count, sizeof(*h->topology));
	if (!h->topology)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		h->topology[i] = (struct vdev_irqhint_cpu){.core = VDEV_CPUMAP_NOWHERE,
							   .cache = VDEV_CPUMAP_NOWHERE,
							   .node = VDEV_CPUMAP_NOWHERE};
	for (uint32_t i = 0; i < h->cpus_count && i < o->topology_count; i++)
		h->topology[h->cpus[i]] = o->topology[i];
	h->config = o->engine;
	h->config.struct_size = sizeof(h->config);
	h->config.max_devices = SOURCES;
	h->config.max_types = SOURCE_SLOTS;
	h->config.cpu_count = o->topology_count ? count : 0;
	h->config.cpus = h->topology;
	return vdev_irqhint_new(&h->engine, &h->vm->env, h->map, &h->config);
}

static int make(struct hints *h)
{
	struct vdev_cpumap_config map = {.struct_size = sizeof(map), .vcpus = h->vm->cpus};
	int r;

	h->cpus_count = h->vm->machine->hints->cpus(h->vm, h->cpus, HINT_CPUS);
	map.cpus = highest(h) + 1;
	r = vdev_cpumap_new(&h->map, &h->vm->env, &map);
	if (!r)
		r = make_engine(h, map.cpus);
	return r ? r : h->vm->machine->hints->provide(h->vm, h->vm->options.hints.kinds);
}

int hints_new(struct vm *vm)
{
	struct hints *h;

	if (!vm->options.hints.wanted)
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	vm->hints = h;
	h->vm = vm;
	h->mode = vm->options.hints.mode;
	h->lies = vm->options.hints.lies;
	/* The guest's own numbers of its CPUs, and the flat model: it is ours, and we know. */
	for (uint32_t i = 0; i < GUEST_CPUS; i++) {
		h->apics[i] = (struct vdev_msi_cpu){.apic_id = i, .logical = 1u << i};
		h->placed[i] = VDEV_CPUMAP_NOWHERE;
	}
	return make(h);
}

uint32_t hints_next_cpu(const struct hints *h, uint32_t cpu)
{
	for (uint32_t i = 0; i < h->cpus_count; i++)
		if (h->cpus[i] == cpu)
			return h->cpus[(i + 1) % h->cpus_count];
	return cpu;
}

void hints_end_workers(struct vm *vm)
{
	for (uint32_t i = 0; vm->hints && i < vm->hints->sources_count; i++)
		vm->machine->hints->end(vm->hints->sources[i]);
}

void hints_free(struct vm *vm)
{
	struct hints *h = vm->hints;

	if (!h)
		return;
	vm->machine->hints->unprovide(vm);
	vdev_irqhint_free(h->engine);
	vdev_cpumap_free(h->map);
	free(h->topology);
	free(h);
	vm->hints = NULL;
}

void hints_reset(struct vm *vm)
{
	if (vm->hints)
		vdev_irqhint_guest_reset(vm->hints->engine);
}

/* What a destination does, with another map in its place; here the map stays. */
int hints_migrate(struct vm *vm)
{
	struct hints *h = vm->hints;
	struct vdev_irqhint *loaded;
	size_t size = 0;
	void *image;
	int r;

	vdev_irqhint_save(h->engine, vm_now(vm), NULL, 0, &size);
	image = malloc(size);
	if (!image)
		return -ENOMEM;
	r = vdev_irqhint_save(h->engine, vm_now(vm), image, size, &size);
	if (!r)
		r = vdev_irqhint_load(&vm->env, h->map, &h->config, VDEV_IRQHINT_MIGRATED,
				      vm_now(vm), image, size, &loaded);
	free(image);
	if (r)
		return r;
	vdev_irqhint_free(h->engine);
	h->engine = loaded;
	return 0;
}

struct vdev_irqhint_stats hints_stats(struct vm *vm)
{
	struct vdev_irqhint_stats stats = {0};

	vdev_irqhint_stats(vm->hints->engine, &stats, sizeof(stats));
	return stats;
}

struct vdev_irqhint_info hints_info(struct source *s, uint32_t type)
{
	struct vdev_irqhint_info info = {0};

	vdev_irqhint_get(s->vm->hints->engine, s->dev, type, &info, sizeof(info));
	return info;
}

uint64_t hints_work(struct vm *vm, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX, t;

	for (uint32_t i = 0; vm->hints && i < vm->hints->sources_count; i++) {
		t = source_work(vm->hints->sources[i], now_ns);
		next = t < next ? t : next;
	}
	return next;
}
