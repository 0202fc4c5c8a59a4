/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: plans (M3, M4, M5, M6, M7, M9, M10). Steps are told as text: "CLAIM>0" is CLAIM of device 0 at the
 * destination, "BUSY<1" of device 1 at the source, "COMMIT=" of the whole VM at both ends.
 */
#include "test_migration_rig.h"

static struct vdev_migration_plan *plan_of(struct mg *t, const struct vdev_migration_plan_config *c)
{
	struct vdev_migration_plan *plan = NULL;

	assert_int_equal(vdev_migration_plan_new(&plan, &t->v.env, c, &t->vm, &t->host), 0);
	return plan;
}

static size_t tell(char *text, size_t size, uint32_t kind, uint32_t side, uint32_t device)
{
	static const char sides[] = "?<>=";
	int n = device == UNKNOWN
			? snprintf(text, size, "%s%c ", vdev_migration_step_name(kind), sides[side])
			: snprintf(text, size, "%s%c%u ", vdev_migration_step_name(kind),
				   sides[side], device);

	return (size_t)n;
}

static struct vdev_migration_step step_at(const struct vdev_migration_plan *plan, uint32_t i)
{
	struct vdev_migration_step s;

	assert_int_equal(vdev_migration_plan_step(plan, i, &s, sizeof(s)), 0);
	return s;
}

static const char *steps(struct mg *t, const struct vdev_migration_plan *plan)
{
	struct vdev_migration_plan_info info;
	size_t used = 0;

	t->text[0] = '\0';
	assert_int_equal(vdev_migration_plan_get(plan, &info, sizeof(info)), 0);
	for (uint32_t i = 0; i < info.steps; i++) {
		struct vdev_migration_step s = step_at(plan, i);

		used += tell(t->text + used, sizeof(t->text) - used, s.kind, s.side, s.device);
	}
	return t->text;
}

/* What an executor does when step `failed` fails: undos in reverse order, that of the failed one first. */
static const char *way_back(struct mg *t, const struct vdev_migration_plan *plan, uint32_t failed)
{
	size_t used = 0;

	t->text[0] = '\0';
	for (uint32_t i = failed + 1; i--;) {
		struct vdev_migration_step s = step_at(plan, i);

		if (s.undo)
			used += tell(t->text + used, sizeof(t->text) - used, s.undo, s.side,
				     s.device);
	}
	return t->text;
}

static uint32_t find(const struct vdev_migration_plan *plan, uint32_t kind, uint32_t from)
{
	struct vdev_migration_plan_info info;

	vdev_migration_plan_get(plan, &info, sizeof(info));
	for (uint32_t i = from; i < info.steps; i++)
		if (step_at(plan, i).kind == kind)
			return i;
	return UNKNOWN;
}

/* M3: no quiesce, and nothing is deleted. M10: VFIO's states, peers as a group. */
static void a_live_device(void **state)
{
	struct vdev_migration_plan *plan;
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_function(&t, 8);
	mg_want(&t, 0, UNKNOWN);
	plan = plan_of(&t, NULL);
	assert_string_equal(steps(&t, plan),
			    "VERIFY= CLAIM>0 RESUMING>0 PRE_COPY_STATE<0 COPY_MEMORY= PAUSE< "
			    "STOP_P2P< STOP_COPY_STATE<0 COPY_REST= STOP_STATE>0 VERIFY= COMMIT= "
			    "START>0 UNPAUSE> RELEASE<0 ");
	vdev_migration_plan_free(plan);
	mg_set(&t.here[0], "p2p", "0"); /* no peers */
	plan = plan_of(&t, NULL);
	assert_int_equal(find(plan, VDEV_MIGRATION_STOP_P2P, 0), UNKNOWN);
	vdev_migration_plan_free(plan);
	mg_set(&t.here[0], "p2p", NULL);
	mg_set(&t.there[0], "p2p", NULL);
	plan = plan_of(&t, NULL);
	assert_int_equal(find(plan, VDEV_MIGRATION_STOP_P2P, 0), UNKNOWN);
	vdev_migration_plan_free(plan);
	mg_set(&t.here[0], "pre_copy", "0"); /* all its state while it stands still */
	plan = plan_of(&t, NULL);
	assert_int_equal(find(plan, VDEV_MIGRATION_PRE_COPY_STATE, 0), UNKNOWN);
	assert_int_not_equal(find(plan, VDEV_MIGRATION_STOP_COPY_STATE, 0), UNKNOWN);
	vdev_migration_plan_free(plan);
	mg_end(&t);
}

/* M4: quiesced, deleted, migrated, restored there, in this order. M5, M6, M7: busy is first and last. */
static void a_device_that_is_rebuilt(void **state)
{
	struct vdev_migration_plan_config c = {.struct_size = sizeof(c)};
	struct vdev_migration_plan *plan;
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_set(mg_function(&t, 8), "firmware", "1");
	mg_want(&t, 0, UNKNOWN);
	plan = plan_of(&t, &c);
	assert_string_equal(
		steps(&t, plan),
		"VERIFY= CLAIM>0 BUSY<0 DESCRIBE<0 DELETE<0 COPY_MEMORY= PAUSE< "
		"COPY_REST= RESTORE>0 VERIFY= COMMIT= UNPAUSE> CLEAR_BUSY>0 RELEASE<0 ");
	vdev_migration_plan_free(plan);
	c.flags = VDEV_MIGRATION_QUIESCE_LATE;
	plan = plan_of(&t, &c);
	assert_string_equal(
		steps(&t, plan),
		"VERIFY= CLAIM>0 COPY_MEMORY= BUSY<0 DESCRIBE<0 DELETE<0 PAUSE< "
		"COPY_REST= RESTORE>0 VERIFY= COMMIT= UNPAUSE> CLEAR_BUSY>0 RELEASE<0 ");
	vdev_migration_plan_free(plan);
	mg_end(&t);
}

static void a_device_that_is_emulated(void **state)
{
	struct vdev_migration_plan *plan;
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_want(&t, VDEV_MIGRATION_SOFTWARE, UNKNOWN);
	plan = plan_of(&t, NULL);
	assert_string_equal(steps(&t, plan),
			    "VERIFY= BUSY<0 DESCRIBE<0 DELETE<0 COPY_MEMORY= PAUSE< COPY_REST= "
			    "ATTACH>0 RESTORE>0 VERIFY= COMMIT= UNPAUSE> CLEAR_BUSY>0 RELEASE<0 ");
	vdev_migration_plan_free(plan);
	mg_end(&t);
}

/* One of each kind. */
static void mixed(struct mg *t)
{
	mg_init(t);
	mg_function(t, 8);
	mg_set(mg_function(t, 16), "firmware", "1");
	mg_want(t, 0, UNKNOWN);
	mg_set(mg_want(t, 0, UNKNOWN), "firmware", "2");
	mg_want(t, VDEV_MIGRATION_SOFTWARE | VDEV_MIGRATION_NO_REBUILD, UNKNOWN);
}

/*
 * M9: whatever fails before the point of no return, the source is put back, with all its devices. kubevirt PR #5922 and
 * #6581: VFs were unplugged for a migration that was aborted, and the VM was left without its NICs.
 */
static void m9_an_aborted_migration_leaves_all_devices(void **state)
{
	struct vdev_migration_plan_info info;
	struct vdev_migration_plan *plan;
	struct mg t;

	(void)state;
	mixed(&t);
	plan = plan_of(&t, NULL);
	vdev_migration_plan_get(plan, &info, sizeof(info));
	assert_int_equal(info.verdict, VDEV_MIGRATION_EMULATE);
	assert_int_equal(step_at(plan, info.no_return).kind, VDEV_MIGRATION_COMMIT);
	for (uint32_t i = 0; i < info.no_return; i++) {
		struct vdev_migration_step s = step_at(plan, i);

		assert_int_equal(s.flags & VDEV_MIGRATION_POINT_OF_NO_RETURN, 0);
		assert_int_not_equal(s.kind, VDEV_MIGRATION_RELEASE); /* the source keeps them */
		/* What takes something from the guest at the source has an undo. */
		if (s.side == VDEV_MIGRATION_AT_SOURCE && s.kind != VDEV_MIGRATION_DESCRIBE)
			assert_int_not_equal(s.undo, VDEV_MIGRATION_NO_STEP);
	}
	assert_string_equal(way_back(&t, plan, info.no_return - 1),
			    "DELETE>2 DELETE>1 DETACH>2 RUNNING<0 RUNNING< UNPAUSE< STOP_COPYING= "
			    "RESTORE<2 RESTORE<1 CLEAR_BUSY<2 CLEAR_BUSY<1 RUNNING<0 RELEASE>1 "
			    "RELEASE>0 ");
	assert_string_equal(way_back(&t, plan, find(plan, VDEV_MIGRATION_DELETE, 0)),
			    "RESTORE<1 CLEAR_BUSY<2 CLEAR_BUSY<1 RUNNING<0 RELEASE>1 RELEASE>0 ");
	/* After it there is no way back. */
	for (uint32_t i = info.no_return; i < info.steps; i++)
		assert_int_equal(step_at(plan, i).undo, VDEV_MIGRATION_NO_STEP);
	vdev_migration_plan_free(plan);
	mg_end(&t);
}

/*
 * M9: wherever it fails, nothing at the destination is set going that may hold the guest's state: it would be a
 * twin of the guest's device. What was attached or restored there is gone before anything runs at the source again,
 * and each function that was claimed ends with a reset.
 */
static void m9_no_twin_at_the_destination(void **state)
{
	struct vdev_migration_plan_info info;
	struct vdev_migration_plan *plan;
	struct mg t;

	(void)state;
	mixed(&t);
	plan = plan_of(&t, NULL);
	vdev_migration_plan_get(plan, &info, sizeof(info));
	for (uint32_t failed = 0; failed < info.no_return; failed++) {
		uint32_t claimed = 0, running = 0;

		for (uint32_t i = failed + 1; i--;) {
			struct vdev_migration_step s = step_at(plan, i);

			if (s.side == VDEV_MIGRATION_AT_SOURCE) {
				running |= s.undo == VDEV_MIGRATION_UNPAUSE ||
					   s.undo == VDEV_MIGRATION_RUNNING;
				continue;
			}
			assert_int_not_equal(s.undo, VDEV_MIGRATION_RUNNING);
			assert_int_not_equal(s.undo, VDEV_MIGRATION_START);
			assert_int_not_equal(s.undo, VDEV_MIGRATION_UNPAUSE);
			if (s.undo == VDEV_MIGRATION_DELETE || s.undo == VDEV_MIGRATION_DETACH)
				assert_int_equal(running, 0);
			if (s.kind == VDEV_MIGRATION_CLAIM) {
				assert_int_equal(s.undo, VDEV_MIGRATION_RELEASE);
				claimed |= 1u << s.device;
			}
			if (s.kind == VDEV_MIGRATION_RESUMING) /* its reset is still to come */
				assert_int_equal(claimed >> s.device & 1, 0);
		}
		assert_int_equal(claimed, failed >= 2 ? 3 : failed); /* all of them that were */
	}
	vdev_migration_plan_free(plan);
	mg_end(&t);
}

/* M9: verified before any RAM moves, and again as the last thing before commit. M7: busy clears after RESTORE. */
static void order_of_what_matters(void **state)
{
	struct vdev_migration_plan_info info;
	struct vdev_migration_plan *plan;
	struct mg t;
	uint32_t first;

	(void)state;
	mixed(&t);
	plan = plan_of(&t, NULL);
	vdev_migration_plan_get(plan, &info, sizeof(info));
	first = find(plan, VDEV_MIGRATION_VERIFY, 0);
	assert_int_equal(first, 0);
	assert_int_equal(find(plan, VDEV_MIGRATION_VERIFY, 1), info.no_return - 1);
	assert_true(find(plan, VDEV_MIGRATION_CLEAR_BUSY, 0) > info.no_return);
	for (uint32_t i = 0; i < info.steps; i++) {
		struct vdev_migration_step s = step_at(plan, i);
		int dark = i >= find(plan, VDEV_MIGRATION_PAUSE, 0) &&
			   i <= find(plan, VDEV_MIGRATION_UNPAUSE, 0);

		assert_int_equal((s.flags & VDEV_MIGRATION_BLACKOUT) != 0, dark);
		assert_true(s.deadline_ns > 0 && s.deadline_ns <= UINT64_C(600000000000));
		if (s.device == 0) /* M3 */
			assert_true(s.kind != VDEV_MIGRATION_BUSY &&
				    s.kind != VDEV_MIGRATION_DELETE);
	}
	vdev_migration_plan_free(plan);
	mg_end(&t);
}

static void deadlines(void **state)
{
	struct vdev_migration_plan_config c = {.struct_size = sizeof(c)};
	struct vdev_migration_plan_info info;
	struct vdev_migration_plan *plan;
	struct mg t;

	(void)state;
	mg_init(&t);
	c.deadline_ns[VDEV_MIGRATION_PAUSE] = 7;
	plan = plan_of(&t, &c);
	assert_string_equal(steps(&t, plan),
			    "VERIFY= COPY_MEMORY= PAUSE< COPY_REST= VERIFY= COMMIT= UNPAUSE> ");
	assert_int_equal(step_at(plan, 2).deadline_ns, 7);
	vdev_migration_plan_get(plan, &info, sizeof(info));
	assert_int_equal(info.blackout_ns, UINT64_C(8000000007));
	assert_int_equal(info.verdict, VDEV_MIGRATION_LIVE);
	vdev_migration_plan_free(plan);
	for (uint32_t i = 0; i < VDEV_MIGRATION_STEPS; i++)
		c.deadline_ns[i] = UINT64_C(1) << 62;
	plan = plan_of(&t, &c);
	vdev_migration_plan_get(plan, &info, sizeof(info));
	assert_int_equal(info.blackout_ns, UINT64_MAX); /* for ever, not a little */
	vdev_migration_plan_free(plan);
	mg_end(&t);
}

/* M8: a plan that refuses has reasons and no steps. */
static void a_plan_that_refuses(void **state)
{
	const struct vdev_migration_device *source, *destination;
	struct vdev_migration_difference d;
	struct vdev_migration_plan_info info;
	struct vdev_migration_place place;
	struct vdev_migration_plan *plan;
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_set(mg_function(&t, 8), "firmware", "1");
	mg_want(&t, VDEV_MIGRATION_NO_REBUILD, UNKNOWN);
	mg_set(mg_want(&t, 0, UNKNOWN), "class", "0x010802");
	plan = plan_of(&t, NULL);
	vdev_migration_plan_get(plan, &info, sizeof(info));
	assert_int_equal(info.verdict, VDEV_MIGRATION_REFUSE);
	assert_int_equal(info.steps, 0);
	assert_int_equal(info.no_return, UNKNOWN);
	assert_int_equal(
		vdev_migration_plan_device(plan, 0, &place, sizeof(place), &source, &destination),
		1);
	assert_int_equal(place.reason, VDEV_MIGRATION_DIFFERS);
	assert_string_equal(source->firmware, "28.41.1000");
	assert_string_equal(destination->firmware, "1");
	assert_int_equal(vdev_migration_plan_difference(plan, 0, 0, &d, sizeof(d)), 0);
	assert_int_equal(d.field, VDEV_MIGRATION_F_FIRMWARE);
	assert_int_equal(d.verdict, VDEV_MIGRATION_QUIESCE_REBUILD);
	assert_int_equal(vdev_migration_plan_difference(plan, 0, 1, &d, sizeof(d)), -ENOENT);
	assert_int_equal(
		vdev_migration_plan_device(plan, 1, &place, sizeof(place), NULL, &destination), 0);
	assert_int_equal(place.reason, VDEV_MIGRATION_NOTHING);
	assert_null(destination);
	assert_int_equal(vdev_migration_plan_device(plan, 2, &place, sizeof(place), NULL, NULL),
			 -ENOENT);
	vdev_migration_plan_free(plan);
	mg_end(&t);
}

/* The plan's own rules decide. */
static void own_rules(void **state)
{
	struct vdev_migration_plan_config c = {.struct_size = sizeof(c)};
	struct vdev_migration_rules *rules = mg_rules("psid exact QUIESCE_REBUILD");
	struct vdev_migration_plan_info info;
	struct vdev_migration_plan *plan;
	struct mg t;

	(void)state;
	mg_init(&t);
	mg_set(mg_function(&t, 8), "firmware", "1");
	mg_want(&t, 0, UNKNOWN);
	c.rules = rules;
	plan = plan_of(&t, &c);
	vdev_migration_rules_free(rules); /* were copied */
	vdev_migration_plan_get(plan, &info, sizeof(info));
	assert_int_equal(info.verdict, VDEV_MIGRATION_LIVE);
	vdev_migration_plan_free(plan);
	mg_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_live_device),
		cmocka_unit_test(a_device_that_is_rebuilt),
		cmocka_unit_test(a_device_that_is_emulated),
		cmocka_unit_test(m9_an_aborted_migration_leaves_all_devices),
		cmocka_unit_test(m9_no_twin_at_the_destination),
		cmocka_unit_test(order_of_what_matters),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(a_plan_that_refuses),
		cmocka_unit_test(own_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
