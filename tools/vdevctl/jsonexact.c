/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdevctl: JSON exactly (RFC 8259). The text is gone through beside the tree that json-c made of it: what json-c lets
 * through although it is no JSON is refused, and what it would write in another way than it was read (numbers that no
 * integer of its holds, escapes) is kept as it was.
 */
#include <errno.h>
#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <stdlib.h>
#include <string.h>

#include "inventory.h"

struct walk {
	const char *at; /* the text ends with a 0, which nothing here steps over */
	const char *why; /* what is wrong there; NULL: nothing */
};

static const char twice[] = "a member that comes again";

/* NOLINTNEXTLINE(misc-no-recursion): as deep as json-c went, at most */
static bool value(struct walk *w, struct json_object *node);

static bool wrong(struct walk *w, const char *why)
{
	w->why = why;
	return false;
}

static void space(struct walk *w)
{
	w->at += strspn(w->at, " \t\r\n");
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

static bool string(struct walk *w)
{
	if (*w->at != '"')
		return wrong(w, "expected double quotes");
	for (w->at++; *w->at != '"'; w->at++) {
		if ((unsigned char)*w->at < ' ')
			return wrong(w, "a control character in a text, expected it as \\n, \\t or "
					"\\u00..");
		w->at += *w->at == '\\';
	}
	w->at++;
	return true;
}

static bool number(struct walk *w, bool *ret_integer)
{
	const char *end = w->at + (*w->at == '-');

	*ret_integer = true;
	if (!digits(end))
		return wrong(w, "no number of JSON");
	end += digits(end);
	if (*end == '.') {
		*ret_integer = false;
		if (!digits(++end))
			return wrong(w, "expected digits behind the point of a number");
		end += digits(end);
	}
	if (*end == 'e' || *end == 'E') {
		*ret_integer = false;
		end += 1 + (end[1] == '+' || end[1] == '-');
		end += digits(end);
	}
	w->at = end;
	return true;
}

/* Numbers that json-c would bring to its nearest, and a 0 whose sign it would drop. */
static bool fits(const char *text)
{
	errno = 0;
	if (*text != '-')
		strtoull(text, NULL, 10);
	else if (strtoll(text, NULL, 10) == 0)
		return false;
	return !errno;
}

static int as_it_was(struct json_object *node, struct printbuf *out, int level, int flags)
{
	const char *text = json_object_get_userdata(node);

	(void)level;
	(void)flags;
	return printbuf_memappend(out, text, (int)strlen(text));
}

static bool keep(struct walk *w, struct json_object *node, const char *begin)
{
	char *text = node ? strndup(begin, (size_t)(w->at - begin)) : NULL;

	if (!node)
		return wrong(w, twice);
	if (!text)
		return wrong(w, "no memory for it");
	json_object_set_serializer(node, as_it_was, text, json_object_free_userdata);
	return true;
}

static bool word(struct walk *w)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strncmp(w->at, words[i], strlen(words[i]))) {
			w->at += strlen(words[i]);
			return true;
		}
	return wrong(w, "no value of JSON");
}

static bool scalar(struct walk *w, struct json_object *node)
{
	const char *begin = w->at;
	bool integer = false;

	if (*begin == '"')
		return string(w) &&
		       (!memchr(begin, '\\', (size_t)(w->at - begin)) || keep(w, node, begin));
	if (*begin != '-' && !digits(begin))
		return word(w);
	return number(w, &integer) && (!integer || fits(begin) || keep(w, node, begin));
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool array(struct walk *w, struct json_object *node)
{
	w->at++;
	space(w);
	for (size_t i = 0; *w->at != ']'; i++) {
		if (!value(w, json_object_array_get_idx(node, i)))
			return false;
		space(w);
		w->at += *w->at == ',';
		space(w);
	}
	w->at++;
	return true;
}

/* Whether the name is that of the member that json-c has next: else it had it before. */
static bool is_next(const struct lh_entry *e, const char *name, size_t size)
{
	const char *next = e ? lh_entry_k(e) : NULL;

	/* Whether escapes come to the same is seen when there is no next one. */
	return next &&
	       (memchr(name, '\\', size) || (strlen(next) == size && !memcmp(next, name, size)));
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool object(struct walk *w, struct json_object *node)
{
	const struct lh_entry *e = json_object_get_object(node)->head;
	const char *name;

	w->at++;
	space(w);
	while (*w->at != '}') {
		name = w->at;
		if (!string(w))
			return false;
		if (!is_next(e, name + 1, (size_t)(w->at - name) - 2))
			return wrong(w, twice);
		space(w);
		if (*w->at++ != ':')
			return wrong(w, "expected a colon");
		if (!value(w, lh_entry_v(e)))
			return false;
		space(w);
		w->at += *w->at == ',';
		space(w);
		e = e->next;
	}
	w->at++;
	return true;
}

/* Where a member is there twice the text may be of another kind than the tree. NOLINTNEXTLINE(misc-no-recursion) */
static bool value(struct walk *w, struct json_object *node)
{
	space(w);
	if (*w->at == '{')
		return json_object_is_type(node, json_type_object) ? object(w, node)
								   : wrong(w, twice);
	if (*w->at == '[')
		return json_object_is_type(node, json_type_array) ? array(w, node)
								  : wrong(w, twice);
	return scalar(w, node);
}

size_t json_text_exact(const char *text, struct json_object *tree, const char **ret_why)
{
	struct walk w = {.at = text};

	value(&w, tree);
	*ret_why = w.why;
	return (size_t)(w.at - text);
}
