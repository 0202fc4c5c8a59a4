/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks, metrics and their two readers: a person at a terminal and a program that reads JSON. */
#include "report.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXIT_SKIPPED 77

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const char *paint(const struct report *r, const char *code)
{
	return r->colour ? code : "";
}

void report_begin(struct report *r, const char *scenario, const char *backend)
{
	r->scenario = scenario;
	r->backend = backend;
	r->checks = json_object_new_array();
	r->skipped = json_object_new_array();
	r->metrics = json_object_new_object();
	r->held = r->failed = r->skips = r->times_count = 0;
	r->began_ns = clock_ns();
	if (r->people)
		fprintf(r->people, "%s%s%s on %s\n", paint(r, "\033[1m"), scenario,
			paint(r, "\033[0m"), backend);
}

static struct json_object *split_rules(const char *rules)
{
	struct json_object *list = json_object_new_array();

	while (*rules) {
		size_t n = strcspn(rules, " ");

		if (n)
			json_object_array_add(list, json_object_new_string_len(rules, (int)n));
		rules += n + (rules[n] == ' ');
	}
	return list;
}

static void text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

void report_check(struct report *r, const char *name, const char *rules, bool ok,
		  const char *detail, uint64_t took_ns)
{
	struct json_object *o = json_object_new_object();

	text(o, "name", name);
	json_object_object_add(o, "rules", split_rules(rules));
	json_object_object_add(o, "ok", json_object_new_boolean(ok));
	text(o, "detail", detail);
	json_object_array_add(r->checks, o);
	r->held += ok;
	r->failed += !ok;
	if (!r->people)
		return;
	fprintf(r->people, "  %s%s%s %-26s %6.0f ms  %-14s %s\n",
		paint(r, ok ? "\033[32m" : "\033[31m"), ok ? "✓" : "✗", paint(r, "\033[0m"), name,
		(double)took_ns / 1e6, rules, detail);
	fflush(r->people);
}

void report_skip(struct report *r, const char *name, const char *reason)
{
	struct json_object *o = json_object_new_object();

	text(o, "name", name);
	text(o, "reason", reason);
	json_object_array_add(r->skipped, o);
	r->skips++;
	if (r->people)
		fprintf(r->people, "  %s-%s %-26s skipped: %s\n", paint(r, "\033[33m"),
			paint(r, "\033[0m"), name, reason);
}

void report_metric(struct report *r, const char *name, uint64_t value)
{
	json_object_object_add(r->metrics, name, json_object_new_int64((int64_t)value));
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static struct json_object *spread(uint64_t *times, uint32_t count)
{
	struct json_object *o = json_object_new_object();

	qsort(times, count, sizeof(*times), by_size);
	json_object_object_add(o, "min", json_object_new_int64((int64_t)times[0]));
	json_object_object_add(o, "median", json_object_new_int64((int64_t)times[count / 2]));
	json_object_object_add(o, "max", json_object_new_int64((int64_t)times[count - 1]));
	json_object_object_add(o, "n", json_object_new_int64(count));
	return o;
}

void report_times(struct report *r, const char *story, uint64_t *times, uint32_t count)
{
	struct json_object *all;

	if (!count)
		return;
	if (!json_object_object_get_ex(r->metrics, "request_to_end_ns", &all)) {
		all = json_object_new_object();
		json_object_object_add(r->metrics, "request_to_end_ns", all);
	}
	json_object_object_add(all, story, spread(times, count));
	for (uint32_t i = 0; i < count && r->times_count < REPORT_TIMES; i++)
		r->times[r->times_count++] = times[i];
}

static int64_t metric(struct report *r, const char *name)
{
	struct json_object *o;

	return json_object_object_get_ex(r->metrics, name, &o) ? json_object_get_int64(o) : 0;
}

static void removals(struct report *r)
{
	FILE *f = r->people;
	uint64_t median = r->times[r->times_count / 2];

	if (r->times_count)
		fprintf(f,
			"  request to end: fastest %.2f ms, median %.2f ms, slowest %.0f ms (%u "
			"removals)\n",
			(double)r->times[0] / 1e6, (double)median / 1e6,
			(double)r->times[r->times_count - 1] / 1e6, r->times_count);
	fprintf(f,
		"  the guests saw: %lld warnings, %lld devices vanish unannounced, %lld I/O "
		"errors,\n"
		"                  %lld all-ones reads, %lld interrupts, %lld requests answered, "
		"%lld wrong\n\n",
		(long long)metric(r, "warnings"), (long long)metric(r, "surprises"),
		(long long)metric(r, "guest_io_errors"), (long long)metric(r, "all_ones_reads"),
		(long long)metric(r, "interrupts"), (long long)metric(r, "io_done"),
		(long long)metric(r, "bad_sums"));
}

static void reclaims(struct report *r)
{
	fprintf(r->people,
		"  %lld blocks taken back, %lld read late: %lld wrong bytes of %lld, %lld lost "
		"updates of %lld\n"
		"  without the replacement: %lld wrong bytes; without write-protection: %lld lost "
		"updates\n\n",
		(long long)metric(r, "reclaims"), (long long)metric(r, "late"),
		(long long)metric(r, "wrong_bytes"),
		(long long)metric(r, "right_bytes") + (long long)metric(r, "wrong_bytes"),
		(long long)metric(r, "lost_updates"), (long long)metric(r, "updates"),
		(long long)metric(r, "control_wrong_bytes"),
		(long long)metric(r, "control_lost_updates"));
}

static void summary(struct report *r)
{
	struct json_object *o;

	if (!r->people)
		return;
	fprintf(r->people, "\n  %s%u held, %u failed, %u skipped%s in %.1f s\n",
		paint(r, r->failed ? "\033[1;31m" : "\033[1;32m"), r->held, r->failed, r->skips,
		paint(r, "\033[0m"), (double)(clock_ns() - r->began_ns) / 1e9);
	if (json_object_object_get_ex(r->metrics, "reclaims", &o))
		reclaims(r);
	else
		removals(r);
}

void report_end(struct report *r)
{
	struct json_object *o = json_object_new_object(), *all;

	if (r->times_count && json_object_object_get_ex(r->metrics, "request_to_end_ns", &all))
		json_object_object_add(all, "all", spread(r->times, r->times_count));
	text(o, "scenario", r->scenario);
	text(o, "backend", r->backend);
	json_object_object_add(o, "checks", r->checks);
	if (r->held + r->failed)
		summary(r);
	json_object_object_add(o, "metrics", r->metrics);
	json_object_object_add(o, "skipped", r->skipped);
	json_object_object_add(o, "ok", json_object_new_boolean(!r->failed));
	if (r->json) {
		fprintf(r->json, "%s\n",
			json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
		fflush(r->json);
	}
	json_object_put(o);
	r->all_held += r->held;
	r->all_failed += r->failed;
	r->all_skips += r->skips;
}

int report_result(const struct report *r)
{
	if (r->all_failed)
		return EXIT_FAILURE;
	return r->all_held ? EXIT_SUCCESS : EXIT_SKIPPED;
}
