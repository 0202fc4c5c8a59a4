/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of the paravirtual function: descriptors that are taken, and those that are refused. */
#include "test_pvqueue_rig.h"

#include <vdev/version.h>

static void a_message_as_it_was_posted(void **state)
{
	struct descriptor d = {.address = UINT64_C(0x123456789abcdef),
			       .length = 0x1234,
			       .kind = VDEV_GUEST_MSG_RECEIVE,
			       .timeout_ms = 3600000,
			       .destination = 3,
			       .cookie = UINT64_C(0xfedcba9876543210)};
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_on(&g);
	assert_int_equal(next(&g, &m), 0);
	post(&g, &d);
	m = take(&g);
	assert_true(m.handle != 0);
	assert_int_equal(m.tag, 0);
	assert_int_equal(m.cookie, d.cookie);
	assert_int_equal(m.address, d.address);
	assert_int_equal(m.length_bytes, d.length);
	assert_int_equal(m.timeout_ns, UINT64_C(3600000000000));
	assert_int_equal(m.target, 0);
	assert_int_equal(m.kind, VDEV_GUEST_MSG_RECEIVE);
	assert_int_equal(m.flags, 0);
	assert_int_equal(m.destination, 3);
	assert_int_equal(m.answered, 0);
	assert_int_equal(m.reserved, 0);
	assert_int_equal(next(&g, &m), 0);
	assert_int_equal(rig_stats(&g).taken, 1);
	assert_int_equal(rig_stats(&g).in_flight, 1);
	assert_int_equal(rig_stats(&g).idle, 2);
	rig_end(&g);
}

/* Z3: what RECLAIM is about is found by the guest's own name. */
static void reclaim_names_a_message(void **state)
{
	struct descriptor d = {.kind = VDEV_GUEST_MSG_RECLAIM,
			       .flags = VDEV_GUEST_MSG_F_ZERO,
			       .cookie = 8,
			       .target = 7};
	struct vdev_pvqueue_message sent, m, found;
	struct rig g;

	(void)state;
	rig_on(&g);
	sent = take_send(&g, 7);
	assert_int_equal(vdev_pvqueue_tag(g.q, sent.handle, 77), 0);
	post(&g, &d);
	m = take(&g);
	assert_int_equal(m.kind, VDEV_GUEST_MSG_RECLAIM);
	assert_int_equal(m.flags, VDEV_GUEST_MSG_F_ZERO);
	assert_int_equal(m.target, sent.handle);
	assert_int_equal(m.length_bytes, 0);
	assert_int_equal(vdev_pvqueue_get(g.q, m.target, &found, sizeof(found)), 0);
	assert_int_equal(found.tag, 77);
	rig_end(&g);
}

/* One wrong thing in an otherwise good descriptor each. */
static const struct {
	const char *what;
	struct descriptor d;
	uint32_t why;
} refused[] = {
	{"kind 0", {.address = BLOCK, .length = 64, .kind = 0}, VDEV_GUEST_WHY_KIND},
	{"kind 5", {.address = BLOCK, .length = 64, .kind = 5}, VDEV_GUEST_WHY_KIND},
	{"kind -1", {.address = BLOCK, .length = 64, .kind = UINT32_MAX}, VDEV_GUEST_WHY_KIND},
	{"flag of SEND",
	 {.address = BLOCK, .length = 64, .kind = 1, .flags = 1},
	 VDEV_GUEST_WHY_FLAGS},
	{"flag of RECEIVE",
	 {.address = BLOCK, .length = 64, .kind = 2, .flags = 1},
	 VDEV_GUEST_WHY_FLAGS},
	{"flag 2", {.kind = 3, .flags = 2, .target = 1}, VDEV_GUEST_WHY_FLAGS},
	{"flag of RECLAIM_ALL", {.kind = 4, .flags = 1u << 31}, VDEV_GUEST_WHY_FLAGS},
	{"first unused byte",
	 {.address = BLOCK, .length = 64, .kind = 1, .unused = {1}},
	 VDEV_GUEST_WHY_RESERVED},
	{"fourth unused byte",
	 {.address = BLOCK, .length = 64, .kind = 1, .unused = {0, 0, 0, 1}},
	 VDEV_GUEST_WHY_RESERVED},
	{"fifth unused byte",
	 {.address = BLOCK, .length = 64, .kind = 1, .unused = {[4] = 1}},
	 VDEV_GUEST_WHY_RESERVED},
	{"last unused byte",
	 {.address = BLOCK, .length = 64, .kind = 1, .unused = {[19] = 0x80}},
	 VDEV_GUEST_WHY_RESERVED},
	{"target of SEND",
	 {.address = BLOCK, .length = 64, .kind = 1, .target = 1},
	 VDEV_GUEST_WHY_RESERVED},
	{"target of RECLAIM_ALL", {.kind = 4, .target = 1}, VDEV_GUEST_WHY_RESERVED},
	{"address of RECLAIM", {.kind = 3, .target = 1, .address = 1}, VDEV_GUEST_WHY_RESERVED},
	{"length of RECLAIM", {.kind = 3, .target = 1, .length = 1}, VDEV_GUEST_WHY_RESERVED},
	{"time-out of RECLAIM", {.kind = 3, .target = 1, .timeout_ms = 1}, VDEV_GUEST_WHY_RESERVED},
	{"destination of RECLAIM_ALL", {.kind = 4, .destination = 1}, VDEV_GUEST_WHY_RESERVED},
	{"no length", {.address = BLOCK, .length = 0, .kind = 1}, VDEV_GUEST_WHY_LENGTH},
	{"too long", {.address = BLOCK, .length = 65537, .kind = 1}, VDEV_GUEST_WHY_LENGTH},
	{"longest there is",
	 {.address = BLOCK, .length = UINT32_MAX, .kind = 1},
	 VDEV_GUEST_WHY_LENGTH},
	{"wraps", {.address = UINT64_MAX, .length = 64, .kind = 1}, VDEV_GUEST_WHY_ADDRESS},
	{"wraps by one",
	 {.address = UINT64_MAX - 62, .length = 64, .kind = 1},
	 VDEV_GUEST_WHY_ADDRESS},
	{"in the descriptor ring",
	 {.address = RING, .length = 1, .kind = 1},
	 VDEV_GUEST_WHY_ADDRESS},
	{"ends in the ring",
	 {.address = RING - 63, .length = 64, .kind = 2},
	 VDEV_GUEST_WHY_ADDRESS},
	{"last byte of the ring",
	 {.address = RING + 0x23f, .length = 64, .kind = 2},
	 VDEV_GUEST_WHY_ADDRESS},
	{"in the event ring",
	 {.address = EVENTS + 0x40, .length = 8, .kind = 2},
	 VDEV_GUEST_WHY_ADDRESS},
	{"last byte of the event ring",
	 {.address = EVENTS + 0x27f, .length = 64, .kind = 2},
	 VDEV_GUEST_WHY_ADDRESS},
	{"over both rings",
	 {.address = RING - 64, .length = 65536, .kind = 1},
	 VDEV_GUEST_WHY_ADDRESS},
	{"time-out above an hour",
	 {.address = BLOCK, .length = 64, .kind = 1, .timeout_ms = 3600001},
	 VDEV_GUEST_WHY_TIMEOUT},
	{"time-out of 50 days",
	 {.address = BLOCK, .length = 64, .kind = 1, .timeout_ms = UINT32_MAX},
	 VDEV_GUEST_WHY_TIMEOUT},
	{"destination",
	 {.address = BLOCK, .length = 64, .kind = 1, .destination = 4},
	 VDEV_GUEST_WHY_DESTINATION},
	{"last destination",
	 {.address = BLOCK, .length = 64, .kind = 2, .destination = UINT32_MAX},
	 VDEV_GUEST_WHY_DESTINATION},
	{"cookie in use",
	 {.address = BLOCK, .length = 64, .kind = 1, .cookie = 1},
	 VDEV_GUEST_WHY_COOKIE},
	{"cookie of RECLAIM_ALL in use", {.kind = 4, .cookie = 1}, VDEV_GUEST_WHY_COOKIE},
	{"target of nobody", {.kind = 3, .target = 2}, VDEV_GUEST_WHY_TARGET},
	{"target is itself", {.kind = 3, .target = 99}, VDEV_GUEST_WHY_TARGET},
	{"target is a RECLAIM_ALL", {.kind = 3, .target = 5}, VDEV_GUEST_WHY_TARGET},
};

/* Told to the guest, counted, not forwarded, and the queue goes on. */
static void refused_one_by_one(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(refused); i++) {
		struct descriptor d = refused[i].d;

		rig_begin(&g);
		vdev_pvqueue_free(g.q);
		g.config.max_length_bytes = 65536;
		assert_int_equal(vdev_pvqueue_new(&g.q, &g.v.env, &g.config), 0);
		assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
		take_send(&g, 1);
		post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM_ALL, 5, 0);
		take(&g);
		d.cookie = d.cookie ? d.cookie : 99;
		post(&g, &d);
		memset(&m, 0x5a, sizeof(m));
		if (next(&g, &m) != (VDEV_PVQUEUE_REFUSED | VDEV_PVQUEUE_RAISE))
			fail_msg("%s", refused[i].what);
		assert_int_equal(m.handle, UINT64_C(0x5a5a5a5a5a5a5a5a));
		expect_event(&g, VDEV_GUEST_TOLD_ANSWER, VDEV_GUEST_DONE_REFUSED, d.cookie,
			     refused[i].why);
		assert_int_equal(rig_stats(&g).refused[0], 1);
		assert_int_equal(rig_stats(&g).refused[refused[i].why], 1);
		assert_int_equal(rig_stats(&g).in_flight, 2);
		take_send(&g, 3);
		rig_end(&g);
	}
}

/* The widest of what is right. */
static void limits_are_inclusive(void **state)
{
	static const struct descriptor good[] = {
		{.address = UINT64_MAX - 64, .length = 64, .kind = 1},
		{.address = RING - 64, .length = 64, .kind = 1},
		{.address = RING + 0x240, .length = 64, .kind = 1},
		{.address = EVENTS - 1, .length = 1, .kind = 2},
		{.address = EVENTS + 0x280, .length = 1, .kind = 2},
		{.address = BLOCK, .length = 1, .kind = 1, .timeout_ms = 3600000, .destination = 3},
		{.address = UINT64_C(1) << 40, .length = UINT32_MAX, .kind = 1},
		{.kind = 4, .flags = VDEV_GUEST_MSG_F_ZERO},
		{.kind = 4, .cookie = UINT64_MAX},
	};
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(good); i++) {
		rig_on(&g);
		post(&g, &good[i]);
		assert_int_equal(next(&g, &m), VDEV_PVQUEUE_MESSAGE);
		rig_end(&g);
	}
}

static void a_cookie_may_come_again_when_it_is_over(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_on(&g);
	for (int i = 0; i < 100; i++) {
		m = take_send(&g, 42);
		assert_int_equal(answer(&g, m.handle, VDEV_GUEST_DONE_SENT), VDEV_PVQUEUE_RAISE);
		expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_SENT, 42, 0);
		/* its name is nobody's now */
		post_reclaim(&g, VDEV_GUEST_MSG_RECLAIM, 1, 42);
		assert_true(next(&g, &m) & VDEV_PVQUEUE_REFUSED);
		expect_event(&g, VDEV_GUEST_TOLD_ANSWER, VDEV_GUEST_DONE_REFUSED, 1,
			     VDEV_GUEST_WHY_TARGET);
	}
	assert_int_equal(rig_stats(&g).taken, 100);
	rig_end(&g);
}

/* Cookies that meet in one place of the table are still told apart, in whatever order they end. */
static void cookies_that_collide(void **state)
{
	struct vdev_pvqueue_message m[SIZE], found;
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint64_t i = 0; i < SIZE; i++)
		m[i] = take_send(&g, i << 61 | i);
	for (uint32_t i = 0; i < SIZE; i++) {
		uint32_t at = (i * 5 + 3) % SIZE;

		assert_int_equal(vdev_pvqueue_get(g.q, m[at].handle, &found, sizeof(found)), 0);
		assert_int_equal(found.cookie, (uint64_t)at << 61 | at);
		assert_int_equal(answer(&g, m[at].handle, VDEV_GUEST_DONE_SENT),
				 VDEV_PVQUEUE_RAISE);
		expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_SENT,
			     (uint64_t)at << 61 | at, 0);
		assert_int_equal(vdev_pvqueue_get(g.q, m[at].handle, &found, sizeof(found)),
				 -ENOENT);
	}
	rig_end(&g);
}

/* Oldest first, and robust against what ends meanwhile. */
static void walking(void **state)
{
	struct vdev_pvqueue_message m[5], w;
	uint64_t cursor = 0;
	struct rig g;

	(void)state;
	rig_on(&g);
	assert_int_equal(vdev_pvqueue_walk(g.q, &cursor, &w, sizeof(w)), 0);
	for (uint64_t i = 0; i < 5; i++)
		m[i] = take_send(&g, i);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(vdev_pvqueue_walk(g.q, &cursor, &w, sizeof(w)), 1);
		assert_int_equal(w.handle, m[i].handle);
		assert_int_equal(cursor, w.handle);
		if (i == 1) { /* it, one that was given, and the one that would come next */
			answer(&g, m[1].handle, VDEV_GUEST_DONE_SENT);
			answer(&g, m[0].handle, VDEV_GUEST_DONE_SENT);
			answer(&g, m[2].handle, VDEV_GUEST_DONE_SENT);
			i++;
		}
	}
	assert_int_equal(vdev_pvqueue_walk(g.q, &cursor, &w, sizeof(w)), 0);
	rig_end(&g);
}

static void an_older_caller_gets_what_it_knows(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_on(&g);
	post_send(&g, 6);
	memset(&m, 0x5a, sizeof(m));
	assert_int_equal(vdev_pvqueue_next(g.q, &m, 24), VDEV_PVQUEUE_MESSAGE);
	assert_int_equal(m.cookie, 6);
	assert_int_equal(m.address, UINT64_C(0x5a5a5a5a5a5a5a5a));
	rig_end(&g);
}

static struct vdev_trace traced[8];
static uint32_t n_traced;

static void trace(void *user, const struct vdev_trace *event)
{
	(void)user;
	if (n_traced < 8)
		traced[n_traced] = *event;
	n_traced++;
}

static void the_timeline(void **state)
{
	static const uint32_t kinds[] = {VDEV_PVQUEUE_EV_MESSAGE + VDEV_GUEST_MSG_SEND,
					 VDEV_PVQUEUE_EV_TOLD + VDEV_GUEST_DONE_RECLAIMED,
					 VDEV_PVQUEUE_EV_REFUSED + VDEV_GUEST_WHY_COOKIE,
					 VDEV_PVQUEUE_EV_BROKEN};
	struct vdev_pvqueue_message a, m;
	struct rig g;

	(void)state;
	if (!vdev_has("trace"))
		vt_skip("built without trace");
	rig_begin(&g);
	vdev_pvqueue_free(g.q);
	g.v.env.trace = trace;
	g.config.user_data = 99;
	assert_int_equal(vdev_pvqueue_new(&g.q, &g.v.env, &g.config), 0);
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	take_send(&g, 1);
	n_traced = 0;
	a = take_send(&g, 2);
	answer(&g, a.handle, VDEV_GUEST_DONE_RECLAIMED);
	post_send(&g, 1);
	next(&g, &m);
	put32(&g, RING + VDEV_GUEST_RING_PRODUCED, 1234);
	next(&g, &m);
	assert_int_equal(n_traced, VT_COUNT(kinds));
	for (size_t i = 0; i < VT_COUNT(kinds); i++) {
		assert_int_equal(traced[i].part, VDEV_PART_PVQUEUE);
		assert_int_equal(traced[i].what, VDEV_TRACE_EVENT);
		assert_int_equal(traced[i].kind, kinds[i]);
		assert_int_equal(traced[i].user_data, 99);
		assert_int_equal(traced[i].dev, i < 2 ? a.handle : 0);
	}
	assert_int_equal(traced[1].arg, 2);
	assert_int_equal(traced[3].arg, 1234);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_as_it_was_posted),
		cmocka_unit_test(reclaim_names_a_message),
		cmocka_unit_test(refused_one_by_one),
		cmocka_unit_test(limits_are_inclusive),
		cmocka_unit_test(a_cookie_may_come_again_when_it_is_over),
		cmocka_unit_test(cookies_that_collide),
		cmocka_unit_test(walking),
		cmocka_unit_test(an_older_caller_gets_what_it_knows),
		cmocka_unit_test(the_timeline),
	};

	return cmocka_run_group_tests_name("pvqueue_take", tests, NULL, NULL);
}
