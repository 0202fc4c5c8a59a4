/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl compare and plan: what their files share. */
#ifndef VDEVCTL_MOVE_H
#define VDEVCTL_MOVE_H

#include <vdev/migration.h>

#include "bdf.h"
#include "inventory.h"

#define MOST_DESTINATIONS 1024u
#define MOST_VM_BYTES (1u << 20)
#define MOST_PLAN_BYTES (16u << 20)
#define MOST_RULES_BYTES (1u << 20)
/* Of a name of a VM or of a device of it, with its 0. */
#define VM_NAME_SIZE 64
/* A file's name as it is shown: escaped, cut. */
#define SHOWN_SIZE 256
#define VALUE_SIZE 512

struct compare_options {
	const char *a, *b, *rules, *reader;
	const char *device; /* BDF[=BDF]; NULL: all */
	bool vfio, json;
};

struct plan_options {
	const char *vm, *source, *rules, *reader;
	const char *show, *verify; /* files with plans; at most one */
	const char *destinations[MOST_DESTINATIONS];
	uint32_t count;
	bool claimed, vfio, json;
};

/* moveopts.c: -1 when the command shall run, else the exit status. */
int compare_parse(int argc, char **argv, struct compare_options *ret);
int plan_parse(int argc, char **argv, struct plan_options *ret);
int compare_run(const struct compare_options *o);
int plan_run(const struct plan_options *o);

/* movehost.c: an inventory, from whatever that is, as the engine takes it. */
struct machine {
	const char *name; /* as it was given */
	char shown[SHOWN_SIZE]; /* the same, fit for a terminal and for JSON */
	struct inventory inventory;
	struct vdev_migration_device *devices; /* in order of address, [inventory.count] */
	uint8_t *distances;
	struct vdev_migration_host host;
};
/* An exit status, after a word on stderr. With `vfio` idle devices of VFIO drivers of this machine are asked, and so reset. */
int machine_read(const char *name, const char *reader, bool vfio, struct machine *ret);
bool machine_is_live(const char *name);
void machine_free(struct machine *m);
/* Index of the device with that address; NO_NUMBER. */
uint32_t machine_find(const struct machine *m, uint64_t address);

/* moverules.c: rules, the built-in ones and those of a file. */
struct rules {
	struct vdev_migration_rules *set;
	char *text; /* of the file; NULL: none */
	size_t size;
	char shown[SHOWN_SIZE]; /* its name */
};
int rules_read(const char *path, struct rules *ret);
/* From a text that came with a plan; -EBADMSG after a word on stderr about `what`. */
int rules_from_text(const char *text, size_t size, const char *what, struct rules *ret);
void rules_free(struct rules *r);
/* "built in: M2 ...", "my.rules:3: ...". */
void rule_text(const struct rules *r, uint32_t rule, char *ret_text, size_t size);
struct json_object *rule_json(const struct rules *r, uint32_t rule);
/* Value of a field; false: not known. */
bool value_text(const struct vdev_migration_device *d, uint32_t field, char ret_text[VALUE_SIZE]);
const char *field_name(uint32_t field);
/* 0 when all is LIVE, else 10 to 13. */
int verdict_status(uint32_t verdict);
/* For a terminal; NULL elsewhere, and of LIVE. */
const char *verdict_color(uint32_t verdict);
/* A text as a member; NULL stays null. */
void json_text(struct json_object *o, const char *name, const char *text);
void json_number(struct json_object *o, const char *name, uint64_t value);
/* Writes it out, or says that this failed: `status` or STATUS_FAILED. */
int result_end(int err, int status);

/* comparejson.c, compareshow.c */
struct comparison {
	uint32_t a, b; /* indices */
	uint32_t verdict;
	uint32_t count;
	struct vdev_migration_difference list[VDEV_MIGRATION_FIELDS];
};
struct compared {
	const struct machine *a, *b;
	const struct rules *rules;
	struct comparison *pairs;
	uint32_t *alone_a, *alone_b; /* indices */
	uint32_t count, alone_a_count, alone_b_count;
	uint32_t bridges; /* that were left out */
	uint32_t verdict; /* the worst */
	bool whole; /* all fields are shown, not only those that differ */
};
const struct vdev_migration_difference *comparison_of(const struct comparison *c, uint32_t field);
int compare_table(const struct compared *c);
struct json_object *compare_json(const struct compared *c);

/* movevm.c: a VM. */
struct vm {
	char name[VM_NAME_SIZE]; /* empty: none */
	char names[VDEV_MIGRATION_MAX_DEVICES][VM_NAME_SIZE]; /* of its devices */
	uint64_t address[VDEV_MIGRATION_MAX_DEVICES];
	struct vdev_migration_want want[VDEV_MIGRATION_MAX_DEVICES];
	struct vdev_migration_device device[VDEV_MIGRATION_MAX_DEVICES]; /* after vm_place() */
	uint32_t vfio[VDEV_MIGRATION_MAX_DEVICES]; /* VFIO_MIGRATION_...; NO_NUMBER: not told */
	uint32_t count;
	uint32_t flags; /* of plans */
	uint64_t deadline_ns[VDEV_MIGRATION_STEPS];
	struct json_object *tree;
};
/* An exit status, after a word on stderr. */
int vm_read(const char *path, struct vm *ret);
/* From a tree that is kept; -EBADMSG and what was expected where. */
int vm_from_json(struct json_object *tree, struct vm *ret, char why[WHY_SIZE]);
/* Its devices are those of the source: STATUS_NO_DEVICE after a word on stderr. */
int vm_place(struct vm *vm, const char *path, const struct machine *source);
/* What the VM's file knows better than an inventory. */
void vm_apply(const struct vm *vm, uint32_t index, struct vdev_migration_device *device);
void vm_free(struct vm *vm);

/* A plan, and what is known besides. */
struct planned_move {
	struct vm vm;
	struct rules rules;
	struct vdev_migration_plan *plan;
	char source[SHOWN_SIZE], destination[SHOWN_SIZE];
	struct json_object *ranking; /* list, best first */
	struct json_object
		*tree; /* of a plan that was read: with what this version does not know */
};
/* planjson.c: the tree; NULL: no memory. */
struct json_object *plan_to_json(const struct planned_move *p);
/* planread.c: an exit status, after a word on stderr. */
int plan_read(const char *path, struct planned_move *ret);
void plan_end(struct planned_move *p);
/* planfacts.c: a checksum of the VM's facts and of the rules, with its 0. */
#define FACTS_SIZE 17
void facts_checksum(const struct planned_move *p, char ret_text[FACTS_SIZE]);
/* They are those with which the plan was made, as far as its image and that checksum tell. */
struct reading;
bool facts_agree(const struct reading *r, struct json_object *checksum,
		 const struct planned_move *p);
/* planshow.c */
int plan_table(const struct planned_move *p);
/* planrank.c: ranks the hosts, fills the list; the best one, or a negative errno. */
int plan_rank(struct planned_move *p, const struct machine *hosts, uint32_t count,
	      uint32_t *ret_best);
/* Why, for people: reason, and the field and the rule if it is about them. */
struct why {
	uint32_t reason, field, rule;
	const struct vdev_migration_device *source, *destination; /* NULL: none */
};
void why_text(const struct rules *r, const struct why *w, char *ret_text, size_t size);
/* planverify.c */
int plan_verify(const struct plan_options *o, const struct planned_move *p);
/* planwords.c: what a step does. */
const char *step_words(uint32_t step);
const char *side_name(uint32_t side);

#endif
