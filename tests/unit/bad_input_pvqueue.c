/* SPDX-License-Identifier: BSD-3-Clause */
/* Misuse of a queue by its embedder; what guests do is in test_pvqueue_*.c. */
#include "bad_input.h"

#include <vdev/guest.h>

#define RING 0x1000u
#define EVENTS 0x2000u

static uint8_t *at(struct bad *b, uint64_t address, size_t size)
{
	return address <= sizeof(b->ram) && size <= sizeof(b->ram) - address ? b->ram + address
									     : NULL;
}

static int read_(void *user, uint64_t address, void *buf, size_t size)
{
	const uint8_t *from = at(user, address, size);

	if (from)
		memcpy(buf, from, size);
	return from ? 0 : -EFAULT;
}

static int write_(void *user, uint64_t address, const void *buf, size_t size)
{
	uint8_t *to = at(user, address, size);

	if (to)
		memcpy(to, buf, size);
	return to ? 0 : -EFAULT;
}

static struct vdev_pvqueue_config good_config(struct bad *b)
{
	return (struct vdev_pvqueue_config){
		.struct_size = sizeof(struct vdev_pvqueue_config),
		.user = b,
		.read = read_,
		.write = write_,
	};
}

static struct vdev_pvqueue_rings good_rings(void)
{
	return (struct vdev_pvqueue_rings){
		.struct_size = sizeof(struct vdev_pvqueue_rings),
		.size = 8,
		.events_size = 16,
		.address = RING,
		.events = EVENTS,
	};
}

/* On, with one message in flight. */
void bad_pvqueue_begin(struct bad *b)
{
	struct vdev_pvqueue_config config = good_config(b);
	struct vdev_pvqueue_rings rings = good_rings();
	uint8_t *d = b->ram + RING + VDEV_GUEST_RING_FIRST;
	struct vdev_pvqueue_message m;

	assert_int_equal(vdev_pvqueue_new(&b->pvq, &b->v.env, &config), 0);
	assert_int_equal(vdev_pvqueue_start(b->pvq, &rings), 0);
	d[VDEV_GUEST_DESC_LENGTH] = 1;
	d[VDEV_GUEST_DESC_KIND] = VDEV_GUEST_MSG_SEND;
	b->ram[RING + VDEV_GUEST_RING_PRODUCED] = 1;
	assert_int_equal(vdev_pvqueue_next(b->pvq, &m, sizeof(m)), VDEV_PVQUEUE_MESSAGE);
	b->message = m.handle;
	assert_int_equal(vdev_pvqueue_save(b->pvq, b->pvq_image, BAD_IMAGE, &b->pvq_image_size), 0);
}

void bad_pvqueue_end(struct bad *b)
{
	vdev_pvqueue_free(b->pvq);
}

void bad_pvqueue_image(struct bad *b)
{
	uint8_t image[BAD_IMAGE];
	size_t size;

	assert_int_equal(vdev_pvqueue_save(b->pvq, image, sizeof(image), &size), 0);
	assert_int_equal(size, b->pvq_image_size);
	assert_memory_equal(image, b->pvq_image, size);
}

static int make(const struct vdev_env *env, const struct vdev_pvqueue_config *config)
{
	struct vdev_pvqueue *made = NULL;
	int ret = vdev_pvqueue_new(&made, env, config);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_pvqueue_free(made);
	return ret;
}

static void new (struct bad *b)
{
	struct vdev_pvqueue_config good = good_config(b), c = good;

	EINVAL_OF(vdev_pvqueue_new(NULL, NULL, &good));
	EINVAL_OF(make(NULL, NULL));
	EACH_SIZE(struct vdev_pvqueue_config, good, make(NULL, in), 1);
	EACH_SIZE(struct vdev_env, b->v.env, make(in, &good), 1);
	c.read = NULL;
	EINVAL_OF(make(NULL, &c));
	c = good;
	c.write = NULL;
	EINVAL_OF(make(NULL, &c));
	c = good;
	c.reserved = 1;
	EINVAL_OF(make(NULL, &c));
}

static void free_(struct bad *b)
{
	(void)b;
	vdev_pvqueue_free(NULL);
}

static void start(struct bad *b)
{
	struct vdev_pvqueue_rings good = good_rings();

	EINVAL_OF(vdev_pvqueue_start(NULL, &good));
	EINVAL_OF(vdev_pvqueue_start(b->pvq, NULL));
	EACH_SIZE(struct vdev_pvqueue_rings, good, vdev_pvqueue_start(b->pvq, in), 0);
	assert_int_equal(vdev_pvqueue_start(b->pvq, &good), -EBUSY); /* it is ON */
	good.size = 3;
	EINVAL_OF(vdev_pvqueue_start(b->pvq, &good));
}

static void stop(struct bad *b)
{
	EINVAL_OF(vdev_pvqueue_stop(NULL));
}

static void stop_twice(struct bad *b)
{
	assert_int_equal(vdev_pvqueue_stop(b->pvq), 0);
	assert_int_equal(vdev_pvqueue_stop(b->pvq), -EBUSY);
}

static void next(struct bad *b)
{
	struct vdev_pvqueue_message m;

	EINVAL_OF(vdev_pvqueue_next(NULL, &m, sizeof(m)));
	EINVAL_OF(vdev_pvqueue_next(b->pvq, NULL, sizeof(m)));
	EINVAL_OF(vdev_pvqueue_next(b->pvq, &m, 0));
}

static void answer(struct bad *b)
{
	EINVAL_OF(vdev_pvqueue_answer(NULL, b->message, VDEV_GUEST_DONE_SENT, 0));
	EINVAL_OF(vdev_pvqueue_answer(b->pvq, b->message, VDEV_GUEST_DONE_LOST + 1, 0));
	EINVAL_OF(vdev_pvqueue_answer(b->pvq, b->message, VDEV_GUEST_DONE_OK, 0)); /* of a SEND */
	EACH_HANDLE(b, vdev_pvqueue_answer(b->pvq, handle, VDEV_GUEST_DONE_SENT, 0), -ENOENT);
}

static void answer_twice(struct bad *b)
{
	assert_int_equal(vdev_pvqueue_answer(b->pvq, b->message, VDEV_GUEST_DONE_SENT, 0),
			 VDEV_PVQUEUE_RAISE);
	assert_int_equal(vdev_pvqueue_answer(b->pvq, b->message, VDEV_GUEST_DONE_SENT, 0), -ENOENT);
}

static void hint(struct bad *b)
{
	const uint64_t set[1] = {1}, none[1] = {0};

	EINVAL_OF(vdev_pvqueue_hint(NULL, 0, 0, 0, set, 1));
	EINVAL_OF(vdev_pvqueue_hint(b->pvq, 0, 0, 0, NULL, 1));
	EINVAL_OF(vdev_pvqueue_hint(b->pvq, 0, 0, 0, set, 0));
	EINVAL_OF(vdev_pvqueue_hint(b->pvq, 0, 0, 0, none, 1));
	EINVAL_OF(vdev_pvqueue_hint(b->pvq, 0, 0, 0, set, VDEV_PVQUEUE_HINT_WORDS + 1));
	EINVAL_OF(vdev_pvqueue_hint(b->pvq, 0, UINT32_MAX, 0, set, 1));
	EINVAL_OF(vdev_pvqueue_hint(b->pvq, 0, 0, UINT32_MAX, set, 1));
}

static void tell(struct bad *b)
{
	EINVAL_OF(vdev_pvqueue_tell(NULL, VDEV_GUEST_TOLD_UNASKED, 0, 0, 0));
	EINVAL_OF(vdev_pvqueue_tell(b->pvq, VDEV_GUEST_TOLD_ACCESSIBLE, 0, 0, 0));
	EINVAL_OF(vdev_pvqueue_tell(b->pvq, 0, 0, 0, 0));
}

static void tag(struct bad *b)
{
	EINVAL_OF(vdev_pvqueue_tag(NULL, b->message, 1));
	EACH_HANDLE(b, vdev_pvqueue_tag(b->pvq, handle, 1), -ENOENT);
}

static void get(struct bad *b)
{
	struct vdev_pvqueue_message m;

	EINVAL_OF(vdev_pvqueue_get(NULL, b->message, &m, sizeof(m)));
	EINVAL_OF(vdev_pvqueue_get(b->pvq, b->message, NULL, sizeof(m)));
	EINVAL_OF(vdev_pvqueue_get(b->pvq, b->message, &m, 0));
	EACH_HANDLE(b, vdev_pvqueue_get(b->pvq, handle, &m, sizeof(m)), -ENOENT);
}

static void walk(struct bad *b)
{
	struct vdev_pvqueue_message m;
	uint64_t cursor = UINT64_MAX;

	EINVAL_OF(vdev_pvqueue_walk(NULL, &cursor, &m, sizeof(m)));
	EINVAL_OF(vdev_pvqueue_walk(b->pvq, NULL, &m, sizeof(m)));
	EINVAL_OF(vdev_pvqueue_walk(b->pvq, &cursor, NULL, sizeof(m)));
	EINVAL_OF(vdev_pvqueue_walk(b->pvq, &cursor, &m, 0));
	assert_int_equal(vdev_pvqueue_walk(b->pvq, &cursor, &m, sizeof(m)), 0); /* past the end */
	assert_int_equal(cursor, UINT64_MAX);
}

static void stats(struct bad *b)
{
	struct vdev_pvqueue_stats s;

	EINVAL_OF(vdev_pvqueue_stats(NULL, &s, sizeof(s)));
	EINVAL_OF(vdev_pvqueue_stats(b->pvq, NULL, sizeof(s)));
	EINVAL_OF(vdev_pvqueue_stats(b->pvq, &s, 0));
}

static void save(struct bad *b)
{
	uint8_t image[BAD_IMAGE];
	size_t size = 7;

	EINVAL_OF(vdev_pvqueue_save(NULL, image, sizeof(image), &size));
	EINVAL_OF(vdev_pvqueue_save(b->pvq, image, sizeof(image), NULL));
	EINVAL_OF(vdev_pvqueue_save(b->pvq, NULL, 1, &size));
	assert_int_equal(size, 7);
	assert_int_equal(vdev_pvqueue_save(b->pvq, NULL, 0, &size), -ENOBUFS);
	assert_int_equal(vdev_pvqueue_save(b->pvq, image, 1, &size), -ENOBUFS);
}

static int load_from(const struct vdev_pvqueue_config *config, const void *image, size_t size)
{
	struct vdev_pvqueue *made = NULL;
	int ret = vdev_pvqueue_load(NULL, config, image, size, &made);

	assert_true(ret ? made == NULL : made != NULL);
	vdev_pvqueue_free(made);
	return ret;
}

static void load(struct bad *b)
{
	struct vdev_pvqueue_config good = good_config(b), c = good;

	EINVAL_OF(vdev_pvqueue_load(NULL, &good, b->pvq_image, b->pvq_image_size, NULL));
	EINVAL_OF(load_from(NULL, b->pvq_image, b->pvq_image_size));
	EINVAL_OF(load_from(&good, NULL, b->pvq_image_size));
	c.read = NULL;
	EINVAL_OF(load_from(&c, b->pvq_image, b->pvq_image_size));
	assert_int_equal(load_from(&good, b->pvq_image, 0), -EBADMSG);
	assert_int_equal(load_from(&good, b->pvq_image, b->pvq_image_size - 1), -EBADMSG);
	assert_int_equal(load_from(&good, b->image, b->image_size), -EBADMSG);
	EACH_SIZE(struct vdev_pvqueue_config, good, load_from(in, b->pvq_image, b->pvq_image_size),
		  1);
}

static const struct bad_row rows[] = {
	{"vdev_pvqueue_new", new, NULL, 0},
	{"vdev_pvqueue_free", free_, NULL, 0},
	{"vdev_pvqueue_start", start, NULL, 0},
	{"vdev_pvqueue_stop", stop, stop_twice, 0},
	{"vdev_pvqueue_next", next, NULL, 0},
	{"vdev_pvqueue_answer", answer, answer_twice, BAD_PVQUEUE_STALE},
	{"vdev_pvqueue_tell", tell, NULL, 0},
	{"vdev_pvqueue_hint", hint, NULL, 0},
	{"vdev_pvqueue_tag", tag, NULL, 0},
	{"vdev_pvqueue_get", get, NULL, 0},
	{"vdev_pvqueue_walk", walk, NULL, 0},
	{"vdev_pvqueue_stats", stats, NULL, 0},
	{"vdev_pvqueue_save", save, NULL, 0},
	{"vdev_pvqueue_load", load, NULL, 0},
};

const struct bad_table bad_pvqueue = BAD_TABLE(rows);
