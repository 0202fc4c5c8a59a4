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
	struct stat st;
	size_t size = 0;
	char *text;

	if (fd < 0 || fstat(fd, &st))
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

/* libpci's dumps know 16 bits of domain; others get a number that is free. Such machines have few. */
static uint32_t short_domain(const struct dump *d, uint32_t i)
{
	uint32_t domain = d->devices[i].domain;

	return domain <= 0xffff ? domain : 0xffff - (domain - 0x10000) % 0x8000;
}

static void write_out(const struct dump *d, FILE *f)
{
	for (uint32_t i = 0; i < d->count; i++) {
		const struct dump_device *device = &d->devices[i];
		char text[32];

		if (!device->size)
			continue;
		address_text(short_domain(d, i), device->address, text);
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
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		send_error(errno, "%s: no memory file: %s", path, strerror(errno));
	write_out(d, f);
	if (fflush(f) || ferror(f))
		send_error(ENOMEM, "%s: out of memory", path);
	snprintf(ret_name, 64, "/proc/self/fd/%d", fd);
}

static struct pci_dev *find(struct pci_access *a, uint32_t domain, uint32_t address)
{
	for (struct pci_dev *p = a->devices; p; p = p->next)
		if ((uint32_t)p->domain == domain && p->bus == address >> 8 &&
		    p->dev == (address >> 3 & 31) && p->func == (address & 7))
			return p;
	return NULL;
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
	uint32_t told = 0;

	for (uint32_t i = 0; i < d->count; i++) {
		const struct dump_device *device = &d->devices[i];
		struct pci_dev *p;

		if (!device->size) {
			send_note("%s:%u: a device without hexadecimal lines, which is left out: "
				  "%02x:%02x.%x",
				  path, device->line, device->address >> 8,
				  device->address >> 3 & 31, device->address & 7);
			continue;
		}
		p = find(a, short_domain(d, i), device->address);
		if (!p)
			send_error(EBADMSG, "%s:%u: libpci does not see this device", path,
				   device->line);
		tell(device, p, path);
		told++;
	}
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
