/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: which function for which device (M11).
 *
 * The order of what is better is lexicographic, and each part of it has its own bits of one number, wide enough for
 * the sum over all devices. So sums are compared as a whole:
 *
 *   bits 48..  REFUSE      40..47  not LIVE      32..39  rebuilt: QUIESCE_REBUILD, EMULATE
 *        24..31  EMULATE   0..23   NUMA distances, at most 64 * 255
 */
#include "planner.h"

#define NOT_LIVE (INT64_C(1) << 40)
#define REBUILT (NOT_LIVE | INT64_C(1) << 32)
#define EMULATED (REBUILT | INT64_C(1) << 24)
#define REFUSED (EMULATED | INT64_C(1) << 48)

_Static_assert(VDEV_MIGRATION_MAX_DEVICES < 256, "eight bits count devices");

static const int64_t cost_of[VDEV_MIGRATION_VERDICTS] = {
	[VDEV_MIGRATION_LIVE] = 0,
	[VDEV_MIGRATION_LIVE_STOP_COPY_ONLY] = NOT_LIVE,
	[VDEV_MIGRATION_QUIESCE_REBUILD] = REBUILT,
	[VDEV_MIGRATION_EMULATE] = EMULATED,
	[VDEV_MIGRATION_REFUSE] = REFUSED,
};

static size_t carve(size_t *used, size_t count, size_t size)
{
	size_t at = *used;

	*used += (count * size + 15) & ~(size_t)15;
	return at;
}

/* Only the `rows` best functions of each row count, so there are never more columns than rows * rows. */
int vdev__migration_work_new(const struct vdev_env *env, uint32_t rows, struct work *ret_work)
{
	size_t n = rows ? rows : 1, columns = n * n, all = columns + n + 1, used = 0;
	size_t cost = carve(&used, n * columns, 8), spare = carve(&used, n, 8);
	size_t column = carve(&used, n, 4), u = carve(&used, n, 8), v = carve(&used, all, 8);
	size_t least = carve(&used, all, 8), owner = carve(&used, all, 4);
	size_t way = carve(&used, all, 4), queue = carve(&used, all, 4);
	size_t marks = carve(&used, all, 1), functions = carve(&used, columns, 4);
	size_t best = carve(&used, columns, 4), best_cost = carve(&used, columns, 8);
	uint8_t *block = vdev__alloc(env, 1, used);

	if (!block)
		return -ENOMEM;
	*ret_work = (struct work){
		.m = {.rows = rows,
		      .cost = (int64_t *)(void *)(block + cost),
		      .spare = (int64_t *)(void *)(block + spare),
		      .column = (uint32_t *)(void *)(block + column),
		      .u = (int64_t *)(void *)(block + u),
		      .v = (int64_t *)(void *)(block + v),
		      .least = (int64_t *)(void *)(block + least),
		      .owner = (uint32_t *)(void *)(block + owner),
		      .way = (uint32_t *)(void *)(block + way),
		      .queue = (uint32_t *)(void *)(block + queue),
		      .used = block + marks},
		.functions = (uint32_t *)(void *)(block + functions),
		.best = (uint32_t *)(void *)(block + best),
		.best_cost = (int64_t *)(void *)(block + best_cost),
		.block = block,
		.bytes = used,
	};
	return 0;
}

void vdev__migration_work_free(const struct vdev_env *env, struct work *w)
{
	vdev__free(env, w->block, w->bytes);
}

/* What the device costs on that function; NO_EDGE: it cannot have it. */
static int64_t edge(struct vdev_migration *o, const struct asked *a, const struct shape *s,
		    uint32_t row, uint32_t function)
{
	const struct vdev_migration_want *w = &a->vm.devices[row];
	const struct function *f = &s->f[function];
	struct pair pair;
	uint32_t verdict;

	if (f->have != HAVE_FREE)
		return NO_EDGE;
	vdev__migration_pair(o, a->type[row], f->type, &pair);
	verdict = vdev__migration_allowed(pair.hardware, w->flags);
	if (verdict >= VDEV_MIGRATION_EMULATE)
		return NO_EDGE;
	return cost_of[verdict] + vdev__migration_distance(s, w->node, f->node);
}

/*
 * The best functions of a row, as many as there are rows: in any solution the others take all but one of them, so none beyond
 * is ever needed, and of equal ones the lower address is the better one. Returns how many there are.
 */
static uint32_t best_of(struct vdev_migration *o, const struct asked *a, const struct shape *s,
			struct work *w, uint32_t row)
{
	uint32_t rows = w->m.rows, count = 0;
	uint32_t *best = w->best + (size_t)row * rows;
	int64_t *costs = w->best_cost + (size_t)row * rows;

	for (uint32_t i = 0; i < s->count; i++) {
		int64_t cost = edge(o, a, s, row, i);
		uint32_t at;

		if (cost == NO_EDGE || (count == rows && cost >= costs[rows - 1]))
			continue;
		for (at = count < rows ? count++ : rows - 1; at && costs[at - 1] > cost; at--) {
			costs[at] = costs[at - 1];
			best[at] = best[at - 1];
		}
		costs[at] = cost;
		best[at] = i;
	}
	return count;
}

/* Puts a function among the columns, which are in order of addresses, once. */
static void add_column(struct work *w, uint32_t function)
{
	uint32_t i = w->m.columns;

	for (uint32_t k = 0; k < w->m.columns; k++)
		if (w->functions[k] == function)
			return;
	for (; i && w->functions[i - 1] > function; i--)
		w->functions[i] = w->functions[i - 1];
	w->functions[i] = function;
	w->m.columns++;
}

static void make_columns(struct vdev_migration *o, const struct asked *a, const struct shape *s,
			 struct work *w)
{
	w->m.columns = 0;
	for (uint32_t i = 0; i < w->m.rows; i++) {
		uint32_t count = best_of(o, a, s, w, i);

		for (uint32_t k = 0; k < count; k++)
			add_column(w, w->best[(size_t)i * w->m.rows + k]);
	}
}

static void make_costs(struct vdev_migration *o, const struct asked *a, const struct shape *s,
		       struct work *w)
{
	for (uint32_t i = 0; i < w->m.rows; i++) {
		bool software = a->vm.devices[i].flags & VDEV_MIGRATION_SOFTWARE;

		w->m.spare[i] = software ? EMULATED : REFUSED;
		for (uint32_t k = 0; k < w->m.columns; k++)
			w->m.cost[(size_t)i * w->m.columns + k] = edge(o, a, s, i, w->functions[k]);
	}
}

void vdev__migration_solve(struct vdev_migration *o, const struct asked *a, const struct shape *s,
			   struct work *w, struct outcome *ret_outcome)
{
	ret_outcome->cost = 0;
	make_columns(o, a, s, w);
	make_costs(o, a, s, w);
	vdev__migration_match(&w->m);
	o->assigned++;
	for (uint32_t i = 0; i < w->m.rows; i++) {
		uint32_t k = w->m.column[i];

		ret_outcome->function[i] = k == NO_INDEX ? NO_INDEX : w->functions[k];
		ret_outcome->cost +=
			k == NO_INDEX ? w->m.spare[i] : w->m.cost[(size_t)i * w->m.columns + k];
	}
}
