/* SPDX-License-Identifier: BSD-3-Clause */
/* Look-up benches: filling both tables with the same units and levels. */
#include <stdlib.h>
#include <vdev/removal.h>

#include "lookup.h"

static int fill(struct lookup *l, const uint32_t *order)
{
	struct vdev_removal_unit unit = {.struct_size = sizeof(unit),
					 .unit_class = VDEV_REMOVAL_PCI_FUNCTION};

	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t level = 1 + i % 3;
		uint64_t handle;

		if (vdev_removal_add(l->removal, 0, &unit, &handle) < 0 ||
		    vdev_removal_declare(l->removal, 0, handle, VDEV_REMOVAL_GUEST, level) < 0)
			return -1;
		g_hash_table_insert(l->table, GSIZE_TO_POINTER(handle), GSIZE_TO_POINTER(level));
		l->keys[order[i]] = handle;
		l->expected += level;
	}
	return 0;
}

int lookup_make(struct lookup *l, uint32_t n, uint32_t operations)
{
	struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = n};
	uint32_t *order = bench_shuffled(n);
	int error;

	*l = (struct lookup){.n = n, .passes = operations / n ? operations / n : 1};
	l->keys = bench_alloc(n, sizeof(*l->keys));
	l->table = g_hash_table_new(NULL, NULL);
	error = vdev_removal_new(&l->removal, NULL, &config);
	if (!error)
		error = fill(l, order);
	free(order);
	if (error)
		lookup_free(l);
	return error ? -1 : 0;
}

void lookup_free(struct lookup *l)
{
	vdev_removal_free(l->removal);
	g_hash_table_destroy(l->table);
	free(l->keys);
}

double lookup_ended(const struct lookup *l, uint64_t begin, uint64_t sum)
{
	uint64_t ns = bench_now() - begin;

	if (sum != l->expected * l->passes)
		bench_die("look-up: a level read is not the level declared");
	return (double)ns / ((double)l->n * l->passes);
}
