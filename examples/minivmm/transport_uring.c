/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP by io_uring's SEND_ZC, by the system calls themselves (io_uring_setup(2), io_uring_enter(2)). Each
 * request has two completions: what was sent, and later the notification that nothing holds the pages,
 * which says when the kernel copied. On loopback it always does: no gain is claimed.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <vdev/zerocopy.h>

#include "loopback.h"
#include "uring.h"

#ifndef IORING_SEND_ZC_REPORT_USAGE /* Linux 6.2 */
#define IORING_SEND_ZC_REPORT_USAGE (1u << 3)
#define IORING_NOTIF_USAGE_ZC_COPIED (1u << 31)
#endif

static int open_uring(struct transport *t)
{
	int r = loopback_open(t);

	if (r)
		return r;
	t->own = calloc(1, sizeof(struct uring));
	return t->own ? uring_open(t->own) : -ENOMEM;
}

static void notified(struct transport *t, const struct io_uring_cqe *c)
{
	uint32_t flags = VDEV_ZEROCOPY_TASK;

	if ((uint32_t)c->res & IORING_NOTIF_USAGE_ZC_COPIED)
		flags |= VDEV_ZEROCOPY_COPIED;
	transport_over(t, c->user_data, flags);
}

/* Takes what is in the ring; returns whether the result of a request was there: one is under way. */
static bool take(struct transport *t, int *ret_result)
{
	struct io_uring_cqe c;
	bool found = false;

	while (uring_take(t->own, &c))
		if (c.flags & IORING_CQE_F_NOTIF) {
			notified(t, &c);
		} else {
			*ret_result = c.res;
			found = true;
		}
	return found;
}

static ssize_t lend(struct transport *t, const struct iovec *block, uint64_t id)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_SEND_ZC,
				   .ioprio = IORING_SEND_ZC_REPORT_USAGE,
				   .fd = t->send_fd,
				   .addr = (uintptr_t)block->iov_base,
				   .len = (uint32_t)block->iov_len,
				   .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
				   .user_data = id};
	struct uring *u = t->own;
	int result = -EAGAIN, r;

	pthread_mutex_lock(&u->lock);
	r = uring_submit(u, &sqe);
	while (r >= 0 && !take(t, &result))
		r = uring_wait(u);
	pthread_mutex_unlock(&u->lock);
	return r < 0 ? r : result;
}

static void reap(struct transport *t)
{
	struct uring *u = t->own;
	int none;

	pthread_mutex_lock(&u->lock);
	take(t, &none);
	pthread_mutex_unlock(&u->lock);
}

static void close_uring(struct transport *t)
{
	if (t->own)
		uring_close(t->own);
	loopback_close(t);
	free(t->own);
}

const struct transport_ops transport_uring = {
	.name = "io_uring",
	.read_completes = VDEV_ZEROCOPY_RESPONSE,
	.open = open_uring,
	.send = lend,
	.copy = loopback_copy,
	.receive = loopback_receive,
	.reap = reap,
	.close = close_uring,
};
