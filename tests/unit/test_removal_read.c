/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: what get(), walk(), stats() and the names tell. */
#include "test_removal_rig.h"

static void walk_meets_each_unit_once(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_info info;
	uint64_t cursor = 0;
	char met[27] = "";

	for (char c = 'a'; c <= 'z'; c++)
		vt_alone(t, c, VDEV_REMOVAL_ACPI);
	while (vdev_removal_walk(t->r, &cursor, &info, sizeof(info)) == 1) {
		assert_int_equal(info.unit, t->h[info.user_data]);
		assert_null(strchr(met, (int)info.user_data));
		met[strlen(met)] = (char)info.user_data;
	}
	assert_int_equal(strlen(met), 26);
	assert_int_equal(vdev_removal_walk(t->r, &cursor, &info, sizeof(info)), 0);
}

static void walk_of_nothing_and_of_wild_cursors(void **state)
{
	static const uint64_t cursors[] = {
		0, 1, 2, 1u << 24, UINT32_MAX, UINT64_MAX, UINT64_MAX - 1};
	struct vt_removal *t = *state;
	struct vdev_removal_info info;

	for (uint32_t i = 0; i < VT_COUNT(cursors); i++) {
		uint64_t cursor = cursors[i];

		assert_int_equal(vdev_removal_walk(t->r, &cursor, &info, sizeof(info)), 0);
		assert_int_equal(cursor, cursors[i]);
	}
}

static void walk_while_units_go(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_info info;
	uint64_t cursor = 0;
	int met = 0;

	for (char c = 'a'; c <= 'z'; c++)
		vt_alone(t, c, VDEV_REMOVAL_ACPI);
	while (vdev_removal_walk(t->r, &cursor, &info, sizeof(info)) == 1) {
		met++;
		vt_request(t, (char)info.user_data, VDEV_REMOVAL_FORCE);
		vt_drain(t);
	}
	assert_int_equal(met, 26);
	assert_int_equal(vt_stats(t).units, 0);
}

static void structs_of_another_size(void **state)
{
	struct vt_removal *t = *state;
	struct {
		struct vdev_removal_info info;
		uint64_t more;
	} newer;
	struct {
		struct vdev_removal_stats stats;
		uint64_t more;
	} stats;
	uint64_t older[2] = {0, 77};

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	memset(&newer, 0xff, sizeof(newer));
	assert_int_equal(vdev_removal_get(t->r, t->h['a'], &newer.info, sizeof(newer)), 0);
	assert_int_equal(newer.more, 0);
	assert_int_equal(vdev_removal_get(t->r, t->h['a'], (struct vdev_removal_info *)older, 8),
			 0);
	assert_int_equal(older[0], t->h['a']);
	assert_int_equal(older[1], 77);
	memset(&stats, 0xff, sizeof(stats));
	assert_int_equal(vdev_removal_stats(t->r, &stats.stats, sizeof(stats)), 0);
	assert_int_equal(stats.stats.units, 1);
	assert_int_equal(stats.more, 0);
	older[0] = 5;
	assert_int_equal(vdev_removal_stats(t->r, (struct vdev_removal_stats *)older, 8), 0);
	assert_int_equal(older[0], 1);
	assert_int_equal(older[1], 77);
}

static void step_is_the_kind_that_the_operation_is_at(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	assert_int_equal(vt_info(t, 's').step, 0);
	vt_request(t, 'a', 0);
	assert_int_equal(vt_info(t, 's').step, VDEV_REMOVAL_WARN);
	assert_int_equal(vt_info(t, 'a').step, 0); /* it has no operation of its own */
	assert_int_equal(vt_info(t, 'a').target, t->h['s']);
	vt_drain(t);
	assert_int_equal(vt_info(t, 's').step, VDEV_REMOVAL_AWAIT_ACK);
	assert_int_equal(vt_info(t, 's').warnings, 1);
	vt_script(t, VDEV_REMOVAL_TEARDOWN, 'a', VT_LATER);
	vt_registers(t, 's', VT_OFF, 0);
	assert_int_equal(vt_info(t, 's').step, VDEV_REMOVAL_HIDE);
	vt_drain(t);
	assert_int_equal(vt_info(t, 's').step, VDEV_REMOVAL_TEARDOWN);
	assert_int_equal(vt_info(t, 's').action_id, t->out['a']);
	vt_done(t, 'a', 0);
	vt_drain(t);
	assert_int_equal(vt_info(t, 's').step, 0);
	assert_int_equal(vt_info(t, 's').action_id, 0);
	assert_int_equal(vt_info(t, 's').target, 0);
}

static void time_that_the_guest_has_left(void **state)
{
	struct vt_removal *t = *state;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_request_with(t, 'a', VDEV_REMOVAL_ACK_KEEP, 0, 10 * VT_SEC);
	vt_drain(t);
	assert_int_equal(vt_info(t, 'a').ack_left_ns, 0); /* not ready, so not asked */
	vt_ready(t, 'a', 1);
	assert_int_equal(vt_info(t, 'a').ack_left_ns, 10 * VT_SEC); /* as WARN will tell it */
	vt_drain(t);
	vt_pass(t, 3 * VT_SEC);
	assert_int_equal(vt_info(t, 'a').ack_left_ns, 7 * VT_SEC);
	vdev_removal_pause(t->r, t->now);
	vt_pass(t, 100 * VT_SEC);
	assert_int_equal(vt_info(t, 'a').ack_left_ns, 7 * VT_SEC);
	vdev_removal_resume(t->r, t->now);
	vt_pass(t, 7 * VT_SEC);
	vt_drain(t);
	assert_int_equal(vt_info(t, 'a').ack_left_ns, VDEV_NONE); /* kept */
	vt_cancel(t, 'a');
	vt_drain(t);
	assert_int_equal(vt_info(t, 'a').ack_left_ns, 0);
}

static void units_are_found_by_name(void **state)
{
	static const struct vdev_removal_unit named = {.name = 9};
	struct vt_removal *t = *state;
	uint64_t found = 0;

	assert_int_equal(vdev_removal_find_name(t->r, 9, &found), -ENOENT);
	vt_add(t, 'a', &named);
	assert_int_equal(vdev_removal_find_name(t->r, 9, &found), 0);
	assert_int_equal(found, t->h['a']);
	vt_reload(t, 0);
	assert_int_equal(vdev_removal_find_name(t->r, 9, &found), 0);
	vt_ack(t, 'a'); /* held, and given back: another handle, the same name */
	vt_drain(t);
	vdev_removal_reset_begin(t->r, t->now);
	vdev_removal_reset_end(t->r, t->now);
	vt_drain(t);
	assert_int_equal(vdev_removal_find_name(t->r, 9, &found), 0);
	assert_int_equal(found, t->h['a']);
	vt_request(t, 'a', VDEV_REMOVAL_FORCE);
	vt_drain(t);
	assert_int_equal(vdev_removal_find_name(t->r, 9, &found), -ENOENT);
}

static void states_of_a_life(void **state)
{
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
	vt_request(t, 'a', 0);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PENDING);
	vt_drain(t);
	vt_registers(t, 's', VT_OFF, 0);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_LEAVING);
	vt_drain(t);
	assert_int_equal(vt_info(t, 's').state, VDEV_REMOVAL_SETTLING);
	assert_int_equal(vdev_removal_level(t->r, t->h['a']), -ENOENT);
}

static void counters_of_a_life(void **state)
{
	struct vt_removal *t = *state;
	struct vdev_removal_stats s;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	s = vt_stats(t);
	assert_int_equal(s.units, 2);
	assert_int_equal(s.added, 2);
	assert_int_equal(s.declared, 1);
	assert_int_equal(s.bytes, t->v.bytes); /* what it says is what it has allocated */
	vt_request(t, 'a', 0);
	assert_int_equal(vt_stats(t).operations, 1);
	vt_drain(t);
	vt_registers(t, 's', VT_OFF, 0);
	vt_drain(t);
	s = vt_stats(t);
	assert_int_equal(s.units, 1);
	assert_int_equal(s.operations, 0);
	assert_int_equal(s.warnings, 1);
	assert_int_equal(s.requests, 1);
	assert_int_equal(s.removed, 1);
	assert_int_equal(s.unasked + s.joined + s.bad_done + s.bad_guest + s.cancels, 0);
}

static void bytes_are_what_was_allocated(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vdev_removal_step preset[VDEV_REMOVAL_MAX_STEPS];
	struct vt_removal *t = *state;
	int n;

	reconfigure(t, (struct vdev_removal_config){.max_units = 5000});
	for (uint64_t i = 1; i <= 1000; i++) {
		const struct vdev_removal_unit u = {.name = i};

		vt_add(t, 'a', &u);
		vdev_removal_set_address(t->r, t->h['a'], i);
		assert_int_equal(vt_stats(t).bytes, t->v.bytes);
	}
	vdev_removal_set_actions(t->r, 0, 3, steps, 2);
	n = vdev_removal_get_actions(t->r, 0, 0, preset);
	vdev_removal_set_actions(t->r, 0, 0, preset, (uint32_t)n);
	vdev_removal_set_actions(t->r, 6, 31, steps, 2);
	assert_int_equal(vt_stats(t).bytes, t->v.bytes);
}

static void names_of_kinds(void **state)
{
	static const char *const names[] = {"ANNOUNCE",      "REANNOUNCE", "REDECLARE", "WARN",
					    "UNWARN",        "AWAIT_ACK",  "QUIESCE",   "RESUME",
					    "HIDE",          "DRAIN",      "IRQ_OFF",   "RESET",
					    "DETACH_EVENTS", "UNMAP_BARS", "LEAVE_DMA", "TEARDOWN",
					    "RELEASE",       "OUTCOME",    "UNHOLD"};
	uint32_t found = 0;

	(void)state;
	assert_string_equal(vdev_removal_kind_name(VDEV_CANCEL), "CANCEL");
	for (uint32_t kind = VDEV_KIND_REMOVAL; kind < VDEV_REMOVAL_OWN_STEP_FIRST; kind++) {
		const char *name = vdev_removal_kind_name(kind);

		if (strcmp(name, "?"))
			assert_string_equal(name, names[found++]);
	}
	assert_int_equal(found, VT_COUNT(names));
	for (uint32_t k = VDEV_REMOVAL_OWN_STEP_FIRST; k <= VDEV_REMOVAL_OWN_STEP_LAST; k++)
		assert_string_equal(vdev_removal_kind_name(k), "OWN");
	assert_string_equal(vdev_removal_kind_name(VDEV_REMOVAL_OWN_STEP_LAST + 1), "?");
	assert_string_equal(vdev_removal_kind_name(0), "?");
	assert_string_equal(vdev_removal_kind_name(UINT32_MAX), "?");
}

static void names_of_outcomes_and_levels(void **state)
{
	static const char *const outcomes[] = {"?",
					       "REQUESTED",
					       "ACKED",
					       "BUSY",
					       "GUEST_NOT_READY",
					       "REFUSED",
					       "TIMED_OUT",
					       "REMOVED",
					       "REMOVED_BY_GUEST",
					       "FAILED_AT",
					       "STUCK",
					       "ROLLED_BACK",
					       "CANCELLED",
					       "?"};
	static const char *const levels[] = {"UNKNOWN", "UNSAFE", "SAFE_IDLE", "SAFE", "?"};

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(outcomes); i++)
		assert_string_equal(vdev_removal_outcome_name(i), outcomes[i]);
	assert_string_equal(vdev_removal_outcome_name(UINT32_MAX), "?");
	for (uint32_t i = 0; i < VT_COUNT(levels); i++)
		assert_string_equal(vdev_removal_level_name(i), levels[i]);
	assert_string_equal(vdev_removal_level_name(15), "?");
	assert_string_equal(vdev_removal_level_name(16), "OWN");
	assert_string_equal(vdev_removal_level_name(31), "OWN");
	assert_string_equal(vdev_removal_level_name(32), "?");
	assert_string_equal(vdev_removal_level_name(UINT32_MAX), "?");
}

static void names_of_events(void **state)
{
	static const char *const names[] = {
		"?",      "ADD",    "DECLARE",      "FORGET",      "REQUEST",
		"CANCEL", "ACK",    "REFUSE",       "PROGRESS",    "SLOT",
		"READY",  "TOUCH",  "BACKEND_GONE", "RESET_BEGIN", "RESET_END",
		"PAUSE",  "RESUME", "HOLD",         "UNHOLD",      "TIMEOUT",
		"?"};

	(void)state;
	for (uint32_t i = 0; i < VT_COUNT(names); i++)
		assert_string_equal(vdev_removal_event_name(i), names[i]);
	assert_string_equal(vdev_removal_event_name(UINT32_MAX), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(walk_meets_each_unit_once),
		TEST(walk_of_nothing_and_of_wild_cursors),
		TEST(walk_while_units_go),
		TEST(structs_of_another_size),
		TEST(step_is_the_kind_that_the_operation_is_at),
		TEST(time_that_the_guest_has_left),
		TEST(units_are_found_by_name),
		TEST(states_of_a_life),
		TEST(counters_of_a_life),
		TEST(bytes_are_what_was_allocated),
		TEST(names_of_kinds),
		TEST(names_of_outcomes_and_levels),
		TEST(names_of_events),
	};

	return cmocka_run_group_tests_name("removal_read", tests, NULL, NULL);
}
