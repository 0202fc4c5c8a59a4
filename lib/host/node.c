/* SPDX-License-Identifier: BSD-3-Clause */
/* NUMA nodes: which CPUs they hold and how far they are from each other. */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <numa.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NODE "devices/system/node/"
#define MOST_DISTANCE 255u

static int cpus_of(struct vdev__scan *s, uint32_t node)
{
	int err = vdev__scan_text(s, NODE "node%u/cpulist", node);

	if (!err)
		err = vdev__scan_list(s, VDEV_HOST_MAX_CPUS);
	if (err)
		return err == -ENOENT ? 0 : err;
	for (uint32_t cpu = 0; cpu < s->host->cpu_count; cpu++)
		if (vdev__set_has(&s->set, cpu))
			s->host->cpus[cpu].node = node;
	return 0;
}

/* The lists leave out CPUs that are offline; the folder of a CPU has a link to its node all the same. */
static int has_link(const struct vdev_host *h, uint32_t cpu, uint32_t node)
{
	char path[PATH_MAX];
	int kept = errno, there;

	there = snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu%u/node%u", h->root, cpu,
			 node) < (int)sizeof(path) &&
		access(path, F_OK) == 0;
	errno = kept;
	return there;
}

static void offline_cpus(struct vdev_host *h)
{
	for (uint32_t cpu = 0; cpu < h->cpu_count; cpu++) {
		if (!vdev__set_has(&h->possible, cpu) || vdev__set_has(&h->online, cpu))
			continue;
		for (uint32_t node = 0; node < h->node_count; node++)
			if (vdev__set_has(&h->nodes, node) && has_link(h, cpu, node)) {
				h->cpus[cpu].node = node;
				break;
			}
	}
}

static void ask_libnuma(struct vdev_host *h, uint32_t from)
{
	for (uint32_t to = 0; to < h->node_count; to++) {
		int d = vdev__set_has(&h->nodes, to) ? numa_distance((int)from, (int)to) : 0;

		if (d > 0 && d <= (int)MOST_DISTANCE)
			h->distances[from * h->node_count + to] = (uint8_t)d;
	}
}

/* A number for each node that is online, in their order. */
static int parse_row(struct vdev_host *h, const char *p, uint32_t from)
{
	uint8_t *row = h->distances + (size_t)from * h->node_count;
	uint32_t d = 0;

	for (uint32_t to = 0; to < h->node_count; to++) {
		int err;

		if (!vdev__set_has(&h->nodes, to))
			continue;
		p += strspn(p, " ");
		err = vdev__number(&p, MOST_DISTANCE, &d);
		if (err)
			return err;
		row[to] = (uint8_t)d;
	}
	return p[strspn(p, " \n")] ? -EBADMSG : 0;
}

static int distances_of(struct vdev__scan *s, uint32_t from)
{
	int err = vdev__scan_text(s, NODE "node%u/distance", from);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = parse_row(s->host, s->text, from);
	return err ? vdev__scan_wrong(s, err, "a distance up to 255 for each node that is online")
		   : 0;
}

static int each_node(struct vdev__scan *s)
{
	struct vdev_host *h = s->host;
	int numa = s->live && numa_available() >= 0;
	int err = 0;

	for (uint32_t node = 0; node < h->node_count && !err; node++) {
		if (!vdev__set_has(&h->nodes, node))
			continue;
		err = cpus_of(s, node);
		if (!err && numa)
			ask_libnuma(h, node);
		else if (!err)
			err = distances_of(s, node);
	}
	return err;
}

int vdev__scan_nodes(struct vdev__scan *s)
{
	struct vdev_host *h = s->host;
	int err = vdev__scan_text(s, NODE "online");

	if (err)
		return err == -ENOENT ? 0 : err; /* a kernel without NUMA */
	err = vdev__scan_list(s, VDEV_HOST_MAX_NODES);
	if (err)
		return err;
	h->nodes = s->set;
	h->node_count = vdev__set_end(&h->nodes);
	if (!h->node_count)
		return vdev__scan_wrong(s, -EBADMSG, "at least one node");
	err = vdev__host_room_distances(h);
	if (!err)
		err = each_node(s);
	if (!err)
		offline_cpus(h);
	return err;
}
