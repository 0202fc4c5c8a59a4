/* SPDX-License-Identifier: BSD-3-Clause */
/* What all transports share: what the receiver expects, the comparison, and the completions. */
#include "transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vdev/zerocopy.h>

int transport_open(struct transport *t, const struct transport_ops *ops, struct vm *vm,
		   uint32_t wanted)
{
	int r;

	memset(t, 0, sizeof(*t));
	t->vm = vm;
	t->send_fd = t->receive_fd = -1;
	t->wanted = wanted;
	pthread_mutex_init(&t->sending, NULL);
	pthread_mutex_init(&t->lock, NULL);
	t->ops = ops;
	r = ops->open(t);
	if (r)
		transport_close(t);
	return r;
}

void transport_close(struct transport *t)
{
	if (!t->ops)
		return;
	t->ops->close(t);
	for (uint32_t i = 0; i < t->count; i++)
		free(t->messages[(t->first + i) % TRANSPORT_ROOM].bytes);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->sending);
	t->ops = NULL;
}

/* Completions that one message has: for what is over by reading, and for what the host reports. */
static uint32_t owes(const struct transport *t, uint64_t id)
{
	if (id == TRANSPORT_NO_ID)
		return 0;
	return ((t->wanted & t->ops->read_completes) != 0) +
	       ((t->wanted & ~t->ops->read_completes) != 0);
}

/* Completions of neighbours become one range. */
static void over(struct transport *t, uint64_t id, uint32_t flags)
{
	struct transport_done *last =
		&t->done[(t->done_first + t->done_count - 1) % TRANSPORT_ROOM];

	if (flags & VDEV_ZEROCOPY_COPIED)
		t->seen.kernel_copied++;
	if (id == TRANSPORT_NO_ID || !(flags & t->wanted))
		return;
	flags &= t->wanted | VDEV_ZEROCOPY_COPIED;
	t->owed--;
	if (t->done_count && last->hi + 1 == id && last->flags == flags &&
	    id - last->lo < VDEV_ZEROCOPY_MAX_RANGE) {
		last->hi = id;
		return;
	}
	t->done[(t->done_first + t->done_count++) % TRANSPORT_ROOM] =
		(struct transport_done){.lo = id, .hi = id, .flags = flags};
}

void transport_over(struct transport *t, uint64_t id, uint32_t flags)
{
	pthread_mutex_lock(&t->lock);
	over(t, id, flags);
	pthread_mutex_unlock(&t->lock);
}

/* A message is expected before it is sent: its bytes may be read before send() has returned. */
static bool expect(struct transport *t, const struct iovec *block, uint64_t id)
{
	struct transport_message *m;
	uint8_t *bytes = malloc(block->iov_len);
	bool room;

	if (!bytes)
		return false;
	memcpy(bytes, block->iov_base, block->iov_len);
	pthread_mutex_lock(&t->lock);
	room = t->count < TRANSPORT_ROOM && t->owed + t->done_count + 2 <= TRANSPORT_ROOM;
	if (room) {
		m = &t->messages[(t->first + t->count) % TRANSPORT_ROOM];
		m->id = id;
		m->length = (uint32_t)block->iov_len;
		m->bytes = bytes;
		t->count++;
		t->owed += owes(t, id);
	}
	pthread_mutex_unlock(&t->lock);
	if (!room)
		free(bytes);
	return room;
}

static void read_to_end(struct transport *t)
{
	struct transport_message *m = &t->messages[t->first];

	over(t, m->id, t->ops->read_completes);
	free(m->bytes);
	t->first = (t->first + 1) % TRANSPORT_ROOM;
	t->count--;
	t->offset = 0;
	t->seen.messages++;
}

/* The last one went out in part, or not at all. */
static void shorten(struct transport *t, uint32_t length)
{
	struct transport_message *m = &t->messages[(t->first + t->count - 1) % TRANSPORT_ROOM];

	m->length = length;
	if (length && (t->count > 1 || t->offset < length))
		return;
	if (t->count == 1 && length) {
		read_to_end(t);
		return;
	}
	t->owed -= owes(t, m->id);
	free(m->bytes);
	t->count--;
}

/* Of the thread's own time: what others did meanwhile is no cost of a send. */
static uint64_t worked_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static ssize_t measured(struct transport *t, const struct iovec *block, uint64_t id,
			uint64_t *ret_cost_ns)
{
	uint64_t began = worked_ns();
	bool lent = id != TRANSPORT_NO_ID;
	ssize_t n = lent ? t->ops->send(t, block, id) : t->ops->copy(t, block);

	*ret_cost_ns = t->ops->cost ? t->ops->cost(lent, block->iov_len) : worked_ns() - began;
	return n;
}

static void sent(struct transport *t, const struct iovec *block, uint64_t id, ssize_t n)
{
	pthread_mutex_lock(&t->lock);
	if (n > 0)
		*(id == TRANSPORT_NO_ID ? &t->seen.copied : &t->seen.lent) += 1;
	if (n < (ssize_t)block->iov_len)
		shorten(t, n > 0 ? (uint32_t)n : 0);
	pthread_mutex_unlock(&t->lock);
}

ssize_t transport_send(struct transport *t, const struct iovec *block, uint64_t id,
		       uint64_t *ret_cost_ns)
{
	ssize_t n = -ENOBUFS;
	uint64_t ns = 0;

	pthread_mutex_lock(&t->sending);
	if (expect(t, block, id)) {
		n = measured(t, block, id, &ns);
		sent(t, block, id, n);
	}
	pthread_mutex_unlock(&t->sending);
	if (ret_cost_ns)
		*ret_cost_ns = ns;
	return n ? n : -EAGAIN;
}

void transport_stick(struct transport *t, bool stuck)
{
	atomic_store(&t->stuck, stuck);
}

/* Compares what came with what was sent. */
static void compare(struct transport *t, const uint8_t *data, size_t size)
{
	while (size) {
		struct transport_message *m = &t->messages[t->first];
		size_t n;

		if (!t->count) {
			t->seen.wrong_bytes += size; /* nobody sent these */
			return;
		}
		n = m->length - t->offset < size ? m->length - t->offset : size;
		for (size_t i = 0; i < n; i++)
			*(data[i] == m->bytes[t->offset + i] ? &t->seen.right_bytes
							     : &t->seen.wrong_bytes) += 1;
		data += n;
		size -= n;
		t->offset += (uint32_t)n;
		if (t->offset == m->length)
			read_to_end(t);
	}
}

size_t transport_read(struct transport *t)
{
	uint8_t buf[16384];
	size_t all = 0;
	ssize_t n;

	do {
		/* One at a time looks, so that bytes are compared in the order of the stream. */
		pthread_mutex_lock(&t->lock);
		n = t->ops->receive(t, buf, sizeof(buf));
		if (n > 0)
			compare(t, buf, (size_t)n);
		pthread_mutex_unlock(&t->lock);
		all += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return all;
}

int transport_next(struct transport *t, struct transport_done *ret_done)
{
	int r = 0;

	if (t->ops->reap)
		t->ops->reap(t);
	pthread_mutex_lock(&t->lock);
	if (t->done_count) {
		*ret_done = t->done[t->done_first];
		t->done_first = (t->done_first + 1) % TRANSPORT_ROOM;
		t->done_count--;
		t->seen.completed += ret_done->hi - ret_done->lo + 1;
		r = 1;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

struct transport_seen transport_seen(struct transport *t)
{
	struct transport_seen seen;

	pthread_mutex_lock(&t->lock);
	seen = t->seen;
	pthread_mutex_unlock(&t->lock);
	return seen;
}

uint32_t transport_waiting(struct transport *t)
{
	uint32_t n;

	pthread_mutex_lock(&t->lock);
	n = t->count;
	pthread_mutex_unlock(&t->lock);
	return n;
}
