/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: images that are damaged, foreign, too new, too large, or made by an attacker. */
#include "test_removal_rig.h"

#include "core/image.h"

#define MOST 16384
#define HEADER VDEV__IMAGE_HEADER

struct image {
	uint8_t bytes[MOST];
	size_t size;
};

static void save(struct vt_removal *t, struct image *i)
{
	assert_int_equal(vdev_removal_save(t->r, t->now, i->bytes, sizeof(i->bytes), &i->size), 0);
}

static int load(struct vt_removal *t, const struct image *i, struct vdev_removal **r)
{
	return vdev_removal_load(&t->v.env, &t->config, t->now, i->bytes, i->size, r);
}

static int loads(struct vt_removal *t, const struct image *i)
{
	struct vdev_removal *r = NULL;
	int ret = load(t, i, &r);

	assert_true(ret ? r == NULL : r != NULL);
	vdev_removal_free(r);
	return ret;
}

static void put32(struct image *i, size_t at, uint32_t v)
{
	for (int k = 0; k < 4; k++)
		i->bytes[at + (size_t)k] = (uint8_t)(v >> (8 * k));
}

/* What an attacker does after changing something. */
static void seal(struct image *i)
{
	put32(i, 24, vdev__crc32(i->bytes + HEADER, i->size - HEADER));
	put32(i, 28, vdev__crc32(i->bytes, 28));
}

/* Something of everything. */
static void busy(struct vt_removal *t)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	static const struct vdev_removal_unit named = {
		.unit_class = VDEV_REMOVAL_MEMORY, .transport = VDEV_REMOVAL_ACPI, .name = 0xabc};

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_CPU, VDEV_REMOVAL_SAFE, steps, 2);
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 3);
	vt_add(t, 'n', &named);
	vdev_removal_set_address(t->r, t->h['n'], 0x1234);
	vt_level(t, 'n', VDEV_REMOVAL_SAFE_IDLE);
	vdev_removal_declare(t->r, t->now, t->h['n'], VDEV_REMOVAL_OPERATOR, 17);
	vt_request(t, 'b', 0);
	vt_drain(t);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'n', VT_LATER);
	vt_request(t, 'n', 0);
	vt_drain(t);
	vt_alone(t, 'h', VDEV_REMOVAL_ACPI);
	vt_ack(t, 'h');
	vt_drain(t);
	vt_alone(t, 'z', VDEV_REMOVAL_ACPI);
	vt_request(t, 'z', VDEV_REMOVAL_FORCE);
	vt_drain(t);
}

static void each_changed_bit_is_noticed(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

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
	struct vt_removal *t = *state;
	struct image i;
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

static void newer_version(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

	busy(t);
	save(t, &i);
	put32(&i, 12, 2);
	seal(&i);
	assert_int_equal(loads(t, &i), -EPROTONOSUPPORT);
	put32(&i, 12, UINT32_MAX);
	seal(&i);
	assert_int_equal(loads(t, &i), -EPROTONOSUPPORT);
}

static void image_of_another_part(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

	save(t, &i);
	put32(&i, 8, VDEV_PART_PVDEV);
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
}

static void more_units_than_config_allows(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

	busy(t);
	save(t, &i);
	t->config.max_units = 4;
	assert_int_equal(loads(t, &i), -ENOSPC);
	t->config.max_units = 6; /* five units, and the number of one that is gone */
	assert_int_equal(loads(t, &i), 0);
}

static void arguments(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal *r = NULL;
	struct image i;

	busy(t);
	save(t, &i);
	assert_int_equal(vdev_removal_load(NULL, NULL, 0, i.bytes, i.size, &r), -EINVAL);
	assert_int_equal(vdev_removal_load(NULL, &t->config, 0, NULL, i.size, &r), -EINVAL);
	assert_int_equal(vdev_removal_load(NULL, &t->config, 0, i.bytes, i.size, NULL), -EINVAL);
	t->config.flags = 0x80;
	assert_int_equal(loads(t, &i), -EINVAL);
	assert_null(r);
}

/* The payload begins with three bytes that are 0 or 1: paused, in reset, held. */
static void flags_of_the_vm_are_0_or_1(void **state)
{
	struct vt_removal *t = *state;
	struct image good, i;

	busy(t);
	save(t, &good);
	for (uint32_t at = HEADER; at < HEADER + 3; at++)
		for (uint32_t value = 0; value < 256; value++) {
			i = good;
			i.bytes[at] = (uint8_t)value;
			seal(&i);
			assert_int_equal(loads(t, &i), value < 2 ? 0 : -EBADMSG);
		}
}

/* Replaces each place where the 8 bytes stand; how many there were. */
static int replace64(struct image *i, uint64_t from, uint64_t to)
{
	int n = 0;

	for (size_t at = HEADER; at + 8 <= i->size; at++) {
		uint64_t v = 0;

		for (size_t k = 8; k-- > 0;)
			v = v << 8 | i->bytes[at + k];
		if (v != from)
			continue;
		put32(i, at, (uint32_t)to);
		put32(i, at + 4, (uint32_t)(to >> 32));
		n++;
	}
	return n;
}

/* A name, an address or a handle that two units have, and handles that none can have. */
static void things_that_are_unique(void **state)
{
	static const uint64_t name = UINT64_C(0x1122334455667788),
			      address = UINT64_C(0xa1b2c3d4e5f6);
	struct vt_removal *t = *state;
	struct image good, i;

	for (char c = 'a'; c <= 'b'; c++) {
		const struct vdev_removal_unit u = {.name = name + (uint64_t)c};

		vt_add(t, c, &u);
		vdev_removal_set_address(t->r, t->h[(int)c], address + (uint64_t)c);
	}
	save(t, &good);
	i = good;
	assert_int_equal(replace64(&i, name + 'a', name + 'b'), 1);
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
	i = good;
	assert_int_equal(replace64(&i, address + 'a', address + 'b'), 1);
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
	i = good;
	assert_int_equal(replace64(&i, t->h['a'], t->h['b']), 1);
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
	i = good;
	assert_int_equal(replace64(&i, t->h['a'], t->h['a'] + (1u << 24)), 1); /* of none alive */
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
	i = good;
	assert_int_equal(replace64(&i, t->h['a'], UINT64_C(1) << 24), 1); /* of the VM itself */
	seal(&i);
	assert_int_equal(loads(t, &i), -EBADMSG);
	i = good;
	assert_int_equal(replace64(&i, name + 'a', name), 1);
	seal(&i);
	assert_int_equal(loads(t, &i), 0);
}

static void use(struct vt_removal *t, struct vdev_removal *r)
{
	struct vdev_removal_info info;
	struct vdev_action a;
	uint64_t cursor = 0, now = t->now;

	for (int round = 0; round < 50; round++) {
		if (vdev_removal_next(r, &a, sizeof(a)) == 1)
			vdev_removal_done(r, now, a.id, round % 3 ? 0 : -EIO);
		else
			vdev_removal_step(r, now += 10 * VT_SEC);
	}
	while (vdev_removal_walk(r, &cursor, &info, sizeof(info)) == 1) {
		vdev_removal_ack(r, now, info.unit);
		vdev_removal_plan(r, info.unit, NULL, NULL, 0, 0);
		vdev_removal_request(r, now, info.unit, NULL);
	}
	vdev_removal_reset_begin(r, now);
	for (int round = 0; round < 500 && vdev_removal_next(r, &a, sizeof(a)) == 1; round++)
		vdev_removal_done(r, now, a.id, 0);
	vdev_removal_reset_end(r, now);
}

/* Each byte of the payload with chosen and random values and right checksums: refused, or an object
 * that can be used to its end without harm (the sanitizers watch). */
static void forged_images(void **state)
{
	static const uint8_t chosen[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct vt_removal *t = *state;
	struct vt_rand rand;
	struct image good, i;
	uint32_t loaded = 0, refused = 0;

	vt_rand_init(&rand, "removal_damaged", 1);
	busy(t);
	save(t, &good);
	for (size_t at = HEADER; at < good.size; at++)
		for (uint32_t k = 0; k < VT_COUNT(chosen) + 3; k++) {
			struct vdev_removal *r = NULL;

			i = good;
			i.bytes[at] = k < VT_COUNT(chosen) ? chosen[k] : (uint8_t)vt_rand(&rand);
			if (k == VT_COUNT(chosen) + 2) /* two at a time */
				i.bytes[HEADER + vt_below(&rand, good.size - HEADER)] =
					(uint8_t)vt_rand(&rand);
			seal(&i);
			if (load(t, &i, &r)) {
				refused++;
				continue;
			}
			loaded++;
			use(t, r);
			vdev_removal_free(r);
		}
	print_message("%u loaded, %u refused\n", loaded, refused);
	assert_true(loaded > 100 && refused > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_changed_bit_is_noticed),
		TEST(each_other_length_is_noticed),
		TEST(newer_version),
		TEST(image_of_another_part),
		TEST(more_units_than_config_allows),
		TEST(arguments),
		TEST(flags_of_the_vm_are_0_or_1),
		TEST(things_that_are_unique),
		TEST(forged_images),
	};

	return cmocka_run_group_tests_name("removal_damaged", tests, NULL, NULL);
}
