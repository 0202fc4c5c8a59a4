/* SPDX-License-Identifier: BSD-3-Clause */
/* The two tables of the look-up benches, filled alike. */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <glib.h>

#include "bench.h"

struct lookup {
	struct vdev_removal *removal;
	GHashTable *table;
	uint64_t *keys; /* handles in random order */
	uint64_t expected; /* sum of the levels of all keys */
	uint32_t n;
	uint32_t passes; /* over all keys in one turn */
};

/* n units with a level each, and about `operations` look-ups a turn. 0, or -1. */
int lookup_make(struct lookup *l, uint32_t n, uint32_t operations);
void lookup_free(struct lookup *l);
/* Checks that the turn read what it had to, and gives the time of one look-up. */
double lookup_ended(const struct lookup *l, uint64_t begin, uint64_t sum);

#endif
