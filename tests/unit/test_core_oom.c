/* SPDX-License-Identifier: BSD-3-Clause */
/* Core structures with each allocation failing in turn: an error code, no leak, still right. */
#include "vt_test.h"

#include <errno.h>

#include "core/deadline.h"
#include "core/hash.h"
#include "core/table.h"

#define ROUNDS 600u

static int table_scenario(struct vt_env *v, void *arg)
{
	struct vdev__table t;
	uint32_t i, index, made = 0;
	int err = vdev__table_init(&t, &v->env, 32, 3 * VDEV__TABLE_CHUNK);

	(void)arg;
	if (!err)
		err = vdev__table_restore(&t, UINT64_C(9) << 24 | (2 * VDEV__TABLE_CHUNK + 8));
	made += !err;
	for (i = 0; !err && i < 3 * VDEV__TABLE_CHUNK - 1; i++) {
		err = vdev__table_new(&t, &index);
		made += !err;
	}
	assert_int_equal(t.count, made);
	vdev__table_fini(&t);
	return err;
}

static int hash_scenario(struct vt_env *v, void *arg)
{
	struct vdev__hash h;
	uint32_t i, value, made = 0;
	int err = 0;

	(void)arg;
	vdev__hash_init(&h, &v->env);
	for (i = 0; !err && i < ROUNDS; i++) {
		err = vdev__hash_put(&h, i * 8u, i);
		made += !err;
	}
	for (i = 0; i < ROUNDS; i++)
		assert_int_equal(vdev__hash_get(&h, i * 8u, &value), i < made);
	vdev__hash_fini(&h);
	return err;
}

static int deadline_scenario(struct vt_env *v, void *arg)
{
	struct vdev__deadlines d;
	uint32_t i, item, made = 0;
	int err = 0;

	(void)arg;
	vdev__deadlines_init(&d, &v->env);
	for (i = 0; !err && i < ROUNDS; i++) {
		err = vdev__deadlines_reserve(&d, i + 1);
		if (!err)
			vdev__deadlines_arm(&d, made++, ROUNDS - i);
	}
	while (made--) {
		assert_int_equal(vdev__deadlines_expire(&d, ROUNDS, &item), 1);
		assert_int_equal(item, made);
	}
	vdev__deadlines_fini(&d);
	return err;
}

/* A caller that goes on after an error: the structure works as if nothing had been tried. */
static int retry_scenario(struct vt_env *v, void *arg)
{
	struct vdev__hash h;
	uint32_t i, value;

	(void)arg;
	vdev__hash_init(&h, &v->env);
	for (i = 0; i < ROUNDS; i++) {
		if (vdev__hash_put(&h, i, i) && vdev__hash_put(&h, i, i))
			break;
	}
	while (i--)
		assert_int_equal(vdev__hash_get(&h, i, &value), 1);
	vdev__hash_fini(&h);
	return 0;
}

static void table_oom(void **state)
{
	(void)state;
	assert_int_equal(vt_oom(table_scenario, NULL), 4); /* index of chunks, 3 chunks */
}

static void hash_oom(void **state)
{
	(void)state;
	assert_int_equal(vt_oom(hash_scenario, NULL), 14); /* 16, 32 .. 1024 slots, two arrays */
	assert_int_equal(vt_oom(retry_scenario, NULL), 14);
}

static void deadline_oom(void **state)
{
	(void)state;
	assert_in_range(vt_oom(deadline_scenario, NULL), 10, 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_oom),
		cmocka_unit_test(hash_oom),
		cmocka_unit_test(deadline_oom),
	};

	return cmocka_run_group_tests_name("core_oom", tests, NULL, NULL);
}
