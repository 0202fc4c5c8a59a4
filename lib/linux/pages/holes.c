/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of a region has contents: the whole VM's memory is preserved without touching what the guest
 * never touched. Files know by SEEK_DATA, private memory by /proc/self/pagemap (present or swapped:
 * Documentation/admin-guide/mm/pagemap.rst).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "internal.h"

#define ENTRIES 512
#define HAS_CONTENTS (UINT64_C(3) << 62)

void vdev__holes_open(struct holes *h, const struct region *r)
{
	char path[64];

	*h = (struct holes){.region = r, .fd = -1, .file = r->r.fd >= 0};
	if (r->r.kind == VDEV_PAGES_ANON) {
		h->fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	} else if (h->file && !r->moved_count) {
		/* A description of its own: the position of the caller's is not touched. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", r->r.fd);
		h->fd = open(path, O_RDONLY | O_CLOEXEC);
	}
}

void vdev__holes_close(struct holes *h)
{
	if (h->fd >= 0)
		close(h->fd);
}

static int next_of_file(const struct holes *h, uint64_t host, uint64_t end, struct span *s)
{
	const struct region *r = h->region;
	uint64_t base = r->r.host_address - r->r.fd_offset, mask = ~(r->granule - 1);
	off_t data = lseek(h->fd, (off_t)(host - base), SEEK_DATA);
	off_t hole = data < 0 ? -1 : lseek(h->fd, data, SEEK_HOLE);

	if (data < 0 && errno == ENXIO)
		return 0;
	if (data < 0 || hole < 0) { /* it cannot tell */
		*s = (struct span){.begin = host, .end = end};
		return 1;
	}
	s->begin = ((uint64_t)data + base) & mask;
	s->end = ((uint64_t)hole + base + ~mask) & mask;
	if (s->end > end)
		s->end = end;
	return s->begin < end;
}

static int next_of_pagemap(const struct holes *h, uint64_t host, uint64_t end, struct span *s)
{
	uint64_t entries[ENTRIES], at = host;
	int inside = 0;

	while (at < end) {
		uint64_t want = (end - at) / VDEV__PAGES_PAGE, i;
		ssize_t got;

		if (want > ENTRIES)
			want = ENTRIES;
		got = pread(h->fd, entries, want * 8, (off_t)(at / VDEV__PAGES_PAGE * 8));
		if (got < (ssize_t)(want * 8)) {
			*s = (struct span){.begin = inside ? s->begin : at, .end = end};
			return 1;
		}
		for (i = 0; i < want; i++, at += VDEV__PAGES_PAGE) {
			int has = (entries[i] & HAS_CONTENTS) != 0;

			if (has && !inside)
				s->begin = at;
			if (!has && inside)
				break;
			inside = has;
		}
		if (i < want)
			break;
	}
	s->end = at;
	return inside;
}

int vdev__holes_next(const struct holes *h, uint64_t host, struct span *ret_span)
{
	uint64_t end = h->region->r.host_address + h->region->r.size_bytes;

	if (host >= end)
		return 0;
	if (h->fd < 0) {
		*ret_span = (struct span){.begin = host, .end = end};
		return 1;
	}
	return h->file ? next_of_file(h, host, end, ret_span)
		       : next_of_pagemap(h, host, end, ret_span);
}
