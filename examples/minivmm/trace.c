/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trace-event JSON: an action is a slice from next() to done(), everything else an instant, and an
 * arrow leads from each request to its final outcome. A zero-copy message's track has one slice while
 * its block is lent and one while its pages are in quarantine.
 */
#include "trace.h"

#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/guest.h>
#include <vdev/pvdev.h>
#include <vdev/pvqueue.h>
#include <vdev/zerocopy.h>

#include "pci.h"
#include "vm.h"

#define NAME_SIZE 64
#define MESSAGE_EVENTS 2000u /* of a story: enough for a picture, thousands of messages are none */

struct entry {
	struct vdev_trace event;
	uint32_t story;
	char track[64];
};

struct trace {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t count, room;
	char (*stories)[NAME_SIZE];
	uint32_t stories_count;
	uint32_t message_events; /* of this story */
	struct vm *clock;
};

struct trace *trace_new(void)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (t)
		pthread_mutex_init(&t->lock, NULL);
	return t;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t->entries);
	free(t->stories);
	free(t);
}

void trace_story(struct trace *t, const char *name)
{
	char(*more)[NAME_SIZE];

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	more = realloc(t->stories, (t->stories_count + 1) * sizeof(*more));
	if (more) {
		t->stories = more;
		strncpy(more[t->stories_count], name, NAME_SIZE - 1);
		more[t->stories_count++][NAME_SIZE - 1] = 0;
	}
	t->message_events = 0;
	pthread_mutex_unlock(&t->lock);
}

static struct entry *next_entry(struct trace *t)
{
	size_t room = t->room ? 2 * t->room : 1024;
	struct entry *more;

	if (t->count == t->room) {
		more = realloc(t->entries, room * sizeof(*more));
		if (!more)
			return NULL;
		t->entries = more;
		t->room = room;
	}
	return &t->entries[t->count++];
}

void trace_clock(struct trace *t, struct vm *vm)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->clock = vm;
	pthread_mutex_unlock(&t->lock);
}

static bool about_message(const struct vdev_trace *event)
{
	return event->part == VDEV_PART_ZEROCOPY || event->part == VDEV_PART_PVQUEUE;
}

/* A message has one name in the guest's queue and in the engine: the queue's handle. */
static void name_track(struct entry *e)
{
	const struct pci_fn *fn = (const struct pci_fn *)(uintptr_t)e->event.user_data;
	bool guest = e->event.part == VDEV_PART_PVQUEUE;
	uint64_t handle = guest ? e->event.dev : e->event.user_data;
	uint64_t queue = guest ? e->event.user_data : e->event.dev >> 56;

	if (!about_message(&e->event))
		snprintf(e->track, sizeof(e->track), "%s", fn ? fn->name : "VM");
	else if (handle)
		snprintf(e->track, sizeof(e->track), "queue %llu message %llx",
			 (unsigned long long)queue, (unsigned long long)handle);
	else
		snprintf(e->track, sizeof(e->track), "VM");
}

void trace_event(void *user, const struct vdev_trace *event)
{
	struct trace *t = user;
	struct entry *e = NULL;

	pthread_mutex_lock(&t->lock);
	if (!about_message(event) || t->message_events++ < MESSAGE_EVENTS)
		e = next_entry(t);
	if (e) {
		e->event = *event;
		if (event->part == VDEV_PART_PVQUEUE) /* which knows no time */
			e->event.now_ns = t->clock ? vm_now(t->clock) : 0;
		e->story = t->stories_count;
		memset(e->track, 0, sizeof(e->track));
		name_track(e);
	}
	pthread_mutex_unlock(&t->lock);
}

static struct json_object *text(const char *s)
{
	return json_object_new_string(s);
}

static struct json_object *add(struct json_object *list, const char *phase, const struct entry *e,
			       uint32_t track, const char *name)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "ph", text(phase));
	json_object_object_add(o, "name", text(name));
	json_object_object_add(o, "cat", text(about_message(&e->event) ? "zerocopy" : "removal"));
	json_object_object_add(o, "pid", json_object_new_int((int)e->story));
	json_object_object_add(o, "tid", json_object_new_int((int)track));
	json_object_object_add(o, "ts", json_object_new_double((double)e->event.now_ns / 1000));
	json_object_array_add(list, o);
	return o;
}

static void describe(struct json_object *list, const struct entry *e, uint32_t track,
		     const char *what, const char *name)
{
	struct json_object *o = add(list, "M", e, track, what), *args = json_object_new_object();

	json_object_object_add(args, "name", text(name));
	json_object_object_add(o, "args", args);
}

/* The number of a device's track in its story: one more than its first appearance. */
static uint32_t track_of(struct trace *t, size_t index, bool *ret_first)
{
	const struct entry *e = &t->entries[index];
	size_t i = index;

	while (i > 0 && t->entries[i - 1].story == e->story)
		i--;
	while (strcmp(t->entries[i].track, e->track) != 0)
		i++;
	*ret_first = i == index;
	return 1 + (uint32_t)i;
}

static const struct entry *end_of(struct trace *t, size_t index)
{
	const struct entry *e = &t->entries[index];

	for (size_t i = index + 1; i < t->count && t->entries[i].story == e->story; i++)
		if (t->entries[i].event.what == VDEV_TRACE_DONE &&
		    t->entries[i].event.part == e->event.part &&
		    t->entries[i].event.id == e->event.id)
			return &t->entries[i];
	return NULL;
}

/* A request draws an arrow to the outcome that ends it; arrows start and end in slices. */
static void arrow(struct json_object *list, const struct entry *e, uint32_t track,
		  const char *phase)
{
	struct json_object *o = add(list, phase, e, track, "request");
	char id[32];

	snprintf(id, sizeof(id), "%u.%llx", e->story, (unsigned long long)e->event.dev);
	json_object_object_add(o, "id", text(id));
	if (phase[0] == 'f')
		json_object_object_add(o, "bp", text("e"));
}

static void slice(struct trace *t, struct json_object *list, size_t index, uint32_t track)
{
	const struct entry *e = &t->entries[index], *end = end_of(t, index);
	struct json_object *o, *args = json_object_new_object();
	bool outcome = e->event.kind == VDEV_REMOVAL_OUTCOME;
	double us = end ? (double)(end->event.now_ns - e->event.now_ns) / 1000 : 0;
	char name[48];

	snprintf(name, sizeof(name), "%s%s%s", vdev_removal_kind_name(e->event.kind),
		 outcome ? " " : "",
		 outcome ? vdev_removal_outcome_name((uint32_t)e->event.arg) : "");
	o = add(list, "X", e, track, name);
	json_object_object_add(o, "dur", json_object_new_double(us < 1 ? 1 : us));
	json_object_object_add(args, "action", json_object_new_int64((int64_t)e->event.id));
	json_object_object_add(args, "flags", json_object_new_int64(e->event.flags));
	json_object_object_add(args, "status",
			       end ? json_object_new_int64((int64_t)end->event.arg)
				   : text("never ended"));
	json_object_object_add(o, "args", args);
	if (outcome && (e->event.flags & VDEV_REMOVAL_FINAL))
		arrow(list, e, track, "f");
}

static void pvdev_name(char *buf, size_t size, uint32_t kind)
{
	static const char *const commands[] = {"?",        "DECLARE", "ACK",    "REFUSE",
					       "PROGRESS", "EJECTED", "UNBOUND"};
	static const char *const events[] = {"?", "EJECT", "EJECT_CANCELLED", "REDECLARE",
					     "DEVICE_ADDED"};
	uint32_t n = kind & 0xff;

	if (kind < VDEV_PVDEV_EV_COMMAND)
		snprintf(buf, size, "guest: handshake");
	else if (kind < VDEV_PVDEV_EV_EVENT)
		snprintf(buf, size, "guest: %s", commands[n < 7 ? n : 0]);
	else
		snprintf(buf, size, "to guest: %s", events[n < 5 ? n : 0]);
}

static void event(struct json_object *list, const struct entry *e, uint32_t track)
{
	struct json_object *o;
	char name[48];

	if (e->event.part == VDEV_PART_REMOVAL)
		snprintf(name, sizeof(name), "%s", vdev_removal_event_name(e->event.kind));
	else
		pvdev_name(name, sizeof(name), e->event.kind);
	if (e->event.part == VDEV_PART_REMOVAL && e->event.kind == VDEV_REMOVAL_EV_REQUEST) {
		o = add(list, "X", e, track, name);
		json_object_object_add(o, "dur", json_object_new_double(1));
		arrow(list, e, track, "s");
		return;
	}
	o = add(list, "i", e, track, name);
	json_object_object_add(o, "s", text("t"));
}

/* From this entry to the next one of its track that fits, or to nothing. */
static const struct entry *later(struct trace *t, size_t index, uint32_t part, uint32_t what,
				 uint32_t kind, uint32_t mask)
{
	const struct entry *e = &t->entries[index];

	for (size_t i = index + 1; i < t->count && t->entries[i].story == e->story; i++) {
		const struct vdev_trace *x = &t->entries[i].event;

		if (x->part == part && x->what == what && (x->kind & mask) == kind &&
		    !strcmp(t->entries[i].track, e->track))
			return &t->entries[i];
	}
	return NULL;
}

static void span(struct json_object *list, const struct entry *e, const struct entry *end,
		 uint32_t track, const char *name)
{
	struct json_object *o = add(list, "X", e, track, name);
	double us = end ? (double)(end->event.now_ns - e->event.now_ns) / 1000 : 0;

	json_object_object_add(o, "dur", json_object_new_double(us < 1 ? 1 : us));
}

static const char *message_name(uint32_t kind)
{
	switch (kind - VDEV_PVQUEUE_EV_MESSAGE) {
	case VDEV_GUEST_MSG_SEND:
		return "lent";
	case VDEV_GUEST_MSG_RECEIVE:
		return "lent, to be written";
	default:
		return "guest: asks for it back";
	}
}

/* Lent: from the guest's descriptor until it was told; in quarantine: from then until RELEASE. */
static void queue_event(struct trace *t, struct json_object *list, size_t index, uint32_t track)
{
	const struct entry *e = &t->entries[index];
	uint32_t kind = e->event.kind & 0xf00;
	struct json_object *o;

	if (kind == VDEV_PVQUEUE_EV_MESSAGE) {
		span(list, e,
		     later(t, index, VDEV_PART_PVQUEUE, VDEV_TRACE_EVENT, VDEV_PVQUEUE_EV_TOLD,
			   0xf00),
		     track, message_name(e->event.kind));
		return;
	}
	o = add(list, "i", e, track,
		kind == VDEV_PVQUEUE_EV_TOLD      ? "guest: told"
		: kind == VDEV_PVQUEUE_EV_REFUSED ? "guest: refused"
						  : "queue: broken");
	json_object_object_add(o, "s", text("t"));
}

static void message_event(struct trace *t, struct json_object *list, size_t index, uint32_t track)
{
	const struct entry *e = &t->entries[index], *end;
	struct json_object *o;

	if (e->event.part == VDEV_PART_PVQUEUE) {
		queue_event(t, list, index, track);
	} else if (e->event.what == VDEV_TRACE_ACTION) {
		span(list, e, end_of(t, index), track, vdev_zerocopy_kind_name(e->event.kind));
		end = later(t, index, VDEV_PART_ZEROCOPY, VDEV_TRACE_ACTION, VDEV_ZEROCOPY_RELEASE,
			    ~0u);
		if (e->event.kind == VDEV_ZEROCOPY_ACCESSIBLE && end)
			span(list, e, end, track, "quarantine");
	} else if (e->event.what == VDEV_TRACE_EVENT) {
		o = add(list, "i", e, track, vdev_zerocopy_event_name(e->event.kind));
		json_object_object_add(o, "s", text("t"));
	}
}

static void one(struct trace *t, struct json_object *list, size_t index)
{
	const struct entry *e = &t->entries[index];
	bool first;
	uint32_t track = track_of(t, index, &first);

	if (index == 0 || t->entries[index - 1].story != e->story)
		describe(list, e, 0, "process_name", e->story ? t->stories[e->story - 1] : "start");
	if (first)
		describe(list, e, track, "thread_name", e->track);
	if (about_message(&e->event)) {
		message_event(t, list, index, track);
		return;
	}
	/* What the runtime and the backends tell of an action, the engine has told already. */
	if (e->event.part != VDEV_PART_REMOVAL && e->event.what != VDEV_TRACE_EVENT)
		return;
	if (e->event.what == VDEV_TRACE_ACTION)
		slice(t, list, index, track);
	else if (e->event.what == VDEV_TRACE_EVENT)
		event(list, e, track);
}

int trace_write(struct trace *t, const char *path)
{
	struct json_object *root = json_object_new_object(), *list = json_object_new_array();
	int r;

	for (size_t i = 0; i < t->count; i++)
		one(t, list, i);
	json_object_object_add(root, "traceEvents", list);
	json_object_object_add(root, "displayTimeUnit", text("ns"));
	r = json_object_to_file_ext(path, root, JSON_C_TO_STRING_PLAIN);
	json_object_put(root);
	return r ? -errno : 0;
}
