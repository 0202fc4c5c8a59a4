/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl sim: results as a picture, by gnuplot, which is asked for only now. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

extern char **environ;

/* Where the two ways without a hysteresis stand on the axis. */
#define X_NONE 0.03
#define X_ORACLE 3500.0

static void data(FILE *script, const struct sim_result *r, uint32_t number)
{
	fprintf(script, "$h%u << EOD\n", number);
	for (uint32_t i = 0; i < r->rows; i++) {
		const struct sim_row *row = &r->row[i];
		double x = row->kind == LANE_NONE     ? X_NONE
			   : row->kind == LANE_ORACLE ? X_ORACLE
						      : (double)row->hysteresis_ns / 1e6;

		if (row->kind == LANE_ENGINE && !row->hysteresis_ns)
			continue; /* the default has no place on the axis */
		fprintf(script, "%g %g %g %d\n", x,
			100.0 * (double)row->hits / (double)(row->events ? row->events : 1),
			(double)row->rehints / (double)sim_seconds(r) / (double)r->types,
			row->kind == LANE_ENGINE);
	}
	fprintf(script, "EOD\n");
}

/* Lines through the engine's points; single points for the other two. */
static void lines(FILE *script, const struct sim_result *results, uint32_t count, int column)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct sim_host *h = &results[i].host;

		fprintf(script,
			"%s $h%u using 1:($4==1?$%d:NaN) with linespoints lc %u lw 2 pt 7 ps 0.8 "
			"title"
			" \"%s%u CPUs, %u vCPU%s\", $h%u using 1:($4==0?$%d:NaN) with points lc %u"
			" pt 9 ps 1.2 notitle",
			i ? "," : "plot", i, column, i + 1, h->recording ? "recording: " : "",
			h->cpus, h->vcpus, h->vcpus == 1 ? "" : "s", i, column, i + 1);
	}
	fprintf(script, "\n");
}

/* In a string of gnuplot's a quote is written twice. */
static void quoted(FILE *script, const char *text)
{
	for (fputc('\'', script); *text; text++)
		fprintf(script, *text == '\'' ? "''" : "%c", *text);
	fputc('\'', script);
}

static void write_script(FILE *script, const struct sim_result *results, uint32_t count,
			 const char *path)
{
	for (uint32_t i = 0; i < count; i++)
		data(script, &results[i], i);
	fprintf(script, "set terminal pngcairo size 1000,900 font 'Sans,11'\nset output ");
	quoted(script, path);
	fprintf(script,
		"\nset logscale x\nset xrange [0.02:6000]\nset grid\n"
		"set xtics ('no hints' %g, '0.1' 0.1, '1' 1, '10' 10, '100' 100, '1000' 1000, "
		"'oracle'"
		" %g)\nset xlabel 'hysteresis, ms'\nset key outside right top\n"
		"set multiplot layout 2,1\n"
		"set ylabel 'interrupts on the CPU of their event, %%'\nset yrange [0:103]\n",
		X_NONE, X_ORACLE);
	lines(script, results, count, 2);
	fprintf(script, "set ylabel 're-hints per second and type'\nset yrange [0:*]\n");
	lines(script, results, count, 3);
	fprintf(script, "unset multiplot\n");
}

/* gnuplot, which reads from `input`. Negative errno. */
static int start(int input, pid_t *ret_child)
{
	char program[] = "gnuplot", *const argv[] = {program, NULL};
	posix_spawn_file_actions_t actions;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	err = posix_spawnp(ret_child, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

/* 0: it has drawn; -EIO. */
static int wait_for(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/* gnuplot does not tell why it cannot write a file. 0 or negative errno. */
static int may_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int sim_plot(const struct sim_result *results, uint32_t count, const char *path)
{
	pid_t child = -1;
	FILE *script;
	int ends[2], err, drawn;

	if (pipe2(ends, O_CLOEXEC)) {
		fprintf(stderr, "vdevctl: no pipe to gnuplot: %s\n", strerror(errno));
		return STATUS_FAILED;
	}
	err = start(ends[0], &child);
	close(ends[0]);
	if (err) {
		close(ends[1]);
		fprintf(stderr,
			"vdevctl: --plot needs gnuplot (Debian: gnuplot-nox), which cannot be run: "
			"%s;"
			" --csv needs nothing\n",
			strerror(-err));
		return STATUS_FAILED;
	}
	err = may_write(path); /* not earlier: without gnuplot no empty file is left there */
	script = fdopen(ends[1], "w");
	if (!script)
		close(ends[1]);
	if (script && !err) {
		signal(SIGPIPE, SIG_IGN); /* it may end before it has read everything */
		write_script(script, results, count, path);
	}
	if (script)
		fclose(script);
	drawn = wait_for(child);
	if (err)
		return sim_unwritten(path, err);
	if (!drawn && script)
		return STATUS_OK;
	fprintf(stderr, "vdevctl: gnuplot did not draw %s\n", path);
	return STATUS_FAILED;
}
