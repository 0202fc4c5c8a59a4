/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl sim: recordings. A text file: lines that begin with # are comments, then "cpus N", "vcpus N", and a line
 * for each change, in order of time: milliseconds, vCPU, CPU, R (runs or waits for the CPU) or S (sleeps).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventory.h"
#include "sim.h"

#define MOST_BYTES (64u << 20)
#define MOST_MOVES 1000000u
#define MOST_SHOWN 40 /* bytes of a line that is wrong */
#define EXPECTED                                                                                   \
	"expected \"cpus N\", \"vcpus N\", and lines such as \"12.5 3 1 R\": milliseconds, vCPU, " \
	"CPU, R or S, in order of time"

struct reader {
	struct sim_recording *ret;
	char why[WHY_SIZE]; /* where the reason has numbers in it */
};

/* A number, up to what follows it. NULL; or what is wrong, as all below. */
static const char *number(struct reader *r, char **text, const char *what, uint32_t least,
			  uint32_t most, uint32_t *ret_number)
{
	char *word = strsep(text, " ");

	if (word && !number_parse(word, least, most, ret_number))
		return NULL;
	snprintf(r->why, sizeof(r->why), "%s is missing or out of range, expected %u to %u", what,
		 least, most);
	return r->why;
}

static const char *header(struct reader *r, char *line)
{
	char *name = strsep(&line, " ");
	bool cpus = strcmp(name, "cpus") == 0;
	uint32_t *count = cpus ? &r->ret->cpus : &r->ret->vcpus;
	const char *why;

	if (!cpus && strcmp(name, "vcpus") != 0)
		return EXPECTED;
	if (*count) /* another one would change what the lines before it mean */
		return "expected only one such line";
	why = number(r, &line, "the number", 1, cpus ? VDEV_CPUMAP_MAX_CPUS : VDEV_CPUMAP_MAX_VCPUS,
		     count);
	return why ? why : line ? "expected nothing after the number" : NULL;
}

static const char *move(struct reader *r, char *line)
{
	struct sim_recording *all = r->ret;
	struct sim_move *m = &all->moves[all->count];
	const char *why, *at = strsep(&line, " ");

	if (!all->cpus || !all->vcpus)
		return "expected \"cpus N\" and \"vcpus N\" before it";
	if (all->count == MOST_MOVES) {
		snprintf(r->why, sizeof(r->why), "expected at most %u changes", MOST_MOVES);
		return r->why;
	}
	if (sim_ms_parse(at, &m->at_ns))
		return "expected 0 to 60000 milliseconds, with up to six decimals";
	if (all->count && m->at_ns < m[-1].at_ns)
		return "the time goes back, expected lines in order of time";
	why = number(r, &line, "the vCPU", 0, all->vcpus - 1, &m->vcpu);
	if (!why)
		why = number(r, &line, "the CPU", 0, all->cpus - 1, &m->cpu);
	if (why)
		return why;
	if (!line || (strcmp(line, "R") != 0 && strcmp(line, "S") != 0))
		return "expected R or S after the CPU, and nothing else";
	m->state = *line == 'S' ? VDEV_CPUMAP_SLEEPING : VDEV_CPUMAP_RUNNING;
	all->count++;
	return NULL;
}

/* From the line's first byte to where a 0 has taken the place of its end. */
static const char *read_line(struct reader *r, char *line, const char *end)
{
	if (*line == '#' || line == end)
		return NULL;
	if (strlen(line) != (size_t)(end - line))
		return "a zero byte is in it";
	return *line >= '0' && *line <= '9' ? move(r, line) : header(r, line);
}

static int read_lines(const char *path, struct reader *r, char *text, size_t size)
{
	char *const all_end = text + size;

	for (uint32_t n = 1; text < all_end; n++) {
		char *end = memchr(text, '\n', (size_t)(all_end - text));
		char begin[MOST_SHOWN + 1], shown[4 * MOST_SHOWN + 1];
		const char *why;

		if (!end)
			end = all_end;
		*end = 0;
		snprintf(begin, sizeof(begin), "%.*s", MOST_SHOWN, text); /* strsep() cuts it up */
		why = read_line(r, text, end);
		if (why) {
			name_escape(begin, shown, sizeof(shown));
			fprintf(stderr, "vdevctl: %s:%u: not a recording: \"%s\"%s: %s\n", path, n,
				shown, end - text > MOST_SHOWN ? "..." : "", why);
			return STATUS_DAMAGED;
		}
		text = end + 1;
	}
	if (r->ret->count)
		return STATUS_OK;
	fprintf(stderr, "vdevctl: %s: not a recording: no change is in it, " EXPECTED "\n", path);
	return STATUS_DAMAGED;
}

int sim_recording_read(const char *path, struct sim_recording *ret)
{
	struct reader r = {.ret = ret};
	char *text = NULL;
	size_t size = 0;
	int status = text_file_read(path, MOST_BYTES, &text, &size);

	if (status)
		return status;
	/* For all that there may be: only what is written takes memory. */
	ret->moves = calloc(MOST_MOVES, sizeof(*ret->moves));
	if (ret->moves) {
		status = read_lines(path, &r, text, size);
	} else {
		fprintf(stderr, "vdevctl: %s: %s\n", path, strerror(ENOMEM));
		status = STATUS_FAILED;
	}
	free(text);
	return status;
}
