/* SPDX-License-Identifier: BSD-3-Clause */
/* The inventory object: made by the reader's answer, then it never changes. */
#include "inventory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_LEAST sizeof(struct vdev_inventory_config)
#define MOST_MS 3600000u
#define USUAL_MS 30000u
#define MOST_PATH 1000u

static int set_up(struct vdev_inventory_config *c, const struct vdev_inventory_config *config)
{
	int err = config ? vdev__copy_in(c, sizeof(*c), CONFIG_LEAST, config) : -EINVAL;

	if (err)
		return err;
	if ((c->flags & ~VDEV_INVENTORY_ASK_VFIO) || c->source < VDEV_INVENTORY_LIVE ||
	    c->source > VDEV_INVENTORY_DUMP || c->timeout_ms > MOST_MS)
		return -EINVAL;
	if (c->source == VDEV_INVENTORY_LIVE)
		return c->path ? -EINVAL : 0;
	if (c->flags || !c->path || !*c->path || strnlen(c->path, MOST_PATH) == MOST_PATH)
		return -EINVAL;
	return 0;
}

static int run(struct vdev_inventory *v, const struct vdev_inventory_config *c, const char *folder)
{
	char from[MOST_PATH + 8], to[MOST_PATH + 8], name[] = "vdev-pci-reader";
	char *const argv[] = {name, from, folder ? to : NULL, NULL};
	struct vdev__answer a = {.inventory = v, .capturing = folder != NULL};
	struct vdev__run r = {.program = c->reader ? c->reader : VDEV_READER,
			      .argv = argv,
			      .timeout_ms = c->timeout_ms ? c->timeout_ms : USUAL_MS};

	if (c->source == VDEV_INVENTORY_LIVE)
		snprintf(from, sizeof(from), "live%s",
			 c->flags & VDEV_INVENTORY_ASK_VFIO ? "+vfio" : "");
	else
		snprintf(from, sizeof(from), "%s:%s",
			 c->source == VDEV_INVENTORY_SYSFS ? "sysfs" : "dump", c->path);
	snprintf(to, sizeof(to), "%s", folder ? folder : "");
	return vdev__child_run(&v->env, &r, &a);
}

static int by_address(const void *x, const void *y)
{
	const struct vdev_inventory_device *a = x, *b = y;
	const uint32_t parts[][2] = {{a->domain, b->domain},
				     {a->bus, b->bus},
				     {a->slot, b->slot},
				     {a->function, b->function}};

	for (uint32_t i = 0; i < 4; i++)
		if (parts[i][0] != parts[i][1])
			return parts[i][0] < parts[i][1] ? -1 : 1;
	return 0;
}

/* In order; an address twice cannot be. */
static int put_in_order(struct vdev_inventory *v)
{
	if (v->count)
		qsort(v->devices, v->count, sizeof(*v->devices), by_address);
	for (uint32_t i = 1; i < v->count; i++)
		if (!by_address(&v->devices[i - 1], &v->devices[i])) {
			vdev__log(&v->env, VDEV_LOG_ERROR,
				  "%04x:%02x:%02x.%x: there are two devices of this address",
				  v->devices[i].domain, v->devices[i].bus, v->devices[i].slot,
				  v->devices[i].function);
			return -EBADMSG;
		}
	return 0;
}

int vdev_inventory_new(struct vdev_inventory **ret_inventory, const struct vdev_env *env,
		       const struct vdev_inventory_config *config)
{
	struct vdev_inventory_config c = {.struct_size = sizeof(c)};
	struct vdev_inventory *v;
	struct vdev_env copy;
	int err = ret_inventory ? set_up(&c, config) : -EINVAL;

	if (!err)
		err = vdev__env_copy(&copy, env);
	if (err)
		return err;
	v = vdev__alloc(&copy, 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->env = copy;
	v->source = c.source;
	err = run(v, &c, NULL);
	if (!err)
		err = put_in_order(v);
	if (err) {
		vdev_inventory_free(v);
		return err;
	}
	vdev__inventory_relate(v);
	*ret_inventory = v;
	return 0;
}

int vdev__inventory_room(struct vdev_inventory *v)
{
	uint32_t room = v->room ? 2 * v->room : 32;
	struct vdev_inventory_device *more;

	if (v->count < v->room)
		return 0;
	if (v->count == VDEV_INVENTORY_MAX_DEVICES)
		return -ENOSPC;
	more = vdev__grow(&v->env, v->devices, v->room, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	v->devices = more;
	v->room = room;
	return 0;
}

void vdev_inventory_free(struct vdev_inventory *inventory)
{
	struct vdev_env env;

	if (!inventory)
		return;
	env = inventory->env;
	vdev__free(&env, inventory->devices, inventory->room * sizeof(*inventory->devices));
	vdev__free(&env, inventory, sizeof(*inventory));
}

int vdev_inventory_info(const struct vdev_inventory *inventory,
			struct vdev_inventory_info *ret_info, size_t size)
{
	struct vdev_inventory_info info = {0};

	if (!inventory)
		return -EINVAL;
	info.source = inventory->source;
	info.count = inventory->count;
	for (uint32_t i = 0; i < inventory->count; i++)
		info.dead += inventory->devices[i].flags & VDEV_INVENTORY_DEAD ? 1 : 0;
	memcpy(info.kernel, inventory->kernel, sizeof(info.kernel));
	return vdev__copy_out(ret_info, size, &info, sizeof(info));
}

int vdev_inventory_device(const struct vdev_inventory *inventory, uint32_t index,
			  struct vdev_inventory_device *ret_device, size_t size)
{
	if (!inventory || !ret_device || !size)
		return -EINVAL;
	if (index >= inventory->count)
		return -ENOENT;
	return vdev__copy_out(ret_device, size, &inventory->devices[index], sizeof(*ret_device));
}

int vdev_inventory_capture(const struct vdev_env *env, const struct vdev_inventory_config *config,
			   const char *folder)
{
	struct vdev_inventory_config c = {.struct_size = sizeof(c)};
	struct vdev_inventory v = {0};
	int err = folder && *folder && strnlen(folder, MOST_PATH) < MOST_PATH ? set_up(&c, config)
									      : -EINVAL;

	if (!err && c.source == VDEV_INVENTORY_DUMP)
		err = -EINVAL;
	if (!err)
		err = vdev__env_copy(&v.env, env);
	return err ? err : run(&v, &c, folder);
}
