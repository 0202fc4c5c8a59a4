/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl sim: its command line. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "sim.h"

#define MOST_CPUS 512u
#define MOST_SECONDS 3600u
#define MOST_SEED 1000000000u
#define MOST_RUNS 1000u
#define MOST_HYSTERESIS (60 * SIM_NS_PER_S)
#define DEFAULT_SECONDS 10u
#define DEFAULT_SEED 1u
#define DEFAULT_LIST "0.1,0.2,0.5,1,2,5,10,20,50,100,200,500,1000"

enum { KEY_CPUS = 256, KEY_VCPUS, KEY_SEED, KEY_RUNS, KEY_RECORDING, KEY_CSV, KEY_PLOT };

int sim_ms_parse(const char *text, uint64_t *ret_ns)
{
	uint64_t ns = 0, unit = 1000000;
	const char *p = text;

	for (; *p >= '0' && *p <= '9' && ns <= MOST_HYSTERESIS; p++)
		ns = ns * 10 + (uint32_t)(*p - '0') * unit;
	if (p == text)
		return -EINVAL;
	if (*p == '.' && p[1])
		for (p++; *p >= '0' && *p <= '9' && unit > 1; p++)
			ns += (uint32_t)(*p - '0') * (unit /= 10);
	if (*p || ns > MOST_HYSTERESIS)
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

static int hysteresis_parse(const char *list, struct sim_options *o)
{
	for (o->lanes = 0; o->lanes < SIM_MOST_LANES; o->lanes++) {
		size_t n = strcspn(list, ",");
		char text[24];

		if (n >= sizeof(text))
			return -EINVAL;
		memcpy(text, list, n);
		text[n] = 0;
		if (sim_ms_parse(text, &o->hysteresis_ns[o->lanes]))
			return -EINVAL;
		if (!list[n]) {
			o->lanes++;
			return 0;
		}
		list += n + 1;
	}
	return -E2BIG;
}

static void hysteresis(struct argp_state *state, const char *list)
{
	if (hysteresis_parse(list, state->input))
		argp_error(state,
			   "--hysteresis is \"%s\", expected up to %u numbers of milliseconds, 0 to"
			   " 60000, such as 0.1,1,10; 0: the engine's default",
			   list, SIM_MOST_LANES);
}

static uint32_t number(struct argp_state *state, const char *option, const char *text,
		       uint32_t most)
{
	uint32_t n = 0;

	if (number_parse(text, 1, most, &n))
		argp_error(state, "%s is \"%s\", expected a number, 1 to %u", option, text, most);
	return n;
}

static const struct argp_option list[] = {
	{"cpus", KEY_CPUS, "N", 0, "host CPUs, up to 512 (hosts of several sizes)", 0},
	{"vcpus", KEY_VCPUS, "N", 0, "vCPUs, up to 4096 (as many as there are CPUs)", 0},
	{"seconds", 's', "S", 0, "simulated time (10)", 0},
	{"seed", KEY_SEED, "S", 0, "of the random numbers (1)", 0},
	{"runs", KEY_RUNS, "N", 0, "add up N runs, with this seed, the next one and so on (1)", 0},
	{"hysteresis", 'y', "LIST", 0,
	 "milliseconds, with commas between; 0 is the engine's default (0.1 to 1000)", 0},
	{"recording", KEY_RECORDING, "FILE", 0,
	 "a host more: the vCPUs of this file, again and again", 0},
	{"csv", KEY_CSV, "FILE", 0, "write the rows there, too", 0},
	{"plot", KEY_PLOT, "FILE", 0, "draw them as PNG, by gnuplot", 0},
	{"json", 'j', NULL, 0, "one JSON object a row, each on a line", 0},
	{0},
};

static void check(struct argp_state *state, const struct sim_options *o)
{
	if (!o->irqhint)
		argp_error(state, "what to simulate is missing, expected irqhint");
	if (o->vcpus && !o->cpus)
		argp_error(state, "--vcpus needs --cpus");
}

static error_t key(int key, char *arg, struct argp_state *state)
{
	struct sim_options *o = state->input;

	switch (key) {
	case KEY_CPUS:
		o->cpus = number(state, "--cpus", arg, MOST_CPUS);
		return 0;
	case KEY_VCPUS:
		o->vcpus = number(state, "--vcpus", arg, VDEV_CPUMAP_MAX_VCPUS);
		return 0;
	case 's':
		o->seconds = number(state, "--seconds", arg, MOST_SECONDS);
		return 0;
	case KEY_SEED:
		o->seed = number(state, "--seed", arg, MOST_SEED);
		return 0;
	case KEY_RUNS:
		o->runs = number(state, "--runs", arg, MOST_RUNS);
		return 0;
	case 'y':
		hysteresis(state, arg);
		return 0;
	case KEY_RECORDING:
		o->recording = arg;
		return 0;
	case KEY_CSV:
		o->csv = arg;
		return 0;
	case KEY_PLOT:
		o->plot = arg;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->irqhint || strcmp(arg, "irqhint") != 0)
			argp_error(state, "\"%s\" cannot be simulated, expected irqhint once", arg);
		o->irqhint = true;
		return 0;
	case ARGP_KEY_END:
		check(state, o);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int sim_parse(int argc, char **argv, struct sim_options *ret)
{
	static const struct argp argp = {
		.options = list,
		.parser = key,
		.args_doc = "irqhint",
		.doc = "Simulates hosts whose scheduler moves vCPUs and devices, and shows how "
		       "often"
		       " an interrupt goes where its event arose, and what that costs in hints."
		       "\vWithout --cpus: hosts of 8 to 512 CPUs with 1 to 4096 vCPUs. The same"
		       " seed gives the same rows.\n\n"
		       "Exit status: 0 done; 1 something failed; 2 wrong usage; 7 the recording is"
		       " damaged; 8 the recording, or a folder to write to, is missing or not"
		       " permitted.",
	};

	hysteresis_parse(DEFAULT_LIST, ret);
	ret->seconds = DEFAULT_SECONDS;
	ret->seed = DEFAULT_SEED;
	ret->runs = 1;
	argp_parse(&argp, argc, argv, 0, NULL, ret);
	return -1;
}
