/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI configuration space by ECAM, enumeration, and binding of drivers. */
#include "driver.h"

#define CAP_MSI 0x05u
#define CAP_EXPRESS 0x10u
#define SLOT_IMPLEMENTED 0x0100u

static uint64_t ecam(uint32_t address, uint32_t offset)
{
	return ECAM_BASE + ((uint64_t)address << 12) + offset;
}

uint32_t config_read(struct platform *p, uint32_t address, uint32_t offset, unsigned int width)
{
	return platform_read(p, ecam(address, offset), width);
}

void config_write(struct platform *p, uint32_t address, uint32_t offset, unsigned int width,
		  uint32_t value)
{
	platform_write(p, ecam(address, offset), width, value);
}

uint32_t config_capability(struct platform *p, uint32_t address, uint32_t id)
{
	uint32_t at = config_read(p, address, 0x34, 1);

	for (int hops = 0; hops < 48 && at >= 0x40 && at < 0xff; hops++) {
		if (config_read(p, address, at, 1) == id)
			return at;
		at = config_read(p, address, at + 1, 1);
	}
	return 0;
}

/* Memory decoding, bus mastering, and one message of our choice. */
void bus_enable(struct platform *p, uint32_t address, uint32_t cpu, uint32_t vector)
{
	uint32_t msi = config_capability(p, address, CAP_MSI);

	if (msi) {
		config_write(p, address, msi + 4, 4, 0xfee00000u | cpu << 12);
		config_write(p, address, msi + 8, 4, 0);
		config_write(p, address, msi + 12, 2, vector);
		config_write(p, address, msi + 2, 2, 0x0001);
	}
	config_write(p, address, 4, 2, 0x0006);
}

/* Whether a removal of `top` takes `address` along: itself, what is below a bridge, and the other
 * functions of a device whose function 0 goes. */
int bus_covers(struct platform *p, uint32_t top, uint32_t address)
{
	uint32_t bus = address >> 8;

	if (top == address || ((top & 7) == 0 && top == (address & ~7u)))
		return 1;
	if ((config_read(p, top, 0x0e, 1) & 0x7f) != 1)
		return 0;
	return bus >= config_read(p, top, 0x19, 1) && bus <= config_read(p, top, 0x1a, 1);
}

/* Bridges make it recursive; see bus_scan(). NOLINTNEXTLINE(misc-no-recursion) */
static void bind(struct platform *p, uint32_t address, uint32_t id)
{
	uint32_t cap;

	switch (id >> 16) {
	case MINIVMM_BLOCK:
		block_bind(p, address);
		return;
	case MINIVMM_PVDEV:
		pv_bind(p, address);
		return;
	case MINIVMM_SOURCE:
		source_bind(p, address);
		return;
	default:
		break;
	}
	if ((config_read(p, address, 0x0e, 1) & 0x7f) != 1)
		return;
	cap = config_capability(p, address, CAP_EXPRESS);
	if (cap && (config_read(p, address, cap + 2, 2) & SLOT_IMPLEMENTED))
		port_bind(p, address, cap);
	bus_scan(p, config_read(p, address, 0x19, 1));
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void scan_device(struct platform *p, uint32_t first)
{
	for (uint32_t f = 0; f < 8; f++) {
		uint32_t id = config_read(p, first + f, 0, 4);

		if (id != ALL_ONES && (id & 0xffff) == MINIVMM_VENDOR)
			bind(p, first + f, id);
		if (f == 0 && (id == ALL_ONES || !(config_read(p, first, 0x0e, 1) & 0x80)))
			return;
	}
}

/* Recursion is bounded: firmware numbered the buses, and a bus behind a bridge has a higher one.
 * NOLINTNEXTLINE(misc-no-recursion) */
void bus_scan(struct platform *p, uint32_t bus)
{
	uint32_t devices = bus == 0 ? 32 : 4;

	if (bus >= ECAM_BUSES)
		return;
	for (uint32_t d = 0; d < devices; d++)
		scan_device(p, bus << 8 | d << 3);
}
