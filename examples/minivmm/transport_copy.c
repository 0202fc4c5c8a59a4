/* SPDX-License-Identifier: BSD-3-Clause */
/* The plain copy: what every other transport is compared with. The task is over when send() returns. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/zerocopy.h>

#include "transport.h"

#define BUFFER_BYTES (1u << 20)

struct buffer {
	pthread_mutex_t lock;
	size_t first, used;
	uint8_t bytes[BUFFER_BYTES];
};

static int open_buffer(struct transport *t)
{
	struct buffer *b = malloc(sizeof(*b));

	if (!b)
		return -ENOMEM;
	pthread_mutex_init(&b->lock, NULL);
	b->first = b->used = 0;
	t->own = b;
	return 0;
}

static ssize_t copy(struct transport *t, const struct iovec *block)
{
	struct buffer *b = t->own;
	const uint8_t *from = block->iov_base;
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = BUFFER_BYTES - b->used < block->iov_len ? BUFFER_BYTES - b->used : block->iov_len;
	for (size_t done = 0; done < n;) {
		size_t at = (b->first + b->used) % BUFFER_BYTES, piece = BUFFER_BYTES - at;

		piece = piece < n - done ? piece : n - done;
		memcpy(b->bytes + at, from + done, piece);
		done += piece;
		b->used += piece;
	}
	pthread_mutex_unlock(&b->lock);
	return n ? (ssize_t)n : -EAGAIN;
}

static ssize_t copy_and_complete(struct transport *t, const struct iovec *block, uint64_t id)
{
	ssize_t n = copy(t, block);

	if (n > 0)
		transport_over(t, id, VDEV_ZEROCOPY_TASK | VDEV_ZEROCOPY_COPIED);
	return n;
}

static ssize_t receive(struct transport *t, void *buf, size_t size)
{
	struct buffer *b = t->own;
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = BUFFER_BYTES - b->first; /* to the end; the rest comes with the next call */
	n = n < b->used ? n : b->used;
	n = n < size ? n : size;
	memcpy(buf, b->bytes + b->first, n);
	b->first = (b->first + n) % BUFFER_BYTES;
	b->used -= n;
	pthread_mutex_unlock(&b->lock);
	return (ssize_t)n;
}

static void close_buffer(struct transport *t)
{
	struct buffer *b = t->own;

	if (b)
		pthread_mutex_destroy(&b->lock);
	free(b);
}

const struct transport_ops transport_copy = {
	.name = "copy",
	.read_completes = VDEV_ZEROCOPY_RESPONSE,
	.open = open_buffer,
	.send = copy_and_complete,
	.copy = copy,
	.receive = receive,
	.close = close_buffer,
};
