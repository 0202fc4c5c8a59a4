/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl compare and plan: rules, values, verdicts: as text, as JSON, as exit status. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "move.h"

/* Room for all that a rule is shown by: file, line, kind, note. */
#define RULE_ROOM (SHOWN_SIZE + VDEV_MIGRATION_NOTE + 64)

/* Plans carry the text of the rules as JSON, which is UTF-8. */
static bool is_utf8(const char *text, size_t size)
{
	for (size_t i = 0, n; i < size; i += n) {
		n = utf8_size(text + i, size - i);
		if (!n)
			return false;
	}
	return true;
}

/* No rule stands before that line, and no word of a rule begins it: JSON, a dump, a script. */
static bool is_other(const char *text, const char *end, uint32_t line)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-=/";

	for (uint32_t i = 1; i < line; i++) {
		const char *next = memchr(text, '\n', (size_t)(end - text));

		text += strspn(text, " \t\r");
		if (!next || (*text != '#' && *text != '\n'))
			return false;
		text = next + 1;
	}
	text += strspn(text, " \t\r");
	text += strspn(text, letters);
	return text != end && (!*text || !strchr(" \t\r\n#", *text));
}

/* The names that a rule is made of: nobody has to look for them elsewhere. */
static void tell_names(void)
{
	fprintf(stderr, "vdevctl: expected a line such as \"vendor=15b3 firmware exact "
			"QUIESCE_REBUILD # why\"; kinds: ");
	for (uint32_t i = 0; i < VDEV_MIGRATION_KINDS; i++)
		fprintf(stderr, "%s%s", i ? ", " : "", vdev_migration_kind_name(i));
	fprintf(stderr, "; verdicts: ");
	for (uint32_t i = VDEV_MIGRATION_LIVE + 1; i < VDEV_MIGRATION_VERDICTS; i++)
		fprintf(stderr, "%s%s", i > VDEV_MIGRATION_LIVE + 1 ? ", " : "",
			vdev_migration_verdict_name(i));
	fprintf(stderr, "; fields: ");
	for (uint32_t i = 0; i < VDEV_MIGRATION_FIELDS; i++)
		fprintf(stderr, "%s%s", i ? ", " : "", field_name(i));
	fprintf(stderr, "; all about them: docs/engines/migration.md\n");
}

static void tell_mistake(const char *text, size_t size, const char *what, int err,
			 const struct vdev_migration_error *e)
{
	char message[sizeof(e->message)];

	text_show(e->message, message, sizeof(message));
	fprintf(stderr, "vdevctl: %s:%u:%u: %s%s\n", what, e->line, e->column, message,
		err == -EPROTONOSUPPORT                ? ", expected 1"
		: is_other(text, text + size, e->line) ? "; this is no rules file"
						       : "");
	if (err != -EPROTONOSUPPORT)
		tell_names();
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
	if (err == -ENOSPC && size > MOST_RULES_BYTES)
		fprintf(stderr, "vdevctl: %s: %zu bytes, expected at most %u\n", what, size,
			MOST_RULES_BYTES);
	else if (err == -ENOSPC)
		fprintf(stderr,
			"vdevctl: %s: too many rules, expected at most %u with those built in\n",
			what, VDEV_MIGRATION_MAX_RULES);
	else if (e.line)
		tell_mistake(text, size, what, err, &e);
	else
		fprintf(stderr, "vdevctl: %s: %s\n", what, strerror(-err));
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
	char text[RULE_ROOM];

	if (vdev_migration_rules_get(r->set, rule, &of, sizeof(of)))
		snprintf(text, sizeof(text), "-");
	else if (of.origin)
		snprintf(text, sizeof(text), "%s:%u: %s%s%s", r->shown, of.line,
			 vdev_migration_kind_name(of.kind), of.note[0] ? ": " : "", of.note);
	else
		snprintf(text, sizeof(text), "%s: %s", vdev_migration_kind_name(of.kind), of.note);
	text_show(text, ret_text, size);
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
