/* SPDX-License-Identifier: BSD-3-Clause */
/* See loopback.h. */
#include "loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVER_BYTES 8192

static int listener(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), bytes = RECEIVER_BYTES;

	if (fd < 0)
		return -errno;
	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ||
	    bind(fd, (struct sockaddr *)address, size) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)address, &size)) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int join(struct transport *t, int listening, const struct sockaddr_in *address)
{
	int one = 1;

	t->send_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->send_fd < 0 ||
	    connect(t->send_fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    setsockopt(t->send_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		return -errno;
	t->receive_fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return t->receive_fd < 0 ? -errno : 0;
}

int loopback_open(struct transport *t)
{
	struct sockaddr_in address;
	int fd = listener(&address), r;

	if (fd < 0)
		return fd;
	r = join(t, fd, &address);
	close(fd);
	return r;
}

void loopback_close(struct transport *t)
{
	if (t->send_fd >= 0)
		close(t->send_fd);
	if (t->receive_fd >= 0)
		close(t->receive_fd);
}

ssize_t loopback_copy(struct transport *t, const struct iovec *block)
{
	ssize_t n = send(t->send_fd, block->iov_base, block->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

ssize_t loopback_receive(struct transport *t, void *buf, size_t size)
{
	ssize_t n = recv(t->receive_fd, buf, size, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}
