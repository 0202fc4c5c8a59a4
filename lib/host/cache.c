/* SPDX-License-Identifier: BSD-3-Clause */
/* The last-level cache of a CPU: of its data and unified caches the one with the highest level. */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define CACHE "devices/system/cpu/cpu%u/cache/index%u/"
#define MOST_CACHES 16u
#define MOST_LEVEL 99u

/* 1: holds data; 0: instructions; -ENOENT: there is no such cache. */
static int holds_data(struct vdev__scan *s, uint32_t cpu, uint32_t index)
{
	int err = vdev__scan_text(s, CACHE "type", cpu, index);

	if (err)
		return err;
	return strncmp(s->text, "Instruction", 11) != 0;
}

static int level_of(struct vdev__scan *s, uint32_t cpu, uint32_t index, uint32_t *ret_level)
{
	int err = vdev__scan_text(s, CACHE "level", cpu, index);
	const char *p = s->text;

	if (err)
		return err;
	err = vdev__number(&p, MOST_LEVEL, ret_level);
	if (!err && *p && strcmp(p, "\n") != 0)
		err = -EBADMSG;
	return err ? vdev__scan_wrong(s, err, "the level of a cache") : 0;
}

/* The lowest CPU that shares a cache. */
static int shared_with(struct vdev__scan *s, uint32_t cpu, uint32_t index)
{
	int err = vdev__scan_text(s, CACHE "shared_cpu_list", cpu, index);

	if (!err)
		err = vdev__scan_list(s, VDEV_HOST_MAX_CPUS);
	if (err)
		return err;
	if (!vdev__set_has(&s->set, cpu))
		return vdev__scan_wrong(s, -EBADMSG, "a list with the CPU itself in it");
	s->host->cpus[cpu].cache = vdev__set_lowest(&s->set);
	return 0;
}

static int one_cache(struct vdev__scan *s, uint32_t cpu, uint32_t index, uint32_t *highest)
{
	uint32_t level = 0;
	int ret = holds_data(s, cpu, index);

	if (ret <= 0)
		return ret;
	ret = level_of(s, cpu, index, &level);
	if (ret || level <= *highest)
		return ret;
	ret = shared_with(s, cpu, index);
	if (!ret)
		*highest = level;
	return ret;
}

int vdev__scan_cache(struct vdev__scan *s, uint32_t cpu)
{
	uint32_t highest = 0;

	for (uint32_t index = 0; index < MOST_CACHES; index++) {
		int err = one_cache(s, cpu, index, &highest);

		if (err == -ENOENT)
			break;
		if (err)
			return err;
	}
	return 0;
}
