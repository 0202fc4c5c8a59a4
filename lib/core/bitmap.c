/* SPDX-License-Identifier: BSD-3-Clause */
/* Searching and counting in bitmaps, a word at a time. */
#include "bitmap.h"

/* Lowest bit in [from, bits) that is set in map ^ flip. */
static uint32_t search(const uint64_t *map, uint32_t bits, uint32_t from, uint64_t flip)
{
	uint32_t words = bits / 64 + (bits % 64 != 0);
	uint32_t word = from / 64;
	uint32_t bit;
	uint64_t x;

	if (from >= bits)
		return UINT32_MAX;
	x = (map[word] ^ flip) & UINT64_MAX << (from % 64);
	while (!x) {
		if (++word == words)
			return UINT32_MAX;
		x = map[word] ^ flip;
	}
	bit = word * 64 + vdev__bit_lowest(x);
	return bit < bits ? bit : UINT32_MAX;
}

uint32_t vdev__bitmap_next_set(const uint64_t *map, uint32_t bits, uint32_t from)
{
	return search(map, bits, from, 0);
}

uint32_t vdev__bitmap_next_clear(const uint64_t *map, uint32_t bits, uint32_t from)
{
	return search(map, bits, from, UINT64_MAX);
}

uint32_t vdev__bitmap_count(const uint64_t *map, uint32_t bits)
{
	uint32_t count = 0;
	uint32_t i;

	for (i = 0; i < bits / 64; i++)
		count += vdev__bit_count(map[i]);
	if (bits % 64)
		count += vdev__bit_count(map[i] & ~(UINT64_MAX << (bits % 64)));
	return count;
}
