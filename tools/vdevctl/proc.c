/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes and their threads, by /proc. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vdevctl.h"

#define TEXT_SIZE 4096
#define MOST_PID 4194304u
#define FIELD_STATE 3
#define FIELD_CPU 39

/* The n-th word of what begins with word `first`; NULL. */
static const char *word(const char *text, int first, int n)
{
	for (; first < n; first++) {
		text = strchr(text, ' ');
		if (!text)
			return NULL;
		text++;
	}
	return text;
}

static bool leading_number(const char *text, uint32_t *ret_number)
{
	unsigned long n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || n >= NO_NUMBER || (*end && !strchr(" \n", *end)))
		return false;
	*ret_number = (uint32_t)n;
	return true;
}

int stat_parse(const char *text, struct stat_line *ret_line)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	struct stat_line line = {0};
	const char *rest, *cpu;
	uint32_t tid;
	size_t size;

	if (!open || !close || close < open || close[1] != ' ' || !close[2])
		return -EBADMSG;
	rest = close + 2;
	cpu = word(rest, FIELD_STATE, FIELD_CPU);
	if (!cpu || !leading_number(text, &tid) || tid > MOST_PID ||
	    !leading_number(cpu, &line.cpu))
		return -EBADMSG;
	size = (size_t)(close - open - 1);
	if (size >= sizeof(line.name))
		size = sizeof(line.name) - 1;
	memcpy(line.name, open + 1, size);
	line.tid = (pid_t)tid;
	line.state = *rest;
	*ret_line = line;
	return 0;
}

int small_file(int folder, const char *path, char *ret_text, size_t size)
{
	int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;
	int err = 0;

	ret_text[0] = 0;
	if (fd < 0)
		return -errno;
	n = read(fd, ret_text, size - 1);
	if (n < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	ret_text[n] = 0;
	return 0;
}

int process_open(const char *proc, pid_t pid)
{
	char path[TEXT_SIZE];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%d", proc ? proc : "/proc", (int)pid) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static struct thread *new_thread(struct sight *s)
{
	if (s->count == s->room) {
		uint32_t room = s->room ? s->room * 2 : 64;
		struct thread *more = reallocarray(s->threads, room, sizeof(*more));

		if (!more)
			return NULL;
		s->threads = more;
		s->room = room;
	}
	return &s->threads[s->count++];
}

/* A thread that has ended since the folder was read is left out. */
static int add_thread(int tasks, const char *name, struct sight *s)
{
	char path[32], text[TEXT_SIZE];
	struct stat_line line;
	struct thread *t;
	uint32_t tid;
	int err;

	if (number_parse(name, 1, MOST_PID, &tid))
		return 0;
	snprintf(path, sizeof(path), "%u/stat", tid);
	err = small_file(tasks, path, text, sizeof(text));
	if (err == -ENOENT || err == -ESRCH)
		return 0;
	if (!err)
		err = stat_parse(text, &line);
	if (err)
		return err;
	t = new_thread(s);
	if (!t)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	t->tid = (pid_t)tid;
	t->cpu = line.cpu;
	t->vcpu = NO_NUMBER;
	t->state = line.state;
	memcpy(t->name, line.name, sizeof(t->name));
	return 0;
}

static int by_tid(const void *a, const void *b)
{
	const struct thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

static bool all_ended(const struct sight *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (!strchr("ZXx", s->threads[i].state))
			return false;
	return true;
}

static DIR *folder(int process, const char *name)
{
	int fd = openat(process, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int err = errno;

	if (!dir && fd >= 0)
		close(fd);
	errno = err;
	return dir;
}

int process_threads(int process, struct sight *s)
{
	DIR *dir = folder(process, "task");
	const struct dirent *e;
	int err = 0;

	s->count = 0;
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && (e = readdir(dir)))
		err = add_thread(dirfd(dir), e->d_name, s);
	closedir(dir);
	if (err)
		return err;
	if (all_ended(s))
		return -ESRCH;
	qsort(s->threads, s->count, sizeof(*s->threads), by_tid);
	return 0;
}

struct thread *sight_thread(const struct sight *s, pid_t tid)
{
	struct thread key = {.tid = tid};

	return s->count ? bsearch(&key, s->threads, s->count, sizeof(key), by_tid) : NULL;
}

int process_has_kvm(int process)
{
	DIR *dir = folder(process, "fd");
	const struct dirent *e;
	char target[64];
	int found = 0;

	if (!dir)
		return errno == EPERM || errno == EACCES ? -EACCES : 0;
	while (!found && (e = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = 0;
		found = strncmp(target, "anon_inode:kvm-v", 16) == 0;
	}
	closedir(dir);
	return found;
}
