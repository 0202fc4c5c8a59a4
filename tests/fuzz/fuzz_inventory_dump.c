/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: a dump as the reader looks at it before libpci does. What gets through has whole, sorted offsets, and
 * what it says of each device decodes: the same bytes go on to the library's own decoder.
 */
#include <stdlib.h>
#include <string.h>

#include "host/inventory.h"
#include "host/reader/dumptext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
	if (!ok)
		abort();
}

static void decode(const struct dump_device *from)
{
	struct vdev__config c = {from->config, from->size};
	struct vdev_inventory_device d;

	vdev__inventory_unknown(&d);
	vdev__inventory_decode(&d, &c);
	require(d.cap_count <= VDEV_INVENTORY_MAX_CAPS && d.config_bytes == from->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dump d;
	int err = dump_parse(&d, (const char *)data, size);

	require(err >= 0 && (err == 0) == (d.why[0] == 0));
	for (uint32_t i = 0; i < d.count; i++) {
		const struct dump_device *device = &d.devices[i];

		require(device->size == 0 || (device->size >= 64 && device->size <= DUMP_CONFIG));
		require(device->address <= 0xffff && memchr(device->driver, 0, DUMP_NAME));
		if (!err && device->size)
			decode(device);
	}
	dump_free(&d);
	return 0;
}
