/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: what does not fit into a register, a configuration, or its reach. */
#include "test_pvdev_rig.h"

/* 50 days and more do not fit into 32 bits of milliseconds: the guest is told the most that does. */
static void wait_longer_than_the_register(void **state)
{
	static const struct {
		uint64_t ack_ns;
		uint32_t ms;
	} waits[] = {
		{UINT64_C(4294967294) * 1000000, 4294967294u},
		{UINT64_C(4294967295) * 1000000, UINT32_MAX},
		{UINT64_C(4294967296) * 1000000, UINT32_MAX},
		{UINT64_MAX - 1, 0}, /* the end is beyond all clocks: there is none */
	};

	(void)state;
	for (size_t i = 0; i < VT_COUNT(waits); i++) {
		struct vdev_removal_request q = {.struct_size = sizeof(q),
						 .ack_ns = waits[i].ack_ns};
		struct rig g;

		rig_begin(&g, NULL);
		rig_ready(&g);
		assert_true(vdev_removal_request(g.removal, g.now, g.disk, &q) >= 0);
		rig_pump(&g);
		expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
		assert_int_equal(rd(&g, VDEV_GUEST_EVENT_TIME_MS), waits[i].ms);
		rig_end(&g);
	}
}

/* Far more events than the other host allows: refused before any of them is read. */
static void image_with_more_events_than_the_limit(void **state)
{
	const struct vdev_pvdev_config c = {.max_events = 8};
	struct vdev_pvdev *p = NULL;
	uint8_t image[4096];
	size_t size;
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	rig_ready(&g);
	for (int i = 0; i < 8; i++)
		assert_true(rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0) >= 0);
	assert_int_equal(vdev_pvdev_save(g.pvdev, g.now, image, sizeof(image), &size), 0);
	g.config.max_events = 2;
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), -ENOSPC);
	assert_null(p);
	g.config.max_events = 8;
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), 0);
	vdev_pvdev_free(p);
	rig_end(&g);
}

/* A unit without a transport of its own is warned where its slot is, and only a slot passes that on. */
static void reach_through_what_is_above(void **state)
{
	static const struct {
		uint32_t unit_class, transport;
		int ret;
	} above[] = {
		{VDEV_REMOVAL_PCI_SLOT, VDEV_REMOVAL_PVDEV, 0},
		{VDEV_REMOVAL_PCI_SLOT, VDEV_REMOVAL_ACPI, -EOPNOTSUPP},
		{VDEV_REMOVAL_PCI_FUNCTION, VDEV_REMOVAL_PVDEV, -EOPNOTSUPP},
	};

	(void)state;
	for (size_t i = 0; i < VT_COUNT(above); i++) {
		struct vdev_removal_unit u = {.struct_size = sizeof(u),
					      .unit_class = above[i].unit_class,
					      .transport = above[i].transport};
		uint64_t unit = 0;
		struct rig g;
		int ret;

		rig_begin(&g, NULL);
		rig_ready(&g);
		assert_true(vdev_removal_add(g.removal, g.now, &u, &u.parent) >= 0);
		u.unit_class = VDEV_REMOVAL_PCI_FUNCTION;
		u.transport = VDEV_REMOVAL_NO_TRANSPORT;
		assert_true(vdev_removal_add(g.removal, g.now, &u, &unit) >= 0);
		ret = rig_perform(&g, VDEV_REMOVAL_ANNOUNCE, unit, 0);
		assert_int_equal(ret < 0 ? ret : 0, above[i].ret);
		assert_int_equal(rd(&g, VDEV_GUEST_EVENT),
				 ret < 0 ? VDEV_GUEST_EVENT_NONE : VDEV_GUEST_EVENT_DEVICE_ADDED);
		rig_end(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wait_longer_than_the_register),
		cmocka_unit_test(image_with_more_events_than_the_limit),
		cmocka_unit_test(reach_through_what_is_above),
	};

	return cmocka_run_group_tests_name("pvdev_limits", tests, NULL, NULL);
}
