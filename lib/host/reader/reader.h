/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdev-pci-reader: what its files share. The program reads PCI devices through libpci for libvdevmgmt-host and tells of
 * them on standard output as wire.h says. It is a process of its own because libpci ends the process when a file is
 * damaged, and because libpci's licence then stays in it.
 */
#ifndef VDEV__READER_H
#define VDEV__READER_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../wire.h"
#include "dumptext.h"

struct pci_access;

#define READER_PATH 1024u
#define READER_DEVICES 16384u

/* send.c: these end the process when the library no longer listens. */
void send_hello(void);
void send_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void send_host(const char *kernel);
void send_device(const struct wire_device *d, const void *config, const void *vpd);
void send_end(uint32_t count);
/* Ends the process: an errno, and words with file and place. */
void send_error(int error, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
/* Copies text up to `length` or its 0; other bytes than printable ASCII become '?'. */
void clean_text(char *ret, size_t size, const char *text, size_t length);

/* device.c */
void device_unknown(struct wire_device *d);
/* "0000:00:1f.3" and nothing else. */
bool address_parse(const char *text, uint32_t *ret_domain, uint32_t *ret_address);
void address_text(uint32_t domain, uint32_t address, char ret[32]);

/* access.c: libpci with our hooks; `file` is named in its errors. */
struct pci_access *access_open(unsigned int method, const char *param, const char *value,
			       const char *file);
/* All that can be read of it, in steps as lspci does: 64, 128, 256, 4096 bytes. */
struct pci_dev;
uint32_t access_config(struct pci_dev *p, uint8_t *ret_config);
/* The VPD up to its end tag; 0: none, or it cannot be read. */
uint32_t access_vpd(struct pci_dev *p, uint8_t *ret_vpd);

/* files.c: small files of a tree. Paths are below `root`. */
struct tree {
	const char *root; /* "/sys", or of the captured tree */
	bool live;
};
/* The text without its newline; -ENOENT, -EACCES: not known; what else is wrong ends the process. */
int tree_text(const struct tree *t, char *ret_text, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Bytes; their number. The same. */
int tree_bytes(const struct tree *t, void *ret, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The last part of where a link leads. The same. */
int tree_link(const struct tree *t, char *ret_name, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* True if it exists; what is there but no plain file ends the process. */
bool tree_plain(const struct tree *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A number, base 0 or 10, up to the end of the text; `unknown` when there is none. */
uint32_t tree_number(const struct tree *t, uint32_t most, uint32_t unknown, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* tree.c: each device has the name of an address; else it ends the process. */
void tree_check_names(const struct tree *t);

/* resource.c: lines of the file `resource`. False: damaged. */
bool resource_parse(const char *text, struct wire_device *d);
/* Names in the file `reset_method`, as VDEV_INVENTORY_RESET_... */
uint32_t reset_parse(const char *text);
/* "D0" ... of the file `power_state`. */
uint32_t power_parse(const char *text);

/* devlink.c: answers to DEVLINK_CMD_INFO_GET. */
struct devlink_device {
	uint32_t domain, address, count;
	bool more;
	struct wire_version versions[WIRE_VERSIONS];
};
struct devlink {
	struct devlink_device *devices;
	uint32_t count, room;
};
/* Netlink messages, one after the other. False: damaged. */
bool devlink_parse(struct devlink *d, const void *messages, size_t size);
void devlink_give(const struct devlink *d, struct wire_device *device);
void devlink_free(struct devlink *d);
/* netlink.c: asks the kernel; the messages, to be freed, and their size. NULL: no devlink here. */
void *netlink_devlink(size_t *ret_size);

/* vfio.c: what the kernel answers to VFIO_DEVICE_FEATURE, here or as it was recorded. */
#define VFIO_ANSWER 24u
/* Bytes of the answer; 0: cannot be asked. */
uint32_t vfio_ask(const char *address, uint32_t group, uint8_t ret_answer[VFIO_ANSWER]);
/* False: that is no answer. */
bool vfio_parse(const uint8_t *answer, uint32_t size, struct wire_device *d);

/* The modes. */
void read_dump(const char *path);
void read_tree(const struct tree *t, bool ask_vfio);
void capture_tree(const struct tree *t, bool ask_vfio, const char *folder);

#endif
