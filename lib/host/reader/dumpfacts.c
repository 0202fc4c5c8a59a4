/* SPDX-License-Identifier: BSD-3-Clause */
/* What `lspci -v` says between the hexadecimal lines that is not in configuration space. */
#include "dumptext.h"

#include <string.h>

/* Where the rest of the line begins; NULL: it does not begin so. */
static const char *after(const char *line, size_t size, const char *name)
{
	size_t n = strlen(name);

	return size > n && memcmp(line, name, n) == 0 ? line + n : NULL;
}

static void number(const char *p, const char *end, uint32_t most, uint32_t *ret)
{
	uint32_t n = 0;

	if (p == end)
		return;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' || n > most)
			return;
		n = n * 10 + (uint32_t)(*p - '0');
	}
	if (n <= most)
		*ret = n;
}

static void name(const char *p, const char *end, char ret[DUMP_NAME])
{
	size_t n = 0;

	for (; p < end && n < DUMP_NAME - 1 && *p > ' ' && *p <= '~'; p++)
		ret[n++] = *p;
	ret[n] = 0;
}

/* "[size=16K]" at the end. */
static void size_of(const char *p, const char *end, uint64_t *ret)
{
	static const char mark[] = "[size=";
	uint64_t n = 0;

	while (end - p > (long)sizeof(mark) && memcmp(p, mark, sizeof(mark) - 1) != 0)
		p++;
	if (end - p <= (long)sizeof(mark))
		return;
	for (p += sizeof(mark) - 1; p < end && *p >= '0' && *p <= '9' && n < 1u << 20; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (p < end && strchr("KMGT", *p))
		n <<= 10 * (1 + (unsigned int)(strchr("KMGT", *p++) - "KMGT"));
	if (p < end && *p == ']' && n)
		*ret = n;
}

void dump_fact(struct dump_device *d, const char *line, size_t size)
{
	const char *end = line + size, *p;

	if ((p = after(line, size, "\tKernel driver in use: ")))
		name(p, end, d->driver);
	else if ((p = after(line, size, "\tNUMA node: ")))
		number(p, end, 1023, &d->numa_node);
	else if ((p = after(line, size, "\tIOMMU group: ")))
		number(p, end, 1u << 20, &d->iommu_group);
	else if ((p = after(line, size, "\tExpansion ROM at ")))
		size_of(p, end, &d->bar_size[6]);
	else if ((p = after(line, size, "\tRegion ")) && *p >= '0' && *p <= '5' && p + 1 < end &&
		 p[1] == ':')
		size_of(p, end, &d->bar_size[*p - '0']);
}
