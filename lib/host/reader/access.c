/* SPDX-License-Identifier: BSD-3-Clause */
/* libpci: opened with hooks that tell the library what was wrong. */
#include <pci/pci.h>

#include "reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its hooks get no pointer of ours, so that the name of the file has to be here. */
static const char *reading = "";

__attribute__((format(printf, 1, 2), noreturn)) static void fatal(char *format, ...)
{
	char text[WIRE_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	send_error(EBADMSG, "%s: libpci says: %s", reading, text);
}

__attribute__((format(printf, 1, 2))) static void warn(char *format, ...)
{
	char text[WIRE_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	send_note("%s: libpci says: %s", reading, text);
}

__attribute__((format(printf, 1, 2))) static void ignore(char *format, ...)
{
	(void)format;
}

/* It takes texts that are not const, and copies them. */
static void set_param(struct pci_access *a, const char *param, const char *value)
{
	char *name = strdup(param), *copy = strdup(value);

	if (!name || !copy)
		send_error(ENOMEM, "out of memory");
	if (pci_set_param(a, name, copy))
		send_error(EPROTO, "libpci has no parameter %s", param);
	free(name);
	free(copy);
}

struct pci_access *access_open(unsigned int method, const char *param, const char *value,
			       const char *file)
{
	struct pci_access *a = pci_alloc();

	reading = file;
	a->method = method;
	a->buscentric = 1; /* what the kernel's files say is read here, with their names at hand */
	a->error = fatal;
	a->warning = warn;
	a->debug = ignore;
	set_param(a, param, value);
	pci_init(a);
	return a;
}

uint32_t access_config(struct pci_dev *p, uint8_t *ret_config)
{
	static const uint32_t steps[] = {64, 128, 256, 4096};
	uint32_t have = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (!pci_read_block(p, (int)have, ret_config + have, (int)(steps[i] - have)))
			break;
		have = steps[i];
	}
	return have;
}

/* Tags as PCI Local Bus 3.0, appendix I, has them; the rest of the area may be slow to read, or hang the device. */
uint32_t access_vpd(struct pci_dev *p, uint8_t *ret_vpd)
{
	uint32_t at = 0;

	while (at + 3 < WIRE_VPD && pci_read_vpd(p, (int)at, ret_vpd + at, 1)) {
		uint8_t tag = ret_vpd[at];
		uint32_t size = tag & 7u;

		if (!tag || tag == 0xff)
			break;
		at++;
		if (tag & 0x80) {
			if (!pci_read_vpd(p, (int)at, ret_vpd + at, 2))
				break;
			size = ret_vpd[at] | (uint32_t)ret_vpd[at + 1] << 8;
			at += 2;
		} else if (tag >> 3 == 0xf) {
			return at;
		}
		if (at + size + 3 > WIRE_VPD || !pci_read_vpd(p, (int)at, ret_vpd + at, (int)size))
			break;
		at += size;
	}
	return 0;
}
