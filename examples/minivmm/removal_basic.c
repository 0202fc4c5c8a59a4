/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 1: the levels, and what each of them makes of a removal. */
#include <vdev/guest.h>

#include "removal.h"

/* A VM with two disks on bus 0, the second as a bystander that must notice nothing. */
static bool two_disks(struct scene *s, struct device **ret_disk, struct device **ret_other)
{
	if (!scene_open(s))
		return false;
	*ret_disk = scene_plain(s, "disk", 4);
	*ret_other = scene_plain(s, "other", 5);
	return *ret_disk && *ret_other;
}

static void not_disturbed(struct scene *s, struct device *other)
{
	EXPECT(s, scene_traffic(s, &other->fn), "the other device's I/O stopped");
	EXPECT(s, scene_seen(s, &other->fn)->io_errors == 0, "the other device had I/O errors");
}

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

	if (!two_disks(s, &disk, &other) || !scene_start(s))
		return;
	r = guest_report(s->vm);
	NEED(s, r->found == 2, "the guest found %u block devices, expected 2", r->found);
	NEED(s, scene_traffic(s, &disk->fn) && scene_traffic(s, &other->fn), "no I/O");
	EXPECT(s, scene_seen(s, &disk->fn)->interrupts && scene_seen(s, &other->fn)->interrupts,
	       "a device's MSI did not arrive");
	EXPECT(s, vectors_apart(r), "the two CPUs do not use vectors of their own");
	scene_tell(s, "2 CPUs, 2 devices, %llu requests answered",
		   (unsigned long long)(scene_seen(s, &disk->fn)->io_done +
					scene_seen(s, &other->fn)->io_done));
}

static void safe(struct scene *s)
{
	struct device *disk, *other;

	if (!two_disks(s, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->level = VDEV_GUEST_LEVEL_SAFE;
	if (!scene_start(s))
		return;
	NEED(s, scene_level(s, &disk->fn, VDEV_REMOVAL_SAFE), "the guest did not declare SAFE");
	NEED(s, scene_traffic(s, &disk->fn), "no I/O");
	EXPECT(s, scene_request(s, &disk->fn, NULL) >= 0, "the request was refused");
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, FULL_TAIL);
	NEED(s, scene_state(s, &disk->fn, DEV_GONE), "the guest did not notice");
	EXPECT(s, guest_report(s->vm)->warnings == 0, "the guest was warned");
	EXPECT(s, guest_report(s->vm)->surprises == 1, "the guest counted no surprise");
	EXPECT(s, vdev_removal_level(s->vm->removal, disk->fn.unit) < 0, "its handle is not stale");
	not_disturbed(s, other);
	scene_tell(s, "gone under running I/O, no warning, %llu requests lost with it",
		   (unsigned long long)scene_seen(s, &disk->fn)->io_errors);
}

static void warned(struct scene *s, uint32_t level)
{
	struct device *disk, *other;

	if (!two_disks(s, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->level = level;
	if (!scene_start(s))
		return;
	NEED(s, level == LEVEL_NONE || scene_level(s, &disk->fn, level), "the guest did not declare");
	NEED(s, scene_traffic(s, &disk->fn), "no I/O");
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
	not_disturbed(s, other);
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
	if (!two_disks(s, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->level = VDEV_GUEST_LEVEL_UNSAFE;
	scene_rule(s, &other->fn)->level = VDEV_GUEST_LEVEL_SAFE;
	if (!scene_start(s))
		return;
	NEED(s, scene_level(s, &disk->fn, VDEV_REMOVAL_UNSAFE) &&
			scene_level(s, &other->fn, VDEV_REMOVAL_SAFE),
	     "the guest did not declare");
	NEED(s, scene_traffic(s, &disk->fn) && scene_traffic(s, &other->fn), "no I/O");
	scene_request(s, &disk->fn, NULL);
	scene_request(s, &other->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED) &&
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
	if (!two_disks(s, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->level = VDEV_GUEST_LEVEL_UNSAFE;
	scene_rule(s, &disk->fn)->answer = ANSWER_NEVER;
	if (!scene_start(s))
		return;
	NEED(s, scene_level(s, &disk->fn, VDEV_REMOVAL_UNSAFE), "the guest did not declare");
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_TIMED_OUT), "no time-out");
	NEED(s, scene_counter(s, &guest_report(s->vm)->cancelled, 1), "the warning was not taken back");
	scene_did(s, &disk->fn, "WARN UNWARN");
	EXPECT(s, scene_traffic(s, &disk->fn), "the device does not work afterwards");
	EXPECT(s, scene_seen(s, &disk->fn)->io_errors == 0, "the guest had I/O errors");
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_REMOVED) == 0, "removed all the same");
	scene_tell(s, "no answer in 200 ms: taken back, the device works on");
}

const struct story removal_basic[] = {
	{"guest-boots", "", boots},
	{"safe-under-io", "R1 R3 R4 R8", safe},
	{"unsafe-warned", "R1 R4 R8 R12", unsafe},
	{"unknown-as-unsafe", "R4", unknown},
	{"coarse-set", "R5", coarse},
	{"never-answers-fail", "R9 R10", time_out},
	{NULL, NULL, NULL},
};
