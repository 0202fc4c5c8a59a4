/* SPDX-License-Identifier: BSD-3-Clause */
/* The BPF provider: brings the program into the kernel, or says why not. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "internal.h"

#define BTF "/sys/kernel/btf/vmlinux"

static int hushed(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

/* What people can do something about keeps its number; the kernel's others say little. */
static int refused(const struct vdev_bpfsource *b, const struct reason *r, int err,
		   const char *what)
{
	switch (err) {
	case -EPERM:
		return vdev__bpf_because(b, r, err,
					 "this process may not use BPF for tracing: it needs "
					 "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN");
	case -ENOSYS:
		return vdev__bpf_because(b, r, err, "this kernel has no bpf(2)");
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return vdev__bpf_because(b, r, err, "the program cannot be %s: %s", what,
					 strerror(-err));
	default:
		return vdev__bpf_because(b, r, -EOPNOTSUPP,
					 "the program cannot be %s, which needs Linux 5.18: %s",
					 what, strerror(-err));
	}
}

static int set_sizes(struct vdev_bpfsource *b)
{
	struct bpf_map *tids = bpf_object__find_map_by_name(b->object, "vdev_tids");
	struct bpf_map *places = bpf_object__find_map_by_name(b->object, "vdev_places");
	/* One more: the number of a dead thread may be there twice for a moment. */
	int err = bpf_map__set_max_entries(tids, b->vcpus + 1);

	return err ? err : bpf_map__set_max_entries(places, SLOT_FIRST + b->vcpus);
}

static int map_places(struct vdev_bpfsource *b)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (SLOT_FIRST + (size_t)b->vcpus) * sizeof(*b->places);
	int fd = bpf_object__find_map_fd_by_name(b->object, "vdev_places");
	void *at;

	size = (size + page - 1) & ~(page - 1);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	b->places = at;
	b->places_size = size;
	b->tids = bpf_object__find_map_fd_by_name(b->object, "vdev_tids");
	return 0;
}

static int load(struct vdev_bpfsource *b, const struct reason *r)
{
	int err;

	b->object = bpf_object__open_mem(vdev__bpf_program, vdev__bpf_program_size, NULL);
	if (!b->object)
		return refused(b, r, -errno, "read");
	err = set_sizes(b);
	if (!err)
		err = bpf_object__load(b->object);
	if (!err)
		err = map_places(b);
	if (err)
		return refused(b, r, err, "loaded");
	b->link = bpf_program__attach(bpf_object__find_program_by_name(b->object, "vdev_switch"));
	return b->link ? 0 : refused(b, r, -errno, "attached");
}

int vdev__bpf_load(struct vdev_bpfsource *b, const struct reason *r)
{
	libbpf_print_fn_t was;
	int err;

	if (access(BTF, R_OK))
		return vdev__bpf_because(b, r, -ENOENT,
					 "the kernel does not tell its types: " BTF ": %s",
					 strerror(errno));
	was = libbpf_set_print(hushed);
	err = load(b, r);
	libbpf_set_print(was);
	return err;
}

void vdev__bpf_unload(struct vdev_bpfsource *b)
{
	bpf_link__destroy(b->link);
	if (b->places)
		munmap(b->places, b->places_size);
	bpf_object__close(b->object);
}
