/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests with forged images of the removal engine share: an image whose fields can be changed. */
#ifndef TEST_REMOVAL_FORGE_H
#define TEST_REMOVAL_FORGE_H

#include "test_removal_rig.h"

#include "core/image.h"
#include "engines/removal/internal.h"

#define HEADER VDEV__IMAGE_HEADER
/* Offsets in the payload up to the action sets, and those of a unit's fields behind its handle. */
#define AT_SEQUENCE (HEADER + 3u)
#define AT_ROOT_FLAGS (HEADER + 11u)
#define AT_ROOT_NOTES (HEADER + 15u)
#define AT_ROOT_ACTION (HEADER + 19u)
#define AT_ROOT_NOTE (HEADER + 27u)
#define AT_ROOT_MARKS (HEADER + 28u)
#define AT_SETS (HEADER + 29u)

enum field {
	NO_FIELD,
	ACTION = 24,
	PARENT = 64,
	CURSOR = 68,
	NOTE_CURSOR = 72,
	FLAGS = 80,
	NOTES = 84,
	PHASE = 104,
	STEP = 105,
	SET = 106,
	OUTCOME = 109,
	NOTE = 112,
	MARKS = 114,
	FROM_SET = 115,
};

struct image {
	uint8_t bytes[8192];
	size_t size;
};

static inline void save(struct vt_removal *t, struct image *i)
{
	assert_int_equal(vdev_removal_save(t->r, t->now, i->bytes, sizeof(i->bytes), &i->size), 0);
}

static inline void put_le(struct image *i, size_t at, uint64_t v, size_t size)
{
	assert_true(at + size <= i->size);
	for (size_t k = 0; k < size; k++)
		i->bytes[at + k] = (uint8_t)(v >> (8 * k));
}

static inline size_t width(enum field f)
{
	return f == ACTION ? 8 : f < PHASE ? 4 : 1;
}

static inline size_t find64(const struct image *i, uint64_t wanted)
{
	for (size_t at = HEADER; at + 8 <= i->size; at++) {
		uint64_t v = 0;

		for (size_t k = 8; k-- > 0;)
			v = v << 8 | i->bytes[at + k];
		if (v == wanted)
			return at;
	}
	fail_msg("not in the image");
	return 0;
}

static inline void set(struct vt_removal *t, struct image *i, char unit, enum field f, uint64_t v)
{
	put_le(i, find64(i, t->h[(int)unit]) + f, v, width(f));
}

static inline void seal(struct image *i)
{
	put_le(i, 24, vdev__crc32(i->bytes + HEADER, i->size - HEADER), 4);
	put_le(i, 28, vdev__crc32(i->bytes, 28), 4);
}

static inline int loads(struct vt_removal *t, struct image *i)
{
	struct vdev_removal *r = NULL;
	int ret;

	seal(i);
	ret = vdev_removal_load(&t->v.env, &t->config, t->now, i->bytes, i->size, &r);
	assert_true(ret ? r == NULL : r != NULL);
	vdev_removal_free(r);
	return ret;
}

/* Goes on with what the image says. */
static inline void adopt(struct vt_removal *t, struct image *i)
{
	struct vdev_removal *r;

	seal(i);
	assert_int_equal(vdev_removal_load(&t->v.env, &t->config, t->now, i->bytes, i->size, &r),
			 0);
	vdev_removal_free(t->r);
	t->r = r;
	for (uint32_t c = 0; c < VT_LETTERS; c++)
		vdev_removal_set_user_data(r, t->h[c], c);
}

static inline uint32_t index_of(struct vt_removal *t, char unit)
{
	return (uint32_t)t->h[(int)unit] & (VDEV__TABLE_MAX - 1);
}

#endif
