/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP with MSG_ZEROCOPY (Documentation/networking/msg_zerocopy.rst). The kernel numbers the calls of a
 * socket and reports ranges of these numbers on the error queue. On loopback it holds the pages only
 * until it delivers, copies then, and says so; what the receiver's window does not take stays lent.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* It needs struct timespec and does not say so. */
#include <linux/errqueue.h>

#include <vdev/zerocopy.h>

#include "loopback.h"

#define CALLS 4096u /* far more than the kernel has notifications for */

struct calls {
	uint32_t next; /* the kernel's number */
	uint64_t ids[CALLS];
};

static int open_tcp(struct transport *t)
{
	int r = loopback_open(t), one = 1;

	if (r)
		return r;
	if (setsockopt(t->send_fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -errno;
	t->own = calloc(1, sizeof(struct calls));
	return t->own ? 0 : -ENOMEM;
}

/* The id is noted first: the notification may be read before the call has returned. */
static ssize_t lend(struct transport *t, const struct iovec *block, uint64_t id)
{
	struct iovec all = *block;
	struct msghdr message = {.msg_iov = &all, .msg_iovlen = 1};
	struct calls *c = t->own;
	ssize_t n;

	__atomic_store_n(&c->ids[c->next % CALLS], id, __ATOMIC_RELEASE);
	n = sendmsg(t->send_fd, &message, MSG_ZEROCOPY | MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	c->next++;
	return n;
}

static const struct sock_extended_err *notification(struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	const struct sock_extended_err *e;

	if (!c || c->cmsg_level != SOL_IP || c->cmsg_type != IP_RECVERR)
		return NULL;
	e = (const void *)CMSG_DATA(c);
	return e->ee_errno == 0 && e->ee_origin == SO_EE_ORIGIN_ZEROCOPY ? e : NULL;
}

static void reap(struct transport *t)
{
	struct calls *c = t->own;
	union {
		struct cmsghdr align;
		char room[256];
	} control;

	for (;;) {
		struct msghdr message = {.msg_control = &control,
					 .msg_controllen = sizeof(control)};
		const struct sock_extended_err *e;
		uint32_t flags = VDEV_ZEROCOPY_TASK;

		if (recvmsg(t->send_fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
		e = notification(&message);
		if (!e)
			continue;
		if (e->ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
			flags |= VDEV_ZEROCOPY_COPIED;
		for (uint32_t n = e->ee_info; n != e->ee_data + 1; n++)
			transport_over(t, __atomic_load_n(&c->ids[n % CALLS], __ATOMIC_ACQUIRE),
				       flags);
	}
}

static void close_tcp(struct transport *t)
{
	loopback_close(t);
	free(t->own);
}

const struct transport_ops transport_tcp = {
	.name = "tcp",
	.read_completes = VDEV_ZEROCOPY_RESPONSE,
	.open = open_tcp,
	.send = lend,
	.copy = loopback_copy,
	.receive = loopback_receive,
	.reap = reap,
	.close = close_tcp,
};
