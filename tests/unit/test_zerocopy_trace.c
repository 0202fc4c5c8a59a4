/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy engine: what is told to the trace hook, of whom, and in which order. */
#include "test_zerocopy_rig.h"

#define EVENTS 64u

static struct vdev_trace events[EVENTS];
static uint32_t count;

static void trace(void *user, const struct vdev_trace *event)
{
	(void)user;
	assert_true(count < EVENTS);
	events[count++] = *event;
}

/* Saving and loading is the simplest way to an engine that has a hook. */
static int traced_setup(void **state)
{
	int err = setup(state);

	rig.v.env.trace = trace;
	err = err ? err : vz_reload(&rig, rig.now, 0);
	count = 0;
	return err;
}

/* What was traced since the last look, one word each; all of it is of this part, and now. */
static const char *seen(struct vt_zerocopy *t)
{
	static char text[2048];
	size_t used = 0;

	text[0] = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct vdev_trace *e = &events[i];
		const char *name = e->what == VDEV_TRACE_EVENT ? vdev_zerocopy_event_name(e->kind)
							       : vdev_zerocopy_kind_name(e->kind);

		assert_int_equal(e->part, VDEV_PART_ZEROCOPY);
		assert_int_equal(e->now_ns, t->now);
		if (e->dev)
			assert_int_equal(t->block[e->user_data].id, e->dev);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%c", i ? " " : "",
					 e->what == VDEV_TRACE_DONE ? "done" : name,
					 e->dev ? (char)e->user_data : '-');
	}
	count = 0;
	return text;
}

static void one_block_from_time_out_to_release(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_string_equal(seen(t), ""); /* the hot path is not traced */
	vz_pass(t, VZ_TIMEOUT);
	assert_string_equal(seen(t), "EXPIRE:a");
	vz_drain(t);
	assert_string_equal(seen(t), "OFFLINE:a done:a ACCESSIBLE:a done:a");
	vz_late(t, 'a', TASK);
	assert_string_equal(seen(t), "LATE:a");
	vz_drain(t);
	assert_string_equal(seen(t), "RELEASE:a done:a");
}

static void status_and_what_it_says(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'a', -EIO);
	vz_reclaim(t, 'a', 0);
	vz_drain(t);
	assert_int_equal(events[1].what, VDEV_TRACE_ACTION);
	assert_int_equal(events[1].arg, vz_block(t, 'a')->address);
	assert_int_equal(events[2].what, VDEV_TRACE_DONE);
	assert_int_equal((int64_t)events[2].arg, -EIO);
	assert_int_equal(events[2].id, events[1].id);
	assert_string_equal(seen(t), "RECLAIM:a OFFLINE:a done:a REFUSED:a done:a");
}

static void offline_that_takes_too_long(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 'a', VZ_LATER);
	vz_reclaim(t, 'a', 0);
	vz_drain(t);
	assert_string_equal(seen(t), "RECLAIM:a OFFLINE:a");
	vz_pass(t, 5 * VZ_SEC);
	assert_int_equal(events[0].arg, VDEV_ZEROCOPY_OFFLINE);
	assert_string_equal(seen(t), "TIMEOUT:a");
	vz_drain(t);
	assert_string_equal(seen(t), "CANCEL:a done:a");
}

static void the_whole_vm(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	assert_int_equal(events[0].arg, VDEV_ZEROCOPY_WHOLE);
	assert_string_equal(seen(t), "RECLAIM_ALL:- RECLAIM:a");
	vz_drain(t);
	assert_string_equal(seen(t), "OFFLINE:- done:- ACCESSIBLE:a done:a");
}

static void a_reset(void **state)
{
	struct vt_zerocopy *t = *state;

	lend(t, 'a');
	assert_int_equal(vdev_zerocopy_reset_begin(t->z, t->now, 0, 0), 1);
	assert_string_equal(seen(t), "RESET_BEGIN:- RECLAIM:a");
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), -EAGAIN);
	assert_string_equal(seen(t), "");
	vz_drain(t);
	seen(t);
	assert_int_equal(vdev_zerocopy_reset_end(t->z, t->now), 0);
	assert_string_equal(seen(t), "RESET_END:-");
}

/* The whole VM cannot be taken out; that is still to be told when the memory was copied elsewhere. */
static void refused_whole_vm_that_was_copied(void **state)
{
	struct vt_zerocopy *t = *state;

	vz_script(t, VDEV_ZEROCOPY_OFFLINE, 0, -EIO);
	vz_script(t, VDEV_ZEROCOPY_REFUSED, 0, VZ_LATER);
	vdev_zerocopy_reclaim_all(t->z, t->now, NULL, 0, VDEV_ZEROCOPY_WHOLE);
	assert_string_equal(vz_drain(t), "OFFLINE:-W REFUSED:-W(-5)");
	assert_string_equal(seen(t), "RECLAIM_ALL:- OFFLINE:- done:- REFUSED:-");
	assert_int_equal(vz_reload(t, 5 * VZ_SEC, VDEV_ZEROCOPY_COPIED_MEMORY), 0);
	assert_string_equal(vz_drain(t), "REFUSED:-WA(-5)");
	assert_string_equal(seen(t), "REFUSED:- done:-");
	expect_nothing(t);
}

#define TRACED(name) cmocka_unit_test_setup_teardown(name, traced_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRACED(one_block_from_time_out_to_release),
		TRACED(status_and_what_it_says),
		TRACED(offline_that_takes_too_long),
		TRACED(the_whole_vm),
		TRACED(a_reset),
		TRACED(refused_whole_vm_that_was_copied),
	};

	return cmocka_run_group_tests_name("zerocopy_trace", tests, NULL, NULL);
}
