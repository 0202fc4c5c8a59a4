/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: configuration, registers, widths and offsets. */
#include "test_pvdev_rig.h"

static void config_values(void **state)
{
	static const struct {
		struct vdev_pvdev_config config;
		int result;
	} cases[] = {
		{{0}, 0},
		{{.features = VDEV_GUEST_F_REMOVAL}, 0},
		{{.features = ALL_FEATURES}, 0},
		{{.features = VDEV_GUEST_F_PROGRESS}, -EINVAL},
		{{.features = 0x8 | VDEV_GUEST_F_REMOVAL}, -EINVAL},
		{{.features = VDEV_GUEST_F_MESSAGES | VDEV_GUEST_F_REMOVAL},
		 -EINVAL}, /* no queue */
		{{.features = VDEV_GUEST_F_MESSAGES, .queues = 1}, -EINVAL}, /* needs REMOVAL */
		{{.features = ALL_FEATURES, .queues = 1}, -EINVAL}, /* queues without MESSAGES */
		{{.features = VDEV_GUEST_F_MESSAGES | VDEV_GUEST_F_REMOVAL, .queues = 1}, 0},
		{{.queues = VDEV_GUEST_QUEUES}, 0},
		{{.queues = VDEV_GUEST_QUEUES + 1u}, -EINVAL},
		{{.queues = 1, .queue_size = 2}, 0},
		{{.queues = 1, .queue_size = VDEV_GUEST_QUEUE_MOST}, 0},
		{{.queues = 1, .queue_size = 1}, -EINVAL},
		{{.queues = 1, .queue_size = 24}, -EINVAL},
		{{.queues = 1, .queue_size = VDEV_GUEST_QUEUE_MOST * 2u}, -EINVAL},
		{{.queue_size = 3}, -EINVAL},
		{{.max_events = 1}, 0},
		{{.max_events = 65536}, 0},
		{{.max_events = 65537}, -EINVAL},
		{{.command_quota = 1}, 0},
		{{.quota_period_ns = UINT64_MAX}, 0},
		{{.reserved = 1}, -EINVAL},
	};
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	for (size_t i = 0; i < VT_COUNT(cases); i++) {
		struct vdev_pvdev_config c = cases[i].config;
		struct vdev_pvdev *p = NULL;

		c.struct_size = sizeof(c);
		c.removal = g.removal;
		assert_int_equal(vdev_pvdev_new(&p, NULL, &c), cases[i].result);
		assert_true((p != NULL) == (cases[i].result == 0));
		vdev_pvdev_free(p);
	}
	rig_end(&g);
}

static void config_from_older_and_newer(void **state)
{
	struct {
		struct vdev_pvdev_config c;
		uint64_t newer;
	} big = {.newer = 0};
	struct vdev_pvdev *p = NULL;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	big.c.struct_size = sizeof(big);
	big.c.removal = g.removal;
	assert_int_equal(vdev_pvdev_new(&p, NULL, &big.c), 0);
	vdev_pvdev_free(p);
	p = NULL;
	big.newer = 1;
	assert_int_equal(vdev_pvdev_new(&p, NULL, &big.c), -E2BIG);
	big.c.struct_size = sizeof(big.c) - 8;
	assert_int_equal(vdev_pvdev_new(&p, NULL, &big.c), -EINVAL);
	assert_null(p);
	rig_end(&g);
}

static void null_is_refused(void **state)
{
	struct vdev_pvdev_config c = {.struct_size = sizeof(c)};
	struct vdev_pvdev_stats s;
	struct vdev_action a = {.kind = VDEV_REMOVAL_WARN};
	struct vdev_env env = {.struct_size = 1};
	struct vdev_pvdev *p = NULL;
	uint8_t b[8] = {0};
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	assert_int_equal(vdev_pvdev_new(&p, NULL, &c), -EINVAL); /* no engine */
	assert_int_equal(vdev_pvdev_new(&p, NULL, NULL), -EINVAL);
	assert_int_equal(vdev_pvdev_new(NULL, NULL, &g.config), -EINVAL);
	assert_int_equal(vdev_pvdev_new(&p, &env, &g.config), -EINVAL);
	assert_null(p);
	assert_int_equal(vdev_pvdev_read(NULL, 0, 0, b, 4), -EINVAL);
	assert_int_equal(vdev_pvdev_read(g.pvdev, 0, 0, NULL, 4), -EINVAL);
	assert_int_equal(vdev_pvdev_write(NULL, 0, 0, b, 4), -EINVAL);
	assert_int_equal(vdev_pvdev_write(g.pvdev, 0, 0, NULL, 4), -EINVAL);
	assert_int_equal(vdev_pvdev_perform(NULL, 0, &a), -EINVAL);
	assert_int_equal(vdev_pvdev_perform(g.pvdev, 0, NULL), -EINVAL);
	assert_int_equal(vdev_pvdev_line(NULL), -EINVAL);
	assert_int_equal(vdev_pvdev_reset(NULL, 0), -EINVAL);
	assert_int_equal(vdev_pvdev_stats(NULL, &s, sizeof(s)), -EINVAL);
	assert_int_equal(vdev_pvdev_stats(g.pvdev, NULL, sizeof(s)), -EINVAL);
	assert_int_equal(vdev_pvdev_stats(g.pvdev, &s, 0), -EINVAL);
	vdev_pvdev_free(NULL);
	rig_end(&g);
}

/* What a guest finds after power-on, register by register. */
static void registers_after_power_on(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	for (uint32_t reg = 0; reg < VDEV_GUEST_BAR_SIZE; reg += 4) {
		uint32_t expected = 0;

		if (reg == VDEV_GUEST_MAGIC)
			expected = VDEV_GUEST_MAGIC_VALUE;
		else if (reg == VDEV_GUEST_VERSION)
			expected = VDEV_GUEST_VERSION_1;
		else if (reg == VDEV_GUEST_DEVICE_FEATURES)
			expected = ALL_FEATURES;
		assert_int_equal(rd(&g, reg), expected);
	}
	assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
	rig_end(&g);
}

/* Which registers keep what is written. Everything else stays as it was. */
static void which_registers_keep_a_write(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	for (uint32_t reg = 0; reg < VDEV_GUEST_BAR_SIZE; reg += 4) {
		uint32_t expected = rd(&g, reg), counted = 1;
		uint64_t bad = rig_stats(&g).bad_access;

		switch (reg) {
		case VDEV_GUEST_DRIVER_FEATURES:
		case VDEV_GUEST_COMMAND_ADDRESS:
		case VDEV_GUEST_COMMAND_ARGUMENT:
		case VDEV_GUEST_COMMAND_COOKIE:
			expected = 0xa5a5a5a5;
			counted = 0;
			break;
		case VDEV_GUEST_IRQ_ENABLE:
			expected = 1;
			counted = 0;
			break;
		case VDEV_GUEST_EVENT_POP:
		case VDEV_GUEST_EVENT_LOST:
		case VDEV_GUEST_COMMAND:
			counted = 0;
			break;
		case VDEV_GUEST_RESULT:
			expected = VDEV_GUEST_R_NOT_READY; /* of the COMMAND just before */
			break;
		case VDEV_GUEST_STATUS: /* unknown bits, DRIVER and FAILED: the last wins */
			expected = VDEV_GUEST_S_FAILED;
			break;
		}
		wr(&g, reg, 0xa5a5a5a5);
		assert_int_equal(rig_stats(&g).bad_access - bad, counted);
		assert_int_equal(rd(&g, reg), expected);
	}
	rig_end(&g);
}

static void reads_of_any_width(void **state)
{
	static const struct {
		uint64_t offset;
		size_t length;
		uint64_t value;
		uint32_t bad;
	} cases[] = {
		{0, 1, 0x56, 0}, /* "VDEV" in memory */
		{1, 1, 0x44, 0},
		{2, 1, 0x45, 0},
		{3, 1, 0x56, 0},
		{0, 2, 0x4456, 0},
		{2, 2, 0x5645, 0},
		{1, 2, 0x4544, 1}, /* straddles */
		{3, 2, 0x0156, 1},
		{0, 4, 0x56454456, 0},
		{2, 4, 0x00015645, 1},
		{0, 8, 0x156454456, 0},
		{4, 8, 0x300000001, 0},
		{1, 8, 0x0300000001564544, 1},
		{0, 3, 0x454456, 1},
		{0, 5, 0x0156454456, 1},
		{0, 6, 0x0156454456, 1},
		{0, 7, 0x0156454456, 1},
		{0x01c, 4, 0, 1}, /* reserved */
		{0x018, 8, 0, 1}, /* half of it reserved */
		{0xffc, 4, 0, 1},
		{0xfff, 1, 0, 1},
		{0xfff, 2, 0xff00, 1}, /* the second byte is past the BAR */
		{0xffc, 8, 0xffffffff00000000ull, 1},
		{0x1000, 1, 0xff, 1},
		{0x1000, 4, 0xffffffff, 1},
		{0x1000, 8, UINT64_MAX, 1},
		{UINT64_MAX, 1, 0xff, 1},
		{UINT64_MAX - 3, 8, UINT64_MAX, 1}, /* wraps */
		{1ull << 32, 4, 0xffffffff, 1}, /* MAGIC after truncation to 32 bits */
	};
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	for (size_t i = 0; i < VT_COUNT(cases); i++) {
		uint64_t bad = rig_stats(&g).bad_access;

		assert_int_equal(rig_read(&g, cases[i].offset, cases[i].length), cases[i].value);
		assert_int_equal(rig_stats(&g).bad_access - bad, cases[i].bad);
	}
	rig_end(&g);
}

static void length_is_1_to_8(void **state)
{
	uint8_t b[16];
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	memset(b, 0x77, sizeof(b));
	assert_int_equal(vdev_pvdev_read(g.pvdev, 0, 0, b, 0), -EINVAL);
	assert_int_equal(vdev_pvdev_read(g.pvdev, 0, 0, b, 9), -EINVAL);
	assert_int_equal(vdev_pvdev_read(g.pvdev, 0, 0, b, SIZE_MAX), -EINVAL);
	assert_int_equal(vdev_pvdev_write(g.pvdev, 0, 0, b, 0), -EINVAL);
	assert_int_equal(vdev_pvdev_write(g.pvdev, 0, 0, b, 9), -EINVAL);
	assert_int_equal(b[0], 0x77);
	/* No byte beyond the length is touched. */
	assert_int_equal(vdev_pvdev_read(g.pvdev, 0, 0, b, 3), 0);
	assert_int_equal(b[2], 0x45);
	assert_int_equal(b[3], 0x77);
	rig_end(&g);
}

/* Only 4 aligned bytes, or 8 aligned to 4, write. */
static void writes_of_4_or_8_bytes(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	for (size_t length = 1; length <= 8; length++) {
		for (uint32_t offset = 0; offset < 8; offset++) {
			int takes = (length == 4 || length == 8) && offset % 4 == 0;
			uint64_t bad = rig_stats(&g).bad_access;

			rig_write(&g, VDEV_GUEST_COMMAND_ADDRESS, 0, 8);
			rig_write(&g, VDEV_GUEST_COMMAND_COOKIE, 0, 4);
			rig_write(&g, VDEV_GUEST_COMMAND_ADDRESS + offset, UINT64_MAX, length);
			assert_int_equal(rig_stats(&g).bad_access - bad, !takes);
			assert_int_equal(rd(&g, VDEV_GUEST_COMMAND_ADDRESS),
					 takes && offset == 0 ? UINT32_MAX : 0);
			assert_int_equal(rd(&g, VDEV_GUEST_COMMAND_ARGUMENT),
					 takes && (offset == 4 || length == 8) ? UINT32_MAX : 0);
			assert_int_equal(rd(&g, VDEV_GUEST_COMMAND_COOKIE),
					 takes && offset == 4 && length == 8 ? UINT32_MAX : 0);
		}
	}
	rig_end(&g);
}

/* 8 bytes: the lower register first, so that a command can carry its cookie. */
static void eight_bytes_write_the_lower_first(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	rig_write(&g, VDEV_GUEST_COMMAND_ADDRESS, (uint64_t)VDEV_GUEST_LEVEL_SAFE << 32 | DISK, 8);
	rig_write(&g, VDEV_GUEST_COMMAND_COOKIE, (uint64_t)VDEV_GUEST_CMD_DECLARE << 32, 8);
	assert_int_equal(rd(&g, VDEV_GUEST_RESULT), VDEV_GUEST_R_OK);
	assert_int_equal(rig_level(&g, g.disk), VDEV_REMOVAL_SAFE);
	/* The last register, and what is beyond. */
	assert_int_equal(rig_write(&g, 0xffc, UINT64_MAX, 8), 0);
	assert_int_equal(rig_write(&g, 0x1000, 0, 8), 0);
	assert_int_equal(rig_write(&g, UINT64_MAX - 3, 0, 8), 0);
	assert_int_equal(rig_write(&g, (1ull << 32) + VDEV_GUEST_STATUS, 0, 4), 0);
	assert_int_equal(rig_write(&g, (1ull << 32) + VDEV_GUEST_COMMAND_ADDRESS, 0, 4), 0);
	assert_int_equal(rd(&g, VDEV_GUEST_STATUS), STATUS_READY);
	assert_int_equal(rd(&g, VDEV_GUEST_COMMAND_ADDRESS), DISK);
	assert_int_equal(rig_stats(&g).bad_access, 5);
	rig_end(&g);
}

static void accesses_are_counted(void **state)
{
	struct vdev_pvdev_stats s;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rd(&g, VDEV_GUEST_MAGIC);
	wr(&g, VDEV_GUEST_IRQ_ENABLE, 1);
	wr(&g, VDEV_GUEST_MAGIC, 1);
	s = rig_stats(&g);
	assert_int_equal(s.reads, 1);
	assert_int_equal(s.writes, 2);
	assert_int_equal(s.bad_access, 1);
	/* An older caller's smaller struct. */
	memset(&s, 0x55, sizeof(s));
	assert_int_equal(vdev_pvdev_stats(g.pvdev, &s, 8), 0);
	assert_int_equal(s.reads, 1);
	assert_int_equal(s.writes, 0x5555555555555555);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_values),
		cmocka_unit_test(config_from_older_and_newer),
		cmocka_unit_test(null_is_refused),
		cmocka_unit_test(registers_after_power_on),
		cmocka_unit_test(which_registers_keep_a_write),
		cmocka_unit_test(reads_of_any_width),
		cmocka_unit_test(length_is_1_to_8),
		cmocka_unit_test(writes_of_4_or_8_bytes),
		cmocka_unit_test(eight_bytes_write_the_lower_first),
		cmocka_unit_test(accesses_are_counted),
	};

	return cmocka_run_group_tests_name("pvdev_registers", tests, NULL, NULL);
}
