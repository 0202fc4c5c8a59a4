/* SPDX-License-Identifier: BSD-3-Clause */
/* A dump: looked at, written out again in memory, read by libpci. */
#include <pci/pci.h>

#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_BYTES (64u << 20)

static char *whole_file(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st = {0};
	size_t size = 0;
	char *text;

	/* ENXIO: a socket, or a terminal where there is none; `st` then says that it is no plain file. */
	if (fd < 0 ? errno != ENXIO : fstat(fd, &st) != 0)
		send_error(errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		send_error(EISDIR, "%s: a directory, expected a file that lspci -xxxx wrote", path);
	if (!S_ISREG(st.st_mode))
		send_error(EBADMSG, "%s: not a plain file, expected one that lspci -xxxx wrote",
			   path);
	if (st.st_size > (off_t)MOST_BYTES)
		send_error(ENOSPC, "%s: larger than 64 MiB", path);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		send_error(ENOMEM, "%s: out of memory", path);
	while (size < (size_t)st.st_size) {
		ssize_t n = read(fd, text + size, (size_t)st.st_size - size);

		if (n < 0)
			send_error(errno, "%s: %s", path, strerror(errno));
		if (!n)
			break;
		size += (size_t)n;
	}
	close(fd);
	*ret_size = size;
	return text;
}

/*
 * libpci's dumps know 16 bits of domain, and those of VMD have more: it gets addresses that are numbers of devices, of which
 * no two are the same.
 */
_Static_assert(DUMP_DEVICES <= 0x1000000, "8 bits of bus, 16 of domain");

static void number_text(uint32_t i, char ret[32])
{
	address_text(i >> 8, (i & 0xff) << 8, ret);
}

static void write_out(const struct dump *d, FILE *f)
{
	for (uint32_t i = 0; i < d->count; i++) {
		const struct dump_device *device = &d->devices[i];
		char text[32];

		if (!device->size)
			continue;
		number_text(i, text);
		fprintf(f, "%s x\n", text);
		for (uint32_t at = 0; at < device->size; at++)
			if (at % 16)
				fprintf(f, " %02x", device->config[at]);
			else
				fprintf(f, "%s%02x: %02x", at ? "\n" : "", at, device->config[at]);
		fprintf(f, "\n\n");
	}
}

static void in_memory(const struct dump *d, const char *path, char ret_name[64])
{
	int fd = memfd_create("dump", MFD_CLOEXEC);
	int other = fd < 0 ? -1 : dup(fd); /* the file stays: libpci opens it by its name */
	FILE *f = other < 0 ? NULL : fdopen(other, "w");
	bool bad;

	if (!f)
		send_error(errno, "%s: no memory file: %s", path, strerror(errno));
	write_out(d, f);
	bad = ferror(f);
	if (fclose(f) || bad)
		send_error(ENOMEM, "%s: out of memory", path);
	snprintf(ret_name, 64, "/proc/self/fd/%d", fd);
}

/* libpci's devices by their numbers, [count]; NULL: it does not see that one. */
static struct pci_dev **by_number(const struct dump *d, struct pci_access *a, const char *path)
{
	struct pci_dev **list = calloc(d->count, sizeof(struct pci_dev *));

	if (!list)
		send_error(ENOMEM, "%s: out of memory", path);
	for (struct pci_dev *p = a->devices; p; p = p->next) {
		uint32_t i = (uint32_t)p->domain << 8 | p->bus;

		if (i < d->count)
			list[i] = p;
	}
	return list;
}

static void tell(const struct dump_device *from, struct pci_dev *p, const char *path)
{
	uint8_t config[WIRE_CONFIG];
	struct wire_device d;

	device_unknown(&d);
	d.domain = from->domain;
	d.address = from->address;
	d.config_size = access_config(p, config);
	if (d.config_size != from->size)
		send_note("%s:%u: %u bytes of configuration space, of which %u are used", path,
			  from->line, from->size, d.config_size);
	d.numa_node = from->numa_node;
	d.iommu_group = from->iommu_group;
	memcpy(d.bar_size, from->bar_size, sizeof(from->bar_size));
	memcpy(d.driver, from->driver, sizeof(from->driver));
	if (d.driver[0])
		d.bound = 1;
	send_device(&d, config, "");
}

static uint32_t tell_all(const struct dump *d, struct pci_access *a, const char *path)
{
	struct pci_dev **list = by_number(d, a, path);
	uint32_t told = 0;

	for (uint32_t i = 0; i < d->count; i++) {
		const struct dump_device *device = &d->devices[i];

		if (!device->size) {
			send_note("%s:%u: a device without hexadecimal lines, which is left out: "
				  "%02x:%02x.%x",
				  path, device->line, device->address >> 8,
				  device->address >> 3 & 31, device->address & 7);
			continue;
		}
		if (!list[i])
			send_error(EBADMSG, "%s:%u: libpci does not see this device", path,
				   device->line);
		tell(device, list[i], path);
		told++;
	}
	free(list);
	return told;
}

void read_dump(const char *path)
{
	static struct dump d;
	struct pci_access *a;
	char *text, name[64];
	size_t size;

	text = whole_file(path, &size);
	if (dump_parse(&d, text, size))
		send_error(d.error, "%s:%u: %s", path, d.line, d.why);
	free(text);
	in_memory(&d, path, name);
	a = access_open(PCI_ACCESS_DUMP, "dump.name", name, path);
	pci_scan_bus(a);
	send_end(tell_all(&d, a, path));
	pci_cleanup(a);
	dump_free(&d);
}
