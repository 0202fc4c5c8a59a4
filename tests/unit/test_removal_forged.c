/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: images with a right checksum whose parts do not fit together. Each rule of the
 * loader from both sides: what just fits is taken, what just does not is refused.
 */
#include "test_removal_forge.h"

#define MOST 5
#define SELF UINT64_C(0x5e1f) /* stands for the index of the unit that is forged */
#define OTHER UINT64_C(0x07e4) /* for that of another one, which is no member */

struct forgery {
	struct {
		enum field field;
		uint64_t value;
	} change[MOST];
	int ret;
};

static void try_each(struct vt_removal *t, char unit, char other, const struct forgery *f, size_t n)
{
	struct image good;

	save(t, &good);
	assert_int_equal(loads(t, &good), 0);
	for (size_t k = 0; k < n; k++) {
		struct image i = good;
		int ret;

		for (int c = 0; c < MOST && f[k].change[c].field; c++) {
			uint64_t v = f[k].change[c].value;

			v = v == SELF ? index_of(t, unit) : v == OTHER ? index_of(t, other) : v;
			set(t, &i, unit, f[k].change[c].field, v);
		}
		ret = loads(t, &i);
		if (ret != f[k].ret)
			fail_msg("forgery %zu: %d instead of %d", k, ret, f[k].ret);
	}
}

/* 'a' in the set QUIESCE HIDE TEARDOWN RELEASE with the first outstanding; 'x' has nothing to do with it. */
static void quiescing(struct vt_removal *t)
{
	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_alone(t, 'x', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
}

#define IS(phase_, step_)   \
	{PHASE, phase_},    \
	{                   \
		STEP, step_ \
	}
#define UNSAFE                           \
	{                                \
		SET, VDEV_REMOVAL_UNSAFE \
	}

static void steps_and_phases(void **state)
{
	static const struct forgery f[] = {
		{{IS(PRE, 0)}, 0},
		{{IS(PRE, 1)}, -EBADMSG}, /* HIDE */
		{{IS(PRE, 0), UNSAFE}, -EBADMSG}, /* WARN, which waits by itself */
		{{IS(PRE, 1), UNSAFE}, -EBADMSG}, /* AWAIT_ACK */
		{{IS(PRE, 0), {CURSOR, OTHER}}, -EBADMSG},
		{{IS(PRE, 0), {CURSOR, NOBODY}}, -EBADMSG},
		{{IS(UNDO, 0)}, 0},
		{{IS(UNDO, 1)}, -EBADMSG},
		{{IS(UNDO, 0), {CURSOR, OTHER}}, -EBADMSG},
		{{IS(UNDO, 0), UNSAFE}, 0},
		{{IS(UNDO, 0), UNSAFE, {CURSOR, OTHER}}, -EBADMSG},
		{{IS(UNDO, 1), UNSAFE}, -EBADMSG}, /* AWAIT_ACK has no undo */
		{{IS(HIDE, 1)}, 0},
		{{IS(HIDE, 0)}, -EBADMSG},
		{{IS(HIDE, 2)}, -EBADMSG},
		{{IS(HIDE, 1), {CURSOR, OTHER}}, -EBADMSG},
		{{IS(TEAR, 1)}, -EBADMSG},
		{{IS(TEAR, 2)}, 0},
		{{IS(TEAR, 4)}, 0}, /* its outcome */
		{{IS(TEAR, 5)}, -EBADMSG},
		{{IS(TEAR, 2), {CURSOR, OTHER}}, -EBADMSG},
		{{IS(END, 0), {OUTCOME, VDEV_REMOVAL_CANCELLED}}, 0},
		{{IS(END, 0), {OUTCOME, 0}}, -EBADMSG},
		{{IS(END, 0), {OUTCOME, VDEV_REMOVAL_CANCELLED}, {CURSOR, OTHER}}, -EBADMSG},
		{{IS(WARN, 0), UNSAFE}, 0},
		{{IS(WARN, 0)}, -EBADMSG}, /* QUIESCE */
		{{IS(AWAIT, 1), UNSAFE, {FLAGS, 0}}, 0},
		{{IS(AWAIT, 0), UNSAFE, {FLAGS, 0}}, -EBADMSG},
	};

	quiescing(*state);
	try_each(*state, 'a', 'x', f, VT_COUNT(f));
}

static void what_is_outstanding(void **state)
{
	static const struct forgery f[] = {
		{{{ACTION, 0}}, -EBADMSG},
		{{IS(NOT_READY, 0), UNSAFE}, -EBADMSG}, /* nothing can be outstanding there */
		{{IS(AWAIT, 1), UNSAFE}, -EBADMSG},
		{{IS(IDLE, 0), {FLAGS, 0}}, 0},
		{{IS(IDLE, 0), {FLAGS, O_FORCED}}, -EBADMSG},
		{{{FLAGS, A_AGAIN | A_OVERDUE}}, 0},
		{{{FLAGS, A_OVERDUE}}, -EBADMSG},
		{{{FLAGS, A_AGAIN | A_OVERDUE}, {MARKS, M_GIVE_UP}}, 0},
		{{{FLAGS, A_AGAIN}, {MARKS, M_GIVE_UP}}, -EBADMSG},
		{{{FLAGS, A_AGAIN | A_OVERDUE}, IS(TEAR, 2)}, 0},
		{{{FLAGS, A_AGAIN | A_OVERDUE}, IS(TEAR, 4)},
		 -EBADMSG}, /* outcomes have no deadline */
		{{{FLAGS, A_AGAIN | A_OVERDUE}, IS(END, 0), {OUTCOME, VDEV_REMOVAL_CANCELLED}},
		 -EBADMSG},
		{{{FLAGS, A_AGAIN | A_READY}},
		 -EBADMSG}, /* where it is in a list is not of an image */
	};

	quiescing(*state);
	try_each(*state, 'a', 'x', f, VT_COUNT(f));
}

#define REQUESTED (1u << VDEV_REMOVAL_REQUESTED)
#define NOTE_OUT                        \
	{                               \
		FLAGS, A_AGAIN | A_NOTE \
	}

static void notes(void **state)
{
	static const struct forgery f[] = {
		{{NOTE_OUT, {NOTES, N_ANNOUNCE}, {NOTE, 16}}, 0},
		{{NOTE_OUT, {NOTES, N_ANNOUNCE}, {NOTE, 16}, {ACTION, 0}}, -EBADMSG},
		{{NOTE_OUT, {NOTES, N_ANNOUNCE}, {NOTE, 17}}, -EBADMSG},
		{{NOTE_OUT, {NOTES, N_ANNOUNCE}, {NOTE, 48}}, -EBADMSG},
		{{NOTE_OUT, {NOTES, N_ANNOUNCE}, {NOTE, 16}, {NOTE_CURSOR, SELF}}, -EBADMSG},
		{{{NOTES, REQUESTED}, {NOTE, 1}, {NOTE_CURSOR, SELF}}, 0},
		{{{NOTES, REQUESTED}, {NOTE, 1}, {NOTE_CURSOR, OTHER}}, -EBADMSG},
		{{{NOTES, REQUESTED}, {NOTE, 2}, {NOTE_CURSOR, SELF}}, -EBADMSG},
		{{{NOTES, 0}, {NOTE, 1}, {NOTE_CURSOR, SELF}}, -EBADMSG},
		{{NOTE_OUT, {NOTES, 0}, {NOTE, 1}, {NOTE_CURSOR, SELF}}, 0},
		{{NOTE_OUT, {NOTES, 0}, {NOTE, 1}}, -EBADMSG},
		{{NOTE_OUT, {NOTES, 0}, {PHASE, IDLE}, {NOTE, 1}, {NOTE_CURSOR, SELF}}, 0},
		{{{NOTES, REQUESTED}, {PHASE, IDLE}, {FLAGS, 0}}, -EBADMSG},
		{{{NOTES, N_ANNOUNCE}, {PHASE, IDLE}, {FLAGS, 0}}, 0},
	};
	assert_int_equal(VDEV_REMOVAL_REQUESTED, 1);
	quiescing(*state);
	try_each(*state, 'a', 'x', f, VT_COUNT(f));
}

/* A slot is no member of its own operation, but may be told how that ended. */
static void slots(void **state)
{
	static const struct forgery f[] = {
		{{{CURSOR, OTHER}, IS(HIDE, 2)}, 0},
		{{{CURSOR, SELF}, IS(HIDE, 2)}, -EBADMSG},
		{{{CURSOR, SELF}, IS(END, 2), {OUTCOME, VDEV_REMOVAL_REMOVED}}, 0},
		{{{CURSOR, OTHER}, IS(END, 2), {OUTCOME, VDEV_REMOVAL_REMOVED}}, 0},
		{{{NOTES, REQUESTED}, {NOTE, 1}, {NOTE_CURSOR, OTHER}}, 0},
	};
	/* What waits for the slot is no part of what leaves it. */
	static const struct forgery below[] = {
		{{{PHASE, BELOW}, {FLAGS, U_QUEUED}}, 0},
		{{{PHASE, BELOW}, {FLAGS, 0}}, -EBADMSG},
	};
	struct vt_removal *t = *state;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	try_each(t, 's', 'a', f, VT_COUNT(f));
	try_each(t, 'a', 's', below, VT_COUNT(below));
}

/* What is below an operation stands still, unless that has not begun or is ending. */
static void one_operation_at_a_time(void **state)
{
	static const struct {
		uint8_t phase, step, outcome;
		int busy, announced;
	} above[] = {
		{IDLE, 0, 0, 0, 0},
		{BELOW, 0, 0, 0, 0},
		{AWAIT, 1, 0, -EBADMSG, 0}, /* that it is there may still have to be told */
		{UNDO, 0, VDEV_REMOVAL_CANCELLED, 0, 0},
		{HIDE, 2, 0, -EBADMSG, -EBADMSG},
		{TEAR, 3, 0, -EBADMSG, -EBADMSG},
		{END, 0, VDEV_REMOVAL_CANCELLED, 0, 0},
	};
	struct vt_removal *t = *state;
	struct image good;

	vt_alone(t, 'b', VDEV_REMOVAL_ACPI);
	vt_child(t, 'c', 'b', VDEV_REMOVAL_PCI_FUNCTION, 0);
	save(t, &good);
	for (size_t k = 0; k < VT_COUNT(above); k++) {
		struct image i = good;

		set(t, &i, 'b', PHASE, above[k].phase);
		set(t, &i, 'b', STEP, above[k].step);
		set(t, &i, 'b', SET, VDEV_REMOVAL_UNSAFE);
		set(t, &i, 'b', OUTCOME, above[k].outcome);
		set(t, &i, 'b', CURSOR, index_of(t, 'b'));
		if (above[k].phase == TEAR) { /* what comes before it would be gone */
			assert_int_equal(loads(t, &i), -EBADMSG);
			set(t, &i, 'b', CURSOR, index_of(t, 'c'));
		}
		assert_int_equal(loads(t, &i), 0);
		set(t, &i, 'c', NOTES, N_ANNOUNCE);
		assert_int_equal(loads(t, &i), above[k].announced);
		set(t, &i, 'c', NOTES, 0);
		set(t, &i, 'c', PHASE, BELOW);
		assert_int_equal(loads(t, &i), above[k].busy);
	}
}

static void depth_of_the_tree(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

	vt_alone(t, 'A', VDEV_REMOVAL_ACPI);
	for (char c = 'B'; c < 'A' + (int)VDEV_REMOVAL_MAX_DEPTH; c++)
		vt_child(t, c, (char)(c - 1), VDEV_REMOVAL_PCI_FUNCTION, 0);
	vt_alone(t, 'x', VDEV_REMOVAL_ACPI);
	save(t, &i);
	set(t, &i, 'x', PARENT, index_of(t, 'A' + VDEV_REMOVAL_MAX_DEPTH - 2));
	assert_int_equal(loads(t, &i), 0);
	set(t, &i, 'x', PARENT, index_of(t, 'A' + VDEV_REMOVAL_MAX_DEPTH - 1));
	assert_int_equal(loads(t, &i), -EBADMSG);
	set(t, &i, 'x', PARENT, index_of(t, 'x'));
	assert_int_equal(loads(t, &i), -EBADMSG);
	set(t, &i, 'x', PARENT, 99);
	assert_int_equal(loads(t, &i), -EBADMSG);
	set(t, &i, 'x', PARENT, ROOT);
	assert_int_equal(loads(t, &i), 0);
}

static void only_slots_are_waited_for(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_child(t, 'c', 'a', VDEV_REMOVAL_PCI_FUNCTION, 0);
	save(t, &i);
	set(t, &i, 'a', FLAGS, U_QUEUED);
	assert_int_equal(loads(t, &i), 0);
	set(t, &i, 'a', FLAGS, 0);
	set(t, &i, 'c', FLAGS, U_QUEUED);
	assert_int_equal(loads(t, &i), -EBADMSG);
}

/* A note of the VM: for which the guest's driver or a migration is asked. */
static void notes_of_the_vm(void **state)
{
	static const struct {
		uint32_t flags, notes;
		uint8_t note, marks;
		uint32_t id; /* of the action: number, index */
		int ret;
	} f[] = {
		{A_AGAIN | A_NOTE, N_UNHOLD, 19, 0, 2, 0},
		{A_AGAIN | A_NOTE, N_REDECLARE, 18, M_STALE, 2, 0},
		{A_AGAIN, N_UNHOLD, 19, 0, 2, -EBADMSG}, /* the VM has no steps */
		{A_AGAIN | A_NOTE, N_UNHOLD, 15, 0, 2, -EBADMSG},
		{A_AGAIN | A_NOTE, N_UNHOLD, 20, 0, 2, -EBADMSG},
		{A_AGAIN | A_NOTE, N_UNHOLD, 19, 0, 0, -EBADMSG}, /* which action? */
		{A_AGAIN | A_NOTE, N_UNHOLD, 19, 0, 1000, -EBADMSG}, /* of the future */
		{A_AGAIN | A_NOTE, N_UNHOLD, 19, M_LEFT, 2, -EBADMSG},
		{A_AGAIN | A_NOTE, N_ANNOUNCE, 16, 0, 2, -EBADMSG}, /* the VM is never added */
		{A_NOTE | U_HIDDEN, N_UNHOLD, 19, 0, 2, -EBADMSG},
		{0, 0, 0, 0, 0, 0},
	};
	struct vt_removal *t = *state;
	struct image i;

	quiescing(t);
	save(t, &i);
	for (size_t k = 0; k < VT_COUNT(f); k++) {
		put_le(&i, AT_ROOT_FLAGS, f[k].flags, 4);
		put_le(&i, AT_ROOT_NOTES, f[k].notes, 4);
		put_le(&i, AT_ROOT_ACTION, (uint64_t)f[k].id << VDEV__TABLE_INDEX_BITS, 8);
		put_le(&i, AT_ROOT_NOTE, f[k].note, 1);
		put_le(&i, AT_ROOT_MARKS, f[k].marks, 1);
		if (loads(t, &i) != f[k].ret)
			fail_msg("forgery %zu", k);
	}
}

/* Ids of actions must not run out: the next one would be one that was given before. */
static void number_of_the_last_action(void **state)
{
	const uint64_t limit = UINT64_MAX >> (VDEV__TABLE_INDEX_BITS + 1);
	struct vt_removal *t = *state;
	struct image i;

	quiescing(t);
	save(t, &i);
	put_le(&i, AT_SEQUENCE, limit - 1, 8);
	assert_int_equal(loads(t, &i), 0);
	put_le(&i, AT_SEQUENCE, limit, 8);
	assert_int_equal(loads(t, &i), -EBADMSG);
}

/* Handles of the past: a free index whose last handle cannot have been one. */
static void generations_of_free_indices(void **state)
{
	struct vt_removal *t = *state;
	size_t last;
	struct image i;

	for (char c = 'a'; c <= 'c'; c++)
		vt_alone(t, c, VDEV_REMOVAL_ACPI);
	vt_request(t, 'a', VDEV_REMOVAL_FORCE);
	vt_drain(t);
	save(t, &i);
	last = i.size - 3 * 8; /* of the VM, a, b, c: that of a */
	assert_int_equal(i.bytes[last], 1);
	put_le(&i, last, 3, 8);
	assert_int_equal(loads(t, &i), 0);
	put_le(&i, last, 2, 8);
	assert_int_equal(loads(t, &i), -EBADMSG);
	put_le(&i, last, (UINT64_C(1) << 40) + 1, 8);
	assert_int_equal(loads(t, &i), -EBADMSG);
}

/* A set that says it has more steps than there are bytes left. */
static void set_that_is_cut_short(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	save(t, &i);
	put_le(&i, AT_SETS, 1, 4);
	put_le(&i, AT_SETS + 4, VDEV_REMOVAL_CPU, 1);
	put_le(&i, AT_SETS + 5, VDEV_REMOVAL_SAFE, 1);
	put_le(&i, AT_SETS + 6, VDEV_REMOVAL_MAX_STEPS, 1);
	assert_int_equal(loads(t, &i), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(steps_and_phases),
		TEST(what_is_outstanding),
		TEST(notes),
		TEST(slots),
		TEST(one_operation_at_a_time),
		TEST(depth_of_the_tree),
		TEST(only_slots_are_waited_for),
		TEST(notes_of_the_vm),
		TEST(number_of_the_last_action),
		TEST(generations_of_free_indices),
		TEST(set_that_is_cut_short),
	};

	return cmocka_run_group_tests_name("removal_forged", tests, NULL, NULL);
}
