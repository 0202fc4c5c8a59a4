/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transports: ways for guest memory to reach a destination, with a receiver that can be stuck. Each is
 * one stream: its receiver knows what was sent, in order, and compares every byte that comes out.
 *
 * Threads: sends take turns; what the receiver does and next() may go on beside them.
 */
#ifndef MINIVMM_TRANSPORT_H
#define MINIVMM_TRANSPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define TRANSPORT_ROOM 1024u /* messages that were sent and not read, and completions */
#define TRANSPORT_NO_ID UINT64_MAX /* a message that nobody waits for: it was copied */

struct transport;
struct vm;

/* Messages lo..hi are over, in the way that flags say (VDEV_ZEROCOPY_RESPONSE ..). */
struct transport_done {
	uint64_t lo, hi;
	uint32_t flags;
};

struct transport_ops {
	const char *name;
	uint32_t read_completes; /* what is over when the receiver has read a message to its end */
	/* 0 or a negative errno: -EOPNOTSUPP, -EPERM, -ENOSYS: not on this machine */
	int (*open)(struct transport *t);
	/* Bytes that went out, 1..length, or a negative errno. `id` comes back in a completion. */
	ssize_t (*send)(struct transport *t, const struct iovec *block, uint64_t id);
	/* The same by copying; the block is not lent. */
	ssize_t (*copy)(struct transport *t, const struct iovec *block);
	/* What has come: bytes, 0 or -EAGAIN: none. */
	ssize_t (*receive)(struct transport *t, void *buf, size_t size);
	/* Finds completions that the host reports, by transport_over(); may be NULL. */
	void (*reap)(struct transport *t);
	/* Nanoseconds that a send takes where nothing is really sent; NULL: it is measured. */
	uint64_t (*cost)(bool lent, uint64_t bytes);
	void (*close)(struct transport *t);
};

/* A message that the receiver expects. */
struct transport_message {
	uint64_t id;
	uint32_t length;
	uint8_t *bytes;
};

/* What the receiver saw. */
struct transport_seen {
	uint64_t messages; /* read to their end */
	uint64_t right_bytes, wrong_bytes;
	uint64_t lent, copied; /* messages sent, by way */
	uint64_t kernel_copied; /* completions with COPIED */
	uint64_t completed; /* ids given to next() */
};

struct transport {
	const struct transport_ops *ops;
	struct vm *vm;
	void *own;
	int send_fd, receive_fd; /* -1: none */
	pthread_mutex_t sending; /* one send at a time: a stream has an order */
	uint32_t wanted; /* flags of completions that somebody waits for */
	atomic_bool stuck; /* the receiver does not read */
	pthread_mutex_t lock; /* of all below */
	struct transport_message messages[TRANSPORT_ROOM];
	uint32_t first, count, offset;
	struct transport_done done[TRANSPORT_ROOM];
	uint32_t done_first, done_count;
	uint32_t owed; /* completions that have not come */
	struct transport_seen seen;
};

extern const struct transport_ops transport_copy, transport_model;
#ifdef HAVE_KVM
extern const struct transport_ops transport_vmsplice, transport_tcp, transport_uring;
#endif

/* `wanted`: VDEV_ZEROCOPY_RESPONSE, TASK or both; completions of other kinds are left out. */
int transport_open(struct transport *t, const struct transport_ops *ops, struct vm *vm,
		   uint32_t wanted);
void transport_close(struct transport *t); /* also one that was never opened */
/* id TRANSPORT_NO_ID: by copying. Bytes, or a negative errno; and what it cost, may be NULL. */
ssize_t transport_send(struct transport *t, const struct iovec *block, uint64_t id,
		       uint64_t *ret_cost_ns);
void transport_stick(struct transport *t, bool stuck);
/* Reads what is there, stuck or not, and compares. Returns the number of bytes. */
size_t transport_read(struct transport *t);
/* 1: the next completion; 0: none. */
int transport_next(struct transport *t, struct transport_done *ret_done);
struct transport_seen transport_seen(struct transport *t);
/* Messages that were sent and not read. */
uint32_t transport_waiting(struct transport *t);

/* For the transports: a message is over. Takes the lock. */
void transport_over(struct transport *t, uint64_t id, uint32_t flags);

#endif
