/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal in one page: a device whose driver has to be warned is taken away, by hand, with the mock
 * in the place of a hypervisor. Prints the actions in their order; README.md shows the loop.
 */
#include <stdio.h>

#include <vdev/vdev.h>

#define OK(call)                                                               \
	do {                                                                   \
		int r_ = (call);                                               \
		if (r_ < 0) {                                                  \
			fprintf(stderr, "%s: %s\n", #call, vdev_strerror(r_)); \
			return 1;                                              \
		}                                                              \
	} while (0)

static uint64_t now_ns; /* a VMM reads its clock instead */

static int pump(struct vdev_removal *removal, struct vdev_mock *mock)
{
	struct vdev_action a;
	int n = 0;

	while (vdev_removal_next(removal, &a, sizeof(a)) == 1) {
		printf("%2d %-14s %s\n", ++n, vdev_removal_kind_name(a.kind),
		       a.kind == VDEV_REMOVAL_OUTCOME
			       ? vdev_removal_outcome_name((uint32_t)a.arg[0])
			       : "");
		OK(vdev_removal_done(removal, now_ns, a.id, vdev_mock_perform(mock, &a)));
	}
	return 0;
}

int main(void)
{
	struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = 16};
	struct vdev_mock_config script = {.struct_size = sizeof(script), .max_records = 64};
	struct vdev_removal_unit disk = {.struct_size = sizeof(disk),
					 .unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					 .transport = VDEV_REMOVAL_ACPI};
	struct vdev_removal *removal;
	struct vdev_mock *mock;
	uint64_t unit;
	int failed;

	OK(vdev_removal_new(&removal, NULL, &config));
	OK(vdev_mock_new(&mock, NULL, &script));
	OK(vdev_removal_add(removal, now_ns, &disk, &unit));
	OK(vdev_removal_declare(removal, now_ns, unit, VDEV_REMOVAL_GUEST, VDEV_REMOVAL_UNSAFE));

	puts("the operator asks:");
	OK(vdev_removal_request(removal, now_ns, unit, NULL));
	failed = pump(removal, mock);
	puts("the guest has stopped its driver and says so:");
	OK(vdev_removal_ack(removal, now_ns, unit));
	failed |= pump(removal, mock);

	/* Its handle is stale from here on. */
	failed |= vdev_removal_level(removal, unit) >= 0;
	vdev_mock_free(mock);
	vdev_removal_free(removal);
	return failed;
}
