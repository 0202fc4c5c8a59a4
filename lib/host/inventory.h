/* SPDX-License-Identifier: BSD-3-Clause */
/* The inventory: what its files share. */
#ifndef VDEV__HOST_INVENTORY_H
#define VDEV__HOST_INVENTORY_H

#include <sys/types.h>

#include <vdev/inventory.h>

#include "env.h"
#include "wire.h"

#define UNKNOWN VDEV_INVENTORY_UNKNOWN

struct vdev_inventory {
	struct vdev_env env;
	struct vdev_inventory_device *devices; /* in order of address */
	uint32_t count, room, source;
	char kernel[VDEV_INVENTORY_NAME];
};

/* Configuration space as far as it was read. */
struct vdev__config {
	const uint8_t *bytes;
	uint32_t size;
};

/* The bytes at `at`, little-endian; all ones beyond the end. */
uint32_t vdev__config_get(const struct vdev__config *c, uint32_t at, uint32_t size);
static inline int vdev__config_has(const struct vdev__config *c, uint32_t at, uint32_t size)
{
	return at < c->size && size <= c->size - at;
}

/* decode.c: facts out of configuration space; `d` has address and what the kernel said, or UNKNOWN. */
void vdev__inventory_unknown(struct vdev_inventory_device *d);
void vdev__inventory_decode(struct vdev_inventory_device *d, const struct vdev__config *c);
/* caps.c: both lists of capabilities, each handed to feature.c. */
void vdev__inventory_caps(struct vdev_inventory_device *d, const struct vdev__config *c);
void vdev__inventory_feature(struct vdev_inventory_device *d, const struct vdev__config *c,
			     const struct vdev_inventory_cap *cap);
/* vpd.c */
void vdev__inventory_vpd(struct vdev_inventory_device *d, const uint8_t *vpd, uint32_t size);
/* relate.c: VFs find their PF, ports what is below them. Devices are sorted. */
void vdev__inventory_relate(struct vdev_inventory *v);
struct vdev_inventory_device *vdev__inventory_find(const struct vdev_inventory *v, uint32_t domain,
						   uint32_t address);

/* answer.c: the reader's messages, which may come in pieces. */
struct vdev__answer {
	struct vdev_inventory *inventory;
	uint8_t *buf; /* [ANSWER_ROOM] */
	uint32_t have;
	int greeted, ended; /* HELLO, END or ERROR came */
	int capturing; /* no devices come, only how many there were */
	int error; /* negative errno */
};
#define ANSWER_ROOM (sizeof(struct wire_head) + WIRE_MOST)
/* Takes what is in `buf`. 0: go on; negative errno, which was logged. */
int vdev__answer_take(struct vdev__answer *a);

/* child.c: runs the reader; answers go to `a`. 0 or a negative errno, which was logged. */
struct vdev__run {
	const char *program;
	char *const *argv;
	uint32_t timeout_ms;
};
int vdev__child_run(const struct vdev_env *env, const struct vdev__run *run,
		    struct vdev__answer *a);

/* inventory.c: room for one more device. -ENOSPC, -ENOMEM. */
int vdev__inventory_room(struct vdev_inventory *v);

#endif
