/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI addresses as people write them. */
#include "bdf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Hexadecimal digits, then that character; where it goes on, NULL: something else. */
static const char *part(const char *p, uint32_t digits, uint32_t most, char then, uint32_t *ret)
{
	uint32_t n = 0;

	for (uint32_t i = 0; isxdigit((unsigned char)*p); i++, p++) {
		if (i == digits)
			return NULL;
		n = n << 4 | (uint32_t)(*p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10);
	}
	*ret = n;
	return n <= most && isxdigit((unsigned char)p[-1]) && *p == then ? p + 1 : NULL;
}

int bdf_parse(const char *text, const char *end, uint64_t *ret_address)
{
	uint32_t domain = 0, bus, slot, function;
	size_t n = end ? (size_t)(end - text) : strlen(text);
	char copy[ADDRESS_SIZE + 1]; /* so that there is a byte before each part */
	const char *p = copy + 1;

	if (!n || n >= ADDRESS_SIZE)
		return -EINVAL;
	snprintf(copy, sizeof(copy), ":%.*s", (int)n, text);
	if (strchr(p, ':') != strrchr(p, ':'))
		p = part(p, 8, UINT32_MAX - 1, ':', &domain);
	p = p ? part(p, 2, 255, ':', &bus) : NULL;
	p = p ? part(p, 2, 31, '.', &slot) : NULL;
	p = p ? part(p, 1, 7, 0, &function) : NULL;
	if (!p)
		return -EINVAL;
	*ret_address = VDEV_MIGRATION_ADDRESS(domain, bus, slot, function);
	return 0;
}

void bdf_text(uint64_t address, char ret_text[ADDRESS_SIZE])
{
	snprintf(ret_text, ADDRESS_SIZE, "%04x:%02x:%02x.%x", (uint32_t)(address >> 16),
		 (uint32_t)(address >> 8 & 0xff), (uint32_t)(address >> 3 & 31),
		 (uint32_t)(address & 7));
}
