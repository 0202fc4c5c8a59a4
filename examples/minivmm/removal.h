/* SPDX-License-Identifier: BSD-3-Clause */
/* Chapters of the scenario `removal`, and the few lines that their stories share. */
#ifndef MINIVMM_REMOVAL_H
#define MINIVMM_REMOVAL_H

#include <vdev/guest.h>

#include "scene.h"

extern const struct story removal_basic[];
extern const struct story removal_levels[];
extern const struct story removal_answers[];
extern const struct story removal_requests[];
extern const struct story removal_failures[];
extern const struct story removal_trees[];
extern const struct story removal_slots[];
extern const struct story removal_guests[];
extern const struct story removal_elsewhere[];

/* A VM with two disks on bus 0, the second as a bystander that must notice nothing. */
bool removal_two_disks(struct scene *s, struct device **ret_disk, struct device **ret_other);
/* The same, started, with the first disk's level declared and its traffic flowing. */
bool removal_begin(struct scene *s, uint32_t level, struct device **ret_disk,
		   struct device **ret_other);
/* The same with the answer to warnings that the first disk's driver gives. */
bool removal_answering(struct scene *s, uint32_t answer, struct device **ret_disk,
		       struct device **ret_other);
void removal_bystander(struct scene *s, struct device *other);
/* It works on: traffic, and no I/O error so far. */
void removal_works(struct scene *s, struct device *disk);
struct vdev_removal_stats removal_stats(struct scene *s);
/* Shortens a step's deadline in the set of PCI functions of this level. */
void removal_deadline(struct scene *s, uint32_t level, uint32_t kind, uint64_t ns);

#endif
