/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine: a device event arose; does a hint go with it (H1..H3, H5..H7, H12)?
 *
 * The usual answer is FITS: it takes the word, the route and one place.
 */
#include "internal.h"

struct event {
	const struct vdev_irqhint *o;
	struct device *d;
	struct type *t;
	uint64_t word; /* of the type, as the event found it */
	uint64_t now_ns; /* caller's clock, for the map */
	uint64_t now; /* the engine's */
	uint64_t age_ns;
	uint32_t type;
	uint32_t cpu;
};

/* The least distance of those that the guest programmed, whether they sleep or not. */
static uint32_t current(const struct event *e)
{
	uint32_t route = route_of(e->t), best = NO_ROUTE;
	const _Atomic uint64_t *set;

	if (route_empty(route))
		return best;
	if (route & ROUTE_SINGLE)
		return distance(
			e->o, vdev__place_cpu(vdev__cpumap_place(e->o->map, route & ROUTE_LOWEST)),
			e->cpu);
	set = programmed_of(e->d, e->type, route);
	for (uint32_t i = 0; i < e->d->words && best; i++) {
		for (uint64_t left = word_at(set, i); left && best; left &= left - 1) {
			uint64_t place =
				vdev__cpumap_place(e->o->map, i * 64 + vdev__bit_lowest(left));
			uint32_t at = distance(e->o, vdev__place_cpu(place), e->cpu);

			best = at < best ? at : best;
		}
	}
	return best;
}

/*
 * What the type remembers of a hint. The word is last, so that who sees it sees the rest, and is swapped: whoever
 * moved it on meanwhile, a reset or the guest's answer, has the last word.
 */
static void remember(const struct event *e, const struct near *n)
{
	uint64_t old = e->word, hint = (e->word & W_HINT) ^ W_HINT;
	uint32_t backoff =
		word_state(old) == VDEV_IRQHINT_HINTED ? more_backoff(old) : word_backoff(old);
	uint64_t next = word_next(old, VDEV_IRQHINT_HINTED, backoff, hint);

	put_set(hint_of(e->d, e->type, hint), n->set, e->d->words);
	atomic_store_explicit(&e->t->hint_cpu, e->cpu, memory_order_relaxed);
	atomic_store_explicit(&e->t->hint_distance, n->distance, memory_order_relaxed);
	put_time(&e->t->hints, time_at(&e->t->hints) + 1);
	put_time(&e->t->hint_at, e->now);
	put_time(&e->t->stale_since, e->now);
	atomic_compare_exchange_strong_explicit(&e->t->word, &old, next, memory_order_acq_rel,
						memory_order_relaxed);
}

/* A hint, if somebody is nearer than `than`; a first one needs no stay (H6). */
static uint32_t give(const struct event *e, uint32_t reason, uint32_t than, struct near *n)
{
	uint64_t stay = reason == VDEV_IRQHINT_FIRST ? 0 : e->o->config.hysteresis_ns;

	if (e->age_ns > e->o->config.max_age_ns)
		return VDEV_IRQHINT_TOO_OLD;
	vdev__irqhint_near(e->o, e->now_ns, e->cpu, stay, n);
	if (!n->count)
		return VDEV_IRQHINT_EMPTY;
	if (n->distance >= than) {
		put_time(&e->t->stale_since, e->now); /* look again after another hysteresis */
		return VDEV_IRQHINT_FITS;
	}
	remember(e, n);
	return reason;
}

static uint32_t answer(const struct event *e, struct near *n)
{
	const struct vdev_irqhint_config *c = &e->o->config;
	uint64_t since;
	uint32_t now_at;

	if (word_state(e->word) == VDEV_IRQHINT_NEW)
		return give(e, VDEV_IRQHINT_FIRST, NO_ROUTE, n);
	now_at = current(e);
	since = time_at(&e->t->stale_since);
	if (now_at == VDEV_IRQHINT_SAME_CPU) {
		if (since != VDEV_NONE)
			put_time(&e->t->stale_since, VDEV_NONE);
		return VDEV_IRQHINT_FITS;
	}
	if (since == VDEV_NONE) {
		since = e->now;
		put_time(&e->t->stale_since, since);
	}
	if (vdev__sat_sub(e->now, since) < c->hysteresis_ns)
		return word_state(e->word) == VDEV_IRQHINT_HINTED ? VDEV_IRQHINT_WAITING
								  : VDEV_IRQHINT_STALE;
	if (vdev__sat_sub(e->now, time_at(&e->t->hint_at)) <
	    vdev__sat_mul(c->interval_ns, UINT64_C(1) << word_backoff(e->word)))
		return VDEV_IRQHINT_LIMITED;
	return give(e,
		    atomic_load_explicit(&e->t->hint_cpu, memory_order_relaxed) == e->cpu
			    ? VDEV_IRQHINT_MOVED
			    : VDEV_IRQHINT_CPU_CHANGED,
		    now_at, n);
}

/* Counts the event and what it found. */
static void begin(struct event *e, uint32_t flags)
{
	e->t = &e->d->types[e->type];
	e->word = word_of(e->t);
	e->now = clock_of(e->o, e->now_ns);
	e->age_ns = vdev__cpumap_age(e->o->map, e->now_ns);
	atomic_store_explicit(&e->t->cpu, e->cpu, memory_order_relaxed);
	put_time(&e->t->event_at, e->now);
	count(e->d, N_EVENTS);
	if (flags & VDEV_IRQHINT_SAMPLED)
		count(e->d, N_SAMPLED);
}

static void put_hint(struct device *d, const struct near *n, struct vdev_irqhint_hint *h,
		     uint64_t *set, uint32_t words)
{
	h->set_bits = n->count;
	h->distance = n->distance;
	h->first = vdev__bitmap_next_set(n->set, d->words * 64, 0);
	h->state = n->running ? VDEV_CPUMAP_RUNNING : VDEV_CPUMAP_UNKNOWN;
	count(d, N_BY_DISTANCE + n->distance);
	memcpy(set, n->set, d->words * sizeof(*set));
	memset(set + d->words, 0, (words - d->words) * sizeof(*set));
}

int vdev_irqhint_event(struct vdev_irqhint *obj, uint64_t now_ns, uint64_t dev, uint32_t type,
		       uint32_t cpu, uint32_t flags, struct vdev_irqhint_hint *ret_hint,
		       size_t hint_size, uint64_t *ret_set, uint32_t words)
{
	struct event e = {.o = obj, .now_ns = now_ns, .type = type, .cpu = cpu};
	struct vdev_irqhint_hint h = {.cpu = cpu};
	struct near n;
	int error;

	if (!obj || flags & ~VDEV_IRQHINT_SAMPLED || !ret_hint || !hint_size || !ret_set ||
	    cpu >= obj->map->cpus || words < obj->map->words)
		return -EINVAL;
	error = find_type(obj, dev, type, &e.d);
	if (error)
		return error;
	begin(&e, flags);
	h.reason = answer(&e, &n);
	h.age_ns = e.age_ns;
	count(e.d, N_ANSWERS + h.reason);
	if (h.reason <= VDEV_IRQHINT_CPU_CHANGED)
		put_hint(e.d, &n, &h, ret_set, words);
	vdev__copy_out(ret_hint, hint_size, &h, sizeof(h));
	return h.reason <= VDEV_IRQHINT_CPU_CHANGED;
}
