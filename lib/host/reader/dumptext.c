/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks at a dump before libpci does: that reads lines up to 254 bytes, leaves out addresses that it does not know, and
 * tells of no line when something is wrong. What gets through is written out again for it, in the form that it likes.
 */
/* ANALYZER: each character of a line is a choice, and lines follow each other; the one allocation is looked at in small room */
#include "dumptext.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define IDENTITY 72

__attribute__((format(printf, 3, 4))) static int wrong(struct dump *d, int error,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(d->why, sizeof(d->why), format, args);
	va_end(args);
	d->error = error;
	return error;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to `most` hexadecimal digits; how many there were. */
static size_t hex(const char *p, const char *end, size_t most, uint32_t *ret_number)
{
	uint32_t n = 0;
	size_t i = 0;

	for (; i < most && p + i < end && digit(p[i]) >= 0; i++)
		n = n << 4 | (uint32_t)digit(p[i]);
	*ret_number = n;
	return i;
}

/* "1f.3", then a blank, a slash or the end; where that is. NULL: that is something else. */
static const char *slot_function(const char *p, const char *end, uint32_t *ret)
{
	uint32_t slot, function;

	if (hex(p, end, 2, &slot) != 2 || end - p < 4 || p[2] != '.' || slot > 31)
		return NULL;
	if (hex(p + 3, end, 1, &function) != 1 || function > 7)
		return NULL;
	p += 4;
	if (p < end && *p != ' ' && *p != '\t' && *p != '/')
		return NULL;
	*ret = slot << 3 | function;
	return p;
}

/* "00:1f.3", as above. */
static const char *bus_slot_function(const char *p, const char *end, uint32_t *ret)
{
	uint32_t bus, rest;

	if (hex(p, end, 3, &bus) != 2 || p + 2 >= end || p[2] != ':')
		return NULL;
	p = slot_function(p + 3, end, &rest);
	if (p)
		*ret = bus << 8 | rest;
	return p;
}

/*
 * "00:1f.3 " or "0000:00:1f.3 "; the domains of Intel's VMD have five digits. lspci -PP writes the bridges in front,
 * "00:1c.0/05:00.0 ", and -P leaves out each bus but the first, "00:1c.0/00.0 ": the address is then NONE.
 */
static bool address(const char *p, const char *end, uint32_t *ret_domain, uint32_t *ret_address)
{
	uint32_t domain = 0, at = NONE, rest;
	size_t n = hex(p, end, 8, &domain);

	if (n >= 4 && p + n < end && p[n] == ':')
		p += n + 1;
	else
		domain = 0;
	p = bus_slot_function(p, end, &at);
	while (p && p < end && *p == '/') {
		const char *next = bus_slot_function(p + 1, end, &at);

		if (!next) {
			next = slot_function(p + 1, end, &rest);
			at = NONE;
		}
		p = next;
	}
	*ret_domain = domain;
	*ret_address = at;
	return p != NULL;
}

/* The place in the table where that address is, or would be. */
static uint32_t *place(struct dump *d, uint32_t domain, uint32_t at)
{
	uint32_t i = (domain * 2654435761u ^ at * 40503u) % DUMP_TABLE;

	while (d->table[i] && (d->devices[d->table[i] - 1].domain != domain ||
			       d->devices[d->table[i] - 1].address != at))
		i = (i + 1) % DUMP_TABLE;
	return &d->table[i];
}

static int grow(struct dump *d)
{
	uint32_t room = d->room ? 2 * d->room : 64;
	struct dump_device *devices;

	if (d->count < d->room)
		return 0;
	if (d->count == DUMP_DEVICES)
		return wrong(d, ENOSPC, "more than %u devices", DUMP_DEVICES);
	devices = realloc(d->devices, room * sizeof(*devices));
	if (!devices)
		return wrong(d, ENOMEM, "out of memory");
	d->devices = devices;
	d->room = room;
	return 0;
}

static int begin(struct dump *d, uint32_t domain, uint32_t at)
{
	uint32_t *index = place(d, domain, at);
	struct dump_device *new;

	d->block_size = 0;
	d->block_line = d->line;
	if (!*index) {
		if (grow(d))
			return d->error;
		new = &d->devices[d->count++];
		memset(new, 0, sizeof(*new));
		memset(new->bar_size, 0xff, sizeof(new->bar_size));
		new->domain = domain;
		new->address = at;
		new->line = d->line;
		new->numa_node = new->iommu_group = UINT32_MAX;
		*index = d->count;
	}
	d->current = *index - 1;
	return 0;
}

/* What makes a device that one and no other, in words. */
static void identity(const uint8_t *c, char ret[IDENTITY])
{
	unsigned int type = c[14] & 0x7f; /* the highest bit: that there are more functions */
	int n = snprintf(ret, IDENTITY, "%02x%02x:%02x%02x class %02x%02x%02x rev %02x type %02x",
			 c[1], c[0], c[3], c[2], c[11], c[10], c[9], c[8], type);

	if (!type)
		snprintf(ret + n, IDENTITY - (size_t)n, " subsystem %02x%02x:%02x%02x", c[45],
			 c[44], c[47], c[46]);
}

/* Dumps of two machines in one file would make one of both. */
static int same_device(struct dump *d, const struct dump_device *device)
{
	char first[IDENTITY], second[IDENTITY];

	identity(device->config, first);
	identity(d->block, second);
	if (strcmp(first, second) == 0)
		return 0;
	d->line = d->block_line;
	return wrong(d, EBADMSG,
		     "%04x:%02x:%02x.%x is %s here, in line %u it is %s; expected the dump of one "
		     "machine",
		     device->domain, device->address >> 8, device->address >> 3 & 31,
		     device->address & 7, second, device->block_line, first);
}

static bool is_silent(const uint8_t *bytes)
{
	return memcmp(bytes, "\xff\xff\xff\xff", 4) == 0;
}

/* How much of an identity there is: 0 asleep (D3cold) or gone, 1 a VF, whose ids are ffff:ffff, 2 any other. */
static int known(const uint8_t *config)
{
	return !is_silent(config) + !is_silent(config + 8);
}

/*
 * Whether the block counts and not what the device has: it knows who it is, or is longer, as in lspci -x, then lspci -xxxx.
 * Or an error in `d`.
 */
static bool is_better(struct dump *d, const struct dump_device *device)
{
	int more;

	if (!device->size)
		return true;
	more = known(d->block) - known(device->config);
	if (more)
		return more > 0;
	return same_device(d, device) == 0 && d->block_size > device->size;
}

/* Ends the block of hexadecimal lines. */
static int finish(struct dump *d)
{
	struct dump_device *device;
	bool better;

	if (d->current == NONE || !d->block_size)
		return 0;
	device = &d->devices[d->current];
	if (d->block_size < 64)
		return wrong(d, EBADMSG,
			     "the configuration space above has %u bytes, expected at least 64",
			     d->block_size);
	better = is_better(d, device);
	if (d->error)
		return d->error;
	if (better) {
		uint8_t *config = realloc(device->config, d->block_size);

		if (!config)
			return wrong(d, ENOMEM, "out of memory");
		memcpy(config, d->block, d->block_size);
		device->config = config;
		device->size = d->block_size;
		device->block_line = d->block_line;
	}
	d->block_size = 0;
	return 0;
}

/* "40: " or "1f0: "; where the bytes begin. NULL: that is something else. */
static const char *offset(const char *p, const char *end, uint32_t *ret_offset)
{
	size_t n = hex(p, end, 4, ret_offset);
	uint32_t byte;

	if (n < 2 || p + n >= end || p[n] != ':')
		return NULL;
	p += n + 1;
	if (n == 4 && (p == end || hex(p + 1, end, 3, &byte) != 2))
		return NULL; /* "0000:3b:00.0" that was cut, or "2026: a note" */
	return p == end || *p == ' ' ? p : NULL;
}

static int hex_line(struct dump *d, const char *p, const char *end, uint32_t at, bool ended)
{
	uint32_t byte, count = 0;

	if (d->current == NONE)
		return wrong(d, EBADMSG,
			     "hexadecimal bytes, but no address of a device before them");
	if (at >= DUMP_CONFIG)
		return wrong(d, EBADMSG, "more than 4096 bytes of configuration space");
	if (at != d->block_size)
		return wrong(d, EBADMSG, "offset %x, expected %x", at, d->block_size);
	while (p < end && *p == ' ' && p + 1 < end && p[1] != ' ') {
		if (hex(p + 1, end, 3, &byte) != 2)
			return wrong(d, EBADMSG,
				     "byte %u of the line is not two hexadecimal digits", count);
		if (d->block_size == DUMP_CONFIG)
			return wrong(d, EBADMSG, "more than 4096 bytes of configuration space");
		d->block[d->block_size++] = (uint8_t)byte;
		count++;
		p += 3;
	}
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p < end || !count)
		return wrong(d, EBADMSG, "byte %u of the line is not two hexadecimal digits",
			     count);
	if (!ended && d->block_size % 16)
		return wrong(d, EBADMSG, "the file ends within this line");
	return 0;
}

static int one_line(struct dump *d, const char *p, size_t size, bool ended)
{
	const char *end = p + size, *bytes;
	uint32_t domain, at;

	if (memchr(p, 0, size))
		return wrong(d, EBADMSG, "a byte that is 0: not a text that lspci wrote");
	if (address(p, end, &domain, &at)) {
		if (finish(d))
			return d->error;
		if (at == NONE)
			return wrong(d, EBADMSG,
				     "a path without the buses, written by lspci -P; use lspci "
				     "-xxxx without it");
		if (domain == NONE)
			return wrong(d, EBADMSG, "domain ffffffff, expected one below");
		return begin(d, domain, at);
	}
	bytes = offset(p, end, &at);
	if (bytes)
		return hex_line(d, bytes, end, at, ended);
	if (d->current != NONE && size && *p == '\t')
		dump_fact(&d->devices[d->current], p, size);
	return 0;
}

static bool is_usual(uint32_t size)
{
	return size == 64 || size == 128 || size == 256 || size == 4096;
}

/*
 * A file that was cut shows at its last device. That it has no bytes at all is no sign of it, where the last line is whole:
 * lspci may have had no access to them.
 */
static int end_of_file(struct dump *d, bool ended)
{
	uint32_t with = 0, bytes = d->block_size;
	const struct dump_device *last;

	if (finish(d))
		return d->error;
	for (uint32_t i = 0; i < d->count; i++)
		with += d->devices[i].size != 0;
	d->line = d->line ? d->line : 1; /* of an empty file, too */
	if (!with)
		return wrong(d, EBADMSG,
			     d->count ? "no hexadecimal lines so far: lspci writes them with -xxxx"
				      : "no device so far: not what lspci -xxxx writes");
	last = &d->devices[d->current];
	if (bytes ? !is_usual(bytes) : !last->size && !ended)
		return wrong(
			d, EBADMSG,
			"the file ends within the device of line %u, after %u bytes; lspci writes "
			"64, 128, 256 or 4096",
			last->line, bytes);
	return 0;
}

int dump_parse(struct dump *d, const char *text, size_t size)
{
	const char *end = text + size;

	memset(d, 0, sizeof(*d));
	d->current = NONE;
	d->table = calloc(DUMP_TABLE, sizeof(*d->table));
	if (!d->table)
		return wrong(d, ENOMEM, "out of memory");
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3; /* an editor's mark that this is UTF-8 */
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *next = stop ? stop + 1 : end;
		bool ended = stop != NULL;

		stop = stop ? stop : end;
		while (stop != text && stop[-1] == '\r')
			stop--;
		d->line++;
		if (one_line(d, text, (size_t)(stop - text), ended))
			return d->error;
		text = next;
	}
	return end_of_file(d, size && end[-1] == '\n');
}

void dump_free(struct dump *d)
{
	for (uint32_t i = 0; i < d->count; i++)
		free(d->devices[i].config);
	free(d->devices);
	free(d->table);
}
