/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine below the guest's drivers: local APIC, interrupt table, loads and stores. */
#include "driver.h"

#define LAPIC 0xfee00000u
#define LAPIC_EOI 0xb0u
#define LAPIC_LOGICAL 0xd0u
#define LAPIC_MODEL 0xe0u
#define LAPIC_SPURIOUS 0xf0u
#define LAPIC_TIMER 0x320u
#define LAPIC_INITIAL 0x380u
#define LAPIC_DIVIDE 0x3e0u
#define TICK_NS 1000000u /* a millisecond: KVM's local APIC timer counts nanoseconds */

struct platform {
	uint32_t ready;
	uint32_t tick_ms;
	uint32_t ticks[GUEST_CPUS]; /* milliseconds */
	uint32_t seen[GUEST_CPUS];
};

struct gate {
	uint16_t low, selector, flags, middle;
	uint32_t high, reserved;
};

void guest_main(uint32_t cpu);
void guest_interrupt(uint32_t vector, uint32_t cpu);
void *memcpy(void *to, const void *from, unsigned long n);
void *memset(void *to, int value, unsigned long n);

extern const uint8_t guest_stubs[];

static struct platform machine;
static struct gate gates[256];

/* By words: where KVM emulates the guest, each instruction costs a third of a microsecond. */
void *memcpy(void *to, const void *from, unsigned long n)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	for (; n >= 8; n -= 8, t += 8, f += 8)
		*(volatile uint64_t *)t = *(const volatile uint64_t *)f;
	while (n--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int value, unsigned long n)
{
	uint8_t *t = to;
	uint64_t word = (uint8_t)value * 0x0101010101010101ull;

	for (; n >= 8; n -= 8, t += 8)
		*(volatile uint64_t *)t = word;
	while (n--)
		*(volatile uint8_t *)t++ = (uint8_t)value;
	return to;
}

uint32_t platform_read(struct platform *p, uint64_t address, unsigned int width)
{
	if (width == 1)
		return *(volatile uint8_t *)address;
	if (width == 2)
		return *(volatile uint16_t *)address;
	return *(volatile uint32_t *)address;
}

void platform_write(struct platform *p, uint64_t address, unsigned int width, uint32_t value)
{
	if (width == 1)
		*(volatile uint8_t *)address = (uint8_t)value;
	else if (width == 2)
		*(volatile uint16_t *)address = (uint16_t)value;
	else
		*(volatile uint32_t *)address = value;
}

void *platform_ram(struct platform *p, uint64_t address)
{
	return (void *)address;
}

uint32_t platform_ms(struct platform *p)
{
	return __atomic_load_n(&p->ticks[0], __ATOMIC_RELAXED);
}

static volatile uint32_t *lapic(uint32_t offset)
{
	return (volatile uint32_t *)(uint64_t)(LAPIC + offset);
}

static void fault(uint32_t vector)
{
	report_of(&machine)->exceptions = 256 + vector;
	for (;;)
		__asm__ volatile("cli; hlt");
}

void guest_interrupt(uint32_t vector, uint32_t cpu)
{
	if (vector < 32)
		fault(vector);
	__atomic_store_n(&machine.seen[cpu], 1, __ATOMIC_RELAXED);
	if (vector == VECTOR_TICK(cpu))
		__atomic_fetch_add(&machine.ticks[cpu], machine.tick_ms, __ATOMIC_RELAXED);
	driver_interrupt(&machine, cpu, vector);
	*lapic(LAPIC_EOI) = 0;
}

static void make_gates(void)
{
	for (uint32_t v = 0; v < 256; v++) {
		uint64_t at = (uint64_t)guest_stubs + 16ull * v;

		gates[v].low = (uint16_t)at;
		gates[v].selector = 8;
		gates[v].flags = 0x8e00;
		gates[v].middle = (uint16_t)(at >> 16);
		gates[v].high = (uint32_t)(at >> 32);
	}
	__atomic_store_n(&machine.ready, 1, __ATOMIC_RELEASE);
}

static void load_gates(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) table = {sizeof(gates) - 1, (uint64_t)gates};

	__asm__ volatile("lidt %0" : : "m"(table));
}

/* Sleeps until an interrupt, unless one came since we looked for work. */
static void rest(uint32_t cpu)
{
	__asm__ volatile("cli");
	if (__atomic_load_n(&machine.seen[cpu], __ATOMIC_RELAXED))
		__asm__ volatile("sti");
	else
		__asm__ volatile("sti; hlt");
}

void guest_main(uint32_t cpu)
{
	if (cpu == 0) {
		machine.tick_ms = told(&command_of(&machine)->tick_ms);
		machine.tick_ms += !machine.tick_ms;
		make_gates();
	}
	while (!__atomic_load_n(&machine.ready, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause");
	load_gates();
	*lapic(LAPIC_SPURIOUS) = 0x1ff;
	*lapic(LAPIC_MODEL) = 0xffffffffu; /* flat: CPU n is bit n */
	*lapic(LAPIC_LOGICAL) = 1u << (24 + cpu);
	*lapic(LAPIC_DIVIDE) = 0xb;
	*lapic(LAPIC_TIMER) = 0x20000u | VECTOR_TICK(cpu);
	*lapic(LAPIC_INITIAL) = TICK_NS * machine.tick_ms;
	__asm__ volatile("sti");
	for (;;) {
		__atomic_store_n(&machine.seen[cpu], 0, __ATOMIC_RELAXED);
		if (!driver_poll(&machine, cpu))
			rest(cpu);
	}
}
