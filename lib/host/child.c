/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs vdev-pci-reader. posix_spawn() and a program of its own instead of fork(): the caller may have threads that hold
 * locks, which a fork() would copy as held for ever.
 */
#include "inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 1000

extern char **environ;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* No signal blocked or ignored, whatever the caller's thread does with them. None of this fails on Linux. */
static void attributes(posix_spawnattr_t *attr)
{
	sigset_t set;

	posix_spawnattr_init(attr);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(attr, &set);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(attr, &set);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* A positive errno. */
static int start(const struct vdev__run *run, int output, pid_t *ret_child)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int err;

	attributes(&attr);
	posix_spawn_file_actions_init(&actions);
	/* Each fails for want of memory alone. */
	err = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) |
	      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) |
	      posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (!err)
		err = posix_spawn(ret_child, run->program, &actions, &attr, run->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return err;
}

/* 1: there is something; 0: the end; or a negative errno. */
static int more(struct vdev__answer *a, int fd, int64_t deadline)
{
	int64_t left = deadline - now_ms();
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;
	int ready = left > 0 ? poll(&p, 1, (int)left) : 0;

	if (ready < 0)
		return errno == EINTR ? 1 : -errno;
	if (!ready)
		return -ETIMEDOUT;
	n = read(fd, a->buf + a->have, ANSWER_ROOM - a->have);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	a->have += (uint32_t)n;
	return n > 0;
}

static int listen_to(struct vdev__answer *a, int fd, int64_t deadline)
{
	int err;

	while ((err = more(a, fd, deadline)) > 0) {
		err = vdev__answer_take(a);
		if (err)
			return err;
	}
	if (err)
		return err;
	return a->ended && !a->have ? 0 : -EPIPE;
}

static pid_t wait_for(pid_t child, int *ret_status, int options)
{
	pid_t got;

	do
		got = waitpid(child, ret_status, options);
	while (got < 0 && errno == EINTR);
	return got;
}

/*
 * Ends it unless it ends by itself, as it does once it has closed the pipe. Whoever waits for any child may have been
 * faster: then how it ended is not known, and what it said counts.
 */
static int reap(pid_t child, int patient)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int status = 0;
	pid_t got = 0;

	for (int i = 0; patient && i < PATIENCE_MS && !got; i++) {
		got = wait_for(child, &status, WNOHANG);
		if (!got)
			nanosleep(&pause, NULL);
	}
	if (!got) {
		kill(child, SIGKILL); /* the number is ours until it was waited for */
		got = wait_for(child, &status, 0);
	}
	return got == child ? status : 0;
}

static void tell(const struct vdev_env *env, const struct vdev__run *run, int err, int status)
{
	if (err == -ETIMEDOUT)
		vdev__log(env, VDEV_LOG_ERROR, "%s: %s took longer than %u ms and was ended",
			  run->argv[1], run->program, run->timeout_ms);
	else if (err == -EPIPE && WIFSIGNALED(status))
		vdev__log(env, VDEV_LOG_ERROR, "%s: %s was ended by signal %d", run->argv[1],
			  run->program, WTERMSIG(status));
	else if (err == -EPIPE)
		vdev__log(env, VDEV_LOG_ERROR, "%s: %s ended too early", run->argv[1],
			  run->program);
}

static int not_started(const struct vdev_env *env, const struct vdev__run *run, int err)
{
	vdev__log(env, VDEV_LOG_ERROR, "%s: cannot be run: %s", run->program,
		  err == ENOENT   ? "it is not installed (meson option inventory)"
		  : err == EACCES ? "no permission"
				  : "no more processes, or no program");
	return err == ENOENT ? -ENOPKG : -err;
}

static int run_it(const struct vdev_env *env, const struct vdev__run *run, struct vdev__answer *a)
{
	int64_t deadline = now_ms() + run->timeout_ms;
	int ends[2], err, status;
	pid_t child = -1;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	/* posix_spawn() cannot tell where vfork() is a fork(), as under emulators and valgrind. */
	err = access(run->program, X_OK) ? errno : start(run, ends[1], &child);
	close(ends[1]);
	if (err) {
		close(ends[0]);
		return not_started(env, run, err);
	}
	err = listen_to(a, ends[0], deadline);
	close(ends[0]);
	status = reap(child, !err || err == -EPIPE);
	tell(env, run, err, status);
	return err;
}

int vdev__child_run(const struct vdev_env *env, const struct vdev__run *run, struct vdev__answer *a)
{
	int kept = errno, err;

	a->buf = vdev__alloc(env, ANSWER_ROOM, 1);
	if (!a->buf)
		return -ENOMEM;
	err = run_it(env, run, a);
	vdev__free(env, a->buf, ANSWER_ROOM);
	errno = kept;
	return err;
}
