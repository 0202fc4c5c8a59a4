/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy engine: which sizes are worth lending (Z9).
 *
 * Sizes fall into classes by powers of two. Each class does what has cost less so far, and now and
 * then measures what it does, or tries the other way. As long as nothing changes the trials become
 * rarer, so that learning costs next to nothing; a change makes them frequent again. A class whose
 * lent blocks the kernel copied anyway is not lent, but for a trial now and then.
 */
#include "internal.h"

#define OFTEN 128u /* messages between two measurements */
#define SELDOM 2048u
#define FIRST 4u /* of a class that is not known yet */
#define SCALE 16u
#define WEIGHT 4u /* a new cost counts for a quarter */
#define NEAR 2u /* the other way costs at most so many times as much */
#define LONG 64u /* messages of a trial that may turn out either way */

/* Which power of two; the length is not 0. */
static uint32_t class_of(uint64_t length)
{
#if defined(__GNUC__)
	return 63u - (uint32_t)__builtin_clzll(length);
#else
	uint32_t n = 0;

	while (length >>= 1)
		n++;
	return n;
#endif
}

static void often(struct size_class *c)
{
	c->interval = c->countdown = OFTEN;
}

/* What is usual in each class, from a threshold. */
static void spread(struct vdev_zerocopy_queue *q)
{
	for (uint32_t n = 0; n < CLASSES; n++)
		q->classes[n].lend = UINT64_C(1) << n >= q->threshold;
}

void vdev__zerocopy_adapt_init(struct vdev_zerocopy_queue *q)
{
	spread(q);
	for (uint32_t n = 0; n < CLASSES; n++) {
		q->classes[n].interval = OFTEN;
		q->classes[n].countdown = FIRST;
	}
}

/* The smallest size from which all that is known is lent. */
static void set_threshold(struct vdev_zerocopy_queue *q)
{
	uint32_t n = CLASSES;

	while (n && q->classes[n - 1].lend && !q->classes[n - 1].distrust)
		n--;
	q->threshold = n < CLASSES ? UINT64_C(1) << n : VDEV_NONE;
}

/* Whether the kernel copied since the last look. */
static bool copied_anyway(struct size_class *c)
{
	uint32_t copied = atomic_load_explicit(&c->copied, memory_order_relaxed);
	bool yes = copied != c->copied_seen;

	c->copied_seen = copied;
	return yes;
}

/* When a trial is over, and the kernel copied none of it. What it copied before says nothing about it. */
static void trust(struct vdev_zerocopy_queue *q, struct size_class *c)
{
	bool copied;

	if (c->explore == TRIAL)
		return;
	copied = copied_anyway(c);
	if (c->explore == WARM_UP || copied)
		return;
	c->distrust = 0;
	set_threshold(q);
}

/*
 * Messages of a trial before the one that is measured. The first finds everything cold; where the two ways cost
 * about the same, what the kernel keeps about the pages decides, and only a longer trial has that in the cache.
 */
static uint32_t warm_up(const struct size_class *c)
{
	uint64_t usual = c->cost[!c->lend], other = c->cost[c->lend];

	return other && other / NEAR <= usual ? LONG : 1;
}

/* A turn of the class has come: measure what is usual, or try the other way. */
static int measure(struct vdev_zerocopy_queue *q, struct size_class *c)
{
	bool lend;
	int answer;

	if (c->distrust)
		trust(q, c);
	lend = (c->lend && !c->distrust) != (c->explore != USUAL);
	answer = lend ? VDEV_ZEROCOPY_LEND : VDEV_ZEROCOPY_COPY_SMALL;
	if (c->explore == WARM_UP) {
		c->explore = --c->warm ? WARM_UP : TRIAL;
		c->countdown = 1;
		return answer;
	}
	c->explore = c->explore == TRIAL ? USUAL : WARM_UP;
	c->warm = (uint8_t)warm_up(c);
	c->countdown = c->interval;
	return answer | VDEV_ZEROCOPY_MEASURE;
}

int vdev__zerocopy_adapt(struct vdev_zerocopy_queue *q, uint64_t length)
{
	struct size_class *c = &q->classes[class_of(length)];

	if (VDEV__UNLIKELY(--c->countdown == 0))
		return measure(q, c);
	if (!c->lend || c->distrust)
		return VDEV_ZEROCOPY_COPY_SMALL;
	if (VDEV__UNLIKELY(copied_anyway(c))) {
		c->distrust = 1;
		c->explore = WARM_UP;
		c->warm = 1;
		c->interval = c->countdown = SELDOM;
		set_threshold(q);
		return VDEV_ZEROCOPY_COPY_SMALL;
	}
	return VDEV_ZEROCOPY_LEND;
}

void vdev__zerocopy_adapt_copied(struct vdev_zerocopy_queue *q, uint64_t length)
{
	if (q->classes)
		atomic_fetch_add_explicit(&q->classes[class_of(length)].copied, 1,
					  memory_order_relaxed);
}

/*
 * What disturbs a measurement (another thread, an interrupt) makes it longer, never shorter: of two in a row the lower
 * one counts. One that is far above what is known is soon done again, one far below is believed at once.
 */
static void take(struct size_class *c, uint32_t how, uint64_t cost)
{
	uint64_t old = c->cost[how], before = c->last[how];

	c->last[how] = cost;
	if (old && cost / 2 > old) {
		c->countdown = FIRST;
		c->explore = how == !c->lend ? USUAL : WARM_UP;
	}
	if (before && before < cost)
		cost = before;
	c->cost[how] = old && cost >= old / 2 ? old - old / WEIGHT + cost / WEIGHT : cost;
}

int vdev_zerocopy_cost(struct vdev_zerocopy_queue *q, uint32_t how, uint64_t bytes,
		       uint64_t cost_ns)
{
	struct size_class *c;
	uint64_t cost = vdev__sat_mul(cost_ns ? cost_ns : 1, SCALE);
	bool lend;

	if (!q || how > VDEV_ZEROCOPY_COPY_SMALL || !bytes || bytes > VDEV_ZEROCOPY_MAX_BLOCK_BYTES)
		return -EINVAL;
	if (!q->classes)
		return -EOPNOTSUPP;
	c = &q->classes[class_of(bytes)];
	take(c, how, cost);
	if (!c->cost[0] || !c->cost[1])
		return 0;
	lend = c->cost[0] <= c->cost[1];
	if (lend != c->lend) {
		c->lend = lend;
		often(c);
		set_threshold(q);
	} else if (c->interval < SELDOM) {
		c->interval *= 2;
	}
	return 0;
}

uint64_t vdev_zerocopy_threshold(const struct vdev_zerocopy_queue *q)
{
	return q ? q->threshold : 0;
}
