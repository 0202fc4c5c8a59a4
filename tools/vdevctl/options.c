/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines of the commands. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vdevctl.h"

#define MOST_PID 4194304u
#define MOST_MS 3600000u
#define MOST_COUNT 1000000000u

enum { KEY_DEBUGFS = 256, KEY_PROC, KEY_SYSFS };

int number_parse(const char *text, uint32_t least, uint32_t most, uint32_t *ret_number)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		n = n * 10 + (uint32_t)(*p - '0');
		if (n > most)
			return -EINVAL;
	}
	if (n < least)
		return -EINVAL;
	*ret_number = (uint32_t)n;
	return 0;
}

/* Ends the program with STATUS_USAGE when it is none, or not the first: `before` is 0 then. */
static uint32_t number(struct argp_state *state, const char *option, const char *text,
		       uint32_t most, const char *what, uint32_t before)
{
	uint32_t n = 0;

	if (before)
		argp_error(state, "%s is given twice, %u and \"%s\", expected one", option, before,
			   text);
	if (number_parse(text, 1, most, &n))
		argp_error(state, "%s is \"%s\", expected %s, 1 to %u", option, text, what, most);
	return n;
}

void option_once(struct argp_state *state, const struct argp_option *list, int key,
		 const char **place, const char *text)
{
	while (list->key != key)
		list++;
	if (!*text)
		argp_error(state, "--%s is \"\": not a name, expected %s", list->name, list->arg);
	if (*place)
		argp_error(state, "--%s is given twice, \"%s\" and \"%s\", expected one",
			   list->name, *place, text);
	*place = text;
}

static const struct argp_option cpumap_list[] = {
	{"pid", 'p', "PID", 0, "the VMM", 0},
	{"watch", 'w', NULL, 0, "look again and again", 0},
	{"interval", 'i', "MS", 0, "with --watch: time between two looks (1000)", 0},
	{"count", 'n', "N", 0, "with --watch: end after N looks", 0},
	{"json", 'j', NULL, 0, "one JSON object a look, each on a line", 0},
	{"debugfs", KEY_DEBUGFS, "DIR", 0,
	 "debugfs is there (/sys/kernel/debug, mounted if it is not)", 0},
	{"proc", KEY_PROC, "DIR", 0, "procfs is there (/proc)", 0},
	{"sysfs", KEY_SYSFS, "DIR", 0, "sysfs is there (/sys)", 0},
	{0},
};

static void cpumap_check(struct argp_state *state, const struct cpumap_options *o)
{
	if (!o->pid)
		argp_error(state, "--pid is missing, expected the number of a VMM's process");
	if (!o->watch && (o->count || o->interval_ms))
		argp_error(state, "--interval and --count need --watch");
}

static error_t cpumap_key(int key, char *arg, struct argp_state *state)
{
	struct cpumap_options *o = state->input;

	switch (key) {
	case 'p':
		o->pid = (pid_t)number(state, "--pid", arg, MOST_PID, "the number of a process",
				       (uint32_t)o->pid);
		return 0;
	case 'i':
		o->interval_ms =
			number(state, "--interval", arg, MOST_MS, "milliseconds", o->interval_ms);
		return 0;
	case 'n':
		o->count = number(state, "--count", arg, MOST_COUNT, "how often to look", o->count);
		return 0;
	case 'w':
		o->watch = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case KEY_DEBUGFS:
		option_once(state, cpumap_list, key, &o->debugfs, arg);
		return 0;
	case KEY_PROC:
		option_once(state, cpumap_list, key, &o->proc, arg);
		return 0;
	case KEY_SYSFS:
		option_once(state, cpumap_list, key, &o->sysfs, arg);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\": only options are understood, such as --pid %s", arg,
			   arg);
		return EINVAL;
	case ARGP_KEY_END:
		cpumap_check(state, o);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cpumap_parse(int argc, char **argv, struct cpumap_options *ret)
{
	static const struct argp argp = {
		.options = cpumap_list,
		.parser = cpumap_key,
		.doc = "Shows on which CPU and NUMA node each vCPU of a VMM is, and whether it "
		       "runs."
		       "\vvCPU threads are found by KVM's debugfs, which needs root, else by the "
		       "names"
		       " that QEMU (with debug-threads=on), Cloud Hypervisor, Firecracker, crosvm "
		       "and"
		       " kvmtool give to them. A vCPU that sleeps is shown where it was last.\n\n"
		       "Exit status: 0 shown; 1 something failed; 2 wrong usage; 3 no such process,"
		       " or it ended; 4 not permitted; 5 not a VMM; 6 a VMM whose vCPU threads "
		       "cannot"
		       " be told from others.",
	};

	argp_parse(&argp, argc, argv, 0, NULL, ret);
	if (!ret->interval_ms)
		ret->interval_ms = 1000;
	return -1;
}

static const struct argp_option topology_list[] = {
	{"json", 'j', NULL, 0, "one JSON object", 0},
	{"sysfs", KEY_SYSFS, "DIR", 0, "sysfs is there (/sys)", 0},
	{0},
};

static error_t topology_key(int key, char *arg, struct argp_state *state)
{
	struct topology_options *o = state->input;

	switch (key) {
	case 'j':
		o->json = true;
		return 0;
	case KEY_SYSFS:
		option_once(state, topology_list, key, &o->sysfs, arg);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\": only options are understood", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int topology_parse(int argc, char **argv, struct topology_options *ret)
{
	static const struct argp argp = {
		.options = topology_list,
		.parser = topology_key,
		.doc = "Shows this machine's CPUs: core and last-level cache, each named by its "
		       "lowest"
		       " CPU, and NUMA node.\vExit status: 0 shown; 1 something failed; 2 wrong "
		       "usage.",
	};

	argp_parse(&argp, argc, argv, 0, NULL, ret);
	return -1;
}
