/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * System calls that fail, in the shipped library: a thread with a seccomp filter runs the code, and
 * the test's own thread answers the calls that the rules name (seccomp_unotify(2)). Threads that
 * are made meanwhile are under the filter as well, all others are not. The thread ends with its
 * filter. Assertions belong behind deny(): cmocka knows its own thread only.
 */
#ifndef TEST_PAGES_DENY_H
#define TEST_PAGES_DENY_H

#include "vt_test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#define DENY_RULES 8u
#define DENY_GO_ON INT64_MIN /* answer: the kernel makes the call after all */

struct deny_rule {
	long nr;
	uint32_t arg; /* counted from 1: only where this argument.. */
	uint64_t is; /* ..is this; 0: wherever */
	const char *path; /* openat: only of paths with this in them */
	int64_t result; /* -errno, or what the call returns without having been made */
	const char *text; /* openat: a file with this text instead */
	int64_t (*act)(const uint64_t *args); /* gives the result instead */
	uint32_t skip; /* so many are made first */
	uint32_t times; /* so many are denied; 0: all */
	uint32_t seen; /* out: how many there were */
};

struct deny {
	struct deny_rule *rules;
	uint32_t count;
	void (*run)(void *context);
	void *context;
	int tell[2]; /* the listener's descriptor, then -1 at the end; or -errno */
};

static inline int deny_filter(const struct deny *d)
{
	struct sock_filter code[DENY_RULES + 3];
	struct sock_fprog program = {.filter = code};
	uint16_t n = 0;
	int fd;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (uint32_t i = 0; i < d->count; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (uint32_t)d->rules[i].nr,
							 (uint8_t)(d->count - i), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	program.len = n;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &program);
	return fd < 0 ? -errno : fd;
}

static inline void *deny_thread(void *context)
{
	struct deny *d = context;
	int told = deny_filter(d), end = -1;

	if (write(d->tell[1], &told, sizeof(told)) == sizeof(told) && told >= 0) {
		d->run(d->context);
		if (write(d->tell[1], &end, sizeof(end)) != sizeof(end))
			abort();
	}
	return NULL;
}

/* The other thread waits in the kernel: what it wrote is there, but a race detector cannot know. */
static inline int deny_path_has(uint64_t address, const char *part)
{
	char path[256] = "";
	struct iovec here = {path, sizeof(path) - 1};
	struct iovec there = {(void *)(uintptr_t)address, sizeof(path) - 1};

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) > 0 && strstr(path, part) != NULL;
}

static inline int deny_matches(const struct deny_rule *r, const struct seccomp_data *call)
{
	if (call->nr != r->nr || (r->arg && call->args[r->arg - 1] != r->is))
		return 0;
	if (call->nr == SYS_mmap && call->args[0])
		return 0; /* a sanitizer's: it knows where */
	return !r->path || deny_path_has(call->args[1], r->path);
}

static inline int64_t deny_open(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd; /* descriptors are the process's: the other thread has it, too */
}

static inline int64_t deny_answer(struct deny *d, const struct seccomp_data *call)
{
	for (uint32_t i = 0; i < d->count; i++) {
		struct deny_rule *r = &d->rules[i];
		uint32_t n;

		if (!deny_matches(r, call))
			continue;
		n = r->seen++;
		if (n < r->skip || (r->times && n - r->skip >= r->times))
			continue;
		if (r->act)
			return r->act((const uint64_t *)call->args);
		return r->text ? deny_open(r->text) : r->result;
	}
	return DENY_GO_ON;
}

static inline void deny_one(struct deny *d, int listener)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp answer;
	int64_t result;

	memset(&call, 0, sizeof(call));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
		return;
	result = deny_answer(d, &call.data);
	memset(&answer, 0, sizeof(answer));
	answer.id = call.id;
	if (result == DENY_GO_ON)
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (result < 0)
		answer.error = (int32_t)result;
	else
		answer.val = result;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

/* Serves until the thread says that it is over, and further, without rules, until it has ended. */
static inline void deny_serve(struct deny *d, pthread_t thread, int listener)
{
	int told = 0;

	while (told >= 0 || pthread_tryjoin_np(thread, NULL)) {
		struct pollfd fds[2] = {{.fd = listener, .events = POLLIN},
					{.fd = told < 0 ? -1 : d->tell[0], .events = POLLIN}};

		poll(fds, 2, told < 0 ? 1 : -1);
		if (fds[0].revents & POLLIN)
			deny_one(d, listener);
		else if (fds[1].revents)
			assert_int_equal(read(d->tell[0], &told, sizeof(told)), sizeof(told));
		if (told < 0)
			d->count = 0;
	}
	close(listener);
}

/* Runs it under the rules; skips the test where filters are not allowed. */
static inline void deny(struct deny_rule *rules, uint32_t count, void (*run)(void *context),
			void *context)
{
	struct deny d = {.rules = rules, .count = count, .run = run, .context = context};
	pthread_t thread;
	int listener;

	assert_true(count <= DENY_RULES);
	assert_int_equal(pipe(d.tell), 0);
	assert_int_equal(pthread_create(&thread, NULL, deny_thread, &d), 0);
	assert_int_equal(read(d.tell[0], &listener, sizeof(listener)), sizeof(listener));
	if (listener < 0)
		pthread_join(thread, NULL);
	else
		deny_serve(&d, thread, listener);
	close(d.tell[0]);
	close(d.tell[1]);
	if (listener < 0) {
		vt_skip("seccomp(2): %s", strerror(-listener));
	}
}

#endif
