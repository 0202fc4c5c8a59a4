/* SPDX-License-Identifier: BSD-3-Clause */
/* Small files of sysfs or of a captured tree. A tree may hold pipes and devices in place of files: none is waited for. */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FULL (READER_PATH + 256)

__attribute__((format(printf, 3, 0))) static void full_path(const struct tree *t, char ret[FULL],
							    const char *format, va_list args)
{
	int n = snprintf(ret, FULL, "%s/", t->root);

	vsnprintf(ret + n, FULL - (size_t)n, format, args);
}

/* What cannot be seen is not known; the rest is damage. */
static int gone(const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return -ENOENT;
	case EACCES:
	case EPERM:
		return -EACCES;
	case ELOOP:
		send_error(EBADMSG, "%s: links that lead in a circle", path);
	default:
		send_error(error, "%s: %s", path, strerror(error));
	}
}

static int open_plain(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return errno == ENXIO ? -ENOENT : gone(path, errno);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		send_error(EBADMSG, "%s: not a plain file", path);
	return fd;
}

/* The kernel fails reads of files that a device does not have an answer for: then it is not known. */
static int read_file(const struct tree *t, const char *path, void *ret, size_t size)
{
	int fd = open_plain(path);
	size_t got = 0;

	if (fd < 0)
		return fd;
	while (got < size) {
		ssize_t n = read(fd, (char *)ret + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = errno;

			close(fd);
			return t->live ? -ENOENT : gone(path, error);
		}
		if (!n)
			break;
		got += (size_t)n;
	}
	close(fd);
	return (int)got;
}

int tree_bytes(const struct tree *t, void *ret, size_t size, const char *format, ...)
{
	char path[FULL];
	va_list args;

	va_start(args, format);
	full_path(t, path, format, args);
	va_end(args);
	return read_file(t, path, ret, size);
}

static int text_of(const struct tree *t, const char *path, char *ret_text, size_t size)
{
	int n = read_file(t, path, ret_text, size);

	if (n < 0)
		return n;
	if ((size_t)n == size || memchr(ret_text, 0, (size_t)n))
		send_error(EBADMSG, "%s: no text, or too long", path);
	while (n && ret_text[n - 1] == '\n')
		n--;
	ret_text[n] = 0;
	return 0;
}

int tree_text(const struct tree *t, char *ret_text, size_t size, const char *format, ...)
{
	char path[FULL];
	va_list args;

	va_start(args, format);
	full_path(t, path, format, args);
	va_end(args);
	return text_of(t, path, ret_text, size);
}

int tree_link(const struct tree *t, char *ret_name, size_t size, const char *format, ...)
{
	char path[FULL], to[READER_PATH];
	const char *name;
	va_list args;
	ssize_t n;

	va_start(args, format);
	full_path(t, path, format, args);
	va_end(args);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0 && errno == EINVAL)
		send_error(EBADMSG, "%s: not a link", path);
	if (n < 0)
		return gone(path, errno);
	to[n] = 0;
	name = strrchr(to, '/');
	name = name ? name + 1 : to;
	if (!*name || strlen(name) >= size || name[0] == '.')
		send_error(EBADMSG, "%s: a link to \"%.64s\", expected one to a name", path, to);
	clean_text(ret_name, size, name, strlen(name));
	return 0;
}

bool tree_plain(const struct tree *t, const char *format, ...)
{
	char path[FULL];
	va_list args;
	struct stat st;

	va_start(args, format);
	full_path(t, path, format, args);
	va_end(args);
	if (stat(path, &st)) {
		gone(path, errno);
		return false;
	}
	if (!S_ISREG(st.st_mode))
		send_error(EBADMSG, "%s: not a plain file", path);
	return true;
}

uint32_t tree_number(const struct tree *t, uint32_t most, uint32_t unknown, const char *format, ...)
{
	char path[FULL], text[64], *end;
	unsigned long long n;
	va_list args;

	va_start(args, format);
	full_path(t, path, format, args);
	va_end(args);
	if (text_of(t, path, text, sizeof(text)) || strcmp(text, "-1") == 0)
		return unknown;
	errno = 0;
	n = strtoull(text, &end, text[0] == '0' && text[1] == 'x' ? 16 : 10);
	if (end == text || *end || errno || n > most || text[0] < '0' || text[0] > '9')
		send_error(EBADMSG, "%s: \"%.32s\", expected a number up to %u", path, text, most);
	return (uint32_t)n;
}
