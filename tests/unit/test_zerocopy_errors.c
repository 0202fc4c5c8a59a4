/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: values out of range in each field of each struct. test_bad_input.c does pointers,
 * sizes and ids for every call; errors that a state brings about stand with the rules.
 */
#include "test_zerocopy_rig.h"

#define MOST_SLOTS (UINT64_C(255) << 20)

static const struct vdev_zerocopy_config good_config = {
	.struct_size = sizeof(good_config), .max_queues = 1, .max_destinations = 1};
static const struct vdev_zerocopy_queue_config good_queue = {.struct_size = sizeof(good_queue),
							     .slots = 16};

static void expect_config(struct vdev_zerocopy_config c, int wanted)
{
	struct vdev_zerocopy *z = NULL;

	assert_int_equal(vdev_zerocopy_new(&z, NULL, &c), wanted);
	assert_true(wanted ? z == NULL : z != NULL);
	vdev_zerocopy_free(z);
}

#define CONFIG(field, value, wanted)                          \
	do {                                                  \
		struct vdev_zerocopy_config c_ = good_config; \
		c_.field = (value);                           \
		expect_config(c_, wanted);                    \
	} while (0)

static void config_values(void **state)
{
	(void)state;
	expect_config(good_config, 0);
	for (uint32_t bit = 0; bit < 32; bit++)
		CONFIG(flags, 1u << bit, -EINVAL);
	CONFIG(max_queues, 0, -EINVAL);
	CONFIG(max_queues, VDEV_ZEROCOPY_MAX_QUEUES, 0);
	CONFIG(max_queues, VDEV_ZEROCOPY_MAX_QUEUES + 1, -EINVAL);
	CONFIG(max_queues, UINT32_MAX, -EINVAL);
	CONFIG(max_destinations, 0, -EINVAL);
	CONFIG(max_destinations, VDEV_ZEROCOPY_MAX_DESTINATIONS, 0);
	CONFIG(max_destinations, VDEV_ZEROCOPY_MAX_DESTINATIONS + 1, -EINVAL);
	CONFIG(max_destinations, UINT32_MAX, -EINVAL);
	CONFIG(until, VDEV_ZEROCOPY_UNTIL_ALL, 0);
	CONFIG(until, VDEV_ZEROCOPY_UNTIL_ALL + 1, -EINVAL);
	CONFIG(until, UINT32_MAX, -EINVAL);
	CONFIG(mode, VDEV_ZEROCOPY_RESET, 0);
	CONFIG(mode, VDEV_ZEROCOPY_RESET + 1, -EINVAL);
	CONFIG(mode, UINT32_MAX, -EINVAL);
	CONFIG(max_slots, 1, 0);
	CONFIG(max_slots, MOST_SLOTS, 0);
	CONFIG(max_slots, MOST_SLOTS + 1, -EINVAL);
	CONFIG(max_slots, UINT64_MAX, -EINVAL);
}

static void config_durations(void **state)
{
	(void)state;
	CONFIG(timeout_max_ns, VDEV_NONE - 1, 0);
	CONFIG(timeout_max_ns, VDEV_NONE, -EINVAL);
	CONFIG(timeout_max_ns, 1000, -EINVAL); /* below the default of the minimum */
	CONFIG(timeout_min_ns, VDEV_NONE, -EINVAL);
	CONFIG(timeout_min_ns, 60 * VZ_SEC, 0);
	CONFIG(timeout_min_ns, 60 * VZ_SEC + 1, -EINVAL);
	CONFIG(timeout_ns, VDEV_NONE - 1, 0);
	CONFIG(timeout_ns, VDEV_NONE, -EINVAL);
	CONFIG(offline_ns, VDEV_NONE - 1, 0);
	CONFIG(offline_ns, VDEV_NONE, -EINVAL);
	CONFIG(retry_ns, VDEV_NONE - 1, 0);
	CONFIG(retry_ns, VDEV_NONE, -EINVAL);
}

static void config_quotas(void **state)
{
	(void)state;
	CONFIG(max_blocks, 1, 0);
	CONFIG(max_blocks, VDEV_ZEROCOPY_MAX_BLOCKS, 0);
	CONFIG(max_blocks, VDEV_ZEROCOPY_MAX_BLOCKS + 1, -EINVAL);
	CONFIG(destination_blocks, VDEV_ZEROCOPY_MAX_BLOCKS, 0);
	CONFIG(destination_blocks, VDEV_ZEROCOPY_MAX_BLOCKS + 1, -EINVAL);
	CONFIG(max_bytes, 1, 0);
	CONFIG(max_bytes, VDEV_ZEROCOPY_MAX_BYTES, 0);
	CONFIG(max_bytes, VDEV_ZEROCOPY_MAX_BYTES + 1, -EINVAL);
	CONFIG(destination_bytes, VDEV_ZEROCOPY_MAX_BYTES, 0);
	CONFIG(destination_bytes, VDEV_ZEROCOPY_MAX_BYTES + 1, -EINVAL);
	CONFIG(quarantine_bytes, VDEV_ZEROCOPY_MAX_BYTES, 0);
	CONFIG(quarantine_bytes, VDEV_ZEROCOPY_MAX_BYTES + 1, -EINVAL);
	CONFIG(destination_quarantine_bytes, VDEV_ZEROCOPY_MAX_BYTES, 0);
	CONFIG(destination_quarantine_bytes, VDEV_ZEROCOPY_MAX_BYTES + 1, -EINVAL);
	CONFIG(destination_quarantine_bytes, UINT64_MAX, -EINVAL);
}

static void environment_values(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_env env = t->v.env;
	struct vdev_zerocopy *z = NULL;

	env.alloc = NULL; /* both or neither */
	assert_int_equal(vdev_zerocopy_new(&z, &env, &good_config), -EINVAL);
	env = t->v.env;
	env.free = NULL;
	assert_int_equal(vdev_zerocopy_new(&z, &env, &good_config), -EINVAL);
	env = t->v.env;
	env.struct_size = 4;
	assert_int_equal(vdev_zerocopy_new(&z, &env, &good_config), -EINVAL);
	assert_null(z);
}

static void expect_queue(struct vt_zerocopy *t, struct vdev_zerocopy_queue_config c, int wanted)
{
	struct vdev_zerocopy_queue *q = NULL;

	assert_int_equal(vdev_zerocopy_add_queue(t->z, &c, &q), wanted);
	assert_true(wanted ? q == NULL : q != NULL);
}

#define QUEUE(field, value, wanted)                                \
	do {                                                       \
		struct vdev_zerocopy_queue_config c_ = good_queue; \
		c_.field = (value);                                \
		expect_queue(t, c_, wanted);                       \
	} while (0)

static void queue_values(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.max_queues = 5});
	for (uint32_t bit = 1; bit < 32; bit++)
		QUEUE(flags, 1u << bit, -EINVAL);
	QUEUE(flags, VDEV_ZEROCOPY_ADAPTIVE, 0);
	QUEUE(slots, 0, -EINVAL);
	QUEUE(slots, 1, -EINVAL);
	QUEUE(slots, 8, -EINVAL);
	QUEUE(slots, 17, -EINVAL);
	QUEUE(slots, 48, -EINVAL);
	QUEUE(slots, VDEV_ZEROCOPY_MAX_SLOTS * 2, -EINVAL);
	QUEUE(slots, UINT32_MAX, -EINVAL);
	QUEUE(slots, 1u << 31, -EINVAL);
	QUEUE(slots, VDEV_ZEROCOPY_MAX_SLOTS, 0);
	QUEUE(reserved, 1, -EINVAL);
	QUEUE(reserved2, 1, -EINVAL);
	QUEUE(threshold_bytes, UINT64_MAX, 0);
	QUEUE(threshold_bytes, 1, 0);
	expect_queue(t, good_queue, -ENOSPC);
}

static void slots_of_all_queues(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.max_slots = VZ_SLOTS + 48});
	QUEUE(slots, 64, -ENOSPC);
	QUEUE(slots, 32, 0);
	QUEUE(slots, 32, -ENOSPC);
	QUEUE(slots, 16, 0);
	QUEUE(slots, 16, -ENOSPC);
}

static void expect_block(struct vt_zerocopy *t, struct vdev_zerocopy_block b, int wanted,
			 uint32_t refused)
{
	uint64_t id = 77, before = vz_stats(t).refused;
	int got = vdev_zerocopy_reserve(t->q[0], &b, &id);

	assert_int_equal(got, wanted);
	assert_int_equal(vz_stats(t).refused, before + refused);
	if (wanted == 0)
		assert_int_equal(vdev_zerocopy_abort(t->q[0], id), 0);
	else
		assert_int_equal(id, 77);
}

#define BLOCK(field, value, wanted, refused)                       \
	do {                                                       \
		struct vdev_zerocopy_block b_ = *vz_block(t, 'a'); \
		b_.field = (value);                                \
		expect_block(t, b_, wanted, refused);              \
	} while (0)

static void block_values(void **state)
{
	struct vt_zerocopy *t = *state;

	BLOCK(flags, 1, 0, 0);
	BLOCK(flags, 2, 0, 0);
	for (uint32_t bit = 2; bit < 32; bit++)
		BLOCK(flags, 1u << bit, -EINVAL, 1);
	BLOCK(length_bytes, 0, -EINVAL, 1);
	BLOCK(destination, 3, 0, 0);
	BLOCK(destination, 4, -EINVAL, 1);
	BLOCK(destination, UINT32_MAX, -EINVAL, 1);
	BLOCK(reserved, 1, -EINVAL, 1);
	BLOCK(address, 0, -EFAULT, 1);
	BLOCK(timeout_ns, UINT64_MAX, 0, 0);
	BLOCK(user_data, UINT64_MAX, 0, 0);
	assert_int_equal(vz_stats(t).blocks, 0);
}

static void modes_and_flags_of_a_reset(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, 3, 0), -EINVAL);
	assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, UINT32_MAX, 0), -EINVAL);
	for (uint32_t bit = 1; bit < 32; bit++)
		assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, 0, 1u << bit), -EINVAL);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), -EBUSY);
}

static void flags_of_load(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy *z = NULL;
	uint8_t image[4096];
	size_t size;

	assert_int_equal(vdev_zerocopy_save(t->z, t->now, image, sizeof(image), &size), 0);
	for (uint32_t bit = 0; bit < 32; bit++) {
		int ret = vdev_zerocopy_load(NULL, &t->config, 1u << bit, 0, image, size, &z);

		assert_int_equal(ret, bit ? -EINVAL : 0);
		vdev_zerocopy_free(z);
		z = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_values), TEST(config_durations),
		TEST(config_quotas), TEST(environment_values),
		TEST(queue_values),  TEST(slots_of_all_queues),
		TEST(block_values),  TEST(modes_and_flags_of_a_reset),
		TEST(flags_of_load),
	};

	return cmocka_run_group_tests_name("zerocopy_errors", tests, NULL, NULL);
}
