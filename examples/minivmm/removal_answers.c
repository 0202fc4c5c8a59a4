/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 3: what a warned guest may answer, and what is made of silence. */
#include "removal.h"

static struct vdev_removal_request with_policy(uint32_t policy, uint64_t ack_ns)
{
	return (struct vdev_removal_request){.struct_size = sizeof(struct vdev_removal_request),
					     .ack_policy = policy,
					     .ack_ns = ack_ns};
}

static void refused(struct scene *s)
{
	struct device *disk, *other;
	const struct deed *outcome;

	if (!removal_answering(s, ANSWER_REFUSE, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->reason = VDEV_GUEST_REASON_IN_USE;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REFUSED), "not refused");
	outcome = scene_last(s, &disk->fn, VDEV_REMOVAL_OUTCOME);
	EXPECT(s, outcome->action.arg[1] == VDEV_REMOVAL_REASON_IN_USE, "reason %llu, expected %u",
	       (unsigned long long)outcome->action.arg[1], VDEV_REMOVAL_REASON_IN_USE);
	EXPECT(s, outcome->action.flags & VDEV_REMOVAL_FINAL, "the refusal is not final");
	removal_works(s, disk);
	scene_tell(s, "refused: device in use; it works on");
}

/* cloud-hypervisor #8559, #8739: a rejected removal must be possible again. */
static void again_after_refusal(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_REFUSE, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->reason = VDEV_GUEST_REASON_BUSY;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REFUSED), "not refused");
	scene_rule(s, &disk->fn)->answer = ANSWER_ACK;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "WARN WARN " FULL_TAIL);
	scene_tell(s, "refused, asked again later, removed");
}

static void progress(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_ACK, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->progress = 1;
	scene_rule(s, &disk->fn)->delay_ms = 200;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_BUSY), "no BUSY");
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_REMOVED) == 0, "removed already");
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_tell(s, "REQUESTED, BUSY, ACKED, REMOVED: each told apart");
}

static void keep_late(struct scene *s)
{
	struct vdev_removal_request keep = with_policy(VDEV_REMOVAL_ACK_KEEP, 100 * MS);
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_ACK, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->delay_ms = 250;
	scene_request(s, &disk->fn, &keep);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_TIMED_OUT), "no time-out was told");
	EXPECT(s,
	       !(scene_last(s, &disk->fn, VDEV_REMOVAL_OUTCOME)->action.flags & VDEV_REMOVAL_FINAL),
	       "the time-out was final");
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "WARN " FULL_TAIL);
	scene_tell(s, "kept pending, the ack came after the time-out");
}

/* The warning was taken back at the time-out: an answer to it that comes later means nothing. */
static void late_after_fail(struct scene *s)
{
	struct vdev_removal_request brief = with_policy(VDEV_REMOVAL_ACK_FAIL, 100 * MS);
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_LOSE, &disk, &other))
		return;
	scene_request(s, &disk->fn, &brief);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_TIMED_OUT), "no time-out");
	NEED(s, scene_counter(s, &guest_report(s->vm)->cancelled, 1), "not taken back");
	__atomic_fetch_add(&scene_rule(s, &disk->fn)->ack_now, 1, __ATOMIC_RELEASE);
	NEED(s, scene_counter(s, &guest_report(s->vm)->acks, 1), "the guest sent no ack");
	vm_run_for(s->vm, 20);
	EXPECT(s, guest_report(s->vm)->bad_results == 1, "the stale answer was taken");
	scene_did(s, &disk->fn, "WARN UNWARN");
	removal_works(s, disk);
	scene_tell(s, "answer to a warning that was taken back: refused as stale, nothing happens");
}

static void keep_reset(struct scene *s)
{
	struct vdev_removal_request keep = with_policy(VDEV_REMOVAL_ACK_KEEP, 100 * MS);
	struct device *disk, *other;
	int r;

	if (!removal_answering(s, ANSWER_NEVER, &disk, &other))
		return;
	scene_request(s, &disk->fn, &keep);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_TIMED_OUT), "no time-out was told");
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_REMOVED) == 0, "removed already");
	r = vm_reset(s->vm);
	NEED(s, r == 0, "the reset failed: %d", r);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "the reset did not complete it");
	NEED(s, scene_word(s, &guest_report(s->vm)->boots, 2), "no second boot");
	EXPECT(s, scene_seen(s, &disk->fn)->generation == 1, "the new kernel saw the device");
	EXPECT(s, scene_traffic(s, &other->fn), "the other device does not work in the new kernel");
	scene_tell(s, "kept pending until the guest's reset, which completed it");
}

static void force_policy(struct scene *s)
{
	struct vdev_removal_request force = with_policy(VDEV_REMOVAL_ACK_FORCE, 100 * MS);
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_NEVER, &disk, &other))
		return;
	scene_request(s, &disk->fn, &force);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	EXPECT(s, scene_last(s, &disk->fn, VDEV_REMOVAL_HIDE)->action.flags & VDEV_REMOVAL_FORCED,
	       "its actions do not say that it was forced");
	scene_did(s, &disk->fn, "WARN " FULL_TAIL);
	EXPECT(s, scene_state(s, &disk->fn, DEV_GONE), "the guest did not notice");
	removal_bystander(s, other);
	scene_tell(s, "no answer in 100 ms: removed without it");
}

static void cancel(struct scene *s)
{
	struct device *disk, *other;
	int r;

	if (!removal_answering(s, ANSWER_NEVER, &disk, &other))
		return;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REQUESTED), "not warned");
	r = scene_cancel(s, &disk->fn);
	EXPECT(s, r >= 0, "cancel() was refused: %s", vdev_strerror(r));
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_CANCELLED), "no CANCELLED");
	NEED(s, scene_counter(s, &guest_report(s->vm)->cancelled, 1), "the guest was not told");
	scene_did(s, &disk->fn, "WARN UNWARN");
	removal_works(s, disk);
	scene_tell(s, "taken back in time; the guest was told");
}

/* The time-out is time that the guest runs: a paused one cannot miss it. */
static void paused(struct scene *s)
{
	struct vdev_removal_request brief = with_policy(VDEV_REMOVAL_ACK_FAIL, SECOND);
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_ACK, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->delay_ms = 100;
	scene_request(s, &disk->fn, &brief);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REQUESTED), "not warned");
	vm_pause(s->vm);
	vm_run_for(s->vm, 1200);
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_TIMED_OUT) == 0,
	       "timed out while the guest stood still");
	vm_resume(s->vm);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_TIMED_OUT) == 0, "timed out");
	scene_tell(s, "1.2 s of pause in a time-out of 1 s: the guest still had its time");
}

/* libvirt #309, qemu #1577: a removal during boot must not be lost, nor be called done. */
static void not_ready(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_two_disks(s, &disk, &other))
		return;
	guest_command(s->vm)->pv_driver = 0;
	if (!scene_start(s))
		return;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_GUEST_NOT_READY), "no GUEST_NOT_READY");
	vm_run_for(s->vm, 50);
	EXPECT(s, scene_count(s, &disk->fn, VDEV_REMOVAL_WARN) == 0, "warned nobody");
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_REQUESTED) == 0,
	       "REQUESTED was told before anybody was asked");
	__atomic_store_n(&guest_command(s->vm)->pv_driver, 1, __ATOMIC_RELEASE);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "the request was lost");
	scene_did(s, &disk->fn, "WARN " FULL_TAIL);
	EXPECT(s, scene_seen(s, &disk->fn)->io_errors == 0, "I/O errors");
	scene_tell(s, "asked for during boot, kept, sent when the driver came");
}

const struct story removal_answers[] = {
	{"refused-with-reason", "R10", refused},
	{"asked-again-after-refusal", "R10 R11", again_after_refusal},
	{"busy-is-told", "R10", progress},
	{"keep-pending-late-ack", "R9 R16", keep_late},
	{"keep-pending-reset", "R9 R17", keep_reset},
	{"late-ack-after-fail", "R9 R16", late_after_fail},
	{"never-answers-force", "R9", force_policy},
	{"cancel", "R10 R12", cancel},
	{"paused-in-between", "R9", paused},
	{"before-guest-is-ready", "R10", not_ready},
	{NULL, NULL, NULL},
};
