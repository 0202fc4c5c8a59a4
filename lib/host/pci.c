/* SPDX-License-Identifier: BSD-3-Clause */
/* The NUMA node of a PCI device. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCI "bus/pci/devices/"
#define HEX "0123456789abcdefABCDEF"

/* As sysfs names it: with the domain, in lower case. Nothing else gets through, so no path does. */
static int folder_of(const char *address, char *ret_path, size_t size)
{
	size_t digits = strspn(address, HEX);
	unsigned long domain = 0;

	if (digits >= 4 && digits <= 8 && address[digits] == ':') {
		domain = strtoul(address, NULL, 16);
		address += digits + 1;
	}
	if (strspn(address, HEX) != 2 || address[2] != ':' || strspn(address + 3, HEX) != 2 ||
	    address[5] != '.' || strspn(address + 6, "01234567") != 1 || address[7])
		return -EINVAL;
	snprintf(ret_path, size, PCI "%04lx:%02lx:%02lx.%c", domain, strtoul(address, NULL, 16),
		 strtoul(address + 3, NULL, 16), address[6]);
	return 0;
}

static int parse(const char *text, uint32_t *ret_node)
{
	const char *p = text;
	uint32_t node = VDEV_HOST_UNKNOWN;
	int err = 0;

	if (strncmp(p, "-1", 2) == 0)
		p += 2;
	else
		err = vdev__number(&p, VDEV_HOST_MAX_NODES - 1, &node);
	if (!err && *p && strcmp(p, "\n") != 0)
		err = -EBADMSG;
	if (!err)
		*ret_node = node;
	return err;
}

/* Without NUMA in the kernel a device has no such file; then the folder says whether it exists. */
static int device_exists(const struct vdev_host *host, const char *folder)
{
	char path[PATH_SIZE + 8], text[2];
	int err;

	snprintf(path, sizeof(path), "%s/class", folder);
	err = vdev__file(host->root, path, text, sizeof(text));
	return err != -ENOENT;
}

int vdev_host_pci_node(const struct vdev_host *host, const char *address, uint32_t *ret_node)
{
	char folder[PATH_SIZE], path[PATH_SIZE + 12], text[64];
	int err;

	if (!host || !address || !ret_node)
		return -EINVAL;
	err = folder_of(address, folder, sizeof(folder));
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/numa_node", folder);
	err = vdev__file(host->root, path, text, sizeof(text));
	if (err == -ENOENT && device_exists(host, folder)) {
		*ret_node = VDEV_HOST_UNKNOWN;
		return 0;
	}
	if (!err)
		err = parse(text, ret_node);
	if (err && err != -ENOENT)
		vdev__log(&host->env, VDEV_LOG_ERROR, "%s/%s: no NUMA node in it", host->root,
			  path);
	return err;
}
