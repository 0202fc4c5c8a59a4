/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl topology: cores, caches and NUMA nodes of this machine. */
#include <stdio.h>
#include <string.h>

#include "vdevctl.h"

static void tell(void *user, uint32_t level, const char *line)
{
	(void)user;
	(void)level;
	fprintf(stderr, "vdevctl: %s\n", line);
}

struct vdev_host *topology_open(const char *sysfs)
{
	struct vdev_env env = {
		.struct_size = sizeof(env), .log_level = VDEV_LOG_ERROR, .log = tell};
	struct vdev_host_config config = {.struct_size = sizeof(config), .sysfs_path = sysfs};
	struct vdev_host *host = NULL;
	int err = vdev_host_new(&host, &env, &config);

	if (err)
		fprintf(stderr, "vdevctl: the topology of the host is not known: %s\n",
			strerror(-err));
	return host;
}

int topology_run(const struct topology_options *o)
{
	struct vdev_host *host = topology_open(o->sysfs);
	int err;

	if (!host)
		return STATUS_FAILED;
	err = show_topology(host, o->json);
	if (!err)
		err = show_end();
	if (err)
		fprintf(stderr, "vdevctl: cannot write the result: %s\n", strerror(-err));
	vdev_host_free(host);
	return err ? STATUS_FAILED : STATUS_OK;
}
