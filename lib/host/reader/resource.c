/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts of sysfs that are more than a number. */
/* ANALYZER: lines of texts, each character a choice; nothing is allocated here */
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vdev/inventory.h>

/* Flags of include/linux/ioport.h. */
#define RES_IO 0x100u
#define RES_MEM 0x200u
#define RES_PREFETCH 0x2000u
#define RES_64 0x100000u
#define ENDPOINT_LINES 13u

static uint32_t flags_of(uint64_t f)
{
	return (f & RES_IO ? VDEV_INVENTORY_IO : 0) | (f & RES_MEM ? VDEV_INVENTORY_MEMORY : 0) |
	       (f & RES_64 ? VDEV_INVENTORY_64BIT : 0) |
	       (f & RES_PREFETCH ? VDEV_INVENTORY_PREFETCH : 0);
}

/* "0x... 0x... 0x..." */
static bool numbers(const char **text, uint64_t n[3])
{
	for (int i = 0; i < 3; i++) {
		char *end;

		if (strncmp(*text, "0x", 2) != 0)
			return false;
		n[i] = strtoull(*text, &end, 16);
		if (end - *text < 3 || *end != (i < 2 ? ' ' : '\n'))
			return false;
		*text = end + 1;
	}
	return true;
}

/*
 * Six BARs and the ROM; a kernel with SR-IOV adds six of VFs. Bridges go on with their windows, which may come right
 * after the ROM: theirs are left out.
 */
bool resource_parse(const char *text, struct wire_device *d)
{
	uint64_t n[13][3] = {{0}};
	uint32_t lines = 0, windows = 0;

	while (*text) {
		uint64_t more[3] = {0};

		if (!numbers(&text, lines < ENDPOINT_LINES ? n[lines] : more))
			return false;
		if (lines < ENDPOINT_LINES)
			lines++;
		else if (++windows > 64)
			return false;
	}
	if (lines < 7)
		return false;
	lines = lines < ENDPOINT_LINES || windows ? 7 : ENDPOINT_LINES;
	for (uint32_t i = 0; i < lines; i++) {
		if (n[i][2] && n[i][1] < n[i][0])
			return false;
		d->bar_flags[i] = flags_of(n[i][2]);
		d->bar_size[i] = n[i][2] ? n[i][1] - n[i][0] + 1 : 0;
	}
	return true;
}

uint32_t reset_parse(const char *text)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} names[] = {
		{"flr", VDEV_INVENTORY_RESET_FLR},
		{"af_flr", VDEV_INVENTORY_RESET_AF_FLR},
		{"pm", VDEV_INVENTORY_RESET_PM},
		{"bus", VDEV_INVENTORY_RESET_BUS},
		{"device_specific", VDEV_INVENTORY_RESET_DEVICE},
		{"acpi", VDEV_INVENTORY_RESET_ACPI},
		{"cxl_bus", VDEV_INVENTORY_RESET_CXL},
	};
	uint32_t flags = 0;

	while (*text) {
		size_t n = strcspn(text, " "), i = 0;

		while (i < 7 && (strlen(names[i].name) != n || memcmp(names[i].name, text, n) != 0))
			i++;
		flags |= i < 7 ? names[i].flag : n ? VDEV_INVENTORY_RESET_SOME : 0;
		text += n + strspn(text + n, " ");
	}
	return flags;
}

uint32_t power_parse(const char *text)
{
	static const char *const names[] = {"D0", "D1", "D2", "D3hot", "D3cold"};

	for (uint32_t i = 0; i < 5; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	return WIRE_UNKNOWN;
}
