/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of each kind, a receiver that holds its pages (a pipe, by vmsplice), and the writer of the
 * self-test, which is a vCPU where there is /dev/kvm and a thread otherwise.
 */
#ifndef TEST_PAGES_RIG_H
#define TEST_PAGES_RIG_H

#include "vt_test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include <vdev/pages.h>
#include <vdev/zerocopy.h>

#include "../../lib/linux/pages/writer.h"

#define PAGE 4096u
#define HUGE (2u << 20)
#define PRESERVE VDEV_ZEROCOPY_PRESERVE
#define RESET VDEV_ZEROCOPY_RESET
#define THREAD (-2) /* as kvm_fd of the writer */

struct rig {
	struct vt_env v;
	struct vdev_pages *p;
	uint8_t *mem;
	size_t size;
	int fd;
	int pipe[2];
	/* What fails, see rig_ioctl(). */
	_Atomic(unsigned long) fail_request;
	atomic_int fail_with;
	atomic_int fail_skip; /* so many go through first */
	atomic_int fail_times;
	_Atomic(unsigned long) ignore_request; /* answered by 0 without asking the kernel */
	atomic_int calls; /* of fail_request */
	atomic_uint slow_copy_us; /* UFFDIO_COPY takes so much longer */
};

static inline int rig_uffd_missing(void)
{
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .flags = VDEV_PAGES_UNTESTED,
					   .mechanism = VDEV_PAGES_UFFD,
					   .max_regions = 1,
					   .kvm_fd = -1};
	struct vdev_pages *p;
	int err = vdev_pages_new(&p, NULL, &config);

	if (err)
		fprintf(stderr, "skipped: userfaultfd cannot be used: %s\n", strerror(-err));
	else
		vdev_pages_free(p);
	return err != 0;
}

static inline int rig_ioctl(void *user, int fd, unsigned long request, void *argument)
{
	struct rig *r = user;

	if (request == r->ignore_request)
		return 0;
	if (request == UFFDIO_COPY && r->slow_copy_us)
		usleep(r->slow_copy_us);
	if (request == r->fail_request) {
		atomic_fetch_add(&r->calls, 1);
		if (atomic_fetch_sub(&r->fail_skip, 1) <= 0 &&
		    atomic_fetch_sub(&r->fail_times, 1) > 0)
			return r->fail_with;
	}
	return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

static inline void rig_open(struct rig *r, uint32_t mechanism)
{
	struct vdev_pages_config config = {.struct_size = sizeof(config),
					   .flags = VDEV_PAGES_UNTESTED,
					   .mechanism = mechanism,
					   .max_regions = 4,
					   .kvm_fd = -1,
					   .ioctl = rig_ioctl,
					   .user = r};

	assert_int_equal(vdev_pages_new(&r->p, &r->v.env, &config), 0);
}

static inline int rig_setup(void **state)
{
	static struct rig rig;

	memset(&rig, 0, sizeof(rig));
	vt_env_init(&rig.v);
	rig.fd = -1;
	assert_int_equal(pipe2(rig.pipe, O_NONBLOCK | O_CLOEXEC), 0);
	fcntl(rig.pipe[1], F_SETPIPE_SZ, 1 << 20);
	*state = &rig;
	return 0;
}

/* Object and memory: for the next round. */
static inline void rig_forget(struct rig *r)
{
	vdev_pages_free(r->p);
	if (r->mem)
		munmap(r->mem, r->size);
	if (r->fd >= 0)
		close(r->fd);
	r->p = NULL;
	r->mem = NULL;
	r->fd = -1;
}

static inline int rig_teardown(void **state)
{
	struct rig *r = *state;

	rig_forget(r);
	close(r->pipe[0]);
	close(r->pipe[1]);
	return vt_env_check(&r->v);
}

/* 0, or -errno: hugetlb without free pages. */
static inline int rig_memory(struct rig *r, uint32_t kind, size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *mem;

	r->size = size;
	if (kind != VDEV_PAGES_ANON) {
		r->fd = memfd_create("rig", kind == VDEV_PAGES_HUGETLB ? MFD_HUGETLB : 0);
		if (r->fd < 0)
			return -errno;
		assert_int_equal(ftruncate(r->fd, (off_t)size), 0);
		flags = MAP_SHARED;
	}
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, r->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	r->mem = mem;
	return 0;
}

static inline struct vdev_pages_region rig_region(const struct rig *r, uint32_t kind,
						  uint32_t flags)
{
	return (struct vdev_pages_region){.struct_size = sizeof(struct vdev_pages_region),
					  .flags = flags,
					  .kind = kind,
					  .fd = r->fd,
					  .size_bytes = r->size,
					  .host_address = (uint64_t)(uintptr_t)r->mem};
}

static inline void rig_add(struct rig *r, uint32_t kind, uint32_t flags)
{
	struct vdev_pages_region region = rig_region(r, kind, flags);

	assert_int_equal(vdev_pages_add(r->p, &region), 0);
}

/* Memory of the kind, in an object of the mechanism, at guest address 0. */
static inline void rig_make(struct rig *r, uint32_t mechanism, uint32_t kind, size_t size)
{
	rig_open(r, mechanism);
	assert_int_equal(rig_memory(r, kind, size), 0);
	rig_add(r, kind, 0);
}

static inline int rig_offline(struct rig *r, uint64_t address, uint64_t bytes, uint32_t mode)
{
	struct vdev_pages_range range = {
		.guest_address = address, .size_bytes = bytes, .mode = mode};
	int status = 1, good = vdev_pages_offline(r->p, &range, 1, &status);

	assert_int_equal(good, status == 0);
	return status;
}

static inline void rig_hold(struct rig *r, uint64_t at, size_t bytes)
{
	struct iovec v = {r->mem + at, bytes};

	assert_int_equal(vmsplice(r->pipe[1], &v, 1, SPLICE_F_NONBLOCK), bytes);
}

static inline uint64_t count_other(const uint8_t *page, size_t bytes, uint8_t value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n += page[i] != value;
	return n;
}

/* Bytes that the receiver gets and that are not `old`. */
static inline uint64_t rig_wrong(struct rig *r, size_t bytes, uint8_t old)
{
	uint8_t page[PAGE];
	uint64_t wrong = 0;

	for (size_t done = 0; done < bytes; done += PAGE) {
		assert_int_equal(read(r->pipe[0], page, PAGE), PAGE);
		wrong += count_other(page, PAGE, old);
	}
	return wrong;
}

static inline struct vdev_pages_stats rig_stats(struct rig *r)
{
	struct vdev_pages_stats s;

	assert_int_equal(vdev_pages_stats(r->p, &s, sizeof(s)), 0);
	return s;
}

/* The counter follows the page by a moment. */
static inline uint64_t rig_filled(struct rig *r, uint64_t expected)
{
	for (int i = 0; i < 1000 && rig_stats(r).filled < expected; i++)
		usleep(1000);
	return rig_stats(r).filled;
}

static inline struct vdev_pages_info rig_info(struct rig *r)
{
	struct vdev_pages_info info;

	assert_int_equal(vdev_pages_get(r->p, 0, &info, sizeof(info)), 0);
	return info;
}

static inline void rig_reason(struct rig *r, const char *part)
{
	char text[256];

	assert_true(vdev_pages_reason(r->p, text, sizeof(text)) > 0);
	if (!strstr(text, part))
		fail_msg("the reason is \"%s\", not \"%s\"", text, part);
}

/* Not by libc: sanitizers replace mlock() by nothing. */
static inline void rig_lock(const void *address, size_t bytes)
{
	assert_int_equal(syscall(SYS_mlock, address, bytes), 0);
}

/* Mappings of this memory; what a sanitizer maps meanwhile is its own affair. */
static inline uint32_t rig_vmas(const void *memory, uint64_t bytes)
{
	uint64_t first = (uint64_t)(uintptr_t)memory, begin, end;
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	uint32_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &begin, &end) == 2)
			n += begin < first + bytes && end > first;
	fclose(f);
	assert_true(n > 0);
	return n;
}

/*
 * Writes a setting of the kernel, unless value is NULL; 0 or -errno. Reads the old one before, if
 * there is room for it.
 */
static inline int rig_setting(const char *path, const char *value, char *old, size_t size)
{
	int fd = open(path, (value ? O_RDWR : O_RDONLY) | O_CLOEXEC), err = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	if (old) {
		got = read(fd, old, size - 1);
		old[got > 0 ? got : 0] = '\0';
		lseek(fd, 0, SEEK_SET);
	}
	if (value && write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

#endif
