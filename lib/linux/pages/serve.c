/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread that serves faults.
 *
 *   page missing, never touched         zeroes; write-protected where a batch protects
 *   page missing, dropped by a batch    nothing: its fill wakes who waits
 *   page protected by a batch           nothing: its end wakes who waits
 *   page protected otherwise            unprotect it: it is a leftover
 *
 * So a batch needs this thread only when it copies out a page that was never touched, and
 * nobody waits for longer than the batch.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "internal.h"

#define MESSAGES 16

static int covered(const struct vdev_pages *p, uint64_t at)
{
	uint32_t i;

	for (i = 0; i < p->cover_count; i++)
		if (at >= p->covers[i].begin && at < p->covers[i].end)
			return 1;
	return 0;
}

static int dropped(const struct vdev_pages *p, uint64_t at)
{
	uint32_t i;

	for (i = 0; p->dropping && i < p->piece_count; i++)
		if (p->pieces[i].fill && at >= p->pieces[i].host &&
		    at < p->pieces[i].host + p->pieces[i].bytes)
			return 1;
	return 0;
}

/* Whatever comes of it, who waits tries again: without memory that leads to here again. */
static void fill(struct vdev_pages *p, const struct region *r, uint64_t at, int write)
{
	int huge = r->r.kind == VDEV_PAGES_HUGETLB && !vdev__region_moved(r, at);
	uint64_t bytes = huge ? r->granule : VDEV__PAGES_PAGE;
	struct vdev__uffd_fill f = {.host = at & ~(bytes - 1),
				    .bytes = bytes,
				    .step = bytes,
				    .from = p->zeros,
				    .protected = covered(p, at)};
	int err;

	/* The shared page of zeroes will do for who reads. */
	if (!write && !f.protected && !huge)
		err = vdev__uffd_zero(p, &f);
	else
		err = vdev__uffd_copy(p, &f);
	if (err)
		vdev__uffd_wake(p, f.host, f.bytes);
	else
		atomic_fetch_add_explicit(&p->filled, 1, memory_order_relaxed);
}

static void unprotect(struct vdev_pages *p, const struct region *r, uint64_t at)
{
	struct vdev__uffd_fill f = {
		.host = at & ~(r->granule - 1), .bytes = r->granule, .step = r->granule};

	if (!covered(p, at))
		vdev__uffd_protect(p, &f);
}

static void serve_one(struct vdev_pages *p, const struct uffd_msg *m)
{
	uint64_t at = m->arg.pagefault.address, flags = m->arg.pagefault.flags;
	const struct region *r;

	pthread_mutex_lock(&p->serve_lock);
	r = vdev__pages_by_host(p, at);
	if (!r) { /* not there yet or no more: by the next try that is settled */
		vdev__uffd_wake(p, at & ~(VDEV__PAGES_PAGE - 1), VDEV__PAGES_PAGE);
	} else if (flags & UFFD_PAGEFAULT_FLAG_WP) {
		atomic_fetch_add_explicit(&p->waited, 1, memory_order_relaxed);
		unprotect(p, r, at);
	} else if (!dropped(p, at)) {
		fill(p, r, at, (flags & UFFD_PAGEFAULT_FLAG_WRITE) != 0);
	}
	pthread_mutex_unlock(&p->serve_lock);
}

static void *serve(void *context)
{
	struct vdev_pages *p = context;
	struct pollfd fds[2] = {{.fd = p->stop_fd, .events = POLLIN},
				{.fd = p->uffd, .events = POLLIN}};
	struct uffd_msg messages[MESSAGES];

	for (;;) {
		ssize_t got, i;

		poll(fds, 2, -1); /* whatever it says: nobody else serves them */
		if (fds[0].revents)
			return NULL;
		got = read(p->uffd, messages, sizeof(messages));
		for (i = 0; i < got / (ssize_t)sizeof(messages[0]); i++)
			serve_one(p, &messages[i]);
	}
}

/* Signals are for the VMM's own threads. */
int vdev__pages_serve(struct vdev_pages *p)
{
	sigset_t all, old;
	int err;

	p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->stop_fd < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&p->thread, NULL, serve, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	p->serving = !err;
	return -err;
}

void vdev__pages_serve_end(struct vdev_pages *p)
{
	if (p->serving) {
		eventfd_write(p->stop_fd, 1);
		pthread_join(p->thread, NULL);
	}
	if (p->stop_fd >= 0)
		close(p->stop_fd);
}
