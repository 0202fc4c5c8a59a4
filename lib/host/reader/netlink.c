/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks the kernel's devlink for the versions of all devices. */
#include "reader.h"

#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MOST (16u << 20)
#define ROOM 65536u

struct request {
	struct nlmsghdr head;
	struct genlmsghdr generic;
	struct nlattr attr;
	char name[8];
};

struct answer {
	char *bytes;
	size_t size, room;
};

static bool add(struct answer *a, const char *bytes, size_t size)
{
	if (!a->bytes || size > a->room - a->size) {
		size_t room = 2 * (a->room + size);
		char *more = room > MOST ? NULL : realloc(a->bytes, room);

		if (!more)
			return false;
		a->bytes = more;
		a->room = room;
	}
	memcpy(a->bytes + a->size, bytes, size);
	a->size += size;
	return true;
}

/* 1: that was all; 0: go on; -1: an error. */
static int look(const char *bytes, size_t size)
{
	struct nlmsghdr h;

	for (size_t at = 0; at + sizeof(h) <= size; at += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, bytes + at, sizeof(h));
		if (h.nlmsg_type == NLMSG_ERROR || h.nlmsg_len < sizeof(h))
			return -1;
		if (h.nlmsg_type == NLMSG_DONE || !(h.nlmsg_flags & NLM_F_MULTI))
			return 1;
	}
	return 0;
}

/* Sends it and keeps all that comes back. */
static bool ask(int fd, const struct request *r, struct answer *a)
{
	static char buf[ROOM];

	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		return false;
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		int seen;

		if (n <= 0)
			return false;
		seen = look(buf, (size_t)n);
		if (seen < 0 || !add(a, buf, (size_t)n))
			return false;
		if (seen)
			return true;
	}
}

/* The number of the family "devlink"; 0: the kernel has none. */
static uint16_t family(int fd)
{
	struct request r = {
		.head = {sizeof(r), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0},
		.generic = {CTRL_CMD_GETFAMILY, 1, 0},
		.attr = {sizeof(r.attr) + sizeof(r.name), CTRL_ATTR_FAMILY_NAME},
		.name = "devlink",
	};
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;
	struct answer a = {0};
	uint16_t id = 0;

	if (ask(fd, &r, &a))
		while (at + NLA_HDRLEN + sizeof(id) <= a.size) {
			struct nlattr attr;

			memcpy(&attr, a.bytes + at, sizeof(attr));
			if (attr.nla_type == CTRL_ATTR_FAMILY_ID)
				memcpy(&id, a.bytes + at + NLA_HDRLEN, sizeof(id));
			if (attr.nla_type == CTRL_ATTR_FAMILY_ID || attr.nla_len < NLA_HDRLEN)
				break;
			at += NLA_ALIGN(attr.nla_len);
		}
	free(a.bytes);
	return id;
}

void *netlink_devlink(size_t *ret_size)
{
	struct request r = {
		.head = {NLMSG_HDRLEN + GENL_HDRLEN, 0, NLM_F_REQUEST | NLM_F_DUMP, 2, 0},
		.generic = {DEVLINK_CMD_INFO_GET, DEVLINK_GENL_VERSION, 0},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct timeval patience = {.tv_sec = 5};
	struct answer a = {0};

	*ret_size = 0;
	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r.head.nlmsg_type = family(fd);
	if (!r.head.nlmsg_type || !ask(fd, &r, &a)) {
		free(a.bytes);
		a = (struct answer){0};
	}
	close(fd);
	*ret_size = a.size;
	return a.bytes;
}
