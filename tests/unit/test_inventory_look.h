/* SPDX-License-Identifier: BSD-3-Clause */
/* An inventory by the reader that was just built. */
#ifndef TEST_INVENTORY_LOOK_H
#define TEST_INVENTORY_LOOK_H

#include "vt_test.h"

#include <errno.h>
#include <string.h>

#include <vdev/inventory.h>

#define DUMPS VDEV_SOURCE "/tests/inventory/dumps/"
#define CAPTURE VDEV_SOURCE "/tests/inventory/qemu-sriov"

struct look {
	struct vt_env v;
	struct vdev_inventory_config config;
	struct vdev_inventory *inventory;
	struct vdev_inventory_info info;
};

static inline void look_begin(struct look *l)
{
	memset(l, 0, sizeof(*l));
	vt_env_init(&l->v);
	l->v.env.log_level = VDEV_LOG_WARNING;
	l->config.struct_size = sizeof(l->config);
	l->config.source = VDEV_INVENTORY_DUMP;
	l->config.reader = VDEV_TEST_READER;
}

static inline void look_end(struct look *l)
{
	vdev_inventory_free(l->inventory);
	vt_assert_clean(&l->v);
}

static inline int look(struct look *l, uint32_t source, const char *path)
{
	int err;

	l->config.source = source;
	l->config.path = path;
	errno = 77;
	err = vdev_inventory_new(&l->inventory, &l->v.env, &l->config);
	assert_int_equal(errno, 77);
	if (!err)
		assert_int_equal(vdev_inventory_info(l->inventory, &l->info, sizeof(l->info)), 0);
	return err;
}

#endif
