/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt-hint engine: what the guest programs (H4, H8), and what makes a type new (H5).
 */
#include "internal.h"

static bool in_hint(const struct device *d, uint32_t type, uint64_t word, const uint64_t *set)
{
	const _Atomic uint64_t *hint = hint_of(d, type, word);

	for (uint32_t i = 0; i < d->words; i++)
		if (set[i] & ~word_at(hint, i))
			return false;
	return true;
}

void vdev__irqhint_program(struct device *d, uint32_t type, const uint64_t *set)
{
	struct type *t = &d->types[type];
	uint32_t lowest = vdev__bitmap_next_set(set, d->words * 64, 0);
	uint32_t index = route_of(t) & ROUTE_INDEX;

	/* No set is written for none, so a mask and what follows it overtake a reader once, not twice. */
	if (lowest == UINT32_MAX) {
		atomic_store_explicit(&t->route, index | ROUTE_EMPTY, memory_order_release);
		return;
	}
	index ^= ROUTE_INDEX;
	put_set(programmed_of(d, type, index), set, d->words);
	if (vdev__bitmap_count(set, d->words * 64) == 1)
		index |= ROUTE_SINGLE;
	atomic_store_explicit(&t->route, index | lowest, memory_order_release);
}

/* After a hint: followed or ignored. A newer hint that came meanwhile stays unanswered. */
static int answered(struct device *d, struct type *t, uint64_t word, bool within)
{
	uint64_t next = word_next(word, VDEV_IRQHINT_ROUTED, within ? 0 : more_backoff(word),
				  word & W_HINT);

	atomic_compare_exchange_strong_explicit(&t->word, &word, next, memory_order_acq_rel,
						memory_order_relaxed);
	count(d, within ? N_FOLLOWED : N_IGNORED);
	return within;
}

static int program(struct device *d, uint32_t type, const uint64_t *set)
{
	struct type *t = &d->types[type];
	uint64_t word = word_of(t);
	bool within;

	vdev__irqhint_program(d, type, set);
	/* Masked: guests do so while they program anew, it says nothing about the hint. */
	if (route_empty(route_of(t)))
		return 0;
	count(d, N_PROGRAMMED);
	put_time(&t->stale_since, VDEV_NONE);
	if (word_state(word) == VDEV_IRQHINT_NEW)
		return 0;
	within = in_hint(d, type, word, set);
	if (word_state(word) == VDEV_IRQHINT_HINTED)
		return answered(d, t, word, within);
	return within;
}

int vdev_irqhint_programmed(struct vdev_irqhint *obj, uint64_t now_ns, uint64_t dev, uint32_t type,
			    const uint64_t *set, uint32_t words)
{
	uint64_t whole[MAX_WORDS] = {0};
	struct device *d;
	int error;

	(void)now_ns;
	if (!obj || !set || words > obj->map->words)
		return -EINVAL;
	error = find_type(obj, dev, type, &d);
	if (error)
		return error;
	memcpy(whole, set, words * sizeof(*whole));
	if (vdev__bitmap_next_set(whole, d->words * 64, obj->map->vcpus) != UINT32_MAX) {
		count(d, N_REFUSED);
		return -ERANGE;
	}
	return program(d, type, whole);
}

/* The type is as it was at first, but for what the guest programmed. */
static void renew_type(struct type *t)
{
	uint64_t word = word_of(t);

	/* Stored, not swapped: a hint that is being given loses. */
	atomic_store_explicit(&t->word, word_next(word, VDEV_IRQHINT_NEW, 0, word & W_HINT),
			      memory_order_release);
	put_time(&t->stale_since, VDEV_NONE);
}

static void renew(struct device *d)
{
	for (uint32_t i = 0; i < d->n_types; i++)
		renew_type(&d->types[i]);
}

static void reset(struct device *d)
{
	for (uint32_t i = 0; i < d->n_types; i++) {
		struct type *t = &d->types[i];

		renew_type(t);
		atomic_store_explicit(&t->route, (route_of(t) & ROUTE_INDEX) | ROUTE_EMPTY,
				      memory_order_release);
	}
}

int vdev_irqhint_device_reset(struct vdev_irqhint *obj, uint64_t dev)
{
	struct device *d;

	if (!obj)
		return -EINVAL;
	d = find_device(obj, dev);
	if (!d)
		return -ENOENT;
	reset(d);
	count(d, N_RESETS);
	return 0;
}

int vdev_irqhint_guest_reset(struct vdev_irqhint *obj)
{
	if (!obj)
		return -EINVAL;
	for (uint32_t i = 0; i < obj->devices.high; i++)
		if (obj->list[i])
			reset(obj->list[i]);
	obj->resets++;
	return 0;
}

int vdev_irqhint_migrated(struct vdev_irqhint *obj)
{
	if (!obj)
		return -EINVAL;
	for (uint32_t i = 0; i < obj->devices.high; i++)
		if (obj->list[i])
			renew(obj->list[i]);
	return 0;
}
