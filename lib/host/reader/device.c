/* SPDX-License-Identifier: BSD-3-Clause */
/* A device of which nothing is known yet, and addresses. */
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void device_unknown(struct wire_device *d)
{
	memset(d, 0, sizeof(*d));
	d->vendor = d->device = d->subsystem_vendor = d->subsystem_device = WIRE_UNKNOWN;
	d->class_code = d->revision = WIRE_UNKNOWN;
	d->iommu_group = d->numa_node = d->power_state = WIRE_UNKNOWN;
	d->reset = d->pf_domain = d->pf_address = WIRE_UNKNOWN;
	d->bound = d->vfio_open = d->vfio_flags = d->dma_logging = WIRE_UNKNOWN;
	memset(d->bar_size, 0xff, sizeof(d->bar_size));
}

static bool hex_part(const char **text, size_t least, size_t most, char stop, uint32_t *ret)
{
	size_t n = strspn(*text, "0123456789abcdef");
	uint32_t number;

	if (n < least || n > most || (*text)[n] != stop)
		return false;
	number = (uint32_t)strtoul(*text, NULL, 16);
	*text += n + (stop != 0);
	*ret = number;
	return true;
}

bool address_parse(const char *text, uint32_t *ret_domain, uint32_t *ret_address)
{
	uint32_t domain, bus, slot, function;

	if (!hex_part(&text, 4, 8, ':', &domain) || !hex_part(&text, 2, 2, ':', &bus) ||
	    !hex_part(&text, 2, 2, '.', &slot) || !hex_part(&text, 1, 1, 0, &function) ||
	    slot > 31 || function > 7)
		return false;
	*ret_domain = domain;
	*ret_address = bus << 8 | slot << 3 | function;
	return true;
}

void address_text(uint32_t domain, uint32_t address, char ret[32])
{
	snprintf(ret, 32, "%04x:%02x:%02x.%x", domain, address >> 8 & 0xff, address >> 3 & 31,
		 address & 7);
}
