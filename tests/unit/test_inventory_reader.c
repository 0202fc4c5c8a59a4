/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventory (M12): the library and its reader together: dumps, trees, this machine. */
#include "test_inventory_look.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vdev/host.h>

static struct vdev_inventory_device device(const struct look *l, uint32_t i)
{
	struct vdev_inventory_device d;

	assert_int_equal(vdev_inventory_device(l->inventory, i, &d, sizeof(d)), 0);
	return d;
}

static void a_dump_with_vfs(void **state)
{
	struct vdev_inventory_device d;
	struct look l;

	(void)state;
	look_begin(&l);
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "sriov.txt"), 0);
	assert_int_equal(l.info.count, 5);
	assert_int_equal(l.info.source, VDEV_INVENTORY_DUMP);
	assert_string_equal(l.info.kernel, "");
	d = device(&l, 0);
	assert_int_equal(d.num_vfs, 4);
	assert_int_equal(d.msix_vectors, 129);
	assert_int_equal(d.numa_node, 1);
	assert_int_equal(d.iommu_group, 41);
	assert_true(d.bars[0].size == 8 << 20 && d.bars[1].size == 0);
	assert_string_equal(d.driver, "i40e");
	d = device(&l, 4);
	assert_int_equal(d.flags, VDEV_INVENTORY_VF | VDEV_INVENTORY_PCIE | VDEV_INVENTORY_FROM_PF);
	assert_int_equal(d.vendor, 0x8086);
	assert_int_equal(d.device, 0x154c);
	assert_int_equal(d.vf_index, 3);
	assert_int_equal(d.reset, VDEV_INVENTORY_UNKNOWN);
	look_end(&l);
}

static void other_dumps(void **state)
{
	static const struct {
		const char *name;
		uint32_t count;
	} dumps[] = {{"bridge", 3}, {"nvme", 1}, {"virtio", 3}, {"crlf", 3},
		     {"short", 2},  {"vmd", 2},  {"twice", 1},  {"long-lines", 1},
		     {"loops", 5},  {"many", 1}, {"dead", 2}};
	struct look l;
	char path[512];

	(void)state;
	for (size_t i = 0; i < VT_COUNT(dumps); i++) {
		look_begin(&l);
		snprintf(path, sizeof(path), DUMPS "%s.txt", dumps[i].name);
		if (look(&l, VDEV_INVENTORY_DUMP, path) || l.info.count != dumps[i].count)
			fail_msg("%s: %u devices: %s", path, l.info.count, l.v.log);
		assert_int_equal(l.v.log_lines, 0);
		look_end(&l);
	}
}

static void what_is_left_out_is_told(void **state)
{
	struct look l;

	(void)state;
	look_begin(&l);
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "comments.txt"), 0);
	assert_int_equal(l.info.count, 3);
	assert_non_null(strstr(l.v.log, "comments.txt:5: a device without hexadecimal lines"));
	look_end(&l);
}

static void a_hot_plug_slot(void **state)
{
	struct vdev_inventory_device d;
	struct look l;

	(void)state;
	look_begin(&l);
	assert_int_equal(look(&l, VDEV_INVENTORY_DUMP, DUMPS "bridge.txt"), 0);
	d = device(&l, 0);
	assert_int_equal(d.slot_caps, 0x0018005b);
	assert_int_equal(d.slot_control, 0x11c0);
	assert_int_equal(d.slot_status, 0x40);
	assert_int_equal(d.secondary_bus, 1);
	d = device(&l, 2);
	assert_int_equal(d.port_slot_caps, 0x0018005b);
	look_end(&l);
}

/* What dumps lack, trees have. */
static void a_captured_machine(void **state)
{
	struct vdev_host_config config = {.struct_size = sizeof(config), .sysfs_path = CAPTURE};
	struct vdev_inventory_device d;
	struct vdev_host *host = NULL;
	uint32_t vfs = 0, free_vfs = 0;
	struct look l;

	(void)state;
	look_begin(&l);
	assert_int_equal(look(&l, VDEV_INVENTORY_SYSFS, CAPTURE), 0);
	assert_true(l.info.kernel[0] != 0);
	for (uint32_t i = 0; i < l.info.count; i++) {
		d = device(&l, i);
		assert_int_not_equal(d.iommu_group, VDEV_INVENTORY_UNKNOWN);
		assert_int_not_equal(d.reset, VDEV_INVENTORY_UNKNOWN);
		if (d.flags & VDEV_INVENTORY_PF) {
			assert_int_equal(d.numa_node, 1);
			assert_int_equal(d.total_vfs, 4);
			assert_string_equal(d.driver, "nvme");
			assert_true(d.bars[0].size >= 4096 && d.vf_bars[0].size >= 4096);
		}
		if (!(d.flags & VDEV_INVENTORY_VF))
			continue;
		vfs++;
		free_vfs += d.bound == 0;
		assert_int_equal(d.vendor, 0x1b36);
		assert_int_equal(d.pf_bus, d.bus);
		assert_int_equal(d.numa_node, 1);
		assert_int_equal(d.port_slot_caps & 0x40, 0x40); /* a hot-plug slot */
		assert_true(d.bound == 0 || strcmp(d.driver, "vfio-pci") == 0);
		assert_true(d.bars[0].size >= 4096);
	}
	assert_int_equal(vfs, 4);
	assert_int_equal(free_vfs, 2);
	look_end(&l);
	assert_int_equal(vdev_host_new(&host, NULL, &config), 0);
	assert_int_equal(vdev_host_distance(host, 0, 1), 21);
	vdev_host_free(host);
}

static void this_machine(void **state)
{
	struct look l;
	int err;

	(void)state;
	look_begin(&l);
	err = look(&l, VDEV_INVENTORY_LIVE, NULL);
	if (err == -ENOENT)
		print_message("skip: this machine has no PCI bus\n");
	else
		assert_int_equal(err, 0);
	vdev_inventory_free(l.inventory);
	l.inventory = NULL;
	l.config.flags = VDEV_INVENTORY_ASK_VFIO;
	assert_int_equal(look(&l, VDEV_INVENTORY_LIVE, NULL), err);
	look_end(&l);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void a_capture_of_a_capture(void **state)
{
	char folder[] = "/tmp/vdev-capture.XXXXXX";
	struct vdev_inventory_device a, b;
	struct look l, again;

	(void)state;
	look_begin(&l);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(look(&l, VDEV_INVENTORY_SYSFS, CAPTURE), 0);
	assert_int_equal(vdev_inventory_capture(&l.v.env, &l.config, folder), 0);
	assert_int_equal(vdev_inventory_capture(&l.v.env, &l.config, folder), -EEXIST);
	look_begin(&again);
	assert_int_equal(look(&again, VDEV_INVENTORY_SYSFS, folder), 0);
	assert_memory_equal(&l.info, &again.info, sizeof(l.info));
	for (uint32_t i = 0; i < l.info.count; i++) {
		a = device(&l, i);
		b = device(&again, i);
		assert_memory_equal(&a, &b, sizeof(a));
	}
	look_end(&again);
	l.config.source = VDEV_INVENTORY_DUMP;
	assert_int_equal(vdev_inventory_capture(&l.v.env, &l.config, folder), -EINVAL);
	l.config.source = VDEV_INVENTORY_SYSFS;
	assert_int_equal(vdev_inventory_capture(&l.v.env, &l.config, "/proc/self/x"), -ENOENT);
	assert_int_equal(vdev_inventory_capture(&l.v.env, &l.config, ""), -EINVAL);
	assert_int_equal(vdev_inventory_capture(&l.v.env, &l.config, NULL), -EINVAL);
	look_end(&l);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void refused(uint32_t source, const char *path, int err, const char *word)
{
	struct look l;
	int got;

	look_begin(&l);
	got = look(&l, source, path);
	if (got != err || !strstr(l.v.log, word))
		fail_msg("%s: %d instead of %d, and \"%s\" in: %s", path, got, err, word, l.v.log);
	assert_null(l.inventory);
	look_end(&l);
}

static void what_cannot_be_read(void **state)
{
	(void)state;
	refused(VDEV_INVENTORY_DUMP, "/nonexistent", -ENOENT, "/nonexistent: No such file");
	refused(VDEV_INVENTORY_DUMP, "/tmp", -EISDIR, "a directory, expected a file");
	refused(VDEV_INVENTORY_DUMP, "/dev/zero", -EBADMSG, "not a plain file");
	refused(VDEV_INVENTORY_DUMP, "/proc/version", -EBADMSG, "no device so far");
	refused(VDEV_INVENTORY_SYSFS, "/nonexistent", -ENOENT, "/nonexistent/bus/pci/devices");
	refused(VDEV_INVENTORY_SYSFS, "/proc/version", -ENOTDIR, "expected a tree");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_with_vfs),          cmocka_unit_test(other_dumps),
		cmocka_unit_test(what_is_left_out_is_told), cmocka_unit_test(a_hot_plug_slot),
		cmocka_unit_test(a_captured_machine),       cmocka_unit_test(this_machine),
		cmocka_unit_test(a_capture_of_a_capture),   cmocka_unit_test(what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
