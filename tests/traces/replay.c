/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replays recordings: `replay FILE...` in three ways, `replay --record FILE` writes the file anew
 * with what comes out now (read the difference before you keep it).
 *
 *   plain    everything comes out as recorded
 *   reload   saved, and loaded in another process, after the 1st, 2nd, ... call of the engine
 *   memory   each allocation of each call fails in turn, and the call is made again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

static char *read_file(const char *path)
{
	char *text = calloc(1, MAX_TEXT);
	FILE *f = fopen(path, "r");

	if (!f || !text || fread(text, 1, MAX_TEXT - 1, f) == 0) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(2);
	}
	fclose(f);
	return text;
}

static void split(char *line, struct words *w)
{
	char *save = NULL;

	w->count = 0;
	line[strcspn(line, "#")] = 0;
	for (char *word = strtok_r(line, " \t", &save); word && w->count < MAX_WORDS;
	     word = strtok_r(NULL, " \t", &save))
		w->word[w->count++] = word;
}

/* What stands in a recording is either an event, or after '<' what came out. */
static int is_output(const struct words *w)
{
	return w->count > 1 && !strcmp(w->word[1], "<");
}

static int play_line(struct session *s, struct words *w)
{
	uint64_t ns;

	if (!w->count || is_output(w))
		return 0;
	if (parse_time(w->word[0], &ns) || ns < s->now || w->count < 2)
		return -1;
	if (s->t.r)
		session_until(s, ns);
	for (int i = 1; i < w->count; i++)
		w->word[i - 1] = w->word[i];
	w->count--;
	return session_event(s, w);
}

static void record_line(const char *line, const char *made, size_t *shown)
{
	if (strstr(line, " < "))
		return;
	/* what came out before this event stands before it */
	fputs(made + *shown, stdout);
	*shown = strlen(made);
	puts(line);
}

/* Returns 0 when all lines were understood and nothing was wrong. */
static int play(struct session *s, const char *path, const char *text, int record)
{
	char *copy = strdup(text), *save = NULL;
	int number = 0;
	size_t shown = 0;

	for (char *line = copy; line && !s->wrong; line = save) {
		char original[512];
		struct words w;

		save = strchr(line, '\n');
		if (save)
			*save++ = 0;
		number++;
		snprintf(original, sizeof(original), "%s", line);
		split(line, &w);
		if (play_line(s, &w))
			session_wrong(s, "%s:%d: not understood, or back in time: %s", path, number,
				      original);
		if (record && (save || original[0]))
			record_line(original, s->text, &shown);
	}
	session_until(s, s->now);
	if (record)
		fputs(s->text + shown, stdout);
	free(copy);
	return s->wrong;
}

/* The outputs of the recording, one after the other. */
static void recorded_outputs(const char *text, char *outputs)
{
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n");
		const char *mark = strstr(line, " < ");

		if (line[0] != '#' && mark && mark < line + length) {
			strncat(outputs, line, length);
			strcat(outputs, "\n");
		}
		line += length + (line[length] == '\n');
	}
}

static int differ(const char *path, const char *how, const char *wanted, const char *got)
{
	size_t i = 0, start = 0;

	if (!strcmp(wanted, got))
		return 0;
	for (; wanted[i] == got[i]; i++)
		if (wanted[i] == '\n')
			start = i + 1;
	fprintf(stderr, "%s (%s):\n  recorded: %.*s\n  now:      %.*s\n", path, how,
		(int)strcspn(wanted + start, "\n"), wanted + start, (int)strcspn(got + start, "\n"),
		got + start);
	return 1;
}

struct way {
	uint32_t reload_at;
	int fail_allocations;
	const char *name;
};

/* One session from beginning to end; the number of calls made, or -1. */
static int one(const char *path, const char *text, const char *wanted, const struct way *way,
	       uint64_t *failures)
{
	struct session *s = calloc(1, sizeof(*s));
	int ret;

	if (!s || session_open(s))
		exit(2);
	s->reload_at = way->reload_at;
	s->fail_allocations = way->fail_allocations;
	ret = play(s, path, text, wanted == NULL);
	if (wanted)
		ret |= differ(path, way->name, wanted, s->text);
	ret = ret ? -1 : (int)s->calls;
	*failures += s->failures;
	if (session_close(s)) {
		fprintf(stderr, "%s (%s): memory leaked\n", path, way->name);
		ret = -1;
	}
	free(s);
	return ret;
}

static int reloads(const char *path, const char *text, const char *wanted, int calls)
{
	uint64_t none = 0;

	for (int i = 1; i <= calls; i++) {
		struct way way = {(uint32_t)i, 0, "reload"};

		if (one(path, text, wanted, &way, &none) < 0) {
			fprintf(stderr, "%s: when reloaded after call %d\n", path, i);
			return -1;
		}
	}
	return 0;
}

static int replay(const char *path)
{
	static const struct way plain = {0, 0, "plain"}, memory = {0, 1, "memory"};
	char *text = read_file(path), *wanted = calloc(1, MAX_TEXT);
	uint64_t failures = 0;
	int calls;

	recorded_outputs(text, wanted);
	calls = one(path, text, wanted, &plain, &failures);
	if (calls > 0 &&
	    (one(path, text, wanted, &memory, &failures) < 0 || reloads(path, text, wanted, calls)))
		calls = -1;
	if (calls > 0)
		printf("%s: %d calls, %d reloads, %llu failed allocations\n", path, calls, calls,
		       (unsigned long long)failures);
	free(wanted);
	free(text);
	return calls > 0 && failures ? 0 : 1;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 3 && !strcmp(argv[1], "--record")) {
		static const struct way plain = {0, 0, "record"};
		char *text = read_file(argv[2]);
		uint64_t none = 0;

		failed = one(argv[2], text, NULL, &plain, &none) < 0;
		free(text);
		return failed;
	}
	for (int i = 1; i < argc; i++)
		failed += replay(argv[i]);
	if (failed)
		fprintf(stderr, "%d of %d recordings failed\n", failed, argc - 1);
	return failed || argc < 2;
}
