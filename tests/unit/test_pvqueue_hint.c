/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues of the paravirtual function: interrupt hints in the event ring (H3, H8). */
#include "test_pvqueue_rig.h"

#include <vdev/irqhint.h>

#define DEVICE 0x0120u
#define TYPE 7u
#define MORE ((uint32_t)VDEV_GUEST_HINT_MORE)

static int hint(struct rig *g, const uint64_t *set, uint32_t words)
{
	return vdev_pvqueue_hint(g->q, DEVICE, TYPE, VDEV_IRQHINT_SAME_NODE, set, words);
}

static void expect_hint(struct rig *g, uint32_t base, uint64_t mask, uint32_t flags)
{
	struct event e = {0};

	assert_int_equal(event(g, &e), 1);
	assert_int_equal(e.kind, VDEV_GUEST_TOLD_HINT);
	assert_int_equal(e.result & VDEV_GUEST_HINT_TYPE, TYPE);
	assert_int_equal(e.result >> VDEV_GUEST_HINT_DISTANCE_SHIFT & VDEV_GUEST_HINT_DISTANCE,
			 VDEV_IRQHINT_SAME_NODE);
	assert_int_equal(e.result & ~0xffffffu, flags);
	assert_int_equal(e.cookie, DEVICE | (uint64_t)base << 32);
	assert_int_equal(e.arg, mask);
}

static void one_entry(void **state)
{
	const uint64_t set[1] = {0x8001};
	struct rig g;

	(void)state;
	rig_on(&g);
	assert_int_equal(hint(&g, set, 1), VDEV_PVQUEUE_RAISE);
	expect_hint(&g, 0, 0x8001, 0);
	expect_no_event(&g);
	assert_int_equal(rig_stats(&g).unasked, 1);
	assert_int_equal(rig_stats(&g).answers, 0);
	rig_end(&g);
}

/* One entry for each 64 CPUs that has some; all but the last say that there is more. */
static void large_guests(void **state)
{
	uint64_t set[VDEV_PVQUEUE_HINT_WORDS] = {0};
	struct rig g;

	(void)state;
	rig_on(&g);
	set[1] = 2;
	set[40] = UINT64_MAX;
	set[63] = 1;
	assert_int_equal(hint(&g, set, VDEV_PVQUEUE_HINT_WORDS), VDEV_PVQUEUE_RAISE);
	expect_hint(&g, 64, 2, MORE);
	expect_hint(&g, 2560, UINT64_MAX, MORE);
	expect_hint(&g, 4032, 1, 0);
	expect_no_event(&g);
	rig_end(&g);
}

static void bad_values(void **state)
{
	uint64_t set[VDEV_PVQUEUE_HINT_WORDS + 1] = {1};
	const uint64_t none[2] = {0};
	struct rig g;

	(void)state;
	rig_on(&g);
	assert_int_equal(vdev_pvqueue_hint(NULL, DEVICE, TYPE, 0, set, 1), -EINVAL);
	assert_int_equal(vdev_pvqueue_hint(g.q, DEVICE, TYPE, 0, NULL, 1), -EINVAL);
	assert_int_equal(vdev_pvqueue_hint(g.q, DEVICE, 0x10000, 0, set, 1), -EINVAL);
	assert_int_equal(vdev_pvqueue_hint(g.q, DEVICE, TYPE, 0x100, set, 1), -EINVAL);
	assert_int_equal(hint(&g, set, VDEV_PVQUEUE_HINT_WORDS + 1), -EINVAL);
	assert_int_equal(hint(&g, set, 0), -EINVAL);
	assert_int_equal(hint(&g, none, 2), -EINVAL);
	expect_no_event(&g);
	assert_int_equal(rig_stats(&g).lost, 0);
	assert_int_equal(vdev_pvqueue_hint(g.q, UINT32_MAX, 0xffff, 0xff, set, 1),
			 VDEV_PVQUEUE_RAISE);
	rig_end(&g);
}

/* All entries of a hint or none: half of one would hide who is nearer. */
static void all_or_none(void **state)
{
	const uint64_t three[3] = {1, 1, 1}, one[1] = {1};
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint32_t i = 0; i < EVENTS_SIZE - SIZE - 2; i++)
		assert_int_equal(hint(&g, one, 1), VDEV_PVQUEUE_RAISE);
	assert_int_equal(hint(&g, three, 3), -EAGAIN);
	assert_int_equal(get32(&g, EVENTS + VDEV_GUEST_EVENTS_LOST), 1);
	assert_int_equal(rig_stats(&g).unasked, EVENTS_SIZE - SIZE - 2);
	assert_int_equal(hint(&g, three, 2), VDEV_PVQUEUE_RAISE);
	assert_int_equal(hint(&g, one, 1), -EAGAIN);
	rig_end(&g);
}

static void with_no_ring(void **state)
{
	const uint64_t set[1] = {1};
	struct rig g;

	(void)state;
	rig_begin(&g);
	assert_int_equal(hint(&g, set, 1), -EAGAIN);
	assert_int_equal(g.accesses, 0);
	rig_end(&g);
}

/* The rings are not there any more: nothing goes on after the first entry. */
static void memory_that_goes(void **state)
{
	const uint64_t set[2] = {1, 1};
	struct rig g;

	(void)state;
	rig_on(&g);
	g.fail_after = 1;
	assert_int_equal(hint(&g, set, 2), VDEV_PVQUEUE_BROKEN);
	assert_int_equal(g.accesses, 1);
	assert_int_equal(rig_stats(&g).unasked, 0);
	assert_int_equal(rig_stats(&g).broken_memory, 1);
	rig_end(&g);
}

static void nest(struct rig *g, uint64_t address, size_t size, int is_write)
{
	const uint64_t set[1] = {1};

	(void)address;
	(void)size;
	(void)is_write;
	g->nested += vdev_pvqueue_hint(g->q, DEVICE, TYPE, 0, set, 1) == -EBUSY;
}

static void from_a_hook(void **state)
{
	const uint64_t set[1] = {1};
	struct rig g;

	(void)state;
	rig_on(&g);
	g.at_access = nest;
	assert_int_equal(hint(&g, set, 1), VDEV_PVQUEUE_RAISE);
	assert_int_equal(g.nested, g.accesses);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_entry),    cmocka_unit_test(large_guests),
		cmocka_unit_test(bad_values),   cmocka_unit_test(all_or_none),
		cmocka_unit_test(with_no_ring), cmocka_unit_test(memory_that_goes),
		cmocka_unit_test(from_a_hook),
	};

	return cmocka_run_group_tests_name("pvqueue_hint", tests, NULL, NULL);
}
