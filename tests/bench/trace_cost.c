/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fixed workload for scripts/trace-cost.sh, which counts its instructions in a build with the trace
 * hook and in one without. The hook stays unset: that is what every user pays.
 */
#include <stdio.h>
#include <vdev/vdev.h>

#define UNITS 2000u

static int remove_all(struct vdev_removal *removal)
{
	struct vdev_removal_unit unit = {.struct_size = sizeof(unit),
					 .unit_class = VDEV_REMOVAL_PCI_FUNCTION};
	uint64_t handle;

	for (uint32_t i = 0; i < UNITS; i++) {
		uint32_t level = i % 2 ? VDEV_REMOVAL_SAFE : VDEV_REMOVAL_UNSAFE;

		if (vdev_removal_add(removal, i, &unit, &handle) < 0 ||
		    vdev_removal_declare(removal, i, handle, VDEV_REMOVAL_GUEST, level) < 0 ||
		    vdev_removal_request(removal, i, handle, NULL) < 0 ||
		    vdev_removal_ack(removal, i, handle) < 0)
			return 1;
	}
	return 0;
}

static uint32_t drain(struct vdev_removal *removal)
{
	struct vdev_action action;
	uint32_t removed = 0;

	while (vdev_removal_next(removal, &action, sizeof(action)) == 1) {
		removed += action.kind == VDEV_REMOVAL_OUTCOME &&
			   action.arg[0] == VDEV_REMOVAL_REMOVED;
		if (action.kind == VDEV_REMOVAL_WARN)
			vdev_removal_ack(removal, UNITS, action.dev);
		vdev_removal_done(removal, UNITS, action.id, 0);
	}
	return removed;
}

int main(void)
{
	struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = UNITS};
	struct vdev_removal *removal;
	uint32_t removed;

	if (vdev_removal_new(&removal, NULL, &config) || remove_all(removal))
		return 1;
	removed = drain(removal);
	vdev_removal_free(removal);
	printf("%u removed\n", removed);
	return removed != UNITS;
}
