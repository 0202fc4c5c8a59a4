/* SPDX-License-Identifier: BSD-3-Clause */
/* minivmm: a small VMM that shows, on /dev/kvm or on the mock, what the library does. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resume.h"
#include "scene.h"
#include "trace.h"

#define EXIT_USAGE 2
#define EXIT_SKIPPED 77

static const struct scenario *const scenarios[] = {&scenario_removal, &scenario_zerocopy,
						   &scenario_irqhint};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

struct arguments {
	const char *backend, *scenario, *story, *guest, *json, *trace, *resume;
	bool list, quiet;
};

static const struct argp_option options[] = {
	{"backend", 'b', "kvm|mock", 0, "where the guest runs", 0},
	{"scenario", 's', "NAME|all", 0, "what is played", 0},
	{"story", 'S', "NAME", 0, "only this one of it", 0},
	{"guest", 'g', "FILE", 0, "another guest program (kvm): ELF, or bytes to run at 1 MiB", 0},
	{"json", 'j', "FILE", 0, "write one JSON object a scenario (-: standard output)", 0},
	{"trace", 't', "FILE", 0, "write a timeline for chrome://tracing or ui.perfetto.dev", 0},
	{"list", 'l', NULL, 0, "list the scenarios", 0},
	{"quiet", 'q', NULL, 0, "no progress, no summary", 0},
	{"resume", 'r', "FILE", OPTION_HIDDEN, "go on with a machine that a story saved", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'b':
		a->backend = arg;
		return 0;
	case 's':
		a->scenario = arg;
		return 0;
	case 'S':
		a->story = arg;
		return 0;
	case 'g':
		a->guest = arg;
		return 0;
	case 'j':
		a->json = arg;
		return 0;
	case 't':
		a->trace = arg;
		return 0;
	case 'r':
		a->resume = arg;
		return 0;
	case 'l':
		a->list = true;
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\": only options are understood", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int list(void)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		printf("%-12s %s\n", scenarios[i]->name, scenarios[i]->what);
	return EXIT_SUCCESS;
}

static int usage(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "minivmm: %s is \"%s\", expected %s. See minivmm --help.\n", option,
		value ? value : "", expected);
	return EXIT_USAGE;
}

/* Our guest lies beside us. */
static const char *default_guest(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	buf[n > 0 ? n : 0] = 0;
	slash = strrchr(buf, '/');
	snprintf(slash ? slash + 1 : buf, size - (slash ? (size_t)(slash + 1 - buf) : 0),
		 "guest.elf");
	return buf;
}

/* NULL: this machine can; else why it cannot. */
static const char *cannot(const char *backend)
{
	static const char no_node[] = "/dev/kvm cannot be opened for reading and writing";

	if (strcmp(backend, "kvm") != 0)
		return NULL;
#ifdef HAVE_KVM
	return machine_kvm_usable() ? NULL : no_node;
#else
	(void)no_node;
	return "this build has no KVM part";
#endif
}

static const struct machine *machine_of(const char *backend)
{
#ifdef HAVE_KVM
	if (strcmp(backend, "kvm") == 0)
		return machine_kvm();
#endif
	return &machine_mock;
}

static void skip(struct scene *base, const char *backend, const struct scenario *what,
		 const char *reason)
{
	report_begin(base->report, what->name, backend);
	report_skip(base->report, what->name, reason);
	report_end(base->report);
}

static int resume(struct scene *base, const char *path)
{
	FILE *file = fopen(path, "rbe");

	if (!file)
		return usage("--resume", path, strerror(errno));
	report_begin(base->report, "resume", base->options.machine->name);
	resume_run(base, file);
	fclose(file);
	scene_metrics(base);
	report_end(base->report);
	return report_result(base->report);
}

static int play(const struct arguments *a, struct report *report, struct trace *trace)
{
	const char *wanted = a->scenario ? a->scenario : "all";
	char guest[4096];
	struct scene base = {.report = report, .program = "/proc/self/exe", .only = a->story};
	const char *reason = cannot(a->backend);
	bool any = false;

	base.options.machine = machine_of(a->backend);
	base.options.trace = trace;
	if (base.options.machine != &machine_mock)
		base.options.guest = a->guest ? a->guest : default_guest(guest, sizeof(guest));
	else if (a->guest)
		fprintf(stderr, "minivmm: the mock backend runs the guest's driver inside the VMM;"
				" --guest is not used\n");
	if (reason)
		fprintf(stderr, "minivmm: skipped: %s\n", reason);
	if (a->resume && !reason)
		return resume(&base, a->resume);
	for (size_t i = 0; i < SCENARIOS; i++) {
		if (strcmp(wanted, "all") != 0 && strcmp(wanted, scenarios[i]->name) != 0)
			continue;
		any = true;
		if (reason)
			skip(&base, a->backend, scenarios[i], reason);
		else
			scene_run(scenarios[i], &base);
	}
	return any ? report_result(report)
		   : usage("--scenario", wanted, "a name that --list shows, or all");
}

static int run(const struct arguments *a)
{
	struct trace *trace = a->trace ? trace_new() : NULL;
	struct report report = {.people = a->quiet ? NULL : stdout};
	int code, r;

	if (a->json) {
		bool out = strcmp(a->json, "-") == 0;

		report.json = out ? stdout : fopen(a->json, "we");
		if (!report.json)
			return usage("--json", a->json, strerror(errno));
		if (out && !a->quiet)
			report.people = stderr;
	}
	report.colour = report.people && isatty(fileno(report.people));
	code = play(a, &report, trace);
	if (report.json && report.json != stdout && fclose(report.json))
		code = usage("--json", a->json, "a file that can be written");
	if (trace && (r = trace_write(trace, a->trace)) != 0)
		code = usage("--trace", a->trace, strerror(-r));
	trace_free(trace);
	return code;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Plays scenarios with a small guest: devices are taken away from it,"
		       " memory that it lent, and interrupts go where its CPUs are."
		       "\vExit status: 0 all that ran holds; 1 a check failed; 77 everything was"
		       " skipped; 2 wrong usage.",
	};
	struct arguments a = {0};

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (a.list)
		return list();
	if (!a.backend || (strcmp(a.backend, "kvm") != 0 && strcmp(a.backend, "mock") != 0))
		return usage("--backend", a.backend, "kvm or mock");
	if (a.guest && access(a.guest, R_OK) != 0)
		return usage("--guest", a.guest, "a file that can be read");
	if (!a.scenario && !a.resume)
		return usage("--scenario", NULL, "a name that --list shows, or all");
	return run(&a);
}
