/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending a block of any size: the engine decides between lending its pages to a pipe (vmsplice) and
 * copying it, and learns from what each has cost; the peer always copies. The receiver is not counted: the
 * pipe is emptied, and its end reported by complete(), between measurements.
 *
 * Blocks lie in guest memory that is larger than the CPU's inner caches, one behind the other, as data that a
 * guest has just made. The copy goes to a buffer of a ring, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vdev/zerocopy.h>

#include "bench.h"

#define GUEST (UINT64_C(16) << 20)
#define BUFFERS (UINT64_C(8) << 20)
#define PAGE 4096u
#define MOST 256u /* messages between two looks at the clock */

struct send {
	struct vdev_zerocopy *vm;
	struct vdev_zerocopy_queue *queue;
	uint8_t *guest, *buffers;
	int pipe[2], sink;
	uint64_t pipe_bytes;
	uint64_t size, turn_bytes, at, copied_at;
	uint64_t now;
	int always; /* lend each of them */
	uint32_t flight; /* lent and not complete */
	uint64_t ids[MOST];
};

static uint8_t *next_block(struct send *s)
{
	if (s->at + s->size > GUEST)
		s->at = 0;
	s->at += s->size;
	return s->guest + s->at - s->size;
}

static void copy(struct send *s, const uint8_t *block)
{
	if (s->copied_at + s->size > BUFFERS)
		s->copied_at = 0;
	memcpy(s->buffers + s->copied_at, block, s->size);
	s->copied_at += s->size;
}

/* Lends the pages to the pipe. A page of the pipe's room for each: the caller saw to that. */
static void lend(struct send *s, uint8_t *block, uint64_t id)
{
	struct iovec v = {block, s->size};
	ssize_t n = vmsplice(s->pipe[1], &v, 1, SPLICE_F_NONBLOCK);

	if (n != (ssize_t)s->size)
		bench_die("zerocopy/send: the pipe did not take a block");
	if (vdev_zerocopy_sent(s->queue, ++s->now, id, s->size) < 0)
		bench_die("zerocopy/send: sent() was refused");
	s->ids[s->flight++] = id;
}

static struct vdev_zerocopy_block block_of(const struct send *s, const uint8_t *data)
{
	return (struct vdev_zerocopy_block){.struct_size = sizeof(struct vdev_zerocopy_block),
					    .flags = s->always ? VDEV_ZEROCOPY_ANY_SIZE : 0,
					    .address = (uint64_t)(data - s->guest),
					    .length_bytes = s->size};
}

/* Who always copies looks, too, whether the block is within the guest's memory. */
static __attribute__((noinline)) int copy_checked(struct send *s,
						  const struct vdev_zerocopy_block *block)
{
	if (!block->length_bytes || block->address > GUEST ||
	    block->length_bytes > GUEST - block->address)
		return -EFAULT;
	copy(s, s->guest + block->address);
	return 0;
}

static void send_one(struct send *s)
{
	uint8_t *data = next_block(s);
	struct vdev_zerocopy_block block = block_of(s, data);
	uint64_t id, begin = 0;
	int answer = vdev_zerocopy_reserve(s->queue, &block, &id), how;

	if (answer & VDEV_ZEROCOPY_MEASURE)
		begin = bench_now();
	how = answer & VDEV_ZEROCOPY_ANSWER;
	if (how == VDEV_ZEROCOPY_LEND)
		lend(s, data, id);
	else if (how == VDEV_ZEROCOPY_COPY_SMALL)
		copy(s, data);
	else
		bench_die("zerocopy/send: a quota was reached");
	if (answer & VDEV_ZEROCOPY_MEASURE)
		vdev_zerocopy_cost(s->queue, (uint32_t)how, s->size, bench_now() - begin);
}

/* The receiver. What a completion costs the sender is counted: it is called where the clock runs. */
static void empty_pipe(struct send *s)
{
	for (uint64_t left = s->flight * s->size; left;) {
		ssize_t n = splice(s->pipe[0], NULL, s->sink, NULL, left, 0);

		if (n <= 0)
			bench_die("zerocopy/send: the pipe could not be emptied");
		left -= (uint64_t)n;
	}
}

static void complete(struct send *s)
{
	for (uint32_t i = 0; i < s->flight; i++)
		if (vdev_zerocopy_complete(s->queue, s->ids[i], s->ids[i], VDEV_ZEROCOPY_TASK,
					   NULL) < 0)
			bench_die("zerocopy/send: a completion was refused");
	s->flight = 0;
}

/* Messages that the pipe has room for, each of whose pages takes one place. */
static uint32_t batch_of(const struct send *s)
{
	uint64_t pages = (s->size + PAGE - 1) / PAGE, n = s->pipe_bytes / PAGE / pages;

	return n < MOST ? (uint32_t)n : MOST;
}

static double turn_ours(void *context)
{
	struct send *s = context;
	uint64_t spent = 0, begin, done = 0;
	uint32_t batch = batch_of(s);

	while (done * s->size < s->turn_bytes) {
		begin = bench_now();
		for (uint32_t i = 0; i < batch; i++)
			send_one(s);
		spent += bench_now() - begin;
		empty_pipe(s);
		begin = bench_now();
		complete(s);
		spent += bench_now() - begin;
		done += batch;
	}
	return (double)spent / (double)done;
}

static double turn_peer(void *context)
{
	struct send *s = context;
	uint64_t spent = 0, begin, done = 0;
	uint32_t batch = batch_of(s);

	while (done * s->size < s->turn_bytes) {
		begin = bench_now();
		for (uint32_t i = 0; i < batch; i++) {
			struct vdev_zerocopy_block block = block_of(s, next_block(s));

			if (copy_checked(s, &block))
				bench_die("zerocopy/send: not the guest's");
		}
		spent += bench_now() - begin;
		begin = bench_now(); /* as many looks at the clock */
		spent += bench_now() - begin;
		done += batch;
	}
	return (double)spent / (double)done;
}

static uint8_t *map(uint64_t size)
{
	uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		bench_die("out of memory");
	memset(p, 1, size);
	return p;
}

static void make_vm(struct send *s)
{
	struct vdev_zerocopy_config config = {.struct_size = sizeof(config),
					      .max_queues = 1,
					      .max_destinations = 1,
					      .destination_blocks = 65536,
					      .destination_bytes = UINT64_C(256) << 20};
	struct vdev_zerocopy_queue_config queue = {.struct_size = sizeof(queue),
						   .flags = VDEV_ZEROCOPY_ADAPTIVE,
						   .slots = 4096,
						   .threshold_bytes = 262144};
	struct vdev_zerocopy_memory memory = {
		.struct_size = sizeof(memory), .size_bytes = GUEST, .granule_bytes = PAGE};

	if (vdev_zerocopy_new(&s->vm, NULL, &config) || vdev_zerocopy_add_memory(s->vm, &memory) ||
	    vdev_zerocopy_add_queue(s->vm, &queue, &s->queue))
		bench_die("zerocopy/send: no object");
}

static int make(struct send *s)
{
	int size;

	*s = (struct send){.sink = open("/dev/null", O_WRONLY | O_CLOEXEC)};
	if (s->sink < 0 || pipe2(s->pipe, O_CLOEXEC))
		return -1;
	size = fcntl(s->pipe[1], F_SETPIPE_SZ, 4 << 20);
	if (size < 0) /* more than an unprivileged user may have */
		size = fcntl(s->pipe[1], F_SETPIPE_SZ, 1 << 20);
	s->pipe_bytes = size > 0 ? (uint64_t)size : 65536;
	s->guest = map(GUEST);
	s->buffers = map(BUFFERS);
	make_vm(s);
	return 0;
}

static void unmake(struct send *s)
{
	vdev_zerocopy_free(s->vm);
	munmap(s->guest, GUEST);
	munmap(s->buffers, BUFFERS);
	close(s->pipe[0]);
	close(s->pipe[1]);
	close(s->sink);
}

static void measure(struct bench *b, struct send *s, uint64_t size, int always)
{
	struct bench_row row = {.name = always ? "zerocopy/send-lent" : "zerocopy/send",
				.n = size,
				.peer_name = "memcpy into a buffer",
				.goal = always                      ? 0
					: size == UINT64_C(1) << 20 ? 1.5
								    : 0.95};

	s->size = size;
	s->always = always;
	s->turn_bytes = UINT64_C(1) << (b->quick ? 22 : 27);
	if (size < 16384)
		s->turn_bytes /= 4;
	bench_pair(b, &row, &(struct bench_side){turn_ours, s}, &(struct bench_side){turn_peer, s},
		   b->quick ? 3 : 15);
}

void bench_zerocopy_send(struct bench *b)
{
	struct send s;

	if (make(&s)) {
		bench_failed(b, "zerocopy/send", strerror(errno));
		return;
	}
	bench_undisturbed(1);
	for (int always = 0; always < 2; always++)
		for (uint64_t size = 1024; size <= UINT64_C(4) << 20 && size <= s.pipe_bytes;
		     size *= b->quick ? 32 : 2)
			measure(b, &s, size, always);
	bench_undisturbed(0);
	unmake(&s);
}
