/* SPDX-License-Identifier: BSD-3-Clause */
/* Peer of the deadline bench: one timerfd for each deadline, which the kernel expires by itself. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "deadline_load.h"

#define SPARE_FILES 64u

struct by_timerfd {
	struct load load;
	uint32_t n;
	int *fds;
};

uint32_t timerfd_room(uint32_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	if (limit.rlim_cur < n + SPARE_FILES) {
		struct rlimit more = {.rlim_cur = n + SPARE_FILES, .rlim_max = limit.rlim_max};

		if (more.rlim_max < more.rlim_cur)
			more.rlim_max = more.rlim_cur; /* root may */
		if (setrlimit(RLIMIT_NOFILE, &more))
			return (uint32_t)limit.rlim_cur - SPARE_FILES;
	}
	return n;
}

static void set(int fd, uint64_t ns)
{
	struct itimerspec t = {.it_value = {.tv_sec = (time_t)(ns / 1000000000u),
					    .tv_nsec = (long)(ns % 1000000000u)}};

	if (timerfd_settime(fd, 0, &t, NULL))
		bench_die("timerfd_settime() failed");
}

double timerfd_turn(void *context)
{
	struct by_timerfd *t = context;
	struct load *l = &t->load;
	uint64_t begin = bench_now(), end = l->at + l->operations;

	while (l->at < end) {
		int fd;

		load_next(l);
		fd = t->fds[load_item(l)];
		set(fd, 0);
		set(fd, load_length(l));
	}
	return load_ended(l, begin);
}

struct by_timerfd *timerfd_make(uint32_t n, int quick)
{
	struct by_timerfd *t = bench_alloc(1, sizeof(*t));

	load_make(&t->load, n, quick);
	t->load.operations /= 50; /* a system call each: as long a turn with fewer of them */
	t->fds = bench_alloc(n, sizeof(*t->fds));
	for (; t->n < n; t->n++) {
		t->fds[t->n] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		if (t->fds[t->n] < 0) {
			fprintf(stderr, "vdev-bench: the kernel gives no more than %u timerfds\n",
				t->n);
			timerfd_free(t);
			return NULL;
		}
		set(t->fds[t->n], load_first(&t->load));
	}
	return t;
}

void timerfd_free(struct by_timerfd *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		close(t->fds[i]);
	free(t->fds);
	free(t);
}
