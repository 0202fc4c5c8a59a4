/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt-hint engine: what the guest programs (H4, H8), and what makes a type new (H5). */
#include "test_irqhint_rig.h"

/* H4: within the hint. */
static void followed(void **state)
{
	struct vdev_irqhint_info i;
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	hi_on(&t, 65, 5);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3,65");
	assert_int_equal(hi_program(&t, 0, 65), 1);
	i = hi_info(&t, 0);
	assert_int_equal(i.state, VDEV_IRQHINT_ROUTED);
	assert_int_equal(i.route, 65);
	assert_int_equal(i.set_bits, 1);
	assert_int_equal(i.hints, 1);
	assert_int_equal(i.user_data, 77);
	/* Again: told whether it is within, not counted again. */
	assert_int_equal(hi_program2(&t, 0, 8, 2), 1);
	assert_int_equal(hi_info(&t, 0).route, 3);
	assert_int_equal(hi_program(&t, 0, 4), 0);
	assert_int_equal(hi_program2(&t, 0, 8, 3), 0);
	assert_int_equal(hi_stats(&t).followed, 1);
	assert_int_equal(hi_stats(&t).ignored, 0);
	assert_int_equal(hi_stats(&t).programmed, 4);
	hi_end(&t);
}

/* H8: outside the hint: obeyed, and told less often. */
static void ignored(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	hi_on(&t, 7, 9);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	assert_int_equal(hi_program(&t, 0, 7), 0);
	assert_int_equal(hi_info(&t, 0).route, 7);
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_ROUTED);
	assert_int_equal(hi_stats(&t).ignored, 1);
	hi_expect(&t, 0, 5, "STALE");
	t.now += 2 * INTERVAL - 1;
	hi_expect(&t, 0, 5, "LIMITED");
	t.now += 1;
	hi_expect(&t, 0, 5, "MOVED SAME_CPU 3");
	/* Followed at last: as often as at first. */
	assert_int_equal(hi_program(&t, 0, 3), 1);
	hi_expect(&t, 0, 9, "STALE");
	t.now += INTERVAL;
	hi_expect(&t, 0, 9, "CPU_CHANGED SAME_CPU 7");
	hi_end(&t);
}

/* H8: the backoff has an end, and a programming of the guest's own has none. */
static void backoff(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	hi_on(&t, 7, 9);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	for (uint32_t i = 1; i < 10; i++) {
		assert_int_equal(hi_program(&t, 0, 7), 0);
		assert_int_equal(hi_program(&t, 0, 7), 0);
		hi_expect(&t, 0, 5, "STALE");
		t.now += (INTERVAL << (i < 6 ? i : 6)) - 1;
		hi_expect(&t, 0, 5, "LIMITED");
		t.now += 1;
		hi_expect(&t, 0, 5, "MOVED SAME_CPU 3");
	}
	assert_int_equal(hi_stats(&t).ignored, 9);
	assert_int_equal(hi_stats(&t).programmed, 18);
	hi_end(&t);
}

/* Masked while it is programmed anew: nothing changes but the set. */
static void masked(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	assert_int_equal(hi_program2(&t, 0, 0, 0), 0);
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_HINTED);
	assert_int_equal(hi_program(&t, 0, 3), 1);
	assert_int_equal(hi_program2(&t, 0, 0, 0), 0);
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_ROUTED);
	assert_int_equal(hi_info(&t, 0).route, NOWHERE);
	assert_int_equal(hi_info(&t, 0).set_bits, 0);
	hi_expect(&t, 0, 5, "STALE");
	assert_int_equal(vdev_irqhint_programmed(t.h, t.now, t.dev, 0, t.set, 0), 0);
	t.now += HYSTERESIS / 2;
	hi_expect(&t, 0, 5, "STALE");
	assert_int_equal(hi_info(&t, 0).stale_ns, HYSTERESIS / 2); /* masked: not counted anew */
	assert_int_equal(hi_program(&t, 0, 3), 1);
	hi_expect(&t, 0, 5, "FITS");
	assert_int_equal(hi_stats(&t).programmed, 2);
	assert_int_equal(hi_stats(&t).followed, 1);
	hi_end(&t);
}

/* H2: what is programmed before the first event does not keep its hint back. */
static void while_new(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	assert_int_equal(hi_program(&t, 0, 3), 0);
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_NEW);
	assert_int_equal(hi_info(&t, 0).route, 3);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	hi_expect(&t, 0, 5, "FITS");
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_HINTED);
	/* Then it moves: it is stale from then on. */
	hi_on(&t, 3, 6);
	t.now += INTERVAL;
	hi_expect(&t, 0, 5, "WAITING");
	t.now += HYSTERESIS;
	hi_expect(&t, 0, 5, "FITS");
	hi_end(&t);
}

/* A programming ends staleness: what it means is seen anew. */
static void stale_anew(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	hi_on(&t, 8, 7);
	t.now += INTERVAL;
	hi_expect(&t, 0, 7, "STALE");
	t.now += HYSTERESIS;
	assert_int_equal(hi_program(&t, 0, 3), 1);
	hi_expect(&t, 0, 7, "STALE");
	t.now += HYSTERESIS;
	hi_expect(&t, 0, 7, "CPU_CHANGED SAME_CPU 8");
	hi_end(&t);
}

/* H11, hostile: a vCPU that is not there. */
static void out_of_range(void **state)
{
	const uint64_t low[1] = {8};
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	assert_int_equal(hi_program2(&t, 0, 8, 1 << 6), -ERANGE);
	assert_int_equal(hi_program2(&t, 0, 8, UINT64_C(1) << 63), -ERANGE);
	assert_int_equal(hi_info(&t, 0).route, 3);
	assert_int_equal(hi_stats(&t).refused, 2);
	assert_int_equal(hi_stats(&t).programmed, 1);
	assert_int_equal(hi_program2(&t, 0, 0, 1 << 5), 0);
	assert_int_equal(hi_info(&t, 0).route, 69);
	assert_int_equal(vdev_irqhint_programmed(t.h, t.now, t.dev, 0, low, 1), 1);
	assert_int_equal(hi_info(&t, 0).route, 3);
	assert_int_equal(hi_info(&t, 0).set_bits, 1);
	hi_end(&t);
}

/* H5: reset of the device or of the guest: the first event is one again, and no route is left. */
static void resets(void **state)
{
	uint64_t gone;
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	assert_int_equal(vdev_irqhint_device_reset(t.h, t.dev), 0);
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_NEW);
	assert_int_equal(hi_info(&t, 0).route, NOWHERE);
	assert_int_equal(hi_info(&t, 0).set_bits, 0);
	assert_int_equal(hi_program(&t, 0, 3), 0);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	assert_int_equal(hi_program(&t, 0, 4), 0);
	hi_expect(&t, 1, 5, "FIRST SAME_CPU 3");
	assert_int_equal(vdev_irqhint_add(t.h, 1, 0, &gone), 0);
	assert_int_equal(vdev_irqhint_remove(t.h, gone), 0);
	assert_int_equal(vdev_irqhint_guest_reset(t.h), 0);
	for (uint32_t i = 0; i < TYPES; i++) {
		assert_int_equal(hi_info(&t, i).state, VDEV_IRQHINT_NEW);
		assert_int_equal(hi_info(&t, i).route, NOWHERE);
		hi_expect(&t, i, 5, "FIRST SAME_CPU 3");
	}
	/* What was ignored is forgotten. */
	hi_expect(&t, 0, 6, "WAITING");
	t.now += INTERVAL;
	hi_expect(&t, 0, 5, "MOVED SAME_CPU 3");
	assert_int_equal(hi_stats(&t).resets, 2);
	hi_end(&t);
}

/* H5: elsewhere the first event is one again; the route stays. */
static void migrated(void **state)
{
	uint64_t gone;
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	hi_on(&t, 3, 6);
	hi_expect(&t, 0, 5, "STALE");
	t.now += MS;
	hi_expect(&t, 0, 5, "STALE");
	assert_int_equal(vdev_irqhint_add(t.h, 1, 0, &gone), 0);
	assert_int_equal(vdev_irqhint_remove(t.h, gone), 0);
	assert_int_equal(vdev_irqhint_migrated(t.h), 0);
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_NEW);
	assert_int_equal(hi_info(&t, 0).stale_ns, 0);
	assert_int_equal(hi_info(&t, 0).route, 3);
	assert_int_equal(hi_program(&t, 0, 3), 0);
	hi_expect(&t, 0, 6, "FIRST SAME_CPU 3");
	assert_int_equal(hi_stats(&t).resets, 0);
	hi_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(followed),     cmocka_unit_test(ignored),
		cmocka_unit_test(backoff),      cmocka_unit_test(masked),
		cmocka_unit_test(while_new),    cmocka_unit_test(stale_anew),
		cmocka_unit_test(out_of_range), cmocka_unit_test(resets),
		cmocka_unit_test(migrated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
