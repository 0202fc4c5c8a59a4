/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest's main loop body and its interrupt entry. */
#include "driver.h"

const struct guest_rule *driver_rule(struct platform *p, uint32_t address)
{
	struct guest_command *c = command_of(p);
	const struct guest_rule *other = &c->rules[0];
	uint32_t n = told(&c->rules_count);

	for (uint32_t i = 0; i < n && i < GUEST_DEVICES; i++) {
		uint32_t a = told(&c->rules[i].address);

		if (a == address)
			return &c->rules[i];
		if (a == ALL_ONES)
			other = &c->rules[i];
	}
	return other;
}

uint32_t driver_cpus(struct platform *p)
{
	uint32_t cpus = told(&command_of(p)->cpus);

	return cpus && cpus <= GUEST_CPUS ? cpus : GUEST_CPUS_USUAL;
}

static void start(struct platform *p)
{
	struct guest_report *r = report_of(p);

	bus_scan(p, 0);
	__atomic_store_n(&r->magic, GUEST_REPORT_MAGIC, __ATOMIC_RELEASE);
	__atomic_fetch_add(&r->boots, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&driver_of(p)->started, 1, __ATOMIC_RELEASE);
}

static void poll_first(struct platform *p)
{
	struct driver *d = driver_of(p);

	if (!d->started)
		start(p);
	if (__atomic_exchange_n(&d->rescan, 0, __ATOMIC_ACQ_REL))
		bus_scan(p, 0);
	port_poll(p);
	pv_poll(p);
	source_poll(p);
	count(&report_of(p)->heartbeat);
}

/* Returns whether there was something to do, so that it makes sense to look again at once. */
int driver_poll(struct platform *p, uint32_t cpu)
{
	struct driver *d = driver_of(p);
	int busy = 0;

	if (cpu == 0)
		poll_first(p);
	if (!told(&d->started))
		return 0;
	busy = messages_poll(p, cpu);
	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		if (told(&d->devices[i].state) != DEV_NONE && d->devices[i].cpu == cpu)
			busy |= block_poll(p, i);
	return busy || told(&command_of(p)->restless);
}

static int claim(struct platform *p, uint32_t cpu, uint32_t vector)
{
	struct driver *d = driver_of(p);

	if (vector == VECTOR_TICK(cpu))
		return 1;
	if (vector == VECTOR_PV && cpu == 0)
		return __atomic_store_n(&d->pv_irq, 1, __ATOMIC_RELEASE), 1;
	for (uint32_t i = 0; i < GUEST_PORTS && cpu == 0; i++)
		if (vector == VECTOR_PORT(i) && d->ports[i].used)
			return __atomic_store_n(&d->ports[i].irq, 1, __ATOMIC_RELEASE), 1;
	for (uint32_t i = 0; i < GUEST_DEVICES; i++)
		if (vector == VECTOR_DEVICE(cpu, i) && d->devices[i].cpu == cpu)
			return count(&block_report(p, i)->interrupts), 1;
	return source_claim(p, cpu, vector);
}

void driver_interrupt(struct platform *p, uint32_t cpu, uint32_t vector)
{
	struct guest_report *r = report_of(p);

	count(&r->interrupts[cpu]);
	__atomic_fetch_or(&r->vectors[cpu][vector / 64], 1ull << (vector % 64), __ATOMIC_RELAXED);
	if (!claim(p, cpu, vector))
		count(&r->spurious);
}
