/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl plan: the VM that is to move, docs/schema/vm-1.json. Members that this version does not know are left where they
 * are and come back in the plan: a file may be written for a newer version.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventread.h"
#include "move.h"

#define MOST_DEADLINE_MS 86400000u
#define NS_PER_MS UINT64_C(1000000)

/* A bool that may be missing or null. */
static bool yes(const struct reading *r, struct json_object *o, const char *name,
		const char *expected, bool *ret)
{
	struct json_object *m = json_object_object_get(o, name);

	if (!m)
		return true;
	*ret = json_object_get_boolean(m);
	return json_object_is_type(m, json_type_boolean) || read_unfit(r, name, m, "%s", expected);
}

/* So may a name. */
static bool take_name(const struct reading *r, struct json_object *o, char ret[VM_NAME_SIZE])
{
	struct json_object *m = json_object_object_get(o, "name");

	return !m || read_text(m, ret, VM_NAME_SIZE) ||
	       read_unfit(r, "name", m, "1 to %u printable ASCII characters", VM_NAME_SIZE - 1);
}

/* A VMM has its device open, and knows what a look from outside cannot ask. */
static bool migration(const struct reading *r, struct json_object *o, uint32_t *ret)
{
	static const char *const names[] = {"stop_copy", "p2p", "pre_copy", NULL};
	struct json_object *m = json_object_object_get(o, "vfio_migration");
	uint64_t bits = NO_NUMBER;

	if (m && !read_names(r, "vfio_migration", m, names, 7, &bits))
		return false;
	*ret = (uint32_t)bits;
	return true;
}

void vm_apply(const struct vm *vm, uint32_t index, struct vdev_migration_device *device)
{
	uint32_t bits = vm->vfio[index];

	if (bits == NO_NUMBER)
		return;
	device->stop_copy = bits & 1;
	device->p2p = bits >> 1 & 1;
	device->pre_copy = bits >> 2 & 1;
	device->known |= UINT64_C(1) << VDEV_MIGRATION_F_STOP_COPY |
			 UINT64_C(1) << VDEV_MIGRATION_F_P2P |
			 UINT64_C(1) << VDEV_MIGRATION_F_PRE_COPY;
}

static bool facts(const struct reading *r, struct json_object *o, struct vdev_migration_want *w)
{
	struct json_object *node = json_object_object_get(o, "node");
	bool software = false, rebuild = true;
	uint64_t n = VDEV_MIGRATION_UNKNOWN;

	if (!yes(r, o, "software", "true (a software backing exists that can take over) or false",
		 &software) ||
	    !yes(r, o, "rebuild", "true, or false (its structures cannot be deleted and restored)",
		 &rebuild))
		return false;
	if (node && !read_number(node, VDEV_MIGRATION_MAX_NODES - 1, &n))
		return read_unfit(r, "node", node,
				  "a NUMA node of the destination, 0 to %u, or null",
				  VDEV_MIGRATION_MAX_NODES - 1);
	w->node = (uint32_t)n;
	w->flags = (software ? VDEV_MIGRATION_SOFTWARE : 0) |
		   (rebuild ? 0 : VDEV_MIGRATION_NO_REBUILD);
	return true;
}

static bool address(const struct reading *r, struct json_object *m, struct vm *vm, uint32_t i)
{
	char text[ADDRESS_SIZE];

	if (!read_text(m, text, sizeof(text)) || bdf_parse(text, NULL, &vm->address[i]))
		return read_unfit(r, "address", m,
				  "that of the device on the source, such as \"0000:3b:00.1\"");
	bdf_text(vm->address[i], text);
	for (uint32_t k = 0; k < i; k++)
		if (vm->address[k] == vm->address[i])
			return read_wrong(
				r, "address: %s is that of devices[%u], too; expected each once",
				text, k);
	return true;
}

static bool device(const struct reading *r, struct json_object *o, struct vm *vm, uint32_t i)
{
	if (!json_object_is_type(o, json_type_object))
		return read_unfit(r, "", o, "an object with an address");
	if (!address(r, json_object_object_get(o, "address"), vm, i))
		return false;
	bdf_text(vm->address[i], vm->names[i]);
	vm->want[i].user_data = i;
	return take_name(r, o, vm->names[i]) && migration(r, o, &vm->vfio[i]) &&
	       facts(r, o, &vm->want[i]);
}

static bool devices(struct reading *r, struct json_object *list, struct vm *vm)
{
	size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list)
								  : SIZE_MAX;

	if (count > VDEV_MIGRATION_MAX_DEVICES)
		return read_unfit(r, "devices", list, "a list of at most %u",
				  VDEV_MIGRATION_MAX_DEVICES);
	for (uint32_t i = 0; i < count; i++) {
		r->index = i;
		if (!device(r, json_object_array_get_idx(list, i), vm, i))
			return false;
	}
	r->index = NO_NUMBER;
	vm->count = (uint32_t)count;
	return true;
}

static uint32_t step_of(const char *name)
{
	for (uint32_t i = VDEV_MIGRATION_NO_STEP + 1; i < VDEV_MIGRATION_STEPS; i++)
		if (strcmp(name, vdev_migration_step_name(i)) == 0)
			return i;
	return VDEV_MIGRATION_NO_STEP;
}

static bool deadline(const struct reading *r, const char *name, struct json_object *value,
		     struct vm *vm)
{
	uint32_t step = step_of(name);
	uint64_t ms = 0;
	char text[64];

	text_show(name, text, sizeof(text) / 2);
	if (!step)
		return read_wrong(r,
				  "deadlines_ms: \"%s\" is no step, expected one such as "
				  "COPY_MEMORY; vdevctl plan shows them all (DOES)",
				  text);
	snprintf(text, sizeof(text), "deadlines_ms.%s", name);
	if (!read_number(value, MOST_DEADLINE_MS, &ms) || !ms)
		return read_unfit(r, text, value, "milliseconds, 1 to %u", MOST_DEADLINE_MS);
	vm->deadline_ns[step] = ms * NS_PER_MS;
	return true;
}

static bool deadlines(const struct reading *r, struct json_object *o, struct vm *vm)
{
	struct json_object_iterator i, end;

	if (!o)
		return true;
	if (!json_object_is_type(o, json_type_object))
		return read_unfit(r, "deadlines_ms", o,
				  "an object such as {\"COPY_MEMORY\": 60000}");
	i = json_object_iter_begin(o);
	end = json_object_iter_end(o);
	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
		if (!deadline(r, json_object_iter_peek_name(&i), json_object_iter_peek_value(&i),
			      vm))
			return false;
	return true;
}

static bool all(struct reading *r, struct json_object *tree, struct vm *vm)
{
	bool late = false;

	if (!read_head(r, tree, "vdev-vm", "this describes no VM") ||
	    !take_name(r, tree, vm->name) || !yes(r, tree, "quiesce_late", "true or false", &late))
		return false;
	vm->flags = late ? VDEV_MIGRATION_QUIESCE_LATE : 0;
	return deadlines(r, json_object_object_get(tree, "deadlines_ms"), vm) &&
	       devices(r, json_object_object_get(tree, "devices"), vm);
}

int vm_from_json(struct json_object *tree, struct vm *ret, char why[WHY_SIZE])
{
	struct reading r = {why, NO_NUMBER};

	memset(ret, 0, sizeof(*ret));
	why[0] = 0;
	if (!json_object_is_type(tree, json_type_object))
		read_unfit(&r, "", tree, "an object that describes a VM");
	else if (all(&r, tree, ret)) {
		ret->tree = json_object_get(tree);
		return 0;
	}
	return -EBADMSG;
}

int vm_read(const char *path, struct vm *ret)
{
	struct json_object *tree = NULL;
	char why[WHY_SIZE];
	int status = json_file_read_most(path, MOST_VM_BYTES, &tree), err;

	if (status)
		return status;
	err = vm_from_json(tree, ret, why);
	json_object_put(tree);
	if (!err)
		return STATUS_OK;
	fprintf(stderr, "vdevctl: %s: %s\n", path, why);
	return STATUS_DAMAGED;
}

int vm_place(struct vm *vm, const char *path, const struct machine *source)
{
	for (uint32_t i = 0; i < vm->count; i++) {
		uint32_t at = machine_find(source, vm->address[i]);
		char text[ADDRESS_SIZE];

		bdf_text(vm->address[i], text);
		if (at != NO_NUMBER) {
			vm->device[i] = source->devices[at];
			vm_apply(vm, i, &vm->device[i]);
			vm->want[i].device = &vm->device[i];
			continue;
		}
		fprintf(stderr,
			"vdevctl: %s: devices[%u].address: %s has no device %s; vdevctl inventory "
			"lists them\n",
			path, i, source->shown, text);
		return STATUS_NO_DEVICE;
	}
	return STATUS_OK;
}

void vm_free(struct vm *vm)
{
	json_object_put(vm->tree);
	vm->tree = NULL;
}
