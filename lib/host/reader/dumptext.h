/* SPDX-License-Identifier: BSD-3-Clause */
/* What `lspci -x` and its relatives write, looked at before libpci sees it. Pure: no system call. */
#ifndef VDEV__READER_DUMPTEXT_H
#define VDEV__READER_DUMPTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUMP_CONFIG 4096u
#define DUMP_NAME 64u
#define DUMP_DEVICES 16384u
#define DUMP_TABLE 32768u

struct dump_device {
	uint32_t domain, address; /* bus << 8 | slot << 3 | function */
	uint32_t line; /* of its first line, from 1 */
	uint32_t block_line; /* of the address above `config` */
	uint32_t size; /* bytes of configuration space; 0: there were no hexadecimal lines */
	uint8_t *config;
	/* What -v says beside; UINT32_MAX, UINT64_MAX and "": nothing. */
	uint32_t numa_node, iommu_group;
	uint64_t bar_size[7];
	char driver[DUMP_NAME];
};

struct dump {
	struct dump_device *devices;
	uint32_t count, room;
	uint32_t *table; /* [DUMP_TABLE]: index + 1 by address */
	uint32_t line; /* that is being read */
	uint32_t current; /* device of the last line with an address; UINT32_MAX */
	uint32_t block_size;
	uint32_t block_line; /* of the address above it */
	uint8_t block[DUMP_CONFIG];
	int error; /* errno */
	char why[256]; /* what is wrong in `line` */
};

/* 0, or an errno with `line` and `why`. Call dump_free() in either case. */
int dump_parse(struct dump *d, const char *text, size_t size);
void dump_free(struct dump *d);
/* dumpfacts.c: a line of text below a device's first. */
void dump_fact(struct dump_device *d, const char *line, size_t size);

#endif
