/* SPDX-License-Identifier: BSD-3-Clause */
/* The scenario `removal`: its chapters, each in a file of its own, and what they share. */
#include "removal.h"

#include <string.h>

static const struct story *const chapters[] = {
	removal_basic, removal_levels, removal_answers, removal_requests,  removal_failures,
	removal_trees, removal_slots,  removal_guests,  removal_elsewhere, NULL,
};

const struct scenario scenario_removal = {
	.name = "removal",
	.what = "devices are taken away from a guest, with and without a warning (rules R1 to R17)",
	.chapters = chapters,
	.metrics = scene_metrics,
};

bool removal_two_disks(struct scene *s, struct device **ret_disk, struct device **ret_other)
{
	if (!scene_open(s))
		return false;
	*ret_disk = scene_plain(s, "disk", 4);
	*ret_other = scene_plain(s, "other", 5);
	return *ret_disk && *ret_other;
}

static bool begin(struct scene *s, uint32_t level, uint32_t answer, struct device **ret_disk,
		  struct device **ret_other)
{
	if (!removal_two_disks(s, ret_disk, ret_other))
		return false;
	scene_rule(s, &(*ret_disk)->fn)->level = level;
	scene_rule(s, &(*ret_disk)->fn)->answer = answer;
	if (!scene_start(s))
		return false;
	if (level != LEVEL_NONE && !EXPECT(s, scene_level(s, &(*ret_disk)->fn, level),
					   "the guest did not declare its level"))
		return false;
	return EXPECT(s, scene_traffic(s, &(*ret_disk)->fn), "no I/O");
}

bool removal_begin(struct scene *s, uint32_t level, struct device **ret_disk,
		   struct device **ret_other)
{
	return begin(s, level, ANSWER_ACK, ret_disk, ret_other);
}

bool removal_answering(struct scene *s, uint32_t answer, struct device **ret_disk,
		       struct device **ret_other)
{
	return begin(s, VDEV_GUEST_LEVEL_UNSAFE, answer, ret_disk, ret_other);
}

void removal_works(struct scene *s, struct device *disk)
{
	EXPECT(s, scene_traffic(s, &disk->fn), "%s does not work", disk->fn.name);
	EXPECT(s, scene_seen(s, &disk->fn)->io_errors == 0, "%s had %llu I/O errors", disk->fn.name,
	       (unsigned long long)scene_seen(s, &disk->fn)->io_errors);
}

void removal_bystander(struct scene *s, struct device *other)
{
	removal_works(s, other);
	EXPECT(s, scene_seen(s, &other->fn)->all_ones == 0, "%s read all-ones", other->fn.name);
}

struct vdev_removal_stats removal_stats(struct scene *s)
{
	struct vdev_removal_stats stats;

	memset(&stats, 0, sizeof(stats));
	vm_engine_lock(s->vm);
	vdev_removal_stats(s->vm->removal, &stats, sizeof(stats));
	vm_engine_unlock(s->vm);
	return stats;
}

void removal_deadline(struct scene *s, uint32_t level, uint32_t kind, uint64_t ns)
{
	struct vdev_removal_step steps[VDEV_REMOVAL_MAX_STEPS];
	int n, r;

	vm_engine_lock(s->vm);
	n = vdev_removal_get_actions(s->vm->removal, VDEV_REMOVAL_PCI_FUNCTION, level, steps);
	for (int i = 0; i < n; i++)
		if (steps[i].kind == kind)
			steps[i].deadline_ns = ns;
	r = vdev_removal_set_actions(s->vm->removal, VDEV_REMOVAL_PCI_FUNCTION, level, steps,
				     n > 0 ? (uint32_t)n : 0);
	vm_engine_unlock(s->vm);
	EXPECT(s, n > 0 && r == 0, "the deadline of a step could not be set: %s", vdev_strerror(r));
}
