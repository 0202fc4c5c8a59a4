/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What went wrong in the field, as tests: each is named after the report, and shows that with this
 * engine the same course of events ends well.
 */
#include "test_removal_rig.h"

static int plug(struct vt_removal *t, char letter, uint64_t name)
{
	return vt_add(t, letter,
		      &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
						  .flags = VDEV_REMOVAL_HOTPLUG,
						  .parent = t->h['s'],
						  .name = name});
}

static void slot_with_named_card(struct vt_removal *t, uint64_t name)
{
	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_registers(t, 's', VT_ON, 0);
	plug(t, 'a', name);
	vt_drain(t);
}

/*
 * R10 R11 R14. The backend process died; the removal reported success at once, but id and slot could
 * not be used any more. Here: nothing waits for the dead process, nobody is told "removed" early,
 * and afterwards both are free.
 */
static void bug_cloud_hypervisor_8763_backend_died_id_and_slot_unusable(void **state)
{
	struct vt_removal *t = *state;

	slot_with_named_card(t, 7);
	vdev_removal_backend_gone(t->r, t->h['a']);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:aB");
	assert_int_equal(vt_stats(t).removed, 0); /* asked is not done */
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0),
		  "HIDE:aLB ACKED:aB IRQ_OFF:aB RESET:aB DETACH_EVENTS:aB UNMAP_BARS:aB "
		  "LEAVE_DMA:aB RELEASE:aB REMOVED:aFGB");
	vt_pass(t, 2 * VT_SEC);
	vt_expect(t, plug(t, 'b', 7), "ANNOUNCE:b"); /* the same id in the same slot */
}

/* The same with a guest that never answers: FORCE is enough, no step hangs in the dead backend. */
static void bug_cloud_hypervisor_8763_guest_dead_too(void **state)
{
	struct vt_removal *t = *state;

	slot_with_named_card(t, 7);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vdev_removal_backend_gone(t->r, t->h['a']);
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE),
		  "HIDE:aLXB IRQ_OFF:aXB RESET:aXB DETACH_EVENTS:aXB UNMAP_BARS:aXB "
		  "LEAVE_DMA:aXB RELEASE:aXB REMOVED:aFGXB");
}

/* R11. A second removal while the first was pending panicked the VMM. Here it joins, at each point. */
static void bug_cloud_hypervisor_8559_second_removal_panics(void **state)
{
	struct vt_removal *t = *state;

	slot_with_named_card(t, 7);
	vt_request(t, 'a', 0);
	t->stop_after = 1;
	do {
		assert_in_range(vt_request(t, 'a', 0), 0, 1);
	} while (*vt_drain(t));
	assert_in_range(vt_registers(t, 's', VT_OFF, 0), 0, 1);
	do {
		assert_in_range(vt_request(t, 'a', 0), 0, 1);
	} while (*vt_drain(t) && t->last.kind != VDEV_REMOVAL_RELEASE);
	t->stop_after = 0;
	vt_expect(t, vt_request(t, 'a', 0), "REMOVED:aFG"); /* told once */
	assert_int_equal(vt_request(t, 'a', 0), -ENOENT);
}

/* R11. The fix rejected the second removal for ever; it has to be possible again after a failure. */
static void bug_cloud_hypervisor_8739_reject_must_be_retryable(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	for (int i = 0; i < 3; i++) {
		vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
		vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
	}
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	t->stop_after = 1;
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
}

/*
 * R6 R11. A device was plugged again under the same id while the old one was still being removed:
 * the late end of the removal hit the new device. Here the id is taken until the end was told, the
 * slot until it settled, and late acks and done() of the old one find nothing.
 */
static void bug_cloud_hypervisor_4038_replug_with_the_same_id_races_removal(void **state)
{
	struct vt_removal *t = *state;
	uint64_t old, release;

	slot_with_named_card(t, 7);
	old = t->h['a'];
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_RELEASE, 'a', VT_LATER);
	vt_request(t, 'a', 0);
	vt_drain(t);
	release = t->out['a'];
	assert_int_equal(plug(t, 'b', 7), -EEXIST);
	vt_expect(t, vt_done(t, 'a', 0), "REMOVED:aFG");
	vt_expect(t, plug(t, 'b', 7), ""); /* taken, but the slot still settles */
	assert_int_equal(vdev_removal_ack(t->r, t->now, old), -ENOENT);
	assert_int_equal(vdev_removal_done(t->r, t->now, release, 0), -ENOENT);
	vt_expect(t, vt_pass(t, 2 * VT_SEC), "ANNOUNCE:b");
	assert_int_equal(vdev_removal_level(t->r, t->h['b']), VDEV_REMOVAL_UNKNOWN);
	assert_int_equal(vt_info(t, 'b').state, VDEV_REMOVAL_PRESENT);
}

/*
 * R10. Removal while the guest boots: accepted, lost, and retries refused because "already pending".
 * Here it is said that the guest is not ready, the request is kept, retries join, and it is sent as
 * soon as the guest's driver is there.
 */
static void bug_libvirt_309_removal_during_boot_is_lost(void **state)
{
	struct vt_removal *t = *state;

	slot_with_named_card(t, 7);
	vt_registers(t, 's', 0x100, 0); /* firmware: HPIE and ABPE are clear */
	vt_expect(t, vt_request(t, 'a', 0), "GUEST_NOT_READY:a");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_expect(t, vt_pass(t, 45 * VT_SEC), "");
	vt_expect(t, vt_registers(t, 's', VT_ON, 0), "WARN:s REQUESTED:a");
}

/*
 * The ACPI side of it: there is no signal of readiness, and what the firmware did not hear is lost.
 * The notify is repeated, so the kernel hears one; and a reset in between completes it.
 */
static void bug_qemu_1577_acpi_removal_during_boot_is_lost(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a"); /* nobody listens */
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "WARN:a#2");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "WARN:a#3"); /* the kernel does */
	t->stop_after = 1;
	vt_expect(t, vdev_removal_ost(t->r, t->now, t->h['a'], 3, 0), "HIDE:aL");
}

/* R9. Disaster recovery: the guest under heavy I/O never answers, the device must go all the same. */
static void bug_virtio_win_1116_forced_removal_for_disaster_recovery(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_FORCE, 0, 3 * VT_SEC),
		  "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 3 * VT_SEC),
		  "HIDE:aLX DRAIN:aX IRQ_OFF:aX RESET:aX DETACH_EVENTS:aX UNMAP_BARS:aX "
		  "LEAVE_DMA:aX RELEASE:aX REMOVED:aFGX");
}

/* R9. Under I/O the request was never seen: it is repeated, bounded, and the end is told. */
static void bug_virtio_win_1483_request_under_io_is_never_seen(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request_with(t, 'a', VDEV_REMOVAL_ACK_RETRY, 2, 5 * VT_SEC),
		  "WARN:a REQUESTED:a");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "WARN:a#2");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "WARN:a#3");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
}

/*
 * R1 R7. The driver declared surprise removal, then looped for ever because I/O was pending. As
 * SAFE_IDLE it is removed only when idle and warned otherwise; and a VM that is not trusted is
 * warned in any case.
 */
static void bug_virtio_win_pr_1351_surprise_removal_with_io_pending(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "CANCEL:a(QUIESCE)");
	vt_expect(t, vt_done(t, 'a', -ETIMEDOUT), "RESUME:a WARN:a REQUESTED:a");
	reconfigure(t, (struct vdev_removal_config){.flags = VDEV_REMOVAL_UNTRUSTED});
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
}

/*
 * R8 R12. Quiescing took longer than 60 s, so the device was powered off anyway, and the guest hung.
 * Here a time-out before the point of no return never leads on: it is rolled back or asked for.
 */
static void bug_powerpc_utils_31_quiesce_timed_out_and_powered_off_anyway(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_QUIESCE, VDEV_REMOVAL_RESUME, 60 * VT_SEC},
		{VDEV_REMOVAL_WARN, VDEV_REMOVAL_UNWARN, VT_SEC},
		{VDEV_REMOVAL_AWAIT_ACK, VDEV_REMOVAL_NO_UNDO, 60 * VT_SEC},
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_CPU, VDEV_REMOVAL_UNSAFE, steps, 5);
	vt_add(t, 'c',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_CPU,
					   .transport = VDEV_REMOVAL_ACPI});
	vt_level(t, 'c', VDEV_REMOVAL_UNSAFE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'c', VT_LATER);
	vt_expect(t, vt_request(t, 'c', 0), "QUIESCE:c");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "CANCEL:c(QUIESCE)");
	vt_expect(t, vt_pass(t, 600 * VT_SEC), ""); /* never HIDE */
	vt_expect(t, vt_done(t, 'c', -ETIMEDOUT), "RESUME:c ROLLED_BACK:cF(QUIESCE,-110)");
	assert_int_equal(vt_info(t, 'c').state, VDEV_REMOVAL_PRESENT);
}

/*
 * R10. "Requested" was taken for "done", the volume was freed while in use. REMOVED is told after
 * RELEASE only, it is the only final success, and the name is free only after that.
 */
static void requested_then_removed(struct vt_removal *t)
{
	int released = 0;

	slot_with_named_card(t, 7);
	vt_request(t, 'a', 0);
	t->stop_after = 1;
	for (int acked = 0; vt_stats(t).units == 2;) {
		if (!*vt_drain(t)) {
			assert_false(acked++);
			vt_registers(t, 's', VT_OFF, 0);
			continue;
		}
		released |= t->last.kind == VDEV_REMOVAL_RELEASE;
		if (t->last.kind != VDEV_REMOVAL_OUTCOME)
			continue;
		assert_int_equal(t->last.arg[0] == VDEV_REMOVAL_REMOVED, released);
		assert_int_equal((t->last.flags & VDEV_REMOVAL_FINAL) != 0, released);
		assert_int_equal((t->last.flags & VDEV_REMOVAL_GONE) != 0, released);
	}
	assert_true(released);
}

static void bug_kubevirt_13481_requested_taken_for_done(void **state)
{
	requested_then_removed(*state);
}

static void bug_cloudstack_pr_6508_volume_freed_while_in_use(void **state)
{
	struct vt_removal *t = *state;

	requested_then_removed(t);
	assert_int_equal(vt_stats(t).removed, 1);
	/* and one that timed out is in use still */
	slot_with_named_card(t, 8);
	vt_request(t, 'a', 0);
	vt_expect(t, 0, "WARN:s");
	t->stop_after = 0;
	vt_expect(t, 0, "REQUESTED:a");
	vt_expect(t, vt_pass(t, 60 * VT_SEC), "UNWARN:s TIMED_OUT:aF");
	assert_int_equal(plug(t, 'b', 8), -EEXIST);
}

/*
 * R8. Use after free on unplug: queues were freed while the backend still used them. In flight is
 * drained, interrupts and bus master are off and the device is reset before anything is detached;
 * RELEASE is last, and waits even for a step that never ended.
 */
static void bug_cve_2014_3471_use_after_free_on_unplug(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_DRAIN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL DRAIN:a");
	vt_expect(t, vt_pass(t, 9 * VT_SEC), ""); /* nothing is freed while it drains */
	vt_expect(t, vt_pass(t, VT_SEC), "CANCEL:a(DRAIN)");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE),
		  "STUCK:aX(DRAIN,-110) IRQ_OFF:aX RESET:aX DETACH_EVENTS:aX UNMAP_BARS:aX "
		  "LEAVE_DMA:aX");
	vt_expect(t, vt_pass(t, 1000 * VT_SEC), "");
	vt_expect(t, vt_done(t, 'a', 0), "RELEASE:aX FAILED_AT:aFGX(DRAIN,-110)");
}

/*
 * R8. Asynchronous unplug freed the backend first, while the guest could still reach the device.
 * The guest is cut off (HIDE) before anything behind the device is touched, whoever asks, however
 * often, and whatever the guest does meanwhile.
 */
static void bug_cve_2023_3301_asynchronous_unplug_frees_the_backend_first(void **state)
{
	struct vt_removal *t = *state;

	slot_with_named_card(t, 7);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	vt_expect(t, vdev_removal_progress(t->r, t->now, t->h['a']), "BUSY:a");
	vt_expect(t, vt_request(t, 'a', 0), "");
	vt_script(t, VDEV_REMOVAL_HIDE, 'a', VT_LATER);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "");
	vt_expect(t, vdev_removal_reset_begin(t->r, t->now), "");
	vt_expect(t, vt_done(t, 'a', 0),
		  "ACKED:aX DRAIN:aX IRQ_OFF:aX RESET:aX DETACH_EVENTS:aX UNMAP_BARS:aX "
		  "LEAVE_DMA:aX RELEASE:aX REMOVED:aFGX");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_FULL(bug_cloud_hypervisor_8763_backend_died_id_and_slot_unusable),
		TEST_FULL(bug_cloud_hypervisor_8763_guest_dead_too),
		TEST(bug_cloud_hypervisor_8559_second_removal_panics),
		TEST(bug_cloud_hypervisor_8739_reject_must_be_retryable),
		TEST(bug_cloud_hypervisor_4038_replug_with_the_same_id_races_removal),
		TEST(bug_libvirt_309_removal_during_boot_is_lost),
		TEST(bug_qemu_1577_acpi_removal_during_boot_is_lost),
		TEST_FULL(bug_virtio_win_1116_forced_removal_for_disaster_recovery),
		TEST(bug_virtio_win_1483_request_under_io_is_never_seen),
		TEST(bug_virtio_win_pr_1351_surprise_removal_with_io_pending),
		TEST(bug_powerpc_utils_31_quiesce_timed_out_and_powered_off_anyway),
		TEST(bug_kubevirt_13481_requested_taken_for_done),
		TEST(bug_cloudstack_pr_6508_volume_freed_while_in_use),
		TEST_FULL(bug_cve_2014_3471_use_after_free_on_unplug),
		TEST_FULL(bug_cve_2023_3301_asynchronous_unplug_frees_the_backend_first),
	};

	return cmocka_run_group_tests_name("removal_bugs", tests, NULL, NULL);
}
