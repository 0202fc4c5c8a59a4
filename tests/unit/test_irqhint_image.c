/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt-hint engine: save and load. */
#include "test_irqhint_rig.h"

#define MOST 16384u

struct image {
	uint8_t bytes[MOST];
	size_t size;
};

static void save(struct hi *t, struct image *i)
{
	size_t size = 0;

	assert_int_equal(vdev_irqhint_save(t->h, t->now, NULL, 0, &size), -ENOBUFS);
	assert_int_equal(vdev_irqhint_save(t->h, t->now, i->bytes, MOST, &i->size), 0);
	assert_int_equal(i->size, size);
}

/* Into a new object, whose clock begins at `now`. */
static void reload(struct hi *t, uint64_t now, uint32_t flags)
{
	static struct image i, again;

	save(t, &i);
	vdev_irqhint_free(t->h);
	t->now = now;
	assert_int_equal(vdev_irqhint_load(&t->v.env, t->map, &t->config, flags, now, i.bytes,
					   i.size, &t->h),
			 0);
	if (flags)
		return;
	save(t, &again);
	assert_int_equal(again.size, i.size);
	assert_memory_equal(again.bytes, i.bytes, i.size);
}

static void nothing(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	vdev_irqhint_remove(t.h, t.dev);
	reload(&t, 0, 0);
	assert_int_equal(hi_stats(&t).devices, 0);
	hi_end(&t);
}

/* States, sets and backoff come over; user_data, places and counters do not. */
static void everything(void **state)
{
	struct vdev_irqhint_info i;
	struct hi t;
	uint64_t types;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	hi_on(&t, 66, 5);
	hi_expect(&t, 1, 5, "FIRST SAME_CPU 3,66");
	hi_program2(&t, 2, 0x30, 0);
	reload(&t, 5, 0);
	i = hi_info(&t, 0);
	assert_int_equal(i.user_data, 0);
	assert_int_equal(i.hints, 0);
	assert_int_equal(i.state, VDEV_IRQHINT_ROUTED);
	assert_int_equal(i.route, 3);
	assert_int_equal(i.cpu, NOWHERE);
	assert_int_equal(hi_info(&t, 1).state, VDEV_IRQHINT_HINTED);
	assert_int_equal(hi_info(&t, 2).state, VDEV_IRQHINT_NEW);
	assert_int_equal(hi_info(&t, 2).set_bits, 2);
	types = hi_stats(&t).types;
	assert_int_equal(types, TYPES);
	hi_on(&t, 3, 5);
	assert_int_equal(hi_program(&t, 1, 66), 1);
	assert_int_equal(hi_stats(&t).followed, 1);
	hi_expect(&t, 2, 5, "FIRST SAME_CPU 3,66");
	hi_expect(&t, 3, 5, "FIRST SAME_CPU 3,66");
	hi_end(&t);
}

/* How long ago, whatever the new clock says. */
static void durations(void **state)
{
	static const uint64_t clocks[] = {0, 7, UINT64_C(1) << 62, UINT64_C(1) << 63};

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(clocks); i++) {
		struct hi t;

		hi_init(&t);
		hi_routed(&t);
		hi_on(&t, 8, 7);
		t.now += INTERVAL - 9 * MS;
		hi_expect(&t, 0, 7, "STALE");
		t.now += 8 * MS;
		reload(&t, clocks[i], 0);
		assert_int_equal(hi_info(&t, 0).stale_ns, 8 * MS);
		hi_on(&t, 3, 6);
		hi_on(&t, 8, 9);
		hi_on(&t, 8, 7);
		t.now += 2 * MS - 1;
		hi_expect(&t, 0, 7, "STALE");
		t.now += 1;
		hi_expect(&t, 0, 7, "EMPTY"); /* nobody has stayed yet */
		t.now += HYSTERESIS;
		hi_expect(&t, 0, 7, "CPU_CHANGED SAME_CPU 8");
		hi_end(&t);
	}
}

/* The limit goes on, and so does the backoff. */
static void limit(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	assert_int_equal(hi_program(&t, 0, 4), 0);
	hi_expect(&t, 0, 5, "STALE");
	t.now += 2 * INTERVAL - 1;
	reload(&t, 3, 0);
	hi_expect(&t, 0, 5, "LIMITED");
	t.now = 4;
	hi_on(&t, 3, 6);
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "EMPTY");
	t.now += HYSTERESIS + 1024;
	hi_expect(&t, 0, 5, "MOVED SAME_CPU 3");
	hi_end(&t);
}

/* H5: on other host CPUs the first event is one again, and the route stays. */
static void migrated(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	reload(&t, 0, VDEV_IRQHINT_MIGRATED);
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_NEW);
	assert_int_equal(hi_info(&t, 0).route, 3);
	assert_int_equal(hi_stats(&t).resets, 0);
	hi_on(&t, 3, 9);
	hi_expect(&t, 0, 9, "FIRST SAME_CPU 3");
	hi_end(&t);
}

/* Handles stay as they were, and none comes again. */
static void handles(void **state)
{
	uint64_t dev[3], gone, more;
	struct hi t;

	(void)state;
	hi_init(&t);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(vdev_irqhint_add(t.h, i + 1, i, &dev[i]), 0);
	gone = dev[1];
	vdev_irqhint_remove(t.h, gone);
	vdev_irqhint_remove(t.h, dev[2]);
	reload(&t, 0, 0);
	assert_int_equal(vdev_irqhint_device_reset(t.h, t.dev), 0);
	assert_int_equal(vdev_irqhint_device_reset(t.h, dev[0]), 0);
	assert_int_equal(vdev_irqhint_device_reset(t.h, gone), -ENOENT);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(vdev_irqhint_add(t.h, 1, 0, &more), 0);
		assert_true(more != gone && more != dev[2] && more != dev[0] && more != t.dev);
	}
	assert_int_equal(vdev_irqhint_add(t.h, 1, 0, &more), -ENOSPC);
	hi_end(&t);
}

/* Onto a map of another size: what the image names has to be there. */
static void other_map(void **state)
{
	static struct image i;
	struct vdev_cpumap_config c = {
		.struct_size = sizeof(c), .flags = VDEV_CPUMAP_LIVE, .vcpus = 4, .cpus = 2};
	struct vdev_irqhint *h = NULL;
	struct vdev_cpumap *map = NULL;
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	save(&t, &i);
	for (c.vcpus = 1; c.vcpus < 400; c.vcpus += c.vcpus < 4 ? 1 : 99) {
		assert_int_equal(vdev_cpumap_new(&map, NULL, &c), 0);
		assert_int_equal(vdev_irqhint_load(NULL, map, &t.config, 0, 0, i.bytes, i.size, &h),
				 c.vcpus < 4 ? -ENOSPC : 0);
		vdev_irqhint_free(h);
		vdev_cpumap_free(map);
		h = NULL;
	}
	hi_end(&t);
}

/* Less room than the image needs. */
static void too_small(void **state)
{
	static struct image i;
	struct vdev_irqhint_config c;
	struct vdev_irqhint *h = NULL;
	uint64_t more;
	struct hi t;

	(void)state;
	hi_init(&t);
	assert_int_equal(vdev_irqhint_add(t.h, 2, 0, &more), 0);
	save(&t, &i);
	c = t.config;
	c.max_devices = 1;
	assert_int_equal(vdev_irqhint_load(NULL, t.map, &c, 0, 0, i.bytes, i.size, &h), -ENOSPC);
	c.max_devices = 2;
	c.max_types = 5;
	assert_int_equal(vdev_irqhint_load(NULL, t.map, &c, 0, 0, i.bytes, i.size, &h), -ENOSPC);
	c.max_types = 6;
	assert_int_equal(vdev_irqhint_load(NULL, t.map, &c, 0, 0, i.bytes, i.size, &h), 0);
	vdev_irqhint_free(h);
	hi_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),   cmocka_unit_test(everything),
		cmocka_unit_test(durations), cmocka_unit_test(limit),
		cmocka_unit_test(migrated),  cmocka_unit_test(handles),
		cmocka_unit_test(other_map), cmocka_unit_test(too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
