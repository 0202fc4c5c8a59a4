/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: handshake, features, FAILED, reset (R6, R10). */
#include "test_pvdev_rig.h"

/* Every sequence of three writes, against a model that is a table of what may follow. */
static uint32_t model_status(uint32_t status, uint32_t value)
{
	if (!value)
		return 0;
	if ((status & ~value) || (status & VDEV_GUEST_S_FAILED))
		return status;
	if (value & VDEV_GUEST_S_FAILED)
		return status | VDEV_GUEST_S_FAILED;
	status |= value & STATUS_DRIVER;
	if ((value & VDEV_GUEST_S_FEATURES_OK) && status == STATUS_DRIVER)
		status |= VDEV_GUEST_S_FEATURES_OK;
	if ((value & VDEV_GUEST_S_DRIVER_OK) && status == STATUS_FEATURES)
		status |= VDEV_GUEST_S_DRIVER_OK;
	return status;
}

static void bits_in_order(void **state)
{
	static const uint32_t values[] = {0, 1, 2,    3,    4,    5,     6,
					  7, 8, 0x80, 0x81, 0x87, 0x107, UINT32_MAX};
	const size_t n = VT_COUNT(values);
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	for (size_t i = 0; i < n * n * n; i++) {
		uint32_t sequence[] = {values[i / n / n], values[i / n % n], values[i % n]};
		uint32_t expected = 0;

		g.now += SECOND; /* each has its own quota */
		wr(&g, VDEV_GUEST_STATUS, 0);
		wr(&g, VDEV_GUEST_DRIVER_FEATURES, ALL_FEATURES);
		for (size_t k = 0; k < 3; k++) {
			uint64_t bad = rig_stats(&g).bad_access;

			/* A reset takes the features away too. */
			if (!sequence[k] && expected)
				break;
			wr(&g, VDEV_GUEST_STATUS, sequence[k]);
			if (!sequence[k])
				wr(&g, VDEV_GUEST_DRIVER_FEATURES, ALL_FEATURES);
			expected = model_status(expected, sequence[k]);
			assert_int_equal(rd(&g, VDEV_GUEST_STATUS), expected);
			assert_int_equal(rig_stats(&g).bad_access - bad, expected != sequence[k]);
		}
	}
	rig_end(&g);
}

static void features_must_fit(void **state)
{
	static const struct {
		uint32_t offered, wanted;
		int accepted;
	} cases[] = {
		{0, 0, 0}, /* none */
		{0, VDEV_GUEST_F_REMOVAL, 1},
		{0, ALL_FEATURES, 1},
		{0, VDEV_GUEST_F_PROGRESS, 0}, /* says something about removals */
		{0, ALL_FEATURES | 4, 0}, /* unknown */
		{0, UINT32_MAX, 0},
		{VDEV_GUEST_F_REMOVAL, VDEV_GUEST_F_REMOVAL, 1},
		{VDEV_GUEST_F_REMOVAL, ALL_FEATURES, 0}, /* known, not offered */
	};

	(void)state;
	for (size_t i = 0; i < VT_COUNT(cases); i++) {
		struct vdev_pvdev_config c = {.features = cases[i].offered};
		struct rig g;

		rig_begin(&g, &c);
		assert_int_equal(rd(&g, VDEV_GUEST_DEVICE_FEATURES),
				 cases[i].offered ? cases[i].offered : ALL_FEATURES);
		wr(&g, VDEV_GUEST_STATUS, STATUS_DRIVER);
		wr(&g, VDEV_GUEST_DRIVER_FEATURES, cases[i].wanted);
		wr(&g, VDEV_GUEST_STATUS, STATUS_FEATURES);
		assert_int_equal(rd(&g, VDEV_GUEST_STATUS),
				 cases[i].accepted ? STATUS_FEATURES : STATUS_DRIVER);
		/* A second try with something that fits; once accepted it is fixed. */
		wr(&g, VDEV_GUEST_DRIVER_FEATURES, VDEV_GUEST_F_REMOVAL);
		wr(&g, VDEV_GUEST_STATUS, STATUS_FEATURES);
		assert_int_equal(rd(&g, VDEV_GUEST_STATUS), STATUS_FEATURES);
		assert_int_equal(rd(&g, VDEV_GUEST_DRIVER_FEATURES),
				 cases[i].accepted ? cases[i].wanted : VDEV_GUEST_F_REMOVAL);
		rig_end(&g);
	}
}

static void log_cannot_be_flooded(void **state)
{
	const struct vdev_pvdev_config c = {.command_quota = 10};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	wr(&g, VDEV_GUEST_STATUS, STATUS_DRIVER);
	for (int i = 0; i < 1000; i++)
		wr(&g, VDEV_GUEST_STATUS, STATUS_FEATURES);
	assert_int_equal(g.v.log_lines, 10);
	assert_non_null(strstr(g.v.log, "features 0x0 refused: expected some of 0x3, with 0x1"));
	for (int i = 0; i < 1000; i++) {
		wr(&g, VDEV_GUEST_STATUS, VDEV_GUEST_S_FAILED);
		wr(&g, VDEV_GUEST_STATUS, 0);
	}
	assert_int_equal(g.v.log_lines, 10);
	rig_end(&g);
}

/* R6: a new handshake forgets what the driver before it declared. */
static void handshake_forgets_levels(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	vdev_removal_declare(g.removal, g.now, g.disk, VDEV_REMOVAL_GUEST, VDEV_REMOVAL_SAFE);
	rig_features(&g, ALL_FEATURES);
	assert_int_equal(rig_level(&g, g.disk), VDEV_REMOVAL_UNKNOWN);
	expect_event(&g, VDEV_GUEST_EVENT_REDECLARE, VDEV_GUEST_ALL); /* and asks again */
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, VDEV_GUEST_LEVEL_SAFE, 0), 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, NIC, VDEV_GUEST_LEVEL_SAFE, 0), 0);
	/* A reset alone does not, and the next handshake does. */
	wr(&g, VDEV_GUEST_STATUS, 0);
	assert_int_equal(rig_level(&g, g.disk), VDEV_REMOVAL_SAFE);
	rig_features(&g, VDEV_GUEST_F_REMOVAL);
	assert_int_equal(rig_level(&g, g.disk), VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(rig_level(&g, g.nic), VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(rig_stats(&g).handshakes, 2);
	rig_end(&g);
}

/* R10: not ready is known here: the request is kept and sent when the guest is ready. */
static void request_waits_for_the_driver(void **state)
{
	struct rig g;
	uint32_t cookie;

	(void)state;
	rig_begin(&g, NULL);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	assert_true(g.outcomes & 1u << VDEV_REMOVAL_GUEST_NOT_READY);
	rig_features(&g, ALL_FEATURES);
	assert_true(g.mask & VDEV_PVDEV_DISPATCH);
	while (rd(&g, VDEV_GUEST_EVENT) == VDEV_GUEST_EVENT_REDECLARE)
		wr(&g, VDEV_GUEST_EVENT_POP, 1);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	cookie = rd(&g, VDEV_GUEST_EVENT_COOKIE);
	assert_int_not_equal(cookie, 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, cookie), VDEV_GUEST_R_OK);
	assert_true(g.outcomes & 1u << VDEV_REMOVAL_REMOVED);
	rig_end(&g);
}

/* kexec in the middle of a request: the new kernel is asked again, with a new cookie. */
static void pending_request_comes_again(void **state)
{
	struct rig g;
	uint32_t cookie;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	cookie = rd(&g, VDEV_GUEST_EVENT_COOKIE);
	wr(&g, VDEV_GUEST_EVENT_POP, 1);
	rig_features(&g, ALL_FEATURES);
	while (rd(&g, VDEV_GUEST_EVENT) == VDEV_GUEST_EVENT_REDECLARE)
		wr(&g, VDEV_GUEST_EVENT_POP, 1);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	assert_int_not_equal(rd(&g, VDEV_GUEST_EVENT_COOKIE), cookie);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, cookie), VDEV_GUEST_R_STALE);
	cookie = rd(&g, VDEV_GUEST_EVENT_COOKIE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, cookie), VDEV_GUEST_R_OK);
	rig_end(&g);
}

static void check_cleared(struct rig *g)
{
	assert_int_equal(rd(g, VDEV_GUEST_DRIVER_FEATURES), 0);
	assert_int_equal(rd(g, VDEV_GUEST_IRQ_ENABLE), 0);
	assert_int_equal(rd(g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	assert_int_equal(rd(g, VDEV_GUEST_EVENT_ADDRESS), 0);
	assert_int_equal(rd(g, VDEV_GUEST_COMMAND_ADDRESS), 0);
	assert_int_equal(rd(g, VDEV_GUEST_COMMAND_ARGUMENT), 0);
	assert_int_equal(rd(g, VDEV_GUEST_COMMAND_COOKIE), 0);
	assert_int_equal(rd(g, VDEV_GUEST_RESULT), 0);
	assert_int_equal(vdev_pvdev_line(g->pvdev), 0);
}

static void fill_registers(struct rig *g)
{
	rig_ready(g);
	wr(g, VDEV_GUEST_IRQ_ENABLE, 1);
	assert_int_equal(cmd(g, VDEV_GUEST_CMD_DECLARE, NOWHERE, 1, 2), VDEV_GUEST_R_NO_DEVICE);
	assert_int_equal(rig_perform(g, VDEV_REMOVAL_REDECLARE, g->disk, 0), VDEV_PVDEV_RAISE);
	assert_int_equal(vdev_pvdev_line(g->pvdev), 1);
}

static void reset_by_the_guest(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	fill_registers(&g);
	assert_true(wr(&g, VDEV_GUEST_STATUS, 0) & VDEV_PVDEV_RESET);
	assert_int_equal(rd(&g, VDEV_GUEST_STATUS), 0);
	check_cleared(&g);
	assert_int_equal(wr(&g, VDEV_GUEST_STATUS, 0), VDEV_PVDEV_RESET);
	rig_end(&g);
}

static void reset_of_the_vm(void **state)
{
	struct rig g;
	uint64_t events;

	(void)state;
	rig_begin(&g, NULL);
	assert_int_equal(vdev_pvdev_reset(g.pvdev, g.now), 0);
	fill_registers(&g);
	events = rig_stats(&g).events;
	assert_true(vdev_pvdev_reset(g.pvdev, g.now) >= 0);
	assert_int_equal(rd(&g, VDEV_GUEST_STATUS), 0);
	check_cleared(&g);
	assert_int_equal(rig_stats(&g).events, events); /* counters stay */
	rig_ready(&g);
	rig_end(&g);
}

static void failed_driver(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	fill_registers(&g);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	wr(&g, VDEV_GUEST_STATUS, STATUS_READY | VDEV_GUEST_S_FAILED);
	assert_int_equal(rd(&g, VDEV_GUEST_STATUS), STATUS_READY | VDEV_GUEST_S_FAILED);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, 0), VDEV_GUEST_R_NOT_READY);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_REDECLARE, g.disk, 0), -EAGAIN);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 1), -EAGAIN);
	assert_non_null(strstr(g.v.log, "gave up"));
	rig_ready(&g);
	rig_end(&g);
}

/* A handshake visits every unit, so it costs more than a command. */
static void handshakes_have_a_quota(void **state)
{
	const struct vdev_pvdev_config c = {.command_quota = 160};
	struct rig g;
	int i;

	(void)state;
	rig_begin(&g, &c);
	for (i = 0; i < 100; i++) {
		rig_features(&g, ALL_FEATURES);
		if (rd(&g, VDEV_GUEST_STATUS) != STATUS_READY)
			break;
	}
	assert_int_equal(i, 16);
	assert_int_equal(rd(&g, VDEV_GUEST_STATUS), STATUS_FEATURES);
	assert_int_equal(rig_stats(&g).handshakes, 16);
	assert_int_equal(rig_stats(&g).over_quota, 1);
	/* Later it is the same write that succeeds. */
	g.now += SECOND;
	wr(&g, VDEV_GUEST_STATUS, STATUS_READY);
	assert_int_equal(rd(&g, VDEV_GUEST_STATUS), STATUS_READY);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_in_order),
		cmocka_unit_test(features_must_fit),
		cmocka_unit_test(log_cannot_be_flooded),
		cmocka_unit_test(handshake_forgets_levels),
		cmocka_unit_test(request_waits_for_the_driver),
		cmocka_unit_test(pending_request_comes_again),
		cmocka_unit_test(reset_by_the_guest),
		cmocka_unit_test(reset_of_the_vm),
		cmocka_unit_test(failed_driver),
		cmocka_unit_test(handshakes_have_a_quota),
	};

	return cmocka_run_group_tests_name("pvdev_handshake", tests, NULL, NULL);
}
