/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Images of an attacker who knows the format: where everything stands in one, and one value changed under
 * checksums that are right again.
 */
#ifndef TEST_ZEROCOPY_MEND_H
#define TEST_ZEROCOPY_MEND_H

#include "test_zerocopy_rig.h"

#include "core/image.h"

#define id_of id_of_word /* the rig has another one */
#include "engines/zerocopy/internal.h"

#define MOST 16384
#define HEADER VDEV__IMAGE_HEADER
#define REGION_BYTES 28u
#define QUEUE_BYTES 28u /* and its messages */
#define PAGE_BYTES 16u
#define GENERATION_BYTES 12u

/* Where in a record. */
#define MESSAGE_WORD 0u
#define MESSAGE_SIZE 8u
#define MESSAGE_LEFT 16u
#define MESSAGE_EPOCH 40u
#define OP_QUEUE 8u
#define OP_SLOT 12u
#define OP_BEGIN 16u
#define OP_END 24u
#define OP_EPOCH 32u
#define OP_UNTIL 40u
#define OP_STATUS 56u
#define OP_FLAGS 60u
#define OP_PHASE 64u
#define OP_OUTCOME 65u
#define OP_IS_ZERO 66u

struct image {
	uint8_t bytes[MOST];
	size_t size;
	size_t message[16], page, op[16], generation;
	uint32_t messages, pages, ops, generations;
};

static inline uint64_t get(const struct image *i, size_t at, uint32_t bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | i->bytes[at + bytes];
	return v;
}

static inline void write_bytes(struct image *i, size_t at, uint32_t bytes, uint64_t v)
{
	for (uint32_t k = 0; k < bytes; k++)
		i->bytes[at + k] = (uint8_t)(v >> 8 * k);
}

static inline void put(struct image *i, size_t at, uint32_t bytes, uint64_t v)
{
	write_bytes(i, at, bytes, v);
	write_bytes(i, 24, 4, vdev__crc32(i->bytes + HEADER, i->size - HEADER));
	write_bytes(i, 28, 4, vdev__crc32(i->bytes, 28));
}

static inline uint32_t count(const struct image *i, size_t *at)
{
	*at += 4;
	return (uint32_t)get(i, *at - 4, 4);
}

/* Where everything stands. */
static inline void find(struct image *i)
{
	size_t at = HEADER + 18;
	uint32_t n;

	i->messages = 0;
	n = count(i, &at);
	at += n * REGION_BYTES;
	for (n = count(i, &at); n; n--) {
		at += QUEUE_BYTES - 4;
		for (uint32_t k = count(i, &at); k; k--) {
			i->message[i->messages++] = at;
			at += MESSAGE_BYTES;
		}
	}
	i->pages = count(i, &at);
	i->page = at;
	at += i->pages * PAGE_BYTES;
	i->ops = count(i, &at);
	for (n = 0; n < i->ops; n++, at += OP_BYTES)
		i->op[n] = at;
	i->generations = count(i, &at);
	i->generation = at;
	assert_int_equal(at + i->generations * GENERATION_BYTES, i->size);
}

static inline void save(struct vt_zerocopy *t, struct image *i)
{
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, i->bytes, sizeof(i->bytes), &i->size), 0);
	find(i);
}

static inline int loads(struct vt_zerocopy *t, const struct image *i)
{
	struct vdev_zerocopy *z = NULL;
	int ret = vdev_zerocopy_load(&t->v.env, &t->config, 0, t->now, i->bytes, i->size, &z);

	assert_true(ret ? z == NULL : z != NULL);
	vdev_zerocopy_free(z);
	return ret;
}

/* What load() says of the engine as it is when this value stands there instead. */
static inline int with(struct vt_zerocopy *t, const struct image *i, size_t at, uint32_t bytes,
		       uint64_t v)
{
	static struct image mended;

	mended = *i;
	put(&mended, at, bytes, v);
	return loads(t, &mended);
}

static inline void swap_engine(struct vt_zerocopy *t, const struct image *i)
{
	struct vdev_zerocopy *z;

	assert_int_equal(
		vdev_zerocopy_load(&t->v.env, &t->config, 0, t->now, i->bytes, i->size, &z), 0);
	vdev_zerocopy_free(t->z);
	t->z = z;
	assert_int_equal(vdev_zerocopy_queue_at(z, 0, &t->q[0]), 0);
}

/* An OFFLINE of this block is given out and stays so. */
static inline void offlining(struct vt_zerocopy *t, char letter, uint32_t mode)
{
	lend(t, letter);
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, letter, VZ_LATER);
	assert_int_equal(vz_reclaim(t, letter, mode), 1);
	vz_drain(t);
}

static inline void telling(struct vt_zerocopy *t, char letter)
{
	lend(t, letter);
	vz_script(t, VDEV_ZEROCOPY_ACCESSIBLE, letter, VZ_LATER);
	assert_int_equal(vz_reclaim(t, letter, 0), 1);
	vz_drain(t);
}

#endif
