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

void sim_heap_put(struct sim_heap *h, uint64_t at_ns, uint32_t who)
{
	uint64_t word = at_ns << SIM_WHO_BITS | who;
	uint32_t i = h->count++;

	for (; i && word < h->due[(i - 1) / 2]; i = (i - 1) / 2)
		h->due[i] = h->due[(i - 1) / 2];
	h->due[i] = word;
}

struct sim_due sim_heap_take(struct sim_heap *h)
{
	uint64_t first = h->due[0], last = h->due[--h->count];
	uint32_t i = 0;

	for (uint32_t child = 1; child < h->count; child = 2 * i + 1) {
		child += child + 1 < h->count && h->due[child + 1] < h->due[child];
		if (h->due[child] >= last)
			break;
		h->due[i] = h->due[child];
		i = child;
	}
	h->due[i] = last;
	return (struct sim_due){.at_ns = first >> SIM_WHO_BITS,
				.who = (uint32_t)(first & ((1u << SIM_WHO_BITS) - 1))};
}
