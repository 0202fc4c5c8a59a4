/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt-hint engine: which events carry a hint, and to whom (H1..H3, H5..H7). */
#include "test_irqhint_rig.h"

#include "core/cpumap.h"

/* H1, H2, H3: the first event of a type says who runs there; all of them. */
static void first(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	hi_on(&t, 66, 5);
	hi_on(&t, 4, 6);
	hi_place(&t, 5, 5, VDEV_CPUMAP_SLEEPING);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3,66");
	assert_int_equal(t.hint.set_bits, 2);
	assert_int_equal(t.hint.state, VDEV_CPUMAP_RUNNING);
	assert_int_equal(t.hint.age_ns, 0);
	hi_expect(&t, 1, 6, "FIRST SAME_CPU 4");
	/* Of whom it is not known whether they run, that is said. */
	hi_place(&t, 3, 5, VDEV_CPUMAP_UNKNOWN);
	hi_expect(&t, 2, 5, "FIRST SAME_CPU 3,66");
	assert_int_equal(t.hint.state, VDEV_CPUMAP_UNKNOWN);
	hi_end(&t);
}

/* H11: who is in the row of a CPU while moving to or from it is hinted where its place says. */
static void in_passing(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	hi_on(&t, 4, 6);
	atomic_store(&t.map->rows[5 * WORDS], 0x18);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	hi_on(&t, 3, 7);
	atomic_store(&t.map->rows[5 * WORDS], 0x18);
	hi_expect(&t, 1, 5, "FIRST SAME_CACHE 3,4");
	hi_end(&t);
}

/* H5: nobody there, no hint; the next event asks again. */
static void empty(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_place(&t, 3, 5, VDEV_CPUMAP_SLEEPING);
	hi_expect(&t, 0, 5, "EMPTY");
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_NEW);
	hi_expect(&t, 0, 5, "EMPTY");
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	hi_end(&t);
}

/* H7: sibling, cache, node, anywhere; the nearest only. */
static void fallback(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 10, 18); /* not in the topology */
	hi_expect(&t, 0, 4, "FIRST ANY 10");
	hi_on(&t, 11, 12);
	hi_on(&t, 12, 19);
	hi_expect(&t, 1, 4, "FIRST ANY 10,11,12");
	hi_on(&t, 13, 3);
	hi_on(&t, 14, 0);
	hi_on(&t, 17, 17); /* farther, and looked at later */
	hi_expect(&t, 2, 4, "FIRST SAME_NODE 13,14");
	hi_on(&t, 15, 6);
	hi_expect(&t, 3, 4, "FIRST SAME_CACHE 15");
	assert_int_equal(vdev_irqhint_device_reset(t.h, t.dev), 0);
	hi_on(&t, 16, 5);
	hi_expect(&t, 0, 4, "FIRST SAME_CORE 16");
	hi_on(&t, 69, 4);
	hi_expect(&t, 1, 4, "FIRST SAME_CPU 69");
	hi_expect(&t, 2, 19, "FIRST SAME_CPU 12");
	hi_on(&t, 12, 1);
	hi_expect(&t, 3, 19, "FIRST ANY 10,11,12,13,14,15,16,17,69");
	hi_end(&t);
}

/* What is not known of a CPU is not equal to what is not known of another one. */
static void unknown_topology(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	vdev_irqhint_free(t.h);
	for (uint32_t i = 0; i < 16; i++)
		t.cpus[i] = (struct vdev_irqhint_cpu){NOWHERE, NOWHERE, i < 2 ? i : NOWHERE, 0};
	assert_int_equal(vdev_irqhint_new(&t.h, &t.v.env, t.map, &t.config), 0);
	assert_int_equal(vdev_irqhint_add(t.h, TYPES, 77, &t.dev), 0);
	hi_on(&t, 1, 2);
	hi_expect(&t, 0, 3, "FIRST ANY 1");
	hi_on(&t, 1, 0);
	hi_expect(&t, 1, 1, "FIRST ANY 1");
	hi_end(&t);
}

/* H7: those farther than the configuration allows are nobody. */
static void max_distance(void **state)
{
	static const char *const found[] = {"EMPTY", "FIRST SAME_CORE 9", "FIRST SAME_CORE 9",
					    "FIRST SAME_CORE 9", "FIRST SAME_CORE 9"};
	static const char *const far[] = {"EMPTY", "EMPTY", "EMPTY", "FIRST SAME_NODE 9",
					  "FIRST SAME_NODE 9"};
	struct hi t;

	(void)state;
	for (uint32_t i = 0; i < VDEV_IRQHINT_DISTANCES; i++) {
		hi_init_with(&t, VDEV_CPUMAP_LIVE, i);
		hi_on(&t, 9, 5);
		hi_expect(&t, 0, 4, found[i]);
		hi_expect(&t, 1, 1, far[i]);
		hi_end(&t);
	}
}

/* H7: the map's age goes with the hint; a map that is too old gives none. */
static void age(void **state)
{
	struct hi t;

	(void)state;
	hi_init_with(&t, 0, VDEV_IRQHINT_ANY);
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "TOO_OLD");
	assert_true(t.hint.age_ns == VDEV_NONE);
	assert_int_equal(vdev_cpumap_refreshed(t.map, t.now), 0);
	t.now += 10 * MS + 1;
	hi_expect(&t, 0, 5, "TOO_OLD");
	assert_int_equal(t.hint.age_ns, 10 * MS + 1);
	t.now -= 1;
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	assert_int_equal(t.hint.age_ns, 10 * MS);
	hi_end(&t);
}

/* An absurd limit does not make a map young that nobody ever filled. */
static void never_refreshed(void **state)
{
	struct hi t;

	(void)state;
	hi_init_with(&t, 0, VDEV_IRQHINT_ANY);
	vdev_irqhint_free(t.h);
	t.config.max_age_ns = VDEV_NONE;
	assert_int_equal(vdev_irqhint_new(&t.h, &t.v.env, t.map, &t.config), 0);
	assert_int_equal(vdev_irqhint_add(t.h, TYPES, 77, &t.dev), 0);
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "TOO_OLD");
	vdev_cpumap_refreshed(t.map, 0);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	hi_end(&t);
}

/* H6: after the hint the guest has time, then it is told again, ever more seldom. */
static void unanswered(void **state)
{
	uint64_t wait = INTERVAL;
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	hi_expect(&t, 0, 5, "WAITING");
	t.now += HYSTERESIS - 1;
	hi_expect(&t, 0, 5, "WAITING");
	t.now += 1;
	hi_expect(&t, 0, 5, "LIMITED");
	t.now += wait - HYSTERESIS - 1;
	for (uint32_t i = 0; i < 9; i++) {
		hi_expect(&t, 0, 5, "LIMITED");
		t.now += 1;
		hi_expect(&t, 0, 5, "MOVED SAME_CPU 3");
		wait = i < 6 ? wait * 2 : wait;
		hi_expect(&t, 0, 5, "WAITING");
		t.now += wait - 1;
	}
	assert_int_equal(wait, INTERVAL << 6);
	assert_int_equal(hi_info(&t, 0).hints, 10);
	hi_end(&t);
}

/* H6: the vCPU has gone elsewhere for the hysteresis; who came has stayed for it. */
static void moved(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	t.now += INTERVAL;
	hi_on(&t, 3, 9);
	hi_expect(&t, 0, 5, "STALE");
	assert_int_equal(hi_info(&t, 0).stale_ns, 0);
	t.now += 5 * MS;
	hi_on(&t, 4, 5);
	hi_expect(&t, 0, 5, "STALE");
	assert_int_equal(hi_info(&t, 0).stale_ns, 5 * MS);
	t.now += 5 * MS;
	hi_expect(&t, 0, 5, "FITS"); /* nobody who stayed is nearer: looked at again later */
	hi_expect(&t, 0, 5, "STALE");
	t.now += HYSTERESIS;
	hi_expect(&t, 0, 5, "MOVED SAME_CPU 4");
	assert_int_equal(hi_info(&t, 0).state, VDEV_IRQHINT_HINTED);
	hi_end(&t);
}

/* H6: it came back in time, or sleeps where it was. */
static void back_in_time(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	t.now += INTERVAL;
	hi_on(&t, 3, 9);
	hi_expect(&t, 0, 5, "STALE");
	t.now += HYSTERESIS - 1;
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "FITS");
	hi_place(&t, 3, 5, VDEV_CPUMAP_SLEEPING);
	t.now += INTERVAL;
	hi_expect(&t, 0, 5, "FITS");
	hi_on(&t, 3, 9);
	hi_expect(&t, 0, 5, "STALE"); /* counted anew */
	hi_end(&t);
}

/* H6: the events come from elsewhere. */
static void cpu_changed(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	hi_on(&t, 8, 7);
	t.now += INTERVAL;
	hi_expect(&t, 0, 7, "STALE");
	t.now += HYSTERESIS;
	hi_expect(&t, 0, 7, "CPU_CHANGED SAME_CPU 8");
	assert_int_equal(hi_info(&t, 0).cpu, 7);
	hi_end(&t);
}

/* H6: at most one hint an interval. */
static void limited(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	hi_on(&t, 8, 7);
	hi_expect(&t, 0, 7, "STALE");
	t.now += HYSTERESIS;
	hi_expect(&t, 0, 7, "LIMITED");
	t.now += INTERVAL - HYSTERESIS - 1;
	hi_expect(&t, 0, 7, "LIMITED");
	t.now += 1;
	hi_expect(&t, 0, 7, "CPU_CHANGED SAME_CPU 8");
	hi_end(&t);
}

/* H6: nobody nearer, or nobody at all, or too old, once it is stale. */
static void not_better(void **state)
{
	struct hi t;

	(void)state;
	hi_init_with(&t, 0, VDEV_IRQHINT_SAME_CORE);
	vdev_cpumap_refreshed(t.map, t.now);
	hi_routed(&t);
	t.now += INTERVAL;
	hi_expect(&t, 0, 4, "STALE");
	t.now += HYSTERESIS;
	hi_expect(&t, 0, 4, "TOO_OLD");
	vdev_cpumap_refreshed(t.map, t.now);
	hi_expect(&t, 0, 4, "FITS"); /* vCPU 3 is the sibling's, and nobody is nearer */
	assert_int_equal(hi_info(&t, 0).stale_ns, 0);
	hi_expect(&t, 0, 4, "STALE");
	hi_place(&t, 3, 5, VDEV_CPUMAP_SLEEPING);
	t.now += HYSTERESIS;
	vdev_cpumap_refreshed(t.map, t.now);
	hi_expect(&t, 0, 4, "EMPTY");
	hi_expect(&t, 0, 4, "EMPTY");
	hi_end(&t);
}

/* A logical destination fits where any of it is; one that is nowhere fits nowhere. */
static void sets(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	hi_expect(&t, 0, 5, "FIRST SAME_CPU 3");
	assert_int_equal(hi_program2(&t, 0, 0x18, 1), 0);
	hi_expect(&t, 0, 5, "FITS");
	hi_on(&t, 4, 9);
	hi_on(&t, 64, 11);
	hi_on(&t, 69, 0);
	hi_expect(&t, 0, 11, "FITS");
	t.now += 2 * INTERVAL;
	hi_expect(&t, 0, 10, "STALE");
	t.now += HYSTERESIS;
	hi_expect(&t, 0, 10, "FITS"); /* 64 is the sibling's */
	hi_expect(&t, 0, 0, "STALE");
	t.now += HYSTERESIS;
	hi_expect(&t, 0, 0, "CPU_CHANGED SAME_CPU 69");
	hi_place(&t, 4, NOWHERE, VDEV_CPUMAP_UNKNOWN);
	assert_int_equal(hi_program(&t, 0, 4), 0);
	t.now += 4 * INTERVAL;
	hi_expect(&t, 0, 0, "STALE");
	t.now += HYSTERESIS;
	hi_expect(&t, 0, 16, "CPU_CHANGED ANY 3,64,69");
	hi_end(&t);
}

/* A clock that goes back: no time has passed. */
static void clock_back(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_routed(&t);
	hi_on(&t, 8, 7);
	t.now += INTERVAL;
	hi_expect(&t, 0, 7, "STALE");
	t.now -= 50 * INTERVAL / 10;
	hi_expect(&t, 0, 7, "STALE");
	t.now += 1000 * INTERVAL;
	hi_expect(&t, 0, 7, "CPU_CHANGED SAME_CPU 8");
	hi_expect(&t, 0, 7, "WAITING");
	t.now = 0;
	hi_expect(&t, 0, 7, "WAITING");
	t.now = UINT64_MAX; /* no time, but an event all the same */
	hi_expect(&t, 1, 7, "FIRST SAME_CPU 8");
	hi_expect(&t, 1, 7, "WAITING");
	hi_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first),
		cmocka_unit_test(in_passing),
		cmocka_unit_test(empty),
		cmocka_unit_test(fallback),
		cmocka_unit_test(unknown_topology),
		cmocka_unit_test(max_distance),
		cmocka_unit_test(age),
		cmocka_unit_test(never_refreshed),
		cmocka_unit_test(unanswered),
		cmocka_unit_test(moved),
		cmocka_unit_test(back_in_time),
		cmocka_unit_test(cpu_changed),
		cmocka_unit_test(limited),
		cmocka_unit_test(not_better),
		cmocka_unit_test(sets),
		cmocka_unit_test(clock_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
