/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdev-bench: how fast the library is beside what a user would pick instead.
 *
 *   vdev-bench [NAME...] [--json] [--check] [--quick] [--plot DIR] [--list]
 *
 * NAME is a bench such as removal/lookup or a group such as removal.
 */
#include <string.h>

#include "bench.h"

static const struct {
	const char *name;
	void (*run)(struct bench *b);
	const char *what;
} benches[] = {
	{"removal/lookup", bench_lookup, "level of a unit, against GHashTable"},
	{"removal/lookup-writer", bench_lookup_writer,
	 "two readers and a writer, against a rwlock"},
	{"removal/unit", bench_unit, "request, plan, removed, against the same made of GLib"},
	{"removal/bytes", bench_bytes, "memory for each unit, against its limit"},
	{"removal/deadline", bench_deadline, "cancel and arm, against wheel, heap, timerfd"},
	{"migration", bench_migration, "1 000 VMs onto 1 000 hosts, against a scan of all pairs"},
	{"zerocopy/hot-path", bench_zerocopy, "reserve and complete, against a mutex"},
	{"zerocopy/pending", bench_zerocopy_pending, "a million messages in flight; bytes"},
#ifdef __linux__
	{"irqhint", bench_irqhint, "where vCPUs are, against stat and per-thread words; events"},
#ifdef VDEV_BENCH_BPF
	{"irqhint/bpf-switch", bench_bpf_switch,
	 "context switches, with the BPF provider and without"},
#endif
	{"irqhint/retarget", bench_msi, "retarget and deliver an interrupt, against a new table"},
	{"zerocopy/send", bench_zerocopy_send, "blocks of any size, against copying"},
	{"zerocopy/pages", bench_pages, "pages out from under a running guest, against mremap"},
#endif
};

#define BENCHES (sizeof(benches) / sizeof(benches[0]))

static int usage(const char *wrong)
{
	FILE *out = wrong ? stderr : stdout;

	if (wrong)
		fprintf(out, "vdev-bench: %s\n", wrong);
	fputs("usage: vdev-bench [NAME...] [--json] [--check] [--quick] [--plot DIR] [--list]\n"
	      "  NAME        a bench or a group of them (default: all); --list shows them\n"
	      "  --json      one JSON object a line instead of a table\n"
	      "  --check     exit with 1 when a goal is missed (otherwise it is only said)\n"
	      "  --quick     some seconds instead of a minute; the numbers are worth less\n"
	      "  --plot DIR  also draw the curves as PNG files into DIR (needs gnuplot)\n",
	      out);
	return wrong ? 2 : 0;
}

static int list(void)
{
	for (size_t i = 0; i < BENCHES; i++)
		printf("%-24s %s\n", benches[i].name, benches[i].what);
	return 0;
}

static int matches(const char *bench, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(bench, name, length) && (!bench[length] || bench[length] == '/');
}

static int known(const char *name)
{
	for (size_t i = 0; i < BENCHES; i++)
		if (matches(benches[i].name, name))
			return 1;
	return 0;
}

static int wanted(const char *bench, char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (matches(bench, names[i]))
			return 1;
	return !count;
}

static int finish(const struct bench *b, const char *plot, int check)
{
	if (plot && bench_plot(b, plot))
		return 1;
	if (b->missed)
		fprintf(stderr, "vdev-bench: %u goal%s missed\n", b->missed,
			b->missed == 1 ? "" : "s");
	return b->failed || (check && b->missed);
}

int main(int argc, char **argv)
{
	struct bench b = {0};
	const char *plot = NULL;
	int names = 0, check = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help"))
			return usage(NULL);
		if (!strcmp(argv[i], "--list"))
			return list();
		if (!strcmp(argv[i], "--json"))
			b.json = 1;
		else if (!strcmp(argv[i], "--quick"))
			b.quick = 1;
		else if (!strcmp(argv[i], "--check"))
			check = 1;
		else if (!strcmp(argv[i], "--plot") && i + 1 < argc)
			plot = argv[++i];
		else if (argv[i][0] == '-')
			return usage("unknown option, or --plot without a folder");
		else if (!known(argv[i]))
			return usage("no such bench or group; --list shows what there is");
		else
			argv[1 + names++] = argv[i];
	}
	bench_header(&b);
	for (size_t i = 0; i < BENCHES; i++)
		if (wanted(benches[i].name, argv + 1, names))
			benches[i].run(&b);
	return finish(&b, plot, check);
}
