/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages of the guest in a pipe: vmsplice(2) lends them, and the pipe holds them for as long as its
 * reader is stuck. The honest case: nothing is copied, and only reading completes a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <vdev/zerocopy.h>

#include "transport.h"

#define PIPE_BYTES (1 << 20) /* 256 pieces: what a pipe may have without privilege */

static int open_pipe(struct transport *t)
{
	int fds[2];

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC))
		return -errno;
	t->receive_fd = fds[0];
	t->send_fd = fds[1];
	fcntl(t->send_fd, F_SETPIPE_SZ, PIPE_BYTES); /* else it holds fewer */
	return 0;
}

static ssize_t lend(struct transport *t, const struct iovec *block, uint64_t id)
{
	ssize_t n = vmsplice(t->send_fd, block, 1, SPLICE_F_NONBLOCK);

	return n < 0 ? -errno : n;
}

static ssize_t copy(struct transport *t, const struct iovec *block)
{
	ssize_t n = write(t->send_fd, block->iov_base, block->iov_len);

	return n < 0 ? -errno : n;
}

static ssize_t receive(struct transport *t, void *buf, size_t size)
{
	ssize_t n = read(t->receive_fd, buf, size);

	return n < 0 ? -errno : n;
}

static void close_pipe(struct transport *t)
{
	if (t->send_fd >= 0)
		close(t->send_fd);
	if (t->receive_fd >= 0)
		close(t->receive_fd);
}

const struct transport_ops transport_vmsplice = {
	.name = "vmsplice",
	.read_completes = VDEV_ZEROCOPY_RESPONSE | VDEV_ZEROCOPY_TASK,
	.open = open_pipe,
	.send = lend,
	.copy = copy,
	.receive = receive,
	.close = close_pipe,
};
