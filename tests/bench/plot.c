/* SPDX-License-Identifier: BSD-3-Clause */
/* Benchmark harness: the curves as PNG pictures, drawn by gnuplot. */
#include <errno.h>
#include <string.h>

#include "bench.h"

struct curve {
	const char *row; /* rows of this name */
	const char *title;
	int peer; /* draw the peer's side */
};

struct picture {
	const char *file, *title, *x;
	const char *range; /* of x */
	struct curve curves[5];
};

static const struct picture pictures[] = {
	{"bench-lookup.png",
	 "Looking a support level up",
	 "units",
	 "700:1500000",
	 {{"removal/lookup", "vdev\\_removal\\_level()", 0}, {"removal/lookup", "GHashTable", 1}}},
	{"bench-deadline.png",
	 "Cancelling and arming a deadline",
	 "deadlines pending",
	 "700:1500000",
	 {{"removal/deadline-wheel", "libvdevmgmt", 0},
	  {"removal/deadline-wheel", "timing wheel", 1},
	  {"removal/deadline-heap", "binary heap", 1},
	  {"removal/deadline-timerfd", "timerfd", 1}}},
	{"bench-zerocopy-send.png",
	 "Sending a block to a pipe, the receiver not counted",
	 "bytes",
	 "700:6000000",
	 {{"zerocopy/send", "copied", 1},
	  {"zerocopy/send-lent", "lent", 0},
	  {"zerocopy/send", "adaptive", 0}}},
};

#define PICTURES (sizeof(pictures) / sizeof(pictures[0]))

static uint32_t points(const struct bench *b, const struct curve *c, FILE *out)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		const struct bench_row *r = &b->rows[i];

		if (strcmp(r->name, c->row))
			continue;
		count++;
		if (out)
			fprintf(out, "%llu %.2f\n", (unsigned long long)r->n,
				c->peer ? r->peer : r->ours);
	}
	if (out)
		fputs("e\n", out);
	return count;
}

static void draw(const struct bench *b, const struct picture *p, const char *dir, FILE *out)
{
	fprintf(out,
		"set terminal pngcairo size 900,540 font 'sans,11'\n"
		"set output '%s/%s'\nset title '%s'\nset xlabel '%s'\n"
		"set ylabel 'nanoseconds for one (median)'\nset logscale xy\nset grid\n"
		"set key left top\nset format x '10^{%%L}'\nset format y '%%g'\n"
		"set xrange [%s]\nplot ",
		dir, p->file, p->title, p->x, p->range);
	for (const struct curve *c = p->curves; c->row; c++)
		fprintf(out, "%s'-' with linespoints lw 2 pt 7 title '%s'",
			c == p->curves ? "" : ", ", c->title);
	fputc('\n', out);
	for (const struct curve *c = p->curves; c->row; c++)
		points(b, c, out);
	fputs("unset output\nreset\n", out);
}

static int drawable(const struct bench *b, const struct picture *p)
{
	for (const struct curve *c = p->curves; c->row; c++)
		if (points(b, c, NULL) < 2)
			return 0;
	return 1;
}

int bench_plot(const struct bench *b, const char *dir)
{
	uint32_t drawn = 0;
	FILE *out;

	if (strchr(dir, '\'')) {
		fprintf(stderr, "vdev-bench: --plot: no quote in the folder's name, please\n");
		return -1;
	}
	out = popen("gnuplot", "w");
	if (!out) {
		fprintf(stderr, "vdev-bench: gnuplot: %s\n", strerror(errno));
		return -1;
	}
	for (uint32_t i = 0; i < PICTURES; i++) {
		if (!drawable(b, &pictures[i]))
			continue;
		draw(b, &pictures[i], dir, out);
		drawn++;
	}
	if (pclose(out)) {
		fprintf(stderr, "vdev-bench: gnuplot is not installed, or failed\n");
		return -1;
	}
	fprintf(stderr, "vdev-bench: %u pictures in %s\n", drawn, dir);
	return 0;
}
