/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: files of a captured tree, as the reader looks at them: resource, reset_method, power_state, names of
 * devices, recorded answers of devlink and VFIO. The first byte chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "host/reader/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
	if (!ok)
		abort();
}

static void text(uint8_t which, const char *text)
{
	uint32_t domain, address;
	struct wire_device w;
	char again[32];

	device_unknown(&w);
	switch (which) {
	case 0:
		if (resource_parse(text, &w))
			for (int i = 0; i < 13; i++)
				require(w.bar_flags[i] <= 15);
		break;
	case 1:
		require(reset_parse(text) <= 0xff);
		break;
	case 2:
		require(power_parse(text) <= 4 || power_parse(text) == WIRE_UNKNOWN);
		break;
	default:
		if (address_parse(text, &domain, &address)) {
			require(address <= 0xffff);
			address_text(domain, address, again);
			require(strlen(text) != 12 || strcmp(text, again) == 0);
		}
	}
}

static void answers(const uint8_t *data, size_t size)
{
	struct devlink list = {0};
	struct wire_device w;

	device_unknown(&w);
	if (devlink_parse(&list, data, size))
		for (uint32_t i = 0; i < list.count; i++) {
			w.domain = list.devices[i].domain;
			w.address = list.devices[i].address;
			devlink_give(&list, &w);
			require(w.version_count <= WIRE_VERSIONS);
		}
	devlink_free(&list);
	if (vfio_parse(data, (uint32_t)size, &w))
		require(w.vfio_flags <= 0xffff || w.vfio_flags == WIRE_UNKNOWN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (!size)
		return 0;
	if (data[0] % 8 > 3) {
		answers(data + 1, size - 1);
		return 0;
	}
	copy = malloc(size);
	require(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = 0;
	text(data[0] % 8, copy);
	free(copy);
	return 0;
}
