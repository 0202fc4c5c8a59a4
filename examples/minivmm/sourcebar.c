/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source as the guest sees it: an MSI-X table whose writes are trapped, and two registers that its handler writes as it
 * begins and as it ends. Where the vCPU's thread is at these two moments is the truth that hints are measured by;
 * providers are not asked.
 */
#include <errno.h>
#include <stdlib.h>

#include "hints.h"

#define ENTRY 16u
#define ENTRY_MASKED 1u

static bool enabled(const struct source *s)
{
	return pci_visible(&s->fn) && pci_msix(&s->fn);
}

/* vCPUs that a message may reach; 0: it is no interrupt that could be delivered. */
static uint64_t reach(const struct source *s, const struct vdev_msi *m)
{
	const struct hints *h = s->vm->hints;
	uint64_t set = 0;

	return vdev_msi_reach(m, h->apics, s->vm->cpus, 0, &set, 1) > 0 ? set : 0;
}

/* What the guest programmed becomes known to the engine (H4). */
static void report(struct source *s, uint32_t type)
{
	struct source_vector *v = &s->vectors[type];
	uint64_t set = enabled(s) ? reach(s, &v->message) : 0, none = 0;

	s->nonsense += enabled(s) && !v->masked && !set;
	vdev_irqhint_programmed(s->vm->hints->engine, vm_now(s->vm), s->dev, type,
				v->masked ? &none : &set, 1);
	s->vm->machine->hints->route(s, type, set != 0);
}

/* Whether somebody gets the interrupt now. */
bool source_deliverable(struct source *s, uint32_t type)
{
	struct source_vector *v = &s->vectors[type];

	if (v->masked || !enabled(s)) {
		v->pending = true;
		return false;
	}
	if (reach(s, &v->message))
		return true;
	s->counts.undeliverable++;
	return false;
}

/* A handler ends: was it where the event was, all the time? */
static void ended(struct source *s)
{
	uint32_t here = s->vm->machine->hints->here(s->vm), cpu = atomic_load(&s->event_cpu);

	if (atomic_load(&s->handled) == atomic_load(&s->raised))
		return;
	if (s->begin_cpu == cpu && here == cpu)
		s->counts.hits++;
	else
		s->counts.misses++;
	s->counts.moved += s->begin_cpu != here;
	atomic_fetch_add(&s->handled, 1);
	s->vm->machine->hints->kick(s);
}

static int write_register(struct source *s, uint64_t offset, uint32_t value)
{
	if (offset == SRC_BEGIN)
		s->begin_cpu = s->vm->machine->hints->here(s->vm);
	else if (offset == SRC_END)
		ended(s);
	else if (offset == SRC_RESET)
		source_reset(s);
	return 0;
}

/* What came while the vector was masked. */
static void unmasked(struct source *s, uint32_t type)
{
	struct source_vector *v = &s->vectors[type];

	if (!v->pending || v->masked || !enabled(s))
		return;
	v->pending = false;
	if (source_deliverable(s, type))
		s->vm->machine->hints->deliver(s, type, NULL);
}

static void write_entry(struct source *s, uint32_t type, uint32_t field, uint32_t value)
{
	struct source_vector *v = &s->vectors[type];
	bool was = v->masked;

	if (field == 0)
		v->message.address = (v->message.address & ~0xffffffffull) | (value & ~3u);
	else if (field == 4)
		v->message.address = (v->message.address & 0xffffffffu) | (uint64_t)value << 32;
	else if (field == 8)
		v->message.data = value;
	else
		v->masked = value & ENTRY_MASKED;
	if (was && v->masked)
		return; /* told when it counts */
	report(s, type);
	unmasked(s, type);
}

static int write_bar(struct vm *vm, struct pci_fn *fn, uint32_t bar, uint64_t offset,
		     uint32_t width, uint64_t value)
{
	struct source *s = (struct source *)fn;

	if (width != 4 || offset % 4)
		return 0;
	if (bar == 0)
		return write_register(s, offset, (uint32_t)value);
	if (offset < (uint64_t)ENTRY * SOURCE_TYPES)
		write_entry(s, (uint32_t)offset / ENTRY, (uint32_t)offset % ENTRY, (uint32_t)value);
	return 0;
}

static uint32_t read_entry(const struct source_vector *v, uint32_t field)
{
	if (field == 0)
		return (uint32_t)v->message.address;
	if (field == 4)
		return (uint32_t)(v->message.address >> 32);
	return field == 8 ? v->message.data : v->masked;
}

static uint32_t read_bar(struct vm *vm, struct pci_fn *fn, uint32_t bar, uint64_t offset,
			 uint32_t width)
{
	const struct source *s = (const struct source *)fn;
	uint32_t at = (uint32_t)offset, value = 0;

	if (bar == 0 && at == SRC_ID)
		return SRC_ID_VALUE;
	if (bar == 1 && at < ENTRY * SOURCE_TYPES)
		return read_entry(&s->vectors[at / ENTRY], at % ENTRY & ~3u) >> 8 * (at % 4);
	for (uint32_t i = 0; bar == 1 && at == SRC_PENDING && i < SOURCE_TYPES; i++)
		value |= (uint32_t)s->vectors[i].pending << i;
	return value;
}

/* The MSI-X capability: enabled, or masked as a whole. */
static int configured(struct vm *vm, struct pci_fn *fn, uint32_t offset, uint32_t width)
{
	struct source *s = (struct source *)fn;

	for (uint32_t i = 0; i < SOURCE_TYPES; i++) {
		report(s, i);
		unmasked(s, i);
	}
	return 0;
}

static const struct pci_ops ops = {.read = read_bar, .write = write_bar, .configured = configured};

void source_reset(struct source *s)
{
	for (uint32_t i = 0; i < SOURCE_TYPES; i++)
		s->vectors[i] = (struct source_vector){.masked = true};
	vdev_irqhint_device_reset(s->vm->hints->engine, s->dev);
}

static int add_unit(struct source *s)
{
	struct vdev_removal_unit unit = {.struct_size = sizeof(unit),
					 .unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					 .transport = VDEV_REMOVAL_PVDEV,
					 .user_data = (uintptr_t)&s->fn,
					 .name = s->fn.id};
	int r;

	vm_engine_lock(s->vm);
	r = vdev_removal_add(s->vm->removal, vm_now(s->vm), &unit, &s->fn.unit);
	vm_engine_unlock(s->vm);
	return r < 0 ? r : 0;
}

static int connect(struct source *s)
{
	struct hints *h = s->vm->hints;
	int r = add_unit(s);

	if (!r)
		r = vdev_irqhint_add(h->engine, SOURCE_TYPES, (uintptr_t)s, &s->dev);
	if (r)
		return r;
	s->index = h->sources_count;
	h->sources[h->sources_count++] = s;
	return s->vm->machine->hints->begin(s);
}

int source_new(struct vm *vm, const char *name, uint32_t address, struct source **ret_source)
{
	struct source *s;
	int r;

	if (vm->hints->sources_count == SOURCES)
		return -ENOSPC;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->vm = vm;
	s->kick_fd = -1;
	s->fn.ops = &ops;
	s->fn.id = ++vm->next_id;
	pci_init(&s->fn, name, MINIVMM_SOURCE, address);
	pci_add_bar(vm, &s->fn, 0, SRC_BAR_SIZE);
	pci_add_bar(vm, &s->fn, 1, SRC_BAR_SIZE);
	pci_add_msix(&s->fn, SOURCE_TYPES, 1, SRC_PENDING);
	s->fn.present = true;
	for (uint32_t i = 0; i < SOURCE_TYPES; i++) {
		s->vectors[i].masked = true;
		s->irq_fds[i] = -1;
	}
	r = pci_plug(vm, &s->fn);
	if (r)
		free(s);
	else
		r = connect(s); /* from here on the VM frees it */
	*ret_source = r ? NULL : s;
	return r;
}

void source_free(struct source *s)
{
	free(s);
}
