/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a file of the kernel line by line, without stdio's allocations. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

int vdev__lines_open(struct lines *l, const char *path)
{
	l->begin = l->end = 0;
	l->fd = open(path, O_RDONLY | O_CLOEXEC);
	return l->fd < 0 ? -errno : 0;
}

static int more(struct lines *l)
{
	ssize_t got;

	memmove(l->text, l->text + l->begin, l->end - l->begin);
	l->end -= l->begin;
	l->begin = 0;
	do
		got = read(l->fd, l->text + l->end, sizeof(l->text) - 1 - l->end);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		l->end += (size_t)got;
	return got > 0;
}

const char *vdev__lines_next(struct lines *l)
{
	char *line, *newline = NULL;

	do
		newline = memchr(l->text + l->begin, '\n', l->end - l->begin);
	while (!newline && more(l));
	if (l->begin == l->end)
		return NULL;
	line = l->text + l->begin;
	if (!newline)
		newline = l->text + l->end; /* the buffer has a byte to spare */
	*newline = '\0';
	l->begin = (size_t)(newline - l->text) + 1;
	if (l->begin > l->end)
		l->begin = l->end;
	return line;
}

void vdev__lines_close(struct lines *l)
{
	close(l->fd);
}
