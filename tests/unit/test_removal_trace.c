/* SPDX-License-Identifier: BSD-3-Clause */
/* Removal engine: the timeline that the trace hook sees: each event, each action, each end. */
#include "test_removal_rig.h"

#if defined(VDEV_TRACE) && VDEV_TRACE

static struct {
	char text[2048];
	uint64_t last_ns;
	uint32_t wrong;
} seen;

static const char *name_of(const struct vdev_trace *t)
{
	switch (t->what) {
	case VDEV_TRACE_EVENT:
		return vdev_removal_event_name(t->kind);
	case VDEV_TRACE_ACTION:
		return vdev_removal_kind_name(t->kind);
	default:
		return "done";
	}
}

/* "EVENT:a", "+KIND:a" for an action, "-done:a" for its end. */
static void see(void *user, const struct vdev_trace *t)
{
	size_t used = strlen(seen.text);

	(void)user;
	seen.wrong += t->part != VDEV_PART_REMOVAL || t->now_ns < seen.last_ns;
	seen.wrong += (t->id != 0) != (t->what != VDEV_TRACE_EVENT);
	seen.last_ns = t->now_ns;
	snprintf(seen.text + used, sizeof(seen.text) - used, "%s%s%s:%c", used ? " " : "",
		 t->what == VDEV_TRACE_ACTION ? "+"
		 : t->what == VDEV_TRACE_DONE ? "-"
					      : "",
		 name_of(t), t->dev ? (int)t->user_data : '-');
}

static struct vt_removal *traced(void **state, uint32_t flags)
{
	struct vt_removal *t = *state;
	const struct vdev_removal_config c = {
		.struct_size = sizeof(c), .max_units = 100, .flags = flags};

	assert_int_equal(vt_removal_end(t), 0);
	memset(t, 0, sizeof(*t));
	memset(&seen, 0, sizeof(seen));
	vt_env_init(&t->v);
	t->v.env.trace = see;
	t->config = c;
	t->now = 1000 * VT_SEC;
	assert_int_equal(vdev_removal_new(&t->r, &t->v.env, &c), 0);
	return t;
}

#define SEEN(wanted)                                    \
	do {                                            \
		assert_string_equal(seen.text, wanted); \
		assert_int_equal(seen.wrong, 0);        \
		seen.text[0] = 0;                       \
	} while (0)

static void timeline_of_a_removal(void **state)
{
	struct vt_removal *t = traced(state, VDEV_REMOVAL_COARSE);

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_level(t, 'a', VDEV_REMOVAL_UNSAFE);
	vt_request(t, 'a', 0);
	SEEN("ADD:a DECLARE:a REQUEST:a");
	vt_drain(t);
	SEEN("+WARN:a -done:a +OUTCOME:a -done:a");
	vdev_removal_progress(t->r, t->now, t->h['a']);
	vt_ack(t, 'a');
	t->stop_after = 1;
	vt_drain(t);
	SEEN("PROGRESS:a ACK:a +HIDE:a -done:a");
}

static void each_event_has_its_kind(void **state)
{
	struct vt_removal *t = traced(state, 0);

	vt_slot(t, 's', VDEV_REMOVAL_PCIE, 0);
	vt_child(t, 'a', 's', VDEV_REMOVAL_PCI_FUNCTION, 0);
	SEEN("ADD:s ADD:a");
	vt_registers(t, 's', VT_ON, 0);
	vdev_removal_forget(t->r, t->now, 0);
	vdev_removal_touch(t->r, t->h['a']);
	vdev_removal_backend_gone(t->r, t->h['a']);
	SEEN("SLOT:s FORGET:- TOUCH:a BACKEND_GONE:a");
	vdev_removal_ready(t->r, t->now, 0, 1);
	vdev_removal_pause(t->r, t->now);
	vdev_removal_resume(t->r, t->now);
	vdev_removal_hold(t->r, t->now);
	vdev_removal_unhold(t->r, t->now);
	SEEN("READY:- PAUSE:- RESUME:- HOLD:- UNHOLD:-");
	vdev_removal_reset_begin(t->r, t->now);
	vdev_removal_reset_end(t->r, t->now);
	SEEN("RESET_BEGIN:- RESET_END:-");
}

static void answers_and_time(void **state)
{
	struct vt_removal *t = traced(state, 0);

	vt_alone(t, 'a', VDEV_REMOVAL_PVDEV);
	vt_ready(t, 'a', 1);
	vt_request(t, 'a', 0);
	vt_drain(t);
	seen.text[0] = 0;
	vt_cancel(t, 'a');
	vt_drain(t);
	SEEN("CANCEL:a +UNWARN:a -done:a +OUTCOME:a -done:a");
	vt_request(t, 'a', 0);
	vt_drain(t);
	seen.text[0] = 0;
	vt_pass(t, 60 * VT_SEC);
	SEEN("TIMEOUT:a");
	vt_drain(t);
	vt_request(t, 'a', 0);
	vt_drain(t);
	seen.text[0] = 0;
	vt_refuse(t, 'a', 1);
	SEEN("REFUSE:a");
}

/* A trace without an event would be as wrong as an event without a trace. */
static void refused_calls_leave_no_trace(void **state)
{
	struct vt_removal *t = traced(state, 0);

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	seen.text[0] = 0;
	vt_level(t, 'a', 99);
	vt_cancel(t, 'a');
	vt_refuse(t, 'a', 1);
	vt_registers(t, 'a', 0, 0);
	vdev_removal_unhold(t->r, t->now);
	vdev_removal_reset_end(t->r, t->now);
	vdev_removal_touch(t->r, 12345);
	SEEN("");
}

static void actions_are_traced_as_they_are_given(void **state)
{
	struct vt_removal *t = traced(state, VDEV_REMOVAL_COARSE);

	vt_alone(t, 'a', VDEV_REMOVAL_ACPI);
	vt_request(t, 'a', VDEV_REMOVAL_FORCE);
	vt_drain(t);
	SEEN("ADD:a REQUEST:a +HIDE:a -done:a +TEARDOWN:a -done:a +RELEASE:a -done:a +OUTCOME:a "
	     "-done:a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timeline_of_a_removal),
		TEST(each_event_has_its_kind),
		TEST(answers_and_time),
		TEST(refused_calls_leave_no_trace),
		TEST(actions_are_traced_as_they_are_given),
	};

	return cmocka_run_group_tests_name("removal_trace", tests, NULL, NULL);
}

#else

int main(void)
{
	fprintf(stderr, "skipped: built without the trace hook (-Dtrace=false)\n");
	return 77;
}

#endif
