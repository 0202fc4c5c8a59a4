/* SPDX-License-Identifier: BSD-3-Clause */
/* Compares tables of bad input with the version map that the library is linked with. */
#include "bad_input_common.h"

#include <stdio.h>

/* The map names each call on a line of its own: "	vdev_removal_ack;". */
static int call_of(const char *line, char *name, size_t size)
{
	char rest[100];

	if (sscanf(line, " vdev_%99[a-z0-9_];", rest) != 1)
		return 0;
	snprintf(name, size, "vdev_%s", rest);
	return 1;
}

void bad_expect_map(const char *map_path, uint32_t (*rows_of)(const char *call), uint32_t rows)
{
	FILE *f = fopen(map_path, "r");
	uint32_t calls = 0, wrong = 0;
	char line[128], name[128];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (!call_of(line, name, sizeof(name)))
			continue;
		calls++;
		if (rows_of(name) == 1)
			continue;
		print_error("%s: %u rows of bad input, expected 1\n", name, rows_of(name));
		wrong++;
	}
	fclose(f);
	print_message("%u calls in %s, %u rows\n", calls, map_path, rows);
	assert_int_equal(wrong, 0);
	assert_int_equal(calls, rows);
	assert_true(calls > 20); /* the map was really read */
}
