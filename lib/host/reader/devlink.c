/* SPDX-License-Identifier: BSD-3-Clause */
/* Versions that run on a device, out of devlink's answers. Pure. */
#include "reader.h"

#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

struct attr {
	uint16_t type;
	const void *data;
	size_t size;
};

/* 1: the next attribute; 0: no more; -1: damaged. */
static int next(const char **at, const char *end, struct attr *ret)
{
	struct nlattr a;

	if (end - *at < (long)sizeof(a))
		return 0;
	memcpy(&a, *at, sizeof(a));
	if (a.nla_len < sizeof(a) || a.nla_len > (size_t)(end - *at))
		return -1;
	ret->type = a.nla_type & NLA_TYPE_MASK;
	ret->data = *at + sizeof(a);
	ret->size = a.nla_len - sizeof(a);
	*at += (size_t)NLA_ALIGN(a.nla_len) < (size_t)(end - *at) ? (size_t)NLA_ALIGN(a.nla_len)
								  : (size_t)(end - *at);
	return 1;
}

static bool version(struct devlink_device *d, const char *at, const char *end)
{
	struct wire_version v;
	struct attr a;
	int n;

	memset(&v, 0, sizeof(v));
	while ((n = next(&at, end, &a)) > 0) {
		if (a.type == DEVLINK_ATTR_INFO_VERSION_NAME)
			clean_text(v.name, sizeof(v.name), a.data, a.size);
		else if (a.type == DEVLINK_ATTR_INFO_VERSION_VALUE)
			clean_text(v.value, sizeof(v.value), a.data, a.size);
	}
	if (n < 0 || !v.name[0])
		return false;
	if (d->count < WIRE_VERSIONS)
		d->versions[d->count++] = v;
	else
		d->more = true;
	return true;
}

/* What runs, and the board; never VERSION_STORED, which is what will run after the next start. */
static bool info(struct devlink_device *d, const char *at, const char *end, bool *ret_is_pci)
{
	char bus[8] = "", name[32] = "";
	bool ok = true;
	struct attr a;
	int n;

	memset(d, 0, sizeof(*d));
	while (ok && (n = next(&at, end, &a)) != 0) {
		if (n < 0)
			return false;
		if (a.type == DEVLINK_ATTR_BUS_NAME)
			clean_text(bus, sizeof(bus), a.data, a.size);
		else if (a.type == DEVLINK_ATTR_DEV_NAME)
			clean_text(name, sizeof(name), a.data, a.size);
		else if (a.type == DEVLINK_ATTR_INFO_VERSION_RUNNING ||
			 a.type == DEVLINK_ATTR_INFO_VERSION_FIXED)
			ok = version(d, a.data, (const char *)a.data + a.size);
	}
	*ret_is_pci = strcmp(bus, "pci") == 0 && address_parse(name, &d->domain, &d->address);
	return ok;
}

static bool keep(struct devlink *list, const struct devlink_device *d)
{
	if (list->count == list->room) {
		uint32_t room = list->room ? 2 * list->room : 16;
		struct devlink_device *more = NULL;

		if (list->count < READER_DEVICES)
			more = realloc(list->devices, room * sizeof(*more));
		if (!more)
			return false;
		list->devices = more;
		list->room = room;
	}
	list->devices[list->count++] = *d;
	return true;
}

static bool message(struct devlink *list, const struct nlmsghdr *h, const char *data)
{
	struct devlink_device d;
	bool is_pci = false;

	if (h->nlmsg_type < NLMSG_MIN_TYPE)
		return true; /* DONE, or an error: netlink.c has looked at it */
	if (h->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return false;
	if (!info(&d, data + NLMSG_HDRLEN + GENL_HDRLEN, data + h->nlmsg_len, &is_pci))
		return false;
	return !is_pci || keep(list, &d);
}

bool devlink_parse(struct devlink *d, const void *messages, size_t size)
{
	const char *p = messages;

	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		size_t step;

		memcpy(&h, p, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > size)
			return false;
		if (!message(d, &h, p))
			return false;
		step = NLMSG_ALIGN(h.nlmsg_len);
		if (step >= size)
			return true;
		p += step;
		size -= step;
	}
	return size == 0;
}

void devlink_give(const struct devlink *d, struct wire_device *device)
{
	for (uint32_t i = 0; i < d->count; i++) {
		const struct devlink_device *from = &d->devices[i];

		if (from->domain != device->domain || from->address != device->address)
			continue;
		device->version_count = from->count;
		memcpy(device->versions, from->versions, sizeof(device->versions));
		if (from->more)
			device->flags |= WIRE_MORE_VERSIONS;
	}
}

void devlink_free(struct devlink *d)
{
	free(d->devices);
}
