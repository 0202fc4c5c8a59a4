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

/* "1f.3", then a blank or the end. */
static bool slot_function(const char *p, const char *end, uint32_t *ret)
{
	uint32_t slot, function;

	if (hex(p, end, 2, &slot) != 2 || end - p < 4 || p[2] != '.' || slot > 31)
		return false;
	if (hex(p + 3, end, 1, &function) != 1 || function > 7)
		return false;
	if (p + 4 < end && p[4] != ' ' && p[4] != '\t')
		return false;
	*ret = slot << 3 | function;
	return true;
}

/* "00:1f.3 " or "0000:00:1f.3 "; the domains of Intel's VMD have five digits. */
static bool address(const char *p, const char *end, uint32_t *ret_domain, uint32_t *ret_address)
{
	uint32_t domain = 0, bus, rest;
	size_t n = hex(p, end, 8, &domain);

	if (n >= 4 && p + n < end && p[n] == ':')
		p += n + 1;
	else
		domain = 0;
	if (hex(p, end, 3, &bus) != 2 || p + 2 >= end || p[2] != ':' ||
	    !slot_function(p + 3, end, &rest))
		return false;
	*ret_domain = domain;
	*ret_address = bus << 8 | rest;
	return true;
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

/* Vendor and device id, as they are written. */
static uint32_t ids(const uint8_t *config)
{
	return (uint32_t)(config[1] << 8 | config[0]) << 16 |
	       (uint32_t)(config[3] << 8 | config[2]);
}

/* Dumps of two machines in one file would make one of both. */
static int same_device(struct dump *d, const struct dump_device *device)
{
	uint32_t first = device->size ? ids(device->config) : 0, second = ids(d->block);

	if (!device->size || first == second)
		return 0;
	d->line = d->block_line;
	return wrong(d, EBADMSG,
		     "%04x:%02x:%02x.%x is %04x:%04x here, in line %u it is %04x:%04x; expected "
		     "the dump of one machine",
		     device->domain, device->address >> 8, device->address >> 3 & 31,
		     device->address & 7, second >> 16, second & 0xffff, device->block_line,
		     first >> 16, first & 0xffff);
}

/* Ends the block of hexadecimal lines. Of two of one device the longer one stays: lspci -x, then lspci -xxxx. */
static int finish(struct dump *d)
{
	struct dump_device *device;

	if (d->current == NONE || !d->block_size)
		return 0;
	device = &d->devices[d->current];
	if (d->block_size < 64)
		return wrong(d, EBADMSG,
			     "the configuration space above has %u bytes, expected at least 64",
			     d->block_size);
	if (same_device(d, device))
		return d->error;
	d->last = d->current;
	if (d->block_size > device->size) {
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

	if (n < 2 || n > 3 || p + n >= end || p[n] != ':')
		return NULL;
	p += n + 1;
	return p == end || *p == ' ' ? p : NULL;
}

static int hex_line(struct dump *d, const char *p, const char *end, uint32_t at, bool ended)
{
	uint32_t byte, count = 0;

	if (d->current == NONE)
		return wrong(d, EBADMSG,
			     "hexadecimal bytes, but no address of a device before them");
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

/* A file that was cut shows at its last device. */
static int end_of_file(struct dump *d)
{
	const struct dump_device *last;
	uint32_t with = 0;

	if (finish(d))
		return d->error;
	for (uint32_t i = 0; i < d->count; i++)
		with += d->devices[i].size != 0;
	if (!with)
		return wrong(d, EBADMSG,
			     d->count ? "no hexadecimal lines so far: lspci writes them with -xxxx"
				      : "no device so far: not what lspci -xxxx writes");
	last = &d->devices[d->current];
	if (!last->size || !is_usual(last->size))
		return wrong(
			d, EBADMSG,
			"the file ends within the device of line %u, after %u bytes; lspci writes "
			"64, 128, 256 or 4096",
			last->line, last->size);
	return 0;
}

int dump_parse(struct dump *d, const char *text, size_t size)
{
	const char *end = text + size;

	memset(d, 0, sizeof(*d));
	d->current = d->last = NONE;
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
		while (stop > text && stop[-1] == '\r')
			stop--;
		d->line++;
		if (one_line(d, text, (size_t)(stop - text), ended))
			return d->error;
		text = next;
	}
	return end_of_file(d);
}

void dump_free(struct dump *d)
{
	for (uint32_t i = 0; i < d->count; i++)
		free(d->devices[i].config);
	free(d->devices);
	free(d->table);
}
