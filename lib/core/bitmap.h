/* SPDX-License-Identifier: BSD-3-Clause */
/* Bitmaps over caller-owned 64-bit words. No compiler builtins: any C11 will do. */
#ifndef VDEV__CORE_BITMAP_H
#define VDEV__CORE_BITMAP_H

#include <stdint.h>

#define VDEV__BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline void vdev__bitmap_set(uint64_t *map, uint32_t bit)
{
	map[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void vdev__bitmap_clear(uint64_t *map, uint32_t bit)
{
	map[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

static inline int vdev__bitmap_test(const uint64_t *map, uint32_t bit)
{
	return (int)(map[bit / 64] >> (bit % 64) & 1);
}

static inline uint32_t vdev__bit_count(uint64_t x)
{
	x -= x >> 1 & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (uint32_t)(x * UINT64_C(0x0101010101010101) >> 56);
}

/* Of a word that is not 0. */
static inline uint32_t vdev__bit_lowest(uint64_t x)
{
#ifdef __GNUC__
	return (uint32_t)__builtin_ctzll(x);
#else
	return vdev__bit_count((x & (0 - x)) - 1);
#endif
}

/* Lowest set (or clear) bit in [from, bits), or UINT32_MAX. */
uint32_t vdev__bitmap_next_set(const uint64_t *map, uint32_t bits, uint32_t from);
uint32_t vdev__bitmap_next_clear(const uint64_t *map, uint32_t bits, uint32_t from);
/* Number of set bits below `bits`. */
uint32_t vdev__bitmap_count(const uint64_t *map, uint32_t bits);

#endif
