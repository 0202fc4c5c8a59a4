/* SPDX-License-Identifier: BSD-3-Clause */
/* The paravirtual function: registers of the queues of messages, who turns them on and off, images. */
#include "core/image.h"
#include "test_pvdev_rig.h"

#define QUEUES 3u
#define RING UINT64_C(0x123456000)
#define EVENTS UINT64_C(0x234567000)
#define DOORBELL(q) (VDEV_GUEST_QUEUE_DOORBELL + 4u * (q))

static void begin_queues(struct rig *g)
{
	const struct vdev_pvdev_config c = {.queues = QUEUES, .queue_size = 64};

	rig_begin(g, &c);
	rig_features(g, ALL_FEATURES | VDEV_GUEST_F_MESSAGES);
	assert_int_equal(rd(g, VDEV_GUEST_STATUS), STATUS_READY);
	while (rd(g, VDEV_GUEST_EVENT))
		wr(g, VDEV_GUEST_EVENT_POP, 1);
	g->mask = 0;
}

static void put_rings(struct rig *g, uint32_t queue)
{
	wr(g, VDEV_GUEST_QUEUE_SELECT, queue);
	wr(g, VDEV_GUEST_QUEUE_SIZE, 64);
	wr(g, VDEV_GUEST_QUEUE_EVENTS_SIZE, 128);
	rig_write(g, VDEV_GUEST_QUEUE_ADDRESS_LO, RING, 8);
	rig_write(g, VDEV_GUEST_QUEUE_EVENTS_LO, EVENTS, 8);
}

static int put_state(struct rig *g, uint32_t queue, uint32_t state)
{
	wr(g, VDEV_GUEST_QUEUE_SELECT, queue);
	return wr(g, VDEV_GUEST_QUEUE_STATE, state);
}

static uint32_t get_state(struct rig *g, uint32_t queue)
{
	wr(g, VDEV_GUEST_QUEUE_SELECT, queue);
	return rd(g, VDEV_GUEST_QUEUE_STATE);
}

static void turn_on(struct rig *g, uint32_t queue)
{
	put_rings(g, queue);
	assert_int_equal(put_state(g, queue, VDEV_GUEST_QUEUE_ON), VDEV_PVDEV_QUEUE);
	assert_int_equal(rd(g, VDEV_GUEST_QUEUE_STATE), VDEV_GUEST_QUEUE_ON);
}

static void what_is_offered(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	assert_int_equal(rd(&g, VDEV_GUEST_DEVICE_FEATURES), ALL_FEATURES | VDEV_GUEST_F_MESSAGES);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_COUNT), QUEUES);
	for (uint32_t q = 0; q < 5; q++) {
		wr(&g, VDEV_GUEST_QUEUE_SELECT, q);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SELECT), q);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_MAX), q < QUEUES ? 64 : 0);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_STATE), VDEV_GUEST_QUEUE_OFF);
	}
	rig_end(&g);
}

static void rings_as_they_were_written(void **state)
{
	struct vdev_pvqueue_rings r = {0};
	struct rig g;

	(void)state;
	begin_queues(&g);
	turn_on(&g, 2);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 64);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_EVENTS_SIZE), 128);
	assert_int_equal(rig_read(&g, VDEV_GUEST_QUEUE_ADDRESS_LO, 8), RING);
	assert_int_equal(rig_read(&g, VDEV_GUEST_QUEUE_EVENTS_LO, 8), EVENTS);
	assert_int_equal(vdev_pvdev_queue(g.pvdev, 2, &r, sizeof(r)), VDEV_GUEST_QUEUE_ON);
	assert_int_equal(r.struct_size, sizeof(r));
	assert_int_equal(r.size, 64);
	assert_int_equal(r.events_size, 128);
	assert_int_equal(r.address, RING);
	assert_int_equal(r.events, EVENTS);
	assert_int_equal(r.reserved, 0);
	assert_int_equal(vdev_pvdev_queue(g.pvdev, 0, NULL, 0), VDEV_GUEST_QUEUE_OFF);
	assert_int_equal(vdev_pvdev_queue(g.pvdev, QUEUES, &r, sizeof(r)), -ENOENT);
	/* an older caller gets what it knows */
	memset(&r, 0x5a, sizeof(r));
	assert_int_equal(vdev_pvdev_queue(g.pvdev, 2, &r, 8), VDEV_GUEST_QUEUE_ON);
	assert_int_equal(r.struct_size, 8);
	assert_int_equal(r.events_size, 0x5a5a5a5a);
	/* on: they are fixed */
	wr(&g, VDEV_GUEST_QUEUE_SIZE, 2);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 64);
	assert_int_equal(rig_stats(&g).queues_on, 1);
	rig_end(&g);
}

/* One wrong thing each: the queue stays off, the driver reads it back. */
static void not_turned_on(void **state)
{
	static const struct {
		uint32_t reg, value;
	} wrong[] = {
		{VDEV_GUEST_QUEUE_SIZE, 0},
		{VDEV_GUEST_QUEUE_SIZE, 128},
		{VDEV_GUEST_QUEUE_SIZE, 63},
		{VDEV_GUEST_QUEUE_EVENTS_SIZE, 32},
		{VDEV_GUEST_QUEUE_EVENTS_SIZE, UINT32_MAX},
		{VDEV_GUEST_QUEUE_ADDRESS_LO, 0x20},
		{VDEV_GUEST_QUEUE_EVENTS_LO, 4},
		{VDEV_GUEST_QUEUE_SELECT, QUEUES},
		{VDEV_GUEST_QUEUE_SELECT, UINT32_MAX},
	};
	struct rig g;

	(void)state;
	for (size_t i = 0; i < VT_COUNT(wrong); i++) {
		uint64_t bad;

		begin_queues(&g);
		put_rings(&g, 0);
		wr(&g, wrong[i].reg, wrong[i].value);
		bad = rig_stats(&g).bad_access;
		assert_int_equal(wr(&g, VDEV_GUEST_QUEUE_STATE, VDEV_GUEST_QUEUE_ON), 0);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_STATE), VDEV_GUEST_QUEUE_OFF);
		assert_int_equal(rig_stats(&g).bad_access, bad + 1);
		rig_end(&g);
	}
}

static void only_on_and_off_are_written(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	put_rings(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_STOPPING), 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_BROKEN), 0);
	assert_int_equal(put_state(&g, 0, UINT32_MAX), 0);
	assert_int_equal(rig_stats(&g).queues_refused, 3);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_OFF), 0);
	assert_int_equal(rig_stats(&g).queues_refused, 3);
	assert_int_equal(get_state(&g, 0), VDEV_GUEST_QUEUE_OFF);
	turn_on(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0); /* is on already */
	rig_end(&g);
}

static void needs_the_feature_and_the_handshake(void **state)
{
	const struct vdev_pvdev_config c = {.queues = 1};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	put_rings(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0);
	rig_features(&g, ALL_FEATURES);
	put_rings(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0);
	rig_features(&g, ALL_FEATURES | VDEV_GUEST_F_MESSAGES);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 0); /* STATUS was 0 meanwhile */
	put_rings(&g, 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), VDEV_PVDEV_QUEUE);
	rig_end(&g);
}

static void costs_a_command(void **state)
{
	const struct vdev_pvdev_config c = {.queues = 1, .command_quota = 4};
	struct rig g;

	(void)state;
	rig_begin(&g, &c);
	rig_features(&g, ALL_FEATURES | VDEV_GUEST_F_MESSAGES); /* costs 1 */
	for (int i = 0; i < 5; i++) {
		put_rings(&g, 0);
		assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON),
				 i < 3 ? VDEV_PVDEV_QUEUE : 0);
		put_state(&g, 0, VDEV_GUEST_QUEUE_OFF);
		vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_OFF);
	}
	assert_int_equal(rig_stats(&g).over_quota, 2);
	rig_end(&g);
}

/* Off is the VMM's to say: when nothing is lent any more. */
static void stopping_takes_its_time(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	turn_on(&g, 1);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_OFF), -EBUSY);
	assert_int_equal(put_state(&g, 1, VDEV_GUEST_QUEUE_OFF), VDEV_PVDEV_QUEUE);
	assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_STOPPING);
	assert_int_equal(put_state(&g, 1, VDEV_GUEST_QUEUE_OFF), 0);
	assert_int_equal(put_state(&g, 1, VDEV_GUEST_QUEUE_ON), 0);
	assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_STOPPING);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_BROKEN), -EBUSY);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_OFF), 0);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_OFF), 0);
	assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_OFF);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 0);
	turn_on(&g, 1);
	rig_end(&g);
}

static void broken_is_told(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_BROKEN), -EBUSY);
	turn_on(&g, 0);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_BROKEN),
			 VDEV_PVDEV_RAISE);
	assert_int_equal(vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_BROKEN), 0);
	assert_int_equal(rig_stats(&g).queues_broken, 1);
	assert_int_equal(get_state(&g, 0), VDEV_GUEST_QUEUE_BROKEN);
	assert_int_equal(rd(&g, VDEV_GUEST_IRQ_STATUS), VDEV_GUEST_IRQ_QUEUES);
	assert_int_equal(wr(&g, DOORBELL(0), 1), 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0);
	assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_OFF), VDEV_PVDEV_QUEUE);
	assert_int_equal(get_state(&g, 0), VDEV_GUEST_QUEUE_STOPPING);
	rig_end(&g);
}

static void doorbells(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	turn_on(&g, 0);
	turn_on(&g, 2);
	assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 0);
	assert_int_equal(wr(&g, DOORBELL(0), 0), VDEV_PVDEV_DOORBELL);
	assert_int_equal(wr(&g, DOORBELL(1), 1), 0); /* is off */
	assert_int_equal(wr(&g, DOORBELL(2), UINT32_MAX), VDEV_PVDEV_DOORBELL);
	assert_int_equal(wr(&g, DOORBELL(3), 1), 0); /* there is none */
	assert_int_equal(rd(&g, DOORBELL(0)), 0);
	assert_int_equal(rig_stats(&g).doorbells, 2);
	assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 0x5);
	assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 0);
	rig_end(&g);
}

/* For those without MSI: a bit and a line that stay until the guest has seen them. */
static void interrupt_of_the_queues(void **state)
{
	struct rig g;

	(void)state;
	begin_queues(&g);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
	assert_int_equal(vdev_pvdev_queue_irq(g.pvdev), 0);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 1);
	assert_int_equal(rd(&g, VDEV_GUEST_IRQ_STATUS), VDEV_GUEST_IRQ_QUEUES);
	wr(&g, VDEV_GUEST_IRQ_STATUS, VDEV_GUEST_IRQ_EVENTS); /* not what is written */
	assert_int_equal(vdev_pvdev_line(g.pvdev), 1);
	wr(&g, VDEV_GUEST_IRQ_STATUS, VDEV_GUEST_IRQ_QUEUES);
	assert_int_equal(rd(&g, VDEV_GUEST_IRQ_STATUS), 0);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
	rig_end(&g);
}

/* Z3: whoever resets the function asks for everything back, whatever way it is done. */
static void reset_stops_all(void **state)
{
	struct rig g;

	(void)state;
	for (int how = 0; how < 3; how++) {
		begin_queues(&g);
		turn_on(&g, 0);
		turn_on(&g, 1);
		vdev_pvdev_queue_set(g.pvdev, 1, VDEV_GUEST_QUEUE_BROKEN);
		put_rings(&g, 2);
		wr(&g, DOORBELL(0), 1);
		if (how == 0)
			assert_int_equal(wr(&g, VDEV_GUEST_STATUS, 0) & VDEV_PVDEV_QUEUE,
					 VDEV_PVDEV_QUEUE);
		else if (how == 1)
			assert_int_equal(wr(&g, VDEV_GUEST_STATUS, STATUS_READY | 0x80) &
						 VDEV_PVDEV_QUEUE,
					 VDEV_PVDEV_QUEUE);
		else
			assert_int_equal(vdev_pvdev_reset(g.pvdev, g.now) & VDEV_PVDEV_QUEUE,
					 VDEV_PVDEV_QUEUE);
		assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 0);
		assert_int_equal(vdev_pvdev_line(g.pvdev), 0);
		assert_int_equal(get_state(&g, 0), VDEV_GUEST_QUEUE_STOPPING);
		assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_STOPPING);
		assert_int_equal(get_state(&g, 2), VDEV_GUEST_QUEUE_OFF);
		assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 0);
		rig_features(&g, ALL_FEATURES | VDEV_GUEST_F_MESSAGES);
		put_rings(&g, 0);
		assert_int_equal(put_state(&g, 0, VDEV_GUEST_QUEUE_ON), 0);
		vdev_pvdev_queue_set(g.pvdev, 0, VDEV_GUEST_QUEUE_OFF);
		turn_on(&g, 0);
		rig_end(&g);
	}
}

static void images(void **state)
{
	struct vdev_pvdev *p = NULL;
	struct vdev_pvqueue_rings r;
	uint8_t image[512];
	struct rig g;
	size_t size;

	(void)state;
	begin_queues(&g);
	turn_on(&g, 0);
	turn_on(&g, 1);
	put_state(&g, 1, VDEV_GUEST_QUEUE_OFF);
	put_rings(&g, 2); /* half way */
	wr(&g, DOORBELL(0), 1);
	vdev_pvdev_queue_irq(g.pvdev);
	assert_int_equal(vdev_pvdev_save(g.pvdev, g.now, image, sizeof(image), &size), 0);
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), 0);
	vdev_pvdev_free(g.pvdev);
	g.pvdev = p;
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SELECT), 2);
	assert_int_equal(rd(&g, VDEV_GUEST_QUEUE_SIZE), 64);
	assert_int_equal(vdev_pvdev_line(g.pvdev), 1);
	assert_int_equal(vdev_pvdev_doorbells(g.pvdev), 1);
	assert_int_equal(vdev_pvdev_queue(g.pvdev, 0, &r, sizeof(r)), VDEV_GUEST_QUEUE_ON);
	assert_int_equal(r.events, EVENTS);
	assert_int_equal(get_state(&g, 1), VDEV_GUEST_QUEUE_STOPPING);
	/* a host that offers less */
	p = NULL;
	g.config.queues = 2;
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), -ENOSPC);
	g.config.queues = 3;
	g.config.queue_size = 32;
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), -ENOSPC);
	g.config.queues = 0;
	assert_int_equal(vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p), -ENOSPC);
	assert_null(p);
	rig_end(&g);
}

/* Words behind the registers, no requests, no events: select, irq, doorbells (2), count, queues of 7. */
enum {
	W_STATUS,
	W_FEATURES,
	W_NEXT_COOKIE = 8,
	W_IRQ = 15,
	W_DOORBELLS = 16,
	W_COUNT = 18,
	W_STATE = 19,
	W_SIZE,
	W_EVENTS_SIZE,
	W_ADDRESS,
	W_EVENTS = 24,
	WORDS = 26,
};

static const struct {
	const char *what;
	uint32_t word, value;
	int result;
} forgeries[] = {
	{"nothing changed", W_DOORBELLS, 1, 0},
	{"interrupt", W_IRQ, 1, 0},
	{"interrupt 2", W_IRQ, 2, -EBADMSG},
	{"doorbell of no queue", W_DOORBELLS, 2, -EBADMSG},
	{"wild doorbells", W_DOORBELLS + 1, UINT32_MAX, -EBADMSG},
	{"count beyond the image", W_COUNT, 2, -EBADMSG},
	{"wild count", W_COUNT, UINT32_MAX, -EBADMSG},
	{"left over", W_COUNT, 0, -EBADMSG},
	{"off", W_STATE, VDEV_GUEST_QUEUE_OFF, -EBADMSG}, /* with a doorbell */
	{"state 4", W_STATE, 4, -EBADMSG},
	{"on without the feature", W_FEATURES, ALL_FEATURES, -EBADMSG},
	{"on without a driver", W_STATUS, STATUS_FEATURES, -EBADMSG},
	{"size 3", W_SIZE, 3, -EBADMSG},
	{"size above ours", W_SIZE, 128, -ENOSPC},
	{"events below the size", W_EVENTS_SIZE, 32, -EBADMSG},
	{"not aligned", W_ADDRESS, 1, -EBADMSG},
	{"overlap", W_EVENTS, 0x100000, -EBADMSG},
};

static void forged_images(void **state)
{
	static const uint32_t model[WORDS] = {
		[W_STATUS] = STATUS_READY,
		[W_FEATURES] = ALL_FEATURES | VDEV_GUEST_F_MESSAGES,
		[W_NEXT_COOKIE] = 1,
		[W_DOORBELLS] = 1,
		[W_COUNT] = 1,
		[W_STATE] = VDEV_GUEST_QUEUE_ON,
		[W_SIZE] = 64,
		[W_EVENTS_SIZE] = 64,
		[W_ADDRESS] = 0x100000,
		[W_EVENTS] = 0x200000,
	};
	struct rig g;

	(void)state;
	begin_queues(&g);
	for (size_t i = 0; i < VT_COUNT(forgeries); i++) {
		struct vdev_pvdev *p = NULL;
		struct vdev__writer w;
		uint8_t image[256];
		size_t size;
		int r;

		vdev__writer_init(&w, image, sizeof(image), VDEV_PART_PVDEV, 2);
		for (uint32_t n = 0; n < WORDS; n++)
			vdev__put_u32(&w, n == forgeries[i].word ? forgeries[i].value : model[n]);
		assert_int_equal(vdev__writer_finish(&w, &size), 0);
		r = vdev_pvdev_load(&g.v.env, &g.config, g.now, image, size, &p);
		if (r != forgeries[i].result)
			fail_msg("%s: %d", forgeries[i].what, r);
		assert_true((p != NULL) == (r == 0));
		vdev_pvdev_free(p);
	}
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_offered),
		cmocka_unit_test(rings_as_they_were_written),
		cmocka_unit_test(not_turned_on),
		cmocka_unit_test(only_on_and_off_are_written),
		cmocka_unit_test(needs_the_feature_and_the_handshake),
		cmocka_unit_test(costs_a_command),
		cmocka_unit_test(stopping_takes_its_time),
		cmocka_unit_test(broken_is_told),
		cmocka_unit_test(doorbells),
		cmocka_unit_test(interrupt_of_the_queues),
		cmocka_unit_test(reset_stops_all),
		cmocka_unit_test(images),
		cmocka_unit_test(forged_images),
	};

	return cmocka_run_group_tests_name("pvdev_queues", tests, NULL, NULL);
}
