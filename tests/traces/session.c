/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Playing a session: time, what the engine gives out, and what the mock makes of it.
 *
 * A reload is a new process: the engine is saved and loaded under another clock, an action that was
 * in hand is forgotten, and what was outstanding must come out again, the same. The mock stands for
 * the hardware and the devices, which know nothing of processes.
 */
#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CLOCK_STEP (777 * VT_SEC + 1)

void session_wrong(struct session *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "at %llu ns, call %u: ", (unsigned long long)s->now, s->calls);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	s->wrong++;
}

void session_say(struct session *s, const char *fmt, ...)
{
	size_t used = strlen(s->instant);
	va_list args;

	if (used && used + 1 < sizeof(s->instant)) {
		s->instant[used++] = ' ';
		s->instant[used] = 0;
	}
	va_start(args, fmt);
	vsnprintf(s->instant + used, sizeof(s->instant) - used, fmt, args);
	va_end(args);
}

uint64_t session_image(struct session *s)
{
	uint8_t image[16384];
	uint64_t hash = UINT64_C(14695981039346656037);
	size_t size = 0;

	if (!s->t.r || vdev_removal_save(s->t.r, s->t.now, image, sizeof(image), &size))
		return 0;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ image[i]) * UINT64_C(1099511628211);
	return hash;
}

int session_open(struct session *s)
{
	static const struct vdev_mock_config config = {.struct_size = sizeof(config),
						       .max_records = MAX_GIVEN,
						       .max_rules = 64,
						       .max_pending = 64};

	vt_env_init(&s->t.v);
	return vdev_mock_new(&s->mock, NULL, &config);
}

int session_close(struct session *s)
{
	vdev_mock_free(s->mock);
	return vt_removal_end(&s->t);
}

/* A stuck action ends with its process (removal.h), so then a reload is no "the same again". */
static int stuck(const struct session *s)
{
	struct vdev_removal_info info;
	uint64_t cursor = 0;

	while (vdev_removal_walk(s->t.r, &cursor, &info, sizeof(info)) == 1)
		if (info.flags & VDEV_REMOVAL_IS_STUCK)
			return 1;
	return 0;
}

static void reload(struct session *s)
{
	int ret = vt_reload(&s->t, s->t.now + CLOCK_STEP);

	if (ret)
		session_wrong(s, "reload: %d", ret);
	s->offset = s->t.now - s->now;
	s->reloaded = s->fresh = 1;
	for (uint32_t i = 0; i < s->given_count; i++)
		s->given[i].regiven = 0;
}

void session_called(struct session *s)
{
	if (++s->calls != s->reload_at)
		return;
	if (stuck(s))
		s->reload_at++;
	else
		reload(s);
}

static struct given *find_given(struct session *s, uint64_t id)
{
	for (uint32_t i = 0; i < s->given_count; i++)
		if (s->given[i].action.id == id)
			return &s->given[i];
	return NULL;
}

/* The engine's clock jumps at a reload; deadlines are compared in the session's. */
static struct vdev_action in_session_time(const struct session *s, const struct vdev_action *a)
{
	struct vdev_action copy = *a;

	if (copy.deadline_ns != VDEV_NONE)
		copy.deadline_ns -= s->offset;
	return copy;
}

static struct given *come_again(struct session *s, const struct vdev_action *a)
{
	struct given *g = find_given(s, a->id);
	struct vdev_action as_before = *a;

	as_before.flags &= ~VDEV_REMOVAL_AGAIN;
	if (g && g->action.deadline_ns < s->now && a->deadline_ns == s->now)
		as_before.deadline_ns = g->action.deadline_ns; /* overdue: nothing remains */
	if (!g || !s->reloaded || g->regiven)
		session_wrong(s, "%#llx came again, but was not outstanding at a reload",
			      (unsigned long long)a->id);
	else if (memcmp(&g->action, &as_before, sizeof(as_before)))
		session_wrong(s, "%#llx came again as another action", (unsigned long long)a->id);
	if (g)
		g->regiven = 1;
	return g;
}

static struct given *come(struct session *s, const struct vdev_action *a)
{
	struct given *g;
	char word[128] = "";

	if (find_given(s, a->id)) {
		session_wrong(s, "id %#llx was given twice", (unsigned long long)a->id);
		return NULL;
	}
	if (s->given_count == MAX_GIVEN) {
		session_wrong(s, "more than %d actions", MAX_GIVEN);
		return NULL;
	}
	vt_describe(&s->t, a, word, sizeof(word));
	session_say(s, "%s", word);
	g = &s->given[s->given_count++];
	*g = (struct given){.action = *a, .regiven = 1};
	return g;
}

/* 1 and the status when the deed has ended. */
static int perform(struct session *s, struct given *g, int *ret_status)
{
	if (!g->performed) {
		g->performed = 1;
		*ret_status = vdev_mock_perform(s->mock, &g->action);
		return *ret_status != VDEV_BACKEND_LATER;
	}
	for (uint64_t i = 0; i < vdev_mock_count(s->mock); i++) {
		struct vdev_mock_record r;

		vdev_mock_get(s->mock, i, &r, sizeof(r));
		if (r.action.id == g->action.id) {
			*ret_status = r.status;
			return r.end_ns != VDEV_NONE;
		}
	}
	session_wrong(s, "the mock has lost %#llx", (unsigned long long)g->action.id);
	return 0;
}

static void end_deed(struct session *s, struct given *g, int status)
{
	int ret = vdev_removal_done(s->t.r, s->t.now, g->action.id, status);

	/* A stuck action ended with the process that performed it. */
	if (ret < 0 && g->regiven)
		session_wrong(s, "done(%#llx): %d", (unsigned long long)g->action.id, ret);
	session_called(s);
}

void session_finish(struct session *s, uint64_t id, int32_t status)
{
	struct given *g = find_given(s, id);

	if (s->fresh)
		session_drain(s);
	if (g)
		end_deed(s, g, status);
	session_drain(s);
}

void session_drain(struct session *s)
{
	struct vdev_action a;
	struct given *g;
	int status;

	while (s->fresh = 0, vdev_removal_next(s->t.r, &a, sizeof(a)) == 1) {
		a = in_session_time(s, &a);
		if (a.kind == VDEV_REMOVAL_REANNOUNCE)
			s->t.h[a.user_data & (VT_LETTERS - 1)] = a.dev;
		g = a.flags & VDEV_REMOVAL_AGAIN ? come_again(s, &a) : come(s, &a);
		session_called(s);
		if (s->wrong || !g)
			return;
		if (!s->fresh && perform(s, g, &status)) /* fresh: died with it in hand */
			end_deed(s, g, status);
	}
}

/* One line for all that came out at one instant. */
static void flush(struct session *s)
{
	size_t used = strlen(s->text);
	char time[32];

	if (!s->instant[0])
		return;
	format_time(s->now, time, sizeof(time));
	snprintf(s->text + used, sizeof(s->text) - used, "%s < %s\n", time, s->instant);
	s->instant[0] = 0;
}

static void set_time(struct session *s, uint64_t ns)
{
	s->now = ns;
	s->t.now = ns + s->offset;
}

/* The mock's delays run from the last time that it was told. */
static void tell_mock(struct session *s)
{
	int32_t status;
	uint64_t id;

	while (vdev_mock_step(s->mock, s->now, &id, &status) == 1)
		session_finish(s, id, status);
}

static uint64_t next_time(struct session *s)
{
	uint64_t engine = VDEV_NONE, mock = VDEV_NONE;

	if (vdev_removal_deadline(s->t.r, &engine) == 1)
		engine -= s->offset;
	vdev_mock_deadline(s->mock, &mock);
	return engine < mock ? engine : mock;
}

static void instant(struct session *s)
{
	tell_mock(s);
	if (vdev_removal_step(s->t.r, s->t.now) < 0)
		session_wrong(s, "step() failed");
	session_called(s);
	session_drain(s);
}

void session_until(struct session *s, uint64_t ns)
{
	uint64_t at;

	flush(s);
	while (!s->wrong && (at = next_time(s)) <= ns) {
		set_time(s, at < s->now ? s->now : at);
		instant(s);
		flush(s);
	}
	set_time(s, ns);
	tell_mock(s);
}
