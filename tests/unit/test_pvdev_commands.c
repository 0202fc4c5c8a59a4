/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: commands, cookies, results, quota (R1, R10, R16). */
#include "test_pvdev_rig.h"

static void before_the_handshake(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	for (uint32_t c = 0; c < 10; c++)
		assert_int_equal(cmd(&g, c, DISK, 1, 0), VDEV_GUEST_R_NOT_READY);
	wr(&g, VDEV_GUEST_STATUS, STATUS_DRIVER);
	wr(&g, VDEV_GUEST_DRIVER_FEATURES, ALL_FEATURES);
	wr(&g, VDEV_GUEST_STATUS, STATUS_FEATURES);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, 1, 0), VDEV_GUEST_R_NOT_READY);
	assert_int_equal(rig_level(&g, g.disk), VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(rig_stats(&g).commands, 11);
	assert_int_equal(rig_stats(&g).bad_commands, 11);
	rig_end(&g);
}

static void unknown_commands(void **state)
{
	static const uint32_t numbers[] = {0, 7, 8, 0x80000000, UINT32_MAX};
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	for (size_t i = 0; i < VT_COUNT(numbers); i++)
		assert_int_equal(cmd(&g, numbers[i], DISK, 1, 0), VDEV_GUEST_R_BAD_COMMAND);
	rig_end(&g);
}

/* A command whose feature was not negotiated does not exist. */
static void progress_needs_its_feature(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_features(&g, VDEV_GUEST_F_REMOVAL);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_PROGRESS, DISK, 0, 0), VDEV_GUEST_R_BAD_COMMAND);
	assert_false(g.outcomes & 1u << VDEV_REMOVAL_BUSY);
	rig_end(&g);
}

static void every_command_needs_a_device(void **state)
{
	struct rig g;
	uint64_t queued, slot;
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = VDEV_REMOVAL_PCI_SLOT,
				      .transport = VDEV_REMOVAL_PVDEV};

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	/* Its slot is being emptied, so it waits and the guest cannot know it. */
	assert_true(vdev_removal_add(g.removal, g.now, &u, &slot) >= 0);
	u.unit_class = VDEV_REMOVAL_PCI_FUNCTION;
	u.parent = slot;
	assert_true(vdev_removal_add(g.removal, g.now, &u, &queued) >= 0);
	vdev_removal_set_address(g.removal, slot, 0x401);
	rig_request(&g, slot, VDEV_REMOVAL_ACK_FAIL, 0);
	u.flags = VDEV_REMOVAL_HOTPLUG;
	assert_true(vdev_removal_add(g.removal, g.now, &u, &queued) >= 0);
	vdev_removal_set_address(g.removal, queued, 0x400);
	/* An address that has the same lower half. */
	vdev_removal_set_address(g.removal, g.mute, FAR | NOWHERE);
	for (uint32_t c = VDEV_GUEST_CMD_DECLARE; c <= VDEV_GUEST_CMD_UNBOUND; c++) {
		assert_int_equal(cmd(&g, c, NOWHERE, 1, 0), VDEV_GUEST_R_NO_DEVICE);
		assert_int_equal(cmd(&g, c, 0x400, 1, 0), VDEV_GUEST_R_NO_DEVICE);
		assert_int_equal(cmd(&g, c, VDEV_GUEST_ALL, 1, 0), VDEV_GUEST_R_NO_DEVICE);
	}
	/* Even if the VMM uses that number: it stands for all. */
	vdev_removal_set_address(g.removal, g.mute, VDEV_GUEST_ALL);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, VDEV_GUEST_ALL, 1, 0),
			 VDEV_GUEST_R_NO_DEVICE);
	rig_end(&g);
}

/* R1: 0..3 are the guest's, 16..31 the VMM's own. For units of every transport. */
static void declare_levels(void **state)
{
	static const uint32_t bad[] = {4, 15, 16, 31, 32, UINT32_MAX};
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	for (uint32_t level = 0; level <= VDEV_GUEST_LEVEL_SAFE; level++) {
		/* The cookie does not matter. */
		assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, level, level), 0);
		assert_int_equal(rig_level(&g, g.disk), level);
		assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, NIC, level, 0), 0);
		assert_int_equal(rig_level(&g, g.nic), level);
	}
	for (size_t i = 0; i < VT_COUNT(bad); i++)
		assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, bad[i], 0),
				 VDEV_GUEST_R_BAD_ARGUMENT);
	assert_int_equal(rig_level(&g, g.disk), VDEV_REMOVAL_SAFE);
	rig_end(&g);
}

static void unbound_forgets_the_level(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, VDEV_GUEST_LEVEL_SAFE, 0);
	cmd(&g, VDEV_GUEST_CMD_DECLARE, NIC, VDEV_GUEST_LEVEL_SAFE, 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_UNBOUND, DISK, 0, 0), VDEV_GUEST_R_OK);
	assert_int_equal(rig_level(&g, g.disk), VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(rig_level(&g, g.nic), VDEV_REMOVAL_SAFE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_UNBOUND, NIC, 0, 0), VDEV_GUEST_R_OK);
	assert_int_equal(rig_level(&g, g.nic), VDEV_REMOVAL_UNKNOWN);
	rig_end(&g);
}

/* Asks for the disk and returns the cookie that the guest read. */
static uint32_t asked(struct rig *g, uint32_t policy, uint32_t retries)
{
	uint32_t cookie;

	rig_request(g, g->disk, policy, retries);
	expect_event(g, VDEV_GUEST_EVENT_EJECT, DISK);
	cookie = rd(g, VDEV_GUEST_EVENT_COOKIE);
	assert_int_not_equal(cookie, 0);
	wr(g, VDEV_GUEST_EVENT_POP, 1);
	return cookie;
}

static void ack_removes(void **state)
{
	struct rig g;
	uint32_t cookie;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	cookie = asked(&g, VDEV_REMOVAL_ACK_FAIL, 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, cookie + 1), VDEV_GUEST_R_STALE);
	assert_int_equal(g.hides, 0);
	g.mask = 0;
	g.hold = 1;
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, cookie), VDEV_GUEST_R_OK);
	assert_int_equal(g.mask, VDEV_PVDEV_DISPATCH);
	/* A second one, before and after the VMM acts. */
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, cookie), VDEV_GUEST_R_STALE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, 0), VDEV_GUEST_R_STALE);
	rig_pump(&g);
	assert_int_equal(g.hides, 1);
	assert_true(g.outcomes & 1u << VDEV_REMOVAL_REMOVED);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, cookie), VDEV_GUEST_R_NO_DEVICE);
	rig_end(&g);
}

/* Cookie 0: whatever is asked for there, even if it was not read from the queue yet. */
static void ack_without_cookie(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, 0), VDEV_GUEST_R_STALE);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, 0), VDEV_GUEST_R_OK);
	assert_true(g.outcomes & 1u << VDEV_REMOVAL_REMOVED);
	/* The head may be half read, so it stays, and leads nowhere. */
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	wr(&g, VDEV_GUEST_EVENT_POP, 1);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	rig_end(&g);
}

static void refuse_with_every_reason(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	for (uint32_t reason = 1; reason <= VDEV_GUEST_REASON_DEPENDENCY; reason++) {
		uint32_t cookie = asked(&g, VDEV_REMOVAL_ACK_FAIL, 0);

		assert_int_equal(cmd(&g, VDEV_GUEST_CMD_REFUSE, DISK, 0, cookie),
				 VDEV_GUEST_R_BAD_ARGUMENT);
		assert_int_equal(cmd(&g, VDEV_GUEST_CMD_REFUSE, DISK, 6, cookie),
				 VDEV_GUEST_R_BAD_ARGUMENT);
		assert_int_equal(cmd(&g, VDEV_GUEST_CMD_REFUSE, DISK, reason, cookie + 1),
				 VDEV_GUEST_R_STALE);
		assert_int_equal(g.reason, reason - 1);
		assert_int_equal(cmd(&g, VDEV_GUEST_CMD_REFUSE, DISK, reason, cookie), 0);
		assert_int_equal(g.reason, reason);
		assert_int_equal(cmd(&g, VDEV_GUEST_CMD_REFUSE, DISK, reason, cookie),
				 VDEV_GUEST_R_STALE);
		/* Refused is over: nothing has to be taken back. */
		assert_int_equal(rd(&g, VDEV_GUEST_EVENT), VDEV_GUEST_EVENT_NONE);
	}
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_REFUSE, DISK, 1, 0), VDEV_GUEST_R_STALE);
	rig_end(&g);
}

/* R9: asked again after a refusal, that is a new request. */
static void refused_then_asked_again(void **state)
{
	struct rig g;
	uint32_t first, second;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	first = asked(&g, VDEV_REMOVAL_ACK_RETRY, 1);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_REFUSE, DISK, 4, first), VDEV_GUEST_R_OK);
	rig_wait(&g, 11 * SECOND);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, DISK);
	second = rd(&g, VDEV_GUEST_EVENT_COOKIE);
	assert_int_not_equal(first, second);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, first), VDEV_GUEST_R_STALE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, second), VDEV_GUEST_R_OK);
	rig_end(&g);
}

static void progress_is_told_once(void **state)
{
	struct rig g;
	uint32_t cookie;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_PROGRESS, DISK, 0, 0), VDEV_GUEST_R_STALE);
	cookie = asked(&g, VDEV_REMOVAL_ACK_FAIL, 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_PROGRESS, DISK, 0, cookie + 1), VDEV_GUEST_R_STALE);
	assert_false(g.outcomes & 1u << VDEV_REMOVAL_BUSY);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_PROGRESS, DISK, 0, cookie), VDEV_GUEST_R_OK);
	assert_true(g.outcomes & 1u << VDEV_REMOVAL_BUSY);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_PROGRESS, DISK, 0, 0), VDEV_GUEST_R_OK);
	/* It is no answer: the cookie still holds. */
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, cookie), VDEV_GUEST_R_OK);
	rig_end(&g);
}

/* Kept for the end of a migration: the guest has not been asked, so it cannot refuse. */
static void answers_before_the_question(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	assert_true(vdev_removal_hold(g.removal, g.now) >= 0);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_REFUSE, DISK, 1, 0), VDEV_GUEST_R_STALE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_PROGRESS, DISK, 0, 0), VDEV_GUEST_R_STALE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, 1), VDEV_GUEST_R_STALE);
	assert_int_equal(g.outcomes, 0);
	/* Letting it go beforehand is fine, and done when the migration is over. */
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, DISK, 0, 0), VDEV_GUEST_R_OK);
	assert_true(vdev_removal_unhold(g.removal, g.now) >= 0);
	rig_pump(&g);
	assert_true(g.outcomes & 1u << VDEV_REMOVAL_REMOVED);
	rig_end(&g);
}

/* What is ejected in another way is answered there. */
static void other_transports_answer_elsewhere(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	for (int asked_for = 0; asked_for < 2; asked_for++) {
		for (uint32_t c = VDEV_GUEST_CMD_ACK; c <= VDEV_GUEST_CMD_EJECTED; c++)
			assert_int_equal(cmd(&g, c, NIC, 1, 0), VDEV_GUEST_R_NO_DEVICE);
		assert_int_equal(g.hides, 0);
		rig_request(&g, g.nic, VDEV_REMOVAL_ACK_FAIL, 0);
	}
	rig_end(&g);
}

/* R16: unasked; the default policy holds the device. */
static void ejected_unasked(void **state)
{
	struct vdev_removal_info info;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_EJECTED, DISK, 0, 0), VDEV_GUEST_R_OK);
	assert_int_equal(g.hides, 1);
	assert_int_equal(vdev_removal_get(g.removal, g.disk, &info, sizeof(info)), 0);
	assert_int_equal(info.state, VDEV_REMOVAL_HIDDEN);
	rig_end(&g);
}

/* Asked for meanwhile: it is the acknowledgement, whatever is still queued. */
static void ejected_while_asked(void **state)
{
	struct rig g;
	uint32_t cookie;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_FAIL, 0);
	cookie = rd(&g, VDEV_GUEST_EVENT_COOKIE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_EJECTED, DISK, 0, cookie + 7), VDEV_GUEST_R_OK);
	assert_true(g.outcomes & 1u << VDEV_REMOVAL_REMOVED);
	rig_end(&g);
}

/* An answer may name a function of the slot that is asked for. */
static void answer_below_the_target(void **state)
{
	struct vdev_removal_unit u = {.struct_size = sizeof(u),
				      .unit_class = VDEV_REMOVAL_PCI_SLOT,
				      .transport = VDEV_REMOVAL_PVDEV};
	uint64_t slot, function;
	struct rig g;
	uint32_t cookie;

	(void)state;
	rig_begin(&g, NULL);
	assert_true(vdev_removal_add(g.removal, g.now, &u, &slot) >= 0);
	u.unit_class = VDEV_REMOVAL_PCI_FUNCTION;
	u.transport = VDEV_REMOVAL_NO_TRANSPORT;
	u.parent = slot;
	assert_true(vdev_removal_add(g.removal, g.now, &u, &function) >= 0);
	vdev_removal_set_address(g.removal, slot, 0x500);
	vdev_removal_set_address(g.removal, function, 0x501);
	rig_ready(&g);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, 0x501, 0, 0), VDEV_GUEST_R_STALE);
	rig_request(&g, function, VDEV_REMOVAL_ACK_FAIL, 0);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, 0x500);
	cookie = rd(&g, VDEV_GUEST_EVENT_COOKIE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_PROGRESS, 0x500, 0, cookie), VDEV_GUEST_R_OK);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, 0x501, 0, cookie), VDEV_GUEST_R_OK);
	assert_true(g.outcomes & 1u << VDEV_REMOVAL_REMOVED);
	rig_end(&g);
}

static void quota(void **state)
{
	const struct vdev_pvdev_config c = {.command_quota = 32, .quota_period_ns = 5 * SECOND};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	rig_ready(&g); /* takes 2 of 32 */
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, i % 4, 0), VDEV_GUEST_R_OK);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, 3, 0), VDEV_GUEST_R_QUOTA);
	assert_int_equal(rig_level(&g, g.disk), VDEV_REMOVAL_UNSAFE);
	assert_int_equal(rig_stats(&g).over_quota, 1);
	/* Neither a reset nor a clock that goes back helps. */
	wr(&g, VDEV_GUEST_STATUS, 0);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, 3, 0), VDEV_GUEST_R_QUOTA);
	g.now = 0;
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, 3, 0), VDEV_GUEST_R_QUOTA);
	g.now = 6 * SECOND - 1;
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, 3, 0), VDEV_GUEST_R_QUOTA);
	g.now = 6 * SECOND;
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_DECLARE, DISK, 3, 0), VDEV_GUEST_R_NOT_READY);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_handshake),
		cmocka_unit_test(unknown_commands),
		cmocka_unit_test(progress_needs_its_feature),
		cmocka_unit_test(every_command_needs_a_device),
		cmocka_unit_test(declare_levels),
		cmocka_unit_test(unbound_forgets_the_level),
		cmocka_unit_test(ack_removes),
		cmocka_unit_test(ack_without_cookie),
		cmocka_unit_test(refuse_with_every_reason),
		cmocka_unit_test(refused_then_asked_again),
		cmocka_unit_test(progress_is_told_once),
		cmocka_unit_test(answers_before_the_question),
		cmocka_unit_test(other_transports_answer_elsewhere),
		cmocka_unit_test(ejected_unasked),
		cmocka_unit_test(ejected_while_asked),
		cmocka_unit_test(answer_below_the_target),
		cmocka_unit_test(quota),
	};

	return cmocka_run_group_tests_name("pvdev_commands", tests, NULL, NULL);
}
