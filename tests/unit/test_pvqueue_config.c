/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of the paravirtual function: configuration, rings, on and off. */
#include "test_pvqueue_rig.h"

static void config_values(void **state)
{
	static const struct {
		struct vdev_pvqueue_config config;
		int result;
	} cases[] = {
		{{0}, 0},
		{{.max_size = 2}, 0},
		{{.max_size = VDEV_GUEST_QUEUE_MOST}, 0},
		{{.max_size = 1}, -EINVAL},
		{{.max_size = 3}, -EINVAL},
		{{.max_size = VDEV_GUEST_QUEUE_MOST * 2u}, -EINVAL},
		{{.max_size = 1u << 31}, -EINVAL},
		{{.destinations = UINT32_MAX}, 0},
		{{.max_timeout_ms = UINT32_MAX}, 0},
		{{.max_length_bytes = 1}, 0},
		{{.max_length_bytes = UINT32_MAX}, 0},
		{{.max_length_bytes = UINT64_C(1) << 32}, -EINVAL},
		{{.user_data = UINT64_MAX}, 0},
		{{.reserved = 1}, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < VT_COUNT(cases); i++) {
		struct vdev_pvqueue_config c = cases[i].config;
		struct vdev_pvqueue *q = NULL;

		c.struct_size = sizeof(c);
		c.read = rig_read;
		c.write = rig_write;
		assert_int_equal(vdev_pvqueue_new(&q, NULL, &c), cases[i].result);
		assert_true((q != NULL) == (cases[i].result == 0));
		vdev_pvqueue_free(q);
	}
}

static void hooks_are_needed(void **state)
{
	struct vdev_pvqueue *q = NULL;
	struct rig g;

	(void)state;
	rig_begin(&g);
	g.config.read = NULL;
	assert_int_equal(vdev_pvqueue_new(&q, NULL, &g.config), -EINVAL);
	g.config.read = rig_read;
	g.config.write = NULL;
	assert_int_equal(vdev_pvqueue_new(&q, NULL, &g.config), -EINVAL);
	assert_null(q);
	rig_end(&g);
}

/* What a guest may say about its rings. */
static void rings_that_cannot_be(void **state)
{
	static const struct {
		uint32_t size, events_size;
		uint64_t address, events;
		int result;
	} cases[] = {
		{8, 8, RING, EVENTS, 0},
		{2, 2, RING, EVENTS, 0},
		{8, 65536, 0, 0x1000, 0}, /* nobody looks whether it is memory */
		{0, 16, RING, EVENTS, -EINVAL},
		{1, 16, RING, EVENTS, -EINVAL},
		{6, 16, RING, EVENTS, -EINVAL},
		{16, 16, RING, EVENTS, -EINVAL}, /* above max_size */
		{UINT32_MAX, UINT32_MAX, RING, EVENTS, -EINVAL},
		{8, 0, RING, EVENTS, -EINVAL},
		{8, 4, RING, EVENTS, -EINVAL}, /* an answer might find no room */
		{8, 12, RING, EVENTS, -EINVAL},
		{8, 131072, RING, EVENTS, -EINVAL},
		{8, 16, RING + 32, EVENTS, -EINVAL},
		{8, 16, RING, EVENTS + 8, -EINVAL},
		{8, 16, UINT64_MAX - 63, EVENTS, -EINVAL}, /* wraps */
		{8, 16, RING, UINT64_MAX - 127, -EINVAL},
		{8, 16, UINT64_MAX - 0x27f, EVENTS, 0}, /* ends just below 2^64 */
		{8, 16, UINT64_MAX - 0x23f, EVENTS, -EINVAL},
		{8, 16, RING, RING, -EINVAL}, /* overlap */
		{8, 16, RING, RING + 0x200, -EINVAL},
		{8, 16, RING, RING + 0x240, 0},
		{8, 16, RING, RING - 0x280, 0},
		{8, 16, RING, RING - 0x240, -EINVAL},
	};
	struct rig g;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(cases); i++) {
		rig_begin(&g);
		g.rings.size = cases[i].size;
		g.rings.events_size = cases[i].events_size;
		g.rings.address = cases[i].address;
		g.rings.events = cases[i].events;
		assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), cases[i].result);
		assert_int_equal(rig_stats(&g).state,
				 cases[i].result ? VDEV_PVQUEUE_OFF : VDEV_PVQUEUE_ON);
		assert_int_equal(g.accesses, 0);
		rig_end(&g);
	}
}

static void rings_are_checked_as_a_struct(void **state)
{
	struct rig g;

	(void)state;
	rig_begin(&g);
	assert_int_equal(vdev_pvqueue_start(NULL, &g.rings), -EINVAL);
	assert_int_equal(vdev_pvqueue_start(g.q, NULL), -EINVAL);
	g.rings.struct_size--;
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), -EINVAL);
	g.rings.struct_size++;
	g.rings.reserved = 1;
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), -EINVAL);
	rig_end(&g);
}

static void off_on_and_off_again(void **state)
{
	struct vdev_pvqueue_message m;
	struct rig g;

	(void)state;
	rig_begin(&g);
	post_send(&g, 1);
	assert_int_equal(next(&g, &m), 0); /* OFF: nothing is looked at */
	assert_int_equal(g.accesses, 0);
	assert_int_equal(vdev_pvqueue_stop(g.q), -EBUSY);
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), -EBUSY);
	take(&g);
	assert_int_equal(vdev_pvqueue_stop(NULL), -EINVAL);
	assert_int_equal(vdev_pvqueue_stop(g.q), 0);
	assert_int_equal(rig_stats(&g).state, VDEV_PVQUEUE_STOPPING);
	assert_int_equal(vdev_pvqueue_stop(g.q), -EBUSY);
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), -EBUSY);
	rig_end(&g);
}

static void idle_at_once_when_nothing_is_out(void **state)
{
	struct rig g;

	(void)state;
	rig_on(&g);
	assert_int_equal(vdev_pvqueue_stop(g.q), VDEV_PVQUEUE_IDLE);
	assert_int_equal(rig_stats(&g).state, VDEV_PVQUEUE_OFF);
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	rig_end(&g);
}

/* A stopped queue neither reads nor writes, and is off when the last message has ended. */
static void stopping_waits_in_silence(void **state)
{
	struct vdev_pvqueue_message m[3], none;
	uint32_t accesses;
	struct rig g;

	(void)state;
	rig_on(&g);
	for (uint64_t i = 0; i < 3; i++)
		m[i] = take_send(&g, i);
	post_send(&g, 9);
	assert_int_equal(vdev_pvqueue_stop(g.q), 0);
	accesses = g.accesses;
	assert_int_equal(next(&g, &none), 0);
	assert_int_equal(answer(&g, m[1].handle, VDEV_GUEST_DONE_RECLAIMED), 0);
	assert_int_equal(answer(&g, m[0].handle, VDEV_GUEST_DONE_SENT), 0);
	assert_int_equal(answer(&g, m[1].handle, VDEV_GUEST_DONE_RECLAIMED), -ENOENT);
	assert_int_equal(answer(&g, m[2].handle, VDEV_GUEST_DONE_LOST), VDEV_PVQUEUE_IDLE);
	assert_int_equal(g.accesses, accesses);
	assert_int_equal(rig_stats(&g).silent, 3);
	assert_int_equal(rig_stats(&g).state, VDEV_PVQUEUE_OFF);
	rig_end(&g);
}

/* Indices begin at 0 again, and handles of before stay stale. */
static void started_anew(void **state)
{
	struct vdev_pvqueue_message old, m;
	struct rig g;

	(void)state;
	rig_on(&g);
	old = take_send(&g, 1);
	vdev_pvqueue_stop(g.q);
	assert_int_equal(answer(&g, old.handle, VDEV_GUEST_DONE_RECLAIMED), VDEV_PVQUEUE_IDLE);
	memset(g.ram, 0, sizeof(g.ram));
	g.produced = g.consumed = 0;
	assert_int_equal(vdev_pvqueue_start(g.q, &g.rings), 0);
	m = take_send(&g, 1);
	assert_true(m.handle != old.handle);
	assert_int_equal(answer(&g, old.handle, VDEV_GUEST_DONE_SENT), -ENOENT);
	assert_int_equal(answer(&g, m.handle, VDEV_GUEST_DONE_SENT), VDEV_PVQUEUE_RAISE);
	expect_event(&g, VDEV_GUEST_TOLD_ACCESSIBLE, VDEV_GUEST_DONE_SENT, 1, 0);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_values),
		cmocka_unit_test(hooks_are_needed),
		cmocka_unit_test(rings_that_cannot_be),
		cmocka_unit_test(rings_are_checked_as_a_struct),
		cmocka_unit_test(off_on_and_off_again),
		cmocka_unit_test(idle_at_once_when_nothing_is_out),
		cmocka_unit_test(stopping_waits_in_silence),
		cmocka_unit_test(started_anew),
	};

	return cmocka_run_group_tests_name("pvqueue_config", tests, NULL, NULL);
}
