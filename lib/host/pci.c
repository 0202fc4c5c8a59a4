/* SPDX-License-Identifier: BSD-3-Clause */
/* The NUMA node of a PCI device. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PCI "bus/pci/devices/"

/* Pattern: x a hexadecimal digit, o one up to 7, others themselves. So no path gets through. */
static int matches(const char *text, const char *pattern)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == 'x' && *text && strchr("0123456789abcdefABCDEF", *text))
			continue;
		if (*pattern == 'o' && *text >= '0' && *text <= '7')
			continue;
		if (*pattern != *text)
			return 0;
	}
	return !*text;
}

/* As sysfs names it: with the domain, in lower case. */
static int folder_of(const char *address, char *ret_path, size_t size)
{
	static const char *const domains[] = {"xxxx:xx:xx.o", "xxxxx:xx:xx.o", "xxxxxx:xx:xx.o",
					      "xxxxxxx:xx:xx.o", "xxxxxxxx:xx:xx.o"};
	const char *prefix = "";
	int good = 0;

	if (matches(address, "xx:xx.o")) {
		prefix = "0000:";
		good = 1;
	}
	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
		good |= matches(address, domains[i]);
	if (!good)
		return -EINVAL;
	snprintf(ret_path, size, PCI "%s%s", prefix, address);
	for (char *p = ret_path; *p; p++)
		if (*p >= 'A' && *p <= 'F')
			*p = (char)(*p - 'A' + 'a');
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
