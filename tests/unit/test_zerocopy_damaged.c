/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: images that are damaged, foreign, too new, too large, or made by an attacker. */
#include "test_zerocopy_rig.h"

#include "core/image.h"

#define MOST 16384
#define HEADER VDEV__IMAGE_HEADER
#define LENGTH UINT64_C(0x3457) /* of block a: nothing else is like it */

struct image {
	uint8_t bytes[MOST];
	size_t size;
};

static void save(struct vt_zerocopy *t, struct image *i)
{
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, i->bytes, sizeof(i->bytes), &i->size), 0);
}

static int load(struct vt_zerocopy *t, const struct image *i, struct vdev_zerocopy **z)
{
	return vdev_zerocopy_load(&t->v.env, &t->config, 0, t->now, i->bytes, i->size, z);
}

static int loads(struct vt_zerocopy *t, const struct image *i)
{
	struct vdev_zerocopy *z = NULL;
	int ret = load(t, i, &z);

	assert_true(ret ? z == NULL : z != NULL);
	vdev_zerocopy_free(z);
	return ret;
}

static void put32(struct image *i, size_t at, uint32_t v)
{
	for (int k = 0; k < 4; k++)
		i->bytes[at + (size_t)k] = (uint8_t)(v >> (8 * k));
}

static void put64(struct image *i, size_t at, uint64_t v)
{
	put32(i, at, (uint32_t)v);
	put32(i, at + 4, (uint32_t)(v >> 32));
}

static uint64_t get64(const struct image *i, size_t at)
{
	uint64_t v = 0;

	for (int k = 7; k >= 0; k--)
		v = v << 8 | i->bytes[at + (size_t)k];
	return v;
}

/* What an attacker does after changing something. */
static void seal(struct image *i)
{
	put32(i, 24, vdev__crc32(i->bytes + HEADER, i->size - HEADER));
	put32(i, 28, vdev__crc32(i->bytes, 28));
}

/* The first place of this number, replaced by another one: returns what load() says. */
static int instead(struct vt_zerocopy *t, const struct image *good, uint64_t old, uint64_t new)
{
	static struct image i;

	i = *good;
	for (size_t at = HEADER; at + 8 <= i.size; at++)
		if (get64(&i, at) == old) {
			put64(&i, at, new);
			seal(&i);
			return loads(t, &i);
		}
	return -ENODATA;
}

/* Something of everything. */
static void busy(struct vt_zerocopy *t)
{
	vz_place(t, 'a', VZ_RAM + 0x23000, LENGTH);
	lend(t, 'a');
	vz_reserve(t, 'r');
	quarantine(t, 'q');
	vz_block(t, 'w')->flags = VDEV_ZEROCOPY_RECEIVE;
	lend(t, 'w');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'w', -EAGAIN);
	vz_reclaim(t, 'w', 0);
	vz_drain(t);
	lend(t, 'f');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'f', -EIO);
	vz_script(t, VDEV_ZEROCOPY_REFUSED, 'f', VZ_LATER);
	vz_reclaim(t, 'f', 0);
	vz_drain(t);
	vz_place(t, 'o', VZ_RAM + 0x123456, 10000);
	lend(t, 'o');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'o', VZ_LATER);
	vz_reclaim(t, 'o', VDEV_ZEROCOPY_RESET);
	vz_drain(t);
	vz_pass(t, 1); /* what remains is not what was given */
}

static void each_changed_bit_is_noticed(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	busy(t);
	save(t, &i);
	for (size_t at = 0; at < i.size * 8; at++) {
		int ret;

		i.bytes[at / 8] ^= (uint8_t)(1u << at % 8);
		ret = loads(t, &i);
		if (ret != -EBADMSG && ret != -EPROTONOSUPPORT)
			fail_msg("bit %zu: %d", at, ret);
		i.bytes[at / 8] ^= (uint8_t)(1u << at % 8);
	}
	assert_int_equal(loads(t, &i), 0);
}

static void each_other_length_is_noticed(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	size_t size;

	busy(t);
	save(t, &i);
	size = i.size;
	for (i.size = 0; i.size < size; i.size++)
		assert_int_equal(loads(t, &i), -EBADMSG);
	i.bytes[size] = 0;
	i.size = size + 1;
	assert_int_equal(loads(t, &i), -EBADMSG);
}

static void newer_version_and_another_part(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	busy(t);
	save(t, &i);
	put32(&i, 12, 2);
	seal(&i);
	assert_int_equal(loads(t, &i), -EPROTONOSUPPORT);
	put32(&i, 12, UINT32_MAX);
	seal(&i);
	assert_int_equal(loads(t, &i), -EPROTONOSUPPORT);
	put32(&i, 12, 1);
	put32(&i, 8, VDEV_PART_PVDEV);
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
}

/* Blocks that reserve() would have refused, where nobody may lend from. */
static void blocks_of_an_attacker(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;
	uint64_t a, w = vz_block(t, 'w')->address;

	busy(t);
	a = vz_block(t, 'a')->address;
	save(t, &i);
	assert_int_equal(instead(t, &i, a, a), 0);
	assert_int_equal(instead(t, &i, a, a + 1), 0); /* may be anywhere in its memory */
	assert_int_equal(instead(t, &i, a, VZ_RAM + VZ_RAM_SIZE - 1), -EBADMSG);
	assert_int_equal(instead(t, &i, a, 0), -EBADMSG);
	assert_int_equal(instead(t, &i, a, UINT64_MAX), -EBADMSG);
	assert_int_equal(instead(t, &i, a, VZ_FIXED), -EBADMSG);
	assert_int_equal(instead(t, &i, w, w + 1), -EBADMSG); /* RECEIVE: whole granules */
	assert_int_equal(instead(t, &i, VZ_TIMEOUT, VDEV_NONE), -EBADMSG);
	assert_int_equal(instead(t, &i, LENGTH, 0), -EBADMSG); /* flags and destination 0 */
	assert_int_equal(instead(t, &i, LENGTH, LENGTH | UINT64_C(4) << 32), -ENOSPC);
	assert_int_equal(instead(t, &i, LENGTH, LENGTH | UINT64_C(4) << 48), -EBADMSG);
}

static void memory_of_an_attacker(void **state)
{
	static struct image i;
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	save(t, &i);
	assert_int_equal(instead(t, &i, VZ_RAM_SIZE, 0), -EBADMSG);
	assert_int_equal(instead(t, &i, VZ_RAM_SIZE, UINT64_MAX - 4095), -EBADMSG);
	assert_int_equal(instead(t, &i, VZ_PAGE, 3), -EBADMSG);
	assert_int_equal(instead(t, &i, VZ_HUGE, VZ_RAM), -EBADMSG); /* overlaps */
	assert_int_equal(instead(t, &i, VZ_FIXED, VZ_HUGE), -EBADMSG);
}

static void work(struct vdev_zerocopy *z, uint64_t now)
{
	struct vdev_action a;
	uint32_t n = 0;

	assert_true(vdev_zerocopy_step(z, now) >= 0);
	while (vdev_zerocopy_next(z, &a, sizeof(a)) == 1) {
		assert_true(n++ < 10000);
		assert_true(vdev_zerocopy_done(z, now, a.id, 0) >= 0);
	}
}

/* Whatever was loaded is an object like any other: all of it ends. */
static void use(struct vt_zerocopy *t, struct vdev_zerocopy *z)
{
	struct vdev_zerocopy_queue *q;
	struct vdev_zerocopy_info info;
	struct vdev_zerocopy_stats s;
	uint64_t cursor = 0, due;

	work(z, t->now);
	while (vdev_zerocopy_walk(z, &cursor, &info, sizeof(info)) == 1) {
		assert_int_equal(vdev_zerocopy_queue_at(z, (uint32_t)(info.id >> 56), &q), 0);
		if (info.state == VDEV_ZEROCOPY_RESERVED)
			assert_true(vdev_zerocopy_sent(q, t->now, info.id, info.length_bytes) >= 0);
		vdev_zerocopy_complete(q, info.id, info.id, TASK | RESPONSE, NULL);
	}
	for (uint32_t i = 0; i < 20 && vdev_zerocopy_deadline(z, &due) == 1; i++)
		work(z, due);
	assert_int_equal(vdev_zerocopy_stats(z, &s, sizeof(s)), 0);
	assert_int_equal(s.blocks | s.quarantined_blocks | s.operations, 0);
}

static void random_damage_under_a_right_checksum(void **state)
{
	static struct image good, i;
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy *z;
	struct vt_rand rand;
	uint32_t loaded = 0, refused = 0, rounds = getenv("VDEV_TEST_SLOW") ? 2000 : 20000;

	vt_rand_init(&rand, "zerocopy_damaged", 5);
	busy(t);
	save(t, &good);
	for (uint32_t n = 0; n < rounds; n++) {
		i = good;
		for (uint64_t k = vt_below(&rand, 3) + 1; k; k--)
			i.bytes[HEADER + vt_below(&rand, i.size - HEADER)] =
				vt_chance(&rand, 50) ? (uint8_t)vt_rand(&rand)
						     : (uint8_t)vt_below(&rand, 6);
		seal(&i);
		if (load(t, &i, &z)) {
			refused++;
			continue;
		}
		loaded++;
		use(t, z);
		vdev_zerocopy_free(z);
	}
	print_message("%u loaded, %u refused\n", loaded, refused);
	assert_true(loaded > 100 && refused > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_changed_bit_is_noticed),    TEST(each_other_length_is_noticed),
		TEST(newer_version_and_another_part), TEST(blocks_of_an_attacker),
		TEST(memory_of_an_attacker),          TEST(random_damage_under_a_right_checksum),
	};

	return cmocka_run_group_tests_name("zerocopy_damaged", tests, NULL, NULL);
}
