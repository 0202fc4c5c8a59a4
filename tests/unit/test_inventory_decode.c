/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventory (M12): facts out of configuration space, whatever is in it. */
#include "test_inventory_rig.h"

static void nothing_is_known_of_nothing(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1572);
	d = space_decode(&s, 0);
	assert_int_equal(d.vendor, UNKNOWN);
	assert_int_equal(d.class_code, UNKNOWN);
	assert_int_equal(d.msix_vectors, UNKNOWN);
	assert_int_equal(d.total_vfs, UNKNOWN);
	assert_int_equal(d.flr, UNKNOWN);
	assert_true(d.serial == VDEV_NONE && d.bars[0].size == VDEV_NONE);
	assert_int_equal(d.flags, VDEV_INVENTORY_NO_CAPS | VDEV_INVENTORY_NO_EXT_CAPS);
}

static void identity(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1572);
	space_put(&s, 8, 0x020000 << 8 | 2, 4);
	space_put(&s, 0xe, 0x80, 1);
	space_put(&s, 0x2c, 0x00061028, 4);
	space_put(&s, 6, 0, 2); /* no list: nothing is hidden by a short read */
	d = space_decode(&s, 64);
	assert_int_equal(d.vendor, 0x8086);
	assert_int_equal(d.device, 0x1572);
	assert_int_equal(d.class_code, 0x020000);
	assert_int_equal(d.revision, 2);
	assert_int_equal(d.header_type, 0);
	assert_int_equal(d.subsystem_vendor, 0x1028);
	assert_int_equal(d.subsystem_device, 6);
	assert_int_equal(d.config_bytes, 64);
	assert_int_equal(d.flags, 0);
	assert_int_equal(d.msix_vectors, 0);
	assert_int_equal(d.total_vfs, 0);
}

static void bars(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1572);
	space_put(&s, 0x10, 0xd000000c, 4); /* 64 bits, prefetchable */
	space_put(&s, 0x14, 0xffffffff, 4); /* its upper half is no BAR */
	space_put(&s, 0x18, 0xc001, 4);
	space_put(&s, 0x1c, 0xfe000000, 4);
	d = space_decode(&s, 64);
	assert_int_equal(d.bars[0].flags,
			 VDEV_INVENTORY_MEMORY | VDEV_INVENTORY_64BIT | VDEV_INVENTORY_PREFETCH);
	assert_true(d.bars[0].size == VDEV_NONE && d.bars[1].size == 0);
	assert_int_equal(d.bars[1].flags, 0);
	assert_int_equal(d.bars[2].flags, VDEV_INVENTORY_IO);
	assert_int_equal(d.bars[3].flags, VDEV_INVENTORY_MEMORY);
	assert_true(d.bars[4].flags == 0 && d.bars[4].size == VDEV_NONE);
	/* Of a bridge there are two. */
	space_put(&s, 0xe, 1, 1);
	space_put(&s, 0x19, 7, 1);
	d = space_decode(&s, 64);
	assert_int_equal(d.bars[2].flags, 0);
	assert_int_equal(d.secondary_bus, 7);
	/* The sixth has no upper half. */
	space_put(&s, 0xe, 0, 1);
	space_put(&s, 0x24, 0xd000000c, 4);
	d = space_decode(&s, 64);
	assert_true(d.bars[5].flags & VDEV_INVENTORY_64BIT);
}

static void subsystem_of_bridges(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x1b36, 0x000c);
	space_put(&s, 0xe, 1, 1);
	space_cap(&s, 0x0d, 0x48);
	space_put(&s, 0x4c, 0x00011028, 4);
	d = space_decode(&s, 256);
	assert_int_equal(d.subsystem_vendor, 0x1028);
	assert_int_equal(d.subsystem_device, 1);
	space_begin(&s, 0x104c, 0xac56); /* CardBus: both are elsewhere */
	space_put(&s, 0xe, 2, 1);
	space_put(&s, 0x40, 0x20051014, 4);
	s.bytes[0x14] = 0xa0;
	s.bytes[0xa0] = 0x01;
	d = space_decode(&s, 256);
	assert_int_equal(d.subsystem_vendor, 0x1014);
	assert_int_equal(d.subsystem_device, 0x2005);
	assert_int_equal(d.cap_count, 1);
}

static void capabilities_in_order_with_versions(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1572);
	space_cap(&s, 0x11, 0x70);
	space_put(&s, 0x72, 0x8080, 2); /* enabled, 129 entries */
	space_cap(&s, 0x01, 0x40);
	space_put(&s, 0x42, 0xc803, 2);
	space_put(&s, 0x44, 0x0003, 2);
	space_cap(&s, 0x05, 0x50);
	space_put(&s, 0x52, 0x018a, 2);
	space_cap(&s, 0x10, 0xa0);
	space_put(&s, 0xa2, 0x0002, 2);
	space_put(&s, 0xa4, 0x10000000, 4);
	space_put(&s, 0xac, 0x43 | 8 << 4, 4);
	space_ext(&s, 0x01, 2, 0x100);
	space_ext(&s, 0x03, 1, 0x140);
	space_put(&s, 0x144, 0xff123456, 4);
	space_put(&s, 0x148, 0x3cfdfeff, 4);
	d = space_decode(&s, 4096);
	assert_int_equal(d.cap_count, 6);
	assert_int_equal(d.caps[0].id, 0x11);
	assert_int_equal(d.caps[1].version, 3);
	assert_int_equal(d.caps[3].version, 2);
	assert_int_equal(d.caps[4].flags, VDEV_INVENTORY_EXTENDED);
	assert_int_equal(d.caps[4].version, 2);
	assert_int_equal(d.caps[5].offset, 0x140);
	assert_int_equal(d.msix_vectors, 129);
	assert_int_equal(d.msi_vectors, 32);
	assert_int_equal(d.power_state, 3);
	assert_int_equal(d.flr, 1);
	assert_int_equal(d.link_speed, 3);
	assert_true(d.serial == 0x3cfdfeffff123456ull);
	assert_int_equal(d.flags, VDEV_INVENTORY_PCIE);
	assert_int_equal(d.total_vfs, 0); /* the list was read to its end */
}

/* A dump of 256 bytes does not say that there are no VFs; one of 64 nothing of MSI-X. */
static void short_reads_say_not_known(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1572);
	space_cap(&s, 0x10, 0xa0);
	space_cap(&s, 0x11, 0xfc);
	space_ext(&s, 0x10, 1, 0x100);
	d = space_decode(&s, 256);
	assert_int_equal(d.flags, VDEV_INVENTORY_PCIE | VDEV_INVENTORY_NO_EXT_CAPS);
	assert_int_equal(d.total_vfs, UNKNOWN);
	assert_int_equal(d.msix_vectors, 1);
	d = space_decode(&s, 128);
	assert_int_equal(d.flags, VDEV_INVENTORY_NO_CAPS | VDEV_INVENTORY_NO_EXT_CAPS);
	assert_int_equal(d.msix_vectors, UNKNOWN);
	assert_int_equal(d.flr, UNKNOWN);
	/* Within a capability. */
	d = space_decode(&s, 0xa2);
	assert_int_equal(d.pcie_type, UNKNOWN);
	for (uint32_t size = 0; size <= 256; size++)
		space_decode(&s, size);
}

/* Lists that lead nowhere, back, or out: each ends, and nothing is said to be absent. */
static void damaged_lists_end(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1000);
	space_cap(&s, 0x01, 0x40);
	s.bytes[0x41] = 0x40;
	d = space_decode(&s, 256);
	assert_int_equal(d.flags & VDEV_INVENTORY_BAD_CAPS, VDEV_INVENTORY_BAD_CAPS);
	assert_int_equal(d.cap_count, 1);
	assert_int_equal(d.msix_vectors, UNKNOWN);
	s.bytes[0x41] = 0x20; /* the header */
	assert_true(space_decode(&s, 256).flags & VDEV_INVENTORY_BAD_CAPS);
	space_begin(&s, 0x8086, 0x1000);
	space_cap(&s, 0xff, 0x40); /* reads ones */
	assert_true(space_decode(&s, 256).flags & VDEV_INVENTORY_BAD_CAPS);
	space_begin(&s, 0x8086, 0x1000);
	space_cap(&s, 0x10, 0x40);
	space_ext(&s, 0x01, 1, 0x100);
	space_put(&s, 0x102, 0x1001, 2); /* itself */
	assert_true(space_decode(&s, 4096).flags & VDEV_INVENTORY_BAD_CAPS);
	space_put(&s, 0x102, 0x0401, 2); /* 0x40 */
	assert_true(space_decode(&s, 4096).flags & VDEV_INVENTORY_BAD_CAPS);
	space_put(&s, 0x102, 0x2001, 2);
	space_put(&s, 0x200, UINT32_MAX, 4);
	assert_true(space_decode(&s, 4096).flags & VDEV_INVENTORY_BAD_CAPS);
	space_put(&s, 0xe, 5, 1); /* of a header that nobody knows, no list is known */
	assert_true(space_decode(&s, 4096).flags & VDEV_INVENTORY_NO_CAPS);
}

static void more_than_have_room(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1000);
	space_cap(&s, 0x10, 0x40);
	for (uint32_t i = 0; i < 120; i++)
		space_ext(&s, 0x0b, 1, 0x100 + 4 * i);
	d = space_decode(&s, 4096);
	assert_int_equal(d.cap_count, VDEV_INVENTORY_MAX_CAPS);
	assert_true(d.flags & VDEV_INVENTORY_MORE);
	assert_int_equal(d.total_vfs, 0);
}

static void no_extended_ones(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1000);
	space_cap(&s, 0x10, 0x40);
	d = space_decode(&s, 4096);
	assert_int_equal(d.flags, VDEV_INVENTORY_PCIE);
	space_put(&s, 0x100, UINT32_MAX, 4);
	assert_int_equal(space_decode(&s, 4096).cap_count, 1);
	/* Number 0 hides a capability; the list goes on. */
	space_put(&s, 0x100, 0x14000000, 4);
	space_put(&s, 0x140, 0x00010003, 4);
	d = space_decode(&s, 4096);
	assert_int_equal(d.cap_count, 2);
	assert_int_equal(d.caps[1].id, 3);
}

static void slots_only_of_ports(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x1b36, 0x000c);
	space_put(&s, 0xe, 1, 1);
	space_cap(&s, 0x10, 0x54);
	space_put(&s, 0x56, 0x142, 2); /* root port, slot implemented */
	space_put(&s, 0x68, 0x0018007b, 4);
	space_put(&s, 0x6c, 0x7c0, 2);
	space_put(&s, 0x6e, 0x48, 2);
	d = space_decode(&s, 4096);
	assert_int_equal(d.slot_caps, 0x0018007b);
	assert_int_equal(d.slot_control, 0x7c0);
	assert_int_equal(d.slot_status, 0x48);
	space_put(&s, 0x56, 0x42, 2); /* no slot */
	assert_int_equal(space_decode(&s, 4096).slot_caps, UNKNOWN);
	space_put(&s, 0x56, 0x102, 2); /* an endpoint has none, whatever it says */
	assert_int_equal(space_decode(&s, 4096).slot_caps, UNKNOWN);
}

static void sriov(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1572);
	space_cap(&s, 0x10, 0xa0);
	space_ext(&s, 0x10, 1, 0x100);
	space_put(&s, 0x108, 1, 2);
	space_put(&s, 0x10c, 0x00400040, 4);
	space_put(&s, 0x110, 4, 2);
	space_put(&s, 0x114, 0x00020010, 4);
	space_put(&s, 0x11a, 0x154c, 2);
	d = space_decode(&s, 4096);
	assert_int_equal(d.flags, VDEV_INVENTORY_PCIE | VDEV_INVENTORY_PF);
	assert_int_equal(d.total_vfs, 64);
	assert_int_equal(d.num_vfs, 4);
	assert_int_equal(d.vf_offset, 16);
	assert_int_equal(d.vf_stride, 2);
	assert_int_equal(d.vf_device, 0x154c);
	space_put(&s, 0x108, 0, 2); /* VF Enable is off: NumVFs is but a wish */
	assert_int_equal(space_decode(&s, 4096).num_vfs, 0);
}

/* Each capability at the end of what was read: nothing beyond is taken for a number. */
static void cut_capabilities(void **state)
{
	static const uint32_t ids[] = {0x01, 0x02, 0x05, 0x0d, 0x10, 0x11, 0x13};
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(ids); i++)
		for (uint32_t size = 0x82; size < 0xa4; size++) {
			space_begin(&s, 0x8086, 0x1000);
			space_put(&s, 0xe, 1, 1);
			space_cap(&s, ids[i], 0x80);
			space_put(&s, 0x82, 0x140, 2);
			d = space_decode(&s, size);
			assert_int_equal(d.cap_count, 1);
			assert_int_not_equal(d.slot_caps, 0xffffffff - 1);
		}
	space_begin(&s, 0x8086, 0x1000);
	space_cap(&s, 0x10, 0x40);
	for (uint32_t id = 0x03; id <= 0x10; id += 0x0d)
		for (uint32_t size = 0x104; size < 0x140; size += 2) {
			space_put(&s, 0x100, id | 1 << 16, 4);
			d = space_decode(&s, size);
			assert_int_equal(d.cap_count, 2);
		}
}

static void af_flr(void **state)
{
	struct space s;

	(void)state;
	space_begin(&s, 0x8086, 0x1000);
	space_cap(&s, 0x13, 0x40);
	assert_int_equal(space_decode(&s, 256).flr, 0);
	s.bytes[0x43] = 2;
	assert_int_equal(space_decode(&s, 256).flr, 1);
}

static void all_ones_is_dead(void **state)
{
	struct vdev_inventory_device d;
	struct space s;

	(void)state;
	memset(&s, 0xff, sizeof(s));
	d = space_decode(&s, 4096);
	assert_true(d.flags & VDEV_INVENTORY_DEAD);
	assert_int_equal(d.vendor, UNKNOWN);
	assert_int_equal(d.class_code, UNKNOWN);
	assert_int_equal(d.cap_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_of_nothing),
		cmocka_unit_test(identity),
		cmocka_unit_test(bars),
		cmocka_unit_test(subsystem_of_bridges),
		cmocka_unit_test(capabilities_in_order_with_versions),
		cmocka_unit_test(short_reads_say_not_known),
		cmocka_unit_test(damaged_lists_end),
		cmocka_unit_test(more_than_have_room),
		cmocka_unit_test(no_extended_ones),
		cmocka_unit_test(slots_only_of_ports),
		cmocka_unit_test(sriov),
		cmocka_unit_test(cut_capabilities),
		cmocka_unit_test(af_flr),
		cmocka_unit_test(all_ones_is_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
