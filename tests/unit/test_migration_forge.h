/* SPDX-License-Identifier: BSD-3-Clause */
/* Images of plans, changed by who knows the format: values at their places under checksums that are right again. */
#ifndef TEST_MIGRATION_FORGE_H
#define TEST_MIGRATION_FORGE_H

#include "test_migration_rig.h"

#include "core/image.h"

#define MOST 16384u
#define HEADER VDEV__IMAGE_HEADER
/* Where things stand: image.c has the layout. */
#define AT_FLAGS HEADER
#define AT_DEADLINES (HEADER + 4)
#define AT_COUNT (AT_DEADLINES + 8 * VDEV_MIGRATION_STEPS)
#define AT_DEVICE (AT_COUNT + 4)
#define ADDRESS 0u
#define VERDICT 8u
#define REASON 12u
#define FUNCTION 16u
#define DISTANCE 20u
#define FIELD 24u
#define RULE 28u
#define FACTS 32u
#define KNOWN 40u
#define USE 72u
#define FIELDS 76u

struct image {
	uint8_t bytes[MOST];
	size_t size;
};

static inline void put(struct image *i, size_t at, uint32_t bytes, uint64_t v)
{
	for (uint32_t k = 0; k < bytes; k++)
		i->bytes[at + k] = (uint8_t)(v >> (8 * k));
}

static inline void seal(struct image *i)
{
	put(i, 16, 8, i->size - HEADER);
	put(i, 24, 4, vdev__crc32(i->bytes + HEADER, i->size - HEADER));
	put(i, 28, 4, vdev__crc32(i->bytes, 28));
}

/* Where a text or a number of the first device's source is. */
static inline size_t find_bytes(const struct image *i, const char *bytes, size_t size, size_t from)
{
	for (size_t at = from; at + size <= i->size; at++)
		if (!memcmp(i->bytes + at, bytes, size))
			return at;
	fail_msg("not found");
	return 0;
}

#endif
