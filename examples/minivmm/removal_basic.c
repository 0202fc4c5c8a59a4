/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 1: a device by surprise, a device after a warning, and a guest that does not answer. */
#include "removal.h"

static bool vectors_apart(const struct guest_report *r)
{
	for (uint32_t i = 0; i < 4; i++)
		if (r->vectors[0][i] & r->vectors[1][i])
			return false;
	return r->interrupts[0] && r->interrupts[1];
}

static void boots(struct scene *s)
{
	const struct guest_report *r;
	struct device *disk, *other;

	if (!removal_begin(s, LEVEL_NONE, &disk, &other))
		return;
	r = guest_report(s->vm);
	NEED(s, r->found == 2, "the guest found %u block devices, expected 2", r->found);
	removal_works(s, disk);
	removal_works(s, other);
	EXPECT(s, scene_seen(s, &disk->fn)->interrupts && scene_seen(s, &other->fn)->interrupts,
	       "a device's MSI did not arrive");
	EXPECT(s, vectors_apart(r), "the two CPUs do not use vectors of their own");
	scene_tell(s, "2 CPUs with vectors of their own, 2 devices, I/O");
}

static void safe(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE, &disk, &other))
		return;
	EXPECT(s, scene_request(s, &disk->fn, NULL) >= 0, "the request was refused");
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, FULL_TAIL);
	NEED(s, scene_state(s, &disk->fn, DEV_GONE), "the guest did not notice");
	EXPECT(s, guest_report(s->vm)->warnings == 0, "the guest was warned");
	EXPECT(s, guest_report(s->vm)->surprises == 1, "the guest counted no surprise");
	EXPECT(s, vdev_removal_level(s->vm->removal, disk->fn.unit) < 0, "its handle is not stale");
	removal_bystander(s, other);
	scene_tell(s, "gone under running I/O, no warning, %llu requests lost with it",
		   (unsigned long long)scene_seen(s, &disk->fn)->io_errors);
}

static void warned(struct scene *s, uint32_t level)
{
	struct device *disk, *other;

	if (!removal_begin(s, level, &disk, &other))
		return;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "WARN " FULL_TAIL);
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_REQUESTED) == 1, "no REQUESTED");
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_ACKED) == 1, "no ACKED");
	EXPECT(s, guest_report(s->vm)->warnings == 1, "the guest had %llu warnings, expected 1",
	       (unsigned long long)guest_report(s->vm)->warnings);
	EXPECT(s, guest_report(s->vm)->surprises == 0, "the guest was surprised");
	EXPECT(s, scene_seen(s, &disk->fn)->io_errors == 0, "the guest had %llu I/O errors",
	       (unsigned long long)scene_seen(s, &disk->fn)->io_errors);
	removal_bystander(s, other);
	scene_tell(s, "warned once, acknowledged, removed; no I/O error");
}

static void unsafe(struct scene *s)
{
	warned(s, VDEV_GUEST_LEVEL_UNSAFE);
}

static void unknown(struct scene *s)
{
	warned(s, LEVEL_NONE);
}

/* The coarse set, for VMMs whose own unplug code does the rest. */
static void coarse(struct scene *s)
{
	struct device *disk, *other;

	s->options.removal.flags |= VDEV_REMOVAL_COARSE;
	if (!removal_begin(s, VDEV_GUEST_LEVEL_UNSAFE, &disk, &other))
		return;
	scene_rule(s, &other->fn)->level = VDEV_GUEST_LEVEL_SAFE;
	NEED(s, scene_level(s, &other->fn, VDEV_REMOVAL_SAFE) && scene_traffic(s, &other->fn),
	     "the other disk is not ready");
	scene_request(s, &disk->fn, NULL);
	scene_request(s, &other->fn, NULL);
	NEED(s,
	     scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED) &&
		     scene_outcome(s, &other->fn, VDEV_REMOVAL_REMOVED),
	     "not removed");
	scene_did(s, &disk->fn, "WARN HIDE TEARDOWN RELEASE");
	scene_did(s, &other->fn, "HIDE TEARDOWN RELEASE");
	EXPECT(s, scene_state(s, &other->fn, DEV_GONE), "the guest did not notice the surprise");
	scene_tell(s, "one warned, one not; the VMM's unplug does the teardown in one step");
}

static void time_out(struct scene *s)
{
	struct device *disk, *other;

	s->options.removal.ack_ns = 200 * MS;
	if (!removal_answering(s, ANSWER_NEVER, &disk, &other))
		return;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_TIMED_OUT), "no time-out");
	NEED(s, scene_counter(s, &guest_report(s->vm)->cancelled, 1),
	     "the warning was not taken back");
	scene_did(s, &disk->fn, "WARN UNWARN");
	removal_works(s, disk);
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_REMOVED) == 0, "removed all the same");
	scene_tell(s, "no answer in 200 ms: taken back, the device works on");
}

const struct story removal_basic[] = {
	{"guest-boots", "", boots},
	{"safe-under-io", "R1 R3 R4 R8", safe},
	{"unsafe-warned", "R1 R4 R8 R12", unsafe},
	{"unknown-as-unsafe", "R4", unknown},
	{"coarse-set", "R5 R8", coarse},
	{"never-answers-fail", "R9 R10", time_out},
	{NULL, NULL, NULL},
};
