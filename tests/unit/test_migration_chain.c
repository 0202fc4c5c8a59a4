/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: types whose hashes are equal, by chance or because somebody made them so. */
#include "test_migration_rig.h"

#include "engines/migration/planner.h"

#define SAME UINT64_C(77)

static struct chain c;
static struct vt_env v;

static void in_each_order(void **state)
{
	static const uint32_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(orders); i++) {
		uint32_t left = 7;

		vdev__migration_chain_init(&c, &v.env);
		for (uint32_t k = 0; k < 3; k++)
			assert_int_equal(vdev__migration_chain_add(&c, SAME, 100 + k), 0);
		assert_int_equal(vdev__migration_chain_add(&c, SAME + 1, 3), 0);
		for (uint32_t k = 0; k < 3; k++) {
			uint32_t seen = 0;

			vdev__migration_chain_del(&c, SAME, 100 + orders[i][k]);
			left &= ~(1u << orders[i][k]);
			for (uint32_t at = vdev__migration_chain_first(&c, SAME); at != NO_INDEX;
			     at = c.next[at])
				seen |= 1u << (at - 100);
			assert_int_equal(seen, left);
		}
		assert_int_equal(vdev__migration_chain_first(&c, SAME), NO_INDEX);
		assert_int_equal(vdev__migration_chain_first(&c, SAME + 1), 3);
		assert_int_equal(vdev__migration_chain_bytes(&c), v.bytes);
		vdev__migration_chain_fini(&c);
	}
	vt_assert_clean(&v);
}

/* The hash of type.c, step by step. */
static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

/* Whoever fills descriptors in can make two of one hash; they are two types all the same. */
static void made_equal(void **state)
{
	struct vdev_migration_rules *rules = mg_rules("bar0 exact REFUSE\nbar1 exact REFUSE\n");
	struct vdev_migration_config config = {.struct_size = sizeof(config),
					       .max_hosts = 4,
					       .max_types = 10,
					       .max_functions = 10,
					       .rules = rules};
	struct vdev_migration *m;
	struct mg t;
	uint64_t begin, host;

	(void)state;
	mg_init(&t);
	for (uint32_t i = 0; i < 2; i++) {
		struct vdev_migration_device *d = mg_function(&t, 8 + 8 * i);

		d->known = BIT(BAR0) | UINT64_C(1) << (VDEV_MIGRATION_F_BAR0 + 1);
		d->bar[0] = 4096 + i;
	}
	begin = mix(UINT64_C(0xcbf29ce484222325), t.there[0].known);
	t.there[1].bar[1] = t.there[0].bar[1] ^ mix(begin, 4096) ^ mix(begin, 4097);
	assert_int_equal(vdev_migration_new(&m, &t.v.env, &config), 0);
	assert_int_equal(vdev_migration_add_host(m, &t.host, &host), 0);
	assert_int_equal(m->types_by_hash.heads.count, 1); /* the hash is as it is told here */
	assert_int_equal(m->types_count, 2);
	mg_want(&t, 0, UNKNOWN);
	t.here[0] = t.there[1];
	assert_int_equal(
		vdev_migration_assign(m, &t.vm, host, NULL, 0, t.places, sizeof(t.places[0])),
		VDEV_MIGRATION_LIVE);
	assert_int_equal(t.places[0].address, 16);
	vdev_migration_free(m);
	vdev_migration_rules_free(rules);
	mg_end(&t);
}

static int setup(void **state)
{
	(void)state;
	vt_env_init(&v);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_each_order),
		cmocka_unit_test(made_equal),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
