/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the paravirtual function by its embedder; what guests do is in test_pvdev_*.c. */
#include "bad_input.h"

#include <vdev/guest.h>

static struct vdev_pvdev_config good_config(struct bad *b)
{
	return (struct vdev_pvdev_config){.struct_size = sizeof(struct vdev_pvdev_config),
					  .removal = b->r};
}

static int make(const struct vdev_env *env, const struct vdev_pvdev_config *config)
{
	struct vdev_pvdev *made = NULL;
	int ret = vdev_pvdev_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_pvdev_free(made);
	return ret;
}

static void new (struct bad *b)
{
	struct vdev_pvdev_config good = good_config(b), c = good;

	EINVAL_OF(vdev_pvdev_new(NULL, NULL, &good));
	EINVAL_OF(make(NULL, NULL));
	EACH_SIZE(struct vdev_pvdev_config, good, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &good), 1);
	c.removal = NULL;
	EINVAL_OF(make(NULL, &c));
	c = good;
	c.features = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
	c = good;
	c.max_events = 65537;
	EINVAL_OF(make(NULL, &c));
	c = good;
	c.reserved = 1;
	EINVAL_OF(make(NULL, &c));
	c = good;
	c.command_quota = UINT32_MAX;
	c.quota_period_ns = UINT64_MAX;
	assert_int_equal(make(NULL, &c), 0);
}

static void free_(struct bad *b)
{
	(void)b;
	vdev_pvdev_free(NULL);
}

static void read_(struct bad *b)
{
	uint8_t data[16];

	memset(data, 0x55, sizeof(data));
	EINVAL_OF(vdev_pvdev_read(NULL, b->now, 0, data, 4));
	EINVAL_OF(vdev_pvdev_read(b->p, b->now, 0, NULL, 4));
	EINVAL_OF(vdev_pvdev_read(b->p, b->now, 0, data, 0));
	EINVAL_OF(vdev_pvdev_read(b->p, b->now, 0, data, 9));
	EINVAL_OF(vdev_pvdev_read(b->p, b->now, 0, data, SIZE_MAX));
	assert_int_equal(data[0], 0x55);
}

static void read_past_the_end(struct bad *b)
{
	static const uint64_t offsets[] = {VDEV_GUEST_BAR_SIZE, UINT32_MAX, UINT64_MAX - 3,
					   UINT64_MAX};
	uint64_t data;

	for (uint32_t i = 0; i < VT_COUNT(offsets); i++) {
		data = 0;
		assert_int_equal(vdev_pvdev_read(b->p, b->now, offsets[i], &data, 8), 0);
		assert_int_equal(data, UINT64_MAX);
	}
}

static void write_(struct bad *b)
{
	uint64_t data = 0;

	EINVAL_OF(vdev_pvdev_write(NULL, b->now, VDEV_GUEST_STATUS, &data, 4));
	EINVAL_OF(vdev_pvdev_write(b->p, b->now, VDEV_GUEST_STATUS, NULL, 4));
	EINVAL_OF(vdev_pvdev_write(b->p, b->now, VDEV_GUEST_STATUS, &data, 0));
	EINVAL_OF(vdev_pvdev_write(b->p, b->now, VDEV_GUEST_STATUS, &data, 9));
	EINVAL_OF(vdev_pvdev_write(b->p, b->now, VDEV_GUEST_STATUS, &data, SIZE_MAX));
}

static void write_past_the_end(struct bad *b)
{
	uint64_t data = UINT64_MAX;

	assert_int_equal(vdev_pvdev_write(b->p, b->now, VDEV_GUEST_BAR_SIZE, &data, 4), 0);
	assert_int_equal(vdev_pvdev_write(b->p, b->now, UINT64_MAX, &data, 8), 0);
	assert_int_equal(vdev_pvdev_write(b->p, UINT64_MAX, UINT64_MAX - 7, &data, 8), 0);
}

static void perform(struct bad *b)
{
	struct vdev_action a = {.id = 1, .dev = b->unit, .kind = VDEV_REMOVAL_TEARDOWN};

	EINVAL_OF(vdev_pvdev_perform(NULL, b->now, &a));
	EINVAL_OF(vdev_pvdev_perform(b->p, b->now, NULL));
	assert_int_equal(vdev_pvdev_perform(b->p, b->now, &a), -EOPNOTSUPP);
	a.kind = UINT32_MAX;
	assert_int_equal(vdev_pvdev_perform(b->p, b->now, &a), -EOPNOTSUPP);
	a.kind = VDEV_REMOVAL_WARN; /* of a unit with another transport */
	assert_int_equal(vdev_pvdev_perform(b->p, b->now, &a), -EOPNOTSUPP);
	for (uint32_t i = 0; i < b->handle_count; i++) {
		a.dev = b->handles[i];
		assert_true(vdev_pvdev_perform(b->p, b->now, &a) < 0);
	}
}

static void queue(struct bad *b)
{
	struct vdev_pvqueue_rings rings = {.struct_size = 7};

	EINVAL_OF(vdev_pvdev_queue(NULL, 0, &rings, sizeof(rings)));
	EINVAL_OF(vdev_pvdev_queue(b->p, 0, &rings, 0));
	EINVAL_OF(vdev_pvdev_queue(b->p, 0, &rings, 3));
	assert_int_equal(vdev_pvdev_queue(b->p, 0, &rings, sizeof(rings)), -ENOENT);
	assert_int_equal(vdev_pvdev_queue(b->p, UINT32_MAX, NULL, 0), -ENOENT);
	assert_int_equal(rings.struct_size, 7);
}

static void queue_set(struct bad *b)
{
	EINVAL_OF(vdev_pvdev_queue_set(NULL, 0, VDEV_GUEST_QUEUE_OFF));
	EINVAL_OF(vdev_pvdev_queue_set(b->p, 0, VDEV_GUEST_QUEUE_ON));
	EINVAL_OF(vdev_pvdev_queue_set(b->p, 0, UINT32_MAX));
	assert_int_equal(vdev_pvdev_queue_set(b->p, 0, VDEV_GUEST_QUEUE_OFF), -ENOENT);
}

static void doorbells(struct bad *b)
{
	assert_int_equal(vdev_pvdev_doorbells(NULL), 0);
	assert_int_equal(vdev_pvdev_doorbells(b->p), 0);
}

static void queue_irq(struct bad *b)
{
	EINVAL_OF(vdev_pvdev_queue_irq(NULL));
	assert_int_equal(vdev_pvdev_queue_irq(b->p), 0); /* has no queues */
	assert_int_equal(vdev_pvdev_line(b->p), 0);
}

static void features(struct bad *b)
{
	EINVAL_OF(vdev_pvdev_features(NULL));
	assert_true(vdev_pvdev_features(b->p) >= 0);
}

static void line(struct bad *b)
{
	EINVAL_OF(vdev_pvdev_line(NULL));
	assert_int_equal(vdev_pvdev_line(b->p), 0);
}

static void reset(struct bad *b)
{
	EINVAL_OF(vdev_pvdev_reset(NULL, b->now));
	assert_true(vdev_pvdev_reset(b->p, b->now) >= 0); /* it is in reset already */
	assert_true(vdev_pvdev_reset(b->p, b->now) >= 0);
}

static void stats(struct bad *b)
{
	struct vdev_pvdev_stats s;

	EINVAL_OF(vdev_pvdev_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_pvdev_stats(b->p, NULL, sizeof(s)));
	EINVAL_OF(vdev_pvdev_stats(b->p, &s, 0));
}

static void save(struct bad *b)
{
	uint8_t image[BAD_IMAGE];
	size_t size = 7;

	EINVAL_OF(vdev_pvdev_save(NULL, b->now, image, sizeof(image), &size));
	EINVAL_OF(vdev_pvdev_save(b->p, b->now, image, sizeof(image), NULL));
	EINVAL_OF(vdev_pvdev_save(b->p, b->now, NULL, 1, &size));
	assert_int_equal(size, 7);
	assert_int_equal(vdev_pvdev_save(b->p, b->now, NULL, 0, &size), -ENOBUFS);
	assert_int_equal(vdev_pvdev_save(b->p, b->now, image, 1, &size), -ENOBUFS);
	assert_int_equal(vdev_pvdev_save(b->p, UINT64_MAX, image, sizeof(image), &size), 0);
}

static int load_from(struct bad *b, const struct vdev_pvdev_config *config, const void *image,
		     size_t size)
{
	struct vdev_pvdev *made = NULL;
	int ret = vdev_pvdev_load(NULL, config, b->now, image, size, &made);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_pvdev_free(made);
	return ret;
}

static void load(struct bad *b)
{
	struct vdev_pvdev_config good = good_config(b), c = good;

	EINVAL_OF(vdev_pvdev_load(NULL, &good, 0, b->pvdev_image, b->pvdev_image_size, NULL));
	EINVAL_OF(load_from(b, NULL, b->pvdev_image, b->pvdev_image_size));
	EINVAL_OF(load_from(b, &good, NULL, b->pvdev_image_size));
	c.removal = NULL;
	EINVAL_OF(load_from(b, &c, b->pvdev_image, b->pvdev_image_size));
	assert_int_equal(load_from(b, &good, b->pvdev_image, 0), -EBADMSG);
	assert_int_equal(load_from(b, &good, b->pvdev_image, b->pvdev_image_size - 1), -EBADMSG);
	assert_int_equal(load_from(b, &good, b->image, b->image_size), -EBADMSG);
	EACH_SIZE(struct vdev_pvdev_config, good,
		  load_from(b, in, b->pvdev_image, b->pvdev_image_size), 1);
}

static const struct bad_row rows[] = {
	{"vdev_pvdev_new", new, NULL, 0},
	{"vdev_pvdev_free", free_, NULL, 0},
	{"vdev_pvdev_read", read_, read_past_the_end, 0},
	{"vdev_pvdev_write", write_, write_past_the_end, 0},
	{"vdev_pvdev_perform", perform, NULL, 0},
	{"vdev_pvdev_queue", queue, NULL, 0},
	{"vdev_pvdev_queue_set", queue_set, NULL, 0},
	{"vdev_pvdev_doorbells", doorbells, NULL, 0},
	{"vdev_pvdev_features", features, NULL, 0},
	{"vdev_pvdev_queue_irq", queue_irq, NULL, 0},
	{"vdev_pvdev_line", line, NULL, 0},
	{"vdev_pvdev_reset", reset, NULL, 0},
	{"vdev_pvdev_stats", stats, NULL, 0},
	{"vdev_pvdev_save", save, NULL, 0},
	{"vdev_pvdev_load", load, NULL, 0},
};

const struct bad_table bad_pvdev = BAD_TABLE(rows);
