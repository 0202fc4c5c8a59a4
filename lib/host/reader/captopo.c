/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's topology in a captured tree: the files that vdev_host_new() reads. */
#include "capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CPU "devices/system/cpu"
#define NODE "devices/system/node"

/* "cpu12": true, and 12. */
static bool numbered(const char *name, const char *stem)
{
	size_t n = strlen(stem);

	return strncmp(name, stem, n) == 0 && name[n] &&
	       strspn(name + n, "0123456789") == strlen(name + n) && strlen(name + n) < 6;
}

static void caches(const struct copy *c, const char *cpu)
{
	static const char *const files[] = {"level", "type", "shared_cpu_list"};
	char name[128];

	for (uint32_t i = 0; i < 10; i++)
		for (uint32_t f = 0; f < 3; f++) {
			snprintf(name, sizeof(name), CPU "/%s/cache/index%u/%s", cpu, i, files[f]);
			copy_file(c, name);
		}
}

/* Of a CPU that is offline its node is known by a link alone. */
static void node_link(const struct copy *c, const char *cpu)
{
	char path[READER_PATH + 64], name[128];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/" CPU "/%s", c->from->root, cpu);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (numbered(e->d_name, "node")) {
			snprintf(name, sizeof(name), CPU "/%s/%.12s", cpu, e->d_name);
			copy_link(c, name, "../../node/", NULL);
		}
	if (dir)
		closedir(dir);
}

static void each(const struct copy *c, const char *folder, const char *stem,
		 void (*one)(const struct copy *, const char *))
{
	char path[READER_PATH + 64];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", c->from->root, folder);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (numbered(e->d_name, stem))
			one(c, e->d_name);
	if (dir)
		closedir(dir);
}

static void cpu(const struct copy *c, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), CPU "/%s/topology/core_cpus_list", name);
	copy_file(c, path);
	snprintf(path, sizeof(path), CPU "/%s/topology/thread_siblings_list", name);
	copy_file(c, path);
	caches(c, name);
	node_link(c, name);
}

static void node(const struct copy *c, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), NODE "/%s/cpulist", name);
	copy_file(c, path);
	snprintf(path, sizeof(path), NODE "/%s/distance", name);
	copy_file(c, path);
}

void capture_topology(const struct copy *c)
{
	copy_file(c, CPU "/possible");
	copy_file(c, CPU "/online");
	copy_file(c, NODE "/online");
	each(c, CPU, "cpu", cpu);
	each(c, NODE, "node", node);
}
