/* SPDX-License-Identifier: BSD-3-Clause */
/* Places from /proc/PID/task/TID/stat, proc(5). An open file stays that thread's: a number used again does no harm. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* Field 39 ends within 39 fields of at most 20 digits, a space each, and a name: 64 bytes of a kernel thread's. */
#define TEXT 1024
#define PATH (VDEV__CPUSOURCE_PATH_SIZE + 64)
#define STATE_TO_CPU 36 /* fields from the state, which is number 3, to number 39 */

static int state_of(char letter, uint32_t *ret_state)
{
	if (letter == 'Z' || letter == 'X' || letter == 'x')
		return -ESRCH;
	if ((letter < 'A' || letter > 'Z') && (letter < 'a' || letter > 'z'))
		return -EBADMSG;
	*ret_state = letter == 'R' ? VDEV_CPUMAP_RUNNING : VDEV_CPUMAP_SLEEPING;
	return 0;
}

/* A number with something behind it, or it may have been cut. */
static int number(const char *at, const char *end, uint32_t *ret)
{
	uint32_t n = 0;

	if (at == end || *at < '0' || *at > '9')
		return -EBADMSG;
	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		n = n * 10 + (uint32_t)(*at - '0');
		if (n > 0xffffff)
			return -EBADMSG;
	}
	if (at == end || (*at != ' ' && *at != '\n'))
		return -EBADMSG;
	*ret = n;
	return 0;
}

int vdev__stat_parse(const char *text, size_t size, struct vdev_cpusource_look *ret_look)
{
	struct vdev_cpusource_look look;
	const char *end = text + size;
	/* A thread may be named ") R 1 (": what follows the last one is the kernel's. */
	const char *at = memrchr(text, ')', size);
	int i, err;

	if (!at || end - at < 4 || at[1] != ' ' || at[3] != ' ')
		return -EBADMSG;
	at += 2;
	err = state_of(*at, &look.state);
	for (i = 0; !err && i < STATE_TO_CPU; i++) {
		at = memchr(at, ' ', (size_t)(end - at));
		if (!at)
			return -EBADMSG;
		at++;
	}
	if (!err)
		err = number(at, end, &look.cpu);
	if (!err)
		*ret_look = look;
	return err;
}

static int look_at(int fd, struct vdev_cpusource_look *ret_look)
{
	char text[TEXT];
	ssize_t got = pread(fd, text, sizeof(text), 0);

	if (got < 0)
		return -errno;
	return got ? vdev__stat_parse(text, (size_t)got, ret_look) : -ESRCH;
}

static int open_stat(const struct vdev_cpusource *s, int32_t tid)
{
	char path[PATH];
	int fd;

	snprintf(path, sizeof(path), "%s/%d/task/%d/stat", s->proc, (int)s->pid, (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* Is there a procfs, and in it the process? */
static int open_procfs(void *context, int32_t pid, uint32_t vcpus)
{
	const struct vdev_cpusource *s = context;
	char path[PATH];

	(void)vcpus;
	snprintf(path, sizeof(path), "%s/%d/task", s->proc, (int)pid);
	if (!access(path, X_OK))
		return 0;
	if (errno != ENOENT)
		return -errno;
	snprintf(path, sizeof(path), "%s/self", s->proc);
	return access(path, F_OK) ? -errno : -ESRCH;
}

static int attach_procfs(void *context, uint32_t vcpu, int32_t tid, uint32_t here)
{
	struct vdev_cpusource *s = context;
	int fd = open_stat(s, tid);

	(void)here;
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	s->slots[vcpu].fd = fd;
	return 0;
}

static void detach_procfs(void *context, uint32_t vcpu)
{
	const struct vdev_cpusource *s = context;

	close(s->slots[vcpu].fd);
}

static int look_procfs(void *context, uint32_t vcpu, struct vdev_cpusource_look *ret_look)
{
	const struct vdev_cpusource *s = context;

	return look_at(s->slots[vcpu].fd, ret_look);
}

const struct vdev_cpusource_ops vdev__cpusource_procfs = {
	.struct_size = sizeof(struct vdev_cpusource_ops),
	.facts = VDEV_CPUSOURCE_KNOWS_RUNNING,
	.name = "procfs",
	.open = open_procfs,
	.attach = attach_procfs,
	.detach = detach_procfs,
	.look = look_procfs,
};
