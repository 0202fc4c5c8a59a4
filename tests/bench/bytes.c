/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the removal engine for each unit (R15), as vdev_removal_stats() counts it. */
#include <vdev/removal.h>

#include "bench.h"

#define LIMIT 192.0

/* With a name and an address each unit also stands in two hash tables. */
static double bytes_of(uint32_t n, int named)
{
	struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = n};
	struct vdev_removal_unit unit = {.struct_size = sizeof(unit),
					 .unit_class = VDEV_REMOVAL_PCI_FUNCTION};
	struct vdev_removal_stats stats;
	struct vdev_removal *removal;
	uint64_t handle;

	if (vdev_removal_new(&removal, NULL, &config))
		bench_die("out of memory");
	for (uint32_t i = 0; i < n; i++) {
		unit.name = named ? i + 1 : 0;
		if (vdev_removal_add(removal, 0, &unit, &handle) < 0 ||
		    (named && vdev_removal_set_address(removal, handle, i)))
			bench_die("a unit could not be added");
	}
	if (vdev_removal_stats(removal, &stats, sizeof(stats)))
		bench_die("no counters");
	vdev_removal_free(removal);
	return (double)stats.bytes / n;
}

void bench_bytes(struct bench *b)
{
	static const uint32_t sizes[] = {1000, 100000, 1000000};

	for (uint32_t i = 0; i < (b->quick ? 2u : 3u); i++)
		for (int named = 0; named < 2; named++) {
			struct bench_row row = {
				.name = named ? "removal/bytes-named" : "removal/bytes",
				.n = sizes[i],
				.peer_name = named ? "192, with a name and an address" : "limit",
				.unit = "bytes",
				.ours = bytes_of(sizes[i], named),
				.peer = LIMIT,
				.goal = named || sizes[i] < 100000 ? 0 : 1,
				.runs = 1};

			row.ratio = LIMIT / row.ours;
			bench_row(b, &row);
		}
}
