/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl plan: a plan from JSON. It may come from anybody, and people decide by what it says: what is written in it has
 * to be what its image means.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventread.h"
#include "move.h"

#define PLACE_SIZE 96

/* What is told from rules, which another version words otherwise; and what no image holds. */
static bool is_prose(const char *name)
{
	return strcmp(name, "why") == 0 || strcmp(name, "rule") == 0;
}

/*
 * All that is expected is there; other members may be there, too. Else the place of the first that is not. What is wanted is
 * of our own making, or was read with a limit of depth.
 */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as that, at most */
static bool covers(struct json_object *wanted, struct json_object *got, char place[PLACE_SIZE]);

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool covers_list(struct json_object *wanted, struct json_object *got, char place[PLACE_SIZE],
			size_t n)
{
	size_t count = json_object_array_length(wanted);

	if (!json_object_is_type(got, json_type_array) || json_object_array_length(got) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		snprintf(place + n, PLACE_SIZE - n, "[%zu]", i);
		if (!covers(json_object_array_get_idx(wanted, i), json_object_array_get_idx(got, i),
			    place))
			return false;
	}
	return true;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool covers_members(struct json_object *wanted, struct json_object *got,
			   char place[PLACE_SIZE], size_t n)
{
	struct json_object_iterator i = json_object_iter_begin(wanted);
	struct json_object_iterator end = json_object_iter_end(wanted);

	if (!json_object_is_type(got, json_type_object))
		return false;
	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
		const char *name = json_object_iter_peek_name(&i);

		snprintf(place + n, PLACE_SIZE - n, "%s%s", n ? "." : "", name);
		if (!is_prose(name) && !covers(json_object_iter_peek_value(&i),
					       json_object_object_get(got, name), place))
			return false;
	}
	return true;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool covers(struct json_object *wanted, struct json_object *got, char place[PLACE_SIZE])
{
	size_t n = strlen(place);
	bool ok;

	if (json_object_is_type(wanted, json_type_array))
		ok = covers_list(wanted, got, place, n);
	else if (json_object_is_type(wanted, json_type_object))
		ok = covers_members(wanted, got, place, n);
	else
		ok = json_object_equal(wanted, got);
	if (ok)
		place[n] = 0;
	return ok;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int image(struct json_object *o, struct planned_move *p)
{
	const char *text = json_object_get_string(o);
	size_t size = json_object_is_type(o, json_type_string)
			      ? (size_t)json_object_get_string_len(o)
			      : 1;
	uint8_t *bytes;
	int err = 0;

	if (size % 2 || !size)
		return -EBADMSG;
	bytes = malloc(size / 2);
	if (!bytes)
		return -ENOMEM;
	for (size_t i = 0; i < size && !err; i += 2) {
		int high = digit(text[i]), low = digit(text[i + 1]);

		if (high < 0 || low < 0)
			err = -EBADMSG;
		else
			bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	if (!err)
		err = vdev_migration_plan_load(NULL, bytes, size / 2, &p->plan);
	free(bytes);
	return err;
}

static bool read_image(const struct reading *r, struct json_object *tree, struct planned_move *p)
{
	struct vdev_migration_plan_info info;
	int err = image(json_object_object_get(tree, "image"), p);

	if (err == -EPROTONOSUPPORT)
		return read_wrong(r, "image: of a later version of vdevctl");
	if (err)
		return read_wrong(r, "image: %s", err == -ENOMEM ? strerror(-err) : "damaged");
	vdev_migration_plan_get(p->plan, &info, sizeof(info));
	if (info.devices != p->vm.count)
		return read_wrong(r, "vm.devices: the image has %u", info.devices);
	for (uint32_t i = 0; i < info.devices; i++) {
		const struct vdev_migration_device *source;
		struct vdev_migration_place place;

		vdev_migration_plan_device(p->plan, i, &place, sizeof(place), &source, NULL);
		if (source->address != p->vm.address[i])
			return read_wrong(r, "vm.devices[%u].address: the image has another", i);
	}
	return true;
}

static bool read_rules(const struct reading *r, struct json_object *tree, const char *path,
		       struct planned_move *p)
{
	struct json_object *o = json_object_object_get(tree, "rules"), *text;

	if (!o)
		return !rules_from_text(NULL, 0, path, &p->rules);
	text = json_object_object_get(o, "text");
	if (!json_object_is_type(text, json_type_string) ||
	    !read_text(json_object_object_get(o, "file"), p->rules.shown, SHOWN_SIZE))
		return read_unfit(r, "rules", o, "null, or an object with a file and its text");
	p->rules.size = (size_t)json_object_get_string_len(text);
	p->rules.text = malloc(p->rules.size + 1);
	if (!p->rules.text)
		return false;
	memcpy(p->rules.text, json_object_get_string(text), p->rules.size + 1);
	if (rules_from_text(p->rules.text, p->rules.size, p->rules.shown, &p->rules))
		return read_wrong(r, "rules.text: wrong, see above");
	return true;
}

static bool machine(const struct reading *r, struct json_object *tree, const char *name,
		    char ret[SHOWN_SIZE])
{
	struct json_object *m = json_object_object_get(tree, name);

	return read_text(m, ret, SHOWN_SIZE) || read_unfit(r, name, m, "the name of a machine");
}

static bool head(const struct reading *r, struct json_object *tree, struct planned_move *p)
{
	struct json_object *m = json_object_object_get(tree, "ranking");
	char why[WHY_SIZE];

	if (!read_head(r, tree, "vdev-plan", "this is no plan") ||
	    !machine(r, tree, "source", p->source) ||
	    !machine(r, tree, "destination", p->destination))
		return false;
	if (m && !json_object_is_type(m, json_type_array))
		return read_unfit(r, "ranking", m, "a list, or null");
	p->ranking = json_object_get(m);
	m = json_object_object_get(tree, "vm");
	if (!json_object_is_type(m, json_type_object))
		return read_unfit(r, "vm", m, "an object that describes a VM");
	if (vm_from_json(m, &p->vm, why))
		return read_wrong(r, "vm.%s", why);
	return true;
}

static bool agrees(const struct reading *r, struct json_object *tree, struct planned_move *p)
{
	struct json_object *wanted = plan_to_json(p);
	char place[PLACE_SIZE] = "";
	bool ok = wanted && covers(wanted, tree, place);

	json_object_put(wanted);
	if (!ok)
		read_wrong(r, "%s: not what the image says: the file was changed", place);
	return ok;
}

int plan_read(const char *path, struct planned_move *ret)
{
	char why[WHY_SIZE] = "";
	struct reading r = {why, NO_NUMBER};
	struct json_object *tree = NULL;
	int status = json_file_read_most(path, MOST_PLAN_BYTES, &tree);

	if (status)
		return status;
	if (!json_object_is_type(tree, json_type_object))
		read_unfit(&r, "", tree, "an object: this is no plan");
	else if (head(&r, tree, ret) && read_rules(&r, tree, path, ret) &&
		 read_image(&r, tree, ret) &&
		 facts_agree(&r, json_object_object_get(tree, "facts"), ret) &&
		 agrees(&r, tree, ret)) {
		ret->tree = tree;
		return STATUS_OK;
	}
	json_object_put(tree);
	fprintf(stderr, "vdevctl: %s: %s\n", path, why[0] ? why : strerror(ENOMEM));
	return why[0] ? STATUS_DAMAGED : STATUS_FAILED;
}
