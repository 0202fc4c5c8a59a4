/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl sim: results as table, JSON and CSV. Rates are computed from whole numbers, so they are the same everywhere. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define TEXT 32

static const char *const kinds[] = {"none", "engine", "oracle"};

static void ms_text(const struct sim_row *row, char text[TEXT])
{
	uint64_t us = row->hysteresis_ns / 1000;

	if (row->kind != LANE_ENGINE)
		snprintf(text, TEXT, "-");
	else if (!us)
		snprintf(text, TEXT, "default");
	else if (us % 1000)
		snprintf(text, TEXT, "%" PRIu64 ".%03" PRIu64, us / 1000, us % 1000);
	else
		snprintf(text, TEXT, "%" PRIu64, us / 1000);
}

uint64_t sim_seconds(const struct sim_result *r)
{
	return (uint64_t)r->host.seconds * r->runs;
}

/* a / b with `digits` decimals, rounded down. */
static void ratio_text(uint64_t a, uint64_t b, char text[TEXT])
{
	uint64_t n = b ? a * 10000 / b : 0;

	snprintf(text, TEXT, "%" PRIu64 ".%04" PRIu64, n / 10000, n % 10000);
}

static int json_row(const struct sim_result *r, const struct sim_row *row)
{
	struct json_object *o = json_object_new_object();
	const struct {
		const char *name;
		uint64_t n;
	} numbers[] = {
		{"cpus", r->host.cpus},  {"vcpus", r->host.vcpus},  {"types", r->types},
		{"seed", r->host.seed},  {"runs", r->runs},         {"seconds", r->host.seconds},
		{"events", row->events}, {"hits", row->hits},       {"near", row->near},
		{"hints", row->hints},   {"rehints", row->rehints},
	};

	json_object_object_add(o, "host",
			       json_object_new_string(r->host.recording ? "recording" : "model"));
	json_object_object_add(o, "routing", json_object_new_string(kinds[row->kind]));
	if (row->kind == LANE_ENGINE)
		json_object_object_add(o, "hysteresis_ns",
				       json_object_new_int64((int64_t)row->hysteresis_ns));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_object_add(o, numbers[i].name,
				       json_object_new_int64((int64_t)numbers[i].n));
	return print_json(o);
}

static int table_row(struct libscols_table *tb, const struct sim_result *r,
		     const struct sim_row *row)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);
	char text[8][TEXT];
	int err = line ? 0 : -ENOMEM;

	snprintf(text[0], TEXT, "%u", r->host.cpus);
	snprintf(text[1], TEXT, "%u", r->host.vcpus);
	ms_text(row, text[2]);
	snprintf(text[3], TEXT, "%s", kinds[row->kind]);
	ratio_text(row->hits, row->events, text[4]);
	ratio_text(row->near, row->events, text[5]);
	ratio_text(row->hints, sim_seconds(r), text[6]);
	ratio_text(row->rehints, sim_seconds(r), text[7]);
	for (size_t i = 0; i < 8 && !err; i++)
		err = scols_line_set_data(line, i, text[i]);
	return err;
}

static int table(const struct sim_result *results, uint32_t count)
{
	static const char *const columns[] = {"-CPUS",    "-VCPUS",     "-HYSTERESIS",
					      "ROUTING",  "-HITS",      "-NEAR",
					      "-HINTS/S", "-REHINTS/S", NULL};
	struct libscols_table *tb = table_new(columns);
	int err = tb ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < results[i].rows && !err; k++)
			err = table_row(tb, &results[i], &results[i].row[k]);
	return tb ? table_print(tb, err) : err;
}

int sim_show(const struct sim_result *results, uint32_t count, bool json)
{
	int err = 0;

	if (!json)
		return table(results, count);
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < results[i].rows && !err; k++)
			err = json_row(&results[i], &results[i].row[k]);
	return err;
}

static void csv_row(FILE *file, const struct sim_result *r, const struct sim_row *row)
{
	char ms[TEXT], hits[TEXT], hints[TEXT], rehints[TEXT];

	ms_text(row, ms);
	ratio_text(row->hits, row->events, hits);
	ratio_text(row->hints, sim_seconds(r), hints);
	ratio_text(row->rehints, sim_seconds(r), rehints);
	fprintf(file,
		"%s,%u,%u,%u,%u,%u,%u,%s,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
		",%" PRIu64 ",%s,%s,%s\n",
		r->host.recording ? "recording" : "model", r->host.cpus, r->host.vcpus, r->types,
		r->host.seed, r->runs, r->host.seconds, kinds[row->kind], ms, row->events,
		row->hits, row->near, row->hints, row->rehints, hits, hints, rehints);
}

int sim_csv(const struct sim_result *results, uint32_t count, const char *path)
{
	FILE *file = fopen(path, "we");
	int err = 0;

	if (!file)
		return -errno;
	fprintf(file, "host,cpus,vcpus,types,seed,runs,seconds,routing,hysteresis_ms,events,hits,"
		      "near,hints,"
		      "rehints,hit_rate,hints_per_s,rehints_per_s\n");
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < results[i].rows; k++)
			csv_row(file, &results[i], &results[i].row[k]);
	if (ferror(file))
		err = -EIO;
	if (fclose(file) && !err)
		err = -errno;
	return err;
}
