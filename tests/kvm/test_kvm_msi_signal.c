/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts by vdev_kvm_signal(): what is delivered, what is kept while masked, what a hidden device delivers. */
#include "test_kvm_msi_rig.h"

static void message_carries_its_destination(void **state)
{
	struct model *k = *state;
	struct vdev_kvm_msi m = signalled(0x41);

	m.address = UINT64_C(0x1200fee03000);
	assert_int_equal(set(k, DEV, 0, m), 0);
	expect_order(k, "c");
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_DELIVERED);
	expect_order(k, "s");
	assert_int_equal(k->last.address_lo, 0xfee03000);
	assert_int_equal(k->last.address_hi, 0x1200);
	assert_int_equal(k->last.data, 0x41);
	assert_int_equal(k->last.flags, 0);
	assert_int_equal(k->last.devid, 0);
	/* Retargeting is a store; the capability is asked for once. */
	m.address = 0xfee05000;
	m.data = 0x42;
	assert_int_equal(set(k, DEV, 0, m), 0);
	assert_int_equal(set(k, DEV, 1, signalled(0x51)), 0);
	expect_order(k, "");
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_DELIVERED);
	assert_int_equal(k->last.address_lo, 0xfee05000);
	assert_int_equal(k->last.address_hi, 0);
	assert_int_equal(k->last.data, 0x42);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 1), VDEV_KVM_DELIVERED);
	assert_int_equal(k->last.data, 0x51);
	assert_int_equal(model_stats(k).signalled, 3);
	assert_int_equal(model_stats(k).msis, 2);
	assert_int_equal(model_stats(k).msi_routes, 0);
	assert_int_equal(model_stats(k).devices, 1);
}

static void device_id_of_an_its(void **state)
{
	struct model *k = *state;
	struct vdev_kvm_msi m = signalled(7);

	m.flags |= VDEV_KVM_MSI_DEVID;
	m.devid = 0x8000;
	assert_int_equal(set(k, DEV, 3, m), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 3), VDEV_KVM_DELIVERED);
	assert_int_equal(k->last.flags, KVM_MSI_VALID_DEVID);
	assert_int_equal(k->last.devid, 0x8000);
}

static void answers_of_kvm(void **state)
{
	struct model *k = *state;

	assert_int_equal(set(k, DEV, 0, signalled(0x41)), 0);
	k->signal_answer = 3; /* vCPUs */
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_DELIVERED);
	k->signal_answer = 0;
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_BLOCKED);
	k->signal_answer = -EPERM; /* nobody there: not a failure */
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_BLOCKED);
	assert_int_equal(model_stats(k).failed, 0);
	assert_int_equal(model_stats(k).blocked, 2);
	k->signal_answer = -EINVAL;
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), -EINVAL);
	model_error(k, "KVM_SIGNAL_MSI (address 0xfee01000, data 0x41): Invalid argument");
	/* The guest can bring that about as often as it likes. */
	assert_non_null(strstr(k->v.log, "3 kvm: KVM_SIGNAL_MSI"));
	assert_int_equal(model_stats(k).failed, 1);
	assert_int_equal(model_stats(k).blocked, 2);
	assert_int_equal(model_stats(k).signalled, 1);
}

static void what_comes_while_masked_is_kept(void **state)
{
	struct model *k = *state;

	assert_int_equal(set(k, DEV, 0, masked(signalled(0x41))), 0);
	assert_int_equal(get(k, DEV, 0).flags, VDEV_KVM_MSI_SIGNAL | VDEV_KVM_MSI_MASKED);
	expect_order(k, "c");
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_MASKED);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_MASKED);
	assert_int_equal(get(k, DEV, 0).flags & VDEV_KVM_MSI_PENDING, VDEV_KVM_MSI_PENDING);
	expect_order(k, "");
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0); /* so it is already */
	expect_order(k, "");
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 0), 1);
	expect_order(k, "s"); /* once */
	assert_int_equal(get(k, DEV, 0).flags, VDEV_KVM_MSI_SIGNAL);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 0), 0);
	expect_order(k, "");
	/* It comes by what the guest programmed meanwhile. */
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_MASKED);
	assert_int_equal(set(k, DEV, 0, masked(signalled(0x42))), 0);
	expect_order(k, "");
	assert_int_equal(set(k, DEV, 0, signalled(0x43)), 0);
	expect_order(k, "s");
	assert_int_equal(k->last.data, 0x43);
}

static void blocked_when_unmasked(void **state)
{
	struct model *k = *state;

	assert_int_equal(set(k, DEV, 0, masked(signalled(0x41))), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_MASKED);
	k->signal_answer = 0;
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 0), 0);
	assert_int_equal(model_stats(k).blocked, 1);
}

static void vector_without_a_message(void **state)
{
	const struct vdev_kvm_msi none = {.struct_size = sizeof(none)};
	struct model *k = *state;

	assert_int_equal(set(k, DEV, 0, masked(signalled(0x41))), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 1), -ENOENT); /* its neighbour */
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 32), -ENOENT);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 1, 0), -ENOENT);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_MASKED);
	assert_int_equal(set(k, DEV, 0, none), 0);
	expect_order(k, "c"); /* what was pending is gone with it */
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), -ENOENT);
	assert_int_equal(model_stats(k).msis, 0);
	assert_int_equal(set(k, DEV, 0, signalled(0x41)), 0);
	expect_order(k, "");
}

static void first_and_last_vector(void **state)
{
	static const uint32_t vectors[] = {0, 31, 32, VDEV_KVM_MAX_VECTORS - 1};
	struct model *k = *state;
	uint32_t i;

	for (i = 0; i < VT_COUNT(vectors); i++)
		assert_int_equal(set(k, DEV, vectors[i], signalled(0x40 + i)), 0);
	for (i = 0; i < VT_COUNT(vectors); i++) {
		assert_int_equal(vdev_kvm_signal(k->kvm, DEV, vectors[i]), VDEV_KVM_DELIVERED);
		assert_int_equal(k->last.data, 0x40 + i);
	}
	assert_int_equal(set(k, DEV, VDEV_KVM_MAX_VECTORS, signalled(1)), -EINVAL);
}

static void hidden_device_delivers_nothing(void **state)
{
	struct model *k = *state;
	struct vdev_kvm_msi m;

	assert_int_equal(set(k, DEV, 0, signalled(0x41)), 0);
	assert_int_equal(set(k, DEV, 1, masked(signalled(0x42))), 0);
	assert_int_equal(set(k, OTHER, 0, signalled(0x51)), 0);
	expect_order(k, "c");
	assert_int_equal(model_perform(k, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_GATED);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 1), VDEV_KVM_GATED);
	assert_int_equal(set(k, DEV, 0, signalled(0x43)), -EBUSY);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 1, 0), -EBUSY);
	assert_int_equal(vdev_kvm_get_msi(k->kvm, DEV, 0, &m, sizeof(m)), -ENOENT);
	expect_order(k, "");
	assert_int_equal(vdev_kvm_signal(k->kvm, OTHER, 0), VDEV_KVM_DELIVERED);
	assert_int_equal(model_perform(k, VDEV_REMOVAL_DETACH_EVENTS, DEV), 0);
	assert_int_equal(model_stats(k).msis, 1);
	assert_int_equal(model_perform(k, VDEV_REMOVAL_RELEASE, DEV), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_GATED);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, DEV, 0, 1), -ENOENT);
	assert_int_equal(model_stats(k).devices, 1);
}

static void detached_vectors_are_forgotten(void **state)
{
	struct model *k = *state;

	assert_int_equal(set(k, DEV, 0, masked(signalled(0x41))), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_MASKED);
	/* Without HIDE, as a VMM does that takes its device apart for itself. */
	assert_int_equal(model_perform(k, VDEV_REMOVAL_DETACH_EVENTS, DEV), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), -ENOENT);
	assert_int_equal(set(k, DEV, 0, signalled(0x42)), 0);
	expect_order(k, "c"); /* nothing is pending any more */
	assert_int_equal(model_perform(k, VDEV_REMOVAL_UNMAP_BARS, DEV), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_DELIVERED);
}

/* The memory of a device that is gone serves the next one. */
static void nothing_is_inherited(void **state)
{
	struct model *k = *state;
	uint64_t blocks;
	uint64_t dev;

	assert_int_equal(set(k, DEV, 0, signalled(0x41)), 0);
	assert_int_equal(set(k, DEV, 1, masked(signalled(0x42))), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 1), VDEV_KVM_MASKED);
	assert_int_equal(model_perform(k, VDEV_REMOVAL_RELEASE, DEV), 0);
	blocks = k->v.blocks;
	expect_order(k, "c");
	for (dev = OTHER; dev < OTHER + 100; dev++) {
		assert_int_equal(set(k, dev, 3, signalled(0x50)), 0);
		assert_int_equal(vdev_kvm_signal(k->kvm, dev, 0), -ENOENT);
		assert_int_equal(vdev_kvm_signal(k->kvm, dev, 1), -ENOENT);
		assert_int_equal(set(k, dev, 1, signalled(0x51)), 0);
		expect_order(k, "");
		assert_int_equal(model_perform(k, VDEV_REMOVAL_RELEASE, dev), 0);
	}
	assert_int_equal(k->v.blocks, blocks);
}

static void rename_moves_vectors(void **state)
{
	struct model *k = *state;

	assert_int_equal(set(k, DEV, 0, signalled(0x41)), 0);
	assert_int_equal(set(k, DEV, 1, masked(signalled(0x42))), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 1), VDEV_KVM_MASKED);
	assert_int_equal(model_perform(k, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(vdev_kvm_rename(k->kvm, DEV, OTHER), 0);
	expect_order(k, "c");
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_GATED);
	assert_int_equal(vdev_kvm_signal(k->kvm, OTHER, 0), VDEV_KVM_DELIVERED);
	assert_int_equal(k->last.data, 0x41);
	assert_true(get(k, OTHER, 1).flags & VDEV_KVM_MSI_PENDING);
	assert_int_equal(vdev_kvm_mask_msi(k->kvm, OTHER, 1, 0), 1);
	assert_int_equal(k->last.data, 0x42);
	assert_int_equal(model_stats(k).msis, 2);
	assert_int_equal(set(k, OTHER, 2, signalled(0x43)), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, OTHER, 2), VDEV_KVM_DELIVERED);
}

/* H10: one of those that the guest programmed, while it is still what the guest programmed. */
static void aimed_only_while_it_is_programmed(void **state)
{
	const struct vdev_msi programmed = {.address = 0xfee01000, .data = 0x41},
			      aimed = {.address = 0xfee07000, .data = 0x4041};
	struct model *k = *state;
	struct vdev_kvm_msi m = signalled(0x41);

	assert_int_equal(set(k, DEV, 0, m), 0);
	assert_int_equal(vdev_kvm_signal_aimed(k->kvm, DEV, 0, &programmed, &aimed),
			 VDEV_KVM_DELIVERED);
	assert_int_equal(k->last.address_lo, 0xfee07000);
	assert_int_equal(k->last.data, 0x4041);
	expect_order(k, "cs");
	m.data = 0x42;
	assert_int_equal(set(k, DEV, 0, m), 0);
	assert_int_equal(vdev_kvm_signal_aimed(k->kvm, DEV, 0, &programmed, &aimed), -ESTALE);
	m = signalled(0x41);
	m.address = 0xfee02000;
	assert_int_equal(set(k, DEV, 0, m), 0);
	assert_int_equal(vdev_kvm_signal_aimed(k->kvm, DEV, 0, &programmed, &aimed), -ESTALE);
	assert_int_equal(vdev_kvm_signal_aimed(k->kvm, DEV, 1, &programmed, &aimed), -ENOENT);
	assert_int_equal(set(k, DEV, 0, masked(signalled(0x41))), 0);
	assert_int_equal(vdev_kvm_signal_aimed(k->kvm, DEV, 0, &programmed, &aimed),
			 VDEV_KVM_MASKED);
	assert_int_equal(model_perform(k, VDEV_REMOVAL_HIDE, DEV), 0);
	assert_int_equal(vdev_kvm_signal_aimed(k->kvm, DEV, 0, &programmed, &aimed),
			 VDEV_KVM_GATED);
	expect_order(k, "");
}

static void routed_vectors_are_not_aimed(void **state)
{
	const struct vdev_msi programmed = {.address = 0xfee01000, .data = 0x41};
	struct model *k = *state;

	model_pins(k);
	assert_int_equal(set(k, DEV, 0, routed(40, 0x41)), 0);
	assert_int_equal(vdev_kvm_signal_aimed(k->kvm, DEV, 0, &programmed, &programmed),
			 -EOPNOTSUPP);
}

static void falls_back_to_a_route(void **state)
{
	struct model *k = *state;
	struct vdev_kvm_msi m = signalled(0x41), two[2];
	int fd = model_eventfd();

	k->can = 0;
	model_pins(k);
	assert_int_equal(set(k, DEV, 0, m), -EOPNOTSUPP); /* no GSI to fall back to */
	expect_order(k, "c");
	m.gsi = 40;
	m.fd = fd;
	assert_int_equal(set(k, DEV, 0, m), 1);
	expect_order(k, "r");
	assert_int_equal(data_of(k, 40), 0x41);
	assert_int_equal(get(k, DEV, 0).flags, VDEV_KVM_MSI_ROUTED);
	assert_int_equal(model_stats(k).fallbacks, 1);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_DELIVERED);
	expect_order(k, ""); /* not by ioctl */
	assert_int_equal(model_take(fd), 1);
	two[0] = two[1] = m;
	two[1].gsi = 41;
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 0, two, 2), 1);
	assert_int_equal(model_stats(k).fallbacks, 3);
	two[0] = routed(42, 0x43); /* asked for, hence no fallback */
	assert_int_equal(vdev_kvm_set_msis(k->kvm, DEV, 5, two, 1), 0);
	close(fd);
}

static void old_kernel_cannot_be_asked(void **state)
{
	struct model *k = *state;
	struct vdev_kvm_msi m = signalled(0x41);

	model_fail(k, 'c', -ENOTTY);
	m.gsi = 40;
	assert_int_equal(set(k, DEV, 0, m), -EBUSY); /* and no table was handed over */
	expect_order(k, "C");
	model_pins(k);
	assert_int_equal(set(k, DEV, 0, m), 1);
	assert_int_equal(model_stats(k).failed, 0);
	assert_int_equal(model_stats(k).fallbacks, 1);
}

static void eventfd_of_a_route(void **state)
{
	const uint64_t full = UINT64_MAX - 1;
	struct model *k = *state;
	struct vdev_kvm_msi m = routed(40, 0x41);
	int fd = model_eventfd(), last = dup2(fd, 99);

	model_pins(k);
	assert_int_equal(set(k, DEV, 0, m), 0);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), -EOPNOTSUPP);
	m.fd = last;
	assert_int_equal(set(k, DEV, 0, m), 0);
	expect_order(k, "r"); /* the route is the same */
	assert_int_equal(write(fd, &full, sizeof(full)), sizeof(full));
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), VDEV_KVM_DELIVERED); /* it will come */
	assert_int_equal(model_take(fd), full);
	close(last);
	assert_int_equal(vdev_kvm_signal(k->kvm, DEV, 0), -EBADF);
	model_error(k, "write (eventfd 99 of gsi 40): Bad file descriptor");
	assert_int_equal(model_stats(k).failed, 1);
	close(fd);
}

static void part_of_a_message(void **state)
{
	struct model *k = *state;
	struct vdev_kvm_msi m = {.address = 5};

	assert_int_equal(set(k, DEV, 0, signalled(0x41)), 0);
	assert_int_equal(vdev_kvm_get_msi(k->kvm, DEV, 0, &m, 8), 0);
	assert_int_equal(m.flags, VDEV_KVM_MSI_SIGNAL);
	assert_int_equal(m.address, 5);
	m = get(k, DEV, 0);
	assert_int_equal(m.struct_size, sizeof(m));
	assert_int_equal(m.gsi, VDEV_KVM_NO_GSI);
	assert_int_equal(m.fd, -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)
		T(message_carries_its_destination),
		T(device_id_of_an_its),
		T(answers_of_kvm),
		T(what_comes_while_masked_is_kept),
		T(blocked_when_unmasked),
		T(vector_without_a_message),
		T(first_and_last_vector),
		T(hidden_device_delivers_nothing),
		T(detached_vectors_are_forgotten),
		T(nothing_is_inherited),
		T(rename_moves_vectors),
		T(aimed_only_while_it_is_programmed),
		T(routed_vectors_are_not_aimed),
		T(falls_back_to_a_route),
		T(old_kernel_cannot_be_asked),
		T(eventfd_of_a_route),
		T(part_of_a_message),
	};

	return cmocka_run_group_tests_name("kvm_msi_signal", tests, NULL, NULL);
}
