/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventory (M12): files of sysfs, and answers of devlink and VFIO as the kernel gave them. */
#include "vt_test.h"

#include <errno.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/inventory.h>

#include "reader.h"
#include "vfioanswer.h"

#define RES(a, b, c) "0x" a " 0x" b " 0x" c "\n"
#define NO_RES RES("0", "0", "0")

static void resources(void **state)
{
	static const char seven[] = RES("d0000000", "d07fffff", "14220c")
		NO_RES RES("c000", "c01f", "40101") NO_RES NO_RES NO_RES RES("0", "7ffff", "46200");
	static const char iov[] = RES("d1000000", "d13fffff", "14220c");
	struct wire_device w;
	char text[4096];

	(void)state;
	device_unknown(&w);
	assert_true(resource_parse(seven, &w));
	assert_true(w.bar_size[0] == 0x800000 && w.bar_size[1] == 0 && w.bar_size[2] == 32);
	assert_int_equal(w.bar_flags[0],
			 VDEV_INVENTORY_MEMORY | VDEV_INVENTORY_64BIT | VDEV_INVENTORY_PREFETCH);
	assert_int_equal(w.bar_flags[2], VDEV_INVENTORY_IO);
	assert_true(w.bar_size[6] == 0x80000 && w.bar_size[7] == UINT64_MAX);
	snprintf(text, sizeof(text), "%s%s%s", seven, iov, NO_RES NO_RES NO_RES NO_RES NO_RES);
	assert_true(resource_parse(text, &w) && w.bar_size[7] == 0x400000);
	/* A bridge's windows are no BARs of VFs. */
	strcat(text, iov);
	device_unknown(&w);
	assert_true(resource_parse(text, &w) && w.bar_size[7] == UINT64_MAX);
	for (int i = 0; i < 64; i++)
		strcat(text, NO_RES);
	assert_false(resource_parse(text, &w));
}

static void damaged_resources(void **state)
{
	static const char *const wrong[] = {"",
					    "\n",
					    NO_RES,
					    "0x0 0x0\n",
					    "0 0 0\n",
					    "0x 0x0 0x0\n",
					    "0x0 0x0 0x0",
					    "0x0  0x0 0x0\n",
					    RES("5", "4", "200")
						    NO_RES NO_RES NO_RES NO_RES NO_RES NO_RES};
	struct wire_device w;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(wrong); i++)
		assert_false(resource_parse(wrong[i], &w));
}

static void resets_and_power(void **state)
{
	(void)state;
	assert_int_equal(reset_parse(""), 0);
	assert_int_equal(reset_parse("flr bus"),
			 VDEV_INVENTORY_RESET_FLR | VDEV_INVENTORY_RESET_BUS);
	assert_int_equal(reset_parse("pm device_specific acpi af_flr cxl_bus"), 0x76);
	assert_int_equal(reset_parse("flrx"), VDEV_INVENTORY_RESET_SOME); /* of a newer kernel */
	assert_int_equal(power_parse("D0"), 0);
	assert_int_equal(power_parse("D3cold"), 4);
	assert_int_equal(power_parse("unknown"), WIRE_UNKNOWN);
}

/* A message as the kernel writes it. */
struct recorded {
	uint8_t bytes[1024];
	size_t size, nest;
};

static void attr(struct recorded *r, uint16_t type, const void *data, size_t size)
{
	struct nlattr a = {(uint16_t)(sizeof(a) + size), type};

	memcpy(r->bytes + r->size, &a, sizeof(a));
	if (size)
		memcpy(r->bytes + r->size + sizeof(a), data, size);
	r->size += NLA_ALIGN(sizeof(a) + size);
}

static void text_attr(struct recorded *r, uint16_t type, const char *text)
{
	attr(r, type, text, strlen(text) + 1);
}

static void version(struct recorded *r, uint16_t type, const char *name, const char *value)
{
	size_t start = r->size;
	struct nlattr a;

	attr(r, type | NLA_F_NESTED, NULL, 0);
	text_attr(r, DEVLINK_ATTR_INFO_VERSION_NAME, name);
	text_attr(r, DEVLINK_ATTR_INFO_VERSION_VALUE, value);
	a.nla_len = (uint16_t)(r->size - start);
	a.nla_type = type | NLA_F_NESTED;
	memcpy(r->bytes + start, &a, sizeof(a));
}

/* Of an mlx5 card, with what is in flash and waits for the next start. */
static void record(struct recorded *r)
{
	struct nlmsghdr h = {0, 0x15, NLM_F_MULTI, 2, 1};
	struct genlmsghdr g = {DEVLINK_CMD_INFO_GET, 1, 0};

	memset(r, 0, sizeof(*r));
	r->size = NLMSG_HDRLEN;
	memcpy(r->bytes + r->size, &g, sizeof(g));
	r->size += GENL_HDRLEN;
	text_attr(r, DEVLINK_ATTR_BUS_NAME, "pci");
	text_attr(r, DEVLINK_ATTR_DEV_NAME, "0000:3b:00.0");
	text_attr(r, DEVLINK_ATTR_INFO_DRIVER_NAME, "mlx5_core");
	version(r, DEVLINK_ATTR_INFO_VERSION_FIXED, "fw.psid", "MT_0000000359");
	version(r, DEVLINK_ATTR_INFO_VERSION_RUNNING, "fw", "16.35.2000");
	version(r, DEVLINK_ATTR_INFO_VERSION_STORED, "fw", "16.99.9999");
	h.nlmsg_len = (uint32_t)r->size;
	memcpy(r->bytes, &h, sizeof(h));
}

static void devlink_versions(void **state)
{
	struct devlink list = {0};
	struct wire_device w;
	struct recorded r;

	(void)state;
	record(&r);
	assert_true(devlink_parse(&list, r.bytes, r.size));
	assert_int_equal(list.count, 1);
	device_unknown(&w);
	w.address = 0x3b00;
	devlink_give(&list, &w);
	assert_int_equal(w.version_count, 2);
	assert_string_equal(w.versions[0].value, "MT_0000000359");
	assert_string_equal(w.versions[1].name, "fw");
	assert_string_equal(w.versions[1].value, "16.35.2000"); /* never the stored one */
	device_unknown(&w);
	devlink_give(&list, &w);
	assert_int_equal(w.version_count, 0);
	devlink_free(&list);
}

static void damaged_devlink(void **state)
{
	struct devlink list = {0};
	struct recorded r;
	uint16_t wrong = 0xffff;

	(void)state;
	record(&r);
	assert_true(devlink_parse(&list, r.bytes, 0));
	for (size_t size = 1; size < r.size; size++) {
		uint8_t *cut = malloc(size);

		assert_non_null(cut);
		memcpy(cut, r.bytes, size);
		assert_false(devlink_parse(&list, cut, size));
		free(cut);
	}
	memcpy(r.bytes + NLMSG_HDRLEN + GENL_HDRLEN, &wrong, sizeof(wrong)); /* a length */
	assert_false(devlink_parse(&list, r.bytes, r.size));
	wrong = 3;
	memcpy(r.bytes + NLMSG_HDRLEN + GENL_HDRLEN, &wrong, sizeof(wrong));
	assert_false(devlink_parse(&list, r.bytes, r.size));
	devlink_free(&list);
}

static void devlink_of_many_versions(void **state)
{
	struct devlink list = {0};
	struct wire_device w;
	struct nlmsghdr h;
	struct recorded r;

	(void)state;
	record(&r);
	for (int i = 0; i < 20; i++)
		version(&r, DEVLINK_ATTR_INFO_VERSION_RUNNING, "fw.x", "1");
	memcpy(&h, r.bytes, sizeof(h));
	h.nlmsg_len = (uint32_t)r.size;
	memcpy(r.bytes, &h, sizeof(h));
	for (int i = 0; i < 20; i++)
		assert_true(devlink_parse(&list, r.bytes, r.size));
	device_unknown(&w);
	w.address = 0x3b00;
	devlink_give(&list, &w);
	assert_int_equal(w.version_count, WIRE_VERSIONS);
	assert_int_equal(w.flags, WIRE_MORE_VERSIONS);
	devlink_free(&list);
}

static void vfio_answers(void **state)
{
	/* As Linux 6.1 answered for an mlx5 VF: STOP_COPY and P2P. */
	const struct vfio_answer real = {16, 0x10001, 3, VFIO_ASKED | VFIO_LOGGING, 0};
	struct vfio_answer a = real;
	struct wire_device w;

	(void)state;
	device_unknown(&w);
	assert_true(vfio_parse((const uint8_t *)&a, sizeof(a), &w));
	assert_int_equal(w.vfio_flags, 3);
	assert_int_equal(w.dma_logging, 1);
	assert_int_equal(w.vfio_open, 0);
	a = (struct vfio_answer){0, 1, 0, VFIO_OPEN, 0}; /* a VM has it: nothing was asked */
	device_unknown(&w);
	assert_true(vfio_parse((const uint8_t *)&a, sizeof(a), &w));
	assert_int_equal(w.vfio_flags, WIRE_UNKNOWN);
	assert_int_equal(w.vfio_open, 1);
	assert_false(vfio_parse((const uint8_t *)&a, sizeof(a) - 1, &w));
	a = real;
	a.flags = 2;
	assert_false(vfio_parse((const uint8_t *)&a, sizeof(a), &w));
	a = real;
	a.migration = 0x10000;
	assert_false(vfio_parse((const uint8_t *)&a, sizeof(a), &w));
	a = real;
	a.state = 8;
	assert_false(vfio_parse((const uint8_t *)&a, sizeof(a), &w));
	a = real;
	a.reserved = 1;
	assert_false(vfio_parse((const uint8_t *)&a, sizeof(a), &w));
}

/* Whether a process has the device is known from EBUSY and from success alone. */
static void vfio_nodes(void **state)
{
	static const int unknown[] = {EACCES, EPERM, ENOENT, EMFILE, ENFILE, ENODEV, ENXIO};
	struct vfio_answer a = {0, 1, 0, 0, 0};
	struct wire_device w;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(unknown); i++)
		assert_false(vfio_opened(unknown[i], &a));
	device_unknown(&w);
	assert_int_equal(w.vfio_open, WIRE_UNKNOWN); /* what it stays without an answer */
	assert_true(vfio_opened(0, &a));
	assert_true(vfio_parse((const uint8_t *)&a, sizeof(a), &w));
	assert_int_equal(w.vfio_open, 0);
	assert_true(vfio_opened(EBUSY, &a));
	assert_true(vfio_parse((const uint8_t *)&a, sizeof(a), &w));
	assert_int_equal(w.vfio_open, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resources),        cmocka_unit_test(damaged_resources),
		cmocka_unit_test(resets_and_power), cmocka_unit_test(devlink_versions),
		cmocka_unit_test(damaged_devlink),  cmocka_unit_test(devlink_of_many_versions),
		cmocka_unit_test(vfio_answers),     cmocka_unit_test(vfio_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
