/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration spaces and answers of the reader, for the tests of the inventory. */
#ifndef TEST_INVENTORY_RIG_H
#define TEST_INVENTORY_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include "inventory.h"

/* A configuration space that is written field by field. */
struct space {
	uint8_t bytes[4096];
	uint32_t last, last_ext; /* ends of the lists; 0: empty */
};

static inline void space_put(struct space *s, uint32_t at, uint32_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		s->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static inline void space_begin(struct space *s, uint32_t vendor, uint32_t device)
{
	memset(s, 0, sizeof(*s));
	space_put(s, 0, vendor, 2);
	space_put(s, 2, device, 2);
	space_put(s, 6, 0x10, 2);
}

static inline void space_cap(struct space *s, uint32_t id, uint32_t at)
{
	s->bytes[s->last ? s->last + 1 : 0x34] = (uint8_t)at;
	s->bytes[at] = (uint8_t)id;
	s->last = at;
}

static inline void space_ext(struct space *s, uint32_t id, uint32_t version, uint32_t at)
{
	if (s->last_ext)
		space_put(s, s->last_ext + 2, (s->bytes[s->last_ext + 2] & 15u) | at << 4, 2);
	space_put(s, at, id | version << 16, 4);
	s->last_ext = at;
}

/* What the library makes of its first `size` bytes. */
static inline struct vdev_inventory_device space_decode(const struct space *s, uint32_t size)
{
	const struct vdev__config c = {s->bytes, size};
	struct vdev_inventory_device d;

	vdev__inventory_unknown(&d);
	vdev__inventory_decode(&d, &c);
	return d;
}

#endif
