/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration planner: many hosts (M11): order, losers with reasons, what is remembered, limits. */
#include "test_migration_rig.h"

#define HOSTS 12u

struct many {
	struct mg t; /* a VM, and a host that is changed and added again and again */
	struct vdev_migration *m;
	uint64_t handle[HOSTS];
	uint32_t count;
	struct vdev_migration_rank ranks[HOSTS];
};

static void begin(struct many *x, uint32_t max_types)
{
	struct vdev_migration_config c = {.struct_size = sizeof(c),
					  .max_hosts = HOSTS,
					  .max_types = max_types,
					  .max_functions = 100};

	memset(x, 0, sizeof(*x));
	mg_init(&x->t);
	assert_int_equal(vdev_migration_new(&x->m, &x->t.v.env, &c), 0);
}

static void end(struct many *x)
{
	vdev_migration_free(x->m);
	mg_end(&x->t);
}

/* The host as it is now; named by a letter. */
static void add(struct many *x, char name)
{
	x->t.host.user_data = (uint64_t)name;
	assert_int_equal(vdev_migration_add_host(x->m, &x->t.host, &x->handle[x->count]), 0);
	x->count++;
}

static const char *order(struct many *x, uint32_t max)
{
	int count = vdev_migration_rank(x->m, &x->t.vm, x->ranks, sizeof(x->ranks[0]), max);
	uint32_t i = 0;

	assert_true(count >= 0);
	for (; i < (uint32_t)count && i < max; i++)
		x->t.text[i] = (char)x->ranks[i].user_data;
	x->t.text[i] = '\0';
	return x->t.text;
}

static struct vdev_migration_stats stats(struct many *x)
{
	struct vdev_migration_stats s;

	assert_int_equal(vdev_migration_stats(x->m, &s, sizeof(s)), 0);
	return s;
}

static void best_first_and_losers_last(void **state)
{
	struct many x;
	struct vdev_migration_device *d;

	(void)state;
	begin(&x, 100);
	mg_want(&x.t, 0, UNKNOWN);
	add(&x, 'e'); /* nothing there */
	d = mg_function(&x.t, 8);
	mg_set(d, "firmware", "1");
	add(&x, 'r');
	mg_set(d, "header_type", "1");
	add(&x, 'd');
	*d = mg_vf();
	add(&x, 'l');
	d->use = VDEV_MIGRATION_USED;
	add(&x, 't');
	d->use = VDEV_MIGRATION_FREE;
	mg_set(d, "pre_copy", "0");
	add(&x, 's');
	*d = mg_vf();
	d->address = 1000;
	add(&x, 'L'); /* of the shape of l, and later */
	assert_string_equal(order(&x, HOSTS), "lLsredt");
	assert_int_equal(x.ranks[0].host, x.handle[3]);
	assert_int_equal(x.ranks[0].verdict, VDEV_MIGRATION_LIVE);
	assert_int_equal(x.ranks[2].verdict, VDEV_MIGRATION_LIVE_STOP_COPY_ONLY);
	assert_int_equal(x.ranks[2].field, VDEV_MIGRATION_F_PRE_COPY);
	assert_int_equal(x.ranks[3].verdict, VDEV_MIGRATION_QUIESCE_REBUILD);
	assert_int_equal(x.ranks[4].reason, VDEV_MIGRATION_NOTHING);
	assert_int_equal(x.ranks[5].reason, VDEV_MIGRATION_DIFFERS);
	assert_int_equal(x.ranks[5].field, VDEV_MIGRATION_F_HEADER_TYPE);
	assert_int_equal(x.ranks[6].reason, VDEV_MIGRATION_TAKEN);
	assert_int_equal(x.ranks[6].device, 0);
	memset(x.ranks, 0, sizeof(x.ranks));
	assert_string_equal(order(&x, 2), "lL");
	assert_int_equal(x.ranks[2].host, 0);
	assert_int_equal(vdev_migration_rank(x.m, &x.t.vm, NULL, 0, 0), 7);
	end(&x);
}

static void hosts_come_and_go(void **state)
{
	struct many x;

	(void)state;
	begin(&x, 100);
	mg_want(&x.t, 0, UNKNOWN);
	assert_string_equal(order(&x, HOSTS), "");
	mg_function(&x.t, 8);
	for (char name = 'a'; name < 'f'; name++)
		add(&x, name);
	assert_string_equal(order(&x, HOSTS), "abcde");
	assert_int_equal(vdev_migration_remove_host(x.m, x.handle[0]), 0);
	assert_int_equal(vdev_migration_remove_host(x.m, x.handle[2]), 0);
	assert_int_equal(vdev_migration_remove_host(x.m, x.handle[4]), 0);
	assert_int_equal(vdev_migration_remove_host(x.m, x.handle[4]), -ENOENT);
	assert_string_equal(order(&x, HOSTS), "bd");
	add(&x, 'f');
	assert_string_equal(order(&x, HOSTS), "bdf");
	for (uint32_t i = 0; i < x.count; i++)
		vdev_migration_remove_host(x.m, x.handle[i]);
	assert_string_equal(order(&x, HOSTS), "");
	assert_int_equal(stats(&x).shapes, 0);
	assert_int_equal(stats(&x).functions, 0);
	assert_int_equal(vdev_migration_assign(x.m, &x.t.vm, x.handle[1], NULL, 0, x.t.places,
					       sizeof(x.t.places[0])),
			 -ENOENT);
	end(&x);
}

/* Hosts of one shape cost one assignment, and devices of one type one comparison. */
static void alike_is_asked_once(void **state)
{
	struct many x;
	struct vdev_migration_stats s;

	(void)state;
	begin(&x, 100);
	for (uint32_t i = 0; i < 4; i++) {
		mg_function(&x.t, 8 + 8 * i);
		mg_set(&x.t.there[i], "serial", i & 1 ? "x" : "y"); /* no rule looks at it */
		mg_set(mg_want(&x.t, 0, UNKNOWN), "serial", "z");
	}
	for (uint32_t i = 0; i < 6; i++) {
		for (uint32_t k = 0; k < 4; k++)
			x.t.there[k].address = 1000 * i + 8 * k;
		add(&x, (char)('a' + i));
	}
	assert_string_equal(order(&x, HOSTS), "abcdef");
	s = stats(&x);
	assert_int_equal(s.hosts, 6);
	assert_int_equal(s.functions, 24);
	assert_int_equal(s.types, 1);
	assert_int_equal(s.shapes, 1);
	assert_int_equal(s.compared, 1);
	assert_int_equal(s.assigned, 1);
	assert_int_equal(s.ranked, 1);
	assert_true(s.remembered >= 15);
	assert_int_equal(s.allocated_bytes, x.t.v.bytes);
	x.t.there[3].node = 1; /* another shape */
	add(&x, 'g');
	x.t.there[3].use = VDEV_MIGRATION_USED;
	add(&x, 'h');
	x.t.host.node_count = 1;
	add(&x, 'i');
	x.t.host.distances = (const uint8_t *)"\x0a";
	add(&x, 'j');
	x.t.host.distances = (const uint8_t *)"\x0b";
	add(&x, 'k');
	assert_string_equal(order(&x, HOSTS), "abcdefghijk");
	assert_int_equal(stats(&x).shapes, 6);
	assert_int_equal(stats(&x).allocated_bytes, x.t.v.bytes);
	end(&x);
}

/* What was answered for one VM is not the answer for another one that differs in what matters. */
static void another_vm_is_another_question(void **state)
{
	struct many x;

	(void)state;
	begin(&x, 100);
	x.t.host.node_count = 2;
	mg_want(&x.t, 0, 0);
	mg_function(&x.t, 8)->node = 0;
	add(&x, 'a');
	x.t.there[0].node = 1;
	add(&x, 'b');
	assert_string_equal(order(&x, HOSTS), "ab");
	x.t.wants[0].node = 1;
	assert_string_equal(order(&x, HOSTS), "ba");
	x.t.wants[0].node = 0;
	assert_string_equal(order(&x, HOSTS), "ab"); /* from memory */
	assert_int_equal(stats(&x).assigned, 4);
	mg_set(&x.t.here[0], "firmware", "1");
	assert_string_equal(order(&x, HOSTS), "ab");
	assert_int_equal(x.ranks[0].verdict, VDEV_MIGRATION_QUIESCE_REBUILD);
	x.t.wants[0].flags = VDEV_MIGRATION_NO_REBUILD;
	assert_string_equal(order(&x, HOSTS), "ab");
	assert_int_equal(x.ranks[0].verdict, VDEV_MIGRATION_REFUSE);
	mg_want(&x.t, 0, 0);
	assert_string_equal(order(&x, HOSTS), "ab");
	assert_int_equal(x.ranks[0].counts[VDEV_MIGRATION_LIVE], 1);
	assert_int_equal(vdev_migration_remove_host(x.m, x.handle[0]), 0);
	assert_string_equal(order(&x, HOSTS), "b");
	end(&x);
}

/* More VMs than answers are kept for, and more pairs than are remembered: asked again, the answer is the same. */
static void more_than_is_remembered(void **state)
{
	struct many x;
	char fw[8];

	(void)state;
	begin(&x, 12);
	for (uint32_t i = 0; i < 10; i++) {
		snprintf(fw, sizeof(fw), "%u", i);
		mg_set(mg_function(&x.t, 8 + 8 * i), "firmware", fw);
	}
	add(&x, 'a');
	mg_want(&x.t, 0, UNKNOWN);
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 100; i++) {
			x.t.wants[0].node = i;
			mg_set(&x.t.here[0], "firmware", round ? "3" : "4");
			assert_string_equal(order(&x, HOSTS), "a");
			assert_int_equal(x.ranks[0].verdict, VDEV_MIGRATION_LIVE);
			assert_int_equal(x.ranks[0].function, round ? 3 : 4);
		}
	end(&x);
	begin(&x, 1); /* 64 pairs are remembered */
	mg_want(&x.t, 0, UNKNOWN);
	mg_function(&x.t, 8);
	add(&x, 'a');
	assert_string_equal(order(&x, HOSTS), "a");
	end(&x);
}

/* Types that nobody has any more make room. */
static void types_are_limited(void **state)
{
	struct many x;
	char fw[8];

	(void)state;
	begin(&x, 3);
	mg_function(&x.t, 8);
	mg_function(&x.t, 16);
	mg_set(&x.t.there[1], "firmware", "other");
	add(&x, 'a'); /* two of them */
	mg_want(&x.t, 0, UNKNOWN);
	for (uint32_t i = 0; i < 20; i++) {
		snprintf(fw, sizeof(fw), "%u", i);
		mg_set(&x.t.here[0], "firmware", fw);
		assert_string_equal(order(&x, HOSTS), "a");
	}
	mg_want(&x.t, 0, UNKNOWN);
	mg_set(&x.t.here[1], "firmware", "third");
	assert_int_equal(vdev_migration_rank(x.m, &x.t.vm, x.ranks, sizeof(x.ranks[0]), 1),
			 -ENOSPC);
	assert_int_equal(vdev_migration_assign(x.m, &x.t.vm, x.handle[0], NULL, 0, x.t.places,
					       sizeof(x.t.places[0])),
			 -ENOSPC);
	mg_set(&x.t.here[1], "firmware", "other");
	assert_string_equal(order(&x, HOSTS), "a");
	mg_set(&x.t.there[0], "firmware", "4");
	mg_set(&x.t.there[1], "firmware", "5");
	assert_int_equal(vdev_migration_add_host(x.m, &x.t.host, &x.handle[1]), -ENOSPC);
	assert_int_equal(stats(&x).hosts, 1);
	assert_int_equal(stats(&x).functions, 2);
	assert_int_equal(vdev_migration_remove_host(x.m, x.handle[0]), 0);
	assert_int_equal(vdev_migration_add_host(x.m, &x.t.host, &x.handle[1]), 0);
	x.t.vm.device_count = 1;
	assert_int_equal(vdev_migration_rank(x.m, &x.t.vm, x.ranks, sizeof(x.ranks[0]), 1), 1);
	end(&x);
}

static void hosts_are_limited(void **state)
{
	struct many x;
	uint64_t handle = 7;

	(void)state;
	begin(&x, 100);
	for (uint32_t i = 0; i < 10; i++)
		mg_function(&x.t, 8 + 8 * i);
	for (uint32_t i = 0; i < 10; i++)
		add(&x, 'a');
	assert_int_equal(vdev_migration_add_host(x.m, &x.t.host, &handle), -ENOSPC); /* functions */
	x.t.host.device_count = 0;
	add(&x, 'b');
	add(&x, 'c');
	assert_int_equal(vdev_migration_add_host(x.m, &x.t.host, &handle), -ENOSPC); /* hosts */
	assert_int_equal(handle, 7);
	end(&x);
}

static void hosts_that_are_none(void **state)
{
	struct many x;
	uint64_t handle = 7;

	(void)state;
	begin(&x, 100);
	mg_function(&x.t, 8);
	mg_function(&x.t, 16);
#define EXPECT_BAD(change, back, error)                                                      \
	do {                                                                                 \
		change;                                                                      \
		assert_int_equal(vdev_migration_add_host(x.m, &x.t.host, &handle), (error)); \
		back;                                                                        \
	} while (0)
	EXPECT_BAD(x.t.there[1].address = 8, x.t.there[1].address = 16, -EINVAL);
	EXPECT_BAD(x.t.there[0].reserved = 8, x.t.there[0].reserved = 0, -EINVAL);
	EXPECT_BAD(x.t.there[1].reserved = 8, x.t.there[1].reserved = 0, -EINVAL);
	EXPECT_BAD(x.t.host.flags = 1, x.t.host.flags = 0, -EINVAL);
	EXPECT_BAD(x.t.host.reserved = 1, x.t.host.reserved = 0, -EINVAL);
	EXPECT_BAD(x.t.host.reserved2[0] = 1, x.t.host.reserved2[0] = 0, -EINVAL);
	EXPECT_BAD(x.t.host.reserved2[1] = 1, x.t.host.reserved2[1] = 0, -EINVAL);
	EXPECT_BAD(x.t.host.device_count = VDEV_MIGRATION_MAX_FUNCTIONS + 1,
		   x.t.host.device_count = 2, -EINVAL);
	EXPECT_BAD(x.t.host.devices = NULL, x.t.host.devices = x.t.there, -EINVAL);
	EXPECT_BAD(x.t.host.node_count = VDEV_MIGRATION_MAX_NODES + 1, x.t.host.node_count = 0,
		   -EINVAL);
	EXPECT_BAD(x.t.host.distances = (const uint8_t *)"", x.t.host.distances = NULL, -EINVAL);
	EXPECT_BAD(x.t.host.struct_size = 8, x.t.host.struct_size = sizeof(x.t.host), -EINVAL);
	assert_int_equal(handle, 7);
	assert_int_equal(stats(&x).hosts, 0);
	assert_int_equal(stats(&x).types, 0);
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(best_first_and_losers_last),
		cmocka_unit_test(hosts_come_and_go),
		cmocka_unit_test(alike_is_asked_once),
		cmocka_unit_test(another_vm_is_another_question),
		cmocka_unit_test(more_than_is_remembered),
		cmocka_unit_test(types_are_limited),
		cmocka_unit_test(hosts_are_limited),
		cmocka_unit_test(hosts_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
