/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VMM's own backend before the KVM backend, in one runtime: nothing is taken apart under a drain
 * that still goes on. Needs no /dev/kvm.
 */
#include "test_kvm_backend_fake.h"

#include <vdev/runtime.h>

struct both {
	struct fake *f;
	struct vdev_runtime *rt;
	struct vdev_removal *removal;
	uint64_t unit;
	uint32_t later; /* kind that goes on in the background */
	uint64_t id; /* its action */
	uint32_t calls_then; /* ioctls at that time */
};

static int own(void *backend, const struct vdev_action *a)
{
	struct both *b = backend;

	if (a->kind ==
	    VDEV_REMOVAL_HIDE) /* we come first, before the guest's doorbells are gated */
		assert_int_equal(vdev_kvm_gated(b->f->kvm, a->dev), 0);
	if (a->kind != b->later)
		return 0;
	b->id = a->id;
	b->calls_then = b->f->count;
	return VDEV_BACKEND_LATER;
}

static void connect_all(struct both *b, struct fake *f, uint32_t flags)
{
	static const struct vdev_backend_ops ops = {
		.struct_size = sizeof(ops), .name = "own", .perform = own};
	const struct vdev_runtime_config runtime = {
		.struct_size = sizeof(runtime), .max_backends = 2, .max_later = 4};
	const struct vdev_removal_config removal = {
		.struct_size = sizeof(removal), .max_units = 4, .flags = flags};
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = VDEV_REMOVAL_PCI_FUNCTION,
				      .transport = VDEV_REMOVAL_ACPI};

	*b = (struct both){.f = f};
	assert_int_equal(vdev_runtime_new(&b->rt, NULL, &runtime), 0);
	assert_int_equal(vdev_removal_new(&b->removal, NULL, &removal), 0);
	assert_int_equal(vdev_runtime_add_backend(b->rt, &ops, b), 0);
	assert_int_equal(vdev_runtime_add_backend(b->rt, vdev_kvm_ops(), f->kvm), 0);
	assert_int_equal(vdev_runtime_set_removal(b->rt, b->removal), 0);
	assert_true(vdev_removal_add(b->removal, 0, &u, &b->unit) >= 0);
}

/* An irqfd, an ioeventfd, a slot, and a group with a range. */
static void add_resources(struct both *b)
{
	struct vdev_kvm_ioeventfd doorbell = fake_doorbell(0);
	struct vdev_kvm_memslot slot = fake_slot(7, 0);
	struct vdev_kvm_dma dma = fake_dma(30, 31, 32);

	assert_int_equal(fake_irqfd(b->f, b->unit, 24, 0), 0);
	assert_int_equal(vdev_kvm_add_ioeventfd(b->f->kvm, b->unit, &doorbell), 0);
	assert_int_equal(vdev_kvm_add_memslot(b->f->kvm, b->unit, &slot), 0);
	assert_int_equal(vdev_kvm_add_dma(b->f->kvm, b->unit, &dma), 0);
}

static void remove_by_force(struct both *b)
{
	const struct vdev_removal_request force = {.struct_size = sizeof(force),
						   .flags = VDEV_REMOVAL_FORCE};

	assert_true(vdev_removal_request(b->removal, vdev_runtime_now(b->rt), b->unit, &force) > 0);
	assert_true(vdev_runtime_dispatch(b->rt) > 0);
}

static void disconnect(struct both *b)
{
	assert_int_equal(vdev_removal_level(b->removal, b->unit), -ENOENT);
	assert_int_equal(fake_stats(b->f).devices, 0);
	vdev_runtime_free(b->rt);
	vdev_removal_free(b->removal);
}

static const unsigned long all_in_order[] = {KVM_IRQFD,
					     KVM_IOEVENTFD,
					     KVM_SET_USER_MEMORY_REGION,
					     VFIO_IOMMU_UNMAP_DMA,
					     KVM_SET_DEVICE_ATTR,
					     VFIO_GROUP_UNSET_CONTAINER};

static void expect_all(const struct fake *f)
{
	uint32_t i;

	assert_int_equal(f->count, VT_COUNT(all_in_order));
	for (i = 0; i < f->count; i++)
		assert_int_equal(f->calls[i].request, all_in_order[i]);
}

/* COARSE: the drain is part of TEARDOWN, and so is what the KVM backend takes apart. */
static void coarse_teardown_waits_for_the_drain(void **state)
{
	struct both b;

	connect_all(&b, *state, VDEV_REMOVAL_COARSE);
	add_resources(&b);
	b.later = VDEV_REMOVAL_TEARDOWN;
	remove_by_force(&b);
	assert_int_not_equal(b.id, 0);
	assert_int_equal(vdev_runtime_dispatch(b.rt), 0);
	assert_int_equal(b.f->count, 0);
	assert_int_equal(vdev_kvm_gated(b.f->kvm, b.unit), 1);
	assert_int_equal(vdev_runtime_complete(b.rt, b.id, 0), 0);
	assert_int_equal(b.f->count, 0); /* not in the completer's thread */
	assert_true(vdev_runtime_dispatch(b.rt) > 0);
	expect_all(b.f);
	disconnect(&b);
}

/* A drain that failed or was given up must not leave the rest attached. */
static void coarse_teardown_goes_on_after_a_failed_drain(void **state)
{
	struct both b;

	connect_all(&b, *state, VDEV_REMOVAL_COARSE);
	add_resources(&b);
	b.later = VDEV_REMOVAL_TEARDOWN;
	remove_by_force(&b);
	assert_int_equal(vdev_runtime_complete(b.rt, b.id, -EIO), 0);
	assert_true(vdev_runtime_dispatch(b.rt) > 0);
	expect_all(b.f);
	disconnect(&b);
}

/* FULL: each step of the VMM comes before the same step of the KVM backend and after the last one. */
static void full_set_step_by_step(void **state)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_DETACH_EVENTS, VDEV_REMOVAL_UNMAP_BARS,
					 VDEV_REMOVAL_LEAVE_DMA, VDEV_REMOVAL_RELEASE};
	static const uint32_t calls[] = {0, 2, 3, 6};
	struct both b;
	size_t i;

	for (i = 0; i < VT_COUNT(kinds); i++) {
		connect_all(&b, *state, 0);
		add_resources(&b);
		b.f->count = 0;
		b.later = kinds[i];
		remove_by_force(&b);
		assert_int_equal(b.calls_then, calls[i]);
		assert_int_equal(b.f->count, calls[i]);
		assert_int_equal(vdev_runtime_complete(b.rt, b.id, 0), 0);
		assert_true(vdev_runtime_dispatch(b.rt) > 0);
		expect_all(b.f);
		disconnect(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
		T(coarse_teardown_waits_for_the_drain),
		T(coarse_teardown_goes_on_after_a_failed_drain),
		T(full_set_step_by_step),
	};

	return cmocka_run_group_tests_name("kvm_backend_runtime", tests, NULL, NULL);
}
