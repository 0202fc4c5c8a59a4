/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Migration planner: reading rules files. Line by line, word by word, nothing recursive; the first mistake ends it, with
 * its place. write.c writes what is read here.
 *
 *   file  = { [ "version" "1" | rule ] [ "#" note ] newline }
 *   rule  = { ("class" | "vendor" | "device") "=" hex [ "/" hex ] } field kind { option }
 *   kind  = "exact" | "at-least" | "need" | "ignore"
 *   option = verdict | "must-know" | "mask=" hex | "value=" number
 */
/* ANALYZER: a rule is read in one call, and there are too many ways through all that it calls */
#include <stdarg.h>
#include <stdio.h>

#include "rules.h"

#define MAX_TEXT (1u << 20)
#define MAX_LINE 512u
#define FORMAT 1u

struct parser {
	struct vdev_migration_rules *rules;
	struct vdev_migration_error error;
	const char *line; /* where the line begins */
	size_t pos, end; /* within it; `end` is before newline and note */
	const char *word; /* what next_word() found */
	size_t length;
	uint32_t number; /* of the line */
	uint32_t said; /* rules and directives so far */
	int status;
};

static int wrong_at(struct parser *p, size_t at, const char *format, ...) VDEV__PRINTF(3, 4);

/* The first mistake is kept. */
static int wrong_at(struct parser *p, size_t at, const char *format, ...)
{
	va_list args;

	p->status = -EBADMSG;
	p->error.line = p->number;
	p->error.column = (uint32_t)at + 1;
	va_start(args, format);
	vsnprintf(p->error.message, sizeof(p->error.message), format, args);
	va_end(args);
	return -EBADMSG;
}

/* About the word that was read last. No control character comes so far: see bad_byte(). */
static int wrong(struct parser *p, const char *what)
{
	int shown = p->length < 40 ? (int)p->length : 40;

	return wrong_at(p, (size_t)(p->word - p->line), "\"%.*s\" %s", shown, p->word, what);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool next_word(struct parser *p)
{
	while (p->pos < p->end && blank(p->line[p->pos]))
		p->pos++;
	p->word = p->line + p->pos;
	while (p->pos < p->end && !blank(p->line[p->pos]))
		p->pos++;
	p->length = (size_t)(p->line + p->pos - p->word);
	return p->length;
}

static bool word_is(const struct parser *p, const char *word)
{
	return p->length == strlen(word) && !memcmp(p->word, word, p->length);
}

/* The word begins with "key=": returns what follows, else NULL. */
static const char *after_key(const struct parser *p, const char *key)
{
	size_t n = strlen(key);

	return p->length > n && !memcmp(p->word, key, n) && p->word[n] == '=' ? p->word + n + 1
									      : NULL;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* All of [from, to) is a number; no sign, no blanks. */
static bool number_in(const char *from, const char *to, unsigned int base, uint64_t most,
		      uint64_t *ret_value)
{
	uint64_t value = 0;

	if (from == to)
		return false;
	for (; from < to; from++) {
		unsigned int digit = (unsigned int)digit_of(*from);

		if (digit >= base || value > (most - digit) / base)
			return false;
		value = value * base + digit;
	}
	*ret_value = value;
	return true;
}

/* "15b3" or "15b3/ffff". */
static int get_match(struct parser *p, const char *from, uint32_t most, uint32_t *ret_value,
		     uint32_t *ret_mask)
{
	const char *end = p->word + p->length;
	const char *slash = memchr(from, '/', (size_t)(end - from));
	uint64_t value, mask = most;

	if (*ret_mask)
		return wrong(p, "is said twice");
	if (!number_in(from, slash ? slash : end, 16, most, &value))
		return wrong(p, "is not a hexadecimal number, or too large");
	if (slash && (!number_in(slash + 1, end, 16, most, &mask) || !mask))
		return wrong(p, "has a mask that is 0, too large, or no hexadecimal number");
	if (value & ~mask)
		return wrong(p, "has bits outside its mask, and never matches");
	*ret_value = (uint32_t)value;
	*ret_mask = (uint32_t)mask;
	return 0;
}

/* 1: the word was a match; 0: it is something else. */
static int match_word(struct parser *p, struct vdev_migration_rule *r)
{
	const char *from = after_key(p, "class");

	if (from)
		return get_match(p, from, 0xffffff, &r->class_code, &r->class_mask) ? -1 : 1;
	from = after_key(p, "vendor");
	if (from)
		return get_match(p, from, 0xffff, &r->vendor, &r->vendor_mask) ? -1 : 1;
	from = after_key(p, "device");
	if (from)
		return get_match(p, from, 0xffff, &r->device, &r->device_mask) ? -1 : 1;
	return 0;
}

/* Index of the word among names, `count` if it is none. */
static uint32_t word_among(const struct parser *p, const char *(*name)(uint32_t), uint32_t count)
{
	uint32_t i = 0;

	while (i < count && !word_is(p, name(i)))
		i++;
	return i;
}

static const char *field_name(uint32_t field)
{
	return vdev__migration_field(field)->name;
}

static int get_field(struct parser *p, struct vdev_migration_rule *r)
{
	if (!p->length)
		return wrong_at(p, p->pos, "a field is missing");
	r->field = word_among(p, field_name, VDEV_MIGRATION_FIELDS);
	if (r->field == VDEV_MIGRATION_FIELDS)
		return wrong(p, "is no field");
	if (!next_word(p))
		return wrong_at(p, p->pos, "a kind is missing: exact, at-least, need or ignore");
	r->kind = word_among(p, vdev_migration_kind_name, VDEV_MIGRATION_KINDS);
	if (r->kind == VDEV_MIGRATION_KINDS)
		return wrong(p, "is no kind: exact, at-least, need or ignore");
	return 0;
}

static int get_value(struct parser *p, struct vdev_migration_rule *r, const char *from,
		     unsigned int base)
{
	const char *end = p->word + p->length;

	if (r->value)
		return wrong(p, "is said twice");
	if (end - from > 2 && from[0] == '0' && from[1] == 'x') {
		from += 2;
		base = 16;
	}
	if (!number_in(from, end, base, UINT64_MAX, &r->value) || !r->value)
		return wrong(p, "is not a number above 0");
	return 0;
}

static int get_option(struct parser *p, struct vdev_migration_rule *r)
{
	const char *mask = after_key(p, "mask"), *value = after_key(p, "value");
	uint32_t verdict = word_among(p, vdev_migration_verdict_name, VDEV_MIGRATION_VERDICTS);

	if (r->kind == VDEV_MIGRATION_IGNORE)
		return wrong(p, "is too much: ignore has no consequence");
	if (mask)
		return r->kind == VDEV_MIGRATION_EXACT ? get_value(p, r, mask, 16)
						       : wrong(p, "goes with exact only");
	if (value)
		return r->kind == VDEV_MIGRATION_NEED ? get_value(p, r, value, 10)
						      : wrong(p, "goes with need only");
	if (word_is(p, "must-know")) {
		r->flags |= VDEV_MIGRATION_MUST_KNOW;
		return 0;
	}
	if (verdict == VDEV_MIGRATION_VERDICTS || !verdict)
		return wrong(p, "is no consequence of a difference");
	if (r->verdict)
		return wrong(p, "is a second consequence");
	r->verdict = verdict;
	return 0;
}

/* What stands behind the #, without more of them and without blanks around it. */
static int get_note(struct parser *p, const char *from, const char *to, char *note)
{
	while (from < to && (blank(*from) || *from == '#'))
		from++;
	while (from < to && blank(to[-1]))
		to--;
	if (to - from >= VDEV_MIGRATION_NOTE)
		return wrong_at(p, (size_t)(from - p->line), "the note is longer than %d bytes",
				VDEV_MIGRATION_NOTE - 1);
	memcpy(note, from, (size_t)(to - from));
	return 0;
}

/* What the words alone do not tell: whether kind and field suit each other. */
static int whole_rule(struct parser *p, const struct vdev_migration_rule *r)
{
	if (r->kind != VDEV_MIGRATION_IGNORE && !r->verdict)
		return wrong_at(p, p->pos, "a consequence is missing, e.g. QUIESCE_REBUILD");
	if (r->kind == VDEV_MIGRATION_NEED && !r->value)
		return wrong_at(p, p->pos, "value= is missing");
	if (!vdev__migration_rule_ok(r))
		return wrong_at(p, 0, "%s is not for the field %s",
				r->value && r->kind == VDEV_MIGRATION_EXACT
					? "mask="
					: vdev_migration_kind_name(r->kind),
				field_name(r->field));
	return 0;
}

static int get_rule(struct parser *p, const char *note_end)
{
	struct vdev_migration_rule r = {0};
	int matched;

	while ((matched = match_word(p, &r)) > 0)
		next_word(p);
	if (matched < 0 || get_field(p, &r))
		return -EBADMSG;
	while (next_word(p))
		if (get_option(p, &r))
			return -EBADMSG;
	if (whole_rule(p, &r) || get_note(p, p->line + p->end, note_end, r.note))
		return -EBADMSG;
	r.origin = p->rules->origins;
	r.line = p->number;
	p->said++;
	p->status = vdev__migration_rules_reserve(p->rules, 1);
	if (!p->status)
		vdev__migration_rules_put(p->rules, &r);
	return p->status;
}

static int get_version(struct parser *p)
{
	uint64_t version;

	if (p->said++)
		return wrong(p, "has to come first");
	if (!next_word(p) || !number_in(p->word, p->word + p->length, 10, UINT32_MAX, &version))
		return wrong_at(p, p->pos, "a version is a number, such as %u", FORMAT);
	if (version != FORMAT) {
		wrong(p, "is a version that this library does not know");
		p->status = -EPROTONOSUPPORT;
		return p->status;
	}
	return next_word(p) ? wrong(p, "is too much") : 0;
}

static int bad_byte(struct parser *p, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)p->line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return wrong_at(p, i, "byte 0x%02x has no place in a rules file", c);
	}
	return 0;
}

/* A line without its newline. The `#` of a note is skipped by setting `end` on it. */
static int get_line(struct parser *p, const char *line, size_t size)
{
	const char *note;

	p->line = line;
	p->number++;
	p->pos = 0;
	if (size > MAX_LINE)
		return wrong_at(p, MAX_LINE, "the line is longer than %u bytes", MAX_LINE);
	if (size && line[size - 1] == '\r')
		size--;
	if (bad_byte(p, size))
		return p->status;
	note = memchr(line, '#', size);
	p->end = note ? (size_t)(note - line) : size;
	if (!next_word(p))
		return 0;
	if (word_is(p, "version"))
		return get_version(p);
	return get_rule(p, line + size);
}

/* All or none: what a file added before its mistake goes again. */
static void take_back(struct vdev_migration_rules *rules, uint32_t count, uint64_t looked)
{
	rules->count = count;
	rules->looked = looked;
	rules->origins--;
}

static int get_lines(struct parser *p, const char *text, size_t size)
{
	while (size && !p->status) {
		const char *newline = memchr(text, '\n', size);
		size_t length = newline ? (size_t)(newline - text) : size;

		get_line(p, text, length);
		text += newline ? length + 1 : length;
		size -= newline ? length + 1 : length;
	}
	return p->status;
}

int vdev_migration_rules_parse(struct vdev_migration_rules *rules, const char *text, size_t size,
			       struct vdev_migration_error *ret_error, size_t error_size)
{
	struct parser p = {.rules = rules};
	uint32_t count;
	uint64_t looked;
	int error;

	if (!rules || (!text && size) || (ret_error && !error_size))
		return -EINVAL;
	if (size > MAX_TEXT)
		return -ENOSPC;
	count = rules->count;
	looked = rules->looked;
	rules->origins++;
	error = get_lines(&p, text, size);
	if (!error)
		return (int)(rules->count - count);
	take_back(rules, count, looked);
	if (ret_error && p.error.column)
		vdev__copy_out(ret_error, error_size, &p.error, sizeof(p.error));
	return error;
}
