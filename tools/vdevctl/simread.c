/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl sim: recordings. A text file: lines that begin with # are comments, then "cpus N", "vcpus N", and a line
 * for each change, in order of time: milliseconds, vCPU, CPU, R (runs or waits for the CPU) or S (sleeps).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define MOST_MOVES 1000000u

/* 1: a number, up to what follows it. */
static int word(char **text, uint32_t least, uint32_t most, uint32_t *ret_number)
{
	char *w = strsep(text, " ");

	return w && !number_parse(w, least, most, ret_number);
}

static bool header(struct sim_recording *r, char *line)
{
	char *name = strsep(&line, " ");

	if (strcmp(name, "cpus") == 0)
		return word(&line, 1, VDEV_CPUMAP_MAX_CPUS, &r->cpus) && !line;
	if (strcmp(name, "vcpus") == 0)
		return word(&line, 1, VDEV_CPUMAP_MAX_VCPUS, &r->vcpus) && !line;
	return false;
}

static bool move(struct sim_recording *r, char *line)
{
	uint64_t last = r->count ? r->moves[r->count - 1].at_ns : 0;
	struct sim_move m = {0}, *moves;
	char *at = strsep(&line, " ");

	if (sim_ms_parse(at, &m.at_ns) || m.at_ns < last || !r->vcpus || !r->cpus ||
	    !word(&line, 0, r->vcpus - 1, &m.vcpu) || !word(&line, 0, r->cpus - 1, &m.cpu) ||
	    !line || (strcmp(line, "R") != 0 && strcmp(line, "S") != 0) || r->count == MOST_MOVES)
		return false;
	m.state = *line == 'S' ? VDEV_CPUMAP_SLEEPING : VDEV_CPUMAP_RUNNING;
	if (!(r->count & (r->count - 1))) { /* full at each power of two */
		moves = realloc(r->moves, (r->count ? 2 * (size_t)r->count : 1) * sizeof(*moves));
		if (!moves)
			return false;
		r->moves = moves;
	}
	r->moves[r->count++] = m;
	return true;
}

static bool read_line(struct sim_recording *r, char *line)
{
	line[strcspn(line, "\n")] = 0;
	if (*line == '#' || !*line)
		return true;
	return *line >= '0' && *line <= '9' ? move(r, line) : header(r, line);
}

int sim_recording_read(const char *path, struct sim_recording *ret)
{
	FILE *file = fopen(path, "re");
	char line[256];
	uint32_t n = 0;
	bool ok = true;

	if (!file) {
		int err = -errno;

		fprintf(stderr, "vdevctl: %s: %s\n", path, strerror(-err));
		return err;
	}
	while (ok && fgets(line, sizeof(line), file)) {
		n++;
		ok = read_line(ret, line);
	}
	fclose(file);
	if (ok && ret->count)
		return 0;
	fprintf(stderr,
		"vdevctl: %s:%u: not a recording: expected \"cpus N\", \"vcpus N\", and lines such "
		"as"
		" \"12.5 3 1 R\": milliseconds, vCPU, CPU, R or S, in order of time\n",
		path, n);
	return -EBADMSG;
}
