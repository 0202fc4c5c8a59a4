/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capability look-up (R3, R15): vdev_removal_level() of the shared library against GHashTable in its
 * fastest form: keys in the pointers, no equality function, and a level that fits into the value.
 */
#include <glib.h>
#include <vdev/removal.h>

#include "lookup.h"

/* An honest table: absent and UNKNOWN are the same (R4), so one look-up answers. */
static double turn_ours(void *context)
{
	const struct lookup *l = context;
	uint64_t begin = bench_now(), sum = 0;

	for (uint32_t pass = 0; pass < l->passes; pass++)
		for (uint32_t i = 0; i < l->n; i++)
			sum += (uint64_t)vdev_removal_level(l->removal, l->keys[i]);
	return lookup_ended(l, begin, sum);
}

static double turn_peer(void *context)
{
	const struct lookup *l = context;
	uint64_t begin = bench_now(), sum = 0;

	for (uint32_t pass = 0; pass < l->passes; pass++)
		for (uint32_t i = 0; i < l->n; i++)
			sum += GPOINTER_TO_SIZE(
				g_hash_table_lookup(l->table, GSIZE_TO_POINTER(l->keys[i])));
	return lookup_ended(l, begin, sum);
}

void bench_lookup(struct bench *b)
{
	static const uint32_t sizes[] = {1000, 10000, 100000, 1000000};
	uint32_t count = b->quick ? 2 : 4;

	for (uint32_t i = 0; i < count; i++) {
		struct bench_row row = {.name = "removal/lookup",
					.n = sizes[i],
					.peer_name = "GHashTable",
					.goal = i ? 1.9 : 1.3};
		struct lookup l;

		if (lookup_make(&l, sizes[i], b->quick ? 200000 : 2000000)) {
			bench_failed(b, row.name, "the units could not be added");
			continue;
		}
		bench_pair(b, &row, &(struct bench_side){turn_ours, &l},
			   &(struct bench_side){turn_peer, &l}, b->quick ? 5 : 21);
		lookup_free(&l);
	}
}
