/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: what save() writes and load() makes of it, with a clock of its own. */
#include "test_zerocopy_rig.h"

#define OFFLINE VDEV_ZEROCOPY_OFFLINE
#define ACCESSIBLE VDEV_ZEROCOPY_ACCESSIBLE
#define RELEASE VDEV_ZEROCOPY_RELEASE
#define NEW_CLOCK (7 * VZ_SEC)

static void reload(struct vt_zerocopy *t)
{
	assert_int_equal(vz_reload(t, t->now > 500 * VZ_SEC ? NEW_CLOCK : 1000 * VZ_SEC, 0), 0);
}

static void messages_stay_as_they_are(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_info before, after;

	restart_until(t, VDEV_ZEROCOPY_UNTIL_ALL);
	vz_block(t, 'b')->flags = VDEV_ZEROCOPY_RECEIVE | VDEV_ZEROCOPY_ANY_SIZE;
	vz_block(t, 'b')->destination = 3;
	lend(t, 'a');
	lend(t, 'b');
	vz_complete(t, 'b', RESPONSE);
	before = vz_info(t, 'b');
	reload(t);
	after = vz_info(t, 'b');
	after.deadline_ns = before.deadline_ns;
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(vz_stats(t).blocks, 2);
	assert_int_equal(vz_stats(t).bytes, 4 * VZ_PAGE);
	assert_int_equal(vz_complete(t, 'b', TASK), OVER);
	assert_int_equal(vz_complete(t, 'a', TASK | RESPONSE), OVER);
	expect_nothing(t);
}

static void remaining_time_goes_on(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_pass(t, VZ_TIMEOUT / 4);
	reload(t);
	assert_int_equal(vz_due(t), VZ_TIMEOUT * 3 / 4);
	assert_int_equal(vz_info(t, 'a').deadline_ns, NEW_CLOCK + VZ_TIMEOUT * 3 / 4);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT * 3 / 4 - 1), "");
	vz_expect(t, vz_pass(t, 1), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
}

static void what_was_due_is_due(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	t->now += 3 * VZ_TIMEOUT; /* nobody called step() */
	vdev_zerocopy_complete(t->q[0], id_of(t, 'b'), id_of(t, 'b'), TASK, NULL);
	reload(t);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:a");
	expect_nothing(t);
}

static void ids_go_on(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t last;

	for (uint32_t i = 0; i < VZ_SLOTS + 5; i++) {
		lend(t, 'a');
		vz_complete(t, 'a', TASK);
	}
	last = id_of(t, 'a');
	reload(t);
	lend(t, 'b');
	assert_int_equal(id_of(t, 'b'), last + 1);
	assert_int_equal(vz_complete(t, 'a', TASK), -ENOENT); /* of before */
}

static void claimed_ones(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	t->now += VZ_TIMEOUT;
	vdev_zerocopy_expire(t->q[0], t->now);
	vz_complete(t, 'b', TASK);
	reload(t);
	vz_pass(t, 0);
	vz_drain(t);
	assert_non_null(strstr(t->text, "OFFLINE:a"));
	assert_non_null(strstr(t->text, "ACCESSIBLE:a+RECLAIMED"));
	assert_non_null(strstr(t->text, "ACCESSIBLE:b+COMPLETED"));
	assert_null(strstr(t->text, "OFFLINE:b"));
}

static void outstanding_action_comes_again(void **state)
{
	struct vt_zerocopy *t = *state;
	uint64_t id;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	id = t->last.id;
	vz_pass(t, VZ_SEC);
	reload(t);
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:aA");
	assert_int_equal(t->last.id, id);
	assert_int_equal(t->last.deadline_ns, NEW_CLOCK + 4 * VZ_SEC);
	expect_state(t, 'a', VDEV_ZEROCOPY_OFFLINING);
	vz_script(t, ACCESSIBLE, 'a', VZ_LATER);
	vz_expect(t, vz_done(t, OFFLINE, 'a', 0), "ACCESSIBLE:a+RECLAIMED");
	id = t->last.id;
	reload(t);
	vz_expect(t, vz_pass(t, 0), "ACCESSIBLE:aA+RECLAIMED");
	assert_int_equal(t->last.id, id);
	t->out_count = 0;
	vz_script(t, RELEASE, 'a', VZ_LATER);
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:a");
	id = t->last.id;
	reload(t);
	vz_expect(t, vz_pass(t, 0), "RELEASE:aA");
	assert_int_equal(t->last.id, id);
	expect_nothing(t);
}

/* Waiting, but not given out: it is no repetition. */
static void waiting_action_comes(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(vz_pass(t, VZ_TIMEOUT), 1);
	reload(t);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:a ACCESSIBLE:a+RECLAIMED");
}

static void done_before_it_came_again(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a");
	reload(t);
	assert_int_equal(vz_done(t, OFFLINE, 'a', 0), -ENOENT); /* not given out by this object */
	vz_expect(t, vz_pass(t, 0), "OFFLINE:aA ACCESSIBLE:a+RECLAIMED");
}

static void some_runs_of_several_are_done(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM + 100, 4 * VZ_PAGE);
	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', 0);
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'a', VDEV_ZEROCOPY_RESET),
		  "OFFLINE:aQ(0+1) OFFLINE:aQ=RESET(1+3)");
	reload(t);
	vz_expect(t, vz_pass(t, 0),
		  "OFFLINE:aAQ=RESET(1+3) OFFLINE:aQ(4+1) ACCESSIBLE:aQ+RECLAIMED");
}

static void quarantine_stays(void **state)
{
	struct vt_zerocopy *t = *state;

	restart(t, (struct vdev_zerocopy_config){.quarantine_bytes = 8 * VZ_PAGE});
	quarantine(t, 'a');
	reload(t);
	assert_int_equal(vz_stats(t).quarantined_bytes, 2 * VZ_PAGE);
	expect_state(t, 'a', VDEV_ZEROCOPY_QUARANTINED);
	assert_int_equal(vz_lend(t, 'b'), VDEV_ZEROCOPY_COPY_QUARANTINE);
	vz_expect(t, vz_late(t, 'a', TASK), "RELEASE:aQ");
	lend(t, 'b');
}

static void refused_one_has_no_deadline_afterwards(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', -EIO);
	vz_expect(t, vz_pass(t, VZ_TIMEOUT), "OFFLINE:a REFUSED:a(-5)");
	reload(t);
	assert_int_equal(vz_due(t), VDEV_NONE);
	vz_expect(t, vz_pass(t, 1000 * VZ_SEC), "");
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	expect_nothing(t);
}

/* Which pages were replaced, and when, is remembered. */
static void epochs_stay(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_place(t, 'a', VZ_RAM, 2 * VZ_PAGE);
	vz_place(t, 'b', VZ_RAM + VZ_PAGE, 2 * VZ_PAGE);
	vz_place(t, 'c', VZ_RAM, VZ_PAGE);
	lend(t, 'a');
	lend(t, 'b');
	vz_expect(t, vz_reclaim(t, 'a', 0), "OFFLINE:aQ ACCESSIBLE:aQ+RECLAIMED");
	lend(t, 'c');
	reload(t);
	vz_expect(t, vz_reclaim(t, 'b', 0), "OFFLINE:bQ(1+1) ACCESSIBLE:bQ+RECLAIMED");
	vz_expect(t, vz_reclaim(t, 'c', 0), "OFFLINE:cQ ACCESSIBLE:cQ+RECLAIMED");
	vz_place(t, 'd', VZ_RAM, VZ_PAGE);
	lend(t, 'd');
	vz_expect(t, vz_reclaim(t, 'd', 0), "OFFLINE:dQ ACCESSIBLE:dQ+RECLAIMED");
}

static void reset_in_progress(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, OFFLINE, 'a', VZ_LATER);
	assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, 0, 0), 1);
	vz_drain(t);
	reload(t);
	assert_int_equal(vz_lend(t, 'b'), VDEV_ZEROCOPY_COPY_RESET);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), -EAGAIN);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:aAR ACCESSIBLE:aR+RECLAIMED");
	vz_expect(t, vdev_zerocopy_reset_end(t->z, t->now), "");
	lend(t, 'b');
}

static void whole_vm_in_progress(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	lend(t, 'b');
	vz_script(t, OFFLINE, 0, VZ_LATER);
	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	assert_string_equal(vz_drain(t), "OFFLINE:-W");
	reload(t);
	vz_expect(t, vz_pass(t, 0), "OFFLINE:-WA ACCESSIBLE:aQ+RECLAIMED ACCESSIBLE:bQ+RECLAIMED");
}

static void memory_queues_and_thresholds(void **state)
{
	struct vt_zerocopy *t = *state;
	struct vdev_zerocopy_queue *q;

	assert_int_equal(vz_add_queue(t, 16, VDEV_ZEROCOPY_ADAPTIVE, 12345), 0);
	reload(t);
	assert_int_equal(vdev_zerocopy_queue_at(t->z, 2, &q), -ENOENT);
	assert_int_equal(vdev_zerocopy_queue_at(t->z, 1, &q), 0);
	assert_int_equal(vdev_zerocopy_threshold(q), 12345);
	assert_int_equal(vdev_zerocopy_cost(q, VDEV_ZEROCOPY_LEND, 5, 5), 0); /* ADAPTIVE */
	assert_int_equal(vdev_zerocopy_threshold(t->q[0]), 0);
	assert_int_equal(vz_add_memory(t, VZ_RAM, VZ_PAGE, VZ_PAGE, 0), -EEXIST);
	vz_place(t, 'f', VZ_FIXED, VZ_PAGE);
	assert_int_equal(vz_lend(t, 'f'), VDEV_ZEROCOPY_COPY_FIXED);
	vz_place(t, 'h', VZ_HUGE + 1, 1);
	lend(t, 'h');
	vz_expect(t, vz_reclaim(t, 'h', 0), "OFFLINE:hQ ACCESSIBLE:hQ+RECLAIMED");
	for (uint32_t i = 0; i < 16; i++) {
		t->block['A' + i].queue = 1;
		vz_block(t, (char)('A' + i))->flags = VDEV_ZEROCOPY_ANY_SIZE;
		assert_int_equal(vz_lend(t, (char)('A' + i)) & VDEV_ZEROCOPY_ANSWER & ~WAKE, 0);
	}
	t->block['z'].queue = 1;
	vz_block(t, 'z')->flags = VDEV_ZEROCOPY_ANY_SIZE;
	assert_int_equal(vz_lend(t, 'z') & VDEV_ZEROCOPY_ANSWER, VDEV_ZEROCOPY_COPY_SLOTS);
}

/* Where the memory was copied to, nothing of it is lent; what was in flight is lost. */
static void memory_that_was_copied(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	quarantine(t, 'q');
	lend(t, 'o');
	vz_script(t, OFFLINE, 'o', VZ_LATER);
	vz_expect(t, vz_reclaim(t, 'o', 0), "OFFLINE:oQ");
	assert_int_equal(vz_reload(t, NEW_CLOCK, VDEV_ZEROCOPY_COPIED_MEMORY), 0);
	assert_int_equal(vz_stats(t).quarantined_blocks, 0);
	assert_int_equal(vz_reload(t, 1000 * VZ_SEC, 0), 0); /* and on, before anybody was told */
	vz_pass(t, 0);
	vz_drain(t);
	assert_non_null(strstr(t->text, "ACCESSIBLE:a+LOST"));
	assert_non_null(strstr(t->text, "ACCESSIBLE:o"));
	assert_non_null(strstr(t->text, "+LOST"));
	assert_null(strstr(t->text, ":q"));
	assert_null(strstr(t->text, "OFFLINE"));
	assert_int_equal(vz_complete(t, 'a', TASK), -ENOENT);
	assert_int_equal(vz_complete(t, 'q', TASK), -ENOENT);
	expect_nothing(t);
	lend(t, 'b');
	assert_true(id_of(t, 'b') > id_of(t, 'o'));
}

static void limits_of_the_new_config_hold(void **state)
{
	struct vt_zerocopy *t = *state;

	assert_int_equal(vz_add_queue(t, 16, 0, 0), 0);
	vz_block(t, 'a')->destination = 3;
	lend(t, 'a');
	t->config.max_queues = 1;
	assert_int_equal(vz_reload(t, NEW_CLOCK, 0), -ENOSPC);
	t->config.max_queues = 2;
	t->config.max_destinations = 3;
	assert_int_equal(vz_reload(t, NEW_CLOCK, 0), -ENOSPC);
	t->config.max_destinations = 4;
	t->config.max_blocks = 1;
	t->config.timeout_max_ns = VZ_SEC / 2;
	assert_int_equal(vz_reload(t, NEW_CLOCK, 0), 0);
	assert_int_equal(vz_due(t), VZ_TIMEOUT); /* as it was promised */
	assert_int_equal(vz_lend(t, 'b'), VDEV_ZEROCOPY_COPY_QUOTA);
	assert_int_equal(vz_complete(t, 'a', TASK), OVER);
	lend(t, 'b');
	assert_int_equal(vz_info(t, 'b').timeout_ns, VZ_SEC / 2);
	assert_int_equal(vz_add_queue(t, 16, 0, 0), -ENOSPC);
}

static void an_image_is_the_same_twice(void **state)
{
	struct vt_zerocopy *t = *state;
	static uint8_t one[16384], two[16384];
	size_t size, again;

	vz_block(t, 'n')->timeout_ns = 3 * VZ_TIMEOUT;
	lend(t, 'n');
	quarantine(t, 'q');
	lend(t, 'o');
	vz_script(t, OFFLINE, 'o', VZ_LATER);
	vz_reclaim(t, 'o', 0);
	vz_drain(t);
	reload(t);
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, one, sizeof(one), &size), 0);
	assert_int_equal(vz_reload(t, 5, 0), 0);
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, two, sizeof(two), &again), 0);
	assert_int_equal(size, again);
	assert_memory_equal(one, two, size);
}

static void sizes(void **state)
{
	struct vt_zerocopy *t = *state;
	uint8_t image[8192];
	size_t size = 0, again = 0;

	lend(t, 'a');
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, NULL, 0, &size), -ENOBUFS);
	assert_in_range(size, 100, sizeof(image));
	for (size_t room = 0; room < size; room++) {
		memset(image, 0x77, sizeof(image));
		assert_int_equal(vdev_zerocopy_save(t->z, t->now, image, room, &again), -ENOBUFS);
		assert_int_equal(again, size);
		assert_int_equal(image[room], 0x77);
	}
	assert_int_equal(vdev_zerocopy_save(t->z, t->now, image, size, &again), 0);
	expect_state(t, 'a', VDEV_ZEROCOPY_SENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_stay_as_they_are),
		TEST(remaining_time_goes_on),
		TEST(what_was_due_is_due),
		TEST(ids_go_on),
		TEST(claimed_ones),
		TEST(outstanding_action_comes_again),
		TEST(waiting_action_comes),
		TEST(done_before_it_came_again),
		TEST(some_runs_of_several_are_done),
		TEST(quarantine_stays),
		TEST(refused_one_has_no_deadline_afterwards),
		TEST(epochs_stay),
		TEST(reset_in_progress),
		TEST(whole_vm_in_progress),
		TEST(memory_queues_and_thresholds),
		TEST(memory_that_was_copied),
		TEST(limits_of_the_new_config_hold),
		TEST(an_image_is_the_same_twice),
		TEST(sizes),
	};

	return cmocka_run_group_tests_name("zerocopy_image", tests, NULL, NULL);
}
