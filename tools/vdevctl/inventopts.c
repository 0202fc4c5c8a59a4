/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl inventory: its command line. */
#include <argp.h>
#include <errno.h>

#include "inventory.h"

enum { KEY_DUMP = 256, KEY_SYSFS, KEY_JSON_FILE, KEY_CAPTURE, KEY_READER, KEY_VFIO };

static const struct argp_option list[] = {
	{"from-dump", KEY_DUMP, "FILE", 0, "what lspci -xxxx wrote", 0},
	{"from-sysfs", KEY_SYSFS, "DIR", 0, "a tree that --capture wrote", 0},
	{"from-json", KEY_JSON_FILE, "FILE", 0, "what --json wrote", 0},
	{"capture", KEY_CAPTURE, "DIR", 0, "write such a tree, then show it", 0},
	{"vfio", KEY_VFIO, NULL, 0,
	 "ask idle devices of VFIO drivers for migration flags; resets them", 0},
	{"json", 'j', NULL, 0, "one JSON object", 0},
	{"reader", KEY_READER, "FILE", 0, "program that reads PCI devices (as installed)", 0},
	{0},
};

static void check(struct argp_state *state, const struct inventory_options *o)
{
	if (!!o->dump + !!o->sysfs + !!o->json_file > 1)
		argp_error(state, "--from-dump, --from-sysfs and --from-json exclude each other");
	if (o->capture && (o->dump || o->json_file))
		argp_error(state, "--capture copies sysfs: not from a dump or JSON");
	if (o->vfio && (o->dump || o->json_file || o->sysfs))
		argp_error(state, "--vfio asks devices of this machine");
}

static error_t key(int key, char *arg, struct argp_state *state)
{
	struct inventory_options *o = state->input;
	const char **text = key == KEY_DUMP        ? &o->dump
			    : key == KEY_SYSFS     ? &o->sysfs
			    : key == KEY_JSON_FILE ? &o->json_file
			    : key == KEY_CAPTURE   ? &o->capture
			    : key == KEY_READER    ? &o->reader
						   : NULL;

	if (text) {
		option_once(state, list, key, text, arg);
		return 0;
	}
	switch (key) {
	case KEY_VFIO:
		o->vfio = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\": only options are understood, such as --from-dump %s",
			   arg, arg);
		return EINVAL;
	case ARGP_KEY_END:
		check(state, o);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int inventory_parse(int argc, char **argv, struct inventory_options *ret)
{
	static const struct argp argp = {
		.options = list,
		.parser = key,
		.doc = "Shows the PCI devices of this machine, of another one's captured sysfs, or "
		       "of a dump: "
		       "what decides whether a VM with them may move."
		       "\vWhat is not known is - in the table and null in JSON. Of a dump that is "
		       "NUMA node, "
		       "IOMMU group, driver and sizes of BARs, unless lspci -vv has written "
		       "them.\n\n"
		       "Exit status: 0 shown; 1 something failed; 2 wrong usage; 7 a dump, tree or "
		       "JSON is "
		       "damaged, or is none; 8 a file or folder is missing, or is not permitted.",
	};

	argp_parse(&argp, argc, argv, 0, NULL, ret);
	return -1;
}
