/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The migration planner's rules told again, as simply as can be: no sets of judges, no types, no potentials. Rule by
 * rule from the last one, all assignments one after another.
 */
#ifndef MIGRATION_NAIVE_H
#define MIGRATION_NAIVE_H

#include <stddef.h>
#include <stdint.h>

#include <vdev/migration.h>

#include "vt_rand.h"

#define NAIVE_MOST 7u

/* Verdict by the rules alone; the differences by field. */
struct naive_result {
	uint32_t verdict;
	uint32_t count;
	uint32_t field[VDEV_MIGRATION_FIELDS];
	uint32_t rule[VDEV_MIGRATION_FIELDS];
	uint32_t flags[VDEV_MIGRATION_FIELDS];
};

void naive_compare(const struct vdev_migration_rules *rules, const struct vdev_migration_device *s,
		   const struct vdev_migration_device *d, struct naive_result *ret);
int naive_version_order(const char *a, const char *b);
uint32_t naive_allowed(uint32_t hardware, uint32_t flags);

/* Parts of what is better, the most important one first; less is better. */
struct naive_cost {
	uint32_t part[5];
	uint64_t address[NAIVE_MOST];
};

struct naive_best {
	struct naive_cost cost;
	uint32_t rows;
};

int naive_order(const struct naive_best *a, const struct naive_best *b);
void naive_assign(const struct vdev_migration_rules *rules, const struct vdev_migration_vm *vm,
		  const struct vdev_migration_host *host, struct naive_best *ret);

/* prop_migration_make.c: random things. */
void make_device(struct vt_rand *r, struct vdev_migration_device *d);
void make_rules(struct vt_rand *r, struct vdev_migration_rules *rules, uint32_t count);

#endif
