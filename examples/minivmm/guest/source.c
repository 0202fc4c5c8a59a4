/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver of the event sources: programs MSI-X vectors, to the CPUs that hints name if so ordered. Each CPU has
 * vectors of its own for each type, so that an interrupt that is sent to the wrong one is found.
 */
#include <vdev/guest.h>

#include "driver.h"

#define CAP_MSIX 0x11u
#define MSIX_ENABLE 0x8000u
#define ENTRY_MASKED 1u
#define ADDRESS 0xfee00000u
#define ADDRESS_HINT 0xcu /* redirection hint, logical destination */
#define LOWEST_PRIORITY 0x100u
#define NOWHERE ~0u

static struct drv_source *source_at(struct platform *p, uint32_t index)
{
	return &driver_of(p)->sources[index];
}

static struct source_seen *seen_of(struct platform *p)
{
	return platform_ram(p, GUEST_SOURCE_SEEN);
}

static const struct source_orders *orders_of(struct platform *p)
{
	return platform_ram(p, GUEST_SOURCE_ORDERS);
}

static void put(struct platform *p, uint32_t slot, uint32_t address, uint32_t data)
{
	uint64_t at = source_at(p, slot / SOURCE_TYPES)->table + 16ull * (slot % SOURCE_TYPES);

	platform_write(p, at + 12, 4, ENTRY_MASKED);
	platform_write(p, at, 4, address);
	platform_write(p, at + 4, 4, 0);
	platform_write(p, at + 8, 4, data);
	platform_write(p, at + 12, 4, 0);
}

static void to_cpu(struct platform *p, uint32_t slot, uint32_t cpu)
{
	put(p, slot, ADDRESS | cpu << 12, VECTOR_SOURCE(cpu, slot));
}

static void at_first(struct platform *p, uint32_t index)
{
	const struct source_orders *o = orders_of(p);

	for (uint32_t t = 0; t < SOURCE_TYPES; t++) {
		uint32_t slot = index * SOURCE_TYPES + t;

		if (told(&o->mode) == SRC_LOGICAL)
			put(p, slot, ADDRESS | ADDRESS_HINT | told(&o->set) << 12,
			    LOWEST_PRIORITY | VECTOR_SHARED(slot));
		else
			to_cpu(p, slot, told(&o->home));
	}
}

/* The device knows nothing of what was before. */
static void forget(struct platform *p, uint32_t index)
{
	struct source_seen *s = seen_of(p);

	for (uint32_t i = index * SOURCE_TYPES; i < (index + 1) * SOURCE_TYPES; i++) {
		__atomic_store_n(&s->first[i], 0, __ATOMIC_RELAXED);
		__atomic_store_n(&s->hinted[i], 0, __ATOMIC_RELAXED);
	}
}

void source_bind(struct platform *p, uint32_t address)
{
	uint32_t cap = config_capability(p, address, CAP_MSIX), index = 0;
	struct drv_source *d;

	while (index < SOURCES && source_at(p, index)->address)
		index++;
	if (index == SOURCES || !cap)
		return;
	d = source_at(p, index);
	d->registers = config_read(p, address, 0x10, 4) & ~0xfull;
	d->table = config_read(p, address, 0x14, 4) & ~0xfull;
	__atomic_store_n(&d->address, address, __ATOMIC_RELEASE);
	config_write(p, address, 4, 2, 0x0006);
	config_write(p, address, cap + 2, 2, MSIX_ENABLE);
	forget(p, index);
	at_first(p, index);
	d->reset_seen = told(&orders_of(p)->reset_now);
	d->program_seen = told(&orders_of(p)->program_now);
	d->nonsense_seen = told(&orders_of(p)->nonsense_now);
	__atomic_store_n(&seen_of(p)->bound, index + 1, __ATOMIC_RELEASE);
}

/* A CPU for the interrupt, or NOWHERE: it stays as it is. */
static uint32_t chosen(struct platform *p, uint64_t set, uint32_t distance)
{
	const struct source_orders *o = orders_of(p);
	uint32_t policy = told(&o->policy), cpus = driver_cpus(p);

	if (policy == SRC_IGNORE)
		return count(&seen_of(p)->ignored), NOWHERE;
	if (distance > told(&o->farthest))
		return count(&seen_of(p)->far), NOWHERE;
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		if ((set >> cpu & 1) == (policy == SRC_FOLLOW))
			return count(policy == SRC_FOLLOW ? &seen_of(p)->followed
							  : &seen_of(p)->outside),
			       cpu;
	return NOWHERE;
}

static uint32_t index_of(struct platform *p, uint32_t address)
{
	uint32_t i = 0;

	while (i < SOURCES && source_at(p, i)->address != address)
		i++;
	return i;
}

/* CPUs beyond the first 64 are none of ours: MORE has no meaning here. */
void source_hint(struct platform *p, uint32_t result, uint64_t cookie, uint64_t set)
{
	uint32_t index = index_of(p, (uint32_t)cookie), type = result & VDEV_GUEST_HINT_TYPE;
	uint32_t distance = result >> VDEV_GUEST_HINT_DISTANCE_SHIFT & VDEV_GUEST_HINT_DISTANCE;
	struct source_seen *s = seen_of(p);
	uint32_t slot = index * SOURCE_TYPES + type, cpu;

	count(&s->hints);
	if (index == SOURCES || type >= SOURCE_TYPES || cookie >> 32 || !set) {
		count(&s->bad_hints);
		return;
	}
	s->set[slot] = set;
	s->distance[slot] = distance;
	cpu = chosen(p, set, distance);
	if (cpu != NOWHERE)
		to_cpu(p, slot, cpu);
	__atomic_fetch_add(&s->hinted[slot], 1, __ATOMIC_RELEASE);
}

/* The hint was to be there before the interrupt (H3). */
static void first(struct platform *p, uint32_t slot)
{
	struct source_seen *s = seen_of(p);
	int there;

	if (__atomic_exchange_n(&s->first[slot], 1, __ATOMIC_RELAXED))
		return;
	there = messages_hint_waits(p, source_at(p, slot / SOURCE_TYPES)->address,
				    slot % SOURCE_TYPES);
	/* taken meanwhile: looked at last, for what was not in the ring any more was taken before */
	there = there || __atomic_load_n(&s->hinted[slot], __ATOMIC_ACQUIRE);
	count(there ? &s->with_hint : &s->without_hint);
}

int source_claim(struct platform *p, uint32_t cpu, uint32_t vector)
{
	uint32_t slot = vector - VECTOR_SOURCE(cpu, 0);
	const struct drv_source *d;

	if (slot >= SOURCE_SLOTS) {
		slot = vector - VECTOR_SHARED(0);
		if (slot >= SOURCE_SLOTS || !(told(&orders_of(p)->set) >> cpu & 1))
			return 0;
	}
	d = source_at(p, slot / SOURCE_TYPES);
	if (!told(&d->address))
		return 0;
	platform_write(p, d->registers + SRC_BEGIN, 4, slot % SOURCE_TYPES);
	first(p, slot);
	count(&seen_of(p)->interrupts[slot][cpu]);
	platform_write(p, d->registers + SRC_END, 4, slot % SOURCE_TYPES);
	return 1;
}

/* What no driver writes: CPUs that are not there, reserved vectors, no interrupts at all, halves of entries. */
static void nonsense(struct platform *p)
{
	static const struct {
		uint32_t address, data;
	} entries[] = {
		{ADDRESS | 60u << 12, 0x50},
		{ADDRESS | 200u << 12, 0x50},
		{ADDRESS, 5},
		{0x1000, 0x50},
		{ALL_ONES, ALL_ONES},
		{ADDRESS, 0x450},
		{ADDRESS, 0x550},
		{ADDRESS | 0x10, 0x50},
		{ADDRESS | 4, 0x150},
		{ADDRESS, 0x750},
		{0, 0},
	};
	uint64_t table = source_at(p, 0)->table;

	for (uint32_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		put(p, 0, entries[i].address, entries[i].data);
	platform_write(p, table + 1, 1, 0xff);
	platform_write(p, table + 8, 2, 0xffff);
	platform_write(p, table + 16ull * SOURCE_TYPES, 4, ALL_ONES);
	platform_write(p, table + SRC_PENDING, 4, ALL_ONES);
	platform_write(p, table + SRC_BAR_SIZE - 4, 4, ALL_ONES);
	platform_read(p, table + 2, 2);
	platform_read(p, table + SRC_BAR_SIZE - 1, 1);
}

static void obey(struct platform *p, uint32_t index)
{
	const struct source_orders *o = orders_of(p);
	struct drv_source *d = source_at(p, index);
	struct source_seen *s = seen_of(p);

	if (d->program_seen != told(&o->program_now)) {
		d->program_seen = told(&o->program_now);
		at_first(p, index);
		__atomic_fetch_add(&s->programs, 1, __ATOMIC_RELEASE);
	}
	if (!index && d->reset_seen != told(&o->reset_now)) {
		d->reset_seen = told(&o->reset_now);
		platform_write(p, d->registers + SRC_RESET, 4, 1);
		forget(p, index);
		at_first(p, index);
		__atomic_fetch_add(&s->resets, 1, __ATOMIC_RELEASE);
	}
	if (!index && d->nonsense_seen != told(&o->nonsense_now)) {
		d->nonsense_seen = told(&o->nonsense_now);
		nonsense(p);
		__atomic_fetch_add(&s->nonsense, 1, __ATOMIC_RELEASE);
	}
}

void source_poll(struct platform *p)
{
	for (uint32_t i = 0; i < SOURCES; i++)
		if (source_at(p, i)->address)
			obey(p, i);
}
