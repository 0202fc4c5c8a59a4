/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt-hint engine: the choice among what the guest programmed (H10), and events that were sampled (H12). */
#include "test_irqhint_rig.h"

static uint32_t chosen, chosen_at;

static int choose(struct hi *t, uint32_t cpu)
{
	chosen = chosen_at = ALL;
	return vdev_irqhint_choose(t->h, t->now, t->dev, 0, cpu, &chosen, &chosen_at);
}

static void expect(struct hi *t, uint32_t cpu, uint32_t vcpu, uint32_t at)
{
	assert_int_equal(choose(t, cpu), 1);
	assert_int_equal(chosen, vcpu);
	assert_int_equal(chosen_at, at);
}

static void nothing_programmed(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	assert_int_equal(choose(&t, 5), 0);
	assert_int_equal(chosen, ALL);
	assert_int_equal(chosen_at, ALL);
	hi_program(&t, 0, 3);
	hi_program2(&t, 0, 0, 0);
	assert_int_equal(choose(&t, 5), 0);
	assert_int_equal(hi_stats(&t).not_chosen, 2);
	hi_end(&t);
}

/* One programmed: that one, wherever it is. */
static void single(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_program(&t, 0, 66);
	hi_on(&t, 3, 5);
	expect(&t, 5, 66, VDEV_IRQHINT_ANY); /* nowhere */
	hi_on(&t, 66, 5);
	expect(&t, 5, 66, VDEV_IRQHINT_SAME_CPU);
	hi_place(&t, 66, 4, VDEV_CPUMAP_SLEEPING);
	expect(&t, 5, 66, VDEV_IRQHINT_SAME_CORE);
	assert_int_equal(vdev_irqhint_choose(t.h, t.now, t.dev, 0, 5, &chosen, NULL), 1);
	assert_int_equal(hi_stats(&t).chosen, 4);
	hi_end(&t);
}

/* H10: the nearest of them; never another one. */
static void nearest(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_program2(&t, 0, 0x70, 0x20);
	for (uint32_t i = 0; i < 4; i++)
		hi_on(&t, i, 5);
	expect(&t, 5, 4, VDEV_IRQHINT_ANY);
	hi_on(&t, 69, 0);
	expect(&t, 5, 69, VDEV_IRQHINT_SAME_NODE);
	hi_on(&t, 6, 6);
	expect(&t, 5, 6, VDEV_IRQHINT_SAME_CACHE);
	hi_on(&t, 5, 4);
	expect(&t, 5, 5, VDEV_IRQHINT_SAME_CORE);
	hi_on(&t, 69, 5);
	expect(&t, 5, 69, VDEV_IRQHINT_SAME_CPU);
	hi_on(&t, 4, 5);
	expect(&t, 5, 4, VDEV_IRQHINT_SAME_CPU);
	hi_end(&t);
}

/* At the same distance one that does not sleep; at a lesser one even one that does. */
static void sleepers(void **state)
{
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_program2(&t, 0, 0x70, 0);
	hi_place(&t, 4, 5, VDEV_CPUMAP_SLEEPING);
	hi_on(&t, 5, 4);
	hi_place(&t, 6, 4, VDEV_CPUMAP_UNKNOWN);
	expect(&t, 5, 4, VDEV_IRQHINT_SAME_CPU);
	hi_place(&t, 4, 4, VDEV_CPUMAP_SLEEPING);
	expect(&t, 5, 5, VDEV_IRQHINT_SAME_CORE);
	hi_place(&t, 5, 4, VDEV_CPUMAP_SLEEPING);
	expect(&t, 5, 6, VDEV_IRQHINT_SAME_CORE);
	hi_place(&t, 6, 4, VDEV_CPUMAP_SLEEPING);
	expect(&t, 5, 4, VDEV_IRQHINT_SAME_CORE);
	hi_end(&t);
}

/* H7: from an old map nothing is chosen. */
static void too_old(void **state)
{
	struct hi t;

	(void)state;
	hi_init_with(&t, 0, VDEV_IRQHINT_ANY);
	hi_program(&t, 0, 3);
	hi_on(&t, 3, 5);
	assert_int_equal(choose(&t, 5), 0);
	vdev_cpumap_refreshed(t.map, t.now);
	t.now += 10 * MS;
	expect(&t, 5, 3, VDEV_IRQHINT_SAME_CPU);
	t.now++;
	assert_int_equal(choose(&t, 5), 0);
	hi_end(&t);
}

/* H12: an event that was sampled is one like any other, counted apart. */
static void sampled(void **state)
{
	struct vdev_irqhint_stats s;
	struct hi t;

	(void)state;
	hi_init(&t);
	hi_on(&t, 3, 5);
	assert_string_equal(hi_event(&t, 0, 5, VDEV_IRQHINT_SAMPLED), "FIRST SAME_CPU 3");
	hi_expect(&t, 0, 5, "WAITING");
	hi_expect(&t, 1, 4, "FIRST SAME_CORE 3");
	s = hi_stats(&t);
	assert_int_equal(s.events, 3);
	assert_int_equal(s.sampled, 1);
	assert_int_equal(s.answers[VDEV_IRQHINT_FIRST], 2);
	assert_int_equal(s.answers[VDEV_IRQHINT_WAITING], 1);
	assert_int_equal(s.by_distance[VDEV_IRQHINT_SAME_CPU], 1);
	assert_int_equal(s.by_distance[VDEV_IRQHINT_SAME_CORE], 1);
	hi_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_programmed),
		cmocka_unit_test(single),
		cmocka_unit_test(nearest),
		cmocka_unit_test(sleepers),
		cmocka_unit_test(too_old),
		cmocka_unit_test(sampled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
