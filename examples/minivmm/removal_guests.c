/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 8: guests with a will of their own: unasked ejects, resets, and one gone wild. */
#include "removal.h"

#include <string.h>

static struct device *unasked_disk(struct scene *s, uint32_t policy)
{
	struct device *disk;

	if (!scene_open(s))
		return NULL;
	disk = scene_disk(
		s, &(struct device_spec){.name = "disk", .address = 4 << 3, .unasked = policy});
	if (!disk || !scene_start(s) || !EXPECT(s, scene_traffic(s, &disk->fn), "no I/O"))
		return NULL;
	__atomic_fetch_add(&scene_rule(s, &disk->fn)->eject_now, 1, __ATOMIC_RELEASE);
	return disk;
}

static void accept(struct scene *s)
{
	struct device *disk = unasked_disk(s, VDEV_REMOVAL_UNASKED_ACCEPT);

	if (!disk)
		return;
	NEED(s, scene_deed(s, &disk->fn, VDEV_REMOVAL_RELEASE), "not removed");
	vm_run_for(s->vm, 10);
	scene_did(s, &disk->fn, FULL_TAIL);
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_REMOVED_BY_GUEST) == 1,
	       "no REMOVED_BY_GUEST");
	EXPECT(s, guest_report(s->vm)->warnings == 0, "warned");
	scene_tell(s, "the guest lets it go: REMOVED_BY_GUEST");
}

static void hold(struct scene *s)
{
	struct device *disk = unasked_disk(s, VDEV_REMOVAL_UNASKED_HOLD);
	uint64_t old;
	int r;

	if (!disk)
		return;
	old = disk->fn.unit;
	NEED(s, scene_deed(s, &disk->fn, VDEV_REMOVAL_HIDE), "not hidden");
	vm_run_for(s->vm, 20);
	scene_did(s, &disk->fn, "HIDE");
	EXPECT(s, scene_info(s, old).state == VDEV_REMOVAL_HIDDEN, "not held");
	r = vm_reset(s->vm);
	NEED(s, r == 0, "the reset failed: %d", r);
	NEED(s, scene_generation(s, &disk->fn, 2), "the new kernel did not find it");
	EXPECT(s, scene_traffic(s, &disk->fn), "it does not work");
	EXPECT(s, scene_info(s, old).unit == 0, "the old handle is not stale");
	EXPECT(s, scene_info(s, disk->fn.unit).state == VDEV_REMOVAL_PRESENT, "not present");
	scene_tell(s, "held, and given back to the next kernel under a new handle");
}

static void ignore(struct scene *s)
{
	struct device *disk = unasked_disk(s, VDEV_REMOVAL_UNASKED_IGNORE);

	if (!disk)
		return;
	NEED(s, scene_state(s, &disk->fn, DEV_DOWN), "the guest did not eject");
	vm_run_for(s->vm, 50);
	EXPECT(s, removal_stats(s).unasked == 1, "not counted");
	EXPECT(s, scene_count(s, &disk->fn, VDEV_REMOVAL_HIDE) == 0, "hidden all the same");
	EXPECT(s, scene_info(s, disk->fn.unit).state == VDEV_REMOVAL_PRESENT, "not present");
	scene_tell(s, "counted and ignored");
}

/* powerpc-utils #31 and qemu: the reset ends the wait, and the new kernel must not see it leave. */
static void reset(struct scene *s)
{
	struct device *disk, *other;
	int r;

	if (!removal_answering(s, ANSWER_NEVER, &disk, &other))
		return;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REQUESTED), "not warned");
	r = vm_reset(s->vm);
	NEED(s, r == 0, "the reset failed: %d", r);
	EXPECT(s, s->vm->resets_refused > 0, "the reset did not wait for the removal");
	EXPECT(s, scene_outcomes(s, &disk->fn, VDEV_REMOVAL_REMOVED) == 1, "not removed by then");
	NEED(s, scene_word(s, &guest_report(s->vm)->boots, 2), "no second boot");
	EXPECT(s, scene_seen(s, &disk->fn)->generation == 1, "the new kernel saw the device");
	EXPECT(s, scene_traffic(s, &other->fn), "the other device does not work");
	EXPECT(s, scene_word(s, &guest_report(s->vm)->handshakes, 2), "no second handshake");
	scene_tell(s, "END was held back %u times until the device was gone",
		   s->vm->resets_refused);
}

#define WILD 3200

static void wild(struct scene *s)
{
	struct vdev_pvdev_stats stats;
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_UNSAFE, &disk, &other))
		return;
	__atomic_store_n(&guest_command(s->vm)->hostile, WILD, __ATOMIC_RELEASE);
	NEED(s, scene_counter(s, &guest_report(s->vm)->hostile_done, WILD), "it did not go wild");
	memset(&stats, 0, sizeof(stats));
	vm_engine_lock(s->vm);
	vdev_pvdev_stats(s->vm->pvdev, &stats, sizeof(stats));
	vm_engine_unlock(s->vm);
	EXPECT(s, stats.bad_access > 0, "no wrong access was counted");
	EXPECT(s, stats.bad_commands > 0, "no wrong command was counted");
	removal_works(s, other);
	NEED(s, scene_word(s, &guest_report(s->vm)->handshakes, 1), "no handshake");
	__atomic_fetch_add(&guest_command(s->vm)->pv_again, 1, __ATOMIC_RELEASE);
	vm_run_for(s->vm, 1100); /* a period of the command quota */
	NEED(s, scene_level(s, &disk->fn, VDEV_REMOVAL_UNSAFE), "it cannot declare any more");
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REMOVED), "not removed");
	removal_bystander(s, other);
	scene_tell(s, "%d wild accesses (%llu refused); then a removal as if nothing had been",
		   WILD, (unsigned long long)stats.bad_access);
}

const struct story removal_guests[] = {
	{"unasked-accept", "R16", accept}, {"unasked-hold", "R16 R12", hold},
	{"unasked-ignore", "R16", ignore}, {"reset-in-mid-removal", "R17", reset},
	{"hostile-guest", "R6", wild},     {NULL, NULL, NULL},
};
