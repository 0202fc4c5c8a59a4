/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Will my VM move? A VM with two VFs and two hosts that could take it, in one page: the hosts are ranked, a plan is
 * made for the better one, and just before commit it turns out that somebody has updated a card there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vdev/vdev.h>

#define OK(call)                                                               \
	do {                                                                   \
		int r_ = (call);                                               \
		if (r_ < 0) {                                                  \
			fprintf(stderr, "%s: %s\n", #call, vdev_strerror(r_)); \
			return 1;                                              \
		}                                                              \
	} while (0)

#define SIZE sizeof(struct vdev_migration_device)
#define KNOWN(field) (UINT64_C(1) << VDEV_MIGRATION_F_##field)

/* An inventory fills in all that it can find out; this is the least that lets a VF move as it runs. */
static struct vdev_migration_device vf(uint32_t fn, const char *firmware)
{
	struct vdev_migration_device d = {
		.known = KNOWN(CLASS) | KNOWN(VENDOR) | KNOWN(DEVICE) | KNOWN(RELATION) |
			 KNOWN(STOP_COPY) | KNOWN(P2P) | KNOWN(PRE_COPY) | KNOWN(FIRMWARE) |
			 KNOWN(PSID),
		.address = VDEV_MIGRATION_ADDRESS(0, 0x41, 0, fn),
		.pf = VDEV_MIGRATION_ADDRESS(0, 0x41, 0, 0),
		.iommu_group = VDEV_MIGRATION_UNKNOWN,
		.node = 0,
		.class_code = 0x020000,
		.vendor = 0x15b3,
		.device = 0x101e,
		.relation = VDEV_MIGRATION_VF,
		.stop_copy = 1,
		.p2p = 1,
		.pre_copy = 1,
		.psid = "MT_0000000834",
	};

	snprintf(d.firmware, sizeof(d.firmware), "%s", firmware);
	return d;
}

/* Whether it may go, and otherwise what differs. */
static void tell_place(const struct vdev_migration_plan *plan, uint32_t device)
{
	const struct vdev_migration_device *here, *there;
	struct vdev_migration_difference d;
	struct vdev_migration_place p;
	int count = vdev_migration_plan_device(plan, device, &p, sizeof(p), &here, &there);
	char a[48], b[48];

	printf("device %u: %s\n", device, vdev_migration_verdict_name(p.verdict));
	for (int i = 0; i < count; i++) {
		vdev_migration_plan_difference(plan, device, (uint32_t)i, &d, sizeof(d));
		vdev_migration_value(here, SIZE, d.field, a, sizeof(a));
		vdev_migration_value(there, SIZE, d.field, b, sizeof(b));
		printf("  %s here, %s there\n", a, b);
	}
}

static int tell_steps(const struct vdev_migration_plan *plan)
{
	static const char *const sides[] = {"", "source", "destination", "both"};
	struct vdev_migration_plan_info info;
	struct vdev_migration_step s;

	OK(vdev_migration_plan_get(plan, &info, sizeof(info)));
	for (uint32_t i = 0; i < info.steps; i++) {
		OK(vdev_migration_plan_step(plan, i, &s, sizeof(s)));
		printf("%s%s (%s)", i ? ", " : "", vdev_migration_step_name(s.kind), sides[s.side]);
		if (s.flags & VDEV_MIGRATION_POINT_OF_NO_RETURN)
			printf(" <- no way back from here");
	}
	printf("\n");
	return 0;
}

static int rank(const struct vdev_migration_vm *vm, const struct vdev_migration_host *hosts,
		uint64_t *ret_best)
{
	const struct vdev_migration_config config = {
		.struct_size = sizeof(config), .max_hosts = 2, .max_types = 8, .max_functions = 8};
	struct vdev_migration_rank r[2];
	struct vdev_migration *planner;
	uint64_t handle;

	OK(vdev_migration_new(&planner, NULL, &config));
	for (uint32_t i = 0; i < 2; i++)
		OK(vdev_migration_add_host(planner, &hosts[i], &handle));
	OK(vdev_migration_rank(planner, vm, r, sizeof(r[0]), 2));
	for (uint32_t i = 0; i < 2; i++)
		printf("host %" PRIu64 ": %s, because of device %u: %s\n", r[i].user_data,
		       vdev_migration_verdict_name(r[i].verdict), r[i].device,
		       vdev_migration_reason_name(r[i].reason));
	*ret_best = r[0].user_data;
	vdev_migration_free(planner);
	return 0;
}

int main(void)
{
	struct vdev_migration_device here[2] = {vf(2, "28.41.1000"), vf(3, "28.41.1000")};
	struct vdev_migration_device one[1] = {vf(1, "28.41.1000")};
	struct vdev_migration_device two[2] = {vf(5, "28.41.1000"), vf(4, "28.41.1000")};
	const struct vdev_migration_want wants[2] = {
		{.device = &here[0], .node = VDEV_MIGRATION_UNKNOWN},
		{.device = &here[1], .node = VDEV_MIGRATION_UNKNOWN}};
	const struct vdev_migration_vm vm = {.struct_size = sizeof(vm),
					     .device_count = 2,
					     .device_size = SIZE,
					     .devices = wants};
	const struct vdev_migration_host hosts[2] = {{.struct_size = sizeof(hosts[0]),
						      .device_count = 1,
						      .device_size = SIZE,
						      .devices = one,
						      .user_data = 0},
						     {.struct_size = sizeof(hosts[0]),
						      .device_count = 2,
						      .device_size = SIZE,
						      .devices = two,
						      .user_data = 1}};
	struct vdev_migration_change change;
	struct vdev_migration_plan *plan;
	uint64_t best;
	uint32_t stop;

	if (rank(&vm, hosts, &best))
		return 1;
	OK(vdev_migration_plan_new(&plan, NULL, NULL, &vm, &hosts[best]));
	tell_place(plan, 0);
	tell_place(plan, 1);
	if (tell_steps(plan))
		return 1;
	strcpy(two[1].firmware,
	       "28.43.2026"); /* somebody updates the card that was meant for device 0 */
	OK(vdev_migration_plan_verify(plan, NULL, NULL, &hosts[best], 0, &change, sizeof(change), 1,
				      &stop));
	printf("%s: device %u, %s, would be %s now\n", stop ? "do not commit" : "go on",
	       change.device, vdev_migration_change_name(change.what),
	       vdev_migration_verdict_name(change.verdict));
	vdev_migration_plan_free(plan);
	return stop == 1 ? 0 : 1;
}
