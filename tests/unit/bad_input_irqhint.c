/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of the interrupt-hint engine. */
#include "bad_input.h"

#define TYPES 2u

static const struct vdev_irqhint_cpu topology[2] = {{0, 0, 0, 0}, {1, 0, 0, 0}};
static const struct vdev_irqhint_config good = {.struct_size = sizeof(good),
						.max_devices = 2,
						.max_types = 8,
						.cpu_count = 2,
						.cpus = topology};

static int make(struct bad *b, const struct vdev_env *env, const struct vdev_irqhint_config *config)
{
	struct vdev_irqhint *made = NULL;
	int ret = vdev_irqhint_new(&made, env, b->map, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_irqhint_free(made);
	return ret;
}

/* A device that was hinted and one that is gone. */
void bad_irqhint_begin(struct bad *b)
{
	struct vdev_irqhint_hint h;
	uint64_t set[2];

	assert_int_equal(vdev_irqhint_new(&b->h, &b->v.env, b->map, &good), 0);
	assert_int_equal(vdev_irqhint_add(b->h, TYPES, 1, &b->hinted_gone), 0);
	assert_int_equal(vdev_irqhint_add(b->h, TYPES, 2, &b->hinted), 0);
	assert_int_equal(vdev_irqhint_remove(b->h, b->hinted_gone), 0);
	assert_int_equal(
		vdev_irqhint_event(b->h, b->now, b->hinted, 0, 2, 0, &h, sizeof(h), set, 2), 1);
	assert_int_equal(vdev_irqhint_save(b->h, b->now, b->irqhint_image, BAD_IMAGE,
					   &b->irqhint_image_size),
			 0);
}

void bad_irqhint_end(struct bad *b)
{
	vdev_irqhint_free(b->h);
}

void bad_irqhint_image(struct bad *b)
{
	uint8_t image[BAD_IMAGE];
	size_t size;

	assert_int_equal(vdev_irqhint_save(b->h, b->now, image, sizeof(image), &size), 0);
	assert_int_equal(size, b->irqhint_image_size);
	assert_memory_equal(image, b->irqhint_image, size);
}

/* A call with each handle that names no device. */
#define EACH_DEVICE(b, call, error)                                                            \
	do {                                                                                   \
		const uint64_t devs_[] = {(b)->hinted_gone, (b)->hinted + (UINT64_C(2) << 24), \
					  (b)->hinted + 1,  0,                                 \
					  UINT64_MAX,       (b)->hinted & 0xffffff};           \
                                                                                               \
		for (uint32_t i_ = 0; i_ < VT_COUNT(devs_); i_++) {                            \
			uint64_t dev = devs_[i_];                                              \
                                                                                               \
			assert_int_equal((call), (error));                                     \
		}                                                                              \
	} while (0)

static void new (struct bad *b)
{
	struct vdev_irqhint *made = NULL;
	struct vdev_irqhint_config c = good;

	EINVAL_OF(vdev_irqhint_new(NULL, NULL, b->map, &good));
	EINVAL_OF(vdev_irqhint_new(&made, NULL, NULL, &good));
	EINVAL_OF(make(b, NULL, NULL));
	EACH_SIZE(struct vdev_irqhint_config, good, make(b, NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(b, in, &good), 1);
	c.flags = UINT32_MAX;
	EINVAL_OF(make(b, NULL, &c));
	c = good;
	c.max_types = UINT32_MAX;
	EINVAL_OF(make(b, NULL, &c));
	c = good;
	c.cpu_count = UINT32_MAX;
	EINVAL_OF(make(b, NULL, &c));
	c = good;
	c.cpus = NULL;
	EINVAL_OF(make(b, NULL, &c));
}

static void free_(struct bad *b)
{
	(void)b;
	vdev_irqhint_free(NULL);
}

static void add(struct bad *b)
{
	uint64_t dev = 7;

	EINVAL_OF(vdev_irqhint_add(NULL, 1, 0, &dev));
	EINVAL_OF(vdev_irqhint_add(b->h, 1, 0, NULL));
	EINVAL_OF(vdev_irqhint_add(b->h, 0, 0, &dev));
	EINVAL_OF(vdev_irqhint_add(b->h, UINT32_MAX, 0, &dev));
	assert_int_equal(vdev_irqhint_add(b->h, 7, 0, &dev), -ENOSPC);
	assert_int_equal(dev, 7);
}

static void remove_(struct bad *b)
{
	EINVAL_OF(vdev_irqhint_remove(NULL, b->hinted));
	EACH_DEVICE(b, vdev_irqhint_remove(b->h, dev), -ENOENT);
}

static void event(struct bad *b)
{
	struct vdev_irqhint_hint h = {.reason = 77};
	uint64_t s[2] = {7, 7}, on = b->hinted;
	size_t z = sizeof(h);

	EINVAL_OF(vdev_irqhint_event(NULL, 0, on, 0, 0, 0, &h, z, s, 2));
	EINVAL_OF(vdev_irqhint_event(b->h, 0, on, TYPES, 0, 0, &h, z, s, 2));
	EINVAL_OF(vdev_irqhint_event(b->h, 0, on, UINT32_MAX, 0, 0, &h, z, s, 2));
	EINVAL_OF(vdev_irqhint_event(b->h, 0, on, 0, 4, 0, &h, z, s, 2));
	EINVAL_OF(vdev_irqhint_event(b->h, 0, on, 0, UINT32_MAX, 0, &h, z, s, 2));
	EINVAL_OF(vdev_irqhint_event(b->h, 0, on, 0, 0, ~1u, &h, z, s, 2));
	EINVAL_OF(vdev_irqhint_event(b->h, 0, on, 0, 0, 0, NULL, z, s, 2));
	EINVAL_OF(vdev_irqhint_event(b->h, 0, on, 0, 0, 0, &h, 0, s, 2));
	EINVAL_OF(vdev_irqhint_event(b->h, 0, on, 0, 0, 0, &h, z, NULL, 2));
	EINVAL_OF(vdev_irqhint_event(b->h, 0, on, 0, 0, 0, &h, z, s, 1));
	EACH_DEVICE(b, vdev_irqhint_event(b->h, 0, dev, 0, 0, 0, &h, z, s, 2), -ENOENT);
	assert_true(h.reason == 77 && s[0] == 7 && s[1] == 7);
}

static void programmed(struct bad *b)
{
	uint64_t s[3] = {1, 0, 0}, over[2] = {0, UINT64_C(1) << 6}, on = b->hinted;

	EINVAL_OF(vdev_irqhint_programmed(NULL, 0, on, 0, s, 2));
	EINVAL_OF(vdev_irqhint_programmed(b->h, 0, on, TYPES, s, 2));
	EINVAL_OF(vdev_irqhint_programmed(b->h, 0, on, 0, NULL, 2));
	EINVAL_OF(vdev_irqhint_programmed(b->h, 0, on, 0, s, 3));
	EINVAL_OF(vdev_irqhint_programmed(b->h, 0, on, 0, s, UINT32_MAX));
	assert_int_equal(vdev_irqhint_programmed(b->h, 0, on, 0, over, 2), -ERANGE);
	EACH_DEVICE(b, vdev_irqhint_programmed(b->h, 0, dev, 0, s, 2), -ENOENT);
}

static void choose(struct bad *b)
{
	uint32_t vcpu = 7, at = 7;

	EINVAL_OF(vdev_irqhint_choose(NULL, 0, b->hinted, 0, 0, &vcpu, &at));
	EINVAL_OF(vdev_irqhint_choose(b->h, 0, b->hinted, TYPES, 0, &vcpu, &at));
	EINVAL_OF(vdev_irqhint_choose(b->h, 0, b->hinted, 0, 4, &vcpu, &at));
	EINVAL_OF(vdev_irqhint_choose(b->h, 0, b->hinted, 0, 0, NULL, &at));
	EACH_DEVICE(b, vdev_irqhint_choose(b->h, 0, dev, 0, 0, &vcpu, &at), -ENOENT);
	assert_true(vcpu == 7 && at == 7);
}

static void device_reset(struct bad *b)
{
	EINVAL_OF(vdev_irqhint_device_reset(NULL, b->hinted));
	EACH_DEVICE(b, vdev_irqhint_device_reset(b->h, dev), -ENOENT);
}

static void guest_reset(struct bad *b)
{
	(void)b;
	EINVAL_OF(vdev_irqhint_guest_reset(NULL));
}

static void migrated(struct bad *b)
{
	(void)b;
	EINVAL_OF(vdev_irqhint_migrated(NULL));
}

static void get(struct bad *b)
{
	struct vdev_irqhint_info i;

	EINVAL_OF(vdev_irqhint_get(NULL, b->hinted, 0, &i, sizeof(i)));
	EINVAL_OF(vdev_irqhint_get(b->h, b->hinted, TYPES, &i, sizeof(i)));
	EINVAL_OF(vdev_irqhint_get(b->h, b->hinted, 0, NULL, sizeof(i)));
	EINVAL_OF(vdev_irqhint_get(b->h, b->hinted, 0, &i, 0));
	EACH_DEVICE(b, vdev_irqhint_get(b->h, dev, 0, &i, sizeof(i)), -ENOENT);
}

static void walk(struct bad *b)
{
	uint64_t cursor = 0, dev = 7;

	EINVAL_OF(vdev_irqhint_walk(NULL, &cursor, &dev, NULL));
	EINVAL_OF(vdev_irqhint_walk(b->h, NULL, &dev, NULL));
	EINVAL_OF(vdev_irqhint_walk(b->h, &cursor, NULL, NULL));
	assert_int_equal(cursor, 0);
	for (cursor = UINT64_MAX; cursor > 3; cursor /= 2)
		assert_int_equal(vdev_irqhint_walk(b->h, &cursor, &dev, NULL), 0);
	assert_int_equal(dev, 7);
}

static void set_user_data(struct bad *b)
{
	EINVAL_OF(vdev_irqhint_set_user_data(NULL, b->hinted, 1));
	EACH_DEVICE(b, vdev_irqhint_set_user_data(b->h, dev, 1), -ENOENT);
}

static void stats(struct bad *b)
{
	struct vdev_irqhint_stats s;

	EINVAL_OF(vdev_irqhint_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_irqhint_stats(b->h, NULL, sizeof(s)));
	EINVAL_OF(vdev_irqhint_stats(b->h, &s, 0));
}

static void save(struct bad *b)
{
	uint8_t image[BAD_IMAGE];
	size_t size = 0;

	EINVAL_OF(vdev_irqhint_save(NULL, 0, image, sizeof(image), &size));
	EINVAL_OF(vdev_irqhint_save(b->h, 0, image, sizeof(image), NULL));
	EINVAL_OF(vdev_irqhint_save(b->h, 0, NULL, 1, &size));
	assert_int_equal(size, 0);
	for (size_t room = 0; room < b->irqhint_image_size; room++) {
		assert_int_equal(vdev_irqhint_save(b->h, 0, image, room, &size), -ENOBUFS);
		assert_int_equal(size, b->irqhint_image_size);
	}
}

static int load_one(struct bad *b, const struct vdev_env *env, const struct vdev_cpumap *map,
		    const struct vdev_irqhint_config *config, uint32_t flags, const void *image,
		    size_t size)
{
	struct vdev_irqhint *made = NULL;
	int ret = vdev_irqhint_load(env, map, config, flags, b->now, image, size, &made);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_irqhint_free(made);
	return ret;
}

static void load(struct bad *b)
{
	const uint8_t *image = b->irqhint_image;
	size_t size = b->irqhint_image_size;

	EINVAL_OF(vdev_irqhint_load(NULL, b->map, &good, 0, 0, image, size, NULL));
	EINVAL_OF(load_one(b, NULL, NULL, &good, 0, image, size));
	EINVAL_OF(load_one(b, NULL, b->map, NULL, 0, image, size));
	EINVAL_OF(load_one(b, NULL, b->map, &good, 2, image, size));
	EINVAL_OF(load_one(b, NULL, b->map, &good, 0, NULL, size));
	EACH_SIZE(struct vdev_irqhint_config, good, load_one(b, NULL, b->map, in, 0, image, size),
		  1);
	EACH_SIZE(struct vdev_env, b->v.env, load_one(b, in, b->map, &good, 0, image, size), 1);
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(load_one(b, NULL, b->map, &good, 0, image, cut), -EBADMSG);
	assert_int_equal(load_one(b, NULL, b->map, &good, 0, b->image, b->image_size), -EBADMSG);
}

static void reason_name(struct bad *b)
{
	(void)b;
	assert_string_equal(vdev_irqhint_reason_name(VDEV_IRQHINT_REASONS), "?");
	assert_string_equal(vdev_irqhint_reason_name(UINT32_MAX), "?");
}

static void distance_name(struct bad *b)
{
	(void)b;
	assert_string_equal(vdev_irqhint_distance_name(VDEV_IRQHINT_DISTANCES), "?");
	assert_string_equal(vdev_irqhint_distance_name(UINT32_MAX), "?");
}

static const struct bad_row rows[] = {
	{"vdev_irqhint_new", new, NULL, 0},
	{"vdev_irqhint_free", free_, NULL, 0},
	{"vdev_irqhint_add", add, NULL, 0},
	{"vdev_irqhint_remove", remove_, NULL, 0},
	{"vdev_irqhint_event", event, NULL, 0},
	{"vdev_irqhint_programmed", programmed, NULL, BAD_IRQHINT_REFUSED},
	{"vdev_irqhint_choose", choose, NULL, 0},
	{"vdev_irqhint_device_reset", device_reset, NULL, 0},
	{"vdev_irqhint_guest_reset", guest_reset, NULL, 0},
	{"vdev_irqhint_migrated", migrated, NULL, 0},
	{"vdev_irqhint_get", get, NULL, 0},
	{"vdev_irqhint_walk", walk, NULL, 0},
	{"vdev_irqhint_set_user_data", set_user_data, NULL, 0},
	{"vdev_irqhint_stats", stats, NULL, 0},
	{"vdev_irqhint_save", save, NULL, 0},
	{"vdev_irqhint_load", load, NULL, 0},
	{"vdev_irqhint_reason_name", reason_name, NULL, 0},
	{"vdev_irqhint_distance_name", distance_name, NULL, 0},
};

const struct bad_table bad_irqhint = BAD_TABLE(rows);
