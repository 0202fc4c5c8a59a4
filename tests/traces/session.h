/* SPDX-License-Identifier: BSD-3-Clause */
/* A recorded session played on the removal engine and the mock backend; README.md has the format. */
#ifndef SESSION_H
#define SESSION_H

#include <vdev/mock.h>

#include "vt_removal.h"

#define MAX_WORDS 24
#define MAX_GIVEN 1024
#define MAX_TEXT (64u * 1024u)

/* One action that came out, as the session's clock has it. */
struct given {
	struct vdev_action action;
	int performed; /* the mock knows it */
	int regiven; /* came out again since the last reload */
};

struct session {
	struct vt_removal t; /* t.now is the engine's clock */
	struct vdev_mock *mock; /* outlives reloads: what was begun goes on */
	uint64_t now; /* the session's clock, from 0 */
	uint64_t offset; /* the engine's clock is ahead by so much */
	struct given given[MAX_GIVEN];
	uint32_t given_count;
	uint32_t calls; /* to the engine so far */
	uint32_t reload_at; /* after so many calls, 0: never */
	int reloaded;
	int fresh; /* loaded, but not drained since */
	int fail_allocations; /* each of each event in turn, and the event again until it works */
	uint64_t failures; /* allocations that failed so */
	int wrong; /* what the texts cannot show went wrong; said on stderr */
	char instant[4096]; /* what came out at the present instant */
	char text[MAX_TEXT]; /* what came out, as a recording has it */
};

struct words {
	int count;
	char *word[MAX_WORDS];
};

/* session.c */
int session_open(struct session *s);
int session_close(struct session *s);
/* Plays time up to `ns`: deadlines of the engine, and deeds of the mock that end. */
void session_until(struct session *s, uint64_t ns);
/* Performs all that waits. */
void session_drain(struct session *s);
/* To be called after each call of the engine: reloads when it is time. */
void session_called(struct session *s);
/* Ends a deed of the mock. */
void session_finish(struct session *s, uint64_t id, int32_t status);
/* Adds a word to what came out at this instant. */
void session_say(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A number for the whole state of the engine: two are equal when nothing changed. */
uint64_t session_image(struct session *s);
void session_wrong(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* events.c */
/* One line without its time. 0, or -1: not understood. */
int session_event(struct session *s, struct words *w);
/* Value of "key=value" among the words, or NULL; whether a word stands there. */
const char *option(const struct words *w, const char *key);
int flag(const struct words *w, const char *word);

/* words.c */
int mock_rule(struct session *s, struct words *w);
int mock_finish(struct session *s, struct words *w);
/* "QUIESCE/RESUME:5s" */
int parse_step(char *text, struct vdev_removal_step *ret_step);
/* "1.5s", "30ms", "7": seconds, milliseconds, nanoseconds. 0 or -1. */
int parse_time(const char *text, uint64_t *ret_ns);
void format_time(uint64_t ns, char *text, size_t size);

#endif
