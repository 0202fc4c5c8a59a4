/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl compare and plan: their command lines. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "move.h"

enum {
	KEY_DEVICE = 256,
	KEY_RULES,
	KEY_READER,
	KEY_VM,
	KEY_SOURCE,
	KEY_DEST,
	KEY_SHOW,
	KEY_VERIFY,
	KEY_CLAIMED,
	KEY_VFIO,
};

#define STATUS_DOC                                                                              \
	"Exit status: 0 LIVE, all of it; 10 at worst LIVE_STOP_COPY_ONLY; 11 QUIESCE_REBUILD; " \
	"12 EMULATE; 13 REFUSE; 1 something failed; 2 wrong usage; 7 a file is damaged, or is " \
	"none; 8 a file or folder is missing, or is not permitted; 9 a device that was named "  \
	"is not there"
#define MACHINE_DOC                                                                         \
	"A machine is what lspci -xxxx has written there, a folder that vdevctl inventory " \
	"--capture has made, what vdevctl inventory --json has written, or \"live\": this " \
	"one. Which of them it is, is told by what it holds."

static const struct argp_option compare_list[] = {
	{"device", KEY_DEVICE, "BDF[=BDF]", 0, "this device of A with this one of B (of all)", 0},
	{"rules", KEY_RULES, "FILE", 0, "rules after the built-in ones; later ones win", 0},
	{"vfio", KEY_VFIO, NULL, 0,
	 "of live: ask idle devices of VFIO drivers for migration flags; resets them", 0},
	{"json", 'j', NULL, 0, "one JSON object", 0},
	{"reader", KEY_READER, "FILE", 0, "program that reads PCI devices (as installed)", 0},
	{0},
};

static void device_check(struct argp_state *state, const char *text)
{
	const char *equals = strchr(text, '=');
	uint64_t address;

	if (bdf_parse(text, equals, &address) || (equals && bdf_parse(equals + 1, NULL, &address)))
		argp_error(state,
			   "--device is \"%s\", expected an address such as 3b:00.1 or "
			   "0000:3b:00.1, or two with = between",
			   text);
}

static error_t compare_key(int key, char *arg, struct argp_state *state)
{
	struct compare_options *o = state->input;

	switch (key) {
	case KEY_DEVICE:
		device_check(state, arg);
		option_once(state, compare_list, key, &o->device, arg);
		return 0;
	case KEY_RULES:
		option_once(state, compare_list, key, &o->rules, arg);
		return 0;
	case KEY_READER:
		option_once(state, compare_list, key, &o->reader, arg);
		return 0;
	case KEY_VFIO:
		o->vfio = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (o->b)
			argp_error(state, "\"%s\" is one too many, expected two machines", arg);
		*(o->a ? &o->b : &o->a) = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->b)
			argp_error(state, "expected two machines, A and B, such as live host.json");
		if (o->vfio && !machine_is_live(o->a) && !machine_is_live(o->b))
			argp_error(state, "--vfio asks devices of this machine: neither is live");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int compare_parse(int argc, char **argv, struct compare_options *ret)
{
	static const struct argp argp = {
		.options = compare_list,
		.parser = compare_key,
		.args_doc = "A B",
		.doc = "Compares the PCI devices of two machines: what differs, and whether a VM "
		       "that has the device of A could go on with that of B."
		       "\v" MACHINE_DOC
		       " Without --device each device of A is compared with one of B: the same "
		       "model in the same place, the same card, the same model, or another model "
		       "of the class in the same place; one of A without a partner counts as "
		       "REFUSE.\n\n" STATUS_DOC ".",
	};

	argp_parse(&argp, argc, argv, 0, NULL, ret);
	return -1;
}

static const struct argp_option plan_list[] = {
	{"vm", KEY_VM, "FILE", 0, "the VM and its devices, as JSON", 0},
	{"source", KEY_SOURCE, "A", 0, "the machine on which it runs", 0},
	{"dest", KEY_DEST, "B", 0, "a machine to which it may go; more may follow: B C ...", 0},
	{"rules", KEY_RULES, "FILE", 0, "rules after the built-in ones; later ones win", 0},
	{"show", KEY_SHOW, "FILE", 0, "show a plan that --json has written", 0},
	{"verify", KEY_VERIFY, "FILE", 0,
	 "does that plan still hold? with --dest, --source, or both, read anew", 0},
	{"claimed", KEY_CLAIMED, NULL, 0,
	 "with --verify: the devices there are in use, by the move itself", 0},
	{"vfio", KEY_VFIO, NULL, 0,
	 "of live: ask idle devices of VFIO drivers for migration flags; resets them", 0},
	{"json", 'j', NULL, 0, "one JSON object", 0},
	{"reader", KEY_READER, "FILE", 0, "program that reads PCI devices (as installed)", 0},
	{0},
};

static void destination(struct argp_state *state, struct plan_options *o, char *arg)
{
	if (o->count == MOST_DESTINATIONS)
		argp_error(state, "more than %u destinations", MOST_DESTINATIONS);
	o->destinations[o->count++] = arg;
}

static bool live_among(const struct plan_options *o)
{
	for (uint32_t i = 0; i < o->count; i++)
		if (machine_is_live(o->destinations[i]))
			return true;
	return o->source && machine_is_live(o->source);
}

static void plan_check(struct argp_state *state, const struct plan_options *o)
{
	if (o->show && o->verify)
		argp_error(state, "--show and --verify exclude each other");
	if (o->show && (o->vm || o->source || o->count || o->rules || o->claimed))
		argp_error(state, "--show goes with --json only: all else stands in the plan");
	if (o->verify && (o->vm || o->rules))
		argp_error(state, "--verify takes VM and rules from the plan");
	if (o->verify && (o->count > 1 || !(o->count || o->source)))
		argp_error(state, "--verify needs --dest, --source, or both, once");
	if (o->claimed && !(o->verify && o->count))
		argp_error(state, "--claimed needs --verify and --dest");
	if (o->vfio && o->show)
		argp_error(state, "--vfio asks devices, and --show looks at none");
	if (o->vfio && !live_among(o))
		argp_error(state, "--vfio asks devices of this machine: no machine is live");
	if (!o->show && !o->verify && !(o->vm && o->source && o->count))
		argp_error(state,
			   "expected --vm, --source and --dest; or --show; or --verify and --dest");
}

static error_t plan_key(int key, char *arg, struct argp_state *state)
{
	struct plan_options *o = state->input;
	const char **text = key == KEY_VM       ? &o->vm
			    : key == KEY_SOURCE ? &o->source
			    : key == KEY_RULES  ? &o->rules
			    : key == KEY_READER ? &o->reader
			    : key == KEY_SHOW   ? &o->show
			    : key == KEY_VERIFY ? &o->verify
						: NULL;

	if (text) {
		option_once(state, plan_list, key, text, arg);
		return 0;
	}
	switch (key) {
	case KEY_CLAIMED:
		o->claimed = true;
		return 0;
	case KEY_VFIO:
		o->vfio = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!o->count)
			argp_error(state, "\"%s\": machines follow --dest", arg);
		destination(state, o, arg);
		return 0;
	case KEY_DEST:
		destination(state, o, arg);
		return 0;
	case ARGP_KEY_END:
		plan_check(state, o);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int plan_parse(int argc, char **argv, struct plan_options *ret)
{
	static const struct argp argp = {
		.options = plan_list,
		.parser = plan_key,
		.args_doc = "[MACHINE...]",
		.doc = "Says whether a VM with passthrough devices may move, to which of some "
		       "machines best, and in which steps. Nothing is moved."
		       "\v" MACHINE_DOC " The plan is for the best destination.\n\n" STATUS_DOC
		       "; 14, of --verify, the plan does not hold any more: do not commit. "
		       "--verify gives 0 when nothing hinders.",
	};

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, ret);
	return -1;
}
