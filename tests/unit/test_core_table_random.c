/* SPDX-License-Identifier: BSD-3-Clause */
/* core/table: random lives against an array of what was issued, with reloads in between. */
#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include "core/table.h"

#define SLOTS 700

static void open_table(struct vdev__table *t, struct vt_env *v, uint32_t limit)
{
	vt_env_init(v);
	assert_int_equal(vdev__table_init(t, &v->env, sizeof(uint64_t), limit), 0);
}

static void close_table(struct vdev__table *t, struct vt_env *v)
{
	assert_int_equal(vdev__table_bytes(t), v->bytes);
	vdev__table_fini(t);
	vt_assert_clean(v);
}

struct model {
	uint64_t handle[SLOTS]; /* 0: free */
	uint64_t last[SLOTS]; /* the last handle that ended */
	uint32_t payload[SLOTS];
	uint32_t count;
};

static void check_slot(const struct vdev__table *t, const struct model *m, uint32_t i)
{
	uint32_t value = 0;

	assert_true(vdev__table_handle(t, i) == m->handle[i]);
	assert_int_equal(vdev__table_at(t, i) != NULL, m->handle[i] != 0);
	if (m->last[i])
		assert_int_equal(vdev__table_peek(t, m->last[i], &value), -ENOENT);
	if (!m->handle[i]) {
		assert_true(vdev__table_generation(t, i) == m->last[i] >> 24);
		return;
	}
	assert_int_equal(vdev__table_peek(t, m->handle[i], &value), 0);
	assert_int_equal(value, m->payload[i]);
	assert_true(*(uint64_t *)vdev__table_at(t, i) == m->handle[i]);
}

static void check_walk(const struct vdev__table *t, const struct model *m)
{
	uint32_t i, count = 0;

	for (i = vdev__table_next(t, 0); i != UINT32_MAX; i = vdev__table_next(t, i + 1)) {
		assert_true(m->handle[i] != 0);
		count++;
	}
	assert_int_equal(count, m->count);
	assert_int_equal(t->count, m->count);
}

static void model_born(struct vdev__table *t, struct model *m, uint32_t i, uint64_t handle)
{
	assert_true(handle > m->last[i]);
	m->last[i] = m->handle[i] ? m->handle[i] : m->last[i];
	m->handle[i] = handle;
	m->payload[i] = 0;
	*(uint64_t *)vdev__table_at(t, i) = handle;
}

static void random_step(struct vdev__table *t, struct model *m, struct vt_rand *r, uint32_t grow)
{
	uint32_t i = (uint32_t)vt_below(r, SLOTS), index;

	if (vt_chance(r, grow)) {
		if (vdev__table_new(t, &index)) {
			assert_int_equal(m->count, SLOTS);
			return;
		}
		assert_true(m->handle[index] == 0);
		m->count++;
		model_born(t, m, index, vdev__table_handle(t, index));
	} else if (m->handle[i] && vt_chance(r, 50)) {
		vdev__table_del(t, i);
		m->last[i] = m->handle[i];
		m->handle[i] = 0;
		m->count--;
	} else if (m->handle[i] && vt_chance(r, 50)) {
		m->payload[i] = (uint32_t)vt_below(r, 1u << 24);
		vdev__table_set_payload(t, i, m->payload[i]);
	} else if (m->handle[i]) {
		model_born(t, m, i, vdev__table_renew(t, i));
	}
	check_slot(t, m, i);
}

/* Like an engine's load: live handles and the generations of the free ones. */
static void reload(struct vdev__table *t, struct vt_env *v, struct model *m)
{
	uint32_t i;

	close_table(t, v);
	open_table(t, v, SLOTS);
	for (i = SLOTS; i-- > 0;) {
		if (m->handle[i]) {
			assert_int_equal(vdev__table_restore(t, m->handle[i]), 0);
			*(uint64_t *)vdev__table_at(t, i) = m->handle[i];
			vdev__table_set_payload(t, i, m->payload[i]);
		} else if (m->last[i]) {
			assert_int_equal(vdev__table_set_generation(t, i, m->last[i] >> 24), 0);
		}
	}
}

static void random_against_model(void **state)
{
	static struct model m;
	struct vdev__table t;
	struct vt_env v;
	struct vt_rand r;
	uint32_t step, i;

	(void)state;
	vt_rand_init(&r, "table", 5);
	memset(&m, 0, sizeof(m));
	open_table(&t, &v, SLOTS);
	for (step = 0; step < 40000; step++) {
		random_step(&t, &m, &r, step / 4000 % 2 ? 10 : 60);
		if (step % 1000 == 999)
			check_walk(&t, &m);
		if (step % 7000 == 6999)
			reload(&t, &v, &m);
	}
	for (i = 0; i < SLOTS; i++)
		check_slot(&t, &m, i);
	close_table(&t, &v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_against_model),
	};

	return cmocka_run_group_tests_name("core_table_random", tests, NULL, NULL);
}
