/* SPDX-License-Identifier: BSD-3-Clause */
/* Masked vectors whose interrupts come from the kernel: their irqfds are parked, and nothing is lost. */
#include "test_kvm_msi_rig.h"

#include <pthread.h>
#include <time.h>

/* A vector on GSI 40 with its irqfd. */
static void one(struct model *k)
{
	struct vdev_kvm_ioeventfd bell = {
		.struct_size = sizeof(bell), .address = 0xfe000000, .length = 2, .fd = 50};

	model_pins(k);
	assert_int_equal(vdev_kvm_add_ioeventfd(k->kvm, DEV, &bell), 0);
	assert_int_equal(set(k, DEV, 0, routed(40, 0x41)), 0);
	assert_int_equal(model_irqfd_add(k, DEV, 40, VDEV_KVM_ATTACH), 0);
	assert_int_equal(model_irqfd_add(k, DEV, 50, VDEV_KVM_ATTACH), 0); /* another's */
	expect_order(k, "raa");
}

static void parked_before_its_route_goes(void **state)
{
	struct model *k = *state;

	one(k);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	expect_order(k, "dr");
	assert_int_equal(k->nr, 3);
	assert_int_equal(model_stats(k).irqfds, 1);
	assert_int_equal(model_stats(k).msi_routes, 0);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	expect_order(k, "");
	/* What came meanwhile is in the eventfd: KVM looks when the irqfd is attached, to a route. */
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 0), 0);
	expect_order(k, "ra");
	assert_int_equal(data_of(k, 40), 0x41);
	assert_int_equal(model_stats(k).irqfds, 2);
}

static void masked_from_the_start(void **state)
{
	struct model *k = *state;

	model_pins(k);
	assert_int_equal(model_irqfd_add(k, DEV, 40, VDEV_KVM_ATTACH), 0);
	assert_int_equal(set(k, DEV, 0, masked(routed(40, 0x41))), 0);
	expect_order(k, "ad");
	/* More of them while it is masked, attached by nobody or by the VMM. */
	assert_int_equal(set(k, DEV, 1, masked(routed(41, 0x42))), 0);
	assert_int_equal(model_irqfd_add(k, DEV, 41, VDEV_KVM_ATTACH), 0);
	expect_order(k, "");
	assert_int_equal(set(k, DEV, 2, masked(routed(42, 0x43))), 0);
	assert_int_equal(model_irqfd_add(k, DEV, 42, 0), 0);
	expect_order(k, "d");
	assert_int_equal(model_stats(k).irqfds, 0);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 1, 0), 0);
	expect_order(k, "ra");
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 2, 0), 0);
	expect_order(k, "ra");
	assert_int_equal(model_stats(k).irqfds, 2);
	assert_int_equal(k->attached, UINT64_C(6) << 40);
}

static void irqfd_that_cannot_be_parked(void **state)
{
	struct model *k = *state;

	model_pins(k);
	assert_int_equal(set(k, DEV, 2, masked(routed(42, 0x43))), 0);
	model_fail(k, 'd', -EBADF);
	assert_int_equal(model_irqfd_add(k, DEV, 42, 0), -EBADF);
	assert_int_equal(model_stats(k).irqfds, 0);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 2, 0), 0);
	expect_order(k, "Dr");
	model_fail(k, 'd', -ENOENT); /* the VMM had not attached it, after all */
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 2, 1), 0);
	assert_int_equal(model_irqfd_add(k, DEV, 42, 0), 0);
	expect_order(k, "rD");
}

static void nothing_changes_when_parking_fails(void **state)
{
	struct vdev_kvm_msi both[2] = {masked(routed(40, 0x41)), masked(routed(41, 0x42))};
	struct model *k = *state;

	one(k);
	assert_int_equal(set(k, DEV, 1, routed(41, 0x42)), 0);
	assert_int_equal(model_irqfd_add(k, DEV, 41, VDEV_KVM_ATTACH), 0);
	expect_order(k, "ra");
	model_fail(k, 'd', -EBADF);
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, both, 2), -EBADF);
	expect_order(k, "D");
	assert_int_equal(model_stats(k).irqfds, 3);
	assert_int_equal(get(k, DEV, 0).flags, VDEV_KVM_MSI_ROUTED);
	assert_int_equal(get(k, DEV, 1).flags, VDEV_KVM_MSI_ROUTED);
	/* The first comes back when the second fails. */
	k->fail = 'd';
	k->fail_with = -EBADF;
	k->fail_after = k->fails = 1;
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, both, 2), -EBADF);
	expect_order(k, "dDa");
	/* Gone already is parked. */
	model_fail(k, 'd', -ENOENT);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	expect_order(k, "Dr");
}

static void nothing_changes_when_the_table_fails(void **state)
{
	struct model *k = *state;

	one(k);
	model_fail(k, 'r', -ENOMEM);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), -ENOMEM);
	expect_order(k, "dRa");
	assert_int_equal(get(k, DEV, 0).flags, VDEV_KVM_MSI_ROUTED);
	assert_int_equal(model_stats(k).irqfds, 2);
	/* Nor for a vector that had no message before. */
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	expect_order(k, "dr");
	assert_int_equal(set(k, DEV, 1, masked(routed(40, 0x42))), -EEXIST);
	assert_int_equal(set(k, DEV, 1, masked(routed(9, 0x42))), -EEXIST);
	expect_order(k, "");
	assert_int_equal(model_stats(k).irqfds, 1);
}

static void a_foreign_gsi_is_not_parked_for_good(void **state)
{
	struct model *k = *state;

	one(k);
	assert_int_equal(set(k, OTHER, 0, masked(routed(50, 0x51))), 0);
	/* GSI 50 is another device's: this one's irqfd comes back when that is found out. */
	assert_int_equal(set(k, DEV, 1, masked(routed(50, 0x42))), -EEXIST);
	expect_order(k, "da");
	assert_int_equal(model_stats(k).irqfds, 2);
}

static void nothing_changes_when_attaching_fails(void **state)
{
	struct model *k = *state;

	one(k);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	expect_order(k, "dr");
	model_fail(k, 'a', -EBUSY);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 0), -EBUSY);
	expect_order(k, "rAr");
	model_error(k, "KVM_IRQFD (assign, gsi 40, fd 140): Device or resource busy");
	assert_int_equal(k->nr, 3);
	assert_int_equal(get(k, DEV, 0).flags, VDEV_KVM_MSI_ROUTED | VDEV_KVM_MSI_MASKED);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 0), 0);
	expect_order(k, "ra");
}

/* Another thread that gets so far as it may while an irqfd fails to be attached. */
static struct {
	pthread_t thread;
	void *(*act)(void *k);
	int answer, over;
} other;

static void *take_the_gsi(void *context)
{
	struct model *k = context;

	other.answer = set(k, OTHER, 0, routed(40, 0x61));
	return NULL;
}

/* The table gets no larger than it is. */
static void *take_the_room(void *context)
{
	struct model *k = context;

	other.answer = vdev_kvm_set_routes(k->kvm, NULL, 0);
	return NULL;
}

static void start_other(struct model *k)
{
	struct timespec until;

	k->meanwhile = NULL;
	assert_int_equal(pthread_create(&other.thread, NULL, other.act, k), 0);
	/* It waits for the table; should it not, there is time to spoil it. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 200000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	other.over = !pthread_timedjoin_np(other.thread, NULL, &until);
}

/* Vectors on GSI 40 and 41 are given up in the same call as one on GSI 42 is unmasked, which fails. */
static void fails_beside_another(struct model *k, void *(*act)(void *k))
{
	struct vdev_kvm_msi m[3] = {routed(40, 0x41), routed(41, 0x42), masked(routed(42, 0x43))};

	/* The environment of tests counts for one thread. */
	vdev_kvm_free(k->kvm);
	assert_int_equal(model_new(k, NULL), 0);
	model_pins(k);
	assert_int_equal(set(k, OTHER, 0, signalled(0x60)), 0);
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, m, 3), 0);
	assert_int_equal(model_irqfd_add(k, DEV, 42, VDEV_KVM_ATTACH), 0);
	expect_order(k, "cr");
	m[0].flags = m[1].flags = 0;
	m[2] = routed(42, 0x43);
	model_fail(k, 'a', -EBADF);
	k->meanwhile = start_other;
	other.act = act;
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, m, 3), -EBADF);
	if (!other.over)
		assert_int_equal(pthread_join(other.thread, NULL), 0);
	assert_int_equal(get(k, DEV, 0).flags, VDEV_KVM_MSI_ROUTED);
}

static void a_gsi_is_not_lost_while_attaching_fails(void **state)
{
	struct model *k = *state;

	fails_beside_another(k, take_the_gsi);
	assert_int_equal(other.answer, -EEXIST);
	expect_order(k, "rAr");
	assert_int_equal(data_of(k, 40), 0x41);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	assert_int_equal(data_of(k, 40), 0);
	assert_int_equal(data_of(k, 41), 0x42);
	assert_int_equal(k->nr, 4);
}

static void room_is_not_lost_while_attaching_fails(void **state)
{
	struct model *k = *state;

	fails_beside_another(k, take_the_room);
	assert_int_equal(other.answer, 0);
	expect_order(k, "rArr");
	assert_int_equal(k->nr, 2);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	assert_int_equal(k->nr, 1);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 1, 1), 0);
	assert_int_equal(k->nr, 0);
	assert_int_equal(model_stats(k).msi_routes, 0);
}

static void forgotten_while_masked(void **state)
{
	const struct vdev_kvm_msi none = {.struct_size = sizeof(none)};
	struct model *k = *state;

	one(k);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	expect_order(k, "dr");
	assert_int_equal(set(k, DEV, 0, none), 0);
	expect_order(k, "a"); /* no vector holds it any more */
	assert_int_equal(set(k, DEV, 0, masked(routed(40, 0x41))), 0);
	expect_order(k, "d");
	assert_int_equal(set(k, DEV, 0, masked(routed(41, 0x41))), 0);
	expect_order(k, "a");
}

/* Two vectors of one call change places: the GSI stays masked. */
static void a_masked_gsi_changes_its_vector(void **state)
{
	struct vdev_kvm_msi m[2] = {routed(41, 0x51), masked(routed(40, 0x52))};
	struct model *k = *state;

	one(k);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	expect_order(k, "dr");
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, m, 2), 0);
	expect_order(k, "r");
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 1, 0), 0);
	expect_order(k, "ra");
}

static void parked_is_not_detached_twice(void **state)
{
	struct model *k = *state;

	one(k);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	expect_order(k, "dr");
	assert_int_equal(model_perform(k, VDEV_REMOVAL_DETACH_EVENTS, DEV), 0);
	expect_order(k, "do"); /* GSI 50, the doorbell */
	assert_int_equal(model_stats(k).irqfds, 0);
	assert_int_equal(model_stats(k).msis, 0);
	/* Nor does it come back with a new message. */
	assert_int_equal(set(k, DEV, 0, routed(40, 0x44)), 0);
	expect_order(k, "r");
}

static void pending_in_the_eventfd(void **state)
{
	struct model *k = *state;
	struct vdev_kvm_msi m = routed(40, 0x41);
	const uint64_t one_event = 1;

	m.fd = model_eventfd();
	model_pins(k);
	assert_int_equal(set(k, DEV, 0, m), 0);
	assert_int_equal(write(m.fd, &one_event, sizeof(one_event)), sizeof(one_event));
	assert_int_equal(get(k, DEV, 0).flags, VDEV_KVM_MSI_ROUTED); /* not masked */
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	assert_true(get(k, DEV, 0).flags & VDEV_KVM_MSI_PENDING);
	assert_int_equal(model_take(m.fd), 1);
	assert_false(get(k, DEV, 0).flags & VDEV_KVM_MSI_PENDING);
	/* By the device model. */
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_MASKED);
	assert_true(get(k, DEV, 0).flags & VDEV_KVM_MSI_PENDING);
	assert_int_equal(model_take(m.fd), 0);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 0), 1);
	assert_int_equal(model_take(m.fd), 1);
	close(m.fd);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	assert_false(get(k, DEV, 0).flags & VDEV_KVM_MSI_PENDING);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)
		T(parked_before_its_route_goes),
		T(masked_from_the_start),
		T(irqfd_that_cannot_be_parked),
		T(nothing_changes_when_parking_fails),
		T(nothing_changes_when_the_table_fails),
		T(a_foreign_gsi_is_not_parked_for_good),
		T(nothing_changes_when_attaching_fails),
		T(a_gsi_is_not_lost_while_attaching_fails),
		T(room_is_not_lost_while_attaching_fails),
		T(forgotten_while_masked),
		T(a_masked_gsi_changes_its_vector),
		T(parked_is_not_detached_twice),
		T(pending_in_the_eventfd),
	};

	return cmocka_run_group_tests_name("kvm_msi_masks", tests, NULL, NULL);
}
