/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 4: who asks, how often, and for what. */
#include "removal.h"

static void joins(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_ACK, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->delay_ms = 200;
	scene_request(s, &disk->fn, NULL);
	EXPECT(s, scene_request(s, &disk->fn, NULL) >= 0, "the second request was refused");
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "WARN " FULL_TAIL);
	EXPECT(s, removal_stats(s).joined == 1, "%llu joined, expected 1",
	       (unsigned long long)removal_stats(s).joined);
	EXPECT(s, guest_report(s->vm)->warnings == 1, "warned twice");
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_REMOVED) == 1, "removed twice");
	scene_tell(s, "two requests, one warning, one removal");
}

static void upgrades(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_NEVER, &disk, &other))
		return;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REQUESTED), "not warned");
	EXPECT(s, scene_force(s, &disk->fn) >= 0, "FORCE was refused");
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "WARN " FULL_TAIL);
	EXPECT(s, removal_stats(s).upgraded == 1, "not counted as an upgrade");
	NEED(s, scene_state(s, &disk->fn, DEV_GONE), "the guest did not notice");
	scene_tell(s, "asked first, FORCE later: removed at once");
}

/* VFIO's REQ interrupt: repeated until the device is let go. */
static void host_asks(struct scene *s)
{
	struct vdev_removal_request host = {.struct_size = sizeof(host),
					    .flags = VDEV_REMOVAL_HOST};
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_ACK, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->delay_ms = 200;
	for (uint32_t i = 0; i < 3; i++) {
		EXPECT(s, scene_request(s, &disk->fn, &host) >= 0, "repetition %u was refused", i);
		vm_run_for(s->vm, 10);
	}
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	EXPECT(s, removal_stats(s).host_requests == 3, "%llu host requests counted, expected 3",
	       (unsigned long long)removal_stats(s).host_requests);
	EXPECT(s, guest_report(s->vm)->warnings == 1, "warned more than once");
	scene_tell(s, "three times the same wish, one warning, one removal");
}

static void untouched(struct scene *s)
{
	struct device *disk;

	if (!scene_open(s))
		return;
	disk = scene_disk(s, &(struct device_spec){.name = "disk",
						   .address = 4 << 3,
						   .flags = VDEV_REMOVAL_TRACK_TOUCH});
	if (!disk)
		return;
	scene_rule(s, &disk->fn)->io = IO_UNTOUCHED;
	if (!scene_start(s))
		return;
	EXPECT(s, !(scene_info(s, disk->fn.unit).flags & VDEV_REMOVAL_IS_TOUCHED), "touched");
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, FULL_TAIL);
	EXPECT(s, guest_report(s->vm)->warnings == 0, "the guest was warned");
	scene_tell(s, "the guest never enabled it: no ack needed");
}

static void touched(struct scene *s)
{
	struct device *disk;

	if (!scene_open(s))
		return;
	disk = scene_disk(s, &(struct device_spec){.name = "disk",
						   .address = 4 << 3,
						   .flags = VDEV_REMOVAL_TRACK_TOUCH});
	if (!disk || !scene_start(s))
		return;
	NEED(s, scene_traffic(s, &disk->fn), "no I/O");
	EXPECT(s, scene_info(s, disk->fn.unit).flags & VDEV_REMOVAL_IS_TOUCHED, "not touched");
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	scene_did(s, &disk->fn, "WARN " FULL_TAIL);
	scene_tell(s, "its twin that was enabled is warned");
}

/* While a migration runs, requests wait; FORCE gives the migration up. */
static void migration(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE, &disk, &other))
		return;
	vm_engine_lock(s->vm);
	vdev_removal_hold(s->vm->removal, vm_now(s->vm));
	vm_engine_unlock(s->vm);
	scene_request(s, &disk->fn, NULL);
	vm_run_for(s->vm, 50);
	NEED(s, scene_count(s, &disk->fn, VDEV_REMOVAL_HIDE) == 0, "removed during a migration");
	EXPECT(s, scene_info(s, disk->fn.unit).flags & VDEV_REMOVAL_IS_HELD, "not told as held");
	removal_works(s, disk);
	scene_force(s, &disk->fn);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	EXPECT(s, s->vm->unholds == 1, "the migration was given up %u times", s->vm->unholds);
	scene_tell(s, "held while a migration runs; FORCE ends the migration first");
}

#define CROWD 6

/* Several at once, of different levels, none in another's way. */
static void crowd(struct scene *s)
{
	static const char *const names[CROWD] = {"disk0", "disk1", "disk2",
						 "disk3", "disk4", "disk5"};
	struct device *disks[CROWD];

	if (!scene_open(s))
		return;
	for (uint32_t i = 0; i < CROWD; i++) {
		disks[i] = scene_plain(s, names[i], 4 + i);
		if (!disks[i])
			return;
		scene_rule(s, &disks[i]->fn)->level =
			i % 2 ? VDEV_GUEST_LEVEL_SAFE : VDEV_GUEST_LEVEL_UNSAFE;
	}
	if (!scene_start(s))
		return;
	for (uint32_t i = 0; i < CROWD; i++)
		NEED(s,
		     scene_level(s, &disks[i]->fn,
				 i % 2 ? VDEV_REMOVAL_SAFE : VDEV_REMOVAL_UNSAFE) &&
			     scene_traffic(s, &disks[i]->fn),
		     "%s is not ready", names[i]);
	for (uint32_t i = 0; i < CROWD; i++)
		scene_request(s, &disks[i]->fn, NULL);
	for (uint32_t i = 0; i < CROWD; i++) {
		NEED(s, scene_outcome(s, &disks[i]->fn, VDEV_REMOVAL_REMOVED), "%s not removed",
		     names[i]);
		scene_did(s, &disks[i]->fn, i % 2 ? FULL_TAIL : "WARN " FULL_TAIL);
	}
	EXPECT(s, guest_report(s->vm)->warnings == CROWD / 2, "%llu warnings, expected %d",
	       (unsigned long long)guest_report(s->vm)->warnings, CROWD / 2);
	scene_tell(s, "%d devices at once, half of them warned", CROWD);
}

const struct story removal_requests[] = {
	{"second-request-joins", "R11", joins},
	{"force-upgrades", "R11 R9", upgrades},
	{"host-asks-repeatedly", "R14 R11", host_asks},
	{"untouched-needs-no-ack", "R14", untouched},
	{"touched-is-warned", "R14", touched},
	{"held-by-migration", "R11", migration},
	{"six-at-once", "R3 R4", crowd},
	{NULL, NULL, NULL},
};
