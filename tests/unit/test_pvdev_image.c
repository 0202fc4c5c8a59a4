/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: save and load in every state, damaged images. */
#include "core/image.h"
#include "test_pvdev_rig.h"

#define IMAGE_MAX 8192u

struct image {
	size_t size;
	uint8_t bytes[IMAGE_MAX];
};

static void save(struct rig *g, struct image *image)
{
	size_t needed = 0, again = 0;

	assert_int_equal(vdev_pvdev_save(g->pvdev, g->now, NULL, 0, &needed), -ENOBUFS);
	assert_true(needed > VDEV__IMAGE_HEADER && needed <= IMAGE_MAX);
	memset(image, 0x5a, sizeof(*image));
	image->size = needed;
	assert_int_equal(vdev_pvdev_save(g->pvdev, g->now, image->bytes, needed - 1, &again),
			 -ENOBUFS);
	assert_int_equal(again, needed);
	assert_int_equal(vdev_pvdev_save(g->pvdev, g->now, image->bytes, needed, &again), 0);
	assert_int_equal(again, needed);
	assert_int_equal(image->bytes[needed], 0x5a);
}

static int load(struct rig *g, const struct image *image, struct vdev_pvdev **ret)
{
	return vdev_pvdev_load(&g->v.env, &g->config, g->now, image->bytes, image->size, ret);
}

/* Replaces the function by what its image becomes, on a host with another clock. */
static void move(struct rig *g)
{
	struct image image, copy;
	struct vdev_pvdev *p = NULL;

	save(g, &image);
	g->now += 1000 * SECOND;
	assert_int_equal(load(g, &image, &p), 0);
	vdev_pvdev_free(g->pvdev);
	g->pvdev = p;
	save(g, &copy);
	assert_int_equal(copy.size, image.size);
	assert_memory_equal(copy.bytes, image.bytes, image.size);
}

/* Everything that a guest can read without changing anything. */
static void snapshot(struct rig *g, uint32_t *registers)
{
	for (uint32_t i = 0; i < 64; i++)
		registers[i] = rd(g, i * 4);
}

static void move_and_compare(struct rig *g)
{
	uint32_t before[64], after[64];

	snapshot(g, before);
	move(g);
	snapshot(g, after);
	assert_memory_equal(before, after, sizeof(before));
}

static void every_step_of_the_handshake(void **state)
{
	static const uint32_t steps[] = {STATUS_DRIVER, STATUS_FEATURES, STATUS_READY,
					 STATUS_READY | VDEV_GUEST_S_FAILED};

	(void)state;
	for (size_t last = 0; last <= VT_COUNT(steps); last++) {
		struct rig g;

		rig_begin(&g, NULL);
		wr(&g, VDEV_GUEST_DRIVER_FEATURES, VDEV_GUEST_F_REMOVAL);
		wr(&g, VDEV_GUEST_IRQ_ENABLE, 1);
		for (size_t i = 0; i < last; i++)
			wr(&g, VDEV_GUEST_STATUS, steps[i]);
		cmd(&g, 99, 0x11, 0x22, 0x33);
		move_and_compare(&g);
		/* It goes on from there. */
		for (size_t i = last; i < VT_COUNT(steps); i++) {
			wr(&g, VDEV_GUEST_STATUS, steps[i]);
			assert_int_equal(rd(&g, VDEV_GUEST_STATUS), steps[i]);
		}
		rig_end(&g);
	}
}

static void events_and_requests_move(void **state)
{
	uint64_t units[3];
	uint32_t cookies[3];
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	/* Popped; orphaned at the head; queued; and the kinds without a request. */
	for (uint32_t i = 0; i < 3; i++) {
		units[i] = rig_unit(&g, VDEV_REMOVAL_PVDEV, 0x1000 + i);
		rig_request(&g, units[i], VDEV_REMOVAL_ACK_KEEP, 0);
		cookies[i] = i + 1;
	}
	wr(&g, VDEV_GUEST_EVENT_POP, 0);
	vdev_removal_cancel(g.removal, g.now, units[1]);
	rig_pump(&g);
	rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0);
	rig_perform(&g, VDEV_REMOVAL_ANNOUNCE, g.disk, 0);
	move_and_compare(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, 0x1001);
	wr(&g, VDEV_GUEST_EVENT_POP, 0);
	move_and_compare(&g);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT, 0x1002);
	wr(&g, VDEV_GUEST_EVENT_POP, 0);
	expect_event(&g, VDEV_GUEST_EVENT_EJECT_CANCELLED, 0x1001);
	wr(&g, VDEV_GUEST_EVENT_POP, 0);
	expect_event(&g, VDEV_GUEST_EVENT_REDECLARE, VDEV_GUEST_ALL);
	wr(&g, VDEV_GUEST_EVENT_POP, 0);
	expect_event(&g, VDEV_GUEST_EVENT_DEVICE_ADDED, DISK);
	wr(&g, VDEV_GUEST_EVENT_POP, 0);
	move_and_compare(&g);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, 0x1001, 0, cookies[1]), VDEV_GUEST_R_STALE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, 0x1000, 0, cookies[2]), VDEV_GUEST_R_STALE);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, 0x1000, 0, cookies[0]), VDEV_GUEST_R_OK);
	assert_int_equal(cmd(&g, VDEV_GUEST_CMD_ACK, 0x1002, 0, cookies[2]), VDEV_GUEST_R_OK);
	/* Numbers go on where they were. */
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_KEEP, 0);
	assert_int_equal(rd(&g, VDEV_GUEST_EVENT_COOKIE), 4);
	rig_end(&g);
}

static void quota_moves(void **state)
{
	const struct vdev_pvdev_config c = {.command_quota = 8, .quota_period_ns = 10 * SECOND};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	for (int i = 0; i < 8; i++)
		assert_int_equal(cmd(&g, 0, 0, 0, 0), VDEV_GUEST_R_NOT_READY);
	g.now += 4 * SECOND;
	move(&g);
	g.now += 6 * SECOND - 1;
	assert_int_equal(cmd(&g, 0, 0, 0, 0), VDEV_GUEST_R_QUOTA);
	g.now++;
	assert_int_equal(cmd(&g, 0, 0, 0, 0), VDEV_GUEST_R_NOT_READY);
	assert_int_equal(cmd(&g, 0, 0, 0, 0), VDEV_GUEST_R_NOT_READY);
	/* Into a tighter configuration: no longer than its period, no more than its quota. */
	g.config.command_quota = 1;
	g.config.quota_period_ns = SECOND;
	{
		struct vdev_pvdev *p = NULL;
		struct image image;

		save(&g, &image);
		g.now = 0;
		assert_int_equal(load(&g, &image, &p), 0);
		vdev_pvdev_free(g.pvdev);
		g.pvdev = p;
	}
	assert_int_equal(cmd(&g, 0, 0, 0, 0), VDEV_GUEST_R_QUOTA);
	g.now = SECOND;
	assert_int_equal(cmd(&g, 0, 0, 0, 0), VDEV_GUEST_R_NOT_READY);
	rig_end(&g);
}

static void config_must_hold_the_image(void **state)
{
	struct vdev_pvdev *p = NULL;
	struct image image;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	for (int i = 0; i < 2; i++)
		rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0);
	save(&g, &image);
	g.config.max_events = 1; /* one more is only for what takes an EJECT back */
	assert_int_equal(load(&g, &image, &p), -ENOSPC);
	g.config.max_events = 2;
	assert_int_equal(load(&g, &image, &p), 0);
	vdev_pvdev_free(p);
	p = NULL;
	g.config.max_events = 65537;
	assert_int_equal(load(&g, &image, &p), -EINVAL);
	g.config.max_events = 0;
	g.config.features = VDEV_GUEST_F_REMOVAL;
	assert_int_equal(load(&g, &image, &p), -EINVAL);
	assert_non_null(strstr(g.v.log, "image needs features 0x3, offered are 0x1"));
	g.config.features = 0;
	/* Requests that were popped hold places too. */
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_KEEP, 0);
	for (int i = 0; i < 4; i++)
		wr(&g, VDEV_GUEST_EVENT_POP, 0);
	for (int i = 0; i < 2; i++)
		rig_perform(&g, VDEV_REMOVAL_REDECLARE, 0, 0);
	save(&g, &image);
	g.config.max_events = 1;
	assert_int_equal(load(&g, &image, &p), -ENOSPC);
	wr(&g, VDEV_GUEST_EVENT_POP, 0);
	wr(&g, VDEV_GUEST_EVENT_POP, 0);
	vdev_removal_set_address(g.removal, g.mute, NOWHERE);
	rig_request(&g, g.mute, VDEV_REMOVAL_ACK_KEEP, 0);
	save(&g, &image);
	assert_int_equal(load(&g, &image, &p), -ENOSPC);
	assert_null(p);
	rig_end(&g);
}

static void bad_arguments(void **state)
{
	struct vdev_pvdev *p = NULL;
	struct image image;
	struct rig g;
	size_t n;

	(void)state;
	rig_begin(&g, NULL);
	save(&g, &image);
	assert_int_equal(vdev_pvdev_save(NULL, 0, NULL, 0, &n), -EINVAL);
	assert_int_equal(vdev_pvdev_save(g.pvdev, 0, NULL, 0, NULL), -EINVAL);
	assert_int_equal(vdev_pvdev_save(g.pvdev, 0, NULL, 1, &n), -EINVAL);
	assert_int_equal(vdev_pvdev_load(NULL, NULL, 0, image.bytes, image.size, &p), -EINVAL);
	assert_int_equal(vdev_pvdev_load(NULL, &g.config, 0, NULL, 0, &p), -EINVAL);
	assert_int_equal(vdev_pvdev_load(NULL, &g.config, 0, image.bytes, image.size, NULL),
			 -EINVAL);
	assert_null(p);
	rig_end(&g);
}

/* Each truncation and each flipped bit is refused. */
static void damaged_images(void **state)
{
	struct vdev_pvdev *p = NULL;
	struct image image;
	struct rig g;
	size_t size;

	(void)state;
	rig_begin(&g, NULL);
	rig_ready(&g);
	rig_request(&g, g.disk, VDEV_REMOVAL_ACK_KEEP, 0);
	save(&g, &image);
	size = image.size;
	for (image.size = 0; image.size < size; image.size++)
		assert_int_equal(load(&g, &image, &p), -EBADMSG);
	for (size_t i = 0; i < size * 8; i++) {
		int r;

		image.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		r = load(&g, &image, &p);
		assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT);
		image.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_null(p);
	rig_end(&g);
}

static void foreign_images(void **state)
{
	struct vdev_pvdev *p = NULL;
	struct image image;
	struct vdev__writer w;
	struct rig g;

	(void)state;
	rig_begin(&g, NULL);
	vdev__writer_init(&w, image.bytes, sizeof(image.bytes), VDEV_PART_REMOVAL, 1);
	assert_int_equal(vdev__writer_finish(&w, &image.size), 0);
	assert_int_equal(load(&g, &image, &p), -EBADMSG);
	vdev__writer_init(&w, image.bytes, sizeof(image.bytes), VDEV_PART_PVDEV, 3);
	assert_int_equal(vdev__writer_finish(&w, &image.size), 0);
	assert_int_equal(load(&g, &image, &p), -EPROTONOSUPPORT);
	assert_null(p);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_of_the_handshake),
		cmocka_unit_test(events_and_requests_move),
		cmocka_unit_test(quota_moves),
		cmocka_unit_test(config_must_hold_the_image),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(damaged_images),
		cmocka_unit_test(foreign_images),
	};

	return cmocka_run_group_tests_name("pvdev_image", tests, NULL, NULL);
}
