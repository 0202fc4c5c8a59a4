/* SPDX-License-Identifier: BSD-3-Clause */
/* Saturating maths: guest and caller supplied values never wrap. */
#ifndef VDEV__CORE_SAT_H
#define VDEV__CORE_SAT_H

#include <stdint.h>

static inline uint64_t vdev__sat_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline uint64_t vdev__sat_sub(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static inline uint64_t vdev__sat_mul(uint64_t a, uint64_t b)
{
	return b && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* 1 when [start, start + length) neither is empty nor wraps nor ends after limit. */
static inline int vdev__range_ok(uint64_t start, uint64_t length, uint64_t limit)
{
	return length && start <= limit && length <= limit - start;
}

#endif
