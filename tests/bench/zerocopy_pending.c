/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zero-copy queue with many messages pending, in one thread: the oldest ends and a new one is sent,
 * each of which cancels a deadline and arms one. Messages end about in order: shuffled within 256. The peer
 * takes a lock that nobody contends for, and keeps its deadlines in a wheel or in a heap.
 *
 * And the memory that a slot takes.
 */
#include <stdlib.h>

#include "bench.h"
#include "vt_rand.h"
#include "zerocopy_peer.h"

#define SLOTS VDEV_ZEROCOPY_MAX_SLOTS
#define MEMORY (UINT64_C(1) << 38)
#define SHUFFLE 256u
#define TICK 1000u
#define TIMEOUT UINT64_C(5000000000) /* longer than a million messages take */
#define BLOCK 65536u

struct side {
	struct vdev_zerocopy *vm;
	struct vdev_zerocopy_queue *queue;
	struct zpeer peer;
	int ours;
	uint32_t pending, operations;
	uint64_t n; /* messages so far */
	uint64_t *ids; /* ring of `pending`, a multiple of SHUFFLE */
	uint32_t *order; /* in which SHUFFLE neighbours end */
};

static uint64_t send_one(struct side *s)
{
	struct vdev_zerocopy_block block = {.struct_size = sizeof(block),
					    .flags = VDEV_ZEROCOPY_ANY_SIZE,
					    .address = s->n * BLOCK % (MEMORY - BLOCK),
					    .length_bytes = BLOCK,
					    .timeout_ns = TIMEOUT + s->n % 7 * (TIMEOUT / 8),
					    .destination = (uint32_t)(s->n / 64 % 4)};
	uint64_t id = 0, now = s->n * TICK;

	s->n++;
	if ((s->ours ? vdev_zerocopy_reserve(s->queue, &block, &id)
		     : zpeer_reserve(&s->peer, &block, &id)) != VDEV_ZEROCOPY_LEND)
		bench_die("zerocopy/pending: a block was not lent");
	if (!s->ours)
		zpeer_sent(&s->peer, now, id);
	else if (vdev_zerocopy_sent(s->queue, now, id, BLOCK) < 0)
		bench_die("zerocopy/pending: sent() was refused");
	return id;
}

static void complete(struct side *s, uint64_t id)
{
	if (s->ours ? vdev_zerocopy_complete(s->queue, id, id, VDEV_ZEROCOPY_TASK, NULL) < 0
		    : zpeer_complete(&s->peer, &id, 1) != 1)
		bench_die("zerocopy/pending: a message was not there");
}

static double turn(void *context)
{
	struct side *s = context;
	uint64_t begin = bench_now(), at;

	for (uint32_t i = 0; i < s->operations; i++) {
		at = s->n % s->pending;
		at = at / SHUFFLE * SHUFFLE + s->order[at % SHUFFLE];
		complete(s, s->ids[at]);
		s->ids[at] = send_one(s);
		if (s->n % 1000 == 0 && (s->ours ? (uint32_t)vdev_zerocopy_step(s->vm, s->n * TICK)
						 : zpeer_expire(&s->peer, s->n * TICK)))
			bench_die("zerocopy/pending: a message timed out");
	}
	return (double)(bench_now() - begin) / s->operations;
}

static struct vdev_zerocopy *object(uint32_t slots, struct vdev_zerocopy_queue **ret_queue)
{
	struct vdev_zerocopy_config config = {.struct_size = sizeof(config),
					      .max_queues = 1,
					      .max_destinations = 16,
					      .max_blocks = VDEV_ZEROCOPY_MAX_BLOCKS,
					      .max_bytes = VDEV_ZEROCOPY_MAX_BYTES,
					      .destination_blocks = VDEV_ZEROCOPY_MAX_BLOCKS,
					      .destination_bytes = VDEV_ZEROCOPY_MAX_BYTES};
	struct vdev_zerocopy_queue_config queue = {.struct_size = sizeof(queue), .slots = slots};
	struct vdev_zerocopy_memory memory = {
		.struct_size = sizeof(memory), .size_bytes = MEMORY, .granule_bytes = 4096};
	struct vdev_zerocopy *vm;

	if (vdev_zerocopy_new(&vm, NULL, &config) || vdev_zerocopy_add_memory(vm, &memory) ||
	    vdev_zerocopy_add_queue(vm, &queue, ret_queue))
		bench_die("zerocopy/pending: no object");
	return vm;
}

static struct side *make(int ours, uint32_t pending, int by_heap, int quick)
{
	struct side *s = bench_alloc(1, sizeof(*s));

	s->ours = ours;
	s->pending = pending / SHUFFLE * SHUFFLE;
	s->operations = quick ? 100000 : 500000;
	s->ids = bench_alloc(s->pending, sizeof(*s->ids));
	s->order = bench_shuffled(SHUFFLE);
	if (ours)
		s->vm = object(SLOTS, &s->queue);
	else
		zpeer_init(&s->peer, SLOTS, MEMORY, by_heap);
	for (uint32_t i = 0; i < s->pending; i++)
		s->ids[i] = send_one(s);
	return s;
}

static void unmake(struct side *s)
{
	if (!s->ours)
		zpeer_fini(&s->peer);
	vdev_zerocopy_free(s->vm);
	free(s->ids);
	free(s->order);
	free(s);
}

static void bytes(struct bench *b)
{
	static const uint32_t sizes[] = {1024, 65536, SLOTS};
	struct vdev_zerocopy_queue *queue;
	struct vdev_zerocopy_stats before, stats;

	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bench_row row = {.name = "zerocopy/bytes-slot",
					.n = sizes[i],
					.peer_name = "message of the peer",
					.unit = "bytes",
					.peer = sizeof(struct zpeer_message),
					.runs = 1};
		struct vdev_zerocopy *large = object(sizes[i], &queue), *least = object(16, &queue);

		if (vdev_zerocopy_stats(large, &stats, sizeof(stats)) ||
		    vdev_zerocopy_stats(least, &before, sizeof(before)))
			bench_die("no counters");
		row.ours =
			(double)(stats.allocated_bytes - before.allocated_bytes) / (sizes[i] - 16);
		row.ratio = row.peer / row.ours;
		bench_row(b, &row);
		vdev_zerocopy_free(large);
		vdev_zerocopy_free(least);
	}
}

void bench_zerocopy_pending(struct bench *b)
{
	static const uint32_t pending[] = {10000, 1000000};

	for (uint32_t i = 0; i < 2; i++)
		for (int by_heap = 0; by_heap < 2; by_heap++) {
			struct bench_row row = {.name = by_heap ? "zerocopy/pending-heap"
								: "zerocopy/pending-wheel",
						.n = pending[i],
						.peer_name = by_heap ? "free mutex, binary heap"
								     : "free mutex, timing wheel"};
			struct side *ours = make(1, pending[i], 0, b->quick);
			struct side *peer = make(0, pending[i], by_heap, b->quick);

			bench_pair(b, &row, &(struct bench_side){turn, ours},
				   &(struct bench_side){turn, peer}, b->quick ? 3 : 11);
			unmake(ours);
			unmake(peer);
		}
	bytes(b);
}
