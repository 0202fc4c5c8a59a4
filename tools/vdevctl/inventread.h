/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl inventory: what reads members of JSON. */
#ifndef VDEVCTL_INVENTREAD_H
#define VDEVCTL_INVENTREAD_H

#include "inventory.h"

/* Where in a file the reading is. */
struct reading {
	char *why; /* [WHY_SIZE] */
	uint32_t index; /* of the device at hand */
};

/* False, with what was expected where in `why`. */
__attribute__((format(printf, 2, 3))) bool read_wrong(const struct reading *r, const char *format,
						      ...);
/* False: it is something else, or beyond `most`. */
bool read_number(struct json_object *o, uint64_t most, uint64_t *ret);
/* "0x1af4" */
bool read_hex(struct json_object *o, uint64_t most, uint64_t *ret);
/* Printable ASCII that fits, not empty. */
bool read_text(struct json_object *o, char *ret, size_t size);
/* Names of bits. */
bool read_bits(struct json_object *o, const char *const *names, uint64_t most, uint64_t *ret);
/* Lists of a device, where they are there. */
bool read_lists(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d);

#endif
