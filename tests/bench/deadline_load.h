/* SPDX-License-Identifier: BSD-3-Clause */
/* The load of the deadline bench, the same for each structure, and the timerfd peer. */
#ifndef DEADLINE_LOAD_H
#define DEADLINE_LOAD_H

#include "bench.h"

#define LOAD_STEP_NS 100u
#define LOAD_POLL 1000u
#define LOAD_LENGTHS 16u

struct load {
	uint64_t lengths[LOAD_LENGTHS];
	uint64_t
		random; /* a linear congruence: one multiplication, so that drawing costs next to nothing */
	uint64_t at; /* operations so far: its clock */
	uint64_t operations; /* of one turn */
	uint32_t n;
};

/* Draws for the next operation. */
static inline void load_next(struct load *l)
{
	l->at++;
	l->random = l->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

static inline uint32_t load_item(const struct load *l)
{
	return (uint32_t)((l->random >> 32) * l->n >> 32);
}

static inline uint64_t load_length(const struct load *l)
{
	return l->lengths[l->random >> 24 & (LOAD_LENGTHS - 1)];
}

static inline uint64_t load_clock(const struct load *l)
{
	return l->at * LOAD_STEP_NS;
}

static inline uint64_t load_ns(const struct load *l)
{
	return load_clock(l) + load_length(l);
}

void load_make(struct load *l, uint32_t n, int quick);
/* A deadline for the next item at the beginning, as if it had been armed a while ago. */
uint64_t load_first(struct load *l);
double load_ended(const struct load *l, uint64_t begin);

/* How many timers, at most n, the limit of open files has room for. */
uint32_t timerfd_room(uint32_t n);
struct by_timerfd;
/* NULL, said on stderr: the kernel gives no more. */
struct by_timerfd *timerfd_make(uint32_t n, int quick);
void timerfd_free(struct by_timerfd *t);
double timerfd_turn(void *context);

#endif
