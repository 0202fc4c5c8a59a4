/* SPDX-License-Identifier: BSD-3-Clause */
/* The routing table of the VM: all of it each time, and no oftener than needed. */
#include "test_kvm_msi_rig.h"

#include <time.h>

static void table_is_handed_over_first(void **state)
{
	static const struct vdev_kvm_route msi = {.gsi = 30,
						  .type = VDEV_KVM_ROUTE_MSI,
						  .address = UINT64_C(0x100fee02000),
						  .data = 0x77,
						  .devid = 5,
						  .flags = VDEV_KVM_MSI_DEVID};
	struct model *k = *state;

	assert_int_equal(set(k, DEV, 0, routed(40, 0x41)), -EBUSY);
	assert_int_equal(model_stats(k).devices, 0);
	expect_order(k, ""); /* it would have wiped the pins that KVM made by itself */
	model_pins(k);
	assert_int_equal(k->table[1].gsi, 4);
	assert_int_equal(k->table[1].type, KVM_IRQ_ROUTING_IRQCHIP);
	assert_int_equal(k->table[1].u.irqchip.irqchip, KVM_IRQCHIP_IOAPIC);
	assert_int_equal(k->table[1].u.irqchip.pin, 4);
	assert_int_equal(k->table[2].gsi, 9);
	assert_int_equal(set(k, DEV, 0, routed(40, 0x41)), 0);
	expect_order(k, "r");
	assert_int_equal(k->nr, 4);
	assert_int_equal(k->table[3].gsi, 40);
	assert_int_equal(k->table[3].u.msi.address_lo, 0xfee01000);
	assert_int_equal(k->table[3].u.msi.data, 0x41);
	assert_int_equal(k->table[3].flags, 0);
	/* Others instead, vectors stay. */
	assert_int_equal(vdev_kvm_set_routes(k->kvm, &msi, 1), 0);
	expect_order(k, "r");
	assert_int_equal(k->nr, 2);
	assert_int_equal(k->table[0].gsi, 30);
	assert_int_equal(k->table[0].type, KVM_IRQ_ROUTING_MSI);
	assert_int_equal(k->table[0].flags, KVM_MSI_VALID_DEVID);
	assert_int_equal(k->table[0].u.msi.address_hi, 0x100);
	assert_int_equal(k->table[0].u.msi.devid, 5);
	assert_int_equal(data_of(k, 40), 0x41);
	assert_int_equal(set(k, DEV, 0, routed(40, 0x42)), 0);
	assert_int_equal(data_of(k, 40), 0x42);
	assert_int_equal(model_stats(k).routings, 4);
	assert_int_equal(model_stats(k).msi_routes, 1);
}

static void fixed_routes_that_are_refused(void **state)
{
	struct vdev_kvm_route r = {.gsi = 40, .type = VDEV_KVM_ROUTE_IRQCHIP, .pin = 4};
	struct model *k = *state;

	model_pins(k);
	assert_int_equal(set(k, DEV, 0, masked(routed(40, 0x41))), 0);
	expect_order(k, ""); /* masked: nothing to tell */
	assert_int_equal(vdev_kvm_set_routes(k->kvm, &r, 1), -EEXIST);
	expect_order(k, "");
	r.gsi = 41;
	model_fail(k, 'r', -EINVAL);
	assert_int_equal(vdev_kvm_set_routes(k->kvm, &r, 1), -EINVAL);
	model_error(k, "KVM_SET_GSI_ROUTING (1 entries, 1 changed): Invalid argument");
	assert_non_null(strstr(k->v.log, "0 kvm: KVM_SET_GSI_ROUTING (1 entries"));
	assert_int_equal(set(k, DEV, 1, routed(41, 0x42)), 0); /* 41 is nobody's */
	assert_int_equal(k->nr, 4);
	r.type = VDEV_KVM_ROUTE_MSI;
	r.pin = 0;
	r.devid = 1; /* but no flag */
	assert_int_equal(vdev_kvm_set_routes(k->kvm, &r, 1), -EINVAL);
	r.devid = 0;
	r.irqchip = 1;
	assert_int_equal(vdev_kvm_set_routes(k->kvm, &r, 1), -EINVAL);
	/* None at all is fine: the pins go. */
	assert_int_equal(vdev_kvm_set_routes(k->kvm, NULL, 0), 0);
	assert_int_equal(k->nr, 1);
	assert_int_equal(set(k, DEV, 2, routed(4, 0x43)), 0); /* 4 is free now */
}

static void what_is_the_same_costs_nothing(void **state)
{
	struct model *k = *state;
	struct vdev_kvm_msi m = routed(40, 0x41);

	model_pins(k);
	assert_int_equal(set(k, DEV, 0, m), 0);
	expect_order(k, "r");
	assert_int_equal(set(k, DEV, 0, m), 0);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 0), 0);
	expect_order(k, "");
	m.data++;
	assert_int_equal(set(k, DEV, 0, m), 0);
	expect_order(k, "r");
	m.address += 0x1000;
	assert_int_equal(set(k, DEV, 0, m), 0);
	expect_order(k, "r");
	m.flags |= VDEV_KVM_MSI_DEVID;
	assert_int_equal(set(k, DEV, 0, m), 0);
	expect_order(k, "r");
	m.devid++;
	assert_int_equal(set(k, DEV, 0, m), 0);
	expect_order(k, "r");
	m.gsi++;
	assert_int_equal(set(k, DEV, 0, m), 0);
	expect_order(k, "r");
	assert_int_equal(data_of(k, 40), 0);
	assert_int_equal(data_of(k, 41), 0x42);
	assert_int_equal(set(k, DEV, 0, masked(m)), 0);
	expect_order(k, "r");
	assert_int_equal(k->nr, 3);
	m.data++; /* behind the mask */
	assert_int_equal(set(k, DEV, 0, masked(m)), 0);
	expect_order(k, "");
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 0), 0);
	expect_order(k, "r");
	assert_int_equal(data_of(k, 41), 0x43);
}

static void many_vectors_by_one_ioctl(void **state)
{
	struct vdev_kvm_msi m[40];
	struct model *k = *state;
	uint32_t i;

	model_pins(k);
	for (i = 0; i < VT_COUNT(m); i++)
		m[i] = i == 7 ? masked(routed(100 + i, 0x40 + i)) : routed(100 + i, 0x40 + i);
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 10, m, VT_COUNT(m)), 0);
	expect_order(k, "r");
	assert_int_equal(k->nr, 3 + VT_COUNT(m) - 1);
	for (i = 0; i < VT_COUNT(m); i++)
		assert_int_equal(data_of(k, 100 + i), i == 7 ? 0 : 0x40 + i);
	assert_int_equal(model_stats(k).msis, VT_COUNT(m));
	assert_int_equal(model_stats(k).msi_routes, VT_COUNT(m) - 1);
	assert_int_equal(get(k, DEV, 49).data, 0x40 + 39);
	/* Most as they are, one away, one changed, one to the other way. */
	m[3].flags = 0;
	m[20].data = 0x99;
	m[39] = signalled(0x71);
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 10, m, VT_COUNT(m)), 0);
	expect_order(k, "cr");
	assert_int_equal(data_of(k, 103), 0);
	assert_int_equal(data_of(k, 120), 0x99);
	assert_int_equal(data_of(k, 139), 0);
	assert_int_equal(model_stats(k).msis, VT_COUNT(m) - 1);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 49), VDEV_KVM_DELIVERED);
	expect_order(k, "s");
}

static void refused_by_kvm(void **state)
{
	struct vdev_kvm_msi m[3] = {routed(40, 0x51), routed(41, 0x52), routed(42, 0x53)};
	struct model *k = *state;

	model_pins(k);
	assert_int_equal(set(k, DEV, 0, routed(40, 0x41)), 0);
	assert_int_equal(set(k, DEV, 1, routed(41, 0x42)), 0);
	model_fail(k, 'r', -EINVAL);
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, m, 3), -EINVAL);
	model_error(k, "KVM_SET_GSI_ROUTING (6 entries, 3 changed): Invalid argument");
	/* The guest can bring that about as often as it likes. */
	assert_non_null(strstr(k->v.log, "3 kvm: KVM_SET_GSI_ROUTING (6 entries"));
	assert_int_equal(get(k, DEV, 0).data, 0x41);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 2), -ENOENT);
	assert_int_equal(model_stats(k).msi_routes, 2);
	assert_int_equal(model_stats(k).msis, 2);
	assert_int_equal(model_stats(k).failed, 1);
	/* The next table has nothing of it. */
	assert_int_equal(set(k, OTHER, 0, routed(42, 0x61)), 0);
	assert_int_equal(k->nr, 6);
	assert_int_equal(data_of(k, 40), 0x41);
	assert_int_equal(data_of(k, 41), 0x42);
	assert_int_equal(data_of(k, 42), 0x61);
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Nothing was parked, so nothing has to be put back: a guest may have that as often as it likes. */
static void refusing_costs_no_more_than_accepting(void **state)
{
	static struct vdev_kvm_msi m[VDEV_KVM_MAX_VECTORS];
	struct model *k = *state;
	double start, accepted, refused;
	uint32_t i;

	model_pins(k);
	for (i = 0; i < VT_COUNT(m); i++)
		m[i] = routed(100 + i, 0x41);
	start = cpu_ms();
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, m, VT_COUNT(m)), 0);
	accepted = cpu_ms() - start;
	for (i = 0; i < VT_COUNT(m); i++)
		m[i].data++;
	model_fail(k, 'r', -EINVAL);
	start = cpu_ms();
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, m, VT_COUNT(m)), -EINVAL);
	refused = cpu_ms() - start;
	print_message("accepted in %.2f ms, refused in %.2f ms\n", accepted, refused);
	assert_true(refused < 2 * accepted);
}

static void a_gsi_has_one_owner(void **state)
{
	struct model *k = *state;
	struct vdev_kvm_msi m[3] = {routed(41, 1), routed(42, 2), routed(41, 3)};

	model_pins(k);
	assert_int_equal(set(k, DEV, 0, routed(9, 0x41)), -EEXIST); /* a pin */
	assert_int_equal(set(k, DEV, 0, routed(40, 0x41)), 0);
	assert_int_equal(set(k, DEV, 1, routed(40, 0x42)), -EEXIST);
	assert_int_equal(set(k, OTHER, 0, masked(routed(40, 0x43))), -EEXIST);
	expect_order(k, "r");
	/* Two of one call: what was done of it is taken back. */
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, m, 3), -EEXIST);
	expect_order(k, "");
	assert_int_equal(get(k, DEV, 0).gsi, 40);
	assert_int_equal(set(k, OTHER, 0, routed(41, 0x44)), 0);
	assert_int_equal(set(k, OTHER, 1, routed(42, 0x45)), 0);
	assert_int_equal(k->nr, 6);
	assert_int_equal(data_of(k, 40), 0x41);
	/* Given up, it is anybody's. */
	assert_int_equal(set(k, DEV, 0, routed(43, 0x41)), 0);
	assert_int_equal(set(k, OTHER, 2, masked(routed(40, 0x46))), 0);
	assert_int_equal(set(k, DEV, 5, routed(40, 0x47)), -EEXIST);
	assert_int_equal(model_perform(k, VDEV_REMOVAL_RELEASE, OTHER), 0);
	assert_int_equal(set(k, DEV, 5, routed(40, 0x47)), 0);
}

static void table_is_full(void **state)
{
	static struct vdev_kvm_route pins[VDEV_KVM_MAX_GSIS];
	struct vdev_kvm_msi two[2] = {routed(50, 5), routed(51, 6)};
	struct model *k = *state;
	uint32_t i;

	for (i = 0; i < VDEV_KVM_MAX_GSIS; i++)
		pins[i] = (struct vdev_kvm_route){
			.gsi = i % 24, .type = VDEV_KVM_ROUTE_IRQCHIP, .pin = i};
	assert_int_equal(vdev_kvm_set_routes(k->kvm, pins, VDEV_KVM_MAX_GSIS - 1), 0);
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, two, 2), -ENOSPC);
	assert_int_equal(set(k, DEV, 0, two[0]), 0);
	assert_int_equal(set(k, DEV, 1, two[1]), -ENOSPC);
	assert_int_equal(k->nr, VDEV_KVM_MAX_GSIS);
	assert_int_equal(vdev_kvm_set_routes(k->kvm, pins, VDEV_KVM_MAX_GSIS), -ENOSPC);
	assert_int_equal(set(k, DEV, 1, masked(two[1])), 0); /* has none */
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 1, 0), -ENOSPC);
	/* One for the other; a change of one that is there needs no room. */
	assert_int_equal(set(k, DEV, 0, routed(52, 7)), 0);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 1, 0), 0);
	assert_int_equal(data_of(k, 51), 6);
}

static void detach_takes_routes_after_irqfds(void **state)
{
	struct vdev_kvm_ioeventfd bell = {
		.struct_size = sizeof(bell), .address = 0xfe000000, .length = 2, .fd = 50};
	struct model *k = *state;

	model_pins(k);
	assert_int_equal(set(k, OTHER, 0, routed(50, 0x61)), 0);
	assert_int_equal(set(k, DEV, 0, routed(40, 0x41)), 0);
	assert_int_equal(set(k, DEV, 700, routed(41, 0x42)), 0);
	assert_int_equal(set(k, DEV, 2, signalled(0x43)), 0);
	assert_int_equal(vdev_kvm_add_ioeventfd(k->kvm, DEV, &bell), 0);
	assert_int_equal(model_irqfd_add(k, DEV, 40, VDEV_KVM_ATTACH), 0);
	assert_int_equal(model_irqfd_add(k, DEV, 41, 0), 0);
	expect_order(k, "rrrca");
	assert_int_equal(model_perform(k, VDEV_REMOVAL_HIDE, DEV), 0);
	expect_order(k, "");
	model_fail(k, 'r', -ENOMEM);
	assert_int_equal(model_perform(k, VDEV_REMOVAL_DETACH_EVENTS, DEV), -ENOMEM);
	expect_order(k, "ddRo"); /* the rest goes on */
	assert_int_equal(model_stats(k).msis, 4);
	assert_int_equal(model_stats(k).msi_routes, 3);
	model_fail(k, 'r', -EOPNOTSUPP); /* not to be read as "not mine" */
	assert_int_equal(model_perform(k, VDEV_REMOVAL_DETACH_EVENTS, DEV), -EIO);
	expect_order(k, "R");
	assert_int_equal(model_perform(k, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	expect_order(k, "r"); /* both by one */
	assert_int_equal(k->nr, 4);
	assert_int_equal(data_of(k, 50), 0x61);
	assert_int_equal(model_stats(k).msis, 1);
	assert_int_equal(model_stats(k).msi_routes, 1);
	assert_int_equal(model_perform(k, VDEV_REMOVAL_TEARDOWN, DEV), 0);
	expect_order(k, "");
	assert_int_equal(model_perform(k, VDEV_REMOVAL_RELEASE, DEV), 0);
	assert_null(strstr(k->v.log, "released"));
}

static void released_with_its_routes(void **state)
{
	struct model *k = *state;

	model_pins(k);
	assert_int_equal(set(k, DEV, 0, routed(40, 0x41)), 0);
	assert_int_equal(set(k, DEV, 1, routed(41, 0x42)), 0);
	assert_int_equal(set(k, DEV, 2, masked(routed(42, 0x43))), 0);
	expect_order(k, "rr");
	assert_int_equal(model_perform(k, VDEV_REMOVAL_RELEASE, DEV), 0);
	expect_order(k, ""); /* RELEASE asks for nothing */
	assert_non_null(strstr(k->v.log, "released with 2 resources still attached"));
	assert_int_equal(model_stats(k).devices, 0);
	assert_int_equal(model_stats(k).msis, 0);
	assert_int_equal(model_stats(k).msi_routes, 0);
	assert_int_equal(set(k, OTHER, 0, routed(42, 0x51)), 0);
	assert_int_equal(k->nr, 4); /* the next table is without them */
	assert_int_equal(data_of(k, 42), 0x51);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)
		T(table_is_handed_over_first),
		T(fixed_routes_that_are_refused),
		T(what_is_the_same_costs_nothing),
		T(many_vectors_by_one_ioctl),
		T(refused_by_kvm),
		T(refusing_costs_no_more_than_accepting),
		T(a_gsi_has_one_owner),
		T(table_is_full),
		T(detach_takes_routes_after_irqfds),
		T(released_with_its_routes),
	};

	return cmocka_run_group_tests_name("kvm_msi_routes", tests, NULL, NULL);
}
