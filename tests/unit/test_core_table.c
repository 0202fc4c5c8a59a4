/* SPDX-License-Identifier: BSD-3-Clause */
/* core/table: handles, generations, payloads, restoring. */
#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include "core/table.h"

#define LAST_GENERATION ((UINT64_C(1) << 40) - 1)
#define HANDLE(generation, index) ((uint64_t)(generation) << 24 | (index))

struct item {
	uint64_t a, b;
};

static void open_table(struct vdev__table *t, struct vt_env *v, uint32_t limit)
{
	vt_env_init(v);
	assert_int_equal(vdev__table_init(t, &v->env, sizeof(struct item), limit), 0);
}

static void close_table(struct vdev__table *t, struct vt_env *v)
{
	assert_int_equal(vdev__table_bytes(t), v->bytes);
	vdev__table_fini(t);
	vdev__table_fini(t); /* harmless */
	vt_assert_clean(v);
}

static uint32_t must_new(struct vdev__table *t)
{
	uint32_t index = UINT32_MAX;

	assert_int_equal(vdev__table_new(t, &index), 0);
	return index;
}

static void init_checks(void **state)
{
	struct vdev__table t;
	struct vt_env v;

	(void)state;
	vt_env_init(&v);
	assert_int_equal(vdev__table_init(&t, &v.env, 16, 0), -EINVAL);
	vdev__table_fini(&t);
	assert_int_equal(vdev__table_init(&t, &v.env, 16, VDEV__TABLE_MAX + 1), -EINVAL);
	assert_int_equal(vdev__table_init(&t, &v.env, 3, 16), -EINVAL);
	vt_env_fail_next(&v, 1);
	assert_int_equal(vdev__table_init(&t, &v.env, 16, 16), -ENOMEM);
	vdev__table_fini(&t);
	assert_int_equal(vdev__table_init(&t, &v.env, 4, VDEV__TABLE_MAX), 0);
	vdev__table_fini(&t);
	vt_assert_clean(&v);
}

static void life_of_a_handle(void **state)
{
	struct vdev__table t;
	struct vt_env v;
	struct item *item;
	uint32_t index, found = 77, payload = 78;
	uint64_t handle;

	(void)state;
	open_table(&t, &v, 10);
	assert_int_equal(vdev__table_next(&t, 0), UINT32_MAX);
	index = must_new(&t);
	handle = vdev__table_handle(&t, index);
	item = vdev__table_at(&t, index);
	assert_true(item->a == 0 && item->b == 0 && handle != 0);
	item->a = item->b = UINT64_MAX;
	assert_int_equal(vdev__table_find(&t, handle, &found), 0);
	assert_int_equal(found, index);
	assert_int_equal(vdev__table_peek(&t, handle, &payload), 0);
	assert_int_equal(payload, 0);
	vdev__table_del(&t, index);
	vdev__table_del(&t, index); /* no effect */
	assert_int_equal(t.count, 0);
	assert_null(vdev__table_at(&t, index));
	assert_true(vdev__table_handle(&t, index) == 0);
	found = payload = 79;
	assert_int_equal(vdev__table_find(&t, handle, &found), -ENOENT);
	assert_int_equal(vdev__table_peek(&t, handle, &payload), -ENOENT);
	assert_true(found == 79 && payload == 79);
	assert_int_equal(must_new(&t), index);
	assert_ptr_equal(vdev__table_at(&t, index), item);
	assert_true(item->a == 0 && item->b == 0);
	assert_true(vdev__table_handle(&t, index) > handle);
	assert_int_equal(vdev__table_find(&t, handle, &found), -ENOENT);
	close_table(&t, &v);
}

/* Handles that were never given: 0, the next one of a free index, beyond the limit, no chunk. */
static void guessed_handles(void **state)
{
	struct vdev__table t;
	struct vt_env v;
	uint32_t value, generation;

	(void)state;
	open_table(&t, &v, 1000);
	vdev__table_del(&t, must_new(&t));
	for (generation = 0; generation < 6; generation++) {
		assert_int_equal(vdev__table_peek(&t, HANDLE(generation, 0), &value), -ENOENT);
		assert_int_equal(vdev__table_peek(&t, HANDLE(generation, 1), &value), -ENOENT);
		assert_int_equal(vdev__table_peek(&t, HANDLE(generation, 999), &value), -ENOENT);
		assert_int_equal(vdev__table_peek(&t, HANDLE(generation, 1000), &value), -ENOENT);
		assert_int_equal(vdev__table_find(&t, HANDLE(generation, 0xffffff), &value),
				 -ENOENT);
	}
	assert_null(vdev__table_at(&t, 999));
	assert_null(vdev__table_at(&t, 1000));
	assert_null(vdev__table_at(&t, UINT32_MAX));
	close_table(&t, &v);
}

static void payload_has_24_bits(void **state)
{
	struct vdev__table t;
	struct vt_env v;
	uint32_t index, payload;
	uint64_t old, new;

	(void)state;
	open_table(&t, &v, 10);
	index = must_new(&t);
	old = vdev__table_handle(&t, index);
	vdev__table_set_payload(&t, index, UINT32_MAX);
	assert_int_equal(vdev__table_peek(&t, old, &payload), 0);
	assert_int_equal(payload, 0xffffff);
	assert_true(vdev__table_handle(&t, index) == old);
	new = vdev__table_renew(&t, index);
	assert_true(new != old &&new == vdev__table_handle(&t, index));
	assert_int_equal(vdev__table_peek(&t, old, &payload), -ENOENT);
	assert_int_equal(vdev__table_peek(&t, new, &payload), 0);
	assert_int_equal(payload, 0);
	vdev__table_del(&t, index);
	vdev__table_set_payload(&t, index, 1); /* no effect on a free index */
	assert_true(vdev__table_renew(&t, index) == 0);
	assert_int_equal(vdev__table_peek(&t, new, &payload), -ENOENT);
	assert_int_equal(vdev__table_generation(&t, index), new >> 24);
	close_table(&t, &v);
}

static void limit_and_memory(void **state)
{
	struct vdev__table t;
	struct vt_env v;
	uint32_t i, index = 99;

	(void)state;
	open_table(&t, &v, VDEV__TABLE_CHUNK + 1);
	vt_env_fail_next(&v, 1);
	assert_int_equal(vdev__table_new(&t, &index), -ENOMEM);
	assert_true(index == 99 && t.count == 0 && t.high == 0);
	for (i = 0; i < VDEV__TABLE_CHUNK; i++)
		assert_int_equal(must_new(&t), i);
	vt_env_fail_next(&v, 1);
	assert_int_equal(vdev__table_new(&t, &index), -ENOMEM);
	assert_int_equal(must_new(&t), VDEV__TABLE_CHUNK);
	assert_int_equal(vdev__table_new(&t, &index), -ENOSPC);
	assert_int_equal(index, 99);
	vdev__table_del(&t, 5);
	assert_int_equal(must_new(&t), 5);
	/* items beyond the limit cost nothing, their tags do */
	assert_in_range(v.bytes, (VDEV__TABLE_CHUNK + 1) * 24,
			(VDEV__TABLE_CHUNK + 1) * 24 + (VDEV__TABLE_CHUNK - 1) * 8 + 64);
	close_table(&t, &v);
}

static void last_generation_retires_the_index(void **state)
{
	struct vdev__table t;
	struct vt_env v;
	uint32_t index = 99;

	(void)state;
	open_table(&t, &v, 1);
	assert_int_equal(vdev__table_set_generation(&t, 0, LAST_GENERATION - 2), 0);
	index = must_new(&t);
	assert_true(vdev__table_handle(&t, index) == HANDLE(LAST_GENERATION, 0));
	assert_true(vdev__table_renew(&t, index) == 0);
	assert_true(vdev__table_handle(&t, index) == HANDLE(LAST_GENERATION, 0));
	vdev__table_del(&t, index);
	assert_int_equal(vdev__table_new(&t, &index), -ENOSPC);
	assert_int_equal(vdev__table_find(&t, HANDLE(LAST_GENERATION, 0), &index), -ENOENT);
	assert_int_equal(vdev__table_find(&t, 1, &index), -ENOENT);
	assert_true(vdev__table_generation(&t, 0) == LAST_GENERATION);
	assert_int_equal(vdev__table_restore(&t, HANDLE(LAST_GENERATION, 0)), -EBADMSG);
	assert_int_equal(vdev__table_restore(&t, HANDLE(1, 0)), -EBADMSG);
	assert_int_equal(vdev__table_set_generation(&t, 0, LAST_GENERATION), 0);
	assert_int_equal(vdev__table_new(&t, &index), -ENOSPC);
	close_table(&t, &v);
}

static void restore_refuses(void **state)
{
	struct vdev__table t;
	struct vt_env v;

	(void)state;
	open_table(&t, &v, 4 * VDEV__TABLE_CHUNK);
	assert_int_equal(vdev__table_restore(&t, HANDLE(2, 3)), -EBADMSG); /* even */
	assert_int_equal(vdev__table_restore(&t, HANDLE(0, 3)), -EBADMSG);
	assert_int_equal(vdev__table_restore(&t, HANDLE(1, 4 * VDEV__TABLE_CHUNK)), -ENOSPC);
	vt_env_fail_next(&v, 1);
	assert_int_equal(vdev__table_restore(&t, HANDLE(7, 3)), -ENOMEM);
	assert_true(t.count == 0 && t.high == 0);
	assert_int_equal(vdev__table_restore(&t, HANDLE(7, 3)), 0);
	assert_int_equal(vdev__table_restore(&t, HANDLE(9, 3)), -EBADMSG); /* in use */
	vdev__table_del(&t, 3);
	assert_int_equal(vdev__table_restore(&t, HANDLE(7, 3)), -EBADMSG); /* was used */
	assert_int_equal(vdev__table_restore(&t, HANDLE(5, 3)), -EBADMSG);
	assert_int_equal(vdev__table_set_generation(&t, 3, 5), -EBADMSG); /* goes back */
	assert_int_equal(vdev__table_set_generation(&t, 3, 8), -EBADMSG);
	assert_int_equal(vdev__table_set_generation(&t, 3, LAST_GENERATION + 2), -EBADMSG);
	assert_int_equal(vdev__table_set_generation(&t, 4 * VDEV__TABLE_CHUNK, 5), -ENOSPC);
	assert_int_equal(vdev__table_set_generation(&t, 9, 0), 0); /* never used */
	assert_int_equal(vdev__table_generation(&t, 9), 0);
	vt_env_fail_next(&v, 1);
	assert_int_equal(vdev__table_set_generation(&t, VDEV__TABLE_CHUNK + 300, 5), -ENOMEM);
	assert_int_equal(vdev__table_set_generation(&t, 3, 7), 0);
	assert_int_equal(vdev__table_restore(&t, HANDLE(9, 3)), 0);
	assert_int_equal(vdev__table_set_generation(&t, 3, 11), -EBADMSG); /* in use */
	close_table(&t, &v);
}

/* Restored in any order, with gaps in absent chunks: afterwards each free index is given once. */
static void gaps_are_given_out_again(void **state)
{
	static const uint32_t restored[] = {VDEV__TABLE_CHUNK + 700, 3, 511,
					    2 * VDEV__TABLE_CHUNK,   0, VDEV__TABLE_CHUNK + 699};
	struct vdev__table t;
	struct vt_env v;
	uint64_t handle;
	uint32_t i, index, given = 0;

	(void)state;
	open_table(&t, &v, 4 * VDEV__TABLE_CHUNK);
	for (i = 0; i < VT_COUNT(restored); i++)
		assert_int_equal(vdev__table_restore(&t, HANDLE(2 * i + 1, restored[i])), 0);
	assert_int_equal(vdev__table_set_generation(&t, 4, 21), 0);
	vdev__table_del(&t, VDEV__TABLE_CHUNK + 699);
	vt_env_fail_next(&v, 1);
	assert_int_equal(vdev__table_restore(&t, HANDLE(1, 3 * VDEV__TABLE_CHUNK)), -ENOMEM);
	while (!vdev__table_new(&t, &index))
		given++;
	assert_int_equal(given, 4 * VDEV__TABLE_CHUNK - 5);
	assert_int_equal(t.count, 4 * VDEV__TABLE_CHUNK);
	for (i = 0; i < 5; i++) {
		handle = HANDLE(2 * i + 1, restored[i]);
		assert_int_equal(vdev__table_find(&t, handle, &index), 0);
		assert_int_equal(index, restored[i]);
	}
	assert_true(vdev__table_handle(&t, 4) == HANDLE(23, 4));
	assert_true(vdev__table_handle(&t, VDEV__TABLE_CHUNK + 699) ==
		    HANDLE(13, VDEV__TABLE_CHUNK + 699));
	close_table(&t, &v);
}

static void relinking_needs_memory(void **state)
{
	struct vdev__table t;
	struct vt_env v;
	uint32_t index = 99;

	(void)state;
	open_table(&t, &v, 4 * VDEV__TABLE_CHUNK);
	assert_int_equal(vdev__table_restore(&t, HANDLE(1, VDEV__TABLE_CHUNK + 700)), 0);
	vt_env_fail_next(&v, 1);
	assert_int_equal(vdev__table_new(&t, &index), -ENOMEM);
	assert_true(index == 99 && t.count == 1);
	assert_int_equal(must_new(&t), 0);
	close_table(&t, &v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_checks),
		cmocka_unit_test(life_of_a_handle),
		cmocka_unit_test(guessed_handles),
		cmocka_unit_test(payload_has_24_bits),
		cmocka_unit_test(limit_and_memory),
		cmocka_unit_test(last_generation_retires_the_index),
		cmocka_unit_test(restore_refuses),
		cmocka_unit_test(gaps_are_given_out_again),
		cmocka_unit_test(relinking_needs_memory),
	};

	return cmocka_run_group_tests_name("core_table", tests, NULL, NULL);
}
