/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: images of one that has queues of messages. */
#include "core/image.h"
#include "test_pvdev_queues_rig.h"

static void images(void **state)
{
	struct vdev_pvdev *p = NULL;
	struct vdev_pvqueue_rings r;
	uint8_t image[512];
	struct rig g;
	size_t size;

	(void)state;
	begin_queues(&g);
	turn_on(&g, 0);
	turn_on(&g, 1);
	put_state(&g, 1, VDEV_GUEST_QUEUE_OFF);
	put_rings(&g, 2); /* half way */
	wr(&g, DOORBELL(0), 1);
	vdev_pvdev_queue_irq(g.pvdev);
	assert_int_equal(vdev_pvdev_save(g.pvdev, g.now, image, sizeof(image), &size), 0);
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), 0);
	vdev_pvdev_free(g.pvdev);
	g.pvdev = p;
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SELECT), 2);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 64);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 1);
	assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 1);
	assert_int_equal(vdev_pvdev_queue(g.pvdev, 0, &r, sizeof(r)), VDEV_GUEST_QUEUE_ON);
	assert_int_equal(r.events, EVENTS);
	assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_STOPPING);
	/* a host that offers less */
	p = NULL;
	g.config.queues = 2;
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), -ENOSPC);
	g.config.queues = 3;
	g.config.queue_size = 32;
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), -ENOSPC);
	g.config.queues = 0;
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), -ENOSPC);
	assert_null(p);
	rig_end(&g);
}

/* Words behind the registers, no requests, no events: select, irq, doorbells (2), count, queues of 7. */
enum {
	W_STATUS,
	W_FEATURES,
	W_NEXT_COOKIE = 8,
	W_IRQ = 15,
	W_DOORBELLS = 16,
	W_COUNT = 18,
	W_STATE = 19,
	W_SIZE,
	W_EVENTS_SIZE,
	W_ADDRESS,
	W_EVENTS = 24,
	WORDS = 26,
};

static const struct {
	const char *what;
	uint32_t word, value;
	int result;
} forgeries[] = {
	{"nothing changed", W_DOORBELLS, 1, 0},
	{"interrupt", W_IRQ, 1, 0},
	{"interrupt 2", W_IRQ, 2, -EBADMSG},
	{"doorbell of no queue", W_DOORBELLS, 2, -EBADMSG},
	{"wild doorbells", W_DOORBELLS + 1, UINT32_MAX, -EBADMSG},
	{"count beyond the image", W_COUNT, 2, -EBADMSG},
	{"wild count", W_COUNT, UINT32_MAX, -EBADMSG},
	{"left over", W_COUNT, 0, -EBADMSG},
	{"off", W_STATE, VDEV_GUEST_QUEUE_OFF, -EBADMSG}, /* with a doorbell */
	{"state 4", W_STATE, 4, -EBADMSG},
	{"on without the feature", W_FEATURES, ALL_FEATURES, -EBADMSG},
	{"on without a driver", W_STATUS, STATUS_FEATURES, -EBADMSG},
	{"size 3", W_SIZE, 3, -EBADMSG},
	{"size above ours", W_SIZE, 128, -ENOSPC},
	{"events below the size", W_EVENTS_SIZE, 32, -EBADMSG},
	{"not aligned", W_ADDRESS, 1, -EBADMSG},
	{"overlap", W_EVENTS, 0x100000, -EBADMSG},
};

static void forged_images(void **state)
{
	static const uint32_t model[WORDS] = {
		[W_STATUS] = STATUS_READY,
		[W_FEATURES] = ALL_FEATURES | VDEV_GUEST_F_MESSAGES,
		[W_NEXT_COOKIE] = 1,
		[W_DOORBELLS] = 1,
		[W_COUNT] = 1,
		[W_STATE] = VDEV_GUEST_QUEUE_ON,
		[W_SIZE] = 64,
		[W_EVENTS_SIZE] = 64,
		[W_ADDRESS] = 0x100000,
		[W_EVENTS] = 0x200000,
	};
	struct rig g;

	(void)state;
	begin_queues(&g);
	for (size_t i = 0; i < VT_COUNT(forgeries); i++) {
		struct vdev_pvdev *p = NULL;
		struct vdev__writer w;
		uint8_t image[256];
		size_t size;
		int r;

		vdev__writer_init(&w, image, sizeof(image), VDEV_PART_PVDEV, 2);
		for (uint32_t n = 0; n < WORDS; n++)
			vdev__put_u32(&w, n == forgeries[i].word ? forgeries[i].value : model[n]);
		assert_int_equal(vdev__writer_finish(&w, &size), 0);
		r = vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p);
		if (r != forgeries[i].result)
			fail_msg("%s: %d", forgeries[i].what, r);
		assert_true((p != NULL) == (r == 0));
		vdev_pvdev_free(p);
	}
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images),
		cmocka_unit_test(forged_images),
	};

	return cmocka_run_group_tests_name("pvdev_queues_image", tests, NULL, NULL);
}
