/* SPDX-License-Identifier: BSD-3-Clause */
/* Bad input of the zero-copy engine: what it is done to, images, names. */
#include "bad_input.h"

#include <limits.h>

static const struct vdev_zerocopy_config config = {
	.struct_size = sizeof(config), .max_queues = 2, .max_destinations = 2};

static struct vdev_zerocopy *make(struct bad *b, struct vdev_zerocopy_queue **ret_queue)
{
	static const struct vdev_zerocopy_memory memory = {.struct_size = sizeof(memory),
							   .address = BAD_RAM,
							   .size_bytes = 65536,
							   .granule_bytes = 4096};
	static const struct vdev_zerocopy_queue_config queue = {.struct_size = sizeof(queue),
								.slots = 16};
	struct vdev_zerocopy *z;

	assert_int_equal(vdev_zerocopy_new(&z, &b->v.env, &config), 0);
	assert_int_equal(vdev_zerocopy_add_memory(z, &memory), 0);
	assert_int_equal(vdev_zerocopy_add_queue(z, &queue, ret_queue), 0);
	return z;
}

static uint64_t reserve(struct bad *b, uint64_t page)
{
	const struct vdev_zerocopy_block block = {.struct_size = sizeof(block),
						  .address = BAD_RAM + page * 4096,
						  .length_bytes = 4096,
						  .timeout_ns = 50 * BAD_SECOND};
	uint64_t id = 0;

	assert_int_equal(vdev_zerocopy_reserve(b->q, &block, &id), VDEV_ZEROCOPY_LEND);
	return id;
}

static uint64_t lend(struct bad *b, uint64_t page)
{
	uint64_t id = reserve(b, page);

	assert_true(vdev_zerocopy_sent(b->q, b->now, id, 4096) >= 0);
	return id;
}

/* One of each: over, being replaced, lent, reserved. */
void bad_zerocopy_begin(struct bad *b)
{
	struct vdev_action a;

	b->z = make(b, &b->q);
	b->foreign = make(b, &b->foreign_queue);
	b->over = lend(b, 1);
	assert_int_equal(vdev_zerocopy_complete(b->q, b->over, b->over, VDEV_ZEROCOPY_TASK, NULL),
			 0);
	b->taken = lend(b, 2);
	assert_int_equal(vdev_zerocopy_reclaim(b->z, b->now, b->taken, 0), 1);
	assert_int_equal(vdev_zerocopy_next(b->z, &a, sizeof(a)), 1);
	b->zerocopy_action = a.id;
	b->reserved = reserve(b, 3);
	b->lent = lend(b, 4);
	assert_int_equal(vdev_zerocopy_save(b->z, b->now, b->zerocopy_image, BAD_IMAGE,
					    &b->zerocopy_image_size),
			 0);
}

void bad_zerocopy_end(struct bad *b)
{
	vdev_zerocopy_free(b->foreign);
	vdev_zerocopy_free(b->z);
}

void bad_zerocopy_image(struct bad *b)
{
	uint8_t image[BAD_IMAGE];
	size_t size;

	assert_int_equal(vdev_zerocopy_save(b->z, b->now, image, sizeof(image), &size), 0);
	assert_int_equal(size, b->zerocopy_image_size);
	assert_memory_equal(image, b->zerocopy_image, size);
}

static int load_from(const struct vdev_env *env, const struct vdev_zerocopy_config *c,
		     uint32_t flags, const void *image, size_t size)
{
	struct vdev_zerocopy *made = NULL;
	int ret = vdev_zerocopy_load(env, c, flags, BAD_SECOND, image, size, &made);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_zerocopy_free(made);
	return ret;
}

static void load(struct bad *b)
{
	const void *image = b->zerocopy_image;
	size_t size = b->zerocopy_image_size;

	EINVAL_OF(vdev_zerocopy_load(NULL, &config, 0, 0, image, size, NULL));
	EINVAL_OF(load_from(NULL, NULL, 0, image, size));
	EINVAL_OF(load_from(NULL, &config, 2, image, size));
	EINVAL_OF(load_from(NULL, &config, UINT32_MAX, image, size));
	EINVAL_OF(load_from(NULL, &config, 0, NULL, size));
	assert_int_equal(load_from(NULL, &config, 0, image, 0), -EBADMSG);
	assert_int_equal(load_from(NULL, &config, 0, image, 1), -EBADMSG);
	assert_int_equal(load_from(NULL, &config, 0, image, size - 1), -EBADMSG);
	assert_int_equal(load_from(NULL, &config, 0, b->image, b->image_size), -EBADMSG);
	EACH_SIZE(struct vdev_zerocopy_config, config, load_from(NULL, in, 0, image, size), 1);
	EACH_SIZE(struct vdev_env, b->v.env, load_from(in, &config, 0, image, size), 1);
}

static void save(struct bad *b)
{
	uint8_t image[BAD_IMAGE];
	size_t size = 7;

	EINVAL_OF(vdev_zerocopy_save(NULL, b->now, image, sizeof(image), &size));
	EINVAL_OF(vdev_zerocopy_save(b->z, b->now, image, sizeof(image), NULL));
	EINVAL_OF(vdev_zerocopy_save(b->z, b->now, NULL, 1, &size));
	EINVAL_OF(vdev_zerocopy_save(b->z, b->now, NULL, SIZE_MAX, &size));
	assert_int_equal(size, 7);
	assert_int_equal(vdev_zerocopy_save(b->z, b->now, NULL, 0, &size), -ENOBUFS);
	assert_int_equal(vdev_zerocopy_save(b->z, b->now, image, 1, &size), -ENOBUFS);
}

static void expect_no_name(const char *(*name)(uint32_t value), uint32_t last)
{
	assert_string_equal(name(last + 1), "?");
	assert_string_equal(name(UINT32_MAX), "?");
	assert_string_equal(name(UINT32_MAX / 2), "?");
	assert_non_null(name(0));
}

static void kind_name(struct bad *b)
{
	(void)b;
	expect_no_name(vdev_zerocopy_kind_name, VDEV_ZEROCOPY_REFUSED);
}

static void outcome_name(struct bad *b)
{
	(void)b;
	expect_no_name(vdev_zerocopy_outcome_name, VDEV_ZEROCOPY_LOST);
}

static void state_name(struct bad *b)
{
	(void)b;
	expect_no_name(vdev_zerocopy_state_name, VDEV_ZEROCOPY_QUARANTINED);
}

static void event_name(struct bad *b)
{
	(void)b;
	expect_no_name(vdev_zerocopy_event_name, VDEV_ZEROCOPY_EV_TIMEOUT);
}

static void because(struct bad *b)
{
	static const int values[] = {-1, VDEV_ZEROCOPY_COPY_REASONS, INT_MAX, INT_MIN, 0xff};

	(void)b;
	for (uint32_t i = 0; i < VT_COUNT(values); i++)
		assert_string_equal(vdev_zerocopy_because(values[i]), "?");
}

static const struct bad_row rows[] = {
	{"vdev_zerocopy_load", load, NULL, 0},
	{"vdev_zerocopy_save", save, NULL, 0},
	{"vdev_zerocopy_kind_name", kind_name, NULL, 0},
	{"vdev_zerocopy_outcome_name", outcome_name, NULL, 0},
	{"vdev_zerocopy_state_name", state_name, NULL, 0},
	{"vdev_zerocopy_event_name", event_name, NULL, 0},
	{"vdev_zerocopy_because", because, NULL, 0},
};

const struct bad_table bad_zerocopy_readers = BAD_TABLE(rows);
