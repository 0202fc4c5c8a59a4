/* SPDX-License-Identifier: BSD-3-Clause */
/* vdevctl compare and plan: a machine, from whatever was named, as the migration engine takes it. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "move.h"

#define LOOK_BYTES 65536
#define NEAR 10
#define FAR 20

static bool is_hex(char c)
{
	return isxdigit((unsigned char)c) != 0;
}

/* "3b:00.0 ", "0000:3b:00.0 ", or "00: 86 80": a line of a dump. */
static bool dump_line(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && (is_hex(*p) || *p == ':'))
		p++;
	if (p - begin >= 3 && p[-1] == ':' && end - p >= 3 && *p == ' ')
		return is_hex(p[1]) && is_hex(p[2]);
	return p - begin >= 5 && end - p >= 2 && *p == '.' && p[1] >= '0' && p[1] <= '7' &&
	       p[-3] == ':';
}

/* True when one of its first lines is. */
static bool is_dump(const char *text, size_t size)
{
	const char *end = text + size;

	while (text < end) {
		const char *next = memchr(text, '\n', (size_t)(end - text));

		if (dump_line(text, next ? next : end))
			return true;
		if (!next)
			return false;
		text = next + 1;
	}
	return false;
}

/* What a plain file holds, by its beginning. */
static int by_content(const char *name, int fd, struct inventory_options *o)
{
	char *text = malloc(LOOK_BYTES + 1);
	ssize_t n = text ? read(fd, text, LOOK_BYTES) : -1;
	int status = STATUS_OK;

	if (n < 0) {
		fprintf(stderr, "vdevctl: %s: cannot be read\n", name);
		status = STATUS_FAILED;
	} else {
		text[n] = 0;
		if (text[strspn(text, " \t\r\n")] == '{')
			o->json_file = name;
		else if (is_dump(text, (size_t)n))
			o->dump = name;
		else
			status = STATUS_DAMAGED;
	}
	if (status == STATUS_DAMAGED)
		fprintf(stderr,
			"vdevctl: %s: neither an inventory (JSON begins with {) nor a dump (no "
			"line "
			"such as \"3b:00.0 Ethernet controller\"); make one with vdevctl inventory "
			"--json or lspci -xxxx\n",
			name);
	free(text);
	return status;
}

bool machine_is_live(const char *name)
{
	return strcmp(name, "live") == 0;
}

static int detect(const char *name, struct inventory_options *o)
{
	struct stat st;
	int fd, status;

	if (machine_is_live(name))
		return STATUS_OK;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st)) {
		fprintf(stderr,
			"vdevctl: %s: %s; expected a dump, a captured folder, an inventory, or "
			"live\n",
			name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return STATUS_NO_FILE;
	}
	if (S_ISDIR(st.st_mode)) {
		o->sysfs = name;
		status = STATUS_OK;
	} else if (S_ISREG(st.st_mode)) {
		status = by_content(name, fd, o);
	} else {
		fprintf(stderr, "vdevctl: %s: neither a plain file nor a folder\n", name);
		status = STATUS_DAMAGED;
	}
	close(fd);
	return status;
}

static uint8_t distance(const struct inventory *v, uint32_t from, uint32_t to)
{
	uint8_t known = from < v->node_count && to < v->node_count
				? v->distances[from * v->node_count + to]
				: 0;

	return known ? known : from == to ? NEAR : FAR;
}

/* A device may be on a node that has no CPU, of which nobody told a distance. */
static int take_nodes(struct machine *m)
{
	const struct inventory *v = &m->inventory;
	uint32_t nodes = v->node_count;

	for (uint32_t i = 0; i < v->count; i++)
		if (v->devices[i].numa_node != VDEV_INVENTORY_UNKNOWN &&
		    v->devices[i].numa_node >= nodes &&
		    v->devices[i].numa_node < VDEV_MIGRATION_MAX_NODES)
			nodes = v->devices[i].numa_node + 1;
	if (!nodes)
		return 0;
	m->distances = calloc(nodes, nodes);
	if (!m->distances)
		return -ENOMEM;
	for (uint32_t i = 0; i < nodes * nodes; i++)
		m->distances[i] = distance(v, i / nodes, i % nodes);
	m->host.node_count = nodes;
	m->host.distances = m->distances;
	return 0;
}

static int take_devices(struct machine *m)
{
	uint32_t count = m->inventory.count;
	int err = 0;

	m->devices = calloc(count ? count : 1, sizeof(*m->devices));
	if (!m->devices)
		return -ENOMEM;
	for (uint32_t i = 0; i < count && !err; i++)
		err = vdev_inventory_describe(&m->inventory.devices[i],
					      sizeof(m->inventory.devices[i]), &m->devices[i],
					      sizeof(m->devices[i]));
	m->host.struct_size = sizeof(m->host);
	m->host.device_count = count;
	m->host.device_size = sizeof(*m->devices);
	m->host.devices = m->devices;
	return err;
}

int machine_read(const char *name, const char *reader, bool vfio, struct machine *ret)
{
	struct inventory_options o = {.reader = reader, .vfio = vfio && machine_is_live(name)};
	int status, err;

	memset(ret, 0, sizeof(*ret));
	ret->name = name;
	name_escape(name, ret->shown, sizeof(ret->shown));
	status = detect(name, &o);
	if (!status)
		status = inventory_read(&o, &ret->inventory);
	if (status)
		return status;
	err = take_devices(ret);
	if (!err)
		err = take_nodes(ret);
	if (!err)
		return STATUS_OK;
	fprintf(stderr, "vdevctl: %s: %s\n", name, strerror(-err));
	machine_free(ret);
	return STATUS_FAILED;
}

void machine_free(struct machine *m)
{
	inventory_free(&m->inventory);
	free(m->devices);
	free(m->distances);
	memset(m, 0, sizeof(*m));
}

uint32_t machine_find(const struct machine *m, uint64_t address)
{
	for (uint32_t i = 0; i < m->inventory.count; i++)
		if (m->devices[i].address == address)
			return i;
	return NO_NUMBER;
}
