/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 5: steps that fail, never end, or would wait for somebody who has died. */
#include "removal.h"

#include <errno.h>

static void quiesce_fails(struct scene *s)
{
	const struct deed *outcome;
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE_IDLE, &disk, &other))
		return;
	deeds_fault(s->vm, &disk->fn, VDEV_REMOVAL_QUIESCE, -EIO);
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_ROLLED_BACK), "not rolled back");
	outcome = scene_last(s, &disk->fn, VDEV_REMOVAL_OUTCOME);
	EXPECT(s,
	       outcome->action.arg[1] == VDEV_REMOVAL_QUIESCE &&
		       (int64_t)outcome->action.arg[2] == -EIO,
	       "the outcome names step %#llx and status %lld",
	       (unsigned long long)outcome->action.arg[1], (long long)outcome->action.arg[2]);
	scene_did(s, &disk->fn, "QUIESCE RESUME");
	removal_works(s, disk);
	scene_tell(s, "QUIESCE failed with EIO: taken back, the device works again");
}

/* After HIDE the way is forward: what can be done is done, and what failed is told. */
static void fails_after_hide(struct scene *s)
{
	const struct deed *outcome;
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE, &disk, &other))
		return;
	s->vm->machine->fail(s->vm, disk->fn.unit, VDEV_REMOVAL_UNMAP_BARS, -EIO);
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_FAILED_AT), "no FAILED_AT");
	outcome = scene_last(s, &disk->fn, VDEV_REMOVAL_OUTCOME);
	EXPECT(s,
	       outcome->action.arg[1] == VDEV_REMOVAL_UNMAP_BARS &&
		       (int64_t)outcome->action.arg[2] == -EIO,
	       "the outcome names step %#llx and status %lld",
	       (unsigned long long)outcome->action.arg[1], (long long)outcome->action.arg[2]);
	EXPECT(s, outcome->action.flags & VDEV_REMOVAL_GONE, "the handle is not free");
	scene_did(s, &disk->fn, FULL_TAIL);
	EXPECT(s, scene_state(s, &disk->fn, DEV_GONE), "the guest did not notice");
	removal_bystander(s, other);
	scene_tell(s, "UNMAP_BARS failed: all later steps were done, FAILED_AT names it");
}

/* kubevirt #13481, cloudstack #6508: an action that does not end is not a removal. */
static void stuck(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE, &disk, &other))
		return;
	removal_deadline(s, VDEV_REMOVAL_SAFE, VDEV_REMOVAL_DRAIN, 100 * MS);
	deeds_fault(s->vm, &disk->fn, VDEV_REMOVAL_DRAIN, 0);
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_deed(s, &disk->fn, VDEV_CANCEL), "no CANCEL at the deadline");
	vm_run_for(s->vm, 50);
	scene_did(s, &disk->fn, "HIDE DRAIN CANCEL");
	EXPECT(s, scene_state(s, &disk->fn, DEV_GONE), "what is leaving is still to be seen");
	scene_force(s, &disk->fn);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_STUCK), "no STUCK");
	vm_run_for(s->vm, 50);
	EXPECT(s, scene_count(s, &disk->fn, VDEV_REMOVAL_RELEASE) == 0,
	       "released while an action was still using it");
	EXPECT(s, scene_info(s, disk->fn.unit).flags & VDEV_REMOVAL_IS_STUCK, "not told as stuck");
	deeds_unstick(s->vm);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_FAILED_AT), "it never ended");
	EXPECT(s, scene_count(s, &disk->fn, VDEV_REMOVAL_RELEASE) == 1, "not released");
	removal_bystander(s, other);
	scene_tell(s, "DRAIN never ends: CANCEL, STUCK by FORCE, RELEASE only after its end");
}

/* The guest looks at the device in the instruction after its ack: teardown has hardly begun then. */
static void hidden_at_once(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_UNSAFE, &disk, &other))
		return;
	deeds_fault(s->vm, &disk->fn, VDEV_REMOVAL_DRAIN, 0);
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_ACKED), "no ACKED");
	NEED(s, scene_deed(s, &disk->fn, VDEV_REMOVAL_DRAIN), "teardown did not begin");
	vm_run_for(s->vm, 20);
	EXPECT(s, guest_report(s->vm)->acks == 1 && guest_report(s->vm)->seen_after_ack == 0,
	       "the device was still there when the ack had been given");
	EXPECT(s, scene_count(s, &disk->fn, VDEV_REMOVAL_RELEASE) == 0, "torn down too early");
	deeds_unstick(s->vm);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	removal_bystander(s, other);
	scene_tell(s, "all-ones in the instruction after the ack, teardown comes later");
}

/* cloud-hypervisor #8763: the backend died, removal said success, id and slot were lost for ever. */
static void backend_died(struct scene *s)
{
	struct device *disk, *other, *again;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE, &disk, &other))
		return;
	vm_lock(s->vm);
	disk->dead = true;
	vm_unlock(s->vm);
	vm_engine_lock(s->vm);
	vdev_removal_backend_gone(s->vm->removal, disk->fn.unit);
	vm_engine_unlock(s->vm);
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "HIDE IRQ_OFF RESET DETACH_EVENTS UNMAP_BARS LEAVE_DMA RELEASE");
	NEED(s, scene_state(s, &disk->fn, DEV_GONE), "the guest did not notice");
	again = scene_disk(s, &(struct device_spec){.name = "again",
						    .address = disk->fn.address,
						    .id = disk->fn.id,
						    .flags = VDEV_REMOVAL_HOTPLUG});
	NEED(s, again != NULL, "its id cannot be used again");
	vm_dispatch(s->vm);
	NEED(s, scene_generation(s, &again->fn, 2), "the guest did not find the new device");
	EXPECT(s, scene_traffic(s, &again->fn), "the new device does not work");
	scene_tell(s, "removed without waiting for the dead; id and address work again");
}

const struct story removal_failures[] = {
	{"hidden-when-ack-returns", "R8 R12", hidden_at_once},
	{"quiesce-fails", "R12 R10", quiesce_fails},
	{"step-fails-after-hide", "R12 R10", fails_after_hide},
	{"drain-is-stuck", "R10 R8", stuck},
	{"backend-died", "R14 R10 R11", backend_died},
	{NULL, NULL, NULL},
};
