/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl: inventories, also for commands that compare them. */
#ifndef VDEVCTL_INVENTORY_H
#define VDEVCTL_INVENTORY_H

#include <vdev/inventory.h>

#include "vdevctl.h"

struct json_object;

#define MOST_NODES VDEV_HOST_MAX_NODES

struct inventory {
	struct vdev_inventory_device *devices; /* in order of address */
	uint32_t count;
	bool is_dump; /* not sysfs */
	char kernel[VDEV_INVENTORY_NAME]; /* empty: not known */
	uint32_t node_count; /* highest node + 1; 0: not known */
	uint8_t *distances; /* [node_count * node_count]; 0: not known. NULL without nodes */
	struct json_object
		*tree; /* of an inventory that was JSON: with what this version does not know */
};

struct inventory_options {
	const char *dump, *sysfs, *json_file; /* at most one */
	const char *capture, *reader;
	bool vfio, json;
};

/* inventopts.c: -1 when the command shall run, else the exit status. */
int inventory_parse(int argc, char **argv, struct inventory_options *ret);
/* inventory.c */
int inventory_run(const struct inventory_options *o);
/* From where the options say; STATUS_OK, or another after a word on stderr. */
int inventory_read(const struct inventory_options *o, struct inventory *ret);
void inventory_free(struct inventory *v);
/* "0000:3b:00.0" */
#define ADDRESS_SIZE 24
void inventory_address(const struct vdev_inventory_device *d, char ret_text[ADDRESS_SIZE]);

/* inventfields.c: how numbers and flags are written. */
enum field_kind { FIELD_NUMBER, FIELD_HEX, FIELD_BOOL, FIELD_NAMES, FIELD_POWER };
struct field {
	const char *name;
	enum field_kind kind;
	uint32_t offset, most; /* in struct vdev_inventory_device; largest value */
	uint32_t digits; /* of FIELD_HEX */
	const char *const *names; /* of the bits of FIELD_NAMES, NULL at the end */
};
extern const struct field inventory_fields[];
extern const uint32_t inventory_field_count;
extern const char *const inventory_power[]; /* D0 ... D3cold, NULL */
extern const char *const inventory_flags[], *const inventory_bar_flags[];
uint32_t field_get(const struct field *f, const struct vdev_inventory_device *d);
void field_set(const struct field *f, struct vdev_inventory_device *d, uint32_t value);
/* Texts: name, offset, size. */
struct text_field {
	const char *name;
	uint32_t offset, size;
};
extern const struct text_field inventory_texts[];
extern const uint32_t inventory_text_count;

/* inventjson.c: the tree; NULL: no memory. */
struct json_object *inventory_to_json(const struct inventory *v);
/* inventread.c: -EBADMSG and what was expected where; -ENOMEM. */
#define WHY_SIZE 320
int inventory_from_json(struct json_object *tree, struct inventory *ret, char why[WHY_SIZE]);
/* inventfile.c: the exit status for a file or folder that cannot be read or written, from a negative errno. */
int file_status(int err);
/* The text of a file, with a 0 behind it, as a tree; an exit status, after a word on stderr. */
#define JSON_MOST_BYTES (256u << 20)
int text_file_read(const char *path, uint32_t most, char **ret_text, size_t *ret_size);
int json_file_read(const char *path, struct json_object **ret_tree);
int json_file_read_most(const char *path, uint32_t most, struct json_object **ret_tree);
/* The same from memory; -EBADMSG with a line number, -ENOMEM. */
int json_text_parse(const char *text, size_t size, struct json_object **ret_tree,
		    uint32_t *ret_line, const char **ret_why);

/* jsonexact.c: how far the text, of which json-c made the tree, is JSON; *ret_why says what is not, or NULL. */
size_t json_text_exact(const char *text, struct json_object *tree, const char **ret_why);

/* inventtable.c: 0, or -ENOMEM. */
int inventory_table(const struct inventory *v);
/* inventclass.c: "Ethernet controller", or a number in `room`. */
const char *inventory_class(uint32_t class_code, char room[16]);

#endif
