/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: what makes an action set valid, and what the log says when it is not (R5). */
#include "test_removal_rig.h"

#define STEP(kind, undo)                                         \
	{                                                        \
		VDEV_REMOVAL_##kind, VDEV_REMOVAL_##undo, VT_SEC \
	}
#define WARNING STEP(WARN, UNWARN), STEP(AWAIT_ACK, NO_UNDO)
#define OWN(n) (VDEV_REMOVAL_OWN_STEP_FIRST + (n))
#define ANY VDEV_REMOVAL_SAFE /* a level whose set needs no warning */
#define MUST_WARN VDEV_REMOVAL_UNSAFE

struct row {
	const char *why; /* what the log must say; NULL: valid */
	uint32_t level;
	uint32_t count;
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS + 1];
};

static const struct row rows[] = {
	/* valid */
	{NULL, ANY, 2, {STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{NULL, MUST_WARN, 4, {WARNING, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{NULL, VDEV_REMOVAL_UNKNOWN, 4, {WARNING, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{NULL, ANY, 4, {WARNING, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{NULL, 16, 2, {STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{NULL, 31, 2, {STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{NULL,
	 MUST_WARN,
	 5,
	 {STEP(QUIESCE, RESUME), WARNING, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{NULL,
	 MUST_WARN,
	 4,
	 {STEP(WARN, NO_UNDO), STEP(AWAIT_ACK, NO_UNDO), STEP(HIDE, NO_UNDO),
	  STEP(RELEASE, NO_UNDO)}},
	{NULL, ANY, 3, {STEP(QUIESCE, NO_UNDO), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{NULL,
	 ANY,
	 3,
	 {{VDEV_REMOVAL_QUIESCE, OWN(1), 1}, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{NULL,
	 ANY,
	 4,
	 {{OWN(0), OWN(1), 1}, STEP(HIDE, NO_UNDO), {OWN(31), 0, 1}, STEP(RELEASE, NO_UNDO)}},
	{NULL,
	 ANY,
	 3,
	 {STEP(HIDE, NO_UNDO), {VDEV_REMOVAL_DRAIN, 0, VDEV_NONE - 1}, STEP(RELEASE, NO_UNDO)}},
	{NULL,
	 ANY,
	 16,
	 {{OWN(0), 0, 1},
	  {OWN(1), 0, 1},
	  {OWN(2), 0, 1},
	  {OWN(3), 0, 1},
	  {OWN(4), 0, 1},
	  {OWN(5), 0, 1},
	  {OWN(6), 0, 1},
	  {OWN(7), 0, 1},
	  {OWN(8), 0, 1},
	  {OWN(9), 0, 1},
	  {OWN(10), 0, 1},
	  {OWN(11), 0, 1},
	  {OWN(12), 0, 1},
	  {OWN(13), 0, 1},
	  STEP(HIDE, NO_UNDO),
	  STEP(RELEASE, NO_UNDO)}},
	/* the end and the point of no return */
	{"does not end in RELEASE", ANY, 2, {STEP(HIDE, NO_UNDO), STEP(DRAIN, NO_UNDO)}},
	{"does not end in RELEASE", ANY, 1, {STEP(HIDE, NO_UNDO)}},
	{"does not end in RELEASE",
	 ANY,
	 3,
	 {STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO), STEP(RESET, NO_UNDO)}},
	{"HIDE, the point of no return, is missing", ANY, 1, {STEP(QUIESCE, RESUME)}},
	{"HIDE, the point of no return, is missing", ANY, 1, {{OWN(0), 0, 1}}},
	{"after HIDE, the point of no return", ANY, 1, {STEP(RELEASE, NO_UNDO)}},
	{"after HIDE, the point of no return",
	 ANY,
	 2,
	 {STEP(QUIESCE, RESUME), STEP(RELEASE, NO_UNDO)}},
	{"twice", ANY, 3, {STEP(HIDE, NO_UNDO), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"after HIDE", ANY, 3, {STEP(DRAIN, NO_UNDO), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"after HIDE",
	 ANY,
	 3,
	 {STEP(RELEASE, NO_UNDO), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"after HIDE",
	 ANY,
	 3,
	 {STEP(TEARDOWN, NO_UNDO), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"before HIDE",
	 ANY,
	 3,
	 {STEP(HIDE, NO_UNDO), STEP(QUIESCE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"before HIDE",
	 ANY,
	 4,
	 {STEP(HIDE, NO_UNDO), STEP(WARN, NO_UNDO), STEP(AWAIT_ACK, NO_UNDO),
	  STEP(RELEASE, NO_UNDO)}},
	/* the warning */
	{"need WARN and AWAIT_ACK", MUST_WARN, 2, {STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"need WARN and AWAIT_ACK",
	 VDEV_REMOVAL_UNKNOWN,
	 3,
	 {STEP(QUIESCE, RESUME), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"AWAIT_ACK must follow WARN",
	 ANY,
	 3,
	 {STEP(WARN, UNWARN), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"AWAIT_ACK must follow WARN",
	 MUST_WARN,
	 3,
	 {STEP(WARN, UNWARN), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"follow WARN",
	 ANY,
	 3,
	 {STEP(AWAIT_ACK, NO_UNDO), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"follow WARN",
	 MUST_WARN,
	 5,
	 {STEP(WARN, UNWARN), STEP(QUIESCE, RESUME), STEP(AWAIT_ACK, NO_UNDO), STEP(HIDE, NO_UNDO),
	  STEP(RELEASE, NO_UNDO)}},
	{"HIDE must follow it",
	 MUST_WARN,
	 5,
	 {WARNING, STEP(QUIESCE, RESUME), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"HIDE must follow it",
	 ANY,
	 5,
	 {WARNING, {OWN(0), 0, 1}, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"HIDE must follow it",
	 ANY,
	 6,
	 {WARNING, WARNING, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"twice",
	 ANY,
	 4,
	 {STEP(QUIESCE, RESUME), STEP(QUIESCE, RESUME), STEP(HIDE, NO_UNDO),
	  STEP(RELEASE, NO_UNDO)}},
	{"twice",
	 ANY,
	 4,
	 {STEP(HIDE, NO_UNDO), STEP(DRAIN, NO_UNDO), STEP(DRAIN, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"twice",
	 ANY,
	 4,
	 {{OWN(3), 0, 1}, STEP(HIDE, NO_UNDO), {OWN(3), 0, 1}, STEP(RELEASE, NO_UNDO)}},
	/* deadlines */
	{"no deadline", ANY, 2, {{VDEV_REMOVAL_HIDE, 0, 0}, STEP(RELEASE, NO_UNDO)}},
	{"no deadline", ANY, 2, {STEP(HIDE, NO_UNDO), {VDEV_REMOVAL_RELEASE, 0, VDEV_NONE}}},
	/* undo */
	{"undo does not belong", ANY, 2, {STEP(HIDE, RESUME), STEP(RELEASE, NO_UNDO)}},
	{"undo does not belong", ANY, 2, {{VDEV_REMOVAL_HIDE, OWN(0), 1}, STEP(RELEASE, NO_UNDO)}},
	{"undo does not belong",
	 MUST_WARN,
	 4,
	 {STEP(WARN, RESUME), STEP(AWAIT_ACK, NO_UNDO), STEP(HIDE, NO_UNDO),
	  STEP(RELEASE, NO_UNDO)}},
	{"undo does not belong",
	 MUST_WARN,
	 4,
	 {{VDEV_REMOVAL_WARN, OWN(0), 1},
	  STEP(AWAIT_ACK, NO_UNDO),
	  STEP(HIDE, NO_UNDO),
	  STEP(RELEASE, NO_UNDO)}},
	{"undo does not belong",
	 MUST_WARN,
	 4,
	 {STEP(WARN, UNWARN), STEP(AWAIT_ACK, UNWARN), STEP(HIDE, NO_UNDO),
	  STEP(RELEASE, NO_UNDO)}},
	{"undo does not belong",
	 ANY,
	 3,
	 {STEP(QUIESCE, UNWARN), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"undo does not belong",
	 ANY,
	 3,
	 {{OWN(0), VDEV_REMOVAL_RESUME, 1}, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"undo does not belong",
	 ANY,
	 3,
	 {STEP(HIDE, NO_UNDO), STEP(DRAIN, RESUME), STEP(RELEASE, NO_UNDO)}},
	{"nothing is undone after HIDE",
	 ANY,
	 3,
	 {STEP(HIDE, NO_UNDO), {OWN(0), OWN(1), 1}, STEP(RELEASE, NO_UNDO)}},
	/* kinds */
	{"not one of a step",
	 ANY,
	 3,
	 {STEP(UNWARN, NO_UNDO), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"not one of a step",
	 ANY,
	 3,
	 {STEP(RESUME, NO_UNDO), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"not one of a step",
	 ANY,
	 3,
	 {STEP(HIDE, NO_UNDO), STEP(OUTCOME, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"not one of a step",
	 ANY,
	 3,
	 {STEP(ANNOUNCE, NO_UNDO), STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"not one of a step", ANY, 3, {{0, 0, 1}, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"not one of a step",
	 ANY,
	 3,
	 {{VDEV_CANCEL, 0, 1}, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"not one of a step",
	 ANY,
	 3,
	 {{UINT32_MAX, 0, 1}, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"not one of a step",
	 ANY,
	 3,
	 {{OWN(32), 0, 1}, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"not one of a step",
	 ANY,
	 3,
	 {{VDEV_REMOVAL_OWN_STEP_FIRST - 1, 0, 1}, STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
	{"17 steps", ANY, 17, {STEP(HIDE, NO_UNDO), STEP(RELEASE, NO_UNDO)}},
};

static void expect_unchanged(struct vt_removal *t, uint32_t level, uint32_t preset_count)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];

	assert_int_equal(vdev_removal_get_actions(t->r, VDEV_REMOVAL_CPU, level, steps),
			 preset_count);
}

static void check_row(struct vt_removal *t, const struct row *row)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	int preset = vdev_removal_get_actions(t->r, VDEV_REMOVAL_CPU, row->level, steps);
	int ret = vdev_removal_set_actions(t->r, VDEV_REMOVAL_CPU, row->level, row->steps,
					   row->count);

	if (!row->why) {
		assert_int_equal(ret, 0);
		expect_unchanged(t, row->level, row->count);
		vdev_removal_get_actions(t->r, VDEV_REMOVAL_CPU, row->level, steps);
		assert_memory_equal(steps, row->steps, row->count * sizeof(steps[0]));
		ret = vdev_removal_set_actions(t->r, VDEV_REMOVAL_CPU, row->level, NULL, 0);
		assert_int_equal(ret, 0);
	} else {
		assert_int_equal(ret, -EINVAL);
		if (!strstr(t->v.log, row->why))
			fail_msg("row %td: the log does not say \"%s\" but: %s", row - rows,
				 row->why, t->v.log);
	}
	expect_unchanged(t, row->level, (uint32_t)preset);
}

static void r5_validation(void **state)
{
	struct vt_removal *t = *state;

	for (uint32_t i = 0; i < VT_COUNT(rows); i++) {
		t->v.log[0] = 0;
		check_row(t, &rows[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r5_validation),
	};

	return cmocka_run_group_tests_name("removal_validation", tests, NULL, NULL);
}
