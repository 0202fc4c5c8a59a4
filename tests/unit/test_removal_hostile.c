/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removal engine: what an image says that fits together and yet no run leads to. It is taken, and has
 * to end well: nothing is freed too early, nothing told that was not asked for, nobody waits for ever.
 */
#include "test_removal_forge.h"

/* Its announcement is still under way while its slot is being emptied: the handle waits for that. */
static void an_outcome_waits_for_the_units_own_note(void **state)
{
	struct vt_removal *t = *state;
	uint64_t announce;
	struct image i;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	save(t, &i);
	announce = UINT64_C(1) << VDEV__TABLE_INDEX_BITS | index_of(t, 'a');
	set(t, &i, 'a', ACTION, announce);
	set(t, &i, 'a', FLAGS, A_AGAIN | A_NOTE | U_REQUESTED);
	set(t, &i, 'a', NOTES, N_ANNOUNCE);
	set(t, &i, 'a', NOTE, 16);
	adopt(t, &i);
	t->ids[t->id_count++] = announce;
	vt_script(t, VDEV_REMOVAL_ANNOUNCE, 'a', VT_LATER);
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0),
		  "ANNOUNCE:aA HIDE:aL ACKED:a TEARDOWN:a RELEASE:a");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_LEAVING);
	vt_expect(t, vt_done(t, 'a', 0), "REMOVED:aFG");
}

static void nobody_is_told_what_nobody_asked_for(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

	vt_slot_with_card(t, VDEV_REMOVAL_UNSAFE);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:s REQUESTED:a");
	save(t, &i);
	set(t, &i, 's', NOTES, 1u << VDEV_REMOVAL_BUSY);
	set(t, &i, 'a', FLAGS, 0);
	adopt(t, &i);
	vt_expect(t, 0, "");
	vt_expect(t, vt_registers(t, 's', VT_OFF, 0), "HIDE:aL TEARDOWN:a RELEASE:a REMOVED:aFG");
}

/* Given up for no reason: the undo is done, and there is no outcome to tell. */
static void an_undo_without_an_outcome(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a");
	save(t, &i);
	set(t, &i, 'a', PHASE, UNDO);
	adopt(t, &i);
	vt_expect(t, 0, "RESUME:aA");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_PRESENT);
	vt_expect(t, vt_request(t, 'a', 0), "QUIESCE:a HIDE:aL TEARDOWN:a RELEASE:a REMOVED:aFG");
}

/* The set that was left had no warning, so none is taken back. */
static void a_set_without_a_warning_was_left(void **state)
{
	struct vt_removal *t = *state;
	struct image i;

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_expect(t, vt_request(t, 'a', 0), "WARN:a REQUESTED:a");
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', VT_LATER);
	vt_expect(t, vt_level(t, 'a', VDEV_REMOVAL_SAFE_IDLE), "QUIESCE:a");
	save(t, &i);
	set(t, &i, 'a', FROM_SET, VDEV_REMOVAL_SAFE);
	adopt(t, &i);
	vt_script(t, VDEV_REMOVAL_QUIESCE, 'a', -EIO);
	vt_expect(t, 0, "QUIESCE:aA RESUME:a ROLLED_BACK:aF(QUIESCE,-5)");
}

/* The last handle that an index can have: given back is what has a new one, so it stays hidden. */
static void no_handle_is_left_to_give_back(void **state)
{
	struct vt_removal *t = *state;
	struct image i;
	uint64_t last;

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_expect(t, vt_ack(t, 'a'), "HIDE:aL");
	save(t, &i);
	last = t->h['a'] | UINT64_MAX << VDEV__TABLE_INDEX_BITS;
	put_le(&i, find64(&i, t->h['a']), last, 8);
	t->h['a'] = last;
	adopt(t, &i);
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_HIDDEN);
	assert_int_equal(vdev_removal_reset_begin(t->r, t->now), 0);
	vt_expect(t, vdev_removal_reset_end(t->r, t->now), "");
	assert_int_equal(vt_info(t, 'a').state, VDEV_REMOVAL_HIDDEN);
	vt_expect(t, vt_request(t, 'a', 0), "HIDE:aL TEARDOWN:a RELEASE:a REMOVED:aFG");
}

/* Sets of three classes: memory may run out for each of them. */
static int load_scenario(struct vt_env *v, void *arg)
{
	const struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = 1};
	const struct image *i = arg;
	struct vdev_removal *r = NULL;
	int ret = vdev_removal_load(&v->env, &config, 0, i->bytes, i->size, &r);

	assert_true(ret ? r == NULL : r != NULL);
	vdev_removal_free(r);
	return ret;
}

static void no_memory_for_one_of_the_sets(void **state)
{
	static const struct vdev_removal_step steps[] = {
		{VDEV_REMOVAL_HIDE, VDEV_REMOVAL_NO_UNDO, VT_SEC},
		{VDEV_REMOVAL_RELEASE, VDEV_REMOVAL_NO_UNDO, VT_SEC}};
	struct vt_removal *t = *state;
	struct image with, without;

	save(t, &without);
	for (uint32_t c = 0; c < 3; c++)
		assert_int_equal(vdev_removal_set_actions(t->r, c, VDEV_REMOVAL_SAFE, steps, 2), 0);
	save(t, &with);
	assert_int_equal(vt_oom(load_scenario, &with), vt_oom(load_scenario, &without) + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_outcome_waits_for_the_units_own_note),
		TEST(nobody_is_told_what_nobody_asked_for),
		TEST(an_undo_without_an_outcome),
		TEST(a_set_without_a_warning_was_left),
		TEST(no_handle_is_left_to_give_back),
		TEST(no_memory_for_one_of_the_sets),
	};

	return cmocka_run_group_tests_name("removal_hostile", tests, NULL, NULL);
}
