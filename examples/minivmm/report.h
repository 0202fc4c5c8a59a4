/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run tells: lines for people as it goes, one JSON object a scenario for machines. */
#ifndef MINIVMM_REPORT_H
#define MINIVMM_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_TIMES 256

struct json_object;

struct report {
	FILE *json; /* NULL: nobody asked */
	FILE *people; /* NULL: --quiet */
	bool colour;
	const char *scenario, *backend;
	struct json_object *checks, *metrics, *skipped;
	uint32_t held, failed, skips; /* of this scenario */
	uint64_t times[REPORT_TIMES]; /* of removals */
	uint32_t times_count;
	uint64_t began_ns;
	/* of the whole run */
	uint32_t all_held, all_failed, all_skips;
};

void report_begin(struct report *r, const char *scenario, const char *backend);
void report_check(struct report *r, const char *name, const char *rules, bool ok,
		  const char *detail, uint64_t took_ns);
void report_skip(struct report *r, const char *name, const char *reason);
void report_metric(struct report *r, const char *name, uint64_t value);
/* Times of the removals of one story, nanoseconds. */
void report_times(struct report *r, const char *story, uint64_t *times, uint32_t count);
void report_end(struct report *r);
/* The exit code of the run: 0, 1 or 77. */
int report_result(const struct report *r);

#endif
