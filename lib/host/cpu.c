/* SPDX-License-Identifier: BSD-3-Clause */
/* CPUs: which there may be, which are online, and which share a core. */
#include "internal.h"

#include <errno.h>

#define CPU "devices/system/cpu/"

static int list_of(struct vdev__scan *s, const char *name, struct vdev__set *ret_set)
{
	int err = vdev__scan_text(s, CPU "%s", name);

	if (!err)
		err = vdev__scan_list(s, VDEV_HOST_MAX_CPUS);
	if (!err)
		*ret_set = s->set;
	return err;
}

static int numbers(struct vdev__scan *s)
{
	struct vdev_host *h = s->host;
	int err = list_of(s, "possible", &h->possible);

	if (err == -ENOENT)
		vdev__log(&h->env, VDEV_LOG_ERROR,
			  "%s/%s: does not exist, expected a mounted sysfs, or a tree like it",
			  h->root, s->path);
	if (err)
		return err;
	h->cpu_count = vdev__set_end(&h->possible);
	if (!h->cpu_count)
		return vdev__scan_wrong(s, -EBADMSG, "at least one CPU");
	err = list_of(s, "online", &h->online);
	if (err == -ENOENT) { /* a kernel without hot-plug */
		h->online = h->possible;
		return 0;
	}
	if (!err && vdev__set_end(&h->online) > h->cpu_count)
		return vdev__scan_wrong(s, -EBADMSG, "no CPU above those that are possible");
	return err;
}

/* The name changed in Linux 5.3; the old one is still there in many captured trees. */
static int siblings(struct vdev__scan *s, uint32_t cpu)
{
	int err = vdev__scan_text(s, CPU "cpu%u/topology/core_cpus_list", cpu);

	if (err == -ENOENT)
		err = vdev__scan_text(s, CPU "cpu%u/topology/thread_siblings_list", cpu);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = vdev__scan_list(s, VDEV_HOST_MAX_CPUS);
	if (err)
		return err;
	if (!vdev__set_has(&s->set, cpu))
		return vdev__scan_wrong(s, -EBADMSG, "a list with the CPU itself in it");
	s->host->cpus[cpu].core = vdev__set_lowest(&s->set);
	return 0;
}

int vdev__scan_cpus(struct vdev__scan *s)
{
	struct vdev_host *h = s->host;
	int err = numbers(s);

	if (!err)
		err = vdev__host_room_cpus(h);
	for (uint32_t i = 0; i < h->cpu_count && !err; i++)
		h->cpus[i].core = h->cpus[i].cache = h->cpus[i].node = VDEV_HOST_UNKNOWN;
	for (uint32_t i = 0; i < h->cpu_count && !err; i++) {
		/* What an old tree says about a CPU that is offline is of the time when it was not. */
		if (!vdev__set_has(&h->online, i))
			continue;
		err = siblings(s, i);
		if (!err)
			err = vdev__scan_cache(s, i);
	}
	return err;
}
