/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of sysfs what the library reads of it, so that a copy answers as the machine does. */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pci/pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DEVICES "bus/pci/devices"
#define MOST_BYTES 65536u
#define NAME 256u
#define FULL (READER_PATH + 512)

/* The folders above a name. */
static void folders(char *path, size_t keep)
{
	for (char *p = path + keep + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			send_error(errno, "%s: %s", path, strerror(errno));
	}
}

static void put(const struct copy *c, const char *name, const void *bytes, size_t size)
{
	char path[FULL];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", c->to, name);
	folders(path, strlen(c->to));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd))
		send_error(errno ? errno : ENOSPC, "%s: cannot be written: %s", path,
			   strerror(errno));
}

/* What is not there or not to be read is left out. */
void copy_file(const struct copy *c, const char *name)
{
	static char bytes[MOST_BYTES];
	int n = tree_bytes(c->from, bytes, sizeof(bytes), "%s", name);

	if (n >= 0)
		put(c, name, bytes, (size_t)n);
}

bool copy_link(const struct copy *c, const char *name, const char *format, char *ret_target)
{
	char path[FULL], to[WIRE_NAME + 64], target[WIRE_NAME];

	if (tree_link(c->from, target, sizeof(target), "%s", name))
		return false;
	snprintf(path, sizeof(path), "%s/%s", c->to, name);
	snprintf(to, sizeof(to), "%s%s", format, target);
	folders(path, strlen(c->to));
	if (symlink(to, path) && errno != EEXIST)
		send_error(errno, "%s: cannot be made: %s", path, strerror(errno));
	if (ret_target)
		memcpy(ret_target, target, sizeof(target));
	return true;
}

/* All that libpci may read of it, byte by byte as VPD allows: whole reads of the file fail past its end tag. */
static void vpd(const struct copy *c, struct pci_dev *p, const char *name)
{
	static uint8_t bytes[WIRE_VPD];
	uint32_t size;

	if (!tree_plain(c->from, "%s", name))
		return;
	size = access_vpd(p, bytes);
	if (size)
		put(c, name, bytes, size);
}

static void config(const struct copy *c, struct pci_dev *p, const char *name)
{
	uint8_t bytes[WIRE_CONFIG];

	if (tree_plain(c->from, "%s", name))
		put(c, name, bytes, access_config(p, bytes));
}

static void driver(const struct copy *c, const char *folder)
{
	char name[NAME], target[WIRE_NAME], version[WIRE_NAME];

	snprintf(name, sizeof(name), "%s/driver", folder);
	if (!copy_link(c, name, "../../drivers/", target))
		return;
	snprintf(name, sizeof(name), "bus/pci/drivers/%s/module/version", target);
	if (!tree_text(c->from, version, sizeof(version), "%s", name)) {
		char path[FULL];

		snprintf(path, sizeof(path), "%s/%s", c->to, name);
		if (access(path, F_OK))
			copy_file(c, name);
	}
}

static void vfio(const struct copy *c, const char *address, const char *folder)
{
	uint8_t answer[VFIO_ANSWER];
	char name[NAME], group[WIRE_NAME], bound[WIRE_NAME];

	snprintf(name, sizeof(name), "vdev-capture/vfio/%s", address);
	if (!c->from->live) {
		copy_file(c, name);
		return;
	}
	if (c->ask_vfio && !tree_link(c->from, bound, sizeof(bound), "%s/driver", folder) &&
	    strstr(bound, "vfio") &&
	    !tree_link(c->from, group, sizeof(group), "%s/iommu_group", folder) &&
	    vfio_ask(address, (uint32_t)strtoul(group, NULL, 10), answer))
		put(c, name, answer, sizeof(answer));
}

static void device(struct copy *c, struct pci_dev *p)
{
	static const char *const files[] = {
		"vendor",           "device",      "class",       "subsystem_vendor",
		"subsystem_device", "revision",    "irq",         "resource",
		"numa_node",        "power_state", "reset_method"};
	char address[32], folder[64], name[NAME];

	address_text((uint32_t)p->domain, (uint32_t)(p->bus << 8 | p->dev << 3 | p->func), address);
	snprintf(folder, sizeof(folder), DEVICES "/%s", address);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", folder, files[i]);
		copy_file(c, name);
	}
	snprintf(name, sizeof(name), "%s/reset", folder);
	if (tree_plain(c->from, "%s", name)) /* it can only be written */
		put(c, name, "", 0);
	snprintf(name, sizeof(name), "%s/config", folder);
	config(c, p, name);
	snprintf(name, sizeof(name), "%s/vpd", folder);
	vpd(c, p, name);
	snprintf(name, sizeof(name), "%s/iommu_group", folder);
	copy_link(c, name, "../../../../kernel/iommu_groups/", NULL);
	snprintf(name, sizeof(name), "%s/physfn", folder);
	copy_link(c, name, "../", NULL);
	driver(c, folder);
	vfio(c, address, folder);
	c->count++;
}

static void answers(const struct copy *c)
{
	struct utsname names;
	size_t size = 0;
	void *answer;

	put(c, "vdev-capture/format", "1\n", 2);
	if (!c->from->live) {
		copy_file(c, "vdev-capture/kernel");
		copy_file(c, "vdev-capture/devlink");
		return;
	}
	if (!uname(&names)) {
		char line[sizeof(names.release) + 1];

		snprintf(line, sizeof(line), "%s\n", names.release);
		put(c, "vdev-capture/kernel", line, strlen(line));
	}
	answer = netlink_devlink(&size);
	if (size)
		put(c, "vdev-capture/devlink", answer, size);
	free(answer);
}

static void make_folder(const char *path)
{
	struct dirent *e;
	DIR *dir;

	if (!mkdir(path, 0755))
		return;
	dir = errno == EEXIST ? opendir(path) : NULL;
	if (!dir)
		send_error(errno, "%s: cannot be made: %s", path, strerror(errno));
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			send_error(EEXIST, "%s: is not empty, expected a new folder", path);
	closedir(dir);
}

void capture_tree(const struct tree *t, bool ask_vfio, const char *folder)
{
	struct copy c = {.from = t, .to = folder, .ask_vfio = ask_vfio};
	char path[READER_PATH + 16], devices[READER_PATH + 64];
	struct pci_access *a;

	snprintf(devices, sizeof(devices), "%s/" DEVICES "/x", folder);
	tree_check_names(t);
	make_folder(folder);
	snprintf(path, sizeof(path), "%s/bus/pci", t->root);
	a = access_open(PCI_ACCESS_SYS_BUS_PCI, "sysfs.path", path, path);
	pci_scan_bus(a);
	folders(devices, strlen(folder));
	for (struct pci_dev *p = a->devices; p; p = p->next)
		device(&c, p);
	pci_cleanup(a);
	answers(&c);
	capture_topology(&c);
	send_end(c.count);
}
