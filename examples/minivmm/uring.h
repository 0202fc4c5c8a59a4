/* SPDX-License-Identifier: BSD-3-Clause */
/* A small io_uring: one request at a time is submitted, completions are taken from the ring. */
#ifndef MINIVMM_URING_H
#define MINIVMM_URING_H

#include <linux/io_uring.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uring {
	pthread_mutex_t lock; /* the caller's: all calls need it */
	bool locks; /* the lock exists */
	int fd;
	void *ring; /* both rings in one mapping */
	size_t ring_size;
	struct io_uring_sqe *sqes;
	size_t sqes_size;
	uint32_t *sq_tail, *sq_array, sq_mask;
	uint32_t *cq_head, *cq_tail, cq_mask;
	struct io_uring_cqe *cqes;
};

int uring_open(struct uring *u); /* zeroed; 0 or a negative errno */
void uring_close(struct uring *u);
int uring_submit(struct uring *u, const struct io_uring_sqe *sqe);
int uring_wait(struct uring *u); /* until there is a completion */
bool uring_take(struct uring *u, struct io_uring_cqe *ret_cqe);
/* Pins memory for fixed reads and writes: buffer 0. */
int uring_pin(struct uring *u, void *memory, size_t size);

#endif
