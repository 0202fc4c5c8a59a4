/* SPDX-License-Identifier: BSD-3-Clause */
/* vdev-pci-reader: writing a captured tree. */
#ifndef VDEV__READER_CAPTURE_H
#define VDEV__READER_CAPTURE_H

#include "reader.h"

struct copy {
	const struct tree *from;
	const char *to;
	bool ask_vfio;
	uint32_t count;
};

/* What is not there or not to be read is left out. Names are below both trees. */
void copy_file(const struct copy *c, const char *name);
/* The link, now to `format` and the name that it led to. False: there is none. */
bool copy_link(const struct copy *c, const char *name, const char *format, char *ret_target);

void capture_topology(const struct copy *c);

#endif
