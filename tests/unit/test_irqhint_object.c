/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt-hint engine: configuration, devices, what can be read of them (H11). */
#include "test_irqhint_rig.h"

static int tried(struct hi *t, struct vdev_irqhint_config c)
{
	struct vdev_irqhint *h = NULL;
	int ret = vdev_irqhint_new(&h, &t->v.env, t->map, &c);

	assert_true(ret ? h == NULL : h != NULL);
	vdev_irqhint_free(h);
	return ret;
}

static void config(void **state)
{
	struct vdev_irqhint_cpu many[1] = {{0, 0, 0, 0}};
	struct vdev_irqhint_config c;
	struct hi t;

	(void)state;
	hi_init(&t);
#define EACH(field, value, answer)                      \
	do {                                            \
		c = t.config;                           \
		c.field = (value);                      \
		assert_int_equal(tried(&t, c), answer); \
	} while (0)
	EACH(max_devices, VDEV_IRQHINT_MAX_DEVICES, 0);
	EACH(max_devices, VDEV_IRQHINT_MAX_DEVICES + 1, -EINVAL);
	EACH(max_devices, 0, -EINVAL);
	EACH(max_types, VDEV_IRQHINT_MAX_TYPES, 0);
	EACH(max_types, VDEV_IRQHINT_MAX_TYPES + 1, -EINVAL);
	EACH(max_types, 0, -EINVAL);
	EACH(max_distance, VDEV_IRQHINT_ANY + 1, -EINVAL);
	EACH(flags, 1, -EINVAL);
	EACH(cpus, NULL, -EINVAL);
	EACH(cpu_count, 0, 0);
	EACH(cpu_count, VDEV_CPUMAP_MAX_CPUS + 1, -EINVAL);
	EACH(hysteresis_ns, VDEV_NONE, 0);
	EACH(struct_size, 8, -EINVAL);
#undef EACH
	c = t.config;
	c.cpus = NULL;
	c.cpu_count = 0;
	assert_int_equal(tried(&t, c), 0);
	c.cpus = many;
	c.cpu_count = 1;
	assert_int_equal(tried(&t, c), 0);
	many[0].reserved = 1;
	assert_int_equal(tried(&t, c), -EINVAL);
	hi_end(&t);
}

/* Without a topology there is here and elsewhere. */
static void no_topology(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	vdev_irqhint_free(t.h);
	t.config.cpu_count = 0;
	assert_int_equal(vdev_irqhint_new(&t.h, &t.v.env, t.map, &t.config), 0);
	assert_int_equal(vdev_irqhint_add(t.h, TYPES, 77, &t.dev), 0);
	hi_on(&t, 1, 0);
	hi_expect(&t, 0, 1, "FIRST ANY 1");
	hi_expect(&t, 1, 0, "FIRST SAME_CPU 1");
	hi_end(&t);
}

static void limits(void **state)
{
	uint64_t dev[4], more = 9;
	struct hi t;

	(void)state;
	hi_init(&t); /* 4 of 16 types */
	assert_int_equal(vdev_irqhint_add(t.h, 17, 0, &more), -EINVAL);
	assert_int_equal(vdev_irqhint_add(t.h, 0, 0, &more), -EINVAL);
	assert_int_equal(vdev_irqhint_add(t.h, 13, 0, &more), -ENOSPC);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(vdev_irqhint_add(t.h, 1, i, &dev[i]), 0);
	assert_int_equal(vdev_irqhint_add(t.h, 1, 0, &more), -ENOSPC);
	assert_int_equal(more, 9);
	assert_int_equal(hi_stats(&t).devices, 4);
	assert_int_equal(hi_stats(&t).types, 7);
	assert_int_equal(vdev_irqhint_remove(t.h, dev[1]), 0);
	assert_int_equal(vdev_irqhint_remove(t.h, dev[1]), -ENOENT);
	assert_int_equal(vdev_irqhint_add(t.h, 10, 0, &dev[3]), 0);
	assert_true(dev[3] != dev[1]);
	hi_end(&t);
}

/* Handles are never used again; counters outlive their device. */
static void removed(void **state)
{
	struct vdev_irqhint_info i;
	struct hi t;
	uint64_t old, bytes;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	bytes = hi_stats(&t).allocated_bytes;
	assert_true(bytes <= t.v.bytes && bytes > 0);
	old = t.dev;
	assert_int_equal(vdev_irqhint_remove(t.h, old), 0);
	assert_int_equal(hi_stats(&t).events, 2);
	assert_int_equal(hi_stats(&t).followed, 1);
	assert_true(hi_stats(&t).allocated_bytes < bytes);
	assert_int_equal(vdev_irqhint_get(t.h, old, 0, &i, sizeof(i)), -ENOENT);
	assert_int_equal(vdev_irqhint_add(t.h, TYPES, 5, &t.dev), 0);
	assert_true(t.dev != old);
	assert_int_equal(vdev_irqhint_device_reset(t.h, old), -ENOENT);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	assert_int_equal(hi_stats(&t).events, 3);
	assert_int_equal(hi_stats(&t).allocated_bytes, bytes);
	hi_end(&t);
}

static void fresh(void **state)
{
	struct {
		struct vdev_irqhint_info i;
		uint64_t more;
	} newer = {.more = 1};
	struct hi t;

	(void)state;
	hi_init(&t);
	assert_int_equal(vdev_irqhint_get(t.h, t.dev, 0, &newer.i, sizeof(newer)), 0);
	assert_int_equal(newer.more, 0);
	assert_int_equal(newer.i.state, VDEV_IRQHINT_NEW);
	assert_int_equal(newer.i.route, NOWHERE);
	assert_int_equal(newer.i.cpu, NOWHERE);
	assert_int_equal(newer.i.hints | newer.i.stale_ns | newer.i.set_bits | newer.i.distance, 0);
	assert_int_equal(vdev_irqhint_set_user_data(t.h, t.dev, 99), 0);
	assert_int_equal(hi_info(&t, 0).user_data, 99);
	hi_end(&t);
}

static void walk(void **state)
{
	uint64_t cursor = 0, dev, b, c, seen = 0;
	uint32_t types, n = 0;
	struct hi t;

	(void)state;
	hi_init(&t);
	assert_int_equal(vdev_irqhint_add(t.h, 2, 0, &b), 0);
	assert_int_equal(vdev_irqhint_add(t.h, 3, 0, &c), 0);
	assert_int_equal(vdev_irqhint_remove(t.h, b), 0);
	while (vdev_irqhint_walk(t.h, &cursor, &dev, &types) == 1) {
		assert_true(dev == t.dev || dev == c);
		assert_int_equal(types, dev == c ? 3 : TYPES);
		seen += dev;
		n++;
	}
	assert_int_equal(n, 2);
	assert_true(seen == t.dev + c);
	cursor = 0;
	assert_int_equal(vdev_irqhint_walk(t.h, &cursor, &dev, NULL), 1);
	cursor = UINT64_MAX;
	assert_int_equal(vdev_irqhint_walk(t.h, &cursor, &dev, NULL), 0);
	hi_end(&t);
}

static void names(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VDEV_IRQHINT_REASONS; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(vdev_irqhint_reason_name(i),
						vdev_irqhint_reason_name(k));
	assert_string_equal(vdev_irqhint_reason_name(VDEV_IRQHINT_TOO_OLD), "TOO_OLD");
	assert_string_equal(vdev_irqhint_reason_name(VDEV_IRQHINT_REASONS), "?");
	assert_string_equal(vdev_irqhint_distance_name(VDEV_IRQHINT_SAME_CACHE), "SAME_CACHE");
	assert_string_equal(vdev_irqhint_distance_name(VDEV_IRQHINT_DISTANCES), "?");
}

/* H11: 4096 vCPUs, each in its bit; nothing is allocated for an event. */
static void many(void **state)
{
	static uint64_t set[64], wanted[64];
	struct vdev_cpumap_config c = {.struct_size = sizeof(c),
				       .flags = VDEV_CPUMAP_LIVE,
				       .vcpus = VDEV_CPUMAP_MAX_VCPUS,
				       .cpus = VDEV_CPUMAP_MAX_CPUS};
	struct vdev_irqhint_hint h;
	uint64_t before;
	struct hi t;

	(void)state;
	hi_init(&t);
	vdev_irqhint_free(t.h);
	vdev_cpumap_free(t.map);
	assert_int_equal(vdev_cpumap_new(&t.map, &t.v.env, &c), 0);
	assert_int_equal(vdev_irqhint_new(&t.h, &t.v.env, t.map, &t.config), 0);
	assert_int_equal(vdev_irqhint_add(t.h, 1, 0, &t.dev), 0);
	for (uint32_t i = 0; i < VDEV_CPUMAP_MAX_VCPUS; i++) {
		hi_on(&t, i, i % 7 ? 4095 : 0);
		wanted[i / 64] |= (uint64_t)(i % 7 != 0) << (i % 64);
	}
	before = t.v.requests;
	assert_int_equal(vdev_irqhint_event(t.h, 0, t.dev, 0, 4095, 0, &h, sizeof(h), set, 64), 1);
	assert_memory_equal(set, wanted, sizeof(set));
	assert_int_equal(vdev_irqhint_programmed(t.h, 0, t.dev, 0, set, 64), 1);
	assert_int_equal(vdev_irqhint_event(t.h, 0, t.dev, 0, 4095, 0, &h, sizeof(h), set, 64), 0);
	assert_int_equal(h.reason, VDEV_IRQHINT_FITS);
	assert_int_equal(t.v.requests, before);
	hi_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config),  cmocka_unit_test(no_topology), cmocka_unit_test(limits),
		cmocka_unit_test(removed), cmocka_unit_test(fresh),       cmocka_unit_test(walk),
		cmocka_unit_test(names),   cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
