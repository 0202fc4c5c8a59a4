/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl sim: what its files share. */
#ifndef VDEVCTL_SIM_H
#define VDEVCTL_SIM_H

#include <vdev/cpumap.h>
#include <vdev/irqhint.h>

#include "vdevctl.h"

#define SIM_MOST_LANES 32u
#define SIM_TYPES_EACH 4u /* of a device */
#define SIM_NS_PER_S UINT64_C(1000000000)

struct sim_options {
	const char *recording, *csv, *plot; /* NULL: none */
	uint32_t cpus, vcpus, seconds;
	uint32_t seed, runs;
	uint32_t lanes; /* of hysteresis_ns */
	uint64_t hysteresis_ns[SIM_MOST_LANES]; /* 0: the engine's default */
	bool json, irqhint;
};

/* What a host is, and whose vCPUs move on it. */
struct sim_host {
	const struct sim_recording *recording; /* NULL: the model */
	uint32_t cpus, vcpus, seconds;
	uint32_t seed;
};

enum lane_kind { LANE_NONE, LANE_ENGINE, LANE_ORACLE };

/* One way of routing, and what came of it. */
struct sim_row {
	enum lane_kind kind;
	uint64_t hysteresis_ns;
	uint64_t events, hits, near; /* near: the interrupt went to a vCPU on the event's cache */
	uint64_t hints, rehints;
};

/* A move of a recording: from this time on the vCPU is there. */
struct sim_move {
	uint64_t at_ns;
	uint32_t vcpu, cpu, state;
};

struct sim_recording {
	struct sim_move *moves; /* in order of time */
	uint32_t count, cpus, vcpus;
};

/* A line of results: rows of one host. */
struct sim_result {
	struct sim_host host;
	uint32_t types;
	uint32_t runs; /* added up; seeds from that of the host on */
	uint32_t rows;
	struct sim_row row[SIM_MOST_LANES + 2];
};

/* simopts.c: -1 when the command shall run, else the exit status. */
int sim_parse(int argc, char **argv, struct sim_options *ret);
/* sim.c */
int sim_run(const struct sim_options *o);
/* Says that a file cannot be written, with a negative errno; the exit status. */
int sim_unwritten(const char *path, int err);
/* Milliseconds with up to six decimals. -EINVAL. */
int sim_ms_parse(const char *text, uint64_t *ret_ns);

/* simheap.c: the same numbers everywhere, from integers alone. */
uint64_t sim_random(uint64_t *state);
uint32_t sim_below(uint64_t *state, uint32_t n);
/* Evenly over the octaves that begin with `least`. */
uint64_t sim_octaves(uint64_t *state, uint64_t least, uint32_t octaves);

/* simmodel.c: where the vCPUs and the threads of the devices are, at each moment. */
struct sim_model;
struct sim_event {
	uint64_t now_ns;
	uint32_t type, cpu;
};
/* `map` is kept up to date. NULL: no memory. */
struct sim_model *sim_model_new(const struct sim_host *host, uint32_t types,
				struct vdev_cpumap *map);
void sim_model_free(struct sim_model *m);
/* The next event of a device; false: the time is over. */
bool sim_model_next(struct sim_model *m, struct sim_event *ret_event);
/* The CPU of each vCPU, now. */
const uint32_t *sim_model_places(const struct sim_model *m);
/* The topology of a modelled host: two threads a core, 16 CPUs a cache, 64 a node. */
struct vdev_irqhint_cpu sim_topology(uint32_t cpu);

/* What happens next; at the same time the lower number first. Both are in one word, which compares fast. */
#define SIM_WHO_BITS 20u
struct sim_heap {
	uint64_t *due; /* time << SIM_WHO_BITS | who */
	uint32_t count;
};
struct sim_due {
	uint64_t at_ns;
	uint32_t who;
};
void sim_heap_put(struct sim_heap *h, uint64_t at_ns, uint32_t who);
struct sim_due sim_heap_take(struct sim_heap *h);

/* simlanes.c: one host, all lanes beside each other. 0 or negative errno. */
int sim_host_run(const struct sim_host *host, const struct sim_options *o,
		 struct sim_result *ret_result);

/* simread.c: an exit status, after a word on stderr. */
int sim_recording_read(const char *path, struct sim_recording *ret);

/* simshow.c: 0 or negative errno. */
int sim_show(const struct sim_result *results, uint32_t count, bool json);
uint64_t sim_seconds(const struct sim_result *r); /* of all runs */
int sim_csv(const struct sim_result *results, uint32_t count, const char *path);
/* simplot.c: by gnuplot; an exit status, after a word on stderr. */
int sim_plot(const struct sim_result *results, uint32_t count, const char *path);

#endif
