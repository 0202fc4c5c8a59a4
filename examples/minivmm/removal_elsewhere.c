/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapter 9: saved in mid-operation in one process, completed in another one. */
#include "removal.h"
#include "resume.h"

/* The guest was warned here and answers there. */
static void awaiting(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_answering(s, ANSWER_ACK, &disk, &other))
		return;
	scene_rule(s, &disk->fn)->delay_ms = 400;
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_outcome(s, &disk->fn, VDEV_REMOVAL_REQUESTED), "not warned");
	NEED(s, scene_counter(s, &guest_report(s->vm)->warnings, 1), "the warning did not arrive");
	vm_pause(s->vm);
	NEED(s, guest_report(s->vm)->acks == 0, "acknowledged already");
	resume_elsewhere(s, &disk->fn, FULL_TAIL);
}

/* Saved with an action outstanding: it comes out again there, and teardown goes on. */
static void tearing(struct scene *s)
{
	struct device *disk, *other;

	if (!removal_begin(s, VDEV_GUEST_LEVEL_SAFE, &disk, &other))
		return;
	deeds_fault(s->vm, &disk->fn, VDEV_REMOVAL_DRAIN, 0);
	scene_request(s, &disk->fn, NULL);
	NEED(s, scene_deed(s, &disk->fn, VDEV_REMOVAL_DRAIN), "DRAIN did not begin");
	vm_pause(s->vm);
	resume_elsewhere(s, &disk->fn,
			 "DRAIN IRQ_OFF RESET DETACH_EVENTS UNMAP_BARS LEAVE_DMA RELEASE");
}

const struct story removal_elsewhere[] = {
	{"saved-while-awaiting-ack", "R12", awaiting},
	{"saved-in-mid-teardown", "R12", tearing},
	{NULL, NULL, NULL},
};
