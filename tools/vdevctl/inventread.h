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

/* inventwrong.c: false, with what was expected where in `why`. */
__attribute__((format(printf, 2, 3))) bool read_wrong(const struct reading *r, const char *format,
						      ...);
/* The same about the member `where` of the device at hand or of the whole, with the value that is there: "expected" and that. */
__attribute__((format(printf, 4, 5))) bool read_unfit(const struct reading *r, const char *where,
						      struct json_object *o, const char *format,
						      ...);
/* "format" is that one, "version" is 1. */
bool read_head(const struct reading *r, struct json_object *tree, const char *format,
	       const char *otherwise);
/* Names of bits. */
bool read_names(const struct reading *r, const char *where, struct json_object *o,
		const char *const *names, uint64_t most, uint64_t *ret);
/* inventlists.c. False: it is something else, or beyond `most`. */
bool read_number(struct json_object *o, uint64_t most, uint64_t *ret);
/* "0x1af4" */
bool read_hex(struct json_object *o, uint64_t most, uint64_t *ret);
/* Printable ASCII that fits, not empty. */
bool read_text(struct json_object *o, char *ret, size_t size);
/* Lists of a device, where they are there. */
bool read_lists(const struct reading *r, struct json_object *o, struct vdev_inventory_device *d);

#endif
