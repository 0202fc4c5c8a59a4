/* SPDX-License-Identifier: BSD-3-Clause */
/* Hooks of other engines run once for each device, between HIDE and its first teardown deed. */
#include "test_runtime_rig.h"

struct hook {
	struct rig *rig;
	uint32_t order;
};

static int on_hook(void *user, uint64_t dev, uint64_t user_data)
{
	struct hook *h = user;
	struct vdev_action a = {.dev = dev, .user_data = user_data};

	rig_note(h->rig, HOOK_NOTE + h->order, &a);
	return h->order == VDEV_RUNTIME_ZEROCOPY ? h->rig->hook_answer : 0;
}

static struct hook *set_hooks(struct rig *r)
{
	static struct hook hooks[VDEV_RUNTIME_HOOKS];
	/* The order of setting is not the order of running. */
	static const uint32_t orders[] = {VDEV_RUNTIME_IRQHINT, VDEV_RUNTIME_MAILBOX,
					  VDEV_RUNTIME_DMASHADOW, VDEV_RUNTIME_ZEROCOPY};
	uint32_t i;

	for (i = 0; i < VT_COUNT(orders); i++) {
		hooks[orders[i]] = (struct hook){r, orders[i]};
		assert_int_equal(
			vdev_runtime_set_hook(r->rt, orders[i], on_hook, &hooks[orders[i]]), 0);
	}
	return hooks;
}

/* Index of the first note of `who` about `dev` with `kind`; NOTES: none. */
static uint32_t at(struct rig *r, uint32_t who, uint32_t kind, uint64_t dev)
{
	uint32_t i;

	for (i = 0; i < atomic_load(&r->count); i++)
		if (r->notes[i].who == who && r->notes[i].kind == kind && r->notes[i].dev == dev)
			return i;
	return NOTES;
}

static uint32_t hook_runs(struct rig *r, uint64_t dev)
{
	uint32_t i, runs = 0;

	for (i = 0; i < atomic_load(&r->count); i++)
		runs += r->notes[i].who >= HOOK_NOTE && r->notes[i].dev == dev;
	return runs;
}

/* All four in order, right before the note `next` of the device. */
static void expect_hooks_before(struct rig *r, uint64_t dev, uint32_t next)
{
	uint32_t i;

	assert_true(next >= 4 && next < NOTES);
	for (i = 0; i < 4; i++) {
		assert_int_equal(r->notes[next - 4 + i].who, HOOK_NOTE + i);
		assert_int_equal(r->notes[next - 4 + i].dev, dev);
	}
	assert_int_equal(hook_runs(r, dev), 4);
	assert_true(at(r, 0, VDEV_REMOVAL_HIDE, dev) < next - 4);
}

static void between_hide_and_teardown(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	set_hooks(r);
	rig_request(r, unit, 0);
	vdev_runtime_dispatch(r->rt);
	expect_hooks_before(r, unit, at(r, 0, VDEV_REMOVAL_DRAIN, unit));
	assert_int_equal(r->notes[at(r, 0, VDEV_REMOVAL_DRAIN, unit) - 1].action.user_data, 0xd0);
	assert_int_equal(rig_stats(r).hook_failed, 0);
}

/* The functions of a slot: all are hidden first, then each has its own hooks. */
static void each_function_of_a_slot(void **state)
{
	struct rig *r = *state;
	uint64_t slot = rig_add_below(r, 0, VDEV_REMOVAL_PCI_SLOT, 0);
	uint64_t f0 = rig_add_below(r, slot, VDEV_REMOVAL_PCI_FUNCTION, 0);
	uint64_t f1 = rig_add_below(r, slot, VDEV_REMOVAL_PCI_FUNCTION, 1);

	set_hooks(r);
	rig_request(r, f0, VDEV_REMOVAL_FORCE);
	vdev_runtime_dispatch(r->rt);
	expect_hooks_before(r, f1, at(r, 0, VDEV_REMOVAL_DRAIN, f1));
	expect_hooks_before(r, f0, at(r, 0, VDEV_REMOVAL_DRAIN, f0));
	assert_true(at(r, 0, VDEV_REMOVAL_HIDE, f0) < at(r, 0, VDEV_REMOVAL_DRAIN, f1));
}

static void failing_hook_stops_nothing(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	set_hooks(r);
	r->hook_answer = -EIO;
	rig_request(r, unit, 0);
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(hook_runs(r, unit), 4);
	assert_int_equal(rig_stats(r).hook_failed, 1);
	assert_int_equal(rig_stats(r).failed, 0);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
	assert_non_null(strstr(r->v.log, "hook zerocopy failed with -5"));
}

static void hook_taken_away(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	set_hooks(r);
	assert_int_equal(vdev_runtime_set_hook(r->rt, VDEV_RUNTIME_MAILBOX, NULL, NULL), 0);
	rig_request(r, unit, 0);
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(hook_runs(r, unit), 3);
	assert_int_equal(vdev_runtime_set_hook(r->rt, VDEV_RUNTIME_HOOKS, on_hook, NULL), -EINVAL);
	assert_int_equal(vdev_runtime_set_hook(NULL, 0, on_hook, NULL), -EINVAL);
}

static void set_steps(struct rig *r, const uint32_t *kinds, uint32_t count)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	uint32_t i;

	for (i = 0; i < count; i++)
		steps[i] = (struct vdev_removal_step){.kind = kinds[i], .deadline_ns = 1000000000};
	assert_int_equal(vdev_removal_set_actions(r->removal, VDEV_REMOVAL_PCI_FUNCTION,
						  VDEV_REMOVAL_SAFE, steps, count),
			 0);
}

/* A step of the VMM's own is a teardown deed after HIDE, and none before. */
static void own_steps(void **state)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_OWN_STEP_FIRST, VDEV_REMOVAL_HIDE,
					 VDEV_REMOVAL_OWN_STEP_LAST, VDEV_REMOVAL_TEARDOWN,
					 VDEV_REMOVAL_RELEASE};
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	set_hooks(r);
	set_steps(r, kinds, VT_COUNT(kinds));
	rig_request(r, unit, 0);
	vdev_runtime_dispatch(r->rt);
	rig_expect(r, 0, kinds, VT_COUNT(kinds));
	expect_hooks_before(r, unit, at(r, 0, VDEV_REMOVAL_OWN_STEP_LAST, unit));
}

/* The shortest set: even RELEASE alone is preceded by them. */
static void release_alone(void **state)
{
	static const uint32_t kinds[] = {VDEV_REMOVAL_HIDE, VDEV_REMOVAL_RELEASE};
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	set_hooks(r);
	set_steps(r, kinds, VT_COUNT(kinds));
	rig_request(r, unit, 0);
	vdev_runtime_dispatch(r->rt);
	expect_hooks_before(r, unit, at(r, 0, VDEV_REMOVAL_RELEASE, unit));
}

/* Hidden because the guest ejected it unasked, then given back: nothing was torn down, no hook. */
static void given_back(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r), again;
	const struct note *n;

	set_hooks(r);
	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	assert_true(vdev_removal_ack(r->removal, vdev_runtime_now(r->rt), unit) > 0);
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	vdev_runtime_dispatch(r->rt);
	assert_true(at(r, 0, VDEV_REMOVAL_HIDE, unit) < NOTES);
	assert_int_equal(hook_runs(r, unit), 0);
	assert_int_equal(vdev_runtime_lock(r->rt), 0);
	vdev_removal_reset_begin(r->removal, vdev_runtime_now(r->rt));
	vdev_removal_reset_end(r->removal, vdev_runtime_now(r->rt));
	assert_int_equal(vdev_runtime_unlock(r->rt), 0);
	vdev_runtime_dispatch(r->rt);
	n = rig_find(r, VDEV_REMOVAL_REANNOUNCE);
	assert_non_null(n);
	again = n->dev;
	assert_int_equal(n->action.arg[2], unit);
	assert_int_not_equal(again, unit);
	rig_request(r, again, VDEV_REMOVAL_FORCE);
	vdev_runtime_dispatch(r->rt);
	expect_hooks_before(r, again, at(r, 0, VDEV_REMOVAL_DRAIN, again));
	assert_int_equal(hook_runs(r, unit), 0);
}

/* After a load the runtime does not know what was hidden: the next deed shows that it was. */
static void after_a_load(void **state)
{
	const struct vdev_removal_config config = {.struct_size = sizeof(config), .max_units = 64};
	struct rig *r = *state;
	struct vdev_removal *loaded;
	uint64_t unit = rig_add(r), id;
	uint8_t image[4096];
	size_t size;

	set_hooks(r);
	r->parts[0].kind = VDEV_REMOVAL_DRAIN;
	r->parts[0].answer = VDEV_BACKEND_LATER;
	rig_request(r, unit, 0);
	vdev_runtime_dispatch(r->rt);
	id = rig_find(r, VDEV_REMOVAL_DRAIN)->action.id;
	assert_int_equal(
		vdev_removal_save(r->removal, vdev_runtime_now(r->rt), image, sizeof(image), &size),
		0);
	vdev_runtime_complete(r->rt, id, 0);
	vdev_runtime_dispatch(r->rt);
	assert_int_equal(vdev_runtime_set_removal(r->rt, NULL), 0);
	assert_int_equal(
		vdev_removal_load(NULL, &config, vdev_runtime_now(r->rt), image, size, &loaded), 0);
	assert_int_equal(vdev_runtime_set_removal(r->rt, loaded), 0);
	atomic_store(&r->count, 0);
	r->parts[0].answer = 0;
	vdev_runtime_dispatch(r->rt);
	assert_null(rig_find(r, VDEV_REMOVAL_HIDE));
	assert_int_equal(hook_runs(r, unit), 4);
	assert_int_equal(at(r, 0, VDEV_REMOVAL_DRAIN, unit), 4);
	assert_int_equal(rig_find(r, VDEV_REMOVAL_DRAIN)->action.id, id);
	assert_true(rig_find(r, VDEV_REMOVAL_DRAIN)->action.flags & VDEV_REMOVAL_AGAIN);
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
	vdev_removal_free(r->removal);
	r->removal = loaded;
}

/* Out of memory: perhaps more often than once, never not at all. */
static void without_memory(void **state)
{
	struct rig *r = *state;
	uint64_t unit = rig_add(r);

	set_hooks(r);
	vt_env_fail_next(&r->v, UINT64_MAX);
	rig_request(r, unit, 0);
	assert_int_equal(vdev_runtime_dispatch(r->rt), 9);
	assert_true(r->v.failed > 0);
	assert_true(hook_runs(r, unit) >= 4);
	assert_true(at(r, HOOK_NOTE, 0, unit) > at(r, 0, VDEV_REMOVAL_HIDE, unit));
	assert_true(at(r, HOOK_NOTE + 3, 0, unit) < at(r, 0, VDEV_REMOVAL_DRAIN, unit));
	assert_non_null(strstr(r->v.log, "may run more than once"));
	assert_int_equal(rig_outcome(r), VDEV_REMOVAL_REMOVED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(between_hide_and_teardown),
		T(each_function_of_a_slot),
		T(failing_hook_stops_nothing),
		T(hook_taken_away),
		T(own_steps),
		T(release_alone),
		T(given_back),
		T(after_a_load),
		T(without_memory),
	};

	return cmocka_run_group_tests_name("runtime_hooks", tests, NULL, NULL);
}
