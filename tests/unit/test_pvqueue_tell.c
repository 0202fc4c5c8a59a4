/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of the paravirtual function: answers, their room, interrupts, events unasked for. */
#include "test_pvqueue_rig.h"

#define HINT ((uint32_t)VDEV_GUEST_TOLD_UNASKED)

/* Z6: each result, and that it is told once whatever the caller does. */
static void told_once(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint32_t r = VDEV_GUEST_DONE_SENT; r <= VDEV_GUEST_DONE_LOST; r++) {
		uint32_t kind = r == VDEV_GUEST_DONE_REFUSED ? VDEV_GUEST_TOLD_ANSWER
							     : VDEV_GUEST_TOLD_ACCESSIBLE;

		m = take_send(&g, 100 + r);
		assert_int_equal(vdev_pvqueue_answer(g.q, m.handle, r, 7), VDEV_PVQUEUE_RAISE);
		assert_int_equal(vdev_pvqueue_answer(g.q, m.handle, r, 7), -ENOENT);
		expect_event(&g, kind, r, 100 + r, 7);
		expect_no_event(&g);
	}
	assert_int_equal(rig_stats(&g).stale, 6);
	assert_int_equal(rig_stats(&g).answers, 6);
	assert_int_equal(rig_stats(&g).in_flight, 0);
	rig_end(&g);
}

static void results_of_the_wrong_kind(void **state)
{
	struct vdev_pvqueue_message send, reclaim;
	struct rig g;

	(void)state;
	rig_on(&g);
	send = take_send(&g, 1);
	post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM, 2, 1);
	reclaim = take(&g);
	assert_int_equal(answer(&g, send.handle, VDEV_GUEST_DONE_OK), -EINVAL);
	assert_int_equal(answer(&g, send.handle, VDEV_GUEST_DONE_LOST + 1), -EINVAL);
	assert_int_equal(answer(&g, send.handle, UINT32_MAX), -EINVAL);
	assert_int_equal(answer(&g, reclaim.handle, VDEV_GUEST_DONE_SENT), -EINVAL);
	assert_int_equal(answer(&g, reclaim.handle, VDEV_GUEST_DONE_LOST), -EINVAL);
	assert_int_equal(answer(&g, 0, VDEV_GUEST_DONE_SENT), -ENOENT);
	assert_int_equal(answer(&g, UINT64_MAX, VDEV_GUEST_DONE_SENT), -ENOENT);
	assert_int_equal(answer(&g, send.handle + (1u << 16), VDEV_GUEST_DONE_SENT), -ENOENT);
	expect_no_event(&g);
	assert_int_equal(answer(&g, reclaim.handle, VDEV_GUEST_DONE_OK), VDEV_PVQUEUE_RAISE);
	expect_event(&g, VDEV_GUEST_TOLD_ANSWER, VDEV_GUEST_DONE_OK, 2, 0);
	assert_int_equal(answer(&g, send.handle, VDEV_GUEST_DONE_RECLAIMED), VDEV_PVQUEUE_RAISE);
	expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_RECLAIMED, 1, 0);
	rig_end(&g);
}

/* Z3: the answer to RECLAIM_ALL comes after the last of what was taken before it, not later ones. */
static void reclaim_all_waits_for_the_older(void **state)
{
	struct vdev_pvqueue_message a, b, all, all2, later, info;
	struct rig g;

	(void)state;
	rig_on(&g);
	a = take_send(&g, 1);
	b = take_send(&g, 2);
	post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM_ALL, 3, 0);
	all = take(&g);
	post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM_ALL, 4, 0);
	all2 = take(&g);
	later = take_send(&g, 5);
	assert_int_equal(answer(&g, all.handle, VDEV_GUEST_DONE_OK), 0);
	assert_int_equal(answer(&g, all2.handle, VDEV_GUEST_DONE_OK), 0);
	assert_int_equal(answer(&g, all.handle, VDEV_GUEST_DONE_OK), -ENOENT); /* once */
	assert_int_equal(vdev_pvqueue_get(g.q, all.handle, &info, sizeof(info)), 0);
	assert_int_equal(info.answered, 1);
	expect_no_event(&g);
	answer(&g, b.handle, VDEV_GUEST_DONE_RECLAIMED);
	expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_RECLAIMED, 2, 0);
	expect_no_event(&g);
	answer(&g, a.handle, VDEV_GUEST_DONE_RECLAIMED);
	expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_RECLAIMED, 1, 0);
	expect_event(&g, VDEV_GUEST_TOLD_ANSWER, VDEV_GUEST_DONE_OK, 3, 0);
	expect_event(&g, VDEV_GUEST_TOLD_ANSWER, VDEV_GUEST_DONE_OK, 4, 0);
	expect_no_event(&g);
	assert_int_equal(rig_stats(&g).in_flight, 1);
	answer(&g, later.handle, VDEV_GUEST_DONE_SENT);
	rig_end(&g);
}

static void reclaim_all_of_nothing(void **state)
{
	struct vdev_pvqueue_message all;
	struct rig g;

	(void)state;
	rig_on(&g);
	post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM_ALL, 3, 0);
	all = take(&g);
	assert_int_equal(vdev_pvqueue_answer(g.q, all.handle, VDEV_GUEST_DONE_OK, 5),
			 VDEV_PVQUEUE_RAISE);
	expect_event(&g, VDEV_GUEST_TOLD_ANSWER, VDEV_GUEST_DONE_OK, 3, 5);
	rig_end(&g);
}

/* A refusal promises nothing, so it does not wait. */
static void reclaim_all_refused(void **state)
{
	struct vdev_pvqueue_message all;
	struct rig g;

	(void)state;
	rig_on(&g);
	take_send(&g, 1);
	post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM_ALL, 3, 0);
	all = take(&g);
	assert_int_equal(vdev_pvqueue_answer(g.q, all.handle, VDEV_GUEST_DONE_REFUSED,
					     VDEV_GUEST_WHY_MEMORY),
			 VDEV_PVQUEUE_RAISE);
	expect_event(&g, VDEV_GUEST_TOLD_ANSWER, VDEV_GUEST_DONE_REFUSED, 3, VDEV_GUEST_WHY_MEMORY);
	rig_end(&g);
}

static void waiting_reclaim_all_ends_with_a_stopped_queue(void **state)
{
	struct vdev_pvqueue_message a, all;
	struct rig g;

	(void)state;
	rig_on(&g);
	a = take_send(&g, 1);
	post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM_ALL, 3, 0);
	all = take(&g);
	answer(&g, all.handle, VDEV_GUEST_DONE_OK);
	assert_int_equal(vdev_pvqueue_stop(g.q), 0);
	assert_int_equal(answer(&g, a.handle, VDEV_GUEST_DONE_RECLAIMED), VDEV_PVQUEUE_IDLE);
	assert_int_equal(rig_stats(&g).silent, 2);
	expect_no_event(&g);
	rig_end(&g);
}

/* No answer is lost: nothing is taken that would have no room for it. */
static void a_guest_that_takes_no_events(void **state)
{
	struct vdev_pvqueue_message m;
	uint32_t answered = 0;
	struct event e;
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint64_t i = 0; i < EVENTS_SIZE; i++) {
		m = take_send(&g, i);
		assert_true(answer(&g, m.handle, VDEV_GUEST_DONE_SENT) >= 0);
	}
	post_send(&g, 99);
	assert_int_equal(next(&g, &m), 0);
	assert_int_equal(next(&g, &m), 0);
	assert_int_equal(rig_stats(&g).held, 2);
	assert_int_equal(rig_stats(&g).state, VDEV_PVQUEUE_ON);
	assert_int_equal(event(&g, &e), 1); /* it takes one: one more is taken from it */
	m = take(&g);
	assert_int_equal(m.cookie, 99);
	post_send(&g, 100);
	assert_int_equal(next(&g, &m), 0);
	while (event(&g, &e))
		assert_int_equal(e.cookie, ++answered);
	assert_int_equal(answered, EVENTS_SIZE - 1);
	assert_int_equal(take(&g).cookie, 100);
	rig_end(&g);
}

/* A small event ring: what is in flight keeps its places also among refusals. */
static void places_are_kept(void **state)
{
	struct descriptor bad = {.kind = 77, .cookie = 1000};
	struct vdev_pvqueue_message m[SIZE], none;
	struct event e;
	struct rig g;

	(void)state;
	rig_begin(&g);
	g.rings.events_size = SIZE;
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	for (uint64_t i = 0; i < SIZE / 2; i++)
		m[i] = take_send(&g, i);
	for (uint32_t i = 0; i < SIZE / 2; i++) {
		post(&g, &bad);
		assert_true(next(&g, &none) & VDEV_PVQUEUE_REFUSED);
	}
	post(&g, &bad);
	assert_int_equal(next(&g, &none), 0);
	for (uint32_t i = 0; i < SIZE / 2; i++)
		assert_int_equal(answer(&g, m[i].handle, VDEV_GUEST_DONE_COPIED),
				 VDEV_PVQUEUE_RAISE);
	for (uint32_t i = 0; i < SIZE; i++) {
		assert_int_equal(event(&g, &e), 1);
		assert_int_equal(e.cookie, i < SIZE / 2 ? 1000 : i - SIZE / 2);
	}
	assert_true(next(&g, &none) & VDEV_PVQUEUE_REFUSED);
	rig_end(&g);
}

static void never_more_in_flight_than_the_ring_has(void **state)
{
	struct vdev_pvqueue_message m[SIZE], none;
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint64_t i = 0; i < SIZE; i++)
		m[i] = take_send(&g, i);
	post_send(&g, 50);
	assert_int_equal(next(&g, &none), 0);
	assert_int_equal(rig_stats(&g).held, 1);
	answer(&g, m[3].handle, VDEV_GUEST_DONE_SENT);
	assert_int_equal(take(&g).cookie, 50);
	rig_end(&g);
}

static void quiet(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_on(&g);
	put32(&g, EVENTS + VDEV_GUEST_EVENTS_FLAGS, VDEV_GUEST_EVENTS_QUIET);
	m = take_send(&g, 1);
	assert_int_equal(answer(&g, m.handle, VDEV_GUEST_DONE_SENT), 0);
	put32(&g, EVENTS + VDEV_GUEST_EVENTS_FLAGS, ~(uint32_t)VDEV_GUEST_EVENTS_QUIET);
	m = take_send(&g, 2);
	assert_int_equal(answer(&g, m.handle, VDEV_GUEST_DONE_SENT), VDEV_PVQUEUE_RAISE);
	assert_int_equal(rig_stats(&g).raised, 1);
	rig_end(&g);
}

/* The order of accesses: entry, index, and only then the look whether an interrupt is wanted. */
static struct {
	uint64_t address[8];
	size_t size[8];
	uint32_t n;
} seen;

static void note(struct rig *g, uint64_t address, size_t size, int is_write)
{
	(void)g;
	(void)is_write;
	if (seen.n < 8) {
		seen.address[seen.n] = address;
		seen.size[seen.n] = size;
	}
	seen.n++;
}

static void entry_then_index_then_flags(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_on(&g);
	m = take_send(&g, 1);
	memset(&seen, 0, sizeof(seen));
	g.at_access = note;
	answer(&g, m.handle, VDEV_GUEST_DONE_SENT);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.address[0], EVENTS + VDEV_GUEST_EVENTS_FIRST);
	assert_int_equal(seen.size[0], VDEV_GUEST_ENTRY_BYTES);
	assert_int_equal(seen.address[1], EVENTS + VDEV_GUEST_EVENTS_PRODUCED);
	assert_int_equal(seen.size[1], 4);
	assert_int_equal(seen.address[2], EVENTS + VDEV_GUEST_EVENTS_FLAGS);
	assert_int_equal(seen.size[2], 4);
	rig_end(&g);
}

static int tell(struct rig *g, uint64_t cookie)
{
	return vdev_pvqueue_tell(g->q, HINT + 3, 4, cookie, 5);
}

static void unasked_for(void **state)
{
	struct rig g;

	(void)state;
	rig_on(&g);
	assert_int_equal(vdev_pvqueue_tell(g.q, HINT - 1, 0, 0, 0), -EINVAL);
	assert_int_equal(vdev_pvqueue_tell(NULL, HINT, 0, 0, 0), -EINVAL);
	assert_int_equal(tell(&g, 6), VDEV_PVQUEUE_RAISE);
	expect_event(&g, HINT + 3, 4, 6, 5);
	assert_int_equal(rig_stats(&g).unasked, 1);
	assert_int_equal(rig_stats(&g).answers, 0);
	rig_end(&g);
}

/* They take no place that the answer of a descriptor may need, posted or not. */
static void unasked_leave_room(void **state)
{
	struct vdev_pvqueue_message m[SIZE];
	struct event e;
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint32_t i = 0; i < EVENTS_SIZE - SIZE; i++)
		assert_int_equal(tell(&g, i), VDEV_PVQUEUE_RAISE);
	assert_int_equal(tell(&g, 0), -EAGAIN);
	assert_int_equal(tell(&g, 0), -EAGAIN);
	assert_int_equal(get32(&g, EVENTS + VDEV_GUEST_EVENTS_LOST), 2);
	assert_int_equal(rig_stats(&g).lost, 2);
	for (uint64_t i = 0; i < SIZE; i++)
		m[i] = take_send(&g, i); /* nothing is held */
	for (uint32_t i = 0; i < SIZE; i++)
		assert_int_equal(answer(&g, m[i].handle, VDEV_GUEST_DONE_SENT), VDEV_PVQUEUE_RAISE);
	for (uint32_t i = 0; i < EVENTS_SIZE; i++)
		assert_int_equal(event(&g, &e), 1);
	expect_no_event(&g);
	assert_int_equal(tell(&g, 1), VDEV_PVQUEUE_RAISE);
	rig_end(&g);
}

static void unasked_with_no_ring_to_go_to(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g);
	assert_int_equal(tell(&g, 1), -EAGAIN);
	assert_int_equal(g.accesses, 0);
	assert_int_equal(rig_stats(&g).lost, 1);
	g.rings.events_size = SIZE; /* no place but for answers */
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	assert_int_equal(tell(&g, 1), -EAGAIN);
	assert_int_equal(get32(&g, EVENTS + VDEV_GUEST_EVENTS_LOST), 1);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_once),
		cmocka_unit_test(results_of_the_wrong_kind),
		cmocka_unit_test(reclaim_all_waits_for_the_older),
		cmocka_unit_test(reclaim_all_of_nothing),
		cmocka_unit_test(reclaim_all_refused),
		cmocka_unit_test(waiting_reclaim_all_ends_with_a_stopped_queue),
		cmocka_unit_test(a_guest_that_takes_no_events),
		cmocka_unit_test(places_are_kept),
		cmocka_unit_test(never_more_in_flight_than_the_ring_has),
		cmocka_unit_test(quiet),
		cmocka_unit_test(entry_then_index_then_flags),
		cmocka_unit_test(unasked_for),
		cmocka_unit_test(unasked_leave_room),
		cmocka_unit_test(unasked_with_no_ring_to_go_to),
	};

	return cmocka_run_group_tests_name("pvqueue_tell", tests, NULL, NULL);
}
