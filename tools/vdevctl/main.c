/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl: what a VMM on this machine does, seen from outside. */
#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <vdev/version.h>

#include "move.h"
#include "sim.h"

static int compare(int argc, char **argv)
{
	struct compare_options o = {0};
	int status = compare_parse(argc, argv, &o);

	return status < 0 ? compare_run(&o) : status;
}

static int cpumap(int argc, char **argv)
{
	struct cpumap_options o = {0};
	int status = cpumap_parse(argc, argv, &o);

	return status < 0 ? cpumap_run(&o) : status;
}

static int inventory(int argc, char **argv)
{
	struct inventory_options o = {0};
	int status = inventory_parse(argc, argv, &o);

	return status < 0 ? inventory_run(&o) : status;
}

static int plan(int argc, char **argv)
{
	struct plan_options o = {0};
	int status = plan_parse(argc, argv, &o);

	return status < 0 ? plan_run(&o) : status;
}

static int topology(int argc, char **argv)
{
	struct topology_options o = {0};
	int status = topology_parse(argc, argv, &o);

	return status < 0 ? topology_run(&o) : status;
}

static int sim(int argc, char **argv)
{
	struct sim_options o = {0};
	int status = sim_parse(argc, argv, &o);

	return status < 0 ? sim_run(&o) : status;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"compare", compare}, {"cpumap", cpumap}, {"inventory", inventory},
	{"plan", plan},       {"sim", sim},       {"topology", topology},
};

#define NAMES "compare, cpumap, inventory, plan, sim or topology"

struct chosen {
	const struct command *command;
	int first; /* its place in argv */
};

static error_t key(int key, char *arg, struct argp_state *state)
{
	struct chosen *c = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (strcmp(arg, commands[i].name) == 0)
				c->command = &commands[i];
		if (!c->command)
			argp_error(state, "\"%s\" is no command, expected " NAMES, arg);
		c->first = state->next - 1;
		state->next = state->argc; /* the rest is its own */
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "a command is missing, expected " NAMES);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = key,
		.args_doc = "COMMAND [OPTION...]",
		.doc = "Shows what a VMM on this machine does, from outside."
		       "\vCommands:\n"
		       "  compare    what differs between the devices of two machines\n"
		       "  cpumap     on which CPU and NUMA node each vCPU of a VMM is\n"
		       "  inventory  the PCI devices of a machine\n"
		       "  plan       whether a VM with passthrough devices may move, and how\n"
		       "  sim        how the engines behave on hosts of many sizes\n"
		       "  topology   cores, caches and NUMA nodes of this machine\n\n"
		       "vdevctl COMMAND --help tells of its options.",
	};
	struct chosen c = {0};
	char program[] = "vdevctl", name[64];

	argv[0] = program; /* getopt's messages begin with it */
	setlocale(LC_CTYPE, "");
	argp_program_version = "vdevctl " VDEV_VERSION_STRING;
	argp_err_exit_status = STATUS_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &c);
	snprintf(name, sizeof(name), "vdevctl %s", c.command->name);
	argv[c.first] = name;
	return c.command->run(argc - c.first, argv + c.first);
}
