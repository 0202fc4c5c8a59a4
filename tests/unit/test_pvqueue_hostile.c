/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of the paravirtual function before a guest that plays: impossible indices, rings that are no
 * memory, descriptors that change while they are looked at, floods, and calls from inside the hooks. */
#include "test_pvqueue_rig.h"

static void produce(struct rig *g, uint32_t index)
{
	put32(g, RING + VDEV_GUEST_RING_PRODUCED, index);
}

static void expect_broken(struct rig *g)
{
	struct vdev_pvqueue_message m;
	uint32_t accesses = g->accesses;

	assert_int_equal(rig_stats(g).state, VDEV_PVQUEUE_DEAD);
	post_send(g, 1000);
	assert_int_equal(next(g, &m), 0);
	assert_int_equal(vdev_pvqueue_tell(g->q, VDEV_GUEST_TOLD_UNASKED, 0, 0, 0), -EAGAIN);
	assert_int_equal(g->accesses, accesses); /* nothing is touched any more */
}

/* At most as many descriptors as there are places can have been posted. */
static void producer_index_that_cannot_be(void **state)
{
	static const struct {
		uint32_t ahead; /* of what was taken */
		int result;
	} cases[] = {
		{0, 0},
		{1, VDEV_PVQUEUE_MESSAGE},
		{SIZE, VDEV_PVQUEUE_MESSAGE},
		{SIZE + 1, VDEV_PVQUEUE_BROKEN},
		{1000000, VDEV_PVQUEUE_BROKEN},
		{1u << 31, VDEV_PVQUEUE_BROKEN},
		{UINT32_MAX, VDEV_PVQUEUE_BROKEN}, /* goes back by one */
		{UINT32_MAX - SIZE, VDEV_PVQUEUE_BROKEN},
	};
	struct vdev_pvqueue_message m;
	struct descriptor d;
	struct rig g;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(cases); i++) {
		rig_on(&g);
		for (uint32_t n = 0; n < SIZE; n++) {
			d = good_send(n);
			put_desc(&g, desc_at(&g, n), &d);
		}
		produce(&g, 3);
		for (int n = 0; n < 3; n++)
			answer(&g, take(&g).handle, VDEV_GUEST_DONE_SENT);
		produce(&g, 3 + cases[i].ahead);
		assert_int_equal(next(&g, &m), cases[i].result);
		assert_int_equal(rig_stats(&g).broken_index,
				 cases[i].result == VDEV_PVQUEUE_BROKEN);
		if (cases[i].result == VDEV_PVQUEUE_BROKEN)
			expect_broken(&g);
		rig_end(&g);
	}
}

/* Only what was told can have been taken, and what was taken stays so. */
static void consumer_index_that_cannot_be(void **state)
{
	static const struct {
		uint32_t index;
		int breaks;
	} cases[] = {{20, 0}, {30, 0},         {36, 0}, {37, 1},      {1000, 1},
		     {0, 1},  {UINT32_MAX, 1}, {19, 1}, {1u << 31, 1}};
	struct vdev_pvqueue_message m;
	struct event e;
	struct rig g;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(cases); i++) {
		rig_on(&g);
		for (uint64_t n = 0; n < 20; n++) {
			answer(&g, take_send(&g, n).handle, VDEV_GUEST_DONE_SENT);
			assert_int_equal(event(&g, &e), 1);
		}
		/* 20 told and taken: 16 more fill the ring, and the next look reads the index */
		for (uint64_t n = 0; n < EVENTS_SIZE; n++)
			answer(&g, take_send(&g, n).handle, VDEV_GUEST_DONE_SENT);
		post_send(&g, 1);
		assert_int_equal(next(&g, &m), 0);
		put32(&g, EVENTS + VDEV_GUEST_EVENTS_CONSUMED, cases[i].index);
		assert_int_equal(next(&g, &m), cases[i].breaks        ? VDEV_PVQUEUE_BROKEN
					       : cases[i].index == 20 ? 0
								      : VDEV_PVQUEUE_MESSAGE);
		assert_int_equal(rig_stats(&g).broken_events, cases[i].breaks);
		if (cases[i].breaks)
			expect_broken(&g);
		rig_end(&g);
	}
}

/* Events that were unasked for look at the index, too. */
static void consumer_index_seen_by_tell(void **state)
{
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint32_t i = 0; i < EVENTS_SIZE - SIZE; i++)
		assert_int_equal(vdev_pvqueue_tell(g.q, 16, 0, 0, 0), VDEV_PVQUEUE_RAISE);
	put32(&g, EVENTS + VDEV_GUEST_EVENTS_CONSUMED, 100);
	assert_int_equal(vdev_pvqueue_tell(g.q, 16, 0, 0, 0), VDEV_PVQUEUE_BROKEN);
	expect_broken(&g);
	rig_end(&g);
}

/* Whatever access fails, the queue breaks, and each message can still be ended, once. */
static void rings_that_are_no_memory(void **state)
{
	struct vdev_pvqueue_message m[3], none;
	struct descriptor bad = {.kind = 9};
	uint32_t broke = 0;
	struct rig g;
	int mask;

	(void)state;
	for (uint32_t at = 1; at < 40; at++) {
		uint32_t n = 0;

		rig_on(&g);
		g.fail_after = at;
		mask = 0;
		for (uint64_t i = 0; i < 3 && !(mask & VDEV_PVQUEUE_BROKEN); i++) {
			post_send(&g, i);
			mask |= next(&g, &m[n]);
			n += (mask & VDEV_PVQUEUE_MESSAGE) != 0;
			mask &= ~VDEV_PVQUEUE_MESSAGE;
		}
		post(&g, &bad);
		mask |= next(&g, &none);
		mask |= vdev_pvqueue_tell(g.q, 16, 0, 0, 0) & VDEV_PVQUEUE_BROKEN;
		while (n--) {
			int r = answer(&g, m[n].handle, VDEV_GUEST_DONE_SENT);

			assert_true(r >= 0);
			mask |= r;
			assert_int_equal(answer(&g, m[n].handle, VDEV_GUEST_DONE_SENT), -ENOENT);
		}
		assert_int_equal((mask & VDEV_PVQUEUE_BROKEN) != 0,
				 rig_stats(&g).broken_memory != 0);
		assert_int_equal(rig_stats(&g).broken_memory, g.accesses >= at);
		assert_int_equal(rig_stats(&g).in_flight, 0);
		broke += g.accesses >= at;
		rig_end(&g);
	}
	assert_true(broke > 15 && broke < 39); /* the last runs had no failure */
}

static void the_count_of_lost_events_has_no_memory(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g);
	g.rings.events_size = SIZE;
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	g.fail_after = 2; /* after the look at what was taken */
	assert_int_equal(vdev_pvqueue_tell(g.q, 16, 0, 0, 0), VDEV_PVQUEUE_BROKEN);
	expect_broken(&g);
	rig_end(&g);
}

static void a_broken_queue_is_stopped_and_started(void **state)
{
	struct vdev_pvqueue_message m, none;
	struct rig g;

	(void)state;
	rig_on(&g);
	m = take_send(&g, 1);
	produce(&g, 100);
	assert_int_equal(next(&g, &none), VDEV_PVQUEUE_BROKEN);
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), -EBUSY);
	assert_int_equal(vdev_pvqueue_stop(g.q), 0);
	assert_int_equal(answer(&g, m.handle, VDEV_GUEST_DONE_RECLAIMED), VDEV_PVQUEUE_IDLE);
	expect_no_event(&g);
	memset(g.ram, 0, sizeof(g.ram));
	g.produced = g.consumed = 0;
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	take_send(&g, 1);
	rig_end(&g);
}

/* Everything about a descriptor comes from one copy: each of its bytes is read once. */
static uint32_t touched[VDEV_GUEST_DESC_BYTES];

static void change_after_read(struct rig *g, uint64_t address, size_t size, int is_write)
{
	uint64_t first = desc_at(g, 0);

	for (uint64_t at = address; at < address + size && !is_write; at++)
		if (at >= first && at < first + VDEV_GUEST_DESC_BYTES)
			touched[at - first]++;
}

static void a_descriptor_is_read_once(void **state)
{
	struct rig g;

	(void)state;
	rig_on(&g);
	memset(touched, 0, sizeof(touched));
	g.at_access = change_after_read;
	take_send(&g, 1);
	for (uint32_t i = 0; i < VDEV_GUEST_DESC_BYTES; i++)
		assert_int_equal(touched[i], 1);
	rig_end(&g);
}

/* The producer index is read once for what it covers: taking it back later changes nothing. */
static uint32_t index_reads;

static void count_index(struct rig *g, uint64_t address, size_t size, int is_write)
{
	if (address == RING + VDEV_GUEST_RING_PRODUCED && !is_write) {
		index_reads++;
		assert_int_equal(size, 4);
	}
	(void)g;
}

static void the_producer_index_is_read_once(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_on(&g);
	index_reads = 0;
	g.at_access = count_index;
	for (uint64_t i = 0; i < 4; i++)
		post_send(&g, i);
	take(&g);
	assert_int_equal(index_reads, 1);
	produce(&g, 0x12345678);
	for (int i = 0; i < 3; i++)
		take(&g);
	assert_int_equal(index_reads, 1);
	assert_int_equal(next(&g, &m), VDEV_PVQUEUE_BROKEN);
	rig_end(&g);
}

/* A hook that leads back into the queue, as a ring in a device's registers would. */
static void call_back(struct rig *g, uint64_t address, size_t size, int is_write)
{
	struct vdev_pvqueue_message m;

	(void)address;
	(void)size;
	(void)is_write;
	if (g->depth++ > 10) /* it leads to itself */
		return;
	g->nested += vdev_pvqueue_next(g->q, &m, sizeof(m)) == -EBUSY;
	g->nested += vdev_pvqueue_answer(g->q, 1, VDEV_GUEST_DONE_SENT, 0) == -EBUSY;
	g->nested += vdev_pvqueue_tell(g->q, 16, 0, 0, 0) == -EBUSY;
	g->nested += vdev_pvqueue_stop(g->q) == -EBUSY;
	g->nested += vdev_pvqueue_start(g->q, &g->rings) == -EBUSY;
	g->depth--;
}

static void calls_from_a_hook_are_refused(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_on(&g);
	g.at_access = call_back;
	m = take_send(&g, 1);
	assert_int_equal(g.nested, 5 * 2);
	assert_int_equal(answer(&g, m.handle, VDEV_GUEST_DONE_SENT), VDEV_PVQUEUE_RAISE);
	assert_int_equal(g.nested, 5 * 5);
	g.at_access = NULL;
	expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_SENT, 1, 0);
	assert_int_equal(rig_stats(&g).stale, 0);
	rig_end(&g);
}

/* One call looks at one descriptor, however many there are, and touches memory a fixed number of times. */
static void a_flood(void **state)
{
	struct vdev_pvqueue_message m;
	struct descriptor bad = {.kind = 1, .address = BLOCK, .cookie = 5};
	struct event e;
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t before;

		while (g.produced - (uint32_t)rig_stats(&g).refused[0] < SIZE)
			post(&g, &bad);
		before = g.accesses;
		assert_int_equal(next(&g, &m), VDEV_PVQUEUE_REFUSED | VDEV_PVQUEUE_RAISE);
		assert_true(g.accesses - before <= 6);
		assert_int_equal(event(&g, &e), 1);
		assert_int_equal(e.arg, VDEV_GUEST_WHY_LENGTH);
	}
	assert_int_equal(rig_stats(&g).refused[VDEV_GUEST_WHY_LENGTH], 10000);
	assert_int_equal(rig_stats(&g).taken, 0);
	rig_end(&g);
}

static void a_flood_that_takes_no_events(void **state)
{
	struct vdev_pvqueue_message m;
	struct descriptor bad = {.kind = 0};
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint32_t i = 0; i < EVENTS_SIZE; i++) {
		post(&g, &bad);
		assert_true(next(&g, &m) & VDEV_PVQUEUE_REFUSED);
	}
	post(&g, &bad);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(next(&g, &m), 0);
	assert_int_equal(rig_stats(&g).held, 1000);
	assert_int_equal(rig_stats(&g).refused[0], EVENTS_SIZE);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(producer_index_that_cannot_be),
		cmocka_unit_test(consumer_index_that_cannot_be),
		cmocka_unit_test(consumer_index_seen_by_tell),
		cmocka_unit_test(rings_that_are_no_memory),
		cmocka_unit_test(the_count_of_lost_events_has_no_memory),
		cmocka_unit_test(a_broken_queue_is_stopped_and_started),
		cmocka_unit_test(a_descriptor_is_read_once),
		cmocka_unit_test(the_producer_index_is_read_once),
		cmocka_unit_test(calls_from_a_hook_are_refused),
		cmocka_unit_test(a_flood),
		cmocka_unit_test(a_flood_that_takes_no_events),
	};

	return cmocka_run_group_tests_name("pvqueue_hostile", tests, NULL, NULL);
}
