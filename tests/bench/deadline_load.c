/* SPDX-License-Identifier: BSD-3-Clause */
/* The load of the deadline bench: which item, and for how long. */
#include <vdev/removal.h>

#include "deadline_load.h"

/* The lengths of the engine's own steps. */
static uint32_t step_lengths(uint64_t *lengths)
{
	struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = 1};
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	struct vdev_removal *removal;
	int count;

	if (vdev_removal_new(&removal, NULL, &config))
		bench_die("deadlines: no engine");
	count = vdev_removal_get_actions(removal, VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_UNSAFE,
					 steps);
	vdev_removal_free(removal);
	if (count <= 0)
		bench_die("deadlines: no action set");
	for (int i = 0; i < count; i++)
		lengths[i] = steps[i].deadline_ns;
	return (uint32_t)count;
}

void load_make(struct load *l, uint32_t n, int quick)
{
	uint64_t lengths[VDEV_REMOVAL_MAX_STEPS];
	uint32_t count = step_lengths(lengths);

	*l = (struct load){.operations = quick ? 100000 : 1000000, .random = n, .n = n};
	for (uint32_t i = 0; i < LOAD_LENGTHS; i++)
		l->lengths[i] = lengths[i % count];
}

uint64_t load_first(struct load *l)
{
	load_next(l);
	l->at = 0;
	return load_length(l) / 1000 * (l->random >> 40 & 1023) + 1;
}

double load_ended(const struct load *l, uint64_t begin)
{
	return (double)(bench_now() - begin) / (double)l->operations;
}
