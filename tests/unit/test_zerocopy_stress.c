/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: one owner thread, two that complete, one that expires, one with the VM object (Z6,
 * Z7, Z8, Z13). TSan has nothing to say about a protocol made of atomics, so each message counts how
 * often its guest was told, and at the end the quotas are counted out:
 *
 *   told twice    by two of abort(), sent(), complete() and ACCESSIBLE
 *   never told    by none of them, although everybody did their part
 *   quota drift   blocks and bytes that can be lent then, beside what the configuration says
 */
#include "test_zerocopy_rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define RUN_NS 500000000
#define MOST (1u << 22) /* messages of one run */
#define FEWEST 2000u /* also where all threads share one processor */
#define RING 1024u
#define COMPLETERS 2u
#define DESTINATIONS 2u
#define LATE 48u /* messages that a completer holds back */
#define BLOCKS 40u /* fewer than slots: batches of credits are single ones, so it is exact */
#define BYTES (BLOCKS * VZ_PAGE)
#define TIMEOUT 300u /* ticks of a clock that each message moves on */

struct ring {
	_Atomic uint32_t head, tail;
	uint64_t ids[RING];
};

struct completer {
	struct ring in;
	struct vt_rand rand;
	uint64_t late[LATE];
	uint32_t late_count;
	uint32_t flags; /* what it knows of */
	uint32_t share; /* it is told of each message, or of those of this parity */
};

static struct vdev_zerocopy *vm;
static struct vdev_zerocopy_queue *queue;
static struct completer completers[COMPLETERS];
static _Atomic uint64_t clock_now, newest;
static atomic_int owner_ended, stop;
static _Atomic unsigned char *told; /* by sequence */
static unsigned char *was_lent;
static uint64_t messages, aborted, partial;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void tell(uint64_t id)
{
	atomic_fetch_add_explicit(&told[id % MOST], 1, memory_order_relaxed);
}

/* Owner thread: hands the id to those that will complete it, before the send or after it. */
static void pass_on(struct completer *c, uint64_t id)
{
	uint32_t head = atomic_load_explicit(&c->in.head, memory_order_relaxed);

	while (head - atomic_load_explicit(&c->in.tail, memory_order_acquire) == RING)
		sched_yield();
	c->in.ids[head % RING] = id;
	atomic_store_explicit(&c->in.head, head + 1, memory_order_release);
}

static void pass_on_all(uint64_t id)
{
	for (uint32_t i = 0; i < COMPLETERS; i++)
		if (completers[i].share == COMPLETERS || completers[i].share == id % COMPLETERS)
			pass_on(&completers[i], id);
}

static void send_one(struct vt_rand *rand, uint64_t id, uint64_t length)
{
	uint64_t now = atomic_fetch_add(&clock_now, 1);
	uint64_t bytes = length > 1 && vt_chance(rand, 20) ? length / 2 : length;
	int early = vt_chance(rand, 50), ret;

	was_lent[id % MOST] = 1;
	messages++;
	if (vt_chance(rand, 5)) {
		if (!vdev_zerocopy_abort(queue, id))
			tell(id);
		aborted++;
		return;
	}
	if (early)
		pass_on_all(id);
	ret = vdev_zerocopy_sent(queue, now, id, bytes);
	if (ret >= 0 && ret & VDEV_ZEROCOPY_SETTLED)
		tell(id);
	partial += bytes < length;
	if (!early)
		pass_on_all(id);
	atomic_store_explicit(&newest, id, memory_order_relaxed);
}

static void *owner(void *arg)
{
	uint64_t end = now_ns() + RUN_NS, id = 0;
	struct vt_rand rand;

	(void)arg;
	vt_rand_seed(&rand, 1);
	for (uint32_t n = 1; (n % 64 || now_ns() < end || messages < FEWEST) && id < MOST - 1000;
	     n++) {
		const struct vdev_zerocopy_block block = {
			.struct_size = sizeof(block),
			.address = VZ_RAM + vt_below(&rand, 64) * 512,
			.length_bytes = 1 + vt_below(&rand, 2 * VZ_PAGE),
			.timeout_ns = TIMEOUT,
			.destination = (uint32_t)vt_below(&rand, DESTINATIONS)};

		if (vdev_zerocopy_reserve(queue, &block, &id) == VDEV_ZEROCOPY_LEND)
			send_one(&rand, id, block.length_bytes);
		else
			sched_yield();
		atomic_fetch_add(&clock_now, 1);
	}
	atomic_store(&owner_ended, 1);
	return NULL;
}

static void complete_range(struct completer *c, uint64_t lo, uint64_t hi)
{
	uint64_t settled = 0;

	if (vdev_zerocopy_complete(queue, lo, hi, c->flags, &settled) < 0)
		return;
	for (uint32_t i = 0; i < 64; i++)
		if (settled >> i & 1)
			tell(lo + i);
}

static void complete_late(struct completer *c)
{
	uint32_t i = (uint32_t)vt_below(&c->rand, LATE);

	if (i >= c->late_count)
		return;
	complete_range(c, c->late[i], c->late[i]);
	c->late[i] = c->late[--c->late_count];
}

/* Mostly at once; some are held back; now and then twice, or with neighbours that may not exist. */
static void complete_one(struct completer *c, uint64_t id)
{
	if (vt_chance(&c->rand, 10) && c->late_count < LATE) {
		c->late[c->late_count++] = id;
		return;
	}
	complete_range(c, id, id);
	if (vt_chance(&c->rand, 5))
		complete_range(c, id, id);
	if (vt_chance(&c->rand, 20))
		complete_late(c);
}

static void *complete_all(void *arg)
{
	struct completer *c = arg;

	for (;;) {
		uint32_t tail = atomic_load_explicit(&c->in.tail, memory_order_relaxed);
		int ended = atomic_load(&owner_ended);

		if (tail != atomic_load_explicit(&c->in.head, memory_order_acquire)) {
			complete_one(c, c->in.ids[tail % RING]);
			atomic_store_explicit(&c->in.tail, tail + 1, memory_order_release);
		} else if (ended) {
			break;
		} else {
			if (vt_chance(&c->rand, 5))
				complete_late(c);
			sched_yield();
		}
	}
	while (c->late_count--)
		complete_range(c, c->late[c->late_count], c->late[c->late_count]);
	return NULL;
}

static void *expire_all(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		vdev_zerocopy_expire(queue, atomic_load(&clock_now));
		sched_yield();
	}
	return NULL;
}

static void work(void)
{
	uint64_t now = atomic_load(&clock_now);
	struct vdev_action a;

	vdev_zerocopy_step(vm, now);
	sched_yield(); /* OFFLINE waits: a completion may still come in time */
	while (vdev_zerocopy_next(vm, &a, sizeof(a)) == 1) {
		if (a.kind == VDEV_ZEROCOPY_ACCESSIBLE)
			tell(a.dev);
		vdev_zerocopy_done(vm, now, a.id,
				   a.kind == VDEV_ZEROCOPY_OFFLINE && a.id % 16 == 0 ? -EIO : 0);
	}
}

static void *vm_thread(void *arg)
{
	struct vdev_zerocopy_stats s;
	struct vt_rand rand;
	int resetting = 0;

	(void)arg;
	vt_rand_seed(&rand, 2);
	while (!atomic_load(&stop)) {
		uint64_t now = atomic_load(&clock_now);

		if (vt_chance(&rand, 20))
			vdev_zerocopy_reclaim(vm, now, atomic_load(&newest), 0);
		if (vt_chance(&rand, 1))
			vdev_zerocopy_reclaim_all(vm, now, NULL, 0, 0);
		if (vt_chance(&rand, 1))
			resetting |= vdev_zerocopy_reset_begin(vm, now, 0, 0) >= 0;
		work();
		if (resetting)
			resetting = vdev_zerocopy_reset_end(vm, now) < 0;
		vdev_zerocopy_stats(vm, &s, sizeof(s));
		sched_yield();
	}
	for (uint32_t i = 0; resetting && i < 1000; i++) {
		work();
		resetting = vdev_zerocopy_reset_end(vm, atomic_load(&clock_now)) < 0;
	}
	return NULL;
}

static int lends(uint64_t address, uint64_t length, uint32_t destination, uint64_t *ret_id)
{
	const struct vdev_zerocopy_block block = {.struct_size = sizeof(block),
						  .address = address,
						  .length_bytes = length,
						  .destination = destination};

	return vdev_zerocopy_reserve(queue, &block, ret_id) == VDEV_ZEROCOPY_LEND;
}

/* As many blocks as are allowed, and all bytes in one, to each destination: no more, no less. */
static uint64_t quota_drift(void)
{
	uint64_t ids[2 * BLOCKS], drift = 0;

	for (uint32_t d = 0; d < DESTINATIONS; d++) {
		uint32_t n = 0;

		while (n < 2 * BLOCKS && lends(VZ_RAM, 1, d, &ids[n]))
			n++;
		drift += n > BLOCKS ? n - BLOCKS : BLOCKS - n;
		while (n)
			vdev_zerocopy_abort(queue, ids[--n]);
		drift += !lends(VZ_RAM, BYTES, d, &ids[0]);
		drift += lends(VZ_RAM, 1, d, &ids[1]);
		vdev_zerocopy_abort(queue, ids[0]);
	}
	return drift;
}

static void begin(uint32_t until)
{
	const struct vdev_zerocopy_config config = {.struct_size = sizeof(config),
						    .max_queues = 1,
						    .max_destinations = DESTINATIONS,
						    .until = until,
						    .timeout_min_ns = 1,
						    .max_blocks = BLOCKS,
						    .max_bytes = BYTES,
						    .destination_blocks = BLOCKS,
						    .destination_bytes = BYTES,
						    .retry_ns = 1};
	const struct vdev_zerocopy_memory memory = {.struct_size = sizeof(memory),
						    .address = VZ_RAM,
						    .size_bytes = VZ_RAM_SIZE,
						    .granule_bytes = VZ_PAGE};
	const struct vdev_zerocopy_queue_config slots = {.struct_size = sizeof(slots), .slots = 64};

	assert_int_equal(vdev_zerocopy_new(&vm, NULL, &config), 0);
	assert_int_equal(vdev_zerocopy_add_memory(vm, &memory), 0);
	assert_int_equal(vdev_zerocopy_add_queue(vm, &slots, &queue), 0);
	assert_true((told = calloc(MOST, 1)) && (was_lent = calloc(MOST, 1)));
	memset(completers, 0, sizeof(completers));
	atomic_store(&clock_now, 1);
	atomic_store(&newest, 0);
	atomic_store(&owner_ended, 0);
	atomic_store(&stop, 0);
	messages = aborted = partial = 0;
}

static void run_threads(void)
{
	pthread_t threads[COMPLETERS], first, expirer, cold;

	for (uint32_t i = 0; i < COMPLETERS; i++) {
		vt_rand_seed(&completers[i].rand, 10 + i);
		assert_int_equal(pthread_create(&threads[i], NULL, complete_all, &completers[i]),
				 0);
	}
	assert_int_equal(pthread_create(&expirer, NULL, expire_all, NULL), 0);
	assert_int_equal(pthread_create(&cold, NULL, vm_thread, NULL), 0);
	assert_int_equal(pthread_create(&first, NULL, owner, NULL), 0);
	pthread_join(first, NULL);
	for (uint32_t i = 0; i < COMPLETERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&stop, 1);
	pthread_join(expirer, NULL);
	pthread_join(cold, NULL);
}

static void count(void)
{
	uint64_t twice = 0, never = 0, drift;
	struct vdev_zerocopy_stats s;

	work(); /* all that was lent is complete: what is claimed comes to its end, too */
	drift = quota_drift();
	for (uint32_t i = 0; i < MOST; i++) {
		twice += told[i] > 1;
		never += was_lent[i] && !told[i];
	}
	vdev_zerocopy_stats(vm, &s, sizeof(s));
	print_message(
		"messages %llu told twice %llu never told %llu quota drift %llu (aborted %llu, "
		"in part %llu, timed out %llu, asked %llu, reset %llu, in time %llu, reclaimed "
		"%llu, refused %llu, stale %llu)\n",
		(unsigned long long)messages, (unsigned long long)twice, (unsigned long long)never,
		(unsigned long long)drift, (unsigned long long)aborted, (unsigned long long)partial,
		(unsigned long long)s.timed_out, (unsigned long long)s.asked,
		(unsigned long long)s.reset, (unsigned long long)s.in_time,
		(unsigned long long)s.reclaimed, (unsigned long long)s.reclaim_refused,
		(unsigned long long)s.stale);
	assert_int_equal(twice | never | drift, 0);
	assert_int_equal(s.blocks | s.bytes | s.quarantined_blocks | s.quarantined_bytes, 0);
	assert_int_equal(s.operations, 0);
	assert_true(messages > 100 && s.reclaimed && s.stale); /* it was a race */
	free(told);
	free(was_lent);
	vdev_zerocopy_free(vm);
}

/* Each completer knows of one thing; of each message, or of every other one. */
static void run(uint32_t until, uint32_t first, uint32_t second, int all)
{
	begin(until);
	for (uint32_t i = 0; i < COMPLETERS; i++) {
		completers[i].flags = i ? second : first;
		completers[i].share = all ? COMPLETERS : i;
	}
	run_threads();
	count();
}

static void z7_each_message_has_one_completer(void **state)
{
	(void)state;
	run(VDEV_ZEROCOPY_UNTIL_TASK, TASK, TASK, 0);
}

static void z7_each_message_has_two_completers(void **state)
{
	(void)state;
	run(VDEV_ZEROCOPY_UNTIL_ALL, RESPONSE, TASK, 1);
}

/* Whoever is first. */
static void z7_two_completers_race(void **state)
{
	(void)state;
	run(VDEV_ZEROCOPY_UNTIL_ANY, RESPONSE, TASK, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(z7_each_message_has_one_completer),
		cmocka_unit_test(z7_each_message_has_two_completers),
		cmocka_unit_test(z7_two_completers_race),
	};

	return cmocka_run_group_tests_name("zerocopy_stress", tests, NULL, NULL);
}
