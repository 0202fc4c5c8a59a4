/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random numbers that can be had again: xoshiro256** seeded by splitmix64.
 *
 * vt_rand_init() prints the seed. VT_SEED=<number> in the environment replaces the test's own, so a
 * failure is repeated with what it printed, and a long run tries many.
 */
#ifndef VT_RAND_H
#define VT_RAND_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct vt_rand {
	uint64_t s[4];
};

static inline uint64_t vt_splitmix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline void vt_rand_seed(struct vt_rand *r, uint64_t seed)
{
	int i;

	for (i = 0; i < 4; i++)
		r->s[i] = vt_splitmix(&seed);
}

/* Returns the seed in use. */
static inline uint64_t vt_rand_init(struct vt_rand *r, const char *name, uint64_t seed)
{
	const char *text = getenv("VT_SEED");

	if (text)
		seed = strtoull(text, NULL, 0);
	fprintf(stderr, "%s: VT_SEED=%llu\n", name, (unsigned long long)seed);
	vt_rand_seed(r, seed);
	return seed;
}

static inline uint64_t vt_rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static inline uint64_t vt_rand(struct vt_rand *r)
{
	uint64_t *s = r->s;
	uint64_t result = vt_rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = vt_rotl(s[3], 45);
	return result;
}

/* In [0, n); n > 0. The bias is below 2^-32 for n < 2^32. */
static inline uint64_t vt_below(struct vt_rand *r, uint64_t n)
{
	return vt_rand(r) % n;
}

/* 1 with a probability of percent / 100. */
static inline int vt_chance(struct vt_rand *r, unsigned int percent)
{
	return vt_below(r, 100) < percent;
}

#endif
