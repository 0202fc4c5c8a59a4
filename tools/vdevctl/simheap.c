/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl sim: what happens next, and random numbers. */
#include "sim.h"

uint64_t sim_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t sim_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(sim_random(state) % n);
}

uint64_t sim_octaves(uint64_t *state, uint64_t least, uint32_t octaves)
{
	uint64_t base = least << sim_below(state, octaves);

	return base + sim_random(state) % base;
}

static bool before(const struct sim_due *a, const struct sim_due *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->who < b->who);
}

void sim_heap_put(struct sim_heap *h, uint64_t at_ns, uint32_t who)
{
	struct sim_due d = {.at_ns = at_ns, .who = who};
	uint32_t i = h->count++;

	for (; i && before(&d, &h->due[(i - 1) / 2]); i = (i - 1) / 2)
		h->due[i] = h->due[(i - 1) / 2];
	h->due[i] = d;
}

struct sim_due sim_heap_take(struct sim_heap *h)
{
	struct sim_due first = h->due[0], last = h->due[--h->count];
	uint32_t i = 0;

	for (uint32_t child = 1; child < h->count; child = 2 * i + 1) {
		if (child + 1 < h->count && before(&h->due[child + 1], &h->due[child]))
			child++;
		if (!before(&h->due[child], &last))
			break;
		h->due[i] = h->due[child];
		i = child;
	}
	h->due[i] = last;
	return first;
}
