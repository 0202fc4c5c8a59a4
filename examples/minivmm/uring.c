/* SPDX-License-Identifier: BSD-3-Clause */
/* See uring.h. Without liburing: what the mini-VMM needs of it is this file. */
#include "uring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define ENTRIES 512u

static void *map(struct uring *u, size_t size, off_t what)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd, what);

	return at == MAP_FAILED ? NULL : at;
}

static uint32_t *in_ring(struct uring *u, uint32_t offset)
{
	return (uint32_t *)(void *)((char *)u->ring + offset);
}

static int map_rings(struct uring *u, const struct io_uring_params *p)
{
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

	u->ring_size = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	u->ring_size = u->ring_size > cq ? u->ring_size : cq;
	u->sqes_size = p->sq_entries * sizeof(struct io_uring_sqe);
	u->ring = map(u, u->ring_size, IORING_OFF_SQ_RING);
	u->sqes = map(u, u->sqes_size, IORING_OFF_SQES);
	if (!u->ring || !u->sqes)
		return -errno;
	u->sq_tail = in_ring(u, p->sq_off.tail);
	u->sq_array = in_ring(u, p->sq_off.array);
	u->sq_mask = *in_ring(u, p->sq_off.ring_mask);
	u->cq_head = in_ring(u, p->cq_off.head);
	u->cq_tail = in_ring(u, p->cq_off.tail);
	u->cq_mask = *in_ring(u, p->cq_off.ring_mask);
	u->cqes = (struct io_uring_cqe *)(void *)((char *)u->ring + p->cq_off.cqes);
	return 0;
}

int uring_open(struct uring *u)
{
	struct io_uring_params p;
	int r;

	pthread_mutex_init(&u->lock, NULL);
	u->locks = true;
	memset(&p, 0, sizeof(p));
	u->fd = (int)syscall(__NR_io_uring_setup, ENTRIES, &p);
	if (u->fd < 0)
		return -errno;
	if (!(p.features & IORING_FEAT_SINGLE_MMAP))
		return -EOPNOTSUPP;
	r = map_rings(u, &p);
	return r;
}

void uring_close(struct uring *u)
{
	if (u->sqes)
		munmap(u->sqes, u->sqes_size);
	if (u->ring)
		munmap(u->ring, u->ring_size);
	if (u->locks && u->fd >= 0)
		close(u->fd);
	if (u->locks)
		pthread_mutex_destroy(&u->lock);
}

static int enter(struct uring *u, uint32_t submit, uint32_t wait)
{
	long r;

	do
		r = syscall(__NR_io_uring_enter, u->fd, submit, wait,
			    wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int uring_submit(struct uring *u, const struct io_uring_sqe *sqe)
{
	uint32_t tail = *u->sq_tail, slot = tail & u->sq_mask;

	u->sqes[slot] = *sqe;
	u->sq_array[slot] = slot;
	__atomic_store_n(u->sq_tail, tail + 1, __ATOMIC_RELEASE);
	return enter(u, 1, 0);
}

int uring_wait(struct uring *u)
{
	return enter(u, 0, 1);
}

bool uring_take(struct uring *u, struct io_uring_cqe *ret_cqe)
{
	uint32_t head = *u->cq_head;

	if (head == __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE))
		return false;
	*ret_cqe = u->cqes[head & u->cq_mask];
	__atomic_store_n(u->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

int uring_pin(struct uring *u, void *memory, size_t size)
{
	struct iovec buffer = {.iov_base = memory, .iov_len = size};

	return syscall(__NR_io_uring_register, u->fd, IORING_REGISTER_BUFFERS, &buffer, 1) ? -errno
											   : 0;
}
