/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hot path of the zero-copy engine: reserve and sent in one thread, complete in another, each on a
 * CPU of its own, against one object behind a mutex. The clock moves by 1 us with each message and time-outs
 * are 50 ms, so that what is put off falls due within the measured time.
 *
 * The completer takes what has been sent since it last looked, as a network card's or the kernel's
 * completions come: in ranges. Our ids are ranges; the peer gets its ids as a list, and both take
 * as many at a time.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench.h"
#include "zerocopy_peer.h"

#define SLOTS 32768u
#define WINDOW \
	16384u /* most messages in flight; many, since on a busy machine either thread may sleep */
#define NOT_YET UINT64_MAX /* the completer does not run */
#define KICK 64u /* messages for each look at what the other thread did */
#define RANGE 16u /* most completions in one call */
#define MEMORY (UINT64_C(1) << 30)
#define TIMEOUT UINT64_C(50000000)
#define TICK 1000u
#define BLOCK 65536u

struct side {
	struct vdev_zerocopy *vm;
	struct vdev_zerocopy_queue *queue;
	struct zpeer peer;
	int ours;
	uint64_t messages; /* of a turn */
	uint64_t range; /* most completions in one call */
	uint64_t now;
	uint64_t *ids; /* ring of WINDOW: what was sent */
	cpu_set_t owner_cpu, completer_cpu;
	_Alignas(64) _Atomic uint64_t sent;
	_Alignas(64) _Atomic uint64_t completed;
};

static void pin(const cpu_set_t *cpu)
{
	if (pthread_setaffinity_np(pthread_self(), sizeof(*cpu), cpu))
		bench_die("zerocopy: a thread could not be pinned");
}

/* Two CPUs out of those that the process may use. */
static int two_cpus(struct side *s)
{
	cpu_set_t all;
	int found = 0;

	if (sched_getaffinity(0, sizeof(all), &all))
		return 0;
	CPU_ZERO(&s->owner_cpu);
	CPU_ZERO(&s->completer_cpu);
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, found++ ? &s->completer_cpu : &s->owner_cpu);
	return found == 2;
}

static struct vdev_zerocopy_block block_of(uint64_t n)
{
	return (struct vdev_zerocopy_block){.struct_size = sizeof(struct vdev_zerocopy_block),
					    .flags = VDEV_ZEROCOPY_ANY_SIZE,
					    .address = n % (MEMORY / BLOCK) * BLOCK,
					    .length_bytes = BLOCK,
					    .timeout_ns = TIMEOUT,
					    .user_data = n,
					    .destination = (uint32_t)(n / 64 % 4)};
}

static uint64_t send_one(struct side *s, uint64_t n, uint64_t now)
{
	struct vdev_zerocopy_block block = block_of(n);
	uint64_t id = 0;
	int answer = s->ours ? vdev_zerocopy_reserve(s->queue, &block, &id)
			     : zpeer_reserve(&s->peer, &block, &id);

	if (answer != VDEV_ZEROCOPY_LEND)
		bench_die("zerocopy: a block was not lent");
	if (!s->ours)
		zpeer_sent(&s->peer, now, id);
	else if (vdev_zerocopy_sent(s->queue, now, id, BLOCK) < 0)
		bench_die("zerocopy: sent() was refused");
	return id;
}

/* ids[from .. from + count) of the ring. */
static void complete(struct side *s, uint64_t from, uint32_t count)
{
	uint64_t settled = 0;
	uint32_t ended;

	if (s->ours) {
		if (vdev_zerocopy_complete(s->queue, s->ids[from % WINDOW],
					   s->ids[from % WINDOW] + count - 1, VDEV_ZEROCOPY_TASK,
					   &settled) < 0)
			bench_die("zerocopy: complete() was refused");
		ended = (uint32_t)__builtin_popcountll(settled);
	} else {
		ended = zpeer_complete(&s->peer, &s->ids[from % WINDOW], count);
	}
	if (ended != count)
		bench_die("zerocopy: a message was not there when its completion came");
}

/* What a timer would do every thousandth message. */
static void expire(struct side *s, uint64_t now)
{
	if ((s->ours ? (uint32_t)vdev_zerocopy_step(s->vm, now) : zpeer_expire(&s->peer, now)))
		bench_die("zerocopy: a message timed out");
}

static void *completer(void *context)
{
	struct side *s = context;
	uint64_t done = 0, sent, count;

	atomic_store(&s->completed, 0);
	while (done < s->messages) {
		sent = atomic_load_explicit(&s->sent, memory_order_acquire);
		count = sent - done;
		if (!count) {
			sched_yield();
			continue;
		}
		if (count > s->range)
			count = s->range;
		if (count > WINDOW - done % WINDOW)
			count = WINDOW - done % WINDOW; /* the ring's end */
		complete(s, done, (uint32_t)count);
		if (done / 1000 != (done + count) / 1000)
			expire(s, s->now + done * TICK);
		done += count;
		atomic_store_explicit(&s->completed, done, memory_order_release);
	}
	return NULL;
}

/* On its CPU from the first moment on. */
static pthread_t start(struct side *s)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (pthread_attr_init(&attr) ||
	    pthread_attr_setaffinity_np(&attr, sizeof(s->completer_cpu), &s->completer_cpu) ||
	    pthread_create(&thread, &attr, completer, s))
		bench_die("zerocopy: no thread could be made");
	pthread_attr_destroy(&attr);
	while (atomic_load(&s->completed) == NOT_YET)
		sched_yield();
	return thread;
}

static double turn(void *context)
{
	struct side *s = context;
	pthread_t thread;
	uint64_t begin, completed = 0;

	atomic_store(&s->sent, 0);
	atomic_store(&s->completed, NOT_YET);
	pin(&s->owner_cpu);
	thread = start(s);
	begin = bench_now();
	for (uint64_t n = 0; n < s->messages; n++) {
		while (n - completed >= WINDOW) {
			completed = atomic_load_explicit(&s->completed, memory_order_acquire);
			if (n - completed >= WINDOW)
				sched_yield();
		}
		s->ids[n % WINDOW] = send_one(s, n, s->now + n * TICK);
		/* As a ring's doorbell: not for each message, or the bench would measure itself. */
		if ((n + 1) % KICK == 0 || n + 1 == s->messages)
			atomic_store_explicit(&s->sent, n + 1, memory_order_release);
	}
	pthread_join(thread, NULL);
	s->now += s->messages * TICK;
	return (double)(bench_now() - begin) / (double)s->messages;
}

static void make(struct side *s, int ours, const struct bench *b)
{
	struct vdev_zerocopy_config config = {.struct_size = sizeof(config),
					      .max_queues = 1,
					      .max_destinations = 16,
					      .max_bytes = UINT64_C(1) << 39,
					      .destination_bytes = UINT64_C(1) << 39,
					      .destination_blocks = 65536};
	struct vdev_zerocopy_queue_config queue = {.struct_size = sizeof(queue), .slots = SLOTS};
	struct vdev_zerocopy_memory memory = {
		.struct_size = sizeof(memory), .size_bytes = MEMORY, .granule_bytes = 4096};

	s->ours = ours;
	s->messages = b->quick ? 100000 : 300000;
	s->ids = bench_alloc(WINDOW, sizeof(*s->ids));
	if (!ours)
		zpeer_init(&s->peer, SLOTS, MEMORY, 0);
	else if (vdev_zerocopy_new(&s->vm, NULL, &config) ||
		 vdev_zerocopy_add_memory(s->vm, &memory) ||
		 vdev_zerocopy_add_queue(s->vm, &queue, &s->queue))
		bench_die("zerocopy: no object");
}

static void unmake(struct side *s)
{
	if (!s->ours)
		zpeer_fini(&s->peer);
	vdev_zerocopy_free(s->vm);
	free(s->ids);
	free(s);
}

void bench_zerocopy(struct bench *b)
{
	struct bench_row row = {.name = "zerocopy/hot-path",
				.n = 1,
				.peer_name = "one object behind a mutex",
				.goal = 8};
	struct side *ours = aligned_alloc(64, sizeof(*ours));
	struct side *peer = aligned_alloc(64, sizeof(*peer));
	cpu_set_t before;

	if (!ours || !peer || sched_getaffinity(0, sizeof(before), &before))
		bench_die("out of memory");
	*ours = (struct side){0};
	*peer = (struct side){0};
	if (!two_cpus(ours) || !two_cpus(peer)) {
		bench_failed(b, row.name, "needs two CPUs");
		free(ours);
		free(peer);
		return;
	}
	ours->range = peer->range = 1;
	make(ours, 1, b);
	make(peer, 0, b);
	bench_undisturbed(1);
	bench_pair(b, &row, &(struct bench_side){turn, ours}, &(struct bench_side){turn, peer},
		   b->quick ? 3 : 21);
	/* Ranges take the lock less often. */
	ours->range = peer->range = RANGE;
	row.name = "zerocopy/hot-path-ranges";
	row.n = RANGE;
	row.goal = 0;
	bench_pair(b, &row, &(struct bench_side){turn, ours}, &(struct bench_side){turn, peer},
		   b->quick ? 3 : 21);
	bench_undisturbed(0);
	pin(&before);
	unmake(ours);
	unmake(peer);
}
