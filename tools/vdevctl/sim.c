/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl sim irqhint: the interrupt-hint engine on hosts of many sizes, in simulated time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inventory.h"
#include "sim.h"

static const struct {
	uint32_t cpus, vcpus;
} sizes[] = {{8, 1}, {8, 32}, {32, 32}, {128, 64}, {128, 512}, {512, 512}, {512, 4096}};

#define MOST_HOSTS (sizeof(sizes) / sizeof(sizes[0]) + 1)

static uint32_t hosts(const struct sim_options *o, const struct sim_recording *r,
		      struct sim_host *ret)
{
	struct sim_host host = {.seconds = o->seconds, .seed = o->seed};
	uint32_t n = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !o->cpus; i++) {
		host.cpus = sizes[i].cpus;
		host.vcpus = sizes[i].vcpus;
		ret[n++] = host;
	}
	if (o->cpus) {
		host.cpus = o->cpus;
		host.vcpus = o->vcpus ? o->vcpus : o->cpus;
		ret[n++] = host;
	}
	if (o->recording) {
		host.recording = r;
		host.cpus = r->cpus;
		host.vcpus = r->vcpus;
		ret[n++] = host;
	}
	return n;
}

/* So many runs, of which each begins anew. */
static int run_host(const struct sim_options *o, struct sim_host host, struct sim_result *ret)
{
	int err = sim_host_run(&host, o, ret);

	for (ret->runs = 1; ret->runs < o->runs && !err; ret->runs++) {
		struct sim_result more;

		host.seed++;
		err = sim_host_run(&host, o, &more);
		for (uint32_t i = 0; i < ret->rows && !err; i++) {
			ret->row[i].events += more.row[i].events;
			ret->row[i].hits += more.row[i].hits;
			ret->row[i].near += more.row[i].near;
			ret->row[i].hints += more.row[i].hints;
			ret->row[i].rehints += more.row[i].rehints;
		}
	}
	return err;
}

static int run(const struct sim_options *o, const struct sim_host *host, uint32_t count,
	       struct sim_result *results)
{
	bool tell = isatty(STDERR_FILENO);
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		if (tell)
			fprintf(stderr, "\rhost %u of %u: %u CPUs, %u vCPUs \033[K", i + 1, count,
				host[i].cpus, host[i].vcpus);
		err = run_host(o, host[i], &results[i]);
	}
	if (tell)
		fprintf(stderr, "\r\033[K");
	if (err)
		fprintf(stderr, "vdevctl: the simulation failed: %s\n", strerror(-err));
	return err;
}

int sim_unwritten(const char *path, int err)
{
	fprintf(stderr, "vdevctl: cannot write %s: %s\n", path, strerror(-err));
	return file_status(err);
}

static int put(const struct sim_options *o, const struct sim_result *results, uint32_t count)
{
	int err = sim_show(results, count, o->json);

	if (!err)
		err = show_end();
	if (err) {
		fprintf(stderr, "vdevctl: cannot write the result: %s\n", strerror(-err));
		return STATUS_FAILED;
	}
	if (o->csv)
		err = sim_csv(results, count, o->csv);
	if (err)
		return sim_unwritten(o->csv, err);
	return o->plot ? sim_plot(results, count, o->plot) : STATUS_OK;
}

int sim_run(const struct sim_options *o)
{
	struct sim_result *results = calloc(MOST_HOSTS, sizeof(*results));
	struct sim_host host[MOST_HOSTS];
	struct sim_recording recording = {0};
	int status = results ? STATUS_OK : STATUS_FAILED;
	uint32_t count;

	if (!status && o->recording)
		status = sim_recording_read(o->recording, &recording);
	if (!status) {
		count = hosts(o, &recording, host);
		status = run(o, host, count, results) ? STATUS_FAILED : put(o, results, count);
	}
	free(recording.moves);
	free(results);
	return status;
}
