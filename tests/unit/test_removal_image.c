/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: save and load. That a loaded engine goes on exactly like the saved one, from
 * every point of thirty sessions, is shown by suite traces; here is what an image holds, and what
 * is refused.
 */
#include "test_removal_rig.h"

#define MOST 16384

struct image {
	uint8_t bytes[MOST];
	size_t size;
};

static void save(struct vt_removal *t, struct image *i)
{
	assert_int_equal(vdev_removal_save(t->r, t->now, i->bytes, sizeof(i->bytes), &i->size), 0);
}

static int load(struct vt_removal *t, const struct image *i, struct vdev_removal **r)
{
	return vdev_removal_load(&t->v.env, &t->config, t->now, i->bytes, i->size, r);
}

/* Something of everything. */
static void busy(struct vt_removal *t)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	static const struct vdev_removal_unit named = {
		.unit_class = VDEV_REMOVAL_MEMORY, .transport = VDEV_REMOVAL_ACPI, .name = 0xabc};

	vdev_removal_set_actions(t->r, VDEV_REMOVAL_CPU, VDEV_REMOVAL_SAFE, steps, 2);
	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'b', 's', VDEV_REMOVAL_PCI_FUNCTION, 3);
	vt_add(t, 'n', &named);
	vdev_removal_set_address(t->r, t->h['n'], 0x1234);
	vt_level(t, 'n', VDEV_REMOVAL_SAFE_IDLE);
	vdev_removal_declare(t->r, t->now, t->h['n'], VDEV_REMOVAL_OPERATOR, 17);
	vt_request(t, 'b', 0);
	vt_drain(t);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'n', VT_LATER);
	vt_request(t, 'n', 0);
	vt_drain(t);
	vt_alone(t, 'h', VDEV_REMOVAL_ACPI);
	vt_ack(t, 'h');
	vt_drain(t);
	vt_alone(t, 'z', VDEV_REMOVAL_ACPI);
	vt_request(t, 'z', VDEV_REMOVAL_FORCE);
	vt_drain(t);
}

static void measure_then_write(void **state)
{
	struct vt_removal *t = *state;
	struct image i;
	size_t needed = 0, again = 0;

	busy(t);
	assert_int_equal(vdev_removal_save(t->r, t->now, NULL, 0, &needed), -ENOBUFS);
	assert_true(needed > 32 && needed < MOST);
	for (size_t size = 0; size < needed; size++) {
		memset(i.bytes, 0xee, sizeof(i.bytes));
		assert_int_equal(vdev_removal_save(t->r, t->now, i.bytes, size, &again), -ENOBUFS);
		assert_int_equal(again, needed);
		assert_int_equal(i.bytes[size], 0xee);
	}
	assert_int_equal(vdev_removal_save(t->r, t->now, i.bytes, needed, &again), 0);
}

static void loaded_and_saved_again_is_the_same(void **state)
{
	struct vt_removal *t = *state;
	struct image before, after;

	busy(t);
	save(t, &before);
	assert_int_equal(vt_reload(t, 5 * VT_SEC), 0);
	save(t, &after);
	assert_int_equal(before.size, after.size);
	assert_memory_equal(before.bytes, after.bytes, before.size);
}

static void facts_of_units_are_kept(void **state)
{
	static const char letters[] = "sabnh";
	struct vt_removal *t = *state;
	struct vdev_removal_info before[sizeof(letters)];
	uint64_t found;

	busy(t);
	for (uint32_t i = 0; letters[i]; i++)
		before[i] = vt_info(t, letters[i]);
	assert_int_equal(vt_reload(t, 5 * VT_SEC), 0);
	for (uint32_t i = 0; letters[i]; i++) {
		struct vdev_removal_info now = vt_info(t, letters[i]);

		before[i].action_id = 0; /* waits to be given out again */
		assert_memory_equal(&now, &before[i], sizeof(now));
	}
	assert_int_equal(vdev_removal_find(t->r, 0x1234, &found), 0);
	assert_int_equal(found, t->h['n']);
	assert_int_equal(vdev_removal_level(t->r, t->h['n']), VDEV_REMOVAL_SAFE_IDLE);
	assert_int_equal(vt_stats(t).units, 5);
	assert_int_equal(vt_stats(t).operations, 2);
}

static void user_data_are_not_in_it(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_info info;
	struct vdev_removal *r;
	uint64_t cursor = 0;
	struct image i;

	busy(t);
	save(t, &i);
	assert_int_equal(load(t, &i, &r), 0);
	while (vdev_removal_walk(r, &cursor, &info, sizeof(info)) == 1)
		assert_int_equal(info.user_data, 0);
	assert_int_equal(vdev_removal_set_user_data(r, t->h['a'], 42), 0);
	assert_int_equal(vdev_removal_get(r, t->h['a'], &info, sizeof(info)), 0);
	assert_int_equal(info.user_data, 42);
	vdev_removal_free(r);
}

static void handles_are_never_given_out_twice(void **state)
{
	struct vt_removal *t = *state;
	uint64_t gone;

	busy(t);
	gone = t->h['z'];
	assert_int_equal(vt_reload(t, 5 * VT_SEC), 0);
	assert_int_equal(vdev_removal_level(t->r, gone), -ENOENT);
	for (char c = 'A'; c <= 'Z'; c++) {
		assert_int_equal(vt_alone(t, c, VDEV_REMOVAL_ACPI) < 0, 0);
		assert_true(t->h[(int)c] != gone);
	}
}

static void names_stay_reserved(void **state)
{
	static const struct vdev_removal_unit named = {.unit_class = VDEV_REMOVAL_OTHER,
						       .name = 0xabc};
	struct vt_removal *t = *state;

	busy(t);
	vt_reload(t, 0);
	assert_int_equal(vt_add(t, 'x', &named), -EEXIST);
}

static void own_action_sets_are_kept(void **state)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	struct vt_removal *t = *state;

	busy(t);
	vt_reload(t, 0);
	assert_int_equal(vdev_removal_get_actions(t->r, VDEV_REMOVAL_CPU, VDEV_REMOVAL_SAFE, steps),
			 2);
	assert_int_equal(
		vdev_removal_get_actions(t->r, VDEV_REMOVAL_MEMORY, VDEV_REMOVAL_SAFE, steps), 3);
}

static void no_absolute_time_is_in_it(void **state)
{
	struct vt_removal *t = *state;
	struct image early, late;

	busy(t);
	save(t, &early);
	reconfigure(t, t->config);
	t->now = 123456789;
	busy(t);
	save(t, &late);
	assert_int_equal(early.size, late.size);
	assert_memory_equal(early.bytes, late.bytes, early.size);
}

static void durations_that_remain_go_on(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request_with(t, 'a', 0, 0, 10 * VT_SEC), "WARN:a REQUESTED:a");
	vt_pass(t, 3 * VT_SEC);
	assert_int_equal(vt_reload(t, 1), 0);
	assert_int_equal(vt_due(t), 7 * VT_SEC);
	vt_expect(t, vt_pass(t, 7 * VT_SEC), "UNWARN:a TIMED_OUT:aF");
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	vt_pass(t, 20 * VT_SEC);
	assert_int_equal(vt_reload(t, 77), 0);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, 0, "TEARDOWN:aA");
	assert_int_equal(t->last.deadline_ns, 77 + 10 * VT_SEC);
	vt_expect(t, vt_pass(t, 10 * VT_SEC), "CANCEL:a(TEARDOWN)");
}

static void deadline_passes_before_it_came_out_again(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	assert_int_equal(vt_reload(t, 0), 0);
	vt_pass(t, 100 * VT_SEC);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	t->stop_after = 1;
	assert_string_equal(vt_drain(t), "TEARDOWN:aA");
	t->stop_after = 0;
	vt_pass(t, VT_SEC); /* it has no more time than it had */
	assert_string_equal(vt_drain(t), "CANCEL:a(TEARDOWN)");
}

static void paused_held_and_in_reset_are_kept(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vdev_removal_pause(t->r, t->now);
	vt_pass(t, 100 * VT_SEC);
	vdev_removal_hold(t->r, t->now);
	vt_reload(t, 9);
	assert_int_equal(vt_due(t), VDEV_NONE);
	assert_int_equal(vdev_removal_hold(t->r, t->now), -EBUSY);
	vt_pass(t, 50 * VT_SEC);
	vdev_removal_resume(t->r, t->now);
	assert_int_equal(vt_due(t), 5 * VT_SEC);
	vdev_removal_reset_begin(t->r, t->now);
	vt_reload(t, 9);
	assert_int_equal(vdev_removal_reset_end(t->r, t->now), -EAGAIN);
	vt_drain(t);
	assert_int_equal(vdev_removal_reset_end(t->r, t->now), 0);
}

static void note_that_was_outstanding_comes_again(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_reload(t, 9);
	vt_expect(t, 0, "REQUESTED:aA");
	vdev_removal_hold(t->r, t->now);
	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	vt_script(t, VDEV_REMOVAL_UNHOLD, 0, VT_LATER);
	vt_expect(t, vt_request(t, 'b', VDEV_REMOVAL_FORCE), "UNHOLD:-");
	vt_reload(t, 9);
	vt_expect(t, 0, "UNHOLD:-A HIDE:bLX TEARDOWN:bX RELEASE:bX REMOVED:bFGX");
}

static void final_outcome_that_was_outstanding_comes_again(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), GONE_A);
	vt_reload(t, 9);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'a', VT_LATER);
	vt_expect(t, 0, "REMOVED:aFGA");
	assert_int_equal(t->last.deadline_ns, VDEV_NONE);
	vt_expect(t, vt_pass(t, 100 * VT_SEC), ""); /* and no CANCEL for it */
	vt_expect(t, vt_done(t, 'a', 0), "");
}

static void overdue_action_stays_overdue(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	vt_expect(t, vt_pass(t, 5 * VT_SEC), "CANCEL:a(QUIESCE)");
	vt_reload(t, 9);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -ECANCELED);
	vt_expect(t, 0, "QUIESCE:aA RESUME:a WARN:a REQUESTED:a");
}

static void stuck_action_ended_with_its_process(void **state)
{
	struct vt_removal *t = *state;
	uint64_t stuck;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a");
	stuck = t->out['a'];
	vt_expect(t, vt_pass(t, 30 * VT_SEC), "CANCEL:a(TEARDOWN)");
	vt_expect(t, vt_request(t, 'a', VDEV_REMOVAL_FORCE), "STUCK:aX(TEARDOWN,-110)");
	vt_reload(t, 9);
	assert_int_equal(vdev_removal_done(t->r, t->now, stuck, 0), -ENOENT);
	vt_expect(t, 0, "RELEASE:aX FAILED_AT:aFGX(TEARDOWN,-110)");
}

/* A note of b's operation, which has ended, is still being told to c. */
static void told_beyond_its_end(struct vt_removal *t)
{
	vt_alone(t, 'x', VDEV_REMOVAL_ACPI); /* c will have its place, before b's */
	vt_alone(t, 't', VDEV_REMOVAL_ACPI);
	vt_add(t, 'b',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					   .transport = VDEV_REMOVAL_PVDEV,
					   .parent = t->h['t']});
	vt_request(t, 'x', VDEV_REMOVAL_FORCE);
	vt_drain(t);
	t->h['x'] = 0;
	vt_add(t, 'c',
	       &(struct vdev_removal_unit){.unit_class = VDEV_REMOVAL_PCI_FUNCTION,
					   .transport = VDEV_REMOVAL_PVDEV,
					   .parent = t->h['b']});
	vt_request(t, 'c', 0);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'c', VT_LATER);
	vt_expect(t, vt_request(t, 'b', 0), "GUEST_NOT_READY:c");
	vt_expect(t, vt_request(t, 't', 0), "");
	vt_expect(t, vt_cancel(t, 't'), "CANCELLED:cF CANCELLED:bF CANCELLED:tF");
}

static void r10_what_is_told_to_one_that_is_gone_is_not_saved(void **state)
{
	struct vt_removal *t = *state;

	told_beyond_its_end(t);
	vt_request(t, 'c', VDEV_REMOVAL_FORCE);
	vt_drain(t);
	assert_int_equal(vt_reload(t, t->now), 0);
	assert_int_equal(vt_done(t, 'c', 0), -ENOENT);
	vt_expect(t, vt_request(t, 'b', 0), "GUEST_NOT_READY:b");
}

static void r10_what_was_told_to_one_that_is_gone_is_not_told_again(void **state)
{
	struct vt_removal *t = *state;

	told_beyond_its_end(t);
	vt_script(t, VDEV_REMOVAL_OUTCOME, 'c', VT_LATER);
	vt_expect(t, vt_request(t, 'c', VDEV_REMOVAL_FORCE),
		  "HIDE:cLX TEARDOWN:cX RELEASE:cX REMOVED:cFGX");
	assert_int_equal(vt_reload(t, t->now), 0);
	vt_expect(t, 0, "REMOVED:cFGXA");
}

static void r11_announce_that_was_outstanding_comes_again(void **state)
{
	struct vt_removal *t = *state;

	vt_script(t, VDEV_REMOVAL_ANNOUNCE, 'a', VT_LATER);
	vt_add(t, 'a', &(struct vdev_removal_unit){.flags = VDEV_REMOVAL_HOTPLUG});
	vt_expect(t, 0, "ANNOUNCE:a");
	assert_int_equal(vt_reload(t, t->now), 0);
	vt_expect(t, 0, "ANNOUNCE:aA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(measure_then_write),
		TEST(loaded_and_saved_again_is_the_same),
		TEST(facts_of_units_are_kept),
		TEST(user_data_are_not_in_it),
		TEST(handles_are_never_given_out_twice),
		TEST(names_stay_reserved),
		TEST(own_action_sets_are_kept),
		TEST(no_absolute_time_is_in_it),
		TEST(durations_that_remain_go_on),
		TEST(deadline_passes_before_it_came_out_again),
		TEST(paused_held_and_in_reset_are_kept),
		TEST(note_that_was_outstanding_comes_again),
		TEST(final_outcome_that_was_outstanding_comes_again),
		TEST(overdue_action_stays_overdue),
		TEST(stuck_action_ended_with_its_process),
		TEST(r10_what_is_told_to_one_that_is_gone_is_not_saved),
		TEST(r10_what_was_told_to_one_that_is_gone_is_not_told_again),
		TEST(r11_announce_that_was_outstanding_comes_again),
	};

	return cmocka_run_group_tests_name("removal_image", tests, NULL, NULL);
}
