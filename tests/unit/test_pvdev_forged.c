/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: images with right checksums and chosen contents. */
#include "core/image.h"
#include "test_pvdev_rig.h"

struct image {
	size_t size;
	uint8_t bytes[1024];
};

/* An image as an attacker makes it: checksums right, contents chosen. */
struct forged {
	const char *what;
	uint32_t word; /* index in the payload */
	uint32_t value;
	int result;
};

/* The payload: 10 words of registers, used, 2 of time; requests; events. */
enum {
	W_STATUS,
	W_DRIVER_FEATURES,
	W_IRQ_ENABLE,
	W_LOST,
	W_RESULT = 7,
	W_NEXT_COOKIE,
	W_USED,
	W_LEFT,
	W_REQUESTS = 12,
	W_UNIT = 13, /* of the first request: low, high, cookie, address; the second begins at 17 */
	W_EVENTS = 21,
	W_EVENT = 22, /* of the first event: unit low, high, kind, address, cookie, time */
	W_EVENT2 = 28,
	W_EVENT3 = 34,
	FIRST_AGAIN = 100, /* the first event in place of the second */
};

static const struct forged forgeries[] = {
	{"nothing changed", W_LOST, 0, 0},
	{"any number of lost events", W_LOST, UINT32_MAX, 0},
	{"more used than the quota", W_USED, UINT32_MAX, 0},
	{"endless period", W_LEFT + 1, UINT32_MAX, 0},
	{"status out of order", W_STATUS, 5, -EBADMSG},
	{"status of a bit alone", W_STATUS, 2, -EBADMSG},
	{"unknown status bit", W_STATUS, 0xf, -EBADMSG},
	{"events without a driver", W_STATUS, 3, -EBADMSG},
	{"events of a driver that gave up", W_STATUS, 0x87, -EBADMSG},
	{"no features", W_DRIVER_FEATURES, 0, -EBADMSG},
	{"features that need another", W_DRIVER_FEATURES, VDEV_GUEST_F_PROGRESS, -EBADMSG},
	{"hints without rings", W_DRIVER_FEATURES, VDEV_GUEST_F_REMOVAL | VDEV_GUEST_F_HINTS,
	 -EBADMSG},
	{"features unknown here", W_DRIVER_FEATURES, 0x11, -EINVAL},
	{"interrupt enable", W_IRQ_ENABLE, 2, -EBADMSG},
	{"result", W_RESULT, 7, -EBADMSG},
	{"cookie 0 comes next", W_NEXT_COOKIE, 0, -EBADMSG},
	{"too many requests for the image", W_REQUESTS, 1u << 20, -EBADMSG},
	{"more requests than there are", W_REQUESTS, 3, -EBADMSG},
	{"request of nothing", W_UNIT, 0, -EBADMSG},
	{"request of a unit twice", W_UNIT + 4, 0x12345, -EBADMSG},
	{"request without a cookie", W_UNIT + 2, 0, -EBADMSG},
	{"request for all", W_UNIT + 3, VDEV_GUEST_ALL, -EBADMSG},
	{"too many events", W_EVENTS, UINT32_MAX, -EBADMSG},
	{"fewer events than there are", W_EVENTS, 2, -EBADMSG},
	{"event of an unknown kind", W_EVENT + 2, 5, -EBADMSG},
	{"event of no kind", W_EVENT + 2, 0, -EBADMSG},
	{"EJECT of an unknown unit", W_EVENT, 0x99, -EBADMSG},
	{"EJECT for all", W_EVENT + 3, VDEV_GUEST_ALL, -EBADMSG},
	{"EJECT without a cookie", W_EVENT + 4, 0, -EBADMSG},
	{"EJECT with another cookie", W_EVENT + 4, 7, -EBADMSG},
	{"EJECT turned REDECLARE", W_EVENT + 2, VDEV_GUEST_EVENT_REDECLARE, -EBADMSG},
	{"EJECT of a unit twice", FIRST_AGAIN, 0, -EBADMSG},
	{"CANCELLED with a unit", W_EVENT2, 1, -EBADMSG},
	{"CANCELLED without a cookie", W_EVENT2 + 4, 0, -EBADMSG},
	{"CANCELLED for all", W_EVENT2 + 3, VDEV_GUEST_ALL, -EBADMSG},
	{"EJECT without a unit behind the head", W_EVENT2 + 2, VDEV_GUEST_EVENT_EJECT, -EBADMSG},
	{"REDECLARE with a cookie", W_EVENT3 + 4, 1, -EBADMSG},
	{"REDECLARE with a unit", W_EVENT3 + 1, 1, -EBADMSG},
};

static void forge(const struct forged *f, struct image *image)
{
	static const uint32_t model[] = {7,
					 3,
					 1,
					 0,
					 0,
					 0,
					 0,
					 0,
					 9,
					 2,
					 50,
					 0, /* registers, next cookie, used, left */
					 2,
					 0x12345,
					 0,
					 1,
					 0x100,
					 0x23456,
					 0,
					 2,
					 0x200, /* requests */
					 3, /* events: a queued EJECT, a CANCELLED, a REDECLARE */
					 0x12345,
					 0,
					 VDEV_GUEST_EVENT_EJECT,
					 0x100,
					 1,
					 0, /* */
					 0,
					 0,
					 VDEV_GUEST_EVENT_EJECT_CANCELLED,
					 0x300,
					 5,
					 0, /* */
					 0,
					 0,
					 VDEV_GUEST_EVENT_REDECLARE,
					 VDEV_GUEST_ALL,
					 0,
					 0};
	struct vdev__writer w;

	vdev__writer_init(&w, image->bytes, sizeof(image->bytes), VDEV_PART_PVDEV, 1);
	for (uint32_t i = 0; i < VT_COUNT(model); i++)
		if (f->word == FIRST_AGAIN && i >= W_EVENT2 && i < W_EVENT3)
			vdev__put_u32(&w, model[i - W_EVENT2 + W_EVENT]);
		else
			vdev__put_u32(&w, i == f->word ? f->value : model[i]);
	assert_int_equal(vdev__writer_finish(&w, &image->size), 0);
}

/* Numbers of requests wrap around without ever being 0. */
static void cookies_wrap(void **state)
{
	static const struct forged last = {"last number", W_NEXT_COOKIE, UINT32_MAX, 0};
	struct image image;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	forge(&last, &image);
	vdev_pvdev_free(g.pvdev);
	assert_int_equal(
		vdev_pvdev_load(&g.v.env, &g.config, g.now, image.bytes, image.size, &g.pvdev), 0);
	vdev_removal_set_address(g.removal, g.mute, NOWHERE);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.disk, 1), 0);
	assert_int_equal(rig_perform(&g, VDEV_REMOVAL_WARN, g.mute, 1), 0);
	for (int i = 0; i < 3; i++)
		wr(&g, VDEV_GUEST_EVENT_POP, 0);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_COOKIE), UINT32_MAX);
	wr(&g, VDEV_GUEST_EVENT_POP, 0);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_COOKIE), 1);
	rig_end(&g);
}

static void forged_images(void **state)
{
	struct image image;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	for (size_t i = 0; i < VT_COUNT(forgeries); i++) {
		struct vdev_pvdev *p = NULL;
		int r;

		forge(&forgeries[i], &image);
		r = vdev_pvdev_load(&g.v.env, &g.config, g.now, image.bytes, image.size, &p);
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
		cmocka_unit_test(forged_images),
		cmocka_unit_test(cookies_wrap),
	};

	return cmocka_run_group_tests_name("pvdev_forged", tests, NULL, NULL);
}
