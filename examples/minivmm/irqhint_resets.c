/* SPDX-License-Identifier: BSD-3-Clause */
/* What makes it the first time again: resets of the device and of the guest, another host (H5). */
#include "irqhint.h"

static bool routed(struct scene *s)
{
	return irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1) &&
	       irqhint_raise(s, 0, 0, 1, 2, 0) &&
	       EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 1, "not one first hint");
}

/* By the guest, as an FLR: it programs all anew, and the other device does not notice. */
static void of_device(struct scene *s)
{
	if (!irqhint_begin(s, 2))
		return;
	NEED(s, irqhint_raise(s, 1, 0, 1, 1, 0) && irqhint_routed(s, 1, 0, 1), "no route at first");
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1), "no route at first");
	__atomic_store_n(&irqhint_orders(s)->reset_now, 1, __ATOMIC_RELEASE);
	NEED(s, scene_word(s, &irqhint_seen(s)->resets, 1), "the guest does not reset it");
	EXPECT(s, hints_info(irqhint_source(s, 0), 0).state == VDEV_IRQHINT_NEW,
	       "the type is not new");
	NEED(s, irqhint_raise(s, 1, 0, 1, 3, 0), "events of the other one were lost");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 2, "the other device was hinted again");
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1), "no new route");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 3, "no first hint after the reset");
	scene_tell(s, "the device that was reset was hinted again, the other one was not");
}

static void of_guest(struct scene *s)
{
	int r;

	if (!irqhint_begin(s, 1))
		return;
	NEED(s, routed(s), "no route at first");
	r = vm_reset(s->vm);
	NEED(s, r >= 0, "the reset failed: %s", vdev_strerror(r));
	EXPECT(s, hints_info(irqhint_source(s, 0), 0).state == VDEV_IRQHINT_NEW,
	       "the type is not new");
	NEED(s, scene_word(s, &guest_report(s->vm)->handshakes, 2), "the guest did not come back");
	if (!irqhint_queue_on(s))
		return;
	NEED(s, irqhint_raise(s, 0, 1, 1, 1, 0), "events were lost"); /* it is bound again */
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 2, "no first hint of another type");
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1), "no new route");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 3, "no first hint after the reset");
	scene_tell(s, "after the guest's reset all types were new");
}

/* The engine goes through its image; what the guest programmed stays. */
static void migrated(struct scene *s)
{
	int r;

	if (!irqhint_begin(s, 1))
		return;
	NEED(s, routed(s), "no route at first");
	r = hints_migrate(s->vm);
	NEED(s, !r, "the image was not taken: %s", vdev_strerror(r));
	EXPECT(s, hints_info(irqhint_source(s, 0), 0).route == 1, "the route was forgotten");
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0), "events were lost");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 1, "no first hint on the other host");
	NEED(s, irqhint_routed(s, 0, 0, 1), "no route on the other host");
	scene_tell(s, "on another host the next event was the first again");
}

/* The VM is told itself, without an image. */
static void moved_in_place(struct scene *s)
{
	if (!irqhint_begin(s, 1))
		return;
	NEED(s, routed(s), "no route at first");
	vdev_irqhint_migrated(s->vm->hints->engine);
	NEED(s, irqhint_raise(s, 0, 0, 1, 1, 0) && irqhint_routed(s, 0, 0, 1), "no new route");
	EXPECT(s, irqhint_answers(s, VDEV_IRQHINT_FIRST) == 2, "no first hint after the move");
	scene_tell(s, "after a move to other CPUs the next event was the first again");
}

const struct story irqhint_resets[] = {
	{"device-reset", "H5", of_device},
	{"guest-reset", "H5", of_guest},
	{"migrated", "H5", migrated},
	{"moved-in-place", "H5", moved_in_place},
	{NULL, NULL, NULL},
};
