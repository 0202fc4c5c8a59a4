/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI addresses as people write them. As numbers they are those of VDEV_MIGRATION_ADDRESS(). */
#ifndef VDEVCTL_BDF_H
#define VDEVCTL_BDF_H

#include <stdint.h>

#include <vdev/migration.h>

#include "inventory.h"

/* "0000:3b:00.0" or "3b:00.0", up to `end` or, with NULL, the end of the text. -EINVAL. */
int bdf_parse(const char *text, const char *end, uint64_t *ret_address);
/* "0000:3b:00.0" */
void bdf_text(uint64_t address, char ret_text[ADDRESS_SIZE]);

#endif
