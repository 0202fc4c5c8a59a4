/* SPDX-License-Identifier: BSD-3-Clause */
/* The topology object: a snapshot that is read once and never changes. */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define CONFIG_LEAST sizeof(struct vdev_host_config)
#define SYSFS "/sys"

_Static_assert(VDEV_HOST_UNKNOWN == VDEV_CPUMAP_NOWHERE, "the engine takes our array as it is");

static int set_root(struct vdev_host *h, const char *path)
{
	size_t size = strnlen(path, PATH_MAX) + 1;

	/* Room for what is appended is checked at each file. */
	if (size < 2 || size > PATH_MAX)
		return -EINVAL;
	h->root = vdev__alloc(&h->env, size, 1);
	if (!h->root)
		return -ENOMEM;
	memcpy(h->root, path, size);
	h->root_size = (uint32_t)size;
	return 0;
}

int vdev__host_room_cpus(struct vdev_host *h)
{
	h->cpus = vdev__alloc(&h->env, h->cpu_count, sizeof(*h->cpus));
	return h->cpus ? 0 : -ENOMEM;
}

int vdev__host_room_distances(struct vdev_host *h)
{
	h->distances = vdev__alloc(&h->env, h->node_count, h->node_count);
	return h->distances ? 0 : -ENOMEM;
}

static int scan(struct vdev_host *h, int live)
{
	struct vdev__scan *s = vdev__alloc(&h->env, 1, sizeof(*s));
	int kept = errno; /* libnuma changes it */
	int err;

	if (!s)
		return -ENOMEM;
	s->host = h;
	s->live = live;
	err = vdev__scan_cpus(s);
	if (!err)
		err = vdev__scan_nodes(s);
	vdev__free(&h->env, s, sizeof(*s));
	errno = kept;
	return err;
}

int vdev_host_new(struct vdev_host **ret_host, const struct vdev_env *env,
		  const struct vdev_host_config *config)
{
	struct vdev_host_config c = {.struct_size = sizeof(c)};
	struct vdev_env copy;
	struct vdev_host *h;
	int err;

	if (!ret_host)
		return -EINVAL;
	err = config ? vdev__copy_in(&c, sizeof(c), CONFIG_LEAST, config) : 0;
	if (!err)
		err = vdev__env_copy(&copy, env);
	if (err)
		return err;
	if (c.flags)
		return -EINVAL;
	h = vdev__alloc(&copy, 1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->env = copy;
	err = set_root(h, c.sysfs_path ? c.sysfs_path : SYSFS);
	if (!err)
		err = scan(h, !c.sysfs_path);
	if (err) {
		vdev_host_free(h);
		return err;
	}
	*ret_host = h;
	return 0;
}

void vdev_host_free(struct vdev_host *host)
{
	struct vdev_env env;

	if (!host)
		return;
	env = host->env;
	vdev__free(&env, host->distances, (size_t)host->node_count * host->node_count);
	vdev__free(&env, host->cpus, host->cpu_count * sizeof(*host->cpus));
	vdev__free(&env, host->root, host->root_size);
	vdev__free(&env, host, sizeof(*host));
}

static void count_groups(const struct vdev_host *h, struct vdev_host_size *n)
{
	struct vdev__set cores, caches;

	memset(&cores, 0, sizeof(cores));
	memset(&caches, 0, sizeof(caches));
	for (uint32_t i = 0; i < h->cpu_count; i++) {
		if (h->cpus[i].core != VDEV_HOST_UNKNOWN)
			vdev__set_add(&cores, h->cpus[i].core);
		if (h->cpus[i].cache != VDEV_HOST_UNKNOWN)
			vdev__set_add(&caches, h->cpus[i].cache);
	}
	n->cores = vdev__set_count(&cores);
	n->caches = vdev__set_count(&caches);
}

int vdev_host_size(const struct vdev_host *host, struct vdev_host_size *ret_size, size_t size)
{
	struct vdev_host_size n = {0};

	if (!host)
		return -EINVAL;
	n.cpu_count = host->cpu_count;
	n.online = vdev__set_count(&host->online);
	n.node_count = host->node_count;
	n.nodes = vdev__set_count(&host->nodes);
	count_groups(host, &n);
	return vdev__copy_out(ret_size, size, &n, sizeof(n));
}

int vdev_host_cpu(const struct vdev_host *host, uint32_t cpu, struct vdev_host_cpu *ret_cpu,
		  size_t size)
{
	struct vdev_host_cpu c = {.cpu = cpu};

	if (!host || !ret_cpu || !size)
		return -EINVAL;
	if (cpu >= host->cpu_count)
		return -ENOENT;
	if (vdev__set_has(&host->possible, cpu))
		c.flags |= VDEV_HOST_POSSIBLE;
	if (vdev__set_has(&host->online, cpu))
		c.flags |= VDEV_HOST_ONLINE;
	c.core = host->cpus[cpu].core;
	c.cache = host->cpus[cpu].cache;
	c.node = host->cpus[cpu].node;
	return vdev__copy_out(ret_cpu, size, &c, sizeof(c));
}

int vdev_host_cpus(const struct vdev_host *host, const struct vdev_irqhint_cpu **ret_cpus)
{
	if (!host || !ret_cpus)
		return -EINVAL;
	*ret_cpus = host->cpus;
	return (int)host->cpu_count;
}

int vdev_host_distance(const struct vdev_host *host, uint32_t from, uint32_t to)
{
	uint8_t d;

	if (!host)
		return -EINVAL;
	if (!vdev__set_has(&host->nodes, from) || !vdev__set_has(&host->nodes, to))
		return -ENOENT;
	d = host->distances[from * host->node_count + to];
	return d ? d : -ENODATA;
}
