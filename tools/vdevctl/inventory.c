/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl inventory: the PCI devices of a host. */
#include "inventory.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `user` counts the errors that were told. */
static void tell(void *user, uint32_t level, const char *line)
{
	char text[512]; /* more than a line of the library has */

	text_show(line, text, sizeof(text));
	if (level == VDEV_LOG_ERROR)
		++*(uint32_t *)user;
	fprintf(stderr, "vdevctl: %s\n", text);
}

/*
 * The program beside this one, in the build folder, or where it is below this one's prefix: a copy of an installed tree
 * works, too. NULL: where the library thinks that it is.
 */
static const char *reader(const struct inventory_options *o, char path[PATH_MAX])
{
	static const char *const places[] = {"vdev-pci-reader", READER_FROM_BIN};
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 256);
	size_t keep;

	if (o->reader || n <= 0)
		return o->reader;
	path[n] = 0;
	keep = (size_t)(strrchr(path, '/') - path) + 1;
	for (size_t i = 0; i < 2; i++) {
		if (places[i][0] == '/')
			return places[i];
		snprintf(path + keep, PATH_MAX - keep, "%s", places[i]);
		if (!access(path, X_OK))
			return path;
	}
	return NULL;
}

static int status_of(int err)
{
	switch (err) {
	case 0:
		return STATUS_OK;
	case -EBADMSG:
	case -ENOSPC:
	case -ETIMEDOUT:
	case -EPIPE:
		return STATUS_DAMAGED;
	default:
		return file_status(err);
	}
}

/* What the library has not told of has the error's own text. */
static int failed(const char *what, int err, uint32_t told)
{
	if (err == -EINVAL)
		fprintf(stderr, "vdevctl: \"%s\": not a name that can be used\n", what);
	else if (!told)
		fprintf(stderr, "vdevctl: %s: %s\n", what, strerror(-err));
	return err == -EINVAL ? STATUS_USAGE : status_of(err);
}

static int copy_devices(const struct vdev_inventory *from, struct inventory *v)
{
	struct vdev_inventory_info info;
	int err = vdev_inventory_info(from, &info, sizeof(info));

	if (err)
		return err;
	v->devices = calloc(info.count ? info.count : 1, sizeof(*v->devices));
	if (!v->devices)
		return -ENOMEM;
	for (uint32_t i = 0; i < info.count; i++)
		vdev_inventory_device(from, i, &v->devices[i], sizeof(v->devices[i]));
	v->count = info.count;
	v->is_dump = info.source == VDEV_INVENTORY_DUMP;
	memcpy(v->kernel, info.kernel, sizeof(v->kernel));
	return 0;
}

/* Distances of nodes. A tree without the files of CPUs has none: they are not known then. */
static int copy_nodes(const char *sysfs, struct inventory *v)
{
	struct vdev_host_config config = {.struct_size = sizeof(config), .sysfs_path = sysfs};
	struct vdev_host_size size;
	struct vdev_host *host = NULL;
	int err = vdev_host_new(&host, NULL, &config);

	if (err)
		return err == -ENOMEM ? err : 0;
	err = vdev_host_size(host, &size, sizeof(size));
	if (!err && size.node_count) {
		v->distances = calloc(size.node_count, size.node_count);
		v->node_count = v->distances ? size.node_count : 0;
		err = v->distances ? 0 : -ENOMEM;
	}
	for (uint32_t i = 0; i < v->node_count; i++)
		for (uint32_t k = 0; k < v->node_count; k++) {
			int d = vdev_host_distance(host, i, k);

			v->distances[i * v->node_count + k] = (uint8_t)(d > 0 ? d : 0);
		}
	vdev_host_free(host);
	return err;
}

static int from_json(const char *path, struct inventory *ret)
{
	struct json_object *tree = NULL;
	char why[WHY_SIZE];
	int status = json_file_read(path, &tree), err;

	if (status)
		return status;
	err = inventory_from_json(tree, ret, why);
	json_object_put(tree);
	if (err == -EBADMSG)
		fprintf(stderr, "vdevctl: %s: %s\n", path, why);
	else if (err)
		fprintf(stderr, "vdevctl: %s: %s\n", path, strerror(-err));
	return err == -EBADMSG ? STATUS_DAMAGED : err ? STATUS_FAILED : STATUS_OK;
}

int inventory_read(const struct inventory_options *o, struct inventory *ret)
{
	uint32_t told = 0;
	struct vdev_env env = {.struct_size = sizeof(env),
			       .log_level = VDEV_LOG_WARNING,
			       .user = &told,
			       .log = tell};
	const char *path = o->dump ? o->dump : o->sysfs;
	char room[PATH_MAX];
	struct vdev_inventory_config config = {.struct_size = sizeof(config),
					       .flags = o->vfio && !path ? VDEV_INVENTORY_ASK_VFIO
									 : 0,
					       .source = o->dump    ? VDEV_INVENTORY_DUMP
							 : o->sysfs ? VDEV_INVENTORY_SYSFS
								    : VDEV_INVENTORY_LIVE,
					       .path = path,
					       .reader = reader(o, room)};
	struct vdev_inventory *from = NULL;
	struct inventory v = {0};
	int err;

	if (o->json_file)
		return from_json(o->json_file, ret);
	err = vdev_inventory_new(&from, &env, &config);
	if (!err)
		err = copy_devices(from, &v);
	vdev_inventory_free(from);
	if (!err && !o->dump)
		err = copy_nodes(o->sysfs, &v);
	if (err) {
		inventory_free(&v);
		return failed(path ? path : "/sys", err, told);
	}
	*ret = v;
	return STATUS_OK;
}

static int capture(const struct inventory_options *o)
{
	uint32_t told = 0;
	struct vdev_env env = {.struct_size = sizeof(env),
			       .log_level = VDEV_LOG_WARNING,
			       .user = &told,
			       .log = tell};
	char room[PATH_MAX];
	struct vdev_inventory_config config = {.struct_size = sizeof(config),
					       .flags = o->vfio ? VDEV_INVENTORY_ASK_VFIO : 0,
					       .source = o->sysfs ? VDEV_INVENTORY_SYSFS
								  : VDEV_INVENTORY_LIVE,
					       .path = o->sysfs,
					       .reader = reader(o, room)};
	int err = vdev_inventory_capture(&env, &config, o->capture);

	return err ? failed(o->capture, err, told) : STATUS_OK;
}

static int show(const struct inventory *v, bool json)
{
	struct json_object *tree;

	if (!json)
		return inventory_table(v);
	tree = v->tree ? json_object_get(v->tree) : inventory_to_json(v);
	return tree ? print_json(tree) : -ENOMEM;
}

int inventory_run(const struct inventory_options *o)
{
	struct inventory_options from = *o;
	struct inventory v = {0};
	int status = o->capture ? capture(o) : STATUS_OK, err;

	if (o->capture) {
		from.sysfs = o->capture;
		from.vfio = false;
	}
	if (!status)
		status = inventory_read(&from, &v);
	if (status)
		return status;
	err = show(&v, o->json);
	if (!err)
		err = show_end();
	if (err)
		fprintf(stderr, "vdevctl: cannot write the result: %s\n", strerror(-err));
	inventory_free(&v);
	return err ? STATUS_FAILED : STATUS_OK;
}
