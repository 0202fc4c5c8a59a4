/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt-hint engine: images that are damaged, too new, or made by an attacker who knows the format. */
#include "test_irqhint_rig.h"

#include "core/image.h"

#define MOST 16384u
#define HEADER VDEV__IMAGE_HEADER
/* Where things stand: image.c has the layout. The first slot is free, the second has type 0 HINTED, 1 NEW. */
#define AT_WORDS HEADER
#define AT_SLOTS (HEADER + 4)
#define SLOT_0 (HEADER + 8)
#define SLOT_1 (SLOT_0 + 12)
#define AT_TYPES (SLOT_1 + 8)
#define TYPE_BYTES (26u + 16 * WORDS)
#define TYPE_0 (SLOT_1 + 12)
#define TYPE_1 (TYPE_0 + TYPE_BYTES)
#define STATE 0u
#define BACKOFF 1u
#define HINT_CPU 2u
#define HINT_DISTANCE 6u
#define STALE_FOR 10u
#define SINCE_HINT 18u
#define PROGRAMMED 26u
#define HINT (26u + 8 * WORDS)

struct image {
	uint8_t bytes[MOST];
	size_t size;
};

static struct hi t;
static struct image good;

static int setup(void **state)
{
	uint64_t gone = 0;

	(void)state;
	hi_init(&t);
	gone = t.dev;
	vdev_irqhint_add(t.h, 2, 0, &t.dev);
	vdev_irqhint_remove(t.h, gone);
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	vdev_irqhint_save(t.h, t.now, good.bytes, MOST, &good.size);
	return good.size != TYPE_1 + TYPE_BYTES;
}

static int teardown(void **state)
{
	(void)state;
	hi_end(&t);
	return 0;
}

static int loads(const struct image *i)
{
	struct vdev_irqhint *h = NULL;
	int ret = vdev_irqhint_load(&t.v.env, t.map, &t.config, 0, t.now, i->bytes, i->size, &h);

	assert_true(ret ? h == NULL : h != NULL);
	vdev_irqhint_free(h);
	return ret;
}

static void put(struct image *i, size_t at, uint32_t bytes, uint64_t v)
{
	for (uint32_t k = 0; k < bytes; k++)
		i->bytes[at + k] = (uint8_t)(v >> (8 * k));
}

static void seal(struct image *i)
{
	put(i, 16, 8, i->size - HEADER);
	put(i, 24, 4, vdev__crc32(i->bytes + HEADER, i->size - HEADER));
	put(i, 28, 4, vdev__crc32(i->bytes, 28));
}

/* One value changed under checksums that are right again. */
static int with(size_t at, uint32_t bytes, uint64_t v)
{
	static struct image i;

	i = good;
	put(&i, at, bytes, v);
	seal(&i);
	return loads(&i);
}

static void every_bit(void **state)
{
	static struct image i;

	(void)state;
	assert_int_equal(loads(&good), 0);
	i = good;
	for (size_t bit = 0; bit < good.size * 8; bit++) {
		i.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(loads(&i), -EBADMSG);
		i.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (i.size = 0; i.size < good.size; i.size++)
		assert_int_equal(loads(&i), -EBADMSG);
}

static void version(void **state)
{
	(void)state;
	assert_int_equal(with(12, 4, 2), -EPROTONOSUPPORT);
	assert_int_equal(with(12, 4, 0), -EPROTONOSUPPORT);
	assert_int_equal(with(8, 4, VDEV_PART_REMOVAL), -EBADMSG);
}

/* Every cut and every longer one, sealed. */
static void lengths(void **state)
{
	static struct image i;

	(void)state;
	for (size_t size = HEADER; size <= good.size + 9; size++) {
		i = good;
		i.size = size;
		seal(&i);
		assert_int_equal(loads(&i), size == good.size ? 0 : -EBADMSG);
	}
}

static void counts(void **state)
{
	(void)state;
	assert_int_equal(with(AT_WORDS, 4, 65), -EBADMSG);
	assert_int_equal(with(AT_WORDS, 4, UINT32_MAX), -EBADMSG);
	assert_int_equal(with(AT_WORDS, 4, 1), -EBADMSG);
	assert_int_equal(with(AT_WORDS, 4, 0), -EBADMSG);
	assert_int_equal(with(AT_SLOTS, 4, 1), -EBADMSG);
	assert_int_equal(with(AT_SLOTS, 4, 3), -EBADMSG);
	assert_int_equal(with(AT_SLOTS, 4, 5), -ENOSPC);
	assert_int_equal(with(AT_SLOTS, 4, UINT32_MAX), -EBADMSG);
	assert_int_equal(with(AT_TYPES, 4, 0), -EBADMSG);
	assert_int_equal(with(AT_TYPES, 4, 1), -EBADMSG);
	assert_int_equal(with(AT_TYPES, 4, 3), -EBADMSG);
	assert_int_equal(with(AT_TYPES, 4, UINT32_MAX), -EBADMSG);
}

static void generations(void **state)
{
	(void)state;
	assert_int_equal(with(SLOT_0, 8, 3), 0);
	assert_int_equal(with(SLOT_0, 8, 0), 0);
	assert_int_equal(with(SLOT_0, 8, (UINT64_C(1) << 40) - 1), 0); /* used up */
	assert_int_equal(with(SLOT_0, 8, 2), -EBADMSG);
	assert_int_equal(with(SLOT_0, 8, UINT64_C(1) << 40), -EBADMSG);
	assert_int_equal(with(SLOT_1, 8, 3), 0);
	assert_int_equal(with(SLOT_1, 8, 0), -EBADMSG);
	assert_int_equal(with(SLOT_1, 8, 2), -EBADMSG);
	assert_int_equal(with(SLOT_1, 8, UINT64_C(1) << 40), -EBADMSG);
	assert_int_equal(with(SLOT_1, 8, UINT64_MAX), -EBADMSG);
}

static void hinted(void **state)
{
	(void)state;
	assert_int_equal(with(TYPE_0 + STATE, 1, VDEV_IRQHINT_ROUTED), 0);
	assert_int_equal(with(TYPE_0 + STATE, 1, VDEV_IRQHINT_NEW), -EBADMSG);
	assert_int_equal(with(TYPE_0 + STATE, 1, 3), -EBADMSG);
	assert_int_equal(with(TYPE_0 + STATE, 1, 255), -EBADMSG);
	assert_int_equal(with(TYPE_0 + BACKOFF, 1, 6), 0);
	assert_int_equal(with(TYPE_0 + BACKOFF, 1, 7), -EBADMSG);
	assert_int_equal(with(TYPE_0 + HINT_CPU, 4, 4095), 0);
	assert_int_equal(with(TYPE_0 + HINT_CPU, 4, 4096), -EBADMSG);
	assert_int_equal(with(TYPE_0 + HINT_CPU, 4, NOWHERE), -EBADMSG);
	assert_int_equal(with(TYPE_0 + HINT_DISTANCE, 4, VDEV_IRQHINT_ANY), 0);
	assert_int_equal(with(TYPE_0 + HINT_DISTANCE, 4, VDEV_IRQHINT_DISTANCES), -EBADMSG);
	assert_int_equal(with(TYPE_0 + STALE_FOR, 8, VDEV_NONE), 0);
	assert_int_equal(with(TYPE_0 + STALE_FOR, 8, VDEV_NONE - 1), 0);
	assert_int_equal(with(TYPE_0 + SINCE_HINT, 8, VDEV_NONE - 1), 0);
	assert_int_equal(with(TYPE_0 + SINCE_HINT, 8, VDEV_NONE), -EBADMSG);
	assert_int_equal(with(TYPE_0 + HINT, 8, 0), -EBADMSG);
	assert_int_equal(with(TYPE_0 + HINT + 8, 8, 1), 0);
	assert_int_equal(with(TYPE_0 + HINT + 8, 8, 1 << 6), -ENOSPC);
	assert_int_equal(with(TYPE_0 + PROGRAMMED + 8, 8, 1 << 5), 0);
	assert_int_equal(with(TYPE_0 + PROGRAMMED + 8, 8, 1 << 6), -ENOSPC);
}

static void never_hinted(void **state)
{
	(void)state;
	assert_int_equal(with(TYPE_1 + PROGRAMMED, 8, UINT64_MAX), 0);
	assert_int_equal(with(TYPE_1 + STATE, 1, VDEV_IRQHINT_HINTED), -EBADMSG);
	assert_int_equal(with(TYPE_1 + BACKOFF, 1, 1), -EBADMSG);
	assert_int_equal(with(TYPE_1 + HINT_CPU, 4, 0), -EBADMSG);
	assert_int_equal(with(TYPE_1 + HINT_DISTANCE, 4, 1), -EBADMSG);
	assert_int_equal(with(TYPE_1 + STALE_FOR, 8, 0), -EBADMSG);
	assert_int_equal(with(TYPE_1 + SINCE_HINT, 8, 0), -EBADMSG);
	assert_int_equal(with(TYPE_1 + HINT, 8, 1), -EBADMSG);
}

/* Any bytes: an answer, and nothing left. What loads can be used. */
static void noise(void **state)
{
	static struct image i;
	struct vt_rand r;
	uint32_t loaded = 0;

	(void)state;
	vt_rand_init(&r, "test_irqhint_damaged", 4);
	for (uint32_t n = 0; n < 20000; n++) {
		struct vdev_irqhint *h = NULL, *mine = t.h;
		int ret;

		i = good;
		for (uint64_t k = 1 + vt_below(&r, 3); k; k--)
			put(&i, HEADER + vt_below(&r, good.size - HEADER), 1, vt_rand(&r));
		seal(&i);
		ret = vdev_irqhint_load(&t.v.env, t.map, &t.config, 0, t.now, i.bytes, i.size, &h);
		if (ret) {
			assert_true(ret == -EBADMSG || ret == -ENOSPC);
			continue;
		}
		loaded++;
		t.h = h;
		if (vdev_irqhint_device_reset(h, t.dev) == 0)
			hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
		t.h = mine;
		vdev_irqhint_free(h);
	}
	assert_in_range(loaded, 100, 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit),    cmocka_unit_test(version),
		cmocka_unit_test(lengths),      cmocka_unit_test(counts),
		cmocka_unit_test(generations),  cmocka_unit_test(hinted),
		cmocka_unit_test(never_hinted), cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
