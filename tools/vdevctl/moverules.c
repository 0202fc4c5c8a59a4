/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl compare and plan: rules, values, verdicts: as text, as JSON, as exit status. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "move.h"

/* Plans carry the text of the rules as JSON, which is UTF-8. Overlong forms are left to the reader of the JSON. */
static bool is_utf8(const char *text, size_t size)
{
	for (size_t i = 0; i < size;) {
		unsigned char c = (unsigned char)text[i++];
		int more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

		if (c >= 0x80 && (c < 0xc2 || c > 0xf4))
			return false;
		for (; more; more--, i++)
			if (i >= size || ((unsigned char)text[i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

int rules_from_text(const char *text, size_t size, const char *what, struct rules *ret)
{
	struct vdev_migration_error e = {0};
	int err = vdev_migration_rules_new(&ret->set, NULL, 0);

	if (!err && text)
		err = vdev_migration_rules_parse(ret->set, text, size, &e, sizeof(e));
	if (err >= 0)
		return 0;
	vdev_migration_rules_free(ret->set);
	ret->set = NULL;
	if (err == -ENOSPC)
		fprintf(stderr, "vdevctl: %s: more than 1 MiB, or more than %u rules\n", what,
			VDEV_MIGRATION_MAX_RULES);
	else if (e.line)
		fprintf(stderr, "vdevctl: %s:%u:%u: %s\n", what, e.line, e.column, e.message);
	else
		fprintf(stderr, "vdevctl: %s: %s\n", what,
			e.message[0] ? e.message : strerror(-err));
	return err == -ENOMEM ? -ENOMEM : -EBADMSG;
}

int rules_read(const char *path, struct rules *ret)
{
	int status = STATUS_OK, err;

	memset(ret, 0, sizeof(*ret));
	if (path) {
		name_escape(path, ret->shown, sizeof(ret->shown));
		status = text_file_read(path, MOST_RULES_BYTES, &ret->text, &ret->size);
	}
	if (status)
		return status;
	err = rules_from_text(ret->text, ret->size, path ? path : "rules", ret);
	if (!err && path && !is_utf8(ret->text, ret->size)) {
		fprintf(stderr, "vdevctl: %s: not UTF-8: write the notes as UTF-8 or ASCII\n",
			path);
		err = -EBADMSG;
	}
	if (!err)
		return STATUS_OK;
	rules_free(ret);
	return err == -EBADMSG ? STATUS_DAMAGED : STATUS_FAILED;
}

void rules_free(struct rules *r)
{
	vdev_migration_rules_free(r->set);
	free(r->text);
	memset(r, 0, sizeof(*r));
}

void rule_text(const struct rules *r, uint32_t rule, char *ret_text, size_t size)
{
	struct vdev_migration_rule of;

	if (vdev_migration_rules_get(r->set, rule, &of, sizeof(of))) {
		snprintf(ret_text, size, "-");
		return;
	}
	if (of.origin)
		snprintf(ret_text, size, "%s:%u: %s%s%s", r->shown, of.line,
			 vdev_migration_kind_name(of.kind), of.note[0] ? ": " : "", of.note);
	else
		snprintf(ret_text, size, "%s: %s", vdev_migration_kind_name(of.kind), of.note);
}

struct json_object *rule_json(const struct rules *r, uint32_t rule)
{
	struct vdev_migration_rule of;
	struct json_object *o;

	if (vdev_migration_rules_get(r->set, rule, &of, sizeof(of)))
		return NULL;
	o = json_object_new_object();
	json_text(o, "kind", vdev_migration_kind_name(of.kind));
	json_text(o, "file", of.origin ? r->shown : NULL);
	json_object_object_add(o, "line", of.line ? json_object_new_int64(of.line) : NULL);
	json_text(o, "note", of.note[0] ? of.note : NULL);
	return o;
}

bool value_text(const struct vdev_migration_device *d, uint32_t field, char ret_text[VALUE_SIZE])
{
	snprintf(ret_text, VALUE_SIZE, "-");
	if (!d || !(d->known >> field & 1))
		return false;
	return vdev_migration_value(d, sizeof(*d), field, ret_text, VALUE_SIZE) >= 0;
}

const char *field_name(uint32_t field)
{
	struct vdev_migration_field f;

	return vdev_migration_field(field, &f, sizeof(f)) ? "?" : f.name;
}

int verdict_status(uint32_t verdict)
{
	return verdict == VDEV_MIGRATION_LIVE ? STATUS_OK : STATUS_VERDICT + (int)verdict;
}

const char *verdict_color(uint32_t verdict)
{
	if (!isatty(STDOUT_FILENO) || getenv("NO_COLOR"))
		return NULL;
	return verdict == VDEV_MIGRATION_LIVE     ? NULL
	       : verdict == VDEV_MIGRATION_REFUSE ? "red"
						  : "yellow";
}

void json_text(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, text ? json_object_new_string(text) : NULL);
}

void json_number(struct json_object *o, const char *name, uint64_t value)
{
	json_object_object_add(o, name, json_object_new_uint64(value));
}

int result_end(int err, int status)
{
	if (!err)
		err = show_end();
	if (!err)
		return status;
	fprintf(stderr, "vdevctl: cannot write the result: %s\n", strerror(-err));
	return STATUS_FAILED;
}
