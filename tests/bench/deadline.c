/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The deadline structure alone: cancel and arm, with n deadlines pending.
 *
 * The load is what the removal engine asks of it: a unit at random ends its step and begins another one,
 * whose length is one of the UNSAFE action set's. The clock moves by 100 ns with each operation, so
 * that what lazy structures put off falls due within the measured time; every 1000 operations what has
 * expired is taken and armed again.
 */
#include <stdlib.h>
#include <vdev/removal.h>

#include "deadline.h"
#include "deadline_load.h"
#include "env.h"
#include "heap.h"
#include "wheel.h"

struct ours {
	struct load load;
	struct vdev_env env;
	struct vdev__deadlines deadlines;
};

struct by_wheel {
	struct load load;
	struct wheel wheel;
	struct wheel_timer *timers;
};

struct by_heap {
	struct load load;
	struct heap heap;
	struct heap_timer *timers;
};

static double turn_ours(void *context)
{
	struct ours *o = context;
	struct load *l = &o->load;
	uint64_t begin = bench_now(), end = l->at + l->operations;
	uint32_t item;

	while (l->at < end) {
		load_next(l);
		item = load_item(l);
		vdev__deadlines_cancel(&o->deadlines, item);
		vdev__deadlines_arm(&o->deadlines, item, load_ns(l));
		if (l->at % LOAD_POLL == 0)
			while (vdev__deadlines_expire(&o->deadlines, load_clock(l), &item))
				vdev__deadlines_arm(&o->deadlines, item, load_ns(l));
	}
	return load_ended(l, begin);
}

static double turn_wheel(void *context)
{
	struct by_wheel *w = context;
	struct load *l = &w->load;
	uint64_t begin = bench_now(), end = l->at + l->operations;
	struct wheel_timer *t;

	while (l->at < end) {
		load_next(l);
		t = &w->timers[load_item(l)];
		wheel_cancel(t);
		wheel_arm(&w->wheel, t, load_ns(l));
		if (l->at % LOAD_POLL == 0)
			while ((t = wheel_expire(&w->wheel, load_clock(l))))
				wheel_arm(&w->wheel, t, load_ns(l));
	}
	return load_ended(l, begin);
}

static double turn_heap(void *context)
{
	struct by_heap *h = context;
	struct load *l = &h->load;
	uint64_t begin = bench_now(), end = l->at + l->operations;
	struct heap_timer *t;

	while (l->at < end) {
		load_next(l);
		t = &h->timers[load_item(l)];
		heap_cancel(&h->heap, t);
		heap_arm(&h->heap, t, load_ns(l));
		if (l->at % LOAD_POLL == 0)
			while ((t = heap_expire(&h->heap, load_clock(l))))
				heap_arm(&h->heap, t, load_ns(l));
	}
	return load_ended(l, begin);
}

/* Two seconds of the load's clock: from then on each old deadline that was moved has come up. */
static void warm_up(struct load *l, double (*turn)(void *), void *context, int quick)
{
	uint64_t until = l->at + (quick ? 2u : 20u) * 1000000u;

	while (l->at < until)
		turn(context);
}

static void against_wheel(struct bench *b, struct ours *o, uint32_t n)
{
	struct bench_row row = {.name = "removal/deadline-wheel",
				.n = n,
				.peer_name = "timing wheel",
				.goal = n >= 100000 ? 2 : 0};
	struct by_wheel *w = bench_alloc(1, sizeof(*w));

	load_make(&w->load, n, b->quick);
	w->timers = bench_alloc(n, sizeof(*w->timers));
	for (uint32_t i = 0; i < n; i++)
		wheel_arm(&w->wheel, &w->timers[i], load_first(&w->load));
	warm_up(&w->load, turn_wheel, w, b->quick);
	bench_pair(b, &row, &(struct bench_side){turn_ours, o}, &(struct bench_side){turn_wheel, w},
		   b->quick ? 5 : 15);
	free(w->timers);
	free(w);
}

static void against_heap(struct bench *b, struct ours *o, uint32_t n)
{
	struct bench_row row = {.name = "removal/deadline-heap",
				.n = n,
				.peer_name = "binary heap",
				.goal = n >= 100000 ? 5 : 0};
	struct by_heap *h = bench_alloc(1, sizeof(*h));

	load_make(&h->load, n, b->quick);
	h->timers = bench_alloc(n, sizeof(*h->timers));
	h->heap.entries = bench_alloc(n, sizeof(*h->heap.entries));
	for (uint32_t i = 0; i < n; i++)
		heap_arm(&h->heap, &h->timers[i], load_first(&h->load));
	bench_pair(b, &row, &(struct bench_side){turn_ours, o}, &(struct bench_side){turn_heap, h},
		   b->quick ? 3 : 9);
	free(h->heap.entries);
	free(h->timers);
	free(h);
}

static void against_timerfd(struct bench *b, struct ours *o, uint32_t n)
{
	struct bench_row row = {.name = "removal/deadline-timerfd",
				.n = n,
				.peer_name = "timerfd",
				.goal = n >= 10000 ? 40 : 0};
	struct by_timerfd *t = timerfd_make(n, b->quick);

	if (!t)
		return;
	bench_pair(b, &row, &(struct bench_side){turn_ours, o},
		   &(struct bench_side){timerfd_turn, t}, b->quick ? 3 : 7);
	timerfd_free(t);
}

static void with_pending(struct bench *b, uint32_t n)
{
	struct ours *o = bench_alloc(1, sizeof(*o));
	uint32_t fds =
		n <= 100000 ? timerfd_room(n) : 0; /* more would take a gigabyte of the kernel */

	if (vdev__env_copy(&o->env, NULL))
		bench_die("deadlines: no environment");
	load_make(&o->load, n, b->quick);
	vdev__deadlines_init(&o->deadlines, &o->env);
	if (vdev__deadlines_reserve(&o->deadlines, n))
		bench_die("out of memory");
	for (uint32_t i = 0; i < n; i++)
		vdev__deadlines_arm(&o->deadlines, i, load_first(&o->load));
	warm_up(&o->load, turn_ours, o, b->quick);
	against_wheel(b, o, n);
	against_heap(b, o, n);
	if (fds == n)
		against_timerfd(b, o, n);
	else if (n <= 100000)
		fprintf(stderr, "vdev-bench: %u timerfds: the limit of open files is near %u\n", n,
			fds);
	vdev__deadlines_fini(&o->deadlines);
	free(o);
}

void bench_deadline(struct bench *b)
{
	static const uint32_t sizes[] = {1000, 10000, 100000, 1000000};

	for (uint32_t i = 0; i < (b->quick ? 2u : 4u); i++)
		with_pending(b, sizes[i]);
}
