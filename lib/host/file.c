/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads small files of sysfs, or of a tree that looks like it. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Until the end or until it is full; the number of bytes, or -errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, buf + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int open_below(const char *root, const char *path)
{
	char full[PATH_MAX];
	int fd;

	if (snprintf(full, sizeof(full), "%s/%s", root, path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	/* O_NONBLOCK: a tree may hold a pipe in place of a file. */
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int vdev__file(const char *root, const char *path, char *ret_text, size_t size)
{
	int kept = errno;
	int fd = open_below(root, path);
	ssize_t n = fd;

	if (fd >= 0) {
		n = read_all(fd, ret_text, size);
		close(fd);
	}
	errno = kept;
	if (n < 0)
		return n == -ENOTDIR ? -ENOENT : (int)n;
	if ((size_t)n == size || memchr(ret_text, 0, (size_t)n))
		return -EBADMSG;
	ret_text[n] = 0;
	return 0;
}

int vdev__scan_wrong(struct vdev__scan *s, int err, const char *expected)
{
	char shown[33];
	size_t n = 0;

	for (; n < sizeof(shown) - 1 && s->text[n] && s->text[n] != '\n'; n++)
		shown[n] = s->text[n];
	for (size_t i = 0; i < n; i++)
		if (shown[i] < ' ' || shown[i] > '~')
			shown[i] = '?';
	shown[n] = 0;
	vdev__log(&s->host->env, VDEV_LOG_ERROR, "%s/%s: \"%s\", expected %s", s->host->root,
		  s->path, shown, expected);
	return err;
}

int vdev__scan_text(struct vdev__scan *s, const char *format, ...)
{
	va_list args;
	int err;

	va_start(args, format);
	vsnprintf(s->path, sizeof(s->path), format, args);
	va_end(args);
	err = vdev__file(s->host->root, s->path, s->text, sizeof(s->text));
	if (err) {
		s->text[0] = 0;
		if (err != -ENOENT)
			vdev__log(&s->host->env, VDEV_LOG_ERROR, "%s/%s: %s", s->host->root,
				  s->path,
				  err == -EBADMSG ? "no text, or too long" : "cannot be read");
	}
	return err;
}

int vdev__scan_list(struct vdev__scan *s, uint32_t limit)
{
	int err = vdev__list(s->text, limit, &s->set);

	if (err == -ERANGE)
		return vdev__scan_wrong(s, err,
					limit == VDEV_HOST_MAX_CPUS ? "CPU numbers up to 4095"
								    : "node numbers up to 1023");
	return err ? vdev__scan_wrong(s, err, "a list of numbers such as 0-3,8") : 0;
}
