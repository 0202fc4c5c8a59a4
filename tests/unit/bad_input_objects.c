/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the calls of the removal engine that take or make structs. */
#include "bad_input.h"

static const struct vdev_removal_config good_config = {.struct_size = sizeof(good_config),
						       .max_units = 100};
static const struct vdev_removal_unit good_unit = {.struct_size = sizeof(good_unit)};
static const struct vdev_removal_request good_request = {.struct_size = sizeof(good_request)};

static int make(const struct vdev_env *env, const struct vdev_removal_config *config)
{
	struct vdev_removal *made = NULL;
	int ret = vdev_removal_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_removal_free(made);
	return ret;
}

static void new (struct bad *b)
{
	struct vdev_removal_config c = good_config;

	EINVAL_OF(vdev_removal_new(NULL, &b->v.env, &good_config));
	EINVAL_OF(make(&b->v.env, NULL));
	EACH_SIZE(struct vdev_removal_config, good_config, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &good_config), 1);
	c.flags = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
	c = good_config;
	c.max_units = UINT32_MAX;
	EINVAL_OF(make(NULL, &c));
}

static void free_(struct bad *b)
{
	(void)b;
	vdev_removal_free(NULL);
}

static int load_from(struct bad *b, const struct vdev_env *env,
		     const struct vdev_removal_config *config, const void *image, size_t size)
{
	struct vdev_removal *made = NULL;
	int ret = vdev_removal_load(env, config, b->now, image, size, &made);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_removal_free(made);
	return ret;
}

static void load(struct bad *b)
{
	EINVAL_OF(vdev_removal_load(NULL, &good_config, 0, b->image, b->image_size, NULL));
	EINVAL_OF(load_from(b, NULL, NULL, b->image, b->image_size));
	EINVAL_OF(load_from(b, NULL, &good_config, NULL, b->image_size));
	EINVAL_OF(load_from(b, NULL, &good_config, NULL, 0));
	assert_int_equal(load_from(b, NULL, &good_config, b->image, 0), -EBADMSG);
	assert_int_equal(load_from(b, NULL, &good_config, b->image, 1), -EBADMSG);
	assert_int_equal(load_from(b, NULL, &good_config, b->image, b->image_size - 1), -EBADMSG);
	/* another part's image */
	assert_int_equal(load_from(b, NULL, &good_config, b->pvdev_image, b->pvdev_image_size),
			 -EBADMSG);
	EACH_SIZE(struct vdev_removal_config, good_config,
		  load_from(b, NULL, in, b->image, b->image_size), 1);
	EACH_SIZE(struct vdev_env, b->v.env,
		  load_from(b, in, &good_config, b->image, b->image_size), 1);
}

static void save(struct bad *b)
{
	uint8_t image[BAD_IMAGE];
	size_t size = 7;

	EINVAL_OF(vdev_removal_save(NULL, b->now, image, sizeof(image), &size));
	EINVAL_OF(vdev_removal_save(b->r, b->now, image, sizeof(image), NULL));
	EINVAL_OF(vdev_removal_save(b->r, b->now, NULL, 1, &size));
	EINVAL_OF(vdev_removal_save(b->r, b->now, NULL, SIZE_MAX, &size));
	assert_int_equal(size, 7);
	assert_int_equal(vdev_removal_save(b->r, b->now, NULL, 0, &size), -ENOBUFS);
	assert_int_equal(vdev_removal_save(b->r, b->now, image, 1, &size), -ENOBUFS);
	assert_int_equal(vdev_removal_save(b->r, UINT64_MAX, image, sizeof(image), &size), 0);
	assert_int_equal(vdev_removal_save(b->r, 0, image, sizeof(image), &size), 0);
}

static int add_to(struct bad *b, const struct vdev_removal_unit *unit)
{
	uint64_t made = 77;
	int ret = vdev_removal_add(b->r, b->now, unit, &made);

	if (ret < 0)
		assert_int_equal(made, 77);
	return ret;
}

static void add(struct bad *b)
{
	struct vdev_removal_unit u = good_unit;
	uint64_t made;

	EINVAL_OF(vdev_removal_add(NULL, b->now, &good_unit, &made));
	EINVAL_OF(vdev_removal_add(b->r, b->now, &good_unit, NULL));
	EINVAL_OF(add_to(b, NULL));
	EACH_SIZE(struct vdev_removal_unit, good_unit, add_to(b, in), 0);
	u.flags = UINT32_MAX;
	EINVAL_OF(add_to(b, &u));
	u = good_unit;
	for (uint32_t i = 0; i + 1 < b->handle_count; i++) { /* the last is 0: no parent */
		u.parent = b->handles[i];
		assert_int_equal(add_to(b, &u), -ENOENT);
		assert_int_equal(vdev_removal_add(b->r, UINT64_MAX, &u, &made), -ENOENT);
	}
}

static void add_newer(struct bad *b)
{
	EACH_SIZE(struct vdev_removal_unit, good_unit, add_to(b, in), 1);
}

static void request(struct bad *b)
{
	struct vdev_removal_request q = good_request;

	EINVAL_OF(vdev_removal_request(NULL, b->now, b->unit, NULL));
	EACH_SIZE(struct vdev_removal_request, good_request,
		  vdev_removal_request(b->r, b->now, b->unit, in), 0);
	q.flags = UINT32_MAX;
	EINVAL_OF(vdev_removal_request(b->r, b->now, b->unit, &q));
	EACH_HANDLE(b, vdev_removal_request(b->r, b->now, handle, NULL), -ENOENT);
	EACH_HANDLE(b, vdev_removal_request(b->r, UINT64_MAX, handle, &good_request), -ENOENT);
}

static void request_newer_and_twice(struct bad *b)
{
	EACH_SIZE(struct vdev_removal_request, good_request,
		  vdev_removal_request(b->r, b->now, b->unit, in), 1);
	assert_true(vdev_removal_request(b->r, b->now, b->unit, NULL) >= 0);
}

static void plan(struct bad *b)
{
	struct vdev_removal_planned p[2];
	struct vdev_removal_request q = good_request;

	EINVAL_OF(vdev_removal_plan(NULL, b->unit, NULL, p, sizeof(p[0]), 2));
	EINVAL_OF(vdev_removal_plan(b->r, b->unit, NULL, NULL, sizeof(p[0]), 1));
	EINVAL_OF(vdev_removal_plan(b->r, b->unit, NULL, p, 0, 2));
	EACH_SIZE(struct vdev_removal_request, good_request,
		  vdev_removal_plan(b->r, b->unit, in, NULL, 0, 0), 1);
	q.flags = UINT32_MAX;
	EINVAL_OF(vdev_removal_plan(b->r, b->unit, &q, NULL, 0, 0));
	EACH_HANDLE(b, vdev_removal_plan(b->r, handle, NULL, p, sizeof(p[0]), 2), -ENOENT);
	assert_int_equal(vdev_removal_plan(b->r, b->pending, NULL, p, sizeof(p[0]), 2), -EBUSY);
	assert_true(vdev_removal_plan(b->r, b->unit, NULL, p, sizeof(p[0]), 0) > 2);
	assert_true(vdev_removal_plan(b->r, b->unit, NULL, NULL, SIZE_MAX, 0) > 2);
}

static void set_actions(struct bad *b)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS + 1];
	uint32_t n = (uint32_t)vdev_removal_get_actions(b->r, 0, 3, steps);

	EINVAL_OF(vdev_removal_set_actions(NULL, 0, 3, steps, n));
	EINVAL_OF(vdev_removal_set_actions(b->r, 0, 3, NULL, n));
	EINVAL_OF(vdev_removal_set_actions(b->r, 0, 3, steps, 0));
	EINVAL_OF(vdev_removal_set_actions(b->r, 0, 3, steps, VDEV_REMOVAL_MAX_STEPS + 1));
	EINVAL_OF(vdev_removal_set_actions(b->r, 0, 3, steps, UINT32_MAX));
	EINVAL_OF(vdev_removal_set_actions(b->r, VDEV_REMOVAL_CLASSES, 3, steps, n));
	EINVAL_OF(vdev_removal_set_actions(b->r, UINT32_MAX, 3, steps, n));
	EINVAL_OF(vdev_removal_set_actions(b->r, 0, 4, steps, n));
	EINVAL_OF(vdev_removal_set_actions(b->r, 0, UINT32_MAX, steps, n));
	EINVAL_OF(vdev_removal_set_actions(b->r, 0, 0, steps, n)); /* no warning in it */
	steps[0].deadline_ns = 0;
	EINVAL_OF(vdev_removal_set_actions(b->r, 0, 3, steps, n));
	/* in use: the pending unit is UNKNOWN */
	n = (uint32_t)vdev_removal_get_actions(b->r, 0, 0, steps);
	assert_int_equal(vdev_removal_set_actions(b->r, VDEV_REMOVAL_OTHER, 0, steps, n), -EBUSY);
	assert_int_equal(vdev_removal_set_actions(b->r, VDEV_REMOVAL_OTHER, 0, NULL, 0), -EBUSY);
}

static void set_actions_twice(struct bad *b)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	uint32_t n = (uint32_t)vdev_removal_get_actions(b->r, 0, 3, steps);

	assert_int_equal(vdev_removal_set_actions(b->r, 0, 3, steps, n), 0);
	assert_int_equal(vdev_removal_set_actions(b->r, 0, 3, steps, n), 0);
	assert_int_equal(vdev_removal_set_actions(b->r, 0, 3, NULL, 0), 0);
	assert_int_equal(vdev_removal_set_actions(b->r, 0, 3, NULL, 0), 0);
}

static void get_actions(struct bad *b)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];

	EINVAL_OF(vdev_removal_get_actions(NULL, 0, 0, steps));
	EINVAL_OF(vdev_removal_get_actions(b->r, 0, 0, NULL));
	EINVAL_OF(vdev_removal_get_actions(b->r, VDEV_REMOVAL_CLASSES, 0, steps));
	EINVAL_OF(vdev_removal_get_actions(b->r, UINT32_MAX, 0, steps));
	EINVAL_OF(vdev_removal_get_actions(b->r, 0, 15, steps));
	EINVAL_OF(vdev_removal_get_actions(b->r, 0, 32, steps));
	EINVAL_OF(vdev_removal_get_actions(b->r, 0, UINT32_MAX, steps));
}

static const struct bad_row rows[] = {
	{"vdev_removal_new", new, NULL, 0},
	{"vdev_removal_free", free_, NULL, 0},
	{"vdev_removal_load", load, NULL, 0},
	{"vdev_removal_save", save, NULL, 0},
	{"vdev_removal_add", add, add_newer, 0},
	{"vdev_removal_request", request, request_newer_and_twice, 0},
	{"vdev_removal_plan", plan, NULL, 0},
	{"vdev_removal_set_actions", set_actions, set_actions_twice, 0},
	{"vdev_removal_get_actions", get_actions, NULL, 0},
};

const struct bad_table bad_objects = BAD_TABLE(rows);
