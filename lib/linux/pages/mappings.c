/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel says about the mappings of a region (Documentation/filesystems/proc.rst, smaps),
 * and what rule Z12 refuses: memory whose pages cannot be taken out, or are somebody else's
 * business.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

struct vma {
	uint64_t begin, end, offset, inode;
	char perms[5];
	uint8_t guest_memfd;
	uint8_t hugetlb;
};

static int parse_head(const char *line, struct vma *v)
{
	uint64_t begin = 0, end = 0, offset = 0, inode = 0;
	char perms[5] = "";

	/* Out of range it cannot be: the kernel wrote it. NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64, &begin, &end,
		   perms, &offset, &inode) != 5)
		return 0;
	*v = (struct vma){.begin = begin, .end = end, .offset = offset, .inode = inode};
	memcpy(v->perms, perms, sizeof(perms));
	v->guest_memfd = strstr(line, "kvm-gmem") || strstr(line, "guest_memfd");
	return 1;
}

#define REFUSE(err, ...) vdev__pages_because(p, err, "region 0x%" PRIx64 ": " __VA_ARGS__)

static int flag(const char *flags, const char *name)
{
	return strstr(flags, name) != NULL;
}

/* The flags of VmFlags stand apart from each other by spaces. */
static int check_flags(struct vdev_pages *p, const struct vdev_pages_region *r, struct vma *v,
		       const char *flags, struct mappings *m)
{
	uint64_t at = r->guest_address;

	v->hugetlb = flag(flags, " ht");
	m->huge_advised |= flag(flags, " hg");
	m->dontfork &= flag(flags, " dc");
	if (flag(flags, " um") || flag(flags, " uw") || flag(flags, " ui"))
		return REFUSE(-EBUSY, "a userfaultfd watches it already; two cannot", at);
	if (flag(flags, " lo"))
		return REFUSE(-EOPNOTSUPP, "it is locked (mlock); unlock it first", at);
	if (flag(flags, " pf") || flag(flags, " io"))
		return REFUSE(-EOPNOTSUPP, "it is a device's, not RAM", at);
	return 0;
}

static int check_file(struct vdev_pages *p, const struct vdev_pages_region *r, const struct vma *v)
{
	uint64_t at = r->guest_address;
	uint64_t first = v->begin > r->host_address ? v->begin : r->host_address;
	struct stat st = {0};

	if (v->perms[3] != 's')
		return REFUSE(-EOPNOTSUPP, "private pages of a file; map it MAP_SHARED", at);
	if (fstat(r->fd, &st))
		return REFUSE(-EINVAL, "fd %" PRId32 ": %s", at, r->fd, strerror(errno));
	if (st.st_ino != v->inode ||
	    first - v->begin + v->offset != first - r->host_address + r->fd_offset)
		return REFUSE(-EFAULT, "0x%" PRIx64 " maps another file or offset than fd %" PRId32,
			      at, first, r->fd);
	return 0;
}

static int check_kind(struct vdev_pages *p, const struct vdev_pages_region *r, const struct vma *v)
{
	uint64_t at = r->guest_address;

	if (v->guest_memfd)
		return REFUSE(-EOPNOTSUPP, "guest_memfd: its pages cannot be replaced", at);
	if (v->perms[0] != 'r' || v->perms[1] != 'w')
		return REFUSE(-EFAULT, "0x%" PRIx64 " is not readable and writable", at, v->begin);
	if (v->hugetlb != (r->kind == VDEV_PAGES_HUGETLB))
		return REFUSE(-EFAULT, "huge pages of hugetlb and VDEV_PAGES_HUGETLB go together",
			      at);
	if (r->fd >= 0)
		return check_file(p, r, v);
	if (v->perms[3] == 's')
		return REFUSE(-EFAULT, "shared memory needs its file descriptor", at);
	if (v->inode && r->kind == VDEV_PAGES_ANON)
		return REFUSE(-EOPNOTSUPP, "private pages of a file; map it MAP_SHARED", at);
	return 0;
}

/* The number in kB after this name; 0: another line, or none. */
static uint64_t field(const char *line, const char *name)
{
	size_t length = strlen(name);

	return strncmp(line, name, length) == 0 ? strtoull(line + length, NULL, 10) : 0;
}

/* One line of smaps; v is the mapping that it is about. */
static int look_at(struct vdev_pages *p, const struct vdev_pages_region *r, const char *line,
		   struct vma *v, struct mappings *m)
{
	uint64_t kib;
	int err;

	if (parse_head(line, v) || v->begin >= r->host_address + r->size_bytes ||
	    v->end <= r->host_address)
		return 0;
	kib = field(line, "KernelPageSize:");
	if (kib * 1024 > m->page_bytes)
		m->page_bytes = kib * 1024;
	if (field(line, "ShmemPmdMapped:") || field(line, "FilePmdMapped:"))
		m->huge_mapped = 1;
	if (strncmp(line, "VmFlags:", 8) != 0)
		return 0;
	err = check_flags(p, r, v, line, m);
	return err ? err : check_kind(p, r, v);
}

int vdev__pages_look(struct vdev_pages *p, const struct vdev_pages_region *r, struct mappings *ret)
{
	struct mappings m = {.page_bytes = VDEV__PAGES_PAGE, .dontfork = 1};
	uint64_t seen = r->host_address, end = r->host_address + r->size_bytes;
	struct vma v = {.begin = UINT64_MAX};
	const char *line;
	struct lines l;
	int err = vdev__lines_open(&l, "/proc/self/smaps");

	if (err)
		return REFUSE(err, "/proc/self/smaps: %s", r->guest_address, strerror(-err));
	while (!err && (line = vdev__lines_next(&l)) && (v.begin < end || v.begin == UINT64_MAX)) {
		err = look_at(p, r, line, &v, &m);
		if (v.begin <= seen && v.end > seen)
			seen = v.end;
	}
	vdev__lines_close(&l);
	if (!err && seen < end)
		err = REFUSE(-EFAULT, "nothing is mapped at 0x%" PRIx64, r->guest_address, seen);
	if (!err)
		*ret = m;
	return err;
}
